/*
 * A strand's waits for something outside the FFI thread: a function on another
 * thread, a descriptor.
 *
 * Threads: the FFI thread, on the strand's stack, but for run() and lost(),
 * which are a pool worker's, and ready(), which is the poller's.
 *
 * An offloaded function and its strand settle by one word. The strand leaves
 * it, or it ends; whoever comes second knows:
 *
 *	from OUT to LEFT   the strand, when it goes on alone: what is left is
 *	                   the worker's to free. Only with somebody to be told;
 *	                   without, it is taken back or waited for
 *	from OUT to ENDED  the worker, which then posts wake.job: what is left
 *	                   is the strand's to free
 */
#include <stdlib.h>

#include "ffi/context.h"
#include "ffi/pool.h"
#include "ffi/strand_out.h"
#include "ffi/strand_wait.h"

#define OFFLOAD_THREADS POOL_MOST
#define OFFLOAD_IDLE_NS UINT64_C(1000000000)

enum offload_word {
	OFFLOAD_OUT,
	OFFLOAD_LEFT,
	OFFLOAD_ENDED
};

struct offload {
	struct pool_job job;
	atom32 word;               /* enum offload_word */
	bool lost;                 /* fn has ended its thread */
	bool in_abandoned;
	ferry_offload_fn fn;
	ferry_abandoned_fn abandoned;
	void *arg;
	int result;
	struct awaiter *wake;
};

static struct pool pool = POOL_INIT;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static bool started;      /* under `starting`, and … */
static unsigned n_workers; /* … FFI threads that may give to the pool */

/* ------------------------------------------------------ the pool's threads */

/* Nobody waits for it: its argument is the function's, and then this one's. */
static void
abandon(struct offload *o, int result)
{
	/* Should it end its thread, lost() frees. */
	o->in_abandoned = true;
	o->abandoned(o->arg, result);
	pthread_testcancel();
	free(o);
}

static void
end(struct offload *o, int result)
{
	uint32_t word = OFFLOAD_OUT;

	o->result = result;
	/* pair(offload) acq_rel: the result, and what fn did. */
	if (atom32_cas_acqrel(&o->word, &word, OFFLOAD_ENDED))
		ferry__worker_post(o->wake->worker, &o->wake->job);
	else
		abandon(o, result);
}

static enum pool_end
run(struct pool *p, struct pool_job *j, bool cancel)
{
	struct offload *o = container_of(j, struct offload, job);
	uint32_t roles = ferry__self.roles;
	int result;

	(void)p;
	(void)cancel;
	ferry__self.roles |= SELF_POOL;
	/* pair(offload) acquire: arg, from a strand that has left it. */
	if (atom32_load_acquire(&o->word) == OFFLOAD_LEFT) {
		abandon(o, FERRY_ECANCELED);
	} else {
		result = o->fn(o->arg);
		/* A cancellation that it has left behind is its own: while it
		 * is still in hand. */
		pthread_testcancel();
		end(o, result);
	}
	ferry__self.roles = roles;
	return POOL_DONE;
}

static void
lost(struct pool *p, struct pool_job *j)
{
	struct offload *o = container_of(j, struct offload, job);

	(void)p;
	if (o->in_abandoned) {
		free(o);
		return;
	}
	o->lost = true;
	end(o, FERRY_ELOST);
}

static const struct pool_ops ops = { .run = run, .lost = lost };

/* For this worker; until ferry__strand_out_rest(). */
static int
start_pool(struct worker *w)
{
	const struct pool_options o = {
		.name = "ferry-offload",
		.most = OFFLOAD_THREADS,
		.idle_ns = OFFLOAD_IDLE_NS,
	};
	int r = FERRY_OK;

	if (LIKELY(w->offloads))
		return FERRY_OK;
	pthread_mutex_lock(&starting);
	if (!started)
		r = ferry__pool_start(&pool, &ops, &o);
	else if (n_workers == 0)
		ferry__pool_resume(&pool);
	started |= r == FERRY_OK;
	w->offloads = r == FERRY_OK;
	n_workers += w->offloads;
	pthread_mutex_unlock(&starting);
	return r;
}

void
ferry__strand_out_rest(struct worker *w)
{
	if (w->offloads) {
		pthread_mutex_lock(&starting);
		/* Only what strands have left behind may run still. */
		if (--n_workers == 0)
			ferry__pool_rest(&pool);
		pthread_mutex_unlock(&starting);
	}
	if (w->polls)
		ferry__poller_rest();
	w->offloads = w->polls = false;
}

void
ferry__strand_out_forked(void)
{
	ferry__fork_renew(&starting);
	started = false;
	n_workers = 0;
	ferry__pool_forked(&pool);
}

/* -------------------------------------------------------------- offloading */

/* Left to its worker, if that is allowed: who does not begin it then. Else it
 * can only be taken back before it has begun. */
bool
ferry__strand_leave(struct strand *s)
{
	struct offload *o = s->offload;
	uint32_t word = OFFLOAD_OUT;

	if (o->abandoned == NULL) {
		if (!ferry__pool_withdraw(&pool, &o->job))
			return false;
		free(o);
	/* pair(offload) acq_rel: arg, to the worker. */
	} else if (!atom32_cas_acqrel(&o->word, &word, OFFLOAD_LEFT)) {
		return false;
	}
	s->offload = NULL;
	return true;
}

