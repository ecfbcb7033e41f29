/*
 * Opening libraries and contexts when something is refused at every point:
 * the open fails with an error that ferry.h names, leaves nothing behind, and
 * succeeds when it is tried again.
 */
#include "inject.h"

#include "ffi/context.h"
#include "ffi/dispatch.h"

/* What an open keeps for ever: a context with eight shards, a worker with the
 * addresses of a batch. */
enum {
	KEPT_BY_AN_OPEN = sizeof(struct context) + 8 * sizeof(struct list) +
	    sizeof(struct worker) + DISPATCH_RECENT * sizeof(struct node *)
};

/* ------------------------------------------------------------- libraries */

static ferry_library_options
no_tables(void)
{
	return (ferry_library_options){
		.struct_size = sizeof(ferry_library_options),
		.name = "growing",
	};
}

static void
library_with_tables(void)
{
	static const ferry_method methods[] = {
		{ .struct_size = sizeof methods[0], .name = "one",
		    .handler = fx_nop },
		{ .struct_size = sizeof methods[0], .name = "two",
		    .handler = fx_nop },
		{ .struct_size = sizeof methods[0], .name = "three",
		    .handler = fx_nop },
	};
	static const ferry_event events[] = {
		{ .struct_size = sizeof events[0], .name = "heard" },
		{ .struct_size = sizeof events[0], .name = "seen" },
	};
	ferry_library_options o = no_tables();
	ferry_library library;

	o.methods = methods;
	o.n_methods = 3;
	o.events = events;
	o.n_events = 2;
	STEP_OUT(library, ferry_library_open(&library, &o), FERRY_ENOMEM);
	T_OK(ferry_library_close(library));
}

/* A failed add has used up no id and no name. */
static void
library_that_grows(void)
{
	enum { N = 40 };
	ferry_method m = { .struct_size = sizeof m, .handler = fx_nop };
	ferry_event e = { .struct_size = sizeof e };
	ferry_library_options o = no_tables();
	ferry_library library;
	char name[16];
	uint32_t id;

	m.name = e.name = name;
	STEP_OUT(library, ferry_library_open(&library, &o), FERRY_ENOMEM);
	for (uint32_t i = 0; i < N; i++) {
		snprintf(name, sizeof name, "name %u", i);
		STEP_OUT(id, ferry_library_add_method(&id, library, &m),
		    FERRY_ENOMEM);
		T_EQ(id, i);
		STEP_OUT(id, ferry_library_add_event(&id, library, &e),
		    FERRY_ENOMEM);
		T_EQ(id, i);
		T_EQ(ferry_library_add_method(&id, library, &m),
		    FERRY_EEXIST);
	}
	T_OK(ferry_library_close(library));
}

/* -------------------------------------------------------------- contexts */

static ferry_context
open_step(ferry_context_options *o)
{
	ferry_context context;

	STEP_OUT(context, ferry_context_open(&context, o), FERRY_ENOMEM,
	    FERRY_ESYSTEM);
	return context;
}

static ferry_library
library_step(void)
{
	ferry_library_options o = no_tables();
	ferry_library library;
	ferry_method nop = { .struct_size = sizeof nop, .name = "nop",
		.handler = fx_nop };

	o.methods = &nop;
	o.n_methods = 1;
	o.init = fx_init;
	o.fini = fx_fini;
	STEP_OUT(library, ferry_library_open(&library, &o), FERRY_ENOMEM);
	return library;
}

/* init ran for what was opened, and only for that. */
static void
close_all(const ferry_context *contexts, int n, const struct fx_life *life)
{
	T_EQ(atomic_load(&life->inits), n);
	for (int i = 0; i < n; i++)
		T_OK(ferry_context_close(contexts[i], NULL, NULL));
	T_EQ(atomic_load(&life->finis), n);
}

static void
own_worker(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context context;

	o.init_arg = &life;
	o.library = library_step();
	context = open_step(&o);
	T_OK(ferry_library_close(o.library));
	close_all(&context, 1, &life);
}

/* Everything that an option makes it allocate. */
static void
with_every_option(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context context;
	char text[64];

	o.init_arg = &life;
	o.shards = 64;
	o.thread_name = "fault";
	o.stack_size = (size_t)1 << 20;
	o.depth_total = 10;
	o.event_capacity = 16;
	o.timeout_ms = 1000000;
	o.error_text = text;
	o.error_text_size = sizeof text;
	o.library = library_step();
	context = open_step(&o);
	T_OK(ferry_library_close(o.library));
	close_all(&context, 1, &life);
}

