#include "ferry_rows.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "report.h"
#include "stats.h"
#include "system.h"

#define CONTEXTS     16
#define THREADS_MAX  256
#define IDLE_ROUNDS  3
#define IDLE_REST_NS 2500000000u /* the promise holds from 2 s on */
#define IDLE_LOOK_NS 1500000000u

static void
rest(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};

	while (nanosleep(&ts, &ts) != 0)
		;
}

static double *
make_samples(unsigned n)
{
	return bench_alloc(n * sizeof(double));
}

/* ------------------------------------------------------------------- memory */

static void
open_used(ferry_context *out, ferry_library library, unsigned n)
{
	static const bench_payload payload;

	for (unsigned i = 0; i < n; i++) {
		out[i] = bench_ferry_open(library, BENCH_IN_FLIGHT);
		bench_ferry_invoke(out[i], &payload);
	}
}

/*
 * Memory of closed contexts is used again, so every round opens more of them
 * than the ones before have left.
 */
void
bench_rows_resident(unsigned rounds)
{
	double *samples = make_samples(rounds);
	ferry_library library = bench_ferry_library();
	ferry_context *open =
	    bench_alloc((rounds + 1) * CONTEXTS * sizeof(*open));

	bench_report_section("an idle context");
	bench_report_note("each has two threads and answered one request; "
			  "%d more in each round",
	    CONTEXTS);
	/* What the first ones bring up for the whole process is not theirs. */
	open_used(open, library, CONTEXTS);
	for (unsigned i = 1; i <= rounds; i++) {
		uint64_t before = bench_resident();

		open_used(open + i * CONTEXTS, library, CONTEXTS);
		samples[i - 1] =
		    (double)(bench_resident() - before) / CONTEXTS / 1024;
	}
	bench_report_add(
	    "KiB", samples, rounds, BENCH_AT_MOST(64, 64), "resident");
	for (unsigned i = 0; i < (rounds + 1) * CONTEXTS; i++)
		bench_ferry_close(open[i]);
	ferry_library_close(library);
	free(open);
	free(samples);
}

/* ----------------------------------------------------------- open and close */

static void *
nothing(void *arg)
{
	return arg;
}

static double
two_threads_us(void)
{
	uint64_t start = bench_clock_ns();
	pthread_t thread[2];

	for (unsigned i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, nothing, NULL) != 0)
			bench_die("no thread");
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	return (double)(bench_clock_ns() - start) / 1000;
}

static double
open_close_us(ferry_library library)
{
	uint64_t start = bench_clock_ns();

	bench_ferry_close(bench_ferry_open(library, BENCH_IN_FLIGHT));
	return (double)(bench_clock_ns() - start) / 1000;
}

void
bench_rows_context(unsigned rounds)
{
	unsigned per_round = 20;
	double *samples = make_samples(rounds), *threads = make_samples(rounds);
	double one[20], two[20];
	ferry_library library = bench_ferry_library();

	bench_report_section("context open + close");
	bench_report_note("of each round the median of %u", per_round);
	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < per_round; k++) {
			one[k] = open_close_us(library);
			two[k] = two_threads_us();
		}
		samples[i] = bench_quantile(one, per_round, 0.5);
		threads[i] = bench_quantile(two, per_round, 0.5);
	}
	bench_report_add(
	    "us", samples, rounds, BENCH_AT_MOST(200, 200), "Ferry");
	bench_report_add("us", threads, rounds, BENCH_NO_TARGET,
	    "two bare threads, made and joined");
	ferry_library_close(library);
	free(threads);
	free(samples);
}

/* --------------------------------------------------------------------- idle */

static uint64_t
switches_of_others(void)
{
	pid_t thread[THREADS_MAX];
	unsigned n = bench_threads(thread, THREADS_MAX);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n && i < THREADS_MAX; i++)
		/* The main thread's id is that of the process. */
		if (thread[i] != getpid())
			sum += bench_thread_switches(thread[i]);
	return sum;
}

void
bench_rows_idle(void)
{
	static const bench_payload payload;
	double samples[IDLE_ROUNDS];
	ferry_library library = bench_ferry_library();
	ferry_context context = bench_ferry_open(library, BENCH_IN_FLIGHT);

	bench_report_section("idle");
	bench_report_note("from 2.5 s to 4 s after a request, as the kernel "
			  "counts them");
	for (unsigned i = 0; i < IDLE_ROUNDS; i++) {
		uint64_t before;

		bench_ferry_invoke(context, &payload);
		rest(IDLE_REST_NS);
		before = switches_of_others();
		rest(IDLE_LOOK_NS);
		samples[i] = (double)(switches_of_others() - before);
	}
	bench_report_add("", samples, IDLE_ROUNDS, BENCH_AT_MOST(0, 0),
	    "context switches, both threads");
	bench_ferry_close(context);
	ferry_library_close(library);
}
