/*
 * What watching costs the event thread: a tick when all is well, one at which
 * the heartbeat has stood still, and what is taken of a call that is about to
 * be reported: facts, and a copy of its thread's stack. A program of its own,
 * with the library inside: all of this is behind the door.
 *
 *	look [rounds [json]]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "system.h"

#include "event/thread.h"
#include "event/trace_signal.h"

#define TICKS  20000u
#define STILL  500u
#define COPIES 50u

/* --------------------------------------------------------------- a worker */

static struct beat beat;
static struct event_thread thread;
static struct source source;

static bool
suspect(void *worker, uint64_t word, struct suspect *out)
{
	(void)worker;
	*out = (struct suspect){ .context = source.context, .name = "m",
		.limits = { .level_ns = { 0, 100000000, 1000000000 } },
		.n = 1, .serial = { ferry__beat_sequence(word) << 1 | 1 } };
	return true;
}

static uint64_t
depth(struct source *s)
{
	(void)s;
	return 0;
}

static uint32_t
thread_id(void *worker)
{
	(void)worker;
	return ferry__os_thread_id();
}

static enum verdict_wait
waits(void *worker)
{
	(void)worker;
	return VERDICT_NOT_OURS;
}

static const struct event_ops ops = {
	.suspect = suspect,
	.depth = depth,
	.left = depth,
	.thread_id = thread_id,
	.waits = waits,
};

/* ------------------------------------------------------------------- ticks */

/* Nanoseconds a look; the heart has beaten since the last one, or not. */
static double
tick(unsigned n, bool beats)
{
	uint64_t start = bench_clock_ns(), now;

	ferry__beat(&beat, 7);
	for (unsigned i = 0; i < n; i++) {
		if (beats)
			ferry__beat(&beat, 7);
		/* As the loop does, which asks for the time anyway. */
		now = ferry__os_now_ns();
		ferry__judge_look(&thread, &source, now, 1);
	}
	return (double)(bench_clock_ns() - start) / n;
}

/* ------------------------------------------------------------------ copies */

static uint8_t room[TRACE_BYTES];
static struct trace trace = { .bytes = room };
static atom32 id, stop;

static void *
sleep_in_a_call(void *fds)
{
	char c;

	atom32_store_seqcst(&id, ferry__os_thread_id());
	return read(*(int *)fds, &c, 1) == 1 ? fds : NULL;
}

static void *
compute(void *unused)
{
	ferry__trace_welcome();
	atom32_store_seqcst(&id, ferry__os_thread_id());
	while (atom32_load_relaxed(&stop) == 0)
		cpu_relax();
	return unused;
}

static uint32_t
its_id(void)
{
	uint32_t n;

	while ((n = atom32_load_seqcst(&id)) == 0)
		usleep(100);
	usleep(20000); /* into its call */
	atom32_store_seqcst(&id, 0);
	return n;
}

/* Microseconds to look at everything and to copy the stack. */
static double
capture(uint32_t who, bool runs)
{
	const uint32_t all = FACT_STATE | FACT_EXISTS | FACT_CALL | FACT_CPU |
	    FACT_DELAY | FACT_TRACER | FACT_SIGNALS;
	uint64_t start, spent = 0;
	unsigned copied = 0;
	struct facts f;

	/* One that runs is asked for 100 ms at most, in which it may get no
	 * processor, and not again before it has answered. */
	for (unsigned i = 0; copied < COPIES && i < 100 * COPIES; i++) {
		start = bench_clock_ns();
		ferry__facts_look(&f, who, all);
		if (runs ? ferry__trace_running(&trace, who, &f)
		         : ferry__trace_blocked(&trace, who, &f)) {
			spent += bench_clock_ns() - start;
			copied++;
		} else {
			usleep(1000);
		}
	}
	if (copied == 0) {
		fprintf(stderr, "look: no stack to be had\n");
		exit(1);
	}
	return (double)spent / copied / 1000;
}

static void
rows_of(double *samples, unsigned rounds, uint32_t who, bool runs,
    const char *what)
{
	for (unsigned i = 0; i < rounds; i++)
		samples[i] = capture(who, runs);
	bench_report_add(
	    "us", samples, rounds, BENCH_AT_MOST(1000, 1000), "%s", what);
}

static void
captures(double *samples, unsigned rounds)
{
	pthread_t t;
	int fds[2];

	if (pipe(fds) != 0 || ferry__trace_choose(SIGRTMIN + 1) != FERRY_OK)
		abort();
	pthread_create(&t, NULL, sleep_in_a_call, fds);
	rows_of(samples, rounds, its_id(), false,
	    "facts and stack of a thread that blocks");
	if (write(fds[1], "x", 1) != 1)
		abort();
	pthread_join(t, NULL);
	ferry__os_thread_start(&t, compute, NULL, 0);
	rows_of(samples, rounds, its_id(), true,
	    "facts and stack of one that runs, by signal");
	atom32_store_seqcst(&stop, 1);
	pthread_join(t, NULL);
}

int
main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 9;
	double *samples;

	if (rounds == 0)
		return 2;
	samples = malloc(rounds * sizeof *samples);
	if (samples == NULL || ferry__os_start() != 0)
		return 1;
	thread.beat = &beat;
	thread.ops = &ops;
	source.context = 1;
	source.notify_level = FERRY_LEVEL_STALLED;
	bench_report_section("the watchdog, event thread's side");
	for (unsigned i = 0; i < rounds; i++)
		samples[i] = tick(TICKS, true);
	bench_report_add("ns", samples, rounds, BENCH_AT_MOST(2000, 2000),
	    "a tick, all well");
	for (unsigned i = 0; i < rounds; i++)
		samples[i] = tick(STILL, false);
	bench_report_add("ns", samples, rounds, BENCH_NO_TARGET,
	    "a tick, the heartbeat stands still");
	captures(samples, rounds);
	free(samples);
	return bench_report_finish(argc > 2 ? argv[2] : "/dev/null") != 0;
}
