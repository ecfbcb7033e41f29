/*
 * Cancelling: queued, running, deferred, too late, twice, and what never was a
 * request. Hooks have a program of their own.
 */
#include "fixture.h"
#include "cancelling.h"

/* ---------------------------------------------------------------- queued */

/* Answered at once, while the worker is held; and it never starts. */
static void
queued(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request held = fx_hold(context, &gate);
	ferry_request a = fx_mark(context, &trace, 1, NULL);
	ferry_request b = fx_mark(context, &trace, 2, NULL);
	ferry_request c = fx_mark(context, &trace, 3, NULL);
	ferry_counters n;

	T_OK(ferry_request_cancel(b));
	T_EQ(fx_wait(b), FERRY_ECANCELED);
	n = fx_counters(context);
	T_EQ(n.unstarted_canceled, 1);
	T_EQ(n.queued, 2);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(a), FERRY_OK);
	T_EQ(fx_wait(c), FERRY_OK);
	T_EQ(atomic_load(&trace.n), 2);
	T_EQ(trace.item[0], 1);
	T_EQ(trace.item[1], 3);
	fx_close(context);
}

static void
queued_with_inbox(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request_options o = fx_to_inbox(inbox, &trace);
	ferry_request held = fx_hold(context, &gate), request;
	ferry_completion c;

	fx_attach(inbox, context, 0, NULL);
	request = fx_mark(context, &trace, 1, &o);
	T_OK(ferry_request_cancel(request));
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.request, request);
	T_EQ(c.status, FERRY_ECANCELED);
	T_ASSERT(c.user == &trace);
	fx_done(&c);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_rest(context);
	T_EQ(ferry_inbox_take(&c, 1, inbox), 0); /* and no second one */
	T_EQ(atomic_load(&trace.n), 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* A callback runs on the FFI thread only, hence when that is free again. */
static void
queued_with_callback(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request held = fx_hold(context, &gate), request;

	request = fx_mark(context, &trace, 1, &o);
	T_OK(ferry_request_cancel(request));
	T_EQ(atomic_load(&slot.calls), 0);
	fx_gate_open(&gate);
	fx_slot_await(&slot);
	T_EQ(slot.status, FERRY_ECANCELED);
	T_ASSERT(!pthread_equal(slot.thread, pthread_self()));
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(&slot.calls), 1);
	T_EQ(atomic_load(&trace.n), 0);
}

/* Cancelled while it waits behind others in every place of the batch. */
static void
queued_many(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request held = fx_hold(context, &gate), requests[300];
	uint32_t next = 0;

	for (uint32_t i = 0; i < 300; i++)
		requests[i] = fx_mark(context, &trace, i, NULL);
	for (uint32_t i = 0; i < 300; i += 3)
		T_OK(ferry_request_cancel(requests[i]));
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	for (uint32_t i = 0; i < 300; i++)
		T_EQ(fx_wait(requests[i]),
		    i % 3 == 0 ? FERRY_ECANCELED : FERRY_OK);
	T_EQ(atomic_load(&trace.n), 200);
	for (uint32_t i = 0; i < 300; i++) {
		if (i % 3 != 0)
			T_EQ(trace.item[next++], i);
	}
	fx_close(context);
}

/* --------------------------------------------------------------- running */

static void
running_with_hook(void)
{
	ferry_context context = fx_open();
	struct victim v = VICTIM;
	ferry_request request;
	ferry_counters n;

	v.open_in_hook = 1; /* the only thing that lets the handler go */
	request = start_victim(context, &v);
	T_OK(ferry_request_cancel(request));
	T_EQ(atomic_load(&v.hooks_done), 1); /* here, before cancel returned */
	T_ASSERT(pthread_equal(v.hook_thread, pthread_self()));
	T_EQ(v.hook_call, v.call);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(v.check, FERRY_ECANCELED);
	n = fx_counters(context);
	T_EQ(n.ended_canceled, 1);
	T_EQ(n.unstarted_canceled, 0);
	fx_close(context);
	T_EQ(atomic_load(&v.hooks), 1);
}

/* Without a hook the handler can still look. */
static void
running_without_hook(void)
{
	ferry_context context = fx_open();
	struct victim v = {.gate = FX_GATE_SHUT};
	ferry_request request = start_victim(context, &v);

	T_OK(ferry_request_cancel(request));
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(v.check, FERRY_ECANCELED);
	fx_close(context);
}

static int
stubborn_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	(void)victim_run(call, v);
	T_OK(ferry_call_reply(call, 3, "done", 4));
	return FERRY_OK;
}

/* A cancel only asks: the handler's answer stands. */
static void
running_but_finishes(void)
{
	ferry_context context = fx_open();
	struct victim v = VICTIM;
	ferry_request request = fx_do(context, stubborn_run, &v);
	ferry_reply reply;

	v.open_in_hook = 1;
	fx_gate_await(&v.gate, 1);
	T_OK(ferry_request_cancel(request));
	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, 3);
	T_EQ(reply.size, 4);
	T_MEM(reply.data, "done", 4);
	T_OK(ferry_block_release(reply.data));
	T_EQ(fx_counters(context).ended_canceled, 0);
	T_EQ(fx_counters(context).ended_error, 1);
	fx_close(context);
}

