/*
 * What a strand's functions refuse, where they are refused, and what a strand
 * may not do.
 */
#include "strand_calls.h"

/* ------------------------------------------------------ where there is none */

/* Each place calls them all, once. */
static void
refused_here(struct strand_calls *c)
{
	T_EQ(atomic_load(&c->places), 0);
	strand_calls_refused(c);
	atomic_fetch_add(&c->places, 1);
}

static void
refused_in_one_place(struct strand_calls *c)
{
	T_WAIT_UNTIL(atomic_load(&c->places) == 1, FX_LIMIT_MS);
	T_EQ(atomic_load(&c->offloaded), 0);
	atomic_store(&c->places, 0);
}

static int
handler_calls(ferry_call call, void *arg)
{
	(void)call;
	refused_here(arg);
	return FERRY_OK;
}

static void *
thread_calls(void *arg)
{
	refused_here(arg);
	return NULL;
}

static void
reply_calls(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	refused_here(user);
}

static void
free_calls(void *data, void *user)
{
	free(data);
	refused_here(user);
}

static void
on_threads_handlers_and_callbacks(void)
{
	ferry_context context = st_open();
	struct strand_calls c = {.context = context};
	ferry_request_options o = fx_request_options();

	refused_here(&c);
	refused_in_one_place(&c);
	t_thread_join(t_thread_start(thread_calls, &c));
	refused_in_one_place(&c);
	T_OK(fx_do_wait(context, handler_calls, &c));
	refused_in_one_place(&c);
	o.callback = reply_calls;
	o.user = &c;
	fx_submit(context, FX_NOP, NULL, 0, &o);
	refused_in_one_place(&c);
	o = fx_request_options();
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = free_calls;
	o.free_user = &c;
	T_OK(fx_wait(fx_submit(context, FX_NOP, malloc(100), 100, &o)));
	refused_in_one_place(&c);
	T_EQ(st_strands(context).spawned, 0);
	fx_close(context);
}

/* The same, while strands of that thread wait. */
static void
beside_a_strand(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);
	struct strand_calls c = {.context = world->context};
	ferry_request_options o = fx_request_options();

	st_world_spawn(world, NULL);
	T_OK(fx_do_wait(world->context, handler_calls, &c));
	refused_in_one_place(&c);
	o.callback = reply_calls;
	o.user = &c;
	fx_submit(world->context, FX_NOP, NULL, 0, &o);
	refused_in_one_place(&c);
	T_EQ(atomic_load(&world->w.over), 0);
	T_OK(ferry_request_cancel(world->request));
	T_EQ(fx_wait(world->request), FERRY_ECANCELED);
	st_world_close(world, 0);
}

static void
hook_calls(ferry_call call, void *user)
{
	(void)call;
	refused_here(user);
}

static int
wait_with_hook(ferry_call call, void *arg)
{
	T_OK(ferry_call_on_cancel(call, hook_calls, arg));
	return ferry_strand_sleep(-1);
}

static void
in_a_hook(void)
{
	ferry_context context = st_open();
	struct strand_calls c = {.context = context};
	ferry_request request = st_spawn(context, wait_with_hook, &c);

	st_await_active(context, 1);
	st_turn(context);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	refused_in_one_place(&c);
	fx_close(context);
}

static void
ring_calls(void *user)
{
	refused_here(user);
}

static void
in_a_doorbell(void)
{
	ferry_context context = st_open();
	struct strand_calls c = {.context = context};
	ferry_inbox_options io = {.struct_size = sizeof io,
	    .doorbell = ring_calls, .user = &c};
	ferry_request_options o;
	ferry_inbox inbox;
	ferry_completion done;

	T_OK(ferry_inbox_open(&inbox, &io));
	fx_attach(inbox, context, 0, NULL);
	o = fx_to_inbox(inbox, NULL);
	fx_submit(context, FX_NOP, NULL, 0, &o);
	refused_in_one_place(&c);
	T_EQ(ferry_inbox_take(&done, 1, inbox), 1);
	T_OK(ferry_inbox_close(NULL, inbox));
	fx_close(context);
}

static void
hears_calls(ferry_context context, uint32_t event, const void *data,
    size_t size, uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	refused_here(user);
}

