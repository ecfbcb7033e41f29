/*
 * One trial: one contender, one number of producers, one figure.
 *
 * Pinned, the consumer (every thread that the contender made) is on the
 * second processor of the process's mask, and producer i on the first, the
 * second, and so on round robin: with one producer the two sides are on
 * different processors, and with more the consumer shares its own with every
 * nth of them, as on a machine that is busy. They are pinned once start() has
 * returned, so that a contender that asks how many processors there are gets
 * the truth. On a machine with one processor everything is on that one.
 */
#ifndef BENCH_TRIAL_H
#define BENCH_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "contender.h"

typedef struct bench_load {
	unsigned producers;
	unsigned in_flight; /* per producer; 0: no bound */
	bool pinned;
	bool check;        /* content and order of every payload */
	uint64_t warmup;   /* requests of each producer, not timed … */
	uint64_t requests; /* … and timed */
} bench_load;

typedef struct bench_load_result {
	double seconds;      /* first submit to last handled */
	double rate;         /* requests a second */
	double wakes_per_k;  /* wake calls per 1000 requests; < 0: not known */
	double sleeps_per_k; /* as often did a thread of the contender's give
	                      * up, or lose, its processor */
} bench_load_result;

/* Returns 0, or -1 when the contender cannot run here. What goes wrong in
 * between, loss and disorder too, ends the program. */
int bench_trial_load(bench_load_result *out, const bench_contender *contender,
    const bench_load *load);

typedef enum bench_place {
	BENCH_PLACE_APART,    /* caller and consumer on two processors */
	BENCH_PLACE_TOGETHER, /* on one */
	BENCH_PLACE_ANY       /* the scheduler's choice */
} bench_place;

typedef struct bench_trips {
	bench_wait wait;
	bench_place place;
	/* Rest before each trip, long enough for everybody to fall asleep;
	 * 0: one trip after the other. */
	uint64_t rest_ns;
	unsigned warmup; /* trips not timed */
	unsigned trips;
} bench_trips;

/*
 * The time of a round trip, nanoseconds: with a rest the median of trips timed
 * one by one, without one the time of all divided by their number (reading
 * the clock twice would cost a good part of a spinning trip). Returns 0, or -1
 * when the contender has no calls.
 */
int bench_trial_trips(
    double *out_ns, const bench_contender *contender, const bench_trips *trips);

#endif
