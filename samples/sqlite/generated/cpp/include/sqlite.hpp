/*
 * sqlite 1.0 for C++20, made by `ferry gen` from database.h.
 *
 * Each method comes in four forms:
 *
 *	x.method(…)         waits; throws what derives from ferry::exception
 *	x.try_method(…)     waits; returns a ferry::result
 *	x.method_async(…)   for co_await, in a coroutine of a ferry::loop
 *	x.method_future(…)  a std::future
 *
 * The last argument of each is ferry::call_options: deadline, std::stop_token,
 * lane. See <ferry/call.hpp>.
 */
#ifndef FERRY_PACKAGE_SQLITE_HPP
#define FERRY_PACKAGE_SQLITE_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <ferry/ferry.hpp>

/* The shim, in the library. */
extern "C" const struct ferry_package *sqlite_ferry(void);

namespace ferry::sqlite {

/**
 * SQLite's primary result codes.
 */
enum class error : std::uint32_t {
	ok = 0,
	/**
	 * The SQL is wrong.
	 */
	error = 1,
	internal = 2,
	perm = 3,
	abort = 4,
	/**
	 * Another process has a lock.
	 */
	busy = 5,
	locked = 6,
	no_memory = 7,
	read_only = 8,
	interrupt = 9,
	io = 10,
	corrupt = 11,
	not_found = 12,
	full = 13,
	cannot_open = 14,
	protocol = 15,
	/**
	 * It changed on the way.
	 */
	schema = 17,
	/**
	 * Over a bound.
	 */
	too_big = 18,
	constraint = 19,
	mismatch = 20,
	misuse = 21,
	no_lfs = 22,
	auth = 23,
	/**
	 * Parameters that do not fit.
	 */
	range = 25,
	not_a_database = 26,
};

#if FERRY_EXCEPTIONS
/** What calls throw that fail with an error of `error`. */
class error_exception : public ferry::exception {
public:
	using ferry::exception::exception;

	/** Which one it is, also where it has no name. */
	ferry::sqlite::error
	code() const noexcept
	{
		return static_cast<ferry::sqlite::error>(status());
	}
};

/**
 * The SQL is wrong.
 */
class error_error : public error_exception {
	using error_exception::error_exception;
};

class internal_error : public error_exception {
	using error_exception::error_exception;
};

class perm_error : public error_exception {
	using error_exception::error_exception;
};

class abort_error : public error_exception {
	using error_exception::error_exception;
};

/**
 * Another process has a lock.
 */
class busy_error : public error_exception {
	using error_exception::error_exception;
};

class locked_error : public error_exception {
	using error_exception::error_exception;
};

class no_memory_error : public error_exception {
	using error_exception::error_exception;
};

class read_only_error : public error_exception {
	using error_exception::error_exception;
};

class interrupt_error : public error_exception {
	using error_exception::error_exception;
};

class io_error : public error_exception {
	using error_exception::error_exception;
};

class corrupt_error : public error_exception {
	using error_exception::error_exception;
};

class not_found_error : public error_exception {
	using error_exception::error_exception;
};

class full_error : public error_exception {
	using error_exception::error_exception;
};

class cannot_open_error : public error_exception {
	using error_exception::error_exception;
};

class protocol_error : public error_exception {
	using error_exception::error_exception;
};

/**
 * It changed on the way.
 */
class schema_error : public error_exception {
	using error_exception::error_exception;
};

/**
 * Over a bound.
 */
class too_big_error : public error_exception {
	using error_exception::error_exception;
};

class constraint_error : public error_exception {
	using error_exception::error_exception;
};

class mismatch_error : public error_exception {
	using error_exception::error_exception;
};

class misuse_error : public error_exception {
	using error_exception::error_exception;
};

class no_lfs_error : public error_exception {
	using error_exception::error_exception;
};

class auth_error : public error_exception {
	using error_exception::error_exception;
};

/**
 * Parameters that do not fit.
 */
class range_error : public error_exception {
	using error_exception::error_exception;
};

class not_a_database_error : public error_exception {
	using error_exception::error_exception;
};

#endif

/* Ferry's way from a status to what it means. */
inline const ferry::error_domain &
ferry_error_domain(error)
{
	static constexpr ferry::error_domain domain = {
		"ferry::sqlite::error",
		[](int status) -> const char * {
			switch (status) {
			case 0:
				return "ok";
			case 1:
				return "error";
			case 2:
				return "internal";
			case 3:
				return "perm";
			case 4:
				return "abort";
			case 5:
				return "busy";
			case 6:
				return "locked";
			case 7:
				return "no_memory";
			case 8:
				return "read_only";
			case 9:
				return "interrupt";
			case 10:
				return "io";
			case 11:
				return "corrupt";
			case 12:
				return "not_found";
			case 13:
				return "full";
			case 14:
				return "cannot_open";
			case 15:
				return "protocol";
			case 17:
				return "schema";
			case 18:
				return "too_big";
			case 19:
				return "constraint";
			case 20:
				return "mismatch";
			case 21:
				return "misuse";
			case 22:
				return "no_lfs";
			case 23:
				return "auth";
			case 25:
				return "range";
			case 26:
				return "not_a_database";
			default:
				return nullptr;
			}
		},
#if FERRY_EXCEPTIONS
		[](const ferry::error &e) {
			switch (e.status) {
			case 1:
				throw ferry::sqlite::error_error(e);
			case 2:
				throw ferry::sqlite::internal_error(e);
			case 3:
				throw ferry::sqlite::perm_error(e);
			case 4:
				throw ferry::sqlite::abort_error(e);
			case 5:
				throw ferry::sqlite::busy_error(e);
			case 6:
				throw ferry::sqlite::locked_error(e);
			case 7:
				throw ferry::sqlite::no_memory_error(e);
			case 8:
				throw ferry::sqlite::read_only_error(e);
			case 9:
				throw ferry::sqlite::interrupt_error(e);
			case 10:
				throw ferry::sqlite::io_error(e);
			case 11:
				throw ferry::sqlite::corrupt_error(e);
			case 12:
				throw ferry::sqlite::not_found_error(e);
			case 13:
				throw ferry::sqlite::full_error(e);
			case 14:
				throw ferry::sqlite::cannot_open_error(e);
			case 15:
				throw ferry::sqlite::protocol_error(e);
			case 17:
				throw ferry::sqlite::schema_error(e);
			case 18:
				throw ferry::sqlite::too_big_error(e);
			case 19:
				throw ferry::sqlite::constraint_error(e);
			case 20:
				throw ferry::sqlite::mismatch_error(e);
			case 21:
				throw ferry::sqlite::misuse_error(e);
			case 22:
				throw ferry::sqlite::no_lfs_error(e);
			case 23:
				throw ferry::sqlite::auth_error(e);
			case 25:
				throw ferry::sqlite::range_error(e);
			case 26:
				throw ferry::sqlite::not_a_database_error(e);
			default:
				throw ferry::sqlite::error_exception(e);
			}
		},
#else
		nullptr,
#endif
	};
	return domain;
}

/**
 * SQLite's types.
 */
enum class type : std::uint32_t {
	integer = 1,
	real = 2,
	text = 3,
	blob = 4,
	null = 5,
};

/**
 * What may be done with a file.
 */
enum class mode : std::uint32_t {
	read = 1,
	write = 2,
	/**
	 * Reads and writes; made where there is none.
	 */
	create = 6,
};

enum class operation : std::uint32_t {
	deleted = 9,
	inserted = 18,
	updated = 23,
};

class database;
class statement;

/**
 * One value, to bind or out of a row.
 */
struct cell {
	using integer = std::int64_t;
	using real = double;
	using text = std::string;
	using blob = std::vector<std::uint8_t>;
	using null = std::monostate;

