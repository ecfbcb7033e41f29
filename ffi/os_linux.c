/*
 * The seam on Linux: futex, membarrier, eventfd.
 *
 * Threads: every function is safe from any thread. Nothing here allocates.
 */
#include "ffi/os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool may_spin;

static long
membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

/* A CPU quota below two CPUs' worth makes a spin take time from the thread
 * that it waits for. Reads cgroup v2's file; unreadable means no quota. */
static bool
quota_is_tight(void)
{
	char max[32];
	unsigned long long period;
	bool tight = false;
	FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");

	if (f == NULL)
		return false;
	if (fscanf(f, "%31s %llu", max, &period) == 2 &&
	    strcmp(max, "max") != 0)
		tight = strtoull(max, NULL, 10) < 2 * period;
	fclose(f);
	return tight;
}

void
ferry__os_system_start(void)
{
	cpu_set_t set;
	long known = membarrier(MEMBARRIER_CMD_QUERY);

	/* A child has its parent's registration (seen on 6.x), but no manual
	 * promises it. */
	ferry__os_asymmetric = known > 0 &&
	    (known & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
	    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
	CPU_ZERO(&set);
	may_spin = sched_getaffinity(0, sizeof set, &set) == 0 &&
	    CPU_COUNT(&set) > 1 && !quota_is_tight();
}

/* A futex is the kernel's, and a child has none of its parent's sleepers. */
void
ferry__os_system_forked(void)
{
}

atom32 *
ferry__os_system_wiped(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Some emulators say yes to every advice and follow none: what no
	 * system knows must be refused. */
	if (madvise(p, size, -1) != 0 &&
	    madvise(p, size, MADV_WIPEONFORK) == 0)
		return p;
	munmap(p, size);
	return NULL;
}

uint32_t
ferry__os_thread_id(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

uint32_t
ferry__os_cpu(void)
{
	return (uint32_t)sched_getcpu();
}

/* Asked each time: it may be changed while the process runs. */
uint32_t
ferry__os_cpus(void)
{
	cpu_set_t set;

	/* Fails where there are more than a set has room for. */
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return CPU_SETSIZE;
	return (uint32_t)CPU_COUNT(&set);
}

bool
ferry__os_may_spin(void)
{
	return may_spin;
}

static struct timespec
timespec_of(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};
}

enum os_sleep
ferry__os_wait(atom32 *word, uint32_t expected, uint64_t deadline_ns)
{
	struct timespec t = timespec_of(deadline_ns);
	/* FUTEX_WAIT_BITSET takes an absolute deadline, so that a wait taken
	 * up again after a signal does not grow. */
	long r = syscall(SYS_futex, &word->v,
	    FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
	    deadline_ns == OS_NEVER ? NULL : &t, NULL, FUTEX_BITSET_MATCH_ANY);

	if (r == 0 || errno == EAGAIN)
		return OS_WOKEN;
	if (errno == ETIMEDOUT)
		return OS_TIMEOUT;
	ASSERT(errno == EINTR);
	return OS_SIGNAL;
}

void
ferry__os_wake(atom32 *word, int threads)
{
	syscall(SYS_futex, &word->v, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, threads,
	    NULL, NULL, 0);
}

void
ferry__os_barrier_heavy(void)
{
	/* pair(cancel) seq_cst: this thread's own accesses, and the whole of
	 * it where there is no membarrier(). */
	atom_fence_seqcst();
	if (ferry__os_asymmetric)
		ASSERT(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0);
}

void
ferry__os_thread_name(const char *name)
{
	/* On the thread itself one system call; on another it is a file. */
	prctl(PR_SET_NAME, name);
}

int
ferry__os_bell_open(int *out)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return errno;
	*out = fd;
	return 0;
}

void
ferry__os_bell_ring(int fd)
{
	uint64_t one = 1;

	/* Not write(): that is a cancellation point, and a cancelled handler's
	 * thread must not end in the middle of Ferry. EAGAIN means that the
	 * counter is full, hence readable already. */
	syscall(SYS_write, fd, &one, sizeof one);
}

void
ferry__os_bell_clear(int fd)
{
	uint64_t count;

	/* EAGAIN means that it was clear. */
	syscall(SYS_read, fd, &count, sizeof count);
}

void
ferry__os_bell_close(int fd)
{
	/* A cancellation point, as write(). But not a bare system call: a
	 * host's ThreadSanitizer would take the next descriptor of that number
	 * for this one still, and report its makers as racing. */
	int before = ferry__os_hold_cancel();

	close(fd);
	ferry__os_resume_cancel(before);
}
