/*
 * Calls that a close does not wait for, or that come too late; streams that end
 * before their context; and the rill's values.
 *
 * Links: rill ark zoo
 */
#include <ark.hpp>
#include <rill.hpp>
#include <zoo.hpp>

#include <thread>

#include "t.h"

namespace rill = ferry::rill;
using namespace std::chrono_literals;

/* The rill's thread is held; what comes now stays in its queue. */
static std::future<std::int32_t>
dam(const rill::rill &r)
{
	rill::shut();
	std::future<std::int32_t> held = r.dam_future();
	T_WAIT_UNTIL(rill::dammed() == 1, 10000);
	return held;
}

/* Every future is told, by whatever way. */
template <typename T>
static int
status_of(std::future<T> &&future)
{
	T_ASSERT(future.wait_for(0s) == std::future_status::ready);
	try {
		future.get();
	} catch (const ferry::exception &e) {
		return e.status();
	}
	return FERRY_OK;
}

static void
abandoned_by_close(std::uint32_t mode)
{
	rill::rill r = rill::rill::spring();
	auto held = dam(r);
	auto queued = r.flow_future(0);
	auto said = r.flow_async(0).result_future();
	std::stop_source stop;
	ferry::call_options options;
	options.stop = stop.get_token();
	auto canceled = r.flow_future(0, options);
	stop.request_stop();
	{
		auto dropped = r.flow_future(0);
	}
	auto closed = r.try_close({ .mode = mode, .timeout = 1ms });
	T_ASSERT(!closed);
	T_EQ(closed.error().status, FERRY_EBUSY);
	T_EQ(status_of(std::move(held)), FERRY_ECLOSED);
	T_EQ(status_of(std::move(queued)), FERRY_ECLOSED);
	T_ASSERT(said.wait_for(0s) == std::future_status::ready);
	T_EQ(said.get().error().status, FERRY_ECLOSED);
	T_EQ(status_of(std::move(canceled)), FERRY_ECANCELED);
	/* What comes after all finds nobody. */
	rill::open();
	r.close();
}

static void
abandoned()
{
	abandoned_by_close(FERRY_CLOSE_DRAIN);
	abandoned_by_close(FERRY_CLOSE_CANCEL);
	abandoned_by_close(FERRY_CLOSE_ABANDON);
}

static void
abandoned_by_destructor()
{
	std::future<std::int32_t> held;
	std::future<void> queued;
	ferry_context token;
	{
		rill::rill r = rill::rill::spring();
		token = r.native_handle();
		held = dam(r);
		queued = r.flow_future(0);
	}
	T_EQ(status_of(std::move(held)), FERRY_ECLOSED);
	T_EQ(status_of(std::move(queued)), FERRY_ECLOSED);
	rill::open();
	T_OK(ferry_context_close(token, nullptr, nullptr));
}

/* Whoever closes. */
static void
abandoned_elsewhere()
{
	rill::rill r = rill::rill::spring();
	rill::rill borrowed = rill::rill::borrow(r.native_handle());
	auto held = dam(borrowed);
	auto queued = borrowed.flow_future(0);
	ferry_close_options options{};
	options.struct_size = sizeof options;
	options.mode = FERRY_CLOSE_ABANDON;
	T_EQ(ferry_context_close(r.native_handle(), &options, nullptr),
	    FERRY_EBUSY);
	T_EQ(status_of(std::move(held)), FERRY_ECLOSED);
	T_EQ(status_of(std::move(queued)), FERRY_ECLOSED);
	rill::open();
	r.close();
}

/* Submits that race with the close are refused or answered, all of them. */
static void
abandoned_while_they_come()
{
	for (int i = 0; i < 20; i++) {
		rill::rill r = rill::rill::spring();
		auto held = dam(r);
		std::atomic<bool> some{ false };
		std::thread other([&] {
			int status;
			do {
				auto f = r.flow_async(0).result_future();
				some = true;
				if (f.wait_for(0s) !=
				    std::future_status::ready)
					continue;
				status = f.get().error().status;
				T_ASSERT(status == FERRY_ECLOSED ||
				    status == FERRY_EAGAIN);
				if (status == FERRY_ECLOSED)
					break;
			} while (true);
		});
		T_WAIT_UNTIL(some.load(), 10000);
		T_ASSERT(!r.try_close({ .mode = FERRY_CLOSE_ABANDON }));
		other.join();
		T_EQ(status_of(std::move(held)), FERRY_ECLOSED);
		rill::open();
		r.close();
	}
}

/* --- Deadlines ----------------------------------------------------------- */

static const char too_late[] =
    "the deadline passed before there was an answer";

/* One that has begun says so; on a busy machine it may not have, at first. */
template <typename Call>
static void
told_late(Call call)
{
	ferry::call_options soon;
	for (auto time = 20ms;; time *= 2) {
		soon.timeout = time;
		ferry::error e = call(soon);
		T_EQ(e.status, FERRY_EDEADLINE);
		if (e.message() == too_late)
			return;
	}
}

static ferry::task<ferry::error>
dozes(const ferry::ark::ark &a, ferry::call_options soon)
{
	co_return (co_await a.doze_async(soon).or_error()).error();
}

