/*
 * The heartbeat: one word in which a worker says that it lives, and which
 * request it has in hand.
 *
 *	63          26 25      2  1 0
 *	| sequence    |  slot   | state |     IDLE, BUSY, EXEMPT
 *
 * IDLE means parked, nothing else. A beat is a plain release store, without a
 * clock: it is the watcher's business to know how long the word has stood
 * still. The slot is that of the request's token; BEAT_NO_SLOT between
 * requests; or says that it is in code of the host's that is no request's
 * (`aside` in worker.h then says whose). It is in the same word so that blame
 * cannot slip: who reads the same word before and after looking at the node
 * knows that this very request was in hand all the while.
 *
 * The busy edge. Leaving a park, the worker stores BUSY (seq_cst) and then
 * looks whether its watcher is in deep sleep; the watcher announces its deep
 * sleep (seq_cst) and then looks at this word again. With anything weaker the
 * worker could be busy for good, unwatched: modelled in tests/model/busy.pml.
 */
#ifndef FERRY_FFI_BEAT_H
#define FERRY_FFI_BEAT_H

#include "ffi/token.h"

enum beat_state {
	BEAT_IDLE,
	BEAT_BUSY,
	BEAT_EXEMPT
};

/* Of a chunk of nodes that is never used. */
#define BEAT_NO_SLOT (TOKEN_SLOTS - 1)
#define BEAT_DESTROY (TOKEN_SLOTS - 2)
#define BEAT_FINI    (TOKEN_SLOTS - 3)
#define BEAT_INIT    (TOKEN_SLOTS - 4)

struct beat {
	ON_OWN_LINE atom64 word;
	/* The watcher's; here, because the worker reads it on the busy edge. */
	ON_OWN_LINE atom32 deep;
};

static inline enum beat_state
ferry__beat_state(uint64_t word)
{
	return (enum beat_state)(word & 3);
}

static inline uint32_t
ferry__beat_slot(uint64_t word)
{
	return (uint32_t)(word >> 2) & (TOKEN_SLOTS - 1);
}

static inline uint64_t
ferry__beat_sequence(uint64_t word)
{
	return word >> 26;
}

static inline uint64_t
ferry__beat_next(const struct beat *b, enum beat_state state, uint32_t slot)
{
	/* Relaxed: only the worker writes it. */
	return (ferry__beat_sequence(atom64_load_relaxed(&b->word)) + 1) << 26 |
	    (uint64_t)slot << 2 | state;
}

/* A request is in hand, or none (BEAT_NO_SLOT). */
static inline void
ferry__beat(struct beat *b, uint32_t slot)
{
	/* pair(beat) release: the node of that slot is what it says. */
	atom64_store_release(&b->word, ferry__beat_next(b, BEAT_BUSY, slot));
}

/* The same, in a state of its own; or the same request goes on, in or out of a
 * scope (scope.h). */
static inline void
ferry__beat_as(struct beat *b, enum beat_state state, uint32_t slot)
{
	/* pair(beat) release: the node, and the scopes. */
	atom64_store_release(&b->word, ferry__beat_next(b, state, slot));
}

static inline void
ferry__beat_idle(struct beat *b)
{
	/* pair(busy-edge) seq_cst; pair(beat) release. */
	atom64_store_seqcst(
	    &b->word, ferry__beat_next(b, BEAT_IDLE, BEAT_NO_SLOT));
}

/* Leaving a park; true: the watcher must be woken. */
static inline bool
ferry__beat_rise(struct beat *b)
{
	/* pair(busy-edge) seq_cst: before the look at the deep word. */
	atom64_store_seqcst(
	    &b->word, ferry__beat_next(b, BEAT_BUSY, BEAT_NO_SLOT));
	/* pair(busy-edge) seq_cst. */
	return atom32_load_seqcst(&b->deep) != 0;
}

/* The watcher's side. */
static inline uint64_t
ferry__beat_look(const struct beat *b)
{
	/* pair(beat) acquire: the node that the word names.
	 * pair(busy-edge) seq_cst: after the deep sleep was announced. */
	return atom64_load_seqcst(&b->word);
}

/* Whether what was read since a look is of that word: it still is that one. */
static inline bool
ferry__beat_stands(const struct beat *b, uint64_t word)
{
	/* pair(beat) seq_cst: nodes and homes are read relaxed, and a load that
	 * acquires may come before those. */
	atom_fence_seqcst();
	return ferry__beat_look(b) == word;
}

#endif
