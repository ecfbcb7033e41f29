/*
 * What strands cost, as an application sees it: the public header only.
 *
 * Where it is the worker's side alone, times are the FFI thread's processor
 * time, from the moment in which a handler that held it lets go until the last
 * of a batch has been answered: the requests have all been submitted by then.
 */
#include <semaphore.h>
#include <stdlib.h>

#include "ferry_rows.h"
#include "report.h"
#include "system.h"
#include "trial.h"

#define BATCH         100u
#define BATCHES       200u   /* a sample */
#define SLEEPERS      10000u
#define RESIDENT      2000u  /* strands more in each round … */
#define RESIDENT_MOST 5u     /* … of so many */
#define SLEEP_MS      1
#define INVOKES       5000u
#define OFFLOADS      2000u
#define ALLOCS        10000u
#define ALLOC_SIZE    64u
#define LOAD_MS       50u

enum {
	HOLD,
	PLAIN,
	STRAND,
	YIELD,
	SLEEP,
	SLEEP_LONG,
	INVOKE,
	OFFLOAD,
	ALLOC,
	METHODS
};

/* Of the one context that is measured; the FFI thread's, but for the two
 * semaphores, and for what is set while it is held. */
static struct {
	sem_t gate, done;
	ferry_context context;
	unsigned left;       /* of the batch, not answered */
	unsigned awake;      /* not asleep yet */
	uint64_t held_until; /* let go not before; 0: at once */
	uint64_t all_asleep; /* when */
	uint64_t let_go, asleep, answered; /* in the FFI thread's time */
	double figure;       /* of a strand that measures by itself */
} now;

static void
must(int r, const char *what)
{
	if (r != FERRY_OK)
		bench_die("strands: %s: %s", what, ferry_error_name(r));
}

static void
wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		;
}

/* --------------------------------------------------------------- methods */

#define HANDLER(name) \
	static int name( \
	    ferry_call call, const void *data, size_t size, void *state)
#define UNUSED_ARGUMENTS() ((void)call, (void)data, (void)size, (void)state)

HANDLER(hold)
{
	UNUSED_ARGUMENTS();
	wait_for(&now.gate);
	while (bench_clock_ns() < now.held_until)
		;
	now.let_go = bench_thread_ns();
	return FERRY_OK;
}

HANDLER(nothing)
{
	UNUSED_ARGUMENTS();
	return FERRY_OK;
}

HANDLER(yield)
{
	UNUSED_ARGUMENTS();
	return ferry_strand_yield();
}

static int
go_to_sleep(int64_t ms)
{
	if (--now.awake == 0) {
		now.asleep = bench_thread_ns();
		now.all_asleep = bench_clock_ns();
		sem_post(&now.done);
	}
	return ferry_strand_sleep(ms);
}

HANDLER(sleep_once)
{
	UNUSED_ARGUMENTS();
	return go_to_sleep(SLEEP_MS);
}

HANDLER(sleep_long)
{
	UNUSED_ARGUMENTS();
	return go_to_sleep(-1);
}

static void
figure_out(uint64_t start, unsigned n)
{
	now.figure = (double)(bench_thread_ns() - start) / n;
}

HANDLER(invoke)
{
	uint64_t start = bench_thread_ns();

	UNUSED_ARGUMENTS();
	for (unsigned i = 0; i < INVOKES; i++) {
		ferry_request request;
		ferry_reply reply;

		must(ferry_strand_invoke(&reply, &request, now.context, PLAIN,
			 NULL, 0, NULL, -1),
		    "invoke");
	}
	figure_out(start, INVOKES);
	return FERRY_OK;
}

static int
job(void *arg)
{
	(void)arg;
	return 0;
}

HANDLER(offload)
{
	uint64_t start = bench_clock_ns();

	UNUSED_ARGUMENTS();
	for (unsigned i = 0; i < OFFLOADS; i++)
		must(ferry_strand_offload(NULL, job, NULL, NULL), "offload");
	now.figure = (double)(bench_clock_ns() - start) / OFFLOADS;
	return FERRY_OK;
}

HANDLER(alloc)
{
	uint64_t start = bench_thread_ns();
	void *p;

	UNUSED_ARGUMENTS();
	for (unsigned i = 0; i < ALLOCS; i++) {
		must(ferry_strand_alloc(&p, ALLOC_SIZE), "alloc");
		*(volatile char *)p = 0;
	}
	figure_out(start, ALLOCS);
	return FERRY_OK;
}

/* ------------------------------------------------------------- a context */

static ferry_library
open_library(void)
{
	static const ferry_handler_fn handlers[METHODS] = { hold, nothing,
		nothing, yield, sleep_once, sleep_long, invoke, offload,
		alloc };
	static const char *const names[METHODS] = { "hold", "plain", "strand",
		"yield", "sleep", "sleep_long", "invoke", "offload", "alloc" };
	ferry_method methods[METHODS];
	ferry_library_options options = { .struct_size = sizeof(options),
		.name = "strands",
		.methods = methods,
		.n_methods = METHODS };
	ferry_library library;

	for (unsigned i = 0; i < METHODS; i++)
		methods[i] = (ferry_method){
			.struct_size = sizeof(methods[i]),
			.name = names[i],
			.handler = handlers[i],
			.flags = i >= STRAND ? FERRY_METHOD_STRAND : 0,
		};
	must(ferry_library_open(&library, &options), "library");
	return library;
}

