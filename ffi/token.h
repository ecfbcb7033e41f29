/*
 * Tokens, and the slot tables behind them.
 *
 *	63                      27 26  24 23        0
 *	|        count            | kind |   slot   |
 *
 * Count and kind together are the token's generation: two kinds never share
 * a token, so a token of the wrong kind is told from a stale one. Slots are
 * never freed; a slot whose count is spent is retired, never wrapped.
 *
 * Threads: find() and revoke() from any thread, lock-free; reserve() and
 * free() take the table's mutex. Requests have no slot table: their slots are
 * the nodes themselves (node.h).
 */
#ifndef FERRY_FFI_TOKEN_H
#define FERRY_FFI_TOKEN_H

#include <pthread.h>

#include "ffi/atomic.h"

enum token_kind {
	TOKEN_REQUEST = 1,
	TOKEN_CALL,
	TOKEN_CONTEXT,
	TOKEN_INBOX,
	TOKEN_HANDLE,
	TOKEN_LIBRARY,
	TOKEN_LISTENER
};

#define TOKEN_SLOT_BITS  24
#define TOKEN_SLOTS      (1u << TOKEN_SLOT_BITS)
#define TOKEN_COUNT_MOST ((UINT64_C(1) << 37) - 1)

static inline uint64_t
ferry__token_make(enum token_kind kind, uint64_t count, uint32_t slot)
{
	return count << 27 | (uint64_t)kind << TOKEN_SLOT_BITS | slot;
}

static inline enum token_kind
ferry__token_kind(uint64_t token)
{
	return (enum token_kind)(token >> TOKEN_SLOT_BITS & 7);
}

static inline uint32_t
ferry__token_slot(uint64_t token)
{
	return (uint32_t)token & (TOKEN_SLOTS - 1);
}

static inline uint64_t
ferry__token_count(uint64_t token)
{
	return token >> 27;
}

/* The same generation and slot, seen as another kind: request and call. */
static inline uint64_t
ferry__token_as(uint64_t token, enum token_kind kind)
{
	return (token & ~(UINT64_C(7) << TOKEN_SLOT_BITS)) |
	    (uint64_t)kind << TOKEN_SLOT_BITS;
}

/*
 * One slot: whom it names while `token` is not 0. The object stays attached
 * when the slot is freed, so that never-freed objects are used again.
 */
struct slot {
	atom64 token;
	atomp object;
	/* Under the table's mutex: */
	uint64_t count;
	uint32_t index;
	struct slot *next_free;
};

#define SLOT_CHUNK 256u

struct slot_table {
	enum token_kind kind;
	uint64_t count_most;   /* generations a slot has */
	pthread_mutex_t mutex;
	struct slot *free;
	uint32_t used;         /* slots ever handed out */
	uint32_t inherited;    /* of them, by the processes before this one */
	atomp chunks[TOKEN_SLOTS / SLOT_CHUNK];
};

#define SLOT_TABLE(kind_, count_most_) \
	{ \
		.kind = (kind_), .count_most = (count_most_), \
		.mutex = PTHREAD_MUTEX_INITIALIZER \
	}

/*
 * Takes a slot that names nothing yet, NULL when there is no memory. Its
 * token-to-be is ferry__token_next(). publish() comes last, when the object
 * is ready for other threads.
 */
struct slot *ferry__token_reserve(struct slot_table *t);
uint64_t ferry__token_next(const struct slot_table *t, const struct slot *s);
void ferry__token_publish(
    struct slot *s, uint64_t token, void *object);

/* What a token names: FERRY_OK, FERRY_EINVAL (never could be), FERRY_ESTALE,
 * FERRY_EFORKED. Enters this process: fork.h. */
int ferry__token_find(
    const struct slot_table *t, uint64_t token, struct slot **out);

/* The same for who must not enter, because that may wait: takes no lock, and
 * touches nothing of the thread's. */
int ferry__token_find_outside(
    const struct slot_table *t, uint64_t token, struct slot **out);

/* Makes the token stale; false if somebody else has. One caller wins. */
bool ferry__token_revoke(struct slot *s, uint64_t token);

/* Gives the slot back, its token being revoked. */
void ferry__token_free(struct slot_table *t, struct slot *s);

/* Calls visit() for each object that has a live token, without a lock. */
void ferry__token_each(const struct slot_table *t,
    void (*visit)(void *object, uint64_t token, void *arg), void *arg);

/* In a forked child: no slot that was handed out is ever again. */
void ferry__token_forked(struct slot_table *t);

#endif
