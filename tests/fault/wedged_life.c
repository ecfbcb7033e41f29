/*
 * A worker that is wedged in other places than a handler: in a reply callback,
 * in fini, in a destroy, in init, in somebody's cancel hook; several contexts
 * on it; and several who close them.
 */
#include "steps.h"

#include "ffi/context.h"

enum { SHORT_MS = 10 };

/* Each case twice: what the first made is kept, the second leaves nothing. */
static void
twice(void (*round)(void))
{
	struct inject_level before;

	round();
	before = inject_level();
	round();
	inject_same(&before);
}

#define RUN_TWICE(round) \
	do { \
		if (t__case(#round)) \
			twice(round); \
	} while (0)

/* ----------------------------------------------------------- who closes */

struct closer {
	ferry_context context;
	int result;
};

static void *
close_thread(void *arg)
{
	struct closer *c = arg;

	c->result = ferry_context_close(c->context, NULL, NULL);
	return NULL;
}

/* One has given up, another waits, a third is told so; and whoever waits has
 * its OK when the handler comes back. */
static void
closers_one_after_the_other(void)
{
	ferry_context context = steps_open(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct closer c = { .context = context };
	ferry_request held = fx_hold(context, &gate);
	ferry_close_report report;
	struct context *inside;
	pthread_t thread;

	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_OK(ferry__context_find(&inside, context));
	thread = t_thread_start(close_thread, &c);
	T_WAIT_UNTIL(
	    atom64_load_acquire(&inside->closer) & 1, FX_LIMIT_MS);
	for (uint32_t mode = 0; mode < 3; mode++) {
		T_EQ(fx_close_mode(context, mode, SHORT_MS, &report),
		    FERRY_EALREADY);
		T_EQ(report.running, 0);
	}
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	fx_gate_open(&gate);
	t_thread_join(thread);
	T_EQ(c.result, FERRY_OK);
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
}

/* A report is of one close: what an earlier one has answered is not told
 * again, and what still runs is. */
static void
reports_one_after_the_other(void)
{
	ferry_context context = steps_open(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request held = fx_hold(context, &gate);
	ferry_close_report first, second;
	int r;

	fx_submit(context, FX_NOP, NULL, 0, &o);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_CANCEL, SHORT_MS, &first),
	    FERRY_EBUSY);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_DRAIN, SHORT_MS, &second),
	    FERRY_EBUSY);
	T_EQ(first.running, 1);
	T_EQ(second.running, 1);
	T_EQ(second.request, held);
	T_EQ(second.callback_not_run, first.callback_not_run);
	T_EQ(second.abandoned, first.abandoned);
	T_GE(second.age_ns, first.age_ns);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	fx_gate_open(&gate);
	/* In its moment, or not. */
	r = fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, NULL);
	if (r == FERRY_EBUSY)
		r = fx_close_mode(context, FERRY_CLOSE_DRAIN, 0, NULL);
	T_OK(r);
	T_EQ(atomic_load(&slot.calls), 0);
}

/* ------------------------------------------------- several on one worker */

enum { SIBLINGS = 3 };

/*
 * One handler holds the thread of them all. Each is abandoned; the report
 * names the request that is to blame, whosever it is. Nothing can be opened on
 * that worker meanwhile, and what is given up is closed again by itself.
 */
