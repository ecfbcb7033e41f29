"""The library, loaded, and what it is called with."""

from __future__ import annotations

import os
import pathlib

import ferry_runtime
from ferry_runtime import codec as c
% if uses("values") then
from ferry_runtime.binding import Call, values
% else
from ferry_runtime.binding import Call
% end

from . import errors, types

PATH = os.environ.get("<%= env %>") or str(
    pathlib.Path(__file__).resolve().with_name("<%= so %>"))
% for _, o in ipairs(model.objects) do
%	if o.parent then


class <%= o.class %>(ferry_runtime.Handle):
    """<%= o.class %>, here or in `blocking`."""
%	end
% end


% for i, e in ipairs(error_enums) do
OF_<%= e.name:upper() %> = {
%	for _, value in ipairs(e.values) do
%		if value.value ~= "0" and not value.first then
    <%= value.value %>: errors.<%= value.class %>,
%		end
%	end
}
%	if i > 1 then
ERRORS_OF_<%= e.name:upper() %> = ferry_runtime.Errors(
    OF_<%= e.name:upper() %>, errors.<%= e.base %>)
%	end
% end
% if error_enums[1] then
ERRORS_OF_NO_ENUM = ferry_runtime.Errors({}, errors.<%= base %>)
% end

PACKAGE = ferry_runtime.load(
    PATH, "<%= library.name %>", requires=(0, 1),
% if error_enums[1] then
    base=errors.<%= error_enums[1].base %>, errors=OF_<%= error_enums[1].name:upper() %>,
% else
    base=errors.<%= base %>,
% end
    functions={
% for _, f in ipairs(calls) do
        "<%= f.layout %>": 0x<%= f.hash %>,
% end
    },
    records={
% for _, r in ipairs(model.records) do
        "<%= r.name %>": 0x<%= r.hash %>,
% end
% for _, r in ipairs(model.variants) do
        "<%= r.name %>": 0x<%= r.hash %>,
% end
    })

CODEC = c.Codec("<%= library.name %>", PACKAGE.layout)
% local function lines(list, last)
%	for _, f in ipairs(list) do
    <%= field(f, 4) %><%= f == list[#list] and last or "," %>
%	end
% end
% for _, r in ipairs(model.records) do
CODEC.record(
    "<%= r.name %>", types.<%= r.class %>,
%	lines(r.made_of, ")")
% end
% for _, r in ipairs(model.variants) do
CODEC.variant(
%	local kind = { role = "value", name = "kind", c_name = r.tag.c_name, type = r.tag.type }
    "<%= r.name %>",
    <%= field(kind, 4) %>, (
%	for _, case in ipairs(r.cases) do
%		local tag = "types." .. class_of(r.tag.type.name) .. "." .. case.name:upper()
%		local class = r.plain and "None" or "types." .. case.class
%		if case.field then
        c.Case(<%= tag %>, <%= class %>,
               <%= field(case.field, 15) %>),
%		else
        c.Case(<%= tag %>, <%= class %>),
%		end
%	end
    )<%= (r.lens or {})[1] and "," or ")" %>
%	lines(r.lens or {}, ")")
% end
% local function tuple(list, handle)
%	if handle then
        c.Field("self", "self", c.Handle(<%= handle %>)),
%	end
%	for _, f in ipairs(list) do
        <%= field(f, 8) %>,
%	end
% end
% for _, f in ipairs(calls) do

%	local make = f.makes_handles and #f.results > 1 and "values" or f.class and "types." .. f.class
%	local tail = make and ", " .. make .. ")" or ")"
%	local taken = #f["in"] > 0 or f.on_handle
call_<%= f.id_name %> = Call(
%	if f.kind == "event" or not taken then
    PACKAGE, CODEC, "<%= f.layout %>", (), (
%	else
    PACKAGE, CODEC, "<%= f.layout %>", (
%		tuple(f["in"], f.on_handle and f.on.class)
%		if f.out[1] then
    ), (
%		end
%	end
%	tuple(f.out)
    )<%= tail %>
% end
