/*
 * Events. A listener hears them on Ferry's event thread; a stream is asked for
 * them in a loop. Either ends with its object, and with its context.
 */
#ifndef FERRY_EVENT_HPP
#define FERRY_EVENT_HPP

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include <ferry/loop.hpp>

namespace ferry {

namespace detail {

/* `Event` describes an event as Call does a call. */
template <typename Event>
result<typename Event::result>
decode_event(ferry_context context, const void *data, std::size_t size)
{
	return decode<Event>(context, FERRY_OK, data, size);
}

struct listening {
	virtual ~listening() = default;
	virtual void hear(ferry_context context, const void *data,
	    std::size_t size, std::uint64_t dropped) = 0;

	void
	failed(error why)
	{
		std::lock_guard lock(mutex);
		failure = std::move(why);
	}

	std::mutex mutex;
	std::optional<error> failure;
};

template <typename Event>
struct listening_to final : listening {
	using function =
	    std::function<void(const typename Event::result &, std::uint64_t)>;

	explicit listening_to(function f) : hears(std::move(f))
	{
	}

	void
	hear(ferry_context context, const void *data, std::size_t size,
	    std::uint64_t dropped) override
	{
		auto event = decode_event<Event>(context, data, size);
		if (event)
			hears(*event, dropped);
		else
			failed(event.error());
	}

	function hears;
};

using held = std::shared_ptr<listening>;

/* On the event thread; nothing may be thrown into it. */
inline void
hear(ferry_context context, std::uint32_t, const void *data, std::size_t size,
    std::uint64_t dropped, void *user)
{
	const held &it = *static_cast<held *>(user);
#if FERRY_EXCEPTIONS
	try {
		it->hear(context, data, size, dropped);
	} catch (const std::exception &e) {
		it->failed(failure(FERRY_EINVAL, e.what()));
	} catch (...) {
		it->failed(failure(FERRY_EINVAL, "no std::exception"));
	}
#else
	it->hear(context, data, size, dropped);
#endif
}

inline void
gone(void *user)
{
	delete static_cast<held *>(user);
}

} /* namespace detail */

/* As long as it lives, a function hears events. */
class listener {
public:
	listener() = default;

	listener(ferry_listener token, detail::held it)
	    : token_(token), it_(std::move(it))
	{
	}

	listener(listener &&other) noexcept
	    : token_(std::exchange(other.token_, 0)), it_(std::move(other.it_))
	{
	}

	listener &
	operator=(listener &&other) noexcept
	{
		if (this != &other) {
			remove();
			token_ = std::exchange(other.token_, 0);
			it_ = std::move(other.it_);
		}
		return *this;
	}

	~listener()
	{
		remove();
	}

	/* Afterwards the function does not run and never will; but where it is
	 * the function itself, or another of Ferry's threads, that removes:
	 * then it is not called again. */
	void
	remove() noexcept
	{
		if (token_ == 0)
			return;
		int r;
		do {
			r = ferry_listener_remove_wait(token_, -1);
		} while (r == FERRY_EINTR);
		if (r == FERRY_EREENTRANT)
			ferry_listener_remove(token_);
		token_ = 0;
	}

	/* What the function threw last, or what could not be read. */
	std::optional<error>
	failure() const
	{
		if (!it_)
			return {};
		std::lock_guard lock(it_->mutex);
		return it_->failure;
	}

	explicit
	operator bool() const noexcept
	{
		return token_ != 0;
	}

private:
	ferry_listener token_ = 0;
	detail::held it_;
};

/* f(event) or f(event, dropped): how many overflow has kept from it since the
 * one before. */
template <typename Event, typename F>
result<listener>
listen(ferry_context context, F f)
{
	using value = typename Event::result;
	using it = detail::listening_to<Event>;
	if (context == 0)
		return detail::nothing_there();
	typename it::function hears;
	if constexpr (std::is_invocable_v<F &, const value &, std::uint64_t>)
		hears = std::move(f);
	else
		hears = [f = std::move(f)](const value &v,
			    std::uint64_t) mutable { f(v); };
	detail::held state = std::make_shared<it>(std::move(hears));
	auto user = std::make_unique<detail::held>(state);
	ferry_listener_options options{};
	ferry_listener token = 0;
	options.struct_size = sizeof options;
	options.event = Event::method;
	options.listener = detail::hear;
	options.gone = detail::gone;
	options.user = user.get();
	options.name = Event::name;
	int r = ferry_listener_add(&token, context, &options);
	if (r != FERRY_OK)
		return failure(r);
	/* gone() has it now. */
	(void)user.release();
	return listener(token, std::move(state));
}

namespace detail {

template <typename Event>
struct streaming final : subscription {
	using value = typename Event::result;

	std::deque<value> ready;
	std::size_t capacity = 0;
	std::uint64_t dropped = 0;
	bool ended = false;
	std::coroutine_handle<> waiter;

	std::coroutine_handle<>
	wake()
	{
		return std::exchange(waiter, nullptr);
	}

	std::coroutine_handle<>
	deliver(const void *data, std::size_t size,
	    std::uint64_t before) override
	{
		auto said = decode_event<Event>(context, data, size);
		dropped += before;
		if (ready.size() == capacity) {
			ready.pop_front();
			dropped++;
		}
		if (said)
			ready.push_back(*std::move(said));
		else
			dropped++;
		return ready.empty() ? nullptr : wake();
	}

	std::coroutine_handle<>
	end() override
	{
		ended = true;
		return wake();
	}
};

} /* namespace detail */

/*
 * Events in a loop, from the stream's beginning on:
 *
 *	while (auto noise = co_await noises.next())
 *		…
 *
 * nullopt says that the context was closed. One coroutine at a time may wait.
 * Events that nobody asks for wait, up to `capacity` of them; then the oldest
 * are dropped, and counted.
 */
template <typename Event>
class stream {
public:
	using value = typename Event::result;

	explicit stream(std::shared_ptr<detail::streaming<Event>> it)
	    : it_(std::move(it))
	{
	}

	auto
	next()
	{
		struct awaiter {
			std::shared_ptr<detail::streaming<Event>> it;
			bool waits = false;

			bool
			await_ready() const noexcept
			{
				return it->ended || !it->ready.empty();
			}

			void
			await_suspend(std::coroutine_handle<> who) noexcept
			{
				it->waiter = who;
				waits = true;
			}

			std::optional<value>
			await_resume()
			{
				waits = false;
				if (it->ready.empty())
					return {};
				std::optional<value> event(
				    std::move(it->ready.front()));
				it->ready.pop_front();
				return event;
			}

			/* The coroutine is destroyed. */
			~awaiter()
			{
				if (waits)
					it->waiter = nullptr;
			}
		};
		return awaiter{ it_ };
	}

	std::uint64_t
	dropped() const noexcept
	{
		return it_->dropped;
	}

private:
	std::shared_ptr<detail::streaming<Event>> it_;
};

template <typename Event>
result<stream<Event>>
open_stream(ferry_context context, loop &where, std::size_t capacity)
{
	if (context == 0)
		return detail::nothing_there();
	auto it = std::make_shared<detail::streaming<Event>>();
	it->context = context;
	it->event = Event::method;
	it->capacity = capacity > 0 ? capacity : 1;
	int r = where.subscribe(it);
	if (r != FERRY_OK)
		return failure(r);
	return stream<Event>(std::move(it));
}

} /* namespace ferry */

#endif
