% -- What one template does to the case that a variant's tag says.
	switch (r-><%= v.tag.c_name %>) {
% for _, case in ipairs(v.cases) do
	case <%= case.value %>:
%	if case.field and case.field.way[direction] ~= "plain" then
		%< template, { f = case.field }
%	end
		break;
% end
	default:
		<%= otherwise %>
	}
