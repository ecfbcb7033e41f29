/*
 * tests/api/watched.h: contexts whose levels come soon, or never; inboxes that
 * hear of liveness, and health.
 */
#ifndef TESTS_API_WATCHED_H
#define TESTS_API_WATCHED_H

#include "fixture.h"

/* In milliseconds; a slower machine gets longer ones. */
static inline uint32_t
slow_ms(void)
{
	return 20 * (uint32_t)t_slow();
}

static inline uint32_t
stalled_ms(void)
{
	return 60 * (uint32_t)t_slow();
}

static inline uint32_t
wedged_ms(void)
{
	return 150 * (uint32_t)t_slow();
}

static inline ferry_context_options
watched_options(void)
{
	ferry_context_options o = fx_context_options();

	o.levels.slow_ms = slow_ms();
	o.levels.stalled_ms = stalled_ms();
	o.levels.wedged_ms = wedged_ms();
	return o;
}

static inline ferry_context
open_watched(void)
{
	ferry_context_options o = watched_options();

	return fx_open_with(&o);
}

/* Whatever its calls do is no stall: nothing is judged, told, or woken. */
static inline ferry_context
open_unwatched(void)
{
	ferry_context_options o = fx_context_options();

	o.levels = (ferry_levels){
	    FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF};
	return fx_open_with(&o);
}

static inline ferry_inbox
watch(ferry_context context, void *user)
{
	ferry_inbox inbox = fx_inbox();

	fx_attach(inbox, context, FERRY_ATTACH_LIVENESS, user);
	return inbox;
}

static inline ferry_health
health(ferry_context context)
{
	ferry_health h;

	memset(&h, 0xa5, sizeof h);
	h.struct_size = sizeof h;
	T_OK(ferry_context_health(&h, context));
	return h;
}

/* ----------------------------------------------------------------- notices */

/* The next notice; a busy machine may have said that it is one. */
static inline ferry_completion
take_notice(ferry_inbox inbox, uint32_t kind)
{
	ferry_completion c = fx_take(inbox);

	while ((c.kind == FERRY_KIND_OVERLOADED ||
	           c.kind == FERRY_KIND_HELD) && c.kind != kind) {
		fx_done(&c);
		c = fx_take(inbox);
	}
	T_EQ(c.kind, kind);
	return c;
}

/* None that says more than that. */
static inline void
no_notice(ferry_inbox inbox)
{
	ferry_completion c;

	while (ferry_inbox_take(&c, 1, inbox) == 1) {
		T_EQ(c.kind, FERRY_KIND_OVERLOADED);
		fx_done(&c);
	}
}

#endif
