/*
 * The cleanup lane under everything at once: producers that submit and post,
 * jobs that submit, post themselves again, fail and end their threads, and one
 * thread that shuts the lane down, by drain or cancel, with or without
 * patience, and starts it again.
 *
 * One accountant: each job is a record of its own, and ends once by one of its
 * two functions if it was accepted, else by none. The lane's counters say the
 * same as the records.
 */
#include "api/cleanup.h"

enum kind {
	KIND_OK,
	KIND_ERROR,
	KIND_LOST,
	KIND_SUBMITS,  /* its child */
	KIND_AGAIN,    /* posts itself, once more */
	KIND_SLOW,
	KINDS
};

struct record {
	ferry_cleanup_node node;
	struct record *child;
	atomic_uchar accepted, ran, canceled;
	unsigned char kind;
};

static struct t_stress args;
static atomic_int running;          /* producers */
static atomic_uint_fast64_t refused[2]; /* full, closed */
static atomic_uint_fast64_t ends[4];    /* ok, error, lost, canceled */

enum { OK, ERROR, LOST, CANCELED };

static int run(void *arg);

static void
cancel(void *arg)
{
	struct record *r = arg;

	atomic_fetch_add(&ends[CANCELED], 1);
	atomic_fetch_add(&r->canceled, 1);
}

/* Says whether it was accepted; in the lane's time it may have run by then. */
static int
hand_over(struct record *r, int post)
{
	int result = post
	    ? ferry_cleanup_post(&r->node, run, r, cancel)
	    : ferry_cleanup_submit(run, r, cancel);

	if (result == FERRY_OK) {
		atomic_fetch_add(&r->accepted, 1);
		return 1;
	}
	if (post)
		T_EQ(result, FERRY_ECLOSED);
	else
		T_ASSERT(result == FERRY_ECLOSED || result == FERRY_EAGAIN);
	atomic_fetch_add(&refused[result == FERRY_ECLOSED], 1);
	return 0;
}

static int
end(struct record *r, int how)
{
	atomic_fetch_add(&ends[how], 1);
	atomic_fetch_add(&r->ran, 1);
	if (how == LOST) {
		fx_before_exit();
		pthread_exit(NULL);
	}
	return how == ERROR ? -1 : 0;
}

static int
run(void *arg)
{
	struct record *r = arg;

	switch ((enum kind)r->kind) {
	case KIND_ERROR:
		return end(r, ERROR);
	case KIND_LOST:
		return end(r, LOST);
	case KIND_SUBMITS:
		hand_over(r->child, r->child->kind % 2);
		break;
	case KIND_AGAIN:
		r->kind = KIND_OK;
		hand_over(r, 1);
		break;
	case KIND_SLOW:
		sched_yield();
		break;
	default:
		break;
	}
	return end(r, OK);
}

/* One in two hundred ends its thread, which costs a new one each. */
static unsigned char
draw(struct t_rng *rng)
{
	uint64_t n = t_rand_below(rng, 200);

	return (unsigned char)(n == 0 ? KIND_LOST : n % KINDS == KIND_LOST
	        ? KIND_OK
	        : n % KINDS);
}

struct producer {
	struct record *records; /* two for each iteration */
	struct t_rng rng;
};

