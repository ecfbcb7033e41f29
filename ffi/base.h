/*
 * What every file of Ferry needs: compiler words, asserts, thread-local
 * storage, and the distance at which two threads stop disturbing each other.
 */
#ifndef FERRY_FFI_BASE_H
#define FERRY_FFI_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Words written by different threads keep this distance, in bytes. Two lines
 * of 64, because the adjacent-line prefetcher pulls pairs; one falsely shared
 * line cost three quarters of the throughput.
 */
#define LINE 128
#define ON_OWN_LINE _Alignas(LINE)

/*
 * Initial-exec: the first touch of ordinary TLS in a loaded library calls
 * malloc, which a submit may not. The budget of that model is small; the lint
 * holds the library to 512 bytes.
 */
#define FERRY__TLS _Thread_local __attribute__((tls_model("initial-exec")))

/*
 * Of a variable that hot paths read: without it a declaration is of a symbol
 * that may be anywhere, and each look goes by way of the offset table.
 */
#define HIDDEN __attribute__((visibility("hidden")))

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD        __attribute__((cold, noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Misuse by a caller is answered by an error, never by an assert: these are
 * for bugs of Ferry itself. ASSERT is for the paths where a test costs
 * nothing and is always compiled; ASSERT_DEBUG is for the hot ones.
 */
#define ASSERT(x) \
	do { \
		if (UNLIKELY(!(x))) \
			ferry__bug(__FILE__, __LINE__, #x); \
	} while (0)

#ifdef FERRY_DEBUG
#define ASSERT_DEBUG(x) ASSERT(x)
#else
#define ASSERT_DEBUG(x) ((void)sizeof(!(x)))
#endif

static inline _Noreturn void
ferry__bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "libferry: bug at %s:%d: %s\n", file, line, what);
	abort();
}

#endif
