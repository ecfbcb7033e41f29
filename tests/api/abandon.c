/*
 * Closing what does not end: everybody is answered at once, what a wedged
 * handler still uses is kept, and a second close waits for it.
 */
#include "fixture.h"

enum { FOREVER = 0 };

static int
refuses(ferry_context context)
{
	ferry_request request = 77;
	int r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);

	T_EQ(request, 77);
	return r == FERRY_ECLOSED;
}

/* Past its timeout a drain abandons. */
static void
drain_with_timeout(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_close_report report;
	ferry_request held = fx_hold(context, &gate);
	ferry_request queued = fx_mark(context, &trace, 1, NULL);
	uint64_t began = t_now_ns();

	T_EQ(fx_close_mode(context, FERRY_CLOSE_DRAIN, 30, &report),
	    FERRY_EBUSY);
	T_GE(t_now_ns() - began, 30000000);
	T_EQ(report.running, 1);
	T_EQ(report.request, held);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	fx_gate_open(&gate);
	T_OK(fx_close_mode(context, FERRY_CLOSE_DRAIN, FOREVER, NULL));
	T_EQ(atomic_load(&trace.n), 0);
}

/* It waits for a moment only, which may be too short for the FFI thread to come
 * round; nothing of the library's runs all the same. */
static int
abandon_idle(ferry_context context)
{
	ferry_close_report report;
	int r = fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report);

	T_EQ(report.running, 0);
	T_EQ(report.abandoned, 0);
	return r;
}

static void
abandon_when_idle(void)
{
	ferry_context context = fx_open();
	ferry_request request = fx_submit(context, FX_NOP, NULL, 0, NULL);
	int r;

	fx_rest(context);
	T_WAIT_UNTIL(
	    (r = abandon_idle(context)) != FERRY_EBUSY, FX_LIMIT_MS);
	T_OK(r);
	T_EQ(fx_wait(request), FERRY_OK); /* it had been answered before */
}

struct waiter {
	ferry_request request;
	int status;
};

static void *
wait_thread(void *arg)
{
	struct waiter *w = arg;

	w->status = fx_wait(w->request);
	return NULL;
}

/* Everybody is answered at once, the wedged handler notwithstanding; what
 * needs its thread is counted and never runs. */
static void
abandon_when_wedged(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct fx_slot slots[3];
	ferry_request_options o;
	ferry_close_report report;
	struct waiter w;
	ferry_completion c;
	ferry_request held, boxed;
	pthread_t thread;

	memset(slots, 0, sizeof slots);
	fx_attach(inbox, context, 0, NULL);
	held = fx_hold(context, &gate);
	w.request = fx_mark(context, &trace, 1, NULL);
	thread = t_thread_start(wait_thread, &w);
	o = fx_to_inbox(inbox, NULL);
	boxed = fx_mark(context, &trace, 2, &o);
	for (int i = 0; i < 3; i++) {
		o = fx_to_slot(&slots[i]);
		fx_mark(context, &trace, 3, &o);
	}
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(report.running, 1);
	T_EQ(report.callback_not_run, 3);
	/* Whether those three count as answered is not said. */
	T_ASSERT(report.abandoned == 3 || report.abandoned == 6);
	T_EQ(report.request, held);
	T_STR(report.method, "gate");
	t_thread_join(thread);
	T_EQ(w.status, FERRY_ECLOSED);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.request, boxed);
	T_EQ(c.status, FERRY_ECLOSED);
	fx_done(&c);
	T_EQ(fx_wait(held), FERRY_ECLOSED);

	fx_gate_open(&gate);
	T_OK(fx_close_mode(context, FERRY_CLOSE_DRAIN, FOREVER, NULL));
	for (int i = 0; i < 3; i++)
		T_EQ(atomic_load(&slots[i].calls), 0);
	T_EQ(atomic_load(&trace.n), 0);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static int
