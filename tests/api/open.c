/*
 * Opening a context: init and fini, failing and slow ones, shared workers, and
 * options that cannot be right.
 */
#include "fixture.h"

/* The open fails with that error and leaves the token alone. */
static void
open_fails(const ferry_context_options *options, int error)
{
	ferry_context context = 77;

	T_EQ(ferry_context_open(&context, options), error);
	T_EQ(context, 77);
}

static int
note_thread(ferry_call call, void *arg)
{
	(void)call;
	*(pthread_t *)arg = pthread_self();
	return FERRY_OK;
}

static pthread_t
thread_of(ferry_context context)
{
	pthread_t thread;

	T_OK(fx_do_wait(context, note_thread, &thread));
	return thread;
}

static int
finis_seen(ferry_call call, void *arg)
{
	struct fx_life *life = arg;

	(void)call;
	T_EQ(atomic_load(&life->inits), 1);
	return atomic_load(&life->finis) == 0 ? FERRY_OK : 1;
}

/* init, handlers, fini: in this order, once each, on one thread, not ours. */
static void
init_and_fini(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context context;
	pthread_t thread;

	o.init_arg = &life;
	context = fx_open_with(&o);
	T_EQ(atomic_load(&life.inits), 1);
	T_EQ(life.context, context); /* init was told the same token */
	thread = thread_of(context);
	T_ASSERT(!pthread_equal(thread, pthread_self()));
	T_ASSERT(pthread_equal(thread, life.init_thread));
	T_EQ(fx_do_wait(context, finis_seen, &life), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(&life.inits), 1);
	T_EQ(atomic_load(&life.finis), 1);
	T_ASSERT(pthread_equal(thread, life.fini_thread));
}

static void
failing_init(void)
{
	struct fx_life life = {.init_result = 3, .init_text = "no such device"};
	ferry_context_options o = fx_context_options();
	char text[64] = "untouched", small[8] = "xxxxxxx";
	int32_t status = 77;

	o.library = fx_library();
	o.init_arg = &life;
	o.error_text = text;
	o.error_text_size = sizeof text;
	o.init_status = &status;
	open_fails(&o, FERRY_EINIT);
	T_STR(text, "no such device");
	T_EQ(status, 3);
	T_EQ(atomic_load(&life.inits), 1);
	T_EQ(atomic_load(&life.finis), 0); /* only after a successful init */

	/* Cut to what there is room for, and terminated. */
	o.error_text = small;
	o.error_text_size = 5;
	open_fails(&o, FERRY_EINIT);
	T_STR(small, "no s");
	T_EQ(small[5], 'x');

	/* Nobody who wants to know: no text, no size. */
	o.error_text = NULL;
	o.error_text_size = 0;
	o.init_status = NULL;
	open_fails(&o, FERRY_EINIT);

	/* The library can be opened as soon as init agrees. */
	life.init_result = 0;
	o.init_status = &status;
	fx_close(fx_open_with(&o));
	T_EQ(status, 3); /* nothing is written */
	T_EQ(atomic_load(&life.inits), 4);
	T_EQ(atomic_load(&life.finis), 1);
	T_OK(ferry_library_close(o.library));
}

/* A negative result fails as well; a silent init leaves an empty text. */
static void
failing_init_silent(void)
{
	struct fx_life life = {.init_result = -1};
	ferry_context_options o = fx_context_options();
	char text[8] = "xxxxxxx";
	int32_t status = 77;

	o.library = fx_library();
	o.init_arg = &life;
	o.error_text = text;
	o.error_text_size = sizeof text;
	o.init_status = &status;
	open_fails(&o, FERRY_EINIT);
	T_STR(text, "");
	T_EQ(status, -1);
	T_OK(ferry_library_close(o.library));
}

