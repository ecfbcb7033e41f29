/*
 * How strands are counted, how many there may be, whether any may start, and
 * who waits for all of them.
 */
#include "strand_states.h"

/* ----------------------------------------------------------- how they end */

enum { REPLIES_OK = 100, REPLIES_FAILED, REPLIES_CANCELED };

/* Returns the status, or replies first and returns another. */
static int
end_so(ferry_call call, void *arg)
{
	int how = (int)(intptr_t)arg;

	switch (how) {
	case REPLIES_OK:
		T_OK(ferry_call_reply(call, FERRY_OK, "x", 1));
		return FERRY_ECANCELED;
	case REPLIES_FAILED:
		T_OK(ferry_call_reply(call, 9, NULL, 0));
		return FERRY_OK;
	case REPLIES_CANCELED:
		T_OK(ferry_call_reply(call, FERRY_ECANCELED, NULL, 0));
		return FERRY_OK;
	default:
		return how;
	}
}

static int
end_so_later(ferry_call call, void *arg)
{
	T_OK(ferry_strand_yield());
	return end_so(call, arg);
}

/* By the answer that is given, whether it has waited or not. */
static void
by_their_answers(void)
{
	static const struct {
		int how;
		int completed, failed, cancelled;
	} ends[] = {
	    {FERRY_OK, 1, 0, 0},
	    {7, 0, 1, 0},
	    {FERRY_ENOMEM, 0, 1, 0},
	    {FERRY_ELOST, 0, 1, 0},
	    {FERRY_ECANCELED, 0, 0, 1},
	    {REPLIES_OK, 1, 0, 0},
	    {REPLIES_FAILED, 0, 1, 0},
	    {REPLIES_CANCELED, 0, 0, 1},
	};
	ferry_context context = st_open();
	uint64_t n[3] = {0};

	for (int later = 0; later < 2; later++)
		for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
			st_run(context, later ? end_so_later : end_so,
			    (void *)(intptr_t)ends[i].how);
			n[0] += (uint64_t)ends[i].completed;
			n[1] += (uint64_t)ends[i].failed;
			n[2] += (uint64_t)ends[i].cancelled;
			/* Whoever has the answer sees it counted. */
			st_counts(context, n[0], n[1], n[2], 0);
		}
	T_EQ(st_strands(context).peak, 1);
	T_EQ(st_strands(context).refused, 0);
	fx_close(context);
}

/* One that is abandoned in its first run. */
static int
stand_on(ferry_call call, void *arg)
{
	(void)call;
	fx_gate_pass(arg);
	return FERRY_OK;
}

static void
by_their_closer(void)
{
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = st_spawn(context, stand_on, &gate);

	fx_gate_await(&gate, 1);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
	T_EQ(st_strands(context).active, 1);
	fx_gate_open(&gate);
	T_WAIT_UNTIL(st_strands(context).active == 0, FX_LIMIT_MS);
	st_counts(context, 0, 0, 1, 0);
	T_OK(fx_close_mode(context, FERRY_CLOSE_DRAIN, 0, NULL));
}

/* -------------------------------------------------- as seen at any moment */

struct reader {
	ferry_context context;
	atomic_int stop;
};

static void *
read_on(void *arg)
{
	struct reader *r = arg;
	ferry_strands last = {0}, s;

	while (!atomic_load(&r->stop)) {
		s = st_strands(r->context); /* adds up */
		T_GE(s.spawned, last.spawned);
		T_GE(s.completed, last.completed);
		T_GE(s.failed, last.failed);
		T_GE(s.cancelled, last.cancelled);
		T_GE(s.peak, last.peak);
		T_GE(s.peak, s.active);
		T_LE(s.active, 16);
		last = s;
	}
	return NULL;
}

static void
they_add_up_at_any_moment(void)
{
	enum { N = 3000, AT_ONCE = 16 };
	ferry_context context = st_open();
	struct reader r = {.context = context};
	pthread_t reader = t_thread_start(read_on, &r);
	ferry_request request[AT_ONCE];

	for (int i = 0; i < N; i++) {
		if (i >= AT_ONCE)
			fx_wait(request[i % AT_ONCE]);
		request[i % AT_ONCE] = st_spawn(context,
		    i % 5 ? end_so_later : end_so, (void *)(intptr_t)(i % 3));
	}
	for (int i = 0; i < AT_ONCE; i++)
		fx_wait(request[i]);
	atomic_store(&r.stop, 1);
	t_thread_join(reader);
	st_counts(context, N / 3, N / 3 * 2, 0, 0);
	fx_close(context);
}

