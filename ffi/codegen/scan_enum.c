/*
 * Enums and constants. Names of values are what is left when what they have
 * in common is taken off.
 */
#include "ffi/codegen/scan_unit.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct values {
	struct unit *u;
	struct decl *decl;
	json_t *list;
	const char *prefix;
	bool is_signed;
	const char **names;  /* without capitals */
	size_t n;
};

static enum CXChildVisitResult
count_value(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	if (clang_getCursorKind(cursor) == CXCursor_EnumConstantDecl)
		++*(size_t *)data;
	return CXChildVisit_Continue;
}

static enum CXChildVisitResult
name_value(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct values *v = data;

	(void)parent;
	if (clang_getCursorKind(cursor) == CXCursor_EnumConstantDecl)
		v->names[v->n++] = scan_name(v->u, scan_string(v->u,
		    clang_getCursorSpelling(cursor)), "");
	return CXChildVisit_Continue;
}

static bool
all_have(struct values *v, size_t length)
{
	for (size_t i = 0; i < v->n; i++)
		if (strncmp(v->names[i], v->names[0], length) != 0 ||
		    !isalpha((unsigned char)v->names[i][length]))
			return false;
	return true;
}

/* The longest beginning that ends with an underscore, which all have, and
 * which leaves a word of each. */
static const char *
common_prefix(struct values *v)
{
	const char *first = v->n ? v->names[0] : "";
	size_t best = 0;

	if (v->n < 2)
		return v->u->prefix;
	for (size_t i = 1; first[i]; i++)
		if (first[i - 1] == '_' && all_have(v, i))
			best = i;
	return scan_text(v->u, "%.*s", (int)best, first);
}

static const char *
value_text(struct values *v, CXCursor cursor)
{
	if (v->is_signed)
		return scan_text(v->u, "%lld",
		    clang_getEnumConstantDeclValue(cursor));
	return scan_text(v->u, "%llu",
	    clang_getEnumConstantDeclUnsignedValue(cursor));
}

static json_t *
new_value(struct values *v, CXCursor cursor, struct place at)
{
	const char *c_name = scan_string(v->u, clang_getCursorSpelling(
	    cursor));
	json_t *json = scan_new(v->u, json_object());
	struct marks marks = { .any = false };

	scan_marks(v->u, cursor, ON_VALUE, &marks);
	scan_put_text(v->u, json, "name", marks.value[WORD_NAME] ?
	    marks.value[WORD_NAME] : scan_name(v->u, c_name, v->prefix));
	scan_put_text(v->u, json, "c_name", c_name);
	scan_put(v->u, json, "at", scan_at(v->u, at));
	if (v->decl->what == WORD_CONSTANTS)
		scan_put_text(v->u, json, "type", "int");
	scan_put_text(v->u, json, "value", value_text(v, cursor));
	scan_put_text(v->u, json, "doc", scan_doc(v->u, cursor, at));
	return json;
}

static enum CXChildVisitResult
add_value(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct values *v = data;
	struct place at;

	(void)parent;
	if (clang_getCursorKind(cursor) != CXCursor_EnumConstantDecl)
		return CXChildVisit_Continue;
	at = scan_place(v->u, cursor);
	scan_append(v->u, v->list, new_value(v, cursor, at));
	if (v->decl->what == WORD_ERROR &&
	    (v->is_signed ? clang_getEnumConstantDeclValue(cursor) < 0 :
	    clang_getEnumConstantDeclUnsignedValue(cursor) > INT32_MAX))
		scan_error(v->u, at, "%s: codes of errors are 0, which is "
		    "success, or positive and at most 2147483647; use "
		    "FERRY(enum) and fails = negative", scan_string(v->u,
		    clang_getCursorSpelling(cursor)));
	return CXChildVisit_Continue;
}

/* Appends the values to the list. */
static bool
add_values(struct unit *u, struct decl *decl, json_t *list)
{
	CXType type = clang_getCanonicalType(clang_getEnumDeclIntegerType(
	    decl->tag));
	struct values v = { .u = u, .decl = decl, .list = list };
	size_t n = 0;

	clang_visitChildren(decl->tag, count_value, &n);
	if (!n) {
		scan_error(u, decl->at, "%s has no values here; include the "
		    "header that defines it", decl->c_name);
		return false;
	}
	v.names = scan_keep(u, n * sizeof *v.names);
	if (!v.names)
		return false;
	v.is_signed = type.kind == CXType_Int || type.kind == CXType_Long ||
	    type.kind == CXType_LongLong || type.kind == CXType_Short ||
	    type.kind == CXType_SChar || type.kind == CXType_Char_S;
	clang_visitChildren(decl->tag, name_value, &v);
	v.prefix = decl->marks.value[WORD_PREFIX];
	if (!v.prefix)
		v.prefix = decl->what == WORD_CONSTANTS ? u->prefix :
		    common_prefix(&v);
	clang_visitChildren(decl->tag, add_value, &v);
	return true;
}

