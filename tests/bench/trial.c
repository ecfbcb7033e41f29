#include "trial.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "system.h"

#define THREADS_MAX   256
#define PRODUCERS_MAX 64
#define CONSUMER_CPU  1

/* ---------------------------------------------- the consumer thread's side */

/*
 * What on_handled() writes. Only the consumer thread does, and the main thread
 * between two phases, when nothing is in flight: it sets the target before
 * the barrier that lets the producers go, and their submits carry it over.
 */
typedef struct tally {
	_Alignas(BENCH_LINE) uint64_t count;
	uint64_t target;
	uint64_t reached_ns;
	sem_t reached;
	uint64_t *next; /* per producer: the sequence number due, if checking */
} tally;

static void
reach(tally *t)
{
	t->reached_ns = bench_clock_ns();
	sem_post(&t->reached);
}

/* The no-op that is measured: it counts. */
static void
count_handled(const void *payload, void *user)
{
	tally *t = user;

	(void)payload;
	if (++t->count == t->target)
		reach(t);
}

/* The same with open eyes. */
static void
check_handled(const void *payload, void *user)
{
	tally *t = user;
	bench_payload p;

	memcpy(&p, payload, sizeof(p));
	if (p.producer >= PRODUCERS_MAX || p.sequence != t->next[p.producer])
		bench_die("producer %llu: request %llu out of order",
		    (unsigned long long)p.producer,
		    (unsigned long long)p.sequence);
	for (unsigned k = 0; k < 6; k++)
		if (p.fill[k] != (p.producer ^ p.sequence ^ k))
			bench_die("a payload was damaged");
	t->next[p.producer]++;
	count_handled(payload, user);
}

static void
wait_reached(tally *t)
{
	while (sem_wait(&t->reached) != 0)
		;
}

/* ---------------------------------------------- the contender's threads */

typedef struct threads {
	pid_t before[THREADS_MAX];
	unsigned n_before;
	pid_t made[THREADS_MAX];
	unsigned n_made;
} threads;

static unsigned
list_threads(pid_t *out)
{
	unsigned n = bench_threads(out, THREADS_MAX);

	if (n > THREADS_MAX)
		bench_die("too many threads");
	return n;
}

static void
threads_before(threads *t)
{
	t->n_before = list_threads(t->before);
}

static bool
was_there(const threads *t, pid_t thread)
{
	for (unsigned i = 0; i < t->n_before; i++)
		if (t->before[i] == thread)
			return true;
	return false;
}

static void
threads_after(threads *t)
{
	pid_t now[THREADS_MAX];
	unsigned n = list_threads(now);

	t->n_made = 0;
	for (unsigned i = 0; i < n; i++)
		if (!was_there(t, now[i]))
			t->made[t->n_made++] = now[i];
}

static void
pin_made(const threads *t, unsigned cpu)
{
	for (unsigned i = 0; i < t->n_made; i++)
		bench_cpu_pin(t->made[i], cpu % bench_cpu_count());
}

static uint64_t
switches_made(const threads *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->n_made; i++)
		sum += bench_thread_switches(t->made[i]);
	return sum;
}

/* -------------------------------------------------------------------- load */

typedef struct team {
	const bench_contender *contender;
	const bench_load *load;
	void *state;
	/* All producers and the main thread: before the warm-up, before the
	 * timed phase, when what was submitted has been handled, and when the
	 * contender has been stopped. */
	pthread_barrier_t step;
} team;

typedef struct member {
	team *team;
	unsigned index;
	uint64_t started_ns;
	pthread_t thread;
} member;

static void *
produce(void *arg)
{
	member *m = arg;
	const bench_contender *c = m->team->contender;
	const bench_load *load = m->team->load;
	void *producer;

	if (load->pinned)
		bench_cpu_pin(0, m->index % bench_cpu_count());
	if (c->producer_init(&producer, m->team->state, m->index) != 0)
		bench_die("%s: producer %u failed", c->name, m->index);

	pthread_barrier_wait(&m->team->step);
	c->produce(producer, 0, load->warmup);
	pthread_barrier_wait(&m->team->step);
	m->started_ns = bench_clock_ns();
	c->produce(producer, load->warmup, load->requests);
	pthread_barrier_wait(&m->team->step);
	/* The main thread stops the contender. */
	pthread_barrier_wait(&m->team->step);
	c->producer_finish(producer);
	return NULL;
}

static uint64_t
first_start(const member *members, unsigned n)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < n; i++)
		if (members[i].started_ns < first)
			first = members[i].started_ns;
	return first;
}

static uint64_t
count_wakes(const bench_contender *contender, void *state)
{
	return contender->wakes != NULL ? contender->wakes(state) : 0;
}

