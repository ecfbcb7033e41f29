/*
 * The words of marks: which there are, where each may stand, what value it
 * takes. An annotation is "ferry:" and what stood between the brackets, as it
 * was written.
 */
#include "ffi/codegen/scan_unit.h"

#include <ctype.h>
#include <string.h>

#define ON_TYPE (ON_ENUM | ON_STRUCT | ON_POINTER)
#define ON_ITEM (ON_FIELD | ON_PARAMETER)
#define ON_ALL  (ON_LIBRARY | ON_TYPE | ON_VARIABLE | ON_FUNCTION | ON_ITEM | \
		ON_VALUE)

enum sort {
	NOTHING,  /* the word alone */
	WORD,
	TEXT,     /* in quotes */
	NUMBER,
	ANY       /* one of these */
};

static const struct {
	const char *word;
	unsigned where;
	enum sort sort;
	const char *choice;  /* the words that it may be, between spaces */
} table[WORD_COUNT] = {
	[WORD_LIBRARY] = { "library", ON_LIBRARY, NOTHING, NULL },
	[WORD_VERSION] = { "version", ON_LIBRARY, TEXT, NULL },
	[WORD_INSTANCES] = { "instances", ON_LIBRARY, WORD,
	    " shared independent " },
	[WORD_OVERFLOW] = { "overflow", ON_LIBRARY, WORD,
	    " drop_oldest stuck block " },
	[WORD_NAME] = { "name", ON_ALL, WORD, NULL },
	[WORD_PREFIX] = { "prefix", ON_LIBRARY | ON_ENUM, WORD, NULL },
	[WORD_ERROR_OF] = { "error", ON_LIBRARY | ON_FUNCTION, WORD, NULL },
	[WORD_RECORD] = { "record", ON_STRUCT, NOTHING, NULL },
	[WORD_VARIANT] = { "variant", ON_STRUCT, NOTHING, NULL },
	[WORD_ENUM] = { "enum", ON_ENUM, NOTHING, NULL },
	[WORD_FLAGS] = { "flags", ON_ENUM, NOTHING, NULL },
	[WORD_ERROR] = { "error", ON_ENUM, NOTHING, NULL },
	[WORD_CONSTANTS] = { "constants", ON_ENUM, NOTHING, NULL },
	[WORD_OBJECT] = { "object", ON_STRUCT | ON_POINTER, NOTHING, NULL },
	[WORD_CONSTANT] = { "constant", ON_VARIABLE, NOTHING, NULL },
	[WORD_CONSTRUCTOR] = { "constructor", ON_FUNCTION, NOTHING, NULL },
	[WORD_DESTRUCTOR] = { "destructor", ON_FUNCTION, NOTHING, NULL },
	[WORD_METHOD] = { "method", ON_FUNCTION, NOTHING, NULL },
	[WORD_STRAND] = { "strand", ON_FUNCTION, NOTHING, NULL },
	[WORD_FUNCTION] = { "function", ON_FUNCTION, NOTHING, NULL },
	[WORD_EVENT] = { "event", ON_FUNCTION, NOTHING, NULL },
	[WORD_DETAIL] = { "detail", ON_FUNCTION, NOTHING, NULL },
	[WORD_ERROR_TEXT] = { "error_text", ON_FUNCTION, NOTHING, NULL },
	[WORD_FAILS] = { "fails", ON_FUNCTION, WORD,
	    " null negative nonzero zero " },
	[WORD_REMAINS] = { "remains", ON_FUNCTION, NOTHING, NULL },
	[WORD_CANCEL] = { "cancel", ON_FUNCTION, WORD, NULL },
	[WORD_RESET] = { "reset", ON_FUNCTION, WORD, NULL },
	[WORD_SLOW] = { "slow", ON_FUNCTION, NUMBER, NULL },
	[WORD_STALLED] = { "stalled", ON_FUNCTION, NUMBER, NULL },
	[WORD_WEDGED] = { "wedged", ON_FUNCTION, NUMBER, NULL },
	[WORD_FATAL] = { "fatal", ON_FUNCTION, NUMBER, NULL },
	[WORD_LEN] = { "len", ON_ITEM | ON_FUNCTION, WORD, NULL },
	[WORD_BYTES] = { "bytes", ON_ITEM | ON_FUNCTION, NOTHING, NULL },
	[WORD_NULLABLE] = { "nullable", ON_ITEM | ON_FUNCTION, NOTHING, NULL },
	[WORD_OPTIONAL] = { "optional", ON_ITEM | ON_FUNCTION, WORD, NULL },
	[WORD_DEFAULT] = { "default", ON_ITEM | ON_ENUM | ON_STRUCT, ANY,
	    NULL },
	[WORD_MAP] = { "map", ON_ITEM | ON_FUNCTION, NOTHING, NULL },
	[WORD_OUT] = { "out", ON_PARAMETER, NOTHING, NULL },
	[WORD_INOUT] = { "inout", ON_PARAMETER, NOTHING, NULL },
	[WORD_TRANSFER] = { "transfer", ON_PARAMETER | ON_FUNCTION, WORD,
	    NULL },
	[WORD_TIME] = { "time", ON_ITEM | ON_FUNCTION, WORD, " s ms us ns " },
	[WORD_DURATION] = { "duration", ON_ITEM | ON_FUNCTION, WORD,
	    " s ms us ns " },
	[WORD_ENUM_OF] = { "enum", ON_ITEM | ON_FUNCTION, WORD, NULL },
	[WORD_TAG] = { "tag", ON_FIELD, NOTHING, NULL },
	[WORD_CASE] = { "case", ON_FIELD, WORD, NULL },
};

