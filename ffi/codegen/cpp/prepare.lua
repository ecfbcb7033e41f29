-- The model, and beside each thing what it is called in C++.
local types = require("types")
local literals = require("literals")
local plain = require("variants")
local enums = require("enums")
local words = require("words")

-- C++'s words, and macros in small letters of headers that everybody includes.
local reserved_words = [[
alignas alignof and and_eq asm assert auto bitand bitor bool break case catch
char char8_t char16_t char32_t class compl concept const consteval constexpr
constinit const_cast continue co_await co_return co_yield decltype default
delete do double dynamic_cast else enum errno explicit export extern false
ferry float for friend goto i386 if inline int linux long mutable namespace new
noexcept not not_eq nullptr offsetof operator or or_eq private protected public
register reinterpret_cast requires return short signed sizeof static
static_assert static_cast std stderr stdin stdout struct switch template this
thread_local throw true try typedef typeid typename union unix unsigned using
virtual void volatile wchar_t while xor xor_eq
]]

local function with(set, more)
	local both = {}
	for word in pairs(set) do
		both[word] = true
	end
	for word in more:gmatch("%S+") do
		both[word] = true
	end
	return both
end

-- C's name of a field, in a struct that no user sees.
local function member(reserved, c_name)
	return reserved[c_name] and c_name .. "_" or c_name
end

-- The type without what a default does not look at.
local function innermost(t)
	return t.kind == "optional" and innermost(t.of) or t
end

local function field(self, f)
	local t = f.type
	f.wire = (f.c_name:gsub("[^.]+", function(part)
		return member(self.reserved, part)
	end))
	f.owned = types.owned(t)
	f.param = types.param(t)
	f.wire_field = types.wire_field(t, f.wire:match("[^.]+$"))
	local default = f.default
	if not default and t.kind == "enum" and self.defaults[t.name] then
		default = { kind = "enum", value = self.defaults[t.name] }
	end
	if default then
		local inner = innermost(types.bare(t))
		f.init = literals.default(default, inner, types.owned(inner))
	end
end

