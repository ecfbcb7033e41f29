/*
 * Every type that a header may be marked with, at its limits, and every kind of
 * function. Tests of the scanner, the shim and each language share it.
 */
#ifndef ZOO_H
#define ZOO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ferry/ferry.h>
#include <ferry/marks.h>

#ifdef __cplusplus
extern "C" {
#endif

FERRY_LIBRARY(name = zoo, version = "1.2.0", prefix = zoo_, error = zoo_error)

enum { ZOO_LEGS_MAX = 1000, ZOO_LEGS_MIN = -3 } FERRY(constants);

/** What keepers say. */
static const char *const ZOO_MOTTO FERRY(constant) = "mind the \"bear\"";
static const double ZOO_RATIO FERRY(constant) = 0.25;

/** How a call ended. */
typedef enum zoo_error {
	ZOO_OK = 0,
	ZOO_HUNGRY = 1,  /**< Nothing to eat. */
	ZOO_ESCAPED = 7, /**< Not in its cage. */
	ZOO_INTERRUPTED = 8
} zoo_error FERRY(error);

FERRY(error_text) const char *zoo_error_text(zoo_error code);

typedef enum zoo_colour {
	ZOO_COLOUR_RED = -1,
	ZOO_COLOUR_GREEN = 0,
	ZOO_COLOUR_BLUE = 2147483647
} zoo_colour FERRY(enum);

enum zoo_food {
	ZOO_FOOD_HAY = 1,
	ZOO_FOOD_FISH = 2,
	ZOO_FOOD_ALL = 3
} FERRY(flags);

/** Every number. */
typedef struct zoo_numbers {
	int8_t i8;
	uint8_t u8;
	int16_t i16;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	int plain;
	long wide;
	size_t size;
	char letter;
	bool yes;
	float f32;
	double f64;
	zoo_colour colour;
	enum zoo_food food;
} zoo_numbers FERRY(record);

typedef struct zoo_point {
	double x;
	double y FERRY(default = -1.5);
} zoo_point FERRY(record);

typedef struct zoo_tag {
	const char *key;
	int32_t value;
} zoo_tag FERRY(record);

typedef struct zoo_leaf {
	int32_t value;
	const int32_t *maybe FERRY(nullable);
} zoo_leaf FERRY(record);

typedef struct zoo_branch {
	const zoo_leaf *leaf FERRY(nullable);
	const char *label FERRY(nullable, default = "none");
} zoo_branch FERRY(record);

/** Text, bytes, arrays, maps, optionals. */
typedef struct zoo_things {
	const char *text;
	const char *maybe_text FERRY(nullable);
	/** May have zeros in it. */
	const char *counted FERRY(len = n_counted);
	size_t n_counted;
	const uint8_t *blob FERRY(len = n_blob);
	uint32_t n_blob;
	const void *maybe_blob FERRY(len = n_maybe_blob, nullable);
	size_t n_maybe_blob;
	char fixed_text[16];
	uint8_t digest[8];
	const int32_t *numbers FERRY(len = n_numbers);
	size_t n_numbers;
	const char *const *words FERRY(len = n_words);
	size_t n_words;
	const zoo_point *points FERRY(len = n_points);
	uint16_t n_points;
	int16_t pair[2];
	zoo_point corners[2];
	const zoo_tag *tags FERRY(map, len = n_tags);
	size_t n_tags;
	zoo_point origin;
	const zoo_branch *branch FERRY(nullable);
	int64_t score FERRY(optional = has_score);
	bool has_score;
	zoo_colour paint FERRY(default = ZOO_COLOUR_GREEN);
	uint32_t feet FERRY(default = 4, name = legs);
	int64_t born FERRY(time = us);
	int64_t seen_ns FERRY(time = ns);
	uint32_t nap FERRY(duration = ms);
	double spell FERRY(duration = s);
} zoo_things FERRY(record);

typedef enum zoo_shape_kind {
	ZOO_SHAPE_NOTHING = 0,
	ZOO_SHAPE_CIRCLE = 1,
	ZOO_SHAPE_LINE = 2,
	ZOO_SHAPE_NAME = 3
} zoo_shape_kind FERRY(enum);

/** One of several. */
typedef struct zoo_shape {
	zoo_shape_kind kind FERRY(tag);
	union {
		double radius FERRY(case = ZOO_SHAPE_CIRCLE);
		const zoo_point *line FERRY(case = ZOO_SHAPE_LINE, len = n);
		const char *name FERRY(case = ZOO_SHAPE_NAME);
	} as;
	size_t n;
} zoo_shape FERRY(variant);

typedef struct zoo_shapes {
	const zoo_shape *shapes FERRY(len = n_shapes);
	size_t n_shapes;
	zoo_shape favourite;
} zoo_shapes FERRY(record);

typedef enum zoo_cell_kind {
	ZOO_CELL_NOTHING = 0,
	ZOO_CELL_YES = 1,
	ZOO_CELL_NUMBER = 2,
	ZOO_CELL_REAL = 3,
	ZOO_CELL_TEXT = 4,
	ZOO_CELL_BLOB = 5,
	ZOO_CELL_BORN = 6,
	ZOO_CELL_NAP = 7,
	ZOO_CELL_POINT = 8,
	ZOO_CELL_WORDS = 9,
	ZOO_CELL_TAGS = 10
} zoo_cell_kind FERRY(enum);

/** What languages tell apart by its type alone. */
typedef struct zoo_cell {
	zoo_cell_kind kind FERRY(tag);
	union {
		bool yes FERRY(case = ZOO_CELL_YES);
		/** A number, and
		    no more. */
		int64_t number FERRY(case = ZOO_CELL_NUMBER);
		double real FERRY(case = ZOO_CELL_REAL);
		const char *text FERRY(case = ZOO_CELL_TEXT, len = size);
		const void *blob FERRY(case = ZOO_CELL_BLOB, len = size);
		int64_t born FERRY(case = ZOO_CELL_BORN, time = us);
		uint32_t nap FERRY(case = ZOO_CELL_NAP, duration = ms);
		zoo_point point FERRY(case = ZOO_CELL_POINT);
		const char *const *words
		    FERRY(case = ZOO_CELL_WORDS, len = size);
		const zoo_tag *tags FERRY(case = ZOO_CELL_TAGS, map,
		    len = size);
	} as;
	size_t size;
} zoo_cell FERRY(variant, default = ZOO_CELL_NOTHING);

typedef struct zoo_entry {
	const char *key;
	zoo_cell value;
} zoo_entry FERRY(record);

typedef enum zoo_mark_kind {
	ZOO_MARK_RING = 1,
	ZOO_MARK_BRAND = 2
} zoo_mark_kind FERRY(enum);

/** A number, or text. */
typedef struct zoo_mark {
	zoo_mark_kind kind FERRY(tag);
	union {
		uint32_t ring FERRY(case = ZOO_MARK_RING);
		char brand[8] FERRY(case = ZOO_MARK_BRAND);
	} as;
} zoo_mark FERRY(variant);

typedef enum zoo_length_kind {
	ZOO_LENGTH_NONE = 0,
	ZOO_LENGTH_METRES = 1,
	ZOO_LENGTH_FEET = 2
} zoo_length_kind FERRY(enum);

/** Nothing but its tag tells which. */
typedef struct zoo_length {
	zoo_length_kind kind FERRY(tag);
	union {
		double metres FERRY(case = ZOO_LENGTH_METRES);
		double feet FERRY(case = ZOO_LENGTH_FEET);
	} as;
} zoo_length FERRY(variant);

/** Values of many sorts. */
typedef struct zoo_cells {
	const zoo_cell *cells FERRY(len = n_cells);
	size_t n_cells;
	const zoo_entry *entries FERRY(map, len = n_entries);
	size_t n_entries;
	zoo_cell pair[2];
	zoo_cell one;
	const zoo_mark *mark FERRY(nullable);
	zoo_mark second FERRY(optional = has_second);
	bool has_second;
	zoo_length length FERRY(optional = has_length);
	bool has_length;
} zoo_cells FERRY(record);

/** A zoo: a root. */
typedef struct zoo zoo FERRY(object);
/** One of its animals. */
typedef struct zoo_animal zoo_animal FERRY(object);

/** Opens one. @param name Fails with hungry when it is empty. */
FERRY(constructor) zoo_error zoo_open(zoo **out, const char *name,
    uint32_t cages FERRY(default = 3));
FERRY(destructor) void zoo_close(zoo *z);
FERRY(detail) const char *zoo_detail(zoo *z);

/** Gives back what it is given. */
FERRY(method) zoo_error zoo_numbers_echo(
    zoo *z, const zoo_numbers *in, zoo_numbers *out);
FERRY(method) zoo_error zoo_things_echo(
    zoo *z, const zoo_things *in, zoo_things *out);
FERRY(method) zoo_error zoo_shapes_echo(
    zoo *z, const zoo_shapes *in, zoo_shapes *out);
FERRY(method) zoo_error zoo_shape_echo(
    zoo *z, const zoo_shape *in, zoo_shape *out);

/** Several arguments and several results. */
FERRY(method) zoo_error zoo_split(zoo *z,
    const char *text FERRY(len = n), size_t n, char by FERRY(default = 44),
    const zoo_point *where FERRY(nullable), int32_t *count,
    char ***words FERRY(len = n_words, transfer = zoo_words_free),
    size_t *n_words);
void zoo_words_free(char **words);

/** Adds up. A value is returned, and no error. */
FERRY(method) int64_t zoo_sum(
    zoo *z, const int64_t *numbers FERRY(len = n), size_t n);

/** Text, or NULL when nothing is found. */
FERRY(method) const char *zoo_find(zoo *z, const char *word) FERRY(nullable);

/** Fails as it is told: with that status and a text. */
FERRY(method) zoo_error zoo_fail(zoo *z, zoo_error how, const char *text);
/** Negative is a failure. */
FERRY(method, fails = negative) int zoo_jump(zoo *z, int height);

/** Holds the thread until it is cancelled, or for so long. */
FERRY(method, cancel = zoo_interrupt, slow = 50, stalled = 500) zoo_error
zoo_hold(zoo *z, uint32_t time FERRY(duration = ms));
void zoo_interrupt(zoo *z);

/** Sleeps without holding the thread. */
FERRY(strand) zoo_error zoo_sleep(
    zoo *z, uint32_t time FERRY(duration = ms), uint32_t *slept);

/** Answers from another thread. */
FERRY(method) zoo_error zoo_later(zoo *z, ferry_call call,
    uint32_t delay_ms, const char *text, char **out, int32_t *number);

/** Says `count` times that something has happened. */
FERRY(method) zoo_error zoo_make_noise(
    zoo *z, uint32_t count, const char *noise);
/** A noise. */
FERRY(event) void zoo_on_noise(
    zoo *z, uint32_t number, const char *noise, const zoo_shape *shape);

/** An animal arrives. */
FERRY(constructor) zoo_error zoo_adopt(
    zoo *z, const char *name, zoo_animal **out);
FERRY(destructor) void zoo_release(zoo_animal *a);
/** Another way to get one: from an animal. */
FERRY(method) zoo_error zoo_animal_clone(zoo_animal *a, zoo_animal **out);
FERRY(method) const char *zoo_animal_name(zoo_animal *a);
FERRY(method) zoo_error zoo_animal_befriend(zoo_animal *a, zoo_animal *other,
    uint32_t *friends);
/** How many animals there are. */
FERRY(method) size_t zoo_population(zoo *z);

/** Needs no zoo. */
FERRY(function) const char *zoo_version(void);
FERRY(function) zoo_error zoo_parse(const char *text, int64_t *out);
FERRY(function) void zoo_mirror(const zoo_things *in, zoo_things *out);
FERRY(method) zoo_error zoo_cells_echo(
    zoo *z, const zoo_cells *in, zoo_cells *out);
/** What C sees of it. */
FERRY(function) zoo_cell_kind zoo_sort_of(const zoo_cell *cell);

#ifdef __cplusplus
}
#endif

#endif
