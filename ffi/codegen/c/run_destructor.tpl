static int
run_<%= f.c_name %>(struct ferry_shim_call *c)
{
	struct in_<%= f.c_name %> *in = ferry_shim_load(c, sizeof *in, <%= f.load %>, "<%= f.label %>");
	struct ferry_shim_object *self;
	void *object;
% if f.returns.kind == "status" then
	int64_t code;
% end
	int r;

	if (in == NULL)
		return FERRY_EINVAL;
	r = ferry_shim_object_find(&self, c->call, in->self, &type_<%= f.object %>);
	if (r == FERRY_OK)
		r = ferry_shim_object_end(&object, self, in->self);
	if (r != FERRY_OK || object == NULL)
		return r;
% if f.returns.kind == "status" then
	code = <%= f.returns.fails == "zero" and "!" or "" %><%= f.c_name %>(object);
	if (code != 0)
		r = ferry_shim_fail(c, code, self, <%= f.text_of %>);
% else
	<%= f.c_name %>(object);
% end
	return r;
}
