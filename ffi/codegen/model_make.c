/*
 * The model's outermost object, and the entries of objects and functions.
 */
#include "ffi/codegen/scan_unit.h"

#include <stdlib.h>
#include <string.h>

static json_t *
make_library(struct unit *u)
{
	const struct decl *library = u->library;
	const char *const *value = library->marks.value;
	const char *slash = strrchr(u->options->header, '/');
	const char *version = value[WORD_VERSION];
	json_t *json = scan_new(u, json_object());

	scan_put_text(u, json, "name", value[WORD_NAME]);
	scan_put(u, json, "at", scan_at(u, library->at));
	scan_put_text(u, json, "version", version ? scan_text(u, "%.*s",
	    (int)strlen(version) - 2, version + 1) : "0");
	scan_put_text(u, json, "prefix", u->prefix);
	scan_put_text(u, json, "header", u->options->include ?
	    u->options->include : slash ? slash + 1 : u->options->header);
	scan_put_text(u, json, "instances", value[WORD_INSTANCES] ?
	    value[WORD_INSTANCES] : "shared");
	scan_put_text(u, json, "overflow", value[WORD_OVERFLOW] ?
	    value[WORD_OVERFLOW] : "drop_oldest");
	scan_put_text(u, json, "detail", u->detail);
	scan_put_text(u, json, "doc", library->doc);
	return json;
}

static json_t *
make_object(struct unit *u, struct decl *decl)
{
	json_t *json = scan_new(u, json_object());

	scan_put_text(u, json, "name", decl->name);
	scan_put_text(u, json, "c_name", decl->c_name);
	scan_put(u, json, "at", scan_at(u, decl->at));
	if (decl->parent)
		scan_put_text(u, json, "parent", decl->parent->name);
	scan_put(u, json, "constructors", json_incref(decl->constructors));
	scan_put_text(u, json, "destructor", decl->destructor->name);
	scan_put_text(u, json, "detail", decl->detail);
	scan_put_text(u, json, "doc", decl->doc);
	return json;
}

/* --- Functions ------------------------------------------------------------ */

static bool
makes_root(const struct decl *f)
{
	return f->what == WORD_CONSTRUCTOR && !f->from;
}

/* Functions of one number's kind count together. */
static bool
same_count(const struct decl *a, const struct decl *b)
{
	if (a->what == WORD_FUNCTION || b->what == WORD_FUNCTION)
		return a->what == b->what;
	return a->root == b->root && makes_root(a) == makes_root(b) &&
	    (a->what == WORD_EVENT) == (b->what == WORD_EVENT);
}

static bool
ends_root(const struct decl *f)
{
	return f->what == WORD_DESTRUCTOR && !f->object->parent;
}

static json_int_t
number(struct unit *u, const struct decl *f)
{
	json_int_t n = 0;

	for (const struct decl *d = u->decls; d != f; d++)
		if (scan_is_function(d->what) && !ends_root(d) &&
		    same_count(d, f))
			n++;
	return n;
}

static json_t *
make_levels(struct unit *u, const struct decl *f)
{
	json_t *json = NULL;

	for (int i = WORD_SLOW; i <= WORD_FATAL; i++) {
		if (!f->marks.value[i])
			continue;
		if (!json)
			json = scan_new(u, json_object());
		scan_put(u, json, scan_word_text(i), json_integer(
		    strtoll(f->marks.value[i], NULL, 10)));
	}
	return json;
}

static const char *
kind(const struct decl *f)
{
	return f->what == WORD_METHOD && f->answers ? "deferred" :
	    scan_word_text(f->what);
}

static json_t *
make_function(struct unit *u, struct decl *f)
{
	json_t *json = scan_new(u, json_object());

	scan_put_text(u, json, "name", f->name);
	scan_put_text(u, json, "c_name", f->c_name);
	scan_put(u, json, "at", scan_at(u, f->at));
	scan_put_text(u, json, "kind", kind(f));
	if (f->object) {
		scan_put_text(u, json, "object", f->object->name);
		scan_put_text(u, json, "root", f->root->name);
	}
	if (!ends_root(f))
		scan_put(u, json, "id", json_integer(number(u, f)));
	scan_put(u, json, "in", json_incref(f->in));
	scan_put(u, json, "out", json_incref(f->out));
	if (f->object && f->object->parent && f->what != WORD_CONSTRUCTOR)
		scan_put_text(u, json, "self", "handle");
	if (f->from)
		scan_put_text(u, json, "parent", f->from->name);
	scan_put(u, json, "call", json_incref(f->call));
	scan_put(u, json, "c_params", json_incref(f->params));
	scan_put(u, json, "returns", json_incref(f->returns));
	if (f->marks.value[WORD_REMAINS])
		scan_put(u, json, "remains", json_true());
	scan_put_text(u, json, "cancel", f->marks.value[WORD_CANCEL]);
	scan_put_text(u, json, "reset", f->marks.value[WORD_RESET]);
	scan_put(u, json, "levels", make_levels(u, f));
	scan_put_text(u, json, "doc", f->doc);
	model_hash(u, json);
	return json;
}

static void
end_entry(struct unit *u, struct decl *decl)
{
	scan_put_text(u, decl->entry, "error_text", decl->error_text);
	scan_put_text(u, decl->entry, "doc", decl->doc);
	model_hash(u, decl->entry);
}

json_t *
model_make(struct unit *u, json_t *constants)
{
	json_t *model = scan_new(u, json_object());
	json_t *enums = scan_new(u, json_array());
	json_t *records = scan_new(u, json_array());
	json_t *variants = scan_new(u, json_array());
	json_t *objects = scan_new(u, json_array());
	json_t *functions = scan_new(u, json_array());

	model_records(u, records, variants);
	for (size_t i = 0; i < u->n_decls; i++) {
		struct decl *decl = &u->decls[i];

		if (decl->entry)
			end_entry(u, decl);
		if (decl->entry && decl->what >= WORD_ENUM &&
		    decl->what <= WORD_ERROR)
			scan_append(u, enums, json_incref(decl->entry));
		else if (decl->what == WORD_OBJECT)
			scan_append(u, objects, make_object(u, decl));
		else if (scan_is_function(decl->what))
			scan_append(u, functions, make_function(u, decl));
	}
	scan_put(u, model, "ferry_model", json_integer(1));
	scan_put(u, model, "library", make_library(u));
	scan_put(u, model, "constants", json_incref(constants));
	scan_put(u, model, "enums", enums);
	scan_put(u, model, "records", records);
	scan_put(u, model, "variants", variants);
	scan_put(u, model, "objects", objects);
	scan_put(u, model, "functions", functions);
	return model;
}
