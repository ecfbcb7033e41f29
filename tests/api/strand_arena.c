/*
 * ferry_strand_alloc(): memory that lives as long as its request.
 */
#include <malloc.h>

#include "strands.h"

enum { BOUND = 4096 };

static ferry_context
open_bounded(void)
{
	ferry_context_options o = fx_context_options();

	o.strand_memory = BOUND;
	return st_open_with(&o);
}

static int
not_here(ferry_call call, void *arg)
{
	void *p = arg;

	(void)call;
	T_EQ(ferry_strand_alloc(&p, 16), FERRY_ENOSTRAND);
	T_ASSERT(p == arg);
	return FERRY_OK;
}

static void
only_in_a_strand(void)
{
	ferry_context context = st_open();
	struct fx_job job = {not_here, &context};

	T_EQ(not_here(0, NULL), FERRY_OK);
	T_EQ(fx_wait(fx_submit(context, ST_DO, &job, sizeof job, NULL)),
	    FERRY_OK);
	fx_close(context);
}

static int
use_it_up(ferry_call call, void *arg)
{
	unsigned char *at[BOUND / 64];
	void *p = arg;

	(void)call;
	T_EQ(ferry_strand_alloc(NULL, 1), FERRY_EINVAL);
	T_EQ(ferry_strand_alloc(&p, 0), FERRY_EINVAL);
	T_EQ(ferry_strand_alloc(&p, SIZE_MAX), FERRY_E2BIG);
	T_EQ(ferry_strand_alloc(&p, BOUND + 1), FERRY_E2BIG);
	T_ASSERT(p == arg);
	for (int i = 0; i < BOUND / 64; i++) {
		T_OK(ferry_strand_alloc(&p, 50)); /* 64, rounded */
		T_EQ((uintptr_t)p % 16, 0);
		at[i] = p;
		memset(p, i, 50);
		if (i % 7 == 0)
			T_OK(ferry_strand_yield());
	}
	p = arg;
	T_EQ(ferry_strand_alloc(&p, 1), FERRY_E2BIG);
	T_ASSERT(p == arg);
	for (int i = 0; i < BOUND / 64; i++)
		for (int k = 0; k < 50; k++)
			T_EQ(at[i][k], i);
	return FERRY_OK;
}

/* Each request's own, from nothing each time. */
static void
each_request_has_the_bound_to_itself(void)
{
	enum { N = 20 };
	ferry_context context = open_bounded();
	ferry_request request[N];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			request[i] = st_spawn(context, use_it_up, &context);
		for (int i = 0; i < N; i++)
			T_EQ(fx_wait(request[i]), FERRY_OK);
	}
	fx_close(context);
}

/* A reply is a copy, and a later one's. */
static int
reply_out_of_it(ferry_call call, void *arg)
{
	char *p;

	(void)arg;
	T_OK(ferry_strand_alloc((void **)&p, 1000));
	memset(p, 'a', 999);
	p[999] = 0;
	T_OK(ferry_strand_yield());
	T_OK(ferry_call_reply(call, FERRY_OK, p, 1000));
	memset(p, 'b', 999);
	T_OK(ferry_strand_yield());
	return FERRY_OK;
}

static void
a_reply_outlives_it(void)
{
	ferry_context context = st_open();
	ferry_request request = st_spawn(context, reply_out_of_it, NULL);
	ferry_reply reply;
	char *text;

	T_OK(ferry_request_wait(&reply, request, -1));
	text = reply.data;
	T_EQ(reply.size, 1000);
	T_EQ(strspn(text, "a"), 999);
	T_OK(ferry_block_release(reply.data));
	fx_close(context);
}

/* ------------------------------------------ in use by a hook to the end */

struct hooked {
	struct fx_gate in_hook;  /* the hook is in here … */
	struct fx_gate ending;   /* … before its strand ends */
	int waits;
	int lost;
	int seen;
};

struct owned {
	struct hooked *of;
	unsigned char bytes[5000];
};

/* Until it has returned, its request is not answered. */
static void
look_at_memory(ferry_call call, void *user)
{
	struct owned *o = user;
	struct hooked *h = o->of;

	(void)call;
	fx_gate_pass(&h->in_hook);
	/* The strand is on its way out, and must not have let go of it. */
	t_sleep_ms(FX_QUIET_MS);
	for (size_t i = 0; i < sizeof o->bytes; i++)
		h->seen += o->bytes[i] == 0x5a;
}

static int
leave_a_hook_behind(ferry_call call, void *arg)
{
	struct hooked *h = arg;
	struct owned *o;

	T_OK(ferry_strand_alloc((void **)&o, sizeof *o));
	o->of = h;
	memset(o->bytes, 0x5a, sizeof o->bytes);
	T_OK(ferry_call_on_cancel(call, look_at_memory, o));
	if (h->waits)
		T_OK(ferry_strand_yield());
	fx_gate_pass(&h->ending);
	if (h->lost) {
		fx_before_exit();
		T_OK(pthread_cancel(pthread_self()));
		pthread_testcancel();
	}
	return 7;
}

static void *
cancel_it(void *arg)
{
	T_OK(ferry_request_cancel(*(ferry_request *)arg));
	return NULL;
}

/* "Freed when the handler has returned and the request is answered": so a
 * hook may look at it for as long as it runs. */
static void
a_hook_may_use_it_to_its_end(void)
{
	for (int how = 0; how < 4; how++) {
		ferry_context context = st_open();
		struct hooked h = {FX_GATE_SHUT, FX_GATE_SHUT, how & 1,
		    how >> 1, 0};
		ferry_request request =
		    st_spawn(context, leave_a_hook_behind, &h);
		pthread_t canceller;

		fx_gate_await(&h.ending, 1);
		canceller = t_thread_start(cancel_it, &request);
		fx_gate_await(&h.in_hook, 1);
		fx_gate_open(&h.ending);
		fx_gate_open(&h.in_hook);
		T_EQ(fx_wait(request), h.lost ? FERRY_ELOST : 7);
		t_thread_join(canceller);
		T_EQ(h.seen, 5000);
		fx_close(context);
	}
}

T_MAIN(
	mallopt(M_PERTURB, 0xff); /* what is free looks it */
	T_RUN(only_in_a_strand);
	T_RUN(each_request_has_the_bound_to_itself);
	T_RUN(a_reply_outlives_it);
	T_RUN(a_hook_may_use_it_to_its_end);
)
