/*
 * Submitting: from the caller's arguments to a node on a shard.
 *
 * Threads: any. Everything up to the push is the submitting thread's own; the
 * push is the hand-over, pair(list), and the look at the park word after it
 * is pair(park).
 */
#include "ffi/request.h"

#include <string.h>

#include "ffi/order.h"
#include "ffi/reply.h"

int
ferry__request_node(struct node **out, uint64_t token, enum token_kind kind)
{
	ferry__fork_enter();
	if (token == 0 || ferry__token_kind(token) != kind)
		return FERRY_EINVAL;
	if (UNLIKELY(ferry__node_is_inherited(ferry__token_slot(token))))
		return FERRY_EFORKED;
	*out = ferry__node_at(ferry__token_slot(token));
	return *out == NULL ? FERRY_ESTALE : FERRY_OK;
}

/* ---------------------------------------------------------------- who may */

COLD static int
may_submit_slow(struct context *c, bool blocking)
{
	const struct self *self = &ferry__self;
	bool own;

	if (self->roles & SELF_DOORBELL)
		return FERRY_EREENTRANT;
	if (self->roles & SELF_HOOK)
		own = self->hook_context == c;
	else
		own = self->worker != NULL && self->worker->context == c;
	/* A strand can wait for its own context without holding it. */
	if (!own || self->coro != NULL)
		return FERRY_OK;
	if (blocking || (c->flags & FERRY_CONTEXT_SELF_SUBMIT) == 0)
		return FERRY_EREENTRANT;
	return FERRY_OK;
}

int
ferry__request_may_submit(struct context *c, bool blocking)
{
	return LIKELY(ferry__self.roles == 0) ? FERRY_OK
	                                      : may_submit_slow(c, blocking);
}

/* --------------------------------------------------------------- the home */

/* From a context's own init, which knows its token already. */
static bool
is_opening(ferry_context token)
{
	const struct worker *w = ferry__self.worker;

	return w != NULL && w->doing == DOING_INIT &&
	    w->context->token == token;
}

COLD static int
home_slow(struct home **out, ferry_context token)
{
	struct home *h = ferry__self.homes;
	int r = FERRY_OK;

	while (h != NULL && ferry__home_token(h) != token)
		h = h->next_of_thread;
	if (h == NULL)
		r = ferry__context_home(&h, token);
	if (r == FERRY_ESTALE && is_opening(token))
		r = FERRY_EREENTRANT;
	if (r != FERRY_OK)
		return r;
	ferry__self.recent[ferry__token_slot(token) % SELF_RECENT] = h;
	*out = h;
	return FERRY_OK;
}

static inline int
home_of(struct home **out, ferry_context token)
{
	struct home *h;

	ferry__fork_enter();
	h = ferry__self.recent[ferry__token_slot(token) % SELF_RECENT];
	if (UNLIKELY(h == NULL || ferry__home_token(h) != token))
		return home_slow(out, token);
	*out = h;
	return FERRY_OK;
}

/* --------------------------------------------------------------- the node */

/* Payloads that do not fit: adopted as they are, or as a copy of ours. */
COLD static bool
put_outside(struct node *n, const struct order *d, const void *data)
{
	n->flags |= NODE_ADOPTED;
	if (d->o->flags & FERRY_REQUEST_ADOPT) {
		n->payload.outside.data = (void *)(uintptr_t)data;
		n->payload.outside.free = d->o->free;
		n->payload.outside.free_user = d->o->free_user;
		return true;
	}
	n->payload.outside.data = malloc(n->size);
	if (n->payload.outside.data == NULL)
		return false;
	memcpy(n->payload.outside.data, data, n->size);
	n->payload.outside.free = NULL;
	return true;
}

/* The second half of the node, which requests with a plain callback leave
 * alone. */
static void
fill_rest(struct node *n, const struct order *d, const struct home *h)
{
	n->reply = NULL;
	n->reply_size = 0;
	n->deadline_ns = d->o->deadline_ns;
	n->stale_ms = d->o->stale_ms;
	/* Relaxed: published by the push. */
	if (n->flags & NODE_INBOX) {
		n->inbox = atomp_load_relaxed(&h->inbox_slot->object);
		n->inbox_generation =
		    (uint32_t)ferry__inbox_generation(d->o->inbox);
		atom64_store_relaxed(&n->stale_posted, 0);
	} else {
		atom32_store_relaxed(&n->wait, WAIT_NONE);
	}
}

