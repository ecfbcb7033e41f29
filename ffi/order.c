/*
 * A submit's arguments; see order.h.
 *
 * Threads: the submitting thread, on its own home.
 */
#include "ffi/order.h"

#include "ffi/context.h"
#include "ffi/options.h"
#include "ffi/request.h"

enum {
	FLAGS = FERRY_REQUEST_ADOPT | FERRY_REQUEST_ANY_THREAD |
	    FERRY_REQUEST_CANCEL_LATE
};

static const ferry_request_options defaults = {
	.struct_size = sizeof(ferry_request_options),
};

COLD int
ferry__order_why_refused(const struct home *h)
{
	struct context *c;

	if (ferry__context_find(&c, ferry__home_token(h)) != FERRY_OK)
		return FERRY_ESTALE;
	/* pair(quiesce) acquire: set before the shards were closed. */
	return atom32_load_acquire(&ferry__context_quiesced) != 0
	    ? FERRY_EQUIESCED
	    : FERRY_ECLOSED;
}

/* The inbox is open, and attached to the context; remembered in the home. */
COLD static int
learn_inbox(struct home *h, ferry_inbox inbox)
{
	struct slot *s;
	int r = ferry__inbox_find(inbox, &s);

	if (r != FERRY_OK)
		return r;
	if (!ferry__attachment_attached(
	        &ferry__order_context(h)->source.attachments, inbox))
		/* A closed context has let go of its inboxes. */
		return ferry__list_is_open(
		           h->shard, h->generation, LIST_TAG_LINE)
		    ? FERRY_EDETACHED
		    : ferry__order_why_refused(h);
	h->inbox_token = inbox;
	h->inbox_slot = s;
	return FERRY_OK;
}

static inline int
check_inbox(struct home *h, ferry_inbox inbox)
{
	if (LIKELY(h->inbox_token == inbox &&
	        ferry__inbox_is(h->inbox_slot, inbox)))
		return FERRY_OK;
	return learn_inbox(h, inbox);
}

/* A multiplicative hash; lanes are often small numbers or addresses. */
static struct list *
shard_of(const struct home *h, uint64_t lane)
{
	if (LIKELY(lane == 0))
		return h->shard;
	return &h->shards[(lane * UINT64_C(0x9e3779b97f4a7c15) >> 40) &
	    h->shard_mask];
}

static int
check_route(struct order *d, struct home *h, bool has_out)
{
	const ferry_request_options *o = d->o;

	if (o->callback != NULL) {
		if (o->inbox != 0 || o->stale_ms != 0)
			return FERRY_EINVAL;
		d->node_flags |= NODE_CALLBACK;
		if (o->flags & FERRY_REQUEST_ANY_THREAD)
			d->node_flags |= NODE_ANY_THREAD;
		d->aside = CLAIM_CALLBACK;
		return FERRY_OK;
	}
	if (o->flags & FERRY_REQUEST_ANY_THREAD)
		return FERRY_EINVAL;
	if (o->inbox != 0) {
		d->node_flags |= NODE_INBOX;
		if (o->stale_ms != 0)
			d->node_flags |= NODE_STALE;
		return check_inbox(h, o->inbox);
	}
	if (!has_out || o->stale_ms != 0)
		return FERRY_EINVAL;
	d->node_flags |= NODE_WAITED;
	d->aside = CLAIM_WAITED;
	return FERRY_OK;
}

static int
read_options(struct order *d, const ferry_request_options *o)
{
	if (o == NULL)
		o = &defaults;
	d->o = o;
	if (LIKELY(o->struct_size == sizeof *o))
		return FERRY_OK;
	d->o = &d->copy;
	return ferry__options_read(&d->copy, sizeof d->copy, o);
}

int
ferry__order_check_slow(struct order *d, struct home *h,
    const ferry_request_options *options, bool has_out)
{
	int r = read_options(d, options);

	if (r != FERRY_OK)
		return r;
	d->node_flags = 0;
	d->aside = 0;
	if ((d->o->flags & ~(uint32_t)FLAGS) != 0 ||
	    ((d->o->flags & FERRY_REQUEST_ADOPT) != 0 && d->o->free == NULL))
		return FERRY_EINVAL;
	r = check_route(d, h, has_out);
	if (r != FERRY_OK)
		return r;
	if (UNLIKELY(d->o->deadline_ns != 0)) {
		if (d->o->deadline_ns <= ferry__os_now_ns())
			return FERRY_EDEADLINE;
		d->node_flags |= NODE_DEADLINE;
		if (d->o->flags & FERRY_REQUEST_CANCEL_LATE)
			d->node_flags |= NODE_CANCEL_LATE;
	}
	if (UNLIKELY(h->context_flags & HOME_TOTAL))
		d->node_flags |= NODE_COUNTED;
	d->shard = shard_of(h, d->o->lane);
	return ferry__request_may_submit(
	    ferry__order_context(h), (d->node_flags & NODE_WAITED) != 0);
}
