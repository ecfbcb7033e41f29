/*
 * Closing a context, by draining and by cancelling; who may close, and what is
 * left of the context afterwards.
 */
#include <sys/mman.h>

#include "fixture.h"

enum { FOREVER = 0 };

/* A close on a thread of its own. */
struct closer {
	ferry_context context;
	uint32_t mode;
	int64_t timeout_ms;
	ferry_close_report report;
	atomic_int result; /* 1: not back yet */
};

static void *
close_thread(void *arg)
{
	struct closer *c = arg;

	atomic_store(&c->result, fx_close_mode(
	    c->context, c->mode, c->timeout_ms, &c->report));
	return NULL;
}

static int
refuses(ferry_context context)
{
	ferry_request request = 77;
	int r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);

	T_EQ(request, 77);
	return r == FERRY_ECLOSED;
}

/* Returns when the close has begun, that is: when submits are refused. */
static pthread_t
start_close(struct closer *c, ferry_context context, uint32_t mode)
{
	static struct fx_slot probes;
	ferry_request_options o = fx_to_slot(&probes);
	pthread_t thread;

	c->context = context;
	c->mode = mode;
	c->timeout_ms = FOREVER;
	atomic_store(&c->result, 1);
	thread = t_thread_start(close_thread, c);
	T_WAIT_UNTIL(ferry_request_submit(NULL, context, FX_NOP, NULL, 0,
	    &o) == FERRY_ECLOSED, FX_LIMIT_MS);
	return thread;
}

static void
end_close(struct closer *c, pthread_t thread)
{
	t_thread_join(thread);
	T_EQ(atomic_load(&c->result), FERRY_OK);
	T_EQ(c->report.running, 0);
	T_EQ(c->report.callback_not_run, 0);
	T_EQ(c->report.abandoned, 0);
	T_EQ(c->report.request, 0);
	T_ASSERT(c->report.method == NULL);
}

/* ----------------------------------------------------------------- drain */

/* What is queued still runs, in order, and is answered. */
static void
drain_runs_what_is_queued(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct closer c = {0};
	ferry_request held = fx_hold(context, &gate), requests[100];
	pthread_t thread;

	for (uint32_t i = 0; i < 100; i++)
		requests[i] = fx_mark(context, &trace, i, NULL);
	thread = start_close(&c, context, FERRY_CLOSE_DRAIN);
	T_EQ(refuses(context), 1);
	T_EQ(atomic_load(&c.result), 1);
	T_EQ(atomic_load(&trace.n), 0);
	fx_gate_open(&gate);
	end_close(&c, thread);
	T_EQ(atomic_load(&trace.n), 100);
	for (uint32_t i = 0; i < 100; i++) {
		T_EQ(trace.item[i], i);
		T_EQ(fx_wait(requests[i]), FERRY_OK); /* still to be taken */
	}
	T_EQ(fx_wait(held), FERRY_OK);
}

static void
drain_awaits_what_is_deferred(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	struct closer c = {0};
	ferry_request request = fx_later(context, &l);
	pthread_t thread = start_close(&c, context, FERRY_CLOSE_DRAIN);

	t_sleep_ms(FX_QUIET_MS);
	T_EQ(atomic_load(&c.result), 1);
	T_OK(ferry_call_check(l.call)); /* a drain cancels nothing */
	T_OK(ferry_call_reply(l.call, 3, "late", 4));
	end_close(&c, thread);
	T_EQ(fx_wait(request), 3);
}

/* All callbacks have run when the close returns: catches one that comes
 * later, and one that never comes. */
static void
drain_runs_callbacks(void)
{
	ferry_context context = fx_open();
	struct fx_slot slots[200];
	ferry_request_options o;

	memset(slots, 0, sizeof slots);
	for (int i = 0; i < 200; i++) {
		o = fx_to_slot(&slots[i]);
		fx_submit(context, FX_STATUS, &i, sizeof i, &o);
	}
	T_OK(ferry_context_close(context, NULL, NULL));
	for (int i = 0; i < 200; i++) {
		T_EQ(atomic_load(&slots[i].calls), 1);
		T_EQ(slots[i].status, i);
	}
}

/* A timeout that suffices is only a timeout. */
static void
drain_in_time(void)
{
	ferry_context context = fx_open();
	ferry_request request = fx_submit(context, FX_NOP, NULL, 0, NULL);
	ferry_close_report report;

	T_OK(fx_close_mode(context, FERRY_CLOSE_DRAIN, 60000, &report));
	T_EQ(report.abandoned, 0);
	T_EQ(fx_wait(request), FERRY_OK);
}

/* ---------------------------------------------------------------- cancel */

struct victim {
	struct fx_gate gate;
	atomic_int hooks;
};

static void
hook(ferry_call call, void *user)
{
	struct victim *v = user;

	(void)call;
	atomic_fetch_add(&v->hooks, 1);
	fx_gate_open(&v->gate);
}

static int
victim_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	T_OK(ferry_call_on_cancel(call, hook, v));
	fx_gate_pass(&v->gate);
	return ferry_call_check(call);
}

