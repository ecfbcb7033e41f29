/*
 * The cleanup lane: what a submit and a post promise, and from where.
 */
#include "cleanup.h"

#include <sys/time.h>

enum { MANY = 200 };

/* ------------------------------------------------------------ result codes */

static void
before_the_start(void)
{
	struct cl_job j = {0};

	T_EQ(cl_submit(&j), FERRY_EUNINIT);
	T_EQ(cl_post(&j), FERRY_EUNINIT);
	T_EQ(ferry_cleanup_flush(0), FERRY_EUNINIT);
	T_EQ(ferry_cleanup_shutdown(NULL, NULL), FERRY_EUNINIT);
	T_EQ(cl_health().state, FERRY_CLEANUP_NOT_STARTED);
	T_EQ(cl_counts().accepted, 0);
	/* What was refused is not in the node's way later on. */
	T_OK(ferry_cleanup_start(NULL));
	T_OK(cl_post(&j));
	cl_await(&j);
	cl_stop();
}

static void
runs_once(void)
{
	struct cl_job a = {0}, b = {0};

	T_OK(ferry_cleanup_start(NULL));
	T_EQ(cl_health().state, FERRY_CLEANUP_RUNNING);
	T_OK(cl_submit(&a));
	T_OK(cl_post(&b));
	cl_await(&a);
	cl_await(&b);
	T_NE(atomic_load(&a.tid), fx_tid());
	T_NE(atomic_load(&b.tid), fx_tid());
	cl_stop();
	T_EQ(atomic_load(&a.ran) + atomic_load(&b.ran), 2);
}

/* One after the other, so that each finds everybody asleep: a dispatcher that
 * is dead, or misses a wake, is found here. */
static void
each_is_woken_for(void)
{
	struct cl_job j[MANY] = {0};

	T_OK(ferry_cleanup_start(NULL));
	for (int i = 0; i < MANY; i++) {
		if (i % 50 == 0)
			t_sleep_ms(1); /* nobody spins any more */
		T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
		cl_await(&j[i]);
	}
	cl_stop();
}

static void
what_cannot_be_right(void)
{
	struct cl_job j = {0};
	ferry_cleanup_node two[2] = {{{0}}};
	ferry_cleanup_node *odd = (void *)((char *)two + 4);

	T_EQ(ferry_cleanup_submit(NULL, &j, cl_cancel), FERRY_EINVAL);
	T_EQ(ferry_cleanup_post(NULL, cl_run, &j, NULL), FERRY_EINVAL);
	T_EQ(ferry_cleanup_post(&j.node, NULL, &j, NULL), FERRY_EINVAL);
	T_EQ(ferry_cleanup_post(odd, cl_run, &j, NULL), FERRY_EINVAL);
	T_OK(ferry_cleanup_start(NULL));
	T_EQ(ferry_cleanup_submit(NULL, &j, cl_cancel), FERRY_EINVAL);
	T_EQ(ferry_cleanup_post(NULL, cl_run, &j, NULL), FERRY_EINVAL);
	T_EQ(ferry_cleanup_post(odd, cl_run, &j, NULL), FERRY_EINVAL);
	cl_stop();
	T_EQ(atomic_load(&j.ran) + atomic_load(&j.canceled), 0);
}

static void
after_the_stop(void)
{
	ferry_cleanup_counts before, after;
	struct cl_job j = {0};

	T_OK(ferry_cleanup_start(NULL));
	cl_stop();
	before = cl_counts();
	T_EQ(cl_submit(&j), FERRY_ECLOSED);
	T_EQ(cl_post(&j), FERRY_ECLOSED);
	after = cl_balance();
	T_EQ(after.refused_closed, before.refused_closed + 2);
	T_EQ(after.accepted, before.accepted);
	T_OK(ferry_cleanup_flush(0));
	T_EQ(ferry_cleanup_shutdown(NULL, NULL), FERRY_EALREADY);
	T_OK(ferry_cleanup_start(NULL));
	T_OK(cl_post(&j));
	cl_await(&j);
	cl_stop();
}

/* ----------------------------------------------------------------- bounds */

/* A lane of one worker, which is held. */
static void
start_held(struct fx_gate *gate, struct cl_job *holder, uint32_t capacity)
{
	ferry_cleanup_options o = cl_options();

	o.capacity = capacity;
	o.workers_most = 1;
	T_OK(ferry_cleanup_start(&o));
	holder->gate = gate;
	T_OK(cl_post(holder));
	fx_gate_await(gate, 1);
}

static void
full(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holder = {0}, j[8] = {0};
	ferry_cleanup_counts before = cl_counts();

	start_held(&gate, &holder, 4);
	for (int i = 0; i < 4; i++)
		T_OK(cl_submit(&j[i]));
	T_EQ(cl_submit(&j[4]), FERRY_EAGAIN);
	T_EQ(cl_submit(&j[4]), FERRY_EAGAIN);
	/* Who has a node has room. */
	for (int i = 5; i < 8; i++)
		T_OK(cl_post(&j[i]));
	T_EQ(cl_submit(&j[4]), FERRY_EAGAIN);
	T_EQ(cl_counts().refused_full, before.refused_full + 3);
	T_EQ(cl_balance().queued, 7);
	T_GE(cl_counts().queued_max, 7);
	fx_gate_open(&gate);
	for (int i = 0; i < 8; i++)
		if (i != 4)
			cl_await(&j[i]);
	T_OK(ferry_cleanup_flush(-1));
	/* And there is room again, for as many. */
	for (int i = 0; i < 4; i++)
		T_OK(cl_submit(&j[4]));
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&j[4].ran), 4);
	cl_stop();
}