static ferry_context
open_context(ferry_library library)
{
	ferry_context_options options = { .struct_size = sizeof(options),
		.library = library,
		.depth = FERRY_UNBOUNDED };
	ferry_context context;

	must(ferry_context_open(&context, &options), "open");
	return context;
}

static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	(void)user;
	must(status, "reply");
	if (--now.left != 0)
		return;
	now.answered = bench_thread_ns();
	sem_post(&now.done);
}

static void
submit(uint32_t method, unsigned n, ferry_reply_fn callback)
{
	static const bench_payload payload;
	ferry_request_options options = { .struct_size = sizeof(options),
		.callback = callback };

	for (unsigned i = 0; i < n; i++)
		must(ferry_request_submit(NULL, now.context, method, &payload,
			 sizeof(payload), &options),
		    "submit");
}

static void
ignore_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	(void)user;
}

/* --------------------------------------------------- over a plain handler */

/* One request of many, from start to answer. */
static double
batches(uint32_t method)
{
	uint64_t sum = 0;

	now.held_until = 0;
	for (unsigned i = 0; i < BATCHES; i++) {
		now.left = BATCH;
		submit(HOLD, 1, ignore_reply);
		submit(method, BATCH, on_reply);
		sem_post(&now.gate);
		wait_for(&now.done);
		sum += now.answered - now.let_go;
	}
	return (double)sum / BATCH / BATCHES;
}

static uint64_t
load_requests(const bench_contender *c)
{
	bench_load load = { .producers = 1, .in_flight = BENCH_IN_FLIGHT,
		.pinned = true, .warmup = BENCH_IN_FLIGHT,
		.requests = 4 * BENCH_IN_FLIGHT };
	bench_load_result r;

	if (bench_trial_load(&r, c, &load) != 0)
		bench_die("%s cannot run here", c->name);
	return (uint64_t)(r.rate * LOAD_MS / 1000) + BENCH_IN_FLIGHT;
}

/* The section `load`, one producer, in nanoseconds. */
static double
loaded(const bench_contender *c, uint64_t requests)
{
	bench_load load = { .producers = 1, .in_flight = BENCH_IN_FLIGHT,
		.pinned = true, .warmup = 2 * BENCH_IN_FLIGHT,
		.requests = requests };
	bench_load_result r;

	if (bench_trial_load(&r, c, &load) != 0)
		bench_die("%s cannot run here", c->name);
	return 1e9 / r.rate;
}

/* --------------------------------------------------------- many that sleep */

/* All are due when the FFI thread gets to them. */
static void
sleepers(double *out_asleep, double *out_answered, unsigned n)
{
	now.held_until = 0;
	now.left = now.awake = n;
	submit(HOLD, 1, ignore_reply);
	submit(SLEEP, n, on_reply);
	/* Behind those, so that it holds the thread once all are asleep. */
	submit(HOLD, 1, ignore_reply);
	sem_post(&now.gate);
	wait_for(&now.done);
	*out_asleep = (double)(now.asleep - now.let_go) / n;
	now.held_until = now.all_asleep + 2 * SLEEP_MS * UINT64_C(1000000);
	sem_post(&now.gate);
	wait_for(&now.done);
	*out_answered = (double)(now.answered - now.let_go) / n;
}

/* Each round opens a context with strands that sleep for good. */
static void
rows_resident(ferry_library library, unsigned rounds)
{
	double *samples = bench_alloc(rounds * sizeof(double));
	ferry_context *open = bench_alloc(rounds * sizeof(*open));

	for (unsigned i = 0; i < rounds; i++) {
		uint64_t before;

		open[i] = now.context = open_context(library);
		now.awake = RESIDENT;
		/* Their nodes are not theirs: a plain request has one, too. */
		batches(PLAIN);
		now.left = RESIDENT;
		submit(PLAIN, RESIDENT, on_reply);
		wait_for(&now.done);
		before = bench_resident();
		submit(SLEEP_LONG, RESIDENT, ignore_reply);
		wait_for(&now.done);
		samples[i] =
		    (double)(bench_resident() - before) / RESIDENT / 1024;
	}
	bench_report_add("KiB", samples, rounds, BENCH_NO_TARGET,
	    "resident, each of %u asleep", RESIDENT);
	for (unsigned i = 0; i < rounds; i++)
		must(ferry_context_close(open[i],
			 &(ferry_close_options){
			     .struct_size = sizeof(ferry_close_options),
			     .mode = FERRY_CLOSE_CANCEL,
			 },
			 NULL),
		    "close");
	free(open);
	free(samples);
}

/* ------------------------------------------------------ what they call */

