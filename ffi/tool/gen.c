/* `ferry gen`: a model, a writer for each language, then the files. */
#include "ffi/tool/tool.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ffi/codegen/files.h"
#include "ffi/codegen/stale.h"
#include "ffi/codegen/write.h"

/* Every library has a shim, whatever calls it. */
static const char always[] = "c";

static int
has_writer(const char *codegen, const char *language)
{
	char *folder = files_join(codegen, language);
	char *path = folder != NULL ? files_join(folder, "writer.lua") : NULL;
	int r = path != NULL && access(path, R_OK) == 0;

	free(path);
	free(folder);
	return r;
}

static void
list_languages(const char *codegen)
{
	struct dirent **found;
	int n = scandir(codegen, &found, NULL, alphasort);
	const char *before = "; there is ";

	for (int i = 0; i < n; i++) {
		if (has_writer(codegen, found[i]->d_name)) {
			fprintf(stderr, "%s%s", before, found[i]->d_name);
			before = ", ";
		}
		free(found[i]);
	}
	if (n >= 0)
		free(found);
}

static int
refuse_language(const char *codegen, const char *language)
{
	fprintf(stderr, "ferry gen: there is no language %s in %s", language,
	    codegen);
	list_languages(codegen);
	fputs("\n", stderr);
	return TOOL_MISUSED;
}

static int
is_asked(const struct tool_options *options, const char *language)
{
	if (strcmp(language, always) == 0)
		return 1;
	for (int i = 0; i < options->n_languages; i++)
		if (strcmp(options->languages[i], language) == 0)
			return 1;
	return 0;
}

/* Languages that are there, and options of those alone. */
static int
check_languages(const struct tool_options *options, const char *codegen)
{
	const char *language;
	json_t *of;

	if (!has_writer(codegen, always))
		return refuse_language(codegen, always);
	for (int i = 0; i < options->n_languages; i++)
		if (!has_writer(codegen, options->languages[i]))
			return refuse_language(codegen, options->languages[i]);
	json_object_foreach(options->of_languages, language, of)
		if (!is_asked(options, language)) {
			fprintf(stderr, "ferry gen: an option for %s, which is "
			    "not written\n", language);
			return TOOL_MISUSED;
		}
	return TOOL_OK;
}

/* So that the next run knows what is its own. */
static int
add_list(struct files *files, const char *language, const json_t *model)
{
	const char *library = json_string_value(json_object_get(
	    json_object_get(model, "library"), "name"));
	const char *why = stale_list(
	    files, language, library != NULL ? library : "");

	if (why == NULL)
		return 0;
	fprintf(stderr, "ferry: %s: the list of its files %s\n", language,
	    why);
	return -1;
}

static int
write_one(struct files *files, const char *codegen, const char *language,
    const json_t *model, const struct tool_options *options)
{
	json_t *of = json_object_get(options->of_languages, language);
	struct write_request request = { codegen, language, model, of };
	json_t *none = of == NULL ? json_object() : NULL;
	int r;

	if (of == NULL)
		request.options = none;
	if (request.options == NULL) {
		fputs("ferry: no memory\n", stderr);
		return -1;
	}
	r = write_language(files, &request, stderr);
	if (r == 0)
		r = add_list(files, language, model);
	json_decref(none);
	return r;
}

/* All of them, that each says what it has to. */
static int
write_all(struct files *files, const char *codegen, const json_t *model,
    const struct tool_options *options)
{
	int r = write_one(files, codegen, always, model, options);

	for (int i = 0; i < options->n_languages; i++)
		if (strcmp(options->languages[i], always) != 0 &&
		    write_one(files, codegen, options->languages[i], model,
		    options) != 0)
			r = -1;
	return r;
}

static int
check(const struct files *files, const char *out)
{
	int stale = stale_check(files, out, stderr);
	int differ = stale < 0 ? -1 : files_check(files, out, stderr);

	return differ < 0 ? -1 : differ + stale;
}

static int
store(const struct files *files, const char *out)
{
	int r = stale_remove(files, out, stderr);

	return r == 0 ? files_store(files, out, stderr) : r;
}

static int
generate(const json_t *model, const char *codegen,
    const struct tool_options *options)
{
	struct files files = { 0 };
	int r = write_all(&files, codegen, model, options);

	if (r == 0)
		r = options->check ? check(&files, options->out) :
		    store(&files, options->out);
	files_free(&files);
	return r == 0 ? TOOL_OK : TOOL_FAILED;
}

int
tool_gen(const struct tool_options *options)
{
	char *codegen = place_codegen(options);
	json_t *model;
	int r;

	if (codegen == NULL)
		return TOOL_FAILED;
	r = check_languages(options, codegen);
	if (r == TOOL_OK) {
		model = input_model(options);
		r = model == NULL ? TOOL_FAILED :
		    generate(model, codegen, options);
		json_decref(model);
	}
	free(codegen);
	return r;
}
