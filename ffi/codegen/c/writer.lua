-- The shim: NAME_ferry.c and NAME_ferry.h.
local calls = require "calls"
local fields = require "fields"
local layout = require "layout"

local function by_name(list)
	local index = {}
	for _, item in ipairs(list) do
		index[item.name] = item
	end
	return index
end

-- Records and variants, each after those it contains, which are found first.
local function plan_shapes(model, planner)
	local shapes, left = {}, {}
	local done = {}
	for _, list in ipairs { model.records, model.variants } do
		for _, shape in ipairs(list) do
			left[#left + 1] = shape
		end
	end
	local names = by_name(left)

	local function visit(shape)
		if done[shape.name] then
			return
		end
		done[shape.name] = true
		for _, field in ipairs(fields.of(shape)) do
			local name = fields.contains(field.type)
			if name then
				visit(names[name])
			end
		end
		planner:shape(shape)
		shapes[#shapes + 1] = shape
	end
	for _, shape in ipairs(left) do
		visit(shape)
	end
	return shapes
end

local function plan_objects(model, names)
	local roots, index = {}, {}
	for _, o in ipairs(model.objects) do
		o.destructor_c = names.destructors[o.name]
		o.parent_type = "NULL"
		if not o.parent then
			index[o.name] = #roots
			roots[#roots + 1] = o
			o.methods, o.events, o.makers = {}, {}, {}
			o.library_name = model.library.name
		elseif names.objects[o.parent].parent then
			o.parent_type = "&type_" .. o.parent
		end
	end
	if #roots > 1 then
		for _, o in ipairs(roots) do
			o.library_name = model.library.name .. "." .. o.name
		end
	end
	return roots, index
end

-- Each parent before what belongs to it.
local function in_order(objects)
	local list, done, index = {}, {}, by_name(objects)
	local function visit(o)
		if not done[o.name] then
			done[o.name] = true
			if o.parent then
				visit(index[o.parent])
			end
			list[#list + 1] = o
		end
	end
	for _, o in ipairs(objects) do
		visit(o)
	end
	return list
end

local function sorted(list)
	table.sort(list, function(a, b)
		return a.id < b.id
	end)
	return list
end

-- Hands each function to the table that it goes into.
local function sort_functions(model, names, directs)
	for _, f in ipairs(model.functions) do
		local root = f.root and names.objects[f.root]
		if f.kind == "event" then
			table.insert(root.events, f)
		elseif f.kind == "function" then
			table.insert(directs, f)
		elseif f.method then
			table.insert(root.methods, f)
		elseif f.kind == "constructor" then
			table.insert(root.makers, f)
		end
	end
	for _, o in ipairs(model.objects) do
		if not o.parent then
			sorted(o.methods)
			sorted(o.events)
			sorted(o.makers)
		end
	end
	return sorted(directs)
end

local function struct_table(tables, key, name, c_type, hash, list, self)
	local found = { key = key, name = name, c_type = c_type, hash = hash,
	    fields = {} }
	if self then
		found.fields[1] = "self"
	end
	for _, field in ipairs(list) do
		table.insert(found.fields, field.c_name)
	end
	tables[#tables + 1] = found
end

local function plan_tables(model, shapes)
	local tables = {}
	for _, s in ipairs(shapes) do
		struct_table(tables, s.name, s.name, s.c_name, s.hash,
		    fields.of(s))
	end
	for _, f in ipairs(model.functions) do
		if f.has_in then
			struct_table(tables, "in_" .. f.c_name,
			    f.label .. ".in", "struct in_" .. f.c_name,
			    f.hash, f["in"], f.self)
		end
		if f.has_out then
			struct_table(tables, "out_" .. f.c_name,
			    f.label .. ".out", "struct out_" .. f.c_name,
			    f.hash, f.out)
		end
	end
	return tables
end

local function used(model)
	local cancels, seen, error_enums = {}, {}, {}
	for _, f in ipairs(model.functions) do
		if f.cancel and not seen[f.cancel] then
			seen[f.cancel] = true
			table.insert(cancels, f.cancel)
		end
	end
	for _, e in ipairs(model.enums) do
		if e.error_text then
			table.insert(error_enums, e)
		end
	end
	return cancels, error_enums
end

local policies = { drop_oldest = "FERRY_EVENTS_DROP_OLDEST",
    stuck = "FERRY_EVENTS_STUCK", block = "FERRY_EVENTS_BLOCK" }

return function(model, gen)
	local names = { library = model.library,
	    objects = by_name(model.objects), enums = by_name(model.enums),
	    destructors = {} }
	for _, f in ipairs(model.functions) do
		if f.kind == "destructor" then
			names.destructors[f.object] = f.c_name
		end
	end
	-- Its header would be guarded as <ferry/ferry.h> is.
	gen.names.check_library(model.library, model.library.name,
	    gen.names.set("ferry"), "C")
	local planner = fields.planner()
	local shapes = plan_shapes(model, planner)
	local roots, root_index = plan_objects(model, names)
	local n_functions = 0
	for _, f in ipairs(model.functions) do
		calls.plan(f, planner, names, gen)
		n_functions = n_functions + (f.table_kind and 1 or 0)
	end
	local directs = sort_functions(model, names, {})
	local cancels, error_enums = used(model)
	local library = model.library
	local values = {
		library = library, shapes = shapes, functions = model.functions,
		objects = in_order(model.objects), roots = roots,
		root_index = root_index, directs = directs,
		cancels = cancels, error_enums = error_enums,
		tables = plan_tables(model, shapes), n_functions = n_functions,
		passive = planner.passive, pointed = planner.pointed,
		declare = fields.declare, flag = fields.flag,
		stored = fields.stored,
		quote = layout.quote, model_lines = layout.literals(gen.json),
		event_policy = policies[library.overflow],
		worker_key = library.instances == "shared" and
		    '"ferry:' .. library.name .. '"' or "NULL",
		guard = library.name:upper() .. "_FERRY_H"
	}
	gen.write(library.name .. "_ferry.h",
	    layout.c(gen.render("header", values)))
	gen.write(library.name .. "_ferry.c",
	    layout.c(gen.render("shim", values)))
end
