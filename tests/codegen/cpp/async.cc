/*
 * Calls that do not wait: coroutines, futures, stop_tokens, events.
 *
 * Links: zoo
 */
#include <zoo.hpp>

#include <thread>

#include "t.h"

namespace zoo = ferry::zoo;
using namespace std::chrono_literals;

static ferry::call_options
with(std::stop_token stop)
{
	ferry::call_options options;
	options.stop = std::move(stop);
	return options;
}

static std::uint64_t
running(const zoo::zoo &z)
{
	ferry_counters counters{};
	counters.struct_size = sizeof counters;
	T_OK(ferry_context_counters(&counters, z.native_handle()));
	return counters.running;
}

static std::uint64_t
discarded(const zoo::zoo &z)
{
	ferry_counters counters{};
	counters.struct_size = sizeof counters;
	T_OK(ferry_context_counters(&counters, z.native_handle()));
	return counters.discarded;
}

/* --- Coroutines ---------------------------------------------------------- */

static ferry::task<int>
visit(const zoo::zoo &z)
{
	std::thread::id here = std::this_thread::get_id();
	auto [count, words] = co_await z.split_async("a,b,c");
	T_EQ(count, 3);
	T_ASSERT(here == std::this_thread::get_id());
	zoo::animal leo = co_await z.adopt_async("Leo");
	T_ASSERT(co_await leo.name_async() == "Leo");
	auto failed =
	    co_await z.fail_async(zoo::error::hungry, "hay").or_error();
	T_ASSERT(failed.error() == zoo::error::hungry);
	try {
		co_await z.fail_async(zoo::error::escaped, "bear");
		T_FAIL("nothing was thrown");
	} catch (const zoo::escaped_error &e) {
		T_STR(e.what(), "bear");
	}
	T_EQ(co_await z.sleep_async(1ms), 1);
	co_await leo.close_async();
	co_return count;
}

/* A loop that another thread runs takes nothing. */
static ferry::task<void>
intrude(const zoo::zoo &z, ferry::loop &theirs)
{
	ferry::call_options options;
	options.loop = &theirs;
	auto r = co_await z.population_async(options).or_error();
	T_EQ(r.error().status, FERRY_ETHREAD);
}

static ferry::task<void>
stay(const zoo::zoo &z, std::atomic<bool> &here, std::atomic<bool> &done)
{
	here = true;
	while (!done)
		co_await z.sleep_async(1ms);
}

static void
a_loop_of_another_thread()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::loop ours, theirs;
	std::atomic<bool> here{ false }, done{ false };
	std::thread other([&] { theirs.run(stay(z, here, done)); });
	T_WAIT_UNTIL(here, 10000);
	auto polled = theirs.try_poll();
	T_ASSERT(!polled);
	T_EQ(polled.error().status, FERRY_ETHREAD);
	ours.run(intrude(z, theirs));
	done = true;
	other.join();
}

static void
coroutines()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::loop loop;
	T_EQ(loop.run(visit(z)), 3);
	T_EQ(loop.run(visit(z)), 3);
	T_EQ(z.population(), 0);
}

static ferry::task<>
add_up(const zoo::zoo &z, std::int64_t n, std::int64_t &sum)
{
	const std::int64_t one[] = { n, 1 };
	sum += co_await z.sum_async(one);
}

static ferry::task<>
ends_the_loop(const zoo::zoo &z, ferry::loop &loop)
{
	(void)co_await z.population_async();
	loop.stop();
}

static void
a_thousand_in_flight()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::loop loop;
	std::int64_t sum = 0;
	for (int i = 0; i < 1000; i++)
		loop.spawn(add_up(z, i, sum));
	loop.spawn(ends_the_loop(z, loop));
	loop.run();
	T_EQ(sum, 999 * 1000 / 2 + 1000);
}

static ferry::task<>
throws(const zoo::zoo &z)
{
	co_await z.fail_async(zoo::error::hungry, "hay");
}

static void
a_spawned_failure_comes_out()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::loop loop;
	loop.spawn(throws(z));
	try {
		loop.run();
		T_FAIL("nothing was thrown");
	} catch (const zoo::hungry_error &) {
	}
}

static void
outside_of_a_loop()
{
	zoo::zoo z = zoo::zoo::open("a");
	auto alone = [](const zoo::zoo &zz) -> ferry::task<int> {
		auto r = co_await zz.population_async().or_error();
		co_return r.error().status;
	}(z);
	auto handle = alone.native_handle();
	handle.resume();
	T_ASSERT(handle.done());
	T_EQ(handle.promise().take(), FERRY_EINVAL);
}

static ferry::task<>
holds(const zoo::zoo &z, ferry::call_options options, int &status)
{
	auto r = co_await z.hold_async(1h, options).or_error();
	status = r ? 0 : r.error().status;
}

static ferry::task<>
adopts(const zoo::zoo &z)
{
	(void)co_await z.adopt_async("nobody's");
	T_FAIL("it was destroyed");
}

