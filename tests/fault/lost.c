/*
 * Code of the host's that ends the FFI thread, wherever it runs and in each
 * way, while a queue stands behind it on two contexts of one worker: with a
 * successor everything goes on in order, and where no thread is to be had
 * everything is answered all the same.
 */
#include "steps.h"

#include "ending.h"

enum { QUEUED = 12 };

/* Where the thread ends. */
enum place {
	HANDLER,
	HANDLER_THAT_DEFERRED,
	CALLBACK,
	CALLBACK_WITH_A_BLOCK,
	CALLBACK_OF_A_DEFERRED_REPLY,
	CALLBACK_OF_A_CANCELLED_REQUEST,
	DESTROY,
	PLACES
};

/* Whether there is a successor: refused its attributes, or its creation. */
enum successor { HAS_ONE, NO_ATTRIBUTES, NO_THREAD, SUCCESSORS };

struct round {
	enum place place;
	enum ending how;
	uint32_t flags;
	enum successor successor;

	struct fx_life lives[2];
	ferry_context contexts[2];
	struct fx_gate gate;
	ferry_request held;
	struct fx_trace traces[2];
	ferry_request queued[2][QUEUED];

	/* The one that ends it. */
	ferry_request request;   /* 0: it is not waited for */
	ferry_call call;         /* to be answered later */
	ferry_handle handle;
	struct fx_gate ready;
	atomic_int calls;        /* of its callback */
	int status;              /* what that was told */
};

/* ---------------------------------------------------------- what ends it */

/* No thread is to be had from here on. */
__attribute__((noreturn)) static void
end_round(struct round *r)
{
	if (r->successor != HAS_ONE)
		inject_arm(INJECT_THREAD,
		    r->successor == NO_ATTRIBUTES ? 1 : 2, 1);
	end_thread(r->how);
}

static int
end_in_handler(ferry_call call, void *arg)
{
	struct round *r = arg;

	if (r->place == HANDLER_THAT_DEFERRED) {
		r->call = call;
		T_OK(ferry_call_defer(call));
	}
	end_round(r);
}

static void
end_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	struct round *r = user;

	(void)request;
	(void)data;
	(void)size;
	r->status = status;
	atomic_fetch_add(&r->calls, 1);
	end_round(r);
}

static int
reply_with_block(ferry_call call, void *arg)
{
	void *block;

	(void)arg;
	T_OK(ferry_block_alloc(&block, 500));
	memset(block, 0, 500);
	T_OK(ferry_call_reply_block(call, FERRY_OK, block, 500));
	return FERRY_OK;
}

static int
defer(ferry_call call, void *arg)
{
	struct round *r = arg;

	r->call = call;
	T_OK(ferry_call_defer(call));
	fx_gate_open(&r->ready);
	return FERRY_OK;
}

static void
end_in_destroy(void *object, void *state)
{
	(void)state;
	end_round(object);
}

static int
open_handle(ferry_call call, void *arg)
{
	struct round *r = arg;

	return ferry_handle_open(&r->handle, call, r, r, end_in_destroy);
}

/* -------------------------------------------------------------- the round */

/* The first one last: a worker looks at its youngest context first, and what
 * is queued in the other one shall stand behind the end. */
static void
open_round(struct round *r)
{
	ferry_context_options o = fx_context_options();

	o.worker_key = "lost";
	o.flags = r->flags;
	for (int i = 1; i >= 0; i--) {
		o.init_arg = &r->lives[i];
		r->contexts[i] = steps_open(&o);
	}
}

/* Before the gate is shut: what it takes to be able to end the thread. */
static void
prepare(struct round *r)
{
	ferry_request_options o = fx_request_options();

	o.callback = end_in_callback;
	o.user = r;
	if (r->place == CALLBACK_OF_A_DEFERRED_REPLY) {
		fx_do_with(r->contexts[0], defer, r, &o);
		fx_gate_pass(&r->ready);
	} else if (r->place == DESTROY) {
		T_OK(fx_do_wait(r->contexts[0], open_handle, r));
	}
}

/* With the FFI thread in the gate. */
static void
submit_the_end(struct round *r)
{
	ferry_context context = r->contexts[0];
	ferry_request_options o = fx_request_options();
	ferry_request canceled;

	o.callback = end_in_callback;
	o.user = r;
	switch (r->place) {
	case HANDLER:
	case HANDLER_THAT_DEFERRED:
		r->request = fx_do(context, end_in_handler, r);
		break;
	case CALLBACK:
		fx_submit(context, FX_NOP, NULL, 0, &o);
		break;
	case CALLBACK_WITH_A_BLOCK:
		fx_do_with(context, reply_with_block, r, &o);
		break;
	case CALLBACK_OF_A_CANCELLED_REQUEST:
		canceled = fx_submit(context, FX_NOP, NULL, 0, &o);
		T_OK(ferry_request_cancel(canceled));
		break;
	case CALLBACK_OF_A_DEFERRED_REPLY:
		T_OK(ferry_call_reply(r->call, 3, "late", 4));
		break;
	default:
		T_OK(ferry_handle_release(r->handle));
	}
}

