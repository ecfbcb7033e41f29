<%= doc(e.doc) %>enum class <%= e.name %> : <%= e.type %> {
% for _, v in ipairs(e.values) do
<%= doc(v.doc, "\t") %>	<%= v.name %> = <%= literals.int(v.value) %>,
% end
};

% if e.kind == "flags" then
%< "flags", { n = e.name, type = e.type }
% end
% if e.kind == "error" then
%< "error", { n = e.name }
% end
