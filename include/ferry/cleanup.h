/*
 * Ferry's cleanup lane: fire-and-forget jobs for destructors and finalizers.
 *
 * A part of <ferry/ferry.h>, which includes it; include that.
 *
 * A finalizer runs where nothing may be waited for: on any thread, at any
 * bytecode, during unwinding, in a thread's last destructor. What it has to
 * do (close a file, free an object of a library, close a context) may block.
 * So it hands that to the lane, which runs it on threads of its own. There is
 * one lane in a process.
 *
 *	job       a function and its argument, to be run once, some time
 *	cancel    what is run in its place if the lane is shut down by CANCEL
 *	node      room for one job, a part of the object that will need one
 *
 * THE PROMISE. FERRY_OK from a submit or post says that exactly one of `fn`
 * and `cancel` will run, once, on a thread of the lane, never inside the
 * submit. Anything else says that neither will, and that `arg` is still the
 * caller's. When the process ends, and in a forked child, neither runs.
 *
 * WHERE FROM. ferry_cleanup_submit() and ferry_cleanup_post() do not block,
 * allocate, lock, or call back, and use nothing that belongs to a thread: they
 * may be called on any thread at any time, also one that has never called
 * Ferry, is ending, or is in a signal handler (on Linux); before the start and
 * after the stop, where they say so.
 *
 * ORDER. None is promised between jobs, also of one thread. What a thread did
 * before its submit is seen by the job.
 *
 * JOBS are independent. A job gets a worker when it starts and not before, so
 * a slow one delays no other as long as there is a worker left: there are as
 * many as needed, up to workers_most. A job that returns an error is counted;
 * one that ends its thread (pthread_exit(), cancellation, also one that is left
 * pending) is counted lost and its worker replaced. Jobs may submit and post
 * jobs, and use all of Ferry like any thread of the host's; only flush and
 * shutdown are refused. They must not throw, must not longjmp out, and leave
 * the thread as they found it (cancellation type, signal mask). What a crash,
 * exit() or a lock that is never released does is not contained. A job that
 * forks must exec or _exit() in the child: see FORKS in ferry.h.
 */
#ifndef FERRY_CLEANUP_H
#define FERRY_CLEANUP_H

#include <stddef.h>
#include <stdint.h>

#include <ferry/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef FERRY_API
#if defined(__GNUC__)
#define FERRY_API __attribute__((visibility("default")))
#else
#define FERRY_API
#endif
#endif

/* A job. Returns 0, or anything else for an error: those are counted. */
typedef int (*ferry_cleanup_fn)(void *arg);

/* Runs in the place of a job that never will, on a thread of the lane: frees
 * what the job would have freed, or leaves it. Should be short. */
typedef void (*ferry_cleanup_cancel_fn)(void *arg);

/*
 * Room for one job, reserved when the object was made that will need it. All
 * zero before its first use; what is inside is Ferry's. From the moment its
 * function begins, it is the caller's again: it may be posted once more, or
 * freed with the object that it is part of, also by that function itself. It
 * may not move or be freed while its job waits.
 */
typedef struct ferry_cleanup_node {
	uint64_t opaque[8];
} ferry_cleanup_node;

typedef struct ferry_cleanup_options {
	size_t struct_size;
	uint32_t flags;        /* none yet */
	/* Submitted jobs that may wait, a power of two up to 65536; default
	 * 4096. Those that were posted do not count: each has its node. */
	uint32_t capacity;
	uint32_t workers_most; /* threads that run jobs: 1…64; default 8 */
	uint32_t batch;        /* jobs handed over at once: 1…; default 64 */
	/* A worker beyond the first ends when it has had nothing to do for so
	 * long; default 1000, FERRY_OFF: never. */
	uint32_t idle_ms;
	/* How long nothing has begun, while something waits, until health
	 * calls that a stall; default 1000, FERRY_OFF: never. */
	uint32_t stall_ms;
	/* Of workers, bytes, and no fewer than the system's least for a thread;
	 * default the system's. */
	size_t stack_size;
} ferry_cleanup_options;

/*
 * Starts the lane; NULL options: the defaults. May be done again after each
 * shutdown, and in a forked child. FERRY_EALREADY: it is running (with whatever
 * options); who gets that has not started it and should not shut it down.
 * FERRY_EBUSY: a shutdown has not come to its end. FERRY_EINVAL, FERRY_ENOMEM,
 * FERRY_ESYSTEM (no thread to be had). From any thread, also in callbacks.
 */
FERRY_API int
ferry_cleanup_start(const ferry_cleanup_options *options);

/*
 * Hands over a job. `cancel` may be NULL.
 * Returns, the caller still owning `arg`: FERRY_EUNINIT (not started in this
 * process), FERRY_ECLOSED (being shut down, or shut down), FERRY_EAGAIN
 * (`capacity` jobs are waiting), FERRY_EINVAL (no fn).
 * From any thread in any state: see WHERE FROM.
 */
FERRY_API int
ferry_cleanup_submit(
    ferry_cleanup_fn fn, void *arg, ferry_cleanup_cancel_fn cancel);

/*
 * The same with a node of the caller's, and so never FERRY_EAGAIN.
 * FERRY_EALREADY: the node's job is waiting; nothing has changed, and `arg` is
 * whose the other post said. Of several posts of one node at the same time one
 * is taken. FERRY_EINVAL also for a node that is not aligned to 8 bytes. Other
 * errors as for ferry_cleanup_submit().
 */
FERRY_API int
ferry_cleanup_post(ferry_cleanup_node *node, ferry_cleanup_fn fn, void *arg,
    ferry_cleanup_cancel_fn cancel);

