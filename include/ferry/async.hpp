/*
 * Calls that do not wait. A pending<T> holds the arguments, packed; nothing is
 * submitted before one of these:
 *
 *	T t = co_await zoo.split_async("a,b");            throws
 *	auto r = co_await zoo.split_async("a").or_error();  a ferry::result<T>
 *	std::future<T> f = zoo.split_async("a").future();
 *
 * co_await goes on in the thread of its loop, never in one of Ferry's. A
 * coroutine that is destroyed while it waits cancels the request, and what
 * comes back is discarded, handles released.
 *
 * Futures are completed by the library's thread, which sets the value and does
 * nothing else; in a close that abandons the call, by the closer's. One that is
 * dropped early discards the answer; it does not cancel, and its destructor
 * does not wait. In a forked child none of before gets ready.
 */
#ifndef FERRY_ASYNC_HPP
#define FERRY_ASYNC_HPP

#include <atomic>
#include <coroutine>
#include <future>
#include <utility>

#include <ferry/loop.hpp>

namespace ferry {

namespace detail {

/* A call that was packed: all that has to do with its type is decode(). */
template <typename T>
struct packed {
	using decoder = result<T> (*)(ferry_context, int, const void *,
	    std::size_t);

	ferry_context context;
	std::uint32_t method;
	decoder decode;
	call_options options;
	request_block block;
	std::optional<error> wrong;
};

template <typename T>
class awaiter;

template <typename T>
struct awaited : operation {
	awaiter<T> *to;
	ferry_context context;
	typename packed<T>::decoder decode;

	std::coroutine_handle<> answer(int status, const void *data,
	    std::size_t size) override;
	std::coroutine_handle<> late() override;
	void orphan() override;
};

template <typename T>
class awaiter {
public:
	explicit awaiter(packed<T> &&call) : call_(std::move(call))
	{
	}

	awaiter(const awaiter &) = delete;
	awaiter &operator=(const awaiter &) = delete;

	/* The coroutine is destroyed: the loop has the rest. */
	~awaiter()
	{
		if (!operation_)
			return;
		operation_->to = nullptr;
		ferry_request_cancel(operation_->request);
	}

	bool
	await_ready() const noexcept
	{
		return false;
	}

	/* false: it failed at once, and goes on. */
	bool
	await_suspend(std::coroutine_handle<> who)
	{
		ferry::loop *where = call_.options.loop ? call_.options.loop
							: loop::current();
		if (!call_.wrong && !where)
			call_.wrong = failure(FERRY_EINVAL,
			    "co_await outside of a ferry::loop");
		if (call_.wrong)
			return done(*std::move(call_.wrong));
		auto op = std::make_unique<awaited<T>>();
		op->to = this;
		op->context = call_.context;
		op->decode = call_.decode;
		who_ = who;
		int r = where->submit(*op, call_.context, call_.method,
		    call_.block, call_.options);
		if (r != FERRY_OK)
			return done(failure(r));
		operation_ = op.release();
		return true;
	}

	result<T>
	take()
	{
		return *std::move(answer_);
	}

private:
	friend struct awaited<T>;

	bool
	done(error e)
	{
		answer_.emplace(std::move(e));
		return false;
	}

	std::coroutine_handle<>
	finish(result<T> answer)
	{
		answer_.emplace(std::move(answer));
		operation_ = nullptr;
		return who_;
	}

	packed<T> call_;
	awaited<T> *operation_ = nullptr;
	std::coroutine_handle<> who_;
	std::optional<result<T>> answer_;
};

template <typename T>
std::coroutine_handle<>
awaited<T>::answer(int status, const void *data, std::size_t size)
{
	/* Also where nobody waits: what it holds is given back. */
	result<T> it = decode(context, status, data, size);
	return to ? to->finish(std::move(it)) : nullptr;
}

template <typename T>
std::coroutine_handle<>
awaited<T>::late()
{
	awaiter<T> *who = std::exchange(to, nullptr);
	return who ? who->finish(failure(FERRY_EDEADLINE, too_late)) : nullptr;
}

template <typename T>
void
awaited<T>::orphan()
{
	if (to)
		to->operation_ = nullptr;
}

template <typename T>
struct throwing_awaiter : awaiter<T> {
	using awaiter<T>::awaiter;

	T
	await_resume()
	{
		return this->take().value();
	}
};

template <typename T>
struct result_awaiter : awaiter<T> {
	using awaiter<T>::awaiter;

	result<T>
	await_resume()
	{
		return this->take();
	}
};

/* A future's request; of the submitter and of the reply, whoever is last. */
template <typename Completion>
struct promised {
	using value = typename Completion::value;

	ferry_context context;
	typename packed<value>::decoder decode;
	Completion completion;
	std::uint64_t deadline = 0; /* ferry_clock_ns(); 0: none */
	std::optional<std::stop_callback<canceller>> stop;
	std::atomic<int> holders{ 2 };

	void
	drop()
	{
		if (holders.fetch_sub(1) == 1)
			delete this;
	}

