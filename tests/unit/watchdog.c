/*
 * The judge of a heartbeat, with a clock of the test's own.
 *
 * A look is made of the time since the last one and the word; a case is a
 * series of looks. The last case compares random series with a slow reference
 * that remembers every look and judges from the whole of them.
 */
#include "t.h"

#include "event/watchdog.h"

#define MS    UINT64_C(1000000)
#define TICK  (30 * MS)
#define NEVER 0

static struct watchdog dog;
static uint64_t now;

static const struct watchdog_limits usual = {
	.level_ns = { 0, 100 * MS, 1000 * MS, 5000 * MS, NEVER },
	.notify_level = FERRY_LEVEL_STALLED,
};

/* Word of the nth beat, in this state. */
static uint64_t
word(uint64_t sequence, enum beat_state state)
{
	return sequence << 26 | UINT64_C(7) << 2 | state;
}

static void
start(uint64_t w)
{
	now = 1000000 * MS;
	ferry__watchdog_reset(&dog, now, w);
}

static struct watchdog_verdict
look_with(uint64_t passed, uint64_t w, const struct watchdog_limits *l)
{
	now += passed;
	return ferry__watchdog_step(&dog, now, TICK, w, l);
}

static struct watchdog_verdict
look(uint64_t passed, uint64_t w)
{
	return look_with(passed, w, &usual);
}

/* Looks once a tick until the age would pass `until`; no action, that level. */
static void
quiet_until(uint64_t until, uint64_t w, uint32_t level)
{
	while (dog.age_ns + TICK <= until)
		T_EQ(look(TICK, w).actions, 0);
	T_EQ(dog.level, level);
}

/* ---- levels ---- */

/* A false alarm. */
static void
nothing_below_the_first_level(void)
{
	uint64_t w = word(1, BEAT_BUSY);

	start(w);
	quiet_until(100 * MS - 1, w, FERRY_LEVEL_NONE);
	T_ASSERT(!dog.announced);
	T_EQ(look(TICK, word(2, BEAT_BUSY)).actions, 0);
	T_EQ(dog.age_ns, 0);
}

static void
levels_come_in_order(void)
{
	uint64_t w = word(1, BEAT_BUSY);
	struct watchdog_verdict v;

	start(w);
	quiet_until(100 * MS - 1, w, FERRY_LEVEL_NONE);
	T_EQ(look(TICK, w).actions, 0);
	T_EQ(dog.level, FERRY_LEVEL_SLOW);
	quiet_until(1000 * MS - 1, w, FERRY_LEVEL_SLOW);
	v = look(TICK, w);
	T_EQ(v.actions, WATCHDOG_NOT_RESPONDING);
	T_EQ(dog.level, FERRY_LEVEL_STALLED);
	T_GE(dog.age_ns, 1000 * MS);
	/* Once an episode, however high it rises. */
	quiet_until(5000 * MS - 1, w, FERRY_LEVEL_STALLED);
	T_EQ(look(TICK, w).actions, 0);
	T_EQ(dog.level, FERRY_LEVEL_WEDGED);
	quiet_until(100000 * MS, w, FERRY_LEVEL_WEDGED);
}

/* An age that is the level exactly has reached it. */
static void
level_is_reached_at_its_age(void)
{
	struct watchdog_limits l = { .level_ns = { 0, 3 * TICK } };
	uint64_t w = word(1, BEAT_BUSY);

	l.notify_level = FERRY_LEVEL_SLOW;
	start(w);
	T_EQ(look_with(TICK, w, &l).actions, 0);
	T_EQ(look_with(TICK, w, &l).actions, 0);
	T_EQ(look_with(TICK, w, &l).actions, WATCHDOG_NOT_RESPONDING);
	T_EQ(dog.age_ns, 3 * TICK);
}

/* Which level is announced, by notify_level; 0 and 1 are the first. */
static void
announced_from_notify_level_on(void)
{
	for (uint32_t n = FERRY_LEVEL_NONE; n <= FERRY_LEVEL_FATAL; n++) {
		struct watchdog_limits l = {
			.level_ns = { 0, TICK, 2 * TICK, 3 * TICK, 4 * TICK },
			.notify_level = n,
		};
		uint64_t w = word(1, BEAT_BUSY);
		uint32_t first = n == 0 ? 1 : n;

		start(w);
		for (uint32_t i = 1; i <= 5; i++) {
			T_EQ(look_with(TICK, w, &l).actions,
			    i == first ? WATCHDOG_NOT_RESPONDING : 0);
			T_EQ(dog.level, i < 4 ? i : 4);
		}
	}
}

