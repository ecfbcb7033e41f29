/*
 * The seam to the system: sleep and wake, bells, barriers, threads that are
 * polite guests.
 */
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "ffi/os.h"

static bool
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* ---- sleeping ---- */

static void
no_sleep_on_another_value(void)
{
	atom32 word = { 5 };

	T_EQ(ferry__os_wait(&word, 4, OS_NEVER), OS_WOKEN);
}

/* Also a deadline in the past, and one that is not a number of seconds. */
static void
deadline_is_absolute(void)
{
	atom32 word = { 5 };
	uint64_t now = ferry__os_now_ns();

	T_EQ(ferry__os_wait(&word, 5, 0), OS_TIMEOUT);
	T_EQ(ferry__os_wait(&word, 5, now), OS_TIMEOUT);
	T_EQ(ferry__os_wait(&word, 5, now + 3000001), OS_TIMEOUT);
	T_GE(ferry__os_now_ns(), now + 3000001);
}

/* A product that overflows is a deadline in the past. */
static void
timeouts_do_not_overflow(void)
{
	static const int64_t for_ever[] = { -1, INT64_MIN, INT64_MAX,
		INT64_MAX - 1, INT64_MAX / 2, INT64_MAX / 1000000 };
	static const int64_t finite[] = { 0, 1, 1000, UINT32_MAX,
		INT64_MAX / 1000000 / 2 };
	uint64_t before, deadline;

	for (size_t i = 0; i < COUNT_OF(for_ever); i++)
		T_ASSERT(ferry__os_deadline_in(for_ever[i]) == OS_NEVER);
	for (size_t i = 0; i < COUNT_OF(finite); i++) {
		before = ferry__os_now_ns();
		deadline = ferry__os_deadline_in(finite[i]);
		T_ASSERT(deadline >= before + (uint64_t)finite[i] * 1000000u);
		T_ASSERT(deadline <= ferry__os_now_ns() +
		        (uint64_t)finite[i] * 1000000u);
	}
}

static atom32 shared;

static void *
sleeper(void *unused)
{
	(void)unused;
	/* pair(test) acquire. */
	while (atom32_load_acquire(&shared) == 0)
		ferry__os_wait(&shared, 0, OS_NEVER);
	return NULL;
}

static void
wake_reaches_all_it_should(void)
{
	pthread_t threads[3];

	atom32_store_relaxed(&shared, 0);
	for (int i = 0; i < 3; i++)
		threads[i] = t_thread_start(sleeper, NULL);
	atom32_store_release(&shared, 1); /* pair(test) release */
	ferry__os_wake(&shared, INT32_MAX);
	for (int i = 0; i < 3; i++)
		t_thread_join(threads[i]);
}

#define ROUNDS 20000

static atom32 turn;

static void *
second(void *unused)
{
	(void)unused;
	/* pair(test) acquire, release. */
	for (uint32_t i = 0; i < ROUNDS; i++) {
		while (atom32_load_acquire(&turn) != 2 * i + 1)
			ferry__os_wait(&turn, 2 * i, OS_NEVER);
		atom32_store_release(&turn, 2 * i + 2);
		ferry__os_wake(&turn, 1);
	}
	return NULL;
}

/* Between its look and its sleep as well: this side never sleeps, and is
 * late by about as long as the other one takes to get there. */
static void
every_wake_arrives(void)
{
	struct t_rng rng = { t_seed() };
	uint64_t late;
	pthread_t t;

	atom32_store_relaxed(&turn, 0);
	t = t_thread_start(second, NULL);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		late = t_now_ns() + t_rand_below(&rng, 600);
		while (t_now_ns() < late)
			;
		/* pair(test) release, acquire. */
		atom32_store_release(&turn, 2 * i + 1);
		ferry__os_wake(&turn, 1);
		for (unsigned n = 1; atom32_load_acquire(&turn) != 2 * i + 2;
		    n++)
			if (n % 4096 == 0)
				sched_yield();
	}
	t_thread_join(t);
}