/* It has ended, and told us. */
static int
take_result(int *out, struct strand *s)
{
	struct offload *o = s->offload;
	bool was_lost = o->lost;

	if (!was_lost && out != NULL)
		*out = o->result;
	free(o);
	s->offload = NULL;
	return was_lost ? FERRY_ELOST : FERRY_OK;
}

static int
give(struct strand *s, ferry_offload_fn fn, void *arg,
    ferry_abandoned_fn abandoned, enum offload_word word)
{
	struct offload *o;
	int r = start_pool(s->wake.worker);

	if (r != FERRY_OK)
		return r;
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return FERRY_ENOMEM;
	o->fn = fn;
	o->arg = arg;
	o->abandoned = abandoned;
	o->wake = &s->wake;
	o->job.what = (void (*)(void))fn;
	/* Relaxed: the pool's mutex publishes. */
	atom32_store_relaxed(&o->word, word);
	s->offload = word == OFFLOAD_OUT ? o : NULL;
	s->wake.job.run = ferry__strand_woken;
	r = ferry__pool_give(&pool, &o->job, 1);
	if (r != FERRY_OK) {
		s->offload = NULL;
		free(o);
	}
	return r;
}

/* It has waited. Cancelled meanwhile, with no way to leave it, it is told so;
 * but where that would say that arg is not its own, at the next wait. */
static int
come_back(int *out, struct strand *s)
{
	bool stays = s->offload->abandoned == NULL;
	int r = take_result(out, s);

	return r == FERRY_OK && stays && ferry__strand_is_unwanted(s)
	    ? FERRY_ECANCELED
	    : r;
}

int
ferry_strand_offload(int *out, ferry_offload_fn fn, void *arg,
    ferry_abandoned_fn abandoned)
{
	struct strand *s = ferry__strand_current();
	int r;

	if (s == NULL)
		return FERRY_ENOSTRAND;
	if (fn == NULL)
		return FERRY_EINVAL;
	r = ferry__strand_may_wait(s);
	if (r != FERRY_OK) {
		/* Left before it was given: arg goes the same way. */
		int given = abandoned == NULL
		    ? FERRY_OK
		    : give(s, fn, arg, abandoned, OFFLOAD_LEFT);

		return given != FERRY_OK ? given : r;
	}
	r = give(s, fn, arg, abandoned, OFFLOAD_OUT);
	if (r != FERRY_OK)
		return r;
	r = ferry__strand_suspend(
	    s, REGISTRY_OFFLOADED, 0, ferry__os_now_ns());
	return s->offload == NULL ? r : come_back(out, s);
}

void
ferry__strand_offload_lost(struct strand *s)
{
	free(s->offload);
	s->offload = NULL;
}

/* ------------------------------------------------------------- descriptors */

static void
ready(struct poll_wait *p)
{
	struct strand *s = container_of(p, struct strand, poll);

	ferry__worker_post(s->wake.worker, &s->wake.job);
}

/* What there is now, without a wait. */
static int
look(uint32_t *revents, int fd, uint32_t events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	int before = ferry__os_hold_cancel();
	int n = poll(&p, 1, 0);

	ferry__os_resume_cancel(before);
	if (n > 0 && (p.revents & POLLNVAL) != 0)
		return FERRY_EINVAL;
	*revents = n > 0 ? (uint32_t)p.revents : 0;
	return FERRY_OK;
}

static int
await_ready(struct strand *s, uint32_t *revents, int fd, uint32_t events,
    int64_t timeout_ms)
{
	uint64_t now;
	int r;

	s->poll = (struct poll_wait){ .fd = fd, .events = events,
		.ready = ready };
	s->wake.job.run = ferry__strand_woken;
	s->wake.worker->polls = true;
	r = ferry__poller_arm(&s->poll);
	if (r != FERRY_OK)
		return r;
	now = ferry__os_now_ns();
	ferry__strand_set_timer(s, ferry__os_deadline_from(now, timeout_ms));
	r = ferry__strand_suspend(s, REGISTRY_POLLING, (uint64_t)fd, now);
	*revents = s->poll.revents;
	return r == FERRY_OK && (*revents & POLLNVAL) != 0 ? FERRY_EINVAL : r;
}

int
ferry_strand_poll(
    uint32_t *out_events, int fd, uint32_t events, int64_t timeout_ms)
{
	const uint32_t known = POLLIN | POLLOUT | POLLPRI;
	struct strand *s = ferry__strand_current();
	uint32_t revents;
	int r;

	if (s == NULL)
		return FERRY_ENOSTRAND;
	if (fd < 0 || events == 0 || (events & ~known) != 0)
		return FERRY_EINVAL;
	r = ferry__strand_may_wait(s);
	if (r == FERRY_OK)
		r = look(&revents, fd, events);
	if (r == FERRY_OK && revents == 0)
		r = timeout_ms == 0 ? FERRY_ETIMEDOUT
		                    : await_ready(s, &revents, fd, events,
		                          timeout_ms);
	if (r == FERRY_OK && out_events != NULL)
		*out_events = revents;
	return r;
}
