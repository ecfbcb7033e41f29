/*
 * SQLite behind Ferry: a C caller's side. Packs requests, waits for replies,
 * reads rows. Holds no state: any thread may call anything here.
 */
#include "sqlite_ferry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Requests ----------------------------------------------------------- */

static int
has_bytes(uint32_t type)
{
	return type == SQLITE_FERRY_TEXT || type == SQLITE_FERRY_BLOB;
}

/* Puts bytes at *at, which moves on; returns where they went. */
static uint64_t
put(char *block, size_t *at, const void *data, size_t size)
{
	uint64_t offset = *at;

	if (size)
		memcpy(block + *at, data, size);
	*at += size;
	return offset;
}

static sqlite_ferry_cell
pack_value(char *block, size_t *at, const sqlite_ferry_value *v)
{
	sqlite_ferry_cell cell = { .type = v->type };

	if (has_bytes(v->type)) {
		cell.size = v->size;
		cell.value.offset = put(block, at, v->value.data, v->size);
	} else if (v->type == SQLITE_FERRY_FLOAT) {
		cell.value.real = v->value.real;
	} else if (v->type == SQLITE_FERRY_INTEGER) {
		cell.value.integer = v->value.integer;
	}
	return cell;
}

int
sqlite_ferry_pack(void **out, size_t *out_size, ferry_handle statement,
    const char *sql, const sqlite_ferry_value *params, uint32_t n_params,
    uint32_t n_sets)
{
	size_t n = (size_t)n_params * n_sets;
	size_t sql_size = sql ? strlen(sql) : 0;
	sqlite_ferry_query head = { .statement = statement,
		.n_params = n_params,
		.n_sets = n_sets,
		.sql = {
		    .type = sql ? SQLITE_FERRY_TEXT : SQLITE_FERRY_NULL } };
	size_t at = sizeof head + n * sizeof(sqlite_ferry_cell);
	size_t size = at + sql_size;
	char *block;

	if (!out || !out_size || (n && !params) || sql_size > UINT32_MAX)
		return FERRY_EINVAL;
	for (size_t i = 0; i < n; i++)
		if (has_bytes(params[i].type))
			size += params[i].size;
	block = malloc(size);
	if (!block)
		return FERRY_ENOMEM;
	head.sql.size = (uint32_t)sql_size;
	head.sql.value.offset = put(block, &at, sql, sql_size);
	memcpy(block, &head, sizeof head);
	for (size_t i = 0; i < n; i++) {
		sqlite_ferry_cell cell = pack_value(block, &at, &params[i]);

		memcpy(
		    block + sizeof head + i * sizeof cell, &cell, sizeof cell);
	}
	*out = block;
	*out_size = size;
	return FERRY_OK;
}

/* --- Submit and wait ---------------------------------------------------- */

static void
note(sqlite_ferry_error *error, int status, const char *text)
{
	if (!error)
		return;
	error->status = status;
	error->reserved = 0;
	snprintf(error->text, sizeof error->text, "%s", text);
}

/* A reply whose status is not 0: its message, or the meaning of its number. */
static int
refuse(ferry_reply *reply, sqlite_ferry_error *error)
{
	int status = reply->status;

	if (reply->size)
		note(error, status, reply->data);
	else
		note(error, status,
		    status < 0 ? ferry_error_text(status) : "no message");
	ferry_block_release(reply->data);
	return status;
}

/* One request, waited for however often a signal interrupts. */
static int
ask(ferry_reply *out, ferry_context context, uint32_t method, const void *data,
    size_t size, sqlite_ferry_error *error)
{
	ferry_request request;
	int r;

	r = ferry_request_invoke(
	    out, &request, context, method, data, size, NULL, -1);
	while (r == FERRY_EINTR)
		r = ferry_request_wait(out, request, -1);
	if (r) {
		note(error, r, ferry_error_text(r));
		return r;
	}
	return out->status ? refuse(out, error) : 0;
}

/* The same for replies of a fixed size, copied out. */
static int
ask_fixed(void *out, size_t out_size, ferry_context context, uint32_t method,
    const char *sql, sqlite_ferry_error *error)
{
	ferry_reply reply;
	int r;

	if (!out || !sql)
		return FERRY_EINVAL;
	r = ask(&reply, context, method, sql, strlen(sql), error);
	if (r == 0) {
		memcpy(out, reply.data, out_size);
		ferry_block_release(reply.data);
	}
	return r;
}

