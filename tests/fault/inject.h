/*
 * tests/fault/inject.h: what the system refuses, refused on purpose.
 *
 * Fault programs link a copy of libferry.a in which every call that the system
 * may refuse is renamed (tests/fault/calls), so that it comes here first. Only
 * the library's own calls do, and what Concurrency Kit allocates for it: the
 * test's are the system's. Memory that is kept for ever comes in large regions,
 * so each piece that is cut off one is a point of its own (--wrap).
 *
 * A *point* is one such call. A *scenario* is a sequence of calls to Ferry;
 * INJECT_EACH runs it again and again: the first point fails, the second …
 * until it runs through without one that did; and then once more, with every
 * point failing from the nth on, as when memory has run out. Each step that
 * may fail is written with STEP: then it failed for one of the reasons that
 * ferry.h gives for it, left its out-parameter alone, and succeeds when it is
 * tried again. So each run ends, and must leave nothing behind.
 */
#ifndef INJECT_H
#define INJECT_H

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Evidence of a stall, the memory and the threads for it, come when there is
 * one, as on a busy machine: in contexts that do not say when, never. */
#define FX_LEVELS {FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF}

#include "api/fixture.h"
#include "proc.h"

enum inject_kind {
	INJECT_MEMORY = 1 << 0,
	INJECT_FOR_EVER = 1 << 1, /* pages, and pieces of them */
	INJECT_THREAD = 1 << 2,
	INJECT_DESCRIPTOR = 1 << 3,
	INJECT_KEY = 1 << 4,      /* thread-specific data */
	INJECT_MUTEX = 1 << 5,
	INJECT_FILE = 1 << 6,     /* a watcher opens some at any time */
	INJECT_ALL = (1 << 7) - 1
};

/* The nth point of these kinds fails, and with `on` every one after it. */
static struct {
	atomic_uint kinds; /* 0: none; stored last */
	atomic_ulong seen;
	atomic_ulong fired;
	atomic_ulong at;
	atomic_int on;
	/* Run when the first one fails, in its place in the library. */
	void (*meanwhile)(void *arg);
	void *arg;
} inject;

/* What the library holds. Relaxed counters: that a test counts must not make
 * an order among threads that ThreadSanitizer takes for the library's. */
static atomic_long inject_blocks;
static atomic_size_t inject_kept;

T__FN void
inject_arm(unsigned kinds, unsigned long at, int on)
{
	atomic_store(&inject.at, at);
	atomic_store(&inject.on, on);
	atomic_store(&inject.seen, 0);
	atomic_store(&inject.fired, 0);
	atomic_store(&inject.kinds, kinds);
}

/* Returns how many failed since it was armed. */
T__FN unsigned long
inject_disarm(void)
{
	atomic_store(&inject.kinds, 0);
	return atomic_load(&inject.fired);
}

T__FN int
inject_fails(unsigned kind)
{
	unsigned kinds =
	    atomic_load_explicit(&inject.kinds, memory_order_acquire);
	unsigned long n, at;

	if ((kinds & kind) == 0)
		return 0;
	at = atomic_load_explicit(&inject.at, memory_order_relaxed);
	n = atomic_fetch_add_explicit(
	    &inject.seen, 1, memory_order_relaxed) + 1;
	if (n < at || (n > at &&
	        !atomic_load_explicit(&inject.on, memory_order_relaxed)))
		return 0;
	atomic_fetch_add_explicit(&inject.fired, 1, memory_order_relaxed);
	if (n == at && inject.meanwhile != NULL)
		inject.meanwhile(inject.arg);
	return 1;
}

/* ------------------------------------------ in the place of the system's */

void *fault_malloc(size_t size);
void *fault_calloc(size_t n, size_t size);
void *fault_realloc(void *p, size_t size);
void *fault_aligned_alloc(size_t alignment, size_t size);
void fault_free(void *p);
void *fault_mmap(void *at, size_t size, int protection, int flags, int fd,
    off_t offset);
