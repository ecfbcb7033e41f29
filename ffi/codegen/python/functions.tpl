"""What needs no object: called here and now, on the caller's thread."""

from __future__ import annotations
% if direct[1] then

%< "imports", { from = "", list = { "datetime" } }
%< "imports", { from = "typing", list = { "Dict", "List", "Mapping", "Optional", "Sequence", "Union" } }

from . import _library
%< "imports", { from = ".types", list = names.types }
% end
% for _, f in ipairs(direct) do


%	local errors = errors_of(f)
<%= words.fill(0, "def " .. f.name .. "(", f.parameters, ") -> " .. f.returns_hint .. ":") %>
%	if f.doc then
    %< "doc", { doc = f.doc }
%	end
%	local arguments = table.move(f.arguments, 1, #f.arguments, 1, {})
%	if errors then
%		arguments[#arguments + 1] = "errors=" .. errors
%	end
    <%= words.fill(4, "result: " .. f.returns_hint .. " = _library.call_" .. f.id_name .. ".here(", arguments, ")") %>
    return result
% end
