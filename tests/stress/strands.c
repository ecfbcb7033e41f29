/*
 * Strands that do everything by chance, in two contexts that call each other,
 * while they are cancelled, outlive their deadlines, are closed over in every
 * mode, and lose their thread. One accountant follows each request to its
 * single end, and holds every snapshot of the counters to its equations.
 *
 * Iterations: requests of each thread, in rounds. T_LIMIT=300
 */
#include <fcntl.h>

#include "reckon.h"

enum { PENDING = 48, EACH_ROUND = 400, MAX_THREADS = 64 };

/* What is done to a round's contexts at its end. */
enum ending {
	AT_REST,     /* nothing is left: and the counters are exact */
	UNDER_DRAIN, /* these while requests are coming */
	UNDER_CANCEL,
	UNDER_ABANDON,
	ENDINGS
};

struct producer {
	pthread_t thread;
	uint64_t seed, n;
	ferry_inbox inbox;
	/* Requests of its own, to be waited for. */
	ferry_request requests[PENDING];
	uint64_t tags[PENDING];
	unsigned pending;
	ferry_request last; /* of any kind, perhaps stale: to be cancelled */
	int closed;
};

static ferry_library library;
static atomic_int watching, toggling;
static atomic_ullong accepted_so_far, waited_for_all;
static _Atomic ferry_context watched[WORLDS];

/* -------------------------------------------------------------- producers */

static uint32_t
some_method(struct t_rng *rng)
{
	uint64_t n = t_rand_below(rng, 1000);

	if (n == 0)
		return EXIT;
	return n < 800 ? LIVE : n < 900 ? LEAF : ECHO;
}

static const struct account_chances chances = {
	.deadline_in = 5, .within_ns = 4000000, .stale_in = 10
};

static void
take_pending(struct producer *p)
{
	for (unsigned i = 0; i < p->pending; i++)
		account_wait(p->requests[i], p->tags[i]);
	p->pending = 0;
}

static int
refused(struct producer *p, int r)
{
	switch (r) {
	case FERRY_OK:
		atomic_fetch_add(&accepted_so_far, 1);
		return 0;
	case FERRY_EAGAIN:
		take_pending(p);
		(void)load_take(p->inbox);
		sched_yield();
		return 1;
	case FERRY_ECLOSED:
	case FERRY_ESTALE:
		p->closed = 1;
		return 1;
	default:
		T_EQ(r, FERRY_EDEADLINE);
		return 1;
	}
}

static void
submit_one(struct producer *p, struct t_rng *rng)
{
	ferry_request_options o =
	    account_options(rng, p->inbox, &chances);
	struct world *w = &living.world[t_rand_below(rng, WORLDS)];
	uint32_t method = some_method(rng);
	ferry_request request = 0;
	uint64_t tag;
	int r = load_submit(&request, &tag, w->context, method,
	    (uint32_t)t_rand_below(rng, 400), o, rng);

	if (refused(p, r))
		return;
	atomic_store(&living.lives[tag].strand, method != ECHO);
	atomic_store(&living.lives[tag].world, (unsigned char)w->number);
	p->last = request;
	if (o.callback == NULL && o.inbox == 0) {
		p->requests[p->pending] = request;
		p->tags[p->pending++] = tag;
	}
}

static void
cancel_one(struct producer *p, struct t_rng *rng)
{
	ferry_request request = p->last;
	int r;

	if (p->pending > 0 && t_rand_below(rng, 2) == 0)
		request = p->requests[t_rand_below(rng, p->pending)];
	if (request == 0)
		return;
	r = ferry_request_cancel(request);
	T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY || r == FERRY_EDONE ||
	    r == FERRY_ESTALE);
}

