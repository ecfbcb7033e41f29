/*
 * Law 12: the counters add up. Exactly, at rest, after a mix of everything;
 * and in every snapshot that is taken while it goes on.
 */
#include "deadlines.h"

static int
cancel_check(ferry_call call, void *arg)
{
	fx_gate_pass(arg);
	return ferry_call_check(call);
}

static ferry_request
start_checked(ferry_context context, struct fx_gate *gate)
{
	ferry_request request = fx_do(context, cancel_check, gate);

	fx_gate_await(gate, 1);
	return request;
}

/* One of each kind of end, each under its own name. */
static void
every_end(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request_options late = fx_request_options();
	ferry_request running, queued, expired, request = 77;
	ferry_counters c;
	uint64_t deadline;
	int status = 5;

	running = start_checked(context, &gate);
	queued = fx_submit(context, FX_NOP, NULL, 0, NULL);
	expired = fx_submit_until(
	    &deadline, FX_SOON_NS, context, FX_NOP, NULL, 0);
	c = fx_counters(context);
	T_EQ(c.queued, 2);
	T_EQ(c.running, 1);
	fx_balance(&c);
	T_OK(ferry_request_cancel(queued));
	T_OK(ferry_request_cancel(running));
	T_WAIT_UNTIL(ferry_clock_ns() > deadline, FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_EQ(fx_wait(running), FERRY_ECANCELED);
	T_EQ(fx_wait(queued), FERRY_ECANCELED);
	T_EQ(fx_wait(expired), FERRY_EDEADLINE);
	T_EQ(fx_wait(fx_submit(context, FX_STATUS, &status, sizeof status,
	    NULL)), 5);
	T_EQ(fx_wait(fx_submit(context, FX_EXIT, NULL, 0, NULL)),
	    FERRY_ELOST);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	late.deadline_ns = 1;
	T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 0, &late),
	    FERRY_EDEADLINE);
	fx_rest(context);
	c = fx_counters(context);
	T_EQ(c.submitted - c.refused, 6);
	T_EQ(c.started, 4);
	T_EQ(c.unstarted_canceled, 1);
	T_EQ(c.unstarted_deadline, 1);
	T_EQ(c.unstarted_closed, 0);
	T_EQ(c.ended_ok, 1);
	T_EQ(c.ended_error, 1);
	T_EQ(c.ended_canceled, 1);
	T_EQ(c.ended_lost, 1);
	T_EQ(c.ended_closed, 0);
	T_EQ(c.discarded, 0);
	T_EQ(c.late_replies, 0);
	T_EQ(c.threads_lost, 1);
	fx_close(context);
}

/* Counted before it is told: who has a reply finds it in the counters. */
static void
counted_before_told(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held, request;

	for (uint64_t i = 1; i <= 3000; i++) {
		ferry_counters c;

		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
		c = fx_counters(context);
		T_EQ(c.ended_ok, i);
		T_EQ(c.started, i);
		T_EQ(c.submitted, i);
		T_EQ(c.queued, 0);
		T_EQ(c.running, 0);
	}
	held = fx_hold(context, &gate);
	request = fx_submit(context, FX_NOP, NULL, 0, NULL);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	T_EQ(fx_counters(context).unstarted_canceled, 1);
	T_EQ(fx_counters(context).queued, 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(context);
}

static void
count_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	struct fx_slot *slot = user;
	ferry_counters c = fx_counters(*(ferry_context *)slot->head);

	(void)request;
	(void)status;
	(void)data;
	(void)size;
	T_GE(c.ended_ok, atomic_load(&slot->calls) + 1);
	atomic_fetch_add(&slot->calls, 1);
}

static void
counted_before_called_back(void)
{
	ferry_context context = fx_open();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_request_options();

	memcpy(slot.head, &context, sizeof context);
	o.callback = count_in_callback;
	o.user = &slot;
	for (int i = 0; i < 1000; i++)
		fx_submit(context, FX_NOP, NULL, 0, &o);
	T_WAIT_UNTIL(atomic_load(&slot.calls) == 1000, FX_LIMIT_MS);
	fx_close(context);
}

/* Wrong arguments are not tries; refusals are, and are counted once each. */
static void
refusals(void)
{
	ferry_context_options co = fx_context_options();
	ferry_context context;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held, request;
	ferry_request_options o = fx_request_options();
	ferry_request_item items[3] = {{0}, {0}, {0}};
	ferry_request requests[3];
	ferry_counters before, c;

	co.depth = 1;
	context = fx_open_with(&co);
	T_EQ(ferry_request_submit(NULL, context, FX_NOP, NULL, 0, NULL),
	    FERRY_EINVAL);
	T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 9, NULL),
	    FERRY_EINVAL);
	T_EQ(ferry_request_submit(&request, context, FX_N_METHODS, NULL, 0,
	    NULL), FERRY_ENOMETHOD);
	o.deadline_ns = 1;
	T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 0, &o),
	    FERRY_EDEADLINE);
	T_EQ(fx_counters(context).submitted, 0);
	T_EQ(fx_counters(context).refused, 0);
	held = fx_hold(context, &gate);
	for (uint64_t i = 1; i <= 10; i++) {
		T_EQ(ferry_request_submit(&request, context, FX_NOP, NULL, 0,
		    NULL), FERRY_EAGAIN);
		c = fx_counters(context);
		T_EQ(c.refused, i);
		T_EQ(c.submitted, i + 1);
		fx_balance(&c);
	}
	before = fx_counters(context);
	T_EQ(ferry_request_submit_many(requests, context, items, 1, NULL),
	    FERRY_EAGAIN);
	c = fx_counters(context);
	T_GT(c.refused, before.refused);
	fx_balance(&c);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(context);
}

