/*
 * Unwinding, and names, by libdw, if it is there: it is loaded when first
 * asked for, and the library is neither linked with it nor in need of it.
 *
 * One caller at a time. Reads the program's files and /proc/self/maps; nothing
 * comes over a network.
 */
#ifndef FERRY_EVENT_TRACE_DW_H
#define FERRY_EVENT_TRACE_DW_H

#include "event/trace.h"

/* Registers as DWARF numbers them. */
#if defined(__aarch64__)
#define TRACE_FP 29u
#define TRACE_SP 31u
#define TRACE_PC 32u /* no number of DWARF's */
#else
#define TRACE_FP 6u
#define TRACE_SP 7u
#define TRACE_PC 16u
#endif

/* Where a thread is, the innermost first. */
struct walk {
	uint32_t n;
	bool ended; /* the last one is the outermost */
	struct {
		uint64_t pc;
		bool exact; /* of the next instruction, not of a return */
	} at[TRACE_FRAMES];
};

struct dw_name {
	const char *function, *file; /* or NULL; until the next open */
	uint32_t line;
};

/* Loads it, or waits for whoever does. False: it is not there, or somebody has
 * held up the loader for half a second. From any thread. */
bool ferry__dw_load(void);

/* Makes ready, and looks at what modules there are now. False: no libdw. */
bool ferry__dw_open(void);

/* As far as is known. */
void ferry__dw_walk(struct walk *out, const struct trace *t);

/* The functions at that address, the innermost first: inlined ones, and then
 * the one they are in. Returns how many, 0 if nothing is known. */
uint32_t ferry__dw_names(struct dw_name *out, uint32_t most, uint64_t pc);

/* For tests: as if it were not installed. */
void ferry__dw_refuse(bool refuse);

/* In a forked child: what the parent had stays as it is. */
void ferry__dw_forked(void);

#endif