/* A caller who knows fewer fields gets those. */
static void
an_older_callers_struct(void)
{
	ferry_context context = st_open();
	union {
		ferry_strands s;
		unsigned char bytes[sizeof(ferry_strands)];
	} u;
	size_t known = offsetof(ferry_strands, refused);

	T_OK(st_run(context, end_so, NULL));
	memset(&u, 0xa5, sizeof u);
	u.s.struct_size = known;
	T_OK(ferry_strand_counters(&u.s, context));
	T_EQ(u.s.spawned, 1);
	for (size_t i = known; i < sizeof u; i++)
		T_EQ(u.bytes[i], 0xa5);
	fx_close(context);
}

/* ------------------------------------------------------------- how many */

static void
no_more_than_the_bound(void)
{
	enum { BOUND = 3 };
	ferry_context_options o = fx_context_options();
	struct st_waiter w[BOUND];
	ferry_request request[BOUND];
	ferry_context context;
	ferry_strands s;

	o.strands = BOUND;
	context = st_open_with(&o);
	for (int i = 0; i < BOUND; i++) {
		w[i] = (struct st_waiter)ST_WAITER(ST_POLLING);
		st_waiter_prepare(&w[i], context, 0);
		request[i] = st_spawn(context, st_waiter_run, &w[i]);
		st_waiter_await(&w[i]);
	}
	for (int i = 1; i <= 10; i++) {
		T_EQ(st_run(context, end_so, NULL), FERRY_EAGAIN);
		s = st_strands(context);
		T_EQ(s.refused, i);
		T_EQ(s.spawned, BOUND);
		T_EQ(s.active, BOUND);
	}
	/* Plain methods do not count; one that ends makes room. */
	st_turn(context);
	st_waiter_end(&w[0]);
	T_OK(fx_wait(request[0]));
	T_OK(st_run(context, end_so, NULL));
	for (int i = 1; i < BOUND; i++) {
		T_OK(ferry_request_cancel(request[i]));
		T_EQ(fx_wait(request[i]), FERRY_ECANCELED);
	}
	st_counts(context, 2, 0, BOUND - 1, 0);
	T_EQ(st_strands(context).peak, BOUND);
	for (int i = 0; i < BOUND; i++)
		st_waiter_clear(&w[i]);
	fx_close(context);
}

/* ---------------------------------------------------------- whether at all */

/* When their turn comes; those that have started go on. */
static void
no_admission(void)
{
	struct st_world *world = st_world_open(ST_POLLING, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context context = world->context;
	ferry_request held, queued;

	st_world_spawn(world, NULL);
	held = fx_hold(context, &gate);
	queued = st_spawn(context, end_so, NULL);
	T_OK(ferry_strand_admit(context, 0));
	T_OK(ferry_strand_admit(context, 0));
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	T_EQ(st_run(context, end_so, NULL), FERRY_ECLOSED);
	st_turn(context);
	T_EQ(st_strands(context).refused, 2);
	T_EQ(st_strands(context).active, 1);
	/* Of another context it is none of the business. */
	T_OK(st_run(world->other, end_so, NULL));
	T_OK(ferry_strand_admit(context, 1));
	T_OK(st_run(context, end_so, NULL));
	st_waiter_end(&world->w);
	T_OK(fx_wait(world->request));
	st_counts(context, 2, 0, 0, 0);
	st_waiter_clear(&world->w);
	st_world_close(world, 0);
}

static int
shut_the_door(ferry_call call, void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	struct fx_job job = {end_so, NULL};
	ferry_request request;
	ferry_reply reply;

	(void)call;
	T_OK(ferry_strand_admit(context, 0));
	T_OK(ferry_strand_invoke(&reply, &request, context, ST_STRAND, &job,
	    sizeof job, NULL, -1));
	T_EQ(reply.status, FERRY_ECLOSED);
	T_OK(ferry_strand_admit(context, 1));
	T_OK(ferry_strand_invoke(&reply, &request, context, ST_STRAND, &job,
	    sizeof job, NULL, -1));
	return reply.status;
}

/* A strand may, too. The next context of the slot begins with its door open. */
static void
admission_from_a_strand(void)
{
	for (int i = 0; i < 3; i++) {
		ferry_context context = st_open();

		T_OK(st_run(context, shut_the_door, &context));
		T_EQ(st_strands(context).refused, 1);
		T_OK(ferry_strand_admit(context, 0));
		fx_close(context);
		T_EQ(ferry_strand_admit(context, 1), FERRY_ESTALE);
	}
}

T_MAIN(
	T_RUN(by_their_answers);
	T_RUN(by_their_closer);
	T_RUN(they_add_up_at_any_moment);
	T_RUN(an_older_callers_struct);
	T_RUN(no_more_than_the_bound);
	T_RUN(no_admission);
	T_RUN(admission_from_a_strand);
)
