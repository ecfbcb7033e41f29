/*
 * A strand's reply, given when and how it likes; the payload, which stays until
 * it has ended; and what is told of it meanwhile.
 */
#include "strands.h"
#include "watched.h"

/* ----------------------------------------------------------- how it replies */

enum when { BEFORE_A_WAIT, AFTER_A_WAIT, WITHOUT_A_WAIT, N_WHENS };

struct replier {
	enum when when;
	int block;      /* by ferry_call_reply_block() */
	atomic_int may; /* go on after the reply */
	atomic_int replied;
};

static void
reply_now(ferry_call call, struct replier *r)
{
	char text[] = "the answer of a strand";
	void *block;

	if (r->block) {
		T_OK(ferry_block_alloc(&block, sizeof text));
		memcpy(block, text, sizeof text);
		T_OK(ferry_call_reply_block(call, 5, block, sizeof text));
	} else {
		T_OK(ferry_call_reply(call, 5, text, sizeof text));
	}
	/* Once, and the copy is Ferry's. */
	memset(text, 'x', sizeof text - 1);
	T_EQ(ferry_call_reply(call, 6, text, sizeof text), FERRY_EREPLIED);
	T_EQ(ferry_call_on_cancel(call, NULL, NULL), FERRY_EREPLIED);
	atomic_store(&r->replied, 1);
}

static int
reply_so(ferry_call call, void *arg)
{
	struct replier *r = arg;

	if (r->when == AFTER_A_WAIT)
		T_OK(ferry_strand_sleep(1));
	reply_now(call, r);
	while (r->when == BEFORE_A_WAIT && !atomic_load(&r->may))
		T_OK(ferry_strand_sleep(1));
	if (r->when != WITHOUT_A_WAIT)
		T_EQ(ferry_call_reply(call, 6, NULL, 0), FERRY_EREPLIED);
	return 9; /* not heeded */
}

static void
right(int status, const void *data, size_t size)
{
	T_EQ(status, 5);
	T_EQ(size, sizeof "the answer of a strand");
	T_STR((const char *)data, "the answer of a strand");
}

/* One given before a wait is delivered when the strand has ended. */
static void
let_it_end(ferry_context context, struct replier *r)
{
	if (r->when != BEFORE_A_WAIT)
		return;
	T_WAIT_UNTIL(atomic_load(&r->replied), FX_LIMIT_MS);
	/* Others use what there is for a plain handler's reply meanwhile. */
	for (int i = 0; i < 10; i++) {
		struct fx_slot slot = {0};
		ferry_request_options o = fx_to_slot(&slot);

		fx_submit(context, FX_ECHO, "other bytes altogether", 23, &o);
		fx_slot_await(&slot);
	}
}

static void
to_a_waiter(ferry_context context, struct replier *r)
{
	ferry_request request = st_spawn(context, reply_so, r);
	ferry_reply reply;

	let_it_end(context, r);
	if (r->when == BEFORE_A_WAIT)
		T_EQ(ferry_request_wait(&reply, request, 0), FERRY_ETIMEDOUT);
	atomic_store(&r->may, 1);
	T_OK(ferry_request_wait(&reply, request, -1));
	right(reply.status, reply.data, reply.size);
	T_OK(ferry_block_release(reply.data));
}

static void
to_a_callback(ferry_context context, struct replier *r)
{
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	st_spawn_with(context, reply_so, r, &o);
	let_it_end(context, r);
	if (r->when == BEFORE_A_WAIT)
		T_EQ(atomic_load(&slot.calls), 0);
	atomic_store(&r->may, 1);
	fx_slot_await(&slot);
	right(slot.status, slot.head, slot.size);
}

