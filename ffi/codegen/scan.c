/*
 * Reads a header with libclang, and finds what is marked in it: in the file
 * itself, and in those of its own folder. What else is included only gives
 * types their meaning.
 */
#include "ffi/codegen/scan_unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- The translation unit ------------------------------------------------- */

/* Clang's own errors, and its warning that a mark has been lost. Others are
 * switched off: they are no business of ours. */
static bool
matters(struct unit *u, CXDiagnostic d)
{
	return clang_getDiagnosticSeverity(d) >= CXDiagnostic_Error ||
	    strstr(scan_string(u, clang_getDiagnosticSpelling(d)),
	    "'annotate'");
}

static void
pass_on(struct unit *u)
{
	unsigned n = clang_getNumDiagnostics(u->tu);

	for (unsigned i = 0; i < n; i++) {
		CXDiagnostic d = clang_getDiagnostic(u->tu, i);
		struct place at = { u->options->header, 1 };
		CXFile file = NULL;

		if (matters(u, d)) {
			clang_getExpansionLocation(
			    clang_getDiagnosticLocation(d), &file, &at.line,
			    NULL, NULL);
			if (file)
				at.file = scan_string(u,
				    clang_getFileName(file));
			if (!at.line)
				at.line = 1;
			scan_error(u, at, "%s", scan_string(u,
			    clang_getDiagnosticSpelling(d)));
		}
		clang_disposeDiagnostic(d);
	}
}

static const char *
failure(enum CXErrorCode code)
{
	return code == CXError_Crashed ? "libclang crashed on it; "
	    "try it with a compiler first" :
	    code == CXError_InvalidArguments ? "libclang does not know one of "
	    "the arguments; look at them" : "libclang cannot read it; try it "
	    "with a compiler first";
}

static bool
parse(struct unit *u, CXIndex index)
{
	/* What a compiler may take for something else than was written is
	 * wrong here. */
	static const char *const ours[] = { "-xc", "-std=gnu11",
	    "-DFERRY_SCAN=1", "-ferror-limit=100", "-Wno-everything",
	    "-Wignored-attributes", "-Werror=implicit-int",
	    "-Werror=incompatible-pointer-types", "-Werror=int-conversion",
	    "-Werror=missing-declarations",
	    "-Werror=duplicate-decl-specifier" };
	const size_t n_ours = sizeof ours / sizeof *ours;
	const struct scan_options *o = u->options;
	struct place top = { o->header, 1 };
	const char **args = scan_keep(u, (n_ours + (size_t)o->n_args) *
	    sizeof *args);
	enum CXErrorCode code;
	FILE *file = fopen(o->header, "r");

	if (!file) {
		scan_error(u, top, "it cannot be read: %s; give the path of a "
		    "header", strerror(errno));
		return false;
	}
	fclose(file);
	if (!args)
		return false;
	memcpy(args, ours, sizeof ours);
	for (int i = 0; i < o->n_args; i++)
		args[n_ours + (size_t)i] = o->args[i];
	code = clang_parseTranslationUnit2(index, o->header, args,
	    (int)n_ours + o->n_args, NULL, 0,
	    CXTranslationUnit_KeepGoing, &u->tu);
	if (code != CXError_Success || !u->tu) {
		scan_error(u, top, "%s", failure(code));
		return false;
	}
	pass_on(u);
	return true;
}

/* --- What is marked ------------------------------------------------------- */

/* The folder of a file, as the system knows it, with a slash; NULL: none. */
static const char *
folder_of(struct unit *u, CXFile file)
{
	const char *path = scan_string(u, clang_File_tryGetRealPathName(file));
	const char *slash = strrchr(path, '/');

	return slash ? scan_text(u, "%.*s", (int)(slash - path + 1), path) :
	    NULL;
}

bool
scan_is_offered(struct unit *u, CXCursor cursor)
{
	CXSourceLocation at = clang_getCursorLocation(cursor);
	const char *folder;
	CXFile file;

	clang_getExpansionLocation(at, &file, NULL, NULL, NULL);
	if (!file || clang_Location_isInSystemHeader(at))
		return false;
	folder = folder_of(u, file);
	return folder && u->folder &&
	    strncmp(folder, u->folder, strlen(u->folder)) == 0;
}

static enum where
where_is(struct unit *u, CXCursor cursor)
{
	CXType type = clang_getCanonicalType(clang_getCursorType(cursor));

	switch (clang_getCursorKind(cursor)) {
	case CXCursor_FunctionDecl:
		return ON_FUNCTION;
	case CXCursor_VarDecl:
		return strcmp(scan_string(u, clang_getCursorSpelling(cursor)),
		    "ferry_library_mark") ? ON_VARIABLE : ON_LIBRARY;
	case CXCursor_TypedefDecl: case CXCursor_EnumDecl:
	case CXCursor_StructDecl:
		return type.kind == CXType_Enum ? ON_ENUM :
		    type.kind == CXType_Record ? ON_STRUCT :
		    type.kind == CXType_Pointer ? ON_POINTER : 0;
	default:
		return 0;
	}
}