#define MANY 70

static atom32 many[MANY], about_to;

static void *
one_of_many(void *arg)
{
	atom32 *word = arg;

	atom32_add_relaxed(&about_to, 1);
	/* pair(test) acquire. */
	while (atom32_load_acquire(word) == 0)
		ferry__os_wait(word, 0, OS_NEVER);
	return NULL;
}

/* More words than any table has places: two share one, and yet each call
 * wakes its own, also when that came last. */
static void
wakes_go_to_their_word(void)
{
	pthread_t threads[MANY];

	atom32_store_relaxed(&about_to, 0);
	for (int i = 0; i < MANY; i++) {
		atom32_store_relaxed(&many[i], 0);
		threads[i] = t_thread_start(one_of_many, &many[i]);
	}
	T_WAIT_UNTIL(atom32_load_relaxed(&about_to) == MANY, 10000);
	for (int i = MANY - 1; i >= 0; i--) {
		atom32_store_release(&many[i], 1); /* pair(test) release */
		ferry__os_wake(&many[i], 1);
		t_thread_join(threads[i]);
	}
}

static void
on_alarm(int unused)
{
	(void)unused;
}

static pthread_t interrupted;
static atom32 done;

static void *
interrupter(void *unused)
{
	(void)unused;
	/* Until one has found it asleep. pair(test) acquire. */
	while (atom32_load_acquire(&done) == 0) {
		pthread_kill(interrupted, SIGUSR1);
		t_sleep_ms(1);
	}
	return NULL;
}

/* Ctrl-C in a blocked interpreter: the wait says so, and ends. */
static void
signals_end_a_sleep(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	atom32 word = { 5 };
	pthread_t t;
	int fd;

	T_OK(sigaction(SIGUSR1, &sa, NULL));
	T_OK(ferry__os_bell_open(&fd));
	interrupted = pthread_self();
	atom32_store_relaxed(&done, 0);
	t = t_thread_start(interrupter, NULL);
	T_EQ(ferry__os_wait(&word, 5, OS_NEVER), OS_SIGNAL);
	T_EQ(ferry__os_bell_wait(fd, OS_NEVER), OS_SIGNAL);
	atom32_store_release(&done, 1); /* pair(test) release */
	t_thread_join(t);
	ferry__os_bell_close(fd);
}

static atom32 cancelled[2];
static int cancelled_bell;

/* Through all of it with a cancellation pending. */
static void *
uncancellable(void *unused)
{
	int fd;

	(void)unused;
	/* pair(test) release, acquire: cancelled in between, or during. */
	atom32_store_release(&cancelled[0], 1);
	ferry__os_wake(&cancelled[0], 1);
	while (atom32_load_acquire(&cancelled[1]) == 0)
		ferry__os_wait(&cancelled[1], 0, OS_NEVER);
	T_EQ(ferry__os_bell_wait(cancelled_bell, OS_NEVER), OS_WOKEN);
	ferry__os_wait(&cancelled[1], 1, ferry__os_now_ns() + 1000);
	T_OK(ferry__os_bell_open(&fd));
	ferry__os_bell_ring(fd);
	ferry__os_bell_clear(fd);
	ferry__os_bell_close(fd);
	atom32_store_relaxed(&cancelled[0], 2);
	pthread_testcancel();
	return NULL;
}

/* Whoever is cancelled inside Ferry would leave it as it is just then. */
static void
no_cancellation_points(void)
{
	pthread_t t;

	T_OK(ferry__os_bell_open(&cancelled_bell));
	atom32_store_relaxed(&cancelled[0], 0);
	atom32_store_relaxed(&cancelled[1], 0);
	t = t_thread_start(uncancellable, NULL);
	/* pair(test) acquire, release. */
	while (atom32_load_acquire(&cancelled[0]) == 0)
		ferry__os_wait(&cancelled[0], 0, OS_NEVER);
	T_OK(pthread_cancel(t));
	atom32_store_release(&cancelled[1], 1);
	ferry__os_wake(&cancelled[1], 1);
	ferry__os_bell_ring(cancelled_bell);
	T_ASSERT(t_thread_join(t) == PTHREAD_CANCELED);
	T_EQ(atom32_load_relaxed(&cancelled[0]), 2);
	ferry__os_bell_close(cancelled_bell);
}

