/*
 * Coroutines over Boost.Context's C functions.
 *
 * Threads: those of an owner are used by one thread at a time.
 *
 * The bottom of a coroutine's stack. Unwinding ends in entry(): its frame says
 * that it has no caller. glibc ends a thread by unwinding from clean-up record
 * to clean-up record, and the thread has *one* list of these, on which the
 * records of a coroutine would lie between those of others. So whoever goes
 * away keeps the list as it is, in a record of its own (struct coro_keep),
 * and puts it back when it goes on: a suspended coroutine's records are on no
 * list, and a thread that ends in one finds those of the coroutine, the last
 * of them in entry(). This one goes to the resumer's stack, and there the
 * unwinding goes on with the record before the resumer's.
 */
#include "ffi/coro.h"

/*
 * Boost.Context since 1.61, from its static library: two functions in
 * assembler, for every architecture that it has. The build renames them, so
 * that no other copy in a process can take their place, nor they its.
 */
__attribute__((visibility("hidden"))) extern void *ferry__fcontext_make(
    void *top, size_t size, void (*fn)(struct coro_transfer));

/*
 * The sanitizers' view: weak, because it is the host that has one, or not. In
 * a plain Ferry too: its handlers may be instrumented.
 */
#define WEAK __attribute__((weak))

extern void __sanitizer_start_switch_fiber(
    void **fake, const void *low, size_t size) WEAK;
extern void __sanitizer_finish_switch_fiber(
    void *fake, const void **low, size_t *size) WEAK;
extern void *__tsan_get_current_fiber(void) WEAK;
extern void *__tsan_create_fiber(unsigned flags) WEAK;
extern void __tsan_destroy_fiber(void *fiber) WEAK;
extern void __tsan_switch_to_fiber(void *fiber, unsigned flags) WEAK;

/* ---------------------------------------------------------------- switching */

/*
 * Nothing stands between what tells a sanitizer and the jump: it would be
 * taken for the other side's. These are not instrumented, since their frames
 * are left in one stack's time and returned from in another's.
 */
#define PLAIN __attribute__((no_sanitize("address", "thread", "undefined")))

PLAIN void
ferry__coro_enter_told(struct coro *co)
{
	struct coro_transfer t;
	void *to = co->context;

	if (__tsan_switch_to_fiber != NULL) {
		co->from_fiber = __tsan_get_current_fiber();
		__tsan_switch_to_fiber(co->fiber, 0);
	}
	if (__sanitizer_start_switch_fiber != NULL)
		__sanitizer_start_switch_fiber(&co->from_fake, co->stack->low,
		    ferry__stack_usable(co->stack));
	t = ferry__fcontext_jump(to, co);
	if (__sanitizer_finish_switch_fiber != NULL)
		__sanitizer_finish_switch_fiber(co->from_fake, NULL, NULL);
	co->context = t.context;
}

/* The first thing in a coroutine after each arrival. */
PLAIN static void
arrive(struct coro *co, struct coro_transfer t)
{
	if (__sanitizer_finish_switch_fiber != NULL)
		__sanitizer_finish_switch_fiber(
		    co->fake, &co->from_low, &co->from_size);
	co->context = t.context;
}

/* Without a place for the coroutine's shadow ASan frees it. */
PLAIN static struct coro_transfer
go_back(struct coro *co, void **fake)
{
	void *to = co->context;

	if (__tsan_switch_to_fiber != NULL)
		__tsan_switch_to_fiber(co->from_fiber, 0);
	if (__sanitizer_start_switch_fiber != NULL)
		__sanitizer_start_switch_fiber(
		    fake, co->from_low, co->from_size);
	return ferry__fcontext_jump(to, co);
}

PLAIN void
ferry__coro_leave_told(struct coro *co)
{
	arrive(co, go_back(co, &co->fake));
}

/* The jump is inlined where it can be: coro.h says why. */
static ALWAYS_INLINE _Noreturn void
end(struct coro *co, enum coro_state state)
{
	co->state = state;
	if (UNLIKELY(co->owner->told))
		go_back(co, NULL);
	else
		ferry__fcontext_jump(co->context, co);
	__builtin_unreachable();
}

