-- What is to be done with each field of a C struct: how the templates are to
-- check it on the way in, and to copy it on the way out.
local fields = {}

-- A declaration: "const char *text", "int32_t pair[2]".
function fields.declare(type, name)
	if type.kind == "handle" then
		return "uint64_t " .. name
	elseif type.count and type.kind == "array" then
		return fields.declare(type.of, name .. "[" .. type.count .. "]")
	elseif type.count then
		local of = type.kind == "string" and "char" or "uint8_t"
		return of .. " " .. name .. "[" .. type.count .. "]"
	end
	local c_type = type.c_type or type.of.c_type
	return c_type .. (c_type:find("%*$") and "" or " ") .. name
end

local plain = { int = true, float = true, enum = true, time = true,
    duration = true, handle = true }

-- How one value is treated, and by what name a record goes.
local function one(type)
	if plain[type.kind] then
		return "plain"
	elseif type.kind == "string" and not type.len then
		return type.count and "fixed" or "text"
	elseif type.kind == "bytes" and type.count then
		return "plain"
	elseif type.kind == "record" then
		return "record", type.name
	elseif type.kind == "bool" then
		return "bool"
	end
end

local function what(type)
	local kind = type.kind
	if kind == "string" and type.len then
		return "counted"
	elseif kind == "bytes" and type.len then
		return "elements"
	elseif kind == "pointer" then
		return "records", type.of.name
	elseif kind == "map" then
		return "records", type.name
	elseif kind == "optional" and type.by == "has" then
		return one(type.of)
	elseif kind == "optional" or kind == "array" then
		local of, name = one(type.of)
		return (type.count and "inline_" or "") ..
		    ({ plain = "elements", record = "records", bool = "bools",
		    text = "texts" })[of], name
	end
	return one(type)
end

local function null(type)
	if type.kind == "optional" then
		return "FERRY_SHIM_OPTIONAL"
	elseif type.nullable then
		return "FERRY_SHIM_NULLABLE"
	end
	return "FERRY_SHIM_NEVER"
end

local function length(field, siblings)
	if not field.type.len then
		return "1", false
	end
	for _, other in ipairs(siblings) do
		if other.c_name == field.type.len then
			return field.type.len, other.type.signed
		end
	end
	error("no field " .. field.type.len .. " beside " .. field.c_name)
end

-- A record that is right as it comes, and has no pointers, is like a number; a
-- bool is one on its way out.
local function towards(direction, how, passive)
	if direction == "out" and how:find("bool") then
		return how == "bools" and "elements" or "plain"
	elseif not passive then
		return how
	elseif how == "records" then
		return "elements"
	end
	return "plain"
end

local planner = {}
planner.__index = planner

-- Adds to a field: way = { ["in"] = how, out = how }; record, null, has; n (C's
-- name of the length, or a number), signed (that length's type is), counted;
-- element (C's type, or nil: bytes); path, for messages.
function planner:field(field, siblings, path)
	local type = field.type
	local how, record = what(type)
	if not how or how == "inline_elements" then
		how = how and "plain"
	end
	if not how then
		error("no way to pass " .. path .. "." .. field.name)
	end
	field.way = {}
	for direction, passive in pairs(self.passive) do
		local way = towards(direction, how,
		    record and passive[record])
		field.way[direction] = way
		if way == "records" then
			self.pointed[direction][record] = true
		end
	end
	field.record, field.null = record, null(type)
	field.has = type.by == "has" and type.has or nil
	field.n, field.signed = length(field, siblings)
	field.counted = type.len ~= nil
	field.n = type.count and tostring(type.count) or field.n
	field.path = path .. "." .. field.name
	if record then
		field.element = self.c_types[record]
	elseif type.of then
		field.element = type.of.c_type
	end
end

-- Whether nothing has to be done for any of them.
local function passive(list, direction)
	for _, field in ipairs(list) do
		if field.way[direction] ~= "plain" then
			return false
		end
	end
	return true
end

function planner:remember(name, c_type, list)
	self.c_types[name] = c_type
	for direction, set in pairs(self.passive) do
		set[name] = passive(list, direction)
	end
end

-- The fields of arguments or results; returns whether they are passive.
function planner:list(list, path, direction)
	for _, field in ipairs(list) do
		self:field(field, list, path)
	end
	return passive(list, direction)
end

-- A record or variant; those it contains have been planned.
function planner:shape(shape)
	local list = fields.of(shape)
	for _, field in ipairs(list) do
		self:field(field, list, shape.name)
	end
	self:remember(shape.name, shape.c_name, list)
	if shape.tag then
		-- The tag is checked, whatever it says.
		self.passive["in"][shape.name] = false
		self.passive.out[shape.name] = false
	end
end

-- Whether it is a bool in place.
function fields.flag(field)
	local way = field.way["in"]
	return not field.has and (way == "bool" or way == "inline_bools")
end

-- All fields that a record or a variant has.
function fields.of(shape)
	if not shape.tag then
		return shape.fields
	end
	local list = { shape.tag }
	for _, case in ipairs(shape.cases) do
		list[#list + 1] = case.field
	end
	for _, len in ipairs(shape.lens or {}) do
		list[#list + 1] = len
	end
	return list
end

local STORED = {
	text = true, counted = true, elements = true, texts = true,
	record = true, inline_records = true, records = true
}

-- Whether any of them takes more of a block than its place in it.
function fields.stored(shape)
	for _, field in ipairs(fields.of(shape)) do
		if STORED[field.way.out] then
			return true
		end
	end
	return false
end

-- The name of the record that a type is made of.
function fields.contains(type)
	if type.kind == "record" or type.kind == "map" then
		return type.name
	end
	return type.of and fields.contains(type.of)
end

function fields.planner()
	return setmetatable({ passive = { ["in"] = {}, out = {} },
	    pointed = { ["in"] = {}, out = {} }, c_types = {} }, planner)
end

return fields
