-- What a writer is given. LANG/writer.lua returns function(model, gen); the
-- model is that of docs/model.md, a table (null is nil, lists begin at 1).
--
--	gen.render(name, values)  the text of LANG/name.tpl (template.lua)
--	gen.write(path, text)     writes LANG/path below the output folder
--	gen.fail(at, message)     refuses the library: "zoo.h:12", and what is
--	                          wrong; what to do. Or a list of several,
--	                          { { at =, message = }, … }
--	gen.names                 names.lua
--	gen.options               the command line's --option LANG.KEY=VALUE,
--	                          by their keys; one that no writer asks for is
--	                          an error
--	gen.json                  the model's text
--	gen.language              the folder's name
--	gen.read(path)            the text of LANG/path, to copy it
--	gen.list(folder)          paths of all files below LANG/folder, in order
--	gen.input(path)           a file that an option named
--
-- A writer has Lua's names but those that reach out of it (io, os, print,
-- dofile, math.random), `require "name"`, for LANG/name.lua or one that all
-- languages share, and a `pairs` that goes in order of the keys: the same model
-- gives the same files, everywhere.

-- Numbers before texts.
local function before(a, b)
	if type(a) == type(b) then
		return a < b
	end
	return type(a) == "number"
end

local plain = pairs

function pairs(t)
	local keys, at = {}, 0
	for key in plain(t) do
		keys[#keys + 1] = key
	end
	table.sort(keys, before)
	return function()
		at = at + 1
		return keys[at], t[keys[at]]
	end
end

local function loader(host, language)
	local loaded = {}
	return function(name)
		if loaded[name] == nil then
			local path = language .. "/" .. name .. ".lua"
			if not host.exists(path) then
				path = name .. ".lua"
			end
			local run, why = load(host.read(path), "=" .. path, "t")
			loaded[name] = assert(run, why)() or true
		end
		return loaded[name]
	end
end

-- Which options were asked for.
local function watch(options, asked)
	return setmetatable({}, { __index = function(_, key)
		asked[key] = true
		return options[key]
	end })
end

local function list(host, folder, under, found)
	for _, name in ipairs(host.list(folder)) do
		local path = under == "" and name or under .. "/" .. name
		if name:sub(-1) == "/" then
			list(host, folder .. "/" .. name:sub(1, -2),
			    path:sub(1, -2), found)
		else
			found[#found + 1] = path
		end
	end
	return found
end

return function(host, language, model, json, options)
	local gen, asked = { language = language, json = json }, {}

	require = loader(host, language)

	function gen.fail(at, message)
		local all = type(at) == "table" and at or
		    { { at = at, message = message } }
		local lines = {}
		for i, one in ipairs(all) do
			lines[i] = (one.at or model.library.header) ..
			    ": error: " .. one.message
		end
		error({ text = table.concat(lines, "\n") }, 0)
	end
	function gen.read(path)
		return host.read(language .. "/" .. path)
	end
	function gen.list(folder)
		return list(host, language .. "/" .. folder, folder, {})
	end
	function gen.write(path, text)
		host.write(language .. "/" .. path, text)
	end
	gen.input = host.input
	gen.options = watch(options, asked)
	gen.names = require("names").new(gen.fail)
	gen.render = require("template").new(function(name)
		local path = language .. "/" .. name .. ".tpl"
		return host.read(path), path
	end)

	require("writer")(model, gen)
	for key in pairs(options) do
		if not asked[key] then
			error({ text = "ferry: there is no option " ..
			    language .. "." .. key }, 0)
		end
	end
end
