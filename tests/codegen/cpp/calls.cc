/*
 * Calls that wait, over the zoo: values there and back, errors, objects.
 *
 * Links: zoo
 */
#include <zoo.hpp>

#include <cmath>

#include "t.h"
#include "things.hpp"

using namespace std::chrono_literals;

/* What must throw an E does. */
template <typename E, typename F>
static E
thrown(F f)
{
	try {
		f();
	} catch (const E &e) {
		return e;
	}
	T_FAIL("nothing was thrown");
}

static void
numbers()
{
	zoo::zoo z = zoo::zoo::open("a");
	zoo::numbers low{ INT8_MIN, 0, INT16_MIN, 0, INT32_MIN, 0, INT64_MIN, 0,
		INT32_MIN, INT64_MIN, 0, '\x80', false, -INFINITY, -0.0,
		zoo::colour::red, zoo::food{} };
	T_ASSERT(z.numbers_echo(low) == low);
	T_ASSERT(std::signbit(z.numbers_echo(low).f64));
	zoo::numbers high{ INT8_MAX, UINT8_MAX, INT16_MAX, UINT16_MAX,
		INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, INT32_MAX,
		INT64_MAX, SIZE_MAX, '\x7f', true, 3.4e38F, 1.7e308,
		static_cast<zoo::colour>(12345), ~zoo::food{} };
	T_ASSERT(z.numbers_echo(high) == high);
	high.f32 = NAN;
	high.f64 = NAN;
	T_ASSERT(std::isnan(z.numbers_echo(high).f32));
	T_ASSERT(std::isnan(z.numbers_echo(high).f64));
}

static void
things()
{
	zoo::zoo z = zoo::zoo::open("a");
	zoo::things t;
	T_ASSERT(z.things_echo(t) == t);
	t = some_things();
	T_ASSERT(z.things_echo(t) == t);
	T_ASSERT(zoo::mirror(t) == t);
	t.branch->leaf->maybe.reset();
	t.branch->label = "x";
	t.maybe_text.reset();
	t.maybe_blob.reset();
	t.score.reset();
	T_ASSERT(z.things_echo(t) == t);
	t.branch->leaf.reset();
	T_ASSERT(z.things_echo(t) == t);
	t.text.assign(1 << 20, 'x');
	t.numbers.assign(100000, -5);
	t.words.assign(100000, "word");
	T_ASSERT(z.things_echo(t) == t);
}

static void
shapes()
{
	zoo::zoo z = zoo::zoo::open("a");
	zoo::shapes s;
	T_ASSERT(z.shapes_echo(s) == s);
	s.shapes = { 2.5, {}, zoo::shape::line{ { 1, 2 }, { 3, 4 } }, "square",
		zoo::shape::line{} };
	s.favourite = "";
	T_ASSERT(z.shapes_echo(s) == s);
	for (const zoo::shape &one : s.shapes)
		T_ASSERT(z.shape_echo(one) == one);
	T_ASSERT(z.shape_echo(0.5) == 0.5);
}

template <typename T, typename... Cases>
constexpr bool any_of = (std::convertible_to<Cases, T> || ...);

/* What would lose something, or may be two, is none. */
static_assert(!any_of<zoo::cell, std::uint64_t, float *, zoo::leaf,
    zoo::length, std::string_view, std::nullptr_t, std::vector<int>>);
static_assert(!any_of<zoo::shape, int, bool, zoo::point>);
static_assert(!any_of<zoo::length, double, int>);
static_assert(!any_of<zoo::mark, int, double>);

/* The case of a value follows from its type. */
static void
cells()
{
	using kind = zoo::cell_kind;
	zoo::cell list[] = { {}, true, 1, -2L, INT64_MIN, 0.5, 1.0f, "a",
		std::string("b\0", 2), std::vector<std::uint8_t>{ 0, 255 },
		std::chrono::sys_time<std::chrono::microseconds>(-1us),
		std::chrono::sys_days(std::chrono::July / 4 / 2026), 3s,
		zoo::point{ 1, 2 }, zoo::cell::words{ "a", "" },
		zoo::cell::tags{ { "a", -1 } }, std::monostate() };
	const kind kinds[] = { kind::nothing, kind::yes, kind::number,
		kind::number, kind::number, kind::real, kind::real, kind::text,
		kind::text, kind::blob, kind::born, kind::born, kind::nap,
		kind::point, kind::words, kind::tags, kind::nothing };
	static_assert(std::size(list) == std::size(kinds));
	zoo::zoo z = zoo::zoo::open("a");
	zoo::cells c;
	T_ASSERT(z.cells_echo(c) == c);
	c.cells.assign(std::begin(list), std::end(list));
	c.pair = { "x", 7 };
	c.one = -0.0;
	c.mark = 5u;
	c.second = "1234567";
	c.length = zoo::length::feet{ 1.5 };
	const zoo::cells back = z.cells_echo(c);
	T_ASSERT(back == c);
	T_ASSERT(std::signbit(*back.one.get_if<double>()));
	for (std::size_t i = 0; i < std::size(list); i++) {
		T_EQ((int)zoo::sort_of(list[i]), (int)kinds[i]);
		T_EQ(back.cells[i].value.index(), (unsigned)kinds[i]);
	}
}

