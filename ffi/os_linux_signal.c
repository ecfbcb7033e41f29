/*
 * The seam on Linux: signals to one thread, and what they interrupt.
 *
 * Threads: any; also in a signal handler. Nothing here allocates.
 */
#include "ffi/os.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

int
ferry__os_signal_send(uint32_t thread, int signo, uint64_t value)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = signo;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)value;
	return syscall(SYS_rt_tgsigqueueinfo, (long)getpid(), (long)thread,
	           (long)signo, &info) == 0
	    ? 0
	    : errno;
}

bool
ferry__os_signal_is(uint64_t *value, const siginfo_t *info)
{
	if (info->si_code != SI_QUEUE || info->si_pid != getpid())
		return false;
	*value = (uintptr_t)info->si_value.sival_ptr;
	return true;
}

#if defined(__x86_64__)

/* DWARF's order, in the system's. */
static const uint8_t order[] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI,
	REG_RDI, REG_RBP, REG_RSP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12,
	REG_R13, REG_R14, REG_R15, REG_RIP };

uint64_t
ferry__os_signal_registers(
    uint64_t out[OS_REGISTERS], uint64_t *pc, const void *ucontext)
{
	const ucontext_t *u = ucontext;

	for (size_t i = 0; i < sizeof order; i++)
		out[i] = (uint64_t)u->uc_mcontext.gregs[order[i]];
	*pc = out[sizeof order - 1];
	return ((uint64_t)1 << sizeof order) - 1;
}

#elif defined(__aarch64__)

uint64_t
ferry__os_signal_registers(
    uint64_t out[OS_REGISTERS], uint64_t *pc, const void *ucontext)
{
	const ucontext_t *u = ucontext;

	for (size_t i = 0; i < 31; i++)
		out[i] = u->uc_mcontext.regs[i];
	out[31] = u->uc_mcontext.sp;
	*pc = u->uc_mcontext.pc;
	return ((uint64_t)1 << 32) - 1;
}

#else

uint64_t
ferry__os_signal_registers(
    uint64_t out[OS_REGISTERS], uint64_t *pc, const void *ucontext)
{
	(void)out;
	(void)pc;
	(void)ucontext;
	return 0;
}

#endif
