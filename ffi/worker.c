/*
 * The FFI thread: takes from the bank and the inner lane, sleeps when there is
 * nothing; and what happens when a handler ends its thread.
 *
 * Threads: everything from drain() to run() is the FFI thread's alone; ref,
 * release, join and post are for others. The workers' mutex guards the list of
 * workers and their references.
 *
 * A handler's thread may end under it (pthread_exit, cancellation). All that
 * the FFI thread knows is in struct worker, not on its stack: the batch taken
 * but not started, the call in hand, whose code was running. A clean-up
 * handler starts a successor, which mends what was in hand and goes on with
 * the batch, so that order holds.
 */
#include "ffi/worker.h"

#include <limits.h>
#include <string.h>

#include "event/trace.h"
#include "ffi/alloc.h"
#include "ffi/call.h"
#include "ffi/context.h"
#include "ffi/dispatch.h"
#include "ffi/reply.h"
#include "ffi/self.h"
#include "ffi/strand_memory.h"
#include "ffi/strand_out.h"
#include "ffi/stuck.h"
#include "ffi/watch.h"

#define LINGER 32 /* pauses: under a microsecond */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static struct worker *in_use;
static struct worker *unused;

static void *run(void *arg);

/* --------------------------------------------------------------- draining */

static void
run_jobs(struct worker *w)
{
	while (w->jobs != NULL) {
		struct job *j = container_of(w->jobs, struct job, link);

		w->jobs = j->link.next;
		j->run(w, j);
	}
	ferry__timing_forget(w);
	ferry__dispatch_flush(w);
}

static bool
drain_inner(struct worker *w)
{
	uint64_t head;

	if (!ferry__list_stirs(&w->inner, LIST_TAG_SMALL))
		return false;
	head = ferry__list_take(&w->inner, LIST_TAG_SMALL);
	w->jobs =
	    ferry__list_reverse(ferry__list_first(head, LIST_TAG_SMALL));
	run_jobs(w);
	return true;
}

/* Whether a shard has something to give, or its end to tell. */
static bool
shard_stirs(const struct context *c, uint32_t i)
{
	/* pair(park) seq_cst: after the sleep was announced. */
	uint64_t head = atom64_load_seqcst(&c->shards[i].head);

	if ((head & ~LIST_TAG_LINE) != 0)
		return true;
	return (head & LIST_CLOSED) != 0 &&
	    (c->shards_closed >> i & 1) == 0;
}

/* Returns whether it was a stream: more than one at once. */
static bool
drain_shard(struct worker *w, struct context *c, uint32_t i)
{
	uint64_t head = ferry__list_take(&c->shards[i], LIST_TAG_LINE);
	bool stream;

	if (head & LIST_CLOSED)
		c->shards_closed |= UINT64_C(1) << i;
	ferry__dispatch_load(w, c, ferry__list_first(head, LIST_TAG_LINE));
	stream = w->n_recent > 1;
	ferry__dispatch_batch(w);
	return stream;
}

static bool
has_all_shards(const struct context *c)
{
	return c->shards_closed == UINT64_MAX >> (64 - c->n_shards);
}

/* The order: the stage first, then the counts; pair(running). */
static bool
may_let_go(const struct context *c)
{
	return has_all_shards(c) && c->strands.n == 0 &&
	    /* pair(running) seq_cst: set before this look at the counts, as
	     * others count before they look at it. */
	    atom32_load_seqcst(&c->stage) == CONTEXT_CLOSING &&
	    !ferry__context_is_running(c);
}

static bool
drain_contexts(struct worker *w)
{
	struct context **p = &w->contexts, *c;
	bool any = false;

	while ((c = *p) != NULL) {
		for (uint32_t i = 0; i < c->n_shards; i++)
			if (shard_stirs(c, i)) {
				w->stream |= drain_shard(w, c, i);
				any = true;
			}
		if (may_let_go(c)) {
			/* Out of the list first: fini may end the thread. */
			*p = c->next;
			ferry__context_let_go(w, c);
			any = true;
		} else {
			p = &c->next;
		}
	}
	return any;
}

/* --------------------------------------------------------------- sleeping */

