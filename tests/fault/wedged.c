/*
 * Handlers that sit still while somebody closes: what each mode reports, what
 * the context's slot and token are good for until the handler comes back, what
 * it may still do then, and that in the end nothing is left.
 */
#include "steps.h"

#include "ending.h"

#include "ffi/token.h"

enum { QUEUED = 4, SIZE = 100 };

static const struct mode {
	uint32_t mode;
	int64_t timeout_ms;
} modes[] = {
	{ FERRY_CLOSE_DRAIN, 10 },
	{ FERRY_CLOSE_CANCEL, 10 },
	{ FERRY_CLOSE_ABANDON, 0 },
};

/* A wedged handler, and what it does when it is let go. */
struct wedge {
	struct fx_gate gate;
	int (*afterwards)(ferry_call call, struct wedge *w);
	atomic_int freed;
	ferry_call call;
	ferry_handle handle;
	atomic_int destroyed;
	int answer;
};

static int
sit(ferry_call call, void *arg)
{
	struct wedge *w = arg;

	w->call = call;
	fx_gate_pass(&w->gate);
	/* What it was given is still there. */
	T_EQ(atomic_load(&w->freed), 0);
	return w->afterwards != NULL ? w->afterwards(call, w) : FERRY_OK;
}

static void
count_free(void *data, void *user)
{
	free(data);
	atomic_fetch_add((atomic_int *)user, 1);
}

/* Its job is adopted. Returns when it sits. */
static ferry_request
wedge_with(ferry_context context, struct wedge *w, ferry_request_options o)
{
	struct fx_job *job = malloc(SIZE);
	ferry_request request;

	*job = (struct fx_job){ sit, w };
	w->gate = (struct fx_gate)FX_GATE_SHUT;
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = count_free;
	o.free_user = &w->freed;
	/* fx_run() wants a job and no more. */
	request = fx_submit(context, FX_DO, job, sizeof *job, &o);
	fx_gate_await(&w->gate, 1);
	return request;
}

static ferry_request
wedge(ferry_context context, struct wedge *w)
{
	return wedge_with(context, w, fx_request_options());
}

/* A context whose watcher looks often, and says nothing. */
static ferry_context
open_looked_at(void)
{
	ferry_context_options o = fx_context_options();

	o.levels.slow_ms = 15;
	return steps_open(&o);
}

/* Until the watcher has seen it sit. */
static uint64_t
age_of(ferry_context context)
{
	ferry_health h = { .struct_size = sizeof h };

	T_WAIT_UNTIL((ferry_context_health(&h, context), h.age_ns > 0),
	    FX_LIMIT_MS);
	return h.age_ns;
}

static ferry_counters
counters(ferry_context context)
{
	ferry_counters c = fx_counters(context);

	fx_balance(&c);
	return c;
}

/* -------------------------------------------------------------- the report */

