/*
 * Values: what is given in place of what a caller does not say.
 */
#include "ffi/codegen/scan_unit.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *
new_default(struct unit *u, const char *kind, const char *value)
{
	json_t *json = scan_new(u, json_object());

	scan_put_text(u, json, "kind", kind);
	scan_put_text(u, json, "value", value);
	return json;
}

static json_t *
refuse(struct unit *u, const struct item *item, const char *what)
{
	scan_error(u, item->at, "%s: default = %s: %s", item->c_name,
	    item->marks.value[WORD_DEFAULT], what);
	return NULL;
}

/* What follows a backslash, of which *text is the first; -1: not one that we
 * know. Leaves *text at its last character. */
static int
escaped(const char **text)
{
	static const char from[] = "ntrabfv\\\"'?";
	static const char to[] = "\n\t\r\a\b\f\v\\\"'?";
	const char *at = **text ? strchr(from, **text) : NULL;
	int c = 0;

	if (at)
		return to[at - from];
	if (**text < '0' || **text > '7')
		return -1;
	for (int i = 0; i < 3 && **text >= '0' && **text <= '7'; i++)
		c = 8 * c + *(*text)++ - '0';
	--*text;
	return c & 0xff;
}

const char *
scan_unquote(struct unit *u, const char *text)
{
	size_t n = strlen(text), at = 0;
	const char *end = text + n - 1;
	char *plain = scan_keep(u, n + 1);

	for (text++; plain && text < end; text++) {
		int c = (unsigned char)*text;

		if (c == '\\') {
			text++;
			c = escaped(&text);
		}
		if (c <= 0)
			return NULL;
		plain[at++] = (char)c;
	}
	return plain;
}

