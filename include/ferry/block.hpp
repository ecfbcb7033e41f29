/*
 * Blocks: what travels between a caller and a library (<ferry/package.h>).
 *
 * A record is written twice by the same code. The first time, in a writer
 * without memory, only adds up what its pointers need; then there is one
 * allocation, and the second time fills it. Mistakes that the types do not
 * exclude (a zero byte in text, say) are found the first time, before anything
 * is submitted.
 *
 * A reader believes nothing: what it is given was checked by nobody.
 */
#ifndef FERRY_BLOCK_HPP
#define FERRY_BLOCK_HPP

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include <ferry/result.hpp>

namespace ferry {

/* A pointer in a block: an offset from its beginning; 0 is NULL. */
using offset = std::uintptr_t;

/* A struct of a block, with zeros where C has gaps, too. */
template <typename Wire>
Wire
zeroed()
{
	static_assert(std::is_trivially_copyable_v<Wire>);
	Wire wire;
	std::memset(static_cast<void *>(&wire), 0, sizeof wire);
	return wire;
}

class block_writer {
public:
	/* One that only adds up. */
	block_writer() = default;

	explicit block_writer(void *memory)
	    : memory_(static_cast<unsigned char *>(memory))
	{
	}

	std::size_t
	used() const noexcept
	{
		return used_;
	}

	/* Where `count` things of `size` bytes may stand. */
	std::size_t
	take(std::size_t count, std::size_t size, std::size_t align)
	{
		std::size_t at = (used_ + align - 1) & ~(align - 1);
		if (count > (most - at) / size) {
			fail("a block", "is too large");
			return at;
		}
		used_ = at + count * size;
		return at;
	}

	void
	store(std::size_t at, const void *from, std::size_t size)
	{
		if (memory_ && size > 0)
			std::memcpy(memory_ + at, from, size);
	}

	/* The first failure counts. Both texts live for ever. */
	void
	fail(const char *what, const char *why)
	{
		if (!why_) {
			what_ = what;
			why_ = why;
		}
	}

	bool
	failed() const noexcept
	{
		return why_ != nullptr;
	}

	error
	why(const char *function) const
	{
		return failure(FERRY_EINVAL, std::string(function) + ": " +
			what_ + ": " + why_);
	}

private:
	static constexpr std::size_t most =
	    std::numeric_limits<std::size_t>::max() / 2;

	unsigned char *memory_ = nullptr;
	std::size_t used_ = 0;
	const char *what_ = nullptr;
	const char *why_ = nullptr;
};

class block_reader {
public:
	block_reader(const void *data, std::size_t size, ferry_context context)
	    : data_(static_cast<const unsigned char *>(data)), size_(size),
	      context_(context)
	{
	}

	/* Whose handles the block has. */
	ferry_context
	context() const noexcept
	{
		return context_;
	}

	/* `count` things of `size` bytes; nullptr, and failed, if they are not
	 * all within the block. */
	const unsigned char *
	look(std::size_t at, std::size_t count, std::size_t size)
	{
		if (!failed_ && at <= size_ && count <= (size_ - at) / size)
			return data_ + at;
		failed_ = true;
		return nullptr;
	}

	template <typename Wire>
	bool
	load(Wire &wire, std::size_t at)
	{
		const unsigned char *from = look(at, 1, sizeof wire);
		if (from)
			std::memcpy(&wire, from, sizeof wire);
		return from != nullptr;
	}

	/* How many bytes of text begin there. */
	std::size_t
	text(std::size_t at)
	{
		const void *end = at < size_ && !failed_
		    ? std::memchr(data_ + at, 0, size_ - at)
		    : nullptr;
		if (!end) {
			failed_ = true;
			return 0;
		}
		return static_cast<std::size_t>(
		    static_cast<const unsigned char *>(end) - (data_ + at));
	}

	void
	fail() noexcept
	{
		failed_ = true;
	}

	bool
	failed() const noexcept
	{
		return failed_;
	}

private:
	const unsigned char *data_;
	std::size_t size_;
	ferry_context context_;
	bool failed_ = false;
};

} /* namespace ferry */

#endif
