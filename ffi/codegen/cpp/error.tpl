#if FERRY_EXCEPTIONS
/** What calls throw that fail with an error of `<%= n %>`. */
class <%= e.exceptions.base %> : public ferry::exception {
public:
	using ferry::exception::exception;

	/** Which one it is, also where it has no name. */
	<%= ns .. n %>
	code() const noexcept
	{
		return static_cast<<%= ns .. n %>>(status());
	}
};

% for _, x in ipairs(e.exceptions) do
% if x.same then
<%= doc(x.of.doc) %>using <%= x.name %> = <%= x.same %>;

% else
<%= doc(x.of.doc) %>class <%= x.name %> : public <%= e.exceptions.base %> {
	using <%= e.exceptions.base %>::<%= e.exceptions.base %>;
};

% end
% end
#endif

/* Ferry's way from a status to what it means. */
inline const ferry::error_domain &
ferry_error_domain(<%= n %>)
{
	static constexpr ferry::error_domain domain = {
		"<%= ns .. n %>",
		[](int status) -> const char * {
			switch (status) {
% for _, v in ipairs(e.values) do
% if not v.first then
			case <%= v.value %>:
				return "<%= v.name %>";
% end
% end
			default:
				return nullptr;
			}
		},
#if FERRY_EXCEPTIONS
		[](const ferry::error &e) {
			switch (e.status) {
% for _, x in ipairs(e.exceptions) do
% if not x.same then
			case <%= x.of.value %>:
				throw <%= ns .. x.name %>(e);
% end
% end
			default:
				throw <%= ns .. e.exceptions.base %>(e);
			}
		},
#else
		nullptr,
#endif
	};
	return domain;
}

%