/* The one word that says what it is; WORD_COUNT after an error. */
static enum word
what_is(struct unit *u, const struct decl *decl)
{
	enum word what = WORD_COUNT;

	for (int i = 0; i <= WORD_ERROR_TEXT; i++) {
		if (!decl->marks.value[i] ||
		    (i > WORD_LIBRARY && i < WORD_RECORD))
			continue;
		if (what < WORD_COUNT) {
			scan_error(u, decl->at, "%s is marked \"%s\" and "
			    "\"%s\"; leave one of them", decl->c_name,
			    scan_word_text(what), scan_word_text(i));
			return WORD_COUNT;
		}
		what = i;
	}
	if (what == WORD_COUNT && !decl->marks.bad)
		scan_error(u, decl->at, "%s: the mark does not say what it is; "
		    "add a word such as %s", decl->c_name,
		    clang_getCursorKind(decl->cursor) ==
		    CXCursor_FunctionDecl ? "method or function" :
		    "record, enum, object or constant");
	return what;
}

/* A place for the declaration: a new one, or that of an earlier one. */
static struct decl *
place_for(struct unit *u, CXCursor cursor)
{
	const char *usr = scan_string(u, clang_getCursorUSR(
	    clang_getCanonicalCursor(cursor)));
	json_t *index = json_object_get(u->seen, usr);
	struct decl *decl;

	if (index) {
		decl = &u->decls[json_integer_value(index)];
	} else {
		if (u->n_decls == u->room) {
			size_t room = u->room ? 2 * u->room : 64;
			struct decl *decls = realloc(u->decls,
			    room * sizeof *decls);

			if (!decls) {
				u->report->no_memory = true;
				return NULL;
			}
			u->decls = decls;
			u->room = room;
		}
		scan_put(u, u->seen, usr, json_integer(
		    (json_int_t)u->n_decls));
		decl = &u->decls[u->n_decls++];
	}
	memset(decl, 0, sizeof *decl);
	decl->cursor = cursor;
	decl->what = WORD_COUNT;
	return decl;
}

/* The struct or enum of a type, and how C calls it. */
static void
read_tag(struct unit *u, struct decl *decl)
{
	CXType type = clang_getCursorType(decl->cursor);
	CXType bare = clang_getCanonicalType(type);

	decl->pointer = bare.kind == CXType_Pointer;
	if (decl->pointer)
		bare = clang_getPointeeType(bare);
	decl->tag = clang_getTypeDeclaration(bare);
	decl->c_name = scan_type_text(u, type);
}

static void
collect(struct unit *u, CXCursor cursor)
{
	struct place at = scan_place(u, cursor);
	enum where where = where_is(u, cursor);
	struct decl *decl;

	if (!where) {
		scan_error(u, at, "%s: this cannot be marked; marks stand at "
		    "functions, enums, structs with their typedefs, typedefs "
		    "of pointers, and static const variables",
		    scan_string(u, clang_getCursorSpelling(cursor)));
		return;
	}
	decl = place_for(u, cursor);
	if (!decl)
		return;
	decl->at = at;
	decl->c_name = scan_string(u, clang_getCursorSpelling(cursor));
	if (where & (ON_ENUM | ON_STRUCT | ON_POINTER))
		read_tag(u, decl);
	decl->doc = where == ON_LIBRARY ? scan_library_doc(u, cursor, at) :
	    scan_doc(u, cursor, at);
	scan_marks(u, cursor, where, &decl->marks);
	decl->what = what_is(u, decl);
	if (strchr(decl->c_name, '(') && decl->what < WORD_COUNT &&
	    decl->what != WORD_CONSTANTS) {
		scan_error(u, at, "it has no name; give it one");
		decl->what = WORD_COUNT;
	}
}

/* Marks inside of what is not marked itself have been forgotten there. */
static void
check_unmarked(struct unit *u, CXCursor cursor)
{
	int n = clang_Cursor_getNumArguments(cursor);

	for (int i = 0; i < n; i++) {
		if (!scan_marked(u, clang_Cursor_getArgument(cursor,
		    (unsigned)i)))
			continue;
		scan_error(u, scan_place(u, cursor), "%s: its parameters are "
		    "marked, and itself it is not; add a mark such as "
		    "FERRY(method) or FERRY(function)", scan_string(u,
		    clang_getCursorSpelling(cursor)));
		return;
	}
}

static enum CXChildVisitResult
visit(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct unit *u = data;

	enum CXCursorKind kind = clang_getCursorKind(cursor);
	bool holds = kind == CXCursor_StructDecl || kind == CXCursor_UnionDecl;

	(void)parent;
	if (!clang_isDeclaration(kind) || kind == CXCursor_FieldDecl ||
	    !scan_is_offered(u, cursor))
		return CXChildVisit_Continue;
	if (scan_marked(u, cursor))
		collect(u, cursor);
	else if (kind == CXCursor_FunctionDecl)
		check_unmarked(u, cursor);
	/* Types may be defined in a struct. */
	return holds ? CXChildVisit_Recurse : CXChildVisit_Continue;
}

/* --- Names and types ------------------------------------------------------ */

