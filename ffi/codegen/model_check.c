/*
 * What is wrong, and only seen in the whole.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

/* --- Functions that marks name -------------------------------------------- */

struct search {
	const char *name;
	CXCursor found;
};

static enum CXChildVisitResult
look(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct search *s = data;
	CXString name;

	(void)parent;
	if (clang_getCursorKind(cursor) != CXCursor_FunctionDecl)
		return CXChildVisit_Continue;
	name = clang_getCursorSpelling(cursor);
	if (strcmp(clang_getCString(name), s->name) == 0)
		s->found = cursor;
	clang_disposeString(name);
	return CXChildVisit_Continue;
}

/* The function that a mark names, which has one parameter; false after an
 * error. */
static bool
find_function(struct unit *u, struct place at, enum word word,
    const char *name, CXType *parameter)
{
	struct search s = { name, clang_getNullCursor() };

	clang_visitChildren(clang_getTranslationUnitCursor(u->tu), look, &s);
	if (clang_Cursor_isNull(s.found)) {
		scan_error(u, at, "%s = %s: no function of that name is "
		    "declared; declare it in the header", scan_word_text(word),
		    name);
		return false;
	}
	if (clang_Cursor_getNumArguments(s.found) != 1) {
		scan_error(u, at, "%s = %s: it must take one parameter; wrap "
		    "it in a function that does", scan_word_text(word), name);
		return false;
	}
	*parameter = clang_getCursorType(clang_Cursor_getArgument(s.found, 0));
	return true;
}

static void
check_cancel(struct unit *u, const struct decl *f, enum word word)
{
	const char *name = f->marks.value[word];
	CXType type;

	if (name && find_function(u, f->at, word, name, &type) &&
	    scan_find_object(u, type) != f->root)
		scan_error(u, f->at, "%s = %s: it must take the root "
		    "object, %s; wrap it in a function that does",
		    scan_word_text(word), name, f->root->c_name);
}

/* Out-parameters that a context's root is put in. */
static size_t
n_roots(const struct decl *f)
{
	json_t *one;
	size_t i, n = 0;

	json_array_foreach(f->call, i, one) {
		const char *role = json_string_value(json_object_get(one,
		    "role"));

		n += role && !strcmp(role, "made");
	}
	return n;
}

/* How many objects it makes. */
static size_t
n_made(struct unit *u, const struct decl *f)
{
	json_t *one;
	size_t i, n = n_roots(f);

	json_array_foreach(f->out, i, one)
		n += model_find(u, json_string_value(json_object_get(
		    json_object_get(one, "type"), "object")), true) != NULL;
	return n;
}

static void
check_remains(struct unit *u, const struct decl *f)
{
	const char *kind = json_string_value(json_object_get(f->returns,
	    "kind"));

	if (!f->marks.value[WORD_REMAINS])
		return;
	if (!kind || strcmp(kind, "status") != 0)
		scan_error(u, f->at, "%s: it returns no status, so nothing "
		    "remains of what failed; take \"remains\" off",
		    f->c_name);
	else if (n_made(u, f) > 1)
		scan_error(u, f->at, "%s: it makes several objects, and "
		    "\"remains\" is for one; wrap it in a function that ends "
		    "the others", f->c_name);
}

/* Without what C lets one leave out, or add. */
static const char *
plain(const char *c_type)
{
	static const char *const words[] = { "const ", "struct ", "enum " };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strncmp(c_type, words[i], strlen(words[i])))
			c_type += strlen(words[i]);
	return c_type;
}

/* Whether a function that takes that type can be given what a result of that
 * kind points to, or the address of a record. */
static bool
takes(struct unit *u, CXType type, const char *c_type, const char *kind)
{
	if (!scan_is_pointer(type))
		return false;
	if (scan_bare(scan_pointee(type)).kind == CXType_Void)
		return true;
	if (strcmp(kind, "record") == 0)
		type = scan_pointee(type);
	return !strcmp(plain(scan_type_text(u, type)), plain(c_type));
}

static void
check_transfer(struct unit *u, const struct decl *f, json_t *field)
{
	const char *name = json_string_value(json_object_get(field,
	    "transfer"));
	json_t *json = json_object_get(field, "type");
	const char *c_type = json_string_value(json_object_get(json,
	    "c_type"));
	const char *kind = json_string_value(json_object_get(json, "kind"));
	CXType type;

	if (name && c_type && kind &&
	    find_function(u, f->at, WORD_TRANSFER, name, &type) &&
	    !takes(u, type, c_type, kind))
		scan_error(u, f->at, "transfer = %s: it must take %s%s, or "
		    "void *; wrap it in a function that does", name, c_type,
		    strcmp(kind, "record") ? "" : " *");
}

