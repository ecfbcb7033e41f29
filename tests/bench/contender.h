/*
 * What is compared, seen from outside.
 *
 * A contender moves requests from P producer threads to one consumer thread
 * and runs a handler there. Each one is driven by the same loop:
 *
 *	start(P)                        makes the consumer thread
 *	  producer_init(0 … P-1)        on each producer's own thread
 *	    produce(n) … produce(n)     n requests, one submit each
 *	stop                            after everything was handled
 *	producer_finish(0 … P-1)        on each producer's own thread
 *
 * The producers' memory outlives the consumer thread, which goes on to recycle
 * a request after it has handled it.
 *
 * A request is 64 bytes of payload and a call of on_handled() on the consumer
 * thread; nothing else is asked for. Time runs from the first submit to the
 * last on_handled(). At most `in_flight` requests of one producer may be
 * submitted and not yet handled: holding that bound, and waiting for room, is
 * the contender's own business, because every one has its own cheapest way.
 *
 * The loop over submits is bench_produce(), inlined into each contender, so
 * that nobody pays for a call through a pointer which a user would not make.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "system.h"

#define BENCH_PAYLOAD   64 /* bytes */
#define BENCH_IN_FLIGHT 4096

/* The payload: what a checking handler needs to see loss and disorder. */
typedef struct bench_payload {
	uint64_t producer;
	uint64_t sequence;
	uint64_t fill[6]; /* each producer ^ sequence ^ its index */
} bench_payload;

_Static_assert(sizeof(bench_payload) == BENCH_PAYLOAD, "64 bytes");

/* Runs on the consumer thread, once for each request. */
typedef void (*bench_handled_fn)(const void *payload, void *user);

/* How the two sides of a round trip wait for each other. */
typedef enum bench_wait {
	BENCH_WAIT_ADAPT, /* spin while it pays, then sleep; as shipped */
	BENCH_WAIT_SPIN,  /* never sleep */
	BENCH_WAIT_SLEEP  /* never spin */
} bench_wait;

typedef struct bench_setup {
	unsigned n_producers;
	unsigned in_flight; /* per producer; 0: no bound */
	/* A hint, for contenders that are ours to tell; others do what they
	 * always do. */
	bench_wait wait;
	/* on_handled() reads the payload: it must get the one submitted. It
	 * need not otherwise. */
	bool check;
	bench_handled_fn on_handled;
	void *user;
} bench_setup;

typedef struct bench_contender {
	const char *name;
	const char *missing; /* why it was not built, or NULL */
	/* Returns 0, or -1 when it cannot run here. */
	int (*start)(void **out, const bench_setup *setup);
	int (*producer_init)(void **out, void *state, unsigned index);
	/* Submits requests number `first` to `first + n - 1`. */
	void (*produce)(void *producer, uint64_t first, uint64_t n);
	/* Ends the consumer thread. */
	void (*stop)(void *state);
	/* After stop(), so nothing of `state` is left. */
	void (*producer_finish)(void *producer);
	/* System calls made so far to wake the consumer; NULL: not known. */
	uint64_t (*wakes)(void *state);
	/* One request and its reply, waited for; NULL: has none. */
	void (*call)(void *producer, const bench_payload *payload);
} bench_contender;

/*
 * The loop every contender runs. `submit` is a constant at each call site and
 * is inlined. The payload is built anew for each request, as a user's is; a
 * compiler may not keep it, because submit copies from memory.
 */
typedef void (*bench_submit_fn)(void *producer, const bench_payload *payload);

static inline __attribute__((always_inline)) void
bench_produce(void *producer, bench_submit_fn submit, unsigned index,
    uint64_t first, uint64_t n)
{
	bench_payload payload;

	payload.producer = index;
	for (uint64_t i = first; i != first + n; i++) {
		payload.sequence = i;
		for (unsigned k = 0; k < 6; k++)
			payload.fill[k] = index ^ i ^ k;
		submit(producer, &payload);
	}
}

extern const bench_contender bench_bare;
extern const bench_contender bench_original;
extern const bench_contender bench_libuv;
extern const bench_contender bench_glib;
extern const bench_contender bench_ferry;
extern const bench_contender bench_ferry_strand; /* the no-op is a strand */
extern const bench_contender bench_ferry_yield;  /* and yields once */

#endif