static const struct {
	enum where where;
	const char *text;
} places[] = {
	{ ON_LIBRARY, "FERRY_LIBRARY" }, { ON_ENUM, "an enum" },
	{ ON_STRUCT, "a struct" }, { ON_POINTER, "a typedef of a pointer" },
	{ ON_VARIABLE, "a constant" }, { ON_FUNCTION, "a function" },
	{ ON_FIELD, "a field" }, { ON_PARAMETER, "a parameter" },
	{ ON_VALUE, "a value of an enum" },
};

/* One mark, while it is read. */
struct reader {
	struct unit *u;
	struct place at;
	const char *text;
	enum where where;
	struct marks *marks;
};

#define complain(r, ...) \
	(scan_error((r)->u, (r)->at, __VA_ARGS__), \
	    (void)((r)->marks->bad = true))

static const char *
where_text(enum where where)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (places[i].where == where)
			return places[i].text;
	return "this";
}

const char *
scan_word_text(enum word word)
{
	return table[word].word;
}

static void
skip_space(struct reader *r)
{
	while (isspace((unsigned char)*r->text))
		r->text++;
}

static bool
is_word(char c, bool first)
{
	return isalpha((unsigned char)c) || c == '_' || c & 0x80 ||
	    (!first && isdigit((unsigned char)c));
}

static const char *
piece(struct reader *r, size_t n)
{
	const char *text = scan_text(r->u, "%.*s", (int)n, r->text);

	r->text += n;
	return text;
}

/* Length of what is in quotes, or 0 when they do not end. */
static size_t
quoted(const char *text)
{
	size_t i;

	for (i = 1; text[i] && text[i] != text[0]; i++)
		if (text[i] == '\\' && text[i + 1])
			i++;
	return text[i] ? i + 1 : 0;
}

/* A number with its sign; letters of exponents and hexadecimals belong. */
static size_t
number(const char *text)
{
	size_t i = *text == '-' || *text == '+', first;

	while (isspace((unsigned char)text[i]))
		i++;
	first = i;
	while (isalnum((unsigned char)text[i]) || text[i] == '.' ||
	    ((text[i] == '-' || text[i] == '+') && i > first &&
	    (text[i - 1] == 'e' || text[i - 1] == 'E') &&
	    text[first + 1] != 'x'))
		i++;
	return i > first && (isdigit((unsigned char)text[first]) ||
	    text[first] == '.') ? i : 0;
}

/* The next word, number or text, with its quotes; NULL: there is none. */
static const char *
token(struct reader *r, enum sort *sort)
{
	size_t n = 0;

	skip_space(r);
	if (*r->text == '"' || *r->text == '\'') {
		*sort = *r->text == '"' ? TEXT : NUMBER;
		n = quoted(r->text);
	} else if (is_word(*r->text, true)) {
		*sort = WORD;
		while (is_word(r->text[n], false))
			n++;
	} else {
		*sort = NUMBER;
		n = number(r->text);
	}
	return n ? piece(r, n) : NULL;
}

static bool
take(struct reader *r, char c)
{
	skip_space(r);
	if (*r->text != c)
		return false;
	r->text++;
	return true;
}

/* The row of a word at this place, or WORD_COUNT after an error. */
static enum word
find(struct reader *r, const char *word)
{
	bool known = false;

	for (int i = 0; i < WORD_COUNT; i++) {
		if (strcmp(table[i].word, word) != 0)
			continue;
		if (table[i].where & r->where)
			return i;
		known = true;
	}
	if (known)
		complain(r, "the mark \"%s\" has no meaning for "
		    "%s; see <ferry/marks.h> for where it stands", word,
		    where_text(r->where));
	else
		complain(r, "there is no mark \"%s\"; "
		    "<ferry/marks.h> has the list", word);
	return WORD_COUNT;
}

static const char *const sorts[] = {
	"nothing", "a word", "text in quotes", "a number", "a value"
};

