/*
 * SQLite behind Ferry: reads requests, compiles and runs statements.
 *
 * No statement is left half way between two requests: each is run to its end
 * and reset in the request that began it. So an interrupt, which in SQLite
 * stops whatever runs on the connection, only ever meets its own request.
 */
#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Payloads ----------------------------------------------------------- */

int
statement_text(char **out, struct database *db, const char *data, size_t size)
{
	char *text;

	if (size && data[size - 1] == '\0')
		size--;
	if (size && memchr(data, 0, size))
		return database_fail(
		    db, FERRY_EINVAL, "a zero byte inside the SQL");
	text = malloc(size + 1);
	if (!text)
		return database_fail(db, SQLITE_NOMEM, "out of memory");
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	*out = text;
	return 0;
}

int
request_read(
    struct request *q, struct database *db, const void *data, size_t size)
{
	uint64_t cells;

	if (size < sizeof q->head)
		return database_fail(
		    db, FERRY_EINVAL, "the payload is cut short");
	/* An adopted payload may lie at any address: copied, not cast. */
	memcpy(&q->head, data, sizeof q->head);
	q->data = data;
	q->size = size;
	cells = (uint64_t)q->head.n_params * q->head.n_sets;
	if (cells > (size - sizeof q->head) / sizeof(sqlite_ferry_cell))
		return database_fail(db, FERRY_EINVAL,
		    "the payload is too short for its parameters");
	if (q->head.n_sets == 0 ||
	    (q->head.n_params == 0 && q->head.n_sets != 1))
		return database_fail(db, FERRY_EINVAL,
		    "a set of parameters is needed, and exactly one if it is "
		    "empty");
	return 0;
}

const char *
request_bytes(const struct request *q, const sqlite_ferry_cell *cell)
{
	uint64_t offset = cell->value.offset;

	if (offset > q->size || cell->size > q->size - offset)
		return NULL;
	return q->data + offset;
}

static int
bind_cell(sqlite3_stmt *statement, int index, const struct request *q,
    const sqlite_ferry_cell *cell)
{
	const char *bytes = NULL;

	if (cell->type == SQLITE_TEXT || cell->type == SQLITE_BLOB) {
		bytes = request_bytes(q, cell);
		if (!bytes)
			return FERRY_EINVAL;
	}
	/* SQLITE_STATIC: the payload outlives the run, see statement_run(). */
	switch (cell->type) {
	case SQLITE_INTEGER:
		return sqlite3_bind_int64(
		    statement, index, cell->value.integer);
	case SQLITE_FLOAT:
		return sqlite3_bind_double(statement, index, cell->value.real);
	case SQLITE_TEXT:
		return sqlite3_bind_text64(statement, index, bytes, cell->size,
		    SQLITE_STATIC, SQLITE_UTF8);
	case SQLITE_BLOB:
		return sqlite3_bind_blob64(
		    statement, index, bytes, cell->size, SQLITE_STATIC);
	case SQLITE_NULL:
		return sqlite3_bind_null(statement, index);
	default:
		return FERRY_EINVAL;
	}
}

static int
bind_set(struct database *db, sqlite3_stmt *statement, const struct request *q,
    uint32_t set)
{
	const char *at = q->data + sizeof q->head;
	sqlite_ferry_cell cell;
	int r = 0;

	at += (size_t)set * q->head.n_params * sizeof cell;
	for (uint32_t i = 0; i < q->head.n_params && r == 0; i++) {
		memcpy(&cell, at + i * sizeof cell, sizeof cell);
		r = bind_cell(statement, (int)i + 1, q, &cell);
	}
	if (r == FERRY_EINVAL)
		return database_fail(db, r,
		    "a parameter's type is unknown or its bytes are not in "
		    "the payload");
	return r ? database_fail_sqlite(db, r) : 0;
}

/* --- Running ------------------------------------------------------------ */

/* Steps to the end; rows go into `res`, or nowhere if it is NULL. */
static int
step_all(struct database *db, struct result *res, sqlite3_stmt *statement)
{
	int r;

	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		r = res ? result_row(res, db, statement) : 0;
		if (r) {
			/* Ended as failed, it takes back what it has written
			 * (RETURNING); a mere reset would commit that. */
			sqlite3_interrupt(db->sqlite);
			sqlite3_step(statement);
			return r;
		}
	}
	if (r != SQLITE_DONE)
		return database_fail_sqlite(db, r);
	return res ? result_describe(res, db, statement) : 0;
}

/* BEGIN and COMMIT round several sets. */
static int
run_word(struct database *db, const struct request *q, const char *word)
{
	int r = 0;

	if (q->head.n_sets > 1)
		r = sqlite3_exec(db->sqlite, word, NULL, NULL, NULL);
	return r ? database_fail_sqlite(db, r) : 0;
}

int
statement_run(struct database *db, struct result *res, sqlite3_stmt *statement,
    const struct request *q)
{
	int want = sqlite3_bind_parameter_count(statement);
	int r;

	if ((uint32_t)want != q->head.n_params) {
		snprintf(db->error, sizeof db->error,
		    "the statement takes %d parameters, not %u", want,
		    q->head.n_params);
		return SQLITE_RANGE;
	}
	r = run_word(db, q, "BEGIN");
	for (uint32_t i = 0; i < q->head.n_sets && r == 0; i++) {
		r = bind_set(db, statement, q, i);
		if (r == 0)
			r = step_all(db, res, statement);
		sqlite3_reset(statement);
	}
	sqlite3_clear_bindings(statement);
	return r ? r : run_word(db, q, "COMMIT");
}

int
statement_script(struct database *db, const char *sql)
{
	sqlite3_stmt *statement;
	int r = 0;

	while (*sql && r == 0) {
		r = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, &sql);
		if (r)
			return database_fail_sqlite(db, r);
		if (!statement) /* blanks, a comment */
			continue;
		if (sqlite3_bind_parameter_count(statement))
			r = database_fail(db, SQLITE_RANGE,
			    "execute takes no parameters: use query");
		else
			r = step_all(db, NULL, statement);
		sqlite3_finalize(statement);
	}
	return r;
}

int
statement_compile(sqlite3_stmt **out, struct database *db, const char *data,
    size_t size, unsigned flags)
{
	sqlite3_stmt *one = NULL, *more = NULL;
	const char *tail;
	char *sql;
	int r;

	r = statement_text(&sql, db, data, size);
	if (r)
		return r;
	r = sqlite3_prepare_v3(db->sqlite, sql, -1, flags, &one, &tail);
	if (r)
		database_fail_sqlite(db, r);
	else if (!one)
		r = database_fail(
		    db, SQLITE_ERROR, "there is no statement in the SQL");
	/* Blanks and comments may follow, and compile to nothing. */
	while (r == 0 && !more && *tail)
		if (sqlite3_prepare_v2(db->sqlite, tail, -1, &more, &tail) ||
		    more)
			r = database_fail(db, SQLITE_ERROR,
			    "more than one statement; execute takes many");
	free(sql);
	sqlite3_finalize(more);
	if (r)
		sqlite3_finalize(one);
	else
		*out = one;
	return r;
}
