/*
 * Handles: objects of the library that callers hold by token.
 */
#include "fixture.h"

/* An object and what became of it. */
struct object {
	ferry_handle handle;
	const void *type;
	atomic_int destroyed;
	pthread_t destroyer;
	struct fx_life *life; /* fini must not have run at the destroy */
};

static const char type_a, type_b;

static void
destroy(void *p, void *state)
{
	struct object *object = p;

	(void)state;
	if (object->life != NULL)
		T_EQ(atomic_load(&object->life->finis), 0);
	object->destroyer = pthread_self();
	atomic_fetch_add(&object->destroyed, 1);
}

static int
open_run(ferry_call call, void *arg)
{
	struct object *object = arg;

	T_OK(ferry_handle_open(
	    &object->handle, call, object, object->type, destroy));
	return FERRY_OK;
}

static void
open_handle(ferry_context context, struct object *object, const void *type)
{
	memset(object, 0, sizeof *object);
	object->type = type;
	T_OK(fx_do_wait(context, open_run, object));
	T_NE(object->handle, 0);
}

/* Asks for the object behind a handle, as a type. */
struct look {
	ferry_handle handle;
	const void *type;
	void *object;
};

static int
look_run(ferry_call call, void *arg)
{
	struct look *look = arg;
	void *object = look;
	int r = ferry_handle_object(&object, call, look->handle, look->type);

	if (r != FERRY_OK)
		T_ASSERT(object == look); /* untouched */
	look->object = object;
	return r;
}

static int
look_at(ferry_context context, ferry_handle handle, const void *type,
    void **object)
{
	struct look look = {handle, type, NULL};
	int r = fx_do_wait(context, look_run, &look);

	if (object != NULL)
		*object = look.object;
	return r;
}

static int
note_thread(ferry_call call, void *arg)
{
	(void)call;
	*(pthread_t *)arg = pthread_self();
	return FERRY_OK;
}

static void
opened_and_found(void)
{
	ferry_context context = fx_open();
	struct object a, b;
	void *found = NULL;

	open_handle(context, &a, &type_a);
	open_handle(context, &b, &type_b);
	T_NE(a.handle, b.handle);
	T_EQ(fx_counters(context).handles_open, 2);
	T_OK(look_at(context, a.handle, &type_a, &found));
	T_ASSERT(found == &a);
	T_OK(look_at(context, b.handle, &type_b, &found));
	T_ASSERT(found == &b);
	T_OK(ferry_handle_release(a.handle));
	T_OK(ferry_handle_release(b.handle));
	fx_close(context);
}

static void
wrong_type(void)
{
	ferry_context context = fx_open();
	struct object a;

	open_handle(context, &a, &type_a);
	T_EQ(look_at(context, a.handle, &type_b, NULL), FERRY_EINVAL);
	T_EQ(look_at(context, a.handle, NULL, NULL), FERRY_EINVAL);
	T_EQ(look_at(context, 0, &type_a, NULL), FERRY_EINVAL);
	T_ASSERT(fx_no_token(look_at(context, FX_FORGED, &type_a, NULL)));
	T_ASSERT(fx_no_token(look_at(context, context, &type_a, NULL)));
	T_OK(look_at(context, a.handle, &type_a, NULL)); /* the control */
	fx_close(context);
	T_EQ(atomic_load(&a.destroyed), 1);
}

static void
foreign_context(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context, same_worker, other = fx_open();
	struct object a;

	o.worker_key = "handles";
	context = fx_open_with(&o);
	same_worker = fx_open_with(&o);
	open_handle(context, &a, &type_a);
	T_EQ(look_at(other, a.handle, &type_a, NULL), FERRY_EFOREIGN);
	T_EQ(look_at(same_worker, a.handle, &type_a, NULL), FERRY_EFOREIGN);
	T_OK(look_at(context, a.handle, &type_a, NULL));
	fx_close(context);
	/* Gone with its context, it is stale everywhere. */
	T_EQ(look_at(other, a.handle, &type_a, NULL), FERRY_ESTALE);
	fx_close(same_worker);
	fx_close(other);
}

