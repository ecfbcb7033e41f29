/*
 * The end of a process in the middle of a thousand calls by a generated header:
 * of a thread that waits, of futures, of coroutines on a loop, of listeners. By
 * every way there is it ends at once, with its own code, and says nothing.
 *
 *	exits [RUNS]       of each way
 *	exits WAY CODE     one child, to look at
 *
 * Links: zoo
 * The T_LIMIT=300 is for 100 runs.
 */
#include <zoo.hpp>

#include <atomic>
#include <memory>
#include <thread>

#include "api/world/children.h"

namespace zoo = ferry::zoo;
using namespace std::chrono_literals;

enum { RUNS = 2, SAN_RUNS = 1, CALLS = 1000, SLEEPERS = CALLS / 4 };

static int code = -1; /* a child's */

/* ------------------------------------------------------------ a child's */

/* What is in use at its end is no leak. */
extern "C" int
__lsan_is_turned_off()
{
	return code >= 0;
}

static ferry::task<>
sleeps(const zoo::zoo &z)
{
	(void)co_await z.sleep_async(1h).or_error();
}

/* Some are asleep, some answered elsewhere, one holds the thread, and the rest
 * waits behind it; or, where none holds it, they are anywhere. */
struct world {
	zoo::zoo z = zoo::zoo::open("a");
	zoo::animal leo = z.adopt("Leo");
	ferry::loop loop;
	ferry::listener ear =
	    z.on_noise([](const zoo::on_noise_event &) {});
	ferry::stream<zoo::calls::zoo_on_noise> noises =
	    z.on_noise_stream(loop);
	std::vector<std::future<std::uint32_t>> asleep;
	std::vector<std::future<zoo::later_result>> later;
	std::vector<std::future<zoo::split_result>> words;
	std::future<void> noise, held;

	explicit world(bool hold = code % 2 != 0)
	{
		for (int i = 0; i < SLEEPERS; i++) {
			asleep.push_back(z.sleep_future(1h));
			loop.spawn(sleeps(z));
		}
		noise = z.make_noise_future(100, "roar");
		for (unsigned i = 0; i < 20; i++)
			later.push_back(z.later_future(i, "x"));
		if (hold)
			held = z.hold_future(1h);
		while (words.size() < CALLS - 2 * SLEEPERS)
			words.push_back(z.split_future("a,b"));
	}
};

static void
leaving()
{
	std::uint64_t now = t_now_ns();

	T_EQ(write(CHILD_CONTROL, &now, sizeof now), sizeof now);
}

static void
leave()
{
	leaving();
	std::exit(code);
}

[[noreturn]] static void
stay()
{
	for (;;)
		pause();
}

/* Nobody destroys it. */
static world &
for_ever(bool hold = code % 2 != 0)
{
	static world *kept;

	kept = new world(hold);
	return *kept;
}

/* ------------------------------------------------------------------ ways */

static void
by_return()
{
	world w;
	leaving();
}

static void
by_return_static()
{
	static world w;
	leaving();
}

static void
by_return_left()
{
	for_ever();
	leaving();
}

static void
by_exit_static()
{
	static world w;
	leave();
}

static void
by_exit_among_locals()
{
	world w;
	leave();
}

static void
by__exit()
{
	for_ever();
	leaving();
	_exit(code);
}

static void
by_quick_exit()
{
	for_ever();
	leaving();
	std::quick_exit(code);
}

static void
by_thread_static()
{
	static std::unique_ptr<world> w(new world);
	std::thread(leave).join();
}

/* The loop goes on, and coroutines in it, until the very end. */
static void
by_thread_loop_runs()
{
	world &w = for_ever(false);
	w.loop.spawn([](const zoo::zoo &z) -> ferry::task<> {
		for (int i = 0;; i++) {
			(void)co_await z.sleep_async(0ms).or_error();
			if (i == 100)
				std::thread(leave).detach();
		}
	}(w.z));
	w.loop.run();
}

static void
by_coroutine()
{
	world &w = for_ever(false);
	w.loop.spawn([](const zoo::zoo &z) -> ferry::task<> {
		(void)co_await z.sleep_async(1ms).or_error();
		leave();
	}(w.z));
	w.loop.run();
}