/* --- Objects as parameters and results ------------------------------------ */

static void
check_handle(struct unit *u, const struct decl *f, json_t *field, bool in)
{
	json_t *type = json_object_get(field, "type");
	const char *c_name = json_string_value(json_object_get(field,
	    "c_name"));
	struct decl *object = model_find(u, json_string_value(
	    json_object_get(type, "object")), true);

	if (!object)
		return;
	if (!f->root)
		scan_error(u, f->at, "%s: %s is an object, which needs the "
		    "thread of another; mark a method in place of a function",
		    f->c_name, c_name);
	else if (!in && f->what == WORD_METHOD && f->answers)
		scan_error(u, f->at, "%s: it answers later, on any thread, and "
		    "%s is an object, which only the library's thread can "
		    "give; let another method give it", f->c_name, c_name);
	else if (!object->parent)
		scan_error(u, f->at, "%s: %s is a root object, which is only "
		    "%s; take it away", f->c_name, c_name, in ? "what a "
		    "function is called on" : "made by a constructor that "
		    "takes no other");
	else if (object->root != f->root)
		scan_error(u, f->at, "%s: %s is an object of %s, and the "
		    "function is called with %s; both must belong to one root",
		    f->c_name, c_name, object->root->c_name,
		    f->root->c_name);
}

/* --- Names ---------------------------------------------------------------- */

static bool
is_name(const char *name)
{
	if (*name < 'a' || *name > 'z')
		return false;
	for (; *name; name++)
		if (!(*name >= 'a' && *name <= 'z') && *name != '_' &&
		    !(*name >= '0' && *name <= '9'))
			return false;
	return true;
}

static void
check_name(struct unit *u, struct place at, const char *name)
{
	if (!is_name(name))
		scan_error(u, at, "\"%s\" is no name for all languages; give "
		    "one with FERRY(name = WORD), of small letters, digits and "
		    "underscores", name);
}

/* A list of fields, values or constants: c_name for messages. */
static void
check_names(struct unit *u, struct place at, json_t *list)
{
	json_t *entry, *other;
	size_t i, k;

	json_array_foreach(list, i, entry) {
		const char *name = json_string_value(json_object_get(entry,
		    "name"));

		if (!name)
			continue;
		check_name(u, at, name);
		json_array_foreach(list, k, other) {
			const char *twin = json_string_value(json_object_get(
			    other, "name"));

			if (k == i)
				break;
			if (twin && strcmp(twin, name) == 0)
				scan_error(u, at, "%s and %s are both called "
				    "%s; give one another name with "
				    "FERRY(name = WORD)",
				    json_string_value(json_object_get(other,
				    "c_name")), json_string_value(
				    json_object_get(entry, "c_name")), name);
		}
	}
}

static bool
is_type(enum word what)
{
	return what >= WORD_RECORD && what <= WORD_OBJECT &&
	    what != WORD_CONSTANTS;
}

static bool
clash(const struct decl *a, const struct decl *b)
{
	return strcmp(a->name, b->name) == 0 &&
	    ((is_type(a->what) && is_type(b->what)) ||
	    (scan_is_function(a->what) && scan_is_function(b->what) &&
	    a->object == b->object));
}

static void
check_decl_name(struct unit *u, const struct decl *decl)
{
	if (!is_type(decl->what) && !scan_is_function(decl->what))
		return;
	check_name(u, decl->at, decl->name);
	for (const struct decl *d = u->decls; d != decl; d++)
		if (clash(d, decl))
			scan_error(u, decl->at, "%s and %s are both called "
			    "%s; give one another name with FERRY(name = "
			    "WORD)", d->c_name, decl->c_name, decl->name);
}

/* --- The parts ------------------------------------------------------------ */

static void
check_object(struct unit *u, const struct decl *object)
{
	if (!object->made)
		scan_error(u, object->at, "%s: nothing makes it; mark the "
		    "function that does with FERRY(constructor)",
		    object->c_name);
	else if (!object->destructor)
		scan_error(u, object->at, "%s: it has a constructor and no "
		    "destructor; mark void NAME(%s) with FERRY(destructor)",
		    object->c_name, object->c_name);
}

