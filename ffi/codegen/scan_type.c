/*
 * The model's types, of those of C and the marks beside them.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

/* Whether one of those words is in the list. */
static bool
one_of(const char *words, const char *list)
{
	while (*words) {
		size_t n = strcspn(words, " ");

		for (const char *at = list; *at; at += strcspn(at, " ")) {
			at += strspn(at, " ");
			if (strcspn(at, " ") == n && !memcmp(at, words, n))
				return true;
		}
		words += n + (words[n] == ' ');
	}
	return false;
}

static bool
is_byte(CXType type)
{
	enum CXTypeKind kind = scan_bare(type).kind;

	return kind == CXType_UChar || kind == CXType_Void;
}

static bool
is_float(CXType type)
{
	enum CXTypeKind kind = scan_bare(type).kind;

	return kind == CXType_Float || kind == CXType_Double;
}

static json_t *
new_type(struct unit *u, const char *kind, const char *c_type)
{
	json_t *json = scan_new(u, json_object());

	scan_put_text(u, json, "kind", kind);
	scan_put_text(u, json, "c_type", c_type);
	return json;
}

static void
put_bits(struct unit *u, json_t *json, CXType type)
{
	CXType bare = clang_getCanonicalType(type);

	scan_put(u, json, "bits", json_integer(8 * clang_Type_getSizeOf(
	    bare)));
}

static bool
is_signed(CXType type)
{
	switch (scan_bare(type).kind) {
	case CXType_Char_S: case CXType_SChar: case CXType_Short:
	case CXType_Int: case CXType_Long: case CXType_LongLong:
		return true;
	default:
		return false;
	}
}

static json_t *
number_type(struct unit *u, const struct item *item, CXType type)
{
	const char *time = item->marks.value[WORD_TIME];
	const char *duration = item->marks.value[WORD_DURATION];
	bool real = is_float(type);
	json_t *json = new_type(u, time ? "time" : duration ? "duration" :
	    real ? "float" : "int", scan_type_text(u, type));

	put_bits(u, json, type);
	if (!real)
		scan_put(u, json, "signed", json_boolean(is_signed(type)));
	else if (time || duration)
		scan_put(u, json, "float", json_true());
	scan_put_text(u, json, "unit", time ? time : duration);
	return json;
}

static json_t *
named_type(struct unit *u, const char *kind, struct decl *decl, CXType type)
{
	json_t *json = new_type(u, kind, scan_type_text(u, type));

	scan_put_text(u, json, "name", decl->name);
	return json;
}

static json_t *
enum_type(struct unit *u, struct decl *decl, CXType type)
{
	json_t *json = named_type(u, "enum", decl, type);

	put_bits(u, json, type);
	scan_put(u, json, "signed", json_boolean(is_signed(
	    clang_getEnumDeclIntegerType(decl->tag))));
	return json;
}

static json_t *
refuse(struct unit *u, const struct item *item, const char *what)
{
	scan_error(u, item->at, "%s: %s", item->c_name, what);
	return NULL;
}

/* An integer in C, an enum by its mark. */
static json_t *
marked_type(struct unit *u, const struct item *item, CXType type)
{
	json_t *json = new_type(u, "enum", scan_type_text(u, type));
	struct decl *decl;

	scan_put_text(u, json, "name", ""); /* its place */
	put_bits(u, json, type);
	scan_put(u, json, "signed", json_boolean(is_signed(type)));
	decl = scan_enum_of(u, item, json);
	if (decl) {
		scan_put_text(u, json, "name", decl->name);
		return json;
	}
	json_decref(json);
	return NULL;
}

static json_t *
refuse_tag(struct unit *u, const struct item *item, CXType type)
{
	CXCursor tag = clang_getTypeDeclaration(scan_bare(type));
	enum CXCursorKind kind = clang_getCursorKind(tag);
	const char *text = scan_type_text(u, type);

	if (strstr(text, "(unnamed") || strstr(text, "(anonymous"))
		text = "its type";
	if (kind == CXCursor_UnionDecl)
		scan_error(u, item->at, "%s: a union without a tag cannot be "
		    "offered; put it into a struct with FERRY(variant)",
		    item->c_name);
	else
		scan_error(u, item->at, "%s: %s is not marked; put FERRY(%s) "
		    "after the name of its typedef", item->c_name, text,
		    kind == CXCursor_EnumDecl ? "enum" : "record");
	return NULL;
}

