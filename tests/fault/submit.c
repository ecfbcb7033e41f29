/*
 * Submits that are refused memory: an error means that nothing happened. Data
 * offered for adoption is still the caller's, no callback runs, nothing comes
 * to the inbox, and of several requests none is submitted.
 */
#include "steps.h"

enum { SMALL = 60, LARGE = 200, MANY = 20 };

/* What comes back: the bytes, all of them `number`, or less. */
static void
check_echo(int status, const void *data, size_t size, size_t sent, int number)
{
	const char *p = data;

	if (status == STEPS_LESS) {
		T_EQ(size, 0);
		return;
	}
	T_EQ(status, FERRY_OK);
	T_EQ(size, sent);
	for (size_t i = 0; i < size; i++)
		T_EQ(p[i], number);
}

/* ------------------------------------------------------------------- one */

enum route { WAIT, INVOKE, CALLBACK, INBOX, ROUTES };

struct desk {
	ferry_context context;
	ferry_inbox inbox;
	uint64_t sent;
};

struct parcel {
	enum route route;
	size_t size;
	int number;
	char *data;
	ferry_request_options o;
	struct fx_slot slot;
	atomic_int freed;
};

/* Nothing has happened to it: catches a free, an answer and a change. */
static void
check_untouched(struct desk *d, struct parcel *p)
{
	ferry_completion c;

	T_EQ(atomic_load(&p->freed), 0);
	T_EQ(atomic_load(&p->slot.calls), 0);
	T_EQ(ferry_inbox_take(&c, 1, d->inbox), 0);
	for (size_t i = 0; i < p->size; i++)
		T_EQ(p->data[i], p->number);
}

static void
submit(struct desk *d, struct parcel *p, ferry_request *request)
{
	int r;

	*request = INJECT_UNTOUCHED;
	r = ferry_request_submit(
	    request, d->context, FX_ECHO, p->data, p->size, &p->o);
	if (!inject_failed(__FILE__, __LINE__, "submit", r,
	        (const int[]){FERRY_ENOMEM, 0}))
		return;
	T_EQ(*request, INJECT_UNTOUCHED);
	check_untouched(d, p);
	T_OK(ferry_request_submit(
	    request, d->context, FX_ECHO, p->data, p->size, &p->o));
}

static void
invoke(struct desk *d, struct parcel *p)
{
	ferry_request request = INJECT_UNTOUCHED;
	ferry_reply reply;
	int r = ferry_request_invoke(&reply, &request, d->context, FX_ECHO,
	    p->data, p->size, &p->o, -1);

	if (inject_failed(__FILE__, __LINE__, "invoke", r,
	        (const int[]){FERRY_ENOMEM, 0})) {
		T_EQ(request, 0);
		check_untouched(d, p);
		T_OK(ferry_request_invoke(&reply, &request, d->context,
		    FX_ECHO, p->data, p->size, &p->o, -1));
	}
	check_echo(reply.status, reply.data, reply.size, p->size, p->number);
	T_OK(ferry_block_release(reply.data));
}

static void
submit_and_hear(struct desk *d, struct parcel *p)
{
	ferry_request request;
	ferry_reply reply;
	ferry_completion c;

	submit(d, p, &request);
	if (p->route == WAIT) {
		T_OK(ferry_request_wait(&reply, request, -1));
		check_echo(reply.status, reply.data, reply.size, p->size,
		    p->number);
		T_OK(ferry_block_release(reply.data));
	} else if (p->route == CALLBACK) {
		fx_slot_await(&p->slot);
		T_EQ(p->slot.request, request);
		T_ASSERT(p->slot.status == STEPS_LESS ||
		    p->slot.head[SMALL - 1] == p->number);
	} else {
		c = fx_take_kind(d->inbox, FERRY_KIND_REPLY);
		T_EQ(c.request, request);
		check_echo(c.status, c.data, c.size, p->size, p->number);
		fx_done(&c);
	}
}

