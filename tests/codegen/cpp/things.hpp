/*
 * tests/codegen/cpp/things.hpp: a record with something in each of its members,
 * much of it at a limit of its type.
 */
#ifndef THINGS_HPP
#define THINGS_HPP

#include <zoo.hpp>

#include <cmath>

namespace zoo = ferry::zoo;

inline zoo::things
some_things()
{
	zoo::things t;
	t.text = "gr\xc3\xbc\xc3\x9f";
	t.maybe_text = "";
	t.counted = std::string("a\0b", 3);
	t.blob = { 0, 1, 255 };
	t.maybe_blob.emplace();
	t.fixed_text = "fifteen letters";
	t.digest = { 1, 2, 3, 4, 5, 6, 7, 8 };
	t.numbers = { INT32_MIN, -1, 0, INT32_MAX };
	t.words = { "", "one", "two" };
	t.points = { { 1, 2 }, { -0.0, INFINITY } };
	t.pair = { INT16_MIN, INT16_MAX };
	t.corners = { zoo::point{ 1, 2 }, zoo::point{ 3, 4 } };
	t.tags = { { "b", 1 }, { "a", 2 }, { "b", 3 } };
	t.branch = zoo::branch{ zoo::leaf{ 1, INT32_MIN }, std::nullopt };
	t.score = INT64_MIN;
	t.paint = static_cast<zoo::colour>(77);
	t.born = decltype(t.born)(std::chrono::microseconds::min());
	t.seen_ns = decltype(t.seen_ns)(std::chrono::nanoseconds::max());
	t.nap = std::chrono::milliseconds(UINT32_MAX);
	t.spell = std::chrono::duration<double>(-0.5);
	return t;
}

#endif