static void *
produce(void *arg)
{
	struct producer *p = arg;
	struct t_rng rng = {p->seed};

	for (uint64_t i = 0; i < p->n && !p->closed; i++) {
		uint64_t what = t_rand_below(&rng, 100);

		if (p->pending + 1 > PENDING)
			take_pending(p);
		if (what < 60)
			submit_one(p, &rng);
		else if (what < 80)
			cancel_one(p, &rng);
		else if (what < 90)
			(void)load_take(p->inbox);
		else if (what < 95)
			take_pending(p);
		else
			sched_yield();
	}
	take_pending(p);
	return NULL;
}

/* ------------------------------------------------ those who look, and play */

/* Whoever had been spawned has been counted as ended. */
static void
wait_for_all(ferry_context context)
{
	ferry_strands before, after;
	int r;

	if (!snapshot(&before, context))
		return;
	r = ferry_strand_wait_all(context, 2);
	if (r == FERRY_OK && snapshot(&after, context)) {
		T_GE(ends(&after), before.spawned);
		atomic_fetch_add(&waited_for_all, 1);
	}
	T_ASSERT(r == FERRY_OK || r == FERRY_ETIMEDOUT || r == FERRY_ESTALE);
}

static void
open_and_shut(ferry_context context, int open)
{
	int r = ferry_strand_admit(context, open);

	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE || r == FERRY_ECLOSED);
}

/* From round to round, since a look may come when a context has gone. */
static void *
watch(void *arg)
{
	struct t_rng rng = {*(uint64_t *)arg};
	ferry_strands before[WORLDS] = {{0}}, now;
	ferry_context of[WORLDS] = {0};

	while (atomic_load(&watching)) {
		unsigned k = (unsigned)t_rand_below(&rng, WORLDS);
		ferry_context context = atomic_load(&watched[k]);

		if (of[k] != context)
			before[k] = (ferry_strands){0};
		of[k] = context;
		if (context != 0 && snapshot(&now, context)) {
			T_GE(now.spawned, before[k].spawned);
			T_GE(now.peak, before[k].peak);
			T_GE(ends(&now), ends(&before[k]));
			before[k] = now;
		}
		if (context != 0 && t_rand_below(&rng, 4) == 0)
			wait_for_all(context);
		if (context != 0 && t_rand_below(&rng, 50) == 0) {
			open_and_shut(context, 0);
			sched_yield();
			open_and_shut(context, 1);
		}
		sched_yield();
	}
	return NULL;
}

/* A byte in the pipe, or none. */
static void *
toggle(void *arg)
{
	char c = 1;

	(void)arg;
	while (atomic_load(&toggling)) {
		T_EQ(write(living.wire[1], &c, 1), 1);
		nanosleep(&(struct timespec){0, 100000}, NULL);
		T_EQ(read(living.wire[0], &c, 1), 1);
		nanosleep(&(struct timespec){0, 400000}, NULL);
	}
	T_EQ(write(living.wire[1], &c, 1), 1); /* for who still waits */
	return NULL;
}

/* ------------------------------------------------------------------ rounds */

/* Returns whether both are on one worker. */
static int
open_worlds(struct t_rng *rng)
{
	ferry_context_options o = fx_context_options();
	int shared = t_rand_below(rng, 2) != 0;

	o.library = library;
	o.worker_key = shared ? "living" : NULL;
	for (unsigned k = 0; k < WORLDS; k++) {
		struct world *w = &living.world[k];

		*w = (struct world){.number = k};
		o.init_arg = w;
		o.shards = 1u << t_rand_below(rng, 4);
		o.depth = 64 + t_rand_below(rng, 500);
		o.strands = t_rand_below(rng, 2) ? 0
		    : 8 + (uint32_t)t_rand_below(rng, 100);
		w->context = fx_open_with(&o);
		atomic_store(&watched[k], w->context);
	}
	return shared;
}

/* Closes until it is closed; returns how many callbacks never ran. */
static uint64_t
close_world(unsigned k, uint32_t mode)
{
	ferry_context context = living.world[k].context;
	ferry_close_report report;
	int r = fx_close_mode(context, mode, 0, &report);

	if (r == FERRY_EBUSY) {
		T_EQ(mode, FERRY_CLOSE_ABANDON);
		r = fx_close_mode(context, FERRY_CLOSE_DRAIN, 0, &report);
	}
	T_EQ(r, FERRY_OK);
	if (mode != FERRY_CLOSE_ABANDON)
		T_EQ(report.callback_not_run, 0);
	return report.callback_not_run;
}

