/*
 * tests/api/world: a host in the middle of everything.
 *
 * world_open() returns when all of this is going on at once:
 *
 *	stream    two threads submit without a pause: one by one and in chains,
 *	          copied and adopted, with callbacks and to an inbox that nobody
 *	          takes from
 *	stuck     a handler in nanosleep() or poll() that will never come back,
 *	          a batch queued behind it, a thread in ferry_request_invoke()
 *	late      calls that were deferred and are never answered, handles that
 *	          are open, events that wait to be taken
 *	inbox     undelivered replies and events
 *	empty     a thread in ferry_inbox_wait(), for ever
 *
 * It is the same for C, for C++ and, as libworld.so, for Python.
 */
#ifndef WORLD_H
#define WORLD_H

#include <ferry/ferry.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	WORLD_POLL = 1u << 0,  /* the stuck handler is in poll() */
	WORLD_ONE = 1u << 1,   /* stream and late have one worker */
	WORLD_LIGHT = 1u << 2, /* no stuck, no late: it can come to rest */
	WORLD_MODES = 8
};

enum world_method {
	WORLD_NOP,   /* FERRY_OK */
	WORLD_STUCK, /* never comes back */
	WORLD_LATER, /* defers, opens a handle, emits */
	WORLD_RUN,   /* a world_job: called */
	WORLD_N_METHODS
};

typedef int (*world_job)(ferry_call call);

struct world {
	ferry_context stream;
	ferry_context stuck; /* 0 in a light one; late too */
	ferry_context late;
	ferry_inbox inbox;
	ferry_inbox empty;
	ferry_inbox bell;    /* rings `doorbell`, if there is one */
	ferry_doorbell_fn doorbell;
};

FERRY_API void world_open(struct world *w, unsigned modes);

/* ferry_quiesce() from a thread of the host's, held to what it must say. */
FERRY_API void world_quiesce(unsigned modes);

/* Closes everything as far as it can be, and holds it to that. */
FERRY_API void world_close(struct world *w, unsigned modes);

/* Ferry still answers, or says that it was quiesced. */
FERRY_API void world_ask(struct world *w);

/* Runs the job as a handler of the stream, or as the reply's callback. */
FERRY_API void world_run(struct world *w, world_job job);

/* For who has nothing more to do. */
FERRY_API void world_stay(void);

#ifdef __cplusplus
}
#endif

#endif
