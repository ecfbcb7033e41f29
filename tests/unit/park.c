/*
 * Parking: the word's transitions, wakers stopped at any step, the spin's
 * budget.
 *
 * The protocol is compiled in here with a system of the test's own, which
 * counts the calls and can do something in the middle of one.
 */
#include "t.h"

#include "ffi/os.h"

/* Of each thread: the system calls made to wake and to sleep. */
static _Thread_local unsigned calls;
static _Thread_local unsigned sleeps;
static _Thread_local void (*during_call)(void);
static bool may_spin;
static uint64_t clock_ns;        /* of the spin; 0: the real one */
static uint64_t clock_step;

static void
fake_wake(atom32 *word, int threads)
{
	void (*run)(void) = during_call;

	calls++;
	during_call = NULL;
	if (run != NULL)
		run();
	ferry__os_wake(word, threads);
}

static enum os_sleep
fake_wait(atom32 *word, uint32_t expected, uint64_t deadline_ns)
{
	sleeps++;
	return ferry__os_wait(word, expected, deadline_ns);
}

static uint64_t
fake_now(void)
{
	if (clock_ns == 0)
		return ferry__os_now_ns();
	return clock_ns += clock_step;
}

static bool
fake_may_spin(void)
{
	return may_spin;
}

#define ferry__os_wake     fake_wake
#define ferry__os_wait     fake_wait
#define ferry__os_now_ns   fake_now
#define ferry__os_may_spin fake_may_spin
#include "ffi/park.c"
#undef ferry__os_wake
#undef ferry__os_wait
#undef ferry__os_now_ns
#undef ferry__os_may_spin

static struct park park;

#define WORD(epoch, state) ((uint32_t)(epoch) << 2 | (state))

static uint32_t
word(void)
{
	return atom32_load_relaxed(&park.word);
}

static void
start(uint32_t w)
{
	atom32_store_relaxed(&park.word, w);
	calls = sleeps = 0;
	during_call = NULL;
}

/* A sleep of the same epoch as the last could be marked WOKEN by a waker of
 * that one. */
static void
announce_is_a_new_epoch(void)
{
	for (uint32_t s = PARK_AWAKE; s <= PARK_WOKEN; s++) {
		start(WORD(41, s));
		ferry__park_announce(&park);
		T_EQ(word(), WORD(42, PARK_ASLEEP));
	}
	start(UINT32_MAX);
	ferry__park_announce(&park);
	T_EQ(word(), WORD(0, PARK_ASLEEP));
}

static void
rise_keeps_the_epoch(void)
{
	for (uint32_t s = PARK_AWAKE; s <= PARK_WOKEN; s++) {
		start(WORD(41, s));
		ferry__park_rise(&park);
		T_EQ(word(), WORD(41, PARK_AWAKE));
	}
	T_EQ(calls + sleeps, 0);
}

/* Law 3: who finds ASLEEP or WAKING calls, AWAKE and WOKEN do not. */
static void
wake_table(void)
{
	static const struct {
		uint32_t before, after;
		unsigned calls;
	} table[] = {
		{ PARK_AWAKE, PARK_AWAKE, 0 },
		{ PARK_ASLEEP, PARK_WOKEN, 1 },
		{ PARK_WAKING, PARK_WOKEN, 1 },
		{ PARK_WOKEN, PARK_WOKEN, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		start(WORD(7, table[i].before));
		T_EQ(ferry__park_wake(&park), table[i].calls);
		T_EQ(calls, table[i].calls);
		T_EQ(word(), WORD(7, table[i].after));
		/* The slow half looks again by itself. */
		start(WORD(7, table[i].before));
		T_EQ(ferry__park_wake_slow(&park), table[i].calls);
		T_EQ(calls, table[i].calls);
	}
}

/* Nobody relies on a call that was merely promised. */
static void
waker_stopped_before_its_call(void)
{
	start(WORD(3, PARK_WAKING)); /* it never makes it */
	T_EQ(ferry__park_wake(&park), 1);
	T_EQ(word(), WORD(3, PARK_WOKEN));
	T_EQ(ferry__park_wake(&park), 0);
}

static void
another_producer(void)
{
	T_EQ(word(), WORD(3, PARK_WAKING));
	T_EQ(ferry__park_wake(&park), 1);
	T_EQ(word(), WORD(3, PARK_WOKEN));
}

/* As long as the first has not said that its call is made, others call. */
static void
waker_stopped_in_its_call(void)
{
	start(WORD(3, PARK_ASLEEP));
	during_call = another_producer;
	T_EQ(ferry__park_wake(&park), 1);
	T_EQ(calls, 2);
	T_EQ(word(), WORD(3, PARK_WOKEN));
}

static void
rises(void)
{
	ferry__park_rise(&park);
}

static void
sleeps_again(void)
{
	ferry__park_rise(&park);
	ferry__park_announce(&park);
}

static void
sleeps_again_and_is_being_woken(void)
{
	sleeps_again();
	atom32_store_relaxed(&park.word, WORD(4, PARK_WAKING));
}

/* A waker of a former epoch that marked this one WOKEN would leave the next
 * push unheard. */
static void
late_waker_changes_nothing(void)
{
	static const struct {
		void (*meanwhile)(void);
		uint32_t after;
	} table[] = {
		{ rises, WORD(3, PARK_AWAKE) },
		{ sleeps_again, WORD(4, PARK_ASLEEP) },
		{ sleeps_again_and_is_being_woken, WORD(4, PARK_WAKING) },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++)
		for (uint32_t s = PARK_ASLEEP; s <= PARK_WAKING; s++) {
			start(WORD(3, s));
			during_call = table[i].meanwhile;
			T_EQ(ferry__park_wake(&park), 1);
			T_EQ(word(), table[i].after);
		}
	T_EQ(ferry__park_wake(&park), 1);
	T_EQ(word(), WORD(4, PARK_WOKEN));
}

/* A call between announcement and sleep must not be slept over. */
static void
no_sleep_once_woken(void)
{
	start(WORD(3, PARK_AWAKE));
	ferry__park_announce(&park);
	T_EQ(ferry__park_wake(&park), 1);
	T_EQ(ferry__park_sleep(&park, OS_NEVER), OS_WOKEN);
	T_EQ(sleeps, 0);
	/* Nor while the call is still promised. */
	start(WORD(3, PARK_WAKING));
	T_EQ(ferry__park_sleep(&park, OS_NEVER), OS_WOKEN);
	T_EQ(sleeps, 0);
}

static void
sleep_ends_at_its_deadline(void)
{
	uint64_t deadline = t_now_ns() + 2000000;

	start(WORD(3, PARK_ASLEEP));
	T_EQ(ferry__park_sleep(&park, deadline), OS_TIMEOUT);
	T_GE(t_now_ns(), deadline);
	T_EQ(word(), WORD(3, PARK_ASLEEP));
	T_EQ(ferry__park_sleep(&park, 1), OS_TIMEOUT);
}

/* ---- threads: no push is slept over ---- */

#define PUSHES 4000

static atom32 mouth; /* what has been pushed */
static atom32 heard;

static void *
producer(void *unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= PUSHES; i++) {
		atom32_add_seqcst(&mouth, 1); /* pair(park) */
		ferry__park_wake(&park);
		/* pair(test) acquire: mostly one at a time, so that the
		 * sleeper is found in every step of its way to bed. */
		if (i % 4 != 0)
			while (atom32_load_acquire(&heard) < i / 2)
				sched_yield();
	}
	return NULL;
}

