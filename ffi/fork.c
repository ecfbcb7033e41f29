/*
 * Entering Ferry, for the first time in a process or on a thread; see fork.h.
 *
 * Threads: any. One at a time abandons, by the process's word; those who come
 * meanwhile sleep on it.
 */
#include "ffi/fork.h"

#include <limits.h>

#define FORK_BUSY 2u

#define EX_SOFTWARE  70 /* as in sysexits.h */

/* The epoch of this process, or of the one it was forked from; 0: none yet.
 * Written by the thread that has set the word to FORK_BUSY. */
static uint32_t last;

static uint32_t
begin(void)
{
	if (last == 0)
		return last = FORK_FIRST;
	ferry__forked_abandon();
	return ++last;
}

/* The epoch, once it is ready. */
static uint32_t
await_epoch(atom32 *word)
{
	/* pair(fork) acquire: what was abandoned, if this is a child. */
	uint32_t epoch = atom32_load_acquire(word);

	while (epoch < FORK_FIRST) {
		if (epoch == FORK_BUSY) {
			ferry__os_wait(word, FORK_BUSY, OS_NEVER);
			/* pair(fork) acquire. */
			epoch = atom32_load_acquire(word);
			continue;
		}
		/* pair(fork) acq_rel: one thread goes on. */
		if (!atom32_cas_acqrel(word, &epoch, FORK_BUSY))
			continue;
		epoch = begin();
		/* pair(fork) release: what was abandoned. */
		atom32_store_release(word, epoch);
		ferry__os_wake(word, INT_MAX);
	}
	return epoch;
}

/* What this thread was to Ferry before the fork. Its number stays its own. */
static void
forget(struct self *self)
{
	for (unsigned i = 0; i < SELF_RECENT; i++)
		self->recent[i] = NULL;
	self->homes = NULL;
	self->worker = NULL;
	self->waits = NULL;
	self->hook_context = NULL;
	self->coro = NULL;
	self->roles = 0;
}

COLD void
ferry__fork_enter_slow(void)
{
	/* What is begun here must be ended: no other thread does it. */
	int before = ferry__os_hold_cancel();
	uint32_t epoch;

	/* If it fails nothing can be opened that a fork would matter to. */
	(void)ferry__os_start();
	epoch = await_epoch(ferry__os_fork_word());
	ferry__os_resume_cancel(before);
	if (ferry__self.epoch != 0)
		forget(&ferry__self);
	ferry__self.epoch = epoch + 1;
}

COLD void
ferry__fork_strayed(uint32_t mark)
{
	/* Before the first call into Ferry there is no telling. */
	if (mark >= FORK_FIRST)
		_Exit(EX_SOFTWARE);
}
