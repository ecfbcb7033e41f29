/*
 * A strand waits for requests: its own context's, another's, in time, too
 * late, not at all.
 */
#include "strands.h"

/* What a strand is to await, and what came of it. */
struct awaiting {
	ferry_context context;    /* of the request */
	ferry_request request;
	int64_t timeout_ms;
	ferry_reply reply;
	atomic_int in;            /* about to await */
	struct fx_later later;    /* the request, if it is a deferred one */
};

#define AWAITING {.timeout_ms = -1, .reply = {.status = 77}, \
	.later = FX_LATER}

static int
await_it(ferry_call call, void *arg)
{
	struct awaiting *a = arg;

	(void)call;
	atomic_store(&a->in, 1);
	return ferry_strand_await(&a->reply, a->request, a->timeout_ms);
}

/* Until the strand is suspended. */
static void
await_awaiting(ferry_context context, struct awaiting *a)
{
	T_WAIT_UNTIL(atomic_load(&a->in) == 1, FX_LIMIT_MS);
	st_turn(context);
}

static void
later_request(ferry_context context, struct awaiting *a)
{
	a->context = context;
	a->request = fx_later(context, &a->later);
}

static void
got(struct awaiting *a, int status, const char *text)
{
	T_EQ(a->reply.status, status);
	T_EQ(a->reply.size, text != NULL ? strlen(text) + 1 : 0);
	if (text != NULL)
		T_STR((char *)a->reply.data, text);
	T_OK(ferry_block_release(a->reply.data));
}

/* ------------------------------------------------------------- it is there */

/* Of the own context and of another worker's; of another context of the same
 * worker. */
static void
a_reply_that_comes(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context contexts[3];

	o.worker_key = "same";
	contexts[0] = st_open_with(&o);
	contexts[1] = st_open_with(&o);
	contexts[2] = st_open();
	for (int i = 0; i < 3; i++) {
		struct awaiting a = AWAITING;
		ferry_request request;

		later_request(contexts[i], &a);
		request = st_spawn(contexts[0], await_it, &a);
		await_awaiting(contexts[0], &a);
		T_OK(ferry_call_reply(a.later.call, 5, "later", 6));
		T_OK(fx_wait(request));
		got(&a, 5, "later");
		T_EQ(ferry_request_cancel(a.request), FERRY_ESTALE);
	}
	for (int i = 0; i < 3; i++)
		fx_close(contexts[i]);
}

static void
a_reply_that_is_there(void)
{
	ferry_context context = st_open(), other = st_open();

	for (int i = 0; i < 2; i++) {
		struct awaiting a = AWAITING;

		a.timeout_ms = i == 0 ? -1 : 0;
		a.request =
		    fx_submit(other, FX_ECHO, "there", 6, NULL);
		st_turn(other);
		T_OK(st_run(context, await_it, &a));
		got(&a, FERRY_OK, "there");
	}
	fx_close(context);
	fx_close(other);
}

/* ---------------------------------------------------------------- in time */

/* What has not come can be awaited again, and then it may come. */
static int
await_twice(ferry_call call, void *arg)
{
	struct awaiting *a = arg;
	uint64_t began = ferry_clock_ns();

	(void)call;
	T_EQ(ferry_strand_await(&a->reply, a->request, 0), FERRY_ETIMEDOUT);
	T_EQ(ferry_strand_await(&a->reply, a->request, 20), FERRY_ETIMEDOUT);
	T_GE(ferry_clock_ns() - began, 20000000);
	T_EQ(a->reply.status, 77);
	atomic_store(&a->in, 1);
	return ferry_strand_await(&a->reply, a->request, -1);
}

static void
a_timeout_takes_nothing(void)
{
	ferry_context context = st_open(), other = st_open();
	struct awaiting a = AWAITING;
	ferry_request request;

	later_request(other, &a);
	request = st_spawn(context, await_twice, &a);
	await_awaiting(context, &a);
	T_OK(ferry_call_reply(a.later.call, FERRY_OK, "late", 5));
	T_OK(fx_wait(request));
	got(&a, FERRY_OK, "late");
	fx_close(context);
	fx_close(other);
}

