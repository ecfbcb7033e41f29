/*
 * A listener that does not return: health names it, and so does the FFI thread
 * while it beats, to whoever wants liveness: once, and once more at the end.
 */
#include "ear.h"
#include "watched.h"

static uint32_t
stuck_ms(void)
{
	return 40 * (uint32_t)t_slow();
}

static ferry_context
open_stuck_after(uint32_t stalled, const char *key)
{
	ferry_context_options o = fx_context_options();

	o.levels.slow_ms = 10 * (uint32_t)t_slow();
	o.levels.stalled_ms = stalled;
	o.levels.wedged_ms = stalled == FERRY_OFF ? FERRY_OFF : 100 * stalled;
	o.worker_key = key;
	return fx_open_with(&o);
}

/* The FFI thread looks between requests: keep some coming. */
static void
beat(ferry_context context)
{
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
}

/* Requests, until there is something in the inbox; takes it. */
static ferry_completion
take_beating(ferry_context context, ferry_inbox inbox)
{
	ferry_completion c = {.kind = 0};

	T_WAIT_UNTIL((beat(context),
	    ferry_inbox_take(&c, 1, inbox) == 1), FX_LIMIT_MS);
	return c;
}

/* Nothing comes for twice the time that it would take. */
static void
quiet_beating(ferry_context context, ferry_inbox inbox)
{
	uint64_t end = ferry_clock_ns() +
	    2 * (uint64_t)stuck_ms() * 1000000;
	ferry_completion c;

	while (ferry_clock_ns() < end) {
		beat(context);
		T_EQ(ferry_inbox_take(&c, 1, inbox), 0);
	}
}

static void
health_names_it(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0};
	ferry_health h, later;

	h = health(context);
	T_EQ(h.listener, 0);
	T_ASSERT(h.listener_name == NULL);
	T_EQ(h.listener_age_ns, 0);
	ear_hold(&e, context, &gate);
	h = health(context);
	T_EQ(h.watcher, FERRY_THREAD_IN_LISTENER);
	T_EQ(h.listener, e.self);
	T_STR(h.listener_name, "ear");
	T_WAIT_UNTIL((later = health(context), later.listener_age_ns >
	    h.listener_age_ns + 1000000), FX_LIMIT_MS);
	T_EQ(later.listener, e.self);
	T_OK(ferry_listener_remove(e.self));
	T_EQ(health(context).listener, e.self);
	fx_gate_open(&gate);
	ear_await_gone(&e);
	T_WAIT_UNTIL((h = health(context), h.listener == 0), FX_LIMIT_MS);
	T_WAIT_UNTIL(health(context).watcher != FERRY_THREAD_IN_LISTENER,
	    FX_LIMIT_MS);
	T_ASSERT(health(context).listener_name == NULL);
	T_EQ(health(context).listener_age_ns, 0);
	fx_close(context);
}

static void
health_names_a_gone(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {.gone_gate = &gate};
	ferry_health h;

	ear_add(&e, context, FERRY_EVENT_ANY);
	T_OK(ferry_listener_remove(e.self));
	fx_gate_await(&gate, 1);
	h = health(context);
	T_EQ(h.watcher, FERRY_THREAD_IN_LISTENER);
	T_EQ(h.listener, e.self);
	T_STR(h.listener_name, "ear");
	fx_gate_open(&gate);
	ear_await_gone(&e);
	fx_close(context);
}

