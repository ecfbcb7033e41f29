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
	SELF_DOORBELL = 1u << 5  /* in a doorbell function */
};

#define SELF_RECENT 4u

struct self {
	struct home *recent[SELF_RECENT]; /* by context slot */
	struct home *homes;      /* all of this thread's */
	struct worker *worker;   /* on an FFI thread: whose */
	void *hook_context;      /* in a cancel hook: its context */
	uint32_t roles;
	uint32_t serial;         /* of the thread; 0: not numbered yet */
	struct spin spin;        /* for its blocking waits */
};

extern FERRY__TLS struct self ferry__self;

#endif
