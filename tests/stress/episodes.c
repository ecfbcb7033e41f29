/*
 * Episodes, measured: calls that are held in random ways for random times, some
 * below the level and some above it. When is each announced, is any that took
 * less than the level, and is any missed?
 *
 * How long a call was in hand is known from two sides. It was no longer than
 * from its submit to its reply: one that is announced took at least the level
 * by that, or it is a false alarm. And it was no shorter than its handler
 * found, less what that waited for a processor, which the host of a virtual one
 * tells nobody: so what it computed by its processor time, and what it slept at
 * most as it was to. One that took the level, two ticks, and what a watcher may
 * be late without calling it a gap, must have been announced, unless the
 * watcher found gaps of its own.
 *
 * Each thread has a context of its own. Iterations: a thousand are an episode,
 * of all threads together. T_LIMIT=300
 */
#include <semaphore.h>

#include "api/fixture.h"

enum { PER_EPISODE = 1000, KINDS = 5 };

/* Milliseconds, times t_slow(). */
enum { SLOW = 5, STALLED = 15, WEDGED = 60, TICK = 5 };

static const char *const kinds[KINDS] = {
    "all", "spin", "sleep", "lock", "read"};

/* One call, and what was seen of it. */
struct episode {
	uint32_t kind, ms;
	uint64_t least_ns;     /* that it took */
	uint64_t most_ns;
	uint64_t announced_ns; /* when; 0: never */
	int overloaded;        /* was said */
	int gap;               /* the watcher's, or it had no processor */
	uint64_t began_ns, from_ns; /* its submit and its handler */
	uint64_t submit_ns;    /* that its submit took */
	ferry_request request;
};

struct driver {
	pthread_t thread;
	uint64_t seed, n;
	struct episode *episodes;
	ferry_context context;
	ferry_inbox inbox;
	sem_t bell;
	atomic_uint_least64_t rung_ns;
	uint64_t from_ns, to_ns, waited_ns, cpu_ns; /* the handler's */
};

static uint64_t
ms_ns(uint32_t ms)
{
	return ms * UINT64_C(1000000) * (uint64_t)t_slow();
}

/* ---------------------------------------------------------------- the call */

/* For how long this thread has waited for a processor, as far as is told. */
static uint64_t
waited_ns(void)
{
	unsigned long long ran = 0, waited = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	fclose(f);
	return waited;
}

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	T_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int
hold_run(ferry_call call, void *arg)
{
	struct driver *d = arg;
	const struct episode *e = &d->episodes[d->n];
	uint64_t before, cpu;
	int r;

	d->from_ns = t_now_ns();
	before = waited_ns();
	cpu = cpu_ns();
	r = ferry_debug_wedge(call, e->kind, e->ms);
	d->cpu_ns = cpu_ns() - cpu;
	d->waited_ns = waited_ns() - before;
	d->to_ns = t_now_ns();
	return r;
}

/* For how long it held its thread, for certain. */
static uint64_t
held_ns(const struct driver *d, const struct episode *e)
{
	uint64_t took = d->to_ns - d->from_ns, most = e->ms * UINT64_C(1000000);

	if (e->kind == FERRY_WEDGE_SPIN)
		return d->cpu_ns;
	took -= d->waited_ns < took ? d->waited_ns : took;
	return took < most ? took : most;
}

/* ------------------------------------------------------------- the notices */

static void
ring(void *user)
{
	struct driver *d = user;
	uint64_t none = 0;

	atomic_compare_exchange_strong(&d->rung_ns, &none, t_now_ns());
	sem_post(&d->bell);
}

/* Requests, and a worker that sleeps: true only if it was the submit, between
 * its push and its wake, that took so long. */
static void
woken_late(const struct episode *e, const ferry_completion *c)
{
	T_EQ(c->status, FERRY_VERDICT_LOST_WAKEUP);
	T_GE(e->submit_ns, ms_ns(STALLED));
}

