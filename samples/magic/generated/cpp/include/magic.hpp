/*
 * magic 1.0 for C++20, made by `ferry gen` from magic_offer.h.
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
#ifndef FERRY_PACKAGE_MAGIC_HPP
#define FERRY_PACKAGE_MAGIC_HPP

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
extern "C" const struct ferry_package *magic_ferry(void);

namespace ferry::magic {

/**
 * What is told of a file.
 */
enum class what : std::uint32_t {
	/**
	 * For people.
	 */
	text = 0,
	/**
	 * image/png
	 */
	type = 16,
	charset = 1024,
	extensions = 16777216,
	/**
	 * Follows symbolic links.
	 */
	links = 2,
	/**
	 * Looks into archives.
	 */
	archives = 4,
};

constexpr what
operator|(what a, what b)
{
	return static_cast<what>(
	    static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

constexpr what
operator&(what a, what b)
{
	return static_cast<what>(
	    static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}

constexpr what
operator^(what a, what b)
{
	return static_cast<what>(
	    static_cast<std::uint32_t>(a) ^ static_cast<std::uint32_t>(b));
}

constexpr what
operator~(what a)
{
	return static_cast<what>(~static_cast<std::uint32_t>(a));
}

constexpr what &
operator|=(what &a, what b)
{
	return a = a | b;
}

constexpr what &
operator&=(what &a, what b)
{
	return a = a & b;
}

constexpr what &
operator^=(what &a, what b)
{
	return a = a ^ b;
}

/** Whether none is set. */
constexpr bool
operator!(what a)
{
	return static_cast<std::uint32_t>(a) == 0;
}

class cookie;

/* Descriptions of the calls, below. */
namespace calls {
} /* namespace calls */

/* ---------------------------------------------------------------- objects */

/**
 * Knows files by what is in them.
 */
class cookie : public ferry::context {
public:
	/** None: a place to move one to. */
	cookie() = default;

	/**
	 * Opens one; load() comes next.
	 */
#if FERRY_EXCEPTIONS
	static ferry::magic::cookie
	open(ferry::magic::what flags = ferry::magic::what::text,
	    const ferry::open_options &options = {});
#endif
	static ferry::result<ferry::magic::cookie>
	try_open(ferry::magic::what flags = ferry::magic::what::text,
	    const ferry::open_options &options = {});

	/**
	 * One that somebody else has opened, in this process; native_handle()
	 * is what to hand over. It stays theirs: the end of this object does
	 * not close it. Once it is closed, calls are refused.
	 */
#if FERRY_EXCEPTIONS
	static ferry::magic::cookie
	borrow(ferry_context theirs);
#endif
	static ferry::result<ferry::magic::cookie>
	try_borrow(ferry_context theirs);

	/**
	 * Reads the descriptions of types. @param path None: those installed.
	 */
#if FERRY_EXCEPTIONS
	void
	load(std::optional<std::string_view> path = std::nullopt,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<void>
	try_load(std::optional<std::string_view> path = std::nullopt,
	    const ferry::call_options &options = {}) const;
	ferry::pending<void>
	load_async(std::optional<std::string_view> path = std::nullopt,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<void>
	load_future(std::optional<std::string_view> path = std::nullopt,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * What is in a file.
	 */
#if FERRY_EXCEPTIONS
	std::string
	file(std::string_view path,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<std::string>
	try_file(std::string_view path,
	    const ferry::call_options &options = {}) const;
	ferry::pending<std::string>
	file_async(std::string_view path,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<std::string>
	file_future(std::string_view path,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * What is in these bytes.
	 */
#if FERRY_EXCEPTIONS
	std::string
	buffer(std::span<const std::uint8_t> data,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<std::string>
	try_buffer(std::span<const std::uint8_t> data,
	    const ferry::call_options &options = {}) const;
	ferry::pending<std::string>
	buffer_async(std::span<const std::uint8_t> data,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<std::string>
	buffer_future(std::span<const std::uint8_t> data,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * What is told from now on.
	 */
#if FERRY_EXCEPTIONS
	void
	setflags(ferry::magic::what flags,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<void>
	try_setflags(ferry::magic::what flags,
	    const ferry::call_options &options = {}) const;
	ferry::pending<void>
	setflags_async(ferry::magic::what flags,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<void>
	setflags_future(ferry::magic::what flags,
	    const ferry::call_options &options = {}) const;
#endif

private:
	using ferry::context::context;
};

/**
 * Of libmagic, 540 for 5.40.
 */
#if FERRY_EXCEPTIONS
std::int32_t
version();
#endif
ferry::result<std::int32_t>
try_version();

/* ------------------------------------- the rest is how, and not for callers */

/* Structs as they stand in blocks. */
namespace wire {

struct cookie_open_in {
	std::int32_t flags;
};

struct cookie_load_in {
	ferry::offset path;
};

struct cookie_file_in {
	ferry::offset path;
};

struct cookie_file_out {
	ferry::offset result;
};

struct cookie_buffer_in {
	ferry::offset data;
	std::uint64_t size;
};

struct cookie_buffer_out {
	ferry::offset result;
};

struct cookie_setflags_in {
	std::int32_t flags;
};

struct version_out {
	std::int32_t result;
};

} /* namespace wire */

/* What this header was made for; compared with the library that is loaded. */
namespace layout {

inline constexpr ferry::field_layout cookie_open_in_fields[] = {
	{ "flags", offsetof(wire::cookie_open_in, flags),
	    sizeof(wire::cookie_open_in::flags) },
};
inline constexpr ferry::field_layout cookie_load_in_fields[] = {
	{ "path", offsetof(wire::cookie_load_in, path),
	    sizeof(wire::cookie_load_in::path) },
};
inline constexpr ferry::field_layout cookie_file_in_fields[] = {
	{ "path", offsetof(wire::cookie_file_in, path),
	    sizeof(wire::cookie_file_in::path) },
};
inline constexpr ferry::field_layout cookie_file_out_fields[] = {
	{ "result", offsetof(wire::cookie_file_out, result),
	    sizeof(wire::cookie_file_out::result) },
};
inline constexpr ferry::field_layout cookie_buffer_in_fields[] = {
	{ "data", offsetof(wire::cookie_buffer_in, data),
	    sizeof(wire::cookie_buffer_in::data) },
	{ "size", offsetof(wire::cookie_buffer_in, size),
	    sizeof(wire::cookie_buffer_in::size) },
};
inline constexpr ferry::field_layout cookie_buffer_out_fields[] = {
	{ "result", offsetof(wire::cookie_buffer_out, result),
	    sizeof(wire::cookie_buffer_out::result) },
};
inline constexpr ferry::field_layout cookie_setflags_in_fields[] = {
	{ "flags", offsetof(wire::cookie_setflags_in, flags),
	    sizeof(wire::cookie_setflags_in::flags) },
};
inline constexpr ferry::field_layout version_out_fields[] = {
	{ "result", offsetof(wire::version_out, result),
	    sizeof(wire::version_out::result) },
};

inline constexpr ferry::record_layout records[] = {
	{ "cookie.open.in", 0,
	    sizeof(wire::cookie_open_in), cookie_open_in_fields },
	{ "cookie.load.in", 0,
	    sizeof(wire::cookie_load_in), cookie_load_in_fields },
	{ "cookie.file.in", 0,
	    sizeof(wire::cookie_file_in), cookie_file_in_fields },
	{ "cookie.file.out", 0,
	    sizeof(wire::cookie_file_out), cookie_file_out_fields },
	{ "cookie.buffer.in", 0,
	    sizeof(wire::cookie_buffer_in), cookie_buffer_in_fields },
	{ "cookie.buffer.out", 0,
	    sizeof(wire::cookie_buffer_out), cookie_buffer_out_fields },
	{ "cookie.setflags.in", 0,
	    sizeof(wire::cookie_setflags_in), cookie_setflags_in_fields },
	{ "version.out", 0,
	    sizeof(wire::version_out), version_out_fields },
};

inline constexpr ferry::function_number functions[] = {
	{ "cookie.open", 0xc0aa530619262f37u, FERRY_FUNCTION_CONSTRUCTOR,
	    0, 0 },
	{ "cookie.load", 0x2ef3f55de86994a1u, FERRY_FUNCTION_METHOD,
	    0, 0 },
	{ "cookie.file", 0x52819c5f1687dbb1u, FERRY_FUNCTION_METHOD,
	    0, 1 },
	{ "cookie.buffer", 0x41b0029c6a006b95u, FERRY_FUNCTION_METHOD,
	    0, 2 },
	{ "cookie.setflags", 0xdf76db96bf763d41u, FERRY_FUNCTION_METHOD,
	    0, 3 },
	{ "version", 0x783e4633b09f3c76u, FERRY_FUNCTION_DIRECT,
	    UINT32_MAX, 0 },
};

inline constexpr const char *roots[] = {
	"cookie",
};

inline constexpr ferry::package_layout package{
	"magic", roots, records, functions
};

} /* namespace layout */

/* Whether it is; FERRY_EABI says what is not. */
inline const ferry::result<void> &
package_fits()
{
	static const auto &fits = *new ferry::result<void>(ferry::check_package(
	    magic_ferry(), layout::package));
	return fits;
}

namespace calls {

struct cookie_open {
	static constexpr const char *name = "cookie.open";
	static constexpr std::uint32_t method = 0;
	static constexpr const char *root = "cookie";
	using in_block = wire::cookie_open_in;
	using out_block = void;
	using result = void;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	ferry::magic::what flags_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put(out, w.flags, flags_arg, "flags");
	}
};

struct cookie_load {
	static constexpr const char *name = "cookie.load";
	static constexpr std::uint32_t method = 0;
	using in_block = wire::cookie_load_in;
	using out_block = void;
	using result = void;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	std::optional<std::string_view> path_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		if (path_arg) {
			ferry::codec::put_text(out, w.path, *path_arg, "path");
		}
	}
};

struct cookie_file {
	static constexpr const char *name = "cookie.file";
	static constexpr std::uint32_t method = 1;
	using in_block = wire::cookie_file_in;
	using out_block = wire::cookie_file_out;
	using result = std::string;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	std::string_view path_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_text(out, w.path, path_arg, "path");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get_text(in, w.result, v);
	}
};

struct cookie_buffer {
	static constexpr const char *name = "cookie.buffer";
	static constexpr std::uint32_t method = 2;
	using in_block = wire::cookie_buffer_in;
	using out_block = wire::cookie_buffer_out;
	using result = std::string;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	std::span<const std::uint8_t> data_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_bytes(out, w.data, w.size, data_arg, "data");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get_text(in, w.result, v);
	}
};

struct cookie_setflags {
	static constexpr const char *name = "cookie.setflags";
	static constexpr std::uint32_t method = 3;
	using in_block = wire::cookie_setflags_in;
	using out_block = void;
	using result = void;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	ferry::magic::what flags_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put(out, w.flags, flags_arg, "flags");
	}
};

struct version {
	static constexpr const char *name = "version";
	static constexpr std::uint32_t method = 0;
	using in_block = void;
	using out_block = wire::version_out;
	using result = std::int32_t;

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

} /* namespace calls */

inline ferry::result<ferry::magic::cookie>
cookie::try_open(ferry::magic::what flags, const ferry::open_options &options)
{
	ferry::result<void> fits = package_fits();
	if (!fits)
		return fits.error();
	ferry::result<ferry_context> opened = open_context(
	    *magic_ferry(),
	    calls::cookie_open{flags}, options);
	if (!opened)
		return opened.error();
	return ferry::magic::cookie(*opened);
}

#if FERRY_EXCEPTIONS
inline ferry::magic::cookie
cookie::open(ferry::magic::what flags, const ferry::open_options &options)
{
	return try_open(flags, options).value();
}
#endif

inline ferry::result<ferry::magic::cookie>
cookie::try_borrow(ferry_context theirs)
{
	ferry::result<void> fits = package_fits();
	if (fits)
		fits = ferry::check_context(
		    layout::package, 0, theirs);
	if (!fits)
		return fits.error();
	return ferry::magic::cookie(theirs, true);
}

#if FERRY_EXCEPTIONS
inline ferry::magic::cookie
cookie::borrow(ferry_context theirs)
{
	return try_borrow(theirs).value();
}
#endif

inline ferry::result<void>
cookie::try_load(std::optional<std::string_view> path,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::cookie_load{path}, options);
}

inline ferry::pending<void>
cookie::load_async(std::optional<std::string_view> path,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::cookie_load{path}, options);
}

#if FERRY_EXCEPTIONS
inline void
cookie::load(std::optional<std::string_view> path,
    const ferry::call_options &options) const
{
	return try_load(path, options).value();
}

inline std::future<void>
cookie::load_future(std::optional<std::string_view> path,
    const ferry::call_options &options) const
{
	return load_async(path, options).future();
}
#endif

inline ferry::result<std::string>
cookie::try_file(std::string_view path,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::cookie_file{path}, options);
}

inline ferry::pending<std::string>
cookie::file_async(std::string_view path,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::cookie_file{path}, options);
}

#if FERRY_EXCEPTIONS
inline std::string
cookie::file(std::string_view path, const ferry::call_options &options) const
{
	return try_file(path, options).value();
}

inline std::future<std::string>
cookie::file_future(std::string_view path,
    const ferry::call_options &options) const
{
	return file_async(path, options).future();
}
#endif

inline ferry::result<std::string>
cookie::try_buffer(std::span<const std::uint8_t> data,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::cookie_buffer{data}, options);
}

inline ferry::pending<std::string>
cookie::buffer_async(std::span<const std::uint8_t> data,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::cookie_buffer{data}, options);
}

#if FERRY_EXCEPTIONS
inline std::string
cookie::buffer(std::span<const std::uint8_t> data,
    const ferry::call_options &options) const
{
	return try_buffer(data, options).value();
}

inline std::future<std::string>
cookie::buffer_future(std::span<const std::uint8_t> data,
    const ferry::call_options &options) const
{
	return buffer_async(data, options).future();
}
#endif

inline ferry::result<void>
cookie::try_setflags(ferry::magic::what flags,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::cookie_setflags{flags}, options);
}

inline ferry::pending<void>
cookie::setflags_async(ferry::magic::what flags,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::cookie_setflags{flags}, options);
}

#if FERRY_EXCEPTIONS
inline void
cookie::setflags(ferry::magic::what flags,
    const ferry::call_options &options) const
{
	return try_setflags(flags, options).value();
}

inline std::future<void>
cookie::setflags_future(ferry::magic::what flags,
    const ferry::call_options &options) const
{
	return setflags_async(flags, options).future();
}
#endif

inline ferry::result<std::int32_t>
try_version()
{
	ferry::result<void> fits = package_fits();
	if (!fits)
		return fits.error();
	return ferry::call_direct(*magic_ferry(),
	    calls::version{});
}

#if FERRY_EXCEPTIONS
inline std::int32_t
version()
{
	return try_version().value();
}
#endif

} /* namespace ferry::magic */

#endif
