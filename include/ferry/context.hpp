/*
 * What the classes of a library are made of: a context, which a root object
 * is, and handles, which the others are. Both may be moved and not copied, both
 * may be used by any thread, and both keep nothing alive but what they own: a
 * handle whose context is closed is answered FERRY_ESTALE or FERRY_ECLOSED.
 */
#ifndef FERRY_CONTEXT_HPP
#define FERRY_CONTEXT_HPP

#include <array>
#include <chrono>
#include <utility>

#include <ferry/call.hpp>
#include <ferry/package.hpp>

namespace ferry {

/* ferry_context_options, for ferry_package.open. */
struct open_options : ferry_context_options {
	open_options() : ferry_context_options{}
	{
		struct_size = sizeof(ferry_context_options);
	}
};

struct close_options {
	std::uint32_t mode = FERRY_CLOSE_DRAIN;
	/* Then everything is abandoned; none waits for ever. */
	std::optional<std::chrono::milliseconds> timeout{};
};

class context {
public:
	context() = default;

	context(context &&other) noexcept
	    : token_(std::exchange(other.token_, 0)),
	      borrowed_(other.borrowed_)
	{
	}

	context &
	operator=(context &&other) noexcept
	{
		if (this != &other) {
			drop();
			token_ = std::exchange(other.token_, 0);
			borrowed_ = other.borrowed_;
		}
		return *this;
	}

	/*
	 * Cancels what is queued and what runs, and waits up to a second for
	 * it; what has not ended then is abandoned, and its callers are
	 * answered FERRY_ECLOSED. In a forked child, and to a context that is
	 * borrowed, it does nothing.
	 */
	~context()
	{
		drop();
	}

	/*
	 * Closes: waits for what is queued and what runs, unless the options
	 * say otherwise. FERRY_EBUSY: something still runs; all its callers
	 * have been answered, and closing again waits for it.
	 */
	result<void>
	try_close(const close_options &options = {})
	{
		ferry_close_options raw{};
		raw.struct_size = sizeof raw;
		raw.mode = options.mode;
		/* 0 would be for ever. */
		if (options.timeout)
			raw.timeout_ms = std::max<std::int64_t>(
			    options.timeout->count(), 1);
		int r = ferry_context_close(token_, &raw, nullptr);
		if (r != FERRY_OK)
			return failure(r);
		token_ = 0;
		return {};
	}

#if FERRY_EXCEPTIONS
	void
	close(const close_options &options = {})
	{
		try_close(options).value();
	}
#endif

	/* Whether it has been closed, or moved from. */
	explicit
	operator bool() const noexcept
	{
		return token_ != 0;
	}

	/* For <ferry/ferry.h>: counters, health, the watchdog. */
	ferry_context
	native_handle() const noexcept
	{
		return token_;
	}

protected:
	explicit context(ferry_context token, bool borrowed = false)
	    : token_(token), borrowed_(borrowed)
	{
	}

	/* A constructor of the library's: Call says which, and of which
	 * root. */
	template <typename Call>
	static result<ferry_context>
	open_context(const ferry_package &package, const Call &call,
	    const open_options &options)
	{
		detail::request_block block;
		ferry_context token = 0;
		std::array<char, 512> text{};
		if (std::optional<error> e = block.fill(call))
			return *std::move(e);
		int r = package.open(&token,
		    root_number(package, Call::root), Call::method,
		    block.data(), block.size(), &options, text.data(),
		    text.size());
		if (r == FERRY_OK)
			return token;
		return detail::failed_call(r, text.data(), text.size(),
		    r > 0 ? Call::domain() : nullptr);
	}

private:
	void
	drop() noexcept
	{
		ferry_close_options raw{};
		raw.struct_size = sizeof raw;
		raw.mode = FERRY_CLOSE_CANCEL;
		raw.timeout_ms = 1000;
		if (token_ != 0 && !borrowed_)
			ferry_context_close(token_, &raw, nullptr);
		token_ = 0;
	}

	ferry_context token_ = 0;
	bool borrowed_ = false; /* whoever has opened it closes it */
};

class handle {
public:
	handle() = default;

	handle(ferry_context context, ferry_handle token)
	    : context_(context), token_(token)
	{
	}

	handle(handle &&other) noexcept
	    : context_(other.context_), token_(std::exchange(other.token_, 0))
	{
	}

	handle &
	operator=(handle &&other) noexcept
	{
		if (this != &other) {
			drop();
			context_ = other.context_;
			token_ = std::exchange(other.token_, 0);
		}
		return *this;
	}

	/* The object is destroyed later, on the library's thread. Never
	 * blocks. */
	~handle()
	{
		drop();
	}

	explicit
	operator bool() const noexcept
	{
		return token_ != 0;
	}

	ferry_handle
	native_handle() const noexcept
	{
		return token_;
	}

protected:
	ferry_context
	owner() const noexcept
	{
		return context_;
	}

	/* It has been destroyed by a call. */
	void
	forget() noexcept
	{
		token_ = 0;
	}

private:
	/* FERRY_ESTALE, where its context was closed first, and FERRY_EFORKED
	 * say that there is nothing left to do. */
	void
	drop() noexcept
	{
		if (token_ != 0)
			ferry_handle_release(token_);
		token_ = 0;
	}

	ferry_context context_ = 0;
	ferry_handle token_ = 0;
};

} /* namespace ferry */

#endif
