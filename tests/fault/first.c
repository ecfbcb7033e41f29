/*
 * What is made once for each process, and refused the first time: the same
 * scenario in a process of its own for each point of it.
 */
#include "steps.h"

static int
open_handle(ferry_call call, void *arg)
{
	ferry_handle *handle = arg;

	STEP_OUT(*handle, ferry_handle_open(handle, call, arg, arg, NULL),
	    FERRY_ENOMEM);
	return FERRY_OK;
}

static int
emit(ferry_call call, void *arg)
{
	static const char big[600];

	(void)call;
	STEP(ferry_context_emit(*(ferry_context *)arg, FX_TICK, big,
	    sizeof big), FERRY_ENOMEM);
	return FERRY_OK;
}

static void *
submit_elsewhere(void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	char large[200] = "large";

	steps_wait_echo(steps_submit(context, FX_ECHO, large, sizeof large,
	    NULL), large, sizeof large);
	return NULL;
}

/* One of everything that has a table, a pool or a key behind it. */
static void
one_of_everything(void)
{
	ferry_context_options co = fx_context_options();
	ferry_request_options ro;
	struct fx_slot slot = {0};
	ferry_context context;
	ferry_inbox inbox;
	ferry_handle handle;
	ferry_completion c;
	int kinds = 0;

	co.depth_total = 100;
	context = steps_open(&co);
	inbox = steps_inbox();
	steps_attach(inbox, context, FERRY_ATTACH_EVENTS);
	ro = fx_to_inbox(inbox, NULL);
	steps_submit(context, FX_NOP, NULL, 0, &ro);
	ro = fx_to_slot(&slot);
	steps_submit(context, FX_ECHO, "small", 6, &ro);
	fx_slot_await(&slot);
	T_EQ(fx_wait(steps_do(context, open_handle, &handle, NULL)),
	    FERRY_OK);
	T_EQ(fx_wait(steps_do(context, emit, &context, NULL)), FERRY_OK);
	t_thread_join(t_thread_start(submit_elsewhere, &context));
	T_OK(ferry_handle_release(handle));
	steps_close(context, 5);
	do { /* the event's copy may have been refused: CLOSED is the last */
		c = fx_take(inbox);
		kinds |= 1 << c.kind;
		fx_done(&c);
	} while (c.kind != FERRY_KIND_CLOSED);
	T_ASSERT(kinds & 1 << FERRY_KIND_REPLY);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	INJECT_FRESH(one_of_everything, 2, 50);
)
