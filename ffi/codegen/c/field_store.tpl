% local how = f.way["out"]
% local r = "r->" .. f.c_name
% local n = f.counted and "r->" .. f.n or f.n
% if f.signed then
%	n = "(uint64_t)" .. n
% end
% if how == "text" then
<%= r %> = ferry_shim_store_text(out, <%= r %>, <%= f.null %>);
% elseif how == "counted" then
<%= r %> = ferry_shim_store_counted(out, <%= r %>, <%= n %>, <%= f.null %>);
% elseif how == "elements" and f.element then
<%= r %> = ferry_shim_store(out, <%= r %>, <%= n %>, sizeof(<%= f.element %>), _Alignof(<%= f.element %>), <%= f.null %>);
% elseif how == "elements" then
<%= r %> = ferry_shim_store(out, <%= r %>, <%= n %>, 1, 1, <%= f.null %>);
% elseif how == "texts" then
<%= r %> = ferry_shim_store_texts(out, <%= r %>, <%= n %>, <%= f.null %>);
% elseif how == "record" then
store_<%= f.record %>(out, &<%= r %>);
% elseif how == "inline_records" then
for (size_t i = 0; i < <%= n %>; i++)
	store_<%= f.record %>(out, &<%= r %>[i]);
% elseif how == "records" then
<%= r %> = store_<%= f.record %>_n(out, <%= r %>, <%= n %>, <%= f.null %>);
% end
