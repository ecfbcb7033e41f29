/*
 * What the watcher has in hand of a call that does not come back: evidence,
 * what that came to when it was told of, and the report.
 *
 * Owns: judge.docket, made at the first need.
 * Threads: the event thread.
 */
#ifndef FERRY_EVENT_DOCKET_H
#define FERRY_EVENT_DOCKET_H

#include "event/judge.h"

/* False: no memory, now. */
bool ferry__docket_make(struct event_thread *t);

/* A look at the thread that the word is of, for a report on that piece of work;
 * `flags`: FERRY_WATCH_…. */
void ferry__docket_gather(struct event_thread *t, uint64_t serial,
    uint64_t word, uint32_t flags);

/* Whether there has been one. */
bool ferry__docket_knows(const struct judge *j, uint64_t serial);

/* What is known of that piece of work now, which is what will be said of it:
 * also later, when another one is looked at. */
void ferry__docket_find(
    struct event_thread *t, uint64_t serial, bool idle_with_work);

/* Of what was found, with the frames that there are. NULL: no memory. Good
 * until the next. */
struct report *ferry__docket_report(
    struct event_thread *t, const struct report_case *c);

/* Whether its frames are still to come. */
bool ferry__docket_awaits(const struct judge *j);

/* A copy that waited for the scribe, if that has nothing in hand. */
void ferry__docket_hand_on(struct judge *j);

#endif
