% -- The libraries that Ferry knows: one of each root.
% for _, root in ipairs(roots) do
%	if #root.methods > 0 then
static const ferry_method methods_<%= root.name %>[] = {
%		for _, f in ipairs(root.methods) do
	{
		.struct_size = sizeof(ferry_method),
%			if f.kind == "strand" then
		.flags = FERRY_METHOD_STRAND,
%			end
		.name = "<%= f.label %>",
		.handler = handle_<%= f.c_name %><%= f.levels_c and "," or "" %>
%			if f.levels_c then
		.levels = { <%= f.levels_c %> }
%			end
	},
%		end
};

%	end
%	if #root.events > 0 then
static const ferry_event events_<%= root.name %>[] = {
%		for _, f in ipairs(root.events) do
	{ .struct_size = sizeof(ferry_event), .name = "<%= f.label %>" },
%		end
};

%	end
static const ferry_library_options library_<%= root.name %> = {
	.struct_size = sizeof(ferry_library_options),
	.name = "<%= root.library_name %>",
%	if #root.methods > 0 then
	.methods = methods_<%= root.name %>,
	.n_methods = <%= #root.methods %>,
%	end
%	if #root.events > 0 then
	.events = events_<%= root.name %>,
	.n_events = <%= #root.events %>,
%	end
	.init = ferry_shim_init,
	.fini = ferry_shim_fini
};

static const ferry_shim_run_fn constructors_<%= root.name %>[] = {
%	for _, f in ipairs(root.makers) do
	run_<%= f.c_name %>,
%	end
};

% end
% if #roots > 0 then
static struct ferry_shim_class classes[] = {
%	for _, root in ipairs(roots) do
	{
		.type = &type_<%= root.name %>,
		.constructors = constructors_<%= root.name %>,
		.n_constructors = <%= #root.makers %>,
		.event_policy = <%= event_policy %>,
		.worker_key = <%= worker_key %>,
		.library = &library_<%= root.name %>
	},
%	end
};

static const char *const root_names[] = {
%	for _, root in ipairs(roots) do
	"<%= root.name %>",
%	end
};

% end
static int
open_root(ferry_context *out, uint32_t root, uint32_t constructor, const void *data, size_t size, const ferry_context_options *options, char *text, size_t text_size)
{
	return ferry_shim_open(out, <%= #roots > 0 and "classes" or "NULL" %>, <%= #roots %>, root, constructor, data, size, options, text, text_size);
}

% if #directs > 0 then
static const ferry_shim_run_fn directs[] = {
%	for _, f in ipairs(directs) do
	run_<%= f.c_name %>,
%	end
};

% end
static int
call_function(void **out, size_t *out_size, uint32_t id, const void *data, size_t size)
{
% if #directs > 0 then
	if (id >= sizeof directs / sizeof directs[0])
		return FERRY_ENOMETHOD;
	return ferry_shim_direct(out, out_size, data, size, directs[id]);
% else
	(void)out;
	(void)out_size;
	(void)id;
	(void)data;
	(void)size;
	return FERRY_ENOMETHOD;
% end
}

static const ferry_package package = {
	.struct_size = sizeof(ferry_package),
	.format = FERRY_PACKAGE_FORMAT,
	.abi = FERRY_ABI,
	.name = "<%= library.name %>",
	.version = "<%= quote(library.version) %>",
	.model = model,
	.model_size = sizeof model - 1,
	.roots = <%= #roots > 0 and "root_names" or "NULL" %>,
	.records = records,
	.functions = functions,
	.n_roots = <%= #roots %>,
	.n_records = <%= #tables %>,
	.n_functions = <%= n_functions %>,
	.open = open_root,
	.call = call_function
};

FERRY_API const ferry_package *
<%= library.name %>_ferry(void)
{
	return &package;
}

/* Weak: there may be several in a program that is linked statically. */
FERRY_API const ferry_package *
ferry_package_here(void) __attribute__((weak));

const ferry_package *
ferry_package_here(void)
{
	return &package;
}
