/*
 * Who is in a cancel hook just now: a small table of each worker's, readable
 * from any thread, also when those in it never return.
 *
 * Written by the threads that run the hooks: cancellers, closers, an event
 * thread at a deadline. One that finds no free slot is counted, and not named.
 *
 *	63      2 1     0
 *	| count  | state |      FREE, WRITING, INSIDE
 *
 * Transitions:
 *	who enters  from {FREE n} to {WRITING n} by compare-and-swap, so it is
 *	            alone with the slot's words; then to {INSIDE n}
 *	who leaves  from {INSIDE n} to {FREE n+1}
 *
 * A reader loads `word`, then the others with acquire, then `word` again. If
 * one of them was of a later life, its acquire has that life's WRITING come
 * before the second load, which then differs, as a count never comes again:
 * pair(hook-word), the argument of ffi/registry.h with many writers.
 */
#ifndef FERRY_FFI_HOOKS_H
#define FERRY_FFI_HOOKS_H

#include "ffi/atomic.h"

#define HOOKS_MOST 16u /* named at once */

struct hook_slot {
	atom64 word;
	atom64 request;
	atom64 since_ns;
	atomp name;            /* of the method; lives for ever */
	atom32 thread;         /* its system id */
};

struct hooks {
	struct hook_slot slot[HOOKS_MOST];
	atom32 unnamed;        /* those that found no slot */
};

struct hook_seen {
	uint64_t request;      /* 0: none was found */
	uint64_t since_ns;
	const char *name;
	uint32_t thread;
	uint32_t n;            /* hooks that run */
};

/* This thread enters a hook, of `what` (`n` is ignored); what leave() wants,
 * or NULL. */
struct hook_slot *ferry__hooks_enter(
    struct hooks *h, const struct hook_seen *what);
void ferry__hooks_leave(struct hooks *h, struct hook_slot *slot);

/* The hook of that request; or of 0: the one that has been running longest. */
void ferry__hooks_look(
    struct hook_seen *out, const struct hooks *h, uint64_t request);

#endif
