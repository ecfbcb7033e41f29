/*
 * timer 1.0 for C++20, made by `ferry gen` from timer.h.
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
#ifndef FERRY_PACKAGE_TIMER_HPP
#define FERRY_PACKAGE_TIMER_HPP

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
extern "C" const struct ferry_package *timer_ferry(void);

namespace ferry::timer {

/**
 * How a call ended.
 */
enum class error : std::uint32_t {
	ok = 0,
	/**
	 * No memory, or no thread.
	 */
	no_resources = 1,
	/**
	 * More jitter than there is period.
	 */
	jitter = 2,
	/**
	 * It ended before its time.
	 */
	interrupted = 3,
};

#if FERRY_EXCEPTIONS
/** What calls throw that fail with an error of `error`. */
class error_exception : public ferry::exception {
public:
	using ferry::exception::exception;

	/** Which one it is, also where it has no name. */
	ferry::timer::error
	code() const noexcept
	{
		return static_cast<ferry::timer::error>(status());
	}
};

/**
 * No memory, or no thread.
 */
class no_resources_error : public error_exception {
	using error_exception::error_exception;
};

/**
 * More jitter than there is period.
 */
class jitter_error : public error_exception {
	using error_exception::error_exception;
};

/**
 * It ended before its time.
 */
class interrupted_error : public error_exception {
	using error_exception::error_exception;
};

#endif

/* Ferry's way from a status to what it means. */
inline const ferry::error_domain &
ferry_error_domain(error)
{
	static constexpr ferry::error_domain domain = {
		"ferry::timer::error",
		[](int status) -> const char * {
			switch (status) {
			case 0:
				return "ok";
			case 1:
				return "no_resources";
			case 2:
				return "jitter";
			case 3:
				return "interrupted";
			default:
				return nullptr;
			}
		},
#if FERRY_EXCEPTIONS
		[](const ferry::error &e) {
			switch (e.status) {
			case 1:
				throw ferry::timer::no_resources_error(e);
			case 2:
				throw ferry::timer::jitter_error(e);
			case 3:
				throw ferry::timer::interrupted_error(e);
			default:
				throw ferry::timer::error_exception(e);
			}
		},
#else
		nullptr,
#endif
	};
	return domain;
}

class timer;

/**
 * When a schedule ticks.
 */
struct rhythm {
	std::uint32_t ticks{};
	std::chrono::milliseconds period{};
	/**
	 * Every tick is up to this late, at random: schedules that began
	 * together do not tick together. At most the period.
	 */
	std::chrono::milliseconds jitter = std::chrono::milliseconds(0);

	bool operator==(const ferry::timer::rhythm &) const = default;
};

/**
 * A schedule's. @param number From 1.
 */
struct on_tick_event {
	std::uint32_t number{};

	bool operator==(const ferry::timer::on_tick_event &) const = default;
};

/* Descriptions of the calls, below. */
namespace calls {
struct timer_on_tick;
} /* namespace calls */

/* ---------------------------------------------------------------- objects */

/**
 * Tells when time has passed.
 */
class timer : public ferry::context {
public:
	/** None: a place to move one to. */
	timer() = default;

#if FERRY_EXCEPTIONS
	static ferry::timer::timer
	open(const ferry::open_options &options = {});
#endif
	static ferry::result<ferry::timer::timer>
	try_open(const ferry::open_options &options = {});

	/**
	 * One that somebody else has opened, in this process; native_handle()
	 * is what to hand over. It stays theirs: the end of this object does
	 * not close it. Once it is closed, calls are refused.
	 */
#if FERRY_EXCEPTIONS
	static ferry::timer::timer
	borrow(ferry_context theirs);
#endif
	static ferry::result<ferry::timer::timer>
	try_borrow(ferry_context theirs);

