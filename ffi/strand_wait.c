/*
 * What a strand itself calls: waits that end by the FFI thread's own doing, or
 * by a reply; and what else is its own.
 *
 * Threads: the FFI thread, on the strand's stack, but for what the reply's
 * thread does (wait.c).
 */
#include <string.h>

#include "ffi/call.h"
#include "ffi/context.h"
#include "ffi/options.h"
#include "ffi/request.h"
#include "ffi/strand_out.h"
#include "ffi/strand_wait.h"
#include "ffi/wait.h"

#define SLICE_NS 1000000u /* from where on a checkpoint yields */

/* --------------------------------------------------------- to wait at all */

struct strand *
ferry__strand_current(void)
{
	ferry__fork_enter();
	/* Set on a strand's own stack alone: not in a hook, say. */
	return ferry__self.coro != NULL
	    ? container_of(ferry__self.coro, struct strand, coro)
	    : NULL;
}

/* The request is to end, and the strand is to hear of it. */
bool
ferry__strand_is_unwanted(const struct strand *s)
{
	return s->shields == 0 &&
	    /* pair(claim) acquire: set before it was roused. */
	    (atom64_load_acquire(&s->node->claim) &
	        (CLAIM_CANCEL | CLAIM_CLOSE)) != 0;
}

int
ferry__strand_may_wait(struct strand *s)
{
	if (ferry__strand_is_unwanted(s))
		return FERRY_ECANCELED;
	if (LIKELY(s->deferred))
		return FERRY_OK;
	s->deferred = true;
	/* From here on it is roused; if somebody came before, we see it in
	 * the claim. */
	ferry__call_defer(s->wake.worker, s->node, CLAIM_STRAND);
	return ferry__strand_is_unwanted(s) ? FERRY_ECANCELED : FERRY_OK;
}

int
ferry__strand_suspend(struct strand *s, enum registry_state state,
    uint64_t what, uint64_t now_ns)
{
	s->state = state;
	s->since_ns = now_ns;
	ferry__registry_state(s->listed, state, what, now_ns);
	s->answer = s->wake.worker->answer;
	ferry__coro_suspend(&s->coro);
	return s->woken;
}

void
ferry__strand_set_timer(struct strand *s, uint64_t deadline_ns)
{
	if (deadline_ns != OS_NEVER)
		ferry__timer_set(
		    &s->wake.worker->timers, &s->timer, deadline_ns);
}

/* The job of a reply, a pool worker or the poller: the wait is over. */
void
ferry__strand_woken(struct worker *w, struct job *j)
{
	struct strand *s = container_of(j, struct strand, wake.job);

	ferry__strand_unset_timer(w, s);
	if (UNLIKELY(s->lost))
		ferry__strand_lose(w, s);
	else
		ferry__strand_resume(w, s, FERRY_OK);
}

bool
ferry__strand_withdraw(struct strand *s)
{
	switch (s->state) {
	case REGISTRY_SLEEPING:
		return true;
	case REGISTRY_AWAITING:
		return ferry__wait_withdraw(s->awaits);
	case REGISTRY_OFFLOADED:
		return ferry__strand_leave(s);
	case REGISTRY_POLLING:
		return ferry__poller_disarm(&s->poll);
	default:
		/* Running, or to be soon. */
		return false;
	}
}

/* --------------------------------------------------------- sleep and yield */

int
ferry_strand_sleep(int64_t ms)
{
	struct strand *s = ferry__strand_current();
	uint64_t now, until;
	int r;

	if (s == NULL)
		return FERRY_ENOSTRAND;
	if (ms == 0)
		return ferry_strand_yield();
	r = ferry__strand_may_wait(s);
	if (r != FERRY_OK)
		return r;
	now = ferry__os_now_ns();
	until = ferry__os_deadline_from(now, ms);
	ferry__strand_set_timer(s, until);
	return ferry__strand_suspend(s, REGISTRY_SLEEPING, until, now);
}

int
ferry_strand_yield(void)
{
	struct strand *s = ferry__strand_current();
	int r;

	if (s == NULL)
		return FERRY_ENOSTRAND;
	r = ferry__strand_may_wait(s);
	if (r != FERRY_OK)
		return r;
	ferry__strand_make_ready(s->wake.worker, s);
	ferry__strand_suspend(s, REGISTRY_READY, 0, ferry__os_now_ns());
	/* Nobody resumes it out of turn. */
	return ferry__strand_is_unwanted(s) ? FERRY_ECANCELED : FERRY_OK;
}