/* The loop's thread is told to stop, and waited for. */
static void
by_return_joined()
{
	world w(false);
	std::jthread runs([&w](std::stop_token stop) {
		std::stop_callback stops(stop, [&w] { w.loop.stop(); });
		w.loop.run();
	});
	leaving();
}

/* On Ferry's event thread. */
static void
by_listener()
{
	world &w = for_ever(false);
	static ferry::listener ear =
	    w.z.on_noise([](const zoo::on_noise_event &) { leave(); });
	(void)w.z.make_noise_future(1, "roar");
	stay();
}

/* Threads wait for their answers, and come back while all ends. */
static void
by_exit_waited_for()
{
	static std::atomic<int> about{ 0 };
	world &w = for_ever();
	for (int i = 0; i < 8; i++)
		std::thread([&w, i] {
			about++;
			if (i % 2)
				(void)w.z.try_sleep(1h);
			else
				(void)w.z.try_hold(1h);
			stay();
		}).detach();
	T_WAIT_UNTIL(about.load() == 8, 5000);
	leave();
}

static void
by_exit_busy()
{
	static std::atomic<int> calls{ 0 };
	world &w = for_ever(false);
	for (int i = 0; i < 4; i++)
		std::thread([&w] {
			for (;;) {
				zoo::animal a = w.z.adopt("x");
				T_STR(a.name().c_str(), "x");
				calls++;
			}
		}).detach();
	T_WAIT_UNTIL(calls.load() > 100, 5000);
	leave();
}

/* Before what is static is destroyed everything still works. */
static void
ask(world &w)
{
	T_STR(w.leo.name().c_str(), "Leo");
	T_EQ(w.loop.run([](const zoo::zoo &z) -> ferry::task<std::size_t> {
		co_return (co_await z.split_async("a,b")).words.size();
	}(w.z)),
	    2);
	w.z.close({ FERRY_CLOSE_CANCEL, {} });
	T_EQ(w.leo.try_name().error().status, FERRY_ESTALE);
	T_EQ(zoo::zoo::open("late").population(), 0);
}

static void
by_exit_asking()
{
	static world w(false);
	std::atexit([] { ask(w); });
	leave();
}

static const struct way {
	const char *name;
	void (*run)();
} ways[] = {
	{ "return", by_return },
	{ "return_static", by_return_static },
	{ "return_left", by_return_left },
	{ "return_joined", by_return_joined },
	{ "exit_static", by_exit_static },
	{ "exit_among_locals", by_exit_among_locals },
	{ "exit_waited_for", by_exit_waited_for },
	{ "exit_busy", by_exit_busy },
	{ "exit_asking", by_exit_asking },
	{ "_exit", by__exit },
	{ "quick_exit", by_quick_exit },
	{ "thread_static", by_thread_static },
	{ "thread_loop_runs", by_thread_loop_runs },
	{ "coroutine", by_coroutine },
	{ "listener", by_listener },
};

static int
run(const char *name)
{
	for (const way &w : ways)
		if (strcmp(w.name, name) == 0) {
			w.run();
			return code;
		}
	T_FAIL("no way is called %s", name);
}

/* ---------------------------------------------------------------- driver */

static void
start(struct children *all, const char *self, const way &w, int i)
{
	static const int codes[] = { 3, 0, 77, 254 };
	struct child_plan p = {};

	p.program = self;
	p.code = codes[i % 4];
	snprintf(p.args[0], sizeof p.args[0], "%s", w.name);
	snprintf(p.args[1], sizeof p.args[1], "%d", p.code);
	children_add(all, &p);
}

int
main(int argc, char **argv)
{
	static struct children all;
	char self[400];
	int runs = argc > 1 ? atoi(argv[1]) :
	    T_ASAN || T_TSAN ? SAN_RUNS : RUNS;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc > 2) {
		code = atoi(argv[2]);
		return run(argv[1]);
	}
	T_GT(runs, 0);
	T_GT(n, 0);
	self[n] = 0;
	children_open(&all);
	for (const way &w : ways)
		for (int i = 0; i < runs; i++)
			start(&all, self, w, i);
	children_close(&all);
	dprintf(1, "note: %u children, the slowest gone after %d ms\n",
	    all.ended, (int)(all.slowest_ns / 1000000));
	return 0;
}
