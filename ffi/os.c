/*
 * What every system has behind the seam: clocks, threads, pages, waiting for
 * a descriptor, and the word that tells a forked child from its parent. The
 * rest is in os_<system>.c.
 *
 * Threads: every function is safe from any thread. Nothing here allocates
 * but ferry__os_pages(), ferry__os_stack_map() and thread creation.
 */
#include "ffi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MAP_STACK
#define MAP_STACK 0
#endif

bool ferry__os_asymmetric;

/* ---------------------------------------------------------------- forks */

static atom32 fork_word;
atomp ferry__os_fork_at = { &fork_word };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int trouble;

static void
wipe(void)
{
	ferry__os_system_forked();
	/* Relaxed: a new child has one thread. */
	atom32_store_relaxed(&fork_word, 0);
}

/* The page sees every fork. A handler sees those that run handlers, and comes
 * after the handlers of whoever was there before. */
static int
watch_forks(void)
{
	atom32 *word = ferry__os_system_wiped();
	int r;

	if (word == NULL) {
		r = pthread_atfork(NULL, NULL, wipe);
		if (r != 0)
			return r;
		word = &fork_word;
	}
	atom32_store_relaxed(word, 1);
	/* pair(fork-word) release: never seen before it is 1. */
	atomp_store_release(&ferry__os_fork_at, word);
	return 0;
}

static void
start(void)
{
	ferry__os_system_start();
	trouble = watch_forks();
}

int
ferry__os_start(void)
{
	int before = ferry__os_hold_cancel(); /* it opens a file */

	pthread_once(&once, start);
	ferry__os_resume_cancel(before);
	return trouble;
}

void
ferry__os_forked(void)
{
	/* It may run on other CPUs. */
	ferry__os_system_start();
}

/* ---------------------------------------------------------------- clocks */

uint64_t
ferry__os_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
ferry__os_deadline_from(uint64_t now_ns, int64_t timeout_ms)
{
	if (timeout_ms < 0 ||
	    (uint64_t)timeout_ms > (INT64_MAX - now_ns) / 1000000u)
		return OS_NEVER;
	return now_ns + (uint64_t)timeout_ms * 1000000u;
}

uint64_t
ferry__os_deadline_in(int64_t timeout_ms)
{
	return timeout_ms < 0
	    ? OS_NEVER
	    : ferry__os_deadline_from(ferry__os_now_ns(), timeout_ms);
}

/* --------------------------------------------------------------- threads */

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

