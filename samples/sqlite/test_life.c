/*
 * SQLite behind Ferry, from C: statements, cancel, close, events.
 */
#include "test_sqlite.h"

/* --- Statements --------------------------------------------------------- */

static void
run_many_sets_all_or_nothing(void)
{
	ferry_context db = open_memory();
	const sqlite_ferry_rows *rows;
	sqlite_ferry_value sets[100];
	sqlite_ferry_prepared p;

	execute(db, "CREATE TABLE t(x UNIQUE)");
	for (int i = 0; i < 100; i++)
		sets[i] = (sqlite_ferry_value){ SQLITE_FERRY_INTEGER, 0,
			{ .integer = i } };
	T_OK(sqlite_ferry_do_prepare(
	    &p, db, "INSERT INTO t VALUES(?) RETURNING x * 10", &error));
	T_EQ(p.n_params, 1);
	T_EQ(p.n_columns, 1);
	T_EQ(p.readonly, 0);
	T_OK(sqlite_ferry_do_run(&rows, db, p.statement, sets, 1, 100, &error));
	T_EQ(rows->n_rows, 100);
	T_EQ(rows->changes, 100);
	T_EQ(sqlite_ferry_rows_integer(rows, 99, 0), 990);
	release(rows);

	execute(db, "DELETE FROM t WHERE x < 99");
	T_EQ(sqlite_ferry_do_run(&rows, db, p.statement, sets, 1, 100, &error) &
		0xff,
	    SQLITE_CONSTRAINT);
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
	T_OK(ferry_handle_release(p.statement));
	shut(db);
}

static void *
release_elsewhere(void *arg)
{
	T_OK(ferry_handle_release(*(ferry_handle *)arg));
	T_EQ(ferry_handle_release(*(ferry_handle *)arg), FERRY_ESTALE);
	return NULL;
}

static void
a_statement_is_a_handle(void)
{
	ferry_context db = open_memory(), other = open_memory();
	const sqlite_ferry_rows *rows;
	sqlite_ferry_prepared p, q;

	T_EQ(sqlite_ferry_do_prepare(&p, db, "SELEKT", &error), SQLITE_ERROR);
	T_EQ(sqlite_ferry_do_prepare(&p, db, "", &error), SQLITE_ERROR);
	T_EQ(handles_open(db), 0);
	T_OK(sqlite_ferry_do_prepare(&p, db, "SELECT 5", &error));
	T_EQ(p.readonly, 1);
	T_EQ(handles_open(db), 1);
	for (int i = 0; i < 3; i++) {
		T_OK(sqlite_ferry_do_run(
		    &rows, db, p.statement, NULL, 0, 1, &error));
		T_EQ(sqlite_ferry_rows_integer(rows, 0, 0), 5);
		release(rows);
	}
	T_EQ(sqlite_ferry_do_run(&rows, other, p.statement, NULL, 0, 1, &error),
	    FERRY_EFOREIGN);

	t_thread_join(t_thread_start(release_elsewhere, &p.statement));
	T_EQ(sqlite_ferry_do_run(&rows, db, p.statement, NULL, 0, 1, &error),
	    FERRY_ESTALE);
	T_EQ(sqlite_ferry_do_run(&rows, db, 0, NULL, 0, 1, &error),
	    FERRY_EINVAL);
	T_WAIT_UNTIL(handles_open(db) == 0, 5000);

	/* What nobody released is finalized by the close. */
	T_OK(sqlite_ferry_do_prepare(&q, db, "SELECT 6", &error));
	shut(other);
	shut(db);
	T_EQ(ferry_handle_release(q.statement), FERRY_ESTALE);
}

