/*
 * A listener holds the event thread, and the FFI thread waits in an emit for
 * room: it tells all contexts of its worker from there, as it would between
 * requests, and of the end as well.
 */
#include "dumped.h"
#include "ear.h"
#include "strands.h"
#include "watched.h"

enum { CAPACITY = 4, EMITS = 20 };

static uint32_t
stuck_ms(void)
{
	return 40 * (uint32_t)t_slow();
}

/* Of a small queue in which emits wait; told after that many milliseconds. */
static ferry_context
open_blocking(const char *key, uint32_t told_ms)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = FERRY_EVENTS_BLOCK;
	o.event_capacity = CAPACITY;
	o.worker_key = key;
	o.levels.slow_ms = told_ms == FERRY_OFF ? FERRY_OFF : told_ms / 4;
	o.levels.stalled_ms = told_ms;
	o.levels.wedged_ms = FERRY_OFF;
	return st_open_with(&o);
}

/* A handler that emits more than there is room for. */
struct emitting {
	ferry_context to;
	atomic_int n;
	int most;
	int result;
	atomic_uint tid;
	struct fx_gate *then; /* passed when all is emitted, if there is one */
};

static int
emit_run(ferry_call call, void *arg)
{
	struct emitting *e = arg;
	int n;

	(void)call;
	atomic_store(&e->tid, fx_tid());
	while ((n = atomic_load(&e->n)) < e->most) {
		e->result =
		    ferry_context_emit(e->to, FX_TICK, &n, sizeof n);
		if (e->result != FERRY_OK)
			break;
		atomic_store(&e->n, n + 1);
	}
	if (e->then != NULL)
		fx_gate_pass(e->then);
	return e->result;
}

/* Until the FFI thread of that context waits for room. */
static void
await_emit(ferry_context context)
{
	T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IN_EMIT,
	    FX_LIMIT_MS);
}

/* The next that is not of the FFI thread's own stall: that is one, too. */
static ferry_completion
take_listening(ferry_inbox inbox)
{
	ferry_completion c;

	c = fx_take(inbox);
	while (c.kind == FERRY_KIND_NOT_RESPONDING ||
	    c.kind == FERRY_KIND_RESPONDING ||
	    c.kind == FERRY_KIND_OVERLOADED) {
		fx_done(&c);
		c = fx_take(inbox);
	}
	T_EQ(c.kind, FERRY_KIND_IN_LISTENER);
	return c;
}

static void
tells_of(const ferry_completion *c, ferry_context context, struct ear *e)
{
	T_EQ(c->context, context);
	T_EQ(c->listener, e->self);
	T_STR(c->name, "ear");
	T_EQ(c->code, FX_TICK);
	T_EQ(c->level, FERRY_LEVEL_STALLED);
	T_GE(c->age_ns, stuck_ms() * UINT64_C(1000000));
}

static void
is_told(ferry_inbox inbox, ferry_context context, struct ear *e)
{
	ferry_completion c = take_listening(inbox);

	tells_of(&c, context, e);
	T_EQ(c.count, 1);
}

static void
tells_the_end(const ferry_completion *c)
{
	T_EQ(c->level, FERRY_LEVEL_NONE);
	T_EQ(c->count, 1);
	T_GE(c->age_ns, stuck_ms() * UINT64_C(1000000));
}

static void
is_told_the_end(ferry_inbox inbox)
{
	ferry_completion c = take_listening(inbox);

	tells_the_end(&c);
}

/* And that the next call is stuck: late, both are one notice. */
static void
is_told_the_next(ferry_inbox inbox, ferry_context context, struct ear *e)
{
	ferry_completion c = take_listening(inbox);

	if (c.count == 2) {
		tells_of(&c, context, e);
		return;
	}
	tells_the_end(&c);
	is_told(inbox, context, e);
}

/* Nothing of listeners. */
static void
nothing_came(ferry_inbox inbox)
{
	ferry_completion c;

	while (ferry_inbox_take(&c, 1, inbox) == 1) {
		T_NE(c.kind, FERRY_KIND_IN_LISTENER);
		fx_done(&c);
	}
}