static void
no_push_is_slept_over(void)
{
	pthread_t threads[2];
	uint32_t seen = 0, now;

	start(0);
	atom32_store_relaxed(&mouth, 0);
	atom32_store_relaxed(&heard, 0);
	for (int i = 0; i < 2; i++)
		threads[i] = t_thread_start(producer, NULL);
	while (seen < 2 * PUSHES) {
		ferry__park_announce(&park);
		/* pair(park) seq_cst: after the announcement. */
		if (atom32_load_seqcst(&mouth) == seen)
			ferry__park_sleep(&park, OS_NEVER);
		ferry__park_rise(&park);
		now = atom32_load_seqcst(&mouth); /* pair(park) */
		seen = now;
		atom32_store_release(&heard, seen); /* pair(test) release */
	}
	for (int i = 0; i < 2; i++)
		t_thread_join(threads[i]);
}

/* ---- spinning ---- */

static unsigned asked;
static unsigned ready_at; /* 0: never */

static bool
ready(void *arg)
{
	T_ASSERT(arg == &ready_at);
	return ++asked == ready_at;
}

/* One spin by a clock of 100 ns a look; from one budget to the next. */
static uint32_t
spin(uint32_t budget_ns, bool hit)
{
	struct spin s = { budget_ns };

	may_spin = true;
	clock_ns = 1000000;
	clock_step = 100;
	asked = 0;
	ready_at = hit ? 3 : 0;
	T_EQ(ferry__park_spin(&s, ready, &ready_at), hit);
	if (!hit)
		T_GE(clock_ns - 1000000,
		    budget_ns != 0 ? budget_ns : SPIN_MOST_NS);
	clock_ns = 0;
	return s.budget_ns;
}

static void
spin_hit_doubles(void)
{
	T_EQ(spin(2000, true), 4000);
	T_EQ(spin(4000, true), 8000);
	T_EQ(spin(SPIN_MOST_NS / 2, true), SPIN_MOST_NS);
	T_EQ(spin(16000, true), SPIN_MOST_NS);
	T_EQ(spin(SPIN_MOST_NS, true), SPIN_MOST_NS);
}

static void
spin_miss_halves(void)
{
	T_EQ(spin(SPIN_MOST_NS, false), SPIN_MOST_NS / 2);
	T_EQ(spin(8000, false), 4000);
	T_EQ(spin(3000, false), SPIN_LEAST_NS);
	T_EQ(spin(SPIN_LEAST_NS, false), SPIN_LEAST_NS);
}

/* A budget of 0 is a thread that has not spun yet: it gets its chance. */
static void
spin_begins_with_the_most(void)
{
	T_EQ(spin(0, false), SPIN_MOST_NS / 2);
	T_EQ(spin(0, true), SPIN_MOST_NS);
}

/* On one CPU a spin keeps the other side from running. */
static void
spin_only_where_it_can_pay(void)
{
	struct spin s = { 4000 };

	may_spin = false;
	asked = 0;
	ready_at = 1;
	T_ASSERT(!ferry__park_spin(&s, ready, &ready_at));
	T_EQ(asked, 0);
	T_EQ(s.budget_ns, 4000);
}

T_MAIN(
	T_RUN(announce_is_a_new_epoch);
	T_RUN(rise_keeps_the_epoch);
	T_RUN(wake_table);
	T_RUN(waker_stopped_before_its_call);
	T_RUN(waker_stopped_in_its_call);
	T_RUN(late_waker_changes_nothing);
	T_RUN(no_sleep_once_woken);
	T_RUN(sleep_ends_at_its_deadline);
	T_RUN(no_push_is_slept_over);
	T_RUN(spin_hit_doubles);
	T_RUN(spin_miss_halves);
	T_RUN(spin_begins_with_the_most);
	T_RUN(spin_only_where_it_can_pay);
)
