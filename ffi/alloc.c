/*
 * Memory; see alloc.h.
 *
 * Threads: any. The never-freed pages and the names each have a mutex; blocks
 * need none.
 */
#include "ffi/alloc.h"

#include <dlfcn.h>
#include <ck_ht.h>
#include <ferry/ferry.h>
#include <string.h>

#include "ffi/fork.h"

/* Large enough to make a system call rare, untouched pages cost nothing. */
#define REGION ((size_t)1 << 20)

static pthread_mutex_t region_mutex = PTHREAD_MUTEX_INITIALIZER;
static char *region;
static size_t region_left;

static pthread_mutex_t names_mutex = PTHREAD_MUTEX_INITIALIZER;
static ck_ht_t *names; /* in pages of ours, for a child to leave behind */

void *
ferry__alloc_for_ever(size_t size)
{
	char *p = NULL;

	size = (size + LINE - 1) & ~(size_t)(LINE - 1);
	if (size > REGION / 4)
		return ferry__os_pages(size);
	pthread_mutex_lock(&region_mutex);
	if (size > region_left) {
		p = ferry__os_pages(REGION);
		if (p == NULL)
			goto out;
		region = p;
		region_left = REGION;
	}
	p = region;
	region += size;
	region_left -= size;
out:
	pthread_mutex_unlock(&region_mutex);
	return p;
}

static void
give_to_malloc(struct block *b)
{
	free(b);
}

void
ferry__alloc_block_init(struct block *b, void (*give_back)(struct block *))
{
	b->give_back = give_back;
	/* Relaxed: whoever hands the block on publishes it. */
	atom32_store_relaxed(&b->magic, BLOCK_LIVE);
}

int
ferry_block_alloc(void **out, size_t size)
{
	struct block *b;

	if (out == NULL)
		return FERRY_EINVAL;
	b = size < SIZE_MAX - sizeof *b ? malloc(sizeof *b + size) : NULL;
	if (b == NULL)
		return FERRY_ENOMEM;
	ferry__alloc_block_init(b, give_to_malloc);
	*out = ferry__alloc_block_data(b);
	return FERRY_OK;
}

int
ferry_block_release(void *data)
{
	struct block *b = data;
	uint32_t live = BLOCK_LIVE;

	if (data == NULL)
		return FERRY_OK;
	if ((uintptr_t)data % 16 != 0)
		return FERRY_EINVAL;
	/* Relaxed: its holder releases it, there is nobody to race with; the
	 * CAS is there for the one who releases twice. */
	if (!atom32_cas_relaxed(&b[-1].magic, &live, BLOCK_FREED))
		return FERRY_EINVAL;
	b[-1].give_back(&b[-1]);
	return FERRY_OK;
}

bool
ferry__alloc_block_copy(void **out, const void *data, size_t size)
{
	void *copy = NULL;

	if (size != 0) {
		if (ferry_block_alloc(&copy, size) != FERRY_OK)
			return false;
		memcpy(copy, data, size);
	}
	*out = copy;
	return true;
}

void
ferry__alloc_block_free(void *data)
{
	int r = ferry_block_release(data);

	ASSERT(r == FERRY_OK);
}

bool
ferry__alloc_is_block(const void *data)
{
	const struct block *b = data;

	return (uintptr_t)data % 16 == 0 &&
	    atom32_load_relaxed(&b[-1].magic) == BLOCK_LIVE;
}

static void *
names_malloc(size_t size)
{
	return malloc(size);
}

static void
names_free(void *p, size_t size, bool defer)
{
	(void)size;
	(void)defer;
	free(p);
}

static struct ck_malloc names_allocator = {
	.malloc = names_malloc,
	.free = names_free,
};

/* What is too long for the table's keys: few, if any. */
static struct long_bytes {
	struct long_bytes *next;
	size_t size;
	_Alignas(16) char bytes[];
} *long_ones;

static void *
intern_long(const void *bytes, size_t size)
{
	struct long_bytes *l = long_ones;

	while (l != NULL && (l->size != size || memcmp(l->bytes, bytes, size)))
		l = l->next;
	if (l == NULL) {
		l = ferry__alloc_for_ever(sizeof *l + size);
		if (l == NULL)
			return NULL;
		memcpy(l->bytes, bytes, size);
		l->size = size;
		l->next = long_ones;
		long_ones = l;
	}
	return l->bytes;
}

/* With the mutex held. */
static bool
make_names(void)
{
	ck_ht_t *t;

	if (names != NULL)
		return true;
	t = ferry__alloc_for_ever(sizeof *t);
	if (t == NULL ||
	    !ck_ht_init(t, CK_HT_MODE_BYTESTRING, NULL, &names_allocator, 64,
	        6602834))
		return false;
	names = t;
	return true;
}

/* With the mutex held. */
static void *
intern(const void *bytes, size_t size)
{
	ck_ht_hash_t hash;
	ck_ht_entry_t entry;
	uint16_t length = (uint16_t)size;
	char *kept;

	if (size > UINT16_MAX)
		return intern_long(bytes, size);
	if (!make_names())
		return NULL;
	ck_ht_hash(&hash, names, bytes, length);
	ck_ht_entry_key_set(&entry, bytes, length);
	if (ck_ht_get_spmc(names, hash, &entry))
		return ck_ht_entry_value(&entry);
	kept = ferry__alloc_for_ever(size);
	if (kept == NULL)
		return NULL;
	memcpy(kept, bytes, size);
	ck_ht_entry_set(&entry, hash, kept, length, kept);
	return ck_ht_put_spmc(names, hash, &entry) ? kept : NULL;
}

static void *
intern_locked(const void *bytes, size_t size)
{
	void *kept;

	pthread_mutex_lock(&names_mutex);
	kept = intern(bytes, size);
	pthread_mutex_unlock(&names_mutex);
	return kept;
}

const char *
ferry__alloc_name(const char *text)
{
	return intern_locked(text, strlen(text) + 1);
}

const void *
ferry__alloc_keep(const void *bytes, size_t size)
{
	return intern_locked(bytes, size);
}

void
ferry__alloc_free_theirs(void *p)
{
	/* Past who counts the library's own calls. Relaxed: it is one and the
	 * same address, whoever finds it. */
	static atomp found;
	void *f = atomp_load_relaxed(&found);
	void (*theirs)(void *);

	if (f == NULL)
		f = dlsym(RTLD_DEFAULT, "free");
	atomp_store_relaxed(&found, f);
	if (f == NULL) {
		free(p);
		return;
	}
	memcpy(&theirs, &f, sizeof theirs);
	theirs(p);
}

void
ferry__alloc_forked(void)
{
	ferry__fork_renew(&region_mutex);
	region = NULL;
	region_left = 0;
	ferry__fork_renew(&names_mutex);
	names = NULL;
	long_ones = NULL;
}
