/*
 * Functions: which way each parameter goes, and what is returned.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

struct call {
	struct unit *u;
	struct decl *decl;
	struct items items;   /* the parameters, and the value returned last */
	size_t n_params;
	json_t *returns;
	bool bad;
};

bool
scan_is_function(enum word what)
{
	return what >= WORD_CONSTRUCTOR && what <= WORD_EVENT;
}

static void
refuse(struct call *c, const struct item *item, const char *what)
{
	scan_error(c->u, item->at, "%s: %s", item->c_name, what);
	c->bad = true;
}

/* --- Parameters ----------------------------------------------------------- */

static bool
is_const(CXType pointee)
{
	return clang_isConstQualifiedType(pointee) ||
	    clang_isConstQualifiedType(scan_bare(pointee));
}

/* `const char **x FERRY(len = n)`: an argument when n is one. */
static bool
len_is_argument(struct call *c, const struct item *item)
{
	const char *len = item->marks.value[WORD_LEN];

	for (size_t i = 0; len && i < c->n_params; i++)
		if (strcmp(c->items.item[i].c_name, len) == 0)
			return !scan_is_pointer(c->items.item[i].type);
	return false;
}

/* A pointer to what is not const: what is put there is a result. */
static void
sort_out(struct call *c, struct item *item)
{
	CXType pointee = scan_pointee(item->type);
	enum CXTypeKind kind = scan_bare(pointee).kind;
	bool marked = item->marks.value[WORD_OUT] ||
	    item->marks.value[WORD_INOUT];
	bool deep = scan_is_pointer(pointee);

	if (kind == CXType_FunctionProto || kind == CXType_FunctionNoProto)
		refuse(c, item, "a function pointer cannot be offered; declare "
		    "a function with FERRY(event)");
	else if (c->decl->what == WORD_EVENT)
		refuse(c, item, "an event takes values and pointers to const; "
		    "write const");
	else if (kind == CXType_Void)
		refuse(c, item, "a void * that is not const says nothing; "
		    "write const void * for bytes, or mark an object");
	else if (scan_is_character(pointee) && !marked)
		refuse(c, item, "is it text or one character? Write const "
		    "char * for text, char ** for text that is a result, "
		    "FERRY(out) for one character");
	else if (item->marks.value[WORD_LEN] && (!deep ||
	    len_is_argument(c, item)))
		refuse(c, item, deep ? "an argument or a result? Write "
		    "const twice, as in const char *const *, for an argument; "
		    "a result's length is a result too" : "an array that is "
		    "filled in place cannot be offered; write const for an "
		    "argument, or two stars for an array that is a result");
	else if (item->marks.value[WORD_INOUT] && deep)
		refuse(c, item, "inout is for numbers, enums and records; "
		    "use two parameters");
	else {
		item->way = item->marks.value[WORD_INOUT] ? WAY_INOUT :
		    WAY_OUT;
		item->type = pointee;
		item->pointer = true;
	}
}

static void
sort_array(struct call *c, struct item *item)
{
	CXType element = clang_getArrayElementType(scan_bare(item->type));

	if (is_const(element))
		return;
	if (c->decl->what == WORD_EVENT)
		refuse(c, item, "an event takes values and pointers to const; "
		    "write const");
	else
		item->way = item->marks.value[WORD_INOUT] ? WAY_INOUT :
		    WAY_OUT;
}

static void
sort_object(struct call *c, struct item *item, struct decl *object)
{
	enum word what = c->decl->what;
	bool first = item == c->items.item;

	item->way = what == WORD_EVENT ? WAY_EVENT : WAY_IN;
	if (what == WORD_FUNCTION)
		refuse(c, item, "FERRY(function) takes no object; it is a "
		    "FERRY(method)");
	else if (what == WORD_CONSTRUCTOR && !c->decl->from) {
		item->way = WAY_PARENT;
		c->decl->from = object;
	} else if (what != WORD_CONSTRUCTOR && first) {
		item->way = WAY_SELF;
		c->decl->object = object;
	}
	if (item->way >= WAY_SELF && item->marks.any)
		refuse(c, item, "the object that a function is called on has "
		    "no marks; take them off");
}

