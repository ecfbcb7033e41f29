/*
 * Listeners: which events they hear, in which order and on which thread; when
 * they start to; what they may call. How they go is in listener_remove.c.
 */
#include "ear.h"

static void
hears_in_order(void)
{
	ferry_context context = fx_open();
	struct ear e = {0};

	ear_add(&e, context, FERRY_EVENT_ANY);
	ear_emit_there(context, 0, 200);
	ear_await(&e, 200);
	for (int i = 0; i < 200; i++)
		ear_emit(context, FX_TOCK, 200 + i);
	ear_await(&e, 400);
	for (int i = 0; i < 400; i++)
		T_EQ(e.heard[i], i);
	T_EQ(e.last_event, FX_TOCK);
	T_EQ(e.dropped, 0);
	T_ASSERT(!pthread_equal(e.thread, pthread_self()));
	ear_settle(context);
	T_EQ(fx_counters(context).events_heard, 400);
	T_EQ(fx_counters(context).events_dispatched, 400);
	T_EQ(fx_counters(context).events_emitted, 400);
	T_EQ(atomic_load(&e.gone), 0);
	fx_close(context);
	T_EQ(atomic_load(&e.gone), 1);
	T_EQ(ferry_listener_remove(e.self), FERRY_ESTALE);
}

/* Each hears its own; who wants any, all; inboxes still get theirs. */
static void
filters(void)
{
	ferry_context context = fx_open();
	struct ear tick = {0}, tock = {0}, any[2] = {0};
	ferry_inbox inbox = fx_inbox();
	ferry_completion c;

	fx_attach(inbox, context, FERRY_ATTACH_EVENTS, NULL);
	ear_add(&tick, context, FX_TICK);
	ear_add(&any[0], context, FERRY_EVENT_ANY);
	ear_add(&tock, context, FX_TOCK);
	ear_add(&any[1], context, FERRY_EVENT_ANY);
	for (int i = 0; i < 60; i++)
		ear_emit(context, i % 3 == 0 ? FX_TOCK : FX_TICK, i);
	ear_await(&any[0], 60);
	ear_settle(context);
	ear_await(&any[1], 60);
	ear_await(&tick, 40);
	ear_await(&tock, 20);
	for (int i = 0; i < 60; i++) {
		T_EQ(any[0].heard[i], i);
		T_EQ(any[1].heard[i], i);
		if (i < 20)
			T_EQ(tock.heard[i], 3 * i);
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_EQ(*(int *)c.data, i);
		fx_done(&c);
	}
	T_EQ(tick.last_event, FX_TICK);
	T_EQ(tock.last_event, FX_TOCK);
	/* What was for others is not lost. */
	T_EQ(tick.dropped + tock.dropped, 0);
	T_EQ(fx_counters(context).events_heard, 180);
	T_EQ(fx_counters(context).events_dispatched, 60);
	fx_close(context);
	T_EQ(atomic_load(&tick.gone) + atomic_load(&tock.gone) +
	    atomic_load(&any[0].gone) + atomic_load(&any[1].gone), 4);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* With somebody there who wants another event, this one was not unheard. */
static void
nobody_and_somebody(void)
{
	ferry_context context = fx_open();
	struct ear tock = {0};

	ear_emit(context, FX_TICK, 0);
	T_EQ(fx_counters(context).events_unheard, 1);
	ear_add(&tock, context, FX_TOCK);
	ear_emit(context, FX_TICK, 1);
	ear_settle(context);
	T_EQ(fx_counters(context).events_unheard, 1);
	T_EQ(fx_counters(context).events_heard, 0);
	T_OK(ferry_listener_remove_wait(tock.self, -1));
	ear_emit(context, FX_TICK, 2);
	T_EQ(fx_counters(context).events_unheard, 2);
	fx_close(context);
}

/* What was emitted before the add, by either class, is queued all the while
 * and is not its business; what is emitted after is. */
static void
hears_from_its_add_on(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear first = {0}, late = {0};

	ear_hold(&first, context, &gate);
	ear_emit_there(context, 1, 20);
	for (int i = 21; i <= 40; i++)
		ear_emit(context, FX_TICK, i);
	ear_add(&late, context, FERRY_EVENT_ANY);
	for (int i = 41; i <= 60; i++)
		ear_emit(context, FX_TICK, i);
	ear_emit_there(context, 61, 20);
	fx_gate_open(&gate);
	ear_await(&first, 81);
	ear_settle(context);
	ear_await(&late, 40);
	for (int i = 0; i < 40; i++)
		T_GT(late.heard[i], 40);
	T_EQ(late.dropped, 0);
	fx_close(context);
}

/* Likewise what overflow took before it came. */
static void
drops_before_its_add(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear first = {0}, late = {0};
	ferry_context context;

	o.event_capacity = 4;
	context = fx_open_with(&o);
	ear_hold(&first, context, &gate);
	ear_emit_there(context, 100, 10); /* six of them dropped */
	for (int i = 0; i < 10; i++)      /* and seven of these */
		ear_emit(context, FX_TICK, i);
	ear_add(&late, context, FERRY_EVENT_ANY);
	ear_emit_there(context, 200, 2); /* two more, of those queued */
	fx_gate_open(&gate);
	ear_settle(context);
	ear_emit(context, FX_TICK, 300);
	ear_settle(context);
	T_EQ(fx_counters(context).events_dropped, 8);
	T_EQ(fx_counters(context).events_dropped_elsewhere, 7);
	ear_await(&late, 3);
	T_EQ(late.heard[2], 300);
	T_EQ(late.dropped, 0);
	T_EQ(first.dropped, 15);
	fx_close(context);
}

static atomic_int stop;

static void *
emit_on(void *arg)
{
	int n = 7;

	while (!atomic_load(&stop))
		T_OK(ferry_context_emit(
		    *(ferry_context *)arg, FX_TICK, &n, sizeof n));
	return NULL;
}

static void
own_remove(struct ear *e)
{
	e->result = ferry_listener_remove(e->self);
	T_OK(e->result);
}

/* The token is there when the first call is. */
static void
token_before_first_call(void)
{
	ferry_context context = fx_open();
	pthread_t emitter;

	atomic_store(&stop, 0);
	emitter = t_thread_start(emit_on, &context);
	for (int i = 0; i < 2000; i++) {
		struct ear e = {.also = own_remove, .result = 1};

		ear_add(&e, context, FERRY_EVENT_ANY);
		ear_await_gone(&e);
		T_EQ(e.result, FERRY_OK);
		T_EQ(atomic_load(&e.n), 1);
	}
	atomic_store(&stop, 1);
	t_thread_join(emitter);
	fx_close(context);
}

/* ------------------------------------------------------------- refusals */

static void
check_refusals(ferry_context context, struct ear *e)
{
	ferry_listener_options o = ear_options(e, FX_TICK);
	ferry_listener out = 77;
	struct {
		ferry_listener_options o;
		uint64_t tail;
	} longer = {.o = o, .tail = 1};

	T_EQ(ferry_listener_add(NULL, context, &o), FERRY_EINVAL);
	T_EQ(ferry_listener_add(&out, context, NULL), FERRY_EINVAL);
	o.listener = NULL;
	T_EQ(ferry_listener_add(&out, context, &o), FERRY_EINVAL);
	o = ear_options(e, FX_TICK);
	o.flags = 1;
	T_EQ(ferry_listener_add(&out, context, &o), FERRY_EINVAL);
	o = ear_options(e, FX_TICK);
	o.struct_size = 0;
	T_EQ(ferry_listener_add(&out, context, &o), FERRY_EINVAL);
	/* So short that there is no function in it. */
	o.struct_size = offsetof(ferry_listener_options, listener);
	T_EQ(ferry_listener_add(&out, context, &o), FERRY_EINVAL);
	longer.o.struct_size = sizeof longer;
	T_EQ(ferry_listener_add(&out, context, &longer.o), FERRY_EINVAL);
	o = ear_options(e, FX_N_EVENTS);
	T_EQ(ferry_listener_add(&out, context, &o), FERRY_ENOEVENT);
	o.event = FERRY_EVENT_ANY - 1;
	T_EQ(ferry_listener_add(&out, context, &o), FERRY_ENOEVENT);
	o.event = FX_TICK;
	T_EQ(ferry_listener_add(&out, 0, &o), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_listener_add(&out, FX_FORGED, &o)));
	T_EQ(ferry_listener_add(&out, (ferry_context)e->self, &o),
	    FERRY_EINVAL);
	T_EQ(out, 77);
}

