/*
 * The judge of a heartbeat: where an episode begins and ends, what is said of
 * it meanwhile, and what "keep waiting" makes of it.
 */
#include "dog.h"

/* Far away: of a scope that may take long. */
static const struct watchdog_limits patient = {
	.level_ns = { 0, 0, 10000 * MS, 0, 0 },
	.notify_level = STALLED,
};

/* From the first look to the one that announces it; it has lasted 1 s. */
#define BEGUN(pieces) \
	{ .in = pieces }, \
	{ .in = pieces, .times = 9, .age = 900, .level = SLOW, \
	    .prepares = true }, \
	{ .in = pieces, .age = 1000, .level = STALLED, .says = BEGAN, \
	    .prepares = true }

/* ---- its end ---- */

/* Asleep, it has nothing in hand. It lasted into this interval. */
static void
idle_ends_at_once(void)
{
	RUN(BEGUN("a"),
	    { .in = ".", .passed = 50, .says = ENDED, .peak = STALLED,
	        .lasted = 1050 },
	    { .in = ".", .times = 100 });
}

/* An episode does not get longer by a suspend at its end. */
static void
gap_in_the_last_interval(void)
{
	RUN(BEGUN("a"),
	    { .in = ".", .passed = 3600000, .says = GAP | ENDED,
	        .peak = STALLED, .lasted = 1150 });
}

/* What was never announced does not end. */
static void
unannounced_ends_in_silence(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "b" },
	    { .in = "." });
}

/* Half of the notify level's age must pass without one that is as old. The
 * calm is not counted. */
static void
calm_ends_it(void)
{
	RUN(BEGUN("a"),
	    { .in = "b" },
	    { .in = "c" },
	    { .in = "d", .times = 3, .age = 200 },
	    { .in = "e", .says = ENDED, .peak = STALLED, .lasted = 1100 },
	    { .in = "f", .times = 3, .age = 200 },
	    /* The next one is not the longer for it. */
	    BEGUN("g"),
	    { .in = "g", .times = 3, .age = 1300, .level = STALLED,
	        .prepares = true },
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 1400,
	        .suppressed = 3 },
	    BEGUN("h"),
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 1100 });
	RUN(BEGUN("a"),
	    { .in = "-", .times = 5 },
	    { .in = "-", .says = ENDED, .peak = STALLED, .lasted = 1100 });
}

/* Neither calm nor a stall: then calm counts anew. */
static void
uneasy_does_not_end_it(void)
{
	RUN(BEGUN("a"),
	    { .in = "b", .times = 6, .age = 500, .level = SLOW },
	    { .in = "b", .times = 2, .age = 700, .level = SLOW },
	    { .in = "c", .times = 4, .age = 300, .level = SLOW },
	    { .in = "c", .says = ENDED, .peak = STALLED, .lasted = 1100,
	        .age = 400, .level = SLOW });
}

/* At least two ticks, at most a second. */
static void
how_long_calm_must_be(void)
{
	static const struct watchdog_limits quick = {
		.level_ns = { 0, 300 * MS }, .notify_level = SLOW };

	RUN({ .in = "a", .limits = &quick },
	    { .in = "a", .limits = &quick, .times = 2, .age = 200,
	        .prepares = true },
	    { .in = "a", .limits = &quick, .age = 300, .level = SLOW,
	        .says = BEGAN, .prepares = true },
	    { .in = "-", .times = 2 },
	    { .in = "-", .says = ENDED, .peak = SLOW, .lasted = 400 });
	RUN({ .in = "a", .limits = &patient },
	    { .in = "a", .limits = &patient, .times = 99, .age = 9900,
	        .prepares = true },
	    { .in = "a", .limits = &patient, .age = 10000,
	        .level = STALLED, .says = BEGAN, .prepares = true },
	    { .in = "-", .times = 10 },
	    { .in = "-", .says = ENDED, .peak = STALLED, .lasted = 10100 });
}