static void
twice(void)
{
	ferry_context context = fx_open();
	struct victim v = VICTIM;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = start_victim(context, &v), other;
	int r;

	T_OK(ferry_request_cancel(request));
	T_EQ(ferry_request_cancel(request), FERRY_EALREADY);
	T_EQ(ferry_request_cancel(request), FERRY_EALREADY);
	T_EQ(atomic_load(&v.hooks), 1);
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	/* A queued one is cancelled, and at the same time finished: it is not
	 * said which of the two a second cancel hears. */
	request = fx_hold(context, &gate);
	other = fx_submit(context, FX_NOP, NULL, 0, NULL);
	T_OK(ferry_request_cancel(other));
	r = ferry_request_cancel(other);
	T_ASSERT(r == FERRY_EALREADY || r == FERRY_EDONE);
	T_EQ(fx_wait(other), FERRY_ECANCELED);
	T_EQ(ferry_request_cancel(other), FERRY_ESTALE);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
}

struct canceller {
	ferry_request request;
	pthread_barrier_t *start;
};

static void *
cancel_thread(void *arg)
{
	struct canceller *c = arg;

	pthread_barrier_wait(c->start);
	return (void *)(intptr_t)ferry_request_cancel(c->request);
}

/* Four at once: one OK, one hook. */
static void
cancellers_racing(void)
{
	ferry_context context = fx_open();
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, 4);
	for (int round = 0; round < 100; round++) {
		struct victim v = VICTIM;
		struct canceller c = {start_victim(context, &v), &start};
		pthread_t threads[4];
		int ok = 0;

		for (int i = 0; i < 4; i++)
			threads[i] = t_thread_start(cancel_thread, &c);
		for (int i = 0; i < 4; i++) {
			intptr_t r = (intptr_t)t_thread_join(threads[i]);

			ok += r == FERRY_OK;
			T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY);
		}
		T_EQ(ok, 1);
		T_EQ(atomic_load(&v.hooks), 1);
		fx_gate_open(&v.gate);
		T_EQ(fx_wait(c.request), FERRY_ECANCELED);
	}
	pthread_barrier_destroy(&start);
	fx_close(context);
}

/* -------------------------------------------------------------- too late */

static void
finished(void)
{
	ferry_context context = fx_open();
	ferry_request request = fx_submit(context, FX_ECHO, "x", 1, NULL);

	fx_rest(context);
	T_EQ(ferry_request_cancel(request), FERRY_EDONE);
	T_EQ(fx_wait(request), FERRY_OK); /* the reply is still there */
	T_EQ(ferry_request_cancel(request), FERRY_ESTALE);
	fx_close(context);
	T_EQ(ferry_request_cancel(request), FERRY_ESTALE);
}

static void
finished_in_inbox(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	ferry_request request;
	ferry_completion c;

	fx_attach(inbox, context, 0, NULL);
	request = fx_submit(context, FX_NOP, NULL, 0, &o);
	T_OK(ferry_inbox_wait(inbox, -1));
	T_EQ(ferry_request_cancel(request), FERRY_EDONE);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.status, FERRY_OK);
	fx_done(&c);
	T_EQ(ferry_request_cancel(request), FERRY_ESTALE);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* After the reply, before the handler has returned and it is delivered: the
 * call is answered, and still runs. Either is true; the hook goes by it. */
static int
reply_and_stay(ferry_call call, void *arg)
{
	struct victim *v = arg;

	T_OK(ferry_call_on_cancel(call, hook, v));
	T_OK(ferry_call_reply(call, 7, NULL, 0));
	fx_gate_pass(&v->gate);
	return FERRY_OK;
}

static void
replied_but_inside(void)
{
	ferry_context context = fx_open();
	struct victim v = VICTIM;
	ferry_request request = fx_do(context, reply_and_stay, &v);
	ferry_reply reply;
	int r;

	fx_gate_await(&v.gate, 1);
	r = ferry_request_cancel(request);
	T_ASSERT(r == FERRY_EDONE || r == FERRY_OK);
	T_EQ(ferry_request_wait(&reply, request, 0), FERRY_ETIMEDOUT);
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), 7); /* what was said, stands */
	fx_close(context);
	T_EQ(atomic_load(&v.hooks), r == FERRY_OK);
}

static void
cancel_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	int r = ferry_request_cancel(request);

	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	T_ASSERT(r == FERRY_EDONE || r == FERRY_ESTALE);
	atomic_fetch_add((atomic_int *)user, 1);
}