/* The second context must not take the worker with it when it fails. */
static void
keyed_worker(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context contexts[3];

	o.init_arg = &life;
	o.worker_key = "fault";
	o.library = library_step();
	for (int i = 0; i < 3; i++) {
		ferry_request request;

		contexts[i] = open_step(&o);
		STEP_OUT(request, ferry_request_submit(&request, contexts[0], 0,
		    NULL, 0, NULL), FERRY_ENOMEM);
		T_EQ(fx_wait(request), FERRY_OK);
	}
	T_OK(ferry_library_close(o.library));
	close_all(contexts, 3, &life);
}

/* An init that fails, by itself or because nothing could be opened. */
static void
failing_init(void)
{
	static const char *const keys[] = { NULL, "fault" };
	struct fx_life life = { .init_result = 1, .init_text = "no such file" };

	for (int i = 0; i < 2; i++) {
		ferry_context_options o = fx_context_options();
		ferry_context context = INJECT_UNTOUCHED;
		char text[64] = "";
		int r;

		o.init_arg = &life;
		o.worker_key = keys[i];
		o.error_text = text;
		o.error_text_size = sizeof text;
		o.library = library_step();
		r = ferry_context_open(&context, &o);
		if (r != FERRY_EINIT) {
			T_EQ(atomic_load(&life.inits), i);
			T_STR(text, "");
			inject_failed(__FILE__, __LINE__, "open", r,
			    (const int[]){FERRY_ENOMEM, FERRY_ESYSTEM, 0});
			r = ferry_context_open(&context, &o);
		}
		T_EQ(r, FERRY_EINIT);
		T_EQ(context, INJECT_UNTOUCHED);
		T_STR(text, "no such file");
		T_EQ(atomic_load(&life.inits), i + 1);
		T_EQ(atomic_load(&life.finis), 0);
		T_OK(ferry_library_close(o.library));
	}
}

/* A refused open leaves the library as it was, but for being frozen; and no
 * thread, though nobody tries again: attributes and creation, of two. */
static void
frozen_by_an_open_that_fails(void)
{
	ferry_context_options o = fx_context_options();
	ferry_method more = { .struct_size = sizeof more, .name = "more",
		.handler = fx_nop };
	ferry_context context = INJECT_UNTOUCHED;
	uint32_t id = INJECT_UNTOUCHED;
	struct inject_level before;

	own_worker(); /* what is made once */
	o.library = library_step();
	before = inject_level();
	for (unsigned long n = 1; n <= 4; n++) {
		inject_arm(INJECT_THREAD, n, 0);
		T_EQ(ferry_context_open(&context, &o), FERRY_ESYSTEM);
		T_EQ(inject_disarm(), 1);
		T_EQ(context, INJECT_UNTOUCHED);
		inject_same(&before);
	}
	T_EQ(ferry_library_add_method(&id, o.library, &more), FERRY_EFROZEN);
	T_EQ(id, INJECT_UNTOUCHED);
	T_OK(ferry_context_open(&context, &o));
	T_OK(ferry_context_close(context, NULL, NULL));
	T_OK(ferry_library_close(o.library));
}

/*
 * Opens that fail for want of memory, over and over, do not use it up: pieces
 * that are kept for ever are kept for the next one.
 */
static void
failing_for_long(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_life life = {0};
	ferry_context contexts[40];
	size_t before;

	own_worker(); /* slots */
	o.init_arg = &life;
	o.library = library_step();
	for (int i = 0; i < 40; i++) {
		before = atomic_load(&inject_kept);
		for (unsigned long n = 1;; n++) {
			inject_arm(INJECT_FOR_EVER, n, 0);
			contexts[i] = INJECT_UNTOUCHED;
			if (ferry_context_open(&contexts[i], &o) == FERRY_OK)
				break;
			T_EQ(inject_disarm(), 1);
			T_EQ(contexts[i], INJECT_UNTOUCHED);
		}
		inject_disarm();
		T_LE(atomic_load(&inject_kept), before + KEPT_BY_AN_OPEN);
	}
	T_OK(ferry_library_close(o.library));
	close_all(contexts, 40, &life);
}

T_MAIN(
	INJECT_EACH(library_with_tables, 8);
	INJECT_EACH(library_that_grows, 20);
	INJECT_EACH(own_worker, 10);
	INJECT_EACH(with_every_option, 10);
	INJECT_EACH(keyed_worker, 10);
	INJECT_EACH(failing_init, 10);
	T_RUN(frozen_by_an_open_that_fails);
	T_RUN(failing_for_long);
)