static void
in_a_listener_and_its_end(void)
{
	ferry_context context = st_open();
	struct strand_calls c = {.context = context};
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = hears_calls,
	    .gone = ring_calls, .user = &c};
	ferry_listener listener;

	T_OK(ferry_listener_add(&listener, context, &o));
	T_OK(ferry_context_emit(context, FX_TICK, NULL, 0));
	refused_in_one_place(&c);
	T_OK(ferry_listener_remove_wait(listener, -1));
	refused_in_one_place(&c);
	fx_close(context);
}

static void
destroy_calls(void *object, void *state)
{
	(void)state;
	refused_here(object);
}

static int
open_handle(ferry_call call, void *arg)
{
	ferry_handle handle;

	T_OK(ferry_handle_open(&handle, call, arg, NULL, destroy_calls));
	return ferry_handle_release(handle);
}

static struct strand_calls in_life;

static int
init_calls(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)arg;
	(void)text;
	(void)text_size;
	*state = NULL;
	in_life.context = context;
	refused_here(&in_life);
	return 0;
}

static void
fini_calls(void *state)
{
	(void)state;
	refused_here(&in_life);
}

static void
in_init_destroy_and_fini(void)
{
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "life",
	    .init = init_calls, .fini = fini_calls};
	ferry_context_options o = fx_context_options();
	ferry_context context;
	struct fx_job job = {open_handle, &in_life};

	T_OK(ferry_library_open(&o.library, &lo));
	st_add(o.library, 0, "strand", fx_run);
	T_OK(ferry_context_open(&context, &o));
	refused_in_one_place(&in_life);
	T_OK(fx_wait(fx_submit(context, 0, &job, sizeof job, NULL)));
	refused_in_one_place(&in_life);
	fx_close(context);
	refused_in_one_place(&in_life);
	T_OK(ferry_library_close(o.library));
}

static int
offloaded_calls(void *arg)
{
	refused_here(arg);
	return 0;
}

static int
offload_calls(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_offload(NULL, offloaded_calls, arg, NULL);
}

static void
abandoned_calls(void *arg, int result)
{
	T_EQ(result, 42);
	refused_here(((struct st_waiter *)arg)->later.hook_user);
}

static int
offload_to_leave(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_offload(NULL, st_stand, arg, abandoned_calls);
}