static inline bool
fill(struct node *n, const struct order *d, struct home *h,
    const ferry_request_item *item)
{
	size_t size = item->size;

	n->flags = (uint16_t)d->node_flags;
	ferry__ahead_submit(&h->submits, n);
	atom32_store_relaxed(&n->method, item->method);
	n->size = (uint32_t)size;
	n->callback = d->o->callback;
	n->user = item->user;
	if (UNLIKELY(size > NODE_INLINE ||
	        (d->o->flags & FERRY_REQUEST_ADOPT) != 0)) {
		if (!put_outside(n, d, item->data))
			return false;
	} else if (size == NODE_INLINE) {
		/* A length the compiler knows: no call. */
		memcpy(n->payload.bytes, item->data, NODE_INLINE);
	} else if (size != 0) {
		memcpy(n->payload.bytes, item->data, size);
	}
	if (n->flags != NODE_CALLBACK)
		fill_rest(n, d, h);
	ferry__timing_submit(h, n);
	return true;
}

/* A node to fill; NULL: at the bound, or no memory. */
static inline struct node *
take(struct home *h)
{
	struct node *n;

	while ((n = ferry__node_take(h)) != NULL && ferry__node_spent(n))
		/* Retired: this home owns one node less. */
		atom64_store_relaxed(
		    &h->nodes, atom64_load_relaxed(&h->nodes) - 1);
	return n;
}

/* No node: say which way; or, with an inbox to be told at, look again. */
COLD static struct node *
take_again(struct home *h, const struct order *d, int *error)
{
	struct node *n = NULL;

	/* Of a context that has closed, the nodes may be out for long. */
	if (!ferry__list_is_open(d->shard, h->generation, LIST_TAG_LINE)) {
		*error = ferry__order_why_refused(h);
		return NULL;
	}
	*error = FERRY_ENOMEM;
	if (!ferry__node_at_bound(h))
		return NULL;
	*error = FERRY_EAGAIN;
	if (d->o->inbox != 0 && ferry__node_want_room(h, d->o->inbox))
		n = take(h);
	return n;
}

/* -------------------------------------------------------- the exact bound */

/* Never counted and taken back: others would be refused meanwhile, and no
 * request comes home to tell them that there is room. */
static bool
take_total(struct home *h, uint64_t count)
{
	struct total *t = h->total;
	/* Relaxed: of this life; for a stale token any will do. */
	uint64_t most = atom64_load_relaxed(&t->most);
	/* pair(total) seq_cst: after a want was announced. */
	uint64_t out = atom64_load_seqcst(&t->out);

	do
		if (out + count > most)
			return false;
	/* pair(total) seq_cst. */
	while (!atom64_cas_seqcst(&t->out, &out, out + count));
	return true;
}

/* Whether `count` more fit; announces a want and looks again if not. */
COLD static bool
enter_total(struct home *h, const struct order *d, uint64_t count)
{
	if (take_total(h, count))
		return true;
	if (d->o->inbox == 0)
		return false;
	ferry__node_announce_want(h, d->o->inbox);
	/* pair(total) seq_cst: the want is announced before the look. */
	atom32_store_seqcst(&h->total->wanted, 1);
	return take_total(h, count);
}

/* ---------------------------------------------------------------- pushing */

static inline int
push(struct home *h, const struct order *d, struct node *first,
    struct node *last)
{
	unsigned calls;

	if (UNLIKELY(!ferry__list_push(d->shard, &first->link, &last->link,
	        h->generation, LIST_TAG_LINE)))
		return ferry__order_why_refused(h);
	calls = ferry__park_wake(h->park);
	if (UNLIKELY(calls != 0))
		count_single_add(&h->wakes, calls);
	return FERRY_OK;
}

static inline int
check_stuck(const struct home *h)
{
	/* Relaxed: a policy, not a hand-over; a submit may just miss it. */
	return UNLIKELY(h->stuck != NULL) &&
	        atom32_load_relaxed(h->stuck) != 0
	    ? FERRY_ESTUCK
	    : FERRY_OK;
}

/* Undoes fill(), take() and, after a refused push, begin(); newest first.
 * Adopted data stays the caller's. */