/*
 * Waits until every job has ended whose submit or post had returned before;
 * not for what those submit in turn. Everything they did is then visible.
 * FERRY_ETIMEDOUT, FERRY_EINTR (a signal arrived): some have not; flush
 * again. FERRY_EUNINIT. FERRY_EREENTRANT from a job, and from a Ferry thread or
 * callback. While the lane is being shut down it waits the same; once that is
 * done it returns FERRY_OK at once. Blocks.
 */
FERRY_API int
ferry_cleanup_flush(int64_t timeout_ms);

enum { /* ferry_cleanup_shutdown_options.mode */
	FERRY_CLEANUP_DRAIN = 0, /* run what waits */
	/* Run cancel in the place of what waits; jobs that run are awaited.
	 * One worker more than workers_most is there for that, so that hung
	 * jobs do not stop it. */
	FERRY_CLEANUP_CANCEL = 1
};

typedef struct ferry_cleanup_shutdown_options {
	size_t struct_size;
	uint32_t flags;     /* none yet */
	uint32_t mode;      /* FERRY_CLEANUP_DRAIN, FERRY_CLEANUP_CANCEL */
	int64_t timeout_ms; /* 0 waits for ever */
} ferry_cleanup_shutdown_options;

typedef struct ferry_cleanup_report {
	size_t struct_size;
	uint32_t running;    /* jobs that had not ended */
	uint32_t reserved;
	uint64_t queued;     /* jobs that had not begun */
	uint64_t ended;      /* by the end of this call, since it began … */
	uint64_t canceled;   /* … and of those, cancelled */
	ferry_cleanup_fn fn; /* of the job that has run longest, or NULL */
	uint64_t age_ns;     /* for how long it has */
} ferry_cleanup_report;

/*
 * Ends the lane: from the first step on submits and posts get FERRY_ECLOSED.
 * NULL options: drain, for ever. The report is optional, and filled for
 * FERRY_OK and FERRY_EBUSY.
 *
 * FERRY_OK: every job has ended, and so have the lane's threads, but for those
 * that a job has ended: they are not waited for, and may still be in the
 * destructors of their thread-specific data. No function or node of the
 * caller's is touched any more. FERRY_EBUSY: the timeout passed
 * first. What runs goes on; what waits is still run, or cancelled, when a
 * worker comes to it; call again to wait for the rest, or to cancel it after
 * all. FERRY_EALREADY: another thread is at it, or it is done. FERRY_EUNINIT,
 * FERRY_EINVAL. FERRY_EREENTRANT from a job, and from a Ferry thread or
 * callback. Blocks.
 */
FERRY_API int
ferry_cleanup_shutdown(const ferry_cleanup_shutdown_options *options,
    ferry_cleanup_report *report);

/*
 * Counts since the process began, over all starts. In every snapshot
 *	accepted = queued + running + ended_ok + ended_error + ended_lost
 *	           + canceled
 */
typedef struct ferry_cleanup_counts {
	size_t struct_size;
	uint64_t accepted;        /* FERRY_OK from a submit or post */
	uint64_t refused_full;    /* FERRY_EAGAIN */
	uint64_t refused_closed;  /* FERRY_ECLOSED */
	uint64_t queued;          /* waiting now */
	uint64_t running;         /* now; cancels too */
	uint64_t ended_ok;
	uint64_t ended_error;     /* fn returned something else than 0 */
	uint64_t ended_lost;      /* fn or cancel ended its thread */
	uint64_t canceled;        /* cancel has run in its place, or is NULL */
	uint64_t queued_max;      /* most at a time, once handed over */
	uint64_t running_max;
	uint64_t batches;         /* hand-overs to the workers … */
	uint64_t batch_max;       /* … and the largest, jobs */
	uint64_t wakes;           /* system calls made by submits and posts */
	uint64_t parks;           /* times the dispatcher went to sleep,
	                           * or was about to */
	uint64_t workers_started; /* threads … */
	uint64_t workers_refused; /* … that were not to be had */
	uint64_t workers_max;     /* … at a time */
} ferry_cleanup_counts;

/* A snapshot, from any thread but in a signal handler. FERRY_EINVAL. Before
 * the start all are 0. */
FERRY_API int
ferry_cleanup_counters(ferry_cleanup_counts *out);

enum { /* ferry_cleanup_status.state */
	FERRY_CLEANUP_NOT_STARTED = 0, /* in this process */
	FERRY_CLEANUP_RUNNING = 1,
	/* All workers are busy, something waits, and nothing has begun for
	 * stall_ms. Submits and posts are accepted as before; it passes by
	 * itself when a job returns. */
	FERRY_CLEANUP_STALLED = 2,
	FERRY_CLEANUP_STOPPING = 3,    /* a shutdown has begun */
	FERRY_CLEANUP_STOPPED = 4
};

typedef struct ferry_cleanup_status {
	size_t struct_size;
	uint32_t state;      /* FERRY_CLEANUP_… */
	uint32_t workers;    /* threads that there are */
	uint32_t busy;       /* of them, in a job */
	uint32_t reserved;
	uint64_t queued;     /* handed over, and waiting */
	uint64_t stalled_ns; /* since when nothing has begun though something
	                      * waits; 0 if nothing does */
	ferry_cleanup_fn fn; /* of the job that has run longest, or NULL */
	uint64_t age_ns;     /* for how long it has */
} ferry_cleanup_status;

/* How the lane is just now, from any thread but in a signal handler. Waits for
 * no job. FERRY_EINVAL. */
FERRY_API int
ferry_cleanup_health(ferry_cleanup_status *out);

#ifdef __cplusplus
}
#endif

#endif
