/*
 * Coroutines: a function on a stack of its own that can be left in the middle
 * and gone on with later. The lowest layer of handlers that wait; it knows of
 * no request and no worker.
 *
 * Asymmetric: resume() goes in, suspend() comes back to whoever resumed. A
 * coroutine may resume others; each comes back to its own resumer. All
 * coroutines of one *owner* run on one thread, one at a time. A switch neither
 * allocates nor calls the system.
 *
 * What belongs to a coroutine and what to its thread:
 *
 *	stack, callee-saved registers	the coroutine's
 *	x86: MXCSR, x87 control word	the coroutine's; at first those of who
 *					started it (arm64: the thread's FPCR)
 *	pthread_cleanup_push()		the coroutine's: it may suspend before
 *					the pop
 *	errno				the thread's: a suspend may change it
 *	signal mask, TLS, its name	the thread's
 *	C++ exceptions being handled	the thread's: no suspend in a catch
 *					block; thrown and caught between two
 *					suspends, they work as anywhere
 *
 * No exception and no longjmp() may leave a coroutine, nor a longjmp() lead
 * into one. pthread_exit() and a deferred cancellation in one end the thread
 * as if its frames lay on top of the resumer's: the coroutine's clean-up
 * handlers run on its stack, it is then ended and `lost`, and the resumer's
 * run on the resumer's, when its stack is the thread's on that. (With glibc.
 * Elsewhere the handlers may all run on the coroutine's stack, which must then
 * stay.) Asynchronous cancellation is not for threads that run coroutines.
 */
#ifndef FERRY_FFI_CORO_H
#define FERRY_FFI_CORO_H

#include <pthread.h>
#include <stdbool.h>

#include "ffi/stack.h"

struct coro;

/* What the coroutines of one thread have in common. */
struct coro_owner {
	struct coro *current; /* who runs; NULL: the thread's own stack */
	bool told;            /* a sanitizer is told of each switch */
	pthread_t thread;
};

enum coro_state {
	CORO_SUSPENDED, /* also: started, and never resumed */
	CORO_RUNNING,   /* or waiting for a coroutine that it has resumed */
	CORO_OUT,       /* its function is running on the thread's stack */
	CORO_ENDED,     /* run() has returned, or its thread ended: `lost` */
	CORO_LOST       /* on its way there */
};

/* Embedded in its user, who keeps it until it has ended or is dropped. */
struct coro {
	void *context;          /* where the side that waits goes on */
	struct coro_owner *owner;
	struct coro *from;      /* who resumed it; NULL: the thread */
	struct stack *stack;
	enum coro_state state;
	bool lost;
	bool out_done;
	void (*run)(struct coro *, void *);
	void *arg;
	void (*out)(void *);
	void *out_arg;
	/* For sanitizers; they have no cost without one. */
	void *fake, *from_fake; /* ASan's shadows of the two stacks */
	const void *from_low;
	size_t from_size;
	void *fiber, *from_fiber; /* TSan's */
};

/* The calling thread's. */
void ferry__coro_owner_open(struct coro_owner *owner);

/*
 * The calling thread takes the place of the owner's former one, which has
 * ended or is past all its coroutines: they go on here. What was running, or
 * resumed others, when that thread ended is lost; the rest is suspended.
 *
 * A function that suspends may have kept the address of something thread-local
 * (errno, too) from before, where the compiler saw fit.
 */
void ferry__coro_adopt(struct coro_owner *owner);

/* It runs from its first resume on. The stack is lent until it has ended. */
void ferry__coro_start(struct coro *co, struct coro_owner *owner,
    struct stack *stack, void (*run)(struct coro *, void *), void *arg);

static inline bool
ferry__coro_ended(const struct coro *co)
{
	return co->state == CORO_ENDED;
}

/*
 * Of the running coroutine itself: runs fn on the thread's own stack, under
 * whatever frames of the thread and of other coroutines there are, and comes
 * back. fn may resume others, which may do the same. False if fn ended the
 * thread: then this returns under its successor.
 */
