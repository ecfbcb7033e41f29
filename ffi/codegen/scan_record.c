/*
 * Records, and variants: a struct of a tag and a union whose members say which
 * value of the tag is theirs.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

/* Fields of one struct or union, in C's order. */
struct fields {
	struct unit *u;
	struct decl *decl;
	struct items items;
	size_t room;
	size_t n_unions;
	CXCursor union_;     /* the last union among them */
	size_t union_at;     /* how many items stand before it */
	const char *path;    /* how its members are reached: "as." */
	bool variant;
	bool bad;
};

static enum CXChildVisitResult
count_field(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	if (clang_getCursorKind(cursor) == CXCursor_FieldDecl)
		++*(size_t *)data;
	return CXChildVisit_Continue;
}

static enum CXChildVisitResult
count_member(CXCursor cursor, CXCursor parent, CXClientData data)
{
	(void)parent;
	if (clang_getCursorKind(cursor) == CXCursor_FieldDecl ||
	    clang_Cursor_isAnonymousRecordDecl(cursor))
		++*(size_t *)data;
	return CXChildVisit_Continue;
}

static void
refuse(struct fields *f, CXCursor cursor, const char *what)
{
	const char *name = scan_string(f->u, clang_getCursorSpelling(cursor));

	scan_error(f->u, scan_place(f->u, cursor), "%s: %s",
	    *name ? name : f->decl->c_name, what);
	f->bad = true;
}

static bool
is_union(CXType type)
{
	CXCursor tag = clang_getTypeDeclaration(scan_bare(type));

	return clang_getCursorKind(tag) == CXCursor_UnionDecl;
}

static void
add_field(struct fields *f, CXCursor cursor)
{
	struct unit *u = f->u;
	CXType type = clang_getCursorType(cursor);
	struct item *item;

	if (clang_Cursor_isBitField(cursor)) {
		refuse(f, cursor, "a bit-field cannot be offered; use a whole "
		    "number or FERRY(flags)");
		return;
	}
	if (clang_isConstQualifiedType(type) || (scan_bare(type).kind ==
	    CXType_ConstantArray && clang_isConstQualifiedType(
	    clang_getArrayElementType(scan_bare(type))))) {
		refuse(f, cursor, "a field that is const cannot be filled in; "
		    "take const away, but for what a pointer points to");
		return;
	}
	if (f->items.n == f->room)
		return;
	item = &f->items.item[f->items.n++];
	item->cursor = cursor;
	item->type = type;
	item->at = scan_place(u, cursor);
	item->c_name = scan_string(u, clang_getCursorSpelling(cursor));
	item->way = WAY_FIELD;
	item->role = "value";
	scan_marks(u, cursor, ON_FIELD, &item->marks);
	item->name = item->marks.value[WORD_NAME] ?
	    item->marks.value[WORD_NAME] : scan_name(u, item->c_name, "");
	item->doc = scan_doc(u, cursor, item->at);
}

static void
add_union(struct fields *f, CXCursor cursor, const char *path)
{
	if (!f->variant) {
		refuse(f, cursor, "a union without a tag cannot be offered; "
		    "put it into a struct with FERRY(variant)");
		return;
	}
	f->n_unions++;
	f->union_ = cursor;
	f->union_at = f->items.n;
	f->path = path;
}

static enum CXChildVisitResult
visit_field(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct fields *f = data;
	enum CXCursorKind kind = clang_getCursorKind(cursor);
	CXType type = clang_getCursorType(cursor);

	(void)parent;
	if (kind == CXCursor_FieldDecl && is_union(type))
		add_union(f, clang_getTypeDeclaration(scan_bare(type)),
		    scan_text(f->u, "%s.", scan_string(f->u,
		    clang_getCursorSpelling(cursor))));
	else if (kind == CXCursor_FieldDecl)
		add_field(f, cursor);
	else if (kind == CXCursor_UnionDecl &&
	    clang_Cursor_isAnonymousRecordDecl(cursor))
		add_union(f, cursor, "");
	else if (kind == CXCursor_StructDecl &&
	    clang_Cursor_isAnonymousRecordDecl(cursor))
		refuse(f, cursor, "a struct without a name cannot be offered; "
		    "give it a typedef and a mark of its own");
	return CXChildVisit_Continue;
}

/* False after errors. */
static bool
read_fields(struct fields *f, CXCursor tag)
{
	clang_visitChildren(tag, count_field, &f->room);
	f->items.item = scan_keep(f->u, (f->room + 1) *
	    sizeof *f->items.item);
	if (!f->items.item)
		return false;
	clang_visitChildren(tag, visit_field, f);
	return !f->bad;
}