	/**
	 * Answers at once, with what it is told.
	 */
#if FERRY_EXCEPTIONS
	std::string
	echo(std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<std::string>
	try_echo(std::string_view text,
	    const ferry::call_options &options = {}) const;
	ferry::pending<std::string>
	echo_async(std::string_view text,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<std::string>
	echo_future(std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * Answers when some time has passed, from a thread of the library's
	 * own.
	 */
#if FERRY_EXCEPTIONS
	std::string
	after(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<std::string>
	try_after(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
	ferry::pending<std::string>
	after_async(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<std::string>
	after_future(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * The same, as a strand.
	 */
#if FERRY_EXCEPTIONS
	std::string
	delay(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<std::string>
	try_delay(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
	ferry::pending<std::string>
	delay_async(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<std::string>
	delay_future(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * The same, and nobody else is served meanwhile: how not to do it.
	 */
#if FERRY_EXCEPTIONS
	std::string
	hold(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<std::string>
	try_hold(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
	ferry::pending<std::string>
	hold_async(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<std::string>
	hold_future(std::chrono::milliseconds delay, std::string_view text,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * Ticks, and answers after the last.
	 */
#if FERRY_EXCEPTIONS
	void
	schedule(const ferry::timer::rhythm &rhythm,
	    const ferry::call_options &options = {}) const;
#endif
	ferry::result<void>
	try_schedule(const ferry::timer::rhythm &rhythm,
	    const ferry::call_options &options = {}) const;
	ferry::pending<void>
	schedule_async(const ferry::timer::rhythm &rhythm,
	    const ferry::call_options &options = {}) const;
#if FERRY_EXCEPTIONS
	std::future<void>
	schedule_future(const ferry::timer::rhythm &rhythm,
	    const ferry::call_options &options = {}) const;
#endif

	/**
	 * A schedule's. @param number From 1.
	 */
	/*
	 * A function hears it, f(event) or f(event, dropped), on Ferry's event
	 * thread, as long as the listener lives; or a coroutine of a loop waits
	 * for it, by next().
	 */
#if FERRY_EXCEPTIONS
	template <typename F>
	ferry::listener on_tick(F function) const;
	ferry::stream<calls::timer_on_tick>
	on_tick_stream(ferry::loop &loop, std::size_t capacity = 1024) const;
#endif
	template <typename F>
	ferry::result<ferry::listener> try_on_tick(F function) const;
	ferry::result<ferry::stream<calls::timer_on_tick>>
	try_on_tick_stream(ferry::loop &loop,
	    std::size_t capacity = 1024) const;

private:
	using ferry::context::context;
};

/* ------------------------------------- the rest is how, and not for callers */

/* Structs as they stand in blocks. */
namespace wire {

struct rhythm {
	std::uint32_t ticks;
	std::uint32_t period;
	std::uint32_t jitter;
};

struct timer_echo_in {
	ferry::offset text;
};

struct timer_echo_out {
	ferry::offset result;
};

struct timer_after_in {
	std::uint32_t delay;
	ferry::offset text;
};

struct timer_after_out {
	ferry::offset out;
};

struct timer_delay_in {
	std::uint32_t delay;
	ferry::offset text;
};

struct timer_delay_out {
	ferry::offset out;
};

struct timer_hold_in {
	std::uint32_t delay;
	ferry::offset text;
};

struct timer_hold_out {
	ferry::offset out;
};

struct timer_schedule_in {
	ferry::offset rhythm;
};

struct timer_on_tick_out {
	std::uint32_t number;
};

inline void
ferry_put(ferry::block_writer &out, rhythm &w, const ferry::timer::rhythm &v)
{
	ferry::codec::put(out, w.ticks, v.ticks, "ticks");
	ferry::codec::put(out, w.period, v.period, "period");
	ferry::codec::put(out, w.jitter, v.jitter, "jitter");
}

inline void
ferry_get(ferry::block_reader &in, const rhythm &w, ferry::timer::rhythm &v)
{
	ferry::codec::get(in, w.ticks, v.ticks);
	ferry::codec::get(in, w.period, v.period);
	ferry::codec::get(in, w.jitter, v.jitter);
}

} /* namespace wire */

/* What this header was made for; compared with the library that is loaded. */
namespace layout {

inline constexpr ferry::field_layout rhythm_fields[] = {
	{ "ticks", offsetof(wire::rhythm, ticks),
	    sizeof(wire::rhythm::ticks) },
	{ "period", offsetof(wire::rhythm, period),
	    sizeof(wire::rhythm::period) },
	{ "jitter", offsetof(wire::rhythm, jitter),
	    sizeof(wire::rhythm::jitter) },
};
inline constexpr ferry::field_layout timer_echo_in_fields[] = {
	{ "text", offsetof(wire::timer_echo_in, text),
	    sizeof(wire::timer_echo_in::text) },
};
inline constexpr ferry::field_layout timer_echo_out_fields[] = {
	{ "result", offsetof(wire::timer_echo_out, result),
	    sizeof(wire::timer_echo_out::result) },
};
inline constexpr ferry::field_layout timer_after_in_fields[] = {
	{ "delay", offsetof(wire::timer_after_in, delay),
	    sizeof(wire::timer_after_in::delay) },
	{ "text", offsetof(wire::timer_after_in, text),
	    sizeof(wire::timer_after_in::text) },
};
inline constexpr ferry::field_layout timer_after_out_fields[] = {
	{ "out", offsetof(wire::timer_after_out, out),
	    sizeof(wire::timer_after_out::out) },
};
inline constexpr ferry::field_layout timer_delay_in_fields[] = {
	{ "delay", offsetof(wire::timer_delay_in, delay),
	    sizeof(wire::timer_delay_in::delay) },
	{ "text", offsetof(wire::timer_delay_in, text),
	    sizeof(wire::timer_delay_in::text) },
};
inline constexpr ferry::field_layout timer_delay_out_fields[] = {
	{ "out", offsetof(wire::timer_delay_out, out),
	    sizeof(wire::timer_delay_out::out) },
};
inline constexpr ferry::field_layout timer_hold_in_fields[] = {
	{ "delay", offsetof(wire::timer_hold_in, delay),
	    sizeof(wire::timer_hold_in::delay) },
	{ "text", offsetof(wire::timer_hold_in, text),
	    sizeof(wire::timer_hold_in::text) },
};
inline constexpr ferry::field_layout timer_hold_out_fields[] = {
	{ "out", offsetof(wire::timer_hold_out, out),
	    sizeof(wire::timer_hold_out::out) },
};
inline constexpr ferry::field_layout timer_schedule_in_fields[] = {
	{ "rhythm", offsetof(wire::timer_schedule_in, rhythm),
	    sizeof(wire::timer_schedule_in::rhythm) },
};
inline constexpr ferry::field_layout timer_on_tick_out_fields[] = {
	{ "number", offsetof(wire::timer_on_tick_out, number),
	    sizeof(wire::timer_on_tick_out::number) },
};

inline constexpr ferry::record_layout records[] = {
	{ "rhythm", 0x3cd4ac676168bf13u,
	    sizeof(wire::rhythm), rhythm_fields },
	{ "timer.echo.in", 0,
	    sizeof(wire::timer_echo_in), timer_echo_in_fields },
	{ "timer.echo.out", 0,
	    sizeof(wire::timer_echo_out), timer_echo_out_fields },
	{ "timer.after.in", 0,
	    sizeof(wire::timer_after_in), timer_after_in_fields },
	{ "timer.after.out", 0,
	    sizeof(wire::timer_after_out), timer_after_out_fields },
	{ "timer.delay.in", 0,
	    sizeof(wire::timer_delay_in), timer_delay_in_fields },
	{ "timer.delay.out", 0,
	    sizeof(wire::timer_delay_out), timer_delay_out_fields },
	{ "timer.hold.in", 0,
	    sizeof(wire::timer_hold_in), timer_hold_in_fields },
	{ "timer.hold.out", 0,
	    sizeof(wire::timer_hold_out), timer_hold_out_fields },
	{ "timer.schedule.in", 0,
	    sizeof(wire::timer_schedule_in), timer_schedule_in_fields },
	{ "timer.on_tick.out", 0,
	    sizeof(wire::timer_on_tick_out), timer_on_tick_out_fields },
};

inline constexpr ferry::function_number functions[] = {
	{ "timer.open", 0x0c011562d9c80f24u, FERRY_FUNCTION_CONSTRUCTOR,
	    0, 0 },
	{ "timer.echo", 0x4ffb295fd6105fb1u, FERRY_FUNCTION_METHOD,
	    0, 0 },
	{ "timer.after", 0x36b41699a15aee48u, FERRY_FUNCTION_METHOD,
	    0, 1 },
	{ "timer.delay", 0x20918e43e475bd03u, FERRY_FUNCTION_METHOD,
	    0, 2 },
	{ "timer.hold", 0x8954a0602190d930u, FERRY_FUNCTION_METHOD,
	    0, 3 },
	{ "timer.schedule", 0x44d5c07d2e9908c0u, FERRY_FUNCTION_METHOD,
	    0, 4 },
	{ "timer.on_tick", 0x34aa830d1a232d20u, FERRY_FUNCTION_EVENT,
	    0, 0 },
};

inline constexpr const char *roots[] = {
	"timer",
};

inline constexpr ferry::package_layout package{
	"timer", roots, records, functions
};

} /* namespace layout */

/* Whether it is; FERRY_EABI says what is not. */
inline const ferry::result<void> &
package_fits()
{
	static const auto &fits = *new ferry::result<void>(ferry::check_package(
	    timer_ferry(), layout::package));
	return fits;
}

namespace calls {

struct timer_open {
	static constexpr const char *name = "timer.open";
	static constexpr std::uint32_t method = 0;
	static constexpr const char *root = "timer";
	using in_block = void;
	using out_block = void;
	using result = void;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::timer::error{});
	}

};

struct timer_echo {
	static constexpr const char *name = "timer.echo";
	static constexpr std::uint32_t method = 0;
	using in_block = wire::timer_echo_in;
	using out_block = wire::timer_echo_out;
	using result = std::string;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}

	std::string_view text_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_text(out, w.text, text_arg, "text");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get_text(in, w.result, v);
	}
};

struct timer_after {
	static constexpr const char *name = "timer.after";
	static constexpr std::uint32_t method = 1;
	using in_block = wire::timer_after_in;
	using out_block = wire::timer_after_out;
	using result = std::string;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::timer::error{});
	}

	std::chrono::milliseconds delay_arg;
	std::string_view text_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put(out, w.delay, delay_arg, "delay");
		ferry::codec::put_text(out, w.text, text_arg, "text");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get_text(in, w.out, v);
	}
};

struct timer_delay {
	static constexpr const char *name = "timer.delay";
	static constexpr std::uint32_t method = 2;
	using in_block = wire::timer_delay_in;
	using out_block = wire::timer_delay_out;
	using result = std::string;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::timer::error{});
	}

	std::chrono::milliseconds delay_arg;
	std::string_view text_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put(out, w.delay, delay_arg, "delay");
		ferry::codec::put_text(out, w.text, text_arg, "text");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get_text(in, w.out, v);
	}
};

struct timer_hold {
	static constexpr const char *name = "timer.hold";
	static constexpr std::uint32_t method = 3;
	using in_block = wire::timer_hold_in;
	using out_block = wire::timer_hold_out;
	using result = std::string;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::timer::error{});
	}

	std::chrono::milliseconds delay_arg;
	std::string_view text_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put(out, w.delay, delay_arg, "delay");
		ferry::codec::put_text(out, w.text, text_arg, "text");
	}

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get_text(in, w.out, v);
	}
};

struct timer_schedule {
	static constexpr const char *name = "timer.schedule";
	static constexpr std::uint32_t method = 4;
	using in_block = wire::timer_schedule_in;
	using out_block = void;
	using result = void;

	static const ferry::error_domain *
	domain()
	{
		return &ferry_error_domain(ferry::timer::error{});
	}

	const ferry::timer::rhythm &rhythm_arg;

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
		ferry::codec::put_pointer<ferry::timer::wire::rhythm>(out,
		    w.rhythm, rhythm_arg, "rhythm");
	}
};

struct timer_on_tick {
	static constexpr const char *name = "timer.on_tick";
	static constexpr std::uint32_t method = 0;
	using in_block = void;
	using out_block = wire::timer_on_tick_out;
	using result = ferry::timer::on_tick_event;

