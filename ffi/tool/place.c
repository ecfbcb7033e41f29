/*
 * Where the tool's own files are: beside the executable where it is installed,
 * else in the source that it was built from.
 */
#include "ffi/tool/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ffi/codegen/files.h"

/* A path from the folder that the executable is in; NULL if `probe` is not
 * there. */
static char *
beside(const char *path, const char *probe)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash, *found, *file;
	int there;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	found = files_join(exe, path);
	file = found != NULL ? files_join(found, probe) : NULL;
	there = file != NULL && access(file, R_OK) == 0;
	free(file);
	if (there)
		return found;
	free(found);
	return NULL;
}

static char *
copy(const char *path)
{
	char *copied = strdup(path);

	if (copied == NULL)
		perror("ferry");
	return copied;
}

char *
place_codegen(const struct tool_options *options)
{
	char *found;

	if (options->templates != NULL)
		return copy(options->templates);
	found = beside("../share/ferry/codegen", "gen.lua");
	return found != NULL ? found : copy(FERRY_SOURCE "/ffi/codegen");
}

char *
place_include(void)
{
	char *found = beside("../include", "ferry/marks.h");

	return found != NULL ? found : copy(FERRY_SOURCE "/include");
}
