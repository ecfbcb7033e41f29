/*
 * Memory that ends all at once, with the request that it belongs to.
 */
#ifndef FERRY_FFI_ARENA_H
#define FERRY_FFI_ARENA_H

#include "ffi/base.h"

struct arena_chunk;

/* Owned by one thread at a time. */
struct arena {
	struct arena_chunk *chunks; /* newest first; NULL: nothing to free */
	uint64_t used;              /* bytes given out, rounded up to 16 */
	uint64_t most;
};

/* FERRY_OK, FERRY_E2BIG, FERRY_ENOMEM: then the arena is as it was. */
int ferry__arena_alloc(void **out, struct arena *a, size_t size);

void ferry__arena_free(struct arena *a);

#endif
