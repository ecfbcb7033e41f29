/*
 * The cleanup lane when the system refuses: a start that fails leaves nothing
 * behind, a submit asks for nothing that may be refused, and a job waits for
 * a worker when there are no more to be had.
 */
#include "steps.h"

#include "api/cleanup.h"
#include "ffi/pool.h"

enum { WORKERS = 3, MANY = 30 };

static void
start(void)
{
	ferry_cleanup_options o = cl_options();

	o.workers_most = WORKERS;
	o.stack_size = 1 << 20;
	STEP(ferry_cleanup_start(&o), FERRY_ENOMEM, FERRY_ESYSTEM);
}

/* Whatever is refused after the start, every job runs, and is counted. */
static void
life_of_a_lane(void)
{
	ferry_cleanup_counts before = cl_counts(), after;
	struct cl_job j[MANY] = {0};

	start();
	for (int i = 0; i < MANY; i++) {
		j[i].ends_thread = i % 7 == 0;
		T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
	}
	for (int i = 0; i < MANY; i++)
		cl_await(&j[i]);
	T_OK(ferry_cleanup_flush(-1));
	cl_stop();
	after = cl_counts();
	T_EQ(after.ended_lost - before.ended_lost, (MANY + 6) / 7);
	T_EQ(after.accepted - before.accepted, MANY);
}

/* Also with one that is cancelled behind a job that hangs. */
static void
cancel_of_a_lane(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job held[WORKERS] = {0}, j[MANY] = {0};
	int inside = 0;

	start();
	for (int i = 0; i < WORKERS; i++) {
		held[i].gate = &gate;
		T_OK(cl_submit(&held[i]));
	}
	/* As many as there are threads for. */
	fx_gate_await(&gate, 1);
	for (int i = 0; i < MANY; i++)
		T_OK(cl_post(&j[i]));
	T_EQ(cl_shutdown(FERRY_CLEANUP_CANCEL, 1, NULL), FERRY_EBUSY);
	fx_gate_open(&gate);
	T_OK(cl_shutdown(FERRY_CLEANUP_CANCEL, 0, NULL));
	for (int i = 0; i < WORKERS; i++) {
		inside += atomic_load(&held[i].ran);
		T_EQ(atomic_load(&held[i].ran) +
		    atomic_load(&held[i].canceled), 1);
	}
	T_GE(inside, 1);
	for (int i = 0; i < MANY; i++) {
		T_EQ(atomic_load(&j[i].canceled), 1);
		T_EQ(atomic_load(&j[i].ran), 0);
	}
}

/* -------------------------------------------------------------- no threads */

/* No thread is to be had from here on, and jobs end theirs: the last one goes
 * on as a worker, however often. */
static void
the_last_worker_stays(void)
{
	struct cl_job j[MANY] = {0};
	ferry_cleanup_counts before = cl_counts(), after;

	T_OK(ferry_cleanup_start(NULL));
	inject_arm(INJECT_THREAD, 1, 1);
	for (int i = 0; i < MANY; i++) {
		j[i].ends_thread = i % 3 != 1;
		T_OK(cl_submit(&j[i]));
		if (i % 5 == 0)
			cl_await(&j[i]);
	}
	for (int i = 0; i < MANY; i++)
		cl_await(&j[i]);
	T_OK(ferry_cleanup_flush(-1));
	T_GT(inject_disarm(), 0);
	after = cl_balance();
	T_GT(after.workers_refused, before.workers_refused);
	T_EQ(cl_health().workers, 1);
	/* And when there are threads again, it has them. */
	T_OK(cl_submit(&j[1]));
	T_OK(cl_submit(&j[0]));
	T_OK(cl_submit(&j[1]));
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&j[0].ran), 2);
	T_EQ(atomic_load(&j[1].ran), 3);
	cl_stop();
	inject_await_threads();
}

/* The same while it is shut down. */
static void
the_last_worker_drains(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job held = {.gate = &gate, .ends_thread = 1};
	struct cl_job j[MANY] = {0};

	T_OK(ferry_cleanup_start(NULL));
	T_OK(cl_submit(&held));
	fx_gate_await(&gate, 1);
	inject_arm(INJECT_THREAD, 1, 1);
	for (int i = 0; i < MANY; i++) {
		j[i].ends_thread = i % 2;
		T_OK(cl_post(&j[i]));
	}
	fx_gate_open(&gate);
	cl_stop();
	T_GT(inject_disarm(), 0);
	for (int i = 0; i < MANY; i++)
		T_EQ(atomic_load(&j[i].ran), 1);
	inject_await_threads();
}

