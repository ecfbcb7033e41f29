/*
 * The judge of a heartbeat: a pure function of what was known, the time, and
 * one look at the word. No threads, no clock, no system: so that it is tested
 * with a clock of the test's own.
 */
#ifndef FERRY_EVENT_WATCHDOG_H
#define FERRY_EVENT_WATCHDOG_H

#include <ferry/ferry.h>

#include "ffi/beat.h"

#define WATCHDOG_LEVELS 5 /* FERRY_LEVEL_NONE … FERRY_LEVEL_FATAL */

/* What is expected of the call in hand. */
struct watchdog_limits {
	/* Ages from which each level holds; 0: never. */
	uint64_t level_ns[WATCHDOG_LEVELS];
	uint32_t notify_level;
};

struct watchdog {
	uint64_t word;      /* of the beat, at the last look */
	uint64_t looked_ns; /* when */
	/* For how long the word is known to have stood still while busy. Grows
	 * by no more than 1.5 planned ticks a look: when the observer itself
	 * was held up (suspend, a debugger, no CPU), it knows no better. */
	uint64_t age_ns;
	uint32_t level;     /* of the episode that goes on, or NONE */
	bool announced;     /* not_responding has been said of it */
};

enum watchdog_action {
	WATCHDOG_NOT_RESPONDING = 1u << 0, /* level and age are in the state */
	WATCHDOG_RESPONDING = 1u << 1,     /* ended: peak_level, lasted_ns */
	WATCHDOG_GAP = 1u << 2             /* the observer was held up */
};

struct watchdog_verdict {
	uint32_t actions;    /* enum watchdog_action */
	uint32_t peak_level; /* of the episode that ended */
	uint64_t lasted_ns;
};

/*
 * One look: the word is `word` at `now_ns`, the look was planned
 * `planned_ns` after the last one. `limits` are those of the request that
 * the word names; they may be NULL when it names none.
 */
struct watchdog_verdict ferry__watchdog_step(struct watchdog *w,
    uint64_t now_ns, uint64_t planned_ns, uint64_t word,
    const struct watchdog_limits *limits);

/* Starts over, as when the watcher leaves its deep sleep. */
void ferry__watchdog_reset(
    struct watchdog *w, uint64_t now_ns, uint64_t word);

#endif
