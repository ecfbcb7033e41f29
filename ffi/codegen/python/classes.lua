-- What the model's enums, records, variants and objects are as classes.
local classes = {}

local kinds = require "kinds"
local variants = require "variants"
local words = require "words"

-- Of a list of entries: by their names.
local function by_name(list)
	local found = {}
	for _, item in ipairs(list) do
		found[item.name] = item
	end
	return found
end

-- Fields that users see.
function classes.visible(fields)
	local shown = {}
	for _, f in ipairs(fields) do
		if f.role == "value" then
			shown[#shown + 1] = f
		end
	end
	return shown
end

-- Where a member is called as a hint is, the hints are written in full.
function classes.prefix(members)
	for _, f in ipairs(members) do
		if words.HINTS[f.name] then
			return "_builtins."
		end
	end
	return ""
end

local function add(list, more)
	return table.move(more, 1, #more, #list + 1, list)
end

local function prepare_record(self, gen, r)
	local first, last = self.in_order(r.fields)
	r.class = self.of(r.name)
	r.members = add(first, last)
	r.prefix = classes.prefix(r.members)
	r.made_of = add({}, r.members)
	for _, f in ipairs(r.fields) do
		if f.role ~= "value" then
			r.made_of[#r.made_of + 1] = f
		end
	end
	self.check(r.members, words.FIELDS,
	    "the fields of Python's " .. r.class)
end

local function prepare_variant(self, gen, variant)
	variant.class = self.of(variant.name)
	if variant.plain then
		return
	end
	for _, case in ipairs(variant.cases) do
		case.class = variant.class .. gen.names.pascal(case.name)
		case.prefix = classes.prefix { case.field }
		self.check({ case.field }, words.FIELDS,
		    "the fields of Python's " .. case.class)
	end
end

-- Of what is a number: an enum is int, for those that it does not list are no
-- more than that; so are nanoseconds, which datetime does not have.
local function number(t)
	if t.kind == "enum" then
		return "int"
	end
	return t.unit == "ns" and (t.float and "float" or "int")
end

-- What an enum of codes is about: "io" of "io_code", "" of "code".
local function about(name)
	return name == "code" and "" or name:match("^(.+)_code$") or name
end

-- The library's class is the base of all; an enum that is called "error" or
-- "code" needs none of its own.
local function prepare_enum(self, gen, e)
	e.class = self.of(e.name)
	if e.kind == "error" then
		local of = about(e.name)
		e.base = (of == "error" or of == "") and self.base or
		    gen.names.pascal(of)
		self.errors[#self.errors + 1] = e
	end
	for _, value in ipairs(e.values) do
		value.class = gen.names.pascal(value.name)
	end
end

-- Knows the library's classes: of(name), types (kinds.lua), in_order(fields),
-- check(members, reserved, where), objects by name, errors (enums), base.
function classes.new(model, gen)
	local self = { errors = {}, objects = by_name(model.objects),
	    base = gen.names.pascal(model.library.name) .. "Error" }
	local enums = by_name(model.enums)

	-- Two enums of codes would not be told from exceptions by their names.
	function self.of(name)
		local e = enums[name]
		if not e or e.kind ~= "error" then
			return gen.names.pascal(name)
		end
		return gen.names.pascal(about(name)) .. "Code"
	end

	self.types = kinds.new(self.of, enums)

	-- Those that must be given come first: two lists.
	function self.in_order(fields)
		local first, last = {}, {}
		for _, f in ipairs(classes.visible(fields)) do
			f.py_default = self.types.default(f)
			local list = f.py_default and last or first
			list[#list + 1] = f
		end
		return first, last
	end

	function self.check(list, reserved, where)
		local items = {}
		for i, f in ipairs(list) do
			items[i] = { name = f.py_name or f.name,
			    c_name = f.c_name, at = f.at }
		end
		gen.names.check(items, reserved, where)
	end

	for _, e in ipairs(model.enums) do
		prepare_enum(self, gen, e)
	end
	for _, r in ipairs(model.records) do
		prepare_record(self, gen, r)
	end
	variants.prepare(model, number, true)
	for _, variant in ipairs(model.variants) do
		prepare_variant(self, gen, variant)
	end
	return self
end

return classes
