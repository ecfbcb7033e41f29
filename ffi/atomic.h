/*
 * Atomics with the memory order in the name, on wrapper types, so that plain
 * access to a shared word does not compile.
 *
 * C11 atomics, not ck_pr: ThreadSanitizer understands these. The scheme is
 * atom<width>_<operation>_<order>; `p` is a pointer's width. Every use that
 * is not relaxed carries a comment with the name of its ordering edge; the
 * edges are listed in docs/ordering.md.
 */
#ifndef FERRY_FFI_ATOMIC_H
#define FERRY_FFI_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ffi/base.h"

typedef struct {
	_Atomic uint32_t v;
} atom32;
typedef struct {
	_Atomic uint64_t v;
} atom64;
typedef struct {
	_Atomic(void *) v;
} atomp;

#define ATOM_LOAD(T, W, order, mo) \
	static inline T W##_load_##order(const W *a) \
	{ \
		return atomic_load_explicit(&((W *)(uintptr_t)a)->v, mo); \
	}
#define ATOM_STORE(T, W, order, mo) \
	static inline void W##_store_##order(W *a, T v) \
	{ \
		atomic_store_explicit(&a->v, v, mo); \
	}
#define ATOM_XCHG(T, W, order, mo) \
	static inline T W##_xchg_##order(W *a, T v) \
	{ \
		return atomic_exchange_explicit(&a->v, v, mo); \
	}
/* Strong; *expected is overwritten with what was found. */
#define ATOM_CAS(T, W, order, mo, fail) \
	static inline bool W##_cas_##order(W *a, T *expected, T v) \
	{ \
		return atomic_compare_exchange_strong_explicit( \
		    &a->v, expected, v, mo, fail); \
	}
#define ATOM_RMW(T, W, op, order, mo) \
	static inline T W##_##op##_##order(W *a, T v) \
	{ \
		return atomic_fetch_##op##_explicit(&a->v, v, mo); \
	}
#define ATOM_ANY(T, W) \
	ATOM_LOAD(T, W, relaxed, memory_order_relaxed) \
	ATOM_LOAD(T, W, acquire, memory_order_acquire) \
	ATOM_LOAD(T, W, seqcst, memory_order_seq_cst) \
	ATOM_STORE(T, W, relaxed, memory_order_relaxed) \
	ATOM_STORE(T, W, release, memory_order_release) \
	ATOM_STORE(T, W, seqcst, memory_order_seq_cst) \
	ATOM_XCHG(T, W, acqrel, memory_order_acq_rel) \
	ATOM_XCHG(T, W, seqcst, memory_order_seq_cst) \
	ATOM_CAS(T, W, relaxed, memory_order_relaxed, memory_order_relaxed) \
	ATOM_CAS(T, W, acqrel, memory_order_acq_rel, memory_order_acquire) \
	ATOM_CAS(T, W, seqcst, memory_order_seq_cst, memory_order_seq_cst)
#define ATOM_NUMBER(T, W) \
	ATOM_ANY(T, W) \
	ATOM_RMW(T, W, add, relaxed, memory_order_relaxed) \
	ATOM_RMW(T, W, add, acqrel, memory_order_acq_rel) \
	ATOM_RMW(T, W, add, seqcst, memory_order_seq_cst) \
	ATOM_RMW(T, W, sub, relaxed, memory_order_relaxed) \
	ATOM_RMW(T, W, sub, acqrel, memory_order_acq_rel) \
	ATOM_RMW(T, W, sub, seqcst, memory_order_seq_cst) \
	ATOM_RMW(T, W, or, acqrel, memory_order_acq_rel) \
	ATOM_RMW(T, W, or, seqcst, memory_order_seq_cst) \
	ATOM_RMW(T, W, and, acqrel, memory_order_acq_rel) \
	ATOM_RMW(T, W, and, seqcst, memory_order_seq_cst)

ATOM_NUMBER(uint32_t, atom32)
ATOM_NUMBER(uint64_t, atom64)
ATOM_ANY(void *, atomp)

/* A full fence, and its compiler-only half (os.h has what they are for). */
static inline void
atom_fence_seqcst(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

static inline void
compiler_barrier(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * A counter that one thread writes and many read. The release store and the
 * acquire load keep a snapshot's order of reading (docs/ordering.md, counter):
 * whoever sees an outcome counted also sees its start and submit counted.
 */
typedef struct {
	atom64 n;
} count_single;

static inline void
count_single_add(count_single *c, uint64_t n)
{
	/* pair(counter) release: what was counted before is seen before. */
	atom64_store_release(&c->n, atom64_load_relaxed(&c->n) + n);
}

static inline uint64_t
count_read(const atom64 *n)
{
	/* pair(counter) acquire: read outcomes first, submits last. */
	return atom64_load_acquire(n);
}

/* A counter that any thread may add to: the rare paths. */
static inline void
count_shared_add(atom64 *c, uint64_t n)
{
	/* pair(counter) acq_rel, as count_single_add(). */
	atom64_add_acqrel(c, n);
}

/*
 * ThreadSanitizer's view of a hand-over through a structure whose atomics it
 * cannot see (CK's): mark the object before and after, nothing otherwise.
 */
#if defined(__SANITIZE_THREAD__)
#define FERRY__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FERRY__TSAN 1
#endif
#endif

#ifdef FERRY__TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define HANDOVER_GIVE(object) __tsan_release(object)
#define HANDOVER_TAKE(object) __tsan_acquire(object)
#else
#define HANDOVER_GIVE(object) ((void)(object))
#define HANDOVER_TAKE(object) ((void)(object))
#endif

/* Asks for a line to be written soon: owned, not shared. x86-64 knows the
 * instruction everywhere, compilers only use it when told so. */
static inline void
prefetch_write(const void *p)
{
#if defined(__x86_64__)
	/* Not "m": nothing is read, and it may point anywhere. */
	__asm__ __volatile__("prefetchw (%0)" ::"r"(p));
#else
	__builtin_prefetch(p, 1);
#endif
}

static inline void
cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#else
	__asm__ __volatile__("" ::: "memory");
#endif
}

#endif