int
sqlite_ferry_do_execute(sqlite_ferry_changes *out, ferry_context context,
    const char *sql, sqlite_ferry_error *error)
{
	sqlite_ferry_changes nobody_asked;

	return ask_fixed(out ? out : &nobody_asked, sizeof *out, context,
	    SQLITE_FERRY_EXECUTE, sql, error);
}

int
sqlite_ferry_do_prepare(sqlite_ferry_prepared *out, ferry_context context,
    const char *sql, sqlite_ferry_error *error)
{
	return ask_fixed(
	    out, sizeof *out, context, SQLITE_FERRY_PREPARE, sql, error);
}

static int
ask_rows(const sqlite_ferry_rows **out, ferry_context context, uint32_t method,
    ferry_handle statement, const char *sql, const sqlite_ferry_value *params,
    uint32_t n_params, uint32_t n_sets, sqlite_ferry_error *error)
{
	ferry_reply reply;
	void *payload;
	size_t size;
	int r;

	r = sqlite_ferry_pack(
	    &payload, &size, statement, sql, params, n_params, n_sets);
	if (r) {
		note(error, r, ferry_error_text(r));
		return r;
	}
	r = ask(&reply, context, method, payload, size, error);
	free(payload);
	if (r == 0)
		*out = reply.data;
	return r;
}

int
sqlite_ferry_do_query(const sqlite_ferry_rows **out, ferry_context context,
    const char *sql, const sqlite_ferry_value *params, uint32_t n_params,
    sqlite_ferry_error *error)
{
	if (!out || !sql)
		return FERRY_EINVAL;
	return ask_rows(out, context, SQLITE_FERRY_QUERY, 0, sql, params,
	    n_params, 1, error);
}

int
sqlite_ferry_do_run(const sqlite_ferry_rows **out, ferry_context context,
    ferry_handle statement, const sqlite_ferry_value *params, uint32_t n_params,
    uint32_t n_sets, sqlite_ferry_error *error)
{
	if (!out)
		return FERRY_EINVAL;
	return ask_rows(out, context, SQLITE_FERRY_RUN, statement, NULL, params,
	    n_params, n_sets, error);
}

/* --- Rows --------------------------------------------------------------- */

/* The names come first, then the rows. */
static const sqlite_ferry_cell *
cells(const sqlite_ferry_rows *rows)
{
	return (const sqlite_ferry_cell *)(const void *)(rows + 1);
}

static const char *
bytes(const sqlite_ferry_rows *rows, const sqlite_ferry_cell *cell)
{
	return (const char *)rows + cell->value.offset;
}

const sqlite_ferry_cell *
sqlite_ferry_rows_cell(
    const sqlite_ferry_rows *rows, uint64_t row, uint32_t column)
{
	if (!rows || row >= rows->n_rows || column >= rows->n_columns)
		return NULL;
	return cells(rows) + (row + 1) * rows->n_columns + column;
}

int64_t
sqlite_ferry_rows_integer(
    const sqlite_ferry_rows *rows, uint64_t row, uint32_t column)
{
	const sqlite_ferry_cell *c = sqlite_ferry_rows_cell(rows, row, column);

	if (c && c->type == SQLITE_FERRY_INTEGER)
		return c->value.integer;
	/* The range check: a conversion outside it is undefined. */
	if (c && c->type == SQLITE_FERRY_FLOAT && c->value.real >= -0x1p63 &&
	    c->value.real < 0x1p63)
		return (int64_t)c->value.real;
	return 0;
}

double
sqlite_ferry_rows_real(
    const sqlite_ferry_rows *rows, uint64_t row, uint32_t column)
{
	const sqlite_ferry_cell *c = sqlite_ferry_rows_cell(rows, row, column);

	if (c && c->type == SQLITE_FERRY_FLOAT)
		return c->value.real;
	if (c && c->type == SQLITE_FERRY_INTEGER)
		return (double)c->value.integer;
	return 0.0;
}

const char *
sqlite_ferry_rows_text(size_t *out_size, const sqlite_ferry_rows *rows,
    uint64_t row, uint32_t column)
{
	const sqlite_ferry_cell *c = sqlite_ferry_rows_cell(rows, row, column);

	if (!c || !has_bytes(c->type))
		return NULL;
	if (out_size)
		*out_size = c->size;
	return bytes(rows, c);
}

const char *
sqlite_ferry_rows_column(const sqlite_ferry_rows *rows, uint32_t column)
{
	if (!rows || column >= rows->n_columns)
		return NULL;
	return bytes(rows, cells(rows) + column);
}
