/*
 * sqlite behind Ferry: made by `ferry gen` from database.h. Compile it into
 * the library, or beside it; <ferry/package.h> says what it exports.
 */
#include <stddef.h>

#include <ferry/shim.h>

#include "sqlite_ferry.h"

/* --- Records -------------------------------------------------------------- */

FERRY_SHIM_FN void
load_cell(struct ferry_shim_in *in, sqlite_cell *r)
{
	switch (r->type) {
	case SQLITE_TYPE_INTEGER:
		break;
	case SQLITE_TYPE_REAL:
		break;
	case SQLITE_TYPE_TEXT:
		r->as.text = ferry_shim_counted(in, r->as.text, r->size,
		    FERRY_SHIM_NEVER, "cell.text");
		break;
	case SQLITE_TYPE_BLOB:
		r->as.blob = ferry_shim_take(in, r->as.blob, r->size, 1, 1,
		    FERRY_SHIM_NEVER, "cell.blob");
		break;
	case SQLITE_TYPE_NULL:
		break;
	default:
		ferry_shim_wrong(in, "cell");
	}
}

FERRY_SHIM_FN void *
load_cell_n(struct ferry_shim_in *in, const sqlite_cell *from, uint64_t n,
    int null, const char *name)
{
	sqlite_cell *r = ferry_shim_take(in, from, n, sizeof *r,
	    _Alignof(sqlite_cell), null, name);

	for (uint64_t i = 0; r != NULL && in->wrong == NULL && i < n; i++)
		load_cell(in, &r[i]);
	return r;
}

FERRY_SHIM_FN void
size_cell(struct ferry_shim_out *out, const sqlite_cell *r)
{
	switch (r->type) {
	case SQLITE_TYPE_INTEGER:
		break;
	case SQLITE_TYPE_REAL:
		break;
	case SQLITE_TYPE_TEXT:
		ferry_shim_need_counted(out, r->as.text, r->size,
		    FERRY_SHIM_NEVER, "cell.text");
		break;
	case SQLITE_TYPE_BLOB:
		ferry_shim_need(out, r->as.blob, r->size, 1, 1,
		    FERRY_SHIM_NEVER, "cell.blob");
		break;
	case SQLITE_TYPE_NULL:
		break;
	default:
		ferry_shim_bad(out, "cell");
	}
}

FERRY_SHIM_FN void
size_cell_n(struct ferry_shim_out *out, const sqlite_cell *r, uint64_t n,
    int null, const char *name)
{
	if (!ferry_shim_need(out, r, n, sizeof *r, _Alignof(sqlite_cell), null,
	    name))
		return;
	for (uint64_t i = 0; out->wrong == NULL && i < n; i++)
		size_cell(out, &r[i]);
}

FERRY_SHIM_FN void
store_cell(struct ferry_shim_out *out, sqlite_cell *r)
{
	switch (r->type) {
	case SQLITE_TYPE_INTEGER:
		break;
	case SQLITE_TYPE_REAL:
		break;
	case SQLITE_TYPE_TEXT:
		r->as.text = ferry_shim_store_counted(out, r->as.text, r->size,
		    FERRY_SHIM_NEVER);
		break;
	case SQLITE_TYPE_BLOB:
		r->as.blob = ferry_shim_store(out, r->as.blob, r->size, 1, 1,
		    FERRY_SHIM_NEVER);
		break;
	case SQLITE_TYPE_NULL:
		break;
	default:
		break; /* not one: it was measured */
	}
}

FERRY_SHIM_FN void *
store_cell_n(struct ferry_shim_out *out, const sqlite_cell *from, uint64_t n,
    int null)
{
	sqlite_cell *r = ferry_shim_put(out, from, n, sizeof *r,
	    _Alignof(sqlite_cell));

	for (uint64_t i = 0; r != NULL && i < n; i++)
		store_cell(out, &r[i]);
	return ferry_shim_offset(out, from, r, null);
}

FERRY_SHIM_FN void
size_rows(struct ferry_shim_out *out, const sqlite_rows *r)
{
	ferry_shim_need_texts(out, r->columns, r->n_columns, FERRY_SHIM_NEVER,
	    "rows.columns");
	size_cell_n(out, r->cells, r->n_cells, FERRY_SHIM_NEVER, "rows.cells");
}

FERRY_SHIM_FN void
store_rows(struct ferry_shim_out *out, sqlite_rows *r)
{
	r->columns = ferry_shim_store_texts(out, r->columns, r->n_columns,
	    FERRY_SHIM_NEVER);
	r->cells = store_cell_n(out, r->cells, r->n_cells, FERRY_SHIM_NEVER);
}

/* --- Objects -------------------------------------------------------------- */

static const char *
text_of_error(int code)
{
	return sqlite_error_text((sqlite_error)code);
}

static void
cancel_sqlite_cancel(ferry_call call, void *root)
{
	(void)call;
	sqlite_cancel(root);
}

static const char *
detail_database(void *object)
{
	return sqlite_detail(object);
}

static void
end_database(void *object)
{
	sqlite_close(object);
}

static const struct ferry_shim_type type_database = {
	"database",
	NULL,
	end_database,
	detail_database
};

static void
end_statement(void *object)
{
	sqlite_statement_close(object);
}

static const struct ferry_shim_type type_statement = {
	"statement",
	NULL,
	end_statement,
	NULL
};

/* --- Functions ------------------------------------------------------------ */

struct in_sqlite_open {
	const char *path;
	sqlite_mode mode;
	uint32_t busy;
	uint64_t result_max;
};

static void
load_in_sqlite_open(struct ferry_shim_in *in, void *head)
{
	struct in_sqlite_open *r = head;

	r->path = ferry_shim_text(in, r->path, FERRY_SHIM_NEVER,
	    "database.open.path");
}

static int
run_sqlite_open(struct ferry_shim_call *c)
{
	struct in_sqlite_open *in = ferry_shim_load(c, sizeof *in,
	    load_in_sqlite_open, "database.open");
	sqlite_database *made = NULL;
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	code = sqlite_open(&made, in->path, in->mode, in->busy, in->result_max);
	if (code != 0)
		r = ferry_shim_remains(c, code, &type_database, made, NULL,
		    text_of_error);
	if (r == FERRY_OK)
		c->root->object = made;
	return r;
}

struct in_sqlite_execute {
	const char *sql;
};

static void
load_in_sqlite_execute(struct ferry_shim_in *in, void *head)
{
	struct in_sqlite_execute *r = head;

	r->sql = ferry_shim_text(in, r->sql, FERRY_SHIM_NEVER,
	    "database.execute.sql");
}

struct out_sqlite_execute {
	sqlite_changes out;
};

static int
run_sqlite_execute(struct ferry_shim_call *c)
{
	struct in_sqlite_execute *in = ferry_shim_load(c, sizeof *in,
	    load_in_sqlite_execute, "database.execute");
	struct out_sqlite_execute out = { 0 };
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	sqlite_uncancel(c->root->object);
	r = ferry_call_on_cancel(c->call, cancel_sqlite_cancel,
	    c->root->object);
	if (r != FERRY_OK)
		return r;
	code = sqlite_execute(c->root->object, in->sql, &out.out);
	ferry_call_on_cancel(c->call, NULL, NULL);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	r = ferry_shim_cancelled(c, r);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, NULL, NULL);
	return r;
}

static int
handle_sqlite_execute(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state, run_sqlite_execute);
}

struct in_sqlite_query {
	const char *sql;
	const sqlite_cell *params;
	size_t n_params;
};

