/*
 * Emitting from everywhere: threads of the library's own, callers, stale
 * tokens; all sizes; and until the context has ended. What overflow does is in
 * emit_full.c and emit_account.c.
 */
#include "ear.h"

/* ---------------------------------------------- threads of the library's */

struct device {
	ferry_context context;
	pthread_t thread;
	struct fx_gate ready;
	int in_init;      /* what an emit in init was told */
	int thread_first; /* and one on its thread, before the open returned */
	int sent, last;
	atomic_int run;
};

/* Until it is told that there is no context any more. */
static void *
device_thread(void *arg)
{
	struct device *d = arg;
	int r;

	fx_gate_pass(&d->ready);
	while (!atomic_load(&d->run))
		sched_yield();
	for (;;) {
		r = ferry_context_emit(
		    d->context, FX_TICK, &d->sent, sizeof d->sent);
		if (r != FERRY_OK)
			break;
		d->sent++;
	}
	d->last = r;
	return NULL;
}

static int
device_init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct device *d = (void *)(uintptr_t)arg;
	int n = 0;

	(void)text;
	(void)text_size;
	*state = d;
	d->context = context;
	d->in_init = ferry_context_emit(context, FX_TICK, &n, sizeof n);
	d->thread = t_thread_start(device_thread, d);
	return 0;
}

static ferry_context
open_device(struct device *d, uint32_t capacity, uint32_t policy)
{
	static const ferry_event events[] = {
	    {.struct_size = sizeof(ferry_event), .name = "tick"}};
	ferry_library_options lo = {.struct_size = sizeof lo,
	    .name = "device", .events = events, .n_events = 1,
	    .init = device_init};
	ferry_context_options o = fx_context_options();
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &lo));
	o.init_arg = d;
	o.event_capacity = capacity;
	o.event_policy = policy;
	T_OK(ferry_context_open(&context, &o));
	T_OK(ferry_library_close(o.library));
	return context;
}

/* A thread started by init emits until the context is gone, drained closes
 * meanwhile: everything that was accepted has been heard, in order. */
static void
device_until_closed(void)
{
	for (int round = 0; round < 20; round++) {
		struct device d = {.ready = FX_GATE_SHUT};
		ferry_context context =
		    open_device(&d, 64, FERRY_EVENTS_BLOCK);
		struct ear e = {0};

		T_EQ(d.in_init, FERRY_ESTALE);
		ear_add(&e, context, FERRY_EVENT_ANY);
		fx_gate_open(&d.ready);
		atomic_store(&d.run, 1);
		T_WAIT_UNTIL(atomic_load(&e.n) > 100, FX_LIMIT_MS);
		T_OK(ferry_context_close(context, NULL, NULL));
		t_thread_join(d.thread);
		T_ASSERT(d.last == FERRY_ECLOSED || d.last == FERRY_ESTALE);
		T_EQ(atomic_load(&e.n), d.sent);
		for (int i = 0; i < d.sent && i < EAR_MOST; i++)
			T_EQ(e.heard[i], i);
		T_EQ(ferry_context_emit(context, FX_TICK, NULL, 0),
		    FERRY_ESTALE);
	}
}

/* The emitters go on with stale tokens while the slot gets new owners, whose
 * descriptions die with them: nobody hears another's event. */
struct stray {
	_Atomic ferry_context target;
	atomic_int stop;
	atomic_int accepted;
};

static void *
stray_thread(void *arg)
{
	struct stray *s = arg;

	while (!atomic_load(&s->stop)) {
		ferry_context c = atomic_load(&s->target);
		int r = ferry_context_emit(c, FX_TICK, &c, sizeof c);

		T_ASSERT(r == FERRY_OK || r == FERRY_ECLOSED ||
		    r == FERRY_ESTALE || c == 0);
		if (r == FERRY_OK)
			atomic_fetch_add(&s->accepted, 1);
	}
	return NULL;
}

static void
own_events_alone(ferry_context context, uint32_t event, const void *data,
    size_t size, uint64_t dropped, void *user)
{
	(void)event;
	(void)dropped;
	T_EQ(size, sizeof context);
	T_MEM(data, &context, size);
	atomic_fetch_add((atomic_int *)user, 1);
}

static void
strays_and_new_owners(void)
{
	struct stray s = {.target = 0};
	pthread_t threads[3];
	atomic_int heard = 0;

	for (int i = 0; i < 3; i++)
		threads[i] = t_thread_start(stray_thread, &s);
	for (int i = 0; i < 100; i++) {
		ferry_context context = fx_open();
		ferry_listener_options o = {.struct_size = sizeof o,
		    .event = FERRY_EVENT_ANY, .listener = own_events_alone,
		    .user = &heard};
		ferry_listener l;
		ferry_counters n;

		T_OK(ferry_listener_add(&l, context, &o));
		atomic_store(&s.target, context);
		T_WAIT_UNTIL((n = fx_counters(context),
		    n.events_emitted > 20), FX_LIMIT_MS);
		T_OK(ferry_context_close(context, NULL, NULL));
	}
	atomic_store(&s.stop, 1);
	for (int i = 0; i < 3; i++)
		t_thread_join(threads[i]);
	T_LE(atomic_load(&heard), atomic_load(&s.accepted));
	T_GT(atomic_load(&heard), 0);
}

