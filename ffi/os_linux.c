/*
 * The seam on Linux: futex, membarrier, eventfd.
 *
 * Threads: every function is safe from any thread. Nothing here allocates
 * but ferry__os_pages() and thread creation.
 */
#include "ffi/os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

bool ferry__os_asymmetric;

static pthread_once_t once = PTHREAD_ONCE_INIT;
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

static void
start(void)
{
	cpu_set_t set;
	long known = membarrier(MEMBARRIER_CMD_QUERY);

	if (known > 0 && (known & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
	    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0)
		ferry__os_asymmetric = true;
	CPU_ZERO(&set);
	may_spin = sched_getaffinity(0, sizeof set, &set) == 0 &&
	    CPU_COUNT(&set) > 1 && !quota_is_tight();
}

void
ferry__os_start(void)
{
	pthread_once(&once, start);
}

uint64_t
ferry__os_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
ferry__os_deadline_in(int64_t timeout_ms)
{
	uint64_t now = ferry__os_now_ns();

	if (timeout_ms < 0 ||
	    (uint64_t)timeout_ms > (INT64_MAX - now) / 1000000u)
		return OS_NEVER;
	return now + (uint64_t)timeout_ms * 1000000u;
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

/* Asynchronous signals belong to the host's own threads; the synchronous ones
 * stay open, so that a fault is reported where it happens. */
static void
block_signals(sigset_t *before)
{
	static const int synchronous[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGTRAP, SIGABRT, SIGSYS };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < COUNT_OF(synchronous); i++)
		sigdelset(&set, synchronous[i]);
	pthread_sigmask(SIG_SETMASK, &set, before);
}

int
ferry__os_thread_start(pthread_t *out, void *(*run)(void *), void *arg,
    size_t stack)
{
	pthread_attr_t attr;
	sigset_t before;
	int r = pthread_attr_init(&attr);

	if (r != 0)
		return r;
	if (stack != 0)
		r = pthread_attr_setstacksize(&attr, stack);
	if (r == 0) {
		/* Set around the creation: a new thread inherits the mask, and
		 * has no moment in which a signal could find it. */
		block_signals(&before);
		r = pthread_create(out, &attr, run, arg);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	return r;
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

enum os_sleep
ferry__os_bell_wait(int fd, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec left;
	uint64_t now = ferry__os_now_ns();
	int r;

	left = timespec_of(deadline_ns > now ? deadline_ns - now : 0);
	r = ppoll(&p, 1, deadline_ns == OS_NEVER ? NULL : &left, NULL);
	if (r > 0)
		return OS_WOKEN;
	return r == 0 ? OS_TIMEOUT : OS_SIGNAL;
}

void
ferry__os_bell_close(int fd)
{
	close(fd);
}

/* In a host under LeakSanitizer: it scans the heap, but not pages of ours,
 * which hold the only pointers to some of it. */
extern void __lsan_register_root_region(const void *, size_t)
    __attribute__((weak));

void *
ferry__os_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (__lsan_register_root_region != NULL)
		__lsan_register_root_region(p, size);
	return p;
}
