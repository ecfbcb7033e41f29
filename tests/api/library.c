/*
 * Describing a library: tables, additions, and every way to get it wrong.
 *
 * Each refusal is checked for its own code, for an untouched out-parameter
 * and, where a later call could tell, for having left nothing behind.
 */
#include "fixture.h"

static const ferry_method two_methods[] = {
    {.struct_size = sizeof(ferry_method), .name = "zero", .handler = fx_nop},
    {.struct_size = sizeof(ferry_method), .name = "one", .handler = fx_echo},
};

static const ferry_event two_events[] = {
    {.struct_size = sizeof(ferry_event), .name = "red"},
    {.struct_size = sizeof(ferry_event), .name = "green"},
};

static ferry_library_options
plain(void)
{
	ferry_library_options o;

	memset(&o, 0, sizeof o);
	o.struct_size = sizeof o;
	o.name = "plain";
	return o;
}

static ferry_method
method(const char *name)
{
	ferry_method m;

	memset(&m, 0, sizeof m);
	m.struct_size = sizeof m;
	m.name = name;
	m.handler = fx_nop;
	return m;
}

static ferry_event
event(const char *name)
{
	ferry_event e;

	memset(&e, 0, sizeof e);
	e.struct_size = sizeof e;
	e.name = name;
	return e;
}

static ferry_context
open_on(ferry_library library)
{
	ferry_context_options o = fx_context_options();

	o.library = library;
	return fx_open_with(&o);
}

/* The open fails with that error, and the token is not touched. */
static void
open_fails(const ferry_library_options *options, int error)
{
	ferry_library library = 77;

	T_EQ(ferry_library_open(&library, options), error);
	T_EQ(library, 77);
}

static void
method_fails(ferry_library library, const ferry_method *m, int error)
{
	uint32_t id = 77;

	T_EQ(ferry_library_add_method(&id, library, m), error);
	T_EQ(id, 77);
}

static void
event_fails(ferry_library library, const ferry_event *e, int error)
{
	uint32_t id = 77;

	T_EQ(ferry_library_add_event(&id, library, e), error);
	T_EQ(id, 77);
}

static void
static_table(void)
{
	ferry_library_options o = plain();
	ferry_library library = 0;
	ferry_context context;
	const char *name = NULL;
	uint32_t id = 77;

	o.methods = two_methods;
	o.n_methods = 2;
	o.events = two_events;
	o.n_events = 2;
	T_OK(ferry_library_open(&library, &o));
	T_NE(library, 0);
	context = open_on(library);
	T_OK(ferry_context_method(&id, context, "zero"));
	T_EQ(id, 0);
	T_OK(ferry_context_method(&id, context, "one"));
	T_EQ(id, 1);
	T_OK(ferry_context_event(&id, context, "green"));
	T_EQ(id, 1);
	T_OK(ferry_context_event(&id, context, "red"));
	T_EQ(id, 0);
	T_OK(ferry_context_method_name(&name, context, 1));
	T_STR(name, "one");
	T_OK(ferry_context_event_name(&name, context, 1));
	T_STR(name, "green");
	T_OK(ferry_context_close(context, NULL, NULL));
	T_OK(ferry_library_close(library));
}

static void
lookups_that_fail(void)
{
	ferry_context context = fx_open();
	const char *name = "untouched";
	uint32_t id = 77;

	T_EQ(ferry_context_method(&id, context, "nobody"), FERRY_ENOMETHOD);
	T_EQ(ferry_context_method(&id, context, ""), FERRY_ENOMETHOD);
	T_EQ(ferry_context_method(&id, context, "tick"), FERRY_ENOMETHOD);
	T_EQ(ferry_context_method(&id, context, NULL), FERRY_EINVAL);
	T_EQ(ferry_context_event(&id, context, "nobody"), FERRY_ENOEVENT);
	T_EQ(ferry_context_event(&id, context, "nop"), FERRY_ENOEVENT);
	T_EQ(ferry_context_event(&id, context, NULL), FERRY_EINVAL);
	T_EQ(id, 77);
	T_EQ(ferry_context_method_name(&name, context, FX_N_METHODS),
	    FERRY_ENOMETHOD);
	T_EQ(ferry_context_method_name(&name, context, UINT32_MAX),
	    FERRY_ENOMETHOD);
	T_EQ(ferry_context_event_name(&name, context, FX_N_EVENTS),
	    FERRY_ENOEVENT);
	T_EQ(ferry_context_event_name(&name, context, FERRY_EVENT_ANY),
	    FERRY_ENOEVENT);
	T_EQ(ferry_context_event_name(NULL, context, 0), FERRY_EINVAL);
	T_STR(name, "untouched");
	fx_close(context);
	T_EQ(ferry_context_method(&id, context, "nop"), FERRY_ESTALE);
	T_EQ(ferry_context_event(&id, context, "tick"), FERRY_ESTALE);
	T_EQ(ferry_context_method_name(&name, context, 0), FERRY_ESTALE);
	T_EQ(ferry_context_event_name(&name, context, 0), FERRY_ESTALE);
	T_EQ(ferry_context_method(&id, 0, "nop"), FERRY_EINVAL);
	T_EQ(id, 77);
}

