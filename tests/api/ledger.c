/*
 * The ledger: calls that were slow are in it, whether the watcher saw them or
 * not, and however they ended.
 */
#include "ear.h"
#include "strands.h"
#include "watched.h"

enum { MOST = 64 };

static ferry_ledger_entry items[MOST];

static int
look(ferry_context context, uint64_t *total)
{
	int n = ferry_context_ledger(items, MOST, total, context);

	T_GE(n, 0);
	for (int i = 1; i < n; i++)
		T_GE(items[i - 1].ended_ns, items[i].ended_ns);
	return n;
}

static uint64_t
total_of(ferry_context context)
{
	uint64_t total = 77;

	(void)look(context, &total);
	return total;
}

/* The longest entry that lasted at least so long, but for a tick; or NULL. */
static const ferry_ledger_entry *
find(ferry_context context, uint64_t least_ns)
{
	const ferry_ledger_entry *e = NULL;
	uint64_t total;
	int n = look(context, &total);

	for (int i = 0; i < n; i++) {
		if (e == NULL || items[i].lasted_ns > e->lasted_ns)
			e = &items[i];
	}
	return e != NULL && e->lasted_ns + slow_ms() * UINT64_C(1000000) / 3 >=
	        least_ns ? e : NULL;
}

/* The same, awaited. There may be others, of what should be short and was held
 * up by the machine. */
static const ferry_ledger_entry *
longest(ferry_context context, uint64_t least_ns)
{
	const ferry_ledger_entry *e;

	T_WAIT_UNTIL((e = find(context, least_ns)) != NULL, FX_LIMIT_MS);
	T_LE(e->ended_ns, ferry_clock_ns());
	T_LT(e->lasted_ns, e->ended_ns);
	return e;
}

/* And where there is nothing that should be short, it is the only one. */
static const ferry_ledger_entry *
only(ferry_context context, uint64_t least_ns)
{
	T_WAIT_UNTIL(total_of(context) == 1, FX_LIMIT_MS);
	return longest(context, least_ns);
}

static uint64_t
until_ns(uint32_t ms)
{
	return ferry_clock_ns() + ms * UINT64_C(1000000);
}

static int
hold_for(ferry_call call, void *arg)
{
	uint64_t until = until_ns(*(uint32_t *)arg);

	(void)call;
	while (ferry_clock_ns() < until)
		t_sleep_ms(1);
	return FERRY_OK;
}

/* What holds the thread for so long that the watcher has seen it, too: one that
 * comes late measures from its own first look. */
struct stay {
	ferry_context context;
	uint32_t ms;
};

static int
stay(ferry_call call, void *arg)
{
	struct stay *s = arg;

	(void)hold_for(call, &s->ms);
	T_WAIT_UNTIL(health(s->context).age_ns >= s->ms * UINT64_C(1000000),
	    FX_LIMIT_MS);
	return FERRY_OK;
}

static void
nothing_slow_nothing_said(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context;
	uint64_t total = 77;

	/* Slower than any machine. */
	o.levels = (ferry_levels){60000, FERRY_OFF, FERRY_OFF, FERRY_OFF};
	o.notify_level = FERRY_LEVEL_SLOW;
	context = fx_open_with(&o);
	for (int i = 0; i < 3000; i++)
		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
	T_EQ(look(context, &total), 0);
	T_EQ(total, 0);
	fx_close(context);
}

static int
hold_until_seen(ferry_call call, void *arg)
{
	(void)call;
	T_WAIT_UNTIL(health(*(ferry_context *)arg).level >=
	    FERRY_LEVEL_STALLED, FX_LIMIT_MS);
	return FERRY_OK;
}

