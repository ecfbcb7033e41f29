/*
 * From a batch of nodes to answers: starts each request, runs its handler,
 * and hands over what the handler said.
 *
 * Threads: the FFI thread alone. The argument against those who cancel and
 * close meanwhile is in node.h; each step of it is named here.
 */
#include "ffi/dispatch.h"

#include "ffi/call.h"
#include "ffi/cancel.h"
#include "ffi/context.h"
#include "ffi/reply.h"
#include "ffi/self.h"
#include "ffi/watch.h"

#define AHEAD 2u /* requests whose payload is asked for */

/* -------------------------------------------------------------- finishing */

void
ferry__dispatch_flush(struct worker *w)
{
	struct home *h = w->touched;

	w->touched = NULL;
	while (h != NULL) {
		struct home *next = h->chain_next;

		h->chain_listed = false;
		if (ferry__node_flush_worker(h))
			ferry__attachment_post_room(h);
		h = next;
	}
}

static inline void
give_home(struct worker *w, struct node *n)
{
	if (UNLIKELY(ferry__node_give_worker(&w->touched, n)))
		ferry__attachment_post_room(n->home);
}

/* The answer is the worker's, and goes by callback: not the fast path. */
COLD static void
call_back(struct worker *w, struct context *c, struct node *n)
{
	w->current = n;
	w->context = c;
	w->block = w->answer.is_block ? w->answer.data : NULL;
	w->doing = DOING_CALLBACK;
	ferry__self.roles = SELF_FFI | SELF_CALLBACK;
	n->callback(ferry__node_token(n, TOKEN_REQUEST), w->answer.status,
	    w->answer.data, w->answer.size, n->user);
	ferry__fork_returned(w->mark);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
	ferry__reply_called_back(w, n);
}

static void
free_answer(struct worker *w)
{
	if (w->answer.is_block)
		ferry__alloc_block_free(w->answer.data);
}

/* Ours to answer: nobody else has, or will. */
static void
deliver(struct worker *w, struct context *c, struct node *n,
    enum outcome outcome)
{
	count_single_add(&c->ended[outcome], 1);
	if (n->flags & NODE_CALLBACK) {
		call_back(w, c, n);
		return;
	}
	n->status = w->answer.status;
	n->reply = w->answer.data;
	n->reply_size = w->answer.size;
	ferry__reply_deliver(c, n);
}

/* Not by callback, or somebody has a hand on the request. A hook that runs is
 * waited for: until it has ended this thread starts nothing else. */
