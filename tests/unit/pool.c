/*
 * The pool of threads: who runs what, when a worker comes and goes, and what
 * becomes of jobs that are withdrawn, cancelled, or end their thread.
 */
#include "api/gate.h"

#include "ffi/pool.h"

enum { MANY = 300 };

struct work {
	struct pool_job job;
	struct fx_gate *gate;
	struct fx_gate *last; /* of who is told that it is lost; or NULL */
	enum pool_end end;
	atomic_int ran, canceled, lost;
	int place;         /* in the order of beginning, from 1 */
};

static struct pool pool = POOL_INIT;
static atomic_int began;

static enum pool_end
run_work(struct pool *p, struct pool_job *j, bool cancel)
{
	struct work *w = container_of(j, struct work, job);

	T_ASSERT(p == &pool && ferry__pool_has_me(p));
	w->place = atomic_fetch_add(&began, 1) + 1;
	if (cancel) {
		atomic_fetch_add(&w->canceled, 1);
		return POOL_CANCELED;
	}
	if (w->gate != NULL)
		fx_gate_pass(w->gate);
	if (w->end == POOL_LOST) {
		fx_before_exit();
		pthread_exit(NULL);
	}
	atomic_fetch_add(&w->ran, 1);
	return w->end;
}

static void
lose_work(struct pool *p, struct pool_job *j)
{
	struct work *w = container_of(j, struct work, job);

	T_ASSERT(p == &pool);
	atomic_fetch_add(&w->lost, 1);
	if (w->last != NULL)
		fx_gate_pass(w->last);
}

static const struct pool_ops ops = { .run = run_work, .lost = lose_work };

static void
start(unsigned least, unsigned most, uint64_t idle_ns)
{
	const struct pool_options o = { .name = "pool", .least = least,
		.most = most, .idle_ns = idle_ns };

	atomic_store(&began, 0);
	T_OK(ferry__pool_start(&pool, &ops, &o));
}

static struct pool_state
look(void)
{
	struct pool_state s;
	uint64_t sum;

	ferry__pool_look(&pool, &s);
	sum = s.n.waiting + s.n.running + s.n.withdrawn;
	for (int i = 0; i < POOL_ENDS; i++)
		sum += s.n.ended[i];
	T_EQ(s.n.given, sum);
	return s;
}

static void
give(struct work *w)
{
	T_OK(ferry__pool_give(&pool, &w->job, 1));
}

static void
await_all(void)
{
	T_EQ(ferry__pool_await(&pool, ferry__pool_ticket(&pool), OS_NEVER),
	    OS_WOKEN);
}

static void
stop(void)
{
	T_ASSERT(ferry__pool_stop(&pool, OS_NEVER));
	T_EQ(look().workers, 0);
	T_EQ(look().n.waiting + look().n.running, 0);
	T_ASSERT(!ferry__pool_has_me(&pool));
}

/* ------------------------------------------------------- coming and going */

static void
nobody_before_there_is_work(void)
{
	struct work w = { .end = POOL_DONE };

	start(0, 4, OS_NEVER);
	T_EQ(look().workers, 0);
	give(&w);
	await_all();
	T_EQ(atomic_load(&w.ran), 1);
	T_EQ(look().workers, 1);
	stop();
}

static void
one_for_each_that_is_held(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct work w[6] = { { .gate = NULL } };

	start(0, 4, 5000000);
	for (int i = 0; i < 6; i++)
		w[i].gate = &gate;
	/* As one batch: each who comes calls the next. */
	for (int i = 0; i < 5; i++)
		w[i].job.link.next = &w[i + 1].job.link;
	T_OK(ferry__pool_give(&pool, &w[0].job, 6));
	fx_gate_await(&gate, 4);
	T_EQ(look().workers, 4);
	T_EQ(look().n.waiting, 2);
	T_ASSERT(look().stuck_ns != 0);
	fx_gate_open(&gate);
	await_all();
	T_ASSERT(look().stuck_ns == 0);
	T_EQ(look().n.running_max, 4);
	/* All go, as none is to stay. */
	T_WAIT_UNTIL(look().workers == 0, FX_LIMIT_MS);
	stop();
}

