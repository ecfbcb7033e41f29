% local key, value = m.entry.shown[1], m.entry.shown[2]
inline void
<%= list("ferry_put(", { "ferry::block_writer &out", m.name .. " &w", "const " .. m.pair .. " &v" }, ")") %>
{
	%< "put", { by = 1, t = key.type, at = "w.", c = key.wire, v = "v.first", label = key.name }
	%< "put", { by = 1, t = value.type, at = "w.", c = value.wire, v = "v.second", label = value.name }
}

inline void
<%= list("ferry_get(", { "ferry::block_reader &in", "const " .. m.name .. " &w", m.pair .. " &v" }, ")") %>
{
	%< "get", { by = 1, t = key.type, at = "w.", c = key.wire, v = "v.first" }
	%< "get", { by = 1, t = value.type, at = "w.", c = value.wire, v = "v.second" }
}

%
