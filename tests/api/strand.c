/*
 * Strands: handlers that wait, while the FFI thread goes on.
 */
#include "strands.h"

#include <poll.h>

/* --------------------------------------------------------- without a wait */

static int
plain(ferry_call call, void *arg)
{
	(void)call;
	return *(int *)arg;
}

static void
one_that_never_waits_is_a_handler(void)
{
	ferry_context context = st_open();
	int status = 7;
	ferry_strands s;

	T_EQ(st_run(context, plain, &status), 7);
	status = 0;
	T_EQ(st_run(context, plain, &status), FERRY_OK);
	s = st_strands(context);
	T_EQ(s.spawned, 2);
	T_EQ(s.completed, 1);
	T_EQ(s.failed, 1);
	T_EQ(s.peak, 1);
	fx_close(context);
}

/* ------------------------------------------------------------------ sleeps */

struct sleeper {
	int64_t ms;
	uint64_t began, ended;
};

static int
sleep_once(ferry_call call, void *arg)
{
	struct sleeper *s = arg;
	char text[] = "slept";

	s->began = ferry_clock_ns();
	T_OK(ferry_strand_sleep(s->ms));
	s->ended = ferry_clock_ns();
	return ferry_call_reply(call, FERRY_OK, text, sizeof text);
}

static int
sleep_for_long(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_sleep(-1);
}

/* The FFI thread is there for others meanwhile. */
static void
a_sleep_holds_nobody(void)
{
	ferry_context context = st_open();
	struct sleeper s = {.ms = 100};
	ferry_request lasting = st_spawn(context, sleep_for_long, NULL);
	ferry_request request = st_spawn(context, sleep_once, &s);
	ferry_reply reply;

	for (int i = 0; i < 10; i++)
		T_EQ(fx_wait(fx_submit(context, ST_ECHO, "x", 1, NULL)),
		    FERRY_OK);
	T_GE(st_strands(context).active, 1);
	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(st_strands(context).active, 1);
	T_EQ(reply.status, FERRY_OK);
	T_STR((char *)reply.data, "slept");
	T_OK(ferry_block_release(reply.data));
	T_GE(s.ended - s.began, 100 * 1000000u);
	T_OK(ferry_request_cancel(lasting));
	T_EQ(fx_wait(lasting), FERRY_ECANCELED);
	fx_close(context);
}

enum { MANY = 1000 };

static void
many_sleep_at_once(void)
{
	static struct sleeper s[MANY];
	static ferry_request request[MANY];
	ferry_context context = st_open();

	for (int i = 0; i < MANY; i++) {
		s[i].ms = 50 + i % 7;
		request[i] = st_spawn(context, sleep_once, &s[i]);
	}
	for (int i = 0; i < MANY; i++) {
		T_EQ(fx_wait(request[i]), FERRY_OK);
		T_GE(s[i].ended - s[i].began, (uint64_t)s[i].ms * 1000000u);
	}
	T_EQ(st_strands(context).completed, MANY);
	fx_close(context);
}

/* ------------------------------------------------------- own and others' */

static int
invoke_own(ferry_call call, void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	ferry_request request;
	ferry_reply reply;

	T_OK(ferry_strand_invoke(&reply, &request, context, ST_ECHO, "own", 4,
	    NULL, -1));
	T_EQ(reply.status, FERRY_OK);
	T_STR((char *)reply.data, "own");
	T_OK(ferry_block_release(reply.data));
	(void)call;
	return FERRY_OK;
}

static void
a_strand_invokes_its_own_context(void)
{
	ferry_context context = st_open(), other = st_open();

	for (int i = 0; i < 100; i++) {
		T_EQ(st_run(context, invoke_own, &context), FERRY_OK);
		T_EQ(st_run(context, invoke_own, &other), FERRY_OK);
	}
	fx_close(context);
	fx_close(other);
}

/* ---------------------------------------------------------------- cancelled */

static int
sleep_for_ever(ferry_call call, void *arg)
{
	int r = ferry_strand_sleep(-1);

	(void)call;
	*(int *)arg = r;
	T_EQ(ferry_strand_sleep(1), FERRY_ECANCELED);
	T_EQ(ferry_strand_yield(), FERRY_ECANCELED);
	T_OK(ferry_strand_shield(1));
	T_OK(ferry_strand_sleep(1));
	T_OK(ferry_strand_shield(0));
	return r;
}

