/*
 * A model for people. Of no language: "name: type = default", [type] an array,
 * {key: value} a map, type? what may be absent.
 */
#include "ffi/tool/tool.h"

#include <string.h>

enum { WIDTH = 78 };

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "";
}

static int
is(const json_t *object, const char *key, const char *value)
{
	return strcmp(text(object, key), value) == 0;
}

/* Paragraphs, filled. */
static void
print_doc(FILE *out, const json_t *of, int indent)
{
	const char *doc = text(of, "doc");
	int column = 0;

	while (*doc != '\0') {
		size_t blanks = strspn(doc, " \t\n"), n;
		int lines = 0;

		for (size_t i = 0; i < blanks; i++)
			lines += doc[i] == '\n';
		doc += blanks;
		n = strcspn(doc, " \t\n");
		if (n == 0)
			break;
		if (lines > 1 && column > 0)
			fputs("\n", out);
		if (column > 0 &&
		    (lines > 1 || column + 1 + (int)n > WIDTH)) {
			fputs("\n", out);
			column = 0;
		}
		column += column == 0 ? fprintf(out, "%*s", indent, "") :
		    fprintf(out, " ");
		column += fprintf(out, "%.*s", (int)n, doc);
		doc += n;
	}
	if (column > 0)
		fputs("\n", out);
}

/* --- Types ---------------------------------------------------------------- */

static void
print_type(FILE *out, const json_t *type);

static void
print_array(FILE *out, const json_t *type)
{
	const json_t *count = json_object_get(type, "count");

	fputs("[", out);
	print_type(out, json_object_get(type, "of"));
	if (count != NULL)
		fprintf(out, "; %lld", (long long)json_integer_value(count));
	fputs("]", out);
}

static void
print_map(FILE *out, const json_t *type)
{
	fputs("{", out);
	print_type(out, json_object_get(type, "key"));
	fputs(": ", out);
	print_type(out, json_object_get(type, "value"));
	fputs("}", out);
}

/* What has a word of its own, perhaps with a size. */
static void
print_word(FILE *out, const json_t *type)
{
	const json_t *count = json_object_get(type, "count");

	fputs(text(type, "kind"), out);
	if (count != NULL)
		fprintf(out, "[%lld]", (long long)json_integer_value(count));
}

static void
print_type(FILE *out, const json_t *type)
{
	long long bits = json_integer_value(json_object_get(type, "bits"));

	if (is(type, "kind", "int"))
		fprintf(out, "%sint%lld", json_is_true(json_object_get(type,
		    "signed")) ? "" : "u", bits);
	else if (is(type, "kind", "float"))
		fprintf(out, "float%lld", bits);
	else if (is(type, "kind", "enum") || is(type, "kind", "record"))
		fputs(text(type, "name"), out);
	else if (is(type, "kind", "handle"))
		fputs(text(type, "object"), out);
	else if (is(type, "kind", "pointer") || is(type, "kind", "optional"))
		print_type(out, json_object_get(type, "of"));
	else if (is(type, "kind", "array"))
		print_array(out, type);
	else if (is(type, "kind", "map"))
		print_map(out, type);
	else
		print_word(out, type);
	if (is(type, "kind", "optional") ||
	    json_is_true(json_object_get(type, "nullable")))
		fputs("?", out);
}

/* Text is in quotes, and what is in it escaped, as in JSON. */
static void
print_value(FILE *out, const json_t *of, int is_text)
{
	const json_t *value = json_object_get(of, "value");

	if (!is_text || !json_is_string(value) ||
	    json_dumpf(value, out, JSON_ENCODE_ANY) != 0)
		fputs(text(of, "value"), out);
}

static void
print_default(FILE *out, const json_t *value)
{
	if (value == NULL)
		return;
	fputs(" = ", out);
	if (is(value, "kind", "none"))
		fputs("none", out);
	else
		print_value(out, value, is(value, "kind", "string"));
}

static void
print_field(FILE *out, const json_t *field)
{
	fprintf(out, "%s: ", text(field, "name"));
	print_type(out, json_object_get(field, "type"));
	print_default(out, json_object_get(field, "default"));
}

/* Those that a caller sees; how many there are. */
static int
print_fields(FILE *out, const json_t *fields)
{
	const json_t *field;
	size_t i;
	int n = 0;

	json_array_foreach(fields, i, field) {
		if (!is(field, "role", "value"))
			continue;
		if (n++ > 0)
			fputs(", ", out);
		print_field(out, field);
	}
	return n;
}

/* --- Functions ------------------------------------------------------------ */

