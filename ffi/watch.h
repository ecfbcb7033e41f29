/*
 * What the event thread asks of the worker's side: whom a heartbeat names,
 * how much is queued behind it, and to end a deferred call whose deadline has
 * passed.
 */
#ifndef FERRY_FFI_WATCH_H
#define FERRY_FFI_WATCH_H

#include "event/thread.h"

extern const struct event_ops ferry__watch_ops;

/* The shortest tick that a context's levels and its methods' ask for, in
 * milliseconds: a third of the lowest; 0: nothing is watched. */
struct context;
uint32_t ferry__watch_tick(const struct context *c);

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
