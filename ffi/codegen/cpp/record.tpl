<%= doc(r.doc) %>struct <%= r.name %> {
% for _, f in ipairs(r.shown) do
<%= doc(f.doc, "\t") %>	<%= f.owned %> <%= f.name %><%= f.init and f.init ~= "std::nullopt" and " = " .. f.init or "{}" %>;
% end

	bool operator==(const <%= ns .. r.name %> &) const = default;
};

%
