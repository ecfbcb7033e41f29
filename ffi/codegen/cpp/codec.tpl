% for _, r in ipairs(items) do
% if r.tag then
%< "codec_variant", { x = r }
% else
inline void
<%= list("ferry_put(", { "ferry::block_writer &out", r.name .. " &w", "const " .. ns .. r.name .. " &v" }, ")") %>
{
% for _, f in ipairs(r.shown) do
	%< "put", { by = 1, t = f.type, at = "w.", c = f.wire, v = "v." .. f.name, label = f.name }
% end
}

inline void
<%= list("ferry_get(", { "ferry::block_reader &in", "const " .. r.name .. " &w", ns .. r.name .. " &v" }, ")") %>
{
% for _, f in ipairs(r.shown) do
	%< "get", { by = 1, t = f.type, at = "w.", c = f.wire, v = "v." .. f.name }
% end
}

% end
% end
% for _, m in ipairs(maps) do
%< "codec_map", { m = m }
% end
