/*
 * tests/api/cleanup.h: a lane under test, and jobs that tell what became of
 * them. Each test looks at its jobs' own effects.
 */
#ifndef CLEANUP_H
#define CLEANUP_H

#include "gate.h"

/* What became of one job. */
struct cl_job {
	atomic_int ran;
	atomic_int canceled;
	atomic_uint tid;      /* of who ran it last */
	int result;           /* to return */
	struct fx_gate *gate; /* to pass first; or NULL */
	int ends_thread;
	ferry_cleanup_node node;
};

static inline int
cl_run(void *arg)
{
	struct cl_job *j = arg;
	int result = j->result, ends_thread = j->ends_thread;

	atomic_store(&j->tid, fx_tid());
	if (j->gate != NULL)
		fx_gate_pass(j->gate);
	atomic_fetch_add(&j->ran, 1); /* it may be gone from here on */
	if (ends_thread) {
		fx_before_exit();
		pthread_exit(NULL);
	}
	return result;
}

static inline void
cl_cancel(void *arg)
{
	struct cl_job *j = arg;

	atomic_fetch_add(&j->canceled, 1);
}

/* Until it has run; once, and not been cancelled. */
static inline void
cl_await(struct cl_job *j)
{
	T_WAIT_UNTIL(atomic_load(&j->ran) > 0, FX_LIMIT_MS);
	T_EQ(atomic_load(&j->ran), 1);
	T_EQ(atomic_load(&j->canceled), 0);
}

static inline int
cl_submit(struct cl_job *j)
{
	return ferry_cleanup_submit(cl_run, j, cl_cancel);
}

static inline int
cl_post(struct cl_job *j)
{
	return ferry_cleanup_post(&j->node, cl_run, j, cl_cancel);
}

static inline ferry_cleanup_options
cl_options(void)
{
	return (ferry_cleanup_options){.struct_size =
	        sizeof(ferry_cleanup_options)};
}

static inline ferry_cleanup_counts
cl_counts(void)
{
	ferry_cleanup_counts c = {.struct_size = sizeof c};

	T_OK(ferry_cleanup_counters(&c));
	return c;
}

static inline uint64_t
cl_ended(const ferry_cleanup_counts *c)
{
	return c->ended_ok + c->ended_error + c->ended_lost + c->canceled;
}

/* As it holds in every snapshot. */
static inline ferry_cleanup_counts
cl_balance(void)
{
	ferry_cleanup_counts c = cl_counts();

	T_EQ(c.accepted, c.queued + c.running + cl_ended(&c));
	T_LE(c.queued, c.queued_max);
	T_LE(c.running, c.running_max);
	T_LE(c.batch_max, c.accepted);
	T_LE(c.batches, c.accepted);
	T_LE(c.accepted, c.batches * c.batch_max);
	return c;
}

static inline ferry_cleanup_status
cl_health(void)
{
	ferry_cleanup_status h = {.struct_size = sizeof h};

	T_OK(ferry_cleanup_health(&h));
	return h;
}

static inline int
cl_shutdown(uint32_t mode, int64_t timeout_ms, ferry_cleanup_report *report)
{
	ferry_cleanup_shutdown_options o = {.struct_size = sizeof o,
	    .mode = mode, .timeout_ms = timeout_ms};

	if (report != NULL) {
		memset(report, 0, sizeof *report);
		report->struct_size = sizeof *report;
	}
	return ferry_cleanup_shutdown(&o, report);
}

/* Most tests end like this: everything has ended, and is counted. */
static inline void
cl_stop(void)
{
	ferry_cleanup_counts c;

	T_OK(cl_shutdown(FERRY_CLEANUP_DRAIN, 0, NULL));
	c = cl_balance();
	T_EQ(c.queued + c.running, 0);
	T_EQ(cl_health().state, FERRY_CLEANUP_STOPPED);
	T_EQ(cl_health().workers, 0);
}

#endif
