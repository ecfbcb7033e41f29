/*
 * What beating and counting cost the worker: the library's own inline
 * functions, as often as the worker calls them for a request, in a loop that
 * calls a no-op handler; against the same loop without them. Timed in the
 * real thing the difference would drown: it is a tenth of what the cache
 * lines cost, and those vary by more.
 *
 * This and strand.c are the places here that look inside the library.
 */
#include <stdlib.h>

#include "ferry_rows.h"
#include "report.h"
#include "system.h"

#include "ffi/timing.h"

#define CALLS  100000u
#define SLICES 40u
#define BATCH  64u /* the worker beats once more after a batch */

typedef void (*handler_fn)(uint64_t i);

static struct worker the_worker;
static struct home the_home;
static struct histogram waits, runs;
static struct {
	ON_OWN_LINE count_single started;
	count_single ended;
} counts;

static __attribute__((noinline)) void
nop(uint64_t i)
{
	__asm__ volatile("" ::"r"(i));
}

/* Not known to the compiler, like a registered handler. */
static handler_fn volatile handler = nop;

static double
without(void)
{
	handler_fn fn = handler;
	uint64_t start = bench_clock_ns();

	for (uint64_t i = 0; i < CALLS; i++) {
		fn(i);
		__asm__ volatile("" ::: "memory");
	}
	return (double)(bench_clock_ns() - start) / CALLS;
}

static double
with(void)
{
	handler_fn fn = handler;
	uint64_t start = bench_clock_ns();

	for (uint64_t i = 0; i < CALLS; i++) {
		ferry__beat(&the_worker.beat, (uint32_t)i & 4095);
		count_single_add(&counts.started, 1);
		fn(i);
		count_single_add(&counts.ended, 1);
		if (i % BATCH == BATCH - 1)
			ferry__beat(&the_worker.beat, BEAT_NO_SLOT);
		__asm__ volatile("" ::: "memory");
	}
	return (double)(bench_clock_ns() - start) / CALLS;
}

/* What a timed request pays besides, at its start and at its end. */
static void
look_at_the_clock(struct histogram *h)
{
	static uint64_t before;
	uint64_t now = ferry__os_now_ns();

	ferry__histogram_add(h, now - before, TIMING_EVERY);
	before = now;
}

/* The watchdog's part of it: the beat, and the watcher's clock before and
 * after; and of one request in TIMING_EVERY the samples. */
static double
watched(void)
{
	handler_fn fn = handler;
	uint64_t start = bench_clock_ns();

	for (uint64_t i = 0; i < CALLS; i++) {
		ferry__beat(&the_worker.beat, (uint32_t)i & 4095);
		ferry__timing_begin(&the_worker);
		if (i % TIMING_EVERY == 0) {
			look_at_the_clock(&waits);
			the_worker.hold.looked = 1;
		}
		fn(i);
		if (ferry__timing_asks(&the_worker))
			look_at_the_clock(&runs);
		if (i % BATCH == BATCH - 1)
			ferry__beat(&the_worker.beat, BEAT_NO_SLOT);
		__asm__ volatile("" ::: "memory");
	}
	return (double)(bench_clock_ns() - start) / CALLS;
}

/* The submitter's part: a stamp now and then. */
static double
stamped(void)
{
	handler_fn fn = handler;
	uint64_t start = bench_clock_ns(), stamps = 0;

	for (uint64_t i = 0; i < CALLS; i++) {
		if (the_home.until_timed-- == 0) {
			stamps += ferry__os_now_ns();
			the_home.until_timed = TIMING_EVERY - 1;
		}
		fn(i);
		__asm__ volatile("" ::"r"(stamps) : "memory");
	}
	return (double)(bench_clock_ns() - start) / CALLS;
}

/* The least of many short turns: what others have of the processor, and of its
 * caches, is not what this costs. */
static double
least(double (*loop)(void))
{
	double best = loop(), one;

	for (unsigned i = 1; i < SLICES; i++) {
		one = loop();
		if (one < best)
			best = one;
	}
	return best;
}

/* A loop less the same one without. */
static void
row(double *samples, unsigned rounds, double (*loop)(void), const char *what,
    double most)
{
	for (unsigned i = 0; i < rounds; i++) {
		double base = least(without);

		samples[i] = least(loop) - base;
	}
	bench_report_add("ns a request", samples, rounds,
	    BENCH_AT_MOST(most, 1), what);
}

void
bench_rows_accounting(unsigned rounds)
{
	double *samples = bench_alloc(rounds * sizeof(*samples));

	bench_report_section("heartbeat and accounting, worker's side");
	bench_report_note("a loop with them less the same loop without, each "
	    "the least of 40 turns");
	row(samples, rounds, with, "a beat and two counts", 3);
	row(samples, rounds, watched, "watchdog: begin and end", 3);
	row(samples, rounds, stamped, "watchdog: a submit", 2);
	free(samples);
}
