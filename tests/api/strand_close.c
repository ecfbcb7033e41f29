/*
 * Contexts that close while their strands wait, in every mode and state.
 */
#include "strand_states.h"

enum { FOREVER = 0 };

struct closer {
	ferry_context context;
	uint32_t mode;
	ferry_close_report report;
	int r;
	atomic_int done;
};

static void *
close_thread(void *arg)
{
	struct closer *c = arg;

	c->r = fx_close_mode(c->context, c->mode, FOREVER, &c->report);
	atomic_store(&c->done, 1);
	return NULL;
}

static int
refuses(ferry_context context)
{
	ferry_request request;
	int r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);

	if (r == FERRY_OK)
		ferry_request_release(request);
	return r == FERRY_ECLOSED || r == FERRY_ESTALE;
}

static pthread_t
start_closing(struct closer *c, ferry_context context, uint32_t mode)
{
	pthread_t thread;

	c->context = context;
	c->mode = mode;
	thread = t_thread_start(close_thread, c);
	T_WAIT_UNTIL(refuses(context), FX_LIMIT_MS);
	return thread;
}

/* Until the context has been let go; an abandoned close does not wait long. */
static void
close_to_the_end(ferry_context context)
{
	int r;

	T_WAIT_UNTIL((r = fx_close_mode(context, FERRY_CLOSE_DRAIN, 1000,
	    NULL)) != FERRY_EBUSY, FX_LIMIT_MS);
	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
}

/* ------------------------------------------------------------------- drain */

/* It waits for strands, however long they wait. */
static void
drain_waits_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);
		struct closer c = {0};
		pthread_t thread;

		st_world_spawn(world, NULL);
		thread = start_closing(&c, world->context, FERRY_CLOSE_DRAIN);
		t_sleep_ms(FX_QUIET_MS);
		T_EQ(atomic_load(&c.done), 0);
		T_EQ(atomic_load(&world->w.over), 0);
		if (state == ST_SLEEPING)
			T_OK(ferry_request_cancel(world->request));
		else
			st_waiter_end(&world->w);
		t_thread_join(thread);
		T_OK(c.r);
		T_EQ(fx_wait(world->request),
		    state == ST_SLEEPING ? FERRY_ECANCELED : FERRY_OK);
		T_EQ(c.report.abandoned, 0);
		if (state == ST_POLLING)
			st_waiter_clear(&world->w);
		st_world_close(world, 1);
	}
}

static int
invoke_in_close(ferry_call call, void *arg)
{
	struct st_waiter *w = arg;
	ferry_request request;
	ferry_reply reply;

	(void)call;
	T_OK(ferry_strand_poll(NULL, w->fds[0], POLLIN, -1));
	return ferry_strand_invoke(
	    &reply, &request, w->own, FX_NOP, NULL, 0, NULL, -1);
}

/* What a draining context's strands submit to it is refused like others'. */
static void
drain_takes_nothing_new(void)
{
	struct st_world *world = st_world_open(ST_POLLING, NULL);
	struct closer c = {0};
	pthread_t thread;

	world->request =
	    st_spawn(world->context, invoke_in_close, &world->w);
	st_turn(world->context);
	thread = start_closing(&c, world->context, FERRY_CLOSE_DRAIN);
	st_waiter_end(&world->w);
	t_thread_join(thread);
	T_OK(c.r);
	T_EQ(fx_wait(world->request), FERRY_ECLOSED);
	st_waiter_clear(&world->w);
	st_world_close(world, 1);
}

/* ------------------------------------------------------------------ cancel */