/* One wedged, and some queued behind it by each route. */
static void
report_round(const struct mode *m)
{
	ferry_context context = open_looked_at();
	struct wedge w = { .afterwards = NULL };
	struct fx_slot slots[QUEUED];
	ferry_inbox inbox = fx_inbox();
	ferry_request held, waited[QUEUED];
	ferry_request_options o;
	ferry_close_report report;
	ferry_counters c;
	uint64_t age, before, took;

	memset(slots, 0, sizeof slots);
	fx_attach(inbox, context, 0, NULL);
	held = wedge(context, &w);
	for (int i = 0; i < QUEUED; i++) {
		waited[i] = fx_submit(context, FX_NOP, NULL, 0, NULL);
		o = fx_to_slot(&slots[i]);
		fx_submit(context, FX_NOP, NULL, 0, &o);
		o = fx_to_inbox(inbox, NULL);
		fx_submit(context, FX_NOP, NULL, 0, &o);
	}
	age = age_of(context);
	before = t_now_ns();
	T_EQ(fx_close_mode(context, m->mode, m->timeout_ms, &report),
	    FERRY_EBUSY);
	took = t_now_ns() - before;
	T_GE(took, (uint64_t)m->timeout_ms * 1000000);
	T_EQ(report.running, 1);
	T_EQ(report.request, held);
	T_STR(report.method, "do");
	T_GE(report.age_ns, age);
	T_EQ(report.callback_not_run, QUEUED);
	/* A cancelling close answers what is queued, but for callbacks, before
	 * its time is up: that is no abandoning. */
	T_EQ(report.abandoned, m->mode == FERRY_CLOSE_CANCEL
	    ? 1 + QUEUED : 1 + 3 * QUEUED);
	c = counters(context);
	T_EQ(c.unstarted_closed, 3 * QUEUED);
	T_EQ(c.ended_closed, 1);
	T_EQ(c.running, 0);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	for (int i = 0; i < QUEUED; i++) {
		ferry_completion k = fx_take_kind(inbox, FERRY_KIND_REPLY);

		T_EQ(k.status, FERRY_ECLOSED);
		T_EQ(fx_wait(waited[i]), FERRY_ECLOSED);
		T_EQ(atomic_load(&slots[i].calls), 0);
	}
	T_EQ(atomic_load(&w.freed), 0);
	fx_gate_open(&w.gate);
	T_OK(fx_close_mode(context, FERRY_CLOSE_DRAIN, 0, &report));
	T_EQ(report.running, 0);
	T_EQ(report.request, 0);
	T_ASSERT(report.method == NULL);
	T_EQ(atomic_load(&w.freed), 1);
	for (int i = 0; i < QUEUED; i++)
		T_EQ(atomic_load(&slots[i].calls), 0);
	T_EQ(fx_take(inbox).kind, FERRY_KIND_CLOSED);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
each_mode(void (*round)(const struct mode *m))
{
	struct inject_level before;

	for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		round(&modes[i]); /* what is made once */
		before = inject_level();
		round(&modes[i]);
		inject_same(&before);
	}
}

static void
report_by_each_mode(void)
{
	each_mode(report_round);
}

/* -------------------------------------------------------------- quarantine */

enum { NEIGHBOURS = 20 };

/* The slot is nobody else's, and the token names what it did. */
static void
quarantine_round(const struct mode *m)
{
	ferry_context context = steps_open(NULL), others[NEIGHBOURS];
	struct wedge w = { .afterwards = NULL };
	ferry_request held = wedge(context, &w), request = INJECT_UNTOUCHED;
	ferry_inbox inbox = fx_inbox();
	ferry_health h = { .struct_size = sizeof h };
	uint32_t id;

	T_EQ(fx_close_mode(context, m->mode, m->timeout_ms, NULL),
	    FERRY_EBUSY);
	for (int i = 0; i < NEIGHBOURS; i++) {
		others[i] = steps_open(NULL);
		T_NE(ferry__token_slot(others[i]), ferry__token_slot(context));
		T_EQ(fx_wait(fx_submit(others[i], FX_NOP, NULL, 0, NULL)),
		    FERRY_OK);
	}
	T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL),
	    FERRY_ECLOSED);
	T_EQ(request, INJECT_UNTOUCHED);
	T_EQ(ferry_inbox_attach(inbox, context, NULL), FERRY_ECLOSED);
	T_OK(ferry_context_method(&id, context, "do"));
	T_EQ(id, FX_DO);
	T_OK(ferry_context_health(&h, context));
	T_EQ(h.worker, FERRY_THREAD_BUSY);
	T_EQ(counters(context).refused, 1);
	T_EQ(ferry_request_cancel(held), m->mode == FERRY_CLOSE_CANCEL
	    ? FERRY_EALREADY : FERRY_EDONE);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	T_EQ(ferry_request_cancel(held), FERRY_ESTALE);
	for (int i = 0; i < NEIGHBOURS; i++)
		T_OK(ferry_context_close(others[i], NULL, NULL));
	fx_gate_open(&w.gate);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
	T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL),
	    FERRY_ESTALE);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
its_slot_is_not_used_again(void)
{
	each_mode(quarantine_round);
}

/* ---------------------------------------------------- when it comes back */

static void
destroy(void *object, void *state)
{
	(void)state;
	atomic_fetch_add(&((struct wedge *)object)->destroyed, 1);
}

