/*
 * Workers that wait for each other: allowed in turn, refused in a circle, and
 * everybody goes on afterwards.
 */
#include "fixture.h"

struct corner {
	ferry_context next;
	pthread_barrier_t *start; /* or NULL */
	int result;
	ferry_request request;
};

static int
corner_invoke(ferry_call call, void *arg)
{
	struct corner *c = arg;
	ferry_reply reply;

	(void)call;
	if (c->start != NULL)
		pthread_barrier_wait(c->start);
	c->request = 77;
	c->result = ferry_request_invoke(
	    &reply, &c->request, c->next, FX_NOP, NULL, 0, NULL, -1);
	return c->result == FERRY_OK ? reply.status : 1;
}

static int
corner_wait(ferry_call call, void *arg)
{
	struct corner *c = arg;
	ferry_reply reply;

	(void)call;
	if (c->start != NULL)
		pthread_barrier_wait(c->start);
	c->request = fx_submit(c->next, FX_NOP, NULL, 0, NULL);
	c->result = ferry_request_wait(&reply, c->request, -1);
	if (c->result != FERRY_OK)
		T_OK(ferry_request_release(c->request));
	return c->result == FERRY_OK ? reply.status : 1;
}

/* A handler may wait for another worker; there and back in turn is no circle:
 * catches an edge that stays behind after its wait. */
static void
waiting_for_another_worker(void)
{
	ferry_context a = fx_open(), b = fx_open();
	struct corner to_b = {.next = b}, to_a = {.next = a};

	for (int i = 0; i < 200; i++) {
		T_EQ(fx_do_wait(a, corner_invoke, &to_b), FERRY_OK);
		T_EQ(fx_do_wait(b, corner_invoke, &to_a), FERRY_OK);
		T_EQ(fx_do_wait(a, corner_wait, &to_b), FERRY_OK);
		T_EQ(fx_do_wait(b, corner_wait, &to_a), FERRY_OK);
	}
	fx_close(a);
	fx_close(b);
}

/* A wait that was refused, or was given up, is no edge any more: catches an
 * EDEADLK long after. */
static int
corner_refused(ferry_call call, void *arg)
{
	struct corner *c = arg;
	ferry_reply reply;

	(void)call;
	T_EQ(ferry_request_invoke(&reply, &c->request, c->next, FX_N_METHODS,
	    NULL, 0, NULL, -1), FERRY_ENOMETHOD);
	return FERRY_OK;
}

static void
refused_waits_leave_no_edge(void)
{
	ferry_context a = fx_open(), b = fx_open();
	struct corner to_b = {.next = b}, to_a = {.next = a};

	T_EQ(fx_do_wait(a, corner_refused, &to_b), FERRY_OK);
	T_EQ(fx_do_wait(b, corner_invoke, &to_a), FERRY_OK);
	fx_close(a);
	fx_close(b);
}

struct given_up {
	ferry_context a, b;
	ferry_request request; /* of b, which a's handler gives up on */
	struct fx_gate gate;
	struct corner to_a;
};

static int
wait_in_vain(ferry_call call, void *arg)
{
	struct given_up *g = arg;
	ferry_reply reply;

	(void)call;
	T_EQ(ferry_request_wait(&reply, g->request, 1), FERRY_ETIMEDOUT);
	return FERRY_OK;
}

static int
gate_then_invoke(ferry_call call, void *arg)
{
	struct given_up *g = arg;

	fx_gate_pass(&g->gate);
	return corner_invoke(call, &g->to_a);
}

static void
given_up_waits_leave_no_edge(void)
{
	struct given_up g = {.a = fx_open(), .b = fx_open(),
	    .gate = FX_GATE_SHUT};

	g.to_a.next = g.a;
	g.request = fx_do(g.b, gate_then_invoke, &g);
	fx_gate_await(&g.gate, 1);
	T_EQ(fx_do_wait(g.a, wait_in_vain, &g), FERRY_OK);
	fx_gate_open(&g.gate); /* still unanswered, b now waits for a */
	T_EQ(fx_wait(g.request), FERRY_OK);
	T_EQ(g.to_a.result, FERRY_OK);
	fx_close(g.a);
	fx_close(g.b);
}

