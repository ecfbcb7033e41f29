/*
 * Listeners and gone functions that end the event thread: a successor takes
 * over what it had in hand, and nobody else notices.
 */
#include "watched.h"

enum { EVENTS = 50 };

enum ending { BY_EXIT, BY_CANCEL, N_ENDINGS };

struct ear {
	atomic_int n;
	atomic_int gone;
	int heard[EVENTS];
	int end_at;            /* this event ends the thread; -1: none */
	int gone_ends;
	enum ending how;
};

static void
end_thread(enum ending how)
{
	if (how == BY_EXIT)
		pthread_exit(NULL);
	pthread_cancel(pthread_self());
	pthread_testcancel();
	T_FAIL("still there");
}

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct ear *e = user;
	int n;

	(void)context;
	(void)event;
	T_EQ(size, sizeof n);
	T_EQ(dropped, 0);
	T_EQ(atomic_load(&e->gone), 0);
	memcpy(&n, data, sizeof n);
	e->heard[n]++;
	atomic_fetch_add(&e->n, 1);
	if (n == e->end_at)
		end_thread(e->how);
}

static void
gone(void *user)
{
	struct ear *e = user;

	atomic_fetch_add(&e->gone, 1);
	if (e->gone_ends)
		end_thread(e->how);
}

static ferry_listener
add(struct ear *e, ferry_context context)
{
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = hear, .gone = gone,
	    .user = e};
	ferry_listener l;

	T_OK(ferry_listener_add(&l, context, &o));
	return l;
}

static void
emit_all(ferry_context context)
{
	for (int i = 0; i < EVENTS; i++)
		T_OK(ferry_context_emit(context, FX_TICK, &i, sizeof i));
}

static void
heard_all_once(struct ear *e)
{
	T_WAIT_UNTIL(atomic_load(&e->n) == EVENTS, FX_LIMIT_MS);
	for (int i = 0; i < EVENTS; i++)
		T_EQ(e->heard[i], 1);
}

/* Before it in the list, itself, and behind it; and an inbox. */
static void
lost_in(enum ending how)
{
	ferry_context context = fx_open(), other = fx_open();
	struct ear e[3] = {{.end_at = -1}, {.end_at = 7, .how = how},
	    {.end_at = -1}};
	ferry_inbox inbox = fx_inbox();
	ferry_completion c;

	for (int i = 0; i < 3; i++)
		add(&e[i], context);
	fx_attach(inbox, context, FERRY_ATTACH_EVENTS, NULL);
	emit_all(context);
	for (int i = 0; i < 3; i++)
		heard_all_once(&e[i]);
	for (int i = 0; i < EVENTS; i++) {
		int n;

		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		memcpy(&n, c.data, sizeof n);
		T_EQ(n, i);
		T_EQ(c.count, 0);
		fx_done(&c);
	}
	T_EQ(fx_counters(context).threads_lost, 1);
	T_EQ(fx_counters(other).threads_lost, 0);
	/* Counted when all have had it. */
	T_WAIT_UNTIL(fx_counters(context).events_dispatched == EVENTS,
	    FX_LIMIT_MS);
	T_EQ(fx_counters(context).events_heard, 3 * EVENTS);
	fx_close(context);
	fx_close(other);
	for (int i = 0; i < 3; i++)
		T_EQ(atomic_load(&e[i].gone), 1);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
lost_in_a_listener(void)
{
	for (int how = 0; how < N_ENDINGS; how++)
		lost_in(how);
}

/* Every event, one thread after the other. */
static void
lost_again_and_again(void)
{
	ferry_context context = fx_open();
	struct ear e[EVENTS];

	memset(e, 0, sizeof e);
	for (int i = 0; i < EVENTS; i++) {
		e[i].end_at = i;
		add(&e[i], context);
	}
	emit_all(context);
	for (int i = 0; i < EVENTS; i++)
		heard_all_once(&e[i]);
	T_WAIT_UNTIL(fx_counters(context).threads_lost == EVENTS, FX_LIMIT_MS);
	fx_close(context);
	for (int i = 0; i < EVENTS; i++)
		T_EQ(atomic_load(&e[i].gone), 1);
}

/* Removed together, each ends the thread that says so; then the close does,
 * and still returns. */
static void
lost_in_gone(void)
{
	ferry_context context = fx_open();
	struct ear e[8];
	ferry_listener l[8];

	for (int how = 0; how < N_ENDINGS; how++) {
		memset(e, 0, sizeof e);
		for (int i = 0; i < 8; i++) {
			e[i] = (struct ear){.end_at = -1, .gone_ends = 1,
			    .how = how};
			l[i] = add(&e[i], context);
		}
		for (int i = 0; i < 7; i++)
			T_OK(ferry_listener_remove(l[i]));
		T_OK(ferry_listener_remove_wait(l[7], FX_LIMIT_MS));
		for (int i = 0; i < 8; i++)
			T_WAIT_UNTIL(atomic_load(&e[i].gone) == 1,
			    FX_LIMIT_MS);
	}
	for (int i = 0; i < 8; i++)
		T_WAIT_UNTIL(ferry_listener_remove(l[i]) == FERRY_ESTALE,
		    FX_LIMIT_MS);
	T_WAIT_UNTIL(fx_counters(context).threads_lost == 16, FX_LIMIT_MS);
	memset(e, 0, sizeof e);
	for (int i = 0; i < 8; i++) {
		e[i] = (struct ear){.end_at = -1, .gone_ends = 1};
		add(&e[i], context);
	}
	fx_close(context);
	for (int i = 0; i < 8; i++)
		T_EQ(atomic_load(&e[i].gone), 1);
}

/* What falls due, and the watchdog, go on under the successor. */
static void
the_successor_does_it_all(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {.end_at = 0};
	ferry_context context;
	ferry_inbox inbox = fx_inbox();
	ferry_completion c;
	int n = 0;

	o.levels = (ferry_levels){10, 20, 5000, FERRY_OFF};
	context = fx_open_with(&o);
	fx_attach(inbox, context, FERRY_ATTACH_LIVENESS, NULL);
	add(&e, context);
	T_OK(ferry_context_emit(context, FX_TICK, &n, sizeof n));
	/* Until the successor has taken that over: before, a call would find
	 * the event thread in its listener, and tell that first. */
	T_WAIT_UNTIL(fx_counters(context).events_dispatched == 1, FX_LIMIT_MS);
	T_EQ(fx_counters(context).threads_lost, 1);
	fx_hold(context, &gate);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	fx_done(&c);
	fx_gate_open(&gate);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(lost_in_a_listener);
	T_RUN(lost_again_and_again);
	T_RUN(lost_in_gone);
	T_RUN(the_successor_does_it_all);
)