static void
finish_slow(struct worker *w, struct context *c, struct node *n,
    uint64_t claim, enum outcome outcome)
{
	uint64_t old;
	int status;

	if (LIKELY(ferry__node_is_plain(claim))) {
		deliver(w, c, n, outcome);
		return;
	}
	/* pair(claim) acq_rel: no hook is begun from here on. */
	old = atom64_or_acqrel(&n->claim, CLAIM_FINISHED);
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

/* --------------------------------------------------------------- starting */

/* Whether the context answers what is queued by FERRY_ECLOSED. */
static inline bool
is_refusing(const struct context *c)
{
	/* Relaxed: who sets it does not wait for a certain request. */
	return UNLIKELY(atom32_load_relaxed(&c->refusing) != 0);
}

/* Somebody has answered a request that this thread has not run. */
COLD static void
meet_answered(struct worker *w, struct context *c, struct node *n,
    uint64_t claim)
{
	if (claim & CLAIM_STARTED) {
		/* Answered as a started one; see ferry__cancel_abandon(). */
		count_single_add(&c->started, 1);
		count_single_add(&c->late, 1);
		ferry__node_free_payload(n);
	}
	if (n->flags & NODE_CALLBACK)
		ferry__reply_call_back(w, c, n, OUTCOMES);
	else
		ferry__reply_drop(n);
	ferry__timing_forget(w);
}

/* Answers a request that will not start, unless somebody has. */
COLD static void
end_unstarted(struct worker *w, struct context *c, struct node *n,
    enum outcome outcome, int status)
{
	/* pair(claim) acquire. */
	uint64_t claim = atom64_load_acquire(&n->claim);

	do
		if (claim & CLAIM_ANSWERED) {
			meet_answered(w, c, n, claim);
			return;
		}
	/* pair(claim) acq_rel: from here on nobody else answers it. */
	while (!atom64_cas_acqrel(
	    &n->claim, &claim, claim | CLAIM_STARTED | CLAIM_FINISHED));
	ferry__node_free_payload(n);
	/* Relaxed: for those who ask by token. */
	atom64_store_relaxed(&n->state,
	    ferry__node_word(atom64_load_relaxed(&n->state), NODE_DONE));
	w->answer = (struct answer){ .status = status, .given = true };
	deliver(w, c, n, outcome);
	ferry__timing_forget(w);
	ferry__watch_between(w);
}

/* A flag was seen at the start: a tombstone, or somebody wants it to end.
 * True: to be started after all. */
COLD static bool
start_slow(struct worker *w, struct context *c, struct node *n)
{
	/* pair(claim) acquire. */
	uint64_t claim = atom64_load_acquire(&n->claim);

	do {
		if (claim & CLAIM_ANSWERED) {
			meet_answered(w, c, n, claim);
			return false;
		}
		if (claim & (CLAIM_CANCEL | CLAIM_CLOSE)) {
			if (is_refusing(c))
				end_unstarted(w, c, n, UNSTARTED_CLOSED,
				    FERRY_ECLOSED);
			else
				end_unstarted(w, c, n, UNSTARTED_CANCELED,
				    FERRY_ECANCELED);
			return false;
		}
		/* pair(claim) acq_rel: against who would answer it. */
	} while (!atom64_cas_acqrel(
	    &n->claim, &claim, claim | CLAIM_STARTED));
	return true;
}

/* What there may be to look at before a start; true: start. */
COLD static bool
may_start(struct worker *w, struct context *c, struct node *n)
{
	if (is_refusing(c)) {
		end_unstarted(w, c, n, UNSTARTED_CLOSED, FERRY_ECLOSED);
		return false;
	}
	if ((n->flags & NODE_DEADLINE) &&
	    n->deadline_ns <= ferry__os_now_ns()) {
		end_unstarted(
		    w, c, n, UNSTARTED_DEADLINE, FERRY_EDEADLINE);
		return false;
	}
	if (n->flags & (NODE_STALE | NODE_CANCEL_LATE)) {
		ferry__due_watch(&w->events.due, n);
		ferry__event_thread_stir(&w->events);
	}
	if (n->flags & NODE_TIMED)
		ferry__timing_begin_timed(w, c, n);
	return true;
}

/*
 * A request answered by its handler, with a callback and no hand on it but
 * ours: the end of the fast path. Plain to the end: nobody adds a reference
 * to keep once the phase is DONE (node.h).
 */
static ALWAYS_INLINE void
call_back_plain(struct worker *w, struct node *n, uint64_t generation,
    const struct answer *a)
{
	w->block = a->is_block ? a->data : NULL;
	w->doing = DOING_CALLBACK;
	ferry__self.roles = SELF_FFI | SELF_CALLBACK;
	n->callback(ferry__token_as(generation | n->index, TOKEN_REQUEST),
	    a->status, a->data, a->size, n->user);
	ferry__fork_returned(w->mark);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
	if (UNLIKELY(w->block != NULL)) {
		ferry__alloc_block_free(w->block);
		w->block = NULL;
	}
	/* Relaxed: only for those who ask by token. */
	atom64_store_relaxed(&n->state, generation | NODE_FREE);
	give_home(w, n);
}

/* The handler has returned; `a` is its answer. */
static ALWAYS_INLINE void
finish(struct worker *w, struct context *c, struct node *n,
    uint64_t generation, const struct answer *a, enum outcome outcome)
{
	uint64_t claim;

	ferry__node_free_payload(n);
	/* pair(cancel) release: the store of the fast path's fence. */
	atom64_store_release(&n->state, generation | NODE_DONE);
	ferry__os_barrier_light();
	/* pair(cancel) acquire: after the light barrier; see node.h. */
	claim = atom64_load_acquire(&n->claim);
	if (LIKELY(ferry__node_is_plain(claim) &&
	        n->flags == NODE_CALLBACK)) {
		count_single_add(&c->ended[outcome], 1);
		call_back_plain(w, n, generation, a);
	} else {
		w->answer = *a;
		finish_slow(w, c, n, claim, outcome);
	}
}

/* The handler has returned; false: its call is answered elsewhere. */
static bool
is_to_finish(struct worker *w, struct node *n)
{
	if (w->scoped)
		ferry__call_end_scopes(w);
	if (!w->deferred)
		return true;
	/* It may have been answered by now; a strand's that has ended has
	 * been, and is nobody's. */
	if (LIKELY(w->current != NULL))
		ferry__reply_drop(n);
	return false;
}

static ALWAYS_INLINE void
handle(struct worker *w, struct context *c, struct node *n,
    const struct method *m, uint64_t generation)
{
	ferry_call call = ferry__token_as(generation | n->index, TOKEN_CALL);
	struct answer a = { 0 };

	w->current = n;
	w->context = c;
	w->call = call;
	w->answer.given = false;
	w->unusual = 0;
	count_single_add(&c->started, 1);
	w->doing = DOING_HANDLER;
	ferry__self.roles = SELF_FFI | SELF_HANDLER;
	a.status = m->handler(call, ferry__node_data(n), n->size, c->state);
	ferry__fork_returned(w->mark);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
	w->call = 0;
	if (UNLIKELY(w->unusual != 0) && !is_to_finish(w, n))
		return;
	if (w->answer.given)
		a = w->answer;
	finish(w, c, n, generation, &a, ferry__reply_outcome(a.status));
}

/* The watcher has looked meanwhile, a listener holds it up, or it is timed.
 * What lies behind may last as long again: who waits for room waits no more. */
COLD static void
has_lasted(struct worker *w, struct context *c, const struct method *m,
    ferry_call call)
{
	ferry__timing_end(w, c, m, call);
	ferry__watch_between(w);
	ferry__dispatch_flush(w);
}

static ALWAYS_INLINE void
run_one(struct worker *w, struct context *c, struct node *n)
{
	const struct method *m;
	uint64_t generation =
	    ferry__node_word(atom64_load_relaxed(&n->state), NODE_FREE);
	uint64_t claim;

	/* pair(cancel) release: the store of the fast path's fence. */
	atom64_store_release(&n->state, generation | NODE_RUNNING);
	ferry__beat(&w->beat, n->index);
	ferry__timing_begin(w);
	ferry__os_barrier_light();
	/* pair(cancel) acquire: after the light barrier; see node.h. */
	claim = atom64_load_acquire(&n->claim);
	if (UNLIKELY(!ferry__node_is_plain(claim)) && !start_slow(w, c, n))
		return;
	if (UNLIKELY((n->flags &
	                 (NODE_DEADLINE | NODE_STALE | NODE_TIMED)) != 0 ||
	        is_refusing(c)) &&
	    !may_start(w, c, n))
		return;
	m = &c->methods->at[ferry__node_method(n)];
	handle(w, c, n, m, generation);
	/* The node may be another's by now; all but its index. */
	if (UNLIKELY(ferry__timing_asks(w)))
		has_lasted(w, c, m,
		    ferry__token_as(generation | n->index, TOKEN_CALL));
}

/* ---------------------------------------------------------------- batches */

static inline void
prefetch_payload(const struct node *n)
{
	__builtin_prefetch((const char *)n + 64);
}

/* Oldest first. */
static struct node *
reverse(struct link *l)
{
	struct node *oldest = NULL;

	while (l != NULL) {
		struct node *n = (struct node *)l;

		l = n->link.next;
		ferry__ahead_walk(n);
		n->link.next = oldest != NULL ? &oldest->link : NULL;
		oldest = n;
	}
	return oldest;
}

/*
 * Takes a list, newest first, apart. The newest of it are remembered by
 * address, the rest, if any, is reversed in place: the walk then mostly only
 * reads, while lines are asked for ahead of it, to be written.
 */
void
ferry__dispatch_load(struct worker *w, struct context *c, struct link *newest)
{
	uint32_t n = 0;

	while (newest != NULL && n < DISPATCH_RECENT) {
		ferry__ahead_walk((struct node *)newest);
		w->recent[n++] = (struct node *)newest;
		newest = newest->next;
	}
	w->batch = reverse(newest);
	w->n_recent = n;
	w->batch_context = c;
}

static void
run_old(struct worker *w, struct context *c)
{
	struct node *n;

	while ((n = w->batch) != NULL) {
		w->batch = (struct node *)n->link.next;
		run_one(w, c, n);
	}
}

/* What was loaded, oldest first; the rest is kept where a successor finds
 * it. */
void
ferry__dispatch_batch(struct worker *w)
{
	struct context *c = w->batch_context;

	if (UNLIKELY(w->batch != NULL))
		run_old(w, c);
	while (w->n_recent != 0) {
		struct node *n = w->recent[--w->n_recent];

		if (w->n_recent >= AHEAD)
			prefetch_payload(w->recent[w->n_recent - AHEAD]);
		run_one(w, c, n);
	}
	ferry__beat(&w->beat, BEAT_NO_SLOT);
	ferry__dispatch_flush(w);
}

void
ferry__dispatch_lost_in(struct context *c)
{
	if ((c->flags & FERRY_CONTEXT_CLOSE_ON_LOSS) == 0)
		return;
	/* Relaxed: this thread looks at it. */
	atom32_store_relaxed(&c->refusing, 1);
	ferry__context_flip(c);
}

/* The handler, or other code of the host, has ended the thread under us. */
void
ferry__dispatch_mend(struct worker *w)
{
	struct context *c = w->context;
	struct node *n = w->current;
	struct answer a;

	/* The request stays the current one: the callback that tells of the
	 * loss may end this thread as well. */
	if (w->deferred) {
		ferry__reply_drop(n);
		return;
	}
	a = (struct answer){ .status = FERRY_ELOST };
	if (w->answer.given)
		/* It had answered before. */
		a = w->answer;
	/* The thread's end was a beat: its callback is the request's still. */
	ferry__beat(&w->beat, n->index);
	finish(w, c, n,
	    ferry__node_word(atom64_load_relaxed(&n->state), NODE_FREE), &a,
	    w->answer.given ? ferry__reply_outcome(a.status) : ENDED_LOST);
}
