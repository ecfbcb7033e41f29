/*
 * Closing a context: drain, cancel, abandon; and the end of the process.
 *
 * Threads: one closer at a time, by the context's closer word, which carries
 * the generation: a closer that slept through a close and a reopen finds
 * another and leaves the new owner alone.
 *
 * The order: no more homes, every shard flipped, [what is queued answered],
 * the FFI thread lets go, those in the middle of an answer elsewhere have left,
 * the event thread has delivered and posted CLOSED, homes disbanded, threads
 * joined with a worker's last context, the token revoked. Whatever it has to
 * wait for, a deadline ends the wait with FERRY_EBUSY and closing again takes
 * it up where it was. Modelled in tests/model/close.pml.
 */
#include "ffi/cancel.h"
#include "ffi/context.h"
#include "ffi/count.h"
#include "ffi/options.h"
#include "ffi/self.h"
#include "ffi/watch.h"

/* How long an abandoned close waits for a worker that is not wedged. */
#define MOMENT_NS 20000000u

/* ------------------------------------------------------------- the closer */

static int
begin(struct context *c, ferry_context token)
{
	uint64_t generation = ferry__token_count(token);
	uint64_t word = generation << 1;

	/* pair(closer) acq_rel: what the last closer had done. */
	if (atom64_cas_acqrel(&c->closer, &word, generation << 1 | 1))
		return FERRY_OK;
	return word >> 1 == generation ? FERRY_EALREADY : FERRY_ESTALE;
}

static void
end(struct context *c, uint64_t generation)
{
	/* pair(closer) release. */
	atom64_store_release(&c->closer, generation << 1);
}

/* Idempotent. */
static void
shut(struct context *c)
{
	pthread_mutex_lock(&c->mutex);
	if (atom32_load_relaxed(&c->stage) == CONTEXT_OPEN)
		/* pair(running) seq_cst: set before the worker looks at the
		 * counts; others count before they look at it. */
		atom32_store_seqcst(&c->stage, CONTEXT_CLOSING);
	pthread_mutex_unlock(&c->mutex);
	ferry__context_flip(c);
	ferry__source_shut(&c->source);
}

static void
cancel_all(struct context *c)
{
	/* Relaxed: the barrier orders it. A request that the walk takes for
	 * queued, the FFI thread does not start. */
	atom32_store_relaxed(&c->refusing, 1);
	ferry__node_each(&c->homes, ferry__cancel_mark, c);
	ferry__os_barrier_heavy();
	ferry__node_each(&c->homes, ferry__cancel_closing, c);
}

static void
abandon_all(struct context *c)
{
	c->was_abandoned = true;
	atom32_store_relaxed(&c->refusing, 1);
	ferry__node_each(&c->homes, ferry__cancel_mark_closed, c);
	ferry__os_barrier_heavy();
	ferry__node_each(&c->homes, ferry__cancel_abandon, c);
	ferry__context_nudge(c);
}

/* ---------------------------------------------------------------- waiting */

static bool
await_left(struct context *c, uint64_t deadline_ns)
{
	/* pair(left) acquire: handles, fini, counters. */
	while (atom32_load_acquire(&c->stage) != CONTEXT_LEFT)
		if (ferry__os_wait(&c->stage, CONTEXT_CLOSING, deadline_ns) ==
		    OS_TIMEOUT)
			/* pair(left) acquire. */
			return atom32_load_acquire(&c->stage) == CONTEXT_LEFT;
	return true;
}

/*
 * Deferred calls that were answered in their replier's place: it may still read
 * the payload, and the end of that is its late reply. Counted as unended, like
 * a handler that has not returned.
 */
static bool
await_late(struct context *c, uint64_t deadline_ns)
{
	uint32_t told;

	for (;;) {
		/* pair(late) seq_cst: before the look at the count. */
		told = atom32_load_seqcst(&c->late_told);
		if (ferry__count_unended(c) == 0)
			return true;
		if (ferry__os_wait(&c->late_told, told, deadline_ns) ==
		    OS_TIMEOUT)
			return ferry__count_unended(c) == 0;
	}
}

/* Those in the middle of an answer on other threads. */
static bool
await_busy(struct context *c, uint64_t deadline_ns)
{
	uint32_t busy;

	/* pair(busy) seq_cst: after the stage was set. */
	while ((busy = atom32_load_seqcst(&c->busy)) != 0)
		if (ferry__os_wait(&c->busy, busy, deadline_ns) == OS_TIMEOUT)
			return false;
	return true;
}

/* A nudge that is posted and not yet run: it is a part of the context, on the
 * inner lane of a worker that may have others and live on. */
static bool
await_nudge(struct context *c, uint64_t deadline_ns)
{
	/* pair(nudge) acquire: the worker has done with the job. */
	while (atom32_load_acquire(&c->stop_posted) != 0)
		if (ferry__os_wait(&c->stop_posted, 1, deadline_ns) ==
		    OS_TIMEOUT)
			return false;
	return true;
}

/* Until nothing of the context can run any more. */
static bool
await_quiet(struct context *c, uint64_t deadline_ns)
{
	return await_left(c, deadline_ns) && await_late(c, deadline_ns) &&
	    await_busy(c, deadline_ns) && await_nudge(c, deadline_ns) &&
	    ferry__event_thread_finish(
	        &ferry__context_worker(c)->events, &c->source, deadline_ns);
}

