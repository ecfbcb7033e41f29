/*
 * Health: what a worker and its watcher do just now, from words alone. Needs
 * neither thread alive, takes no lock that either could hold.
 */
#include <string.h>

#include "ffi/count.h"
#include "ffi/options.h"
#include "ffi/stuck.h"
#include "ffi/watch.h"

static void
fill_hook(ferry_health *h, struct worker *w, uint64_t awaited)
{
	struct hook_seen hook;
	uint64_t now;

	ferry__hooks_look(&hook, &w->hooks, awaited);
	now = ferry__os_now_ns();
	h->hooks = hook.n;
	h->hook_request = awaited != 0 ? awaited : hook.request;
	if (hook.request == 0)
		return;
	h->hook_method_name = hook.name;
	h->hook_thread = hook.thread;
	h->hook_age_ns = now > hook.since_ns ? now - hook.since_ns : 0;
}

/* BUSY, and what it waits for, if that is a thing of Ferry's. Returns the
 * request whose hook it is, or 0. */
static uint64_t
fill_busy(ferry_health *h, struct worker *w, uint64_t word)
{
	uint64_t awaited;
	enum verdict_wait waits = ferry__stuck_waits(w, &awaited);
	bool rings = ferry__stuck_rings(w);
	struct suspect s;
	bool named =
	    ferry__watch_ops.suspect(w, word, &s);

	if (!ferry__beat_stands(&w->beat, word))
		return 0;
	if (rings)
		h->worker = FERRY_THREAD_IN_DOORBELL;
	else if (waits == VERDICT_IN_HOOK)
		h->worker = FERRY_THREAD_IN_CANCEL_HOOK;
	else if (waits == VERDICT_IN_EMIT)
		h->worker = FERRY_THREAD_IN_EMIT;
	if (named) {
		h->request = s.request;
		h->method = s.method;
		h->method_name = s.name;
	}
	return awaited;
}

static void
fill_worker(ferry_health *h, struct worker *w)
{
	uint64_t word = ferry__beat_look(&w->beat), awaited = 0;

	h->worker = ferry__beat_state(word) == BEAT_IDLE ? FERRY_THREAD_IDLE
	                                                 : FERRY_THREAD_BUSY;
	h->beats = ferry__beat_sequence(word);
	/* Relaxed: each word for itself. */
	h->worker_thread = atom32_load_relaxed(&w->id);
	if (atom32_load_relaxed(&w->gone) != 0)
		h->worker = FERRY_THREAD_GONE;
	if (h->worker == FERRY_THREAD_BUSY)
		awaited = fill_busy(h, w, word);
	fill_hook(h, w, awaited);
}

static void
fill_watcher(ferry_health *h, struct event_thread *t)
{
	uint64_t now = ferry__os_now_ns();
	uint64_t looked = atom64_load_relaxed(&t->looked_ns);

	/* Relaxed: each word for itself. */
	h->watcher = atom32_load_relaxed(&t->state);
	if (atom32_load_relaxed(&t->waits.ringing) != 0)
		h->watcher = FERRY_THREAD_IN_DOORBELL;
	h->watcher_thread = atom32_load_relaxed(&t->id);
	h->level = atom32_load_relaxed(&t->level);
	h->age_ns = atom64_load_relaxed(&t->age_ns);
	h->watcher_age_ns = now > looked ? now - looked : 0;
}

static void
fill_listener(ferry_health *h, struct event_thread *t)
{
	/* pair(listening) acquire: since when. */
	ferry_listener l = atom64_load_acquire(&t->listening);
	uint64_t since = atom64_load_relaxed(&t->listening_since);
	/* Its own: of an event's, it is said that it has none. */
	const char *name = ferry__token_kind(l) == TOKEN_LISTENER
	    ? ferry__listener_name(l)
	    : atomp_load_relaxed(&t->listening_name);
	uint64_t now = ferry__os_now_ns();

	/* pair(listening) acquire: it is in this one still, and relaxed: in
	 * the same call, which is the only one that began then. */
	if (l == 0 || atom64_load_acquire(&t->listening) != l ||
	    atom64_load_relaxed(&t->listening_since) != since)
		return;
	h->listener = l;
	h->listener_name = name;
	h->listener_age_ns = now > since ? now - since : 0;
}

static void
fill_queue(ferry_health *h, struct context *c)
{
	struct worker *w = ferry__context_worker(c);
	uint64_t word = ferry__beat_look(&w->beat);

	h->queued = ferry__context_queued(c);
	if (h->worker == FERRY_THREAD_IDLE && h->queued != 0)
		h->lost_wakeup_ns = ferry__stuck_lost(w, word);
}

int
ferry_context_health(ferry_health *out, ferry_context context)
{
	ferry_health h;
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out == NULL)
		return FERRY_EINVAL;
	memset(&h, 0, sizeof h);
	fill_worker(&h, ferry__context_worker(c));
	fill_watcher(&h, &ferry__context_worker(c)->events);
	fill_listener(&h, &ferry__context_worker(c)->events);
	h.running = ferry__count_running(c);
	fill_queue(&h, c);
	/* pair(slot) acquire: it was this context's all the while. */
	if (atom64_load_acquire(&c->slot->token) != context)
		return FERRY_ESTALE;
	return ferry__options_write(out, &h, sizeof h);
}
