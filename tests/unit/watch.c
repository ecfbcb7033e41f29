/*
 * The worker's side of the watchdog: levels inherited, the tick they ask for,
 * what a slot of the heartbeat names.
 */
#include "world.h"

#include "ffi/context.h"
#include "ffi/watch.h"

static struct method methods[3];
static struct library library = { .name = "l", .methods = methods };
static struct context context;

/* A context of these levels whose methods are the first n. */
static uint32_t
tick(ferry_levels levels, uint32_t n)
{
	library.n_methods = n;
	context.levels = levels;
	context.methods = ferry__watch_methods(&library, &levels, 2);
	T_ASSERT(context.methods != NULL);
	return ferry__watch_tick(&context);
}

static void
zero_inherits(void)
{
	ferry_levels from = { 1, 2, 3, 4 }, own = { 0, 20, FERRY_OFF, 0 };
	ferry_levels r = ferry__watch_resolve(&own, &from);

	T_EQ(r.slow_ms, 1);
	T_EQ(r.stalled_ms, 20);
	T_EQ(r.wedged_ms, FERRY_OFF);
	T_EQ(r.fatal_ms, 4);
	own = (ferry_levels){ 0 };
	r = ferry__watch_resolve(&own, &ferry__watch_defaults);
	T_EQ(r.slow_ms, 100);
	T_EQ(r.stalled_ms, 1000);
	T_EQ(r.wedged_ms, 5000);
	T_EQ(r.fatal_ms, FERRY_OFF);
}

/* Detection within level + 2 ticks needs a tick of a third of the lowest. */
static void
tick_is_a_third_of_the_lowest(void)
{
	const uint32_t off = FERRY_OFF;

	memset(methods, 0, sizeof methods);
	T_EQ(tick(ferry__watch_defaults, 0), 33);
	T_EQ(tick(ferry__watch_defaults, 3), 33);
	T_EQ(tick((ferry_levels){ off, 900, 1000, off }, 3), 300);
	T_EQ(tick((ferry_levels){ 1, 2, off, off }, 3), 1);
	T_EQ(tick((ferry_levels){ 2, off, off, off }, 3), 1);
	T_EQ(tick((ferry_levels){ off, off, off, off }, 3), 0);
	T_EQ(tick((ferry_levels){ off, off, off, off - 1 }, 3),
	    (off - 1) / 3);
}

/* One impatient method sets the pace, also where the context has none. */
static void
tick_of_the_most_impatient_method(void)
{
	const uint32_t off = FERRY_OFF;

	memset(methods, 0, sizeof methods);
	methods[1].levels.slow_ms = 9;
	T_EQ(tick(ferry__watch_defaults, 1), 33);
	T_EQ(tick(ferry__watch_defaults, 3), 3);
	methods[1].levels = (ferry_levels){ off, off, off, 60 };
	T_EQ(tick((ferry_levels){ off, off, off, off }, 3), 20);
	T_EQ(tick((ferry_levels){ off, off, off, off }, 1), 0);
}

/* Kept for ever, so kept once: an open in a loop must not eat memory. */
static void
methods_are_kept_once(void)
{
	const struct methods *a, *b;

	memset(methods, 0, sizeof methods);
	methods[0].name = "a";
	methods[2].levels.slow_ms = 7;
	library.n_methods = 3;
	a = ferry__watch_methods(&library, &ferry__watch_defaults, 2);
	b = ferry__watch_methods(&library, &ferry__watch_defaults, 2);
	T_ASSERT(a == b);
	T_EQ(a->n, 3);
	T_EQ(a->notify_level, 2);
	T_STR(a->at[0].name, "a");
	T_EQ(a->at[0].levels.slow_ms, 100);
	T_EQ(a->at[2].levels.slow_ms, 7);
	T_EQ(a->at[2].levels.wedged_ms, 5000);
	T_ASSERT(ferry__watch_methods(
	             &library, &ferry__watch_defaults, 3) != a);
}

static bool
names(struct worker *w, uint32_t slot, struct suspect *out)
{
	uint64_t word = (uint64_t)7 << 26 | (uint64_t)slot << 2 | BEAT_BUSY;

	atom64_store_relaxed(&w->beat.word, word);
	return ferry__watch_ops.suspect(w, word, out);
}

/* Whom the heartbeat's slot names, and with which limits. */
static void
suspect_by_slot(void)
{
	static struct world w;
	static struct worker worker;
	struct suspect s = { .method = 99 };
	struct home *h;
	struct node *n;

	memset(methods, 0, sizeof methods);
	methods[0].name = "a";
	methods[1].name = "b";
	methods[1].levels = (ferry_levels){ 10, FERRY_OFF, 30, 0 };
	library.n_methods = 2;
	world_open(&w, 2);
	w.binding.methods =
	    ferry__watch_methods(&library, &ferry__watch_defaults, 3);
	h = world_home(&w);
	n = world_node(h, NODE_CALLBACK, NODE_RUNNING);
	atom32_store_relaxed(&n->method, 1);
	T_ASSERT(names(&worker, n->index, &s));
	T_EQ(s.request, ferry__node_token(n, TOKEN_REQUEST));
	T_EQ(s.method, 1);
	T_STR(s.name, "b");
	T_EQ(s.limits.level_ns[FERRY_LEVEL_SLOW], 10000000);
	T_EQ(s.limits.level_ns[FERRY_LEVEL_STALLED], 0);
	T_EQ(s.limits.level_ns[FERRY_LEVEL_WEDGED], 30000000);
	T_EQ(s.limits.level_ns[FERRY_LEVEL_FATAL], 0);
	T_EQ(s.limits.notify_level, 3);
	/* Without scopes: its hold of the thread. */
	T_EQ(s.n, 1);
	T_EQ(s.serial[0], 7 << 1 | 1);
	T_EQ(s.limit_ms + s.extended_ms, 0);
	/* A slot seen too late may hold anything; it must not be followed. */
	atom32_store_relaxed(&n->method, 2);
	T_ASSERT(!names(&worker, n->index, &s));
	atom32_store_relaxed(&n->method, UINT32_MAX);
	T_ASSERT(!names(&worker, n->index, &s));
	T_ASSERT(!names(&worker, BEAT_NO_SLOT, &s));
	T_ASSERT(!names(&worker, TOKEN_SLOTS / 2, &s));
	world_give(&n, 1);
	ferry__node_disband(&w.homes);
}

T_MAIN(
	T_RUN(zero_inherits);
	T_RUN(tick_is_a_third_of_the_lowest);
	T_RUN(tick_of_the_most_impatient_method);
	T_RUN(methods_are_kept_once);
	T_RUN(suspect_by_slot);
)
