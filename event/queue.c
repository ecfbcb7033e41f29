/*
 * The event queue; see queue.h.
 */
#include "event/queue.h"

#include <string.h>

bool
ferry__queue_open(struct queue *q, uint32_t capacity)
{
	/* The ring has twice the room: CK's leaves one entry empty. */
	size_t ring = 2 * (size_t)capacity * sizeof *q->entries;
	uint32_t n = capacity + 2;

	/* In one piece, and untouched until used: an idle context pays for the
	 * page of malloc's own words at most. */
	q->slots = aligned_alloc(16, n * sizeof *q->slots + ring);
	if (q->slots == NULL)
		return false;
	q->entries = (ck_ring_buffer_t *)(void *)(q->slots + n);
	ck_ring_init(&q->ring, 2 * capacity);
	ferry__list_open(&q->freed, 0);
	q->free = NULL;
	atom64_store_relaxed(&q->sequence.n, 0);
	q->fresh = n;
	return true;
}

void
ferry__queue_close(struct queue *q)
{
	if (q->slots != NULL)
		while (ferry__queue_drop_oldest(q))
			;
	free(q->slots);
	q->slots = NULL;
}

const void *
ferry__queue_data(const struct queued *e)
{
	return e->large != NULL ? e->large : e->bytes;
}

struct queued *
ferry__queue_take(struct queue *q)
{
	void *e;

	if (!ck_ring_dequeue_spmc(&q->ring, q->entries, &e))
		return NULL;
	HANDOVER_TAKE(e);
	return e;
}

static void
empty(struct queued *e)
{
	free(e->large);
	e->large = NULL;
}

void
ferry__queue_free(struct queue *q, struct queued *e)
{
	empty(e);
	ferry__list_push(&q->freed, &e->link, &e->link, 0, LIST_TAG_SMALL);
}

static void
put_back(struct queue *q, struct queued *e)
{
	e->link.next = q->free;
	q->free = &e->link;
}

bool
ferry__queue_drop_oldest(struct queue *q)
{
	struct queued *e = ferry__queue_take(q);

	if (e == NULL)
		return false;
	empty(e);
	put_back(q, e);
	return true;
}

static struct queued *
free_slot(struct queue *q)
{
	struct link *l;

	if (q->free == NULL)
		q->free = ferry__list_first(
		    ferry__list_take(&q->freed, LIST_TAG_SMALL),
		    LIST_TAG_SMALL);
	l = q->free;
	if (l == NULL)
		/* Not linked up at open, which would touch them all. */
		return q->fresh != 0 ? &q->slots[--q->fresh] : NULL;
	q->free = l->next;
	return container_of(l, struct queued, link);
}

enum queue_put
ferry__queue_put(struct queue *q, uint32_t event, const void *data,
    uint32_t size)
{
	struct queued *e = NULL;

	if (ck_ring_size(&q->ring) < ck_ring_capacity(&q->ring) / 2)
		e = free_slot(q);
	if (e == NULL)
		return QUEUE_FULL;
	e->large = NULL;
	e->elsewhere = false;
	if (size > QUEUE_INLINE) {
		e->large = malloc(size);
		if (e->large == NULL) {
			put_back(q, e);
			return QUEUE_NO_MEMORY;
		}
	}
	if (size != 0)
		memcpy(e->large != NULL ? e->large : e->bytes, data, size);
	e->event = event;
	e->size = size;
	/* Counted first: what was dispatched has been emitted (law 12). */
	count_single_add(&q->sequence, 1);
	e->sequence = atom64_load_relaxed(&q->sequence.n);
	HANDOVER_GIVE(e);
	/* There is room: the one who puts has looked, others only take. */
	ASSERT(ck_ring_enqueue_spmc(&q->ring, q->entries, e));
	return QUEUE_PUT;
}
