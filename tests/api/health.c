/*
 * What a context tells of its worker, from words alone: in a stall, at rest,
 * and to callers of every size.
 */
#include <stdbool.h>

#include "watched.h"

static void
health_of_a_stall(void)
{
	ferry_context context = open_watched();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate);
	ferry_request queued = fx_submit(context, FX_NOP, NULL, 0, NULL);
	ferry_health h, later;

	T_WAIT_UNTIL((h = health(context),
	    h.level >= FERRY_LEVEL_STALLED), FX_LIMIT_MS);
	T_EQ(h.worker, FERRY_THREAD_BUSY);
	T_EQ(h.request, held);
	T_EQ(h.method, FX_GATE);
	T_STR(h.method_name, "gate");
	T_EQ(h.queued, 1);
	T_EQ(h.running, 1);
	T_GE(h.age_ns, stalled_ms() * UINT64_C(1000000));
	T_NE(h.worker_thread, 0);
	T_NE(h.watcher_thread, 0);
	T_NE(h.worker_thread, h.watcher_thread);
	T_WAIT_UNTIL((later = health(context),
	    later.age_ns > h.age_ns), FX_LIMIT_MS);
	T_EQ(later.beats, h.beats); /* it does not move */
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(queued), FERRY_OK);
	fx_close(context);
}

static int
note_tid(ferry_call call, void *arg)
{
	(void)call;
	*(uint32_t *)arg = fx_tid();
	return FERRY_OK;
}

static void
health_at_rest(void)
{
	ferry_context context = fx_open();
	uint32_t tid = 0;
	ferry_health h;
	uint64_t beats;

	T_OK(fx_do_wait(context, note_tid, &tid));
	T_WAIT_UNTIL((h = health(context),
	    h.worker == FERRY_THREAD_IDLE), FX_LIMIT_MS);
	T_EQ(h.level, FERRY_LEVEL_NONE);
	T_EQ(h.request, 0);
	T_EQ(h.queued, 0);
	T_EQ(h.running, 0);
	T_ASSERT(fx_is_id_of(h.worker_thread, tid));
	beats = h.beats;
	T_OK(fx_do_wait(context, note_tid, &tid));
	T_GT(health(context).beats, beats);
	/* A second without work, and the watcher sleeps deep as well. */
	T_WAIT_UNTIL(
	    health(context).watcher == FERRY_THREAD_IDLE, FX_LIMIT_MS);
	fx_close(context);
}

/* Filled as far as the caller knows it; a stranger's token is an error. */
static void
health_sizes(void)
{
	ferry_context context = fx_open();
	struct {
		ferry_health h;
		uint64_t tail;
	} longer;
	ferry_health h;

	memset(&longer, 0xa5, sizeof longer);
	longer.h.struct_size = sizeof longer;
	T_OK(ferry_context_health(&longer.h, context));
	T_NE(longer.h.watcher_thread, 0xa5a5a5a5);
	memset(&h, 0xa5, sizeof h);
	h.struct_size = offsetof(ferry_health, beats);
	T_OK(ferry_context_health(&h, context));
	T_EQ(h.beats, UINT64_C(0xa5a5a5a5a5a5a5a5));
	T_EQ(h.watcher_thread, 0xa5a5a5a5);
	T_NE(h.worker, 0xa5a5a5a5);
	T_EQ(ferry_context_health(NULL, context), FERRY_EINVAL);
	h.struct_size = sizeof h;
	T_EQ(ferry_context_health(&h, 0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_context_health(&h, FX_FORGED)));
	T_EQ(h.watcher_thread, 0xa5a5a5a5);
	fx_close(context);
}

static atomic_bool seen_enough;

static void *
look_all_the_time(void *arg)
{
	ferry_context context = *(ferry_context *)arg;

	while (!atomic_load(&seen_enough))
		T_LE(health(context).worker, FERRY_THREAD_IN_DOORBELL);
	return NULL;
}

/* On one worker with contexts that come and go: whose request is in hand, or
 * was, is asked of memory that is another context's by then. For TSan. */
static void
health_beside_others_that_end(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context, other;
	pthread_t looker;

	o.worker_key = "health";
	context = fx_open_with(&o);
	looker = t_thread_start(look_all_the_time, &context);
	for (int i = 0; i < 500; i++) {
		other = fx_open_with(&o);
		for (int k = 0; k < 30; k++)
			T_EQ(fx_wait(fx_submit(other, FX_NOP, NULL, 0, NULL)),
			    FERRY_OK);
		fx_close(other);
	}
	atomic_store(&seen_enough, true);
	t_thread_join(looker);
	fx_close(context);
}

T_MAIN(
	T_RUN(health_of_a_stall);
	T_RUN(health_at_rest);
	T_RUN(health_sizes);
	T_RUN(health_beside_others_that_end);
)
