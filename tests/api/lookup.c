/*
 * Looking up names, counters and health by a token while its context closes and
 * the slot is opened again: an answer, or FERRY_ESTALE or FERRY_ECLOSED. What a
 * look may not touch takes a sanitizer to see.
 */
#include "fixture.h"

enum { ROUNDS = 300 };

struct looker {
	atomic_ullong context;
	atomic_int stop;
};

static void
is_answer(int r)
{
	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE || r == FERRY_ECLOSED);
}

static void *
look(void *arg)
{
	struct looker *l = arg;
	ferry_counters c = {.struct_size = sizeof c};
	ferry_health h = {.struct_size = sizeof h};
	const char *name;
	uint32_t id;

	while (!atomic_load(&l->stop)) {
		ferry_context context = atomic_load(&l->context);
		int r = ferry_context_method(&id, context, "trace");

		is_answer(r);
		T_ASSERT(r != FERRY_OK || id == FX_TRACE);
		r = ferry_context_event(&id, context, "tock");
		is_answer(r);
		T_ASSERT(r != FERRY_OK || id == FX_TOCK);
		r = ferry_context_method_name(&name, context, FX_EXIT);
		is_answer(r);
		T_ASSERT(r != FERRY_OK || strcmp(name, "exit") == 0);
		r = ferry_context_event_name(&name, context, FX_TICK);
		is_answer(r);
		T_ASSERT(r != FERRY_OK || strcmp(name, "tick") == 0);
		is_answer(ferry_context_counters(&c, context));
		is_answer(ferry_context_health(&h, context));
		is_answer(ferry_context_emit(context, FX_TICK, "x", 1));
	}
	return NULL;
}

static void
beside_closes_and_reopens(void)
{
	ferry_context context = fx_open();
	struct looker l = {.context = context};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		threads[i] = t_thread_start(look, &l);
	for (int i = 0; i < ROUNDS; i++) {
		T_OK(ferry_context_close(context, NULL, NULL));
		context = fx_open();
		atomic_store(&l.context, context);
	}
	atomic_store(&l.stop, 1);
	for (int i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	fx_close(context);
}

T_MAIN(
	T_RUN(beside_closes_and_reopens);
)
