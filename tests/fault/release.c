/*
 * A release when nothing can be had: it asks for nothing. On threads that were
 * never here and on those that were, to a worker that runs and to one that
 * sleeps, with a close behind it; and memory does not grow with releases.
 */
#include "steps.h"

enum { THINGS = 1000, ROUNDS = 20, THREADS = 4 };

static struct {
	ferry_handle handle[THINGS];
	atomic_int destroyed[THINGS];
	atomic_int n_destroyed;
} shop;

static void
destroy(void *object, void *state)
{
	(void)state;
	T_EQ(atomic_fetch_add((atomic_int *)object, 1), 0);
	atomic_fetch_add(&shop.n_destroyed, 1);
}

static int
open_things(ferry_call call, void *arg)
{
	(void)arg;
	for (int i = 0; i < THINGS; i++) {
		atomic_store(&shop.destroyed[i], 0);
		STEP_OUT(shop.handle[i], ferry_handle_open(&shop.handle[i],
		    call, &shop.destroyed[i], NULL, destroy), FERRY_ENOMEM);
	}
	atomic_store(&shop.n_destroyed, 0);
	return FERRY_OK;
}

static void
open_shop(ferry_context context)
{
	T_OK(fx_do_wait(context, open_things, NULL));
}

struct share {
	pthread_t thread;
	ferry_context context; /* 0: a thread that was never here */
	int first;
	pthread_barrier_t *start;
};

static void *
release_share(void *arg)
{
	struct share *s = arg;

	if (s->context != 0)
		T_EQ(fx_wait(fx_submit(s->context, FX_NOP, NULL, 0, NULL)),
		    FERRY_OK);
	pthread_barrier_wait(s->start);
	/* Now nothing can be had. */
	pthread_barrier_wait(s->start);
	for (int i = s->first; i < THINGS; i += THREADS)
		T_OK(ferry_handle_release(shop.handle[i]));
	return NULL;
}

/* What the library asked for meanwhile: nothing, on no thread. */
static void
release_all(ferry_context context)
{
	struct share shares[THREADS];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		shares[i] = (struct share){ .first = i, .start = &start,
			.context = i % 2 == 0 ? context : 0 };
		shares[i].thread = t_thread_start(release_share, &shares[i]);
	}
	pthread_barrier_wait(&start);
	steps_await_sleep(context);
	inject_arm(INJECT_ALL & ~INJECT_FILE, 1, 1);
	pthread_barrier_wait(&start);
	for (int i = 0; i < THREADS; i++)
		t_thread_join(shares[i].thread);
	pthread_barrier_destroy(&start);
}

static void
needs_nothing(void)
{
	ferry_context context = steps_open(NULL);

	for (int round = 0; round < ROUNDS; round++) {
		open_shop(context);
		release_all(context);
		T_WAIT_UNTIL(atomic_load(&shop.n_destroyed) == THINGS,
		    FX_LIMIT_MS);
		T_EQ(atomic_load(&inject.seen), 0);
		T_EQ(inject_disarm(), 0);
	}
	fx_close(context);
}

static void
needs_nothing_while_held(void)
{
	ferry_context context = steps_open(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held;

	open_shop(context);
	/* Of each 64 of a thread's one is timed, and the first that is gets
	 * its method memory for that. */
	for (int i = 0; i < 128; i++) {
		struct fx_gate wide = FX_GATE_SHUT;

		fx_gate_open(&wide);
		T_EQ(fx_wait(fx_hold(context, &wide)), FERRY_OK);
	}
	held = fx_hold(context, &gate);
	inject_arm(INJECT_ALL & ~INJECT_FILE, 1, 1);
	for (int i = 0; i < THINGS; i++)
		T_OK(ferry_handle_release(shop.handle[i]));
	T_EQ(atomic_load(&shop.n_destroyed), 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&shop.n_destroyed), THINGS);
	T_EQ(inject_disarm(), 0);
}

static int
release_half(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	for (int i = 0; i < THINGS; i += 2)
		T_OK(ferry_handle_release(shop.handle[i]));
	return FERRY_OK;
}

/* Released, or destroyed by a close with releases queued: their places are
 * used again. */
static void
places_are_used_again(void)
{
	size_t kept = 0;

	for (int round = 0; round < ROUNDS; round++) {
		ferry_context context = steps_open(NULL);
		ferry_request request;

		open_shop(context);
		request = fx_do(context, release_half, NULL);
		T_OK(ferry_context_close(context, NULL, NULL));
		T_EQ(fx_wait(request), FERRY_OK);
		T_EQ(atomic_load(&shop.n_destroyed), THINGS);
		if (round == 0)
			kept = atomic_load(&inject_kept);
		T_EQ(atomic_load(&inject_kept), kept);
	}
}

T_MAIN(
	T_RUN(needs_nothing);
	T_RUN(needs_nothing_while_held);
	T_RUN(places_are_used_again);
)
