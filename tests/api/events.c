/*
 * Events: who hears them, in which order, who may emit, and what each of the
 * three overflow policies does when nobody takes them.
 */
#include "fixture.h"

/* A job that emits `count` numbered events. */
struct burst {
	ferry_context context;
	uint32_t event;
	int first, count;
	int accepted, refused; /* out */
	int stop_at_refusal;
	int last;              /* the last result */
	_Atomic uint32_t tid;  /* out */
};

static int
burst_run(ferry_call call, void *arg)
{
	struct burst *b = arg;

	(void)call;
	atomic_store(&b->tid, fx_tid());
	for (int i = 0; i < b->count; i++) {
		int n = b->first + b->accepted;

		b->last = ferry_context_emit(
		    b->context, b->event, &n, sizeof n);
		b->accepted += b->last == FERRY_OK;
		b->refused += b->last != FERRY_OK;
		if (b->last != FERRY_OK && b->stop_at_refusal)
			break;
	}
	return FERRY_OK;
}

static ferry_context
open_policy(uint32_t policy, uint32_t capacity)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = policy;
	o.event_capacity = capacity;
	return fx_open_with(&o);
}

/* An inbox that hears events, with room for so many. */
static ferry_inbox
listen_to(ferry_context context, uint32_t capacity, void *user)
{
	ferry_attach_options o = {.struct_size = sizeof o,
	    .flags = FERRY_ATTACH_EVENTS, .event_capacity = capacity,
	    .user = user};
	ferry_inbox inbox = fx_inbox();

	T_OK(ferry_inbox_attach(inbox, context, &o));
	return inbox;
}

static int
number(const ferry_completion *c)
{
	int n;

	T_EQ(c->kind, FERRY_KIND_EVENT);
	T_EQ(c->size, sizeof n);
	memcpy(&n, c->data, sizeof n);
	return n;
}

