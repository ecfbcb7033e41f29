/*
 * tests/codegen/scanned.h: what holds of any header that is scanned. There is a
 * model or there are errors; each error has a file and a line that there is,
 * and in a model everything that is named is there.
 */
#ifndef SCANNED_H
#define SCANNED_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ffi/codegen/scan.h"
#include "t.h"

/* "FILE:LINE: error: text", and the line is there. */
T__FN void
check_line(const char *path, size_t n_lines, const char *line)
{
	const char *colon = strstr(line, ": error: "), *number = colon;
	unsigned long n;
	char *end;

	if (colon == NULL)
		T_FAIL("no place: %s", line);
	while (number > line && number[-1] != ':')
		number--;
	n = strtoul(number, &end, 10);
	if (number <= line + 1 || end != colon || n == 0 || !colon[9])
		T_FAIL("no line: %s", line);
	if (strncmp(line, path, strlen(path)) == 0 && n > n_lines)
		T_FAIL("there are %zu lines: %s", n_lines, line);
}

/* --- Whether what a model names is in it ---------------------------------- */

T__FN json_t *
named(const json_t *list, const char *name)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *is = json_string_value(json_object_get(entry,
		    "name"));

		if (is != NULL && name != NULL && strcmp(is, name) == 0)
			return entry;
	}
	return NULL;
}

T__FN const char *
key(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

T__FN void
check_type(const json_t *model, const json_t *type)
{
	const char *kind = key(type, "kind"), *name = key(type, "name");

	if (kind == NULL)
		T_FAIL("a type without a kind");
	if (strcmp(kind, "record") == 0 && !named(json_object_get(model,
	    "records"), name) && !named(json_object_get(model, "variants"),
	    name))
		T_FAIL("no record %s", name);
	if (strcmp(kind, "enum") == 0 &&
	    !named(json_object_get(model, "enums"), name))
		T_FAIL("no enum %s", name);
	if (strcmp(kind, "handle") == 0 &&
	    !named(json_object_get(model, "objects"), key(type, "object")))
		T_FAIL("no object %s", key(type, "object"));
	if (json_object_get(type, "of"))
		check_type(model, json_object_get(type, "of"));
}

T__FN bool
has_c_name(const json_t *fields, const char *c_name)
{
	json_t *field;
	size_t i;

	json_array_foreach(fields, i, field)
		if (strcmp(key(field, "c_name"), c_name) == 0)
			return true;
	return false;
}

T__FN void
check_fields(const json_t *model, const json_t *fields)
{
	json_t *field;
	size_t i;

	json_array_foreach(fields, i, field) {
		const json_t *type = json_object_get(field, "type");
		const char *len = key(type, "len"), *has = key(type, "has");

		T_ASSERT(key(field, "name") && key(field, "c_name") &&
		    key(field, "at") && key(field, "role"));
		check_type(model, type);
		T_ASSERT(!len || has_c_name(fields, len));
		T_ASSERT(!has || has_c_name(fields, has));
		T_ASSERT(!key(field, "of") || named(fields, key(field, "of")));
	}
}

T__FN void
check_function(const json_t *model, const json_t *f)
{
	const json_t *objects = json_object_get(model, "objects"), *one;
	const char *object = key(f, "object"), *root = key(f, "root");
	size_t i;

	T_ASSERT(!object == !root && (!object || (named(objects, object) &&
	    named(objects, root))));
	T_ASSERT(key(f, "c_name") && key(f, "kind") && key(f, "hash"));
	T_EQ(strlen(key(f, "hash")), 16);
	check_fields(model, json_object_get(f, "in"));
	check_fields(model, json_object_get(f, "out"));
	json_array_foreach(json_object_get(f, "call"), i, one)
		if (key(one, "c_name"))
			T_ASSERT(has_c_name(json_object_get(f,
			    strcmp(key(one, "role"), "out") ? "in" : "out"),
			    key(one, "c_name")));
}

T__FN void
check_variant(const json_t *model, const json_t *variant)
{
	json_t *fields = json_array(), *one;
	size_t i;

	json_array_append(fields, json_object_get(variant, "tag"));
	json_array_extend(fields, json_object_get(variant, "lens"));
	json_array_foreach(json_object_get(variant, "cases"), i, one)
		if (json_object_get(one, "field"))
			json_array_append(fields, json_object_get(one,
			    "field"));
	check_fields(model, fields);
	json_decref(fields);
}

T__FN void
check_model(const json_t *model)
{
	json_t *entry;
	size_t i;

	T_EQ(json_integer_value(json_object_get(model, "ferry_model")), 1);
	T_ASSERT(key(json_object_get(model, "library"), "name") != NULL);
	json_array_foreach(json_object_get(model, "records"), i, entry)
		check_fields(model, json_object_get(entry, "fields"));
	json_array_foreach(json_object_get(model, "variants"), i, entry)
		check_variant(model, entry);
	json_array_foreach(json_object_get(model, "functions"), i, entry)
		check_function(model, entry);
	json_array_foreach(json_object_get(model, "objects"), i, entry)
		T_ASSERT(key(entry, "destructor") && json_array_size(
		    json_object_get(entry, "constructors")) > 0);
}

/* -------------------------------------------------------------------------- */

/* Scans the header of so many lines; whether there is a model. */
T__FN bool
scanned_check(const char *path, size_t n_lines)
{
	static const char *const args[] = { "-Iinclude" };
	struct scan_options o = { path, NULL, args, 1 };
	struct scan_report report;
	json_t *model = scan_header(&o, &report);
	bool good = model != NULL;

	T_ASSERT(!report.no_memory);
	for (size_t i = 0; i < report.n_lines; i++)
		check_line(path, n_lines, report.lines[i]);
	if (good) {
		T_EQ(report.n_lines, 0);
		check_model(model);
	} else {
		T_NE(report.n_lines, 0);
	}
	json_decref(model);
	scan_report_free(&report);
	return good;
}

#endif
