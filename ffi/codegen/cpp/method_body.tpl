% local owner = o.is_root and "native_handle()" or "owner()"
% local function form(prefix, suffix)
% return parameters(o.name .. "::" .. prefix .. name .. (suffix or ""), f, "defined", const, "const ferry::call_options &options")
% end
inline ferry::result<<%= f.result %>>
<%= form("try_") %>
{
% if f.kind == "destructor" then
	ferry::result<void> closed = ferry::call_now(<%= owner %>,
<%= arguments("\t    calls::" .. f.call_type .. "{", f, "}, options);") %>
	if (closed)
		forget();
	return closed;
% else
	return ferry::call_now(<%= owner %>,
<%= arguments("\t    calls::" .. f.call_type .. "{", f, "}, options);") %>
% end
}

inline ferry::pending<<%= f.result %>>
<%= form("", "_async") %>
{
	return ferry::call_later(<%= owner %>,
<%= arguments("\t    calls::" .. f.call_type .. "{", f, "}, options);") %>
}

#if FERRY_EXCEPTIONS
inline <%= f.result %>
<%= form("") %>
{
<%= forward("\treturn try_" .. name .. "(", f, ").value();") %>
}

inline std::future<<%= f.result %>>
<%= form("", "_future") %>
{
<%= forward("\treturn " .. name .. "_async(", f, ").future();") %>
}
#endif

%