static void
sort(struct call *c, struct item *item)
{
	struct decl *object = scan_find_object(c->u, item->type);
	bool out = item->marks.value[WORD_OUT] ||
	    item->marks.value[WORD_INOUT];

	item->way = c->decl->what == WORD_EVENT ? WAY_EVENT : WAY_IN;
	if (scan_is_call(item->type)) {
		item->way = WAY_CALL;
		c->decl->answers = true;
	} else if (object)
		sort_object(c, item, object);
	else if (scan_bare(item->type).kind == CXType_ConstantArray)
		sort_array(c, item);
	else if (scan_is_pointer(item->type) &&
	    !is_const(scan_pointee(item->type)))
		sort_out(c, item);
	else if (scan_bare(item->type).kind == CXType_Record &&
	    scan_find_type(c->u, item->type))
		refuse(c, item, "a record is not taken by value; write a "
		    "pointer to const");
	if (!c->bad && out && item->way != WAY_OUT && item->way != WAY_INOUT)
		refuse(c, item, "what C is given by value or as const is no "
		    "result; take the mark off");
}

static void
read_parameter(struct call *c, size_t n)
{
	struct unit *u = c->u;
	struct item *item = &c->items.item[n];

	item->cursor = clang_Cursor_getArgument(c->decl->cursor, (unsigned)n);
	item->type = clang_getCursorType(item->cursor);
	item->at = scan_place(u, item->cursor);
	item->c_name = scan_string(u, clang_getCursorSpelling(item->cursor));
	item->role = "value";
	scan_marks(u, item->cursor, ON_PARAMETER, &item->marks);
	item->name = item->marks.value[WORD_NAME] ?
	    item->marks.value[WORD_NAME] : scan_name(u, item->c_name, "");
	if (*item->c_name)
		return;
	item->c_name = scan_text(u, "parameter %zu", n + 1);
	if (!scan_find_object(u, item->type) && !scan_is_call(item->type))
		refuse(c, item, "it has no name; give it one");
}

/* --- What is returned ----------------------------------------------------- */

static void
put_status(struct call *c, struct decl *error, const char *fails)
{
	scan_put_text(c->u, c->returns, "kind", "status");
	if (error)
		scan_put_text(c->u, c->returns, "error", error->name);
	else
		scan_put_text(c->u, c->returns, "fails", fails);
}

/* The enum that a mark names; an error when there is none. */
static struct decl *
named_error(struct unit *u, struct decl *decl, struct place at)
{
	const char *c_name = decl->marks.value[WORD_ERROR_OF];
	struct decl *error = scan_find_c_name(u, c_name, WORD_ERROR);

	if (!error)
		scan_error(u, at, "error = %s: no enum of that name is marked "
		    "with FERRY(error); mark it", c_name);
	return error;
}

/* The error enum whose codes are returned, or NULL. */
static struct decl *
error_enum(struct call *c, const struct item *result)
{
	struct decl *decl = c->decl, *type = scan_find_type(c->u,
	    result->type), *named = NULL;
	const char *fails = decl->marks.value[WORD_FAILS];

	if (decl->marks.value[WORD_ERROR_OF]) {
		named = named_error(c->u, decl, decl->at);
		c->bad |= !named;
		if (named && ((type && type != named) ||
		    (!type && !scan_is_integer(result->type))))
			refuse(c, result, "it is no code of the enum that "
			    "\"error\" names; take the mark off");
		return named;
	}
	if (type && type->what == WORD_ERROR)
		return type;
	if (fails && !strcmp(fails, "nonzero") && c->u->library &&
	    c->u->library->marks.value[WORD_ERROR_OF] &&
	    scan_is_integer(result->type))
		return scan_find_c_name(c->u,
		    c->u->library->marks.value[WORD_ERROR_OF], WORD_ERROR);
	return NULL;
}

static bool
fails_fits(struct call *c, const struct item *result, const char *fails)
{
	bool integer = scan_is_integer(result->type);
	bool pointer = scan_is_pointer(result->type) ||
	    scan_find_object(c->u, result->type);

	if (!strcmp(fails, "null") ? pointer : integer ||
	    scan_bare(result->type).kind == CXType_Bool)
		return true;
	refuse(c, result, pointer ? "a pointer that fails is NULL; write "
	    "fails = null" : "fails = null is for pointers, the others are for "
	    "numbers; write another, or take the mark off");
	return false;
}

static bool
is_result(const char *fails)
{
	return !fails || !strcmp(fails, "null") || !strcmp(fails, "negative");
}

static void
refuse_result_marks(struct call *c, const struct item *result)
{
	static const enum word words[] = { WORD_LEN, WORD_BYTES, WORD_NULLABLE,
	    WORD_OPTIONAL, WORD_MAP, WORD_TRANSFER, WORD_TIME,
	    WORD_DURATION, WORD_ENUM_OF };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (result->marks.value[words[i]])
			refuse(c, result, scan_text(c->u, "\"%s\" is for a "
			    "value returned, and there is none; take the mark "
			    "off", scan_word_text(words[i])));
}

