"""What <%= library.name %> may fail with.

Ferry's own errors are those of ferry_runtime.
"""

from ferry_runtime import LibraryError


class <%= base %>(LibraryError):
    """A failure that <%= library.name %> tells of: .code, and as a text why."""
% for _, e in ipairs(error_enums) do
%	if e.base ~= base then


class <%= e.base %>(<%= base %>):
    %< "doc", { doc = e.doc or ("One of `" .. e.c_name .. "`.") }
%	end
%	for _, value in ipairs(e.values) do
%		if value.first and value.value ~= "0" then


%< "comment", { doc = value.doc or ("`" .. value.c_name .. "`.") }
<%= value.class %> = <%= value.first.class %>
%		elseif value.value ~= "0" then


class <%= value.class %>(<%= e.base %>):
    %< "doc", { doc = value.doc or ("`" .. value.c_name .. "`.") }

    code = <%= value.value %>
%		end
%	end
% end
