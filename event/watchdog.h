/*
 * The judge of a heartbeat: a pure function of what was known, the time, and
 * one look. No threads, no clock, no system: so that it is tested with a clock
 * of the test's own.
 *
 * What it judges is a *piece* of work: a call, from when it took the FFI
 * thread (its hold), or the innermost scope of it. Pieces nest; only the
 * innermost one ages, and those outside rest meanwhile.
 *
 * Ages grow by credit: at each look by the time since the last one, but by no
 * more than 1.5 planned ticks, less what the thread waited for a processor
 * (delay_ns), and not at all if it was held (stopped, traced) at either end,
 * is exempt, or the word has changed. So who observes badly, or is held up by
 * others, knows no better, and raises no false alarm: an age is never more
 * than the time that the piece was innermost.
 *
 * An episode is of the thread, not of one piece. What is found at a look:
 *
 *	stalled   the innermost piece is at its notify level or above
 *	waits     it was, has been given its time anew, and is not yet again
 *	uneasy    it is older than half of that, or just so
 *	calm      anything else: also exempt, or nobody to be blamed
 *
 * stalled begins an episode; calm, at each look for calm_least_ns, ends it, and
 * IDLE does at once. What lies between neither ends it nor is said.
 */
#ifndef FERRY_EVENT_WATCHDOG_H
#define FERRY_EVENT_WATCHDOG_H

#include <ferry/ferry.h>

#include "ffi/beat.h"

#define WATCHDOG_LEVELS 5 /* FERRY_LEVEL_NONE … FERRY_LEVEL_FATAL */
#define WATCHDOG_PIECES (1 + FERRY_SCOPES_MOST)

/* What is expected of the innermost piece. */
struct watchdog_limits {
	/* Ages from which each level holds; 0: never. They ascend. */
	uint64_t level_ns[WATCHDOG_LEVELS];
	uint32_t notify_level; /* the lowest at which anything is done */
};

/* One look. */
struct watchdog_sample {
	uint64_t word;                     /* of the beat */
	uint32_t n;                        /* pieces; 0: nobody to be blamed */
	uint64_t serial[WATCHDOG_PIECES];  /* outermost first; the same one is
	                                    * the same piece */
	/* NULL if n is 0. Also where there is a piece to tell the age of and
	 * nothing is known of its limits: then its level stays what it was. */
	const struct watchdog_limits *limits;
	uint64_t delay_ns; /* the thread waited for a processor, since the last
	                    * look, as far as known; may exceed that time */
	uint64_t cpu_ns;   /* and used one, likewise */
	uint64_t done_ns;  /* the clock when all this had been looked at; 0: no
	                    * later than at now_ns */
	bool held;         /* stopped or traced, now */
	bool stirs;        /* IDLE, and there are requests for it */
};

struct watchdog_piece {
	uint64_t serial;
	uint64_t age_ns;
	uint64_t starved_ns; /* left out of the age for want of a processor */
	uint64_t used_ns;    /* of one, in the same time */
	uint64_t given_ns;   /* levels count from this age: "keep waiting", or
	                      * an episode that blamed it has ended */
	uint64_t held_ns;    /* for how long it was held at both looks */
	bool overload_told;
	bool held_told;
	bool blamed;         /* it was stalled in the episode that goes on */
	bool waits;          /* … and has been given its time anew */
};

struct watchdog {
	/* Of the last look. */
	uint64_t word;      /* of the beat */
	uint64_t looked_ns; /* when it was over */
	bool held;
	bool stirred;       /* IDLE, with requests */
	bool known;         /* the pieces are what the word is about; else they
	                     * were at a look before, and may be again */
	uint32_t n;
	struct watchdog_piece pieces[WATCHDOG_PIECES];
	uint64_t lost_ns;   /* for how long it has been IDLE with requests */
	bool lost_told;
	uint32_t level;     /* of the innermost piece now, or NONE */
	/* The episode that goes on, if `announced`. */
	bool announced;
	bool calm;          /* its stall has ended or rests, it has not ended */
	bool waits;         /* calm, because it was given its time anew */
	uint64_t calm_ns;   /* for how long no piece was even half as old */
	uint64_t calm_least_ns; /* and so long it must be */
	uint32_t peak;
	uint64_t began_ns;  /* the age at which it was announced */
	uint64_t lasted_ns; /* of it all, up to its last stall's end */
	uint64_t since_ns;  /* since that end */
	uint64_t base_ns;   /* of lasted_ns: GOES_ON counts from there */
	uint64_t next_ns;   /* and when the next one is; 0: at once */
	uint64_t suppressed;/* looks at it since the last report */
};

