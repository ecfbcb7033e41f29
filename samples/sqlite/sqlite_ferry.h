/*
 * SQLite behind Ferry.
 *
 * One context is one open database file. Its FFI thread is the only one that
 * ever touches the connection; any thread of any runtime may submit. Open it
 * with sqlite_ferry_open(), close it with ferry_context_close().
 *
 *	method    payload                       reply, status 0
 *	execute   SQL text, any number of       sqlite_ferry_changes
 *	          statements, rows ignored
 *	query     sqlite_ferry_query with sql   sqlite_ferry_rows
 *	prepare   SQL text, one statement       sqlite_ferry_prepared
 *	run       sqlite_ferry_query with a     sqlite_ferry_rows
 *	          statement
 *
 * A prepared statement is a ferry_handle: finalize it by
 * ferry_handle_release(), from any thread. What is not released is finalized
 * when the context closes.
 *
 * ERRORS. A positive status is SQLite's own extended result code (its low
 * byte is the primary one); a negative one is Ferry's: FERRY_ECANCELED,
 * FERRY_ESTALE, FERRY_EFOREIGN and FERRY_EINVAL for a statement, FERRY_EINVAL
 * for a payload that contradicts itself. The reply's data is then a message
 * with its terminating zero, or nothing. A request that fails has changed
 * nothing, except that of `execute` the statements before the failing one
 * stand, unless they were inside BEGIN … COMMIT.
 *
 * TRANSACTIONS. The connection is everybody's, so a transaction must begin and
 * end in one request: `execute` with BEGIN … COMMIT in one text, or `run` with
 * many sets of parameters, which is all or nothing. A request that leaves a
 * transaction open has it rolled back and is answered with an error.
 *
 * CANCEL. A request that is cancelled while it runs is interrupted and
 * answered FERRY_ECANCELED; if it got done first, it says so.
 *
 * THE EVENT row_changed tells of each row inserted, updated or deleted, as
 * sqlite3_update_hook() does and with its limits (tables WITHOUT ROWID are
 * silent, so is DELETE without WHERE). It is sent when the row is touched; a
 * failing request may take the change back. When the event's receiver then
 * asks the database, that has been decided.
 *
 * NUMBERS are native: this is the memory of one process. Offsets are in bytes
 * and count from the beginning of the payload, or of the reply. All structs
 * here have the same layout in every C compiler; in Python's struct module
 * they are the formats given with them.
 */
#ifndef SQLITE_FERRY_H
#define SQLITE_FERRY_H

#include <ferry/ferry.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { /* methods */
	SQLITE_FERRY_EXECUTE = 0,
	SQLITE_FERRY_QUERY = 1,
	SQLITE_FERRY_PREPARE = 2,
	SQLITE_FERRY_RUN = 3
};

enum { /* events */
	SQLITE_FERRY_ROW_CHANGED = 0
};

enum { /* types of values: SQLite's numbers */
	SQLITE_FERRY_INTEGER = 1,
	SQLITE_FERRY_FLOAT = 2,
	SQLITE_FERRY_TEXT = 3,
	SQLITE_FERRY_BLOB = 4,
	SQLITE_FERRY_NULL = 5
};

enum { /* operations of row_changed: SQLite's numbers */
	SQLITE_FERRY_DELETE = 9,
	SQLITE_FERRY_INSERT = 18,
	SQLITE_FERRY_UPDATE = 23
};

/* ------------------------------------------------------------- the wire */

/* One value: "=IIq", or "=IId" for a FLOAT. */
typedef struct sqlite_ferry_cell {
	uint32_t type;
	uint32_t size;           /* TEXT, BLOB: bytes, without a final zero */
	union {
		int64_t integer; /* INTEGER */
		double real;     /* FLOAT */
		uint64_t offset; /* TEXT, BLOB: where its bytes are */
	} value;
} sqlite_ferry_cell;

/*
 * Payload of query and run: "=QIIIIq" and then n_sets * n_params cells, set by
 * set, and then the bytes that offsets point to. The statement is run once
 * for each set, in one transaction if there are several.
 */
typedef struct sqlite_ferry_query {
	ferry_handle statement; /* run; 0 for query */
	uint32_t n_params;      /* cells in a set */
	uint32_t n_sets;        /* at least 1; with no parameters, 1 */
	sqlite_ferry_cell sql;  /* query: one statement; NULL for run */
} sqlite_ferry_query;

/* Reply of execute: "=qq". */
typedef struct sqlite_ferry_changes {
	int64_t changes;        /* rows, by triggers too */
	int64_t last_rowid;
} sqlite_ferry_changes;

/* Reply of prepare: "=QIIII". */
typedef struct sqlite_ferry_prepared {
	ferry_handle statement;
	uint32_t n_params;
	uint32_t n_columns;
	uint32_t readonly;      /* 1: does not write to the database */
	uint32_t reserved;
} sqlite_ferry_prepared;

