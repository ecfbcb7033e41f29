/*
 * Waiting that could close a circle: what an emit that waits for room shares
 * with the waits for replies; see wait.c.
 */
#ifndef FERRY_FFI_WAIT_H
#define FERRY_FFI_WAIT_H

#include "ffi/node.h"
#include "ffi/self.h"

/* This thread is about to wait until that one changes `room` from `seen`;
 * FERRY_EDEADLK: it must not. Does nothing on threads that are not Ferry's, for
 * whom nobody can wait. `room` is never freed. */
int ferry__wait_block(struct waits *on, atom32 *room, uint32_t seen);
void ferry__wait_unblock(void);

/*
 * A strand's wait for a request, in steps, on its FFI thread. claim() keeps
 * other waiters away, until end(). announce() says whom the replier shall wake;
 * false: the reply is there. withdraw() takes that back; false: the job is on
 * its way, or has run.
 */
int ferry__wait_claim(struct node **out, ferry_request request);
bool ferry__wait_is_done(struct node *n);
bool ferry__wait_announce(struct node *n, struct awaiter *a);
bool ferry__wait_withdraw(struct node *n);

/* FERRY_OK: takes the reply. Otherwise it can be waited for again. */
void ferry__wait_end(ferry_reply *out, struct node *n, int r);

#endif
