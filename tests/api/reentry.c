/*
 * Law 4: what handlers, reply callbacks, cancel hooks, init and fini may not
 * call, and what they may. Circles of workers are in deadlock.c, chains of
 * requests in self_submit.c.
 *
 * A broken refusal shows as a hang (the runner's limit) or as an error code
 * other than the one asked for.
 */
#include "fixture.h"

/* ---------------------------------------------------- refused, by place */

struct place {
	ferry_context own;     /* the place is in a callback of this one */
	ferry_context other;   /* on a worker of its own */
	ferry_inbox inbox;     /* attached to own */
	ferry_library library;
	ferry_request waitable; /* of own, unanswered */
	atomic_int visited;
};

/* Nothing of this may be called with anything but NULLs. */
static void
never(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	(void)user;
	T_FAIL("the callback of a refused request was called");
}

static void
no_submits(struct place *p)
{
	ferry_request_options call = fx_request_options();
	ferry_request_options box = fx_to_inbox(p->inbox, NULL);
	ferry_request_item item;
	ferry_request request = 77;

	call.callback = never;
	memset(&item, 0, sizeof item);
	T_EQ(ferry_request_submit(NULL, p->own, FX_NOP, NULL, 0, &call),
	    FERRY_EREENTRANT);
	T_EQ(ferry_request_submit(&request, p->own, FX_NOP, NULL, 0, &box),
	    FERRY_EREENTRANT);
	T_EQ(ferry_request_submit(&request, p->own, FX_NOP, NULL, 0, NULL),
	    FERRY_EREENTRANT);
	T_EQ(ferry_request_submit_many(&request, p->own, &item, 1, &call),
	    FERRY_EREENTRANT);
	T_EQ(request, 77);
}

static void
no_waits(struct place *p)
{
	ferry_reply reply = {.status = 77};
	ferry_request request = 77;

	T_EQ(ferry_request_invoke(&reply, &request, p->own, FX_NOP, NULL, 0,
	    NULL, -1), FERRY_EREENTRANT);
	T_EQ(request, 0);
	if (p->waitable != 0)
		T_EQ(ferry_request_wait(&reply, p->waitable, -1),
		    FERRY_EREENTRANT);
	T_EQ(reply.status, 77);
}

