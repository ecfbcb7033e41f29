/*
 * Waiting for a reply: timeouts, signals, rivals, giving up, invoke, and what
 * a token is worth afterwards.
 */
#include "fixture.h"

/* The wait fails with that error and writes nothing. */
static void
wait_fails(ferry_request request, int64_t timeout_ms, int error)
{
	ferry_reply reply = {.status = 77, .data = &reply, .size = 77};

	T_EQ(ferry_request_wait(&reply, request, timeout_ms), error);
	T_EQ(reply.status, 77);
	T_ASSERT(reply.data == &reply);
	T_EQ(reply.size, 77);
}

static void
timeouts(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = fx_hold(context, &gate);
	uint64_t began;

	wait_fails(request, 0, FERRY_ETIMEDOUT);
	began = t_now_ns();
	wait_fails(request, 25, FERRY_ETIMEDOUT);
	T_GE(t_now_ns() - began, 25 * UINT64_C(1000000));
	/* Catches a timeout that takes or cancels. */
	T_EQ(fx_counters(context).running, 1);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
}

/* 0 looks once: what is there, is taken. It is when the next one is. */
static void
looks_once(void)
{
	ferry_context context = fx_open();
	ferry_request request = fx_submit(context, FX_ECHO, "x", 1, NULL);
	ferry_reply reply;

	T_OK(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)));
	T_OK(ferry_request_wait(&reply, request, 0));
	T_EQ(reply.size, 1);
	T_OK(ferry_block_release(reply.data));
	fx_close(context);
}

/* A reply that is there already is taken without sleeping, for ever is fine.
 * Bytes only where there are any. */
static void
replies_without_bytes(void)
{
	ferry_context context = fx_open();
	ferry_reply reply;
	int status = 9;

	T_OK(ferry_request_wait(&reply,
	    fx_submit(context, FX_STATUS, &status, sizeof status, NULL), -1));
	T_EQ(reply.status, 9);
	T_EQ(reply.size, 0);
	T_OK(ferry_block_release(reply.data));
	status = FERRY_EBUSY; /* a handler may answer with our errors too */
	T_EQ(fx_wait(fx_submit(context, FX_STATUS, &status, sizeof status,
	    NULL)), FERRY_EBUSY);
	fx_close(context);
}

static void
stale_once_taken(void)
{
	ferry_context context = fx_open();
	ferry_request request = fx_submit(context, FX_NOP, NULL, 0, NULL);
	ferry_request other;

	T_EQ(fx_wait(request), FERRY_OK);
	wait_fails(request, -1, FERRY_ESTALE);
	wait_fails(request, 0, FERRY_ESTALE);
	T_EQ(ferry_request_cancel(request), FERRY_ESTALE);
	T_EQ(ferry_request_release(request), FERRY_ESTALE);
	/* Also when its place has been taken by others many times. */
	for (int i = 0; i < 1000; i++) {
		other = fx_submit(context, FX_NOP, NULL, 0, NULL);
		T_NE(other, request);
		wait_fails(request, 0, FERRY_ESTALE);
		T_EQ(fx_wait(other), FERRY_OK);
	}
	fx_close(context);
	wait_fails(request, -1, FERRY_ESTALE);
	T_EQ(ferry_request_cancel(request), FERRY_ESTALE);
}

static void
tokens_of_no_request(void)
{
	ferry_context context = fx_open();
	ferry_reply reply;

	wait_fails(0, -1, FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_request_wait(&reply, FX_FORGED, -1)));
	T_ASSERT(fx_no_token(ferry_request_wait(&reply, context, -1)));
	T_EQ(ferry_request_release(0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_request_release(FX_FORGED)));
	fx_close(context);
}