static void
on_another_thread_of_ferrys(void)
{
	ferry_context context = st_open();
	struct strand_calls c = {.context = context};
	struct st_waiter w = ST_WAITER(ST_LEAVABLE);
	ferry_request request;

	T_OK(st_run(context, offload_calls, &c));
	refused_in_one_place(&c);
	w.later.hook_user = &c;
	request = st_spawn(context, offload_to_leave, &w);
	fx_gate_await(&w.gate, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_gate_open(&w.gate);
	refused_in_one_place(&c);
	fx_close(context);
}

/* ------------------------------------------------------------ bad arguments */

static int
give_bad_arguments(ferry_call call, void *arg)
{
	ferry_request_options o = fx_request_options();
	ferry_context context = *(ferry_context *)arg;
	ferry_request request = 77;
	ferry_reply reply = {.status = 77};
	uint32_t events = 77;
	void *p = &o;
	(void)call;

	T_EQ(ferry_strand_await(&reply, 0, 0), FERRY_EINVAL);
	T_EQ(fx_no_token(ferry_strand_await(&reply, FX_FORGED, 0)), 1);
	T_EQ(fx_no_token(ferry_strand_await(&reply, context, 0)), 1);
	T_EQ(ferry_strand_await(NULL, FX_FORGED, 0), FERRY_EINVAL);
	T_EQ(reply.status, 77);
	T_EQ(ferry_strand_invoke(NULL, &request, context, FX_NOP, NULL, 0,
	    NULL, -1), FERRY_EINVAL);
	T_EQ(ferry_strand_invoke(&reply, NULL, context, FX_NOP, NULL, 0, NULL,
	    -1), FERRY_EINVAL);
	T_EQ(ferry_strand_invoke(&reply, &request, context, ST_N_METHODS, NULL,
	    0, NULL, -1), FERRY_ENOMETHOD);
	T_EQ(request, 0);
	T_EQ(fx_no_token(ferry_strand_invoke(&reply, &request, FX_FORGED,
	    FX_NOP, NULL, 0, NULL, -1)), 1);
	o.callback = fx_on_reply;
	T_EQ(ferry_strand_invoke(&reply, &request, context, FX_NOP, NULL, 0,
	    &o, -1), FERRY_EINVAL);
	T_EQ(ferry_strand_offload(NULL, NULL, NULL, NULL), FERRY_EINVAL);
	T_EQ(ferry_strand_poll(&events, -1, POLLIN, 0), FERRY_EINVAL);
	T_EQ(ferry_strand_poll(&events, 0, 0, 0), FERRY_EINVAL);
	T_EQ(ferry_strand_poll(&events, 0, POLLIN | 1u << 30, 0), FERRY_EINVAL);
	T_EQ(ferry_strand_poll(&events, 0x7fffffff, POLLIN, 0), FERRY_EINVAL);
	T_EQ(events, 77);
	T_EQ(ferry_strand_shield(0), FERRY_EINVAL);
	T_EQ(ferry_strand_shield(2), FERRY_EINVAL);
	T_EQ(ferry_strand_shield(-1), FERRY_EINVAL);
	T_EQ(ferry_strand_alloc(&p, 0), FERRY_EINVAL);
	T_EQ(ferry_strand_alloc(NULL, 1), FERRY_EINVAL);
	T_ASSERT(p == &o);
	T_EQ(ferry_strand_id(NULL), FERRY_EINVAL);
	return FERRY_OK;
}

static void
bad_arguments(void)
{
	ferry_context context = st_open();
	ferry_counters c;

	T_OK(st_run(context, give_bad_arguments, &context));
	c = fx_counters(context);
	T_EQ(c.submitted - c.refused, 1);
	st_counts(context, 1, 0, 0, 0);
	fx_close(context);
}

static void
bad_arguments_from_outside(void)
{
	ferry_context context = st_open();
	ferry_strands s = {.struct_size = sizeof s, .spawned = 77};

	T_EQ(ferry_strand_counters(NULL, context), FERRY_EINVAL);
	T_EQ(fx_no_token(ferry_strand_counters(&s, 0)), 1);
	T_EQ(fx_no_token(ferry_strand_counters(&s, FX_FORGED)), 1);
	T_EQ(s.spawned, 77);
	s.struct_size = 1;
	T_EQ(ferry_strand_counters(&s, context), FERRY_EINVAL);
	T_EQ(ferry_strand_admit(context, 2), FERRY_EINVAL);
	T_EQ(fx_no_token(ferry_strand_admit(FX_FORGED, 0)), 1);
	T_EQ(fx_no_token(ferry_strand_wait_all(FX_FORGED, 0)), 1);
	fx_close(context);
	s.struct_size = sizeof s;
	T_EQ(ferry_strand_counters(&s, context), FERRY_ESTALE);
	T_EQ(ferry_strand_admit(context, 1), FERRY_ESTALE);
	T_EQ(ferry_strand_wait_all(context, -1), FERRY_ESTALE);
}

/* The options of a context that are about strands. */
static int
opens_with(uint32_t strands, size_t stack)
{
	ferry_context_options o = fx_context_options();
	ferry_context context = 77;
	int r;

	o.library = st_library();
	o.strands = strands;
	o.strand_stack = stack;
	r = ferry_context_open(&context, &o);
	T_OK(ferry_library_close(o.library));
	if (r == FERRY_OK)
		fx_close(context);
	else
		T_EQ(context, 77);
	return r;
}

static void
bad_options(void)
{
	const size_t kib = 1024;

	T_EQ(opens_with(1, 16 * kib), FERRY_OK);
	T_EQ(opens_with(1048576, 16 * kib), FERRY_OK);
	T_EQ(opens_with(1048577, 0), FERRY_EINVAL);
	T_EQ(opens_with(0, 16 * kib - 1), FERRY_EINVAL);
	T_EQ(opens_with(0, 1), FERRY_EINVAL);
	T_EQ(opens_with(0, kib * kib * kib + 1), FERRY_EINVAL);
}

T_MAIN(
	T_RUN(on_threads_handlers_and_callbacks);
	T_RUN(beside_a_strand);
	T_RUN(in_a_hook);
	T_RUN(in_a_doorbell);
	T_RUN(in_a_listener_and_its_end);
	T_RUN(in_init_destroy_and_fini);
	T_RUN(on_another_thread_of_ferrys);
	T_RUN(bad_arguments);
	T_RUN(bad_arguments_from_outside);
	T_RUN(bad_options);
)
