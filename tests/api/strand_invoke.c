/*
 * A strand submits and awaits in one.
 */
#include "strands.h"

struct invoking {
	ferry_context context;
	uint32_t method;
	int64_t timeout_ms;
	atomic_int in;
	ferry_request request;
	ferry_reply reply;
};

static int
invoke_it(ferry_call call, void *arg)
{
	struct invoking *i = arg;

	(void)call;
	i->request = 77;
	atomic_store(&i->in, 1);
	return ferry_strand_invoke(&i->reply, &i->request, i->context,
	    i->method, "data", 5, NULL, i->timeout_ms);
}

/* In time, and too late: then the request lives on. */
static void
an_invoke_that_is_too_late(void)
{
	ferry_context context = st_open(), other = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(other, &gate);
	struct invoking i = {.context = other, .method = FX_ECHO,
	    .timeout_ms = 10};
	ferry_reply reply;

	T_EQ(st_run(context, invoke_it, &i), FERRY_ETIMEDOUT);
	T_NE(i.request, 0);
	T_NE(i.request, 77);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_OK(ferry_request_wait(&reply, i.request, -1));
	T_STR((char *)reply.data, "data");
	T_OK(ferry_block_release(reply.data));
	i.timeout_ms = 60000;
	T_OK(st_run(context, invoke_it, &i));
	T_STR((char *)i.reply.data, "data");
	T_OK(ferry_block_release(i.reply.data));
	T_EQ(ferry_request_release(i.request), FERRY_ESTALE);
	fx_close(context);
	fx_close(other);
}

/* A cancel of the strand is none of the request that it has invoked. */
static void
a_cancelled_invoke_leaves_its_request(void)
{
	ferry_context context = st_open(), other = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(other, &gate), request;
	struct invoking i = {.context = other, .method = FX_ECHO,
	    .timeout_ms = -1};

	request = st_spawn(context, invoke_it, &i);
	T_WAIT_UNTIL(atomic_load(&i.in) == 1, FX_LIMIT_MS);
	st_turn(context);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_OK(fx_wait(i.request));
	fx_close(context);
	fx_close(other);
}

/* Refused at the submit: as that says, and there is no request. */
static int
invoke_in_vain(ferry_call call, void *arg)
{
	struct invoking *i = arg;

	(void)call;
	T_EQ(ferry_strand_sleep(-1), FERRY_ECANCELED);
	i->request = 77;
	return ferry_strand_invoke(&i->reply, &i->request, i->context,
	    i->method, "data", 5, NULL, -1);
}

/* Nobody would wait for what it submits. */
static void
a_cancelled_strand_invokes_nothing(void)
{
	ferry_context context = st_open(), other = st_open();
	struct invoking i = {.context = other, .method = FX_ECHO};
	ferry_request request = st_spawn(context, invoke_in_vain, &i);

	st_await_active(context, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(i.request, 0);
	T_EQ(fx_counters(other).submitted, 0);
	fx_close(context);
	fx_close(other);
}

static void
an_invoke_that_is_refused(void)
{
	ferry_context context = st_open(), closed = st_open();
	struct invoking i = {.context = closed, .method = FX_ECHO};

	fx_close(closed);
	T_EQ(st_run(context, invoke_it, &i), FERRY_ESTALE);
	T_EQ(i.request, 0);
	fx_close(context);
}

/* Strands that invoke strands that invoke …, of two workers. */
struct chain {
	ferry_context contexts[2];
	int depth;
};

static int
invoke_down(ferry_call call, void *arg)
{
	struct chain *c = arg, next = *c;
	struct fx_job job = {invoke_down, &next};
	ferry_request request;
	ferry_reply reply;

	(void)call;
	if (c->depth == 0)
		return 1;
	next.depth--;
	T_OK(ferry_strand_invoke(&reply, &request,
	    c->contexts[c->depth % 3 == 0], ST_STRAND, &job, sizeof job, NULL,
	    -1));
	return reply.status + 1;
}

static void
a_chain_of_invokes(void)
{
	struct chain c = {{st_open(), st_open()}, 100};

	T_EQ(st_run(c.contexts[0], invoke_down, &c), 101);
	fx_close(c.contexts[0]);
	fx_close(c.contexts[1]);
}

T_MAIN(
	T_RUN(an_invoke_that_is_too_late);
	T_RUN(a_cancelled_invoke_leaves_its_request);
	T_RUN(a_cancelled_strand_invokes_nothing);
	T_RUN(an_invoke_that_is_refused);
	T_RUN(a_chain_of_invokes);
)
