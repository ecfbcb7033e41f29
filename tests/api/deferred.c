/*
 * Deferred calls: answered later, from any thread, once.
 */
#include "deadlines.h"

static int
gone(int r)
{
	return r == FERRY_EREPLIED || r == FERRY_ESTALE;
}

static void
reply_from_another_thread(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	ferry_request request = fx_later(context, &l);
	ferry_reply reply;

	T_EQ(ferry_request_wait(&reply, request, 0), FERRY_ETIMEDOUT);
	/* The worker is free meanwhile. */
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_counters(context).running, 1);
	T_OK(ferry_call_reply(l.call, 12, "later", 5));
	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, 12);
	T_EQ(reply.size, 5);
	T_MEM(reply.data, "later", 5);
	T_OK(ferry_block_release(reply.data));
	T_ASSERT(gone(ferry_call_reply(l.call, 0, NULL, 0)));
	fx_close(context);
	T_EQ(ferry_call_reply(l.call, 0, NULL, 0), FERRY_ESTALE);
}

/* By callback: on the FFI thread, whoever replied. */
static void
reply_by_callback(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	fx_later_with(context, &l, &o);
	T_EQ(atomic_load(&slot.calls), 0);
	T_OK(ferry_call_reply(l.call, 12, "later", 5));
	fx_slot_await(&slot);
	T_EQ(slot.status, 12);
	T_MEM(slot.head, "later", 5);
	T_ASSERT(!pthread_equal(slot.thread, pthread_self()));
	fx_close(context);
	T_EQ(atomic_load(&slot.calls), 1);
}

static void
reply_by_inbox(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	struct fx_later l = FX_LATER;
	ferry_request_options o = fx_to_inbox(inbox, &l);
	ferry_completion c;
	ferry_request request;

	fx_attach(inbox, context, 0, NULL);
	request = fx_later_with(context, &l, &o);
	T_EQ(ferry_inbox_take(&c, 1, inbox), 0);
	T_OK(ferry_call_reply(l.call, 12, "later", 5));
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.request, request);
	T_EQ(c.status, 12);
	T_EQ(c.size, 5);
	T_MEM(c.data, "later", 5);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* What the handler returns after a defer is ignored. */
static void
result_ignored(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	ferry_request request;

	l.result = 99;
	request = fx_later(context, &l);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_OK(ferry_call_reply(l.call, 1, NULL, 0));
	T_EQ(fx_wait(request), 1);
	fx_close(context);
}

/* The payload stays readable until the reply, adopted or copied. */
struct kept {
	struct fx_gate deferred;
	ferry_call call;
	const void *data;
	size_t size;
};

static int
keep_payload(ferry_call call, const void *data, size_t size, void *state)
{
	struct kept *k = state;

	k->call = call;
	k->data = data;
	k->size = size;
	T_OK(ferry_call_defer(call));
	fx_gate_open(&k->deferred);
	return FERRY_OK;
}

static int
keep_init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)text;
	(void)text_size;
	(void)context;
	*state = (void *)(uintptr_t)arg;
	return 0;
}

static ferry_context
open_keeping(struct kept *k)
{
	static const ferry_method methods[] = {
	    {.struct_size = sizeof(ferry_method), .name = "keep",
	        .handler = keep_payload},
	    {.struct_size = sizeof(ferry_method), .name = "nop",
	        .handler = fx_nop},
	};
	ferry_library_options lo = {.struct_size = sizeof lo,
	    .name = "keeping", .methods = methods, .n_methods = 2,
	    .init = keep_init};
	ferry_context_options o = fx_context_options();
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &lo));
	o.init_arg = k;
	context = fx_open_with(&o);
	T_OK(ferry_library_close(o.library));
	return context;
}

static void
payload_of_size(size_t size)
{
	struct kept k = {.deferred = FX_GATE_SHUT};
	ferry_context context = open_keeping(&k);
	unsigned char bytes[1000], other[64];
	ferry_request request;

	memset(bytes, 'p', sizeof bytes);
	memset(other, 'o', sizeof other);
	request = fx_submit(context, 0, bytes, size, NULL);
	fx_gate_pass(&k.deferred);
	/* Catches a payload whose place is used again too soon. */
	for (int i = 0; i < 100; i++)
		T_EQ(fx_wait(fx_submit(context, 1, other, 64, NULL)), 0);
	T_EQ(k.size, size);
	T_MEM(k.data, bytes, size);
	T_OK(ferry_call_reply(k.call, 0, k.data, k.size));
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
}

