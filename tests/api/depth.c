/*
 * Bounds of a context's queue, per producer and in total, and deadlines.
 *
 * A refusal is held to law 1 each time: its own code, the token untouched, no
 * request more among the accepted.
 */
#include "deadlines.h"

static ferry_context
open_bounded(uint64_t depth, uint64_t depth_total)
{
	ferry_context_options o = fx_context_options();

	o.depth = depth;
	o.depth_total = depth_total;
	return fx_open_with(&o);
}

/* The one in the gate counts too: depth is what is unfinished. */
static void
depth_per_producer(void)
{
	ferry_context context = open_bounded(8, 0);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_counters c;
	ferry_request held = fx_hold(context, &gate), requests[7];

	for (int i = 0; i < 7; i++)
		requests[i] = fx_submit(context, FX_NOP, NULL, 0, NULL);
	fx_submit_fails(context, FX_NOP, NULL, 0, NULL, FERRY_EAGAIN);
	fx_submit_fails(context, FX_NOP, NULL, 0, NULL, FERRY_EAGAIN);
	c = fx_counters(context);
	T_EQ(c.submitted, 10);
	T_EQ(c.refused, 2);
	T_EQ(c.queued, 7);
	T_EQ(c.running, 1);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	for (int i = 0; i < 7; i++)
		T_EQ(fx_wait(requests[i]), FERRY_OK);
	fx_close(context);
}

static atomic_int filled; /* threads that submit no more */

static void *
fill_up(void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	struct fx_slot slots[6] = {0};
	ferry_request_options o;
	intptr_t accepted = 0;
	int r = FERRY_OK;

	for (int i = 0; i < 6 && r == FERRY_OK; i++) {
		o = fx_to_slot(&slots[i]);
		r = ferry_request_submit(
		    NULL, context, FX_NOP, NULL, 0, &o);
		accepted += r == FERRY_OK;
	}
	atomic_fetch_add(&filled, 1);
	for (intptr_t i = 0; i < accepted; i++)
		fx_slot_await(&slots[i]);
	return (void *)accepted;
}

/* Each producer has its own share: catches one bound for all. */
static void
depth_of_each(void)
{
	ferry_context context = open_bounded(4, 0);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate);
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		threads[i] = t_thread_start(fill_up, &context);
	T_WAIT_UNTIL(fx_accepted(context) == 1 + 3 * 4 &&
	    fx_counters(context).refused == 3, FX_LIMIT_MS);
	fx_gate_open(&gate);
	for (int i = 0; i < 3; i++)
		T_EQ((intptr_t)t_thread_join(threads[i]), 4);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(context);
}

struct heir {
	ferry_context context;
	struct fx_slot *slot;
};

static void *
submit_and_die(void *arg)
{
	struct heir *heir = arg;
	ferry_request_options o = fx_to_slot(heir->slot);
	intptr_t accepted = 0;

	while (accepted < 5 && ferry_request_submit(NULL, heir->context,
	    FX_NOP, NULL, 0, &o) == FERRY_OK)
		accepted++;
	return (void *)accepted;
}

/* What one heir gets; all of it has been answered when this returns. */
static intptr_t
heir_gets(struct heir *heir, intptr_t *accepted)
{
	intptr_t n = (intptr_t)t_thread_join(
	    t_thread_start(submit_and_die, heir));

	*accepted += n;
	T_WAIT_UNTIL(atomic_load(&heir->slot->calls) == *accepted,
	    FX_LIMIT_MS);
	fx_rest(heir->context);
	return n;
}

/* The heir of a thread that is gone may find its place full, for what that one
 * left unfinished counts; then the share is whole again. Catches a bound that
 * threads which come and go can outgrow, and one that shrinks with them. */
static void
depth_of_heirs(void)
{
	ferry_context context = open_bounded(4, 0);
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	struct heir heir = {context, &slot};
	ferry_request held = fx_hold(context, &gate);
	intptr_t accepted = 0, n;

	for (int i = 0; i < 20; i++) {
		n = (intptr_t)t_thread_join(
		    t_thread_start(submit_and_die, &heir));
		T_LE(n, 4);
		accepted += n;
	}
	T_GE(accepted, 4);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_WAIT_UNTIL(atomic_load(&slot.calls) == accepted, FX_LIMIT_MS);
	fx_rest(context);
	/* A place is free again shortly after its reply, not with it. */
	for (int i = 0; i < 20; i++)
		T_WAIT_UNTIL(heir_gets(&heir, &accepted) >= 4, FX_LIMIT_MS);
	fx_close(context);
}

