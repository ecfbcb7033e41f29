FERRY_API <%= f.returns.c_type %>
<%= f.c_name %>(<%= f.params %>)
{
% if f.has_out then
	struct out_<%= f.c_name %> <%= f.said %> = { 0 };

%	for _, line in ipairs(f.event_fill) do
	<%= line %>
%	end
	ferry_shim_emit(<%= f.event_self %>, <%= f.id %>, &<%= f.said %>, sizeof <%= f.said %>, <%= f.size_store %>);
% else
	ferry_shim_emit(<%= f.event_self %>, <%= f.id %>, NULL, 0, NULL, NULL);
% end
}
