/*
 * Health: what a worker and its watcher do just now, from words alone. Needs
 * neither thread alive, takes no lock that either could hold.
 */
#include <string.h>

#include "ffi/count.h"
#include "ffi/options.h"
#include "ffi/watch.h"

static void
fill_worker(ferry_health *h, struct worker *w)
{
	uint64_t word = ferry__beat_look(&w->beat);
	struct suspect s;

	h->worker = (uint32_t)ferry__beat_state(word);
	h->beats = ferry__beat_sequence(word);
	/* Relaxed: each word for itself. */
	h->worker_thread = atom32_load_relaxed(&w->id);
	if (atom32_load_relaxed(&w->gone) != 0)
		h->worker = FERRY_THREAD_GONE;
	if (h->worker != FERRY_THREAD_BUSY ||
	    !ferry__watch_ops.suspect(w, ferry__beat_slot(word), &s) ||
	    ferry__beat_look(&w->beat) != word)
		return;
	h->request = s.request;
	h->method = s.method;
	h->method_name = s.name;
}

static void
fill_watcher(ferry_health *h, struct event_thread *t)
{
	uint64_t now = ferry__os_now_ns();
	uint64_t looked = atom64_load_relaxed(&t->looked_ns);

	/* Relaxed: each word for itself. */
	h->watcher = atom32_load_relaxed(&t->state);
	h->watcher_thread = atom32_load_relaxed(&t->id);
	h->level = atom32_load_relaxed(&t->level);
	h->age_ns = atom64_load_relaxed(&t->age_ns);
	h->watcher_age_ns = now > looked ? now - looked : 0;
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
	fill_worker(&h, c->worker);
	fill_watcher(&h, &c->worker->events);
	h.running = ferry__count_running(c);
	h.queued = ferry__context_queued(c);
	/* pair(slot) acquire: it was this context's all the while. */
	if (atom64_load_acquire(&c->slot->token) != context)
		return FERRY_ESTALE;
	return ferry__options_write(out, &h, sizeof h);
}
