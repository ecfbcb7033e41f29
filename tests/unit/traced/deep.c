/*
 * Functions several deep, for a stack to be read from outside. Compiled twice:
 * DEEP is what their names end in.
 */
#include "traced/deep.h"

#define NAME__(name, end) name##_##end
#define NAME_(name, end)  NAME__(name, end)
#define NAME(name)        NAME_(name, DEEP)
/* Neither inlined nor copied for the arguments that it has. */
#ifdef __clang__
#define APART             __attribute__((noinline))
#else
#define APART             __attribute__((noinline, noclone))
#endif

int NAME(stale)(int n);
int NAME(innermost)(struct deep *d, int n);
int NAME(sized)(struct deep *d, int n);
int NAME(outer)(struct deep *d, int n);

/* What a call leaves behind on the stack, for who comes after it: the frames
 * of functions that have returned. */
APART int
NAME(stale)(int n)
{
	volatile char room[512];

	room[n] = (char)n;
	return n <= 0 ? room[n] : NAME(stale)(n - 1) + room[n];
}

APART int
NAME(innermost)(struct deep *d, int n)
{
	volatile char room[64];

	room[0] = (char)n;
	d->result = d->wait(d);
	return room[0] + d->result;
}

static inline __attribute__((always_inline)) int
NAME(inlined)(struct deep *d, int n)
{
	int r = NAME(innermost)(d, n + 1);

	return r * 3 + n;
}

/* Needs a frame pointer whatever the optimisation. */
APART int
NAME(sized)(struct deep *d, int n)
{
	volatile char *room = __builtin_alloca((size_t)n + 100);

	room[n] = 1;
	return NAME(inlined)(d, n) + room[n];
}

APART int
NAME(outer)(struct deep *d, int n)
{
	volatile char room[700];
	int r;

	/* Not written to: what was there, is. */
	r = NAME(sized)(d, n);
	room[n] = (char)r;
	return room[n] + r;
}

APART int
NAME(deep)(struct deep *d)
{
	return NAME(stale)(5) + NAME(outer)(d, 7) + d->result;
}

#ifdef DEEP_LOADED
/* The program's, if it has one: in the loader, with its lock. */
void traced_loaded(void) __attribute__((weak));

__attribute__((constructor)) static void
load(void)
{
	volatile int returned = 0;

	if (traced_loaded != NULL)
		traced_loaded();
	returned = 1; /* so that it is called, and not jumped to */
	(void)returned;
}
#endif
