/*
 * A cancel hook that does not return: health names it from any thread, whoever
 * runs it, and tells when the FFI thread or the watcher is held up by it.
 */
#include "cancelling.h"
#include "dumped.h"
#include "ear.h"
#include "watched.h"

/* A thread that cancels. */
struct canceller {
	ferry_request request;
	atomic_uint tid;
	pthread_t thread;
	int result;
};

static void *
cancel_it(void *arg)
{
	struct canceller *c = arg;

	atomic_store(&c->tid, fx_tid());
	c->result = ferry_request_cancel(c->request);
	return NULL;
}

static void
start_cancel(struct canceller *c, ferry_request request)
{
	*c = (struct canceller){.request = request};
	c->thread = t_thread_start(cancel_it, c);
}

static void
end_cancel(struct canceller *c)
{
	t_thread_join(c->thread);
	T_OK(c->result);
}

static void
nobody_in_a_hook(ferry_context context)
{
	ferry_health h = health(context);

	T_EQ(h.hook_request, 0);
	T_ASSERT(h.hook_method_name == NULL);
	T_EQ(h.hook_age_ns, 0);
	T_EQ(h.hook_thread, 0);
	T_EQ(h.hooks, 0);
	T_NE(h.worker, FERRY_THREAD_IN_CANCEL_HOOK);
	T_NE(h.watcher, FERRY_THREAD_IN_CANCEL_HOOK);
}

static void
in_dump(const char *text)
{
	char *dump = dump_now();

	dump_has(dump, text);
	free(dump);
}

/* First beside its handler, then the FFI thread waits for it. */
static void
on_a_canceller(void)
{
	ferry_context context = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct victim v = VICTIM;
	struct canceller c;
	ferry_request request;
	ferry_health h, later;

	v.hook_gate = &hook_gate;
	nobody_in_a_hook(context);
	request = start_victim(context, &v);
	nobody_in_a_hook(context);
	start_cancel(&c, request);
	fx_gate_await(&hook_gate, 1);
	h = health(context);
	T_EQ(h.hooks, 1);
	T_EQ(h.hook_request, request);
	T_STR(h.hook_method_name, "do");
	T_ASSERT(fx_is_id_of(h.hook_thread, atomic_load(&c.tid)));
	T_EQ(h.worker, FERRY_THREAD_BUSY);
	T_EQ(h.request, request);
	T_NE(h.watcher, FERRY_THREAD_IN_CANCEL_HOOK);
	T_WAIT_UNTIL((later = health(context),
	    later.hook_age_ns > h.hook_age_ns + 1000000), FX_LIMIT_MS);
	in_dump("cancel hooks: 1; of request 0x");
	fx_gate_open(&v.gate);
	T_WAIT_UNTIL((h = health(context),
	    h.worker == FERRY_THREAD_IN_CANCEL_HOOK), FX_LIMIT_MS);
	T_EQ(h.hook_request, request);
	T_EQ(h.request, request);
	T_GT(h.hook_age_ns, later.hook_age_ns);
	in_dump(": waits for a cancel hook, level ");
	in_dump("    waits for the cancel hook of 0x");
	fx_gate_open(&hook_gate);
	end_cancel(&c);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	nobody_in_a_hook(context);
	fx_close(context);
}

static int
take_back_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	T_OK(ferry_call_on_cancel(call, hook, v));
	fx_gate_pass(&v->gate);
	v->take_back = ferry_call_on_cancel(call, NULL, NULL);
	return FERRY_OK;
}

/* A handler that takes its hook back waits for it too. */
static void
taken_back(void)
{
	ferry_context context = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct victim v = VICTIM;
	ferry_request request;
	struct canceller c;

	v.hook_gate = &hook_gate;
	request = fx_do(context, take_back_run, &v);
	fx_gate_await(&v.gate, 1);
	start_cancel(&c, request);
	fx_gate_await(&hook_gate, 1);
	fx_gate_open(&v.gate);
	T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IN_CANCEL_HOOK,
	    FX_LIMIT_MS);
	fx_gate_open(&hook_gate);
	end_cancel(&c);
	T_OK(fx_wait(request));
	T_EQ(v.take_back, FERRY_ECANCELED);
	nobody_in_a_hook(context);
	fx_close(context);
}

/* A deferred call's deadline has its hook run on the event thread. */
static void
on_the_event_thread(void)
{
	ferry_context context = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct victim v = {.hook_gate = &hook_gate};
	struct fx_later l = FX_LATER;
	ferry_request request;
	uint64_t ms = 50;
	ferry_health h;

	l.hook = hook;
	l.hook_user = &v;
	while (!later_until(&request, context, &l, ms))
		ms *= 2;
	fx_gate_await(&hook_gate, 1);
	h = health(context);
	T_EQ(h.watcher, FERRY_THREAD_IN_CANCEL_HOOK);
	T_EQ(h.hook_request, request);
	T_EQ(h.hook_thread, h.watcher_thread);
	T_EQ(h.listener, 0);
	T_NE(h.worker, FERRY_THREAD_IN_CANCEL_HOOK);
	fx_gate_open(&hook_gate);
	T_WAIT_UNTIL(health(context).hooks == 0, FX_LIMIT_MS);
	T_WAIT_UNTIL(health(context).watcher == FERRY_THREAD_IDLE,
	    FX_LIMIT_MS);
	nobody_in_a_hook(context);
	T_OK(ferry_call_reply(l.call, FERRY_OK, NULL, 0));
	T_OK(fx_wait(request));
	fx_close(context);
}

static void
cancel_in_ear(struct ear *e)
{
	T_OK(ferry_request_cancel(*(ferry_request *)e->arg));
	fx_gate_pass(e->gone_gate);
}

/* In a listener: in the hook while that runs, and then in the listener. The
 * two contexts have a worker each. */
