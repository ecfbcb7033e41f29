/*
 * Facts on any POSIX system: none. A thread's clock is asked for by its
 * pthread_t, which may be gone, not by a number; the rest is not in POSIX.
 */
#include "ffi/facts.h"

#include <string.h>

void
ferry__facts_look(struct facts *out, uint32_t thread, uint32_t wanted)
{
	(void)thread;
	(void)wanted;
	memset(out, 0, sizeof *out);
	out->number = -1;
}

bool
ferry__facts_descriptor(char *out, size_t size, int fd)
{
	(void)out;
	(void)size;
	(void)fd;
	return false;
}

const char *
ferry__facts_call_name(int64_t number)
{
	(void)number;
	return NULL;
}

int
ferry__facts_call_descriptor(int64_t number)
{
	(void)number;
	return -1;
}

bool
ferry__facts_call_is_futex(int64_t number, const uint64_t args[6])
{
	(void)number;
	(void)args;
	return false;
}

bool
ferry__facts_call_is_resumed(int64_t number)
{
	(void)number;
	return false;
}

enum facts_awaited
ferry__facts_call_awaits(int64_t number)
{
	(void)number;
	return FACTS_AWAITS_ANY;
}

uint32_t
ferry__facts_lock_owner(uint64_t address)
{
	(void)address;
	return 0;
}

size_t
ferry__facts_read(void *out, uint64_t from, size_t size)
{
	(void)out;
	(void)from;
	(void)size;
	return 0;
}
