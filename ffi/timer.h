/*
 * Timers of one thread: what it shall look at, and when.
 *
 * Owns: a pairing heap, whose links are in the timers; nothing is allocated,
 * so that setting one cannot fail. (Fredman, Sedgewick, Sleator and Tarjan,
 * "The pairing heap: a new form of self-adjusting heap", Algorithmica 1, 1986;
 * the two-pass variant.) Setting one is some stores; taking or clearing one is
 * O(log n), amortised.
 *
 * Timers of the same time are taken in the order in which they were set.
 *
 * Threads: one, the owner of the struct timers and all that is set in it. It
 * stays where it is while a timer is set.
 */
#ifndef FERRY_FFI_TIMER_H
#define FERRY_FFI_TIMER_H

#include "ffi/os.h"

/* Part of what is timed. All zero: not set. */
struct timer {
	struct timer *next, **link; /* link: what points here; NULL: not set */
	struct timer *child;        /* the first of those that come after */
	uint64_t order;             /* among those of the same time */
	uint64_t at_ns;
};

/* All zero: none. */
struct timers {
	struct timer *first;
	uint64_t order;
};

static inline bool
ferry__timer_is_set(const struct timer *t)
{
	return t->link != NULL;
}

/* Not set before. At OS_NEVER it never falls due. */
void ferry__timer_set(struct timers *timers, struct timer *t, uint64_t at_ns);

/* Takes out what is set there. */
void ferry__timer_clear(struct timers *timers, struct timer *t);

/* When the earliest falls due; OS_NEVER: none does. */
uint64_t ferry__timer_next_ns(const struct timers *timers);

/* The earliest, taken out, if it is due at that time; NULL: none is. */
struct timer *ferry__timer_take_due(struct timers *timers, uint64_t now_ns);

#endif
