/*
 * The cleanup lane: flush, shutdown by drain and by cancel, their deadlines,
 * and starting again.
 */
#include "cleanup.h"

enum { WORKERS = 2, MANY = 50 };

static void
start(uint32_t workers)
{
	ferry_cleanup_options o = cl_options();

	o.workers_most = workers;
	o.idle_ms = FERRY_OFF; /* who has come is counted */
	T_OK(ferry_cleanup_start(&o));
}

/* n jobs that are inside, and stay there. */
static void
hold(struct fx_gate *gate, struct cl_job *jobs, int n)
{
	for (int i = 0; i < n; i++) {
		jobs[i].gate = gate;
		T_OK(cl_submit(&jobs[i]));
	}
	fx_gate_await(gate, n);
}

/* ------------------------------------------------------------------- flush */

static void
flush_is_after_the_jobs(void)
{
	start(4);
	for (int round = 0; round < 100; round++) {
		struct cl_job j[MANY] = {0};

		for (int i = 0; i < MANY; i++)
			T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
		T_OK(ferry_cleanup_flush(-1));
		for (int i = 0; i < MANY; i++)
			T_EQ(atomic_load_explicit(&j[i].ran,
			    memory_order_relaxed), 1);
		/* Counted by then, too. */
		T_EQ(cl_balance().running, 0);
	}
	cl_stop();
}

/* What came before it, and only that: another one ends later, or earlier. */
static void
flush_waits_for_what_came_before(void)
{
	struct fx_gate first = FX_GATE_SHUT, later = FX_GATE_SHUT;
	struct cl_job a = {0}, b = {0}, j[MANY] = {0};

	start(4);
	hold(&first, &a, 1);
	T_EQ(ferry_cleanup_flush(0), FERRY_ETIMEDOUT);
	for (int i = 0; i < MANY; i++)
		T_OK(cl_submit(&j[i]));
	for (int i = 0; i < MANY; i++)
		cl_await(&j[i]);
	/* As many have ended as were there, but not the first. */
	T_EQ(ferry_cleanup_flush(1), FERRY_ETIMEDOUT);
	T_EQ(atomic_load(&a.ran), 0);
	fx_gate_open(&first);
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&a.ran), 1);
	hold(&later, &b, 1);
	T_EQ(ferry_cleanup_flush(0), FERRY_ETIMEDOUT);
	fx_gate_open(&later);
	cl_stop();
}

struct flusher {
	atomic_int result;
	uint32_t tid;
	struct cl_job *before, *after;
};

static void *
flush_for_ever(void *arg)
{
	struct flusher *f = arg;

	__atomic_store_n(&f->tid, fx_tid(), __ATOMIC_RELEASE);
	atomic_store(&f->result, ferry_cleanup_flush(-1));
	return NULL;
}

/* A flush in progress does not wait for what comes meanwhile. */
static void
flush_is_not_held_up_by_newcomers(void)
{
	struct fx_gate first = FX_GATE_SHUT, later = FX_GATE_SHUT;
	struct flusher f = {.result = 99};
	struct cl_job a = {0}, b = {0};
	pthread_t thread;

	start(WORKERS);
	hold(&first, &a, 1);
	thread = t_thread_start(flush_for_ever, &f);
	T_WAIT_UNTIL(__atomic_load_n(&f.tid, __ATOMIC_ACQUIRE) != 0,
	    FX_LIMIT_MS);
	fx_await_waiting(f.tid);
	hold(&later, &b, 1);
	fx_gate_open(&first);
	t_thread_join(thread);
	T_OK(atomic_load(&f.result));
	T_EQ(atomic_load(&b.ran), 0);
	fx_gate_open(&later);
	cl_stop();
}

static void
on_signal(int signal)
{
	(void)signal;
}

static void
flush_ends_by_a_signal(void)
{
	struct sigaction action = {.sa_handler = on_signal}, old;
	struct fx_gate gate = FX_GATE_SHUT;
	struct flusher f = {.result = 99};
	struct cl_job a = {0};
	pthread_t thread;

	T_OK(sigaction(SIGUSR1, &action, &old));
	start(1);
	hold(&gate, &a, 1);
	thread = t_thread_start(flush_for_ever, &f);
	T_WAIT_UNTIL(__atomic_load_n(&f.tid, __ATOMIC_ACQUIRE) != 0,
	    FX_LIMIT_MS);
	fx_await_waiting(f.tid);
	/* It may be about to sleep, and then does. */
	T_WAIT_UNTIL((pthread_kill(thread, SIGUSR1),
	    atomic_load(&f.result) != 99), FX_LIMIT_MS);
	t_thread_join(thread);
	T_EQ(atomic_load(&f.result), FERRY_EINTR);
	fx_gate_open(&gate);
	T_OK(ferry_cleanup_flush(-1));
	cl_stop();
	T_OK(sigaction(SIGUSR1, &old, NULL));
}

/* ---------------------------------------------------------------- shutdown */

