/*
 * What a call came to: a value or an error. The layer without exceptions, and
 * the one with them above it.
 *
 *	ferry::result<int> r = zoo.try_jump(3);
 *	if (!r)
 *		report(r.error().message());
 *	int height = zoo.jump(3); the same, throws
 *
 * Built with -fno-exceptions, value() of an error ends the process, and the
 * functions that throw are not there.
 */
#ifndef FERRY_RESULT_HPP
#define FERRY_RESULT_HPP

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <ferry/ferry.h>

#if defined(__cpp_exceptions)
#define FERRY_EXCEPTIONS 1
#include <stdexcept>
#else
#define FERRY_EXCEPTIONS 0
#endif

namespace ferry {

class error;

/* What the positive statuses of a function mean: an error enum of a library. */
struct error_domain {
	const char *name;
	const char *(*text)(int status); /* or nullptr */
	void (*raise)(const error &);    /* throws, or returns */
};

/* Why a call failed. */
class error {
public:
	/* Ferry's (negative, FERRY_E…) or the library's own (positive). */
	int status = 0;
	/* What the library said, or nothing. */
	std::string text;
	const error_domain *domain = nullptr;

	/* The library's words, or those for the status. Never empty. */
	std::string
	message() const
	{
		if (!text.empty())
			return text;
		if (status <= 0)
			return ferry_error_text(status);
		const char *said =
		    domain && domain->text ? domain->text(status) : nullptr;
		return said ? said : "error " + std::to_string(status);
	}

	/* Whether it is this one, of a library's error enum. */
	template <typename Enum>
		requires std::is_enum_v<Enum>
	bool
	is(Enum value) const
	{
		return domain == &ferry_error_domain(value) &&
		    status == static_cast<int>(value);
	}

	template <typename Enum>
		requires std::is_enum_v<Enum>
	friend bool
	operator==(const error &e, Enum value)
	{
		return e.is(value);
	}

	/* Throws what stands for this error. */
	[[noreturn]] void raise() const;
};

#if FERRY_EXCEPTIONS

/* Every failed call. Libraries derive their own from it. */
class exception : public std::runtime_error {
public:
	explicit exception(ferry::error e)
	    : std::runtime_error(e.message()), error_(std::move(e))
	{
	}

	const ferry::error &
	error() const noexcept
	{
		return error_;
	}

	int
	status() const noexcept
	{
		return error_.status;
	}

private:
	ferry::error error_;
};

/* The call was cancelled: by a stop_token, or its context's close. */
class canceled_error : public exception {
	using exception::exception;
};

/* The deadline or the timeout passed. */
class deadline_error : public exception {
	using exception::exception;
};

/* What it was called on has been closed. */
class closed_error : public exception {
	using exception::exception;
};

/* What it was called on is from before a fork. */
class forked_error : public exception {
	using exception::exception;
};

/* An argument cannot be right. */
class invalid_error : public exception {
	using exception::exception;
};

/* This package and the loaded library do not belong together. */
class version_error : public exception {
	using exception::exception;
};

#endif

inline void
error::raise() const
{
#if FERRY_EXCEPTIONS
	if (status > 0 && domain && domain->raise)
		domain->raise(*this);
	switch (status) {
	case FERRY_ECANCELED:
		throw canceled_error(*this);
	case FERRY_EDEADLINE:
	case FERRY_ETIMEDOUT:
		throw deadline_error(*this);
	case FERRY_ECLOSED:
	case FERRY_ESTALE:
	case FERRY_EQUIESCED:
		throw closed_error(*this);
	case FERRY_EFORKED:
		throw forked_error(*this);
	case FERRY_EINVAL:
		throw invalid_error(*this);
	case FERRY_EABI:
		throw version_error(*this);
	default:
		throw exception(*this);
	}
#else
	std::fprintf(stderr, "ferry: value() of an error: %s\n",
	    message().c_str());
	std::abort();
#endif
}

/* A value, or why there is none. */
template <typename T>
class [[nodiscard]] result {
public:
	using value_type = T;

	result(T value) : it_(std::in_place_index<0>, std::move(value))
	{
	}

	result(ferry::error e) : it_(std::in_place_index<1>, std::move(e))
	{
	}

	bool
	has_value() const noexcept
	{
		return it_.index() == 0;
	}

	explicit
	operator bool() const noexcept
	{
		return has_value();
	}

	/* Of a result that has one. */
	T &
	operator*() & noexcept
	{
		return *std::get_if<0>(&it_);
	}

	const T &
	operator*() const & noexcept
	{
		return *std::get_if<0>(&it_);
	}

	T &&
	operator*() && noexcept
	{
		return std::move(*std::get_if<0>(&it_));
	}

	T *
	operator->() noexcept
	{
		return std::get_if<0>(&it_);
	}

	const T *
	operator->() const noexcept
	{
		return std::get_if<0>(&it_);
	}

	/* Of a result that has none. */
	const ferry::error &
	error() const noexcept
	{
		return *std::get_if<1>(&it_);
	}

	/* The value; throws if there is none. */
	T &
	value() &
	{
		if (!has_value())
			error().raise();
		return **this;
	}

	const T &
	value() const &
	{
		if (!has_value())
			error().raise();
		return **this;
	}

	T &&
	value() &&
	{
		if (!has_value())
			error().raise();
		return *std::move(*this);
	}

	template <typename U>
	T
	value_or(U &&other) &&
	{
		return has_value() ? *std::move(*this)
				   : static_cast<T>(std::forward<U>(other));
	}

	/* f(value), which returns a result; or the same error. */
	template <typename F>
	auto
	and_then(F &&f) && -> std::invoke_result_t<F, T &&>
	{
		if (!has_value())
			return error();
		return std::forward<F>(f)(*std::move(*this));
	}

	/* A result of f(value); or the same error. */
	template <typename F>
	auto
	transform(F &&f) && -> result<std::invoke_result_t<F, T &&>>
	{
		if (!has_value())
			return error();
		return std::forward<F>(f)(*std::move(*this));
	}

private:
	std::variant<T, ferry::error> it_;
};

template <>
class [[nodiscard]] result<void> {
public:
	using value_type = void;

	result() = default;

	result(ferry::error e) : error_(std::move(e))
	{
	}

	bool
	has_value() const noexcept
	{
		return !error_;
	}

	explicit
	operator bool() const noexcept
	{
		return has_value();
	}

	const ferry::error &
	error() const noexcept
	{
		return *error_;
	}

	void
	value() const
	{
		if (error_)
			error_->raise();
	}

private:
	std::optional<ferry::error> error_;
};

/* One of Ferry's own errors, and what it is about. */
inline error
failure(int status, std::string text = {})
{
	return error{ status, std::move(text), nullptr };
}

} /* namespace ferry */

#endif