static void
cancel_stops_what_runs(void)
{
	ferry_context context = fx_open();
	struct victim v = {FX_GATE_SHUT, 0};
	struct fx_trace trace = {0};
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request running = fx_do(context, victim_run, &v), queued;

	fx_gate_await(&v.gate, 1);
	queued = fx_mark(context, &trace, 1, NULL);
	fx_mark(context, &trace, 2, &o);
	T_OK(fx_close_mode(context, FERRY_CLOSE_CANCEL, FOREVER, NULL));
	T_EQ(atomic_load(&v.hooks), 1);
	T_EQ(fx_wait(running), FERRY_ECANCELED);
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	T_EQ(atomic_load(&slot.calls), 1);
	T_EQ(slot.status, FERRY_ECLOSED);
	T_EQ(atomic_load(&trace.n), 0);
}

struct deferred_victim {
	struct victim v;
	struct fx_gate deferred;
	ferry_call call;
};

static int
deferred_victim_run(ferry_call call, void *arg)
{
	struct deferred_victim *d = arg;

	d->call = call;
	T_OK(ferry_call_defer(call));
	T_OK(ferry_call_on_cancel(call, hook, &d->v));
	fx_gate_open(&d->deferred);
	return FERRY_OK;
}

static void *
answer_when_hooked(void *arg)
{
	struct deferred_victim *d = arg;

	fx_gate_pass(&d->v.gate); /* the hook opens it */
	T_OK(ferry_call_reply(d->call, FERRY_ECANCELED, NULL, 0));
	return NULL;
}

static void
cancel_stops_what_is_deferred(void)
{
	ferry_context context = fx_open();
	struct deferred_victim d = {.v = {.gate = FX_GATE_SHUT},
	    .deferred = FX_GATE_SHUT};
	ferry_request request = fx_do(context, deferred_victim_run, &d);
	pthread_t thread;

	fx_gate_pass(&d.deferred);
	thread = t_thread_start(answer_when_hooked, &d);
	T_OK(fx_close_mode(context, FERRY_CLOSE_CANCEL, FOREVER, NULL));
	t_thread_join(thread);
	T_EQ(atomic_load(&d.v.hooks), 1);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
}

/* --------------------------------------------------------------- abandon */

/* -------------------------------------------------------------- who, when */

static void
second_closer(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct closer c = {0};
	ferry_request held = fx_hold(context, &gate);
	pthread_t thread = start_close(&c, context, FERRY_CLOSE_DRAIN);
	ferry_close_report report;

	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_EALREADY);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EALREADY);
	T_EQ(report.running, 0); /* the report is written only with EBUSY/OK */
	fx_gate_open(&gate);
	end_close(&c, thread);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
}

struct rival {
	ferry_context context;
	pthread_barrier_t *start;
};

static void *
rival_thread(void *arg)
{
	struct rival *r = arg;

	pthread_barrier_wait(r->start);
	return (void *)(intptr_t)ferry_context_close(r->context, NULL, NULL);
}

/* Four at once: one closes. */
static void
closers_racing(void)
{
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, 4);
	for (int round = 0; round < 50; round++) {
		struct rival rival = {fx_open(), &start};
		pthread_t threads[4];
		int ok = 0;

		for (int i = 0; i < 4; i++)
			threads[i] = t_thread_start(rival_thread, &rival);
		for (int i = 0; i < 4; i++) {
			intptr_t r = (intptr_t)t_thread_join(threads[i]);

			ok += r == FERRY_OK;
			T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY ||
			    r == FERRY_ESTALE);
		}
		T_EQ(ok, 1);
	}
	pthread_barrier_destroy(&start);
}

static int
close_own(ferry_call call, void *arg)
{
	(void)call;
	return ferry_context_close(*(ferry_context *)arg, NULL, NULL);
}

