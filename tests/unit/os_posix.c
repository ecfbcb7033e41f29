/*
 * The seam of other systems (ffi/os_posix.c), held to all that tests/unit/os.c
 * holds the one of this build to. Its mutexes come late, so that what ought to
 * be under them and is not has time to go wrong; and a signal comes when they
 * are held.
 */
#include "ffi/atomic.h"

#include <pthread.h>
#include <signal.h>

#include "t.h"

static volatile sig_atomic_t raising;

static int
lock_late(pthread_mutex_t *mutex)
{
	static atom32 calls;
	uint32_t n = atom32_add_relaxed(&calls, 1);
	int r;

	for (uint32_t pauses = n * 2654435761u >> 21; pauses != 0; pauses--)
		compiler_barrier();
	r = pthread_mutex_lock(mutex);
	if (raising) {
		raising = 0;
		raise(SIGUSR2);
	}
	return r;
}

#define pthread_mutex_lock lock_late
#include "ffi/os_posix.c"
#undef pthread_mutex_lock

static atom32 signalled;

static void
wake_on_signal(int number)
{
	(void)number;
	ferry__os_wake(&signalled, 1);
	atom32_store_seqcst(&signalled, 1);
}

static void
interrupt_next(void)
{
	atom32_store_seqcst(&signalled, 0);
	raising = 1;
}

/* A handler that wakes, having interrupted a wake or a sleep of the same word:
 * it does not wait for what it has interrupted. */
static void
wakes_in_signal_handlers(void)
{
	struct sigaction sa = { .sa_handler = wake_on_signal }, before;

	T_OK(sigaction(SIGUSR2, &sa, &before));
	interrupt_next();
	ferry__os_wake(&signalled, 1);
	T_EQ(atom32_load_seqcst(&signalled), 1);
	interrupt_next();
	T_EQ(ferry__os_wait(&signalled, 7, OS_NEVER), OS_WOKEN);
	T_EQ(atom32_load_seqcst(&signalled), 1);
	interrupt_next();
	/* Asleep, or about to be. */
	T_NE(ferry__os_wait(&signalled, 0, ferry__os_now_ns() + 10000000u),
	    OS_SIGNAL);
	T_EQ(atom32_load_seqcst(&signalled), 1);
	T_OK(sigaction(SIGUSR2, &before, NULL));
}

#define OS_CASES T_RUN(wakes_in_signal_handlers);

#include "os.c"
