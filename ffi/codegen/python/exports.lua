-- All names of the package's front page, and what they clash with.
local exports = {}

local words = require "words"

local function methods(o, known)
	local list = {}
	for _, from in ipairs { o.methods, o.events, o.made_by } do
		table.move(from, 1, #from, #list + 1, list)
	end
	known.check(list, o.parent and words.CHILD or words.ROOT,
	    "the methods of Python's " .. o.class)
end

local function values_of(e, gen, add)
	local values = {}
	for i, value in ipairs(e.values) do
		values[i] = { name = value.name:upper(),
		    c_name = value.c_name, at = value.at }
		if e.kind == "error" and value.value ~= "0" then
			add("errors", value.class, values[i])
		end
	end
	gen.names.check(values, words.KEYWORDS, "Python's " .. e.class)
end

local function add_types(model, known, gen, add)
	for _, c in ipairs(model.constants) do
		add("types", c.name:upper(), c)
	end
	for _, e in ipairs(model.enums) do
		add("types", e.class, e)
		values_of(e, gen, add)
		if e.base and e.base ~= known.base then
			add("errors", e.base, e)
		end
	end
	for _, r in ipairs(model.records) do
		add("types", r.class, r)
	end
	for _, variant in ipairs(model.variants) do
		add("types", variant.class, variant)
		for _, case in ipairs(variant.cases) do
			if not variant.plain then
				add("types", case.class, variant)
			end
		end
	end
end

-- Lists of names: `all`, and by module `types`, `errors`, `objects`,
-- `functions`; each in order.
function exports.new(model, known, functions, gen, package)
	local found, items = { all = {} }, {}
	for _, module in ipairs { "types", "errors", "objects", "functions" } do
		found[module] = {}
	end
	local function add(module, name, item)
		table.insert(found[module], name)
		table.insert(found.all, name)
		items[#items + 1] = {
			name = name, c_name = item.c_name, at = item.at
		}
	end
	add_types(model, known, gen, add)
	add("errors", known.base, {
		c_name = model.library.name, at = model.library.at
	})
	for _, o in ipairs(model.objects) do
		add("objects", o.class, o)
		methods(o, known)
	end
	for _, f in ipairs(functions.named) do
		-- One with objects in it is the module's that has their class.
		add(f.makes_handles and "objects" or "types", f.class, f)
	end
	for _, f in ipairs(functions.direct) do
		add("functions", f.name, f)
	end
	gen.names.check(items, words.MODULE, "Python's " .. package)
	for _, list in pairs(found) do
		table.sort(list)
	end
	return found
end

return exports
