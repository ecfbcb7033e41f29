/*
 * What a strand, and a function that it has offloaded, may not do; and what
 * nobody else may do with a strand's call.
 */
#include "strand_states.h"

/* ------------------------------------------------------ blocking functions */

struct blocker {
	ferry_context own, foreign;
	ferry_library library;
	ferry_inbox inbox;       /* attached to both */
	ferry_listener listener; /* of the own context */
	ferry_request pending;   /* of the own context */
};

static void
hears_nothing(ferry_context context, uint32_t event, const void *data,
    size_t size, uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	(void)user;
}

static void
opens_and_closes_nothing(const struct blocker *b)
{
	ferry_context_options o = fx_context_options();
	ferry_context context = 77;
	ferry_inbox inbox = 77;

	o.library = b->library;
	T_EQ(ferry_context_open(&context, &o), FERRY_EREENTRANT);
	T_EQ(context, 77);
	T_EQ(ferry_context_close(b->own, NULL, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_context_close(b->foreign, NULL, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_quiesce(-1), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_open(&inbox, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_attach(b->inbox, b->own, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_wait(b->inbox, -1), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_close(NULL, b->inbox), FERRY_EREENTRANT);
	T_EQ(ferry_listener_remove_wait(b->listener, -1), FERRY_EREENTRANT);
	T_EQ(inbox, 77);
}

static int
block_in_strand(ferry_call call, void *arg)
{
	struct blocker *b = arg;
	ferry_request request = 77;
	ferry_reply reply;

	for (int i = 0; i < 2; i++) {
		opens_and_closes_nothing(b);
		T_EQ(ferry_strand_wait_all(b->own, -1), FERRY_EDEADLK);
		T_EQ(ferry_strand_wait_all(b->foreign, -1), FERRY_EDEADLK);
		T_EQ(ferry_request_wait(&reply, b->pending, -1),
		    FERRY_EREENTRANT);
		T_EQ(ferry_request_invoke(&reply, &request, b->own, FX_NOP,
		    NULL, 0, NULL, -1), FERRY_EREENTRANT);
		T_EQ(request, 0);
		T_EQ(ferry_call_defer(call), FERRY_EINVAL);
		T_OK(ferry_strand_yield());
	}
	/* Another worker's: as any handler, it may, and blocks. */
	T_OK(ferry_request_invoke(&reply, &request, b->foreign, FX_NOP, NULL,
	    0, NULL, -1));
	T_EQ(reply.status, FERRY_OK);
	return FERRY_OK;
}

static int
block_elsewhere(void *arg)
{
	struct blocker *b = arg;
	ferry_request request = 77;
	ferry_reply reply;

	opens_and_closes_nothing(b);
	T_EQ(ferry_strand_wait_all(b->own, -1), FERRY_EREENTRANT);
	T_EQ(ferry_strand_wait_all(b->foreign, 0), FERRY_EREENTRANT);
	/* What any thread may: its strand's FFI thread is free. */
	T_OK(ferry_request_invoke(&reply, &request, b->own, FX_NOP, NULL, 0,
	    NULL, -1));
	T_EQ(reply.status, FERRY_OK);
	T_OK(ferry_request_invoke(&reply, &request, b->foreign, FX_NOP, NULL,
	    0, NULL, -1));
	T_OK(ferry_context_emit(b->own, FX_TICK, "x", 1));
	return 5;
}

static int
block_in_offloaded(ferry_call call, void *arg)
{
	int result = 0;

	T_OK(ferry_strand_offload(&result, block_elsewhere, arg, NULL));
	T_EQ(result, 5);
	T_EQ(ferry_call_defer(call), FERRY_EINVAL);
	return FERRY_OK;
}

static void
open_blocker(struct blocker *b, struct fx_later *later)
{
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = hears_nothing};

	b->own = st_open();
	b->foreign = st_open();
	b->library = st_library();
	b->inbox = fx_inbox();
	fx_attach(b->inbox, b->foreign, 0, NULL);
	T_OK(ferry_listener_add(&b->listener, b->own, &o));
	b->pending = fx_later(b->own, later);
}

static void
what_blocks_is_refused(void)
{
	struct blocker b = {0};
	struct fx_later later = FX_LATER;

	open_blocker(&b, &later);
	T_OK(st_run(b.own, block_in_strand, &b));
	T_OK(st_run(b.own, block_in_offloaded, &b));
	T_OK(ferry_call_reply(later.call, 7, NULL, 0));
	T_EQ(fx_wait(b.pending), 7);
	T_OK(ferry_library_close(b.library));
	fx_close(b.own);
	fx_close(b.foreign);
	T_OK(ferry_inbox_close(NULL, b.inbox));
}

/* ------------------------------------------------- somebody else's call */

struct theirs {
	struct fx_gate begun; /* the strand stands here before its first wait */
	ferry_call call;
	ferry_context context;
	atomic_int hooks;
	atomic_int waits;
};

static void
count_hook(ferry_call call, void *user)
{
	struct theirs *t = user;

	T_EQ(call, t->call);
	atomic_fetch_add(&t->hooks, 1);
}

static int
have_a_call(ferry_call call, void *arg)
{
	struct theirs *t = arg;
	int r;

	t->call = call;
	fx_gate_pass(&t->begun);
	T_OK(ferry_call_on_cancel(call, count_hook, t));
	atomic_store(&t->waits, 1);
	r = ferry_strand_sleep(-1);
	T_EQ(ferry_call_check(call), FERRY_ECANCELED);
	return r;
}

/* Anybody may look; only the strand may do. */
static void
hands_off(const struct theirs *t)
{
	ferry_call_info info = {.struct_size = sizeof info};
	ferry_handle handle;
	void *block;

	T_OK(ferry_block_alloc(&block, 16));
	T_EQ(ferry_call_reply(t->call, 5, "x", 1), FERRY_ETHREAD);
	T_EQ(ferry_call_reply(t->call, 5, NULL, 0), FERRY_ETHREAD);
	T_EQ(ferry_call_reply_block(t->call, 5, block, 16), FERRY_ETHREAD);
	memset(block, 1, 16); /* still ours */
	T_OK(ferry_block_release(block));
	T_EQ(ferry_call_defer(t->call), FERRY_ETHREAD);
	T_EQ(ferry_call_on_cancel(t->call, NULL, NULL), FERRY_ETHREAD);
	T_EQ(ferry_call_on_cancel(t->call, count_hook, NULL), FERRY_ETHREAD);
	T_EQ(ferry_handle_open(&handle, t->call, &info, NULL, NULL),
	    FERRY_ETHREAD);
	T_OK(ferry_call_check(t->call));
}

static void
look_at(const struct theirs *t)
{
	ferry_call_info info = {.struct_size = sizeof info};

	hands_off(t);
	if (atomic_load(&t->waits) == 0) {
		T_EQ(ferry_call_describe(&info, t->call), FERRY_ETHREAD);
		return;
	}
	T_OK(ferry_call_describe(&info, t->call));
	T_EQ(info.context, t->context);
	T_EQ(info.method, ST_STRAND);
}

static int
hands_off_run(ferry_call call, void *arg)
{
	(void)call;
	look_at(arg);
	return FERRY_OK;
}

static int
hands_off_offloaded(void *arg)
{
	look_at(arg);
	return 0;
}

static int
hands_off_from_pool(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_offload(NULL, hands_off_offloaded, arg, NULL);
}

static void
a_strands_call_is_its_own(void)
{
	struct theirs t = {.begun = FX_GATE_SHUT};
	ferry_context context = st_open(), other = st_open();
	ferry_request request = st_spawn(context, have_a_call, &t);

	t.context = context;
	fx_gate_await(&t.begun, 1);
	look_at(&t);
	T_OK(fx_do_wait(other, hands_off_run, &t));
	fx_gate_open(&t.begun);
	T_WAIT_UNTIL(atomic_load(&t.waits) == 1, FX_LIMIT_MS);
	st_turn(context);
	look_at(&t);
	T_OK(fx_do_wait(other, hands_off_run, &t));
	T_OK(fx_do_wait(context, hands_off_run, &t));
	T_OK(st_run(context, hands_off_run, &t));
	T_OK(st_run(context, hands_off_from_pool, &t));
	/* And the hook that it set is the one that runs. */
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(atomic_load(&t.hooks), 1);
	T_EQ(ferry_call_reply(t.call, 5, NULL, 0), FERRY_ESTALE);
	T_EQ(ferry_call_check(t.call), FERRY_ESTALE);
	T_NE(ferry_call_on_cancel(t.call, count_hook, &t), FERRY_OK);
	fx_close(context);
	fx_close(other);
}

/* What the handler's side offers works after a wait as before it. */
static int
use_its_call(ferry_call call, void *arg)
{
	struct theirs *t = arg;
	ferry_call_info info = {.struct_size = sizeof info};
	ferry_handle handle;
	void *object = NULL;

	for (int i = 0; i < 3; i++) {
		T_OK(ferry_call_check(call));
		T_OK(ferry_call_describe(&info, call));
		T_EQ(info.context, t->context);
		T_OK(ferry_call_on_cancel(call, count_hook, t));
		T_OK(ferry_call_on_cancel(call, NULL, NULL));
		T_OK(ferry_handle_open(&handle, call, t, NULL, NULL));
		T_OK(ferry_strand_yield());
		T_OK(ferry_handle_object(&object, call, handle, NULL));
		T_ASSERT(object == t);
		T_OK(ferry_context_emit(t->context, FX_TICK, NULL, 0));
		T_OK(ferry_handle_release(handle));
		T_EQ(ferry_handle_object(&object, call, handle, NULL),
		    FERRY_ESTALE);
		T_OK(ferry_strand_sleep(1));
	}
	return 9;
}

static void
its_own_call_stays_in_its_hands(void)
{
	ferry_context context = st_open();
	struct theirs t = {.context = context};

	T_EQ(st_run(context, use_its_call, &t), 9);
	T_EQ(atomic_load(&t.hooks), 0);
	fx_close(context);
}

T_MAIN(
	T_RUN(what_blocks_is_refused);
	T_RUN(a_strands_call_is_its_own);
	T_RUN(its_own_call_stays_in_its_hands);
)