static void
deadlines_of_what_runs()
{
	ferry::ark::ark a = ferry::ark::ark::build(300);
	ferry::zoo::zoo z = ferry::zoo::zoo::open("a");
	ferry::loop loop;
	told_late([&](auto soon) { return a.try_doze(soon).error(); });
	told_late([&](auto soon) { return loop.run(dozes(a, soon)); });
	told_late([&](auto soon) { return z.try_sleep(1h, soon).error(); });
	told_late([&](auto soon) {
		return z.sleep_async(1h, soon).result_future().get().error();
	});
	T_WAIT_UNTIL(ferry::ark::dozes() == 0, 10000);
}

/* Nobody waits for it: it is interrupted all the same, and answers. */
static void
deadlines_of_futures()
{
	ferry::ark::ark a = ferry::ark::ark::build(300);
	ferry::call_options soon;
	for (auto time = 20ms;; time *= 2) {
		soon.timeout = time;
		auto r = a.doze_async(soon).result_future().get();
		if (r)
			break;
		T_EQ(r.error().status, FERRY_EDEADLINE);
	}
	T_EQ(ferry::ark::dozes(), 0);
	soon.timeout = 1h;
	T_EQ(a.startled_future(soon).get(), 0);
}

/* --- Streams ------------------------------------------------------------- */

static ferry::task<unsigned>
first_drop(const rill::rill &r, ferry::loop &loop)
{
	auto drops = r.on_drop_stream(loop);
	co_await r.flow_async(10);
	co_return (co_await drops.next())->number;
}

/* Nobody is heard for: a library that waits for room goes on. */
static void
a_stream_that_has_ended()
{
	rill::rill r = rill::rill::spring();
	ferry::loop loop;
	T_EQ(loop.run(first_drop(r, loop)), 0);
	r.flow(20000);
	r.close();
}

/* It waits already. */
static void
a_stream_that_ends_meanwhile()
{
	rill::rill r = rill::rill::spring();
	ferry::loop loop;
	std::future<void> flows;
	{
		auto drops = r.on_drop_stream(loop, 4);
		flows = r.flow_future(20000);
		while (drops.dropped() == 0)
			loop.run_one();
	}
	flows.get();
	{
		auto one = r.on_drop_stream(loop);
		auto two = r.on_drop_stream(loop);
		auto moved = std::move(one);
		std::thread([gone = std::move(two)]() mutable {
			auto here = std::move(gone);
		}).join();
		r.flow(10);
		auto next = [](auto &from) -> ferry::task<unsigned> {
			co_return (co_await from.next())->number;
		};
		/* None of before its beginning. */
		T_EQ(loop.run(next(moved)), 0);
	}
	r.flow(20000);
}

/* A loop that ends first, and a coroutine that is destroyed in it. */
static void
a_stream_whose_loop_ends()
{
	rill::rill r = rill::rill::spring();
	std::optional<ferry::stream<rill::calls::rill_on_drop>> drops;
	{
		ferry::loop loop;
		drops = r.on_drop_stream(loop);
		loop.spawn([](const rill::rill &of,
			       ferry::loop &in) -> ferry::task<> {
			auto more = of.on_drop_stream(in);
			(void)co_await more.next();
		}(r, loop));
	}
	r.flow(20000);
	drops.reset();
}

static ferry::task<unsigned>
count(ferry::stream<rill::calls::rill_on_drop> drops)
{
	unsigned n = 0;
	while (auto drop = co_await drops.next())
		T_EQ(drop->number, n++);
	co_return n;
}

/* The loop hears of the context's end in two ways, and one overtakes. */
static void
a_stream_of_what_has_closed()
{
	rill::rill r = rill::rill::spring();
	ferry::loop loop;
	auto drops = r.on_drop_stream(loop);
	loop.run([](const rill::rill &of) -> ferry::task<> {
		co_await of.flow_async(0);
	}(r));
	r.flow(10);
	r.close();
	T_EQ(loop.run(count(std::move(drops))), 10);
}

/* --- Values -------------------------------------------------------------- */

static void
variants_in_c_order()
{
	rill::rill r = rill::rill::spring();
	rill::leaf leaf = std::string("two\0words", 9);
	rill::twig twig = std::vector<std::int16_t>{ 1, -2, 3 };
	T_ASSERT(r.float_leaf(leaf) == leaf);
	T_ASSERT(r.float_leaf({ std::int64_t{ 5 } }) ==
	    rill::leaf{ std::int64_t{ 5 } });
	T_ASSERT(r.float_twig(twig) == twig);
	T_ASSERT(r.float_twig({ 0.5 }) == rill::twig{ 0.5 });
	T_ASSERT(r.float_twig({}) == rill::twig{});
}

static void
defaults_of_enums()
{
	rill::rill r = rill::rill::spring();
	rill::bend bend;
	T_ASSERT(bend.pace == rill::pace::slow);
	T_ASSERT(r.turn(bend) == rill::pace::slow);
	bend.pace = rill::pace::fast;
	T_ASSERT(r.turn(bend) == rill::pace::fast);
}

T_MAIN(
	T_RUN(abandoned);
	T_RUN(abandoned_by_destructor);
	T_RUN(abandoned_elsewhere);
	T_RUN(abandoned_while_they_come);
	T_RUN(deadlines_of_what_runs);
	T_RUN(deadlines_of_futures);
	T_RUN(a_stream_that_has_ended);
	T_RUN(a_stream_that_ends_meanwhile);
	T_RUN(a_stream_whose_loop_ends);
	T_RUN(a_stream_of_what_has_closed);
	T_RUN(variants_in_c_order);
	T_RUN(defaults_of_enums);
)
