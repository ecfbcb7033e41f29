/*
 * What runs: strands in each state, deferred calls, the call in hand.
 */
#include "dumped.h"
#include "strands.h"

#include <poll.h>

enum { MOST = 8 };

static ferry_running seen[MOST];
static uint64_t total;

static int
look(ferry_context context)
{
	int n = ferry_context_running(seen, MOST, &total, context);

	T_GE(n, 0);
	T_ASSERT((uint64_t)n == total || n == MOST);
	for (int i = 1; i < n; i++)
		T_GE(seen[i - 1].age_ns, seen[i].age_ns);
	return n;
}

static const ferry_running *
find(ferry_context context, ferry_request request, uint32_t state)
{
	int n = look(context);

	for (int i = 0; i < n; i++)
		if (seen[i].request == request && seen[i].state == state)
			return &seen[i];
	return NULL;
}

/* The entry of that request, once it is in this state. */
static ferry_running
await_state(ferry_context context, ferry_request request, uint32_t state)
{
	const ferry_running *found = NULL;

	T_WAIT_UNTIL((found = find(context, request, state)) != NULL,
	    FX_LIMIT_MS);
	T_GE(found->age_ns, found->progress_ns);
	return *found;
}

/* ------------------------------------------------------------- their states */

struct world {
	ferry_context context;
	ferry_request awaited;
	struct fx_gate gate;
	uint64_t until_ns;
	int fds[2];
	atomic_int stop;
};

static int
sleep_long(ferry_call call, void *arg)
{
	struct world *w = arg;

	(void)call;
	w->until_ns = ferry_clock_ns() + UINT64_C(60000000000);
	return ferry_strand_sleep(60000);
}

static int
await_other(ferry_call call, void *arg)
{
	struct world *w = arg;
	ferry_reply reply;

	(void)call;
	return ferry_strand_await(&reply, w->awaited, -1);
}

static int
pass(void *arg)
{
	fx_gate_pass(&((struct world *)arg)->gate);
	return 0;
}

static int
offload(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_offload(NULL, pass, arg, NULL);
}

static int
poll_pipe(ferry_call call, void *arg)
{
	struct world *w = arg;

	(void)call;
	return ferry_strand_poll(NULL, w->fds[0], POLLIN, -1);
}

static int
hold_thread(ferry_call call, void *arg)
{
	struct world *w = arg;

	(void)call;
	fx_gate_pass(&w->gate);
	return FERRY_OK;
}

static void
each_state_is_told(void)
{
	struct world w = {.gate = FX_GATE_SHUT};
	ferry_context context = w.context = st_open();
	struct fx_later later = FX_LATER;
	ferry_request sleeps, awaits, offloads, polls, deferred;
	ferry_running r;
	char *text;

	T_EQ(look(context), 0);
	T_EQ(pipe(w.fds), 0);
	sleeps = st_spawn(context, sleep_long, &w);
	r = await_state(context, sleeps, FERRY_RUNNING_SLEEPING);
	T_GE(r.what, w.until_ns);
	T_EQ(r.strand, 1);
	T_STR(r.method_name, "strand");
	T_EQ(r.method, ST_STRAND);
	/* A deferred call's age is counted in milliseconds, and may be told as
	 * up to one more than it is: only who is older by that comes first for
	 * certain. */
	T_WAIT_UNTIL(await_state(context, sleeps, FERRY_RUNNING_SLEEPING)
	            .age_ns >= 1000000, FX_LIMIT_MS);
	deferred = fx_later(context, &later);
	r = await_state(context, deferred, FERRY_RUNNING_DEFERRED);
	T_EQ(r.strand, 0);
	T_STR(r.method_name, "do");
	w.awaited = deferred;
	awaits = st_spawn(context, await_other, &w);
	T_EQ(await_state(context, awaits, FERRY_RUNNING_AWAITING).what,
	    deferred);
	polls = st_spawn(context, poll_pipe, &w);
	T_EQ(await_state(context, polls, FERRY_RUNNING_POLLING).what,
	    (uint64_t)w.fds[0]);
	offloads = st_spawn(context, offload, &w);
	T_EQ(await_state(context, offloads, FERRY_RUNNING_OFFLOADED).strand,
	    4);
	T_EQ(look(context), 5);
	T_EQ(seen[0].request, sleeps);
	text = dump_now();
	dump_has(text, "\n  strands: 4 spawned, 4 active, 0 completed, ");
	dump_has(text, "\n    1: method 8 \"strand\", request 0x");
	dump_has(text, ", sleeping for ");
	dump_has(text, ", offloaded for ");
	dump_has(text, "\n  deferred calls: 1\n    method 5 \"do\", ");
	free(text);
	T_EQ(ferry_context_running(seen, 2, &total, context), 2);
	T_EQ(total, 5);
	T_EQ(seen[0].request, sleeps);
	fx_gate_open(&w.gate);
	T_OK(ferry_call_reply(later.call, FERRY_OK, NULL, 0));
	T_EQ(write(w.fds[1], "x", 1), 1);
	T_OK(ferry_request_cancel(sleeps));
	T_EQ(fx_wait(sleeps), FERRY_ECANCELED);
	T_EQ(fx_wait(awaits), FERRY_OK);
	T_EQ(fx_wait(polls), FERRY_OK);
	T_EQ(fx_wait(offloads), FERRY_OK);
	fx_rest(context);
	T_EQ(look(context), 0);
	fx_close(context);
	close(w.fds[0]);
	close(w.fds[1]);
}

