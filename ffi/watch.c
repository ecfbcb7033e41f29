/*
 * The worker's side of the watchdog; see watch.h.
 *
 * Threads: the ops run on the event thread, while the FFI thread may be stuck
 * in the very request they ask about; they only look.
 */
#include "ffi/watch.h"

#include "ffi/alloc.h"
#include "ffi/cancel.h"
#include "ffi/context.h"

const ferry_levels ferry__watch_defaults = {
	.slow_ms = 100,
	.stalled_ms = 1000,
	.wedged_ms = 5000,
	.fatal_ms = FERRY_OFF,
};

static uint32_t
inherit(uint32_t own, uint32_t from)
{
	return own != 0 ? own : from;
}

ferry_levels
ferry__watch_resolve(const ferry_levels *own, const ferry_levels *from)
{
	return (ferry_levels){
		.slow_ms = inherit(own->slow_ms, from->slow_ms),
		.stalled_ms = inherit(own->stalled_ms, from->stalled_ms),
		.wedged_ms = inherit(own->wedged_ms, from->wedged_ms),
		.fatal_ms = inherit(own->fatal_ms, from->fatal_ms),
	};
}

static uint64_t
limit_ns(uint32_t ms)
{
	return ms == FERRY_OFF ? 0 : (uint64_t)ms * 1000000u;
}

static struct watchdog_limits
limits_of(const ferry_levels *l, uint32_t notify_level)
{
	return (struct watchdog_limits){
		.level_ns = {
			[FERRY_LEVEL_SLOW] = limit_ns(l->slow_ms),
			[FERRY_LEVEL_STALLED] = limit_ns(l->stalled_ms),
			[FERRY_LEVEL_WEDGED] = limit_ns(l->wedged_ms),
			[FERRY_LEVEL_FATAL] = limit_ns(l->fatal_ms),
		},
		.notify_level = notify_level,
	};
}

static uint32_t
lowest(const ferry_levels *l)
{
	const uint32_t all[] = { l->slow_ms, l->stalled_ms, l->wedged_ms,
		l->fatal_ms };
	uint32_t least = FERRY_OFF;

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i] < least)
			least = all[i];
	return least;
}

uint32_t
ferry__watch_tick(const struct context *c)
{
	uint32_t least = lowest(&c->levels);

	for (uint32_t i = 0; i < c->methods->n; i++)
		if (lowest(&c->methods->at[i].levels) < least)
			least = lowest(&c->methods->at[i].levels);
	if (least == FERRY_OFF)
		return 0;
	return least < 3 ? 1 : least / 3;
}

const struct methods *
ferry__watch_methods(const struct library *l, const ferry_levels *levels,
    uint32_t notify_level)
{
	size_t size = sizeof(struct methods) +
	    l->n_methods * sizeof(struct method);
	struct methods *m = calloc(1, size);
	const struct methods *kept;

	if (m == NULL)
		return NULL;
	m->n = l->n_methods;
	m->notify_level = notify_level;
	for (uint32_t i = 0; i < m->n; i++) {
		m->at[i] = l->methods[i];
		m->at[i].levels =
		    ferry__watch_resolve(&l->methods[i].levels, levels);
	}
	kept = ferry__alloc_keep(m, size);
	free(m);
	return kept;
}

/*
 * The node cannot have ended as long as the heartbeat names it, which the
 * caller makes sure of before it believes the answer. Until then whatever is
 * read here may be another request's, and stays readable for ever.
 */
static bool
suspect(void *worker, uint32_t slot, struct suspect *out)
{
	/* pair(beat) acquire: the beat came after the node was filled. */
	struct node *n = ferry__node_at(slot);
	const struct methods *m;
	uint32_t id;

	(void)worker;
	if (n == NULL)
		return false;
	m = atomp_load_relaxed(&n->home->methods);
	id = ferry__node_method(n);
	if (m == NULL || id >= m->n)
		return false;
	*out = (struct suspect){
		.request = ferry__node_token(n, TOKEN_REQUEST),
		.method = id,
		.name = m->at[id].name,
		.limits = limits_of(&m->at[id].levels, m->notify_level),
	};
	return true;
}

static uint64_t
depth(struct source *s)
{
	return ferry__context_queued(
	    container_of(s, struct context, source));
}

/* As a cancel: the hook runs on the event thread. */
static void
expire(struct node *n, uint64_t token)
{
	(void)n;
	ferry__cancel_request(token);
}

const struct event_ops ferry__watch_ops = {
	.suspect = suspect,
	.depth = depth,
	.expire = expire,
};
