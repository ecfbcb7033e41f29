/*
 * SQLite behind Ferry, from C: what each method does and what it refuses,
 * payloads that are wrong.
 */
#include "test_sqlite.h"

/* --- Open --------------------------------------------------------------- */

static int
open_fails(const char *path, char *text, size_t text_size)
{
	sqlite_ferry_options options = { .struct_size = sizeof options,
		.path = path };
	ferry_context_options how = { .struct_size = sizeof how,
		.error_text = text,
		.error_text_size = text_size };
	ferry_context db = 7;
	int r = sqlite_ferry_open(&db, &options, &how);

	T_EQ(db, 7);
	return r;
}

static void
open_says_why_not(void)
{
	char text[200] = "";
	FILE *junk;

	T_EQ(open_fails("/nowhere/at/all", text, sizeof text), FERRY_EINIT);
	T_ASSERT(strstr(text, "unable to open") != NULL);

	junk = fopen(file_path("junk"), "w");
	T_ASSERT(junk != NULL);
	for (int i = 0; i < 2000; i++)
		fputc('x', junk);
	fclose(junk);
	T_EQ(open_fails(file_path("junk"), text, sizeof text), FERRY_EINIT);
	T_ASSERT(strstr(text, "not a database") != NULL);
	T_EQ(open_fails(NULL, text, sizeof text), FERRY_EINVAL);
	T_EQ(sqlite_ferry_open(NULL, NULL, NULL), FERRY_EINVAL);
}

/* --- execute ------------------------------------------------------------ */

static void
execute_many_statements(void)
{
	ferry_context db = open_memory();
	sqlite_ferry_changes c;

	c = execute(db,
	    "CREATE TABLE t(x); INSERT INTO t VALUES(1), (2); -- done\n"
	    "INSERT INTO t VALUES(3); SELECT * FROM t;  ");
	T_EQ(c.changes, 3);
	T_EQ(c.last_rowid, 3);
	T_EQ(number(db, "SELECT sum(x) FROM t"), 6);
	T_EQ(execute(db, "").changes, 0);
	T_EQ(execute(db, "  /* nothing */ ").changes, 0);
	T_EQ(execute(db, "UPDATE t SET x = 0").changes, 3);
	shut(db);
}

static void
execute_says_what_failed(void)
{
	ferry_context db = open_memory();

	execute(db, "CREATE TABLE t(x UNIQUE)");
	T_EQ(execute_refused(db, "SELEKT 1"), SQLITE_ERROR);
	T_STR(error.text, "near \"SELEKT\": syntax error");
	T_EQ(execute_refused(db, "INSERT INTO t VALUES(1), (1)") & 0xff,
	    SQLITE_CONSTRAINT);
	T_STR(error.text, "UNIQUE constraint failed: t.x");
	T_EQ(execute_refused(db, "SELECT ?"), SQLITE_RANGE);
	T_EQ(number(db, "SELECT count(*) FROM t"), 0);

	/* What comes before the failure stands … */
	T_EQ(execute_refused(db, "INSERT INTO t VALUES(1); SELEKT"), 1);
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
	/* … but not in a transaction. */
	T_EQ(execute_refused(db, "BEGIN; INSERT INTO t VALUES(2); SELEKT"), 1);
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
	shut(db);
}

static void
a_transaction_ends_with_its_request(void)
{
	ferry_context db = open_memory();

	execute(db, "CREATE TABLE t(x)");
	T_EQ(execute_refused(db, "BEGIN; INSERT INTO t VALUES(1)"), 1);
	T_ASSERT(strstr(error.text, "left a transaction open") != NULL);
	T_EQ(number(db, "SELECT count(*) FROM t"), 0);
	T_EQ(refused(db, "BEGIN"), SQLITE_ERROR);
	T_EQ(refused(db, "SAVEPOINT s"), SQLITE_ERROR);
	execute(db, "BEGIN; INSERT INTO t VALUES(1); COMMIT");
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
	shut(db);
}