/* And by another thread, after it; so the claim on it has been given back. */
static void
whoever_comes_after_a_timeout(void)
{
	ferry_context context = st_open(), other = st_open();
	struct awaiting a = AWAITING;

	later_request(other, &a);
	a.timeout_ms = 1;
	T_EQ(st_run(context, await_it, &a), FERRY_ETIMEDOUT);
	T_OK(ferry_call_reply(a.later.call, 6, NULL, 0));
	T_EQ(fx_wait(a.request), 6);
	fx_close(context);
	fx_close(other);
}

/* Timeouts against replies: each request is answered once, whoever wins. */
static int
await_until_it_comes(ferry_call call, void *arg)
{
	struct awaiting *a = arg;
	int r;

	(void)call;
	while ((r = ferry_strand_await(&a->reply, a->request, 1)) ==
	    FERRY_ETIMEDOUT)
		;
	return r;
}

static int
sleep_a_little(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_sleep((intptr_t)arg);
}

static void
timeouts_race_replies(void)
{
	enum { N = 200 };
	static struct awaiting a[N];
	static ferry_request request[N];
	ferry_context context = st_open(), other = st_open();

	for (int i = 0; i < N; i++) {
		a[i] = (struct awaiting)AWAITING;
		a[i].request = st_spawn(
		    i % 2 ? context : other, sleep_a_little, (void *)1);
		request[i] = st_spawn(context, await_until_it_comes, &a[i]);
	}
	for (int i = 0; i < N; i++) {
		T_OK(fx_wait(request[i]));
		got(&a[i], FERRY_OK, NULL);
	}
	st_counts(context, N + N / 2, 0, 0, 0);
	fx_close(context);
	fx_close(other);
}

/* --------------------------------------------------------- who else waits */

static void
one_waits_at_a_time(void)
{
	ferry_context context = st_open(), other = st_open();
	struct awaiting a = AWAITING, b = AWAITING;
	ferry_request first;
	ferry_reply reply;

	later_request(other, &a);
	b.request = a.request;
	first = st_spawn(context, await_it, &a);
	await_awaiting(context, &a);
	/* Another strand, of this thread and of another; another thread. */
	T_EQ(st_run(context, await_it, &b), FERRY_EBUSY);
	T_EQ(st_run(other, await_it, &b), FERRY_EBUSY);
	T_EQ(ferry_request_wait(&reply, a.request, 0), FERRY_EBUSY);
	T_EQ(ferry_request_release(a.request), FERRY_EBUSY);
	T_EQ(b.reply.status, 77);
	T_OK(ferry_call_reply(a.later.call, 5, NULL, 0));
	T_OK(fx_wait(first));
	got(&a, 5, NULL);
	T_EQ(st_run(context, await_it, &b), FERRY_ESTALE);
	fx_close(context);
	fx_close(other);
}

static void *
wait_for_it(void *arg)
{
	struct awaiting *a = arg;
	ferry_reply reply;
	int r;

	/* Whoever asks whether it waits has the request for a moment. */
	do
		r = ferry_request_wait(&reply, a->request, -1);
	while (r == FERRY_EBUSY);
	T_OK(r);
	T_EQ(reply.status, 5);
	T_OK(ferry_block_release(reply.data));
	return NULL;
}

/* The other way round. */
static void
a_thread_waits_already(void)
{
	ferry_context context = st_open();
	struct awaiting a = AWAITING;
	ferry_reply reply;
	pthread_t thread;

	later_request(context, &a);
	thread = t_thread_start(wait_for_it, &a);
	T_WAIT_UNTIL(ferry_request_wait(&reply, a.request, 0) == FERRY_EBUSY,
	    FX_LIMIT_MS);
	T_EQ(st_run(context, await_it, &a), FERRY_EBUSY);
	T_OK(ferry_call_reply(a.later.call, 5, NULL, 0));
	t_thread_join(thread);
	T_EQ(st_run(context, await_it, &a), FERRY_ESTALE);
	fx_close(context);
}

/* ------------------------------------------------- what cannot be awaited */