static void
cancel_wakes_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);
		struct closer c = {0};
		pthread_t thread;

		world->w.cleans = 1;
		world->w.status = FERRY_ECANCELED;
		st_world_spawn(world, NULL);
		thread = start_closing(&c, world->context, FERRY_CLOSE_CANCEL);
		if (state == ST_OFFLOADED) {
			/* A close refuses before it cancels. */
			st_waiter_await_cancel(&world->w);
			fx_gate_open(&world->w.gate);
		}
		T_WAIT_UNTIL(atomic_load(&world->w.over), FX_LIMIT_MS);
		T_EQ(atomic_load(&world->w.result), FERRY_ECANCELED);
		st_waiter_clear(&world->w);
		t_thread_join(thread);
		T_OK(c.r);
		T_EQ(c.report.abandoned, 0);
		T_EQ(fx_wait(world->request), FERRY_ECANCELED);
		st_world_close(world, 1);
	}
}

/* What is still queued never becomes a strand. */
static void
cancel_spawns_nothing(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct closer c = {0};
	ferry_request held = fx_hold(world->context, &gate);
	pthread_t thread;

	world->request = st_spawn(world->context, st_waiter_run, &world->w);
	thread = start_closing(&c, world->context, FERRY_CLOSE_CANCEL);
	fx_gate_open(&gate);
	t_thread_join(thread);
	T_OK(c.r);
	T_OK(fx_wait(held));
	T_EQ(fx_wait(world->request), FERRY_ECLOSED);
	T_EQ(atomic_load(&world->w.in), 0);
	st_world_close(world, 1);
}

/* ----------------------------------------------------------------- abandon */

/* Who is not asleep may come first. */
static void
answered_by_closer(struct st_world *world, const ferry_close_report *report)
{
	int status = fx_wait(world->request);
	int awaits = world->w.state == ST_AWAITING_OWN;

	if (world->w.state == ST_READY && status == FERRY_ECANCELED)
		return;
	/* What it awaits is answered as well, and maybe before it. */
	if (awaits && status != FERRY_ECLOSED) {
		T_EQ(status, atomic_load(&world->w.result));
		return;
	}
	T_EQ(status, FERRY_ECLOSED);
	T_EQ(report->abandoned, awaits ? 2 : 1);
}

/* The caller has its answer at once, the strand is told to end. */
static void
abandon_wakes_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);
		ferry_close_report report;
		int r;

		st_world_spawn(world, NULL);
		r = fx_close_mode(
		    world->context, FERRY_CLOSE_ABANDON, 0, &report);
		T_ASSERT(r == FERRY_OK || r == FERRY_EBUSY);
		answered_by_closer(world, &report);
		if (state == ST_OFFLOADED) {
			T_EQ(r, FERRY_EBUSY);
			T_EQ(report.running, 1);
			T_EQ(report.request, 0); /* it holds nobody */
			T_EQ(atomic_load(&world->w.over), 0);
			fx_gate_open(&world->w.gate);
		}
		T_WAIT_UNTIL(atomic_load(&world->w.over), FX_LIMIT_MS);
		/* Its own context has answered it before. */
		if (state == ST_AWAITING_OWN)
			T_EQ(ferry_call_reply(world->w.later.call, 7, NULL, 0),
			    FERRY_ESTALE);
		else
			st_waiter_clear(&world->w);
		close_to_the_end(world->context);
		T_ASSERT(atomic_load(&world->w.result) == FERRY_ECANCELED ||
		    state == ST_AWAITING_OWN);
		st_world_close(world, 1);
	}
}

/* One that does not heed it: everybody is answered, the context is busy until
 * it ends, and it is counted with those who were cancelled whatever it says. */
