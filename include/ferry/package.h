/*
 * What the shim of a library tells the packages of every language.
 *
 * `ferry gen` writes the shim: one C file that is compiled into (or beside) the
 * library. It exports two functions without arguments that return the same
 * pointer: NAME_ferry(), after the library's name, and ferry_package_here(),
 * weak, for who has opened a library without knowing its name. Everything they
 * point to is constant and lives as long as the library is loaded.
 *
 * THE BLOCK. Arguments, results and events travel in one block: a C struct as
 * the compiler lays it out, at offset 0, and behind it what its pointers point
 * to. In a block a pointer is an offset in bytes from its beginning; 0 is
 * NULL. What is pointed to is aligned as its type asks, text is followed by a
 * zero byte, and something that is empty and not NULL has any offset but 0
 * that is not past the end. Handles are uint64_t. Bindings read sizes and
 * offsets from the tables below.
 *
 * What is pointed to stands in the order of the fields, as one comes by who
 * appends: all elements of an array, then what its first element points to, in
 * the order of its fields, then the second's; what a variant's case points to
 * comes where the variant stands. There may be gaps, and nothing is shared or
 * overlaps. (Lengths and flags stand in the struct, wherever.)
 *
 * The shim checks the block before the library sees it: offsets, lengths,
 * alignment, zero bytes, bools that are neither, variants whose tag has no such
 * value, NULL where that is not allowed or with a length. One that cannot be
 * right is FERRY_EINVAL, and the text says where. The block must be aligned to
 * 16 bytes, also where it was adopted, and is changed in place.
 *
 * Of results the shim checks what C cannot promise: NULL that was not marked
 * nullable (nothing at all is no elements, where the length is 0), lengths
 * below 0, char[] without a zero byte, unknown tags. Such a call is answered
 * FERRY_EINVAL with a text that says "returned" and where.
 *
 * A reply with status 0 carries the results' block, or nothing where there are
 * none. One with another status carries the error's text with its zero byte,
 * or nothing.
 */
#ifndef FERRY_PACKAGE_H
#define FERRY_PACKAGE_H

#include <ferry/ferry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this struct and of the block; a reader refuses one that it does not
 * know. */
#define FERRY_PACKAGE_FORMAT 1

typedef struct ferry_package_field {
	const char *name;  /* C's; "as.text" for a case of a variant's union */
	uint32_t offset;   /* bytes */
	uint32_t size;     /* bytes */
} ferry_package_field;

/*
 * A record, a variant, or the arguments or results of a function, by the
 * model's names: "things", "timer.echo.in", "timer.echo.out", "parse.in". An
 * event has an ".out"; where there is nothing, there is no entry. The handle of
 * the object that a function is called on, where that is no root, is the field
 * "self".
 */
typedef struct ferry_package_record {
	const char *name;
	uint64_t hash;     /* the model's */
	uint32_t size;     /* bytes */
	uint32_t align;    /* bytes */
	uint32_t n_fields;
	uint32_t reserved;
	const ferry_package_field *fields;
} ferry_package_record;

enum { /* ferry_package_function.kind */
	FERRY_FUNCTION_CONSTRUCTOR = 1, /* of a root: by open, not by a request;
	                                 * of another object: a method */
	FERRY_FUNCTION_METHOD = 2,      /* strands, deferred and destructors of
	                                 * objects that are no roots too */
	FERRY_FUNCTION_DIRECT = 3,      /* by call */
	FERRY_FUNCTION_EVENT = 4
};

typedef struct ferry_package_function {
	/* The model's object and name, "statement.step"; "version" where it has
	 * no object. */
	const char *name;
	uint64_t hash;     /* the model's */
	uint32_t kind;     /* FERRY_FUNCTION_… */
	uint32_t root;     /* index of the root whose it is; UINT32_MAX: none */
	uint32_t id;       /* the model's */
	uint32_t reserved;
} ferry_package_function;

/*
 * Opens a context on a root: runs its constructor on the FFI thread, with the
 * arguments' block (`size` bytes, copied; NULL and 0 where the constructor
 * takes none). `constructor` is its number among the root's. `options` may be
 * NULL; its library, init_arg, error_text and error_text_size are not looked
 * at, and its worker_key and event_policy default to what the library was
 * marked with. Returns what ferry_context_open() does, or the constructor's own
 * status where that is positive. The reason is written to `text` (text_size
 * bytes, terminated), which may be NULL. Close it with ferry_context_close().
 * May be called in a forked child. Blocks.
 */
typedef int (*ferry_package_open_fn)(ferry_context *out, uint32_t root,
    uint32_t constructor, const void *data, size_t size,
    const ferry_context_options *options, char *text, size_t text_size);

/*
 * Calls a function that needs no context, here and now. *out is the results'
 * block, or after a positive status the error's text, for
 * ferry_block_release(); NULL if there is none. `data` is copied. FERRY_OK, a
 * positive status, FERRY_EINVAL, FERRY_ENOMEM, FERRY_ENOMETHOD.
 */
typedef int (*ferry_package_call_fn)(void **out, size_t *out_size, uint32_t id,
    const void *data, size_t size);

typedef struct ferry_package {
	size_t struct_size;
	uint32_t format;      /* FERRY_PACKAGE_FORMAT */
	uint32_t abi;         /* the FERRY_ABI that it was compiled against */
	const char *name;
	const char *version;  /* the library's, by its mark */
	const char *model;    /* JSON, terminated; docs/model.md */
	size_t model_size;    /* bytes, without the zero */
	const char *const *roots; /* the root objects' names */
	const ferry_package_record *records;
	const ferry_package_function *functions;
	uint32_t n_roots;
	uint32_t n_records;
	uint32_t n_functions;
	uint32_t reserved;
	ferry_package_open_fn open;
	ferry_package_call_fn call;
} ferry_package;

#ifdef __cplusplus
}
#endif

#endif