static void
queue_up(struct round *r)
{
	r->held = fx_hold(r->contexts[1], &r->gate);
	submit_the_end(r);
	for (uint32_t i = 0; i < QUEUED; i++)
		for (int k = 0; k < 2; k++)
			r->queued[k][i] =
			    fx_mark(r->contexts[k], &r->traces[k], i, NULL);
	fx_gate_open(&r->gate);
	T_EQ(fx_wait(r->held), FERRY_OK);
}

/* ------------------------------------------------------------ what follows */

static int
is_handler(const struct round *r)
{
	return r->place == HANDLER || r->place == HANDLER_THAT_DEFERRED;
}

/* What the queued requests of a context are told. */
static int
fate(const struct round *r, int context)
{
	if (r->successor != HAS_ONE)
		return FERRY_ECLOSED;
	return context == 0 && is_handler(r) &&
	        r->flags == FERRY_CONTEXT_CLOSE_ON_LOSS
	    ? FERRY_ECLOSED
	    : FERRY_OK;
}

static void
check_the_end(struct round *r)
{
	static const int told[PLACES] = {
		[CALLBACK_OF_A_DEFERRED_REPLY] = 3,
		[CALLBACK_OF_A_CANCELLED_REQUEST] = FERRY_ECANCELED,
	};

	if (r->place == HANDLER_THAT_DEFERRED)
		T_OK(ferry_call_reply(r->call, 3, NULL, 0));
	if (is_handler(r)) {
		T_EQ(fx_wait(r->request),
		    r->place == HANDLER ? FERRY_ELOST : 3);
	} else if (r->place != DESTROY) {
		T_EQ(atomic_load(&r->calls), 1);
		T_EQ(r->status, told[r->place]);
	}
}

static void
check_queue(struct round *r, int k)
{
	int status = fate(r, k);

	for (uint32_t i = 0; i < QUEUED; i++)
		T_EQ(fx_wait(r->queued[k][i]), status);
	T_EQ(atomic_load(&r->traces[k].n), status == FERRY_OK ? QUEUED : 0);
	for (uint32_t i = 0; i < atomic_load(&r->traces[k].n); i++)
		T_EQ(r->traces[k].item[i], i);
}

static void
check_counters(struct round *r, int k)
{
	ferry_counters c;

	fx_rest(r->contexts[k]);
	c = fx_counters(r->contexts[k]);
	T_EQ(c.threads_lost, 1);
	T_EQ(c.ended_lost, k == 0 && r->place == HANDLER);
	T_EQ(c.unstarted_closed, fate(r, k) == FERRY_OK ? 0 : QUEUED);
	T_EQ(c.handles_open, 0);
	T_EQ(c.late_replies, 0);
	T_EQ(c.discarded, 0);
}

/* What comes later is treated as what was queued; or not accepted. */
static void
submit_more(struct round *r, int k)
{
	ferry_request request = INJECT_UNTOUCHED;
	int e = ferry_request_submit(
	    &request, r->contexts[k], FX_NOP, NULL, 0, NULL);

	if (e == FERRY_OK) {
		T_EQ(fx_wait(request), fate(r, k));
		return;
	}
	T_EQ(e, FERRY_ECLOSED);
	T_EQ(fate(r, k), FERRY_ECLOSED);
	T_EQ(request, INJECT_UNTOUCHED);
}

static void
play(enum place place, enum ending how, uint32_t flags, enum successor s)
{
	static struct round r;

	memset(&r, 0, sizeof r);
	r.place = place;
	r.how = how;
	r.flags = flags;
	r.successor = s;
	r.gate = r.ready = (struct fx_gate)FX_GATE_SHUT;
	open_round(&r);
	prepare(&r);
	queue_up(&r);
	check_queue(&r, 0);
	check_queue(&r, 1);
	check_the_end(&r);
	T_EQ(inject_disarm() != 0, s != HAS_ONE);
	for (int k = 0; k < 2; k++) {
		check_counters(&r, k);
		submit_more(&r, k);
		T_OK(ferry_context_close(r.contexts[k], NULL, NULL));
		T_EQ(atomic_load(&r.lives[k].finis), 1);
	}
}

static void
play_and_compare(enum place place, enum ending how, uint32_t flags,
    enum successor s)
{
	struct inject_level before = inject_level();

	play(place, how, flags, s);
	inject_same(&before);
}

static void
play_all(enum successor s)
{
	for (enum place place = 0; place < PLACES; place++) {
		play(place, ENDING_EXIT, 0, s); /* what is made once */
		for (enum ending how = 0; how < ENDINGS; how++) {
			play_and_compare(place, how, 0, s);
			play_and_compare(
			    place, how, FERRY_CONTEXT_CLOSE_ON_LOSS, s);
		}
	}
}

static void
with_a_successor(void)
{
	play_all(HAS_ONE);
}

static void
attributes_refused(void)
{
	play_all(NO_ATTRIBUTES);
}

static void
thread_refused(void)
{
	play_all(NO_THREAD);
}

T_MAIN(
	T_RUN(with_a_successor);
	T_RUN(attributes_refused);
	T_RUN(thread_refused);
)
