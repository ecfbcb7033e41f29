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

#endif
