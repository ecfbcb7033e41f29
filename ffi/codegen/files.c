/*
 * A file's old text is read before it is replaced: build systems rebuild what
 * has a new time, and a run that changes nothing shall cost nothing.
 */
#include "ffi/codegen/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
files_is_below(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return 0;
		if (path[n] == '\0')
			return 1;
		path += n + 1;
	}
}

/* Whether one is the other, or a folder that the other is in. */
static int
meet(const char *a, const char *b)
{
	size_t i = 0;

	while (a[i] != '\0' && a[i] == b[i])
		i++;
	return (a[i] == '\0' && (b[i] == '\0' || b[i] == '/')) ||
	    (b[i] == '\0' && a[i] == '/');
}

static int
make_room(struct files *files)
{
	size_t room = files->room == 0 ? 16 : files->room * 2;
	struct file *list;

	if (files->n < files->room)
		return 0;
	list = realloc(files->list, room * sizeof *list);
	if (list == NULL)
		return -1;
	files->list = list;
	files->room = room;
	return 0;
}

const char *
files_add(struct files *files, const char *path, const void *data, size_t size)
{
	struct file *file;

	if (!files_is_below(path))
		return "is not below the output folder";
	for (size_t i = 0; i < files->n; i++)
		if (meet(files->list[i].path, path))
			return "is written twice";
	if (make_room(files) != 0)
		return "is too much for the memory";
	file = &files->list[files->n];
	file->path = strdup(path);
	file->data = malloc(size + 1);
	file->size = size;
	if (file->path == NULL || file->data == NULL) {
		free(file->path);
		free(file->data);
		return "is too much for the memory";
	}
	memcpy(file->data, data, size);
	file->data[size] = '\0';
	files->n++;
	return NULL;
}

void
files_free(struct files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->list[i].path);
		free(files->list[i].data);
	}
	free(files->list);
	*files = (struct files){ 0 };
}

static char *
read_all(FILE *f, size_t *size)
{
	size_t room = 1 << 16, n = 0;
	char *data = malloc(room), *more;

	while (data != NULL) {
		n += fread(data + n, 1, room - n, f);
		if (n < room)
			break;
		room *= 2;
		more = realloc(data, room);
		if (more == NULL)
			free(data);
		data = more;
	}
	if (data == NULL)
		return NULL;
	if (ferror(f)) {
		free(data);
		return NULL;
	}
	data[n] = '\0';
	*size = n;
	return data;
}

char *
files_read(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rbe");
	char *data;
	int error;

	if (f == NULL)
		return NULL;
	data = read_all(f, size);
	error = errno;
	fclose(f);
	errno = error;
	return data;
}

char *
files_join(const char *folder, const char *path)
{
	size_t n = strlen(folder), more = strlen(path);
	char *joined = malloc(n + more + 2);

	if (joined == NULL)
		return NULL;
	memcpy(joined, folder, n);
	joined[n] = '/';
	memcpy(joined + n + 1, path, more + 1);
	return joined;
}

static int
complain(FILE *errors, const char *path, const char *what)
{
	fprintf(errors, "ferry: %s: %s: %s\n", path, what, strerror(errno));
	return -1;
}

/* The folders that `path` is in. */
static int
make_folders(char *path, FILE *errors)
{
	for (char *slash = path + 1; *slash != '\0'; slash++) {
		int r;

		if (*slash != '/')
			continue;
		*slash = '\0';
		r = mkdir(path, 0777);
		if (r != 0 && errno != EEXIST)
			return complain(errors, path, "cannot make the folder");
		*slash = '/';
	}
	return 0;
}

/* 1 the same text is there, 0 another or none, -1 cannot be read. */
static int
is_same(const struct file *file, const char *path)
{
	size_t size;
	char *data = files_read(path, &size);
	int same;

	if (data == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	same = size == file->size && memcmp(data, file->data, size) == 0;
	free(data);
	return same;
}

static int
put(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* mkstemp() makes it for its owner only; a generated file is like others. */
static int
fill(int fd, const struct file *file)
{
	mode_t mask = umask(0);

	umask(mask);
	return fchmod(fd, 0666 & ~mask) == 0 ?
	    put(fd, file->data, file->size) : -1;
}

static int
replace(const struct file *file, const char *path, FILE *errors)
{
	char *temporary = malloc(strlen(path) + 8);
	int fd, r = -1, error;

	if (temporary == NULL)
		return complain(errors, path, "cannot be written");
	sprintf(temporary, "%s.XXXXXX", path);
	fd = mkstemp(temporary);
	if (fd >= 0) {
		r = fill(fd, file);
		error = errno;
		if (close(fd) != 0 && r == 0) {
			r = -1;
			error = errno;
		}
		errno = error;
		if (r == 0)
			r = rename(temporary, path);
		error = errno;
		if (r != 0)
			unlink(temporary);
		errno = error;
	}
	free(temporary);
	return r == 0 ? 0 : complain(errors, path, "cannot be written");
}

static int
store(const struct file *file, const char *folder, FILE *errors)
{
	char *path = files_join(folder, file->path);
	int r;

	if (path == NULL)
		return complain(errors, file->path, "cannot be written");
	r = make_folders(path, errors);
	if (r == 0) {
		r = is_same(file, path);
		if (r < 0)
			complain(errors, path, "cannot be read");
		else
			r = r == 1 ? 0 : replace(file, path, errors);
	}
	free(path);
	return r;
}

int
files_store(const struct files *files, const char *folder, FILE *errors)
{
	for (size_t i = 0; i < files->n; i++)
		if (store(&files->list[i], folder, errors) != 0)
			return -1;
	return 0;
}

int
files_check(const struct files *files, const char *folder, FILE *errors)
{
	int differ = 0;

	for (size_t i = 0; i < files->n; i++) {
		char *path = files_join(folder, files->list[i].path);
		int same = path == NULL ? -1 : is_same(&files->list[i], path);

		if (same < 0) {
			complain(errors, files->list[i].path, "cannot be read");
			free(path);
			return -1;
		}
		if (same == 0)
			fprintf(errors, "ferry: %s: %s\n", path,
			    access(path, F_OK) == 0 ? "differs from what would "
			    "be written" : "is not there");
		differ += !same;
		free(path);
	}
	return differ;
}
