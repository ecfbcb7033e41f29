/*
 * A SQLite database that a program uses from one thread, with marks: behind
 * Ferry any number of threads and event loops use it at the same time.
 *
 * TRANSACTIONS. The connection is everybody's, so a transaction must begin and
 * end in one call: execute with BEGIN … COMMIT in one text, or run with many
 * sets of parameters, which is all or nothing. A call that leaves a transaction
 * open has it rolled back and fails. A call that fails has changed nothing,
 * except that of execute the statements before the failing one stand, unless
 * they were inside BEGIN … COMMIT.
 *
 * ERRORS are SQLite's primary codes; where there is an extended one, it stands
 * behind the message in brackets.
 *
 * What a function returns in pointers is the caller's, to be given to the
 * function that its mark names; what is const lives until the next call.
 */
#ifndef SQLITE_DATABASE_H
#define SQLITE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ferry/marks.h>

FERRY_LIBRARY(name = sqlite, version = "1.0", error = sqlite_error,
    instances = independent)

/** SQLite's primary result codes. */
typedef enum sqlite_error {
	SQLITE_CODE_OK = SQLITE_OK,
	SQLITE_CODE_ERROR = SQLITE_ERROR, /**< The SQL is wrong. */
	SQLITE_CODE_INTERNAL = SQLITE_INTERNAL,
	SQLITE_CODE_PERM = SQLITE_PERM,
	SQLITE_CODE_ABORT = SQLITE_ABORT,
	SQLITE_CODE_BUSY = SQLITE_BUSY, /**< Another process has a lock. */
	SQLITE_CODE_LOCKED = SQLITE_LOCKED,
	SQLITE_CODE_NO_MEMORY = SQLITE_NOMEM,
	SQLITE_CODE_READ_ONLY = SQLITE_READONLY,
	SQLITE_CODE_INTERRUPT = SQLITE_INTERRUPT,
	SQLITE_CODE_IO = SQLITE_IOERR,
	SQLITE_CODE_CORRUPT = SQLITE_CORRUPT,
	SQLITE_CODE_NOT_FOUND = SQLITE_NOTFOUND,
	SQLITE_CODE_FULL = SQLITE_FULL,
	SQLITE_CODE_CANNOT_OPEN = SQLITE_CANTOPEN,
	SQLITE_CODE_PROTOCOL = SQLITE_PROTOCOL,
	SQLITE_CODE_SCHEMA = SQLITE_SCHEMA, /**< It changed on the way. */
	SQLITE_CODE_TOO_BIG = SQLITE_TOOBIG, /**< Over a bound. */
	SQLITE_CODE_CONSTRAINT = SQLITE_CONSTRAINT,
	SQLITE_CODE_MISMATCH = SQLITE_MISMATCH,
	SQLITE_CODE_MISUSE = SQLITE_MISUSE,
	SQLITE_CODE_NO_LFS = SQLITE_NOLFS,
	SQLITE_CODE_AUTH = SQLITE_AUTH,
	SQLITE_CODE_RANGE = SQLITE_RANGE, /**< Parameters that do not fit. */
	SQLITE_CODE_NOT_A_DATABASE = SQLITE_NOTADB
} sqlite_error FERRY(error);

FERRY(error_text) const char *sqlite_error_text(sqlite_error code);

/** SQLite's types. */
typedef enum sqlite_type {
	SQLITE_TYPE_INTEGER = SQLITE_INTEGER,
	SQLITE_TYPE_REAL = SQLITE_FLOAT,
	SQLITE_TYPE_TEXT = SQLITE_TEXT,
	SQLITE_TYPE_BLOB = SQLITE_BLOB,
	SQLITE_TYPE_NULL = SQLITE_NULL
} sqlite_type FERRY(enum);

/** One value, to bind or out of a row. */
typedef struct sqlite_cell {
	sqlite_type type FERRY(tag);
	union {
		int64_t integer FERRY(case = SQLITE_TYPE_INTEGER);
		double real FERRY(case = SQLITE_TYPE_REAL);
		const char *text FERRY(case = SQLITE_TYPE_TEXT, len = size);
		const void *blob FERRY(case = SQLITE_TYPE_BLOB, len = size);
	} as;
	size_t size;
} sqlite_cell FERRY(variant, default = SQLITE_TYPE_NULL);

