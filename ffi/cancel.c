/*
 * Ending a request from outside; the argument is in node.h.
 *
 * Threads: any, several at once. Nothing here waits, but for a cancel hook on
 * the thread that runs it.
 */
#include "ffi/cancel.h"

#include "ffi/reply.h"
#include "ffi/request.h"
#include "ffi/self.h"
#include "ffi/stuck.h"

/* Sets flags, and takes a reference if asked to, from a claim that has all of
 * `must`, none of `must_not`, and the generation. */
static bool
claim(struct node *n, uint64_t generation_of, uint64_t must, uint64_t must_not,
    uint64_t flags, uint64_t reference)
{
	/* pair(claim) acquire. */
	uint64_t old = atom64_load_acquire(&n->claim);

	do {
		if (!ferry__node_same_generation(old, generation_of) ||
		    (old & must) != must || (old & must_not) != 0)
			return false;
		/* pair(claim) acq_rel: whoever loses sees why. */
	} while (!atom64_cas_acqrel(
	    &n->claim, &old, (old | flags) + reference));
	return true;
}

/* A strand that waits: from here on it does so in vain. Once; see strand.h. */
static void
rouse(struct node *n, uint64_t generation_of)
{
	if (!claim(n, generation_of, CLAIM_STRAND,
	        CLAIM_ROUSED | CLAIM_FINISHED, CLAIM_ROUSED, CLAIM_REFERENCE))
		return;
	n->job.run = ferry__strand_roused;
	ferry__worker_post(
	    ferry__context_worker(ferry__reply_context(n)), &n->job);
}

/* --------------------------------------------------------------- the hook */

void
ferry__cancel_await_hook(struct node *n)
{
	ferry__stuck_await_hook(ferry__node_token(n, TOKEN_REQUEST));
	/* The caller keeps the node from passing on.
	 * pair(hooked) acquire: what the hook did comes before. */
	while ((atom64_load_acquire(&n->claim) & CLAIM_HOOKED) == 0)
		ferry__os_wait(&n->hooked, 0, OS_NEVER);
	ferry__stuck_hook_awaited();
}

/* A deferred call whose replier found the hook running: its end is ours. */
static void
finish_for_replier(struct context *c, struct node *n)
{
	int status;

	ferry__node_free_payload(n);
	if (ferry__node_answered(n, &status)) {
		ferry__alloc_block_free(n->reply);
		ferry__reply_count_late(c);
		ferry__reply_drop(n);
		return;
	}
	ferry__reply_end_deferred(c, n);
}

static void
call_hook(void *node)
{
	struct node *n = node;

	n->hook(ferry__node_token(n, TOKEN_CALL), n->hook_user);
}

/* False: it has forked, this is the child, and nothing here is its business. */
static bool
run_hook(struct context *c, struct node *n)
{
	uint32_t roles = ferry__self.roles;
	uint32_t mark = ferry__fork_mark();
	void *before = ferry__self.hook_context;
	int cancel = ferry__os_hold_cancel();
	struct stuck_hook stuck;
	uint64_t old;

	ferry__stuck_enter_hook(&stuck, c, n);
	ferry__self.roles |= SELF_HOOK;
	ferry__self.hook_context = c;
	ferry__self_run(call_hook, n);
	ferry__os_resume_cancel(cancel);
	if (ferry__fork_has(mark))
		return false;
	ferry__self.hook_context = before;
	ferry__self.roles = roles;
	ferry__stuck_leave_hook(&stuck, c);
	/* pair(hooked) release: the hook has ended. */
	old = atom64_or_acqrel(&n->claim, CLAIM_HOOKED);
	/* pair(hooked) release. */
	atom32_store_release(&n->hooked, 1);
	ferry__os_wake(&n->hooked, INT32_MAX);
	/* A strand's end is the FFI thread's, which waits for us. */
	if ((old & (CLAIM_DEFERRED | CLAIM_FINISHED | CLAIM_STRAND)) ==
	    (CLAIM_DEFERRED | CLAIM_FINISHED))
		finish_for_replier(c, n);
	ferry__reply_drop(n);
	return true;
}

/* -------------------------------------------------------------- answering */

/* Answers a request that has not started, in the FFI thread's place. With a
 * callback the answer waits for the FFI thread, which meets the tombstone. */
static bool
answer_queued(struct context *c, struct node *n, uint64_t generation_of,
    uint64_t how)
{
	if (!claim(n, generation_of, 0,
	        CLAIM_STARTED | CLAIM_ANSWERED | CLAIM_FINISHED,
	        CLAIM_ANSWERED | how, CLAIM_REFERENCE))
		return false;
	ferry__node_free_payload(n);
	ferry__reply_count_elsewhere(c,
	    how == CLAIM_ECLOSED ? UNSTARTED_CLOSED : UNSTARTED_CANCELED);
	if (n->flags & NODE_CALLBACK)
		ferry__reply_drop(n);
	else
		ferry__reply_deliver(c, n);
	return true;
}

