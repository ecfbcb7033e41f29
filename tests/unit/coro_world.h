/*
 * What the tests of coroutines share: a pool, an owner, coroutines with their
 * stacks, whose stack an address is on, and whether Valgrind watches.
 */
#ifndef CORO_WORLD_H
#define CORO_WORLD_H

#include "t.h"
#include "valgrind.h"

#include "ffi/coro.h"
#include "ffi/os.h"

/* ASan then has a shadow of each stack's frames that has to be switched too. */
#if T_ASAN
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_stack_use_after_return=1";
}
#endif

struct one {
	struct coro co;
	struct stack *stack;
};

static struct stack_pool pool;
static struct coro_owner owner;

T__FN void
world_open(void)
{
	ferry__stack_pool_open(&pool, 0, 64);
	ferry__coro_owner_open(&owner);
}

T__FN void
world_close(void)
{
	T_EQ(pool.out, 0);
	T_ASSERT(owner.current == NULL);
	ferry__stack_pool_close(&pool);
}

T__FN void
begin(struct one *one, void (*run)(struct coro *, void *), void *arg)
{
	one->stack = ferry__stack_take(&pool);
	T_ASSERT(one->stack != NULL);
	ferry__coro_start(&one->co, &owner, one->stack, run, arg);
}

T__FN void
finish(struct one *one)
{
	T_ASSERT(ferry__coro_ended(&one->co));
	ferry__stack_give(&pool, one->stack);
	one->stack = NULL;
}

T__FN int
is_on(const struct stack *stack, const void *p)
{
	return (const char *)p >= stack->low &&
	    (const char *)p < (const char *)stack;
}

/* On the stack that the system gave this thread. */
T__FN int
is_on_thread(const void *p)
{
	pthread_attr_t attr;
	void *low;
	size_t size;

	T_OK(pthread_getattr_np(pthread_self(), &attr));
	T_OK(pthread_attr_getstack(&attr, &low, &size));
	pthread_attr_destroy(&attr);
	return (const char *)p >= (char *)low &&
	    (const char *)p < (char *)low + size;
}

/* Bytes of this process, touched or not. */
T__FN size_t
address_space(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	size_t pages = 0;

	T_ASSERT(f != NULL);
	T_EQ(fscanf(f, "%zu", &pages), 1);
	fclose(f);
	return pages * ferry__os_page_size();
}

/* The stack pointer, more or less: the address of a local may be in ASan's
 * heap of frames. */
#define HERE() __builtin_frame_address(0)

#endif