/* Added ones come after the table's, in order; names lead to them. */
static void
added_one_by_one(void)
{
	ferry_library_options o = plain();
	ferry_library library;
	ferry_context context;
	ferry_method m;
	ferry_event e;
	uint32_t id = 77;
	char name[16];

	o.methods = two_methods;
	o.n_methods = 2;
	T_OK(ferry_library_open(&library, &o));
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "m%u", i);
		m = method(name);
		T_OK(ferry_library_add_method(&id, library, &m));
		T_EQ(id, i + 2);
		e = event(name);
		T_OK(ferry_library_add_event(&id, library, &e));
		T_EQ(id, i);
	}
	/* Catches names that are kept by pointer. */
	memset(name, 'x', sizeof name - 1);
	context = open_on(library);
	T_OK(ferry_context_method(&id, context, "m299"));
	T_EQ(id, 301);
	T_OK(ferry_context_event(&id, context, "m0"));
	T_EQ(id, 0);
	T_EQ(fx_wait(fx_submit(context, 301, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
	T_OK(ferry_library_close(library));
}

static void
names_outlive_all(void)
{
	ferry_context context = fx_open();
	const char *name = NULL;

	T_OK(ferry_context_method_name(&name, context, FX_ECHO));
	fx_close(context);
	T_STR(name, "echo"); /* ASan catches a name freed with its library */
}

static void
duplicates(void)
{
	ferry_method twice[2] = {method("same"), method("same")};
	ferry_event events[2] = {event("same"), event("same")};
	ferry_library_options o = plain();
	ferry_library library;
	ferry_method m;
	ferry_event e;
	uint32_t id = 77;

	o.methods = twice;
	o.n_methods = 2;
	open_fails(&o, FERRY_EEXIST);
	o = plain();
	o.events = events;
	o.n_events = 2;
	open_fails(&o, FERRY_EEXIST);

	o = plain();
	o.methods = two_methods;
	o.n_methods = 2;
	o.events = two_events;
	o.n_events = 2;
	T_OK(ferry_library_open(&library, &o));
	m = method("one");
	method_fails(library, &m, FERRY_EEXIST);
	e = event("red");
	event_fails(library, &e, FERRY_EEXIST);
	/* The refused ones have used up no id. */
	m = method("two");
	T_OK(ferry_library_add_method(&id, library, &m));
	T_EQ(id, 2);
	e = event("blue");
	T_OK(ferry_library_add_event(&id, library, &e));
	T_EQ(id, 2);
	T_OK(ferry_library_close(library));
}

/* Frozen by the first open, and not thawed by the close. */
static void
frozen(void)
{
	ferry_library library = fx_library();
	ferry_context context = open_on(library);
	ferry_method m = method("late");
	ferry_event e = event("late");

	method_fails(library, &m, FERRY_EFROZEN);
	event_fails(library, &e, FERRY_EFROZEN);
	fx_close(context);
	method_fails(library, &m, FERRY_EFROZEN);
	event_fails(library, &e, FERRY_EFROZEN);
	T_OK(ferry_library_close(library));
}

static void
closed_description(void)
{
	ferry_library library = fx_library();
	ferry_context context = open_on(library);
	ferry_context_options o = fx_context_options();
	ferry_context other = 77;
	ferry_method m = method("late");
	ferry_event e = event("late");

	T_OK(ferry_library_close(library));
	/* The open context goes on as before. */
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(ferry_library_close(library), FERRY_ESTALE);
	method_fails(library, &m, FERRY_ESTALE);
	event_fails(library, &e, FERRY_ESTALE);
	o.library = library;
	T_EQ(ferry_context_open(&other, &o), FERRY_ESTALE);
	T_EQ(other, 77);
	fx_close(context);
}

static void
bad_tokens(void)
{
	ferry_method m = method("m");
	ferry_event e = event("e");
	uint32_t id = 77;

	T_EQ(ferry_library_close(0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_library_close(FX_FORGED)));
	method_fails(0, &m, FERRY_EINVAL);
	event_fails(0, &e, FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_library_add_method(&id, FX_FORGED, &m)));
	T_ASSERT(fx_no_token(ferry_library_add_event(&id, FX_FORGED, &e)));
	T_EQ(id, 77);
}

static void
bad_options(void)
{
	ferry_library_options o = plain();
	ferry_library library = 77;

	open_fails(NULL, FERRY_EINVAL);
	T_EQ(ferry_library_open(NULL, &o), FERRY_EINVAL);
	o.name = NULL;
	open_fails(&o, FERRY_EINVAL);
	o = plain();
	o.flags = 1;
	open_fails(&o, FERRY_EINVAL);
	o.flags = 1u << 31;
	open_fails(&o, FERRY_EINVAL);
	o = plain();
	o.reserved = 1;
	open_fails(&o, FERRY_EINVAL);
	o = plain();
	o.n_methods = 1; /* and no table */
	open_fails(&o, FERRY_EINVAL);
	o = plain();
	o.n_events = 1;
	open_fails(&o, FERRY_EINVAL);
	/* The control: what is left when nothing is wrong. */
	o = plain();
	T_OK(ferry_library_open(&library, &o));
	T_OK(ferry_library_close(library));
}

static void
bad_methods(void)
{
	ferry_library library = fx_library();
	ferry_library_options o = plain();
	ferry_method m = method(NULL);

	method_fails(library, &m, FERRY_EINVAL);
	m = method("m");
	m.handler = NULL;
	method_fails(library, &m, FERRY_EINVAL);
	m = method("m");
	m.flags = 1u << 7;
	method_fails(library, &m, FERRY_EINVAL);
	m = method("m");
	m.reserved = 9;
	method_fails(library, &m, FERRY_EINVAL);
	m = method("m");
	m.levels.slow_ms = 50;
	m.levels.stalled_ms = 40; /* does not ascend */
	method_fails(library, &m, FERRY_EINVAL);
	method_fails(library, NULL, FERRY_EINVAL);
	/* The same in a table. */
	o.methods = &m;
	o.n_methods = 1;
	open_fails(&o, FERRY_EINVAL);
	m = method("m");
	m.levels.slow_ms = 40;
	m.levels.stalled_ms = FERRY_OFF;
	m.levels.wedged_ms = 50;
	T_OK(ferry_library_add_method(&(uint32_t){0}, library, &m));
	T_OK(ferry_library_close(library));
}

static void
bad_events(void)
{
	ferry_library library = fx_library();
	ferry_event e = event(NULL);

	event_fails(library, &e, FERRY_EINVAL);
	e = event("e");
	e.flags = 2;
	event_fails(library, &e, FERRY_EINVAL);
	e = event("e");
	e.reserved = 1;
	event_fails(library, &e, FERRY_EINVAL);
	event_fails(library, NULL, FERRY_EINVAL);
	T_OK(ferry_library_close(library));
}

/* --- struct_size: smaller, of an older caller; larger, of a newer one ---- */

/* No release had a struct as short as these. */
static void
too_small(void)
{
	ferry_library library = fx_library();
	ferry_library_options o = plain();
	ferry_method m = method("m");
	ferry_event e = event("e");
	static const size_t sizes[] = {0, 1, 4, sizeof(size_t)};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		o.struct_size = sizes[i];
		open_fails(&o, FERRY_EINVAL);
		m.struct_size = sizes[i];
		method_fails(library, &m, FERRY_EINVAL);
		e.struct_size = sizes[i];
		event_fails(library, &e, FERRY_EINVAL);
	}
	/* And these lack what is required. */
	o.struct_size = offsetof(ferry_library_options, name);
	open_fails(&o, FERRY_EINVAL);
	m.struct_size = offsetof(ferry_method, handler);
	method_fails(library, &m, FERRY_EINVAL);
	e.struct_size = offsetof(ferry_event, name);
	event_fails(library, &e, FERRY_EINVAL);
	T_OK(ferry_library_close(library));
}

