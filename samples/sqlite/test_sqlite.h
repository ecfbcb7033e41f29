/* What the tests of the SQLite sample share. */
#ifndef TEST_SQLITE_H
#define TEST_SQLITE_H

#include "sqlite_ferry.h"
#include "t.h"

/* SQLite's codes that are looked for; sqlite3.h is the wrapper's affair. */
#define SQLITE_ERROR  1
#define SQLITE_BUSY   5
#define SQLITE_TOOBIG 18
#define SQLITE_CONSTRAINT 19
#define SQLITE_RANGE  25

#define RUNAWAY \
	"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) " \
	"SELECT count(*) FROM c"

static sqlite_ferry_error error; /* of the last call that failed */

/* --- Helpers ------------------------------------------------------------ */

T__FN ferry_context
open_with(const char *path, uint32_t busy_ms, uint64_t result_max)
{
	sqlite_ferry_options options = {.struct_size = sizeof options,
	    .path = path,
	    .busy_ms = busy_ms,
	    .result_max = result_max};
	ferry_context db;

	T_OK(sqlite_ferry_open(&db, &options, NULL));
	return db;
}

T__FN ferry_context
open_memory(void)
{
	return open_with(":memory:", 0, 0);
}

T__FN void
shut(ferry_context db)
{
	T_OK(ferry_context_close(db, NULL, NULL));
}

T__FN void
release(const sqlite_ferry_rows *rows)
{
	T_OK(ferry_block_release((void *)(uintptr_t)rows));
}

T__FN sqlite_ferry_changes
execute(ferry_context db, const char *sql)
{
	sqlite_ferry_changes out;
	int r = sqlite_ferry_do_execute(&out, db, sql, &error);

	if (r)
		T_FAIL("%s: %d %s", sql, r, error.text);
	return out;
}

/* The one integer that a query gives. */
T__FN int64_t
number(ferry_context db, const char *sql)
{
	const sqlite_ferry_rows *rows;
	int64_t n;
	int r = sqlite_ferry_do_query(&rows, db, sql, NULL, 0, &error);

	if (r)
		T_FAIL("%s: %d %s", sql, r, error.text);
	T_EQ(rows->n_rows, 1);
	n = sqlite_ferry_rows_integer(rows, 0, 0);
	release(rows);
	return n;
}

/* The status a query is refused with. */
T__FN int
refused(ferry_context db, const char *sql)
{
	const sqlite_ferry_rows *rows;
	int r = sqlite_ferry_do_query(&rows, db, sql, NULL, 0, &error);

	T_NE(r, 0);
	return r;
}

T__FN int
execute_refused(ferry_context db, const char *sql)
{
	int r = sqlite_ferry_do_execute(NULL, db, sql, &error);

	T_NE(r, 0);
	return r;
}

/* Submits to be waited for. */
T__FN ferry_request
submit(ferry_context db, const char *sql)
{
	ferry_request request;
	void *payload;
	size_t size;

	T_OK(sqlite_ferry_pack(&payload, &size, 0, sql, NULL, 0, 1));
	T_OK(ferry_request_submit(
	    &request, db, SQLITE_FERRY_QUERY, payload, size, NULL));
	free(payload);
	return request;
}

T__FN int
status_of(ferry_request request)
{
	ferry_reply reply;

	T_OK(ferry_request_wait(&reply, request, 20000));
	T_OK(ferry_block_release(reply.data));
	return reply.status;
}

T__FN int
is_running(ferry_context db, ferry_request request)
{
	ferry_health health = {.struct_size = sizeof health};

	T_OK(ferry_context_health(&health, db));
	return health.request == request;
}

T__FN uint64_t
handles_open(ferry_context db)
{
	ferry_counters c = {.struct_size = sizeof c};

	T_OK(ferry_context_counters(&c, db));
	return c.handles_open;
}

static char folder[] = "/tmp/ferry-test-XXXXXX";

T__FN const char *
file_path(const char *name)
{
	static char path[64];

	if (strstr(folder, "XXXXXX"))
		T_ASSERT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

T__FN void
remove_folder(void)
{
	char path[80];
	static const char *const names[] = {"db", "db-journal", "junk"};

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

#endif
