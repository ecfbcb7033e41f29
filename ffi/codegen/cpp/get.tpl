% -- One field out of a block: as in put.tpl; `v` is assigned to.
% local w = at .. c
% local get = "ferry::codec::get"
% local there = v .. ".emplace()"
% if t.nullable then
if (<%= w %>) {
	%< "get", { by = by + 1, t = types.bare(t), v = there }
} else {
	<%= v %>.reset();
}
% elseif t.kind == "optional" and t.by == "pointer" then
if (<%= w %>)
<%= list("\t" .. get .. "_pointer<" .. types.wire(t.of) .. ">(", { "in", w, there }, ");", by) %>
else
	<%= v %>.reset();
% elseif t.kind == "optional" then
if (<%= at .. t.has %>) {
	%< "get", { by = by + 1, t = t.of, v = there }
} else {
	<%= v %>.reset();
}
% elseif t.kind == "handle" then
<%= v %> = <%= types.owned(t) %>(in.context(), <%= w %>);
% elseif t.kind == "string" and t.count then
<%= list(get .. "_fixed_text(", { "in", w, v }, ");", by) %>
% elseif t.kind == "string" and not t.len then
<%= list(get .. "_text(", { "in", w, v }, ");", by) %>
% elseif t.count then
<%= list(get .. "_fixed(", { "in", w, v }, ");", by) %>
% elseif t.kind == "bytes" or t.kind == "string" then
<%= list(get .. "_bytes(", { "in", w, at .. t.len, v }, ");", by) %>
% elseif t.kind == "pointer" then
<%= list(get .. "_pointer<" .. types.wire(t.of) .. ">(", { "in", w, v }, ");", by) %>
% elseif t.kind == "array" or t.kind == "map" then
% local element = t.kind == "map" and ns .. "wire::" .. t.name or types.wire(t.of)
<%= list(get .. "_array<" .. element .. ">(", { "in", w, at .. t.len, v }, ");", by) %>
% else
<%= list(get .. "(", { "in", w, v }, ");", by) %>
% end
