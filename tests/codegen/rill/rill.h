/*
 * Events that wait for room, a call that nothing ends, variants that C lays out
 * in other orders, and defaults of enums.
 */
#ifndef RILL_H
#define RILL_H

#include <stddef.h>
#include <stdint.h>

#include <ferry/marks.h>

FERRY_LIBRARY(name = rill, overflow = block)

typedef struct rill rill FERRY(object);

FERRY(constructor) rill *rill_spring(void);
FERRY(destructor) void rill_dry(rill *r);

/* --- Events -------------------------------------------------------------- */

FERRY(event) void rill_on_drop(rill *r, uint32_t number);
/** Says so many, of numbers from 0 on. */
FERRY(method) void rill_flow(rill *r, uint32_t drops);

/* --- Calls that stay ----------------------------------------------------- */

/** Holds its thread until the dams are open; cancels it does not hear. */
FERRY(method) int32_t rill_dam(rill *r);
/** Of all rills; the next dam is shut again after rill_shut(). */
FERRY(function) void rill_open(void);
FERRY(function) void rill_shut(void);
/** How many stand in a dam. */
FERRY(function) int32_t rill_dammed(void);

/* --- Values -------------------------------------------------------------- */

typedef enum rill_kind {
	RILL_KIND_NONE,
	RILL_KIND_NUMBER,
	RILL_KIND_TEXT
} rill_kind FERRY(enum);

/** The length is before the union. */
typedef struct rill_leaf {
	rill_kind kind FERRY(tag);
	size_t n;
	union {
		int64_t number FERRY(case = RILL_KIND_NUMBER);
		const char *text FERRY(case = RILL_KIND_TEXT, len = n);
	} as;
} rill_leaf FERRY(variant);

/** The tag is last, and the union has no name. */
typedef struct rill_twig {
	uint8_t n;
	union {
		double number FERRY(case = RILL_KIND_NUMBER);
		const int16_t *list FERRY(case = RILL_KIND_TEXT, len = n);
	};
	rill_kind kind FERRY(tag);
} rill_twig FERRY(variant);

FERRY(method) void rill_float_leaf(
    rill *r, const rill_leaf *in, rill_leaf *out);
FERRY(method) void rill_float_twig(
    rill *r, const rill_twig *in, rill_twig *out);

typedef enum rill_pace {
	RILL_PACE_FAST,
	RILL_PACE_SLOW
} rill_pace FERRY(enum, default = RILL_PACE_SLOW);

typedef struct rill_bend {
	rill_pace pace;
	int32_t degrees;
} rill_bend FERRY(record);

FERRY(method) rill_pace rill_turn(
    rill *r, const rill_bend *bend, rill_pace pace);

#endif