/* What must not come gets twice the time that it would take. */
static void
quiet(ferry_inbox inbox)
{
	uint64_t end = ferry_clock_ns() +
	    2 * (uint64_t)stuck_ms() * 1000000;

	while (ferry_clock_ns() < end) {
		ferry_inbox_wait(inbox, 2);
		nothing_came(inbox);
	}
}

/*
 * Two calls are stuck, one after the other, and the FFI thread is in the same
 * handler throughout: what is told it tells from its emits.
 */
static void
told_of_each_call(void)
{
	ferry_context context = open_blocking(NULL, stuck_ms());
	struct fx_gate first = FX_GATE_SHUT, second = FX_GATE_SHUT;
	struct ear a = {0}, b = {.gate = &second, .gate_at = 1};
	struct emitting e = {.to = context, .most = EMITS};
	ferry_inbox inbox = watch(context, NULL);
	ferry_request request;
	ferry_health h;

	ear_add(&b, context, FX_TICK);
	ear_hold(&a, context, &first);
	request = fx_do(context, emit_run, &e);
	await_emit(context);
	h = health(context);
	T_EQ(h.worker, FERRY_THREAD_IN_EMIT);
	T_EQ(h.request, request);
	T_EQ(h.watcher, FERRY_THREAD_IN_LISTENER);
	T_EQ(h.listener, a.self);
	is_told(inbox, context, &a);
	quiet(inbox);
	fx_gate_open(&first);
	fx_gate_await(&second, 1);
	is_told_the_next(inbox, context, &b);
	quiet(inbox);
	T_LT(atomic_load(&e.n), EMITS);
	fx_gate_open(&second);
	is_told_the_end(inbox);
	T_OK(fx_wait(request));
	T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IDLE,
	    FX_LIMIT_MS);
	quiet(inbox);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* The listener returns, and there is no room all the same: an inbox has none.
 * The end is told by who still waits. */
static void
end_told_while_waiting_on(void)
{
	ferry_context context = open_blocking(NULL, stuck_ms());
	ferry_attach_options o = {.struct_size = sizeof o,
	    .flags = FERRY_ATTACH_EVENTS, .event_capacity = 1};
	struct emitting e = {.to = context, .most = EMITS};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_inbox inbox = watch(context, NULL), full = fx_inbox();
	ferry_completion c;
	ferry_request request;
	struct ear ear = {0};
	int events = 0;

	T_OK(ferry_inbox_attach(full, context, &o));
	ear_emit(context, FX_TICK, 0);
	ear_settle(context);
	ear_hold(&ear, context, &gate);
	request = fx_do(context, emit_run, &e);
	await_emit(context);
	is_told(inbox, context, &ear);
	fx_gate_open(&gate);
	is_told_the_end(inbox);
	quiet(inbox);
	T_EQ(health(context).worker, FERRY_THREAD_IN_EMIT);
	T_EQ(health(context).listener, 0);
	while (events < EMITS + 2) {
		c = fx_take_kind(full, FERRY_KIND_EVENT);
		events++;
		fx_done(&c);
	}
	T_OK(fx_wait(request));
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_OK(ferry_inbox_close(NULL, full));
}

/* There is room, and the handler goes on with something else: it waits no more,
 * and has told. */
