/*
 * A deadline ends a strand that has begun, wherever that waits, as a cancel
 * does.
 */
#include "strand_states.h"

#define MS UINT64_C(1000000)

/*
 * A deadline bounds the start: a strand whose time is up before that is none,
 * and answered otherwise. How far off a deadline has to be for it to have begun
 * is the machine's affair, so each case asks for twice as much until it has.
 */
static int
spawn_until(ferry_request *request, ferry_context context,
    int (*run)(ferry_call, void *), void *arg, ferry_request_options *o,
    uint64_t ms)
{
	struct fx_job job = {run, arg};
	int r;

	o->deadline_ns = ferry_clock_ns() + ms * MS * (uint64_t)t_slow();
	r = ferry_request_submit(
	    request, context, ST_STRAND, &job, sizeof job, o);
	if (r != FERRY_OK)
		T_EQ(r, FERRY_EDEADLINE);
	return r == FERRY_OK;
}

/* 1: it has begun. */
static int
begins_in_time(struct st_world *world, ferry_request_options *o, uint64_t ms)
{
	if (!spawn_until(&world->request, world->context, st_waiter_run,
	        &world->w, o, ms))
		return 0;
	T_WAIT_UNTIL(atomic_load(&world->w.in) == 1 ||
	    fx_counters(world->context).unstarted_deadline == 1, FX_LIMIT_MS);
	if (atomic_load(&world->w.in) == 1)
		return 1;
	T_EQ(fx_wait(world->request), FERRY_EDEADLINE);
	return 0;
}

static int
past_its_deadline(enum st_state state, uint64_t ms)
{
	struct st_world *world = st_world_open(state, NULL);
	ferry_request_options o = fx_request_options();
	int begins = begins_in_time(world, &o, ms);

	if (begins) {
		if (state == ST_OFFLOADED) {
			st_waiter_await_cancel(&world->w);
			fx_gate_open(&world->w.gate);
		}
		st_world_cancelled(world);
		T_GE(ferry_clock_ns(), o.deadline_ns);
	} else {
		T_EQ(st_strands(world->context).spawned, 0);
	}
	/* No function was left behind where there was no strand. */
	if (begins || state != ST_LEAVABLE)
		st_waiter_clear(&world->w);
	st_world_close(world, 0);
	return begins;
}

static void
past_its_deadline_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++) {
		uint64_t ms = 40;

		while (!past_its_deadline((enum st_state)state, ms))
			ms *= 2;
	}
}

static int
compute_past_it(ferry_call call, void *arg)
{
	ferry_call_info info = {.struct_size = sizeof info};
	int r = FERRY_OK;

	(void)arg;
	T_OK(ferry_call_describe(&info, call));
	while (r == FERRY_OK)
		r = ferry_strand_checkpoint();
	T_GE(ferry_clock_ns(), info.deadline_ns);
	return r;
}

/* How often it was told to be stale; -1: it has not begun. */
static int
computes_until(ferry_context context, ferry_request_options *o, uint64_t ms)
{
	ferry_completion c;
	ferry_request request;
	int stale = 0;

	if (!spawn_until(&request, context, compute_past_it, NULL, o, ms))
		return -1;
	for (;;) {
		c = fx_take(o->inbox);
		fx_done(&c);
		if (c.kind == FERRY_KIND_REPLY)
			break;
		T_EQ(c.kind, FERRY_KIND_STALE);
		stale++;
	}
	T_EQ(c.request, request);
	if (c.status == FERRY_EDEADLINE) {
		T_EQ(stale, 0);
		return -1;
	}
	T_EQ(c.status, FERRY_ECANCELED);
	return stale;
}

/* One that only computes, and one that has STALE notices as well: of which
 * there is one if the event thread comes to it in time. */
static void
past_its_deadline_while_it_computes(void)
{
	ferry_context context = st_open();
	ferry_inbox inbox = fx_inbox();
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	uint64_t ms = 60, n = 1;
	int stale;

	fx_attach(inbox, context, 0, NULL);
	while ((stale = computes_until(context, &o, ms)) < 0)
		ms *= 2;
	T_EQ(stale, 0);
	o.stale_ms = 10;
	do {
		stale = computes_until(context, &o, ms);
		n += stale >= 0;
		ms *= 2;
	} while (stale <= 0);
	st_counts(context, 0, 0, n, 0);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* One that ends in time is not cancelled. */
static int
sleep_a_little(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_sleep(5);
}

static void
within_its_deadline(void)
{
	ferry_context context = st_open();
	ferry_request_options o = fx_request_options();

	o.deadline_ns = ferry_clock_ns() + 60000 * MS;
	T_OK(fx_wait(st_spawn_with(context, sleep_a_little, NULL, &o)));
	st_counts(context, 1, 0, 0, 0);
	fx_close(context);
}

T_MAIN(
	T_RUN(past_its_deadline_in_every_state);
	T_RUN(past_its_deadline_while_it_computes);
	T_RUN(within_its_deadline);
)