/* Running and queued ones: the answers come back to nobody. */
static void
destroyed_while_it_waits()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::loop loop;
	int status = 1;
	{
		ferry::task<> queued = adopts(z);
		ferry::task<> held = holds(z, {}, status);
		loop.run([](ferry::task<> &one, ferry::task<> &two,
			     const zoo::zoo &zz) -> ferry::task<> {
			one.native_handle().resume();
			two.native_handle().resume();
			T_WAIT_UNTIL(running(zz) == 1, 5000);
			co_return;
		}(held, queued, z));
	}
	T_EQ(status, 1);
	loop.spawn([](const zoo::zoo &zz, ferry::loop &l) -> ferry::task<> {
		auto r = co_await zz.population_async().or_error();
		T_ASSERT(r.has_value());
		l.stop();
	}(z, loop));
	loop.run();
}

/* A handle in an answer that nobody takes is given back. */
static void
discarded_handles_are_released()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::loop loop;
	std::stop_source hold;
	std::future<void> held = z.hold_future(1h, with(hold.get_token()));
	T_WAIT_UNTIL(running(z) == 1, 5000);
	{
		std::future<zoo::animal> dropped = z.adopt_future("dropped");
	}
	hold.request_stop();
	try {
		held.get();
		T_FAIL("nothing was thrown");
	} catch (const ferry::canceled_error &) {
	}
	/* Its thread destroys it when it comes to it. */
	T_WAIT_UNTIL(z.population() == 0, 5000);
}

static void
a_loop_ends_first()
{
	zoo::zoo z = zoo::zoo::open("a");
	int status = 1;
	{
		ferry::loop loop;
		loop.spawn(holds(z, {}, status));
		T_WAIT_UNTIL(running(z) == 1, 5000);
	}
	T_EQ(status, 1);
	T_EQ(z.population(), 0);
	T_ASSERT(discarded(z) > 0);
}

static void
deadlines_in_a_loop()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::loop loop;
	ferry::call_options soon;
	soon.timeout = 20ms;
	int running_one = 0;
	int queued = 0;
	loop.spawn(holds(z, soon, running_one));
	loop.spawn(holds(z, soon, queued));
	while (running_one == 0 || queued == 0)
		loop.run_one();
	T_EQ(running_one, FERRY_EDEADLINE);
	T_EQ(queued, FERRY_EDEADLINE);
	T_EQ(z.population(), 0);
}

/* One that had begun is cancelled, and answers before the wait ends. */
static void
deadlines_that_the_library_sees()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::call_options soon;
	soon.timeout = 20ms;
	for (int i = 0; i < 20; i++) {
		T_EQ(z.try_sleep(1h, soon).error().status, FERRY_EDEADLINE);
		T_EQ(z.sleep_async(1h, soon).result_future().get().error()
			 .status,
		    FERRY_EDEADLINE);
		ferry::loop loop;
		auto sleeps = [](const zoo::zoo &zz,
				  ferry::call_options until)
		    -> ferry::task<int> {
			auto r = co_await zz.sleep_async(1h, until).or_error();
			co_return r.error().status;
		};
		T_EQ(loop.run(sleeps(z, soon)), FERRY_EDEADLINE);
	}
}

/* --- Cancelling ---------------------------------------------------------- */

static void
cancelled_before()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::stop_source stop;
	stop.request_stop();
	T_EQ(z.try_population(with(stop.get_token())).error().status,
	    FERRY_ECANCELED);
	T_EQ(z.population_async(with(stop.get_token())).result_future().get()
		 .error().status,
	    FERRY_ECANCELED);
}

static void
cancelled_while_it_runs()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::stop_source stop;
	std::thread stopper([&] {
		T_WAIT_UNTIL(running(z) == 1, 5000);
		stop.request_stop();
	});
	T_EQ(z.try_hold(1h, with(stop.get_token())).error().status,
	    FERRY_ECANCELED);
	stopper.join();
}

static void
cancelled_while_it_is_queued()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::stop_source first;
	std::stop_source second;
	auto held = z.hold_async(1h, with(first.get_token())).result_future();
	T_WAIT_UNTIL(running(z) == 1, 5000);
	ferry::loop loop;
	int status = 0;
	loop.spawn(holds(z, with(second.get_token()), status));
	second.request_stop();
	while (status == 0)
		loop.run_one();
	T_EQ(status, FERRY_ECANCELED);
	T_ASSERT(held.wait_for(0s) == std::future_status::timeout);
	first.request_stop();
	T_EQ(held.get().error().status, FERRY_ECANCELED);
}

/* Too late: the answer stays. */
static void
cancelled_when_it_is_done()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::stop_source stop;
	std::future<std::size_t> count =
	    z.population_future(with(stop.get_token()));
	count.wait();
	stop.request_stop();
	T_EQ(count.get(), 0);
}