static void
end_told_when_there_is_room(void)
{
	ferry_context context = open_blocking(NULL, stuck_ms());
	struct fx_gate gate = FX_GATE_SHUT, then = FX_GATE_SHUT;
	struct emitting e = {.to = context, .most = CAPACITY + 1,
	    .then = &then};
	ferry_inbox inbox = watch(context, NULL);
	ferry_request request;
	struct ear ear = {0};

	ear_hold(&ear, context, &gate);
	request = fx_do(context, emit_run, &e);
	await_emit(context);
	is_told(inbox, context, &ear);
	fx_gate_open(&gate);
	fx_gate_await(&then, 1);
	T_EQ(health(context).worker, FERRY_THREAD_BUSY);
	T_EQ(health(context).request, request);
	is_told_the_end(inbox);
	fx_gate_open(&then);
	T_OK(fx_wait(request));
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Each context of the worker by its own levels, or never. */
static void
siblings_by_their_own_levels(void)
{
	ferry_context a = open_blocking("e", stuck_ms());
	ferry_context b = open_blocking("e", 4 * stuck_ms());
	ferry_context off = open_blocking("e", FERRY_OFF);
	ferry_inbox to_a = watch(a, NULL), to_b = watch(b, NULL);
	ferry_inbox to_off = watch(off, NULL);
	struct emitting e = {.to = b, .most = EMITS};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request;
	ferry_completion c;
	struct ear ear = {0};

	ear_hold(&ear, b, &gate);
	request = fx_do(off, emit_run, &e);
	await_emit(b);
	is_told(to_a, a, &ear);
	c = take_listening(to_b);
	T_EQ(c.context, b);
	T_GE(c.age_ns, 4 * stuck_ms() * UINT64_C(1000000));
	fx_gate_open(&gate);
	is_told_the_end(to_a);
	is_told_the_end(to_b);
	T_OK(fx_wait(request));
	T_EQ(ferry_inbox_take(&c, 1, to_off), 0);
	fx_close(a);
	fx_close(b);
	fx_close(off);
	T_OK(ferry_inbox_close(NULL, to_a));
	T_OK(ferry_inbox_close(NULL, to_b));
	T_OK(ferry_inbox_close(NULL, to_off));
}

/* How often a thread has gone to sleep by itself. */
static uint64_t
sleeps_of(uint32_t tid)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char path[64], text[4096], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%u/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	T_GE(fd, 0);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	T_GT(n, 0);
	text[n] = 0;
	at = strstr(text, key);
	T_ASSERT(at != NULL);
	return strtoull(at + strlen(key), NULL, 10);
}

/* It wakes by a tick of a third of the lowest level, or not at all. */
static void
sleeps_between_its_looks(uint32_t told_ms, uint64_t tick_ns)
{
	ferry_context context = open_blocking(NULL, told_ms);
	struct emitting e = {.to = context, .most = EMITS};
	struct fx_gate gate = FX_GATE_SHUT;
	uint64_t began, sleeps, took;
	ferry_request request;
	struct ear ear = {0};

	ear_hold(&ear, context, &gate);
	request = fx_do(context, emit_run, &e);
	await_emit(context);
	fx_await_sleeping(atomic_load(&e.tid));
	began = ferry_clock_ns();
	sleeps = sleeps_of(atomic_load(&e.tid));
	T_WAIT_UNTIL(ferry_clock_ns() - began > 300000000, FX_LIMIT_MS);
	sleeps = sleeps_of(atomic_load(&e.tid)) - sleeps;
	took = ferry_clock_ns() - began;
	T_LE(sleeps, took / tick_ns + 3);
	fx_gate_open(&gate);
	T_OK(fx_wait(request));
	fx_close(context);
}

static void
wakes_by_the_tick(void)
{
	sleeps_between_its_looks(240, 20000000);
	sleeps_between_its_looks(4, 5000000); /* no shorter than that */
	sleeps_between_its_looks(FERRY_OFF, UINT64_MAX);
}