static void
execute_takes_zeros_only_at_the_end(void)
{
	ferry_context db = open_memory();
	ferry_request request;
	ferry_reply reply;

	T_OK(ferry_request_invoke(&reply, &request, db, SQLITE_FERRY_EXECUTE,
	    "SELECT 1", sizeof "SELECT 1", NULL, -1));
	T_OK(reply.status);
	T_OK(ferry_block_release(reply.data));
	T_OK(ferry_request_invoke(&reply, &request, db, SQLITE_FERRY_EXECUTE,
	    "SELECT 1;\0DROP", 14, NULL, -1));
	T_EQ(reply.status, FERRY_EINVAL);
	T_STR(reply.data, "a zero byte inside the SQL");
	T_OK(ferry_block_release(reply.data));
	shut(db);
}

/* --- query -------------------------------------------------------------- */

static void
query_binds_and_returns_every_type(void)
{
	sqlite_ferry_value in[] = {
		{ SQLITE_FERRY_INTEGER, 0, { .integer = INT64_MIN } },
		{ SQLITE_FERRY_INTEGER, 0, { .integer = INT64_MAX } },
		{ SQLITE_FERRY_FLOAT, 0, { .real = 0.1 } },
		{ SQLITE_FERRY_TEXT, 5, { .data = "a\0b\0c" } },
		{ SQLITE_FERRY_BLOB, 3, { .data = "\0\1\xff" } },
		{ SQLITE_FERRY_NULL, 0, { .integer = 0 } },
		{ SQLITE_FERRY_TEXT, 0, { .data = NULL } },
		{ SQLITE_FERRY_BLOB, 0, { .data = NULL } },
	};
	ferry_context db = open_memory();
	const sqlite_ferry_rows *rows;
	const char *p;
	size_t size;

	T_OK(sqlite_ferry_do_query(&rows, db,
	    "SELECT ? AS a, ?, ?, ?, ?, ?, ?, ? AS z -- a comment", in, 8,
	    &error));
	T_EQ(rows->n_rows, 1);
	T_EQ(rows->n_columns, 8);
	T_STR(sqlite_ferry_rows_column(rows, 0), "a");
	T_STR(sqlite_ferry_rows_column(rows, 7), "z");
	T_ASSERT(sqlite_ferry_rows_column(rows, 8) == NULL);
	for (uint32_t i = 0; i < 8; i++)
		T_EQ(sqlite_ferry_rows_cell(rows, 0, i)->type, in[i].type);
	T_EQ(sqlite_ferry_rows_integer(rows, 0, 0), INT64_MIN);
	T_EQ(sqlite_ferry_rows_integer(rows, 0, 1), INT64_MAX);
	T_ASSERT(sqlite_ferry_rows_real(rows, 0, 2) == 0.1);
	p = sqlite_ferry_rows_text(&size, rows, 0, 3);
	T_EQ(size, 5);
	T_MEM(p, "a\0b\0c", 6);
	p = sqlite_ferry_rows_text(&size, rows, 0, 4);
	T_EQ(size, 3);
	T_MEM(p, "\0\1\xff", 4);
	T_ASSERT(sqlite_ferry_rows_text(NULL, rows, 0, 5) == NULL);
	T_STR(sqlite_ferry_rows_text(&size, rows, 0, 6), "");
	T_EQ(size, 0);
	T_STR(sqlite_ferry_rows_text(&size, rows, 0, 7), "");
	T_ASSERT(sqlite_ferry_rows_cell(rows, 1, 0) == NULL);
	T_ASSERT(sqlite_ferry_rows_cell(rows, 0, 8) == NULL);
	release(rows);
	shut(db);
}

static void
query_without_rows_or_columns(void)
{
	ferry_context db = open_memory();
	const sqlite_ferry_rows *rows;

	T_OK(sqlite_ferry_do_query(
	    &rows, db, "SELECT 1 AS one, 2 AS two WHERE 0", NULL, 0, &error));
	T_EQ(rows->n_rows, 0);
	T_EQ(rows->n_columns, 2);
	T_STR(sqlite_ferry_rows_column(rows, 1), "two");
	release(rows);
	T_OK(sqlite_ferry_do_query(
	    &rows, db, "CREATE TABLE t(x)", NULL, 0, &error));
	T_EQ(rows->n_columns, 0);
	release(rows);
	T_OK(sqlite_ferry_do_query(&rows, db,
	    "INSERT INTO t VALUES(7), (8) RETURNING x", NULL, 0, &error));
	T_EQ(rows->n_rows, 2);
	T_EQ(rows->changes, 2);
	T_EQ(rows->last_rowid, 2);
	T_EQ(sqlite_ferry_rows_integer(rows, 1, 0), 8);
	release(rows);
	shut(db);
}

