/*
 * Ten thousand strands asleep at once: they cost memory, and nothing else. No
 * thread, no wake-up but their own timers; they wake in the order of their
 * deadlines, and when they have gone so has their memory.
 */
#include <malloc.h>

#include "proc.h"
#include "strands.h"

enum {
	MANY_MOST = 10000,
	QUIET_MS = 1500,  /* from when all sleep to the first deadline */
	SPREAD_MS = 1000  /* the deadlines are within */
};

/* ThreadSanitizer has room for 8128 threads, of which it takes each strand for
 * one; and what runs a program may be slow to change its stack. */
static unsigned
many(void)
{
	return getenv("T_WRAP") != NULL && *getenv("T_WRAP") != 0 ? 500
	    : T_TSAN ? 2000 : MANY_MOST;
}

/* Whether resident memory is the program's own. */
static int
is_bare(void)
{
	return many() == MANY_MOST && !T_ASAN &&
	    sysconf(_SC_PAGESIZE) == 4096;
}

/* How much each may take, bytes: two pages of stack, one of page table for
 * every 32, its own struct and its request's. */
#define EACH_MOST 14000u

/* What a look at all this may take, where there is a processor for it. */
#define LOOK_NS INT64_C(200000000)

/*
 * And how much may be left of them, bytes: of each stack that a context keeps
 * a page, and two that the memory of its strand is on, among what the C library
 * cannot give back; and the registry of strands, 64 bytes each for a power of
 * two of them, which stays.
 */
#define KEPT      256
#define LEFT_MOST (KEPT * 3 * 4096 + 16384 * 64)

/* ------------------------------------------------------- what is looked at */

struct look {
	int threads;
	uint64_t parks;
	uint64_t switches; /* of the FFI thread */
	long resident;     /* bytes */
};

static uint64_t
switches_of(uint32_t tid)
{
	char path[64], line[128];
	unsigned long long n, sum = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%u/status", tid);
	f = fopen(path, "re");
	T_ASSERT(f != NULL);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}

/* Counted page by page: what statm says may be off by some pages for each
 * processor. And without what the C library keeps of what was freed, which
 * depends on where among it the last piece is that is in use. */
static long
resident(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	long kib = -1;

#ifdef __GLIBC__
	malloc_trim(0);
#endif
	T_ASSERT(f != NULL);
	while (kib < 0 && fgets(line, sizeof line, f) != NULL)
		sscanf(line, "Rss: %ld kB", &kib);
	fclose(f);
	T_GE(kib, 0);
	return kib * 1024;
}

/* When it sleeps. */
static struct look
look(ferry_context context)
{
	ferry_health h = {.struct_size = sizeof h};
	struct look l;

	T_WAIT_UNTIL((ferry_context_health(&h, context),
	    h.worker == FERRY_THREAD_IDLE), FX_LIMIT_MS);
	l = (struct look){.threads = t_entries(T_THREADS),
	    .resident = resident(), .parks = fx_counters(context).parks};
	if (!T_PORTABLE)
		l.switches = switches_of(h.worker_thread);
	return l;
}

/* ------------------------------------------------------------ the sleepers */

struct sleeper {
	int64_t ms;
	/* Its deadline, as closely as can be told from outside: what came
	 * before it was taken, and what came after. */
	uint64_t not_before, not_after;
	unsigned place; /* in the order of waking */
};

static struct sleeper sleepers[MANY_MOST], *by_place[MANY_MOST];
static ferry_request requests[MANY_MOST];
static struct sleeper *latest; /* FFI thread: who went to sleep last */
static unsigned awake;

/* Whoever runs next: the last sleeper's deadline had been taken by then. */
static void
mark(void)
{
	if (latest != NULL)
		latest->not_after =
		    ferry_clock_ns() + (uint64_t)latest->ms * 1000000;
	latest = NULL;
}

static int
sleep_to_it(ferry_call call, void *arg)
{
	struct sleeper *s = arg;
	uint64_t now;

	(void)call;
	mark();
	s->not_before = ferry_clock_ns() + (uint64_t)s->ms * 1000000;
	latest = s;
	T_OK(ferry_strand_sleep(s->ms));
	now = ferry_clock_ns();
	T_GE(now, s->not_before);
	s->place = awake++;
	return FERRY_OK;
}

static int
mark_last(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	mark();
	return FERRY_OK;
}

/* In an order that has nothing to do with that of their deadlines. */
static void
send_to_sleep(ferry_context context, int64_t from_ms)
{
	struct fx_job job = {mark_last, NULL};
	struct t_rng rng = {t_seed()};
	uint64_t began = ferry_clock_ns();

	awake = 0;
	for (unsigned i = 0; i < many(); i++) {
		/* From one moment for all. */
		int64_t late = (int64_t)((ferry_clock_ns() - began) / 1000000);

		sleepers[i].ms = (late < from_ms ? from_ms - late : 0) +
		    (int64_t)t_rand_below(&rng, SPREAD_MS);
		requests[i] = st_spawn(context, sleep_to_it, &sleepers[i]);
	}
	T_EQ(fx_wait(fx_submit(context, ST_DO, &job, sizeof job, NULL)),
	    FERRY_OK);
}

/* Nobody woke before somebody whose deadline was certainly earlier. */
static void
check_order(void)
{
	uint64_t latest_yet = 0;

	for (unsigned i = 0; i < many(); i++)
		by_place[sleepers[i].place] = &sleepers[i];
	for (unsigned i = 0; i < many(); i++) {
		T_GE(by_place[i]->not_after, latest_yet);
		if (by_place[i]->not_before > latest_yet)
			latest_yet = by_place[i]->not_before;
	}
}