/* Requests that are told otherwise are not to be waited for. */
static void
not_to_be_waited_for(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	ferry_request_options call = fx_to_slot(&slot);
	ferry_request_options box = fx_to_inbox(inbox, NULL);
	ferry_request held = fx_hold(context, &gate), a, b;
	ferry_completion c;

	fx_attach(inbox, context, 0, NULL);
	a = fx_submit(context, FX_NOP, NULL, 0, &call);
	b = fx_submit(context, FX_NOP, NULL, 0, &box);
	wait_fails(a, -1, FERRY_EINVAL);
	wait_fails(b, -1, FERRY_EINVAL);
	T_EQ(ferry_request_release(a), FERRY_EINVAL);
	T_EQ(ferry_request_release(b), FERRY_EINVAL);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_slot_await(&slot); /* both are answered as ever */
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.request, b);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
null_out(void)
{
	ferry_context context = fx_open();
	ferry_request request = fx_submit(context, FX_NOP, NULL, 0, NULL);

	T_EQ(ferry_request_wait(NULL, request, -1), FERRY_EINVAL);
	T_EQ(fx_wait(request), FERRY_OK); /* nothing was taken */
	fx_close(context);
}

/* ---------------------------------------------------------------- rivals */

struct waiter {
	ferry_request request;
	int64_t timeout_ms;
	atomic_uint tid;
	atomic_int result; /* 1: not back yet */
	ferry_reply reply;
};

/* Waits; a rival's look at the wrong moment is waited out. */
static void *
wait_thread(void *arg)
{
	struct waiter *w = arg;
	int r;

	atomic_store(&w->tid, fx_tid());
	do {
		r = ferry_request_wait(&w->reply, w->request, w->timeout_ms);
	} while (r == FERRY_EBUSY);
	atomic_store(&w->result, r);
	return NULL;
}

static pthread_t
start_waiter(struct waiter *w, ferry_request request, int64_t timeout_ms)
{
	pthread_t thread;

	w->request = request;
	w->timeout_ms = timeout_ms;
	atomic_store(&w->tid, 0);
	atomic_store(&w->result, 1);
	thread = t_thread_start(wait_thread, w);
	T_WAIT_UNTIL(atomic_load(&w->tid) != 0, FX_LIMIT_MS);
	return thread;
}

static void
second_waiter(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = fx_hold(context, &gate);
	struct waiter w;
	ferry_reply reply;
	pthread_t thread = start_waiter(&w, request, -1);

	/* While the first is on its way in, our look may find it free. */
	T_WAIT_UNTIL(ferry_request_wait(&reply, request, 0) == FERRY_EBUSY,
	    FX_LIMIT_MS);
	fx_await_sleeping(atomic_load(&w.tid));
	wait_fails(request, 0, FERRY_EBUSY);
	wait_fails(request, -1, FERRY_EBUSY);
	T_EQ(ferry_request_release(request), FERRY_EBUSY);
	fx_gate_open(&gate);
	t_thread_join(thread);
	T_EQ(atomic_load(&w.result), FERRY_OK);
	T_EQ(w.reply.status, FERRY_OK);
	T_OK(ferry_block_release(w.reply.data));
	wait_fails(request, -1, FERRY_ESTALE);
	fx_close(context);
}

/* The wait of one thread for another's request. */
static void
waited_for_by_another(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct waiter w;
	pthread_t thread =
	    start_waiter(&w, fx_hold(context, &gate), -1);

	fx_gate_open(&gate);
	t_thread_join(thread);
	T_EQ(atomic_load(&w.result), FERRY_OK);
	fx_close(context);
}

/* A cancelled one frees its waiter at once, though the worker is held. */
static void
cancelled_under_a_waiter(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate);
	ferry_request request = fx_submit(context, FX_NOP, NULL, 0, NULL);
	struct waiter w;
	pthread_t thread = start_waiter(&w, request, -1);

	fx_await_sleeping(atomic_load(&w.tid));
	T_OK(ferry_request_cancel(request));
	t_thread_join(thread);
	T_EQ(atomic_load(&w.result), FERRY_OK);
	T_EQ(w.reply.status, FERRY_ECANCELED);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(context);
}

/* --------------------------------------------------------------- signals */

static atomic_int signals;

