/*
 * FERRY_CONTEXT_SELF_SUBMIT: handlers and callbacks that go on by requests of
 * their own, asynchronous ones only.
 */
#include "fixture.h"

struct chain {
	ferry_context context;
	atomic_int left;
	atomic_int replies;
};

/* Blocking stays refused. */
static void
no_waits(ferry_context own)
{
	ferry_reply reply = {.status = 77};
	ferry_request request = 77;

	T_EQ(ferry_request_invoke(&reply, &request, own, FX_NOP, NULL, 0,
	    NULL, -1), FERRY_EREENTRANT);
	T_EQ(request, 0);
	T_EQ(reply.status, 77);
	T_EQ(ferry_context_close(own, NULL, NULL), FERRY_EREENTRANT);
}

static int
chain_run(ferry_call call, void *arg);

static void
chain_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	struct chain *chain = user;

	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	atomic_fetch_add(&chain->replies, 1);
}

static void
chain_on(struct chain *chain, ferry_reply_fn callback)
{
	struct fx_job job = {chain_run, chain};
	ferry_request_options o = fx_request_options();

	o.callback = callback;
	o.user = chain;
	T_OK(ferry_request_submit(
	    NULL, chain->context, FX_DO, &job, sizeof job, &o));
}

static int
chain_run(ferry_call call, void *arg)
{
	struct chain *chain = arg;

	(void)call;
	no_waits(chain->context);
	if (atomic_fetch_sub(&chain->left, 1) > 1)
		chain_on(chain, chain_reply);
	return FERRY_OK;
}

static ferry_context
open_self_submit(void)
{
	ferry_context_options o = fx_context_options();

	o.flags = FERRY_CONTEXT_SELF_SUBMIT;
	return fx_open_with(&o);
}

static void
self_submit_in_handler(void)
{
	struct chain chain = {open_self_submit(), 500, 0};

	chain_on(&chain, chain_reply);
	T_WAIT_UNTIL(atomic_load(&chain.replies) == 500, FX_LIMIT_MS);
	fx_close(chain.context);
}

static void
chain_reply_and_on(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	struct chain *chain = user;
	ferry_request_options o = fx_request_options();

	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	no_waits(chain->context);
	atomic_fetch_add(&chain->replies, 1);
	if (atomic_fetch_sub(&chain->left, 1) <= 1)
		return;
	o.callback = chain_reply_and_on;
	o.user = chain;
	T_OK(ferry_request_submit(
	    NULL, chain->context, FX_NOP, NULL, 0, &o));
}

static void
self_submit_in_callback(void)
{
	struct chain chain = {open_self_submit(), 500, 0};
	ferry_request_options o = fx_request_options();

	o.callback = chain_reply_and_on;
	o.user = &chain;
	fx_submit(chain.context, FX_NOP, NULL, 0, &o);
	T_WAIT_UNTIL(atomic_load(&chain.replies) == 500, FX_LIMIT_MS);
	fx_close(chain.context);
}

/* A drain runs the chain to its end or refuses its next link; it neither hangs
 * nor loses one. */
static int
endless_run(ferry_call call, void *arg)
{
	struct chain *chain = arg;
	struct fx_job job = {endless_run, chain};
	ferry_request_options o = fx_request_options();
	int r;

	(void)call;
	o.callback = chain_reply;
	o.user = chain;
	r = ferry_request_submit(
	    NULL, chain->context, FX_DO, &job, sizeof job, &o);
	T_ASSERT(r == FERRY_OK || r == FERRY_ECLOSED);
	if (r == FERRY_OK)
		atomic_fetch_add(&chain->left, 1);
	return FERRY_OK;
}

static void
self_submit_and_close(void)
{
	struct chain chain = {open_self_submit(), 1, 0};
	struct fx_job job = {endless_run, &chain};
	ferry_request_options o = fx_request_options();

	o.callback = chain_reply;
	o.user = &chain;
	fx_submit(chain.context, FX_DO, &job, sizeof job, &o);
	T_WAIT_UNTIL(atomic_load(&chain.replies) > 10, FX_LIMIT_MS);
	T_OK(ferry_context_close(chain.context, NULL, NULL));
	T_EQ(atomic_load(&chain.replies), atomic_load(&chain.left));
}

T_MAIN(
	T_RUN(self_submit_in_handler);
	T_RUN(self_submit_in_callback);
	T_RUN(self_submit_and_close);
)
