/*
 * Which words go together: scan_mark.c knows where a word may stand, here is
 * what it may stand beside.
 */
#include "ffi/codegen/scan_unit.h"

#include <stdint.h>
#include <stdlib.h>

#define BIT(word) (UINT64_C(1) << (word))

#define CALLS  (BIT(WORD_METHOD) | BIT(WORD_STRAND))
#define RUNS   (CALLS | BIT(WORD_CONSTRUCTOR) | BIT(WORD_DESTRUCTOR))
#define VALUES (CALLS | BIT(WORD_FUNCTION))
#define GIVES  (VALUES | BIT(WORD_CONSTRUCTOR))
#define ENUMS  (BIT(WORD_ENUM) | BIT(WORD_FLAGS) | BIT(WORD_ERROR))

/* Words that say more, and beside which of those that say what it is. */
static const struct {
	enum word word;
	uint64_t beside;
	const char *what;
} table[] = {
	{ WORD_PREFIX, ENUMS | BIT(WORD_CONSTANTS) | BIT(WORD_LIBRARY),
	    "enums" },
	{ WORD_DEFAULT, ENUMS | BIT(WORD_VARIANT), "enums and variants" },
	{ WORD_ERROR_OF, GIVES | BIT(WORD_ERROR_TEXT) | BIT(WORD_LIBRARY),
	    "functions that return a status" },
	{ WORD_FAILS, GIVES, "functions that return a status" },
	{ WORD_REMAINS, BIT(WORD_CONSTRUCTOR), "constructors" },
	{ WORD_CANCEL, CALLS, "methods and strands" },
	{ WORD_RESET, CALLS, "methods and strands" },
	{ WORD_SLOW, RUNS, "what runs on the library's thread" },
	{ WORD_STALLED, RUNS, "what runs on the library's thread" },
	{ WORD_WEDGED, RUNS, "what runs on the library's thread" },
	{ WORD_FATAL, RUNS, "what runs on the library's thread" },
	{ WORD_LEN, VALUES, "functions that return a value" },
	{ WORD_BYTES, VALUES, "functions that return a value" },
	{ WORD_NULLABLE, VALUES, "functions that return a value" },
	{ WORD_OPTIONAL, VALUES, "functions that return a value" },
	{ WORD_MAP, VALUES, "functions that return a value" },
	{ WORD_TRANSFER, VALUES, "functions that return a value" },
	{ WORD_TIME, VALUES, "functions that return a value" },
	{ WORD_DURATION, VALUES, "functions that return a value" },
	{ WORD_ENUM_OF, VALUES, "functions that return a value" },
};

static void
check_level(struct unit *u, const struct decl *decl, enum word word)
{
	const char *text = decl->marks.value[word];
	char *end;
	unsigned long long ms;

	if (!text)
		return;
	ms = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || !ms || ms > UINT32_MAX)
		scan_error(u, decl->at, "%s = %s: write milliseconds, a number "
		    "from 1 to 4294967295", scan_word_text(word), text);
}

void
scan_words_check(struct unit *u, const struct decl *decl)
{
	if (decl->what == WORD_COUNT)
		return;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (decl->marks.value[table[i].word] &&
		    !(table[i].beside & BIT(decl->what)))
			scan_error(u, decl->at, "%s: \"%s\" is for %s, and "
			    "this is marked \"%s\"; take one of them off",
			    decl->c_name, scan_word_text(table[i].word),
			    table[i].what, scan_word_text(decl->what));
	for (int word = WORD_SLOW; word <= WORD_FATAL; word++)
		check_level(u, decl, word);
}
