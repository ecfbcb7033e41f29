/*
 * ferry_strand_wait_all(): for those that had been spawned, and until they have
 * been counted.
 */
#include <sched.h>
#include <sys/wait.h>

#include "strand_states.h"

struct awaiter {
	ferry_context context;
	int64_t timeout_ms;
	atomic_uint tid;
	int r;
	ferry_strands after; /* what it saw when it returned */
	atomic_int done;
};

static void *
wait_thread(void *arg)
{
	struct awaiter *a = arg;

	atomic_store(&a->tid, fx_tid());
	a->r = ferry_strand_wait_all(a->context, a->timeout_ms);
	if (a->r == FERRY_OK) {
		a->after.struct_size = sizeof a->after;
		ferry_strand_counters(&a->after, a->context);
	}
	atomic_store(&a->done, 1);
	return NULL;
}

static pthread_t
start_waiting(struct awaiter *a, ferry_context context)
{
	pthread_t thread;

	*a = (struct awaiter){.context = context, .timeout_ms = -1};
	thread = t_thread_start(wait_thread, a);
	T_WAIT_UNTIL(atomic_load(&a->tid) != 0, FX_LIMIT_MS);
	fx_await_sleeping(atomic_load(&a->tid));
	return thread;
}

static int
nothing(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return FERRY_OK;
}

static void
with_none_it_returns(void)
{
	ferry_context context = st_open();

	T_OK(ferry_strand_wait_all(context, -1));
	T_OK(ferry_strand_wait_all(context, 0));
	T_OK(st_run(context, nothing, NULL));
	T_OK(ferry_strand_wait_all(context, -1));
	T_OK(ferry_strand_wait_all(context, 0));
	fx_close(context);
}

static void
until_its_time_is_up(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);
	uint64_t began;

	st_world_spawn(world, NULL);
	began = t_now_ns();
	T_EQ(ferry_strand_wait_all(world->context, 0), FERRY_ETIMEDOUT);
	T_EQ(ferry_strand_wait_all(world->context, 20), FERRY_ETIMEDOUT);
	T_GE(t_now_ns() - began, 20000000);
	T_EQ(atomic_load(&world->w.over), 0);
	T_OK(ferry_request_cancel(world->request));
	T_OK(ferry_strand_wait_all(world->context, -1));
	T_EQ(st_strands(world->context).cancelled, 1);
	T_EQ(fx_wait(world->request), FERRY_ECANCELED);
	st_world_close(world, 0);
}

/* Those that come later are not waited for; and not their ends either. */
static void
for_those_that_there_were(void)
{
	enum { N = 4 };
	ferry_context context = st_open();
	struct st_waiter w[N];
	ferry_request request[N];
	struct awaiter a[N];
	pthread_t thread[N];

	for (int i = 0; i < N; i++) {
		w[i] = (struct st_waiter)ST_WAITER(ST_POLLING);
		st_waiter_prepare(&w[i], context, 0);
		request[i] = st_spawn(context, st_waiter_run, &w[i]);
		st_waiter_await(&w[i]);
		/* The ith waits for i + 1 strands. */
		thread[i] = start_waiting(&a[i], context);
	}
	/* In the wrong order: all wait for the first. */
	st_waiter_end(&w[2]);
	T_OK(fx_wait(request[2]));
	st_waiter_end(&w[1]);
	T_OK(fx_wait(request[1]));
	t_sleep_ms(FX_QUIET_MS);
	for (int i = 0; i < N; i++)
		T_EQ(atomic_load(&a[i].done), 0);
	st_waiter_end(&w[0]);
	T_OK(fx_wait(request[0]));
	for (int i = 0; i < N - 1; i++) {
		t_thread_join(thread[i]);
		T_OK(a[i].r);
		T_EQ(a[i].after.completed, 3);
		T_EQ(a[i].after.active, 1);
	}
	T_EQ(atomic_load(&a[N - 1].done), 0);
	st_waiter_end(&w[N - 1]);
	t_thread_join(thread[N - 1]);
	T_OK(a[N - 1].r);
	T_OK(fx_wait(request[N - 1]));
	for (int i = 0; i < N; i++)
		st_waiter_clear(&w[i]);
	fx_close(context);
}

