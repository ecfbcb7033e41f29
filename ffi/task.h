/*
 * A task: one job of the cleanup lane, in a slot of the lane's or in a node of
 * its caller's.
 *
 * Owns: the slots, and whether a node is taken.
 *
 * A *rack* is a bounded number of slots. Any thread takes one and any gives it
 * back, in any state, so it is a stack of free slots by number:
 *
 *	63            32 31            0
 *	|     turn      | first free + 1 |      0: none
 *
 * Proof. take() reads which slot comes after the first, which may be stale
 * when somebody else has taken the first meanwhile; but each change of the
 * word counts `turn` up, so that the compare-and-swap then fails. (A thread
 * that sleeps while the word changes exactly 2^32 times, and comes to the same
 * first, is accepted.) Slots are never freed, so the stale read is of memory.
 * Slots that were never used are given out by counting, and are not touched
 * before: a burst pays for what it needs. No step depends on another thread's
 * next one, so a thread that is stopped, or interrupted by a signal handler
 * that does the same, holds nobody up.
 *
 * A node's word is the mark of its process (fork.h) while its job waits, and
 * anything else when it is free: in a forked child the jobs of the parent's do
 * not wait, so what they marked is free.
 */
#ifndef FERRY_FFI_TASK_H
#define FERRY_FFI_TASK_H

#include <ferry/ferry.h>

#include "ffi/pool.h"

struct rack;

struct task {
	struct pool_job job;
	void *arg;
	ferry_cleanup_cancel_fn cancel;
	atom64 word;       /* a slot's: the next free one; a node's: its mark */
	struct rack *rack; /* NULL: it is a node */
};

_Static_assert(sizeof(struct task) <= sizeof(ferry_cleanup_node) &&
    _Alignof(struct task) <= 8, "a node has room for a task");

struct rack {
	ON_OWN_LINE atom64 first;
	ON_OWN_LINE atom32 used;  /* slots that were given out at least once */
	uint32_t capacity;
	struct task *slots;
};

static inline struct task *
ferry__task_take_fresh(struct rack *r)
{
	uint32_t n = atom32_load_relaxed(&r->used);

	/* Relaxed: nobody has written to it before. */
	while (n < r->capacity)
		if (atom32_cas_relaxed(&r->used, &n, n + 1)) {
			r->slots[n].rack = r;
			return &r->slots[n];
		}
	return NULL;
}

/* A slot; NULL: all are out. */
static inline struct task *
ferry__task_take(struct rack *r)
{
	/* pair(task) acquire: what comes after the first; and that who had it
	 * last is done with it. */
	uint64_t old = atom64_load_acquire(&r->first), after;
	struct task *t;

	do {
		if ((uint32_t)old == 0)
			return ferry__task_take_fresh(r);
		t = &r->slots[(uint32_t)old - 1];
		/* Relaxed: if it is stale the exchange fails. */
		after = atom64_load_relaxed(&t->word);
		after |= ((old >> 32) + 1) << 32;
		/* pair(task) acquire, as above. */
	} while (!atom64_cas_acqrel(&r->first, &old, after));
	return t;
}

/* Gives it back: it may be somebody else's at once. */
static inline void
ferry__task_give_back(struct task *t)
{
	struct rack *r = t->rack;
	uint64_t number = (uint64_t)(t - r->slots) + 1;
	uint64_t old = atom64_load_relaxed(&r->first), now;

	do {
		/* Relaxed: the exchange publishes it. */
		atom64_store_relaxed(&t->word, (uint32_t)old);
		now = ((old >> 32) + 1) << 32 | number;
		/* pair(task) release: `word`, and all reads of the slot. */
	} while (!atom64_cas_acqrel(&r->first, &old, now));
}

/* Takes a node; false: its job waits. */
static inline bool
ferry__task_claim(struct task *t, uint32_t mark)
{
	/* pair(task) acquire: who had it last is done with it. */
	uint64_t word = atom64_load_acquire(&t->word);

	do {
		if (word == mark)
			return false;
		/* pair(task) acquire, as above. */
	} while (!atom64_cas_acqrel(&t->word, &word, mark));
	t->rack = NULL;
	return true;
}

/* Slot or node: it is not ours any more. */
static inline void
ferry__task_put_down(struct task *t)
{
	if (t->rack != NULL)
		ferry__task_give_back(t);
	else
		/* pair(task) release: all reads of the node. */
		atom64_store_release(&t->word, 0);
}

#endif