/* ------------------------------------------------------------------ sizes */

struct sizes {
	size_t size[8];
	atomic_int n;
};

static void
hear_size(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct sizes *s = user;

	(void)context;
	(void)event;
	T_EQ(dropped, 0);
	T_EQ(data == NULL, size == 0);
	for (size_t i = 0; i < size; i++)
		T_EQ(((const unsigned char *)data)[i], (i * 7) & 0xff);
	s->size[atomic_load(&s->n)] = size;
	atomic_fetch_add(&s->n, 1);
}

static void
emit_sizes(ferry_context context)
{
	static unsigned char bytes[(64 << 10) + 1];
	static const size_t good[] = {0, 512, 513, 64 << 10};

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 7);
	for (int i = 0; i < 4; i++)
		T_OK(ferry_context_emit(context, FX_TICK, bytes, good[i]));
	T_EQ(ferry_context_emit(context, FX_TICK, bytes, (64 << 10) + 1),
	    FERRY_E2BIG);
	T_EQ(ferry_context_emit(context, FX_TICK, bytes, SIZE_MAX),
	    FERRY_E2BIG);
	T_EQ(ferry_context_emit(context, FX_TICK, NULL, 1), FERRY_EINVAL);
	T_EQ(ferry_context_emit(context, FX_N_EVENTS, bytes, 1),
	    FERRY_ENOEVENT);
	T_EQ(ferry_context_emit(context, FERRY_EVENT_ANY, bytes, 1),
	    FERRY_ENOEVENT);
}

static int
sizes_run(ferry_call call, void *arg)
{
	(void)call;
	emit_sizes(*(ferry_context *)arg);
	return FERRY_OK;
}

static void
sizes(void)
{
	static const size_t want[] = {0, 512, 513, 64 << 10};
	ferry_context context = fx_open();
	struct sizes s = {.n = 0};
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = hear_size, .user = &s};
	ferry_listener l;

	T_OK(ferry_listener_add(&l, context, &o));
	emit_sizes(context);
	ear_settle(context); /* else the two classes come by turns */
	T_OK(fx_do_wait(context, sizes_run, &context));
	T_WAIT_UNTIL(atomic_load(&s.n) == 8, FX_LIMIT_MS);
	for (int i = 0; i < 8; i++)
		T_EQ(s.size[i], want[i % 4]);
	T_EQ(fx_counters(context).events_emitted, 8);
	T_EQ(fx_counters(context).events_refused, 0);
	T_EQ(ferry_context_emit(0, FX_TICK, NULL, 0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(
	    ferry_context_emit(FX_FORGED, FX_TICK, NULL, 0)));
	fx_close(context);
}

/* -------------------------------------------------------- the end of all */

static ferry_context leaving;
static int fini_emit, fini_add;
static atomic_int fini_seen;

static int
keep_context(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)arg;
	(void)text;
	(void)text_size;
	*state = &leaving;
	leaving = context;
	return 0;
}

static void
emit_in_fini(void *state)
{
	struct ear e = {0};
	ferry_listener_options o = ear_options(&e, 0);
	ferry_listener l;
	int n = 55;

	T_ASSERT(state == &leaving);
	fini_emit = ferry_context_emit(leaving, 0, &n, sizeof n);
	fini_add = ferry_listener_add(&l, leaving, &o);
	T_EQ(atomic_load(&e.gone), 0);
	atomic_fetch_add(&fini_seen, 1);
}

static void
heard_from_fini(void)
{
	static const ferry_event events[] = {
	    {.struct_size = sizeof(ferry_event), .name = "tick"}};
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "fini",
	    .events = events, .n_events = 1, .init = keep_context,
	    .fini = emit_in_fini};
	ferry_context_options o = fx_context_options();
	ferry_context context;
	struct ear e = {0};

	T_OK(ferry_library_open(&o.library, &lo));
	T_OK(ferry_context_open(&context, &o));
	ear_add(&e, context, 0);
	T_OK(ferry_library_close(o.library));
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&fini_seen), 1);
	T_EQ(fini_emit, FERRY_OK);
	T_EQ(fini_add, FERRY_ECLOSED);
	T_EQ(atomic_load(&e.n), 1);
	T_EQ(e.heard[0], 55);
}

