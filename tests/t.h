/*
 * tests/t.h: what every test program of Ferry shares.
 *
 * A program is a list of cases:
 *
 *	static void
 *	push_then_drain(void)
 *	{
 *		T_EQ(drain(&bank), 1);
 *	}
 *
 *	T_MAIN(
 *		T_RUN(push_then_drain);
 *		T_RUN(close_refuses);
 *	)
 *
 * `prog` runs them in order, `prog NAME` one of them, `prog -l` lists them.
 * The first assertion that fails, on any thread or in a forked child, names
 * its place and ends the process with 1. Exit 77 means skipped.
 *
 * Assertions are never compiled out. Wait for an event wherever there is one;
 * T_WAIT_UNTIL polls and is for the places where there is none. Multiply every
 * time that is an upper bound by t_slow() (T_WAIT_UNTIL does it itself).
 *
 * Environment: T_SLOW a slower machine's factor, T_SEED the seed of t_seed(),
 * T_WRAP what the program is run by.
 * A comment with T_LIMIT= and a number of seconds in the program's source
 * changes its time limit (tests/run).
 */
#ifndef T_H
#define T_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define T__FN static inline __attribute__((unused))

/* --- Failing ----------------------------------------------------------- */

/* What a program that defines it has to say about a failure, after its text;
 * on the thread that failed. */
extern void t_on_fail(void) __attribute__((weak));

/* dprintf and _exit: nothing buffered, no exit handlers, safe in a child. */
__attribute__((noreturn, format(printf, 3, 4))) T__FN void
t_fail(const char *file, int line, const char *fmt, ...)
{
	char text[1024];
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	__builtin_va_end(ap);
	dprintf(2, "%s:%d: %s\n", file, line, text);
	if (t_on_fail != NULL)
		t_on_fail();
	_exit(1);
}

#define T_FAIL(...) t_fail(__FILE__, __LINE__, __VA_ARGS__)

