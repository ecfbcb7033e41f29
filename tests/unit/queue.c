/*
 * The event queue: order, the bound, what is dropped, where memory goes.
 */
#include "t.h"

#include "event/queue.h"

#define CAPACITY 8u

static struct queue queue;

static void
start(uint32_t capacity)
{
	T_ASSERT(ferry__queue_open(&queue, capacity));
}

static enum queue_put
put(uint32_t event)
{
	return ferry__queue_put(&queue, event, &event, sizeof event);
}

/* The next one is this event, with its number as bytes. */
static void
expect(uint32_t event, uint64_t sequence)
{
	struct queued *e = ferry__queue_take(&queue);

	T_ASSERT(e != NULL);
	T_EQ(e->event, event);
	T_EQ(e->size, sizeof event);
	T_MEM(ferry__queue_data(e), &event, sizeof event);
	T_EQ(e->sequence, sequence);
	ferry__queue_free(&queue, e);
}

static void
oldest_first(void)
{
	uint32_t next = 0, out = 0;

	start(CAPACITY);
	T_ASSERT(ferry__queue_take(&queue) == NULL);
	for (int round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < 1 + (uint32_t)round % 7; i++)
			T_EQ(put(next++), QUEUE_PUT);
		while (out < next) {
			expect(out, out + 1);
			out++;
		}
		T_ASSERT(ferry__queue_take(&queue) == NULL);
	}
	ferry__queue_close(&queue);
}

/* As many as the capacity says, one more is refused and numbered nowhere. */
static void
full_at_its_capacity(void)
{
	for (uint32_t capacity = 1; capacity <= 64; capacity *= 2) {
		start(capacity);
		for (uint32_t i = 0; i < capacity; i++)
			T_EQ(put(i), QUEUE_PUT);
		for (int i = 0; i < 3; i++)
			T_EQ(put(999), QUEUE_FULL);
		expect(0, 1);
		T_EQ(put(capacity), QUEUE_PUT);
		T_EQ(put(999), QUEUE_FULL);
		for (uint32_t i = 1; i <= capacity; i++)
			expect(i, i + 1);
		T_ASSERT(ferry__queue_take(&queue) == NULL);
		ferry__queue_close(&queue);
	}
}

/* One in the event thread's hands must not take a slot from the queue. */
static void
full_while_one_is_held(void)
{
	struct queued *held;

	start(CAPACITY);
	T_EQ(put(100), QUEUE_PUT);
	held = ferry__queue_take(&queue);
	for (uint32_t i = 0; i < CAPACITY; i++)
		T_EQ(put(i), QUEUE_PUT);
	T_EQ(put(999), QUEUE_FULL);
	/* Dropping makes room for one each, held or not. */
	for (uint32_t i = 0; i < 30; i++) {
		T_ASSERT(ferry__queue_drop_oldest(&queue));
		T_EQ(put(CAPACITY + i), QUEUE_PUT);
		T_EQ(put(999), QUEUE_FULL);
	}
	T_EQ(held->event, 100);
	ferry__queue_free(&queue, held);
	for (uint32_t i = 30; i < 30 + CAPACITY; i++)
		expect(i, i + 2);
	ferry__queue_close(&queue);
}

/* What is dropped is the oldest, and its number is a gap. */
static void
drop_oldest_leaves_a_gap(void)
{
	start(CAPACITY);
	T_ASSERT(!ferry__queue_drop_oldest(&queue));
	for (uint32_t i = 0; i < CAPACITY; i++)
		T_EQ(put(i), QUEUE_PUT);
	for (int i = 0; i < 3; i++)
		T_ASSERT(ferry__queue_drop_oldest(&queue));
	for (uint32_t i = 3; i < CAPACITY; i++)
		expect(i, i + 1);
	T_ASSERT(!ferry__queue_drop_oldest(&queue));
	T_EQ(put(77), QUEUE_PUT);
	expect(77, CAPACITY + 1);
	ferry__queue_close(&queue);
}