/* A started call: its hook, if there is one to run. False as run_hook(). */
static bool
interrupt(struct context *c, struct node *n, uint64_t generation_of)
{
	return !claim(n, generation_of, CLAIM_HOOK,
	           CLAIM_HOOKING | CLAIM_FINISHED | CLAIM_ANSWERED |
	               CLAIM_CLOSE,
	           CLAIM_HOOKING, CLAIM_REFERENCE) ||
	    run_hook(c, n);
}

/* After CANCEL was set and the heavy barrier. A request that has ended by now
 * ended after it was marked: the FFI thread may have answered for us. False as
 * run_hook(). */
static bool
settle(struct context *c, struct node *n, uint64_t generation_of, uint64_t how)
{
	/* pair(cancel) acquire: after the heavy barrier; see node.h. */
	uint64_t state = atom64_load_acquire(&n->state);
	enum node_phase phase = ferry__node_phase(state);

	if (!ferry__node_same_generation(state, generation_of) ||
	    phase == NODE_FREE || phase == NODE_DONE)
		return true;
	/* If it is not to be had as a queued one, it has started meanwhile, or
	 * somebody else answered. */
	if (phase == NODE_QUEUED && answer_queued(c, n, generation_of, how))
		return true;
	if (!interrupt(c, n, generation_of))
		return false;
	/* After the hook, or a strand could end before that is called. */
	rouse(n, generation_of);
	return true;
}

/* ----------------------------------------------------------------- cancel */

static int
mark_canceled(struct node *n, uint64_t token, uint64_t *old)
{
	int r;

	/* pair(claim) acquire. */
	*old = atom64_load_acquire(&n->claim);
	do {
		/* pair(beat) acquire. */
		r = ferry__node_status(
		    token, *old, atom64_load_acquire(&n->state));
		if (r == FERRY_ESTALE || (*old & CLAIM_RELEASED) != 0)
			return FERRY_ESTALE;
		if (*old & CLAIM_CANCEL)
			return FERRY_EALREADY;
		if (r != FERRY_OK)
			return r;
		/* pair(cancel) acq_rel: set before the heavy barrier. */
	} while (!atom64_cas_acqrel(&n->claim, old, *old | CLAIM_CANCEL));
	return FERRY_OK;
}

int
ferry__cancel_request(uint64_t token)
{
	struct context *c;
	struct node *n;
	uint64_t old;
	int r = ferry__request_node(&n, token, TOKEN_REQUEST);
	uint32_t mark = ferry__fork_mark(), roles = ferry__self.roles;

	if (r != FERRY_OK)
		return r;
	c = ferry__reply_context(n);
	if (c == NULL)
		return FERRY_ESTALE;
	/* If the node has passed on, this is another context's business for a
	 * moment: its close waits that long, and no more. */
	ferry__reply_enter(c);
	r = mark_canceled(n, token, &old);
	if (r == FERRY_OK) {
		ferry__os_barrier_heavy();
		if (!settle(c, n, old, 0)) {
			/* On a thread of the host's it may go on. */
			if (roles & (SELF_FFI | SELF_EVENT))
				ferry__fork_strayed(mark);
			return FERRY_EFORKED;
		}
	}
	ferry__reply_leave(c);
	return r;
}

int
ferry_request_cancel(ferry_request request)
{
	ferry__fork_enter();
	if (ferry__self.roles & SELF_DOORBELL)
		return FERRY_EREENTRANT;
	return ferry__cancel_request(request);
}

/* ---------------------------------------------------------------- closing */

/* Whether the node's request is unfinished; its words. */
static bool
is_unfinished(struct node *n, uint64_t *old, uint64_t *state)
{
	/* pair(begin) acquire: what submit filled in. */
	*old = atom64_load_acquire(&n->claim);
	/* pair(begin) acquire. */
	*state = atom64_load_acquire(&n->state);
	return *old >> 24 != 0 && ferry__node_same_generation(*old, *state) &&
	    ferry__node_phase(*state) != NODE_FREE &&
	    ferry__node_phase(*state) != NODE_DONE;
}

void
ferry__cancel_mark(struct node *n, void *context)
{
	uint64_t old, state;

	(void)context;
	if (is_unfinished(n, &old, &state))
		claim(n, old, 0, CLAIM_CANCEL, CLAIM_CANCEL, 0);
}

/* Those that are DONE by phase as well: CLOSE keeps a hook from beginning that
 * the FFI thread would wait for. */
