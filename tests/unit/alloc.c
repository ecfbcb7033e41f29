/*
 * Memory: never-freed pages, blocks and who may release them, names that are
 * kept once.
 */
#include "t.h"

#include <ferry/ferry.h>

#include "ffi/alloc.h"

#define THREADS 4

/* ---- for ever ---- */

static bool
is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Lists shift an address by 16 and rely on its alignment. */
static void
aligned_zeroed_and_apart(void)
{
	static const size_t sizes[] = { 1, 127, 128, 129, 4096, 100000,
		(size_t)1 << 18, ((size_t)1 << 18) + 1, (size_t)3 << 20 };
	unsigned char *p[COUNT_OF(sizes)];

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		p[i] = ferry__alloc_for_ever(sizes[i]);
		T_ASSERT(p[i] != NULL);
		T_EQ((uintptr_t)p[i] % LINE, 0);
		T_EQ((uintptr_t)p[i] >> 48, 0);
		T_ASSERT(is_zero(p[i], sizes[i]));
		memset(p[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		for (size_t k = 0; k < sizes[i]; k++)
			T_EQ(p[i][k], i + 1);
}

#define PIECES 2000

static void *
carve(void *arg)
{
	unsigned char **mine = arg;

	for (int i = 0; i < PIECES; i++) {
		mine[i] = ferry__alloc_for_ever(LINE * (1 + i % 3));
		T_ASSERT(mine[i] != NULL && mine[i][0] == 0);
		mine[i][0] = 1;
	}
	return NULL;
}

/* A piece handed out twice is found by who sees it not zero. */
static void
threads_get_pieces_of_their_own(void)
{
	static unsigned char *pieces[THREADS][PIECES];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(carve, pieces[i]);
	for (int i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
}

/* ---- blocks ---- */

static void
blocks_of_any_size(void)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 1 << 20 };
	void *data;

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		data = NULL;
		T_OK(ferry_block_alloc(&data, sizes[i]));
		T_ASSERT(data != NULL);
		T_EQ((uintptr_t)data % 16, 0);
		memset(data, 0xff, sizes[i]);
		T_ASSERT(ferry__alloc_is_block(data));
		T_OK(ferry_block_release(data));
	}
}

static void
null_is_released(void)
{
	T_OK(ferry_block_release(NULL));
	ferry__alloc_block_free(NULL);
}

/* Sizes that overflow when the head is added. */
static void
impossible_sizes(void)
{
	size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15,
		SIZE_MAX - 16 };
	void *data = &sizes;

	T_EQ(ferry_block_alloc(NULL, 1), FERRY_EINVAL);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		T_EQ(ferry_block_alloc(&data, sizes[i]), FERRY_ENOMEM);
		T_ASSERT(data == &sizes);
	}
}

static int given_back;

static void
keep(struct block *b)
{
	(void)b;
	given_back++;
}

/* Memory that is not freed by the first release, so that the second may be
 * looked at: it must be refused, and give nothing back. */
static void
released_once(void)
{
	struct { struct block head; char bytes[16]; } b;

	given_back = 0;
	ferry__alloc_block_init(&b.head, keep);
	T_ASSERT(ferry__alloc_block_data(&b.head) == (void *)b.bytes);
	T_ASSERT(ferry__alloc_is_block(b.bytes));
	T_OK(ferry_block_release(b.bytes));
	T_EQ(given_back, 1);
	T_ASSERT(!ferry__alloc_is_block(b.bytes));
	T_EQ(ferry_block_release(b.bytes), FERRY_EINVAL);
	T_EQ(given_back, 1);
	/* Another life. */
	ferry__alloc_block_init(&b.head, keep);
	T_OK(ferry_block_release(b.bytes));
	T_EQ(given_back, 2);
}

static void
what_is_no_block_is_refused(void)
{
	_Alignas(16) char bytes[64] = { 0 };
	void *data;

	/* What looks like one, at an address that none can have. */
	for (int i = 4; i < 16; i += 4) {
		*(uint32_t *)(void *)(bytes + i) = BLOCK_LIVE;
		T_EQ(ferry_block_release(bytes + 16 + i), FERRY_EINVAL);
		T_ASSERT(!ferry__alloc_is_block(bytes + 16 + i));
	}
	T_EQ(ferry_block_release(bytes + 16), FERRY_EINVAL);
	T_ASSERT(!ferry__alloc_is_block(bytes + 16));
	/* The middle of a block is not the block. */
	T_OK(ferry_block_alloc(&data, 64));
	memset(data, 0, 64);
	T_EQ(ferry_block_release((char *)data + 16), FERRY_EINVAL);
	T_EQ(ferry_block_release((char *)data + 1), FERRY_EINVAL);
	T_OK(ferry_block_release(data));
}

