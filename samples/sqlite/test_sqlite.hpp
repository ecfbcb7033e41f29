/* What the tests of the SQLite sample in C++ share. */
#ifndef TEST_SQLITE_HPP
#define TEST_SQLITE_HPP

#include <sqlite.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "t.h"

namespace sqlite = ferry::sqlite;
using sqlite::cell;
using sqlite::database;
using namespace std::chrono_literals;

#define COUNT_UP \
	"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
#define RUNAWAY COUNT_UP "SELECT count(*) FROM c"

/* --- Values --------------------------------------------------------------- */

inline std::vector<cell>
integers(std::int64_t from, std::int64_t to)
{
	std::vector<cell> all;
	for (; from < to; from++)
		all.push_back(cell::integer{ from });
	return all;
}

inline std::int64_t
integer(const cell &c)
{
	T_ASSERT(c.get_if<cell::integer>());
	return *c.get_if<cell::integer>();
}

inline std::string
text(const cell &c)
{
	T_ASSERT(c.get_if<cell::text>());
	return *c.get_if<cell::text>();
}

/* --- Calls ---------------------------------------------------------------- */

inline database
memory()
{
	return database::open(":memory:");
}

/* The one integer that a query gives. */
inline std::int64_t
number(const database &db, std::string_view sql)
{
	sqlite::rows rows = db.query(sql);
	T_EQ(rows.n_rows, 1);
	T_EQ(rows.cells.size(), 1);
	return integer(rows.cells[0]);
}

/* Why a call fails. */
template <typename T>
ferry::error
why(const ferry::result<T> &r)
{
	T_ASSERT(!r);
	return r.error();
}

template <typename T>
int
refused(const ferry::result<T> &r)
{
	return why(r).status;
}

inline int
refused(const database &db, std::string_view sql)
{
	return refused(db.try_query(sql));
}

inline bool
says(const ferry::error &e, const char *words)
{
	return e.message().find(words) != std::string::npos;
}

/* What a library's code is as a status. */
inline int
code(sqlite::error e)
{
	return static_cast<int>(e);
}

/* --- Calls that go on ----------------------------------------------------- */

/* One that has been submitted, and may be cancelled. */
template <typename T>
struct running {
	std::stop_source stop;
	std::future<T> answer;

	void
	cancel()
	{
		T_ASSERT(stop.request_stop());
	}

	/* Waits for it. */
	int
	status()
	{
		T_ASSERT(answer.wait_for(20s * t_slow()) ==
		    std::future_status::ready);
		try {
			(void)answer.get();
			return FERRY_OK;
		} catch (const ferry::exception &e) {
			return e.status();
		}
	}
};

inline running<sqlite::rows>
query(const database &db, std::string_view sql)
{
	running<sqlite::rows> r;
	ferry::call_options options;
	options.stop = r.stop.get_token();
	r.answer = db.query_future(sql, std::nullopt, options);
	return r;
}

inline running<sqlite::changes>
execute(const database &db, std::string_view sql)
{
	running<sqlite::changes> r;
	ferry::call_options options;
	options.stop = r.stop.get_token();
	r.answer = db.execute_future(sql, options);
	return r;
}

inline ferry_counters
counters(const database &db)
{
	ferry_counters c{};
	c.struct_size = sizeof c;
	T_OK(ferry_context_counters(&c, db.native_handle()));
	return c;
}

inline bool
is_running(const database &db)
{
	return counters(db).running == 1;
}

inline bool
no_handles(const database &db)
{
	return counters(db).handles_open == 0;
}

/* --- Files ---------------------------------------------------------------- */

/* A folder that goes with the program. */
class folder {
public:
	folder()
	{
		T_ASSERT(mkdtemp(path_) != nullptr);
	}

	~folder()
	{
		std::error_code ignored;
		std::filesystem::remove_all(path_, ignored);
	}

	std::string
	file(const char *name) const
	{
		return std::string(path_) + "/" + name;
	}

private:
	char path_[sizeof "/tmp/ferry-test-XXXXXX"] = "/tmp/ferry-test-XXXXXX";
};

#endif
