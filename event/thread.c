/*
 * The event thread; see thread.h.
 *
 * Threads: the functions of the loop run on the event thread alone; stir, add,
 * finish and emit are for others. It holds its mutex only to read the head of
 * the list of sources, and no lock at all while it delivers.
 */
#include "event/thread.h"

#include <limits.h>

#include "event/delivery.h"

#define QUIET_NS   1000000000u /* without work, then deep sleep */
#define TICK_MOST  1000000000u
#define TICK_LEAST 5000000u

/* ----------------------------------------------------------- from outside */

void
ferry__event_thread_stir(struct event_thread *t)
{
	/* pair(stir) seq_cst: counted before the look at the park word. */
	atom32_add_seqcst(&t->stirs, 1);
	ferry__park_wake(&t->park);
}

void
ferry__event_thread_sweep(struct event_thread *t)
{
	/* pair(sweep) release: the removal. */
	atom32_store_release(&t->sweep, 1);
	ferry__event_thread_stir(t);
}

void
ferry__event_thread_add(struct event_thread *t, struct source *s)
{
	s->thread = t;
	pthread_mutex_lock(&t->mutex);
	s->next = t->sources;
	t->sources = s;
	pthread_mutex_unlock(&t->mutex);
	ferry__event_thread_stir(t);
}

bool
ferry__event_thread_finish(struct event_thread *t, struct source *s,
    uint64_t deadline_ns)
{
	uint32_t open = SOURCE_OPEN;

	/* pair(source) acq_rel: all that was emitted comes before. */
	atom32_cas_acqrel(&s->stage, &open, SOURCE_FINISHING);
	ferry__event_thread_stir(t);
	/* pair(source) acquire: the event thread has let go. */
	while (atom32_load_acquire(&s->stage) != SOURCE_FINISHED)
		if (ferry__os_wait(&s->stage, SOURCE_FINISHING, deadline_ns) ==
		    OS_TIMEOUT)
			/* pair(source) acquire. */
			return atom32_load_acquire(&s->stage) ==
			    SOURCE_FINISHED;
	return true;
}

/* ---------------------------------------------------------------- sources */

static void
remove_source(struct event_thread *t, struct source *s)
{
	struct source **p;

	pthread_mutex_lock(&t->mutex);
	for (p = &t->sources; *p != s; p = &(*p)->next)
		;
	*p = s->next;
	pthread_mutex_unlock(&t->mutex);
}

static struct source *
first_source(struct event_thread *t)
{
	struct source *s;

	pthread_mutex_lock(&t->mutex);
	s = t->sources;
	pthread_mutex_unlock(&t->mutex);
	return s;
}

static void
finish(struct event_thread *t, struct source *s)
{
	/* First: nothing comes after its CLOSED. */
	ferry__judge_leave(t, first_source(t), s);
	ferry__delivery_finish(t, s);
	remove_source(t, s);
	/* pair(source) release: the closer may take the memory. */
	atom32_store_release(&s->stage, SOURCE_FINISHED);
	ferry__os_wake(&s->stage, INT_MAX);
}

/* --------------------------------------------------------------- the loop */

/* Delivers and finishes; the tick is that of the most impatient source. True:
 * there is more, but others had to have their turn. */
static bool
attend(struct event_thread *t)
{
	struct source *s = first_source(t), *next;
	uint64_t tick = TICK_MOST;
	/* pair(sweep) acq_rel: who was removed before. */
	bool more = false, sweep = atom32_xchg_acqrel(&t->sweep, 0) != 0;

	for (; s != NULL; s = next) {
		next = s->next;
		if (sweep)
			ferry__delivery_sweep(t, s);
		more |= ferry__delivery_turn(t, s) == DELIVERY_MORE;
		if (s->tick_ms != 0 && s->tick_ms * UINT64_C(1000000) < tick)
			tick = s->tick_ms * UINT64_C(1000000);
		/* pair(source) acquire: all that was emitted comes before. */
		if (atom32_load_acquire(&s->stage) == SOURCE_FINISHING)
			finish(t, s);
	}
	t->tick_ns = tick < TICK_LEAST ? TICK_LEAST : tick;
	return more;
}

