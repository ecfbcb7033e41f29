/*
 * Evidence against a call that does not come back: a few looks at its thread,
 * what they amount to, and its stack.
 *
 * Owns: one event thread's looks and copies. The memory comes when it is first
 * needed, and stays: a scribe may have it in hand.
 *
 * Threads: the event thread.
 */
#ifndef FERRY_EVENT_EVIDENCE_H
#define FERRY_EVENT_EVIDENCE_H

#include "event/scribe.h"
#include "event/verdict.h"
#include "ffi/beat.h"

struct evidence {
	uint64_t serial;         /* of the piece of work that it is about */
	uint32_t thread;         /* system id of who does it */
	uint32_t n;              /* looks kept … */
	uint32_t total;          /* … of so many */
	enum verdict_wait wait;  /* at the latest of these */
	struct verdict_look looks[VERDICT_LOOKS]; /* the oldest first */
	struct trace latest;
	/* By turns: what one has come to is kept while the scribe has the
	 * other in hand, for a thread that moves shows another place at every
	 * look. */
	struct unwinding {
		struct scribe_job job;
		uint64_t place;  /* that it shows; 0: none */
		uint64_t serial;
	} unwindings[2];
	uint32_t newest;
	uint64_t ask_ns;         /* one that runs is not asked before this */
	uint8_t room[3][TRACE_BYTES];
};

/* NULL: no memory. `done(arg)` is called when frames are there. */
struct evidence *ferry__evidence_make(void (*done)(void *arg), void *arg);

/* From here on it is about another piece of work, or (0) about none. */
void ferry__evidence_about(
    struct evidence *e, uint64_t serial, uint32_t thread);

/*
 * A look: facts, a copy of the stack unless `flags` (FERRY_WATCH_…) say no,
 * which is given to the scribe if it has nothing in hand; and where in Ferry
 * it has just been seen to wait. If the heartbeat's word is not the same
 * before and after, the look is forgotten: false.
 */
bool ferry__evidence_look(
    struct evidence *e, const struct beat *beat, uint64_t word,
    enum verdict_wait wait, uint32_t flags);

struct verdict ferry__evidence_verdict(
    const struct evidence *e, bool idle_with_work);

/* The facts of one of the looks kept, or NULL. */
const struct facts *ferry__evidence_facts(
    const struct evidence *e, uint32_t look);

/* The newest frames of this piece of work, or NULL; and whether some are to
 * come. */
const struct frames *ferry__evidence_frames(const struct evidence *e);
bool ferry__evidence_awaits(const struct evidence *e);

#endif