	static void
	reply(ferry_request, int status, const void *data, std::size_t size,
	    void *user)
	{
		auto *self = static_cast<promised *>(user);
		if (is_late(status, self->deadline)) {
			status = FERRY_EDEADLINE;
			data = too_late;
			size = sizeof too_late - 1;
		}
#if FERRY_EXCEPTIONS
		try {
			self->completion.set(self->decode(self->context,
			    status, data, size));
		} catch (...) {
			/* Out of memory, mostly. */
			self->completion.fail(std::current_exception());
		}
#else
		self->completion.set(
		    self->decode(self->context, status, data, size));
#endif
		self->drop();
	}
};

#if FERRY_EXCEPTIONS
/* Of a future whose get() throws. */
template <typename T>
struct value_completion {
	using value = T;
	std::promise<T> promise;

	void
	set(result<T> it)
	{
		if constexpr (std::is_void_v<T>) {
			it.value();
			promise.set_value();
		} else {
			promise.set_value(std::move(it).value());
		}
	}

	void
	fail(std::exception_ptr why)
	{
		promise.set_exception(std::move(why));
	}
};
#endif

/* Of one that says it by a result. */
template <typename T>
struct result_completion {
	using value = T;
	std::promise<result<T>> promise;

	void
	set(result<T> it)
	{
		promise.set_value(std::move(it));
	}

	void
	fail(std::exception_ptr)
	{
		promise.set_value(failure(FERRY_ENOMEM));
	}
};

/* FERRY_OK: the reply will complete it; otherwise it is told so here. */
template <typename Completion>
int
submit_promised(promised<Completion> &op,
    packed<typename Completion::value> &call)
{
	ferry_request_options raw{};
	ferry_request request = 0;
	raw.struct_size = sizeof raw;
	raw.lane = call.options.lane;
	raw.deadline_ns = deadline_ns(call.options);
	op.deadline = raw.deadline_ns;
	/* Nobody waits who could cancel it; and a close that abandons it
	 * completes the future, too. */
	raw.flags = FERRY_REQUEST_ANY_THREAD | FERRY_REQUEST_CANCEL_LATE;
	raw.callback = promised<Completion>::reply;
	raw.user = &op;
	call.block.describe(raw);
	if (call.options.stop.stop_requested())
		return FERRY_ECANCELED;
	int r = ferry_request_submit(&request, call.context, call.method,
	    call.block.data(), call.block.size(), &raw);
	if (r != FERRY_OK)
		return r;
	call.block.submitted();
	/* The reply may be here already; a stale token is harmless. */
	if (call.options.stop.stop_possible())
		op.stop.emplace(call.options.stop, canceller{ request });
	return FERRY_OK;
}

/* What a reply would have said. */
template <typename Completion>
void
refuse(promised<Completion> &op, error why)
{
#if FERRY_EXCEPTIONS
	try {
		op.completion.set(std::move(why));
	} catch (...) {
		op.completion.fail(std::current_exception());
	}
#else
	op.completion.set(std::move(why));
#endif
	op.drop();
}

template <typename Completion>
auto
promise(packed<typename Completion::value> call)
{
	auto *op =
	    new promised<Completion>{ call.context, call.decode, {}, 0, {} };
	auto future = op->completion.promise.get_future();
	if (call.wrong) {
		refuse(*op, *std::move(call.wrong));
	} else {
		int r = submit_promised(*op, call);
		if (r != FERRY_OK)
			refuse(*op, failure(r));
	}
	op->drop();
	return future;
}

} /* namespace detail */

template <typename T>
class [[nodiscard]] pending {
public:
	explicit pending(detail::packed<T> call) : call_(std::move(call))
	{
	}

#if FERRY_EXCEPTIONS
	auto
	operator co_await() &&
	{
		return detail::throwing_awaiter<T>(std::move(call_));
	}

	std::future<T>
	future() &&
	{
		return detail::promise<detail::value_completion<T>>(
		    std::move(call_));
	}
#endif

	/* To be awaited: gives a result, and throws nothing. */
	auto
	or_error() &&
	{
		struct awaitable {
			detail::packed<T> call;

			auto
			operator co_await() &&
			{
				return detail::result_awaiter<T>(
				    std::move(call));
			}
		};
		return awaitable{ std::move(call_) };
	}

	std::future<result<T>>
	result_future() &&
	{
		return detail::promise<detail::result_completion<T>>(
		    std::move(call_));
	}

private:
	detail::packed<T> call_;
};

/* A call for later; arguments are packed now. */
template <typename Call>
pending<typename Call::result>
call_later(ferry_context context, const Call &call,
    const call_options &options)
{
	detail::packed<typename Call::result> it{ context, Call::method,
		detail::decode<Call>, options, {}, {} };
	if (context == 0)
		it.wrong = detail::nothing_there();
	else
		it.wrong = it.block.fill(call);
	return pending<typename Call::result>(std::move(it));
}

} /* namespace ferry */

#endif
