/*
 * The queue of a pool, and its life; see pool.h. Its workers are in crew.c.
 *
 * Threads: any. The mutex is held for a few lines at a time.
 */
#include "ffi/pool.h"

#include <ferry/ferry.h>
#include <limits.h>

#include "ffi/alloc.h"
#include "ffi/crew.h"
#include "ffi/fork.h"

/* --------------------------------------------- the queue, with the mutex */

void
ferry__pool_tell(struct pool *p)
{
	if (p->awaiters == 0)
		return;
	/* Relaxed: they look with the mutex held. */
	atom32_add_relaxed(&p->changes, 1);
	ferry__os_wake(&p->changes, INT_MAX);
}

static void
enqueue(struct pool *p, struct pool_job *j)
{
	j->link.next = NULL;
	j->before = p->last;
	if (p->last != NULL)
		p->last->link.next = &j->link;
	else
		p->first = j;
	p->last = j;
	j->ticket = ++p->n.given;
	p->n.waiting++;
}

static struct pool_job *
after(const struct pool_job *j)
{
	return j->link.next != NULL
	    ? container_of(j->link.next, struct pool_job, link)
	    : NULL;
}

static void
dequeue(struct pool *p, struct pool_job *j)
{
	struct pool_job *next = after(j);

	if (j->before != NULL)
		j->before->link.next = j->link.next;
	else
		p->first = next;
	if (next != NULL)
		next->before = j->before;
	else
		p->last = j->before;
	j->ticket = 0;
	p->n.waiting--;
}

struct pool_job *
ferry__pool_next(struct pool *p)
{
	struct pool_job *j = p->first;

	dequeue(p, j);
	return j;
}

/* ---------------------------------------------------------------- its life */

static bool
make_workers(struct pool *p)
{
	if (p->workers != NULL)
		return true;
	p->workers = ferry__alloc_for_ever(POOL_SLOTS * sizeof *p->workers);
	if (p->workers == NULL)
		return false;
	for (unsigned i = 0; i < POOL_SLOTS; i++)
		p->workers[i].pool = p;
	return true;
}

int
ferry__pool_start(struct pool *p, const struct pool_ops *ops,
    const struct pool_options *o)
{
	bool all = true;

	ASSERT(o->most >= 1 && o->most <= POOL_MOST && o->least <= o->most);
	if (!make_workers(p))
		return FERRY_ENOMEM;
	pool_lock(p);
	p->ops = ops;
	p->o = *o;
	p->stopping = p->canceling = false;
	while (all && p->live < o->least)
		all = ferry__crew_start_one(p);
	pool_unlock(p);
	if (all)
		return FERRY_OK;
	ferry__pool_stop(p, OS_NEVER);
	return FERRY_ESYSTEM;
}

int
ferry__pool_give(struct pool *p, struct pool_job *j, unsigned n)
{
	struct errand e = { 0 };
	struct pool_job *next;
	int r = FERRY_OK;

	pool_lock(p);
	if (p->live == 0 && !ferry__crew_start_one(p)) {
		r = FERRY_ESYSTEM;
		goto out;
	}
	if (p->first == NULL)
		p->begun_ns = ferry__os_now_ns();
	for (; n != 0; n--, j = next) {
		next = after(j);
		enqueue(p, j);
	}
	if (p->n.waiting > p->n.waiting_max)
		p->n.waiting_max = p->n.waiting;
	ferry__crew_call(p, &e);
out:
	pool_unlock(p);
	ferry__crew_run_errand(p, &e);
	return r;
}

bool
ferry__pool_withdraw(struct pool *p, struct pool_job *j)
{
	bool waits;

	pool_lock(p);
	waits = j->ticket != 0;
	if (waits) {
		dequeue(p, j);
		p->n.withdrawn++;
		ferry__pool_tell(p);
	}
	pool_unlock(p);
	return waits;
}

/* --------------------------------------------------------------- awaiting */

