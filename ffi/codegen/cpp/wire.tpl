% for _, r in ipairs(items) do
% if r.tag then
struct <%= r.name %> {
% for _, part in ipairs(r.parts) do
% if part == r.union then
	union {
% for _, case in ipairs(r.cases) do
% if case.field then
		<%= case.field.wire_field %>
% end
% end
	} <%= r.union %>;
% else
	<%= part.wire_field %>
% end
% end
};
% else
struct <%= r.name %> {
% for _, f in ipairs(r.fields) do
	<%= f.wire_field %>
% end
};
% end

% end
% for _, f in ipairs(functions) do
% if f.has_in then
struct <%= f.call_type %>_in {
% if f.has_self then
	std::uint64_t self;
% end
% for _, a in ipairs(f["in"]) do
	<%= a.wire_field %>
% end
};

% end
% if f.has_out then
struct <%= f.call_type %>_out {
% for _, a in ipairs(f.out) do
	<%= a.wire_field %>
% end
};

% end
% end
