/*
 * Counters: the equations of law 12, read so that they hold while everything
 * moves.
 *
 * Every count only grows, and each event is counted in the order submitted,
 * started, ended. A snapshot reads in the opposite order: so whoever is
 * counted as ended is counted as started, and who is started or refused, as
 * submitted. The differences are never negative.
 */
#include "ffi/count.h"

#include "ffi/options.h"

struct sums {
	uint64_t refused;
	uint64_t submitted;
	uint64_t wakes;
	uint64_t discarded;
};

static void
add_refused(struct home *h, void *arg)
{
	struct sums *s = arg;

	s->discarded += count_read(&h->discarded);
	s->refused += count_read(&h->refused.n);
	s->wakes += count_read(&h->wakes.n);
}

static void
add_submitted(struct home *h, void *arg)
{
	struct sums *s = arg;

	s->submitted += count_read(&h->submitted.n);
}

static void
read_outcomes(uint64_t out[OUTCOMES], const struct context *c)
{
	for (int o = 0; o < OUTCOMES; o++)
		out[o] = ferry__context_ended(c, o);
}

static uint64_t
sum(const uint64_t *n, int from, int to)
{
	uint64_t total = 0;

	while (from < to)
		total += n[from++];
	return total;
}

uint64_t
ferry__count_running(struct context *c)
{
	uint64_t ended[OUTCOMES];

	read_outcomes(ended, c);
	return count_read(&c->started.n) - sum(ended, ENDED_OK, OUTCOMES);
}

uint64_t
ferry__count_unended(struct context *c)
{
	uint64_t late =
	    count_read(&c->late.n) + count_read(&c->late_elsewhere);
	uint64_t closed = ferry__context_ended(c, ENDED_CLOSED);

	/* A deferred reply whose callback was not run counts as closed, but
	 * has ended. */
	closed -= count_read(&c->ended_unheard);
	return ferry__count_running(c) + (closed > late ? closed - late : 0);
}

uint64_t
ferry__context_queued(struct context *c)
{
	uint64_t ended[OUTCOMES], started;
	struct sums s = { 0 };

	read_outcomes(ended, c);
	started = count_read(&c->started.n);
	ferry__node_each_home(&c->homes, add_refused, &s);
	ferry__node_each_home(&c->homes, add_submitted, &s);
	return s.submitted - s.refused - started - sum(ended, 0, ENDED_OK);
}

uint64_t
ferry__context_left(struct context *c)
{
	uint64_t ended[OUTCOMES];

	read_outcomes(ended, c);
	return count_read(&c->started.n) + sum(ended, 0, ENDED_OK);
}

static void
fill_events(ferry_counters *n, const struct source *s)
{
	n->events_delivered = count_read(&s->delivered.n);
	n->events_overrun = count_read(&s->overrun.n);
	n->events_heard = count_read(&s->heard.n);
	n->events_dispatched = count_read(&s->dispatched.n);
	n->events_dropped = count_read(&s->dropped.n);
	n->events_dropped_elsewhere = count_read(&s->elsewhere_dropped);
	n->events_unheard =
	    count_read(&s->unheard.n) + count_read(&s->elsewhere_unheard);
	n->events_refused =
	    count_read(&s->refused.n) + count_read(&s->elsewhere_refused);
	/* What the FFI thread queued is numbered; read last. */
	n->events_emitted = count_read(&s->unheard.n) +
	    count_read(&s->elsewhere_emitted) +
	    count_read(&s->queue.sequence.n);
	n->stall_episodes = count_read(&s->episodes.n);
}

void
ferry__count_fill(ferry_counters *n, struct context *c)
{
	uint64_t ended[OUTCOMES];
	struct sums s = { 0 };

	n->late_replies =
	    count_read(&c->late.n) + count_read(&c->late_elsewhere);
	read_outcomes(ended, c);
	n->started = count_read(&c->started.n);
	ferry__node_each_home(&c->homes, add_refused, &s);
	ferry__node_each_home(&c->homes, add_submitted, &s);
	n->unstarted_canceled = ended[UNSTARTED_CANCELED];
	n->unstarted_deadline = ended[UNSTARTED_DEADLINE];
	n->unstarted_closed = ended[UNSTARTED_CLOSED];
	n->ended_ok = ended[ENDED_OK];
	n->ended_error = ended[ENDED_ERROR];
	n->ended_canceled = ended[ENDED_CANCELED];
	n->ended_lost = ended[ENDED_LOST];
	n->ended_closed = ended[ENDED_CLOSED];
	n->submitted = s.submitted;
	n->refused = s.refused;
	n->wakes = s.wakes;
	n->discarded = s.discarded;
	n->running = n->started - sum(ended, ENDED_OK, OUTCOMES);
	n->queued =
	    n->submitted - n->refused - n->started - sum(ended, 0, ENDED_OK);
	n->parks = count_read(&ferry__context_worker(c)->parks.n);
	n->threads_lost = count_read(&ferry__context_worker(c)->lost.n) +
	    count_read(&ferry__context_worker(c)->events.lost.n);
	n->observer_gaps = count_read(&ferry__context_worker(c)->events.gaps);
	n->handles_open = count_read(&c->handles_open.n);
	fill_events(n, &c->source);
}

int
ferry_context_counters(ferry_counters *out, ferry_context context)
{
	ferry_counters n = { 0 };
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out == NULL)
		return FERRY_EINVAL;
	ferry__count_fill(&n, c);
	/* pair(slot) acquire: it was this context's all the while. */
	if (atom64_load_acquire(&c->slot->token) != context)
		return FERRY_ESTALE;
	return ferry__options_write(out, &n, sizeof n);
}