static void
what_the_watcher_saw(void)
{
	ferry_context context = open_watched();
	ferry_request request = fx_do(context, hold_until_seen, &context);
	const ferry_ledger_entry *e;

	T_EQ(fx_wait(request), FERRY_OK);
	e = only(context, stalled_ms() * UINT64_C(1000000));
	T_EQ(e->request, request);
	T_EQ(e->strand, 0);
	T_EQ(e->method, FX_DO);
	T_STR(e->method_name, "do");
	T_GE(e->level, FERRY_LEVEL_STALLED);
	/* Meanwhile it may have reached the next level, unseen. */
	if (e->level == FERRY_LEVEL_STALLED)
		T_EQ(e->seen, 1);
	fx_close(context);
}

/* The watcher counts from its own first look, and looks once a tick: what has
 * reached its level just before it ended it cannot have seen there. */
static void
what_it_did_not_see(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context;
	uint32_t ms, twice;
	ferry_request request;

	o.levels.slow_ms = 300 * (uint32_t)t_slow();
	o.levels.stalled_ms = FERRY_OFF;
	o.levels.wedged_ms = FERRY_OFF;
	o.notify_level = FERRY_LEVEL_SLOW;
	ms = o.levels.slow_ms + 1;
	twice = 2 * ms;
	context = fx_open_with(&o);
	/* At the end of the first one the clock is looked at, so that of the
	 * others it is known when they began. */
	T_EQ(fx_wait(fx_do(context, hold_for, &twice)), FERRY_OK);
	T_WAIT_UNTIL(total_of(context) == 1, FX_LIMIT_MS);
	for (uint64_t n = 2; n == 2 || (n < 12 && items[0].seen != 0); n++) {
		request = fx_do(context, hold_for, &ms);
		T_EQ(fx_wait(request), FERRY_OK);
		T_WAIT_UNTIL(total_of(context) == n, FX_LIMIT_MS);
		T_EQ(items[0].request, request);
	}
	T_EQ(items[0].seen, 0);
	T_GE(items[0].lasted_ns, o.levels.slow_ms * UINT64_C(1000000));
	fx_close(context);
}

/* A reply callback holds the thread as its handler did. */
static void
stand(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	(void)stay(0, user);
}

static void
callback_that_stays(void)
{
	ferry_context context = open_watched();
	ferry_request_options o = fx_request_options();
	struct stay s = {context, stalled_ms()};

	o.callback = stand;
	o.user = &s;
	fx_submit(context, FX_NOP, NULL, 0, &o);
	T_EQ(only(context, s.ms * UINT64_C(1000000))->method, FX_NOP);
	fx_close(context);
}

static int
hold_and_defer(ferry_call call, void *arg)
{
	T_OK(ferry_call_defer(call));
	(void)stay(call, arg);
	T_OK(ferry_call_reply(call, FERRY_OK, NULL, 0));
	return FERRY_OK;
}

/* The handler's own time; the request is answered inside it. */
static void
deferred(void)
{
	ferry_context context = open_watched();
	struct stay s = {context, stalled_ms()};
	ferry_request request = fx_do(context, hold_and_defer, &s);

	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(only(context, s.ms * UINT64_C(1000000))->request, request);
	fx_close(context);
}

static int
hold_and_exit(ferry_call call, void *arg)
{
	(void)stay(call, arg);
	fx_before_exit();
	pthread_exit(NULL);
}

static void
lost(void)
{
	ferry_context context = open_watched();
	struct stay s = {context, stalled_ms()};
	ferry_request request = fx_do(context, hold_and_exit, &s);

	T_EQ(fx_wait(request), FERRY_ELOST);
	T_EQ(only(context, s.ms * UINT64_C(1000000))->request, request);
	fx_close(context);
}

/* ---------------------------------------------------------------- strands */

struct holding {
	uint32_t ms;
	uint64_t took_ns; /* with the waits */
};

static int
wait_and_hold(ferry_call call, void *arg)
{
	struct holding *h = arg;
	uint64_t began = ferry_clock_ns();

	T_OK(ferry_strand_sleep(3 * (int64_t)stalled_ms()));
	(void)hold_for(call, &h->ms);
	T_OK(ferry_strand_sleep(1));
	h->took_ns = ferry_clock_ns() - began;
	return FERRY_OK;
}

