/*
 * Attaching and closing inboxes: what was not taken, what is still to come,
 * the last notice of a context, and one inbox for several contexts.
 */
#include <poll.h>

#include "fixture.h"
#include "taking.h"

/* What was there and what is still to come is freed and counted. */
static void
closed_with_entries(void)
{
	struct fx_desk d = fx_desk_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_inbox other = fx_inbox();
	unsigned char bytes[500] = {0};
	ferry_request held, canceled;
	uint64_t discarded = 77;

	for (int i = 0; i < 5; i++)
		fx_post(&d, FX_ECHO, bytes, sizeof bytes);
	fx_rest(d.context);
	held = fx_hold(d.context, &gate);
	for (int i = 0; i < 7; i++)
		fx_post(&d, FX_ECHO, bytes, sizeof bytes);
	canceled = fx_post(&d, FX_ECHO, bytes, sizeof bytes);
	T_OK(ferry_request_cancel(canceled));
	T_OK(ferry_inbox_close(&discarded, d.inbox));
	T_EQ(discarded, 6);
	T_EQ(fx_counters(d.context).discarded, 6);
	T_EQ(ferry_request_cancel(canceled), FERRY_ESTALE);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_rest(d.context);
	T_EQ(fx_counters(d.context).ended_ok, 13); /* they were run */
	fx_await_discarded(d.context, 13);
	/* The context goes on with another inbox. */
	d.inbox = other;
	fx_attach(d.inbox, d.context, 0, NULL);
	fx_post(&d, FX_NOP, NULL, 0);
	T_OK(ferry_inbox_wait(d.inbox, -1));
	fx_desk_close(&d);
}

static void
closed_empty(void)
{
	struct fx_desk d = fx_desk_open();
	uint64_t discarded = 77;

	T_OK(ferry_inbox_close(&discarded, d.inbox));
	T_EQ(discarded, 0);
	fx_close(d.context);
}

static void
stale_inbox(void)
{
	struct fx_desk d = fx_desk_open();
	ferry_inbox inbox = d.inbox;
	ferry_completion c;
	int fd = 77;

	fx_desk_close(&d);
	d = fx_desk_open();
	T_NE(inbox, d.inbox);
	T_EQ(ferry_inbox_take(&c, 1, inbox), FERRY_ESTALE);
	T_EQ(ferry_inbox_wait(inbox, -1), FERRY_ESTALE);
	T_EQ(ferry_inbox_fd(&fd, inbox), FERRY_ESTALE);
	T_EQ(fd, 77);
	T_EQ(ferry_inbox_attach(inbox, d.context, NULL), FERRY_ESTALE);
	T_EQ(ferry_inbox_close(NULL, inbox), FERRY_ESTALE);
	fx_desk_close(&d);
}

static void
no_inbox(void)
{
	ferry_context context = fx_open();
	ferry_completion c;
	int fd = 77;

	T_EQ(ferry_inbox_take(&c, 1, 0), FERRY_EINVAL);
	T_EQ(ferry_inbox_wait(0, -1), FERRY_EINVAL);
	T_EQ(ferry_inbox_fd(&fd, 0), FERRY_EINVAL);
	T_EQ(ferry_inbox_attach(0, context, NULL), FERRY_EINVAL);
	T_EQ(ferry_inbox_close(NULL, 0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_inbox_take(&c, 1, FX_FORGED)));
	T_ASSERT(fx_no_token(ferry_inbox_wait(FX_FORGED, -1)));
	T_ASSERT(fx_no_token(ferry_inbox_fd(&fd, FX_FORGED)));
	T_ASSERT(fx_no_token(ferry_inbox_attach(FX_FORGED, context, NULL)));
	T_ASSERT(fx_no_token(ferry_inbox_close(NULL, FX_FORGED)));
	T_EQ(fd, 77);
	fx_close(context);
}

struct longer_options {
	ferry_inbox_options o;
	uint64_t tail;
};

static void
bad_options(void)
{
	struct longer_options o = {{.struct_size = sizeof o}, 1};
	ferry_inbox inbox = 77;

	T_EQ(ferry_inbox_open(&inbox, &o.o), FERRY_EINVAL);
	o.tail = 0;
	T_OK(ferry_inbox_open(&inbox, &o.o));
	T_OK(ferry_inbox_close(NULL, inbox));
	inbox = 77;
	o.o.flags = 4;
	T_EQ(ferry_inbox_open(&inbox, &o.o), FERRY_EINVAL);
	o.o.flags = 0;
	o.o.reserved = 1;
	T_EQ(ferry_inbox_open(&inbox, &o.o), FERRY_EINVAL);
	o.o.reserved = 0;
	o.o.struct_size = 3;
	T_EQ(ferry_inbox_open(&inbox, &o.o), FERRY_EINVAL);
	T_EQ(ferry_inbox_open(NULL, NULL), FERRY_EINVAL);
	T_EQ(inbox, 77);
}

