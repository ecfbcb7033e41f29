/*
 * The ark: objects in objects, failures told in other ways, values in and out.
 *
 * Links: ark
 */
#include <ark.hpp>

#include "t.h"

namespace ark = ferry::ark;

static void
in_objects()
{
	ark::ark a = ark::ark::build(300);
	{
		ark::deck deck = a.lay(1);
		ark::crate crate = deck.make("apples");
		T_EQ(a.count().decks, 1);
		T_EQ(a.count().crates, 1);
		T_STR(crate.carry(std::chrono::milliseconds(1)).c_str(),
		    "apples");
		auto [left, right] = crate.split(true);
		T_EQ(a.count().crates, 3);
		T_EQ(crate.try_split(false).error().status, FERRY_EINVAL);
		left.close();
		right.close();
		crate.close();
		T_EQ(a.count().crates, 0);
		T_STR(deck.try_make("").error().message().c_str(),
		    "no label, deck 1");
		deck.close();
	}
	T_EQ(a.count().decks, 0);
}

static void
values()
{
	ark::ark a = ark::ark::build(300);
	ark::hold hold;
	T_ASSERT(a.stow(hold) == hold);
	ark::item item{ "eggs", true, { true, false } };
	hold.loads[0] = ark::load::list{ { item, {} } };
	hold.loads[1] = ark::load::flags{ { true, false } };
	hold.spare = item;
	T_ASSERT(a.stow(hold) == hold);
	hold.spare.reset();
	T_ASSERT(a.stow(hold) == hold);
	T_ASSERT(a.pack("eggs").label == "eggs");
	T_EQ(ark::packs(), 0);
	auto both = a.twice(21, item);
	T_EQ(both.number, 42);
	item.marks.assign(200, true);
	T_EQ(a.try_twice(1, item).error().status, FERRY_EINVAL);
}

static void
roots()
{
	ark::ark a = ark::ark::build(300);
	ark::dove d = ark::dove::hatch();
	(void)d.fly();
	T_ASSERT(a.try_swim(1).has_value());
	T_EQ(a.try_swim(0).error().status, 1);
	T_ASSERT(a.try_log(40).has_value());
	T_EQ(a.try_log(1).error().status, 1);
}

/* Of two names for one code the second is another name of the first one's. */
static_assert(ark::error::drip == ark::error::leak);
static_assert(std::is_same_v<ark::drip_error, ark::leak_error>);

/* Where there is no object to ask. */
static void
details()
{
	auto failed = ark::dove::try_trap(1);
	const ferry::error_domain &domain = ferry_error_domain(ark::error{});
	T_STR(domain.text(3), "leak");
	T_EQ(failed.error().status, static_cast<int>(ark::error::leak));
	T_STR(failed.error().message().c_str(), "it has no wings");
	T_STR(ark::dove::try_trap(5).error().message().c_str(),
	    "it flew away, 5");
	T_EQ(ark::doves(), 0);
	ark::ark a = ark::ark::build(300);
	T_STR(a.try_patch(13).error().message().c_str(), "deck 13 is wet");
	T_EQ(a.count().decks, 0);
	T_STR(a.try_complain("no hay").error().message().c_str(), "no hay");
	T_STR(a.try_complain(std::nullopt).error().message().c_str(),
	    "it leaks");
	T_STR(ark::try_grumble("no straw").error().message().c_str(),
	    "no straw");
}

/* Another's root, which stays open and another's. */
static void
borrowed()
{
	ark::ark a = ark::ark::build(300);
	{
		ark::ark b = ark::ark::borrow(a.native_handle());
		T_EQ(b.native_handle(), a.native_handle());
		ark::deck deck = b.lay(1);
		T_EQ(a.count().decks, 1);
		ark::ark moved = std::move(b);
		T_ASSERT(!b && moved);
		T_EQ(moved.count().decks, 1);
		moved = ark::ark::borrow(a.native_handle());
	}
	/* The deck is released: it ends soon, and not at once. */
	T_WAIT_UNTIL(a.count().decks == 0, 5000);
	ark::ark b = ark::ark::borrow(a.native_handle());
	a.close();
	T_EQ(b.try_count().error().status, FERRY_ESTALE);

	/* What is moved here is owned, whatever was here before. */
	b = ark::ark::build(300);
	ferry_context owned = b.native_handle();
	{
		ark::ark last = std::move(b);
		T_EQ(last.count().decks, 0);
	}
	T_EQ(ark::ark::try_borrow(owned).error().status, FERRY_ESTALE);
}

static void
borrowed_of_another_kind()
{
	ark::ark a = ark::ark::build(300);
	ark::dove d = ark::dove::hatch();

	auto no = ark::ark::try_borrow(d.native_handle());
	T_EQ(no.error().status, FERRY_EINVAL);
	T_STR(no.error().message().c_str(), "the context is no ark.ark");
	T_EQ(ark::dove::try_borrow(a.native_handle()).error().status,
	    FERRY_EINVAL);
	T_EQ(ark::ark::try_borrow(0).error().status, FERRY_EINVAL);
	T_ASSERT(ark::dove::try_borrow(d.native_handle()).has_value());
	(void)d.fly();
}

/* In C they are integers. */
static void
enums()
{
	ark::ark a = ark::ark::build(300);
	auto sorted = a.sort();
	T_ASSERT(sorted.result == ark::cargo::list);
	T_ASSERT(sorted.wide == ark::cargo::list);
	sorted = a.sort(ark::cargo::flags, 2);
	T_ASSERT(sorted.result == ark::cargo::flags);
	T_ASSERT(sorted.wide == ark::cargo::flags);
	/* Of numbers that are no value, what C holds. */
	T_EQ(static_cast<int>(a.sort(static_cast<ark::cargo>(77), 78).result),
	    77);
	T_ASSERT(!a.try_sort(static_cast<ark::cargo>(256)).has_value());
	T_ASSERT(!a.try_sort(ark::cargo::list, std::int64_t{ 1 } << 40)
	    .has_value());
}

T_MAIN(
	T_RUN(enums);
	T_RUN(details);
	T_RUN(in_objects);
	T_RUN(values);
	T_RUN(roots);
	T_RUN(borrowed);
	T_RUN(borrowed_of_another_kind);
)
