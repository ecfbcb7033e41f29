/*
 * Ending a request from outside: cancel, and a close that does not wait.
 */
#ifndef FERRY_FFI_CANCEL_H
#define FERRY_FFI_CANCEL_H

#include "ffi/context.h"

/* By token, from ferry_request_cancel() or a deadline; its return values. */
int ferry__cancel_request(uint64_t token);

/*
 * A closing context that starts nothing more (FERRY_CLOSE_CANCEL), in two
 * walks with a heavy barrier between: the first marks every unfinished request
 * as cancelled, the second answers the queued ones FERRY_ECLOSED, unless they
 * have a callback (the FFI thread answers those), and runs the hooks of the
 * running ones. For ferry__node_each().
 */
void ferry__cancel_mark(struct node *n, void *context);
void ferry__cancel_closing(struct node *n, void *context);

/*
 * An abandoned close, in two walks again: the first marks every unfinished
 * request, the second answers it FERRY_ECLOSED. Counts into the context.
 */
void ferry__cancel_mark_closed(struct node *n, void *context);
void ferry__cancel_abandon(struct node *n, void *context);

/* FFI thread, at its finish: waits until a running hook has ended. */
void ferry__cancel_await_hook(struct node *n);

#endif
