/*
 * A doorbell function that does not return holds whoever rings: health tells
 * when that is the FFI thread or the event thread, and of nobody else.
 */
#include "dumped.h"
#include "ear.h"
#include "watched.h"

/* Holds the first who rings. */
struct bell {
	struct fx_gate gate;
	atomic_int n;
	atomic_uint tid;
};

static void
ring(void *arg)
{
	struct bell *b = arg;

	atomic_store(&b->tid, fx_tid());
	if (atomic_fetch_add(&b->n, 1) == 0)
		fx_gate_pass(&b->gate);
}

static ferry_inbox
inbox_of(struct bell *b)
{
	ferry_inbox_options o = {.struct_size = sizeof o, .doorbell = ring,
	    .user = b};
	ferry_inbox inbox;

	*b = (struct bell){.gate = FX_GATE_SHUT};
	T_OK(ferry_inbox_open(&inbox, &o));
	return inbox;
}

static void
nobody_rings(ferry_context context)
{
	ferry_health h = health(context);

	T_NE(h.worker, FERRY_THREAD_IN_DOORBELL);
	T_NE(h.watcher, FERRY_THREAD_IN_DOORBELL);
}

/* The reply of a request: its FFI thread rings. */
static void
on_the_ffi_thread(void)
{
	ferry_context context = fx_open();
	struct bell b;
	ferry_inbox inbox = inbox_of(&b);
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	ferry_completion c;
	ferry_health h;
	char *text;

	fx_attach(inbox, context, 0, NULL);
	fx_submit(context, FX_NOP, NULL, 0, &o);
	fx_gate_await(&b.gate, 1);
	h = health(context);
	T_EQ(h.worker, FERRY_THREAD_IN_DOORBELL);
	T_ASSERT(fx_is_id_of(h.worker_thread, atomic_load(&b.tid)));
	T_NE(h.watcher, FERRY_THREAD_IN_DOORBELL);
	text = dump_now();
	dump_has(text, ": in a doorbell function, level ");
	free(text);
	fx_gate_open(&b.gate);
	T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IDLE,
	    FX_LIMIT_MS);
	T_EQ(ferry_inbox_take(&c, 1, inbox), 1);
	fx_done(&c);
	nobody_rings(context);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* An event: the event thread rings. */
static void
on_the_event_thread(void)
{
	ferry_context context = fx_open();
	struct bell b;
	ferry_inbox inbox = inbox_of(&b);
	ferry_completion c;
	ferry_health h;
	char *text;

	fx_attach(inbox, context, FERRY_ATTACH_EVENTS, NULL);
	ear_emit(context, FX_TICK, 0);
	fx_gate_await(&b.gate, 1);
	h = health(context);
	T_EQ(h.watcher, FERRY_THREAD_IN_DOORBELL);
	T_ASSERT(fx_is_id_of(h.watcher_thread, atomic_load(&b.tid)));
	T_NE(h.worker, FERRY_THREAD_IN_DOORBELL);
	text = dump_now();
	dump_has(text, ": in a doorbell function, looked ");
	free(text);
	fx_gate_open(&b.gate);
	T_WAIT_UNTIL(health(context).watcher == FERRY_THREAD_IDLE,
	    FX_LIMIT_MS);
	T_EQ(ferry_inbox_take(&c, 1, inbox), 1);
	fx_done(&c);
	nobody_rings(context);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void *
cancel_it(void *arg)
{
	T_OK(ferry_request_cancel(*(ferry_request *)arg));
	return NULL;
}

/* A request that is cancelled in the queue: the canceller rings, which is no
 * thread of Ferry's. */
static void
on_a_canceller(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct bell b;
	ferry_inbox inbox = inbox_of(&b);
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	ferry_request held, queued;
	ferry_completion c;
	pthread_t thread;

	fx_attach(inbox, context, 0, NULL);
	held = fx_hold(context, &gate);
	queued = fx_submit(context, FX_NOP, NULL, 0, &o);
	thread = t_thread_start(cancel_it, &queued);
	fx_gate_await(&b.gate, 1);
	T_EQ(health(context).worker, FERRY_THREAD_BUSY);
	nobody_rings(context);
	fx_gate_open(&b.gate);
	t_thread_join(thread);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_EQ(ferry_inbox_take(&c, 1, inbox), 1);
	T_EQ(c.status, FERRY_ECANCELED);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(on_the_ffi_thread);
	T_RUN(on_the_event_thread);
	T_RUN(on_a_canceller);
)
