% if doc then
"""<%= words.docstring(doc) %>"""
% end