local function shown(fields)
	local list = {}
	for _, f in ipairs(fields) do
		if f.role == "value" then
			list[#list + 1] = f
		end
	end
	return list
end

local function all_fields(self, fields)
	for _, f in ipairs(fields) do
		field(self, f)
	end
	return shown(fields)
end

-- Lengths and flags are found by C's name; users see that of the model.
local function records(self, model)
	for _, r in ipairs(model.records) do
		r.shown = all_fields(self, r.fields)
		self.check(r.shown, self.reserved,
		    "the fields of " .. r.name .. " in C++")
	end
end

-- Of its struct, in C's order: the tag, the union (its name) and the lengths.
-- A tag whose cases have no data is alone.
local function parts(v)
	local list, named = { v.tag, v.union }, { [v.tag.c_name] = v.tag }
	for _, f in ipairs(v.lens or {}) do
		list[#list + 1] = f
		named[f.c_name] = f
	end
	for i, c_name in ipairs(v.order or {}) do
		list[i] = named[c_name] or v.union
	end
	return list
end

local function variants(self, model)
	plain.prepare(model, function(t)
		return t.kind == "enum" and "enum " .. t.name
	end)
	for _, v in ipairs(model.variants) do
		field(self, v.tag)
		all_fields(self, v.lens or {})
		for _, case in ipairs(v.cases) do
			case.number = self.numbers[v.tag.type.name][case.name]
			if case.field then
				field(self, case.field)
				v.union = case.field.wire:match("^(.*)%.") or ""
			end
		end
		v.parts = parts(v)
		self.check(v.cases, with(self.reserved, "value " .. v.name),
		    "the cases of " .. v.name .. " in C++")
		-- What a class has may not be called as the class is.
		self.check({ v }, with({}, "value get_if"), "C++'s variants")
	end
end

-- Arguments with a default come last, or have none.
local function parameters(f)
	local may = true
	for i = #f.args, 1, -1 do
		local a = f.args[i]
		may = may and a.init ~= nil
		a.declared = a.param .. (a.param:find("&$") and "" or " ") ..
		    a.name
		a.defined = a.declared
		if may then
			a.declared = a.declared .. " = " .. a.init
		end
	end
end

local function result_type(self, f)
	if #f.results == 0 then
		return "void"
	elseif #f.results == 1 then
		return f.results[1].owned
	end
	f.struct = (f.method_of and not f.method_of.is_root and
	    f.method_of.name .. "_" or "") .. f.name .. "_result"
	return self.ns .. f.struct
end

local function method_of(self, f)
	if f.kind == "constructor" then
		return self.objects[f.object].parent and
		    self.objects[self.objects[f.object].parent]
	end
	return f.object and self.objects[f.object]
end

local function domain(self, f)
	local e = f.returns and f.returns.error
	if not e then
		return "nullptr"
	end
	return ("&ferry_error_domain(%s%s{})"):format(self.ns, e)
end

local function functions(self, model)
	for _, f in ipairs(model.functions) do
		f.args = all_fields(self, f["in"])
		f.results = all_fields(self, f.out)
		f.full = f.object and f.object .. "." .. f.name or f.name
		f.call_type = f.full:gsub("%.", "_")
		f.method_of = method_of(self, f)
		f.has_self = f.self ~= nil or (f.kind == "constructor" and
		    f.method_of ~= nil and f.method_of.parent ~= nil)
		f.has_in = f.has_self or #f["in"] > 0
		f.has_out = #f.out > 0
		f.domain = domain(self, f)
		f.shown_name = f.kind == "destructor" and "close" or f.name
		if f.kind == "event" then
			f.struct = f.name .. "_event"
			f.result = self.ns .. f.struct
		else
			f.result = result_type(self, f)
		end
		self.check(f.args, with(self.reserved, "options calls wire"),
		    "the arguments of " .. f.full .. " in C++")
		parameters(f)
	end
end

local kinds = {
	constructor = function(f, object)
		local list = f.method_of and f.method_of.methods or
		    object.makers
		list[#list + 1] = f
	end,
	destructor = function(f, object)
		if object.parent then
			object.closer = f
		end
	end,
	event = function(f, object)
		object.events[#object.events + 1] = f
	end,
	["function"] = function(f, _, self)
		self.direct[#self.direct + 1] = f
	end,
	method = function(f, object)
		object.methods[#object.methods + 1] = f
	end,
}
kinds.strand = kinds.method
kinds.deferred = kinds.method

local function objects(self, model)
	self.objects, self.roots, self.direct = {}, {}, {}
	for _, o in ipairs(model.objects) do
		self.objects[o.name] = o
		o.methods, o.events, o.makers = {}, {}, {}
		o.is_root = not o.parent
		if o.is_root then
			o.number = #self.roots
			self.roots[#self.roots + 1] = o
		end
	end
end

-- What is called alike in one class.
local function members(self, model)
	for _, f in ipairs(model.functions) do
		kinds[f.kind](f, f.object and self.objects[f.object], self)
	end
	for _, o in ipairs(model.objects) do
		local names = {}
		local function add(f, form)
			names[#names + 1] = { name = form:format(f.name),
			    c_name = f.c_name, at = f.at }
		end
		for _, f in ipairs(o.methods) do
			for _, form in ipairs({ "%s", "try_%s", "%s_async",
			    "%s_future" }) do
				add(f, form)
			end
		end
		for _, f in ipairs(o.makers) do
			add(f, "%s")
			add(f, "try_%s")
		end
		for _, f in ipairs(o.events) do
			for _, form in ipairs({ "%s", "try_%s", "%s_stream",
			    "try_%s_stream" }) do
				add(f, form)
			end
		end
		self.check(names, with(self.reserved, [[close try_close
		    close_async close_future native_handle context handle
		    owner forget open_context borrow try_borrow ]] .. o.name),
		    "the methods of " .. o.name .. " in C++")
	end
end

-- Maps: each pair of types has one codec, by the entries' record.
local function maps(self, model)
	local seen = {}
	self.maps = {}
	local function look(t)
		if t.kind == "map" and not seen[t.name] then
			seen[t.name] = true
			self.maps[#self.maps + 1] = t
		end
		if t.of then
			look(t.of)
		end
	end
	local function look_all(fields)
		for _, f in ipairs(fields) do
			look(f.type)
		end
	end
	for _, r in ipairs(model.records) do
		look_all(r.fields)
	end
	for _, v in ipairs(model.variants) do
		for _, case in ipairs(v.cases) do
			look_all({ case.field })
		end
	end
	for _, f in ipairs(model.functions) do
		look_all(f["in"])
		look_all(f.out)
	end
	for _, t in ipairs(self.maps) do
		t.pair = types.pair(t)
		t.entry = self.records[t.name]
	end
end

-- Everything in the library's namespace.
local function scope(self, model)
	local names = {}
	local function add(thing, form)
		names[#names + 1] = { name = form:format(thing.name),
		    c_name = thing.c_name, at = thing.at }
	end
	for _, list in ipairs({ model.constants, model.enums, model.records,
	    model.variants, model.objects, self.direct }) do
		for _, thing in ipairs(list) do
			add(thing, "%s")
		end
	end
	for _, f in ipairs(self.direct) do
		add(f, "try_%s")
	end
	for _, f in ipairs(model.functions) do
		if f.struct then
			names[#names + 1] = { name = f.struct,
			    c_name = f.c_name, at = f.at }
		end
	end
	for _, e in ipairs(model.enums) do
		self.check(e.values, self.reserved,
		    "the values of " .. e.name .. " in C++")
		for _, x in ipairs(e.exceptions or {}) do
			names[#names + 1] = x
		end
	end
	self.check(names, with(self.reserved,
	    "calls wire package layout result"),
	    "C++'s ferry::" .. model.library.name)
end

-- One class for each error; those of two enums are told apart.
local function exceptions(self, model)
	local times, class_of = {}, {}
	for _, e in ipairs(model.enums) do
		for _, v in ipairs(e.kind == "error" and e.values or {}) do
			times[v.name] = (times[v.name] or 0) + 1
		end
	end
	for _, e in ipairs(model.enums) do
		e.type = ("std::%sint%d_t"):format(e.signed and "" or "u",
		    e.bits)
		e.exceptions = {}
		for _, v in ipairs(e.kind == "error" and e.values or {}) do
			if tonumber(v.value) > 0 then
				local of = times[v.name] > 1 and
				    e.name .. "_" or ""
				class_of[v] = of .. v.name .. "_error"
				e.exceptions[#e.exceptions + 1] = {
				    name = class_of[v], of = v,
				    same = v.first and class_of[v.first],
				    c_name = v.c_name, at = v.at }
			end
		end
		if e.kind == "error" then
			e.exceptions.base = e.name .. "_exception"
		end
	end
end

return function(model, gen)
	local self = {
		ns = "ferry::" .. model.library.name .. "::",
		reserved = gen.names.set(reserved_words),
		records = {},
		numbers = {}, -- of the values of enums
		defaults = {}, -- of enums
	}
	function self.check(items, reserved, what)
		local list = {}
		for i, item in ipairs(items) do
			list[i] = { name = item.name, at = item.at,
			    c_name = item.c_name or item.value }
		end
		gen.names.check(list, reserved, what)
	end
	gen.names.check_library(model.library, model.library.name,
	    with(self.reserved, words.FERRY), "C++")
	types.use(self.ns)
	enums.prepare(model)
	for _, r in ipairs(model.records) do
		self.records[r.name] = r
	end
	for _, e in ipairs(model.enums) do
		self.defaults[e.name] = e.default
		self.numbers[e.name] = {}
		for _, v in ipairs(e.values) do
			self.numbers[e.name][v.name] = v.value
		end
	end
	records(self, model)
	variants(self, model)
	objects(self, model)
	functions(self, model)
	members(self, model)
	maps(self, model)
	exceptions(self, model)
	scope(self, model)
	return self
end
