/*
 * Answers on their way; see reply.h.
 *
 * Threads: deliver() and drop() from any; call_back() on the FFI thread;
 * not_run() on any other.
 */
#include "ffi/reply.h"

#include "ffi/self.h"

#define HOMES_AT_ONCE 16u

/* --------------------------------------------------------------- counting */

struct wanting {
	struct home *homes[HOMES_AT_ONCE];
	unsigned n;
};

static void
collect_wanting(struct home *h, void *arg)
{
	struct wanting *w = arg;

	if (w->n < HOMES_AT_ONCE && ferry__node_wants_room(h))
		w->homes[w->n++] = h;
}

/* Tells every home that wants room; collected first, because posting may run
 * a doorbell function, and that runs under no lock. */
COLD void
ferry__reply_tell_room(struct total *t)
{
	struct context *c = t->context;
	struct wanting w;

	do {
		w.n = 0;
		ferry__node_each_home(&c->homes, collect_wanting, &w);
		for (unsigned i = 0; i < w.n; i++)
			ferry__attachment_post_room(w.homes[i]);
	} while (w.n == HOMES_AT_ONCE);
}

void
ferry__reply_count_elsewhere(struct context *c, enum outcome o)
{
	/* pair(running) seq_cst: counted before the look at the stage, which
	 * close() sets before the worker looks at the counts. */
	atom64_add_seqcst(&c->ended_elsewhere[o], 1);
	/* pair(running) seq_cst. */
	if (atom32_load_seqcst(&c->stage) == CONTEXT_CLOSING)
		ferry__context_nudge(c);
}

void
ferry__reply_count_late(struct context *c)
{
	/* pair(late) seq_cst: counted, its memory freed, before a closer that
	 * sleeps on the word is told. */
	atom64_add_seqcst(&c->late_elsewhere, 1);
	/* pair(late) seq_cst. */
	atom32_add_seqcst(&c->late_told, 1);
	ferry__os_wake(&c->late_told, INT32_MAX);
}

void
ferry__reply_enter(struct context *c)
{
	/* pair(busy) seq_cst: entered before the claim is made. */
	atom32_add_seqcst(&c->busy, 1);
}

void
ferry__reply_leave(struct context *c)
{
	/* pair(busy) seq_cst. */
	if (atom32_sub_seqcst(&c->busy, 1) == 1 &&
	    /* pair(busy) seq_cst: a closer may sleep on it. */
	    atom32_load_seqcst(&c->stage) >= CONTEXT_CLOSING)
		ferry__os_wake(&c->busy, INT32_MAX);
}

/* ------------------------------------------------------------- going home */

/*
 * Whether this worker's chains may take it: they are for the homes of contexts
 * that it runs, and has not let go of (context.c). A reply that was taken late
 * may be of a former life.
 */
static bool
is_of(const struct worker *w, const struct node *n)
{
	const struct context *c = ferry__reply_context(n);

	if (ferry__context_worker(c) != w)
		return false;
	/* Relaxed, all: while the life is the same, only this thread lets go
	 * of the context; and a token never comes again. */
	return atom32_load_relaxed(&c->stage) != CONTEXT_LEFT &&
	    ferry__home_token(n->home) ==
	    atom64_load_relaxed(&c->slot->token);
}

void
ferry__reply_drop(struct node *n)
{
	struct node_chain home = { .room = ferry__attachment_post_room };
	struct worker *w = ferry__self.worker;

	if (!ferry__node_drop(n))
		return;
	if (w != NULL && is_of(w, n)) {
		if (ferry__node_give_worker(&w->touched, n))
			ferry__attachment_post_room(n->home);
		return;
	}
	ferry__node_give(&home, n);
	ferry__node_chain_flush(&home);
}

static void
free_reply(struct node *n)
{
	int status;

	if (!ferry__node_answered(n, &status))
		ferry__alloc_block_free(n->reply);
}

static void
discard(struct node *n)
{
	free_reply(n);
	ferry__node_taken(n);
	count_shared_add(&n->home->discarded, 1);
	ferry__reply_drop(n);
}

/* ------------------------------------------------------------- delivering */

static void
set_done(struct node *n)
{
	int status;

	if (!ferry__node_answered(n, &status))
		/* pair(beat) release, and for those who ask by token. */
		atom64_store_release(&n->state,
		    ferry__node_word(
		        atom64_load_relaxed(&n->state), NODE_DONE));
}