/* ---- bells ---- */

static void
bell_is_readable_from_ring_to_clear(void)
{
	int fd = -1;

	T_OK(ferry__os_bell_open(&fd));
	T_ASSERT(!readable(fd));
	ferry__os_bell_clear(fd); /* does not block */
	for (int i = 0; i < 3; i++)
		ferry__os_bell_ring(fd);
	T_ASSERT(readable(fd));
	T_EQ(ferry__os_bell_wait(fd, OS_NEVER), OS_WOKEN);
	T_ASSERT(readable(fd));
	ferry__os_bell_clear(fd);
	T_ASSERT(!readable(fd));
	T_EQ(ferry__os_bell_wait(fd, 0), OS_TIMEOUT);
	T_EQ(ferry__os_bell_wait(fd, ferry__os_now_ns() + 1000000),
	    OS_TIMEOUT);
	ferry__os_bell_close(fd);
}

/* A full one must not block the ringer. An eventfd is full after one write; a
 * pipe's read end takes none, and 65536 rings or less. */
static void
bell_rings_when_full(void)
{
	uint64_t most = UINT64_MAX - 1;
	int fd, rings = 1;

	T_OK(ferry__os_bell_open(&fd));
	if (write(fd, &most, sizeof most) < 0) {
		T_EQ(errno, EBADF);
		rings = 70000;
	}
	while (rings-- > 0)
		ferry__os_bell_ring(fd);
	T_ASSERT(readable(fd));
	ferry__os_bell_clear(fd);
	T_ASSERT(!readable(fd));
	ferry__os_bell_ring(fd);
	T_ASSERT(readable(fd));
	ferry__os_bell_close(fd);
}

/* Not inherited by what the host executes; an error, not a crash, when there
 * is none left. */
static void
bell_is_a_polite_descriptor(void)
{
	struct rlimit before, none;
	int fd = -1;

	T_OK(ferry__os_bell_open(&fd));
	T_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ferry__os_bell_close(fd);
	T_EQ(fcntl(fd, F_GETFD), -1);
	T_OK(getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = 0;
	T_OK(setrlimit(RLIMIT_NOFILE, &none));
	fd = -7;
	T_EQ(ferry__os_bell_open(&fd), EMFILE);
	T_EQ(fd, -7);
	T_OK(setrlimit(RLIMIT_NOFILE, &before));
}

/* ---- threads ---- */

static sigset_t mask_seen;

static void *
look_at_mask(void *arg)
{
	char name[16];

	T_ASSERT(arg == &mask_seen);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_seen);
	ferry__os_thread_name("a name of more than fifteen");
	T_OK(pthread_getname_np(pthread_self(), name, sizeof name));
	T_STR(name, "a name of more ");
	return NULL;
}

/* Law 11: the host's signals are the host's, its own mask is untouched. */
static void
threads_block_signals(void)
{
	static const int synchronous[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGTRAP, SIGABRT, SIGSYS };
	static const int asynchronous[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM,
		SIGCHLD, SIGUSR1, SIGUSR2, SIGPIPE, SIGPROF, SIGWINCH };
	sigset_t before, after;
	pthread_t t;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	T_OK(ferry__os_thread_start(&t, look_at_mask, &mask_seen, 0));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	t_thread_join(t);
	for (size_t i = 0; i < COUNT_OF(synchronous); i++)
		T_EQ(sigismember(&mask_seen, synchronous[i]), 0);
	for (size_t i = 0; i < COUNT_OF(asynchronous); i++) {
		T_EQ(sigismember(&mask_seen, asynchronous[i]), 1);
		T_EQ(sigismember(&before, asynchronous[i]),
		    sigismember(&after, asynchronous[i]));
	}
}

