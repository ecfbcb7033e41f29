/*
 * The handler's side of a request, for other parts of the FFI thread's side.
 */
#ifndef FERRY_FFI_CALL_H
#define FERRY_FFI_CALL_H

#include "ffi/worker.h"

/*
 * Whether the caller is in that call's handler, on its own thread: *out is the
 * worker. FERRY_ETHREAD, FERRY_ESTALE (also: answered and returned),
 * FERRY_EINVAL, FERRY_EFORKED.
 */
int ferry__call_in_handler(struct worker **out, ferry_call call);

/*
 * FFI thread: the call in hand will be answered later. `more` are flags to be
 * set with CLAIM_DEFERRED. Adds a reference for the heartbeat, which names the
 * node until the handler returns. Returns the claim as it was.
 */
uint64_t ferry__call_defer(struct worker *w, struct node *n, uint64_t more);

/* Takes the hook back; waits for one that is running. FERRY_ECANCELED: one
 * was, or might have been. */
int ferry__call_clear_hook(struct node *n);

/* The handler has returned, or ended its thread: what it has pushed is popped.
 * This and the next: only if w->scoped. */
void ferry__call_end_scopes(struct worker *w);

/* A strand suspends, and takes its scopes with it … */
void ferry__call_keep_scopes(struct worker *w, struct strand *s);

/* … and goes on with them: in place of the beat. Only if it has any to keep. */
void ferry__call_resume_scopes(struct worker *w, struct strand *s);

#endif
