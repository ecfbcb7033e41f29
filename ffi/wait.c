/*
 * Waiting for a reply: ferry_request_wait(), invoke and release; and the
 * circles that waiting workers could form.
 *
 * A waiter spins while that pays, then parks on the node's waiting word. The
 * word is changed only by read-modify-write, so waiter, releaser and replier
 * have one order: NONE to PARKED and back by the waiter, to RELEASED by who
 * gives up, to DONE by the replier, who learns from what it replaced whether
 * to wake or to discard.
 *
 * Circles. An FFI thread that waits publishes an edge, from its worker to the
 * one it waits for (seq_cst), and then walks along the edges (seq_cst): of
 * several that close a circle at once, the last to publish sees all of it. An
 * edge counts only while its request is unanswered and not deferred: else
 * somebody who does not wait may still answer it.
 */
#include "ffi/options.h"
#include "ffi/reply.h"
#include "ffi/request.h"
#include "ffi/self.h"

#define CIRCLE_MOST 256 /* edges followed; those beyond are not seen */

/* ---------------------------------------------------------------- circles */

/* Whom this worker waits for, if only that one can end the wait. */
static struct worker *
waits_for(const struct worker *w)
{
	/* pair(circle) seq_cst: published before we walk. */
	struct worker *to = atomp_load_seqcst(&w->waits_worker);
	uint64_t request = atom64_load_relaxed(&w->waits_request);
	struct node *n;
	uint64_t claim;

	if (to == NULL || request == 0)
		return to;
	if (ferry__request_node(&n, request, TOKEN_REQUEST) != FERRY_OK)
		return NULL;
	/* pair(claim) acquire: deferred, or answered. */
	claim = atom64_load_acquire(&n->claim);
	if ((claim & CLAIM_DEFERRED) != 0 ||
	    ferry__node_status(request, claim,
	        /* pair(beat) acquire. */
	        atom64_load_acquire(&n->state)) != FERRY_OK)
		return NULL;
	return to;
}

static int
publish_edge(struct worker *from, struct worker *to, uint64_t request)
{
	struct worker *w = to;

	atom64_store_relaxed(&from->waits_request, request);
	/* pair(circle) seq_cst: before the walk. */
	atomp_store_seqcst(&from->waits_worker, to);
	for (int i = 0; w != NULL && i < CIRCLE_MOST; i++) {
		if (w == from)
			return FERRY_EDEADLK;
		w = waits_for(w);
	}
	return FERRY_OK;
}

static void
withdraw_edge(struct worker *from)
{
	/* Relaxed: an edge seen too long is checked by its request. */
	atomp_store_relaxed(&from->waits_worker, NULL);
}

/* Law 4 for a wait on this context; publishes the edge of an FFI thread. */
static int
begin_wait(struct context *c, uint64_t request)
{
	const struct self *self = &ferry__self;
	int r;

	if (LIKELY(self->roles == 0))
		return FERRY_OK;
	if (self->worker == NULL || self->worker == c->worker ||
	    (self->roles & (SELF_HOOK | SELF_DOORBELL)) != 0)
		return FERRY_EREENTRANT;
	r = publish_edge(self->worker, c->worker, request);
	if (r != FERRY_OK)
		withdraw_edge(self->worker);
	return r;
}

static void
end_wait(void)
{
	if (UNLIKELY(ferry__self.worker != NULL))
		withdraw_edge(ferry__self.worker);
}

/* --------------------------------------------------------------- claiming */

/*
 * Sets `flag` on a request that is waited for; then it cannot end without
 * the caller. FERRY_EINVAL, FERRY_ESTALE, FERRY_EBUSY.
 */
static int
claim_waited(struct node *n, uint64_t token, uint64_t flag)
{
	/* pair(claim) acquire. */
	uint64_t claim = atom64_load_acquire(&n->claim);
	int r;

	do {
		/* pair(beat) acquire: FREE means that it was taken. */
		r = ferry__node_status(
		    token, claim, atom64_load_acquire(&n->state));
		if (r == FERRY_ESTALE || (claim & CLAIM_RELEASED) != 0)
			return FERRY_ESTALE;
		if ((claim & CLAIM_WAITED) == 0)
			return FERRY_EINVAL;
		if ((claim & CLAIM_WAITING) != 0)
			return FERRY_EBUSY;
		/* pair(claim) acq_rel. */
	} while (!atom64_cas_acqrel(&n->claim, &claim, claim | flag));
	return FERRY_OK;
}

static void
unclaim_waited(struct node *n)
{
	/* pair(claim) acq_rel. */
	atom64_and_acqrel(&n->claim, ~(uint64_t)CLAIM_WAITING);
}

/* The reply is there: out of the node, which goes home. */
static void
take(ferry_reply *out, struct node *n)
{
	int status = 0;
	bool answered = ferry__node_answered(n, &status);

	*out = (ferry_reply){
		.status = answered ? status : n->status,
		.data = answered ? NULL : n->reply,
		.size = answered ? 0 : n->reply_size,
	};
	ferry__node_taken(n);
	ferry__reply_drop(n);
}

