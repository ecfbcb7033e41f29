/*
 * Handles: objects of the library that callers hold by token.
 *
 * Owned by the FFI thread: made in a handler, used in handlers, destroyed on
 * it. Only the release comes from elsewhere: it revokes the token, which one
 * releaser wins, and posts the handle's own job to the inner lane.
 *
 * A release is what finalizers call: on any thread at any moment, one that was
 * never here, one that is ending, in a signal handler that has interrupted this
 * very function. So it takes no lock, waits for nobody, allocates nothing, and
 * leaves the thread's own words alone: two loads, a compare-and-swap, a push, a
 * look at the park word.
 *
 * Proof of "once". Both a release and the close revoke the token before they
 * go on, and one of them wins it. If the release does, its job is run by the
 * FFI thread, and by that alone the object is destroyed; unless the close, on
 * the same thread, came first: it destroys whatever is in its list and marks
 * it, and the job finds the mark and frees the handle only. If the close wins,
 * nobody posts. The handle is used again when it is freed, so never while a
 * job is on its way, also when that is late: posted after its context, or its
 * worker, has begun another life.
 */
#ifndef FERRY_FFI_HANDLE_H
#define FERRY_FFI_HANDLE_H

#include "ffi/context.h"

/* FFI thread: destroys what is left, before fini. May be called again if a
 * destroy ended the thread. */
void ferry__handle_destroy_all(struct worker *w, struct context *c);

/* A destroy has ended the thread: what is left to do for its handle. */
void ferry__handle_mend(struct worker *w);

/* In a forked child: see forked.c. */
void ferry__handle_forked(void);

#endif