static void
put_default(struct unit *u, struct decl *decl)
{
	const char *c_name = decl->marks.value[WORD_DEFAULT];
	const char *name;

	if (!c_name)
		return;
	name = scan_enum_value(decl, c_name);
	if (!name)
		scan_error(u, decl->at, "default = %s: write one of the "
		    "enum's values", c_name);
	scan_put_text(u, decl->entry, "default", name);
}

static void
make_enum(struct unit *u, struct decl *decl)
{
	CXType type = clang_getEnumDeclIntegerType(decl->tag);
	json_t *json = decl->entry = scan_new(u, json_object()), *values;

	scan_put_text(u, json, "name", decl->name);
	scan_put_text(u, json, "c_name", decl->c_name);
	scan_put(u, json, "at", scan_at(u, decl->at));
	scan_put_text(u, json, "kind", scan_word_text(decl->what));
	scan_put(u, json, "bits", json_integer(8 * clang_Type_getSizeOf(type)));
	type = clang_getCanonicalType(type);
	scan_put(u, json, "signed", json_boolean(type.kind == CXType_Int ||
	    type.kind == CXType_Long || type.kind == CXType_LongLong ||
	    type.kind == CXType_Short || type.kind == CXType_SChar ||
	    type.kind == CXType_Char_S));
	values = scan_new(u, json_array());
	if (add_values(u, decl, values))
		scan_put(u, json, "values", values);
	else
		json_decref(values);
	put_default(u, decl);
}

void
scan_enum(struct unit *u, struct decl *decl, json_t *constants)
{
	if (decl->what == WORD_CONSTANTS)
		add_values(u, decl, constants);
	else
		make_enum(u, decl);
}

/* --- FERRY(constant) ------------------------------------------------------ */

/* An array's value is the literal that it begins as. */
static enum CXChildVisitResult
find_literal(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	if (clang_getCursorKind(cursor) == CXCursor_StringLiteral)
		*(CXCursor *)data = cursor;
	return CXChildVisit_Recurse;
}

static json_t *
array_value(struct unit *u, struct decl *decl)
{
	CXCursor literal = clang_getNullCursor();
	const char *text;

	clang_visitChildren(decl->cursor, find_literal, &literal);
	if (clang_Cursor_isNull(literal))
		return NULL;
	text = scan_string(u, clang_getCursorSpelling(literal));
	text = *text == '"' ? scan_unquote(u, text) : NULL;
	return text ? json_string(text) : NULL;
}

static json_t *
constant_value(struct unit *u, struct decl *decl, const char **type)
{
	CXEvalResult value = clang_Cursor_Evaluate(decl->cursor);
	CXType c_type = clang_getCursorType(decl->cursor);
	json_t *json = NULL;

	switch (value ? clang_EvalResult_getKind(value) : CXEval_UnExposed) {
	case CXEval_Int:
		*type = "int";
		json = scan_json(u, clang_EvalResult_isUnsignedInt(value) ?
		    scan_text(u, "%llu",
		    clang_EvalResult_getAsUnsigned(value)) :
		    scan_text(u, "%lld", clang_EvalResult_getAsLongLong(
		    value)));
		break;
	case CXEval_Float:
		*type = "float";
		json = scan_json(u, scan_float_text(u,
		    clang_EvalResult_getAsDouble(value)));
		break;
	case CXEval_StrLiteral:
		*type = "string";
		json = json_string(clang_EvalResult_getAsStr(value));
		break;
	default:
		break;
	}
	if (json && scan_bare(c_type).kind == CXType_Pointer &&
	    strcmp(*type, "string") != 0) {
		json_decref(json);
		json = NULL;
	}
	if (value)
		clang_EvalResult_dispose(value);
	return json;
}

void
scan_constant(struct unit *u, struct decl *decl, json_t *constants)
{
	const char *type = NULL;
	json_t *value, *json;

	if (!clang_isConstQualifiedType(clang_getCursorType(decl->cursor)) &&
	    scan_bare(clang_getCursorType(decl->cursor)).kind !=
	    CXType_ConstantArray) {
		scan_error(u, decl->at, "%s is not const; write const",
		    decl->c_name);
		return;
	}
	value = constant_value(u, decl, &type);
	if (!value && (value = array_value(u, decl)))
		type = "string";
	if (!value) {
		scan_error(u, decl->at, "%s has no value that is a number or "
		    "text; write one, as in static const int %s = 1;",
		    decl->c_name, decl->c_name);
		return;
	}
	json = scan_new(u, json_object());
	scan_put_text(u, json, "name", decl->name);
	scan_put_text(u, json, "c_name", decl->c_name);
	scan_put(u, json, "at", scan_at(u, decl->at));
	scan_put_text(u, json, "type", type);
	scan_put(u, json, "value", value);
	scan_put_text(u, json, "doc", decl->doc);
	scan_append(u, constants, json);
}
