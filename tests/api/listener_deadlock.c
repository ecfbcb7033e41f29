/*
 * Law 4 with listeners and emits that block: circles through FFI and event
 * threads are refused to whoever comes last, and nobody else is.
 *
 * Every emit here is by FERRY_EVENTS_BLOCK, with room for one event of either
 * class beside the one in the event thread's hands.
 */
#include "ear.h"

static ferry_context
open_small(const char *key)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = FERRY_EVENTS_BLOCK;
	o.event_capacity = 1;
	o.worker_key = key;
	return fx_open_with(&o);
}

/* What an ear does in one of its calls, and what became of it. */
struct deed {
	ferry_context target; /* emitted to or invoked */
	int (*run)(ferry_call, void *); /* there; NULL: a NOP */
	void *arg;
	int at;               /* in which call, from 0 */
	int emits;            /* rather than invokes */
	int result;
	ferry_request request;
	atomic_uint tid;      /* when it is about to */
};

static void
do_deed(struct deed *d)
{
	struct fx_job job = {d->run, d->arg};
	ferry_reply reply;
	int n = 1000;

	d->request = 77;
	atomic_store(&d->tid, fx_tid());
	if (d->emits)
		d->result = ferry_context_emit(
		    d->target, FX_TICK, &n, sizeof n);
	else
		d->result = ferry_request_invoke(&reply, &d->request,
		    d->target, d->run != NULL ? FX_DO : FX_NOP, &job,
		    d->run != NULL ? sizeof job : 0, NULL, -1);
}

static void
ear_deed(struct ear *e)
{
	struct deed *d = e->arg;

	if (atomic_load(&e->n) == d->at + 1)
		do_deed(d);
}

static int
deed_run(ferry_call call, void *arg)
{
	(void)call;
	do_deed(arg);
	return FERRY_OK;
}

/* A handler that stands in a gate before its deed. */
struct held {
	struct fx_gate gate;
	struct deed deed;
};

static int
held_run(ferry_call call, void *arg)
{
	struct held *h = arg;

	fx_gate_pass(&h->gate);
	return deed_run(call, &h->deed);
}

static void
await_asleep(struct deed *d)
{
	T_WAIT_UNTIL(atomic_load(&d->tid) != 0, FX_LIMIT_MS);
	fx_await_waiting(atomic_load(&d->tid));
}

/* ------------------------------------------------ a handler and a listener */

