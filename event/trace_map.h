/*
 * What is loaded where: the modules of this process, as of one moment, and
 * what can be told of an address of their code without any debugging data.
 *
 * One caller at a time. Modules are the loader's list, which has a lock of its
 * own: a library that hangs in its constructor does not hold that. Names are
 * asked for by way of trace_loader.h. Whatever else is read of a module is read
 * so that it may have gone meanwhile.
 */
#ifndef FERRY_EVENT_TRACE_MAP_H
#define FERRY_EVENT_TRACE_MAP_H

#include "ffi/facts.h"

#define MAP_CODES 4u     /* executable segments kept of a module */
#define MAP_ID    32u    /* bytes kept of a build id */
#define MAP_PATH  512u   /* and of a path, with its end */
#define MAP_NAME  256u   /* and of a function's name */
#define MAP_NAMES 48u    /* asked for at once */

struct map_module {
	uint64_t bias;   /* where its address 0 is */
	uint32_t codes;
	struct {
		uint64_t low, high;
	} code[MAP_CODES];
	uint64_t table;  /* of its functions' unwinding data, or 0 */
	uint32_t id_size;
	uint8_t id[MAP_ID];
	char path[MAP_PATH];
};

/* Looks anew; what was found before is no longer valid. */
void ferry__map_look(void);

/* In a forked child: what there was is left behind. */
void ferry__map_forked(void);

/* The module with code at that address, or NULL. */
const struct map_module *ferry__map_find(uint64_t address);

/* How an address could have become a return address. */
enum map_call {
	MAP_NO_CALL,     /* there is no call before it */
	MAP_INDIRECT,    /* of a pointer, or of another module's function */
	MAP_DIRECT       /* *target is the function's first instruction */
};
enum map_call ferry__map_call_before(uint64_t *target, uint64_t address);

/* Where the function begins that this code belongs to, or 0: not known. A
 * part of a function that was moved out of it counts as a function. */
uint64_t ferry__map_function(uint64_t address);

/* Asks the loader for the names of code at these addresses; of one that is held
 * up none is known. n is at most MAP_NAMES. */
void ferry__map_ask_names(const uint64_t *addresses, uint32_t n);

/* The name of the function that this code belongs to, which has been asked for;
 * NULL for one that its module does not export. Until the next ask. */
const char *ferry__map_name(uint64_t address);

#endif
