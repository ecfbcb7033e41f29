/*
 * What is to be done about calls that do not come back: what a host has asked
 * for with ferry_context_watch(), and doing it.
 *
 * Owns: each source's wishes. They never change: others take their place.
 * Only the event thread uses them; who replaces them waits until it has let
 * go of the former ones, by the argument of a hazard pointer:
 *
 *	event thread   stores `used` (seq_cst), then reads `wishes` again
 *	who replaces   exchanges `wishes` (seq_cst), then reads `used`
 *
 * so that either the event thread sees the new ones, or the other sees that it
 * is to wait.
 */
#ifndef FERRY_EVENT_ACTIONS_H
#define FERRY_EVENT_ACTIONS_H

#include <ferry/ferry.h>

#include "event/watchdog.h"
#include "ffi/atomic.h"

struct wishes {
	uint32_t flags;               /* FERRY_WATCH_… */
	uint64_t interval_ns;         /* 0: no limit */
	uint32_t at[WATCHDOG_LEVELS]; /* FERRY_ACTION_… of each level */
	uint32_t lowest;              /* that has any; above FATAL: none */
	ferry_stall_fn callback;
	void *user;
	char path[];                  /* "": none */
};

/* How often one kind of action is taken. The event thread's. */
struct rate {
	uint64_t last_ns;
	uint64_t suppressed;
	bool told;                    /* of the episode that goes on */
};

struct actions {
	atomp wishes;                 /* struct wishes; NULL: notices alone */
	atomp used;                   /* by the event thread, just now */
	atom32 changed;               /* counts its letting go; slept on */
	/* The event thread's. */
	struct rate callback, file;
	uint32_t pending;             /* FERRY_ACTION_…: wait for frames */
	uint64_t ticket;              /* of its reports to files; 0: none */
};

/* From options; FERRY_EINVAL, FERRY_ENOMEM. NULL options: NULL wishes. */
int ferry__actions_make(struct wishes **out,
    const ferry_watch_options *options, uint32_t notify_level);

/* Puts them in place of others, which retire() frees once the event thread has
 * let go of them: until then it waits. */
struct wishes *ferry__actions_replace(struct actions *a, struct wishes *w);
void ferry__actions_retire(struct actions *a, struct wishes *old);

/* Event thread: what holds until it lets go; may be NULL. Also lets go in
 * place of a predecessor that a callback has ended. */
const struct wishes *ferry__actions_use(struct actions *a);
void ferry__actions_let_go(struct actions *a);

/* The lowest level at which anything is done, of a context whose own is
 * `notify_level`. */
uint32_t ferry__actions_lowest(
    const struct wishes *w, uint32_t notify_level);

/* What is to be done when `level` is reached after `before`. */
uint32_t ferry__actions_at(const struct wishes *w, uint32_t notify_level,
    uint32_t before, uint32_t level);

/* Whether this one may be taken now; else it counts as suppressed. */
bool ferry__actions_may(
    struct rate *r, const struct wishes *w, uint64_t now_ns);

#endif