static void
close_past_one_that_goes_on(uint32_t mode, int status)
{
	struct st_world *world = st_world_open(ST_POLLING, NULL);
	ferry_close_report report;
	ferry_strands s;

	world->w.shielded = 1;
	world->w.cleans = 1;
	world->w.status = status;
	st_world_spawn(world, NULL);
	for (int i = 0; i < 2; i++) {
		T_EQ(fx_close_mode(world->context, mode, 20, &report),
		    FERRY_EBUSY);
		T_EQ(report.running, 1);
		T_EQ(report.abandoned, 1);
		T_EQ(report.callback_not_run, 0);
		T_EQ(report.request, 0);
		T_EQ(atomic_load(&world->w.over), 0);
		s = st_strands(world->context);
		T_EQ(s.active, 1);
	}
	T_EQ(fx_wait(world->request), FERRY_ECLOSED);
	st_waiter_end(&world->w);
	T_WAIT_UNTIL(st_strands(world->context).active == 0, FX_LIMIT_MS);
	T_EQ(atomic_load(&world->w.result), FERRY_OK);
	st_counts(world->context, 0, 0, 1, 0);
	T_OK(fx_close_mode(world->context, FERRY_CLOSE_DRAIN, FOREVER,
	    &report));
	T_EQ(report.running, 0);
	st_waiter_clear(&world->w);
	st_world_close(world, 1);
}

static void
busy_with_one_that_goes_on(void)
{
	for (uint32_t mode = FERRY_CLOSE_DRAIN; mode <= FERRY_CLOSE_ABANDON;
	     mode++)
		for (int status = 0; status < 2; status++)
			close_past_one_that_goes_on(mode, status);
}

/* By callback: told, or counted as not told. */
static void
abandon_with_a_callback(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);
		struct fx_slot slot = {0};
		ferry_request_options o = fx_to_slot(&slot);
		ferry_close_report report;
		int r;

		if (state == ST_AWAITING_OWN) {
			st_waiter_clear(&world->w);
			st_world_close(world, 0);
			continue;
		}
		st_world_spawn(world, &o);
		r = fx_close_mode(
		    world->context, FERRY_CLOSE_ABANDON, 0, &report);
		T_ASSERT(r == FERRY_OK || r == FERRY_EBUSY);
		if (state == ST_OFFLOADED)
			fx_gate_open(&world->w.gate);
		T_WAIT_UNTIL(atomic_load(&world->w.over), FX_LIMIT_MS);
		st_waiter_clear(&world->w);
		close_to_the_end(world->context);
		T_EQ(atomic_load(&slot.calls) +
		    (int)report.callback_not_run, 1);
		st_world_close(world, 1);
	}
}

/* Closed by several, while strands of all states end by themselves. */
static void
closes_race_ends(void)
{
	for (int round = 0; round < 60; round++) {
		struct st_world *world = st_world_open(
		    (enum st_state)(round % ST_N_STATES), NULL);
		struct closer c = {0};
		pthread_t thread;
		int status;

		st_world_spawn(world, NULL);
		thread = start_closing(&c, world->context,
		    round % 2 ? FERRY_CLOSE_CANCEL : FERRY_CLOSE_ABANDON);
		if (world->w.state == ST_AWAITING_OWN)
			ferry_call_reply(world->w.later.call, 7, NULL, 0);
		else
			st_waiter_end(&world->w);
		t_thread_join(thread);
		status = fx_wait(world->request);
		T_ASSERT(status == FERRY_OK || status == FERRY_ECLOSED ||
		    status == FERRY_ECANCELED);
		close_to_the_end(world->context);
		T_EQ(atomic_load(&world->w.over), 1);
		/* That function still uses the waiter. */
		if (world->w.state == ST_LEAVABLE &&
		    atomic_load(&world->w.result) == FERRY_ECANCELED)
			T_WAIT_UNTIL(atomic_load(&world->w.abandoned) == 1,
			    FX_LIMIT_MS);
		if (world->w.state == ST_POLLING)
			st_waiter_clear(&world->w);
		st_world_close(world, 1);
	}
}

T_MAIN(
	T_RUN(drain_waits_in_every_state);
	T_RUN(drain_takes_nothing_new);
	T_RUN(cancel_wakes_in_every_state);
	T_RUN(cancel_spawns_nothing);
	T_RUN(abandon_wakes_in_every_state);
	T_RUN(busy_with_one_that_goes_on);
	T_RUN(abandon_with_a_callback);
	T_RUN(closes_race_ends);
)
