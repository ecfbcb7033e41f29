/* SQLite behind Ferry, from C++: what each call does and what it refuses. */
#include "test_sqlite.hpp"

using sqlite::error;

/* --- Open ----------------------------------------------------------------- */

static void
open_says_why_not()
{
	folder f;

	ferry::error e = why(database::try_open("/nowhere/at/all"));
	T_ASSERT(e.is(error::cannot_open));
	T_ASSERT(says(e, "unable to open"));
	std::ofstream(f.file("junk")) << std::string(2000, 'x');
	e = why(database::try_open(f.file("junk")));
	T_ASSERT(e.is(error::not_a_database));
	T_ASSERT(says(e, "not a database"));
	e = why(database::try_open(f.file("none"), sqlite::mode::write));
	T_ASSERT(e.is(error::cannot_open));
	try {
		(void)database::open("/nowhere/at/all");
		T_FAIL("it was opened");
	} catch (const sqlite::cannot_open_error &) {
	}
}

/* --- execute -------------------------------------------------------------- */

static void
execute_many_statements()
{
	database db = memory();

	sqlite::changes c = db.execute(
	    "CREATE TABLE t(x); INSERT INTO t VALUES(1), (2); -- done\n"
	    "INSERT INTO t VALUES(3); SELECT * FROM t;  ");
	T_EQ(c.changes, 3);
	T_EQ(c.last_rowid, 3);
	T_EQ(number(db, "SELECT sum(x) FROM t"), 6);
	T_EQ(db.execute("").changes, 0);
	T_EQ(db.execute("  /* nothing */ ").changes, 0);
	T_EQ(db.execute("UPDATE t SET x = 0").changes, 3);
}

static void
execute_says_what_failed()
{
	database db = memory();

	(void)db.execute("CREATE TABLE t(x UNIQUE)");
	ferry::error e = why(db.try_execute("SELEKT 1"));
	T_ASSERT(e.is(error::error));
	T_STR(e.message().c_str(), "near \"SELEKT\": syntax error");
	e = why(db.try_execute("INSERT INTO t VALUES(1), (1)"));
	T_ASSERT(e.is(error::constraint));
	T_STR(e.message().c_str(), "UNIQUE constraint failed: t.x (2067)");
	T_ASSERT(why(db.try_execute("SELECT ?")).is(error::range));
	T_EQ(number(db, "SELECT count(*) FROM t"), 0);

	/* What comes before the failure stands … */
	T_EQ(refused(db.try_execute("INSERT INTO t VALUES(1); SELEKT")), 1);
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
	/* … but not in a transaction. */
	T_EQ(refused(db.try_execute(
		 "BEGIN; INSERT INTO t VALUES(2); SELEKT")),
	    1);
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
}

static void
a_transaction_ends_with_its_call()
{
	database db = memory();

	(void)db.execute("CREATE TABLE t(x)");
	ferry::error e =
	    why(db.try_execute("BEGIN; INSERT INTO t VALUES(1)"));
	T_ASSERT(e.is(error::error));
	T_ASSERT(says(e, "left a transaction open"));
	T_EQ(number(db, "SELECT count(*) FROM t"), 0);
	T_EQ(refused(db, "BEGIN"), code(error::error));
	T_EQ(refused(db, "SAVEPOINT s"), code(error::error));
	(void)db.execute("BEGIN; INSERT INTO t VALUES(1); COMMIT");
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
}

static void
a_zero_byte_is_no_part_of_sql()
{
	using namespace std::string_view_literals;
	database db = memory();

	T_EQ(refused(db.try_execute("SELECT 1;\0DROP"sv)), FERRY_EINVAL);
	T_EQ(refused(db, "SELECT 1\0"sv), FERRY_EINVAL);
	T_EQ(refused(db.try_prepare("SELECT 1\0"sv)), FERRY_EINVAL);
}

/* --- query ---------------------------------------------------------------- */