pass_run(ferry_call call, void *gate)
{
	(void)call;
	fx_gate_pass(gate);
	return FERRY_OK;
}

/* What the FFI thread would have called is called by the closer: once, and
 * never again when that thread comes back. */
static void
callbacks_on_any_thread(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_later later = FX_LATER;
	struct fx_job jobs[2] = {{fx_later_run, &later}, {pass_run, &gate}};
	struct fx_slot slots[4];
	ferry_request requests[4];
	ferry_request_options o;
	ferry_close_report report;

	memset(slots, 0, sizeof slots);
	for (int i = 0; i < 4; i++) {
		o = fx_to_slot(&slots[i]);
		o.flags = FERRY_REQUEST_ANY_THREAD;
		requests[i] = i < 2
		    ? fx_submit(context, FX_DO, &jobs[i], sizeof jobs[i], &o)
		    : fx_submit(context, FX_NOP, NULL, 0, &o);
	}
	/* 0 is answered and has yet to be told, 1 runs, 2 is cancelled in the
	 * queue, 3 is queued. */
	fx_gate_pass(&later.deferred);
	fx_gate_await(&gate, 1);
	T_OK(ferry_call_reply(later.call, 0, "late", 4));
	T_OK(ferry_request_cancel(requests[2]));
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(report.callback_not_run, 0);
	for (int i = 0; i < 4; i++) {
		T_EQ(atomic_load(&slots[i].calls), 1);
		T_EQ(slots[i].status,
		    i == 2 ? FERRY_ECANCELED : FERRY_ECLOSED);
	}
	fx_gate_open(&gate);
	T_OK(fx_close_mode(context, FERRY_CLOSE_DRAIN, FOREVER, NULL));
	for (int i = 0; i < 4; i++)
		T_EQ(atomic_load(&slots[i].calls), 1);
}

/* Closed but busy: still refused, still busy, until the handler comes back. */
static void
abandon_twice(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_close_report report;
	ferry_request held = fx_hold(context, &gate);
	int r;

	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(refuses(context), 1);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(report.running, 1);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_DRAIN, 10, &report),
	    FERRY_EBUSY);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	fx_gate_open(&gate);
	T_WAIT_UNTIL((r = fx_close_mode(context, FERRY_CLOSE_ABANDON, 0,
	    NULL)) == FERRY_OK || r != FERRY_EBUSY, FX_LIMIT_MS);
	T_EQ(r, FERRY_OK);
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
}

struct wedged {
	struct fx_gate gate;
	struct fx_job *adopted;
	int late_reply, check;
	atomic_int freed;
};

static int
wedged_run(ferry_call call, void *arg)
{
	struct wedged *w = arg;

	fx_gate_pass(&w->gate);
	T_EQ(atomic_load(&w->freed), 0);
	T_ASSERT(w->adopted->arg == w); /* our payload, still readable */
	w->check = ferry_call_check(call);
	w->late_reply = ferry_call_reply(call, 0, "too late", 8);
	return FERRY_OK;
}

/* What a wedged handler may still read is kept; its answer is refused. */
static void
abandoned_handler_comes_back(void)
{
	struct fx_life life = {0};
	ferry_context_options co = fx_context_options();
	struct wedged w = {.gate = FX_GATE_SHUT};
	struct fx_job *job = malloc(sizeof *job);
	ferry_request_options o = fx_request_options();
	ferry_context context;
	ferry_request request;

	co.init_arg = &life;
	context = fx_open_with(&co);
	*job = (struct fx_job){wedged_run, &w};
	w.adopted = job;
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = &w.freed;
	request = fx_submit(context, FX_DO, job, sizeof *job, &o);
	fx_gate_await(&w.gate, 1);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
	T_EQ(atomic_load(&w.freed), 0);
	T_EQ(atomic_load(&life.finis), 0);
	fx_gate_open(&w.gate);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(w.late_reply, FERRY_ESTALE);
	T_EQ(atomic_load(&w.freed), 1);
	T_EQ(atomic_load(&life.finis), 1);
}

