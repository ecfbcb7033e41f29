/*
 * Where the event half meets a context: who hears it, and emitting an event.
 */
#include "ffi/context.h"
#include "ffi/options.h"
#include "ffi/reply.h"
#include "ffi/self.h"

/* An inbox has made room for events: the event thread goes on. */
static void
room(void *event_thread)
{
	ferry__event_thread_stir(event_thread);
}

/* The mutex keeps the context from closing meanwhile; its event thread lets go
 * of who hears it after the stage was set under it. */
static int
hold_open(struct context *c, ferry_context context)
{
	uint32_t stage;
	int r = FERRY_OK;

	pthread_mutex_lock(&c->mutex);
	/* First, as in ferry__context_check(). pair(busy) acquire. */
	stage = atom32_load_acquire(&c->stage);
	/* pair(slot) acquire. */
	if (atom64_load_acquire(&c->slot->token) != context)
		r = FERRY_ESTALE;
	else if (stage != CONTEXT_OPEN)
		r = FERRY_ECLOSED;
	if (r != FERRY_OK)
		pthread_mutex_unlock(&c->mutex);
	return r;
}

static void
let_close(struct context *c)
{
	pthread_mutex_unlock(&c->mutex);
}

int
ferry_inbox_attach(ferry_inbox inbox, ferry_context context,
    const ferry_attach_options *options)
{
	ferry_attach_options o;
	struct hearing from;
	struct context *c;
	int r = ferry__options_read(&o, sizeof o, options);

	if (r != FERRY_OK)
		return r;
	r = ferry__context_find(&c, context);
	if (r != FERRY_OK)
		return r;
	if (ferry__self.roles != 0)
		return FERRY_EREENTRANT;
	r = hold_open(c, context);
	if (r != FERRY_OK)
		return r;
	from = ferry__source_now(&c->source);
	r = ferry__attachment_open(&c->source.attachments, inbox, context, &o,
	    &from, room, &ferry__context_worker(c)->events);
	let_close(c);
	return r;
}

int
ferry_listener_add(ferry_listener *out, ferry_context context,
    const ferry_listener_options *options)
{
	ferry_listener_options o;
	struct hearing from;
	struct context *c;
	int r = ferry__options_read(&o, sizeof o, options);

	if (r != FERRY_OK || options == NULL || out == NULL || o.flags != 0 ||
	    o.listener == NULL)
		return FERRY_EINVAL;
	r = ferry__context_find(&c, context);
	if (r != FERRY_OK)
		return r;
	if (ferry__self.roles & (SELF_HOOK | SELF_DOORBELL))
		return FERRY_EREENTRANT;
	r = hold_open(c, context);
	if (r != FERRY_OK)
		return r;
	from = ferry__source_now(&c->source);
	if (o.event != FERRY_EVENT_ANY && o.event >= c->library->n_events)
		r = FERRY_ENOEVENT;
	else
		r = ferry__listener_add(out, &c->source.listeners, context,
		    &o, &from, &ferry__context_worker(c)->events);
	let_close(c);
	return r;
}

/* For the thread that says it. */
typedef int (*emit_fn)(
    struct source *s, uint32_t event, const void *data, uint32_t size);

/* With the context kept. */
static int
emit_by(emit_fn emit, struct context *c, uint32_t event, const void *data,
    size_t size)
{
	if (event >= c->library->n_events)
		return FERRY_ENOEVENT;
	if (size != FERRY_EVENT_LOST)
		return emit(&c->source, event, data, (uint32_t)size);
	ferry__source_lose(&c->source);
	return FERRY_OK;
}

/* On a thread of the library's own, a caller's, or a listener's. */
static int
emit_elsewhere(struct context *c, ferry_context context, uint32_t event,
    const void *data, size_t size)
{
	int r;

	/* Before the looks, as others in the middle of an answer: the closer
	 * waits for us, or we see that the context has been let go. */
	ferry__reply_enter(c);
	r = ferry__context_check(c, context);
	if (r == FERRY_OK)
		r = emit_by(
		    ferry__source_emit_elsewhere, c, event, data, size);
	ferry__reply_leave(c);
	return r;
}

int
ferry_context_emit(ferry_context context, uint32_t event, const void *data,
    size_t size)
{
	bool lost = data == NULL && size == FERRY_EVENT_LOST;
	struct worker *w = ferry__self.worker;
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (size > QUEUE_BYTES && !lost)
		return FERRY_E2BIG;
	if (data == NULL && size != 0 && !lost)
		return FERRY_EINVAL;
	if (UNLIKELY(ferry__self.roles & SELF_DOORBELL))
		return FERRY_EREENTRANT;
	if (w == NULL || w != ferry__context_worker(c))
		return emit_elsewhere(c, context, event, data, size);
	r = ferry__context_check(c, context);
	if (r != FERRY_OK)
		return r;
	return emit_by(ferry__source_emit, c, event, data, size);
}
