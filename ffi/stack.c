/*
 * Stacks: mapped, coloured, pooled, and shown to the memory checkers.
 *
 * Threads: the pool's owner alone. Nothing here runs on a switch.
 */
#include "ffi/stack.h"

#include "ffi/os.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id)      ((void)(id))
#define VALGRIND_MAKE_MEM_NOACCESS(p, n)   ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n)  ((void)(p), (void)(n))
#define RUNNING_ON_VALGRIND                0
#endif

/* Of the host's sanitizer, where it has one. */
extern void __asan_poison_memory_region(const volatile void *, size_t)
    __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *, size_t)
    __attribute__((weak));

/*
 * All stacks begin at a page's end, so the frames of coroutines that do the
 * same would all be in the same few sets of the caches. Each stack's top is
 * a number of lines lower than that of the one before.
 */
#define COLOURS      16u
#define COLOUR_BYTES ((size_t)2 * LINE)
#define TOP_BYTES    (COLOURS * COLOUR_BYTES)

#define TRIMMED_AT_ONCE 16u /* stacks; some ten microseconds each */

_Static_assert(sizeof(struct stack) <= COLOUR_BYTES, "has room at the top");
_Static_assert(COLOUR_BYTES % 16 == 0, "a stack's top is aligned");

/* A kept stack is nobody's: who still touches it is told. */
static COLD void
forbid(const struct stack *stack)
{
	size_t n = ferry__stack_usable(stack);

	VALGRIND_MAKE_MEM_NOACCESS(stack->low, n);
	if (__asan_poison_memory_region != NULL)
		__asan_poison_memory_region(stack->low, n);
}

/* Also takes away what ended frames have left in the checkers' maps: those of
 * a coroutine that was unwound or dropped were never left by a return. */
static COLD void
allow(const struct stack *stack)
{
	size_t n = ferry__stack_usable(stack);

	VALGRIND_MAKE_MEM_UNDEFINED(stack->low, n);
	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(stack->low, n);
}

static COLD struct stack *
make(struct stack_pool *pool)
{
	char *low = ferry__os_stack_map(pool->size, STACK_GUARD);
	size_t colour = pool->made % COLOURS;
	struct stack *stack;

	if (low == NULL)
		return NULL;
	stack = (void *)(low + pool->size - (colour + 1) * COLOUR_BYTES);
	*stack = (struct stack){ .low = low };
	stack->valgrind = (uint32_t)VALGRIND_STACK_REGISTER(low, stack);
	pool->made++;
	return stack;
}

static COLD void
unmake(struct stack_pool *pool, struct stack *stack)
{
	size_t touched = ferry__stack_touched(pool, stack);

	if (pool->touched < touched)
		pool->touched = touched;
	allow(stack);
	VALGRIND_STACK_DEREGISTER(stack->valgrind);
	ferry__os_stack_unmap(stack->low, pool->size, STACK_GUARD);
}

void
ferry__stack_pool_open(struct stack_pool *pool, size_t size, uint32_t keep)
{
	size_t page = ferry__os_page_size();

	ASSERT(STACK_GUARD % page == 0);
	if (size == 0)
		size = STACK_DEFAULT;
	if (size < STACK_MIN)
		size = STACK_MIN;
	if (size > STACK_MAX)
		size = STACK_MAX;
	size = (size + TOP_BYTES + page - 1) / page * page;
	*pool = (struct stack_pool){
		.size = size,
		.keep = keep,
		.told = RUNNING_ON_VALGRIND != 0 ||
		    __asan_poison_memory_region != NULL,
	};
}

void
ferry__stack_pool_close(struct stack_pool *pool)
{
	struct stack *stack;

	while ((stack = pool->top) != NULL) {
		pool->top = stack->below;
		unmake(pool, stack);
	}
	pool->kept = 0;
	pool->lowest = 0;
	pool->keep = 0;
}

struct stack *
ferry__stack_take(struct stack_pool *pool)
{
	struct stack *stack = pool->top;

	if (UNLIKELY(stack == NULL)) {
		stack = make(pool);
		if (stack == NULL)
			return NULL;
	} else {
		pool->top = stack->below;
		if (--pool->kept < pool->lowest)
			pool->lowest = pool->kept;
		if (UNLIKELY(pool->told))
			allow(stack);
	}
	stack->dropped = stack->measured = 0;
	pool->out++;
	return stack;
}

void
ferry__stack_give(struct stack_pool *pool, struct stack *stack)
{
	ASSERT_DEBUG(pool->out != 0);
	pool->out--;
	if (UNLIKELY(pool->kept >= pool->keep)) {
		unmake(pool, stack);
		return;
	}
	if (UNLIKELY(pool->told))
		forbid(stack);
	stack->below = pool->top;
	pool->top = stack;
	pool->kept++;
}

/* The page that the struct is on stays: it is the first to be used again. */
static void
drop(struct stack_pool *pool, struct stack *stack)
{
	size_t page = ferry__os_page_size();
	size_t size = (size_t)((uintptr_t)stack / page * page -
	    (uintptr_t)stack->low);
	size_t touched = ferry__stack_touched(pool, stack);

	if (pool->touched < touched)
		pool->touched = touched;
	ferry__os_pages_drop(stack->low, size);
	stack->dropped = 1;
}

void
ferry__stack_pool_rest(struct stack_pool *pool)
{
	struct stack *stack = pool->top;

	/* Stacks are taken from the top, so the `lowest` at the bottom are
	 * those that have been here all the time; below one whose pages are
	 * gone are only such. */
	for (uint32_t n = pool->kept; n > pool->lowest; n--)
		stack = stack->below;
	for (; stack != NULL && !stack->dropped; stack = stack->below)
		drop(pool, stack);
	if (pool->unused > pool->lowest)
		pool->unused = pool->lowest;
	pool->lowest = pool->kept;
}

void
ferry__stack_pool_watch(struct stack_pool *pool)
{
	pool->unused = pool->kept;
}

bool
ferry__stack_pool_trim(struct stack_pool *pool, uint32_t keep)
{
	struct stack *stack;

	if (pool->unused > pool->lowest)
		pool->unused = pool->lowest;
	for (unsigned i = 0; i < TRIMMED_AT_ONCE; i++) {
		if (pool->unused == 0 || pool->kept <= keep)
			return false;
		stack = pool->top;
		pool->top = stack->below;
		pool->unused--;
		pool->lowest = --pool->kept;
		unmake(pool, stack);
	}
	return true;
}

size_t
ferry__stack_touched(const struct stack_pool *pool, const struct stack *stack)
{
	return ferry__os_pages_touched(stack->low, pool->size);
}

size_t
ferry__stack_pool_touched(const struct stack_pool *pool)
{
	size_t most = pool->touched;

	for (const struct stack *s = pool->top; s != NULL; s = s->below) {
		size_t touched = ferry__stack_touched(pool, s);

		if (most < touched)
			most = touched;
	}
	return most;
}