static void
load_in_sqlite_query(struct ferry_shim_in *in, void *head)
{
	struct in_sqlite_query *r = head;

	r->sql = ferry_shim_text(in, r->sql, FERRY_SHIM_NEVER,
	    "database.query.sql");
	r->params = load_cell_n(in, r->params, r->n_params, FERRY_SHIM_NULLABLE,
	    "database.query.params");
}

struct out_sqlite_query {
	sqlite_rows out;
};

static void
size_out_sqlite_query(struct ferry_shim_out *out, const void *head)
{
	const struct out_sqlite_query *r = head;

	size_rows(out, &r->out);
}

static void
store_out_sqlite_query(struct ferry_shim_out *out, void *head)
{
	struct out_sqlite_query *r = head;

	store_rows(out, &r->out);
}

static int
run_sqlite_query(struct ferry_shim_call *c)
{
	struct in_sqlite_query *in = ferry_shim_load(c, sizeof *in,
	    load_in_sqlite_query, "database.query");
	struct out_sqlite_query out = { 0 };
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	sqlite_uncancel(c->root->object);
	r = ferry_call_on_cancel(c->call, cancel_sqlite_cancel,
	    c->root->object);
	if (r != FERRY_OK)
		return r;
	code = sqlite_query(c->root->object, in->sql, in->params, in->n_params,
	    &out.out);
	ferry_call_on_cancel(c->call, NULL, NULL);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	r = ferry_shim_cancelled(c, r);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, size_out_sqlite_query,
		    store_out_sqlite_query);
	if (code == 0)
		sqlite_rows_free(&out.out);
	return r;
}

static int
handle_sqlite_query(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_sqlite_query);
}

struct in_sqlite_prepare {
	const char *sql;
};

static void
load_in_sqlite_prepare(struct ferry_shim_in *in, void *head)
{
	struct in_sqlite_prepare *r = head;

	r->sql = ferry_shim_text(in, r->sql, FERRY_SHIM_NEVER,
	    "statement.prepare.sql");
}

struct out_sqlite_prepare {
	uint64_t out;
};

static int
run_sqlite_prepare(struct ferry_shim_call *c)
{
	struct in_sqlite_prepare *in = ferry_shim_load(c, sizeof *in,
	    load_in_sqlite_prepare, "statement.prepare");
	struct out_sqlite_prepare out = { 0 };
	sqlite_statement *made_out = NULL;
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	code = sqlite_prepare(c->root->object, in->sql, &made_out);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	if (code == 0)
		r = ferry_shim_made(c, r, &out.out, &type_statement, made_out,
		    NULL);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, NULL, NULL);
	return r;
}

static int
handle_sqlite_prepare(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state, run_sqlite_prepare);
}

struct in_sqlite_statement_close {
	uint64_t self;
};

static int
run_sqlite_statement_close(struct ferry_shim_call *c)
{
	struct in_sqlite_statement_close *in = ferry_shim_load(c, sizeof *in,
	    NULL, "statement.close");
	struct ferry_shim_object *self;
	void *object;
	int r;

	if (in == NULL)
		return FERRY_EINVAL;
	r = ferry_shim_object_find(&self, c->call, in->self, &type_statement);
	if (r == FERRY_OK)
		r = ferry_shim_object_end(&object, self, in->self);
	if (r != FERRY_OK || object == NULL)
		return r;
	sqlite_statement_close(object);
	return r;
}

static int
handle_sqlite_statement_close(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state,
	    run_sqlite_statement_close);
}

struct in_sqlite_statement_run {
	uint64_t self;
	const sqlite_cell *params;
	size_t n_params;
	uint32_t n_sets;
};

static void
load_in_sqlite_statement_run(struct ferry_shim_in *in, void *head)
{
	struct in_sqlite_statement_run *r = head;

	r->params = load_cell_n(in, r->params, r->n_params, FERRY_SHIM_NULLABLE,
	    "statement.run.params");
}

struct out_sqlite_statement_run {
	sqlite_rows out;
};

static void
size_out_sqlite_statement_run(struct ferry_shim_out *out, const void *head)
{
	const struct out_sqlite_statement_run *r = head;

	size_rows(out, &r->out);
}

static void
store_out_sqlite_statement_run(struct ferry_shim_out *out, void *head)
{
	struct out_sqlite_statement_run *r = head;

	store_rows(out, &r->out);
}

static int
run_sqlite_statement_run(struct ferry_shim_call *c)
{
	struct in_sqlite_statement_run *in = ferry_shim_load(c, sizeof *in,
	    load_in_sqlite_statement_run, "statement.run");
	struct out_sqlite_statement_run out = { 0 };
	struct ferry_shim_object *self;
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	r = ferry_shim_object_find(&self, c->call, in->self, &type_statement);
	if (r == FERRY_OK)
		sqlite_uncancel(c->root->object);
	if (r == FERRY_OK)
		r = ferry_call_on_cancel(c->call, cancel_sqlite_cancel,
		    c->root->object);
	if (r != FERRY_OK)
		return r;
	code = sqlite_statement_run(self->object, in->params, in->n_params,
	    in->n_sets, &out.out);
	ferry_call_on_cancel(c->call, NULL, NULL);
	if (code != 0)
		r = ferry_shim_fail(c, code, self, text_of_error);
	r = ferry_shim_cancelled(c, r);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out,
		    size_out_sqlite_statement_run,
		    store_out_sqlite_statement_run);
	if (code == 0)
		sqlite_rows_free(&out.out);
	return r;
}

static int
handle_sqlite_statement_run(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state,
	    run_sqlite_statement_run);
}

struct in_sqlite_statement_about {
	uint64_t self;
};

struct out_sqlite_statement_about {
	sqlite_about out;
};

static int
run_sqlite_statement_about(struct ferry_shim_call *c)
{
	struct in_sqlite_statement_about *in = ferry_shim_load(c, sizeof *in,
	    NULL, "statement.about");
	struct out_sqlite_statement_about out = { 0 };
	struct ferry_shim_object *self;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	r = ferry_shim_object_find(&self, c->call, in->self, &type_statement);
	if (r != FERRY_OK)
		return r;
	sqlite_statement_about(self->object, &out.out);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, NULL, NULL);
	return r;
}

static int
handle_sqlite_statement_about(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state,
	    run_sqlite_statement_about);
}

struct out_sqlite_statements {
	uint64_t result;
};

static int
run_sqlite_statements(struct ferry_shim_call *c)
{
	struct out_sqlite_statements out = { 0 };
	int r = FERRY_OK;

	out.result = sqlite_statements(c->root->object);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, NULL, NULL);
	return r;
}

static int
handle_sqlite_statements(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state,
	    run_sqlite_statements);
}

struct out_sqlite_on_row_changed {
	sqlite_operation operation;
	const char *database;
	const char *table;
	int64_t rowid;
};

static void
size_out_sqlite_on_row_changed(struct ferry_shim_out *out, const void *head)
{
	const struct out_sqlite_on_row_changed *r = head;

	ferry_shim_need_text(out, r->database, FERRY_SHIM_NEVER,
	    "database.on_row_changed.database");
	ferry_shim_need_text(out, r->table, FERRY_SHIM_NEVER,
	    "database.on_row_changed.table");
}

static void
store_out_sqlite_on_row_changed(struct ferry_shim_out *out, void *head)
{
	struct out_sqlite_on_row_changed *r = head;

	r->database = ferry_shim_store_text(out, r->database, FERRY_SHIM_NEVER);
	r->table = ferry_shim_store_text(out, r->table, FERRY_SHIM_NEVER);
}

