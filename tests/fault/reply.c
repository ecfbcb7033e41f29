/*
 * The handler's side when memory is refused: a reply that failed has not
 * happened, and less can be said; nothing that ends a request needs memory.
 */
#include "steps.h"

enum { LARGE = 1000 };

struct plan {
	size_t size;         /* of the reply */
	int block;           /* from ferry_block_alloc() */
	int defer;           /* answered by a thread of the test's */
	ferry_call call;
	struct fx_gate deferred;
};

/* Full of what is sent; refused, the call is as unanswered as before. */
static void
reply_copy(ferry_call call, size_t size)
{
	char data[LARGE];
	int r;

	memset(data, 'c', size);
	r = ferry_call_reply(call, FERRY_OK, data, size);
	if (!inject_failed(__FILE__, __LINE__, "reply", r,
	        (const int[]){FERRY_ENOMEM, 0}))
		return;
	T_OK(ferry_call_check(call));
	T_OK(ferry_call_reply(call, STEPS_LESS, NULL, 0));
}

static void
reply_block(ferry_call call, size_t size)
{
	void *block, *const untouched = &block;
	int r;

	block = untouched;
	r = ferry_block_alloc(&block, size);
	if (inject_failed(__FILE__, __LINE__, "block", r,
	        (const int[]){FERRY_ENOMEM, 0})) {
		T_ASSERT(block == untouched);
		T_OK(ferry_block_alloc(&block, size));
	}
	memset(block, 'c', size);
	T_OK(ferry_call_reply_block(call, FERRY_OK, block, size));
}

static void
answer(ferry_call call, const struct plan *p)
{
	if (p->block)
		reply_block(call, p->size);
	else
		reply_copy(call, p->size);
}

static int
handle(ferry_call call, void *arg)
{
	struct plan *p = arg;

	if (!p->defer) {
		answer(call, p);
		T_EQ(ferry_call_reply(call, 5, NULL, 0), FERRY_EREPLIED);
		return FERRY_OK;
	}
	p->call = call;
	T_OK(ferry_call_defer(call));
	fx_gate_open(&p->deferred);
	return FERRY_OK;
}

static void *
answer_elsewhere(void *arg)
{
	struct plan *p = arg;

	fx_gate_pass(&p->deferred);
	answer(p->call, p);
	return NULL;
}

static void
check(int status, const void *data, size_t size, size_t planned)
{
	const char *p = data;

	if (status == STEPS_LESS) {
		T_EQ(size, 0);
		return;
	}
	T_EQ(status, FERRY_OK);
	T_EQ(size, planned);
	for (size_t i = 0; i < size; i++)
		T_EQ(p[i], 'c');
}

struct desk {
	ferry_context context;
	ferry_inbox inbox;
	uint64_t sent;
};

static void
by_wait(struct desk *d, struct plan *p)
{
	ferry_request request = steps_do(d->context, handle, p, NULL);
	ferry_reply reply;

	T_OK(ferry_request_wait(&reply, request, -1));
	check(reply.status, reply.data, reply.size, p->size);
	T_OK(ferry_block_release(reply.data));
}

static void
by_callback(struct desk *d, struct plan *p)
{
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	steps_do(d->context, handle, p, &o);
	fx_slot_await(&slot);
	check(slot.status, slot.head, slot.size < 64 ? slot.size : 64,
	    p->size < 64 ? p->size : 64);
}

static void
by_inbox(struct desk *d, struct plan *p)
{
	ferry_request_options o = fx_to_inbox(d->inbox, NULL);
	ferry_request request = steps_do(d->context, handle, p, &o);
	ferry_completion c = fx_take_kind(d->inbox, FERRY_KIND_REPLY);

	T_EQ(c.request, request);
	check(c.status, c.data, c.size, p->size);
	fx_done(&c);
}

/* Nobody takes it: the copy, or the block, is Ferry's to free. */
static void
by_nobody(struct desk *d, struct plan *p)
{
	T_OK(ferry_request_release(steps_do(d->context, handle, p, NULL)));
	if (!p->defer)
		fx_rest(d->context);
}

static void
each_way(struct desk *d, size_t size, int block, int defer)
{
	static void (*const routes[])(struct desk *, struct plan *) = {
		by_wait, by_callback, by_inbox, by_nobody };

	for (unsigned i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		struct plan p = { .size = size, .block = block,
			.defer = defer, .deferred = FX_GATE_SHUT };
		pthread_t thread;

		if (defer)
			thread = t_thread_start(answer_elsewhere, &p);
		routes[i](d, &p);
		d->sent++;
		if (defer)
			t_thread_join(thread);
	}
	fx_rest(d->context);
}

static void
replies(int defer)
{
	struct desk d = { .context = steps_open(NULL),
		.inbox = steps_inbox() };

	steps_attach(d.inbox, d.context, 0);
	each_way(&d, 10, 0, defer);
	each_way(&d, LARGE, 0, defer);
	each_way(&d, LARGE, 1, defer);
	steps_close(d.context, d.sent);
	T_OK(ferry_inbox_close(NULL, d.inbox));
}

