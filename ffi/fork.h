/*
 * Forked children: how a process learns that it is one, and starts anew.
 *
 * fork() copies all of Ferry's memory and none of its threads, in the middle
 * of whatever those were doing. So a child trusts nothing of it: the first
 * call into Ferry, on whatever thread, abandons what is inherited (forked.c
 * has the list), and every token of before answers FERRY_EFORKED. Blocks are
 * the exception: they are malloc's, which sees to itself.
 *
 * The process is named by the word of ferry__os_fork_word(), its *epoch*:
 *
 *	0         not started, or a forked child: the system has wiped it
 *	1         the seam has started, nobody has entered Ferry yet
 *	2         one thread is abandoning what is inherited; others wait
 *	3 …       ready; a child's is its parent's and one
 *
 * A thread that has entered keeps the epoch and one in ferry__self, so that
 * neither a fresh thread's 0 nor a wiped word ever looks like a match. Whoever
 * finds no match goes the slow way, where a thread that was here before the
 * fork forgets its homes, its worker and its roles. What a process abandons is
 * read only by those who have entered: pair(fork).
 *
 * Every function that takes a token, or touches what the process has in
 * common, enters first: ferry__token_find() and ferry__request_node() do it
 * for those that begin with a look-up. To enter may take a lock, and a wait
 * for the thread that abandons; a release of a handle, which may come in a
 * signal handler in the middle of that, only asks whether anybody has.
 */
#ifndef FERRY_FFI_FORK_H
#define FERRY_FFI_FORK_H

#include "ffi/self.h"

#define FORK_FIRST 3u /* the first epoch */

/* The epoch of this process, for a look whether it is still that one. */
static inline uint32_t
ferry__fork_mark(void)
{
	/* Relaxed: only this thread's own fork makes it another for it. */
	return atom32_load_relaxed(ferry__os_fork_word());
}

void ferry__fork_enter_slow(void);

/* At the door of Ferry: makes this thread one of this process. */
static inline void
ferry__fork_enter(void)
{
	if (UNLIKELY(ferry__self.epoch != ferry__fork_mark() + 1))
		ferry__fork_enter_slow();
}

/* Whether anybody has entered this process; what it has abandoned is seen. */
static inline bool
ferry__fork_is_entered(void)
{
	/* pair(fork) acquire: from where on tokens are this process's. */
	return atom32_load_acquire(ferry__os_fork_word()) >= FORK_FIRST;
}

/* Whether this is a child of the process that took the mark. */
static inline bool
ferry__fork_has(uint32_t mark)
{
	return UNLIKELY(ferry__fork_mark() != mark);
}

/* In a forked child, where it cannot go on: ends it by _exit(70). */
void ferry__fork_strayed(uint32_t mark);

/*
 * After code of the host's, called from Ferry, has returned. In a child it has
 * nowhere to return to: what comes next is the parent's to do, and on a thread
 * of Ferry's there is no host further up. exit() would run the handlers of the
 * host's exit in the middle of whatever it is doing.
 */
static inline void
ferry__fork_returned(uint32_t mark)
{
	if (ferry__fork_has(mark))
		ferry__fork_strayed(mark);
}

/* A mutex that some thread of the parent's may have held. */
static inline void
ferry__fork_renew(pthread_mutex_t *m)
{
	*m = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* Abandons what is inherited, all of it; in forked.c, which knows everybody.
 * Called by one thread while no other has entered. */
void ferry__forked_abandon(void);

#endif
