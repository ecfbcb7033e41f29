/*
 * What can hold up a worker; see stuck.h.
 *
 * Threads: each function says whose it is. Nothing here takes a lock.
 */
#include "ffi/stuck.h"

#include "ffi/self.h"
#include "ffi/wait.h"
#include "ffi/watch.h"

#define TICK_LEAST 5000000u    /* as the event thread's */
#define TICK_MOST  1000000000u

/* ------------------------------------------------------ what it waits for */

enum verdict_wait
ferry__stuck_waits(const struct worker *w, uint64_t *out_request)
{
	/* pair(waits) acquire, both: what is seen here is of no later beat
	 * than the caller's next look at it, and of no earlier one than its
	 * last, which acquires too. */
	*out_request = atom64_load_acquire(&w->awaited_hook);
	if (*out_request != 0)
		return VERDICT_IN_HOOK;
	/* pair(waits) acquire. */
	return atomp_load_acquire(&w->emitting) != NULL ? VERDICT_IN_EMIT
	                                                : VERDICT_NOT_OURS;
}

/* The event thread may be between two calls of a listener. That one has left
 * it for the latter half of the wait says that something else is to blame: an
 * inbox that has no room. */
static bool
listens(struct awaited_room *out, const struct event_thread *t,
    uint64_t waits_since)
{
	/* pair(listening) acquire: since when, and its name. */
	bool inside = atom64_load_acquire(&t->listening) != 0;
	uint64_t since = atom64_load_relaxed(&t->listening_since);
	uint64_t left = atom64_load_relaxed(&t->listened_ns);
	uint64_t now = ferry__os_now_ns();

	out->listens = inside ||
	    (left > waits_since && now - left < left - waits_since);
	if (!out->listens)
		return false;
	out->listener = atomp_load_relaxed(&t->listening_name);
	out->listens_ns = inside && now > since ? now - since : 0;
	return true;
}

enum verdict_wait
ferry__stuck_room(struct awaited_room *out, const struct worker *w)
{
	/* pair(waits) acquire. A worker's memory is for ever. */
	const struct event_thread *t = atomp_load_acquire(&w->emitting);

	*out = (struct awaited_room){ .context = 0 };
	if (t == NULL)
		return VERDICT_NOT_OURS;
	out->context = atom64_load_relaxed(&w->emits_to);
	/* Relaxed: what it does just now. A hook that a listener runs is what
	 * holds both. */
	if (atom32_load_relaxed(&t->state) == FERRY_THREAD_IN_CANCEL_HOOK)
		return VERDICT_IN_HOOK;
	return listens(out, t, atom64_load_relaxed(&w->emits_since))
	    ? VERDICT_IN_EMIT
	    : VERDICT_FOR_ROOM;
}

bool
ferry__stuck_rings(const struct worker *w)
{
	/* pair(waits) acquire. */
	return atom32_load_acquire(&w->waits.ringing) != 0;
}

void
ferry__stuck_await_hook(uint64_t request)
{
	if (ferry__self.worker != NULL)
		/* pair(waits) release: the beat that names the call. */
		atom64_store_release(
		    &ferry__self.worker->awaited_hook, request);
}

void
ferry__stuck_hook_awaited(void)
{
	if (ferry__self.worker != NULL)
		/* pair(waits) release. */
		atom64_store_release(&ferry__self.worker->awaited_hook, 0);
}

void
ferry__stuck_mend(struct worker *w)
{
	/* pair(waits) release, each. */
	atom64_store_release(&w->awaited_hook, 0);
	/* pair(waits) release. */
	atomp_store_release(&w->emitting, NULL);
	/* pair(waits) release. */
	atom32_store_release(&w->waits.ringing, 0);
}

/* ------------------------------------------------------- waiting for room */

/* The most impatient context's; OS_NEVER: none wants to be told anything. */
static uint64_t
tick_ns(const struct worker *w)
{
	uint32_t tick = 0;
	uint64_t ns;

	for (const struct context *c = w->contexts; c != NULL; c = c->next)
		if (c->source.tick_ms != 0 &&
		    (tick == 0 || c->source.tick_ms < tick))
			tick = c->source.tick_ms;
	if (tick == 0)
		return OS_NEVER;
	ns = tick * UINT64_C(1000000);
	if (ns > TICK_MOST)
		return TICK_MOST;
	return ns < TICK_LEAST ? TICK_LEAST : ns;
}

/* Until there may be room, or it is time to look again. */
static void
sleep_for_room(const struct worker *w, atom32 *room, uint32_t seen)
{
	uint64_t tick = tick_ns(w);

	ferry__os_wait(room, seen,
	    tick == OS_NEVER ? OS_NEVER : ferry__os_now_ns() + tick);
}

