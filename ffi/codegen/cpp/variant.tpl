<%= doc(x.doc) %>struct <%= x.name %> {
% for _, case in ipairs(x.cases) do
% if x.plain then
<%= doc(case.field and case.field.doc, "\t") %>	using <%= case.name %> = <%= case.field and case.field.owned or "std::monostate" %>;
% else
	struct <%= case.name %> {
% if case.field then
<%= doc(case.field.doc, "\t\t") %>		<%= case.field.owned %> value;

% end
		bool operator==(const <%= case.name %> &) const = default;
	};
% end
% end

% local names = {}
% for _, case in ipairs(x.cases) do
% names[#names + 1] = case.name
% end
	/** Which of them it is, for std::visit. */
<%= list("\tstd::variant<", names, "> value;") %>

% if x.default then
	<%= x.name %>() : value(<%= x.default %>{})
	{
	}
% else
	<%= x.name %>() = default;
% end

	template <typename Case>
		requires std::constructible_from<decltype(value), Case>
	<%= x.name %>(Case it) : value(std::move(it))
	{
	}

% if x.plain then
	/* It would be text. */
	<%= x.name %>(std::nullptr_t) = delete;
% end

	/** The data of a case, or nullptr if it is another one. */
	template <typename Case>
	const Case *
	get_if() const noexcept
	{
		return std::get_if<Case>(&value);
	}

	bool operator==(const <%= x.name %> &) const = default;
};

%