static bool
stirs(void *arg)
{
	const struct worker *w = arg;

	if (ferry__list_stirs(&w->inner, LIST_TAG_SMALL) ||
	    w->ready != NULL || ferry__watch_listens(w))
		return true;
	for (const struct context *c = w->contexts; c != NULL; c = c->next) {
		for (uint32_t i = 0; i < c->n_shards; i++)
			if (shard_stirs(c, i))
				return true;
		if (may_let_go(c))
			return true;
	}
	return false;
}

static void
sleep_until_stirred(struct worker *w)
{
	uint64_t until = ferry__strand_rest_all(w, stirs);
	uint64_t timer = ferry__timer_next_ns(&w->timers);

	if (until > timer)
		until = timer;
	ferry__trace_welcome();
	ferry__park_announce(&w->park);
	/* Every mouth again, after the announcement: pair(park). */
	if (stirs(w)) {
		ferry__park_rise(&w->park);
		return;
	}
	count_single_add(&w->parks, 1);
	ferry__beat_idle(&w->beat);
	/* A signal or a spurious wake only makes it look again. */
	ferry__park_sleep(&w->park, until);
	ferry__park_rise(&w->park);
	if (ferry__beat_rise(&w->beat))
		ferry__event_thread_stir(&w->events);
	ferry__timing_clock(w, ferry__os_now_ns());
}

/*
 * Between two takes of a stream: looking again at once would find the next
 * few requests, at the price of the head's line going over and back each time
 * while the producer's push waits for it. A single request is no stream, so a
 * round trip is not held up.
 */
static void
linger(struct worker *w)
{
	w->stream = false;
	for (int i = 0; i < LINGER; i++)
		cpu_relax();
}

static void
loop(struct worker *w)
{
	bool any;

	for (;;) {
		/* Relaxed: a hint for those who would spin for us. */
		atom32_store_relaxed(&w->cpu, ferry__os_cpu());
		any = drain_inner(w);
		any |= drain_contexts(w);
		any |= ferry__strand_run(w);
		ferry__watch_between(w);
		if (UNLIKELY(ferry__watch_listens(w)))
			/* It has returned, and that is to be told. */
			ferry__watch_listener(w);
		if (any) {
			if (w->stream)
				linger(w);
			continue;
		}
		/* pair(leaving) acquire: after every last job was posted. */
		if (atom32_load_acquire(&w->leaving) != 0 && !stirs(w))
			return;
		if (!ferry__park_spin(&w->spin, stirs, w))
			sleep_until_stirred(w);
	}
}

/* -------------------------------------------------------- the lost thread */

/* This thread is that worker's FFI thread; NULL: no more. */
static void
be(struct worker *w)
{
	ferry__self.coro = NULL;
	ferry__self.worker = w;
	ferry__self.waits = w != NULL ? &w->waits : NULL;
	ferry__self.roles = w != NULL ? SELF_FFI : 0;
}

static void
mend(struct worker *w)
{
	enum worker_doing doing = w->doing;

	ferry__coro_adopt(&w->coros);
	ferry__stuck_mend(w);
	w->doing = DOING_OWN;
	w->call = 0;
	if (w->scoped)
		ferry__call_end_scopes(w);
	if (doing == DOING_HANDLER || doing == DOING_STRAND)
		ferry__dispatch_lost_in(w->context);
	if (w->strand != NULL)
		doing = ferry__strand_mend(w, doing);
	if (doing == DOING_HANDLER)
		ferry__dispatch_mend(w);
	else if (doing == DOING_CALLBACK)
		ferry__reply_called_back(w, w->current);
	else if (doing != DOING_OWN)
		ferry__context_mend(w, doing);
	ferry__strand_lose_waiting(w);
	/* What the thread had taken, in the order it would have had. */
	ferry__dispatch_batch(w);
	run_jobs(w);
}

static int
start_thread(struct worker *w)
{
	pthread_t unused_here; /* the thread itself writes w->thread */

	return ferry__os_thread_start(&unused_here, run, w, w->stack_size);
}

static void
leave(struct worker *w)
{
	be(NULL);
	/* pair(gone) release: all that this thread did. */
	atom32_store_release(&w->gone, 1);
	ferry__os_wake(&w->gone, INT_MAX);
}

static void
put_away(struct worker *w)
{
	ferry__strand_out_rest(w);
	free(w->scratch);
	w->scratch = NULL;
	w->scratch_size = 0;
	pthread_mutex_lock(&mutex);
	w->next = unused;
	unused = w;
	pthread_mutex_unlock(&mutex);
}

