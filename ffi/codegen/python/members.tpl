% for _, f in ipairs(members) do
%	local default = f.py_default and " = " .. f.py_default or ""
%	local hides = tuple and (f.name == "count" or f.name == "index")
%< "comment", { doc = f.doc or false }
<%= f.name %>: <%= types.hint(f.type, false, prefix) %><%= default %><%= hides and "  # type: ignore[assignment]" or "" %>
% end