static void
query_binds_and_returns_every_type()
{
	using limits = std::numeric_limits<std::int64_t>;
	using namespace std::string_literals;
	database db = memory();
	std::vector<cell> in{ cell::integer{ limits::min() },
		cell::integer{ limits::max() }, cell::real{ 0.1 },
		cell::text{ "a\0b\0c"s }, cell::blob{ { 0, 1, 0xff } },
		cell::null{}, cell::text{}, cell::blob{} };

	sqlite::rows rows =
	    db.query("SELECT ? AS a, ?, ?, ?, ?, ?, ?, ? AS z -- a comment",
		in);
	T_EQ(rows.n_rows, 1);
	T_EQ(rows.columns.size(), 8);
	T_STR(rows.columns.front().c_str(), "a");
	T_STR(rows.columns.back().c_str(), "z");
	T_ASSERT(rows.cells == in);
}

static void
query_without_rows_or_columns()
{
	database db = memory();

	sqlite::rows rows = db.query("SELECT 1 AS one, 2 AS two WHERE 0");
	T_EQ(rows.n_rows, 0);
	T_EQ(rows.cells.size(), 0);
	T_EQ(rows.columns.size(), 2);
	T_STR(rows.columns[1].c_str(), "two");
	rows = db.query("CREATE TABLE t(x)");
	T_EQ(rows.columns.size(), 0);
	rows = db.query("INSERT INTO t VALUES(7), (8) RETURNING x");
	T_EQ(rows.n_rows, 2);
	T_EQ(rows.changes, 2);
	T_EQ(rows.last_rowid, 2);
	T_EQ(integer(rows.cells[1]), 8);
}

static void
query_takes_one_statement()
{
	database db = memory();

	T_EQ(number(db, "SELECT 1; -- and no more\n /**/"), 1);
	ferry::error e = why(db.try_query("SELECT 1; SELECT 2"));
	T_ASSERT(e.is(error::error));
	T_STR(e.message().c_str(),
	    "more than one statement; execute takes many");
	T_EQ(refused(db, "SELECT 1; nonsense"), code(error::error));
	T_EQ(refused(db, ""), code(error::error));
	e = why(db.try_query(" -- nothing"));
	T_ASSERT(e.is(error::error));
	T_STR(e.message().c_str(), "there is no statement in the SQL");
	e = why(db.try_query("SELECT ?, ?"));
	T_ASSERT(e.is(error::range));
	T_STR(e.message().c_str(),
	    "the statement takes 2 parameters, not 0 in 1 sets");
	T_EQ(refused(db.try_query("SELECT 1", integers(1, 2))),
	    code(error::range));
	e = why(db.try_query("SELECT abs(-9223372036854775808)"));
	T_ASSERT(e.is(error::error));
	T_STR(e.message().c_str(), "integer overflow");
}

static void
a_result_has_a_bound()
{
	database db =
	    database::open(":memory:", sqlite::mode::create, 5s, 4096);

	(void)db.execute("CREATE TABLE t(x)");
	T_EQ(refused(db, COUNT_UP "SELECT x FROM c"), code(error::too_big));
	T_EQ(refused(db, "SELECT zeroblob(5000)"), code(error::too_big));
	/* The insert has been done when its rows turn out to be too many. */
	T_EQ(refused(db,
		 "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
		 "SELECT x+1 FROM c LIMIT 1000) SELECT x FROM c RETURNING x"),
	    code(error::too_big));
	T_EQ(number(db, "SELECT count(*) FROM t"), 0);
}

static void
a_call_has_a_bound()
{
	ferry::open_options options;
	options.payload_max = 1000;
	database db = database::open(":memory:", sqlite::mode::create, 5s,
	    1 << 20, options);
	std::vector<cell> big{ cell::text{ std::string(1000, 'x') } };

	T_EQ(refused(db.try_query("SELECT ?", big)), FERRY_E2BIG);
	T_EQ(number(db, "SELECT 1"), 1);
}

T_MAIN(
	T_RUN(open_says_why_not);
	T_RUN(execute_many_statements);
	T_RUN(execute_says_what_failed);
	T_RUN(a_transaction_ends_with_its_call);
	T_RUN(a_zero_byte_is_no_part_of_sql);
	T_RUN(query_binds_and_returns_every_type);
	T_RUN(query_without_rows_or_columns);
	T_RUN(query_takes_one_statement);
	T_RUN(a_result_has_a_bound);
	T_RUN(a_call_has_a_bound);
)