/* ---------------------------------------------------------------- waiting */

static bool
is_done(void *arg)
{
	struct node *n = arg;

	/* pair(wait) acquire: the reply is in the node. */
	return atom32_load_acquire(&n->wait) == WAIT_DONE;
}

/* On the worker's own CPU a spin only keeps the worker from running. */
static bool
may_spin_for(struct node *n)
{
	/* Relaxed: a hint. */
	return atom32_load_relaxed(
	           &ferry__reply_context(n)->worker->cpu) !=
	    ferry__os_cpu();
}

/* FERRY_OK: done. Otherwise the word is NONE again. */
static int
park(struct node *n, uint64_t deadline_ns)
{
	uint32_t word = WAIT_NONE;
	enum os_sleep how;

	/* pair(wait) acq_rel: the replier learns that somebody sleeps. */
	if (!atom32_cas_acqrel(&n->wait, &word, WAIT_PARKED))
		return FERRY_OK;
	do
		how = ferry__os_wait(&n->wait, WAIT_PARKED, deadline_ns);
	while (how == OS_WOKEN && !is_done(n));
	if (how == OS_WOKEN)
		return FERRY_OK;
	word = WAIT_PARKED;
	/* pair(wait) acq_rel: unless the reply has come meanwhile. */
	if (!atom32_cas_acqrel(&n->wait, &word, WAIT_NONE))
		return FERRY_OK;
	return how == OS_TIMEOUT ? FERRY_ETIMEDOUT : FERRY_EINTR;
}

static int
await(struct node *n, int64_t timeout_ms)
{
	if (is_done(n))
		return FERRY_OK;
	if (timeout_ms == 0)
		return FERRY_ETIMEDOUT;
	if (may_spin_for(n) &&
	    ferry__park_spin(&ferry__self.spin, is_done, n))
		return FERRY_OK;
	return park(n, ferry__os_deadline_in(timeout_ms));
}

/* `edge`: invoke has published it before it submitted. */
static int
wait_for(ferry_reply *out, ferry_request request, int64_t timeout_ms,
    bool edge)
{
	struct node *n;
	int r = ferry__request_node(&n, request, TOKEN_REQUEST);

	if (r != FERRY_OK)
		return r;
	r = claim_waited(n, request, CLAIM_WAITING);
	if (r != FERRY_OK)
		return r;
	if (!edge)
		r = begin_wait(ferry__reply_context(n), request);
	else if (UNLIKELY(ferry__self.worker != NULL))
		/* Relaxed: says only when the edge stops to count. */
		atom64_store_relaxed(
		    &ferry__self.worker->waits_request, request);
	if (r == FERRY_OK) {
		r = await(n, timeout_ms);
		end_wait();
	}
	if (r == FERRY_OK)
		take(out, n);
	else
		unclaim_waited(n);
	return r;
}

int
ferry_request_wait(ferry_reply *out, ferry_request request,
    int64_t timeout_ms)
{
	if (out == NULL)
		return FERRY_EINVAL;
	return wait_for(out, request, timeout_ms, false);
}

int
ferry_request_invoke(ferry_reply *out, ferry_request *out_request,
    ferry_context context, uint32_t method, const void *data, size_t size,
    const ferry_request_options *options, int64_t timeout_ms)
{
	ferry_request request;
	ferry_request_options o;
	struct context *c;
	int r;

	if (out_request != NULL)
		*out_request = 0;
	if (out == NULL || out_request == NULL ||
	    ferry__options_read(&o, sizeof o, options) != FERRY_OK ||
	    o.inbox != 0 || o.callback != NULL)
		return FERRY_EINVAL;
	/* Before the submit: an error means that nothing happened. */
	if (UNLIKELY(ferry__self.roles != 0)) {
		r = ferry__context_find(&c, context);
		if (r == FERRY_OK)
			r = begin_wait(c, 0);
		if (r != FERRY_OK)
			return r;
	}
	r = ferry_request_submit(
	    &request, context, method, data, size, options);
	if (r != FERRY_OK) {
		end_wait();
		return r;
	}
	*out_request = request;
	return wait_for(out, request, timeout_ms, true);
}

int
ferry_request_release(ferry_request request)
{
	struct node *n;
	ferry_reply reply;
	uint32_t word;
	int r = ferry__request_node(&n, request, TOKEN_REQUEST);

	if (r != FERRY_OK)
		return r;
	r = claim_waited(n, request, CLAIM_RELEASED);
	if (r != FERRY_OK)
		return r;
	/* pair(wait) acq_rel: the replier discards, or has been first. */
	word = atom32_xchg_acqrel(&n->wait, WAIT_RELEASED);
	if (word == WAIT_DONE) {
		count_shared_add(&n->home->discarded, 1);
		take(&reply, n);
		ferry__alloc_block_free(reply.data);
	}
	return FERRY_OK;
}
