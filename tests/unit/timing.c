/*
 * How long requests last: which are sampled, what the watcher's looks tell of
 * the others, and how much each counts. The watcher is the test: it stores the
 * words that a look leaves behind. Times are of the real clock, but long ones
 * are long because the words say so.
 */
#include "t.h"

#include "ffi/context.h"

#define MS UINT64_C(1000000)
#define TICK (30 * MS)

static struct worker worker;
static struct context context;
static struct home home;
static struct node node;
static struct {
	struct methods m;
	struct method at[2];
} methods = {
	.m = { .n = 2 },
	.at = {
		{ .name = "plain", .levels = { 100, 1000, FERRY_OFF, 20000 } },
		{ .name = "off", .levels = { FERRY_OFF, FERRY_OFF, FERRY_OFF,
			FERRY_OFF } },
	},
};
static uint32_t slot;

static uint64_t
ago(uint64_t ns)
{
	return ferry__os_now_ns() - ns;
}

/* The watcher looked then, and has seen this very hold since that time. */
static void
look(uint64_t at_ns, uint64_t since_ns, uint32_t level)
{
	struct event_thread *t = &worker.events;

	atom64_store_relaxed(&t->judged, since_ns != 0
	        ? ferry__beat_sequence(atom64_load_relaxed(&worker.beat.word))
	        : 1);
	atom64_store_relaxed(&t->judged_since_ns, since_ns);
	atom64_store_relaxed(&t->planned_ns, TICK);
	atom32_store_relaxed(&t->judged_level, level);
	atom64_store_relaxed(&t->looked_ns, at_ns);
}

static uint64_t began_ns; /* the case */

static void
fresh(void)
{
	began_ns = ferry__os_now_ns();
	ferry__timing_close(&context.timings);
	ferry__ledger_close(&context.ledger);
	memset(&worker.hold, 0, sizeof worker.hold);
	context.methods = &methods.m;
	atom64_store_relaxed(&worker.events.listening, 0);
	for (int i = 0; i < 5; i++)
		ferry__beat(&worker.beat, BEAT_NO_SLOT);
}

/* As dispatch does it. */
static void
begin(void)
{
	ferry__beat(&worker.beat, ++slot & 1023);
	ferry__timing_begin(&worker);
}

static void
begin_timed(void)
{
	begin();
	node.submitted_ns = ago(5 * MS);
	ferry__timing_begin_timed(&worker, &context, &node);
}

static bool
end_of(uint32_t method)
{
	if (!ferry__timing_asks(&worker))
		return false;
	ferry__timing_end(&worker, &context, &methods.m.at[method],
	    ferry__token_as(UINT64_C(9) << 30 | TOKEN_REQUEST, TOKEN_CALL));
	return true;
}

static bool
end(void)
{
	return end_of(0);
}

static uint64_t
runs(void)
{
	const struct timing *t = ferry__timing_of(&context.timings, 0);

	return t != NULL ? ferry__histogram_count(&t->run) : 0;
}

static uint64_t
waits(void)
{
	const struct timing *t = ferry__timing_of(&context.timings, 0);

	return t != NULL ? ferry__histogram_count(&t->wait) : 0;
}

static uint64_t
run_max(void)
{
	return atom64_load_relaxed(
	    &ferry__timing_of(&context.timings, 0)->run.max_ns);
}

static uint64_t
run_sum(void)
{
	return atom64_load_relaxed(
	    &ferry__timing_of(&context.timings, 0)->run.sum_ns);
}

static ferry_ledger_entry
entry(uint64_t expected_total)
{
	ferry_ledger_entry e = { 0 };
	uint64_t total;

	ferry__ledger_read(&e, 1, &total, &context.ledger);
	T_EQ(total, expected_total);
	return e;
}

/* A little later than that: by parts of a tick, and by what the case has taken,
 * which may be held up anywhere. */
#define T_NEAR(value, least) \
	do { \
		uint64_t t__v = (value), t__most = (least) + \
		    50 * MS + ferry__os_now_ns() - began_ns; \
		T_GE(t__v, (least)); \
		T_LE(t__v, t__most); \
	} while (0)

/* --------------------------------------------------------------- sampling */

