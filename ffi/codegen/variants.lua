-- Which variants are nothing but their cases' values: those whose cases are
-- told apart by the types that a language has for them.
local variants = {}

-- What most languages tell apart. They tell an integer from another by no more
-- than its bounds, and a list by nothing but what is in it.
local KINDS = {
	int = "int", bool = "bool", float = "float", string = "text",
	bytes = "bytes", array = "list", map = "map", time = "time",
	duration = "duration"
}

-- A word for the type's values, or nil: it may be absent, or is a variant
-- itself.
local function kind_of(t, is_variant, special)
	if t.nullable or t.kind == "optional" then
		return nil
	elseif t.kind == "pointer" then
		return kind_of(t.of, is_variant, special)
	elseif t.kind == "record" then
		return not is_variant[t.name] and "record " .. t.name or nil
	end
	return special(t) or KINDS[t.kind]
end

local function told_apart(variant, is_variant, special)
	local seen = {}
	for _, case in ipairs(variant.cases) do
		local kind = "nothing"
		if case.field then
			kind = kind_of(case.field.type, is_variant, special)
		end
		if not kind or seen[kind] then
			return false, seen
		end
		seen[kind] = true
	end
	return true, seen
end

local function fields_of(model)
	local lists = {}
	for _, r in ipairs(model.records) do
		lists[#lists + 1] = r.fields
	end
	for _, variant in ipairs(model.variants) do
		for _, case in ipairs(variant.cases) do
			lists[#lists + 1] = { case.field }
		end
	end
	for _, f in ipairs(model.functions) do
		lists[#lists + 1] = f["in"]
		lists[#lists + 1] = f.out
	end
	return lists
end

-- Names of variants that may be absent somewhere.
local function absent(model)
	local found = {}
	for _, list in ipairs(fields_of(model)) do
		for _, f in ipairs(list) do
			if f.type.kind == "optional" and f.type.of.name then
				found[f.type.of.name] = true
			end
		end
	end
	return found
end

-- Sets `plain` of those. special(type) is a word for those types that the
-- language tells apart in another way; `one_nothing`: a value that is absent,
-- and a case without data, would be the same.
function variants.prepare(model, special, one_nothing)
	local by_name = {}
	for _, variant in ipairs(model.variants) do
		by_name[variant.name] = variant
	end
	local may_be_absent = one_nothing and absent(model) or {}
	for _, variant in ipairs(model.variants) do
		local plain, seen = told_apart(variant, by_name, special)
		variant.plain = plain and
		    not (seen.nothing and may_be_absent[variant.name])
	end
end

return variants