/* The bound is exact in each life, whatever the last one's was. */
static void
capacity_of_each_start(void)
{
	static const uint32_t capacities[] = {16, 1, 4, 2, 4, 16};

	for (unsigned k = 0; k < 6; k++) {
		struct fx_gate gate = FX_GATE_SHUT;
		struct cl_job holder = {0}, j = {0};
		unsigned n = 0;

		start_held(&gate, &holder, capacities[k]);
		while (cl_submit(&j) == FERRY_OK)
			n++;
		T_EQ(n, capacities[k]);
		fx_gate_open(&gate);
		cl_stop();
		T_EQ(atomic_load(&j.ran), (int)n);
	}
}

/* ------------------------------------------------------------------- nodes */

static void
node_whose_job_waits(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holder = {0}, j = {0}, other = {0};

	start_held(&gate, &holder, 4);
	T_OK(cl_post(&j));
	T_EQ(cl_post(&j), FERRY_EALREADY);
	T_EQ(ferry_cleanup_post(&j.node, cl_run, &other, NULL),
	    FERRY_EALREADY);
	T_EQ(cl_balance().queued, 1);
	/* The holder's has begun, so it is the holder's again. */
	T_OK(ferry_cleanup_post(&holder.node, cl_run, &other, NULL));
	fx_gate_open(&gate);
	cl_await(&j);
	cl_await(&other);
	T_OK(cl_post(&j));
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&j.ran), 2);
	cl_stop();
}

struct object {
	atomic_int *freed;
	char before[40];
	ferry_cleanup_node node;
	char after[40];
};

static int
free_object(void *arg)
{
	struct object *o = arg;
	atomic_int *freed = o->freed;

	memset(o, 0x5a, sizeof *o);
	free(o);
	atomic_fetch_add(freed, 1);
	return 0;
}

/* What a node is for: the object frees itself. */
static void
job_frees_its_node(void)
{
	atomic_int freed = 0;

	T_OK(ferry_cleanup_start(NULL));
	for (int i = 0; i < MANY; i++) {
		struct object *o = calloc(1, sizeof *o);

		T_ASSERT(o != NULL);
		o->freed = &freed;
		T_OK(ferry_cleanup_post(&o->node, free_object, o, NULL));
	}
	cl_stop();
	T_EQ(atomic_load(&freed), MANY);
}

struct again {
	ferry_cleanup_node node;
	atomic_int left;
};

static int
post_again(void *arg)
{
	struct again *a = arg;

	if (atomic_fetch_sub(&a->left, 1) > 1)
		T_OK(ferry_cleanup_post(&a->node, post_again, a, NULL));
	return 0;
}

static void
job_posts_its_node(void)
{
	struct again a = {.left = MANY};

	T_OK(ferry_cleanup_start(NULL));
	T_OK(ferry_cleanup_post(&a.node, post_again, &a, NULL));
	T_WAIT_UNTIL(atomic_load(&a.left) == 0, FX_LIMIT_MS);
	cl_stop();
}

/* ------------------------------------------------------------- from where */

/* The last destructors of a thread run when it has nothing of its own left;
 * this one submits in every round that there is. */
static pthread_key_t last_key;

/* As many rounds as every system has; in the last one ThreadSanitizer has taken
 * its own state of the thread down, and crashes in whatever runs after that. */
enum { ROUNDS = T_TSAN ? 3 : 4 };

struct ending {
	struct cl_job jobs[8];
	atomic_int submitted;
};

static void
submit_in_destructor(void *arg)
{
	struct ending *e = arg;
	int n = atomic_fetch_add(&e->submitted, 1);

	T_OK(n % 2 ? cl_submit(&e->jobs[n]) : cl_post(&e->jobs[n]));
	if (n + 1 < ROUNDS)
		pthread_setspecific(last_key, arg);
}

static void *
end_with_key(void *arg)
{
	pthread_setspecific(last_key, arg);
	return NULL;
}

static void
in_the_last_destructor(void)
{
	T_OK(pthread_key_create(&last_key, submit_in_destructor));
	T_OK(ferry_cleanup_start(NULL));
	for (int i = 0; i < 20; i++) {
		struct ending e = {.submitted = 0};

		t_thread_join(t_thread_start(end_with_key, &e));
		T_EQ(atomic_load(&e.submitted), ROUNDS);
		for (int n = 0; n < ROUNDS; n++)
			cl_await(&e.jobs[n]);
	}
	cl_stop();
	T_OK(pthread_key_delete(last_key));
}