static void
query_takes_one_statement(void)
{
	sqlite_ferry_value one = { SQLITE_FERRY_INTEGER, 0, { .integer = 1 } };
	ferry_context db = open_memory();
	const sqlite_ferry_rows *rows;

	T_EQ(number(db, "SELECT 1; -- and no more\n /**/"), 1);
	T_EQ(refused(db, "SELECT 1; SELECT 2"), SQLITE_ERROR);
	T_STR(error.text, "more than one statement; execute takes many");
	T_EQ(refused(db, "SELECT 1; nonsense"), SQLITE_ERROR);
	T_EQ(refused(db, ""), SQLITE_ERROR);
	T_EQ(refused(db, " -- nothing"), SQLITE_ERROR);
	T_STR(error.text, "there is no statement in the SQL");
	T_EQ(refused(db, "SELECT ?, ?"), SQLITE_RANGE);
	T_STR(error.text, "the statement takes 2 parameters, not 0");
	T_EQ(sqlite_ferry_do_query(&rows, db, "SELECT 1", &one, 1, &error),
	    SQLITE_RANGE);
	T_EQ(refused(db, "SELECT abs(-9223372036854775808)"), SQLITE_ERROR);
	T_STR(error.text, "integer overflow");
	shut(db);
}

static void
a_result_has_a_bound(void)
{
	ferry_context db = open_with(":memory:", 0, 4096);

	execute(db, "CREATE TABLE t(x)");
	T_EQ(refused(db,
		 "WITH RECURSIVE c(x) AS "
		 "(SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c"),
	    SQLITE_TOOBIG);
	T_EQ(refused(db, "SELECT zeroblob(5000)"), SQLITE_TOOBIG);
	/* The insert has been done when its rows turn out to be too many. */
	T_EQ(refused(db,
		 "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
		 "SELECT x+1 FROM c LIMIT 1000) SELECT x FROM c RETURNING x"),
	    SQLITE_TOOBIG);
	T_EQ(number(db, "SELECT count(*) FROM t"), 0);
	shut(db);
}

/* --- Payloads ----------------------------------------------------------- */

/* The status that bytes are answered with. */
static int
answer_to(ferry_context db, uint32_t method, const void *payload, size_t size)
{
	ferry_request request;
	ferry_reply reply;

	T_OK(ferry_request_invoke(
	    &reply, &request, db, method, payload, size, NULL, 20000));
	if (reply.status && reply.data)
		T_EQ(((char *)reply.data)[reply.size - 1], 0);
	T_OK(ferry_block_release(reply.data));
	return reply.status;
}

static const sqlite_ferry_value some[] = {
	{ SQLITE_FERRY_TEXT, 3, { .data = "abc" } },
	{ SQLITE_FERRY_BLOB, 4, { .data = "\1\2\3\4" } },
	{ SQLITE_FERRY_FLOAT, 0, { .real = 1.5 } },
};

static void
a_payload_cut_short_is_refused(void)
{
	ferry_context db = open_memory();
	size_t size;
	void *p;

	T_OK(sqlite_ferry_pack(&p, &size, 0, "SELECT ?, ?, ?", some, 3, 1));
	T_OK(answer_to(db, SQLITE_FERRY_QUERY, p, size));
	for (size_t n = 0; n < size; n++)
		T_EQ(answer_to(db, SQLITE_FERRY_QUERY, p, n), FERRY_EINVAL);
	free(p);
	shut(db);
}

