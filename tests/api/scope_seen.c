/*
 * An exempt call, as others see it: it is the call in hand all the same, is not
 * announced, and what comes after it is.
 */
#include "strands.h"
#include "watched.h"

static int
exempt_in_gate(ferry_call call, void *arg)
{
	T_OK(ferry_scope_exempt(call, "as long as it takes"));
	fx_gate_pass(arg);
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

/* It is the call in hand all the same. */
static void
an_exempt_call_is_named(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = fx_do(context, exempt_in_gate, &gate);
	ferry_running running;
	ferry_close_report report;
	ferry_health h;

	fx_gate_await(&gate, 1);
	h = health(context);
	T_EQ(h.worker, FERRY_THREAD_BUSY);
	T_EQ(h.request, request);
	T_STR(h.method_name, "do");
	T_EQ(ferry_context_running(&running, 1, NULL, context), 1);
	T_EQ(running.request, request);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(report.request, request);
	T_STR(report.method, "do");
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
	T_OK(ferry_context_close(context, NULL, NULL));
}

static int
exempt_then_not(ferry_call call, void *arg)
{
	struct fx_gate *gates = arg;

	T_OK(ferry_scope_exempt(call, "as long as it takes"));
	fx_gate_pass(&gates[0]);
	T_OK(ferry_scope_pop(call));
	fx_gate_pass(&gates[1]);
	return FERRY_OK;
}

/* Quiet while it is exempt, however long, and heard when it is no more. */
static void
what_is_exempt_is_not_announced(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gates[2] = {FX_GATE_SHUT, FX_GATE_SHUT};
	ferry_request request = fx_do(context, exempt_then_not, gates);
	ferry_completion c;

	fx_gate_await(&gates[0], 1);
	/* For as long as three announcements would have come in. */
	t_sleep_ms(3 * wedged_ms());
	no_notice(inbox);
	fx_gate_open(&gates[0]);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.request, request);
	fx_done(&c);
	fx_gate_open(&gates[1]);
	T_OK(fx_wait(request));
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static int
exempt_and_return(ferry_call call, void *arg)
{
	(void)arg;
	return ferry_scope_exempt(call, "and never popped");
}

static void
hold_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_OK(status);
	fx_gate_pass(user);
}

/* The reply callback is not in the handler's scope. */
static void
a_callback_is_not_exempt(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request_options o = fx_request_options();
	ferry_completion c;

	o.callback = hold_reply;
	o.user = &gate;
	fx_do_with(context, exempt_and_return, NULL, &o);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	fx_done(&c);
	fx_gate_open(&gate);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static int
pass(void *arg)
{
	fx_gate_pass(arg);
	return 0;
}

/* Waits outside, then holds the thread. */
static int
exempt_and_wait(ferry_call call, void *arg)
{
	struct fx_gate *gates = arg;
	int result;

	T_OK(ferry_scope_exempt(call, "in a strand"));
	T_OK(ferry_strand_offload(&result, pass, &gates[0], NULL));
	fx_gate_pass(&gates[1]);
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

/* When it goes on, it is exempt again; and whoever runs meanwhile is not. */
static void
a_strand_goes_on_exempt(void)
{
	ferry_context_options o = watched_options();
	ferry_context context = st_open_with(&o);
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gates[2] = {FX_GATE_SHUT, FX_GATE_SHUT};
	struct fx_gate other = FX_GATE_SHUT;
	ferry_request strand = st_spawn(context, exempt_and_wait, gates);
	ferry_request plain;
	ferry_completion c;

	fx_gate_await(&gates[0], 1);
	plain = fx_hold(context, &other);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.request, plain);
	fx_done(&c);
	fx_gate_open(&other);
	T_OK(fx_wait(plain));
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	fx_gate_open(&gates[0]);
	fx_gate_await(&gates[1], 1);
	t_sleep_ms(3 * wedged_ms());
	no_notice(inbox);
	fx_gate_open(&gates[1]);
	T_OK(fx_wait(strand));
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(an_exempt_call_is_named);
	T_RUN(what_is_exempt_is_not_announced);
	T_RUN(a_callback_is_not_exempt);
	T_RUN(a_strand_goes_on_exempt);
)
