% local number = c.type == "int" and tonumber(c.value)
% local types_of = { int = "long long", float = "double", string = "std::string_view" }
% local type = types_of[c.type]
% if math.type(number) == "float" then
% type = "unsigned long long"
% elseif number and number >= -2147483647 and number <= 2147483647 then
% type = "int"
% end
% local values = { int = literals.int, float = literals.float, string = literals.text }
<%= doc(c.doc) %>inline constexpr <%= type %> <%= c.name %> = <%= values[c.type](c.value) %>;

%