/* To the nanosecond: of three, one is not half, and two are. */
static void
half_of_an_odd_age(void)
{
	static const struct watchdog_limits odd = {
		.level_ns = { 0, 3 }, .notify_level = SLOW };

	for (uint64_t age = 1; age <= 2; age++) {
		struct watchdog_sample s = { .word = word(1, BEAT_BUSY),
			.n = 1, .limits = &odd };

		start(s.word);
		for (int i = 0; i < 3; i++) {
			now++;
			step(1, &s);
		}
		T_ASSERT(dog.announced);
		s.word = word(2, BEAT_BUSY);
		s.serial[0]++;
		step(1, &s);
		for (int i = 0; i < 20; i++) {
			now += i < (int)age;
			step(1, &s);
		}
		T_EQ(dog.calm_ns, age % 2);
	}
}

/* Nobody knows about calm who does not look, or looks at what is held. */
static void
calm_is_not_made_of_gaps(void)
{
	RUN(BEGUN("a"),
	    { .in = "b" },
	    { .in = "c", .passed = 3600000, .says = GAP },
	    { .in = "d", .held = true, .times = 100 },
	    { .in = "e" },
	    { .in = "f" },
	    { .in = "g", .times = 2, .age = 100 },
	    { .in = "h", .says = ENDED, .peak = STALLED, .lasted = 1100 });
}

/* ---- one and the same ---- */

/* The next call begins at once, and stalls: told by what was due. */
static void
stalls_that_follow_each_other_are_one(void)
{
	RUN(BEGUN("a"),
	    { .in = "b" },
	    { .in = "b", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "b", .age = 1000, .level = STALLED, .says = GOES_ON,
	        .prepares = true },
	    { .in = "b", .times = 18, .age = 2800, .level = STALLED,
	        .prepares = true },
	    { .in = "b", .age = 2900, .level = STALLED, .says = GOES_ON,
	        .suppressed = 18, .prepares = true },
	    { .in = "b", .times = 20, .age = 4900, .level = STALLED,
	        .prepares = true },
	    { .in = "b", .age = 5000, .level = WEDGED, .says = ROSE,
	        .suppressed = 20, .prepares = true },
	    /* It rose to that already. */
	    { .in = "c" },
	    { .in = "c", .times = 17, .age = 1700, .level = STALLED,
	        .prepares = true },
	    { .in = "c", .age = 1800, .level = STALLED, .says = GOES_ON,
	        .suppressed = 8, .prepares = true },
	    { .in = "c", .times = 32, .age = 5000, .level = WEDGED,
	        .prepares = true },
	    { .in = ".", .says = ENDED, .peak = WEDGED, .lasted = 11300,
	        .suppressed = 32 });
}

/* A stall that is over before it is seen again is a new one. */
static void
flapping_with_sleep_between(void)
{
	RUN(BEGUN("a"),
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 1100 },
	    BEGUN("b"),
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 1100 });
}

/* Every time the age at BEGAN doubles; a rise is told by itself. */
static void
repeats_at_powers_of_two(void)
{
	RUN(BEGUN("a"),
	    { .in = "a", .times = 9, .age = 1900, .level = STALLED,
	        .prepares = true },
	    { .in = "a", .age = 2000, .level = STALLED, .says = GOES_ON,
	        .suppressed = 9, .prepares = true },
	    { .in = "a", .times = 19, .age = 3900, .level = STALLED,
	        .prepares = true },
	    { .in = "a", .age = 4000, .level = STALLED, .says = GOES_ON,
	        .suppressed = 19, .prepares = true },
	    { .in = "a", .times = 9, .age = 4900, .level = STALLED,
	        .prepares = true },
	    { .in = "a", .age = 5000, .level = WEDGED, .says = ROSE,
	        .suppressed = 9, .prepares = true },
	    { .in = "a", .times = 29, .age = 7900, .level = WEDGED,
	        .prepares = true },
	    { .in = "a", .age = 8000, .level = WEDGED, .says = GOES_ON,
	        .suppressed = 29, .prepares = true },
	    { .in = "a", .times = 79, .age = 15900, .level = WEDGED,
	        .prepares = true },
	    { .in = "a", .age = 16000, .level = WEDGED, .says = GOES_ON,
	        .suppressed = 79, .prepares = true },
	    { .in = "a", .times = 20, .age = 18000, .level = WEDGED,
	        .prepares = true },
	    { .in = ".", .says = ENDED, .peak = WEDGED, .lasted = 18100,
	        .suppressed = 20 });
}

