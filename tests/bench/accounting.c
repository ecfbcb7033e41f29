/*
 * What beating and counting cost the worker: the library's own inline
 * functions, as often as the worker calls them for a request, in a loop that
 * calls a no-op handler; against the same loop without them. Timed in the
 * real thing the difference would drown: it is a tenth of what the cache
 * lines cost, and those vary by more.
 *
 * This is the one place here that looks inside the library.
 */
#include <stdlib.h>

#include "ferry_rows.h"
#include "report.h"
#include "system.h"

#include "ffi/beat.h"

#define CALLS 4000000u
#define BATCH 64u /* the worker beats once more after a batch */

typedef void (*handler_fn)(uint64_t i);

static struct beat the_beat;
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
		ferry__beat(&the_beat, (uint32_t)i & 4095);
		count_single_add(&counts.started, 1);
		fn(i);
		count_single_add(&counts.ended, 1);
		if (i % BATCH == BATCH - 1)
			ferry__beat(&the_beat, BEAT_NO_SLOT);
		__asm__ volatile("" ::: "memory");
	}
	return (double)(bench_clock_ns() - start) / CALLS;
}

void
bench_rows_accounting(unsigned rounds)
{
	double *samples = bench_alloc(rounds * sizeof(*samples));

	bench_report_section("heartbeat and accounting, worker's side");
	bench_report_note("a loop with them less the same loop without");
	for (unsigned i = 0; i < rounds; i++) {
		double base = without();

		samples[i] = with() - base;
	}
	bench_report_add("ns a request", samples, rounds, BENCH_AT_MOST(3, 1),
	    "a beat and two counts");
	free(samples);
}
