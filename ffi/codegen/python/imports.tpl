% local used = {}
% for _, item in ipairs(list) do
%	if uses(item:match("%S+$")) then
%		used[#used + 1] = item
%	end
% end
% if from == "" then
%	for _, item in ipairs(used) do
import <%= item %>
%	end
% elseif used[1] then
%	local line = "from " .. from .. " import "
%	if #line + #table.concat(used, ", ") <= 79 then
<%= line .. table.concat(used, ", ") %>
%	else
<%= words.fill(0, line .. "(", used, ")", 4) %>
%	end
% end
