-- Templates: text with Lua in it.
--
--	% for _, f in ipairs(functions) do     a line of Lua; leaves no line
--	int <%= f.c_name %>(void);             a value; nil is an error
--	% end
--	%% a line that begins with a percent sign
--	%< name, { f = f }                     another template, indented as
--	                                       this line is
--
-- A template sees what its caller gives it, then Lua's own names, and nothing
-- else: a name that neither has is an error, with the template and its line.
local template = {}

local function quote(s)
	return string.format("%q", s):gsub("\\\n", "\\n")
end

-- One line of text with values in it, as Lua.
local function text(line, out)
	local at = 1
	while true do
		local from, to, value = line:find("<%%=(.-)%%>", at)
		if not from then
			break
		end
		if from > at then
			out[#out + 1] = " _out(" ..
			    quote(line:sub(at, from - 1)) .. ")"
		end
		out[#out + 1] = " _value(" .. value .. ")"
		at = to + 1
	end
	out[#out + 1] = " _out(" .. quote(line:sub(at) .. "\n") .. ")\n"
end

local function compile(source)
	local out = {}
	for line in (source:gsub("\n?$", "\n")):gmatch("(.-)\n") do
		local indent, kind, rest =
		    line:match("^(%s*)%%([%%<]?)(.*)$")
		if not indent then
			text(line, out)
		elseif kind == "%" then
			text(indent .. "%" .. rest, out)
		elseif kind == "<" then
			out[#out + 1] = "_include(" .. quote(indent) ..
			    ", " .. rest .. ")\n"
		else
			out[#out + 1] = rest .. "\n"
		end
	end
	return table.concat(out)
end

-- template.new(read): read(name) returns a template's text, and how errors call
-- it. What it returns is render(name, values), which returns text.
function template.new(read)
	local cache = {}
	local render

	local function lookup(name)
		if not cache[name] then
			local source, called = read(name)
			cache[name] = {
				code = compile(source),
				chunk = "=" .. (called or name)
			}
		end
		return cache[name]
	end

	function render(name, values)
		local known = lookup(name)
		local parts = {}
		values = values or {}
		local env = {}
		function env._out(s)
			parts[#parts + 1] = s
		end
		function env._value(v)
			if v == nil then
				error("no value", 2)
			end
			parts[#parts + 1] = tostring(v)
		end
		function env._include(indent, inner, more)
			local with = setmetatable(more or {},
			    { __index = values })
			local s = render(inner, with)
			if indent ~= "" then
				s = s:gsub("([^\n]+)", indent .. "%1")
			end
			parts[#parts + 1] = s
		end
		setmetatable(env, { __index = function(_, key)
			local v = values[key]
			if v == nil then
				v = _G[key]
			end
			if v == nil then
				error("no such name: " .. tostring(key), 2)
			end
			return v
		end })
		local run, why = load(known.code, known.chunk, "t", env)
		if not run then
			error(why, 0)
		end
		run()
		return table.concat(parts)
	end

	return render
end

return template
