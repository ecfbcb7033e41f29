/*
 * Version and ABI of the loaded library, and its clock.
 */
#include <ferry/ferry.h>

#include "ffi/os.h"

int
ferry_version(void)
{
	return FERRY_VERSION_MAJOR * 10000 + FERRY_VERSION_MINOR * 100 +
	    FERRY_VERSION_PATCH;
}

int
ferry_abi_check(uint32_t abi)
{
	return abi == FERRY_ABI ? FERRY_OK : FERRY_EABI;
}

uint64_t
ferry_clock_ns(void)
{
	return ferry__os_now_ns();
}
