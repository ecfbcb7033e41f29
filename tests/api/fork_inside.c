/*
 * Forks inside the host's own code: in a handler or callback the child must
 * exec or exit. If it comes back to Ferry instead, it ends with 70, and before
 * that it may use Ferry as any other. The parent goes on.
 */
#include <stdbool.h>
#include <sys/mman.h>

#include "inside.h"

/* Runs in the parent alone: its calls are counted in shared memory. */
static atomic_int *witnessed;

static void
witness(void)
{
	atomic_fetch_add(witnessed, 1);
}

/* -------------------------------------------------------------- a handler */

static int
handler_forks(ferry_call call, void *arg)
{
	(void)call;
	fork_inside(arg);
	return 11;
}

static int
handler_witnesses(ferry_call call, void *unused)
{
	(void)call;
	(void)unused;
	witness();
	return FERRY_OK;
}

static void
reply_witnesses(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, (int)(intptr_t)user);
	witness();
}

static void
free_witnesses(void *data, void *user)
{
	(void)user;
	free(data);
	witness();
}

/* By callback, with an adopted payload, and a handler queued behind it: in the
 * child none of the three may run. */
static void
submit_forking(ferry_context context, struct inside *i)
{
	ferry_request_options o = fx_request_options();
	struct fx_job job = {handler_forks, i};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate), after;
	void *payload = calloc(1, 100);

	memcpy(payload, &job, sizeof job);
	o.callback = reply_witnesses;
	o.user = (void *)11;
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = free_witnesses;
	T_OK(ferry_request_submit(
	    NULL, context, FX_DO, payload, sizeof job, &o));
	after = fx_do(context, handler_witnesses, NULL);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_OK(fx_wait(after));
}

static void
in_a_handler(void)
{
	ferry_context context = fx_open();

	for (int n = 0; n < N_ENDS; n++) {
		struct inside i = {.child = ends[n].child};

		atomic_store(witnessed, 0);
		submit_forking(context, &i);
		inside_ends(&i, ends[n].code);
		T_EQ(atomic_load(witnessed), 3);
	}
	fx_close(context);
}

/* What a handler's child may begin with, though its thread was Ferry's: its
 * call and its contexts are as foreign as all else. */
static struct {
	ferry_context context;
	ferry_library library;
	ferry_handle handle;
	int nth;
	struct inside inside;
} first;

static int
open_on_old(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context;

	o.library = first.library;
	return ferry_context_open(&context, &o);
}

static int
invoke_old(void)
{
	ferry_reply reply;
	ferry_request request;

	return ferry_request_invoke(
	    &reply, &request, first.context, FX_NOP, NULL, 0, NULL, -1);
}

/* Says whether there is an nth. */
static bool
call_first(ferry_call call, int nth)
{
	ferry_call_info info = {.struct_size = sizeof info};
	ferry_request request;
	ferry_handle handle;
	void *p;
	int n = 0;

#define FIRST(call_) \
	if (n++ == nth) { \
		T_EQ(call_, FERRY_EFORKED); \
		return true; \
	}
	FIRST(ferry_call_check(call))
	FIRST(ferry_call_reply(call, 0, NULL, 0))
	FIRST(ferry_call_reply_block(call, 0, NULL, 0))
	FIRST(ferry_call_defer(call))
	FIRST(ferry_call_on_cancel(call, NULL, NULL))
	FIRST(ferry_call_describe(&info, call))
	FIRST(ferry_handle_open(&handle, call, NULL, NULL, NULL))
	FIRST(ferry_handle_object(&p, call, first.handle, NULL))
	FIRST(ferry_context_emit(first.context, FX_TICK, NULL, 0))
	FIRST(ferry_context_close(first.context, NULL, NULL))
	FIRST(ferry_request_submit(
	    &request, first.context, FX_NOP, NULL, 0, NULL))
	FIRST(invoke_old())
	FIRST(open_on_old())
#undef FIRST
	return false;
}

static int
handler_tells(ferry_call call, void *unused)
{
	pid_t child = fx_fork();
	bool more;

	(void)unused;
	if (child == 0) {
		more = call_first(call, first.nth);
		if (more)
			fx_live();
		else
			T_OK(ferry_quiesce(0));
		_exit(more ? FX_WELL : 43);
	}
	atomic_fetch_add(&first.inside.runs, 1);
	atomic_store(&first.inside.pid, child);
	return ferry_call_reply(call, 12, NULL, 0);
}

static void
a_handlers_call_is_the_parents(void)
{
	enum { LAST = 13 };
	atomic_int destroyed = 0;

	first.context = fx_open();
	first.library = fx_library();
	first.handle = fx_handle(first.context, &destroyed);
	for (first.nth = 0; first.nth <= LAST; first.nth++) {
		T_EQ(fx_do_wait(first.context, handler_tells, NULL), 12);
		inside_ends(
		    &first.inside, first.nth < LAST ? FX_WELL : 43);
	}
	T_OK(ferry_library_close(first.library));
	fx_close(first.context);
}

/* ----------------------------------------------- callbacks and the others */

static void
reply_forks(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	fork_inside(user);
}

static void
in_a_reply_callback(void)
{
	ferry_context context = fx_open();

	for (int n = 0; n < N_ENDS; n++) {
		struct inside i = {.child = ends[n].child};
		ferry_request_options o = fx_request_options();
		struct fx_gate gate = FX_GATE_SHUT;
		ferry_request held = fx_hold(context, &gate), after;

		atomic_store(witnessed, 0);
		o.callback = reply_forks;
		o.user = &i;
		fx_submit(context, FX_NOP, NULL, 0, &o);
		after = fx_do(context, handler_witnesses, NULL);
		fx_gate_open(&gate);
		T_OK(fx_wait(held));
		T_OK(fx_wait(after));
		inside_ends(&i, ends[n].code);
		T_EQ(atomic_load(witnessed), 1);
	}
	fx_close(context);
}

