/*
 * Closing, and quiescing, when nothing can be had any more: neither needs
 * anything that could be refused, and everything accepted is answered once.
 */
#include "steps.h"

#include "ffi/context.h"

enum { LARGE = 300, QUEUED = 6 };

/* A context with requests of every route: one that a gate holds, some that are
 * queued behind it, one that is deferred. */
struct crowd {
	ferry_context context;
	ferry_inbox inbox;
	struct fx_gate gate;
	struct fx_later later;
	ferry_request held, deferred, waited[QUEUED];
	struct fx_slot slots[QUEUED];
	atomic_int freed;
	uint64_t accepted;
	int refused;   /* finish() waits until what is queued is */
};

static void
count_free(void *data, void *user)
{
	(void)data;
	atomic_fetch_add((atomic_int *)user, 1);
}

static void
open_gate(ferry_call call, void *user)
{
	(void)call;
	fx_gate_open(user);
}

static int
stand_in_gate(ferry_call call, void *arg)
{
	T_OK(ferry_call_on_cancel(call, open_gate, arg));
	fx_gate_pass(arg);
	return FERRY_OK;
}

static void
crowd_in(struct crowd *w)
{
	static char data[LARGE];
	struct fx_gate *gate = &w->gate;

	memset(w, 0, sizeof *w);
	w->gate = (struct fx_gate)FX_GATE_SHUT;
	w->later = (struct fx_later)FX_LATER;
	w->context = steps_open(NULL);
	w->inbox = steps_inbox();
	steps_attach(w->inbox, w->context, FERRY_ATTACH_EVENTS);
	w->deferred = steps_do(w->context, fx_later_run, &w->later, NULL);
	fx_gate_pass(&w->later.deferred);
	w->held = steps_do(w->context, stand_in_gate, gate, NULL);
	fx_gate_await(gate, 1);
	for (int i = 0; i < QUEUED; i++) {
		ferry_request_options o = fx_to_slot(&w->slots[i]);

		o.flags = FERRY_REQUEST_ADOPT;
		o.free = count_free;
		o.free_user = &w->freed;
		steps_submit(w->context, FX_ECHO, data, LARGE, &o);
		o = fx_to_inbox(w->inbox, NULL);
		steps_submit(w->context, FX_ECHO, data, LARGE, &o);
		w->waited[i] =
		    steps_submit(w->context, FX_ECHO, data, LARGE, NULL);
	}
	w->accepted = 2 + 3 * QUEUED;
}

static int
is_status(int status, int wanted)
{
	return status == wanted ||
	    (wanted == FERRY_OK && status == STEPS_LESS);
}

/* What was queued got this, each once; callbacks maybe not (law 1). */
static void
crowd_out(struct crowd *w, int status, int told)
{
	ferry_completion c;
	int replies = 0;

	for (int i = 0; i < QUEUED; i++) {
		T_ASSERT(is_status(fx_wait(w->waited[i]), status));
		T_EQ(atomic_load(&w->slots[i].calls), told);
		if (told)
			T_ASSERT(is_status(w->slots[i].status, status));
	}
	do {
		c = fx_take(w->inbox);
		if (c.kind == FERRY_KIND_REPLY) {
			T_ASSERT(is_status(c.status, status));
			replies++;
		}
		fx_done(&c);
	} while (c.kind != FERRY_KIND_CLOSED);
	T_EQ(replies, QUEUED);
	T_EQ(atomic_load(&w->freed), QUEUED);
	T_OK(ferry_inbox_close(NULL, w->inbox));
}

/* Opens the gate once the close has begun, and answers what is deferred. */
static void *
finish(void *arg)
{
	struct crowd *w = arg;
	struct context *c;
	int r;

	T_OK(ferry__context_find(&c, w->context));
	T_WAIT_UNTIL(
	    atom32_load_acquire(&c->stage) == CONTEXT_CLOSING, FX_LIMIT_MS);
	/* What the FFI thread meets before that it still runs. */
	if (w->refused)
		T_WAIT_UNTIL(
		    atom32_load_acquire(&c->refusing) != 0, FX_LIMIT_MS);
	fx_gate_open(&w->gate);
	r = ferry_call_reply(w->later.call, 3, "late", 4);
	if (inject_failed(__FILE__, __LINE__, "reply", r,
	        (const int[]){FERRY_ENOMEM, 0}))
		T_OK(ferry_call_reply(w->later.call, 3, NULL, 0));
	return NULL;
}

static void
drain(void)
{
	struct crowd w;
	pthread_t thread;

	crowd_in(&w);
	thread = t_thread_start(finish, &w);
	T_OK(fx_close_mode(w.context, FERRY_CLOSE_DRAIN, 0, NULL));
	t_thread_join(thread);
	T_EQ(fx_wait(w.held), FERRY_OK);
	T_EQ(fx_wait(w.deferred), 3);
	crowd_out(&w, FERRY_OK, 1);
}

static void
cancel(void)
{
	struct crowd w;
	pthread_t thread;

	crowd_in(&w);
	w.refused = 1;
	thread = t_thread_start(finish, &w);
	T_OK(fx_close_mode(w.context, FERRY_CLOSE_CANCEL, 0, NULL));
	t_thread_join(thread);
	T_EQ(fx_wait(w.held), FERRY_OK);
	T_EQ(fx_wait(w.deferred), 3);
	crowd_out(&w, FERRY_ECLOSED, 1);
}

static void
abandon(void)
{
	ferry_close_report report;
	struct crowd w;

	crowd_in(&w);
	T_EQ(fx_close_mode(w.context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(report.callback_not_run, QUEUED);
	T_EQ(report.abandoned, w.accepted);
	T_EQ(fx_wait(w.held), FERRY_ECLOSED);
	T_EQ(fx_wait(w.deferred), FERRY_ECLOSED);
	T_EQ(ferry_call_reply(w.later.call, 3, NULL, 0), FERRY_ESTALE);
	fx_gate_open(&w.gate);
	T_OK(ferry_context_close(w.context, NULL, NULL));
	crowd_out(&w, FERRY_ECLOSED, 0);
}

/* In a process of its own: it cannot be taken back. */
static void
quiesce(void)
{
	struct crowd w;
	ferry_context late = INJECT_UNTOUCHED;
	ferry_context_options o = fx_context_options();
	ferry_request request = INJECT_UNTOUCHED;

	crowd_in(&w);
	o.library = steps_library();
	T_EQ(ferry_quiesce(0), FERRY_ETIMEDOUT);
	T_EQ(ferry_context_open(&late, &o), FERRY_EQUIESCED);
	T_EQ(ferry_request_submit(&request, w.context, FX_NOP, NULL, 0, NULL),
	    FERRY_EQUIESCED);
	T_EQ(late, INJECT_UNTOUCHED);
	T_EQ(request, INJECT_UNTOUCHED);
	inject_disarm();
	T_OK(ferry_call_reply(w.later.call, 3, NULL, 0));
	fx_gate_open(&w.gate);
	T_OK(ferry_quiesce(-1));
	T_OK(fx_close_mode(w.context, FERRY_CLOSE_DRAIN, 0, NULL));
	T_OK(ferry_library_close(o.library));
	T_EQ(fx_wait(w.held), FERRY_OK);
	T_EQ(fx_wait(w.deferred), 3);
	crowd_out(&w, FERRY_ECLOSED, 1);
}

T_MAIN(
	INJECT_EACH(drain, 40);
	INJECT_EACH(cancel, 40);
	INJECT_EACH(abandon, 40);
	INJECT_FRESH(quiesce, 1, 60);
)
