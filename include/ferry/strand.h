/*
 * Strands: handlers that wait without holding the FFI thread.
 *
 * A part of <ferry/ferry.h>, which includes it and has the laws and
 * conventions; include that.
 *
 * A method with FERRY_METHOD_STRAND runs its handler as a coroutine, on a
 * stack of its own. Where it waits, by a function of this header, the FFI
 * thread goes on with other requests, strands and replies, and comes back when
 * the wait is over. Everything still runs on that one thread, and a strand is
 * left only where it calls a function that is said to wait: between two of
 * those nothing else touches the library.
 *
 * In a strand
 *
 *	- the payload stays valid until the handler returns, and the reply is
 *	  delivered then, also when it was given before a wait;
 *	- anything else may be another after a wait: the library's state, errno,
 *	  the values of thread-locals; an object of ferry_handle_object() may
 *	  have been destroyed: look it up again;
 *	- no wait in a callback that the library makes while it is being called,
 *	  unless it may be called again from there;
 *	- ferry_call_defer() is FERRY_EINVAL, and a reply from another thread
 *	  FERRY_ETHREAD;
 *	- submitting to the strand's own context is allowed, and so is waiting
 *	  for it by ferry_strand_await() or ferry_strand_invoke();
 *	- functions that block (ferry_request_wait(), a mutex, read()) block the
 *	  FFI thread, as in any handler. So does a mutex held across a wait:
 *	  others of the same thread then wait for it for ever;
 *	- no wait in a C++ catch block; no longjmp() across one; no alloca()
 *	  beyond the stack, which is small (ferry_context_options.strand_stack)
 *	  and ends in a guard that faults;
 *	- cancel hooks, free and doorbell functions that a call of Ferry's leads
 *	  to run on the thread's own stack, never on a strand's.
 *
 * The end of a request reaches its strand wherever that waits. After
 * ferry_request_cancel(), the passing of its deadline, or a close that does not
 * drain, the wait returns FERRY_ECANCELED, and so does each that follows, at
 * once: the strand cleans up, returns, and is answered once. Clean-up that must
 * wait itself is done under ferry_strand_shield().
 *
 * When a handler ends the FFI thread, all suspended strands of that worker are
 * lost with it: answered FERRY_ELOST, counted, and never resumed. What they had
 * on their stacks is not cleaned up.
 *
 * All functions that act on the calling strand return FERRY_ENOSTRAND outside
 * of one: in a plain handler, a callback, hook, listener, or on any other
 * thread.
 */
#ifndef FERRY_STRAND_H
#define FERRY_STRAND_H

#include <ferry/ferry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------- waiting, in one */

/*
 * Sleeps for `ms` milliseconds at least; negative: until it is cancelled.
 * 0 is a yield. FERRY_OK, FERRY_ECANCELED, FERRY_ENOSTRAND.
 */
FERRY_API int
ferry_strand_sleep(int64_t ms);

/*
 * Lets everything run that is ready now: requests that are queued, other
 * strands, replies. FERRY_OK, FERRY_ECANCELED, FERRY_ENOSTRAND.
 */
FERRY_API int
ferry_strand_yield(void);

/*
 * For long computations, every now and then: tells whether the strand has been
 * cancelled, and yields if it has held the FFI thread for more than a
 * millisecond. Costs a look at the clock. FERRY_OK, FERRY_ECANCELED,
 * FERRY_ENOSTRAND.
 */
FERRY_API int
ferry_strand_checkpoint(void);

/*
 * As ferry_request_wait(), for a request submitted without inbox and callback
 * to any context, the strand's own too, and without holding the FFI thread.
 * FERRY_OK: there is a reply, whose own status is out->status; one that is
 * there already is taken whoever cancels. FERRY_ETIMEDOUT and FERRY_ECANCELED
 * (of this strand) take nothing: await it again, cancel or release it.
 * FERRY_EDEADLK: the strand's own request. FERRY_EBUSY, FERRY_EINVAL,
 * FERRY_ESTALE, FERRY_ENOSTRAND.
 *
 * Strands that await each other in a circle wait for ever, or until one is
 * cancelled: that is not found out.
 */
FERRY_API int
ferry_strand_await(ferry_reply *out, ferry_request request, int64_t timeout_ms);

/*
 * Submit and await in one, as ferry_request_invoke(). On FERRY_ETIMEDOUT and
 * FERRY_ECANCELED the request lives on as *out_request; otherwise that is
 * stale. It is 0 if nothing was submitted: on the submit's error, and on
 * FERRY_ECANCELED if the strand had been cancelled before. Cancelling the
 * strand does not cancel the request: that is the strand's to do.
 */
FERRY_API int
ferry_strand_invoke(ferry_reply *out, ferry_request *out_request,
    ferry_context context, uint32_t method, const void *data, size_t size,
    const ferry_request_options *options, int64_t timeout_ms);

/* Work for another thread; its result is handed back. */
typedef int (*ferry_offload_fn)(void *arg);

/* An offloaded function that its strand no longer waits for has returned, or
 * will not begin. */
typedef void (*ferry_abandoned_fn)(void *arg, int result);