/* ---------------------------------------------------------------- attach */

static void
attach(void)
{
	struct fx_desk d = fx_desk_open();
	ferry_inbox inbox = fx_inbox();
	ferry_attach_options o = {.struct_size = sizeof o};
	ferry_context closed = fx_open();

	T_EQ(ferry_inbox_attach(d.inbox, d.context, NULL), FERRY_EALREADY);
	o.flags = 1u << 8;
	T_EQ(ferry_inbox_attach(inbox, d.context, &o), FERRY_EINVAL);
	o.flags = FERRY_ATTACH_EVENTS;
	o.event_capacity = 3;
	T_EQ(ferry_inbox_attach(inbox, d.context, &o), FERRY_EINVAL);
	o.event_capacity = 0;
	o.struct_size = 1;
	T_EQ(ferry_inbox_attach(inbox, d.context, &o), FERRY_EINVAL);
	T_EQ(ferry_inbox_attach(inbox, 0, NULL), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_inbox_attach(inbox, FX_FORGED, NULL)));
	fx_close(closed);
	T_EQ(ferry_inbox_attach(inbox, closed, NULL), FERRY_ESTALE);
	/* After all those it is attached still nowhere. */
	o.struct_size = sizeof o;
	T_OK(ferry_inbox_attach(inbox, d.context, &o));
	T_EQ(ferry_inbox_attach(inbox, d.context, &o), FERRY_EALREADY);
	T_OK(ferry_inbox_close(NULL, inbox));
	fx_desk_close(&d);
}

/* Replies of a closed context first, then its CLOSED, then nothing. */
static void
closed_notice_is_last(void)
{
	struct fx_desk d = fx_desk_open();
	ferry_context context = d.context;
	ferry_completion c;

	T_OK(ferry_inbox_close(NULL, d.inbox));
	d.inbox = fx_inbox();
	fx_attach(d.inbox, d.context, 0, &d);
	for (int i = 0; i < 20; i++)
		fx_post(&d, FX_ECHO, &i, sizeof i);
	T_OK(ferry_context_close(d.context, NULL, NULL));
	for (int i = 0; i < 20; i++) {
		c = fx_take_kind(d.inbox, FERRY_KIND_REPLY);
		T_EQ(*(int *)c.data, i);
		fx_done(&c);
	}
	c = fx_take_kind(d.inbox, FERRY_KIND_CLOSED);
	T_EQ(c.context, context);
	T_EQ(c.request, 0);
	T_ASSERT(c.user == &d);
	T_ASSERT(c.data == NULL);
	fx_done(&c);
	T_EQ(ferry_inbox_take(&c, 1, d.inbox), 0);
	T_EQ(readable(fd_of(d.inbox)), 0);
	/* The inbox is good for other contexts. */
	d.context = fx_open();
	fx_attach(d.inbox, d.context, 0, NULL);
	fx_post(&d, FX_NOP, NULL, 0);
	c = fx_take_kind(d.inbox, FERRY_KIND_REPLY);
	T_EQ(c.context, d.context);
	fx_done(&c);
	fx_desk_close(&d);
}

enum { CONTEXTS = 5, EACH = 50 };

