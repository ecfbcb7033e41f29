/*
 * Stacks: their size, what lies below them, what is kept, what is given back,
 * and how much was touched.
 */
#include "coro_world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SIZE ((size_t)64 << 10)

/* Takes the highest `n` bytes into use. */
static void
touch(struct stack *stack, size_t n)
{
	T_LE(n, ferry__stack_usable(stack));
	memset((char *)stack - n, 1, n);
}

static size_t
whole_pages(size_t n)
{
	size_t page = ferry__os_page_size();

	return (n + page - 1) / page * page;
}

static void
sizes(void)
{
	static const size_t asked[] = { 0, 1, STACK_MIN - 1, STACK_MIN,
		STACK_MIN + 1, 65535, 65536, 65537, (size_t)8 << 20,
		STACK_MAX };

	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		size_t at_least = asked[i] == 0 ? STACK_DEFAULT : asked[i];
		struct stack_pool p;
		struct stack *s;

		if (at_least < STACK_MIN)
			at_least = STACK_MIN;
		ferry__stack_pool_open(&p, asked[i], 0);
		s = ferry__stack_take(&p);
		T_ASSERT(s != NULL);
		T_GE(ferry__stack_usable(s), at_least);
		T_LT(ferry__stack_usable(s), at_least + 8192 + 4096);
		T_EQ((uintptr_t)s % 16, 0);
		s->low[0] = 1;
		((char *)s)[-1] = 1;
		ferry__stack_give(&p, s);
		ferry__stack_pool_close(&p);
	}
	/* Larger than the largest is the largest, not an overflow. */
	{
		struct stack_pool p;

		ferry__stack_pool_open(&p, SIZE_MAX, 0);
		T_GE(p.size, STACK_MAX);
		T_LT(p.size, 2 * STACK_MAX);
	}
}

/* --- The guard ----------------------------------------------------------- */

