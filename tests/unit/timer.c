/*
 * Timers: the order in which they are taken, against a table that is searched
 * from end to end; and what many of them cost.
 */
#include "t.h"

#include "ffi/timer.h"

#define MANY 10000u

static void
none(void)
{
	struct timers timers = { .first = NULL };
	struct timer t = { .link = NULL };

	T_ASSERT(!ferry__timer_is_set(&t));
	T_ASSERT(ferry__timer_next_ns(&timers) == OS_NEVER);
	T_ASSERT(ferry__timer_take_due(&timers, OS_NEVER - 1) == NULL);
}

/* Due from its time on, not before; set again when it was taken. */
static void
one(void)
{
	struct timers timers = { .first = NULL };
	struct timer t = { .link = NULL };

	for (uint64_t at = 1000; at < 1003; at++) {
		ferry__timer_set(&timers, &t, at);
		T_ASSERT(ferry__timer_is_set(&t));
		T_EQ(ferry__timer_next_ns(&timers), at);
		T_ASSERT(ferry__timer_take_due(&timers, at - 1) == NULL);
		T_ASSERT(ferry__timer_take_due(&timers, at) == &t);
		T_ASSERT(!ferry__timer_is_set(&t));
		T_ASSERT(ferry__timer_next_ns(&timers) == OS_NEVER);
	}
	ferry__timer_set(&timers, &t, OS_NEVER);
	T_ASSERT(ferry__timer_take_due(&timers, OS_NEVER - 1) == NULL);
	T_ASSERT(ferry__timer_next_ns(&timers) == OS_NEVER);
	ferry__timer_clear(&timers, &t);
	T_ASSERT(!ferry__timer_is_set(&t));
	T_ASSERT(timers.first == NULL);
}

/* Of the same time, also when one in the middle is cleared and set again. */
static void
as_they_were_set(void)
{
	static struct timer all[100];
	struct timers timers = { .first = NULL };

	for (size_t i = 0; i < COUNT_OF(all); i++)
		ferry__timer_set(&timers, &all[i], 5);
	ferry__timer_clear(&timers, &all[0]);
	ferry__timer_clear(&timers, &all[50]);
	ferry__timer_set(&timers, &all[0], 5);
	for (size_t i = 1; i < COUNT_OF(all); i++)
		if (i != 50)
			T_ASSERT(ferry__timer_take_due(&timers, 5) == &all[i]);
	T_ASSERT(ferry__timer_take_due(&timers, 5) == &all[0]);
	T_ASSERT(ferry__timer_take_due(&timers, 5) == NULL);
}

/* --- Against a table ----------------------------------------------------- */

#define TIMERS 300u

static struct {
	struct timer t;
	uint64_t at_ns, order; /* order 0: not set */
} table[TIMERS];

/* The earliest of the table; TIMERS: none is set. */
static size_t
earliest(void)
{
	size_t least = TIMERS;

	for (size_t i = 0; i < TIMERS; i++) {
		if (table[i].order == 0)
			continue;
		if (least == TIMERS || table[i].at_ns < table[least].at_ns ||
		    (table[i].at_ns == table[least].at_ns &&
		        table[i].order < table[least].order))
			least = i;
	}
	return least;
}

static void
take_as_table(struct timers *timers, uint64_t now_ns)
{
	size_t i = earliest();
	struct timer *t;

	T_ASSERT(ferry__timer_next_ns(timers) ==
	    (i < TIMERS ? table[i].at_ns : OS_NEVER));
	t = ferry__timer_take_due(timers, now_ns);
	if (i == TIMERS || table[i].at_ns > now_ns) {
		T_ASSERT(t == NULL);
		return;
	}
	T_ASSERT(t == &table[i].t);
	T_ASSERT(!ferry__timer_is_set(t));
	table[i].order = 0;
}

/* `span`: of the times; few of them, and many are equal. `more`, of 8: how
 * often one is set rather than taken. */
static void
random_walk(struct t_rng *rng, uint64_t span, unsigned more, unsigned steps)
{
	struct timers timers = { .first = NULL };
	uint64_t now = 0, order = 0;

	while (steps-- != 0) {
		size_t i = t_rand_below(rng, TIMERS);

		T_EQ(ferry__timer_is_set(&table[i].t), table[i].order != 0);
		if (t_rand_below(rng, 8) >= more) {
			now += t_rand_below(rng, span / 16 + 2);
			take_as_table(&timers, now);
		} else if (table[i].order != 0) {
			ferry__timer_clear(&timers, &table[i].t);
			table[i].order = 0;
		} else {
			table[i].at_ns = now + t_rand_below(rng, span);
			table[i].order = ++order;
			ferry__timer_set(
			    &timers, &table[i].t, table[i].at_ns);
		}
	}
	while (timers.first != NULL)
		take_as_table(&timers, OS_NEVER - 1);
	T_EQ(earliest(), TIMERS);
}

static void
like_a_sorted_table(void)
{
	struct t_rng rng = { t_seed() };

	for (unsigned more = 4; more <= 7; more++)
		for (uint64_t span = 1; span < 100000; span *= 10)
			random_walk(&rng, span, more, 20000);
}

/* --- Many ---------------------------------------------------------------- */

static struct timer many[MANY * 10];

static uint64_t
thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Sets n, takes all; each then comes once more, later, as a sleeper's does.
 * Returns the nanoseconds of one. */
static uint64_t
rounds(size_t n, uint64_t (*at)(struct t_rng *, uint64_t i))
{
	struct timers timers = { .first = NULL };
	struct t_rng rng = { t_seed() };
	uint64_t begin = thread_ns(), last = 0;
	struct timer *t;

	for (size_t i = 0; i < n; i++)
		ferry__timer_set(&timers, &many[i], at(&rng, i));
	for (size_t i = 0; i < n; i++) {
		t = ferry__timer_take_due(&timers, OS_NEVER - 1);
		T_GE(t->at_ns, last);
		last = t->at_ns;
		ferry__timer_set(&timers, t, last + at(&rng, i));
	}
	while (ferry__timer_take_due(&timers, OS_NEVER - 1) != NULL)
		;
	return (thread_ns() - begin) / (2 * n);
}

static uint64_t
rising(struct t_rng *rng, uint64_t i)
{
	(void)rng;
	return i;
}

static uint64_t
falling(struct t_rng *rng, uint64_t i)
{
	(void)rng;
	return COUNT_OF(many) - i;
}

static uint64_t
mixed(struct t_rng *rng, uint64_t i)
{
	(void)i;
	return t_rand_below(rng, 1000000000);
}

/* A list that is kept in order takes 10 µs for one of 10,000, and more for
 * one of 100,000; a heap some tenths of one. */
static void
many_are_cheap(void)
{
	static uint64_t (*const at[])(struct t_rng *, uint64_t) = { rising,
		falling, mixed };

	for (size_t i = 0; i < COUNT_OF(at); i++)
		for (size_t n = MANY; n <= COUNT_OF(many); n *= 10) {
			uint64_t ns = rounds(n, at[i]);

			dprintf(1, "\t%zu: %ju ns each\n", n, (uintmax_t)ns);
			T_LT(ns, 5000 * t_slow());
		}
}

T_MAIN(
	T_RUN(none);
	T_RUN(one);
	T_RUN(as_they_were_set);
	T_RUN(like_a_sorted_table);
	T_RUN(many_are_cheap);
)
