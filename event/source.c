/*
 * Emitting; see source.h.
 */
#include "event/source.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "event/thread.h"

/* Relaxed throughout, where a word is reset: published with the token. */
bool
ferry__source_open(struct source *s, uint32_t capacity)
{
	if (!ferry__queue_open(&s->queue, capacity))
		return false;
	s->capacity = capacity;
	s->held = NULL;
	s->arrived = NULL;
	s->arrivals = 0;
	s->turn = false;
	s->actions.callback = s->actions.file = (struct rate){ 0 };
	s->actions.pending = 0;
	s->actions.ticket = 0;
	s->in_episode = false;
	s->queued_ns = 0;
	/* The attachments are an empty list already: whoever submits with a
	 * stale token and an inbox may be looking at it, under its mutex. */
	ferry__list_open(&s->elsewhere, 0);
	ferry__listener_reset(&s->listeners);
	atom32_store_relaxed(&s->attachments.hearers, 0);
	atom32_store_relaxed(&s->stuck, 0);
	atom32_store_relaxed(&s->closing, 0);
	atom32_store_relaxed(&s->room_waited, 0);
	atom32_store_relaxed(&s->elsewhere_out, 0);
	atom32_store_relaxed(&s->stage, SOURCE_OPEN);
	atom64_store_relaxed(&s->tickets, 0);
	atom64_store_relaxed(&s->elsewhere_emitted, 0);
	atom64_store_relaxed(&s->elsewhere_refused, 0);
	atom64_store_relaxed(&s->elsewhere_unheard, 0);
	atom64_store_relaxed(&s->elsewhere_dropped, 0);
	atom64_store_relaxed(&s->refused.n, 0);
	atom64_store_relaxed(&s->dropped.n, 0);
	atom64_store_relaxed(&s->unheard.n, 0);
	atom64_store_relaxed(&s->dispatched.n, 0);
	atom64_store_relaxed(&s->heard.n, 0);
	atom64_store_relaxed(&s->overrun.n, 0);
	atom64_store_relaxed(&s->delivered.n, 0);
	atom64_store_relaxed(&s->episodes.n, 0);
	return true;
}

void
ferry__source_close(struct source *s)
{
	ferry__actions_retire(
	    &s->actions, ferry__actions_replace(&s->actions, NULL));
	ferry__queue_close(&s->queue);
}

struct hearing
ferry__source_now(const struct source *s)
{
	/* First: an event that it will hear was taken after the looks below,
	 * with no fewer dropped than this. */
	struct hearing now = { .dropped = count_read(&s->elsewhere_dropped) };

	now.sequence = count_read(&s->queue.sequence.n);
	/* Relaxed: an emit that happened before has drawn its own. */
	now.tickets = atom64_load_relaxed(&s->tickets);
	return now;
}

/* ---------------------------------------------------- waiting for room */

struct putting {
	struct source *source;
	uint32_t event;
	const void *data;
	uint32_t size;
};

/*
 * FERRY_EVENTS_BLOCK: until attempt() returns another than FERRY_EAGAIN, the
 * context closes, or the wait would close a circle.
 */
static int
await_room(
    struct source *s, int (*attempt)(struct putting *), struct putting *p)
{
	const struct event_ops *ops = s->thread->ops;
	bool blocked = false;
	uint32_t room;
	int r;

	/* pair(emit-room) seq_cst: said before the look for room. */
	atom32_add_seqcst(&s->room_waited, 1);
	for (;;) {
		/* pair(emit-room) seq_cst. */
		room = atom32_load_seqcst(&s->room);
		r = attempt(p);
		if (r != FERRY_EAGAIN)
			break;
		r = FERRY_ECLOSED;
		/* pair(emit-room) seq_cst: close() marks, then counts. */
		if (atom32_load_seqcst(&s->closing) != 0)
			break;
		r = ops->block(&s->thread->waits, &s->room, room);
		if (r != FERRY_OK)
			break;
		blocked = true;
	}
	if (blocked)
		ops->unblock();
	atom32_sub_relaxed(&s->room_waited, 1);
	return r;
}

