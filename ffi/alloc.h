/*
 * Memory: never-freed pages for what stale tokens may still point into, and
 * blocks, which carry replies to whoever asked.
 */
#ifndef FERRY_FFI_ALLOC_H
#define FERRY_FFI_ALLOC_H

#include "ffi/atomic.h"

/*
 * Zeroed, aligned to LINE, never given back; carved from large pages under a
 * mutex. NULL when there is no memory.
 */
void *ferry__alloc_for_ever(size_t size);

/*
 * A block: what ferry_block_alloc() returns and ferry_block_release() takes.
 * give_back() returns it to where it came from.
 */
struct block {
	_Alignas(16) atom32 magic;
	uint32_t reserved;
	void (*give_back)(struct block *);
};

#define BLOCK_LIVE  0xfe44b10cu
#define BLOCK_FREED 0xdeadb10cu

_Static_assert(sizeof(struct block) == 16, "a block's bytes are aligned");

static inline void *
ferry__alloc_block_data(struct block *b)
{
	return b + 1;
}

/* Sets the block up for one life. */
void ferry__alloc_block_init(
    struct block *b, void (*give_back)(struct block *));

/* A copy of `size` bytes as a block; NULL for none; false: no memory. */
bool ferry__alloc_block_copy(void **out, const void *data, size_t size);

/* For blocks that Ferry itself made or accepted. NULL is ignored. */
void ferry__alloc_block_free(void *data);

/* Whether this is the data of a live block. */
bool ferry__alloc_is_block(const void *data);

/* A string that lives as long as the process; equal ones are one. NULL: no
 * memory. */
const char *ferry__alloc_name(const char *text);

/* Bytes that live as long; equal ones are kept once, so that a library opened
 * again and again costs nothing. NULL: no memory. */
const void *ferry__alloc_keep(const void *bytes, size_t size);

/* Frees what another library has got from malloc for Ferry. NULL is ignored. */
void ferry__alloc_free_theirs(void *p);

/* In a forked child: see forked.c. */
void ferry__alloc_forked(void);

#endif
