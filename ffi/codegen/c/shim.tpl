/*
 * <%= library.name %> behind Ferry: made by `ferry gen` from <%= library.header %>. Compile it into
 * the library, or beside it; <ferry/package.h> says what it exports.
 */
#include <stddef.h>

#include <ferry/shim.h>

#include "<%= library.name %>_ferry.h"

/* --- Records -------------------------------------------------------------- */

% for _, record in ipairs(shapes) do
%< "record", { record = record }
% end
/* --- Objects -------------------------------------------------------------- */

%< "objects"

/* --- Functions ------------------------------------------------------------ */

% for _, f in ipairs(functions) do
%	if f.kind == "event" then
%< "blocks", { f = f }
%< "event", { f = f }

%	elseif f.run then
%< "blocks", { f = f }
%< f.run, { f = f }

%		if f.method then
%< "handler", { f = f }

%		end
%		if f.kind == "deferred" then
%< "reply", { f = f }

%		end
%	end
% end
%< "tables"

%< "roots"