static void
to_an_inbox(ferry_context context, struct replier *r)
{
	ferry_inbox inbox = fx_inbox();
	ferry_request_options o = fx_to_inbox(inbox, r);
	ferry_completion c;

	fx_attach(inbox, context, 0, NULL);
	st_spawn_with(context, reply_so, r, &o);
	let_it_end(context, r);
	if (r->when == BEFORE_A_WAIT)
		T_EQ(ferry_inbox_take(&c, 1, inbox), 0);
	atomic_store(&r->may, 1);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_ASSERT(c.user == r);
	right(c.status, c.data, c.size);
	fx_done(&c);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
to_nobody(ferry_context context, struct replier *r)
{
	ferry_request request = st_spawn(context, reply_so, r);
	uint64_t discarded = fx_counters(context).discarded;

	T_OK(ferry_request_release(request));
	let_it_end(context, r);
	atomic_store(&r->may, 1);
	fx_await_discarded(context, discarded + 1);
}

static void
every_way_to_reply(void)
{
	static void (*const to[])(ferry_context, struct replier *) = {
	    to_a_waiter, to_a_callback, to_an_inbox, to_nobody};
	ferry_context context = st_open();
	uint64_t n = 0;

	for (size_t way = 0; way < sizeof to / sizeof to[0]; way++)
		for (int when = 0; when < N_WHENS; when++)
			for (int block = 0; block < 2; block++) {
				struct replier r = {.when = (enum when)when,
				    .block = block};

				to[way](context, &r);
				n++;
			}
	fx_rest(context);
	st_counts(context, 0, n, 0, 0);
	T_EQ(fx_counters(context).ended_error, n);
	fx_close(context);
}

/* A reply given before stands, whatever becomes of the strand. */
static int
reply_and_sleep(ferry_call call, void *arg)
{
	T_OK(ferry_call_reply(call, FERRY_OK, "done", 5));
	atomic_store((atomic_int *)arg, 1);
	return ferry_strand_sleep(-1);
}

static void
cancelled_after_its_reply(void)
{
	ferry_context context = st_open();
	atomic_int replied = 0;
	ferry_request request = st_spawn(context, reply_and_sleep, &replied);
	ferry_reply reply;

	T_WAIT_UNTIL(atomic_load(&replied), FX_LIMIT_MS);
	st_turn(context);
	T_OK(ferry_request_cancel(request));
	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, FERRY_OK);
	T_STR((char *)reply.data, "done");
	T_OK(ferry_block_release(reply.data));
	st_counts(context, 1, 0, 0, 0);
	fx_close(context);
}

/* One that was too late, because a closer has answered, and its block. */
static int
reply_too_late(ferry_call call, void *arg)
{
	struct fx_gate *gate = arg;
	void *block;

	T_OK(ferry_strand_shield(1));
	fx_gate_pass(gate);
	T_OK(ferry_strand_sleep(1));
	T_OK(ferry_block_alloc(&block, 100));
	T_EQ(ferry_call_reply_block(call, FERRY_OK, block, 100), FERRY_ESTALE);
	T_EQ(ferry_call_reply(call, FERRY_OK, "x", 1), FERRY_ESTALE);
	T_OK(ferry_strand_sleep(1));
	return FERRY_OK;
}

static void
after_an_abandoned_close(void)
{
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = st_spawn(context, reply_too_late, &gate);

	fx_gate_await(&gate, 1);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
	fx_gate_open(&gate);
	T_OK(fx_close_mode(context, FERRY_CLOSE_DRAIN, 0, NULL));
}

/* ------------------------------------------------------------- the payload */

enum { SMALL = 64 - sizeof(struct st_data), LARGE = 3000 };

struct paid {
	struct st_data d;
	unsigned char bytes[LARGE];
};

struct payload {
	size_t size;         /* behind the head */
	int waits;           /* else it ends at once */
	atomic_int freed;
	int freed_before;    /* it had ended */
	const void *at;
};

static int
look_at_payload(ferry_call call, const void *data, size_t size, void *arg)
{
	struct payload *p = arg;
	const struct paid *paid = data;

	(void)call;
	T_EQ(size, sizeof paid->d + p->size);
	p->at = data;
	for (int round = 0; round < (p->waits ? 20 : 1); round++) {
		for (size_t i = 0; i < p->size; i++)
			T_EQ(paid->bytes[i], i % 251);
		if (p->waits)
			T_OK(round % 2 ? ferry_strand_sleep(1)
			               : ferry_strand_yield());
	}
	p->freed_before = atomic_load(&p->freed);
	return FERRY_OK;
}

static void
free_payload(void *data, void *user)
{
	struct payload *p = user;

	T_ASSERT(data == p->at);
	memset(data, 0xee, sizeof(struct st_data));
	free(data);
	atomic_fetch_add(&p->freed, 1);
}

static ferry_request
submit_payload(ferry_context context, struct payload *p, int adopt)
{
	struct paid *paid = calloc(1, sizeof *paid);
	ferry_request_options o = fx_request_options();
	ferry_request request;

	paid->d = (struct st_data){look_at_payload, p};
	for (size_t i = 0; i < p->size; i++)
		paid->bytes[i] = (unsigned char)(i % 251);
	if (adopt) {
		o.flags = FERRY_REQUEST_ADOPT;
		o.free = free_payload;
		o.free_user = p;
	}
	request = fx_submit(
	    context, ST_DATA, paid, sizeof paid->d + p->size, &o);
	if (!adopt) {
		memset(paid, 0xdd, sizeof *paid);
		free(paid);
	}
	return request;
}

/* Inline, copied and adopted; many at once, so that none is another's. */
static void
the_payload_stays(void)
{
	enum { N = 60 };
	ferry_context context = st_open();
	struct payload p[N];
	ferry_request request[N];

	for (int i = 0; i < N; i++) {
		p[i] = (struct payload){
		    .size = i % 2 ? (size_t)LARGE : (size_t)SMALL,
		    .waits = i % 5 != 0};
		request[i] = submit_payload(context, &p[i], i % 3 == 0);
	}
	for (int i = 0; i < N; i++) {
		T_OK(fx_wait(request[i]));
		/* Freed once, after the handler, before the reply. */
		T_EQ(p[i].freed_before, 0);
		T_EQ(atomic_load(&p[i].freed), i % 3 == 0);
	}
	fx_close(context);
	for (int i = 0; i < N; i++)
		T_EQ(atomic_load(&p[i].freed), i % 3 == 0);
}