/* What it holds the thread for, not what it waits. */
static void
strand_by_holds(void)
{
	ferry_context_options o = watched_options();
	ferry_context context = st_open_with(&o);
	struct holding h = {.ms = slow_ms() + 5};
	ferry_request request = st_spawn(context, wait_and_hold, &h);
	const ferry_ledger_entry *e;

	T_EQ(fx_wait(request), FERRY_OK);
	e = longest(context, h.ms * UINT64_C(1000000));
	T_EQ(e->request, request);
	T_EQ(e->strand, 1);
	T_EQ(e->method, ST_STRAND);
	T_LT(e->lasted_ns,
	    h.took_ns - 2 * stalled_ms() * UINT64_C(1000000));
	fx_close(context);
}

/* Its first hold is found like a plain handler's. */
static void
strand_that_never_waits(void)
{
	ferry_context_options o = watched_options();
	ferry_context context = st_open_with(&o);
	struct stay s = {context, stalled_ms()};
	const ferry_ledger_entry *e;

	T_EQ(st_run(context, stay, &s), FERRY_OK);
	e = only(context, s.ms * UINT64_C(1000000));
	T_EQ(e->strand, 1);
	fx_close(context);
}

/* --------------------------------------------------------- with a listener */

/* It holds the event thread: nobody looks, and yet it is found. */
static void
while_a_listener_stays(void)
{
	ferry_context context = open_watched();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear ear = {0};
	uint32_t ms = stalled_ms();
	const ferry_ledger_entry *e;
	ferry_request request;

	ear_hold(&ear, context, &gate);
	/* So that its beginning is known. */
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	request = fx_do(context, hold_for, &ms);
	T_EQ(fx_wait(request), FERRY_OK);
	e = longest(context, ms * UINT64_C(1000000));
	T_EQ(e->request, request);
	T_EQ(e->seen, 0);
	fx_gate_open(&gate);
	fx_close(context);
}

/* -------------------------------------------------------------- arguments */

static void
arguments(void)
{
	ferry_context context = open_watched();
	uint64_t total = 77;
	struct stay s = {context, slow_ms() * 2};

	T_EQ(ferry_context_ledger(NULL, 1, &total, context), FERRY_EINVAL);
	T_EQ(ferry_context_ledger(items, 0, &total, context), FERRY_EINVAL);
	T_EQ(ferry_context_ledger(items, UINT32_MAX, &total, context),
	    FERRY_EINVAL);
	T_EQ(ferry_context_ledger(items, 1, &total, 0), FERRY_EINVAL);
	T_ASSERT(fx_no_token(
	    ferry_context_ledger(items, 1, &total, FX_FORGED)));
	T_EQ(total, 77);
	for (int i = 0; i < 3; i++)
		T_EQ(fx_wait(fx_do(context, stay, &s)), FERRY_OK);
	T_WAIT_UNTIL(total_of(context) == 3, FX_LIMIT_MS);
	T_EQ(ferry_context_ledger(items, 2, NULL, context), 2);
	fx_close(context);
	T_EQ(ferry_context_ledger(items, 1, &total, context), FERRY_ESTALE);
}

/* The next context in the slot begins anew. */
static void
next_life(void)
{
	ferry_context context = open_watched();
	struct stay s = {context, stalled_ms()};

	T_EQ(fx_wait(fx_do(context, stay, &s)), FERRY_OK);
	(void)only(context, s.ms * UINT64_C(1000000));
	fx_close(context);
	context = open_watched();
	T_EQ(total_of(context), 0);
	fx_close(context);
}

T_MAIN(
	T_RUN(nothing_slow_nothing_said);
	T_RUN(what_the_watcher_saw);
	T_RUN(what_it_did_not_see);
	T_RUN(callback_that_stays);
	T_RUN(deferred);
	T_RUN(lost);
	T_RUN(strand_by_holds);
	T_RUN(strand_that_never_waits);
	T_RUN(while_a_listener_stays);
	T_RUN(arguments);
	T_RUN(next_life);
)