bool ferry__coro_call_out(struct coro *co, void (*fn)(void *), void *arg);

/* A suspended one will not be resumed: what its frames held stays as it is,
 * and its stack can be given back. */
void ferry__coro_drop(struct coro *co);

/* ----------------------------------------------------- the switch itself */

/*
 * Inlined, both ways. A processor predicts where a function returns to from
 * the calls that it has seen, and a switch is none: the first return on the
 * other side is predicted wrong, and each return that would follow in here
 * too, 7 ns each.
 */

/* What a jump hands to the other side: who came from where, and `data`. */
struct coro_transfer {
	void *context;
	void *data;
};

/* Boost.Context's; see coro.c. */
__attribute__((visibility("hidden"))) extern struct coro_transfer
ferry__fcontext_jump(void *to, void *data);

/* The list of clean-up handlers, as it was on the side that waits (coro.c). */
#ifdef __GLIBC__
struct coro_keep {
	__pthread_unwind_buf_t record;
};

/* What pthread_cleanup_push() and pop() are made of in C, for a record that
 * nobody jumps to. No signal finds it: cancellation is deferred. */
static inline void
ferry__coro_keep(struct coro_keep *k)
{
	__pthread_register_cancel(&k->record);
}

static inline void
ferry__coro_put_back(struct coro_keep *k)
{
	__pthread_unregister_cancel(&k->record);
}
#else
struct coro_keep {
	char none;
};

static inline void
ferry__coro_keep(struct coro_keep *k)
{
	(void)k;
}

static inline void
ferry__coro_put_back(struct coro_keep *k)
{
	(void)k;
}
#endif

/* The same where a sanitizer must be told. */
void ferry__coro_enter_told(struct coro *co);
void ferry__coro_leave_told(struct coro *co);

/* After a resume that has neither simply suspended nor simply ended. */
void ferry__coro_back_slow(struct coro *co, struct coro_keep *k);

static ALWAYS_INLINE void
ferry__coro_jump(struct coro *co)
{
	co->context = ferry__fcontext_jump(co->context, co).context;
}

static ALWAYS_INLINE void
ferry__coro_enter(struct coro *co, struct coro_keep *k)
{
	struct coro_owner *owner = co->owner;

	co->state = CORO_RUNNING;
	owner->current = co;
	ferry__coro_keep(k);
	if (UNLIKELY(owner->told))
		ferry__coro_enter_told(co);
	else
		ferry__coro_jump(co);
	ferry__coro_put_back(k);
	owner->current = co->from;
}

static ALWAYS_INLINE void
ferry__coro_leave(struct coro *co, enum coro_state state)
{
	struct coro_keep k;

	ASSERT_DEBUG(co->owner->current == co);
	co->state = state;
	ferry__coro_keep(&k);
	if (UNLIKELY(co->owner->told))
		ferry__coro_leave_told(co);
	else
		ferry__coro_jump(co);
	ferry__coro_put_back(&k);
}

/*
 * From the owner's thread, also in another coroutine: returns when it suspends
 * or ends. When the thread is ended in there, it does not return: the caller's
 * clean-up handlers run.
 */
static ALWAYS_INLINE void
ferry__coro_resume(struct coro *co)
{
	struct coro_keep k;

	ASSERT(co->state == CORO_SUSPENDED);
	ASSERT_DEBUG(pthread_equal(co->owner->thread, pthread_self()));
	co->from = co->owner->current;
	ferry__coro_enter(co, &k);
	if (co->state == CORO_SUSPENDED ||
	    (LIKELY(co->state == CORO_ENDED) && !co->owner->told))
		return;
	ferry__coro_back_slow(co, &k);
}

/* Of the running coroutine itself. */
static ALWAYS_INLINE void
ferry__coro_suspend(struct coro *co)
{
	ferry__coro_leave(co, CORO_SUSPENDED);
}

#endif