static bool
has_fields(struct unit *u, struct decl *decl)
{
	size_t n = 0;
	CXCursor tag = clang_getCursorDefinition(decl->tag);

	if (clang_Cursor_isNull(tag)) {
		scan_error(u, decl->at, "%s is declared and not defined; "
		    "define it, or mark it with FERRY(object)", decl->c_name);
		return false;
	}
	clang_visitChildren(tag, count_member, &n);
	if (!n)
		scan_error(u, decl->at, "%s has no fields; a record has one "
		    "or more", decl->c_name);
	return n;
}

static void
begin(struct unit *u, struct decl *decl)
{
	decl->entry = scan_new(u, json_object());
	scan_put_text(u, decl->entry, "name", decl->name);
	scan_put_text(u, decl->entry, "c_name", decl->c_name);
	scan_put(u, decl->entry, "at", scan_at(u, decl->at));
}

/* tag and case belong to variants. */
static void
refuse_marks(struct unit *u, const struct item *item, enum word word)
{
	if (item->marks.value[word])
		scan_error(u, item->at, "%s: the mark \"%s\" has no meaning "
		    "here; see <ferry/marks.h> about variants", item->c_name,
		    scan_word_text(word));
}

/* A record that uses another needs it complete, so this may be called again
 * meanwhile. */
void
scan_record(struct unit *u, struct decl *decl)
{
	struct fields f = { .u = u, .decl = decl };
	json_t *fields;

	if (decl->entry)
		return;
	begin(u, decl);
	if (!has_fields(u, decl) ||
	    !read_fields(&f, clang_getCursorDefinition(decl->tag)) ||
	    !scan_layout(u, decl) || !scan_items_join(u, &f.items, false))
		return;
	fields = scan_new(u, json_array());
	for (size_t i = 0; i < f.items.n; i++) {
		refuse_marks(u, &f.items.item[i], WORD_TAG);
		refuse_marks(u, &f.items.item[i], WORD_CASE);
		scan_append(u, fields, scan_field(u, &f.items.item[i]));
	}
	scan_put(u, decl->entry, "fields", fields);
}

/* --- Variants ------------------------------------------------------------- */

/* The tag, or NULL after an error. */
static struct item *
find_tag(struct fields *f)
{
	struct item *tag = NULL;
	struct decl *decl;

	for (size_t i = 0; i < f->items.n; i++) {
		if (!f->items.item[i].marks.value[WORD_TAG])
			continue;
		if (tag) {
			scan_error(f->u, f->items.item[i].at, "%s: a second "
			    "tag; leave one", f->items.item[i].c_name);
			return NULL;
		}
		tag = &f->items.item[i];
	}
	decl = tag ? scan_find_type(f->u, tag->type) : NULL;
	if (!tag)
		scan_error(f->u, f->decl->at, "%s: no field is its tag; mark "
		    "one with FERRY(tag)", f->decl->c_name);
	else if (!decl || (decl->what != WORD_ENUM &&
	    decl->what != WORD_ERROR)) {
		scan_error(f->u, tag->at, "%s: a tag is an enum; mark its type "
		    "with FERRY(enum)", tag->c_name);
		tag = NULL;
	} else
		tag->role = "tag";
	return tag;
}

/* The union's member for that value of the tag, or NULL. */
static struct item *
find_case(struct items *members, const char *c_name)
{
	for (size_t i = 0; i < members->n; i++) {
		const char *value = members->item[i].marks.value[WORD_CASE];

		if (value && strcmp(value, c_name) == 0)
			return &members->item[i];
	}
	return NULL;
}

static bool
members_good(struct unit *u, struct items *members, struct decl *tag)
{
	bool good = true;

	for (size_t i = 0; i < members->n; i++) {
		struct item *item = &members->item[i];
		const char *value = item->marks.value[WORD_CASE];

		refuse_marks(u, item, WORD_TAG);
		refuse_marks(u, item, WORD_OPTIONAL);
		refuse_marks(u, item, WORD_DEFAULT);
		if (!value)
			scan_error(u, item->at, "%s: which value of the tag is "
			    "its own is not said; mark it with "
			    "FERRY(case = VALUE)", item->c_name);
		else if (!scan_enum_value(tag, value))
			scan_error(u, item->at, "%s: case = %s: the tag's enum "
			    "has no such value; use one that it has",
			    item->c_name, value);
		else if (find_case(members, value) != item)
			scan_error(u, item->at, "%s: case = %s is another "
			    "member's too; each has its own", item->c_name,
			    value);
		else
			continue;
		good = false;
	}
	return good;
}

/* Members of the union count by fields outside: as one list. */
static bool
join_members(struct fields *f, struct fields *members)
{
	struct items all = { .n = f->items.n + members->items.n };
	bool good;

	all.item = scan_keep(f->u, (all.n + 1) * sizeof *all.item);
	if (!all.item)
		return false;
	memcpy(all.item, f->items.item, f->items.n * sizeof *all.item);
	memcpy(all.item + f->items.n, members->items.item,
	    members->items.n * sizeof *all.item);
	good = scan_items_join(f->u, &all, true);
	f->items.item = all.item;
	members->items.item = all.item + f->items.n;
	return good;
}

