/*
 * SQLite behind Ferry: what the owner's files share. All of it runs on the
 * context's FFI thread, except the cancel hook in sqlite_ferry.c.
 *
 *	sqlite_ferry.c  the library: methods, cancel, event, open and close
 *	statement.c     payloads, compiling, running
 *	result.c        rows, laid out in one block
 *
 * What returns int and a database returns 0, SQLite's code or a FERRY_E…
 * number, and has left the reason in the database's `error`.
 */
#ifndef DATABASE_H
#define DATABASE_H

#include "sqlite_ferry.h"

#include <sqlite3.h>
#include <stdatomic.h>

/* Bytes that grow. */
struct buffer {
	char *bytes;
	size_t used, size;
};

/* The state of one context. */
struct database {
	sqlite3 *sqlite;
	ferry_context context;
	uint64_t result_max;
	uint32_t busy_ms;
	/* Written by the canceller, cleared before a request runs SQL. */
	atomic_int cancelled;
	int64_t changes_before;  /* total changes when the request began */
	struct buffer event;     /* for row_changed, used over and over */
	char error[512];         /* why the request in hand failed */
};

/* Rows being collected: cells' offsets count from the first of `bytes`. */
struct result {
	struct buffer cells, bytes;
	uint64_t n_rows;
	uint32_t n_columns;      /* set with the first run */
	int described;           /* n_columns and the names are known */
};

/* A query's payload, its header checked. */
struct request {
	sqlite_ferry_query head;
	const char *data;
	size_t size;             /* bytes */
};

/* Says why the request fails; returns `status`. */
int
database_fail(struct database *db, int status, const char *text);

/* The same in SQLite's words. */
int
database_fail_sqlite(struct database *db, int r);

/* Rows changed since the request in hand began. */
int64_t
database_changes(const struct database *db);

/* SQL text as SQLite wants it, with a zero at its end; for free(). */
int
statement_text(
    char **out, struct database *db, const char *data, size_t size);

/* Compiles a text that must be one statement; for sqlite3_finalize(). */
int
statement_compile(sqlite3_stmt **out, struct database *db, const char *data,
    size_t size, unsigned flags);

/* Runs a statement once for each set, and leaves it reset and unbound. */
int
statement_run(struct database *db, struct result *res, sqlite3_stmt *statement,
    const struct request *q);

/* Runs every statement of a text, one after the other. */
int
statement_script(struct database *db, const char *sql);

/* Checks a payload's header; `data` must outlive *q. */
int
request_read(
    struct request *q, struct database *db, const void *data, size_t size);

/* The bytes of a TEXT or BLOB cell, or NULL: they are not in the payload. */
const char *
request_bytes(const struct request *q, const sqlite_ferry_cell *cell);

/* Room for `size` bytes more, or NULL: no memory. */
void *
buffer_grow(struct buffer *b, size_t size);

/* Names the columns, once; after the first step, when they are settled. */
int
result_describe(
    struct result *res, struct database *db, sqlite3_stmt *statement);

/* Adds the row that the statement stands on. */
int
result_row(struct result *res, struct database *db, sqlite3_stmt *statement);

/* Lays the result out in one block of Ferry's. */
int
result_block(void **out, size_t *out_size, struct database *db,
    const struct result *res);

void
result_free(struct result *res);

#endif
