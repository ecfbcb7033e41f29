/*
 * How a loop runs; a part of <ferry/loop.hpp>.
 */
#ifndef FERRY_LOOP_RUN_HPP
#define FERRY_LOOP_RUN_HPP

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <ferry/loop.hpp>

namespace ferry {

inline void
loop::doorbell(void *user)
{
	loop *self = static_cast<loop *>(user);
	/* Full order with clear(): who rings after it finds false. */
	if (!self->rung_.exchange(true)) {
		ssize_t n;
		do {
			n = ::write(self->pipe_[1], "", 1);
		} while (n < 0 && errno == EINTR);
	}
}

/* A forked child shares the pipe with its parent, and leaves it alone. */
inline bool
loop::inherited() const noexcept
{
	return ::getpid() != owner_;
}

inline void
loop::ring() noexcept
{
	if (!inherited())
		doorbell(this);
}

/* What is posted after this rings again. */
inline void
loop::clear() noexcept
{
	char bytes[16];
	while (::read(pipe_[0], bytes, sizeof bytes) > 0)
		;
	rung_.exchange(false);
}

inline int
loop::open_inbox(ferry_inbox &inbox)
{
	ferry_inbox_options options{};
	options.struct_size = sizeof options;
	options.doorbell = doorbell;
	options.user = this;
	return ferry_inbox_open(&inbox, &options);
}

inline int
loop::open_inboxes()
{
	if (::pipe(pipe_) != 0) {
		pipe_[0] = pipe_[1] = -1;
		return FERRY_ESYSTEM;
	}
	for (int fd : pipe_) {
		::fcntl(fd, F_SETFL, O_NONBLOCK);
		::fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	return open_inbox(answers_);
}

inline loop::loop()
{
	status_ = open_inboxes();
#if FERRY_EXCEPTIONS
	if (status_ != FERRY_OK) {
		shut();
		failure(status_).raise();
	}
#endif
}

inline void
loop::shut() noexcept
{
	if (answers_ != 0)
		ferry_inbox_close(nullptr, answers_);
	for (const ear &e : ears_)
		ferry_inbox_close(nullptr, e.inbox);
	for (int fd : pipe_)
		if (fd >= 0)
			::close(fd);
}

inline loop::~loop()
{
	spawned_.clear();
	while (first_) {
		detail::operation *op = first_;
		unlink(*op);
		op->orphan();
		delete op;
	}
	for (const heard &h : subscriptions_) {
		if (auto s = h.who.lock()) {
			s->where = nullptr;
			s->end();
		}
	}
	shut();
}

inline void
loop::stop() noexcept
{
	stopped_.store(true);
	ring();
}

inline void
loop::spawn(task<void> it)
{
	spawned_.push_back(std::move(it));
	auto handle = spawned_.back().native_handle();
	handle.promise().done = [](void *user) {
		static_cast<loop *>(user)->some_ended_ = true;
	};
	handle.promise().done_user = this;
	go_on(handle);
	/* Whether it has ended is seen by the next poll(). */
	if (some_ended_)
		ring();
}

inline void
loop::go_on(std::coroutine_handle<> who)
{
	enter here(this);
	if (who)
		who.resume();
}

/* Drops those that have ended; one that failed comes out. */
inline void
loop::sweep()
{
	while (some_ended_) {
		auto it = spawned_.begin();
		while (it != spawned_.end() && !it->native_handle().done())
			++it;
		if (it == spawned_.end()) {
			some_ended_ = false;
			break;
		}
		task<void> ended = std::move(*it);
		spawned_.erase(it);
		ended.native_handle().promise().take();
	}
}

inline void
loop::link(detail::operation &op, std::uint64_t deadline)
{
	op.next = first_;
	if (first_)
		first_->previous = &op;
	first_ = &op;
	if (deadline != 0) {
		op.due = due_.emplace(deadline, &op);
		op.is_due = true;
	}
}

inline void
loop::unlink(detail::operation &op) noexcept
{
	(op.previous ? op.previous->next : first_) = op.next;
	if (op.next)
		op.next->previous = op.previous;
	if (op.is_due)
		due_.erase(op.due);
	op.is_due = false;
}

inline int
loop::submit(detail::operation &op, ferry_context context,
    std::uint32_t method, detail::request_block &block,
    const call_options &options)
{
	ferry_request_options raw{};
	raw.struct_size = sizeof raw;
	raw.lane = options.lane;
	raw.deadline_ns = detail::deadline_ns(options);
	raw.inbox = answers_;
	raw.user = &op;
	block.describe(raw);
	if (status_ != FERRY_OK)
		return status_;
	if (elsewhere())
		return FERRY_ETHREAD;
	if (options.stop.stop_requested())
		return FERRY_ECANCELED;
	int r = ferry_request_submit(&op.request, context, method,
	    block.data(), block.size(), &raw);
	if (r == FERRY_EDETACHED) {
		r = ferry_inbox_attach(answers_, context, nullptr);
		if (r == FERRY_OK)
			r = ferry_request_submit(&op.request, context, method,
			    block.data(), block.size(), &raw);
	}
	if (r != FERRY_OK)
		return r;
	block.submitted();
	link(op, raw.deadline_ns);
	if (options.stop.stop_possible())
		op.stop.emplace(options.stop, detail::canceller{ op.request });
	return FERRY_OK;
}

/* What comes by it says so: those in hand when it is closed are not for the
 * next one. */
inline void *
loop::ear::user() const noexcept
{
	return reinterpret_cast<void *>(static_cast<std::uintptr_t>(inbox));
}

inline int
loop::listen_to(ear &out, ferry_context context)
{
	ferry_attach_options options{};
	options.struct_size = sizeof options;
	options.flags = FERRY_ATTACH_EVENTS;
	for (const ear &e : ears_) {
		if (e.context == context) {
			out = e;
			return FERRY_OK;
		}
	}
	ear it{ context, 0 };
	int r = open_inbox(it.inbox);
	if (r != FERRY_OK)
		return r;
	options.user = it.user();
	r = ferry_inbox_attach(it.inbox, context, &options);
	if (r != FERRY_OK) {
		ferry_inbox_close(nullptr, it.inbox);
		return r;
	}
	ears_.push_back(it);
	out = it;
	return FERRY_OK;
}

inline int
loop::subscribe(const std::shared_ptr<detail::subscription> &it)
{
	if (status_ != FERRY_OK)
		return status_;
	if (elsewhere())
		return FERRY_ETHREAD;
	ear by{};
	int r = listen_to(by, it->context);
	if (r != FERRY_OK)
		return r;
	subscriptions_.push_back({ by, it });
	it->where = this;
	return FERRY_OK;
}

/* Drops what is queued in them, too. */
inline void
loop::close_ears() noexcept
{
	std::erase_if(subscriptions_,
	    [](const heard &h) { return h.who.expired(); });
	std::erase_if(ears_, [this](const ear &e) {
		for (const heard &h : subscriptions_)
			if (h.by.inbox == e.inbox)
				return false;
		ferry_inbox_close(nullptr, e.inbox);
		return true;
	});
}

inline void
loop::left() noexcept
{
	if (!elsewhere()) {
		close_ears();
	} else {
		some_left_.store(true);
		ring();
	}
}

inline detail::subscription::~subscription()
{
	if (where)
		where->left();
}

inline void
loop::answer(const ferry_completion &item)
{
	auto *op = static_cast<detail::operation *>(item.user);
	bool late = detail::is_late(
	    item.status, op->is_due ? op->due->first : 0);
	std::coroutine_handle<> who = late
	    ? op->answer(FERRY_EDEADLINE, detail::too_late,
		  sizeof detail::too_late - 1)
	    : op->answer(item.status, item.data, item.size);
	ferry_block_release(item.data);
	unlink(*op);
	delete op;
	go_on(who);
}

/* Those that hear it may come and go meanwhile. A context's end is told to the
 * inbox for answers, too, where events may be missing before it. */
inline void
loop::hear(const ferry_completion &item)
{
	std::unique_ptr<void, detail::block_deleter> data(item.data);
	auto all = subscriptions_;
	for (const heard &h : all) {
		auto s = h.who.lock();
		if (!s || h.by.user() != item.user)
			continue;
		if (item.kind == FERRY_KIND_CLOSED)
			go_on(s->end());
		else if (item.kind == FERRY_KIND_EVENT && s->event == item.code)
			go_on(s->deliver(item.data, item.size, item.count));
	}
}

inline void
loop::handle(const ferry_completion &item)
{
	if (item.kind == FERRY_KIND_REPLY)
		answer(item);
	else
		hear(item);
}

/* Adds to `count` what was there; FERRY_E… */
inline int
loop::take(ferry_inbox inbox, std::size_t &count)
{
	ferry_completion items[BATCH];
	for (int round = 0; round < ROUNDS; round++) {
		int n = ferry_inbox_take(items, BATCH, inbox);
		if (n < 0)
			return n;
		for (int i = 0; i < n; i++)
			handle(items[i]);
		count += static_cast<std::size_t>(n);
		if (n < BATCH)
			return FERRY_OK;
	}
	/* More, perhaps; the others first. */
	ring();
	return FERRY_OK;
}

inline std::size_t
loop::expire()
{
	std::size_t count = 0;
	std::uint64_t now = due_.empty() ? 0 : ferry_clock_ns();
	while (!due_.empty() && due_.begin()->first <= now) {
		detail::operation *op = due_.begin()->second;
		due_.erase(due_.begin());
		op->is_due = false;
		ferry_request_cancel(op->request);
		go_on(op->late());
		count++;
	}
	return count;
}

inline result<std::size_t>
loop::try_poll()
{
	if (status_ != FERRY_OK)
		return failure(status_);
	if (inherited())
		return failure(FERRY_EFORKED);
	if (elsewhere())
		return failure(FERRY_ETHREAD);
	enter here(this);
	std::size_t count = 0;
	clear();
	if (some_left_.exchange(false))
		close_ears();
	int r = take(answers_, count);
	/* Those may come and go, too: FERRY_ESTALE says that one has. */
	auto ears = ears_;
	for (std::size_t i = 0; i < ears.size() && r == FERRY_OK; i++) {
		r = take(ears[i].inbox, count);
		if (r == FERRY_ESTALE)
			r = FERRY_OK;
	}
	if (r != FERRY_OK)
		return failure(r);
	count += expire();
	sweep();
	return count;
}

inline result<std::size_t>
loop::try_run_one()
{
	if (elsewhere())
		return failure(FERRY_ETHREAD);
	enter here(this);
	for (;;) {
		result<std::size_t> done = try_poll();
		if (!done || *done > 0 || stopped_.load())
			return done;
		auto left = timeout();
		pollfd ready{ pipe_[0], POLLIN, 0 };
		int ms = left ? static_cast<int>(std::min<std::int64_t>(
				    left->count(), 1 << 30))
			      : -1;
		if (::poll(&ready, 1, ms) < 0 && errno != EINTR)
			return failure(FERRY_ESYSTEM);
	}
}

inline result<void>
loop::try_run()
{
	if (elsewhere())
		return failure(FERRY_ETHREAD);
	enter here(this);
	while (!stopped_.exchange(false)) {
		result<std::size_t> done = try_run_one();
		if (!done)
			return done.error();
	}
	return {};
}

} /* namespace ferry */

#endif
