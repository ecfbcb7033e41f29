/*
 * The tutorial's program: the ways to call a library that has a package for
 * C++, and to be answered; cancels, deadlines, events. README.md goes through
 * it step by step.
 */
#include <timer.hpp>

#include <condition_variable>
#include <iostream>
#include <mutex>
#include <thread>

using ferry::timer::timer;
using namespace std::chrono_literals;

/* --- Wait, or be told later ----------------------------------------------- */

static void
show_waiting(const timer &t)
{
	std::cout << "waits:    " << t.echo("hello") << "\n";

	std::future<std::string> later = t.after_future(20ms, "good day");
	std::cout << "future:   " << t.echo("first things first") << "\n";
	std::cout << "future:   " << later.get() << "\n";
}

static void
show_errors(const timer &t)
{
	try {
		t.schedule({ .ticks = 1, .period = 10ms, .jitter = 20ms });
	} catch (const ferry::timer::jitter_error &e) {
		std::cout << "throws:   " << e.what() << "\n";
	}
	auto r = t.try_schedule({ .ticks = 1, .period = 10ms, .jitter = 20ms });
	if (!r)
		std::cout << "returns:  " << r.error().message() << "\n";
}

/* --- Coroutines ----------------------------------------------------------- */

static ferry::task<>
say(const timer &t, std::chrono::milliseconds delay, std::string_view text,
    int &left, ferry::loop &loop)
{
	std::string answer = co_await t.after_async(delay, text);
	std::cout << "loop:     " << answer << "\n";
	if (--left == 0)
		loop.stop();
}

/* Three at once, answered when their time has come. */
static void
show_loop(const timer &t)
{
	ferry::loop loop;
	int left = 3;

	loop.spawn(say(t, 120ms, "third", left, loop));
	loop.spawn(say(t, 10ms, "first", left, loop));
	loop.spawn(say(t, 60ms, "second", left, loop));
	loop.run();
}

/* --- Cancel, deadline ----------------------------------------------------- */

/* An hour is too long. */
static void
show_cancel(const timer &t)
{
	std::stop_source stop;
	ferry::call_options options;
	options.stop = stop.get_token();

	std::future<std::string> never =
	    t.after_future(1h, "never seen", options);
	(void)t.echo("in order: the call before it has begun");
	stop.request_stop();
	try {
		std::cout << never.get() << "\n";
	} catch (const ferry::canceled_error &e) {
		std::cout << "cancel:   " << e.what() << "\n";
	}
}

static void
show_deadline(const timer &t)
{
	ferry::call_options options;
	options.timeout = 30ms;
	auto r = t.try_delay(1h, "never seen", options);
	std::cout << "deadline: "
		  << (r ? *r : ferry_error_name(r.error().status)) << "\n";

	try {
		std::cout << t.after_future(1h, "never seen", options).get();
	} catch (const ferry::deadline_error &) {
		std::cout << "deadline: passed\n";
	}
}

/* --- Strands -------------------------------------------------------------- */

/* All at once; each sleeps on a stack of its own, all on one thread. */
static void
show_delays(const timer &t)
{
	std::vector<std::future<std::string>> all;
	auto start = std::chrono::steady_clock::now();

	for (int i = 0; i < 1000; i++)
		all.push_back(t.delay_future(100ms, "echo"));
	for (std::future<std::string> &one : all)
		(void)one.get();
	auto took = std::chrono::steady_clock::now() - start;
	std::cout << "strands:  1000 delays of 100 ms, answered after "
		  << took / 1ms << " ms\n";
}

/* --- Events --------------------------------------------------------------- */

/* Ticks come on Ferry's event thread, and the answer by another way: it may be
 * here first. */
static void
show_schedule(const timer &t)
{
	std::mutex lock;
	std::condition_variable changed;
	std::vector<std::uint32_t> ticks;

	ferry::listener ear =
	    t.on_tick([&](const ferry::timer::on_tick_event &tick) {
		    std::lock_guard hold(lock);
		    ticks.push_back(tick.number);
		    changed.notify_one();
	    });
	t.schedule({ .ticks = 3, .period = 30ms, .jitter = 20ms });
	std::unique_lock hold(lock);
	changed.wait(hold, [&] { return ticks.size() == 3; });
	for (std::uint32_t number : ticks)
		std::cout << "events:   tick " << number << "\n";
}

int
main()
{
	timer t = timer::open();

	show_waiting(t);
	show_errors(t);
	show_loop(t);
	show_cancel(t);
	show_deadline(t);
	show_delays(t);
	show_schedule(t);

	t.close();
	std::cout << "closed\n";
}
