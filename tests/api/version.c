/*
 * Version, ABI sentence, clock, and the table of errors: numbers that are
 * frozen, each with a name and a text.
 */
#include "fixture.h"

/* The promise: these numbers never change. New errors are appended here. */
#define FROZEN(X) \
	X(FERRY_OK, 0) X(FERRY_EINVAL, -1) X(FERRY_ESTALE, -2) \
	X(FERRY_EFOREIGN, -3) X(FERRY_ENOMEM, -4) X(FERRY_ESYSTEM, -5) \
	X(FERRY_EAGAIN, -6) X(FERRY_E2BIG, -7) X(FERRY_ECLOSED, -8) \
	X(FERRY_EQUIESCED, -9) X(FERRY_EREENTRANT, -10) \
	X(FERRY_EDEADLK, -11) X(FERRY_ETIMEDOUT, -12) X(FERRY_EINTR, -13) \
	X(FERRY_ECANCELED, -14) X(FERRY_EDEADLINE, -15) \
	X(FERRY_ENOMETHOD, -16) X(FERRY_ENOEVENT, -17) \
	X(FERRY_EALREADY, -18) X(FERRY_EBUSY, -19) X(FERRY_EREPLIED, -20) \
	X(FERRY_EDONE, -21) X(FERRY_EFROZEN, -22) X(FERRY_EEXIST, -23) \
	X(FERRY_EABI, -24) X(FERRY_EINIT, -25) X(FERRY_ESTUCK, -26) \
	X(FERRY_ETHREAD, -27) X(FERRY_ELOST, -28) X(FERRY_EDETACHED, -29) \
	X(FERRY_ENOTSUP, -30) \
	X(FERRY_EFORKED, -31) X(FERRY_ENOSTRAND, -32) X(FERRY_EUNINIT, -33)

enum { N_FROZEN = 34 };

static void
versions(void)
{
	T_EQ(ferry_version(), FERRY_VERSION_MAJOR * 10000 +
	    FERRY_VERSION_MINOR * 100 + FERRY_VERSION_PATCH);
	T_OK(ferry_abi_check(FERRY_ABI));
	T_EQ(ferry_abi_check(0), FERRY_EABI);
	T_EQ(ferry_abi_check(FERRY_ABI + 1), FERRY_EABI);
	T_EQ(ferry_abi_check(UINT32_MAX), FERRY_EABI);
}

static void
clock_is_monotonic(void)
{
	uint64_t before = t_now_ns(), now = ferry_clock_ns();

	T_GE(now, before);
	T_LE(now, t_now_ns());
}

static void
frozen_numbers(void)
{
#define CHECK(error, number) \
	T_EQ(error, number); \
	T_STR(ferry_error_name(error), #error);
	FROZEN(CHECK)
#undef CHECK
}

static void
unknown_numbers(void)
{
	static const int unknown[] = {1, 2, 100, -34, -1000, INT32_MAX,
	    INT32_MIN};

	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		T_STR(ferry_error_name(unknown[i]), "FERRY_E?");
		T_ASSERT(ferry_error_text(unknown[i]) != NULL);
		T_ASSERT(ferry_error_text(unknown[i])[0] != 0);
	}
}

/* Each has a text of its own: catches a row that was copied and forgotten. */
static void
texts(void)
{
	for (int a = 0; a > -N_FROZEN; a--) {
		const char *text = ferry_error_text(a);

		T_ASSERT(text != NULL);
		T_GT(strlen(text), 3);
		for (int b = a + 1; b <= 0; b++)
			T_NE(strcmp(text, ferry_error_text(b)), 0);
		/* Static: the same each time. */
		T_ASSERT(text == ferry_error_text(a));
	}
}

/* The header, from the place of this file. */
static FILE *
open_header(void)
{
	static const char here[] = "tests/api/version.c";
	char path[1024];
	size_t n = strlen(__FILE__) - strlen(here);

	if (strlen(__FILE__) < strlen(here) ||
	    strcmp(&__FILE__[n], here) != 0)
		return NULL;
	snprintf(path, sizeof path, "%.*sinclude/ferry/ferry.h", (int)n,
	    __FILE__);
	return fopen(path, "re");
}

/* Every error of the header is in the table, under its number. */
static void
header_against_table(void)
{
	FILE *f = open_header();
	char line[256], name[64];
	int number, seen = 0;

	if (f == NULL)
		T_SKIP_CASE("the header is not where it was");
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, " FERRY_%40[A-Z0-9] = %d", name, &number)
		    != 2 || (name[0] != 'E' && strcmp(name, "OK") != 0))
			continue;
		T_STR(ferry_error_name(number) + strlen("FERRY_"), name);
		seen++;
	}
	fclose(f);
	T_GE(seen, N_FROZEN);
	/* And nothing behind the last: table and header end together. */
	T_STR(ferry_error_name(-seen), "FERRY_E?");
}

/* All of them are compared by tests/abi/layout. */
static void
layouts(void)
{
	uint32_t at = 77, size = 77;

	T_OK(ferry_abi_layout(&at, &size, "ferry_reply", NULL));
	T_EQ(at, 0);
	T_EQ(size, sizeof(ferry_reply));
	T_OK(ferry_abi_layout(&at, &size, "ferry_reply", "size"));
	T_EQ(at, offsetof(ferry_reply, size));
	T_EQ(size, sizeof(size_t));
	/* Not the field of that name of the struct behind it. */
	T_EQ(ferry_abi_layout(&at, &size, "ferry_reply", "struct_size"),
	    FERRY_EINVAL);
	T_EQ(ferry_abi_layout(&at, &size, "ferry_repl", "size"),
	    FERRY_EINVAL);
	T_EQ(ferry_abi_layout(&at, &size, ".size", NULL), FERRY_EINVAL);
	T_EQ(ferry_abi_layout(&at, &size, "", NULL), FERRY_EINVAL);
	T_EQ(ferry_abi_layout(&at, &size, "ferry_reply", ""), FERRY_EINVAL);
	T_EQ(ferry_abi_layout(&at, &size, NULL, "size"), FERRY_EINVAL);
	T_EQ(ferry_abi_layout(NULL, &size, "ferry_reply", NULL),
	    FERRY_EINVAL);
	T_EQ(at, offsetof(ferry_reply, size));
	T_EQ(size, sizeof(size_t));
}

T_MAIN(
	T_RUN(layouts);
	T_RUN(versions);
	T_RUN(clock_is_monotonic);
	T_RUN(frozen_numbers);
	T_RUN(unknown_numbers);
	T_RUN(texts);
	T_RUN(header_against_table);
)
