#include "probe.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "contender.h"
#include "system.h"

#define TRIPS  20000u
#define WARMUP 1000u

typedef struct court {
	_Alignas(BENCH_LINE) _Atomic uint32_t ping;
	_Alignas(BENCH_LINE) _Atomic uint32_t pong;
} court;

static void
await(_Atomic uint32_t *word, uint32_t value)
{
	/* Relaxed, as the stores are: the words carry nothing but themselves.
	 * No pauses either: they would be measured too. */
	while (atomic_load_explicit(word, memory_order_relaxed) != value)
		;
}

static void *
return_all(void *arg)
{
	court *c = arg;

	bench_cpu_pin(0, 1);
	for (uint32_t i = 1; i <= WARMUP + TRIPS; i++) {
		await(&c->ping, i);
		atomic_store_explicit(&c->pong, i, memory_order_relaxed);
	}
	return NULL;
}

double
bench_probe_line_ns(void)
{
	court c = { 0 };
	uint64_t start = 0;
	double ns;
	pthread_t thread;

	if (bench_cpu_count() < 2)
		return NAN;
	if (pthread_create(&thread, NULL, return_all, &c) != 0)
		bench_die("no thread");
	bench_cpu_pin(0, 0);
	for (uint32_t i = 1; i <= WARMUP + TRIPS; i++) {
		if (i == WARMUP + 1)
			start = bench_clock_ns();
		atomic_store_explicit(&c.ping, i, memory_order_relaxed);
		await(&c.pong, i);
	}
	ns = (double)(bench_clock_ns() - start) / TRIPS / 2;
	pthread_join(thread, NULL);
	bench_cpu_unpin();
	return ns;
}

/* Seconds of processor time since the machine started: used by anybody, and
 * had altogether. */
static bool
machine_time(double *busy, double *all)
{
	/* user nice system idle iowait irq softirq steal */
	unsigned long long t[8], sum = 0;
	FILE *f = fopen("/proc/stat", "re");
	int n;

	if (f == NULL)
		return false;
	n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0],
	    &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]);
	fclose(f);
	if (n != 8)
		return false;
	for (int i = 0; i < 8; i++)
		sum += t[i];
	*all = (double)sum / (double)sysconf(_SC_CLK_TCK);
	*busy = *all - (double)(t[3] + t[4]) / (double)sysconf(_SC_CLK_TCK);
	return true;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

double
bench_probe_others(void)
{
	static double last_busy = -1, last_all, last_own;
	double busy, all, own, others = NAN;
	struct rusage usage;

	if (!machine_time(&busy, &all))
		return NAN;
	getrusage(RUSAGE_SELF, &usage);
	own = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	if (last_busy >= 0 && all > last_all)
		others =
		    (busy - last_busy - (own - last_own)) / (all - last_all);
	last_busy = busy;
	last_all = all;
	last_own = own;
	/* Ticks are coarse: a little below nothing is nothing. */
	return others < 0 ? 0 : others;
}