static void
send(struct desk *d, enum route route, size_t size, int adopt)
{
	struct parcel p = { .route = route, .size = size,
		.number = (int)++d->sent, .data = malloc(size),
		.o = fx_request_options() };

	memset(p.data, p.number, size);
	if (route == CALLBACK)
		p.o = fx_to_slot(&p.slot);
	if (route == INBOX)
		p.o = fx_to_inbox(d->inbox, NULL);
	if (adopt) {
		p.o.flags = FERRY_REQUEST_ADOPT;
		p.o.free = fx_free;
		p.o.free_user = &p.freed;
	}
	if (route == INVOKE)
		invoke(d, &p);
	else
		submit_and_hear(d, &p);
	if (!adopt)
		free(p.data);
	T_EQ(atomic_load(&p.freed), adopt);
}

static struct desk
desk_open(const ferry_context_options *o)
{
	struct desk d = { .context = steps_open(o), .inbox = steps_inbox() };

	steps_attach(d.inbox, d.context, 0);
	return d;
}

static void
desk_close(struct desk *d)
{
	steps_close(d->context, d->sent);
	T_OK(ferry_inbox_close(NULL, d->inbox));
}

static void
one_by_every_route(void)
{
	struct desk d = desk_open(NULL);

	for (enum route route = 0; route < ROUTES; route++) {
		send(&d, route, SMALL, 0);
		send(&d, route, LARGE, 0);
		send(&d, route, LARGE, 1);
		send(&d, route, SMALL, 1);
	}
	desk_close(&d);
}

/* The exact bound lets go of what was not submitted after all: catches a
 * context that is full for ever. Not by callback, which comes before its
 * request has gone home. */
static void
within_an_exact_bound(void)
{
	ferry_context_options o = fx_context_options();
	struct desk d;

	o.depth_total = 1;
	d = desk_open(&o);
	for (int i = 0; i < 3; i++) {
		send(&d, WAIT, LARGE, 0);
		send(&d, INVOKE, LARGE, 0);
		send(&d, INBOX, LARGE, 0);
	}
	desk_close(&d);
}

/* ------------------------------------------------------------------ many */

struct batch {
	ferry_request_item items[MANY];
	char data[MANY][LARGE];
	struct fx_slot slots[MANY];
	atomic_int freed;
};

static struct batch *
make_batch(void)
{
	struct batch *b = calloc(1, sizeof *b);

	for (int i = 0; i < MANY; i++) {
		memset(b->data[i], i + 1, LARGE);
		b->items[i] = (ferry_request_item){ .method = FX_ECHO,
			.data = b->data[i],
			.size = i % 3 == 0 ? SMALL : LARGE,
			.user = &b->slots[i] };
	}
	return b;
}

static void
count_free(void *data, void *user)
{
	(void)data;
	atomic_fetch_add((atomic_int *)user, 1);
}

/* All or none; and counted as refused, since the arguments were good. */
static void
submit_batch(struct desk *d, struct batch *b, ferry_request *requests,
    const ferry_request_options *o)
{
	ferry_counters before = fx_counters(d->context), after;
	int r;

	for (int i = 0; i < MANY; i++)
		requests[i] = INJECT_UNTOUCHED;
	r = ferry_request_submit_many(
	    requests, d->context, b->items, MANY, o);
	d->sent += MANY;
	if (!inject_failed(__FILE__, __LINE__, "submit_many", r,
	        (const int[]){FERRY_ENOMEM, 0}))
		return;
	after = fx_counters(d->context);
	T_EQ(after.submitted, before.submitted + MANY);
	T_EQ(after.refused, before.refused + MANY);
	T_EQ(after.started, before.started);
	T_EQ(atomic_load(&b->freed), 0);
	for (int i = 0; i < MANY; i++) {
		T_EQ(requests[i], INJECT_UNTOUCHED);
		T_EQ(atomic_load(&b->slots[i].calls), 0);
	}
	T_OK(ferry_request_submit_many(
	    requests, d->context, b->items, MANY, o));
}

