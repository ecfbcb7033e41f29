-- How a function of the library is called, and what it leaves: what the
-- templates of functions need beside the model.
local fields = require "fields"

local calls = {}

local MADE_MOST = 8 -- FERRY_SHIM_MADE

local kinds = { constructor = "FERRY_FUNCTION_CONSTRUCTOR",
    event = "FERRY_FUNCTION_EVENT", ["function"] = "FERRY_FUNCTION_DIRECT" }

local function spaced(c_type)
	return c_type:find("%*$") and c_type or c_type .. " "
end

local function find(list, c_name)
	for _, field in ipairs(list) do
		if field.c_name == c_name then
			return field
		end
	end
end

local function is_root(names, object)
	return object and not names.objects[object].parent
end

-- One argument, as C takes it.
local argument = {}

function argument.self(f, names)
	return is_root(names, f.object) and "c->root->object" or "self->object"
end

function argument.parent(f)
	return f.self and "self->object" or "c->root->object"
end

function argument.call()
	return "c->call"
end

function argument.made()
	return "&made"
end

argument["in"] = function(f, names, arg)
	local field = find(f["in"], arg.c_name)
	if field.type.kind == "handle" then
		return "at_" .. arg.c_name .. "->object"
	end
	return (arg.by == "pointer" and "&" or "") .. "in->" .. arg.c_name
end

function argument.out(f, names, arg)
	local field = find(f.out, arg.c_name)
	if f.kind == "deferred" then
		return "NULL"
	elseif field.type.kind == "handle" then
		return "&made_" .. arg.c_name
	end
	return (arg.by == "pointer" and "&" or "") .. "out." .. arg.c_name
end

function argument.inout(f, names, arg)
	return (arg.by == "pointer" and "&" or "") .. "out." .. arg.c_name
end

local function arguments(f, names)
	local list = {}
	for i, arg in ipairs(f.call or {}) do
		list[i] = argument[arg.role](f, names, arg)
		if list[i]:find("^c%->") then
			f.uses_c = true
		end
	end
	return table.concat(list, ", ")
end

-- What is said before the call of a parameter that is both.
local function inout(f, name)
	local from, to = find(f["in"], name), find(f.out, name)
	if to.type.count then
		return ("memcpy(out.%s, in->%s, sizeof out.%s);"):format(
		    name, name, name)
	end
	local star = from.type.kind == "pointer" and "*" or ""
	return ("out.%s = %sin->%s;"):format(name, star, name)
end