static void
start(struct producer *p, unsigned n, uint64_t each, struct t_rng *rng)
{
	for (unsigned i = 0; i < n; i++) {
		p[i] = (struct producer){.seed = t_rand(rng), .n = each,
		    .inbox = fx_inbox()};
		for (int k = 0; k < WORLDS; k++)
			fx_attach(p[i].inbox, living.world[k].context, 0,
			    NULL);
		p[i].thread = t_thread_start(produce, &p[i]);
	}
}

/* Returns how many requests were accepted. */
static uint64_t
round_of(struct producer *p, unsigned n, uint64_t each, enum ending ending,
    struct t_rng *rng)
{
	static const uint32_t modes[ENDINGS] = {FERRY_CLOSE_DRAIN,
	    FERRY_CLOSE_DRAIN, FERRY_CLOSE_CANCEL, FERRY_CLOSE_ABANDON};
	uint64_t not_run = 0;
	int shared = open_worlds(rng);

	atomic_store(&accepted_so_far, 0);
	start(p, n, ending == AT_REST ? each : UINT64_MAX, rng);
	if (ending == AT_REST) {
		for (unsigned i = 0; i < n; i++)
			t_thread_join(p[i].thread);
		await_rest();
		for (unsigned k = 0; k < WORLDS; k++)
			compare(k, shared);
	} else {
		while (atomic_load(&accepted_so_far) < each)
			sched_yield();
	}
	for (unsigned k = 0; k < WORLDS; k++)
		not_run += close_world(k, modes[ending]);
	atomic_store(&account.closed, 1);
	for (unsigned i = 0; i < n; i++) {
		if (ending != AT_REST)
			t_thread_join(p[i].thread);
		(void)load_take(p[i].inbox);
		T_OK(ferry_inbox_close(NULL, p[i].inbox));
	}
	await_pool();
	check_offs();
	return check_tags(not_run);
}

static void
restart(void)
{
	memset(living.lives, 0,
	    atomic_load(&account.next) * sizeof *living.lives);
	atomic_store(&living.n_offs, 0);
	account_restart();
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){4, 4000, t_seed()});
	struct producer *p = calloc(MAX_THREADS, sizeof *p);
	struct t_rng rng = {s.seed};
	uint64_t each = s.iters < EACH_ROUND ? s.iters : EACH_ROUND, sum = 0;
	pthread_t toggler, watcher;
	unsigned round = 0;

	if (s.threads > MAX_THREADS)
		s.threads = MAX_THREADS;
	account_open(1 << 20);
	living.lives = calloc(1 << 20, sizeof *living.lives);
	living.offs = calloc(OFFS, sizeof *living.offs);
	T_EQ(pipe2(living.wire, O_CLOEXEC), 0);
	library = living_library();
	atomic_store(&toggling, 1);
	toggler = t_thread_start(toggle, NULL);
	atomic_store(&watching, 1);
	watcher = t_thread_start(watch, &s.seed);
	for (uint64_t done = 0; done < s.iters; done += each) {
		sum += round_of(p, s.threads, each,
		    (enum ending)(round++ % ENDINGS), &rng);
		restart();
	}
	atomic_store(&toggling, 0);
	t_thread_join(toggler);
	atomic_store(&watching, 0);
	t_thread_join(watcher);
	T_OK(ferry_library_close(library));
	free(living.lives);
	free(living.offs);
	free(p);
	dprintf(1, "%u rounds, %ju accepted, %ju snapshots, %ju times all\n",
	    round, (uintmax_t)sum, (uintmax_t)atomic_load(&snapshots),
	    (uintmax_t)atomic_load(&waited_for_all));
	account_print();
	return 0;
}
