/*
 * The FFI thread: takes from the bank and the inner lane, runs handlers,
 * beats the heart; and what happens when a handler ends its thread.
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

#include "ffi/alloc.h"
#include "ffi/cancel.h"
#include "ffi/context.h"
#include "ffi/reply.h"
#include "ffi/self.h"
#include "ffi/watch.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static struct worker *in_use;
static struct worker *unused;

static void *run(void *arg);

/* --------------------------------------------------------------- finishing */

static void
flush_homes(struct worker *w)
{
	struct home *h = w->touched;

	w->touched = NULL;
	while (h != NULL) {
		struct home *next = h->chain_next;

		h->chain_listed = false;
		if (ferry__node_flush_worker(h))
			ferry__inbox_post_room(h);
		h = next;
	}
}

static inline void
give_home(struct worker *w, struct node *n)
{
	if (UNLIKELY(ferry__node_give_worker(&w->touched, n)))
		ferry__inbox_post_room(n->home);
}

/* The answer is the worker's, and goes by callback. */
static inline void
call_back(struct worker *w, struct context *c, struct node *n)
{
	w->current = n;
	w->context = c;
	w->block = w->answer.is_block ? w->answer.data : NULL;
	w->doing = DOING_CALLBACK;
	ferry__self.roles = SELF_FFI | SELF_CALLBACK;
	n->callback(ferry__node_token(n, TOKEN_REQUEST), w->answer.status,
	    w->answer.data, w->answer.size, n->user);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
	w->current = NULL;
	if (UNLIKELY(w->block != NULL)) {
		ferry__alloc_block_free(w->block);
		w->block = NULL;
	}
	ferry__node_taken(n);
	if (LIKELY(ferry__node_drop(n)))
		give_home(w, n);
}

static void
free_answer(struct worker *w)
{
	if (w->answer.is_block)
		ferry__alloc_block_free(w->answer.data);
}

/* Ours to answer: nobody else has, or will. */
static inline void
deliver(struct worker *w, struct context *c, struct node *n,
    enum outcome outcome)
{
	count_single_add(&c->ended[outcome], 1);
	if (UNLIKELY(n->flags & NODE_COUNTED))
		ferry__reply_uncount(c, n);
	if (LIKELY(n->flags & NODE_CALLBACK)) {
		call_back(w, c, n);
		return;
	}
	n->status = w->answer.status;
	n->reply = w->answer.data;
	n->reply_size = w->answer.size;
	ferry__reply_deliver(c, n);
}

/* Somebody has a hand on the request. A hook that runs is waited for: until
 * it has ended this thread starts nothing else. */
COLD static void
finish_slow(struct worker *w, struct context *c, struct node *n,
    enum outcome outcome)
{
	/* pair(claim) acq_rel: no hook is begun from here on. */
	uint64_t old = atom64_or_acqrel(&n->claim, CLAIM_FINISHED);
	int status;

	if ((old & (CLAIM_HOOKING | CLAIM_HOOKED)) == CLAIM_HOOKING)
		ferry__cancel_await_hook(n);
	if (ferry__node_answered(n, &status)) {
		free_answer(w);
		count_single_add(&c->late, 1);
		ferry__reply_drop(n);
		return;
	}
	deliver(w, c, n, outcome);
}

static inline void
finish(struct worker *w, struct context *c, struct node *n,
    enum outcome outcome)
{
	uint64_t claim;

	ferry__node_free_payload(n);
	/* pair(cancel) release: the store of the fast path's fence. */
	atom64_store_release(&n->state,
	    ferry__node_word(atom64_load_relaxed(&n->state), NODE_DONE));
	ferry__os_barrier_light();
	/* pair(cancel) acquire: after the light barrier; see node.h. */
	claim = atom64_load_acquire(&n->claim);
	if (LIKELY(ferry__node_is_plain(claim)))
		deliver(w, c, n, outcome);
	else
		finish_slow(w, c, n, outcome);
}

/* ---------------------------------------------------------------- starting */

/* Answers a request that will not start. */
COLD static void
end_unstarted(struct worker *w, struct context *c, struct node *n,
    enum outcome outcome, int status)
{
	w->answer = (struct answer){ .status = status, .given = true };
	finish(w, c, n, outcome);
}

