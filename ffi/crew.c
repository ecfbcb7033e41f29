/*
 * The workers of a pool; see pool.h for what holds, crew.h for what is here.
 *
 * Threads: any. The mutex is held for a few lines at a time, never while a
 * job runs; threads are started without it, but for the first one.
 *
 * A job may end its thread. What the pool knows of it is in struct pool_worker,
 * not on the stack: a clean-up handler counts the job as lost and sees to a
 * replacement. If there is none to be had and this was the last worker, the
 * dying thread goes on as one, in its clean-up handler. (A job that ends it
 * once more does so in vain: the C library comes back to the same handler.
 * glibc does.)
 */
#include "ffi/crew.h"

#include "ffi/fork.h"

static void *run(void *arg);

/* --------------------------------------------------------- with the mutex */

/* A free slot, for a thread that is about to be started. There is one: the
 * bound is the caller's to look at. */
static struct pool_worker *
hire(struct pool *p)
{
	struct pool_worker *w = p->workers;

	while (w->taken)
		w++;
	w->taken = w->coming = true;
	w->arrived = w->idle = w->detached = false;
	w->job = NULL;
	w->ticket = 0;
	p->live++;
	p->coming++;
	return w;
}

/* It has come, or never will. */
static void
comes_no_more(struct pool_worker *w)
{
	if (!w->coming)
		return;
	w->coming = false;
	w->pool->coming--;
}

static void
dismiss(struct pool_worker *w)
{
	struct pool *p = w->pool;

	comes_no_more(w);
	w->taken = false;
	p->live--;
	if (w->arrived)
		p->arrived--;
	ferry__pool_tell(p);
}

/* Gets up an idle one: it is on its way. */
static struct pool_worker *
call_idle(struct pool *p)
{
	struct pool_worker *w = p->idle;

	p->idle = w->below;
	w->idle = false;
	w->coming = true;
	p->coming++;
	/* Relaxed: it looks with the mutex held; the system compares. */
	atom32_store_relaxed(&w->called, 1);
	return w;
}

void
ferry__crew_call(struct pool *p, struct errand *e)
{
	if (p->n.waiting == 0 || p->coming != 0)
		return;
	if (p->idle != NULL)
		e->rouse = call_idle(p);
	else if (p->live < p->o.most + (p->canceling ? 1 : 0))
		e->start = hire(p);
}

static int
start_thread(struct pool_worker *w)
{
	pthread_t unused; /* the thread itself writes w->thread */

	return ferry__os_thread_start(&unused, run, w, w->pool->o.stack_size);
}

bool
ferry__crew_start_one(struct pool *p)
{
	struct pool_worker *w = hire(p);

	if (start_thread(w) == 0)
		return true;
	p->n.workers_refused++;
	dismiss(w);
	return false;
}

void
ferry__crew_rouse_all(struct pool *p)
{
	while (p->idle != NULL)
		ferry__os_wake(&call_idle(p)->called, 1);
}

/* ------------------------------------------------------------- without it */

/* No thread to be had. Somebody may have become idle who was not called,
 * because this one was coming. */
static void
start_failed(struct pool *p, struct errand *e)
{
	struct pool_worker *w = e->start;

	e->start = NULL;
	pool_lock(p);
	p->n.workers_refused++;
	dismiss(w);
	if (p->n.waiting != 0 && p->coming == 0 && p->idle != NULL)
		e->rouse = call_idle(p);
	pool_unlock(p);
}

void
ferry__crew_run_errand(struct pool *p, struct errand *e)
{
	if (e->start != NULL && start_thread(e->start) != 0)
		start_failed(p, e);
	if (e->rouse != NULL)
		ferry__os_wake(&e->rouse->called, 1);
}

/* ----------------------------------------------------------------- workers */

/* Whether an idle worker is one too many. */
static bool
may_go(const struct pool *p)
{
	return p->arrived > p->o.least &&
	    (p->arrived > 1 || p->live == p->arrived);
}

static void
leave_idle(struct pool_worker *w)
{
	struct pool_worker **at = &w->pool->idle;

	while (*at != w)
		at = &(*at)->below;
	*at = w->below;
	w->idle = false;
}

/* Sleeps until called, or until it may go: false. With the mutex, which it
 * gives back meanwhile. Who may not go only because a thread is being started
 * looks again: that it may is nobody's to tell it. */
static bool
rest(struct pool_worker *w)
{
	struct pool *p = w->pool;
	bool stays = p->arrived <= p->o.least || p->o.idle_ns == OS_NEVER;
	uint64_t deadline =
	    stays ? OS_NEVER : ferry__os_now_ns() + p->o.idle_ns;
	enum os_sleep how = OS_WOKEN;

	w->below = p->idle;
	p->idle = w;
	w->idle = true;
	atom32_store_relaxed(&w->called, 0);
	pool_unlock(p);
	/* Relaxed: only whether to look, with the mutex. */
	while (how != OS_TIMEOUT && atom32_load_relaxed(&w->called) == 0)
		how = ferry__os_wait(&w->called, 0, deadline);
	pool_lock(p);
	if (!w->idle)
		return true;
	leave_idle(w);
	return !may_go(p);
}