	/** Which of them it is, for std::visit. */
	std::variant<integer, real, text, blob, null> value;

	cell() : value(null{})
	{
	}

	template <typename Case>
		requires std::constructible_from<decltype(value), Case>
	cell(Case it) : value(std::move(it))
	{
	}

	/* It would be text. */
	cell(std::nullptr_t) = delete;

	/** The data of a case, or nullptr if it is another one. */
	template <typename Case>
	const Case *
	get_if() const noexcept
	{
		return std::get_if<Case>(&value);
	}

	bool operator==(const cell &) const = default;
};

/**
 * What a statement gave and did.
 */
struct rows {
	std::vector<std::string> columns{};
	/**
	 * Row by row, a value for each column.
	 */
	std::vector<ferry::sqlite::cell> cells{};
	std::uint64_t n_rows{};
	/**
	 * Rows changed, by triggers too.
	 */
	std::int64_t changes{};
	std::int64_t last_rowid{};

	bool operator==(const ferry::sqlite::rows &) const = default;
};

/**
 * What a script did.
 */
struct changes {
	/**
	 * Rows, by triggers too.
	 */
	std::int64_t changes{};
	std::int64_t last_rowid{};

	bool operator==(const ferry::sqlite::changes &) const = default;
};

/**
 * What a statement is like.
 */
struct about {
	std::uint32_t n_params{};
	std::uint32_t n_columns{};
	/**
	 * Does not write to the database.
	 */
	bool readonly{};

	bool operator==(const ferry::sqlite::about &) const = default;
};

/**
 * A row was changed, as sqlite3_update_hook() tells, with its limits. A failing
 * call may take the change back; when who hears of it then asks the database,
 * that has been decided.
 */
struct on_row_changed_event {
	ferry::sqlite::operation operation{};
	std::string database{};
	std::string table{};
	std::int64_t rowid{};

	bool operator==(const ferry::sqlite::on_row_changed_event &) const = default;
};

/* Descriptions of the calls, below. */
namespace calls {
struct database_on_row_changed;
} /* namespace calls */

/* ---------------------------------------------------------------- objects */

/**
 * An open database file.
 */
class database : public ferry::context {
public:
	/** None: a place to move one to. */
	database() = default;

	/**
	 * Opens a file, ":memory:" for none. `busy` is how long to wait for a
	 * lock of another process; `result_max` bounds the rows of a call, in
	 * bytes.
	 */
#if FERRY_EXCEPTIONS
	static ferry::sqlite::database
	open(std::string_view path,
	    ferry::sqlite::mode mode = ferry::sqlite::mode::create,
	    std::chrono::milliseconds busy = std::chrono::milliseconds(5000),
	    std::uint64_t result_max = 67108864,
	    const ferry::open_options &options = {});
#endif
	static ferry::result<ferry::sqlite::database>
	try_open(std::string_view path,
	    ferry::sqlite::mode mode = ferry::sqlite::mode::create,
	    std::chrono::milliseconds busy = std::chrono::milliseconds(5000),
	    std::uint64_t result_max = 67108864,
	    const ferry::open_options &options = {});