	static const ferry::error_domain *
	domain()
	{
		return nullptr;
	}


	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
		ferry::codec::get(in, w.number, v.number);
	}
};

} /* namespace calls */

inline ferry::result<ferry::timer::timer>
timer::try_open(const ferry::open_options &options)
{
	ferry::result<void> fits = package_fits();
	if (!fits)
		return fits.error();
	ferry::result<ferry_context> opened = open_context(
	    *timer_ferry(),
	    calls::timer_open{}, options);
	if (!opened)
		return opened.error();
	return ferry::timer::timer(*opened);
}

#if FERRY_EXCEPTIONS
inline ferry::timer::timer
timer::open(const ferry::open_options &options)
{
	return try_open(options).value();
}
#endif

inline ferry::result<ferry::timer::timer>
timer::try_borrow(ferry_context theirs)
{
	ferry::result<void> fits = package_fits();
	if (fits)
		fits = ferry::check_context(
		    layout::package, 0, theirs);
	if (!fits)
		return fits.error();
	return ferry::timer::timer(theirs, true);
}

#if FERRY_EXCEPTIONS
inline ferry::timer::timer
timer::borrow(ferry_context theirs)
{
	return try_borrow(theirs).value();
}
#endif

inline ferry::result<std::string>
timer::try_echo(std::string_view text, const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::timer_echo{text}, options);
}