/* Freed once, too, when the end is another. */
static int
sleep_on_data(ferry_call call, const void *data, size_t size, void *arg)
{
	struct payload *p = arg;

	(void)call;
	(void)size;
	p->at = data;
	return ferry_strand_sleep(-1);
}

static void
freed_whatever_its_end(void)
{
	for (int end = 0; end < 5; end++) {
		ferry_context context = st_open();
		struct payload p = {0};
		struct st_data *d = malloc(sizeof *d);
		ferry_request_options o = fx_request_options();
		ferry_request request;

		*d = (struct st_data){sleep_on_data, &p};
		o.flags = FERRY_REQUEST_ADOPT;
		o.free = free_payload;
		o.free_user = &p;
		request = fx_submit(context, ST_DATA, d, sizeof *d, &o);
		st_await_active(context, 1);
		st_turn(context);
		if (end == 0)
			T_OK(ferry_request_cancel(request));
		if (end == 1)
			T_EQ(fx_wait(fx_submit(
			    context, FX_EXIT, NULL, 0, NULL)), FERRY_ELOST);
		st_close(context, end == 2 || end == 3
		        ? FERRY_CLOSE_CANCEL : end == 4
		        ? FERRY_CLOSE_ABANDON : FERRY_CLOSE_DRAIN);
		T_NE(fx_wait(request), FERRY_OK);
		T_EQ(atomic_load(&p.freed), 1);
	}
}

/* ------------------------------------------------------------ what is told */

static int
sleep_until_told(ferry_call call, void *arg)
{
	(void)call;
	while (!atomic_load((atomic_int *)arg))
		T_OK(ferry_strand_sleep(1));
	return FERRY_OK;
}

/* STALE notices go on coming as long as it lives. */
static void
stale_while_it_sleeps(void)
{
	ferry_context context = st_open();
	ferry_inbox inbox = fx_inbox();
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	atomic_int told = 0;
	ferry_request request;
	ferry_completion c;
	uint64_t age = 0;

	fx_attach(inbox, context, 0, NULL);
	o.stale_ms = 10;
	request = st_spawn_with(context, sleep_until_told, &told, &o);
	for (int i = 0; i < 5; i++) {
		c = fx_take_kind(inbox, FERRY_KIND_STALE);
		T_EQ(c.request, request);
		T_EQ(c.code, ST_STRAND);
		T_GT(c.age_ns, age);
		age = c.age_ns;
		fx_done(&c);
	}
	atomic_store(&told, 1);
	do {
		c = fx_take(inbox);
		fx_done(&c);
	} while (c.kind == FERRY_KIND_STALE);
	T_EQ(c.kind, FERRY_KIND_REPLY);
	t_sleep_ms(2 * FX_QUIET_MS);
	T_EQ(ferry_inbox_take(&c, 1, inbox), 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static int
yield_and_stand(ferry_call call, void *arg)
{
	(void)call;
	T_OK(ferry_strand_yield());
	fx_gate_pass(arg);
	return FERRY_OK;
}

/* The watchdog names the one that holds the thread, not those that sleep. */
static void
the_watchdog_names_the_right_one(void)
{
	ferry_context_options o = watched_options();
	ferry_context context = st_open_with(&o);
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	atomic_int told = 0;
	ferry_request sleeper = st_spawn(context, sleep_until_told, &told);
	ferry_request holder;
	ferry_completion c;

	/* As long as it only sleeps there is nothing to be told. */
	t_sleep_ms(2 * wedged_ms());
	no_notice(inbox);
	T_EQ(fx_counters(context).stall_episodes, 0);
	holder = st_spawn(context, yield_and_stand, &gate);
	fx_gate_await(&gate, 1);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.request, holder);
	T_EQ(c.code, ST_STRAND);
	T_STR(c.name, "strand");
	fx_done(&c);
	T_EQ(health(context).worker, FERRY_THREAD_BUSY);
	T_EQ(health(context).request, holder);
	T_EQ(health(context).running, 2);
	fx_gate_open(&gate);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	T_OK(fx_wait(holder));
	T_EQ(fx_counters(context).stall_episodes, 1);
	atomic_store(&told, 1);
	T_OK(fx_wait(sleeper));
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(every_way_to_reply);
	T_RUN(cancelled_after_its_reply);
	T_RUN(after_an_abandoned_close);
	T_RUN(the_payload_stays);
	T_RUN(freed_whatever_its_end);
	T_RUN(stale_while_it_sleeps);
	T_RUN(the_watchdog_names_the_right_one);
)
