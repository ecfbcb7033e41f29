/*
 * tests/api/things.h: objects behind handles that count their own ends.
 */
#ifndef THINGS_H
#define THINGS_H

#include "fixture.h"

static const char thing_type;

struct thing {
	ferry_handle handle;
	atomic_int released;  /* by those who were told FERRY_OK … */
	atomic_int destroyed; /* … and by the library */
	int ends_thread;      /* its destroy does */
	struct thing *next;   /* released by its destroy, if any */
};

static inline int
thing_release(struct thing *t)
{
	int r = ferry_handle_release(t->handle);

	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
	if (r == FERRY_OK)
		T_EQ(atomic_fetch_add(&t->released, 1), 0);
	return r;
}

static inline void
thing_destroy(void *object, void *state)
{
	struct thing *t = object;
	struct fx_life *life = state;

	if (life != NULL)
		T_EQ(atomic_load(&life->finis), 0);
	T_EQ(atomic_fetch_add(&t->destroyed, 1), 0);
	if (t->next != NULL)
		thing_release(t->next);
	if (t->ends_thread) {
		fx_before_exit();
		pthread_exit(NULL);
	}
}

struct things {
	struct thing *at;
	unsigned n;
};

static inline int
things_open_run(ferry_call call, void *arg)
{
	struct things *things = arg;

	for (unsigned i = 0; i < things->n; i++) {
		struct thing *t = &things->at[i];

		atomic_store(&t->released, 0);
		atomic_store(&t->destroyed, 0);
		T_OK(ferry_handle_open(
		    &t->handle, call, t, &thing_type, thing_destroy));
	}
	return FERRY_OK;
}

/* What they do in their destroy is the caller's to say, before. */
static inline void
things_open(ferry_context context, struct thing *at, unsigned n)
{
	struct things things = {at, n};

	T_OK(fx_do_wait(context, things_open_run, &things));
}

static inline unsigned
things_destroyed(const struct thing *at, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += (unsigned)atomic_load(&at[i].destroyed);
	return sum;
}

/* Each has ended, once. */
static inline void
things_audit(const struct thing *at, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		T_EQ(atomic_load(&at[i].destroyed), 1);
		T_LE(atomic_load(&at[i].released), 1);
		T_EQ(ferry_handle_release(at[i].handle), FERRY_ESTALE);
	}
}

static inline void
things_await(const struct thing *at, unsigned n)
{
	T_WAIT_UNTIL(things_destroyed(at, n) == n, FX_LIMIT_MS);
}

#endif
