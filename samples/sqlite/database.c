/* The functions of database.h: a database that one thread uses. */
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>

#define BUSY_STEP_MS 5
/* Virtual machine steps between two looks at `cancelled`: about 20 µs. */
#define PROGRESS_STEPS 1000

/* --- Errors ------------------------------------------------------------- */

const char *
sqlite_error_text(sqlite_error code)
{
	return sqlite3_errstr((int)code);
}

const char *
sqlite_detail(sqlite_database *db)
{
	return db->detail;
}

sqlite_error
database_fail(sqlite_database *db, int code, const char *text)
{
	if (code > 0xff)
		snprintf(
		    db->detail, sizeof db->detail, "%s (%d)", text, code);
	else
		snprintf(db->detail, sizeof db->detail, "%s", text);
	return (sqlite_error)(code & 0xff);
}

sqlite_error
database_fail_sqlite(sqlite_database *db, int code)
{
	return database_fail(db, code, sqlite3_errmsg(db->sqlite));
}

/* --- Cancel ------------------------------------------------------------- */

/*
 * sqlite3_interrupt() alone could be lost: SQLite forgets it when the next
 * statement starts on an idle connection, and the call may be just before that.
 * The flag is not forgotten.
 */
void
sqlite_cancel(sqlite_database *db)
{
	/* Relaxed: the flag says all there is to say. */
	atomic_store_explicit(&db->cancelled, 1, memory_order_relaxed);
	sqlite3_interrupt(db->sqlite);
}

void
sqlite_uncancel(sqlite_database *db)
{
	atomic_store_explicit(&db->cancelled, 0, memory_order_relaxed);
}

static int
is_cancelled(sqlite_database *db)
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
	sqlite_database *db = user;

	if (is_cancelled(db) || (uint64_t)tries * BUSY_STEP_MS >= db->busy)
		return 0;
	sqlite3_sleep(BUSY_STEP_MS);
	return 1;
}

/* --- Calls -------------------------------------------------------------- */

static void
begin(sqlite_database *db)
{
	db->changes_before = sqlite3_total_changes64(db->sqlite);
}

/* Tidies up after the SQL, whose outcome is `code`; returns the final one. */
static sqlite_error
end(sqlite_database *db, sqlite_error code)
{
	if (sqlite3_get_autocommit(db->sqlite))
		return code;
	/* A call is cancelled once at most, which may interrupt the first. */
	for (int i = 0; i < 2 && !sqlite3_get_autocommit(db->sqlite); i++)
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	if (code != SQLITE_CODE_OK)
		return code;
	return database_fail(db, SQLITE_ERROR,
	    "the call left a transaction open; it has been rolled back: "
	    "begin and end it in one call");
}

sqlite_error
sqlite_execute(sqlite_database *db, const char *sql, sqlite_changes *out)
{
	sqlite_error code;

	begin(db);
	code = end(db, run_script(db, sql));
	if (code == SQLITE_CODE_OK) {
		out->changes = sqlite3_total_changes64(db->sqlite) -
		    db->changes_before;
		out->last_rowid = sqlite3_last_insert_rowid(db->sqlite);
	}
	return code;
}

/* What query and run have in common. */
static sqlite_error
answer(sqlite_rows *out, sqlite_database *db, sqlite3_stmt *statement,
    const sqlite_cell *params, size_t n_params, uint32_t n_sets)
{
	struct result res = { 0 };
	sqlite_error code;

	begin(db);
	code = end(
	    db, run_sets(db, &res, statement, params, n_params, n_sets));
	if (code == SQLITE_CODE_OK)
		code = result_lay_out(out, db, &res);
	result_free(&res);
	return code;
}

sqlite_error
sqlite_query(sqlite_database *db, const char *sql, const sqlite_cell *params,
    size_t n_params, sqlite_rows *out)
{
	sqlite3_stmt *statement;
	sqlite_error code = run_compile(&statement, db, sql, 0);

	if (code != SQLITE_CODE_OK)
		return code;
	code = answer(out, db, statement, params, n_params, 1);
	sqlite3_finalize(statement);
	return code;
}

/* --- Statements --------------------------------------------------------- */

sqlite_error
sqlite_prepare(sqlite_database *db, const char *sql, sqlite_statement **out)
{
	sqlite_statement *s = malloc(sizeof *s);
	sqlite_error code;

	if (!s)
		return database_fail(db, SQLITE_NOMEM, "out of memory");
	s->db = db;
	code = run_compile(&s->statement, db, sql, SQLITE_PREPARE_PERSISTENT);
	if (code == SQLITE_CODE_OK)
		*out = s;
	else
		free(s);
	return code;
}

void
sqlite_statement_close(sqlite_statement *s)
{
	sqlite3_finalize(s->statement);
	free(s);
}

sqlite_error
sqlite_statement_run(sqlite_statement *s, const sqlite_cell *params,
    size_t n_params, uint32_t n_sets, sqlite_rows *out)
{
	return answer(out, s->db, s->statement, params, n_params, n_sets);
}

void
sqlite_statement_about(sqlite_statement *s, sqlite_about *out)
{
	out->n_params = (uint32_t)sqlite3_bind_parameter_count(s->statement);
	out->n_columns = (uint32_t)sqlite3_column_count(s->statement);
	out->readonly = sqlite3_stmt_readonly(s->statement) != 0;
}

/* Not what we have counted: what SQLite has. */
uint64_t
sqlite_statements(sqlite_database *db)
{
	sqlite3_stmt *statement = NULL;
	uint64_t n = 0;

	while ((statement = sqlite3_next_stmt(db->sqlite, statement)))
		n++;
	return n;
}

/* --- Open and close ----------------------------------------------------- */

/* SQLite calls it for each row that a statement changes. */
static void
on_update(void *user, int operation, const char *database, const char *table,
    sqlite3_int64 rowid)
{
	sqlite_on_row_changed(
	    user, (sqlite_operation)operation, database, table, rowid);
}

static int
open_file(sqlite_database *db, const char *path, sqlite_mode mode)
{
	/* NOMUTEX: one thread owns the connection, and interrupt needs none. */
	int r = sqlite3_open_v2(path, &db->sqlite,
	    (int)mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

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

sqlite_error
sqlite_open(sqlite_database **out, const char *path, sqlite_mode mode,
    uint32_t busy, uint64_t result_max)
{
	sqlite_database *db = calloc(1, sizeof *db);
	int r;

	if (!db)
		return SQLITE_CODE_NO_MEMORY;
	db->result_max = result_max;
	db->busy = busy;
	/* Also where it cannot be opened: it says why, and is closed. */
	*out = db;
	r = open_file(db, path, mode);
	return r ? database_fail_sqlite(db, r) : SQLITE_CODE_OK;
}

void
sqlite_close(sqlite_database *db)
{
	/* Every statement is finalized: its owner ends them before. */
	sqlite3_close(db->sqlite);
	free(db);
}
