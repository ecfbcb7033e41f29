/*
 * A cancel reaches its strand wherever that waits: in every state, shielded or
 * not, before it starts and as it wakes. Deadlines are in strand_deadline.c.
 */
#include "strand_states.h"

#define MS UINT64_C(1000000)

/* A function that cannot be left is waited for. */
static void
let_return(struct st_world *world)
{
	if (world->w.state == ST_OFFLOADED) {
		st_turn(world->context);
		T_EQ(atomic_load(&world->w.over), 0);
		fx_gate_open(&world->w.gate);
	}
}

/* ------------------------------------------------------------------ cancel */

static void
cancelled_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);

		st_world_spawn(world, NULL);
		T_OK(ferry_request_cancel(world->request));
		T_ASSERT(ferry_request_cancel(world->request) != FERRY_OK);
		let_return(world);
		st_world_cancelled(world);
		st_waiter_clear(&world->w);
		st_world_close(world, 0);
	}
}

static int
wait_and_cancel_itself(ferry_call call, void *arg)
{
	struct st_waiter *w = arg;
	ferry_call_info info = {.struct_size = sizeof info};

	T_OK(ferry_call_describe(&info, call));
	T_OK(ferry_strand_yield());
	T_OK(ferry_request_cancel(info.request));
	T_EQ(ferry_request_cancel(info.request), FERRY_EALREADY);
	return st_waiter_run(call, w);
}

/* By itself: then it does not even begin to wait, and no function begins. */
static void
cancelled_before_it_waits(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);

		world->request = st_spawn(
		    world->context, wait_and_cancel_itself, &world->w);
		st_world_cancelled(world);
		T_EQ(fx_gate_inside(&world->w.gate), 0);
		st_waiter_clear(&world->w);
		st_world_close(world, 0);
	}
}

/* While it has not waited yet: the first wait says so. */
static int
stand_and_wait(ferry_call call, void *arg)
{
	struct st_waiter *w = arg;
	int r;

	T_OK(ferry_call_check(call));
	fx_gate_pass(&w->gate);
	T_EQ(ferry_call_check(call), FERRY_ECANCELED);
	r = ferry_strand_sleep(-1);
	T_EQ(ferry_strand_checkpoint(), FERRY_ECANCELED);
	T_EQ(ferry_strand_yield(), FERRY_ECANCELED);
	return r;
}

static void
cancelled_in_its_first_run(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	for (int i = 0; i < 20; i++) {
		ferry_request request;

		fx_gate_shut(&world->w.gate);
		memset(&slot, 0, sizeof slot);
		request = st_spawn_with(world->context, stand_and_wait,
		    &world->w, i % 2 ? &o : NULL);
		fx_gate_await(&world->w.gate, 1);
		T_OK(ferry_request_cancel(request));
		fx_gate_open(&world->w.gate);
		if (i % 2 == 0) {
			T_EQ(fx_wait(request), FERRY_ECANCELED);
			continue;
		}
		fx_slot_await(&slot);
		T_EQ(slot.status, FERRY_ECANCELED);
	}
	st_counts(world->context, 0, 0, 20, 0);
	st_world_close(world, 0);
}

/* Before it starts it is no strand: none is spawned. */
static void
cancelled_before_it_starts(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(world->context, &gate);

	world->request = st_spawn(world->context, st_waiter_run, &world->w);
	T_OK(ferry_request_cancel(world->request));
	T_EQ(fx_wait(world->request), FERRY_ECANCELED);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_EQ(atomic_load(&world->w.in), 0);
	T_EQ(st_strands(world->context).spawned, 0);
	st_world_close(world, 0);
}

/* ---------------------------------------------------------------- shielded */

/* The wait ends when it ends; whoever looks afterwards hears of the cancel. */
static void
shielded_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);

		if (state == ST_SLEEPING) {
			/* Nothing else ends it. */
			st_world_close(world, 0);
			continue;
		}
		world->w.shielded = 1;
		st_world_spawn(world, NULL);
		T_OK(ferry_request_cancel(world->request));
		st_turn(world->context);
		t_sleep_ms(FX_QUIET_MS);
		T_EQ(atomic_load(&world->w.over), 0);
		st_waiter_end(&world->w);
		T_OK(fx_wait(world->request));
		T_OK(atomic_load(&world->w.result));
		T_EQ(atomic_load(&world->w.abandoned), 0);
		st_counts(world->context, 1, 0, 0, 0);
		if (state == ST_POLLING)
			st_waiter_clear(&world->w);
		st_world_close(world, 0);
	}
}

static int
sleep_shielded(ferry_call call, void *arg)
{
	struct fx_gate *gate = arg;
	uint64_t began;

	(void)call;
	T_OK(ferry_strand_shield(1));
	T_OK(ferry_strand_shield(1));
	fx_gate_pass(gate);
	began = ferry_clock_ns();
	T_OK(ferry_strand_sleep(30));
	T_GE(ferry_clock_ns() - began, 30 * MS);
	T_OK(ferry_strand_shield(0));
	/* They nest. */
	T_OK(ferry_strand_sleep(1));
	T_OK(ferry_strand_yield());
	T_OK(ferry_strand_checkpoint());
	T_OK(ferry_strand_shield(0));
	T_EQ(ferry_strand_checkpoint(), FERRY_ECANCELED);
	T_EQ(ferry_strand_sleep(-1), FERRY_ECANCELED);
	T_EQ(ferry_strand_shield(0), FERRY_EINVAL);
	return FERRY_ECANCELED;
}

