/*
 * What is marked in other ways than in the zoo: types without typedefs, names
 * in other styles, objects of objects, two roots, maps and variants of
 * everything.
 */
#ifndef CORNERS_H
#define CORNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <ferry/ferry.h>
#include <ferry/marks.h>

/**
 * Corners, and
 * what is in them.
 *
 * In two paragraphs.
 **/
FERRY_LIBRARY(name = corners, error = status)

enum status { STATUS_OK, STATUS_BAD = 0x7fffffff } FERRY(error);

/** A level. */
typedef enum { cornersLevelLow, cornersLevelHTTPHigh = 1u << 31 } cornersLevel
    FERRY(enum, default = cornersLevelLow);

typedef enum corners_one { ONLY = 1 } corners_one FERRY(flags, prefix = ON);

enum corners_wide { WIDE_1 = 1, WIDE_2 = 0x7fffffffffffffff } FERRY(enum);

enum {
	CORNERS_SIX = 6,
	CORNERS_BIG FERRY(name = biggest) = 0xffffffffffffffff
} FERRY(constants);

static const uint64_t CORNERS_MOST FERRY(constant) = UINT64_MAX;
static const float corners_tiny FERRY(constant) = 1e-40f;
static const char corners_text[] FERRY(constant) = "tab\there";

/**
 * With several lines,
 *   one of them indented.
 *
 *
 * And a second paragraph <b>with</b> marks.
 */
struct corners_plain {
	signed char a; /**< Behind it. */
	unsigned long long b;
	wchar_t c;
	ptrdiff_t d;
	struct corners_inner {
		uint8_t bytes[3];
		bool flags[4];
		enum status codes[2];
		const float *reals FERRY(len = n);
		int n;
	} FERRY(record) inner;
	char name[1] FERRY(default = "");
	char raw[5] FERRY(bytes);
	const char *chars FERRY(len = n_chars, bytes, nullable);
	int8_t n_chars;
	char *mutable_text;
	float half FERRY(default = .5);
	bool yes FERRY(default = true);
	int64_t least FERRY(default = -9223372036854775808);
	uint64_t most FERRY(default = 0xffffffffffffffffull);
	char letter FERRY(default = ',');
	const char *words FERRY(default = "a \"b\"\n\\");
	double when FERRY(time = s, default = 1.5);
	int32_t wait FERRY(duration = us, default = -3);
} FERRY(record);

typedef struct {
	cornersLevel key;
	struct corners_plain value;
} cornersEntry FERRY(record);

typedef struct corners_maybe {
	const enum status *status FERRY(nullable);
	const double *real FERRY(nullable, default = 2);
	const bool *flag FERRY(nullable);
	const int64_t *when FERRY(nullable, time = ms);
	cornersLevel level FERRY(optional = has_level, default =
	    cornersLevelHTTPHigh);
	bool has_level;
	struct corners_inner inner FERRY(optional = hasInner);
	bool hasInner;
	const cornersEntry *entries FERRY(map, len = n, nullable);
	unsigned n;
} corners_maybe FERRY(record);

typedef struct corners_either {
	size_t n;
	union {
		const char *text FERRY(case = cornersLevelLow, len = n);
		const corners_maybe *many
		    FERRY(case = cornersLevelHTTPHigh, len = n);
	};
	cornersLevel tag FERRY(tag);
} corners_either FERRY(variant);

typedef struct corners_pick {
	enum status which FERRY(tag);
	union {
		cornersEntry entry FERRY(case = STATUS_BAD, name = bad_entry);
	} u;
} corners_pick FERRY(variant, default = STATUS_OK);

/** The first root. */
typedef struct corners corners FERRY(object);
typedef struct corners_second *corners_second FERRY(object);
struct FERRY(object) corners_child;
typedef struct corners_grandchild corners_grandchild FERRY(object);

FERRY(constructor) corners *corners_make(void);
FERRY(constructor) enum status corners_make_with(
    const struct corners_plain *how, corners **out,
    const char *const words[] FERRY(len = n_words), int n_words);
FERRY(destructor) int corners_free(corners *c);
FERRY(constructor) void corners_second_open(corners_second *out);
FERRY(destructor) void corners_second_close(corners_second s);
FERRY(constructor, fails = null) struct corners_child *corners_child_add(
    corners *c, const char *name);
FERRY(destructor) void corners_child_free(struct corners_child *c);
FERRY(constructor, remains) enum status corners_grandchild_add_to(
    corners_grandchild **out, uint64_t *serial, struct corners_child *of);
FERRY(destructor) void corners_grandchild_free(corners_grandchild *g);
FERRY(error_text) const char *corners_text_of(int code);
FERRY(detail) char *corners_last(void);

FERRY(method) corners_pick corners_grandchild_pick(corners_grandchild *g,
    const corners_either *either, const corners_maybe *maybe FERRY(nullable));
FERRY(method, transfer = corners_maybe_free) corners_maybe corners_give(
    corners *c, corners_pick *pick FERRY(inout), enum status *code
    FERRY(inout));
void corners_maybe_free(struct corners_maybe *maybe);
FERRY(method, optional = found) double corners_attempt(
    corners *c, bool *found, const int16_t in[4], int16_t out[4]);
FERRY(method, transfer = free, len = n, nullable) char *corners_take(
    corners *c, size_t *n, char *one FERRY(out), float *real);
FERRY(method, error = status) int corners_code(corners *c);
FERRY(method, fails = nonzero) unsigned corners_code_too(corners *c);
FERRY(method, time = ns) int64_t corners_time(const corners *c);
FERRY(method) struct corners_child *corners_first(corners *c);
FERRY(method, name = renamed) void corners_names(
    corners *c, int aCamelName, int x FERRY(name = why));
FERRY(strand) enum status corners_strand(
    corners *c, ferry_call call, const cornersEntry **out
    FERRY(nullable));
FERRY(method, error = status, cancel = corners_stop) int corners_defer(
    struct corners_child *c, const uint8_t *data FERRY(len = n), size_t n,
    ferry_call call, struct corners_plain *out);
void corners_stop(corners *c);
FERRY(event) void corners_said(corners *c, cornersLevel level,
    const cornersEntry *entries FERRY(map, len = n), size_t n,
    const corners_either *either FERRY(nullable));
FERRY(event) void corners_second_heard(corners_second c);
FERRY(method) void corners_second_nothing(corners_second c);
FERRY(function, fails = zero) bool corners_check(enum corners_wide wide,
    corners_one one);
/* A doc comment has two stars. */
FERRY(function, fails = negative) int64_t corners_read(void);
FERRY(function, enum = corners_one) uint8_t corners_mark(
    long how FERRY(enum = corners_wide, default = WIDE_2),
    const int64_t *level FERRY(enum = cornersLevel, nullable),
    int *way FERRY(enum = status, inout));

#endif