/* Nobody is there to join it: an open that was given up. */
static void
end_alone(struct worker *w)
{
	be(NULL);
	ferry__event_thread_join(&w->events);
	if (!w->detached)
		pthread_detach(pthread_self());
	put_away(w);
}

static void
end(struct worker *w)
{
	ferry__beat_idle(&w->beat);
	if (w->ending_itself)
		end_alone(w);
	else
		leave(w);
}

/* A clean-up handler: the thread is ending inside somebody's code. */
static void
lost(void *arg)
{
	struct worker *w = arg;

	ferry__fork_returned(w->mark);
	count_single_add(&w->lost, 1);
	ferry__timing_lost(w);
	pthread_detach(pthread_self());
	be(NULL);
	if (start_thread(w) == 0)
		return;
	/* There is no thread to be had. This one can still run Ferry's own
	 * code, so it answers everything, and starts nothing. As in a
	 * successor, what was in hand is no more. */
	ferry__beat(&w->beat, BEAT_NO_SLOT);
	w->refusing = true;
	for (struct context *c = w->contexts; c != NULL; c = c->next)
		/* Relaxed: this thread looks at it. */
		atom32_store_relaxed(&c->refusing, 1);
	w->detached = true;
	be(w);
	mend(w);
	loop(w);
	end(w);
}

static void *
run(void *arg)
{
	struct worker *w = arg;

	ferry__fork_enter();
	w->mark = ferry__fork_mark();
	/* For who joins, who waits for `gone` first: pair(gone). */
	w->thread = pthread_self();
	be(w);
	ferry__coro_owner_open(&w->coros);
	ferry__os_thread_name(w->thread_name);
	ferry__trace_welcome();
	pthread_cleanup_push(lost, w);
	if (ferry__beat_rise(&w->beat))
		ferry__event_thread_stir(&w->events);
	/* Behind that beat: what stood before was not this thread. Relaxed:
	 * the next beat that names anything publishes it. */
	atom32_store_relaxed(&w->id, ferry__os_thread_id());
	mend(w);
	loop(w);
	pthread_cleanup_pop(0);
	end(w);
	return NULL;
}

/* --------------------------------------------------------------- its life */

void
ferry__worker_post(struct worker *w, struct job *j)
{
	/* Never closed: generation 0 for ever. */
	ferry__list_push(&w->inner, &j->link, &j->link, 0, LIST_TAG_SMALL);
	ferry__park_wake(&w->park);
}

void
ferry__worker_adopt(struct worker *w, struct context *c)
{
	if (w->refusing)
		/* Relaxed: this thread looks at it. */
		atom32_store_relaxed(&c->refusing, 1);
	c->next = w->contexts;
	w->contexts = c;
}

/* With the mutex held; keys are interned. */
static struct worker *
find(const char *key)
{
	struct worker *w = in_use;

	while (w != NULL && (key == NULL || w->key != key))
		w = w->next;
	return w;
}

static struct worker *
make(void)
{
	struct worker *w;

	pthread_mutex_lock(&mutex);
	w = unused;
	if (w != NULL)
		unused = w->next;
	pthread_mutex_unlock(&mutex);
	if (w == NULL) {
		w = ferry__alloc_for_ever(sizeof *w);
		if (w == NULL)
			return NULL;
		pthread_mutex_init(&w->events.mutex, NULL);
		ferry__list_open(&w->inner, 0);
	}
	if (w->recent == NULL)
		w->recent = ferry__alloc_for_ever(
		    DISPATCH_RECENT * sizeof(struct node *));
	if (w->recent == NULL) {
		/* The next one gets what there is: opens that fail over and
		 * over keep no more than one that succeeds. */
		put_away(w);
		return NULL;
	}
	return w;
}

/* A worker of a former life keeps the words that strangers may look at: park,
 * beat, inner lane. */
