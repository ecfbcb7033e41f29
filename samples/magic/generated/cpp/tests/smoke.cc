/*
 * Whether magic can be used: the header fits the library that is loaded, and
 * each type goes into a block and comes back.
 */
#include <magic.hpp>

#include <cstdio>

static int failures;

static void
check(bool good, const char *what)
{
	std::printf("%s: %s\n", good ? "ok" : "FAILED", what);
	failures += !good;
}

/* There and back, of a value as it is made. */
template <typename Wire, typename T>
static bool
comes_back(const T &value)
{
	ferry::block_writer size;
	Wire wire = ferry::zeroed<Wire>();
	size.take(1, sizeof wire, alignof(Wire));
	ferry::codec::put(size, wire, value, "value");
	std::vector<unsigned char> block(size.used());
	ferry::block_writer out(block.data());
	out.take(1, sizeof wire, alignof(Wire));
	ferry::codec::put(out, wire, value, "value");
	out.store(0, &wire, sizeof wire);
	ferry::block_reader in(block.data(), block.size(), 0);
	T again{};
	if (in.load(wire, 0))
		ferry::codec::get(in, wire, again);
	return !size.failed() && !in.failed() && again == value;
}

int
main()
{
	const ferry::result<void> &fits = ferry::magic::package_fits();
	check(fits.has_value(), fits ? "the library that is loaded"
				     : fits.error().message().c_str());
	return failures == 0 ? 0 : 1;
}