static void
lost(void *arg)
{
	end(arg, CORO_LOST);
}

/* Who unwinds or prints a stack is to stop here. */
#if defined(__x86_64__)
#define NO_CALLER() __asm__ volatile(".cfi_undefined rip")
#elif defined(__aarch64__)
#define NO_CALLER() __asm__ volatile(".cfi_undefined x30")
#else
#define NO_CALLER() ((void)0)
#endif

static __attribute__((noinline)) void
entry(struct coro_transfer t)
{
	struct coro *co = t.data;

	NO_CALLER();
	arrive(co, t);
	pthread_cleanup_push(lost, co);
	co->run(co, co->arg);
	pthread_cleanup_pop(0);
	end(co, CORO_ENDED);
}

/* ------------------------------------------------------------------- public */

void
ferry__coro_owner_open(struct coro_owner *owner)
{
	*owner = (struct coro_owner){
		.thread = pthread_self(),
		.told = __tsan_switch_to_fiber != NULL ||
		    __sanitizer_start_switch_fiber != NULL,
	};
}

void
ferry__coro_adopt(struct coro_owner *owner)
{
	owner->current = NULL;
	owner->thread = pthread_self();
}

void
ferry__coro_start(struct coro *co, struct coro_owner *owner,
    struct stack *stack, void (*run)(struct coro *, void *), void *arg)
{
	/* What is not set here is when it is needed. */
	co->context = ferry__fcontext_make(
	    stack, ferry__stack_usable(stack), entry);
	co->owner = owner;
	co->stack = stack;
	co->state = CORO_SUSPENDED;
	co->lost = false;
	co->run = run;
	co->arg = arg;
	co->fake = co->fiber = NULL;
	if (UNLIKELY(__tsan_create_fiber != NULL))
		co->fiber = __tsan_create_fiber(0);
}

static COLD void
forget_fiber(struct coro *co)
{
	if (__tsan_destroy_fiber != NULL && co->fiber != NULL)
		__tsan_destroy_fiber(co->fiber);
	co->fiber = NULL;
}

/* fn ended the thread. Whoever has the coroutine resumed next finds it as if
 * it had suspended. */
static void
out_lost(void *arg)
{
	struct coro *co = arg;

	co->state = CORO_SUSPENDED;
}

/* On the stack of who resumed it. If that is a coroutine's, it is not the
 * place yet. */
static COLD void
run_out(struct coro *co)
{
	if (co->from != NULL) {
		co->out_done =
		    ferry__coro_call_out(co->from, co->out, co->out_arg);
		return;
	}
	pthread_cleanup_push(out_lost, co);
	co->out(co->out_arg);
	pthread_cleanup_pop(0);
	co->out_done = true;
}

/* The record before this one is that of the resumer. */
static COLD _Noreturn void
go_on_unwinding(struct coro_keep *k)
{
#ifdef __GLIBC__
	__pthread_unwind_next(&k->record);
#else
	(void)k;
	pthread_exit(PTHREAD_CANCELED);
#endif
}

void
ferry__coro_back_slow(struct coro *co, struct coro_keep *k)
{
	while (co->state == CORO_OUT) {
		run_out(co);
		ferry__coro_enter(co, k);
	}
	if (co->state == CORO_SUSPENDED)
		return;
	forget_fiber(co);
	co->lost = co->state == CORO_LOST;
	co->state = CORO_ENDED;
	if (co->lost)
		go_on_unwinding(k);
}

bool
ferry__coro_call_out(struct coro *co, void (*fn)(void *), void *arg)
{
	co->out = fn;
	co->out_arg = arg;
	co->out_done = false;
	ferry__coro_leave(co, CORO_OUT);
	return co->out_done;
}

void
ferry__coro_drop(struct coro *co)
{
	ASSERT(co->state == CORO_SUSPENDED);
	forget_fiber(co);
	co->state = CORO_ENDED;
}
