/*
 * A pool of threads for what may block: jobs wait in one queue, and a worker
 * takes one when it has nothing else to do.
 *
 * Owns: its threads, and a job from give to the moment that it runs. Jobs are
 * part of something of their giver's; nothing is allocated to give one. A job
 * is read for the last time before `run` is called with it, so that `run` may
 * free it.
 *
 * Elastic: a worker comes when something waits and nobody is idle, up to a
 * bound, and goes when it has been idle for long enough. Nothing polls: an
 * idle worker that is one too many sleeps once until that moment, the others
 * without a deadline.
 *
 * Everything is under one mutex but the jobs themselves. What keeps it right:
 *
 *	given = waiting + running + withdrawn + the sum of ended
 *
 *	While something waits and somebody could take it (a worker is idle,
 *	or the bound is not reached), one is `coming`: called or started, and
 *	has not looked at the queue yet. Only one at a time, so that a burst
 *	of small jobs does not wake everybody: who comes takes a job and,
 *	before running it, calls the next if there is more. So a slow job
 *	holds nobody up, as it is not running before another is on its way.
 *
 *	Who comes and cannot (no thread is to be had) hands that on to whoever
 *	has become idle meanwhile. Otherwise the job waits for a worker that
 *	there is. If there is none, give fails.
 *
 *	As long as a thread is being started without the mutex, the last
 *	worker does not go: only the first one is started with it. So there
 *	is somebody for those who rely on the one that is starting. It rests
 *	for its idle time once more, and goes then.
 *
 * Order: jobs begin in the order in which they were given, each with a ticket
 * of one more than the last. Everything up to a ticket has ended when neither
 * the first that waits nor any that runs has that ticket or a lower one.
 */
#ifndef FERRY_FFI_POOL_H
#define FERRY_FFI_POOL_H

#include "ffi/list.h"
#include "ffi/os.h"

#define POOL_MOST 64u /* workers */

struct pool;

/* How a job ended. */
enum pool_end {
	POOL_DONE,
	POOL_FAILED,   /* with an error */
	POOL_CANCELED, /* something else ran in its place */
	POOL_LOST,     /* it ended its thread */
	POOL_ENDS
};

/* Zeroed before it is given for the first time. */
struct pool_job {
	struct link link;          /* the next one that waits */
	struct pool_job *before;
	uint64_t ticket;           /* while it waits; else 0 */
	void (*what)(void);        /* whose code it is, for reports */
};

struct pool_ops {
	/* Runs a job, or what is to be done in its place; must not return
	 * POOL_LOST. */
	enum pool_end (*run)(struct pool *p, struct pool_job *j, bool cancel);
	/* It has ended its thread. `run` may have freed the job: the address
	 * is only its name. Optional. */
	void (*lost)(struct pool *p, struct pool_job *j);
};

struct pool_options {
	const char *name;  /* of its threads, at most 15 bytes; for ever */
	unsigned least;    /* workers that stay when idle */
	unsigned most;     /* 1 … POOL_MOST, and not under `least` */
	uint64_t idle_ns;  /* the others stay for so long; OS_NEVER: for ever */
	size_t stack_size; /* 0: the system's */
	bool for_ever;     /* is never stopped: who goes, goes unjoined */
};

struct pool_counts {
	uint64_t given;
	uint64_t waiting, waiting_max;
	uint64_t running, running_max;
	uint64_t withdrawn;
	uint64_t ended[POOL_ENDS];
	uint64_t workers_started;
	uint64_t workers_refused; /* no thread was to be had */
	uint64_t workers_max;
};

/* What a pool does just now. */
struct pool_state {
	struct pool_counts n;
	unsigned workers;    /* those that are being started too */
	void (*what)(void);  /* the job that has run longest; or NULL … */
	uint64_t since_ns;   /* … and since when */
	uint64_t stuck_ns;   /* all workers are busy, something waits, and the
	                      * last job began at this moment; 0: not so */
};

struct pool_worker {
	ON_OWN_LINE atom32 called; /* it sleeps on this until it is 1 */
	struct pool *pool;
	struct pool_worker *below; /* in the stack of idle ones */
	struct pool_job *job;      /* in hand */
	uint64_t ticket;           /* of that; else 0 */
	void (*what)(void);
	uint64_t since_ns;
	pthread_t thread;
	uint32_t mark;             /* of its process; fork.h */
	bool taken;                /* this slot is somebody's */
	bool coming;
	bool arrived;
	bool idle;
	bool cancels;              /* the job in hand */
	bool detached;
};

/* A worker for each of `most`, one for a cancel, and one that takes the place
 * of another. */
#define POOL_SLOTS (POOL_MOST + 2)

/* Static ones are initialised by POOL_INIT. */
struct pool {
	pthread_mutex_t mutex;
	const struct pool_ops *ops;
	struct pool_options o;
	struct pool_worker *workers;  /* POOL_SLOTS of them, never freed */
	struct pool_worker *idle;     /* who came last goes first */
	struct pool_job *first, *last;
	struct pool_counts n;
	uint64_t begun_ns;            /* the last job, or the queue */
	unsigned live;                /* threads that there are or may be */
	unsigned arrived;             /* of them, those that are */
	unsigned coming;
	unsigned awaiters;
	bool stopping;
	bool resting;                 /* workers go, and nobody joins them */
	bool canceling;
	bool has_ended;               /* somebody is to be joined: */
	pthread_t ended;
	atom32 changes;               /* awaiters sleep on this */
};

#define POOL_INIT { .mutex = PTHREAD_MUTEX_INITIALIZER }

/* Starts it and its `least` workers, or again after a stop. One caller at a
 * time, also against stop. FERRY_ENOMEM, FERRY_ESYSTEM. */
int ferry__pool_start(struct pool *p, const struct pool_ops *ops,
    const struct pool_options *o);

/*
 * Gives `n` jobs, linked by their links, in this order; n > 0. FERRY_ESYSTEM:
 * there is no worker and none to be had, and nothing was given. From any
 * thread, not after stop.
 */
int ferry__pool_give(struct pool *p, struct pool_job *j, unsigned n);

/* Takes a job back: true, it has not begun and never will. It must be a job
 * that `run` does not free. */
bool ferry__pool_withdraw(struct pool *p, struct pool_job *j);

/* The ticket of the job that was given last. */
uint64_t ferry__pool_ticket(struct pool *p);

/* Until everything up to the ticket has ended, or a signal, or the deadline;
 * OS_WOKEN: it has. */
enum os_sleep ferry__pool_await(
    struct pool *p, uint64_t ticket, uint64_t deadline_ns);

/* From here on jobs are cancelled, by one worker more than there may be
 * otherwise; until the next start. */
void ferry__pool_cancel(struct pool *p);

/* Ends the workers, once nothing waits, and joins them. False: not by the
 * deadline; may be called again. */
bool ferry__pool_stop(struct pool *p, uint64_t deadline_ns);

/* Ends the workers that have nothing to do, and joins them; those that run
 * something end after it, by themselves. Nothing waits, and nobody gives until
 * resume. */
void ferry__pool_rest(struct pool *p);
void ferry__pool_resume(struct pool *p);

/* Whether the calling thread is one of its workers. */
bool ferry__pool_has_me(struct pool *p);

void ferry__pool_look(struct pool *p, struct pool_state *out);

/* In a forked child: as before the first start, see forked.c. */
void ferry__pool_forked(struct pool *p);

#endif
