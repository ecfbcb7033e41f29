/*
 * Functions that strands hand to other threads: their results, their ends,
 * and what happens when a strand does not wait for one any longer.
 */
#include "strands.h"

enum { BOUND = 64 }; /* threads of the pool; more is queued */

struct away {
	struct fx_gate *gate;   /* stood in, if any */
	int shields;
	int exits;              /* the function ends its thread … */
	int exits_abandoned;    /* … or `abandoned` does */
	int tells_nobody;       /* no `abandoned` */
	atomic_int runs;        /* of the function */
	atomic_int abandoned;   /* calls */
	int left_with;          /* the result that it was called with */
	pthread_t thread, left_on;
	int result;
};

static int
go_away(void *arg)
{
	struct away *a = arg;

	a->thread = pthread_self();
	atomic_fetch_add(&a->runs, 1);
	if (a->gate != NULL)
		fx_gate_pass(a->gate);
	if (a->exits) {
		fx_before_exit();
		pthread_exit(NULL);
	}
	return 42;
}

static void
left_behind(void *arg, int result)
{
	struct away *a = arg;

	a->left_with = result;
	a->left_on = pthread_self();
	atomic_fetch_add(&a->abandoned, 1);
	if (a->exits_abandoned) {
		fx_before_exit();
		pthread_exit(NULL);
	}
}

static int
offload(ferry_call call, void *arg)
{
	struct away *a = arg;
	int r;

	(void)call;
	a->result = 77;
	for (int i = 0; i < a->shields; i++)
		T_OK(ferry_strand_shield(1));
	r = ferry_strand_offload(
	    &a->result, go_away, a, a->tells_nobody ? NULL : left_behind);
	for (int i = 0; i < a->shields; i++)
		T_OK(ferry_strand_shield(0));
	return r;
}

static void
await_abandoned(struct away *a, int result)
{
	T_WAIT_UNTIL(atomic_load(&a->abandoned) == 1, FX_LIMIT_MS);
	T_EQ(a->left_with, result);
}

/* -------------------------------------------------------- to the very end */

static int
note_thread(ferry_call call, void *arg)
{
	(void)call;
	*(pthread_t *)arg = pthread_self();
	return FERRY_OK;
}

static int
offload_without_result(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_offload(NULL, go_away, arg, NULL);
}

static void
its_result_is_handed_back(void)
{
	ferry_context context = st_open();
	struct away a = {0};
	pthread_t ffi;

	T_OK(fx_do_wait(context, note_thread, &ffi));
	T_OK(st_run(context, offload, &a));
	T_EQ(a.result, 42);
	T_EQ(atomic_load(&a.runs), 1);
	T_EQ(atomic_load(&a.abandoned), 0);
	T_ASSERT(!pthread_equal(a.thread, ffi));
	T_ASSERT(!pthread_equal(a.thread, pthread_self()));
	T_OK(st_run(context, offload_without_result, &a));
	T_EQ(atomic_load(&a.runs), 2);
	fx_close(context);
}

/* More than there are threads: those that are too many wait for their turn,
 * and nobody else waits for them. */
static void
many_at_once(void)
{
	enum { N = 3 * BOUND };
	static struct away a[N];
	static ferry_request request[N];
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;

	for (int i = 0; i < N; i++) {
		a[i] = (struct away){.gate = &gate};
		request[i] = st_spawn(context, offload, &a[i]);
	}
	fx_gate_await(&gate, BOUND);
	st_turn(context);
	T_EQ(st_strands(context).active, N);
	T_EQ(fx_gate_inside(&gate), BOUND);
	fx_gate_open(&gate);
	for (int i = 0; i < N; i++) {
		T_OK(fx_wait(request[i]));
		T_EQ(a[i].result, 42);
		T_EQ(atomic_load(&a[i].runs), 1);
	}
	st_counts(context, N, 0, 0, 0);
	fx_close(context);
}

/* Two thousand, of two workers. */
static int
count_up(void *arg)
{
	return (int)atomic_fetch_add((atomic_int *)arg, 1);
}

static int
offload_ten(ferry_call call, void *arg)
{
	int last = -1, n;

	(void)call;
	for (int i = 0; i < 10; i++) {
		n = -1;
		T_OK(ferry_strand_offload(&n, count_up, arg, NULL));
		T_GT(n, last);
		last = n;
	}
	return FERRY_OK;
}