/* Not from a handler, of this context or any other. */
static void
from_handlers(void)
{
	ferry_context a = fx_open(), b = fx_open();

	T_EQ(fx_do_wait(a, close_own, &a), FERRY_EREENTRANT);
	T_EQ(fx_do_wait(a, close_own, &b), FERRY_EREENTRANT);
	T_EQ(fx_wait(fx_submit(a, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_wait(fx_submit(b, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(a);
	fx_close(b);
}

static void
no_context(void)
{
	ferry_context context = fx_open();
	ferry_close_options o = {.struct_size = sizeof o, .mode = 3};
	ferry_close_report report = {.struct_size = sizeof report,
	    .running = 77};

	T_EQ(ferry_context_close(0, NULL, NULL), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_context_close(FX_FORGED, NULL, NULL)));
	T_EQ(ferry_context_close(context, &o, &report), FERRY_EINVAL);
	o.mode = 0;
	o.flags = 1;
	T_EQ(ferry_context_close(context, &o, &report), FERRY_EINVAL);
	o.flags = 0;
	o.struct_size = 2;
	T_EQ(ferry_context_close(context, &o, &report), FERRY_EINVAL);
	T_EQ(report.running, 77);
	/* None of them closed anything. */
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
}

/* Everything that takes a context says that this one is gone. */
static void
afterwards(void)
{
	ferry_context context = fx_open();
	ferry_counters c = {.struct_size = sizeof c};
	ferry_health h = {.struct_size = sizeof h};
	ferry_inbox inbox = fx_inbox();
	ferry_reply reply;
	ferry_request request = 77;

	fx_close(context);
	T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL),
	    FERRY_ESTALE);
	T_EQ(request, 77);
	T_EQ(ferry_request_invoke(&reply, &request, context, FX_NOP, NULL, 0,
	    NULL, -1), FERRY_ESTALE);
	T_EQ(ferry_context_counters(&c, context), FERRY_ESTALE);
	T_EQ(ferry_context_health(&h, context), FERRY_ESTALE);
	T_EQ(ferry_inbox_attach(inbox, context, NULL), FERRY_ESTALE);
	T_EQ(ferry_context_emit(context, 0, NULL, 0), FERRY_ESTALE);
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* A full queue does not hide that it is closed: catches EAGAIN for ever, for a
 * caller that tries again until it hears something else. */
static void
closed_and_full(void)
{
	ferry_context_options co = fx_context_options();
	ferry_context context;
	ferry_request a, b, c = 77;
	int r;

	co.depth = 2;
	context = fx_open_with(&co);
	a = fx_submit(context, FX_NOP, NULL, 0, NULL);
	b = fx_submit(context, FX_NOP, NULL, 0, NULL);
	T_EQ(ferry_request_submit(&c, context, FX_NOP, NULL, 0, NULL),
	    FERRY_EAGAIN);
	T_OK(ferry_context_close(context, NULL, NULL));
	r = ferry_request_submit(&c, context, FX_NOP, NULL, 0, NULL);
	T_ASSERT(r == FERRY_ECLOSED || r == FERRY_ESTALE);
	T_EQ(c, 77);
	T_EQ(fx_wait(a), FERRY_OK); /* both are still there */
	T_EQ(fx_wait(b), FERRY_OK);
}

/* ---------------------------------------------- nothing is touched later */

/* Everything the context was given lies in one page, which is taken away
 * when the close has returned: whoever touches it then, crashes. */
struct page {
	struct fx_life life;
	struct fx_slot slots[8];
	char payload[512];
	atomic_int freed;
};

static void
count_free(void *data, void *user)
{
	struct page *page = user;

	*(char *)data = 'f';
	atomic_fetch_add(&page->freed, 1);
}

static void
untouched_round(uint32_t mode)
{
	struct page *page = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ferry_context_options co = fx_context_options();
	ferry_request_options o;
	ferry_context context;

	T_ASSERT(page != MAP_FAILED);
	T_ASSERT(sizeof *page <= 1 << 16);
	co.init_arg = &page->life;
	context = fx_open_with(&co);
	for (int i = 0; i < 8; i++) {
		o = fx_to_slot(&page->slots[i]);
		if (i % 2 == 0) {
			o.flags = FERRY_REQUEST_ADOPT;
			o.free = count_free;
			o.free_user = page;
		}
		fx_submit(context, FX_ECHO, page->payload, 512, &o);
	}
	T_OK(fx_close_mode(context, mode, FOREVER, NULL));
	for (int i = 0; i < 8; i++)
		T_EQ(atomic_load(&page->slots[i].calls), 1);
	T_EQ(atomic_load(&page->freed), 4);
	T_EQ(atomic_load(&page->life.finis), 1);
	T_OK(mprotect(page, 1 << 16, PROT_NONE));
	/* Left there for the rest of the program: a late touch comes late. */
}

static void
nothing_touched_afterwards(void)
{
	for (int round = 0; round < 40; round++)
		untouched_round(round % 2 ? FERRY_CLOSE_DRAIN :
		    FERRY_CLOSE_CANCEL);
}

static int
count_threads(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	int n = -1;

	if (f == NULL)
		return -1;
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "Threads: %d", &n) == 1)
			break;
	}
	fclose(f);
	return n;
}

/* With the last context of a worker both its threads are gone: joined, that
 * is, though the kernel may take a moment to forget one. */
static void
threads_are_joined(void)
{
	ferry_context a = fx_open(), b;
	/* After the first, with which a sanitizer starts one of its own; and
	 * before any close, whose threads may be counted for a moment more. */
	int one = count_threads();

	b = fx_open();
	T_EQ(count_threads(), one + 2);
	fx_close(a);
	T_WAIT_UNTIL(count_threads() == one, FX_LIMIT_MS);
	fx_close(b);
	T_WAIT_UNTIL(count_threads() == one - 2, FX_LIMIT_MS);
}

T_MAIN(
	T_RUN(threads_are_joined);
	T_RUN(drain_runs_what_is_queued);
	T_RUN(drain_awaits_what_is_deferred);
	T_RUN(drain_runs_callbacks);
	T_RUN(drain_in_time);
	T_RUN(cancel_stops_what_runs);
	T_RUN(cancel_stops_what_is_deferred);
	T_RUN(second_closer);
	T_RUN(closers_racing);
	T_RUN(from_handlers);
	T_RUN(no_context);
	T_RUN(afterwards);
	T_RUN(closed_and_full);
	T_RUN(nothing_touched_afterwards);
)