static const char *
odd_type(CXType type)
{
	switch (scan_bare(type).kind) {
	case CXType_LongDouble:
		return "long double is in few languages; use double";
	case CXType_Int128: case CXType_UInt128:
		return "a number of 128 bits is in few languages; use two of "
		    "64, or text";
	case CXType_FunctionProto: case CXType_FunctionNoProto:
		return "a function pointer cannot be offered; declare "
		    "a function with FERRY(event)";
	case CXType_Void:
		return "void * is bytes of an unknown length; say which, with "
		    "FERRY(len = NAME), or mark an object";
	case CXType_ConstantArray: case CXType_IncompleteArray:
	case CXType_VariableArray:
		return "an array of arrays cannot be offered; use an array of "
		    "records";
	case CXType_Complex:
		return "a complex number is in few languages; use a record of "
		    "two";
	default:
		return "this type of C cannot be offered; use numbers, text, "
		    "enums, records and objects";
	}
}

/* What stands by value: number, bool, enum, record, variant. */
static json_t *
value_type(struct unit *u, const struct item *item, CXType type)
{
	enum CXTypeKind kind = scan_bare(type).kind;
	struct decl *decl;

	if (scan_is_integer(type) && item->marks.value[WORD_ENUM_OF])
		return marked_type(u, item, type);
	if (scan_is_integer(type) || is_float(type))
		return number_type(u, item, type);
	if (kind == CXType_Bool)
		return new_type(u, "bool", scan_type_text(u, type));
	if (kind != CXType_Enum && kind != CXType_Record)
		return refuse(u, item, odd_type(type));
	decl = scan_find_type(u, type);
	if (!decl)
		return refuse_tag(u, item, type);
	if (decl->what == WORD_OBJECT)
		return refuse(u, item, "an object is not a value; use a "
		    "pointer to it");
	if (decl->what == WORD_CONSTANTS)
		return refuse(u, item, "FERRY(constants) are no type; mark "
		    "the enum with FERRY(enum) or FERRY(flags)");
	if (kind == CXType_Enum && item->marks.value[WORD_ENUM_OF])
		return refuse(u, item, "its type says of which enum it is; "
		    "take the mark \"enum\" off");
	return kind == CXType_Enum ? enum_type(u, decl, type) :
	    named_type(u, "record", decl, type);
}

static bool
is_record(struct unit *u, CXType type)
{
	struct decl *decl = scan_find_type(u, type);

	return decl && (decl->what == WORD_RECORD ||
	    decl->what == WORD_VARIANT);
}

json_t *
scan_element(struct unit *u, const struct item *item, CXType type)
{
	if (scan_is_pointer(type) && scan_is_character(scan_pointee(type)))
		return new_type(u, "string", scan_type_text(u, type));
	if (scan_find_object(u, type))
		return refuse(u, item, "an array of objects cannot be "
		    "offered; give and take them one by one");
	if (scan_is_pointer(type))
		return refuse(u, item, "an array of pointers, but for text, "
		    "cannot be offered; use an array of records");
	return value_type(u, item, type);
}

static void
put_counted(struct unit *u, json_t *json, const struct item *item)
{
	if (item->marks.value[WORD_NULLABLE])
		scan_put(u, json, "nullable", json_true());
	scan_put_text(u, json, "len", item->marks.value[WORD_LEN]);
}

/* Of the record's nth field; NULL when there is none. */
static json_t *
field_type(struct decl *record, size_t n)
{
	return json_object_get(json_array_get(json_object_get(record->entry,
	    "fields"), n), "type");
}

static json_t *
map_type(struct unit *u, const struct item *item, CXType pointee)
{
	struct decl *decl = scan_find_type(u, pointee);
	json_t *json, *key, *value;
	const char *kind;

	if (!decl || decl->what != WORD_RECORD)
		return refuse(u, item, "a map is an array of records with "
		    "two fields; mark the record");
	scan_record(u, decl);
	key = field_type(decl, 0);
	value = field_type(decl, 1);
	if (!key || !value || field_type(decl, 2))
		return refuse(u, item, "a map is an array of records with "
		    "two fields, which count and switch nothing; use an array");
	kind = json_string_value(json_object_get(key, "kind"));
	if (kind && one_of(kind, "string") && json_object_get(key, "count"))
		return refuse(u, item, "the key of a map is no text of a fixed "
		    "length; use const char *, or an array");
	if (!kind || !one_of(kind, "int bool enum string") ||
	    json_object_get(key, "nullable"))
		return refuse(u, item, "the key of a map is a number without "
		    "fractions, bool, enum or text that is not NULL; use an "
		    "array");
	json = named_type(u, "map", decl, item->type);
	scan_put(u, json, "key", json_deep_copy(key));
	scan_put(u, json, "value", json_deep_copy(value));
	put_counted(u, json, item);
	return json;
}

