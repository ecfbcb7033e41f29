% for _, f in ipairs(list) do
%	if f.way.out ~= "plain" and f.has then
	if (r-><%= f.has %>) {
		%< "field_store", { f = f }
	}
%	elseif f.way.out ~= "plain" then
	%< "field_store", { f = f }
%	end
% end
