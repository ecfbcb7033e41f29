/*
 * Library descriptions: what can be called, by id and by name.
 *
 * Grows until the first context is opened on it, and is constant from then
 * on: read without a lock. Counted, so that a context keeps it.
 */
#ifndef FERRY_FFI_LIBRARY_H
#define FERRY_FFI_LIBRARY_H

#include <ck_ht.h>
#include <ferry/ferry.h>

#include "ffi/home.h"

struct library {
	const char *name;
	ferry_init_fn init;
	ferry_fini_fn fini;
	struct method *methods;
	const char **events;
	uint32_t n_methods;
	uint32_t n_events;
	ck_ht_t method_ids; /* name to id + 1 */
	ck_ht_t event_ids;
	struct slot *slot;
	atom32 references;
	bool frozen;        /* under the libraries' mutex */
};

/* A reference, for a context; no more methods from here on. FERRY_EINVAL,
 * FERRY_ESTALE. */
int ferry__library_freeze(struct library **out, ferry_library token);
void ferry__library_unref(struct library *l);

/* By name; FERRY_ENOMETHOD, FERRY_ENOEVENT. */
int ferry__library_method(
    uint32_t *out, struct library *l, const char *name);
int ferry__library_event(uint32_t *out, struct library *l, const char *name);

/* In a forked child: see forked.c. */
void ferry__library_forked(void);

/* Whether those levels that are on ascend. */
bool ferry__library_levels_ascend(const ferry_levels *l);

#endif