/* One of each block, at every place as often as at any other. */
static void
one_of_each_block(void)
{
	enum { BLOCKS = 6400 };
	unsigned at[TIMING_EVERY] = { 0 };
	unsigned changes = 0, last = 0;

	fresh();
	for (unsigned b = 0; b < BLOCKS; b++) {
		unsigned timed = 0, place = 0;

		for (unsigned i = 0; i < TIMING_EVERY; i++) {
			node.flags = 0;
			ferry__timing_submit(&home, &node);
			if (node.flags & NODE_TIMED) {
				timed++;
				place = i;
				T_NEAR(ferry__os_now_ns(), node.submitted_ns);
			}
		}
		T_EQ(timed, 1);
		at[place]++;
		changes += place != last;
		last = place;
	}
	/* 100 expected in each, with a deviation of 10. */
	for (unsigned i = 0; i < TIMING_EVERY; i++) {
		T_GT(at[i], 40);
		T_LT(at[i], 160);
	}
	T_GT(changes, BLOCKS * 9 / 10);
}

/* The first request of a home is no more likely than others: a host that has
 * a thread for each must not count 64-fold. */
static void
first_ones_are_not_favoured(void)
{
	enum { HOMES = 6400 };
	unsigned timed = 0;

	for (unsigned i = 0; i < HOMES; i++) {
		memset(&home, 0, sizeof home);
		node.flags = 0;
		ferry__timing_submit(&home, &node);
		timed += (node.flags & NODE_TIMED) != 0;
	}
	T_GT(timed, 40);
	T_LT(timed, 160);
}

/* ---------------------------------------------------------------- weights */

static void
unnoticed_and_not_sampled_is_nothing(void)
{
	fresh();
	look(ago(5 * MS), 0, 0);
	begin();
	T_ASSERT(!end());
	T_EQ(runs(), 0);
	T_EQ(waits(), 0);
}

static void
sampled_counts_for_all(void)
{
	fresh();
	look(ago(5 * MS), 0, 0);
	begin_timed();
	T_EQ(waits(), TIMING_EVERY);
	T_ASSERT(end());
	T_EQ(runs(), TIMING_EVERY);
	T_NEAR(run_max(), 0);
	begin();
	T_ASSERT(!end());
	T_EQ(runs(), TIMING_EVERY);
}

static void
noticed_counts_once(void)
{
	fresh();
	look(ago(300 * MS), 0, 0);
	begin();
	look(ago(5 * MS), ago(200 * MS), 0);
	T_ASSERT(end());
	T_EQ(runs(), 1);
	T_EQ(waits(), 0);
}

static void
noticed_counts_once_if_sampled(void)
{
	fresh();
	look(ago(300 * MS), 0, 0);
	begin_timed();
	look(ago(5 * MS), ago(5 * MS), 0);
	T_ASSERT(end());
	T_EQ(runs(), 1);
	T_EQ(waits(), TIMING_EVERY);
	T_NEAR(run_max(), 0); /* it is known exactly */
}

/* ------------------------------------------------------------- estimating */

/* Half a tick before the first look that saw it. */
static void
long_began_half_a_tick_before(void)
{
	fresh();
	look(ago(230 * MS), 0, 0);
	begin();
	look(ago(MS), ago(200 * MS), FERRY_LEVEL_SLOW);
	T_ASSERT(end());
	T_NEAR(run_max(), 200 * MS + TICK / 2);
	T_EQ(run_sum(), run_max());
}

/* Before that there was another look. */
static void
not_before_the_look_before(void)
{
	fresh();
	look(ago(204 * MS), 0, 0);
	begin();
	look(ago(MS), ago(200 * MS), FERRY_LEVEL_SLOW);
	T_ASSERT(end());
	T_NEAR(run_max(), 202 * MS);
	T_LT(run_max(), 205 * MS + 50 * MS * (uint64_t)t_slow());
}

/* A short one that a look happened to hit stays short, however long ago the
 * look before was: the watcher may have been held up. */
static void
short_stays_short(void)
{
	fresh();
	look(ago(10000 * MS), 0, 0);
	begin();
	look(ferry__os_now_ns(), 0, 0);
	/* Ticks so long that half of one would be seen. */
	atom64_store_relaxed(&worker.events.planned_ns, 20000 * MS);
	T_ASSERT(end());
	T_EQ(runs(), 1);
	T_NEAR(run_max(), 0);
	T_EQ(entry(0).request, 0);
}

/* After a look at the clock it is exact; whatever the watcher says. */
static void
known_is_exact(void)
{
	uint64_t since;

	fresh();
	look(ago(230 * MS), 0, 0);
	begin();
	look(ago(210 * MS), ago(210 * MS), 0);
	T_ASSERT(end());
	since = worker.hold.clock_ns;
	begin();
	look(ferry__os_now_ns(), ferry__os_now_ns(), 0);
	t_sleep_ms(20);
	T_ASSERT(end());
	T_EQ(entry(1).ended_ns, since);
	T_EQ(runs(), 2);
	T_GE(run_sum() - run_max(), 20 * MS);
	T_NEAR(run_sum() - run_max(), worker.hold.clock_ns - since);
}

