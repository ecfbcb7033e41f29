/*
 * Calls: options, the block of a request, and the call that waits.
 *
 * What is generated describes a call by a type, here Call, which holds the
 * arguments:
 *	Call::name, Call::method   for messages; the number
 *	Call::in_block, out_block  structs in the blocks; void: there is none
 *	Call::result               what the caller gets, or void
 *	Call::domain()             of its positive statuses, or nullptr
 *	call.put(writer, in)
 *	Call::get(reader, out, result)
 */
#ifndef FERRY_CALL_HPP
#define FERRY_CALL_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>

#include <ferry/codec.hpp>
#include <ferry/package.h>

namespace ferry {

class loop;

struct call_options {
	/*
	 * When the answer is of no use any more. A call that has not started
	 * then never does, one that runs is cancelled, and the caller gets
	 * FERRY_EDEADLINE: who waits here, or in a loop, at once; a future when
	 * the call has ended. Of two, the earlier counts.
	 */
	std::optional<std::chrono::steady_clock::time_point> deadline{};
	std::optional<std::chrono::nanoseconds> timeout{};
	/* Calls of one lane start in their order; 0 is the calling thread. */
	std::uint64_t lane = 0;
	/* Cancels the request; the answer tells whether it came too late. */
	std::stop_token stop{};
	/* Where co_await goes on; nullptr: loop::current(). */
	ferry::loop *loop = nullptr;
};

namespace detail {

/* In nanoseconds of ferry_clock_ns(); 0: none. */
inline std::uint64_t
deadline_ns(const call_options &options)
{
	using std::chrono::nanoseconds;
	if (!options.deadline && !options.timeout)
		return 0;
	nanoseconds left = nanoseconds::max();
	if (options.timeout)
		left = *options.timeout;
	if (options.deadline) {
		auto here = std::chrono::steady_clock::now();
		/* What is long past may be too far away to subtract. */
		left = *options.deadline <= here
		    ? nanoseconds::zero()
		    : std::min<nanoseconds>(left, *options.deadline - here);
	}
	std::uint64_t now = ferry_clock_ns();
	if (left.count() <= 0)
		return 1; /* passed long ago */
	return now + static_cast<std::uint64_t>(left.count());
}

/* Rounded up: a wait that ends early would find that it has not passed. */
inline std::int64_t
milliseconds_until(std::uint64_t deadline)
{
	std::uint64_t now = ferry_clock_ns();
	if (deadline <= now)
		return 0;
	return static_cast<std::int64_t>((deadline - now + 999999) / 1000000);
}

inline void
free_block(void *block, void *)
{
	std::free(block);
}

struct block_deleter {
	void
	operator()(void *block) const noexcept
	{
		ferry_block_release(block);
	}
};

/* The arguments of one request. Few bytes are copied by the submit, and stay
 * here until then; many are given to it. */
class request_block {
public:
	request_block() = default;

	request_block(request_block &&other) noexcept
	    : size_(std::exchange(other.size_, 0)),
	      large_(std::exchange(other.large_, nullptr))
	{
		if (!large_)
			std::memcpy(small_, other.small_, size_);
	}

	request_block &operator=(request_block &&) = delete;

	~request_block()
	{
		std::free(large_);
	}

	template <typename Call>
	std::optional<error>
	fill(const Call &call)
	{
		if constexpr (!std::is_void_v<typename Call::in_block>) {
			using wire_type = typename Call::in_block;
			wire_type wire = zeroed<wire_type>();
			block_writer size;
			size.take(1, sizeof wire, alignof(wire_type));
			call.put(size, wire);
			if (size.failed())
				return size.why(Call::name);
			void *to = room(size.used());
			if (!to)
				return failure(FERRY_ENOMEM);
			block_writer out(to);
			out.take(1, sizeof wire, alignof(wire_type));
			if (size.used() > sizeof wire)
				call.put(out, wire);
			out.store(0, &wire, sizeof wire);
		}
		return {};
	}

	const void *
	data() const noexcept
	{
		return large_ ? large_ : size_ > 0 ? small_ : nullptr;
	}

	std::size_t
	size() const noexcept
	{
		return size_;
	}

	/* What a submit has to know about the memory … */
	void
	describe(ferry_request_options &options) const noexcept
	{
		if (large_) {
			options.flags |= FERRY_REQUEST_ADOPT;
			options.free = free_block;
		}
	}

	bool
	is_given() const noexcept
	{
		return large_ != nullptr;
	}

	/* … and has done with it, if it was accepted. */
	void
	submitted() noexcept
	{
		large_ = nullptr;
		size_ = 0;
	}

private:
	void *
	room(std::size_t size)
	{
		if (size > sizeof small_) {
			large_ = std::calloc(1, size);
			size_ = large_ ? size : 0;
			return large_;
		}
		std::memset(small_, 0, size);
		size_ = size;
		return small_;
	}

