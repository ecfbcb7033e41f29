/*
 * Law 2: requests of one lane start in the order of their submits.
 */
#include "fixture.h"

enum { LANES = 5, PER_LANE = 200 };

/* Items of a lane are numbered; each lane's must start in their order. */
static void
check_lanes(const struct fx_trace *trace, uint32_t lanes, uint32_t each)
{
	uint32_t next[64] = {0};

	T_LE(lanes, 64);
	T_EQ(atomic_load(&trace->n), lanes * each);
	for (uint32_t i = 0; i < lanes * each; i++) {
		uint32_t lane = trace->item[i] >> 16;

		T_LT(lane, lanes);
		T_EQ(trace->item[i] & 0xffff, next[lane]);
		next[lane]++;
	}
}

/* One thread, several lanes, all in the queue before the first starts. */
static void
order_in_lanes(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request held = fx_hold(context, &gate);

	for (uint32_t i = 0; i < PER_LANE; i++) {
		for (uint32_t lane = 0; lane < LANES; lane++) {
			o.lane = lane * UINT64_C(0x123456789);
			fx_mark(context, &trace, lane << 16 | i, &o);
		}
	}
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_rest(context);
	check_lanes(&trace, LANES, PER_LANE);
	fx_close(context);
}

struct relay {
	ferry_context context;
	struct fx_trace *trace;
	uint32_t first;
};

static void *
relay_run(void *arg)
{
	struct relay *relay = arg;
	ferry_request_options o = fx_request_options();

	o.lane = 7;
	for (uint32_t i = 0; i < 10; i++)
		T_OK(ferry_request_release(fx_mark(relay->context,
		    relay->trace, relay->first + i, &o)));
	return NULL;
}

/* A named lane is in order across threads, where one submit happens before
 * the other (here: by join). */
static void
order_across_threads(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	ferry_request held = fx_hold(context, &gate);

	for (uint32_t t = 0; t < 20; t++) {
		struct relay relay = {context, &trace, t * 10};

		t_thread_join(t_thread_start(relay_run, &relay));
	}
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_rest(context);
	check_lanes(&trace, 1, 200);
	fx_close(context);
}

static void *
own_lane(void *arg)
{
	struct relay *relay = arg;
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	for (uint32_t i = 0; i < PER_LANE; i++)
		fx_mark(relay->context, relay->trace, relay->first + i, &o);
	T_WAIT_UNTIL(atomic_load(&slot.calls) == PER_LANE, FX_LIMIT_MS);
	return NULL;
}

/* Lane 0 is the thread, for several threads at once and a running worker. */
static void
order_of_threads(void)
{
	ferry_context context = fx_open();
	struct fx_trace trace = {0};
	struct relay relays[LANES];
	pthread_t threads[LANES];

	for (uint32_t t = 0; t < LANES; t++) {
		relays[t] = (struct relay){context, &trace, t << 16};
		threads[t] = t_thread_start(own_lane, &relays[t]);
	}
	for (uint32_t t = 0; t < LANES; t++)
		t_thread_join(threads[t]);
	check_lanes(&trace, LANES, PER_LANE);
	fx_close(context);
}

static ferry_request_item
item(uint32_t method, const void *data, size_t size, void *user)
{
	ferry_request_item it;

	memset(&it, 0, sizeof it);
	it.method = method;
	it.data = data;
	it.size = size;
	it.user = user;
	return it;
}

struct batches {
	ferry_context context;
	struct fx_trace *trace;
	uint32_t who;
};

enum { BATCH = 20, BATCHES = 20 };

static void *
submit_batches(void *arg)
{
	struct batches *b = arg;
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request_item items[BATCH];
	struct fx_mark marks[BATCH];

	memset(marks, 0, sizeof marks);
	o.lane = 99;
	for (uint32_t n = 0; n < BATCHES; n++) {
		for (uint32_t i = 0; i < BATCH; i++) {
			marks[i].trace = b->trace;
			marks[i].item = b->who << 16 | (n * BATCH + i);
			items[i] = item(FX_TRACE, &marks[i], sizeof marks[i],
			    &slot);
		}
		T_OK(ferry_request_submit_many(
		    NULL, b->context, items, BATCH, &o));
	}
	T_WAIT_UNTIL(
	    atomic_load(&slot.calls) == BATCH * BATCHES, FX_LIMIT_MS);
	return NULL;
}

/* Two threads, one lane: batches do not mix. Catches a batch that is pushed
 * item by item. */
static void
many_contiguous(void)
{
	ferry_context context = fx_open();
	struct fx_trace trace = {0};
	struct batches b[2] = {{context, &trace, 0}, {context, &trace, 1}};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		threads[i] = t_thread_start(submit_batches, &b[i]);
	for (int i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	check_lanes(&trace, 2, BATCH * BATCHES);
	for (uint32_t i = 0; i < 2 * BATCH * BATCHES; i++) {
		if (i % BATCH != 0)
			T_EQ(trace.item[i], trace.item[i - 1] + 1);
	}
	fx_close(context);
}

T_MAIN(
	T_RUN(order_in_lanes);
	T_RUN(order_across_threads);
	T_RUN(order_of_threads);
	T_RUN(many_contiguous);
)
