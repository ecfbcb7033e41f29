/*
 * The caller's side of a request; what cancel and close share of it.
 */
#ifndef FERRY_FFI_REQUEST_H
#define FERRY_FFI_REQUEST_H

#include "ffi/context.h"

/* The node that a token may name, without a look at its generation:
 * FERRY_EINVAL (not a token of that kind), FERRY_ESTALE (never used),
 * FERRY_EFORKED. Enters this process: fork.h. */
int ferry__request_node(
    struct node **out, uint64_t token, enum token_kind kind);

/* Law 4, for a submit to a context from this thread. `blocking`: somebody
 * will wait for it, or it is meant to be waited for. */
int ferry__request_may_submit(struct context *c, bool blocking);

#endif
