/*
 * Cancel hooks: set too late, taken back, replaced, and what waits for one
 * that is running.
 */
#include "fixture.h"
#include "cancelling.h"

static int
set_late_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	fx_gate_pass(&v->gate);
	v->set_late = ferry_call_on_cancel(call, hook, v);
	v->check = ferry_call_check(call);
	return v->check;
}

/* The cancel was there first: the hook is refused and never called. */
static void
hook_after_cancel(void)
{
	ferry_context context = fx_open();
	struct victim v = VICTIM;
	ferry_request request = fx_do(context, set_late_run, &v);

	fx_gate_await(&v.gate, 1);
	T_OK(ferry_request_cancel(request));
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(v.set_late, FERRY_ECANCELED);
	fx_close(context);
	T_EQ(atomic_load(&v.hooks), 0);
}

static int
take_back_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	T_OK(ferry_call_on_cancel(call, hook, v));
	T_OK(ferry_call_on_cancel(call, NULL, NULL));
	fx_gate_pass(&v->gate);
	return ferry_call_check(call);
}

static void
hook_taken_back(void)
{
	ferry_context context = fx_open();
	struct victim v = VICTIM;
	ferry_request request = fx_do(context, take_back_run, &v);

	fx_gate_await(&v.gate, 1);
	T_OK(ferry_request_cancel(request));
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
	T_EQ(atomic_load(&v.hooks), 0);
}

static int
take_back_running(ferry_call call, void *arg)
{
	struct victim *v = arg;

	T_OK(ferry_call_on_cancel(call, hook, v));
	fx_gate_pass(&v->gate);
	v->take_back = ferry_call_on_cancel(call, NULL, NULL);
	v->check = atomic_load(&v->hooks_done); /* ended by now */
	return FERRY_OK;
}

static void *
cancel_only(void *arg)
{
	return (void *)(intptr_t)ferry_request_cancel(*(ferry_request *)arg);
}

/* Taking back a hook that runs at that moment waits for its end. */
static void
hook_taken_back_while_running(void)
{
	ferry_context context = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct victim v = VICTIM;
	ferry_request request = fx_do(context, take_back_running, &v);
	pthread_t thread;

	v.hook_gate = &hook_gate;
	fx_gate_await(&v.gate, 1);
	thread = t_thread_start(cancel_only, &request);
	fx_gate_await(&hook_gate, 1); /* the hook is running … */
	fx_gate_open(&v.gate);        /* … while the handler takes it back */
	t_sleep_ms(FX_QUIET_MS);      /* time to come back too early */
	fx_gate_open(&hook_gate);
	T_EQ((intptr_t)t_thread_join(thread), FERRY_OK);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(v.take_back, FERRY_ECANCELED);
	T_EQ(v.check, 1);
	fx_close(context);
}

struct two_hooks {
	struct victim first, second;
};

static int
replace_run(ferry_call call, void *arg)
{
	struct two_hooks *t = arg;

	T_OK(ferry_call_on_cancel(call, hook, &t->first));
	T_OK(ferry_call_on_cancel(call, hook, &t->second));
	fx_gate_pass(&t->second.gate);
	return ferry_call_check(call);
}

static void
hook_replaced(void)
{
	ferry_context context = fx_open();
	struct two_hooks t = {VICTIM, VICTIM};
	ferry_request request = fx_do(context, replace_run, &t);

	t.second.open_in_hook = 1;
	fx_gate_await(&t.second.gate, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(atomic_load(&t.first.hooks), 0);
	T_EQ(atomic_load(&t.second.hooks), 1);
	fx_close(context);
}

static void
hook_of_foreign_calls(void)
{
	ferry_context context = fx_open();
	struct victim v = {.gate = FX_GATE_SHUT};
	ferry_request request = start_victim(context, &v);

	/* Neither the handler nor a thread that will answer it. */
	T_EQ(ferry_call_on_cancel(v.call, hook, &v), FERRY_ETHREAD);
	T_EQ(ferry_call_on_cancel(0, hook, &v), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_call_on_cancel(FX_FORGED, hook, &v)));
	T_EQ(ferry_call_check(0), FERRY_EINVAL);
	T_OK(ferry_request_cancel(request));
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(atomic_load(&v.hooks), 0);
	T_ASSERT(fx_no_token(ferry_call_check(v.call)));
	T_ASSERT(fx_no_token(ferry_call_on_cancel(v.call, hook, &v)));
	fx_close(context);
}

/* ----------------------------------------------------- held until it ends */

/* While the hook runs, the handler may reply, but nobody hears it yet, and no
 * other handler of the context starts. */
static void
reply_held_for_hook(void)
{
	ferry_context context = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct victim v = VICTIM;
	ferry_request request = start_victim(context, &v), next;
	ferry_reply reply;
	pthread_t thread;

	v.hook_gate = &hook_gate;
	next = fx_mark(context, &trace, 1, NULL);
	thread = t_thread_start(cancel_only, &request);
	fx_gate_await(&hook_gate, 1);
	fx_gate_open(&v.gate); /* the handler answers now */
	T_EQ(ferry_request_wait(&reply, request, FX_QUIET_MS),
	    FERRY_ETIMEDOUT);
	T_EQ(atomic_load(&trace.n), 0);
	fx_gate_open(&hook_gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(atomic_load(&v.hooks_done), 1);
	T_EQ(fx_wait(next), FERRY_OK);
	T_EQ((intptr_t)t_thread_join(thread), FERRY_OK);
	fx_close(context);
}

static void
callback_held_for_hook(void)
{
	ferry_context context = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	struct victim v = VICTIM;
	ferry_request request = fx_do_with(context, victim_run, &v, &o);
	pthread_t thread;

	v.hook_gate = &hook_gate;
	fx_gate_await(&v.gate, 1);
	thread = t_thread_start(cancel_only, &request);
	fx_gate_await(&hook_gate, 1);
	fx_gate_open(&v.gate);
	t_sleep_ms(FX_QUIET_MS);
	T_EQ(atomic_load(&slot.calls), 0);
	fx_gate_open(&hook_gate);
	fx_slot_await(&slot);
	T_EQ(slot.status, FERRY_ECANCELED);
	T_ASSERT(!pthread_equal(slot.thread, v.hook_thread));
	T_EQ((intptr_t)t_thread_join(thread), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(&slot.calls), 1);
}

T_MAIN(
	T_RUN(hook_after_cancel);
	T_RUN(hook_taken_back);
	T_RUN(hook_taken_back_while_running);
	T_RUN(hook_replaced);
	T_RUN(hook_of_foreign_calls);
	T_RUN(reply_held_for_hook);
	T_RUN(callback_held_for_hook);
)