static void
replies_in_the_handler(void)
{
	replies(0);
}

static void
replies_from_elsewhere(void)
{
	replies(1);
}

/* --------------------------------------------------------------- handles */

enum { HANDLES = 3 };

struct shop {
	ferry_handle handles[HANDLES];
	int objects[HANDLES];
};

static atomic_int destroyed;

static void
destroy(void *object, void *state)
{
	(void)state;
	T_EQ(*(int *)object, 1);
	*(int *)object = 2;
	atomic_fetch_add(&destroyed, 1);
}

static int
open_handles(ferry_call call, void *arg)
{
	struct shop *s = arg;

	for (int i = 0; i < HANDLES; i++) {
		s->objects[i] = 1;
		STEP_OUT(s->handles[i], ferry_handle_open(&s->handles[i], call,
		    &s->objects[i], s, destroy), FERRY_ENOMEM);
	}
	return FERRY_OK;
}

static int
look_at_handles(ferry_call call, void *arg)
{
	struct shop *s = arg;

	for (int i = 0; i < HANDLES; i++) {
		void *object;

		T_OK(ferry_handle_object(&object, call, s->handles[i], s));
		T_ASSERT(object == &s->objects[i]);
	}
	return FERRY_OK;
}

/* Handles themselves are kept for ever: `first` has the points of theirs. */
static void
handles(void)
{
	ferry_context context = steps_open(NULL);
	struct shop shop;

	atomic_store(&destroyed, 0);
	T_EQ(fx_wait(steps_do(context, open_handles, &shop, NULL)), FERRY_OK);
	T_EQ(fx_wait(steps_do(context, look_at_handles, &shop, NULL)),
	    FERRY_OK);
	T_OK(ferry_handle_release(shop.handles[1]));
	T_EQ(ferry_handle_release(shop.handles[1]), FERRY_ESTALE);
	T_WAIT_UNTIL(atomic_load(&destroyed) == 1, FX_LIMIT_MS);
	T_EQ(fx_counters(context).handles_open, 2);
	steps_close(context, 2);
	T_EQ(atomic_load(&destroyed), HANDLES);
}

static int
open_many_handles(ferry_call call, void *arg)
{
	static int object = 1;
	ferry_handle handle;
	size_t kept;
	int n = 0, r;

	inject_arm(INJECT_FOR_EVER, 1, 1);
	do {
		handle = INJECT_UNTOUCHED;
		r = ferry_handle_open(&handle, call, &object, &object, NULL);
	} while (r == FERRY_OK && ++n < 100000);
	T_EQ(r, FERRY_ENOMEM);
	T_EQ(handle, INJECT_UNTOUCHED);
	for (int i = 0; i < 300; i++) /* more than a table grows by */
		T_EQ(ferry_handle_open(&handle, call, &object, &object, NULL),
		    FERRY_ENOMEM);
	T_EQ(inject_disarm(), 301);
	*(int *)arg = n;
	kept = atomic_load(&inject_kept);
	T_OK(ferry_handle_open(&handle, call, &object, &object, NULL));
	T_LE(atomic_load(&inject_kept), kept + 256);
	return FERRY_OK;
}

/* What was refused is not counted, and its slot is there for the next. */
static void
out_of_handles(void)
{
	ferry_context context;
	int n;

	handles(); /* their table, which is made once */
	context = steps_open(NULL);
	T_EQ(fx_do_wait(context, open_many_handles, &n), FERRY_OK);
	T_EQ(fx_counters(context).handles_open, n + 1);
	T_EQ(fx_do_wait(context, open_many_handles, &n), FERRY_OK);
	T_EQ(n, 0); /* one was made, and is in use */
	fx_close(context);
}

/* ---------------------------------------------------------------- cancel */

static void
open_gate(ferry_call call, void *user)
{
	(void)call;
	fx_gate_open(user);
}

static int
wait_for_hook(ferry_call call, void *arg)
{
	T_OK(ferry_call_on_cancel(call, open_gate, arg));
	fx_gate_pass(arg);
	return ferry_call_check(call);
}

/* Nothing can be had, and everything can be cancelled. */
static void
cancels(void)
{
	ferry_context context = steps_open(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request running =
	    steps_do(context, wait_for_hook, &gate, NULL), queued, told;

	fx_gate_await(&gate, 1);
	queued = steps_submit(context, FX_NOP, NULL, 0, NULL);
	told = steps_submit(context, FX_NOP, NULL, 0, &o);
	T_OK(ferry_request_cancel(queued));
	T_OK(ferry_request_cancel(told));
	T_EQ(fx_wait(queued), FERRY_ECANCELED);
	T_OK(ferry_request_cancel(running));
	T_EQ(fx_wait(running), FERRY_ECANCELED);
	fx_slot_await(&slot);
	T_EQ(slot.status, FERRY_ECANCELED);
	steps_close(context, 3);
}

T_MAIN(
	INJECT_EACH(replies_in_the_handler, 25);
	INJECT_EACH(replies_from_elsewhere, 25);
	INJECT_EACH(handles, 10);
	T_RUN(out_of_handles);
	INJECT_EACH(cancels, 10);
)