static void
drain_runs_what_waits(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holder = {0}, j[MANY] = {0};
	ferry_cleanup_report report;

	start(1);
	hold(&gate, &holder, 1);
	for (int i = 0; i < MANY; i++)
		T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
	T_EQ(cl_shutdown(FERRY_CLEANUP_DRAIN, 1, &report), FERRY_EBUSY);
	T_EQ(report.running, 1);
	T_EQ(report.queued, MANY);
	T_EQ(report.ended, 0);
	T_ASSERT(report.fn == cl_run);
	T_GT(report.age_ns, 1000000);
	T_EQ(cl_health().state, FERRY_CLEANUP_STOPPING);
	T_EQ(cl_submit(&j[0]), FERRY_ECLOSED);
	T_EQ(cl_post(&holder), FERRY_ECLOSED);
	T_EQ(ferry_cleanup_start(NULL), FERRY_EBUSY);
	T_EQ(ferry_cleanup_flush(1), FERRY_ETIMEDOUT);
	fx_gate_open(&gate);
	/* It goes on by itself. */
	for (int i = 0; i < MANY; i++)
		cl_await(&j[i]);
	T_OK(ferry_cleanup_flush(-1));
	T_OK(cl_shutdown(FERRY_CLEANUP_DRAIN, 0, &report));
	T_EQ(report.running + report.queued, 0);
	T_ASSERT(report.fn == NULL);
	T_EQ(cl_health().state, FERRY_CLEANUP_STOPPED);
	T_EQ(ferry_cleanup_shutdown(NULL, NULL), FERRY_EALREADY);
}

/* Exactly one of both, for each, even with every worker hung. */
static void
cancel_in_place_of_what_waits(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holders[WORKERS] = {0}, j[MANY] = {0};
	ferry_cleanup_counts before = cl_counts(), after;
	ferry_cleanup_report report;

	start(WORKERS);
	hold(&gate, holders, WORKERS);
	for (int i = 0; i < MANY; i++)
		T_OK(i % 2 ? cl_submit(&j[i]) : cl_post(&j[i]));
	T_OK(ferry_cleanup_submit(cl_run, &j[0], NULL));
	T_EQ(cl_shutdown(FERRY_CLEANUP_CANCEL, 1, NULL), FERRY_EBUSY);
	for (int i = 0; i < MANY; i++) {
		T_WAIT_UNTIL(atomic_load(&j[i].canceled) > 0, FX_LIMIT_MS);
		T_EQ(atomic_load(&j[i].canceled), 1);
		T_EQ(atomic_load(&j[i].ran), 0);
	}
	T_WAIT_UNTIL(cl_counts().canceled - before.canceled == MANY + 1,
	    FX_LIMIT_MS);
	T_EQ(cl_balance().running, WORKERS);
	T_EQ(cl_health().workers, WORKERS + 1);
	fx_gate_open(&gate);
	T_OK(cl_shutdown(FERRY_CLEANUP_CANCEL, 0, &report));
	after = cl_balance();
	T_EQ(after.canceled - before.canceled, MANY + 1);
	T_EQ(after.ended_ok - before.ended_ok, WORKERS);
	T_EQ(atomic_load(&holders[0].ran) + atomic_load(&holders[1].ran), 2);
	T_EQ(atomic_load(&holders[0].canceled), 0);
	T_EQ(report.running + report.queued, 0);
}