static json_t *
counted_type(struct unit *u, const struct item *item, CXType pointee)
{
	const struct marks *marks = &item->marks;
	bool character = scan_is_character(pointee);
	const char *c_type = scan_type_text(u, item->type);
	json_t *json, *of;

	if (marks->value[WORD_MAP])
		return map_type(u, item, pointee);
	if (is_byte(pointee) || marks->value[WORD_BYTES] || character) {
		json = new_type(u, character && !marks->value[WORD_BYTES] ?
		    "string" : "bytes", c_type);
	} else {
		of = scan_element(u, item, pointee);
		if (!of)
			return NULL;
		json = new_type(u, "array", c_type);
		scan_put(u, json, "of", of);
	}
	put_counted(u, json, item);
	return json;
}

static const char no_length[] = "how long the array is, or whether it is one, "
    "is not said; mark it with FERRY(len = NAME), or FERRY(nullable) if it "
    "points to one value or none";

/* A pointer to one thing. */
static json_t *
single_type(struct unit *u, const struct item *item, CXType pointee)
{
	bool nullable = item->marks.value[WORD_NULLABLE];
	json_t *of, *json;

	if (is_byte(pointee))
		return refuse(u, item, "bytes of an unknown length; say which, "
		    "with FERRY(len = NAME)");
	if (scan_is_pointer(pointee))
		return refuse(u, item, no_length);
	of = value_type(u, item, pointee);
	if (!of)
		return NULL;
	if (!nullable && !is_record(u, pointee)) {
		json_decref(of);
		return refuse(u, item, no_length);
	}
	json = new_type(u, nullable ? "optional" : "pointer",
	    scan_type_text(u, item->type));
	if (nullable)
		scan_put_text(u, json, "by", "pointer");
	scan_put(u, json, "of", of);
	return json;
}

static json_t *
handle_type(struct unit *u, const struct item *item, struct decl *object)
{
	json_t *json;

	if (item->way == WAY_FIELD || item->way == WAY_EVENT)
		return refuse(u, item, "an object is in no record and no "
		    "event; give it as a parameter or result");
	json = scan_new(u, json_object());
	scan_put_text(u, json, "kind", "handle");
	scan_put_text(u, json, "object", object->name);
	return json;
}

static json_t *
pointer_type(struct unit *u, const struct item *item)
{
	CXType pointee = scan_pointee(item->type);
	enum CXTypeKind kind = scan_bare(pointee).kind;
	json_t *json;

	if (kind == CXType_FunctionProto || kind == CXType_FunctionNoProto)
		return refuse(u, item, odd_type(pointee));
	if (item->marks.value[WORD_LEN])
		return counted_type(u, item, pointee);
	if (item->marks.value[WORD_BYTES])
		return refuse(u, item, "bytes of an unknown length; say which, "
		    "with FERRY(len = NAME)");
	if (!scan_is_character(pointee))
		return single_type(u, item, pointee);
	json = new_type(u, "string", scan_type_text(u, item->type));
	put_counted(u, json, item);
	return json;
}

static json_t *
fixed_type(struct unit *u, const struct item *item)
{
	CXType bare = scan_bare(item->type);
	CXType element = clang_getArrayElementType(bare);
	long long count = clang_getArraySize(bare);
	bool bytes = item->marks.value[WORD_BYTES] || is_byte(element);
	json_t *json, *of = NULL;

	if (count <= 0)
		return refuse(u, item, "an array of no elements cannot be "
		    "offered; use a pointer and FERRY(len = NAME)");
	if (!bytes && !scan_is_character(element)) {
		of = scan_is_pointer(element) ? refuse(u, item, "an array of "
		    "pointers cannot be offered; use a pointer and "
		    "FERRY(len = NAME)") : value_type(u, item, element);
		if (!of)
			return NULL;
	}
	json = new_type(u, of ? "array" : bytes ? "bytes" : "string", NULL);
	scan_put(u, json, "of", of);
	scan_put(u, json, "count", json_integer(count));
	return json;
}

