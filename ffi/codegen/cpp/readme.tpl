% local L = model.library
# <%= L.name %> <%= L.version %> for C++20

Made by `ferry gen` from `<%= L.header %>`. It needs libferry, and
`lib<%= L.name %>.so` with its shim (`<%= L.name %>_ferry.c`) inside.

    cmake -B build -D<%= L.name:upper() %>_LIBRARY=/path/to/lib<%= L.name %>.so
    cmake --build build && ctest --test-dir build
    cmake --install build --prefix /usr/local

In a project that uses it:

    find_package(ferry_<%= L.name %> REQUIRED)
    target_link_libraries(program PRIVATE ferry::<%= L.name %>)

and in its sources:

    #include <<%= L.name %>.hpp>

Every method has four forms: `method` waits and throws, `try_method` waits and
returns a `ferry::result`, `method_async` is for `co_await` in a `ferry::loop`,
and `method_future` gives a `std::future`. The last argument of each is
`ferry::call_options`: a deadline, a `std::stop_token`, a lane.
% if #roots > 0 then

| class | made by | |
|---|---|---|
% for _, o in ipairs(model.objects) do
% local makers = {}
% for _, name in ipairs(o.constructors or {}) do
% makers[#makers + 1] = "`" .. name .. "`"
% end
| `<%= ns .. o.name %>` | <%= table.concat(makers, ", ") %> | <%= (o.doc or ""):gsub("%s+", " ") %> |
% end
% end

Where a coroutine goes on, which thread completes a future, and what a loop is,
is said in `<ferry/loop.hpp>` and `<ferry/async.hpp>`.
