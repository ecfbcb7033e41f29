/*
 * tests/api/old.h: a parent with a bit of everything, and every function that
 * takes a token, to be told in a child that it is the parent's.
 */
#ifndef OLD_H
#define OLD_H

#include "forking.h"

/* A parent with a bit of everything. */
static struct old {
	ferry_library library;
	ferry_context context;
	ferry_context closed;
	ferry_request running;
	ferry_request queued;
	ferry_request deferred;
	ferry_request done;      /* answered, not waited for yet */
	ferry_request taken;
	ferry_call call;         /* of the deferred one */
	ferry_handle handle;
	ferry_inbox inbox;
	ferry_inbox bell;        /* with a doorbell function */
	ferry_listener listener;
	ferry_listener removed;
	int fd;
	struct fx_gate gate;
	struct fx_later later;
	atomic_int destroyed;
	atomic_int rings;
	atomic_int freed;
	atomic_int finis;
	atomic_int heard;
	atomic_int gone;
} old;

static inline void
count_ring(void *user)
{
	atomic_fetch_add((atomic_int *)user, 1);
}

static inline ferry_inbox
bell_inbox(atomic_int *rings)
{
	ferry_inbox_options o = {.struct_size = sizeof o,
	    .doorbell = count_ring, .user = rings};
	ferry_inbox inbox;

	T_OK(ferry_inbox_open(&inbox, &o));
	return inbox;
}

static inline void
count_heard(ferry_context context, uint32_t event, const void *data,
    size_t size, uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	(void)user;
	atomic_fetch_add(&old.heard, 1);
}

static inline void
count_gone(void *user)
{
	(void)user;
	atomic_fetch_add(&old.gone, 1);
}

static const ferry_listener_options listening = {
    .struct_size = sizeof listening, .event = FERRY_EVENT_ANY,
    .listener = count_heard, .gone = count_gone};

/* One that hears, and one that is gone. */
static inline void
add_listeners(void)
{
	T_OK(ferry_listener_add(&old.listener, old.context, &listening));
	T_OK(ferry_listener_add(&old.removed, old.context, &listening));
	T_OK(ferry_listener_remove_wait(old.removed, -1));
}

/* Queued behind the gate: one for each way that a reply goes, with payloads
 * that are freed by us. */
static inline void
queue_adopted(ferry_inbox inbox)
{
	ferry_request_options o = fx_to_inbox(inbox, NULL);

	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = &old.freed;
	T_OK(ferry_request_submit(
	    NULL, old.context, FX_NOP, calloc(1, 100), 100, &o));
}

static inline void
make_old(void)
{
	memset(&old, 0, sizeof old);
	old.gate = (struct fx_gate)FX_GATE_SHUT;
	old.later = (struct fx_later)FX_LATER;
	old.library = fx_library();
	old.closed = fx_open();
	fx_close(old.closed);
	old.context = fx_open();
	old.inbox = fx_inbox();
	old.bell = bell_inbox(&old.rings);
	fx_attach(old.inbox, old.context, FERRY_ATTACH_EVENTS, NULL);
	fx_attach(old.bell, old.context, FERRY_ATTACH_EVENTS, NULL);
	T_OK(ferry_inbox_fd(&old.fd, old.inbox));
	add_listeners();
	old.handle = fx_handle(old.context, &old.destroyed);
	old.taken = fx_submit(old.context, FX_NOP, NULL, 0, NULL);
	T_OK(fx_wait(old.taken));
	old.done = fx_submit(old.context, FX_NOP, NULL, 0, NULL);
	old.deferred = fx_later(old.context, &old.later);
	old.call = old.later.call;
	old.running = fx_hold(old.context, &old.gate);
	old.queued = fx_submit(old.context, FX_NOP, NULL, 0, NULL);
	queue_adopted(old.inbox);
	queue_adopted(old.bell);
}

