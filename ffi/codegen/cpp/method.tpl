% local function form(name)
% return parameters("\t" .. name, f, "declared", const .. ";", "const ferry::call_options &options = {}")
% end
<%= doc(f.doc, "\t") %>#if FERRY_EXCEPTIONS
	<%= f.result %>
<%= form(name) %>
#endif
	ferry::result<<%= f.result %>>
<%= form("try_" .. name) %>
	ferry::pending<<%= f.result %>>
<%= form(name .. "_async") %>
#if FERRY_EXCEPTIONS
	std::future<<%= f.result %>>
<%= form(name .. "_future") %>
#endif

%
