/*
 * The bare push list: what a multi-producer, single-consumer queue costs on
 * this machine when nothing else is asked of it. No tokens, no states, no
 * close, no counters, no errors.
 *
 * SHARDS. 16 heads. A producer stays with one of them for life, so its
 * requests keep their order, and producers up to that number never meet on a
 * line. A push is one CAS of the head; the consumer takes a whole list in one
 * exchange, which leaves no window for ABA since nodes are never popped
 * singly, and reverses it, newest first into oldest first.
 *
 * NODES belong to the home of one producer for life: the home's cache, then a
 * shard, then the consumer, then the home's return list, which its producer
 * takes whole when the cache is empty. They come back in chains of 64 with
 * the newest first: one CAS pays for 64 nodes, and those used next are the
 * ones most likely still in a cache. A home opens up its nodes one by one, so
 * that a consumer which keeps up lets it live on a few.
 *
 * LINGERING. Between two takes of a stream the consumer looks away for a
 * moment. If it looks again at once it finds the next four or so requests, and
 * every time the head's line goes over to it and back again, at 70 to 200 ns
 * each on a virtual machine whose processors do not share a cache; the
 * producer's next push waits for that. With a pause the pushes in between hit
 * the producer's own cache: 25 against 47 million requests a second from one
 * producer, 40 against 48 from eight. A take of a single request is no stream,
 * so a round trip is not held up.
 *
 * (Tried, and found to gain nothing beside it: in the producer, prefetching the
 * head and the next free node for writing; in the consumer, jump pointers to
 * prefetch ahead of the reversal.)
 *
 * PARKING. The consumer announces its sleep and then looks at every head once
 * more; a producer pushes and then looks at the announcement:
 *
 *	consumer                        producer
 *	asleep = 1        (seq_cst)     CAS head          (seq_cst)
 *	look at heads     (seq_cst)     look at asleep    (seq_cst)
 *
 * Each stores and then loads what the other stored. In the single order of
 * seq_cst operations one of the two stores is first, and the other side's
 * load comes after it: it cannot be that the consumer misses the node and the
 * producer misses the announcement. With anything weaker on either side it
 * can, and a request would lie in the shard while everybody sleeps.
 *
 * The producer that takes the announcement back makes the system call. If it
 * is preempted in between, the others skip theirs and the wake is late by
 * that much. Good enough for a yardstick; a library must not accept it.
 *
 * Lines are written by one side as far as possible, and everything that two
 * sides write has a pair of lines of its own.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "contender.h"

#define BARE_SHARDS 16

typedef struct bare bare;           /* a consumer thread and its shards */
typedef struct bare_home bare_home; /* a producer's nodes */

/* Runs on the consumer thread; the payload is valid until it returns. */
typedef bench_handled_fn bare_run_fn;

typedef struct bare_node {
	/* Producer until the push, consumer from the take to the return. */
	struct bare_node *next;
	bare_home *home;
	bare_run_fn run;
	void *user;
	bench_payload payload;
} bare_node;

/* A node has a pair of lines to itself: its neighbour may be in the other
 * side's hands. */
typedef union bare_node_slot {
	_Alignas(BENCH_LINE) bare_node node;
} bare_node_slot;

_Static_assert(
    sizeof(bare_node_slot) == BENCH_LINE, "a node is one pair of lines");

typedef struct bare_head {
	_Alignas(BENCH_LINE) _Atomic(bare_node *) top;
} bare_head;

typedef struct bare_slab {
	struct bare_slab *next;
	bare_node_slot *slots;
} bare_slab;

struct bare_home {
	/* The producer's own. */
	_Alignas(BENCH_LINE) bare_node *cache; /* free, newest first */
	bare_node_slot *fresh;                 /* never used yet, up to … */
	bare_node_slot *fresh_end;
	bare_head *shard;
	bare *owner;
	bare_slab *slabs;
	bool bounded;

	/* Pushed by the consumer, taken whole by the producer. */
	_Alignas(BENCH_LINE) _Atomic(bare_node *) returned;

	/* Both sides of a call, but only in turn. */
	_Alignas(BENCH_LINE) _Atomic uint32_t answer;
};

struct bare {
	bare_head shards[BARE_SHARDS];

	/* Written by the consumer to announce its sleep, and by the producer
	 * that ends it: rarely. All producers read it. */
	_Alignas(BENCH_LINE) _Atomic uint32_t asleep;
	_Atomic bool closing;

	/* The consumer's own. */
	_Alignas(BENCH_LINE) uint64_t spin_ns;
	bench_wait wait;
	pthread_t thread;

	/* Cold. */
	_Alignas(BENCH_LINE) _Atomic unsigned n_homes;
	_Atomic uint64_t wakes;
};

/* ------------------------------------------------------------- from bare.c */

/* Never NULL; a failure ends the program. */
bare *bare_open(bench_wait wait);

/* Ends the consumer thread. Everything submitted has been run before this. */
void bare_close(bare *b);

/* For one producer thread at a time; in_flight 0: no bound. */
bare_home *bare_home_open(bare *b, unsigned in_flight);

/* After bare_close(): the consumer gives a node back after it has run it. */
void bare_home_close(bare_home *home);

/* Has a no-op run, and waits until it has been. */
void bare_call(bare_home *home, const bench_payload *payload);

/* Futex calls made by producers so far. */
uint64_t bare_wakes(bare *b);

/* A free node when the cache is empty; waits while the bound is reached. */
bare_node *bare_take_slow(bare_home *home);

/* The consumer was seen to have announced its sleep. */
void bare_wake(bare *b);

/* ------------------------------------------------------ the producers' path */

static inline bare_node *
bare_take(bare_home *home)
{
	bare_node *n = home->cache;

	if (__builtin_expect(n == NULL, 0))
		return bare_take_slow(home);
	home->cache = n->next;
	return n;
}

static inline void
bare_push(bare_home *home, bare_node *n)
{
	bare_head *h = home->shard;
	/* Relaxed: it is compared and stored, never followed. */
	bare_node *top = atomic_load_explicit(&h->top, memory_order_relaxed);

	do
		n->next = top;
	/* pair(bare-publish) release: the node's contents, for the consumer.
	 * pair(bare-park) seq_cst: the push, then the look below. */
	while (!atomic_compare_exchange_weak_explicit(
	    &h->top, &top, n, memory_order_seq_cst, memory_order_relaxed));

	/* pair(bare-park) seq_cst: see above. */
	if (__builtin_expect(atomic_load_explicit(&home->owner->asleep,
				 memory_order_seq_cst) != 0,
		0))
		bare_wake(home->owner);
}

/* Has `fn` called with a copy of the payload. Waits while the bound is
 * reached. */
static inline __attribute__((always_inline)) void
bare_submit(
    bare_home *home, const bench_payload *payload, bare_run_fn fn, void *user)
{
	bare_node *n = bare_take(home);

	n->run = fn;
	n->user = user;
	n->payload = *payload;
	bare_push(home, n);
}

#endif
