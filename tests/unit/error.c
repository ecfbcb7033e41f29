/*
 * The table of errors, against the numbers in the public header and the page
 * that documents them.
 */
#include "t.h"

#include <ctype.h>
#include <ferry/ferry.h>

#include "ffi/base.h"
#include "ffi/error_table.h"

/* A file of the source tree; NULL when this is run without one. */
static FILE *
source(const char *path)
{
	static const char self[] = "tests/unit/error.c";
	char full[4096];
	size_t root = strlen(__FILE__) - strlen(self);

	T_STR(&__FILE__[root], self);
	snprintf(full, sizeof full, "%.*s%s", (int)root, __FILE__, path);
	return fopen(full, "re");
}

/* A name of the header without one in the table, or with another number. */
static void
header_and_table_agree(void)
{
	FILE *f = source("include/ferry/ferry.h");
	char line[256], name[64];
	int number, lowest = 0, n = 0, entries = 0;

	if (f == NULL)
		T_SKIP_CASE("no source tree");
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, " %63[A-Z0-9_] = %d", name, &number) != 2 ||
		    (strncmp(name, "FERRY_E", 7) != 0 &&
		        strcmp(name, "FERRY_OK") != 0) ||
		    strncmp(name, "FERRY_EVENTS", 12) == 0)
			continue;
		T_STR(ferry_error_name(number), name);
		T_LE(number, 0);
		if (number < lowest)
			lowest = number;
		n++;
	}
	fclose(f);
	T_GT(n, 20);
	/* One number each, without a gap. */
	T_EQ(lowest, 1 - n);
#define COUNT(name_, text_) entries++;
	FERRY__ERRORS(COUNT)
#undef COUNT
	T_EQ(entries, n);
	T_STR(ferry_error_name(lowest - 1), "FERRY_E?");
}

/* Frozen: what these were in the first release. */
static void
numbers_are_frozen(void)
{
	static const int frozen[] = { FERRY_OK, FERRY_EINVAL, FERRY_ESTALE,
		FERRY_EFOREIGN, FERRY_ENOMEM, FERRY_ESYSTEM, FERRY_EAGAIN,
		FERRY_E2BIG, FERRY_ECLOSED, FERRY_EQUIESCED, FERRY_EREENTRANT,
		FERRY_EDEADLK, FERRY_ETIMEDOUT, FERRY_EINTR, FERRY_ECANCELED,
		FERRY_EDEADLINE, FERRY_ENOMETHOD, FERRY_ENOEVENT,
		FERRY_EALREADY, FERRY_EBUSY, FERRY_EREPLIED, FERRY_EDONE,
		FERRY_EFROZEN, FERRY_EEXIST, FERRY_EABI, FERRY_EINIT,
		FERRY_ESTUCK, FERRY_ETHREAD, FERRY_ELOST, FERRY_EDETACHED,
		FERRY_ENOTSUP, FERRY_EFORKED, FERRY_ENOSTRAND,
		FERRY_EUNINIT };

	for (size_t i = 0; i < COUNT_OF(frozen); i++)
		T_EQ(frozen[i], -(int)i);
}

/* Bindings print what they are given, whatever it is. */
static void
never_null(void)
{
	static const int strange[] = { 1, 2, INT32_MAX, -1000, INT32_MIN,
		INT32_MIN + 1 };

	for (int e = 0; e >= -64; e--) {
		T_ASSERT(ferry_error_name(e) != NULL);
		T_ASSERT(ferry_error_text(e) != NULL);
		T_NE(ferry_error_text(e)[0], 0);
	}
	for (size_t i = 0; i < COUNT_OF(strange); i++) {
		T_STR(ferry_error_name(strange[i]), "FERRY_E?");
		T_NE(ferry_error_text(strange[i])[0], 0);
	}
	/* The library's own numbers are not mistaken for an unknown error. */
	T_NE(strcmp(ferry_error_text(1), ferry_error_text(-1000)), 0);
}

/* Two errors of one text tell nobody which it was. */
static void
texts_differ(void)
{
	for (int a = 0; a >= FERRY_EUNINIT; a--)
		for (int b = 0; b > a; b--) {
			T_NE(strcmp(ferry_error_text(a), ferry_error_text(b)),
			    0);
			T_NE(strcmp(ferry_error_name(a), ferry_error_name(b)),
			    0);
		}
}

/* Whether `word` stands in the text, as a whole word. */
static int
has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)) != NULL; p += n)
		if (!isalnum((unsigned char)p[n]) && p[n] != '_')
			return 1;
	return 0;
}

static void
every_error_is_documented(void)
{
	FILE *f = source("docs/errors.md");
	char *text;
	size_t n;

	if (f == NULL)
		T_SKIP_CASE("no docs/errors.md");
	text = calloc(1, 1 << 20);
	n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	T_GT(n, 0);
	for (int e = FERRY_EINVAL; e >= FERRY_EUNINIT; e--)
		if (!has_word(text, ferry_error_name(e)))
			T_FAIL("%s is not in docs/errors.md",
			    ferry_error_name(e));
	free(text);
}

T_MAIN(
	T_RUN(header_and_table_agree);
	T_RUN(numbers_are_frozen);
	T_RUN(never_null);
	T_RUN(texts_differ);
	T_RUN(every_error_is_documented);
)
