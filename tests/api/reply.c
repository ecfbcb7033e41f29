/*
 * Answering: once, by whom, with what; blocks; and what a call tells of
 * itself.
 */
#include "fixture.h"

static int
gone(int r)
{
	return r == FERRY_EREPLIED || r == FERRY_ESTALE;
}

struct order {
	int replied, again, block_again, deferred, deferred_again, late;
	ferry_call call;
	struct fx_gate gate;
};

static int
reply_then_all(ferry_call call, void *arg)
{
	struct order *o = arg;
	void *block;

	o->replied = ferry_call_reply(call, 1, "a", 1);
	o->again = ferry_call_reply(call, 2, "b", 1);
	T_OK(ferry_block_alloc(&block, 8));
	o->block_again = ferry_call_reply_block(call, 3, block, 8);
	T_OK(ferry_block_release(block)); /* refused, it is still ours */
	o->deferred = ferry_call_defer(call);
	return 9;
}

static void
after_the_reply(void)
{
	ferry_context context = fx_open();
	struct order o = {0};
	ferry_request request = fx_do(context, reply_then_all, &o);
	ferry_reply reply;

	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, 1);
	T_EQ(reply.size, 1);
	T_MEM(reply.data, "a", 1);
	T_OK(ferry_block_release(reply.data));
	fx_rest(context); /* the handler may have been behind us */
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(o.replied, FERRY_OK);
	T_EQ(o.again, FERRY_EREPLIED);
	T_EQ(o.block_again, FERRY_EREPLIED);
	T_EQ(o.deferred, FERRY_EREPLIED);
	T_EQ(fx_counters(context).ended_error, 1);
	T_EQ(fx_counters(context).ended_ok, 1);
	fx_close(context);
}

static int
defer_twice(ferry_call call, void *arg)
{
	struct order *o = arg;

	o->deferred = ferry_call_defer(call);
	o->deferred_again = ferry_call_defer(call);
	o->replied = ferry_call_reply(call, 1, NULL, 0);
	o->late = ferry_call_defer(call);
	return 9;
}

static void
deferring_twice(void)
{
	ferry_context context = fx_open();
	struct order o = {0};

	T_EQ(fx_do_wait(context, defer_twice, &o), 1);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(o.deferred, FERRY_OK);
	T_EQ(o.deferred_again, FERRY_EALREADY);
	T_EQ(o.replied, FERRY_OK); /* still within the handler: allowed */
	/* Deferred, and answered, perhaps taken: not said which it hears. */
	T_ASSERT(gone(o.late) || o.late == FERRY_EALREADY);
	fx_close(context);
}

static int
stay(ferry_call call, void *arg)
{
	struct order *o = arg;

	o->call = call;
	fx_gate_pass(&o->gate);
	return 5;
}

/* A running call that was not deferred belongs to its handler. */
static void
foreign_threads_refused(void)
{
	ferry_context context = fx_open();
	struct order o = {.gate = FX_GATE_SHUT};
	ferry_request request = fx_do(context, stay, &o);
	void *block;

	fx_gate_await(&o.gate, 1);
	T_EQ(ferry_call_reply(o.call, 1, "x", 1), FERRY_ETHREAD);
	T_OK(ferry_block_alloc(&block, 8));
	T_EQ(ferry_call_reply_block(o.call, 1, block, 8), FERRY_ETHREAD);
	T_OK(ferry_block_release(block));
	T_EQ(ferry_call_defer(o.call), FERRY_ETHREAD);
	fx_gate_open(&o.gate);
	T_EQ(fx_wait(request), 5); /* none of it had an effect */
	fx_close(context);
}

/* Deferring is for the handler: later it is too late. */
static void
deferring_later(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	ferry_request request = fx_later(context, &l);
	int r = ferry_call_defer(l.call);

	T_ASSERT(r == FERRY_ETHREAD || r == FERRY_EALREADY);
	T_OK(ferry_call_reply(l.call, 0, NULL, 0));
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
}

static void
no_call(void)
{
	void *block;
	ferry_call_info info = {.struct_size = sizeof info};
	int r;

	T_OK(ferry_block_alloc(&block, 8));
	T_EQ(ferry_call_reply(0, 0, NULL, 0), FERRY_EINVAL);
	T_EQ(ferry_call_reply_block(0, 0, block, 8), FERRY_EINVAL);
	T_EQ(ferry_call_defer(0), FERRY_EINVAL);
	T_EQ(ferry_call_describe(&info, 0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_call_reply(FX_FORGED, 0, NULL, 0)));
	T_ASSERT(fx_no_token(ferry_call_defer(FX_FORGED)));
	T_ASSERT(fx_no_token(ferry_call_describe(&info, FX_FORGED)));
	r = ferry_call_reply_block(FX_FORGED, 0, block, 8);
	T_ASSERT(fx_no_token(r));
	if (r != FERRY_ESTALE) /* then it may be gone */
		T_OK(ferry_block_release(block));
}