/* A rise that comes when a repetition is due is both. */
static void
one_report_at_a_look(void)
{
	static const struct watchdog_limits both = {
		.level_ns = { 0, 200 * MS, 400 * MS, 0, 0 },
		.notify_level = SLOW };

	RUN({ .in = "a", .limits = &both, .prepares = true },
	    { .in = "a", .limits = &both, .age = 100, .prepares = true },
	    { .in = "a", .limits = &both, .age = 200, .level = SLOW,
	        .says = BEGAN, .prepares = true },
	    { .in = "a", .limits = &both, .age = 300, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .limits = &both, .age = 400, .level = STALLED,
	        .says = ROSE, .suppressed = 1, .prepares = true },
	    { .in = "a", .limits = &both, .times = 3, .age = 700,
	        .level = STALLED, .prepares = true },
	    { .in = "a", .limits = &both, .age = 800, .level = STALLED,
	        .says = GOES_ON, .suppressed = 3, .prepares = true });
}

/* ---- evidence ---- */

static void
evidence_from_two_looks_before(void)
{
	RUN({ .in = "a" },
	    { .in = "a", .times = 7, .age = 700, .level = SLOW },
	    { .in = "a", .age = 800, .level = SLOW, .prepares = true },
	    { .in = "a", .age = 900, .level = SLOW, .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true },
	    { .in = "a", .age = 1100, .level = STALLED, .prepares = true },
	    /* Not while it rests. */
	    { .in = "ab", .limits = &patient },
	    { .in = "ab", .limits = &patient, .times = 2, .age = 200 });
}

/* ---- limits that change ---- */

/* Half of it is over: the episode goes on, and is not told anew. */
static void
extended_by_a_little(void)
{
	static const struct watchdog_limits more = {
		.level_ns = { 0, 300 * MS, 1500 * MS, 5500 * MS, 0 },
		.notify_level = STALLED };

	RUN(BEGUN("a"),
	    { .in = "a", .moves = true, .limits = &more, .age = 1000,
	        .level = SLOW },
	    { .in = "a", .limits = &more, .times = 4, .age = 1400,
	        .level = SLOW, .prepares = true },
	    { .in = "a", .limits = &more, .age = 1500, .level = STALLED,
	        .prepares = true },
	    { .in = "a", .limits = &more, .times = 3, .age = 1800,
	        .level = STALLED, .prepares = true },
	    { .in = "a", .limits = &more, .age = 1900, .level = STALLED,
	        .says = GOES_ON, .suppressed = 4, .prepares = true });
}

/* It ends, and its age is what it was: the new limits know of it. */
static void
extended_by_much(void)
{
	RUN(BEGUN("a"),
	    { .in = "a", .moves = true, .limits = &patient, .age = 1000 },
	    { .in = "a", .limits = &patient, .times = 4, .age = 1400 },
	    { .in = "a", .limits = &patient, .says = ENDED,
	        .peak = STALLED, .lasted = 1100, .age = 1500 },
	    { .in = "a", .limits = &patient, .times = 84, .age = 9900,
	        .prepares = true },
	    { .in = "a", .limits = &patient, .age = 10000,
	        .level = STALLED, .says = BEGAN, .prepares = true });
}