/* Whether the word may have that value; says so if it may not. */
static bool
fits(struct reader *r, enum word word, const char *value, enum sort sort)
{
	const char *choice = table[word].choice;

	if (table[word].sort != ANY && table[word].sort != sort) {
		complain(r, "%s = %s: it takes %s; write that",
		    table[word].word, value, sorts[table[word].sort]);
		return false;
	}
	if (!choice || strstr(choice, scan_text(r->u, " %s ", value)))
		return true;
	complain(r, "%s = %s: write one of%.*s",
	    table[word].word, value, (int)strlen(choice) - 1, choice);
	return false;
}

static void
set(struct reader *r, enum word word, const char *value)
{
	if (r->marks->value[word])
		complain(r, "\"%s\" is marked twice; leave one "
		    "of them", table[word].word);
	else
		r->marks->value[word] = value;
}

/* One word and its value; false when what follows cannot be read. */
static bool
entry(struct reader *r)
{
	enum sort sort = NOTHING;
	const char *word = token(r, &sort), *value = "";
	enum word found;

	if (!word || sort != WORD) {
		complain(r, "a mark has words and commas between "
		    "them; here is \"%.20s\"", word ? word : r->text);
		return false;
	}
	found = find(r, word);
	if (take(r, '=')) {
		value = token(r, &sort);
		if (!value) {
			complain(r, "%s has no value that can be "
			    "read; write %s = VALUE", word, word);
			return false;
		}
		if (found < WORD_COUNT && table[found].sort == NOTHING)
			complain(r, "%s takes no value; write %s "
			    "alone", word, word);
		else if (found < WORD_COUNT && fits(r, found, value, sort))
			set(r, found, value);
	} else if (found < WORD_COUNT && table[found].sort != NOTHING)
		complain(r, "%s needs a value; write %s = %s",
		    word, word, sorts[table[found].sort]);
	else if (found < WORD_COUNT)
		set(r, found, value);
	return true;
}

static void
read_mark(struct reader *r)
{
	skip_space(r);
	if (!*r->text) {
		complain(r, "the mark is empty; see "
		    "<ferry/marks.h> for what may be in it");
		return;
	}
	do {
		if (!entry(r))
			return;
	} while (take(r, ','));
	skip_space(r);
	if (*r->text)
		complain(r, "a comma is missing before \"%.20s\"",
		    r->text);
}

/* Every annotation of one declaration, each once: a later declaration of a
 * thing has those of an earlier one too. */
struct visit {
	struct reader reader;
	const char *seen[32];
	size_t n_seen;
};

static bool
is_seen(struct visit *v, CXCursor cursor, const char *text)
{
	unsigned offset;
	const char *key;

	clang_getExpansionLocation(clang_getCursorLocation(cursor), NULL, NULL,
	    NULL, &offset);
	key = scan_text(v->reader.u, "%u %s", offset, text);
	for (size_t i = 0; i < v->n_seen; i++)
		if (strcmp(v->seen[i], key) == 0)
			return true;
	if (v->n_seen < sizeof v->seen / sizeof *v->seen)
		v->seen[v->n_seen++] = key;
	return false;
}

/* The text of a mark, or NULL. A later declaration has the marks of an earlier
 * one too: those of other libraries' headers do not count. */
static const char *
mark_text(struct unit *u, CXCursor cursor)
{
	const char *text;

	if (clang_getCursorKind(cursor) != CXCursor_AnnotateAttr ||
	    !scan_is_offered(u, cursor))
		return NULL;
	text = scan_string(u, clang_getCursorSpelling(cursor));
	return strncmp(text, "ferry:", 6) == 0 ? text + 6 : NULL;
}

static enum CXChildVisitResult
visit(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct visit *v = data;
	const char *text = mark_text(v->reader.u, cursor);

	(void)parent;
	if (!text || is_seen(v, cursor, text))
		return CXChildVisit_Continue;
	v->reader.at = scan_place(v->reader.u, cursor);
	v->reader.text = text;
	v->reader.marks->any = true;
	read_mark(&v->reader);
	return CXChildVisit_Continue;
}

void
scan_marks(struct unit *u, CXCursor cursor, enum where where,
    struct marks *marks)
{
	struct visit v = { .reader = { .u = u, .where = where,
	    .marks = marks } };

	clang_visitChildren(cursor, visit, &v);
}

struct search {
	struct unit *u;
	bool found;
};

static enum CXChildVisitResult
look(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct search *s = data;

	(void)parent;
	s->found |= mark_text(s->u, cursor) != NULL;
	return CXChildVisit_Continue;
}

bool
scan_marked(struct unit *u, CXCursor cursor)
{
	struct search s = { u, false };

	clang_visitChildren(cursor, look, &s);
	return s.found;
}