/* It waits: what is said of it, once an emit. */
static void
begin_emitting(struct worker *w, struct waits *on, atom32 *room)
{
	/* Relaxed, all but the last: this thread's; what belongs to that. */
	if (atomp_load_relaxed(&w->emitting) != NULL)
		return;
	atom64_store_relaxed(&w->emits_to,
	    container_of(room, struct source, room)->context);
	atom64_store_relaxed(&w->emits_since, ferry__os_now_ns());
	/* pair(waits) release: the beat that names the call. */
	atomp_store_release(
	    &w->emitting, container_of(on, struct event_thread, waits));
}

int
ferry__stuck_block(struct waits *on, atom32 *room, uint32_t seen)
{
	struct worker *w = ferry__self.worker;
	int r;

	if (w != NULL)
		/* First: doorbells may ring, and that is no wait. */
		ferry__watch_listener(w);
	r = ferry__wait_block(on, room, seen);
	if (r != FERRY_OK)
		return r;
	if (w == NULL) {
		ferry__os_wait(room, seen, OS_NEVER);
		return FERRY_OK;
	}
	begin_emitting(w, on, room);
	sleep_for_room(w, room, seen);
	return FERRY_OK;
}

void
ferry__stuck_unblock(void)
{
	struct worker *w = ferry__self.worker;

	ferry__wait_unblock();
	if (w == NULL)
		return;
	/* pair(waits) release. */
	atomp_store_release(&w->emitting, NULL);
	/* There is room mostly because a listener has returned. */
	if (ferry__watch_listens(w))
		ferry__watch_listener(w);
}

/* ------------------------------------------------------------------ hooks */

void
ferry__stuck_enter_hook(
    struct stuck_hook *out, struct context *c, struct node *n)
{
	const struct hook_seen what = {
		.request = ferry__node_token(n, TOKEN_REQUEST),
		.since_ns = ferry__os_now_ns(),
		.name = ferry__node_method_name(n),
		.thread = ferry__os_thread_id(),
	};

	*out = (struct stuck_hook){ 0 };
	if (ferry__self.roles & SELF_EVENT) {
		out->thread = container_of(
		    ferry__self.waits, struct event_thread, waits);
		/* Relaxed, both: this thread's; read for itself. */
		out->state = atom32_load_relaxed(&out->thread->state);
		atom32_store_relaxed(
		    &out->thread->state, FERRY_THREAD_IN_CANCEL_HOOK);
	}
	out->slot =
	    ferry__hooks_enter(&ferry__context_worker(c)->hooks, &what);
}

void
ferry__stuck_leave_hook(const struct stuck_hook *h, struct context *c)
{
	ferry__hooks_leave(&ferry__context_worker(c)->hooks, h->slot);
	if (h->thread != NULL)
		/* Relaxed: as above. */
		atom32_store_relaxed(&h->thread->state, h->state);
}

/* -------------------------------------------------------- a lost wake-up */

#define WRITING UINT64_C(1) /* no beat that is IDLE */

/*
 * A pair of words with many writers, one at a time: `lost_word` is WRITING
 * while `lost_since_ns` changes. Only a later beat takes an earlier one's
 * place, so none comes twice, and whoever reads the same one before and after
 * has read what belongs to it.
 */
static void
note_lost(struct worker *w, uint64_t old, uint64_t word, uint64_t now)
{
	/* pair(lost) acq_rel: before the time. */
	if (old == WRITING ||
	    ferry__beat_sequence(old) >= ferry__beat_sequence(word) ||
	    !atom64_cas_acqrel(&w->lost_word, &old, WRITING))
		return;
	/* pair(lost) release: after WRITING. */
	atom64_store_release(&w->lost_since_ns, now);
	/* pair(lost) release: with the time. */
	atom64_store_release(&w->lost_word, word);
}

uint64_t
ferry__stuck_lost(struct worker *w, uint64_t word)
{
	uint64_t now = ferry__os_now_ns(), old, since;

	if (ferry__beat_state(word) != BEAT_IDLE ||
	    !ferry__beat_stands(&w->beat, word))
		return 0;
	/* pair(lost) acquire: the time that belongs to it. */
	old = atom64_load_acquire(&w->lost_word);
	if (old != word) {
		note_lost(w, old, word, now);
		return 0;
	}
	/* pair(lost) acquire: before the second look. */
	since = atom64_load_acquire(&w->lost_since_ns);
	if (atom64_load_relaxed(&w->lost_word) != word)
		return 0;
	return now > since ? now - since : 0;
}
