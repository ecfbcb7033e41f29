/*
 * The cleanup lane: what a submit costs, and jobs a second from end to end,
 * against a bare pool of threads (a mutex, a condition, malloc for each job)
 * and libuv's uv_queue_work().
 *
 * All have four workers, as many as libuv has unless told otherwise, and the
 * same job, which counts. There are fewer jobs than may wait, as in a burst of
 * finalizers: nobody waits for room. libuv takes work only from a
 * loop's own thread: each producer has a loop, which also hears of every job
 * that has ended.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "ferry_rows.h"
#include "report.h"
#include "stats.h"
#include "system.h"

#ifdef BENCH_HAVE_LIBUV
#include <uv.h>
#endif

#define WORKERS   4u
#define BURST     1000u
#define BURSTS    50u
#define JOBS      60000u /* of all producers */
#define PRODUCERS 8u
#define CAPACITY  65536u /* the most there is */

static _Atomic uint64_t done;

static int
count_job(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
	return 0;
}

/* ------------------------------------------------------------------- Ferry */

static void
ferry_start(void)
{
	ferry_cleanup_options o = { .struct_size = sizeof(o),
		.capacity = CAPACITY, .workers_most = WORKERS };

	if (ferry_cleanup_start(&o) != FERRY_OK)
		bench_die("no cleanup lane");
}

static void
ferry_stop(void)
{
	if (ferry_cleanup_shutdown(NULL, NULL) != FERRY_OK)
		bench_die("the cleanup lane does not stop");
}

static void
ferry_produce(uint64_t n)
{
	while (n-- != 0)
		if (ferry_cleanup_submit(count_job, NULL, NULL) != FERRY_OK)
			bench_die("not accepted");
}

/* ---------------------------------------------------------------- bare pool */

struct job {
	struct job *next;
	int (*fn)(void *);
	void *arg;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct job *first, **end;
	bool stopping;
	pthread_t threads[WORKERS];
} bare = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER };

static void *
bare_work(void *unused)
{
	struct job *j;

	pthread_mutex_lock(&bare.mutex);
	for (;;) {
		while (bare.first == NULL && !bare.stopping)
			pthread_cond_wait(&bare.work, &bare.mutex);
		j = bare.first;
		if (j == NULL)
			break;
		bare.first = j->next;
		if (bare.first == NULL)
			bare.end = &bare.first;
		pthread_mutex_unlock(&bare.mutex);
		j->fn(j->arg);
		free(j);
		pthread_mutex_lock(&bare.mutex);
	}
	pthread_mutex_unlock(&bare.mutex);
	return unused;
}

static void
bare_start(void)
{
	bare.first = NULL;
	bare.end = &bare.first;
	bare.stopping = false;
	for (unsigned i = 0; i < WORKERS; i++)
		if (pthread_create(
		        &bare.threads[i], NULL, bare_work, NULL) != 0)
			bench_die("no thread");
}

static void
bare_stop(void)
{
	pthread_mutex_lock(&bare.mutex);
	bare.stopping = true;
	pthread_cond_broadcast(&bare.work);
	pthread_mutex_unlock(&bare.mutex);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(bare.threads[i], NULL);
}

static void
bare_produce(uint64_t n)
{
	while (n-- != 0) {
		struct job *j = malloc(sizeof(*j));

		if (j == NULL)
			bench_die("out of memory");
		*j = (struct job){ .fn = count_job };
		pthread_mutex_lock(&bare.mutex);
		*bare.end = j;
		bare.end = &j->next;
		pthread_cond_signal(&bare.work);
		pthread_mutex_unlock(&bare.mutex);
	}
}

/* ------------------------------------------------------------------- libuv */

#ifdef BENCH_HAVE_LIBUV
static void
libuv_work(uv_work_t *work)
{
	(void)work;
	count_job(NULL);
}

static void
libuv_worked(uv_work_t *work, int status)
{
	if (status != 0)
		bench_die("libuv: not run");
	free(work);
}