static void
reset(struct worker *w)
{
	w->batch = NULL;
	w->n_recent = 0;
	w->jobs = NULL;
	ASSERT(w->touched == NULL);
	w->current = NULL;
	w->context = NULL;
	w->call = 0;
	w->block = NULL;
	w->deferred = w->scoped = w->refusing = false;
	w->detached = w->ending_itself = false;
	w->doing = DOING_OWN;
	w->contexts = NULL;
	w->letting_go = NULL;
	w->ending = NULL;
	w->strand = NULL;
	w->ready = NULL;
	w->ready_end = &w->ready;
	w->timers = (struct timers){ 0 };
	w->trim_ns = OS_NEVER;
	w->hold = (struct hold){ 0 };
	w->spin = (struct spin){ 0 };
	/* Relaxed: the threads' creation publishes them. */
	atom64_store_relaxed(&w->parks.n, 0);
	atom64_store_relaxed(&w->lost.n, 0);
	atom32_store_relaxed(&w->leaving, 0);
	atom32_store_relaxed(&w->gone, 0);
}

static int
start(struct worker *w)
{
	snprintf(w->events.name, sizeof w->events.name, "%.13s-e",
	    w->thread_name);
	if (ferry__event_thread_start(
	        &w->events, &w->beat, &ferry__watch_ops, w) != 0)
		return FERRY_ESYSTEM;
	if (start_thread(w) != 0) {
		ferry__event_thread_join(&w->events);
		return FERRY_ESYSTEM;
	}
	return FERRY_OK;
}

static bool
serves(const struct worker *w, const struct worker_options *o)
{
	return (!o->named || w->thread_name == o->name) &&
	    (o->stack_size == 0 || w->stack_size == o->stack_size);
}

/* Under `starting` alone: a worker that is being started is in no list. */
static int
make_started(struct worker **out, const struct worker_options *o)
{
	struct worker *w = make();
	int r;

	if (w == NULL)
		return FERRY_ENOMEM;
	reset(w);
	w->key = o->key;
	w->thread_name = o->name;
	w->stack_size = o->stack_size;
	w->references = 1;
	r = start(w);
	if (r != FERRY_OK) {
		put_away(w);
		return r;
	}
	pthread_mutex_lock(&mutex);
	w->next = in_use;
	in_use = w;
	pthread_mutex_unlock(&mutex);
	*out = w;
	return FERRY_OK;
}

int
ferry__worker_ref(struct worker **out, const struct worker_options *o)
{
	struct worker *w;
	int r;

	/* Two openers of one key: the second finds the first one's. */
	pthread_mutex_lock(&starting);
	pthread_mutex_lock(&mutex);
	w = find(o->key);
	r = w == NULL || serves(w, o) ? FERRY_OK : FERRY_EINVAL;
	if (w != NULL && r == FERRY_OK) {
		w->references++;
		*out = w;
	}
	pthread_mutex_unlock(&mutex);
	if (w == NULL)
		r = make_started(out, o);
	pthread_mutex_unlock(&starting);
	return r;
}

bool
ferry__worker_release(struct worker *w)
{
	struct worker **p;
	bool last;

	pthread_mutex_lock(&mutex);
	last = --w->references == 0;
	if (last) {
		for (p = &in_use; *p != w; p = &(*p)->next)
			;
		*p = w->next;
	}
	pthread_mutex_unlock(&mutex);
	return last;
}

/* Until the thread has left its loop; it may be a successor by then. */
static void
await_gone(struct worker *w)
{
	/* pair(gone) acquire. */
	while (atom32_load_acquire(&w->gone) == 0)
		ferry__os_wait(&w->gone, 0, OS_NEVER);
}

static void
look_again(struct worker *w, struct job *j)
{
	(void)w;
	(void)j;
}

void
ferry__worker_end_itself(struct worker *w)
{
	w->ending_itself = true;
	/* Relaxed: read by this thread. */
	atom32_store_relaxed(&w->leaving, 1);
}

void
ferry__worker_join(struct worker *w)
{
	/* pair(leaving) release: every last job has been posted. */
	atom32_store_release(&w->leaving, 1);
	w->leave_job.run = look_again;
	ferry__worker_post(w, &w->leave_job);
	/* At the same time: no context is left to be watched. */
	ferry__event_thread_leave(&w->events);
	await_gone(w);
	if (!w->detached)
		ferry__os_thread_join(w->thread);
	ferry__event_thread_join(&w->events);
	put_away(w);
}

void
ferry__worker_forked(void)
{
	ferry__fork_renew(&mutex);
	ferry__fork_renew(&starting);
	in_use = NULL;
	unused = NULL;
}
