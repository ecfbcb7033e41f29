/*
 * What the zoo has not: two roots, two enums of errors whose codes are the same
 * numbers, an object below another one's, several objects as results, an event
 * that says nothing, and defaults of every kind.
 */
#ifndef TWINS_H
#define TWINS_H

#include <stdbool.h>
#include <stdint.h>

#include <ferry/marks.h>

FERRY_LIBRARY(name = twins, version = "2.0", prefix = twins_,
    error = twins_status, instances = independent)

/** How it went: \ and """ and, at the end, "quoted" */
typedef enum twins_status {
	TWINS_FINE = 0,
	TWINS_BAD = 1,
	TWINS_WORSE = 3
} twins_status FERRY(error);

typedef enum twins_io {
	TWINS_IO_FINE = 0,
	TWINS_IO_END = 1
} twins_io FERRY(error);

typedef struct twins_left twins_left FERRY(object);
typedef struct twins_right twins_right FERRY(object);
typedef struct twins_toy twins_toy FERRY(object);
typedef struct twins_part twins_part FERRY(object);


FERRY(constructor) twins_status twins_left_open(twins_left **out);
FERRY(destructor) void twins_left_close(twins_left *l);
FERRY(method) twins_status twins_left_fail(twins_left *l, int32_t code);

/** Everything has a default.

 * A second paragraph. */
FERRY(constructor) twins_status twins_right_open(twins_right **out,
    bool good FERRY(default = true), double ratio FERRY(default = 0.5),
    uint32_t wait FERRY(default = 10, duration = ms),
    int64_t since FERRY(default = 5, time = s),
    const char *text FERRY(default = "a\"b"));
FERRY(destructor) void twins_right_close(twins_right *r);
FERRY(method) twins_io twins_right_read(twins_right *r, int32_t code);
/** What it was opened with, if all was left out: 1. */
FERRY(method) int32_t twins_right_int(twins_right *r);
FERRY(method) void twins_right_ring(twins_right *r);
FERRY(event) void twins_right_on_ring(twins_right *r);

FERRY(constructor) twins_io twins_toy_make(twins_right *r, twins_toy **out);
FERRY(destructor) void twins_toy_drop(twins_toy *t);
FERRY(constructor) twins_io twins_part_of(
    twins_toy *t, int32_t weight, twins_part **out);
FERRY(destructor) void twins_part_drop(twins_part *p);
FERRY(method) int32_t twins_part_weight(twins_part *p);
/** Two halves, and how much is left over. */
FERRY(method) twins_io twins_part_halve(twins_part *p, twins_part **one,
    twins_part **two, int32_t *rest);

FERRY(function) twins_io twins_add(
    int32_t a, int32_t b FERRY(default = 3), int32_t *sum);

#endif
