/*
 * Figures of Ferry alone, which nothing else is compared with; and what they
 * share with the contender.
 */
#ifndef BENCH_FERRY_ROWS_H
#define BENCH_FERRY_ROWS_H

#include <ferry/ferry.h>

#include "contender.h"

/* What an idle context keeps resident. Wants a fresh process: run it first. */
void bench_rows_resident(unsigned rounds);

/* How long open and close take. */
void bench_rows_context(unsigned rounds);

/* What beating and counting cost the worker. */
void bench_rows_accounting(unsigned rounds);

/* What switching to a coroutine and back costs. */
void bench_rows_strand(unsigned rounds);

/* What releasing a handle costs, and ending what was released. */
void bench_rows_handle(unsigned rounds);

/* What strands cost their worker, and what they call. */
void bench_rows_strands(unsigned rounds);

/* A call by way of a bare pool of one thread, nanoseconds. */
double bench_bare_pool(int (*fn)(void *), unsigned n);

/* What the cleanup lane costs, beside other pools of threads. */
void bench_rows_cleanup(unsigned rounds);

/* Whether an idle context is idle. Takes seconds. */
void bench_rows_idle(void);

/* ---- from ferry_contender.c; a failure ends the program ---- */

/* A library with a no-op method. */
ferry_library bench_ferry_library(void);

/* in_flight 0: no bound. */
ferry_context bench_ferry_open(ferry_library library, unsigned in_flight);

void bench_ferry_close(ferry_context context);

/* The no-op, called and waited for. */
void bench_ferry_invoke(ferry_context context, const bench_payload *payload);

#endif
