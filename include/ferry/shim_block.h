/*
 * A part of <ferry/shim.h>: blocks that are read in place, and written.
 */
#ifndef FERRY_SHIM_BLOCK_H
#define FERRY_SHIM_BLOCK_H

#include <stdbool.h>
#include <string.h>

#include <ferry/package.h>

#define FERRY_SHIM_FN static inline __attribute__((unused))

/* Of blocks, and the most that anything in one may ask for. */
#define FERRY_SHIM_ALIGN 16

/* Objects that one call can make. */
#define FERRY_SHIM_MADE 8

/* Whether a pointer may be NULL. */
enum {
	FERRY_SHIM_NEVER = 0,
	FERRY_SHIM_NULLABLE = 1, /* then its length is 0 */
	FERRY_SHIM_OPTIONAL = 2  /* then there is none of one */
};

_Static_assert(sizeof(bool) == 1, "a bool is a byte");
_Static_assert(sizeof(uintptr_t) == sizeof(size_t), "pointers hold offsets");

/* What is empty and not NULL. */
static const _Alignas(FERRY_SHIM_ALIGN) char ferry_shim_nothing[1];

/* --- In ------------------------------------------------------------------ */

/*
 * What is pointed to stands in the order in which it is taken, so nothing
 * overlaps: no pointer is ever put where text or a length has been checked.
 * After the first thing that is wrong all functions return NULL at once.
 */
struct ferry_shim_in {
	unsigned char *base;
	size_t size;
	size_t at;         /* before it everything has been taken */
	const char *wrong; /* where; NULL: nothing so far */
};

FERRY_SHIM_FN void *
ferry_shim_wrong(struct ferry_shim_in *in, const char *name)
{
	if (in->wrong == NULL)
		in->wrong = name;
	return NULL;
}

/* The n elements of `each` bytes that `field`, an offset, leads to. */
FERRY_SHIM_FN void *
ferry_shim_take(struct ferry_shim_in *in, const void *field, uint64_t n,
    size_t each, size_t align, int null, const char *name)
{
	size_t at = (uintptr_t)field;

	if (in->wrong != NULL)
		return NULL;
	if (at == 0 && (null == FERRY_SHIM_OPTIONAL ||
	    (null == FERRY_SHIM_NULLABLE && n == 0)))
		return NULL;
	if (at == 0 || at > in->size)
		return ferry_shim_wrong(in, name);
	if (n == 0)
		return (void *)(uintptr_t)ferry_shim_nothing;
	if (at < in->at || at % align != 0 || n > (in->size - at) / each)
		return ferry_shim_wrong(in, name);
	in->at = at + (size_t)n * each;
	return in->base + at;
}

/* Text of any length. */
FERRY_SHIM_FN char *
ferry_shim_text(
    struct ferry_shim_in *in, const void *field, int null, const char *name)
{
	size_t at = (uintptr_t)field;
	unsigned char *end;

	if (in->wrong != NULL || (at == 0 && null))
		return NULL;
	if (at < in->at || at >= in->size)
		return ferry_shim_wrong(in, name);
	end = memchr(in->base + at, 0, in->size - at);
	if (end == NULL)
		return ferry_shim_wrong(in, name);
	in->at = (size_t)(end + 1 - in->base);
	return (char *)in->base + at;
}

/* Text whose length is told: it may have zero bytes, and one comes after. */
FERRY_SHIM_FN char *
ferry_shim_counted(struct ferry_shim_in *in, const void *field, uint64_t n,
    int null, const char *name)
{
	char *text = ferry_shim_take(in, field, n, 1, 1, null, name);

	if (text == NULL || n == 0)
		return text;
	if (in->at == in->size || in->base[in->at] != 0)
		return ferry_shim_wrong(in, name);
	in->at++;
	return text;
}

/* Each of n pointers to text. */
FERRY_SHIM_FN void
ferry_shim_each_text(
    struct ferry_shim_in *in, char **texts, uint64_t n, const char *name)
{
	uint64_t i;

