-- Text in 80 columns.
local layout = {}

local function width(s)
	return #s:gsub("\t", "        ")
end

-- `head`, the items parted by ", " and `tail`; further lines are set in by
-- four spaces more than the line that `head` begins with. `by` tabs are put
-- before them later.
function layout.list(head, items, tail, by)
	local columns = 80 - 8 * (by or 0)
	local indent = head:match("^\t*") .. "    "
	local lines, line = {}, head
	for i, item in ipairs(items) do
		local piece = item .. (i < #items and "," or tail)
		local space = (i == 1 and line == head) and "" or " "
		local wide = width(line .. space .. piece) > columns
		if wide and i + #line > 1 then
			lines[#lines + 1] = line
			line, space = indent, ""
		end
		line = line .. space .. piece
	end
	if #items == 0 then
		line = line .. tail
	end
	lines[#lines + 1] = line
	return table.concat(lines, "\n")
end

-- A doc comment, with an empty line between paragraphs; nothing where there is
-- none.
function layout.doc(text, indent)
	if not text or text == "" then
		return ""
	end
	indent = indent or ""
	local lines = { indent .. "/**" }
	text = text:gsub("%*/", "* /"):gsub("/%*", "/ *") .. "\n\n"
	for paragraph in text:gmatch("(.-)\n\n+") do
		if #lines > 1 then
			lines[#lines + 1] = indent .. " *"
		end
		local line = indent .. " *"
		for word in paragraph:gmatch("%S+") do
			if width(line .. " " .. word) > 80 then
				lines[#lines + 1] = line
				line = indent .. " *"
			end
			line = line .. " " .. word
		end
		lines[#lines + 1] = line
	end
	lines[#lines + 1] = indent .. " */"
	return table.concat(lines, "\n") .. "\n"
end

return layout
