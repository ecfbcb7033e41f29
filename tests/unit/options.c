/*
 * Option and result structs of callers who were compiled against another
 * header.
 */
#include "t.h"

#include <ferry/ferry.h>

#include "ffi/options.h"

/* Of three releases; ours is the second. */
struct v1 {
	size_t struct_size;
	uint32_t flags;
	uint32_t a;
};

struct v2 {
	size_t struct_size;
	uint32_t flags;
	uint32_t a;
	uint64_t b;
};

struct v3 {
	size_t struct_size;
	uint32_t flags;
	uint32_t a;
	uint64_t b;
	uint64_t c[4];
};

#define LEAST OPTIONS_LEAST

static const struct v2 garbage = { 91, 92, 93, 94 }, zero;

static int
read_v2(struct v2 *ours, const void *theirs)
{
	*ours = garbage;
	return ferry__options_read(ours, sizeof *ours, theirs);
}

static void
null_is_all_defaults(void)
{
	struct v2 ours;

	T_OK(read_v2(&ours, NULL));
	T_MEM(&ours, &zero, sizeof ours);
}

static void
older_lacks_are_zero(void)
{
	struct v1 theirs = { sizeof theirs, 1, 2 };
	struct v2 ours;

	T_OK(read_v2(&ours, &theirs));
	T_EQ(ours.flags, 1);
	T_EQ(ours.a, 2);
	T_EQ(ours.b, 0);
}

static void
same_is_copied(void)
{
	struct v2 theirs = { sizeof theirs, 1, 2, UINT64_MAX }, ours;

	T_OK(read_v2(&ours, &theirs));
	T_MEM(&ours, &theirs, sizeof ours);
}

/* A newer caller's wish that we do not know must not be ignored. */
static void
newer_tail_must_be_zero(void)
{
	struct v3 theirs = { .struct_size = sizeof theirs, .flags = 1,
		.a = 2, .b = 3 };
	struct v2 ours;

	T_OK(read_v2(&ours, &theirs));
	T_EQ(ours.b, 3);
	for (int i = 0; i < 4; i++) {
		theirs.c[i] = UINT64_C(1) << 63;
		T_EQ(read_v2(&ours, &theirs), FERRY_EINVAL);
		T_MEM(&ours, &zero, sizeof ours);
		theirs.c[i] = 0;
	}
	T_OK(read_v2(&ours, &theirs));
}

/* A caller who forgot struct_size, or left garbage there. */
static void
sizes_that_cannot_be(void)
{
	size_t sizes[] = { 0, 1, LEAST - 1, SIZE_MAX, SIZE_MAX / 2,
		(size_t)1 << 20 };
	struct v2 theirs = { 0 }, ours;

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		theirs.struct_size = sizes[i];
		T_EQ(read_v2(&ours, &theirs), FERRY_EINVAL);
		T_MEM(&ours, &zero, sizeof ours);
	}
}

static const struct v2 result = { sizeof result, 11, 12, 13 };

static int
write_v2(void *theirs)
{
	return ferry__options_write(theirs, &result, sizeof result);
}

/* What the caller does not know of is not written: it is not his struct. */
static void
older_result_is_cut(void)
{
	struct v2 theirs = { sizeof(struct v1), 0, 0, 94 };

	T_OK(write_v2(&theirs));
	T_EQ(theirs.struct_size, sizeof(struct v1));
	T_EQ(theirs.flags, 11);
	T_EQ(theirs.a, 12);
	T_EQ(theirs.b, 94);
	/* A size in the middle of a field's end. */
	theirs.struct_size = sizeof(struct v1) + 1;
	T_OK(write_v2(&theirs));
	T_EQ(theirs.struct_size, sizeof(struct v1) + 1);
}

/* Beyond what we know nothing is written, and struct_size stays theirs. */
static void
newer_result_keeps_its_tail(void)
{
	struct v3 theirs = { .struct_size = sizeof theirs,
		.c = { 1, 2, 3, 4 } };

	T_OK(write_v2(&theirs));
	T_EQ(theirs.struct_size, sizeof theirs);
	T_EQ(theirs.flags, 11);
	T_EQ(theirs.b, 13);
	for (uint64_t i = 0; i < 4; i++)
		T_EQ(theirs.c[i], i + 1);
}

static void
bad_results_are_untouched(void)
{
	struct v2 theirs = { LEAST - 1, 92, 93, 94 };

	T_EQ(write_v2(NULL), FERRY_EINVAL);
	T_EQ(write_v2(&theirs), FERRY_EINVAL);
	theirs.struct_size = 0;
	T_EQ(write_v2(&theirs), FERRY_EINVAL);
	T_EQ(theirs.flags, 92);
	T_EQ(theirs.a, 93);
	T_EQ(theirs.b, 94);
}

T_MAIN(
	T_RUN(null_is_all_defaults);
	T_RUN(older_lacks_are_zero);
	T_RUN(same_is_copied);
	T_RUN(newer_tail_must_be_zero);
	T_RUN(sizes_that_cannot_be);
	T_RUN(older_result_is_cut);
	T_RUN(newer_result_keeps_its_tail);
	T_RUN(bad_results_are_untouched);
)