COLD static void
unfill(struct home *h, const struct order *d, struct node *newest)
{
	while (newest != NULL) {
		struct node *next = (struct node *)newest->link.next;

		if ((d->o->flags & FERRY_REQUEST_ADOPT) == 0)
			ferry__node_free_payload(newest);
		/* Relaxed: no token of it was ever given out. */
		atom64_store_relaxed(&newest->state,
		    ferry__node_word(
		        atom64_load_relaxed(&newest->state), NODE_FREE));
		ferry__node_untake(h, newest);
		newest = next;
	}
}

/* Answers one that was not pushed, as the closer answered its sisters. */
COLD static void
answer_refused(struct context *c, struct node *n, bool count)
{
	int status;

	if (ferry__node_answered(n, &status)) {
		ferry__reply_drop(n);
		return;
	}
	ferry__node_free_payload(n);
	if (count)
		ferry__reply_count_elsewhere(c, UNSTARTED_CLOSED);
	n->status = FERRY_ECLOSED;
	if (n->flags & NODE_CALLBACK)
		ferry__reply_not_run(c, n, count);
	else
		ferry__reply_deliver(c, n);
}

/*
 * A push was refused. But a closer that walks the nodes cannot tell one that
 * is about to be pushed from one that is queued, and may have answered it: if
 * it did so with any, then the submit has succeeded, all are answered, and
 * law 1 holds. FINISHED keeps it from answering one from here on. (Those with
 * a callback are answered by closers only in an abandoned close, which counts
 * them as not run, or runs them.)
 */
COLD static int
settle_refused(struct home *h, struct node *newest, int why)
{
	struct context *c = ferry__order_context(h), *same;
	struct node *n, *next;
	bool any = false, count;

	for (n = newest; n != NULL; n = (struct node *)n->link.next)
		/* pair(claim) acq_rel: against the closer's. */
		if (atom64_or_acqrel(&n->claim, CLAIM_FINISHED) &
		    CLAIM_ANSWERED)
			any = true;
	if (!any)
		return why;
	/* submit() has entered: while the token is good, the counters are this
	 * context's. A single request is answered already, or was not. */
	count = ferry__context_find(&same, ferry__home_token(h)) == FERRY_OK;
	for (n = newest; n != NULL; n = next) {
		next = (struct node *)n->link.next;
		answer_refused(c, n, count);
	}
	return FERRY_OK;
}

/* Fills a chain of `count`, newest first. */
static int
fill_chain(struct home *h, const struct order *d,
    const ferry_request_item *items, size_t count, struct node **newest,
    struct node **oldest)
{
	struct node *n;
	int r;

	*newest = NULL;
	for (size_t i = 0; i < count; i++) {
		n = take(h);
		if (UNLIKELY(n == NULL)) {
			n = take_again(h, d, &r);
			if (n == NULL)
				return r;
		}
		n->link.next = *newest != NULL ? &(*newest)->link : NULL;
		if (i == 0)
			*oldest = n;
		*newest = n;
		if (UNLIKELY(!fill(n, d, h, &items[i]))) {
			n->flags &= (uint16_t)~NODE_ADOPTED;
			return FERRY_ENOMEM;
		}
	}
	return FERRY_OK;
}

static inline void
tell_tokens(ferry_request *out, struct node *newest, size_t count)
{
	while (count-- != 0) {
		out[count] = ferry__node_token(newest, TOKEN_REQUEST);
		newest = (struct node *)newest->link.next;
	}
}

/* Pushes what was filled; the tokens are told only if that succeeds, and read
 * before it: afterwards the nodes are not ours to look at. */
static int
push_chain(ferry_request *out, ferry_request *tokens, struct home *h,
    const struct order *d, struct node *newest, struct node *oldest,
    size_t count)
{
	struct node *n;
	int r;

	for (n = newest; n != NULL; n = (struct node *)n->link.next)
		ferry__node_begin(n, d->aside);
	tell_tokens(tokens, newest, count);
	r = push(h, d, newest, oldest);
	if (UNLIKELY(r != FERRY_OK)) {
		oldest->link.next = NULL;
		r = settle_refused(h, newest, r);
	}
	if (LIKELY(r == FERRY_OK) && out != NULL)
		memcpy(out, tokens, count * sizeof *tokens);
	return r;
}

/* Counted as submitted already; the arguments are good. `tokens` has room for
 * count. */
