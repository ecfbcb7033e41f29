% local loop = { "ferry::loop &loop", "std::size_t capacity" }
template <typename F>
ferry::result<ferry::listener>
<%= o.name %>::try_<%= f.name %>(F function) const
{
	return ferry::listen<calls::<%= f.call_type %>>(
	    native_handle(), std::move(function));
}

inline ferry::result<ferry::stream<calls::<%= f.call_type %>>>
<%= list(o.name .. "::try_" .. f.name .. "_stream(", loop, ") const") %>
{
	return ferry::open_stream<calls::<%= f.call_type %>>(
	    native_handle(), loop, capacity);
}

#if FERRY_EXCEPTIONS
template <typename F>
ferry::listener
<%= o.name %>::<%= f.name %>(F function) const
{
	return try_<%= f.name %>(std::move(function)).value();
}

inline ferry::stream<calls::<%= f.call_type %>>
<%= list(o.name .. "::" .. f.name .. "_stream(", loop, ") const") %>
{
	return try_<%= f.name %>_stream(loop, capacity).value();
}
#endif

%
