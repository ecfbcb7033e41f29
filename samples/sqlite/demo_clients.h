/*
 * The demo's C half: threads that use a database somebody else has opened.
 *
 * Four threads, each with another way of waiting for its replies: blocked in
 * a call, an inbox, a callback; the fourth writes. Every request carries a
 * tag, and every reply is counted by it.
 */
#ifndef DEMO_CLIENTS_H
#define DEMO_CLIENTS_H

#include "sqlite_ferry.h"

#define DEMO_THREADS 4

typedef struct demo_report {
	uint64_t asked;   /* requests submitted */
	uint64_t once;    /* of them: answered exactly once */
	uint64_t never;
	uint64_t twice;   /* or more often */
	uint64_t failed;  /* replies with a status that is not 0 */
	uint64_t wrong;   /* replies that do not fit their question */
	uint64_t written; /* rows inserted */
} demo_report;

typedef struct demo_threads demo_threads;

/* Starts them, `requests` for each; 0 or a FERRY_E… number. */
FERRY_API int
demo_threads_start(
    demo_threads **out, ferry_context context, uint32_t requests);

/* How many of their requests wait for a reply just now. */
FERRY_API uint64_t
demo_threads_waiting(const demo_threads *threads);

/* Waits for their end, tells what happened, frees. */
FERRY_API void
demo_threads_join(demo_report *out, demo_threads *threads);

#endif
