-- Python's names, and texts as Python writes them.
local words = {}

local names = require "names"

words.KEYWORDS = names.set [[
	False None True and as assert async await break class continue def del
	elif else except finally for from global if import in is lambda nonlocal
	not or pass raise return try while with yield
]]

local function with(text)
	local set = names.set(text)
	for word in pairs(words.KEYWORDS) do
		set[word] = true
	end
	return set
end

words.FIELDS = with "datetime"
words.PARAMETERS = with "self cls timeout lane options capacity"
words.ROOT = with "context closed close futures"
words.CHILD = with [[
	token context closed close release take futures
]]
-- Packages that are there already.
words.PACKAGES = names.set "ferry_runtime"
-- What modules of a package call their own.
words.MODULE = with [[
	Any Call Callable Dict List Mapping NamedTuple Optional Sequence Union
	blocking types errors dataclasses datetime enum
	int str bytes bool float Exception BaseException
]]
-- Hints that a member of the same name would hide.
words.HINTS = names.set "int str bytes bool float"

-- A text in double quotes.
function words.quote(s)
	return '"' .. s:gsub('[%c"\\]', function(c)
		local short = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n" }
		return short[c] or ("\\x%02x"):format(c:byte())
	end) .. '"'
end

-- What stands between a docstring's quotes.
function words.docstring(s)
	s = s:gsub("\\", "\\\\"):gsub('"""', '\\"\\"\\"')
	if s:find("\n") then
		return s .. "\n"
	end
	return (s:gsub('"$', '\\"'))
end

-- The doc of a variant that has no classes: its own, and that of its cases.
function words.cases(variant, hint)
	local lines = { variant.doc }
	if variant.doc then
		lines[2] = ""
	end
	for _, case in ipairs(variant.cases) do
		local f = case.field
		local doc = f and f.doc and ": " .. f.doc or ""
		lines[#lines + 1] = ("- %s is `%s`%s"):format(
		    f and hint(f.type, false) or "None", case.value,
		    doc:gsub("\n", "\n  "))
	end
	return table.concat(lines, "\n")
end

-- HEAD item, item TAIL; where one line is too short, the items fill lines of
-- their own, further in by `more` than `column`, where the text will begin.
function words.fill(column, head, items, tail, more)
	local line = head .. table.concat(items, ", ") .. tail
	if column + #line <= 79 then
		return line
	end
	local inside = (" "):rep(column + (more or 8))
	local out, at = { head, "\n", inside }, #inside
	for i, item in ipairs(items) do
		local text = item .. (i < #items and "," or tail)
		if i > 1 and at + 1 + #text > 79 then
			out[#out + 1] = "\n" .. inside .. text
			at = #inside + #text
		else
			out[#out + 1] = (i > 1 and " " or "") .. text
			at = at + #text + (i > 1 and 1 or 0)
		end
	end
	return table.concat(out)
end

return words