static void
no_opens_and_closes(struct place *p)
{
	ferry_context_options o = fx_context_options();
	ferry_context context = 77;

	o.library = p->library;
	T_EQ(ferry_context_open(&context, &o), FERRY_EREENTRANT);
	T_EQ(context, 77);
	T_EQ(ferry_context_close(p->own, NULL, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_context_close(p->other, NULL, NULL), FERRY_EREENTRANT);
	T_EQ(fx_close_mode(p->own, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EREENTRANT);
	T_EQ(ferry_quiesce(0), FERRY_EREENTRANT);
}

static void
no_inboxes(struct place *p)
{
	ferry_inbox inbox = 77;

	T_EQ(ferry_inbox_open(&inbox, NULL), FERRY_EREENTRANT);
	T_EQ(inbox, 77);
	T_EQ(ferry_inbox_attach(p->inbox, p->other, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_wait(p->inbox, -1), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_wait(p->inbox, 0), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_close(NULL, p->inbox), FERRY_EREENTRANT);
}

/* What the table allows from everywhere. */
static void
allowed(struct place *p)
{
	ferry_counters c = {.struct_size = sizeof c};
	ferry_health h = {.struct_size = sizeof h};
	ferry_completion item;
	ferry_library library;
	uint32_t id;
	void *block;

	T_OK(ferry_context_counters(&c, p->own));
	T_OK(ferry_context_health(&h, p->own));
	T_OK(ferry_context_method(&id, p->own, "nop"));
	library = fx_library();
	T_OK(ferry_library_close(library));
	T_OK(ferry_block_alloc(&block, 10));
	T_OK(ferry_block_release(block));
	T_EQ(ferry_inbox_take(&item, 1, p->inbox), 0);
	T_EQ(ferry_request_cancel(FX_FORGED) == FERRY_OK, 0);
}

static void
everything(struct place *p)
{
	no_submits(p);
	no_waits(p);
	no_opens_and_closes(p);
	no_inboxes(p);
	allowed(p);
	atomic_fetch_add(&p->visited, 1);
}

static void
open_place(struct place *p)
{
	memset(p, 0, sizeof *p);
	p->library = fx_library();
	p->own = fx_open();
	p->other = fx_open();
	p->inbox = fx_inbox();
	fx_attach(p->inbox, p->own, 0, NULL);
}

/* All refusals left no trace, and everything works as before. */
static void
close_place(struct place *p, uint64_t accepted)
{
	T_EQ(atomic_load(&p->visited), 1);
	T_EQ(fx_accepted(p->own), accepted);
	T_EQ(fx_accepted(p->other), 0);
	T_EQ(fx_wait(fx_submit(p->own, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_wait(fx_submit(p->other, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(p->own);
	fx_close(p->other);
	T_OK(ferry_inbox_close(NULL, p->inbox));
	T_OK(ferry_library_close(p->library));
}

static int
place_run(ferry_call call, void *arg)
{
	(void)call;
	everything(arg);
	return FERRY_OK;
}

static void
from_handler(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct place p;
	ferry_request held, request;

	open_place(&p);
	held = fx_hold(p.own, &gate);
	request = fx_do(p.own, place_run, &p);
	p.waitable = fx_submit(p.own, FX_NOP, NULL, 0, NULL);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(fx_wait(p.waitable), FERRY_OK);
	close_place(&p, 3);
}

static void
place_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	everything(user);
}

static void
from_callback(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct place p;
	ferry_request_options o = fx_request_options();
	ferry_request held;

	open_place(&p);
	o.callback = place_reply;
	o.user = &p;
	held = fx_hold(p.own, &gate);
	fx_submit(p.own, FX_NOP, NULL, 0, &o);
	p.waitable = fx_submit(p.own, FX_NOP, NULL, 0, NULL);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	/* Before we wait ourselves: it would hear of us. */
	T_WAIT_UNTIL(atomic_load(&p.visited) == 1, FX_LIMIT_MS);
	T_EQ(fx_wait(p.waitable), FERRY_OK);
	close_place(&p, 3);
}

struct hooked {
	struct place p;
	struct fx_gate gate;
};

static void
place_hook(ferry_call call, void *user)
{
	struct hooked *h = user;

	(void)call;
	everything(&h->p);
	fx_gate_open(&h->gate);
}

static int
hooked_run(ferry_call call, void *arg)
{
	struct hooked *h = arg;

	T_OK(ferry_call_on_cancel(call, place_hook, h));
	fx_gate_pass(&h->gate);
	return ferry_call_check(call);
}

/* The hook runs on our own thread; once it has returned, we are free again. */
static void
from_hook(void)
{
	struct hooked h = {.gate = FX_GATE_SHUT};
	ferry_request request;

	open_place(&h.p);
	request = fx_do(h.p.own, hooked_run, &h);
	h.p.waitable = fx_submit(h.p.own, FX_NOP, NULL, 0, NULL);
	fx_gate_await(&h.gate, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(fx_wait(h.p.waitable), FERRY_OK);
	close_place(&h.p, 2);
}

/* A hook on another worker's thread: a handler of `other` cancels a call of
 * `own`. Within, own is refused; afterwards the handler is in other again. */
struct nested {
	struct hooked h;
	ferry_request victim;
	struct fx_slot slot;
};

static int
nested_run(ferry_call call, void *arg)
{
	struct nested *n = arg;
	ferry_request_options o = fx_to_slot(&n->slot);

	(void)call;
	T_OK(ferry_request_cancel(n->victim));
	T_EQ(ferry_request_submit(NULL, n->h.p.other, FX_NOP, NULL, 0, &o),
	    FERRY_EREENTRANT);
	T_OK(ferry_request_submit(NULL, n->h.p.own, FX_NOP, NULL, 0, &o));
	return FERRY_OK;
}

static void
nested_hook(ferry_call call, void *user)
{
	struct nested *n = user;

	(void)call;
	no_submits(&n->h.p);
	no_waits(&n->h.p);
	fx_gate_open(&n->h.gate);
}

static int
nested_victim(ferry_call call, void *arg)
{
	struct nested *n = arg;

	T_OK(ferry_call_on_cancel(call, nested_hook, n));
	fx_gate_pass(&n->h.gate);
	return FERRY_OK;
}

static void
from_hook_in_handler(void)
{
	struct nested n = {.h = {.gate = FX_GATE_SHUT}};

	n.h.p.own = fx_open();
	n.h.p.other = fx_open();
	n.h.p.inbox = fx_inbox();
	fx_attach(n.h.p.inbox, n.h.p.own, 0, NULL);
	n.victim = fx_do(n.h.p.own, nested_victim, &n);
	fx_gate_await(&n.h.gate, 1);
	T_EQ(fx_do_wait(n.h.p.other, nested_run, &n), FERRY_OK);
	T_EQ(fx_wait(n.victim), FERRY_OK);
	fx_slot_await(&n.slot);
	fx_close(n.h.p.own);
	fx_close(n.h.p.other);
	T_OK(ferry_inbox_close(NULL, n.h.p.inbox));
}

/* ---------------------------------------------------------- init and fini */

struct selfish {
	ferry_context context;
	int init_result, fini_result;
};

static int
selfish_call(struct selfish *s)
{
	ferry_reply reply;
	ferry_request request;

	return ferry_request_invoke(&reply, &request, s->context, 0, NULL, 0,
	    NULL, -1);
}

static int
selfish_init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct selfish *s = (void *)(uintptr_t)arg;

	(void)text;
	(void)text_size;
	*state = s;
	s->context = context;
	s->init_result = selfish_call(s);
	return 0;
}

static void
selfish_fini(void *state)
{
	struct selfish *s = state;

	s->fini_result = selfish_call(s);
}

/* They could only wait for themselves. */
static void
from_init_and_fini(void)
{
	static const ferry_method nop = {.struct_size = sizeof nop,
	    .name = "nop", .handler = fx_nop};
	ferry_library_options lo = {.struct_size = sizeof lo,
	    .name = "selfish", .methods = &nop, .n_methods = 1,
	    .init = selfish_init, .fini = selfish_fini};
	ferry_context_options o = fx_context_options();
	struct selfish s = {0, 1, 1};
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &lo));
	o.init_arg = &s;
	context = fx_open_with(&o);
	/* Its own context: not open yet, and nobody to wait for. */
	T_ASSERT(s.init_result == FERRY_EREENTRANT ||
	    s.init_result == FERRY_ECLOSED || s.init_result == FERRY_ESTALE);
	fx_close(context);
	T_ASSERT(s.fini_result == FERRY_EREENTRANT ||
	    s.fini_result == FERRY_ECLOSED || s.fini_result == FERRY_ESTALE);
	T_OK(ferry_library_close(o.library));
}

/* ------------------------------------------------------------ self-submit */

/* -------------------------------------------------- two on one worker */

struct pair {
	ferry_context a, b;
	ferry_request of_b;
	struct fx_slot slot;
};

static int
pair_run(ferry_call call, void *arg)
{
	struct pair *pair = arg;
	struct place p = {.own = pair->b, .waitable = pair->of_b};
	ferry_request_options o = fx_to_slot(&pair->slot);

	(void)call;
	no_waits(&p); /* b is not ours, but its worker is */
	T_OK(ferry_request_submit(NULL, pair->b, FX_ECHO, "x", 1, &o));
	return FERRY_OK;
}

static void
two_on_one_worker(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context_options o = fx_context_options();
	struct pair pair = {0};
	ferry_request held, request;

	o.worker_key = "pair";
	pair.a = fx_open_with(&o);
	pair.b = fx_open_with(&o);
	held = fx_hold(pair.a, &gate);
	request = fx_do(pair.a, pair_run, &pair);
	pair.of_b = fx_submit(pair.b, FX_NOP, NULL, 0, NULL);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(request), FERRY_OK);
	fx_slot_await(&pair.slot); /* the asynchronous one is allowed */
	T_EQ(pair.slot.status, FERRY_OK);
	T_EQ(fx_wait(pair.of_b), FERRY_OK);
	fx_close(pair.a);
	fx_close(pair.b);
}

/* --------------------------------------------------- across, and circles */

/* ------------------------------------------------ whoever answers later */

/* A deferred call's other thread is no handler: it may use the context. */
static void
deferred_thread_is_free(void)
{
	ferry_context context = fx_open();
	struct fx_later l = FX_LATER;
	ferry_request request = fx_later(context, &l);

	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_OK(ferry_call_reply(l.call, 5, NULL, 0));
	T_EQ(fx_wait(request), 5);
	fx_close(context);
}

T_MAIN(
	T_RUN(from_handler);
	T_RUN(from_callback);
	T_RUN(from_hook);
	T_RUN(from_hook_in_handler);
	T_RUN(from_init_and_fini);
	T_RUN(two_on_one_worker);
	T_RUN(deferred_thread_is_free);
)
