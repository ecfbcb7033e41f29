/*
 * Threads that end near Ferry: repliers, cancellers and closers of the host's
 * own, and an FFI thread that is cancelled while Ferry runs other code of the
 * host's on it than a handler.
 */
#include "steps.h"

#include "ending.h"

#include "ffi/context.h"

/* ------------------------------------------- a replier that ends at once */

struct replier {
	ferry_call call;
	enum ending how;
};

static void *
reply_and_end(void *arg)
{
	struct replier *r = arg;
	void *block;

	T_OK(ferry_block_alloc(&block, 300));
	memset(block, 'r', 300);
	T_OK(ferry_call_reply_block(r->call, 3, block, 300));
	end_thread(r->how);
}

static void
replier_ends(void)
{
	ferry_context context = steps_open(NULL);
	ferry_inbox inbox = fx_inbox();

	fx_attach(inbox, context, 0, NULL);
	for (enum ending how = 0; how < ENDINGS; how++)
		for (int route = 0; route < 3; route++) {
			struct fx_later l = FX_LATER;
			struct fx_slot slot = {0};
			struct replier r = { .how = how };
			ferry_request_options o = route == 0
			    ? fx_request_options()
			    : route == 1 ? fx_to_slot(&slot)
			                 : fx_to_inbox(inbox, NULL);
			ferry_request request =
			    fx_later_with(context, &l, &o);

			r.call = l.call;
			t_thread_join(t_thread_start(reply_and_end, &r));
			if (route == 0) {
				T_EQ(fx_wait(request), 3);
			} else if (route == 1) {
				fx_slot_await(&slot);
				T_EQ(slot.size, 300);
			} else {
				ferry_completion c = fx_take_kind(
				    inbox, FERRY_KIND_REPLY);

				T_EQ(c.size, 300);
				fx_done(&c);
			}
		}
	T_EQ(fx_counters(context).threads_lost, 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* ------------------------------ a canceller that is cancelled in its hook */

struct victim {
	struct fx_gate gate;
	ferry_context context;
	ferry_request request;
	atomic_int hooks, hooks_done;
	int close;
	int result;
};

/* Like a hook that writes to a descriptor: a cancellation point. */
static void
hook(ferry_call call, void *user)
{
	struct victim *v = user;

	(void)call;
	atomic_fetch_add(&v->hooks, 1);
	pthread_testcancel();
	atomic_fetch_add(&v->hooks_done, 1);
	fx_gate_open(&v->gate);
}

static int
run_victim(ferry_call call, void *arg)
{
	struct victim *v = arg;

	T_OK(ferry_call_on_cancel(call, hook, v));
	fx_gate_pass(&v->gate);
	return ferry_call_check(call);
}

static void *
cancelled_canceller(void *arg)
{
	struct victim *v = arg;

	fx_before_exit();
	T_OK(pthread_cancel(pthread_self()));
	v->result = v->close
	    ? fx_close_mode(v->context, FERRY_CLOSE_CANCEL, 0, NULL)
	    : ferry_request_cancel(v->request);
	pthread_testcancel();
	return NULL;
}

static void
canceller_ends(void)
{
	for (int close = 0; close < 2; close++) {
		struct victim v = { .gate = FX_GATE_SHUT, .close = close,
			.result = 1 };

		v.context = steps_open(NULL);
		v.request = fx_do(v.context, run_victim, &v);
		fx_gate_await(&v.gate, 1);
		T_ASSERT(t_thread_join(t_thread_start(cancelled_canceller,
		    &v)) == PTHREAD_CANCELED);
		T_EQ(atomic_load(&v.hooks), 1);
		T_EQ(atomic_load(&v.hooks_done), 1);
		T_EQ(v.result, FERRY_OK);
		T_EQ(fx_wait(v.request), FERRY_ECANCELED);
		if (!close)
			fx_close(v.context);
	}
}

/* --------------------------------- a cancelled thread that uses everything */

/* No function is a cancellation point: what it had begun is finished, and the
 * thread ends where its host says. Catches an inbox that is taken for ever, a
 * closer's word that stays, a worker that nobody joined. */
static void *
live_while_cancelled(void *arg)
{
	ferry_context context;
	ferry_inbox inbox;
	ferry_request_options o;
	ferry_completion c;

	fx_before_exit();
	T_OK(pthread_cancel(pthread_self()));
	context = steps_open(NULL);
	inbox = steps_inbox();
	steps_attach(inbox, context, FERRY_ATTACH_EVENTS);
	T_EQ(ferry_inbox_wait(inbox, 1), FERRY_ETIMEDOUT);
	o = fx_to_inbox(inbox, NULL);
	steps_submit(context, FX_NOP, NULL, 0, &o);
	while (ferry_inbox_take(&c, 1, inbox) == 0)
		T_OK(ferry_inbox_wait(inbox, -1));
	T_EQ(c.kind, FERRY_KIND_REPLY);
	T_EQ(fx_wait(steps_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_OK(ferry_inbox_close(NULL, inbox));
	atomic_store((atomic_int *)arg, 1);
	pthread_testcancel();
	return NULL;
}

static void
cancelled_all_its_life(void)
{
	struct inject_level before = { 0 };

	for (int i = 0; i < 20; i++) {
		atomic_int done = 0;

		if (i == 1)
			before = inject_level();
		T_ASSERT(t_thread_join(t_thread_start(live_while_cancelled,
		    &done)) == PTHREAD_CANCELED);
		T_EQ(atomic_load(&done), 1);
	}
	inject_same(&before);
}

/* ----------------------- an FFI thread that is cancelled outside handlers */

static int
cancel_itself_later(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	fx_before_exit();
	T_OK(pthread_cancel(pthread_self()));
	return FERRY_OK;
}

static void
ring(void *user)
{
	pthread_testcancel();
	atomic_fetch_add((atomic_int *)user, 1);
}

/* The doorbell of its own reply. */
static void
cancelled_in_a_doorbell(void)
{
	atomic_int rung = 0;
	ferry_inbox_options io = { .struct_size = sizeof io,
		.doorbell = ring, .user = &rung };
	ferry_context context = steps_open(NULL);
	ferry_request_options o;
	ferry_completion c;
	ferry_inbox inbox;

	T_OK(ferry_inbox_open(&inbox, &io));
	fx_attach(inbox, context, 0, NULL);
	o = fx_to_inbox(inbox, NULL);
	fx_do_with(context, cancel_itself_later, NULL, &o);
	T_WAIT_UNTIL(ferry_inbox_take(&c, 1, inbox) == 1, FX_LIMIT_MS);
	T_EQ(c.status, FERRY_OK);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	/* Before it came to that one. */
	T_GE(atomic_load(&rung), 1);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
free_at_a_point(void *data, void *user)
{
	pthread_testcancel();
	free(data);
	atomic_fetch_add((atomic_int *)user, 1);
}

/* The free function of its own payload. */
static void
cancelled_in_a_free_function(void)
{
	struct fx_job *job = malloc(sizeof *job);
	ferry_context context = steps_open(NULL);
	ferry_request_options o = fx_request_options();
	atomic_int freed = 0;
	ferry_request request;

	*job = (struct fx_job){ cancel_itself_later, NULL };
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = free_at_a_point;
	o.free_user = &freed;
	request = fx_submit(context, FX_DO, job, sizeof *job, &o);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(atomic_load(&freed), 1);
	fx_close(context);
}

/* ------------------------------------ a worker whose thread is not replaced */

static int
end_in_gate(ferry_call call, void *arg)
{
	(void)call;
	fx_gate_pass(arg);
	inject_arm(INJECT_THREAD, 1, 1);
	end_thread(ENDING_EXIT);
}

static void *
close_thread(void *arg)
{
	return (void *)(intptr_t)ferry_context_close(
	    *(ferry_context *)arg, NULL, NULL);
}

/* Somebody drains it meanwhile, and is not left waiting. */
static void
lost_while_draining(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context context = steps_open(NULL);
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	struct context *inside;
	ferry_request lost, queued;
	pthread_t thread;

	lost = fx_do(context, end_in_gate, &gate);
	fx_gate_await(&gate, 1);
	queued = fx_submit(context, FX_NOP, NULL, 0, NULL);
	fx_submit(context, FX_NOP, NULL, 0, &o);
	T_OK(ferry__context_find(&inside, context));
	thread = t_thread_start(close_thread, &context);
	T_WAIT_UNTIL(atom32_load_acquire(&inside->stage) == CONTEXT_CLOSING,
	    FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_EQ((intptr_t)t_thread_join(thread), FERRY_OK);
	inject_disarm();
	T_EQ(fx_wait(lost), FERRY_ELOST);
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	T_EQ(atomic_load(&slot.calls), 1);
	T_EQ(slot.status, FERRY_ECLOSED);
}

/* Of one that has been lost for good, others of its key hear so too, whenever
 * they are opened; and the last one takes it down with it. */
static void
opened_on_a_lost_worker(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context first, second;

	o.worker_key = "lost for good";
	o.init_arg = &life;
	first = steps_open(&o);
	fx_gate_open(&gate);
	T_EQ(fx_do_wait(first, end_in_gate, &gate), FERRY_ELOST);
	second = steps_open(&o);
	T_GE(inject_disarm(), 1);
	T_EQ(fx_wait(fx_submit(second, FX_NOP, NULL, 0, NULL)),
	    FERRY_ECLOSED);
	T_OK(ferry_context_close(first, NULL, NULL));
	T_EQ(fx_wait(fx_submit(second, FX_NOP, NULL, 0, NULL)),
	    FERRY_ECLOSED);
	T_OK(ferry_context_close(second, NULL, NULL));
	T_EQ(atomic_load(&life.finis), 2);
	inject_await_threads();
	first = steps_open(&o); /* a new one */
	T_EQ(fx_wait(fx_submit(first, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(first);
}

T_MAIN(
	T_RUN(replier_ends);
	T_RUN(canceller_ends);
	T_RUN(cancelled_all_its_life);
	T_RUN(cancelled_in_a_doorbell);
	T_RUN(cancelled_in_a_free_function);
	T_RUN(lost_while_draining);
	T_RUN(opened_on_a_lost_worker);
)