static void
payload_kept(void)
{
	payload_of_size(16);
	payload_of_size(64);
	payload_of_size(1000);
}

static void
adopted_payload_kept(void)
{
	struct kept k = {.deferred = FX_GATE_SHUT};
	ferry_context context = open_keeping(&k);
	ferry_request_options o = fx_request_options();
	atomic_int freed = 0;
	ferry_request request;

	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = &freed;
	request = fx_submit(context, 0, calloc(1, 50), 50, &o);
	fx_gate_pass(&k.deferred);
	T_EQ(fx_wait(fx_submit(context, 1, NULL, 0, NULL)), FERRY_OK);
	T_EQ(atomic_load(&freed), 0);
	T_OK(ferry_call_reply(k.call, 0, NULL, 0));
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(&freed), 1);
}

/* ----------------------------------------------------- who may, and when */

/* ----------------------------------------------------------------- races */

struct racer {
	ferry_call call;
	int status;
	pthread_barrier_t *start;
};

static void *
race_thread(void *arg)
{
	struct racer *racer = arg;
	int r;

	pthread_barrier_wait(racer->start);
	r = ferry_call_reply(
	    racer->call, racer->status, &racer->status, sizeof(int));
	T_ASSERT(r == FERRY_OK || gone(r));
	return (void *)(intptr_t)r;
}

/* Two answer at once: one is heard, the other is told. */
static void
two_repliers(void)
{
	ferry_context context = fx_open();
	pthread_barrier_t begin;

	pthread_barrier_init(&begin, NULL, 2);
	for (int round = 0; round < 300; round++) {
		struct fx_later l = FX_LATER;
		ferry_request request = fx_later(context, &l);
		struct racer racers[2] = {{l.call, 1, &begin},
		    {l.call, 2, &begin}};
		pthread_t threads[2];
		ferry_reply reply;
		intptr_t r[2];

		for (int i = 0; i < 2; i++)
			threads[i] = t_thread_start(race_thread, &racers[i]);
		T_OK(ferry_request_wait(&reply, request, -1));
		for (int i = 0; i < 2; i++)
			r[i] = (intptr_t)t_thread_join(threads[i]);
		T_EQ((r[0] == FERRY_OK) + (r[1] == FERRY_OK), 1);
		T_EQ(reply.status, r[0] == FERRY_OK ? 1 : 2);
		T_MEM(reply.data, &reply.status, sizeof(int));
		T_OK(ferry_block_release(reply.data));
	}
	pthread_barrier_destroy(&begin);
	T_EQ(fx_counters(context).ended_error, 300);
	fx_close(context);
}

/* The reply may overtake the handler's return. */
static int
hand_out_and_go(ferry_call call, void *arg)
{
	struct fx_later *l = arg;

	T_OK(ferry_call_defer(call));
	l->call = call;
	fx_gate_open(&l->deferred);
	return FERRY_EINVAL;
}

static void
reply_overtakes_handler(void)
{
	ferry_context context = fx_open();

	for (int i = 0; i < 1000; i++) {
		struct fx_later l = FX_LATER;
		ferry_request request = fx_do(context, hand_out_and_go, &l);

		fx_gate_pass(&l.deferred);
		T_OK(ferry_call_reply(l.call, i, NULL, 0));
		T_EQ(fx_wait(request), i);
	}
	fx_close(context);
}

/* ------------------------------------------------------------- deadlines */

static void
deadline_hook(ferry_call call, void *user)
{
	(void)call;
	fx_gate_open(user);
}

/* When the deadline of a deferred call passes, it is cancelled by its hook. */
static void
deadline_runs_hook(void)
{
	ferry_context context = fx_open();
	struct fx_gate hooked = FX_GATE_SHUT;
	struct fx_later l = FX_LATER;
	uint64_t deadline;
	ferry_request request;
	ferry_reply reply;

	l.hook = deadline_hook;
	l.hook_user = &hooked;
	request = fx_later_until(&deadline, FX_SOON_NS, context, &l);
	fx_gate_pass(&hooked); /* nobody else opens it */
	T_GE(ferry_clock_ns(), deadline);
	T_EQ(ferry_call_check(l.call), FERRY_ECANCELED);
	T_EQ(ferry_request_wait(&reply, request, 0), FERRY_ETIMEDOUT);
	T_EQ(ferry_request_cancel(request), FERRY_EALREADY);
	T_OK(ferry_call_reply(l.call, FERRY_EDEADLINE, NULL, 0));
	T_EQ(fx_wait(request), FERRY_EDEADLINE);
	fx_close(context);
}