static int
bad_replies(ferry_call call, void *arg)
{
	static unsigned char no_block[256];

	(void)arg;
	T_EQ(ferry_call_reply(call, 0, NULL, 1), FERRY_EINVAL);
	T_EQ(ferry_call_reply_block(call, 0, NULL, 1), FERRY_EINVAL);
	T_EQ(ferry_call_reply_block(call, 0, no_block + 128, 8),
	    FERRY_EINVAL);
	T_EQ(ferry_call_reply(call, 0, "x", SIZE_MAX), FERRY_ENOMEM);
	/* None of them was an answer. */
	T_OK(ferry_call_reply(call, 6, NULL, 0));
	return FERRY_OK;
}

static void
replies_refused(void)
{
	ferry_context context = fx_open();

	T_EQ(fx_do_wait(context, bad_replies, NULL), 6);
	fx_close(context);
}

/* ---------------------------------------------------------------- blocks */

static int
reply_block(ferry_call call, void *arg)
{
	void *block;

	T_OK(ferry_block_alloc(&block, 5000));
	memset(block, 'b', 5000);
	*(void **)arg = block;
	T_OK(ferry_call_reply_block(call, 0, block, 5000));
	return FERRY_OK;
}

/* Passed on as it is: catches a copy. */
static void
block_passed_on(void)
{
	ferry_context context = fx_open();
	void *block = NULL;
	ferry_reply reply;

	T_OK(ferry_request_wait(
	    &reply, fx_do(context, reply_block, &block), -1));
	T_ASSERT(reply.data == block);
	T_EQ(reply.size, 5000);
	T_EQ(((char *)reply.data)[4999], 'b');
	fx_close(context);
	T_EQ(((char *)reply.data)[0], 'b'); /* ours, also after the close */
	T_OK(ferry_block_release(reply.data));
}

static void
deferred_block(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	void *block;

	fx_later_with(context, &l, &o);
	T_OK(ferry_block_alloc(&block, 20));
	memcpy(block, "01234567890123456789", 20);
	T_OK(ferry_call_reply_block(l.call, 0, block, 10)); /* part of it */
	fx_slot_await(&slot);
	T_EQ(slot.size, 10);
	T_MEM(slot.head, "0123456789", 10);
	fx_close(context);
}

static int
reply_empty(ferry_call call, void *arg)
{
	void *block;

	(void)arg;
	T_OK(ferry_block_alloc(&block, 20));
	T_OK(ferry_call_reply_block(call, 4, block, 0));
	return FERRY_OK;
}

static void
on_nothing(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	T_ASSERT(data == NULL);
	T_EQ(size, 0);
	atomic_store((atomic_int *)user, status);
}

/* None of a block's bytes: nobody is handed the block. */
static void
block_of_nothing(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	ferry_request_options o = fx_request_options();
	atomic_int status = 0;
	ferry_reply reply;
	ferry_request request = fx_do(context, reply_empty, NULL);
	void *block;

	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, 4);
	T_ASSERT(reply.data == NULL);
	o.callback = on_nothing;
	o.user = &status;
	fx_later_with(context, &l, &o);
	T_OK(ferry_block_alloc(&block, 20));
	T_OK(ferry_call_reply_block(l.call, 5, block, 0));
	T_WAIT_UNTIL(atomic_load(&status) == 5, FX_LIMIT_MS);
	fx_close(context);
}

static int
describe_run(ferry_call call, void *arg)
{
	T_OK(ferry_call_describe(arg, call));
	return FERRY_OK;
}

static void
describe(void)
{
	ferry_context context = fx_open();
	ferry_call_info info = {.struct_size = sizeof info};
	ferry_request_options o = fx_request_options();
	ferry_request request;
	struct fx_later l = FX_LATER;

	o.deadline_ns = ferry_clock_ns() + 3600 * UINT64_C(1000000000);
	request = fx_do_with(context, describe_run, &info, &o);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(info.context, context);
	T_EQ(info.request, request);
	T_EQ(info.deadline_ns, o.deadline_ns);
	T_EQ(info.method, FX_DO);
	T_ASSERT(fx_is_id_of(info.submitter, fx_tid()));

	/* As much as an older caller knows, and not a byte more. */
	memset(&info, 0xa5, sizeof info);
	info.struct_size = offsetof(ferry_call_info, deadline_ns);
	request = fx_do(context, describe_run, &info);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(info.request, request);
	T_EQ(info.deadline_ns, UINT64_C(0xa5a5a5a5a5a5a5a5));
	T_EQ(info.submitter, 0xa5a5a5a5);

	/* From outside, while deferred; not any more once it was answered. */
	request = fx_later(context, &l);
	info.struct_size = sizeof info;
	T_OK(ferry_call_describe(&info, l.call));
	T_EQ(info.request, request);
	T_EQ(info.deadline_ns, 0);
	T_OK(ferry_call_reply(l.call, 0, NULL, 0));
	T_EQ(fx_wait(request), FERRY_OK);
	T_ASSERT(gone(ferry_call_describe(&info, l.call)));
	fx_close(context);
}

T_MAIN(
	T_RUN(after_the_reply);
	T_RUN(deferring_twice);
	T_RUN(foreign_threads_refused);
	T_RUN(deferring_later);
	T_RUN(no_call);
	T_RUN(replies_refused);
	T_RUN(block_passed_on);
	T_RUN(deferred_block);
	T_RUN(block_of_nothing);
	T_RUN(describe);
)