/* Stale at once, destroyed later, on the FFI thread, and once. */
static void
released(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct object a;
	ferry_request held;
	pthread_t thread;

	open_handle(context, &a, &type_a);
	T_OK(fx_do_wait(context, note_thread, &thread));
	held = fx_hold(context, &gate);
	T_OK(ferry_handle_release(a.handle)); /* the worker is held */
	T_EQ(ferry_handle_release(a.handle), FERRY_ESTALE);
	T_EQ(atomic_load(&a.destroyed), 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_WAIT_UNTIL(atomic_load(&a.destroyed) == 1, FX_LIMIT_MS);
	T_ASSERT(pthread_equal(a.destroyer, thread));
	T_EQ(look_at(context, a.handle, &type_a, NULL), FERRY_ESTALE);
	T_WAIT_UNTIL(
	    fx_counters(context).handles_open == 0, FX_LIMIT_MS);
	fx_close(context);
	T_EQ(atomic_load(&a.destroyed), 1);
	T_EQ(ferry_handle_release(a.handle), FERRY_ESTALE);
}

/* A release wakes an idle worker: no request is needed. */
static void
released_when_idle(void)
{
	ferry_context context = fx_open();
	ferry_health h = {.struct_size = sizeof h};
	struct object a;

	open_handle(context, &a, &type_a);
	T_WAIT_UNTIL((ferry_context_health(&h, context),
	    h.worker == FERRY_THREAD_IDLE), FX_LIMIT_MS);
	T_OK(ferry_handle_release(a.handle));
	T_WAIT_UNTIL(atomic_load(&a.destroyed) == 1, FX_LIMIT_MS);
	fx_close(context);
}

static int
release_and_look(ferry_call call, void *arg)
{
	struct object *object = arg;
	void *found;

	T_OK(ferry_handle_object(
	    &found, call, object->handle, object->type));
	T_OK(ferry_handle_release(object->handle));
	/* Destroyed later: not under the feet of the handler that uses it. */
	T_EQ(atomic_load(&object->destroyed), 0);
	T_EQ(ferry_handle_object(&found, call, object->handle, object->type),
	    FERRY_ESTALE);
	return FERRY_OK;
}

static void
released_in_handler(void)
{
	ferry_context context = fx_open();
	struct object a;

	open_handle(context, &a, &type_a);
	T_OK(fx_do_wait(context, release_and_look, &a));
	T_WAIT_UNTIL(atomic_load(&a.destroyed) == 1, FX_LIMIT_MS);
	fx_close(context);
}

struct racer {
	ferry_handle handle;
	pthread_barrier_t *start;
};

static void *
release_thread(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->start);
	return (void *)(intptr_t)ferry_handle_release(racer->handle);
}

static void
released_by_four(void)
{
	ferry_context context = fx_open();
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, 4);
	for (int round = 0; round < 100; round++) {
		struct object a;
		struct racer racer = {0, &start};
		pthread_t threads[4];
		int ok = 0;

		open_handle(context, &a, &type_a);
		racer.handle = a.handle;
		for (int i = 0; i < 4; i++)
			threads[i] = t_thread_start(release_thread, &racer);
		for (int i = 0; i < 4; i++) {
			intptr_t r = (intptr_t)t_thread_join(threads[i]);

			ok += r == FERRY_OK;
			T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
		}
		T_EQ(ok, 1);
		T_WAIT_UNTIL(atomic_load(&a.destroyed) == 1, FX_LIMIT_MS);
	}
	pthread_barrier_destroy(&start);
	T_EQ(fx_counters(context).handles_open, 0);
	fx_close(context);
}

/* What nobody released is destroyed at the close, before fini. */
static void
destroyed_at_close(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context context;
	static struct object objects[300];

	o.init_arg = &life;
	context = fx_open_with(&o);
	for (int i = 0; i < 300; i++) {
		open_handle(context, &objects[i], &type_a);
		objects[i].life = &life;
	}
	T_EQ(fx_counters(context).handles_open, 300);
	fx_close(context);
	T_EQ(atomic_load(&life.finis), 1);
	for (int i = 0; i < 300; i++) {
		T_EQ(atomic_load(&objects[i].destroyed), 1);
		T_ASSERT(pthread_equal(
		    objects[i].destroyer, life.fini_thread));
		T_EQ(ferry_handle_release(objects[i].handle), FERRY_ESTALE);
	}
}

static void *
release_all(void *arg)
{
	struct object *objects = arg;

	for (int i = 0; i < 300; i++) {
		int r = ferry_handle_release(objects[i].handle);

		T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
	}
	return NULL;
}

