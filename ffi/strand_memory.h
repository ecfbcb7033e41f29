/*
 * A context's memory for strands.
 */
#ifndef FERRY_FFI_STRAND_MEMORY_H
#define FERRY_FFI_STRAND_MEMORY_H

#include "ffi/strand.h"

void ferry__strand_open(struct strands *all, size_t stack_size,
    uint64_t memory_most, uint32_t most);

/* With none left. */
void ferry__strand_close(struct strands *all);

/* One that has a stack, and is not otherwise filled in; NULL: no memory. */
struct strand *ferry__strand_take_memory(struct strands *all);

/* What lies on its stack, and in its arena, is void from here on. */
void ferry__strand_give_memory(struct strands *all, struct strand *s);

/* Before a sleep: looks how deep the stacks have been, as long as stirs(arg)
 * is false, and gives pages back. Whether there are so many stacks that some
 * may be too many. */
bool ferry__strand_rest(
    struct strands *all, bool (*stirs)(void *), void *arg);

/* Some of what has not been used since the stacks' watch(); true: not all. */
bool ferry__strand_trim(struct strands *all);

/*
 * The rest for all of a worker's; and unmaps what has not been used for long,
 * as long as stirs(w) is false. Returns when it would look again, at the
 * latest: OS_NEVER, but for some time after a burst.
 */
uint64_t ferry__strand_rest_all(struct worker *w, bool (*stirs)(void *));

#endif
