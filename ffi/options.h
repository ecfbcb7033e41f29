/*
 * Reading option structs and filling result structs of callers who were
 * compiled against an older or newer header.
 */
#ifndef FERRY_FFI_OPTIONS_H
#define FERRY_FFI_OPTIONS_H

#include "ffi/base.h"

/* Every such struct begins with its size, and eight bytes more. */
#define OPTIONS_LEAST 16u

/*
 * Copies the caller's struct into ours: what it lacks is zero, what it has
 * beyond ours must be zero. NULL is all zero. Returns FERRY_OK, or
 * FERRY_EINVAL and ours is all zero: callers look at it in the same condition,
 * and a compiler may read it before it has looked at what was returned.
 */
int ferry__options_read(void *ours, size_t our_size, const void *theirs);

/*
 * Copies our result struct out as far as the caller's struct_size goes.
 * FERRY_EINVAL if that is too small, nothing being written.
 */
int ferry__options_write(void *theirs, const void *ours, size_t our_size);

#endif
