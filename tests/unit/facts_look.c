/*
 * Looks at real threads: one that sleeps, reads, waits for a mutex, computes,
 * is gone; and what is left when the system refuses.
 */
#include "t.h"
#include "valgrind.h"

#include "ffi/facts.h"

#if defined(__linux__) && !defined(FERRY_OS_posix)

#include <signal.h>
#include <sys/syscall.h>

#define ALL \
	(FACT_STATE | FACT_EXISTS | FACT_CALL | FACT_CPU | FACT_DELAY | \
	    FACT_TRACER | FACT_SIGNALS)

/* A thread, and how it is ended. */
struct subject {
	pthread_t thread;
	atom32 id;   /* 0: not known yet */
	atom32 stop; /* it is to end */
	int pipe[2];
	pthread_mutex_t *mutex;
};

static void
start(struct subject *s, void *(*run)(void *))
{
	atom32_store_relaxed(&s->id, 0);
	atom32_store_relaxed(&s->stop, 0);
	T_OK(pthread_create(&s->thread, NULL, run, s));
	T_WAIT_UNTIL(atom32_load_relaxed(&s->id) != 0, 10000);
}

static void
tell_id(struct subject *s)
{
	atom32_store_relaxed(&s->id, ferry__os_thread_id());
}

static struct facts
look(const struct subject *s, uint32_t wanted)
{
	struct facts f;

	memset(&f, 0xa5, sizeof f);
	ferry__facts_look(&f, atom32_load_relaxed(&s->id), wanted);
	return f;
}

/* Some kernels, sandboxes and emulators do not tell of calls. */
static bool
calls_are_told(void)
{
	struct facts f;

	ferry__facts_look(&f, ferry__os_thread_id(), FACT_CALL);
	return (f.known & FACT_CALL) != 0;
}

static void
wait_for_call(const struct subject *s, long number)
{
	struct facts f;

	T_WAIT_UNTIL((f = look(s, FACT_CALL), f.in_call && f.number == number),
	    10000);
}

/* --- where a thread may be --- */

static void *
run_read(void *arg)
{
	struct subject *s = arg;
	char c;

	tell_id(s);
	T_EQ(read(s->pipe[0], &c, 1), 1);
	return NULL;
}

static void *
run_lock(void *arg)
{
	struct subject *s = arg;

	tell_id(s);
	T_OK(pthread_mutex_lock(s->mutex));
	T_OK(pthread_mutex_unlock(s->mutex));
	return NULL;
}

static void *
run_spin(void *arg)
{
	struct subject *s = arg;

	tell_id(s);
	while (atom32_load_relaxed(&s->stop) == 0)
		continue;
	return NULL;
}

/* --- cases --- */

static void
blocked_in_read(void)
{
	struct subject s;
	struct facts f;
	char target[64], wanted[32];

	if (!calls_are_told())
		T_SKIP_CASE("the system does not tell of calls");
	T_OK(pipe(s.pipe));
	start(&s, run_read);
	wait_for_call(&s, SYS_read);
	f = look(&s, ALL);
	/* Not every kernel counts delays. */
	T_EQ(f.known | FACT_DELAY, ALL);
	T_EQ(f.state, 'S');
	T_ASSERT(f.exists);
	T_ASSERT(f.in_call);
	T_EQ(f.args[0], s.pipe[0]);
	T_EQ(f.args[2], 1);
	T_NE(f.sp, 0);
	T_NE(f.pc, 0);
	T_EQ(f.tracer, 0);
	T_STR(ferry__facts_call_name(f.number), "read");
	T_EQ(ferry__facts_call_descriptor(f.number), 0);
	T_ASSERT(!ferry__facts_call_is_futex(f.number, f.args));
	T_ASSERT(!ferry__facts_call_is_resumed(f.number));
	T_ASSERT(ferry__facts_call_is_resumed(SYS_restart_syscall));
	T_EQ(ferry__facts_call_awaits(f.number), FACTS_AWAITS_ANY);
	T_EQ(ferry__facts_call_awaits(SYS_clock_nanosleep),
	    FACTS_AWAITS_TIME);
	T_EQ(ferry__facts_call_awaits(SYS_clone), FACTS_AWAITS_START);
	T_EQ(ferry__facts_call_awaits(SYS_waitid), FACTS_AWAITS_PROCESS);
	T_ASSERT(
	    ferry__facts_descriptor(target, sizeof target, (int)f.args[0]));
	snprintf(wanted, sizeof wanted, "%.6s", target);
	T_STR(wanted, "pipe:[");
	T_EQ(target[strlen(target) - 1], ']');
	T_EQ(write(s.pipe[1], "", 1), 1);
	T_OK(pthread_join(s.thread, NULL));
	close(s.pipe[0]);
	close(s.pipe[1]);
}

static void
blocked_for_a_mutex(void)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	struct subject s = { .mutex = &m };
	struct facts f;

	if (!calls_are_told())
		T_SKIP_CASE("the system does not tell of calls");
	T_OK(pthread_mutex_lock(&m));
	start(&s, run_lock);
	wait_for_call(&s, SYS_futex);
	f = look(&s, FACT_CALL);
	T_ASSERT(ferry__facts_call_is_futex(f.number, f.args));
	T_EQ(ferry__facts_call_descriptor(f.number), -1);
	T_EQ(f.args[0], (uintptr_t)&m);
