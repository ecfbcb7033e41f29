/*
 * How one field stands in a block. What is written for each library says only
 * which of these a field is; a record has a ferry_put() and a ferry_get(),
 * found by the namespace of its struct in the block.
 */
#ifndef FERRY_CODEC_HPP
#define FERRY_CODEC_HPP

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <ferry/block.hpp>
#include <ferry/types.hpp>

namespace ferry::codec {

/* ---------------------------------------------------------- single values */

template <typename T>
inline constexpr bool is_duration = false;
template <typename Rep, typename Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <typename T>
inline constexpr bool is_time = false;
template <typename Clock, typename Duration>
inline constexpr bool is_time<std::chrono::time_point<Clock, Duration>> = true;

inline void
put_text(block_writer &out, offset &wire, std::string_view text,
    const char *name)
{
	if (!text.empty() && std::memchr(text.data(), 0, text.size()))
		out.fail(name, "has a zero byte in it");
	std::size_t at = out.take(text.size() + 1, 1, 1);
	out.store(at, text.data(), text.size());
	out.store(at + text.size(), "", 1);
	wire = at;
}

inline void
get_text(block_reader &in, const offset &wire, std::string &text)
{
	std::size_t size = wire ? in.text(wire) : (in.fail(), 0);
	const unsigned char *from = in.look(wire, size, 1);
	if (from)
		text.assign(reinterpret_cast<const char *>(from), size);
}

template <typename Wire, typename T>
void
put(block_writer &out, Wire &wire, const T &value, const char *name)
{
	if constexpr (is_time<T>) {
		put(out, wire, value.time_since_epoch(), name);
	} else if constexpr (is_duration<T>) {
		if constexpr (std::is_integral_v<Wire>) {
			if (!std::in_range<Wire>(value.count()))
				out.fail(name, "is out of its range");
		}
		wire = static_cast<Wire>(value.count());
	} else if constexpr (std::is_arithmetic_v<T>) {
		wire = static_cast<Wire>(value);
	} else if constexpr (std::is_enum_v<T>) {
		/* In C it may be an integer of any size. */
		wire = static_cast<Wire>(value);
		if (static_cast<T>(wire) != value)
			out.fail(name, "is out of its range");
	} else if constexpr (std::is_convertible_v<T, std::string_view>) {
		put_text(out, wire, value, name);
	} else {
		ferry_put(out, wire, value);
	}
}

template <typename Wire, typename T>
void
get(block_reader &in, const Wire &wire, T &value)
{
	if constexpr (is_time<T>) {
		typename T::duration since{};
		get(in, wire, since);
		value = T(since);
	} else if constexpr (is_duration<T>) {
		value = T(static_cast<typename T::rep>(wire));
	} else if constexpr (std::is_same_v<T, bool>) {
		value = wire != 0;
	} else if constexpr (std::is_arithmetic_v<T>) {
		value = static_cast<T>(wire);
	} else if constexpr (std::is_enum_v<T>) {
		value = static_cast<T>(wire);
		if (static_cast<Wire>(value) != wire)
			in.fail();
	} else if constexpr (std::is_same_v<T, std::string>) {
		get_text(in, wire, value);
	} else {
		ferry_get(in, wire, value);
	}
}

/* A pointer to one. */
template <typename Wire, typename T>
void
put_pointer(block_writer &out, offset &wire, const T &value, const char *name)
{
	std::size_t at = out.take(1, sizeof(Wire), alignof(Wire));
	Wire there = zeroed<Wire>();
	put(out, there, value, name);
	out.store(at, &there, sizeof there);
	wire = at;
}

template <typename Wire, typename T>
void
get_pointer(block_reader &in, const offset &wire, T &value)
{
	Wire there{};
	if (wire == 0)
		in.fail();
	else if (in.load(there, wire))
		get(in, there, value);
}

/* ----------------------------------------------------- pointer and length */

template <typename Length>
void
put_length(block_writer &out, Length &wire, std::size_t n, const char *name)
{
	if (!std::in_range<Length>(n))
		out.fail(name, "has more elements than its length can say");
	wire = static_cast<Length>(n);
}

/* A length in a block; one that cannot be right is 0. */
template <typename Length>
std::size_t
length(block_reader &in, const Length &wire)
{
	if (std::in_range<std::size_t>(wire))
		return static_cast<std::size_t>(wire);
	in.fail();
	return 0;
}

template <typename Length>
void
put_counted(block_writer &out, offset &wire, Length &count,
    std::string_view text, const char *name)
{
	put_length(out, count, text.size(), name);
	std::size_t at = out.take(text.size() + 1, 1, 1);
	out.store(at, text.data(), text.size());
	out.store(at + text.size(), "", 1);
	wire = at;
}

template <typename Length>
void
put_bytes(block_writer &out, offset &wire, Length &count,
    std::span<const std::uint8_t> bytes, const char *name)
{
	put_length(out, count, bytes.size(), name);
	std::size_t at = out.take(bytes.size(), 1, 1);
	out.store(at, bytes.data(), bytes.size());
	wire = at;
}

/* Text with a length, or bytes. */
template <typename Length, typename T>
void
get_bytes(block_reader &in, const offset &wire, const Length &count, T &bytes)
{
	using element = typename T::value_type;
	std::size_t n = length(in, count);
	const unsigned char *from =
	    wire || n == 0 ? in.look(wire, n, 1) : (in.fail(), nullptr);
	if (!from)
		return;
	const element *first = reinterpret_cast<const element *>(from);
	bytes.assign(first, first + n);
}

/* Whether an array is the same bytes on both sides. */
template <typename Wire, typename T>
inline constexpr bool is_plain = sizeof(Wire) == sizeof(T) &&
    !std::is_same_v<T, bool> &&
    (std::is_arithmetic_v<T> || std::is_enum_v<T>) &&
    std::is_arithmetic_v<Wire>;

template <typename Wire, typename Range>
void
put_elements(block_writer &out, std::size_t at, const Range &values,
    const char *name)
{
	using element = std::remove_cvref_t<decltype(*values.begin())>;
	if constexpr (is_plain<Wire, element>) {
		out.store(at, values.data(), values.size() * sizeof(Wire));
	} else {
		for (const auto &value : values) {
			Wire there = zeroed<Wire>();
			put(out, there, value, name);
			out.store(at, &there, sizeof there);
			at += sizeof there;
		}
	}
}

template <typename Wire, typename Length, typename Range>
void
put_array(block_writer &out, offset &wire, Length &count, const Range &values,
    const char *name)
{
	std::size_t n = values.size();
	put_length(out, count, n, name);
	std::size_t at = out.take(n, sizeof(Wire), alignof(Wire));
	put_elements<Wire>(out, at, values, name);
	wire = at;
}

template <typename Wire, typename Length, typename T>
void
get_array(block_reader &in, const offset &wire, const Length &count,
    std::vector<T> &values)
{
	std::size_t n = length(in, count);
	const unsigned char *from = wire || n == 0
	    ? in.look(wire, n, sizeof(Wire))
	    : (in.fail(), nullptr);
	values.clear();
	if (!from)
		return;
	if constexpr (is_plain<Wire, T>) {
		values.resize(n);
		if (n > 0)
			std::memcpy(values.data(), from, n * sizeof(T));
	} else {
		values.reserve(n);
		for (std::size_t i = 0; i < n && !in.failed(); i++) {
			Wire there{};
			T value{};
			std::memcpy(&there, from + i * sizeof there,
			    sizeof there);
			get(in, there, value);
			values.push_back(std::move(value));
		}
	}
}

/* ------------------------------------------------------- inside a struct */

template <std::size_t N>
void
put_fixed_text(block_writer &out, char (&wire)[N], std::string_view text,
    const char *name)
{
	if (text.size() >= N)
		out.fail(name, "is too long");
	else if (!text.empty() && std::memchr(text.data(), 0, text.size()))
		out.fail(name, "has a zero byte in it");
	else if (!text.empty())
		std::memcpy(wire, text.data(), text.size());
}

template <std::size_t N>
void
get_fixed_text(block_reader &in, const char (&wire)[N], std::string &text)
{
	const void *end = std::memchr(wire, 0, N);
	if (end)
		text.assign(wire, static_cast<const char *>(end));
	else
		in.fail();
}

template <typename Wire, std::size_t N, typename T>
void
put_fixed(block_writer &out, Wire (&wire)[N], const std::array<T, N> &values,
    const char *name)
{
	for (std::size_t i = 0; i < N; i++)
		put(out, wire[i], values[i], name);
}

template <typename Wire, std::size_t N, typename T>
void
get_fixed(block_reader &in, const Wire (&wire)[N], std::array<T, N> &values)
{
	for (std::size_t i = 0; i < N; i++)
		get(in, wire[i], values[i]);
}

} /* namespace ferry::codec */

#endif
