/*
 * Limits of scopes, of calls that were given more, and of hosts that act at
 * other levels; and whose wake-up is lost.
 */
#include "world.h"
#include "valgrind.h"

#include "event/thread.h"

#define MS UINT64_C(1000000)

static struct watchdog_limits
limits(uint64_t slow, uint64_t stalled, uint64_t wedged, uint64_t fatal)
{
	return (struct watchdog_limits){
		.level_ns = { 0, slow * MS, stalled * MS, wedged * MS,
		    fatal * MS },
	};
}

static void
check(struct watchdog_limits *l, uint64_t slow, uint64_t stalled,
    uint64_t wedged, uint64_t fatal)
{
	T_EQ(l->level_ns[1], slow * MS);
	T_EQ(l->level_ns[2], stalled * MS);
	T_EQ(l->level_ns[3], wedged * MS);
	T_EQ(l->level_ns[4], fatal * MS);
}

static void
as_they_are(void)
{
	struct watchdog_limits l = limits(100, 1000, 5000, 0);

	ferry__judge_limits(&l, FERRY_LEVEL_STALLED, 0, 0);
	check(&l, 100, 1000, 5000, 0);
	T_EQ(l.notify_level, FERRY_LEVEL_STALLED);
}

static void
stretched_by_a_scope(void)
{
	struct watchdog_limits l = limits(100, 1000, 5000, 0);

	ferry__judge_limits(&l, FERRY_LEVEL_STALLED, 30000, 0);
	check(&l, 3000, 30000, 150000, 0);
	/* Also to less. */
	l = limits(100, 1000, 5000, 0);
	ferry__judge_limits(&l, FERRY_LEVEL_STALLED, 500, 0);
	check(&l, 50, 500, 2500, 0);
	/* What comes first of those at which anything is done. */
	l = limits(100, 0, 5000, 0);
	ferry__judge_limits(&l, FERRY_LEVEL_STALLED, 10000, 0);
	check(&l, 200, 0, 10000, 0);
}

static void
stretched_by_an_extension(void)
{
	struct watchdog_limits l = limits(100, 1000, 5000, 10000);

	ferry__judge_limits(&l, FERRY_LEVEL_STALLED, 0, 1000);
	check(&l, 200, 2000, 10000, 20000);
}

static void
nothing_where_nothing_is_done(void)
{
	struct watchdog_limits l = limits(100, 1000, 0, 0);

	ferry__judge_limits(&l, FERRY_LEVEL_WEDGED, 10, 0);
	check(&l, 100, 1000, 0, 0);
	ferry__judge_limits(&l, FERRY_LEVEL_FATAL + 1, 10, 0);
	check(&l, 100, 1000, 0, 0);
}

static void
never_beyond_the_clock(void)
{
	struct watchdog_limits l = limits(1, 1000, UINT32_MAX - 1, 0);

	ferry__judge_limits(
	    &l, FERRY_LEVEL_SLOW, UINT32_MAX - UINT64_C(1), UINT32_MAX);
	T_EQ(l.level_ns[1], (UINT32_MAX - UINT64_C(1)) * MS);
	T_GE(l.level_ns[2], l.level_ns[1]);
	T_EQ(l.level_ns[3], INT64_MAX);
}

/* ---------------------------------------------------------- lost wake-ups */

/* A worker that is a thread of the test's: its heart never beats, so it sleeps,
 * and it has something to do. */
struct sleeper {
	pthread_t thread;
	atom32 id, end;
	int spins;
	int roused;
};

static void *
be_the_worker(void *arg)
{
	struct sleeper *s = arg;

	atom32_store_release(&s->id, ferry__os_thread_id());
	while (atom32_load_acquire(&s->end) == 0)
		if (!s->spins)
			ferry__os_wait(&s->end, 0, OS_NEVER);
	return NULL;
}

static uint32_t
id_of(void *worker)
{
	return atom32_load_acquire(&((struct sleeper *)worker)->id);
}

static enum verdict_wait
waits_for_nothing(void *worker)
{
	(void)worker;
	return VERDICT_NOT_OURS;
}

static uint64_t
one(struct source *s)
{
	(void)s;
	return 1;
}

static void
rouse(void *worker)
{
	((struct sleeper *)worker)->roused++;
}

static int
roused_in(struct sleeper *s, int looks)
{
	static const struct event_ops ops = { .thread_id = id_of,
		.waits = waits_for_nothing, .depth = one, .left = one,
		.rouse = rouse };
	static struct event_thread threads[2];
	struct event_thread *t = &threads[s->spins]; /* a scribe may know it */
	static struct source source;
	static struct beat beat;

	source.notify_ns = 20 * MS;
	t->ops = &ops;
	t->worker = s;
	t->beat = &beat;
	s->thread = t_thread_start(be_the_worker, s);
	T_WAIT_UNTIL(id_of(s) != 0, 10000);
	for (int i = 0; i < looks && s->roused == 0; i++) {
		ferry__judge_look(t, &source, ferry__os_now_ns(), 5 * MS);
		t_sleep_ms(5);
	}
	atom32_store_release(&s->end, 1);
	ferry__os_wake(&s->end, 1);
	t_thread_join(s->thread);
	return s->roused;
}

static void
lost_by_who_sleeps(void)
{
	struct sleeper s = { .spins = 0 };

	T_EQ(roused_in(&s, 2000), 1);
}

/* Not by one that runs, or would if it had a processor. */
static void
not_lost_by_who_would_run(void)
{
	struct sleeper s = { .spins = 1 };

	if (T_PORTABLE || RUNNING_ON_VALGRIND)
		T_SKIP_CASE("a thread's state is not known here");
	T_EQ(roused_in(&s, 40), 0);
}

T_MAIN(
	T_RUN(as_they_are);
	T_RUN(stretched_by_a_scope);
	T_RUN(stretched_by_an_extension);
	T_RUN(nothing_where_nothing_is_done);
	T_RUN(never_beyond_the_clock);
	T_RUN(lost_by_who_sleeps);
	T_RUN(not_lost_by_who_would_run);
)