static void
a_cancel_wakes_it(void)
{
	ferry_context context = st_open();
	int r = 0;
	ferry_request request = st_spawn(context, sleep_for_ever, &r);

	st_await_active(context, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(r, FERRY_ECANCELED);
	T_EQ(st_strands(context).cancelled, 1);
	fx_close(context);
}

static void
a_close_wakes_it(void)
{
	for (uint32_t mode = FERRY_CLOSE_CANCEL; mode <= FERRY_CLOSE_ABANDON;
	     mode++) {
		ferry_context context = st_open();
		int r = 0;
		ferry_request request;

		request = st_spawn(context, sleep_for_ever, &r);
		/* It sleeps by then: before that it might hear of the close
		 * early, and answer by itself. */
		st_turn(context);
		st_close(context, mode);
		T_EQ(r, FERRY_ECANCELED);
		T_EQ(fx_wait(request), mode == FERRY_CLOSE_CANCEL
		        ? FERRY_ECANCELED : FERRY_ECLOSED);
	}
}

/* ----------------------------------------------------- for other threads */

struct away {
	struct fx_gate gate;
	pthread_t thread;
	atomic_int abandoned;
	int result;
};

static int
go_away(void *arg)
{
	struct away *a = arg;

	a->thread = pthread_self();
	fx_gate_pass(&a->gate);
	return 42;
}

static void
leave_behind(void *arg, int result)
{
	struct away *a = arg;

	T_EQ(result, 42);
	atomic_store(&a->abandoned, 1);
}

static int
offload(ferry_call call, void *arg)
{
	struct away *a = arg;

	(void)call;
	return ferry_strand_offload(&a->result, go_away, a, NULL);
}

static int
offload_and_leave(ferry_call call, void *arg)
{
	struct away *a = arg;

	(void)call;
	return ferry_strand_offload(&a->result, go_away, a, leave_behind);
}

static void
an_offloaded_function_holds_nobody(void)
{
	ferry_context context = st_open();
	struct away a = {.gate = FX_GATE_SHUT};
	ferry_request request = st_spawn(context, offload, &a);

	fx_gate_await(&a.gate, 1);
	T_EQ(fx_wait(fx_submit(context, ST_ECHO, "x", 1, NULL)), FERRY_OK);
	fx_gate_open(&a.gate);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(a.result, 42);
	fx_close(context);
}

static void
a_cancel_leaves_what_it_may(void)
{
	ferry_context context = st_open();
	struct away a = {.gate = FX_GATE_SHUT}, b = {.gate = FX_GATE_SHUT};
	ferry_request may = st_spawn(context, offload_and_leave, &a);
	ferry_request may_not = st_spawn(context, offload, &b);

	fx_gate_await(&a.gate, 1);
	fx_gate_await(&b.gate, 1);
	T_OK(ferry_request_cancel(may));
	T_OK(ferry_request_cancel(may_not));
	T_EQ(fx_wait(may), FERRY_ECANCELED);
	T_EQ(atomic_load(&a.abandoned), 0);
	T_EQ(st_strands(context).active, 1);
	fx_gate_open(&b.gate);
	T_EQ(fx_wait(may_not), FERRY_ECANCELED);
	T_EQ(b.result, 42);
	fx_close(context);
	fx_gate_open(&a.gate);
	T_WAIT_UNTIL(atomic_load(&a.abandoned) == 1, FX_LIMIT_MS);
}

struct wire {
	int fds[2];
	int64_t timeout_ms;
	uint32_t events;
};

static int
poll_wire(ferry_call call, void *arg)
{
	struct wire *w = arg;

	(void)call;
	return ferry_strand_poll(
	    &w->events, w->fds[0], POLLIN, w->timeout_ms);
}

static void
a_descriptor_wakes_it(void)
{
	ferry_context context = st_open();
	struct wire w = {.timeout_ms = -1};
	ferry_request request;

	T_EQ(pipe(w.fds), 0);
	request = st_spawn(context, poll_wire, &w);
	st_await_active(context, 1);
	T_EQ(fx_wait(fx_submit(context, ST_ECHO, "x", 1, NULL)), FERRY_OK);
	T_EQ(write(w.fds[1], "x", 1), 1);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(w.events, POLLIN);
	T_EQ(st_run(context, poll_wire, &w), FERRY_OK);
	T_EQ(read(w.fds[0], &(char){0}, 1), 1);
	w.timeout_ms = 20;
	T_EQ(st_run(context, poll_wire, &w), FERRY_ETIMEDOUT);
	w.timeout_ms = -1;
	request = st_spawn(context, poll_wire, &w);
	st_await_active(context, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	close(w.fds[0]);
	close(w.fds[1]);
	T_EQ(st_run(context, poll_wire, &w), FERRY_EINVAL);
	fx_close(context);
}

T_MAIN(
	T_RUN(an_offloaded_function_holds_nobody);
	T_RUN(a_cancel_leaves_what_it_may);
	T_RUN(a_descriptor_wakes_it);
	T_RUN(one_that_never_waits_is_a_handler);
	T_RUN(a_sleep_holds_nobody);
	T_RUN(many_sleep_at_once);
	T_RUN(a_strand_invokes_its_own_context);
	T_RUN(a_cancel_wakes_it);
	T_RUN(a_close_wakes_it);
)
