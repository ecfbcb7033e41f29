% for line in ((doc or "") .. "\n"):gmatch("(.-)\n") do
%	if doc then
<%= ("#: " .. line):gsub("%s+$", "") %>
%	end
% end
