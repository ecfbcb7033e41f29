/*
 * The table of hooks that run: who is named, how many there are, and that
 * nobody is ever named with another's words.
 */
#include "t.h"

#include "ffi/hooks.h"

static struct hooks hooks;

static struct hook_seen
look(uint64_t request)
{
	struct hook_seen s;

	memset(&s, 0xa5, sizeof s);
	ferry__hooks_look(&s, &hooks, request);
	return s;
}

static struct hook_slot *
enter(uint64_t request, uint64_t since)
{
	const struct hook_seen what = { .request = request,
		.since_ns = since, .name = "m", .thread = (uint32_t)request };

	return ferry__hooks_enter(&hooks, &what);
}

static void
none(void)
{
	struct hook_seen s = look(0);

	T_EQ(s.n, 0);
	T_EQ(s.request, 0);
	T_ASSERT(s.name == NULL);
	T_EQ(s.since_ns, 0);
	T_EQ(s.thread, 0);
	T_EQ(look(7).request, 0);
}

static void
the_oldest(void)
{
	struct hook_slot *a, *b, *c;
	struct hook_seen s;

	a = enter(1, 300);
	T_EQ(look(0).request, 1);
	b = enter(2, 100);
	c = enter(3, 200);
	s = look(0);
	T_EQ(s.n, 3);
	T_EQ(s.request, 2);
	T_EQ(s.since_ns, 100);
	T_EQ(s.thread, 2);
	T_STR(s.name, "m");
	ferry__hooks_leave(&hooks, b);
	T_EQ(look(0).request, 3);
	/* Whoever takes that place is younger, and named as such. */
	b = enter(4, 400);
	T_EQ(look(0).request, 3);
	T_EQ(look(0).n, 3);
	ferry__hooks_leave(&hooks, c);
	T_EQ(look(0).request, 1);
	ferry__hooks_leave(&hooks, a);
	T_EQ(look(0).request, 4);
	ferry__hooks_leave(&hooks, b);
	none();
}

static void
a_certain_one(void)
{
	struct hook_slot *a = enter(1, 100), *b = enter(2, 200);
	struct hook_seen s = look(2);

	T_EQ(s.request, 2);
	T_EQ(s.since_ns, 200);
	T_EQ(s.n, 2);
	s = look(3);
	T_EQ(s.request, 0);
	T_EQ(s.n, 2);
	ferry__hooks_leave(&hooks, a);
	ferry__hooks_leave(&hooks, b);
}

/* Those without a slot are counted, and the others named all the same. */
static void
more_than_have_room(void)
{
	struct hook_slot *in[HOOKS_MOST + 3];

	for (uint32_t i = 0; i < COUNT_OF(in); i++) {
		in[i] = enter(i + 1, 1000 + i);
		T_EQ(in[i] == NULL, i >= HOOKS_MOST);
	}
	T_EQ(look(0).n, COUNT_OF(in));
	T_EQ(look(0).request, 1);
	T_EQ(look(HOOKS_MOST + 1).request, 0);
	for (uint32_t i = 0; i < COUNT_OF(in); i++)
		ferry__hooks_leave(&hooks, in[i]);
	none();
}

/* ---------------------------------------------------------------- threads */

#define WRITERS 3u
#define FOR_NS  UINT64_C(300000000)

static atom32 enough;

/* All words of an entry follow from its request. */
static struct hook_seen
made_of(uint64_t request)
{
	static const char names[256];

	return (struct hook_seen){ .request = request,
		.since_ns = request * 3 + 1,
		.name = &names[request % sizeof names],
		.thread = (uint32_t)(request ^ 0x5a5a5a5a) };
}

static void *
write_all(void *arg)
{
	uint64_t id = (uint64_t)(uintptr_t)arg;

	for (uint64_t i = 1; atom32_load_relaxed(&enough) == 0; i++) {
		struct hook_seen what = made_of(i * WRITERS + id);
		struct hook_slot *s = ferry__hooks_enter(&hooks, &what);

		T_ASSERT(s != NULL);
		/* Nobody else's. */
		T_EQ(atom64_load_relaxed(&s->request), what.request);
		ferry__hooks_leave(&hooks, s);
	}
	return NULL;
}

static void
never_mixed(void)
{
	pthread_t threads[WRITERS];
	uint64_t end = t_now_ns() + FOR_NS, seen = 0;

	atom32_store_relaxed(&enough, 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		threads[i] = t_thread_start(write_all, (void *)i);
	while (seen == 0 || t_now_ns() < end) {
		struct hook_seen s = look(0), want = made_of(s.request);

		if (s.request == 0)
			continue;
		seen++;
		T_EQ(s.since_ns, want.since_ns);
		T_ASSERT(s.name == want.name);
		T_EQ(s.thread, want.thread);
	}
	atom32_store_relaxed(&enough, 1);
	for (uint32_t i = 0; i < WRITERS; i++)
		t_thread_join(threads[i]);
	none();
}

T_MAIN(
	T_RUN(none);
	T_RUN(the_oldest);
	T_RUN(a_certain_one);
	T_RUN(more_than_have_room);
	T_RUN(never_mixed);
)
