/*
 * tests/api/fixture.h: a small library to call.
 *
 * The tests under api/ see the public header and the shared library only, and
 * they never sleep for something that can be observed. What holds a handler
 * still is in gate.h. Most tests write their handlers next to what they check:
 * a payload may name a function (a *job*), and FX_DO runs it as the handler.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "gate.h"

/* ---------------------------------------------------------- the library */

enum fx_method {
	FX_NOP,    /* FERRY_OK */
	FX_ECHO,   /* the payload, back */
	FX_STATUS, /* an int: returned */
	FX_GATE,   /* a struct fx_gate *: passed */
	FX_TRACE,  /* a struct fx_mark: written down */
	FX_DO,     /* a struct fx_job: run */
	FX_EXIT,   /* ends the thread */
	FX_WHERE,  /* replies where its payload is: a struct fx_where */
	FX_N_METHODS
};

enum fx_event { FX_TICK, FX_TOCK, FX_N_EVENTS };

/* What init and fini saw: the library's state, and init's argument. */
struct fx_life {
	atomic_int inits;
	atomic_int finis;
	pthread_t init_thread;
	pthread_t fini_thread;
	ferry_context context;
	struct fx_gate *init_gate; /* init passes it, if there is one */
	int init_result;
	const char *init_text;
};

struct fx_job {
	int (*run)(ferry_call call, void *arg);
	void *arg;
};

enum { FX_TRACE_MAX = 4096 };

/* Which requests started, in their order. Written on the FFI thread only. */
struct fx_trace {
	atomic_uint n;
	uint32_t item[FX_TRACE_MAX];
};

struct fx_mark {
	struct fx_trace *trace;
	uint32_t item;
};

static inline int
fx_nop(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	return FERRY_OK;
}

static inline int
fx_echo(ferry_call call, const void *data, size_t size, void *state)
{
	(void)state;
	T_OK(ferry_call_reply(call, FERRY_OK, data, size));
	return 1; /* ignored: the call has been answered */
}

static inline int
fx_status(ferry_call call, const void *data, size_t size, void *state)
{
	int status;

	(void)call;
	(void)state;
	T_EQ(size, sizeof status);
	memcpy(&status, data, sizeof status);
	return status;
}

static inline int
fx_gate(ferry_call call, const void *data, size_t size, void *state)
{
	struct fx_gate *gate;

	(void)call;
	(void)state;
	T_EQ(size, sizeof gate);
	memcpy(&gate, data, sizeof gate);
	fx_gate_pass(gate);
	return FERRY_OK;
}

static inline int
fx_trace(ferry_call call, const void *data, size_t size, void *state)
{
	struct fx_mark mark;
	unsigned n;

	(void)call;
	(void)state;
	T_EQ(size, sizeof mark);
	memcpy(&mark, data, sizeof mark);
	n = atomic_load(&mark.trace->n);
	T_LT(n, FX_TRACE_MAX);
	mark.trace->item[n] = mark.item;
	atomic_store(&mark.trace->n, n + 1);
	return FERRY_OK;
}

static inline int
fx_run(ferry_call call, const void *data, size_t size, void *state)
{
	struct fx_job job;

	(void)state;
	T_EQ(size, sizeof job);
	memcpy(&job, data, sizeof job);
	return job.run(call, job.arg);
}

static inline int
fx_exit(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	fx_before_exit();
	pthread_exit(NULL);
}

struct fx_where {
	const void *data;
	size_t size;
};

static inline int
fx_where(ferry_call call, const void *data, size_t size, void *state)
{
	struct fx_where where = {data, size};

	(void)state;
	return ferry_call_reply(call, FERRY_OK, &where, sizeof where);
}

static inline int
fx_init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct fx_life *life = (void *)(uintptr_t)arg;

	*state = life;
	if (life == NULL)
		return 0;
	life->init_thread = pthread_self();
	life->context = context;
	atomic_fetch_add(&life->inits, 1);
	if (life->init_gate != NULL)
		fx_gate_pass(life->init_gate);
	if (life->init_text != NULL && text_size > 0)
		snprintf(text, text_size, "%s", life->init_text);
	return life->init_result;
}

