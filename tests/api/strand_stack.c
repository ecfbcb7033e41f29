/*
 * The stacks that strands run on: as large as was asked for, with a guard that
 * faults, and a mark of how deep they have been.
 */
#include "forking.h"
#include "strands.h"

enum { KIB = 1024, FLOOR = 16 * KIB, GUARD = 64 * KIB };

#define HERE() ((uintptr_t)__builtin_frame_address(0))

/* Goes down by frames of `frame` bytes until `until`, touching the lowest byte
 * of each; returns how deep it came. */
#define DOWN(name, frame) \
	__attribute__((noinline)) static uintptr_t name(uintptr_t until) \
	{ \
		volatile char room[frame]; \
		uintptr_t deepest = (uintptr_t)&room[0]; \
		room[0] = 1; \
		if (HERE() - (frame) > until) \
			deepest = name(until); \
		room[(frame) - 1] = room[0]; \
		return deepest; \
	}

DOWN(go_down, 512)
DOWN(go_down_far, 40 * KIB)

struct depth {
	size_t use;      /* bytes of the stack to be used */
	uintptr_t (*go)(uintptr_t);
	int yields;      /* on the way down and up */
	uintptr_t top;
};

static int
use_stack(ferry_call call, void *arg)
{
	struct depth *d = arg;

	(void)call;
	d->top = HERE();
	if (d->yields)
		T_OK(ferry_strand_yield());
	d->go(d->top - d->use);
	if (d->yields)
		T_OK(ferry_strand_yield());
	return FERRY_OK;
}

static ferry_context
open_with_stack(size_t size)
{
	ferry_context_options o = fx_context_options();

	o.strand_stack = size;
	return st_open_with(&o);
}

/* ------------------------------------------------------------- as asked for */

static void
as_large_as_asked_for(void)
{
	static const size_t sizes[] = {
	    0, FLOOR, FLOOR + 1, 100 * KIB, 4096 * KIB};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t size = sizes[i] != 0 ? sizes[i] : 64 * KIB;
		ferry_context context = open_with_stack(sizes[i]);
		struct depth d = {.go = go_down};

		T_GE(st_strands(context).stack_size, size);
		T_LT(st_strands(context).stack_size, size + 8 * KIB);
		/* All but what its first frames and the last ones take. */
		for (int yields = 0; yields < 2; yields++) {
			d.use = size - 6 * KIB;
			d.yields = yields;
			T_OK(st_run(context, use_stack, &d));
		}
		fx_close(context);
	}
}

/* What is told is the deepest, in pages, once there is a moment to look. */
static void
the_deepest_is_told(void)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	ferry_context context = open_with_stack(256 * KIB);
	struct depth d = {.go = go_down};
	uint64_t last = 0, touched;

	for (size_t use = 16 * KIB; use <= 240 * KIB; use += 28 * KIB) {
		d.use = use;
		T_OK(st_run(context, use_stack, &d));
		/* Without a sanitizer's own use of the stack it is exact. */
		T_WAIT_UNTIL((touched = st_strands(context).stack_touched) >
		    use - 2 * KIB, FX_LIMIT_MS);
		T_EQ(touched % page, 0);
		T_GT(touched, last);
		if (!T_ASAN && !T_TSAN)
			T_LT(touched, use + 8 * KIB + 2 * page);
		last = touched;
	}
	d.use = 8 * KIB;
	T_OK(st_run(context, use_stack, &d));
	T_EQ(st_strands(context).stack_touched, last);
	fx_close(context);
}

static int
stand_in_the_way(ferry_call call, void *arg)
{
	(void)call;
	fx_gate_pass(arg);
	return FERRY_OK;
}

static int
go_down_and_wait(ferry_call call, void *arg)
{
	int r = use_stack(call, arg);

	return r == FERRY_OK ? ferry_strand_yield() : r;
}

/* Many that end without a moment in which there is nothing to do, of which the
 * first to end was the only deep one. */
static void
the_deepest_of_many_is_told(void)
{
	enum { MANY = 100 };
	ferry_context context = open_with_stack(256 * KIB);
	struct depth deep = {.go = go_down, .use = 200 * KIB};
	struct depth flat = {.go = go_down, .use = 2 * KIB};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request first = st_spawn(context, stand_in_the_way, &gate);
	ferry_request request[MANY];

	for (int i = 0; i < MANY; i++)
		request[i] = st_spawn(context, go_down_and_wait,
		    i == 0 ? &deep : &flat);
	fx_gate_await(&gate, 1);
	fx_gate_open(&gate);
	T_OK(fx_wait(first));
	for (int i = 0; i < MANY; i++)
		T_OK(fx_wait(request[i]));
	T_WAIT_UNTIL(st_strands(context).stack_touched > 198 * KIB,
	    FX_LIMIT_MS);
	fx_close(context);
}

/* ----------------------------------------------------------------- too deep */

static struct {
	uintptr_t low; /* of the stack, about */
} over;

/* On the thread's other stack: there is no room on this one. */
static void
on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	(void)context;
	if (number != SIGSEGV)
		_exit(1);
	if (at > over.low + 4 * KIB)
		_exit(2);
	_exit(at < over.low - GUARD - 4 * KIB ? 3 : FX_WELL);
}

static int
overflow(ferry_call call, void *arg)
{
	struct depth *d = arg;
	stack_t other = {.ss_size = 64 * KIB};
	struct sigaction sa = {.sa_sigaction = on_fault,
	    .sa_flags = SA_SIGINFO | SA_ONSTACK};

	other.ss_sp = malloc(other.ss_size);
	T_OK(sigaltstack(&other, NULL));
	T_OK(sigaction(SIGSEGV, &sa, NULL));
	T_OK(sigaction(SIGBUS, &sa, NULL));
	over.low = HERE() - (d->use - GUARD / 2);
	return use_stack(call, d);
}

/* By many small frames, and by one that would jump over a page or two. */
static void
overflow_in_child(void *arg)
{
	ferry_context context = open_with_stack(0);
	struct depth d = *(struct depth *)arg, before = {.go = go_down};

	/* One that was used before has its guard, too. */
	before.use = 40 * KIB;
	T_OK(st_run(context, use_stack, &before));
	d.use = st_strands(context).stack_size + GUARD / 2;
	fx_wait(st_spawn(context, overflow, &d));
	_exit(4);
}

static void
too_deep_is_a_fault(void)
{
	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	for (int far = 0; far < 2; far++)
		for (int yields = 0; yields < 2; yields++) {
			struct depth d = {.go = far ? go_down_far : go_down,
			    .yields = yields};

			fx_in_child(overflow_in_child, &d);
		}
}

T_MAIN(
	T_RUN(as_large_as_asked_for);
	T_RUN(the_deepest_is_told);
	T_RUN(the_deepest_of_many_is_told);
	T_RUN(too_deep_is_a_fault);
)
