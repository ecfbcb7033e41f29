/*
 * tests/api/ear.h: a listener that writes down what it hears.
 *
 * Events carry an int. An ear holds still in a gate where the test wants the
 * event thread to be in a known state, and may run a function of the test's.
 */
#ifndef TESTS_API_EAR_H
#define TESTS_API_EAR_H

#include "fixture.h"

enum { EAR_MOST = 8192 };

struct ear {
	atomic_int n;
	int heard[EAR_MOST]; /* the first of them */
	uint64_t dropped;
	uint32_t last_event;
	pthread_t thread;
	atomic_int inside; /* calls that run */
	atomic_int gone;
	/* The n-th call waits here, from 0; `gone` there, if there is one. */
	struct fx_gate *gate;
	int gate_at;
	struct fx_gate *gone_gate;
	/* Called each time, if there is one. */
	void (*also)(struct ear *e);
	void (*also_gone)(struct ear *e);
	ferry_context context;
	ferry_listener self;
	void *arg;
	int result;
};

static inline void
ear_hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct ear *e = user;
	int n = atomic_load(&e->n);

	T_EQ(size, sizeof(int));
	T_EQ(atomic_load(&e->gone), 0);
	T_EQ(context, e->context);
	T_EQ(atomic_fetch_add(&e->inside, 1), 0);
	if (n < EAR_MOST)
		memcpy(&e->heard[n], data, sizeof(int));
	e->last_event = event;
	e->dropped += dropped;
	e->thread = pthread_self();
	atomic_store(&e->n, n + 1);
	if (e->gate != NULL && n == e->gate_at)
		fx_gate_pass(e->gate);
	if (e->also != NULL)
		e->also(e);
	T_EQ(atomic_fetch_sub(&e->inside, 1), 1);
}

static inline void
ear_gone(void *user)
{
	struct ear *e = user;

	T_EQ(atomic_load(&e->inside), 0);
	T_EQ(atomic_load(&e->gone), 0);
	if (e->gone_gate != NULL)
		fx_gate_pass(e->gone_gate);
	if (e->also_gone != NULL)
		e->also_gone(e);
	atomic_fetch_add(&e->gone, 1);
}

static inline ferry_listener_options
ear_options(struct ear *e, uint32_t event)
{
	ferry_listener_options o = {.struct_size = sizeof o, .event = event,
	    .listener = ear_hear, .gone = ear_gone, .user = e, .name = "ear"};

	return o;
}

static inline void
ear_add(struct ear *e, ferry_context context, uint32_t event)
{
	ferry_listener_options o = ear_options(e, event);

	e->context = context;
	T_OK(ferry_listener_add(&e->self, context, &o));
}

static inline void
ear_emit(ferry_context context, uint32_t event, int n)
{
	T_OK(ferry_context_emit(context, event, &n, sizeof n));
}

static inline int
ear_emit_run(ferry_call call, void *arg)
{
	const int *spec = arg;
	ferry_call_info info = {.struct_size = sizeof info};

	T_OK(ferry_call_describe(&info, call));
	for (int i = 0; i < spec[1]; i++)
		ear_emit(info.context, FX_TICK, spec[0] + i);
	return FERRY_OK;
}

/* From the FFI thread. */
static inline void
ear_emit_there(ferry_context context, int first, int count)
{
	int spec[2] = {first, count};

	T_OK(fx_do_wait(context, ear_emit_run, spec));
}

/* n calls, and no more. */
static inline void
ear_await(struct ear *e, int n)
{
	T_WAIT_UNTIL(atomic_load(&e->n) >= n, FX_LIMIT_MS);
	T_EQ(atomic_load(&e->n), n);
}

static inline void
ear_await_gone(struct ear *e)
{
	T_WAIT_UNTIL(atomic_load(&e->gone) == 1, FX_LIMIT_MS);
}

/* Until all that was emitted has been offered to everybody. */
static inline void
ear_settle(ferry_context context)
{
	ferry_counters n;

	T_WAIT_UNTIL((n = fx_counters(context),
	    n.events_emitted == n.events_unheard + n.events_dropped +
	        n.events_dropped_elsewhere + n.events_dispatched),
	    FX_LIMIT_MS);
}

/* Until a close has begun. */
static inline void
ear_await_closing(ferry_context context)
{
	ferry_inbox inbox = fx_inbox();

	T_WAIT_UNTIL(ferry_inbox_attach(inbox, context, NULL) == FERRY_ECLOSED,
	    FX_LIMIT_MS);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* The event thread stands in the gate, in the call of an ear that it added. */
static inline void
ear_hold(struct ear *e, ferry_context context, struct fx_gate *gate)
{
	e->gate = gate;
	ear_add(e, context, FERRY_EVENT_ANY);
	ear_emit(context, FX_TICK, 0);
	fx_gate_await(gate, 1);
}

#endif
