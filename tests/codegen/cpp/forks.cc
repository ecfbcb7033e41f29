/*
 * Forks of a process that is in the middle of calls by a generated header, with
 * listeners that hear and coroutines that wait: the child is told so of all
 * that it has of before, and may open anew; the parent loses nothing.
 *
 * Links: zoo
 */
#include <zoo.hpp>

#include <poll.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "t.h"

namespace zoo = ferry::zoo;
using namespace std::chrono_literals;

enum { FORKS = 30, NOISES = 100 };

static const pid_t parent = getpid();

/* In a child: what its parent's threads had is no leak. */
extern "C" int
__lsan_is_turned_off()
{
	return getpid() != parent;
}

static ferry::task<>
sleeps(const zoo::zoo &z)
{
	(void)co_await z.sleep_async(1h).or_error();
}

/* Everything at once. */
struct world {
	zoo::zoo z = zoo::zoo::open("a");
	zoo::animal leo = z.adopt("Leo");
	ferry::loop loop;
	std::atomic<unsigned> heard{ 0 };
	ferry::listener ear =
	    z.on_noise([this](const zoo::on_noise_event &) { heard++; });
	ferry::stream<zoo::calls::zoo_on_noise> noises =
	    z.on_noise_stream(loop);
	std::vector<std::future<std::uint32_t>> futures;

	world()
	{
		for (int i = 0; i < 500; i++) {
			futures.push_back(z.sleep_future(1h));
			loop.spawn(sleeps(z));
		}
		futures.push_back(z.sleep_future(0ms));
		(void)z.make_noise_future(NOISES, "roar");
	}
};

/* A child that does it, and how it ended: before this process has had so many
 * turns of a millisecond, which are longer where the machine is busy. */
template <typename F>
static void
child(F f)
{
	pid_t pid = fork();
	T_ASSERT(pid >= 0);
	if (pid == 0)
		f();
	int status = 0, turns = 0;
	pid_t ended;
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
		T_LT(turns++, 2000 * t_slow());
		t_sleep_ms(1);
	}
	T_EQ(ended, pid);
	T_ASSERT(WIFEXITED(status));
	T_EQ(WEXITSTATUS(status), 0);
}

/* As if nothing had been before. */
static void
open_anew()
{
	zoo::zoo anew = zoo::zoo::open("child");
	T_EQ(anew.population(), 0);
	zoo::animal a = anew.adopt("x");
	T_STR(a.name().c_str(), "x");
	T_EQ(anew.later_future(1, "x").get().number, 1);
	ferry::loop loop;
	auto noises = anew.on_noise_stream(loop);
	(void)anew.make_noise_future(1, "roar");
	T_EQ(loop.run([](const zoo::zoo &z, auto &heard)
			  -> ferry::task<std::size_t> {
		(void)co_await heard.next();
		co_return co_await z.population_async();
	}(anew, noises)),
	    1);
	a = zoo::animal();
	anew.close();
}

static bool
readable(int fd)
{
	pollfd one{ fd, POLLIN, 0 };
	return poll(&one, 1, 0) == 1;
}

/* Whether no other thread of ours does anything just now. */
static bool
alone()
{
	for (const auto &task :
	    std::filesystem::directory_iterator("/proc/self/task")) {
		if (task.path().filename() == std::to_string(gettid()))
			continue;
		std::ifstream stat(task.path() / "stat");
		std::string text;
		std::getline(stat, text);
		std::size_t name_ends = text.rfind(')');
		if (name_ends != text.npos &&
		    text.compare(name_ends, 3, ") S") != 0)
			return false;
	}
	return true;
}

