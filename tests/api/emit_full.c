/*
 * Emitting to a context that is full, step by step, by every policy and from
 * both classes of threads: what is refused, who waits, and that it recovers.
 */
#include "ear.h"

static ferry_context
open_policy(uint32_t policy, uint32_t capacity)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = policy;
	o.event_capacity = capacity;
	return fx_open_with(&o);
}

/* The event thread stands in the gate with one event taken; both are full. */
struct full {
	ferry_context context;
	struct fx_gate gate;
	struct ear ear;
	int result;
	atomic_int done;
	atomic_uint tid;
};

static void
make_full(struct full *f, uint32_t policy)
{
	*f = (struct full){.context = open_policy(policy, 4),
	    .gate = FX_GATE_SHUT, .result = 1};
	ear_hold(&f->ear, f->context, &f->gate);
	ear_emit_there(f->context, 1, 4);
	/* The one in hand is from elsewhere, and counts. */
	for (int i = 5; i <= 7; i++)
		ear_emit(f->context, FX_TICK, i);
}

static int
one_run(ferry_call call, void *arg)
{
	struct full *f = arg;
	int n = 100;

	(void)call;
	f->result = ferry_context_emit(f->context, FX_TICK, &n, sizeof n);
	return FERRY_OK;
}

static void
stuck_recovers(void)
{
	struct full f;
	ferry_reply reply;
	ferry_request request;
	int n = 9;

	make_full(&f, FERRY_EVENTS_STUCK);
	T_OK(fx_do_wait(f.context, ear_emit_run, (int[]){0, 0}));
	T_EQ(ferry_context_emit(f.context, FX_TICK, &n, sizeof n),
	    FERRY_ESTUCK);
	T_EQ(ferry_request_invoke(&reply, &request, f.context, FX_NOP, NULL, 0,
	    NULL, -1), FERRY_ESTUCK);
	fx_gate_open(&f.gate);
	ear_await(&f.ear, 8);
	ear_settle(f.context);
	T_OK(ferry_request_invoke(&reply, &request, f.context, FX_NOP, NULL, 0,
	    NULL, -1));
	ear_emit(f.context, FX_TICK, 9);
	ear_emit_there(f.context, 10, 1);
	ear_await(&f.ear, 10);
	T_EQ(fx_counters(f.context).events_refused, 1);
	fx_close(f.context);
}

static void
stuck_recovers_on_the_ffi_thread(void)
{
	struct full f;

	make_full(&f, FERRY_EVENTS_STUCK);
	T_EQ(fx_do_wait(f.context, one_run, &f), FERRY_OK);
	T_EQ(f.result, FERRY_ESTUCK);
	fx_submit_fails(f.context, FX_NOP, NULL, 0, NULL, FERRY_ESTUCK);
	fx_gate_open(&f.gate);
	ear_await(&f.ear, 8);
	ear_settle(f.context);
	T_EQ(fx_do_wait(f.context, one_run, &f), FERRY_OK);
	T_EQ(f.result, FERRY_OK);
	ear_await(&f.ear, 9);
	T_EQ(fx_counters(f.context).events_refused, 1);
	fx_close(f.context);
}

static void *
one_thread(void *arg)
{
	struct full *f = arg;

	atomic_store(&f->tid, fx_tid());
	one_run(0, f);
	atomic_store(&f->done, 1);
	return NULL;
}

static void
await_blocked(struct full *f)
{
	T_WAIT_UNTIL(atomic_load(&f->tid) != 0, FX_LIMIT_MS);
	fx_await_waiting(atomic_load(&f->tid));
	T_EQ(atomic_load(&f->done), 0);
}

static void
block_waits_elsewhere(void)
{
	struct full f;
	pthread_t thread;

	make_full(&f, FERRY_EVENTS_BLOCK);
	thread = t_thread_start(one_thread, &f);
	await_blocked(&f);
	fx_gate_open(&f.gate);
	t_thread_join(thread);
	T_EQ(f.result, FERRY_OK);
	ear_await(&f.ear, 9);
	T_EQ(f.ear.dropped, 0);
	fx_close(f.context);
}

static void *
close_it(void *arg)
{
	T_OK(ferry_context_close(*(ferry_context *)arg, NULL, NULL));
	return NULL;
}

/* Both classes give up when the context closes; what was accepted is heard. */
static void
block_gives_up_on_close(void)
{
	struct full f, on_ffi;
	pthread_t thread, closer;
	ferry_request request;

	make_full(&f, FERRY_EVENTS_BLOCK);
	thread = t_thread_start(one_thread, &f);
	await_blocked(&f);
	on_ffi = (struct full){.context = f.context, .result = 1};
	request = fx_do(f.context, one_run, &on_ffi);
	T_WAIT_UNTIL(fx_counters(f.context).running == 1, FX_LIMIT_MS);
	closer = t_thread_start(close_it, &f.context);
	t_thread_join(thread);
	T_EQ(f.result, FERRY_ECLOSED);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(on_ffi.result, FERRY_ECLOSED);
	fx_gate_open(&f.gate);
	t_thread_join(closer);
	T_EQ(atomic_load(&f.ear.n), 8);
	T_EQ(atomic_load(&f.ear.gone), 1);
}

/* Many sleep for one entry; each of them gets it in its turn. */
static void
block_wakes_everybody(void)
{
	struct full f;
	struct full waiting[6];
	pthread_t threads[6];

	make_full(&f, FERRY_EVENTS_BLOCK);
	for (int i = 0; i < 6; i++) {
		waiting[i] = (struct full){.context = f.context};
		threads[i] = t_thread_start(one_thread, &waiting[i]);
		await_blocked(&waiting[i]);
	}
	fx_gate_open(&f.gate);
	for (int i = 0; i < 6; i++) {
		t_thread_join(threads[i]);
		T_EQ(waiting[i].result, FERRY_OK);
	}
	ear_await(&f.ear, 14);
	fx_close(f.context);
}

/* An event that waits for room in an inbox is still there when a listener has
 * gone meanwhile. */
static void
held_while_a_listener_goes(void)
{
	enum { N = 20 };
	ferry_context context = open_policy(FERRY_EVENTS_BLOCK, 64);
	ferry_attach_options o = {.struct_size = sizeof o,
	    .flags = FERRY_ATTACH_EVENTS, .event_capacity = 2};
	ferry_inbox inbox = fx_inbox();
	struct ear e = {0};
	ferry_completion c;
	int n;

	T_OK(ferry_inbox_attach(inbox, context, &o));
	ear_add(&e, context, FERRY_EVENT_ANY);
	for (int i = 0; i < N; i++)
		ear_emit(context, FX_TICK, i);
	/* The third is held, having been heard. */
	ear_await(&e, 3);
	T_OK(ferry_listener_remove_wait(e.self, FX_LIMIT_MS));
	T_EQ(atomic_load(&e.gone), 1);
	for (int i = 0; i < N; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		memcpy(&n, c.data, sizeof n);
		T_EQ(n, i);
		T_EQ(c.count, 0);
		fx_done(&c);
	}
	T_WAIT_UNTIL(fx_counters(context).events_dispatched == N,
	    FX_LIMIT_MS);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(held_while_a_listener_goes);
	T_RUN(stuck_recovers);
	T_RUN(stuck_recovers_on_the_ffi_thread);
	T_RUN(block_waits_elsewhere);
	T_RUN(block_gives_up_on_close);
	T_RUN(block_wakes_everybody);
)
