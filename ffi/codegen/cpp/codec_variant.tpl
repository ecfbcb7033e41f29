inline void
<%= list("ferry_put(", { "ferry::block_writer &out", x.name .. " &w", "const " .. ns .. x.name .. " &v" }, ")") %>
{
	using variant = <%= ns .. x.name %>;
% for _, case in ipairs(x.cases) do
% if case.field then
	if (auto *it = v.get_if<variant::<%= case.name %>>()) {
		w.<%= x.tag.wire %> = <%= literals.int(case.number) %>;
		%< "put", { by = 2, t = case.field.type, at = "w.", c = case.field.wire, v = x.plain and "*it" or "it->value", label = case.name }
	}
% else
	if (v.get_if<variant::<%= case.name %>>())
		w.<%= x.tag.wire %> = <%= literals.int(case.number) %>;
% end
% end
	if (v.value.valueless_by_exception())
		out.fail("<%= x.name %>", "has no value");
}

inline void
<%= list("ferry_get(", { "ferry::block_reader &in", "const " .. x.name .. " &w", ns .. x.name .. " &v" }, ")") %>
{
	using variant = <%= ns .. x.name %>;
	switch (w.<%= x.tag.wire %>) {
% for _, case in ipairs(x.cases) do
	case <%= literals.int(case.number) %>: {
		[[maybe_unused]] auto &it =
		    v.value.emplace<variant::<%= case.name %>>();
% if case.field then
		%< "get", { by = 2, t = case.field.type, at = "w.", c = case.field.wire, v = x.plain and "it" or "it.value" }
% end
		break;
	}
% end
	default:
		in.fail();
	}
}

%
