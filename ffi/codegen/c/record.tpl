% -- The functions of a record or variant, where they have something to do.
% local name, c_name = record.name, record.c_name
% local at = c_name:find("%*$") and c_name or c_name .. " "
% if record["in"] and not passive["in"][name] then
FERRY_SHIM_FN void
load_<%= name %>(struct ferry_shim_in *in, <%= at %>*r)
{
%	if record.tag then
%< "cases", { v = record, direction = "in", template = "field_load", otherwise = 'ferry_shim_wrong(in, "' .. name .. '");' }
%	else
%< "fields_load", { list = record.fields }
%	end
}

%	if pointed["in"][name] then
FERRY_SHIM_FN void *
load_<%= name %>_n(struct ferry_shim_in *in, const <%= at %>*from, uint64_t n, int null, const char *name)
{
	<%= at %>*r = ferry_shim_take(in, from, n, sizeof *r, _Alignof(<%= c_name %>), null, name);

	for (uint64_t i = 0; r != NULL && in->wrong == NULL && i < n; i++)
		load_<%= name %>(in, &r[i]);
	return r;
}

%	end
% end
% if record.out and not passive.out[name] then
FERRY_SHIM_FN void
size_<%= name %>(struct ferry_shim_out *out, const <%= at %>*r)
{
%	if record.tag then
%< "cases", { v = record, direction = "out", template = "field_size", otherwise = 'ferry_shim_bad(out, "' .. name .. '");' }
%	else
%< "fields_size", { list = record.fields }
%	end
}

%	if pointed.out[name] then
FERRY_SHIM_FN void
size_<%= name %>_n(struct ferry_shim_out *out, const <%= at %>*r, uint64_t n, int null, const char *name)
{
	if (!ferry_shim_need(out, r, n, sizeof *r, _Alignof(<%= c_name %>), null, name))
		return;
	for (uint64_t i = 0; out->wrong == NULL && i < n; i++)
		size_<%= name %>(out, &r[i]);
}

%	end
FERRY_SHIM_FN void
store_<%= name %>(struct ferry_shim_out *out, <%= at %>*r)
{
%	if not stored(record) then
	(void)out;
%	end
%	if not stored(record) and not record.tag then
	(void)r;
%	end
%	if record.tag then
%< "cases", { v = record, direction = "out", template = "field_store", otherwise = "break; /* not one: it was measured */" }
%	else
%< "fields_store", { list = record.fields }
%	end
}

%	if pointed.out[name] then
FERRY_SHIM_FN void *
store_<%= name %>_n(struct ferry_shim_out *out, const <%= at %>*from, uint64_t n, int null)
{
	<%= at %>*r = ferry_shim_put(out, from, n, sizeof *r, _Alignof(<%= c_name %>));

	for (uint64_t i = 0; r != NULL && i < n; i++)
		store_<%= name %>(out, &r[i]);
	return ferry_shim_offset(out, from, r, null);
}

%	end
% end
