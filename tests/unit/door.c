/*
 * The doorbell: who rings, who need not, and that nothing rings once it was
 * closed. That it fits an inbox is in inbox.c.
 */
#include "t.h"

#include <fcntl.h>
#include <poll.h>

#include "event/door.h"
#include "ffi/self.h"

static struct door door;
static unsigned rung;
static void (*during_ring)(void);

static void
ring(void *user)
{
	void (*run)(void) = during_ring;

	T_ASSERT(user == &door);
	T_EQ(ferry__self.roles, SELF_DOORBELL);
	rung++;
	during_ring = NULL;
	if (run != NULL)
		run();
}

static uint32_t
state(void)
{
	return atom32_load_relaxed(&door.word) & 3;
}

static uint32_t
epoch(void)
{
	return atom32_load_relaxed(&door.word) >> 2;
}

static void
set(enum door_state s)
{
	atom32_store_relaxed(&door.word, epoch() << 2 | s);
}

static void
start(void)
{
	ferry__door_open(&door, -1, ring, &door);
	rung = 0;
	during_ring = NULL;
	T_EQ(state(), DOOR_QUIET);
}

/* Who finds RUNG relies on a ring that has happened, nobody on a promise. */
static void
knock_table(void)
{
	static const struct {
		enum door_state before, after;
		unsigned rings;
	} table[] = {
		{ DOOR_QUIET, DOOR_RUNG, 1 },
		{ DOOR_RINGING, DOOR_RUNG, 1 },
		{ DOOR_RUNG, DOOR_RUNG, 0 },
		{ DOOR_CLOSED, DOOR_CLOSED, 0 },
	};
	uint32_t before;

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		start();
		before = epoch();
		set(table[i].before);
		ferry__door_knock(&door);
		T_EQ(rung, table[i].rings);
		T_EQ(state(), table[i].after);
		T_EQ(epoch(), before);
		T_EQ(atom32_load_relaxed(&door.ringing), 0);
		T_EQ(ferry__self.roles, 0);
	}
}

static void
second_poster(void)
{
	T_EQ(state(), DOOR_RINGING);
	ferry__door_knock(&door);
	T_EQ(state(), DOOR_RUNG);
}

static void
poster_stopped_in_its_ring(void)
{
	start();
	during_ring = second_poster;
	ferry__door_knock(&door);
	T_EQ(rung, 2);
	T_EQ(state(), DOOR_RUNG);
}

static void
taker(void)
{
	ferry__door_hush(&door);
}

/* It would leave the next post unheard. */
static void
late_poster_does_not_say_rung(void)
{
	uint32_t before;

	for (int ringing = 0; ringing < 2; ringing++) {
		start();
		if (ringing)
			set(DOOR_RINGING);
		before = epoch();
		during_ring = taker;
		ferry__door_knock(&door);
		T_EQ(rung, 1);
		T_EQ(state(), DOOR_QUIET);
		T_EQ(epoch(), before + 1);
		ferry__door_knock(&door);
		T_EQ(rung, 2);
	}
}

/* Each hush is an epoch of its own, also of a door that was quiet. */
static void
hush_is_a_new_epoch(void)
{
	for (int s = DOOR_QUIET; s <= DOOR_RUNG; s++) {
		uint32_t before;

		start();
		set((enum door_state)s);
		before = epoch();
		ferry__door_hush(&door);
		T_EQ(epoch(), before + 1);
		T_EQ(state(), DOOR_QUIET);
		T_EQ(rung, 0);
	}
}

static bool
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Rung first and said after; cleared first and quiet after. */
static void
descriptor_follows_the_word(void)
{
	int fd;

	T_OK(ferry__os_bell_open(&fd));
	ferry__door_open(&door, fd, NULL, NULL);
	T_ASSERT(!readable(fd));
	ferry__door_knock(&door);
	T_ASSERT(readable(fd));
	ferry__door_knock(&door);
	ferry__door_hush(&door);
	T_ASSERT(!readable(fd));
	ferry__door_knock(&door);
	T_ASSERT(readable(fd));
	ferry__door_close(&door);
	T_EQ(fcntl(fd, F_GETFD), -1);
	/* Late knocks write to nobody's descriptor. */
	ferry__door_knock(&door);
	T_EQ(state(), DOOR_CLOSED);
}

/* A late ringer of the former life fails by the epoch, not by luck. */
static void
next_life_is_a_new_epoch(void)
{
	uint32_t before;

	start();
	before = epoch();
	ferry__door_close(&door);
	T_EQ(state(), DOOR_CLOSED);
	start();
	T_EQ(epoch(), before + 1);
	ferry__door_close(&door);
}

/* ---- threads ---- */

static atom32 in_ring, left_ring;

static void
ring_until_closing(void *user)
{
	(void)user;
	atom32_store_relaxed(&in_ring, 1);
	while (state() != DOOR_CLOSED)
		sched_yield();
	atom32_add_relaxed(&left_ring, 1);
}

static void *
knock_once(void *unused)
{
	(void)unused;
	ferry__door_knock(&door);
	return NULL;
}

/* After the close its code may be unloaded, its `user` freed. */
static void
close_waits_for_all_ringers(void)
{
	pthread_t threads[3];

	for (int round = 0; round < 50; round++) {
		atom32_store_relaxed(&in_ring, 0);
		atom32_store_relaxed(&left_ring, 0);
		ferry__door_open(&door, -1, ring_until_closing, NULL);
		for (int i = 0; i < 3; i++)
			threads[i] = t_thread_start(knock_once, NULL);
		while (atom32_load_relaxed(&in_ring) == 0)
			sched_yield();
		ferry__door_close(&door);
		T_EQ(atom32_load_relaxed(&door.ringing), 0);
		T_GE(atom32_load_relaxed(&left_ring), 1);
		atom32_store_relaxed(&in_ring, 0);
		for (int i = 0; i < 3; i++)
			t_thread_join(threads[i]);
		/* Who came after it did not ring. */
		T_EQ(atom32_load_relaxed(&in_ring), 0);
	}
}

T_MAIN(
	T_RUN(knock_table);
	T_RUN(poster_stopped_in_its_ring);
	T_RUN(late_poster_does_not_say_rung);
	T_RUN(hush_is_a_new_epoch);
	T_RUN(descriptor_follows_the_word);
	T_RUN(next_life_is_a_new_epoch);
	T_RUN(close_waits_for_all_ringers);
)
