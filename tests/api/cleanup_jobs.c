/*
 * The cleanup lane: jobs are independent of each other, come what may, and a
 * lane whose workers all hang says so and recovers.
 */
#include "cleanup.h"

#include "fixture.h"

enum { WORKERS = 3, MANY = 100 };

static void
start(uint32_t workers)
{
	ferry_cleanup_options o = cl_options();

	o.workers_most = workers;
	o.stall_ms = 10;
	o.idle_ms = 10;
	T_OK(ferry_cleanup_start(&o));
}

/* ---------------------------------------------------------- independence */

/* One batch, one slow job at its head: those behind it do not wait. */
static void
a_slow_job_delays_nobody(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job slow[WORKERS - 1] = {{.gate = &gate}, {.gate = &gate}};
	struct cl_job j[MANY] = {0};

	start(WORKERS);
	for (int i = 0; i < MANY; i++) {
		if (i < WORKERS - 1)
			T_OK(cl_submit(&slow[i]));
		T_OK(cl_submit(&j[i]));
	}
	for (int i = 0; i < MANY; i++)
		cl_await(&j[i]);
	fx_gate_await(&gate, WORKERS - 1);
	T_EQ(atomic_load(&slow[0].ran) + atomic_load(&slow[1].ran), 0);
	fx_gate_open(&gate);
	cl_stop();
	T_EQ(atomic_load(&slow[0].ran) + atomic_load(&slow[1].ran), 2);
}

/* As many jobs inside at once as there may be workers, and no more. */
static void
workers_up_to_the_bound(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job j[WORKERS + 2] = {0};
	ferry_cleanup_status h;

	start(WORKERS);
	T_EQ(cl_health().workers, 1);
	for (int i = 0; i < WORKERS + 2; i++) {
		j[i].gate = &gate;
		T_OK(cl_submit(&j[i]));
	}
	fx_gate_await(&gate, WORKERS);
	t_sleep_ms(FX_QUIET_MS); /* for one that must not come */
	T_EQ(fx_gate_inside(&gate), WORKERS);
	/* The last may not have been handed over. */
	T_WAIT_UNTIL(cl_health().queued == 2, FX_LIMIT_MS);
	h = cl_health();
	T_EQ(h.workers, WORKERS);
	T_EQ(h.busy, WORKERS);
	T_EQ(h.queued, 2);
	fx_gate_open(&gate);
	for (int i = 0; i < WORKERS + 2; i++)
		cl_await(&j[i]);
	/* And they end when they have nothing to do, but for one. */
	T_WAIT_UNTIL(cl_health().workers == 1, FX_LIMIT_MS);
	T_EQ(cl_balance().queued, 0);
	cl_stop();
	T_GE(cl_counts().running_max, WORKERS);
	T_GE(cl_counts().workers_max, WORKERS);
}

static void
errors_are_counted(void)
{
	ferry_cleanup_counts before = cl_counts(), after;
	struct cl_job good = {0}, bad = {.result = -5}, odd = {.result = 7};

	start(1);
	for (int i = 0; i < 3; i++) {
		T_OK(cl_submit(&bad));
		T_OK(cl_submit(&good));
		T_OK(cl_submit(&odd));
	}
	cl_stop();
	after = cl_counts();
	T_EQ(after.ended_error - before.ended_error, 6);
	T_EQ(after.ended_ok - before.ended_ok, 3);
	T_EQ(atomic_load(&good.ran), 3);
}

/* ------------------------------------------------------------ lost threads */

/* Every third job ends its thread, on so many workers, which were held until
 * all of them waited: so there is somebody behind each. */
static void
lose(uint32_t workers)
{
	ferry_cleanup_counts before = cl_counts(), after;
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holders[WORKERS] = {0}, j[MANY] = {0};
	uint64_t lost = 0;

	start(workers);
	for (uint32_t i = 0; i < workers; i++) {
		holders[i].gate = &gate;
		T_OK(cl_post(&holders[i]));
	}
	fx_gate_await(&gate, (int)workers);
	for (int i = 0; i < MANY; i++) {
		j[i].ends_thread = i % 3 == 0;
		lost += i % 3 == 0;
		T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
	}
	T_EQ(cl_balance().queued, MANY);
	fx_gate_open(&gate);
	for (int i = 0; i < MANY; i++)
		cl_await(&j[i]);
	cl_stop();
	after = cl_counts();
	T_EQ(after.ended_lost - before.ended_lost, lost);
	T_EQ(after.ended_ok - before.ended_ok, MANY - lost + workers);
	T_GE(after.workers_started - before.workers_started, lost);
}

