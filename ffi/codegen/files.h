/*
 * The files that a run of the generator writes. They are kept in memory until
 * every writer has ended, so that one that fails leaves nothing half new.
 *
 * Errors are written to a stream, a line each, as "ferry: …".
 */
#ifndef FERRY_CODEGEN_FILES_H
#define FERRY_CODEGEN_FILES_H

#include <stddef.h>
#include <stdio.h>

struct file {
	char *path; /* below the output folder, parts parted by one slash */
	char *data;
	size_t size;
};

/* All zero: no files. In the order in which they were written. */
struct files {
	struct file *list;
	size_t n, room;
};

/* Whether it names something below a folder: relative, and no part of it is
 * empty, "." or "..". */
int
files_is_below(const char *path);

/*
 * Both are copied. NULL, or why not: a text that need not be freed. Refused are
 * a path that leaves the output folder, one that is there already, and one that
 * is a folder of another's.
 */
const char *
files_add(struct files *files, const char *path, const void *data,
    size_t size);

/*
 * Writes them below `folder`, which is made, as are those in it. A file that is
 * there with the same text is not touched; another is replaced by rename, so
 * that a reader sees the old one or the new one. 0, or -1 after the first
 * error.
 */
int
files_store(const struct files *files, const char *folder, FILE *errors);

/* Writes nothing: how many differ from what is below `folder` or are not
 * there; each is named. -1 if one cannot be read. */
int
files_check(const struct files *files, const char *folder, FILE *errors);

void
files_free(struct files *files);

/* A whole file, and a zero after it that is not counted; free() it. NULL with
 * errno. */
char *
files_read(const char *path, size_t *size);

/* "%s/%s", for free(); NULL with errno. */
char *
files_join(const char *folder, const char *path);

#endif
