/*
 * The scribe, of stacks; see scribe.h. Files are in scribe_files.c.
 */
#include "event/scribe.h"

#include "ffi/fork.h"

#define IDLE_NS UINT64_C(500000000)

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static struct pool unwinder = POOL_INIT;
static bool started; /* under `starting` */

static enum pool_end
unwind(struct pool *p, struct pool_job *pj, bool cancel)
{
	struct scribe_job *j = container_of(pj, struct scribe_job, job);
	void (*done)(void *) = j->done;
	void *arg = j->arg;

	(void)p;
	(void)cancel;
	ferry__trace_unwind(&j->frames, &j->trace, j->symbols);
	/* pair(scribe) release: the frames. */
	atom32_store_release(&j->state, SCRIBE_DONE);
	done(arg);
	return POOL_DONE;
}

/* What comes first starts the pool, which then stays: its threads do not. */
static bool
start(void)
{
	static const struct pool_ops ops = { .run = unwind };
	static const struct pool_options o = {
		.name = "ferry-unwind",
		.least = 0,
		.most = 1,
		.idle_ns = IDLE_NS,
		.for_ever = true,
	};
	bool is;

	pthread_mutex_lock(&starting);
	if (!started)
		started = ferry__pool_start(&unwinder, &ops, &o) == FERRY_OK;
	is = started;
	pthread_mutex_unlock(&starting);
	return is;
}

bool
ferry__scribe_give(struct scribe_job *j)
{
	if (!start())
		return false;
	/* Relaxed: the pool's mutex publishes it. */
	atom32_store_relaxed(&j->state, SCRIBE_GIVEN);
	j->job = (struct pool_job){ 0 };
	if (ferry__pool_give(&unwinder, &j->job, 1) == FERRY_OK)
		return true;
	atom32_store_relaxed(&j->state, SCRIBE_IDLE);
	return false;
}

void
ferry__scribe_forked(void)
{
	ferry__fork_renew(&starting);
	ferry__pool_forked(&unwinder);
	started = false;
	ferry__scribe_files_forked();
}
