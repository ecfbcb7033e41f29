/*
 * Scopes, as the handler has them: of the call in hand, and of a strand
 * wherever it waits.
 *
 * Threads: the FFI thread. The stack that others look at is in scope.c.
 */
#include "ffi/call.h"
#include "ffi/strand.h"

/* Where a strand's scopes are while it waits, which may not fail: so there is
 * room for them before the first. */
static bool
has_room(struct worker *w)
{
	struct strand *s = w->strand;

	if (s == NULL || s->scopes != NULL)
		return true;
	s->scopes = malloc(sizeof *s->scopes);
	return s->scopes != NULL;
}

/* In the handler, and all that a change of its scopes needs is there. */
static int
enter(struct worker **out, ferry_call call)
{
	int r = ferry__call_in_handler(out, call);

	if (r != FERRY_OK)
		return r;
	if ((*out)->scoped)
		return FERRY_OK;
	if (!has_room(*out))
		return FERRY_ENOMEM;
	ferry__scope_begin(&(*out)->scopes, &(*out)->beat);
	(*out)->scoped = true;
	return FERRY_OK;
}

static bool
is_time(uint32_t ms)
{
	return ms != 0 && ms != FERRY_OFF;
}

static int
push(ferry_call call, const char *name, uint64_t limit_ms)
{
	struct worker *w;
	int r = enter(&w, call);

	if (r != FERRY_OK)
		return r;
	if (!ferry__scope_push(&w->scopes, &w->beat, name, limit_ms))
		return FERRY_EAGAIN;
	return FERRY_OK;
}

/* A bad argument is told to those only who may do it at all. */
static int
why_not(ferry_call call)
{
	struct worker *w;
	int r = ferry__call_in_handler(&w, call);

	return r == FERRY_OK ? FERRY_EINVAL : r;
}

/* ---------------------------------------------------- its handler's ends */

void
ferry__call_end_scopes(struct worker *w)
{
	w->scoped = false;
	ferry__scope_pop_all(&w->scopes, &w->beat);
}

void
ferry__call_keep_scopes(struct worker *w, struct strand *s)
{
	/* Until the beat that ends its turn they are what they were. */
	w->scoped = false;
	ferry__scope_save(s->scopes, &w->scopes);
}

void
ferry__call_resume_scopes(struct worker *w, struct strand *s)
{
	w->scoped = true;
	ferry__scope_restore(
	    &w->scopes, &w->beat, s->node->index, s->scopes);
}

/* ------------------------------------------------------------------ public */

int
ferry_scope_push(ferry_call call, const char *name, uint32_t limit_ms)
{
	if (name == NULL || !is_time(limit_ms))
		return why_not(call);
	return push(call, name, limit_ms);
}

int
ferry_scope_extend(ferry_call call, uint32_t more_ms, const char *reason)
{
	struct worker *w;
	int r;

	if (reason == NULL || !is_time(more_ms))
		return why_not(call);
	r = enter(&w, call);
	if (r == FERRY_OK)
		ferry__scope_extend(&w->scopes, &w->beat, more_ms, reason);
	return r;
}

int
ferry_scope_exempt(ferry_call call, const char *reason)
{
	return reason != NULL ? push(call, reason, 0) : why_not(call);
}

int
ferry_scope_pop(ferry_call call)
{
	struct worker *w;
	int r = ferry__call_in_handler(&w, call);

	if (r != FERRY_OK)
		return r;
	if (!w->scoped || !ferry__scope_pop(&w->scopes, &w->beat))
		return FERRY_EINVAL;
	return FERRY_OK;
}