static inline void
fx_fini(void *state)
{
	struct fx_life *life = state;

	if (life == NULL)
		return;
	life->fini_thread = pthread_self();
	atomic_fetch_add(&life->finis, 1);
}

static inline ferry_library
fx_library(void)
{
	static const ferry_method methods[FX_N_METHODS] = {
	    {.struct_size = sizeof(ferry_method), .name = "nop",
	        .handler = fx_nop},
	    {.struct_size = sizeof(ferry_method), .name = "echo",
	        .handler = fx_echo},
	    {.struct_size = sizeof(ferry_method), .name = "status",
	        .handler = fx_status},
	    {.struct_size = sizeof(ferry_method), .name = "gate",
	        .handler = fx_gate},
	    {.struct_size = sizeof(ferry_method), .name = "trace",
	        .handler = fx_trace},
	    {.struct_size = sizeof(ferry_method), .name = "do",
	        .handler = fx_run},
	    {.struct_size = sizeof(ferry_method), .name = "exit",
	        .handler = fx_exit},
	    {.struct_size = sizeof(ferry_method), .name = "where",
	        .handler = fx_where},
	};
	static const ferry_event events[FX_N_EVENTS] = {
	    {.struct_size = sizeof(ferry_event), .name = "tick"},
	    {.struct_size = sizeof(ferry_event), .name = "tock"},
	};
	ferry_library_options options = {.struct_size = sizeof options,
	    .name = "fixture", .methods = methods, .n_methods = FX_N_METHODS,
	    .events = events, .n_events = FX_N_EVENTS, .init = fx_init,
	    .fini = fx_fini};
	ferry_library library;

	T_OK(ferry_library_open(&library, &options));
	return library;
}

/* -------------------------------------------------------------- contexts */

/* Of contexts that do not say which: all inherited. */
#ifndef FX_LEVELS
#define FX_LEVELS {0}
#endif

static inline ferry_context_options
fx_context_options(void)
{
	ferry_context_options o;

	memset(&o, 0, sizeof o);
	o.struct_size = sizeof o;
	o.levels = (ferry_levels)FX_LEVELS;
	return o;
}

/* A context on a library of its own; options may be NULL. */
static inline ferry_context
fx_open_with(const ferry_context_options *options)
{
	ferry_context_options o = options ? *options : fx_context_options();
	ferry_context context = 0;

	if (o.library == 0)
		o.library = fx_library();
	T_OK(ferry_context_open(&context, &o));
	if (options == NULL || options->library == 0)
		T_OK(ferry_library_close(o.library));
	return context;
}

static inline ferry_context
fx_open(void)
{
	return fx_open_with(NULL);
}

static inline ferry_counters
fx_counters(ferry_context context)
{
	ferry_counters c = {.struct_size = sizeof c};

	T_OK(ferry_context_counters(&c, context));
	return c;
}

/* Accepted submits. A refusal leaves this as it was. */
static inline uint64_t
fx_accepted(ferry_context context)
{
	ferry_counters c = fx_counters(context);

	return c.submitted - c.refused;
}

static inline uint64_t
fx_ended(const ferry_counters *c)
{
	return c->ended_ok + c->ended_error + c->ended_canceled +
	    c->ended_lost + c->ended_closed;
}

static inline uint64_t
fx_unstarted(const ferry_counters *c)
{
	return c->unstarted_canceled + c->unstarted_deadline +
	    c->unstarted_closed;
}

/* Law 12, as it holds in every snapshot. */
static inline void
fx_balance(const ferry_counters *c)
{
	T_EQ(c->submitted,
	    c->refused + c->queued + c->started + fx_unstarted(c));
	T_EQ(c->started, c->running + fx_ended(c));
}

/* Waits for rest, and holds the counters to law 12. */
static inline void
fx_rest(ferry_context context)
{
	ferry_counters c;

	T_WAIT_UNTIL((c = fx_counters(context),
	    c.queued == 0 && c.running == 0), FX_LIMIT_MS);
	fx_balance(&c);
}