/* What the parent had begun ends as if there had been no child. */
static inline void
end_old(void)
{
	ferry_completion c;

	T_EQ(atomic_load(&old.freed), 0);
	fx_gate_open(&old.gate);
	T_OK(fx_wait(old.running));
	T_OK(fx_wait(old.queued));
	T_OK(fx_wait(old.done));
	T_OK(ferry_call_reply(old.call, 9, NULL, 0));
	T_EQ(fx_wait(old.deferred), 9);
	c = fx_take_kind(old.inbox, FERRY_KIND_REPLY);
	fx_done(&c);
	c = fx_take_kind(old.bell, FERRY_KIND_REPLY);
	fx_done(&c);
	T_EQ(atomic_load(&old.freed), 2);
	/* Who posts rings after it; the reply may be taken before. */
	T_WAIT_UNTIL(atomic_load(&old.rings) != 0, FX_LIMIT_MS);
	T_EQ(atomic_load(&old.rings), 1);
	T_EQ(atomic_load(&old.destroyed), 0);
	T_EQ(atomic_load(&old.gone), 1);
	T_OK(ferry_context_emit(old.context, FX_TICK, NULL, 0));
	fx_close(old.context);
	T_EQ(atomic_load(&old.destroyed), 1);
	T_EQ(atomic_load(&old.heard), 1);
	T_EQ(atomic_load(&old.gone), 2);
	T_OK(ferry_inbox_close(NULL, old.inbox));
	T_OK(ferry_inbox_close(NULL, old.bell));
	T_OK(ferry_library_close(old.library));
}

static inline ferry_context_options
on_old_library(void)
{
	ferry_context_options o = fx_context_options();

	o.library = old.library;
	return o;
}

/* Out-parameters that must stay as they are. */
static struct out {
	uint32_t id;
	ferry_request request;
	ferry_context context;
	ferry_reply reply;
	ferry_counters counters;
	ferry_strands strands;
	ferry_running running;
	ferry_ledger_entry ledger;
	size_t size;
	char text[64];
	ferry_health health;
	ferry_call_info info;
	ferry_completion completion;
	ferry_handle handle;
	ferry_listener listener;
	void *object;
	const char *name;
	int fd;
	uint64_t n;
} out;

static const ferry_method method = {.struct_size = sizeof method,
    .name = "new", .handler = fx_nop};
static const ferry_event event = {.struct_size = sizeof event, .name = "new"};
static const ferry_request_item item = {.method = FX_NOP};

/* Every function that takes a token, each kind of token once. fork_py.py goes
 * through the header, and finds what is missing here. */