static void
copies(void)
{
	void *data = &given_back;

	T_ASSERT(ferry__alloc_block_copy(&data, "12345", 5));
	T_MEM(data, "12345", 5);
	T_OK(ferry_block_release(data));
	/* No bytes, no block. */
	T_ASSERT(ferry__alloc_block_copy(&data, NULL, 0));
	T_ASSERT(data == NULL);
}

/* ---- names ---- */

/* Worker keys and names are compared by address. */
static void
equal_names_are_one(void)
{
	char a[] = "some name", b[] = "some name";
	const char *kept = ferry__alloc_name(a);

	T_ASSERT(kept != a);
	T_STR(kept, "some name");
	T_ASSERT(ferry__alloc_name(b) == kept);
	memset(a, 'x', sizeof a - 1);
	T_STR(kept, "some name");
	T_ASSERT(ferry__alloc_name(a) != kept);
	T_ASSERT(ferry__alloc_name("some nam") != kept);
	T_ASSERT(ferry__alloc_name("some name ") != kept);
}

static void
empty_name(void)
{
	const char *kept = ferry__alloc_name("");

	T_STR(kept, "");
	T_ASSERT(ferry__alloc_name("") == kept);
}

/* The table's keys have 16 bits of length: no longer name may be cut, or
 * found under its remainder. */
static void
long_names(void)
{
	static const size_t lengths[] = { 255, 256, 65533, 65534, 65535, 65536,
		65537, 65536 + 9, 200000 };
	char *text = malloc(200001);
	const char *kept;

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		memset(text, 'n', lengths[i]);
		text[lengths[i]] = 0;
		kept = ferry__alloc_name(text);
		/* There may be a bound, but no other name. */
		T_ASSERT(kept == NULL || strcmp(kept, text) == 0);
		T_ASSERT(kept != NULL || lengths[i] > 65000);
		if (kept != NULL && lengths[i] < 65535)
			T_ASSERT(ferry__alloc_name(text) == kept);
	}
	T_STR(ferry__alloc_name("nnnnnnnnn"), "nnnnnnnnn");
	free(text);
}

static void
names_survive_growth(void)
{
	static const char *kept[5000];
	char text[32];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			snprintf(text, sizeof text, "growth %d", i);
			if (round == 0)
				kept[i] = ferry__alloc_name(text);
			T_STR(kept[i], text);
			T_ASSERT(ferry__alloc_name(text) == kept[i]);
		}
}

/* Bytes that contain zeros are not strings. */
static void
kept_bytes_are_compared_whole(void)
{
	const char a[] = "ab\0cd", b[] = "ab\0ce";
	const void *kept = ferry__alloc_keep(a, sizeof a);

	T_MEM(kept, a, sizeof a);
	T_ASSERT(ferry__alloc_keep(a, sizeof a) == kept);
	T_ASSERT(ferry__alloc_keep(b, sizeof b) != kept);
	T_ASSERT(ferry__alloc_keep(a, sizeof a - 1) != kept);
	T_EQ((uintptr_t)kept % LINE, 0);
}

static void *
name_all(void *arg)
{
	const char **mine = arg;
	char text[32];

	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof text, "thread %d", i);
		mine[i] = ferry__alloc_name(text);
	}
	return NULL;
}

static void
threads_agree_on_names(void)
{
	static const char *names[THREADS][500];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(name_all, names[i]);
	for (int i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	for (int i = 1; i < THREADS; i++)
		T_MEM(names[i], names[0], sizeof names[0]);
}

T_MAIN(
	T_RUN(aligned_zeroed_and_apart);
	T_RUN(threads_get_pieces_of_their_own);
	T_RUN(blocks_of_any_size);
	T_RUN(null_is_released);
	T_RUN(impossible_sizes);
	T_RUN(released_once);
	T_RUN(what_is_no_block_is_refused);
	T_RUN(copies);
	T_RUN(equal_names_are_one);
	T_RUN(empty_name);
	T_RUN(long_names);
	T_RUN(names_survive_growth);
	T_RUN(kept_bytes_are_compared_whole);
	T_RUN(threads_agree_on_names);
)
