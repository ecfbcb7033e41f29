/*
 * Structs whose fields do not stand where their types ask for it: packed, or
 * aligned by hand. No language but C could build one, and nobody else would
 * say so before its library is loaded.
 */
#include "ffi/codegen/scan_unit.h"

struct layout {
	struct unit *u;
	struct decl *decl;
	bool is_union;
	long long end, align;  /* of the fields so far, bytes */
	CXCursor aligned;      /* a field that has such an attribute, or null */
	bool bad;              /* said so */
};

static bool check(struct unit *u, struct decl *decl, CXType type);

static bool
refuse(struct layout *l, CXCursor field)
{
	const char *name = clang_Cursor_isNull(field) ? "" :
	    scan_string(l->u, clang_getCursorSpelling(field));

	scan_error(l->u, clang_Cursor_isNull(field) ? l->decl->at :
	    scan_place(l->u, field), "%s: what is packed, or aligned by hand, "
	    "cannot be offered; take packed, aligned, _Alignas and #pragma "
	    "pack away", *name ? name : l->decl->c_name);
	l->bad = true;
	return false;
}

static enum CXChildVisitResult
find_aligned(CXCursor cursor, CXCursor parent, CXClientData data)
{
	if (clang_getCursorKind(cursor) == CXCursor_AlignedAttr)
		*(CXCursor *)data = parent;
	return CXChildVisit_Continue;
}

static long long
round_up(long long n, long long align)
{
	return (n + align - 1) / align * align;
}

/* The canonical type: a typedef may be aligned by hand, too. */
static enum CXVisitorResult
add_field(CXCursor field, CXClientData data)
{
	struct layout *l = data;
	CXType type = clang_getCanonicalType(clang_getCursorType(field));
	long long size = clang_Type_getSizeOf(type);
	long long align = clang_Type_getAlignOf(type);
	bool is_union = clang_getCursorKind(clang_getTypeDeclaration(type)) ==
	    CXCursor_UnionDecl;
	long long at;

	if (size < 0 || align <= 0)
		return CXVisit_Continue;
	if (is_union && !check(l->u, l->decl, type)) {
		l->bad = true;
		return CXVisit_Break;
	}
	clang_visitChildren(field, find_aligned, &l->aligned);
	at = l->is_union ? 0 : round_up(l->end, align);
	if (clang_Cursor_getOffsetOfField(field) != 8 * at) {
		refuse(l, field);
		return CXVisit_Break;
	}
	l->align = align > l->align ? align : l->align;
	l->end = at + size > l->end ? at + size : l->end;
	return CXVisit_Continue;
}

static bool
check(struct unit *u, struct decl *decl, CXType type)
{
	struct layout l = { .u = u, .decl = decl, .align = 1,
	    .is_union = clang_getCursorKind(clang_getTypeDeclaration(type)) ==
	    CXCursor_UnionDecl, .aligned = clang_getNullCursor() };

	clang_Type_visitFields(type, add_field, &l);
	if (!l.bad && (clang_Type_getAlignOf(type) != l.align ||
	    clang_Type_getSizeOf(type) != round_up(l.end, l.align)))
		return refuse(&l, l.aligned);
	return !l.bad;
}

bool
scan_layout(struct unit *u, struct decl *decl)
{
	return check(u, decl, clang_getCanonicalType(clang_getCursorType(
	    decl->tag)));
}
