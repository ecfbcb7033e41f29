/*
 * The judge of a heartbeat, where the observer is held up, or what it observes
 * is: suspend, stop, a debugger, clocks, want of a processor; and sleep from
 * which nobody wakes the thread.
 */
#include "dog.h"

/* ---- the observer ---- */

/* Suspend, SIGSTOP, a debugger: the time was nobody's. */
static void
gap_counts_as_one_tick_and_a_half(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .age = 100 },
	    { .in = "a", .passed = 3600000, .says = GAP, .age = 250 },
	    /* A late tick that is no gap is believed; and the hours of one
	     * are not counted by the next look. */
	    { .in = "a", .passed = 150, .age = 400, .level = SLOW },
	    { .in = "a", .passed = 151, .says = GAP, .age = 550,
	        .level = SLOW },
	    { .in = "a", .age = 650, .level = SLOW },
	    /* While nothing is in hand, too. */
	    { .in = ".", .passed = 10000, .says = GAP },
	    { .in = ".", .passed = 10000, .says = GAP });
}

/* Without monotony a subtraction is a hundred years. */
static void
clock_that_stands_or_goes_back(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .at_once = true, .times = 100 },
	    { .in = "a", .age = 100 },
	    { .in = "a", .passed = -50000, .age = 100 },
	    /* And no gap after it, nor hours without an age. */
	    { .in = "a", .age = 200 },
	    { .in = "a", .at_once = true, .times = 100, .age = 200 });
}

/* Held up between its clock and the word, it cannot know when the word came:
 * and sees it again as soon as it is back. */
static void
looks_that_take_long(void)
{
	RUN({ .in = "a", .late = 99 },
	    { .in = "a", .late = 99, .times = 9, .age = 9 },
	    { .in = "a", .late = 1000, .age = 10 },
	    { .in = "a", .passed = 1000, .age = 10 },
	    /* What it takes is no gap; what comes on top of it is. */
	    { .in = "a", .late = 1000, .age = 110 },
	    { .in = "a", .passed = 1150, .age = 260 },
	    { .in = "a", .late = 1000, .age = 360, .level = SLOW },
	    { .in = "a", .passed = 1151, .says = GAP, .age = 510,
	        .level = SLOW });
}

static void
reset_forgets(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true });
	now += 1000 * TICK;
	ferry__watchdog_reset(&dog, now, word(3, BEAT_BUSY));
	T_EQ(ferry__watchdog_age(&dog), 0);
	T_EQ(dog.level, 0);
	for (uint64_t i = 0; i < 3; i++) {
		struct watchdog_sample s = { .word = word(3, BEAT_BUSY),
			.n = 1, .serial = { 3 }, .limits = &usual };

		T_EQ(step(TICK, &s).actions, 0);
		T_EQ(ferry__watchdog_age(&dog), i * TICK);
		now += TICK;
	}
}

/* Ages, and all that is counted, go no further than they can. */
static void
saturation(void)
{
	static const struct watchdog_limits most = {
		.level_ns = { 0, UINT64_MAX - 1 }, .notify_level = SLOW };
	struct watchdog_sample s = { .word = word(1, BEAT_BUSY), .n = 1,
		.limits = &most };
	struct watchdog_result r;
	uint32_t said = 0;

	start(s.word);
	now = 0;
	ferry__watchdog_reset(&dog, 0, s.word);
	for (int i = 0; i < 10; i++) {
		now = i % 2 == 0 ? UINT64_MAX : 0;
		r = step(UINT64_MAX, &s);
		T_EQ(r.actions & said & REPORTS, 0);
		said |= r.actions;
		T_ASSERT(ferry__watchdog_age(&dog) == UINT64_MAX);
	}
	T_EQ(said & REPORTS, BEGAN);
	s = (struct watchdog_sample){ .word = word(2, BEAT_IDLE) };
	now = 0;
	r = step(UINT64_MAX, &s);
	T_EQ(r.actions, ENDED);
	T_ASSERT(r.lasted_ns == UINT64_MAX);
	/* No tick at all is no knowledge. */
	s = (struct watchdog_sample){ .word = word(3, BEAT_BUSY), .n = 1,
		.limits = &most };
	for (int i = 0; i < 10; i++) {
		now += TICK;
		T_EQ(step(0, &s).actions, GAP);
		T_EQ(ferry__watchdog_age(&dog), 0);
	}
}