/* Whether nothing has gone on for long enough, and nothing is judged. */
static bool
may_sleep_deep(struct event_thread *t, uint64_t now_ns)
{
	uint64_t word = ferry__beat_look(t->beat);

	if (ferry__beat_state(word) != BEAT_IDLE ||
	    word != t->judge.dog.word ||
	    /* A wake that came to nothing is judged by ticks. */
	    ferry__judge_stirs(t, first_source(t))) {
		t->quiet_since_ns = now_ns;
		return false;
	}
	return now_ns - t->quiet_since_ns >= QUIET_NS;
}

static void
sleep_until(struct event_thread *t, uint32_t stirs, uint64_t deadline_ns,
    bool deep)
{
	if (deep) {
		/* pair(busy-edge) seq_cst: announced before the last look. */
		atom32_store_seqcst(t->deep, 1);
		if (ferry__beat_state(ferry__beat_look(t->beat)) != BEAT_IDLE)
			goto out;
	}
	ferry__park_announce(&t->park);
	/* pair(stir) seq_cst: looked at after the announcement. */
	if (atom32_load_seqcst(&t->stirs) == stirs) {
		atom32_store_relaxed(&t->state, FERRY_THREAD_IDLE);
		ferry__park_sleep(&t->park, deadline_ns);
		atom32_store_relaxed(&t->state, FERRY_THREAD_BUSY);
	}
	ferry__park_rise(&t->park);
out:
	if (deep)
		/* Relaxed: one rousing too many is harmless. */
		atom32_store_relaxed(t->deep, 0);
}

static void
loop(struct event_thread *t)
{
	uint64_t now, due, until, looked = ferry__os_now_ns();
	uint64_t planned = TICK_LEAST;
	uint32_t stirs;
	/* A successor goes on with what is known. Relaxed: its own. */
	bool deep = atom64_load_relaxed(&t->lost.n) == 0;
	bool more;

	t->quiet_since_ns = looked;
	for (;;) {
		/* pair(stir) seq_cst: read before anything is looked at. */
		stirs = atom32_load_seqcst(&t->stirs);
		more = attend(t);
		now = ferry__os_now_ns();
		due = ferry__due_run(&t->due, now, t->ops->expire);
		ferry__judge_attend(t, first_source(t), now);
		if (deep)
			ferry__judge_reset(t, now);
		if (deep || now - looked >= t->tick_ns) {
			/* The credit is one of the ticks of now: a longer one,
			 * planned before a source had come, would be all of
			 * the time that its first call was in hand, with
			 * nothing known of what that waited for. */
			planned = t->tick_ns < planned ? t->tick_ns : planned;
			ferry__judge_look(t, first_source(t), now, planned);
			looked = now;
			planned = t->tick_ns;
		}
		/* pair(source) acquire: the last source has gone. */
		if (atom32_load_acquire(&t->leaving) != 0)
			return;
		deep = may_sleep_deep(t, now) && !more;
		if (more)
			continue;
		until = deep ? OS_NEVER : looked + t->tick_ns;
		sleep_until(t, stirs, due < until ? due : until, deep);
	}
}

/* This thread is the event thread. */
static void
be(struct event_thread *t)
{
	ferry__fork_enter();
	t->mark = ferry__fork_mark();
	ferry__self.roles = SELF_EVENT;
	ferry__self.waits = &t->waits;
	atom32_store_relaxed(&t->state, FERRY_THREAD_BUSY);
	ferry__delivery_mend(t);
	ferry__judge_mend(first_source(t));
}

