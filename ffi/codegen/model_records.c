/*
 * Records and variants: each after those it contains, and whether arguments
 * or results contain it.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

struct decl *
model_find(struct unit *u, const char *name, bool object)
{
	for (size_t i = 0; name && i < u->n_decls; i++) {
		struct decl *decl = &u->decls[i];

		if ((object ? decl->what == WORD_OBJECT :
		    decl->what == WORD_RECORD || decl->what == WORD_VARIANT) &&
		    strcmp(decl->name, name) == 0)
			return decl;
	}
	return NULL;
}

/* Calls it for each record that a type contains. */
typedef void each_fn(struct unit *u, struct decl *record, void *user);

static void
each_in_type(struct unit *u, json_t *type, each_fn *each, void *user)
{
	const char *kind = json_string_value(json_object_get(type, "kind"));
	struct decl *record = NULL;

	if (kind && (!strcmp(kind, "record") || !strcmp(kind, "map")))
		record = model_find(u, json_string_value(json_object_get(type,
		    "name")), false);
	if (record)
		each(u, record, user);
	if (json_object_get(type, "of"))
		each_in_type(u, json_object_get(type, "of"), each, user);
}

static void
each_in_fields(struct unit *u, json_t *fields, each_fn *each, void *user)
{
	json_t *field;
	size_t i;

	json_array_foreach(fields, i, field)
		each_in_type(u, json_object_get(field, "type"), each, user);
}

static void
each_in_record(struct unit *u, struct decl *record, each_fn *each, void *user)
{
	json_t *one;
	size_t i;

	each_in_fields(u, json_object_get(record->entry, "fields"), each,
	    user);
	json_array_foreach(json_object_get(record->entry, "cases"), i, one)
		each_in_type(u, json_object_get(json_object_get(one, "field"),
		    "type"), each, user);
}

static void
set_takes(struct unit *u, struct decl *record, void *user)
{
	if (record->takes)
		return;
	record->takes = true;
	each_in_record(u, record, set_takes, user);
}

static void
set_gives(struct unit *u, struct decl *record, void *user)
{
	if (record->gives)
		return;
	record->gives = true;
	each_in_record(u, record, set_gives, user);
}

struct lists {
	json_t *records, *variants;
	struct decl *outer;
};

static void
place(struct unit *u, struct decl *record, void *user)
{
	struct lists *lists = user;
	struct decl *outer = lists->outer;

	if (record->visit == 1)
		scan_error(u, record->at, "%s contains itself, by way of %s; "
		    "make it an object, or give an array whose elements name "
		    "each other by number", record->c_name, outer->c_name);
	if (record->visit)
		return;
	record->visit = 1;
	lists->outer = record;
	each_in_record(u, record, place, lists);
	lists->outer = outer;
	record->visit = 2;
	scan_put(u, record->entry, "in", json_boolean(record->takes));
	scan_put(u, record->entry, "out", json_boolean(record->gives));
	scan_append(u, record->what == WORD_RECORD ? lists->records :
	    lists->variants, json_incref(record->entry));
}

void
model_records(struct unit *u, json_t *records, json_t *variants)
{
	struct lists lists = { records, variants, NULL };

	for (size_t i = 0; i < u->n_decls; i++) {
		each_in_fields(u, u->decls[i].in, set_takes, NULL);
		each_in_fields(u, u->decls[i].out, set_gives, NULL);
	}
	for (size_t i = 0; i < u->n_decls; i++)
		if (u->decls[i].what == WORD_RECORD ||
		    u->decls[i].what == WORD_VARIANT)
			place(u, &u->decls[i], &lists);
}