	/**
	 * One that somebody else has opened, in this process; native_handle()
	 * is what to hand over. It stays theirs: the end of this object does
	 * not close it. Once it is closed, calls are refused.
	 */
#if FERRY_EXCEPTIONS
	static ferry::sqlite::database
	borrow(ferry_context theirs);
#endif
	static ferry::result<ferry::sqlite::database>
	try_borrow(ferry_context theirs);

	/**
	 * Runs every statement of a text; their rows are ignored.
	 */
#if FERRY_EXCEPTIONS
	ferry::sqlite::changes
	execute(std::string_view sql,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<ferry::sqlite::changes>
	try_execute(std::string_view sql,
	    const ferry::call_options &options = {}) const;
	ferry::pending<ferry::sqlite::changes>
	execute_async(std::string_view sql,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<ferry::sqlite::changes>
	execute_future(std::string_view sql,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * Runs one statement.
	 */
#if FERRY_EXCEPTIONS
	ferry::sqlite::rows
	query(std::string_view sql,
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<ferry::sqlite::rows>
	try_query(std::string_view sql,
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    const ferry::call_options &options = {}) const;
	ferry::pending<ferry::sqlite::rows>
	query_async(std::string_view sql,
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<ferry::sqlite::rows>
	query_future(std::string_view sql,
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * Prepares one statement.
	 */
#if FERRY_EXCEPTIONS
	ferry::sqlite::statement
	prepare(std::string_view sql,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<ferry::sqlite::statement>
	try_prepare(std::string_view sql,
	    const ferry::call_options &options = {}) const;
	ferry::pending<ferry::sqlite::statement>
	prepare_async(std::string_view sql,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<ferry::sqlite::statement>
	prepare_future(std::string_view sql,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * How many statements SQLite has, prepared or half run.
	 */
#if FERRY_EXCEPTIONS
	std::uint64_t
	statements(const ferry::call_options &options = {}) const;
#endif
	ferry::result<std::uint64_t>
	try_statements(const ferry::call_options &options = {}) const;
	ferry::pending<std::uint64_t>
	statements_async(const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<std::uint64_t>
	statements_future(const ferry::call_options &options = {}) const;
#endif

	/**
	 * A row was changed, as sqlite3_update_hook() tells, with its limits. A
	 * failing call may take the change back; when who hears of it then asks
	 * the database, that has been decided.
	 */
	/*
	 * A function hears it, f(event) or f(event, dropped), on Ferry's event
	 * thread, as long as the listener lives; or a coroutine of a loop waits
	 * for it, by next().
	 */
#if FERRY_EXCEPTIONS
	template <typename F>
	ferry::listener on_row_changed(F function) const;
	ferry::stream<calls::database_on_row_changed>
	on_row_changed_stream(ferry::loop &loop,
	    std::size_t capacity = 1024) const;
#endif
	template <typename F>
	ferry::result<ferry::listener> try_on_row_changed(F function) const;
	ferry::result<ferry::stream<calls::database_on_row_changed>>
	try_on_row_changed_stream(ferry::loop &loop,
	    std::size_t capacity = 1024) const;

private:
	using ferry::context::context;
};

/**
 * A prepared statement.
 */
class statement : public ferry::handle {
public:
	/** None: a place to move one to. */
	statement() = default;

	/** For who has a token, and gives it away. */
	statement(ferry_context context, ferry_handle token)
	    : ferry::handle(context, token)
	{
	}

	/**
	 * Runs it with `n_sets` sets of parameters, all or nothing.
	 */
#if FERRY_EXCEPTIONS
	ferry::sqlite::rows
	run(
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    std::uint32_t n_sets = 1,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<ferry::sqlite::rows>
	try_run(
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    std::uint32_t n_sets = 1,
	    const ferry::call_options &options = {}) const;
	ferry::pending<ferry::sqlite::rows>
	run_async(
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    std::uint32_t n_sets = 1,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<ferry::sqlite::rows>
	run_future(
	    std::optional<std::span<const ferry::sqlite::cell>> params = std::nullopt,
	    std::uint32_t n_sets = 1,
	    const ferry::call_options &options = {}) const;
#endif

#if FERRY_EXCEPTIONS
	ferry::sqlite::about
	about(const ferry::call_options &options = {}) const;
#endif
	ferry::result<ferry::sqlite::about>
	try_about(const ferry::call_options &options = {}) const;
	ferry::pending<ferry::sqlite::about>
	about_async(const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<ferry::sqlite::about>
	about_future(const ferry::call_options &options = {}) const;
#endif

#if FERRY_EXCEPTIONS
	void
	close(const ferry::call_options &options = {});
#endif
	ferry::result<void>
	try_close(const ferry::call_options &options = {});
	ferry::pending<void>
	close_async(const ferry::call_options &options = {});
#if FERRY_EXCEPTIONS
	std::future<void>
	close_future(const ferry::call_options &options = {});
#endif

};

/* ------------------------------------- the rest is how, and not for callers */

/* Structs as they stand in blocks. */
namespace wire {

struct cell {
	std::uint32_t type;
	union {
		std::int64_t integer;
		double real;
		ferry::offset text;
		ferry::offset blob;
	} as;
	std::uint64_t size;
};

struct rows {
	ferry::offset columns;
	std::uint64_t n_columns;
	ferry::offset cells;
	std::uint64_t n_cells;
	std::uint64_t n_rows;
	std::int64_t changes;
	std::int64_t last_rowid;
};

struct changes {
	std::int64_t changes;
	std::int64_t last_rowid;
};

struct about {
	std::uint32_t n_params;
	std::uint32_t n_columns;
	std::uint8_t readonly;
};

struct database_open_in {
	ferry::offset path;
	std::uint32_t mode;
	std::uint32_t busy;
	std::uint64_t result_max;
};

struct database_execute_in {
	ferry::offset sql;
};

struct database_execute_out {
	ferry::sqlite::wire::changes out;
};

struct database_query_in {
	ferry::offset sql;
	ferry::offset params;
	std::uint64_t n_params;
};

struct database_query_out {
	ferry::sqlite::wire::rows out;
};

struct statement_prepare_in {
	ferry::offset sql;
};

struct statement_prepare_out {
	std::uint64_t out;
};

struct statement_close_in {
	std::uint64_t self;
};

struct statement_run_in {
	std::uint64_t self;
	ferry::offset params;
	std::uint64_t n_params;
	std::uint32_t n_sets;
};

struct statement_run_out {
	ferry::sqlite::wire::rows out;
};

struct statement_about_in {
	std::uint64_t self;
};

struct statement_about_out {
	ferry::sqlite::wire::about out;
};

struct database_statements_out {
	std::uint64_t result;
};

struct database_on_row_changed_out {
	std::uint32_t operation;
	ferry::offset database;
	ferry::offset table;
	std::int64_t rowid;
};

inline void
ferry_put(ferry::block_writer &out, cell &w, const ferry::sqlite::cell &v)
{
	using variant = ferry::sqlite::cell;
	if (auto *it = v.get_if<variant::integer>()) {
		w.type = 1;
		ferry::codec::put(out, w.as.integer, *it, "integer");
	}
	if (auto *it = v.get_if<variant::real>()) {
		w.type = 2;
		ferry::codec::put(out, w.as.real, *it, "real");
	}
	if (auto *it = v.get_if<variant::text>()) {
		w.type = 3;
		ferry::codec::put_counted(out, w.as.text, w.size, *it, "text");
	}
	if (auto *it = v.get_if<variant::blob>()) {
		w.type = 4;
		ferry::codec::put_bytes(out, w.as.blob, w.size, *it, "blob");
	}
	if (v.get_if<variant::null>())
		w.type = 5;
	if (v.value.valueless_by_exception())
		out.fail("cell", "has no value");
}

inline void
ferry_get(ferry::block_reader &in, const cell &w, ferry::sqlite::cell &v)
{
	using variant = ferry::sqlite::cell;
	switch (w.type) {
	case 1: {
		[[maybe_unused]] auto &it =
		    v.value.emplace<variant::integer>();
		ferry::codec::get(in, w.as.integer, it);
		break;
	}
	case 2: {
		[[maybe_unused]] auto &it =
		    v.value.emplace<variant::real>();
		ferry::codec::get(in, w.as.real, it);
		break;
	}
	case 3: {
		[[maybe_unused]] auto &it =
		    v.value.emplace<variant::text>();
		ferry::codec::get_bytes(in, w.as.text, w.size, it);
		break;
	}
	case 4: {
		[[maybe_unused]] auto &it =
		    v.value.emplace<variant::blob>();
		ferry::codec::get_bytes(in, w.as.blob, w.size, it);
		break;
	}
	case 5: {
		[[maybe_unused]] auto &it =
		    v.value.emplace<variant::null>();
		break;
	}
	default:
		in.fail();
	}
}

inline void
ferry_put(ferry::block_writer &out, rows &w, const ferry::sqlite::rows &v)
{
	ferry::codec::put_array<ferry::offset>(out, w.columns, w.n_columns,
	    v.columns, "columns");
	ferry::codec::put_array<ferry::sqlite::wire::cell>(out, w.cells,
	    w.n_cells, v.cells, "cells");
	ferry::codec::put(out, w.n_rows, v.n_rows, "n_rows");
	ferry::codec::put(out, w.changes, v.changes, "changes");
	ferry::codec::put(out, w.last_rowid, v.last_rowid, "last_rowid");
}

inline void
ferry_get(ferry::block_reader &in, const rows &w, ferry::sqlite::rows &v)
{
	ferry::codec::get_array<ferry::offset>(in, w.columns, w.n_columns,
	    v.columns);
	ferry::codec::get_array<ferry::sqlite::wire::cell>(in, w.cells,
	    w.n_cells, v.cells);
	ferry::codec::get(in, w.n_rows, v.n_rows);
	ferry::codec::get(in, w.changes, v.changes);
	ferry::codec::get(in, w.last_rowid, v.last_rowid);
}

inline void
ferry_put(ferry::block_writer &out, changes &w, const ferry::sqlite::changes &v)
{
	ferry::codec::put(out, w.changes, v.changes, "changes");
	ferry::codec::put(out, w.last_rowid, v.last_rowid, "last_rowid");
}

inline void
ferry_get(ferry::block_reader &in, const changes &w, ferry::sqlite::changes &v)
{
	ferry::codec::get(in, w.changes, v.changes);
	ferry::codec::get(in, w.last_rowid, v.last_rowid);
}

inline void
ferry_put(ferry::block_writer &out, about &w, const ferry::sqlite::about &v)
{
	ferry::codec::put(out, w.n_params, v.n_params, "n_params");
	ferry::codec::put(out, w.n_columns, v.n_columns, "n_columns");
	ferry::codec::put(out, w.readonly, v.readonly, "readonly");
}

inline void
ferry_get(ferry::block_reader &in, const about &w, ferry::sqlite::about &v)
{
	ferry::codec::get(in, w.n_params, v.n_params);
	ferry::codec::get(in, w.n_columns, v.n_columns);
	ferry::codec::get(in, w.readonly, v.readonly);
}

} /* namespace wire */

/* What this header was made for; compared with the library that is loaded. */
namespace layout {

inline constexpr ferry::field_layout cell_fields[] = {
	{ "type", offsetof(wire::cell, type),
	    sizeof(wire::cell::type) },
	{ "as.integer", offsetof(wire::cell, as.integer),
	    sizeof(wire::cell::as.integer) },
	{ "as.real", offsetof(wire::cell, as.real),
	    sizeof(wire::cell::as.real) },
	{ "as.text", offsetof(wire::cell, as.text),
	    sizeof(wire::cell::as.text) },
	{ "as.blob", offsetof(wire::cell, as.blob),
	    sizeof(wire::cell::as.blob) },
	{ "size", offsetof(wire::cell, size),
	    sizeof(wire::cell::size) },
};
inline constexpr ferry::field_layout rows_fields[] = {
	{ "columns", offsetof(wire::rows, columns),
	    sizeof(wire::rows::columns) },
	{ "n_columns", offsetof(wire::rows, n_columns),
	    sizeof(wire::rows::n_columns) },
	{ "cells", offsetof(wire::rows, cells),
	    sizeof(wire::rows::cells) },
	{ "n_cells", offsetof(wire::rows, n_cells),
	    sizeof(wire::rows::n_cells) },
	{ "n_rows", offsetof(wire::rows, n_rows),
	    sizeof(wire::rows::n_rows) },
	{ "changes", offsetof(wire::rows, changes),
	    sizeof(wire::rows::changes) },
	{ "last_rowid", offsetof(wire::rows, last_rowid),
	    sizeof(wire::rows::last_rowid) },
};
inline constexpr ferry::field_layout changes_fields[] = {
	{ "changes", offsetof(wire::changes, changes),
	    sizeof(wire::changes::changes) },
	{ "last_rowid", offsetof(wire::changes, last_rowid),
	    sizeof(wire::changes::last_rowid) },
};
inline constexpr ferry::field_layout about_fields[] = {
	{ "n_params", offsetof(wire::about, n_params),
	    sizeof(wire::about::n_params) },
	{ "n_columns", offsetof(wire::about, n_columns),
	    sizeof(wire::about::n_columns) },
	{ "readonly", offsetof(wire::about, readonly),
	    sizeof(wire::about::readonly) },
};
inline constexpr ferry::field_layout database_open_in_fields[] = {
	{ "path", offsetof(wire::database_open_in, path),
	    sizeof(wire::database_open_in::path) },
	{ "mode", offsetof(wire::database_open_in, mode),
	    sizeof(wire::database_open_in::mode) },
	{ "busy", offsetof(wire::database_open_in, busy),
	    sizeof(wire::database_open_in::busy) },
	{ "result_max", offsetof(wire::database_open_in, result_max),
	    sizeof(wire::database_open_in::result_max) },
};
inline constexpr ferry::field_layout database_execute_in_fields[] = {
	{ "sql", offsetof(wire::database_execute_in, sql),
	    sizeof(wire::database_execute_in::sql) },
};
inline constexpr ferry::field_layout database_execute_out_fields[] = {
	{ "out", offsetof(wire::database_execute_out, out),
	    sizeof(wire::database_execute_out::out) },
};
inline constexpr ferry::field_layout database_query_in_fields[] = {
	{ "sql", offsetof(wire::database_query_in, sql),
	    sizeof(wire::database_query_in::sql) },
	{ "params", offsetof(wire::database_query_in, params),
	    sizeof(wire::database_query_in::params) },
	{ "n_params", offsetof(wire::database_query_in, n_params),
	    sizeof(wire::database_query_in::n_params) },
};
inline constexpr ferry::field_layout database_query_out_fields[] = {
	{ "out", offsetof(wire::database_query_out, out),
	    sizeof(wire::database_query_out::out) },
};
inline constexpr ferry::field_layout statement_prepare_in_fields[] = {
	{ "sql", offsetof(wire::statement_prepare_in, sql),
	    sizeof(wire::statement_prepare_in::sql) },
};
inline constexpr ferry::field_layout statement_prepare_out_fields[] = {
	{ "out", offsetof(wire::statement_prepare_out, out),
	    sizeof(wire::statement_prepare_out::out) },
};
inline constexpr ferry::field_layout statement_close_in_fields[] = {
	{ "self", offsetof(wire::statement_close_in, self),
	    sizeof(wire::statement_close_in::self) },
};
inline constexpr ferry::field_layout statement_run_in_fields[] = {
	{ "self", offsetof(wire::statement_run_in, self),
	    sizeof(wire::statement_run_in::self) },
	{ "params", offsetof(wire::statement_run_in, params),
	    sizeof(wire::statement_run_in::params) },
	{ "n_params", offsetof(wire::statement_run_in, n_params),
	    sizeof(wire::statement_run_in::n_params) },
	{ "n_sets", offsetof(wire::statement_run_in, n_sets),
	    sizeof(wire::statement_run_in::n_sets) },
};
inline constexpr ferry::field_layout statement_run_out_fields[] = {
	{ "out", offsetof(wire::statement_run_out, out),
	    sizeof(wire::statement_run_out::out) },
};
inline constexpr ferry::field_layout statement_about_in_fields[] = {
	{ "self", offsetof(wire::statement_about_in, self),
	    sizeof(wire::statement_about_in::self) },
};
inline constexpr ferry::field_layout statement_about_out_fields[] = {
	{ "out", offsetof(wire::statement_about_out, out),
	    sizeof(wire::statement_about_out::out) },
};
inline constexpr ferry::field_layout database_statements_out_fields[] = {
	{ "result", offsetof(wire::database_statements_out, result),
	    sizeof(wire::database_statements_out::result) },
};
inline constexpr ferry::field_layout database_on_row_changed_out_fields[] = {
	{ "operation", offsetof(wire::database_on_row_changed_out, operation),
	    sizeof(wire::database_on_row_changed_out::operation) },
	{ "database", offsetof(wire::database_on_row_changed_out, database),
	    sizeof(wire::database_on_row_changed_out::database) },
	{ "table", offsetof(wire::database_on_row_changed_out, table),
	    sizeof(wire::database_on_row_changed_out::table) },
	{ "rowid", offsetof(wire::database_on_row_changed_out, rowid),
	    sizeof(wire::database_on_row_changed_out::rowid) },
};

inline constexpr ferry::record_layout records[] = {
	{ "cell", 0x539539f3d81cf40fu,
	    sizeof(wire::cell), cell_fields },
	{ "rows", 0x16ab5c34d21e3b26u,
	    sizeof(wire::rows), rows_fields },
	{ "changes", 0x2477d0f83076de61u,
	    sizeof(wire::changes), changes_fields },
	{ "about", 0x88fb0d574fcca314u,
	    sizeof(wire::about), about_fields },
	{ "database.open.in", 0,
	    sizeof(wire::database_open_in), database_open_in_fields },
	{ "database.execute.in", 0,
	    sizeof(wire::database_execute_in), database_execute_in_fields },
	{ "database.execute.out", 0,
	    sizeof(wire::database_execute_out), database_execute_out_fields },
	{ "database.query.in", 0,
	    sizeof(wire::database_query_in), database_query_in_fields },
	{ "database.query.out", 0,
	    sizeof(wire::database_query_out), database_query_out_fields },
	{ "statement.prepare.in", 0,
	    sizeof(wire::statement_prepare_in), statement_prepare_in_fields },
	{ "statement.prepare.out", 0,
	    sizeof(wire::statement_prepare_out), statement_prepare_out_fields },
	{ "statement.close.in", 0,
	    sizeof(wire::statement_close_in), statement_close_in_fields },
	{ "statement.run.in", 0,
	    sizeof(wire::statement_run_in), statement_run_in_fields },
	{ "statement.run.out", 0,
	    sizeof(wire::statement_run_out), statement_run_out_fields },
	{ "statement.about.in", 0,
	    sizeof(wire::statement_about_in), statement_about_in_fields },
	{ "statement.about.out", 0,
	    sizeof(wire::statement_about_out), statement_about_out_fields },
	{ "database.statements.out", 0,
	    sizeof(wire::database_statements_out), database_statements_out_fields },
	{ "database.on_row_changed.out", 0,
	    sizeof(wire::database_on_row_changed_out), database_on_row_changed_out_fields },
};

inline constexpr ferry::function_number functions[] = {
	{ "database.open", 0x8f3fca94a3701782u, FERRY_FUNCTION_CONSTRUCTOR,
	    0, 0 },
	{ "database.execute", 0x65afe7e9844f6729u, FERRY_FUNCTION_METHOD,
	    0, 0 },
	{ "database.query", 0x839b4fedaf40a7c3u, FERRY_FUNCTION_METHOD,
	    0, 1 },
	{ "statement.prepare", 0xf802e7a09def8343u, FERRY_FUNCTION_CONSTRUCTOR,
	    0, 2 },
	{ "statement.close", 0xb84b10ddb7b85dc4u, FERRY_FUNCTION_METHOD,
	    0, 3 },
	{ "statement.run", 0x3448867bc0c2d052u, FERRY_FUNCTION_METHOD,
	    0, 4 },
	{ "statement.about", 0xbd64ef0295209762u, FERRY_FUNCTION_METHOD,
	    0, 5 },
	{ "database.statements", 0x1c497f5c6d5fa377u, FERRY_FUNCTION_METHOD,
	    0, 6 },
	{ "database.on_row_changed", 0xa37b49e37491df1fu, FERRY_FUNCTION_EVENT,
	    0, 0 },
};

inline constexpr const char *roots[] = {
	"database",
};

inline constexpr ferry::package_layout package{
	"sqlite", roots, records, functions
};

} /* namespace layout */

/* Whether it is; FERRY_EABI says what is not. */
inline const ferry::result<void> &
package_fits()
{
	static const auto &fits = *new ferry::result<void>(ferry::check_package(
	    sqlite_ferry(), layout::package));
	return fits;
}

namespace calls {

struct database_open {
	static constexpr const char *name = "database.open";
	static constexpr std::uint32_t method = 0;
	static constexpr const char *root = "database";
	using in_block = wire::database_open_in;
	using out_block = void;
	using result = void;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::sqlite::error{});
	}

	std::string_view path_arg;
	ferry::sqlite::mode mode_arg;
	std::chrono::milliseconds busy_arg;
	std::uint64_t result_max_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_text(out, w.path, path_arg, "path");
		ferry::codec::put(out, w.mode, mode_arg, "mode");
		ferry::codec::put(out, w.busy, busy_arg, "busy");
		ferry::codec::put(out, w.result_max,
		    result_max_arg, "result_max");
	}
};

struct database_execute {
	static constexpr const char *name = "database.execute";
	static constexpr std::uint32_t method = 0;
	using in_block = wire::database_execute_in;
	using out_block = wire::database_execute_out;
	using result = ferry::sqlite::changes;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::sqlite::error{});
	}

	std::string_view sql_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_text(out, w.sql, sql_arg, "sql");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get(in, w.out, v);
	}
};

struct database_query {
	static constexpr const char *name = "database.query";
	static constexpr std::uint32_t method = 1;
	using in_block = wire::database_query_in;
	using out_block = wire::database_query_out;
	using result = ferry::sqlite::rows;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::sqlite::error{});
	}

	std::string_view sql_arg;
	std::optional<std::span<const ferry::sqlite::cell>> params_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_text(out, w.sql, sql_arg, "sql");
		if (params_arg) {
			ferry::codec::put_array<ferry::sqlite::wire::cell>(out,
			    w.params, w.n_params, *params_arg, "params");
		}
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get(in, w.out, v);
	}
};

struct statement_prepare {
	static constexpr const char *name = "statement.prepare";
	static constexpr std::uint32_t method = 2;
	using in_block = wire::statement_prepare_in;
	using out_block = wire::statement_prepare_out;
	using result = ferry::sqlite::statement;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::sqlite::error{});
	}

	std::string_view sql_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_text(out, w.sql, sql_arg, "sql");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		v = ferry::sqlite::statement(in.context(), w.out);
	}
};

struct statement_close {
	static constexpr const char *name = "statement.close";
	static constexpr std::uint32_t method = 3;
	using in_block = wire::statement_close_in;
	using out_block = void;
	using result = void;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	ferry_handle self_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		w.self = self_arg;
	}
};

struct statement_run {
	static constexpr const char *name = "statement.run";
	static constexpr std::uint32_t method = 4;
	using in_block = wire::statement_run_in;
	using out_block = wire::statement_run_out;
	using result = ferry::sqlite::rows;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::sqlite::error{});
	}

