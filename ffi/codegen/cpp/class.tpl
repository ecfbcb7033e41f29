% local base = o.is_root and "context" or "handle"
<%= doc(o.doc) %>class <%= o.name %> : public ferry::<%= base %> {
public:
	/** None: a place to move one to. */
	<%= o.name %>() = default;

% if not o.is_root then
	/** For who has a token, and gives it away. */
	<%= o.name %>(ferry_context context, ferry_handle token)
	    : ferry::handle(context, token)
	{
	}

% end
% for _, f in ipairs(o.makers) do
<%= doc(f.doc, "\t") %>#if FERRY_EXCEPTIONS
	static <%= ns .. o.name %>
<%= parameters("\t" .. f.name, f, "declared", ";", "const ferry::open_options &options = {}") %>
#endif
	static ferry::result<<%= ns .. o.name %>>
<%= parameters("\ttry_" .. f.name, f, "declared", ";", "const ferry::open_options &options = {}") %>

% end
% if o.is_root then
	/**
	 * One that somebody else has opened, in this process; native_handle()
	 * is what to hand over. It stays theirs: the end of this object does
	 * not close it. Once it is closed, calls are refused.
	 */
#if FERRY_EXCEPTIONS
	static <%= ns .. o.name %>
	borrow(ferry_context theirs);
#endif
	static ferry::result<<%= ns .. o.name %>>
	try_borrow(ferry_context theirs);

% end
% for _, f in ipairs(o.methods) do
%< "method", { f = f, name = f.name, const = " const" }
% end
% if o.closer then
%< "method", { f = o.closer, name = "close", const = "" }
% end
% for _, f in ipairs(o.events) do
%< "event", { f = f }
% end
% if o.is_root then
private:
	using ferry::context::context;
% end
};

%
