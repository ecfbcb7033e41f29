/*
 * Asks the loader; see trace_loader.h.
 *
 * Threads: any may ask and wait. What a question says is written by its asker
 * before it is asked, and read when it has been answered: both in the pool's
 * mutex. `ticket` and `deadline_ns` are under `asking`.
 */
#include "event/trace_loader.h"

#include <ferry/ferry.h>

#include "ffi/fork.h"

#define IDLE_NS     UINT64_C(500000000)
#define PATIENCE_NS UINT64_C(500000000)

static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;
static struct pool pool = POOL_INIT;
static bool started;

static enum pool_end
ask(struct pool *p, struct pool_job *j, bool cancel)
{
	struct loader_question *q =
	    container_of(j, struct loader_question, job);

	(void)p;
	(void)cancel;
	q->ask();
	return POOL_DONE;
}

/* With the mutex held, as the next ones. */
static bool
start(void)
{
	static const struct pool_ops ops = { .run = ask };
	static const struct pool_options o = {
		.name = "ferry-loader",
		.least = 0,
		.most = 1,
		.idle_ns = IDLE_NS,
		.for_ever = true,
	};

	if (!started)
		started = ferry__pool_start(&pool, &ops, &o) == FERRY_OK;
	return started;
}

static bool
give(struct loader_question *q)
{
	q->job = (struct pool_job){ 0 };
	if (!start() || ferry__pool_give(&pool, &q->job, 1) != FERRY_OK)
		return false;
	/* It is the last one, as nobody else gives meanwhile. */
	q->ticket = ferry__pool_ticket(&pool);
	q->deadline_ns = ferry__os_now_ns() + PATIENCE_NS;
	return true;
}

bool
ferry__loader_is_out(struct loader_question *q)
{
	bool out;

	pthread_mutex_lock(&asking);
	out = q->ticket != 0 &&
	    ferry__pool_await(&pool, q->ticket, 0) != OS_WOKEN;
	pthread_mutex_unlock(&asking);
	return out;
}

bool
ferry__loader_ask(struct loader_question *q)
{
	bool asked;

	pthread_mutex_lock(&asking);
	asked = give(q);
	pthread_mutex_unlock(&asking);
	return asked;
}

bool
ferry__loader_ask_once(struct loader_question *q)
{
	bool asked;

	pthread_mutex_lock(&asking);
	asked = q->ticket != 0 || give(q);
	pthread_mutex_unlock(&asking);
	return asked;
}

bool
ferry__loader_await(struct loader_question *q)
{
	uint64_t ticket, deadline_ns;
	enum os_sleep how;

	pthread_mutex_lock(&asking);
	ticket = q->ticket;
	deadline_ns = q->deadline_ns;
	pthread_mutex_unlock(&asking);
	do
		how = ferry__pool_await(&pool, ticket, deadline_ns);
	while (how == OS_SIGNAL);
	return how == OS_WOKEN;
}

void
ferry__loader_forked(void)
{
	ferry__fork_renew(&asking);
	ferry__pool_forked(&pool);
	started = false;
}