/* -------------------------------------------------------------- reporting */

static void
report_on(struct context *c, ferry_close_report *out)
{
	struct worker *w = ferry__context_worker(c);
	uint64_t word = ferry__beat_look(&w->beat);
	struct suspect s = { 0 };
	ferry_close_report r = {
		.running = (uint32_t)ferry__count_unended(c),
		/* Relaxed: those who count have left. */
		.callback_not_run =
		    atom32_load_relaxed(&c->callback_not_run),
		.abandoned = c->n_abandoned,
	};

	if (ferry__beat_state(word) != BEAT_IDLE &&
	    ferry__watch_ops.suspect(w, word, &s) &&
	    ferry__beat_stands(&w->beat, word)) {
		r.request = s.request;
		r.method = s.name;
		/* Relaxed: as old as the watcher's last look. */
		r.age_ns = atom64_load_relaxed(&w->events.age_ns);
	}
	if (out != NULL)
		ferry__options_write(out, &r, sizeof r);
}

/* ------------------------------------------------------------------ close */

/* In the options 0 is the default: for ever. */
static uint64_t
deadline_of(int64_t timeout_ms)
{
	return ferry__os_deadline_in(timeout_ms == 0 ? -1 : timeout_ms);
}

static int
close_by(struct context *c, const ferry_close_options *o,
    ferry_close_report *report)
{
	bool quiet = false;

	shut(c);
	if (o->mode == FERRY_CLOSE_CANCEL)
		cancel_all(c);
	ferry__context_nudge(c);
	if (o->mode != FERRY_CLOSE_ABANDON)
		quiet = await_quiet(c, deadline_of(o->timeout_ms));
	if (!quiet) {
		abandon_all(c);
		quiet = await_quiet(c, ferry__os_now_ns() + MOMENT_NS);
	}
	report_on(c, report);
	return quiet ? FERRY_OK : FERRY_EBUSY;
}

int
ferry_context_close(ferry_context context, const ferry_close_options *options,
    ferry_close_report *report)
{
	ferry_close_options o;
	struct context *c;
	int r = ferry__options_read(&o, sizeof o, options);

	if (r != FERRY_OK || o.flags != 0 || o.mode > FERRY_CLOSE_ABANDON ||
	    (report != NULL && report->struct_size < OPTIONS_LEAST))
		return FERRY_EINVAL;
	r = ferry__context_find(&c, context);
	if (r != FERRY_OK)
		return r;
	if (!ferry__context_may_block())
		return FERRY_EREENTRANT;
	r = begin(c, context);
	if (r != FERRY_OK)
		return r;
	r = close_by(c, &o, report);
	if (r == FERRY_OK)
		/* The closer's word stays taken: the generation is over. */
		ferry__context_end(c);
	else
		end(c, ferry__token_count(context));
	return r;
}

/* ---------------------------------------------------------------- quiesce */

static void
flip_live(void *context, uint64_t token, void *arg)
{
	struct context *c = context;

	(void)token;
	(void)arg;
	/* Under the mutex that close() takes: the shards are this owner's. */
	pthread_mutex_lock(&c->mutex);
	/* pair(slot) acquire. */
	if (atom64_load_acquire(&c->slot->token) == token)
		ferry__context_quiesce(c);
	pthread_mutex_unlock(&c->mutex);
}

struct quiet {
	uint64_t deadline_ns;
	bool all;
};

static bool
is_at_rest(struct context *c)
{
	const struct worker *w = ferry__context_worker(c);

	return ferry__count_running(c) == 0 && ferry__context_queued(c) == 0 &&
	    ferry__beat_state(ferry__beat_look(&w->beat)) == BEAT_IDLE;
}

/*
 * Until nothing of it is queued or running. There is no event to sleep on
 * that the FFI thread would not pay for with every request; a process that is
 * about to end can look every millisecond.
 */
static void
await_rest(void *context, uint64_t token, void *arg)
{
	struct context *c = context;
	struct quiet *q = arg;
	static atom32 nobody;

	/* pair(slot) acquire: until it is at rest, or has closed. */
	while (atom64_load_acquire(&c->slot->token) == token &&
	    !is_at_rest(c)) {
		uint64_t now = ferry__os_now_ns();

		if (now >= q->deadline_ns) {
			q->all = false;
			return;
		}
		ferry__os_wait(&nobody, 0, now + 1000000u);
	}
}

int
ferry_quiesce(int64_t timeout_ms)
{
	struct quiet q = {
		.deadline_ns = ferry__os_deadline_in(timeout_ms),
		.all = true,
	};

	ferry__fork_enter();
	if (!ferry__context_may_block())
		return FERRY_EREENTRANT;
	/* pair(quiesce) seq_cst: set before the live ones are looked for; an
	 * open publishes its token before it looks at this. */
	atom32_store_seqcst(&ferry__context_quiesced, 1);
	ferry__context_each(flip_live, NULL);
	ferry__context_each(await_rest, &q);
	return q.all ? FERRY_OK : FERRY_ETIMEDOUT;
}
