/*
 * Collects rows and lays them out. While rows come in, values and bytes grow
 * apart; result_lay_out() puts them together.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* --- Buffers ------------------------------------------------------------ */

/* Room for `size` bytes more, or NULL: no memory. */
static void *
grow(struct buffer *b, size_t size)
{
	size_t want = b->size ? b->size : 256;
	void *p;

	if (size > SIZE_MAX / 2 - b->used)
		return NULL;
	while (want < b->used + size)
		want *= 2;
	if (want > b->size) {
		p = realloc(b->bytes, want);
		if (!p)
			return NULL;
		b->bytes = p;
		b->size = want;
	}
	p = b->bytes + b->used;
	b->used += size;
	return p;
}

/* A copy with a zero at its end; false: no memory. */
static bool
keep(struct result *res, const void *bytes, size_t size)
{
	char *to = grow(&res->bytes, size + 1);

	if (!to)
		return false;
	if (size)
		memcpy(to, bytes, size);
	to[size] = '\0';
	return true;
}

/* --- Results ------------------------------------------------------------ */

static bool
keep_value(struct result *res, sqlite3_stmt *statement, int column)
{
	sqlite_cell value = { 0 };
	const void *bytes = NULL;
	sqlite_cell *to;

	value.type = (sqlite_type)sqlite3_column_type(statement, column);
	if (value.type == SQLITE_TYPE_INTEGER)
		value.as.integer = sqlite3_column_int64(statement, column);
	else if (value.type == SQLITE_TYPE_REAL)
		value.as.real = sqlite3_column_double(statement, column);
	else if (value.type == SQLITE_TYPE_TEXT)
		bytes = sqlite3_column_text(statement, column);
	else if (value.type == SQLITE_TYPE_BLOB)
		bytes = sqlite3_column_blob(statement, column);
	if (value.type == SQLITE_TYPE_TEXT || value.type == SQLITE_TYPE_BLOB) {
		value.as.integer = (int64_t)res->bytes.used;
		if (bytes)
			value.size =
			    (size_t)sqlite3_column_bytes(statement, column);
		if (!keep(res, bytes, value.size))
			return false;
	}
	to = grow(&res->values, sizeof value);
	if (to)
		*to = value;
	return to != NULL;
}

static bool
keep_names(struct result *res, sqlite3_stmt *statement)
{
	for (int i = 0; i < (int)res->n_columns; i++) {
		const char *name = sqlite3_column_name(statement, i);

		if (!name || !keep(res, name, strlen(name)))
			return false;
	}
	return true;
}

sqlite_error
result_describe(
    struct result *res, sqlite_database *db, sqlite3_stmt *statement)
{
	size_t n = (size_t)sqlite3_column_count(statement);
	int r = SQLITE_OK;

	if (!res->described) {
		res->described = 1;
		res->n_columns = n;
		r = keep_names(res, statement) ? SQLITE_OK : SQLITE_NOMEM;
	} else if (n != res->n_columns) {
		r = SQLITE_SCHEMA;
	}
	return r ? database_fail(db, r, sqlite3_errstr(r)) : SQLITE_CODE_OK;
}

sqlite_error
result_row(struct result *res, sqlite_database *db, sqlite3_stmt *statement)
{
	sqlite_error code = result_describe(res, db, statement);

	for (size_t i = 0; i < res->n_columns && code == SQLITE_CODE_OK; i++)
		if (!keep_value(res, statement, (int)i))
			code = database_fail(db, SQLITE_NOMEM, "out of memory");
	if (code != SQLITE_CODE_OK)
		return code;
	res->n_rows++;
	if (res->values.used + res->bytes.used > db->result_max)
		return database_fail(db, SQLITE_TOOBIG,
		    "the result is over the bound for one call; use LIMIT");
	return SQLITE_CODE_OK;
}

/* Gives names and values the addresses of their bytes. */
static void
point(const char **names, sqlite_cell *values, char *bytes,
    const struct result *res)
{
	char *name = bytes;

	for (size_t i = 0; i < res->n_columns; i++) {
		names[i] = name;
		name += strlen(name) + 1;
	}
	for (size_t i = 0; i < res->n_rows * res->n_columns; i++)
		if (values[i].type == SQLITE_TYPE_TEXT)
			values[i].as.text = bytes + values[i].as.integer;
		else if (values[i].type == SQLITE_TYPE_BLOB)
			values[i].as.blob = bytes + values[i].as.integer;
}

sqlite_error
result_lay_out(
    sqlite_rows *out, sqlite_database *db, const struct result *res)
{
	size_t values_at = res->n_columns * sizeof(char *);
	size_t bytes_at = values_at + res->values.used;
	/* One more: never nothing. */
	char *block = malloc(bytes_at + res->bytes.used + 1);
	sqlite_cell *values;

	if (!block)
		return database_fail(db, SQLITE_NOMEM, "out of memory");
	values = (sqlite_cell *)(void *)(block + values_at);
	if (res->values.used)
		memcpy(values, res->values.bytes, res->values.used);
	if (res->bytes.used)
		memcpy(block + bytes_at, res->bytes.bytes, res->bytes.used);
	point((const char **)(void *)block, values, block + bytes_at, res);
	*out = (sqlite_rows){ .columns = (const char *const *)(void *)block,
		.n_columns = res->n_columns,
		.cells = values,
		.n_cells = res->n_rows * res->n_columns,
		.n_rows = res->n_rows,
		.changes = sqlite3_total_changes64(db->sqlite) -
		    db->changes_before,
		.last_rowid = sqlite3_last_insert_rowid(db->sqlite) };
	return SQLITE_CODE_OK;
}

void
sqlite_rows_free(sqlite_rows *rows)
{
	/* It begins with the columns. */
	free((void *)(uintptr_t)rows->columns);
}

void
result_free(struct result *res)
{
	free(res->values.bytes);
	free(res->bytes.bytes);
}
