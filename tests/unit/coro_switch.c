/*
 * Coroutines: what a switch keeps (registers, frames, stacks), what it may not
 * do, and that it is Ferry's own.
 */
#include "coro_world.h"

#include <linux/seccomp.h>
#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unwind.h>

/*
 * A host that has its own functions of these names, as with another version of
 * Boost.Context: Ferry's are others.
 */
void *make_fcontext(void *, size_t, void (*)(void *));
void *jump_fcontext(void *, void *);
void *ontop_fcontext(void *, void *, void *);

void *
make_fcontext(void *top, size_t size, void (*fn)(void *))
{
	T_FAIL("the host's, %p %zu %p", top, size, (void *)fn);
}

void *
jump_fcontext(void *to, void *data)
{
	T_FAIL("the host's, %p %p", to, data);
}

void *
ontop_fcontext(void *to, void *data, void *fn)
{
	T_FAIL("the host's, %p %p %p", to, data, fn);
}

/* --- Registers, frames, stacks ------------------------------------------- */

#if defined(__x86_64__)
#define MXCSR_UP 0x4000u
#define X87_UP   0x0800u

static unsigned
rounding(void)
{
	uint16_t x87;

	__asm__ volatile("fnstcw %0" : "=m"(x87));
	return (__builtin_ia32_stmxcsr() & 0x6000u) | (x87 & 0x0c00u);
}

static void
round_up(void)
{
	uint16_t x87;

	__asm__ volatile("fnstcw %0" : "=m"(x87));
	x87 |= X87_UP;
	__asm__ volatile("fldcw %0" ::"m"(x87));
	__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | MXCSR_UP);
}

static void
rounds_up(struct coro *co, void *arg)
{
	T_EQ(rounding(), *(unsigned *)arg);
	round_up();
	ferry__coro_suspend(co);
	T_EQ(rounding(), MXCSR_UP | X87_UP);
}

static void
rounding_is_a_coroutines_own(void)
{
	struct one one, two;
	unsigned before = rounding();

	T_EQ(before, 0);
	world_open();
	begin(&one, rounds_up, &before);
	begin(&two, rounds_up, &before);
	for (unsigned i = 0; i < 2; i++) {
		ferry__coro_resume(&one.co);
		T_EQ(rounding(), 0);
		ferry__coro_resume(&two.co);
		T_EQ(rounding(), 0);
	}
	finish(&one);
	finish(&two);
	world_close();
}
#else
static void
rounding_is_a_coroutines_own(void)
{
	T_SKIP_CASE("elsewhere it is the thread's");
}
#endif

static __attribute__((noinline)) unsigned
deep(unsigned n)
{
	volatile char frame[64];

	frame[0] = (char)n;
	return n == 0 ? 0 : 1 + deep(n - 1) + (unsigned)(frame[0] & 0);
}

static void
uses_its_stack(struct coro *co, void *arg)
{
	jmp_buf back;
	volatile unsigned jumps = 0;
	char *p, text[64];

	if (setjmp(back) < 3) {
		jumps++;
		ferry__coro_suspend(co);
		longjmp(back, (int)jumps);
	}
	T_EQ(jumps, 3);
	p = __builtin_alloca(STACK_MIN / 2);
	memset(p, 1, STACK_MIN / 2);
	ferry__coro_suspend(co);
	T_EQ(p[STACK_MIN / 2 - 1], 1);
	T_EQ(deep(100), 100);
	snprintf(text, sizeof text, "%.3f %s", 1.5, "text");
	T_STR(text, "1.500 text");
	*(unsigned *)arg = jumps;
}

static void
longjmp_alloca_recursion_printf(void)
{
	struct one one;
	unsigned jumps = 0, resumes = 0;

	world_open();
	begin(&one, uses_its_stack, &jumps);
	for (; !ferry__coro_ended(&one.co); resumes++)
		ferry__coro_resume(&one.co);
	T_EQ(jumps, 3);
	T_EQ(resumes, 5);
	finish(&one);
	world_close();
}

struct trace {
	unsigned frames;
	const struct stack *stack;
};

static _Unwind_Reason_Code
see_frame(struct _Unwind_Context *context, void *arg)
{
	struct trace *t = arg;

	t->frames++;
	T_LT(t->frames, 16);
	if (_Unwind_GetIP(context) != 0)
		T_ASSERT(is_on(t->stack, (void *)_Unwind_GetCFA(context)));
	return _URC_NO_REASON;
}

static __attribute__((noinline)) void
looks_back(struct coro *co, void *arg)
{
	struct trace *t = arg;

	t->stack = co->stack;
	T_EQ(_Unwind_Backtrace(see_frame, t), _URC_END_OF_STACK);
}

/* Itself, and entry(); some unwinders then show one more, of address 0. */
static void
backtraces_end_at_the_bottom(void)
{
	struct trace t = { 0 };
	struct one one;

	world_open();
	begin(&one, looks_back, &t);
	ferry__coro_resume(&one.co);
	T_GE(t.frames, 2);
	T_LE(t.frames, 3);
	finish(&one);
	world_close();
}

/* --- What a switch may not do -------------------------------------------- */

/* Every system call but read, write and exit is death from here on. */
static void
switch_under_seccomp(struct one *one)
{
	T_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	for (unsigned i = 0; i < 1000; i++)
		ferry__coro_resume(&one->co);
	syscall(SYS_exit, one->stack == NULL);
}

static void
for_ever(struct coro *co, void *arg)
{
	for (;;) {
		++*(unsigned *)arg;
		ferry__coro_suspend(co);
	}
}

static void
switches_call_no_system(void)
{
	struct one one;
	unsigned n = 0;
	int status;
	pid_t child;

	if (T_ASAN || T_TSAN || RUNNING_ON_VALGRIND)
		T_SKIP_CASE("the checker makes system calls of its own");
	if (t_emulated())
		T_SKIP_CASE("the emulator has no seccomp");
	world_open();
	begin(&one, for_ever, &n);
	child = fork();
	T_NE(child, -1);
	if (child == 0)
		switch_under_seccomp(&one);
	T_EQ(waitpid(child, &status, 0), child);
	T_EQ(status, 0);
	ferry__coro_drop(&one.co);
	finish(&one);
	world_close();
}

T_MAIN(
	T_RUN(rounding_is_a_coroutines_own);
	T_RUN(longjmp_alloca_recursion_printf);
	T_RUN(backtraces_end_at_the_bottom);
	T_RUN(switches_call_no_system);
)