/* Calls that return in time are nobody's business, however many. */
static void
short_ones_are_not_told(void)
{
	ferry_context context = open_blocking(NULL, 20 * stuck_ms());
	struct emitting e = {.to = context, .most = 2000};
	ferry_inbox inbox = watch(context, NULL);
	struct ear ear = {0};

	ear_add(&ear, context, FERRY_EVENT_ANY);
	T_OK(fx_do_wait(context, emit_run, &e));
	ear_await(&ear, 2000);
	nothing_came(inbox);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Held up by another worker's listener, whose own contexts' business that is:
 * here it is only seen. But it still looks after its own. */
static void
held_up_by_another_worker(void)
{
	ferry_context here = open_blocking(NULL, stuck_ms());
	ferry_context there = open_blocking(NULL, stuck_ms());
	struct fx_gate gate_here = FX_GATE_SHUT, gate_there = FX_GATE_SHUT;
	ferry_inbox to_here = watch(here, NULL);
	struct emitting e = {.to = there, .most = EMITS};
	struct ear at_here = {0}, at_there = {0};
	ferry_request request;

	ear_hold(&at_there, there, &gate_there);
	request = fx_do(here, emit_run, &e);
	await_emit(here);
	T_EQ(health(here).listener, 0);
	T_EQ(health(there).listener, at_there.self);
	T_NE(health(there).worker, FERRY_THREAD_IN_EMIT);
	quiet(to_here);
	ear_hold(&at_here, here, &gate_here);
	is_told(to_here, here, &at_here);
	fx_gate_open(&gate_here);
	is_told_the_end(to_here);
	T_EQ(health(here).worker, FERRY_THREAD_IN_EMIT);
	fx_gate_open(&gate_there);
	T_OK(fx_wait(request));
	fx_close(here);
	fx_close(there);
	T_OK(ferry_inbox_close(NULL, to_here));
}

struct rung {
	atomic_int n;
	atomic_uint tid;
};

static void
ring(void *arg)
{
	struct rung *r = arg;

	atomic_store(&r->tid, fx_tid());
	atomic_fetch_add(&r->n, 1);
}

/* A strand waits too, and rings a doorbell function from there. */
static void
told_by_a_strand(void)
{
	ferry_context context = open_blocking(NULL, stuck_ms());
	struct rung rung = {0};
	ferry_inbox_options o = {.struct_size = sizeof o, .doorbell = ring,
	    .user = &rung};
	struct emitting e = {.to = context, .most = EMITS};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request;
	struct ear ear = {0};
	ferry_inbox inbox;

	T_OK(ferry_inbox_open(&inbox, &o));
	fx_attach(inbox, context, FERRY_ATTACH_LIVENESS, NULL);
	ear_hold(&ear, context, &gate);
	request = st_spawn(context, emit_run, &e);
	await_emit(context);
	T_WAIT_UNTIL(atomic_load(&rung.n) == 1, FX_LIMIT_MS);
	T_ASSERT(fx_is_id_of(
	    health(context).worker_thread, atomic_load(&rung.tid)));
	is_told(inbox, context, &ear);
	fx_gate_open(&gate);
	is_told_the_end(inbox);
	T_OK(fx_wait(request));
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* A thread of the host's that waits is no FFI thread: it is not seen as one,
 * and tells nobody. */
static void *
emit_thread(void *arg)
{
	emit_run(0, arg);
	return NULL;
}

static void
other_threads_tell_nothing(void)
{
	ferry_context context = open_blocking(NULL, stuck_ms());
	struct emitting e = {.to = context, .most = EMITS};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_inbox inbox = watch(context, NULL);
	struct ear ear = {0};
	pthread_t thread;

	ear_hold(&ear, context, &gate);
	thread = t_thread_start(emit_thread, &e);
	quiet(inbox);
	T_NE(health(context).worker, FERRY_THREAD_IN_EMIT);
	T_EQ(health(context).listener, ear.self);
	fx_gate_open(&gate);
	t_thread_join(thread);
	T_OK(e.result);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
seen_in_a_dump(void)
{
	ferry_context context = open_blocking(NULL, stuck_ms());
	struct emitting e = {.to = context, .most = EMITS};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request;
	struct ear ear = {0};
	char *text;

	ear_hold(&ear, context, &gate);
	request = fx_do(context, emit_run, &e);
	await_emit(context);
	text = dump_now();
	dump_has(text, ": waits for room in an emit, level ");
	dump_has(text, ": in a listener, looked ");
	free(text);
	fx_gate_open(&gate);
	T_OK(fx_wait(request));
	fx_close(context);
}

T_MAIN(
	T_RUN(told_of_each_call);
	T_RUN(end_told_while_waiting_on);
	T_RUN(end_told_when_there_is_room);
	T_RUN(siblings_by_their_own_levels);
	T_RUN(wakes_by_the_tick);
	T_RUN(short_ones_are_not_told);
	T_RUN(held_up_by_another_worker);
	T_RUN(told_by_a_strand);
	T_RUN(other_threads_tell_nothing);
	T_RUN(seen_in_a_dump);
)
