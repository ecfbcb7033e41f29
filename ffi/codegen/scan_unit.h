/*
 * What the scanner's files share while one header is scanned. Data flows one
 * way: scan.c collects marked declarations, scan_mark.c reads their marks,
 * scan_enum.c, scan_record.c and scan_function.c make the model's entries of
 * them with the help of scan_c.c, scan_type.c, scan_item.c and scan_layout.c;
 * model_link.c, model_check.c and model_make.c see the whole.
 */
#ifndef FERRY_CODEGEN_SCAN_UNIT_H
#define FERRY_CODEGEN_SCAN_UNIT_H

#include "ffi/codegen/scan.h"

#include <clang-c/Index.h>

/* Where something stands. */
struct place {
	const char *file;  /* as it was given; kept by the unit */
	unsigned line;
};

/* The words of marks, in the order of scan_mark.c's table. */
enum word {
	WORD_LIBRARY, WORD_VERSION, WORD_INSTANCES, WORD_OVERFLOW,
	WORD_NAME, WORD_PREFIX, WORD_ERROR_OF,
	WORD_RECORD, WORD_VARIANT, WORD_ENUM, WORD_FLAGS, WORD_ERROR,
	WORD_CONSTANTS, WORD_OBJECT, WORD_CONSTANT,
	WORD_CONSTRUCTOR, WORD_DESTRUCTOR, WORD_METHOD, WORD_STRAND,
	WORD_FUNCTION, WORD_EVENT, WORD_DETAIL, WORD_ERROR_TEXT,
	WORD_FAILS, WORD_REMAINS, WORD_CANCEL, WORD_RESET,
	WORD_SLOW, WORD_STALLED, WORD_WEDGED, WORD_FATAL,
	WORD_LEN, WORD_BYTES, WORD_NULLABLE, WORD_OPTIONAL, WORD_DEFAULT,
	WORD_MAP, WORD_OUT, WORD_INOUT, WORD_TRANSFER, WORD_TIME,
	WORD_DURATION, WORD_ENUM_OF, WORD_TAG, WORD_CASE,
	WORD_COUNT
};

/* Where a mark may stand; a set of these. */
enum where {
	ON_LIBRARY = 1, ON_ENUM = 2, ON_STRUCT = 4, ON_POINTER = 8,
	ON_VARIABLE = 16, ON_FUNCTION = 32, ON_FIELD = 64, ON_PARAMETER = 128,
	ON_VALUE = 256
};

struct marks {
	/* Of each word: NULL, or its value ("" where it has none). */
	const char *value[WORD_COUNT];
	bool any;
	bool bad;              /* some could not be read */
};

/* What is offered: a marked declaration. */
struct decl {
	CXCursor cursor;
	CXCursor tag;          /* a type's: the enum or struct */
	struct place at;
	struct marks marks;
	enum word what;        /* record, method, … */
	const char *name;      /* the model's */
	const char *c_name;
	const char *doc;       /* or NULL */
	json_t *entry;         /* the model's; the unit's reference */
	bool takes, gives;     /* a record: arguments, results contain it */
	int visit;             /* a record: 1 while it is put in order, 2 */
	/* Of an object. */
	struct decl *parent;   /* NULL: a root, or not known yet */
	struct decl *root;
	struct decl *destructor;
	const char *detail;
	bool made;             /* it has a constructor */
	bool pointer;          /* its typedef is the pointer's */
	json_t *constructors;
	/* Of an error enum. */
	const char *error_text;
	/* Of a function. */
	struct decl *object;   /* whose it is */
	struct decl *from;     /* a constructor's parent */
	bool answers;          /* takes a call */
	json_t *in, *out, *call, *params, *returns;
};

/* Of a field, parameter or value returned: which way it goes. */
enum way {
	WAY_FIELD, WAY_IN, WAY_OUT, WAY_INOUT, WAY_RESULT, WAY_EVENT,
	WAY_SELF, WAY_PARENT, WAY_CALL, WAY_MADE
};

struct item {
	CXCursor cursor;
	CXType type;           /* of the block's field */
	struct place at;
	struct marks marks;
	const char *name, *c_name;
	const char *doc;
	enum way way;
	bool pointer;          /* C takes its address */
	const char *role;      /* value, len, has, tag */
	const struct item *of; /* with len and has */
	struct decl *made;     /* the object that a constructor makes */
};

struct items {
	struct item *item;
	size_t n;
};

/* What is kept until the unit ends. */
struct keep {
	struct keep *next;
	_Alignas(max_align_t) char data[];
};

struct unit {
	const struct scan_options *options;
	struct scan_report *report;
	CXTranslationUnit tu;
	const char *folder;    /* the header's, or NULL */
	struct keep *kept;
	struct decl *decls;
	size_t n_decls, room;
	json_t *seen;          /* USR of each in decls: its index */
	json_t *types;         /* USR of a type's declaration: its index */
	json_t *pointers;      /* the same, of typedefs of pointers */
	struct decl *library;
	CXFile mark_file;      /* where FERRY_LIBRARY stands */
	unsigned mark_offset;
	const char *prefix;    /* taken off C's names */
	const char *detail;    /* tells the thread's last error; or NULL */
};

#define PRINTF(f, a) __attribute__((format(printf, f, a)))

/* --- scan_report.c: errors, and memory ------------------------------------ */

/* An error; the text says what is wrong and what to do. */
void scan_error(struct unit *u, struct place at, const char *format, ...)
    PRINTF(3, 4);
