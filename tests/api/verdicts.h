/*
 * tests/api/verdicts.h: a call that does not come back, and what is said of
 * it. The verdicts of what holds it are judged from its BEGAN on.
 */
#ifndef TESTS_API_VERDICTS_H
#define TESTS_API_VERDICTS_H

#include "stalls.h"

/* Longer than any test waits; all of them cancel it. */
static inline uint32_t
for_long_ms(void)
{
	return 2 * FX_LIMIT_MS * (uint32_t)t_slow();
}

static inline int
wedge_run(ferry_call call, void *how)
{
	return ferry_debug_wedge(
	    call, (uint32_t)(uintptr_t)how, for_long_ms());
}

static inline ferry_request
wedge(ferry_context context, uint32_t how)
{
	return fx_do(context, wedge_run, (void *)(uintptr_t)how);
}

static inline void
end_wedge(ferry_request request)
{
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
}

/* What both a notice and a report say of a call of FX_DO. */
static inline void
notice_names(
    const ferry_completion *c, ferry_request request, uint32_t verdict)
{
	T_EQ(c->kind, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c->request, request);
	T_EQ(c->code, FX_DO);
	T_STR(c->name, "do");
	T_EQ(c->level, FERRY_LEVEL_STALLED);
	T_GE(c->age_ns, stalled_ms() * UINT64_C(1000000));
	T_EQ(c->status, told(verdict));
	T_ASSERT(c->data != NULL);
	T_EQ(strlen(c->data), c->size);
	T_ASSERT(strstr(c->data, ferry_verdict_name(told(verdict))) != NULL);
}

static inline void
report_names(const struct scene *scene, const struct stall *r,
    ferry_request request, uint32_t verdict)
{
	T_EQ(r->s.context, scene->context);
	T_EQ(r->s.request, request);
	T_EQ(r->s.method, FX_DO);
	T_STR(r->method, "do");
	T_STR(r->library, "fixture");
	T_GE(r->s.level, FERRY_LEVEL_STALLED);
	T_GE(r->s.age_ns, stalled_ms() * UINT64_C(1000000));
	T_EQ(r->s.verdict, told(verdict));
	T_EQ(r->s.worker_thread, health(scene->context).worker_thread);
	T_ASSERT(fx_is_id_of(r->s.submitter, fx_tid()));
	T_ASSERT(strstr(r->text, ferry_verdict_name(told(verdict))) != NULL);
	T_ASSERT(strstr(r->text, "do") != NULL);
}

/* Of a call that is held in one way all the time: the first notice, and the
 * first report, are right. */
static inline const struct stall *
expect_verdict(struct scene *s, ferry_request request, uint32_t verdict)
{
	ferry_completion c =
	    take_notice(s->inbox, FERRY_KIND_NOT_RESPONDING);
	const struct stall *r;

	notice_names(&c, request, verdict);
	fx_done(&c);
	r = stalls_await(&s->heard, 0, FERRY_STALL_BEGAN);
	report_names(s, r, request, verdict);
	return r;
}

static inline const struct stall *
find_verdict(struct stalls *h, ferry_request request, uint32_t verdict)
{
	const struct stall *found = NULL;

	pthread_mutex_lock(&h->lock);
	for (uint32_t i = 0; i < h->n && found == NULL; i++) {
		const ferry_stall *s = &h->at[i]->s;

		T_EQ(s->request, request);
		if (s->verdict == verdict)
			found = h->at[i];
	}
	pthread_mutex_unlock(&h->lock);
	return found;
}

/* Of one that gets there at its own time: it is said sooner or later, and the
 * same call is blamed all the while. */
static inline const struct stall *
await_verdict(struct scene *s, ferry_request request, uint32_t verdict)
{
	const struct stall *r;

	T_WAIT_UNTIL((r = find_verdict(
	    &s->heard, request, told(verdict))) != NULL, FX_LIMIT_MS);
	T_NE(r->s.kind, FERRY_STALL_OVERLOADED);
	report_names(s, r, request, verdict);
	return r;
}

/* The call has returned: both hear of the end, by its name. */
static inline void
expect_end(struct scene *s, ferry_request request)
{
	const struct stall *r =
	    stalls_await(&s->heard, 0, FERRY_STALL_ENDED);
	ferry_completion c;

	T_EQ(r->s.request, request);
	T_GE(r->s.level, FERRY_LEVEL_STALLED);
	T_GE(r->s.age_ns, stalled_ms() * UINT64_C(1000000));
	c = take_notice(s->inbox, FERRY_KIND_RESPONDING);
	T_EQ(c.request, request);
	fx_done(&c);
	T_EQ(fx_counters(s->context).stall_episodes, 1);
}

/* ---- want of a CPU ---- */

/* What the handler used, in all. */
struct starved {
	atomic_uint_least64_t cpu_ns;
};

static inline uint64_t
cpu_ns(void)
{
	struct timespec ts;

	T_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline int
starve_run(ferry_call call, void *arg)
{
	struct starved *v = arg;
	uint64_t began = cpu_ns();
	int r = ferry_debug_wedge(call, FERRY_WEDGE_STARVE, for_long_ms());

	atomic_store(&v->cpu_ns, cpu_ns() - began);
	return r;
}

#endif
