/*
 * The seam on any POSIX system: a thread has no number that a signal could be
 * sent to, and what it interrupts is the system's affair.
 */
#include "ffi/os.h"

#include <errno.h>

int
ferry__os_signal_send(uint32_t thread, int signo, uint64_t value)
{
	(void)thread;
	(void)signo;
	(void)value;
	return ENOTSUP;
}

bool
ferry__os_signal_is(uint64_t *value, const siginfo_t *info)
{
	(void)value;
	(void)info;
	return false;
}

uint64_t
ferry__os_signal_registers(
    uint64_t out[OS_REGISTERS], uint64_t *pc, const void *ucontext)
{
	(void)out;
	(void)pc;
	(void)ucontext;
	return 0;
}
