/*
 * What a context has running: its strands, its deferred calls, and the call in
 * hand, the oldest first.
 *
 * Threads: any. The strands come from their worker's registry, the call in hand
 * from the heartbeat, and the deferred ones by a walk over the nodes; no thread
 * of the worker's is needed for any of it. Each entry is one of a moment:
 * whatever it says was true of that request at one time during the call.
 */
#include <string.h>

#include "ffi/context.h"
#include "ffi/reply.h"
#include "ffi/running.h"
#include "ffi/watch.h"

/* --------------------------------------------------------------- collecting */

/* The oldest of what is offered, in order. */
struct oldest {
	ferry_running *items;
	uint32_t capacity;
	uint32_t n;
	uint64_t offered;
	const struct context *context;
	uint64_t now_ns;
	ferry_running in_hand; /* request 0: nothing, or it has been seen */
};

static void
offer(struct oldest *o, const ferry_running *item)
{
	uint32_t at = o->n;

	o->offered++;
	while (at != 0 && o->items[at - 1].age_ns < item->age_ns)
		at--;
	if (at == o->capacity)
		return;
	if (o->n < o->capacity)
		o->n++;
	memmove(&o->items[at + 1], &o->items[at],
	    (o->n - 1 - at) * sizeof *item);
	o->items[at] = *item;
}

static uint64_t
since(const struct oldest *o, uint64_t then_ns)
{
	return o->now_ns > then_ns ? o->now_ns - then_ns : 0;
}

/* ------------------------------------------------------------------ strands */

/* FERRY_RUNNING_…, whose order is that of the registry. */
_Static_assert((int)FERRY_RUNNING_READY == REGISTRY_READY &&
    (int)FERRY_RUNNING_NOW == REGISTRY_RUNNING &&
    (int)FERRY_RUNNING_SLEEPING == REGISTRY_SLEEPING &&
    (int)FERRY_RUNNING_AWAITING == REGISTRY_AWAITING &&
    (int)FERRY_RUNNING_OFFLOADED == REGISTRY_OFFLOADED &&
    (int)FERRY_RUNNING_POLLING == REGISTRY_POLLING, "two lists of states");

static void
offer_strand(const struct registry_entry *e, void *arg)
{
	struct oldest *o = arg;

	if (e->context != o->context->token)
		return;
	if (e->request == o->in_hand.request)
		o->in_hand.request = 0;
	offer(o, &(ferry_running){
		.request = e->request,
		.strand = e->strand,
		.method_name = e->name,
		.method = e->method,
		.state = (uint32_t)e->state,
		.age_ns = since(o, e->spawned_ns),
		.progress_ns = since(o, e->progress_ns),
		.what = e->what != OS_NEVER ? e->what : 0,
	});
}

/* ----------------------------------------------------------- deferred calls */

static void
offer_deferred(struct node *n, void *arg)
{
	struct oldest *o = arg;
	/* pair(begin) acquire: what submit filled in. */
	uint64_t claim = atom64_load_acquire(&n->claim), again;
	/* pair(begin) acquire. */
	uint64_t state = atom64_load_acquire(&n->state);
	/* Relaxed: it is looked again whether this is the same request. */
	uint32_t ms = atom32_load_relaxed(&n->since_ms);
	uint32_t id = ferry__node_method(n);

	if ((claim & (CLAIM_DEFERRED | CLAIM_STRAND | CLAIM_FINISHED)) !=
	        CLAIM_DEFERRED ||
	    !ferry__node_same_generation(claim, state) ||
	    ferry__node_phase(state) != NODE_DEFERRED)
		return;
	/* pair(begin) acquire: the words above were this request's. */
	again = atom64_load_acquire(&n->claim);
	if (!ferry__node_same_generation(claim, again) ||
	    id >= o->context->methods->n)
		return;
	/* Milliseconds that wrap, as the difference does. */
	ms = (uint32_t)(o->now_ns / 1000000u) - ms;
	offer(o, &(ferry_running){
		.request = ferry__token_as(
		    claim >> 24 << 24 | n->index, TOKEN_REQUEST),
		.method_name = o->context->methods->at[id].name,
		.method = id,
		.state = FERRY_RUNNING_DEFERRED,
		.age_ns = ms < INT32_MAX ? ms * UINT64_C(1000000) : 0,
		.progress_ns = ms < INT32_MAX ? ms * UINT64_C(1000000) : 0,
	});
}

/* --------------------------------------------------------- the call in hand */

/* Which it is, and since when, as of the watcher's last look; false: none of
 * this context. */
static bool
look_in_hand(ferry_running *out, const struct context *c)
{
	struct worker *w = ferry__context_worker(c);
	uint64_t word = ferry__beat_look(&w->beat), age;
	struct suspect s = { 0 };
	struct node *n;
	uint64_t claim;

	if (ferry__beat_state(word) == BEAT_IDLE ||
	    !ferry__watch_ops.suspect(w, word, &s) || s.request == 0)
		return false;
	n = ferry__node_at(ferry__beat_slot(word));
	/* pair(claim) acquire: it may have ended, and be named still. */
	claim = atom64_load_acquire(&n->claim);
	/* Relaxed: a time. */
	age = atom64_load_relaxed(&w->events.age_ns);
	if (ferry__home_token(n->home) != c->token ||
	    ferry__node_status(s.request, claim,
	        /* pair(beat) acquire. */
	        atom64_load_acquire(&n->state)) != FERRY_OK ||
	    !ferry__beat_stands(&w->beat, word))
		return false;
	*out = (ferry_running){
		.request = s.request,
		.method_name = s.name,
		.method = s.method,
		.state = FERRY_RUNNING_NOW,
		.age_ns = age,
		.progress_ns = age,
	};
	return true;
}

/* ------------------------------------------------------------------- public */

/* Between enter and leave the context is not let go. */
static int
enter(struct context *c, ferry_context token)
{
	int r;

	ferry__reply_enter(c);
	r = ferry__context_check(c, token);
	if (r != FERRY_OK)
		ferry__reply_leave(c);
	return r;
}

int
ferry__running_deferred(ferry_running *items, uint32_t capacity,
    uint64_t *total, struct context *c, ferry_context token)
{
	struct oldest o = {
		.items = items,
		.capacity = capacity,
		.context = c,
		.now_ns = ferry__os_now_ns(),
	};
	int r = enter(c, token);

	if (r != FERRY_OK)
		return r;
	ferry__node_each(&c->homes, offer_deferred, &o);
	ferry__reply_leave(c);
	*total = o.offered;
	return (int)o.n;
}

static void
look(struct oldest *o, struct context *c)
{
	struct registry_sum sum = { 0 };

	/* First: a strand that is in hand is known from the registry as well,
	 * unless that has no room for it. */
	if (!look_in_hand(&o->in_hand, c))
		o->in_hand.request = 0;
	ferry__registry_read(&sum, &ferry__context_worker(c)->registry,
	    offer_strand, o);
	ferry__node_each(&c->homes, offer_deferred, o);
	if (o->in_hand.request != 0)
		offer(o, &o->in_hand);
}

int
ferry_context_running(ferry_running *items, uint32_t capacity,
    uint64_t *out_total, ferry_context context)
{
	struct oldest o = { .items = items, .capacity = capacity };
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (items == NULL || capacity == 0 || capacity > INT32_MAX)
		return FERRY_EINVAL;
	r = enter(c, context);
	if (r != FERRY_OK)
		return r;
	o.context = c;
	o.now_ns = ferry__os_now_ns();
	look(&o, c);
	ferry__reply_leave(c);
	if (out_total != NULL)
		*out_total = o.offered;
	return (int)o.n;
}
