/* What this header was made for; compared with the library that is loaded. */
namespace layout {

% for _, r in ipairs(laid_out) do
inline constexpr ferry::field_layout <%= r.variable %>_fields[] = {
% for _, f in ipairs(r.fields) do
	{ <%= literals.text(f.c_name) %>, offsetof(wire::<%= r.struct %>, <%= f.wire %>),
	    sizeof(wire::<%= r.struct %>::<%= f.wire %>) },
% end
};
% end

% if #laid_out > 0 then
inline constexpr ferry::record_layout records[] = {
% for _, r in ipairs(laid_out) do
	{ "<%= r.name %>", <%= r.hash and "0x" .. r.hash .. "u" or "0" %>,
	    sizeof(wire::<%= r.struct %>), <%= r.variable %>_fields },
% end
};
% else
inline constexpr std::span<const ferry::record_layout> records;
% end

% if #numbered > 0 then
inline constexpr ferry::function_number functions[] = {
% for _, f in ipairs(numbered) do
	{ "<%= f.full %>", 0x<%= f.hash %>u, <%= f.package_kind %>,
	    <%= f.root_number %>, <%= f.id %> },
% end
};
% else
inline constexpr std::span<const ferry::function_number> functions;
% end

% if #roots > 0 then
inline constexpr const char *roots[] = {
% for _, o in ipairs(roots) do
	"<%= o.name %>",
% end
};
% else
inline constexpr std::span<const char *const> roots;
% end

inline constexpr ferry::package_layout package{
	"<%= model.library.name %>", roots, records, functions
};

} /* namespace layout */

/* Whether it is; FERRY_EABI says what is not. */
inline const ferry::result<void> &
package_fits()
{
	static const auto &fits = *new ferry::result<void>(ferry::check_package(
	    <%= model.library.name %>_ferry(), layout::package));
	return fits;
}

%