static void
refusals(void)
{
	ferry_context context = fx_open();
	struct ear e = {0}, added = {0};
	ferry_listener_options o = ear_options(&e, FX_TICK);

	ear_add(&added, context, FX_TICK);
	e.self = added.self;
	check_refusals(context, &e);
	T_EQ(ferry_listener_remove(0), FERRY_EINVAL);
	T_EQ(ferry_listener_remove(context), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_listener_remove(FX_FORGED)));
	T_EQ(ferry_listener_remove_wait(0, 0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_listener_remove_wait(FX_FORGED, 0)));
	ear_emit(context, FX_TICK, 0);
	ear_await(&added, 1);
	fx_close(context);
	T_EQ(ferry_listener_add(&e.self, context, &o), FERRY_ESTALE);
	T_EQ(atomic_load(&added.gone), 1);
	T_EQ(atomic_load(&e.gone), 0); /* never after a failed add */
	T_EQ(atomic_load(&e.n), 0);
}

/* Without `gone`, user and name, as far as an older caller knows them. */
static void
short_options(void)
{
	ferry_context context = fx_open();
	struct ear e = {.context = context};
	ferry_listener_options o = ear_options(&e, FX_TICK);
	ferry_listener l;

	o.struct_size = offsetof(ferry_listener_options, name);
	T_OK(ferry_listener_add(&l, context, &o));
	o.struct_size = sizeof o;
	o.gone = NULL;
	o.name = NULL;
	T_OK(ferry_listener_add(&e.self, context, &o));
	T_NE(l, e.self);
	T_OK(ferry_listener_remove_wait(e.self, -1));
	ear_emit(context, FX_TICK, 5);
	ear_await(&e, 1);
	fx_close(context);
	T_EQ(atomic_load(&e.gone), 1);
}