/* ---- held, or without a processor ---- */

/* Neither what it is found in, nor what it has just come out of: a pause may
 * race with the look, and a resume with the next. */
static void
held_at_either_end(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .held = true, .times = 100, .age = 900,
	        .level = SLOW, .prepares = true },
	    { .in = "a", .age = 900, .level = SLOW, .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true },
	    /* Nor is the episode the longer for it. */
	    { .in = "a", .held = true, .times = 100, .age = 1000,
	        .level = STALLED, .prepares = true },
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 1000,
	        .suppressed = 100 });
}

/* As in a debugger, step by step. */
static void
held_at_every_other_look(void)
{
	struct watchdog_sample s = { .word = word(1, BEAT_BUSY), .n = 1,
		.limits = &usual };

	start(s.word);
	for (int i = 0; i < 1000; i++) {
		s.held = i % 2 != 0;
		now += TICK;
		T_EQ(step(TICK, &s).actions, 0);
	}
	T_EQ(ferry__watchdog_age(&dog), TICK);
}

/* By a debugger, that is; told once, when its time would have been up. */
static void
held_for_long_is_told(void)
{
	struct watchdog_sample s = { .word = word(1, BEAT_BUSY), .n = 1,
		.limits = &usual };
	unsigned told = 0, at = 0;

	start(s.word);
	/* Its first look, and the first that finds it held. */
	for (unsigned i = 0; i < 102; i++) {
		s.held = i >= 1;
		now += TICK;
		if (step(TICK, &s).actions & HELD) {
			at = i;
			told++;
		}
	}
	T_EQ(told, 1);
	/* 1000 ms: one tick of age, nothing of the one in which it came to be
	 * held, and nine held. */
	T_EQ(at, 10);
	T_EQ(ferry__watchdog_held(&dog), 100 * TICK);
	T_EQ(ferry__watchdog_age(&dog), TICK);
	/* Another piece has not been held. */
	s.word = word(2, BEAT_BUSY);
	s.serial[0] = 2;
	now += TICK;
	T_EQ(step(TICK, &s).actions & HELD, 0);
	T_EQ(ferry__watchdog_held(&dog), 0);
}

/* What it waited for a processor is left out of the age. */
static void
starved_in_part(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .delay = 90, .times = 9, .age = 90 },
	    { .in = "a", .delay = 90, .says = OVERLOADED, .age = 100 },
	    { .in = "a", .delay = 90, .times = 20, .age = 300,
	        .level = SLOW });
}

/* Once a piece, and never a stall. */
static void
overload_is_told_once(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .delay = 100, .times = 9 },
	    { .in = "a", .delay = 100, .says = OVERLOADED },
	    { .in = "a", .delay = 100, .times = 1000 },
	    /* And a stall after it is one. */
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true },
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 1100 },
	    { .in = "b" },
	    { .in = "b", .times = 5, .age = 500, .level = SLOW },
	    /* Half of its time is not most of it. */
	    { .in = "b", .delay = 100, .times = 5, .age = 500,
	        .level = SLOW },
	    { .in = "b", .delay = 100, .says = OVERLOADED, .age = 500,
	        .level = SLOW },
	    { .in = "bc" },
	    /* Each for itself; and b has been told. */
	    { .in = "bc", .delay = 100, .times = 9 },
	    { .in = "bc", .delay = 100, .says = OVERLOADED },
	    { .in = "b", .delay = 100, .age = 500, .level = SLOW },
	    { .in = "b", .delay = 100, .age = 500, .level = SLOW });
}

/* More than there was time for: no less than nothing is left. In a gap, too,
 * and it is not owed to the next look. */
static void
starved_for_longer_than_it_was(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 2, .age = 200 },
	    { .in = "a", .delay = 1000000, .age = 200 },
	    { .in = "a", .delay = 99000, .passed = 100000, .says = GAP,
	        .age = 200 },
	    { .in = "a", .age = 300, .level = SLOW });
}

/* While an episode goes on nothing more would begin. */
static void
no_overload_in_an_episode(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true },
	    { .in = "a", .delay = 100, .times = 1000, .age = 1000,
	        .level = STALLED, .prepares = true });
}

/* ---- lost wake-ups ---- */

