/*
 * The handler's side of a request.
 *
 * Threads: within a handler, the FFI thread, without a look at the node: what
 * the handler says is kept in the worker until it returns. For a deferred
 * call any thread, by read-modify-write on the claim word (node.h).
 */
#include <string.h>

#include "ffi/call.h"
#include "ffi/cancel.h"
#include "ffi/options.h"
#include "ffi/reply.h"
#include "ffi/request.h"
#include "ffi/self.h"

#define SCRATCH_LEAST 256u

/* The call is the one whose handler is running on this thread. */
static inline struct worker *
in_hand(ferry_call call)
{
	struct worker *w;

	ferry__fork_enter();
	w = ferry__self.worker;
	return w != NULL && w->call == call && call != 0 ? w : NULL;
}

/* A call that has not been answered, and the words of its node. */
static int
find(struct node **out, uint64_t *claim, ferry_call call)
{
	int r = ferry__request_node(out, call, TOKEN_CALL);

	if (r != FERRY_OK)
		return r;
	/* pair(claim) acquire. */
	*claim = atom64_load_acquire(&(*out)->claim);
	/* pair(beat) acquire. */
	r = ferry__node_status(
	    call, *claim, atom64_load_acquire(&(*out)->state));
	if (r == FERRY_OK || r == FERRY_ESTALE)
		return r;
	return *claim & CLAIM_ANSWERED ? FERRY_ESTALE : FERRY_EREPLIED;
}

int
ferry__call_in_handler(struct worker **out, ferry_call call)
{
	struct worker *w = in_hand(call);
	struct node *n;
	uint64_t claim;
	int r;

	if (LIKELY(w != NULL)) {
		*out = w;
		return FERRY_OK;
	}
	r = find(&n, &claim, call);
	if (r == FERRY_OK)
		return FERRY_ETHREAD;
	return r == FERRY_EREPLIED ? FERRY_ESTALE : r;
}

/* --------------------------------------------------------------- replying */

/* A copy for a callback lives until the callback has returned. */
static void *
copy_to_scratch(struct worker *w, const void *data, size_t size)
{
	size_t room = w->scratch_size;
	void *more;

	if (size > room) {
		if (room < SCRATCH_LEAST)
			room = SCRATCH_LEAST;
		while (room < size)
			room = room > SIZE_MAX / 2 ? size : room * 2;
		more = realloc(w->scratch, room);
		if (more == NULL)
			return NULL;
		w->scratch = more;
		w->scratch_size = room;
	}
	memcpy(w->scratch, data, size);
	return w->scratch;
}

/* In the handler. Somebody may have answered in its place: too late. */
static int
reply_in_hand(struct worker *w, const struct answer *given, bool copy)
{
	struct answer a = *given;
	int status;

	if (w->answer.given)
		return FERRY_EREPLIED;
	if (UNLIKELY(ferry__node_answered(w->current, &status)))
		return FERRY_ESTALE;
	if (copy && a.size != 0) {
		/* A strand may yet wait, while others use the scratch. */
		if ((w->current->flags & NODE_CALLBACK) != 0 &&
		    w->strand == NULL) {
			a.data = copy_to_scratch(w, a.data, a.size);
			if (a.data == NULL)
				return FERRY_ENOMEM;
		} else {
			if (!ferry__alloc_block_copy(
			        &a.data, a.data, a.size))
				return FERRY_ENOMEM;
			a.is_block = true;
		}
	}
	w->answer = a;
	return FERRY_OK;
}

/* Why a call that is not deferred, or not this one, cannot be replied to. */
static int
why_not(struct node *n, uint64_t claim, ferry_call call)
{
	/* pair(beat) acquire. */
	int r = ferry__node_status(
	    call, claim, atom64_load_acquire(&n->state));

	if (r == FERRY_OK)
		return FERRY_ETHREAD;
	return r == FERRY_ESTALE || (claim & CLAIM_ANSWERED) != 0
	    ? FERRY_ESTALE
	    : FERRY_EREPLIED;
}

/*
 * The right to reply to a deferred call: one wins. It is won, once, also when
 * a closer has answered already: the node's main line is the replier's to
 * end. With the generation, so that who comes too late changes nothing.
 */
static int
claim_reply(struct node *n, ferry_call call)
{
	/* pair(claim) acquire. */
	uint64_t claim = atom64_load_acquire(&n->claim);

	do {
		if (ferry__token_as(claim >> 24 << 24 | n->index, TOKEN_CALL) !=
		        call ||
		    (claim & (CLAIM_DEFERRED | CLAIM_STRAND)) !=
		        CLAIM_DEFERRED)
			return why_not(n, claim, call);
		if (claim & (CLAIM_REPLYING | CLAIM_FINISHED)) {
			int r = why_not(n, claim, call);

			return r == FERRY_ESTALE ? r : FERRY_EREPLIED;
		}
		/* pair(claim) acq_rel. */
	} while (!atom64_cas_acqrel(
	    &n->claim, &claim, claim | CLAIM_REPLYING));
	return FERRY_OK;
}