/* Filled as far as the caller knows it, and not a byte more. */
static void
sizes(void)
{
	ferry_context context = fx_open();
	ferry_counters c;
	struct {
		ferry_counters c;
		uint64_t tail;
	} longer;

	memset(&longer, 0xa5, sizeof longer);
	longer.c.struct_size = sizeof longer;
	T_OK(ferry_context_counters(&longer.c, context));
	T_EQ(longer.c.struct_size, sizeof longer);
	T_EQ(longer.c.handles_open, 0);
	T_EQ(ferry_context_counters(NULL, context), FERRY_EINVAL);
	memset(&c, 0xa5, sizeof c);
	c.struct_size = offsetof(ferry_counters, queued);
	T_OK(ferry_context_counters(&c, context));
	T_EQ(c.submitted, 0);
	T_EQ(c.queued, UINT64_C(0xa5a5a5a5a5a5a5a5));
	T_EQ(c.handles_open, UINT64_C(0xa5a5a5a5a5a5a5a5));
	c.struct_size = 0;
	T_EQ(ferry_context_counters(&c, context), FERRY_EINVAL);
	c.struct_size = sizeof c;
	T_EQ(ferry_context_counters(&c, 0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_context_counters(&c, FX_FORGED)));
	T_EQ(c.queued, UINT64_C(0xa5a5a5a5a5a5a5a5));
	fx_close(context);
}

/* ------------------------------------------------------------- under load */

enum { PRODUCERS = 3, EACH = 4000 };

struct load {
	ferry_context context;
	uint64_t accepted, refused;
	uint64_t seed;
};

/* Submits, takes, cancels and gives up, by the seed. */
static void *
produce(void *arg)
{
	struct load *load = arg;
	struct t_rng rng = {load->seed};
	ferry_request request;

	for (int i = 0; i < EACH; i++) {
		int r = ferry_request_submit(&request, load->context,
		    t_rand_below(&rng, 50) == 0 ? FX_EXIT : FX_NOP, NULL, 0,
		    NULL);

		load->accepted += r == FERRY_OK;
		load->refused += r == FERRY_EAGAIN;
		if (r == FERRY_EAGAIN)
			continue;
		T_OK(r);
		switch (t_rand_below(&rng, 4)) {
		case 0:
			(void)ferry_request_cancel(request);
			/* fall through */
		case 1:
			(void)fx_wait(request);
			break;
		default:
			T_OK(ferry_request_release(request));
		}
	}
	return NULL;
}

/* What is stored only grows; what is derived is never negative, and so never
 * huge. */
static void
compare(const ferry_counters *old, const ferry_counters *new)
{
	T_GE(new->submitted, old->submitted);
	T_GE(new->refused, old->refused);
	T_GE(new->started, old->started);
	T_GE(fx_ended(new), fx_ended(old));
	T_GE(fx_unstarted(new), fx_unstarted(old));
	T_GE(new->discarded, old->discarded);
	T_LE(new->queued, PRODUCERS * EACH);
	T_LE(new->running, PRODUCERS * EACH);
	T_GE(new->submitted,
	    new->refused + new->started + fx_unstarted(new));
	T_GE(new->started, fx_ended(new));
}

static void
snapshots_under_load(void)
{
	ferry_context_options co = fx_context_options();
	ferry_context context;
	struct load loads[PRODUCERS];
	pthread_t threads[PRODUCERS];
	ferry_counters old = {0}, c;
	uint64_t accepted = 0, refused = 0;

	co.depth = 64;
	context = fx_open_with(&co);
	for (int i = 0; i < PRODUCERS; i++) {
		loads[i] = (struct load){context, 0, 0,
		    t_seed() * 100 + (uint64_t)i};
		threads[i] = t_thread_start(produce, &loads[i]);
	}
	do {
		c = fx_counters(context);
		compare(&old, &c);
		old = c;
	} while (c.submitted < PRODUCERS * EACH);
	for (int i = 0; i < PRODUCERS; i++) {
		t_thread_join(threads[i]);
		accepted += loads[i].accepted;
		refused += loads[i].refused;
	}
	fx_rest(context);
	c = fx_counters(context);
	T_EQ(c.submitted, PRODUCERS * EACH);
	T_EQ(c.refused, refused);
	T_EQ(c.submitted - c.refused, accepted);
	T_EQ(c.threads_lost, c.ended_lost);
	fx_close(context);
}

T_MAIN(
	T_RUN(every_end);
	T_RUN(counted_before_told);
	T_RUN(counted_before_called_back);
	T_RUN(refusals);
	T_RUN(sizes);
	T_RUN(snapshots_under_load);
)