static void
print_results(FILE *out, const json_t *fields)
{
	const json_t *field, *only = NULL;
	size_t i;
	int n = 0;

	json_array_foreach(fields, i, field)
		if (is(field, "role", "value")) {
			only = field;
			n++;
		}
	if (n == 0)
		return;
	fputs(" -> ", out);
	if (n == 1) {
		print_type(out, json_object_get(only, "type"));
		return;
	}
	fputs("(", out);
	print_fields(out, fields);
	fputs(")", out);
}

/* What an event says is its results. */
static void
print_function(FILE *out, const json_t *function)
{
	int is_event = is(function, "kind", "event");

	fprintf(out, "  %s %s(", text(function, "kind"),
	    text(function, "name"));
	print_fields(out, json_object_get(function, is_event ? "out" : "in"));
	fputs(")", out);
	if (!is_event)
		print_results(out, json_object_get(function, "out"));
	fputs("\n", out);
	print_doc(out, function, 6);
}

static void
print_functions(FILE *out, const json_t *model, const char *object)
{
	const json_t *function;
	size_t i;

	json_array_foreach(json_object_get(model, "functions"), i, function)
		if (is(function, "object", object))
			print_function(out, function);
}

static void
print_object(FILE *out, const json_t *model, const json_t *object)
{
	fprintf(out, "\nobject %s", text(object, "name"));
	if (json_object_get(object, "parent") != NULL)
		fprintf(out, ", of a %s", text(object, "parent"));
	fputs("\n", out);
	print_doc(out, object, 4);
	print_functions(out, model, text(object, "name"));
}

/* --- Types that have names ------------------------------------------------ */

static void
print_enum(FILE *out, const json_t *entry)
{
	const json_t *value;
	size_t i;

	fprintf(out, "\n%s %s\n", text(entry, "kind"), text(entry, "name"));
	print_doc(out, entry, 4);
	json_array_foreach(json_object_get(entry, "values"), i, value) {
		fprintf(out, "  %s = %s\n", text(value, "name"),
		    text(value, "value"));
		print_doc(out, value, 6);
	}
}

static void
print_record(FILE *out, const json_t *record)
{
	const json_t *field;
	size_t i;

	fprintf(out, "\nrecord %s\n", text(record, "name"));
	print_doc(out, record, 4);
	json_array_foreach(json_object_get(record, "fields"), i, field) {
		if (!is(field, "role", "value"))
			continue;
		fputs("  ", out);
		print_field(out, field);
		fputs("\n", out);
		print_doc(out, field, 6);
	}
}

static void
print_variant(FILE *out, const json_t *variant)
{
	const json_t *of, *field;
	size_t i;

	fprintf(out, "\nvariant %s\n", text(variant, "name"));
	print_doc(out, variant, 4);
	json_array_foreach(json_object_get(variant, "cases"), i, of) {
		field = json_object_get(of, "field");
		fprintf(out, "  %s", text(of, "name"));
		if (field != NULL) {
			fputs(": ", out);
			print_type(out, json_object_get(field, "type"));
		}
		fputs("\n", out);
		print_doc(out, field, 6);
	}
}

static void
print_constants(FILE *out, const json_t *constants)
{
	const json_t *constant;
	size_t i;

	if (json_array_size(constants) > 0)
		fputs("\nconstants\n", out);
	json_array_foreach(constants, i, constant) {
		fprintf(out, "  %s = ", text(constant, "name"));
		print_value(out, constant, is(constant, "type", "string"));
		fputs("\n", out);
		print_doc(out, constant, 6);
	}
}

static void
print_library(FILE *out, const json_t *library)
{
	fprintf(out, "%s %s (%s), %s\n", text(library, "name"),
	    text(library, "version"), text(library, "header"),
	    is(library, "instances", "independent") ?
	    "each root object on a thread of its own" :
	    "all objects on one thread");
	print_doc(out, library, 4);
}

void
describe_print(const json_t *model, FILE *out)
{
	const json_t *entry;
	size_t i;

	print_library(out, json_object_get(model, "library"));
	json_array_foreach(json_object_get(model, "objects"), i, entry)
		print_object(out, model, entry);
	json_array_foreach(json_object_get(model, "functions"), i, entry)
		if (json_object_get(entry, "object") == NULL) {
			fputs("\nfunctions\n", out);
			print_functions(out, model, "");
			break;
		}
	json_array_foreach(json_object_get(model, "records"), i, entry)
		print_record(out, entry);
	json_array_foreach(json_object_get(model, "variants"), i, entry)
		print_variant(out, entry);
	json_array_foreach(json_object_get(model, "enums"), i, entry)
		print_enum(out, entry);
	print_constants(out, json_object_get(model, "constants"));
}