enum watchdog_action {
	/* The notify level is reached within two ticks: gather evidence. Said
	 * at each such look, and while the episode goes on and rests not. */
	WATCHDOG_PREPARE = 1u << 0,
	WATCHDOG_BEGAN = 1u << 1,    /* level and age are in the state */
	WATCHDOG_ROSE = 1u << 2,     /* to a higher level than any before */
	WATCHDOG_GOES_ON = 1u << 3,  /* `suppressed`. At 2, 4, 8 … times its
	                              * age at BEGAN; and when it is stalled
	                              * again after "keep waiting", from where
	                              * those times count anew */
	WATCHDOG_ENDED = 1u << 4,    /* peak, lasted_ns, `suppressed` */
	/* Once a piece: with the time that it starved its age would have begun
	 * one, and that is most of it. */
	WATCHDOG_OVERLOADED = 1u << 5,
	WATCHDOG_LOST = 1u << 6,     /* once: IDLE, with requests, for as long
	                              * as `lost_limit_ns` */
	WATCHDOG_GAP = 1u << 7,      /* the observer was held up */
	WATCHDOG_HELD = 1u << 8      /* likewise of the time that it was
	                              * stopped or traced */
};
/* Of BEGAN, ROSE, GOES_ON and ENDED there is at most one. */

struct watchdog_result {
	uint32_t actions;    /* enum watchdog_action */
	uint32_t peak;       /* of the episode, also if it has just ended */
	uint64_t lasted_ns;
	uint64_t suppressed; /* looks between this report and the one before */
};

/*
 * One look, for which the clock was read, now_ns, before the word was; planned
 * planned_ns after the last one. lost_limit_ns 0: a wake-up is never lost.
 *
 * Who looks may be held up between the two, by others or by what it gathers:
 * therefore the time counts from the end of the last look (done_ns) to the
 * beginning of this one. In between the word was what it is, if it is the same;
 * of the looks themselves that cannot be said.
 *
 * An episode ends when the thread sleeps (IDLE), or when for calm_least_ns
 * (half of the notify level's age, at most 1 s, but at least two planned
 * ticks) no piece was found that was half as old as its own notify level, or
 * older: hysteresis. A stall that comes before that is the same episode, and
 * announced no more but by ROSE and GOES_ON.
 *
 * A piece that was blamed, and rests outside an innermost one when the episode
 * ends, is given its time anew: or its end would be told over and over.
 */
struct watchdog_result ferry__watchdog_step(struct watchdog *w,
    uint64_t now_ns, uint64_t planned_ns, uint64_t lost_limit_ns,
    const struct watchdog_sample *sample);

/* "Keep waiting": the innermost piece gets its time anew. If it is stalled the
 * episode rests meanwhile: nothing is said before it is stalled again, or the
 * piece has ended and the episode with it. Not after an ENDED. */
void ferry__watchdog_give(struct watchdog *w);

/* Whether a report on the episode that goes on may come within two ticks: what
 * PREPARE says at each look then is to be followed. */
bool ferry__watchdog_nears(const struct watchdog *w,
    const struct watchdog_limits *limits, uint64_t planned_ns);

/* The age that levels are judged by: of the innermost piece; 0: none. */
uint64_t ferry__watchdog_age(const struct watchdog *w);

/* The highest level of that age. */
uint32_t ferry__watchdog_level(
    const struct watchdog_limits *limits, uint64_t age_ns);

/* What it left out of that for want of a processor, and while it was held; and
 * what it used of one. */
uint64_t ferry__watchdog_used(const struct watchdog *w);
uint64_t ferry__watchdog_starved(const struct watchdog *w);
uint64_t ferry__watchdog_held(const struct watchdog *w);

/* Starts over, as when the watcher leaves its deep sleep. */
void ferry__watchdog_reset(
    struct watchdog *w, uint64_t now_ns, uint64_t word);

#endif