#define T_ASSERT(cond) \
	((cond) ? (void)0 : T_FAIL("T_ASSERT(%s)", #cond))

T__FN void
t__int(const char *file, int line, const char *what, int ok, intmax_t a,
    intmax_t b)
{
	if (!ok)
		t_fail(file, line, "%s: %jd (%#jx) and %jd (%#jx)", what, a,
		    (uintmax_t)a, b, (uintmax_t)b);
}

/* Each side is evaluated once. */
#define T__CMP(a, op, b, what) \
	do { \
		intmax_t t__a = (intmax_t)(a), t__b = (intmax_t)(b); \
		t__int(__FILE__, __LINE__, what, t__a op t__b, t__a, t__b); \
	} while (0)

#define T_EQ(a, b) T__CMP(a, ==, b, "T_EQ(" #a ", " #b ")")
#define T_NE(a, b) T__CMP(a, !=, b, "T_NE(" #a ", " #b ")")
#define T_LT(a, b) T__CMP(a, <, b, "T_LT(" #a ", " #b ")")
#define T_LE(a, b) T__CMP(a, <=, b, "T_LE(" #a ", " #b ")")
#define T_GT(a, b) T__CMP(a, >, b, "T_GT(" #a ", " #b ")")
#define T_GE(a, b) T__CMP(a, >=, b, "T_GE(" #a ", " #b ")")
/* A call that must return 0. */
#define T_OK(call) T__CMP(call, ==, 0, "T_OK(" #call ")")

T__FN void
t__str(const char *file, int line, const char *what, const char *a,
    const char *b)
{
	if (a == b || (a && b && strcmp(a, b) == 0))
		return;
	t_fail(file, line, "%s: \"%s\" and \"%s\"", what, a ? a : "(null)",
	    b ? b : "(null)");
}

#define T_STR(a, b) \
	t__str(__FILE__, __LINE__, "T_STR(" #a ", " #b ")", (a), (b))

#define T_MEM(a, b, size) \
	(memcmp((a), (b), (size)) == 0 ? (void)0 : \
	    T_FAIL("T_MEM(%s, %s, %s)", #a, #b, #size))

/* --- Cases ------------------------------------------------------------- */

static struct {
	const char *only;
	int list, ran, skipped;
} t__state __attribute__((unused));

T__FN int
t__case(const char *name)
{
	if (t__state.list) {
		dprintf(1, "%s\n", name);
		return 0;
	}
	if (t__state.only && strcmp(t__state.only, name) != 0)
		return 0;
	t__state.ran++;
	dprintf(1, "%s\n", name);
	return 1;
}

#define T_RUN(fn) \
	do { \
		if (t__case(#fn)) \
			fn(); \
	} while (0)

/* Leaves the case it stands in; a program all of whose cases do, skips. */
#define T_SKIP_CASE(why) \
	do { \
		dprintf(1, "skip: %s\n", (why)); \
		t__state.skipped++; \
		return; \
	} while (0)

/* Leaves the program. */
#define T_SKIP(why) \
	do { \
		dprintf(1, "skip: %s\n", (why)); \
		exit(77); \
	} while (0)

T__FN void
t_begin(int argc, char **argv)
{
	t__state.list = argc > 1 && strcmp(argv[1], "-l") == 0;
	if (argc > 1)
		t__state.only = argv[1];
}

T__FN int
t_end(void)
{
	if (t__state.list)
		return 0;
	if (t__state.ran == 0)
		T_FAIL("no case named %s",
		    t__state.only ? t__state.only : "(any)");
	return t__state.skipped == t__state.ran ? 77 : 0;
}

#define T_MAIN(...) \
	int \
	main(int argc, char **argv) \
	{ \
		t_begin(argc, argv); \
		__VA_ARGS__ \
		return t_end(); \
	}

/* --- Time -------------------------------------------------------------- */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define T_TSAN 1
#elif __has_feature(address_sanitizer)
#define T_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define T_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define T_ASAN 1
#endif
#ifndef T_TSAN
#define T_TSAN 0
#endif
#ifndef T_ASAN
#define T_ASAN 0
#endif

/* Built with OS=posix: thread ids are not the system's. */
#ifdef FERRY_OS_posix
#define T_PORTABLE 1
#else
#define T_PORTABLE 0
#endif

/* How much longer than planned a thing may take here; at least 1. */
T__FN int
t_slow(void)
{
	const char *env = getenv("T_SLOW");
	int slow = env ? atoi(env) : 0;

	if (slow < 1)
		slow = T_TSAN ? 10 : T_ASAN ? 3 : 1;
	return slow;
}

/* Run by an emulator of programs (make check-arm64). */
T__FN int
t_emulated(void)
{
	const char *wrap = getenv("T_WRAP");

	return wrap != NULL && strncmp(wrap, "qemu", 4) == 0;
}

T__FN uint64_t
t_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

T__FN void
t_sleep_ms(unsigned ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		;
}

/*
 * 1 as soon as cond holds, 0 when it did not within ms (times t_slow()).
 * Looks at cond once a millisecond, and once more after the time is up.
 */
#define t_wait_until(cond, ms) \
	(__extension__({ \
		uint64_t t__end = t_now_ns() + \
		    (uint64_t)(ms) * 1000000 * (uint64_t)t_slow(); \
		int t__late = 0, t__yes; \
		while (!(t__yes = !!(cond)) && !t__late) { \
			t__late = t_now_ns() >= t__end; \
			t_sleep_ms(1); \
		} \
		t__yes; \
	}))

#define T_WAIT_UNTIL(cond, ms) \
	(t_wait_until(cond, ms) ? (void)0 : \
	    T_FAIL("not within %d ms: %s", (int)(ms) * t_slow(), #cond))

/* --- Threads ----------------------------------------------------------- */

T__FN pthread_t
t_thread_start(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, fn, arg);

	if (r != 0)
		T_FAIL("pthread_create: %s", strerror(r));
	return t;
}

T__FN void *
t_thread_join(pthread_t t)
{
	void *result;
	int r = pthread_join(t, &result);

	if (r != 0)
		T_FAIL("pthread_join: %s", strerror(r));
	return result;
}

/* --- Random numbers: splitmix64; one generator per thread -------------- */

struct t_rng {
	uint64_t state;
};

/* The run's seed, the same each time unless T_SEED says otherwise. */
T__FN uint64_t
t_seed(void)
{
	const char *env = getenv("T_SEED");

	return env ? strtoull(env, NULL, 0) : 1;
}

T__FN uint64_t
t_rand(struct t_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 … n − 1; n is not 0. */
T__FN uint64_t
t_rand_below(struct t_rng *rng, uint64_t n)
{
	return t_rand(rng) % n;
}

/* --- Stress programs: `prog [threads [iterations [seed]]]` ------------- */

struct t_stress {
	unsigned threads;
	uint64_t iters, seed;
};

/* The arguments where given, else what def says; printed, to be repeated. */
T__FN struct t_stress
t_stress_args(int argc, char **argv, struct t_stress def)
{
	if (argc > 1)
		def.threads = (unsigned)strtoul(argv[1], NULL, 0);
	if (argc > 2)
		def.iters = strtoull(argv[2], NULL, 0);
	if (argc > 3)
		def.seed = strtoull(argv[3], NULL, 0);
	if (def.threads == 0 || def.iters == 0)
		T_FAIL("usage: %s [threads [iterations [seed]]]", argv[0]);
	dprintf(1, "threads %u, iterations %ju, seed %ju\n", def.threads,
	    (uintmax_t)def.iters, (uintmax_t)def.seed);
	return def;
}

#endif