static void
one_after_the_other(void)
{
	enum { N = 200 };
	ferry_context contexts[2] = {st_open(), st_open()};
	ferry_request request[N];
	atomic_int n = 0;

	for (int i = 0; i < N; i++)
		request[i] = st_spawn(contexts[i % 2], offload_ten, &n);
	for (int i = 0; i < N; i++)
		T_OK(fx_wait(request[i]));
	T_EQ(atomic_load(&n), 10 * N);
	fx_close(contexts[0]);
	fx_close(contexts[1]);
}

/* --------------------------------------------------------- not waited for */

/* One that has not begun never will; its strand goes on at once. */
static void
not_begun_and_cancelled(void)
{
	static struct away busy[BOUND], a[2];
	static ferry_request held[BOUND], request[2];
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;

	for (int i = 0; i < BOUND; i++) {
		busy[i] = (struct away){.gate = &gate};
		held[i] = st_spawn(context, offload, &busy[i]);
	}
	fx_gate_await(&gate, BOUND);
	for (int i = 0; i < 2; i++) {
		a[i] = (struct away){.tells_nobody = i};
		request[i] = st_spawn(context, offload, &a[i]);
	}
	st_turn(context);
	for (int i = 0; i < 2; i++) {
		T_OK(ferry_request_cancel(request[i]));
		T_EQ(fx_wait(request[i]), FERRY_ECANCELED);
		T_EQ(a[i].result, 77);
	}
	fx_gate_open(&gate);
	for (int i = 0; i < BOUND; i++)
		T_OK(fx_wait(held[i]));
	/* Its argument goes the same way, as if it had begun. */
	await_abandoned(&a[0], FERRY_ECANCELED);
	T_EQ(atomic_load(&a[1].abandoned), 0);
	for (int i = 0; i < 2; i++)
		T_EQ(atomic_load(&a[i].runs), 0);
	fx_close(context);
}

