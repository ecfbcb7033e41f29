/*
 * The push list: many push, one takes everything.
 *
 * Owns: the head word and its protocol. The bank's shards, the inner lane,
 * the inboxes and the timer intake are push lists.
 *
 * The head is one word, so that what is there, whose world it is and whether
 * that world is open change together:
 *
 *	63                         tag_bits   1        0
 *	| address of the first link | generation | CLOSED |
 *
 * An address has 48 bits and is shifted up by 16; the bits below its
 * alignment are free: 22 of generation when links are aligned to 128 bytes
 * (LIST_TAG_LINE), 19 at 16 bytes (LIST_TAG_SMALL). A slot whose generation is
 * spent is retired by its owner, never wrapped.
 *
 * Proof. push() changes the head only from {generation, open} to the same
 * with one chain more, by CAS: so a producer that slept through a close, or
 * through a close and a reopen, fails and touches nothing. take() leaves
 * generation and CLOSED as they are (fetch_and; an exchange would wipe a
 * CLOSED set meanwhile, and the next push would be lost). close() only adds a
 * bit and keeps the list. Therefore every chain whose push succeeded is in
 * exactly one take, and after a take that saw CLOSED there is none any more.
 * Links are never popped singly, so there is no ABA: a head that returns to
 * the same address means that the same link was pushed again, behind which
 * `next` was rewritten by its new push.
 *
 * Modelled in tests/model/close.pml.
 */
#ifndef FERRY_FFI_LIST_H
#define FERRY_FFI_LIST_H

#include "ffi/atomic.h"

#define LIST_CLOSED     1u
#define LIST_TAG_LINE   ((UINT64_C(1) << 23) - 1)
#define LIST_TAG_SMALL  ((UINT64_C(1) << 20) - 1)

/* Owned by whoever holds the item; written by push, read by the taker. */
struct link {
	struct link *next;
};

struct list {
	ON_OWN_LINE atom64 head;
};

_Static_assert(sizeof(struct list) == LINE, "a head has lines of its own");

static inline struct link *
ferry__list_first(uint64_t head, uint64_t tag_mask)
{
	return (struct link *)(uintptr_t)((head & ~tag_mask) >> 16);
}

/* Opens an empty list in `generation`. The caller makes sure that it fits. */
static inline void
ferry__list_open(struct list *l, uint64_t generation)
{
	/* pair(list) release: the owner's fields are seen by who pushes. */
	atom64_store_release(&l->head, generation << 1);
}

/*
 * Pushes the chain first…last (linked by next already, but for last). Fails
 * when the list is closed or in another generation; the chain is untouched
 * then but for last->next. seq_cst, because what follows a push is a look at
 * whether the taker sleeps: pair(park).
 */
static inline bool
ferry__list_push(struct list *l, struct link *first, struct link *last,
    uint64_t generation, uint64_t tag_mask)
{
	uint64_t open = generation << 1;
	uint64_t old = atom64_load_relaxed(&l->head);

	do {
		if (UNLIKELY((old & tag_mask) != open))
			return false;
		last->next = ferry__list_first(old, tag_mask);
		/* pair(list) release: the chain's contents go with it.
		 * pair(park) seq_cst: before the look at the park word. */
	} while (!atom64_cas_seqcst(
	    &l->head, &old, (uint64_t)(uintptr_t)first << 16 | open));
	return true;
}

/* Whether a push could succeed just now. */
static inline bool
ferry__list_is_open(
    const struct list *l, uint64_t generation, uint64_t tag_mask)
{
	/* Relaxed: a hint, to say why a submit is refused. */
	return (atom64_load_relaxed(&l->head) & tag_mask) == generation << 1;
}

/* Whether there is something to take. */
static inline bool
ferry__list_stirs(const struct list *l, uint64_t tag_mask)
{
	/* pair(park) seq_cst: after the sleep was announced. */
	uint64_t head = atom64_load_seqcst(&l->head);

	return (head & ~tag_mask) != 0;
}

/*
 * Takes everything, newest first. Returns the old head; one taker at a time.
 */
static inline uint64_t
ferry__list_take(struct list *l, uint64_t tag_mask)
{
	/* pair(list) acquire: everything in the chains is visible. */
	return atom64_and_acqrel(&l->head, tag_mask);
}

/* Closes; returns the old head. What is in the list stays there. */
static inline uint64_t
ferry__list_close(struct list *l)
{
	/* pair(list) acq_rel: every push that was accepted came before.
	 * pair(park) seq_cst: before the look at the park word. */
	return atom64_or_seqcst(&l->head, LIST_CLOSED);
}

/* Oldest first. */
static inline struct link *
ferry__list_reverse(struct link *l)
{
	struct link *oldest = NULL;

	while (l != NULL) {
		struct link *next = l->next;

		l->next = oldest;
		oldest = l;
		l = next;
	}
	return oldest;
}

#endif
