/*
 * A submit's arguments, checked: what all requests of one submit have in
 * common.
 */
#ifndef FERRY_FFI_ORDER_H
#define FERRY_FFI_ORDER_H

#include "ffi/home.h"
#include "ffi/self.h"

struct context;

struct order {
	const ferry_request_options *o; /* the caller's, or `copy` */
	uint32_t node_flags;
	uint64_t aside;                 /* for the claim word */
	struct list *shard;
	ferry_request_options copy;     /* of another version's struct */
};

/* The thread's own home knows its context. */
static inline struct context *
ferry__order_context(const struct home *h)
{
	/* Relaxed: this thread's own home. */
	return atomp_load_relaxed(&h->context);
}

/* Any options; fills in the order. Errors as ferry_request_submit(). */
int ferry__order_check_slow(struct order *d, struct home *h,
    const ferry_request_options *options, bool has_out);

/* The same; here, for a callback and nothing special, without a call. */
static inline int
ferry__order_check(struct order *d, struct home *h,
    const ferry_request_options *o, bool has_out)
{
	if (UNLIKELY(o == NULL || o->struct_size != sizeof *o ||
	        o->callback == NULL || o->flags != 0 || o->stale_ms != 0 ||
	        (o->lane | o->deadline_ns | o->inbox) != 0 ||
	        (h->context_flags & HOME_TOTAL) != 0 ||
	        ferry__self.roles != 0))
		return ferry__order_check_slow(d, h, o, has_out);
	d->o = o;
	d->node_flags = NODE_CALLBACK;
	d->aside = CLAIM_CALLBACK;
	d->shard = h->shard;
	return FERRY_OK;
}

/* What each request has of its own. */
static inline int
ferry__order_check_item(const struct order *d, const struct home *h,
    uint32_t method, const void *data, size_t size)
{
	if (UNLIKELY(method >= h->n_methods))
		return FERRY_ENOMETHOD;
	if (UNLIKELY(size > h->payload_max))
		return FERRY_E2BIG;
	if (UNLIKELY(data == NULL &&
	        (size != 0 || (d->o->flags & FERRY_REQUEST_ADOPT) != 0)))
		return FERRY_EINVAL;
	return FERRY_OK;
}

/* A push was refused, or would be: because the context is closing, has
 * closed, or because the process is quiescing. */
int ferry__order_why_refused(const struct home *h);

#endif