static void
put_value(struct call *c, struct item *result, const char *fails)
{
	struct decl *object = scan_find_object(c->u, result->type);
	json_t *type = scan_type(c->u, result);

	c->bad |= !type;
	scan_put_text(c->u, c->returns, "kind", "value");
	scan_put(c->u, c->returns, "type", type);
	scan_put_text(c->u, c->returns, "fails", object ? "null" : fails);
	result->way = WAY_RESULT;
}

/* Says in `returns` what it is; the item is a result, or has no way. */
static void
read_returned(struct call *c, struct item *result)
{
	struct unit *u = c->u;
	struct decl *decl = c->decl, *error;
	const char *fails = decl->marks.value[WORD_FAILS];

	result->cursor = decl->cursor;
	result->type = clang_getCursorResultType(decl->cursor);
	result->at = decl->at;
	result->c_name = result->name = "result";
	result->marks = decl->marks;
	result->role = "value";
	result->way = WAY_SELF;
	c->returns = scan_new(u, json_object());
	error = error_enum(c, result);
	if (scan_bare(result->type).kind == CXType_Void ||
	    (decl->what == WORD_DESTRUCTOR && !error && !fails)) {
		scan_put_text(u, c->returns, "kind", "void");
		if (fails)
			refuse(c, result, "nothing is returned that could "
			    "fail; take the mark off");
	} else if (fails && error && strcmp(fails, "nonzero") != 0)
		refuse(c, result, "an error enum says itself what fails; take "
		    "the mark \"fails\" off");
	else if (fails && !fails_fits(c, result, fails))
		return;
	else if (error || !is_result(fails))
		put_status(c, error, fails);
	else
		put_value(c, result, fails);
	if (result->way != WAY_RESULT)
		refuse_result_marks(c, result);
	scan_put_text(u, c->returns, "c_type", scan_type_text(u,
	    clang_getCursorResultType(decl->cursor)));
}

/* --- The whole function --------------------------------------------------- */

/* The object that a constructor makes: its first result of that kind. */
static void
find_made(struct call *c)
{
	for (size_t i = c->items.n; i-- > 0;) {
		struct item *item = &c->items.item[i];
		struct decl *object = NULL;

		if (item->way == WAY_OUT || item->way == WAY_RESULT)
			object = scan_find_object(c->u, item->type);
		if (object) {
			c->decl->object = object;
			item->made = object;
		}
	}
	for (size_t i = 0; i < c->items.n; i++)
		if (c->items.item[i].made && !c->decl->from)
			c->items.item[i].way = WAY_MADE;
	if (!c->decl->object) {
		scan_error(c->u, c->decl->at, "%s makes no object; a "
		    "constructor returns a pointer to one, or has a parameter "
		    "that points to such a pointer", c->decl->c_name);
		c->bad = true;
	}
}

static void
check_shape(struct call *c)
{
	struct decl *decl = c->decl;
	bool needs_self = decl->what != WORD_CONSTRUCTOR &&
	    decl->what != WORD_FUNCTION;
	const char *wrong = NULL;

	if (needs_self && !decl->object)
		wrong = "its first parameter is no object; make it one, or "
		    "mark it with FERRY(function)";
	else if (decl->what == WORD_DESTRUCTOR && c->n_params != 1)
		wrong = "a destructor takes the object and nothing else; wrap "
		    "it in a function that does";
	else if (decl->answers && decl->what != WORD_METHOD &&
	    decl->what != WORD_STRAND)
		wrong = "only methods and strands take a ferry_call; take it "
		    "away";
	else if (decl->answers && decl->what == WORD_METHOD &&
	    c->items.item[c->n_params].way == WAY_RESULT)
		wrong = "a method that answers later returns a status or "
		    "nothing; make the result an out-parameter";
	else if (decl->what == WORD_EVENT && scan_bare(
	    clang_getCursorResultType(decl->cursor)).kind != CXType_Void)
		wrong = "an event returns nothing; write void";
	if (!wrong)
		return;
	scan_error(c->u, decl->at, "%s: %s", decl->c_name, wrong);
	c->bad = true;
}

