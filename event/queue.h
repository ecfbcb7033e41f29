/*
 * A context's event queue: from the FFI thread to the event thread.
 *
 * Owns: the ring and its slots. Bounded; a put allocates only for events over
 * 512 bytes.
 *
 * The FFI thread puts. The event thread takes; under DROP_OLDEST the FFI
 * thread takes too, to make room: the ring is CK's single-producer
 * multi-consumer one, and whoever wins an entry owns its slot. There are two
 * slots more than entries: one in the hands of each thread.
 */
#ifndef FERRY_EVENT_QUEUE_H
#define FERRY_EVENT_QUEUE_H

#include <ck_ring.h>

#include "ffi/list.h"

#define QUEUE_INLINE 512u
#define QUEUE_BYTES  65536u /* the most an event may have */

struct queued {
	_Alignas(16) struct link link; /* among the free; or pushed */
	uint64_t sequence; /* in the queue; or the ticket, see hearing.h */
	uint64_t arrival;  /* the event thread's, of those from elsewhere */
	uint64_t dropped;  /* of those from elsewhere, before it was taken */
	uint32_t event;
	uint32_t size;
	bool elsewhere;    /* not of the queue: pushed by another thread */
	void *large;       /* over QUEUE_INLINE; malloc'ed */
	/* From elsewhere: as many as it has. */
	unsigned char bytes[QUEUE_INLINE];
};

struct queue {
	ck_ring_t ring;
	struct queued *slots;          /* NULL: not open */
	ck_ring_buffer_t *entries;     /* behind them */
	struct link *free;             /* the FFI thread's */
	uint32_t fresh;                /* slots never used; the FFI thread's */
	count_single sequence;         /* puts, counted before they are seen */
	struct list freed;             /* by the event thread */
};

/* False: no memory. `capacity` is a power of two. */
bool ferry__queue_open(struct queue *q, uint32_t capacity);
void ferry__queue_close(struct queue *q);

enum queue_put {
	QUEUE_PUT,
	QUEUE_FULL,
	QUEUE_NO_MEMORY
};

/* FFI thread. */
enum queue_put ferry__queue_put(
    struct queue *q, uint32_t event, const void *data, uint32_t size);
bool ferry__queue_drop_oldest(struct queue *q);

/* Event thread: the oldest, or NULL; and back. */
struct queued *ferry__queue_take(struct queue *q);
void ferry__queue_free(struct queue *q, struct queued *e);

const void *ferry__queue_data(const struct queued *e);

#endif
