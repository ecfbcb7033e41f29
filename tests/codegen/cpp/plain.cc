/*
 * The layer of results alone, built with -fno-exceptions; and two libraries in
 * one program.
 *
 * Links: zoo ark
 */
#include <zoo.hpp>

#include <ark.hpp>

#include "t.h"

namespace zoo = ferry::zoo;
namespace ark = ferry::ark;

#if FERRY_EXCEPTIONS
#error "this is about their absence"
#endif

static ferry::task<int>
visit(const zoo::zoo &z, const ark::ark &a)
{
	auto words = co_await z.split_async("a,b").or_error();
	T_ASSERT(words.has_value());
	auto counts = co_await a.count_async().or_error();
	T_ASSERT(counts.has_value());
	auto bad = co_await z.fail_async(zoo::error::hungry, "hay").or_error();
	T_ASSERT(bad.error() == zoo::error::hungry);
	co_return words->count + static_cast<int>(counts->crates);
}

static void
two_libraries()
{
	auto z = zoo::zoo::try_open("a");
	auto a = ark::ark::try_build(300);
	T_ASSERT(z.has_value());
	T_ASSERT(a.has_value());
	ferry::loop loop;
	T_EQ(loop.run(visit(*z, *a)), 2);
	T_ASSERT(z->population_async().result_future().get().has_value());
	T_EQ(z->try_fail(zoo::error::escaped, "bear").error().status, 7);
	T_STR(z->try_fail(zoo::error::escaped, "").error().message().c_str(),
	    "not in its cage");
}

static void
results()
{
	ferry::result<int> good = 3;
	ferry::result<int> bad = ferry::failure(FERRY_EAGAIN, "full");
	T_EQ(std::move(good).transform([](int n) { return n + 1; }).value(), 4);
	T_EQ(ferry::result<int>(bad).value_or(7), 7);
	auto half = [](int n) -> ferry::result<int> { return n / 2; };
	T_EQ(ferry::result<int>(8).and_then(half).value(), 4);
	T_STR(ferry::result<int>(bad).and_then(half).error().text.c_str(),
	    "full");
	T_STR(ferry::failure(FERRY_EAGAIN).message().c_str(),
	    ferry_error_text(FERRY_EAGAIN));
}

T_MAIN(
	T_RUN(two_libraries);
	T_RUN(results);
)
