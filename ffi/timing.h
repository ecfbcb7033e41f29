/*
 * How long requests wait and run: sampled, and by the watcher's clock.
 *
 * No request pays for a look at the clock but one in 64, and those that lasted
 * long enough for the watcher to look meanwhile.
 *
 * SAMPLES. Of each 64 requests in a row that a thread submits to a context one,
 * at a place drawn anew each time, has NODE_TIMED and the time of its submit.
 * So each is sampled with probability 1/64, whatever the pattern of the calls
 * and however few there are. The FFI thread looks at the clock at its start and
 * at its end.
 *
 * THE WATCHER'S CLOCK. The event thread stores the time of each of its looks
 * (`looked_ns`). A *hold* is what a request has the FFI thread for: a handler
 * with the plain callback after it, or a strand from resume to suspend. The
 * FFI thread reads that word before and after each: if it differs, the watcher
 * has looked meanwhile, and only then is there a look at the clock. When the
 * hold began is known exactly if the clock was looked at just before it (at
 * the end of the hold before, on leaving a sleep); else it is estimated: half
 * a tick before the first look that saw it, but no longer before that look
 * than its end was after it, and not before anything else that is known.
 * While a listener holds the event thread there are no looks; the clock is
 * then read after each hold.
 *
 * WHAT COUNTS HOW MUCH. Each hold is either *noticed* (the watcher looked
 * during it; or a listener held the event thread at its end, and its beginning
 * is known) or not, which does not depend on whether it was sampled. Those
 * that were noticed all go into the histogram, with weight 1, sampled or not;
 * of the others the sampled ones, one in 64, with weight 64. So the expected
 * weight of every hold is 1, and nothing is counted twice. Waits are known of
 * samples alone: weight 64. A strand's total time is counted by the same rule,
 * from its spawn to its end, both exact.
 */
#ifndef FERRY_FFI_TIMING_H
#define FERRY_FFI_TIMING_H

#include "ffi/histogram.h"
#include "ffi/worker.h"

#define TIMING_EVERY 64u /* a power of two */

/* Of a method that has run, in a context. */
struct timing {
	struct histogram wait; /* from submit to start */
	struct histogram run;  /* of a strand: from start to end */
	struct timing *next;   /* of the same context */
};

/* A context's; the FFI thread's, but for the table, which any may read. From
 * malloc, as methods run; given back when the context has closed. */
struct timings {
	atomp table;           /* struct timing_table; NULL: nothing yet */
	struct timing *used;
	count_single missed;   /* for want of memory */
};

/* No thread writes or reads it any more. */
void ferry__timing_close(struct timings *t);

/* Of a method; NULL: nothing is known of it. From any thread, inside the
 * context (ferry__reply_enter()). */
const struct timing *ferry__timing_of(
    const struct timings *t, uint32_t method);

/* ---- the submitting thread ---- */

void ferry__timing_stamp(struct home *h, struct node *n);

/* The node is filled in, and will be pushed. */
static inline void
ferry__timing_submit(struct home *h, struct node *n)
{
	if (UNLIKELY(h->until_timed-- == 0))
		ferry__timing_stamp(h, n);
}

/* ---- the FFI thread ---- */

/* A hold begins: the beat has been made. */
static ALWAYS_INLINE void
ferry__timing_begin(struct worker *w)
{
	/* Relaxed: it is only compared. */
	w->hold.looked = atom64_load_relaxed(&w->events.looked_ns);
}

/* … of a request with NODE_TIMED. */
void ferry__timing_begin_timed(
    struct worker *w, struct context *c, const struct node *n);

/* It has ended; whether end() must be called, before the next beat. */
static ALWAYS_INLINE bool
ferry__timing_asks(const struct worker *w)
{
	/* Relaxed, both: looked at again where it matters. */
	return ((atom64_load_relaxed(&w->events.looked_ns) ^ w->hold.looked) |
	           atom64_load_relaxed(&w->events.listening)) != 0;
}

void ferry__timing_end(struct worker *w, struct context *c,
    const struct method *m, ferry_call call);

/* The same of a strand that was resumed then, and has suspended (0: ended). */
void ferry__timing_end_resumed(struct worker *w, struct context *c,
    const struct method *m, ferry_call call, uint64_t strand,
    uint64_t began_ns, uint64_t ended_ns);

/* The handler or strand in hand, if there is one, has ended the thread. */
void ferry__timing_lost(struct worker *w);

/* The clock has been looked at, just now. */
static inline void
ferry__timing_clock(struct worker *w, uint64_t now_ns)
{
	w->hold.clock_ns = now_ns;
	/* Relaxed: this thread's own. */
	w->hold.clock_at =
	    ferry__beat_sequence(atom64_load_relaxed(&w->beat.word));
}

/* Something else than a request has had the thread since, or may have. */
static inline void
ferry__timing_forget(struct worker *w)
{
	w->hold.clock_at = 0;
}

/* A strand begins, or has ended. */
void ferry__timing_spawned(struct worker *w, struct strand *s);
void ferry__timing_strand(struct worker *w, const struct strand *s);

#endif