/* The number that a mark writes: 10, -3, 0x1f, ','. */
static bool
read_int(struct unit *u, const char *text, bool *negative, uint64_t *value)
{
	char *end;

	if (*text == '\'') {
		const char *c = scan_unquote(u, text);

		*negative = false;
		*value = c ? (unsigned char)c[0] : 0;
		return c && c[0] && !c[1] && !(c[0] & 0x80);
	}
	*negative = *text == '-';
	text += *text == '-' || *text == '+';
	text += strspn(text, " ");
	errno = 0;
	*value = strtoull(text, &end, 0);
	end += strspn(end, "uUlL");
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* Whether a type of the model holds the number. */
static bool
holds(json_t *type, bool negative, uint64_t value)
{
	unsigned bits = (unsigned)json_integer_value(json_object_get(type,
	    "bits"));
	uint64_t limit = UINT64_MAX >> (64 - bits);

	if (json_is_true(json_object_get(type, "signed")))
		limit = (limit >> 1) + negative;
	else if (negative)
		limit = 0;
	return value <= limit;
}

static json_t *
int_default(struct unit *u, const struct item *item, json_t *type)
{
	const char *text = item->marks.value[WORD_DEFAULT];
	uint64_t value;
	bool negative;

	if (!read_int(u, text, &negative, &value))
		return refuse(u, item, "it is no number; write one");
	if (!holds(type, negative, value))
		return refuse(u, item, "it is out of range; write a number "
		    "that its type holds");
	return new_default(u, "int", scan_text(u, "%s%" PRIu64,
	    negative && value ? "-" : "", value));
}

const char *
scan_float_text(struct unit *u, double value)
{
	char text[40] = "";

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return scan_text(u, "%s", text);
}

static json_t *
float_default(struct unit *u, const struct item *item)
{
	const char *text = item->marks.value[WORD_DEFAULT];
	const char *digits = text + (*text == '-' || *text == '+');
	double value;
	char *end;

	digits += strspn(digits, " ");
	value = strtod(digits, &end);
	end += strspn(end, "fF");
	if (*end || end == digits || !isfinite(value) ||
	    !strchr("0123456789.", *digits))
		return refuse(u, item, "it is no number; write one");
	return new_default(u, "float", scan_float_text(u,
	    *text == '-' ? -value : value));
}

static json_t *
bool_default(struct unit *u, const struct item *item)
{
	const char *text = item->marks.value[WORD_DEFAULT];

	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return refuse(u, item, "write true or false");
	return new_default(u, "bool", text);
}

static json_t *
string_default(struct unit *u, const struct item *item, json_t *type)
{
	const char *text = item->marks.value[WORD_DEFAULT];
	json_int_t count = json_integer_value(json_object_get(type, "count"));
	json_t *json;

	if (*text != '"')
		return refuse(u, item, "write text in quotes");
	text = scan_unquote(u, text);
	if (!text)
		return refuse(u, item, "only the escapes of C that stand for "
		    "one character, such as \\n, are understood");
	if (count && strlen(text) >= (size_t)count)
		return refuse(u, item, "it is too long for its type");
	json = json_string(text);
	if (!json)
		return refuse(u, item, "it is not UTF-8; write UTF-8");
	json_decref(json);
	return new_default(u, "string", text);
}

const char *
scan_enum_value(const struct decl *decl, const char *c_name)
{
	size_t i;
	json_t *value;

	json_array_foreach(json_object_get(decl->entry, "values"), i, value) {
		const char *c = json_string_value(json_object_get(value,
		    "c_name"));

		if (c && strcmp(c, c_name) == 0)
			return json_string_value(json_object_get(value,
			    "name"));
	}
	return NULL;
}

/* NULL: none of that name. */
static struct decl *
named_enum(struct unit *u, const char *c_name)
{
	struct decl *found = NULL;

	for (int what = WORD_ENUM; what <= WORD_ERROR && !found; what++)
		found = scan_find_c_name(u, c_name, what);
	return found;
}

/* A value of the enum that the type does not hold, or NULL. */
static const char *
not_held(const struct decl *decl, json_t *type)
{
	json_t *value;
	size_t i;

	json_array_foreach(json_object_get(decl->entry, "values"), i, value) {
		const char *text = json_string_value(json_object_get(value,
		    "value"));
		bool negative = text && *text == '-';

		if (text && !holds(type, negative, strtoull(text + negative,
		    NULL, 10)))
			return json_string_value(json_object_get(value,
			    "c_name"));
	}
	return NULL;
}

struct decl *
scan_enum_of(struct unit *u, const struct item *item, json_t *type)
{
	const char *c_name = item->marks.value[WORD_ENUM_OF];
	struct decl *decl = named_enum(u, c_name);
	const char *odd = decl ? not_held(decl, type) : NULL;

	if (decl && !odd)
		return decl;
	if (odd)
		scan_error(u, item->at, "%s: enum = %s: its type does not hold "
		    "%s; take the mark off, or leave that value out",
		    item->c_name, c_name, odd);
	else
		scan_error(u, item->at, "%s: enum = %s: no enum of that name "
		    "is marked with FERRY(enum) or FERRY(flags); mark it",
		    item->c_name, c_name);
	return NULL;
}

static json_t *
enum_default(struct unit *u, const struct item *item)
{
	const char *marked = item->marks.value[WORD_ENUM_OF];
	struct decl *decl = marked ? named_enum(u, marked) :
	    scan_find_type(u, scan_is_pointer(item->type) ?
	    scan_pointee(item->type) : item->type);
	const char *name = decl ? scan_enum_value(decl,
	    item->marks.value[WORD_DEFAULT]) : NULL;

	if (!name)
		return refuse(u, item, "write one of the enum's values");
	return new_default(u, "enum", name);
}

static bool
may_be_absent(json_t *type)
{
	const char *kind = json_string_value(json_object_get(type, "kind"));

	return (kind && strcmp(kind, "optional") == 0) ||
	    json_object_get(type, "nullable");
}

static json_t *
marked_default(struct unit *u, const struct item *item, json_t *type)
{
	const char *kind = json_string_value(json_object_get(type, "kind"));

	if (!kind)
		return NULL;
	if (!strcmp(kind, "optional"))
		return marked_default(u, item, json_object_get(type, "of"));
	if (!strcmp(kind, "int") || ((!strcmp(kind, "time") ||
	    !strcmp(kind, "duration")) && !json_object_get(type, "float")))
		return int_default(u, item, type);
	if (!strcmp(kind, "float") || json_object_get(type, "float"))
		return float_default(u, item);
	if (!strcmp(kind, "bool"))
		return bool_default(u, item);
	if (!strcmp(kind, "string"))
		return string_default(u, item, type);
	if (!strcmp(kind, "enum"))
		return enum_default(u, item);
	return refuse(u, item, "only numbers, bools, text and enums have "
	    "defaults; take the mark off");
}

json_t *
scan_default(struct unit *u, const struct item *item, json_t *type)
{
	bool result = item->way == WAY_OUT || item->way == WAY_RESULT ||
	    item->way == WAY_EVENT;

	if (item->marks.value[WORD_DEFAULT])
		return result ? refuse(u, item, "results have no defaults; "
		    "take the mark off") : marked_default(u, item, type);
	if (result || !may_be_absent(type))
		return NULL;
	return new_default(u, "none", NULL);
}