static json_t *
call_entry(struct unit *u, const struct item *item)
{
	static const char *const roles[] = { [WAY_FIELD] = "in",
	    [WAY_IN] = "in", [WAY_OUT] = "out", [WAY_INOUT] = "inout",
	    [WAY_RESULT] = "out", [WAY_EVENT] = "out", [WAY_SELF] = "self",
	    [WAY_PARENT] = "parent", [WAY_CALL] = "call",
	    [WAY_MADE] = "made" };
	json_t *json = scan_new(u, json_object());

	scan_put_text(u, json, "role", roles[item->way]);
	if (item->way < WAY_SELF)
		scan_put_text(u, json, "c_name", item->c_name);
	if (item->pointer)
		scan_put_text(u, json, "by", "pointer");
	return json;
}

static const char *
parameter_text(struct unit *u, CXCursor cursor)
{
	const char *type = scan_string(u, clang_getTypeSpelling(
	    clang_getCursorType(cursor)));
	const char *name = scan_string(u, clang_getCursorSpelling(cursor));
	size_t n = strcspn(type, "[");
	bool tight = n && type[n - 1] == '*';

	while (n && type[n - 1] == ' ')
		n--;
	return scan_text(u, "%.*s%s%s%s", (int)n, type,
	    tight || !*name ? "" : " ", name, type + strcspn(type, "["));
}

static void
put_fields(struct call *c, const struct item *item)
{
	json_t *field;

	if (item->way > WAY_EVENT)
		return;
	field = scan_field(c->u, item);
	c->bad |= !field;
	if (field && (item->way == WAY_IN || item->way == WAY_INOUT))
		scan_append(c->u, c->decl->in, json_incref(field));
	if (field && item->way != WAY_IN) {
		json_t *out = json_deep_copy(field);

		json_object_del(out, "default");
		scan_append(c->u, c->decl->out, out);
	}
	json_decref(field);
}

static void
put_parts(struct call *c)
{
	struct unit *u = c->u;
	struct decl *decl = c->decl;

	decl->in = scan_new(u, json_array());
	decl->out = scan_new(u, json_array());
	decl->call = scan_new(u, json_array());
	for (size_t i = 0; i < c->items.n; i++) {
		put_fields(c, &c->items.item[i]);
		if (i < c->n_params)
			scan_append(u, decl->call, call_entry(u,
			    &c->items.item[i]));
	}
	if (decl->what == WORD_EVENT ||
	    (decl->what == WORD_METHOD && decl->answers)) {
		decl->params = scan_new(u, json_array());
		for (size_t i = 0; i < c->n_params; i++)
			scan_append(u, decl->params, scan_json(u,
			    parameter_text(u, c->items.item[i].cursor)));
	}
	decl->returns = c->returns;
}

/* The block's fields and the call; false after errors. */
static bool
read_function(struct call *c)
{
	struct unit *u = c->u;
	struct decl *decl = c->decl;

	if (clang_isFunctionTypeVariadic(clang_getCursorType(decl->cursor))) {
		scan_error(u, decl->at, "%s: varargs cannot be offered; wrap "
		    "it in a function with fixed parameters", decl->c_name);
		return false;
	}
	if (clang_Cursor_getStorageClass(decl->cursor) == CX_SC_Static &&
	    clang_Cursor_isNull(clang_getCursorDefinition(decl->cursor))) {
		scan_error(u, decl->at, "%s: it is static and not defined "
		    "here; take static away, or define it static inline",
		    decl->c_name);
		return false;
	}
	c->items.item = scan_keep(u, (c->n_params + 1) *
	    sizeof *c->items.item);
	if (!c->items.item)
		return false;
	c->items.n = c->n_params + 1;
	for (size_t i = 0; i < c->n_params; i++)
		read_parameter(c, i);
	for (size_t i = 0; i < c->n_params; i++)
		sort(c, &c->items.item[i]);
	read_returned(c, &c->items.item[c->n_params]);
	if (decl->what == WORD_CONSTRUCTOR && !c->bad)
		find_made(c);
	if (!c->bad)
		check_shape(c);
	return !c->bad && scan_items_join(u, &c->items, false);
}

void
scan_function(struct unit *u, struct decl *decl)
{
	int n = clang_Cursor_getNumArguments(decl->cursor);
	struct call c = { .u = u, .decl = decl,
	    .n_params = n < 0 ? 0 : (size_t)n };

	if (read_function(&c))
		put_parts(&c);
	if (c.bad || !decl->returns) {
		decl->object = NULL;
		decl->returns = NULL;
		json_decref(c.returns);
	}
}
