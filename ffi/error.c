/*
 * Error names and texts, from the one table.
 */
#include <ferry/ferry.h>

#include "ffi/base.h"
#include "ffi/error_table.h"

static const struct {
	const char *name;
	const char *text;
} errors[] = {
#define ENTRY(name_, text_) [-FERRY_##name_] = { "FERRY_" #name_, text_ },
	FERRY__ERRORS(ENTRY)
#undef ENTRY
};

static int
known(int error)
{
	return error <= 0 && error > -(int)COUNT_OF(errors);
}

const char *
ferry_error_name(int error)
{
	return known(error) ? errors[-error].name : "FERRY_E?";
}

const char *
ferry_error_text(int error)
{
	if (error > 0)
		return "a status of the library's own";
	return known(error) ? errors[-error].text : "not an error of Ferry";
}
