"""What <%= library.name %>'s values are in Python."""

from __future__ import annotations

%< "imports", { from = "", list = { "builtins as _builtins", "dataclasses", "datetime", "enum" } }
%< "imports", { from = "typing", list = { "Dict", "List", "NamedTuple", "Optional", "Union" } }
% for _, c in ipairs(model.constants) do

%< "comment", { doc = c.doc or false }
<%= c.name:upper() %> = <%= types.constant(c) %>
% end
% for _, e in ipairs(model.enums) do


class <%= class_of(e.name) %>(enum.<%= e.kind == "flags" and "IntFlag" or "IntEnum" %>):
    %< "doc", { doc = e.doc or ("`" .. e.c_name .. "`.") }

%	for _, value in ipairs(e.values) do
    %< "comment", { doc = value.doc or false }
    <%= value.name:upper() %> = <%= value.value %>
%	end
% end
% for _, variant in ipairs(model.variants) do
%	for _, case in ipairs(variant.plain and {} or variant.cases) do
%		local f = case.field


@dataclasses.dataclass
class <%= case.class %>:
    %< "doc", { doc = f and f.doc or ("`" .. case.value .. "`.") }
%		if f then

    <%= f.name %>: <%= types.hint(f.type, false, case.prefix) %>
%		end
%	end
% end
% for _, r in ipairs(model.records) do


@dataclasses.dataclass
class <%= r.class %>:
    %< "doc", { doc = r.doc or ("`" .. r.c_name .. "`.") }

    %< "members", { members = r.members, prefix = r.prefix, tuple = false }
% end
% for _, r in ipairs(model.variants) do


%	local names = {}
%	for i, case in ipairs(r.cases) do
%		local hint = case.field and types.hint(case.field.type, false) or "None"
%		names[i] = r.plain and hint or case.class
%	end
%< "comment", { doc = r.plain and words.cases(r, types.hint) or r.doc or false }
<%= words.fill(0, r.class .. " = Union[", names, "]", 4) %>
% end
% for _, f in ipairs(named) do
%	if not f.makes_handles then


%< "result", { f = f }
%	end
% end
