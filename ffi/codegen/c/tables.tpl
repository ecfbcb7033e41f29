% -- What bindings read.
/* --- The package ---------------------------------------------------------- */

#define FIELD(type, field) \
	{ #field, offsetof(type, field), sizeof(((type *)0)->field) }

% for _, t in ipairs(tables) do
static const ferry_package_field fields_<%= t.key %>[] = {
%	for _, name in ipairs(t.fields) do
	FIELD(<%= t.c_type %>, <%= name %>),
%	end
};

% end
static const ferry_package_record records[] = {
% for _, t in ipairs(tables) do
	{ "<%= t.name %>", UINT64_C(0x<%= t.hash %>), sizeof(<%= t.c_type %>), _Alignof(<%= t.c_type %>), <%= #t.fields %>, 0, fields_<%= t.key %> },
% end
% if #tables == 0 then
	{ "", 0, 0, 0, 0, 0, NULL }
% end
};

% for _, t in ipairs(tables) do
_Static_assert(_Alignof(<%= t.c_type %>) <= FERRY_SHIM_ALIGN, "<%= t.name %>");
% end

static const ferry_package_function functions[] = {
% for _, f in ipairs(functions) do
%	if f.table_kind then
	{ "<%= f.label %>", UINT64_C(0x<%= f.hash %>), <%= f.table_kind %>, <%= f.root and root_index[f.root] or "UINT32_MAX" %>, <%= f.id %>, 0 },
%	end
% end
% if n_functions == 0 then
	{ "", 0, 0, 0, 0, 0 }
% end
};

static const char model[] =
% for i, line in ipairs(model_lines) do
	"<%= line %>"<%= i == #model_lines and ";" or "" %>
% end
