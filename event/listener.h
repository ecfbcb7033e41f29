/*
 * Listeners: functions that hear a context's events.
 *
 * Owns: listeners, from add to gone. Never freed: one that is gone is used
 * again, by its slot's next token.
 *
 *	31                3   2      1         0
 *	|      life       | GONE | CALLING | REMOVED |
 *
 * Transitions of the word, `life` being the token's count:
 *	event thread  from {} to {CALLING}, calls, and back
 *	remover       from {…} to {… REMOVED}
 *	event thread  from {REMOVED} to {REMOVED GONE}: off the list, `gone`
 *	              has returned; whoever waits is woken
 *
 * Proof. A call starts by a compare-and-swap from a word without REMOVED, and
 * a remove has returned only after one that set it: in the word's order either
 * the call started before the remove, or it does not start. `gone` is called
 * by the one thread that also makes the calls, after it has taken the listener
 * off the list, so no call can run then or later. A remover with a stale token
 * finds another life and changes nothing.
 *
 * Only the event thread takes out of the list, and others put in only at its
 * head: a walk from a head seen once meets what was there then (the snapshot
 * of an event), however many come and go meanwhile.
 *
 * Modelled in tests/model/listener.pml.
 */
#ifndef FERRY_EVENT_LISTENER_H
#define FERRY_EVENT_LISTENER_H

#include <ferry/ferry.h>

#include "event/hearing.h"
#include "ffi/token.h"

struct event_thread;

struct listener {
	struct slot *slot;
	/* Constant until it is gone. */
	ferry_listener token;
	ferry_context context;
	uint32_t event;             /* or FERRY_EVENT_ANY */
	ferry_listener_fn hear;
	ferry_gone_fn gone;
	void *user;
	atomp name;                 /* interned, or NULL; read by anybody */
	atomp thread;               /* struct event_thread; likewise */
	atom32 word;
	/* The event thread's. */
	struct hearing hearing;
	uint64_t dropped;           /* since the event called for last */
	atomp next;                 /* in the list */
};

/* The listeners of one source. */
struct listeners {
	pthread_mutex_t mutex;      /* among those that add */
	atomp first;
	atom32 count;               /* in the list */
	struct listener *leaving;   /* the event thread's: off the list */
};

void ferry__listener_init(struct listeners *list);
void ferry__listener_reset(struct listeners *list);

/* Adds one, to hear from here on; FERRY_EINVAL, FERRY_ENOMEM. The caller keeps
 * the source from being finished. */
int ferry__listener_add(ferry_listener *out, struct listeners *list,
    ferry_context context, const ferry_listener_options *o,
    const struct hearing *from, struct event_thread *t);

/* Event thread: calls visit() for each that is in the list now. */
void ferry__listener_each(struct listeners *list,
    void (*visit)(struct listener *l, void *arg), void *arg);

/* Event thread: a call may start; it has ended. */
bool ferry__listener_begin(struct listener *l);
void ferry__listener_end(struct listener *l);

/* Event thread: takes out those removed, or all; leave() is called for each,
 * calls its `gone`, and then gone() below. */
void ferry__listener_sweep(struct listeners *list, bool all,
    void (*leave)(struct listener *l, void *arg), void *arg);
void ferry__listener_gone(struct listener *l);

/* In a forked child: see ffi/forked.c. */
void ferry__listener_forked(void);

/* The name of a live one, or NULL. */
const char *ferry__listener_name(ferry_listener token);

#endif
