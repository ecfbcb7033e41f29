/*
 * What the calling thread is to Ferry: which homes it submits from, and, on
 * Ferry's own threads and inside callbacks, whose code is running on it.
 *
 * Owned by the thread itself; nobody else looks. Small, because it lives in
 * the initial-exec TLS block of every thread of the process.
 */
#ifndef FERRY_FFI_SELF_H
#define FERRY_FFI_SELF_H

#include "ffi/park.h"

struct coro;
struct home;
struct node;
struct worker;

/* Whose code is running on this thread; several may hold (a hook inside a
 * doorbell cannot, a callback on the FFI thread does). */
enum self_role {
	SELF_FFI = 1u << 0,      /* a worker's thread */
	SELF_EVENT = 1u << 1,    /* an event thread */
	SELF_HANDLER = 1u << 2,  /* in a handler, init, fini or destroy */
	SELF_CALLBACK = 1u << 3, /* in a reply callback */
	SELF_HOOK = 1u << 4,     /* in a cancel hook */
	SELF_DOORBELL = 1u << 5, /* in a doorbell function */
	SELF_LISTENER = 1u << 6, /* in a listener, or a gone function */
	SELF_POOL = 1u << 7      /* in a function that a strand offloaded */
};

/*
 * Whom a thread of Ferry's waits for, if it does: wait.c, where the argument
 * is. One for each FFI and each event thread; others look at it.
 */
struct waits {
	ON_OWN_LINE atomp on; /* struct waits */
	atom64 request;       /* until it is answered; or 0 */
	atomp room;           /* atom32: until it is another than this; or */
	atom32 room_seen;     /* NULL */
	atom32 ringing;       /* it is in a doorbell function */
};

#define SELF_RECENT 4u

struct self {
	struct home *recent[SELF_RECENT]; /* by context slot */
	struct home *homes;      /* all of this thread's */
	struct worker *worker;   /* on an FFI thread: whose */
	struct waits *waits;     /* on a Ferry thread: its own */
	void *hook_context;      /* in a cancel hook: its context */
	struct coro *coro;       /* the strand whose stack this is; or NULL */
	uint32_t roles;
	uint32_t serial;         /* of the thread; 0: not numbered yet */
	uint32_t epoch;          /* of its process, and 1; 0: fresh; fork.h */
	struct spin spin;        /* for its blocking waits */
};

extern HIDDEN FERRY__TLS struct self ferry__self;

void ferry__self_run_out(void (*fn)(void *), void *arg);

/* Code of the host's that may be called on behalf of a strand: on the thread's
 * own stack (law 5). */
static inline void
ferry__self_run(void (*fn)(void *), void *arg)
{
	if (UNLIKELY(ferry__self.coro != NULL))
		ferry__self_run_out(fn, arg);
	else
		fn(arg);
}

#endif
