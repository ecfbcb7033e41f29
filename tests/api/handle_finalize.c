/*
 * Handles released by finalizers: on many threads, racing with handlers that
 * end the object themselves, with the close of its context in every mode, with
 * each other, and with an FFI thread that is lost meanwhile. The objects count:
 * each is destroyed exactly once.
 */
#include "things.h"

enum { MANY = 10000, SOME = 300, FINALIZERS = 3, CLOSERS = 2 };

static struct thing things[MANY];

/* ------------------------------------------- finalizers and explicit closes */

/* A handler that ends the object itself: whoever has released the handle, the
 * object is there until it returns. */
static int
end_run(ferry_call call, void *arg)
{
	struct thing *t = arg;
	void *object;
	int r = ferry_handle_object(&object, call, t->handle, &thing_type);

	if (r != FERRY_OK)
		return r;
	T_ASSERT(object == t);
	r = thing_release(t);
	for (int i = 0; i < 100; i++)
		T_EQ(atomic_load(&t->destroyed), 0);
	T_EQ(ferry_handle_object(&object, call, t->handle, &thing_type),
	    FERRY_ESTALE);
	return r;
}

struct party {
	pthread_t thread;
	pthread_barrier_t *start;
	ferry_context context; /* 0: a finalizer */
	unsigned first, step;  /* its way through the things */
	unsigned won;
};

static int
end_by_request(ferry_context context, struct thing *t)
{
	struct fx_job job = {end_run, t};
	ferry_reply reply;
	ferry_request request;
	int r = ferry_request_invoke(&reply, &request, context, FX_DO, &job,
	    sizeof job, NULL, -1);

	if (r != FERRY_OK) {
		/* It races with a close. */
		T_ASSERT(r == FERRY_ECLOSED || r == FERRY_ESTALE);
		return r;
	}
	T_ASSERT(reply.status == FERRY_OK || reply.status == FERRY_ESTALE ||
	    reply.status == FERRY_ECLOSED);
	return reply.status;
}

static void *
end_all(void *arg)
{
	struct party *p = arg;

	pthread_barrier_wait(p->start);
	for (unsigned i = 0; i < SOME; i++) {
		struct thing *t = &things[(p->first + i * p->step) % SOME];

		p->won += (p->context == 0
		    ? thing_release(t)
		    : end_by_request(p->context, t)) == FERRY_OK;
	}
	return NULL;
}

/* Ways through 300 things that meet: forwards, backwards, in strides. */
static void
start_parties(struct party *parties, pthread_barrier_t *start,
    ferry_context context)
{
	static const unsigned steps[] = {1, SOME - 1, 7, 1, SOME - 1};

	for (unsigned i = 0; i < FINALIZERS + CLOSERS; i++) {
		parties[i] = (struct party){.start = start,
		    .context = i < FINALIZERS ? 0 : context,
		    .first = i * 50, .step = steps[i]};
		parties[i].thread = t_thread_start(end_all, &parties[i]);
	}
}

static unsigned
join_parties(struct party *parties)
{
	unsigned won = 0;

	for (unsigned i = 0; i < FINALIZERS + CLOSERS; i++) {
		t_thread_join(parties[i].thread);
		won += parties[i].won;
	}
	return won;
}

static void
finalizers_and_explicit_closes(void)
{
	ferry_context context = fx_open();
	struct party parties[FINALIZERS + CLOSERS];
	pthread_barrier_t start;

	memset(things, 0, sizeof things);
	pthread_barrier_init(&start, NULL, FINALIZERS + CLOSERS);
	for (int round = 0; round < 30; round++) {
		things_open(context, things, SOME);
		start_parties(parties, &start, context);
		T_EQ(join_parties(parties), SOME);
		things_await(things, SOME);
		things_audit(things, SOME);
	}
	pthread_barrier_destroy(&start);
	T_WAIT_UNTIL(fx_counters(context).handles_open == 0, FX_LIMIT_MS);
	fx_close(context);
	things_audit(things, SOME);
}

/* ------------------------------------------------------ and a context's end */

static void
close_in(ferry_context context, uint32_t mode)
{
	int r;

	while ((r = fx_close_mode(context, mode, 0, NULL)) != FERRY_OK)
		T_EQ(r, FERRY_EBUSY);
}

/* A worker of its own, or one that lives on. */
static void
races_a_close(uint32_t mode, const char *key)
{
	struct party parties[FINALIZERS + CLOSERS];
	ferry_context_options o = fx_context_options();
	ferry_context context, sibling = 0;
	struct fx_life life = {0};
	pthread_barrier_t start;

	memset(things, 0, sizeof things);
	o.worker_key = key;
	o.init_arg = &life;
	if (key != NULL)
		sibling = fx_open_with(&o);
	context = fx_open_with(&o);
	pthread_barrier_init(&start, NULL, FINALIZERS + CLOSERS + 1);
	things_open(context, things, SOME);
	start_parties(parties, &start, context);
	pthread_barrier_wait(&start);
	close_in(context, mode);
	/* Not when everybody has heard of it: now. */
	T_EQ(things_destroyed(things, SOME), SOME);
	join_parties(parties);
	pthread_barrier_destroy(&start);
	things_audit(things, SOME);
	T_EQ(atomic_load(&life.finis), 1);
	if (sibling != 0)
		fx_close(sibling);
	things_audit(things, SOME);
}