/* One inbox, several contexts: each reply names its own. */
static void
several_contexts(void)
{
	ferry_inbox inbox = fx_inbox();
	struct fx_desk d[CONTEXTS];
	int replies[CONTEXTS] = {0}, closed = 0;
	ferry_completion c;

	for (int i = 0; i < CONTEXTS; i++) {
		d[i] = (struct fx_desk){fx_open(), inbox};
		fx_attach(inbox, d[i].context, 0, &d[i]);
	}
	for (int n = 0; n < EACH; n++) {
		for (int i = 0; i < CONTEXTS; i++)
			fx_post(&d[i], FX_STATUS, &i, sizeof i);
	}
	for (int n = 0; n < CONTEXTS * EACH; n++) {
		c = fx_take_kind(inbox, FERRY_KIND_REPLY);
		T_GE(c.status, 0);
		T_LT(c.status, CONTEXTS);
		T_EQ(c.context, d[c.status].context);
		replies[c.status]++;
		fx_done(&c);
	}
	for (int i = 0; i < CONTEXTS; i++) {
		T_EQ(replies[i], EACH);
		fx_close(d[i].context);
	}
	for (; closed < CONTEXTS; closed++) {
		c = fx_take_kind(inbox, FERRY_KIND_CLOSED);
		T_EQ(c.context, ((struct fx_desk *)c.user)->context);
		fx_done(&c);
	}
	T_EQ(ferry_inbox_take(&c, 1, inbox), 0);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Several inboxes, one context: each hears its own replies only. */
static void
several_inboxes(void)
{
	struct fx_desk d[3];
	ferry_request requests[3];
	ferry_completion c;

	d[0] = fx_desk_open();
	for (int i = 1; i < 3; i++) {
		d[i] = (struct fx_desk){d[0].context, fx_inbox()};
		fx_attach(d[i].inbox, d[i].context, 0, NULL);
	}
	for (int i = 0; i < 3; i++)
		requests[i] = fx_post(&d[i], FX_NOP, NULL, 0);
	fx_rest(d[0].context);
	for (int i = 0; i < 3; i++) {
		c = fx_take_kind(d[i].inbox, FERRY_KIND_REPLY);
		T_EQ(c.request, requests[i]);
		fx_done(&c);
		T_EQ(ferry_inbox_take(&c, 1, d[i].inbox), 0);
	}
	fx_close(d[0].context);
	for (int i = 0; i < 3; i++) {
		c = fx_take_kind(d[i].inbox, FERRY_KIND_CLOSED);
		fx_done(&c);
		T_OK(ferry_inbox_close(NULL, d[i].inbox));
	}
}

/* Submits by a stale token, to an inbox that its home does not remember. */
struct straggler {
	ferry_context stale;
	ferry_inbox inboxes[2];
	struct fx_gate closed;
	atomic_int begun, stop;
};

static void *
straggle(void *arg)
{
	struct straggler *s = arg;
	ferry_request_options o = fx_request_options();
	int r = fx_wait(fx_submit(s->stale, FX_NOP, NULL, 0, NULL));
	ferry_request request;
	ferry_counters c = {.struct_size = sizeof c};

	atomic_store(&s->begun, 1);
	fx_gate_pass(&s->closed);
	for (unsigned i = 0; !atomic_load(&s->stop); i++) {
		o.inbox = i % 3 == 2 ? 0 : s->inboxes[i % 3];
		r = ferry_request_submit(
		    &request, s->stale, FX_NOP, NULL, 0, &o);
		T_NE(r, FERRY_OK);
		T_NE(ferry_context_counters(&c, s->stale), FERRY_OK);
	}
	return NULL;
}

/* A slot is opened again under the eyes of those who still have the token of
 * before; it takes ThreadSanitizer to see what they could. */
static void
stale_submits_and_reopens(void)
{
	struct straggler s = {.inboxes = {fx_inbox(), fx_inbox()},
	    .closed = FX_GATE_SHUT};
	ferry_context_options o = fx_context_options();
	pthread_t thread;

	o.depth_total = 4;
	s.stale = fx_open_with(&o);
	thread = t_thread_start(straggle, &s);
	T_WAIT_UNTIL(atomic_load(&s.begun), FX_LIMIT_MS);
	fx_close(s.stale);
	fx_gate_open(&s.closed);
	for (int i = 0; i < 200; i++) {
		ferry_context context = fx_open_with(&o);

		fx_attach(s.inboxes[0], context, 0, NULL);
		fx_close(context);
		while (ferry_inbox_take(&(ferry_completion){0}, 1,
		    s.inboxes[0]) > 0)
			;
	}
	atomic_store(&s.stop, 1);
	t_thread_join(thread);
	T_OK(ferry_inbox_close(NULL, s.inboxes[0]));
	T_OK(ferry_inbox_close(NULL, s.inboxes[1]));
}

T_MAIN(
	T_RUN(closed_with_entries);
	T_RUN(closed_empty);
	T_RUN(stale_inbox);
	T_RUN(no_inbox);
	T_RUN(bad_options);
	T_RUN(attach);
	T_RUN(closed_notice_is_last);
	T_RUN(several_contexts);
	T_RUN(several_inboxes);
	T_RUN(stale_submits_and_reopens);
)
