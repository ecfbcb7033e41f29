/*
 * Counters and health, read by anybody at any time.
 */
#ifndef FERRY_FFI_COUNT_H
#define FERRY_FFI_COUNT_H

#include "ffi/context.h"

/* Started and unfinished. */
uint64_t ferry__count_running(struct context *c);

#endif