static void
on_signal(int number)
{
	(void)number;
	atomic_fetch_add(&signals, 1);
}

static void
catch_signal(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, NULL); /* no SA_RESTART */
}

/* A signal may come just before the sleep; then another is needed. */
static void
interrupt(pthread_t thread, atomic_int *result)
{
	T_WAIT_UNTIL((atomic_load(result) != 1 ||
	    (pthread_kill(thread, SIGUSR1), 0)), FX_LIMIT_MS);
}

static void
interrupted(int64_t timeout_ms)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = fx_hold(context, &gate);
	struct waiter w;
	pthread_t thread;

	catch_signal();
	thread = start_waiter(&w, request, timeout_ms);
	interrupt(thread, &w.result);
	t_thread_join(thread);
	T_EQ(atomic_load(&w.result), FERRY_EINTR);
	T_GE(atomic_load(&signals), 1);
	/* Nothing was taken: it can be waited for again. */
	wait_fails(request, 0, FERRY_ETIMEDOUT);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
}

static void
interrupted_for_ever(void)
{
	interrupted(-1);
}

static void
interrupted_with_timeout(void)
{
	interrupted(600000);
}

/* --------------------------------------------------------------- release */

static void
released_early(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request held = fx_hold(context, &gate);
	ferry_request request = fx_mark(context, &trace, 1, NULL);

	T_OK(ferry_request_release(request));
	T_EQ(ferry_request_release(request), FERRY_ESTALE);
	wait_fails(request, -1, FERRY_ESTALE);
	T_EQ(ferry_request_cancel(request), FERRY_ESTALE);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_rest(context);
	T_EQ(atomic_load(&trace.n), 1); /* given up is not cancelled */
	fx_await_discarded(context, 1);
	fx_close(context);
}

/* The reply's block is freed (LSan looks). */
static void
released_late(void)
{
	ferry_context context = fx_open();
	unsigned char bytes[1000] = {0};
	ferry_request request =
	    fx_submit(context, FX_ECHO, bytes, sizeof bytes, NULL);

	fx_rest(context);
	T_OK(ferry_request_release(request));
	wait_fails(request, 0, FERRY_ESTALE);
	fx_await_discarded(context, 1);
	fx_close(context);
}

/* ---------------------------------------------------------------- invoke */

static void
invoke(void)
{
	ferry_context context = fx_open();
	ferry_request request = 77;
	ferry_reply reply;

	T_OK(ferry_request_invoke(&reply, &request, context, FX_ECHO, "hello",
	    5, NULL, -1));
	T_EQ(reply.status, FERRY_OK);
	T_EQ(reply.size, 5);
	T_MEM(reply.data, "hello", 5);
	T_OK(ferry_block_release(reply.data));
	/* Whatever was left in it, it names nothing any more. */
	T_ASSERT(request == 77 ||
	    fx_no_token(ferry_request_wait(&reply, request, 0)));
	fx_close(context);
}

static void
invoke_refused(void)
{
	ferry_context context = fx_open();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_reply reply = {.status = 77};
	ferry_request request = 77;

	T_EQ(ferry_request_invoke(&reply, &request, context, FX_N_METHODS,
	    NULL, 0, NULL, -1), FERRY_ENOMETHOD);
	T_EQ(request, 0);
	request = 77;
	T_EQ(ferry_request_invoke(&reply, &request, context, FX_NOP, NULL, 0,
	    &o, -1), FERRY_EINVAL);
	T_EQ(request, 0);
	T_EQ(fx_accepted(context), 0);
	fx_close(context);
	request = 77;
	T_EQ(ferry_request_invoke(&reply, &request, context, FX_NOP, NULL, 0,
	    NULL, -1), FERRY_ESTALE);
	T_EQ(request, 0);
	T_EQ(reply.status, 77);
	T_EQ(atomic_load(&slot.calls), 0);
}