/* What has come; 1: the reply is among it. */
static int
take(struct driver *d, struct episode *e, int *announced)
{
	uint64_t at = atomic_exchange(&d->rung_ns, 0);
	ferry_completion c;
	int replied = 0;

	while (ferry_inbox_take(&c, 1, d->inbox) == 1) {
		switch (c.kind) {
		case FERRY_KIND_NOT_RESPONDING:
			if (c.request == 0) {
				woken_late(e, &c);
				break;
			}
			T_EQ(c.request, e->request);
			T_EQ(*announced, 0);
			e->announced_ns = at != 0 ? at : t_now_ns();
			*announced = 1;
			break;
		case FERRY_KIND_RESPONDING:
			/* Two that were not taken are one: the later. */
			if (c.request != 0 && e->announced_ns == 0)
				e->announced_ns = t_now_ns();
			*announced = 0;
			break;
		case FERRY_KIND_OVERLOADED:
			e->overloaded = 1;
			break;
		default:
			T_EQ(c.kind, FERRY_KIND_REPLY);
			T_EQ(c.status, FERRY_OK);
			e->most_ns = t_now_ns() - e->began_ns;
			replied = 1;
		}
		fx_done(&c);
	}
	return replied;
}

static void
await_bell(struct driver *d)
{
	while (sem_wait(&d->bell) != 0)
		T_EQ(errno, EINTR);
}

static ferry_health
health_of(ferry_context context)
{
	ferry_health h = {.struct_size = sizeof h};

	T_OK(ferry_context_health(&h, context));
	return h;
}

/* The watcher has looked since the reply, and whatever that led to is there:
 * a look that had begun before it is over. */
static void
await_look(struct driver *d, uint64_t replied_ns)
{
	T_WAIT_UNTIL(t_now_ns() - health_of(d->context).watcher_age_ns >
	    replied_ns + ms_ns(TICK) / 2, FX_LIMIT_MS);
}

/* ---------------------------------------------------------------- episodes */

/* The last episode ended with a look: not to begin the next one just after it,
 * each time. */
static void
out_of_step(struct t_rng *rng)
{
	struct timespec ts = {
	    .tv_nsec = (long)t_rand_below(rng, ms_ns(2 * TICK))};

	nanosleep(&ts, NULL);
}

static void
one_episode(struct driver *d, struct t_rng *rng)
{
	struct episode *e = &d->episodes[d->n];
	ferry_request_options o = fx_to_inbox(d->inbox, NULL);
	uint64_t gaps = fx_counters(d->context).observer_gaps;
	int announced = 0, replied = 0;

	out_of_step(rng);
	e->kind = 1 + (uint32_t)t_rand_below(rng, KINDS - 1);
	e->ms = (1 + (uint32_t)t_rand_below(rng, 3 * STALLED)) *
	    (uint32_t)t_slow();
	e->began_ns = t_now_ns();
	e->request = fx_do_with(d->context, hold_run, d, &o);
	e->submit_ns = t_now_ns() - e->began_ns;
	while (!replied) {
		await_bell(d);
		replied = take(d, e, &announced);
	}
	await_look(d, e->began_ns + e->most_ns);
	take(d, e, &announced);
	while (announced) {
		await_bell(d);
		take(d, e, &announced);
	}
	e->from_ns = d->from_ns;
	e->least_ns = held_ns(d, e);
	e->gap = fx_counters(d->context).observer_gaps != gaps ||
	    (e->overloaded && d->waited_ns > ms_ns(STALLED) / 10);
}

static void
open_driver(struct driver *d)
{
	ferry_context_options o = fx_context_options();
	ferry_inbox_options io = {
	    .struct_size = sizeof io, .doorbell = ring, .user = d};
	uint32_t slow = (uint32_t)t_slow();

	o.levels = (ferry_levels){
	    SLOW * slow, STALLED * slow, WEDGED * slow, FERRY_OFF};
	d->context = fx_open_with(&o);
	T_OK(sem_init(&d->bell, 0, 0));
	T_OK(ferry_inbox_open(&d->inbox, &io));
	fx_attach(d->inbox, d->context, FERRY_ATTACH_LIVENESS, NULL);
}

static void *
drive(void *arg)
{
	struct driver *d = arg;
	struct t_rng rng = {d->seed};
	uint64_t n = d->n;

	open_driver(d);
	for (d->n = 0; d->n < n; d->n++)
		one_episode(d, &rng);
	fx_close(d->context);
	T_OK(ferry_inbox_close(NULL, d->inbox));
	sem_destroy(&d->bell);
	return NULL;
}

