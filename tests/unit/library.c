/*
 * Library descriptions: names and ids, growth, freezing, levels.
 */
#include "t.h"

#include "ffi/library.h"

#define MANY 3000

static int
nop(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call, (void)data, (void)size, (void)state;
	return FERRY_OK;
}

static ferry_method
method(const char *name)
{
	return (ferry_method){ .struct_size = sizeof(ferry_method),
		.name = name, .handler = nop };
}

static ferry_library
open_empty(void)
{
	ferry_library_options o = { .struct_size = sizeof o, .name = "l" };
	ferry_library l = 0;

	T_OK(ferry_library_open(&l, &o));
	return l;
}

/* ---- levels ---- */

static void
levels_that_are_on_ascend(void)
{
	static const struct {
		ferry_levels levels;
		bool good;
	} table[] = {
		{ { 0, 0, 0, 0 }, true },
		{ { 1, 2, 3, 4 }, true },
		{ { FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF }, true },
		{ { 100, 1000, 5000, FERRY_OFF }, true },
		{ { 5, FERRY_OFF, 6, 0 }, true },
		{ { 5, 0, 0, 6 }, true },
		{ { FERRY_OFF, 1, FERRY_OFF, 2 }, true },
		{ { FERRY_OFF - 1, FERRY_OFF, 0, 0 }, true },
		{ { 2, 1, 0, 0 }, false },
		{ { 1, 1, 0, 0 }, false },
		{ { 1, 2, 2, 0 }, false },
		{ { 5, FERRY_OFF, FERRY_OFF, 5 }, false },
		{ { 5, 0, 0, 4 }, false },
		{ { 1, 2, 3, 3 }, false },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		ferry_method m = method("m");
		ferry_library l = open_empty();
		uint32_t id = 77;

		T_EQ(ferry__library_levels_ascend(&table[i].levels),
		    table[i].good);
		m.levels = table[i].levels;
		T_EQ(ferry_library_add_method(&id, l, &m),
		    table[i].good ? FERRY_OK : FERRY_EINVAL);
		T_EQ(id, table[i].good ? 0 : 77);
		T_OK(ferry_library_close(l));
	}
}

/* ---- growing ---- */

/* A table that loses entries when it grows, or an id that shifts. */
static void
ids_hold_while_it_grows(void)
{
	ferry_library token = open_empty();
	ferry_event e = { .struct_size = sizeof e };
	ferry_method m = method(NULL);
	struct library *l;
	char name[32];
	uint32_t id;

	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "name %u", (unsigned)i);
		m.name = e.name = name;
		m.levels.slow_ms = i + 1;
		T_OK(ferry_library_add_method(&id, token, &m));
		T_EQ(id, i);
		T_OK(ferry_library_add_event(&id, token, &e));
		T_EQ(id, i);
		T_EQ(ferry_library_add_method(&id, token, &m), FERRY_EEXIST);
		T_EQ(ferry_library_add_event(&id, token, &e), FERRY_EEXIST);
	}
	T_OK(ferry__library_freeze(&l, token));
	T_EQ(l->n_methods, MANY);
	T_EQ(l->n_events, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "name %u", (unsigned)i);
		T_OK(ferry__library_method(&id, l, name));
		T_EQ(id, i);
		T_OK(ferry__library_event(&id, l, name));
		T_EQ(id, i);
		T_STR(l->methods[i].name, name);
		T_STR(l->events[i], name);
		T_EQ(l->methods[i].levels.slow_ms, i + 1);
	}
	T_OK(ferry_library_close(token));
	ferry__library_unref(l);
}

static void
unknown_names(void)
{
	ferry_library token = open_empty();
	ferry_method m = method("known");
	struct library *l;
	char longest[300];
	uint32_t id = 5;

	T_OK(ferry_library_add_method(&id, token, &m));
	id = 5;
	T_OK(ferry__library_freeze(&l, token));
	memset(longest, 'x', sizeof longest);
	longest[299] = 0;
	T_EQ(ferry__library_method(&id, l, "unknown"), FERRY_ENOMETHOD);
	T_EQ(ferry__library_method(&id, l, "know"), FERRY_ENOMETHOD);
	T_EQ(ferry__library_method(&id, l, "knownx"), FERRY_ENOMETHOD);
	T_EQ(ferry__library_method(&id, l, ""), FERRY_ENOMETHOD);
	T_EQ(ferry__library_method(&id, l, longest), FERRY_ENOMETHOD);
	/* A method is no event. */
	T_EQ(ferry__library_event(&id, l, "known"), FERRY_ENOEVENT);
	T_EQ(id, 5);
	T_OK(ferry_library_close(token));
	ferry__library_unref(l);
}

static void
names_have_bounds(void)
{
	ferry_library l = open_empty();
	ferry_library_options o = { .struct_size = sizeof o };
	ferry_library none = 9;
	ferry_method m;
	char name[257];
	uint32_t id = 5;

	memset(name, 'n', sizeof name);
	name[256] = 0;
	m = method(name);
	T_EQ(ferry_library_add_method(&id, l, &m), FERRY_EINVAL);
	o.name = name;
	T_EQ(ferry_library_open(&none, &o), FERRY_EINVAL);
	name[255] = 0;
	T_OK(ferry_library_add_method(&id, l, &m));
	m.name = "";
	T_EQ(ferry_library_add_method(&id, l, &m), FERRY_EINVAL);
	m.name = NULL;
	T_EQ(ferry_library_add_method(&id, l, &m), FERRY_EINVAL);
	T_EQ(id, 0);
	o.name = "";
	T_EQ(ferry_library_open(&none, &o), FERRY_EINVAL);
	o.name = NULL;
	T_EQ(ferry_library_open(&none, &o), FERRY_EINVAL);
	T_EQ(none, 9);
	T_OK(ferry_library_close(l));
}

