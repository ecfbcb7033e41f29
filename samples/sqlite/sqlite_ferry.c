/*
 * SQLite behind Ferry: the library as Ferry sees it. sqlite_ferry.h has the
 * wire, database.h the other files.
 */
#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESULT_MAX_DEFAULT ((uint64_t)64 << 20)
#define BUSY_MS_DEFAULT    5000
#define BUSY_STEP_MS       5
/* Virtual machine steps between two looks at `cancelled`: about 20 µs. */
#define PROGRESS_STEPS 1000

_Static_assert(sizeof(sqlite_ferry_cell) == 16, "wire");
_Static_assert(sizeof(sqlite_ferry_query) == 32, "wire");
_Static_assert(sizeof(sqlite_ferry_changes) == 16, "wire");
_Static_assert(sizeof(sqlite_ferry_prepared) == 24, "wire");
_Static_assert(sizeof(sqlite_ferry_rows) == 40, "wire");
_Static_assert(sizeof(sqlite_ferry_row_changed) == 24, "wire");
_Static_assert(SQLITE_FERRY_INTEGER == SQLITE_INTEGER, "wire");
_Static_assert(SQLITE_FERRY_FLOAT == SQLITE_FLOAT, "wire");
_Static_assert(SQLITE_FERRY_TEXT == SQLITE_TEXT, "wire");
_Static_assert(SQLITE_FERRY_BLOB == SQLITE_BLOB, "wire");
_Static_assert(SQLITE_FERRY_NULL == SQLITE_NULL, "wire");
_Static_assert(SQLITE_FERRY_DELETE == SQLITE_DELETE, "wire");
_Static_assert(SQLITE_FERRY_INSERT == SQLITE_INSERT, "wire");
_Static_assert(SQLITE_FERRY_UPDATE == SQLITE_UPDATE, "wire");

/* Its address stands for the type of our handles. */
static const char statement_type;

/* --- Errors ------------------------------------------------------------- */

int
database_fail(struct database *db, int status, const char *text)
{
	snprintf(db->error, sizeof db->error, "%s", text);
	return status;
}

int
database_fail_sqlite(struct database *db, int r)
{
	return database_fail(db, r, sqlite3_errmsg(db->sqlite));
}

/* Answers with what database_database_fail() noted. */
static int
reply_error(struct database *db, ferry_call call, int status)
{
	ferry_call_reply(call, status, db->error, strlen(db->error) + 1);
	return status;
}

/* --- Cancel ------------------------------------------------------------- */

/*
 * On the canceller's thread. sqlite3_interrupt() alone could be lost: SQLite
 * forgets it when the next statement starts on an idle connection, and this
 * request may be just before that. The flag is not forgotten.
 */
static void
cancel_statement(ferry_call call, void *user)
{
	struct database *db = user;

	(void)call;
	/* Relaxed: the flag says all there is to say. */
	atomic_store_explicit(&db->cancelled, 1, memory_order_relaxed);
	sqlite3_interrupt(db->sqlite);
}

static int
is_cancelled(struct database *db)
{
	return atomic_load_explicit(&db->cancelled, memory_order_relaxed);
}

/* SQLite calls it while a statement runs; 1 interrupts. */
static int
on_progress(void *user)
{
	return is_cancelled(user);
}

/* SQLite calls it while another process holds a lock; 0 gives up. */
static int
on_busy(void *user, int tries)
{
	struct database *db = user;

	if (is_cancelled(db) || (uint64_t)tries * BUSY_STEP_MS >= db->busy_ms)
		return 0;
	sqlite3_sleep(BUSY_STEP_MS);
	return 1;
}

/* From here until request_end() the request can be interrupted. */
static int
request_begin(struct database *db, ferry_call call)
{
	/* No hook can be running here, so nobody else writes. */
	atomic_store_explicit(&db->cancelled, 0, memory_order_relaxed);
	db->changes_before = sqlite3_total_changes64(db->sqlite);
	if (ferry_call_on_cancel(call, cancel_statement, db) != FERRY_OK)
		return database_fail(db, FERRY_ECANCELED, "cancelled");
	return FERRY_OK;
}

/* Tidies up after the SQL, whose outcome is `r`; returns the final one. */
static int
request_end(struct database *db, ferry_call call, int r)
{
	int open;

	/* Whatever it returns: after this no hook is running. */
	ferry_call_on_cancel(call, NULL, NULL);
	if (is_cancelled(db) &&
	    ((r & 0xff) == SQLITE_INTERRUPT || (r & 0xff) == SQLITE_BUSY))
		r = database_fail(
		    db, FERRY_ECANCELED, "cancelled while it ran");

	/* Or the progress handler would interrupt the rollback as well. */
	atomic_store_explicit(&db->cancelled, 0, memory_order_relaxed);
	open = !sqlite3_get_autocommit(db->sqlite);
	if (open)
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	if (open && r == 0)
		r = database_fail(db, SQLITE_ERROR,
		    "the request left a transaction open; it has been rolled "
		    "back: begin and end it in one request");
	return r;
}

