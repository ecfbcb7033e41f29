/* The command line: one table of options, of which a command takes some. */
#include "ffi/tool/tool.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	char letter;
	const char *name;      /* as it is written: -o, --lang */
	const char *argument;  /* NULL: none */
	const char *what;
} table[] = {
	{ 'l', "--lang", "LIST", "languages, parted by commas: c,python,cpp" },
	{ 'o', "-o", "DIR", "where to write (here)" },
	{ 'I', "-I", "DIR", "look for headers there" },
	{ 'D', "-D", "NAME[=VALUE]", "define a macro; what follows -- goes to "
	    "clang" },
	{ 'k', "--check", NULL, "write nothing; fail if something would "
	    "change" },
	{ 'x', "--option", "LANG.KEY=VALUE", "for the writer of a language" },
	{ 't', "--templates", "DIR", "the writers and their templates" },
	{ 'j', "--json", NULL, "print the model instead" }
};

#define N_OPTIONS (sizeof table / sizeof *table)

void
options_help(const char *letters, FILE *out)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char left[40];

		if (strchr(letters, table[i].letter) == NULL)
			continue;
		snprintf(left, sizeof left, "%s %s", table[i].name,
		    table[i].argument != NULL ? table[i].argument : "");
		fprintf(out, "  %-24s %s\n", left, table[i].what);
	}
}

static int
misuse(const struct tool_command *command, const char *what, const char *text)
{
	fprintf(stderr, "ferry %s: %s%s; see `ferry help %s`\n", command->name,
	    text, what, command->name);
	return TOOL_MISUSED;
}

/* --- Lists ---------------------------------------------------------------- */

static int
no_memory(void)
{
	fputs("ferry: no memory\n", stderr);
	return TOOL_FAILED;
}

static int
add_clang(struct tool_options *options, const char *word)
{
	size_t n = (size_t)options->n_clang + 1;
	const char **list = realloc(options->clang, n * sizeof *list);

	if (list == NULL)
		return no_memory();
	list[n - 1] = word;
	options->clang = list;
	options->n_clang = (int)n;
	return TOOL_OK;
}

/* A language is a folder's name. */
static int
is_word(const char *text, size_t size)
{
	if (size == 0 || !islower((unsigned char)text[0]))
		return 0;
	for (size_t i = 0; i < size; i++)
		if (!islower((unsigned char)text[i]) && text[i] != '_' &&
		    !isdigit((unsigned char)text[i]))
			return 0;
	return 1;
}

static int
has_language(const struct tool_options *options, const char *text)
{
	for (int i = 0; i < options->n_languages; i++)
		if (strcmp(options->languages[i], text) == 0)
			return 1;
	return 0;
}

static int
add_language(struct tool_options *options, const char *text, size_t size)
{
	size_t n = (size_t)options->n_languages + 1;
	char *word = strndup(text, size);
	char **list;

	if (word == NULL)
		return no_memory();
	if (has_language(options, word)) {
		free(word);
		return TOOL_OK;
	}
	list = realloc(options->languages, n * sizeof *list);
	if (list == NULL) {
		free(word);
		return no_memory();
	}
	list[n - 1] = word;
	options->languages = list;
	options->n_languages = (int)n;
	return TOOL_OK;
}

static int
add_languages(struct tool_options *options, const struct tool_command *command,
    const char *list)
{
	for (;;) {
		size_t n = strcspn(list, ",");
		int r;

		if (!is_word(list, n))
			return misuse(command, list, "--lang: no language: ");
		r = add_language(options, list, n);
		if (r != TOOL_OK)
			return r;
		if (list[n] == '\0')
			return TOOL_OK;
		list += n + 1;
	}
}

