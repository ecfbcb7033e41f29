/*
 * Notices of an episode, or of what is none, to inboxes that want liveness; and
 * who has been told of the episode that goes on.
 *
 * Threads: the event thread.
 */
#ifndef FERRY_EVENT_ANNOUNCE_H
#define FERRY_EVENT_ANNOUNCE_H

#include "event/report.h"

struct event_thread;
struct source;

/* FERRY_KIND_…, with a report or NULL: to the inboxes of one context; and to
 * those of all, from `first` on: every context of the worker is affected. */
void ferry__announce_in(struct event_thread *t, struct source *s,
    uint32_t kind, const struct report_case *c, const struct report *r);
void ferry__announce(struct event_thread *t, struct source *first,
    uint32_t kind, const struct report_case *c, const struct report *r);

/* An episode counts once in each context, whichever way it is told of first;
 * and it has ended for this one. */
void ferry__announce_count(struct source *s);
void ferry__announce_ended(struct source *s);

#endif
