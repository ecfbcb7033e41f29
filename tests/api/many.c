/*
 * Batches: all of it or none, contiguous and in order, with one wake.
 */
#include "fixture.h"

static ferry_context
open_bounded(uint64_t depth, uint64_t depth_total)
{
	ferry_context_options o = fx_context_options();

	o.depth = depth;
	o.depth_total = depth_total;
	return fx_open_with(&o);
}

static void
many_fails(ferry_context context, const ferry_request_item *items,
    size_t count, const ferry_request_options *options, int error)
{
	uint64_t before = fx_accepted(context);
	ferry_request requests[64];

	T_LE(count, 64);
	for (size_t i = 0; i < 64; i++)
		requests[i] = 77;
	T_EQ(ferry_request_submit_many(
	    requests, context, items, count, options), error);
	for (size_t i = 0; i < 64; i++)
		T_EQ(requests[i], 77);
	T_EQ(fx_accepted(context), before);
}

static void
fill(unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 31 + size);
}

static ferry_request_options
adopting(atomic_int *freed)
{
	ferry_request_options o = fx_request_options();

	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = freed;
	return o;
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

static void
many_by_callback(void)
{
	ferry_context context = fx_open();
	ferry_request_options o = fx_to_slot(NULL);
	struct fx_slot slots[10];
	ferry_request_item items[10];
	ferry_request requests[10] = {0};
	int status[10];

	memset(slots, 0, sizeof slots);
	for (int i = 0; i < 10; i++) {
		status[i] = i * 10;
		items[i] = item(FX_STATUS, &status[i], sizeof(int), &slots[i]);
	}
	T_OK(ferry_request_submit_many(requests, context, items, 10, &o));
	for (int i = 0; i < 10; i++) {
		fx_slot_await(&slots[i]);
		T_EQ(slots[i].status, i * 10);
		T_EQ(slots[i].request, requests[i]);
		for (int j = 0; j < i; j++)
			T_NE(requests[i], requests[j]);
	}
	fx_close(context);
}

static void
many_by_wait(void)
{
	ferry_context context = fx_open();
	ferry_request_item items[3];
	ferry_request requests[3] = {0};
	unsigned char large[1000];
	ferry_reply reply;

	fill(large, sizeof large);
	items[0] = item(FX_ECHO, "small", 5, NULL);
	items[1] = item(FX_ECHO, large, sizeof large, NULL);
	items[2] = item(FX_NOP, NULL, 0, NULL);
	T_EQ(ferry_request_submit_many(NULL, context, items, 3, NULL),
	    FERRY_EINVAL);
	T_EQ(fx_accepted(context), 0);
	T_OK(ferry_request_submit_many(requests, context, items, 3, NULL));
	T_EQ(fx_wait(requests[2]), FERRY_OK);
	T_OK(ferry_request_wait(&reply, requests[1], -1));
	T_EQ(reply.size, sizeof large);
	T_MEM(reply.data, large, sizeof large);
	T_OK(ferry_block_release(reply.data));
	T_EQ(fx_wait(requests[0]), FERRY_OK);
	fx_close(context);
}

/* One wrong item anywhere, and none of them happens. */
static void
many_with_one_bad(void)
{
	ferry_context_options co = fx_context_options();
	ferry_context context;
	struct fx_trace trace = {0};
	struct fx_mark mark = {.trace = &trace};
	ferry_request_item good[8], items[8];
	unsigned char large[1001] = {0};

	co.payload_max = 1000;
	context = fx_open_with(&co);
	for (int i = 0; i < 8; i++)
		good[i] = item(FX_TRACE, &mark, sizeof mark, NULL);
	for (int bad = 0; bad < 8; bad++) {
		memcpy(items, good, sizeof items);
		items[bad].method = FX_N_METHODS;
		many_fails(context, items, 8, NULL, FERRY_ENOMETHOD);
		items[bad] = item(FX_NOP, large, sizeof large, NULL);
		many_fails(context, items, 8, NULL, FERRY_E2BIG);
		items[bad] = item(FX_NOP, NULL, 1, NULL);
		many_fails(context, items, 8, NULL, FERRY_EINVAL);
		items[bad] = good[0];
		items[bad].reserved = 1;
		many_fails(context, items, 8, NULL, FERRY_EINVAL);
	}
	many_fails(context, NULL, 8, NULL, FERRY_EINVAL);
	fx_close(context);
	T_EQ(atomic_load(&trace.n), 0);
}

static void
many_of_none(void)
{
	ferry_context context = fx_open();
	ferry_request request = 77;
	int r = ferry_request_submit_many(&request, context, NULL, 0, NULL);

	T_ASSERT(r == FERRY_OK || r == FERRY_EINVAL);
	T_EQ(request, 77);
	T_EQ(fx_accepted(context), 0);
	fx_close(context);
}

/* More than there is room for: none, although some would have fitted. */
static void
many_over_depth(void)
{
	ferry_context context = open_bounded(8, 0);
	ferry_context total = open_bounded(0, 8);
	ferry_request_item items[9];
	ferry_request requests[9];
	ferry_request one;

	for (int i = 0; i < 9; i++)
		items[i] = item(FX_NOP, NULL, 0, NULL);
	/* Never to be had, however empty the queue is. */
	many_fails(context, items, 9, NULL, FERRY_E2BIG);
	many_fails(total, items, 9, NULL, FERRY_E2BIG);
	T_OK(ferry_request_submit_many(requests, context, items, 8, NULL));
	many_fails(context, items, 1, NULL, FERRY_EAGAIN);
	for (int i = 0; i < 8; i++)
		T_EQ(fx_wait(requests[i]), FERRY_OK);
	/* Room for seven: eight are refused whole, and seven taken. */
	one = fx_submit(total, FX_NOP, NULL, 0, NULL);
	many_fails(total, items, 8, NULL, FERRY_EAGAIN);
	T_OK(ferry_request_submit_many(requests, total, items, 7, NULL));
	for (int i = 0; i < 7; i++)
		T_EQ(fx_wait(requests[i]), FERRY_OK);
	T_EQ(fx_wait(one), FERRY_OK);
	fx_close(context);
	fx_close(total);
}

static void
many_adopted(void)
{
	ferry_context context = open_bounded(10, 0);
	atomic_int freed = 0;
	ferry_request_options o = adopting(&freed);
	ferry_request_item items[11];
	ferry_request requests[10], one;

	for (int i = 0; i < 11; i++)
		items[i] = item(FX_ECHO, malloc(20u + 20u * (unsigned)i),
		    20u + 20u * (unsigned)i, NULL);
	many_fails(context, items, 11, &o, FERRY_E2BIG);
	/* Room for nine: what was filled in for them is undone. */
	one = fx_submit(context, FX_NOP, NULL, 0, NULL);
	many_fails(context, items, 10, &o, FERRY_EAGAIN);
	T_EQ(fx_wait(one), FERRY_OK);
	items[9].method = FX_N_METHODS;
	many_fails(context, items, 10, &o, FERRY_ENOMETHOD);
	T_EQ(atomic_load(&freed), 0);
	items[9].method = FX_ECHO;
	T_OK(ferry_request_submit_many(requests, context, items, 10, &o));
	for (int i = 0; i < 10; i++)
		T_EQ(fx_wait(requests[i]), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(&freed), 10);
	free((void *)(uintptr_t)items[10].data);
}

static int
parked(ferry_context context)
{
	ferry_health h = {.struct_size = sizeof h};

	T_OK(ferry_context_health(&h, context));
	return h.worker == FERRY_THREAD_IDLE;
}

/* A batch wakes a sleeping worker once at most. */
static void
many_with_one_wake(void)
{
	ferry_context context = fx_open();
	ferry_request_item items[50];
	ferry_request requests[50];
	uint64_t before;

	for (int i = 0; i < 50; i++)
		items[i] = item(FX_NOP, NULL, 0, NULL);
	T_WAIT_UNTIL(parked(context), FX_LIMIT_MS);
	before = fx_counters(context).wakes;
	T_OK(ferry_request_submit_many(requests, context, items, 50, NULL));
	T_LE(fx_counters(context).wakes, before + 1);
	for (int i = 0; i < 50; i++)
		T_EQ(fx_wait(requests[i]), FERRY_OK);
	fx_close(context);
}

T_MAIN(
	T_RUN(many_by_callback);
	T_RUN(many_by_wait);
	T_RUN(many_with_one_bad);
	T_RUN(many_of_none);
	T_RUN(many_over_depth);
	T_RUN(many_adopted);
	T_RUN(many_with_one_wake);
)