/* The name may be the caller's stack. */
static void
names_are_copied(void)
{
	ferry_library token = open_empty();
	char name[] = "volatile";
	ferry_method m = method(name);
	struct library *l;
	uint32_t id;

	T_OK(ferry_library_add_method(&id, token, &m));
	memset(name, 'x', sizeof name - 1);
	T_OK(ferry__library_freeze(&l, token));
	T_OK(ferry__library_method(&id, l, "volatile"));
	T_EQ(ferry__library_method(&id, l, name), FERRY_ENOMETHOD);
	T_OK(ferry_library_close(token));
	ferry__library_unref(l);
}

/* A refusal leaves no half of an entry: the next one gets the next id. */
static void
refused_methods_leave_nothing(void)
{
	ferry_library l = open_empty();
	ferry_method good = method("good"), bad;
	uint32_t id = 5;

	bad = good, bad.handler = NULL;
	T_EQ(ferry_library_add_method(&id, l, &bad), FERRY_EINVAL);
	bad = good, bad.flags = 2;
	T_EQ(ferry_library_add_method(&id, l, &bad), FERRY_EINVAL);
	bad = good, bad.reserved = 1;
	T_EQ(ferry_library_add_method(&id, l, &bad), FERRY_EINVAL);
	bad = good, bad.struct_size = 1;
	T_EQ(ferry_library_add_method(&id, l, &bad), FERRY_EINVAL);
	T_EQ(ferry_library_add_method(&id, l, NULL), FERRY_EINVAL);
	T_EQ(ferry_library_add_method(NULL, l, &good), FERRY_EINVAL);
	T_EQ(id, 5);
	T_OK(ferry_library_add_method(&id, l, &good));
	T_EQ(id, 0);
	T_OK(ferry_library_close(l));
}

/* ---- tables of other releases ---- */

struct longer_method {
	ferry_method m;
	uint64_t newer[3];
};

/* The stride is the caller's, not ours. */
static void
tables_of_a_newer_caller(void)
{
	struct longer_method t[3] = { 0 };
	ferry_library_options o = { .struct_size = sizeof o, .name = "l",
		.methods = &t[0].m, .n_methods = 3 };
	static const char *names[] = { "a", "b", "c" };
	ferry_library token = 0;
	struct library *l;
	uint32_t id;

	for (int i = 0; i < 3; i++) {
		t[i].m = method(names[i]);
		t[i].m.struct_size = sizeof t[i];
	}
	T_OK(ferry_library_open(&token, &o));
	T_OK(ferry__library_freeze(&l, token));
	for (uint32_t i = 0; i < 3; i++) {
		T_OK(ferry__library_method(&id, l, names[i]));
		T_EQ(id, i);
	}
	T_OK(ferry_library_close(token));
	ferry__library_unref(l);
	/* And what we do not know of it must be zero, in each. */
	t[2].newer[2] = 1;
	T_EQ(ferry_library_open(&token, &o), FERRY_EINVAL);
	t[2].newer[2] = 0;
	t[1].m.name = "a";
	T_EQ(ferry_library_open(&token, &o), FERRY_EEXIST);
}

static void
tables_that_are_not_there(void)
{
	ferry_library_options o = { .struct_size = sizeof o, .name = "l",
		.n_methods = 1 };
	ferry_library l = 9;

	T_EQ(ferry_library_open(&l, &o), FERRY_EINVAL);
	o.n_methods = 0;
	o.n_events = 1;
	T_EQ(ferry_library_open(&l, &o), FERRY_EINVAL);
	T_EQ(ferry_library_open(&l, NULL), FERRY_EINVAL);
	o.n_events = 0;
	T_EQ(ferry_library_open(NULL, &o), FERRY_EINVAL);
	T_EQ(l, 9);
}

/* ---- its life ---- */

/* The description of an open context must not change, nor go. */
static void
frozen_and_kept(void)
{
	ferry_library token = open_empty();
	ferry_method m = method("m");
	ferry_event e = { .struct_size = sizeof e, .name = "e" };
	struct library *a, *b;
	uint32_t id = 5;

	T_OK(ferry__library_freeze(&a, token));
	T_OK(ferry__library_freeze(&b, token));
	T_ASSERT(a == b);
	T_EQ(ferry_library_add_method(&id, token, &m), FERRY_EFROZEN);
	T_EQ(ferry_library_add_event(&id, token, &e), FERRY_EFROZEN);
	T_EQ(id, 5);
	T_OK(ferry_library_close(token));
	T_EQ(ferry_library_close(token), FERRY_ESTALE);
	T_EQ(ferry__library_freeze(&b, token), FERRY_ESTALE);
	T_EQ(ferry_library_add_method(&id, token, &m), FERRY_ESTALE);
	ferry__library_unref(a);
	T_STR(a->name, "l"); /* the second reference still holds it */
	ferry__library_unref(a);
}

T_MAIN(
	T_RUN(levels_that_are_on_ascend);
	T_RUN(ids_hold_while_it_grows);
	T_RUN(unknown_names);
	T_RUN(names_have_bounds);
	T_RUN(names_are_copied);
	T_RUN(refused_methods_leave_nothing);
	T_RUN(tables_of_a_newer_caller);
	T_RUN(tables_that_are_not_there);
	T_RUN(frozen_and_kept);
)
