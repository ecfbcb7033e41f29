/*
 * Compiles and runs statements.
 *
 * No statement is left half way between two calls: each is run to its end and
 * reset in the call that began it. So an interrupt, which in SQLite stops
 * whatever runs on the connection, only ever meets its own call.
 */
#include "parts.h"

#include <stdio.h>

/* --- Parameters --------------------------------------------------------- */

static int
bind_value(sqlite3_stmt *statement, int index, const sqlite_cell *value)
{
	/* SQLITE_STATIC: what is bound outlives the run, see run_sets(). */
	switch (value->type) {
	case SQLITE_TYPE_INTEGER:
		return sqlite3_bind_int64(statement, index, value->as.integer);
	case SQLITE_TYPE_REAL:
		return sqlite3_bind_double(statement, index, value->as.real);
	case SQLITE_TYPE_TEXT:
		return sqlite3_bind_text64(statement, index, value->as.text,
		    value->size, SQLITE_STATIC, SQLITE_UTF8);
	case SQLITE_TYPE_BLOB:
		/* SQLite takes no bytes at no address for NULL. */
		if (value->size == 0)
			return sqlite3_bind_zeroblob(statement, index, 0);
		return sqlite3_bind_blob64(statement, index, value->as.blob,
		    value->size, SQLITE_STATIC);
	case SQLITE_TYPE_NULL:
		return sqlite3_bind_null(statement, index);
	}
	return SQLITE_MISMATCH;
}

static sqlite_error
bind_set(sqlite_database *db, sqlite3_stmt *statement,
    const sqlite_cell *params, size_t n)
{
	int r = SQLITE_OK;

	for (size_t i = 0; i < n && r == SQLITE_OK; i++)
		r = bind_value(statement, (int)i + 1, params + i);
	if (r == SQLITE_MISMATCH)
		return database_fail(db, r, "a parameter's type is unknown");
	return r ? database_fail_sqlite(db, r) : SQLITE_CODE_OK;
}

static sqlite_error
check_sets(sqlite_database *db, sqlite3_stmt *statement, size_t n_params,
    uint32_t n_sets)
{
	int want = sqlite3_bind_parameter_count(statement);
	char text[100];

	if (n_sets == 0 || (want == 0 && n_sets != 1))
		return database_fail(db, SQLITE_RANGE,
		    "a set of parameters is needed, and exactly one if it is "
		    "empty");
	if ((uint64_t)want * n_sets == n_params)
		return SQLITE_CODE_OK;
	snprintf(text, sizeof text,
	    "the statement takes %d parameters, not %zu in %u sets", want,
	    n_params, n_sets);
	return database_fail(db, SQLITE_RANGE, text);
}

/* --- Running ------------------------------------------------------------ */

/* Steps to the end; rows go into `res`, or nowhere if it is NULL. */
static sqlite_error
step_all(sqlite_database *db, struct result *res, sqlite3_stmt *statement)
{
	sqlite_error code;
	int r;

	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		code = res ? result_row(res, db, statement) : SQLITE_CODE_OK;
		if (code != SQLITE_CODE_OK) {
			/* Ended as failed, it takes back what it has written
			 * (RETURNING); a mere reset would commit that. */
			sqlite3_interrupt(db->sqlite);
			sqlite3_step(statement);
			return code;
		}
	}
	if (r != SQLITE_DONE)
		return database_fail_sqlite(db, r);
	return res ? result_describe(res, db, statement) : SQLITE_CODE_OK;
}

/* BEGIN and COMMIT round several sets. */
static sqlite_error
run_word(sqlite_database *db, uint32_t n_sets, const char *word)
{
	int r = SQLITE_OK;

	if (n_sets > 1)
		r = sqlite3_exec(db->sqlite, word, NULL, NULL, NULL);
	return r ? database_fail_sqlite(db, r) : SQLITE_CODE_OK;
}

sqlite_error
run_sets(sqlite_database *db, struct result *res, sqlite3_stmt *statement,
    const sqlite_cell *params, size_t n_params, uint32_t n_sets)
{
	sqlite_error code = check_sets(db, statement, n_params, n_sets);
	size_t n;

	if (code != SQLITE_CODE_OK)
		return code;
	n = n_params / n_sets;
	code = run_word(db, n_sets, "BEGIN");
	for (size_t i = 0; i < n_sets && code == SQLITE_CODE_OK; i++) {
		code = bind_set(db, statement, n ? params + i * n : NULL, n);
		if (code == SQLITE_CODE_OK)
			code = step_all(db, res, statement);
		sqlite3_reset(statement);
	}
	sqlite3_clear_bindings(statement);
	return code != SQLITE_CODE_OK ? code : run_word(db, n_sets, "COMMIT");
}

static sqlite_error
run_one(sqlite_database *db, sqlite3_stmt *statement)
{
	if (sqlite3_bind_parameter_count(statement))
		return database_fail(db, SQLITE_RANGE,
		    "execute takes no parameters: use query");
	return step_all(db, NULL, statement);
}

sqlite_error
run_script(sqlite_database *db, const char *sql)
{
	sqlite_error code = SQLITE_CODE_OK;
	sqlite3_stmt *statement;
	int r;

	while (*sql && code == SQLITE_CODE_OK) {
		r = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, &sql);
		if (r)
			return database_fail_sqlite(db, r);
		if (statement) /* none: blanks, a comment */
			code = run_one(db, statement);
		sqlite3_finalize(statement);
	}
	return code;
}

sqlite_error
run_compile(sqlite3_stmt **out, sqlite_database *db, const char *sql,
    unsigned flags)
{
	sqlite3_stmt *one = NULL, *more = NULL;
	sqlite_error code = SQLITE_CODE_OK;
	const char *tail;

	if (sqlite3_prepare_v3(db->sqlite, sql, -1, flags, &one, &tail))
		code = database_fail_sqlite(
		    db, sqlite3_extended_errcode(db->sqlite));
	else if (!one)
		code = database_fail(
		    db, SQLITE_ERROR, "there is no statement in the SQL");
	/* Blanks and comments may follow, and compile to nothing. */
	while (code == SQLITE_CODE_OK && *tail)
		if (sqlite3_prepare_v2(db->sqlite, tail, -1, &more, &tail) ||
		    more)
			code = database_fail(db, SQLITE_ERROR,
			    "more than one statement; execute takes many");
	sqlite3_finalize(more);
	if (code != SQLITE_CODE_OK)
		sqlite3_finalize(one);
	else
		*out = one;
	return code;
}