/* A deferred call that is abandoned: its caller is answered, its answer is
 * refused; the context is busy until that has come. */
static void
abandon_what_is_deferred(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	struct fx_job *job = malloc(sizeof *job);
	ferry_request_options o = fx_request_options();
	atomic_int freed = 0;
	ferry_close_report report;
	ferry_request request;

	*job = (struct fx_job){fx_later_run, &l};
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = &freed;
	request = fx_submit(context, FX_DO, job, sizeof *job, &o);
	fx_gate_pass(&l.deferred);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(report.abandoned, 1);
	T_EQ(report.running, 1);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
	T_EQ(atomic_load(&freed), 0);
	T_ASSERT(job->arg == &l); /* the replier may read it yet */
	T_EQ(ferry_call_reply(l.call, 0, "too late", 8), FERRY_ESTALE);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&freed), 1);
}

/* A close that waits for a late reply is woken by it. */
struct late {
	struct fx_later later;
	ferry_context context;
};

static void *
reply_late(void *arg)
{
	struct late *l = arg;

	/* It looks at nothing until the closer is at it again. */
	T_WAIT_UNTIL(fx_close_mode(l->context, FERRY_CLOSE_ABANDON, 0, NULL) ==
	    FERRY_EALREADY, FX_LIMIT_MS);
	T_EQ(ferry_call_reply(l->later.call, 0, NULL, 0), FERRY_ESTALE);
	return NULL;
}

static void
a_late_reply_ends_the_close(void)
{
	struct late l = {.later = FX_LATER, .context = fx_open()};
	ferry_request request = fx_later(l.context, &l.later);
	pthread_t thread;

	T_EQ(fx_close_mode(l.context, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
	thread = t_thread_start(reply_late, &l);
	while (fx_close_mode(l.context, FERRY_CLOSE_DRAIN, 0, NULL) ==
	    FERRY_EALREADY)
		;
	t_thread_join(thread);
	T_EQ(ferry_context_close(l.context, NULL, NULL), FERRY_ESTALE);
}

/* The late reply is counted, as long as there is a context to ask. */
static void
late_replies_are_counted(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_later l = FX_LATER;
	ferry_request request = fx_later(context, &l);
	ferry_request held = fx_hold(context, &gate);
	ferry_counters c = {.struct_size = sizeof c};

	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	T_EQ(ferry_call_reply(l.call, 0, NULL, 0), FERRY_ESTALE);
	T_EQ(ferry_call_reply(l.call, 0, NULL, 0), FERRY_ESTALE);
	if (ferry_context_counters(&c, context) == FERRY_OK) {
		T_GE(c.late_replies, 1);
		T_EQ(c.ended_closed, 2);
		fx_balance(&c);
	}
	fx_gate_open(&gate);
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* On a shared worker: the wedged context is abandoned, the other lives on. */
static void
abandon_on_shared_worker(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context a, b;
	ferry_request held, request;

	o.worker_key = "abandon";
	a = fx_open_with(&o);
	b = fx_open_with(&o);
	held = fx_hold(a, &gate);
	request = fx_submit(b, FX_NOP, NULL, 0, NULL);
	T_EQ(fx_close_mode(a, FERRY_CLOSE_ABANDON, 0, NULL), FERRY_EBUSY);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	T_OK(ferry_context_close(a, NULL, NULL));
	T_EQ(fx_wait(fx_submit(b, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(b);
}

T_MAIN(
	T_RUN(drain_with_timeout);
	T_RUN(abandon_when_idle);
	T_RUN(abandon_when_wedged);
	T_RUN(callbacks_on_any_thread);
	T_RUN(abandon_twice);
	T_RUN(abandoned_handler_comes_back);
	T_RUN(abandon_what_is_deferred);
	T_RUN(a_late_reply_ends_the_close);
	T_RUN(late_replies_are_counted);
	T_RUN(abandon_on_shared_worker);
)