/* A level that is off must be passed over, also the one to notify at. */
static void
levels_switched_off(void)
{
	struct watchdog_limits l = { .level_ns = { 0, TICK, NEVER, 3 * TICK,
		NEVER }, .notify_level = FERRY_LEVEL_STALLED };
	uint64_t w = word(1, BEAT_BUSY);

	start(w);
	T_EQ(look_with(TICK, w, &l).actions, 0);
	T_EQ(look_with(TICK, w, &l).actions, 0);
	T_EQ(dog.level, FERRY_LEVEL_SLOW);
	T_EQ(look_with(TICK, w, &l).actions, WATCHDOG_NOT_RESPONDING);
	T_EQ(dog.level, FERRY_LEVEL_WEDGED);
	/* All off: never anything, and still an age. */
	memset(l.level_ns, 0, sizeof l.level_ns);
	start(w);
	for (int i = 0; i < 1000; i++)
		T_EQ(look_with(TICK, w, &l).actions, 0);
	T_EQ(dog.level, FERRY_LEVEL_NONE);
	T_EQ(dog.age_ns, 1000 * TICK);
}

/* ---- episodes ---- */

static void
episode_ends_with_peak_and_duration(void)
{
	static const enum beat_state ends[] = { BEAT_BUSY, BEAT_IDLE,
		BEAT_EXEMPT };

	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		uint64_t w = word(1, BEAT_BUSY), after = word(2, ends[i]), age;
		struct watchdog_verdict v;
		int told = 0;

		start(w);
		while (dog.age_ns < 6000 * MS)
			told += look(TICK, w).actions ==
			    WATCHDOG_NOT_RESPONDING;
		T_EQ(told, 1);
		age = dog.age_ns;
		v = look(TICK / 2, after);
		T_EQ(v.actions, WATCHDOG_RESPONDING);
		T_EQ(v.peak_level, FERRY_LEVEL_WEDGED);
		/* It lasted into this interval. */
		T_EQ(v.lasted_ns, age + TICK / 2);
		T_EQ(dog.level, FERRY_LEVEL_NONE);
		T_EQ(dog.age_ns, 0);
		T_EQ(look(TICK, after).actions, 0);
	}
}

/* What was never announced does not end. */
static void
unannounced_episodes_end_in_silence(void)
{
	uint64_t w = word(1, BEAT_BUSY);

	start(w);
	while (dog.age_ns < 900 * MS)
		T_EQ(look(TICK, w).actions, 0);
	T_EQ(dog.level, FERRY_LEVEL_SLOW);
	T_EQ(look(TICK, word(2, BEAT_BUSY)).actions, 0);
	T_EQ(dog.level, FERRY_LEVEL_NONE);
}

/* Stalls that follow each other are told one by one. */
static void
flapping_is_one_and_one(void)
{
	struct watchdog_limits l = { .level_ns = { 0, 2 * TICK },
		.notify_level = FERRY_LEVEL_SLOW };

	start(word(0, BEAT_IDLE));
	for (uint64_t n = 1; n <= 50; n++) {
		uint64_t w = word(n, BEAT_BUSY);
		struct watchdog_verdict v = look_with(TICK, w, &l);

		T_EQ(v.actions, n == 1 ? 0 : WATCHDOG_RESPONDING);
		T_EQ(v.lasted_ns, n == 1 ? 0 : 3 * TICK);
		T_EQ(look_with(TICK, w, &l).actions, 0);
		T_EQ(look_with(TICK, w, &l).actions, WATCHDOG_NOT_RESPONDING);
	}
}

