/*
 * SQLite behind Ferry, from C++: statements and who ends them, cancel, close,
 * events.
 */
#include "test_sqlite.hpp"

#include <barrier>
#include <condition_variable>
#include <mutex>

using sqlite::error;
using sqlite::statement;

/* --- Statements ----------------------------------------------------------- */

static void
run_many_sets_all_or_nothing()
{
	database db = memory();

	(void)db.execute("CREATE TABLE t(x UNIQUE)");
	statement s =
	    db.prepare("INSERT INTO t VALUES(?) RETURNING x * 10");
	sqlite::about about = s.about();
	T_EQ(about.n_params, 1);
	T_EQ(about.n_columns, 1);
	T_ASSERT(!about.readonly);
	sqlite::rows rows = s.run(integers(0, 100), 100);
	T_EQ(rows.n_rows, 100);
	T_EQ(rows.changes, 100);
	T_EQ(integer(rows.cells[99]), 990);

	(void)db.execute("DELETE FROM t WHERE x < 99");
	T_ASSERT(why(s.try_run(integers(0, 100), 100)).is(error::constraint));
	T_EQ(number(db, "SELECT count(*) FROM t"), 1);
	T_ASSERT(why(s.try_run(integers(0, 100), 0)).is(error::range));
	T_ASSERT(why(s.try_run(integers(0, 100), 99)).is(error::range));
}

static void
a_statement_is_a_handle()
{
	database db = memory(), other = memory();

	T_ASSERT(why(db.try_prepare("SELEKT")).is(error::error));
	T_ASSERT(why(db.try_prepare("")).is(error::error));
	T_ASSERT(no_handles(db));
	statement s = db.prepare("SELECT 5");
	T_ASSERT(s.about().readonly);
	T_EQ(counters(db).handles_open, 1);
	for (int i = 0; i < 3; i++)
		T_EQ(integer(s.run().cells[0]), 5);
	statement elsewhere(other.native_handle(), s.native_handle());
	T_EQ(refused(elsewhere.try_run()), FERRY_EFOREIGN);

	/* It is given back on any thread. */
	std::thread([&] { elsewhere = statement(); }).join();
	T_EQ(refused(s.try_run()), FERRY_ESTALE);
	T_EQ(refused(statement(db.native_handle(), 0).try_run()),
	    FERRY_EINVAL);
	T_WAIT_UNTIL(no_handles(db), 5000);

	/* What nobody gave back is finalized by the close. */
	s = db.prepare("SELECT 6");
	db.close();
	T_EQ(refused(s.try_run()), FERRY_ESTALE);
	T_EQ(ferry_handle_release(s.native_handle()), FERRY_ESTALE);
}

/* Whoever loses is told; SQLite's memory would tell of two that have won. */
static void
a_statement_is_finalized_once()
{
	database db = memory();

	for (int i = 0; i < 200; i++) {
		statement s = db.prepare("SELECT 1");
		ferry_handle token = s.native_handle();
		std::barrier start(2);
		int released = 1;

		T_EQ(db.statements(), 1);
		std::thread rival([&] {
			start.arrive_and_wait();
			released = ferry_handle_release(token);
		});
		start.arrive_and_wait();
		ferry::result<void> r = s.try_close();
		int closed = r ? FERRY_OK : r.error().status;
		rival.join();
		T_EQ(closed + released, FERRY_ESTALE);
		T_ASSERT(closed == FERRY_OK || released == FERRY_OK);
		T_WAIT_UNTIL(db.statements() == 0, 5000);
	}
}

static void
a_statement_outlives_a_change_of_schema()
{
	database db = memory();

	(void)db.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
	statement s = db.prepare("SELECT * FROM t");
	(void)db.execute("ALTER TABLE t ADD COLUMN y DEFAULT 'new'");
	sqlite::rows rows = s.run();
	T_EQ(rows.columns.size(), 2);
	T_STR(rows.columns[1].c_str(), "y");
	T_STR(text(rows.cells[1]).c_str(), "new");
	(void)db.execute("DROP TABLE t");
	ferry::error e = why(s.try_run());
	T_ASSERT(e.is(error::error));
	T_STR(e.message().c_str(), "no such table: t");
}