int fault_pthread_create(pthread_t *out, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg);
int fault_pthread_attr_init(pthread_attr_t *attr);
int fault_pthread_attr_setstacksize(pthread_attr_t *attr, size_t size);
int fault_mprotect(void *at, size_t size, int protection);
int fault_eventfd(unsigned count, int flags);
int fault_pipe2(int ends[2], int flags);
int fault_epoll_create1(int flags);
int fault_epoll_ctl(int set, int what, int fd, struct epoll_event *event);
FILE *fault_fopen(const char *path, const char *mode);
int fault_open(const char *path, int flags, ...);
int fault_pthread_key_create(pthread_key_t *out, void (*destroy)(void *));
int fault_pthread_setspecific(pthread_key_t key, const void *value);
int fault_pthread_mutex_init(pthread_mutex_t *out,
    const pthread_mutexattr_t *attr);
void *__real_ferry__alloc_for_ever(size_t size);
void *__wrap_ferry__alloc_for_ever(size_t size);
const char *__real_ferry__alloc_name(const char *text);
const char *__wrap_ferry__alloc_name(const char *text);
const void *__real_ferry__alloc_keep(const void *bytes, size_t size);
const void *__wrap_ferry__alloc_keep(const void *bytes, size_t size);
void __real_ferry__alloc_free_theirs(void *p);
void __wrap_ferry__alloc_free_theirs(void *p);

static void *
inject_count(void *p)
{
	if (p != NULL)
		atomic_fetch_add_explicit(
		    &inject_blocks, 1, memory_order_relaxed);
	return p;
}

void *
fault_malloc(size_t size)
{
	return inject_fails(INJECT_MEMORY) ? NULL : inject_count(malloc(size));
}

void *
fault_calloc(size_t n, size_t size)
{
	return inject_fails(INJECT_MEMORY) ? NULL
	                                   : inject_count(calloc(n, size));
}

void *
fault_realloc(void *p, size_t size)
{
	void *more;

	if (inject_fails(INJECT_MEMORY))
		return NULL;
	more = realloc(p, size);
	return p == NULL ? inject_count(more) : more;
}

void *
fault_aligned_alloc(size_t alignment, size_t size)
{
	return inject_fails(INJECT_MEMORY)
	    ? NULL
	    : inject_count(aligned_alloc(alignment, size));
}

void
fault_free(void *p)
{
	if (p != NULL)
		atomic_fetch_sub_explicit(
		    &inject_blocks, 1, memory_order_relaxed);
	free(p);
}

void *
fault_mmap(void *at, size_t size, int protection, int flags, int fd,
    off_t offset)
{
	if (inject_fails(INJECT_FOR_EVER)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return mmap(at, size, protection, flags, fd, offset);
}

int
fault_pthread_create(pthread_t *out, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	return inject_fails(INJECT_THREAD)
	    ? EAGAIN
	    : pthread_create(out, attr, run, arg);
}

int
fault_pthread_attr_init(pthread_attr_t *attr)
{
	return inject_fails(INJECT_THREAD) ? ENOMEM : pthread_attr_init(attr);
}

int
fault_pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	return inject_fails(INJECT_THREAD)
	    ? EINVAL
	    : pthread_attr_setstacksize(attr, size);
}

static int
inject_refuses(int error)
{
	if (!inject_fails(INJECT_DESCRIPTOR))
		return 0;
	errno = error;
	return -1;
}

int
fault_eventfd(unsigned count, int flags)
{
	return inject_refuses(EMFILE) != 0 ? -1 : eventfd(count, flags);
}

int
fault_pipe2(int ends[2], int flags)
{
	return inject_refuses(EMFILE) != 0 ? -1 : pipe2(ends, flags);
}

int
fault_epoll_create1(int flags)
{
	return inject_refuses(EMFILE) != 0 ? -1 : epoll_create1(flags);
}

/* Only an addition needs anything. */
int
fault_epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
	return what == EPOLL_CTL_ADD && inject_refuses(ENOSPC) != 0
	    ? -1
	    : epoll_ctl(set, what, fd, event);
}

/* Splits a mapping, of which there may be too many. */
int
fault_mprotect(void *at, size_t size, int protection)
{
	if (inject_fails(INJECT_FOR_EVER)) {
		errno = ENOMEM;
		return -1;
	}
	return mprotect(at, size, protection);
}

FILE *
fault_fopen(const char *path, const char *mode)
{
	if (inject_fails(INJECT_DESCRIPTOR)) {
		errno = EMFILE;
		return NULL;
	}
	return fopen(path, mode);
}