static void
tell_emitters(struct source *s)
{
	/* pair(stuck) release: there is room. */
	atom32_store_release(&s->stuck, 0);
	if (s->policy != FERRY_EVENTS_BLOCK)
		return;
	/* pair(emit-room) seq_cst: counted before the look at who waits. */
	atom32_add_seqcst(&s->room, 1);
	/* pair(emit-room) seq_cst. */
	if (atom32_load_seqcst(&s->room_waited) != 0)
		ferry__os_wake(&s->room, INT_MAX);
}

void
ferry__source_shut(struct source *s)
{
	/* pair(emit-room) seq_cst: an emit that blocks gives up. */
	atom32_store_seqcst(&s->closing, 1);
	/* pair(emit-room) seq_cst. */
	atom32_add_seqcst(&s->room, 1);
	ferry__os_wake(&s->room, INT_MAX);
}

/* Refused: so are submits, until there is room. */
static int
stick(struct source *s)
{
	/* pair(stuck) seq_cst: said before the last look for room, which the
	 * event thread makes before it takes the word back. */
	atom32_store_seqcst(&s->stuck, 1);
	ferry__event_thread_stir(s->thread);
	return FERRY_ESTUCK;
}

/* Relaxed: one that is being added may miss this event. */
static bool
has_hearers(const struct source *s)
{
	return atom32_load_relaxed(&s->attachments.hearers) != 0 ||
	    atom32_load_relaxed(&s->listeners.count) != 0;
}

/* ----------------------------------------------------- on the FFI thread */

static int
attempt_queue(struct putting *p)
{
	static const int results[] = {
		[QUEUE_PUT] = FERRY_OK,
		[QUEUE_FULL] = FERRY_EAGAIN,
		[QUEUE_NO_MEMORY] = FERRY_ENOMEM,
	};

	return results[ferry__queue_put(
	    &p->source->queue, p->event, p->data, p->size)];
}

static int
put_dropping(struct putting *p)
{
	struct source *s = p->source;
	int r;

	while ((r = attempt_queue(p)) == FERRY_EAGAIN)
		/* The event thread may have been first: then there is room. */
		if (ferry__queue_drop_oldest(&s->queue))
			count_single_add(&s->dropped, 1);
	return r;
}

static int
put_or_stick(struct putting *p)
{
	int r = attempt_queue(p);

	if (r != FERRY_EAGAIN)
		return r;
	count_single_add(&p->source->refused, 1);
	return stick(p->source);
}

int
ferry__source_emit(struct source *s, uint32_t event, const void *data,
    uint32_t size)
{
	struct putting p = { s, event, data, size };
	int r;

	if (!has_hearers(s)) {
		count_single_add(&s->unheard, 1);
		return FERRY_OK;
	}
	if (s->policy == FERRY_EVENTS_BLOCK)
		r = await_room(s, attempt_queue, &p);
	else if (s->policy == FERRY_EVENTS_DROP_OLDEST)
		r = put_dropping(&p);
	else
		r = put_or_stick(&p);
	if (r == FERRY_OK)
		ferry__event_thread_stir(s->thread);
	return r;
}

/* ---------------------------------------------------- on other threads */

/* An entry of those that may be out, or FERRY_EAGAIN. Never one too many for a
 * moment, which would be no room to somebody who then sleeps for it. */
static int
attempt_room(struct putting *p)
{
	struct source *s = p->source;
	/* pair(emit-room) seq_cst: after the count that it may sleep on. */
	uint32_t out = atom32_load_seqcst(&s->elsewhere_out);

	do
		if (out >= s->capacity)
			return FERRY_EAGAIN;
	/* pair(emit-room) seq_cst. */
	while (!atom32_cas_seqcst(&s->elsewhere_out, &out, out + 1));
	return FERRY_OK;
}

static void
give_room(struct source *s)
{
	/* pair(emit-room) seq_cst: given back before it is counted. */
	atom32_sub_seqcst(&s->elsewhere_out, 1);
}