/* Everything a handler may try; its answer is refused in every form. */
static int
try_everything(ferry_call call, struct wedge *w)
{
	ferry_call_info info = { .struct_size = sizeof info };
	void *block, *object;

	T_EQ(ferry_call_check(call), FERRY_ECANCELED);
	T_EQ(ferry_call_on_cancel(call, NULL, NULL), FERRY_ESTALE);
	T_OK(ferry_call_describe(&info, call));
	T_OK(ferry_handle_open(&w->handle, call, w, w, destroy));
	T_OK(ferry_handle_object(&object, call, w->handle, w));
	T_ASSERT(object == w);
	T_OK(ferry_context_emit(info.context, FX_TICK, "x", 1));
	T_EQ(ferry_call_reply(call, 5, "too late", 8), FERRY_ESTALE);
	T_OK(ferry_block_alloc(&block, 400));
	T_EQ(ferry_call_reply_block(call, 5, block, 400), FERRY_ESTALE);
	return 5;
}

/* Told too late, it defers; then nobody's answer is heard either. */
static int
defer(ferry_call call, struct wedge *w)
{
	(void)w;
	return ferry_call_defer(call);
}

static int
end_it(ferry_call call, struct wedge *w)
{
	(void)call;
	(void)w;
	end_thread(ENDING_EXIT);
}

/* And no other thread is to be had. */
static int
end_it_alone(ferry_call call, struct wedge *w)
{
	(void)call;
	(void)w;
	inject_arm(INJECT_THREAD, 1, 1);
	end_thread(ENDING_CANCEL);
}

static int (*const afterwards[])(ferry_call call, struct wedge *w) = {
	try_everything, defer, end_it, end_it_alone };

static void
return_round(const struct mode *m, int (*what)(ferry_call, struct wedge *))
{
	struct fx_life life = {0};
	ferry_context_options co = fx_context_options();
	struct wedge w = { .afterwards = what };
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_context context;
	ferry_counters c;
	ferry_request held;
	void *block;

	co.init_arg = &life;
	/* Another one on the worker keeps it there, to be asked. */
	co.worker_key = "wedged";
	context = steps_open(&co);
	held = wedge(context, &w);
	fx_submit(context, FX_NOP, NULL, 0, &o);
	T_EQ(fx_close_mode(context, m->mode, m->timeout_ms, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	T_EQ(counters(context).late_replies, 0);
	T_EQ(atomic_load(&life.finis), 0);
	fx_gate_open(&w.gate);
	T_WAIT_UNTIL(atomic_load(&life.finis) == 1, FX_LIMIT_MS);
	if (what == defer) {
		T_OK(ferry_block_alloc(&block, 400));
		T_EQ(ferry_call_reply_block(w.call, 5, block, 400),
		    FERRY_ESTALE);
		T_EQ(ferry_call_reply(w.call, 5, "x", 1), FERRY_ESTALE);
	}
	c = counters(context);
	T_EQ(c.late_replies, 1);
	T_EQ(c.ended_closed, 1);
	T_EQ(c.ended_lost, 0);
	T_EQ(c.threads_lost, what == end_it || what == end_it_alone);
	T_EQ(c.handles_open, 0);
	inject_disarm();
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&w.freed), 1);
	T_EQ(atomic_load(&w.destroyed), what == try_everything);
	T_EQ(atomic_load(&slot.calls), 0);
	T_EQ(atomic_load(&life.finis), 1);
	T_EQ(ferry_call_reply(w.call, 5, NULL, 0), FERRY_ESTALE);
}

static void
return_rounds(const struct mode *m)
{
	for (unsigned i = 0; i < sizeof afterwards / sizeof afterwards[0]; i++)
		return_round(m, afterwards[i]);
}

static void
what_it_does_when_it_comes_back(void)
{
	each_mode(return_rounds);
}

T_MAIN(
	T_RUN(report_by_each_mode);
	T_RUN(its_slot_is_not_used_again);
	T_RUN(what_it_does_when_it_comes_back);
)