/* One field of a valid payload, changed. */
static int
answer_with(ferry_context db, size_t at, uint64_t value, size_t value_size)
{
	uint32_t half = (uint32_t)value;
	size_t size;
	void *p;
	int r;

	T_OK(sqlite_ferry_pack(&p, &size, 0, "SELECT ?, ?, ?", some, 3, 1));
	memcpy((char *)p + at,
	    value_size == sizeof half ? (void *)&half : (void *)&value,
	    value_size);
	r = answer_to(db, SQLITE_FERRY_QUERY, p, size);
	free(p);
	return r;
}

#define WITH(field, v) \
	answer_with(db, offsetof(sqlite_ferry_query, field), (v), \
	    sizeof(((sqlite_ferry_query *)0)->field))
#define WITH_CELL(field, v) \
	answer_with(db, \
	    sizeof(sqlite_ferry_query) + offsetof(sqlite_ferry_cell, field), \
	    (v), sizeof(((sqlite_ferry_cell *)0)->field))

static void
a_payload_that_lies_is_refused(void)
{
	ferry_context db = open_memory();

	T_EQ(WITH(n_params, UINT32_MAX), FERRY_EINVAL);
	T_EQ(WITH(n_sets, UINT32_MAX), FERRY_EINVAL);
	T_EQ(WITH(n_sets, 0), FERRY_EINVAL);
	T_EQ(WITH(n_params, 0), SQLITE_RANGE);
	T_EQ(WITH(n_params, 2), SQLITE_RANGE);
	T_EQ(WITH(statement, 77), FERRY_EINVAL);
	T_EQ(WITH(sql.type, SQLITE_FERRY_NULL), FERRY_EINVAL);
	T_EQ(WITH(sql.size, UINT32_MAX), FERRY_EINVAL);
	T_EQ(WITH(sql.value.offset, UINT64_MAX), FERRY_EINVAL);
	T_EQ(WITH(sql.value.offset, UINT64_MAX - 3), FERRY_EINVAL);
	T_EQ(WITH_CELL(type, 0), FERRY_EINVAL);
	T_EQ(WITH_CELL(type, 6), FERRY_EINVAL);
	T_EQ(WITH_CELL(size, UINT32_MAX), FERRY_EINVAL);
	T_EQ(WITH_CELL(value.offset, UINT64_MAX), FERRY_EINVAL);
	T_EQ(WITH_CELL(value.offset, UINT64_MAX - 2), FERRY_EINVAL);
	T_EQ(answer_to(db, SQLITE_FERRY_RUN, NULL, 0), FERRY_EINVAL);
	T_EQ(answer_to(db, SQLITE_FERRY_PREPARE, NULL, 0), SQLITE_ERROR);
	T_EQ(number(db, "SELECT 1"), 1);
	shut(db);
}

static void
payloads_of_nonsense_harm_nobody(void)
{
	ferry_context db = open_with(":memory:", 0, 1 << 20);
	struct t_rng rng = { t_seed() };
	size_t size;
	void *p;

	T_OK(sqlite_ferry_pack(&p, &size, 0, "SELECT ?, ?, ?", some, 3, 1));
	for (int i = 0; i < 3000; i++) {
		char copy[200];

		T_LE(size, sizeof copy);
		memcpy(copy, p, size);
		for (int n = 0; n < 3; n++)
			copy[t_rand_below(&rng, size)] = (char)t_rand(&rng);
		answer_to(db, SQLITE_FERRY_QUERY + (i % 2) * 2, copy, size);
	}
	free(p);
	T_EQ(number(db, "SELECT 1"), 1);
	shut(db);
}

T_MAIN(
	atexit(remove_folder);
	T_RUN(open_says_why_not);
	T_RUN(execute_many_statements);
	T_RUN(execute_says_what_failed);
	T_RUN(a_transaction_ends_with_its_request);
	T_RUN(execute_takes_zeros_only_at_the_end);
	T_RUN(query_binds_and_returns_every_type);
	T_RUN(query_without_rows_or_columns);
	T_RUN(query_takes_one_statement);
	T_RUN(a_result_has_a_bound);
	T_RUN(a_payload_cut_short_is_refused);
	T_RUN(a_payload_that_lies_is_refused);
	T_RUN(payloads_of_nonsense_harm_nobody);
)