int
fault_open(const char *path, int flags, ...)
{
	__builtin_va_list ap;
	unsigned mode = 0;

	__builtin_va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = __builtin_va_arg(ap, unsigned);
	__builtin_va_end(ap);
	if (inject_fails(INJECT_FILE)) {
		errno = EMFILE;
		return -1;
	}
	return open(path, flags, mode);
}

int
fault_pthread_key_create(pthread_key_t *out, void (*destroy)(void *))
{
	return inject_fails(INJECT_KEY) ? EAGAIN
	                                : pthread_key_create(out, destroy);
}

int
fault_pthread_setspecific(pthread_key_t key, const void *value)
{
	return inject_fails(INJECT_KEY) ? ENOMEM
	                                : pthread_setspecific(key, value);
}

/* The mutex stays what its memory was: zeroed. */
int
fault_pthread_mutex_init(pthread_mutex_t *out, const pthread_mutexattr_t *attr)
{
	return inject_fails(INJECT_MUTEX) ? ENOMEM
	                                  : pthread_mutex_init(out, attr);
}

void *
__wrap_ferry__alloc_for_ever(size_t size)
{
	void *p = NULL;

	if (!inject_fails(INJECT_FOR_EVER))
		p = __real_ferry__alloc_for_ever(size);
	if (p != NULL) /* pages may have been refused to it */
		atomic_fetch_add_explicit(
		    &inject_kept, size, memory_order_relaxed);
	return p;
}

const char *
__wrap_ferry__alloc_name(const char *text)
{
	return inject_fails(INJECT_FOR_EVER) ? NULL
	                                     : __real_ferry__alloc_name(text);
}

const void *
__wrap_ferry__alloc_keep(const void *bytes, size_t size)
{
	return inject_fails(INJECT_FOR_EVER)
	    ? NULL
	    : __real_ferry__alloc_keep(bytes, size);
}

/* Nothing that the library's malloc gave, but freed by its free. */
void
__wrap_ferry__alloc_free_theirs(void *p)
{
	/* Past the count by itself. */
	__real_ferry__alloc_free_theirs(p);
}

/* ------------------------------------------------------------------ steps */

/* No token, id or descriptor of anything. */
#define INJECT_UNTOUCHED 0x7777777

/* 0: it succeeded. 1: it failed, as it may, because of a fault of ours; from
 * here on there are none. */
T__FN int
inject_failed(const char *file, int line, const char *call, int r,
    const int *errors)
{
	if (r == FERRY_OK)
		return 0;
	if (inject_disarm() == 0)
		t_fail(file, line, "%s: %s, and nothing was refused", call,
		    ferry_error_name(r));
	while (*errors != r && *errors != 0)
		errors++;
	if (*errors == 0)
		t_fail(file, line, "%s: %s is not one of its errors", call,
		    ferry_error_name(r));
	return 1;
}

/* A call that may fail with these errors; the second try must succeed. */
#define STEP(call, ...) \
	do { \
		if (inject_failed(__FILE__, __LINE__, #call, (call), \
		        (const int[]){__VA_ARGS__, 0})) \
			T_OK(call); \
	} while (0)

/* The same; `out` is what it writes on success only. */
#define STEP_OUT(out, call, ...) \
	do { \
		(out) = INJECT_UNTOUCHED; \
		if (inject_failed(__FILE__, __LINE__, #call, (call), \
		        (const int[]){__VA_ARGS__, 0})) { \
			T_EQ(out, INJECT_UNTOUCHED); \
			T_OK(call); \
		} \
		T_NE(out, INJECT_UNTOUCHED); \
	} while (0)

/* ------------------------------------------------------- what is left over */

struct inject_level {
	long blocks;
	size_t kept;
	int descriptors;
};

/* The threads there are when the test has none but this one: a sanitizer may
 * have one of its own, from the first that is started. */
static int inject_threads;

static void *
inject_tell_tid(void *arg)
{
	*(uint32_t *)arg = fx_tid();
	return NULL;
}

__attribute__((constructor)) static void
inject_count_threads(void)
{
	uint32_t tid;

	t_thread_join(t_thread_start(inject_tell_tid, &tid));
	T_WAIT_UNTIL(fx_thread_state(tid) == 0, FX_LIMIT_MS);
	inject_threads = t_entries(T_THREADS);
}

T__FN struct inject_level
inject_level(void)
{
	return (struct inject_level){
		.blocks = atomic_load(&inject_blocks),
		.kept = atomic_load(&inject_kept),
		.descriptors = t_entries(T_DESCRIPTORS),
	};
}

