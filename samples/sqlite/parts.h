/*
 * What the library's own files share. All of it runs on one thread at a time,
 * except sqlite_cancel().
 *
 *	database.c    errors, cancel, the functions of database.h
 *	run.c         compiling, binding, running
 *	rows.c        rows, collected and laid out
 *
 * What returns a code has left the reason in the database's `detail`.
 */
#ifndef SQLITE_PARTS_H
#define SQLITE_PARTS_H

#include "database.h"

#include <stdatomic.h>

struct sqlite_database {
	sqlite3 *sqlite;
	uint64_t result_max;
	uint32_t busy;           /* ms */
	/* Set by the canceller, cleared before a call can be cancelled. */
	atomic_int cancelled;
	int64_t changes_before;  /* total changes when the call began */
	char detail[512];        /* why the last one failed */
};

struct sqlite_statement {
	sqlite_database *db;
	sqlite3_stmt *statement;
};

/* Bytes that grow. */
struct buffer {
	char *bytes;
	size_t used, size;
};

/* Rows being collected. In place of a pointer a value has in `as.integer` how
 * far behind the first of `bytes` its own are; columns' names come first. */
struct result {
	struct buffer values, bytes;
	uint64_t n_rows;
	size_t n_columns;        /* set with the first run */
	int described;           /* n_columns and the names are known */
};

/* Says why the call fails; returns the primary code of `code`. */
sqlite_error
database_fail(sqlite_database *db, int code, const char *text);

/* The same in SQLite's words. */
sqlite_error
database_fail_sqlite(sqlite_database *db, int code);

/* Compiles a text that must be one statement; for sqlite3_finalize(). */
sqlite_error
run_compile(sqlite3_stmt **out, sqlite_database *db, const char *sql,
    unsigned flags);

/* Runs a statement once for each set, and leaves it reset and unbound. */
sqlite_error
run_sets(sqlite_database *db, struct result *res, sqlite3_stmt *statement,
    const sqlite_cell *params, size_t n_params, uint32_t n_sets);

/* Runs every statement of a text, one after the other. */
sqlite_error
run_script(sqlite_database *db, const char *sql);

/* Names the columns, once; after the first step, when they are settled. */
sqlite_error
result_describe(
    struct result *res, sqlite_database *db, sqlite3_stmt *statement);

/* Adds the row that the statement stands on. */
sqlite_error
result_row(struct result *res, sqlite_database *db, sqlite3_stmt *statement);

/* Lays the result out in one piece of memory, for sqlite_rows_free(). */
sqlite_error
result_lay_out(
    sqlite_rows *out, sqlite_database *db, const struct result *res);

void
result_free(struct result *res);

#endif