/* Inline, on the edge, and outside: no byte more or less. */
static void
sizes_in_and_outside(void)
{
	static const uint32_t sizes[] = { 0, 1, QUEUE_INLINE - 1, QUEUE_INLINE,
		QUEUE_INLINE + 1, 4096, QUEUE_BYTES };
	unsigned char *data = malloc(QUEUE_BYTES);
	struct queued *e;

	start(CAPACITY);
	for (int round = 0; round < 4; round++)
		for (size_t i = 0; i < COUNT_OF(sizes); i++) {
			memset(data, (int)i + round, sizes[i]);
			T_EQ(ferry__queue_put(&queue, 5,
			         sizes[i] != 0 ? data : NULL, sizes[i]),
			    QUEUE_PUT);
			/* Copied: the caller's bytes may change. */
			memset(data, 0xee, sizes[i]);
			e = ferry__queue_take(&queue);
			T_EQ(e->size, sizes[i]);
			memset(data, (int)i + round, sizes[i]);
			if (sizes[i] != 0)
				T_MEM(ferry__queue_data(e), data, sizes[i]);
			ferry__queue_free(&queue, e);
		}
	ferry__queue_close(&queue);
	free(data);
}

/* Large ones that are dropped, refused, or left at the close are freed: the
 * leak checker looks on. */
static void
large_ones_do_not_leak(void)
{
	unsigned char *data = calloc(1, 4096);

	start(CAPACITY);
	for (int round = 0; round < 5; round++)
		for (uint32_t i = 0; i < CAPACITY + 3; i++)
			if (ferry__queue_put(&queue, i, data, 4096) ==
			        QUEUE_FULL &&
			    i % 2 == 0)
				T_ASSERT(ferry__queue_drop_oldest(&queue));
	T_EQ(ferry__queue_put(&queue, 1, data, 4096) == QUEUE_NO_MEMORY, 0);
	ferry__queue_close(&queue);
	/* Small ones after large ones in the same slots. */
	start(2);
	for (uint32_t i = 0; i < 20; i++) {
		T_EQ(ferry__queue_put(
		         &queue, i, data, i % 2 ? 4096 : sizeof i),
		    QUEUE_PUT);
		ferry__queue_free(&queue, ferry__queue_take(&queue));
	}
	ferry__queue_close(&queue);
	free(data);
}

/* ---- threads ---- */

#define EVENTS 20000

static uint64_t dropped;

static void *
emitter(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < EVENTS; i++)
		while (put(i) == QUEUE_FULL)
			dropped += ferry__queue_drop_oldest(&queue);
	return NULL;
}

/* Each event is taken or dropped, once, in order, and untorn. */
static void
emitter_drops_against_a_taker(void)
{
	uint64_t last = 0, taken = 0;
	struct queued *e;
	pthread_t t;

	start(4);
	dropped = 0;
	t = t_thread_start(emitter, NULL);
	while (last != EVENTS) {
		e = ferry__queue_take(&queue);
		if (e == NULL) {
			sched_yield();
			continue;
		}
		T_GT(e->sequence, last);
		T_EQ(e->event + 1, e->sequence);
		T_MEM(ferry__queue_data(e), &e->event, sizeof e->event);
		last = e->sequence;
		taken++;
		ferry__queue_free(&queue, e);
	}
	t_thread_join(t);
	T_EQ(taken + dropped, EVENTS);
	ferry__queue_close(&queue);
}

T_MAIN(
	T_RUN(oldest_first);
	T_RUN(full_at_its_capacity);
	T_RUN(full_while_one_is_held);
	T_RUN(drop_oldest_leaves_a_gap);
	T_RUN(sizes_in_and_outside);
	T_RUN(large_ones_do_not_leak);
	T_RUN(emitter_drops_against_a_taker);
)
