/*
 * Hashes of the model: 64-bit FNV-1a of the object's compact text, without
 * what only people read, what only the shim needs to know, and what a package
 * finds in the library when it is loaded. So a function that is put among
 * others, or may take longer, does not turn packages away.
 */
#include "ffi/codegen/scan_unit.h"

#include <inttypes.h>
#include <stdlib.h>

static void
strip(json_t *json)
{
	static const char *const without[] = { "doc", "at", "hash", "id",
	    "levels", "cancel", "remains", "transfer", "call", "c_params" };
	const char *key;
	json_t *value;
	size_t i;

	for (i = 0; i < sizeof without / sizeof *without; i++)
		json_object_del(json, without[i]);
	/* Who contains a record. The fields of a function are lists. */
	if (json_is_boolean(json_object_get(json, "in")))
		json_object_del(json, "in");
	if (json_is_boolean(json_object_get(json, "out")))
		json_object_del(json, "out");
	json_object_foreach(json, key, value)
		strip(value);
	json_array_foreach(json, i, value)
		strip(value);
}

void
model_hash(struct unit *u, json_t *object)
{
	json_t *copy = scan_new(u, json_deep_copy(object));
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	char *text;

	strip(copy);
	text = json_dumps(copy, JSON_COMPACT);
	json_decref(copy);
	if (!text) {
		u->report->no_memory = true;
		return;
	}
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	free(text);
	scan_put_text(u, object, "hash", scan_text(u, "%016" PRIx64, hash));
}
