-- A Python package from the model, ferry_NAME, and what makes a wheel of it:
--
--	ferry_NAME/__init__.py   the asyncio API, and all that follows
--	ferry_NAME/blocking.py   the same for threads that wait
--	ferry_NAME/types.py      enums, records, variants, results, constants
--	ferry_NAME/errors.py     an exception class for each error
--	ferry_NAME/_library.py   the library, loaded; what it is called with
--	ferry_NAME/_functions.py what needs no object
--	ferry_NAME/_aio.py       the classes of the asyncio API
--	pyproject.toml, build_wheel.py, tests/
local words = require "words"
local classes = require "classes"
local functions = require "functions"
local exports = require "exports"
local enums = require "enums"
local versions = require "versions"

-- One of the descriptors that codec.py reads; `column` is where it begins.
local function field(types, f, column)
	if f.role == "value" then
		return words.fill(column, "c.Field(", {
			words.quote(f.name), words.quote(f.c_name),
			types.descriptor(f.type)
		}, ")")
	end
	return ('c.hidden("%s", %s)'):format(
	    f.c_name, types.descriptor(f.type))
end

local function check_version(library, gen)
	if not versions.good(library.version) then
		gen.fail(library.at, ('the version "%s" is none in ' ..
		    'Python; write it with digits and dots: version = ' ..
		    '"1.2.0"'):format(library.version))
	end
end

-- What templates see.
local function values(model, gen)
	local library = model.library
	local package = "ferry_" .. library.name
	gen.names.check_library(library, package, words.PACKAGES,
	    "Python's packages")
	enums.prepare(model)
	local known = classes.new(model, gen)
	local all = functions.new(model, known, gen.names.pascal)
	local v = {
		model = model, library = library, package = package,
		words = words, types = known.types, class_of = known.of,
		base = known.base, error_enums = known.errors,
		calls = all.calls, direct = all.direct, named = all.named,
		names = exports.new(model, known, all, gen, package),
		version = library.version, so = "lib" .. library.name .. ".so",
		env = "FERRY_" .. library.name:upper() .. "_LIBRARY"
	}

	function v.field(f, column)
		return field(known.types, f, column)
	end

	-- Where a status means something else than by the first enum.
	function v.errors_of(f)
		local enum, usual = f.returns.error, known.errors[1]
		if enum and enum ~= usual.name then
			return "_library.ERRORS_OF_" .. enum:upper()
		elseif usual and f.returns.fails and not enum then
			return "_library.ERRORS_OF_NO_ENUM"
		end
	end
	return v
end

-- How often a word is there.
local function count(text, word)
	local n = 0
	for _ in text:gmatch("%f[%w_]" .. word .. "%f[^%w_]") do
		n = n + 1
	end
	return n
end

return function(model, gen)
	check_version(model.library, gen)
	local v = values(model, gen)

	-- A module is written twice: which of its imports it uses is seen in
	-- the first one, which has them all.
	local function write(path, template, more)
		local with = setmetatable(more or {}, { __index = v })
		function with.uses()
			return true
		end
		local first = gen.render(template, with)
		function with.uses(word)
			return count(first, word) > 1
		end
		-- What is there for each of none ends with empty lines.
		local text = gen.render(template, with):gsub("\n+$", "\n")
		gen.write(path, text)
	end

	local folder = v.package .. "/"
	write("pyproject.toml", "pyproject")
	write("build_wheel.py", "build_wheel")
	write("README.md", "readme")
	write(folder .. "__init__.py", "init")
	write(folder .. "blocking.py", "objects", { aio = false })
	write(folder .. "_aio.py", "objects", { aio = true })
	write(folder .. "types.py", "types")
	write(folder .. "errors.py", "errors")
	write(folder .. "_library.py", "library")
	write(folder .. "_functions.py", "functions")
	gen.write(folder .. "py.typed", "")
	if gen.options.library then
		gen.write(folder .. v.so, gen.input(gen.options.library))
	end
	write("tests/test_" .. v.package .. ".py", "test")
end