/* A plain handler and a strand that hold the thread; those that wait for it are
 * seen all the same. */
static void
the_call_in_hand_is_seen(void)
{
	static const uint32_t methods[] = {ST_DO, ST_STRAND};

	for (int i = 0; i < 2; i++) {
		struct world w = {.gate = FX_GATE_SHUT};
		struct fx_job job = {hold_thread, &w};
		ferry_context context = st_open();
		ferry_request sleeps, holds;
		ferry_running r;

		sleeps = st_spawn(context, sleep_long, &w);
		await_state(context, sleeps, FERRY_RUNNING_SLEEPING);
		holds = fx_submit(
		    context, methods[i], &job, sizeof job, NULL);
		fx_gate_await(&w.gate, 1);
		r = await_state(context, holds, FERRY_RUNNING_NOW);
		T_EQ(r.strand, i == 0 ? 0 : 2);
		T_EQ(r.method, methods[i]);
		await_state(context, sleeps, FERRY_RUNNING_SLEEPING);
		T_EQ(look(context), 2);
		fx_gate_open(&w.gate);
		T_EQ(fx_wait(holds), FERRY_OK);
		T_OK(ferry_request_cancel(sleeps));
		T_EQ(fx_wait(sleeps), FERRY_ECANCELED);
		fx_close(context);
	}
}

/* ------------------------------------------- others come and go meanwhile */

static int
yield_some(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	for (int i = 0; i < 3; i++)
		T_OK(ferry_strand_yield());
	return FERRY_OK;
}

static void *
spawn_and_go(void *arg)
{
	struct world *w = arg;

	while (atomic_load(&w->stop) == 0)
		T_EQ(st_run(w->context, yield_some, NULL), FERRY_OK);
	return NULL;
}

/* Who lives throughout is seen once in each look, whatever happens around. */
static void
the_others_falsify_nothing(void)
{
	struct world w = {.gate = FX_GATE_SHUT};
	ferry_context context = w.context = st_open();
	ferry_request stays[4];
	pthread_t threads[2];
	int found;

	for (int i = 0; i < 4; i++) {
		stays[i] = st_spawn(context, sleep_long, &w);
		await_state(context, stays[i], FERRY_RUNNING_SLEEPING);
	}
	for (int i = 0; i < 2; i++)
		threads[i] = t_thread_start(spawn_and_go, &w);
	for (int k = 0; k < 2000; k++) {
		int n = look(context);

		found = 0;
		T_GE(n, 4);
		for (int i = 0; i < n; i++)
			for (int j = 0; j < 4; j++)
				if (seen[i].request == stays[j]) {
					T_EQ(i, j);
					T_EQ(seen[i].strand, (uint64_t)j + 1);
					T_EQ(seen[i].state,
					    FERRY_RUNNING_SLEEPING);
					found++;
				}
		T_EQ(found, 4);
	}
	atomic_store(&w.stop, 1);
	for (int i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	for (int i = 0; i < 4; i++) {
		T_OK(ferry_request_cancel(stays[i]));
		T_EQ(fx_wait(stays[i]), FERRY_ECANCELED);
	}
	fx_close(context);
}

static void
refusals(void)
{
	ferry_context context = st_open();

	T_EQ(ferry_context_running(NULL, 1, NULL, context), FERRY_EINVAL);
	T_EQ(ferry_context_running(seen, 0, NULL, context), FERRY_EINVAL);
	T_EQ(ferry_context_running(seen, 1, NULL, 0), FERRY_EINVAL);
	fx_close(context);
	T_EQ(ferry_context_running(seen, 1, NULL, context), FERRY_ESTALE);
}

T_MAIN(
	T_RUN(each_state_is_told);
	T_RUN(the_call_in_hand_is_seen);
	T_RUN(the_others_falsify_nothing);
	T_RUN(refusals);
)
