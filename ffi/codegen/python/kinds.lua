-- The model's types as Python has them: hints, the codec's descriptors, and
-- what stands for a default.
local kinds = {}

local words = require "words"

local function yes(b)
	return b and "True" or "False"
end

-- kinds.new(class_of, enums): class_of(name) is the class of an enum, record,
-- variant or object. hint(type, input, prefix): `input` where callers give it;
-- `prefix` stands before what a member's name would hide.
function kinds.new(class_of, enums)
	local self = {}
	local hints, descriptors = {}, {}

	function self.hint(t, input, prefix)
		local made = hints[t.kind](t, input, prefix or "")
		return t.nullable and "Optional[" .. made .. "]" or made
	end

	function hints.int(_, _, p)
		return p .. "int"
	end
	function hints.bool(_, _, p)
		return p .. "bool"
	end
	function hints.float(_, _, p)
		return p .. "float"
	end
	function hints.string(_, _, p)
		return p .. "str"
	end
	function hints.bytes(_, _, p)
		return p .. "bytes"
	end
	function hints.enum(t, _, p)
		return ("Union[%s, %sint]"):format(class_of(t.name), p)
	end
	function hints.record(t)
		return class_of(t.name)
	end
	function hints.handle(t)
		return class_of(t.object)
	end
	function hints.pointer(t, input, p)
		return self.hint(t.of, input, p)
	end
	function hints.optional(t, input, p)
		return "Optional[" .. self.hint(t.of, input, p) .. "]"
	end
	function hints.array(t, input, p)
		return (input and "Sequence[" or "List[") ..
		    self.hint(t.of, input, p) .. "]"
	end
	function hints.map(t, input, p)
		return ("%s[%s, %s]"):format(input and "Mapping" or "Dict",
		    self.hint(t.key, input, p), self.hint(t.value, input, p))
	end
	function hints.time(t, _, p)
		return t.unit == "ns" and self.number(t, p) or
		    "datetime.datetime"
	end
	function hints.duration(t, _, p)
		return t.unit == "ns" and self.number(t, p) or
		    "datetime.timedelta"
	end

	function self.number(t, p)
		return (p or "") .. (t.float and "float" or "int")
	end

	-- What the codec reads: c.Text(len="n").
	function self.descriptor(t)
		return "c." .. descriptors[t.kind](t)
	end

	-- Its class, and those of its keywords that say something.
	local function with(class, first, t)
		local parts = { first }
		if t.nullable then
			parts[#parts + 1] = "nullable=True"
		end
		if t.len then
			parts[#parts + 1] = ('len="%s"'):format(t.len)
		end
		if t.count then
			parts[#parts + 1] = ("count=%d"):format(t.count)
		end
		return class .. "(" .. table.concat(parts, ", ") .. ")"
	end

	local function int(t)
		return ("Int(%d%s)"):format(
		    t.bits, t.signed and "" or ", False")
	end

	descriptors.int = int
	function descriptors.bool()
		return "Bool()"
	end
	function descriptors.float(t)
		return ("Float(%d)"):format(t.bits)
	end
	function descriptors.enum(t)
		return ("Enum(types.%s, %d, %s)"):format(
		    class_of(t.name), t.bits, yes(t.signed))
	end
	function descriptors.string(t)
		return with("Text", nil, t)
	end
	function descriptors.bytes(t)
		return with("Bytes", nil, t)
	end
	function descriptors.record(t)
		return ('Record("%s")'):format(t.name)
	end
	function descriptors.handle(t)
		return ("Handle(%s)"):format(class_of(t.object))
	end
	function descriptors.pointer(t)
		return "Pointer(" .. self.descriptor(t.of) .. ")"
	end
	function descriptors.optional(t)
		return "Maybe(" .. self.descriptor(t.of) ..
		    (t.has and (', "%s"'):format(t.has) or "") .. ")"
	end
	function descriptors.array(t)
		return with("Array", self.descriptor(t.of), t)
	end
	function descriptors.map(t)
		return with("Map", ('"%s"'):format(t.name), t)
	end
	local function clock(class)
		return function(t)
			return ('%s("%s", c.%s)'):format(class, t.unit,
			    t.float and ("Float(%d)"):format(t.bits) or int(t))
		end
	end
	descriptors.time = clock("Time")
	descriptors.duration = clock("Duration")

	-- A default, as Python's source, in a module where classes of types.py
	-- are known by their names.
	local units = { s = "seconds", ms = "milliseconds",
	    us = "microseconds" }

	local function number(value)
		if value:find("^[+-]?inf") or value:find("nan") then
			return ('float("%s")'):format(value)
		end
		return value
	end

	function self.constant(c)
		return c.type == "string" and words.quote(c.value) or
		    number(c.value)
	end

	local function clocked(t, value)
		if t.unit == "ns" then
			return value
		end
		local delta = ("datetime.timedelta(%s=%s)"):format(
		    units[t.unit], number(value))
		return t.kind == "duration" and delta or
		    "datetime.datetime.fromtimestamp(" ..
		    "0, datetime.timezone.utc) + " .. delta
	end

	function self.default(field)
		local t, d = field.type, field.default
		while t.kind == "optional" or t.kind == "pointer" do
			t = t.of
		end
		if not d and field.type.kind == "enum" then
			local name = enums[t.name].default
			d = name and { kind = "enum", value = name }
		end
		if not d then
			return nil
		elseif d.kind == "none" then
			return "None"
		elseif d.kind == "bool" then
			return yes(d.value == "true")
		elseif d.kind == "string" then
			return words.quote(d.value)
		elseif d.kind == "enum" then
			return class_of(t.name) .. "." .. d.value:upper()
		elseif t.kind == "time" or t.kind == "duration" then
			return clocked(t, d.value)
		end
		return number(d.value)
	end

	return self
end

return kinds