/* A signal handler that submits, in the middle of submits of the same thread
 * and of its sleep and counters. */
enum { SIGNALS = 300 };

static atomic_int signals, signal_accepted, signal_jobs, own_jobs;
static ferry_cleanup_node signal_nodes[SIGNALS];

static int
count_job(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

static void
submit_in_handler(int signal)
{
	int n = atomic_fetch_add(&signals, 1), before = errno, r;

	(void)signal;
	if (n >= SIGNALS)
		return;
	if (n % 2)
		r = ferry_cleanup_submit(count_job, &signal_jobs, NULL);
	else
		r = ferry_cleanup_post(
		    &signal_nodes[n], count_job, &signal_jobs, NULL);
	if (r == FERRY_OK)
		atomic_fetch_add(&signal_accepted, 1);
	else
		T_EQ(r, n % 2 ? FERRY_EAGAIN : FERRY_OK);
	errno = before;
}

static void
in_a_signal_handler(void)
{
	struct sigaction action = {.sa_handler = submit_in_handler}, old;
	struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
	int submitted = 0, r;

	if (T_PORTABLE)
		T_SKIP_CASE("waking locks where there is no futex");
	T_OK(ferry_cleanup_start(NULL));
	T_OK(sigaction(SIGALRM, &action, &old));
	T_OK(setitimer(ITIMER_REAL, &often, NULL));
	while (atomic_load(&signals) < SIGNALS) {
		r = ferry_cleanup_submit(count_job, &own_jobs, NULL);
		if (r == FERRY_OK)
			submitted++;
		else
			T_EQ(r, FERRY_EAGAIN);
		if (submitted % 1000 == 0)
			cl_balance();
	}
	T_OK(setitimer(ITIMER_REAL, &never, NULL));
	cl_stop();
	T_OK(sigaction(SIGALRM, &old, NULL));
	T_GE(atomic_load(&signal_accepted), SIGNALS / 2);
	T_EQ(atomic_load(&signal_jobs), atomic_load(&signal_accepted));
	T_EQ(atomic_load(&own_jobs), submitted);
}

/* -------------------------------------------------------------- the counts */

static void
batches_add_up(void)
{
	static const uint32_t sizes[] = {1, 5, 64};

	for (int k = 0; k < 3; k++) {
		ferry_cleanup_counts before = cl_counts(), after;
		ferry_cleanup_options o = cl_options();
		struct cl_job j = {0};

		o.batch = sizes[k];
		T_OK(ferry_cleanup_start(&o));
		for (int i = 0; i < MANY; i++)
			T_OK(cl_submit(&j));
		cl_stop();
		T_EQ(atomic_load(&j.ran), MANY);
		after = cl_counts();
		T_EQ(after.accepted - before.accepted, MANY);
		T_EQ(after.ended_ok - before.ended_ok, MANY);
		T_GE((after.batches - before.batches) * sizes[k], MANY);
		T_LE(after.batches - before.batches, MANY);
		if (sizes[k] == 1)
			T_EQ(after.batches - before.batches, MANY);
	}
}

/* Law 3: a submit makes a system call only when it finds the dispatcher
 * asleep, so there are no more calls than sleeps. But for those that several
 * make for the same sleep, and here is one. */
static void
wakes_are_sleeps(void)
{
	ferry_cleanup_counts before = cl_counts(), after;
	struct cl_job j = {0};

	T_OK(ferry_cleanup_start(NULL));
	for (int i = 0; i < 20000; i++)
		while (cl_submit(&j) == FERRY_EAGAIN)
			T_OK(ferry_cleanup_flush(-1));
	cl_stop();
	after = cl_counts();
	T_LE(after.wakes - before.wakes, after.parks - before.parks);
	T_EQ(atomic_load(&j.ran), 20000);
}

static void
options_that_cannot_be(void)
{
	ferry_cleanup_options o = cl_options();

#define REFUSED(field, value) \
	do { \
		o = cl_options(); \
		o.field = (value); \
		T_EQ(ferry_cleanup_start(&o), FERRY_EINVAL); \
	} while (0)
	REFUSED(struct_size, 8);
	REFUSED(flags, 1);
	REFUSED(capacity, 3);
	REFUSED(capacity, 1u << 17);
	REFUSED(workers_most, 65);
	REFUSED(stack_size, 1);
#undef REFUSED
	T_EQ(ferry_cleanup_counters(NULL), FERRY_EINVAL);
	T_EQ(ferry_cleanup_health(NULL), FERRY_EINVAL);
}

T_MAIN(
	T_RUN(before_the_start);
	T_RUN(runs_once);
	T_RUN(each_is_woken_for);
	T_RUN(what_cannot_be_right);
	T_RUN(after_the_stop);
	T_RUN(full);
	T_RUN(capacity_of_each_start);
	T_RUN(node_whose_job_waits);
	T_RUN(job_frees_its_node);
	T_RUN(job_posts_its_node);
	T_RUN(in_the_last_destructor);
	T_RUN(in_a_signal_handler);
	T_RUN(batches_add_up);
	T_RUN(wakes_are_sleeps);
	T_RUN(options_that_cannot_be);
)