/* What it waited for has been counted: many times, to meet the moment. */
struct one {
	atomic_int go;
};

static int
until_told(ferry_call call, void *arg)
{
	struct one *o = arg;

	(void)call;
	while (!atomic_load(&o->go))
		T_OK(ferry_strand_yield());
	return FERRY_OK;
}

static void
until_they_are_counted(void)
{
	enum { N = 500, WAITERS = 3 };
	ferry_context context = st_open();

	for (uint64_t i = 1; i <= N; i++) {
		struct one o = {0};
		struct awaiter a[WAITERS];
		pthread_t thread[WAITERS];
		ferry_request request = st_spawn(context, until_told, &o);

		st_await_active(context, 1);
		for (int k = 0; k < WAITERS; k++) {
			a[k] = (struct awaiter){.context = context,
			    .timeout_ms = -1};
			thread[k] = t_thread_start(wait_thread, &a[k]);
		}
		if (i % 2)
			while (atomic_load(&a[0].tid) == 0)
				sched_yield();
		atomic_store(&o.go, 1);
		for (int k = 0; k < WAITERS; k++) {
			t_thread_join(thread[k]);
			T_OK(a[k].r);
			T_EQ(a[k].after.completed, i);
			T_EQ(a[k].after.active, 0);
		}
		T_OK(fx_wait(request));
	}
	fx_close(context);
}

/* One that keeps spawning others is not waited for for ever. */
static int
spawn_the_next(ferry_call call, void *arg)
{
	struct st_waiter *w = arg;
	struct fx_job job = {spawn_the_next, w};
	ferry_request_options o = fx_request_options();
	ferry_request request;

	(void)call;
	if (atomic_load(&w->go))
		return FERRY_OK;
	T_OK(ferry_request_submit(
	    &request, w->own, ST_STRAND, &job, sizeof job, &o));
	T_OK(ferry_request_release(request));
	return ferry_strand_sleep(1);
}

static void
while_new_ones_come(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);

	T_OK(ferry_request_release(
	    st_spawn(world->context, spawn_the_next, &world->w)));
	for (uint64_t i = 1; i <= 20; i++) {
		T_WAIT_UNTIL(
		    st_strands(world->context).spawned >= i, FX_LIMIT_MS);
		T_OK(ferry_strand_wait_all(
		    world->context, (int64_t)FX_LIMIT_MS * t_slow()));
	}
	/* Without admission none is left. */
	T_OK(ferry_strand_admit(world->context, 0));
	st_turn(world->context);
	T_OK(ferry_strand_wait_all(world->context, -1));
	T_EQ(st_strands(world->context).active, 0);
	atomic_store(&world->w.go, 1);
	st_world_close(world, 0);
}

/* Closed meanwhile, and opened anew in the same slot. */
static void
while_its_context_closes(void)
{
	for (int i = 0; i < 20; i++) {
		struct st_world *world = st_world_open(ST_SLEEPING, NULL);
		struct awaiter a[2];
		pthread_t thread[2];

		st_world_spawn(world, NULL);
		for (int k = 0; k < 2; k++)
			thread[k] = start_waiting(&a[k], world->context);
		T_OK(fx_close_mode(
		    world->context, FERRY_CLOSE_CANCEL, 0, NULL));
		world->context = st_open();
		for (int k = 0; k < 2; k++) {
			t_thread_join(thread[k]);
			T_OK(a[k].r);
		}
		T_EQ(fx_wait(world->request), FERRY_ECANCELED);
		st_world_close(world, 0);
	}
}