static void
some_stay(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct work w[4] = { { .gate = NULL } };

	start(2, 4, 5000000);
	T_EQ(look().workers, 2);
	for (int i = 0; i < 4; i++) {
		w[i].gate = &gate;
		give(&w[i]);
	}
	fx_gate_await(&gate, 4);
	fx_gate_open(&gate);
	await_all();
	T_WAIT_UNTIL(look().workers == 2, FX_LIMIT_MS);
	t_sleep_ms(FX_QUIET_MS); /* for one that must not go */
	T_EQ(look().workers, 2);
	/* And they still serve. */
	atomic_store(&w[0].ran, 0);
	give(&w[0]);
	await_all();
	T_EQ(atomic_load(&w[0].ran), 1);
	stop();
}

/* Again and again the last one goes just when there is work. */
static void
going_and_coming(void)
{
	struct work w = { .gate = NULL };
	struct t_rng rng = { 7 };

	start(0, 2, 50000);
	for (int i = 1; i <= 500; i++) {
		uint64_t until = t_now_ns() + t_rand_below(&rng, 150000);

		give(&w);
		await_all();
		T_EQ(atomic_load(&w.ran), i);
		while (t_now_ns() < until)
			cpu_relax();
	}
	stop();
}

/* ------------------------------------------------ a start that takes long */

int __real_ferry__os_thread_start(
    pthread_t *out, void *(*run)(void *), void *arg, size_t stack);
int __wrap_ferry__os_thread_start(
    pthread_t *out, void *(*run)(void *), void *arg, size_t stack);

/* What happens during the next start; returns what becomes of it. */
static int (*_Atomic meanwhile)(void);

int
__wrap_ferry__os_thread_start(
    pthread_t *out, void *(*run)(void *), void *arg, size_t stack)
{
	int (*during)(void) = atomic_exchange(&meanwhile, NULL);
	int error = during != NULL ? during() : 0;

	return error != 0
	    ? error
	    : __real_ferry__os_thread_start(out, run, arg, stack);
}

static struct fx_gate slow = FX_GATE_SHUT;

/* The only worker does what there is to do, the job of the one that is being
 * started too, and rests: all with one look, as it is with one mutex. */
static int
the_other_rests(void)
{
	fx_gate_open(&slow);
	T_WAIT_UNTIL(look().n.running + look().n.waiting == 0, FX_LIMIT_MS);
	t_sleep_ms(FX_QUIET_MS); /* for one that must not go */
	T_EQ(look().workers, 2);
	return 0;
}

static int
the_other_rests_alone(void)
{
	(void)the_other_rests();
	return EAGAIN;
}

/* Whether the start succeeds or not: nobody stays who was told to wait. */
static void
rest_during_a_start(int (*during)(void))
{
	struct work held = { .gate = &slow }, w = { .gate = NULL };

	fx_gate_shut(&slow);
	start(0, 2, 1000000);
	give(&held);
	fx_gate_await(&slow, 1);
	atomic_store(&meanwhile, during);
	give(&w);
	T_ASSERT(atomic_load(&meanwhile) == NULL);
	T_EQ(atomic_load(&held.ran) + atomic_load(&w.ran), 2);
	T_WAIT_UNTIL(look().workers == 0, FX_LIMIT_MS);
	stop();
}

static void
the_last_goes_after_a_start(void)
{
	uint64_t refused = look().n.workers_refused;

	rest_during_a_start(the_other_rests);
	T_EQ(look().n.workers_refused, refused);
	rest_during_a_start(the_other_rests_alone);
	T_EQ(look().n.workers_refused, refused + 1);
}

/* ------------------------------------------------------------------- order */

static void
one_worker_keeps_the_order(void)
{
	static struct work w[MANY];

	start(1, 1, OS_NEVER);
	for (int i = 0; i < MANY; i++) {
		w[i] = (struct work){ .gate = NULL };
		give(&w[i]);
		T_EQ(ferry__pool_ticket(&pool), look().n.given);
	}
	await_all();
	for (int i = 0; i < MANY; i++)
		T_EQ(w[i].place, i + 1);
	stop();
}

