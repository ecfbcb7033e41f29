# <%= package %>

`<%= library.name %>` for Python: on asyncio, and for threads that wait. Made by `ferry gen`.

% for _, o in ipairs(model.objects) do
%	local open = not o.parent and o.made_by[1]
%	if open then
```python
import asyncio
import <%= package %>

async def main():
    async with <%= package %>.<%= o.class %>.<%= open.name %>(...) as <%= o.name %>:
        ...

asyncio.run(main())
```

%	break
%	end
% end
`<%= package %>.blocking` has the same classes; their methods wait, and return
results; those of their `.futures` return a `concurrent.futures.Future` each. Every
call takes `timeout=`, in seconds, and `lane=`.

## The wheel

    <%= env %>=…/<%= so %> pip wheel .

puts the library into the wheel, or `<%= package %>/<%= so %>`, where it stands
there already (`ferry gen … --option python.library=PATH` puts it there). The
same variable names the library to load in place of the wheel's own.

    python -m unittest discover tests

tries what is installed.
