/*
 * The heartbeat's word: state, slot and sequence in one, and the busy edge.
 */
#include "t.h"

#include "ffi/beat.h"

static struct beat beat;

static uint64_t
word(void)
{
	return ferry__beat_look(&beat);
}

static void
start(uint64_t w)
{
	atom64_store_relaxed(&beat.word, w);
	atom32_store_relaxed(&beat.deep, 0);
}

/* Blame that slips to another request: the slot is in the word. */
static void
beat_names_its_slot(void)
{
	static const uint32_t slots[] = { 0, 1, 0xaaaaaa, BEAT_NO_SLOT - 1,
		BEAT_NO_SLOT };

	start(0);
	for (size_t i = 0; i < COUNT_OF(slots); i++) {
		ferry__beat(&beat, slots[i]);
		T_EQ(ferry__beat_slot(word()), slots[i]);
		T_EQ(ferry__beat_state(word()), BEAT_BUSY);
		T_EQ(ferry__beat_sequence(word()), i + 1);
	}
}

/* Two beats of one slot must not look like one that stood still. */
static void
every_beat_is_another_word(void)
{
	uint64_t last;

	start(0);
	for (int i = 0; i < 4; i++) {
		last = word();
		ferry__beat(&beat, 7);
		T_NE(word(), last);
		last = word();
		ferry__beat_idle(&beat);
		T_NE(word(), last);
		T_EQ(ferry__beat_state(word()), BEAT_IDLE);
		T_EQ(ferry__beat_slot(word()), BEAT_NO_SLOT);
		last = word();
		T_ASSERT(!ferry__beat_rise(&beat));
		T_NE(word(), last);
		T_EQ(ferry__beat_state(word()), BEAT_BUSY);
		T_EQ(ferry__beat_slot(word()), BEAT_NO_SLOT);
	}
	T_EQ(ferry__beat_sequence(word()), 12);
}

/* The sequence wraps into nothing else. */
static void
sequence_wraps(void)
{
	start(((UINT64_C(1) << 38) - 1) << 26 | UINT64_C(5) << 2 | BEAT_BUSY);
	T_EQ(ferry__beat_sequence(word()), (UINT64_C(1) << 38) - 1);
	ferry__beat(&beat, 9);
	T_EQ(word(), UINT64_C(9) << 2 | BEAT_BUSY);
}

/* A rise that does not see the watcher's sleep leaves it asleep. */
static void
rise_sees_deep_sleep(void)
{
	start(0);
	T_ASSERT(!ferry__beat_rise(&beat));
	atom32_store_relaxed(&beat.deep, 1);
	T_ASSERT(ferry__beat_rise(&beat));
	T_ASSERT(ferry__beat_rise(&beat));
	atom32_store_relaxed(&beat.deep, 0);
	T_ASSERT(!ferry__beat_rise(&beat));
}

static void
state_apart_from_the_rest(void)
{
	uint64_t w = ferry__beat_next(&beat, BEAT_EXEMPT, 0x123456);

	T_EQ(ferry__beat_state(w), BEAT_EXEMPT);
	T_EQ(ferry__beat_slot(w), 0x123456);
	T_EQ(ferry__beat_sequence(w),
	    ferry__beat_sequence(atom64_load_relaxed(&beat.word)) + 1);
}

/* ---- threads: the busy edge ---- */

#define ROUNDS 3000

static atom32 turn; /* of the worker; the watcher's is one less */
static atom32 missed;

static void *
worker(void *unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		/* pair(test) acquire. */
		while (atom32_load_acquire(&turn) != i)
			sched_yield();
		if (ferry__beat_rise(&beat))
			/* Roused: as good as seen. */
			atom32_store_relaxed(&missed, 0);
		atom32_add_acqrel(&turn, 1u << 16); /* pair(test) */
	}
	return NULL;
}

/*
 * The watcher announces and looks while the worker rises and looks: if both
 * saw the old, the worker is busy for good, unwatched.
 */
static void
busy_edge_is_seen_by_one(void)
{
	pthread_t t;
	bool seen;

	start(0);
	atom32_store_relaxed(&turn, 0);
	t = t_thread_start(worker, NULL);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		ferry__beat_idle(&beat);
		atom32_store_relaxed(&beat.deep, 0);
		atom32_store_relaxed(&missed, 1);
		atom32_store_release(&turn, i); /* pair(test) release */
		if (i % 3 == 0)
			sched_yield();
		atom32_store_seqcst(&beat.deep, 1); /* pair(busy-edge) */
		seen = ferry__beat_state(word()) != BEAT_IDLE;
		/* pair(test) acquire. */
		while (atom32_load_acquire(&turn) >> 16 == 0)
			sched_yield();
		T_ASSERT(seen || atom32_load_relaxed(&missed) == 0);
		atom32_store_relaxed(&turn, 0);
	}
	t_thread_join(t);
}

T_MAIN(
	T_RUN(beat_names_its_slot);
	T_RUN(every_beat_is_another_word);
	T_RUN(sequence_wraps);
	T_RUN(rise_sees_deep_sleep);
	T_RUN(state_apart_from_the_rest);
	T_RUN(busy_edge_is_seen_by_one);
)
