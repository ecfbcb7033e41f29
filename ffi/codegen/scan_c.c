/*
 * Types of C. A type is looked at through its typedefs; what is marked is found
 * at each step.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

static struct decl *
registered(struct unit *u, json_t *map, CXCursor cursor)
{
	const char *usr = scan_string(u, clang_getCursorUSR(
	    clang_getCanonicalCursor(cursor)));
	json_t *index = *usr ? json_object_get(map, usr) : NULL;

	return index ? &u->decls[json_integer_value(index)] : NULL;
}

/* What a typedef or a name with `struct` before it stands for. */
static bool
step(CXType *type)
{
	if (type->kind == CXType_Elaborated)
		*type = clang_Type_getNamedType(*type);
	else if (type->kind == CXType_Typedef)
		*type = clang_getTypedefDeclUnderlyingType(
		    clang_getTypeDeclaration(*type));
	else if (type->kind == CXType_Attributed)
		*type = clang_Type_getModifiedType(*type);
	else
		return false;
	return true;
}

static struct decl *
find(struct unit *u, json_t *map, CXType type)
{
	struct decl *decl = NULL;

	do {
		if (type.kind == CXType_Typedef || type.kind == CXType_Record ||
		    type.kind == CXType_Enum)
			decl = registered(u, map,
			    clang_getTypeDeclaration(type));
	} while (!decl && step(&type));
	return decl;
}

struct decl *
scan_find_type(struct unit *u, CXType type)
{
	return find(u, u->types, type);
}

struct decl *
scan_find_object(struct unit *u, CXType type)
{
	struct decl *decl = find(u, u->pointers, type);

	if (decl || !scan_is_pointer(type))
		return decl;
	decl = find(u, u->types, scan_pointee(type));
	return decl && decl->what == WORD_OBJECT ? decl : NULL;
}

struct decl *
scan_find_c_name(struct unit *u, const char *c_name, enum word what)
{
	for (size_t i = 0; i < u->n_decls; i++) {
		struct decl *decl = &u->decls[i];

		if (decl->what == what && (!strcmp(decl->c_name, c_name) ||
		    (!strncmp(decl->c_name, "enum ", 5) &&
		    !strcmp(decl->c_name + 5, c_name))))
			return decl;
	}
	return NULL;
}

CXType
scan_bare(CXType type)
{
	while (step(&type))
		;
	return type;
}

bool
scan_is_pointer(CXType type)
{
	type = scan_bare(type);
	return type.kind == CXType_Pointer ||
	    type.kind == CXType_IncompleteArray;
}

CXType
scan_pointee(CXType type)
{
	type = scan_bare(type);
	return type.kind == CXType_Pointer ? clang_getPointeeType(type) :
	    clang_getArrayElementType(type);
}

bool
scan_is_integer(CXType type)
{
	switch (scan_bare(type).kind) {
	case CXType_Char_U: case CXType_Char_S: case CXType_SChar:
	case CXType_UChar: case CXType_Short: case CXType_UShort:
	case CXType_Int: case CXType_UInt: case CXType_Long:
	case CXType_ULong: case CXType_LongLong: case CXType_ULongLong:
		return true;
	default:
		return false;
	}
}

bool
scan_is_character(CXType type)
{
	enum CXTypeKind kind = scan_bare(type).kind;

	return kind == CXType_Char_U || kind == CXType_Char_S;
}

bool
scan_is_call(CXType type)
{
	do {
		CXString text = clang_getTypeSpelling(type);
		const char *c = clang_getCString(text);
		bool is = c && !strcmp(c, "ferry_call");

		clang_disposeString(text);
		if (is)
			return true;
	} while (step(&type));
	return false;
}

/* Takes off a qualifier of the type's own: at its end, or its beginning. */
static const char *
without(struct unit *u, const char *text, const char *word)
{
	size_t n = strlen(text), k = strlen(word);

	if (n > k && !strcmp(text + n - k, word) &&
	    (text[n - k - 1] == '*' || text[n - k - 1] == ' '))
		return scan_text(u, "%.*s", (int)(n - k -
		    (text[n - k - 1] == ' ')), text);
	if (!strncmp(text, word, k) && text[k] == ' ' && !strchr(text, '*'))
		return text + k + 1;
	return text;
}

const char *
scan_type_text(struct unit *u, CXType type)
{
	const char *text = scan_string(u, clang_getTypeSpelling(type));
	const char *bool_;

	if (scan_bare(type).kind == CXType_IncompleteArray) {
		text = scan_type_text(u, scan_pointee(type));
		if (clang_isConstQualifiedType(scan_pointee(type)))
			text = scan_text(u, scan_is_pointer(scan_pointee(
			    type)) ? "%sconst" : "const %s", text);
		return scan_text(u, text[strlen(text) - 1] == '*' ? "%s*" :
		    "%s *", text);
	}
	/* Brackets that change nothing, const int (*x). */
	if (strchr(text, '(') && !strstr(text, " at "))
		text = scan_string(u, clang_getTypeSpelling(
		    clang_getCanonicalType(type)));
	if (clang_isRestrictQualifiedType(type))
		text = without(u, text, "restrict");
	if (clang_isVolatileQualifiedType(type))
		text = without(u, text, "volatile");
	if (clang_isConstQualifiedType(type))
		text = without(u, text, "const");
	bool_ = strstr(text, "_Bool");
	return bool_ ? scan_text(u, "%.*sbool%s", (int)(bool_ - text), text,
	    bool_ + 5) : text;
}