	ferry_handle self_arg;
	std::optional<std::span<const ferry::sqlite::cell>> params_arg;
	std::uint32_t n_sets_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		w.self = self_arg;
		if (params_arg) {
			ferry::codec::put_array<ferry::sqlite::wire::cell>(out,
			    w.params, w.n_params, *params_arg, "params");
		}
		ferry::codec::put(out, w.n_sets, n_sets_arg, "n_sets");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get(in, w.out, v);
	}
};

struct statement_about {
	static constexpr const char *name = "statement.about";
	static constexpr std::uint32_t method = 5;
	using in_block = wire::statement_about_in;
	using out_block = wire::statement_about_out;
	using result = ferry::sqlite::about;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	ferry_handle self_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		w.self = self_arg;
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get(in, w.out, v);
	}
};

struct database_statements {
	static constexpr const char *name = "database.statements";
	static constexpr std::uint32_t method = 6;
	using in_block = void;
	using out_block = wire::database_statements_out;
	using result = std::uint64_t;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}


	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get(in, w.result, v);
	}
};

struct database_on_row_changed {
	static constexpr const char *name = "database.on_row_changed";
	static constexpr std::uint32_t method = 0;
	using in_block = void;
	using out_block = wire::database_on_row_changed_out;
	using result = ferry::sqlite::on_row_changed_event;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}


	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get(in, w.operation, v.operation);
		ferry::codec::get_text(in, w.database, v.database);
		ferry::codec::get_text(in, w.table, v.table);
		ferry::codec::get(in, w.rowid, v.rowid);
	}
};

} /* namespace calls */