static void
invoke_timed_out(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_gate *p = &gate;
	ferry_reply reply = {.status = 77};
	ferry_request request = 0;

	T_EQ(ferry_request_invoke(&reply, &request, context, FX_GATE, &p,
	    sizeof p, NULL, 10), FERRY_ETIMEDOUT);
	T_EQ(reply.status, 77);
	T_NE(request, 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK); /* it lives on as request */
	fx_close(context);
}

struct invoker {
	ferry_context context;
	struct fx_gate *gate;
	ferry_request request;
	atomic_int result;
};

static void *
invoke_thread(void *arg)
{
	struct invoker *v = arg;
	ferry_reply reply;

	atomic_store(&v->result, ferry_request_invoke(&reply, &v->request,
	    v->context, FX_GATE, &v->gate, sizeof v->gate, NULL, -1));
	return NULL;
}

static void
invoke_interrupted(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct invoker v = {fx_open(), &gate, 0, 1};
	pthread_t thread;

	catch_signal();
	thread = t_thread_start(invoke_thread, &v);
	fx_gate_await(&gate, 1);
	interrupt(thread, &v.result);
	t_thread_join(thread);
	T_EQ(atomic_load(&v.result), FERRY_EINTR);
	T_NE(v.request, 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(v.request), FERRY_OK);
	fx_close(v.context);
}

static void *
invoke_many(void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	ferry_reply reply;
	ferry_request request;

	for (uint32_t i = 0; i < 2000; i++) {
		T_OK(ferry_request_invoke(&reply, &request, context, FX_ECHO,
		    &i, sizeof i, NULL, -1));
		T_EQ(reply.size, sizeof i);
		T_MEM(reply.data, &i, sizeof i);
		T_OK(ferry_block_release(reply.data));
	}
	return NULL;
}

/* Each gets its own answer. */
static void
invoke_from_many_threads(void)
{
	ferry_context context = fx_open();
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = t_thread_start(invoke_many, &context);
	for (int i = 0; i < 4; i++)
		t_thread_join(threads[i]);
	T_EQ(fx_counters(context).ended_ok, 8000);
	fx_close(context);
}

/* ---------------------------------------------------------------- blocks */

static int
no_room(int r)
{
	return r == FERRY_ENOMEM || r == FERRY_EINVAL;
}

static void
blocks(void)
{
	static unsigned char no_block[256];
	void *block = &block;

	T_OK(ferry_block_release(NULL));
	T_OK(ferry_block_alloc(&block, 100));
	T_EQ((uintptr_t)block % 16, 0);
	memset(block, 0xff, 100);
	T_OK(ferry_block_release(block));
	T_OK(ferry_block_alloc(&block, 0));
	T_OK(ferry_block_release(block));
	T_EQ(ferry_block_alloc(NULL, 100), FERRY_EINVAL);
	block = &block;
	T_ASSERT(no_room(ferry_block_alloc(&block, SIZE_MAX)));
	T_ASSERT(no_room(ferry_block_alloc(&block, SIZE_MAX - 15)));
	T_ASSERT(block == &block);
	T_EQ(ferry_block_release(no_block + 128), FERRY_EINVAL);
	T_EQ(ferry_block_release(no_block + 129), FERRY_EINVAL);
}

T_MAIN(
	T_RUN(timeouts);
	T_RUN(looks_once);
	T_RUN(replies_without_bytes);
	T_RUN(stale_once_taken);
	T_RUN(tokens_of_no_request);
	T_RUN(not_to_be_waited_for);
	T_RUN(null_out);
	T_RUN(second_waiter);
	T_RUN(waited_for_by_another);
	T_RUN(cancelled_under_a_waiter);
	T_RUN(interrupted_for_ever);
	T_RUN(interrupted_with_timeout);
	T_RUN(released_early);
	T_RUN(released_late);
	T_RUN(invoke);
	T_RUN(invoke_refused);
	T_RUN(invoke_timed_out);
	T_RUN(invoke_interrupted);
	T_RUN(invoke_from_many_threads);
	T_RUN(blocks);
)
