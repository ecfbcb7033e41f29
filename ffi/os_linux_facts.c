/*
 * Facts on Linux: /proc/self/task, a thread's clock, this process's memory.
 *
 * Threads: every function is safe from any thread, and whatever the other
 * threads do: nothing here allocates, takes a lock, formats with the C
 * library, or keeps a descriptor. A host that closes all descriptors may close
 * one while it is read; what is then read is refused by the parsers.
 *
 * What /proc says is believed only if it is this process's: where the process
 * is in a namespace of its own and /proc is not, thread ids are others; and an
 * emulator shows its own calls and memory.
 */
#include "ffi/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Any that is more is no thread's id, and its clock would be another's. */
#define THREADS   (1u << 28)
#define WITHOUT_PROC (FACT_EXISTS | FACT_CPU)
#define PATH_MOST 64u
#define READ_MOST 4096u
/* Of a status, the masks are some 130 bytes. */
#define OVERLAP   256u
#define STATUS_MOST (1u << 20)

/* ---------------------------------------------------------------- paths */

static char *
put_text(char *at, const char *text)
{
	size_t n = strlen(text);

	memcpy(at, text, n + 1);
	return at + n;
}

static char *
put_number(char *at, uint32_t n)
{
	char digits[10];
	size_t i = sizeof digits;

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	memcpy(at, &digits[i], sizeof digits - i);
	at += sizeof digits - i;
	*at = 0;
	return at;
}

static void
path_of(char path[PATH_MOST], uint32_t thread, const char *file)
{
	put_text(put_number(put_text(path, "/proc/self/task/"), thread), file);
}

/* Whether /proc is there and numbers this process as it does itself. */
static bool
proc_is_ours(void)
{
	char found[16], wanted[16];
	ssize_t n = readlink("/proc/self", found, sizeof found);
	char *end = put_number(wanted, (uint32_t)getpid());

	return n == end - wanted && memcmp(found, wanted, (size_t)n) == 0;
}

