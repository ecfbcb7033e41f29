/*
 * task<T>: a coroutine that returns a T. It begins when it is awaited, or given
 * to a loop. For who has no coroutine type of his own; anything that can
 * co_await will do.
 */
#ifndef FERRY_TASK_HPP
#define FERRY_TASK_HPP

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include <ferry/result.hpp>

namespace ferry {

template <typename T = void>
class task;

namespace detail {

struct task_promise_base {
	std::coroutine_handle<> continuation;
	std::exception_ptr failure;
	/* Of a task that a loop has: tells it. */
	void (*done)(void *) = nullptr;
	void *done_user = nullptr;

	struct final_awaiter {
		bool
		await_ready() const noexcept
		{
			return false;
		}

		template <typename Promise>
		std::coroutine_handle<>
		await_suspend(std::coroutine_handle<Promise> h) const noexcept
		{
			task_promise_base &p = h.promise();
			if (p.done)
				p.done(p.done_user);
			return p.continuation ? p.continuation
					      : std::noop_coroutine();
		}

		void
		await_resume() const noexcept
		{
		}
	};

	std::suspend_always
	initial_suspend() const noexcept
	{
		return {};
	}

	final_awaiter
	final_suspend() const noexcept
	{
		return {};
	}

	void
	unhandled_exception() noexcept
	{
		failure = std::current_exception();
	}

	void
	check()
	{
		if (failure)
			std::rethrow_exception(std::exchange(failure, {}));
	}
};

template <typename T>
struct task_promise : task_promise_base {
	std::optional<T> value;

	task<T> get_return_object();

	template <typename U>
	void
	return_value(U &&it)
	{
		value.emplace(std::forward<U>(it));
	}

	T
	take()
	{
		check();
		return *std::move(value);
	}
};

template <>
struct task_promise<void> : task_promise_base {
	task<void> get_return_object();

	void
	return_void() const noexcept
	{
	}

	void
	take()
	{
		check();
	}
};

} /* namespace detail */

template <typename T>
class [[nodiscard]] task {
public:
	using promise_type = detail::task_promise<T>;
	using handle_type = std::coroutine_handle<promise_type>;

	explicit task(handle_type handle) : handle_(handle)
	{
	}

	task(task &&other) noexcept
	    : handle_(std::exchange(other.handle_, nullptr))
	{
	}

	task &operator=(task &&) = delete;

	/* Also of one that waits: its calls are cancelled, and what they
	 * answer is discarded. */
	~task()
	{
		if (handle_)
			handle_.destroy();
	}

	auto
	operator co_await() && noexcept
	{
		struct awaiter {
			handle_type handle;

			bool
			await_ready() const noexcept
			{
				return false;
			}

			std::coroutine_handle<>
			await_suspend(std::coroutine_handle<> h) const noexcept
			{
				handle.promise().continuation = h;
				return handle;
			}

			T
			await_resume() const
			{
				return handle.promise().take();
			}
		};
		return awaiter{ handle_ };
	}

	/* For loops. */
	handle_type
	native_handle() const noexcept
	{
		return handle_;
	}

private:
	handle_type handle_;
};

namespace detail {

template <typename T>
task<T>
task_promise<T>::get_return_object()
{
	return task<T>(
	    std::coroutine_handle<task_promise<T>>::from_promise(*this));
}

inline task<void>
task_promise<void>::get_return_object()
{
	return task<void>(
	    std::coroutine_handle<task_promise<void>>::from_promise(*this));
}

} /* namespace detail */

} /* namespace ferry */

#endif