/*
 * Reply of query and run: "=QQIIqq", then n_columns TEXT cells, the columns'
 * names, then n_rows * n_columns cells, row by row, then the bytes. After
 * each TEXT and BLOB there is a zero byte that `size` does not count.
 */
typedef struct sqlite_ferry_rows {
	uint64_t size;          /* bytes of the whole block */
	uint64_t n_rows;
	uint32_t n_columns;
	uint32_t reserved;
	int64_t changes;        /* rows, by triggers too */
	int64_t last_rowid;
} sqlite_ferry_rows;

/*
 * Data of the event row_changed: "=IIIIq", then the database's name ("main"),
 * a zero byte, the table's name, a zero byte.
 */
typedef struct sqlite_ferry_row_changed {
	uint32_t operation;
	uint32_t database_size; /* bytes, without the zero */
	uint32_t table_size;    /* bytes, without the zero */
	uint32_t reserved;
	int64_t rowid;
} sqlite_ferry_row_changed;

/* ------------------------------------------------------------- opening */

typedef struct sqlite_ferry_options {
	size_t struct_size;
	/* SQLITE_OPEN_…; 0: read, write, create. */
	uint32_t flags;
	/* How long to wait for a lock of another process; 0: 5000. */
	uint32_t busy_ms;
	const char *path;       /* required; ":memory:" for none */
	uint64_t result_max;    /* bytes a reply; 0: 64 MiB */
} sqlite_ferry_options;

/*
 * Opens a database. `ferry` may be NULL, or say how the context is to be:
 * levels of the watchdog, depth, worker key, where error_text goes; its
 * `library` and `init_arg` are not looked at. Returns what
 * ferry_context_open() does; FERRY_EINIT when SQLite cannot open the file.
 */
FERRY_API int
sqlite_ferry_open(ferry_context *out, const sqlite_ferry_options *options,
    const ferry_context_options *ferry);

/* --------------------------------------------- a caller's side, for C */

/* A value to bind. */
typedef struct sqlite_ferry_value {
	uint32_t type;
	uint32_t size;          /* TEXT, BLOB: bytes */
	union {
		int64_t integer;
		double real;
		const void *data;
	} value;
} sqlite_ferry_value;

/* Where the functions below leave why they failed; its size is fixed. */
typedef struct sqlite_ferry_error {
	int32_t status;
	uint32_t reserved;
	char text[248];         /* terminated; cut off where it is longer */
} sqlite_ferry_error;

/*
 * Submit and wait. Each returns the reply's status, or the error of the submit
 * (FERRY_OK, FERRY_E…, or positive: SQLite's), and with it the text in *error,
 * which may be NULL. They go on waiting when a signal arrives. From any
 * thread but the context's FFI thread. Block.
 */
FERRY_API int
sqlite_ferry_do_execute(sqlite_ferry_changes *out, ferry_context context,
    const char *sql, sqlite_ferry_error *error);

/* *out is the caller's, to be given back by ferry_block_release(). */
FERRY_API int
sqlite_ferry_do_query(const sqlite_ferry_rows **out, ferry_context context,
    const char *sql, const sqlite_ferry_value *params, uint32_t n_params,
    sqlite_ferry_error *error);

FERRY_API int
sqlite_ferry_do_prepare(sqlite_ferry_prepared *out, ferry_context context,
    const char *sql, sqlite_ferry_error *error);

/* As query. `params` are n_sets times n_params, set by set. */
FERRY_API int
sqlite_ferry_do_run(const sqlite_ferry_rows **out, ferry_context context,
    ferry_handle statement, const sqlite_ferry_value *params, uint32_t n_params,
    uint32_t n_sets, sqlite_ferry_error *error);

/*
 * Makes the payload of query (sql given) or run (sql NULL) for a submit of
 * one's own. *out is the caller's, for free(). FERRY_ENOMEM, FERRY_EINVAL.
 */
FERRY_API int
sqlite_ferry_pack(void **out, size_t *out_size, ferry_handle statement,
    const char *sql, const sqlite_ferry_value *params, uint32_t n_params,
    uint32_t n_sets);

/*
 * What is in a row's column. Outside the table: NULL, 0, 0.0, NULL; so for a
 * value of another type (integers and floats convert). Text and bytes live as
 * long as the block; *out_size may be NULL.
 */
FERRY_API const sqlite_ferry_cell *
sqlite_ferry_rows_cell(
    const sqlite_ferry_rows *rows, uint64_t row, uint32_t column);

FERRY_API int64_t
sqlite_ferry_rows_integer(
    const sqlite_ferry_rows *rows, uint64_t row, uint32_t column);

FERRY_API double
sqlite_ferry_rows_real(
    const sqlite_ferry_rows *rows, uint64_t row, uint32_t column);

FERRY_API const char *
sqlite_ferry_rows_text(size_t *out_size, const sqlite_ferry_rows *rows,
    uint64_t row, uint32_t column);

FERRY_API const char *
sqlite_ferry_rows_column(const sqlite_ferry_rows *rows, uint32_t column);

#ifdef __cplusplus
}
#endif

#endif
