/*
 * A list is checked in with what it names, so it may come from anywhere: a line
 * leads to a plain file below the list's own folder, by way of folders and no
 * links, or it is passed over.
 */
#include "ffi/codegen/stale.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char first[] =
    "# What ferry gen has written here. It removes what it writes no more.\n";

/* Begins the name of a list; the library's follows, as there may be several
 * in a folder. */
static const char prefix[] = "/.ferry-";

/* --- The list of this run ------------------------------------------------- */

/* What follows "LANGUAGE/", or NULL. */
static const char *
below(const char *path, const char *language)
{
	size_t n = strlen(language);

	return strncmp(path, language, n) == 0 && path[n] == '/' ?
	    path + n + 1 : NULL;
}

static void
list(const struct files *files, const char *language, FILE *out)
{
	fputs(first, out);
	for (size_t i = 0; i < files->n; i++) {
		const char *name = below(files->list[i].path, language);

		/* Such a file is never found to be stale. */
		if (name != NULL && strchr(name, '\n') == NULL)
			fprintf(out, "%s\n", name);
	}
}

static char *
list_path(const char *language, const char *library)
{
	size_t size = strlen(language) + sizeof prefix + strlen(library);
	char *path = malloc(size);

	if (path != NULL)
		snprintf(path, size, "%s%s%s", language, prefix, library);
	return path;
}

const char *
stale_list(struct files *files, const char *language, const char *library)
{
	char *path = list_path(language, library), *text = NULL;
	const char *why = "is too much for the memory";
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out != NULL) {
		list(files, language, out);
		if (fclose(out) == 0 && path != NULL)
			why = files_add(files, path, text, size);
	}
	free(text);
	free(path);
	return why;
}

/* --- Those of runs before ------------------------------------------------- */

struct search {
	const struct files *files;
	const char *folder;
	FILE *errors;
	int removes;
	int found;
};

static int
complain(const struct search *s, const char *path, const char *what)
{
	fprintf(s->errors, "ferry: %s: %s: %s\n", path, what, strerror(errno));
	return -1;
}

static int
is_written(const struct files *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->list[i].path, path) == 0)
			return 1;
	return 0;
}

static int
has_mode(const char *path, mode_t mode)
{
	struct stat st;

	return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == mode;
}

/* Whether it is a file, in what are folders from `at` on; the path is as
 * before then. */
static int
is_plain(char *path, size_t at)
{
	for (char *slash = path + at; (slash = strchr(slash, '/')) != NULL;
	    slash++) {
		int folder;

		*slash = '\0';
		folder = has_mode(path, S_IFDIR);
		*slash = '/';
		if (!folder)
			return 0;
	}
	return has_mode(path, S_IFREG);
}

/* The file, and the folders that it was alone in; not the first `keep`
 * characters of its path. */
static int
take_away(const struct search *s, char *path, size_t keep)
{
	char *slash;

	if (unlink(path) != 0)
		return complain(s, path, "cannot be removed");
	while ((slash = strrchr(path, '/')) != NULL &&
	    (size_t)(slash - path) > keep) {
		*slash = '\0';
		if (rmdir(path) != 0)
			break; /* something is in it */
	}
	return 0;
}

/* A line of the list: a file of a language's folder, which is the first `n`
 * characters of the list's path. */
static int
look(struct search *s, const char *list_path, size_t n, const char *name)
{
	size_t size = n + strlen(name) + 2;
	char *path = malloc(size), *whole = NULL;
	int r = -1;

	if (path != NULL) {
		snprintf(path, size, "%.*s/%s", (int)n, list_path, name);
		whole = files_join(s->folder, path);
	}
	if (whole == NULL) {
		complain(s, list_path, "cannot be read");
	} else if (!files_is_below(name) || is_written(s->files, path) ||
	    !is_plain(whole, strlen(s->folder) + 1)) {
		r = 0;
	} else {
		s->found++;
		r = 0;
		if (s->removes)
			r = take_away(s, whole, strlen(s->folder) + 1 + n);
		else
			fprintf(s->errors,
			    "ferry: %s: is written no more\n", whole);
	}
	free(whole);
	free(path);
	return r;
}

/* Its old text; NULL where there is none, or it is somebody else's. */
static char *
read_list(const struct search *s, const char *list_path, int *r)
{
	char *path = files_join(s->folder, list_path), *text = NULL;
	size_t size;

	*r = -1;
	if (path != NULL)
		text = files_read(path, &size);
	if (text == NULL && (errno == ENOENT || errno == ENOTDIR))
		*r = 0;
	else if (text == NULL)
		complain(s, path != NULL ? path : list_path, "cannot be read");
	else if (strncmp(text, first, strlen(first)) != 0) {
		fprintf(s->errors, "ferry: %s: it is no list of what ferry "
		    "has written; move it away\n", path);
		free(text);
		text = NULL;
	}
	free(path);
	return text;
}

static int
look_through(struct search *s, const char *list_path)
{
	size_t n = strcspn(list_path, "/");
	int r;
	char *text = read_list(s, list_path, &r), *rest, *line;

	if (text == NULL)
		return r;
	r = 0;
	rest = text + strlen(first);
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL)
		r = look(s, list_path, n, line);
	free(text);
	return r;
}

/* How many; -1 after an error. */
static int
search(const struct files *files, const char *folder, FILE *errors,
    int removes)
{
	struct search s = { files, folder, errors, removes, 0 };

	for (size_t i = 0; i < files->n; i++) {
		const char *path = files->list[i].path;
		const char *slash = strchr(path, '/');

		if (slash != NULL &&
		    strncmp(slash, prefix, strlen(prefix)) == 0 &&
		    look_through(&s, path) != 0)
			return -1;
	}
	return s.found;
}

int
stale_remove(const struct files *files, const char *folder, FILE *errors)
{
	return search(files, folder, errors, 1) < 0 ? -1 : 0;
}

int
stale_check(const struct files *files, const char *folder, FILE *errors)
{
	return search(files, folder, errors, 0);
}
