% -- The structs of a function's arguments and results, and what is done to them.
% if f.has_in then
struct in_<%= f.c_name %> {
%	if f.self then
	uint64_t self;
%	end
%	for _, field in ipairs(f["in"]) do
	<%= declare(field.type, field.c_name) %>;
%	end
};

%	if not f.passive_in then
static void
load_in_<%= f.c_name %>(struct ferry_shim_in *in, void *head)
{
	struct in_<%= f.c_name %> *r = head;

%< "fields_load", { list = f["in"] }
}

%	end
% end
% if f.has_out then
struct out_<%= f.c_name %> {
%	for _, field in ipairs(f.out) do
	<%= declare(field.type, field.c_name) %>;
%	end
};

%	if not f.passive_out then
static void
size_out_<%= f.c_name %>(struct ferry_shim_out *out, const void *head)
{
	const struct out_<%= f.c_name %> *r = head;

%< "fields_size", { list = f.out }
}

static void
store_out_<%= f.c_name %>(struct ferry_shim_out *out, void *head)
{
	struct out_<%= f.c_name %> *r = head;

%< "fields_store", { list = f.out }
}

%	end
% end
