/*
 * What a listener may call: requests to any context, its own too, by every
 * route; emits, listeners and looks at everything; nothing that waits for a
 * thread that could be waiting for it.
 */
#include "ear.h"

/* A listener does one thing, in the first event it hears. */
struct caller {
	struct ear ear;
	ferry_context own, other;
	ferry_inbox inbox;
	struct fx_slot slot;
	struct ear added;
	ferry_request request;
	int status;
};

static void
call_by(struct caller *c, ferry_context context, void (*also)(struct ear *))
{
	c->own = context;
	c->ear.also = also;
	c->ear.arg = c;
	ear_add(&c->ear, context, FX_TICK);
	ear_emit(context, FX_TICK, 1);
	ear_await(&c->ear, 1);
	T_OK(ferry_listener_remove_wait(c->ear.self, FX_LIMIT_MS));
}

/* ------------------------------------------------------------- requests */

static void
by_callback(struct ear *e)
{
	struct caller *c = e->arg;
	ferry_request_options o = fx_to_slot(&c->slot);

	c->ear.result = ferry_request_submit(
	    &c->request, c->other, FX_ECHO, "tick", 4, &o);
}

static void
by_inbox(struct ear *e)
{
	struct caller *c = e->arg;
	ferry_request_options o = fx_to_inbox(c->inbox, c);

	c->ear.result = ferry_request_submit(
	    &c->request, c->other, FX_ECHO, "tock", 4, &o);
}

static void
by_invoke(struct ear *e)
{
	struct caller *c = e->arg;
	ferry_reply reply;

	c->ear.result = ferry_request_invoke(&reply, &c->request, c->other,
	    FX_ECHO, "boom", 4, NULL, -1);
	if (c->ear.result != FERRY_OK)
		return;
	c->status = reply.status;
	T_EQ(reply.size, 4);
	T_ASSERT(memcmp(reply.data, "boom", 4) == 0);
	T_OK(ferry_block_release(reply.data));
}

static void
by_cancel(struct ear *e)
{
	struct caller *c = e->arg;

	c->ear.result = ferry_request_cancel(c->request);
}

/* All of it, from a listener of `own` to `other`. */
static void
requests_to(ferry_context own, ferry_context other)
{
	struct caller c = {.other = other, .inbox = fx_inbox()};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_completion done;

	T_OK(ferry_inbox_attach(c.inbox, other, NULL));
	call_by(&c, own, by_callback);
	T_OK(c.ear.result);
	fx_slot_await(&c.slot);
	T_EQ(c.slot.status, FERRY_OK);

	memset(&c.ear, 0, sizeof c.ear);
	call_by(&c, own, by_inbox);
	T_OK(c.ear.result);
	done = fx_take_kind(c.inbox, FERRY_KIND_REPLY);
	T_EQ(done.request, c.request);
	T_ASSERT(done.size == 4 && memcmp(done.data, "tock", 4) == 0);
	fx_done(&done);

	memset(&c.ear, 0, sizeof c.ear);
	call_by(&c, own, by_invoke);
	T_OK(c.ear.result);
	T_EQ(c.status, FERRY_OK);

	memset(&c.ear, 0, sizeof c.ear);
	fx_hold(other, &gate);
	c.request = fx_submit(other, FX_NOP, NULL, 0, NULL);
	call_by(&c, own, by_cancel);
	T_OK(c.ear.result);
	T_EQ(fx_wait(c.request), FERRY_ECANCELED);
	fx_gate_open(&gate);
	fx_rest(other); /* the gate is not needed any more */
	T_OK(ferry_inbox_close(NULL, c.inbox));
}

static ferry_context
open_on(const char *key)
{
	ferry_context_options o = fx_context_options();

	o.worker_key = key;
	return fx_open_with(&o);
}

static void
requests(void)
{
	ferry_context own = open_on("one"), sibling = open_on("one");
	ferry_context other = open_on("two");

	requests_to(own, own);
	requests_to(own, sibling);
	requests_to(own, other);
	fx_close(own);
	fx_close(sibling);
	fx_close(other);
}

/* ----------------------------------------------------- events and listeners */

static void
emit_on(struct ear *e)
{
	struct caller *c = e->arg;

	ear_emit(c->other, FX_TOCK, 5);
}

static void
add_on(struct ear *e)
{
	struct caller *c = e->arg;

	ear_add(&c->added, c->other, FX_TOCK);
}

static void
remove_on(struct ear *e)
{
	struct caller *c = e->arg;

	T_EQ(ferry_listener_remove_wait(c->added.self, 0), FERRY_EREENTRANT);
	T_OK(ferry_listener_remove(c->added.self));
}

static void
events_to(ferry_context own, ferry_context other)
{
	struct caller c = {.other = other};

	call_by(&c, own, add_on);
	memset(&c.ear, 0, sizeof c.ear);
	call_by(&c, own, emit_on);
	ear_await(&c.added, 1);
	T_EQ(c.added.heard[0], 5);
	memset(&c.ear, 0, sizeof c.ear);
	call_by(&c, own, remove_on);
	ear_await_gone(&c.added);
	ear_emit(other, FX_TOCK, 6);
	ear_settle(other);
	T_EQ(atomic_load(&c.added.n), 1);
}

static void
events_and_listeners(void)
{
	ferry_context own = open_on("one"), sibling = open_on("one");
	ferry_context other = open_on("two");

	events_to(own, own);
	events_to(own, sibling);
	events_to(own, other);
	fx_close(own);
	fx_close(sibling);
	fx_close(other);
}

/* --------------------------------------------------------- what is refused */

static void
try_all(struct ear *e)
{
	struct caller *c = e->arg;
	ferry_context_options o = fx_context_options();
	ferry_counters counters = {.struct_size = sizeof counters};
	ferry_health health = {.struct_size = sizeof health};
	ferry_context context = 1;
	ferry_inbox inbox = 1;
	ferry_completion item;

	T_EQ(ferry_context_open(&context, &o), FERRY_EREENTRANT);
	T_EQ(context, 1);
	T_EQ(ferry_context_close(c->own, NULL, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_context_close(c->other, NULL, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_open(&inbox, NULL), FERRY_EREENTRANT);
	T_EQ(inbox, 1);
	T_EQ(ferry_inbox_attach(c->inbox, c->other, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_wait(c->inbox, 0), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_close(NULL, c->inbox), FERRY_EREENTRANT);
	T_EQ(ferry_quiesce(0), FERRY_EREENTRANT);
	/* What only looks, or takes. */
	T_EQ(ferry_inbox_take(&item, 1, c->inbox), 0);
	T_OK(ferry_context_counters(&counters, c->own));
	T_EQ(counters.events_heard, 1);
	T_OK(ferry_context_health(&health, c->own));
	T_EQ(health.watcher, FERRY_THREAD_IN_LISTENER);
	T_EQ(health.listener, e->self);
	c->status = 1;
}

static void
refused(void)
{
	struct caller c = {.other = open_on("two"), .inbox = fx_inbox()};
	ferry_context own = open_on("one");

	call_by(&c, own, try_all);
	T_EQ(c.status, 1);
	fx_close(own);
	fx_close(c.other);
	T_OK(ferry_inbox_close(NULL, c.inbox));
}

T_MAIN(
	T_RUN(requests);
	T_RUN(events_and_listeners);
	T_RUN(refused);
)