local function inouts(f)
	local lines = {}
	for _, arg in ipairs(f.call or {}) do
		if arg.role == "inout" then
			lines[#lines + 1] = inout(f, arg.c_name)
		end
	end
	return lines
end

-- The statement that calls it. A status, or what tells a failure, is `code`.
local function statement(f, args)
	local call = ("%s(%s)"):format(f.c_name, args)
	local returns = f.returns
	if returns.kind == "void" then
		return call .. ";"
	elseif returns.kind == "status" then
		local zero = returns.fails == "zero"
		return ("code = %s%s;"):format(zero and "!" or "", call)
	end
	local to = f.result_to or "out.result"
	local line = ("%s = %s;"):format(to, call)
	if returns.fails == "null" then
		return line .. ("\n\tcode = %s == NULL;"):format(to)
	elseif returns.fails == "negative" then
		return line .. ("\n\tcode = %s < 0 ? %s : 0;"):format(to, to)
	end
	return line
end

-- Objects that its handles stand for.
local function looked_up(f, names)
	local list = {}
	if f.self then
		list[1] = { var = "self", field = "self",
		    type = f.parent or f.object }
	end
	for _, field in ipairs(f["in"]) do
		if field.type.kind == "handle" then
			list[#list + 1] = { var = "at_" .. field.c_name,
			    field = field.c_name, type = field.type.object }
		end
	end
	return list
end

-- Objects that it makes: handles among its results, or a root.
local function made(f, names, gen)
	local list = {}
	if f.kind == "constructor" and is_root(names, f.object) then
		f.result_to = "made"
		return { { var = "made", root = true,
		    c_type = spaced(names.objects[f.object].c_name) } }
	end
	for _, field in ipairs(f.out) do
		if field.type.kind == "handle" then
			local object = names.objects[field.type.object]
			list[#list + 1] = { var = "made_" .. field.c_name,
			    field = field.c_name, type = object.name,
			    c_type = spaced(object.c_name) }
			if field.c_name == "result" then
				f.result_to = "made_result"
			end
		end
	end
	if #list > MADE_MOST then
		gen.fail(f.at, f.c_name .. " makes more than " .. MADE_MOST ..
		    " objects; give them one by one")
	end
	return list
end

-- What the library gave away, and how it takes it back.
local function transfers(f, struct)
	local list = {}
	for _, field in ipairs(f.out) do
		if field.transfer then
			local r = struct .. field.c_name
			local record = field.type.kind == "record"
			list[#list + 1] = {
				test = not record and r .. " != NULL" or nil,
				call = record and
				    ("%s(&%s)"):format(field.transfer, r) or
				    ("%s(ferry_shim_theirs(%s))"):format(
				    field.transfer, r)
			}
		end
	end
	return list
end

-- A result as a parameter of a reply function, and how it gets into a block.
local function reply_parameter(field)
	local name, type = field.c_name, field.type
	if name:find("^call_*$") or name:find("^status_*$") or
	    name:find("^text_*$") or name:find("^results_*$") or
	    name:find("^r_*$") then
		name = name .. "_"
	end
	local to = "results." .. field.c_name
	if type.kind == "record" then
		return ("const %s*%s"):format(spaced(type.c_type), name),
		    ("if (%s != NULL)\n\t\t%s = *%s;"):format(name, to, name)
	elseif type.count then
		return "const " .. fields.declare(type, name),
		    ("if (%s != NULL)\n\t\tmemcpy(%s, %s, sizeof %s);"):format(
		    name, to, name, to)
	end
	return fields.declare(type, name), ("%s = %s;"):format(to, name)
end

local function plan_reply(f, names, gen)
	local enum = f.returns.error and names.enums[f.returns.error]
	local list = { "ferry_call call",
	    (enum and spaced(enum.c_name) or "int ") .. "status",
	    "const char *text" }
	f.reply_fill = {}
	for i, field in ipairs(f.out) do
		if field.type.kind == "handle" then
			gen.fail(f.at, f.c_name .. " answers later, and " ..
			    "makes an object, which only its own thread " ..
			    "can; let another method make it")
		end
		list[i + 3], f.reply_fill[i] = reply_parameter(field)
	end
	f.reply_params = table.concat(list, ", ")
	f.transfers = transfers(f, "results.")
	if f.returns.kind == "value" then
		gen.fail(f.at, f.c_name .. " answers later, and returns a " ..
		    "value; make it an out-parameter")
	end
end

local function plan_event(f, gen)
	f.params = table.concat(f.c_params, ", ")
	f.event_self = f.c_params[1]:match("([%w_]+)%s*$")
	f.event_fill, f.said = {}, "out"
	while find(f.out, f.said) or f.said == f.event_self do
		f.said = f.said .. "_"
	end
	for i, field in ipairs(f.out) do
		local name = field.c_name
		if field.type.kind == "handle" then
			gen.fail(f.at, f.c_name .. " tells an object, which " ..
			    "has no handle outside of a call; tell what it " ..
			    "is known by")
		elseif field.type.count then
			f.event_fill[i] = ("memcpy(%s.%s, %s, sizeof %s.%s);")
			    :format(f.said, name, name, f.said, name)
		else
			f.event_fill[i] = ("%s.%s = %s;"):format(
			    f.said, name, name)
		end
	end
	if f.returns.kind ~= "void" then
		gen.fail(f.at, f.c_name .. " is called by the library, and " ..
		    "returns a value that nobody gives; let it return void")
	end
end

local LEVELS = { "slow", "stalled", "wedged", "fatal" }

local function levels(f)
	local list = {}
	for _, name in ipairs(LEVELS) do
		local ms = f.levels and f.levels[name]
		if ms then
			list[#list + 1] = (".%s_ms = %d"):format(name, ms)
		end
	end
	return list[1] and table.concat(list, ", ")
end

local function plan_call(f, names, gen)
	f.looked_up = looked_up(f, names)
	f.made = made(f, names, gen)
	f.inout = inouts(f)
	f.statement = statement(f, arguments(f, names))
	f.code = f.returns.kind == "status" or f.returns.fails ~= nil
	f.transfers = transfers(f, "out.")
	f.uses_c = f.uses_c or f.has_out or f.code or f.cancel or
	    #f.made > 0 or f.kind == "deferred"
	local enum = f.returns.error and names.enums[f.returns.error]
	f.text_of = enum and enum.error_text and "text_of_" .. enum.name or
	    names.library.detail and "last_text" or "NULL"
	f.levels_c = levels(f)
end

-- What the scan has seen to, of a model that it has not made.
local function check_remains(f, gen)
	if f.remains and (f.kind ~= "constructor" or #f.made ~= 1 or
	    f.returns.kind ~= "status") then
		gen.fail(f.at, f.c_name .. " cannot leave an object when it " ..
		    "fails; let it return a status, and make one")
	end
end

-- Transfers of records' fields would have to be found again in what they are
-- in, which is not the library's any more.
local function refuse_inner(f, gen)
	if f.kind == "constructor" and not f.method and
	    #f.out > 0 then
		gen.fail(f.at, f.c_name .. " opens a root and has results; " ..
		    "let a method tell them")
	end
end

-- Adds to a function what it is called by and what templates ask for.
function calls.plan(f, planner, names, gen)
	local object = f.object and names.objects[f.object]
	f.label = (object and object.name .. "." or "") .. f.name
	if f.parent and not is_root(names, f.parent) then
		f.self = "handle"
	end
	f.passive_in = planner:list(f["in"], f.label, "in")
	f.passive_out = planner:list(f.out, f.label, "out")
	f.has_in = f.self ~= nil or #f["in"] > 0
	f.has_out = #f.out > 0
	f.load = f.passive_in and "NULL" or "load_in_" .. f.c_name
	f.size_store = f.passive_out and "NULL, NULL" or
	    ("size_out_%s, store_out_%s"):format(f.c_name, f.c_name)
	if f.kind == "destructor" and not object.parent then
		f.has_in = false
		return -- the context's end
	end
	f.table_kind = kinds[f.kind] or "FERRY_FUNCTION_METHOD"
	if f.kind == "event" then
		return plan_event(f, gen)
	end
	f.method = f.kind ~= "function" and
	    (f.kind ~= "constructor" or object.parent ~= nil)
	f.run = f.kind == "destructor" and "run_destructor" or "run"
	plan_call(f, names, gen)
	refuse_inner(f, gen)
	check_remains(f, gen)
	if f.kind == "deferred" then
		plan_reply(f, names, gen)
	end
end

return calls
