/*
 * What strands are made of: used again, measured when they have ended, and
 * given back when nobody uses them.
 */
#include "t.h"

#include "ffi/strand_memory.h"

#define KEPT 256u /* the most that a context keeps when at rest */

static struct strands all;

static void
open_strands(void)
{
	ferry__strand_open(&all, STACK_DEFAULT, 1 << 20, 1 << 20);
}

/* As strand.c does, without a worker. */
static struct strand *
spawn(void)
{
	struct strand *s = ferry__strand_take_memory(&all);

	T_ASSERT(s != NULL);
	s->arena = (struct arena){ .most = all.memory_most };
	s->scopes = NULL;
	all.n++;
	count_single_add(&all.spawned, 1);
	return s;
}

static void
touch(struct strand *s, size_t n)
{
	memset((char *)s->coro.stack - n, 1, n);
}

static void
end(struct strand *s)
{
	all.n--;
	count_single_add(&all.ended[STRAND_COMPLETED], 1);
	ferry__strand_give_memory(&all, s);
}

/* How often it may be asked before it is true; negative: for ever. */
static int calm = -1;

static bool
stirs(void *arg)
{
	T_ASSERT(arg == &calm);
	return calm >= 0 && calm-- == 0;
}

static bool
rest(void)
{
	return ferry__strand_rest(&all, stirs, &calm);
}

static uint64_t
touched(void)
{
	return atom64_load_relaxed(&all.touched.n);
}

static unsigned
n_spare(void)
{
	unsigned n = 0;

	for (struct strand *s = all.spare; s != NULL; s = s->newer)
		n++;
	return n;
}

/* Resident bytes of the stacks that rest. */
static size_t
resident(void)
{
	size_t sum = 0;

	for (struct stack *s = all.stacks.top; s != NULL; s = s->below)
		sum += ferry__stack_touched(&all.stacks, s);
	return sum;
}

/* -------------------------------------------------------------------- */

static void
what_ended_last_is_used_first(void)
{
	struct strand *a, *b;
	struct stack *of_a, *of_b;

	open_strands();
	a = spawn();
	b = spawn();
	of_a = a->coro.stack;
	of_b = b->coro.stack;
	T_ASSERT(a != b && of_a != of_b);
	end(a);
	end(b);
	T_ASSERT(spawn() == b && b->coro.stack == of_b);
	T_ASSERT(spawn() == a && a->coro.stack == of_a);
	end(a);
	end(b);
	ferry__strand_close(&all);
}

static void
an_arena_ends_with_its_strand(void)
{
	struct strand *s;
	void *p;

	open_strands();
	s = spawn();
	T_OK(ferry__arena_alloc(&p, &s->arena, 100000));
	memset(p, 1, 100000);
	end(s);
	T_ASSERT(s->arena.chunks == NULL);
	ferry__strand_close(&all);
}

/* How deep it was is known at the next rest, however long it has lived and
 * whatever the rests before it saw. */
static void
the_depth_is_of_those_that_ended(void)
{
	struct strand *s;

	open_strands();
	s = spawn();
	rest(); /* it sleeps */
	touch(s, 40000);
	rest();
	T_EQ(touched(), 0); /* nobody has looked at its stack */
	end(s);
	rest();
	T_GE(touched(), 40000);
	T_LE(touched(), 40000 + 2 * ferry__os_page_size());
	ferry__strand_close(&all);
}

/* Also of those whose stacks are no longer kept. */
static void
the_depth_of_many(void)
{
	static struct strand *s[KEPT + 10];

	open_strands();
	for (unsigned i = 0; i < COUNT_OF(s); i++)
		s[i] = spawn();
	/* The last to end, hence one that is not kept for long. */
	touch(s[COUNT_OF(s) - 1], 50000);
	for (unsigned i = 0; i < COUNT_OF(s); i++)
		end(s[i]);
	ferry__stack_pool_watch(&all.stacks);
	while (ferry__strand_trim(&all))
		;
	rest();
	T_GE(touched(), 50000);
	ferry__strand_close(&all);
}

