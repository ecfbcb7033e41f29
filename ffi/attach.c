/*
 * Where the event half meets a context: attaching an inbox, emitting an event.
 */
#include "ffi/context.h"
#include "ffi/options.h"
#include "ffi/self.h"

/* An inbox has made room for events: the event thread goes on. */
static void
room(void *event_thread)
{
	ferry__event_thread_stir(event_thread);
}

int
ferry_inbox_attach(ferry_inbox inbox, ferry_context context,
    const ferry_attach_options *options)
{
	ferry_attach_options o;
	struct context *c;
	int r = ferry__options_read(&o, sizeof o, options);

	if (r != FERRY_OK)
		return r;
	r = ferry__context_find(&c, context);
	if (r != FERRY_OK)
		return r;
	if (ferry__self.roles != 0)
		return FERRY_EREENTRANT;
	/* The mutex keeps the context from closing meanwhile; its event thread
	 * lets go of what is attached after the stage was set under it. */
	pthread_mutex_lock(&c->mutex);
	/* pair(slot) acquire. */
	if (atom64_load_acquire(&c->slot->token) != context)
		r = FERRY_ESTALE;
	else if (atom32_load_relaxed(&c->stage) != CONTEXT_OPEN)
		r = FERRY_ECLOSED;
	else
		r = ferry__attachment_open(&c->source.attachments, inbox,
		    context, &o, ferry__event_thread_sequence(&c->source), room,
		    &c->worker->events);
	pthread_mutex_unlock(&c->mutex);
	return r;
}

int
ferry_context_emit(ferry_context context, uint32_t event, const void *data,
    size_t size)
{
	struct worker *w = ferry__self.worker;
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (event >= c->library->n_events)
		return FERRY_ENOEVENT;
	if (size > QUEUE_BYTES)
		return FERRY_E2BIG;
	if (data == NULL && size != 0)
		return FERRY_EINVAL;
	if (w == NULL || w != c->worker)
		return FERRY_ETHREAD;
	/* Relaxed: this thread sets it, and the closer frees afterwards. */
	if (atom32_load_relaxed(&c->stage) == CONTEXT_LEFT)
		return FERRY_ECLOSED;
	return ferry__event_thread_emit(
	    &c->source, event, data, (uint32_t)size);
}
