/*
 * The figures: a table for people on stdout, JSON for machines in a file.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stddef.h>

/* What a figure must be, and what it should be. */
typedef enum bench_aim {
	BENCH_AIM_NONE,
	BENCH_AIM_AT_LEAST,
	BENCH_AIM_AT_MOST
} bench_aim;

typedef struct bench_target {
	bench_aim aim;
	double must;
	double reach; /* as must, where there is none of its own */
} bench_target;

#define BENCH_NO_TARGET ((bench_target){ BENCH_AIM_NONE, 0, 0 })
#define BENCH_AT_LEAST(must, reach) \
	((bench_target){ BENCH_AIM_AT_LEAST, must, reach })
#define BENCH_AT_MOST(must, reach) \
	((bench_target){ BENCH_AIM_AT_MOST, must, reach })

/* Begins a group of figures, under a heading. */
void bench_report_section(const char *name);

/* A remark below the heading: how it was measured. */
void bench_report_note(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* One figure: n samples, n > 0, of which the median counts. The name is a
 * printf format and comes last. */
void bench_report_add(const char *unit, const double *samples, size_t n,
    bench_target target, const char *name, ...)
    __attribute__((format(printf, 5, 6)));

/* A fact about the run, for the JSON file and the head of the table. */
void bench_report_fact(const char *key, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Writes the JSON file, whose folder exists, and says how many musts were
 * missed; returns that number.
 */
unsigned bench_report_finish(const char *path);

#endif
