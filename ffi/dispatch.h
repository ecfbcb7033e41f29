/*
 * Running requests: the FFI thread's side of their path.
 */
#ifndef FERRY_FFI_DISPATCH_H
#define FERRY_FFI_DISPATCH_H

#include "ffi/worker.h"

#define DISPATCH_RECENT 4096u /* entries of w->recent */

/* Takes a list apart that was taken from a shard, newest first. */
void ferry__dispatch_load(
    struct worker *w, struct context *c, struct link *newest);

/* Runs what was loaded, oldest first; what is left of it is in the worker at
 * any time, so that a successor of this thread can go on. */
void ferry__dispatch_batch(struct worker *w);

/* Sends home the chains that are in the making. */
void ferry__dispatch_flush(struct worker *w);

/* A handler of this context has ended the thread: what that is to mean. */
void ferry__dispatch_lost_in(struct context *c);

/* A handler has ended the thread: answers the call in hand FERRY_ELOST. */
void ferry__dispatch_mend(struct worker *w);

#endif
