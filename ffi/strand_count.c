/*
 * Strands seen from the outside: counters, admission, waiting for all.
 *
 * Threads: any.
 */
#include <limits.h>

#include "ffi/context.h"
#include "ffi/options.h"
#include "ffi/reply.h"

#define TRIES 8 /* to read what belongs together, while many end */

/* Their sum. */
static uint64_t
read_ends(ferry_strands *n, const struct strands *all)
{
	n->completed = count_read(&all->ended[STRAND_COMPLETED].n);
	n->failed = count_read(&all->ended[STRAND_FAILED].n);
	n->cancelled = count_read(&all->ended[STRAND_CANCELLED].n);
	n->lost = count_read(&all->ended[STRAND_LOST].n);
	return n->completed + n->failed + n->cancelled + n->lost;
}

/*
 * The ends first: who is seen ended is seen spawned. If they are the same
 * afterwards, this is how it was when the last one was spawned. Else some may
 * have ended and others come meanwhile, all of whom would seem active.
 */
void
ferry__strand_fill(ferry_strands *n, const struct strands *all)
{
	uint64_t ended = 0, spawned = 0;
	ferry_strands again;

	for (int i = 0; i < TRIES; i++) {
		ended = read_ends(n, all);
		spawned = count_read(&all->spawned.n);
		if (read_ends(&again, all) == ended)
			break;
	}
	/* Stored before `spawned` grows, and perhaps again since. */
	n->peak = count_read(&all->peak.n);
	n->active = spawned - ended;
	if (UNLIKELY(n->active > n->peak))
		n->active = n->peak;
	n->spawned = ended + n->active;
	n->refused = count_read(&all->refused.n);
	n->unlisted = count_read(&all->unlisted.n);
	/* Relaxed: another owner's, if the token says so afterwards. */
	n->stack_size = atom64_load_relaxed(&all->stack_size);
	n->stack_touched = count_read(&all->touched.n);
}

int
ferry_strand_counters(ferry_strands *out, ferry_context context)
{
	ferry_strands n = { 0 };
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out == NULL)
		return FERRY_EINVAL;
	ferry__strand_fill(&n, &c->strands);
	/* pair(slot) acquire: it was this context's all the while. */
	if (atom64_load_acquire(&c->slot->token) != context)
		return FERRY_ESTALE;
	return ferry__options_write(out, &n, sizeof n);
}

int
ferry_strand_admit(ferry_context context, int admit)
{
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (admit != 0 && admit != 1)
		return FERRY_EINVAL;
	ferry__reply_enter(c);
	r = ferry__context_check(c, context);
	if (r == FERRY_OK)
		/* Relaxed: whoever is on the way in may still get in. */
		atom32_store_relaxed(&c->strands.shut, !admit);
	ferry__reply_leave(c);
	return r;
}

/* --------------------------------------------------------- waiting for all */

/* All up to that id have ended; or the context has, and they with it. */
static bool
has_passed(struct context *c, ferry_context context, uint64_t id)
{
	/* pair(passed) seq_cst: after this waiter was announced. */
	return atom64_load_seqcst(&c->strands.oldest_id) > id ||
	    /* pair(slot) acquire. */
	    atom64_load_acquire(&c->slot->token) != context;
}

static int
await_passed(struct context *c, ferry_context context, uint64_t id,
    uint64_t deadline_ns)
{
	struct strands *all = &c->strands;
	enum os_sleep how;
	uint32_t seen;

	for (;;) {
		/* pair(passed) seq_cst: before the look. */
		seen = atom32_load_seqcst(&all->passed);
		if (has_passed(c, context, id))
			return FERRY_OK;
		how = ferry__os_wait(&all->passed, seen, deadline_ns);
		if (how == OS_TIMEOUT)
			return has_passed(c, context, id) ? FERRY_OK
			                                  : FERRY_ETIMEDOUT;
		if (how == OS_SIGNAL)
			return FERRY_EINTR;
	}
}

int
ferry_strand_wait_all(ferry_context context, int64_t timeout_ms)
{
	struct context *c;
	uint64_t last;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (ferry__self.roles & (SELF_HOOK | SELF_DOORBELL))
		return FERRY_EREENTRANT;
	if (ferry__self.worker != NULL)
		return FERRY_EDEADLK;
	if (ferry__self.roles != 0)
		return FERRY_EREENTRANT; /* for a strand may wait for us */
	/* pair(passed) seq_cst: announced before the look. */
	atom32_add_seqcst(&c->strands.waiters, 1);
	last = count_read(&c->strands.spawned.n);
	r = await_passed(c, context, last, ferry__os_deadline_in(timeout_ms));
	/* pair(passed) seq_cst. */
	atom32_sub_seqcst(&c->strands.waiters, 1);
	return r;
}