bool
ferry__os_thread_has_room(size_t stack)
{
	long least = sysconf(_SC_THREAD_STACK_MIN);

	/* Negative: there is none, or nobody knows. The start tells. */
	return stack == 0 || least < 0 || stack >= (size_t)least;
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
ferry__os_thread_join(pthread_t thread)
{
	int before = ferry__os_hold_cancel();

	pthread_join(thread, NULL);
	ferry__os_resume_cancel(before);
}

/* ------------------------------------------------------ bells and memory */

/* What poll() takes, rounded up, so that it is never too early. */
static int
milliseconds(uint64_t ns)
{
	uint64_t ms = ns / 1000000u + (ns % 1000000u != 0);

	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static enum os_sleep
poll_until(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now;
	int r;

	do {
		now = ferry__os_now_ns();
		r = poll(&p, 1, deadline_ns == OS_NEVER ? -1
		        : deadline_ns > now ? milliseconds(deadline_ns - now)
		                            : 0);
	} while (r == 0 && deadline_ns > ferry__os_now_ns());
	if (r > 0)
		return OS_WOKEN;
	return r == 0 ? OS_TIMEOUT : OS_SIGNAL;
}

enum os_sleep
ferry__os_bell_wait(int fd, uint64_t deadline_ns)
{
	/* poll() is a cancellation point, and a cancelled thread must not end
	 * in the middle of Ferry: it would be somebody's taker for ever. */
	int before = ferry__os_hold_cancel();
	enum os_sleep how = poll_until(fd, POLLIN, deadline_ns);

	ferry__os_resume_cancel(before);
	return how;
}

/* --------------------------------------------------- to be blocked in */

void
ferry__os_sleep_until(uint64_t deadline_ns)
{
	struct timespec at = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};
	int before = ferry__os_hold_cancel();

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	ferry__os_resume_cancel(before);
}

int
ferry__os_pipe_open(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
}

void
ferry__os_pipe_await(const int ends[2])
{
	int before = ferry__os_hold_cancel();
	char byte;

	while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
		;
	ferry__os_resume_cancel(before);
}

void
ferry__os_pipe_write(const int ends[2])
{
	int before = ferry__os_hold_cancel();

	/* There is room for it, and who reads. */
	while (write(ends[1], "", 1) < 0 && errno == EINTR)
		;
	ferry__os_resume_cancel(before);
}

void
ferry__os_pipe_close(const int ends[2])
{
	int before = ferry__os_hold_cancel();

	close(ends[0]);
	close(ends[1]);
	ferry__os_resume_cancel(before);
}

/* -------------------------------------------- descriptors of the host's */

bool
ferry__os_is_writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

static bool
is_pending(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigpending(&set);
	return sigismember(&set, signo) == 1;
}

/*
 * A way to a descriptor on which write() does not sleep. What poll() says is no
 * promise: it calls a terminal writable that has any room, on which a blocking
 * write() sleeps until all of it is taken; and somebody else may take the room.
 */
struct way {
	int fd;
	bool ours;        /* it was opened for this */
	bool is_socket;
	size_t at_once;
};

/* A pseudoterminal's master is opened as another one. */
static bool
is_master(int fd)
{
#ifdef TIOCGPTN
	unsigned number;

	return ioctl(fd, TIOCGPTN, &number) == 0;
#else
	(void)fd;
	return true;
#endif
}

/* The descriptor's file, opened once more, and not blocking: the flag of the
 * first is the host's, and may be other processes' too. -1: not to be had. */
static int
open_again(int fd, const struct stat *file)
{
	char name[sizeof "/proc/self/fd/-2147483648"];
	struct stat s;
	int again;

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	again = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	/* Where that is a dup(), it still blocks. */
	if (again >= 0 && ((fcntl(again, F_GETFL) & O_NONBLOCK) == 0 ||
	        fstat(again, &s) != 0 || s.st_dev != file->st_dev ||
	        s.st_ino != file->st_ino)) {
		close(again);
		again = -1;
	}
	return again;
}

/* If a file cannot be opened again, then it is written to in pieces for which
 * there is room where poll() sees any: PIPE_BUF in a pipe, a byte in a
 * terminal. That holds unless somebody else writes there at that moment. */
static void
find_way(struct way *w, int fd)
{
	int flags = fcntl(fd, F_GETFL), again;
	struct stat file;
	bool terminal;

	*w = (struct way){ .fd = fd, .at_once = PIPE_BUF };
	if (flags < 0 || (flags & O_NONBLOCK) != 0 || fstat(fd, &file) != 0)
		return;
	w->is_socket = S_ISSOCK(file.st_mode);
	terminal = S_ISCHR(file.st_mode) && isatty(fd) == 1;
	if (!terminal && !S_ISFIFO(file.st_mode))
		return;
	again = terminal && is_master(fd) ? -1 : open_again(fd, &file);
	w->ours = again >= 0;
	if (w->ours)
		w->fd = again;
	else if (terminal)
		w->at_once = 1;
}

/* A write() that nobody reads any more raises SIGPIPE on this thread, where it
 * waits and is taken out again; unless there was one before. */
static ssize_t
write_quietly(const struct way *w, const char *text, size_t size)
{
	sigset_t pipe, before;
	bool was_pending;
	ssize_t n;
	int signo, e;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	was_pending = is_pending(SIGPIPE);
	n = w->is_socket ? send(w->fd, text, size, MSG_DONTWAIT)
	                 : write(w->fd, text, size);
	e = errno;
	if (n < 0 && e == EPIPE && !was_pending && is_pending(SIGPIPE))
		sigwait(&pipe, &signo);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = e;
	return n;
}

static int
write_some(size_t *done, const struct way *w, const char *text, size_t size)
{
	ssize_t n = write_quietly(
	    w, text, size < w->at_once ? size : w->at_once);

	*done = n > 0 ? (size_t)n : 0;
	if (n >= 0 || errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return errno;
}

static int
write_all(const struct way *w, const char *text, size_t size,
    uint64_t patience_ns)
{
	uint64_t deadline = ferry__os_now_ns() + patience_ns;
	size_t done;
	int r = 0;

	while (size != 0 && r == 0) {
		/* Anything else than a timeout write() tells better. */
		if (poll_until(w->fd, POLLOUT, deadline) == OS_TIMEOUT)
			return ETIMEDOUT;
		r = write_some(&done, w, text, size);
		text += done;
		size -= done;
		if (done != 0)
			deadline = ferry__os_now_ns() + patience_ns;
		else if (r == 0 && ferry__os_now_ns() >= deadline)
			/* Called writable, and takes nothing. */
			return ETIMEDOUT;
	}
	return r;
}

int
ferry__os_write(int fd, const char *text, size_t size, uint64_t patience_ns)
{
	int before = ferry__os_hold_cancel();
	struct way w;
	int r;

	find_way(&w, fd);
	r = write_all(&w, text, size, patience_ns);
	if (w.ours)
		close(w.fd);
	ferry__os_resume_cancel(before);
	return r;
}

/* In a host under LeakSanitizer: it scans the heap, but not pages of ours,
 * which hold the only pointers to some of it. */
extern void __lsan_register_root_region(const void *, size_t)
    __attribute__((weak));
extern void __lsan_unregister_root_region(const void *, size_t)
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

size_t
ferry__os_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* From here on a stack is what the kernel would otherwise make of two huge
 * pages, resident as a whole from the first touch. */
#define HUGE_FROM ((size_t)2 << 20)

void *
ferry__os_stack_map(size_t size, size_t guard)
{
	char *p = mmap(NULL, guard + size, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Fails when the process has no mapping left, of which each stack
	 * takes two (vm.max_map_count). */
	if (mprotect(p + guard, size, PROT_READ | PROT_WRITE) != 0) {
		munmap(p, guard + size);
		return NULL;
	}
#ifdef MADV_NOHUGEPAGE
	/* A wish: kernels without huge pages refuse it. */
	if (size >= HUGE_FROM)
		madvise(p + guard, size, MADV_NOHUGEPAGE);
#endif
	if (__lsan_register_root_region != NULL)
		__lsan_register_root_region(p + guard, size);
	return p + guard;
}

void
ferry__os_stack_unmap(void *low, size_t size, size_t guard)
{
	if (__lsan_unregister_root_region != NULL)
		__lsan_unregister_root_region(low, size);
	/* It takes whole mappings away and splits none, so cannot fail. */
	ASSERT(munmap((char *)low - guard, guard + size) == 0);
}

void
ferry__os_pages_drop(void *p, size_t size)
{
	/* Not MADV_FREE: that is cheaper to take back, but the pages count as
	 * ours, resident and touched, until the system is short of memory. */
	ASSERT(madvise(p, size, MADV_DONTNEED) == 0);
}

size_t
ferry__os_pages_touched(const void *p, size_t size)
{
	unsigned char resident[256];
	size_t page = ferry__os_page_size();

	for (size_t at = 0; at < size; at += sizeof resident * page) {
		size_t n = (size - at) / page;

		if (n > sizeof resident)
			n = sizeof resident;
		ASSERT(mincore((char *)(uintptr_t)p + at, n * page,
			   resident) == 0);
		for (size_t i = 0; i < n; i++)
			if ((resident[i] & 1) != 0)
				return size - at - i * page;
	}
	return 0;
}