	for (i = 0; i < n && in->wrong == NULL; i++)
		texts[i] = ferry_shim_text(
		    in, texts[i], FERRY_SHIM_NEVER, name);
}

/* An array of texts. */
FERRY_SHIM_FN void *
ferry_shim_texts(struct ferry_shim_in *in, const void *field, uint64_t n,
    int null, const char *name)
{
	char **texts = ferry_shim_take(
	    in, field, n, sizeof *texts, _Alignof(char *), null, name);

	if (texts != NULL)
		ferry_shim_each_text(in, texts, n, name);
	return texts;
}

/* Bools that are in place. */
FERRY_SHIM_FN void
ferry_shim_bools(struct ferry_shim_in *in, const void *bools, uint64_t n,
    const char *name)
{
	const unsigned char *p = bools;
	uint64_t i;

	for (i = 0; i < n && in->wrong == NULL; i++)
		if (p[i] > 1)
			ferry_shim_wrong(in, name);
}

/* An array of bools. */
FERRY_SHIM_FN void *
ferry_shim_take_bools(struct ferry_shim_in *in, const void *field, uint64_t n,
    int null, const char *name)
{
	void *bools = ferry_shim_take(in, field, n, 1, 1, null, name);

	if (bools != NULL)
		ferry_shim_bools(in, bools, n, name);
	return bools;
}

/* Text in an array of `size` characters. */
FERRY_SHIM_FN void
ferry_shim_fixed(struct ferry_shim_in *in, const char *text, size_t size,
    const char *name)
{
	if (memchr(text, 0, size) == NULL)
		ferry_shim_wrong(in, name);
}

/* A length of a signed type. */
FERRY_SHIM_FN uint64_t
ferry_shim_length(struct ferry_shim_in *in, int64_t n, const char *name)
{
	if (n < 0)
		ferry_shim_wrong(in, name);
	return n < 0 ? 0 : (uint64_t)n;
}

/* --- Out ----------------------------------------------------------------- */

/*
 * What is measured is stored afterwards in the same order, and stands still
 * meanwhile. The functions to measure see what the library has filled; those
 * that store see its copy in the block, and return what to put there: offsets.
 */
struct ferry_shim_out {
	unsigned char *base; /* the block */
	size_t at;           /* its size so far */
	const char *wrong;   /* where; NULL: nothing so far */
	bool big;            /* it is too big */
};

FERRY_SHIM_FN void
ferry_shim_bad(struct ferry_shim_out *out, const char *name)
{
	if (out->wrong == NULL)
		out->wrong = name;
}

FERRY_SHIM_FN size_t
ferry_shim_up(size_t at, size_t align)
{
	return (at + align - 1) / align * align;
}

/* Whether there is anything to look at behind `from`. */
FERRY_SHIM_FN bool
ferry_shim_need(struct ferry_shim_out *out, const void *from, uint64_t n,
    size_t each, size_t align, int null, const char *name)
{
	if (out->wrong != NULL)
		return false;
	if (from == NULL) {
		if (null == FERRY_SHIM_NEVER && n != 0)
			ferry_shim_bad(out, name);
		return false;
	}
	if (n == 0)
		return false;
	out->at = ferry_shim_up(out->at, align);
	if (n > (SIZE_MAX / 2 - out->at) / each) {
		out->big = true;
		ferry_shim_bad(out, name);
		return false;
	}
	out->at += (size_t)n * each;
	return true;
}

FERRY_SHIM_FN void
ferry_shim_need_text(
    struct ferry_shim_out *out, const char *from, int null, const char *name)
{
	ferry_shim_need(out, from, from ? strlen(from) + 1 : 1, 1, 1, null,
	    name);
}

FERRY_SHIM_FN void
ferry_shim_need_counted(struct ferry_shim_out *out, const void *from,
    uint64_t n, int null, const char *name)
{
	if (ferry_shim_need(out, from, n, 1, 1, null, name))
		out->at++;
}