/* Without a hook the call can still see it. */
static void
deadline_without_hook(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	uint64_t deadline;
	ferry_request request =
	    fx_later_until(&deadline, FX_SOON_NS, context, &l);

	T_WAIT_UNTIL(
	    ferry_call_check(l.call) == FERRY_ECANCELED, FX_LIMIT_MS);
	T_GE(ferry_clock_ns(), deadline);
	T_OK(ferry_call_reply(l.call, 8, NULL, 0)); /* its answer stands */
	T_EQ(fx_wait(request), 8);
	fx_close(context);
}

struct late {
	struct fx_gate hooked;
	int defer;
	ferry_call call;
};

static int
late_run(ferry_call call, void *arg)
{
	struct late *l = arg;

	l->call = call;
	T_OK(ferry_call_on_cancel(call, deadline_hook, &l->hooked));
	if (l->defer) {
		T_OK(ferry_call_defer(call));
		return FERRY_OK;
	}
	fx_gate_pass(&l->hooked);
	return ferry_call_check(call);
}

/* False: it passed before the start. */
static int
is_cancelled_late(ferry_context context, int defer, uint64_t ns)
{
	struct late l = {.hooked = FX_GATE_SHUT, .defer = defer};
	struct fx_job job = {late_run, &l};
	ferry_request_options o = fx_request_options();
	ferry_request request;
	ferry_reply reply;
	int r;

	o.flags = FERRY_REQUEST_CANCEL_LATE;
	o.deadline_ns = ferry_clock_ns() + ns;
	r = ferry_request_submit(
	    &request, context, FX_DO, &job, sizeof job, &o);
	if (r == FERRY_OK && defer) {
		T_WAIT_UNTIL(fx_gate_is_open(&l.hooked) ||
		    ferry_request_wait(&reply, request, 0) == FERRY_OK,
		    FX_LIMIT_MS);
		if (!fx_gate_is_open(&l.hooked)) {
			T_EQ(reply.status, FERRY_EDEADLINE);
			return 0;
		}
		T_OK(ferry_call_reply(l.call, FERRY_ECANCELED, NULL, 0));
	}
	if (r == FERRY_OK)
		r = fx_wait(request);
	T_ASSERT(r == FERRY_ECANCELED || r == FERRY_EDEADLINE);
	return r == FERRY_ECANCELED;
}

/* Where that was asked for, the deadline ends a handler, too. */
static void
deadline_of_what_runs(void)
{
	ferry_context context = fx_open();

	for (int defer = 0; defer < 2; defer++)
		for (uint64_t ns = FX_SOON_NS;
		    !is_cancelled_late(context, defer, ns);)
			ns *= 2;
	fx_close(context);
}

/* Answered in time, a deadline does nothing, to it or to whoever comes after
 * it in the same place. */
static uint64_t
meet_deadline(ferry_context context, uint64_t ns)
{
	struct fx_gate hooked = FX_GATE_SHUT;
	struct fx_later l = FX_LATER;
	ferry_request request;
	uint64_t deadline, answered;

	l.hook = deadline_hook;
	l.hook_user = &hooked;
	request = fx_later_until(&deadline, ns, context, &l);
	T_OK(ferry_call_reply(l.call, 0, NULL, 0));
	answered = ferry_clock_ns();
	T_EQ(fx_wait(request), FERRY_OK);
	/* Not in time: again, with more of it. */
	if (answered >= deadline)
		return meet_deadline(context, 2 * ns);
	T_EQ(hooked.open, 0);
	return deadline;
}

static void
deadline_met(void)
{
	ferry_context context = fx_open();
	struct fx_later next = FX_LATER;
	uint64_t deadline = meet_deadline(context, FX_SOON_NS);
	/* The same node, most likely. */
	ferry_request request = fx_later(context, &next);

	T_WAIT_UNTIL(ferry_clock_ns() > deadline + 10000000, FX_LIMIT_MS);
	T_OK(ferry_call_check(next.call));
	T_OK(ferry_call_reply(next.call, 0, NULL, 0));
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
}

T_MAIN(
	T_RUN(reply_from_another_thread);
	T_RUN(reply_by_callback);
	T_RUN(reply_by_inbox);
	T_RUN(result_ignored);
	T_RUN(payload_kept);
	T_RUN(adopted_payload_kept);
	T_RUN(two_repliers);
	T_RUN(reply_overtakes_handler);
	T_RUN(deadline_runs_hook);
	T_RUN(deadline_without_hook);
	T_RUN(deadline_of_what_runs);
	T_RUN(deadline_met);
)