/* From here on the main line of the node is the replier's. */
static int
finish_deferred(struct context *c, struct node *n)
{
	/* pair(claim) release: the reply is in the node. */
	uint64_t old = atom64_or_acqrel(&n->claim, CLAIM_FINISHED);
	bool late = (old & CLAIM_ANSWERED) != 0;

	if ((old & (CLAIM_HOOKING | CLAIM_HOOKED)) == CLAIM_HOOKING)
		/* Everything passes to the thread that runs the hook. */
		return late ? FERRY_ESTALE : FERRY_OK;
	ferry__node_free_payload(n);
	if (late) {
		ferry__alloc_block_free(n->reply);
		ferry__reply_count_late(c);
		ferry__reply_drop(n);
		return FERRY_ESTALE;
	}
	ferry__reply_end_deferred(c, n);
	return FERRY_OK;
}

/* *consumed: the block is not the caller's any more, whatever is returned. */
static int
reply_deferred(ferry_call call, const struct answer *a, bool *consumed)
{
	struct context *c;
	struct node *n;
	int r = ferry__request_node(&n, call, TOKEN_CALL);

	*consumed = false;
	if (r != FERRY_OK)
		return r;
	c = ferry__reply_context(n);
	if (c == NULL)
		return FERRY_ESTALE;
	ferry__reply_enter(c);
	r = claim_reply(n, call);
	*consumed = r == FERRY_OK;
	if (r == FERRY_OK) {
		n->status = a->status;
		n->reply = a->data;
		n->reply_size = a->size;
		r = finish_deferred(c, n);
	}
	ferry__reply_leave(c);
	return r;
}

int
ferry_call_reply(ferry_call call, int status, const void *data, size_t size)
{
	struct answer a = {
		.status = status,
		.given = true,
		.data = (void *)(uintptr_t)data,
		.size = size,
	};
	struct worker *w = in_hand(call);
	bool consumed;
	int r;

	if (data == NULL && size != 0)
		return FERRY_EINVAL;
	if (size == 0)
		a.data = NULL;
	if (LIKELY(w != NULL && !w->deferred))
		return reply_in_hand(w, &a, true);
	if (!ferry__alloc_block_copy(&a.data, data, size))
		return FERRY_ENOMEM;
	r = reply_deferred(call, &a, &consumed);
	if (!consumed)
		ferry__alloc_block_free(a.data);
	return r;
}

int
ferry_call_reply_block(ferry_call call, int status, void *block, size_t size)
{
	struct answer a = {
		.status = status,
		.given = true,
		.is_block = size != 0,
		/* Who gets no bytes gets no block: it ends here. */
		.data = size != 0 ? block : NULL,
		.size = size,
	};
	struct worker *w = in_hand(call);
	bool consumed = false;
	int r;

	if ((block == NULL && size != 0) ||
	    (block != NULL && !ferry__alloc_is_block(block)))
		return FERRY_EINVAL;
	if (w != NULL && !w->deferred)
		r = reply_in_hand(w, &a, false);
	else
		r = reply_deferred(call, &a, &consumed);
	/* One rule for the caller: FERRY_ESTALE takes the block. */
	if (size == 0 ? r == FERRY_OK || r == FERRY_ESTALE
	              : r == FERRY_ESTALE && !consumed)
		ferry__alloc_block_free(block);
	return r;
}

/* -------------------------------------------------------------- deferring */

uint64_t
ferry__call_defer(struct worker *w, struct node *n, uint64_t more)
{
	/* pair(beat) release. */
	atom64_store_release(&n->state,
	    ferry__node_word(
	        atom64_load_relaxed(&n->state), NODE_DEFERRED));
	/* The others are watched since they were started. */
	if ((n->flags & (NODE_DEADLINE | NODE_STALE | NODE_CANCEL_LATE)) ==
	    NODE_DEADLINE) {
		ferry__due_watch(&w->events.due, n);
		ferry__event_thread_stir(&w->events);
	}
	/* pair(claim) acq_rel: from here on others settle with it by this
	 * word alone. */
	return atom64_add_acqrel(
	    &n->claim, (CLAIM_DEFERRED | more) + CLAIM_REFERENCE);
}

int
ferry_call_defer(ferry_call call)
{
	struct worker *w = in_hand(call);
	struct node *n;
	uint64_t claim;
	int r;

	if (w == NULL) {
		r = find(&n, &claim, call);
		return r == FERRY_OK ? FERRY_ETHREAD : r;
	}
	if (w->deferred) {
		r = find(&n, &claim, call);
		return r == FERRY_OK ? FERRY_EALREADY : r;
	}
	if (w->answer.given)
		return FERRY_EREPLIED;
	if (w->strand != NULL)
		return FERRY_EINVAL;
	w->deferred = true;
	/* Relaxed: who looks by the claim looks again. */
	atom32_store_relaxed(&w->current->since_ms,
	    (uint32_t)(ferry__os_now_ns() / 1000000u));
	ferry__call_defer(w, w->current, 0);
	return FERRY_OK;
}

/* --------------------------------------------------------------- the hook */

