/*
 * Scopes, as a handler has them: who may push, extend, exempt and pop, and what
 * becomes of them when the handler returns, waits, or ends its thread. How many
 * there are is seen by how many more there may be.
 */
#include "strands.h"

/* All four, with good arguments. */
static void
all_say(ferry_call call, int error)
{
	T_EQ(ferry_scope_push(call, "x", 1), error);
	T_EQ(ferry_scope_extend(call, 1, "x"), error);
	T_EQ(ferry_scope_exempt(call, "x"), error);
	T_EQ(ferry_scope_pop(call), error);
}

/* And with bad ones: who may not do it at all is told that. */
static void
all_bad_say(ferry_call call, int error)
{
	T_EQ(ferry_scope_push(call, NULL, 1), error);
	T_EQ(ferry_scope_push(call, "x", 0), error);
	T_EQ(ferry_scope_push(call, "x", FERRY_OFF), error);
	T_EQ(ferry_scope_extend(call, 1, NULL), error);
	T_EQ(ferry_scope_extend(call, 0, "x"), error);
	T_EQ(ferry_scope_extend(call, FERRY_OFF, "x"), error);
	T_EQ(ferry_scope_exempt(call, NULL), error);
}

static void
push_n(ferry_call call, int n)
{
	for (int i = 0; i < n; i++)
		T_OK(i % 2 == 0 ? ferry_scope_push(call, "a scope", 1000)
		                : ferry_scope_exempt(call, "exempt"));
}

/* There are n; afterwards none. */
static void
pop_n(ferry_call call, int n)
{
	for (int i = n; i < FERRY_SCOPES_MOST; i++)
		T_OK(ferry_scope_push(call, "to the brim", 1));
	T_EQ(ferry_scope_push(call, "one more", 1), FERRY_EAGAIN);
	T_EQ(ferry_scope_exempt(call, "one more"), FERRY_EAGAIN);
	T_OK(ferry_scope_extend(call, 1, "there is room for that"));
	for (int i = 0; i < FERRY_SCOPES_MOST; i++)
		T_OK(ferry_scope_pop(call));
	T_EQ(ferry_scope_pop(call), FERRY_EINVAL);
}

static int
fill_and_empty(ferry_call call, void *arg)
{
	(void)arg;
	pop_n(call, 0);
	push_n(call, 3);
	T_OK(ferry_scope_extend(call, FERRY_OFF - 1, "long"));
	all_bad_say(call, FERRY_EINVAL);
	pop_n(call, 3);
	return FERRY_OK;
}

static void
they_are_counted(void)
{
	ferry_context context = st_open();

	T_OK(fx_do_wait(context, fill_and_empty, NULL));
	T_OK(fx_do_wait(context, fill_and_empty, NULL));
	T_OK(st_run(context, fill_and_empty, NULL));
	fx_close(context);
}

/* ---------------------------------------------------------------- refusals */

struct place {
	struct fx_gate gate;
	_Atomic ferry_call call;
	ferry_context context;
	atomic_int seen;
};

#define PLACE {.gate = FX_GATE_SHUT}

static int
tell_call(ferry_call call, void *arg)
{
	struct place *p = arg;

	atomic_store(&p->call, call);
	push_n(call, 2);
	fx_gate_pass(&p->gate);
	pop_n(call, 2);
	return FERRY_OK;
}

static void
refused_elsewhere(void)
{
	ferry_context context = fx_open();
	struct place p = PLACE;
	ferry_request request = fx_do(context, tell_call, &p);

	fx_gate_await(&p.gate, 1);
	all_say(atomic_load(&p.call), FERRY_ETHREAD);
	all_bad_say(atomic_load(&p.call), FERRY_ETHREAD);
	all_say(request, FERRY_EINVAL); /* another kind of token */
	all_say(0, FERRY_EINVAL);
	all_say(FX_FORGED, FERRY_EINVAL);
	fx_gate_open(&p.gate);
	T_OK(fx_wait(request));
	all_say(atomic_load(&p.call), FERRY_ESTALE);
	all_bad_say(atomic_load(&p.call), FERRY_ESTALE);
	fx_close(context);
}

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct place *p = user;

	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	all_say(atomic_load(&p->call), FERRY_ETHREAD);
	atomic_fetch_add(&p->seen, 1);
}