/* Takes the first that waits. */
static void
take(struct pool_worker *w, uint64_t now_ns)
{
	struct pool *p = w->pool;
	uint64_t ticket = p->first->ticket;
	struct pool_job *j = ferry__pool_next(p);

	w->job = j;
	w->ticket = ticket;
	w->what = j->what;
	w->since_ns = p->begun_ns = now_ns;
	w->cancels = p->canceling;
	if (++p->n.running > p->n.running_max)
		p->n.running_max = p->n.running;
}

/* What it had in hand has ended. */
static void
put_down(struct pool_worker *w, enum pool_end end)
{
	struct pool *p = w->pool;

	p->n.running--;
	p->n.ended[end]++;
	w->ticket = 0;
	w->job = NULL;
	ferry__pool_tell(p);
}

/* With the mutex. False: it is to go. *now_ns is of before the mutex was taken,
 * so that the clock is not read with it but after a sleep. */
static bool
has_job(struct pool_worker *w, uint64_t *now_ns)
{
	struct pool *p = w->pool;

	for (;;) {
		comes_no_more(w);
		if (p->first != NULL)
			return true;
		if (p->stopping || p->resting || !rest(w))
			return false;
		*now_ns = ferry__os_now_ns();
	}
}

/* Jobs, until there are no more for it; returns with the mutex. */
static void
serve(struct pool_worker *w)
{
	struct pool *p = w->pool;
	struct errand e;
	enum pool_end end;
	uint64_t now = ferry__os_now_ns();

	pool_lock(p);
	while (has_job(w, &now)) {
		e = (struct errand){ 0 };
		take(w, now);
		ferry__crew_call(p, &e);
		pool_unlock(p);
		ferry__crew_run_errand(p, &e);
		end = p->ops->run(p, w->job, w->cancels);
		ferry__fork_returned(w->mark);
		now = ferry__os_now_ns();
		pool_lock(p);
		put_down(w, end);
	}
}

/* The last to go joins who went before, so that at most one is left to be
 * joined by stop. With the mutex, which it gives back. */
static void
go(struct pool_worker *w)
{
	struct pool *p = w->pool;
	pthread_t before = p->ended;
	bool detached = w->detached, any = p->has_ended && !detached;

	if (!detached && (p->resting || p->o.for_ever)) {
		pthread_detach(pthread_self());
		any = false;
	} else if (!detached) {
		p->ended = w->thread;
		p->has_ended = true;
	}
	dismiss(w);
	pool_unlock(p);
	if (any)
		ferry__os_thread_join(before);
}

/* Whether the pool is to have one for a worker that has been lost. */
static bool
needs_another(const struct pool *p)
{
	return p->n.waiting != 0 || (!p->stopping && p->arrived <= p->o.least);
}

/*
 * With the mutex: sees to a replacement. False: there is no other worker and
 * none to be had, though one is needed, so this thread has to stay.
 */
static bool
is_replaced(struct pool_worker *w, struct errand *e)
{
	struct pool *p = w->pool;
	bool last = p->arrived == 1;

	if (!needs_another(p) && !(last && p->live > 1))
		return true;
	if (last)
		return ferry__crew_start_one(p);
	if (p->arrived <= p->o.least)
		(void)ferry__crew_start_one(p); /* or fewer, for now */
	p->live--; /* its place is free for another */
	ferry__crew_call(p, e);
	p->live++;
	return true;
}

/* A clean-up handler: the thread is ending inside a job. */
static void
lost(void *arg)
{
	struct pool_worker *w = arg;
	struct pool *p = w->pool;
	struct pool_job *j = w->job;
	struct errand e = { 0 };
	bool stays;

	ferry__fork_returned(w->mark);
	if (!w->detached)
		pthread_detach(pthread_self());
	pool_lock(p);
	w->detached = true;
	put_down(w, POOL_LOST);
	pool_unlock(p);
	if (p->ops->lost != NULL)
		p->ops->lost(p, j);
	pool_lock(p);
	stays = !is_replaced(w, &e);
	if (stays) {
		pool_unlock(p);
		serve(w);
	}
	go(w);
	ferry__crew_run_errand(p, &e);
}

static void *
run(void *arg)
{
	struct pool_worker *w = arg;
	struct pool *p = w->pool;

	ferry__fork_enter();
	ferry__os_thread_name(p->o.name);
	pool_lock(p);
	w->mark = ferry__fork_mark();
	w->thread = pthread_self();
	w->arrived = true;
	p->n.workers_started++;
	if (++p->arrived > p->n.workers_max)
		p->n.workers_max = p->arrived;
	pool_unlock(p);
	pthread_cleanup_push(lost, w);
	serve(w);
	pthread_cleanup_pop(0);
	go(w);
	return NULL;
}
