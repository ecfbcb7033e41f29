/*
 * A source: the event half of a context. What it says, who hears it.
 *
 * Owns: the queue of the FFI thread's events, the list of other threads', and
 * the counts of both. event/delivery.c has the way out.
 *
 * Threads: emit() on the FFI thread alone, emit_elsewhere() on any other. The
 * FFI thread's events sit in slots made at the open; those of other threads
 * are blocks from malloc, each of its own size, pushed onto a list: they need
 * no lock among themselves, cannot hold up the FFI thread, and a context to
 * which no other thread ever emits pays nothing for them.
 */
#ifndef FERRY_EVENT_SOURCE_H
#define FERRY_EVENT_SOURCE_H

#include "event/actions.h"
#include "event/attachment.h"
#include "event/listener.h"
#include "event/queue.h"

struct event_thread;

enum source_stage {
	SOURCE_OPEN,
	SOURCE_FINISHING, /* deliver what is queued, then CLOSED, then: */
	SOURCE_FINISHED   /* the event thread will not touch it again */
};

struct source {
	ferry_context context;
	struct queue queue;
	struct attachments attachments;
	struct listeners listeners;
	uint32_t policy;               /* FERRY_EVENTS_… */
	uint32_t capacity;             /* of events from elsewhere */
	uint32_t tick_ms;              /* a third of its lowest level; 0: off */
	uint32_t notify_level;         /* the context's */
	uint64_t notify_ns;            /* the age of that; 0: off */
	const char *library;           /* its name */
	const char *const *names;      /* of events, by id */
	struct actions actions;
	struct event_thread *thread;
	/* Emitters' and submitters'. */
	atom32 stuck;                  /* FERRY_EVENTS_STUCK: refuse */
	atom32 closing;                /* a blocked emit gives up */
	atom32 room;                   /* counts up when there is room … */
	atom32 room_waited;            /* … for emits that wait on it */
	/* The FFI thread's. */
	count_single refused;
	count_single unheard;
	count_single dropped;
	/* Other emitters': events that are out, tickets drawn, counts. */
	struct list elsewhere;
	atom32 elsewhere_out;
	atom64 tickets;
	atom64 elsewhere_emitted;
	atom64 elsewhere_refused;
	atom64 elsewhere_unheard;
	atom64 elsewhere_dropped;
	/* The event thread's. */
	ON_OWN_LINE struct queued *held; /* taken, but an inbox has no room */
	struct link *arrived;          /* from elsewhere, oldest first */
	uint64_t arrivals;
	bool turn;                     /* of those from elsewhere */
	count_single dispatched;
	count_single heard;
	count_single delivered;
	count_single overrun;
	count_single episodes;
	bool in_episode;               /* it counts the one that goes on */
	uint64_t queued_ns;            /* since when some wait; or 0: … */
	uint64_t queued_left;          /* … so many had left the queue then */
	atom32 stage;
	struct source *next;
};

/* False: no memory. Its context has filled in the constants. */
bool ferry__source_open(struct source *s, uint32_t capacity);

/* Once the event thread has let go. */
void ferry__source_close(struct source *s);

/* FFI thread: an event, by the source's policy. FERRY_OK, FERRY_ESTUCK,
 * FERRY_ECLOSED, FERRY_EDEADLK, FERRY_ENOMEM. */
int ferry__source_emit(
    struct source *s, uint32_t event, const void *data, uint32_t size);

/* The same on any other thread, which keeps the source from being closed. */
int ferry__source_emit_elsewhere(
    struct source *s, uint32_t event, const void *data, uint32_t size);

/* Any thread: one that could not be put together is counted as dropped. */
void ferry__source_lose(struct source *s);

/* No emit waits from now on. */
void ferry__source_shut(struct source *s);

/* What a hearer that comes now has nothing to do with. */
struct hearing ferry__source_now(const struct source *s);

/* Event thread: the next event to deliver, or NULL; and the end of it. */
struct queued *ferry__source_take(struct source *s);
void ferry__source_done(struct source *s, struct queued *e);

#endif