inline ferry::pending<std::string>
timer::echo_async(std::string_view text,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::timer_echo{text}, options);
}

#if FERRY_EXCEPTIONS
inline std::string
timer::echo(std::string_view text, const ferry::call_options &options) const
{
	return try_echo(text, options).value();
}

inline std::future<std::string>
timer::echo_future(std::string_view text,
    const ferry::call_options &options) const
{
	return echo_async(text, options).future();
}
#endif

inline ferry::result<std::string>
timer::try_after(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::timer_after{delay, text}, options);
}

inline ferry::pending<std::string>
timer::after_async(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::timer_after{delay, text}, options);
}

#if FERRY_EXCEPTIONS
inline std::string
timer::after(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return try_after(delay, text, options).value();
}

inline std::future<std::string>
timer::after_future(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return after_async(delay, text, options).future();
}
#endif

inline ferry::result<std::string>
timer::try_delay(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::timer_delay{delay, text}, options);
}

inline ferry::pending<std::string>
timer::delay_async(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::timer_delay{delay, text}, options);
}

#if FERRY_EXCEPTIONS
inline std::string
timer::delay(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return try_delay(delay, text, options).value();
}

inline std::future<std::string>
timer::delay_future(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return delay_async(delay, text, options).future();
}
#endif

inline ferry::result<std::string>
timer::try_hold(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::timer_hold{delay, text}, options);
}