int
ferry_strand_checkpoint(void)
{
	struct strand *s = ferry__strand_current();

	if (s == NULL)
		return FERRY_ENOSTRAND;
	if (ferry__strand_is_unwanted(s))
		return FERRY_ECANCELED;
	if (ferry__os_now_ns() - s->since_ns < SLICE_NS)
		return FERRY_OK;
	return ferry_strand_yield();
}

int
ferry_strand_shield(int on)
{
	struct strand *s = ferry__strand_current();

	if (s == NULL)
		return FERRY_ENOSTRAND;
	if ((on != 0 && on != 1) || (on == 0 && s->shields == 0) ||
	    (on == 1 && s->shields == UINT32_MAX))
		return FERRY_EINVAL;
	s->shields += on == 1 ? 1 : UINT32_MAX;
	return FERRY_OK;
}

/* ------------------------------------------------------------------ await */

/* The claim on the request is ours: nobody else waits for it. */
static int
await(struct strand *s, struct node *n, int64_t timeout_ms)
{
	uint64_t now;
	int r;

	if (ferry__wait_is_done(n))
		return FERRY_OK;
	r = ferry__strand_may_wait(s);
	if (r != FERRY_OK)
		return r;
	if (timeout_ms == 0)
		return FERRY_ETIMEDOUT;
	s->wake.job.run = ferry__strand_woken;
	s->awaits = n;
	if (!ferry__wait_announce(n, &s->wake))
		return FERRY_OK;
	now = ferry__os_now_ns();
	ferry__strand_set_timer(s, ferry__os_deadline_from(now, timeout_ms));
	return ferry__strand_suspend(s, REGISTRY_AWAITING,
	    ferry__node_token(n, TOKEN_REQUEST), now);
}

/* A token of before a fork says so, wherever it is used. */
static int
why_no_strand(int looked_up)
{
	return looked_up == FERRY_EFORKED ? FERRY_EFORKED : FERRY_ENOSTRAND;
}

int
ferry_strand_await(ferry_reply *out, ferry_request request, int64_t timeout_ms)
{
	struct strand *s = ferry__strand_current();
	struct node *n;
	int r;

	if (s == NULL)
		return why_no_strand(
		    ferry__request_node(&n, request, TOKEN_REQUEST));
	if (out == NULL)
		return FERRY_EINVAL;
	if (request == ferry__token_as(s->call, TOKEN_REQUEST))
		return FERRY_EDEADLK;
	r = ferry__wait_claim(&n, request);
	if (r != FERRY_OK)
		return r;
	r = await(s, n, timeout_ms);
	ferry__wait_end(out, n, r);
	return r;
}

int
ferry_strand_invoke(ferry_reply *out, ferry_request *out_request,
    ferry_context context, uint32_t method, const void *data, size_t size,
    const ferry_request_options *options, int64_t timeout_ms)
{
	struct strand *s = ferry__strand_current();
	ferry_request_options o;
	struct context *c;
	int r;

	if (out_request != NULL)
		*out_request = 0;
	if (s == NULL)
		return why_no_strand(ferry__context_find(&c, context));
	if (out == NULL || out_request == NULL ||
	    ferry__options_read(&o, sizeof o, options) != FERRY_OK ||
	    o.inbox != 0 || o.callback != NULL)
		return FERRY_EINVAL;
	if (ferry__strand_is_unwanted(s))
		/* Nobody would wait for it. */
		return FERRY_ECANCELED;
	r = ferry_request_submit(
	    out_request, context, method, data, size, options);
	if (r != FERRY_OK)
		return r;
	return ferry_strand_await(out, *out_request, timeout_ms);
}

/* --------------------------------------------------------- what is its own */

int
ferry_strand_alloc(void **out, size_t size)
{
	struct strand *s = ferry__strand_current();

	if (s == NULL)
		return FERRY_ENOSTRAND;
	if (out == NULL || size == 0)
		return FERRY_EINVAL;
	return ferry__arena_alloc(out, &s->arena, size);
}

int
ferry_strand_id(uint64_t *out)
{
	struct strand *s = ferry__strand_current();

	if (s == NULL)
		return FERRY_ENOSTRAND;
	if (out == NULL)
		return FERRY_EINVAL;
	*out = s->id;
	return FERRY_OK;
}