struct closing {
	ferry_context context;
	struct fx_gate *gate;
	int result;
};

static int
add_in_close(ferry_call call, void *arg)
{
	struct closing *c = arg;
	struct ear e = {0};
	ferry_listener_options o = ear_options(&e, FX_TICK);
	ferry_listener out = 77;

	(void)call;
	fx_gate_pass(c->gate);
	c->result = ferry_listener_add(&out, c->context, &o);
	T_EQ(out, 77);
	return FERRY_OK;
}

static void *
close_it(void *arg)
{
	T_OK(ferry_context_close(*(ferry_context *)arg, NULL, NULL));
	return NULL;
}

static void
add_while_closing(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct closing c = {fx_open(), &gate, 1};
	ferry_request request = fx_do(c.context, add_in_close, &c);
	pthread_t closer;

	fx_gate_await(&gate, 1);
	closer = t_thread_start(close_it, &c.context);
	ear_await_closing(c.context);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	t_thread_join(closer);
	T_EQ(c.result, FERRY_ECLOSED);
}

/* --------------------------------------------------- from callbacks of all */

struct from {
	ferry_context context;
	struct ear ear;
	ferry_listener removed; /* by a hook */
	int added, waited;
	atomic_int calls;
};

static int
add_in_handler(ferry_call call, void *arg)
{
	struct from *f = arg;

	(void)call;
	ear_add(&f->ear, f->context, FX_TICK);
	f->waited = ferry_listener_remove_wait(f->ear.self, 0);
	return FERRY_OK;
}

