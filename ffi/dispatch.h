/*
 * Running requests: the FFI thread's side of their path.
 */
#ifndef FERRY_FFI_DISPATCH_H
#define FERRY_FFI_DISPATCH_H

#include "ffi/worker.h"

/* Runs w->batch, oldest first; what is left of it is in the worker at any
 * time, so that a successor of this thread can go on. */
void ferry__dispatch_batch(struct worker *w);

/* Sends home the chains that are in the making. */
void ferry__dispatch_flush(struct worker *w);

/* A handler has ended the thread: answers the call in hand FERRY_ELOST. */
void ferry__dispatch_mend(struct worker *w);

#endif
