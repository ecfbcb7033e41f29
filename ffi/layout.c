/*
 * How this library lays out the public structs, for bindings that mirror them
 * by hand.
 */
#include <ferry/package.h>
#include <stdbool.h>
#include <string.h>

#include "ffi/base.h"
#include "ffi/layout_table.h"

/* Of a struct, which all its fields follow. */
#define STRUCT_NAME(s)   #s "\0"
#define STRUCT_PLACE(s)  { 0, sizeof(s) },
#define FIELD_NAME(s, f) "." #f "\0"
#define FIELD_PLACE(s, f) { offsetof(s, f), sizeof(((s *)0)->f) },

/* One text, so that the loader has nothing to do for it. */
static const char names[] = FERRY__LAYOUTS(STRUCT_NAME, FIELD_NAME);

static const struct place {
	uint16_t offset;
	uint16_t size;
} places[] = { FERRY__LAYOUTS(STRUCT_PLACE, FIELD_PLACE) };

/* The place of `type`, or of its `field`; NULL: there is none. */
static const struct place *
find(const char *type, const char *field)
{
	const char *name = names;
	bool inside = false;

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		if (name[0] != '.')
			inside = strcmp(name, type) == 0;
		if (inside && (field == NULL ||
		        (name[0] == '.' && strcmp(name + 1, field) == 0)))
			return &places[i];
		name += strlen(name) + 1;
	}
	return NULL;
}

int
ferry_abi_layout(uint32_t *out_offset, uint32_t *out_size, const char *type,
    const char *field)
{
	const struct place *p =
	    type != NULL && type[0] != '.' ? find(type, field) : NULL;

	if (p == NULL || out_offset == NULL || out_size == NULL)
		return FERRY_EINVAL;
	*out_offset = p->offset;
	*out_size = p->size;
	return FERRY_OK;
}
