/*
 * The seam to the system: everything that is not C11 or plain pthreads.
 * os_linux.c is the one behind it; it links with nothing else of Ferry.
 */
#ifndef FERRY_FFI_OS_H
#define FERRY_FFI_OS_H

#include <pthread.h>
#include <sys/types.h>

#include "ffi/atomic.h"

#define OS_NEVER UINT64_MAX /* as a deadline */

/* How a sleep ended. Spurious wakes count as woken. */
enum os_sleep {
	OS_WOKEN,
	OS_TIMEOUT,
	OS_SIGNAL
};

/* Once per process, idempotent, from any thread. */
void ferry__os_start(void);

uint64_t ferry__os_now_ns(void);   /* CLOCK_MONOTONIC */
/* The deadline of a timeout that begins now; negative, or beyond the clock's
 * end: OS_NEVER. */
uint64_t ferry__os_deadline_in(int64_t timeout_ms);

uint32_t ferry__os_thread_id(void);
uint32_t ferry__os_cpu(void);      /* where this thread runs just now */

/* More than one CPU to run on, so that spinning can pay. Cheap; cached. */
bool ferry__os_may_spin(void);

/*
 * Sleeps while *word == expected, until woken or until the absolute deadline
 * in CLOCK_MONOTONIC nanoseconds. The system compares and sleeps in one step.
 */
enum os_sleep ferry__os_wait(atom32 *word, uint32_t expected,
    uint64_t deadline_ns);
void ferry__os_wake(atom32 *word, int threads);

/*
 * The two halves of an asymmetric store-then-load fence: the side that runs
 * a million times a second pays a compiler barrier, the rare side makes every
 * running thread of the process execute a full one (membarrier). Where the
 * system has none, the light half is a full fence and the heavy half too.
 *
 * If L stores a; light; loads b, and H stores b; heavy; loads a, then at
 * least one of them sees the other's store.
 */
extern bool ferry__os_asymmetric;
void ferry__os_barrier_heavy(void);

static inline void
ferry__os_barrier_light(void)
{
	if (LIKELY(ferry__os_asymmetric))
		compiler_barrier();
	else
		/* pair(cancel) seq_cst: both halves are full fences. */
		atom_fence_seqcst();
}

/*
 * A thread with all asynchronous signals blocked. `stack` in bytes, 0 for the
 * system's default. Returns an errno.
 */
int ferry__os_thread_start(
    pthread_t *out, void *(*run)(void *), void *arg, size_t stack);

/* Names the calling thread; 15 bytes are kept. */
void ferry__os_thread_name(const char *name);

/*
 * A descriptor that is readable from ring() to clear(); close-on-exec.
 * open() returns an errno. wait() sleeps until it is readable.
 */
int ferry__os_bell_open(int *out);
void ferry__os_bell_ring(int fd);
void ferry__os_bell_clear(int fd);
enum os_sleep ferry__os_bell_wait(int fd, uint64_t deadline_ns);
void ferry__os_bell_close(int fd);

/* Zeroed pages that are never given back; NULL when there are none. */
void *ferry__os_pages(size_t size);

#endif
