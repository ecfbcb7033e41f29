/*
 * Blocks, written and read again without a library; and broken ones.
 */
#include <zoo.hpp>

#include <cmath>
#include <random>

#include "t.h"
#include "things.hpp"

namespace calls = ferry::zoo::calls;
namespace wire = ferry::zoo::wire;

/* No library: nothing here asks for it. */
extern "C" const ferry_package *
zoo_ferry(void)
{
	return nullptr;
}

/* A record, through the arguments of the call that gives it back. */
template <typename Call, typename Wire, typename T>
static ferry::result<T>
read_back(const void *data, std::size_t size)
{
	ferry::block_reader in(data, size, 0);
	typename Call::in_block arguments{};
	T value{};
	if (in.load(arguments, 0))
		ferry::codec::get_pointer<Wire>(in, arguments.in, value);
	if (in.failed())
		return ferry::failure(FERRY_EINVAL);
	return value;
}

template <typename Call, typename Wire, typename T>
static T
through(const T &value)
{
	ferry::detail::request_block block;
	T_ASSERT(!block.fill(Call{ value }));
	return read_back<Call, Wire, T>(block.data(), block.size()).value();
}

static zoo::things
through(const zoo::things &value)
{
	return through<calls::zoo_things_echo, wire::things>(value);
}

static zoo::shapes
through(const zoo::shapes &value)
{
	return through<calls::zoo_shapes_echo, wire::shapes>(value);
}

static void
everything()
{
	zoo::things empty;
	T_ASSERT(through(empty) == empty);
	zoo::things full = some_things();
	T_ASSERT(through(full) == full);
	full.branch->leaf->maybe.reset();
	full.branch->label = "x";
	T_ASSERT(through(full) == full);
	full.branch->leaf.reset();
	full.maybe_text.reset();
	full.maybe_blob.reset();
	full.score.reset();
	T_ASSERT(through(full) == full);
}

static void
large()
{
	zoo::things t;
	t.text.assign(1 << 20, 'x');
	t.counted.assign(1 << 20, '\0');
	t.numbers.assign(100000, -5);
	t.words.assign(100000, "word");
	t.points.assign(UINT16_MAX, { 1, 2 });
	T_ASSERT(through(t) == t);
}

static void
variants()
{
	zoo::shapes s;
	T_ASSERT(through(s) == s);
	s.shapes = { zoo::shape::circle{ 2.5 }, zoo::shape::nothing{},
		zoo::shape::line{ { { 1, 2 }, { 3, 4 } } },
		zoo::shape::name{ "square" }, zoo::shape::line{} };
	s.favourite = zoo::shape::name{ "" };
	T_ASSERT(through(s) == s);
	std::visit([](const auto &) {}, s.favourite.value);
	T_ASSERT(s.shapes[0].get_if<zoo::shape::circle>() != nullptr);
	T_ASSERT(*s.shapes[0].get_if<double>() == 2.5);
	T_ASSERT(s.shapes[0].get_if<zoo::shape::line>() == nullptr);
}

static void
numbers()
{
	zoo::numbers n{ INT8_MIN, UINT8_MAX, INT16_MIN, UINT16_MAX, INT32_MIN,
		UINT32_MAX, INT64_MIN, UINT64_MAX, INT32_MAX, INT64_MAX,
		SIZE_MAX, '\xff', true, -0.0F, 1e308, zoo::colour::blue,
		zoo::food::hay | zoo::food::fish };
	zoo::numbers back =
	    through<calls::zoo_numbers_echo, wire::numbers>(n);
	T_ASSERT(back == n);
	T_ASSERT(std::signbit(back.f32));
	n.f64 = NAN;
	back = through<calls::zoo_numbers_echo, wire::numbers>(n);
	T_ASSERT(std::isnan(back.f64));
}

/* What the types do not exclude is said before anything is submitted. */
template <typename Call>
static std::string
refused(const Call &call)
{
	ferry::detail::request_block block;
	std::optional<ferry::error> e = block.fill(call);
	T_ASSERT(e.has_value());
	T_EQ(e->status, FERRY_EINVAL);
	return e->message();
}

static void
bad_values()
{
	using namespace std::string_view_literals;
	zoo::things t;
	t.text = "a\0b"sv;
	T_STR(refused(calls::zoo_things_echo{ t }).c_str(),
	    "zoo.things_echo: text: has a zero byte in it");
	t = {};
	t.fixed_text = "sixteen letters!";
	T_STR(refused(calls::zoo_things_echo{ t }).c_str(),
	    "zoo.things_echo: fixed_text: is too long");
	t = {};
	t.points.resize(UINT16_MAX + 1);
	T_STR(refused(calls::zoo_things_echo{ t }).c_str(),
	    "zoo.things_echo: points: has more elements than its length can "
	    "say");
	t = {};
	t.nap = std::chrono::milliseconds(-1);
	T_STR(refused(calls::zoo_things_echo{ t }).c_str(),
	    "zoo.things_echo: nap: is out of its range");
	t = {};
	t.words = { "ok", std::string("\0", 1) };
	T_STR(refused(calls::zoo_things_echo{ t }).c_str(),
	    "zoo.things_echo: words: has a zero byte in it");
	t = {};
	t.tags = { { std::string("\0", 1), 0 } };
	T_STR(refused(calls::zoo_things_echo{ t }).c_str(),
	    "zoo.things_echo: key: has a zero byte in it");
	T_STR(refused(calls::zoo_find{ "x\0"sv }).c_str(),
	    "zoo.find: word: has a zero byte in it");
}

/* Cut off anywhere, a block is refused or a value, and never read past. */
static void
cut()
{
	ferry::detail::request_block block;
	zoo::things t = some_things();
	T_ASSERT(!block.fill(calls::zoo_things_echo{ t }));
	for (std::size_t size = 0; size < block.size(); size++) {
		std::vector<unsigned char> part(size);
		if (size > 0)
			std::memcpy(part.data(), block.data(), size);
		part.shrink_to_fit();
		T_ASSERT(!(read_back<calls::zoo_things_echo, wire::things,
		    zoo::things>(part.data(), size)));
	}
}

/* Any byte changed in any way: a value or a refusal. */
static void
flipped()
{
	std::minstd_rand random(static_cast<unsigned>(t_seed()));
	ferry::detail::request_block block;
	zoo::things t = some_things();
	T_ASSERT(!block.fill(calls::zoo_things_echo{ t }));
	const auto *first = static_cast<const unsigned char *>(block.data());
	std::size_t refusals = 0;
	for (int i = 0; i < 20000; i++) {
		std::vector<unsigned char> copy(first, first + block.size());
		for (unsigned k = random() % 3 + 1; k > 0; k--)
			copy[random() % copy.size()] =
			    static_cast<unsigned char>(random());
		if (!read_back<calls::zoo_things_echo, wire::things,
			zoo::things>(copy.data(), copy.size()))
			refusals++;
	}
	T_ASSERT(refusals > 1000);
}

T_MAIN(
	T_RUN(everything);
	T_RUN(large);
	T_RUN(variants);
	T_RUN(numbers);
	T_RUN(bad_values);
	T_RUN(cut);
	T_RUN(flipped);
)