static void
a_ticket_is_awaited(void)
{
	struct fx_gate first = FX_GATE_SHUT;
	struct work a = { .gate = &first }, b = { .gate = NULL };
	uint64_t ticket;

	start(0, 2, OS_NEVER);
	give(&a);
	ticket = ferry__pool_ticket(&pool);
	give(&b);
	T_WAIT_UNTIL(atomic_load(&b.ran) == 1, FX_LIMIT_MS);
	T_EQ(ferry__pool_await(&pool, ticket - 1, 0), OS_WOKEN);
	T_EQ(ferry__pool_await(&pool, ticket, 0), OS_TIMEOUT);
	T_EQ(ferry__pool_await(&pool, ticket + 1, 0), OS_TIMEOUT);
	fx_gate_open(&first);
	T_EQ(ferry__pool_await(&pool, ticket, OS_NEVER), OS_WOKEN);
	T_EQ(atomic_load(&a.ran), 1);
	stop();
}

/* -------------------------------------------------------------- withdrawing */

static void
withdrawn_jobs_never_begin(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct work held = { .gate = &gate }, w[5] = { { .gate = NULL } };

	start(1, 1, OS_NEVER);
	T_ASSERT(!ferry__pool_withdraw(&pool, &w[0].job)); /* never given */
	give(&held);
	fx_gate_await(&gate, 1);
	T_ASSERT(!ferry__pool_withdraw(&pool, &held.job)); /* it runs */
	for (int i = 0; i < 5; i++)
		give(&w[i]);
	T_ASSERT(ferry__pool_withdraw(&pool, &w[2].job)); /* the middle … */
	T_ASSERT(!ferry__pool_withdraw(&pool, &w[2].job));
	T_ASSERT(ferry__pool_withdraw(&pool, &w[4].job)); /* … last, first */
	T_ASSERT(ferry__pool_withdraw(&pool, &w[0].job));
	T_EQ(look().n.waiting, 2);
	give(&w[4]); /* and may be given again */
	fx_gate_open(&gate);
	await_all();
	T_ASSERT(!ferry__pool_withdraw(&pool, &w[1].job)); /* ended */
	for (int i = 0; i < 5; i++)
		T_EQ(atomic_load(&w[i].ran), i == 1 || i == 3 || i == 4);
	stop();
}

/* Who waits for a ticket is told that its job is gone: where nobody else has
 * one in hand, so that nothing else is told. One worker is about to be started
 * for it, and the other is telling of a loss. */
static struct fx_gate telling = FX_GATE_SHUT;
static struct work withdrawn;
static atomic_int awaited;

static void *
await_ticket(void *ticket)
{
	T_EQ(ferry__pool_await(&pool, *(uint64_t *)ticket, OS_NEVER),
	    OS_WOKEN);
	atomic_store(&awaited, 1);
	return NULL;
}

static unsigned
awaiters(void)
{
	unsigned n;

	pthread_mutex_lock(&pool.mutex);
	n = pool.awaiters;
	pthread_mutex_unlock(&pool.mutex);
	return n;
}

static int
withdraw_meanwhile(void)
{
	uint64_t ticket = ferry__pool_ticket(&pool);
	pthread_t thread;

	fx_gate_open(&slow);
	fx_gate_await(&telling, 1);
	thread = t_thread_start(await_ticket, &ticket);
	T_WAIT_UNTIL(awaiters() == 1, FX_LIMIT_MS);
	T_EQ(look().n.waiting, 1);
	T_EQ(look().n.running, 0);
	T_ASSERT(ferry__pool_withdraw(&pool, &withdrawn.job));
	T_WAIT_UNTIL(atomic_load(&awaited), FX_LIMIT_MS);
	t_thread_join(thread);
	fx_gate_open(&telling);
	return 0;
}

static void
withdrawing_ends_a_wait(void)
{
	struct work held = { .gate = &slow, .last = &telling,
		.end = POOL_LOST };

	fx_gate_shut(&slow);
	start(0, 2, OS_NEVER);
	give(&held);
	fx_gate_await(&slow, 1);
	atomic_store(&meanwhile, withdraw_meanwhile);
	give(&withdrawn);
	T_ASSERT(atomic_load(&meanwhile) == NULL);
	T_EQ(atomic_load(&held.lost), 1);
	T_EQ(atomic_load(&withdrawn.ran), 0);
	stop();
}

