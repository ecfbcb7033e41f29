/*
 * Facts on a system that refuses some of them, or all: told to, and for real,
 * by a filter of system calls, a root without /proc, a /proc of others, no
 * descriptors. Nothing fails, and nothing is made up. Each case that changes
 * the process is a process of its own.
 */
#include "t.h"

#include "ffi/facts.h"

#if defined(__linux__) && !defined(FERRY_OS_posix)

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define ALL \
	(FACT_STATE | FACT_EXISTS | FACT_CALL | FACT_CPU | FACT_DELAY | \
	    FACT_TRACER | FACT_SIGNALS)
#define SKIPPED 77

/* As the manual of process_vm_readv() has it: a piece, or nothing of it. */
static bool whole_or_nothing;

static ssize_t
vm_readv(pid_t pid, const struct iovec *here, unsigned long n_here,
    const struct iovec *there, unsigned long n_there, unsigned long flags)
{
	ssize_t n = process_vm_readv(
	    pid, here, n_here, there, n_there, flags);

	if (!whole_or_nothing || n < 0 || n == (ssize_t)there->iov_len)
		return n;
	errno = EFAULT;
	return -1;
}

/* The last letters of what was looked at: /syscall, clock, /stat … */
static char looked_at[64];

static void
note(char what)
{
	size_t n = strlen(looked_at);

	if (n < sizeof looked_at - 1)
		looked_at[n] = what;
}

static int
noted_open(const char *path, int flags)
{
	note(path[strlen(path) - 1]);
	return open(path, flags);
}

static int
noted_clock(clockid_t clock, struct timespec *t)
{
	note('k');
	return clock_gettime(clock, t);
}

#define clock_gettime noted_clock
#define open noted_open
#define process_vm_readv vm_readv
#include "ffi/os_linux_facts.c"
#undef process_vm_readv
#undef open
#undef clock_gettime

static struct facts
look_at(uint32_t thread, uint32_t wanted)
{
	struct facts f;

	memset(&f, 0xa5, sizeof f);
	ferry__facts_look(&f, thread, wanted);
	return f;
}

static struct facts
look_here(void)
{
	return look_at(ferry__os_thread_id(), ALL);
}