inline ferry::result<ferry::sqlite::database>
database::try_open(std::string_view path, ferry::sqlite::mode mode,
    std::chrono::milliseconds busy, std::uint64_t result_max,
    const ferry::open_options &options)
{
	ferry::result<void> fits = package_fits();
	if (!fits)
		return fits.error();
	ferry::result<ferry_context> opened = open_context(
	    *sqlite_ferry(),
	    calls::database_open{path, mode, busy, result_max}, options);
	if (!opened)
		return opened.error();
	return ferry::sqlite::database(*opened);
}

#if FERRY_EXCEPTIONS
inline ferry::sqlite::database
database::open(std::string_view path, ferry::sqlite::mode mode,
    std::chrono::milliseconds busy, std::uint64_t result_max,
    const ferry::open_options &options)
{
	return try_open(path, mode, busy, result_max, options).value();
}
#endif

inline ferry::result<ferry::sqlite::database>
database::try_borrow(ferry_context theirs)
{
	ferry::result<void> fits = package_fits();
	if (fits)
		fits = ferry::check_context(
		    layout::package, 0, theirs);
	if (!fits)
		return fits.error();
	return ferry::sqlite::database(theirs, true);
}

#if FERRY_EXCEPTIONS
inline ferry::sqlite::database
database::borrow(ferry_context theirs)
{
	return try_borrow(theirs).value();
}
#endif

