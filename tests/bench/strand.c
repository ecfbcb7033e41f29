/*
 * What a strand's switch costs: into a coroutine and back, against the bare
 * jump below it and against swapcontext(), which calls the system for the
 * signal mask. Like accounting.c it looks inside the library.
 */
#include <stdlib.h>
#include <ucontext.h>

#include "ferry_rows.h"
#include "report.h"
#include "system.h"

#include "ffi/coro.h"

#define PAIRS      500000u
#define SWAPS      50000u
#define STARTS     100000u
#define MANY       1000u
#define STACK_SIZE ((size_t)64 << 10)

/* As in ffi/coro.c. */
void *ferry__fcontext_make(
    void *top, size_t size, void (*fn)(struct coro_transfer));

static struct stack_pool pool;
static struct coro_owner owner;

static double
per(uint64_t start, unsigned n)
{
	return (double)(bench_clock_ns() - start) / n;
}

static struct stack *
take(void)
{
	struct stack *stack = ferry__stack_take(&pool);

	if (stack == NULL)
		bench_die("no stack");
	return stack;
}

static void
for_ever(struct coro *co, void *arg)
{
	(void)arg;
	for (;;)
		ferry__coro_suspend(co);
}

/* `many` coroutines in turn; 1: always the same. */
static double
switches(unsigned many)
{
	struct coro *co = bench_alloc(many * sizeof(*co));
	unsigned next = 0;
	uint64_t start;
	double ns;

	for (unsigned i = 0; i < many; i++) {
		ferry__coro_start(&co[i], &owner, take(), for_ever, NULL);
		ferry__coro_resume(&co[i]);
	}
	start = bench_clock_ns();
	for (unsigned i = 0; i < PAIRS; i++) {
		ferry__coro_resume(&co[next]);
		if (++next == many)
			next = 0;
	}
	ns = per(start, PAIRS);
	for (unsigned i = 0; i < many; i++) {
		ferry__coro_drop(&co[i]);
		ferry__stack_give(&pool, co[i].stack);
	}
	free(co);
	return ns;
}

static void
jump_for_ever(struct coro_transfer t)
{
	for (;;)
		t = ferry__fcontext_jump(t.context, NULL);
}

static double
jumps(void)
{
	struct stack *stack = take();
	struct coro_transfer t;
	uint64_t start;
	double ns;

	t.context = ferry__fcontext_make(
	    stack, ferry__stack_usable(stack), jump_for_ever);
	start = bench_clock_ns();
	for (unsigned i = 0; i < PAIRS; i++)
		t = ferry__fcontext_jump(t.context, NULL);
	ns = per(start, PAIRS);
	ferry__stack_give(&pool, stack);
	return ns;
}

static ucontext_t here, there;

static void
swap_for_ever(void)
{
	for (;;)
		swapcontext(&there, &here);
}

static double
swaps(void)
{
	struct stack *stack = take();
	uint64_t start;
	double ns;

	getcontext(&there);
	there.uc_stack.ss_sp = stack->low;
	there.uc_stack.ss_size = ferry__stack_usable(stack);
	makecontext(&there, swap_for_ever, 0);
	start = bench_clock_ns();
	for (unsigned i = 0; i < SWAPS; i++)
		swapcontext(&here, &there);
	ns = per(start, SWAPS);
	ferry__stack_give(&pool, stack);
	return ns;
}

static void
at_once(struct coro *co, void *arg)
{
	(void)co;
	(void)arg;
}

/* A whole life: stack, start, run to the end, stack given back. */
static double
lives(void)
{
	uint64_t start = bench_clock_ns();

	for (unsigned i = 0; i < STARTS; i++) {
		struct coro co;
		struct stack *stack = take();

		ferry__coro_start(&co, &owner, stack, at_once, NULL);
		ferry__coro_resume(&co);
		ferry__stack_give(&pool, stack);
	}
	return per(start, STARTS);
}

enum {
	ONE,
	MANY_IN_TURN,
	JUMP,
	SWAP,
	LIFE,
	ROWS
};

void
bench_rows_strand(unsigned rounds)
{
	static const char *const names[] = {
		[ONE] = "strand switch: resume and suspend",
		[MANY_IN_TURN] = "the same, 1000 coroutines in turn",
		[JUMP] = "the two bare jumps in it",
		[SWAP] = "swapcontext, twice",
		[LIFE] = "start, run and end, with a stack of the pool",
	};
	double *samples[ROWS];

	for (unsigned r = 0; r < ROWS; r++)
		samples[r] = bench_alloc(rounds * sizeof(double));
	ferry__stack_pool_open(&pool, STACK_SIZE, MANY);
	ferry__coro_owner_open(&owner);
	bench_report_section("strands, the switch alone");
	for (unsigned i = 0; i < rounds; i++) {
		samples[ONE][i] = switches(1);
		samples[MANY_IN_TURN][i] = switches(MANY);
		samples[JUMP][i] = jumps();
		samples[SWAP][i] = swaps();
		samples[LIFE][i] = lives();
	}
	for (unsigned r = 0; r < ROWS; r++) {
		bench_report_add("ns", samples[r], rounds,
		    r == ONE ? BENCH_AT_MOST(20, 15) : BENCH_NO_TARGET, "%s",
		    names[r]);
		free(samples[r]);
	}
	ferry__stack_pool_close(&pool);
}
