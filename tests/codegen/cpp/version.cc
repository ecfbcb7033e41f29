/*
 * A library that is not the one that the header was made for is refused, and
 * what differs is named.
 *
 * Links: zoo
 */
#include <zoo.hpp>

#include <dlfcn.h>

#include "t.h"

namespace zoo = ferry::zoo;

static const ferry_package &
real()
{
	using function = const ferry_package *(*)(void);
	auto find = reinterpret_cast<function>(dlsym(RTLD_NEXT, "zoo_ferry"));
	T_ASSERT(find != nullptr);
	return *find();
}

/* A copy of the library's tables, to be changed. */
struct copied {
	ferry_package package = real();
	std::vector<ferry_package_record> records;
	std::vector<std::vector<ferry_package_field>> fields;
	std::vector<ferry_package_function> functions;

	copied(const copied &) = delete;

	copied()
	    : records(package.records, package.records + package.n_records),
	      functions(package.functions,
		  package.functions + package.n_functions)
	{
		for (ferry_package_record &r : records) {
			fields.emplace_back(r.fields, r.fields + r.n_fields);
			r.fields = fields.back().data();
		}
		package.records = records.data();
		package.functions = functions.data();
	}

	std::size_t
	record(const char *name)
	{
		for (std::size_t i = 0; i < records.size(); i++)
			if (std::strcmp(records[i].name, name) == 0)
				return i;
		T_FAIL("no record %s", name);
	}

	ferry_package_function &
	function(const char *name)
	{
		for (ferry_package_function &f : functions)
			if (std::strcmp(f.name, name) == 0)
				return f;
		T_FAIL("no function %s", name);
	}
};

/* What the generated header asks: one hash is another. */
extern "C" const ferry_package *
zoo_ferry(void)
{
	static copied it;
	it.function("zoo.split").hash++;
	return &it.package;
}

static std::string
said(const ferry_package &package)
{
	ferry::result<void> r = ferry::check_package(&package,
	    { "zoo", zoo::layout::roots, zoo::layout::records,
		zoo::layout::functions });
	if (r)
		return "";
	T_EQ(r.error().status, FERRY_EABI);
	return r.error().message();
}

static void
the_right_one()
{
	T_STR(said(real()).c_str(), "");
	T_STR(said(copied().package).c_str(), "");
}

static void
whole()
{
	copied c;
	c.package.format++;
	T_STR(said(c.package).c_str(),
	    "zoo: the library was made by another version of Ferry");
	copied d;
	d.package.abi = 99;
	T_STR(said(d.package).c_str(),
	    "zoo: the library needs a newer libferry");
	copied e;
	e.package.name = "ark";
	T_STR(said(e.package).c_str(), "zoo: the library is ark");
	T_ASSERT(!ferry::check_package(nullptr, { "zoo", {}, {}, {} }));
}

static const char tail[] =
    ": the library and the header that was made for it are not of one "
    "version";

static void
records()
{
	copied c;
	c.records[c.record("things")].hash++;
	T_ASSERT(said(c.package) ==
	    std::string("zoo: things has changed") + tail);
	copied d;
	d.records[d.record("point")].size++;
	T_ASSERT(said(d.package) ==
	    std::string("zoo: point is laid out in another way") + tail);
	copied e;
	e.fields[e.record("zoo.split.in")][1].offset++;
	T_ASSERT(said(e.package) ==
	    std::string("zoo: zoo.split.in is laid out in another way") + tail);
	copied f;
	f.records[f.record("shape")].name = "form";
	T_ASSERT(said(f.package) ==
	    std::string("zoo: shape is missing") + tail);
	copied g;
	g.fields[g.record("shape")][0].name = "sort";
	T_ASSERT(said(g.package) ==
	    std::string("zoo: shape is laid out in another way") + tail);
}

static void
functions()
{
	copied c;
	c.function("animal.clone").id++;
	T_ASSERT(said(c.package) ==
	    std::string("zoo: animal.clone() has changed") + tail);
	copied d;
	d.function("version").name = "edition";
	T_ASSERT(said(d.package) ==
	    std::string("zoo: version() is missing") + tail);
	copied e;
	e.function("zoo.on_noise").kind = FERRY_FUNCTION_METHOD;
	T_ASSERT(said(e.package) ==
	    std::string("zoo: zoo.on_noise() has changed") + tail);
}

/* Nothing is called. */
static void
through_the_header()
{
	std::string all = std::string("zoo: zoo.split() has changed") + tail;
	T_ASSERT(zoo::zoo::try_open("a").error().message() == all);
	T_ASSERT(zoo::try_version().error().message() == all);
	try {
		zoo::zoo::open("a");
		T_FAIL("nothing was thrown");
	} catch (const ferry::version_error &e) {
		T_ASSERT(e.what() == all);
	}
}

T_MAIN(
	T_RUN(the_right_one);
	T_RUN(whole);
	T_RUN(records);
	T_RUN(functions);
	T_RUN(through_the_header);
)