/* The kernel may take a moment to forget a thread, and a thread that is not
 * joined to end. */
T__FN void
inject_await_threads(void)
{
	T_WAIT_UNTIL(t_entries(T_THREADS) == inject_threads,
	    FX_LIMIT_MS);
}

/* No thread is left, and nothing else has changed: that may not come late. */
T__FN void
inject_same(const struct inject_level *before)
{
	struct inject_level now;

	inject_await_threads();
	now = inject_level();
	T_EQ(now.blocks, before->blocks);
	T_EQ(now.descriptors, before->descriptors);
	T_EQ(now.kept, before->kept);
}

/* Every point of these kinds in turn; returns how many there are. */
T__FN unsigned long
inject_turn(void (*scenario)(void), unsigned kinds, int on)
{
	struct inject_level before = inject_level();
	unsigned long n = 0, fired;

	do {
		inject_arm(kinds, ++n, on);
		scenario();
		fired = inject_disarm();
		inject_same(&before);
	} while (fired != 0);
	return n - 1;
}

/* `least`: points that there must be, so that an injector which has gone
 * blind is noticed. */
T__FN void
inject_each(void (*scenario)(void), unsigned kinds, unsigned long least)
{
	unsigned long once, on;

	scenario(); /* what is made once, and kept */
	scenario();
	once = inject_turn(scenario, kinds, 0);
	on = inject_turn(scenario, kinds, 1);
	dprintf(1, "\t%lu points once, %lu from then on\n", once, on);
	T_GE(once, least);
	T_GE(on, least);
}

#define INJECT_EACH(scenario, least) \
	do { \
		if (t__case(#scenario)) \
			inject_each(scenario, INJECT_ALL, least); \
	} while (0)

/* ------------------------------------------------ in a process of its own */

enum { INJECT_FIRED = 10, INJECT_NONE_FIRED = 11 };

/* The table of names, made once; and one of bells, where they are pipes. */
#ifdef INJECT_SEAM_posix
enum { INJECT_BLOCKS_KEPT = 2 };
#else
enum { INJECT_BLOCKS_KEPT = 1 };
#endif

T__FN int
inject_in_child(void (*scenario)(void), int times, char **args)
{
	unsigned long fired;

	inject_arm(INJECT_ALL, strtoul(args[0], NULL, 10), atoi(args[1]));
	scenario();
	fired = inject_disarm();
	T_EQ(atomic_load(&inject_blocks), INJECT_BLOCKS_KEPT);
	while (--times > 0)
		scenario();
	T_EQ(atomic_load(&inject_blocks), INJECT_BLOCKS_KEPT);
	return fired != 0 ? INJECT_FIRED : INJECT_NONE_FIRED;
}

T__FN int
inject_spawn(const char *name, unsigned long n, int on)
{
	char number[24], self[512];
	/* Looked up: under Valgrind it is another program's that runs. */
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	pid_t child;
	int status;

	T_GT(length, 0);
	self[length] = 0;
	snprintf(number, sizeof number, "%lu", n);
	child = fork();
	if (child == 0) {
		execl(self, self, name, number, on ? "1" : "0", (char *)NULL);
		_exit(126);
	}
	T_EQ(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != INJECT_FIRED &&
	        WEXITSTATUS(status) != INJECT_NONE_FIRED))
		T_FAIL("%s %lu %d: status %#x", name, n, on,
		    (unsigned)status);
	return WEXITSTATUS(status) == INJECT_FIRED;
}

T__FN void
inject_fresh(const char *name, unsigned long least)
{
	for (int on = 0; on < 2; on++) {
		unsigned long n = 1;

		while (inject_spawn(name, n, on))
			n++;
		dprintf(1, "\t%lu points%s\n", n - 1,
		    on ? " from then on" : "");
		T_GE(n - 1, least);
	}
}

/*
 * The same, with a new process for each point: what is made once happens once
 * in each. In T_MAIN; `prog NAME n on` is one of them.
 */
#define INJECT_FRESH(scenario, times, least) \
	do { \
		if (argc > 3 && strcmp(argv[1], #scenario) == 0) \
			return inject_in_child(scenario, times, argv + 2); \
		if (t__case(#scenario)) \
			inject_fresh(#scenario, least); \
	} while (0)

#endif