int64_t
database_changes(const struct database *db)
{
	return sqlite3_total_changes64(db->sqlite) - db->changes_before;
}

/* --- Methods ------------------------------------------------------------ */

static int
handle_execute(ferry_call call, const void *data, size_t size, void *state)
{
	struct database *db = state;
	sqlite_ferry_changes reply;
	char *sql;
	int r;

	r = statement_text(&sql, db, data, size);
	if (r)
		return reply_error(db, call, r);
	r = request_begin(db, call);
	if (r == 0)
		r = request_end(db, call, statement_script(db, sql));
	free(sql);
	if (r)
		return reply_error(db, call, r);
	reply.changes = database_changes(db);
	reply.last_rowid = sqlite3_last_insert_rowid(db->sqlite);
	return ferry_call_reply(call, FERRY_OK, &reply, sizeof reply);
}

static int
reply_rows(struct database *db, ferry_call call, const struct result *res)
{
	size_t size;
	void *block;
	int r;

	r = result_block(&block, &size, db, res);
	if (r)
		return reply_error(db, call, r);
	r = ferry_call_reply_block(call, FERRY_OK, block, size);
	if (r)
		ferry_block_release(block);
	return r;
}

/* What query and run have in common; the statement is the caller's. */
static int
answer(struct database *db, ferry_call call, sqlite3_stmt *statement,
    const struct request *q)
{
	struct result res = { 0 };
	int r;

	r = request_begin(db, call);
	if (r == 0)
		r = request_end(
		    db, call, statement_run(db, &res, statement, q));
	r = r ? reply_error(db, call, r) : reply_rows(db, call, &res);
	result_free(&res);
	return r;
}

static int
handle_query(ferry_call call, const void *data, size_t size, void *state)
{
	struct database *db = state;
	sqlite3_stmt *statement;
	const char *sql = NULL;
	struct request q;
	int r;

	r = request_read(&q, db, data, size);
	if (r == 0 && (q.head.statement || q.head.sql.type != SQLITE_TEXT))
		r = database_fail(db, FERRY_EINVAL,
		    "query takes SQL text; run takes a statement");
	if (r == 0 && !(sql = request_bytes(&q, &q.head.sql)))
		r = database_fail(
		    db, FERRY_EINVAL, "the SQL is not in the payload");
	if (r == 0)
		r = statement_compile(&statement, db, sql, q.head.sql.size, 0);
	if (r)
		return reply_error(db, call, r);
	r = answer(db, call, statement, &q);
	sqlite3_finalize(statement);
	return r;
}

static int
handle_run(ferry_call call, const void *data, size_t size, void *state)
{
	struct database *db = state;
	struct request q;
	void *statement;
	int r;

	r = request_read(&q, db, data, size);
	if (r == 0 && q.head.sql.type != SQLITE_NULL)
		r = database_fail(db, FERRY_EINVAL,
		    "run takes a statement; query takes SQL text");
	if (r)
		return reply_error(db, call, r);
	r = ferry_handle_object(
	    &statement, call, q.head.statement, &statement_type);
	if (r) {
		snprintf(db->error, sizeof db->error, "the statement: %s",
		    ferry_error_text(r));
		return reply_error(db, call, r);
	}
	return answer(db, call, statement, &q);
}

/* On the FFI thread, when a statement's handle has been released. */
static void
destroy_statement(void *object, void *state)
{
	(void)state;
	sqlite3_finalize(object);
}

static int
handle_prepare(ferry_call call, const void *data, size_t size, void *state)
{
	struct database *db = state;
	sqlite_ferry_prepared reply = { 0 };
	sqlite3_stmt *statement;
	int r;

	r = statement_compile(
	    &statement, db, data, size, SQLITE_PREPARE_PERSISTENT);
	if (r)
		return reply_error(db, call, r);
	r = ferry_handle_open(&reply.statement, call, statement,
	    &statement_type, destroy_statement);
	if (r) {
		sqlite3_finalize(statement);
		return r;
	}
	reply.n_params = (uint32_t)sqlite3_bind_parameter_count(statement);
	reply.n_columns = (uint32_t)sqlite3_column_count(statement);
	reply.readonly = sqlite3_stmt_readonly(statement) != 0;
	r = ferry_call_reply(call, FERRY_OK, &reply, sizeof reply);
	if (r)
		ferry_handle_release(reply.statement);
	return r;
}

