/*
 * What can hold up a worker besides the library it calls, and is told of, or
 * seen, without the help of who is held up: a wait for room in an event queue,
 * a cancel hook that does not return, a wake-up that was lost.
 */
#ifndef FERRY_FFI_STUCK_H
#define FERRY_FFI_STUCK_H

#include "event/verdict.h"
#include "ffi/context.h"
#include "ffi/worker.h"

/* What Ferry knows of where the FFI thread is; with the request whose hook it
 * waits for in *out_request, or 0. Holds for the beat that is the same before
 * and after. */
enum verdict_wait ferry__stuck_waits(
    const struct worker *w, uint64_t *out_request);

/* Likewise, if it waits for room, what keeps that from being made: a listener
 * (IN_EMIT), a cancel hook, or neither; NOT_OURS where it waits for none. */
enum verdict_wait ferry__stuck_room(
    struct awaited_room *out, const struct worker *w);

/* FFI thread, or any: it begins to wait for that request's hook, and has
 * ended to. Elsewhere than on an FFI thread that is nobody's business. */
void ferry__stuck_await_hook(uint64_t request);
void ferry__stuck_hook_awaited(void);

/*
 * An emit's wait for room, as event_ops.block says. An FFI thread looks after
 * its own event thread meanwhile, once a tick, as it does between requests.
 */
int ferry__stuck_block(struct waits *on, atom32 *room, uint32_t seen);
void ferry__stuck_unblock(void);

/* A thread that runs a hook, of a started call. */
struct stuck_hook {
	struct hook_slot *slot;
	struct event_thread *thread; /* it is this event thread, or NULL … */
	uint32_t state;              /* … which did this before */
};

void ferry__stuck_enter_hook(
    struct stuck_hook *out, struct context *c, struct node *n);
void ferry__stuck_leave_hook(const struct stuck_hook *h, struct context *c);

/*
 * Somebody has found requests queued while the beat was `word`, IDLE, and no
 * other since: for how long the worker has slept though there are some, at
 * least, in nanoseconds; since the first who found this and asked here.
 */
uint64_t ferry__stuck_lost(struct worker *w, uint64_t word);

/* Whether the FFI thread is in a doorbell function; as above. */
bool ferry__stuck_rings(const struct worker *w);

/* FFI thread: whatever its predecessor waited for, it does no more. */
void ferry__stuck_mend(struct worker *w);

#endif
