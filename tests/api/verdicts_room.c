/*
 * Verdicts on calls that wait for room among the events of another worker's
 * context: what holds that one's event thread is to blame, and is named.
 */
#include "deadlines.h"
#include "ear.h"
#include "verdicts.h"

/* Of a small queue in which emits wait. */
static ferry_context
open_narrow(void)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = FERRY_EVENTS_BLOCK;
	o.event_capacity = 2;
	return fx_open_with(&o);
}

struct emitter {
	ferry_context to;
	atomic_int stop;
};

static int
emit_run(ferry_call call, void *arg)
{
	struct emitter *m = arg;

	(void)call;
	while (!atomic_load(&m->stop))
		ear_emit(m->to, FX_TICK, 0);
	return FERRY_OK;
}

/* Which context's queue is full, and what follows that. */
static void
names_room(const struct stall *r, ferry_context context, const char *more)
{
	char line[128];

	snprintf(line, sizeof line, "  room: in the event queue of context "
	    "0x%jx%s", (uintmax_t)context, more);
	T_ASSERT(strstr(r->text, line) != NULL);
}

/* What is said of it in the end is that. */
static void
expect(struct scene *s, struct emitter *m, uint32_t verdict, const char *more)
{
	ferry_request request = fx_do(s->context, emit_run, m);
	const struct stall *r;

	T_WAIT_UNTIL((r = find_verdict(
	    &s->heard, request, verdict)) != NULL, FX_LIMIT_MS);
	names_room(r, m->to, more);
	atomic_store(&m->stop, 1);
}

static void
settle(struct scene *s, ferry_context to)
{
	T_WAIT_UNTIL(health(s->context).worker == FERRY_THREAD_IDLE,
	    FX_LIMIT_MS);
	scene_close(s);
	fx_close(to);
}

static void
a_listener(void)
{
	struct emitter m = {.to = open_narrow()};
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0};
	struct scene s;

	scene_open(&s, NULL);
	ear_hold(&e, m.to, &gate);
	/* What Ferry itself knows is known everywhere. */
	expect(&s, &m, FERRY_VERDICT_IN_LISTENER,
	    ", behind listener \"ear\", for ");
	fx_gate_open(&gate);
	settle(&s, m.to);
}

static void
pass_gate(ferry_call call, void *gate)
{
	(void)call;
	fx_gate_pass(gate);
}

/* A deadline's, on the event thread; there is a listener, which is innocent. */
static void
a_cancel_hook(void)
{
	struct emitter m = {.to = open_narrow()};
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_later l = FX_LATER;
	struct ear e = {0};
	ferry_request late;
	uint64_t deadline;
	struct scene s;

	scene_open(&s, NULL);
	ear_add(&e, m.to, FERRY_EVENT_ANY);
	l.hook = pass_gate;
	l.hook_user = &gate;
	late = fx_later_until(&deadline, 50000000, m.to, &l);
	fx_gate_await(&gate, 1);
	expect(&s, &m, FERRY_VERDICT_IN_CANCEL_HOOK, "\n");
	for (uint32_t i = 0; i < stalls_n(&s.heard); i++)
		T_NE(s.heard.at[i]->s.verdict, FERRY_VERDICT_IN_LISTENER);
	fx_gate_open(&gate);
	T_OK(ferry_call_reply(l.call, FERRY_OK, NULL, 0));
	T_OK(fx_wait(late));
	settle(&s, m.to);
}

/* Who does not take: no listener's fault, though there is one. */
static void
an_inbox(void)
{
	struct emitter m = {.to = open_narrow()};
	ferry_attach_options o = {.struct_size = sizeof o,
	    .flags = FERRY_ATTACH_EVENTS, .event_capacity = 1};
	ferry_inbox full = fx_inbox();
	struct ear e = {0};
	struct scene s;

	scene_open(&s, NULL);
	ear_add(&e, m.to, FERRY_EVENT_ANY);
	T_OK(ferry_inbox_attach(full, m.to, &o));
	expect(&s, &m, told(FERRY_VERDICT_BLOCKED_LOCK), "\n");
	T_OK(ferry_inbox_close(NULL, full));
	settle(&s, m.to);
}

T_MAIN(
	if (runs_in_another())
		T_SKIP("the system tells of other threads");
	T_RUN(a_listener);
	T_RUN(a_cancel_hook);
	T_RUN(an_inbox);
)
