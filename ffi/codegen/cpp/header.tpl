% local L = model.library
/*
 * <%= L.name %> <%= L.version %> for C++20, made by `ferry gen` from <%= L.header %>.
 *
% for line in doc(L.doc or ""):gmatch(" %* ([^\n]+)") do
 * <%= line %>
% end
 * Each method comes in four forms:
 *
 *	x.method(…)         waits; throws what derives from ferry::exception
 *	x.try_method(…)     waits; returns a ferry::result
 *	x.method_async(…)   for co_await, in a coroutine of a ferry::loop
 *	x.method_future(…)  a std::future
 *
 * The last argument of each is ferry::call_options: deadline, std::stop_token,
 * lane. See <ferry/call.hpp>.
 */
#ifndef FERRY_PACKAGE_<%= L.name:upper() %>_HPP
#define FERRY_PACKAGE_<%= L.name:upper() %>_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <ferry/ferry.hpp>

/* The shim, in the library. */
extern "C" const struct ferry_package *<%= L.name %>_ferry(void);

namespace ferry::<%= L.name %> {

% for _, c in ipairs(model.constants) do
%< "constant", { c = c }
% end
% for _, e in ipairs(model.enums) do
%< "enum", { e = e }
% end
% for _, o in ipairs(model.objects) do
class <%= o.name %>;
% end
% for _, f in ipairs(model.functions) do
% if f.struct and f.kind ~= "event" then
struct <%= f.struct %>;
% end
% end

% for _, r in ipairs(items) do
% if r.tag then
%< "variant", { x = r }
% else
%< "record", { r = r }
% end
% end
% for _, f in ipairs(model.functions) do
% if f.kind == "event" then
<%= doc(f.doc) %>struct <%= f.struct %> {
% for _, a in ipairs(f.results) do
	<%= a.owned %> <%= a.name %>{};
% end

	bool operator==(const <%= ns .. f.struct %> &) const = default;
};

% end
% end
/* Descriptions of the calls, below. */
namespace calls {
% for _, f in ipairs(model.functions) do
% if f.kind == "event" then
struct <%= f.call_type %>;
% end
% end
} /* namespace calls */

/* ---------------------------------------------------------------- objects */

% for _, o in ipairs(model.objects) do
%< "class", { o = o }
% end
% for _, f in ipairs(model.functions) do
% if f.struct and f.kind ~= "event" then
/** What <%= f.full %> returns. */
struct <%= f.struct %> {
% for _, a in ipairs(f.results) do
<%= doc(a.doc, "\t") %>	<%= a.owned %> <%= a.name %>{};
% end
};

% end
% end
% for _, f in ipairs(direct) do
<%= doc(f.doc) %>#if FERRY_EXCEPTIONS
<%= f.result %>
<%= parameters(f.name, f, "declared", ";") %>
#endif
ferry::result<<%= f.result %>>
<%= parameters("try_" .. f.name, f, "declared", ";") %>

% end
/* ------------------------------------- the rest is how, and not for callers */

/* Structs as they stand in blocks. */
namespace wire {

%< "wire"
%< "codec"
} /* namespace wire */

%< "layout"
namespace calls {

%< "calls"
} /* namespace calls */

% for _, o in ipairs(model.objects) do
%< "class_body", { o = o }
% end
% for _, f in ipairs(direct) do
%< "direct", { f = f }
% end
} /* namespace ferry::<%= L.name %> */

#endif