/* --- Cancel --------------------------------------------------------------- */

static void
a_runaway_is_cancelled()
{
	database db = memory();
	auto runaway = query(db, RUNAWAY);

	T_WAIT_UNTIL(is_running(db), 5000);
	/* A thread that waits is answered while the other runs; a future is
	 * completed by the thread that runs it. */
	std::stop_source stop;
	auto queued = std::async(std::launch::async, [&] {
		ferry::call_options options;
		options.stop = stop.get_token();
		return refused(
		    db.try_query("SELECT 1", std::nullopt, options));
	});
	T_WAIT_UNTIL(counters(db).queued == 1, 5000);
	T_ASSERT(stop.request_stop());
	T_EQ(queued.get(), FERRY_ECANCELED);
	T_ASSERT(is_running(db));
	runaway.cancel();
	T_EQ(runaway.status(), FERRY_ECANCELED);
	T_EQ(number(db, "SELECT 1"), 1);
}

/* A cancelled write leaves nothing behind, and no transaction. */
static void
a_cancelled_write_is_taken_back()
{
	database db = memory();

	(void)db.execute("CREATE TABLE t(x)");
	for (const char *sql :
	    { "INSERT INTO t " COUNT_UP "SELECT x FROM c",
		"BEGIN; INSERT INTO t VALUES(1); " RUNAWAY "; COMMIT" }) {
		std::uint64_t before = counters(db).started;
		auto writes = execute(db, sql);

		T_WAIT_UNTIL(counters(db).started > before, 5000);
		t_sleep_ms(5);
		writes.cancel();
		T_EQ(writes.status(), FERRY_ECANCELED);
		T_EQ(number(db, "SELECT count(*) FROM t"), 0);
	}
}

/* Cancels, at some moment, what would never end by itself. */
template <typename T>
static void
cancel_sometime(const database &db, running<T> runs, t_rng &rng)
{
	for (uint64_t n = t_rand_below(&rng, 1000000); n > 0; n--)
		__asm__ volatile("");
	runs.cancel();
	T_EQ(runs.status(), FERRY_ECANCELED);
	T_EQ(number(db, "SELECT 1"), 1);
}

/* However a cancel falls, it ends its own call and no other. */
static void
a_cancel_meets_its_own_call_only()
{
	database db = memory();
	t_rng rng{ t_seed() };
	std::atomic<bool> asking{ true };
	std::atomic<unsigned> asked[2]{};
	std::vector<std::thread> others;

	for (std::atomic<unsigned> &n : asked)
		others.emplace_back([&] {
			for (; asking; n++)
				T_EQ(number(db, "SELECT 7"), 7);
		});
	/* For as long as it takes until the others have met some. */
	for (int i = 0; i < 500 || asked[0] == 0 || asked[1] == 0; i++)
		cancel_sometime(db, query(db, RUNAWAY), rng);
	asking = false;
	for (std::thread &other : others)
		other.join();
}

/*
 * Between two statements nothing runs that sqlite3_interrupt() could
 * interrupt: then it is forgotten, and the last statement never ends.
 */
static void
a_cancel_between_statements_is_not_lost()
{
	database db = memory();
	t_rng rng{ t_seed() };
	std::string sql;

	for (int i = 0; i < 1000; i++)
		sql += "SELECT 1;";
	sql += RUNAWAY;
	for (int i = 0; i < 300; i++) {
		auto runs = execute(db, sql);

		T_WAIT_UNTIL(is_running(db), 5000);
		cancel_sometime(db, std::move(runs), rng);
	}
}

