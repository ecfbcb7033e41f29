/*
 * Whether the loaded library is the one that a header was made for. What is
 * compared: the block's format, the version of Ferry's ABI, and of everything
 * that the header uses its hash, its number, and where each field stands.
 */
#ifndef FERRY_PACKAGE_HPP
#define FERRY_PACKAGE_HPP

#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include <ferry/package.h>
#include <ferry/result.hpp>

namespace ferry {

struct field_layout {
	const char *name;
	std::size_t offset;
	std::size_t size;
};

struct record_layout {
	const char *name;
	std::uint64_t hash; /* 0: arguments or results, their function has it */
	std::size_t size;
	std::span<const field_layout> fields;
};

struct function_number {
	const char *name;
	std::uint64_t hash;
	std::uint32_t kind;
	std::uint32_t root; /* in package_layout.roots; UINT32_MAX: none */
	std::uint32_t id;
};

/* What a header knows of its library. */
struct package_layout {
	const char *name;
	std::span<const char *const> roots;
	std::span<const record_layout> records;
	std::span<const function_number> functions;
};

namespace detail {

template <typename T>
const T *
find_named(const T *items, std::size_t n, const char *name)
{
	for (std::size_t i = 0; i < n; i++)
		if (std::strcmp(items[i].name, name) == 0)
			return items + i;
	return nullptr;
}

inline error
other_version(const char *library, std::string what)
{
	return failure(FERRY_EABI, std::string(library) + ": " +
		std::move(what) +
		": the library and the header that was made for it are not of "
		"one version");
}

inline bool
same_fields(const ferry_package_record &there, const record_layout &here)
{
	if (there.size != here.size || there.n_fields != here.fields.size())
		return false;
	for (const field_layout &f : here.fields) {
		const ferry_package_field *found =
		    find_named(there.fields, there.n_fields, f.name);
		if (!found || found->offset != f.offset ||
		    found->size != f.size)
			return false;
	}
	return true;
}

inline result<void>
check_records(const ferry_package &there, const package_layout &here)
{
	for (const record_layout &r : here.records) {
		const ferry_package_record *found =
		    find_named(there.records, there.n_records, r.name);
		std::string name = r.name;
		if (!found)
			return other_version(here.name,
			    name + " is missing");
		if (r.hash != 0 && found->hash != r.hash)
			return other_version(here.name, name + " has changed");
		if (!same_fields(*found, r))
			return other_version(here.name,
			    name + " is laid out in another way");
	}
	return {};
}

inline result<void>
check_functions(const ferry_package &there, const package_layout &here)
{
	for (const function_number &f : here.functions) {
		const ferry_package_function *found =
		    find_named(there.functions, there.n_functions, f.name);
		std::string name = f.name;
		if (!found)
			return other_version(here.name,
			    name + "() is missing");
		bool same = found->hash == f.hash && found->id == f.id &&
		    found->kind == f.kind &&
		    (f.root == UINT32_MAX ? found->root == UINT32_MAX
					  : found->root < there.n_roots &&
				std::strcmp(there.roots[found->root],
				    here.roots[f.root]) == 0);
		if (!same)
			return other_version(here.name,
			    name + "() has changed");
	}
	return {};
}

} /* namespace detail */

inline result<void>
check_package(const ferry_package *there, const package_layout &here)
{
	if (ferry_abi_check(FERRY_ABI) != FERRY_OK)
		return failure(FERRY_EABI, std::string(here.name) +
			": needs another version of libferry");
	if (!there || there->format != FERRY_PACKAGE_FORMAT ||
	    there->struct_size < sizeof *there)
		return failure(FERRY_EABI, std::string(here.name) +
			": the library was made by another version of Ferry");
	if (ferry_abi_check(there->abi) != FERRY_OK)
		return failure(FERRY_EABI, std::string(here.name) +
			": the library needs a newer libferry");
	if (std::strcmp(there->name, here.name) != 0)
		return failure(FERRY_EABI, std::string(here.name) +
			": the library is " + there->name);
	result<void> records = detail::check_records(*there, here);
	return records ? detail::check_functions(*there, here) : records;
}

/*
 * Whether a context is one of this root of a package that fits: it knows all
 * that it may be asked for, by the same numbers. FERRY_EINVAL where it does
 * not; FERRY_ESTALE, FERRY_ECLOSED, FERRY_EFORKED of one that is not open here.
 */
inline result<void>
check_context(const package_layout &here, std::uint32_t root,
    ferry_context context)
{
	ferry_counters counters{};
	counters.struct_size = sizeof counters;
	int r = ferry_context_counters(&counters, context);
	for (const function_number &f : here.functions) {
		std::uint32_t id = f.id;
		if (r != FERRY_OK)
			break;
		if (f.root != root)
			continue;
		if (f.kind == FERRY_FUNCTION_METHOD)
			r = ferry_context_method(&id, context, f.name);
		else if (f.kind == FERRY_FUNCTION_EVENT)
			r = ferry_context_event(&id, context, f.name);
		if (r == FERRY_OK && id != f.id)
			r = FERRY_ENOMETHOD;
	}
	if (r == FERRY_ENOMETHOD || r == FERRY_ENOEVENT)
		return failure(FERRY_EINVAL,
		    std::string("the context is no ") + here.name + "." +
			here.roots[root]);
	if (r != FERRY_OK)
		return failure(r);
	return {};
}

/* The number of a root in the loaded library, by name; checked before. */
inline std::uint32_t
root_number(const ferry_package &package, const char *name)
{
	for (std::uint32_t i = 0; i < package.n_roots; i++)
		if (std::strcmp(package.roots[i], name) == 0)
			return i;
	return UINT32_MAX;
}

} /* namespace ferry */

#endif
