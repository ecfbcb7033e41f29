/*
 * Reading option structs and filling result structs of callers who were
 * compiled against an older or newer header.
 */
#ifndef FERRY_FFI_OPTIONS_H
#define FERRY_FFI_OPTIONS_H

#include "ffi/base.h"

/*
 * Copies the caller's struct into ours: what it lacks is zero, what it has
 * beyond ours must be zero. `least` is the size of the first release.
 * Returns FERRY_OK or FERRY_EINVAL. NULL is all zero.
 */
int ferry__options_read(
    void *ours, size_t our_size, const void *theirs, size_t least);

/*
 * Copies our result struct out as far as the caller's struct_size goes.
 * FERRY_EINVAL if that is smaller than `least`, nothing being written.
 */
int ferry__options_write(
    void *theirs, const void *ours, size_t our_size, size_t least);

#endif
