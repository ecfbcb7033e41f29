/*
 * What the event thread asks of the worker's side: whom a heartbeat names,
 * how much is queued behind it, and to end a deferred call whose deadline has
 * passed.
 */
#ifndef FERRY_FFI_WATCH_H
#define FERRY_FFI_WATCH_H

#include "ffi/worker.h"

extern const struct event_ops ferry__watch_ops;

/*
 * FFI thread: if a listener has held the event thread for as long as a
 * context's calls may take until they are announced, its inboxes are told,
 * once; and again when it has returned.
 */
void ferry__watch_listener(struct worker *w);

/* The same between two requests of a batch: mostly one load. */
static inline void
ferry__watch_between(struct worker *w)
{
	/* Relaxed: looked at again where it matters. */
	if (UNLIKELY(atom64_load_relaxed(&w->events.listening) != 0))
		ferry__watch_listener(w);
}

/* Whether there is such a thing to look at, or to tell. */
bool ferry__watch_listens(const struct worker *w);

/* The shortest tick that a context's levels and its methods' ask for, in
 * milliseconds: a third of the lowest; 0: nothing is watched. */
struct context;
uint32_t ferry__watch_tick(const struct context *c);

/* The age at which a stall of a call without levels of its own is announced;
 * 0: at none. */
uint64_t ferry__watch_notify_ns(const struct context *c);

/* A library's methods with levels resolved, kept for ever; NULL: no memory. */
struct library;
const struct methods *ferry__watch_methods(const struct library *l,
    const ferry_levels *levels, uint32_t notify_level);

/* Fills in what the levels inherit. */
ferry_levels ferry__watch_resolve(
    const ferry_levels *own, const ferry_levels *from);

/* Of a context whose own says nothing. */
extern const ferry_levels ferry__watch_defaults;

#endif