static void
siblings(void)
{
	static struct fx_life late_life;
	struct fx_life life = {0};
	ferry_context contexts[SIBLINGS], late = INJECT_UNTOUCHED;
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_slot slots[SIBLINGS];
	ferry_request held, waited[SIBLINGS];
	ferry_context_options o = fx_context_options();
	ferry_close_report report;

	memset(slots, 0, sizeof slots);
	memset(&late_life, 0, sizeof late_life);
	o.worker_key = "siblings";
	o.init_arg = &life;
	for (int i = 0; i < SIBLINGS; i++)
		contexts[i] = steps_open(&o);
	held = fx_hold(contexts[0], &gate);
	for (int i = 0; i < SIBLINGS; i++) {
		ferry_request_options to = fx_to_slot(&slots[i]);

		waited[i] = fx_submit(contexts[i], FX_NOP, NULL, 0, NULL);
		fx_submit(contexts[i], FX_NOP, NULL, 0, &to);
	}
	o.library = fx_library();
	o.init_arg = &late_life;
	o.timeout_ms = SHORT_MS;
	T_EQ(ferry_context_open(&late, &o), FERRY_ETIMEDOUT);
	T_EQ(late, INJECT_UNTOUCHED);
	T_OK(ferry_library_close(o.library));
	for (int i = SIBLINGS - 1; i >= 0; i--) {
		T_EQ(fx_close_mode(contexts[i], i == 1 ? FERRY_CLOSE_CANCEL :
		    FERRY_CLOSE_ABANDON, SHORT_MS, &report), FERRY_EBUSY);
		T_EQ(report.running, i == 0);
		T_EQ(report.callback_not_run, 1);
		T_EQ(report.request, held);
		T_STR(report.method, "gate");
		T_EQ(fx_wait(waited[i]), FERRY_ECLOSED);
	}
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	T_EQ(atomic_load(&life.finis), 0);
	fx_gate_open(&gate);
	for (int i = 0; i < SIBLINGS; i++) {
		T_OK(ferry_context_close(contexts[i], NULL, NULL));
		T_EQ(atomic_load(&slots[i].calls), 0);
	}
	T_EQ(atomic_load(&life.inits), SIBLINGS);
	T_EQ(atomic_load(&life.finis), SIBLINGS);
	T_WAIT_UNTIL(atomic_load(&late_life.finis) == 1, FX_LIMIT_MS);
	inject_await_threads();
}

/* --------------------------------------------------- wedged in a callback */

static void
sit_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	(void)request;
	(void)status;
	fx_gate_pass(user);
	/* What was lent to it is still there. */
	if (size == 6)
		T_MEM(data, "lent!", 6);
}

/* Its request has been answered: nothing runs, and yet something does. */
static void
in_a_callback(void)
{
	ferry_context context = steps_open(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request_options o = fx_request_options();
	ferry_request queued;
	ferry_close_report report;

	o.callback = sit_in_callback;
	o.user = &gate;
	fx_submit(context, FX_ECHO, "lent!", 6, &o);
	fx_gate_await(&gate, 1);
	queued = fx_submit(context, FX_NOP, NULL, 0, NULL);
	for (int i = 0; i < 2; i++) {
		T_EQ(fx_close_mode(context, FERRY_CLOSE_DRAIN, SHORT_MS,
		    &report), FERRY_EBUSY);
		T_EQ(report.running, 0);
		T_EQ(report.callback_not_run, 0);
		T_EQ(report.abandoned, 1);
	}
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	T_EQ(fx_counters(context).ended_ok, 1);
	fx_gate_open(&gate);
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* ------------------------------------------ wedged in fini and in destroy */

struct shop {
	struct fx_gate gate;
	atomic_int destroyed;
};

static void
sit_in_destroy(void *object, void *state)
{
	struct shop *s = object;

	(void)state;
	fx_gate_pass(&s->gate);
	atomic_fetch_add(&s->destroyed, 1);
}

static int
open_handles(ferry_call call, void *arg)
{
	ferry_handle handle;

	for (int i = 0; i < 3; i++)
		T_OK(ferry_handle_open(&handle, call, arg, arg,
		    sit_in_destroy));
	return FERRY_OK;
}

/* Nothing is left to answer, only to wait for. */
static void
in_a_destroy(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	struct shop shop = { .gate = FX_GATE_SHUT };
	ferry_context context;
	ferry_close_report report;

	o.init_arg = &life;
	context = steps_open(&o);
	T_EQ(fx_do_wait(context, open_handles, &shop), FERRY_OK);
	for (int i = 0; i < 3; i++) {
		T_EQ(fx_close_mode(context, (uint32_t)i, SHORT_MS, &report),
		    FERRY_EBUSY);
		T_EQ(report.running, 0);
		T_EQ(report.abandoned, 0);
		T_EQ(report.request, 0);
	}
	T_EQ(atomic_load(&life.finis), 0);
	fx_gate_open(&shop.gate);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&shop.destroyed), 3);
	T_EQ(atomic_load(&life.finis), 1);
}