/* --- Futures ------------------------------------------------------------- */

static void
futures()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::future<zoo::split_result> words = z.split_future("a,b");
	std::future<std::size_t> count = z.population_future();
	T_EQ(words.get().count, 2);
	T_EQ(count.get(), 0);
	std::future<void> failed = z.fail_future(zoo::error::hungry, "hay");
	try {
		failed.get();
		T_FAIL("nothing was thrown");
	} catch (const zoo::hungry_error &e) {
		T_STR(e.what(), "hay");
	}
	std::future<std::optional<std::string>> bad =
	    z.find_future(std::string_view("\0", 1));
	try {
		(void)bad.get();
		T_FAIL("nothing was thrown");
	} catch (const ferry::invalid_error &) {
	}
	auto later = z.later_async(1, "text").result_future();
	T_ASSERT(later.get().has_value());
	z.close();
	T_ASSERT(!z.population_async().result_future().get());
}

/* --- Events -------------------------------------------------------------- */

static void
listeners()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::atomic<unsigned> heard{ 0 };
	{
		ferry::listener ear =
		    z.on_noise([&](const zoo::on_noise_event &e) {
			    T_EQ(e.number, heard.load());
			    T_STR(e.noise.c_str(), "roar");
			    T_EQ(e.shape.value.index(), e.number % 4);
			    heard++;
		    });
		ferry::listener moved = std::move(ear);
		T_ASSERT(!ear);
		z.make_noise(10, "roar");
		T_WAIT_UNTIL(heard.load() == 10, 5000);
		T_ASSERT(!moved.failure());
	}
	z.make_noise(10, "roar");
	(void)z.population();
	T_EQ(heard.load(), 10);
}

static void
a_listener_that_throws()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::atomic<unsigned> heard{ 0 };
	ferry::listener ear =
	    z.on_noise([&](const zoo::on_noise_event &, std::uint64_t) {
		    heard++;
		    throw std::runtime_error("too loud");
	    });
	z.make_noise(2, "roar");
	T_WAIT_UNTIL(heard.load() == 2, 5000);
	T_WAIT_UNTIL(ear.failure().has_value(), 5000);
	T_STR(ear.failure()->text.c_str(), "too loud");
}

static void
a_listener_that_removes_itself()
{
	zoo::zoo z = zoo::zoo::open("a");
	std::atomic<unsigned> heard{ 0 };
	std::optional<ferry::listener> ear;
	std::atomic<bool> there{ false };
	ear = z.on_noise([&](const zoo::on_noise_event &) {
		while (!there.load())
			std::this_thread::yield();
		heard++;
		ear->remove();
	});
	there = true;
	z.make_noise(5, "roar");
	T_WAIT_UNTIL(heard.load() == 1, 5000);
	(void)z.population();
	z.close();
	T_EQ(heard.load(), 1);
}

static ferry::task<unsigned>
hears(ferry::stream<ferry::zoo::calls::zoo_on_noise> noises)
{
	unsigned n = 0;
	while (auto noise = co_await noises.next()) {
		T_EQ(noise->number, n);
		n++;
	}
	co_return n;
}

static void
streams()
{
	ferry::loop loop;
	zoo::zoo z = zoo::zoo::open("a");
	auto noises = z.on_noise_stream(loop);
	z.make_noise(100, "roar");
	std::thread closer([&] {
		z.make_noise(0, "");
		z.close();
	});
	T_EQ(loop.run(hears(std::move(noises))), 100);
	closer.join();
}

static void
a_stream_that_nobody_asks()
{
	ferry::loop loop;
	zoo::zoo z = zoo::zoo::open("a");
	auto noises = z.on_noise_stream(loop, 4);
	z.make_noise(10, "roar");
	while (noises.dropped() < 6)
		loop.run_one();
	auto next = [](auto &from) -> ferry::task<unsigned> {
		co_return (co_await from.next())->number;
	};
	T_EQ(loop.run(next(noises)), 6);
}

T_MAIN(
	T_RUN(coroutines);
	T_RUN(a_loop_of_another_thread);
	T_RUN(a_thousand_in_flight);
	T_RUN(a_spawned_failure_comes_out);
	T_RUN(outside_of_a_loop);
	T_RUN(destroyed_while_it_waits);
	T_RUN(discarded_handles_are_released);
	T_RUN(a_loop_ends_first);
	T_RUN(deadlines_in_a_loop);
	T_RUN(deadlines_that_the_library_sees);
	T_RUN(cancelled_before);
	T_RUN(cancelled_while_it_runs);
	T_RUN(cancelled_while_it_is_queued);
	T_RUN(cancelled_when_it_is_done);
	T_RUN(futures);
	T_RUN(listeners);
	T_RUN(a_listener_that_throws);
	T_RUN(a_listener_that_removes_itself);
	T_RUN(streams);
	T_RUN(a_stream_that_nobody_asks);
)
