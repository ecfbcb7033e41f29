-- Values of the model, as C++ writes them.
local literals = {}

function literals.text(s)
	return '"' .. s:gsub('[%c"\\?]', function(c)
		if c == '"' or c == "\\" then
			return "\\" .. c
		end
		return c == "?" and "\\?" or ("\\%03o"):format(c:byte())
	end) .. '"'
end

-- The lowest number of a type has no literal of its own; those past the
-- largest signed one need to be told.
function literals.int(s)
	if s == "-9223372036854775808" then
		return "(-9223372036854775807 - 1)"
	elseif s == "-2147483648" then
		return "(-2147483647 - 1)"
	elseif #s > 19 or (#s == 19 and s > "9223372036854775807") then
		return s .. (s:find("^-") and "" or "u")
	end
	return s
end

function literals.float(s, type)
	local limits = "std::numeric_limits<" .. (type or "double") .. ">::"
	local word = s:lower()
	if word:find("inf") then
		return (word:find("^-") and "-" or "") .. limits .. "infinity()"
	elseif word:find("nan") then
		return limits .. "quiet_NaN()"
	end
	local suffix = type == "float" and "F" or ""
	return (s:find("[.eE]") and s or s .. ".0") .. suffix
end

-- A default, as a value of the C++ type `owned`; nil: there is none to be
-- written.
function literals.default(d, t, owned)
	local kinds = {
		int = function()
			return literals.int(d.value)
		end,
		float = function()
			return literals.float(d.value, owned)
		end,
		bool = function()
			return d.value
		end,
		string = function()
			return literals.text(d.value)
		end,
		enum = function()
			return owned .. "::" .. d.value
		end,
		none = function()
			return "std::nullopt"
		end,
	}
	local s = kinds[d.kind]()
	if d.kind == "none" then
		return s
	elseif t.kind == "duration" then
		return owned .. "(" .. s .. ")"
	elseif t.kind == "time" then
		return owned .. "(" .. owned .. "::duration(" .. s .. "))"
	end
	return s
end

return literals
