/*
 * Delivery: a source's events on their way to listeners and inboxes. The event
 * thread's alone.
 */
#ifndef FERRY_EVENT_DELIVERY_H
#define FERRY_EVENT_DELIVERY_H

#include "event/source.h"

struct event_thread;

enum delivery {
	DELIVERY_DONE, /* nothing is queued */
	DELIVERY_HELD, /* the rest waits for room in an inbox */
	DELIVERY_MORE  /* enough for one turn: others are waiting too */
};

/*
 * The event thread is in code of the host's: a listener, or the stall callback
 * of a context, whose token and name that is; and has returned, of which it
 * tells when. For health, and for the FFI thread, which tells of it.
 */
void ferry__delivery_enter(struct event_thread *t, uint64_t token,
    uint32_t event, const char *name, uint64_t now_ns);
uint64_t ferry__delivery_leave(struct event_thread *t, uint64_t since);

/* Lets go of listeners that have been removed. */
void ferry__delivery_sweep(struct event_thread *t, struct source *s);

/* Delivers for a turn. */
enum delivery ferry__delivery_turn(struct event_thread *t, struct source *s);

/* Delivers everything, posts CLOSED, and lets all hearers go. */
void ferry__delivery_finish(struct event_thread *t, struct source *s);

/* A listener, a gone function, or a stall callback, has ended its thread: what
 * its return would have done. The event, if there is one, is held, and goes on
 * to the others. */
void ferry__delivery_mend(struct event_thread *t);

#endif