/* Whether the context answers what is queued by FERRY_ECLOSED. */
static bool
is_refusing(const struct worker *w, const struct context *c)
{
	return w->refusing ||
	    /* Relaxed: those who set them do not wait for a certain request. */
	    atom32_load_relaxed(&c->refusing) != 0 ||
	    atom32_load_relaxed(&ferry__context_quiesced) != 0;
}

/* A flag was seen at the start: a tombstone, or a cancel to be settled. True:
 * to be started after all. */
COLD static bool
start_slow(struct worker *w, struct context *c, struct node *n)
{
	/* pair(claim) acquire. */
	uint64_t claim = atom64_load_acquire(&n->claim);

	do
		if (claim & CLAIM_ANSWERED) {
			if (n->flags & NODE_CALLBACK)
				ferry__reply_call_back(w, c, n, false);
			else
				ferry__reply_drop(n);
			return false;
		}
	/* pair(claim) acq_rel: against who would answer it unstarted. */
	while (!atom64_cas_acqrel(&n->claim, &claim, claim | CLAIM_STARTED));
	if ((claim & (CLAIM_CANCEL | CLAIM_CLOSE)) == 0)
		return true;
	if (is_refusing(w, c) || (claim & CLAIM_CLOSE) != 0)
		end_unstarted(w, c, n, UNSTARTED_CLOSED, FERRY_ECLOSED);
	else
		end_unstarted(
		    w, c, n, UNSTARTED_CANCELED, FERRY_ECANCELED);
	return false;
}

/* What there may be to look at before a start; true: start. */
COLD static bool
may_start(struct worker *w, struct context *c, struct node *n)
{
	if (is_refusing(w, c)) {
		end_unstarted(w, c, n, UNSTARTED_CLOSED, FERRY_ECLOSED);
		return false;
	}
	if ((n->flags & NODE_DEADLINE) &&
	    n->deadline_ns <= ferry__os_now_ns()) {
		end_unstarted(
		    w, c, n, UNSTARTED_DEADLINE, FERRY_EDEADLINE);
		return false;
	}
	if (n->flags & NODE_STALE) {
		ferry__due_watch(&w->events.due, n);
		ferry__event_thread_stir(&w->events);
	}
	return true;
}

static inline void
handle(struct worker *w, struct context *c, struct node *n)
{
	const struct method *m = &c->library->methods[n->method];
	int status;

	w->current = n;
	w->context = c;
	w->call = ferry__node_token(n, TOKEN_CALL);
	w->answer = (struct answer){ 0 };
	w->deferred = false;
	count_single_add(&c->started, 1);
	w->doing = DOING_HANDLER;
	ferry__self.roles = SELF_FFI | SELF_HANDLER;
	status = m->handler(w->call, ferry__node_data(n), n->size, c->state);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
	w->call = 0;
	w->current = NULL;
	/* A deferred call may be answered, and its node another's, by now. */
	if (UNLIKELY(w->deferred))
		return;
	if (!w->answer.given)
		w->answer.status = status;
	finish(w, c, n, ferry__reply_outcome(w->answer.status));
}

static inline void
run_one(struct worker *w, struct context *c, struct node *n)
{
	uint64_t claim;

	/* pair(cancel) release: the store of the fast path's fence. */
	atom64_store_release(&n->state,
	    ferry__node_word(atom64_load_relaxed(&n->state), NODE_RUNNING));
	ferry__beat(&w->beat, n->index);
	ferry__os_barrier_light();
	/* pair(cancel) acquire: after the light barrier; see node.h. */
	claim = atom64_load_acquire(&n->claim);
	if (UNLIKELY(!ferry__node_is_plain(claim)) && !start_slow(w, c, n))
		return;
	if (UNLIKELY((n->flags & (NODE_DEADLINE | NODE_STALE)) != 0 ||
	        is_refusing(w, c)) &&
	    !may_start(w, c, n))
		return;
	handle(w, c, n);
}

/* ---------------------------------------------------------------- draining */

static inline void
prefetch(const struct node *n)
{
	__builtin_prefetch(n, 1);
	__builtin_prefetch((const char *)n + 64);
}

