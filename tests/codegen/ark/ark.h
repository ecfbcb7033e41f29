/*
 * What the zoo has not: two roots, each with a thread of its own; objects in
 * objects; failures that are told in other ways; results that were given away,
 * and wrong ones. Its names are the zoo's where that may matter.
 */
#ifndef ARK_H
#define ARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ferry/ferry.h>
#include <ferry/marks.h>

#ifdef __cplusplus
extern "C" {
#endif

FERRY_LIBRARY(name = ark, instances = independent, overflow = stuck)

typedef struct ark ark FERRY(object);
typedef struct ark_deck ark_deck FERRY(object);
typedef struct ark_crate ark_crate FERRY(object);
typedef struct ark_dove ark_dove FERRY(object);

/** Negative, against what marks ask for: see ark_sink(). */
typedef enum ark_error {
	ARK_OK,
	ARK_LEAK = 3,
	/** A leak, by another name. */
	ARK_DRIP = 3
} ark_error FERRY(error);
FERRY(error_text) const char *ark_error_text(ark_error code);

typedef enum ark_cargo {
	ARK_CARGO_NONE = 0,
	ARK_CARGO_LIST = 1,
	ARK_CARGO_FLAGS = 2
} ark_cargo FERRY(enum);

typedef struct ark_item {
	const char *label;
	bool fragile;
	int8_t n_marks;
	const bool *marks FERRY(len = n_marks);
} ark_item FERRY(record);

typedef struct ark_load {
	ark_cargo kind FERRY(tag);
	union {
		const ark_item *list FERRY(case = ARK_CARGO_LIST, len = n);
		bool flags[2] FERRY(case = ARK_CARGO_FLAGS);
	} as;
	int32_t n;
} ark_load FERRY(variant);

typedef struct ark_hold {
	ark_load loads[2];
	ark_item spare FERRY(optional = has_spare);
	bool has_spare;
} ark_hold FERRY(record);

/* --- Roots --------------------------------------------------------------- */

FERRY(constructor) ark *ark_build(uint32_t cubits);
FERRY(constructor) ark_error ark_find(const char *where, ark **out);
FERRY(destructor) void ark_break(ark *a);

/** Another root. */
FERRY(constructor) ark_dove *ark_dove_hatch(void);
/** How it goes wrong is said by number: see the implementation. */
FERRY(constructor, remains) ark_error ark_dove_trap(
    int32_t how, ark_dove **out);
FERRY(destructor) void ark_dove_eat(ark_dove *d);
FERRY(detail) const char *ark_dove_detail(ark_dove *d);
FERRY(method) uint32_t ark_dove_fly(ark_dove *d);
/** Doves that nobody has eaten. */
FERRY(function) int32_t ark_doves(void);

/** Of this thread's last error that had one; forgotten when it is told. */
FERRY(detail) const char *ark_last(void);
/** Fails, on the caller's thread, with that text. */
FERRY(function, fails = nonzero) int32_t ark_grumble(
    const char *text FERRY(nullable));
/** The same on the ark's, as a code that has a text. */
FERRY(method) ark_error ark_complain(
    ark *a, const char *text FERRY(nullable));

/* --- Objects in objects -------------------------------------------------- */

FERRY(constructor) ark_deck *ark_deck_lay(ark *a, int32_t number);
/** Number 13 leaks, and lies there for all that; others do not. */
FERRY(constructor, remains) ark_error ark_deck_patch(
    ark *a, int32_t number, ark_deck **out);
FERRY(destructor) ark_error ark_deck_remove(ark_deck *d);
FERRY(detail) const char *ark_deck_detail(ark_deck *d);
FERRY(constructor) ark_crate *ark_crate_make(ark_deck *d, const char *label);
FERRY(destructor) void ark_crate_open(ark_crate *c);
/** Two at once: the second only where it is asked for. */
FERRY(method) ark_error ark_crate_split(
    ark_crate *c, bool both, ark_crate **left, ark_crate **right);
/** Waits with the crate in its hands; says what is on it. */
FERRY(strand) ark_error ark_crate_carry(
    ark_crate *c, uint32_t ms FERRY(duration = ms), const char **label);
/** What is left: of decks and crates. */
FERRY(method) ark_error ark_count(
    ark *a, uint32_t *decks, uint32_t *crates);

/* --- Values -------------------------------------------------------------- */

FERRY(method) ark_error ark_stow(
    ark *a, const ark_hold *in, ark_hold *out);
FERRY(method, fails = zero, name = swim) bool ark_float(ark *a, int32_t depth);
FERRY(method, fails = nonzero) int64_t ark_sail(ark *a, int64_t to);
FERRY(method, fails = null) const char *ark_log(ark *a, int32_t day);
/** Doubles a number, and a point of two. */
FERRY(method, name = twice) void ark_double(
    ark *a, int32_t *number FERRY(inout), ark_item *item FERRY(inout));
/** Enums that are integers in C, narrow and wide: gives them back. */
FERRY(method, enum = ark_cargo) int8_t ark_sort(ark *a,
    uint8_t kind FERRY(enum = ark_cargo, default = ARK_CARGO_LIST),
    int64_t number FERRY(default = 1),
    uint64_t *wide FERRY(enum = ark_cargo));
/** Gives a record away. */
FERRY(method) ark_error ark_pack(ark *a, const char *label,
    ark_item *out FERRY(transfer = ark_item_free));
void ark_item_free(ark_item *item);
/** Packs that were not taken back. */
FERRY(function) int32_t ark_packs(void);
/** Gives back what a library must not: by number. */
FERRY(method) ark_error ark_lie(
    ark *a, int32_t how, ark_hold *out FERRY(transfer = ark_hold_free));
void ark_hold_free(ark_hold *hold);

/* --- Later --------------------------------------------------------------- */

/** Answered by the next ark_release_dove(), or when it is cancelled. */
FERRY(method, cancel = ark_call_back) ark_error ark_send_dove(ark *a,
    ferry_call call, char **leaf FERRY(transfer = ark_leaf_free),
    ark_item *item, int16_t wind[2]);
void ark_leaf_free(char *leaf);
void ark_call_back(ark *a);
FERRY(method) ark_error ark_release_dove(ark *a, ark_error how);
/** Would answer later, and fails at once, without a text. */
FERRY(method, fails = nonzero) int ark_send_raven(ark *a, ferry_call call);
/** Waits for its cancel, and then fails at once. */
FERRY(method) ark_error ark_send_owl(ark *a, ferry_call call);
/** Sleeps until it is startled, and stays so. */
FERRY(method, cancel = ark_startle, reset = ark_calm) void ark_doze(ark *a);
/** Whether somebody sleeps. */
FERRY(function) int32_t ark_dozes(void);
/** Whether anything has startled this call. */
FERRY(method, cancel = ark_startle, reset = ark_calm) int32_t ark_startled(
    ark *a);
void ark_startle(ark *a);
void ark_calm(ark *a);
FERRY(event) void ark_on_rain(ark *a, uint32_t day, const int16_t wind[2]);
/** Says so on another thread, and waits for that. */
FERRY(method) void ark_rain(ark *a, uint32_t days);

#ifdef __cplusplus
}
#endif

#endif
