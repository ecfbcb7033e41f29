/*
 * tests/fault/steps.h: a library whose handlers know that memory may be
 * refused, and the steps that most scenarios take. The ids are the fixture's.
 */
#ifndef STEPS_H
#define STEPS_H

#include "inject.h"

/* What a handler says that had no memory for more. */
enum { STEPS_LESS = 77 };

/* The payload, back; or less, for which no memory is needed. */
static inline int
steps_echo(ferry_call call, const void *data, size_t size, void *state)
{
	int r = ferry_call_reply(call, FERRY_OK, data, size);

	(void)state;
	if (inject_failed(__FILE__, __LINE__, "reply", r,
	        (const int[]){FERRY_ENOMEM, 0}))
		T_OK(ferry_call_reply(call, STEPS_LESS, NULL, 0));
	return 1; /* ignored: the call has been answered */
}

static inline ferry_library
steps_library(void)
{
	static const ferry_handler_fn handlers[FX_N_METHODS] = { fx_nop,
		steps_echo, fx_status, fx_gate, fx_trace, fx_run, fx_exit,
		fx_where };
	static const char *const names[FX_N_METHODS] = { "nop", "echo",
		"status", "gate", "trace", "do", "exit", "where" };
	static const ferry_event events[FX_N_EVENTS] = {
		{ .struct_size = sizeof events[0], .name = "tick" },
		{ .struct_size = sizeof events[0], .name = "tock" },
	};
	ferry_method methods[FX_N_METHODS];
	ferry_library_options o = { .struct_size = sizeof o, .name = "fault",
		.methods = methods, .n_methods = FX_N_METHODS,
		.events = events, .n_events = FX_N_EVENTS, .init = fx_init,
		.fini = fx_fini };
	ferry_library library;

	memset(methods, 0, sizeof methods);
	for (int i = 0; i < FX_N_METHODS; i++) {
		methods[i].struct_size = sizeof methods[i];
		methods[i].name = names[i];
		methods[i].handler = handlers[i];
	}
	STEP_OUT(library, ferry_library_open(&library, &o), FERRY_ENOMEM);
	return library;
}

/* A context on a library of its own; options may be NULL. */
static inline ferry_context
steps_open(const ferry_context_options *options)
{
	ferry_context_options o = options ? *options : fx_context_options();
	ferry_context context;

	o.library = steps_library();
	STEP_OUT(context, ferry_context_open(&context, &o), FERRY_ENOMEM,
	    FERRY_ESYSTEM);
	T_OK(ferry_library_close(o.library));
	return context;
}

static inline ferry_inbox
steps_inbox(void)
{
	ferry_inbox inbox;

	STEP_OUT(inbox, ferry_inbox_open(&inbox, NULL), FERRY_ENOMEM,
	    FERRY_ESYSTEM);
	return inbox;
}

static inline void
steps_attach(ferry_inbox inbox, ferry_context context, uint32_t flags)
{
	ferry_attach_options o = { .struct_size = sizeof o, .flags = flags };

	STEP(ferry_inbox_attach(inbox, context, &o), FERRY_ENOMEM);
}

static inline ferry_request
steps_submit(ferry_context context, uint32_t method, const void *data,
    size_t size, const ferry_request_options *o)
{
	ferry_request request;

	STEP_OUT(request, ferry_request_submit(
	    &request, context, method, data, size, o), FERRY_ENOMEM);
	return request;
}

static inline ferry_request
steps_do(ferry_context context, int (*run)(ferry_call, void *), void *arg,
    const ferry_request_options *o)
{
	struct fx_job job = { run, arg };

	return steps_submit(context, FX_DO, &job, sizeof job, o);
}

/* Takes the reply of what must come back as it was sent, or as LESS. */
static inline void
steps_wait_echo(ferry_request request, const void *data, size_t size)
{
	ferry_reply reply;

	T_OK(ferry_request_wait(
	    &reply, request, (int64_t)FX_LIMIT_MS * t_slow()));
	if (reply.status == STEPS_LESS) {
		T_EQ(reply.size, 0);
		return;
	}
	T_EQ(reply.status, FERRY_OK);
	T_EQ(reply.size, size);
	T_MEM(reply.data, data, size);
	T_OK(ferry_block_release(reply.data));
}

/* The FFI thread has done with what it has answered, and sleeps. It writes down
 * how long a call has lasted after the answer, and may want memory for that. */
static inline void
steps_await_sleep(ferry_context context)
{
	ferry_health h = { .struct_size = sizeof h };

	fx_rest(context);
	T_WAIT_UNTIL((ferry_context_health(&h, context),
	    h.worker == FERRY_THREAD_IDLE), FX_LIMIT_MS);
}

/* Everything that was accepted has been answered; law 12. Faults or not, a
 * close needs nothing that could be refused. */
static inline void
steps_close(ferry_context context, uint64_t accepted)
{
	ferry_counters c;

	fx_rest(context);
	c = fx_counters(context);
	T_EQ(c.submitted - c.refused, accepted);
	T_EQ(fx_ended(&c) + fx_unstarted(&c), accepted);
	T_OK(ferry_context_close(context, NULL, NULL));
}

#endif