/* What was taken, oldest first; the rest is kept where a successor finds it. */
static void
run_batch(struct worker *w)
{
	struct context *c = w->batch_context;
	struct node *n;

	while ((n = w->batch) != NULL) {
		struct node *next = (struct node *)n->link.next;

		w->batch = next;
		/* Two ahead: the next one's link was read by the reversal. */
		if (next != NULL && next->link.next != NULL)
			prefetch((struct node *)next->link.next);
		run_one(w, c, n);
	}
	ferry__beat(&w->beat, BEAT_NO_SLOT);
	flush_homes(w);
}

static void
run_jobs(struct worker *w)
{
	while (w->jobs != NULL) {
		struct job *j = container_of(w->jobs, struct job, link);

		w->jobs = j->link.next;
		j->run(w, j);
	}
	flush_homes(w);
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

static void
drain_shard(struct worker *w, struct context *c, uint32_t i)
{
	uint64_t head = ferry__list_take(&c->shards[i], LIST_TAG_LINE);

	if (head & LIST_CLOSED)
		c->shards_closed |= UINT64_C(1) << i;
	w->batch = (struct node *)ferry__list_reverse(
	    ferry__list_first(head, LIST_TAG_LINE));
	w->batch_context = c;
	run_batch(w);
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
	return has_all_shards(c) &&
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
				drain_shard(w, c, i);
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

/* ----------------------------------------------------------------- sleeping */

static bool
stirs(void *arg)
{
	const struct worker *w = arg;

	if (ferry__list_stirs(&w->inner, LIST_TAG_SMALL))
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
	ferry__park_announce(&w->park);
	/* Every mouth again, after the announcement: pair(park). */
	if (stirs(w)) {
		ferry__park_rise(&w->park);
		return;
	}
	count_single_add(&w->parks, 1);
	ferry__beat_idle(&w->beat);
	/* A signal or a spurious wake only makes it look again. */
	ferry__park_sleep(&w->park, OS_NEVER);
	ferry__park_rise(&w->park);
	if (ferry__beat_rise(&w->beat))
		ferry__event_thread_rouse(&w->events);
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
		if (any)
			continue;
		/* pair(leaving) acquire: after every last job was posted. */
		if (atom32_load_acquire(&w->leaving) != 0 && !stirs(w))
			return;
		if (!ferry__park_spin(&w->spin, stirs, w))
			sleep_until_stirred(w);
	}
}

/* --------------------------------------------------------- the lost thread */

/* The handler, or other code of the host, has ended the thread under us. */
static void
mend_handler(struct worker *w)
{
	struct context *c = w->context;
	struct node *n = w->current;

	w->call = 0;
	w->current = NULL;
	if (c->flags & FERRY_CONTEXT_CLOSE_ON_LOSS) {
		/* Relaxed: this thread looks at it. */
		atom32_store_relaxed(&c->refusing, 1);
		ferry__context_flip(c);
	}
	if (w->deferred)
		return;
	free_answer(w);
	w->answer = (struct answer){ .status = FERRY_ELOST, .given = true };
	finish(w, c, n, ENDED_LOST);
}

static void
mend(struct worker *w)
{
	enum worker_doing doing = w->doing;

	w->doing = DOING_OWN;
	if (doing == DOING_HANDLER)
		mend_handler(w);
	else if (doing == DOING_CALLBACK)
		ferry__reply_called_back(w, w->current);
	else if (doing != DOING_OWN)
		ferry__context_mend(w, doing);
	/* What the thread had taken, in the order it would have had. */
	run_batch(w);
	run_jobs(w);
}

static int
start_thread(struct worker *w)
{
	/* Under the mutex: whoever joins reads what this writes. */
	int r;

	pthread_mutex_lock(&mutex);
	r = ferry__os_thread_start(
	    &w->thread, run, w, w->stack_size, w->thread_name);
	pthread_mutex_unlock(&mutex);
	return r;
}

static void
leave(struct worker *w)
{
	ferry__self.worker = NULL;
	ferry__self.roles = 0;
	/* pair(gone) release: all that this thread did. */
	atom32_store_release(&w->gone, 1);
	ferry__os_wake(&w->gone, INT_MAX);
}

static void
put_away(struct worker *w)
{
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
	ferry__self.worker = NULL;
	ferry__self.roles = 0;
	ferry__event_thread_join(&w->events);
	pthread_detach(pthread_self());
	put_away(w);
}

/* A clean-up handler: the thread is ending inside somebody's code. */
static void
lost(void *arg)
{
	struct worker *w = arg;

	count_single_add(&w->lost, 1);
	pthread_detach(pthread_self());
	ferry__self.worker = NULL;
	ferry__self.roles = 0;
	if (start_thread(w) == 0)
		return;
	/* There is no thread to be had. This one can still run Ferry's own
	 * code, so it answers everything, and starts nothing. */
	w->refusing = true;
	w->detached = true;
	ferry__self.worker = w;
	ferry__self.roles = SELF_FFI;
	mend(w);
	loop(w);
	leave(w);
}

static void *
run(void *arg)
{
	struct worker *w = arg;

	/* So that whoever started us has written w->thread. */
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	ferry__self.worker = w;
	ferry__self.roles = SELF_FFI;
	atom32_store_relaxed(&w->id, ferry__os_thread_id());
	pthread_cleanup_push(lost, w);
	if (ferry__beat_rise(&w->beat))
		ferry__event_thread_rouse(&w->events);
	mend(w);
	loop(w);
	pthread_cleanup_pop(0);
	ferry__beat_idle(&w->beat);
	if (w->ending_itself)
		end_alone(w);
	else
		leave(w);
	return NULL;
}

/* ---------------------------------------------------------------- its life */

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
	c->next = w->contexts;
	w->contexts = c;
}

