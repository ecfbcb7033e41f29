/*
 * Events and inboxes when memory or descriptors are refused: an emit that
 * failed has said nothing, and a copy that could not be made is counted and
 * its gap told.
 */
#include "steps.h"

enum { EMITS = 6, LARGE = 600, CAPACITY = 16 };

static const uint32_t policies[] = { FERRY_EVENTS_DROP_OLDEST,
	FERRY_EVENTS_STUCK, FERRY_EVENTS_BLOCK };

struct emits {
	ferry_context context;
	int n;
};

/* Numbers, small and large in turn. */
static int
emit(ferry_call call, void *arg)
{
	struct emits *e = arg;
	char data[LARGE] = { 0 };

	(void)call;
	for (int i = 0; i < e->n; i++) {
		data[0] = (char)i;
		STEP(ferry_context_emit(e->context, FX_TICK, data,
		    i % 2 ? LARGE : 8), FERRY_ENOMEM);
	}
	return FERRY_OK;
}

static ferry_context
open_with(uint32_t policy)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = policy;
	o.event_capacity = CAPACITY;
	return steps_open(&o);
}

static void
emits_unheard(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct emits e = { open_with(policies[i]), EMITS };
		ferry_counters c;

		T_EQ(fx_wait(steps_do(e.context, emit, &e, NULL)), FERRY_OK);
		c = fx_counters(e.context);
		T_EQ(c.events_emitted, EMITS);
		T_EQ(c.events_unheard, EMITS);
		steps_close(e.context, 1);
	}
}

/* Every number comes, or is in a gap: from what is taken until CLOSED. */
static uint64_t
take_numbers(ferry_inbox inbox)
{
	uint64_t next = 0, taken = 0;
	ferry_completion c;

	for (;;) {
		c = fx_take(inbox);
		if (c.kind == FERRY_KIND_CLOSED)
			return taken;
		if (c.kind == FERRY_KIND_EVENT) {
			next += c.count;
			T_EQ(*(char *)c.data, next);
			T_EQ(c.size, next % 2 ? LARGE : 8);
			next++;
			taken++;
		}
		fx_done(&c);
	}
}

/* Law 12 for events, at rest, with one inbox that wants them. An event is
 * counted as delivered just before the inbox has it, and as dispatched when it
 * has been offered to all. */
static void
check_counters(ferry_context context, uint64_t *delivered)
{
	ferry_counters c;

	T_WAIT_UNTIL(fx_counters(context).events_dispatched == EMITS,
	    FX_LIMIT_MS);
	c = fx_counters(context);
	T_EQ(c.events_delivered + c.events_overrun, EMITS);
	T_EQ(c.events_emitted, EMITS);
	T_EQ(c.events_dropped, 0);
	T_EQ(c.events_refused, 0);
	T_EQ(c.events_unheard, 0);
	T_LE(c.events_overrun, atomic_load(&inject.fired));
	*delivered = c.events_delivered;
}

static void
emits_heard(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct emits e = { open_with(policies[i]), EMITS };
		ferry_inbox inbox = steps_inbox();
		uint64_t delivered;

		steps_attach(inbox, e.context,
		    FERRY_ATTACH_EVENTS | FERRY_ATTACH_LIVENESS);
		T_EQ(fx_wait(steps_do(e.context, emit, &e, NULL)), FERRY_OK);
		check_counters(e.context, &delivered);
		steps_close(e.context, 1);
		T_EQ(take_numbers(inbox), delivered);
		T_OK(ferry_inbox_close(NULL, inbox));
	}
}

static int
emit_in_vain(ferry_call call, void *arg)
{
	static const char data[LARGE];
	struct emits *e = arg;

	(void)call;
	inject_arm(INJECT_MEMORY, 1, 1);
	for (int i = 0; i < 3 * CAPACITY; i++)
		T_EQ(ferry_context_emit(e->context, FX_TICK, data, LARGE),
		    FERRY_ENOMEM);
	T_EQ(inject_disarm(), 3 * CAPACITY);
	T_OK(ferry_context_emit(e->context, FX_TICK, data, 8));
	return FERRY_OK;
}

/* Catches a queue that has less room after each refusal. */
static void
refused_for_long(void)
{
	struct emits e = { open_with(FERRY_EVENTS_STUCK), 0 };
	ferry_inbox inbox = steps_inbox();
	ferry_completion c;

	steps_attach(inbox, e.context, FERRY_ATTACH_EVENTS);
	T_EQ(fx_do_wait(e.context, emit_in_vain, &e), FERRY_OK);
	c = fx_take_kind(inbox, FERRY_KIND_EVENT);
	T_EQ(c.count, 0);
	fx_done(&c);
	T_EQ(fx_counters(e.context).events_emitted, 1);
	fx_close(e.context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Nobody takes, and the inbox goes first: what was copied is freed. */
static void
inbox_closed_with_events_inside(void)
{
	struct emits e = { open_with(FERRY_EVENTS_DROP_OLDEST), EMITS };
	ferry_inbox inbox = steps_inbox();
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	uint64_t delivered, discarded;

	steps_attach(inbox, e.context, FERRY_ATTACH_EVENTS);
	steps_do(e.context, emit, &e, &o);
	/* When this one has been answered, that one has, too. */
	T_OK(fx_wait(steps_submit(e.context, FX_NOP, NULL, 0, NULL)));
	check_counters(e.context, &delivered);
	T_OK(ferry_inbox_close(&discarded, inbox));
	T_EQ(discarded, delivered + 1);
	steps_close(e.context, 2);
}

static atomic_int rung;

static void
ring(void *user)
{
	(void)user;
	atomic_fetch_add(&rung, 1);
}

/* Several inboxes on several contexts; some with a doorbell function, which
 * needs no descriptor. */
static void
inboxes(void)
{
	ferry_inbox_options bell = { .struct_size = sizeof bell,
		.doorbell = ring };
	ferry_context contexts[2] = { steps_open(NULL), steps_open(NULL) };
	ferry_inbox inboxes[3];
	ferry_attach_options o = { .struct_size = sizeof o,
		.flags = FERRY_ATTACH_LIVENESS };
	uint64_t discarded = 0, sum = 0;

	atomic_store(&rung, 0);
	for (int i = 0; i < 3; i++) {
		STEP_OUT(inboxes[i], ferry_inbox_open(&inboxes[i],
		    i == 2 ? &bell : NULL), FERRY_ENOMEM, FERRY_ESYSTEM);
		for (int k = 0; k < 2; k++)
			STEP(ferry_inbox_attach(inboxes[i], contexts[k], &o),
			    FERRY_ENOMEM);
	}
	steps_close(contexts[0], 0);
	for (int i = 0; i < 3; i++) {
		T_OK(ferry_inbox_close(&discarded, inboxes[i]));
		sum += discarded;
	}
	T_EQ(sum, 3); /* CLOSED, of the first context */
	T_GE(atomic_load(&rung), 1);
	steps_close(contexts[1], 0);
}

T_MAIN(
	INJECT_EACH(emits_unheard, 30);
	INJECT_EACH(emits_heard, 50);
	INJECT_EACH(inbox_closed_with_events_inside, 20);
	INJECT_EACH(inboxes, 25);
	T_RUN(refused_for_long);
)