/* A job waits for a worker that there is, and gets a second one when that is
 * to be had again. */
static void
a_job_waits_for_a_worker(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job held = {.gate = &gate}, j = {0}, next = {0};
	ferry_cleanup_counts before = cl_counts();

	T_OK(ferry_cleanup_start(NULL));
	T_OK(cl_submit(&held));
	fx_gate_await(&gate, 1);
	inject_arm(INJECT_THREAD, 1, 1);
	T_OK(cl_submit(&j));
	T_WAIT_UNTIL(cl_counts().workers_refused > before.workers_refused,
	    FX_LIMIT_MS);
	T_EQ(cl_balance().queued, 1);
	T_EQ(ferry_cleanup_flush(1), FERRY_ETIMEDOUT);
	T_EQ(atomic_load(&j.ran), 0);
	T_GT(inject_disarm(), 0);
	T_OK(cl_submit(&next)); /* whoever comes next asks again */
	cl_await(&j);
	cl_await(&next);
	T_EQ(atomic_load(&held.ran), 0);
	fx_gate_open(&gate);
	cl_stop();
	inject_await_threads();
}

static atomic_int ran;

static enum pool_end
run_job(struct pool *p, struct pool_job *j, bool cancel)
{
	(void)p;
	(void)j;
	T_ASSERT(!cancel);
	atomic_fetch_add(&ran, 1);
	return POOL_DONE;
}

/* A pool that keeps no worker: who gives is told that there is none. */
static void
nobody_to_give_to(void)
{
	static const struct pool_ops ops = {.run = run_job};
	static const struct pool_options o = {.name = "pool", .most = 1,
	    .idle_ns = OS_NEVER};
	static struct pool pool = POOL_INIT;
	struct pool_job j[2];
	struct pool_state s;

	memset(j, 0, sizeof j);
	j[0].link.next = &j[1].link;
	T_OK(ferry__pool_start(&pool, &ops, &o));
	inject_arm(INJECT_THREAD, 1, 1);
	T_EQ(ferry__pool_give(&pool, j, 2), FERRY_ESYSTEM);
	T_EQ(inject_disarm(), 1);
	ferry__pool_look(&pool, &s);
	T_EQ(s.n.given + s.n.waiting + s.workers, 0);
	T_ASSERT(!ferry__pool_withdraw(&pool, &j[0]));
	T_OK(ferry__pool_give(&pool, j, 2));
	T_ASSERT(ferry__pool_stop(&pool, OS_NEVER));
	T_EQ(atomic_load(&ran), 2);
}

/* ----------------------------------------------------------------- submits */

static void
a_submit_asks_for_nothing(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job held = {.gate = &gate}, j[MANY] = {0};
	ferry_cleanup_options o = cl_options();

	o.workers_most = 1;
	T_OK(ferry_cleanup_start(&o));
	T_OK(cl_submit(&held));
	fx_gate_await(&gate, 1);
	inject_arm(INJECT_ALL, 1, 1);
	for (int i = 0; i < MANY; i++)
		T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
	T_EQ(inject_disarm(), 0);
	T_EQ(atomic_load(&inject.seen), 0);
	fx_gate_open(&gate);
	cl_stop();
}

/* The first lane of a process, beside its first context. */
static void
beside_a_context(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context = steps_open(&o);
	ferry_inbox inbox = steps_inbox(); /* bells have a table, or none */

	life_of_a_lane();
	steps_close(context, 0);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	INJECT_EACH(life_of_a_lane, 4);
	INJECT_EACH(cancel_of_a_lane, 4);
	T_RUN(the_last_worker_stays);
	T_RUN(the_last_worker_drains);
	T_RUN(a_job_waits_for_a_worker);
	T_RUN(nobody_to_give_to);
	T_RUN(a_submit_asks_for_nothing);
	INJECT_FRESH(beside_a_context, 2, 20);
)
