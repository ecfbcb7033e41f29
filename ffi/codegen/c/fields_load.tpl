% -- Flags first: they say what else there is.
% for _, f in ipairs(list) do
%	if flag(f) then
	%< "field_load", { f = f }
%	end
% end
% for _, f in ipairs(list) do
%	local way = f.way["in"]
%	if way ~= "plain" and f.has then
	if (r-><%= f.has %>) {
		%< "field_load", { f = f }
	} else {
		memset(&r-><%= f.c_name %>, 0, sizeof r-><%= f.c_name %>);
	}
%	elseif way ~= "plain" and not flag(f) then
	%< "field_load", { f = f }
%	end
% end