/* Between the barriers; the tally's target is that of the warm-up. */
static void
measure(bench_load_result *out, team *tm, tally *t, const member *members,
    const threads *made)
{
	const bench_load *load = tm->load;
	uint64_t n = load->requests * load->producers;
	uint64_t wakes, switches;

	pthread_barrier_wait(&tm->step);
	wait_reached(t);
	wakes = count_wakes(tm->contender, tm->state);
	switches = switches_made(made);
	t->target += n;

	pthread_barrier_wait(&tm->step);
	wait_reached(t);
	wakes = count_wakes(tm->contender, tm->state) - wakes;
	switches = switches_made(made) - switches;

	/* The producers have seen their last submit return before they come
	 * here, and with that published when they started. */
	pthread_barrier_wait(&tm->step);
	out->seconds =
	    (double)(t->reached_ns - first_start(members, load->producers)) /
	    1e9;
	out->rate = (double)n / out->seconds;
	out->wakes_per_k = tm->contender->wakes == NULL
	    ? -1
	    : (double)wakes * 1000 / (double)n;
	out->sleeps_per_k = (double)switches * 1000 / (double)n;
}

int
bench_trial_load(bench_load_result *out, const bench_contender *contender,
    const bench_load *load)
{
	uint64_t next[PRODUCERS_MAX] = { 0 };
	member members[PRODUCERS_MAX];
	tally t = { .next = next, .target = load->warmup * load->producers };
	team tm = { .contender = contender, .load = load };
	bench_setup setup = {
		.n_producers = load->producers,
		.in_flight = load->in_flight,
		.check = load->check,
		.on_handled = load->check ? check_handled : count_handled,
		.user = &t,
	};
	threads made;

	if (load->producers > PRODUCERS_MAX || load->warmup == 0)
		bench_die("a load cannot be run");
	sem_init(&t.reached, 0, 0);
	threads_before(&made);
	if (contender->start(&tm.state, &setup) != 0)
		return -1;
	threads_after(&made);
	if (load->pinned)
		pin_made(&made, CONSUMER_CPU);

	pthread_barrier_init(&tm.step, NULL, load->producers + 1);
	for (unsigned i = 0; i < load->producers; i++) {
		members[i] = (member){ .team = &tm, .index = i };
		if (pthread_create(
			&members[i].thread, NULL, produce, &members[i]) != 0)
			bench_die("no thread");
	}
	measure(out, &tm, &t, members, &made);
	contender->stop(tm.state);
	pthread_barrier_wait(&tm.step);
	for (unsigned i = 0; i < load->producers; i++)
		pthread_join(members[i].thread, NULL);
	pthread_barrier_destroy(&tm.step);
	sem_destroy(&t.reached);
	return 0;
}

/* ------------------------------------------------------------------- trips */

static void
ignore_handled(const void *payload, void *user)
{
	(void)payload;
	(void)user;
}

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

static double
trips_in_a_row(const bench_contender *c, void *producer, unsigned n)
{
	bench_payload payload = { 0 };
	uint64_t start = bench_clock_ns();

	for (unsigned i = 0; i < n; i++) {
		payload.sequence = i;
		c->call(producer, &payload);
	}
	return (double)(bench_clock_ns() - start) / n;
}

static double
trips_rested(
    const bench_contender *c, void *producer, unsigned n, uint64_t rest_ns)
{
	double *times = bench_alloc(n * sizeof(*times)), median;

	for (unsigned i = 0; i < n; i++) {
		rest(rest_ns);
		times[i] = trips_in_a_row(c, producer, 1);
	}
	median = bench_quantile(times, n, 0.5);
	free(times);
	return median;
}

int
bench_trial_trips(
    double *out_ns, const bench_contender *contender, const bench_trips *trips)
{
	bench_setup setup = {
		.n_producers = 1,
		.in_flight = BENCH_IN_FLIGHT,
		.wait = trips->wait,
		.on_handled = ignore_handled,
	};
	void *state, *producer;
	threads made;

	if (contender->call == NULL)
		return -1;
	threads_before(&made);
	if (contender->start(&state, &setup) != 0)
		return -1;
	threads_after(&made);
	if (trips->place != BENCH_PLACE_ANY) {
		pin_made(&made, CONSUMER_CPU);
		bench_cpu_pin(0,
		    trips->place == BENCH_PLACE_TOGETHER
			? CONSUMER_CPU % bench_cpu_count()
			: 0);
	}
	if (contender->producer_init(&producer, state, 0) != 0)
		bench_die("%s: the caller failed", contender->name);
	trips_in_a_row(contender, producer, trips->warmup);
	*out_ns = trips->rest_ns == 0
	    ? trips_in_a_row(contender, producer, trips->trips)
	    : trips_rested(contender, producer, trips->trips, trips->rest_ns);
	contender->stop(state);
	contender->producer_finish(producer);
	bench_cpu_unpin();
	return 0;
}
