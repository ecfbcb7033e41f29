/*
 * What the tests of cancel and of hooks share: a call to be cancelled.
 */
#ifndef TESTS_API_CANCELLING_H
#define TESTS_API_CANCELLING_H

#include "fixture.h"

/* A call that sets a hook, stands in a gate, and tells what it saw. */
struct victim {
	struct fx_gate gate;       /* the handler stands here */
	ferry_call call;
	int set_hook;              /* the handler sets the hook first */
	int open_in_hook;          /* the hook opens the gate */
	struct fx_gate *hook_gate; /* the hook passes this, if any */
	int set_late;              /* what on_cancel said after the gate */
	int take_back;             /* what on_cancel(NULL) said after it */
	int check;                 /* what check said after the gate */
	atomic_int hooks;          /* hooks that began */
	atomic_int hooks_done;     /* hooks that ended */
	pthread_t hook_thread;
	ferry_call hook_call;
};

#define VICTIM {.gate = FX_GATE_SHUT, .set_hook = 1}

static void
hook(ferry_call call, void *user)
{
	struct victim *v = user;

	v->hook_thread = pthread_self();
	v->hook_call = call;
	atomic_fetch_add(&v->hooks, 1);
	if (v->open_in_hook)
		fx_gate_open(&v->gate);
	if (v->hook_gate != NULL)
		fx_gate_pass(v->hook_gate);
	atomic_fetch_add(&v->hooks_done, 1);
}

static int
victim_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	v->call = call;
	T_OK(ferry_call_check(call));
	if (v->set_hook)
		T_OK(ferry_call_on_cancel(call, hook, v));
	fx_gate_pass(&v->gate);
	v->check = ferry_call_check(call);
	return v->check;
}

static ferry_request
start_victim(ferry_context context, struct victim *v)
{
	ferry_request request = fx_do(context, victim_run, v);

	fx_gate_await(&v->gate, 1);
	return request;
}

/*
 * A call that is deferred with a deadline `ms` away. 0: that has passed before
 * it was started, as it may on a busy machine, and it never is; ask for more.
 */
static inline int
later_until(ferry_request *request, ferry_context context, struct fx_later *l,
    uint64_t ms)
{
	struct fx_job job = {fx_later_run, l};
	ferry_request_options o = fx_request_options();
	ferry_counters was = fx_counters(context), c;
	int r;

	o.deadline_ns = ferry_clock_ns() + ms * 1000000 * (uint64_t)t_slow();
	r = ferry_request_submit(
	    request, context, FX_DO, &job, sizeof job, &o);
	if (r == FERRY_EDEADLINE)
		return 0;
	T_OK(r);
	T_WAIT_UNTIL((c = fx_counters(context), c.started > was.started ||
	    c.unstarted_deadline > was.unstarted_deadline), FX_LIMIT_MS);
	if (c.started > was.started) {
		fx_gate_pass(&l->deferred);
		return 1;
	}
	T_EQ(fx_wait(*request), FERRY_EDEADLINE);
	return 0;
}

#endif
