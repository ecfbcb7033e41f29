-- The model's types in C++: what a caller gives (`param`), what he gets
-- (`owned`), and what stands in a block (`wire`).
local types = {}

local ns -- "ferry::zoo::"

function types.use(namespace)
	ns = namespace
end

local function fixed_width(t)
	return ("std::%sint%d_t"):format(t.signed and "" or "u", t.bits)
end

local plain_names = {
	["char"] = "char",
	["size_t"] = "std::size_t",
}

local float_names = { [32] = "float", [64] = "double" }

local function number(t)
	if t.kind == "float" or t.float then
		return float_names[t.bits]
	end
	return fixed_width(t)
end

-- A duration of the unit and of the field's own numbers: those of the standard
-- where they have room for all of them.
local periods = { s = "", ms = "std::milli", us = "std::micro",
    ns = "std::nano" }
local standard = { s = "seconds", ms = "milliseconds", us = "microseconds",
    ns = "nanoseconds" }

local function duration(t)
	if not t.float and (t.signed or t.bits < 64) then
		return "std::chrono::" .. standard[t.unit]
	end
	local rep = t.float and float_names[t.bits] or fixed_width(t)
	local period = periods[t.unit]
	return ("std::chrono::duration<%s%s%s>"):format(rep,
	    period ~= "" and ", " or "", period)
end

local function optional(t, of)
	return t.nullable and "std::optional<" .. of .. ">" or of
end

local owned = {}

function types.owned(t)
	return owned[t.kind](t)
end

function owned.int(t)
	return plain_names[t.c_type] or fixed_width(t)
end

function owned.bool()
	return "bool"
end

function owned.float(t)
	return float_names[t.bits]
end

function owned.enum(t)
	return ns .. t.name
end

function owned.string(t)
	return optional(t, "std::string")
end

function owned.bytes(t)
	if t.count then
		return ("std::array<std::uint8_t, %d>"):format(t.count)
	end
	return optional(t, "std::vector<std::uint8_t>")
end

function owned.record(t)
	return ns .. t.name
end

function owned.pointer(t)
	return types.owned(t.of)
end

function owned.optional(t)
	return "std::optional<" .. types.owned(t.of) .. ">"
end

function owned.array(t)
	local of = types.owned(t.of)
	if t.count then
		return ("std::array<%s, %d>"):format(of, t.count)
	end
	return optional(t, "std::vector<" .. of .. ">")
end

function types.pair(t)
	return ("std::pair<%s, %s>"):format(types.owned(t.key),
	    types.owned(t.value))
end

function owned.map(t)
	return optional(t, ("ferry::map<%s, %s>"):format(types.owned(t.key),
	    types.owned(t.value)))
end

function owned.handle(t)
	return ns .. t.object
end

function owned.time(t)
	return "std::chrono::sys_time<" .. duration(t) .. ">"
end

owned.duration = duration

-- What a parameter is: views of what is large.
local param = {}

function types.param(t)
	return (param[t.kind] or owned[t.kind])(t)
end

function param.string(t)
	return optional(t, "std::string_view")
end

function param.bytes(t)
	if t.count then
		return "const " .. owned.bytes(t) .. " &"
	end
	return optional(t, "std::span<const std::uint8_t>")
end

function param.record(t)
	return "const " .. owned.record(t) .. " &"
end

function param.pointer(t)
	return types.param(t.of)
end

function param.optional(t)
	local of = types.param(t.of)
	if of:find("&$") then
		return "const " .. owned.optional(t) .. " &"
	end
	return "std::optional<" .. of .. ">"
end

function param.array(t)
	if t.count then
		return "const " .. owned.array(t) .. " &"
	elseif t.of.kind == "string" then
		return optional(t, "ferry::strings")
	end
	return optional(t, "std::span<const " .. types.owned(t.of) .. ">")
end

function param.map(t)
	return optional(t, "std::span<const " .. types.pair(t) .. ">")
end

function param.handle(t)
	return "const " .. owned.handle(t) .. " &"
end

-- What stands in a block.
local wire = {}

local function is_pointer(t)
	return not t.count
end

function types.wire(t)
	return wire[t.kind](t)
end

function wire.int(t)
	return fixed_width(t)
end

function wire.bool()
	return "std::uint8_t"
end

wire.float = owned.float
wire.enum = wire.int
wire.time = number
wire.duration = number

function wire.string(t)
	return is_pointer(t) and "ferry::offset" or "char"
end

function wire.bytes(t)
	return is_pointer(t) and "ferry::offset" or "std::uint8_t"
end

function wire.record(t)
	return ns .. "wire::" .. t.name
end

function wire.pointer()
	return "ferry::offset"
end

function wire.optional(t)
	return t.by == "pointer" and "ferry::offset" or types.wire(t.of)
end

function wire.array(t)
	return is_pointer(t) and "ferry::offset" or types.wire(t.of)
end

wire.map = wire.pointer

function wire.handle()
	return "std::uint64_t"
end

-- A field of a struct in a block; `name` is C's.
function types.wire_field(t, name)
	local inner = t.kind == "optional" and t.by == "has" and t.of or t
	local count = inner.count and ("[%d]"):format(inner.count) or ""
	return ("%s %s%s;"):format(types.wire(t), name, count)
end

-- The same, where it is there.
function types.bare(t)
	local copy = {}
	for key, value in pairs(t) do
		copy[key] = value
	end
	copy.nullable = nil
	return copy
end

return types
