/*
 * What an inbox delivers besides replies and events: WRITABLE after a refusal,
 * STALE for a request that runs for long. Liveness is in watchdog.c.
 */
#include "fixture.h"

/* Who was refused for want of room hears once when there is some. */
static void
writable_after_refusal(const ferry_context_options *co)
{
	ferry_context context = fx_open_with(co);
	struct fx_desk d = {context, fx_inbox()};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request_options o = fx_to_inbox(d.inbox, NULL);
	ferry_request held, request = 77;
	ferry_completion c;
	int replies = 0, writable = 0;

	fx_attach(d.inbox, context, 0, &d);
	held = fx_hold(context, &gate);
	for (int i = 0; i < 3; i++)
		fx_post(&d, FX_NOP, NULL, 0);
	for (int i = 0; i < 5; i++)
		T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 0,
		    &o), FERRY_EAGAIN);
	T_EQ(request, 77);
	T_EQ(ferry_inbox_take(&c, 1, d.inbox), 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	while (replies < 3 || writable < 1) {
		c = fx_take(d.inbox);
		if (c.kind == FERRY_KIND_WRITABLE) {
			T_EQ(c.context, context);
			T_ASSERT(c.user == &d);
			T_EQ(c.request, 0);
			writable++;
			fx_post(&d, FX_NOP, NULL, 0); /* it says the truth */
			replies--;
		} else {
			T_EQ(c.kind, FERRY_KIND_REPLY);
			replies++;
		}
		fx_done(&c);
	}
	fx_rest(context);
	while (ferry_inbox_take(&c, 1, d.inbox) == 1) {
		T_EQ(c.kind, FERRY_KIND_REPLY); /* no second WRITABLE */
		fx_done(&c);
	}
	fx_desk_close(&d);
}

static void
writable_per_producer(void)
{
	ferry_context_options o = fx_context_options();

	o.depth = 4;
	writable_after_refusal(&o);
}

static void
writable_in_total(void)
{
	ferry_context_options o = fx_context_options();

	o.depth_total = 4;
	writable_after_refusal(&o);
}

/* The control: without a refusal there is no WRITABLE. */
static void
no_writable_without_refusal(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_desk d;
	ferry_completion c;

	o.depth = 4;
	d = (struct fx_desk){fx_open_with(&o), fx_inbox()};
	fx_attach(d.inbox, d.context, 0, NULL);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 4; i++)
			fx_post(&d, FX_NOP, NULL, 0);
		for (int i = 0; i < 4; i++) {
			c = fx_take_kind(d.inbox, FERRY_KIND_REPLY);
			fx_done(&c);
		}
	}
	fx_desk_close(&d);
}

/* A flood that heeds WRITABLE gets everything through: catches a lost one. */
static void
flood_by_writable(void)
{
	ferry_context_options co = fx_context_options();
	struct fx_desk d;
	ferry_request_options o;
	ferry_completion c;
	int sent = 0, replies = 0, room = 1, r;

	co.depth = 8;
	d = (struct fx_desk){fx_open_with(&co), fx_inbox()};
	fx_attach(d.inbox, d.context, 0, NULL);
	o = fx_to_inbox(d.inbox, NULL);
	while (replies < 5000) {
		while (room && sent < 5000) {
			r = ferry_request_submit(
			    NULL, d.context, FX_NOP, NULL, 0, &o);
			T_ASSERT(r == FERRY_OK || r == FERRY_EAGAIN);
			sent += r == FERRY_OK;
			room = r == FERRY_OK;
		}
		c = fx_take(d.inbox);
		if (c.kind == FERRY_KIND_WRITABLE)
			room = 1;
		else
			replies++;
		fx_done(&c);
	}
	fx_desk_close(&d);
}

/* ------------------------------------------------------------------ STALE */

static void
stale_notices(void)
{
	struct fx_desk d = {fx_open(), fx_inbox()};
	struct fx_gate gate = FX_GATE_SHUT, *p = &gate;
	ferry_request_options o = fx_to_inbox(d.inbox, &gate);
	ferry_request running, queued;
	ferry_completion c;
	uint64_t age = 0;
	int end = 0;

	fx_attach(d.inbox, d.context, 0, &d);
	o.stale_ms = 15;
	running = fx_submit(d.context, FX_GATE, &p, sizeof p, &o);
	queued = fx_submit(d.context, FX_NOP, NULL, 0, &o);
	for (int i = 0; i < 4; i++) {
		c = fx_take_kind(d.inbox, FERRY_KIND_STALE);
		T_EQ(c.request, running); /* the queued one does not run */
		T_EQ(c.context, d.context);
		T_EQ(c.code, FX_GATE);
		T_ASSERT(c.name == NULL || strcmp(c.name, "gate") == 0);
		T_GE(c.age_ns, 15000000);
		T_GT(c.age_ns, age);
		T_GE(c.count, 1);
		age = c.age_ns;
		fx_done(&c);
	}
	fx_gate_open(&gate);
	while (end < 2) {
		c = fx_take(d.inbox);
		if (c.kind == FERRY_KIND_REPLY) {
			T_EQ(c.request, end == 0 ? running : queued);
			T_ASSERT(c.user == &gate);
			end++;
		} else {
			/* Posted before the reply it may be, not after. */
			T_EQ(c.kind, FERRY_KIND_STALE);
			T_EQ(c.request, running);
			T_EQ(end, 0);
		}
		fx_done(&c);
	}
	t_sleep_ms(3 * 15 + FX_QUIET_MS); /* and none comes later */
	T_EQ(ferry_inbox_take(&c, 1, d.inbox), 0);
	fx_desk_close(&d);
}

/* Not taken, they are one, which says how many. */
static void
stale_merged(void)
{
	struct fx_desk d = fx_desk_open();
	struct fx_gate gate = FX_GATE_SHUT, *p = &gate;
	ferry_request_options o = fx_to_inbox(d.inbox, NULL);
	ferry_completion c;
	uint64_t until;

	o.stale_ms = 10;
	fx_submit(d.context, FX_GATE, &p, sizeof p, &o);
	T_OK(ferry_inbox_wait(d.inbox, -1));
	until = t_now_ns() + 100000000 * (uint64_t)t_slow();
	T_WAIT_UNTIL(t_now_ns() > until, FX_LIMIT_MS);
	c = fx_take_kind(d.inbox, FERRY_KIND_STALE);
	T_GE(c.count, 2);
	fx_done(&c);
	fx_gate_open(&gate);
	do {
		c = fx_take(d.inbox);
		fx_done(&c);
	} while (c.kind == FERRY_KIND_STALE);
	T_EQ(c.kind, FERRY_KIND_REPLY);
	fx_desk_close(&d);
}

/* The control: who did not ask hears nothing. */
static void
no_stale_unasked(void)
{
	struct fx_desk d = fx_desk_open();
	struct fx_gate gate = FX_GATE_SHUT, *p = &gate;
	ferry_completion c;

	fx_post(&d, FX_GATE, &p, sizeof p);
	fx_gate_await(&gate, 1);
	t_sleep_ms(5 * FX_QUIET_MS);
	fx_gate_open(&gate);
	c = fx_take_kind(d.inbox, FERRY_KIND_REPLY);
	fx_done(&c);
	fx_desk_close(&d);
}

T_MAIN(
	T_RUN(writable_per_producer);
	T_RUN(writable_in_total);
	T_RUN(no_writable_without_refusal);
	T_RUN(flood_by_writable);
	T_RUN(stale_notices);
	T_RUN(stale_merged);
	T_RUN(no_stale_unasked);
)