/* ---- scopes and exemptions ---- */

/* Popped before the end, what is outside is stalled as it was. */
static void
scope_within_an_episode(void)
{
	RUN(BEGUN("a"),
	    { .in = "ab", .times = 3, .age = 200 },
	    { .in = "a", .age = 1000, .level = STALLED, .prepares = true },
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 1500,
	        .suppressed = 1 });
}

/* Who was blamed for an episode that has ended is not at once blamed again. */
static void
blamed_and_resting_has_its_time_anew(void)
{
	RUN(BEGUN("a"),
	    { .in = "ab", .limits = &patient, .times = 5, .age = 400 },
	    { .in = "ab", .limits = &patient, .says = ENDED,
	        .peak = STALLED, .lasted = 1100, .age = 500 },
	    { .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true });
	/* Who was not keeps its age. */
	RUN({ .in = "a" },
	    { .in = "a", .times = 4, .age = 400, .level = SLOW },
	    BEGUN("ab"),
	    { .in = "-", .times = 5 },
	    { .in = "-", .says = ENDED, .peak = STALLED, .lasted = 1100 },
	    { .in = "a", .age = 400, .level = SLOW });
}

/* As calm as anything, and it does not begin one. */
static void
exempt_in_an_episode(void)
{
	RUN(BEGUN("a"),
	    { .in = "ab!", .times = 3 },
	    { .in = "a", .age = 1000, .level = STALLED, .prepares = true },
	    { .in = "a!", .times = 5, .age = 1000 },
	    { .in = "a!", .says = ENDED, .peak = STALLED, .lasted = 1500,
	        .suppressed = 1 },
	    { .in = "a" },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true });
}

/* ---- "keep waiting" ---- */

static void
keep_waiting(void)
{
	RUN(BEGUN("a"),
	    { .in = "a", .give = true, .times = 7, .age = 700,
	        .level = SLOW },
	    { .in = "a", .times = 2, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = GOES_ON,
	        .prepares = true },
	    { .in = "a", .times = 9, .age = 1900, .level = STALLED,
	        .prepares = true },
	    { .in = "a", .age = 2000, .level = STALLED, .says = GOES_ON,
	        .suppressed = 9, .prepares = true },
	    { .in = "a", .times = 19, .age = 3900, .level = STALLED,
	        .prepares = true },
	    { .in = "a", .age = 4000, .level = STALLED, .says = GOES_ON,
	        .suppressed = 19, .prepares = true },
	    { .in = "a", .give = true, .times = 3, .age = 300,
	        .level = SLOW },
	    /* All of that time it did not respond. */
	    { .in = ".", .says = ENDED, .peak = STALLED, .lasted = 5400 });
}

/* It rests, for as long as it likes, and also where it is not seen well. */
static void
waiting_is_not_calm(void)
{
	static const struct watchdog_limits off = { .notify_level = 1 };

	RUN(BEGUN("a"),
	    { .in = "a", .give = true, .limits = &off, .times = 1000,
	        .age = 100000 },
	    { .in = "a", .blind = true, .times = 1000, .age = 200000 },
	    { .in = "-", .times = 5 },
	    { .in = "-", .says = ENDED, .peak = STALLED,
	        .lasted = 201100 });
}

/* Also through a scope that is short; not through one that is long. */
static void
waiting_with_a_scope(void)
{
	RUN(BEGUN("a"),
	    { .in = "a", .give = true, .times = 2, .age = 200 },
	    { .in = "ab", .times = 2, .age = 100 },
	    { .in = "a", .age = 200 },
	    { .in = "a", .times = 7, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = GOES_ON,
	        .prepares = true },
	    { .in = "a", .give = true, .times = 2, .age = 200 },
	    { .in = "ab", .limits = &patient, .times = 5, .age = 400 },
	    { .in = "ab", .limits = &patient, .says = ENDED,
	        .peak = STALLED, .lasted = 2600, .age = 500 },
	    { .in = "a" });
}

