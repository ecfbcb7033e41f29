% local how = f.way["in"]
% local r = "r->" .. f.c_name
% local n = f.counted and "r->" .. f.n or f.n
% if f.signed then
%	n = ('ferry_shim_length(in, %s, "%s")'):format(n, f.path)
% end
% if how == "bool" then
ferry_shim_bools(in, &<%= r %>, 1, "<%= f.path %>");
% elseif how == "inline_bools" then
ferry_shim_bools(in, <%= r %>, <%= n %>, "<%= f.path %>");
% elseif how == "text" then
<%= r %> = ferry_shim_text(in, <%= r %>, <%= f.null %>, "<%= f.path %>");
% elseif how == "fixed" then
ferry_shim_fixed(in, <%= r %>, sizeof <%= r %>, "<%= f.path %>");
% elseif how == "counted" then
<%= r %> = ferry_shim_counted(in, <%= r %>, <%= n %>, <%= f.null %>, "<%= f.path %>");
% elseif how == "elements" and f.element then
<%= r %> = ferry_shim_take(in, <%= r %>, <%= n %>, sizeof(<%= f.element %>), _Alignof(<%= f.element %>), <%= f.null %>, "<%= f.path %>");
% elseif how == "elements" then
<%= r %> = ferry_shim_take(in, <%= r %>, <%= n %>, 1, 1, <%= f.null %>, "<%= f.path %>");
% elseif how == "bools" then
<%= r %> = ferry_shim_take_bools(in, <%= r %>, <%= n %>, <%= f.null %>, "<%= f.path %>");
% elseif how == "texts" then
<%= r %> = ferry_shim_texts(in, <%= r %>, <%= n %>, <%= f.null %>, "<%= f.path %>");
% elseif how == "record" then
load_<%= f.record %>(in, &<%= r %>);
% elseif how == "inline_records" then
for (size_t i = 0; i < <%= n %>; i++)
	load_<%= f.record %>(in, &<%= r %>[i]);
% elseif how == "records" then
<%= r %> = load_<%= f.record %>_n(in, <%= r %>, <%= n %>, <%= f.null %>, "<%= f.path %>");
% elseif how ~= "plain" then
%	error("in: " .. f.path)
% end