static void
libuv_produce(uint64_t n)
{
	uv_loop_t loop;

	if (uv_loop_init(&loop) != 0)
		bench_die("libuv: no loop");
	while (n-- != 0) {
		uv_work_t *work = malloc(sizeof(*work));

		if (work == NULL)
			bench_die("out of memory");
		if (uv_queue_work(&loop, work, libuv_work, libuv_worked) != 0)
			bench_die("libuv: not queued");
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}
#endif

/* -------------------------------------------------------------------- rows */

static const struct scheme {
	const char *name;
	void (*start)(void);
	void (*stop)(void);
	void (*produce)(uint64_t n);
} schemes[] = {
	{ "Ferry's cleanup lane", ferry_start, ferry_stop, ferry_produce },
	{ "a bare pool", bare_start, bare_stop, bare_produce },
#ifdef BENCH_HAVE_LIBUV
	{ "libuv, uv_queue_work()", NULL, NULL, libuv_produce },
#endif
};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

struct producer {
	const struct scheme *scheme;
	uint64_t n;
};

static void *
produce(void *arg)
{
	const struct producer *p = arg;

	p->scheme->produce(p->n);
	return NULL;
}

/* Millions of jobs a second, from the first submit to the last job's end. */
static double
end_to_end(const struct scheme *s, unsigned producers)
{
	struct producer p = { s, JOBS / producers };
	bench_backoff backoff = { 0 };
	pthread_t threads[PRODUCERS];
	uint64_t start, ns;

	if (s->start != NULL)
		s->start();
	atomic_store(&done, 0);
	start = bench_clock_ns();
	for (unsigned i = 0; i < producers; i++)
		if (pthread_create(&threads[i], NULL, produce, &p) != 0)
			bench_die("no thread");
	while (atomic_load(&done) != p.n * producers)
		bench_backoff_step(&backoff);
	ns = bench_clock_ns() - start;
	for (unsigned i = 0; i < producers; i++)
		pthread_join(threads[i], NULL);
	if (s->stop != NULL)
		s->stop();
	return 1e3 * (double)(p.n * producers) / (double)ns;
}

static ferry_cleanup_node nodes[BURST];

static void
burst(bool post)
{
	for (unsigned i = 0; i < BURST; i++)
		if ((post ? ferry_cleanup_post(
		                &nodes[i], count_job, NULL, NULL)
		          : ferry_cleanup_submit(count_job, NULL, NULL)) !=
		    FERRY_OK)
			bench_die("not accepted");
}

/* The median of bursts, nanoseconds for each. Together, the dispatcher has to
 * wait for the burst's end, so nobody else touches a word of it. */
static double
one_submit(bool post, bool together)
{
	double ns[BURSTS];
	uint64_t start;

	if (together)
		bench_cpu_pin(0, 0);
	ferry_start();
	for (unsigned i = 0; i < BURSTS; i++) {
		start = bench_clock_ns();
		burst(post);
		ns[i] = (double)(bench_clock_ns() - start) / BURST;
		if (ferry_cleanup_flush(-1) != FERRY_OK)
			bench_die("not flushed");
	}
	ferry_stop();
	if (together)
		bench_cpu_unpin();
	return bench_quantile(ns, BURSTS, 0.5);
}

static void
submit_rows(unsigned rounds)
{
	static const char *const names[2][2] = {
		{ "a submit, the dispatcher at work meanwhile",
		    "a submit, uncontended" },
		{ "a post, the dispatcher at work meanwhile",
		    "a post, uncontended" },
	};
	double *samples = bench_alloc(rounds * sizeof(double));

	for (int post = 0; post < 2; post++)
		for (int together = 0; together < 2; together++) {
			for (unsigned i = 0; i < rounds; i++)
				samples[i] = one_submit(post, together);
			bench_report_add("ns", samples, rounds,
			    together ? BENCH_AT_MOST(25, 15)
			             : BENCH_NO_TARGET,
			    "%s", names[post][together]);
		}
	free(samples);
}

static void
end_to_end_rows(unsigned rounds, unsigned producers)
{
	double *samples[SCHEMES], *ratios;

	ratios = bench_alloc(rounds * sizeof(double));
	for (unsigned s = 0; s < SCHEMES; s++)
		samples[s] = bench_alloc(rounds * sizeof(double));
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned k = 0; k < SCHEMES; k++) {
			unsigned s = (i + k) % SCHEMES;

			samples[s][i] = end_to_end(&schemes[s], producers);
		}
	for (unsigned s = 0; s < SCHEMES; s++)
		bench_report_add("M/s", samples[s], rounds, BENCH_NO_TARGET,
		    "%s, %u producer%s", schemes[s].name, producers,
		    producers == 1 ? "" : "s");
	for (unsigned s = 1; s < SCHEMES; s++) {
		bench_ratios(ratios, samples[0], samples[s], rounds);
		bench_report_add("", ratios, rounds, BENCH_NO_TARGET,
		    "Ferry / %s", schemes[s].name);
	}
	for (unsigned s = 0; s < SCHEMES; s++)
		free(samples[s]);
	free(ratios);
}

void
bench_rows_cleanup(unsigned rounds)
{
	bench_report_section("the cleanup lane");
	submit_rows(rounds);
#ifndef BENCH_HAVE_LIBUV
	bench_report_note("libuv was not found by pkg-config");
#endif
	end_to_end_rows(rounds, 1);
	end_to_end_rows(rounds, PRODUCERS);
}