static void
not_to_be_awaited(void)
{
	ferry_context context = st_open();
	struct fx_slot slot = {0};
	struct fx_gate gate = FX_GATE_SHUT, *at = &gate;
	ferry_request_options o = fx_to_slot(&slot);
	struct awaiting a = AWAITING;
	ferry_context other = st_open();
	ferry_inbox inbox = fx_inbox();
	ferry_completion c;

	fx_attach(inbox, other, 0, NULL);
	a.request = fx_submit(other, FX_GATE, &at, sizeof at, &o);
	T_EQ(st_run(context, await_it, &a), FERRY_EINVAL);
	o = fx_to_inbox(inbox, NULL);
	a.request = fx_submit(other, FX_NOP, NULL, 0, &o);
	T_EQ(st_run(context, await_it, &a), FERRY_EINVAL);
	a.request = fx_submit(other, FX_NOP, NULL, 0, NULL);
	T_OK(ferry_request_release(a.request));
	T_EQ(st_run(context, await_it, &a), FERRY_ESTALE);
	T_EQ(a.reply.status, 77);
	fx_gate_open(&gate);
	fx_slot_await(&slot);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	fx_done(&c);
	fx_close(context);
	fx_close(other);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static int
await_itself(ferry_call call, void *arg)
{
	ferry_call_info info = {.struct_size = sizeof info};
	ferry_reply reply;

	(void)arg;
	T_OK(ferry_call_describe(&info, call));
	T_EQ(ferry_strand_await(&reply, info.request, -1), FERRY_EDEADLK);
	T_OK(ferry_strand_yield());
	T_EQ(ferry_strand_await(&reply, info.request, 0), FERRY_EDEADLK);
	return 3;
}

static void
itself(void)
{
	ferry_context context = st_open();

	T_EQ(st_run(context, await_itself, NULL), 3);
	fx_close(context);
}

/* ---------------------------------------------- what becomes of the request */

/* Cancelled, by others, while it is queued and while it is deferred. */
static void
it_is_cancelled(void)
{
	ferry_context context = st_open(), other = st_open();
	struct awaiting a = AWAITING, b = AWAITING;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(other, &gate), request;

	a.request = fx_submit(other, FX_NOP, NULL, 0, NULL);
	request = st_spawn(context, await_it, &a);
	await_awaiting(context, &a);
	T_OK(ferry_request_cancel(a.request));
	T_OK(fx_wait(request));
	got(&a, FERRY_ECANCELED, NULL);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	b.request = st_spawn(context, sleep_a_little, (void *)-1);
	request = st_spawn(context, await_it, &b);
	await_awaiting(context, &b);
	T_OK(ferry_request_cancel(b.request));
	T_OK(fx_wait(request));
	got(&b, FERRY_ECANCELED, NULL);
	fx_close(context);
	fx_close(other);
}

static void
it_is_lost(void)
{
	ferry_context context = st_open(), other = st_open();
	struct awaiting a = AWAITING;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(other, &gate), request;

	a.request = fx_submit(other, FX_EXIT, NULL, 0, NULL);
	request = st_spawn(context, await_it, &a);
	await_awaiting(context, &a);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_OK(fx_wait(request));
	got(&a, FERRY_ELOST, NULL);
	fx_close(context);
	fx_close(other);
}

/* Its context closes, and is gone by the time that it is awaited again. */
static void
its_context_closes(void)
{
	for (uint32_t mode = FERRY_CLOSE_CANCEL; mode <= FERRY_CLOSE_ABANDON;
	     mode++) {
		ferry_context context = st_open(), other = st_open();
		struct awaiting a = AWAITING;
		ferry_request request;

		a.request = st_spawn(other, sleep_a_little, (void *)-1);
		request = st_spawn(context, await_it, &a);
		await_awaiting(context, &a);
		/* Not queued any more, which is answered otherwise. */
		st_turn(other);
		st_close(other, mode);
		T_OK(fx_wait(request));
		got(&a, mode == FERRY_CLOSE_CANCEL ? FERRY_ECANCELED
		                                   : FERRY_ECLOSED, NULL);
		fx_close(context);
	}
}

T_MAIN(
	T_RUN(a_reply_that_comes);
	T_RUN(a_reply_that_is_there);
	T_RUN(a_timeout_takes_nothing);
	T_RUN(whoever_comes_after_a_timeout);
	T_RUN(timeouts_race_replies);
	T_RUN(one_waits_at_a_time);
	T_RUN(a_thread_waits_already);
	T_RUN(not_to_be_awaited);
	T_RUN(itself);
	T_RUN(it_is_cancelled);
	T_RUN(it_is_lost);
	T_RUN(its_context_closes);
)