/*
 * Runs `fn(arg)` on a thread of Ferry's worker pool, and waits for it. For
 * functions that block: not for the library, which belongs to the FFI thread.
 * *out, if not NULL, gets what fn returned. FERRY_OK: it has run.
 *
 * When the strand is cancelled, a function that has not begun never will, and
 * one that has begun cannot be stopped. With `abandoned` the strand goes on at
 * once: FERRY_ECANCELED, which says that `arg` is not its own any more but the
 * function's, and after it abandoned(arg, result)'s, called once on the same
 * thread; with FERRY_ECANCELED if fn never began. `arg` must not be on the
 * strand's stack, nor from ferry_strand_alloc(). After any other result it is
 * the strand's again, and `abandoned` is not called. Without (NULL), arg stays
 * the strand's, which goes on when fn has returned: FERRY_ECANCELED, and *out
 * is written if it has run.
 *
 * FERRY_ELOST: fn has ended its thread. FERRY_ESYSTEM: there is no thread to
 * be had at all; FERRY_EINVAL, FERRY_ENOMEM, FERRY_ENOSTRAND. fn may use what
 * is said to be for any thread, but may not open or close contexts, nor wait
 * for requests of the worker that its strand belongs to if the strand's library
 * could need it back; it is no strand.
 */
FERRY_API int
ferry_strand_offload(int *out, ferry_offload_fn fn, void *arg,
    ferry_abandoned_fn abandoned);

/*
 * Waits until a descriptor is ready: `events` as in poll(2), POLLIN and POLLOUT
 * say. *out_events, if not NULL, gets what there is, also POLLERR and POLLHUP,
 * which come unasked. A regular file is ready at once: to be read and written,
 * if neither was asked for. The descriptor stays the strand's, who must not
 * close it before this has returned.
 * FERRY_ETIMEDOUT, FERRY_ECANCELED, FERRY_EINVAL (no such descriptor),
 * FERRY_ENOMEM, FERRY_ESYSTEM, FERRY_ENOSTRAND.
 */
FERRY_API int
ferry_strand_poll(
    uint32_t *out_events, int fd, uint32_t events, int64_t timeout_ms);

/*
 * From ferry_strand_shield(1) to ferry_strand_shield(0) the strand's waits do
 * not return FERRY_ECANCELED, so that clean-up may wait. They nest. The first
 * wait after the last of them returns it again. A close waits for that long.
 * FERRY_OK, FERRY_EINVAL (0 without a 1 before), FERRY_ENOSTRAND.
 */
FERRY_API int
ferry_strand_shield(int on);

/*
 * Memory of the request: `size` bytes, aligned to 16, not zeroed; freed when
 * the handler has returned (or is lost) and the request is answered.
 * FERRY_E2BIG: over ferry_context_options.strand_memory; FERRY_ENOMEM,
 * FERRY_EINVAL (size 0), FERRY_ENOSTRAND.
 */
FERRY_API int
ferry_strand_alloc(void **out, size_t size);

/* The calling strand's id: from 1, in its context, never used again. */
FERRY_API int
ferry_strand_id(uint64_t *out);

/* ------------------------------------------------------- from the outside */

/*
 * At any moment
 *	spawned = active + completed + failed + cancelled + lost
 * in every snapshot.
 */
typedef struct ferry_strands {
	size_t struct_size;
	uint64_t spawned;
	uint64_t active;     /* now, running or suspended */
	uint64_t completed;  /* returned, and answered FERRY_OK */
	uint64_t failed;     /* answered another status */
	uint64_t cancelled;  /* answered FERRY_ECANCELED, or by a closer */
	uint64_t lost;       /* the FFI thread was ended */
	uint64_t peak;       /* the most that were active at once */
	/* Requests answered instead of spawned: FERRY_EAGAIN by
	 * ferry_context_options.strands, FERRY_ECLOSED without admission,
	 * FERRY_ENOMEM. */
	uint64_t refused;
	uint64_t stack_size;    /* usable bytes of each */
	uint64_t stack_touched; /* the deepest that any went, bytes, in whole
	                         * pages; of the stacks not in use just now */
	uint64_t unlisted;   /* that a full registry has no room for, so far */
} ferry_strands;

/* Counts since the open. FERRY_ESTALE, FERRY_EINVAL. */
FERRY_API int
ferry_strand_counters(ferry_strands *out, ferry_context context);

/*
 * Whether strands may start: 0 answers requests for strand methods
 * FERRY_ECLOSED from now on, when their turn comes; 1, the default, admits
 * them again. FERRY_ESTALE, FERRY_ECLOSED.
 */
FERRY_API int
ferry_strand_admit(ferry_context context, int admit);

/*
 * Waits until all strands that had been spawned when this was called have
 * ended and been counted. Admission is not touched: who wants none left
 * closes that first. FERRY_ETIMEDOUT, FERRY_EINTR, FERRY_ESTALE;
 * FERRY_EDEADLK on an FFI thread, in a strand above all; FERRY_EREENTRANT in
 * a hook, a doorbell or an offloaded function, and on an event thread. Blocks.
 */
FERRY_API int
ferry_strand_wait_all(ferry_context context, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