#define CALLS(X) \
	X(ferry_library_add_method(&out.id, old.library, &method)) \
	X(ferry_library_add_event(&out.id, old.library, &event)) \
	X(ferry_library_close(old.library)) \
	X(ferry_context_open(&out.context, &on_old)) \
	X(ferry_context_close(old.context, NULL, NULL)) \
	X(ferry_context_close(old.closed, NULL, NULL)) \
	X(ferry_context_method(&out.id, old.context, "nop")) \
	X(ferry_context_event(&out.id, old.context, "tick")) \
	X(ferry_context_method_name(&out.name, old.context, 0)) \
	X(ferry_context_event_name(&out.name, old.context, 0)) \
	X(ferry_context_emit(old.context, FX_TICK, NULL, 0)) \
	X(ferry_context_counters(&out.counters, old.context)) \
	X(ferry_context_health(&out.health, old.context)) \
	X(ferry_context_running(&out.running, 1, &out.n, old.context)) \
	X(ferry_context_ledger(&out.ledger, 1, &out.n, old.context)) \
	X(ferry_context_watch(old.context, NULL)) \
	X(ferry_context_metrics(&out.size, out.text, sizeof out.text, \
	    old.context, FERRY_METRICS_TEXT)) \
	X(ferry_request_submit( \
	    &out.request, old.context, FX_NOP, NULL, 0, NULL)) \
	X(ferry_request_submit( \
	    &out.request, old.closed, FX_NOP, NULL, 0, NULL)) \
	X(ferry_request_submit_many( \
	    &out.request, old.context, &item, 1, NULL)) \
	X(ferry_request_invoke(&out.reply, &invoked, old.context, FX_NOP, \
	    NULL, 0, NULL, -1)) \
	X(ferry_request_wait(&out.reply, old.running, -1)) \
	X(ferry_request_wait(&out.reply, old.done, -1)) \
	X(ferry_request_wait(&out.reply, old.taken, -1)) \
	X(ferry_request_cancel(old.running)) \
	X(ferry_request_cancel(old.queued)) \
	X(ferry_request_cancel(old.deferred)) \
	X(ferry_request_release(old.queued)) \
	X(ferry_request_release(old.done)) \
	X(ferry_strand_await(&out.reply, old.done, -1)) \
	X(ferry_strand_invoke(&out.reply, &invoked, old.context, FX_NOP, \
	    NULL, 0, NULL, -1)) \
	X(ferry_strand_counters(&out.strands, old.context)) \
	X(ferry_strand_admit(old.context, 0)) \
	X(ferry_strand_wait_all(old.context, -1)) \
	X(ferry_call_reply(old.call, 0, "x", 1)) \
	X(ferry_call_reply_block(old.call, 0, NULL, 0)) \
	X(ferry_call_defer(old.call)) \
	X(ferry_call_on_cancel(old.call, NULL, NULL)) \
	X(ferry_call_check(old.call)) \
	X(ferry_call_describe(&out.info, old.call)) \
	X(ferry_scope_push(old.call, "x", 1)) \
	X(ferry_scope_extend(old.call, 1, "x")) \
	X(ferry_scope_exempt(old.call, "x")) \
	X(ferry_scope_pop(old.call)) \
	X(ferry_debug_wedge(old.call, FERRY_WEDGE_SPIN, 1)) \
	X(ferry_handle_open(&out.handle, old.call, NULL, NULL, NULL)) \
	X(ferry_handle_object(&out.object, old.call, old.handle, NULL)) \
	X(ferry_handle_release(old.handle)) \
	X(ferry_listener_add(&out.listener, old.context, &listening)) \
	X(ferry_listener_remove(old.listener)) \
	X(ferry_listener_remove(old.removed)) \
	X(ferry_listener_remove_wait(old.listener, -1)) \
	X(ferry_listener_remove_wait(old.removed, -1)) \
	X(ferry_inbox_fd(&out.fd, old.inbox)) \
	X(ferry_inbox_attach(old.inbox, old.context, NULL)) \
	X(ferry_inbox_take(&out.completion, 1, old.inbox)) \
	X(ferry_inbox_take(&out.completion, 1, old.bell)) \
	X(ferry_inbox_wait(old.inbox, -1)) \
	X(ferry_inbox_wake(old.inbox)) \
	X(ferry_inbox_wake(old.bell)) \
	X(ferry_inbox_close(&out.n, old.inbox)) \
	X(ferry_inbox_close(&out.n, old.bell))

static inline void
size_outs(void)
{
	memset(&out, 0, sizeof out);
	out.counters.struct_size = sizeof out.counters;
	out.health.struct_size = sizeof out.health;
	out.info.struct_size = sizeof out.info;
	out.strands.struct_size = sizeof out.strands;
}

/* All of them, or the nth alone: as the child's first call. */
static inline int
call_old(int nth)
{
	ferry_context_options on_old = on_old_library();
	ferry_request invoked = 77;
	struct out before;
	int n = 0;

	size_outs();
	before = out;
#define CALL(call) \
	if (nth < 0 || nth == n) \
		T_EQ(call, FERRY_EFORKED); \
	n++;
	CALLS(CALL)
#undef CALL
	T_MEM(&before, &out, sizeof out);
	T_ASSERT(invoked == 77 || invoked == 0);
	return n;
}

#endif