static void
check_function(struct unit *u, const struct decl *f)
{
	json_t *field;
	size_t i;

	if (f->what == WORD_EVENT && f->object->parent)
		scan_error(u, f->at, "%s: an event is of a root object, and "
		    "%s belongs to another; take %s first", f->c_name,
		    f->object->c_name, f->root->c_name);
	check_names(u, f->at, f->in);
	check_names(u, f->at, f->out);
	json_array_foreach(f->in, i, field)
		check_handle(u, f, field, true);
	json_array_foreach(f->out, i, field) {
		check_handle(u, f, field, false);
		check_transfer(u, f, field);
	}
	if (n_roots(f) > 1)
		scan_error(u, f->at, "%s: it makes several objects, and a "
		    "context has one root; let methods make the others",
		    f->c_name);
	else
		check_remains(u, f);
	check_cancel(u, f, WORD_CANCEL);
	check_cancel(u, f, WORD_RESET);
	if (f->marks.value[WORD_RESET] && !f->marks.value[WORD_CANCEL])
		scan_error(u, f->at, "%s: nothing interrupts it, so there is "
		    "nothing to reset; mark it with cancel too", f->c_name);
}

/* A variant's cases are told apart by the tag's number. */
static void
check_cases(struct unit *u, const struct decl *variant)
{
	const char *tag = json_string_value(json_object_get(json_object_get(
	    json_object_get(variant->entry, "tag"), "type"), "name"));
	json_t *values = NULL, *a, *b;
	size_t i, k;

	for (size_t d = 0; tag && d < u->n_decls; d++)
		if (u->decls[d].what >= WORD_ENUM &&
		    u->decls[d].what <= WORD_ERROR &&
		    strcmp(u->decls[d].name, tag) == 0)
			values = json_object_get(u->decls[d].entry, "values");
	json_array_foreach(values, i, a)
		json_array_foreach(values, k, b)
			if (k < i && json_equal(json_object_get(a, "value"),
			    json_object_get(b, "value")))
				scan_error(u, variant->at, "%s: its tag has "
				    "two names for one number, %s and %s; use "
				    "an enum of its own", variant->c_name,
				    json_string_value(json_object_get(b,
				    "c_name")), json_string_value(
				    json_object_get(a, "c_name")));
}

static void
check_entry(struct unit *u, const struct decl *decl)
{
	json_t *cases = json_object_get(decl->entry, "cases"), *one, *fields;
	size_t i;

	check_names(u, decl->at, json_object_get(decl->entry, "values"));
	check_names(u, decl->at, json_object_get(decl->entry, "fields"));
	if (!cases)
		return;
	check_cases(u, decl);
	fields = scan_new(u, json_array());
	json_array_foreach(cases, i, one)
		scan_append(u, fields, json_incref(json_object_get(one,
		    "field")));
	check_names(u, decl->at, fields);
	json_decref(fields);
}

/* The generated header has a name of its own. */
static void
check_file(struct unit *u, const char *name)
{
	const char *slash = strrchr(u->options->header, '/');

	if (!strcmp(slash ? slash + 1 : u->options->header,
	    scan_text(u, "%s_ferry.h", name)))
		scan_error(u, u->library->at, "the header that is generated "
		    "is %s_ferry.h too; call this one something else", name);
}

static void
check_library(struct unit *u)
{
	const char *const *value = u->library->marks.value;

	check_name(u, u->library->at, value[WORD_NAME]);
	check_file(u, value[WORD_NAME]);
	if (value[WORD_ERROR_OF] && !scan_find_c_name(u, value[WORD_ERROR_OF],
	    WORD_ERROR))
		scan_error(u, u->library->at, "error = %s: no enum of that "
		    "name is marked with FERRY(error); mark it",
		    value[WORD_ERROR_OF]);
	if (value[WORD_VERSION] && strchr(value[WORD_VERSION], '\\'))
		scan_error(u, u->library->at, "version = %s: write it without "
		    "backslashes", value[WORD_VERSION]);
}

void
model_check(struct unit *u, json_t *constants)
{
	check_library(u);
	check_names(u, u->library->at, constants);
	for (size_t i = 0; i < u->n_decls; i++) {
		struct decl *decl = &u->decls[i];

		check_decl_name(u, decl);
		if (decl->what == WORD_OBJECT)
			check_object(u, decl);
		else if (scan_is_function(decl->what))
			check_function(u, decl);
		else if (decl->entry)
			check_entry(u, decl);
	}
}
