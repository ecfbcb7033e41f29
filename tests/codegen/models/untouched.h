/*
 * A library whose header nobody may edit: objects that are typedefs of
 * pointers and are returned, integers that are errors, no prefix of its own.
 */
#ifndef UNTOUCHED_H
#define UNTOUCHED_H

#include "untouched/more.h"
#include "untouched/plain.h"
/* Another library's: nothing of it is offered here. */
#include "../zoo/zoo.h"

#include <ferry/marks.h>

/** Finds out what is in a box. */
FERRY_LIBRARY(name = box, version = "5.44", prefix = box_,
    instances = independent, overflow = block)

typedef struct box_set *box_t FERRY(object, name = box);
typedef struct box_place box_place FERRY(record);
typedef enum box_state box_state FERRY(enum, prefix = BOX_);

enum {
	BOX_NONE = FLAG_NONE, /**< No flags. */
	BOX_MIME = FLAG_MIME
} FERRY(constants);

/** Opens one. */
FERRY(constructor) box_t box_open(int flags FERRY(default = 0));
FERRY(destructor) void box_close(box_t);
FERRY(detail) const char *box_error(box_t);
/** What is in it. */
FERRY(method, fails = null) const char *box_file(
    box_t, const char *path FERRY(nullable));
FERRY(method, fails = nonzero) int box_load(
    box_t box, const char *file FERRY(nullable, default = "a\tb"));
FERRY(method, fails = negative) int box_count(box_t box);
FERRY(method, fails = zero) bool box_lock(box_t box);
FERRY(method) box_place box_where(box_t box, box_state state);
FERRY(method, len = n, transfer = free) unsigned char *box_data(
    box_t box, size_t *n);
FERRY(method) void box_move(box_t box, box_place *place FERRY(inout),
    int *steps FERRY(inout, default = 3), const double by[2], int left[3]);

/* Once more, with the marks that it has already; and without any. */
FERRY(method, fails = negative) int box_count(box_t box);
int box_load(box_t box, const char *file);
void zoo_close(zoo *z);

#endif
