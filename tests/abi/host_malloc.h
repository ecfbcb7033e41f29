/*
 * The host's own malloc: before each block stand its size, where its memory
 * began, and a word that says whose it is. What comes to free() or realloc()
 * without that word was allocated by somebody else. The memory comes from the
 * C library, by its other names.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_MARK UINT32_C(0x686f7374)

void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

struct host_block {
	size_t size;
	uint32_t before; /* bytes from the memory's begin to the data */
	uint32_t mark;
};

static struct host_block *
host_of(void *data)
{
	static const char said[] =
	    "a block of another malloc's came to the host's\n";
	struct host_block *block = (struct host_block *)data - 1;

	if (block->mark != HOST_MARK) {
		if (write(2, said, sizeof said - 1) < 0)
			_exit(3);
		abort();
	}
	return block;
}

void *
memalign(size_t alignment, size_t size)
{
	size_t before = alignment < sizeof(struct host_block) ?
	    sizeof(struct host_block) : alignment;
	char *memory = __libc_memalign(before, before + size);
	struct host_block *block;

	if (memory == NULL)
		return NULL;
	block = (struct host_block *)(memory + before) - 1;
	*block = (struct host_block){ size, (uint32_t)before, HOST_MARK };
	return block + 1;
}

void *
malloc(size_t size)
{
	return memalign(sizeof(struct host_block), size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int
posix_memalign(void **out, size_t alignment, size_t size)
{
	void *data = memalign(alignment, size);

	if (data == NULL)
		return ENOMEM;
	*out = data;
	return 0;
}

void *
calloc(size_t n, size_t size)
{
	void *data = size != 0 && n > SIZE_MAX / 2 / size ? NULL :
	    malloc(n * size);

	return data == NULL ? NULL : memset(data, 0, n * size);
}

void
free(void *data)
{
	struct host_block *block;

	if (data == NULL)
		return;
	block = host_of(data);
	block->mark = 0;
	__libc_free((char *)data - block->before);
}

void *
realloc(void *data, size_t size)
{
	void *more = malloc(size);
	size_t old;

	if (more == NULL || data == NULL)
		return more;
	old = host_of(data)->size;
	memcpy(more, data, old < size ? old : size);
	free(data);
	return more;
}