static int
refuse_elsewhere(struct source *s)
{
	if (s->policy == FERRY_EVENTS_STUCK) {
		count_shared_add(&s->elsewhere_refused, 1);
		return stick(s);
	}
	count_shared_add(&s->elsewhere_emitted, 1);
	count_shared_add(&s->elsewhere_dropped, 1);
	return FERRY_OK;
}

/* With an entry taken. */
static int
push_elsewhere(struct putting *p)
{
	struct source *s = p->source;
	struct queued *e = malloc(offsetof(struct queued, bytes) + p->size);

	if (e == NULL) {
		give_room(s);
		tell_emitters(s);
		return FERRY_ENOMEM;
	}
	e->event = p->event;
	e->size = p->size;
	e->large = NULL;
	e->elsewhere = true;
	if (p->size != 0)
		memcpy(e->bytes, p->data, p->size);
	/* Relaxed: see ferry__source_now(). */
	e->sequence = atom64_add_relaxed(&s->tickets, 1);
	count_shared_add(&s->elsewhere_emitted, 1);
	ferry__list_push(
	    &s->elsewhere, &e->link, &e->link, 0, LIST_TAG_SMALL);
	ferry__event_thread_stir(s->thread);
	return FERRY_OK;
}

int
ferry__source_emit_elsewhere(struct source *s, uint32_t event,
    const void *data, uint32_t size)
{
	struct putting p = { s, event, data, size };
	int r;

	if (!has_hearers(s)) {
		count_shared_add(&s->elsewhere_emitted, 1);
		count_shared_add(&s->elsewhere_unheard, 1);
		return FERRY_OK;
	}
	if (s->policy == FERRY_EVENTS_BLOCK)
		r = await_room(s, attempt_room, &p);
	else
		r = attempt_room(&p);
	if (r == FERRY_EAGAIN)
		return refuse_elsewhere(s);
	return r == FERRY_OK ? push_elsewhere(&p) : r;
}

/* With those from elsewhere, also of the FFI thread: its gaps are seen in the
 * numbers of what it has queued, which this never gets. */
void
ferry__source_lose(struct source *s)
{
	count_shared_add(&s->elsewhere_emitted, 1);
	count_shared_add(has_hearers(s) ? &s->elsewhere_dropped :
	    &s->elsewhere_unheard, 1);
}

/* ----------------------------------------------------------------- taking */

static struct queued *
take_elsewhere(struct source *s)
{
	struct queued *e;

	if (s->arrived == NULL && ferry__list_stirs(&s->elsewhere,
	                              LIST_TAG_SMALL))
		s->arrived = ferry__list_reverse(ferry__list_first(
		    ferry__list_take(&s->elsewhere, LIST_TAG_SMALL),
		    LIST_TAG_SMALL));
	if (s->arrived == NULL)
		return NULL;
	e = container_of(s->arrived, struct queued, link);
	s->arrived = e->link.next;
	e->arrival = ++s->arrivals;
	return e;
}

/* Off the ring it leaves room there, long before its listeners return. */
static struct queued *
take_queued(struct source *s)
{
	struct queued *e = ferry__queue_take(&s->queue);

	if (e != NULL)
		tell_emitters(s);
	return e;
}

/* By turns, so that neither can keep the other from being heard. */
struct queued *
ferry__source_take(struct source *s)
{
	struct queued *e = s->held;

	s->held = NULL;
	if (e != NULL)
		return e;
	s->turn = !s->turn;
	e = s->turn ? take_elsewhere(s) : take_queued(s);
	if (e == NULL)
		e = s->turn ? take_queued(s) : take_elsewhere(s);
	if (e != NULL) {
		e->dropped = count_read(&s->elsewhere_dropped);
		return e;
	}
	/* pair(stuck) seq_cst: an emit was refused when there was no room,
	 * which there is now. */
	if (atom32_load_seqcst(&s->stuck) != 0)
		atom32_store_relaxed(&s->stuck, 0);
	return NULL;
}

void
ferry__source_done(struct source *s, struct queued *e)
{
	if (e->elsewhere) {
		free(e);
		give_room(s);
		tell_emitters(s);
	} else {
		ferry__queue_free(&s->queue, e);
	}
	count_single_add(&s->dispatched, 1);
}