/* LANG.KEY=VALUE; a later one replaces an earlier one. */
static int
add_option(struct tool_options *options, const struct tool_command *command,
    const char *text)
{
	const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
	char language[32], key[64];
	json_t *of;

	if (dot == NULL || equals == NULL || equals < dot ||
	    !is_word(text, (size_t)(dot - text)) ||
	    !is_word(dot + 1, (size_t)(equals - dot - 1)) ||
	    dot - text >= (ptrdiff_t)sizeof language ||
	    equals - dot > (ptrdiff_t)sizeof key)
		return misuse(command, text, "--option: not LANG.KEY=VALUE: ");
	snprintf(language, sizeof language, "%.*s", (int)(dot - text), text);
	snprintf(key, sizeof key, "%.*s", (int)(equals - dot - 1), dot + 1);
	of = json_object_get(options->of_languages, language);
	if (of == NULL) {
		of = json_object();
		if (json_object_set_new(options->of_languages, language, of))
			return no_memory();
	}
	if (json_object_set_new(of, key, json_string(equals + 1)) != 0)
		return misuse(command, text, "--option: not UTF-8: ");
	return TOOL_OK;
}

/* --- The line ------------------------------------------------------------- */

static int
take(struct tool_options *options, const struct tool_command *command,
    int letter, const char *argument)
{
	int r;

	switch (letter) {
	case 'l':
		return add_languages(options, command, argument);
	case 'x':
		return add_option(options, command, argument);
	case 'I':
	case 'D':
		r = add_clang(options, letter == 'I' ? "-I" : "-D");
		return r != TOOL_OK ? r : add_clang(options, argument);
	case 'o':
		options->out = argument;
		break;
	case 't':
		options->templates = argument;
		break;
	case 'k':
		options->check = 1;
		break;
	default:
		options->json = 1;
	}
	return TOOL_OK;
}

/* The option that `word` begins with, and what follows its name in the same
 * word: "--lang=c", "-Idir"; NULL where nothing does. -1: none. */
static int
find_option(const char *word, const char **attached)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		size_t n = strlen(table[i].name);
		int is_long = table[i].name[1] == '-';

		if (strncmp(word, table[i].name, n) != 0 ||
		    (is_long && word[n] != '\0' && word[n] != '='))
			continue;
		*attached = word[n] == '\0' ? NULL : word + n + is_long;
		return (int)i;
	}
	return -1;
}

/* The option at *i, which is moved on to the last word of it. */
static int
parse_option(struct tool_options *options, const struct tool_command *command,
    char **argv, int argc, int *i)
{
	const char *word = argv[*i], *argument;
	int k = find_option(word, &argument);

	if (k < 0 || strchr(command->options, table[k].letter) == NULL)
		return misuse(command, word, "no such option: ");
	if (table[k].argument == NULL)
		return argument == NULL ?
		    take(options, command, table[k].letter, NULL) :
		    misuse(command, word, "takes no argument: ");
	if (argument == NULL && *i + 1 < argc)
		argument = argv[++*i];
	if (argument == NULL || argument[0] == '\0')
		return misuse(command, word, "no argument of ");
	return take(options, command, table[k].letter, argument);
}

/* What follows -- is clang's. */
static int
parse_rest(struct tool_options *options, const struct tool_command *command,
    char **argv, int argc, int i)
{
	int r = TOOL_OK;

	if (i < argc && strchr(command->options, 'D') == NULL)
		return misuse(command, argv[i], "one too many: ");
	for (; i < argc && r == TOOL_OK; i++)
		r = add_clang(options, argv[i]);
	return r;
}

int
options_parse(struct tool_options *options, const struct tool_command *command,
    int argc, char **argv)
{
	int i, r = TOOL_OK;

	*options = (struct tool_options){ .out = "." };
	options->of_languages = json_object();
	if (options->of_languages == NULL)
		return no_memory();
	for (i = 1; i < argc && r == TOOL_OK && strcmp(argv[i], "--"); i++) {
		if (argv[i][0] == '-')
			r = parse_option(options, command, argv, argc, &i);
		else if (options->input != NULL)
			r = misuse(command, argv[i], "one too many: ");
		else
			options->input = argv[i];
	}
	if (r == TOOL_OK && options->input == NULL)
		r = misuse(command, command->operand, "no ");
	return r == TOOL_OK ?
	    parse_rest(options, command, argv, argc, i + 1) : r;
}

void
options_free(struct tool_options *options)
{
	for (int i = 0; i < options->n_languages; i++)
		free(options->languages[i]);
	free(options->languages);
	free(options->clang);
	json_decref(options->of_languages);
}