/* Puts what is wrong in the order of the lines. */
void scan_report_sort(struct scan_report *report);
/* Zeroed memory that lives as long as the unit; NULL is noted. */
void *scan_keep(struct unit *u, size_t size);
/* Never NULL: "" when there is no memory, which is noted. */
const char *scan_text(struct unit *u, const char *format, ...) PRINTF(2, 3);
/* The same of clang's string, which is disposed of. */
const char *scan_string(struct unit *u, CXString string);
struct place scan_place(struct unit *u, CXCursor cursor);
/* "timer.h:12" */
json_t *scan_at(struct unit *u, struct place at);
json_t *scan_json(struct unit *u, const char *text);
/* Puts it in, unless it is NULL; takes the reference. */
void scan_put(struct unit *u, json_t *object, const char *key, json_t *value);
void scan_put_text(struct unit *u, json_t *object, const char *key,
    const char *text);
void scan_append(struct unit *u, json_t *array, json_t *value);
/* Notes it when there was no memory for it. */
json_t *scan_new(struct unit *u, json_t *value);

/* --- scan.c --------------------------------------------------------------- */

/* Whether it stands in the header, or another of its folder. */
bool scan_is_offered(struct unit *u, CXCursor cursor);

/* --- scan_mark.c, scan_doc.c: words, names, comments ---------------------- */

/* Reads all marks of a declaration, of which it is told where it stands. */
void scan_marks(struct unit *u, CXCursor cursor, enum where where,
    struct marks *marks);
bool scan_marked(struct unit *u, CXCursor cursor);
/* Whether all words fit what the declaration is; says so if not. */
void scan_words_check(struct unit *u, const struct decl *decl);
const char *scan_word_text(enum word word);
/* C's name as the model's; `prefix` is taken off, "" is none. */
const char *scan_name(struct unit *u, const char *c_name, const char *prefix);
/* Its comment without stars, or NULL. FERRY_LIBRARY's goes another way, and is
 * not that of what comes next. */
const char *scan_doc(struct unit *u, CXCursor cursor, struct place at);
const char *scan_library_doc(struct unit *u, CXCursor cursor, struct place at);

/* --- scan_c.c: types of C ------------------------------------------------- */

/* The marked enum, struct or object that a type is, or NULL. */
struct decl *scan_find_type(struct unit *u, CXType type);
/* The object that a type is a pointer to, or NULL. */
struct decl *scan_find_object(struct unit *u, CXType type);
struct decl *scan_find_c_name(struct unit *u, const char *c_name,
    enum word what);
CXType scan_bare(CXType type);       /* without typedefs */
bool scan_is_pointer(CXType type);   /* or an array of unknown length */
CXType scan_pointee(CXType type);
bool scan_is_integer(CXType type);
bool scan_is_character(CXType type);
bool scan_is_call(CXType type);      /* ferry_call */
/* As C writes it, without const of its own. */
const char *scan_type_text(struct unit *u, CXType type);

/* --- scan_type.c: the model's types --------------------------------------- */

/* The model's type of an item, or NULL after an error. */
json_t *scan_type(struct unit *u, const struct item *item);
/* Of a number, enum, text or record that stands in an array or map. */
json_t *scan_element(struct unit *u, const struct item *item, CXType type);

/* --- scan_item.c, scan_value.c: fields and parameters --------------------- */

/* Finds what counts and switches; false after an error. */
bool scan_items_join(struct unit *u, struct items *items, bool shared);
/* The model's field, or NULL after an error. */
json_t *scan_field(struct unit *u, const struct item *item);
/* Of an integer, the enum that its mark names; NULL after an error. */
struct decl *scan_enum_of(struct unit *u, const struct item *item,
    json_t *type);
/* The model's default, or NULL: there is none, or after an error. */
json_t *scan_default(struct unit *u, const struct item *item, json_t *type);
/* The name of the enum's value that C calls so, or NULL. */
const char *scan_enum_value(const struct decl *decl, const char *c_name);
/* What is between quotes; NULL when it has an escape we do not know, or a zero
 * byte. */
const char *scan_unquote(struct unit *u, const char *text);
const char *scan_float_text(struct unit *u, double value);

/* --- scan_layout.c -------------------------------------------------------- */

/* Whether a record's or variant's fields stand where C puts them by itself;
 * says so if not. */
bool scan_layout(struct unit *u, struct decl *decl);

/* --- scan_enum.c, scan_record.c, scan_function.c -------------------------- */

void scan_enum(struct unit *u, struct decl *decl, json_t *constants);
void scan_constant(struct unit *u, struct decl *decl, json_t *constants);
void scan_record(struct unit *u, struct decl *decl);
void scan_variant(struct unit *u, struct decl *decl);
void scan_function(struct unit *u, struct decl *decl);
bool scan_is_function(enum word what);

/* --- model_*.c: the whole ------------------------------------------------- */

/* Whose what is: parents, roots, destructors, texts of errors. */
void model_link(struct unit *u);
/* Errors that are only seen in the whole. */
void model_check(struct unit *u, json_t *constants);
/* The model, of what is in the unit. */
json_t *model_make(struct unit *u, json_t *constants);
/* Records and variants in their order, with what contains them. */
void model_records(struct unit *u, json_t *records, json_t *variants);
struct decl *model_find(struct unit *u, const char *name, bool object);
/* Puts the hash into an object of the model. */
void model_hash(struct unit *u, json_t *object);

#endif