/* ----------------------------------------------------- lost and cancelled */

static void
a_lost_job_is_told_and_replaced(void)
{
	struct work w[MANY / 10] = { { .gate = NULL } };
	uint64_t lost = look().n.ended[POOL_LOST];

	start(1, 1, OS_NEVER);
	for (int i = 0; i < MANY / 10; i++) {
		w[i].end = i % 2 ? POOL_LOST : POOL_FAILED;
		give(&w[i]);
	}
	await_all();
	for (int i = 0; i < MANY / 10; i++) {
		/* Counted first, then told. */
		T_WAIT_UNTIL(atomic_load(&w[i].lost) == i % 2, FX_LIMIT_MS);
		T_EQ(atomic_load(&w[i].ran), (i + 1) % 2);
	}
	T_EQ(look().n.ended[POOL_LOST] - lost, MANY / 20);
	stop();
}

static void
cancel_has_a_worker_of_its_own(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct work held = { .gate = &gate }, w[5] = { { .gate = NULL } };

	start(1, 1, OS_NEVER);
	give(&held);
	fx_gate_await(&gate, 1);
	for (int i = 0; i < 5; i++)
		give(&w[i]);
	ferry__pool_cancel(&pool);
	for (int i = 0; i < 5; i++)
		T_WAIT_UNTIL(atomic_load(&w[i].canceled) == 1, FX_LIMIT_MS);
	fx_gate_open(&gate);
	stop();
	T_EQ(atomic_load(&held.ran), 1);
	T_EQ(atomic_load(&held.canceled), 0);
	/* Not after the next start. */
	start(1, 1, OS_NEVER);
	give(&w[0]);
	await_all();
	T_EQ(atomic_load(&w[0].ran), 1);
	stop();
}

/* ---------------------------------------------------------------- stopping */

static void
stop_has_a_deadline(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct work held = { .gate = &gate }, w = { .gate = NULL };

	start(0, 1, OS_NEVER);
	give(&held);
	fx_gate_await(&gate, 1);
	give(&w);
	T_ASSERT(!ferry__pool_stop(&pool, 0));
	T_ASSERT(!ferry__pool_stop(&pool, ferry__os_deadline_in(1)));
	fx_gate_open(&gate);
	stop();
	T_EQ(atomic_load(&w.ran), 1);
}

static void
start_and_stop(void)
{
	for (unsigned i = 0; i < 100; i++) {
		struct work w = { .gate = NULL };

		start(i % 3, 3, OS_NEVER);
		if (i % 2) {
			give(&w);
			await_all();
		}
		stop();
		T_EQ(atomic_load(&w.ran), i % 2);
	}
}

/* The last of them: what it has counted is forgotten. */
static void
forked(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct work held = { .gate = &gate }, w = { .gate = NULL };

	start(1, 1, OS_NEVER);
	give(&held);
	fx_gate_await(&gate, 1);
	give(&w);
	fx_gate_open(&gate);
	stop();
	ferry__pool_forked(&pool);
	T_EQ(look().n.given, 0);
	T_EQ(look().workers, 0);
	start(1, 1, OS_NEVER);
	give(&w);
	await_all();
	T_EQ(atomic_load(&w.ran), 2);
	stop();
}

T_MAIN(
	T_RUN(nobody_before_there_is_work);
	T_RUN(one_for_each_that_is_held);
	T_RUN(some_stay);
	T_RUN(going_and_coming);
	T_RUN(the_last_goes_after_a_start);
	T_RUN(one_worker_keeps_the_order);
	T_RUN(a_ticket_is_awaited);
	T_RUN(withdrawn_jobs_never_begin);
	T_RUN(withdrawing_ends_a_wait);
	T_RUN(a_lost_job_is_told_and_replaced);
	T_RUN(cancel_has_a_worker_of_its_own);
	T_RUN(stop_has_a_deadline);
	T_RUN(start_and_stop);
	T_RUN(forked);
)