/* In one rest, however many have ended since the one before. */
static void
the_first_of_many_counts(void)
{
	static struct strand *s[1000];

	open_strands();
	for (unsigned i = 0; i < COUNT_OF(s); i++)
		s[i] = spawn();
	touch(s[0], 50000);
	for (unsigned i = 0; i < COUNT_OF(s); i++)
		end(s[i]);
	rest();
	T_GE(touched(), 50000);
	ferry__strand_close(&all);
}

/* What a rest has not come to, because there was something to do, those that
 * follow do; also if strands begin and end in between. */
static void
a_rest_goes_on_where_one_was_left(void)
{
	static struct strand *s[300];

	open_strands();
	for (unsigned i = 0; i < COUNT_OF(s); i++)
		s[i] = spawn();
	touch(s[0], 50000);
	touch(s[COUNT_OF(s) - 1], 30000);
	for (unsigned i = 0; i < COUNT_OF(s); i++)
		end(s[i]);
	calm = 0;
	rest();
	T_GE(touched(), 30000);
	T_LT(touched(), 50000); /* the control: it was left */
	for (int i = 0; i < 20; i++) {
		end(spawn());
		calm = 0;
		rest();
	}
	calm = -1;
	rest();
	T_GE(touched(), 50000);
	ferry__strand_close(&all);
}

/* A burst's memory: all pages but one each, when they have not been used from
 * one rest to the next; and what is over the bound, when it has not been used
 * for longer. */
static void
a_burst_is_given_back(void)
{
	enum { N = 1000 };
	static struct strand *s[N];
	size_t page = ferry__os_page_size();
	/* One that never ends makes no difference. */
	struct strand *eternal;

	open_strands();
	eternal = spawn();
	for (int i = 0; i < N; i++) {
		s[i] = spawn();
		touch(s[i], 30000);
	}
	rest();
	for (int i = 0; i < N; i++)
		end(s[i]);
	T_EQ(all.stacks.kept, N);
	T_EQ(n_spare(), N);
	T_GE(resident(), N * 30000);
	T_ASSERT(rest());
	T_ASSERT(rest());
	T_LE(resident(), N * page);
	ferry__stack_pool_watch(&all.stacks);
	while (ferry__strand_trim(&all))
		;
	T_EQ(all.stacks.kept, KEPT);
	T_EQ(n_spare(), KEPT);
	T_ASSERT(!rest());
	end(eternal);
	ferry__strand_close(&all);
}

/* The control of that: what is in use from rest to rest stays warm. */
static void
what_is_used_stays(void)
{
	struct strand *s;
	size_t before;

	open_strands();
	for (int i = 0; i < 10; i++) {
		s = spawn();
		touch(s, 30000);
		end(s);
		before = resident();
		T_GE(before, 30000);
		rest();
		T_EQ(resident(), before);
	}
	ferry__strand_close(&all);
}

static void
a_close_gives_everything_back(void)
{
	struct strand *s[20];

	for (int round = 0; round < 3; round++) {
		open_strands();
		for (unsigned i = 0; i < COUNT_OF(s); i++)
			s[i] = spawn();
		for (unsigned i = 0; i < COUNT_OF(s); i++)
			end(s[i]);
		ferry__strand_close(&all);
		T_ASSERT(all.spare == NULL && all.stacks.top == NULL);
		T_EQ(all.stacks.kept, 0);
		T_EQ(all.stacks.out, 0);
	}
}

T_MAIN(
	T_RUN(what_ended_last_is_used_first);
	T_RUN(an_arena_ends_with_its_strand);
	T_RUN(the_depth_is_of_those_that_ended);
	T_RUN(the_depth_of_many);
	T_RUN(the_first_of_many_counts);
	T_RUN(a_rest_goes_on_where_one_was_left);
	T_RUN(a_burst_is_given_back);
	T_RUN(what_is_used_stays);
	T_RUN(a_close_gives_everything_back);
)
