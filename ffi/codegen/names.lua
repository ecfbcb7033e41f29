-- Names. The model's are words of small letters and digits, parted by
-- underscores; each language has its own way to write them, and words of its
-- own that cannot be names.
local names = {}

-- "zoo_make_noise" -> { "zoo", "make", "noise" }
function names.words(name)
	local words = {}
	for word in name:gmatch("[^_]+") do
		words[#words + 1] = word
	end
	return words
end

local function capital(word)
	return word:sub(1, 1):upper() .. word:sub(2)
end

-- MakeNoise
function names.pascal(name)
	local words = names.words(name)
	for i, word in ipairs(words) do
		words[i] = capital(word)
	end
	return table.concat(words)
end

-- makeNoise
function names.camel(name)
	local words = names.words(name)
	for i = 2, #words do
		words[i] = capital(words[i])
	end
	return table.concat(words)
end

-- make_noise
function names.snake(name)
	return name
end

-- MAKE_NOISE
function names.upper(name)
	return name:upper()
end

-- A set of what a text lists, parted by white space.
function names.set(text)
	local set = {}
	for word in text:gmatch("%S+") do
		set[word] = true
	end
	return set
end

-- What is wrong with an item's name in a language, or nil.
local function wrong(item, other, reserved)
	local would = ('%s would be "%s", '):format(item.c_name, item.name)
	if reserved[item.name] then
		return would .. "which is a word of its own in %s"
	elseif other then
		return would .. ("as %s (%s) is, in %%s"):format(
		    other.c_name, other.at)
	elseif not item.name:find("^[%a_][%w_]*$") then
		return would .. "which is no name in %s"
	end
end

-- names.new(fail): the same, with
--
--	check(items, reserved, where)
--
-- which fails where a name of `items` is one of the set `reserved`, is there
-- twice, or is none. An item is { name = as that language has it, c_name, at };
-- `where` is for the message: "Python", "the methods of Zoo in Python". And
--
--	check_library(library, name, reserved, where)
--
-- the same of the library itself, which is `name` there.
function names.new(fail)
	local bound = setmetatable({}, { __index = names })
	function bound.check(items, reserved, where)
		local seen, found = {}, {}
		for _, item in ipairs(items) do
			local what = wrong(item, seen[item.name], reserved)
			if what then
				found[#found + 1] = { at = item.at,
				    message = what:format(where) ..
				    "; give it another name: FERRY(name = …)" }
			end
			seen[item.name] = seen[item.name] or item
		end
		if found[1] then
			fail(found)
		end
	end
	function bound.check_library(library, name, reserved, where)
		local what = wrong({ c_name = "the library", name = name },
		    nil, reserved)
		if what then
			fail(library.at, what:format(where) .. "; give it " ..
			    "another name: FERRY_LIBRARY(name = …)")
		end
	end
	return bound
end

return names