/* --- The event ---------------------------------------------------------- */

/* SQLite calls it for each row a statement changes. */
static void
on_update(void *user, int operation, const char *database, const char *table,
    sqlite3_int64 rowid)
{
	struct database *db = user;
	sqlite_ferry_row_changed head = { .operation = (uint32_t)operation,
		.database_size = (uint32_t)strlen(database),
		.table_size = (uint32_t)strlen(table),
		.rowid = rowid };
	char *to;

	db->event.used = 0;
	to = buffer_grow(&db->event,
	    sizeof head + head.database_size + 1 + head.table_size + 1);
	if (!to)
		return;
	memcpy(to, &head, sizeof head);
	to += sizeof head;
	memcpy(to, database, head.database_size + 1);
	memcpy(to + head.database_size + 1, table, head.table_size + 1);
	/* What nobody can take in is dropped, and counted by Ferry. */
	ferry_context_emit(db->context, SQLITE_FERRY_ROW_CHANGED,
	    db->event.bytes, db->event.used);
}

/* --- Open and close ----------------------------------------------------- */

static void
close_database(void *state)
{
	struct database *db = state;

	/* Every statement is finalized: handles go before fini. */
	sqlite3_close(db->sqlite);
	free(db->event.bytes);
	free(db);
}

static int
open_file(struct database *db, const sqlite_ferry_options *options)
{
	int flags = (int)options->flags;
	int r;

	if (flags == 0)
		flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	/* NOMUTEX: one thread owns the connection, and interrupt needs none. */
	r = sqlite3_open_v2(options->path, &db->sqlite,
	    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (r)
		return r;
	sqlite3_busy_handler(db->sqlite, on_busy, db);
	sqlite3_progress_handler(db->sqlite, PROGRESS_STEPS, on_progress, db);
	/* Before the first statement SQLite does not read the file. */
	r = sqlite3_exec(
	    db->sqlite, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	if (r == 0)
		sqlite3_update_hook(db->sqlite, on_update, db);
	return r;
}

static int
open_database(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	const sqlite_ferry_options *options = arg;
	struct database *db = calloc(1, sizeof *db);
	int r;

	if (!db) {
		snprintf(text, text_size, "out of memory");
		return SQLITE_NOMEM;
	}
	db->context = context;
	db->result_max =
	    options->result_max ? options->result_max : RESULT_MAX_DEFAULT;
	db->busy_ms = options->busy_ms ? options->busy_ms : BUSY_MS_DEFAULT;
	r = open_file(db, options);
	if (r) {
		snprintf(text, text_size, "%s: %s", options->path,
		    sqlite3_errmsg(db->sqlite)); /* NULL: out of memory */
		close_database(db);
		return r;
	}
	*state = db;
	return 0;
}

/* --- The library -------------------------------------------------------- */

#define METHOD(called) \
	{ \
		.struct_size = sizeof(ferry_method), .name = #called, \
		.handler = handle_##called \
	}

/* In the order of the ids in sqlite_ferry.h. */
static const ferry_method methods[] = {
	[SQLITE_FERRY_EXECUTE] = METHOD(execute),
	[SQLITE_FERRY_QUERY] = METHOD(query),
	[SQLITE_FERRY_PREPARE] = METHOD(prepare),
	[SQLITE_FERRY_RUN] = METHOD(run),
};

static const ferry_event events[] = {
	[SQLITE_FERRY_ROW_CHANGED] = { .struct_size = sizeof(ferry_event),
	    .name = "row_changed" },
};

int
sqlite_ferry_open(ferry_context *out, const sqlite_ferry_options *options,
    const ferry_context_options *ferry)
{
	ferry_library_options library = { .struct_size = sizeof library,
		.name = "sqlite",
		.methods = methods,
		.n_methods = sizeof methods / sizeof methods[0],
		.events = events,
		.n_events = sizeof events / sizeof events[0],
		.init = open_database,
		.fini = close_database };
	ferry_context_options how = { .struct_size = sizeof how };
	int r;

	if (!out || !options || options->struct_size != sizeof *options ||
	    !options->path)
		return FERRY_EINVAL;
	if (ferry) {
		if (ferry->struct_size != sizeof how)
			return FERRY_EINVAL;
		how = *ferry;
	}
	r = ferry_library_open(&how.library, &library);
	if (r)
		return r;
	how.init_arg = options;
	r = ferry_context_open(out, &how);
	ferry_library_close(how.library); /* the context keeps what it needs */
	return r;
}
