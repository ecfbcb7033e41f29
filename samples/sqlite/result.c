/*
 * SQLite behind Ferry: collects rows and lays them out in one block. While
 * rows come in, cells and bytes grow apart, and the cells' offsets count from
 * the first byte; result_block() puts them together.
 */
#include "database.h"

#include <stdlib.h>
#include <string.h>

/* --- Buffers ------------------------------------------------------------ */

void *
buffer_grow(struct buffer *b, size_t size)
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

/* --- Results ------------------------------------------------------------ */

static int
result_bytes(
    sqlite_ferry_cell *cell, struct result *res, const void *bytes, size_t size)
{
	char *to = buffer_grow(&res->bytes, size + 1);

	if (!to)
		return SQLITE_NOMEM;
	if (size)
		memcpy(to, bytes, size);
	to[size] = '\0';
	cell->size = (uint32_t)size;
	cell->value.offset = res->bytes.used - size - 1;
	return 0;
}

static int
result_value(struct result *res, sqlite3_stmt *statement, int column)
{
	sqlite_ferry_cell cell = { 0 };
	const void *bytes;
	size_t size;
	int r = 0;
	void *to;

	cell.type = (uint32_t)sqlite3_column_type(statement, column);
	switch (cell.type) {
	case SQLITE_INTEGER:
		cell.value.integer = sqlite3_column_int64(statement, column);
		break;
	case SQLITE_FLOAT:
		cell.value.real = sqlite3_column_double(statement, column);
		break;
	case SQLITE_TEXT:
		bytes = sqlite3_column_text(statement, column);
		size = (size_t)sqlite3_column_bytes(statement, column);
		r = result_bytes(&cell, res, bytes, bytes ? size : 0);
		break;
	case SQLITE_BLOB:
		bytes = sqlite3_column_blob(statement, column);
		size = (size_t)sqlite3_column_bytes(statement, column);
		r = result_bytes(&cell, res, bytes, bytes ? size : 0);
		break;
	default:
		break;
	}
	to = buffer_grow(&res->cells, sizeof cell);
	if (r || !to)
		return SQLITE_NOMEM;
	memcpy(to, &cell, sizeof cell);
	return 0;
}

static int
name_columns(struct result *res, sqlite3_stmt *statement)
{
	for (int i = 0; i < (int)res->n_columns; i++) {
		const char *name = sqlite3_column_name(statement, i);
		sqlite_ferry_cell cell = { .type = SQLITE_TEXT };
		void *to = buffer_grow(&res->cells, sizeof cell);

		if (!name || !to ||
		    result_bytes(&cell, res, name, strlen(name)) != 0)
			return SQLITE_NOMEM;
		memcpy(to, &cell, sizeof cell);
	}
	return 0;
}

int
result_describe(
    struct result *res, struct database *db, sqlite3_stmt *statement)
{
	uint32_t n = (uint32_t)sqlite3_column_count(statement);
	int r = 0;

	if (!res->described) {
		res->described = 1;
		res->n_columns = n;
		r = name_columns(res, statement);
	} else if (n != res->n_columns) {
		r = SQLITE_SCHEMA;
	}
	return r ? database_fail(db, r, sqlite3_errstr(r)) : 0;
}

int
result_row(struct result *res, struct database *db, sqlite3_stmt *statement)
{
	int r = result_describe(res, db, statement);

	if (r)
		return r;
	for (int i = 0; i < (int)res->n_columns && r == 0; i++)
		r = result_value(res, statement, i);
	if (r)
		return database_fail(db, r, sqlite3_errstr(r));
	res->n_rows++;
	if (sizeof(sqlite_ferry_rows) + res->cells.used + res->bytes.used >
	    db->result_max)
		return database_fail(db, SQLITE_TOOBIG,
		    "the result is over the bound for one reply; use LIMIT");
	return 0;
}

int
result_block(
    void **out, size_t *out_size, struct database *db, const struct result *res)
{
	sqlite_ferry_rows head = { .n_rows = res->n_rows,
		.n_columns = res->n_columns,
		.changes = database_changes(db),
		.last_rowid = sqlite3_last_insert_rowid(db->sqlite) };
	size_t bytes_at = sizeof head + res->cells.used;
	sqlite_ferry_cell *cells;
	char *block;
	void *p;

	head.size = bytes_at + res->bytes.used;
	if (ferry_block_alloc(&p, head.size) != FERRY_OK)
		return database_fail(db, SQLITE_NOMEM, "out of memory");
	block = p;
	memcpy(block, &head, sizeof head);
	if (res->cells.used)
		memcpy(block + sizeof head, res->cells.bytes, res->cells.used);
	if (res->bytes.used)
		memcpy(block + bytes_at, res->bytes.bytes, res->bytes.used);

	/* A block is aligned to 16, and so is its header to 8. */
	cells = (sqlite_ferry_cell *)(void *)(block + sizeof head);
	for (size_t i = 0; i < res->cells.used / sizeof *cells; i++)
		if (cells[i].type == SQLITE_TEXT ||
		    cells[i].type == SQLITE_BLOB)
			cells[i].value.offset += bytes_at;
	*out = block;
	*out_size = head.size;
	return 0;
}

void
result_free(struct result *res)
{
	free(res->cells.bytes);
	free(res->bytes.bytes);
}