/* Its strands lost: that is an end as well. */
static void
while_its_thread_is_lost(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);
	struct awaiter a;
	pthread_t thread;

	st_world_spawn(world, NULL);
	thread = start_waiting(&a, world->context);
	T_EQ(fx_wait(fx_submit(world->context, FX_EXIT, NULL, 0, NULL)),
	    FERRY_ELOST);
	t_thread_join(thread);
	T_OK(a.r);
	T_EQ(a.after.lost, 1);
	T_EQ(fx_wait(world->request), FERRY_ELOST);
	st_world_close(world, 0);
}

static void
on_signal(int number)
{
	(void)number;
}

static void
a_signal_ends_the_wait(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);
	struct sigaction sa = {.sa_handler = on_signal};
	struct awaiter a;
	pthread_t thread;

	T_OK(sigaction(SIGUSR1, &sa, NULL));
	st_world_spawn(world, NULL);
	thread = start_waiting(&a, world->context);
	/* One that comes just before the sleep does not end it. */
	while (!atomic_load(&a.done)) {
		pthread_kill(thread, SIGUSR1);
		t_sleep_ms(1);
	}
	t_thread_join(thread);
	T_EQ(a.r, FERRY_EINTR);
	T_OK(ferry_request_cancel(world->request));
	T_OK(ferry_strand_wait_all(world->context, -1));
	T_EQ(fx_wait(world->request), FERRY_ECANCELED);
	st_world_close(world, 0);
}

/* ------------------------------------------------------------ who may not */

struct refusal {
	ferry_context context;
	atomic_int r;
};

static void
ask(struct refusal *f)
{
	atomic_store(&f->r, ferry_strand_wait_all(f->context, -1));
}

static int
ask_in_handler(ferry_call call, void *arg)
{
	(void)call;
	ask(arg);
	return FERRY_OK;
}

static void
ask_in_hook(ferry_call call, void *user)
{
	(void)call;
	ask(user);
}

static void
ask_in_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	ask(user);
}

static void
ask_in_listener(ferry_context context, uint32_t event, const void *data,
    size_t size, uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	ask(user);
}

static void
asked(struct refusal *f, int r)
{
	T_WAIT_UNTIL(atomic_load(&f->r) != 0, FX_LIMIT_MS);
	T_EQ(atomic_load(&f->r), r);
	atomic_store(&f->r, 0);
}

static int
wait_with_hook(ferry_call call, void *arg)
{
	T_OK(ferry_call_on_cancel(call, ask_in_hook, arg));
	return ferry_strand_sleep(-1);
}

static void
not_where_it_could_be_waited_for(void)
{
	ferry_context context = st_open();
	struct refusal f = {.context = context};
	ferry_request_options o = fx_request_options();
	ferry_listener_options lo = {.struct_size = sizeof lo,
	    .event = FERRY_EVENT_ANY, .listener = ask_in_listener,
	    .user = &f};
	ferry_listener listener;
	ferry_request request = st_spawn(context, wait_with_hook, &f);

	st_await_active(context, 1);
	T_OK(st_run(context, ask_in_handler, &f));
	asked(&f, FERRY_EDEADLK);
	T_OK(fx_do_wait(context, ask_in_handler, &f));
	asked(&f, FERRY_EDEADLK);
	o.callback = ask_in_reply;
	o.user = &f;
	fx_submit(context, FX_NOP, NULL, 0, &o);
	asked(&f, FERRY_EDEADLK);
	T_OK(ferry_listener_add(&listener, context, &lo));
	T_OK(ferry_context_emit(context, FX_TICK, NULL, 0));
	asked(&f, FERRY_EREENTRANT);
	T_OK(ferry_request_cancel(request));
	asked(&f, FERRY_EREENTRANT);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

T_MAIN(
	T_RUN(with_none_it_returns);
	T_RUN(until_its_time_is_up);
	T_RUN(for_those_that_there_were);
	T_RUN(until_they_are_counted);
	T_RUN(while_new_ones_come);
	T_RUN(while_its_context_closes);
	T_RUN(while_its_thread_is_lost);
	T_RUN(a_signal_ends_the_wait);
	T_RUN(not_where_it_could_be_waited_for);
)
