% if library.doc then
"""<%= words.docstring(library.doc) %>
% else
"""<%= library.name %> for Python.
% end

Classes whose methods return awaitable futures: a call is on its way when its
method has returned; to cancel the task that awaits it cancels the call. Every
call takes timeout=, in seconds, and lane=: calls of one lane start in order,
and 0 is the calling thread. `<%= package %>.blocking` has the same for threads
that wait.
"""

from . import blocking, errors, types
%< "imports", { from = "._aio", list = names.objects }
%< "imports", { from = "._functions", list = names.functions }
%< "imports", { from = ".errors", list = names.errors }
%< "imports", { from = ".types", list = names.types }

% local function line(name)
    "<%= name %>",
% end
__all__ = [
% for _, name in ipairs(names.all) do
%	line(name)
% end
    "blocking",
    "errors",
    "types",
]