/* What an older caller does not know has its default; the bytes behind its
 * struct are not looked at (here they are rubbish, and would be refused). */
static void
shorter(void)
{
	ferry_library library = 0;
	ferry_library_options o = plain();
	ferry_method m = method("m");
	uint32_t id = 77;

	memset(&o.n_events, 0xa5, sizeof o - offsetof(ferry_library_options,
	    n_events));
	o.struct_size = offsetof(ferry_library_options, n_events);
	T_OK(ferry_library_open(&library, &o));
	m.levels.slow_ms = 2;
	m.levels.stalled_ms = 1;
	m.struct_size = offsetof(ferry_method, levels);
	T_OK(ferry_library_add_method(&id, library, &m));
	T_EQ(id, 0);
	T_OK(ferry_library_close(library));
}

struct longer_options {
	ferry_library_options o;
	uint64_t tail[2];
};

struct longer_method {
	ferry_method m;
	uint64_t tail[2];
};

struct longer_event {
	ferry_event e;
	uint64_t tail[2];
};

static void
longer(void)
{
	struct longer_options o = {plain(), {0, 0}};
	struct longer_method m = {method("m"), {0, 0}};
	struct longer_event e = {event("e"), {0, 0}};
	ferry_library library = 77;
	uint32_t id = 77;

	o.o.struct_size = sizeof o;
	m.m.struct_size = sizeof m;
	e.e.struct_size = sizeof e;
	o.tail[1] = UINT64_C(1) << 63; /* the very last byte */
	open_fails(&o.o, FERRY_EINVAL);
	o.tail[1] = 0;
	T_OK(ferry_library_open(&library, &o.o));
	m.tail[0] = 1;
	method_fails(library, &m.m, FERRY_EINVAL);
	m.tail[0] = 0;
	T_OK(ferry_library_add_method(&id, library, &m.m));
	T_EQ(id, 0);
	e.tail[0] = 1;
	event_fails(library, &e.e, FERRY_EINVAL);
	e.tail[0] = 0;
	T_OK(ferry_library_add_event(&id, library, &e.e));
	T_EQ(id, 0);
	T_OK(ferry_library_close(library));
}