static void
closes_in_every_mode(void)
{
	static const uint32_t modes[] = {FERRY_CLOSE_DRAIN,
	    FERRY_CLOSE_CANCEL, FERRY_CLOSE_ABANDON};

	for (int round = 0; round < 20; round++)
		for (int m = 0; m < 3; m++)
			races_a_close(modes[m],
			    round % 2 == 0 ? NULL : "finalize");
}

/* Abandoned, its FFI thread stuck: released meanwhile, destroyed later. */
static void
released_while_abandoned(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held;

	memset(things, 0, sizeof things);
	things_open(context, things, SOME);
	held = fx_hold(context, &gate);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
	for (int i = 0; i < SOME; i += 2)
		T_OK(thing_release(&things[i]));
	T_EQ(things_destroyed(things, SOME), 0);
	fx_gate_open(&gate);
	close_in(context, FERRY_CLOSE_DRAIN);
	things_audit(things, SOME);
}

/* --------------------------------------------------- many queued at a close */

static int
release_all_run(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	for (int i = 0; i < MANY; i++)
		T_OK(thing_release(&things[i]));
	return FERRY_OK;
}

static void *
close_thread(void *arg)
{
	close_in(*(ferry_context *)arg, FERRY_CLOSE_DRAIN);
	return NULL;
}

static int
is_closing(ferry_context context)
{
	ferry_request request;
	int r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);

	if (r == FERRY_OK)
		T_OK(ferry_request_release(request));
	else
		T_EQ(r, FERRY_ECLOSED);
	return r == FERRY_ECLOSED;
}

/*
 * The last handler of a closing context releases everything: what its FFI
 * thread does next is to let the context go. There is one shard, so that the
 * list with that handler in it is the last.
 */
static void
many_queued_when_it_lets_go(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held, last;
	ferry_context context;
	pthread_t closer;

	memset(things, 0, sizeof things);
	o.init_arg = &life;
	o.shards = 1;
	context = fx_open_with(&o);
	things_open(context, things, MANY);
	held = fx_hold(context, &gate);
	last = fx_do(context, release_all_run, NULL);
	closer = t_thread_start(close_thread, &context);
	T_WAIT_UNTIL(is_closing(context), FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(last), FERRY_OK);
	t_thread_join(closer);
	T_EQ(atomic_load(&life.finis), 1);
	things_audit(things, MANY);
}

static void
many_queued_before_a_close(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context context;
	ferry_request held;
	pthread_t closer;

	memset(things, 0, sizeof things);
	o.init_arg = &life;
	context = fx_open_with(&o);
	things_open(context, things, MANY);
	held = fx_hold(context, &gate);
	T_OK(release_all_run(0, NULL));
	T_EQ(things_destroyed(things, MANY), 0);
	T_EQ(fx_counters(context).handles_open, MANY);
	closer = t_thread_start(close_thread, &context);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	t_thread_join(closer);
	T_EQ(atomic_load(&life.finis), 1);
	things_audit(things, MANY);
}

/* ------------------------------------------------------ what a destroy does */

/* Each releases the one that was opened before it: at a close, which begins
 * with the newest, the one whose turn it is. */
static void
chained(void)
{
	for (int with_close = 0; with_close < 2; with_close++) {
		ferry_context context = fx_open();

		memset(things, 0, sizeof things);
		for (int i = 1; i < MANY; i++)
			things[i].next = &things[i - 1];
		things_open(context, things, MANY);
		if (!with_close) {
			T_OK(thing_release(&things[MANY - 1]));
			things_await(things, MANY);
		}
		fx_close(context);
		things_audit(things, MANY);
	}
}

/* Some end their thread: its successor goes on with what was queued. */
static void
lost_meanwhile(void)
{
	for (int with_close = 0; with_close < 2; with_close++) {
		ferry_context context = fx_open();
		struct fx_gate gate = FX_GATE_SHUT;
		ferry_request held;

		memset(things, 0, sizeof things);
		for (int i = 0; i < MANY; i += 500)
			things[i].ends_thread = 1;
		things_open(context, things, MANY);
		held = fx_hold(context, &gate);
		/* At the close half of them are queued, half are not. */
		for (int i = 0; i < MANY; i += 1 + with_close)
			T_OK(thing_release(&things[i]));
		fx_gate_open(&gate);
		T_EQ(fx_wait(held), FERRY_OK);
		if (!with_close) {
			things_await(things, MANY);
			T_WAIT_UNTIL(fx_counters(context).threads_lost ==
			        MANY / 500, FX_LIMIT_MS);
			T_EQ(fx_counters(context).handles_open, 0);
		}
		fx_close(context);
		things_audit(things, MANY);
	}
}

T_MAIN(
	T_RUN(finalizers_and_explicit_closes);
	T_RUN(closes_in_every_mode);
	T_RUN(released_while_abandoned);
	T_RUN(many_queued_when_it_lets_go);
	T_RUN(many_queued_before_a_close);
	T_RUN(chained);
	T_RUN(lost_meanwhile);
)
