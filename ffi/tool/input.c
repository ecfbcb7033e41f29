/* A model, from wherever it comes. */
#include "ffi/tool/tool.h"

#include <stdlib.h>
#include <string.h>

#include "ffi/codegen/scan.h"

/* docs/model.md: what is always there. */
static const char *const lists[] = { "constants", "enums", "records",
	"variants", "objects", "functions" };

static int
has_parts(const json_t *model)
{
	const json_t *library = json_object_get(model, "library");

	if (!json_is_string(json_object_get(library, "name")) ||
	    !json_is_string(json_object_get(library, "header")))
		return 0;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (!json_is_array(json_object_get(model, lists[i])))
			return 0;
	return 1;
}

int
input_is_model(const json_t *model, const char *name)
{
	const json_t *format = json_object_get(model, "ferry_model");

	if (!json_is_integer(format))
		fprintf(stderr, "ferry: %s: this is not a Ferry model\n", name);
	else if (json_integer_value(format) != 1)
		fprintf(stderr, "ferry: %s: this is a model of format %lld, and"
		    " this ferry knows format 1; use the ferry that it was "
		    "made with\n", name, (long long)json_integer_value(format));
	else if (!has_parts(model))
		fprintf(stderr, "ferry: %s: this model is not complete\n",
		    name);
	else
		return 1;
	return 0;
}

static json_t *
load_model(const char *path)
{
	json_error_t error;
	json_t *model = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

	if (model == NULL && error.line > 0)
		fprintf(stderr, "%s:%d: error: %s\n", path, error.line,
		    error.text);
	else if (model == NULL)
		fprintf(stderr, "ferry: %s\n", error.text);
	if (model != NULL && !input_is_model(model, path)) {
		json_decref(model);
		return NULL;
	}
	return model;
}

static int
ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static void
print_report(const struct scan_report *report)
{
	for (size_t i = 0; i < report->n_lines; i++)
		fprintf(stderr, "%s\n", report->lines[i]);
	if (report->n_left_off > 0)
		fprintf(stderr, "ferry: %zu more errors\n",
		    report->n_left_off);
	if (report->no_memory)
		fputs("ferry: there is not enough memory\n", stderr);
}

/* Ferry's own headers are found last, as a system's are. */
static json_t *
scan(const struct tool_options *options)
{
	size_t n = (size_t)options->n_clang;
	const char **args = calloc(n + 2, sizeof *args);
	char *include = place_include();
	struct scan_options o = { .header = options->input, .args = args,
	    .n_args = options->n_clang + 2 };
	struct scan_report report = { .n_lines = 0 };
	json_t *model = NULL;

	if (args != NULL && include != NULL) {
		if (n > 0)
			memcpy(args, options->clang, n * sizeof *args);
		args[n] = "-idirafter";
		args[n + 1] = include;
		model = scan_header(&o, &report);
		print_report(&report);
		scan_report_free(&report);
	} else if (args == NULL)
		perror("ferry");
	free(include);
	free(args);
	return model;
}

json_t *
input_model(const struct tool_options *options)
{
	return ends_in(options->input, ".json") ? load_model(options->input) :
	    scan(options);
}
