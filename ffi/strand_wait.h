/*
 * What every wait of a strand is made of; see strand.h.
 */
#ifndef FERRY_FFI_STRAND_WAIT_H
#define FERRY_FFI_STRAND_WAIT_H

#include "ffi/strand.h"

/* The strand whose code is running on this thread, on the strand's own stack;
 * NULL: none. */
struct strand *ferry__strand_current(void);

/* Its request is to end, and the strand is to hear of it. */
bool ferry__strand_is_unwanted(const struct strand *s);

/* Before each wait: FERRY_OK, or FERRY_ECANCELED. */
int ferry__strand_may_wait(struct strand *s);

/* When its wait is to be withdrawn; OS_NEVER: never. */
void ferry__strand_set_timer(struct strand *s, uint64_t deadline_ns);

/* Leaves the thread to others; `what` and the time are for the registry.
 * Returns FERRY_OK: what was waited for has come; or why the wait was
 * withdrawn. */
int ferry__strand_suspend(struct strand *s, enum registry_state state,
    uint64_t what, uint64_t now_ns);

/* For wake.job. */
void ferry__strand_woken(struct worker *w, struct job *j);

#endif