/* A newer caller's table has larger elements: each tells its own size, and
 * the next one begins behind it. */
static void
table_of_longer(void)
{
	struct longer_method table[3] = {
	    {method("a"), {0, 0}}, {method("b"), {0, 0}},
	    {method("c"), {0, 0}}};
	struct longer_event events[2] = {
	    {event("x"), {0, 0}}, {event("y"), {0, 0}}};
	ferry_library_options o = plain();
	ferry_library library;
	ferry_context context;
	uint32_t id = 77;

	for (int i = 0; i < 3; i++)
		table[i].m.struct_size = sizeof table[i];
	for (int i = 0; i < 2; i++)
		events[i].e.struct_size = sizeof events[i];
	o.methods = &table[0].m;
	o.n_methods = 3;
	o.events = &events[0].e;
	o.n_events = 2;
	T_OK(ferry_library_open(&library, &o));
	context = open_on(library);
	T_OK(ferry_context_method(&id, context, "c"));
	T_EQ(id, 2);
	T_OK(ferry_context_event(&id, context, "y"));
	T_EQ(id, 1);
	fx_close(context);
	T_OK(ferry_library_close(library));

	table[2].tail[1] = 1;
	open_fails(&o, FERRY_EINVAL);
}

/* Neither methods nor init: still something that opens and closes. */
static void
empty_library(void)
{
	ferry_library_options o = plain();
	ferry_library library;
	ferry_context context;
	ferry_request request = 77;

	T_OK(ferry_library_open(&library, &o));
	context = open_on(library);
	T_EQ(ferry_request_submit(&request, context, 0, NULL, 0, NULL),
	    FERRY_ENOMETHOD);
	T_EQ(request, 77);
	fx_close(context);
	T_OK(ferry_library_close(library));
}

/* Many libraries come and go; their tokens never mean each other. */
static void
open_close_many(void)
{
	ferry_library last = 0, library;

	for (int i = 0; i < 2000; i++) {
		library = fx_library();
		T_NE(library, last);
		if (last != 0)
			T_EQ(ferry_library_close(last), FERRY_ESTALE);
		T_OK(ferry_library_close(library));
		last = library;
	}
}

T_MAIN(
	T_RUN(static_table);
	T_RUN(lookups_that_fail);
	T_RUN(added_one_by_one);
	T_RUN(names_outlive_all);
	T_RUN(duplicates);
	T_RUN(frozen);
	T_RUN(closed_description);
	T_RUN(bad_tokens);
	T_RUN(bad_options);
	T_RUN(bad_methods);
	T_RUN(bad_events);
	T_RUN(too_small);
	T_RUN(shorter);
	T_RUN(longer);
	T_RUN(table_of_longer);
	T_RUN(empty_library);
	T_RUN(open_close_many);
)
