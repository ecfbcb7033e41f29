/*
 * The seam to the system: everything that is not C11 or plain pthreads.
 * Behind it are os.c and one os_<system>.c, which link with nothing else of
 * Ferry.
 */
#ifndef FERRY_FFI_OS_H
#define FERRY_FFI_OS_H

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#include "ffi/atomic.h"

#define OS_NEVER UINT64_MAX /* as a deadline */

/* How a sleep ended. Spurious wakes count as woken. */
enum os_sleep {
	OS_WOKEN,
	OS_TIMEOUT,
	OS_SIGNAL
};

/* Once per process, idempotent, from any thread. Returns the same errno each
 * time: ENOMEM when a fork would go unnoticed. */
int ferry__os_start(void);

/*
 * A word that a fork wipes: 0 before ferry__os_start(), 1 after it, and 0
 * again in a forked child until somebody stores something else there. So 0
 * asks for a closer look, anything else is the process it was stored in. Not
 * in a vfork() or posix_spawn(), whose child is still the parent's memory.
 */
extern HIDDEN atomp ferry__os_fork_at;

static inline atom32 *
ferry__os_fork_word(void)
{
	/* pair(fork-word) acquire: the 1 that start has stored. */
	return atomp_load_acquire(&ferry__os_fork_at);
}

/* In a forked child, by one thread, before all else but the word above, on
 * which others may sleep meanwhile: what the system has not handed down is set
 * up again. Bells are inherited, and still the parent's too. */
void ferry__os_forked(void);

uint64_t ferry__os_now_ns(void);   /* CLOCK_MONOTONIC */
/* The deadline of a timeout that begins now, or at that time; negative, or
 * beyond the clock's end: OS_NEVER. */
uint64_t ferry__os_deadline_in(int64_t timeout_ms);
uint64_t ferry__os_deadline_from(uint64_t now_ns, int64_t timeout_ms);

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
extern HIDDEN bool ferry__os_asymmetric;
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

/* Whether a thread can have such a stack, of which 0 is the system's default:
 * not if it is smaller than the least. */
bool ferry__os_thread_has_room(size_t stack);

/* Waits for the thread's end. No cancellation point, as nothing here is. */
void ferry__os_thread_join(pthread_t thread);

/*
 * Between these two the calling thread is not cancelled: its host may have
 * asked for that, and what runs may be a cancellation point, but Ferry has
 * something in hand that only this thread can put down.
 */
static inline int
ferry__os_hold_cancel(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void
ferry__os_resume_cancel(int before)
{
	int held;

	pthread_setcancelstate(before, &held);
}

/*
 * Sends a signal with a value to one thread of this process; 0 sends none, and
 * looks whether that could be done. Returns an errno: ESRCH, no such thread;
 * ENOTSUP, not on this system. A handler asks whether a signal is one of those,
 * sent by this process, and with which value.
 */
int ferry__os_signal_send(uint32_t thread, int signo, uint64_t value);
bool ferry__os_signal_is(uint64_t *value, const siginfo_t *info);

/* In a handler: the registers of what it has interrupted, as DWARF numbers
 * them, up to OS_REGISTERS, and the place in the code. Which are known, by
 * bits; 0: not on this system. */
#define OS_REGISTERS 33u
uint64_t ferry__os_signal_registers(
    uint64_t out[OS_REGISTERS], uint64_t *pc, const void *ucontext);

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

/*
 * Many descriptors, of which one thread waits for any, while others say which
 * those are. `events` are poll(2)'s POLLIN, POLLOUT and POLLPRI; what is seen,
 * POLLERR, POLLHUP and POLLNVAL too. Each descriptor is seen once, under the
 * key that it was last asked for with, and then rests until it is asked for
 * again. What holds at that moment counts: nothing is lost in between.
 *
 * All return an errno. add() is for a descriptor that is not known here,
 * again() for one that is: it takes new events and a new key, needs nothing
 * that could be refused, and says ENOENT when the descriptor is not known.
 * Where the set keeps files, not numbers, that is also said of a number whose
 * file is another by now. EBADF: no such descriptor. EPERM: it is always ready,
 * and never seen.
 */
struct os_poll_table;
struct os_poll {
	int set;                     /* epoll's; else -1 */
	int bell;                    /* ends the wait */
	struct os_poll_table *table; /* poll()'s; else NULL */
};

struct os_seen {
	uint64_t key;
	uint32_t events;
};

int ferry__os_poll_open(struct os_poll *p);
int ferry__os_poll_add(
    struct os_poll *p, int fd, uint32_t events, uint64_t key);
int ferry__os_poll_again(
    struct os_poll *p, int fd, uint32_t events, uint64_t key);
/* Forgets it. It may have been closed, and need not be known. */
void ferry__os_poll_drop(struct os_poll *p, int fd);
/* Has the wait return, now or the next one. */
void ferry__os_poll_stir(struct os_poll *p);
/* Sleeps until something is seen or it is stirred; returns how many were. 0
 * also for no reason, but not again and again. */
size_t ferry__os_poll_wait(
    struct os_poll *p, struct os_seen *out, size_t most);
void ferry__os_poll_close(struct os_poll *p); /* nobody waits */

/*
 * Writes all of it to a descriptor of the host's, blocking or not, whatever
 * it is. Gives up when nothing was taken for as long as `patience_ns`. Returns
 * 0 or an errno, ETIMEDOUT too; what was written until then stays. Raises no
 * SIGPIPE.
 */
int ferry__os_write(
    int fd, const char *text, size_t size, uint64_t patience_ns);

/* Whether it can be written to. */
bool ferry__os_is_writable(int fd);

/* Zeroed pages that are never given back; NULL when there are none. */
void *ferry__os_pages(size_t size);

size_t ferry__os_page_size(void);

/*
 * A stack's pages: `size` bytes with `guard` bytes below them of which every
 * touch faults; both whole pages. Nothing is reserved or resident before it is
 * touched. Returns the lowest usable byte, NULL when there are none.
 */
void *ferry__os_stack_map(size_t size, size_t guard);
void ferry__os_stack_unmap(void *low, size_t size, size_t guard);

/* Gives the pages' memory back at once; the addresses stay, and read as 0. */
void ferry__os_pages_drop(void *p, size_t size);

/* From the lowest resident one of these pages to their end, bytes. Pages that
 * the system has swapped out do not count as resident. */
size_t ferry__os_pages_touched(const void *p, size_t size);

/* On how many processors this process may run; at least 1. */
uint32_t ferry__os_cpus(void);

/* Blocks in one call to the system, of the same arguments each time it is
 * called from one place; a signal may end it early. */
void ferry__os_sleep_until(uint64_t deadline_ns);

/* A pipe: open() returns an errno, and both ends are closed by close(). await()
 * reads until there is a byte, write() writes one. */
int ferry__os_pipe_open(int ends[2]);
void ferry__os_pipe_await(const int ends[2]);
void ferry__os_pipe_write(const int ends[2]);
void ferry__os_pipe_close(const int ends[2]);

/*
 * Between os.c and os_<system>.c. start() runs in the first ferry__os_start()
 * and in a child that starts anew; wiped() returns a word on memory that the
 * system itself wipes in a child, or NULL. If NULL, forked() runs in fork(), on
 * the only thread that there is, and makes sleep and wake work again.
 */
void ferry__os_system_start(void);
atom32 *ferry__os_system_wiped(void);
void ferry__os_system_forked(void);

#endif