static json_t *
make_case(struct unit *u, struct fields *members, json_t *value)
{
	const char *c_name = json_string_value(json_object_get(value,
	    "c_name"));
	struct item *item = c_name ? find_case(&members->items, c_name) : NULL;
	json_t *json = scan_new(u, json_object()), *field;

	scan_put(u, json, "name", json_incref(json_object_get(value,
	    "name")));
	scan_put_text(u, json, "value", c_name);
	scan_put(u, json, "at", json_incref(json_object_get(value, "at")));
	if (!item)
		return json;
	field = scan_field(u, item);
	json_object_del(field, "default");
	if (field)
		json_object_set_new(field, "c_name", scan_json(u, scan_text(u,
		    "%s%s", members->path, item->c_name)));
	scan_put(u, json, "field", field);
	return json;
}

static void
put_default(struct unit *u, struct decl *decl, struct decl *tag,
    struct items *members)
{
	const char *c_name = decl->marks.value[WORD_DEFAULT];
	const char *name;

	if (!c_name)
		return;
	name = scan_enum_value(tag, c_name);
	if (!name || find_case(members, c_name))
		scan_error(u, decl->at, "default = %s: write a value of the "
		    "tag that has no data", c_name);
	scan_put_text(u, decl->entry, "default", name);
}

/* Fields outside the union: the tag and lengths, nothing else. */
static json_t *
make_lens(struct unit *u, struct fields *f)
{
	json_t *lens = NULL;

	for (size_t i = 0; i < f->items.n; i++) {
		struct item *item = &f->items.item[i];

		if (!strcmp(item->role, "tag"))
			continue;
		if (strcmp(item->role, "len") != 0) {
			scan_error(u, item->at, "%s: a variant has a tag, a "
			    "union, and lengths of its members; put the "
			    "variant into a record with what is there always",
			    item->c_name);
			continue;
		}
		if (!lens)
			lens = scan_new(u, json_array());
		scan_append(u, lens, scan_field(u, item));
	}
	return lens;
}

/* C's order, where it is not tag, union, lengths: for who writes the struct
 * once more. */
static json_t *
make_order(struct unit *u, struct fields *f)
{
	json_t *order;

	if (f->union_at == 1 && !strcmp(f->items.item[0].role, "tag"))
		return NULL;
	order = scan_new(u, json_array());
	for (size_t i = 0; i <= f->items.n; i++) {
		if (i == f->union_at)
			scan_append(u, order, scan_json(u, scan_text(u, "%.*s",
			    *f->path ? (int)strlen(f->path) - 1 : 0,
			    f->path)));
		if (i < f->items.n)
			scan_append(u, order, scan_json(u,
			    f->items.item[i].c_name));
	}
	return order;
}

static void
make_variant(struct fields *f, struct fields *members, struct item *tag)
{
	struct unit *u = f->u;
	struct decl *decl = f->decl, *type = scan_find_type(u, tag->type);
	json_t *cases = scan_new(u, json_array()), *value;
	size_t i;

	scan_put(u, decl->entry, "tag", scan_field(u, tag));
	json_array_foreach(json_object_get(type->entry, "values"), i, value)
		scan_append(u, cases, make_case(u, members, value));
	scan_put(u, decl->entry, "cases", cases);
	scan_put(u, decl->entry, "lens", make_lens(u, f));
	scan_put(u, decl->entry, "order", make_order(u, f));
	put_default(u, decl, type, &members->items);
}

void
scan_variant(struct unit *u, struct decl *decl)
{
	struct fields f = { .u = u, .decl = decl, .variant = true };
	struct fields members = { .u = u, .decl = decl };
	struct item *tag;

	if (decl->entry)
		return;
	begin(u, decl);
	if (!has_fields(u, decl) ||
	    !read_fields(&f, clang_getCursorDefinition(decl->tag)))
		return;
	if (f.n_unions != 1) {
		scan_error(u, decl->at, "%s: a variant is a struct of a tag "
		    "and one union; this has %zu", decl->c_name, f.n_unions);
		return;
	}
	members.path = f.path;
	tag = find_tag(&f);
	if (!tag || !scan_layout(u, decl) ||
	    !read_fields(&members, f.union_) || !members_good(u,
	    &members.items, scan_find_type(u, tag->type)) ||
	    !join_members(&f, &members))
		return;
	for (size_t i = 0; i < f.items.n; i++)
		if (!strcmp(f.items.item[i].role, "tag"))
			tag = &f.items.item[i];
	make_variant(&f, &members, tag);
}
