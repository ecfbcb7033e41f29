/*
 * Scopes and wedges when memory, threads and descriptors are refused: what was
 * refused has not happened, and succeeds when it is tried again.
 */
#include "strand_steps.h"

#include "api/watched.h"
#include "ending.h"

static void
pop_all(ferry_call call, int n)
{
	while (n-- > 0)
		T_OK(ferry_scope_pop(call));
	T_EQ(ferry_scope_pop(call), FERRY_EINVAL);
}

static int
use_scopes(ferry_call call, void *arg)
{
	(void)arg;
	STEP(ferry_scope_push(call, "outer", 100), FERRY_ENOMEM);
	STEP(ferry_scope_exempt(call, "inner"), FERRY_ENOMEM);
	STEP(ferry_scope_extend(call, 1, "x"), FERRY_ENOMEM);
	pop_all(call, 2);
	return FERRY_OK;
}

static int
use_scopes_and_wait(ferry_call call, void *arg)
{
	STEP(ferry_scope_push(call, "outer", 100), FERRY_ENOMEM);
	STEP(ferry_scope_exempt(call, "inner"), FERRY_ENOMEM);
	/* What is kept while it waits is there already. */
	T_OK(ferry_strand_yield());
	pop_all(call, 2);
	return use_scopes(call, arg);
}

static int
extend_first(ferry_call call, void *arg)
{
	(void)arg;
	STEP(ferry_scope_extend(call, 100, "x"), FERRY_ENOMEM);
	T_OK(ferry_strand_yield());
	pop_all(call, 0);
	return FERRY_OK;
}

static int
exempt_first(ferry_call call, void *arg)
{
	(void)arg;
	STEP(ferry_scope_exempt(call, "x"), FERRY_ENOMEM);
	T_OK(ferry_strand_yield());
	pop_all(call, 1);
	return FERRY_OK;
}

static void
scopes(void)
{
	ferry_context context = strand_steps_open(NULL);

	T_OK(fx_wait(steps_do(context, use_scopes, NULL, NULL)));
	strand_steps_run(context, use_scopes_and_wait, NULL);
	strand_steps_run(context, extend_first, NULL);
	strand_steps_run(context, exempt_first, NULL);
	fx_close(context);
}

static int
hold_in_each_way(ferry_call call, void *arg)
{
	(void)arg;
	for (uint32_t how = FERRY_WEDGE_SPIN; how <= FERRY_WEDGE_STARVE; how++)
		STEP(ferry_debug_wedge(call, how, 1), FERRY_ENOMEM,
		    FERRY_ESYSTEM);
	return FERRY_OK;
}

static void
wedges(void)
{
	ferry_context context = steps_open(NULL);

	T_OK(fx_wait(steps_do(context, hold_in_each_way, NULL, NULL)));
	fx_close(context);
}

/* ------------------------------------------------ no successor is to be had */

static int
end_exempt(ferry_call call, void *arg)
{
	T_OK(ferry_scope_push(call, "outer", 100));
	if (arg != NULL)
		T_OK(ferry_strand_yield());
	T_OK(ferry_scope_exempt(call, "for ever"));
	inject_arm(INJECT_THREAD, 1, 1);
	/* TSan allows no pthread_exit() off the thread's own stack. */
	end_thread(T_TSAN ? ENDING_CANCEL : ENDING_EXIT);
}

/* The thread goes on in its clean-up, and is exempt no more: its state is not
 * any other request's. */
static void
lost_without_successor(void)
{
	static int again;

	for (int i = 0; i < 3; i++) {
		ferry_context context = strand_steps_open(NULL);
		struct fx_job job = {end_exempt, i == 2 ? &again : NULL};
		ferry_running running;

		T_EQ(fx_wait(fx_submit(context, i == 0 ? FX_DO : ST_STRAND,
		    &job, sizeof job, NULL)), FERRY_ELOST);
		T_EQ(ferry_context_running(&running, 1, NULL, context), 0);
		T_OK(ferry_context_close(context, NULL, NULL));
		T_NE(inject_disarm(), 0);
	}
}

static void
hold_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_ELOST);
	fx_gate_pass(user);
}

/* Nor is what it runs next, on behalf of that call. */
static void
what_tells_of_the_loss_is_not_exempt(void)
{
	ferry_context_options o = fx_context_options();
	ferry_inbox inbox = fx_inbox();
	struct fx_job job = {end_exempt, NULL};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request_options to = fx_request_options();
	ferry_context context;
	ferry_completion c;

	o.levels.slow_ms = slow_ms();
	o.levels.stalled_ms = stalled_ms();
	context = strand_steps_open(&o);
	fx_attach(inbox, context, FERRY_ATTACH_LIVENESS, NULL);
	to.callback = hold_reply;
	to.user = &gate;
	fx_submit(context, FX_DO, &job, sizeof job, &to);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	fx_done(&c);
	fx_gate_open(&gate);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_NE(inject_disarm(), 0);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	INJECT_EACH(scopes, 20);
	INJECT_EACH(wedges, 20);
	T_RUN(lost_without_successor);
	T_RUN(what_tells_of_the_loss_is_not_exempt);
)