FERRY_SHIM_FN void
ferry_shim_need_each_text(struct ferry_shim_out *out, const void *from,
    uint64_t n, const char *name)
{
	const char *const *texts = from;
	uint64_t i;

	for (i = 0; i < n && out->wrong == NULL; i++)
		ferry_shim_need_text(out, texts[i], FERRY_SHIM_NEVER, name);
}

FERRY_SHIM_FN void
ferry_shim_need_texts(struct ferry_shim_out *out, const void *from, uint64_t n,
    int null, const char *name)
{
	if (ferry_shim_need(out, from, n, sizeof(char *), _Alignof(char *),
	    null, name))
		ferry_shim_need_each_text(out, from, n, name);
}

FERRY_SHIM_FN void
ferry_shim_need_fixed(struct ferry_shim_out *out, const char *text,
    size_t size, const char *name)
{
	if (memchr(text, 0, size) == NULL)
		ferry_shim_bad(out, name);
}

FERRY_SHIM_FN uint64_t
ferry_shim_need_length(struct ferry_shim_out *out, int64_t n, const char *name)
{
	if (n < 0)
		ferry_shim_bad(out, name);
	return n < 0 ? 0 : (uint64_t)n;
}

/* A copy in the block; NULL where there is nothing to copy. */
FERRY_SHIM_FN void *
ferry_shim_put(struct ferry_shim_out *out, const void *from, uint64_t n,
    size_t each, size_t align)
{
	size_t at = ferry_shim_up(out->at, align);

	if (from == NULL || n == 0)
		return NULL;
	memset(out->base + out->at, 0, at - out->at);
	memcpy(out->base + at, from, (size_t)n * each);
	out->at = at + (size_t)n * each;
	return out->base + at;
}

/* What stands in the block for `from`, whose copy is `copy`. */
FERRY_SHIM_FN void *
ferry_shim_offset(const struct ferry_shim_out *out, const void *from,
    const void *copy, int null)
{
	if (copy != NULL)
		return (void *)(uintptr_t)((const unsigned char *)copy -
		    out->base);
	/* Nothing, but not NULL: at the end of what there is. */
	return from != NULL || null == FERRY_SHIM_NEVER
	    ? (void *)(uintptr_t)out->at : NULL;
}

/* Elements without pointers. */
FERRY_SHIM_FN void *
ferry_shim_store(struct ferry_shim_out *out, const void *from, uint64_t n,
    size_t each, size_t align, int null)
{
	return ferry_shim_offset(
	    out, from, ferry_shim_put(out, from, n, each, align), null);
}

FERRY_SHIM_FN void *
ferry_shim_store_text(struct ferry_shim_out *out, const char *from, int null)
{
	return ferry_shim_store(
	    out, from, from ? strlen(from) + 1 : 0, 1, 1, null);
}

FERRY_SHIM_FN void *
ferry_shim_store_counted(
    struct ferry_shim_out *out, const void *from, uint64_t n, int null)
{
	const void *copy = ferry_shim_put(out, from, n, 1, 1);

	if (copy != NULL)
		out->base[out->at++] = 0;
	return ferry_shim_offset(out, from, copy, null);
}

FERRY_SHIM_FN void
ferry_shim_store_each_text(struct ferry_shim_out *out, void *to, uint64_t n)
{
	char **texts = to;
	uint64_t i;

	for (i = 0; i < n; i++)
		texts[i] = ferry_shim_store_text(
		    out, texts[i], FERRY_SHIM_NEVER);
}

FERRY_SHIM_FN void *
ferry_shim_store_texts(
    struct ferry_shim_out *out, const void *from, uint64_t n, int null)
{
	void *copy = ferry_shim_put(
	    out, from, n, sizeof(char *), _Alignof(char *));

	if (copy != NULL)
		ferry_shim_store_each_text(out, copy, n);
	return ferry_shim_offset(out, from, copy, null);
}

/* What the library gave away, for its own function. */
FERRY_SHIM_FN void *
ferry_shim_theirs(const void *given)
{
	return (void *)(uintptr_t)given;
}

#endif