/* After fini, while the event thread still delivers. */
static void
emit_after_fini(struct ear *e)
{
	int n = 1;

	e->result = ferry_context_emit(e->context, FX_TICK, &n, sizeof n);
}

static void *
close_it(void *arg)
{
	T_OK(ferry_context_close(*(ferry_context *)arg, NULL, NULL));
	return NULL;
}

static void
closed_after_fini(void)
{
	struct fx_life life = {.inits = 0};
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {.also = emit_after_fini};
	ferry_context context;
	pthread_t closer;
	int n = 2;

	o.init_arg = &life;
	context = fx_open_with(&o);
	ear_hold(&e, context, &gate);
	closer = t_thread_start(close_it, &context);
	T_WAIT_UNTIL(atomic_load(&life.finis) == 1, FX_LIMIT_MS);
	/* fini may be on its way out: then this is accepted, and heard. */
	T_WAIT_UNTIL(ferry_context_emit(context, FX_TICK, &n, sizeof n) ==
	    FERRY_ECLOSED, FX_LIMIT_MS);
	fx_gate_open(&gate);
	t_thread_join(closer);
	T_EQ(e.result, FERRY_ECLOSED);
	T_EQ(ferry_context_emit(context, FX_TICK, &n, sizeof n),
	    FERRY_ESTALE);
}

/* A listener that says something for everything it hears never runs dry; the
 * close ends it all the same. */
static void
echo(struct ear *e)
{
	int n = 0, r;

	r = ferry_context_emit(e->context, FX_TOCK, &n, sizeof n);
	T_ASSERT(r == FERRY_OK || r == FERRY_ECLOSED);
}

static void
echoes_end_with_the_close(void)
{
	ferry_context context = fx_open();
	struct ear e = {.also = echo};

	ear_add(&e, context, FERRY_EVENT_ANY);
	ear_emit(context, FX_TICK, 0);
	T_WAIT_UNTIL(atomic_load(&e.n) > 1000, FX_LIMIT_MS);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&e.gone), 1);
}

/* A source that never runs dry keeps the event thread neither from a sibling's
 * events nor from its watch. */
static void
others_have_their_turn(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear loud = {.also = echo}, quiet = {0};
	ferry_inbox inbox = fx_inbox();
	ferry_context a, b;
	ferry_request held;
	ferry_completion c;

	o.worker_key = "turns";
	o.levels.slow_ms = 10 * (uint32_t)t_slow();
	o.levels.stalled_ms = 40 * (uint32_t)t_slow();
	a = fx_open_with(&o);
	b = fx_open_with(&o);
	fx_attach(inbox, b, FERRY_ATTACH_LIVENESS, NULL);
	ear_add(&loud, a, FERRY_EVENT_ANY);
	ear_add(&quiet, b, FERRY_EVENT_ANY);
	ear_emit(a, FX_TICK, 0);
	for (int i = 1; i <= 20; i++) {
		ear_emit(b, FX_TICK, i);
		ear_await(&quiet, i);
	}
	held = fx_hold(b, &gate);
	c = fx_take_kind(inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.request, held);
	fx_done(&c);
	fx_gate_open(&gate);
	c = fx_take_kind(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	T_EQ(fx_wait(held), FERRY_OK);
	/* Removals too. */
	T_OK(ferry_listener_remove_wait(quiet.self, -1));
	T_OK(ferry_context_close(b, NULL, NULL));
	T_OK(ferry_context_close(a, NULL, NULL));
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void *
from_own_thread(void *arg)
{
	ear_emit(*(ferry_context *)arg, FX_TICK, 2);
	return NULL;
}

static int
start_thread_run(ferry_call call, void *arg)
{
	(void)call;
	ear_emit(*(ferry_context *)arg, FX_TICK, 1);
	t_thread_join(t_thread_start(from_own_thread, arg));
	return FERRY_OK;
}

/* A thread that a handler starts is another thread than its own. */
static void
thread_of_a_handler(void)
{
	ferry_context context = fx_open(), other = fx_open();
	struct ear e = {0};

	ear_add(&e, context, FERRY_EVENT_ANY);
	T_OK(fx_do_wait(context, start_thread_run, &context));
	ear_await(&e, 2);
	T_EQ(e.heard[0] + e.heard[1], 3);
	T_OK(fx_do_wait(other, start_thread_run, &context));
	ear_await(&e, 4);
	fx_close(context);
	fx_close(other);
}

T_MAIN(
	T_RUN(device_until_closed);
	T_RUN(strays_and_new_owners);
	T_RUN(sizes);
	T_RUN(heard_from_fini);
	T_RUN(closed_after_fini);
	T_RUN(echoes_end_with_the_close);
	T_RUN(others_have_their_turn);
	T_RUN(thread_of_a_handler);
)