/* A busy worker that beats is not stalled, however long it is busy. */
static void
beats_start_the_age_anew(void)
{
	start(word(0, BEAT_BUSY));
	for (uint64_t n = 1; n <= 1000; n++) {
		uint64_t w = word(n, BEAT_BUSY);

		for (int i = 0; i < 3; i++)
			T_EQ(look(TICK, w).actions, 0);
		T_LT(dog.age_ns, 100 * MS);
		T_EQ(dog.level, FERRY_LEVEL_NONE);
	}
}

static void
idle_and_exempt_never_age(void)
{
	for (int s = BEAT_IDLE; s <= BEAT_EXEMPT; s++) {
		uint64_t w = word(1, (enum beat_state)s);

		if (s == BEAT_BUSY)
			continue;
		start(w);
		for (int i = 0; i < 1000; i++) {
			T_EQ(look(TICK, w).actions, 0);
			T_EQ(dog.age_ns, 0);
		}
	}
	/* Leave taken in the middle ends the episode. */
	start(word(1, BEAT_BUSY));
	while (!dog.announced)
		look(TICK, word(1, BEAT_BUSY));
	T_EQ(look(TICK, word(1, BEAT_EXEMPT)).actions, WATCHDOG_RESPONDING);
}

/* Each request by its own method's levels. */
static void
levels_are_the_requests(void)
{
	struct watchdog_limits strict = { .level_ns = { 0, TICK },
		.notify_level = FERRY_LEVEL_SLOW };
	uint64_t w = word(1, BEAT_BUSY);

	start(w);
	for (int i = 0; i < 20; i++)
		T_EQ(look(TICK, w).actions, 0);
	w = word(2, BEAT_BUSY);
	T_EQ(look_with(TICK, w, &strict).actions, 0);
	T_EQ(look_with(TICK, w, &strict).actions, WATCHDOG_NOT_RESPONDING);
	w = word(3, BEAT_BUSY);
	T_EQ(look(TICK, w).actions, WATCHDOG_RESPONDING);
	for (int i = 0; i < 20; i++)
		T_EQ(look(TICK, w).actions, 0);
}

/* Between requests, or when the suspect could not be read this time: the age
 * is known, the level is not. */
static void
no_limits_age_without_a_level(void)
{
	uint64_t w = word(1, BEAT_BUSY);

	start(w);
	for (int i = 0; i < 100; i++) {
		T_EQ(look_with(TICK, w, NULL).actions, 0);
		T_EQ(dog.level, FERRY_LEVEL_NONE);
	}
	T_EQ(dog.age_ns, 100 * TICK);
	T_EQ(look(TICK, w).actions, WATCHDOG_NOT_RESPONDING);
	/* And an episode that is known is not forgotten. */
	T_EQ(look_with(TICK, w, NULL).actions, 0);
	T_EQ(dog.level, FERRY_LEVEL_STALLED);
	T_EQ(look_with(TICK, word(2, BEAT_BUSY), NULL).actions,
	    WATCHDOG_RESPONDING);
}

/* ---- the observer ---- */

/* Suspend, SIGSTOP, a debugger: the time was nobody's. */
static void
gap_counts_as_one_tick_and_a_half(void)
{
	uint64_t w = word(1, BEAT_BUSY), before;

	start(w);
	look(TICK, w);
	before = dog.age_ns;
	T_EQ(look(UINT64_C(3600) * 1000 * MS, w).actions, WATCHDOG_GAP);
	T_EQ(dog.age_ns - before, TICK + TICK / 2);
	/* A late tick that is no gap is believed. */
	before = dog.age_ns;
	T_EQ(look(TICK + TICK / 2, w).actions & WATCHDOG_GAP, 0);
	T_EQ(dog.age_ns - before, TICK + TICK / 2);
	T_EQ(look(TICK + TICK / 2 + 1, w).actions & WATCHDOG_GAP,
	    WATCHDOG_GAP);
	/* A gap while nothing is in hand is one too. */
	T_EQ(look(100 * TICK, word(2, BEAT_IDLE)).actions, WATCHDOG_GAP);
	T_EQ(dog.age_ns, 0);
}

/* An episode does not get longer by a suspend at its end. */
static void
gap_in_the_last_interval(void)
{
	uint64_t w = word(1, BEAT_BUSY), age;
	struct watchdog_verdict v;

	start(w);
	while (!dog.announced)
		look(TICK, w);
	age = dog.age_ns;
	v = look(1000 * TICK, word(2, BEAT_BUSY));
	T_EQ(v.actions, WATCHDOG_RESPONDING | WATCHDOG_GAP);
	T_EQ(v.lasted_ns, age + TICK + TICK / 2);
}