uint64_t
ferry__pool_ticket(struct pool *p)
{
	uint64_t ticket;

	pool_lock(p);
	ticket = p->n.given;
	pool_unlock(p);
	return ticket;
}

static bool
has_ended_up_to(const struct pool *p, uint64_t ticket)
{
	if (p->first != NULL && p->first->ticket <= ticket)
		return false;
	for (unsigned i = 0; p->workers != NULL && i < POOL_SLOTS; i++) {
		const struct pool_worker *w = &p->workers[i];

		if (w->taken && w->ticket != 0 && w->ticket <= ticket)
			return false;
	}
	return true;
}

/* With the mutex, which it gives back meanwhile: until something ends. */
static enum os_sleep
await_change(struct pool *p, uint64_t deadline_ns)
{
	/* Relaxed: changed with the mutex held. */
	uint32_t seen = atom32_load_relaxed(&p->changes);
	enum os_sleep how;

	p->awaiters++;
	pool_unlock(p);
	how = ferry__os_wait(&p->changes, seen, deadline_ns);
	pool_lock(p);
	p->awaiters--;
	return how;
}

enum os_sleep
ferry__pool_await(struct pool *p, uint64_t ticket, uint64_t deadline_ns)
{
	enum os_sleep how = OS_WOKEN;
	bool ended;

	pool_lock(p);
	while (!(ended = has_ended_up_to(p, ticket)) && how == OS_WOKEN)
		how = await_change(p, deadline_ns);
	pool_unlock(p);
	return ended ? OS_WOKEN : how;
}

void
ferry__pool_cancel(struct pool *p)
{
	struct errand e = { 0 };

	pool_lock(p);
	p->canceling = true;
	ferry__crew_call(p, &e);
	pool_unlock(p);
	ferry__crew_run_errand(p, &e);
}

bool
ferry__pool_stop(struct pool *p, uint64_t deadline_ns)
{
	bool gone, any;

	pool_lock(p);
	p->stopping = true;
	ferry__crew_rouse_all(p);
	while (p->live != 0 && await_change(p, deadline_ns) != OS_TIMEOUT)
		;
	gone = p->live == 0;
	any = gone && p->has_ended;
	p->has_ended = p->has_ended && !gone;
	pool_unlock(p);
	if (any)
		ferry__os_thread_join(p->ended);
	return gone;
}

void
ferry__pool_rest(struct pool *p)
{
	bool any;

	pool_lock(p);
	p->resting = true;
	ferry__crew_rouse_all(p);
	while (p->live > p->n.running)
		await_change(p, OS_NEVER);
	any = p->has_ended;
	p->has_ended = false;
	pool_unlock(p);
	if (any)
		ferry__os_thread_join(p->ended);
}

void
ferry__pool_resume(struct pool *p)
{
	pool_lock(p);
	p->resting = false;
	pool_unlock(p);
}

bool
ferry__pool_has_me(struct pool *p)
{
	bool found = false;

	pool_lock(p);
	for (unsigned i = 0; p->workers != NULL && i < POOL_SLOTS; i++)
		found |= p->workers[i].taken && p->workers[i].arrived &&
		    pthread_equal(p->workers[i].thread, pthread_self());
	pool_unlock(p);
	return found;
}

void
ferry__pool_look(struct pool *p, struct pool_state *out)
{
	*out = (struct pool_state){ 0 };
	pool_lock(p);
	out->n = p->n;
	out->workers = p->live;
	for (unsigned i = 0; p->workers != NULL && i < POOL_SLOTS; i++) {
		const struct pool_worker *w = &p->workers[i];

		if (!w->taken || w->ticket == 0 ||
		    (out->what != NULL && w->since_ns >= out->since_ns))
			continue;
		out->what = w->what;
		out->since_ns = w->since_ns;
	}
	if (p->n.waiting != 0 && p->n.running == p->arrived)
		out->stuck_ns = p->begun_ns;
	pool_unlock(p);
}

void
ferry__pool_forked(struct pool *p)
{
	*p = (struct pool)POOL_INIT;
}
