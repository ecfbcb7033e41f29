/*
 * Whose what is: which object is made by what, belongs to which other, and is
 * ended how; on which root's thread a function runs.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

static void
link_constructor(struct unit *u, struct decl *f)
{
	struct decl *object = f->object, *from = f->from;

	if (object->made && object->parent != from)
		scan_error(u, f->at, "%s: another constructor of %s takes %s; "
		    "all of them take the same object, or none; mark this one "
		    "with FERRY(method)", f->c_name, object->c_name,
		    object->parent ? object->parent->c_name : "none");
	object->made = true;
	object->parent = from;
	if (!object->constructors)
		object->constructors = scan_new(u, json_array());
	scan_append(u, object->constructors, scan_json(u, f->name));
}

static void
link_destructor(struct unit *u, struct decl *f)
{
	struct decl *object = f->object;

	if (object->destructor)
		scan_error(u, f->at, "%s: %s ends it already; leave one "
		    "destructor", f->c_name, object->destructor->c_name);
	object->destructor = f;
}

static bool
gives_text(const struct decl *f, int n_params)
{
	CXType type = clang_getCursorResultType(f->cursor);

	return scan_is_pointer(type) &&
	    scan_is_character(scan_pointee(type)) &&
	    clang_Cursor_getNumArguments(f->cursor) == n_params;
}

static CXType
first_type(const struct decl *f)
{
	return clang_getCursorType(clang_Cursor_getArgument(f->cursor, 0));
}

static void
link_detail(struct unit *u, struct decl *f)
{
	struct decl *object = gives_text(f, 1) ?
	    scan_find_object(u, first_type(f)) : NULL;
	const char **detail = object ? &object->detail :
	    gives_text(f, 0) ? &u->detail : NULL;

	if (!detail)
		scan_error(u, f->at, "%s: a detail function takes an object or "
		    "nothing, and returns const char *; wrap it in one that "
		    "does", f->c_name);
	else if (*detail)
		scan_error(u, f->at, "%s: %s says it already; leave one of "
		    "them", f->c_name, *detail);
	else
		*detail = f->c_name;
}

/* The enum whose codes the function has a text for. */
static struct decl *
coded(struct unit *u, struct decl *f)
{
	struct decl *error = scan_find_type(u, first_type(f));
	const char *name = f->marks.value[WORD_ERROR_OF];

	if (!name && u->library)
		name = u->library->marks.value[WORD_ERROR_OF];
	if (error)
		return error->what == WORD_ERROR ? error : NULL;
	return name && scan_is_integer(first_type(f)) ?
	    scan_find_c_name(u, name, WORD_ERROR) : NULL;
}

static void
link_error_text(struct unit *u, struct decl *f)
{
	struct decl *error = gives_text(f, 1) ? coded(u, f) : NULL;

	if (!error)
		scan_error(u, f->at, "%s: an error_text function takes a code "
		    "of an error enum and returns const char *; say which with "
		    "error = ENUM, or wrap it in one that does", f->c_name);
	else if (error->error_text)
		scan_error(u, f->at, "%s: %s says it already; leave one of "
		    "them", f->c_name, error->error_text);
	else
		error->error_text = f->c_name;
}

/* The object that has no parent; NULL when they form a circle. */
static struct decl *
root_of(struct unit *u, struct decl *object)
{
	for (size_t i = 0; object && i <= u->n_decls; i++) {
		if (!object->parent)
			return object;
		object = object->parent;
	}
	return NULL;
}

/* Its name among the functions of its object. */
static void
name_function(struct unit *u, struct decl *f)
{
	if (f->object && !f->marks.value[WORD_NAME])
		f->name = scan_name(u, f->name, scan_text(u, "%s_",
		    f->object->name));
}

static void
link_function(struct unit *u, struct decl *f)
{
	name_function(u, f);
	if (f->what == WORD_CONSTRUCTOR)
		link_constructor(u, f);
	else if (f->what == WORD_DESTRUCTOR)
		link_destructor(u, f);
	else if (f->what == WORD_DETAIL)
		link_detail(u, f);
	else if (f->what == WORD_ERROR_TEXT)
		link_error_text(u, f);
}

void
model_link(struct unit *u)
{
	for (size_t i = 0; i < u->n_decls; i++)
		link_function(u, &u->decls[i]);
	for (size_t i = 0; i < u->n_decls; i++) {
		struct decl *object = &u->decls[i];

		if (object->what != WORD_OBJECT)
			continue;
		object->root = root_of(u, object);
		if (!object->root)
			scan_error(u, object->at, "%s: it takes itself, by way "
			    "of others, to make one; a constructor must need "
			    "no other object", object->c_name);
	}
	for (size_t i = 0; i < u->n_decls; i++)
		if (u->decls[i].object)
			u->decls[i].root = u->decls[i].object->root;
}