/* Whether a write there kills by SIGSEGV, in a child of its own. */
static int
is_fatal(void (*fn)(void *), void *arg)
{
	int status;
	pid_t child = fork();

	T_NE(child, -1);
	if (child == 0) {
		struct rlimit no_core = { 0, 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGSEGV, SIG_DFL);
		fn(arg);
		_exit(0);
	}
	T_EQ(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		return 0;
	T_EQ(WTERMSIG(status), SIGSEGV);
	return 1;
}

static void
write_at(void *p)
{
	*(volatile char *)p = 1;
}

static void
every_page_of_the_guard_faults(void)
{
	struct stack *s;

	world_open();
	s = ferry__stack_take(&pool);
	T_ASSERT(s != NULL);
	T_ASSERT(!is_fatal(write_at, s->low));
	for (size_t d = 1; d <= STACK_GUARD; d += ferry__os_page_size())
		T_ASSERT(is_fatal(write_at, s->low - d));
	T_ASSERT(is_fatal(write_at, s->low - STACK_GUARD));
	ferry__stack_give(&pool, s);
	world_close();
}

static __attribute__((noinline)) unsigned
for_ever(unsigned n)
{
	volatile char frame[512];

	frame[0] = (char)n;
	return n == UINT32_MAX ? 0 : for_ever(n + 1) + (unsigned)frame[0];
}

/* A frame of all but the guard's size, of which the far end is touched. */
static __attribute__((noinline)) void
leap(size_t n)
{
	volatile char *p = __builtin_alloca(n);

	p[0] = 1;
}

static void
runs_for_ever(struct coro *co, void *arg)
{
	(void)co;
	*(unsigned *)arg = for_ever(0);
}

static void
leaps(struct coro *co, void *arg)
{
	(void)arg;
	leap((size_t)((char *)HERE() - co->stack->low) + STACK_GUARD / 2);
}

static void
resume(void *arg)
{
	ferry__coro_resume(arg);
}

static void
overflow_is_a_segv(void)
{
	struct one one;
	unsigned n;

	world_open();
	begin(&one, runs_for_ever, &n);
	T_ASSERT(is_fatal(resume, &one.co));
	ferry__coro_drop(&one.co);
	finish(&one);
	begin(&one, leaps, NULL);
	T_ASSERT(is_fatal(resume, &one.co));
	ferry__coro_drop(&one.co);
	finish(&one);
	world_close();
}

/* --- The pool ------------------------------------------------------------ */

static int
is_mapped(const void *p)
{
	unsigned char resident;
	size_t page = ferry__os_page_size();

	return mincore((void *)((uintptr_t)p / page * page), page,
		   &resident) == 0;
}

static void
last_given_is_first_taken(void)
{
	struct stack *a, *b;

	world_open();
	a = ferry__stack_take(&pool);
	b = ferry__stack_take(&pool);
	T_ASSERT(a != NULL && b != NULL && a != b);
	ferry__stack_give(&pool, a);
	ferry__stack_give(&pool, b);
	T_EQ(pool.kept, 2);
	T_ASSERT(ferry__stack_take(&pool) == b);
	T_ASSERT(ferry__stack_take(&pool) == a);
	T_EQ(pool.made, 2);
	ferry__stack_give(&pool, a);
	ferry__stack_give(&pool, b);
	world_close();
}

static void
excess_is_unmapped(void)
{
	struct stack_pool p;
	struct stack *s[8];
	char *low[8];

	ferry__stack_pool_open(&p, SIZE, 3);
	for (unsigned i = 0; i < 8; i++) {
		s[i] = ferry__stack_take(&p);
		T_ASSERT(s[i] != NULL);
		low[i] = s[i]->low;
	}
	for (unsigned i = 0; i < 8; i++)
		ferry__stack_give(&p, s[i]);
	T_EQ(p.kept, 3);
	for (unsigned i = 0; i < 8; i++)
		T_EQ(is_mapped(low[i]), i < 3);
	/* One that is still out when the pool closes. */
	s[0] = ferry__stack_take(&p);
	low[0] = s[0]->low;
	ferry__stack_pool_close(&p);
	T_ASSERT(is_mapped(low[0]));
	ferry__stack_give(&p, s[0]);
	for (unsigned i = 0; i < 8; i++)
		T_ASSERT(!is_mapped(low[i]));
	T_EQ(p.out, 0);
}

/* Tops differ, so that the same frames are not in the same cache sets. */
static void
tops_have_colours(void)
{
	struct stack *s[16];
	size_t page = ferry__os_page_size();

	world_open();
	for (unsigned i = 0; i < 16; i++) {
		s[i] = ferry__stack_take(&pool);
		T_ASSERT(s[i] != NULL);
		for (unsigned k = 0; k < i; k++)
			T_NE((uintptr_t)s[i] % page, (uintptr_t)s[k] % page);
	}
	for (unsigned i = 0; i < 16; i++)
		ferry__stack_give(&pool, s[i]);
	world_close();
}

/* In a child: no addresses left. */
static void
take_without_memory(void *arg)
{
	struct rlimit none = { 0, 0 };
	struct stack *kept = arg;

	if (setrlimit(RLIMIT_AS, &none) != 0)
		_exit(1);
	if (ferry__stack_take(&pool) != kept)
		_exit(2);
	for (unsigned i = 0; i < 10; i++)
		if (ferry__stack_take(&pool) != NULL)
			_exit(3);
	if (pool.out != 1 || pool.made != 1)
		_exit(4);
	_exit(0);
}

static void
no_memory_is_null(void)
{
	struct stack *s;
	int status;
	pid_t child;

	if (T_ASAN || T_TSAN || RUNNING_ON_VALGRIND)
		T_SKIP_CASE("the checker needs addresses of its own");
	if (t_emulated())
		T_SKIP_CASE("the emulator keeps to no limit of addresses");
	world_open();
	s = ferry__stack_take(&pool);
	T_ASSERT(s != NULL);
	ferry__stack_give(&pool, s);
	child = fork();
	T_NE(child, -1);
	if (child == 0)
		take_without_memory(s);
	T_EQ(waitpid(child, &status, 0), child);
	T_EQ(status, 0);
	world_close();
}

/* Every mapping that the process may have: a stack that fails half-way, again
 * and again, leaves nothing behind. */
static void
take_all_mappings(void)
{
	size_t n = 0, before = address_space();
	struct stack *s, *first = NULL;

	while ((s = ferry__stack_take(&pool)) != NULL) {
		s->below = first;
		first = s;
		n++;
	}
	for (unsigned i = 0; i < 100; i++)
		if (ferry__stack_take(&pool) != NULL)
			_exit(1);
	if (n < 1000 || n != pool.out)
		_exit(2);
	while ((s = first) != NULL) {
		first = s->below;
		ferry__stack_give(&pool, s);
	}
	ferry__stack_pool_close(&pool);
	_exit(address_space() < before + 10 * STACK_GUARD ? 0 : 3);
}

static void
no_mappings_is_null(void)
{
	int status;
	pid_t child;

	if (T_ASAN || T_TSAN || RUNNING_ON_VALGRIND)
		T_SKIP_CASE("the checker needs mappings of its own");
	if (t_emulated())
		T_SKIP_CASE("the emulator's own memory grows with each");
	ferry__stack_pool_open(&pool, STACK_MIN, 64);
	child = fork();
	T_NE(child, -1);
	if (child == 0)
		take_all_mappings();
	T_EQ(waitpid(child, &status, 0), child);
	T_EQ(status, 0);
	ferry__stack_pool_close(&pool);
}

/* --- High water ---------------------------------------------------------- */

static void
touched_is_the_deepest_page(void)
{
	struct stack *s;
	size_t page = ferry__os_page_size(), before;

	world_open();
	s = ferry__stack_take(&pool);
	T_ASSERT(s != NULL);
	before = ferry__stack_touched(&pool, s);
	T_GE(before, page);
	T_LE(before, 2 * page);
	touch(s, 20000);
	T_GE(ferry__stack_touched(&pool, s), 20000);
	T_LE(ferry__stack_touched(&pool, s), whole_pages(20000) + 2 * page);
	/* A page by itself, deeper: what is between does not matter. */
	s->low[page] = 1;
	T_EQ(ferry__stack_touched(&pool, s), pool.size - page);
	T_EQ(ferry__stack_pool_touched(&pool), 0);
	ferry__stack_give(&pool, s);
	T_EQ(ferry__stack_pool_touched(&pool), pool.size - page);
	world_close();
	T_EQ(ferry__stack_pool_touched(&pool), pool.size - page);
}

/* More pages than one look at them sees. */
static void
touched_of_a_large_stack(void)
{
	struct stack_pool p;
	struct stack *s;
	size_t page = ferry__os_page_size();

	ferry__stack_pool_open(&p, (size_t)8 << 20, 0);
	s = ferry__stack_take(&p);
	T_ASSERT(s != NULL);
	for (size_t at = p.size - 2 * page; at > 100 * page; at -= 97 * page) {
		s->low[at] = 1;
		T_EQ(ferry__stack_touched(&p, s), p.size - at);
	}
	s->low[0] = 1;
	T_EQ(ferry__stack_touched(&p, s), p.size);
	ferry__stack_give(&p, s);
	T_EQ(ferry__stack_pool_touched(&p), p.size);
	ferry__stack_pool_close(&p);
}

/* Only what has been idle from one rest to the next is given back. */
static void
rest_gives_back_what_is_not_used(void)
{
	struct stack *s[4];
	size_t page = ferry__os_page_size();

	world_open();
	for (unsigned i = 0; i < 4; i++) {
		s[i] = ferry__stack_take(&pool);
		T_ASSERT(s[i] != NULL);
		touch(s[i], 40000);
	}
	for (unsigned i = 0; i < 4; i++)
		ferry__stack_give(&pool, s[i]);
	ferry__stack_pool_rest(&pool); /* all of them were in use */
	for (unsigned i = 0; i < 4; i++)
		T_GE(ferry__stack_touched(&pool, s[i]), 40000);
	T_ASSERT(ferry__stack_take(&pool) == s[3]);
	T_ASSERT(ferry__stack_take(&pool) == s[2]);
	ferry__stack_give(&pool, s[2]);
	ferry__stack_give(&pool, s[3]);
	ferry__stack_pool_rest(&pool);
	T_LE(ferry__stack_touched(&pool, s[0]), 2 * page);
	T_LE(ferry__stack_touched(&pool, s[1]), 2 * page);
	T_GE(ferry__stack_touched(&pool, s[2]), 40000);
	T_GE(ferry__stack_touched(&pool, s[3]), 40000);
	T_GE(ferry__stack_pool_touched(&pool), 40000);
	ferry__stack_pool_rest(&pool);
	T_LE(ferry__stack_touched(&pool, s[3]), 2 * page);
	/* What is gone has been noted, and the stacks are good. */
	T_GE(ferry__stack_pool_touched(&pool), 40000);
	for (unsigned i = 0; i < 4; i++) {
		s[i] = ferry__stack_take(&pool);
		touch(s[i], ferry__stack_usable(s[i]));
	}
	for (unsigned i = 0; i < 4; i++)
		ferry__stack_give(&pool, s[i]);
	world_close();
}

/* What a burst has left goes, but not what is kept anyhow, nor what has been
 * used while it was watched. */
static void
trim_unmaps_what_is_not_used(void)
{
	enum { N = 60, USED = 30, KEEP = 10 };
	struct stack *s[N];

	world_open();
	for (unsigned i = 0; i < N; i++)
		s[i] = ferry__stack_take(&pool);
	touch(s[0], 40000);
	for (unsigned i = 0; i < N; i++)
		ferry__stack_give(&pool, s[i]);
	ferry__stack_pool_rest(&pool);
	ferry__stack_pool_watch(&pool);
	for (unsigned i = 0; i < USED; i++)
		s[i] = ferry__stack_take(&pool);
	for (unsigned i = 0; i < USED; i++)
		ferry__stack_give(&pool, s[i]);
	ferry__stack_pool_rest(&pool);
	/* And a rest in which none were. */
	ferry__stack_pool_rest(&pool);
	T_ASSERT(ferry__stack_pool_trim(&pool, KEEP));
	T_LT(pool.kept, N);
	while (ferry__stack_pool_trim(&pool, KEEP))
		;
	T_EQ(pool.kept, USED);
	T_ASSERT(!ferry__stack_pool_trim(&pool, KEEP));
	ferry__stack_pool_watch(&pool);
	while (ferry__stack_pool_trim(&pool, KEEP))
		;
	T_EQ(pool.kept, KEEP);
	T_GE(ferry__stack_pool_touched(&pool), 40000);
	for (unsigned i = 0; i < KEEP; i++) {
		s[i] = ferry__stack_take(&pool);
		touch(s[i], ferry__stack_usable(s[i]));
	}
	for (unsigned i = 0; i < KEEP; i++)
		ferry__stack_give(&pool, s[i]);
	world_close();
}

static double third = 1.0 / 3;

static void
formats(struct coro *co, void *arg)
{
	char text[512];

	(void)co;
	snprintf(text, sizeof text, "%d %s %.17g %Lf", 5, "text", third,
	    (long double)third);
	*(int *)arg = raise(SIGUSR1);
}

static void
nothing(int sig)
{
	(void)sig;
}

/* The smallest stack is enough to print all kinds, and for a signal. */
static void
smallest_is_enough_to_print(void)
{
	struct one one;
	int r = 1;

	ferry__stack_pool_open(&pool, STACK_MIN, 1);
	ferry__coro_owner_open(&owner);
	signal(SIGUSR1, nothing);
	begin(&one, formats, &r);
	ferry__coro_resume(&one.co);
	T_EQ(r, 0);
	T_LE(ferry__stack_touched(&pool, one.stack), pool.size);
	finish(&one);
	world_close();
}

T_MAIN(
	T_RUN(sizes);
	T_RUN(every_page_of_the_guard_faults);
	T_RUN(overflow_is_a_segv);
	T_RUN(last_given_is_first_taken);
	T_RUN(excess_is_unmapped);
	T_RUN(tops_have_colours);
	T_RUN(no_memory_is_null);
	T_RUN(no_mappings_is_null);
	T_RUN(touched_is_the_deepest_page);
	T_RUN(touched_of_a_large_stack);
	T_RUN(rest_gives_back_what_is_not_used);
	T_RUN(trim_unmaps_what_is_not_used);
	T_RUN(smallest_is_enough_to_print);
)
