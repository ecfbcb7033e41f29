/*
 * Files that an earlier run has written, and this one does not: of a type that
 * is gone from the header, say. Each language's folder has a list of a
 * library's files, and what stands there is the generator's; nothing else is
 * ever looked at.
 */
#ifndef FERRY_CODEGEN_STALE_H
#define FERRY_CODEGEN_STALE_H

#include "ffi/codegen/files.h"

/* Adds the list of a language's files to them, when all of those are there.
 * NULL, or why not: a text that need not be freed. */
const char *
stale_list(struct files *files, const char *language, const char *library);

/*
 * Removes them below `folder`, and folders that are empty then. Before the new
 * ones are stored: one may be a folder where the other was a file. 0, or -1
 * after the first error, which is written to a stream, as "ferry: …".
 */
int
stale_remove(const struct files *files, const char *folder, FILE *errors);

/* Removes nothing: how many there are; each is named. -1 after an error. */
int
stale_check(const struct files *files, const char *folder, FILE *errors);

#endif
