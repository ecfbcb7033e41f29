/*
 * The command `ferry`: one file for each of its subcommands, whose functions
 * return what the program exits with.
 */
#ifndef FERRY_TOOL_H
#define FERRY_TOOL_H

#include <stdio.h>

#include <jansson.h>

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_MISUSED = 2 };

/* What the command line says, after the subcommand's name. */
struct tool_options {
	const char *input;      /* a header, model or library */
	const char *out;        /* -o */
	const char *templates;  /* --templates */
	int check;              /* --check */
	int json;               /* --json */
	char **languages;       /* --lang; c is the first */
	int n_languages;
	const char **clang;     /* for the scan: -I, -D and what follows -- */
	int n_clang;
	json_t *of_languages;   /* --option: {language: {key: text}} */
};

struct tool_command {
	const char *name;
	const char *operand;    /* NULL: none */
	const char *options;    /* the letters of those it takes, options.c */
	const char *summary;
	const char *help;
	int (*run)(const struct tool_options *);
};

int
tool_gen(const struct tool_options *options);

int
tool_model(const struct tool_options *options);

int
tool_describe(const struct tool_options *options);

/* TOOL_OK, or TOOL_MISUSED after a message. `options` is freed by
 * options_free() in both cases. */
int
options_parse(struct tool_options *options, const struct tool_command *command,
    int argc, char **argv);

void
options_free(struct tool_options *options);

/* Of the options in `letters`, a line each. */
void
options_help(const char *letters, FILE *out);

/* A model: of a file that ends in .json, or of a marked header. NULL after
 * errors. */
json_t *
input_model(const struct tool_options *options);

/* Whether this reader knows what is in it; complains if not, about `name`. */
int
input_is_model(const json_t *model, const char *name);

/* The folders of templates, and of <ferry/…> for a scan; free() them. NULL
 * after a message. */
char *
place_codegen(const struct tool_options *options);

char *
place_include(void);

/* The model as JSON, to standard output. What the program exits with. */
int
model_print(const json_t *model);

/* The model for people. */
void
describe_print(const json_t *model, FILE *out);

#endif