static void
find_library(struct unit *u)
{
	struct place top = { u->options->header, 1 };
	const char *const *value;

	for (size_t i = 0; i < u->n_decls; i++)
		if (u->decls[i].what == WORD_LIBRARY)
			u->library = &u->decls[i];
	u->prefix = "";
	if (!u->library) {
		scan_error(u, top, "the library has no name; add "
		    "FERRY_LIBRARY(name = NAME)");
		return;
	}
	value = u->library->marks.value;
	if (!value[WORD_NAME])
		scan_error(u, u->library->at, "the library has no name; add "
		    "name = NAME");
	else
		u->prefix = value[WORD_PREFIX] ? value[WORD_PREFIX] :
		    scan_text(u, "%s_", value[WORD_NAME]);
}

static void
remember(struct unit *u, json_t *map, CXCursor cursor, size_t index)
{
	const char *usr = scan_string(u, clang_getCursorUSR(
	    clang_getCanonicalCursor(cursor)));

	if (*usr && !json_object_get(map, usr))
		scan_put(u, map, usr, json_integer((json_int_t)index));
}

static void
name_decl(struct unit *u, size_t index)
{
	struct decl *decl = &u->decls[index];
	const char *c_name = decl->c_name;
	bool type = decl->what >= WORD_RECORD && decl->what <= WORD_OBJECT;

	if (!strncmp(c_name, "enum ", 5))
		c_name += 5;
	if (!strncmp(c_name, "struct ", 7))
		c_name += 7;
	decl->name = decl->marks.value[WORD_NAME] ?
	    decl->marks.value[WORD_NAME] : scan_name(u, c_name, u->prefix);
	if (decl->what == WORD_OBJECT && !decl->pointer)
		decl->c_name = scan_text(u, "%s *", decl->c_name);
	if (!type)
		return;
	remember(u, decl->pointer ? u->pointers : u->types, decl->cursor,
	    index);
	/* void * has no name that others would know. */
	if (!clang_Cursor_isNull(decl->tag))
		remember(u, u->types, decl->tag, index);
}

static void
scan_decl(struct unit *u, struct decl *decl, json_t *constants)
{
	if (scan_is_function(decl->what))
		scan_function(u, decl);
	else if (decl->what == WORD_RECORD)
		scan_record(u, decl);
	else if (decl->what == WORD_VARIANT)
		scan_variant(u, decl);
	else if (decl->what == WORD_CONSTANT)
		scan_constant(u, decl, constants);
}

static void
scan_decls(struct unit *u, json_t *constants)
{
	for (size_t i = 0; i < u->n_decls; i++) {
		name_decl(u, i);
		scan_words_check(u, &u->decls[i]);
	}
	/* Defaults and tags are looked up among their values. */
	for (size_t i = 0; i < u->n_decls; i++)
		if (u->decls[i].what >= WORD_ENUM &&
		    u->decls[i].what <= WORD_CONSTANTS)
			scan_enum(u, &u->decls[i], constants);
	for (size_t i = 0; i < u->n_decls; i++)
		scan_decl(u, &u->decls[i], constants);
}

/* --- The whole ------------------------------------------------------------ */

static bool
failed(const struct unit *u)
{
	return u->report->n_lines || u->report->no_memory;
}

static json_t *
scan_unit(struct unit *u)
{
	json_t *constants = scan_new(u, json_array()), *model = NULL;

	clang_visitChildren(clang_getTranslationUnitCursor(u->tu), visit, u);
	find_library(u);
	scan_decls(u, constants);
	if (!failed(u))
		model_link(u);
	if (!failed(u))
		model_check(u, constants);
	if (!failed(u))
		model = model_make(u, constants);
	json_decref(constants);
	if (failed(u)) {
		json_decref(model);
		model = NULL;
	}
	return model;
}

static void
free_unit(struct unit *u)
{
	for (size_t i = 0; i < u->n_decls; i++) {
		struct decl *decl = &u->decls[i];

		json_decref(decl->entry);
		json_decref(decl->constructors);
		json_decref(decl->in);
		json_decref(decl->out);
		json_decref(decl->call);
		json_decref(decl->params);
		json_decref(decl->returns);
	}
	free(u->decls);
	json_decref(u->seen);
	json_decref(u->types);
	json_decref(u->pointers);
	while (u->kept) {
		struct keep *next = u->kept->next;

		free(u->kept);
		u->kept = next;
	}
}

json_t *
scan_header(const struct scan_options *options, struct scan_report *report)
{
	struct unit u = { .options = options, .report = report };
	CXIndex index = clang_createIndex(0, 0);
	json_t *model = NULL;

	memset(report, 0, sizeof *report);
	u.seen = scan_new(&u, json_object());
	u.types = scan_new(&u, json_object());
	u.pointers = scan_new(&u, json_object());
	if (parse(&u, index)) {
		u.folder = folder_of(&u, clang_getFile(u.tu,
		    options->header));
		if (!failed(&u))
			model = scan_unit(&u);
	}
	scan_report_sort(report);
	free_unit(&u);
	if (u.tu)
		clang_disposeTranslationUnit(u.tu);
	clang_disposeIndex(index);
	return model;
}
