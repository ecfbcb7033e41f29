-- C as the house writes it: lines of more than 80 columns are broken after a
-- comma or a parenthesis, and go on four spaces further in.
local layout = {}

local WIDTH = 80

local function columns(line)
	local n = 0
	for c in line:gmatch(".") do
		n = c == "\t" and n + 8 - n % 8 or n + 1
	end
	return n
end

-- Where a line may end: the last place that fits, best after a comma, else
-- after " =", "&&" or an opening parenthesis; nil: nowhere.
local function place(line, indent)
	local best, second, width, quoted, escaped = nil, nil, 0, false, false
	local deepest = #indent
	for at = 1, #line do
		local c = line:sub(at, at)
		width = c == "\t" and width + 8 - width % 8 or width + 1
		if width > WIDTH then
			break
		end
		if quoted then
			quoted = escaped or c ~= '"'
			escaped = not escaped and c == "\\"
		elseif c == '"' then
			quoted = true
		elseif at > deepest and line:sub(at, at + 1) == ", " then
			best = at
		elseif at > deepest + 4 and (c == "(" or
		    line:sub(at, at + 1) == "= " or
		    line:sub(at - 1, at + 1) == "&& ") then
			second = at
		end
	end
	return best or second
end

local function fold(line, out)
	local indent = line:match("^\t*")
	local more = indent .. "    "
	while columns(line) > WIDTH do
		local at = place(line, line:match("^%s*"))
		if not at then
			break
		end
		out[#out + 1] = line:sub(1, at)
		line = more .. line:sub(at + 1):gsub("^ ", "")
	end
	out[#out + 1] = line
end

-- Folds long lines, and leaves no two empty lines, none after an opening and
-- none before a closing brace.
function layout.c(text)
	local out = {}
	for line in text:gmatch("(.-)\n") do
		line = line:gsub("%s+$", "")
		if line == "" and (out[#out] == "" or out[#out] == "{") then
			goto continue
		end
		if line:find("^%s*}") and out[#out] == "" then
			out[#out] = nil
		end
		if line:find("^%s*[/ ]%*") or line:find("^#") then
			out[#out + 1] = line
		else
			fold(line, out)
		end
		::continue::
	end
	return table.concat(out, "\n") .. "\n"
end

local escapes = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n",
    ["\t"] = "\\t", ["\r"] = "\\r", ["?"] = "\\?" }

-- Inside a string literal.
function layout.quote(text)
	return (text:gsub('[\\"%c?]', function(c)
		return escapes[c] or ("\\%03o"):format(c:byte())
	end))
end

local LITERAL = WIDTH - 8 - #'"";'

-- JSON as literals of one line each, without its own line breaks; characters
-- are not parted.
function layout.literals(text)
	local lines, parts, width = {}, {}, 0
	for c in text:gsub("\n%s*", ""):gmatch("[^\x80-\xbf][\x80-\xbf]*") do
		local quoted = layout.quote(c)
		if width + #quoted > LITERAL then
			lines[#lines + 1] = table.concat(parts)
			parts, width = {}, 0
		end
		parts[#parts + 1] = quoted
		width = width + #quoted
	end
	lines[#lines + 1] = table.concat(parts)
	return lines
end

return layout