static void
a_lost_thread_takes_nobody_with_it(void)
{
	lose(1);
	lose(WORKERS);
}

static int
cancel_me(void *arg)
{
	struct cl_job *j = arg;

	atomic_fetch_add(&j->ran, 1);
	fx_before_exit();
	pthread_cancel(pthread_self());
	pthread_testcancel();
	T_FAIL("not cancelled");
}

static void
a_cancelled_thread(void)
{
	ferry_cleanup_counts before = cl_counts();
	struct cl_job j = {0}, next = {0};

	start(1);
	T_OK(ferry_cleanup_submit(cancel_me, &j, NULL));
	T_OK(cl_submit(&next));
	cl_await(&next);
	cl_stop();
	T_EQ(atomic_load(&j.ran), 1);
	T_EQ(cl_counts().ended_lost - before.ended_lost, 1);
}

static int
leave_a_cancel(void *arg)
{
	struct cl_job *j = arg;

	atomic_fetch_add(&j->ran, 1);
	fx_before_exit();
	pthread_cancel(pthread_self());
	return 0;
}

static void
cancel_leaves_a_cancel(void *arg)
{
	leave_a_cancel(arg);
}

static int
come_to_a_cancellation_point(void *arg)
{
	pthread_testcancel();
	return cl_run(arg);
}

/* It is counted for the job that left it, not for its sibling's. */
static void
a_cancellation_left_behind(void)
{
	ferry_cleanup_counts before = cl_counts(), after;
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holder = {.gate = &gate}, bad = {0}, next = {0};

	start(1);
	for (int i = 0; i < 10; i++) {
		T_OK(ferry_cleanup_submit(leave_a_cancel, &bad, NULL));
		T_OK(ferry_cleanup_submit(
		    come_to_a_cancellation_point, &next, NULL));
	}
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&bad.ran), 10);
	T_EQ(atomic_load(&next.ran), 10);
	after = cl_balance();
	T_EQ(after.ended_lost - before.ended_lost, 10);
	T_EQ(after.ended_ok - before.ended_ok, 10);
	/* And for a cancel in the place of a job. */
	T_OK(cl_submit(&holder));
	fx_gate_await(&gate, 1);
	for (int i = 0; i < 10; i++)
		T_OK(ferry_cleanup_submit(
		    cl_run, &bad, cancel_leaves_a_cancel));
	T_EQ(cl_shutdown(FERRY_CLEANUP_CANCEL, 1, NULL), FERRY_EBUSY);
	T_WAIT_UNTIL(atomic_load(&bad.ran) == 20, FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_OK(cl_shutdown(FERRY_CLEANUP_CANCEL, 0, NULL));
	after = cl_balance();
	T_EQ(after.ended_lost - before.ended_lost, 20);
	T_EQ(after.canceled, before.canceled);
}

/* ------------------------------------------------------- what jobs may do */

struct chain {
	atomic_int left;
	atomic_int ended;
};

static int
submit_two(void *arg)
{
	struct chain *c = arg;

	for (int i = 0; i < 2; i++)
		if (atomic_fetch_sub(&c->left, 1) > 0)
			T_OK(ferry_cleanup_submit(submit_two, c, NULL));
	atomic_fetch_add(&c->ended, 1);
	return 0;
}

static void
jobs_submit_jobs(void)
{
	struct chain c = {.left = 1000};

	start(WORKERS);
	T_OK(ferry_cleanup_submit(submit_two, &c, NULL));
	T_WAIT_UNTIL(atomic_load(&c.ended) == 1001, FX_LIMIT_MS);
	cl_stop();
	T_EQ(atomic_load(&c.ended), 1001);
}

struct use {
	atomic_int done;
	int flush, shutdown, start;
	ferry_context context;
};

