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
#include "event/judge.h"
#include "event/source.h"
#include "ffi/park.h"
#include "ffi/self.h"

struct event_ops {
	/* The request that this word of the heartbeat names, if it still does,
	 * which the caller looks at. */
	bool (*suspect)(void *worker, uint64_t word, struct suspect *out);
	/* System id of the FFI thread; and whether it waits in Ferry. */
	uint32_t (*thread_id)(void *worker);
	enum verdict_wait (*waits)(void *worker);
	/* More of that, if it waits for room. */
	void (*room)(void *worker, struct awaited_room *out);
	/* Requests queued in a source's context. */
	uint64_t (*depth)(struct source *s);
	/* How many have left that queue: been started, or answered in it. */
	uint64_t (*left)(struct source *s);
	/* A deferred call's deadline has passed. */
	void (*expire)(struct node *n, uint64_t token);
	/* Wakes the FFI thread, to tell that a listener has returned. */
	void (*rouse)(void *worker);
	/* This thread waits for that one, in an emit: FERRY_OK when there may
	 * be room, or FERRY_EDEADLK; and then, it waits no more. */
	int (*block)(struct waits *on, atom32 *room, uint32_t seen);
	void (*unblock)(void);
};

struct event_thread {
	struct park park;
	atom32 stirs;
	atom32 sweep;                  /* listeners have been removed */
	const struct beat *beat;
	atom32 *deep;
	const struct event_ops *ops;
	void *worker;
	pthread_t thread;              /* the last successor's */
	bool detached;                 /* it is: a lost one, with none */
	uint32_t mark;                 /* of its process; ffi/fork.h */
	char name[16];
	struct due due;
	/* Under the mutex: the head of the list. */
	pthread_mutex_t mutex;
	struct source *sources;
	atom32 leaving;
	atom32 gone;                   /* the thread has left its loop */
	/* The thread's own. */
	ON_OWN_LINE struct judge judge;
	uint64_t quiet_since_ns;
	uint64_t tick_ns;
	struct listener *in_hand;      /* it is in its code; or NULL */
	count_single lost;             /* event threads ended by callbacks */
	atom64 unwritten;              /* reports that no file got */
	struct waits waits;
	/* Published for ferry_context_health(), and for the FFI thread. */
	ON_OWN_LINE atom64 listening;  /* the listener that it is in, or the
	                                * context whose stall callback; or 0 */
	atom64 listening_since;
	atom64 listened_ns;            /* when it has left the last one */
	atom32 listening_event;
	atomp listening_name;          /* its name, else the event's, or NULL */
	atom32 state;                  /* FERRY_THREAD_… */
	atom32 level;
	atom32 id;
	/* What the last look found, and last of it when that was: the FFI
	 * thread's coarse clock (ffi/timing.h). */
	atom64 judged;                 /* the hold: the sequence of its beat */
	atom64 judged_since_ns;        /* when that was seen first */
	atom32 judged_level;           /* the highest it was seen at */
	atom64 planned_ns;             /* the tick */
	atom64 looked_ns;
	atom64 age_ns;
	atom64 gaps;
	/* The FFI thread's: since when the listener was running of which it
	 * told last; 0: it has told of its end too. */
	atom64 told;
};

/* Starts the thread, by its name; an errno. `worker` is for the ops. */
int ferry__event_thread_start(struct event_thread *t, struct beat *beat,
    const struct event_ops *ops, void *worker);

/* After every source has finished: it is to end … */
void ferry__event_thread_leave(struct event_thread *t);

/* … and has ended; tells it so, if nobody has. */
void ferry__event_thread_join(struct event_thread *t);

/* Something happened that it should look at; also the worker's busy edge,
 * which found it in deep sleep. */
void ferry__event_thread_stir(struct event_thread *t);

/* Of the event thread: a look is over, which found this hold at that level. */
static inline void
ferry__event_thread_looked(struct event_thread *t, uint64_t hold,
    uint32_t level, uint64_t now_ns)
{
	/* Relaxed, all but the last: this thread's, and published by that. */
	if (hold != atom64_load_relaxed(&t->judged)) {
		atom64_store_relaxed(&t->judged, hold);
		atom64_store_relaxed(&t->judged_since_ns, now_ns);
		atom32_store_relaxed(&t->judged_level, level);
	} else if (level > atom32_load_relaxed(&t->judged_level)) {
		atom32_store_relaxed(&t->judged_level, level);
	}
	atom64_store_relaxed(&t->planned_ns, t->tick_ns);
	/* pair(look) release: what it found. */
	atom64_store_release(&t->looked_ns, now_ns);
}

void ferry__event_thread_add(struct event_thread *t, struct source *s);

/* Delivers what is queued, posts CLOSED, lets go; false: not by then. May be
 * called again after a false. */
bool ferry__event_thread_finish(
    struct event_thread *t, struct source *s, uint64_t deadline_ns);

/* A listener has been removed, of one of its sources. */
void ferry__event_thread_sweep(struct event_thread *t);

#endif
