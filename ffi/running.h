/*
 * What a context has running just now.
 */
#ifndef FERRY_FFI_RUNNING_H
#define FERRY_FFI_RUNNING_H

#include "ffi/context.h"

/* The oldest deferred calls, at most `capacity`; returns how many, and how many
 * there are in all. FERRY_ESTALE, FERRY_ECLOSED. */
int ferry__running_deferred(ferry_running *items, uint32_t capacity,
    uint64_t *total, struct context *c, ferry_context token);

#endif