/* --- Which marks a type may have ------------------------------------------ */

static const struct {
	enum word word;
	const char *kinds;  /* of the model, between spaces */
	const char *what;
} needs[] = {
	{ WORD_LEN, " string bytes array map ", "a pointer to several" },
	{ WORD_BYTES, " bytes ", "characters" },
	{ WORD_NULLABLE, " string bytes array map optional ", "a pointer" },
	{ WORD_MAP, " map ", "an array of records" },
	{ WORD_TIME, " time ", "a number" },
	{ WORD_DURATION, " duration ", "a number" },
	{ WORD_ENUM_OF, " enum ", "a number without fractions" },
	{ WORD_TRANSFER, " string bytes array map optional pointer record ",
	    "a pointer, or a record" },
};

/* What looks like a pointer in C. */
static const char *
never_null(const struct item *item, const char *kind)
{
	if (strcmp(kind, "handle") == 0)
		return item->way == WAY_IN ? "an object that is given is "
		    "never NULL; take the mark \"nullable\" off" :
		    "an object that is NULL is a failure; take the mark "
		    "\"nullable\" off";
	return item->pointer ? "what it points to is a result, which is "
	    "always there; write const if it is an argument, or take the "
	    "mark \"nullable\" off" : NULL;
}

static bool
marks_fit(struct unit *u, const struct item *item, json_t *type)
{
	const char *kind = json_string_value(json_object_get(type, "kind"));
	const char *of = json_string_value(json_object_get(
	    json_object_get(type, "of"), "kind"));
	bool fixed = json_object_get(type, "count");

	if (kind && of && !strcmp(kind, "optional") && !strstr("record", of))
		kind = scan_text(u, "optional %s", of);
	for (size_t i = 0; kind && i < sizeof needs / sizeof *needs; i++) {
		enum word word = needs[i].word;
		const char *other;

		if (!item->marks.value[word] || (one_of(kind, needs[i].kinds) &&
		    !(fixed && word != WORD_BYTES)))
			continue;
		other = word == WORD_NULLABLE ? never_null(item, kind) : NULL;
		if (other) {
			refuse(u, item, other);
			return false;
		}
		scan_error(u, item->at, "%s: \"%s\" is for %s; take the mark "
		    "off", item->c_name, scan_word_text(word), needs[i].what);
		return false;
	}
	return true;
}

static json_t *
plain_type(struct unit *u, const struct item *item)
{
	struct decl *object = scan_find_object(u, item->type);

	if (object)
		return handle_type(u, item, object);
	if (scan_bare(item->type).kind == CXType_ConstantArray)
		return fixed_type(u, item);
	if (scan_bare(item->type).kind == CXType_VariableArray)
		return refuse(u, item, "an array whose length is a parameter; "
		    "write a pointer and FERRY(len = NAME)");
	if (scan_bare(item->type).kind == CXType_IncompleteArray &&
	    item->way == WAY_FIELD)
		return refuse(u, item, "an array of unknown length; use a "
		    "pointer and FERRY(len = NAME)");
	return scan_is_pointer(item->type) ? pointer_type(u, item) :
	    value_type(u, item, item->type);
}

/* A value that a bool switches on. */
static json_t *
switched_type(struct unit *u, const struct item *item, json_t *of)
{
	const char *kind = json_string_value(json_object_get(of, "kind"));
	json_t *json;

	if (kind && !one_of(kind, "int bool float enum time duration "
	    "record")) {
		json_decref(of);
		return refuse(u, item, "optional is for numbers, enums and "
		    "records; what a pointer points to is FERRY(nullable)");
	}
	json = new_type(u, "optional", NULL);
	scan_put_text(u, json, "by", "has");
	scan_put_text(u, json, "has", item->marks.value[WORD_OPTIONAL]);
	scan_put(u, json, "of", of);
	return json;
}

json_t *
scan_type(struct unit *u, const struct item *item)
{
	json_t *type;

	if (item->marks.value[WORD_TIME] && item->marks.value[WORD_DURATION])
		return refuse(u, item, "it is a time or a duration; leave one "
		    "of the marks");
	type = plain_type(u, item);
	if (type && !marks_fit(u, item, type)) {
		json_decref(type);
		return NULL;
	}
	return type && item->marks.value[WORD_OPTIONAL] ?
	    switched_type(u, item, type) : type;
}
