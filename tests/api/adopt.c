/*
 * Adopted payloads: not copied, freed once after their last use, and left alone
 * when the submit is refused.
 */
#include "fixture.h"

static void
fill(unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 31 + size);
}

static ferry_request_options
adopting(atomic_int *freed)
{
	ferry_request_options o = fx_request_options();

	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = freed;
	return o;
}

static void
adopt_one(size_t size)
{
	ferry_context context = fx_open();
	unsigned char *bytes = malloc(size);
	atomic_int freed = 0;
	ferry_request_options o = adopting(&freed);
	ferry_reply reply;

	fill(bytes, size);
	T_OK(ferry_request_wait(
	    &reply, fx_submit(context, FX_ECHO, bytes, size, &o), -1));
	T_EQ(reply.size, size);
	for (size_t i = 0; i < size; i++)
		T_EQ(((unsigned char *)reply.data)[i],
		    (unsigned char)(i * 31 + size));
	T_OK(ferry_block_release(reply.data));
	fx_close(context);
	T_EQ(atomic_load(&freed), 1);
}

static void
adopted(void)
{
	adopt_one(1);
	adopt_one(64);
	adopt_one(65);
	adopt_one(1 << 20);
}

/* A large adopted payload is not copied: the handler sees our address. */
static void
adopted_in_place(void)
{
	ferry_context context = fx_open();
	size_t size = 1 << 20;
	unsigned char *bytes = malloc(size);
	atomic_int freed = 0;
	ferry_request_options o = adopting(&freed);
	struct fx_where where;
	ferry_reply reply;

	T_OK(ferry_request_wait(
	    &reply, fx_submit(context, FX_WHERE, bytes, size, &o), -1));
	memcpy(&where, reply.data, sizeof where);
	T_ASSERT(where.data == (const void *)bytes);
	T_EQ(where.size, size);
	T_OK(ferry_block_release(reply.data));
	fx_close(context);
	T_EQ(atomic_load(&freed), 1);
}

struct watched {
	struct fx_gate gate;
	atomic_int freed;
};

static void
watched_free(void *data, void *user)
{
	struct watched *w = user;

	(void)data;
	atomic_fetch_add(&w->freed, 1);
}

static int
pass_watched(ferry_call call, void *arg)
{
	struct watched *w = arg;

	(void)call;
	fx_gate_pass(&w->gate);
	return atomic_load(&w->freed); /* 0: not before the last use */
}

static void
adopted_until_answered(void)
{
	ferry_context context = fx_open();
	struct watched w = {FX_GATE_SHUT, 0};
	struct fx_job job = {pass_watched, &w};
	ferry_request_options o = fx_request_options();
	ferry_request request;

	o.flags = FERRY_REQUEST_ADOPT;
	o.free = watched_free;
	o.free_user = &w;
	request = fx_submit(context, FX_DO, &job, sizeof job, &o);
	fx_gate_await(&w.gate, 1);
	fx_gate_open(&w.gate);
	T_EQ(fx_wait(request), 0);
	fx_close(context);
	T_EQ(atomic_load(&w.freed), 1);
}

/* Cancelled before its start, an adopted payload is freed all the same. */
static void
adopted_and_cancelled(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	atomic_int freed = 0;
	ferry_request_options o = adopting(&freed);
	ferry_request held = fx_hold(context, &gate), request;

	request = fx_submit(context, FX_ECHO, malloc(5000), 5000, &o);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(&freed), 1);
}

/* Refused, it stays ours: whatever the reason, nothing is freed. */
static void
adopted_not(void)
{
	ferry_context_options co = fx_context_options();
	ferry_context context;
	struct fx_gate gate = FX_GATE_SHUT;
	atomic_int freed = 0;
	ferry_request_options o = adopting(&freed);
	ferry_request held;
	void *bytes = calloc(1, 200);

	co.depth = 1;
	co.payload_max = 100;
	context = fx_open_with(&co);
	fx_submit_fails(context, FX_ECHO, bytes, 101, &o, FERRY_E2BIG);
	fx_submit_fails(
	    context, FX_N_METHODS, bytes, 10, &o, FERRY_ENOMETHOD);
	o.deadline_ns = 1;
	fx_submit_fails(context, FX_ECHO, bytes, 10, &o, FERRY_EDEADLINE);
	o.deadline_ns = 0;
	held = fx_hold(context, &gate);
	fx_submit_fails(context, FX_ECHO, bytes, 10, &o, FERRY_EAGAIN);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(context);
	T_EQ(ferry_request_submit(&held, context, FX_ECHO, bytes, 10, &o),
	    FERRY_ESTALE);
	T_EQ(atomic_load(&freed), 0);
	free(bytes);
}

T_MAIN(
	T_RUN(adopted);
	T_RUN(adopted_in_place);
	T_RUN(adopted_until_answered);
	T_RUN(adopted_and_cancelled);
	T_RUN(adopted_not);
)
