/*
 * Counters and health, read by anybody at any time.
 */
#ifndef FERRY_FFI_COUNT_H
#define FERRY_FFI_COUNT_H

#include "ffi/context.h"

/* What ferry_context_counters() tells, but for the size. */
void ferry__count_fill(ferry_counters *n, struct context *c);

/* Started and unfinished. */
uint64_t ferry__count_running(struct context *c);

/* Calls whose handler has not ended: running ones, and those that a closer
 * answered in its place. */
uint64_t ferry__count_unended(struct context *c);

#endif