inline ferry::pending<std::string>
timer::hold_async(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::timer_hold{delay, text}, options);
}

#if FERRY_EXCEPTIONS
inline std::string
timer::hold(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return try_hold(delay, text, options).value();
}

inline std::future<std::string>
timer::hold_future(std::chrono::milliseconds delay, std::string_view text,
    const ferry::call_options &options) const
{
	return hold_async(delay, text, options).future();
}
#endif

inline ferry::result<void>
timer::try_schedule(const ferry::timer::rhythm &rhythm,
    const ferry::call_options &options) const
{
	return ferry::call_now(native_handle(),
	    calls::timer_schedule{rhythm}, options);
}

inline ferry::pending<void>
timer::schedule_async(const ferry::timer::rhythm &rhythm,
    const ferry::call_options &options) const
{
	return ferry::call_later(native_handle(),
	    calls::timer_schedule{rhythm}, options);
}

#if FERRY_EXCEPTIONS
inline void
timer::schedule(const ferry::timer::rhythm &rhythm,
    const ferry::call_options &options) const
{
	return try_schedule(rhythm, options).value();
}

inline std::future<void>
timer::schedule_future(const ferry::timer::rhythm &rhythm,
    const ferry::call_options &options) const
{
	return schedule_async(rhythm, options).future();
}
#endif

template <typename F>
ferry::result<ferry::listener>
timer::try_on_tick(F function) const
{
	return ferry::listen<calls::timer_on_tick>(
	    native_handle(), std::move(function));
}

inline ferry::result<ferry::stream<calls::timer_on_tick>>
timer::try_on_tick_stream(ferry::loop &loop, std::size_t capacity) const
{
	return ferry::open_stream<calls::timer_on_tick>(
	    native_handle(), loop, capacity);
}

#if FERRY_EXCEPTIONS
template <typename F>
ferry::listener
timer::on_tick(F function) const
{
	return try_on_tick(std::move(function)).value();
}

inline ferry::stream<calls::timer_on_tick>
timer::on_tick_stream(ferry::loop &loop, std::size_t capacity) const
{
	return try_on_tick_stream(loop, capacity).value();
}
#endif

} /* namespace ferry::timer */

#endif