/* Something else has had the thread since. */
static void
forgotten_is_not_known(void)
{
	fresh();
	ferry__timing_clock(&worker, ago(500 * MS));
	ferry__timing_forget(&worker);
	atom64_store_relaxed(&worker.events.listening, 7);
	look(ago(600 * MS), 0, 0);
	begin();
	T_ASSERT(end());
	T_EQ(runs(), 0);
	T_EQ(entry(0).request, 0);
}

/* ------------------------------------------------------------- the ledger */

static void
slow_is_entered(void)
{
	ferry_ledger_entry e;

	fresh();
	look(ago(1300 * MS), 0, 0);
	begin();
	look(ago(MS), ago(1250 * MS), FERRY_LEVEL_SLOW);
	T_ASSERT(end());
	e = entry(1);
	T_EQ(e.request, ferry__token_as(
	    UINT64_C(9) << 30 | TOKEN_REQUEST, TOKEN_REQUEST));
	T_EQ(e.level, FERRY_LEVEL_STALLED);
	T_EQ(e.seen, 0); /* but at SLOW */
	T_EQ(e.method, 0);
	T_STR(e.method_name, "plain");
	T_NEAR(e.lasted_ns, 1250 * MS);
	T_NEAR(ferry__os_now_ns(), e.ended_ns);
	begin();
	look(ago(0), ago(1150 * MS), FERRY_LEVEL_STALLED);
	ferry__timing_forget(&worker);
	worker.hold.clock_ns = 0;
	worker.hold.looked = ago(1200 * MS);
	T_ASSERT(end());
	e = entry(2);
	T_EQ(e.level, FERRY_LEVEL_STALLED);
	T_EQ(e.seen, 1);
}

/* What the watcher saw of the one before is not this one's. */
static void
seen_is_of_this_hold(void)
{
	fresh();
	look(ago(400 * MS), 0, 0);
	begin();
	look(ago(300 * MS), ago(390 * MS), FERRY_LEVEL_STALLED);
	begin();
	worker.hold.looked = ago(350 * MS);
	T_ASSERT(end());
	T_EQ(entry(1).seen, 0);
}

static void
levels_that_are_off(void)
{
	fresh();
	look(ago(300000 * MS), 0, 0);
	begin();
	look(ago(MS), ago(200000 * MS), 0);
	T_ASSERT(end_of(1));
	T_EQ(entry(0).request, 0);
	fresh();
	look(ago(300000 * MS), 0, 0);
	begin();
	look(ago(MS), ago(19000 * MS), 0);
	T_ASSERT(end());
	T_EQ(entry(1).level, FERRY_LEVEL_STALLED);
	fresh();
	look(ago(300000 * MS), 0, 0);
	begin();
	look(ago(MS), ago(21000 * MS), 0);
	T_ASSERT(end());
	T_EQ(entry(1).level, FERRY_LEVEL_FATAL);
}

/* While a listener has the event thread there are no looks. */
static void
by_the_clock_while_a_listener_runs(void)
{
	fresh();
	look(ago(300 * MS), 0, 0);
	atom64_store_relaxed(&worker.events.listening, 7);
	begin();
	T_ASSERT(end());
	T_EQ(runs(), 0); /* since when is not known */
	begin();
	worker.hold.clock_ns = ago(150 * MS);
	T_ASSERT(end());
	T_EQ(runs(), 1);
	T_NEAR(entry(1).lasted_ns, 150 * MS);
	begin_timed();
	T_ASSERT(end());
	T_EQ(runs(), 2);
	atom64_store_relaxed(&worker.events.listening, 0);
}

T_MAIN(
	ferry__os_start();
	T_RUN(one_of_each_block);
	T_RUN(first_ones_are_not_favoured);
	T_RUN(unnoticed_and_not_sampled_is_nothing);
	T_RUN(sampled_counts_for_all);
	T_RUN(noticed_counts_once);
	T_RUN(noticed_counts_once_if_sampled);
	T_RUN(long_began_half_a_tick_before);
	T_RUN(not_before_the_look_before);
	T_RUN(short_stays_short);
	T_RUN(known_is_exact);
	T_RUN(forgotten_is_not_known);
	T_RUN(slow_is_entered);
	T_RUN(seen_is_of_this_hold);
	T_RUN(levels_that_are_off);
	T_RUN(by_the_clock_while_a_listener_runs);
)