static void
impossible_stacks(void)
{
	sigset_t before, after;
	pthread_t t;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	T_NE(ferry__os_thread_start(&t, look_at_mask, &mask_seen, 1), 0);
	if (!T_TSAN && !T_ASAN)
		T_NE(ferry__os_thread_start(&t, look_at_mask, &mask_seen,
		         (size_t)1 << 60), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	T_EQ(sigismember(&after, SIGUSR1), sigismember(&before, SIGUSR1));
}

/* ---- the asymmetric fence ---- */

#define HEAVY 5000
#define LIGHT 4000000

/* Each side counts up its word and writes down what it sees of the other's. */
static struct {
	ON_OWN_LINE atom32 light;
	ON_OWN_LINE atom32 heavy;
	ON_OWN_LINE atom32 over;
	uint32_t light_saw[LIGHT + 2];
	uint32_t heavy_saw[HEAVY + 1];
} fence;

static void *
light_side(void *unused)
{
	uint32_t i;

	(void)unused;
	for (i = 1; i <= LIGHT && atom32_load_relaxed(&fence.over) == 0; i++) {
		atom32_store_relaxed(&fence.light, i);
		ferry__os_barrier_light();
		fence.light_saw[i] = atom32_load_relaxed(&fence.heavy);
	}
	/* Whoever comes later sees it all. */
	fence.light_saw[i] = UINT32_MAX;
	return NULL;
}

/*
 * Both blind: a cancel that nobody sees. When the heavy side's look j found
 * the light word at i, then the light side's look i + 1, whose store it has
 * missed, must have found the heavy word at j at least.
 */
static void
one_of_both_sees_the_other(void)
{
	pthread_t t;
	uint32_t last = 0, n = 0, waited = 0;

	ferry__os_start();
	t = t_thread_start(light_side, NULL);
	for (uint32_t j = 1; j <= HEAVY && last < LIGHT; n = j++) {
		/* Only while the other one runs is there anything to see. */
		while (atom32_load_relaxed(&fence.light) == last)
			if (++waited % 1024 == 0)
				sched_yield();
		atom32_store_relaxed(&fence.heavy, j);
		ferry__os_barrier_heavy();
		last = atom32_load_relaxed(&fence.light);
		fence.heavy_saw[j] = last;
	}
	atom32_store_relaxed(&fence.over, 1);
	t_thread_join(t);
	for (uint32_t j = 1; j <= n; j++)
		T_GE(fence.light_saw[fence.heavy_saw[j] + 1], j);
}

static void
started_more_than_once(void)
{
	bool asymmetric;

	ferry__os_start();
	asymmetric = ferry__os_asymmetric;
	ferry__os_start();
	T_EQ(ferry__os_asymmetric, asymmetric);
	T_NE(ferry__os_thread_id(), 0);
	T_LE(ferry__os_now_ns(), ferry__os_now_ns());
}

/* Those of one seam alone. */
#ifndef OS_CASES
#define OS_CASES
#endif

T_MAIN(
	T_RUN(no_sleep_on_another_value);
	T_RUN(deadline_is_absolute);
	T_RUN(timeouts_do_not_overflow);
	T_RUN(wake_reaches_all_it_should);
	T_RUN(every_wake_arrives);
	T_RUN(wakes_go_to_their_word);
	T_RUN(signals_end_a_sleep);
	T_RUN(no_cancellation_points);
	T_RUN(bell_is_readable_from_ring_to_clear);
	T_RUN(bell_rings_when_full);
	T_RUN(bell_is_a_polite_descriptor);
	T_RUN(threads_block_signals);
	T_RUN(impossible_stacks);
	T_RUN(one_of_both_sees_the_other);
	T_RUN(started_more_than_once);
	OS_CASES
)
