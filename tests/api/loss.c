/*
 * Handlers that end their thread: the call is answered, a successor goes on
 * with the same state and in the same order, or the context closes.
 */
#include "fixture.h"

static int
note_tid(ferry_call call, void *arg)
{
	(void)call;
	*(uint32_t *)arg = fx_tid();
	return FERRY_OK;
}

static int
cancel_itself(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	fx_before_exit();
	pthread_cancel(pthread_self());
	pthread_testcancel();
	return FERRY_OK;
}

static int
reply_and_exit(ferry_call call, void *arg)
{
	(void)arg;
	T_OK(ferry_call_reply(call, 5, "last", 4));
	fx_before_exit();
	pthread_exit(NULL);
}

static void
answered_as_lost(void)
{
	ferry_context context = fx_open();
	uint32_t before = 0, after = 0;
	ferry_counters c;

	T_OK(fx_do_wait(context, note_tid, &before));
	T_EQ(fx_wait(fx_submit(context, FX_EXIT, NULL, 0, NULL)),
	    FERRY_ELOST);
	T_OK(fx_do_wait(context, note_tid, &after));
	T_NE(before, after);
	fx_rest(context);
	c = fx_counters(context);
	T_EQ(c.ended_lost, 1);
	T_EQ(c.threads_lost, 1);
	T_EQ(c.ended_ok, 2);
	fx_close(context);
}

static void
cancelled_thread(void)
{
	ferry_context context = fx_open();

	T_EQ(fx_do_wait(context, cancel_itself, NULL), FERRY_ELOST);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_counters(context).threads_lost, 1);
	fx_close(context);
}

/* By callback and inbox as well: from the successor. */
static void
lost_by_callback_and_inbox(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_completion c;

	fx_attach(inbox, context, 0, NULL);
	fx_submit(context, FX_EXIT, NULL, 0, &o);
	fx_slot_await(&slot);
	T_EQ(slot.status, FERRY_ELOST);
	o = fx_to_inbox(inbox, NULL);
	fx_submit(context, FX_EXIT, NULL, 0, &o);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.status, FERRY_ELOST);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_EQ(atomic_load(&slot.calls), 1);
}

static void
exit_in_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	fx_on_reply(request, status, data, size, user);
	fx_before_exit();
	pthread_exit(NULL);
}

/* The callback that tells of the loss ends its thread too, and so does the
 * next: as when a runtime that is shutting down lets no thread in. */
static void
lost_again_in_the_callback(void)
{
	static const struct fx_job replied = {reply_and_exit, NULL};
	ferry_context context = fx_open();
	struct fx_slot slots[4] = {{0}};
	ferry_request_options o = fx_request_options();
	ferry_counters c;

	o.callback = exit_in_reply;
	for (int i = 0; i < 4; i++) {
		o.user = &slots[i];
		if (i == 2)
			fx_submit(context, FX_DO, &replied, sizeof replied,
			    &o);
		else
			fx_submit(context, i == 3 ? FX_NOP : FX_EXIT, NULL, 0,
			    &o);
	}
	for (int i = 0; i < 4; i++)
		fx_slot_await(&slots[i]);
	T_EQ(slots[0].status, FERRY_ELOST);
	T_EQ(slots[1].status, FERRY_ELOST);
	T_EQ(slots[2].status, 5);
	T_MEM(slots[2].head, "last", 4);
	T_EQ(slots[3].status, FERRY_OK);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	c = fx_counters(context);
	T_EQ(c.threads_lost, 7);
	T_EQ(c.ended_lost, 2);
	fx_close(context);
}

/* A reply given before the end stands, once. */
static void
replied_before(void)
{
	ferry_context context = fx_open();
	ferry_reply reply;

	T_OK(ferry_request_wait(
	    &reply, fx_do(context, reply_and_exit, NULL), -1));
	T_EQ(reply.status, 5);
	T_EQ(reply.size, 4);
	T_OK(ferry_block_release(reply.data));
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_counters(context).ended_lost, 0);
	T_EQ(fx_counters(context).threads_lost, 1);
	fx_close(context);
}

/* The successor takes over what had been drained already: catches a batch
 * that is lost with its thread, or that is overtaken by the next. */
static void
order_goes_on(void)
{
	enum { N = 400 };
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request held = fx_hold(context, &gate), lost[8], requests[N];
	int n_lost = 0;
	uint32_t next = 0;

	for (uint32_t i = 0; i < N; i++) {
		if (i % 50 == 25)
			lost[n_lost++] =
			    fx_submit(context, FX_EXIT, NULL, 0, NULL);
		requests[i] = fx_mark(context, &trace, i, NULL);
	}
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	for (uint32_t i = 0; i < N; i++)
		T_EQ(fx_wait(requests[i]), FERRY_OK);
	for (int i = 0; i < n_lost; i++)
		T_EQ(fx_wait(lost[i]), FERRY_ELOST);
	T_EQ(atomic_load(&trace.n), N);
	while (next < N) {
		T_EQ(trace.item[next], next);
		next++;
	}
	T_EQ(fx_counters(context).threads_lost, n_lost);
	fx_close(context);
}

