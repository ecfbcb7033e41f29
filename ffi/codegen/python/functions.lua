-- What the model's functions are as methods: whose they are, what they take,
-- and what they return.
local functions = {}

local classes = require "classes"
local words = require "words"

-- Zoo.split's results are a SplitResult where there is one root.
local function stem(f, known, pascal)
	local o = known.objects[f.object]
	if o and (o.parent or known.roots > 1) then
		return o.class .. pascal(f.name)
	end
	return pascal(f.name)
end

local function results_class(f, known, pascal)
	if f.kind == "event" then
		return stem(f, known, pascal)
	elseif #f.results > 1 then
		return stem(f, known, pascal) .. "Result"
	end
end

local function returned(f, types)
	if f.class then
		return f.class
	end
	local one = f.results[1]
	return one and types.hint(one.type, false, f.on_prefix) or "None"
end

local function parameters(f, types)
	local list = {}
	local function hint(p)
		return types.hint(p.type, true, f.on_prefix)
	end
	for _, p in ipairs(f.required) do
		list[#list + 1] = p.py_name .. ": " .. hint(p)
	end
	if f.more[1] then
		list[#list + 1] = "*"
	end
	for _, p in ipairs(f.more) do
		list[#list + 1] = ("%s: %s = %s"):format(
		    p.py_name, hint(p), p.py_default)
	end
	return list
end

-- What encode() takes, and those of it that are objects.
local function arguments(f)
	local list, kept = {}, {}
	if f.on_handle then
		list[1], kept[1] = "self", "self"
	end
	for _, p in ipairs(classes.visible(f["in"])) do
		list[#list + 1] = p.py_name
		if p.type.kind == "handle" then
			kept[#kept + 1] = p.py_name
		end
	end
	return list, kept
end

local function makes_handles(f)
	for _, r in ipairs(f.results) do
		if r.type.kind == "handle" then
			return true
		end
	end
	return false
end

-- Whose method it is: a constructor is its object's parent's.
local function owner(f, known)
	local o = known.objects[f.object]
	if f.kind == "constructor" and o.parent then
		return known.objects[o.parent]
	end
	return o
end

local function prepare(f, known, pascal)
	local o = known.objects[f.object]
	f.layout = (o and o.name .. "." or "") .. f.name
	f.id_name = (o and o.name .. "_" or "") .. f.name
	-- C's parameters are called `in` and `from` freely.
	for _, p in ipairs(f["in"]) do
		p.py_name = p.name .. (words.KEYWORDS[p.name] and "_" or "")
	end
	f.required, f.more = known.in_order(f["in"])
	f.results = classes.visible(f.out)
	f.class = results_class(f, known, pascal)
	f.prefix = classes.prefix(f.results)
	f.on_prefix = f.on and f.on.prefix or ""
	f.returns_hint = returned(f, known.types)
	f.on_handle = f.on ~= nil and f.on.parent ~= nil
	f.parameters = parameters(f, known.types)
	f.arguments, f.kept = arguments(f)
	f.makes_handles = makes_handles(f)
	known.check(classes.visible(f["in"]), words.PARAMETERS,
	    "the parameters of Python's " .. f.name)
	known.check(f.results, words.FIELDS,
	    "the results of Python's " .. f.name)
end

-- A class whose methods are called as types are writes its hints in full.
local function name_members(model, known)
	local members = {}
	for _, f in ipairs(model.functions) do
		f.on = owner(f, known)
		if f.on then
			local of = members[f.on.name] or {}
			members[f.on.name] = of
			of[#of + 1] = f
		end
	end
	for _, o in ipairs(model.objects) do
		o.prefix = classes.prefix(members[o.name] or {})
	end
end

local function place(f, known, all)
	local o = known.objects[f.object]
	if f.kind == "function" then
		all.direct[#all.direct + 1] = f
	elseif f.kind == "event" then
		o.events[#o.events + 1] = f
	elseif f.kind == "constructor" and not o.parent then
		o.made_by[#o.made_by + 1] = f
	elseif f.kind ~= "destructor" then
		f.on.methods[#f.on.methods + 1] = f
	elseif o.parent then
		o.ended_by = f
	else
		return      -- a root's: its context is closed
	end
	all.calls[#all.calls + 1] = f
	if f.class then
		all.named[#all.named + 1] = f
	end
end

-- Three lists: `calls`, all that is called by the table of the shim; `direct`,
-- those of them that need no object; `named`, those whose results are a class.
function functions.new(model, known, pascal)
	local all = { calls = {}, direct = {}, named = {} }
	known.roots = 0
	for _, o in ipairs(model.objects) do
		o.class = known.of(o.name)
		o.methods, o.events, o.made_by = {}, {}, {}
		known.roots = known.roots + (o.parent and 0 or 1)
	end
	name_members(model, known)
	for _, f in ipairs(model.functions) do
		prepare(f, known, pascal)
		place(f, known, all)
	end
	return all
end

return functions