void
ferry__cancel_mark_closed(struct node *n, void *context)
{
	/* pair(begin) acquire. */
	uint64_t old = atom64_load_acquire(&n->claim);
	/* pair(begin) acquire. */
	uint64_t state = atom64_load_acquire(&n->state);

	(void)context;
	if (old >> 24 != 0 && ferry__node_same_generation(old, state) &&
	    ferry__node_phase(state) != NODE_FREE)
		claim(n, old, 0, CLAIM_CLOSE, CLAIM_CLOSE, 0);
}

void
ferry__cancel_closing(struct node *n, void *context)
{
	uint32_t mark = ferry__fork_mark();
	uint64_t old, state;

	if (!is_unfinished(n, &old, &state) || (old & CLAIM_CANCEL) == 0)
		return;
	if (ferry__node_phase(state) == NODE_QUEUED &&
	    (old & CLAIM_CALLBACK) != 0)
		return;
	if (!settle(context, n, old, CLAIM_ECLOSED))
		/* In the middle of a walk, and of a close. */
		ferry__fork_strayed(mark);
}

/* With a callback that the FFI thread has yet to run: it never will. The
 * reference is for who runs it here. */
static void
count_not_run(struct context *c, struct node *n, uint64_t generation_of)
{
	/* Answered in its place before, and counted … */
	if (claim(n, generation_of, CLAIM_ANSWERED, CLAIM_TOLD, CLAIM_TOLD,
	        CLAIM_REFERENCE)) {
		ferry__reply_not_run(c, n, true);
		return;
	}
	/* … or finished by a deferred reply, and to be counted with it. */
	if (claim(n, generation_of, CLAIM_DEFERRED | CLAIM_FINISHED,
	        CLAIM_TOLD | CLAIM_ANSWERED, CLAIM_TOLD, CLAIM_REFERENCE)) {
		c->n_abandoned++;
		count_shared_add(&c->ended_unheard, 1);
		ferry__reply_count_elsewhere(c, ENDED_CLOSED);
		ferry__reply_not_run(c, n, true);
	}
}

static bool
abandon_unstarted(struct context *c, struct node *n, uint64_t generation_of)
{
	if (!claim(n, generation_of, 0,
	        CLAIM_STARTED | CLAIM_FINISHED | CLAIM_ANSWERED,
	        CLAIM_ANSWERED | CLAIM_ECLOSED, CLAIM_REFERENCE))
		return false;
	ferry__node_free_payload(n);
	ferry__reply_count_elsewhere(c, UNSTARTED_CLOSED);
	return true;
}

/*
 * A call that has started, as far as can be seen: RUNNING is stored before
 * the FFI thread has settled whether it will run the handler. Hence STARTED
 * goes with the answer, and an FFI thread that then does not run it counts
 * the start, and frees the payload. A reply that waits for a hook to end is
 * answered for, whatever the phase.
 */
static bool
abandon_started(struct context *c, struct node *n, uint64_t generation_of,
    bool may_run)
{
	const uint64_t flags =
	    CLAIM_ANSWERED | CLAIM_ECLOSED | CLAIM_STARTED;

	if (!claim(n, generation_of, CLAIM_HOOKING,
	        CLAIM_HOOKED | CLAIM_ANSWERED, flags, CLAIM_REFERENCE) &&
	    !(may_run &&
	        claim(n, generation_of, 0, CLAIM_FINISHED | CLAIM_ANSWERED,
	            flags, CLAIM_REFERENCE)))
		return false;
	ferry__reply_count_elsewhere(c, ENDED_CLOSED);
	return true;
}

void
ferry__cancel_abandon(struct node *n, void *context)
{
	struct context *c = context;
	enum node_phase phase;
	uint64_t old, state;
	bool marked, answered;

	/* pair(cancel) acquire: after the heavy barrier; see node.h. */
	old = atom64_load_acquire(&n->claim);
	/* pair(cancel) acquire. */
	state = atom64_load_acquire(&n->state);
	phase = ferry__node_phase(state);
	if (old >> 24 == 0 || !ferry__node_same_generation(old, state) ||
	    phase == NODE_FREE)
		return;
	/* DONE: the FFI thread finishes it, and may have seen no CLOSE; unless
	 * it waits for a hook. */
	marked = (old & CLAIM_CLOSE) != 0;
	answered = (marked && phase == NODE_QUEUED &&
	               abandon_unstarted(c, n, old)) ||
	    abandon_started(c, n, old, marked && phase != NODE_DONE);
	/* Only now, or a strand would answer before us. */
	rouse(n, old);
	if (answered)
		c->n_abandoned++;
	if (old & CLAIM_CALLBACK)
		count_not_run(c, n, old);
	if (!answered)
		return;
	if (old & CLAIM_CALLBACK)
		ferry__reply_drop(n);
	else
		ferry__reply_deliver(c, n);
}