inline ferry::result<ferry::sqlite::changes>
database::try_execute(std::string_view sql,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::database_execute{sql}, options);
}

inline ferry::pending<ferry::sqlite::changes>
database::execute_async(std::string_view sql,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::database_execute{sql}, options);
}

#if FERRY_EXCEPTIONS
inline ferry::sqlite::changes
database::execute(std::string_view sql,
    const ferry::call_options &options) const
{
	return try_execute(sql, options).value();
}

inline std::future<ferry::sqlite::changes>
database::execute_future(std::string_view sql,
    const ferry::call_options &options) const
{
	return execute_async(sql, options).future();
}
#endif

inline ferry::result<ferry::sqlite::rows>
database::try_query(std::string_view sql,
    std::optional<std::span<const ferry::sqlite::cell>> params,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::database_query{sql, params}, options);
}

inline ferry::pending<ferry::sqlite::rows>
database::query_async(std::string_view sql,
    std::optional<std::span<const ferry::sqlite::cell>> params,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::database_query{sql, params}, options);
}

#if FERRY_EXCEPTIONS
inline ferry::sqlite::rows
database::query(std::string_view sql,
    std::optional<std::span<const ferry::sqlite::cell>> params,
    const ferry::call_options &options) const
{
	return try_query(sql, params, options).value();
}

