/*
 * Types that packages have in common.
 */
#ifndef FERRY_TYPES_HPP
#define FERRY_TYPES_HPP

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <ratio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ferry {

/*
 * Keys and values in the library's order, which may mean something; keys may
 * come twice.
 */
template <typename Key, typename Value>
using map = std::vector<std::pair<Key, Value>>;

/* A view of texts, whatever their type: an argument, never kept. */
class strings {
public:
	strings() = default;

	strings(std::span<const std::string> all)
	    : first_(all.data()), size_(all.size()), at_(&at<std::string>)
	{
	}

	strings(std::span<const std::string_view> all)
	    : first_(all.data()), size_(all.size()), at_(&at<std::string_view>)
	{
	}

	strings(std::span<const char *const> all)
	    : first_(all.data()), size_(all.size()), at_(&at<const char *>)
	{
	}

	strings(const std::vector<std::string> &all)
	    : strings(std::span<const std::string>(all))
	{
	}

	strings(const std::vector<std::string_view> &all)
	    : strings(std::span<const std::string_view>(all))
	{
	}

	/* In the same expression only. */
	strings(std::initializer_list<std::string_view> all)
	    : first_(all.begin()), size_(all.size()),
	      at_(&at<std::string_view>)
	{
	}

	std::size_t
	size() const noexcept
	{
		return size_;
	}

	std::string_view
	operator[](std::size_t i) const
	{
		return at_(first_, i);
	}

	class iterator {
	public:
		iterator(const strings *all, std::size_t i) : all_(all), i_(i)
		{
		}

		std::string_view
		operator*() const
		{
			return (*all_)[i_];
		}

		iterator &
		operator++()
		{
			i_++;
			return *this;
		}

		bool
		operator!=(const iterator &other) const
		{
			return i_ != other.i_;
		}

	private:
		const strings *all_;
		std::size_t i_;
	};

	iterator
	begin() const
	{
		return { this, 0 };
	}

	iterator
	end() const
	{
		return { this, size_ };
	}

private:
	template <typename T>
	static std::string_view
	at(const void *first, std::size_t i)
	{
		return static_cast<const T *>(first)[i];
	}

	const void *first_ = nullptr;
	std::size_t size_ = 0;
	std::string_view (*at_)(const void *, std::size_t) = nullptr;
};

} /* namespace ferry */

#endif