/* ----------------------------------------------------------------- results */

struct results {
	uint64_t n, announced, false_alarms, missed, late, gaps;
	uint64_t *detection_ns; /* after the level; of those announced */
};

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
count(struct results *r, const struct episode *e)
{
	uint64_t level = ms_ns(STALLED), two = ms_ns(2 * TICK), took;

	r->n++;
	r->gaps += (uint64_t)e->gap;
	if (e->announced_ns != 0) {
		took = e->announced_ns - e->from_ns;
		r->false_alarms += e->most_ns < level;
		r->late += took > level + two;
		r->detection_ns[r->announced++] =
		    took > level ? took - level : 0;
	} else if (!e->gap) {
		r->missed += e->least_ns > level + two + ms_ns(TICK);
	}
}

static double
at(const struct results *r, uint64_t permille)
{
	uint64_t i = r->announced * permille / 1000;

	if (r->announced == 0)
		return 0;
	return (double)r->detection_ns[i < r->announced
	    ? i : r->announced - 1] / 1e6;
}

static void
print(const char *name, struct results *r)
{
	qsort(r->detection_ns, r->announced, sizeof r->detection_ns[0],
	    compare);
	dprintf(1, "%-6s %6ju %9ju %7ju %7ju %5ju %5ju  "
	    "%8.3f %8.3f %8.3f\n", name, (uintmax_t)r->n,
	    (uintmax_t)r->announced, (uintmax_t)r->false_alarms,
	    (uintmax_t)r->missed, (uintmax_t)r->late, (uintmax_t)r->gaps,
	    at(r, 500), at(r, 990), at(r, 1000));
}

/* Of one kind, or (0) of all. */
static struct results
results_of(const struct driver *drivers, unsigned threads, uint64_t all,
    uint32_t kind)
{
	struct results r = {
	    .detection_ns = calloc(all, sizeof r.detection_ns[0])};

	T_ASSERT(r.detection_ns != NULL);
	for (unsigned i = 0; i < threads; i++) {
		for (uint64_t k = 0; k < drivers[i].n; k++) {
			if (kind == 0 ||
			    drivers[i].episodes[k].kind == kind)
				count(&r, &drivers[i].episodes[k]);
		}
	}
	print(kinds[kind], &r);
	free(r.detection_ns);
	r.detection_ns = NULL;
	return r;
}

static void
report(const struct driver *drivers, unsigned threads, uint64_t each)
{
	struct results r;

	dprintf(1, "level %d ms, tick %d ms; detection after the level, in "
	    "ms\n%-6s %6s %9s %7s %7s %5s %5s  %8s %8s %8s\n",
	    STALLED * t_slow(), TICK * t_slow(), "kind", "calls",
	    "announced", "false", "missed", "late", "gaps", "median", "p99",
	    "max");
	for (uint32_t kind = 1; kind < KINDS; kind++)
		results_of(drivers, threads, each * threads, kind);
	r = results_of(drivers, threads, each * threads, 0);
	T_EQ(r.n, each * threads);
	T_EQ(r.false_alarms, 0);
	T_EQ(r.missed, 0);
}

int
main(int argc, char **argv)
{
	struct t_stress s = t_stress_args(
	    argc, argv, (struct t_stress){2, 100000, t_seed()});
	struct t_rng rng = {s.seed};
	struct driver *drivers = calloc(s.threads, sizeof *drivers);
	uint64_t each = (s.iters + PER_EPISODE * s.threads - 1) /
	    (PER_EPISODE * s.threads);

	T_ASSERT(drivers != NULL);
	for (unsigned i = 0; i < s.threads; i++) {
		struct driver *d = &drivers[i];

		d->seed = t_rand(&rng);
		d->n = each;
		d->episodes = calloc(each, sizeof *d->episodes);
		T_ASSERT(d->episodes != NULL);
		d->thread = t_thread_start(drive, d);
	}
	for (unsigned i = 0; i < s.threads; i++)
		t_thread_join(drivers[i].thread);
	report(drivers, s.threads, each);
	for (unsigned i = 0; i < s.threads; i++)
		free(drivers[i].episodes);
	free(drivers);
	return 0;
}
