/*
 * Stacks for coroutines: pages of their own with a guard below, made when
 * first needed and kept in a pool afterwards.
 *
 * A pool has stacks of one size and belongs to one thread, its owner, or to
 * whoever takes that thread's place; there are no locks.
 *
 *	low                                          stack
 *	| guard | usable, grows downwards <-------- | struct stack |
 *
 * The struct stands at the top of the stack's own pages: the first frames
 * touch that page anyway. Overflow runs into the guard and faults, also when
 * the guard is overrun by a large frame that is not touched in between, up to
 * STACK_GUARD bytes; code with larger frames is safe when compiled with
 * -fstack-clash-protection.
 */
#ifndef FERRY_FFI_STACK_H
#define FERRY_FFI_STACK_H

#include <stdbool.h>

#include "ffi/base.h"

/*
 * Usable bytes. What was measured with glibc 2.36 and SQLite 3.40 on x86-64,
 * in KiB: snprintf of integers 2.3, of doubles 3.1 to 5.0; printf to an
 * unbuffered stream 10 (35 with all digits of 1e300); getaddrinfo of a local
 * name 4.1, of an unknown one 11.5; regexec 20; sqlite3 2.8 to 5.7, 9.1 to
 * open a file and commit; the dynamic linker's first look for a function 1.7;
 * a signal's frame 1.7 with AVX2 (the processor's vector registers decide).
 *
 * So the floor does for handlers that compute, format and query, with a fault
 * handler's frame on top. The default holds all of these, twice most of them.
 */
#define STACK_MIN     ((size_t)16 << 10)
#define STACK_DEFAULT ((size_t)64 << 10)
#define STACK_MAX     ((size_t)1 << 30)
#define STACK_GUARD   ((size_t)64 << 10)

struct stack {
	struct stack *below; /* in the pool: kept longer than this one */
	char *low;           /* the lowest usable byte */
	uint32_t valgrind;   /* its number there */
	uint32_t dropped;    /* its pages have been given back */
	uint32_t measured;   /* its owner's, cleared when it is taken */
};

struct stack_pool {
	struct stack *top;   /* given last, taken first: it is warm */
	size_t size;         /* of a stack's pages, all that is on them */
	size_t touched;      /* the most of those whose pages are gone */
	uint32_t kept, keep; /* how many are here; at most */
	uint32_t lowest;     /* `kept` at its lowest since the last rest … */
	uint32_t unused;     /* … and, as of that one, since watch() */
	uint32_t out;        /* taken and not given back */
	uint32_t made;       /* ever; numbers the colours */
	bool told;           /* a memory checker is told who may touch what */
};

/* `size` in usable bytes, brought between STACK_MIN and STACK_MAX and rounded
 * up to pages; 0 is STACK_DEFAULT. Keeps up to `keep` stacks. */
void ferry__stack_pool_open(struct stack_pool *pool, size_t size,
    uint32_t keep);

/* Unmaps what it keeps. A stack that is still out may be given back later:
 * it is unmapped then. */
void ferry__stack_pool_close(struct stack_pool *pool);

/* NULL when the system has no memory, addresses or mappings left. */
struct stack *ferry__stack_take(struct stack_pool *pool);

/* Nothing may run on it again. What it held is void at once. */
void ferry__stack_give(struct stack_pool *pool, struct stack *stack);

/*
 * Gives back the memory of the stacks that have not been used since the last
 * call, but for one page each. For a moment in which there is nothing to do.
 */
void ferry__stack_pool_rest(struct stack_pool *pool);

/*
 * For a longer look: watch() begins one, and trim() unmaps some of the stacks
 * that have not been used since, but none of the last `keep`; true: there are
 * more of them.
 */
void ferry__stack_pool_watch(struct stack_pool *pool);
bool ferry__stack_pool_trim(struct stack_pool *pool, uint32_t keep);

/*
 * High-water marks, in bytes, whole pages: how much of this stack has been
 * touched since its pages were made or given back; the most of all stacks that
 * the pool keeps or has had, not of those that are out. The system's page
 * table is the record, so nothing is written anywhere for it; a call costs a
 * system call for each stack.
 */
size_t ferry__stack_touched(
    const struct stack_pool *pool, const struct stack *stack);
size_t ferry__stack_pool_touched(const struct stack_pool *pool);

/* From stack->low to its top: what a coroutine may use, a multiple of 16. */
static inline size_t
ferry__stack_usable(const struct stack *stack)
{
	return (size_t)((const char *)stack - stack->low);
}

#endif