static void
waiting_for_a_lock_ends()
{
	folder f;
	auto open = [&](std::chrono::milliseconds busy) {
		return database::open(
		    f.file("db"), sqlite::mode::create, busy);
	};
	database holder = open(0ms), patient = open(60s), hasty = open(20ms);
	std::atomic<int> rows{ 0 };
	ferry::listener ear = holder.on_row_changed(
	    [&](const sqlite::on_row_changed_event &) { rows++; });

	(void)holder.execute("CREATE TABLE t(x)");
	auto held = query(holder,
	    "INSERT INTO t " COUNT_UP "SELECT x FROM c WHERE x = 1");
	/* Who has written has the lock. */
	T_WAIT_UNTIL(rows == 1, 5000);
	T_EQ(refused(hasty.try_execute("INSERT INTO t VALUES(1)")),
	    code(error::busy));
	auto waits = query(patient, "INSERT INTO t VALUES(2)");
	T_WAIT_UNTIL(is_running(patient), 5000);
	waits.cancel();
	T_EQ(waits.status(), FERRY_ECANCELED);
	held.cancel();
	T_EQ(held.status(), FERRY_ECANCELED);
	(void)patient.execute("DELETE FROM t; INSERT INTO t VALUES(3)");
	T_EQ(number(hasty, "SELECT sum(x) FROM t"), 3);
}

static void
a_deadline_cancels()
{
	database db = memory();
	std::chrono::milliseconds until_it_has_begun = 15ms;
	ferry::call_options soon;
	ferry_counters c;

	/* One that the deadline finds in the queue never begins. */
	do {
		soon.timeout = until_it_has_begun *= 2;
		T_EQ(refused(db.try_query(RUNAWAY, std::nullopt, soon)),
		    FERRY_EDEADLINE);
		T_EQ(number(db, "SELECT 1"), 1);
		c = counters(db);
	} while (c.started == c.ended_ok);
	T_EQ(c.ended_canceled, 1);

	auto runaway = query(db, RUNAWAY);
	T_WAIT_UNTIL(is_running(db), 5000);
	/* It never begins. */
	T_EQ(refused(db.try_query("SELECT 1", std::nullopt, soon)),
	    FERRY_EDEADLINE);
	runaway.cancel();
	T_EQ(runaway.status(), FERRY_ECANCELED);
}

static void
close_cancels_what_runs()
{
	database db = memory();
	auto runaway = query(db, RUNAWAY);

	T_WAIT_UNTIL(is_running(db), 5000);
	auto queued = query(db, "SELECT 1");
	db.close({ .mode = FERRY_CLOSE_CANCEL });
	T_EQ(queued.status(), FERRY_ECLOSED);
	T_EQ(runaway.status(), FERRY_ECANCELED);
}

/* --- Events --------------------------------------------------------------- */

static void
changed_rows_are_events()
{
	using sqlite::operation;
	database db = memory();
	std::mutex lock;
	std::condition_variable changed;
	std::vector<sqlite::on_row_changed_event> got;

	ferry::listener ear = db.on_row_changed(
	    [&](const sqlite::on_row_changed_event &row) {
		    std::lock_guard hold(lock);
		    got.push_back(row);
		    changed.notify_one();
	    });
	(void)db.execute("CREATE TABLE t(x)");
	(void)db.execute(
	    "INSERT INTO t(rowid, x) VALUES(10, 'a'), (20, 'b')");
	(void)db.execute("UPDATE t SET x = 'c' WHERE rowid = 20; "
			 "DELETE FROM t WHERE rowid = 10");
	std::unique_lock hold(lock);
	T_ASSERT(changed.wait_for(hold, 10s * t_slow(),
	    [&] { return got.size() == 4; }));
	T_ASSERT((got ==
	    std::vector<sqlite::on_row_changed_event>{
		{ operation::inserted, "main", "t", 10 },
		{ operation::inserted, "main", "t", 20 },
		{ operation::updated, "main", "t", 20 },
		{ operation::deleted, "main", "t", 10 } }));
}

T_MAIN(
	T_RUN(run_many_sets_all_or_nothing);
	T_RUN(a_statement_is_a_handle);
	T_RUN(a_statement_is_finalized_once);
	T_RUN(a_statement_outlives_a_change_of_schema);
	T_RUN(a_runaway_is_cancelled);
	T_RUN(a_cancelled_write_is_taken_back);
	T_RUN(a_cancel_meets_its_own_call_only);
	T_RUN(a_cancel_between_statements_is_not_lost);
	T_RUN(waiting_for_a_lock_ends);
	T_RUN(a_deadline_cancels);
	T_RUN(close_cancels_what_runs);
	T_RUN(changed_rows_are_events);
)