/* The handler waits for room; then the listener would wait for it. */
static void
listener_comes_last(void)
{
	ferry_context a = open_small(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct deed ask = {.target = a, .result = 1};
	struct deed say = {.target = a, .emits = 1, .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};
	ferry_request handler;

	ear_hold(&e, a, &gate);
	ear_emit_there(a, 1, 1);
	handler = fx_do(a, deed_run, &say);
	await_asleep(&say);
	fx_gate_open(&gate);
	T_EQ(fx_wait(handler), FERRY_OK);
	T_EQ(ask.result, FERRY_EDEADLK);
	T_EQ(ask.request, 0);
	T_EQ(say.result, FERRY_OK);
	ear_await(&e, 3);
	T_EQ(fx_accepted(a), 2); /* the refused one was never submitted */
	fx_close(a);
}

/* The listener waits for a request behind the handler, which then would wait
 * for room. */
static void
handler_comes_last(void)
{
	ferry_context a = open_small(NULL);
	struct deed ask = {.target = a, .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};
	struct held h = {FX_GATE_SHUT,
	    {.target = a, .emits = 1, .result = 1}};
	ferry_request handler;

	ear_add(&e, a, FERRY_EVENT_ANY);
	handler = fx_do(a, held_run, &h);
	fx_gate_await(&h.gate, 1);
	ear_emit(a, FX_TICK, 0);
	await_asleep(&ask);
	fx_gate_open(&h.gate);
	/* There is room for one on the ring. */
	T_EQ(fx_wait(handler), FERRY_OK);
	T_EQ(h.deed.result, FERRY_OK);
	ear_await(&e, 2);
	T_EQ(ask.result, FERRY_OK);
	fx_close(a);
}

static int
two_deeds_run(ferry_call call, void *arg)
{
	struct held *h = arg;

	fx_gate_pass(&h->gate);
	for (int i = 0; i < 2; i++)
		deed_run(call, &h->deed);
	return FERRY_OK;
}

static void
handler_comes_last_and_there_is_no_room(void)
{
	ferry_context a = open_small(NULL);
	struct deed ask = {.target = a, .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};
	struct held h = {FX_GATE_SHUT,
	    {.target = a, .emits = 1, .result = 1}};
	ferry_request handler;

	ear_add(&e, a, FERRY_EVENT_ANY);
	handler = fx_do(a, two_deeds_run, &h);
	fx_gate_await(&h.gate, 1);
	ear_emit(a, FX_TICK, 0);
	await_asleep(&ask);
	fx_gate_open(&h.gate);
	T_EQ(fx_wait(handler), FERRY_OK);
	T_EQ(h.deed.result, FERRY_EDEADLK);
	ear_await(&e, 2);
	T_EQ(ask.result, FERRY_OK);
	T_EQ(fx_counters(a).events_emitted, 2);
	fx_close(a);
}

/* ----------------------------------------------- a listener with itself */

/* The event in hand is from elsewhere, and takes the one place there is. */
static void
emits_to_itself(void)
{
	ferry_context a = open_small("d"), b = open_small("d");
	struct deed say = {.target = a, .emits = 1, .result = 1};
	struct ear e = {.also = ear_deed, .arg = &say}, other = {0};

	ear_add(&e, a, FERRY_EVENT_ANY);
	ear_add(&other, b, FERRY_EVENT_ANY);
	ear_emit(a, FX_TICK, 0);
	ear_await(&e, 1);
	ear_settle(a);
	T_EQ(say.result, FERRY_EDEADLK);
	/* With room there is nothing to wait for. */
	say.at = 1;
	ear_emit_there(a, 1, 1);
	ear_await(&e, 3);
	T_EQ(say.result, FERRY_OK);
	fx_close(a);
	fx_close(b);
}

/* A sibling's events are delivered by the same thread. */
static void
emits_to_a_full_sibling(void)
{
	ferry_context a = open_small("s"), b = open_small("s");
	struct fx_gate gate = FX_GATE_SHUT;
	struct deed say = {.target = b, .emits = 1, .result = 1};
	struct ear e = {.also = ear_deed, .arg = &say}, other = {0};

	ear_add(&other, b, FERRY_EVENT_ANY);
	ear_hold(&e, a, &gate);
	ear_emit(b, FX_TICK, 1);
	fx_gate_open(&gate);
	ear_await(&other, 1);
	ear_settle(a);
	T_EQ(say.result, FERRY_EDEADLK);
	fx_close(a);
	fx_close(b);
}

/* ------------------------------------------------------ over two workers */

/* Event thread of a -> FFI thread of b -> event thread of a. */
static void
circle_through_an_emit_of_another_worker(void)
{
	ferry_context a = open_small(NULL), b = open_small(NULL);
	struct deed say = {.target = a, .emits = 1, .result = 1};
	struct deed ask = {.target = b, .run = deed_run, .arg = &say,
	    .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};

	ear_add(&e, a, FERRY_EVENT_ANY);
	ear_emit(a, FX_TICK, 0);
	ear_await(&e, 1);
	ear_settle(a);
	T_EQ(say.result, FERRY_EDEADLK);
	T_EQ(ask.result, FERRY_OK);
	fx_close(a);
	fx_close(b);
}

/* Event thread of a -> FFI of b -> FFI of a -> event thread of a. */
static void
circle_of_three(void)
{
	ferry_context a = open_small(NULL), b = open_small(NULL);
	struct held say = {FX_GATE_SHUT,
	    {.target = a, .emits = 1, .result = 1}};
	struct deed through = {.target = a, .run = two_deeds_run, .arg = &say,
	    .result = 1};
	struct deed ask = {.target = b, .run = deed_run, .arg = &through,
	    .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};

	fx_gate_open(&say.gate);
	ear_add(&e, a, FERRY_EVENT_ANY);
	ear_emit(a, FX_TICK, 0);
	ear_await(&e, 2);
	ear_settle(a);
	T_EQ(say.deed.result, FERRY_EDEADLK);
	T_EQ(through.result, FERRY_OK);
	T_EQ(ask.result, FERRY_OK);
	fx_close(a);
	fx_close(b);
}

/* Event thread of a -> FFI of a -> FFI of b, which waits for a's room. */
static void
circle_by_its_own_context(void)
{
	ferry_context a = open_small(NULL), b = open_small(NULL);
	struct deed say = {.target = a, .emits = 1, .result = 1};
	struct deed through = {.target = b, .run = deed_run, .arg = &say,
	    .result = 1};
	struct deed ask = {.target = a, .run = deed_run, .arg = &through,
	    .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};

	ear_add(&e, a, FERRY_EVENT_ANY);
	ear_emit(a, FX_TICK, 0);
	ear_await(&e, 1);
	ear_settle(a);
	T_EQ(say.result, FERRY_EDEADLK);
	T_EQ(through.result, FERRY_OK);
	T_EQ(ask.result, FERRY_OK);
	fx_close(a);
	fx_close(b);
}

/* Two event threads, each of which wants room of the other, at once. */
static void
two_event_threads(void)
{
	for (int round = 0; round < 200; round++) {
		ferry_context c[2] = {open_small(NULL), open_small(NULL)};
		struct deed say[2];
		struct ear e[2];

		for (int i = 0; i < 2; i++) {
			say[i] = (struct deed){.target = c[1 - i], .emits = 1,
			    .result = 1};
			memset(&e[i], 0, sizeof e[i]);
			e[i].also = ear_deed;
			e[i].arg = &say[i];
			ear_add(&e[i], c[i], FERRY_EVENT_ANY);
		}
		for (int i = 0; i < 2; i++)
			ear_emit(c[i], FX_TICK, 0);
		for (int i = 0; i < 2; i++)
			ear_settle(c[i]);
		/* Nobody is left waiting; at once, both may be refused. */
		for (int i = 0; i < 2; i++)
			T_ASSERT(say[i].result == FERRY_OK ||
			    say[i].result == FERRY_EDEADLK);
		for (int i = 0; i < 2; i++)
			fx_close(c[i]);
	}
}

/* Likewise two that invoke each other's: no circle, FFI threads answer. */
static void
listeners_that_ask_each_other(void)
{
	ferry_context c[2] = {open_small(NULL), open_small(NULL)};

	for (int round = 0; round < 200; round++) {
		struct deed ask[2];
		struct ear e[2];

		for (int i = 0; i < 2; i++) {
			ask[i] = (struct deed){.target = c[1 - i],
			    .result = 1};
			memset(&e[i], 0, sizeof e[i]);
			e[i].also = ear_deed;
			e[i].arg = &ask[i];
			ear_add(&e[i], c[i], FERRY_EVENT_ANY);
		}
		for (int i = 0; i < 2; i++)
			ear_emit(c[i], FX_TICK, 0);
		for (int i = 0; i < 2; i++) {
			T_OK(ferry_listener_remove_wait(
			    (ear_await(&e[i], 1), e[i].self), -1));
			T_EQ(ask[i].result, FERRY_OK);
		}
	}
	fx_close(c[0]);
	fx_close(c[1]);
}

/* ---------------------------------------------- no circle where none is */

static int
emit_three_run(ferry_call call, void *arg)
{
	struct deed *d = arg;

	for (int i = 0; i < 3; i++) {
		deed_run(call, d);
		T_EQ(d->result, FERRY_OK);
	}
	return FERRY_OK;
}

/* The handler sleeps for room. The event thread makes some, and with the next
 * event asks that very handler's thread: which has room now, and answers. */
static void
room_ends_the_edge(void)
{
	for (int round = 0; round < 200; round++) {
		ferry_context a = open_small(NULL);
		struct fx_gate gate = FX_GATE_SHUT;
		struct deed ask = {.target = a, .at = 1, .result = 1};
		struct deed say = {.target = a, .emits = 1, .result = 1};
		struct ear e = {.also = ear_deed, .arg = &ask,
		    .gate = &gate};
		ferry_request handler;

		ear_add(&e, a, FERRY_EVENT_ANY);
		/* One in hand, one on the ring, one to wait for. */
		handler = fx_do(a, emit_three_run, &say);
		fx_gate_await(&gate, 1);
		await_asleep(&say);
		fx_gate_open(&gate);
		T_EQ(fx_wait(handler), FERRY_OK);
		ear_await(&e, 3);
		T_EQ(ask.result, FERRY_OK);
		fx_close(a);
	}
}

/* The same with a handler of another worker. */
static void
room_ends_the_edge_of_others(void)
{
	for (int round = 0; round < 200; round++) {
		ferry_context a = open_small(NULL), b = open_small(NULL);
		struct fx_gate gate = FX_GATE_SHUT;
		struct deed ask = {.target = b, .at = 1, .result = 1};
		struct deed say = {.target = a, .emits = 1, .result = 1};
		struct ear e = {.also = ear_deed, .arg = &ask};
		ferry_request handler;

		ear_hold(&e, a, &gate);
		handler = fx_do(b, deed_run, &say);
		await_asleep(&say);
		fx_gate_open(&gate);
		T_EQ(fx_wait(handler), FERRY_OK);
		ear_await(&e, 2);
		ear_settle(a);
		T_EQ(ask.result, FERRY_OK);
		T_EQ(say.result, FERRY_OK);
		fx_close(a);
		fx_close(b);
	}
}

/* A handler sleeps until there is some, and is not told of a circle. */
static void
wait_for_room(ferry_context a)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct deed say = {.target = a, .emits = 1, .result = 1};
	struct ear e = {0};
	ferry_request handler;

	ear_settle(a);
	ear_hold(&e, a, &gate);
	ear_emit_there(a, 1, 1);
	handler = fx_do(a, deed_run, &say);
	await_asleep(&say); /* or, if it was refused, the FFI thread */
	fx_gate_open(&gate);
	T_EQ(fx_wait(handler), FERRY_OK);
	T_EQ(say.result, FERRY_OK);
	T_OK(ferry_listener_remove_wait(e.self, -1));
	ear_settle(a);
}