/* n workers wait for each other in a ring, all at the same moment. One at
 * least is told so; then all others get their answers. */
static void
ring(unsigned n, int (*run)(ferry_call, void *), ferry_context *contexts)
{
	pthread_barrier_t start;
	struct corner corners[8];
	ferry_request requests[8];
	unsigned refused = 0;

	pthread_barrier_init(&start, NULL, n);
	for (unsigned i = 0; i < n; i++) {
		corners[i].next = contexts[(i + 1) % n];
		corners[i].start = &start;
		requests[i] = fx_do(contexts[i], run, &corners[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		int status = fx_wait(requests[i]);

		if (corners[i].result == FERRY_OK) {
			T_EQ(status, FERRY_OK);
			continue;
		}
		T_EQ(corners[i].result, FERRY_EDEADLK);
		if (run == corner_invoke)
			T_EQ(corners[i].request, 0);
		refused++;
	}
	T_GE(refused, 1);
	pthread_barrier_destroy(&start);
}

static void
rings(unsigned n, int (*run)(ferry_call, void *))
{
	ferry_context contexts[8];

	for (unsigned i = 0; i < n; i++)
		contexts[i] = fx_open();
	for (int round = 0; round < 50; round++)
		ring(n, run, contexts);
	for (unsigned i = 0; i < n; i++)
		fx_close(contexts[i]);
}

static void
circle_of_two(void)
{
	rings(2, corner_invoke);
}

static void
circle_of_three(void)
{
	rings(3, corner_invoke);
}

static void
circle_of_two_by_wait(void)
{
	rings(2, corner_wait);
}

static void
circle_of_five(void)
{
	rings(5, corner_invoke);
}

/* Refused before it is submitted: the refused one has started nothing. Here
 * the order is fixed, so that it is always the second who is refused. */
struct ordered {
	ferry_context a, b;
	struct fx_gate inside;
	_Atomic uint32_t first_tid;
	int result;
	ferry_request request;
};

static int
ordered_second(ferry_call call, void *arg)
{
	struct ordered *o = arg;
	ferry_reply reply;

	(void)call;
	fx_gate_pass(&o->inside);
	o->result = ferry_request_invoke(
	    &reply, &o->request, o->a, FX_NOP, NULL, 0, NULL, -1);
	return FERRY_OK;
}

static int
ordered_first(ferry_call call, void *arg)
{
	struct ordered *o = arg;

	(void)call;
	atomic_store(&o->first_tid, fx_tid());
	/* b runs ordered_second, which stands in the gate until a sleeps. */
	return fx_wait(fx_do(o->b, ordered_second, o));
}

static void
circle_refused_before_submit(void)
{
	struct ordered o = {.a = fx_open(), .b = fx_open(),
		.inside = FX_GATE_SHUT, .result = 1, .request = 77};
	ferry_request request = fx_do(o.a, ordered_first, &o);

	fx_gate_await(&o.inside, 1);
	fx_await_waiting(atomic_load(&o.first_tid));
	fx_gate_open(&o.inside);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(o.result, FERRY_EDEADLK);
	T_EQ(o.request, 0);
	T_EQ(fx_accepted(o.a), 1);
	T_EQ(fx_accepted(o.b), 1);
	fx_close(o.a);
	fx_close(o.b);
}

T_MAIN(
	T_RUN(waiting_for_another_worker);
	T_RUN(refused_waits_leave_no_edge);
	T_RUN(given_up_waits_leave_no_edge);
	T_RUN(circle_of_two);
	T_RUN(circle_of_three);
	T_RUN(circle_of_two_by_wait);
	T_RUN(circle_of_five);
	T_RUN(circle_refused_before_submit);
)