static void
from_a_handler(void)
{
	struct from f = {.context = fx_open()};

	T_OK(fx_do_wait(f.context, add_in_handler, &f));
	T_EQ(f.waited, FERRY_EREENTRANT); /* and is not removed by that */
	ear_emit(f.context, FX_TICK, 1);
	ear_await(&f.ear, 1);
	fx_close(f.context);
}

static void
add_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	add_in_handler(0, user);
	atomic_fetch_add(&((struct from *)user)->calls, 1);
}

static void
from_a_callback(void)
{
	struct from f = {.context = fx_open()};
	ferry_request_options o = fx_request_options();

	o.callback = add_in_callback;
	o.user = &f;
	fx_submit(f.context, FX_NOP, NULL, 0, &o);
	T_WAIT_UNTIL(atomic_load(&f.calls) == 1, FX_LIMIT_MS);
	T_EQ(f.waited, FERRY_EREENTRANT);
	ear_emit(f.context, FX_TICK, 1);
	ear_await(&f.ear, 1);
	fx_close(f.context);
}

static void
use_in_hook(ferry_call call, void *user)
{
	struct from *f = user;
	ferry_listener_options o = ear_options(&f->ear, FX_TICK);
	ferry_listener out = 77;

	(void)call;
	f->added = ferry_listener_add(&out, f->context, &o);
	T_EQ(out, 77);
	f->waited = ferry_listener_remove_wait(f->removed, 0);
	T_OK(ferry_listener_remove(f->removed));
}

static void
from_a_hook(void)
{
	struct from f = {.context = fx_open()};
	struct fx_later later = FX_LATER;
	struct ear e = {0};
	ferry_request request;

	ear_add(&e, f.context, FX_TICK);
	f.removed = e.self;
	later.hook = use_in_hook;
	later.hook_user = &f;
	request = fx_later(f.context, &later);
	T_OK(ferry_request_cancel(request));
	T_EQ(f.added, FERRY_EREENTRANT);
	T_EQ(f.waited, FERRY_EREENTRANT);
	ear_await_gone(&e);
	T_EQ(atomic_load(&f.ear.gone), 0);
	T_OK(ferry_call_reply(later.call, FERRY_ECANCELED, NULL, 0));
	fx_wait(request);
	fx_close(f.context);
}

static void
add_at_bell(void *user)
{
	struct from *f = user;
	ferry_listener_options o = ear_options(&f->ear, FX_TICK);
	ferry_listener out;

	f->added = ferry_listener_add(&out, f->context, &o);
	f->waited = ferry_listener_remove_wait(f->removed, 0);
	atomic_fetch_add(&f->calls, 1);
}

static void
from_a_doorbell(void)
{
	struct from f = {.context = fx_open()};
	ferry_inbox_options o = {.struct_size = sizeof o,
	    .doorbell = add_at_bell, .user = &f};
	ferry_attach_options ao = {.struct_size = sizeof ao,
	    .flags = FERRY_ATTACH_EVENTS};
	struct ear e = {0};
	ferry_inbox inbox;

	ear_add(&e, f.context, FX_TICK);
	f.removed = e.self;
	T_OK(ferry_inbox_open(&inbox, &o));
	T_OK(ferry_inbox_attach(inbox, f.context, &ao));
	ear_emit(f.context, FX_TICK, 0);
	T_WAIT_UNTIL(atomic_load(&f.calls) >= 1, FX_LIMIT_MS);
	T_EQ(f.added, FERRY_EREENTRANT);
	T_EQ(f.waited, FERRY_EREENTRANT);
	fx_close(f.context);
	T_EQ(atomic_load(&f.ear.gone), 0);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(hears_in_order);
	T_RUN(filters);
	T_RUN(nobody_and_somebody);
	T_RUN(hears_from_its_add_on);
	T_RUN(drops_before_its_add);
	T_RUN(token_before_first_call);
	T_RUN(refusals);
	T_RUN(short_options);
	T_RUN(add_while_closing);
	T_RUN(from_a_handler);
	T_RUN(from_a_callback);
	T_RUN(from_a_hook);
	T_RUN(from_a_doorbell);
)