/* One strand, which measures by itself. */
static double
by_itself(uint32_t method)
{
	now.left = 1;
	submit(method, 1, on_reply);
	wait_for(&now.done);
	return now.figure;
}

static double
mallocs(void)
{
	static void *p[ALLOCS];
	uint64_t start = bench_thread_ns();

	for (unsigned i = 0; i < ALLOCS; i++) {
		p[i] = malloc(ALLOC_SIZE);
		if (p[i] == NULL)
			bench_die("no memory");
		*(volatile char *)p[i] = 0;
	}
	for (unsigned i = 0; i < ALLOCS; i++)
		free(p[i]);
	return (double)(bench_thread_ns() - start) / ALLOCS;
}

/* ------------------------------------------------------------------- rows */

enum {
	R_PLAIN,
	R_STRAND,
	R_YIELD,
	R_LOAD_PLAIN,
	R_LOAD_STRAND,
	R_LOAD_YIELD,
	R_FEW_ASLEEP,
	R_FEW_ANSWERED,
	R_MANY_ASLEEP,
	R_MANY_ANSWERED,
	R_INVOKE,
	R_ALLOC,
	R_MALLOC,
	R_OFFLOAD,
	R_BARE,
	ROWS
};

static double *samples[ROWS];

static void
run_round(unsigned i, const uint64_t *requests)
{
	samples[R_PLAIN][i] = batches(PLAIN);
	samples[R_STRAND][i] = batches(STRAND) - samples[R_PLAIN][i];
	samples[R_YIELD][i] = batches(YIELD) - samples[R_PLAIN][i];
	samples[R_LOAD_PLAIN][i] = loaded(&bench_ferry, requests[0]);
	samples[R_LOAD_STRAND][i] = loaded(&bench_ferry_strand, requests[1]) -
	    samples[R_LOAD_PLAIN][i];
	samples[R_LOAD_YIELD][i] = loaded(&bench_ferry_yield, requests[2]) -
	    samples[R_LOAD_PLAIN][i];
	sleepers(&samples[R_FEW_ASLEEP][i], &samples[R_FEW_ANSWERED][i],
	    BATCH);
	sleepers(&samples[R_MANY_ASLEEP][i], &samples[R_MANY_ANSWERED][i],
	    SLEEPERS);
	samples[R_INVOKE][i] = by_itself(INVOKE);
	samples[R_ALLOC][i] = by_itself(ALLOC);
	samples[R_MALLOC][i] = mallocs();
	samples[R_OFFLOAD][i] = by_itself(OFFLOAD) / 1000;
	samples[R_BARE][i] = bench_bare_pool(job, OFFLOADS) / 1000;
}

static void
report(unsigned rounds)
{
	static const char *const names[ROWS] = {
		[R_PLAIN] = "a plain handler, worker's side",
		[R_STRAND] = "a strand, more than that",
		[R_YIELD] = "a strand that yields once, more than that",
		[R_LOAD_PLAIN] = "a plain handler, load of one producer",
		[R_LOAD_STRAND] = "a strand, more than that",
		[R_LOAD_YIELD] = "a strand that yields once, more than that",
		[R_FEW_ASLEEP] = "of 100: spawned, and to sleep",
		[R_FEW_ANSWERED] = "of 100: woken by its timer, and ended",
		[R_MANY_ASLEEP] = "of 10,000: spawned, and to sleep",
		[R_MANY_ANSWERED] = "of 10,000: woken by its timer, and ended",
		[R_INVOKE] = "a request to its own context, awaited",
		[R_ALLOC] = "ferry_strand_alloc() of 64 bytes",
		[R_MALLOC] = "malloc() and free() of them",
		[R_OFFLOAD] = "a function offloaded, and back",
		[R_BARE] = "the same, a bare pool of one thread",
	};

	for (unsigned r = 0; r < ROWS; r++) {
		bench_report_add(r < R_OFFLOAD ? "ns" : "us", samples[r],
		    rounds, r == R_STRAND || r == R_LOAD_STRAND
			? BENCH_AT_MOST(150, 100)
			: BENCH_NO_TARGET,
		    "%s", names[r]);
		free(samples[r]);
	}
}

void
bench_rows_strands(unsigned rounds)
{
	ferry_library library = open_library();
	uint64_t requests[3] = { load_requests(&bench_ferry),
		load_requests(&bench_ferry_strand),
		load_requests(&bench_ferry_yield) };

	sem_init(&now.gate, 0, 0);
	sem_init(&now.done, 0, 0);
	for (unsigned r = 0; r < ROWS; r++)
		samples[r] = bench_alloc(rounds * sizeof(double));
	bench_report_section("strands");
	rows_resident(
	    library, rounds < RESIDENT_MOST ? rounds : RESIDENT_MOST);
	now.context = open_context(library);
	for (unsigned i = 0; i < rounds; i++)
		run_round(i, requests);
	report(rounds);
	bench_ferry_close(now.context);
	must(ferry_library_close(library), "library close");
	sem_destroy(&now.done);
	sem_destroy(&now.gate);
}
