/*
 * Events that were lost before they could be said: counted, told as a gap, and
 * under every policy without a wait.
 */
#include "ear.h"

enum { CAPACITY = 2, LOST = 5 * CAPACITY };

static const uint32_t policies[] = { FERRY_EVENTS_DROP_OLDEST,
	FERRY_EVENTS_STUCK, FERRY_EVENTS_BLOCK };

static ferry_context
open_policy(uint32_t policy)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = policy;
	o.event_capacity = CAPACITY;
	return fx_open_with(&o);
}

static void
lose(ferry_context context)
{
	for (int i = 0; i < LOST; i++)
		T_OK(ferry_context_emit(
		    context, FX_TICK, NULL, FERRY_EVENT_LOST));
}

static int
lose_there(ferry_call call, void *arg)
{
	(void)call;
	lose(*(ferry_context *)arg);
	return FERRY_OK;
}

/* On another thread, and on the FFI thread. */
static void
lose_twice(ferry_context context)
{
	lose(context);
	T_EQ(fx_do_wait(context, lose_there, &context), FERRY_OK);
}

static void
a_gap(uint32_t policy)
{
	ferry_context context = open_policy(policy);
	ferry_inbox inbox = fx_inbox();
	ferry_completion got;
	ferry_counters c;

	fx_attach(inbox, context, FERRY_ATTACH_EVENTS, NULL);
	lose_twice(context);
	c = fx_counters(context);
	T_EQ(c.events_emitted, 2 * LOST);
	T_EQ(c.events_dropped, 0);
	T_EQ(c.events_dropped_elsewhere, 2 * LOST);
	T_EQ(c.events_refused, 0);
	T_OK(ferry_context_emit(context, FX_TOCK, "x", 1));
	got = fx_take_kind(inbox, FERRY_KIND_EVENT);
	T_EQ(got.code, FX_TOCK);
	T_EQ(got.count, 2 * LOST);
	fx_done(&got);
	/* Who comes now has missed nothing. */
	T_OK(ferry_context_emit(context, FX_TOCK, "y", 1));
	got = fx_take_kind(inbox, FERRY_KIND_EVENT);
	T_EQ(got.count, 0);
	fx_done(&got);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
gaps(void)
{
	for (unsigned i = 0; i < 3; i++)
		a_gap(policies[i]);
}

static void
unheard(void)
{
	ferry_context context = open_policy(FERRY_EVENTS_DROP_OLDEST);
	ferry_counters c;

	lose_twice(context);
	c = fx_counters(context);
	T_EQ(c.events_emitted, 2 * LOST);
	T_EQ(c.events_unheard, 2 * LOST);
	T_EQ(c.events_dropped_elsewhere, 0);
	fx_close(context);
}

static int
misuse_there(ferry_call call, void *arg)
{
	ferry_context context = *(ferry_context *)arg;

	(void)call;
	T_EQ(ferry_context_emit(context, FX_N_EVENTS, NULL, FERRY_EVENT_LOST),
	    FERRY_ENOEVENT);
	T_EQ(ferry_context_emit(context, FX_TICK, "x", FERRY_EVENT_LOST),
	    FERRY_E2BIG);
	T_EQ(ferry_context_emit(context, FX_TICK, NULL, FERRY_EVENT_LOST - 1),
	    FERRY_E2BIG);
	return FERRY_OK;
}

static void
misuse(void)
{
	ferry_context context = open_policy(FERRY_EVENTS_DROP_OLDEST);

	misuse_there(0, &context);
	T_EQ(fx_do_wait(context, misuse_there, &context), FERRY_OK);
	T_EQ(fx_counters(context).events_emitted, 0);
	fx_close(context);
	T_EQ(ferry_context_emit(context, FX_TICK, NULL, FERRY_EVENT_LOST),
	    FERRY_ESTALE);
}

T_MAIN(
	T_RUN(gaps);
	T_RUN(unheard);
	T_RUN(misuse);
)