static void
leave(struct event_thread *t)
{
	ferry__self.roles = 0;
	ferry__self.waits = NULL;
	atom32_store_relaxed(&t->state, FERRY_THREAD_GONE);
	/* pair(gone) release: all that this thread did. */
	atom32_store_release(&t->gone, 1);
	ferry__os_wake(&t->gone, INT_MAX);
}

static void *run(void *arg);

/*
 * A clean-up handler: a listener has ended the thread. All that is in hand is
 * in struct event_thread and in the sources, so a successor mends it and goes
 * on. Where there is no thread to be had this one does, for as long as the C
 * library lets a dying thread run: a stuck event thread would be worse.
 */
static void
lost(void *arg)
{
	struct event_thread *t = arg;
	pthread_t unused_here; /* the thread itself writes t->thread */

	ferry__fork_returned(t->mark);
	count_single_add(&t->lost, 1);
	pthread_detach(pthread_self());
	ferry__self.roles = 0;
	ferry__self.waits = NULL;
	if (ferry__os_thread_start(&unused_here, run, t, 0) == 0)
		return;
	t->detached = true;
	/* If a listener ends it again, glibc comes here once more. */
	be(t);
	loop(t);
	leave(t);
}

static void *
run(void *arg)
{
	struct event_thread *t = arg;

	/* For who joins, who waits for `gone` first: pair(gone). */
	t->thread = pthread_self();
	t->detached = false;
	ferry__os_thread_name(t->name);
	atom32_store_relaxed(&t->id, ferry__os_thread_id());
	pthread_cleanup_push(lost, t);
	be(t);
	loop(t);
	pthread_cleanup_pop(0);
	leave(t);
	return NULL;
}

int
ferry__event_thread_start(struct event_thread *t, struct beat *beat,
    const struct event_ops *ops, void *worker)
{
	pthread_t unused_here; /* the thread itself writes t->thread */

	t->beat = beat;
	t->deep = &beat->deep;
	t->ops = ops;
	t->worker = worker;
	t->sources = NULL;
	t->tick_ns = TICK_MOST;
	t->judge = (struct judge){ .docket = t->judge.docket };
	t->in_hand = NULL;
	/* Relaxed: the thread's creation publishes them. */
	atom32_store_relaxed(&t->leaving, 0);
	atom32_store_relaxed(&t->gone, 0);
	atom32_store_relaxed(&t->sweep, 0);
	atomp_store_relaxed(&t->waits.on, NULL);
	atom64_store_relaxed(&t->listening, 0);
	atom64_store_relaxed(&t->listened_ns, 0);
	atom64_store_relaxed(&t->told, 0);
	atom32_store_relaxed(t->deep, 0);
	atom32_store_relaxed(&t->level, 0);
	atom64_store_relaxed(&t->age_ns, 0);
	atom64_store_relaxed(&t->gaps, 0);
	atom64_store_relaxed(&t->lost.n, 0);
	atom64_store_relaxed(&t->unwritten, 0);
	atom64_store_relaxed(&t->judged, 0);
	atom64_store_relaxed(&t->looked_ns, ferry__os_now_ns());
	ferry__due_open(&t->due);
	return ferry__os_thread_start(&unused_here, run, t, 0);
}

void
ferry__event_thread_leave(struct event_thread *t)
{
	/* pair(source) release. */
	atom32_store_release(&t->leaving, 1);
	ferry__event_thread_stir(t);
}

void
ferry__event_thread_join(struct event_thread *t)
{
	/* Relaxed: this thread's, if it is set. */
	if (atom32_load_relaxed(&t->leaving) == 0)
		ferry__event_thread_leave(t);
	/* pair(gone) acquire: it may be a successor by then. */
	while (atom32_load_acquire(&t->gone) == 0)
		ferry__os_wait(&t->gone, 0, OS_NEVER);
	if (!t->detached)
		ferry__os_thread_join(t->thread);
	ferry__due_close(&t->due);
}