/* A listener that was refused leaves no edge behind: handlers that wait for
 * room later are not told of a circle. */
static void
refused_waits_leave_no_edge(void)
{
	ferry_context a = open_small(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct deed ask = {.target = a, .result = 1};
	struct deed say = {.target = a, .emits = 1, .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};
	ferry_request handler;

	ear_hold(&e, a, &gate);
	ear_emit_there(a, 1, 1);
	handler = fx_do(a, deed_run, &say);
	await_asleep(&say);
	fx_gate_open(&gate);
	T_EQ(fx_wait(handler), FERRY_OK);
	T_EQ(ask.result, FERRY_EDEADLK);
	wait_for_room(a);
	/* Likewise the event thread's to itself. */
	ask = (struct deed){.target = a, .at = atomic_load(&e.n), .emits = 1,
	    .result = 1};
	ear_emit(a, FX_TICK, 0);
	ear_settle(a);
	T_EQ(ask.result, FERRY_EDEADLK);
	wait_for_room(a);
	fx_close(a);
}

/* A deferred call may be answered by somebody who does not wait. */
static int
later_answer(ferry_call call, void *arg)
{
	T_OK(ferry_call_defer(call));
	*(_Atomic ferry_call *)arg = call;
	return FERRY_OK;
}

static void
deferred_calls_are_no_edge(void)
{
	ferry_context a = open_small(NULL);
	_Atomic ferry_call later = 0;
	struct deed ask = {.target = a, .run = later_answer,
	    .arg = (void *)&later, .result = 1};
	struct deed say = {.target = a, .emits = 1, .result = 1};
	struct ear e = {.also = ear_deed, .arg = &ask};
	ferry_request handler;

	ear_add(&e, a, FERRY_EVENT_ANY);
	ear_emit(a, FX_TICK, 0);
	T_WAIT_UNTIL(atomic_load(&later) != 0, FX_LIMIT_MS);
	await_asleep(&ask);
	ear_emit_there(a, 1, 1);
	handler = fx_do(a, deed_run, &say); /* no room */
	await_asleep(&say);
	T_EQ(say.result, 1);
	T_OK(ferry_call_reply(atomic_load(&later), 0, NULL, 0));
	T_EQ(fx_wait(handler), FERRY_OK);
	T_EQ(say.result, FERRY_OK);
	ear_await(&e, 3);
	T_EQ(ask.result, FERRY_OK);
	fx_close(a);
}

T_MAIN(
	T_RUN(listener_comes_last);
	T_RUN(handler_comes_last);
	T_RUN(handler_comes_last_and_there_is_no_room);
	T_RUN(emits_to_itself);
	T_RUN(emits_to_a_full_sibling);
	T_RUN(circle_through_an_emit_of_another_worker);
	T_RUN(circle_of_three);
	T_RUN(circle_by_its_own_context);
	T_RUN(two_event_threads);
	T_RUN(listeners_that_ask_each_other);
	T_RUN(room_ends_the_edge);
	T_RUN(room_ends_the_edge_of_others);
	T_RUN(refused_waits_leave_no_edge);
	T_RUN(deferred_calls_are_no_edge);
)