/* Exactly that many over all threads: catches a bound that is approximate. */
static void
depth_in_total(void)
{
	ferry_context context = open_bounded(0, 10);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate);
	pthread_t threads[4];
	intptr_t accepted = 1;

	atomic_store(&filled, 0);
	for (int i = 0; i < 4; i++)
		threads[i] = t_thread_start(fill_up, &context);
	/* One that is about to be refused counts as accepted for a moment. */
	T_WAIT_UNTIL(atomic_load(&filled) == 4, FX_LIMIT_MS);
	T_EQ(fx_accepted(context), 10);
	fx_submit_fails(context, FX_NOP, NULL, 0, NULL, FERRY_EAGAIN);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	for (int i = 0; i < 4; i++)
		accepted += (intptr_t)t_thread_join(threads[i]);
	T_GE(accepted, 10);
	fx_rest(context);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
}

/* What has been taken does not count: one at a time never meets the bound.
 * Catches nodes that come home later than their reply. */
static void
depth_of_one(void)
{
	ferry_context context = open_bounded(1, 0);
	ferry_context total = open_bounded(0, 1);

	for (int i = 0; i < 2000; i++) {
		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
		T_EQ(fx_wait(fx_submit(total, FX_NOP, NULL, 0, NULL)), 0);
	}
	fx_close(context);
	fx_close(total);
}

/* Unfinished *or not yet taken*: a finished one counts until it is taken. */
static void
depth_until_taken(void)
{
	ferry_context context = open_bounded(2, 0);
	ferry_request a = fx_submit(context, FX_NOP, NULL, 0, NULL);
	ferry_request b = fx_submit(context, FX_NOP, NULL, 0, NULL);

	fx_rest(context);
	fx_submit_fails(context, FX_NOP, NULL, 0, NULL, FERRY_EAGAIN);
	T_EQ(fx_wait(a), FERRY_OK);
	a = fx_submit(context, FX_NOP, NULL, 0, NULL);
	T_EQ(fx_wait(a), FERRY_OK);
	T_OK(ferry_request_release(b));
	a = fx_submit(context, FX_NOP, NULL, 0, NULL);
	b = fx_submit(context, FX_NOP, NULL, 0, NULL);
	T_EQ(fx_wait(a), FERRY_OK);
	T_EQ(fx_wait(b), FERRY_OK);
	fx_close(context);
}

static void
depth_unbounded(void)
{
	ferry_context context = open_bounded(FERRY_UNBOUNDED, 0);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate);
	enum { N = 20000 };
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	for (int i = 0; i < N; i++)
		T_OK(ferry_request_submit(
		    NULL, context, FX_NOP, NULL, 0, &o));
	T_EQ(fx_counters(context).queued, N);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_WAIT_UNTIL(atomic_load(&slot.calls) == N, FX_LIMIT_MS);
	fx_close(context);
	T_EQ(atomic_load(&slot.calls), N);
}

/* ------------------------------------------------------------- deadlines */

static void
deadline_at_submit(void)
{
	ferry_context context = fx_open();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	o.deadline_ns = 1;
	fx_submit_fails(context, FX_NOP, NULL, 0, &o, FERRY_EDEADLINE);
	o.deadline_ns = ferry_clock_ns();
	fx_submit_fails(context, FX_NOP, NULL, 0, &o, FERRY_EDEADLINE);
	o.deadline_ns = ferry_clock_ns() + 3600 * UINT64_C(1000000000);
	fx_submit(context, FX_NOP, NULL, 0, &o);
	fx_slot_await(&slot);
	T_EQ(slot.status, FERRY_OK);
	o.deadline_ns = UINT64_MAX;
	atomic_store(&slot.calls, 0);
	fx_submit(context, FX_NOP, NULL, 0, &o);
	fx_slot_await(&slot);
	T_EQ(slot.status, FERRY_OK);
	fx_close(context);
}

/* One whose deadline passes in the queue is answered and never starts. */
static void
deadline_in_queue(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request_options o = fx_request_options();
	ferry_request held = fx_hold(context, &gate), late, good;
	struct fx_mark mark = {.trace = &trace, .item = 1};
	uint64_t deadline;

	late = fx_submit_until(&deadline, FX_SOON_NS, context, FX_TRACE, &mark,
	    sizeof mark);
	o.deadline_ns = deadline + 3600 * UINT64_C(1000000000);
	good = fx_mark(context, &trace, 2, &o);
	T_WAIT_UNTIL(ferry_clock_ns() > deadline, FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(late), FERRY_EDEADLINE);
	T_EQ(fx_wait(good), FERRY_OK);
	T_EQ(atomic_load(&trace.n), 1);
	T_EQ(trace.item[0], 2);
	T_EQ(fx_counters(context).unstarted_deadline, 1);
	fx_close(context);
}

T_MAIN(
	T_RUN(depth_per_producer);
	T_RUN(depth_of_each);
	T_RUN(depth_of_heirs);
	T_RUN(depth_in_total);
	T_RUN(depth_of_one);
	T_RUN(depth_until_taken);
	T_RUN(depth_unbounded);
	T_RUN(deadline_at_submit);
	T_RUN(deadline_in_queue);
)