/* First patience, then not. */
static void
drain_then_cancel(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holder = {0}, j = {0};

	start(1);
	hold(&gate, &holder, 1);
	T_OK(cl_post(&j));
	T_EQ(cl_shutdown(FERRY_CLEANUP_DRAIN, 1, NULL), FERRY_EBUSY);
	T_EQ(atomic_load(&j.ran) + atomic_load(&j.canceled), 0);
	T_EQ(cl_shutdown(FERRY_CLEANUP_CANCEL, 1, NULL), FERRY_EBUSY);
	T_WAIT_UNTIL(atomic_load(&j.canceled) > 0, FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_OK(cl_shutdown(FERRY_CLEANUP_CANCEL, 0, NULL));
	T_EQ(atomic_load(&j.ran), 0);
	T_EQ(atomic_load(&holder.ran), 1);
}

static void
end_in_cancel(void *arg)
{
	cl_cancel(arg);
	fx_before_exit();
	pthread_exit(NULL);
}

static void
a_cancel_that_ends_its_thread(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct cl_job holder = {0}, j[MANY] = {0};
	ferry_cleanup_counts before = cl_counts();

	start(1);
	hold(&gate, &holder, 1);
	for (int i = 0; i < MANY; i++)
		T_OK(ferry_cleanup_submit(cl_run, &j[i], end_in_cancel));
	T_EQ(cl_shutdown(FERRY_CLEANUP_CANCEL, 1, NULL), FERRY_EBUSY);
	for (int i = 0; i < MANY; i++)
		T_WAIT_UNTIL(atomic_load(&j[i].canceled) == 1, FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_OK(cl_shutdown(FERRY_CLEANUP_CANCEL, 0, NULL));
	T_EQ(cl_balance().ended_lost - before.ended_lost, MANY);
}

struct closer {
	atomic_int result;
	uint32_t tid;
};

static void *
shut_down(void *arg)
{
	struct closer *c = arg;

	__atomic_store_n(&c->tid, fx_tid(), __ATOMIC_RELEASE);
	atomic_store(&c->result, ferry_cleanup_shutdown(NULL, NULL));
	return NULL;
}

static void
one_closer_at_a_time(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct closer c = {.result = 99};
	struct cl_job holder = {0};
	pthread_t thread;

	start(1);
	hold(&gate, &holder, 1);
	thread = t_thread_start(shut_down, &c);
	T_WAIT_UNTIL(cl_health().state == FERRY_CLEANUP_STOPPING, FX_LIMIT_MS);
	T_EQ(cl_shutdown(FERRY_CLEANUP_DRAIN, 1, NULL), FERRY_EALREADY);
	T_EQ(cl_shutdown(FERRY_CLEANUP_CANCEL, 1, NULL), FERRY_EALREADY);
	fx_gate_open(&gate);
	t_thread_join(thread);
	T_OK(atomic_load(&c.result));
	T_EQ(cl_health().state, FERRY_CLEANUP_STOPPED);
}

static void
shutdown_options_that_cannot_be(void)
{
	ferry_cleanup_shutdown_options o = {.struct_size = sizeof o, .mode = 2};
	ferry_cleanup_report small = {.struct_size = 8};

	start(1);
	T_EQ(ferry_cleanup_shutdown(&o, NULL), FERRY_EINVAL);
	o.mode = 0;
	o.flags = 1;
	T_EQ(ferry_cleanup_shutdown(&o, NULL), FERRY_EINVAL);
	T_EQ(ferry_cleanup_shutdown(NULL, &small), FERRY_EINVAL);
	T_EQ(cl_health().state, FERRY_CLEANUP_RUNNING);
	cl_stop();
}

/* ----------------------------------------------------------------- again */

static void
start_again_and_again(void)
{
	ferry_cleanup_counts before = cl_counts(), after;
	struct cl_job j = {0};

	for (int i = 1; i <= MANY; i++) {
		start(1 + (uint32_t)i % 3);
		T_EQ(ferry_cleanup_start(NULL), FERRY_EALREADY);
		T_OK(cl_post(&j));
		T_OK(cl_submit(&j));
		if (i % 2)
			cl_stop();
		else
			T_OK(cl_shutdown(FERRY_CLEANUP_CANCEL, 0, NULL));
		T_EQ(atomic_load(&j.ran) + atomic_load(&j.canceled), 2 * i);
	}
	after = cl_balance();
	T_EQ(after.accepted - before.accepted, 2 * MANY);
	T_EQ(after.ended_ok - before.ended_ok +
	    (after.canceled - before.canceled), 2 * MANY);
}

struct starter {
	atomic_int stop;
	struct cl_job job;
};

static void *
start_and_submit(void *arg)
{
	struct starter *s = arg;

	while (!atomic_load(&s->stop))
		if (ferry_cleanup_start(NULL) == FERRY_OK)
			for (int i = 0; i < 20; i++)
				/* It may have been shut down again. */
				(void)cl_submit(&s->job);
	return NULL;
}

/* The report of one that has ended everything is not about the next start's
 * jobs. */
static void
a_report_is_of_its_own_start(void)
{
	enum { ROUNDS = 1000, STARTERS = 2 };
	struct starter s = {0};
	pthread_t thread[STARTERS];
	ferry_cleanup_report report;

	start(1);
	cl_stop();
	for (int i = 0; i < STARTERS; i++)
		thread[i] = t_thread_start(start_and_submit, &s);
	for (int i = 0; i < ROUNDS; i++) {
		if (cl_shutdown(FERRY_CLEANUP_DRAIN, 0, &report) != FERRY_OK)
			continue;
		T_EQ(report.running, 0);
		T_EQ(report.queued, 0);
		T_ASSERT(report.fn == NULL);
		T_EQ(report.age_ns, 0);
	}
	atomic_store(&s.stop, 1);
	for (int i = 0; i < STARTERS; i++)
		t_thread_join(thread[i]);
	(void)ferry_cleanup_shutdown(NULL, NULL);
}

T_MAIN(
	T_RUN(flush_is_after_the_jobs);
	T_RUN(flush_waits_for_what_came_before);
	T_RUN(flush_is_not_held_up_by_newcomers);
	T_RUN(flush_ends_by_a_signal);
	T_RUN(drain_runs_what_waits);
	T_RUN(cancel_in_place_of_what_waits);
	T_RUN(drain_then_cancel);
	T_RUN(a_cancel_that_ends_its_thread);
	T_RUN(one_closer_at_a_time);
	T_RUN(shutdown_options_that_cannot_be);
	T_RUN(start_again_and_again);
	T_RUN(a_report_is_of_its_own_start);
)