static int
submit(ferry_request *out, ferry_request *tokens, struct home *h,
    const struct order *d, const ferry_request_item *items, size_t count)
{
	struct node *newest, *oldest = NULL;
	int r = check_stuck(h);

	if (UNLIKELY(r != FERRY_OK))
		return r;
	if (UNLIKELY(d->node_flags & NODE_COUNTED) &&
	    !enter_total(h, d, count))
		return FERRY_EAGAIN;
	r = fill_chain(h, d, items, count, &newest, &oldest);
	if (LIKELY(r == FERRY_OK)) {
		struct context *c = ferry__order_context(h);

		/* A close waits: it may answer some of these before they are
		 * refused, and then the others are answered here. */
		ferry__reply_enter(c);
		r = push_chain(out, tokens, h, d, newest, oldest, count);
		ferry__reply_leave(c);
		if (LIKELY(r == FERRY_OK))
			return FERRY_OK;
	}
	unfill(h, d, newest);
	if (d->node_flags & NODE_COUNTED)
		ferry__node_uncount(h->total, count);
	return r;
}

/* ----------------------------------------------------------------- public */

/* One request: what submit() does for many, without the loops. */
static inline int
submit_one(ferry_request *out, struct home *h, const struct order *d,
    const ferry_request_item *item)
{
	ferry_request token;
	struct node *n;
	int r = check_stuck(h);

	if (UNLIKELY(r != FERRY_OK))
		return r;
	if (UNLIKELY(d->node_flags & NODE_COUNTED))
		return submit(out, &token, h, d, item, 1);
	n = take(h);
	if (UNLIKELY(n == NULL)) {
		n = take_again(h, d, &r);
		if (n == NULL)
			return r;
	}
	if (UNLIKELY(!fill(n, d, h, item))) {
		n->flags &= (uint16_t)~NODE_ADOPTED;
		ferry__node_untake(h, n);
		return FERRY_ENOMEM;
	}
	ferry__node_begin(n, d->aside);
	/* Before the push: afterwards the node is not ours to look at. */
	token = ferry__node_token(n, TOKEN_REQUEST);
	r = push(h, d, n, n);
	if (UNLIKELY(r != FERRY_OK)) {
		n->link.next = NULL;
		r = settle_refused(h, n, r);
		if (r != FERRY_OK) {
			unfill(h, d, n);
			return r;
		}
	}
	if (out != NULL)
		*out = token;
	return FERRY_OK;
}

int
ferry_request_submit(ferry_request *out, ferry_context context,
    uint32_t method, const void *data, size_t size,
    const ferry_request_options *options)
{
	ferry_request_item item = {
		.method = method,
		.data = data,
		.size = size,
	};
	struct order d;
	struct home *h;
	int r = home_of(&h, context);

	if (UNLIKELY(r != FERRY_OK))
		return r;
	r = ferry__order_check(&d, h, options, out != NULL);
	if (UNLIKELY(r != FERRY_OK))
		return r;
	r = ferry__order_check_item(&d, h, method, data, size);
	if (UNLIKELY(r != FERRY_OK))
		return r;
	item.user = d.o->user;
	count_single_add(&h->submitted, 1);
	r = submit_one(out, h, &d, &item);
	if (UNLIKELY(r != FERRY_OK))
		count_single_add(&h->refused, 1);
	return r;
}

static uint64_t
total_of(const struct home *h)
{
	return h->context_flags & HOME_TOTAL
	    ? atom64_load_relaxed(&h->total->most)
	    : FERRY_UNBOUNDED;
}

int
ferry_request_submit_many(ferry_request *out, ferry_context context,
    const ferry_request_item *items, size_t count,
    const ferry_request_options *options)
{
	ferry_request *tokens;
	struct order d;
	struct home *h;
	int r = home_of(&h, context);

	if (r != FERRY_OK)
		return r;
	if (items == NULL || count == 0 || count >= TOKEN_SLOTS)
		return FERRY_EINVAL;
	if (count > h->depth || count > total_of(h))
		/* Never to be had, however empty the queue is. */
		return FERRY_E2BIG;
	r = ferry__order_check(&d, h, options, out != NULL);
	for (size_t i = 0; r == FERRY_OK && i < count; i++)
		r = items[i].reserved != 0
		    ? FERRY_EINVAL
		    : ferry__order_check_item(&d, h, items[i].method,
		          items[i].data, items[i].size);
	if (r != FERRY_OK)
		return r;
	count_single_add(&h->submitted, count);
	tokens = malloc(count * sizeof *tokens);
	r = tokens != NULL ? submit(out, tokens, h, &d, items, count)
	                   : FERRY_ENOMEM;
	free(tokens);
	if (r != FERRY_OK)
		count_single_add(&h->refused, count);
	return r;
}
