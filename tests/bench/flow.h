/*
 * Holds a producer's in-flight bound for contenders that have no better way:
 * the consumer counts what is done, the producer what it sent, and waits when
 * the difference reaches the bound.
 *
 * The producer remembers the last count it saw and looks again only when that
 * one leaves it no room, so the line goes back and forth about once for each
 * `in_flight` requests and not for each request.
 */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#include <stdatomic.h>
#include <stdint.h>

#include "contender.h"
#include "system.h"

typedef struct bench_flow {
	/* The producer's own. */
	_Alignas(BENCH_LINE) uint64_t sent;
	uint64_t seen;  /* of done */
	uint64_t bound; /* 0: none */

	/* Written by the consumer. */
	_Alignas(BENCH_LINE) _Atomic uint64_t done;
} bench_flow;

/* Producer, before a submit. */
static inline void
bench_flow_enter(bench_flow *flow)
{
	bench_backoff backoff = { 0 };

	while (flow->bound != 0 && flow->sent - flow->seen >= flow->bound) {
		/* Relaxed: a count. What is reused goes through malloc(). */
		flow->seen =
		    atomic_load_explicit(&flow->done, memory_order_relaxed);
		if (flow->sent - flow->seen >= flow->bound)
			bench_backoff_step(&backoff);
	}
	flow->sent++;
}

/* Consumer, after a request. It alone writes the word: no RMW is needed. */
static inline void
bench_flow_leave(bench_flow *flow)
{
	atomic_store_explicit(&flow->done,
	    atomic_load_explicit(&flow->done, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

#endif