static void
shielded_sleeps_to_the_end(void)
{
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = st_spawn(context, sleep_shielded, &gate);

	fx_gate_await(&gate, 1);
	T_OK(ferry_request_cancel(request));
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

/* It cleans up by waits of its own, and its answer is what it says. */
static void
cleans_up_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		struct st_world *world = st_world_open(state, NULL);
		int status = state % 2 ? 5 : FERRY_OK;

		world->w.cleans = 1;
		world->w.status = status;
		st_world_spawn(world, NULL);
		T_OK(ferry_request_cancel(world->request));
		let_return(world);
		T_EQ(fx_wait(world->request), status);
		T_EQ(atomic_load(&world->w.result), FERRY_ECANCELED);
		st_counts(world->context, status == 0, status != 0, 0, 0);
		st_waiter_clear(&world->w);
		st_world_close(world, 0);
	}
}

/* ------------------------------------------------------------------- races */

/* Cancels that meet the end of the wait: answered once, as one or the other,
 * counted as answered, and the token is stale then. */
static void
race_one(enum st_state state, int round, int n[2])
{
	struct st_world *world = st_world_open(state, NULL);
	int status, r;

	st_world_spawn(world, NULL);
	if (round % 2)
		st_waiter_end(&world->w);
	r = ferry_request_cancel(world->request);
	T_ASSERT(r == FERRY_OK || r == FERRY_EDONE);
	if (round % 2 == 0)
		st_waiter_end(&world->w);
	status = fx_wait(world->request);
	T_ASSERT(status == FERRY_OK || status == FERRY_ECANCELED);
	n[status == FERRY_OK]++;
	st_counts(world->context, status == FERRY_OK, 0,
	    status == FERRY_ECANCELED, 0);
	if (status == FERRY_ECANCELED && (state == ST_AWAITING_OWN ||
	        state == ST_AWAITING_FOREIGN))
		T_EQ(fx_wait(world->w.awaited), 7);
	if (state == ST_POLLING)
		st_waiter_clear(&world->w);
	if (state == ST_LEAVABLE && status == FERRY_ECANCELED)
		T_WAIT_UNTIL(
		    atomic_load(&world->w.abandoned) == 1, FX_LIMIT_MS);
	st_world_close(world, 0);
}

static void
cancels_race_wakes(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		int n[2] = {0};

		if (state == ST_SLEEPING)
			continue;
		for (int round = 0; round < 40; round++)
			race_one(state, round, n);
		dprintf(1, "  state %d: %d cancelled, %d not\n", state, n[0],
		    n[1]);
	}
}

struct nap {
	atomic_ullong ends_ns;
};

static int
take_nap(ferry_call call, void *arg)
{
	struct nap *nap = arg;

	(void)call;
	atomic_store(&nap->ends_ns, ferry_clock_ns() + 5 * MS);
	return ferry_strand_sleep(5);
}

static void
sleep_until(uint64_t ns)
{
	uint64_t now = ferry_clock_ns();
	struct timespec left = {0, now < ns ? (long)(ns - now) : 0};

	nanosleep(&left, NULL);
}

/* A sleep's own end, within the same millisecond. Only once it has begun: who
 * is cancelled before that is no strand, and counted as none. */
static void
cancels_race_sleeps(void)
{
	enum { N = 300 };
	ferry_context context = st_open();
	uint64_t n[2] = {0};

	for (int i = 0; i < N; i++) {
		struct nap nap = {0};
		ferry_request request = st_spawn(context, take_nap, &nap);
		int status, r;

		T_WAIT_UNTIL(atomic_load(&nap.ends_ns) != 0, FX_LIMIT_MS);
		/* From 0.25 ms before it to as much after it. */
		sleep_until(atomic_load(&nap.ends_ns) - MS / 4 +
		    (uint64_t)(i % 11) * MS / 20);
		r = ferry_request_cancel(request);
		T_ASSERT(r == FERRY_OK || r == FERRY_EDONE);
		status = fx_wait(request);
		T_ASSERT(status == FERRY_OK || status == FERRY_ECANCELED);
		n[status == FERRY_OK]++;
	}
	dprintf(1, "  %ju cancelled, %ju not\n", (uintmax_t)n[0],
	    (uintmax_t)n[1]);
	T_EQ(st_strands(context).spawned, N);
	st_counts(context, n[1], 0, n[0], 0);
	fx_close(context);
}

T_MAIN(
	T_RUN(cancelled_in_every_state);
	T_RUN(cancelled_before_it_waits);
	T_RUN(cancelled_in_its_first_run);
	T_RUN(cancelled_before_it_starts);
	T_RUN(shielded_in_every_state);
	T_RUN(shielded_sleeps_to_the_end);
	T_RUN(cleans_up_in_every_state);
	T_RUN(cancels_race_wakes);
	T_RUN(cancels_race_sleeps);
)