/* A request counts as ended before its reply meets nobody. */
static inline void
fx_await_discarded(ferry_context context, uint64_t n)
{
	T_WAIT_UNTIL(fx_counters(context).discarded >= n, FX_LIMIT_MS);
	T_EQ(fx_counters(context).discarded, n);
}

/* Every test that can ends like this. */
static inline void
fx_close(ferry_context context)
{
	fx_rest(context);
	T_OK(ferry_context_close(context, NULL, NULL));
}

static inline int
fx_close_mode(ferry_context context, uint32_t mode, int64_t timeout_ms,
    ferry_close_report *report)
{
	ferry_close_options o = {.struct_size = sizeof o, .mode = mode,
	    .timeout_ms = timeout_ms};

	if (report != NULL) {
		memset(report, 0, sizeof *report);
		report->struct_size = sizeof *report;
	}
	return ferry_context_close(context, &o, report);
}

/* -------------------------------------------------------------- requests */

static inline ferry_request_options
fx_request_options(void)
{
	ferry_request_options o;

	memset(&o, 0, sizeof o);
	o.struct_size = sizeof o;
	return o;
}

/* Options with the slot's callback. */
static inline ferry_request_options
fx_to_slot(struct fx_slot *slot)
{
	ferry_request_options o = fx_request_options();

	o.callback = fx_on_reply;
	o.user = slot;
	return o;
}

static inline ferry_request_options
fx_to_inbox(ferry_inbox inbox, void *user)
{
	ferry_request_options o = fx_request_options();

	o.inbox = inbox;
	o.user = user;
	return o;
}

/* Submits what must be accepted. */
static inline ferry_request
fx_submit(ferry_context context, uint32_t method, const void *data, size_t size,
    const ferry_request_options *options)
{
	ferry_request request = 0;

	T_OK(ferry_request_submit(
	    &request, context, method, data, size, options));
	T_NE(request, 0);
	return request;
}

/* The submit fails with that error, and nothing has happened. */
static inline void
fx_submit_fails(ferry_context context, uint32_t method, const void *data,
    size_t size, const ferry_request_options *options, int error)
{
	uint64_t before = fx_accepted(context);
	ferry_request request = 77;

	T_EQ(ferry_request_submit(
	    &request, context, method, data, size, options), error);
	T_EQ(request, 77);
	T_EQ(fx_accepted(context), before);
}

static inline ferry_request
fx_do(ferry_context context, int (*run)(ferry_call, void *), void *arg)
{
	struct fx_job job = {run, arg};

	return fx_submit(context, FX_DO, &job, sizeof job, NULL);
}

static inline ferry_request
fx_do_with(ferry_context context, int (*run)(ferry_call, void *), void *arg,
    const ferry_request_options *options)
{
	struct fx_job job = {run, arg};

	return fx_submit(context, FX_DO, &job, sizeof job, options);
}

/* A handler into the gate; returns when it stands inside. */
static inline ferry_request
fx_hold(ferry_context context, struct fx_gate *gate)
{
	int before = fx_gate_inside(gate);
	ferry_request request =
	    fx_submit(context, FX_GATE, &gate, sizeof gate, NULL);

	fx_gate_await(gate, before + 1);
	return request;
}

/* A request that writes `item` into the trace when it starts. */
static inline ferry_request
fx_mark(ferry_context context, struct fx_trace *trace, uint32_t item,
    const ferry_request_options *options)
{
	struct fx_mark mark;

	memset(&mark, 0, sizeof mark);
	mark.trace = trace;
	mark.item = item;
	return fx_submit(context, FX_TRACE, &mark, sizeof mark, options);
}

/* Takes the reply, gives back its block, returns its status. */
static inline int
fx_wait(ferry_request request)
{
	ferry_reply reply;

	T_OK(ferry_request_wait(
	    &reply, request, (int64_t)FX_LIMIT_MS * t_slow()));
	T_OK(ferry_block_release(reply.data));
	return reply.status;
}

