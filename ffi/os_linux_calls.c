/*
 * Names of system calls, and which argument is what. Constant tables; any
 * thread.
 *
 * The names are those that the machine's own <sys/syscall.h> has: the Makefile
 * makes CALL_NAMES of them. What is said of a call goes by its name, as no
 * machine has all of them, and their numbers differ.
 */
#include "ffi/facts.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>

static const struct {
	int64_t number;
	const char *name;
} calls[] = {
#define ENTRY(name_) { SYS_##name_, #name_ },
	CALL_NAMES(ENTRY)
#undef ENTRY
};

_Static_assert(COUNT_OF(calls) > 200, "the Makefile found the names");

/* Not those that never wait, nor openat() and its kin, whose descriptor is
 * not what they wait for. */
static const char *const on_first[] = { "accept", "accept4", "close", "connect",
	"copy_file_range", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"fallocate", "fcntl", "fcntl64", "fdatasync", "flock", "fstat", "fsync",
	"ftruncate", "getdents", "getdents64", "io_uring_enter", "ioctl",
	"lseek", "mq_timedreceive", "mq_timedsend", "pread64", "preadv",
	"preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
	"readv", "recv", "recvfrom", "recvmmsg", "recvmsg", "send", "sendfile",
	"sendmmsg", "sendmsg", "sendto", "setns", "shutdown", "splice",
	"sync_file_range", "syncfs", "tee", "vmsplice", "write", "writev" };

const char *
ferry__facts_call_name(int64_t number)
{
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return NULL;
}

int
ferry__facts_call_descriptor(int64_t number)
{
	const char *name = ferry__facts_call_name(number);

	for (size_t i = 0; name != NULL && i < COUNT_OF(on_first); i++)
		if (strcmp(on_first[i], name) == 0)
			return 0;
	return -1;
}

static const struct {
	const char *name;
	enum facts_awaited what;
} awaited[] = {
	{ "nanosleep", FACTS_AWAITS_TIME },
	{ "clock_nanosleep", FACTS_AWAITS_TIME },
	{ "clock_nanosleep_time64", FACTS_AWAITS_TIME },
	{ "clone", FACTS_AWAITS_START },
	{ "clone3", FACTS_AWAITS_START },
	{ "vfork", FACTS_AWAITS_START },
	{ "wait4", FACTS_AWAITS_PROCESS },
	{ "waitid", FACTS_AWAITS_PROCESS },
	{ "waitpid", FACTS_AWAITS_PROCESS }
};

enum facts_awaited
ferry__facts_call_awaits(int64_t number)
{
	const char *name = ferry__facts_call_name(number);

	for (size_t i = 0; name != NULL && i < COUNT_OF(awaited); i++)
		if (strcmp(awaited[i].name, name) == 0)
			return awaited[i].what;
	return FACTS_AWAITS_ANY;
}

bool
ferry__facts_call_is_resumed(int64_t number)
{
	const char *name = ferry__facts_call_name(number);

	return name != NULL && strcmp(name, "restart_syscall") == 0;
}

static bool
waits(uint64_t operation)
{
	switch (operation & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_LOCK_PI:
#ifdef FUTEX_LOCK_PI2
	case FUTEX_LOCK_PI2:
#endif
	case FUTEX_WAIT_REQUEUE_PI:
		return true;
	default:
		return false;
	}
}

bool
ferry__facts_call_is_futex(int64_t number, const uint64_t args[6])
{
	const char *name = ferry__facts_call_name(number);

	if (name == NULL)
		return false;
	if (strcmp(name, "futex") == 0 || strcmp(name, "futex_time64") == 0)
		return waits(args[1]);
	/* futex_waitv has many addresses, in memory. */
	return strcmp(name, "futex_wait") == 0;
}
