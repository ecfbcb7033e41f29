/*
 * What strands are made of: stacks, and memory that is used again; how deep the
 * stacks have been.
 *
 * Threads: the FFI thread; open() and close() before and after it has to do
 * with the context.
 */
#include "ffi/strand_memory.h"

#include <stdlib.h>

#include "ffi/context.h"

/*
 * Stacks that a context keeps: up to so many while there is something to do,
 * since to map, touch and unmap one costs a hundred times what a strand does;
 * and no more mappings than others may miss. Those that UNUSED_MS have not
 * needed go, but for STACKS_KEPT.
 */
#define STACKS_IN_BURST  4096u
#define STACKS_KEPT      256u
#define UNUSED_MS        500
#define MEASURED_AT_ONCE 16u  /* stacks, between two looks for work */

struct strand *
ferry__strand_take_memory(struct strands *all)
{
	struct strand *s = all->spare;

	if (LIKELY(s != NULL))
		all->spare = s->newer;
	else
		s = malloc(sizeof *s);
	if (UNLIKELY(s == NULL))
		return NULL;
	s->coro.stack = ferry__stack_take(&all->stacks);
	if (UNLIKELY(s->coro.stack == NULL)) {
		s->newer = all->spare;
		all->spare = s;
		return NULL;
	}
	return s;
}

void
ferry__strand_give_memory(struct strands *all, struct strand *s)
{
	bool keeps = all->stacks.kept < all->stacks.keep;

	if (UNLIKELY(s->arena.chunks != NULL))
		ferry__arena_free(&s->arena);
	if (UNLIKELY(s->scopes != NULL))
		free(s->scopes);
	ferry__stack_give(&all->stacks, s->coro.stack);
	if (UNLIKELY(!keeps)) {
		/* As its stack was. */
		free(s);
		return;
	}
	s->newer = all->spare;
	all->spare = s;
}

void
ferry__strand_open(struct strands *all, size_t stack_size,
    uint64_t memory_most, uint32_t most)
{
	all->oldest = all->newest = all->spare = NULL;
	all->memory_most = memory_most;
	all->most = most;
	all->n = 0;
	all->measured = all->rested = 0;
	ferry__stack_pool_open(&all->stacks, stack_size, STACKS_IN_BURST);
	/* Relaxed: published with the context's token. `waiters` and `passed`
	 * are those of who waited in a former life, too. */
	atom64_store_relaxed(&all->stack_size,
	    all->stacks.size - sizeof(struct stack));
	atom64_store_relaxed(&all->spawned.n, 0);
	for (int i = 0; i < STRAND_ENDS; i++)
		atom64_store_relaxed(&all->ended[i].n, 0);
	atom64_store_relaxed(&all->peak.n, 0);
	atom64_store_relaxed(&all->refused.n, 0);
	atom64_store_relaxed(&all->unlisted.n, 0);
	atom64_store_relaxed(&all->touched.n, 0);
	atom64_store_relaxed(&all->oldest_id, 1);
	atom32_store_relaxed(&all->shut, 0);
}

/*
 * The deepest of the stacks that came back since the last look. A stack that
 * has been measured is marked until it is used again; below one whose pages are
 * gone all have none, and were measured when they went. If something stirs, the
 * next rest goes on: all->measured stays behind.
 */
static void
measure(struct strands *all, uint64_t ended, bool (*stirs)(void *), void *arg)
{
	struct stack *s = all->stacks.top;
	uint64_t most = atom64_load_relaxed(&all->touched.n);
	uint64_t touched = all->stacks.touched;

	for (unsigned n = 1; s != NULL && !s->dropped; n++, s = s->below) {
		if (!s->measured) {
			most = touched > most ? touched : most;
			touched = ferry__stack_touched(&all->stacks, s);
			s->measured = 1;
		}
		if (n % MEASURED_AT_ONCE == 0 && stirs(arg))
			break;
	}
	/* Relaxed: a gauge. */
	atom64_store_relaxed(&all->touched.n, touched > most ? touched : most);
	if (s == NULL || s->dropped)
		all->measured = ended;
}

/*
 * A stack's pages are given back at the second rest in a row that finds it
 * unused; from then on, until another strand has ended, there is nothing to do.
 */
bool
ferry__strand_rest(struct strands *all, bool (*stirs)(void *), void *arg)
{
	/* Relaxed: this thread's. */
	uint64_t ended = atom64_load_relaxed(&all->spawned.n) - all->n;

	if (LIKELY(ended == all->rested))
		return all->stacks.kept > STACKS_KEPT;
	if (ended == all->measured)
		all->rested = ended;
	else
		measure(all, ended, stirs, arg);
	ferry__stack_pool_rest(&all->stacks);
	return all->stacks.kept > STACKS_KEPT;
}

bool
ferry__strand_trim(struct strands *all)
{
	uint32_t before = all->stacks.kept;
	bool more = ferry__stack_pool_trim(&all->stacks, STACKS_KEPT);
	struct strand *s;

	for (; before > all->stacks.kept; before--) {
		s = all->spare;
		all->spare = s->newer;
		free(s);
	}
	return more;
}

static void
trim(struct worker *w, bool (*stirs)(void *))
{
	for (struct context *c = w->contexts; c != NULL; c = c->next)
		while (ferry__strand_trim(&c->strands))
			if (stirs(w))
				return;
	/* The next look is a new one. */
	w->trim_ns = OS_NEVER;
}

static COLD void
rest_after_burst(struct worker *w, bool (*stirs)(void *))
{
	if (w->trim_ns != OS_NEVER && w->trim_ns <= ferry__os_now_ns())
		trim(w, stirs);
	if (w->trim_ns != OS_NEVER)
		return;
	for (struct context *c = w->contexts; c != NULL; c = c->next) {
		ferry__stack_pool_watch(&c->strands.stacks);
		if (c->strands.stacks.kept > STACKS_KEPT)
			w->trim_ns = ferry__os_deadline_in(UNUSED_MS);
	}
}

uint64_t
ferry__strand_rest_all(struct worker *w, bool (*stirs)(void *))
{
	bool many = false;

	for (struct context *c = w->contexts; c != NULL; c = c->next)
		many |= ferry__strand_rest(&c->strands, stirs, w);
	if (UNLIKELY(many))
		rest_after_burst(w, stirs);
	else
		w->trim_ns = OS_NEVER;
	return w->trim_ns;
}

void
ferry__strand_close(struct strands *all)
{
	struct strand *s;

	ASSERT(all->n == 0);
	ferry__stack_pool_close(&all->stacks);
	while ((s = all->spare) != NULL) {
		all->spare = s->newer;
		free(s);
	}
}
