-- Versions that pip takes (PEP 440), but for those with an epoch.
local versions = {}

local PRE = { "alpha", "beta", "preview", "pre", "rc", "a", "b", "c" }
local POST = { "post", "rev", "r" }

-- What is left behind one of the words, with its number; all, where none is.
local function behind(text, words)
	for _, word in ipairs(words) do
		local rest = text:match("^%.?" .. word .. "%.?%d*(.*)$")
		if rest then
			return rest
		end
	end
	return text
end

-- Without as many of what is parted by dots as there is.
local function without(text, part)
	local rest = text:match("^" .. part .. "(.*)$")
	while rest and rest:find("^%." .. part) do
		rest = rest:match("^%." .. part .. "(.*)$")
	end
	return rest
end

function versions.good(version)
	local rest = without(version:lower(), "%d+")
	if rest then
		rest = behind(behind(behind(rest, PRE), POST), { "dev" })
	end
	return rest == "" or rest ~= nil and rest:sub(1, 1) == "+" and
	    without(rest:sub(2), "%w+") == ""
end

return versions
