% local loop = { "ferry::loop &loop", "std::size_t capacity = 1024" }
<%= doc(f.doc, "\t") %>	/*
	 * A function hears it, f(event) or f(event, dropped), on Ferry's event
	 * thread, as long as the listener lives; or a coroutine of a loop waits
	 * for it, by next().
	 */
#if FERRY_EXCEPTIONS
	template <typename F>
	ferry::listener <%= f.name %>(F function) const;
	ferry::stream<calls::<%= f.call_type %>>
<%= list("\t" .. f.name .. "_stream(", loop, ") const;") %>
#endif
	template <typename F>
	ferry::result<ferry::listener> try_<%= f.name %>(F function) const;
	ferry::result<ferry::stream<calls::<%= f.call_type %>>>
<%= list("\ttry_" .. f.name .. "_stream(", loop, ") const;") %>

%