/* The hours of one gap are not counted by the next look. */
static void
gap_is_over_when_it_is_over(void)
{
	uint64_t w = word(1, BEAT_BUSY), before;

	start(w);
	look(100000 * MS, w);
	before = dog.age_ns;
	T_EQ(look(TICK, w).actions, 0);
	T_EQ(dog.age_ns - before, TICK);
}

/* Without monotony a subtraction is a hundred years. */
static void
clock_that_stands_or_goes_back(void)
{
	uint64_t w = word(1, BEAT_BUSY);

	start(w);
	for (int i = 0; i < 100; i++)
		T_EQ(look(0, w).actions, 0);
	T_EQ(dog.age_ns, 0);
	look(TICK, w);
	now -= 500 * TICK;
	T_EQ(ferry__watchdog_step(&dog, now, TICK, w, &usual).actions, 0);
	T_EQ(dog.age_ns, TICK);
	T_EQ(look(TICK, w).actions, 0);
	T_EQ(dog.age_ns, 2 * TICK);
}

static void
reset_forgets(void)
{
	uint64_t w = word(1, BEAT_BUSY);

	start(w);
	while (!dog.announced)
		look(TICK, w);
	now += 1000 * TICK;
	ferry__watchdog_reset(&dog, now, w);
	T_EQ(dog.age_ns, 0);
	T_EQ(dog.level, FERRY_LEVEL_NONE);
	T_EQ(look(TICK, w).actions, 0);
	T_EQ(dog.age_ns, TICK);
	T_EQ(look(TICK, word(2, BEAT_BUSY)).actions, 0);
}

/* ---- detection ---- */

/* Wherever between two looks it begins: no later than level + 2 ticks, and
 * never before the level. */
static void
detected_within_two_ticks(void)
{
	static const uint64_t levels[] = { 3, 10, 100, 101, 1000, 4999 };

	for (size_t i = 0; i < COUNT_OF(levels); i++) {
		uint64_t level = levels[i] * MS, tick = level / 3;
		struct watchdog_limits l = { .level_ns = { 0, level },
			.notify_level = FERRY_LEVEL_SLOW };

		for (uint64_t phase = 0; phase < 97; phase++) {
			uint64_t t = 1000 * MS;
			uint64_t began = t + 1 + phase * (tick - 1) / 96;

			ferry__watchdog_reset(&dog, t, word(1, BEAT_IDLE));
			do {
				t += tick;
				T_LE(t, began + level + 2 * tick);
			} while (ferry__watchdog_step(&dog, t, tick,
			             word(t < began ? 1 : 2,
			                 t < began ? BEAT_IDLE : BEAT_BUSY),
			             &l)
			             .actions == 0);
			T_GE(t - began, level);
		}
	}
}

/* ---- against a reference ---- */

#define LOOKS 400

struct seen {
	uint64_t at, planned, word;
	const struct watchdog_limits *limits;
};

static struct seen seen[LOOKS + 1];

static uint64_t
counted(int i)
{
	uint64_t passed = seen[i].at > seen[i - 1].at
	    ? seen[i].at - seen[i - 1].at
	    : 0;
	uint64_t most = seen[i].planned + seen[i].planned / 2;

	return passed < most ? passed : most;
}

/* What is known of the word after look n, from all looks since it moved. */
struct known {
	uint64_t age;
	uint32_t level;
	bool announced;
	bool told_now;
};

static struct known
know(int n)
{
	struct known k = { 0 };
	int first = n;

	if (ferry__beat_state(seen[n].word) != BEAT_BUSY)
		return k;
	while (first > 0 && seen[first - 1].word == seen[n].word)
		first--;
	for (int i = first + 1; i <= n; i++) {
		k.age += counted(i);
		k.told_now = false;
		if (seen[i].limits == NULL)
			continue;
		k.level = 0;
		for (uint32_t l = 1; l < WATCHDOG_LEVELS; l++)
			if (seen[i].limits->level_ns[l] != 0 &&
			    seen[i].limits->level_ns[l] <= k.age)
				k.level = l;
		k.told_now = !k.announced && k.level != 0 &&
		    k.level >= seen[i].limits->notify_level;
		k.announced |= k.told_now;
	}
	return k;
}