static void
heard(void)
{
	ferry_context context = fx_open();
	int user;
	ferry_inbox inbox = listen_to(context, 0, &user);
	struct burst b = {.context = context, .event = FX_TOCK, .first = 7,
	    .count = 1};
	ferry_completion c;

	T_OK(fx_do_wait(context, burst_run, &b));
	T_EQ(b.accepted, 1);
	c = fx_take_kind(inbox, FERRY_KIND_EVENT);
	T_EQ(number(&c), 7);
	T_EQ(c.code, FX_TOCK);
	T_STR(c.name, "tock");
	T_EQ(c.context, context);
	T_EQ(c.request, 0);
	T_ASSERT(c.user == &user);
	T_EQ(c.count, 0); /* nothing was dropped before it */
	fx_done(&c);
	T_EQ(fx_counters(context).events_emitted, 1);
	T_EQ(fx_counters(context).events_delivered, 1);
	T_EQ(fx_counters(context).events_dropped, 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Each that wants them gets a copy of its own; who did not ask, none. */
static void
heard_by_all_who_asked(void)
{
	ferry_context context = fx_open();
	ferry_inbox inboxes[3], deaf = fx_inbox();
	struct burst b = {.context = context, .count = 20};
	ferry_completion c;

	fx_attach(deaf, context, FERRY_ATTACH_LIVENESS, NULL);
	for (int i = 0; i < 3; i++)
		inboxes[i] = listen_to(context, 0, NULL);
	T_OK(fx_do_wait(context, burst_run, &b));
	for (int n = 0; n < 20; n++) {
		for (int i = 0; i < 3; i++) {
			c = fx_take_kind(inboxes[i], FERRY_KIND_EVENT);
			T_EQ(number(&c), n);
			fx_done(&c);
		}
	}
	T_EQ(fx_counters(context).events_delivered, 60);
	T_EQ(ferry_inbox_take(&c, 1, deaf), 0);
	fx_close(context);
	for (int i = 0; i < 3; i++)
		T_OK(ferry_inbox_close(NULL, inboxes[i]));
	T_OK(ferry_inbox_close(NULL, deaf));
}

/* Without anybody who listens, events go nowhere and stop nobody. */
static void
heard_by_nobody(void)
{
	ferry_context context = fx_open();
	struct burst b = {.context = context, .count = 1000};
	ferry_counters n;

	T_OK(fx_do_wait(context, burst_run, &b));
	T_EQ(b.accepted, 1000);
	T_WAIT_UNTIL((n = fx_counters(context), n.events_unheard +
	    n.events_dropped == 1000), FX_LIMIT_MS);
	T_GT(n.events_unheard, 0);
	T_EQ(n.events_delivered, 0);
	T_EQ(n.events_overrun, 0);
	fx_close(context);
}

static int
sizes_run(ferry_call call, void *arg)
{
	static unsigned char bytes[(64 << 10) + 1];
	ferry_context context = *(ferry_context *)arg;

	(void)call;
	memset(bytes, 'e', sizeof bytes);
	T_OK(ferry_context_emit(context, FX_TICK, NULL, 0));
	T_OK(ferry_context_emit(context, FX_TICK, bytes, 512));
	T_OK(ferry_context_emit(context, FX_TICK, bytes, 513));
	T_OK(ferry_context_emit(context, FX_TICK, bytes, 64 << 10));
	T_EQ(ferry_context_emit(context, FX_TICK, bytes, (64 << 10) + 1),
	    FERRY_E2BIG);
	T_EQ(ferry_context_emit(context, FX_TICK, bytes, SIZE_MAX),
	    FERRY_E2BIG);
	T_EQ(ferry_context_emit(context, FX_TICK, NULL, 1), FERRY_EINVAL);
	T_EQ(ferry_context_emit(context, FX_N_EVENTS, "x", 1),
	    FERRY_ENOEVENT);
	T_EQ(ferry_context_emit(context, UINT32_MAX, "x", 1),
	    FERRY_ENOEVENT);
	T_EQ(ferry_context_emit(0, FX_TICK, "x", 1), FERRY_EINVAL);
	T_ASSERT(fx_no_token(
	    ferry_context_emit(FX_FORGED, FX_TICK, "x", 1)));
	return FERRY_OK;
}

static void
sizes(void)
{
	static const size_t want[] = {0, 512, 513, 64 << 10};
	ferry_context context = fx_open();
	ferry_inbox inbox = listen_to(context, 0, NULL);
	ferry_completion c;

	T_OK(fx_do_wait(context, sizes_run, &context));
	for (int i = 0; i < 4; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_EQ(c.size, want[i]);
		for (size_t n = 0; n < c.size; n++)
			T_EQ(((char *)c.data)[n], 'e');
		fx_done(&c);
	}
	T_EQ(fx_counters(context).events_emitted, 4);
	fx_close(context);
	T_EQ(ferry_inbox_take(&c, 1, inbox), 1); /* CLOSED, and no fifth */
	T_EQ(c.kind, FERRY_KIND_CLOSED);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Every thread may emit: a caller's, and another worker's FFI thread. */
static int
emit_to(ferry_call call, void *arg)
{
	int n = 2;

	(void)call;
	T_OK(ferry_context_emit(
	    *(ferry_context *)arg, FX_TICK, &n, sizeof n));
	return FERRY_OK;
}

static void
from_other_threads(void)
{
	ferry_context context = fx_open(), other = fx_open();
	ferry_inbox inbox = listen_to(context, 0, NULL);
	ferry_completion c;
	int n = 1;

	T_OK(ferry_context_emit(context, FX_TOCK, &n, sizeof n));
	T_OK(fx_do_wait(other, emit_to, &context));
	for (int i = 1; i <= 2; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_EQ(number(&c), i);
		T_EQ(c.code, i == 1 ? FX_TOCK : FX_TICK);
		T_EQ(c.count, 0);
		fx_done(&c);
	}
	T_EQ(fx_counters(context).events_emitted, 2);
	fx_close(context);
	fx_close(other);
	T_ASSERT(fx_no_token(
	    ferry_context_emit(context, FX_TICK, "x", 1)));
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
emit_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	int n = 3;

	(void)request;
	(void)status;
	(void)data;
	(void)size;
	T_OK(ferry_context_emit(
	    *(ferry_context *)user, FX_TICK, &n, sizeof n));
}

/* A reply callback is on the FFI thread too. */
static void
from_a_callback(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = listen_to(context, 0, NULL);
	ferry_request_options o = fx_request_options();
	ferry_completion c;

	o.callback = emit_in_callback;
	o.user = &context;
	fx_submit(context, FX_NOP, NULL, 0, &o);
	c = fx_take_kind(inbox, FERRY_KIND_EVENT);
	T_EQ(number(&c), 3);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Events emitted before the close arrive before CLOSED. */
static void
events_before_closed(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = listen_to(context, 0, NULL);
	struct burst b = {.context = context, .count = 100};
	ferry_completion c;

	T_OK(fx_do_wait(context, burst_run, &b));
	T_OK(ferry_context_close(context, NULL, NULL));
	for (int i = 0; i < 100; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_EQ(number(&c), i);
		fx_done(&c);
	}
	c = fx_take_kind(inbox, FERRY_KIND_CLOSED);
	fx_done(&c);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* --------------------------------------------------------------- policies */

/* Oldest first they go, and each that comes tells how many went before it. */
static void
drop_oldest(void)
{
	enum { N = 1000 };
	ferry_context context = open_policy(FERRY_EVENTS_DROP_OLDEST, 8);
	ferry_inbox inbox = listen_to(context, 8, NULL);
	struct burst b = {.context = context, .count = N};
	uint64_t dropped = 0;
	ferry_completion c;
	ferry_counters n;
	int last = -1, taken = 0;

	T_OK(fx_do_wait(context, burst_run, &b));
	T_EQ(b.accepted, N);
	while (last < N - 1) { /* the newest is never dropped */
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_GT(number(&c), last);
		T_EQ(number(&c), last + 1 + (int)c.count);
		last = number(&c);
		dropped += c.count;
		taken++;
		fx_done(&c);
	}
	T_EQ(taken + dropped, N);
	T_GT(dropped, 0);
	n = fx_counters(context);
	T_EQ(n.events_emitted, N);
	/* In the queue, and in the inbox. */
	T_EQ(n.events_dropped + n.events_overrun, dropped);
	T_EQ(n.events_emitted, n.events_dropped + n.events_delivered);
	T_EQ(n.events_unheard, 0);
	T_EQ(n.events_refused, 0);
	/* It goes on as ever. */
	b = (struct burst){.context = context, .first = N, .count = 3};
	T_OK(fx_do_wait(context, burst_run, &b));
	for (int i = 0; i < 3; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_EQ(number(&c), N + i);
		T_EQ(c.count, 0);
		fx_done(&c);
	}
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* A slow taker loses events of its own, not those of others. */
static void
drops_are_each_inbox_own(void)
{
	ferry_context context = open_policy(FERRY_EVENTS_DROP_OLDEST, 1024);
	ferry_inbox wide = listen_to(context, 1024, NULL);
	ferry_inbox narrow = listen_to(context, 2, NULL);
	struct burst b = {.context = context, .count = 500};
	ferry_completion c;
	int last = -1;

	T_OK(fx_do_wait(context, burst_run, &b));
	for (int i = 0; i < 500; i++) {
		c = fx_take_kind(wide, FERRY_KIND_EVENT);
		T_EQ(number(&c), i);
		T_EQ(c.count, 0);
		fx_done(&c);
	}
	while (last < 499) {
		c = fx_take_kind(narrow, FERRY_KIND_EVENT);
		T_EQ(number(&c), last + 1 + (int)c.count);
		last = number(&c);
		fx_done(&c);
	}
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, wide));
	T_OK(ferry_inbox_close(NULL, narrow));
}

/* Emits one event a request until a submit is refused too; returns how many
 * were accepted. */
static int
until_stuck(ferry_context context, int *refused)
{
	ferry_request request;
	int accepted = 0, r;

	for (int i = 0; i < 100000; i++) {
		struct burst b = {.context = context, .first = accepted,
		    .count = 1};
		struct fx_job job = {burst_run, &b};

		request = 77;
		r = ferry_request_submit(
		    &request, context, FX_DO, &job, sizeof job, NULL);
		if (r != FERRY_OK) {
			T_EQ(r, FERRY_ESTUCK);
			T_EQ(request, 77);
			return accepted;
		}
		T_EQ(fx_wait(request), FERRY_OK);
		T_ASSERT(b.last == FERRY_OK || b.last == FERRY_ESTUCK);
		accepted += b.accepted;
		*refused += b.refused;
	}
	T_FAIL("never stuck, after %d events", accepted);
}

static int
unstuck(ferry_context context)
{
	ferry_request request;
	int r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);

	if (r == FERRY_OK)
		T_EQ(fx_wait(request), FERRY_OK);
	else
		T_EQ(r, FERRY_ESTUCK);
	return r == FERRY_OK;
}

/* Refusals until there is room again; what was accepted arrives, all of it. */
static void
stuck(void)
{
	ferry_context context = open_policy(FERRY_EVENTS_STUCK, 4);
	ferry_inbox inbox = listen_to(context, 4, NULL);
	ferry_completion c;
	int accepted, refused = 0;

	for (int round = 0; round < 3; round++) {
		uint64_t before = fx_counters(context).events_emitted;

		accepted = until_stuck(context, &refused);
		T_GE(accepted, 4);
		for (int i = 0; i < accepted; i++) {
			c = fx_take_kind(inbox, FERRY_KIND_EVENT);
			T_EQ(number(&c), i);
			T_EQ(c.count, 0);
			fx_done(&c);
		}
		T_WAIT_UNTIL(unstuck(context), FX_LIMIT_MS);
		T_EQ(fx_counters(context).events_emitted - before, accepted);
	}
	T_EQ(fx_counters(context).events_refused, refused);
	T_EQ(fx_counters(context).events_dropped, 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Closing the inbox that did not take makes room as well. */
static void
stuck_until_inbox_closes(void)
{
	ferry_context context = open_policy(FERRY_EVENTS_STUCK, 2);
	ferry_inbox inbox = listen_to(context, 2, NULL);
	int refused = 0;

	T_GT(until_stuck(context, &refused), 0);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_WAIT_UNTIL(unstuck(context), FX_LIMIT_MS);
	fx_close(context);
}

/* The emitting handler waits: all arrive, in order, none dropped. */
static void
block(void)
{
	enum { N = 300 };
	ferry_context context = open_policy(FERRY_EVENTS_BLOCK, 4);
	ferry_inbox inbox = listen_to(context, 4, NULL);
	struct burst b = {.context = context, .count = N};
	ferry_request request = fx_do(context, burst_run, &b);
	ferry_completion c;

	for (int i = 0; i < N; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_EQ(number(&c), i);
		T_EQ(c.count, 0);
		fx_done(&c);
	}
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(b.accepted, N);
	T_EQ(fx_counters(context).events_dropped, 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Counted before it is told: who has an event finds it in the counters. */
static void
counted_before_taken(void)
{
	enum { N = 20000 };
	ferry_context context = open_policy(FERRY_EVENTS_BLOCK, 64);
	ferry_inbox inbox = listen_to(context, 64, NULL);
	struct burst b = {.context = context, .count = N};
	ferry_request request = fx_do(context, burst_run, &b);
	ferry_completion c;

	for (uint64_t i = 1; i <= N; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_EVENT);
		T_GE(fx_counters(context).events_delivered, i);
		fx_done(&c);
	}
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(fx_counters(context).events_delivered, N);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* An emitter nobody takes from; returns when it must be standing still:
 * as many entries as asked for in the queue, and in the inbox. */
static ferry_request
start_blocked(ferry_context context, struct burst *b)
{
	ferry_request request = fx_do(context, burst_run, b);

	/* The queue and the inbox are full, and the worker sleeps. */
	T_WAIT_UNTIL(
	    fx_counters(context).events_emitted >= 4 + 4, FX_LIMIT_MS);
	fx_await_waiting(atomic_load(&b->tid));
	return request;
}

static void
blocked_until_inbox_closes(void)
{
	ferry_context context = open_policy(FERRY_EVENTS_BLOCK, 4);
	ferry_inbox inbox = listen_to(context, 4, NULL);
	struct burst b = {.context = context, .count = 100};
	ferry_request request = start_blocked(context, &b);

	T_OK(ferry_inbox_close(NULL, inbox));
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(b.accepted, 100);
	fx_close(context);
}

/* A close that does not wait for takers frees the emitter, and says why. */
static void
blocked_until_context_closes(void)
{
	ferry_context context = open_policy(FERRY_EVENTS_BLOCK, 4);
	ferry_inbox inbox = listen_to(context, 4, NULL);
	struct burst b = {.context = context, .count = 100,
	    .stop_at_refusal = 1};
	ferry_request request = start_blocked(context, &b);

	T_OK(fx_close_mode(context, FERRY_CLOSE_CANCEL, 0, NULL));
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(b.last, FERRY_ECLOSED);
	T_LT(b.accepted, 100);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(heard);
	T_RUN(heard_by_all_who_asked);
	T_RUN(heard_by_nobody);
	T_RUN(sizes);
	T_RUN(from_other_threads);
	T_RUN(from_a_callback);
	T_RUN(events_before_closed);
	T_RUN(drop_oldest);
	T_RUN(drops_are_each_inbox_own);
	T_RUN(stuck);
	T_RUN(stuck_until_inbox_closes);
	T_RUN(block);
	T_RUN(counted_before_taken);
	T_RUN(blocked_until_inbox_closes);
	T_RUN(blocked_until_context_closes);
)
