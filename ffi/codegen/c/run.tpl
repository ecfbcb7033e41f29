% -- A function of the library: a handler's, a constructor's or direct.
static int
run_<%= f.c_name %>(struct ferry_shim_call *c)
{
% if f.has_in then
	struct in_<%= f.c_name %> *in = ferry_shim_load(c, sizeof *in, <%= f.load %>, "<%= f.label %>");
% end
% if f.has_out and f.kind ~= "deferred" then
	struct out_<%= f.c_name %> out = { 0 };
% end
% for _, o in ipairs(f.looked_up) do
	struct ferry_shim_object *<%= o.var %>;
% end
% for _, m in ipairs(f.made) do
	<%= m.c_type %><%= m.var %> = NULL;
% end
% if f.code then
	int64_t code;
% end
	int r = FERRY_OK;

% if not f.has_in and not f.uses_c then
	(void)c;
% end
% if f.has_in then
	if (in == NULL)
		return FERRY_EINVAL;
% end
% for i, o in ipairs(f.looked_up) do
%	if i > 1 then
	if (r == FERRY_OK)
		r = ferry_shim_object_find(&<%= o.var %>, c->call, in-><%= o.field %>, &type_<%= o.type %>);
%	else
	r = ferry_shim_object_find(&<%= o.var %>, c->call, in-><%= o.field %>, &type_<%= o.type %>);
%	end
% end
% if f.reset and #f.looked_up > 0 then
	if (r == FERRY_OK)
		<%= f.reset %>(c->root->object);
% elseif f.reset then
	<%= f.reset %>(c->root->object);
% end
% if f.cancel and #f.looked_up > 0 then
	if (r == FERRY_OK)
		r = ferry_call_on_cancel(c->call, cancel_<%= f.cancel %>, c->root->object);
% elseif f.cancel then
	r = ferry_call_on_cancel(c->call, cancel_<%= f.cancel %>, c->root->object);
% end
% if f.cancel or #f.looked_up > 0 then
	if (r != FERRY_OK)
		return r;
% end
% if f.kind == "strand" then
%	for _, o in ipairs(f.looked_up) do
	<%= o.var %>->users++;
%	end
% elseif f.kind == "deferred" then
	r = ferry_call_defer(c->call);
	if (r != FERRY_OK)
		return r;
	c->deferred = true;
% end
% for _, i in ipairs(f.inout) do
	<%= i %>
% end
	<%= f.statement %>
% if f.cancel and f.kind ~= "deferred" then
	ferry_call_on_cancel(c->call, NULL, NULL);
% end
% if f.code then
	if (code != 0)
%	if f.remains then
		r = ferry_shim_remains(c, code, &type_<%= f.object %>, <%= f.made[1].var %>, <%= f.self and "self" or "NULL" %>, <%= f.text_of %>);
%	else
		r = ferry_shim_fail(c, code, <%= f.self and "self" or "NULL" %>, <%= f.text_of %>);
%	end
%	if f.cancel or f.kind == "strand" or f.kind == "deferred" then
	r = ferry_shim_cancelled(c, r);
%	end
%	if f.kind == "deferred" and f.cancel then
	if (code != 0)
		ferry_call_on_cancel(c->call, NULL, NULL);
%	end
% end
% for _, m in ipairs(f.made) do
%	if m.root then
	if (r == FERRY_OK)
		c->root->object = <%= m.var %>;
%	elseif f.code then
	if (code == 0)
		r = ferry_shim_made(c, r, &out.<%= m.field %>, &type_<%= m.type %>, <%= m.var %>, <%= f.self and "self" or "NULL" %>);
%	else
	r = ferry_shim_made(c, r, &out.<%= m.field %>, &type_<%= m.type %>, <%= m.var %>, <%= f.self and "self" or "NULL" %>);
%	end
% end
% if f.has_out and f.kind ~= "deferred" then
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, <%= f.size_store %>);
%	for _, t in ipairs(f.transfers) do
	if (<%= f.code and "code == 0" or "" %><%= f.code and t.test and " && " or "" %><%= t.test or (f.code and "" or "true") %>)
		<%= t.call %>;
%	end
% end
% if f.kind == "strand" then
%	for _, o in ipairs(f.looked_up) do
	ferry_shim_object_unuse(<%= o.var %>);
%	end
% end
	return r;
}
