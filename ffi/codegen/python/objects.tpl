% if aio then
"""<%= library.name %> on asyncio loops."""
% else
"""<%= library.name %> for threads that wait.

Ctrl-C cancels the call that the main thread waits for.
"""
% end

from __future__ import annotations

%< "imports", { from = "", list = { "builtins as _builtins", "datetime" } }
%< "imports", { from = "typing", list = { "Dict", "List", "Mapping", "NamedTuple", "Optional", "Sequence", "Union" } }

import ferry_runtime as _ferry
from ferry_runtime import binding as _binding

from . import _library
% if not aio and direct[1] then
%< "imports", { from = "._functions", list = names.functions }
% end
%< "imports", { from = ".types", list = names.types }
% if not aio then

%	local quoted = {}
%	for _, list in ipairs { names.objects, names.functions } do
%		for _, name in ipairs(list) do
%			quoted[#quoted + 1] = words.quote(name)
%		end
%	end
<%= words.fill(0, "__all__ = [", quoted, "]", 4) %>
% end
% -- How a class's methods call: on loops, waiting, or by futures.
% local AIO = { hint = "_ferry.Request[%s]", verb = "request", me = "self",
%	root = "self._context", context = "_ferry.Context" }
% local WAIT = { hint = "%s", verb = "request", me = "self",
%	root = "self._context", context = "_ferry.BlockingContext" }
% local LATER = { hint = "_ferry.Future[%s]", verb = "start", me = "self._of",
%	root = "self._of.context", context = "_ferry.BlockingContext" }
%
% local function call(f, o, how)
%	local function mine(list)
%		local names = {}
%		for i, name in ipairs(list) do
%			names[i] = name == "self" and how.me or name
%		end
%		return names
%	end
%	local hint = how.hint:format(f.returns_hint)
%	local list = { "self" }
%	table.move(f.parameters, 1, #f.parameters, 2, list)
%	if not f.more[1] then
%		list[#list + 1] = "*"
%	end
%	list[#list + 1] = "timeout: Optional[" .. o.prefix .. "float] = None"
%	list[#list + 1] = "lane: " .. o.prefix .. "int = 0"
%	local errors = errors_of(f)
%	local context = f.on_handle and "context" or how.root
%	local decode = f.makes_handles and "decode" or "call.decode"
%	if f.kept[1] then
%		decode = "_binding.keep(" .. decode .. ", " .. table.concat(mine(f.kept), ", ") .. ")"
%	end

    <%= words.fill(4, "def " .. f.name .. "(", list, ") -> " .. hint .. ":") %>
%	if f.doc then
        %< "doc", { doc = f.doc }
%	end
        call = _library.call_<%= f.id_name %>
%	if f.on_handle then
        context: <%= how.context %> = <%= how.me %>.context
%	end
%	if f.makes_handles then

        def decode(data: <%= o.prefix %>bytes) -> <%= f.returns_hint %>:
%		local values = {}
%		for i, r in ipairs(f.results) do
%			values[i] = r.type.kind == "handle" and class_of(r.type.object) .. "(r" .. i .. ", " .. context .. ")" or "r" .. i
%		end
%		if f.class then
%			local names = {}
%			for i in ipairs(values) do
%				names[i] = "r" .. i
%			end
            <%= table.concat(names, ", ") %> = call.decode(data)
            return <%= f.class %>(<%= table.concat(values, ", ") %>)
%		else
            r1 = call.decode(data)
            return <%= values[1] %>
%		end

%	end
%	local head = how == WAIT and "result: " .. f.returns_hint .. " = " or "return "
%	local given = { "call.id", "call.encode(" .. table.concat(mine(f.arguments), ", ") .. ")",
%	    decode, "timeout=timeout", "lane=lane", errors and "errors=" .. errors }
        <%= words.fill(8, head .. context .. "." .. how.verb .. "(", given, ")", 4) %>
%	if how == WAIT then
        return result
%	end
% end
%
% -- What starts calls, and does not wait.
% local function futures(o)
%	if aio or not o.methods[1] then
%		return
%	end


class _<%= o.class %>Futures:
    """The methods of <%= o.class %>. Each returns a future at once, of
    concurrent.futures: result() waits, and cancel() cancels the call."""

    def __init__(self, of: <%= o.class %>) -> None:
        self._of = of
%	for _, f in ipairs(o.methods) do
%		call(f, o, LATER)
%	end
% end
%
% local function property(o)
%	if aio or not o.methods[1] then
%		return
%	end

    @property
    def futures(self) -> _<%= o.class %>Futures:
        """The same methods, each of which returns a future at once."""
        return _<%= o.class %>Futures(self)
% end
%
% local function event(f, o)

%	if aio then
    def <%= f.name %>(self, *, capacity: <%= o.prefix %>int = 0) -> _ferry.Stream[<%= f.class %>]:
%	else
    def <%= f.name %>(
            self, *, capacity: <%= o.prefix %>int = 0, timeout: Optional[<%= o.prefix %>float] = None
            ) -> _ferry.BlockingStream[<%= f.class %>]:
%	end
%	local doc = (f.doc or "`" .. f.c_name .. "`.") ..
%	    "\n\nFrom now on; `capacity`, a power of two, is how many may wait to be\ntaken."
%	if not aio then
%		doc = doc .. " It ends when nothing has come for `timeout` seconds."
%	end
        %< "doc", { doc = doc }
        call = _library.call_<%= f.id_name %>
        return self._context.events({call.id: call.decode}, capacity=capacity<%= aio and "" or ",\n                                    timeout=timeout" %>)
% end
% for _, o in ipairs(model.objects) do
%	if o.parent then


class <%= o.class %>(_library.<%= o.class %>):
    %< "doc", { doc = o.doc or ("`" .. o.c_name .. "`.") }
%		for _, f in ipairs(o.methods) do
%			call(f, o, aio and AIO or WAIT)
%		end
%		if o.ended_by then

    <%= words.fill(4, (aio and "async " or "") .. "def close(", { "self", "*", "timeout: Optional[" .. o.prefix .. "float] = None", "lane: " .. o.prefix .. "int = 0" }, ") -> None:") %>
        """Ends it; else that is done when nobody has it any more."""
        <%= aio and "await _binding.close" or "_binding.close_blocking" %>(
            self, _library.call_<%= o.ended_by.id_name %>, timeout, lane)

%			local a = aio and "a" or ""
    <%= aio and "async " or "" %>def __<%= a %>enter__(self) -> <%= o.class %>:
        return self

    <%= aio and "async " or "" %>def __<%= a %>exit__(self, *_: object) -> None:
        <%= aio and "await " or "" %>self.close()
%		end
%		property(o)
%		futures(o)
%	else


class <%= o.class %>(_binding.<%= aio and "Root" or "BlockingRoot" %>):
    %< "doc", { doc = o.doc or ("`" .. o.c_name .. "`.") }
%		for _, f in ipairs(o.made_by) do
%			local list = { "cls" }
%			table.move(f.parameters, 1, #f.parameters, 2, list)
%			if not f.more[1] then
%				list[#list + 1] = "*"
%			end
%			list[#list + 1] = "options: Optional[_ferry.OpenOptions] = None"
%			list[#list + 1] = "timeout: Optional[" .. o.prefix .. "float] = None"

    @classmethod
    <%= words.fill(4, "def " .. f.name .. "(", list, ") -> " .. (aio and "_binding.Opening[" .. o.class .. "]" or o.class) .. ":") %>
%			if f.doc then
        %< "doc", { doc = f.doc }
%			end
        call = _library.call_<%= f.id_name %>
%			local errors = errors_of(f)
        block = call.encode(<%= table.concat(f.arguments, ", ") %>)
        return <%= aio and "_binding.Opening(_binding.open_root" or "_binding.open_blocking" %>(
            cls, _library.PACKAGE, call, block, options=options,
            timeout=timeout<%= errors and ", errors=" .. errors or "" %>)<%= aio and ")" or "" %>
%		end
%		for _, f in ipairs(o.methods) do
%			call(f, o, aio and AIO or WAIT)
%		end
%		for _, f in ipairs(o.events) do
%			event(f, o)
%		end
%		property(o)
%		futures(o)
%	end
% end
% for _, f in ipairs(named) do
%	if f.makes_handles then


%< "result", { f = f }
%	end
% end