static int
run_in_child(void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	T_NE(pid, -1);
	if (pid == 0) {
		body();
		_exit(0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_ASSERT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define IN_CHILD(body) \
	do { \
		int code_ = run_in_child(body); \
		if (code_ == SKIPPED) \
			T_SKIP_CASE("the system does not let it try"); \
		T_EQ(code_, 0); \
	} while (0)

/* What memory is read, by whichever way there is. */
static void
memory_is_read(void)
{
	size_t page = ferry__os_page_size();
	char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *out = malloc(4 * page);
	uintptr_t at = (uintptr_t)p;

	T_ASSERT(p != MAP_FAILED);
	for (size_t i = 0; i < 4 * page; i++)
		p[i] = (char)(i * 7 + i / page);
	T_OK(munmap(p + 3 * page, page));
	T_EQ(ferry__facts_read(out, at, 3 * page), 3 * page);
	T_MEM(out, p, 3 * page);
	memset(out, 0, 4 * page);
	T_EQ(ferry__facts_read(out, at + page + 5, 3 * page), 2 * page - 5);
	T_MEM(out, p + page + 5, 2 * page - 5);
	T_EQ(ferry__facts_read(out, at + 3 * page - 1, 1), 1);
	T_EQ(ferry__facts_read(out, at + 3 * page, 1), 0);
	T_EQ(ferry__facts_read(out, at, 0), 0);
	T_EQ(ferry__facts_read(out, 0, 16), 0);
	T_EQ(ferry__facts_read(out, UINT64_MAX - 7, 8), 0);
	T_EQ(ferry__facts_read(out, UINT64_MAX - 7, 64), 0);
	T_OK(munmap(p, 3 * page));
	free(out);
}

static void
in_order(void)
{
	/* The first look tries its own call. */
	bool calls = (look_here().known & FACT_CALL) != 0;

	memset(looked_at, 0, sizeof looked_at);
	look_at(ferry__os_thread_id(), FACT_CALL | FACT_CPU | FACT_STATE);
	T_STR(looked_at, calls ? "lkt" : "kt");
}

static void
memory_page_by_page(void)
{
	whole_or_nothing = true;
	memory_is_read();
	whole_or_nothing = false;
}

/* ---- told to ---- */

static void
one_by_one(void)
{
	uint32_t usual = look_here().known;

	for (uint32_t one = 1; one <= FACT_SIGNALS; one <<= 1) {
		ferry__facts_refuse(one);
		T_EQ(look_here().known, usual & ~one);
	}
	ferry__facts_refuse(0);
	T_EQ(look_here().known, usual);
}

static void
all_at_once(void)
{
	char buf[64];
	struct facts f;

	ferry__facts_refuse(UINT32_MAX);
	f = look_here();
	T_EQ(f.known, 0);
	T_EQ(f.number, -1);
	T_ASSERT(!ferry__facts_descriptor(buf, sizeof buf, 0));
	T_EQ(ferry__facts_read(buf, (uintptr_t)&f, sizeof buf), 0);
	T_EQ(ferry__facts_lock_owner((uintptr_t)&f), 0);
	ferry__facts_refuse(FACT_TARGET);
	T_ASSERT(!ferry__facts_descriptor(buf, sizeof buf, 0));
	T_EQ(ferry__facts_read(buf, (uintptr_t)&f, 8), 8);
	ferry__facts_refuse(FACT_MEMORY);
	T_ASSERT(ferry__facts_descriptor(buf, sizeof buf, 0));
	T_EQ(ferry__facts_read(buf, (uintptr_t)&f, 8), 0);
	ferry__facts_refuse(0);
}

/* ---- a filter of system calls ---- */

/* From here on these say EPERM. */
static void
forbid(const long *calls, size_t n)
{
	struct sock_filter code[40] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr)) };
	struct sock_fprog program = { .filter = code };
	size_t at = 1;

	for (size_t i = 0; i < n; i++) {
		code[at++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(
		    BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	code[at++] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)at;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(SKIPPED);
}

#define FORBID(...) \
	do { \
		static const long calls_[] = { __VA_ARGS__ }; \
		forbid(calls_, COUNT_OF(calls_)); \
	} while (0)

#ifdef SYS_open
#define OPENS SYS_open, SYS_openat
#else
#define OPENS SYS_openat
#endif
#ifdef SYS_access
#define ACCESSES SYS_access, SYS_faccessat
#else
#define ACCESSES SYS_faccessat
#endif
#ifdef SYS_readlink
#define READLINKS SYS_readlink, SYS_readlinkat
#else
#define READLINKS SYS_readlinkat
#endif

static void
without_clocks(void)
{
	FORBID(SYS_clock_gettime);
	/* The state's file has one, in ticks. */
	T_EQ(look_at(ferry__os_thread_id(), FACT_CPU).known,
	    FACT_CPU | FACT_STATE);
}

static void
without_signals(void)
{
	struct facts f;

	FORBID(SYS_tgkill);
	f = look_here();
	T_NE(f.known & FACT_EXISTS, 0);
	T_ASSERT(f.exists);
	f = look_at((1u << 28) - 1, ALL);
	T_EQ(f.known, FACT_EXISTS);
	T_ASSERT(!f.exists);
}

static void
without_either(void)
{
	FORBID(SYS_tgkill, ACCESSES);
	T_EQ(look_here().known & FACT_EXISTS, 0);
	T_EQ(look_at((1u << 28) - 1, ALL).known, 0);
}

static void
without_files(void)
{
	struct facts f;

	FORBID(OPENS);
	f = look_here();
	T_EQ(f.known, WITHOUT_PROC);
	T_EQ(f.number, -1);
	memory_is_read();
}

static void
without_readv(void)
{
	FORBID(SYS_process_vm_readv);
	memory_is_read();
}

static void
without_anything(void)
{
	char buf[64];

	FORBID(SYS_tgkill, SYS_clock_gettime, SYS_process_vm_readv, OPENS,
	    ACCESSES, READLINKS);
	T_EQ(look_here().known, 0);
	T_ASSERT(!ferry__facts_descriptor(buf, sizeof buf, 0));
	T_EQ(ferry__facts_read(buf, (uintptr_t)&without_anything, 8), 0);
	T_EQ(ferry__facts_lock_owner((uintptr_t)buf & ~(uintptr_t)7), 0);
}

static void
by_a_filter(void)
{
	if (t_emulated())
		T_SKIP_CASE("the emulator has no filters");
	IN_CHILD(without_clocks);
	IN_CHILD(without_signals);
	IN_CHILD(without_either);
	IN_CHILD(without_files);
	IN_CHILD(without_readv);
	IN_CHILD(without_anything);
}

/* ---- no /proc, or that of others ---- */

static void
become_root(void)
{
	if (geteuid() != 0 && unshare(CLONE_NEWUSER) != 0)
		_exit(SKIPPED);
}

static void
nothing_but_calls(void)
{
	struct facts f = look_here();
	char buf[64];

	T_EQ(f.known, WITHOUT_PROC);
	T_ASSERT(f.exists);
	f = look_at((1u << 28) - 1, ALL);
	T_EQ(f.known, FACT_EXISTS);
	T_ASSERT(!f.exists);
	T_EQ(ferry__facts_read(buf, (uintptr_t)&f, 8), 8);
}

static void
in_an_empty_root(void)
{
	char path[] = "/tmp/factsXXXXXX", buf[64];
	int fd;

	T_ASSERT(mkdtemp(path) != NULL);
	become_root();
	/* Removed while it is the root: it stays until the child ends. */
	fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (chroot(path) != 0 || chdir("/") != 0) {
		rmdir(path);
		_exit(SKIPPED);
	}
	T_OK(unlinkat(fd, strrchr(path, '/') + 1, AT_REMOVEDIR));
	nothing_but_calls();
	T_ASSERT(!ferry__facts_descriptor(buf, sizeof buf, fd));
}

/* Thread 1 of the namespace; /proc knows it by another number, by which it is
 * nobody here. */
static void
look_from_within(void)
{
	char self[16] = "";

	T_EQ(getpid(), 1);
	nothing_but_calls();
	T_GT(readlink("/proc/self", self, sizeof self - 1), 0);
	T_NE(atoi(self), 1);
	T_EQ(look_at((uint32_t)atoi(self), ALL & ~FACT_EXISTS).known, 0);
	T_EQ(look_at((uint32_t)atoi(self), ALL).known, FACT_EXISTS);
}

static void
in_a_namespace(void)
{
	become_root();
	if (unshare(CLONE_NEWPID) != 0)
		_exit(SKIPPED);
	T_EQ(run_in_child(look_from_within), 0);
}

static void
without_proc(void)
{
	if (t_emulated())
		T_SKIP_CASE("the emulator's /proc is its own");
	IN_CHILD(in_an_empty_root);
	IN_CHILD(in_a_namespace);
}

/* ---- no descriptors ---- */

static void
without_descriptors_left(void)
{
	struct rlimit before, none;
	uint32_t usual = look_here().known;

	T_OK(getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = 0;
	T_OK(setrlimit(RLIMIT_NOFILE, &none));
	T_EQ(look_here().known, WITHOUT_PROC);
	T_OK(setrlimit(RLIMIT_NOFILE, &before));
	T_EQ(look_here().known, usual);
}

static void
without_descriptors(void)
{
	IN_CHILD(without_descriptors_left);
}

/* ---- a long status ---- */

/* What stands before the signals is longer than what is read at once, and ends
 * anywhere in that. */
static void
of_many_groups(void)
{
	enum { FEW = 1000, STEP = 6, MANY = FEW + 4096 / 8 };
	static gid_t groups[MANY];

	for (size_t i = 0; i < MANY; i++)
		groups[i] = (gid_t)(1000000 + i);
	for (size_t n = FEW; n < MANY; n += STEP) {
		if (setgroups(n, groups) != 0)
			_exit(SKIPPED);
		T_EQ(look_here().known & (FACT_TRACER | FACT_SIGNALS),
		    FACT_TRACER | FACT_SIGNALS);
	}
}

static void
many_groups(void)
{
	IN_CHILD(of_many_groups);
}

T_MAIN(
	T_RUN(in_order);
	T_RUN(memory_is_read);
	T_RUN(memory_page_by_page);
	T_RUN(one_by_one);
	T_RUN(all_at_once);
	T_RUN(by_a_filter);
	T_RUN(without_proc);
	T_RUN(without_descriptors);
	T_RUN(many_groups);
)

#else

/* On other systems all is refused. */
static void
nothing_is_known(void)
{
	struct facts f;
	char buf[64];

	memset(&f, 0xa5, sizeof f);
	ferry__facts_look(&f, ferry__os_thread_id(), UINT32_MAX);
	T_EQ(f.known, 0);
	T_EQ(f.number, -1);
	T_ASSERT(!ferry__facts_descriptor(buf, sizeof buf, 0));
	T_EQ(ferry__facts_read(buf, (uintptr_t)&f, 8), 0);
	T_EQ(ferry__facts_lock_owner((uintptr_t)&f), 0);
	T_ASSERT(ferry__facts_call_name(0) == NULL);
	T_EQ(ferry__facts_call_descriptor(0), -1);
	T_ASSERT(!ferry__facts_call_is_futex(0, f.args));
}

T_MAIN(
	T_RUN(nothing_is_known);
)

#endif