/* From the second look on that finds both, for as long as the limit: 1 s. */
static void
lost_is_told_once(void)
{
	RUN({ .in = "." },
	    { .in = ".", .stirs = true },
	    { .in = ".", .stirs = true, .times = 9 },
	    { .in = ".", .stirs = true, .says = LOST },
	    { .in = ".", .stirs = true, .times = 1000 },
	    /* They have been taken back, and others come. */
	    { .in = "." },
	    { .in = ".", .stirs = true, .times = 10 },
	    { .in = ".", .stirs = true, .says = LOST },
	    /* It was awake, and sleeps again. */
	    { .in = ".", .stirs = true, .moves = true, .times = 10 },
	    { .in = ".", .stirs = true, .says = LOST });
}

static void
not_lost(void)
{
	/* A request that comes just before a look. */
	RUN({ .in = ".", .times = 1000 },
	    { .in = ".", .stirs = true, .times = 10 },
	    { .in = ".", .times = 1000 },
	    { .in = ".", .stirs = true, .times = 10 },
	    /* Somebody wakes it, and it goes to sleep, again and again. */
	    { .in = ".", .stirs = true, .moves = true, .times = 10 },
	    { .in = ".", .stirs = true, .moves = true, .times = 10 },
	    /* Not asleep. */
	    { .in = "-", .stirs = true, .times = 1000 },
	    { .in = "-!", .stirs = true, .times = 1000 },
	    /* The process was stopped, or the thread was. */
	    { .in = ".", .stirs = true, .times = 9 },
	    { .in = ".", .stirs = true, .held = true, .times = 1000 },
	    { .in = ".", .stirs = true, .moves = true },
	    { .in = ".", .stirs = true, .passed = 3600000, .says = GAP },
	    { .in = ".", .stirs = true, .times = 8 },
	    /* It is awake, and has no processor. */
	    { .in = ".", .stirs = true, .moves = true },
	    { .in = ".", .stirs = true, .delay = 100, .times = 1000 });
}

/* What it used in the time that it is counted for, and no more than that. */
static void
use_is_of_the_same_time(void)
{
	struct watchdog_sample s = { .word = word(2, BEAT_BUSY), .n = 1,
		.serial = { 9 }, .limits = &usual, .cpu_ns = 20 * MS,
		.delay_ns = 70 * MS };

	start(word(1, BEAT_IDLE));
	step(TICK, &s);
	T_EQ(ferry__watchdog_used(&dog), 0);
	for (uint32_t i = 1; i <= 5; i++) {
		now += TICK;
		step(TICK, &s);
		T_EQ(ferry__watchdog_used(&dog), i * 20 * MS);
		T_EQ(ferry__watchdog_starved(&dog), i * 70 * MS);
	}
	s.cpu_ns = 1000 * MS;
	now += TICK;
	step(TICK, &s);
	T_EQ(ferry__watchdog_used(&dog), 130 * MS);
	ferry__watchdog_give(&dog);
	T_EQ(ferry__watchdog_used(&dog), 0);
	s.word = word(3, BEAT_IDLE);
	s.n = 0;
	step(TICK, &s);
	T_EQ(ferry__watchdog_used(&dog), 0);
}

/* A limit of 0 is none. */
static void
lost_is_switched_off(void)
{
	struct watchdog_sample s = { .word = word(1, BEAT_IDLE),
		.stirs = true };

	start(s.word);
	for (int i = 0; i < 1000; i++) {
		now += TICK;
		T_EQ(ferry__watchdog_step(&dog, now, TICK, 0, &s).actions, 0);
	}
}

T_MAIN(
	T_RUN(gap_counts_as_one_tick_and_a_half);
	T_RUN(clock_that_stands_or_goes_back);
	T_RUN(looks_that_take_long);
	T_RUN(reset_forgets);
	T_RUN(saturation);
	T_RUN(held_at_either_end);
	T_RUN(held_at_every_other_look);
	T_RUN(held_for_long_is_told);
	T_RUN(starved_in_part);
	T_RUN(overload_is_told_once);
	T_RUN(starved_for_longer_than_it_was);
	T_RUN(no_overload_in_an_episode);
	T_RUN(use_is_of_the_same_time);
	T_RUN(lost_is_told_once);
	T_RUN(not_lost);
	T_RUN(lost_is_switched_off);
)