/* With the mutex held. */
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
	struct worker *w = unused;

	if (w != NULL) {
		unused = w->next;
		return w;
	}
	w = ferry__alloc_for_ever(sizeof *w);
	if (w != NULL) {
		pthread_mutex_init(&w->events.mutex, NULL);
		ferry__list_open(&w->inner, 0);
	}
	return w;
}

/* A worker of a former life keeps the words that strangers may look at: park,
 * beat, inner lane. */
static void
reset(struct worker *w)
{
	w->batch = NULL;
	w->jobs = NULL;
	w->touched = NULL;
	w->current = NULL;
	w->context = NULL;
	w->call = 0;
	w->block = NULL;
	w->deferred = w->refusing = false;
	w->detached = w->ending_itself = false;
	w->doing = DOING_OWN;
	w->contexts = NULL;
	w->letting_go = NULL;
	w->ending = NULL;
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
	char name[16];

	snprintf(name, sizeof name, "%.13s-e", w->thread_name);
	if (ferry__event_thread_start(
	        &w->events, &w->beat, &ferry__watch_ops, w, name) != 0)
		return FERRY_ESYSTEM;
	if (start_thread(w) != 0) {
		ferry__event_thread_join(&w->events);
		return FERRY_ESYSTEM;
	}
	return FERRY_OK;
}

/* The threads are started without `mutex`, which they take themselves. */
int
ferry__worker_ref(struct worker **out, const char *key,
    const char *thread_name, size_t stack_size)
{
	struct worker *w;
	int r;

	pthread_mutex_lock(&starting);
	pthread_mutex_lock(&mutex);
	w = find(key);
	if (w != NULL) {
		bool same = w->stack_size == stack_size &&
		    strcmp(w->thread_name, thread_name) == 0;

		if (same)
			w->references++;
		pthread_mutex_unlock(&mutex);
		pthread_mutex_unlock(&starting);
		*out = w;
		return same ? FERRY_OK : FERRY_EINVAL;
	}
	w = make();
	pthread_mutex_unlock(&mutex);
	r = FERRY_ENOMEM;
	if (w != NULL) {
		reset(w);
		w->key = key;
		w->thread_name = thread_name;
		w->stack_size = stack_size;
		w->references = 1;
		r = start(w);
		if (r != FERRY_OK) {
			put_away(w);
		} else {
			pthread_mutex_lock(&mutex);
			w->next = in_use;
			in_use = w;
			pthread_mutex_unlock(&mutex);
			*out = w;
		}
	}
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
	bool detached;

	/* pair(leaving) release: every last job has been posted. */
	atom32_store_release(&w->leaving, 1);
	w->leave_job.run = look_again;
	ferry__worker_post(w, &w->leave_job);
	await_gone(w);
	pthread_mutex_lock(&mutex);
	detached = w->detached;
	pthread_mutex_unlock(&mutex);
	if (!detached)
		pthread_join(w->thread, NULL);
	ferry__event_thread_join(&w->events);
	put_away(w);
}
