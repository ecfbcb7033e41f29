/*
 * Scopes: what a handler says of how long it may take. The stack of the call
 * that holds the FFI thread, where the watcher finds it.
 *
 * Owns: the stack of each worker. Written by the FFI thread alone, read by the
 * watcher while it may change: a sequence lock around words.
 *
 * Each change is a beat of its own, after the change: so the heartbeat's word
 * differs before and after, and who finds it the same before and after looking
 * here has seen what belongs to it. But a scope is no new hold of the thread:
 * `beat` is the sequence of the last beat that a change here made, `hold` that
 * with which the call took the thread. A word whose sequence is `beat` belongs
 * to the hold `hold`; any other is a hold of its own, and nothing here is
 * about it. But one whose successor is `beat` is about to change: the stack is
 * already another one.
 */
#ifndef FERRY_FFI_SCOPE_H
#define FERRY_FFI_SCOPE_H

#include <ferry/ferry.h>

#include "ffi/beat.h"

/* A consistent copy. */
struct scope_view {
	uint64_t hold;              /* sequence of the hold's beat */
	uint64_t extended_ms;       /* of the call itself */
	char reason[FERRY_SCOPE_NAME + 1]; /* of that; "" if none */
	uint32_t n;
	struct {
		uint64_t serial;    /* never used again in this worker; not 0 */
		uint64_t limit_ms;  /* extended; 0: exempt */
		char name[FERRY_SCOPE_NAME + 1];
		char reason[FERRY_SCOPE_NAME + 1];
	} at[FERRY_SCOPES_MOST];
};

#define SCOPE_TEXT ((FERRY_SCOPE_NAME + 1) / 8) /* words */

struct scope_words {
	atom64 serial;
	atom64 limit_ms;
	atom64 name[SCOPE_TEXT];
	atom64 reason[SCOPE_TEXT];
};

/* A worker's; zeroed at first. */
struct scopes {
	ON_OWN_LINE atom64 lock;      /* odd: they are being changed */
	atom64 beat;
	atom64 hold;
	atom64 n;
	atom64 extended_ms;
	atom64 reason[SCOPE_TEXT];
	struct scope_words at[FERRY_SCOPES_MOST];
	uint64_t serial;              /* the FFI thread's: given out last */
};

/* ---- the FFI thread, with a request in hand; each but the first beats ---- */

/* The first use in this hold: nothing is pushed. */
void ferry__scope_begin(struct scopes *s, const struct beat *b);

/* 0 ms: exempt. False: there is no room. */
bool ferry__scope_push(
    struct scopes *s, struct beat *b, const char *name, uint64_t limit_ms);

void ferry__scope_extend(
    struct scopes *s, struct beat *b, uint64_t more_ms, const char *reason);

/* False: there is none. */
bool ferry__scope_pop(struct scopes *s, struct beat *b);

/* Pops all there are; beats only if there were any. What the call itself was
 * extended by stays: its reply callback is of the same hold. */
void ferry__scope_pop_all(struct scopes *s, struct beat *b);

/* For a strand that suspends; and, in place of the beat with which it goes on,
 * in a hold of its own with the same scopes. */
void ferry__scope_save(struct scope_view *out, const struct scopes *s);
void ferry__scope_restore(struct scopes *s, struct beat *b, uint32_t slot,
    const struct scope_view *saved);

/* ---- the watcher ---- */

/* Of the heartbeat's word; false: it has changed, or keeps changing. With no
 * scopes and no extension: hold is the word's sequence, n is 0. */
bool ferry__scope_look(
    struct scope_view *out, const struct scopes *s, uint64_t word);

#endif
