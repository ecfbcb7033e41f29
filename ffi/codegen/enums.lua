-- Values of enums that are another name of one before them.
local enums = {}

-- Sets `first` of each such value: the one whose the number is.
function enums.prepare(model)
	for _, e in ipairs(model.enums) do
		local of = {}
		for _, value in ipairs(e.values) do
			value.first = of[value.value]
			of[value.value] = value.first or value
		end
	end
end

return enums
