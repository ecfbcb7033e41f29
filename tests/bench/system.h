/*
 * What the benches need of the machine: a clock, pauses, processors, and what
 * the kernel counts about our threads.
 */
#ifndef BENCH_SYSTEM_H
#define BENCH_SYSTEM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

static inline uint64_t
bench_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The processor time that the calling thread has had: others that take their
 * turn on its processor do not count. A system call. */
static inline uint64_t
bench_thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Tells the processor that this is a spin loop. */
static inline void
bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

/*
 * Waits for room or for an answer: pauses, and gives the processor away every
 * 64th time, since whoever is waited for may need this very one.
 */
typedef struct bench_backoff {
	unsigned spins;
} bench_backoff;

void bench_backoff_yield(void);

static inline void
bench_backoff_step(bench_backoff *backoff)
{
	if (++backoff->spins % 64 == 0)
		bench_backoff_yield();
	else
		bench_pause();
}

/* Sleeps while *word is `expected`; returns at once, or early, otherwise. */
void bench_futex_wait(_Atomic uint32_t *word, uint32_t expected);

/* Wakes one sleeper. */
void bench_futex_wake(_Atomic uint32_t *word);

/* Ends the program with a message: a bench that lost its footing has no
 * figures to give. */
_Noreturn void bench_die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#define BENCH_LINE 128 /* bytes: two lines, the prefetcher takes pairs */

/* `size` zeroed and touched bytes on cache lines of their own. Released by
 * free(). Never NULL. */
void *bench_alloc(size_t size);

/* Processors this process may run on, found once at the start. */
unsigned bench_cpu_count(void);

/* Pins a thread (0: the caller) to the nth of those processors. */
void bench_cpu_pin(pid_t thread, unsigned nth);

/* Undoes it for the calling thread. */
void bench_cpu_unpin(void);

/* The processor's name, for the report. */
void bench_cpu_name(char *text, size_t size);

/*
 * The threads of this process, in no order, at most `capacity`; returns how
 * many there are. With one list from before start() and one from after it, a
 * contender's threads are known without its help.
 */
unsigned bench_threads(pid_t *out, unsigned capacity);

/*
 * How often a thread has been switched away from, of its own will or not: 0
 * more over a while says that it did not run at all.
 */
uint64_t bench_thread_switches(pid_t thread);

/* Resident memory of this process, bytes. */
uint64_t bench_resident(void);

#endif