static void
from_its_own_callback(void)
{
	ferry_context context = fx_open();
	ferry_request_options o = fx_request_options();
	ferry_request request;
	atomic_int calls = 0;

	o.callback = cancel_in_callback;
	o.user = &calls;
	request = fx_submit(context, FX_NOP, NULL, 0, &o);
	T_WAIT_UNTIL(atomic_load(&calls) == 1, FX_LIMIT_MS);
	T_WAIT_UNTIL(
	    ferry_request_cancel(request) == FERRY_ESTALE, FX_LIMIT_MS);
	fx_close(context);
}

static void
no_request(void)
{
	ferry_context context = fx_open();

	T_EQ(ferry_request_cancel(0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_request_cancel(FX_FORGED)));
	T_ASSERT(fx_no_token(ferry_request_cancel(1)));
	T_ASSERT(fx_no_token(ferry_request_cancel(UINT64_MAX)));
	T_ASSERT(fx_no_token(ferry_request_cancel(context)));
	fx_close(context);
}

/* ------------------------------------------------------- hooks, set when? */

/* -------------------------------------------------------------- deferred */

static int
deferring_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	v->call = call;
	T_OK(ferry_call_defer(call));
	if (v->set_hook)
		T_OK(ferry_call_on_cancel(call, hook, v));
	fx_gate_open(&v->gate);
	return FERRY_OK;
}

static ferry_request
start_deferred(ferry_context context, struct victim *v)
{
	ferry_request request = fx_do(context, deferring_run, v);

	fx_gate_pass(&v->gate);
	return request;
}

static void
deferred_with_hook(void)
{
	ferry_context context = fx_open();
	struct victim v = VICTIM;
	ferry_request request = start_deferred(context, &v);
	ferry_reply reply;

	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_OK(ferry_call_check(v.call));
	T_OK(ferry_request_cancel(request));
	T_EQ(atomic_load(&v.hooks_done), 1);
	T_EQ(ferry_call_check(v.call), FERRY_ECANCELED);
	/* Asked, not ended: whoever deferred it still answers. */
	T_EQ(ferry_request_wait(&reply, request, 0), FERRY_ETIMEDOUT);
	T_OK(ferry_call_reply(v.call, FERRY_ECANCELED, NULL, 0));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(fx_counters(context).ended_canceled, 1);
	fx_close(context);
	T_EQ(atomic_load(&v.hooks), 1);
}

static void
deferred_without_hook(void)
{
	ferry_context context = fx_open();
	struct victim v = {.gate = FX_GATE_SHUT};
	ferry_request request = start_deferred(context, &v);

	T_OK(ferry_request_cancel(request));
	T_EQ(ferry_request_cancel(request), FERRY_EALREADY);
	T_EQ(ferry_call_on_cancel(v.call, hook, &v), FERRY_ECANCELED);
	T_OK(ferry_call_reply(v.call, 4, NULL, 0));
	T_EQ(fx_wait(request), 4);
	fx_close(context);
	T_EQ(atomic_load(&v.hooks), 0);
}

/* The hook may even lead to the reply, by another thread. */
static void
answering_hook(ferry_call call, void *user)
{
	(void)call;
	fx_gate_open(user);
}

struct answer {
	struct fx_gate wanted;
	ferry_call call;
	struct fx_gate deferred;
};

static int
answer_run(ferry_call call, void *arg)
{
	struct answer *a = arg;

	a->call = call;
	T_OK(ferry_call_defer(call));
	T_OK(ferry_call_on_cancel(call, answering_hook, &a->wanted));
	fx_gate_open(&a->deferred);
	return FERRY_OK;
}

static void *
answer_thread(void *arg)
{
	struct answer *a = arg;

	fx_gate_pass(&a->wanted);
	T_OK(ferry_call_reply(a->call, FERRY_ECANCELED, "bye", 3));
	return NULL;
}

static void
deferred_answered_by_hook(void)
{
	ferry_context context = fx_open();

	for (int i = 0; i < 200; i++) {
		struct answer a = {.wanted = FX_GATE_SHUT,
		    .deferred = FX_GATE_SHUT};
		pthread_t thread = t_thread_start(answer_thread, &a);
		ferry_request request = fx_do(context, answer_run, &a);

		fx_gate_pass(&a.deferred);
		T_OK(ferry_request_cancel(request));
		T_EQ(fx_wait(request), FERRY_ECANCELED);
		t_thread_join(thread);
	}
	fx_close(context);
}

T_MAIN(
	T_RUN(queued);
	T_RUN(queued_with_inbox);
	T_RUN(queued_with_callback);
	T_RUN(queued_many);
	T_RUN(running_with_hook);
	T_RUN(running_without_hook);
	T_RUN(running_but_finishes);
	T_RUN(twice);
	T_RUN(cancellers_racing);
	T_RUN(finished);
	T_RUN(finished_in_inbox);
	T_RUN(replied_but_inside);
	T_RUN(from_its_own_callback);
	T_RUN(no_request);
	T_RUN(deferred_with_hook);
	T_RUN(deferred_without_hook);
	T_RUN(deferred_answered_by_hook);
)
