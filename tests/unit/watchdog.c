/*
 * The judge of a heartbeat: levels, and whose age it is that they are
 * judged by. The observer's own troubles are in watchdog_observer.c, episodes
 * in watchdog_episode.c.
 */
#include "dog.h"

/* ---- levels ---- */

/* A false alarm. */
static void
nothing_below_the_first_level(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 2, .age = 200 },
	    { .in = "b" });
}

static void
levels_come_in_order(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 2, .age = 200 },
	    { .in = "a", .age = 300, .level = SLOW },
	    { .in = "a", .times = 6, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true });
}

/* An age that is the level exactly has reached it; one below has not. */
static void
level_is_reached_at_its_age(void)
{
	for (uint64_t off = 0; off < 2; off++) {
		struct watchdog_limits l = { .level_ns = { 0, TICK + off },
			.notify_level = SLOW };
		struct watchdog_sample s = { .word = word(1, BEAT_BUSY),
			.n = 1, .serial = { 1 }, .limits = &l };

		start(s.word);
		step(TICK, &s);
		now += TICK;
		T_EQ(step(TICK, &s).actions & REPORTS, off == 0 ? BEGAN : 0);
		T_EQ(dog.level, off == 0 ? SLOW : 0);
	}
}

/* Which level is announced, by notify_level; 0 and 1 are the first. */
static void
announced_from_notify_level_on(void)
{
	for (uint32_t n = 0; n <= FATAL; n++) {
		struct watchdog_limits l = {
			.level_ns = { 0, TICK, 2 * TICK, 3 * TICK, 4 * TICK },
			.notify_level = n,
		};
		struct watchdog_sample s = { .word = word(1, BEAT_BUSY),
			.n = 1, .serial = { 1 }, .limits = &l };
		uint32_t first = n == 0 ? 1 : n;

		start(s.word);
		step(TICK, &s);
		for (uint32_t i = 1; i <= 4; i++) {
			now += TICK;
			T_EQ(step(TICK, &s).actions & REPORTS,
			    i == first       ? BEGAN
			        : i < first ? 0
			                    : ROSE);
			T_EQ(dog.level, i);
		}
	}
}

/* One that is off is passed over, also the one to notify at. */
static void
levels_switched_off(void)
{
	static const struct watchdog_limits some = {
		.level_ns = { 0, 100 * MS, 0, 600 * MS, 0 },
		.notify_level = STALLED,
	};

	RUN({ .in = "a", .limits = &some },
	    { .in = "a", .limits = &some, .times = 3, .age = 300,
	        .level = SLOW },
	    { .in = "a", .limits = &some, .times = 2, .age = 500,
	        .level = SLOW, .prepares = true },
	    { .in = "a", .limits = &some, .age = 600, .level = WEDGED,
	        .says = BEGAN, .prepares = true });
}

/* Never anything, nor is evidence gathered; and still an age. */
static void
nothing_to_be_notified_of(void)
{
	static const struct watchdog_limits off = { .notify_level = 1 },
		beyond = { .level_ns = { 0, 1, 2, 3, 4 },
			.notify_level = FATAL + 1 },
		above = { .level_ns = { 0, 1, 2, 0, 0 },
			.notify_level = WEDGED };

	RUN({ .in = "a", .limits = &off },
	    { .in = "a", .limits = &off, .times = 1000, .age = 100000 },
	    { .in = "b", .limits = &beyond },
	    { .in = "b", .limits = &beyond, .times = 1000, .age = 100000,
	        .level = FATAL },
	    { .in = "c", .limits = &above },
	    { .in = "c", .limits = &above, .times = 1000, .age = 100000,
	        .level = STALLED });
}

/* Each request by its own method's levels. */
static void
levels_are_the_requests(void)
{
	static const struct watchdog_limits strict = {
		.level_ns = { 0, 300 * MS }, .notify_level = SLOW };

	RUN({ .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "b", .limits = &strict },
	    { .in = "b", .limits = &strict, .times = 2, .age = 200,
	        .prepares = true },
	    { .in = "b", .limits = &strict, .age = 300, .level = SLOW,
	        .says = BEGAN, .prepares = true });
}

/* ---- whose age ---- */

/* A busy worker that beats is not stalled, however long it is busy. */
static void
beats_start_the_age_anew(void)
{
	struct watchdog_sample s = { .n = 1, .limits = &usual };

	start(word(0, BEAT_IDLE));
	for (uint64_t n = 3; n <= 3000; n++) {
		s.word = word(n / 3, BEAT_BUSY);
		s.serial[0] = n / 3;
		now += TICK;
		T_EQ(step(TICK, &s).actions, 0);
		T_EQ(ferry__watchdog_age(&dog), n % 3 * TICK);
	}
}

static void
idle_and_exempt_never_age(void)
{
	RUN({ .in = ".", .times = 1000 },
	    { .in = "a!", .times = 1000 },
	    { .in = "-", .times = 1000 },
	    { .in = "a" },
	    { .in = "a", .age = 100 });
}

/* Exempt for a while: the age from before stays, and grows on after. */
static void
exempt_leaves_the_age(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 7, .age = 700, .level = SLOW },
	    { .in = "a!", .times = 100, .age = 700 },
	    { .in = "a", .age = 700, .level = SLOW },
	    { .in = "a", .times = 2, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true });
}

/* It began and ended between two looks: how long it was nobody knows. */
static void
exempt_between_two_looks(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .moves = true, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true });
}

/* The same of a scope, and of any number of them: it moves, and is not
 * innermost all the time. */