static void
refused_in_a_listener(void)
{
	ferry_context context = fx_open();
	struct place p = PLACE;
	const ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FX_TICK, .listener = hear, .user = &p};
	ferry_request request = fx_do(context, tell_call, &p);
	ferry_listener listener;

	fx_gate_await(&p.gate, 1);
	T_OK(ferry_listener_add(&listener, context, &o));
	T_OK(ferry_context_emit(context, FX_TICK, NULL, 0));
	T_WAIT_UNTIL(atomic_load(&p.seen) == 1, FX_LIMIT_MS);
	fx_gate_open(&p.gate);
	T_OK(fx_wait(request));
	fx_close(context);
}

static int
leave_two(ferry_call call, void *arg)
{
	atomic_store(&((struct place *)arg)->call, call);
	push_n(call, 2);
	return FERRY_OK;
}

static void
reply_refused(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	struct place *p = user;

	(void)request;
	(void)data;
	(void)size;
	T_OK(status);
	all_say(atomic_load(&p->call), FERRY_ESTALE);
	atomic_fetch_add(&p->seen, 1);
}

static void
refused_in_a_callback(void)
{
	ferry_context context = st_open();
	struct place p = PLACE;
	ferry_request_options o = fx_request_options();

	o.callback = reply_refused;
	o.user = &p;
	fx_do_with(context, leave_two, &p, &o);
	T_WAIT_UNTIL(atomic_load(&p.seen) == 1, FX_LIMIT_MS);
	st_spawn_with(context, leave_two, &p, &o);
	T_WAIT_UNTIL(atomic_load(&p.seen) == 2, FX_LIMIT_MS);
	fx_close(context);
}

static int
offloaded(void *arg)
{
	all_say(*(ferry_call *)arg, FERRY_ETHREAD);
	return 5;
}

static int
offload(ferry_call call, void *arg)
{
	int result = 0;

	(void)arg;
	push_n(call, 1);
	T_OK(ferry_strand_offload(&result, offloaded, &call, NULL));
	T_EQ(result, 5);
	pop_n(call, 1);
	return FERRY_OK;
}

static void
refused_where_it_offloads(void)
{
	ferry_context context = st_open();

	T_OK(st_run(context, offload, NULL));
	fx_close(context);
}

/* Another call's, of the same worker: its strand is suspended. */
static int
of_another(ferry_call call, void *arg)
{
	ferry_call other = *(ferry_call *)arg;

	T_NE(call, other);
	all_say(other, FERRY_ETHREAD);
	return FERRY_OK;
}

static int
sleep_in_one(ferry_call call, void *arg)
{
	struct place *p = arg;

	push_n(call, 5);
	atomic_store(&p->call, call);
	T_EQ(ferry_strand_sleep(-1), FERRY_ECANCELED);
	pop_n(call, 5);
	return FERRY_ECANCELED;
}