FERRY_API void
sqlite_on_row_changed(sqlite_database *db, sqlite_operation operation,
    const char *database, const char *table, int64_t rowid)
{
	struct out_sqlite_on_row_changed out = { 0 };

	out.operation = operation;
	out.database = database;
	out.table = table;
	out.rowid = rowid;
	ferry_shim_emit(db, 0, &out, sizeof out, size_out_sqlite_on_row_changed,
	    store_out_sqlite_on_row_changed);
}

/* --- The package ---------------------------------------------------------- */

#define FIELD(type, field) \
	{ #field, offsetof(type, field), sizeof(((type *)0)->field) }

static const ferry_package_field fields_cell[] = {
	FIELD(sqlite_cell, type),
	FIELD(sqlite_cell, as.integer),
	FIELD(sqlite_cell, as.real),
	FIELD(sqlite_cell, as.text),
	FIELD(sqlite_cell, as.blob),
	FIELD(sqlite_cell, size),
};

static const ferry_package_field fields_rows[] = {
	FIELD(sqlite_rows, columns),
	FIELD(sqlite_rows, n_columns),
	FIELD(sqlite_rows, cells),
	FIELD(sqlite_rows, n_cells),
	FIELD(sqlite_rows, n_rows),
	FIELD(sqlite_rows, changes),
	FIELD(sqlite_rows, last_rowid),
};

static const ferry_package_field fields_changes[] = {
	FIELD(sqlite_changes, changes),
	FIELD(sqlite_changes, last_rowid),
};

static const ferry_package_field fields_about[] = {
	FIELD(sqlite_about, n_params),
	FIELD(sqlite_about, n_columns),
	FIELD(sqlite_about, readonly),
};

static const ferry_package_field fields_in_sqlite_open[] = {
	FIELD(struct in_sqlite_open, path),
	FIELD(struct in_sqlite_open, mode),
	FIELD(struct in_sqlite_open, busy),
	FIELD(struct in_sqlite_open, result_max),
};

static const ferry_package_field fields_in_sqlite_execute[] = {
	FIELD(struct in_sqlite_execute, sql),
};

static const ferry_package_field fields_out_sqlite_execute[] = {
	FIELD(struct out_sqlite_execute, out),
};

static const ferry_package_field fields_in_sqlite_query[] = {
	FIELD(struct in_sqlite_query, sql),
	FIELD(struct in_sqlite_query, params),
	FIELD(struct in_sqlite_query, n_params),
};

static const ferry_package_field fields_out_sqlite_query[] = {
	FIELD(struct out_sqlite_query, out),
};

static const ferry_package_field fields_in_sqlite_prepare[] = {
	FIELD(struct in_sqlite_prepare, sql),
};

static const ferry_package_field fields_out_sqlite_prepare[] = {
	FIELD(struct out_sqlite_prepare, out),
};

static const ferry_package_field fields_in_sqlite_statement_close[] = {
	FIELD(struct in_sqlite_statement_close, self),
};

static const ferry_package_field fields_in_sqlite_statement_run[] = {
	FIELD(struct in_sqlite_statement_run, self),
	FIELD(struct in_sqlite_statement_run, params),
	FIELD(struct in_sqlite_statement_run, n_params),
	FIELD(struct in_sqlite_statement_run, n_sets),
};

static const ferry_package_field fields_out_sqlite_statement_run[] = {
	FIELD(struct out_sqlite_statement_run, out),
};

static const ferry_package_field fields_in_sqlite_statement_about[] = {
	FIELD(struct in_sqlite_statement_about, self),
};

static const ferry_package_field fields_out_sqlite_statement_about[] = {
	FIELD(struct out_sqlite_statement_about, out),
};

static const ferry_package_field fields_out_sqlite_statements[] = {
	FIELD(struct out_sqlite_statements, result),
};

static const ferry_package_field fields_out_sqlite_on_row_changed[] = {
	FIELD(struct out_sqlite_on_row_changed, operation),
	FIELD(struct out_sqlite_on_row_changed, database),
	FIELD(struct out_sqlite_on_row_changed, table),
	FIELD(struct out_sqlite_on_row_changed, rowid),
};

static const ferry_package_record records[] = {
	{ "cell", UINT64_C(0x539539f3d81cf40f), sizeof(sqlite_cell),
	    _Alignof(sqlite_cell), 6, 0, fields_cell },
	{ "rows", UINT64_C(0x16ab5c34d21e3b26), sizeof(sqlite_rows),
	    _Alignof(sqlite_rows), 7, 0, fields_rows },
	{ "changes", UINT64_C(0x2477d0f83076de61), sizeof(sqlite_changes),
	    _Alignof(sqlite_changes), 2, 0, fields_changes },
	{ "about", UINT64_C(0x88fb0d574fcca314), sizeof(sqlite_about),
	    _Alignof(sqlite_about), 3, 0, fields_about },
	{ "database.open.in", UINT64_C(0x8f3fca94a3701782),
	    sizeof(struct in_sqlite_open), _Alignof(struct in_sqlite_open), 4,
	    0, fields_in_sqlite_open },
	{ "database.execute.in", UINT64_C(0x65afe7e9844f6729),
	    sizeof(struct in_sqlite_execute),
	    _Alignof(struct in_sqlite_execute), 1, 0,
	    fields_in_sqlite_execute },
	{ "database.execute.out", UINT64_C(0x65afe7e9844f6729),
	    sizeof(struct out_sqlite_execute),
	    _Alignof(struct out_sqlite_execute), 1, 0,
	    fields_out_sqlite_execute },
	{ "database.query.in", UINT64_C(0x839b4fedaf40a7c3),
	    sizeof(struct in_sqlite_query), _Alignof(struct in_sqlite_query), 3,
	    0, fields_in_sqlite_query },
	{ "database.query.out", UINT64_C(0x839b4fedaf40a7c3),
	    sizeof(struct out_sqlite_query), _Alignof(struct out_sqlite_query),
	    1, 0, fields_out_sqlite_query },
	{ "statement.prepare.in", UINT64_C(0xf802e7a09def8343),
	    sizeof(struct in_sqlite_prepare),
	    _Alignof(struct in_sqlite_prepare), 1, 0,
	    fields_in_sqlite_prepare },
	{ "statement.prepare.out", UINT64_C(0xf802e7a09def8343),
	    sizeof(struct out_sqlite_prepare),
	    _Alignof(struct out_sqlite_prepare), 1, 0,
	    fields_out_sqlite_prepare },
	{ "statement.close.in", UINT64_C(0xb84b10ddb7b85dc4),
	    sizeof(struct in_sqlite_statement_close),
	    _Alignof(struct in_sqlite_statement_close), 1, 0,
	    fields_in_sqlite_statement_close },
	{ "statement.run.in", UINT64_C(0x3448867bc0c2d052),
	    sizeof(struct in_sqlite_statement_run),
	    _Alignof(struct in_sqlite_statement_run), 4, 0,
	    fields_in_sqlite_statement_run },
	{ "statement.run.out", UINT64_C(0x3448867bc0c2d052),
	    sizeof(struct out_sqlite_statement_run),
	    _Alignof(struct out_sqlite_statement_run), 1, 0,
	    fields_out_sqlite_statement_run },
	{ "statement.about.in", UINT64_C(0xbd64ef0295209762),
	    sizeof(struct in_sqlite_statement_about),
	    _Alignof(struct in_sqlite_statement_about), 1, 0,
	    fields_in_sqlite_statement_about },
	{ "statement.about.out", UINT64_C(0xbd64ef0295209762),
	    sizeof(struct out_sqlite_statement_about),
	    _Alignof(struct out_sqlite_statement_about), 1, 0,
	    fields_out_sqlite_statement_about },
	{ "database.statements.out", UINT64_C(0x1c497f5c6d5fa377),
	    sizeof(struct out_sqlite_statements),
	    _Alignof(struct out_sqlite_statements), 1, 0,
	    fields_out_sqlite_statements },
	{ "database.on_row_changed.out", UINT64_C(0xa37b49e37491df1f),
	    sizeof(struct out_sqlite_on_row_changed),
	    _Alignof(struct out_sqlite_on_row_changed), 4, 0,
	    fields_out_sqlite_on_row_changed },
};

_Static_assert(_Alignof(sqlite_cell) <= FERRY_SHIM_ALIGN, "cell");
_Static_assert(_Alignof(sqlite_rows) <= FERRY_SHIM_ALIGN, "rows");
_Static_assert(_Alignof(sqlite_changes) <= FERRY_SHIM_ALIGN, "changes");
_Static_assert(_Alignof(sqlite_about) <= FERRY_SHIM_ALIGN, "about");
_Static_assert(_Alignof(struct in_sqlite_open) <= FERRY_SHIM_ALIGN,
    "database.open.in");
_Static_assert(_Alignof(struct in_sqlite_execute) <= FERRY_SHIM_ALIGN,
    "database.execute.in");
_Static_assert(_Alignof(struct out_sqlite_execute) <= FERRY_SHIM_ALIGN,
    "database.execute.out");
_Static_assert(_Alignof(struct in_sqlite_query) <= FERRY_SHIM_ALIGN,
    "database.query.in");
_Static_assert(_Alignof(struct out_sqlite_query) <= FERRY_SHIM_ALIGN,
    "database.query.out");
_Static_assert(_Alignof(struct in_sqlite_prepare) <= FERRY_SHIM_ALIGN,
    "statement.prepare.in");
_Static_assert(_Alignof(struct out_sqlite_prepare) <= FERRY_SHIM_ALIGN,
    "statement.prepare.out");
_Static_assert(_Alignof(struct in_sqlite_statement_close) <= FERRY_SHIM_ALIGN,
    "statement.close.in");
_Static_assert(_Alignof(struct in_sqlite_statement_run) <= FERRY_SHIM_ALIGN,
    "statement.run.in");
_Static_assert(_Alignof(struct out_sqlite_statement_run) <= FERRY_SHIM_ALIGN,
    "statement.run.out");
_Static_assert(_Alignof(struct in_sqlite_statement_about) <= FERRY_SHIM_ALIGN,
    "statement.about.in");
_Static_assert(_Alignof(struct out_sqlite_statement_about) <= FERRY_SHIM_ALIGN,
    "statement.about.out");
_Static_assert(_Alignof(struct out_sqlite_statements) <= FERRY_SHIM_ALIGN,
    "database.statements.out");
_Static_assert(_Alignof(struct out_sqlite_on_row_changed) <= FERRY_SHIM_ALIGN,
    "database.on_row_changed.out");

static const ferry_package_function functions[] = {
	{ "database.open", UINT64_C(0x8f3fca94a3701782),
	    FERRY_FUNCTION_CONSTRUCTOR, 0, 0, 0 },
	{ "database.execute", UINT64_C(0x65afe7e9844f6729),
	    FERRY_FUNCTION_METHOD, 0, 0, 0 },
	{ "database.query", UINT64_C(0x839b4fedaf40a7c3), FERRY_FUNCTION_METHOD,
	    0, 1, 0 },
	{ "statement.prepare", UINT64_C(0xf802e7a09def8343),
	    FERRY_FUNCTION_CONSTRUCTOR, 0, 2, 0 },
	{ "statement.close", UINT64_C(0xb84b10ddb7b85dc4),
	    FERRY_FUNCTION_METHOD, 0, 3, 0 },
	{ "statement.run", UINT64_C(0x3448867bc0c2d052), FERRY_FUNCTION_METHOD,
	    0, 4, 0 },
	{ "statement.about", UINT64_C(0xbd64ef0295209762),
	    FERRY_FUNCTION_METHOD, 0, 5, 0 },
	{ "database.statements", UINT64_C(0x1c497f5c6d5fa377),
	    FERRY_FUNCTION_METHOD, 0, 6, 0 },
	{ "database.on_row_changed", UINT64_C(0xa37b49e37491df1f),
	    FERRY_FUNCTION_EVENT, 0, 0, 0 },
};

static const char model[] =
	"{\"ferry_model\":1,\"library\":{\"name\":\"sqlite\",\"at\":\"database"
	".h:28\",\"version\":\"1.0\",\"prefix\":\"sqlite_\",\"header\":\"datab"
	"ase.h\",\"instances\":\"independent\",\"overflow\":\"drop_oldest\"},"
	"\"constants\":[],\"enums\":[{\"name\":\"error\",\"c_name\":\"sqlite_e"
	"rror\",\"at\":\"database.h:58\",\"kind\":\"error\",\"bits\":32,\"sign"
	"ed\":false,\"values\":[{\"name\":\"ok\",\"c_name\":\"SQLITE_CODE_OK\""
	",\"at\":\"database.h:33\",\"value\":\"0\"},{\"name\":\"error\",\"c_na"
	"me\":\"SQLITE_CODE_ERROR\",\"at\":\"database.h:34\",\"value\":\"1\","
	"\"doc\":\"The SQL is wrong.\"},{\"name\":\"internal\",\"c_name\":\"SQ"
	"LITE_CODE_INTERNAL\",\"at\":\"database.h:35\",\"value\":\"2\"},{\"nam"
	"e\":\"perm\",\"c_name\":\"SQLITE_CODE_PERM\",\"at\":\"database.h:36\""
	",\"value\":\"3\"},{\"name\":\"abort\",\"c_name\":\"SQLITE_CODE_ABORT"
	"\",\"at\":\"database.h:37\",\"value\":\"4\"},{\"name\":\"busy\",\"c_n"
	"ame\":\"SQLITE_CODE_BUSY\",\"at\":\"database.h:38\",\"value\":\"5\","
	"\"doc\":\"Another process has a lock.\"},{\"name\":\"locked\",\"c_nam"
	"e\":\"SQLITE_CODE_LOCKED\",\"at\":\"database.h:39\",\"value\":\"6\"},"
	"{\"name\":\"no_memory\",\"c_name\":\"SQLITE_CODE_NO_MEMORY\",\"at\":"
	"\"database.h:40\",\"value\":\"7\"},{\"name\":\"read_only\",\"c_name\""
	":\"SQLITE_CODE_READ_ONLY\",\"at\":\"database.h:41\",\"value\":\"8\"},"
	"{\"name\":\"interrupt\",\"c_name\":\"SQLITE_CODE_INTERRUPT\",\"at\":"
	"\"database.h:42\",\"value\":\"9\"},{\"name\":\"io\",\"c_name\":\"SQLI"
	"TE_CODE_IO\",\"at\":\"database.h:43\",\"value\":\"10\"},{\"name\":\"c"
	"orrupt\",\"c_name\":\"SQLITE_CODE_CORRUPT\",\"at\":\"database.h:44\","
	"\"value\":\"11\"},{\"name\":\"not_found\",\"c_name\":\"SQLITE_CODE_NO"
	"T_FOUND\",\"at\":\"database.h:45\",\"value\":\"12\"},{\"name\":\"full"
	"\",\"c_name\":\"SQLITE_CODE_FULL\",\"at\":\"database.h:46\",\"value\""
	":\"13\"},{\"name\":\"cannot_open\",\"c_name\":\"SQLITE_CODE_CANNOT_OP"
	"EN\",\"at\":\"database.h:47\",\"value\":\"14\"},{\"name\":\"protocol"
	"\",\"c_name\":\"SQLITE_CODE_PROTOCOL\",\"at\":\"database.h:48\",\"val"
	"ue\":\"15\"},{\"name\":\"schema\",\"c_name\":\"SQLITE_CODE_SCHEMA\","
	"\"at\":\"database.h:49\",\"value\":\"17\",\"doc\":\"It changed on the"
	" way.\"},{\"name\":\"too_big\",\"c_name\":\"SQLITE_CODE_TOO_BIG\",\"a"
	"t\":\"database.h:50\",\"value\":\"18\",\"doc\":\"Over a bound.\"},{\""
	"name\":\"constraint\",\"c_name\":\"SQLITE_CODE_CONSTRAINT\",\"at\":\""
	"database.h:51\",\"value\":\"19\"},{\"name\":\"mismatch\",\"c_name\":"
	"\"SQLITE_CODE_MISMATCH\",\"at\":\"database.h:52\",\"value\":\"20\"},{"
	"\"name\":\"misuse\",\"c_name\":\"SQLITE_CODE_MISUSE\",\"at\":\"databa"
	"se.h:53\",\"value\":\"21\"},{\"name\":\"no_lfs\",\"c_name\":\"SQLITE_"
	"CODE_NO_LFS\",\"at\":\"database.h:54\",\"value\":\"22\"},{\"name\":\""
	"auth\",\"c_name\":\"SQLITE_CODE_AUTH\",\"at\":\"database.h:55\",\"val"
	"ue\":\"23\"},{\"name\":\"range\",\"c_name\":\"SQLITE_CODE_RANGE\",\"a"
	"t\":\"database.h:56\",\"value\":\"25\",\"doc\":\"Parameters that do n"
	"ot fit.\"},{\"name\":\"not_a_database\",\"c_name\":\"SQLITE_CODE_NOT_"
	"A_DATABASE\",\"at\":\"database.h:57\",\"value\":\"26\"}],\"error_text"
	"\":\"sqlite_error_text\",\"doc\":\"SQLite's primary result codes.\","
	"\"hash\":\"3b403573d16692cd\"},{\"name\":\"type\",\"c_name\":\"sqlite"
	"_type\",\"at\":\"database.h:69\",\"kind\":\"enum\",\"bits\":32,\"sign"
	"ed\":false,\"values\":[{\"name\":\"integer\",\"c_name\":\"SQLITE_TYPE"
	"_INTEGER\",\"at\":\"database.h:64\",\"value\":\"1\"},{\"name\":\"real"
	"\",\"c_name\":\"SQLITE_TYPE_REAL\",\"at\":\"database.h:65\",\"value\""
	":\"2\"},{\"name\":\"text\",\"c_name\":\"SQLITE_TYPE_TEXT\",\"at\":\"d"
	"atabase.h:66\",\"value\":\"3\"},{\"name\":\"blob\",\"c_name\":\"SQLIT"
	"E_TYPE_BLOB\",\"at\":\"database.h:67\",\"value\":\"4\"},{\"name\":\"n"
	"ull\",\"c_name\":\"SQLITE_TYPE_NULL\",\"at\":\"database.h:68\",\"valu"
	"e\":\"5\"}],\"doc\":\"SQLite's types.\",\"hash\":\"abf95586ec91a319\""
	"},{\"name\":\"mode\",\"c_name\":\"sqlite_mode\",\"at\":\"database.h:1"
	"17\",\"kind\":\"enum\",\"bits\":32,\"signed\":false,\"values\":[{\"na"
	"me\":\"read\",\"c_name\":\"SQLITE_MODE_READ\",\"at\":\"database.h:113"
	"\",\"value\":\"1\"},{\"name\":\"write\",\"c_name\":\"SQLITE_MODE_WRIT"
	"E\",\"at\":\"database.h:114\",\"value\":\"2\"},{\"name\":\"create\","
	"\"c_name\":\"SQLITE_MODE_CREATE\",\"at\":\"database.h:116\",\"value\""
	":\"6\",\"doc\":\"Reads and writes; made where there is none.\"}],\"do"
	"c\":\"What may be done with a file.\",\"hash\":\"9c7076aacbccdcc6\"},"
	"{\"name\":\"operation\",\"c_name\":\"sqlite_operation\",\"at\":\"data"
	"base.h:123\",\"kind\":\"enum\",\"bits\":32,\"signed\":false,\"values"
	"\":[{\"name\":\"deleted\",\"c_name\":\"SQLITE_OPERATION_DELETED\",\"a"
	"t\":\"database.h:120\",\"value\":\"9\"},{\"name\":\"inserted\",\"c_na"
	"me\":\"SQLITE_OPERATION_INSERTED\",\"at\":\"database.h:121\",\"value"
	"\":\"18\"},{\"name\":\"updated\",\"c_name\":\"SQLITE_OPERATION_UPDATE"
	"D\",\"at\":\"database.h:122\",\"value\":\"23\"}],\"hash\":\"710aadc76"
	"ba0abfc\"}],\"records\":[{\"name\":\"rows\",\"c_name\":\"sqlite_rows"
	"\",\"at\":\"database.h:94\",\"fields\":[{\"name\":\"columns\",\"c_nam"
	"e\":\"columns\",\"at\":\"database.h:85\",\"type\":{\"kind\":\"array\""
	",\"c_type\":\"const char *const *\",\"of\":{\"kind\":\"string\",\"c_t"
	"ype\":\"const char *\"},\"len\":\"n_columns\"},\"role\":\"value\"},{"
	"\"name\":\"n_columns\",\"c_name\":\"n_columns\",\"at\":\"database.h:8"
	"6\",\"type\":{\"kind\":\"int\",\"c_type\":\"size_t\",\"bits\":64,\"si"
	"gned\":false},\"role\":\"len\",\"of\":\"columns\"},{\"name\":\"cells"
	"\",\"c_name\":\"cells\",\"at\":\"database.h:88\",\"type\":{\"kind\":"
	"\"array\",\"c_type\":\"const sqlite_cell *\",\"of\":{\"kind\":\"recor"
	"d\",\"c_type\":\"sqlite_cell\",\"name\":\"cell\"},\"len\":\"n_cells\""
	"},\"role\":\"value\",\"doc\":\"Row by row, a value for each column.\""
	"},{\"name\":\"n_cells\",\"c_name\":\"n_cells\",\"at\":\"database.h:89"
	"\",\"type\":{\"kind\":\"int\",\"c_type\":\"size_t\",\"bits\":64,\"sig"
	"ned\":false},\"role\":\"len\",\"of\":\"cells\"},{\"name\":\"n_rows\","
	"\"c_name\":\"n_rows\",\"at\":\"database.h:90\",\"type\":{\"kind\":\"i"
	"nt\",\"c_type\":\"uint64_t\",\"bits\":64,\"signed\":false},\"role\":"
	"\"value\"},{\"name\":\"changes\",\"c_name\":\"changes\",\"at\":\"data"
	"base.h:92\",\"type\":{\"kind\":\"int\",\"c_type\":\"int64_t\",\"bits"
	"\":64,\"signed\":true},\"role\":\"value\",\"doc\":\"Rows changed, by "
	"triggers too.\"},{\"name\":\"last_rowid\",\"c_name\":\"last_rowid\","
	"\"at\":\"database.h:93\",\"type\":{\"kind\":\"int\",\"c_type\":\"int6"
	"4_t\",\"bits\":64,\"signed\":true},\"role\":\"value\"}],\"in\":false,"
	"\"out\":true,\"doc\":\"What a statement gave and did.\",\"hash\":\"16"
	"ab5c34d21e3b26\"},{\"name\":\"changes\",\"c_name\":\"sqlite_changes\""
	",\"at\":\"database.h:101\",\"fields\":[{\"name\":\"changes\",\"c_name"
	"\":\"changes\",\"at\":\"database.h:99\",\"type\":{\"kind\":\"int\",\""
	"c_type\":\"int64_t\",\"bits\":64,\"signed\":true},\"role\":\"value\","
	"\"doc\":\"Rows, by triggers too.\"},{\"name\":\"last_rowid\",\"c_name"
	"\":\"last_rowid\",\"at\":\"database.h:100\",\"type\":{\"kind\":\"int"
	"\",\"c_type\":\"int64_t\",\"bits\":64,\"signed\":true},\"role\":\"val"
	"ue\"}],\"in\":false,\"out\":true,\"doc\":\"What a script did.\",\"has"
	"h\":\"2477d0f83076de61\"},{\"name\":\"about\",\"c_name\":\"sqlite_abo"
	"ut\",\"at\":\"database.h:109\",\"fields\":[{\"name\":\"n_params\",\"c"
	"_name\":\"n_params\",\"at\":\"database.h:105\",\"type\":{\"kind\":\"i"
	"nt\",\"c_type\":\"uint32_t\",\"bits\":32,\"signed\":false},\"role\":"
	"\"value\"},{\"name\":\"n_columns\",\"c_name\":\"n_columns\",\"at\":\""
	"database.h:106\",\"type\":{\"kind\":\"int\",\"c_type\":\"uint32_t\","
	"\"bits\":32,\"signed\":false},\"role\":\"value\"},{\"name\":\"readonl"
	"y\",\"c_name\":\"readonly\",\"at\":\"database.h:108\",\"type\":{\"kin"
	"d\":\"bool\",\"c_type\":\"bool\"},\"role\":\"value\",\"doc\":\"Does n"
	"ot write to the database.\"}],\"in\":false,\"out\":true,\"doc\":\"Wha"
	"t a statement is like.\",\"hash\":\"88fb0d574fcca314\"}],\"variants\""
	":[{\"name\":\"cell\",\"c_name\":\"sqlite_cell\",\"at\":\"database.h:8"
	"1\",\"tag\":{\"name\":\"type\",\"c_name\":\"type\",\"at\":\"database."
	"h:73\",\"type\":{\"kind\":\"enum\",\"c_type\":\"sqlite_type\",\"name"
	"\":\"type\",\"bits\":32,\"signed\":false},\"role\":\"tag\"},\"cases\""
	":[{\"name\":\"integer\",\"value\":\"SQLITE_TYPE_INTEGER\",\"at\":\"da"
	"tabase.h:64\",\"field\":{\"name\":\"integer\",\"c_name\":\"as.integer"
	"\",\"at\":\"database.h:75\",\"type\":{\"kind\":\"int\",\"c_type\":\"i"
	"nt64_t\",\"bits\":64,\"signed\":true},\"role\":\"value\"}},{\"name\":"
	"\"real\",\"value\":\"SQLITE_TYPE_REAL\",\"at\":\"database.h:65\",\"fi"
	"eld\":{\"name\":\"real\",\"c_name\":\"as.real\",\"at\":\"database.h:7"
	"6\",\"type\":{\"kind\":\"float\",\"c_type\":\"double\",\"bits\":64},"
	"\"role\":\"value\"}},{\"name\":\"text\",\"value\":\"SQLITE_TYPE_TEXT"
	"\",\"at\":\"database.h:66\",\"field\":{\"name\":\"text\",\"c_name\":"
	"\"as.text\",\"at\":\"database.h:77\",\"type\":{\"kind\":\"string\",\""
	"c_type\":\"const char *\",\"len\":\"size\"},\"role\":\"value\"}},{\"n"
	"ame\":\"blob\",\"value\":\"SQLITE_TYPE_BLOB\",\"at\":\"database.h:67"
	"\",\"field\":{\"name\":\"blob\",\"c_name\":\"as.blob\",\"at\":\"datab"
	"ase.h:78\",\"type\":{\"kind\":\"bytes\",\"c_type\":\"const void *\","
	"\"len\":\"size\"},\"role\":\"value\"}},{\"name\":\"null\",\"value\":"
	"\"SQLITE_TYPE_NULL\",\"at\":\"database.h:68\"}],\"lens\":[{\"name\":"
	"\"size\",\"c_name\":\"size\",\"at\":\"database.h:80\",\"type\":{\"kin"
	"d\":\"int\",\"c_type\":\"size_t\",\"bits\":64,\"signed\":false},\"rol"
	"e\":\"len\",\"of\":\"text\"}],\"default\":\"null\",\"in\":true,\"out"
	"\":true,\"doc\":\"One value, to bind or out of a row.\",\"hash\":\"53"
	"9539f3d81cf40f\"}],\"objects\":[{\"name\":\"database\",\"c_name\":\"s"
	"qlite_database *\",\"at\":\"database.h:126\",\"constructors\":[\"open"
	"\"],\"destructor\":\"close\",\"detail\":\"sqlite_detail\",\"doc\":\"A"
	"n open database file.\"},{\"name\":\"statement\",\"c_name\":\"sqlite_"
	"statement *\",\"at\":\"database.h:128\",\"parent\":\"database\",\"con"
	"structors\":[\"prepare\"],\"destructor\":\"close\",\"doc\":\"A prepar"
	"ed statement.\"}],\"functions\":[{\"name\":\"open\",\"c_name\":\"sqli"
	"te_open\",\"at\":\"database.h:135\",\"kind\":\"constructor\",\"object"
	"\":\"database\",\"root\":\"database\",\"id\":0,\"in\":[{\"name\":\"pa"
	"th\",\"c_name\":\"path\",\"at\":\"database.h:136\",\"type\":{\"kind\""
	":\"string\",\"c_type\":\"const char *\"},\"role\":\"value\"},{\"name"
	"\":\"mode\",\"c_name\":\"mode\",\"at\":\"database.h:137\",\"type\":{"
	"\"kind\":\"enum\",\"c_type\":\"sqlite_mode\",\"name\":\"mode\",\"bits"
	"\":32,\"signed\":false},\"role\":\"value\",\"default\":{\"kind\":\"en"
	"um\",\"value\":\"create\"}},{\"name\":\"busy\",\"c_name\":\"busy\",\""
	"at\":\"database.h:138\",\"type\":{\"kind\":\"duration\",\"c_type\":\""
	"uint32_t\",\"bits\":32,\"signed\":false,\"unit\":\"ms\"},\"role\":\"v"
	"alue\",\"default\":{\"kind\":\"int\",\"value\":\"5000\"}},{\"name\":"
	"\"result_max\",\"c_name\":\"result_max\",\"at\":\"database.h:139\",\""
	"type\":{\"kind\":\"int\",\"c_type\":\"uint64_t\",\"bits\":64,\"signed"
	"\":false},\"role\":\"value\",\"default\":{\"kind\":\"int\",\"value\":"
	"\"67108864\"}}],\"out\":[],\"call\":[{\"role\":\"made\",\"by\":\"poin"
	"ter\"},{\"role\":\"in\",\"c_name\":\"path\"},{\"role\":\"in\",\"c_nam"
	"e\":\"mode\"},{\"role\":\"in\",\"c_name\":\"busy\"},{\"role\":\"in\","
	"\"c_name\":\"result_max\"}],\"returns\":{\"kind\":\"status\",\"error"
	"\":\"error\",\"c_type\":\"sqlite_error\"},\"remains\":true,\"doc\":\""
	"Opens a file, \\\":memory:\\\" for none. `busy` is how long to wait\\"
	"nfor a lock of another process; `result_max` bounds the rows of\\na c"
	"all, in bytes.\",\"hash\":\"8f3fca94a3701782\"},{\"name\":\"close\","
	"\"c_name\":\"sqlite_close\",\"at\":\"database.h:140\",\"kind\":\"dest"
	"ructor\",\"object\":\"database\",\"root\":\"database\",\"in\":[],\"ou"
	"t\":[],\"call\":[{\"role\":\"self\"}],\"returns\":{\"kind\":\"void\","
	"\"c_type\":\"void\"},\"hash\":\"e91b025a56f85142\"},{\"name\":\"execu"
	"te\",\"c_name\":\"sqlite_execute\",\"at\":\"database.h:150\",\"kind\""
	":\"method\",\"object\":\"database\",\"root\":\"database\",\"id\":0,\""
	"in\":[{\"name\":\"sql\",\"c_name\":\"sql\",\"at\":\"database.h:151\","
	"\"type\":{\"kind\":\"string\",\"c_type\":\"const char *\"},\"role\":"
	"\"value\"}],\"out\":[{\"name\":\"out\",\"c_name\":\"out\",\"at\":\"da"
	"tabase.h:151\",\"type\":{\"kind\":\"record\",\"c_type\":\"sqlite_chan"
	"ges\",\"name\":\"changes\"},\"role\":\"value\"}],\"call\":[{\"role\":"
	"\"self\"},{\"role\":\"in\",\"c_name\":\"sql\"},{\"role\":\"out\",\"c_"
	"name\":\"out\",\"by\":\"pointer\"}],\"returns\":{\"kind\":\"status\","
	"\"error\":\"error\",\"c_type\":\"sqlite_error\"},\"cancel\":\"sqlite_"
	"cancel\",\"reset\":\"sqlite_uncancel\",\"doc\":\"Runs every statement"
	" of a text; their rows are ignored.\",\"hash\":\"65afe7e9844f6729\"},"
	"{\"name\":\"query\",\"c_name\":\"sqlite_query\",\"at\":\"database.h:1"
	"55\",\"kind\":\"method\",\"object\":\"database\",\"root\":\"database"
	"\",\"id\":1,\"in\":[{\"name\":\"sql\",\"c_name\":\"sql\",\"at\":\"dat"
	"abase.h:156\",\"type\":{\"kind\":\"string\",\"c_type\":\"const char *"
	"\"},\"role\":\"value\"},{\"name\":\"params\",\"c_name\":\"params\",\""
	"at\":\"database.h:157\",\"type\":{\"kind\":\"array\",\"c_type\":\"con"
	"st sqlite_cell *\",\"of\":{\"kind\":\"record\",\"c_type\":\"sqlite_ce"
	"ll\",\"name\":\"cell\"},\"nullable\":true,\"len\":\"n_params\"},\"rol"
	"e\":\"value\",\"default\":{\"kind\":\"none\"}},{\"name\":\"n_params\""
	",\"c_name\":\"n_params\",\"at\":\"database.h:157\",\"type\":{\"kind\""
	":\"int\",\"c_type\":\"size_t\",\"bits\":64,\"signed\":false},\"role\""
	":\"len\",\"of\":\"params\"}],\"out\":[{\"name\":\"out\",\"c_name\":\""
	"out\",\"at\":\"database.h:158\",\"type\":{\"kind\":\"record\",\"c_typ"
	"e\":\"sqlite_rows\",\"name\":\"rows\"},\"role\":\"value\",\"transfer"
	"\":\"sqlite_rows_free\"}],\"call\":[{\"role\":\"self\"},{\"role\":\"i"
	"n\",\"c_name\":\"sql\"},{\"role\":\"in\",\"c_name\":\"params\"},{\"ro"
	"le\":\"in\",\"c_name\":\"n_params\"},{\"role\":\"out\",\"c_name\":\"o"
	"ut\",\"by\":\"pointer\"}],\"returns\":{\"kind\":\"status\",\"error\":"
	"\"error\",\"c_type\":\"sqlite_error\"},\"cancel\":\"sqlite_cancel\","
	"\"reset\":\"sqlite_uncancel\",\"doc\":\"Runs one statement.\",\"hash"
	"\":\"839b4fedaf40a7c3\"},{\"name\":\"prepare\",\"c_name\":\"sqlite_pr"
	"epare\",\"at\":\"database.h:162\",\"kind\":\"constructor\",\"object\""
	":\"statement\",\"root\":\"database\",\"id\":2,\"in\":[{\"name\":\"sql"
	"\",\"c_name\":\"sql\",\"at\":\"database.h:163\",\"type\":{\"kind\":\""
	"string\",\"c_type\":\"const char *\"},\"role\":\"value\"}],\"out\":[{"
	"\"name\":\"out\",\"c_name\":\"out\",\"at\":\"database.h:163\",\"type"
	"\":{\"kind\":\"handle\",\"object\":\"statement\"},\"role\":\"value\"}"
	"],\"parent\":\"database\",\"call\":[{\"role\":\"parent\"},{\"role\":"
	"\"in\",\"c_name\":\"sql\"},{\"role\":\"out\",\"c_name\":\"out\",\"by"
	"\":\"pointer\"}],\"returns\":{\"kind\":\"status\",\"error\":\"error\""
	",\"c_type\":\"sqlite_error\"},\"doc\":\"Prepares one statement.\",\"h"
	"ash\":\"f802e7a09def8343\"},{\"name\":\"close\",\"c_name\":\"sqlite_s"
	"tatement_close\",\"at\":\"database.h:164\",\"kind\":\"destructor\",\""
	"object\":\"statement\",\"root\":\"database\",\"id\":3,\"in\":[],\"out"
	"\":[],\"self\":\"handle\",\"call\":[{\"role\":\"self\"}],\"returns\":"
	"{\"kind\":\"void\",\"c_type\":\"void\"},\"hash\":\"b84b10ddb7b85dc4\""
	"},{\"name\":\"run\",\"c_name\":\"sqlite_statement_run\",\"at\":\"data"
	"base.h:168\",\"kind\":\"method\",\"object\":\"statement\",\"root\":\""
	"database\",\"id\":4,\"in\":[{\"name\":\"params\",\"c_name\":\"params"
	"\",\"at\":\"database.h:170\",\"type\":{\"kind\":\"array\",\"c_type\":"
	"\"const sqlite_cell *\",\"of\":{\"kind\":\"record\",\"c_type\":\"sqli"
	"te_cell\",\"name\":\"cell\"},\"nullable\":true,\"len\":\"n_params\"},"
	"\"role\":\"value\",\"default\":{\"kind\":\"none\"}},{\"name\":\"n_par"
	"ams\",\"c_name\":\"n_params\",\"at\":\"database.h:171\",\"type\":{\"k"
	"ind\":\"int\",\"c_type\":\"size_t\",\"bits\":64,\"signed\":false},\"r"
	"ole\":\"len\",\"of\":\"params\"},{\"name\":\"n_sets\",\"c_name\":\"n_"
	"sets\",\"at\":\"database.h:171\",\"type\":{\"kind\":\"int\",\"c_type"
	"\":\"uint32_t\",\"bits\":32,\"signed\":false},\"role\":\"value\",\"de"
	"fault\":{\"kind\":\"int\",\"value\":\"1\"}}],\"out\":[{\"name\":\"out"
	"\",\"c_name\":\"out\",\"at\":\"database.h:172\",\"type\":{\"kind\":\""
	"record\",\"c_type\":\"sqlite_rows\",\"name\":\"rows\"},\"role\":\"val"
	"ue\",\"transfer\":\"sqlite_rows_free\"}],\"self\":\"handle\",\"call\""
	":[{\"role\":\"self\"},{\"role\":\"in\",\"c_name\":\"params\"},{\"role"
	"\":\"in\",\"c_name\":\"n_params\"},{\"role\":\"in\",\"c_name\":\"n_se"
	"ts\"},{\"role\":\"out\",\"c_name\":\"out\",\"by\":\"pointer\"}],\"ret"
	"urns\":{\"kind\":\"status\",\"error\":\"error\",\"c_type\":\"sqlite_e"
	"rror\"},\"cancel\":\"sqlite_cancel\",\"reset\":\"sqlite_uncancel\",\""
	"doc\":\"Runs it with `n_sets` sets of parameters, all or nothing.\","
	"\"hash\":\"3448867bc0c2d052\"},{\"name\":\"about\",\"c_name\":\"sqlit"
	"e_statement_about\",\"at\":\"database.h:174\",\"kind\":\"method\",\"o"
	"bject\":\"statement\",\"root\":\"database\",\"id\":5,\"in\":[],\"out"
	"\":[{\"name\":\"out\",\"c_name\":\"out\",\"at\":\"database.h:175\",\""
	"type\":{\"kind\":\"record\",\"c_type\":\"sqlite_about\",\"name\":\"ab"
	"out\"},\"role\":\"value\"}],\"self\":\"handle\",\"call\":[{\"role\":"
	"\"self\"},{\"role\":\"out\",\"c_name\":\"out\",\"by\":\"pointer\"}],"
	"\"returns\":{\"kind\":\"void\",\"c_type\":\"void\"},\"hash\":\"bd64ef"
	"0295209762\"},{\"name\":\"statements\",\"c_name\":\"sqlite_statements"
	"\",\"at\":\"database.h:178\",\"kind\":\"method\",\"object\":\"databas"
	"e\",\"root\":\"database\",\"id\":6,\"in\":[],\"out\":[{\"name\":\"res"
	"ult\",\"c_name\":\"result\",\"at\":\"database.h:178\",\"type\":{\"kin"
	"d\":\"int\",\"c_type\":\"uint64_t\",\"bits\":64,\"signed\":false},\"r"
	"ole\":\"value\"}],\"call\":[{\"role\":\"self\"}],\"returns\":{\"kind"
	"\":\"value\",\"type\":{\"kind\":\"int\",\"c_type\":\"uint64_t\",\"bit"
	"s\":64,\"signed\":false},\"c_type\":\"uint64_t\"},\"doc\":\"How many "
	"statements SQLite has, prepared or half run.\",\"hash\":\"1c497f5c6d5"
	"fa377\"},{\"name\":\"on_row_changed\",\"c_name\":\"sqlite_on_row_chan"
	"ged\",\"at\":\"database.h:185\",\"kind\":\"event\",\"object\":\"datab"
	"ase\",\"root\":\"database\",\"id\":0,\"in\":[],\"out\":[{\"name\":\"o"
	"peration\",\"c_name\":\"operation\",\"at\":\"database.h:186\",\"type"
	"\":{\"kind\":\"enum\",\"c_type\":\"sqlite_operation\",\"name\":\"oper"
	"ation\",\"bits\":32,\"signed\":false},\"role\":\"value\"},{\"name\":"
	"\"database\",\"c_name\":\"database\",\"at\":\"database.h:186\",\"type"
	"\":{\"kind\":\"string\",\"c_type\":\"const char *\"},\"role\":\"value"
	"\"},{\"name\":\"table\",\"c_name\":\"table\",\"at\":\"database.h:186"
	"\",\"type\":{\"kind\":\"string\",\"c_type\":\"const char *\"},\"role"
	"\":\"value\"},{\"name\":\"rowid\",\"c_name\":\"rowid\",\"at\":\"datab"
	"ase.h:187\",\"type\":{\"kind\":\"int\",\"c_type\":\"int64_t\",\"bits"
	"\":64,\"signed\":true},\"role\":\"value\"}],\"call\":[{\"role\":\"sel"
	"f\"},{\"role\":\"out\",\"c_name\":\"operation\"},{\"role\":\"out\",\""
	"c_name\":\"database\"},{\"role\":\"out\",\"c_name\":\"table\"},{\"rol"
	"e\":\"out\",\"c_name\":\"rowid\"}],\"c_params\":[\"sqlite_database *d"
	"b\",\"sqlite_operation operation\",\"const char *database\",\"const c"
	"har *table\",\"int64_t rowid\"],\"returns\":{\"kind\":\"void\",\"c_ty"
	"pe\":\"void\"},\"doc\":\"A row was changed, as sqlite3_update_hook() "
	"tells, with its\\nlimits. A failing call may take the change back; wh"
	"en who hears\\nof it then asks the database, that has been decided.\""
	",\"hash\":\"a37b49e37491df1f\"}]}";

static const ferry_method methods_database[] = {
	{
		.struct_size = sizeof(ferry_method),
		.name = "database.execute",
		.handler = handle_sqlite_execute
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "database.query",
		.handler = handle_sqlite_query
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "statement.prepare",
		.handler = handle_sqlite_prepare
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "statement.close",
		.handler = handle_sqlite_statement_close
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "statement.run",
		.handler = handle_sqlite_statement_run
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "statement.about",
		.handler = handle_sqlite_statement_about
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "database.statements",
		.handler = handle_sqlite_statements
	},
};

static const ferry_event events_database[] = {
	{ .struct_size = sizeof(ferry_event),
	    .name = "database.on_row_changed" },
};

static const ferry_library_options library_database = {
	.struct_size = sizeof(ferry_library_options),
	.name = "sqlite",
	.methods = methods_database,
	.n_methods = 7,
	.events = events_database,
	.n_events = 1,
	.init = ferry_shim_init,
	.fini = ferry_shim_fini
};

static const ferry_shim_run_fn constructors_database[] = {
	run_sqlite_open,
};

static struct ferry_shim_class classes[] = {
	{
		.type = &type_database,
		.constructors = constructors_database,
		.n_constructors = 1,
		.event_policy = FERRY_EVENTS_DROP_OLDEST,
		.worker_key = NULL,
		.library = &library_database
	},
};

static const char *const root_names[] = {
	"database",
};

static int
open_root(ferry_context *out, uint32_t root, uint32_t constructor,
    const void *data, size_t size, const ferry_context_options *options,
    char *text, size_t text_size)
{
	return ferry_shim_open(out, classes, 1, root, constructor, data, size,
	    options, text, text_size);
}

static int
call_function(void **out, size_t *out_size, uint32_t id, const void *data,
    size_t size)
{
	(void)out;
	(void)out_size;
	(void)id;
	(void)data;
	(void)size;
	return FERRY_ENOMETHOD;
}

static const ferry_package package = {
	.struct_size = sizeof(ferry_package),
	.format = FERRY_PACKAGE_FORMAT,
	.abi = FERRY_ABI,
	.name = "sqlite",
	.version = "1.0",
	.model = model,
	.model_size = sizeof model - 1,
	.roots = root_names,
	.records = records,
	.functions = functions,
	.n_roots = 1,
	.n_records = 18,
	.n_functions = 9,
	.open = open_root,
	.call = call_function
};

FERRY_API const ferry_package *
sqlite_ferry(void)
{
	return &package;
}

/* Weak: there may be several in a program that is linked statically. */
FERRY_API const ferry_package *
ferry_package_here(void) __attribute__((weak));

const ferry_package *
ferry_package_here(void)
{
	return &package;
}