#ifdef __GLIBC__
	T_EQ(ferry__facts_lock_owner(f.args[0]), ferry__os_thread_id());
#endif
	T_OK(pthread_mutex_unlock(&m));
	T_OK(pthread_join(s.thread, NULL));
	T_EQ(ferry__facts_lock_owner((uintptr_t)&m), 0);
}

static void
running(void)
{
	struct subject s;
	struct facts f, g;

	start(&s, run_spin);
	f = look(&s, ALL);
	/* One that Valgrind runs waits for its turn in calls of Valgrind's. */
	if (RUNNING_ON_VALGRIND)
		T_WAIT_UNTIL((f = look(&s, ALL)).state == 'R' && !f.in_call,
		    10000);
	T_ASSERT(f.exists);
	T_ASSERT(!f.in_call);
	T_EQ(f.number, -1);
	T_EQ(f.state, 'R');
	do
		g = look(&s, ALL);
	while (g.cpu_ns == f.cpu_ns);
	T_GT(g.cpu_ns, f.cpu_ns);
	T_GE(g.delay_ns, f.delay_ns);
	atom32_store_relaxed(&s.stop, 1);
	T_OK(pthread_join(s.thread, NULL));
}

/* It blocks, and signals wait: as an FFI thread does. */
static void *
run_odd(void *arg)
{
	struct subject *s = arg;
	sigset_t set;
	char c;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMAX);
	T_OK(pthread_sigmask(SIG_SETMASK, &set, NULL));
	/* A name that looks like what follows it. */
	T_OK(pthread_setname_np(pthread_self(), ") R 1\n) Z 1 2"));
	tell_id(s);
	T_EQ(read(s->pipe[0], &c, 1), 1);
	return NULL;
}

static void
hear(int signo)
{
	(void)signo;
}

static void
odd_names_and_signals(void)
{
	struct subject s;
	struct facts f;

	T_OK(pipe(s.pipe));
	signal(SIGUSR2, hear);
	signal(SIGHUP, SIG_IGN);
	start(&s, run_odd);
	T_WAIT_UNTIL(look(&s, FACT_STATE).state == 'S', 10000);
	f = look(&s, FACT_SIGNALS);
	/* An emulator, and Valgrind, have signals of their own. */
	T_ASSERT(t_emulated() || RUNNING_ON_VALGRIND || f.blocked ==
	        (1ull << (SIGUSR1 - 1) | 1ull << (SIGRTMAX - 1)));
	T_NE(f.caught & 1ull << (SIGUSR2 - 1), 0);
	T_EQ(f.caught & 1ull << (SIGHUP - 1), 0);
	T_NE(f.ignored & 1ull << (SIGHUP - 1), 0);
	T_EQ(f.ignored & 1ull << (SIGUSR2 - 1), 0);
	T_EQ(write(s.pipe[1], "", 1), 1);
	T_OK(pthread_join(s.thread, NULL));
	signal(SIGHUP, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	close(s.pipe[0]);
	close(s.pipe[1]);
}

static void *
run_exit(void *arg)
{
	tell_id(arg);
	/* Not its own end, of which its libraries would hear. */
	syscall(SYS_exit, 0);
	return NULL;
}

/* Of a thread that is gone nothing is said but that. */
static void
gone(void)
{
	struct subject s;
	struct facts f;

	if (T_TSAN)
		T_SKIP_CASE("its run time must see a thread's end");
	start(&s, run_exit);
	T_WAIT_UNTIL(!look(&s, FACT_EXISTS).exists, 10000);
	f = look(&s, ALL);
	T_EQ(f.known, FACT_EXISTS);
	T_ASSERT(!f.exists);
	T_EQ(look(&s, ALL & ~FACT_EXISTS).known, 0);
	T_OK(pthread_join(s.thread, NULL));
}

/* Threads of others are nobody. */
static void
not_of_this_process(void)
{
	struct facts f;

	ferry__facts_look(&f, (uint32_t)getppid(), ALL);
	T_EQ(f.known, FACT_EXISTS);
	T_ASSERT(!f.exists);
	ferry__facts_look(&f, 0, ALL);
	T_EQ(f.known, 0);
	for (uint32_t id = UINT32_MAX; id >= 1u << 28; id >>= 1) {
		ferry__facts_look(&f, id, ALL);
		T_EQ(f.known, 0);
	}
}

static void
only_what_is_wanted(void)
{
	uint32_t self = ferry__os_thread_id();
	struct facts f;

	for (uint32_t want = 1; want <= FACT_SIGNALS; want <<= 1) {
		memset(&f, 0xa5, sizeof f);
		ferry__facts_look(&f, self, want);
		if (want != FACT_CALL && want != FACT_DELAY)
			T_EQ(f.known & want, want);
	}
	ferry__facts_look(&f, self, 0);
	T_EQ(f.known, 0);
}

/* ---- descriptors ---- */

static void
descriptors_are_told(void)
{
	char path[] = "/tmp/facts\nXXXXXX", seen[sizeof path], cut[5];
	int fd = mkstemp(path);

	T_GE(fd, 0);
	T_ASSERT(ferry__facts_descriptor(seen, sizeof seen, fd));
	T_EQ(seen[10], '?');
	seen[10] = '\n';
	T_STR(seen, path);
	T_ASSERT(ferry__facts_descriptor(cut, sizeof cut, fd));
	T_STR(cut, "/tmp");
	T_ASSERT(ferry__facts_descriptor(cut, 2, fd));
	T_STR(cut, "/");
	T_ASSERT(!ferry__facts_descriptor(cut, 1, fd));
	T_ASSERT(!ferry__facts_descriptor(cut, 0, fd));
	unlink(path);
	close(fd);
	T_ASSERT(!ferry__facts_descriptor(seen, sizeof seen, fd));
	T_ASSERT(!ferry__facts_descriptor(seen, sizeof seen, -1));
	T_ASSERT(!ferry__facts_descriptor(seen, sizeof seen, INT32_MIN));
}

/* The next free one is the same afterwards. */
static void
no_descriptor_is_kept(void)
{
	int before = dup(0), after;
	struct facts f;
	char buf[16];

	close(before);
	ferry__facts_look(&f, ferry__os_thread_id(), ALL);
	ferry__facts_descriptor(buf, sizeof buf, 0);
	ferry__facts_read(buf, (uintptr_t)&f, sizeof buf);
	ferry__facts_read(buf, 8, sizeof buf);
	after = dup(0);
	close(after);
	T_EQ(after, before);
}

/* ---- locks ---- */

#ifdef __GLIBC__

static void
owner_of(int type, int protocol, int robust)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	uintptr_t at = (uintptr_t)&m;

	T_OK(pthread_mutexattr_init(&attr));
	T_OK(pthread_mutexattr_settype(&attr, type));
	T_OK(pthread_mutexattr_setprotocol(&attr, protocol));
	T_OK(pthread_mutexattr_setrobust(&attr, robust));
	T_OK(pthread_mutex_init(&m, &attr));
	T_EQ(ferry__facts_lock_owner(at), 0);
	T_OK(pthread_mutex_lock(&m));
	T_EQ(ferry__facts_lock_owner(at), ferry__os_thread_id());
	T_OK(pthread_mutex_unlock(&m));
	T_EQ(ferry__facts_lock_owner(at), 0);
	T_OK(pthread_mutex_destroy(&m));
}

