/*
 * The arena of a strand: what it hands out, its bound, and its end.
 */
#include "t.h"

#include <ferry/ferry.h>

#include "ffi/arena.h"

static struct arena
arena_of(uint64_t most)
{
	return (struct arena){ .most = most };
}

static char *
take(struct arena *a, size_t size)
{
	void *p = NULL;

	T_OK(ferry__arena_alloc(&p, a, size));
	T_ASSERT(p != NULL);
	T_EQ((uintptr_t)p % 16, 0);
	return p;
}

/* What a refusal leaves behind: the same. */
static void
refuses(struct arena *a, size_t size, int error)
{
	struct arena before = *a;
	void *p = &before;

	T_EQ(ferry__arena_alloc(&p, a, size), error);
	T_ASSERT(p == &before);
	T_ASSERT(a->chunks == before.chunks);
	T_EQ(a->used, before.used);
}

/* Of all sizes, each with its own bytes, none of which is another's. */
static void
pieces_do_not_overlap(void)
{
	enum { N = 2000 };
	static unsigned char *at[N];
	static size_t size[N];
	struct arena a = arena_of(UINT64_MAX);
	struct t_rng rng = { t_seed() };
	uint64_t sum = 0;

	for (unsigned i = 0; i < N; i++) {
		size[i] = 1 + t_rand_below(&rng, i % 50 == 0 ? 100000 : 200);
		at[i] = (unsigned char *)take(&a, size[i]);
		memset(at[i], (int)i & 0xff, size[i]);
		sum += (size[i] + 15) / 16 * 16;
		T_EQ(a.used, sum);
	}
	for (unsigned i = 0; i < N; i++)
		for (size_t k = 0; k < size[i]; k++)
			T_EQ(at[i][k], i & 0xff);
	ferry__arena_free(&a);
	T_ASSERT(a.chunks == NULL);
}

/* Small ones come out of one chunk, not of malloc each. */
static void
small_ones_are_together(void)
{
	struct arena a = arena_of(UINT64_MAX);
	char *first = take(&a, 16), *before = first;

	for (int i = 0; i < 50; i++) {
		char *p = take(&a, 10);

		T_EQ(p - before, 16);
		before = p;
	}
	ferry__arena_free(&a);
}

static void
the_bound_is_exact(void)
{
	struct arena a = arena_of(1000);

	take(&a, 990);
	/* 992 by now. */
	refuses(&a, 9, FERRY_E2BIG);
	take(&a, 8);
	T_EQ(a.used, 1000);
	refuses(&a, 1, FERRY_E2BIG);
	refuses(&a, SIZE_MAX, FERRY_E2BIG);
	ferry__arena_free(&a);
	a = arena_of(1000);
	refuses(&a, 1001, FERRY_E2BIG);
	T_ASSERT(a.chunks == NULL);
	take(&a, 1000);
	ferry__arena_free(&a);
	a = arena_of(1);
	memset(take(&a, 1), 1, 1);
	refuses(&a, 1, FERRY_E2BIG);
	ferry__arena_free(&a);
}

/* Sizes whose rounding, or whose head, would go round the corner. */
static void
impossible_sizes(void)
{
	struct arena a = arena_of(UINT64_MAX);

	for (size_t below = 0; below < 100; below++) {
		refuses(&a, SIZE_MAX - below, FERRY_E2BIG);
		refuses(&a, PTRDIFF_MAX - below, FERRY_E2BIG);
	}
	take(&a, 1);
	refuses(&a, SIZE_MAX, FERRY_E2BIG);
	T_ASSERT(a.chunks != NULL);
	ferry__arena_free(&a);
}

/* Used again after its end, as a strand's is. */
static void
an_end_is_a_beginning(void)
{
	struct arena a = arena_of(4096);

	for (int i = 0; i < 100; i++) {
		memset(take(&a, 4000), i, 4000);
		ferry__arena_free(&a);
		a = arena_of(4096);
	}
	ferry__arena_free(&a);
}

T_MAIN(
	T_RUN(pieces_do_not_overlap);
	T_RUN(small_ones_are_together);
	T_RUN(the_bound_is_exact);
	T_RUN(impossible_sizes);
	T_RUN(an_end_is_a_beginning);
)
