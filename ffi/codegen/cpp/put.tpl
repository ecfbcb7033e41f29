% -- One field into a block: `at` and `c`, which make the struct's member; `v`,
% -- the value; `label`, for messages.
% local w = at .. c
% local tail = ', "' .. label .. '");'
% local put = "ferry::codec::put"
% if t.nullable then
if (<%= v %>) {
	%< "put", { by = by + 1, t = types.bare(t), v = "*" .. v }
}
% elseif t.kind == "optional" and t.by == "pointer" then
if (<%= v %>)
<%= list("\t" .. put .. "_pointer<" .. types.wire(t.of) .. ">(", { "out", w, "*" .. v }, tail, by) %>
% elseif t.kind == "optional" then
<%= at .. t.has %> = <%= v %>.has_value();
if (<%= v %>) {
	%< "put", { by = by + 1, t = t.of, v = "*" .. v }
}
% elseif t.kind == "string" and t.count then
<%= list(put .. "_fixed_text(", { "out", w, v }, tail, by) %>
% elseif t.kind == "string" and t.len then
<%= list(put .. "_counted(", { "out", w, at .. t.len, v }, tail, by) %>
% elseif t.kind == "string" then
<%= list(put .. "_text(", { "out", w, v }, tail, by) %>
% elseif t.count then
<%= list(put .. "_fixed(", { "out", w, v }, tail, by) %>
% elseif t.kind == "bytes" then
<%= list(put .. "_bytes(", { "out", w, at .. t.len, v }, tail, by) %>
% elseif t.kind == "pointer" then
<%= list(put .. "_pointer<" .. types.wire(t.of) .. ">(", { "out", w, v }, tail, by) %>
% elseif t.kind == "array" or t.kind == "map" then
% local element = t.kind == "map" and ns .. "wire::" .. t.name or types.wire(t.of)
<%= list(put .. "_array<" .. element .. ">(", { "out", w, at .. t.len, v }, tail, by) %>
% else
<%= list(put .. "(", { "out", w, v }, tail, by) %>
% end