static void *
produce(void *arg)
{
	struct producer *p = arg;

	for (uint64_t i = 0; i < args.iters; i++) {
		struct record *r = &p->records[2 * i];

		r->child = r + 1;
		r->kind = draw(&p->rng);
		r->child->kind = i % 2 ? KIND_OK : KIND_ERROR;
		/* Until it is taken: a lane that is stopped starts again. */
		while (!hand_over(r, (int)t_rand_below(&p->rng, 2)) &&
		    t_rand_below(&p->rng, 20) != 0)
			sched_yield();
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void
start(struct t_rng *rng)
{
	ferry_cleanup_options o = cl_options();

	o.capacity = 1u << t_rand_below(rng, 10);
	o.workers_most = 1 + (uint32_t)t_rand_below(rng, 6);
	o.batch = 1 + (uint32_t)t_rand_below(rng, 100);
	o.idle_ms = 1 + (uint32_t)t_rand_below(rng, 3);
	T_OK(ferry_cleanup_start(&o));
}

static void
stop(struct t_rng *rng)
{
	uint32_t mode = (uint32_t)t_rand_below(rng, 2);
	int64_t timeout = (int64_t)t_rand_below(rng, 3); /* 0: for ever */
	int r;

	while ((r = cl_shutdown(mode, timeout, NULL)) == FERRY_EBUSY) {
		T_EQ(cl_health().state, FERRY_CLEANUP_STOPPING);
		mode = (uint32_t)t_rand_below(rng, 2);
	}
	T_OK(r);
	T_EQ(cl_health().workers, 0);
	cl_balance();
}

/* So many more, or the producers' end. */
static void
let_pass(uint64_t n)
{
	uint64_t until = cl_balance().accepted + n;

	while (atomic_load(&running) != 0 && cl_balance().accepted < until)
		sched_yield();
}

/* The accounts of everything that is at rest. */
static void
settle(const struct producer *producers)
{
	ferry_cleanup_counts c = cl_balance();
	uint64_t accepted = 0, ended = 0;

	for (unsigned t = 0; t < args.threads; t++)
		for (uint64_t i = 0; i < 2 * args.iters; i++) {
			struct record *r = &producers[t].records[i];
			unsigned n = atomic_load(&r->accepted);

			if (atomic_load(&r->ran) +
			        atomic_load(&r->canceled) != n || n > 2)
				T_FAIL("job %ju of %u: accepted %u, ran %u, "
				       "cancelled %u", (uintmax_t)i, t, n,
				    atomic_load(&r->ran),
				    atomic_load(&r->canceled));
			accepted += n;
		}
	for (int i = 0; i < 4; i++)
		ended += atomic_load(&ends[i]);
	T_EQ(accepted, ended);
	T_EQ(c.accepted, accepted);
	T_EQ(c.queued + c.running, 0);
	T_EQ(c.ended_ok, atomic_load(&ends[OK]));
	T_EQ(c.ended_error, atomic_load(&ends[ERROR]));
	T_EQ(c.ended_lost, atomic_load(&ends[LOST]));
	T_EQ(c.canceled, atomic_load(&ends[CANCELED]));
	T_EQ(c.refused_full, atomic_load(&refused[0]));
	T_EQ(c.refused_closed, atomic_load(&refused[1]));
	dprintf(1, "%ju accepted, %ju refused, %ju lost, %ju cancelled, "
	           "%ju workers\n", (uintmax_t)accepted,
	    (uintmax_t)(c.refused_full + c.refused_closed),
	    (uintmax_t)c.ended_lost, (uintmax_t)c.canceled,
	    (uintmax_t)c.workers_started);
}

int
main(int argc, char **argv)
{
	struct producer producers[64];
	pthread_t threads[64];
	struct t_rng rng;

	args = t_stress_args(argc, argv, (struct t_stress){4, 20000, 1});
	T_LE(args.threads, 64);
	rng.state = args.seed;
	start(&rng);
	atomic_store(&running, (int)args.threads);
	for (unsigned t = 0; t < args.threads; t++) {
		producers[t].rng.state = args.seed * 1000 + t;
		producers[t].records =
		    calloc(2 * args.iters, sizeof(struct record));
		T_ASSERT(producers[t].records != NULL);
		threads[t] = t_thread_start(produce, &producers[t]);
	}
	while (atomic_load(&running) != 0) {
		/* A flush, a look, a while: what is going on meanwhile. */
		if (t_rand_below(&rng, 3) == 0)
			(void)ferry_cleanup_flush(
			    (int64_t)t_rand_below(&rng, 3));
		let_pass(t_rand_below(&rng, 3000));
		if (t_rand_below(&rng, 4) != 0)
			continue;
		stop(&rng);
		start(&rng);
	}
	for (unsigned t = 0; t < args.threads; t++)
		t_thread_join(threads[t]);
	T_OK(cl_shutdown(FERRY_CLEANUP_DRAIN, 0, NULL));
	settle(producers);
	for (unsigned t = 0; t < args.threads; t++)
		free(producers[t].records);
	return 0;
}