static void
compare(int n, struct watchdog_verdict v)
{
	struct known before = know(n - 1), after = know(n);
	bool moved = seen[n].word != seen[n - 1].word;
	uint64_t passed = seen[n].at > seen[n - 1].at
	    ? seen[n].at - seen[n - 1].at
	    : 0;
	uint32_t want = after.told_now ? WATCHDOG_NOT_RESPONDING : 0;

	if (passed > seen[n].planned + seen[n].planned / 2)
		want |= WATCHDOG_GAP;
	if (moved && before.announced) {
		want |= WATCHDOG_RESPONDING;
		T_EQ(v.peak_level, before.level);
		T_EQ(v.lasted_ns, before.age + counted(n));
	}
	T_EQ(v.actions, want);
	T_EQ(dog.age_ns, after.age);
	T_EQ(dog.level, after.level);
	T_EQ(dog.announced, after.announced);
}

static struct watchdog_limits
random_limits(struct t_rng *r)
{
	struct watchdog_limits l = { .notify_level = t_rand_below(r, 5) };
	uint64_t last = 0;

	for (uint32_t i = 1; i < WATCHDOG_LEVELS; i++) {
		last += (1 + t_rand_below(r, 200)) * MS;
		l.level_ns[i] = t_rand_below(r, 4) == 0 ? NEVER : last;
	}
	return l;
}

static void
random_series(uint64_t seed)
{
	struct t_rng r = { seed };
	struct watchdog_limits l[3];
	uint64_t sequence = 1, w = word(1, BEAT_BUSY);

	for (int i = 0; i < 3; i++)
		l[i] = random_limits(&r);
	seen[0] = (struct seen){ 1000 * MS, TICK, w, NULL };
	ferry__watchdog_reset(&dog, seen[0].at, w);
	for (int i = 1; i <= LOOKS; i++) {
		uint64_t planned = (1 + t_rand_below(&r, 40)) * MS;
		uint64_t passed = planned / 2 + t_rand_below(&r, planned);

		if (t_rand_below(&r, 20) == 0)
			passed = t_rand_below(&r, 5000) * MS;
		if (t_rand_below(&r, 12) == 0)
			w = word(++sequence,
			    (enum beat_state)(t_rand_below(&r, 8) < 6
			            ? BEAT_BUSY
			            : t_rand_below(&r, 2) * BEAT_EXEMPT));
		seen[i] = (struct seen){ seen[i - 1].at + passed, planned, w,
			t_rand_below(&r, 10) == 0 ? NULL : &l[sequence % 3] };
		if (t_rand_below(&r, 50) == 0)
			seen[i].at = seen[i - 1].at - t_rand_below(&r, MS);
		compare(i, ferry__watchdog_step(&dog, seen[i].at, planned, w,
		               seen[i].limits));
	}
}

static void
as_the_reference_says(void)
{
	for (uint64_t i = 0; i < 100; i++)
		random_series(t_seed() * 1000 + i);
}

T_MAIN(
	T_RUN(nothing_below_the_first_level);
	T_RUN(levels_come_in_order);
	T_RUN(level_is_reached_at_its_age);
	T_RUN(announced_from_notify_level_on);
	T_RUN(levels_switched_off);
	T_RUN(episode_ends_with_peak_and_duration);
	T_RUN(unannounced_episodes_end_in_silence);
	T_RUN(flapping_is_one_and_one);
	T_RUN(beats_start_the_age_anew);
	T_RUN(idle_and_exempt_never_age);
	T_RUN(levels_are_the_requests);
	T_RUN(no_limits_age_without_a_level);
	T_RUN(gap_counts_as_one_tick_and_a_half);
	T_RUN(gap_in_the_last_interval);
	T_RUN(gap_is_over_when_it_is_over);
	T_RUN(clock_that_stands_or_goes_back);
	T_RUN(reset_forgets);
	T_RUN(detected_within_two_ticks);
	T_RUN(as_the_reference_says);
)