	std::size_t size_ = 0;
	void *large_ = nullptr;
	alignas(16) unsigned char small_[256];
};

inline error
failed_call(int status, const void *data, std::size_t size,
    const error_domain *domain)
{
	const char *text = static_cast<const char *>(data);
	error e{ status, {}, domain };
	if (text && size > 0)
		e.text.assign(text, strnlen(text, size));
	return e;
}

/* What a reply says. */
template <typename Call>
result<typename Call::result>
decode(ferry_context context, int status, const void *data, std::size_t size)
{
	using value = typename Call::result;
	if (status != FERRY_OK)
		return failed_call(status, data, size, Call::domain());
	if constexpr (std::is_void_v<value>) {
		return {};
	} else if constexpr (std::is_void_v<typename Call::out_block>) {
		return value{}; /* an event without data */
	} else {
		block_reader in(data, size, context);
		typename Call::out_block wire{};
		value answer{};
		if (in.load(wire, 0))
			Call::get(in, wire, answer);
		if (in.failed())
			return failure(FERRY_EINVAL, std::string(Call::name) +
				": its answer cannot be right");
		return answer;
	}
}

/* Of an object that is none: no context has the token 0. */
inline error
nothing_there()
{
	return failure(FERRY_ECLOSED, "it has been closed, or moved from");
}

struct canceller {
	ferry_request request;

	void
	operator()() const noexcept
	{
		ferry_request_cancel(request);
	}
};

/* Ferry's own text is of those that were never started. */
inline constexpr char too_late[] =
    "the deadline passed before there was an answer";

/* A deadline passed while its request was running. */
inline error
gave_up(ferry_request request)
{
	ferry_request_cancel(request);
	ferry_request_release(request);
	return failure(FERRY_EDEADLINE, too_late);
}

/* Whether it says to who set a deadline that this has passed: a call that had
 * begun was cancelled then. */
inline bool
is_late(int status, std::uint64_t deadline)
{
	return status == FERRY_ECANCELED && deadline != 0 &&
	    ferry_clock_ns() >= deadline;
}

/* Waits, through signals, until there is a reply or the deadline passes. */
inline int
wait(ferry_reply &reply, ferry_request request, std::uint64_t deadline)
{
	int r;
	do {
		r = ferry_request_wait(&reply, request,
		    deadline ? milliseconds_until(deadline) : -1);
	} while (r == FERRY_EINTR ||
	    (r == FERRY_ETIMEDOUT && ferry_clock_ns() < deadline));
	return r;
}

/* A call that somebody may stop: the token has to be known to both. */
inline int
invoke_stoppable(ferry_reply &reply, ferry_request &request,
    ferry_context context, std::uint32_t method, request_block &block,
    const ferry_request_options &raw, const call_options &options)
{
	if (options.stop.stop_requested())
		return FERRY_ECANCELED;
	int r = ferry_request_submit(&request, context, method, block.data(),
	    block.size(), &raw);
	if (r != FERRY_OK)
		return r;
	block.submitted();
	std::stop_callback stop(options.stop, canceller{ request });
	return wait(reply, request, raw.deadline_ns);
}

inline std::optional<error>
invoke(ferry_reply &reply, ferry_context context, std::uint32_t method,
    request_block &block, const call_options &options)
{
	ferry_request_options raw{};
	ferry_request request = 0;
	raw.struct_size = sizeof raw;
	raw.lane = options.lane;
	raw.deadline_ns = deadline_ns(options);
	block.describe(raw);
	int r;
	if (options.stop.stop_possible()) {
		r = invoke_stoppable(reply, request, context, method, block,
		    raw, options);
	} else {
		bool usual = raw.lane == 0 && raw.deadline_ns == 0 &&
		    !block.is_given();
		r = ferry_request_invoke(&reply, &request, context, method,
		    block.data(), block.size(), usual ? nullptr : &raw,
		    raw.deadline_ns ? milliseconds_until(raw.deadline_ns) : -1);
		if (r == FERRY_OK || request != 0)
			block.submitted();
		if (request != 0 && (r == FERRY_EINTR || r == FERRY_ETIMEDOUT))
			r = wait(reply, request, raw.deadline_ns);
	}
	if (r == FERRY_OK && is_late(reply.status, raw.deadline_ns)) {
		ferry_block_release(reply.data);
		return failure(FERRY_EDEADLINE, too_late);
	}
	if (r == FERRY_OK)
		return {};
	return r == FERRY_ETIMEDOUT ? gave_up(request) : failure(r);
}

} /* namespace detail */

/* A call that waits for its answer. */
template <typename Call>
result<typename Call::result>
call_now(ferry_context context, const Call &call, const call_options &options)
{
	detail::request_block block;
	ferry_reply reply{};
	if (context == 0)
		return detail::nothing_there();
	if (std::optional<error> e = block.fill(call))
		return *std::move(e);
	if (std::optional<error> e = detail::invoke(reply, context,
		Call::method, block, options))
		return *std::move(e);
	std::unique_ptr<void, detail::block_deleter> data(reply.data);
	return detail::decode<Call>(context, reply.status, reply.data,
	    reply.size);
}

/* A function that needs no context. */
template <typename Call>
result<typename Call::result>
call_direct(const ferry_package &package, const Call &call)
{
	detail::request_block block;
	void *out = nullptr;
	std::size_t size = 0;
	if (std::optional<error> e = block.fill(call))
		return *std::move(e);
	int r = package.call(&out, &size, Call::method, block.data(),
	    block.size());
	std::unique_ptr<void, detail::block_deleter> data(out);
	return detail::decode<Call>(0, r, out, size);
}

} /* namespace ferry */

#endif
