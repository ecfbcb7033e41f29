/*
 * Names and doc comments: C's as the model's.
 */
#include "ffi/codegen/scan_unit.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Whether a word begins at c[i]: echoText, XMLName. */
static bool
word_begins(const char *c, size_t i)
{
	return i && isupper((unsigned char)c[i]) && c[i - 1] != '_' &&
	    (!isupper((unsigned char)c[i - 1]) ||
	    islower((unsigned char)c[i + 1]));
}

/* Small letters, words parted by one underscore. */
static const char *
snake(struct unit *u, const char *c)
{
	size_t n = strlen(c), at = 0;
	char *name = scan_keep(u, 2 * n + 1);

	if (!name)
		return "";
	for (size_t i = 0; i < n; i++) {
		if (c[i] == '_' && (!at || name[at - 1] == '_'))
			continue;
		if (word_begins(c, i) && at && name[at - 1] != '_')
			name[at++] = '_';
		name[at++] = (char)tolower((unsigned char)c[i]);
	}
	while (at > 1 && name[at - 1] == '_')
		name[--at] = '\0';
	return name;
}

/* zooEcho has the prefix zoo_ too. */
const char *
scan_name(struct unit *u, const char *c_name, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *name;

	if (strncasecmp(c_name, prefix, n) == 0 &&
	    isalpha((unsigned char)c_name[n]))
		return snake(u, c_name + n);
	name = snake(u, c_name);
	prefix = scan_text(u, "%s_", snake(u, prefix));
	n = strlen(prefix);
	return n > 1 && strncmp(name, prefix, n) == 0 &&
	    isalpha((unsigned char)name[n]) ? name + n : name;
}

/* --- Comments ------------------------------------------------------------- */

/* Where the text of a line begins, after its slashes or stars. */
static const char *
line_begins(const char *line, bool first)
{
	while (*line == ' ' || *line == '\t')
		line++;
	if ((first && (!strncmp(line, "/**", 3) || !strncmp(line, "/*!", 3))) ||
	    !strncmp(line, "///", 3) || !strncmp(line, "//!", 3)) {
		line += 3;
		if (*line == '<')
			line++;
	} else if (*line == '*' && line[1] != '/')
		line++;
	return *line == ' ' ? line + 1 : line;
}

static size_t
line_length(const char *line, size_t n)
{
	if (n >= 2 && strncmp(line + n - 2, "*/", 2) == 0) {
		n -= 2;
		while (n && line[n - 1] == '*')
			n--;
	}
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	return n;
}

/* The comment without its marks: lines with their own indent, no empty ones
 * at either end, no two in a row. */
static const char *
strip(struct unit *u, const char *raw)
{
	char *doc = scan_keep(u, strlen(raw) + 2);
	size_t at = 0;
	bool first = true;

	if (!doc)
		return NULL;
	for (const char *line = raw; *line; first = false) {
		size_t n = strcspn(line, "\n");
		const char *text = line_begins(line, first);
		size_t length = text < line + n ?
		    line_length(text, (size_t)(line + n - text)) : 0;

		if (length || (at > 1 && doc[at - 2] != '\n')) {
			memcpy(doc + at, text, length);
			at += length;
			doc[at++] = '\n';
		}
		line += n + (line[n] == '\n');
	}
	while (at && isspace((unsigned char)doc[at - 1]))
		doc[--at] = '\0';
	return at ? doc : NULL;
}

static const char *
plain(struct unit *u, const char *raw, struct place at)
{
	const char *doc = *raw ? strip(u, raw) : NULL;
	json_t *json = doc ? json_string(doc) : NULL;

	if (doc && !json)
		scan_error(u, at, "the doc comment is not UTF-8; save the "
		    "header as UTF-8");
	json_decref(json);
	return doc;
}

/* A mark without a semicolon does not end what a comment is about. */
static bool
is_library_comment(struct unit *u, CXCursor cursor)
{
	CXFile file, comment_file;
	unsigned offset, comment;

	clang_getExpansionLocation(clang_getCursorLocation(cursor), &file,
	    NULL, NULL, &offset);
	clang_getExpansionLocation(clang_getRangeStart(
	    clang_Cursor_getCommentRange(cursor)), &comment_file, NULL, NULL,
	    &comment);
	return u->mark_file && file && comment_file &&
	    clang_File_isEqual(file, u->mark_file) &&
	    clang_File_isEqual(comment_file, file) &&
	    comment < u->mark_offset && u->mark_offset < offset;
}

const char *
scan_doc(struct unit *u, CXCursor cursor, struct place at)
{
	const char *raw = scan_string(u, clang_Cursor_getRawCommentText(
	    cursor));

	return *raw && is_library_comment(u, cursor) ? NULL :
	    plain(u, raw, at);
}

static bool
is_doc(const char *text)
{
	return !strncmp(text, "/**", 3) || !strncmp(text, "///", 3);
}

const char *
scan_library_doc(struct unit *u, CXCursor cursor, struct place at)
{
	const char *raw = "";
	CXSourceRange range;
	CXToken *tokens = NULL;
	unsigned n = 0, offset;

	clang_getExpansionLocation(clang_getCursorLocation(cursor),
	    &u->mark_file, NULL, NULL, &u->mark_offset);
	range = clang_getRange(
	    clang_getLocationForOffset(u->tu, u->mark_file, 0),
	    clang_getLocationForOffset(u->tu, u->mark_file, u->mark_offset));
	clang_tokenize(u->tu, range, &tokens, &n);
	for (unsigned i = 0; i < n; i++) {
		const char *text;

		clang_getExpansionLocation(clang_getTokenLocation(u->tu,
		    tokens[i]), NULL, NULL, NULL, &offset);
		if (offset >= u->mark_offset)
			break;
		text = clang_getTokenKind(tokens[i]) == CXToken_Comment ?
		    scan_string(u, clang_getTokenSpelling(u->tu, tokens[i])) :
		    "";
		raw = !is_doc(text) ? "" : is_doc(raw) && raw[2] == '/' ?
		    scan_text(u, "%s\n%s", raw, text) : text;
	}
	clang_disposeTokens(u->tu, tokens, n);
	return plain(u, raw, at);
}
