/*
 * The crew of a pool: its threads, and who is called when something waits.
 *
 * Between pool.c, which has the queue, and crew.c, which has the workers. All
 * but ferry__crew_run_errand() is called with the pool's mutex.
 */
#ifndef FERRY_FFI_CREW_H
#define FERRY_FFI_CREW_H

#include "ffi/pool.h"

/* What is to be done once the mutex has been given back. */
struct errand {
	struct pool_worker *rouse; /* has been called */
	struct pool_worker *start; /* has a slot, and no thread yet */
};

static inline void
pool_lock(struct pool *p)
{
	pthread_mutex_lock(&p->mutex);
}

static inline void
pool_unlock(struct pool *p)
{
	pthread_mutex_unlock(&p->mutex);
}

/* One worker for what waits, if none is on its way. */
void ferry__crew_call(struct pool *p, struct errand *e);

void ferry__crew_run_errand(struct pool *p, struct errand *e);

/* A worker, started with the mutex held, for which the new thread then waits:
 * nobody else can rely on one that turns out not to come. */
bool ferry__crew_start_one(struct pool *p);

/* Gets up all that are idle, to look whether they are to go. */
void ferry__crew_rouse_all(struct pool *p);

/* pool.c's: takes the first that waits; there is one. */
struct pool_job *ferry__pool_next(struct pool *p);

/* pool.c's: something has ended that an awaiter may have waited for. */
void ferry__pool_tell(struct pool *p);

#endif
