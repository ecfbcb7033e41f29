inline ferry::result<<%= f.result %>>
<%= parameters("try_" .. f.name, f, "defined", "") %>
{
	ferry::result<void> fits = package_fits();
	if (!fits)
		return fits.error();
	return ferry::call_direct(*<%= model.library.name %>_ferry(),
<%= arguments("\t    calls::" .. f.call_type .. "{", f, "});") %>
}

#if FERRY_EXCEPTIONS
inline <%= f.result %>
<%= parameters(f.name, f, "defined", "") %>
{
<%= forward("\treturn try_" .. f.name .. "(", f, ").value();", "none") %>
}
#endif

%