/*
 * The node of a call whose hook this thread may set. It does not pass on until
 * let_go(): in the handler it cannot, and a deferred call's gets a reference,
 * with the generation, so that a token that came too late changes nothing.
 */
static int
hold(struct node **out, ferry_call call)
{
	struct worker *w = in_hand(call);
	struct node *n;
	uint64_t claim;
	int r;

	if (w != NULL && !w->deferred) {
		*out = w->current;
		if (w->answer.given)
			return FERRY_EREPLIED;
		return ferry__node_answered(w->current, &r) ? FERRY_ESTALE
		                                            : FERRY_OK;
	}
	r = ferry__request_node(&n, call, TOKEN_CALL);
	if (r != FERRY_OK)
		return r;
	/* pair(claim) acquire. */
	claim = atom64_load_acquire(&n->claim);
	do {
		if (ferry__token_as(claim >> 24 << 24 | n->index, TOKEN_CALL) !=
		        call ||
		    (claim & CLAIM_DEFERRED) == 0)
			return why_not(n, claim, call);
		if (claim & CLAIM_ANSWERED)
			return FERRY_ESTALE;
		if (claim & (CLAIM_REPLYING | CLAIM_FINISHED))
			return FERRY_EREPLIED;
		/* pair(claim) acq_rel. */
	} while (!atom64_cas_acqrel(
	    &n->claim, &claim, claim + CLAIM_REFERENCE));
	*out = n;
	return FERRY_OK;
}

static void
let_go(struct node *n, ferry_call call)
{
	struct worker *w = in_hand(call);

	if (w == NULL || w->deferred)
		ferry__reply_drop(n);
}

int
ferry__call_clear_hook(struct node *n)
{
	/* pair(claim) acq_rel: a canceller claims it with the flag set. */
	uint64_t old =
	    atom64_and_acqrel(&n->claim, ~(uint64_t)CLAIM_HOOK);

	if (old & CLAIM_HOOKING)
		ferry__cancel_await_hook(n);
	return old & (CLAIM_CANCEL | CLAIM_CLOSE) ? FERRY_ECANCELED : FERRY_OK;
}

static int
set_hook(struct node *n, ferry_cancel_fn hook, void *user)
{
	uint64_t claim = atom64_load_relaxed(&n->claim);

	if (claim & (CLAIM_CANCEL | CLAIM_CLOSE))
		return FERRY_ECANCELED;
	n->hook = hook;
	n->hook_user = user;
	/* Relaxed: published by the claim. */
	atom32_store_relaxed(&n->hooked, 0);
	do
		if (claim & (CLAIM_CANCEL | CLAIM_CLOSE))
			return FERRY_ECANCELED;
	/* pair(claim) release: hook and user, for who claims HOOKING. */
	while (!atom64_cas_acqrel(&n->claim, &claim, claim | CLAIM_HOOK));
	return FERRY_OK;
}

int
ferry_call_on_cancel(ferry_call call, ferry_cancel_fn hook, void *user)
{
	struct node *n;
	int r = hold(&n, call);

	if (r != FERRY_OK)
		return r;
	/* Relaxed: a strand's call is its own thread's alone. */
	if (in_hand(call) == NULL &&
	    (atom64_load_relaxed(&n->claim) & CLAIM_STRAND) != 0) {
		let_go(n, call);
		return FERRY_ETHREAD;
	}
	/* Relaxed: this thread set it, if it is set. */
	if (hook == NULL ||
	    (atom64_load_relaxed(&n->claim) & CLAIM_HOOK) != 0)
		r = ferry__call_clear_hook(n);
	if (r == FERRY_OK && hook != NULL)
		r = set_hook(n, hook, user);
	let_go(n, call);
	return r;
}

int
ferry_call_check(ferry_call call)
{
	struct worker *w = in_hand(call);
	struct node *n;
	uint64_t claim;
	int r = FERRY_OK;

	if (w != NULL && !w->deferred)
		/* pair(cancel) acquire. */
		claim = atom64_load_acquire(&w->current->claim);
	else
		r = find(&n, &claim, call);
	if (r != FERRY_OK)
		return r;
	return claim & (CLAIM_CANCEL | CLAIM_CLOSE) ? FERRY_ECANCELED
	                                            : FERRY_OK;
}

int
ferry_call_describe(ferry_call_info *out, ferry_call call)
{
	struct worker *w = in_hand(call);
	bool current = w != NULL && !w->deferred;
	struct node *n = current ? w->current : NULL;
	/* Held, or whoever answers it could fill the node anew meanwhile. */
	int r = current ? FERRY_OK : hold(&n, call);

	if (r != FERRY_OK)
		return r;
	r = ferry__options_write(out,
	    &(ferry_call_info){
		.context = ferry__home_token(n->home),
		.request = ferry__token_as(call, TOKEN_REQUEST),
		.deadline_ns =
		    n->flags & NODE_DEADLINE ? n->deadline_ns : 0,
		.method = ferry__node_method(n),
		.submitter = atom32_load_relaxed(&n->home->thread),
	    },
	    sizeof *out);
	if (!current)
		ferry__reply_drop(n);
	return r;
}
