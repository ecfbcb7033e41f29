/*
 * What a call in C++ costs over the same call made by hand in C, with
 * ferry_request_invoke() and a block that is packed and read by hand.
 *
 * Short rounds of either kind take turns, and the ratio is that of two which
 * follow each other, since whether the worker sleeps in between is chance and
 * lasts. Medians, and the least of all rounds, when it never did.
 * `bench [rounds]`.
 */
#include <zoo.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace zoo = ferry::zoo;

static constexpr int CALLS = 200;

static void
must(bool good)
{
	if (!good)
		std::abort();
}

/* Four numbers, and their sum. */
static void
sum_by_hand(ferry_context context, std::uint32_t method)
{
	struct {
		std::uint64_t numbers;
		std::uint64_t n;
		std::int64_t values[4];
	} block = { 16, 4, { 1, 2, 3, 4 } };
	ferry_reply reply;
	ferry_request request;
	std::int64_t sum;

	must(ferry_request_invoke(&reply, &request, context, method, &block,
		 sizeof block, nullptr, -1) == FERRY_OK);
	must(reply.status == FERRY_OK && reply.size == sizeof sum);
	std::memcpy(&sum, reply.data, sizeof sum);
	must(sum == 10);
	ferry_block_release(reply.data);
}

static void
sum_in_cpp(const zoo::zoo &z)
{
	static const std::int64_t values[] = { 1, 2, 3, 4 };
	must(z.sum(values) == 10);
}

/* A record there and back; 88 bytes in C's block. */
static void
numbers_by_hand(ferry_context context, std::uint32_t method)
{
	struct {
		std::uint64_t in;
		zoo::wire::numbers value;
	} block = {};
	ferry_reply reply;
	ferry_request request;
	zoo::wire::numbers back;

	block.in = 8;
	block.value.i32 = 7;
	must(ferry_request_invoke(&reply, &request, context, method, &block,
		 sizeof block, nullptr, -1) == FERRY_OK);
	must(reply.status == FERRY_OK && reply.size == sizeof back);
	std::memcpy(&back, reply.data, sizeof back);
	must(back.i32 == 7);
	ferry_block_release(reply.data);
}

static void
numbers_in_cpp(const zoo::zoo &z)
{
	zoo::numbers n;
	n.i32 = 7;
	must(z.numbers_echo(n).i32 == 7);
}

template <typename F>
static double
round_of(F call)
{
	std::uint64_t before = ferry_clock_ns();
	for (int i = 0; i < CALLS; i++)
		call();
	return static_cast<double>(ferry_clock_ns() - before) / CALLS;
}

static double
median(std::vector<double> &all)
{
	std::nth_element(all.begin(), all.begin() + all.size() / 2, all.end());
	return all[all.size() / 2];
}

template <typename A, typename B>
static void
compare(const char *name, int rounds, A by_hand, B in_cpp)
{
	std::vector<double> c;
	std::vector<double> cpp;
	std::vector<double> ratio;
	(void)round_of(by_hand);
	(void)round_of(in_cpp);
	for (int i = 0; i < rounds; i++) {
		c.push_back(round_of(by_hand));
		cpp.push_back(round_of(in_cpp));
		ratio.push_back(cpp.back() / c.back());
	}
	double least = *std::min_element(c.begin(), c.end());
	double least_cpp = *std::min_element(cpp.begin(), cpp.end());
	std::printf("%-14s C %6.0f ns   C++ %6.0f ns   %+5.1f %%   least %6.0f "
		    "ns, %6.0f ns, %+5.1f %%\n",
	    name, median(c), median(cpp), (median(ratio) - 1) * 100, least,
	    least_cpp, (least_cpp / least - 1) * 100);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? std::atoi(argv[1]) : 1001;
	zoo::zoo z = zoo::zoo::open("a");
	ferry_context context = z.native_handle();
	compare("sum", rounds,
	    [&] { sum_by_hand(context, zoo::calls::zoo_sum::method); },
	    [&] { sum_in_cpp(z); });
	compare("numbers_echo", rounds,
	    [&] {
		    numbers_by_hand(context,
			zoo::calls::zoo_numbers_echo::method);
	    },
	    [&] { numbers_in_cpp(z); });
}