static void
wake_waiter(struct node *n)
{
	/* pair(wait) acq_rel: the reply is in the node; and of waiter,
	 * releaser and us the order is that of this word. */
	uint32_t before = atom32_xchg_acqrel(&n->wait, WAIT_DONE);

	if (before == WAIT_STRAND)
		/* It takes the reply when the job has run, not before. */
		ferry__worker_post(n->awaiter->worker, &n->awaiter->job);
	else if (before == WAIT_RELEASED)
		discard(n);
	else if (before == WAIT_PARKED)
		/* The node may be somebody else's by now. It is never freed,
		 * and a wake too many is harmless. */
		ferry__os_wake(&n->wait, 1);
}

void
ferry__reply_call_back(struct worker *w, struct context *c, struct node *n,
    enum outcome outcome)
{
	enum worker_doing before = w->doing;
	uint32_t roles = ferry__self.roles;
	bool answered;
	int status = n->status;

	/* pair(told) acquire: against a closer that counts it as not run.
	 * pair(told) release: and it against us; one of both wins. */
	if (atom64_or_acqrel(&n->claim, CLAIM_TOLD) & CLAIM_TOLD) {
		free_reply(n);
		ferry__reply_drop(n);
		return;
	}
	if (outcome != OUTCOMES)
		count_single_add(&c->ended[outcome], 1);
	answered = ferry__node_answered(n, &status);
	w->current = n;
	w->context = c;
	w->block = answered ? NULL : n->reply;
	w->doing = DOING_CALLBACK;
	ferry__self.roles |= SELF_CALLBACK;
	n->callback(ferry__node_token(n, TOKEN_REQUEST), status, w->block,
	    answered ? 0 : n->reply_size, n->user);
	ferry__fork_returned(w->mark);
	ferry__self.roles = roles;
	w->doing = before;
	ferry__reply_called_back(w, n);
}

void
ferry__reply_called_back(struct worker *w, struct node *n)
{
	w->current = NULL;
	ferry__alloc_block_free(w->block);
	w->block = NULL;
	ferry__node_taken(n);
	ferry__reply_drop(n);
}

static void
call_back_closed(void *node)
{
	struct node *n = node;
	int status = FERRY_ECLOSED;

	/* Cancelled in the queue, perhaps. What a deferred reply has left in
	 * the node is the FFI thread's to free. */
	ferry__node_answered(n, &status);
	n->callback(ferry__node_token(n, TOKEN_REQUEST), status, NULL, 0,
	    n->user);
}

void
ferry__reply_not_run(struct context *c, struct node *n, bool count)
{
	uint32_t mark = ferry__fork_mark(), roles = ferry__self.roles;
	int before;

	if (n->flags & NODE_ANY_THREAD) {
		/* As a doorbell function, which may call nothing either. */
		ferry__self.roles |= SELF_DOORBELL;
		before = ferry__os_hold_cancel();
		ferry__self_run(call_back_closed, n);
		ferry__os_resume_cancel(before);
		ferry__fork_returned(mark);
		ferry__self.roles = roles;
	} else if (count) {
		/* Relaxed: read when all who count have left. */
		atom32_add_relaxed(&c->callback_not_run, 1);
	}
	ferry__reply_drop(n);
}

static void
call_back_later(struct worker *w, struct job *j)
{
	struct node *n = container_of(j, struct node, job);

	/* It is measured as a part of the request, as one is that runs when
	 * its handler has returned. */
	ferry__beat(&w->beat, n->index);
	ferry__reply_call_back(w, ferry__reply_context(n), n,
	    ferry__reply_outcome(n->status));
	ferry__beat(&w->beat, BEAT_NO_SLOT);
}

void
ferry__reply_call_back_deferred(struct worker *w, struct context *c,
    struct node *n, enum outcome outcome)
{
	set_done(n);
	ferry__reply_call_back(w, c, n, outcome);
}

void
ferry__reply_end_deferred(struct context *c, struct node *n)
{
	if ((n->flags & NODE_CALLBACK) == 0) {
		ferry__reply_count_elsewhere(
		    c, ferry__reply_outcome(n->status));
		ferry__reply_deliver(c, n);
		return;
	}
	set_done(n);
	n->job.run = call_back_later;
	ferry__worker_post(ferry__context_worker(c), &n->job);
}

void
ferry__reply_deliver(struct context *c, struct node *n)
{
	struct worker *w = ferry__context_worker(c);

	set_done(n);
	if (n->flags & NODE_INBOX) {
		if (!ferry__inbox_post_reply(n))
			discard(n);
	} else if (n->flags & NODE_WAITED) {
		wake_waiter(n);
	} else {
		ASSERT(ferry__self.worker == w);
		ferry__reply_call_back(w, c, n, OUTCOMES);
	}
}
