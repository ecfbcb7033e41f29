% local how = f.way["out"]
% local r = "r->" .. f.c_name
% local n = f.counted and "r->" .. f.n or f.n
% if f.signed then
%	n = ('ferry_shim_need_length(out, %s, "%s")'):format(n, f.path)
% end
% if how == "text" then
ferry_shim_need_text(out, <%= r %>, <%= f.null %>, "<%= f.path %>");
% elseif how == "fixed" then
ferry_shim_need_fixed(out, <%= r %>, sizeof <%= r %>, "<%= f.path %>");
% elseif how == "counted" then
ferry_shim_need_counted(out, <%= r %>, <%= n %>, <%= f.null %>, "<%= f.path %>");
% elseif how == "elements" and f.element then
ferry_shim_need(out, <%= r %>, <%= n %>, sizeof(<%= f.element %>), _Alignof(<%= f.element %>), <%= f.null %>, "<%= f.path %>");
% elseif how == "elements" then
ferry_shim_need(out, <%= r %>, <%= n %>, 1, 1, <%= f.null %>, "<%= f.path %>");
% elseif how == "texts" then
ferry_shim_need_texts(out, <%= r %>, <%= n %>, <%= f.null %>, "<%= f.path %>");
% elseif how == "record" then
size_<%= f.record %>(out, &<%= r %>);
% elseif how == "inline_records" then
for (size_t i = 0; i < <%= n %>; i++)
	size_<%= f.record %>(out, &<%= r %>[i]);
% elseif how == "records" then
size_<%= f.record %>_n(out, <%= r %>, <%= n %>, <%= f.null %>, "<%= f.path %>");
% elseif how ~= "plain" then
%	error("out: " .. f.path)
% end