static void
in_a_listener(void)
{
	ferry_context context = fx_open(), hearing = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT, after = FX_GATE_SHUT;
	struct victim v = VICTIM;
	struct ear e = {.also = cancel_in_ear, .gone_gate = &after};
	ferry_request request;
	ferry_health h;

	v.hook_gate = &hook_gate;
	request = start_victim(context, &v);
	e.arg = &request;
	ear_add(&e, hearing, FERRY_EVENT_ANY);
	ear_emit(hearing, FX_TICK, 0);
	fx_gate_await(&hook_gate, 1);
	h = health(hearing);
	T_EQ(h.watcher, FERRY_THREAD_IN_CANCEL_HOOK);
	T_EQ(h.listener, e.self);
	T_EQ(h.hooks, 0);
	T_EQ(health(context).hook_request, request);
	T_EQ(health(context).hook_thread, h.watcher_thread);
	T_NE(health(context).watcher, FERRY_THREAD_IN_CANCEL_HOOK);
	fx_gate_open(&hook_gate);
	fx_gate_await(&after, 1);
	h = health(hearing);
	T_EQ(h.watcher, FERRY_THREAD_IN_LISTENER);
	T_EQ(h.listener, e.self);
	nobody_in_a_hook(context);
	fx_gate_open(&after);
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(hearing);
	fx_close(context);
}

/* A close that cancels runs the hook on the closer's thread. A context on the
 * same worker tells. */
static void *
close_canceling(void *arg)
{
	T_OK(fx_close_mode(
	    *(ferry_context *)arg, FERRY_CLOSE_CANCEL, -1, NULL));
	return NULL;
}

static void
on_a_closer(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct victim v = VICTIM;
	ferry_context context, other;
	ferry_request request;
	pthread_t closer;
	ferry_health h;

	o.worker_key = "closer";
	context = fx_open_with(&o);
	other = fx_open_with(&o);
	v.hook_gate = &hook_gate;
	request = start_victim(context, &v);
	closer = t_thread_start(close_canceling, &context);
	fx_gate_await(&hook_gate, 1);
	h = health(other);
	T_EQ(h.hook_request, request);
	T_EQ(h.hooks, 1);
	T_EQ(h.worker, FERRY_THREAD_BUSY);
	fx_gate_open(&hook_gate);
	fx_gate_open(&v.gate);
	t_thread_join(closer);
	nobody_in_a_hook(other);
	fx_close(other);
}

/* ---------------------------------------------------------------- several */

enum { SEVERAL = 20 };

struct deferred {
	struct fx_later later;
	struct fx_gate gate;
	struct victim victim;
	ferry_request request;
	struct canceller canceller;
};

/* A deferred call, and somebody in its hook. */
static void
hold_hook(struct deferred *d, ferry_context context)
{
	*d = (struct deferred){.later = FX_LATER, .gate = FX_GATE_SHUT};
	d->victim.hook_gate = &d->gate;
	d->later.hook = hook;
	d->later.hook_user = &d->victim;
	d->request = fx_later(context, &d->later);
	start_cancel(&d->canceller, d->request);
	fx_gate_await(&d->gate, 1);
}

static void
let_hook_go(struct deferred *d)
{
	fx_gate_open(&d->gate);
	end_cancel(&d->canceller);
	T_OK(ferry_call_reply(d->later.call, FERRY_OK, NULL, 0));
	T_OK(fx_wait(d->request));
}

/* All are counted, of some of them more than have room to be named; and it is
 * the oldest that is. */
static void
many_at_once(void)
{
	static struct deferred d[SEVERAL];
	ferry_context context = fx_open();
	ferry_health h;

	for (int i = 0; i < SEVERAL; i++) {
		hold_hook(&d[i], context);
		h = health(context);
		T_EQ(h.hooks, i + 1);
		T_EQ(h.hook_request, d[0].request);
	}
	for (int i = 0; i < SEVERAL; i++) {
		T_EQ(health(context).hooks, SEVERAL - i);
		if (i < 16)
			T_EQ(health(context).hook_request, d[i].request);
		let_hook_go(&d[i]);
	}
	nobody_in_a_hook(context);
	fx_close(context);
}

/* The one that the FFI thread waits for, though another is older. */
static void
the_awaited_first(void)
{
	static struct deferred old;
	ferry_context context = fx_open();
	struct fx_gate hook_gate = FX_GATE_SHUT;
	struct victim v = VICTIM;
	ferry_request request;
	struct canceller c;
	ferry_health h;

	hold_hook(&old, context);
	v.hook_gate = &hook_gate;
	request = start_victim(context, &v);
	start_cancel(&c, request);
	fx_gate_await(&hook_gate, 1);
	h = health(context);
	T_EQ(h.hook_request, old.request);
	T_EQ(h.hooks, 2);
	fx_gate_open(&v.gate);
	T_WAIT_UNTIL((h = health(context),
	    h.worker == FERRY_THREAD_IN_CANCEL_HOOK), FX_LIMIT_MS);
	T_EQ(h.hook_request, request);
	T_ASSERT(fx_is_id_of(h.hook_thread, atomic_load(&c.tid)));
	T_EQ(h.hooks, 2);
	fx_gate_open(&hook_gate);
	end_cancel(&c);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	h = health(context);
	T_EQ(h.hook_request, old.request);
	T_EQ(h.hooks, 1);
	let_hook_go(&old);
	nobody_in_a_hook(context);
	fx_close(context);
}

T_MAIN(
	T_RUN(on_a_canceller);
	T_RUN(taken_back);
	T_RUN(on_the_event_thread);
	T_RUN(in_a_listener);
	T_RUN(on_a_closer);
	T_RUN(many_at_once);
	T_RUN(the_awaited_first);
)
