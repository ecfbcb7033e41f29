/*
 * Hints: which node's lines to ask for, some nodes before they are needed.
 *
 * A node goes from processor to processor, and who comes to it first waits for
 * its lines: 50 to 300 ns each. A list makes that worse: the way to a node is
 * in the one before it, so that the waits cannot overlap. (Four fifths of the
 * FFI thread's time under load was that walk.) So who makes a list writes into
 * each node where another lies, a fixed number further on:
 *
 *	made by             walked by           the hint is in
 *	who submits         the FFI thread      node.earlier
 *	the FFI thread      who submits next    node.user, idle at home
 *
 * Nothing is ever read through a hint: it may be wrong. It then costs another
 * thread the way of a line; with fewer than 16 in flight, where the walk's lead
 * out of every list, that could not be measured.
 * Known as jump pointers: Roth and Sohi, "Effective Jump-Pointer Prefetching
 * for Linked Data Structures", 1999.
 */
#ifndef FERRY_FFI_AHEAD_H
#define FERRY_FFI_AHEAD_H

#include <string.h>

#include "ffi/node.h"

/* Nodes from a hint to where it leads. Measured under load of one producer,
 * where a line takes 280 ns: 32 ns a request with these, 44 with 8 and 8, 35
 * with 16 and 16. Where it takes 47 they are alike. */
#define AHEAD_WALK 16u
#define AHEAD_TAKE 8u

/* Of what passes one place, the last; used by one thread at a time. */
#define TRAIL 16u /* a power of two */

struct trail {
	struct node *at[TRAIL];
	uint32_t passed;
};

/* The node that passed `back` (at most TRAIL) before this one, or NULL. */
static inline struct node *
ferry__trail_pass(struct trail *t, struct node *n, uint32_t back)
{
	struct node *old = t->at[(t->passed - back) % TRAIL];

	t->at[t->passed++ % TRAIL] = n;
	return old;
}

static inline void
ferry__trail_forget(struct trail *t)
{
	memset(t->at, 0, sizeof t->at);
}

/* In units of LINE: nodes of two chunks need not lie a whole number of nodes
 * apart. 0 if it does not fit. */
static inline int16_t
ferry__ahead_distance(const struct node *from, const struct node *to)
{
	intptr_t lines = ((intptr_t)to - (intptr_t)from) / LINE;

	return lines == (int16_t)lines ? (int16_t)lines : 0;
}

/* The submitting thread's, of each node in the order of its submits. */
static inline void
ferry__ahead_submit(struct trail *t, struct node *n)
{
	n->earlier = ferry__ahead_distance(
	    n, ferry__trail_pass(t, n, AHEAD_WALK));
}

/* The walker's, at each node; the newest comes first. */
static inline void
ferry__ahead_walk(const struct node *n)
{
	intptr_t bytes = (intptr_t)n->earlier * LINE;

	prefetch_write((const void *)((uintptr_t)n + (uintptr_t)bytes));
}

/* Of the FFI thread, which puts n before others on their way home. */
static inline void
ferry__ahead_give(struct trail *t, struct node *n)
{
	n->user = ferry__trail_pass(t, n, AHEAD_TAKE);
}

/* The submitting thread's, which takes n: it will write both of the lines that
 * a small request has. */
static inline void
ferry__ahead_take(const struct node *n)
{
	prefetch_write(n->user);
	prefetch_write((const void *)((uintptr_t)n->user + LINE / 2));
}

#endif