/* All of Ferry is there, but for what would wait for the job itself. */
static int
use_ferry(void *arg)
{
	struct use *u = arg;
	ferry_context mine = fx_open();

	u->flush = ferry_cleanup_flush(0);
	u->shutdown = ferry_cleanup_shutdown(NULL, NULL);
	u->start = ferry_cleanup_start(NULL);
	cl_balance();
	T_EQ(cl_health().state, FERRY_CLEANUP_RUNNING);
	T_OK(fx_wait(fx_submit(u->context, FX_NOP, NULL, 0, NULL)));
	T_OK(fx_wait(fx_submit(mine, FX_NOP, NULL, 0, NULL)));
	fx_close(mine);
	T_OK(ferry_context_close(u->context, NULL, NULL));
	atomic_store(&u->done, 1);
	return 0;
}

static void
jobs_use_ferry(void)
{
	struct use u = {.context = fx_open()};

	T_OK(ferry_cleanup_start(NULL));
	T_OK(ferry_cleanup_submit(use_ferry, &u, NULL));
	T_WAIT_UNTIL(atomic_load(&u.done), FX_LIMIT_MS);
	T_EQ(u.flush, FERRY_EREENTRANT);
	T_EQ(u.shutdown, FERRY_EREENTRANT);
	T_EQ(u.start, FERRY_EALREADY);
	cl_stop();
}

static int
flush_in_handler(ferry_call call, void *arg)
{
	struct cl_job *j = arg;

	(void)call;
	T_EQ(ferry_cleanup_flush(-1), FERRY_EREENTRANT);
	T_EQ(ferry_cleanup_shutdown(NULL, NULL), FERRY_EREENTRANT);
	T_OK(cl_submit(j));
	T_OK(cl_post(j));
	return 0;
}

static void
handlers_submit_and_do_not_wait(void)
{
	ferry_context context = fx_open();
	struct cl_job j = {0};

	T_OK(ferry_cleanup_start(NULL));
	T_OK(fx_wait(fx_do(context, flush_in_handler, &j)));
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&j.ran), 2);
	cl_stop();
	fx_close(context);
}

/* -------------------------------------------------------------- the stall */

static int
pass_gate(void *arg)
{
	fx_gate_pass(arg);
	return 0;
}

static void
a_stall_passes_by_itself(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job j[MANY] = {0};
	ferry_cleanup_status h;

	start(WORKERS);
	for (int i = 0; i < WORKERS; i++)
		T_OK(ferry_cleanup_submit(pass_gate, &gate, NULL));
	fx_gate_await(&gate, WORKERS);
	/* All are busy, but nothing waits. */
	t_sleep_ms(FX_QUIET_MS);
	T_EQ(cl_health().state, FERRY_CLEANUP_RUNNING);
	for (int i = 0; i < MANY; i++)
		T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
	T_WAIT_UNTIL(cl_health().state == FERRY_CLEANUP_STALLED, FX_LIMIT_MS);
	h = cl_health();
	T_EQ(h.busy, WORKERS);
	T_EQ(h.workers, WORKERS);
	T_ASSERT(h.fn == pass_gate);
	T_GE(h.age_ns, h.stalled_ns);
	T_GE(h.stalled_ns, 10 * 1000000);
	/* Still accepted; nothing of it has run. */
	T_OK(cl_submit(&j[0]));
	T_EQ(cl_balance().queued, MANY + 1);
	T_EQ(atomic_load(&j[1].ran), 0);
	T_EQ(ferry_cleanup_flush(1), FERRY_ETIMEDOUT);
	fx_gate_open(&gate);
	for (int i = 1; i < MANY; i++)
		cl_await(&j[i]);
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(cl_health().state, FERRY_CLEANUP_RUNNING);
	T_EQ(cl_health().stalled_ns, 0);
	T_ASSERT(cl_health().fn == NULL);
	T_EQ(atomic_load(&j[0].ran), 2);
	cl_stop();
}

T_MAIN(
	T_RUN(a_slow_job_delays_nobody);
	T_RUN(workers_up_to_the_bound);
	T_RUN(errors_are_counted);
	T_RUN(a_lost_thread_takes_nobody_with_it);
	T_RUN(a_cancelled_thread);
	T_RUN(a_cancellation_left_behind);
	T_RUN(jobs_submit_jobs);
	T_RUN(jobs_use_ferry);
	T_RUN(handlers_submit_and_do_not_wait);
	T_RUN(a_stall_passes_by_itself);
)