/* ----------------------------------------------- wedged in a cancel hook */

struct hooked {
	struct fx_gate in_handler, in_hook;
	ferry_request request;
	int canceled;
};

static void
sit_in_hook(ferry_call call, void *user)
{
	struct hooked *h = user;

	(void)call;
	fx_gate_pass(&h->in_hook);
}

static int
run_hooked(ferry_call call, void *arg)
{
	struct hooked *h = arg;

	T_OK(ferry_call_on_cancel(call, sit_in_hook, h));
	fx_gate_pass(&h->in_handler);
	return FERRY_OK;
}

static void *
cancel_thread(void *arg)
{
	struct hooked *h = arg;

	h->canceled = ferry_request_cancel(h->request);
	return NULL;
}

/* The handler has returned and waits for the hook that somebody else runs:
 * everybody is answered, and the close ends when the hook has. */
static void
in_a_hook(void)
{
	ferry_context context = steps_open(NULL);
	struct hooked h = { FX_GATE_SHUT, FX_GATE_SHUT, 0, 1 };
	ferry_request queued;
	ferry_close_report report;
	pthread_t thread;

	h.request = fx_do(context, run_hooked, &h);
	fx_gate_await(&h.in_handler, 1);
	queued = fx_submit(context, FX_NOP, NULL, 0, NULL);
	thread = t_thread_start(cancel_thread, &h);
	fx_gate_await(&h.in_hook, 1);
	fx_gate_open(&h.in_handler);
	for (uint32_t mode = 0; mode < 3; mode++)
		T_EQ(fx_close_mode(context, mode, SHORT_MS, &report),
		    FERRY_EBUSY);
	T_EQ(report.abandoned, 2);
	T_EQ(fx_wait(h.request), FERRY_ECLOSED);
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	fx_gate_open(&h.in_hook);
	T_OK(ferry_context_close(context, NULL, NULL));
	t_thread_join(thread);
	T_EQ(h.canceled, FERRY_OK);
}

/* -------------------------------------------- deferred, and never answered */

/* Told once, or counted as not told. */
static void
deferred_for_ever(void)
{
	static const uint32_t all[] = { FERRY_CLOSE_DRAIN, FERRY_CLOSE_CANCEL,
		FERRY_CLOSE_ABANDON };

	for (int m = 0; m < 3; m++) {
		ferry_context context = steps_open(NULL);
		ferry_inbox inbox = fx_inbox();
		struct fx_later l[3] = { FX_LATER, FX_LATER, FX_LATER };
		struct fx_slot slot = {0};
		ferry_request_options by_inbox = fx_to_inbox(inbox, NULL),
		    by_callback = fx_to_slot(&slot);
		ferry_close_report report;
		ferry_completion c;
		ferry_request waited;
		int r;

		fx_attach(inbox, context, 0, NULL);
		waited = fx_later(context, &l[0]);
		fx_later_with(context, &l[1], &by_inbox);
		fx_later_with(context, &l[2], &by_callback);
		r = fx_close_mode(context, all[m], SHORT_MS, &report);
		T_EQ(report.abandoned, 3);
		T_EQ(report.running, 3);
		T_EQ(report.request, 0);
		T_EQ(fx_wait(waited), FERRY_ECLOSED);
		c = fx_take_kind(inbox, FERRY_KIND_REPLY);
		T_EQ(c.status, FERRY_ECLOSED);
		T_EQ(report.callback_not_run + (uint32_t)atomic_load(
		    &slot.calls), 1);
		for (int i = 0; i < 3; i++)
			T_EQ(ferry_call_reply(l[i].call, 0, "late", 4),
			    FERRY_ESTALE);
		if (r == FERRY_EBUSY)
			r = ferry_context_close(context, NULL, NULL);
		T_OK(r);
		T_OK(ferry_inbox_close(NULL, inbox));
	}
}

T_MAIN(
	RUN_TWICE(closers_one_after_the_other);
	RUN_TWICE(reports_one_after_the_other);
	RUN_TWICE(siblings);
	RUN_TWICE(in_a_callback);
	RUN_TWICE(in_a_destroy);
	RUN_TWICE(in_a_hook);
	RUN_TWICE(deferred_for_ever);
)