/* Above all that there was before it is told as what it is. */
static void
keep_waiting_and_rise(void)
{
	static const struct watchdog_limits steep = {
		.level_ns = { 0, 0, 0, 300 * MS, 0 },
		.notify_level = STALLED };

	RUN(BEGUN("a"),
	    { .in = "a", .give = true, .limits = &steep, .times = 2,
	        .age = 200, .prepares = true },
	    { .in = "a", .limits = &steep, .age = 300, .level = WEDGED,
	        .says = ROSE, .prepares = true },
	    { .in = "a", .limits = &steep, .times = 2, .age = 500,
	        .level = WEDGED, .prepares = true },
	    { .in = "a", .limits = &steep, .age = 600, .level = WEDGED,
	        .says = GOES_ON, .suppressed = 2, .prepares = true });
}

/* Nothing to wait for, or not yet, or only for a processor. */
static void
keep_waiting_for_nothing(void)
{
	RUN({ .in = ".", .give = true },
	    { .in = "a", .give = true },
	    { .in = "a", .times = 9, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .give = true, .age = 100 },
	    { .in = "a", .times = 8, .age = 900, .level = SLOW,
	        .prepares = true },
	    { .in = "a", .age = 1000, .level = STALLED, .says = BEGAN,
	        .prepares = true },
	    /* In its calm: it is another one that is given time. */
	    { .in = "b", .times = 4, .age = 300, .level = SLOW },
	    { .in = "b", .give = true, .age = 100 },
	    { .in = "b", .says = ENDED, .peak = STALLED, .lasted = 1100,
	        .age = 200 },
	    { .in = "c" },
	    { .in = "c", .delay = 100, .times = 9 },
	    { .in = "c", .delay = 100, .says = OVERLOADED },
	    { .in = "c", .give = true, .delay = 100, .times = 9 },
	    { .in = "c", .delay = 100, .says = OVERLOADED });
}

/* Only who will be told soon has to look closely. */
static void
nears_are_few(void)
{
	struct watchdog_sample s = { .word = word(2, BEAT_BUSY), .n = 1,
		.serial = { 9 }, .limits = &usual };
	uint32_t n = 0, reports = 0;

	start(word(1, BEAT_IDLE));
	for (int i = 0; i < 200; i++) {
		n += dog.announced &&
		    ferry__watchdog_nears(&dog, &usual, TICK);
		reports += (step(TICK, &s).actions & (ROSE | GOES_ON)) != 0;
		now += TICK;
	}
	T_EQ(reports, 5);
	T_EQ(n, 2 * reports);
}

T_MAIN(
	T_RUN(idle_ends_at_once);
	T_RUN(gap_in_the_last_interval);
	T_RUN(unannounced_ends_in_silence);
	T_RUN(calm_ends_it);
	T_RUN(uneasy_does_not_end_it);
	T_RUN(how_long_calm_must_be);
	T_RUN(half_of_an_odd_age);
	T_RUN(calm_is_not_made_of_gaps);
	T_RUN(stalls_that_follow_each_other_are_one);
	T_RUN(flapping_with_sleep_between);
	T_RUN(repeats_at_powers_of_two);
	T_RUN(one_report_at_a_look);
	T_RUN(evidence_from_two_looks_before);
	T_RUN(extended_by_a_little);
	T_RUN(extended_by_much);
	T_RUN(scope_within_an_episode);
	T_RUN(blamed_and_resting_has_its_time_anew);
	T_RUN(exempt_in_an_episode);
	T_RUN(keep_waiting);
	T_RUN(waiting_is_not_calm);
	T_RUN(waiting_with_a_scope);
	T_RUN(keep_waiting_and_rise);
	T_RUN(keep_waiting_for_nothing);
	T_RUN(nears_are_few);
)