/* Releases racing with the close: still exactly one destroy each. */
static void
released_during_close(void)
{
	static struct object objects[300];

	for (int round = 0; round < 20; round++) {
		ferry_context context = fx_open();
		pthread_t thread;

		for (int i = 0; i < 300; i++)
			open_handle(context, &objects[i], &type_a);
		thread = t_thread_start(release_all, objects);
		T_OK(ferry_context_close(context, NULL, NULL));
		t_thread_join(thread);
		for (int i = 0; i < 300; i++)
			T_EQ(atomic_load(&objects[i].destroyed), 1);
	}
}

/* Places are used again; tokens are not. */
static void
tokens_are_not_used_again(void)
{
	ferry_context context = fx_open();
	struct object a;
	ferry_handle first;

	open_handle(context, &a, &type_a);
	first = a.handle;
	T_OK(ferry_handle_release(first));
	for (int i = 0; i < 1000; i++) {
		T_WAIT_UNTIL(atomic_load(&a.destroyed) == 1, FX_LIMIT_MS);
		open_handle(context, &a, &type_a);
		T_NE(a.handle, first);
		T_EQ(ferry_handle_release(first), FERRY_ESTALE);
		T_OK(ferry_handle_release(a.handle));
	}
	T_WAIT_UNTIL(atomic_load(&a.destroyed) == 1, FX_LIMIT_MS);
	fx_close(context);
}

/* -------------------------------------------------------------- wrong use */

struct deferred {
	struct fx_gate gate;
	ferry_call call;
};

static int
defer_run(ferry_call call, void *arg)
{
	struct deferred *d = arg;

	T_OK(ferry_call_defer(call));
	d->call = call;
	fx_gate_open(&d->gate);
	return FERRY_OK;
}

static void
outside_a_handler(void)
{
	ferry_context context = fx_open();
	struct deferred d = {.gate = FX_GATE_SHUT};
	ferry_request request = fx_do(context, defer_run, &d);
	struct object a;
	ferry_handle handle = 77;
	void *found = &a;

	open_handle(context, &a, &type_a);
	fx_gate_pass(&d.gate);
	/* A good call, but not its thread. */
	T_EQ(ferry_handle_open(&handle, d.call, &a, &type_a, destroy),
	    FERRY_ETHREAD);
	T_EQ(ferry_handle_object(&found, d.call, a.handle, &type_a),
	    FERRY_ETHREAD);
	T_EQ(handle, 77);
	T_ASSERT(found == &a);
	T_OK(ferry_call_reply(d.call, 0, NULL, 0));
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(fx_counters(context).handles_open, 1);
	fx_close(context);
	T_EQ(atomic_load(&a.destroyed), 1);
}

static int
bad_run(ferry_call call, void *arg)
{
	struct object *object = arg;
	ferry_handle handle = 77;

	T_EQ(ferry_handle_open(NULL, call, object, &type_a, destroy),
	    FERRY_EINVAL);
	T_EQ(ferry_handle_open(&handle, 0, object, &type_a, destroy),
	    FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_handle_open(
	    &handle, FX_FORGED, object, &type_a, destroy)));
	T_EQ(ferry_handle_object(NULL, call, object->handle, object->type),
	    FERRY_EINVAL);
	T_EQ(handle, 77);
	return FERRY_OK;
}

static void
bad_arguments(void)
{
	ferry_context context = fx_open();
	struct object a;

	open_handle(context, &a, &type_a);
	T_OK(fx_do_wait(context, bad_run, &a));
	T_EQ(fx_counters(context).handles_open, 1);
	T_EQ(ferry_handle_release(0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_handle_release(FX_FORGED)));
	T_ASSERT(fx_no_token(ferry_handle_release(context)));
	fx_close(context);
	T_EQ(atomic_load(&a.destroyed), 1);
}

T_MAIN(
	T_RUN(opened_and_found);
	T_RUN(wrong_type);
	T_RUN(foreign_context);
	T_RUN(released);
	T_RUN(released_when_idle);
	T_RUN(released_in_handler);
	T_RUN(released_by_four);
	T_RUN(destroyed_at_close);
	T_RUN(released_during_close);
	T_RUN(tokens_are_not_used_again);
	T_RUN(outside_a_handler);
	T_RUN(bad_arguments);
)
