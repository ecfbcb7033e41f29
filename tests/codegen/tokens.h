/*
 * tests/codegen/tokens.h: headers that nobody would write. Of a header's text
 * tokens are cut out, doubled, swapped and replaced by others.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <ctype.h>
#include <stdio.h>

#include "t.h"

enum { TOKENS_MOST = 8192, TOKENS_TEXT = 1 << 18, TOKENS_CHANGES = 6 };

/* What stands in place of a token. */
static const char *const tokens_words[] = {
	"FERRY(record)", "FERRY(variant)", "FERRY(object)", "FERRY(enum)",
	"FERRY(method)", "FERRY(function)", "FERRY(constructor)",
	"FERRY(destructor)", "FERRY(event)", "FERRY(strand)", "FERRY(detail)",
	"FERRY(constructor, remains)",
	"FERRY(error)", "FERRY(flags)", "FERRY(constants)", "FERRY(constant)",
	"FERRY(nullable)", "FERRY(len = n)", "FERRY(default = 1)",
	"FERRY(map, len = n)", "FERRY(optional = n)", "FERRY(inout)",
	"FERRY(out)", "FERRY(tag)", "FERRY(transfer = free)", "FERRY(bytes)",
	"FERRY(time = s)", "FERRY(\"", "FERRY(')", "FERRY(a, , = \"\\\")",
	"FERRY_LIBRARY(name = x)", "FERRY_LIBRARY()", "struct", "union",
	"enum", "typedef", "const", "void", "char", "int", "double", "bool",
	"static", "extern", "n", "x", "*", "**", "***", "[3]", "[]", "[0]",
	"[2][2]", "(", ")", "{", "}", ";", ",", "=", ":", "...", "\n", "#",
	"/**", "*/", "//", "\"", "'", "\\", "0", "-1", "99999999999999999999",
	"1e999", "0x", "\xff", "\xc3\xa9", "ferry_call", "size_t",
	"(*f)(void)", "__int128", "long double", "_Complex", "_Atomic",
	"__attribute__((annotate(\"ferry:\")))",
	"__attribute__((annotate(\"ferry:record, , \")))",
	"__attribute__((vector_size(16)))", "typeof(int)", "_Alignas(64)",
	"struct { int x; }", "union { int x; }", "enum { X, Y = X }",
};

static uint64_t tokens_state;
static char tokens_text[TOKENS_TEXT]; /* ends with a zero byte */
static size_t tokens__starts[TOKENS_MOST + 1];
static size_t tokens__n;

T__FN size_t
tokens_below(size_t n)
{
	tokens_state = tokens_state * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (size_t)((tokens_state >> 33) % n);
}

T__FN size_t
tokens__length(const char *c)
{
	size_t n = 1;

	if (isalnum((unsigned char)*c) || *c == '_')
		while (isalnum((unsigned char)c[n]) || c[n] == '_')
			n++;
	else if (isspace((unsigned char)*c))
		while (isspace((unsigned char)c[n]))
			n++;
	return n;
}

T__FN void
tokens_split(void)
{
	size_t at = 0;

	tokens__n = 0;
	while (tokens_text[at] && tokens__n < TOKENS_MOST) {
		tokens__starts[tokens__n++] = at;
		at += tokens__length(tokens_text + at);
	}
	tokens__starts[tokens__n] = at;
}

T__FN void
tokens__put(FILE *file, size_t token)
{
	size_t at = tokens__starts[token];

	fwrite(tokens_text + at, 1, tokens__starts[token + 1] - at, file);
}

T__FN void
tokens__put_word(FILE *file)
{
	fprintf(file, " %s ", tokens_words[tokens_below(
	    sizeof tokens_words / sizeof *tokens_words)]);
}

/* The tokens, with a change at some of them. */
T__FN void
tokens_mutate(FILE *file)
{
	size_t at[TOKENS_CHANGES], kind[TOKENS_CHANGES];
	size_t n = tokens_below(2) ? 1 : 1 + tokens_below(TOKENS_CHANGES);

	for (size_t i = 0; i < n; i++) {
		at[i] = tokens_below(tokens__n);
		kind[i] = tokens_below(6);
	}
	for (size_t t = 0; t < tokens__n; t++) {
		size_t what = 6;

		for (size_t i = 0; i < n; i++)
			if (at[i] == t)
				what = kind[i];
		if (what == 0)        /* cut out */
			continue;
		if (what == 1)        /* another, of the same header */
			tokens__put(file, tokens_below(tokens__n));
		else if (what == 2)   /* another, of the list */
			tokens__put_word(file);
		else
			tokens__put(file, t);
		if (what == 3)        /* doubled */
			tokens__put(file, t);
		else if (what == 4)   /* one more, of the list */
			tokens__put_word(file);
		else if (what == 5 && tokens_below(4) == 0)
			break;        /* the end is missing */
	}
}

#endif