/* A failing init on a shared worker leaves the worker to the others. */
static void
failing_init_shared(void)
{
	struct fx_life life = {.init_result = 1};
	ferry_context_options o = fx_context_options();
	ferry_context first;

	o.library = fx_library();
	o.worker_key = "failing-init";
	first = fx_open_with(&o);
	o.init_arg = &life;
	open_fails(&o, FERRY_EINIT);
	T_EQ(fx_wait(fx_submit(first, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(first);
	/* And a worker that was made for it alone is gone again. */
	open_fails(&o, FERRY_EINIT);
	T_OK(ferry_library_close(o.library));
}

/* The open gives up in time; what init opened later is closed by fini. */
static void
slow_init(void)
{
	static struct fx_gate gate = FX_GATE_SHUT;
	static struct fx_life life = {.init_gate = &gate};
	ferry_context_options o = fx_context_options();
	uint64_t began = t_now_ns();

	o.library = fx_library();
	o.init_arg = &life;
	o.timeout_ms = 30;
	open_fails(&o, FERRY_ETIMEDOUT);
	T_GE(t_now_ns() - began, 30 * UINT64_C(1000000));
	T_EQ(atomic_load(&life.finis), 0);
	fx_gate_open(&gate);
	T_WAIT_UNTIL(atomic_load(&life.finis) == 1, FX_LIMIT_MS);
	T_ASSERT(pthread_equal(life.init_thread, life.fini_thread));
	T_OK(ferry_library_close(o.library));
}

/* A slow init that fails in the end has nothing for fini to close. */
static void
slow_init_failing(void)
{
	static struct fx_gate gate = FX_GATE_SHUT;
	static struct fx_life life = {.init_gate = &gate, .init_result = 1};
	ferry_context_options o = fx_context_options();
	ferry_context context;

	o.library = fx_library();
	o.worker_key = "slow-failing";
	o.init_arg = &life;
	o.timeout_ms = 10;
	open_fails(&o, FERRY_ETIMEDOUT);
	fx_gate_open(&gate);
	/* The next opener of the key works once the worker is free. */
	o.init_arg = NULL;
	o.timeout_ms = 0;
	context = fx_open_with(&o);
	fx_close(context);
	T_EQ(atomic_load(&life.inits), 1);
	T_EQ(atomic_load(&life.finis), 0);
	T_OK(ferry_library_close(o.library));
}

static void
timeouts_that_suffice(void)
{
	ferry_context_options o = fx_context_options();

	o.timeout_ms = 60000;
	fx_close(fx_open_with(&o));
	o.timeout_ms = -1; /* for ever */
	fx_close(fx_open_with(&o));
}

/* One key, one thread; no key, a thread each. */
static void
worker_keys(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context a, b, c, d, e;
	char key[16] = "shared";

	o.worker_key = key;
	a = fx_open_with(&o);
	memset(key, 'x', sizeof key - 1); /* catches a key kept by pointer */
	o.worker_key = "shared";
	b = fx_open_with(&o);
	o.worker_key = "another";
	c = fx_open_with(&o);
	d = fx_open();
	e = fx_open();
	T_NE(a, b);
	T_ASSERT(pthread_equal(thread_of(a), thread_of(b)));
	T_ASSERT(!pthread_equal(thread_of(a), thread_of(c)));
	T_ASSERT(!pthread_equal(thread_of(a), thread_of(d)));
	T_ASSERT(!pthread_equal(thread_of(d), thread_of(e)));
	/* The worker outlives its first context. */
	fx_close(a);
	T_EQ(fx_wait(fx_submit(b, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(b);
	fx_close(c);
	fx_close(d);
	fx_close(e);
}

/* State, methods and counters are each context's own. */
static void
keyed_contexts_apart(void)
{
	struct fx_life one = {0}, two = {0};
	ferry_context_options o = fx_context_options();
	ferry_context a, b;

	o.worker_key = "apart";
	o.init_arg = &one;
	a = fx_open_with(&o);
	o.init_arg = &two;
	b = fx_open_with(&o);
	T_EQ(fx_wait(fx_submit(a, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_counters(a).submitted, 1);
	T_EQ(fx_counters(b).submitted, 0);
	fx_close(a);
	T_EQ(atomic_load(&one.finis), 1);
	T_EQ(atomic_load(&two.finis), 0);
	fx_close(b);
	T_EQ(atomic_load(&two.finis), 1);
}

static void
keys_that_differ(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context a, b;

	o.library = fx_library();
	o.worker_key = "differ";
	o.thread_name = "first";
	o.stack_size = 1 << 20;
	a = fx_open_with(&o);
	o.thread_name = "second";
	open_fails(&o, FERRY_EINVAL);
	o.thread_name = "first";
	o.stack_size = 2 << 20;
	open_fails(&o, FERRY_EINVAL);
	o.stack_size = 1 << 20;
	b = fx_open_with(&o); /* the control: the same options join */
	T_ASSERT(pthread_equal(thread_of(a), thread_of(b)));
	fx_close(a);
	fx_close(b);
	/* With its last context the worker is gone, and its options too. */
	o.thread_name = "second";
	fx_close(fx_open_with(&o));
	T_OK(ferry_library_close(o.library));
}

static int
touch_stack(ferry_call call, void *arg)
{
	volatile char deep[3 << 20];

	(void)call;
	for (size_t i = 0; i < sizeof deep; i += 4096)
		deep[i] = (char)i;
	*(int *)arg = deep[4096 * 3];
	return FERRY_OK;
}

/* Catches a stack_size that is not passed on: 3 MiB in a smaller one is a
 * crash. */
static void
stack_size(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context;
	int value = -1;

	o.stack_size = 4 << 20;
	context = fx_open_with(&o);
	T_OK(fx_do_wait(context, touch_stack, &value));
	T_EQ(value, (char)(4096 * 3));
	fx_close(context);
}

static void
bad_libraries(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context other = fx_open();
	ferry_context context = 77;

	open_fails(&o, FERRY_EINVAL); /* none */
	o.library = FX_FORGED;
	T_ASSERT(fx_no_token(ferry_context_open(&context, &o)));
	o.library = other; /* a context is no library */
	T_ASSERT(fx_no_token(ferry_context_open(&context, &o)));
	T_EQ(context, 77);
	fx_close(other);
}

static void
bad_options(void)
{
	ferry_context_options good = fx_context_options(), o;

	good.library = fx_library();
	open_fails(NULL, FERRY_EINVAL);
	T_EQ(ferry_context_open(NULL, &good), FERRY_EINVAL);
	o = good;
	o.flags = 1u << 20;
	open_fails(&o, FERRY_EINVAL);
	o = good;
	o.strands = (1u << 20) + 1;
	open_fails(&o, FERRY_EINVAL);
	o = good;
	o.strand_stack = 16383;
	open_fails(&o, FERRY_EINVAL);
	o = good;
	o.stack_size = 1;
	open_fails(&o, FERRY_EINVAL);
	o = good;
	o.thread_name = "sixteen bytes!!!";
	open_fails(&o, FERRY_EINVAL);
	o = good;
	o.event_policy = 3;
	open_fails(&o, FERRY_EINVAL);
	o = good;
	o.notify_level = FERRY_LEVEL_FATAL + 1;
	open_fails(&o, FERRY_EINVAL);
	T_OK(ferry_library_close(good.library));
}

static void
bad_numbers(void)
{
	static const uint32_t shards[] = {3, 63, 65, 128, UINT32_MAX};
	static const uint32_t entries[] = {3, 100, UINT32_MAX};
	ferry_context_options good = fx_context_options(), o;

	good.library = fx_library();
	for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
		o = good;
		o.shards = shards[i];
		open_fails(&o, FERRY_EINVAL);
	}
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		o = good;
		o.event_capacity = entries[i];
		open_fails(&o, FERRY_EINVAL);
	}
	o = good;
	o.levels.slow_ms = 2000; /* above the default of stalled */
	o.levels.stalled_ms = 1000;
	open_fails(&o, FERRY_EINVAL);
	o = good;
	o.levels.wedged_ms = 10;
	o.levels.fatal_ms = 9;
	open_fails(&o, FERRY_EINVAL);
	T_OK(ferry_library_close(good.library));
}

/* The extremes that are allowed. */
static void
good_numbers(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context;

	for (uint32_t shards = 1; shards <= 64; shards *= 2) {
		o.shards = shards;
		context = fx_open_with(&o);
		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
		fx_close(context);
	}
	o = fx_context_options();
	o.event_capacity = 2;
	o.thread_name = "fifteen bytes!!";
	o.depth = FERRY_UNBOUNDED;
	o.payload_max = FERRY_UNBOUNDED;
	o.levels = (ferry_levels){FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF};
	context = fx_open_with(&o);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
}

struct longer_options {
	ferry_context_options o;
	uint64_t tail;
};

static void
struct_sizes(void)
{
	struct longer_options o = {fx_context_options(), 1};
	ferry_context context = 77;

	o.o.library = fx_library();
	o.o.struct_size = sizeof o;
	open_fails(&o.o, FERRY_EINVAL);
	o.tail = 0;
	T_OK(ferry_context_open(&context, &o.o));
	fx_close(context);
	o.o.struct_size = 0;
	open_fails(&o.o, FERRY_EINVAL);
	o.o.struct_size = sizeof(size_t);
	open_fails(&o.o, FERRY_EINVAL);
	/* An older caller who ends behind the key; the rest is rubbish. */
	memset(&o.o.thread_name, 0xa5, sizeof o -
	    offsetof(ferry_context_options, thread_name));
	o.o.struct_size = offsetof(ferry_context_options, thread_name);
	T_OK(ferry_context_open(&context, &o.o));
	fx_close(context);
	T_OK(ferry_library_close(o.o.library));
}

/* Tokens of contexts that are gone stay gone, however often their slot has
 * been used again. */
static void
stale_tokens(void)
{
	ferry_context first = fx_open(), context;

	fx_close(first);
	for (int i = 0; i < 50; i++) {
		context = fx_open();
		T_NE(context, first);
		T_EQ(ferry_request_submit(NULL, first, FX_NOP, NULL, 0,
		    &(ferry_request_options){.struct_size =
		    sizeof(ferry_request_options), .callback = fx_on_reply,
		    .user = NULL}), FERRY_ESTALE);
		fx_close(context);
	}
	T_EQ(ferry_context_close(first, NULL, NULL), FERRY_ESTALE);
}

/* Many at once, on one worker and on their own. */
static void
many_contexts(void)
{
	enum { MANY = 60 };
	ferry_context contexts[MANY];
	ferry_request requests[MANY];
	ferry_context_options o = fx_context_options();

	for (int i = 0; i < MANY; i++) {
		o.worker_key = i % 4 == 0 ? NULL : "many";
		contexts[i] = fx_open_with(&o);
	}
	for (int i = 0; i < MANY; i++)
		requests[i] = fx_submit(contexts[i], FX_STATUS, &i, sizeof i,
		    NULL);
	for (int i = 0; i < MANY; i++)
		T_EQ(fx_wait(requests[i]), i);
	for (int i = 0; i < MANY; i++)
		fx_close(contexts[(i * 7) % MANY]);
}

static void *
open_and_close(void *arg)
{
	ferry_context_options o = fx_context_options();

	o.worker_key = arg;
	for (int i = 0; i < 25; i++) {
		ferry_context context = fx_open_with(&o);

		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
		fx_close(context);
	}
	return NULL;
}

/* Openers and closers of one key at once: joining a worker races with its
 * last context's close. */
static void
key_races(void)
{
	static char key[] = "race";
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = t_thread_start(open_and_close, key);
	for (int i = 0; i < 4; i++)
		t_thread_join(threads[i]);
}

T_MAIN(
	T_RUN(init_and_fini);
	T_RUN(failing_init);
	T_RUN(failing_init_silent);
	T_RUN(failing_init_shared);
	T_RUN(slow_init);
	T_RUN(slow_init_failing);
	T_RUN(timeouts_that_suffice);
	T_RUN(worker_keys);
	T_RUN(keyed_contexts_apart);
	T_RUN(keys_that_differ);
	T_RUN(stack_size);
	T_RUN(bad_libraries);
	T_RUN(bad_options);
	T_RUN(bad_numbers);
	T_RUN(good_numbers);
	T_RUN(struct_sizes);
	T_RUN(stale_tokens);
	T_RUN(many_contexts);
	T_RUN(key_races);
)