/* init is not run again; fini once, on whichever thread is the last. */
static void
state_goes_on(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context context;

	o.init_arg = &life;
	context = fx_open_with(&o);
	for (int i = 0; i < 10; i++)
		T_EQ(fx_wait(fx_submit(context, FX_EXIT, NULL, 0, NULL)),
		    FERRY_ELOST);
	fx_close(context);
	T_EQ(atomic_load(&life.inits), 1);
	T_EQ(atomic_load(&life.finis), 1);
}

/* A lost call's adopted payload is freed, once. */
static void
payload_freed(void)
{
	ferry_context context = fx_open();
	ferry_request_options o = fx_request_options();
	atomic_int freed = 0;

	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = &freed;
	T_EQ(fx_wait(fx_submit(context, FX_EXIT, malloc(300), 300, &o)),
	    FERRY_ELOST);
	fx_close(context);
	T_EQ(atomic_load(&freed), 1);
}

/* The other contexts of the worker go on too. */
static void
shared_worker_goes_on(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context a, b;

	o.worker_key = "loss";
	a = fx_open_with(&o);
	b = fx_open_with(&o);
	T_EQ(fx_wait(fx_submit(a, FX_EXIT, NULL, 0, NULL)), FERRY_ELOST);
	T_EQ(fx_wait(fx_submit(b, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_wait(fx_submit(b, FX_EXIT, NULL, 0, NULL)), FERRY_ELOST);
	T_EQ(fx_wait(fx_submit(a, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(a);
	fx_close(b);
}

/* The worker that waits for another hears of the loss. */
static int
invoke_exit(ferry_call call, void *arg)
{
	(void)call;
	return fx_wait(fx_submit(
	    *(ferry_context *)arg, FX_EXIT, NULL, 0, NULL));
}

static void
waited_for_by_a_worker(void)
{
	ferry_context a = fx_open(), b = fx_open();

	T_EQ(fx_do_wait(a, invoke_exit, &b), FERRY_ELOST);
	fx_close(a);
	fx_close(b);
}

/* The last thing before a close. */
static void
lost_during_drain(void)
{
	for (int i = 0; i < 20; i++) {
		ferry_context context = fx_open();
		struct fx_slot slots[3];
		ferry_request_options o;

		memset(slots, 0, sizeof slots);
		o = fx_to_slot(&slots[0]);
		fx_submit(context, FX_EXIT, NULL, 0, &o);
		o = fx_to_slot(&slots[1]);
		fx_submit(context, FX_NOP, NULL, 0, &o);
		o = fx_to_slot(&slots[2]);
		fx_submit(context, FX_EXIT, NULL, 0, &o);
		T_OK(ferry_context_close(context, NULL, NULL));
		for (int k = 0; k < 3; k++) {
			T_EQ(atomic_load(&slots[k].calls), 1);
			T_EQ(slots[k].status,
			    k == 1 ? FERRY_OK : FERRY_ELOST);
		}
	}
}

/* ---------------------------------------------------------- close on loss */

static ferry_context
open_closing(struct fx_life *life)
{
	ferry_context_options o = fx_context_options();

	o.flags = FERRY_CONTEXT_CLOSE_ON_LOSS;
	o.init_arg = life;
	return fx_open_with(&o);
}

/* What was queued behind it is answered, and never started. */
static void
close_on_loss(void)
{
	struct fx_life life = {0};
	ferry_context context = open_closing(&life);
	ferry_inbox inbox = fx_inbox();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	ferry_request held, lost, queued[10], request = 77;
	ferry_completion c;
	int r;

	fx_attach(inbox, context, 0, NULL);
	held = fx_hold(context, &gate);
	lost = fx_submit(context, FX_EXIT, NULL, 0, NULL);
	for (uint32_t i = 0; i < 10; i++)
		queued[i] = fx_mark(context, &trace, i, NULL);
	fx_mark(context, &trace, 99, &o);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(lost), FERRY_ELOST);
	for (uint32_t i = 0; i < 10; i++)
		T_EQ(fx_wait(queued[i]), FERRY_ECLOSED);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.status, FERRY_ECLOSED);
	fx_done(&c);
	T_EQ(atomic_load(&trace.n), 0);
	r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);
	T_ASSERT(r == FERRY_ECLOSED || r == FERRY_ESTALE);
	T_EQ(request, 77);
	/* Somebody still has to close it, and gets it. */
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
	T_EQ(atomic_load(&life.finis), 1);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* The control: without a loss it lives like any other. */
static void
close_on_loss_without_loss(void)
{
	struct fx_life life = {0};
	ferry_context context = open_closing(&life);

	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
}

T_MAIN(
	T_RUN(answered_as_lost);
	T_RUN(cancelled_thread);
	T_RUN(lost_by_callback_and_inbox);
	T_RUN(lost_again_in_the_callback);
	T_RUN(replied_before);
	T_RUN(order_goes_on);
	T_RUN(state_goes_on);
	T_RUN(payload_freed);
	T_RUN(shared_worker_goes_on);
	T_RUN(waited_for_by_a_worker);
	T_RUN(lost_during_drain);
	T_RUN(close_on_loss);
	T_RUN(close_on_loss_without_loss);
)
