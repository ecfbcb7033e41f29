/*
 * What a host wants done about calls that do not come back.
 */
#include "event/trace.h"
#include "ffi/context.h"
#include "ffi/options.h"
#include "ffi/reply.h"

int
ferry_context_watch(
    ferry_context context, const ferry_watch_options *options)
{
	ferry_watch_options o;
	struct wishes *w, *old = NULL;
	struct context *c;
	bool stacks = false;
	int r = FERRY_OK;

	if (options != NULL)
		r = ferry__options_read(&o, sizeof o, options);
	if (r == FERRY_OK)
		r = ferry__context_find(&c, context);
	if (r != FERRY_OK)
		return r;
	if (!ferry__context_may_block())
		return FERRY_EREENTRANT;
	ferry__reply_enter(c);
	r = ferry__context_check(c, context);
	if (r == FERRY_OK)
		r = ferry__actions_make(
		    &w, options != NULL ? &o : NULL, c->source.notify_level);
	if (r == FERRY_OK) {
		stacks = w != NULL && (w->flags & FERRY_WATCH_NO_STACKS) == 0;
		old = ferry__actions_replace(&c->source.actions, w);
	}
	ferry__reply_leave(c);
	/* Not in there: a callback that does not return holds up who asked for
	 * another, and not the close. */
	ferry__actions_retire(&c->source.actions, old);
	/* Now, and not when somebody is stuck in the loader. If somebody is, a
	 * close need not wait for this. */
	if (stacks)
		ferry__trace_prepare();
	return r;
}