static int
open_of(uint32_t thread, const char *file)
{
	char path[PATH_MOST];

	path_of(path, thread, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The beginning of a file; 0: none. */
static size_t
read_of(char *buf, size_t size, uint32_t thread, const char *file)
{
	int fd = open_of(thread, file);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, size);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* ---------------------------------------------------------------- looks */

/* Signal 0 is not sent. Where that is refused, its folder tells. */
static void
look_exists(struct facts *f, uint32_t thread)
{
	char path[PATH_MOST];
	long r = syscall(SYS_tgkill, getpid(), thread, 0);
	bool gone = r != 0 && errno == ESRCH;

	if (r != 0 && !gone) {
		path_of(path, thread, "");
		r = access(path, F_OK);
		gone = r != 0 && errno == ENOENT && proc_is_ours();
		if (r != 0 && !gone)
			return;
	}
	f->exists = !gone;
	f->known |= FACT_EXISTS;
}

/* The kernel's number of a thread's clock of CPU time, which it takes of
 * threads of the same process only. */
static clockid_t
clock_of(uint32_t thread)
{
	return (clockid_t)(~thread << 3 | 6u);
}

static void
look_clock(struct facts *f, uint32_t thread)
{
	struct timespec t;

	if (clock_gettime(clock_of(thread), &t) != 0)
		return;
	f->cpu_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	f->known |= FACT_CPU;
}

static void
look_stat(struct facts *f, uint32_t thread)
{
	char text[1024];

	ferry__facts_parse_stat(
	    f, text, read_of(text, sizeof text, thread, "/stat"));
}

static void
look_schedstat(struct facts *f, uint32_t thread)
{
	char text[128];

	ferry__facts_parse_schedstat(
	    f, text, read_of(text, sizeof text, thread, "/schedstat"));
}

/* In pieces, because the groups that stand before the signals may be many. A
 * piece begins with the end of the last one, so that each line of interest is
 * whole in one. */
static void
look_status(struct facts *f, uint32_t thread, uint32_t wanted)
{
	char text[READ_MOST];
	int fd = open_of(thread, "/status");
	off_t at = 0;
	ssize_t n;

	if (fd < 0)
		return;
	do {
		n = pread(fd, text, sizeof text, at);
		if (n > 0)
			ferry__facts_parse_status(f, text, (size_t)n);
		at += (off_t)(sizeof text - OVERLAP);
	} while (n == sizeof text && at < (off_t)STATUS_MOST &&
	    (wanted & ~f->known & (FACT_TRACER | FACT_SIGNALS)) != 0);
	close(fd);
}

/* -------------------------------------------------------- system calls */

enum { UNTRIED, GOOD, BAD };
static atom32 own_calls;

/* This very read() is what the file must tell of this thread. */
static uint32_t
try_own_call(void)
{
	struct facts f = { .known = 0 };
	char text[256];
	int fd = open_of(ferry__os_thread_id(), "/syscall");
	ssize_t n;

	if (fd < 0)
		return UNTRIED;
	n = read(fd, text, sizeof text);
	close(fd);
	if (n <= 0 || !ferry__facts_parse_call(&f, text, (size_t)n))
		return UNTRIED;
	return f.number == SYS_read && f.args[0] == (uint64_t)fd &&
	        f.args[1] == (uint64_t)(uintptr_t)text
	    ? GOOD
	    : BAD;
}

static bool
calls_are_ours(void)
{
	/* Relaxed: who does not see the result finds the same one. */
	uint32_t state = atom32_load_relaxed(&own_calls);

	if (state == UNTRIED) {
		state = try_own_call();
		atom32_store_relaxed(&own_calls, state);
	}
	return state == GOOD;
}

static void
look_call(struct facts *f, uint32_t thread)
{
	char text[256];

	if (calls_are_ours())
		ferry__facts_parse_call(
		    f, text, read_of(text, sizeof text, thread, "/syscall"));
}

/*
 * The call before the clock before the state: what a thread used that was in
 * the same call at two looks, and what one used that was runnable at both, is
 * what it used since, and not what it used to get there.
 */
static void
look(struct facts *f, uint32_t thread, uint32_t wanted)
{
	bool proc;

	if ((wanted & FACT_EXISTS) != 0)
		look_exists(f, thread);
	if ((f->known & FACT_EXISTS) != 0 && !f->exists)
		return;
	proc = (wanted & ~WITHOUT_PROC) != 0 && proc_is_ours();
	if (proc && (wanted & FACT_CALL) != 0)
		look_call(f, thread);
	if ((wanted & FACT_CPU) != 0)
		look_clock(f, thread);
	if ((wanted & ~f->known & FACT_CPU) != 0)
		proc = proc || proc_is_ours();
	if (!proc)
		return;
	if ((wanted & ~f->known & (FACT_STATE | FACT_CPU)) != 0)
		look_stat(f, thread);
	if ((wanted & FACT_DELAY) != 0)
		look_schedstat(f, thread);
	if ((wanted & (FACT_TRACER | FACT_SIGNALS)) != 0)
		look_status(f, thread, wanted);
}

void
ferry__facts_look(struct facts *out, uint32_t thread, uint32_t wanted)
{
	uint32_t refused = ferry__facts_refused();
	/* Files are opened: cancellation points. */
	int before = ferry__os_hold_cancel();

	memset(out, 0, sizeof *out);
	out->number = -1;
	if (thread != 0 && thread < THREADS)
		look(out, thread, wanted & ~refused);
	out->known &= ~refused;
	ferry__os_resume_cancel(before);
}

/* -------------------------------------------------------------- targets */

bool
ferry__facts_descriptor(char *out, size_t size, int fd)
{
	char path[PATH_MOST];
	ssize_t n;

	if (fd < 0 || size < 2 ||
	    (ferry__facts_refused() & FACT_TARGET) != 0)
		return false;
	put_number(put_text(path, "/proc/self/fd/"), (uint32_t)fd);
	n = readlink(path, out, size - 1);
	if (n < 0)
		return false;
	ferry__facts_plain(out, (size_t)n);
	out[n] = 0;
	return true;
}

/* --------------------------------------------------------------- memory */

static size_t
read_by_call(void *out, uint64_t from, size_t size)
{
	struct iovec here = { .iov_base = out, .iov_len = size };
	struct iovec there = { .iov_base = (void *)(uintptr_t)from,
		.iov_len = size };
	ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

static size_t
read_by_file(int fd, void *out, uint64_t from, size_t size)
{
	ssize_t n = from <= INT64_MAX ? pread(fd, out, size, (off_t)from) : -1;

	return n > 0 ? (size_t)n : 0;
}

static size_t
read_some(int fd, void *out, uint64_t from, size_t size)
{
	return fd < 0 ? read_by_call(out, from, size)
	              : read_by_file(fd, out, from, size);
}

/* Up to the first page that is not there: the system may refuse all for it,
 * or stop before it. */
static size_t
read_pages(int fd, char *out, uint64_t from, size_t size)
{
	size_t page = ferry__os_page_size(), n, want;
	size_t done = read_some(fd, out, from, size);

	while (done < size) {
		want = page - (size_t)((from + done) % page);
		if (want > size - done)
			want = size - done;
		n = read_some(fd, &out[done], from + done, want);
		if (n == 0)
			break;
		done += n;
	}
	return done;
}

/* Where process_vm_readv() is forbidden. */
static COLD size_t
read_slow(void *out, uint64_t from, size_t size)
{
	volatile uint64_t known = 0x5eed0f5eed0f5eedu;
	uint64_t found = 0;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	if (fd < 0)
		return 0;
	if (read_by_file(fd, &found, (uint64_t)(uintptr_t)&known,
	        sizeof found) == sizeof found && found == known)
		n = read_pages(fd, out, from, size);
	close(fd);
	return n;
}

size_t
ferry__facts_read(void *out, uint64_t from, size_t size)
{
	int before;
	size_t n;

	if (size == 0 || (ferry__facts_refused() & FACT_MEMORY) != 0)
		return 0;
	n = read_pages(-1, out, from, size);
	if (n != 0 || errno == EFAULT)
		return n;
	before = ferry__os_hold_cancel();
	n = read_slow(out, from, size);
	ferry__os_resume_cancel(before);
	return n;
}

/* ---------------------------------------------------------------- locks */

#ifdef __GLIBC__

/* Those that inherit priority, or outlive their owner, hold its id in the lock
 * word; of others that is 1, or 2 if somebody waits. */
static bool
is_locked_by(uint32_t word, uint32_t owner)
{
	return word == 1 || word == 2 || (word & 0x3fffffffu) == owner;
}

uint32_t
ferry__facts_lock_owner(uint64_t address)
{
	pthread_mutex_t m;
	struct facts f;
	uint32_t owner;

	if (address % _Alignof(pthread_mutex_t) != 0 ||
	    ferry__facts_read(&m, address, sizeof m) != sizeof m)
		return 0;
	owner = (uint32_t)m.__data.__owner;
	if (owner == 0 || !is_locked_by((uint32_t)m.__data.__lock, owner))
		return 0;
	ferry__facts_look(&f, owner, FACT_EXISTS);
	return (f.known & FACT_EXISTS) != 0 && f.exists ? owner : 0;
}

#else

uint32_t
ferry__facts_lock_owner(uint64_t address)
{
	(void)address;
	return 0;
}

#endif