static void
refused_for_another_call(void)
{
	ferry_context context = st_open();
	struct place p = PLACE;
	ferry_request request = st_spawn(context, sleep_in_one, &p);
	ferry_call call;

	st_turn(context);
	call = atomic_load(&p.call);
	T_OK(fx_do_wait(context, of_another, &call));
	T_OK(st_run(context, of_another, &call));
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

/* ---------------------------------------------------- what becomes of them */

static int
exactly_none(ferry_call call, void *arg)
{
	(void)arg;
	pop_n(call, 0);
	return FERRY_OK;
}

static int
forget(ferry_call call, void *arg)
{
	push_n(call, *(int *)arg);
	T_OK(ferry_scope_extend(call, 9, "x"));
	return FERRY_OK;
}

/* A reply or a defer is no end of the handler. */
static int
forget_answered(ferry_call call, void *arg)
{
	push_n(call, *(int *)arg);
	T_OK(ferry_call_reply(call, 4, NULL, 0));
	pop_n(call, *(int *)arg);
	push_n(call, *(int *)arg);
	return FERRY_OK;
}

static int
forget_deferred(ferry_call call, void *arg)
{
	T_OK(ferry_call_defer(call));
	push_n(call, *(int *)arg);
	T_OK(ferry_call_reply(call, 5, NULL, 0));
	pop_n(call, *(int *)arg);
	push_n(call, *(int *)arg);
	return FERRY_OK;
}

static void
forgotten_ones_are_popped(void)
{
	ferry_context context = st_open();

	for (int n = 0; n <= FERRY_SCOPES_MOST; n++) {
		T_OK(fx_do_wait(context, forget, &n));
		T_OK(fx_do_wait(context, exactly_none, NULL));
		T_EQ(fx_do_wait(context, forget_answered, &n), 4);
		T_OK(fx_do_wait(context, exactly_none, NULL));
		T_EQ(fx_do_wait(context, forget_deferred, &n), 5);
		T_OK(fx_do_wait(context, exactly_none, NULL));
		T_OK(st_run(context, forget, &n));
		T_OK(fx_do_wait(context, exactly_none, NULL));
		T_OK(st_run(context, exactly_none, NULL));
	}
	fx_close(context);
}

static int
wait_with(ferry_call call, void *arg)
{
	int n = *(int *)arg;

	push_n(call, n);
	T_OK(ferry_strand_yield());
	pop_n(call, n);
	push_n(call, n);
	T_OK(ferry_strand_sleep(1));
	/* And nothing has come in place of what was there. */
	for (int i = n; i-- > 0;)
		T_OK(ferry_scope_pop(call));
	T_EQ(ferry_scope_pop(call), FERRY_EINVAL);
	T_OK(ferry_strand_yield());
	T_EQ(ferry_scope_pop(call), FERRY_EINVAL);
	push_n(call, n);
	T_OK(ferry_strand_yield());
	return FERRY_OK; /* forgotten */
}

/* Each has its own, though all wait on one thread. */
static void
strands_keep_theirs(void)
{
	enum { MANY = 30 };
	ferry_context context = st_open();
	ferry_request request[MANY];
	int n[MANY];

	for (int i = 0; i < MANY; i++) {
		n[i] = i % (FERRY_SCOPES_MOST + 1);
		request[i] = st_spawn(context, wait_with, &n[i]);
	}
	for (int i = 0; i < MANY; i++) {
		T_OK(fx_do_wait(context, exactly_none, NULL));
		T_OK(fx_do_wait(context, forget, &n[i]));
	}
	for (int i = 0; i < MANY; i++)
		T_OK(fx_wait(request[i]));
	fx_close(context);
}

static int
first_after_a_wait(ferry_call call, void *arg)
{
	(void)arg;
	T_OK(ferry_strand_yield());
	pop_n(call, 0);
	push_n(call, 2);
	T_OK(ferry_strand_yield());
	pop_n(call, 2);
	return FERRY_OK;
}

static void
strands_may_begin_late(void)
{
	ferry_context context = st_open();

	T_OK(st_run(context, first_after_a_wait, NULL));
	fx_close(context);
}

/* TSan allows no pthread_exit() off the thread's own stack. */
static void
end_thread(void)
{
	fx_before_exit();
	if (!T_TSAN)
		pthread_exit(NULL);
	T_OK(pthread_cancel(pthread_self()));
	pthread_testcancel();
}

static int
push_and_exit(ferry_call call, void *arg)
{
	push_n(call, *(int *)arg);
	end_thread();
	return FERRY_OK;
}

static int
wait_and_exit(ferry_call call, void *arg)
{
	push_n(call, *(int *)arg);
	T_OK(ferry_strand_yield());
	end_thread();
	return FERRY_OK;
}

/* With others of the worker's suspended, which are lost with it. */
static void
a_lost_thread_leaves_none(void)
{
	ferry_context context = st_open();
	struct place p = PLACE;

	for (int n = 1; n <= FERRY_SCOPES_MOST; n += 7) {
		ferry_request suspended =
		    st_spawn(context, sleep_in_one, &p);

		T_EQ(fx_do_wait(context, push_and_exit, &n), FERRY_ELOST);
		T_OK(fx_do_wait(context, exactly_none, NULL));
		T_EQ(fx_wait(suspended), FERRY_ELOST);
		T_EQ(st_run(context, push_and_exit, &n), FERRY_ELOST);
		T_OK(fx_do_wait(context, exactly_none, NULL));
		T_EQ(st_run(context, wait_and_exit, &n), FERRY_ELOST);
		T_OK(st_run(context, exactly_none, NULL));
	}
	fx_close(context);
}

T_MAIN(
	T_RUN(they_are_counted);
	T_RUN(refused_elsewhere);
	T_RUN(refused_in_a_listener);
	T_RUN(refused_in_a_callback);
	T_RUN(refused_where_it_offloads);
	T_RUN(refused_for_another_call);
	T_RUN(forgotten_ones_are_popped);
	T_RUN(strands_keep_theirs);
	T_RUN(strands_may_begin_late);
	T_RUN(a_lost_thread_leaves_none);
)