/* ---------------------------------------------------------------- the test */

static ferry_context
open_deep(void)
{
	ferry_context_options o = fx_context_options();

	o.depth = FERRY_UNBOUNDED;
	return st_open_with(&o);
}

/* False: some may have woken meanwhile, and nothing can be told. */
static int
all_asleep(ferry_context context, const struct look *before, int64_t until_ns)
{
	struct look began = look(context), now;
	long each = (began.resident - before->resident) / (long)many();
	uint64_t active;
	int64_t quiet_ns;

	if ((int64_t)ferry_clock_ns() > until_ns - 2 * LOOK_NS)
		return 0;
	T_EQ(began.threads, before->threads);
	dprintf(1, "\t%ld bytes resident each\n", each);
	if (is_bare())
		T_LE(each, EACH_MOST);
	/* Nothing is to happen in here. */
	quiet_ns = until_ns - LOOK_NS - (int64_t)ferry_clock_ns();
	if (quiet_ns > 0)
		t_sleep_ms((unsigned)(quiet_ns / 1000000));
	now = look(context);
	active = st_strands(context).active;
	if ((int64_t)ferry_clock_ns() > until_ns)
		return 0;
	T_EQ(active, many());
	T_EQ(now.parks, began.parks);
	T_EQ(now.switches, began.switches);
	T_EQ(now.threads, before->threads);
	return 1;
}

static void
await_all(void)
{
	for (unsigned i = 0; i < many(); i++)
		T_EQ(fx_wait(requests[i]), FERRY_OK);
}

static void
check_awake(ferry_context context, const struct look *before, uint64_t parks)
{
	ferry_strands s;
	struct look now;

	await_all();
	T_EQ(awake, many());
	check_order();
	s = st_strands(context);
	T_EQ(s.completed, many());
	T_EQ(s.peak, many());
	T_GE(s.stack_touched, 1);
	/* Each deadline is one sleep's end, for the worker too; a few more for
	 * what the test asks. */
	now = look(context);
	dprintf(1, "\t%ju parks for %u deadlines\n",
	    (uintmax_t)(now.parks - parks), many());
	T_LE(now.parks - parks, many() + 10);
	T_EQ(now.threads, before->threads);
}

static int
little_is_left(const struct look *before)
{
	return !is_bare() ||
	    resident() - before->resident <= (long)LEFT_MOST;
}

/* A stack's pages go at the second rest in a row that finds it unused, and
 * most of the stacks when they have not been used for half a second. */
static void
check_memory(ferry_context context, const struct look *before)
{
	long left;

	for (int i = 0; i < 3; i++)
		T_EQ(fx_wait(fx_submit(context, ST_ECHO, "x", 1, NULL)),
		    FERRY_OK);
	T_WAIT_UNTIL(little_is_left(before), FX_LIMIT_MS);
	left = resident() - before->resident;
	dprintf(1, "\t%ld KiB left of them\n", left / 1024);
}

static void
check_idle(ferry_context context)
{
	struct look began, now;

	t_sleep_ms(2000); /* the law's two seconds */
	began = look(context);
	t_sleep_ms(1000); /* nothing is to happen in these */
	now = look(context);
	T_EQ(now.parks, began.parks);
	T_EQ(now.switches, began.switches);
}

/* Whether there was time to look at them. */
static int
all_sleep(int64_t from_ms)
{
	ferry_context context = open_deep();
	struct look before;
	int64_t until_ns;
	uint64_t parks;
	int in_time;

	/* What there is once, and stays: nodes for all of them, and what the
	 * test itself writes to. */
	memset(sleepers, 1, sizeof sleepers);
	memset(by_place, 1, sizeof by_place);
	for (unsigned i = 0; i < many(); i++)
		requests[i] = fx_submit(context, ST_ECHO, "x", 1, NULL);
	await_all();
	before = look(context);
	until_ns = (int64_t)ferry_clock_ns() + from_ms * 1000000;
	send_to_sleep(context, from_ms);
	parks = fx_counters(context).parks;
	in_time = all_asleep(context, &before, until_ns);
	if (in_time) {
		check_awake(context, &before, parks);
		check_memory(context, &before);
		check_idle(context);
	} else {
		await_all();
	}
	fx_close(context);
	return in_time;
}

/* How long they are to sleep depends on how long it takes until all do. */
static void
ten_thousand_sleep(void)
{
	int64_t from_ms = 1500 + QUIET_MS * (t_slow() < 5 ? t_slow() : 5);

	while (!all_sleep(from_ms)) {
		from_ms *= 2;
		dprintf(1, "\ttoo slow: %jd ms\n", (intmax_t)from_ms);
	}
}

/* -------------------------------------------------- and none of them wakes */

static int
sleep_for_ever(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_sleep(-1);
}

/* As many ended by a close, which has not a thread for each either. */
static void
ten_thousand_are_closed(void)
{
	ferry_context context = open_deep();
	int threads = t_entries(T_THREADS);

	for (unsigned i = 0; i < many(); i++)
		requests[i] = st_spawn(context, sleep_for_ever, NULL);
	st_await_active(context, many());
	T_EQ(t_entries(T_THREADS), threads);
	T_OK(fx_close_mode(context, FERRY_CLOSE_CANCEL, 0, NULL));
	for (unsigned i = 0; i < many(); i++)
		T_EQ(fx_wait(requests[i]), FERRY_ECANCELED);
}

T_MAIN(
	T_RUN(ten_thousand_sleep);
	T_RUN(ten_thousand_are_closed);
)
