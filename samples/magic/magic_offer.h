/*
 * What is offered of libmagic, which tells what is in a file. Its own header
 * stays as it is: here it is declared again, with marks.
 *
 * A cookie may be used by one thread at a time, and what magic_file() returns
 * lives until the next call. Behind Ferry many may ask, and get copies.
 */
#ifndef MAGIC_OFFER_H
#define MAGIC_OFFER_H

#include <magic.h>
#include <stddef.h>

#include <ferry/marks.h>

FERRY_LIBRARY(name = magic, version = "1.0", prefix = magic_,
    instances = independent)

/** What is told of a file. */
enum magic_what {
	MAGIC_WHAT_TEXT = MAGIC_NONE,          /**< For people. */
	MAGIC_WHAT_TYPE = MAGIC_MIME_TYPE,     /**< image/png */
	MAGIC_WHAT_CHARSET = MAGIC_MIME_ENCODING,
	MAGIC_WHAT_EXTENSIONS = MAGIC_EXTENSION,
	MAGIC_WHAT_LINKS = MAGIC_SYMLINK,      /**< Follows symbolic links. */
	MAGIC_WHAT_ARCHIVES = MAGIC_COMPRESS   /**< Looks into archives. */
} FERRY(flags, prefix = MAGIC_WHAT_);

/** Knows files by what is in them. */
typedef struct magic_set *magic_t FERRY(object, name = cookie);

/** Opens one; load() comes next. */
FERRY(constructor, name = open) magic_t magic_open(
    int flags FERRY(enum = magic_what, default = MAGIC_WHAT_TEXT));
FERRY(destructor) void magic_close(magic_t);
FERRY(detail) const char *magic_error(magic_t);

/** Reads the descriptions of types. @param path None: those installed. */
FERRY(method, fails = nonzero) int magic_load(
    magic_t, const char *path FERRY(nullable));
/** What is in a file. */
FERRY(method, fails = null) const char *magic_file(magic_t, const char *path);
/** What is in these bytes. */
FERRY(method, fails = null) const char *magic_buffer(
    magic_t, const void *data FERRY(len = size), size_t size);
/** What is told from now on. */
FERRY(method, fails = nonzero) int magic_setflags(
    magic_t, int flags FERRY(enum = magic_what));
/** Of libmagic, 540 for 5.40. */
FERRY(function) int magic_version(void);

#endif