static void
a_statement_outlives_a_change_of_schema(void)
{
	ferry_context db = open_memory();
	const sqlite_ferry_rows *rows;
	sqlite_ferry_prepared p;

	execute(db, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
	T_OK(sqlite_ferry_do_prepare(&p, db, "SELECT * FROM t", &error));
	execute(db, "ALTER TABLE t ADD COLUMN y DEFAULT 'new'");
	T_OK(sqlite_ferry_do_run(&rows, db, p.statement, NULL, 0, 1, &error));
	T_EQ(rows->n_columns, 2);
	T_STR(sqlite_ferry_rows_column(rows, 1), "y");
	T_STR(sqlite_ferry_rows_text(NULL, rows, 0, 1), "new");
	release(rows);
	execute(db, "DROP TABLE t");
	T_EQ(sqlite_ferry_do_run(&rows, db, p.statement, NULL, 0, 1, &error),
	    SQLITE_ERROR);
	T_STR(error.text, "no such table: t");
	shut(db);
}

/* --- Cancel ------------------------------------------------------------- */

static void
a_runaway_is_cancelled(void)
{
	ferry_context db = open_memory();
	ferry_request running = submit(db, RUNAWAY), queued;

	T_WAIT_UNTIL(is_running(db, running), 5000);
	queued = submit(db, "SELECT 1");
	T_OK(ferry_request_cancel(queued));
	T_EQ(status_of(queued), FERRY_ECANCELED); /* while the other runs */
	T_OK(ferry_request_cancel(running));
	T_EQ(status_of(running), FERRY_ECANCELED);
	T_EQ(ferry_request_cancel(running), FERRY_ESTALE);
	T_EQ(number(db, "SELECT 1"), 1);
	shut(db);
}

/* A cancelled write leaves nothing behind, and no transaction. */
static void
a_cancelled_write_is_taken_back(void)
{
	static const char *const sql[] = {
		"INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
		"SELECT x+1 FROM c) SELECT x FROM c",
		"BEGIN; INSERT INTO t VALUES(1); " RUNAWAY "; COMMIT",
	};
	ferry_context db = open_memory();

	execute(db, "CREATE TABLE t(x)");
	for (int i = 0; i < 2; i++) {
		ferry_request request;

		T_OK(ferry_request_submit(&request, db, SQLITE_FERRY_EXECUTE,
		    sql[i], strlen(sql[i]), NULL));
		T_WAIT_UNTIL(is_running(db, request), 5000);
		t_sleep_ms(5);
		T_OK(ferry_request_cancel(request));
		T_EQ(status_of(request), FERRY_ECANCELED);
		T_EQ(number(db, "SELECT count(*) FROM t"), 0);
	}
	shut(db);
}

static _Atomic int asking;

static void *
ask_until_told(void *arg)
{
	ferry_context db = *(ferry_context *)arg;
	uintptr_t n = 0;

	for (; asking; n++)
		T_EQ(number(db, "SELECT 7"), 7);
	return (void *)n;
}

/* Cancels, at some moment, what would never end by itself. */
static void
cancel_sometime(ferry_context db, ferry_request request, struct t_rng *rng)
{
	for (uint64_t n = t_rand_below(rng, 1000000); n > 0; n--)
		__asm__ volatile("");
	T_OK(ferry_request_cancel(request));
	T_EQ(status_of(request), FERRY_ECANCELED);
	T_EQ(number(db, "SELECT 1"), 1);
}

/* However a cancel falls, it ends its own request and no other. */
static void
a_cancel_meets_its_own_request_only(void)
{
	ferry_context db = open_memory();
	struct t_rng rng = { t_seed() };
	pthread_t others[2];

	asking = 1;
	for (int i = 0; i < 2; i++)
		others[i] = t_thread_start(ask_until_told, &db);
	for (int i = 0; i < 500; i++)
		cancel_sometime(db, submit(db, RUNAWAY), &rng);
	asking = 0;
	for (int i = 0; i < 2; i++)
		T_NE((uintptr_t)t_thread_join(others[i]), 0);
	shut(db);
}

/*
 * Between two statements nothing runs that sqlite3_interrupt() could
 * interrupt: then it is forgotten, and the last statement never ends.
 */
static void
a_cancel_between_statements_is_not_lost(void)
{
	static char sql[1000 * sizeof "SELECT 1;" + sizeof RUNAWAY];
	ferry_context db = open_memory();
	struct t_rng rng = { t_seed() };

	for (int i = 0; i < 1000; i++)
		strcat(sql, "SELECT 1;");
	strcat(sql, RUNAWAY);
	for (int i = 0; i < 300; i++) {
		ferry_request request;

		T_OK(ferry_request_submit(&request, db, SQLITE_FERRY_EXECUTE,
		    sql, strlen(sql), NULL));
		T_WAIT_UNTIL(is_running(db, request), 5000);
		cancel_sometime(db, request, &rng);
	}
	shut(db);
}

static void
waiting_for_a_lock_ends(void)
{
	ferry_context holder = open_with(file_path("db"), 0, 0);
	ferry_context patient = open_with(file_path("db"), 60000, 0);
	ferry_context hasty = open_with(file_path("db"), 20, 0);
	ferry_request held, waits;

	execute(holder, "CREATE TABLE t(x)");
	held = submit(holder,
	    "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
	    "SELECT x+1 FROM c) SELECT x FROM c WHERE x < 0");
	T_WAIT_UNTIL(is_running(holder, held), 5000);
	T_WAIT_UNTIL(sqlite_ferry_do_execute(NULL, hasty,
			 "INSERT INTO t VALUES(1)", &error) == SQLITE_BUSY,
	    5000);
	waits = submit(patient, "INSERT INTO t VALUES(2)");
	T_WAIT_UNTIL(is_running(patient, waits), 5000);
	T_OK(ferry_request_cancel(waits));
	T_EQ(status_of(waits), FERRY_ECANCELED);
	T_OK(ferry_request_cancel(held));
	T_EQ(status_of(held), FERRY_ECANCELED);
	execute(patient, "DELETE FROM t; INSERT INTO t VALUES(3)");
	T_EQ(number(hasty, "SELECT sum(x) FROM t"), 3);
	shut(hasty);
	shut(patient);
	shut(holder);
}

static void
close_cancels_what_runs(void)
{
	ferry_close_options how = { .struct_size = sizeof how,
		.mode = FERRY_CLOSE_CANCEL };
	ferry_context db = open_memory();
	ferry_request running = submit(db, RUNAWAY), queued;

	T_WAIT_UNTIL(is_running(db, running), 5000);
	queued = submit(db, "SELECT 1");
	T_OK(ferry_context_close(db, &how, NULL));
	T_EQ(status_of(queued), FERRY_ECLOSED);
	T_EQ(status_of(running), FERRY_ECANCELED);
}

/* --- Events ------------------------------------------------------------- */

static void
next_change(ferry_inbox inbox, uint32_t operation, int64_t rowid)
{
	sqlite_ferry_row_changed change;
	ferry_completion item;
	const char *names;
	int n;

	while ((n = ferry_inbox_take(&item, 1, inbox)) == 0)
		T_OK(ferry_inbox_wait(inbox, 10000));
	T_EQ(n, 1);
	T_EQ(item.kind, FERRY_KIND_EVENT);
	T_EQ(item.code, SQLITE_FERRY_ROW_CHANGED);
	T_STR(item.name, "row_changed");
	memcpy(&change, item.data, sizeof change);
	T_EQ(change.operation, operation);
	T_EQ(change.rowid, rowid);
	names = (const char *)item.data + sizeof change;
	T_STR(names, "main");
	T_STR(names + change.database_size + 1, "t");
	T_EQ(change.table_size, 1);
	T_EQ(item.size, sizeof change + 5 + 2);
	T_OK(ferry_block_release(item.data));
}

static void
changed_rows_are_events(void)
{
	ferry_attach_options events = { .struct_size = sizeof events,
		.flags = FERRY_ATTACH_EVENTS };
	ferry_context db = open_memory();
	ferry_inbox inbox;

	T_OK(ferry_inbox_open(&inbox, NULL));
	T_OK(ferry_inbox_attach(inbox, db, &events));
	execute(db, "CREATE TABLE t(x)");
	execute(db, "INSERT INTO t(rowid, x) VALUES(10, 'a'), (20, 'b')");
	execute(db,
	    "UPDATE t SET x = 'c' WHERE rowid = 20; "
	    "DELETE FROM t WHERE rowid = 10");
	next_change(inbox, SQLITE_FERRY_INSERT, 10);
	next_change(inbox, SQLITE_FERRY_INSERT, 20);
	next_change(inbox, SQLITE_FERRY_UPDATE, 20);
	next_change(inbox, SQLITE_FERRY_DELETE, 10);
	T_OK(ferry_inbox_close(NULL, inbox));
	shut(db);
}

T_MAIN(
	atexit(remove_folder);
	T_RUN(run_many_sets_all_or_nothing);
	T_RUN(a_statement_is_a_handle);
	T_RUN(a_statement_outlives_a_change_of_schema);
	T_RUN(a_runaway_is_cancelled);
	T_RUN(a_cancelled_write_is_taken_back);
	T_RUN(a_cancel_meets_its_own_request_only);
	T_RUN(a_cancel_between_statements_is_not_lost);
	T_RUN(waiting_for_a_lock_ends);
	T_RUN(close_cancels_what_runs);
	T_RUN(changed_rows_are_events);
)
