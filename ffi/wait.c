/*
 * Waiting for a reply: ferry_request_wait(), invoke and release; and the
 * circles that waiting workers could form.
 *
 * A waiter spins while that pays, then parks on the node's waiting word. The
 * word is changed only by read-modify-write, so waiter, releaser and replier
 * have one order: NONE to PARKED and back by the waiter, to RELEASED by who
 * gives up, to DONE by the replier, who learns from what it replaced whether
 * to wake or to discard. A strand goes from NONE to STRAND and back, and is
 * woken by a job on its worker's inner lane.
 *
 * Circles. A Ferry thread that waits publishes an edge to the one it waits for
 * (seq_cst), and then walks along the edges (seq_cst): of several that close a
 * circle at once, the last to publish sees all of it. There are three kinds:
 * an FFI thread's wait for a request of another worker, a listener's (on the
 * event thread) for one of any worker, and an emit's for room, which the event
 * thread of that context makes. An edge for a request counts only while that
 * is unanswered and not deferred: else somebody who does not wait may still
 * answer it. One for room counts only until some has been made: then its
 * thread will look, and publish anew if it was too late.
 */
#include "ffi/options.h"
#include "ffi/reply.h"
#include "ffi/request.h"
#include "ffi/self.h"
#include "ffi/wait.h"

#define CIRCLE_MOST 256 /* edges followed; those beyond are not seen */

/* ---------------------------------------------------------------- circles */

/* Only its handler can answer it. */
static bool
is_unanswered(uint64_t request)
{
	struct node *n;
	uint64_t claim;

	if (ferry__request_node(&n, request, TOKEN_REQUEST) != FERRY_OK)
		return false;
	/* pair(claim) acquire: deferred, or answered. */
	claim = atom64_load_acquire(&n->claim);
	return (claim & CLAIM_DEFERRED) == 0 &&
	    ferry__node_status(request, claim,
	        /* pair(beat) acquire. */
	        atom64_load_acquire(&n->state)) == FERRY_OK;
}

/* Whom this thread waits for, if only that one can end the wait. */
static struct waits *
waits_on(const struct waits *w)
{
	/* pair(circle) seq_cst: published before we walk. */
	struct waits *on = atomp_load_seqcst(&w->on);
	/* pair(circle) acquire, all three: before the second look. */
	uint64_t request = atom64_load_acquire(&w->request);
	/* pair(circle) acquire. */
	const atom32 *room = atomp_load_acquire(&w->room);
	/* pair(circle) acquire. */
	uint32_t seen = atom32_load_acquire(&w->room_seen);

	/* pair(circle) seq_cst: what belongs to this edge, or to the next of
	 * its thread, which is published after ours: then that one walks. */
	if (on == NULL || atomp_load_seqcst(&w->on) != on)
		return NULL;
	/* pair(circle) seq_cst. */
	if (room != NULL && atom32_load_seqcst(room) != seen)
		return NULL;
	return request == 0 || is_unanswered(request) ? on : NULL;
}

static void
withdraw_edge(struct waits *from)
{
	/* Relaxed: an edge seen too long is checked by its request or room. */
	atomp_store_relaxed(&from->on, NULL);
}

static int
publish_edge(struct waits *from, struct waits *on, uint64_t request,
    atom32 *room, uint32_t seen)
{
	struct waits *w = on;

	atom64_store_relaxed(&from->request, request);
	atomp_store_relaxed(&from->room, room);
	atom32_store_relaxed(&from->room_seen, seen);
	/* pair(circle) seq_cst: before the walk. */
	atomp_store_seqcst(&from->on, on);
	for (int i = 0; w != NULL && i < CIRCLE_MOST; i++) {
		if (w == from) {
			/* What it would wait for has come meanwhile. */
			if (waits_on(from) == NULL)
				break;
			withdraw_edge(from);
			return FERRY_EDEADLK;
		}
		w = waits_on(w);
	}
	return FERRY_OK;
}

int
ferry__wait_block(struct waits *on, atom32 *room, uint32_t seen)
{
	struct waits *from = ferry__self.waits;

	return from == NULL ? FERRY_OK
	                    : publish_edge(from, on, 0, room, seen);
}

void
ferry__wait_unblock(void)
{
	if (ferry__self.waits != NULL)
		withdraw_edge(ferry__self.waits);
}

/* Law 4 for a wait on this context; publishes the edge of a Ferry thread. */
static int
begin_wait(struct context *c, uint64_t request)
{
	const struct self *self = &ferry__self;

	/* Nobody waits for a pool worker but a strand, which holds nothing. */
	if (LIKELY(self->roles == 0) || self->roles == SELF_POOL)
		return FERRY_OK;
	if (self->waits == NULL || self->worker == ferry__context_worker(c) ||
	    (self->roles & (SELF_HOOK | SELF_DOORBELL)) != 0)
		return FERRY_EREENTRANT;
	return publish_edge(
	    self->waits, &ferry__context_worker(c)->waits, request, NULL, 0);
}

static void
end_wait(void)
{
	if (UNLIKELY(ferry__self.waits != NULL))
		withdraw_edge(ferry__self.waits);
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
	           &ferry__context_worker(ferry__reply_context(n))->cpu) !=
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

	if (r == FERRY_OK)
		r = claim_waited(n, request, CLAIM_WAITING);
	if (r != FERRY_OK) {
		if (edge)
			end_wait();
		return r;
	}
	if (!edge)
		r = begin_wait(ferry__reply_context(n), request);
	else if (UNLIKELY(ferry__self.waits != NULL))
		/* Relaxed: says only when the edge stops to count. */
		atom64_store_relaxed(&ferry__self.waits->request, request);
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

/* ------------------------------------------------------------ for strands */

int
ferry__wait_claim(struct node **out, ferry_request request)
{
	int r = ferry__request_node(out, request, TOKEN_REQUEST);

	return r == FERRY_OK ? claim_waited(*out, request, CLAIM_WAITING) : r;
}

bool
ferry__wait_is_done(struct node *n)
{
	return is_done(n);
}

bool
ferry__wait_announce(struct node *n, struct awaiter *a)
{
	uint32_t word = WAIT_NONE;

	n->awaiter = a;
	/* pair(wait) acq_rel: the replier learns whom to wake. */
	return atom32_cas_acqrel(&n->wait, &word, WAIT_STRAND);
}

bool
ferry__wait_withdraw(struct node *n)
{
	uint32_t word = WAIT_STRAND;

	/* pair(wait) acq_rel: unless the reply has come meanwhile. */
	return atom32_cas_acqrel(&n->wait, &word, WAIT_NONE);
}

void
ferry__wait_end(ferry_reply *out, struct node *n, int r)
{
	if (r == FERRY_OK)
		take(out, n);
	else
		unclaim_waited(n);
}

/* ---------------------------------------------------------------- public */

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
