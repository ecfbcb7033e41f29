/*
 * Option and result structs across versions; see options.h. Each begins with
 * a size_t struct_size.
 */
#include "ffi/options.h"

#include <ferry/ferry.h>
#include <string.h>

static size_t
size_of(const void *theirs)
{
	size_t size;

	memcpy(&size, theirs, sizeof size);
	return size;
}

static int
is_zero(const unsigned char *p, size_t n)
{
	while (n-- != 0)
		if (*p++ != 0)
			return 0;
	return 1;
}

int
ferry__options_read(void *ours, size_t our_size, const void *theirs)
{
	size_t size;

	memset(ours, 0, our_size);
	if (theirs == NULL)
		return FERRY_OK;
	size = size_of(theirs);
	/* A size out of all proportion is no struct of any version. */
	if (size < OPTIONS_LEAST || size > our_size + 4096)
		return FERRY_EINVAL;
	if (size > our_size &&
	    !is_zero((const unsigned char *)theirs + our_size,
	        size - our_size))
		return FERRY_EINVAL;
	memcpy(ours, theirs, size < our_size ? size : our_size);
	return FERRY_OK;
}

int
ferry__options_write(void *theirs, const void *ours, size_t our_size)
{
	size_t size;

	if (theirs == NULL)
		return FERRY_EINVAL;
	size = size_of(theirs);
	if (size < OPTIONS_LEAST)
		return FERRY_EINVAL;
	if (size > our_size)
		size = our_size;
	memcpy((char *)theirs + sizeof size,
	    (const char *)ours + sizeof size, size - sizeof size);
	return FERRY_OK;
}
