-- C++20 from the model: one header, a CMake package, and its own smoke test.
local layout = require("layout")
local literals = require("literals")
local prepare = require("prepare")
local types = require("types")

-- Records and variants, each after those it contains.
local function in_order(model)
	local items, left, done = {}, {}, {}
	for _, list in ipairs({ model.records, model.variants }) do
		for _, r in ipairs(list) do
			left[#left + 1] = r
		end
	end
	local named = {}
	for _, r in ipairs(left) do
		named[r.name] = r
	end
	local add
	local function look(t)
		if t.kind == "record" or t.kind == "map" then
			add(named[t.name])
		end
		for _, inner in ipairs({ t.of or false, t.key or false,
		    t.value or false }) do
			if inner then
				look(inner)
			end
		end
	end
	function add(r)
		if done[r.name] then
			return
		end
		done[r.name] = true
		for _, f in ipairs(r.fields or {}) do
			look(f.type)
		end
		for _, case in ipairs(r.cases or {}) do
			if case.field then
				look(case.field.type)
			end
		end
		items[#items + 1] = r
	end
	for _, r in ipairs(left) do
		add(r)
	end
	return items
end

local function variant_fields(v)
	local fields = { v.tag }
	for _, case in ipairs(v.cases) do
		fields[#fields + 1] = case.field
	end
	for _, f in ipairs(v.lens or {}) do
		fields[#fields + 1] = f
	end
	return fields
end

-- Everything that has an entry among the package's records.
local function laid_out(items, model)
	local list = {}
	local function add(name, struct, hash, fields)
		list[#list + 1] = { name = name, struct = struct, hash = hash,
		    variable = struct, fields = fields }
	end
	for _, r in ipairs(items) do
		add(r.name, r.name, r.hash,
		    r.tag and variant_fields(r) or r.fields)
	end
	for _, f in ipairs(model.functions) do
		if f.has_in then
			local fields = f.has_self and { { c_name = "self",
			    wire = "self" } } or {}
			for _, a in ipairs(f["in"]) do
				fields[#fields + 1] = a
			end
			add(f.full .. ".in", f.call_type .. "_in", nil, fields)
		end
		if f.has_out then
			add(f.full .. ".out", f.call_type .. "_out", nil,
			    f.out)
		end
	end
	return list
end

local package_kinds = {
	constructor = "FERRY_FUNCTION_CONSTRUCTOR",
	destructor = "FERRY_FUNCTION_METHOD",
	method = "FERRY_FUNCTION_METHOD",
	strand = "FERRY_FUNCTION_METHOD",
	deferred = "FERRY_FUNCTION_METHOD",
	event = "FERRY_FUNCTION_EVENT",
	["function"] = "FERRY_FUNCTION_DIRECT",
}

-- Those that have a number.
local function number_functions(model, self)
	local numbered = {}
	for _, f in ipairs(model.functions) do
		f.package_kind = package_kinds[f.kind]
		f.root_number = f.root and self.objects[f.root].number or
		    "UINT32_MAX"
		if f.id then
			numbered[#numbered + 1] = f
		end
	end
	return numbered
end

-- name(parameters, tail parameter)end, in lines.
local function parameters(head, f, form, tail, last)
	local list = {}
	for _, a in ipairs(f.args) do
		list[#list + 1] = a[form]
	end
	list[#list + 1] = last
	return layout.list(head .. "(", list, ")" .. tail)
end

-- The values of a call's struct.
local function arguments(head, f, tail)
	local list = {}
	if f.has_self then
		list[1] = "native_handle()"
	end
	for _, a in ipairs(f.args) do
		list[#list + 1] = a.type.kind == "handle" and
		    a.name .. ".native_handle()" or a.name
	end
	return layout.list(head, list, tail)
end

-- The same arguments to another form.
local function forward(head, f, tail, last)
	local list = {}
	for _, a in ipairs(f.args) do
		list[#list + 1] = a.name
	end
	if last ~= "none" then
		list[#list + 1] = last or "options"
	end
	return layout.list(head, list, tail)
end

return function(model, gen)
	local self = prepare(model, gen)
	local items = in_order(model)
	local values = {
		model = model, ns = self.ns, items = items,
		functions = model.functions, maps = self.maps,
		direct = self.direct, roots = self.roots,
		laid_out = laid_out(items, model),
		numbered = number_functions(model, self),
		doc = layout.doc, list = layout.list, literals = literals,
		types = types, parameters = parameters, arguments = arguments,
		forward = forward,
	}
	-- CMake's are numbers.
	values.version = model.library.version:match("^%d+[%d.]*%d") or
	    model.library.version:match("^%d+") or "0"
	gen.write("include/" .. model.library.name .. ".hpp",
	    gen.render("header", values))
	gen.write("CMakeLists.txt", gen.render("cmake", values))
	gen.write("cmake/config.cmake.in", gen.render("config", values))
	gen.write("tests/smoke.cc", gen.render("smoke", values))
	gen.write("README.md", gen.render("readme", values))
end
