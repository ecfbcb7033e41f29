class <%= f.class %>(NamedTuple):
% if f.kind == "event" then
    %< "doc", { doc = f.doc or "`" .. f.c_name .. "`." }
% else
    """What `<%= f.name %>` returns."""
% end
% if f.results[1] then

    %< "members", { members = f.results, prefix = f.prefix, tuple = true }
% end