static void
scope_between_two_looks(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 2, .age = 200 },
	    { .in = "a", .moves = true, .age = 200 },
	    { .in = "a", .moves = true, .age = 200 },
	    { .in = "a", .age = 300, .level = SLOW });
}

/* A new call at once after the old one, as deep as that was. */
static void
the_same_depth_is_another_piece(void)
{
	RUN({ .in = "abc" },
	    { .in = "abc", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "abd" },
	    { .in = "abd", .times = 2, .age = 200 },
	    { .in = "ebd" },
	    { .in = "ebd", .age = 100 },
	    /* The old ones' ages are not found by their depth. */
	    { .in = "eb" },
	    { .in = "a" });
}

/* A new scope ages from its push; outside it the age rests. */
static void
the_inner_ages_the_outer_rests(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 5, .age = 500, .level = SLOW },
	    { .in = "ab" },
	    { .in = "ab", .times = 4, .age = 400, .level = SLOW },
	    { .in = "abc" },
	    { .in = "abc", .times = 2, .age = 200 },
	    { .in = "ab", .age = 400, .level = SLOW },
	    { .in = "ab", .age = 500, .level = SLOW },
	    { .in = "a", .age = 500, .level = SLOW },
	    { .in = "a", .times = 4, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true });
}

/* The second hold of a strand is a piece of its own. */
static void
strands_hold_anew(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 7, .age = 700, .level = SLOW },
	    { .in = "b" },
	    { .in = "b", .times = 2, .age = 200 },
	    { .in = "c" },
	    { .in = "c", .times = 7, .age = 700, .level = SLOW });
}

/* The most that there can be. */
static void
as_deep_as_it_goes(void)
{
	RUN({ .in = "abcdefghi" },
	    { .in = "abcdefghi", .times = 2, .age = 200 },
	    { .in = "abcdefgh" },
	    { .in = "abcdefgh", .times = 2, .age = 200 },
	    { .in = "abcdefghj" },
	    { .in = "abcdefgh", .age = 200 });
}

/* Where nobody is to be blamed nobody ages, and who rests goes on if he
 * comes again. A look that fails is such a one. */
static void
nobody_to_be_blamed(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 4, .age = 400, .level = SLOW },
	    { .in = "-", .times = 50 },
	    { .in = "a", .age = 400, .level = SLOW },
	    { .in = "a", .age = 500, .level = SLOW },
	    { .in = "-", .times = 50 },
	    { .in = "b" });
}

/* The word is the same, so it was there already: the look before failed. */
static void
found_at_the_second_look(void)
{
	struct watchdog_sample s = { .word = word(2, BEAT_BUSY) };

	start(word(1, BEAT_IDLE));
	now += TICK;
	step(TICK, &s);
	s.n = 1;
	s.limits = &usual;
	now += TICK;
	step(TICK, &s);
	T_EQ(ferry__watchdog_age(&dog), TICK);
	/* And when it fails again, it is there all the while. */
	s.n = 0;
	s.limits = NULL;
	now += TICK;
	step(TICK, &s);
	T_EQ(ferry__watchdog_age(&dog), 2 * TICK);
}

/* What cannot be, other pieces under the same word, is not guessed about. */
static void
other_pieces_without_a_beat(void)
{
	struct watchdog_sample s = { .word = word(2, BEAT_BUSY), .n = 1,
		.limits = &usual };
	static const struct {
		uint32_t n;
		uint64_t serial, age;
	} found[] = { { 1, 0, 0 }, { 1, 0, 1 }, { 1, 7, 0 }, { 1, 7, 1 },
		{ 2, 7, 0 }, { 2, 7, 1 }, { 1, 7, 1 }, { 1, 7, 2 } };

	start(word(1, BEAT_IDLE));
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		s.n = found[i].n;
		s.serial[0] = found[i].serial;
		now += TICK;
		step(TICK, &s);
		T_EQ(ferry__watchdog_age(&dog), found[i].age * TICK);
	}
}

/* The age is known, the level is not. */
static void
no_limits_age_without_a_level(void)
{
	RUN({ .in = "a", .blind = true },
	    { .in = "a", .blind = true, .times = 20, .age = 2000 },
	    { .in = "a", .age = 2100, .level = STALLED, .says = BEGAN,
	        .prepares = true },
	    /* And an episode that is known is not forgotten. */
	    { .in = "a", .blind = true, .times = 20, .age = 4100,
	        .level = STALLED, .prepares = true },
	    { .in = "a", .age = 4200, .level = STALLED, .says = GOES_ON,
	        .suppressed = 20, .prepares = true },
	    { .in = "b", .blind = true },
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 4300 });
}

T_MAIN(
	T_RUN(nothing_below_the_first_level);
	T_RUN(levels_come_in_order);
	T_RUN(level_is_reached_at_its_age);
	T_RUN(announced_from_notify_level_on);
	T_RUN(levels_switched_off);
	T_RUN(nothing_to_be_notified_of);
	T_RUN(levels_are_the_requests);
	T_RUN(beats_start_the_age_anew);
	T_RUN(idle_and_exempt_never_age);
	T_RUN(exempt_leaves_the_age);
	T_RUN(exempt_between_two_looks);
	T_RUN(scope_between_two_looks);
	T_RUN(the_same_depth_is_another_piece);
	T_RUN(the_inner_ages_the_outer_rests);
	T_RUN(strands_hold_anew);
	T_RUN(as_deep_as_it_goes);
	T_RUN(nobody_to_be_blamed);
	T_RUN(found_at_the_second_look);
	T_RUN(other_pieces_without_a_beat);
	T_RUN(no_limits_age_without_a_level);
)