static void
many_to_wait_for(struct desk *d)
{
	ferry_request_options o = fx_request_options();
	struct batch *b = make_batch();
	ferry_request requests[MANY];

	submit_batch(d, b, requests, &o);
	for (int i = 0; i < MANY; i++)
		steps_wait_echo(
		    requests[i], b->data[i], b->items[i].size);
	free(b);
}

static void
many_by_callback(struct desk *d, int adopt)
{
	ferry_request_options o = fx_request_options();
	struct batch *b = make_batch();
	ferry_request requests[MANY];

	o.callback = fx_on_reply;
	if (adopt) {
		o.flags = FERRY_REQUEST_ADOPT;
		o.free = count_free;
		o.free_user = &b->freed;
	}
	submit_batch(d, b, requests, &o);
	for (int i = 0; i < MANY; i++) {
		fx_slot_await(&b->slots[i]);
		T_EQ(b->slots[i].request, requests[i]);
	}
	T_EQ(atomic_load(&b->freed), adopt ? MANY : 0);
	/* They may not have gone home yet: the next batch would need more
	 * nodes, which stay. */
	steps_await_sleep(d->context);
	free(b);
}

/* In their order. */
static void
many_by_inbox(struct desk *d)
{
	ferry_request_options o = fx_to_inbox(d->inbox, NULL);
	struct batch *b = make_batch();
	ferry_request requests[MANY];

	submit_batch(d, b, requests, &o);
	for (int i = 0; i < MANY; i++) {
		ferry_completion c =
		    fx_take_kind(d->inbox, FERRY_KIND_REPLY);

		T_EQ(c.request, requests[i]);
		T_ASSERT(c.user == &b->slots[i]);
		check_echo(c.status, c.data, c.size, b->items[i].size, i + 1);
		fx_done(&c);
	}
	free(b);
}

static void
many_by_every_route(void)
{
	struct desk d = desk_open(NULL);

	send(&d, WAIT, SMALL, 0); /* a home, where refusals are counted */
	many_to_wait_for(&d);
	many_by_callback(&d, 0);
	many_by_callback(&d, 1);
	many_by_inbox(&d);
	desk_close(&d);
}

/* ------------------------------------------------------------ out of nodes */

/* Holds the FFI thread, and uses up every node this thread has: the next one
 * needs memory that is refused. Returns how many were accepted. */
static int
use_up_nodes(ferry_context context, struct fx_slot *slot)
{
	ferry_request_options o = fx_to_slot(slot);
	ferry_request request = INJECT_UNTOUCHED;
	int n = 0, r;

	inject_arm(INJECT_FOR_EVER, 1, 1);
	while ((r = ferry_request_submit(&request, context, FX_NOP, NULL, 0,
	            &o)) == FERRY_OK) {
		request = INJECT_UNTOUCHED;
		n++;
	}
	T_EQ(r, FERRY_ENOMEM);
	T_EQ(request, INJECT_UNTOUCHED);
	return n;
}