/* Runs `run` as a handler and returns what it returned. */
static inline int
fx_do_wait(ferry_context context, int (*run)(ferry_call, void *), void *arg)
{
	return fx_wait(fx_do(context, run, arg));
}

/* 1 if the token is refused as one that cannot be right. */
static inline int
fx_no_token(int r)
{
	return r == FERRY_EINVAL || r == FERRY_ESTALE || r == FERRY_EFOREIGN;
}

/* -------------------------------------------------------- deferred calls */

/* A handler that defers its call and hands it out. */
struct fx_later {
	struct fx_gate deferred; /* opened when it has been */
	ferry_call call;
	ferry_cancel_fn hook;    /* set before the defer, if any */
	void *hook_user;
	int result;              /* what the handler then returns */
};

#define FX_LATER {.deferred = FX_GATE_SHUT}

static inline int
fx_later_run(ferry_call call, void *arg)
{
	struct fx_later *l = arg;
	int result = l->result;

	l->call = call;
	if (l->hook != NULL)
		T_OK(ferry_call_on_cancel(call, l->hook, l->hook_user));
	T_OK(ferry_call_defer(call));
	fx_gate_open(&l->deferred);
	return result;
}

/* Returns when the call has been deferred. */
static inline ferry_request
fx_later_with(ferry_context context, struct fx_later *l,
    const ferry_request_options *options)
{
	ferry_request request = fx_do_with(context, fx_later_run, l, options);

	fx_gate_pass(&l->deferred);
	return request;
}

static inline ferry_request
fx_later(ferry_context context, struct fx_later *l)
{
	return fx_later_with(context, l, NULL);
}

/* --------------------------------------------------------------- inboxes */

static inline ferry_inbox
fx_inbox(void)
{
	ferry_inbox inbox = 0;

	T_OK(ferry_inbox_open(&inbox, NULL));
	return inbox;
}

static inline void
fx_attach(ferry_inbox inbox, ferry_context context, uint32_t flags, void *user)
{
	ferry_attach_options o = {.struct_size = sizeof o, .flags = flags,
	    .user = user};

	T_OK(ferry_inbox_attach(inbox, context, &o));
}

/* One completion, waited for. Its data is the caller's. */
static inline ferry_completion
fx_take(ferry_inbox inbox)
{
	ferry_completion c;
	uint64_t end = t_now_ns() +
	    (uint64_t)FX_LIMIT_MS * (uint64_t)t_slow() * 1000000;
	int n;

	memset(&c, 0, sizeof c);
	while ((n = ferry_inbox_take(&c, 1, inbox)) == 0) {
		if (t_now_ns() > end)
			T_FAIL("nothing came to the inbox");
		ferry_inbox_wait(inbox, 100);
	}
	T_EQ(n, 1);
	return c;
}

/* The next completion, which must be of that kind. */
static inline ferry_completion
fx_take_kind(ferry_inbox inbox, uint32_t kind)
{
	ferry_completion c = fx_take(inbox);

	T_EQ(c.kind, kind);
	return c;
}

static inline void
fx_done(const ferry_completion *c)
{
	T_OK(ferry_inbox_release(c, 1));
}

/* A context and an inbox of it. */
struct fx_desk {
	ferry_context context;
	ferry_inbox inbox;
};

static inline struct fx_desk
fx_desk_open(void)
{
	struct fx_desk d = {fx_open(), fx_inbox()};

	fx_attach(d.inbox, d.context, 0, NULL);
	return d;
}

static inline void
fx_desk_close(struct fx_desk *d)
{
	fx_close(d->context);
	T_OK(ferry_inbox_close(NULL, d->inbox));
}

/* A request whose reply comes to the inbox. */
static inline ferry_request
fx_post(struct fx_desk *d, uint32_t method, const void *data, size_t size)
{
	ferry_request_options o = fx_to_inbox(d->inbox, NULL);

	return fx_submit(d->context, method, data, size, &o);
}

#endif
