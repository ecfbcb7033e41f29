/*
 * Handles: objects of the library that callers hold by token.
 *
 * Owned by the FFI thread: made in a handler, used in handlers, destroyed on
 * it. Only the release comes from elsewhere: it revokes the token, which one
 * releaser wins, and posts the handle's own job to the inner lane.
 */
#ifndef FERRY_FFI_HANDLE_H
#define FERRY_FFI_HANDLE_H

#include "ffi/context.h"

/* FFI thread: destroys what is left, before fini. May be called again if a
 * destroy ended the thread. */
void ferry__handle_destroy_all(struct worker *w, struct context *c);

/* A destroy has ended the thread: what is left to do for its handle. */
void ferry__handle_mend(struct worker *w);

#endif
