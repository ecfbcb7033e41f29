% -- What the library's own functions are called through.
% if library.detail then
/* Of the thread's last error: right after it, on the same thread. */
FERRY_SHIM_FN const char *
last_text(int code)
{
	(void)code;
	return <%= library.detail %>();
}

% end
% for _, e in ipairs(error_enums) do
static const char *
text_of_<%= e.name %>(int code)
{
% if library.detail then
	const char *text = last_text(code);

	if (text != NULL && *text != 0)
		return text;
% end
	return <%= e.error_text %>((<%= e.c_name %>)code);
}

% end
% for _, name in ipairs(cancels) do
static void
cancel_<%= name %>(ferry_call call, void *root)
{
	(void)call;
	<%= name %>(root);
}

% end
% for _, o in ipairs(objects) do
%	if o.detail then
static const char *
detail_<%= o.name %>(void *object)
{
	return <%= o.detail %>(object);
}

%	end
static void
end_<%= o.name %>(void *object)
{
	<%= o.destructor_c %>(object);
}

static const struct ferry_shim_type type_<%= o.name %> = {
	"<%= o.name %>",
	<%= o.parent_type %>,
	end_<%= o.name %>,
	<%= o.detail and "detail_" .. o.name or "NULL" %>
};

% end
