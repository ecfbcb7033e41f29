/*
 * <%= library.name %> behind Ferry: made by `ferry gen` from <%= library.header %>.
 * For the library's author.
 */
#ifndef <%= guard %>
#define <%= guard %>

#include <ferry/package.h>

#include "<%= library.header %>"

#ifdef __cplusplus
extern "C" {
#endif

/* What packages read: the library's, whatever else is loaded. */
FERRY_API const ferry_package *
<%= library.name %>_ferry(void);

% for _, f in ipairs(functions) do
%	if f.kind == "deferred" then
/* Answers a call of <%= f.c_name %>(): status 0 with its results, which are
 * copied, or another with a text (or NULL). Once, on any thread. What it
 * returns is ferry_call_reply()'s. */
FERRY_API int
<%= f.c_name %>_reply(<%= f.reply_params %>);

%	end
% end
#ifdef __cplusplus
}
#endif

#endif
