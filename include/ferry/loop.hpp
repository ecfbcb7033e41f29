/*
 * loop: where coroutines go on. It belongs to one thread, which calls run(),
 * or poll() whenever fd() is readable; nothing but stop() and fd() may be
 * called by others. What another thread submits to a loop that is being run is
 * refused, FERRY_ETHREAD. Inboxes of Ferry's, one for answers and one for the
 * events of each context that streams hear, ring one descriptor.
 *
 * A loop that ends gives up what still waits for answers: those are discarded,
 * and the coroutines never go on; it destroys those that it was given.
 */
#ifndef FERRY_LOOP_HPP
#define FERRY_LOOP_HPP

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include <ferry/call.hpp>
#include <ferry/task.hpp>

namespace ferry {

namespace detail {

using deadlines = std::multimap<std::uint64_t, struct operation *>;

/* A request that was submitted by a loop. The loop has it until the answer
 * comes, whoever waits, and then deletes it. */
struct operation {
	operation *next = nullptr;
	operation *previous = nullptr;
	ferry_request request = 0;
	deadlines::iterator due;
	bool is_due = false;
	std::optional<std::stop_callback<canceller>> stop;

	virtual ~operation() = default;
	/* Takes the answer; returns who waits for it, or nullptr. */
	virtual std::coroutine_handle<> answer(int status, const void *data,
	    std::size_t size) = 0;
	/* The deadline passed: the same, but the answer is to come. */
	virtual std::coroutine_handle<> late() = 0;
	/* There will be no answer. */
	virtual void orphan() = 0;
};

/* Hears one event of one context. The stream's; when that goes, the loop is
 * told. */
struct subscription {
	ferry_context context = 0;
	std::uint32_t event = 0;
	loop *where = nullptr;

	virtual ~subscription();
	virtual std::coroutine_handle<> deliver(const void *data,
	    std::size_t size, std::uint64_t dropped) = 0;
	/* The context is closed, or the loop ends: then nobody goes on. */
	virtual std::coroutine_handle<> end() = 0;
};

} /* namespace detail */

class loop {
public:
	/* Throws where there is no descriptor to be had; without exceptions
	 * every call of the loop's is answered so. */
	loop();
	~loop();

	loop(const loop &) = delete;
	loop &operator=(const loop &) = delete;

	/* The one that this thread is in, or nullptr. */
	static loop *
	current() noexcept
	{
		return current_;
	}

	/* Readable when poll() has something to do; never read or close it.
	 * A poll() is due after timeout(), too. */
	int
	fd() const noexcept
	{
		return pipe_[0];
	}

	/* Until the next deadline; none: for ever. */
	std::optional<std::chrono::milliseconds>
	timeout() const
	{
		if (due_.empty())
			return {};
		return std::chrono::milliseconds(
		    detail::milliseconds_until(due_.begin()->first));
	}

	/* Does what there is to do, without waiting; how much it was. */
	result<std::size_t> try_poll();
	/* The same once there is something. */
	result<std::size_t> try_run_one();
	/* Until stop(). */
	result<void> try_run();

#if FERRY_EXCEPTIONS
	std::size_t
	poll()
	{
		return try_poll().value();
	}

	std::size_t
	run_one()
	{
		return try_run_one().value();
	}

	void
	run()
	{
		try_run().value();
	}
#endif

	/* From any thread: the run() of now, or else the next one, returns. */
	void stop() noexcept;

	/* Begins it, and runs until it has ended; what it returns, or throws.
	 * With a loop that fails there is no value: raise(). */
	template <typename T>
	T
	run(task<T> it)
	{
		enter here(this);
		auto handle = it.native_handle();
		handle.resume();
		while (!handle.done()) {
			result<std::size_t> done = try_run_one();
			if (!done)
				done.error().raise();
		}
		return handle.promise().take();
	}

	/* Begins it, and lets it go on whenever the loop runs. What it throws
	 * comes out of poll(), run_one() or run(). */
	void spawn(task<void> it);

	/* For <ferry/async.hpp> and <ferry/event.hpp>. */
	int submit(detail::operation &op, ferry_context context,
	    std::uint32_t method, detail::request_block &block,
	    const call_options &options);
	int subscribe(const std::shared_ptr<detail::subscription> &it);
	void left() noexcept;

private:
	enum { BATCH = 64, ROUNDS = 16 };

	struct enter {
		loop *before;

		explicit enter(loop *now) : before(current_)
		{
			current_ = now;
			now->entered_.fetch_add(1);
		}

		~enter()
		{
			current_->entered_.fetch_sub(1);
			current_ = before;
		}

		enter(const enter &) = delete;
		enter &operator=(const enter &) = delete;
	};

	/* Closed with the last stream of its context: a library that waits for
	 * room would wait for nobody. */
	struct ear {
		ferry_context context;
		ferry_inbox inbox;

		void *user() const noexcept;
	};

	struct heard {
		ear by;
		std::weak_ptr<detail::subscription> who;
	};

	static void doorbell(void *user);
	void ring() noexcept;
	void shut() noexcept;
	bool inherited() const noexcept;
	/* Whether another thread is in it. */
	bool
	elsewhere() const noexcept
	{
		return current_ != this && entered_.load() != 0;
	}
	void clear() noexcept;
	int open_inbox(ferry_inbox &inbox);
	int open_inboxes();
	int listen_to(ear &out, ferry_context context);
	void close_ears() noexcept;
	void link(detail::operation &op, std::uint64_t deadline);
	void unlink(detail::operation &op) noexcept;
	void handle(const ferry_completion &item);
	void hear(const ferry_completion &item);
	void answer(const ferry_completion &item);
	int take(ferry_inbox inbox, std::size_t &count);
	std::size_t expire();
	void sweep();
	void go_on(std::coroutine_handle<> who);

	static inline thread_local loop *current_ = nullptr;

	const pid_t owner_ = ::getpid();
	int status_ = FERRY_OK;
	int pipe_[2] = { -1, -1 };
	ferry_inbox answers_ = 0;
	std::vector<ear> ears_;
	/* Whether there is a byte in the pipe that nobody has read. */
	std::atomic<bool> rung_{ false };
	std::atomic<bool> stopped_{ false };
	/* How many enter there are of it, all on one thread. */
	std::atomic<int> entered_{ 0 };
	detail::operation *first_ = nullptr;
	detail::deadlines due_;
	std::vector<heard> subscriptions_;
	/* A stream that ended on another thread. */
	std::atomic<bool> some_left_{ false };
	std::list<task<void>> spawned_;
	bool some_ended_ = false;
};

} /* namespace ferry */

#include <ferry/loop_run.hpp>

#endif
