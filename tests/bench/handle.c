/*
 * What a finalizer pays for releasing a handle, to a worker that is busy and to
 * one that was asleep; and what the worker pays for ending what was released.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ferry_rows.h"
#include "report.h"
#include "system.h"

#define HANDLES 10000u

static ferry_handle handle[HANDLES];
static atomic_uint ended;
static atomic_bool held, let_go;
/* When the worker ended the first one and the last one. */
static uint64_t first_end, last_end;

static void
must(int r, const char *what)
{
	if (r != FERRY_OK)
		bench_die("%s: %s", what, ferry_error_text(r));
}

static void
destroy(void *object, void *state)
{
	unsigned n = atomic_load_explicit(&ended, memory_order_relaxed);

	(void)object;
	(void)state;
	if (n == 0)
		first_end = bench_clock_ns();
	if (n == HANDLES - 1)
		last_end = bench_clock_ns();
	/* One thread counts; release, for those times. */
	atomic_store_explicit(&ended, n + 1, memory_order_release);
}

static int
open_all(ferry_call call, const void *data, size_t size, void *state)
{
	(void)data;
	(void)size;
	(void)state;
	for (unsigned i = 0; i < HANDLES; i++)
		must(ferry_handle_open(&handle[i], call, NULL, NULL, destroy),
		    "handle");
	atomic_store(&ended, 0);
	return FERRY_OK;
}

/* Gives its processor away: what is measured is not a fight for it. */
static int
hold(ferry_call call, const void *data, size_t size, void *state)
{
	struct timespec ts = { .tv_nsec = 100000 };

	(void)call;
	(void)data;
	(void)size;
	(void)state;
	atomic_store(&held, true);
	while (!atomic_load(&let_go))
		nanosleep(&ts, NULL);
	return FERRY_OK;
}

enum { OPEN, HOLD };

static ferry_context
open_context(void)
{
	const ferry_method methods[] = {
		[OPEN] = { .struct_size = sizeof(methods[0]), .name = "open",
		    .handler = open_all },
		[HOLD] = { .struct_size = sizeof(methods[0]), .name = "hold",
		    .handler = hold },
	};
	ferry_library_options l = { .struct_size = sizeof(l),
		.name = "handles", .methods = methods, .n_methods = 2 };
	ferry_context_options o = { .struct_size = sizeof(o) };
	ferry_context context;

	must(ferry_library_open(&o.library, &l), "library");
	must(ferry_context_open(&context, &o), "context");
	must(ferry_library_close(o.library), "library");
	return context;
}

static ferry_request
submit(ferry_context context, uint32_t method)
{
	ferry_request request;

	must(ferry_request_submit(&request, context, method, NULL, 0, NULL),
	    "submit");
	return request;
}

static void
await(ferry_request request)
{
	ferry_reply reply;

	must(ferry_request_wait(&reply, request, -1), "wait");
}

static double
release_all(void)
{
	uint64_t start = bench_clock_ns();

	for (unsigned i = 0; i < HANDLES; i++)
		must(ferry_handle_release(handle[i]), "release");
	return (double)(bench_clock_ns() - start) / HANDLES;
}

static void
await_ended(void)
{
	while (atomic_load_explicit(&ended, memory_order_acquire) < HANDLES)
		sched_yield();
}

static uint64_t
parks(ferry_context context)
{
	ferry_counters c = { .struct_size = sizeof(c) };

	must(ferry_context_counters(&c, context), "counters");
	return c.parks;
}

static void
await_asleep(ferry_context context)
{
	ferry_health h = { .struct_size = sizeof(h) };

	do {
		sched_yield();
		must(ferry_context_health(&h, context), "health");
	} while (h.worker != FERRY_THREAD_IDLE);
}

enum {
	BUSY,
	END,
	ASLEEP,
	SLEEPS,
	ROWS
};

static void
round_of(ferry_context context, double *sample[ROWS], unsigned i)
{
	ferry_request request;
	uint64_t before;

	await(submit(context, OPEN));
	atomic_store(&held, false);
	atomic_store(&let_go, false);
	request = submit(context, HOLD);
	while (!atomic_load(&held))
		sched_yield();
	sample[BUSY][i] = release_all();
	atomic_store(&let_go, true);
	await(request);
	await_ended();
	sample[END][i] = (double)(last_end - first_end) / HANDLES;

	await(submit(context, OPEN));
	await_asleep(context);
	before = parks(context);
	sample[ASLEEP][i] = release_all();
	await_ended();
	await_asleep(context);
	sample[SLEEPS][i] =
	    (double)(parks(context) - before) * 1000 / HANDLES;
}

void
bench_rows_handle(unsigned rounds)
{
	static const char *const names[] = {
		[BUSY] = "a release, the worker busy",
		[END] = "to end one of 10,000 that were released meanwhile",
		[ASLEEP] = "a release, the worker asleep at first",
		[SLEEPS] = "times it then slept, per 1000 releases",
	};
	ferry_context context = open_context();
	double *sample[ROWS];

	for (unsigned r = 0; r < ROWS; r++)
		sample[r] = bench_alloc(rounds * sizeof(double));
	bench_report_section("handles, released by one thread");
	bench_report_note("%u in each round; destroy counts, and no more",
	    HANDLES);
	for (unsigned i = 0; i < rounds; i++)
		round_of(context, sample, i);
	for (unsigned r = 0; r < ROWS; r++) {
		bench_report_add(r == SLEEPS ? "" : "ns", sample[r], rounds,
		    BENCH_NO_TARGET, "%s", names[r]);
		free(sample[r]);
	}
	bench_ferry_close(context);
}