static void
arguments()
{
	zoo::zoo z = zoo::zoo::open("a");
	auto [count, words] = z.split("a,b,,c");
	T_EQ(count, 4);
	T_ASSERT(words == std::vector<std::string>({ "a", "b", "", "c" }));
	T_EQ(z.split("a b", ' ', zoo::point{ 1, 2 }).words.size(), 2);
	const std::int64_t some[] = { 1, 2, INT64_C(1) << 40 };
	T_EQ(z.sum(some), (INT64_C(1) << 40) + 3);
	T_EQ(z.sum({}), 0);
	T_EQ(zoo::parse("42"), 42);
	T_STR(zoo::version().c_str(), "1.2.0");
	T_EQ(zoo::legs_max, 1000);
	T_ASSERT(zoo::motto == "mind the \"bear\"");
	T_ASSERT(!z.find("nobody").has_value());
}

static void
errors()
{
	zoo::zoo z = zoo::zoo::open("a");
	ferry::result<void> r = z.try_fail(zoo::error::escaped, "the bear");
	T_ASSERT(!r);
	T_EQ(r.error().status, 7);
	T_ASSERT(r.error() == zoo::error::escaped);
	T_ASSERT(!r.error().is(zoo::error::hungry));
	T_STR(r.error().text.c_str(), "the bear");
	auto e = thrown<zoo::escaped_error>(
	    [&] { z.fail(zoo::error::escaped, "the bear"); });
	T_STR(e.what(), "the bear");
	T_ASSERT(e.code() == zoo::error::escaped);
	thrown<zoo::error_exception>(
	    [&] { z.fail(static_cast<zoo::error>(99), "what"); });
	T_ASSERT(!z.try_fail(zoo::error::ok, "") == false);
	T_EQ(z.try_jump(-5).error().status, 5);
	T_ASSERT(z.try_jump(5).has_value());
	thrown<zoo::error_exception>([&] { (void)zoo::parse("x"); });
	thrown<ferry::invalid_error>(
	    [&] { (void)z.find(std::string_view("\0", 1)); });
	T_STR(thrown<zoo::hungry_error>([] { (void)zoo::zoo::open(""); })
		  .error().domain->name,
	    "ferry::zoo::error");
}

static void
objects()
{
	zoo::zoo z = zoo::zoo::open("a");
	{
		zoo::animal leo = z.adopt("Leo");
		zoo::animal twin = leo.clone();
		T_STR(leo.name().c_str(), "Leo");
		T_EQ(leo.befriend(twin), 1);
		T_EQ(z.population(), 2);
		zoo::animal moved = std::move(leo);
		T_ASSERT(!leo);
		T_ASSERT(!leo.try_name());
		T_STR(moved.name().c_str(), "Leo");
		moved = std::move(twin);
		/* The first is released: it ends soon, and not at once. */
		T_WAIT_UNTIL(z.population() == 1, 5000);
		moved.close();
		T_ASSERT(!moved);
		T_EQ(z.population(), 0);
	}
	zoo::animal last = z.adopt("Last");
	zoo::zoo other = zoo::zoo::open("b");
	zoo::animal foreign = other.adopt("Far");
	T_EQ(last.try_befriend(foreign).error().status, FERRY_EFOREIGN);
	z.close();
	T_ASSERT(!z);
	int status = last.try_name().error().status;
	T_ASSERT(status == FERRY_ESTALE || status == FERRY_ECLOSED);
	thrown<ferry::closed_error>([&] { (void)last.name(); });
	thrown<ferry::closed_error>([&] { (void)z.population(); });
	zoo::zoo moved = zoo::zoo::open("a");
	z = std::move(moved);
	thrown<ferry::closed_error>([&] { (void)moved.population(); });
	T_EQ(moved.population_async().result_future().get().error().status,
	    FERRY_ECLOSED);
	T_EQ(moved.try_on_noise([](const zoo::on_noise_event &) {})
		 .error().status,
	    FERRY_ECLOSED);
	T_EQ(z.population(), 0);
}

/* One that is running, and one that is queued behind it. */
static void
deadlines()
{
	using namespace std::chrono_literals;
	zoo::zoo z = zoo::zoo::open("a");
	ferry::call_options soon;
	soon.timeout = 20ms;
	T_EQ(z.try_hold(1h, soon).error().status, FERRY_EDEADLINE);
	thrown<ferry::deadline_error>([&] { z.hold(1h, soon); });
	soon.deadline = std::chrono::steady_clock::now() - 1s;
	T_EQ(z.try_population(soon).error().status, FERRY_EDEADLINE);
	/* The ends of the clock: neither is near. */
	soon.deadline = std::chrono::steady_clock::time_point::min();
	T_EQ(z.try_population(soon).error().status, FERRY_EDEADLINE);
	soon.timeout.reset();
	soon.deadline = std::chrono::steady_clock::time_point::max();
	T_EQ(z.population(soon), 0);
	soon.deadline.reset();
	soon.timeout = 1h;
	T_EQ(z.population(soon), 0);
}

T_MAIN(
	T_RUN(numbers);
	T_RUN(things);
	T_RUN(shapes);
	T_RUN(cells);
	T_RUN(arguments);
	T_RUN(errors);
	T_RUN(objects);
	T_RUN(deadlines);
)