/** What a statement gave and did. */
typedef struct sqlite_rows {
	const char *const *columns FERRY(len = n_columns);
	size_t n_columns;
	/** Row by row, a value for each column. */
	const sqlite_cell *cells FERRY(len = n_cells);
	size_t n_cells;
	uint64_t n_rows;
	/** Rows changed, by triggers too. */
	int64_t changes;
	int64_t last_rowid;
} sqlite_rows FERRY(record);

/** What a script did. */
typedef struct sqlite_changes {
	/** Rows, by triggers too. */
	int64_t changes;
	int64_t last_rowid;
} sqlite_changes FERRY(record);

/** What a statement is like. */
typedef struct sqlite_about {
	uint32_t n_params;
	uint32_t n_columns;
	/** Does not write to the database. */
	bool readonly;
} sqlite_about FERRY(record);

/** What may be done with a file. */
typedef enum sqlite_mode {
	SQLITE_MODE_READ = SQLITE_OPEN_READONLY,
	SQLITE_MODE_WRITE = SQLITE_OPEN_READWRITE,
	/** Reads and writes; made where there is none. */
	SQLITE_MODE_CREATE = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
} sqlite_mode FERRY(enum);

typedef enum sqlite_operation {
	SQLITE_OPERATION_DELETED = SQLITE_DELETE,
	SQLITE_OPERATION_INSERTED = SQLITE_INSERT,
	SQLITE_OPERATION_UPDATED = SQLITE_UPDATE
} sqlite_operation FERRY(enum);

/** An open database file. */
typedef struct sqlite_database sqlite_database FERRY(object);
/** A prepared statement. */
typedef struct sqlite_statement sqlite_statement FERRY(object);

/**
 * Opens a file, ":memory:" for none. `busy` is how long to wait
 * for a lock of another process; `result_max` bounds the rows of
 * a call, in bytes.
 */
FERRY(constructor, remains) sqlite_error sqlite_open(sqlite_database **out,
    const char *path,
    sqlite_mode mode FERRY(default = SQLITE_MODE_CREATE),
    uint32_t busy FERRY(duration = ms, default = 5000),
    uint64_t result_max FERRY(default = 67108864));
FERRY(destructor) void sqlite_close(sqlite_database *db);
FERRY(detail) const char *sqlite_detail(sqlite_database *db);

/** Interrupts what runs: any thread, also just before it runs. */
void sqlite_cancel(sqlite_database *db);
/** Forgets that: before what may be interrupted next. */
void sqlite_uncancel(sqlite_database *db);

/** Runs every statement of a text; their rows are ignored. */
FERRY(method, cancel = sqlite_cancel, reset = sqlite_uncancel)
sqlite_error sqlite_execute(
    sqlite_database *db, const char *sql, sqlite_changes *out);

/** Runs one statement. */
FERRY(method, cancel = sqlite_cancel, reset = sqlite_uncancel)
sqlite_error sqlite_query(
    sqlite_database *db, const char *sql,
    const sqlite_cell *params FERRY(len = n_params, nullable), size_t n_params,
    sqlite_rows *out FERRY(transfer = sqlite_rows_free));
void sqlite_rows_free(sqlite_rows *rows);

/** Prepares one statement. */
FERRY(constructor) sqlite_error sqlite_prepare(
    sqlite_database *db, const char *sql, sqlite_statement **out);
FERRY(destructor) void sqlite_statement_close(sqlite_statement *s);

/** Runs it with `n_sets` sets of parameters, all or nothing. */
FERRY(method, cancel = sqlite_cancel, reset = sqlite_uncancel)
sqlite_error sqlite_statement_run(
    sqlite_statement *s,
    const sqlite_cell *params FERRY(len = n_params, nullable),
    size_t n_params, uint32_t n_sets FERRY(default = 1),
    sqlite_rows *out FERRY(transfer = sqlite_rows_free));

FERRY(method) void sqlite_statement_about(
    sqlite_statement *s, sqlite_about *out);

/** How many statements SQLite has, prepared or half run. */
FERRY(method) uint64_t sqlite_statements(sqlite_database *db);

/**
 * A row was changed, as sqlite3_update_hook() tells, with its
 * limits. A failing call may take the change back; when who hears
 * of it then asks the database, that has been decided.
 */
FERRY(event) void sqlite_on_row_changed(sqlite_database *db,
    sqlite_operation operation, const char *database, const char *table,
    int64_t rowid);

#endif
