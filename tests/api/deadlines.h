/*
 * tests/api/deadlines.h: requests whose deadlines are soon, and pass where the
 * test wants them to.
 *
 * How long a submit takes, or the start of a handler, nobody can say: a thread
 * may be held up anywhere. One whose deadline came too early is answered so,
 * and that of the next is twice as far away.
 */
#ifndef DEADLINES_H
#define DEADLINES_H

#include "fixture.h"

enum { FX_SOON_NS = 5000000 };

/* Submits one whose deadline is not past by then. */
static inline ferry_request
fx_submit_until(uint64_t *deadline_ns, uint64_t ns, ferry_context context,
    uint32_t method, const void *data, size_t size)
{
	ferry_request_options o = fx_request_options();
	ferry_request request = 0;
	int r;

	do {
		o.deadline_ns = ferry_clock_ns() + ns;
		r = ferry_request_submit(
		    &request, context, method, data, size, &o);
		ns *= 2;
	} while (r == FERRY_EDEADLINE);
	T_OK(r);
	*deadline_ns = o.deadline_ns;
	return request;
}

static inline int
fx_gate_is_open(struct fx_gate *gate)
{
	int open;

	pthread_mutex_lock(&gate->lock);
	open = gate->open;
	pthread_mutex_unlock(&gate->lock);
	return open;
}

/* Submits a call that is deferred before its deadline. */
static inline ferry_request
fx_later_until(uint64_t *deadline_ns, uint64_t ns, ferry_context context,
    struct fx_later *l)
{
	struct fx_job job = {fx_later_run, l};
	ferry_request request;
	ferry_reply reply;
	int answered;

	do {
		request = fx_submit_until(
		    deadline_ns, ns, context, FX_DO, &job, sizeof job);
		/* Once it is deferred nobody but the test answers it. */
		T_WAIT_UNTIL((answered = ferry_request_wait(
		    &reply, request, 0) == FERRY_OK) ||
		    fx_gate_is_open(&l->deferred), FX_LIMIT_MS);
		if (answered)
			T_EQ(reply.status, FERRY_EDEADLINE);
		ns *= 2;
	} while (answered);
	return request;
}

#endif
