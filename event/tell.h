/*
 * What follows from a judgement: inboxes, callback and file get reports, each
 * what it has asked for.
 *
 * Threads: the event thread.
 */
#ifndef FERRY_EVENT_TELL_H
#define FERRY_EVENT_TELL_H

#include "event/judge.h"

/* In the list, whose it is; NULL: it has gone. An init's has not come yet: it
 * is told of as a matter of the first. */
struct source *ferry__tell_source(
    struct source *first, const struct suspect *p);

/* From that one on: who else is told, each as it wants. Of an init, the others
 * on the worker; of anything else, nobody: NULL. */
struct source *ferry__tell_next(struct source *s, const struct suspect *p);

/* A look at the thread that the word is of, for a report on that piece of
 * work. */
void ferry__tell_gather(struct event_thread *t, struct source *s,
    uint64_t serial, uint64_t word);

/* An episode has begun, has got worse, or goes on (WATCHDOG_…): of the
 * suspect, a call of the source `s`, or an init and `s` is the first of all. */
void ferry__tell_act(struct event_thread *t, struct source *first,
    struct source *s, uint32_t actions, uint64_t now_ns);
void ferry__tell_end(struct event_thread *t, struct source *first,
    const struct watchdog_result *v, uint64_t now_ns);

/* The source finishes: what its host has heard the begin of has ended. */
void ferry__tell_leave(struct event_thread *t, struct source *first,
    struct source *s, uint64_t now_ns);

/* The call of `s` is late, within `limits`, and it is no stall: it gets no
 * processor, or (WATCHDOG_HELD) is stopped. */
void ferry__tell_no_stall(struct event_thread *t, struct source *first,
    struct source *s, const struct watchdog_limits *limits, uint32_t action,
    uint64_t now_ns);

/* A wake-up was lost; and the thread moves again. */
void ferry__tell_lost(struct event_thread *t, struct source *first,
    uint64_t word, uint64_t now_ns);
void ferry__tell_found(
    struct event_thread *t, struct source *first, uint64_t now_ns);

/* What waited for frames, if they are there, or it has waited for long
 * enough. */
void ferry__tell_settle(
    struct event_thread *t, struct source *first, uint64_t now_ns);

#endif
