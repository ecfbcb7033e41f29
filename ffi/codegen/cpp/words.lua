-- C++'s names that are taken.
local words = {}

-- What <ferry/ferry.hpp> has in its namespace, where libraries have theirs.
words.FERRY = [[
block_reader block_writer call_direct call_later call_now call_options
canceled_error check_context check_package close_options closed_error codec
context deadline_error detail error error_domain exception failure
field_layout forked_error function_number handle invalid_error listen listener
loop map offset open_options open_stream package_layout pending record_layout
result root_number stream strings task version_error zeroed
]]

return words
