/*
 * The event thread of a worker: delivers events, does what falls due, and
 * judges the worker's heartbeat.
 *
 * Owns: the sources (one per context of the worker) from add to finished, the
 * heap of what falls due, the judge.
 *
 * It sleeps on its own park word. Everything that wants its attention counts
 * `stirs` up (seq_cst) and wakes the park; the thread reads `stirs` before it
 * looks at anything, and again (seq_cst) after it announced its sleep: the
 * argument is park.h's, with the counter in place of the mouths.
 *
 * While the worker is busy, or was within the last second, it ticks; then it
 * sleeps deep, to be woken by the worker's busy edge (ffi/beat.h).
 */
#ifndef FERRY_EVENT_THREAD_H
#define FERRY_EVENT_THREAD_H

#include "event/due.h"
#include "event/inbox.h"
#include "event/queue.h"
#include "event/watchdog.h"
#include "ffi/park.h"

enum source_stage {
	SOURCE_OPEN,
	SOURCE_FINISHING, /* deliver what is queued, then CLOSED, then: */
	SOURCE_FINISHED   /* the event thread will not touch it again */
};

/* The event half of a context. */
struct source {
	ferry_context context;
	struct queue queue;
	struct attachments attachments;
	uint32_t policy;               /* FERRY_EVENTS_… */
	uint32_t tick_ms;              /* a third of its lowest level; 0: off */
	const char *const *names;      /* of events, by id */
	struct event_thread *thread;
	/* The FFI thread's and its submitters'. */
	atom32 stuck;                  /* FERRY_EVENTS_STUCK: refuse */
	atom32 closing;                /* a blocked emit gives up */
	atom32 room;                   /* counts up when there is room … */
	atom32 room_waited;            /* … for an emit that waits on it */
	count_single emitted;
	count_single refused;
	count_single unheard;
	count_single dropped;
	/* The event thread's. */
	struct queued *held;           /* taken, but some inbox has no room */
	count_single delivered;
	count_single overrun;
	count_single episodes;
	atom32 stage;
	struct source *next;
};

/* Whom the watcher would blame; filled in by the worker's side. */
struct suspect {
	ferry_request request;
	uint32_t method;
	const char *name;
	struct watchdog_limits limits;
};

struct event_ops {
	/* The request of this slot, if the heartbeat still names it. */
	bool (*suspect)(void *worker, uint32_t slot, struct suspect *out);
	/* Requests queued in a source's context. */
	uint64_t (*depth)(struct source *s);
	/* A deferred call's deadline has passed. */
	void (*expire)(struct node *n, uint64_t token);
};

struct event_thread {
	struct park park;
	atom32 stirs;
	const struct beat *beat;
	atom32 *deep;
	const struct event_ops *ops;
	void *worker;
	pthread_t thread;
	char name[16];
	struct due due;
	/* Under the mutex: the head of the list. */
	pthread_mutex_t mutex;
	struct source *sources;
	atom32 leaving;
	/* The thread's own. */
	ON_OWN_LINE struct watchdog dog;
	struct suspect suspect;
	uint64_t quiet_since_ns;
	uint64_t tick_ns;
	/* Published for ferry_context_health(). */
	atom32 state;                  /* FERRY_THREAD_… */
	atom32 level;
	atom32 id;
	atom64 looked_ns;
	atom64 age_ns;
	atom64 gaps;
};

/* Starts the thread, by its name; an errno. `worker` is for the ops. */
int ferry__event_thread_start(struct event_thread *t, struct beat *beat,
    const struct event_ops *ops, void *worker);

/* After every source has finished: ends and joins it. */
void ferry__event_thread_join(struct event_thread *t);

/* Something happened that it should look at; also the worker's busy edge,
 * which found it in deep sleep. */
void ferry__event_thread_stir(struct event_thread *t);

void ferry__event_thread_add(struct event_thread *t, struct source *s);

/* Delivers what is queued, posts CLOSED, lets go; false: not by then. May be
 * called again after a false. */
bool ferry__event_thread_finish(
    struct event_thread *t, struct source *s, uint64_t deadline_ns);

/* The number of the event that was queued last, as far as can be seen. */
static inline uint64_t
ferry__event_thread_sequence(const struct source *s)
{
	return count_read(&s->queue.sequence.n);
}

/* FFI thread: an event, by the source's policy. FERRY_OK, FERRY_ESTUCK,
 * FERRY_ECLOSED, FERRY_ENOMEM. */
int ferry__event_thread_emit(
    struct source *s, uint32_t event, const void *data, uint32_t size);

#endif