/* Once, however long it takes, and its end. */
static void
told_once_and_at_the_end(void)
{
	ferry_context context = open_stuck_after(stuck_ms(), NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0};
	int user;
	ferry_inbox inbox = watch(context, &user), deaf = fx_inbox();
	ferry_completion c;

	fx_attach(deaf, context, FERRY_ATTACH_EVENTS, NULL);
	e.gate = &gate;
	ear_add(&e, context, FX_TOCK);
	ear_emit(context, FX_TOCK, 0);
	fx_gate_await(&gate, 1);
	c = take_beating(context, inbox);
	T_EQ(c.kind, FERRY_KIND_IN_LISTENER);
	T_EQ(c.context, context);
	T_EQ(c.listener, e.self);
	T_STR(c.name, "ear");
	T_EQ(c.code, FX_TOCK);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_GE(c.age_ns, stuck_ms() * UINT64_C(1000000));
	T_EQ(c.request, 0);
	T_EQ(c.count, 1);
	T_ASSERT(c.user == &user);
	T_ASSERT(c.data == NULL);
	quiet_beating(context, inbox);
	fx_gate_open(&gate);
	c = take_beating(context, inbox);
	T_EQ(c.kind, FERRY_KIND_IN_LISTENER);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	T_EQ(c.count, 1);
	T_GE(c.age_ns, 3 * stuck_ms() * UINT64_C(1000000));
	quiet_beating(context, inbox);
	/* Who did not ask for liveness got the event alone. */
	c = fx_take_kind(deaf, FERRY_KIND_EVENT);
	fx_done(&c);
	T_EQ(ferry_inbox_take(&c, 1, deaf), 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_OK(ferry_inbox_close(NULL, deaf));
}

/* The FFI thread has gone to sleep meanwhile: it is woken to tell the end. */
static void
end_is_told_by_a_sleeper(void)
{
	ferry_context context = open_stuck_after(stuck_ms(), NULL);
	ferry_inbox inbox = watch(context, NULL);
	ferry_completion c;

	for (int round = 0; round < 3; round++) {
		struct fx_gate gate = FX_GATE_SHUT;
		struct ear e = {0};
		uint64_t parks;

		ear_hold(&e, context, &gate);
		c = take_beating(context, inbox);
		T_EQ(c.kind, FERRY_KIND_IN_LISTENER);
		T_EQ(c.listener, e.self);
		T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IDLE,
		    FX_LIMIT_MS);
		parks = fx_counters(context).parks;
		fx_gate_open(&gate);
		c = fx_take_kind(inbox, FERRY_KIND_IN_LISTENER);
		T_EQ(c.level, FERRY_LEVEL_NONE);
		T_WAIT_UNTIL(fx_counters(context).parks == parks + 1,
		    FX_LIMIT_MS);
		T_OK(ferry_listener_remove_wait(e.self, -1));
	}
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* A next call at once is another one: the end of the first is told all the
 * same, and the second in its time. */
static void
one_after_the_other(void)
{
	ferry_context context = open_stuck_after(stuck_ms(), NULL);
	struct fx_gate first = FX_GATE_SHUT, second = FX_GATE_SHUT;
	ferry_inbox inbox = watch(context, NULL);
	struct ear a = {.gate = &first}, b = {.gate = &second};
	ferry_completion c;

	ear_add(&a, context, FX_TICK);
	ear_add(&b, context, FX_TOCK);
	ear_emit(context, FX_TICK, 0);
	ear_emit(context, FX_TOCK, 0);
	fx_gate_await(&first, 1);
	c = take_beating(context, inbox);
	T_EQ(c.listener, a.self);
	fx_gate_open(&first);
	c = take_beating(context, inbox);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	fx_gate_await(&second, 1);
	c = take_beating(context, inbox);
	T_EQ(c.listener, b.self);
	T_EQ(c.code, FX_TOCK);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	fx_gate_open(&second);
	c = take_beating(context, inbox);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
merged_when_not_taken(void)
{
	ferry_context context = open_stuck_after(stuck_ms(), NULL);
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0};
	ferry_completion c[2];
	int fd;

	T_OK(ferry_inbox_fd(&fd, inbox));
	ear_hold(&e, context, &gate);
	T_WAIT_UNTIL((beat(context),
	    ferry_inbox_wait(inbox, 0) == FERRY_OK), FX_LIMIT_MS);
	fx_gate_open(&gate);
	ear_settle(context);
	/* The worker is woken for the end, and sleeps again when it is told. */
	T_WAIT_UNTIL(health(context).listener == 0 &&
	    health(context).worker == FERRY_THREAD_IDLE, FX_LIMIT_MS);
	beat(context);
	beat(context);
	T_EQ(ferry_inbox_take(c, 2, inbox), 1);
	T_EQ(c[0].kind, FERRY_KIND_IN_LISTENER);
	T_EQ(c[0].level, FERRY_LEVEL_NONE);
	T_EQ(c[0].count, 2);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* All contexts of the worker are held up: each is told by its own levels, with
 * the token of a listener that may be another's. */
static void
siblings_by_their_own_levels(void)
{
	ferry_context a = open_stuck_after(stuck_ms(), "l");
	ferry_context b = open_stuck_after(4 * stuck_ms(), "l");
	ferry_context stranger = open_stuck_after(stuck_ms(), NULL);
	ferry_inbox to_a = watch(a, NULL), to_b = watch(b, NULL);
	ferry_inbox to_other = watch(stranger, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0};
	ferry_completion c;

	ear_hold(&e, a, &gate);
	c = take_beating(b, to_a);
	T_EQ(c.context, a);
	T_LT(c.age_ns, 100 * stuck_ms() * UINT64_C(1000000));
	c = take_beating(b, to_b);
	T_EQ(c.context, b);
	T_EQ(c.listener, e.self);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_GE(c.age_ns, 4 * stuck_ms() * UINT64_C(1000000));
	T_EQ(health(b).listener, e.self);
	T_STR(health(b).listener_name, "ear");
	beat(stranger);
	T_EQ(ferry_inbox_take(&c, 1, to_other), 0);
	T_EQ(health(stranger).listener, 0);
	fx_gate_open(&gate);
	c = take_beating(b, to_a);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	c = take_beating(b, to_b);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	T_EQ(c.context, b);
	fx_close(a);
	fx_close(b);
	fx_close(stranger);
	T_OK(ferry_inbox_close(NULL, to_a));
	T_OK(ferry_inbox_close(NULL, to_b));
	T_OK(ferry_inbox_close(NULL, to_other));
}

/* Who has returned before a level was reached has no end to tell either. */
static void
too_short_to_tell(void)
{
	ferry_context a = open_stuck_after(stuck_ms(), "t");
	ferry_context b = open_stuck_after(FERRY_OFF, "t");
	ferry_inbox to_a = watch(a, NULL), to_b = watch(b, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0};
	ferry_completion c;

	ear_hold(&e, b, &gate);
	c = take_beating(b, to_a);
	T_EQ(c.listener, e.self);
	fx_gate_open(&gate);
	c = take_beating(b, to_a);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	quiet_beating(b, to_b);
	fx_close(a);
	fx_close(b);
	T_OK(ferry_inbox_close(NULL, to_a));
	T_OK(ferry_inbox_close(NULL, to_b));
}

/* Without a name: the event's, out of the listener's own library. */
static void
named_after_its_event(void)
{
	static const ferry_event events[] = {
	    {.struct_size = sizeof(ferry_event), .name = "other"},
	    {.struct_size = sizeof(ferry_event), .name = "another"}};
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "other",
	    .events = events, .n_events = 2};
	ferry_context a = open_stuck_after(stuck_ms(), "n"), b;
	ferry_context_options co = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {.context = a, .gate = &gate};
	ferry_listener_options o = ear_options(&e, FX_TOCK);
	ferry_inbox to_a = watch(a, NULL), to_b;
	ferry_completion c;

	T_OK(ferry_library_open(&co.library, &lo));
	co.worker_key = "n";
	co.levels.slow_ms = 10 * (uint32_t)t_slow();
	co.levels.stalled_ms = stuck_ms();
	T_OK(ferry_context_open(&b, &co));
	T_OK(ferry_library_close(co.library));
	to_b = watch(b, NULL);
	o.name = NULL;
	T_OK(ferry_listener_add(&e.self, a, &o));
	ear_emit(a, FX_TOCK, 0);
	fx_gate_await(&gate, 1);
	c = take_beating(a, to_a);
	T_STR(c.name, "tock");
	T_ASSERT(health(a).listener_name == NULL);
	T_EQ(health(a).listener, e.self);
	c = take_beating(a, to_b);
	T_STR(c.name, "tock");
	T_EQ(c.code, FX_TOCK);
	fx_gate_open(&gate);
	fx_close(a);
	fx_close(b);
	T_OK(ferry_inbox_close(NULL, to_a));
	T_OK(ferry_inbox_close(NULL, to_b));
}

/* Stuck in `gone`: it is no event that holds it. */
static void
stuck_in_gone(void)
{
	ferry_context context = open_stuck_after(stuck_ms(), NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {.gone_gate = &gate};
	ferry_inbox inbox = watch(context, NULL);
	ferry_completion c;

	ear_add(&e, context, FERRY_EVENT_ANY);
	T_OK(ferry_listener_remove(e.self));
	c = take_beating(context, inbox);
	T_EQ(c.kind, FERRY_KIND_IN_LISTENER);
	T_EQ(c.listener, e.self);
	T_EQ(c.code, FERRY_EVENT_ANY);
	T_STR(c.name, "ear");
	fx_gate_open(&gate);
	c = take_beating(context, inbox);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* ---------------------------------------------------------- stall callbacks */

static int
stay(const ferry_stall *stall, void *gate)
{
	if (stall->kind == FERRY_STALL_BEGAN)
		fx_gate_pass(gate);
	return FERRY_STALL_GO_ON;
}

/* That is the callback's, and not of the stall that it hears of. */
static ferry_completion
take_listening(ferry_context context, ferry_inbox inbox)
{
	ferry_completion c = take_beating(context, inbox);

	while (c.kind != FERRY_KIND_IN_LISTENER) {
		fx_done(&c);
		c = take_beating(context, inbox);
	}
	return c;
}

/* It holds the event thread as a listener does, and is named like one: by the
 * context whose it is. */
static void
stuck_in_a_stall_callback(void)
{
	ferry_context context = open_stuck_after(stuck_ms(), "c");
	ferry_context sibling = open_stuck_after(stuck_ms(), "c");
	struct fx_gate gate = FX_GATE_SHUT, inside = FX_GATE_SHUT;
	ferry_watch_options o = {.struct_size = sizeof o,
	    .flags = FERRY_WATCH_NO_STACKS, .interval_ms = FERRY_OFF,
	    .callback = stay, .user = &inside};
	ferry_inbox inbox = watch(sibling, NULL);
	ferry_request held;
	ferry_completion c;
	ferry_health h;

	T_OK(ferry_context_watch(context, &o));
	held = fx_hold(context, &gate);
	fx_gate_await(&inside, 1);
	h = health(sibling);
	T_EQ(h.watcher, FERRY_THREAD_IN_LISTENER);
	T_EQ(h.listener, context);
	T_STR(h.listener_name, "stall callback");
	T_WAIT_UNTIL(health(sibling).listener_age_ns >
	    h.listener_age_ns + 1000000, FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	c = take_listening(sibling, inbox);
	T_EQ(c.context, sibling);
	T_EQ(c.listener, context);
	T_STR(c.name, "stall callback");
	T_EQ(c.code, FERRY_EVENT_ANY);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_GE(c.age_ns, stuck_ms() * UINT64_C(1000000));
	fx_gate_open(&inside);
	c = take_listening(sibling, inbox);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	T_WAIT_UNTIL((h = health(sibling), h.listener == 0), FX_LIMIT_MS);
	T_ASSERT(h.listener_name == NULL);
	fx_close(context);
	fx_close(sibling);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Called all the time, and never for long. */
static void
busy_is_not_stuck(void)
{
	ferry_context context = open_stuck_after(5 * stuck_ms(), NULL);
	ferry_inbox inbox = watch(context, NULL);
	uint64_t end = ferry_clock_ns() +
	    10 * (uint64_t)stuck_ms() * 1000000;
	struct ear e = {0};
	ferry_completion c;

	ear_add(&e, context, FERRY_EVENT_ANY);
	while (ferry_clock_ns() < end || atomic_load(&e.n) <= 1000) {
		ear_emit_there(context, 0, 200);
		T_EQ(ferry_inbox_take(&c, 1, inbox), 0);
	}
	ear_settle(context);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(health_names_it);
	T_RUN(health_names_a_gone);
	T_RUN(told_once_and_at_the_end);
	T_RUN(end_is_told_by_a_sleeper);
	T_RUN(one_after_the_other);
	T_RUN(merged_when_not_taken);
	T_RUN(siblings_by_their_own_levels);
	T_RUN(too_short_to_tell);
	T_RUN(named_after_its_event);
	T_RUN(stuck_in_gone);
	T_RUN(stuck_in_a_stall_callback);
	T_RUN(busy_is_not_stuck);
)
