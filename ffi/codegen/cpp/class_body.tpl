% for _, f in ipairs(o.makers) do
inline ferry::result<<%= ns .. o.name %>>
<%= parameters(o.name .. "::try_" .. f.name, f, "defined", "", "const ferry::open_options &options") %>
{
	ferry::result<void> fits = package_fits();
	if (!fits)
		return fits.error();
	ferry::result<ferry_context> opened = open_context(
	    *<%= model.library.name %>_ferry(),
<%= arguments("\t    calls::" .. f.call_type .. "{", f, "}, options);") %>
	if (!opened)
		return opened.error();
	return <%= ns .. o.name %>(*opened);
}

#if FERRY_EXCEPTIONS
inline <%= ns .. o.name %>
<%= parameters(o.name .. "::" .. f.name, f, "defined", "", "const ferry::open_options &options") %>
{
<%= forward("\treturn try_" .. f.name .. "(", f, ").value();") %>
}
#endif

% end
% if o.is_root then
inline ferry::result<<%= ns .. o.name %>>
<%= o.name %>::try_borrow(ferry_context theirs)
{
	ferry::result<void> fits = package_fits();
	if (fits)
		fits = ferry::check_context(
		    layout::package, <%= o.number %>, theirs);
	if (!fits)
		return fits.error();
	return <%= ns .. o.name %>(theirs, true);
}

#if FERRY_EXCEPTIONS
inline <%= ns .. o.name %>
<%= o.name %>::borrow(ferry_context theirs)
{
	return try_borrow(theirs).value();
}
#endif

% end
% for _, f in ipairs(o.methods) do
%< "method_body", { f = f, name = f.name, const = " const" }
% end
% if o.closer then
%< "method_body", { f = o.closer, name = "close", const = "" }
% end
% for _, f in ipairs(o.events) do
%< "event_body", { f = f }
% end