static void
begun_and_left_behind(void)
{
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct away a = {.gate = &gate};
	ferry_request request = st_spawn(context, offload, &a);

	fx_gate_await(&gate, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(a.result, 77);
	T_EQ(atomic_load(&a.abandoned), 0);
	/* Its context need not be there any more. */
	fx_close(context);
	fx_gate_open(&gate);
	await_abandoned(&a, 42);
	T_ASSERT(pthread_equal(a.left_on, a.thread));
	T_EQ(a.result, 77);
}

/* One that cannot be left: the strand hears of the cancel when it is back. */
static void
begun_and_waited_for(void)
{
	ferry_context context = st_open();

	for (int shields = 0; shields <= 2; shields++) {
		struct fx_gate gate = FX_GATE_SHUT;
		struct away a = {.gate = &gate, .shields = shields,
		    .tells_nobody = shields != 2};
		ferry_request request = st_spawn(context, offload, &a);

		fx_gate_await(&gate, 1);
		T_OK(ferry_request_cancel(request));
		st_turn(context);
		T_EQ(st_strands(context).active, 1);
		fx_gate_open(&gate);
		/* Shielded it hears nothing of it. */
		T_EQ(fx_wait(request),
		    shields > 0 ? FERRY_OK : FERRY_ECANCELED);
		T_EQ(a.result, 42);
		T_EQ(atomic_load(&a.abandoned), 0);
	}
	fx_close(context);
}

/* Cancelled before it offloads anything. */
static int
offload_too_late(ferry_call call, void *arg)
{
	ferry_call_info info = {.struct_size = sizeof info};

	T_OK(ferry_call_describe(&info, call));
	T_OK(ferry_request_cancel(info.request));
	return offload(call, arg);
}

static void
cancelled_before_it_is_given(void)
{
	ferry_context context = st_open();
	struct away a = {0}, b = {.tells_nobody = 1};

	T_EQ(st_run(context, offload_too_late, &a), FERRY_ECANCELED);
	await_abandoned(&a, FERRY_ECANCELED);
	T_EQ(st_run(context, offload_too_late, &b), FERRY_ECANCELED);
	fx_close(context);
	T_EQ(atomic_load(&a.runs), 0);
	T_EQ(atomic_load(&b.runs), 0);
	T_EQ(atomic_load(&b.abandoned), 0);
}

/* Cancels against ends. With somebody to be told, the strand knows whose the
 * argument is: FERRY_ECANCELED says that there will be one call. */
static void
cancels_race_ends(void)
{
	enum { N = 1000 };
	static struct away a[N];
	static ferry_request request[N];
	static int status[N];
	ferry_context context = st_open();

	for (int i = 0; i < N; i++) {
		a[i] = (struct away){.tells_nobody = i % 3 == 0};
		request[i] = st_spawn(context, offload, &a[i]);
		if (i % 2)
			ferry_request_cancel(request[i - i % 8]);
	}
	for (int i = 0; i < N; i++)
		status[i] = fx_wait(request[i]);
	fx_close(context);
	for (int i = 0; i < N; i++) {
		/* 0: it never started. */
		if (status[i] == FERRY_ECANCELED && a[i].result != 0 &&
		    !a[i].tells_nobody)
			T_WAIT_UNTIL(atomic_load(&a[i].abandoned) == 1,
			    FX_LIMIT_MS);
		else
			T_EQ(atomic_load(&a[i].abandoned), 0);
		T_ASSERT(status[i] == FERRY_OK || status[i] == FERRY_ECANCELED);
		T_EQ(status[i] == FERRY_OK && a[i].result != 42, 0);
		T_LE(atomic_load(&a[i].runs), 1);
	}
}

/* ------------------------------------------------------------- lost threads */

static void
it_ends_its_thread(void)
{
	ferry_context context = st_open();
	struct away a = {.exits = 1};

	for (int i = 0; i < 20; i++) {
		T_EQ(st_run(context, offload, &a), FERRY_ELOST);
		T_EQ(a.result, 77);
	}
	T_EQ(atomic_load(&a.runs), 20);
	T_EQ(atomic_load(&a.abandoned), 0);
	a.exits = 0;
	T_OK(st_run(context, offload, &a));
	/* The strand is none the worse for it. */
	st_counts(context, 1, 20, 0, 0);
	T_EQ(fx_counters(context).threads_lost, 0);
	fx_close(context);
}

static int
go_away_cancelled(void *arg)
{
	go_away(arg);
	fx_before_exit();
	pthread_cancel(pthread_self());
	return 42;
}

static int
offload_cancelled(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_offload(NULL, go_away_cancelled, arg, NULL);
}

/* A cancellation that is left pending is its own, not the next one's. */
static void
it_leaves_a_cancellation(void)
{
	ferry_context context = st_open();
	struct away a = {0};

	for (int i = 1; i <= 20; i++) {
		T_EQ(st_run(context, offload_cancelled, &a), FERRY_ELOST);
		T_OK(st_run(context, offload_without_result, &a));
		T_EQ(atomic_load(&a.runs), 2 * i);
	}
	fx_close(context);
}

/* All threads that there may be, at once, with others queued behind them. */
static void
they_all_end_their_threads(void)
{
	enum { N = 2 * BOUND };
	static struct away a[N];
	static ferry_request request[N];
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;

	for (int i = 0; i < N; i++) {
		a[i] = (struct away){.gate = &gate, .exits = i < BOUND};
		request[i] = st_spawn(context, offload, &a[i]);
	}
	fx_gate_await(&gate, BOUND);
	fx_gate_open(&gate);
	for (int i = 0; i < N; i++)
		T_EQ(fx_wait(request[i]), i < BOUND ? FERRY_ELOST : FERRY_OK);
	fx_close(context);
}

/* Left behind, and then lost: told, all the same. */
static void
left_behind_and_lost(void)
{
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct away a = {.gate = &gate, .exits = 1};
	ferry_request request = st_spawn(context, offload, &a);

	fx_gate_await(&gate, 1);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_gate_open(&gate);
	await_abandoned(&a, FERRY_ELOST);
	T_OK(st_run(context, offload_without_result, &(struct away){0}));
	fx_close(context);
}

static void
what_is_told_ends_its_thread(void)
{
	ferry_context context = st_open();

	for (int i = 0; i < 5; i++) {
		struct fx_gate gate = FX_GATE_SHUT;
		struct away a = {.gate = &gate, .exits_abandoned = 1};
		ferry_request request = st_spawn(context, offload, &a);

		fx_gate_await(&gate, 1);
		T_OK(ferry_request_cancel(request));
		T_EQ(fx_wait(request), FERRY_ECANCELED);
		fx_gate_open(&gate);
		await_abandoned(&a, 42);
		T_OK(st_run(
		    context, offload_without_result, &(struct away){0}));
	}
	fx_close(context);
}

T_MAIN(
	T_RUN(its_result_is_handed_back);
	T_RUN(many_at_once);
	T_RUN(one_after_the_other);
	T_RUN(not_begun_and_cancelled);
	T_RUN(begun_and_left_behind);
	T_RUN(begun_and_waited_for);
	T_RUN(cancelled_before_it_is_given);
	T_RUN(cancels_race_ends);
	T_RUN(it_ends_its_thread);
	T_RUN(it_leaves_a_cancellation);
	T_RUN(they_all_end_their_threads);
	T_RUN(left_behind_and_lost);
	T_RUN(what_is_told_ends_its_thread);
)
