% for _, f in ipairs(functions) do
% if f.kind ~= "destructor" or f.id then
struct <%= f.call_type %> {
	static constexpr const char *name = "<%= f.full %>";
	static constexpr std::uint32_t method = <%= f.id %>;
% if f.kind == "constructor" and not f.method_of then
	static constexpr const char *root = "<%= f.object %>";
% end
% if f.kind ~= "event" and f.has_in then
	using in_block = wire::<%= f.call_type %>_in;
% else
	using in_block = void;
% end
% if f.has_out then
	using out_block = wire::<%= f.call_type %>_out;
% else
	using out_block = void;
% end
	using result = <%= f.result %>;

	static const ferry::error_domain *
	domain()
	{
		return <%= f.domain %>;
	}

% if f.has_self then
	ferry_handle self_arg;
% end
% for _, a in ipairs(f.args) do
% if a.type.kind == "handle" then
	ferry_handle <%= a.name %>_arg;
% else
	<%= a.param %><%= a.param:find("&$") and "" or " " %><%= a.name %>_arg;
% end
% end
% if f.has_in then

	void
	put([[maybe_unused]] ferry::block_writer &out, in_block &w) const
	{
% if f.has_self then
		w.self = self_arg;
% end
% for _, a in ipairs(f.args) do
		%< "put", { by = 2, t = a.type, at = "w.", c = a.wire, v = a.name .. "_arg", label = a.name }
% end
	}
% end
% if f.has_out then

	static void
	get(ferry::block_reader &in, const out_block &w, result &v)
	{
% for _, a in ipairs(f.results) do
		%< "get", { by = 2, t = a.type, at = "w.", c = a.wire, v = f.struct and "v." .. a.name or "v" }
% end
	}
% end
};

% end
% end
