/*
 * Chunks from malloc, the latest of which has room; see arena.h.
 */
#include "ffi/arena.h"

#include <ferry/ferry.h>
#include <stdlib.h>

#define ALIGN       16u
#define CHUNK_LEAST ((size_t)1024 - sizeof(struct arena_chunk))
#define CHUNK_MOST  ((size_t)64 << 10)

struct arena_chunk {
	_Alignas(ALIGN) struct arena_chunk *next;
	size_t used, size; /* bytes behind this head */
};

/* As much again as there is, within bounds; what is larger gets its own. */
static size_t
chunk_size(const struct arena *a, size_t size)
{
	size_t wanted = a->used < CHUNK_MOST ? (size_t)a->used : CHUNK_MOST;

	if (wanted < CHUNK_LEAST)
		wanted = CHUNK_LEAST;
	return size > wanted ? size : wanted;
}

static struct arena_chunk *
add_chunk(struct arena *a, size_t size)
{
	size_t room = chunk_size(a, size);
	struct arena_chunk *k = malloc(sizeof *k + room);

	if (k == NULL && room > size)
		k = malloc(sizeof *k + (room = size));
	if (k == NULL)
		return NULL;
	*k = (struct arena_chunk){ .next = a->chunks, .size = room };
	a->chunks = k;
	return k;
}

int
ferry__arena_alloc(void **out, struct arena *a, size_t size)
{
	struct arena_chunk *k = a->chunks;

	if (size > a->most - a->used || size > PTRDIFF_MAX - CHUNK_MOST)
		return FERRY_E2BIG;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (k == NULL || k->size - k->used < size)
		k = add_chunk(a, size);
	if (k == NULL)
		return FERRY_ENOMEM;
	*out = (char *)(k + 1) + k->used;
	k->used += size;
	/* The rounding of the last one may go a little over the bound. */
	a->used = size < a->most - a->used ? a->used + size : a->most;
	return FERRY_OK;
}

void
ferry__arena_free(struct arena *a)
{
	struct arena_chunk *k = a->chunks;

	a->chunks = NULL;
	while (k != NULL) {
		struct arena_chunk *next = k->next;

		free(k);
		k = next;
	}
}