/* What a child has of before tells so, and its end harms nobody. */
static void
fork_in_the_middle()
{
	if (T_TSAN)
		T_SKIP_CASE("no threads in a child");
	auto w = std::make_unique<world>();
	zoo::animal eva = w->z.adopt("Eva");
	/* The noises ring; a child that took the ring would end it for good. */
	T_WAIT_UNTIL(readable(w->loop.fd()), 5000);
	/* AddressSanitizer's allocator, unlike the C library's, is not made
	 * ready for a child: whoever was in it at the fork is in it for
	 * ever. */
	if (T_ASAN)
		T_WAIT_UNTIL(w->heard == NOISES && alone(), 5000);
	child([&] {
		T_EQ(w->z.try_population().error().status, FERRY_EFORKED);
		T_EQ(w->leo.try_name().error().status, FERRY_EFORKED);
		T_EQ(w->z.population_async().result_future().get()
			 .error().status,
		    FERRY_EFORKED);
		T_EQ(w->loop.try_run().error().status, FERRY_EFORKED);
		w->loop.stop();
		T_EQ(w->loop.try_poll().error().status, FERRY_EFORKED);
		T_ASSERT(!w->z.try_on_noise([](const auto &) {}));
		eva = zoo::animal();
		w.reset();
		open_anew();
		_exit(0);
	});
	T_ASSERT(readable(w->loop.fd()));
	T_EQ(w->z.population(), 2);
	T_STR(eva.name().c_str(), "Eva");
	T_STR(w->leo.name().c_str(), "Leo");
	T_EQ(w->futures.back().get(), 0);
	T_ASSERT(w->loop.try_poll().has_value());
}

/* --- Under load ---------------------------------------------------------- */

static std::atomic<bool> over;
static std::atomic<int> rounds; /* of whatever they do */

static void
waits(const zoo::zoo &z)
{
	for (int i = 0; !over; i++) {
		std::vector<std::int64_t> numbers{ i, 1 };
		T_EQ(z.sum(numbers), i + 1);
		zoo::animal a = z.adopt("x");
		T_STR(a.name().c_str(), "x");
		rounds++;
	}
}

static void
has_futures(const zoo::zoo &z)
{
	for (; !over; rounds++) {
		std::vector<std::future<zoo::split_result>> words;
		for (int i = 0; i < 50; i++)
			words.push_back(z.split_future(std::to_string(i)));
		auto later = z.later_future(0, "x");
		for (int i = 0; i < 50; i++)
			T_STR(words[i].get().words.at(0).c_str(),
			    std::to_string(i).c_str());
		T_STR(later.get().out.c_str(), "x, later");
	}
}

static ferry::task<>
calls(const zoo::zoo &z)
{
	for (; !over; rounds++)
		for (int i = 0; i < 50; i++) {
			auto it = co_await z.split_async(std::to_string(i));
			T_STR(it.words.at(0).c_str(),
			    std::to_string(i).c_str());
		}
}

static void
has_loop(const zoo::zoo &z)
{
	ferry::loop loop;
	loop.spawn(calls(z));
	loop.run(calls(z));
}

/* Hears each noise, in order. */
static void
hears(const zoo::zoo &z)
{
	std::atomic<std::uint32_t> heard{ 0 };
	ferry::listener ear = z.on_noise([&](const zoo::on_noise_event &e) {
		T_EQ(e.number, heard++ % 100);
	});
	for (std::uint32_t n = 100; !over; n += 100) {
		z.make_noise(100, "roar");
		T_WAIT_UNTIL(heard == n, 10000);
		rounds++;
	}
}

/* The child ends as others do, with what is static. */
static void
fork_under_load()
{
	if (T_TSAN)
		T_SKIP_CASE("no threads in a child");
	if (T_ASAN)
		T_SKIP_CASE("a child cannot use AddressSanitizer's allocator "
			    "when another thread was in it at the fork");
	static zoo::zoo z = zoo::zoo::open("a");
	static zoo::animal leo = z.adopt("Leo");
	ferry::result<ferry::listener> ear =
	    z.try_on_noise([](const zoo::on_noise_event &) {});
	std::vector<std::thread> threads;
	for (auto f : { waits, waits, has_futures, has_loop, hears })
		threads.emplace_back([f] { f(z); });
	for (int i = 0; i < FORKS; i++) {
		int before = rounds;
		T_WAIT_UNTIL(rounds > before + 10, 10000);
		child([] {
			T_EQ(z.try_population().error().status, FERRY_EFORKED);
			T_EQ(leo.try_name().error().status, FERRY_EFORKED);
			open_anew();
			exit(0);
		});
	}
	over = true;
	for (std::thread &t : threads)
		t.join();
	T_STR(leo.name().c_str(), "Leo");
	/* The threads' last animals are released, and end soon. */
	T_WAIT_UNTIL(z.population() == 1, 5000);
}

T_MAIN(
	T_RUN(fork_in_the_middle);
	T_RUN(fork_under_load);
)
