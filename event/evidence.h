/*
 * Evidence against a call that does not come back: a few looks at its thread,
 * what they amount to, and its stack.
 *
 * What is said of a call is of one moment: its descriptor's target and its
 * lock's owner are read while it stands there, looks that are no longer fresh
 * are forgotten, and a stack is shown only with a look that is in its place.
 * What follows is kept as a finding: the evidence may be of another call by
 * the time when that is told.
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

#define EVIDENCE_TARGET 256u

/* A look with what else was read while the thread stood there. */
struct sight {
	struct verdict_look look;
	uint64_t serial;         /* of the piece of work; 0: none was taken */
	uint64_t turn;           /* of the watcher's, at which it was taken */
	uint32_t owner;          /* of the lock that it waits for; 0: unknown */
	char target[EVIDENCE_TARGET]; /* of its call's descriptor; or "" */
};

/* What the looks at one piece of work came to. */
struct finding {
	struct verdict verdict;
	uint32_t looks;
	struct sight shown;      /* what shows it; or none */
};

struct evidence {
	uint64_t serial;         /* of the piece of work that it is about */
	uint32_t thread;         /* system id of who does it */
	uint32_t n;              /* looks kept */
	enum verdict_wait wait;  /* at the latest of these */
	struct sight sights[VERDICT_LOOKS]; /* the oldest first */
	/* The last call that it was seen in by its own number: see
	 * ferry__facts_call_is_resumed(). */
	struct facts call;
	/* Of a copy that waits until the scribe has nothing in hand. */
	struct sight waiting;
	bool symbols;
	struct trace latest;
	/* By turns: what one has come to is kept while the scribe has the
	 * other in hand, for a thread that moves shows another place at every
	 * look. */
	struct unwinding {
		struct scribe_job job;
		struct sight of;
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

/* How a look is taken. */
struct evidence_look {
	const struct beat *beat;
	uint64_t word;           /* of the piece of work, at the time */
	enum verdict_wait wait;  /* where in Ferry it was just seen to wait */
	uint32_t flags;          /* FERRY_WATCH_…: no stack, no symbols */
	uint64_t turn;           /* of the watcher's; one look at each */
	uint64_t tick_ns;        /* between two of these */
};

/*
 * A look: facts, and a copy of the stack, which is given to the scribe as soon
 * as that has nothing in hand. If the heartbeat's word is not the same before
 * and after, the look is forgotten: false.
 */
bool ferry__evidence_look(
    struct evidence *e, const struct evidence_look *how);

/* What the looks at that piece of work come to: nothing, if the evidence is of
 * another one, or NULL. */
void ferry__evidence_find(struct finding *out, const struct evidence *e,
    uint64_t serial, bool idle_with_work);

/* The frames of the place that is shown, or NULL; and whether they are to
 * come. The scribe may have been busy: then it gets what waits. */
const struct frames *ferry__evidence_frames(
    const struct evidence *e, const struct finding *f);
bool ferry__evidence_awaits(
    const struct evidence *e, const struct finding *f);
void ferry__evidence_hand_on(struct evidence *e);

#endif