inline std::future<ferry::sqlite::rows>
database::query_future(std::string_view sql,
    std::optional<std::span<const ferry::sqlite::cell>> params,
    const ferry::call_options &options) const
{
	return query_async(sql, params, options).future();
}
#endif

inline ferry::result<ferry::sqlite::statement>
database::try_prepare(std::string_view sql,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::statement_prepare{sql}, options);
}

inline ferry::pending<ferry::sqlite::statement>
database::prepare_async(std::string_view sql,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::statement_prepare{sql}, options);
}

#if FERRY_EXCEPTIONS
inline ferry::sqlite::statement
database::prepare(std::string_view sql,
    const ferry::call_options &options) const
{
	return try_prepare(sql, options).value();
}

inline std::future<ferry::sqlite::statement>
database::prepare_future(std::string_view sql,
    const ferry::call_options &options) const
{
	return prepare_async(sql, options).future();
}
#endif

inline ferry::result<std::uint64_t>
database::try_statements(const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::database_statements{}, options);
}

inline ferry::pending<std::uint64_t>
database::statements_async(const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::database_statements{}, options);
}

#if FERRY_EXCEPTIONS
inline std::uint64_t
database::statements(const ferry::call_options &options) const
{
	return try_statements(options).value();
}

inline std::future<std::uint64_t>
database::statements_future(const ferry::call_options &options) const
{
	return statements_async(options).future();
}
#endif

