/*
 * What holds a thread: a pure function of a few looks at it. No system, no
 * clock, as the judge (watchdog.h).
 *
 * The first of these that holds is the verdict:
 *
 *	EXITED           the last look found it gone, or a zombie
 *	TRACED, STOPPED  the last look found it held
 *	STARVED          it is runnable where Ferry has it IDLE with requests
 *	LOST_WAKEUP      Ferry has it IDLE with requests, and it is not
 *	IN_CANCEL_HOOK, IN_LISTENER   Ferry knows where it waits
 *	DISK_SLEEP       more than half of the looks found it in state D
 *	BLOCKED_…        more than half found it in one call: the same number,
 *	                 arguments, and place on the stack
 *	STARVED          for more than half of the time it waited for a
 *	                 processor
 *	SPINNING         for more than half it ran or waited for a processor,
 *	                 and it ran for more than a quarter
 *	BLOCKED_…        the last look, and half of all, found it in some call
 *	UNKNOWN
 *
 * So one that was just woken is UNKNOWN, for want of time used. What Ferry
 * knows itself stands also when the system tells nothing.
 *
 * Progress is SOME when two looks differ: in the beat's word, in the stack, in
 * the call; or one found it in a call and the other running. It is NONE when
 * it is gone, or three looks agree on where it is, and between them it used no
 * processor at all or as much as one that spins. With less: a loop that sleeps
 * has the same call each time, and may get on; that is UNKNOWN.
 */
#ifndef FERRY_EVENT_VERDICT_H
#define FERRY_EVENT_VERDICT_H

#include <ferry/ferry.h>

#include "ffi/facts.h"

#define VERDICT_LOOKS 3u

/* One look. */
struct verdict_look {
	uint64_t at_ns;       /* ferry__os_now_ns() */
	uint64_t word;        /* of the beat, before and after */
	struct facts facts;
	/* ferry__trace_place(), or 0: two looks with the same are at the same
	 * place. */
	uint64_t place;
};

/* What Ferry itself knows of where the FFI thread is. */
enum verdict_wait {
	VERDICT_NOT_OURS,
	VERDICT_IN_EMIT,      /* waits for room, in ferry_context_emit(), and a
	                       * listener keeps it from being made */
	VERDICT_IN_HOOK,      /* waits for a cancel hook to return, itself or
	                       * for who would make that room */
	VERDICT_FOR_ROOM      /* waits for room, and neither is the cause */
};

/* Of one that waits for room: what is told besides. */
struct awaited_room {
	ferry_context context; /* whose events it is; 0: it does not wait */
	bool listens;          /* a listener keeps it from being made, … */
	const char *listener;  /* … its name, or NULL, */
	uint64_t listens_ns;   /* … and for how long; 0: in several calls */
};

struct verdict {
	uint32_t verdict;     /* FERRY_VERDICT_… */
	uint32_t progress;    /* FERRY_PROGRESS_… */
	/* The look that shows it: of BLOCKED_… and DISK_SLEEP, the latest one
	 * in the call that is meant; else the last one. */
	uint32_t shown;
	uint64_t cpu_ns;      /* between the first look and the last */
	uint64_t delay_ns;
	bool timed;           /* these are known */
	bool spins;           /* the rule of SPINNING holds, whatever else */
};

/* Blocked, and both in the same call: number, arguments, and place. */
bool ferry__verdict_same_call(const struct facts *a, const struct facts *b);

/*
 * For how long it was runnable and did not run, between two looks that far
 * apart. A kernel counts a delay when it ends: of a thread that was runnable
 * at both and used no processor, all the time between them was one, whatever
 * is counted. Where nothing is counted, what such a thread did not use is
 * taken for one. A delay that is counted may have begun before the first look,
 * and be longer than the time between them.
 */
uint64_t ferry__verdict_delay(
    const struct facts *a, const struct facts *b, uint64_t wall_ns);

/*
 * `n` looks, at most VERDICT_LOOKS, the oldest first, at one and the same piece
 * of work. STATE, EXISTS, CALL, CPU, DELAY and TRACER are used, and each may be
 * missing.
 */
struct verdict ferry__verdict(const struct verdict_look *looks, uint32_t n,
    enum verdict_wait wait, bool idle_with_work);

#endif
