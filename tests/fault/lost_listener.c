/*
 * A listener that ends the event thread when no other thread is to be had: the
 * dying one goes on, also when it is ended again.
 */
#include "steps.h"

#include "ending.h"

enum { EVENTS = 20 };

struct ear {
	enum ending how;
	int every;         /* ends the thread at each multiple of this */
	atomic_int n, gone;
};

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct ear *e = user;
	int n;

	(void)context;
	(void)event;
	(void)dropped;
	T_EQ(size, sizeof n);
	memcpy(&n, data, sizeof n);
	T_EQ(n, atomic_fetch_add(&e->n, 1));
	if (n % e->every == 0) {
		inject_arm(INJECT_THREAD, 1, 1);
		end_thread(e->how);
	}
}

static void
gone(void *user)
{
	atomic_fetch_add(&((struct ear *)user)->gone, 1);
}

static void
round_of(enum ending how, int every)
{
	ferry_context context = fx_open();
	struct ear e = { .how = how, .every = every };
	ferry_listener_options o = { .struct_size = sizeof o,
		.event = FERRY_EVENT_ANY, .listener = hear, .gone = gone,
		.user = &e };
	ferry_listener l;

	T_OK(ferry_listener_add(&l, context, &o));
	for (int i = 0; i < EVENTS; i++)
		T_OK(ferry_context_emit(context, FX_TICK, &i, sizeof i));
	T_WAIT_UNTIL(atomic_load(&e.n) == EVENTS, FX_LIMIT_MS);
	inject_disarm();
	T_GE(fx_counters(context).threads_lost, 1);
	T_OK(ferry_listener_remove_wait(l, FX_LIMIT_MS));
	T_EQ(atomic_load(&e.gone), 1);
	fx_close(context);
}

static void
goes_on_without_a_successor(void)
{
	struct inject_level before = inject_level();

	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1)
			before = inject_level();
		for (int how = 0; how < ENDINGS; how++) {
			round_of(how, EVENTS); /* once */
			round_of(how, 5);      /* and again */
		}
	}
	inject_same(&before);
}

T_MAIN(
	T_RUN(goes_on_without_a_successor);
)
