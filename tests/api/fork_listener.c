/*
 * Forks on the event thread: in a listener and in its `gone` the child must
 * exec or exit, as in any other callback. The parent's listeners go on.
 */
#include <sys/mman.h>

#include "ear.h"
#include "inside.h"

/* Calls of a second listener, in the parent and its children together. */
static atomic_int *witnessed;

static void
witness(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	(void)user;
	atomic_fetch_add(witnessed, 1);
}

static void
add_witness(ferry_context context)
{
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = witness};
	ferry_listener unused;

	atomic_store(witnessed, 0);
	T_OK(ferry_listener_add(&unused, context, &o));
}

/* At the first event only. */
static void
fork_once(struct ear *e)
{
	if (atomic_load(&e->n) == 1)
		fork_inside(e->arg);
}

static void
fork_at_last(struct ear *e)
{
	fork_inside(e->arg);
}

/* Two events for two listeners, from here or from the FFI thread: four calls,
 * all of them the parent's. */
static void
hear_twice(void (*child)(void *), int code, int there)
{
	ferry_context context = fx_open();
	struct inside i = {.child = child};
	struct ear *e = calloc(1, sizeof *e);

	e->also = fork_once;
	e->arg = &i;
	add_witness(context);
	ear_add(e, context, FERRY_EVENT_ANY);
	add_witness(context);
	if (there) {
		ear_emit_there(context, 0, 2);
	} else {
		ear_emit(context, FX_TICK, 0);
		ear_emit(context, FX_TICK, 1);
	}
	inside_ends(&i, code);
	ear_await(e, 2);
	T_EQ(e->heard[1], 1);
	T_OK(ferry_listener_remove_wait(e->self, -1));
	T_EQ(atomic_load(&e->gone), 1);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(witnessed), 4);
	free(e);
}

static void
in_a_listener(void)
{
	for (int n = 0; n < N_ENDS; n++) {
		hear_twice(ends[n].child, ends[n].code, 0);
		hear_twice(ends[n].child, ends[n].code, 1);
	}
}

/* By a remove, and by the close of its context. */
static void
in_gone(void)
{
	for (int n = 0; n < 2 * N_ENDS; n++) {
		ferry_context context = fx_open();
		struct inside i = {.child = ends[n / 2].child};
		struct ear *e = calloc(1, sizeof *e);

		e->also_gone = fork_at_last;
		e->arg = &i;
		ear_add(e, context, FERRY_EVENT_ANY);
		if (n % 2 == 0)
			T_OK(ferry_listener_remove_wait(e->self, -1));
		fx_close(context);
		T_EQ(atomic_load(&e->gone), 1);
		inside_ends(&i, ends[n / 2].code);
		free(e);
	}
}

/* ------------------------------------------------- what is the parent's */

static struct ear *mine;

static int
add_one(void)
{
	ferry_listener_options o = ear_options(mine, FERRY_EVENT_ANY);
	ferry_listener unused;

	return ferry_listener_add(&unused, mine->context, &o);
}

static int (*first_call)(void);

static int
remove_self(void)
{
	return ferry_listener_remove(mine->self);
}

/* No thread of Ferry's any more: not FERRY_EREENTRANT. */
static int
wait_for_self(void)
{
	return ferry_listener_remove_wait(mine->self, -1);
}

static int
emit_again(void)
{
	return ferry_context_emit(mine->context, FX_TICK, NULL, 0);
}

static void
call_and_leave(void *unused)
{
	(void)unused;
	T_EQ(first_call(), FERRY_EFORKED);
	fx_live();
	T_EQ(first_call(), FERRY_EFORKED);
	_exit(FX_WELL);
}

static void
a_listeners_token_is_the_parents(void)
{
	static int (*const calls[])(void) = {
	    add_one, remove_self, wait_for_self, emit_again};

	for (size_t n = 0; n < sizeof calls / sizeof calls[0]; n++) {
		ferry_context context = fx_open();
		struct inside i = {.child = call_and_leave};

		mine = calloc(1, sizeof *mine);
		first_call = calls[n];
		mine->also = fork_once;
		mine->arg = &i;
		ear_add(mine, context, FERRY_EVENT_ANY);
		ear_emit(context, FX_TICK, 0);
		inside_ends(&i, FX_WELL);
		ear_emit(context, FX_TICK, 1);
		ear_await(mine, 2);
		fx_close(context);
		free(mine);
	}
}

/* ---------------------------------------------- a remove that is waited for */

struct remover {
	ferry_listener listener;
	_Atomic uint32_t tid;
};

static void *
remove_wait(void *arg)
{
	struct remover *r = arg;

	atomic_store(&r->tid, fx_tid());
	T_OK(ferry_listener_remove_wait(r->listener, -1));
	return NULL;
}

static void
fork_when_let(struct ear *e)
{
	fx_gate_pass(e->gate);
	fork_inside(e->arg);
}

/* Somebody waits for the listener while it forks: the parent's wait ends. */
static void
while_it_is_removed(void)
{
	ferry_context context = fx_open();
	struct inside i = {.child = go_home};
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear *e = calloc(1, sizeof *e);
	struct remover r = {0};
	pthread_t remover;

	e->gate = &gate;
	e->gate_at = -1;
	e->also = fork_when_let;
	e->arg = &i;
	ear_add(e, context, FERRY_EVENT_ANY);
	ear_emit(context, FX_TICK, 0);
	fx_gate_await(&gate, 1);
	r.listener = e->self;
	remover = t_thread_start(remove_wait, &r);
	T_WAIT_UNTIL(atomic_load(&r.tid) != 0, FX_LIMIT_MS);
	fx_await_waiting(atomic_load(&r.tid));
	T_EQ(ferry_listener_remove(e->self), FERRY_EALREADY);
	fx_gate_open(&gate);
	t_thread_join(remover);
	inside_ends(&i, FX_STRAYED);
	T_EQ(atomic_load(&e->gone), 1);
	fx_close(context);
	free(e);
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
	T_RUN(in_a_listener);
	T_RUN(in_gone);
	T_RUN(a_listeners_token_is_the_parents);
	T_RUN(while_it_is_removed);
)