static void
out_of_nodes(void)
{
	struct desk d = desk_open(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	ferry_request held = fx_hold(d.context, &gate), requests[MANY], one;
	ferry_request_options o = fx_request_options();
	struct batch *b = make_batch();
	int n = use_up_nodes(d.context, &slot);

	o.callback = fx_on_reply;
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = count_free;
	o.free_user = &b->freed;
	one = INJECT_UNTOUCHED;
	T_EQ(ferry_request_submit(&one, d.context, FX_ECHO, b->data[0], LARGE,
	    &o), FERRY_ENOMEM);
	T_EQ(one, INJECT_UNTOUCHED);
	d.sent = (uint64_t)n + 1;
	submit_batch(&d, b, requests, &o); /* disarms */
	T_EQ(atomic_load(&b->freed), 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	for (int i = 0; i < MANY; i++)
		fx_slot_await(&b->slots[i]);
	fx_rest(d.context);
	T_EQ(atomic_load(&b->freed), MANY);
	T_EQ(atomic_load(&slot.calls), n);
	desk_close(&d);
	free(b);
}

/* The nodes of a chain that broke off in the middle are there for the next. */
static void
out_of_nodes_in_the_middle(void)
{
	struct desk d = desk_open(NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	ferry_request held = fx_hold(d.context, &gate), requests[MANY];
	ferry_request_options o = fx_request_options(), to = fx_to_slot(&slot);
	struct batch *b = make_batch();
	int n = use_up_nodes(d.context, &slot);

	/* One chunk more, and all but a few of it. */
	inject_disarm();
	for (int i = 0; i < 64 - MANY / 2; i++, n++)
		fx_submit(d.context, FX_NOP, NULL, 0, &to);
	o.callback = fx_on_reply;
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = count_free;
	o.free_user = &b->freed;
	inject_arm(INJECT_FOR_EVER, 1, 1);
	T_EQ(ferry_request_submit_many(NULL, d.context, b->items, MANY, &o),
	    FERRY_ENOMEM);
	T_EQ(atomic_load(&b->freed), 0);
	for (int i = 0; i < MANY / 2; i++, n++)
		fx_submit(d.context, FX_NOP, NULL, 0, &to);
	d.sent = (uint64_t)n + 1;
	submit_batch(&d, b, requests, &o);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	for (int i = 0; i < MANY; i++)
		fx_slot_await(&b->slots[i]);
	fx_rest(d.context);
	T_EQ(atomic_load(&slot.calls), n);
	T_EQ(atomic_load(&b->freed), MANY);
	desk_close(&d);
	free(b);
}

/* -------------------------------------------------------- the exact bound */

struct rival {
	struct desk *desk;
	int result;
};

static void *
submit_meanwhile(void *arg)
{
	struct rival *r = arg;
	ferry_request_options o = fx_to_inbox(r->desk->inbox, NULL);

	r->result = ferry_request_submit(
	    NULL, r->desk->context, FX_NOP, NULL, 0, &o);
	return NULL;
}

static void
meanwhile(void *arg)
{
	t_thread_join(t_thread_start(submit_meanwhile, arg));
}

/*
 * Somebody is told that the context is full because of a request that is then
 * refused memory: there is room again, and the inbox hears of it. Catches a
 * caller that waits for WRITABLE for ever.
 */
static void
room_after_a_refusal(void)
{
	ferry_context_options co = fx_context_options();
	struct rival rival = { .result = 1 };
	char data[LARGE] = { 0 };
	ferry_request_options o = fx_request_options();
	struct fx_slot slot = {0};
	ferry_completion c;
	struct desk d;

	co.depth_total = 1;
	d = desk_open(&co);
	send(&d, WAIT, SMALL, 0);
	steps_await_sleep(d.context);
	rival.desk = &d;
	inject.meanwhile = meanwhile;
	inject.arg = &rival;
	inject_arm(INJECT_MEMORY, 1, 0);
	o = fx_to_slot(&slot);
	T_EQ(ferry_request_submit(NULL, d.context, FX_ECHO, data, LARGE, &o),
	    FERRY_ENOMEM);
	inject_disarm();
	inject.meanwhile = NULL;
	T_EQ(rival.result, FERRY_EAGAIN);
	c = fx_take_kind(d.inbox, FERRY_KIND_WRITABLE);
	fx_done(&c);
	meanwhile(&rival);
	T_EQ(rival.result, FERRY_OK);
	d.sent++;
	c = fx_take_kind(d.inbox, FERRY_KIND_REPLY);
	fx_done(&c);
	desk_close(&d);
}

T_MAIN(
	INJECT_EACH(one_by_every_route, 20);
	INJECT_EACH(within_an_exact_bound, 20);
	INJECT_EACH(many_by_every_route, 50);
	T_RUN(out_of_nodes);
	T_RUN(out_of_nodes_in_the_middle);
	T_RUN(room_after_a_refusal);
)
