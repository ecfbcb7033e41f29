/*
 * `ferry describe`. A library is known by what its shim exports, and by nothing
 * else; of the struct behind it only so much is read as its format is known.
 */
#include "ffi/tool/tool.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ferry/package.h>

#include "ffi/codegen/files.h"

/* By its path where there is such a file; a bare name that is none is looked
 * for as the loader does. */
static void *
load(const char *library)
{
	int is_here = strchr(library, '/') == NULL &&
	    access(library, F_OK) == 0;
	char *path = files_join(".", library);
	void *loaded;

	if (path == NULL) {
		perror("ferry");
		return NULL;
	}
	loaded = dlopen(is_here ? path : library, RTLD_LAZY | RTLD_LOCAL);
	free(path);
	if (loaded == NULL)
		fprintf(stderr, "ferry: cannot load %s: %s\n", library,
		    dlerror());
	return loaded;
}

static const ferry_package *
find_package(void *loaded, const char *library)
{
	void *symbol = dlsym(loaded, "ferry_package_here");
	const ferry_package *(*get)(void);
	const ferry_package *package;

	if (symbol == NULL) {
		fprintf(stderr, "ferry: %s: this is no Ferry library: it does "
		    "not export ferry_package_here(); compile the shim into it "
		    "that `ferry gen` writes\n", library);
		return NULL;
	}
	memcpy(&get, &symbol, sizeof get);
	package = get();
	if (package == NULL)
		fprintf(stderr, "ferry: %s: its ferry_package_here() returns "
		    "nothing\n", library);
	return package;
}

static int
may_read(const ferry_package *package, const char *library)
{
	if (package->format != FERRY_PACKAGE_FORMAT ||
	    package->struct_size < sizeof *package)
		fprintf(stderr, "ferry: %s: its shim has format %u, and this "
		    "ferry knows format %u; use the ferry that it was made "
		    "with\n", library, package->format, FERRY_PACKAGE_FORMAT);
	else if (package->abi > FERRY_ABI)
		fprintf(stderr, "ferry: %s: library %s was compiled for Ferry "
		    "ABI %u, and this ferry knows ABI %u; a newer ferry is "
		    "needed\n", library, package->name, package->abi,
		    FERRY_ABI);
	else
		return 1;
	return 0;
}

static json_t *
read_model(const ferry_package *package, const char *library)
{
	json_error_t error;
	json_t *model = json_loadb(package->model, package->model_size, 0,
	    &error);

	if (model == NULL) {
		fprintf(stderr, "ferry: %s: its model is broken: %s\n", library,
		    error.text);
		return NULL;
	}
	if (!input_is_model(model, library)) {
		json_decref(model);
		return NULL;
	}
	return model;
}

int
tool_describe(const struct tool_options *options)
{
	const ferry_package *package;
	void *loaded = load(options->input);
	json_t *model;
	int r = TOOL_OK;

	/* Never unloaded: the process ends soon. */
	if (loaded == NULL)
		return TOOL_FAILED;
	package = find_package(loaded, options->input);
	if (package == NULL || !may_read(package, options->input))
		return TOOL_FAILED;
	model = read_model(package, options->input);
	if (model == NULL)
		return TOOL_FAILED;
	if (options->json)
		r = model_print(model);
	else
		describe_print(model, stdout);
	json_decref(model);
	return r;
}
