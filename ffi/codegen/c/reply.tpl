% -- What a deferred method is answered by.
FERRY_API int
<%= f.c_name %>_reply(<%= f.reply_params %>)
{
% if f.has_out then
	struct out_<%= f.c_name %> results = { 0 };
% end
	int r;

% for _, line in ipairs(f.reply_fill) do
	<%= line %>
% end
% if f.cancel then
	ferry_call_on_cancel(call, NULL, NULL);
% end
% if f.has_out then
	r = ferry_shim_later(call, status, text, &results, sizeof results, <%= f.size_store %>);
% else
	r = ferry_shim_later(call, status, text, NULL, 0, NULL, NULL);
% end
% for _, t in ipairs(f.transfers) do
	if (status == 0<%= t.test and " && " .. t.test or "" %>)
		<%= t.call %>;
% end
	return r;
}