/* A callback that does not come from its handler, but by the inner lane. */
static void
in_the_callback_of_a_deferred_call(void)
{
	ferry_context context = fx_open();

	for (int n = 0; n < N_ENDS; n++) {
		struct inside i = {.child = ends[n].child};
		struct fx_later later = FX_LATER;
		ferry_request_options o = fx_request_options();

		o.callback = reply_forks;
		o.user = &i;
		fx_later_with(context, &later, &o);
		T_OK(ferry_call_reply(later.call, FERRY_OK, NULL, 0));
		inside_ends(&i, ends[n].code);
	}
	fx_close(context);
}

static int
init_forks(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)text;
	(void)text_size;
	(void)context;
	*state = (void *)(uintptr_t)arg;
	fork_inside(*state);
	return 0;
}

static int
init_keeps(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)text;
	(void)text_size;
	(void)context;
	*state = (void *)(uintptr_t)arg;
	return 0;
}

static void
fini_forks(void *state)
{
	fork_inside(state);
}

static ferry_context
open_forking(ferry_init_fn init, ferry_fini_fn fini, struct inside *i)
{
	ferry_method nop = {.struct_size = sizeof nop, .name = "nop",
	    .handler = fx_nop};
	ferry_library_options o = {.struct_size = sizeof o, .name = "forking",
	    .methods = &nop, .n_methods = 1, .init = init, .fini = fini};
	ferry_context_options co = fx_context_options();
	ferry_context context;

	co.init_arg = i;
	T_OK(ferry_library_open(&co.library, &o));
	T_OK(ferry_context_open(&context, &co));
	T_OK(ferry_library_close(co.library));
	return context;
}

static void
in_init_and_fini(void)
{
	for (int n = 0; n < N_ENDS; n++) {
		struct inside i = {.child = ends[n].child};
		ferry_context context = open_forking(init_forks, NULL, &i);

		inside_ends(&i, ends[n].code);
		T_OK(fx_wait(fx_submit(context, 0, NULL, 0, NULL)));
		fx_close(context);
		context = open_forking(init_keeps, fini_forks, &i);
		fx_close(context);
		inside_ends(&i, ends[n].code);
	}
}

static void
destroy_forks(void *object, void *state)
{
	(void)state;
	fork_inside(object);
}

static void
destroy_witnesses(void *object, void *state)
{
	(void)object;
	(void)state;
	witness();
}

/* The newest is destroyed first; the other one by the parent alone. */
static int
open_handles(ferry_call call, void *arg)
{
	ferry_handle handle;

	T_OK(ferry_handle_open(&handle, call, arg, NULL, destroy_witnesses));
	return ferry_handle_open(&handle, call, arg, NULL, destroy_forks);
}

static void
in_destroy(void)
{
	for (int n = 0; n < N_ENDS; n++) {
		struct inside i = {.child = ends[n].child};
		ferry_context context = fx_open();

		atomic_store(witnessed, 0);
		T_OK(fx_do_wait(context, open_handles, &i));
		fx_close(context);
		inside_ends(&i, ends[n].code);
		T_EQ(atomic_load(witnessed), 1);
	}
}

static void
ring_forks(void *user)
{
	fork_inside(user);
}

/* A doorbell may not call Ferry, but its child is in none. */
static void
in_a_doorbell(void)
{
	for (int n = 0; n < N_ENDS; n++) {
		struct inside i = {.child = ends[n].child};
		ferry_inbox_options io = {.struct_size = sizeof io,
		    .doorbell = ring_forks, .user = &i};
		ferry_context context = fx_open();
		ferry_inbox inbox;
		ferry_request_options o;
		ferry_completion c;

		T_OK(ferry_inbox_open(&inbox, &io));
		fx_attach(inbox, context, 0, NULL);
		o = fx_to_inbox(inbox, NULL);
		fx_submit(context, FX_NOP, NULL, 0, &o);
		inside_ends(&i, ends[n].code);
		T_EQ(ferry_inbox_take(&c, 1, inbox), 1);
		T_EQ(c.kind, FERRY_KIND_REPLY);
		/* CLOSED would ring again. */
		T_OK(ferry_inbox_close(NULL, inbox));
		fx_close(context);
	}
}

static void
free_forks(void *data, void *user)
{
	free(data);
	fork_inside(user);
}

static void
in_a_free_function(void)
{
	ferry_context context = fx_open();
	struct inside i = {.child = go_home};
	ferry_request_options o = fx_request_options();

	atomic_store(witnessed, 0);
	o.callback = reply_witnesses;
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = free_forks;
	o.free_user = &i;
	T_OK(ferry_request_submit(
	    NULL, context, FX_NOP, calloc(1, 100), 100, &o));
	inside_ends(&i, FX_STRAYED);
	/* The callback comes after the free, and is counted before it runs. */
	T_WAIT_UNTIL(atomic_load(witnessed) != 0, FX_LIMIT_MS);
	fx_close(context);
	T_EQ(atomic_load(witnessed), 1);
}

static void
share_witness(void)
{
	witnessed = mmap(NULL, sizeof *witnessed, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_ASSERT(witnessed != MAP_FAILED);
}

T_MAIN(
	share_witness();
	T_RUN(in_a_handler);
	T_RUN(a_handlers_call_is_the_parents);
	T_RUN(in_a_reply_callback);
	T_RUN(in_the_callback_of_a_deferred_call);
	T_RUN(in_init_and_fini);
	T_RUN(in_destroy);
	T_RUN(in_a_doorbell);
	T_RUN(in_a_free_function);
)