template <typename F>
ferry::result<ferry::listener>
database::try_on_row_changed(F function) const
{
	return ferry::listen<calls::database_on_row_changed>(
	    native_handle(), std::move(function));
}

inline ferry::result<ferry::stream<calls::database_on_row_changed>>
database::try_on_row_changed_stream(ferry::loop &loop,
    std::size_t capacity) const
{
	return ferry::open_stream<calls::database_on_row_changed>(
	    native_handle(), loop, capacity);
}

#if FERRY_EXCEPTIONS
template <typename F>
ferry::listener
database::on_row_changed(F function) const
{
	return try_on_row_changed(std::move(function)).value();
}

inline ferry::stream<calls::database_on_row_changed>
database::on_row_changed_stream(ferry::loop &loop, std::size_t capacity) const
{
	return try_on_row_changed_stream(loop, capacity).value();
}
#endif

inline ferry::result<ferry::sqlite::rows>
statement::try_run(std::optional<std::span<const ferry::sqlite::cell>> params,
    std::uint32_t n_sets, const ferry::call_options &options) const
{
	return ferry::call_now(owner(),
	    calls::statement_run{native_handle(), params, n_sets}, options);
}

inline ferry::pending<ferry::sqlite::rows>
statement::run_async(std::optional<std::span<const ferry::sqlite::cell>> params,
    std::uint32_t n_sets, const ferry::call_options &options) const
{
	return ferry::call_later(owner(),
	    calls::statement_run{native_handle(), params, n_sets}, options);
}

#if FERRY_EXCEPTIONS
inline ferry::sqlite::rows
statement::run(std::optional<std::span<const ferry::sqlite::cell>> params,
    std::uint32_t n_sets, const ferry::call_options &options) const
{
	return try_run(params, n_sets, options).value();
}

inline std::future<ferry::sqlite::rows>
statement::run_future(
    std::optional<std::span<const ferry::sqlite::cell>> params,
    std::uint32_t n_sets, const ferry::call_options &options) const
{
	return run_async(params, n_sets, options).future();
}
#endif

inline ferry::result<ferry::sqlite::about>
statement::try_about(const ferry::call_options &options) const
{
	return ferry::call_now(owner(),
	    calls::statement_about{native_handle()}, options);
}

inline ferry::pending<ferry::sqlite::about>
statement::about_async(const ferry::call_options &options) const
{
	return ferry::call_later(owner(),
	    calls::statement_about{native_handle()}, options);
}

#if FERRY_EXCEPTIONS
inline ferry::sqlite::about
statement::about(const ferry::call_options &options) const
{
	return try_about(options).value();
}

inline std::future<ferry::sqlite::about>
statement::about_future(const ferry::call_options &options) const
{
	return about_async(options).future();
}
#endif

inline ferry::result<void>
statement::try_close(const ferry::call_options &options)
{
	ferry::result<void> closed = ferry::call_now(owner(),
	    calls::statement_close{native_handle()}, options);
	if (closed)
		forget();
	return closed;
}

inline ferry::pending<void>
statement::close_async(const ferry::call_options &options)
{
	return ferry::call_later(owner(),
	    calls::statement_close{native_handle()}, options);
}

#if FERRY_EXCEPTIONS
inline void
statement::close(const ferry::call_options &options)
{
	return try_close(options).value();
}

inline std::future<void>
statement::close_future(const ferry::call_options &options)
{
	return close_async(options).future();
}
#endif

} /* namespace ferry::sqlite */

#endif