static void
owners(void)
{
	owner_of(
	    PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	owner_of(
	    PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	owner_of(
	    PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	if (!t_emulated())
		owner_of(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT,
		    PTHREAD_MUTEX_STALLED);
}

/* Whatever is at the address. */
static void
no_owners(void)
{
	union {
		pthread_mutex_t m;
		uint32_t words[sizeof(pthread_mutex_t) / 4];
	} u;
	uint32_t self = ferry__os_thread_id();

	memset(&u, 0, sizeof u);
	u.words[0] = 1;
	u.m.__data.__owner = (int)self;
	T_EQ(ferry__facts_lock_owner((uintptr_t)&u), self);
	/* A word that no lock has; nobody; one who is not of this process. */
	u.words[0] = 3;
	T_EQ(ferry__facts_lock_owner((uintptr_t)&u), 0);
	u.words[0] = 0;
	T_EQ(ferry__facts_lock_owner((uintptr_t)&u), 0);
	u.words[0] = 2;
	u.m.__data.__owner = getppid();
	T_EQ(ferry__facts_lock_owner((uintptr_t)&u), 0);
	memset(&u, 0xff, sizeof u);
	T_EQ(ferry__facts_lock_owner((uintptr_t)&u), 0);
	T_EQ(ferry__facts_lock_owner((uintptr_t)&u.words[1] + 1), 0);
	T_EQ(ferry__facts_lock_owner(0), 0);
	T_EQ(ferry__facts_lock_owner(UINT64_MAX - 7), 0);
}

#else

static void
owners(void)
{
	T_SKIP_CASE("another C library's mutexes");
}

#define no_owners owners

#endif

/* ---- what it costs ---- */

static void
cost(void)
{
	uint32_t self = ferry__os_thread_id();
	struct facts f;
	uint64_t from = t_now_ns();

	for (int i = 0; i < 1000; i++)
		ferry__facts_look(&f, self, ALL);
	printf("note: a look at all facts: %.1f us\n",
	    (double)(t_now_ns() - from) / 1e6);
}

T_MAIN(
	T_RUN(blocked_in_read);
	T_RUN(blocked_for_a_mutex);
	T_RUN(running);
	T_RUN(odd_names_and_signals);
	T_RUN(gone);
	T_RUN(not_of_this_process);
	T_RUN(only_what_is_wanted);
	T_RUN(descriptors_are_told);
	T_RUN(no_descriptor_is_kept);
	T_RUN(owners);
	T_RUN(no_owners);
	T_RUN(cost);
)

#else

T_MAIN(T_SKIP("facts are Linux' own");)

#endif
