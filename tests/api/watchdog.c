/*
 * The watchdog, as an application sees it: what it announces about a handler
 * that does not come back, what health tells meanwhile, and when it is quiet.
 *
 * The levels are short, and all times that are lower bounds come from them;
 * upper bounds are the generous ones of T_WAIT_UNTIL.
 */
#include <sys/wait.h>

#include "watched.h"

static void
end_watch(ferry_context context, ferry_inbox inbox)
{
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* At once: the watch may begin any time. */
static ferry_request
hold_with_three_behind(ferry_context context, struct fx_gate *gate,
    ferry_request queued[3])
{
	ferry_request_item items[4] = {
	    {.method = FX_GATE, .data = &gate, .size = sizeof gate}};
	ferry_request requests[4];

	for (int i = 1; i < 4; i++)
		items[i].method = FX_NOP;
	T_OK(ferry_request_submit_many(requests, context, items, 4, NULL));
	memcpy(queued, &requests[1], 3 * sizeof queued[0]);
	fx_gate_await(gate, 1);
	return requests[0];
}

/* One announcement with the culprit, one when it is over. */
static void
one_episode(void)
{
	ferry_context context = open_watched();
	int user;
	ferry_inbox inbox = watch(context, &user);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held, queued[3];
	ferry_completion c;

	held = hold_with_three_behind(context, &gate, queued);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.context, context);
	T_EQ(c.request, held);
	T_EQ(c.code, FX_GATE);
	T_STR(c.name, "gate");
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_GE(c.age_ns, stalled_ms() * UINT64_C(1000000));
	T_EQ(c.depth, 3);
	T_EQ(c.count, 1);
	T_ASSERT(c.user == &user);
	fx_done(&c);
	/* It gets worse, but is announced once. */
	T_WAIT_UNTIL(
	    health(context).level == FERRY_LEVEL_WEDGED, FX_LIMIT_MS);
	no_notice(inbox);
	T_EQ(fx_counters(context).stall_episodes, 1);
	fx_gate_open(&gate);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	T_EQ(c.context, context);
	T_EQ(c.level, FERRY_LEVEL_WEDGED); /* the peak */
	T_GE(c.age_ns, wedged_ms() * UINT64_C(1000000));
	T_EQ(c.count, 1);
	fx_done(&c);
	T_EQ(fx_wait(held), FERRY_OK);
	for (int i = 0; i < 3; i++)
		T_EQ(fx_wait(queued[i]), FERRY_OK);
	T_EQ(fx_counters(context).stall_episodes, 1);
	T_WAIT_UNTIL(
	    health(context).level == FERRY_LEVEL_NONE, FX_LIMIT_MS);
	no_notice(inbox);
	end_watch(context, inbox);
}

/* -------------------------------------------------------------- episodes */

/* One after the other: each names its own culprit. */
static void
two_episodes(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	ferry_completion c;

	for (int i = 0; i < 2; i++) {
		struct fx_gate gate = FX_GATE_SHUT;
		ferry_request held = fx_hold(context, &gate);

		c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
		T_EQ(c.request, held);
		fx_done(&c);
		fx_gate_open(&gate);
		c = take_notice(inbox, FERRY_KIND_RESPONDING);
		T_GE(c.level, FERRY_LEVEL_STALLED);
		fx_done(&c);
		T_EQ(fx_wait(held), FERRY_OK);
	}
	T_EQ(fx_counters(context).stall_episodes, 2);
	no_notice(inbox);
	end_watch(context, inbox);
}

/* Not taken, two are one that says so. */
static void
two_episodes_merged(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	ferry_completion c;

	for (uint64_t i = 1; i <= 2; i++) {
		struct fx_gate gate = FX_GATE_SHUT;
		ferry_request held = fx_hold(context, &gate);

		T_WAIT_UNTIL(fx_counters(context).stall_episodes == i,
		    FX_LIMIT_MS);
		fx_gate_open(&gate);
		T_EQ(fx_wait(held), FERRY_OK);
		T_WAIT_UNTIL(health(context).level == FERRY_LEVEL_NONE,
		    FX_LIMIT_MS);
	}
	/* The last end is told when it is believed: whoever takes before that
	 * has been told of both beginnings, and then of one end. */
	c = fx_take(inbox);
	if (c.kind == FERRY_KIND_OVERLOADED) {
		fx_done(&c);
		c = fx_take(inbox);
	}
	if (c.kind == FERRY_KIND_NOT_RESPONDING) {
		T_EQ(c.count, 2);
		fx_done(&c);
		c = take_notice(inbox, FERRY_KIND_RESPONDING);
		T_EQ(c.count, 1);
	} else {
		T_EQ(c.kind, FERRY_KIND_RESPONDING);
		T_EQ(c.count, 2);
	}
	fx_done(&c);
	no_notice(inbox);
	end_watch(context, inbox);
}

struct victim {
	struct fx_gate gate;
};

static void
hook(ferry_call call, void *user)
{
	struct victim *v = user;

	(void)call;
	fx_gate_open(&v->gate);
}

static int
victim_run(ferry_call call, void *arg)
{
	struct victim *v = arg;

	T_OK(ferry_call_on_cancel(call, hook, v));
	fx_gate_pass(&v->gate);
	return ferry_call_check(call);
}

/* The main use: the notice names the request, and that can be cancelled. */
static void
cancelled_by_its_notice(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	struct victim v = {FX_GATE_SHUT};
	ferry_request request = fx_do(context, victim_run, &v);
	ferry_completion c =
	    take_notice(inbox, FERRY_KIND_NOT_RESPONDING);

	T_OK(ferry_request_cancel(c.request));
	fx_done(&c);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	end_watch(context, inbox);
}

static void
standing_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	fx_gate_pass(user);
}

/* A callback that does not come back holds the thread as well. */
static void
callback_that_stays(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request_options o = fx_request_options();
	ferry_completion c;

	o.callback = standing_callback;
	o.user = &gate;
	fx_submit(context, FX_NOP, NULL, 0, &o);
	fx_gate_await(&gate, 1);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	fx_done(&c);
	fx_gate_open(&gate);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	end_watch(context, inbox);
}

/* ---------------------------------------------------------------- levels */

/* "patient" may take for ever, "hasty" may not. */
static ferry_context
open_two_methods(void)
{
	ferry_method methods[2] = {
	    {.struct_size = sizeof(ferry_method), .name = "patient",
	        .handler = fx_gate,
	        .levels = {FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF}},
	    {.struct_size = sizeof(ferry_method), .name = "hasty",
	        .handler = fx_gate,
	        .levels = {slow_ms(), slow_ms() + 5, 0, 0}}};
	ferry_library_options lo = {.struct_size = sizeof lo,
	    .name = "levels", .methods = methods, .n_methods = 2};
	ferry_context_options o = watched_options();
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &lo));
	context = fx_open_with(&o);
	T_OK(ferry_library_close(o.library));
	return context;
}

static ferry_request
start_gate(ferry_context context, uint32_t method, struct fx_gate *gate)
{
	ferry_request request =
	    fx_submit(context, method, &gate, sizeof gate, NULL);

	fx_gate_await(gate, 1);
	return request;
}

static void
levels_of_methods(void)
{
	ferry_context context = open_two_methods();
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = start_gate(context, 0, &gate);
	ferry_completion c;
	uint64_t until =
	    t_now_ns() + 2 * wedged_ms() * UINT64_C(1000000);

	/* Twice as long as would wedge any other. */
	T_WAIT_UNTIL(t_now_ns() > until, FX_LIMIT_MS);
	T_EQ(health(context).level, FERRY_LEVEL_NONE);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	no_notice(inbox);
	T_EQ(fx_counters(context).stall_episodes, 0);

	fx_gate_shut(&gate);
	request = start_gate(context, 1, &gate);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_STR(c.name, "hasty");
	T_EQ(c.code, 1);
	fx_done(&c);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	end_watch(context, inbox);
}

/* Of watched_options(), none of which is FATAL in a test's time. */
static uint32_t
level_at(uint64_t age_ns)
{
	uint64_t ms = age_ns / 1000000;

	return ms >= wedged_ms() ? FERRY_LEVEL_WEDGED
	    : ms >= stalled_ms() ? FERRY_LEVEL_STALLED
	    : ms >= slow_ms() ? FERRY_LEVEL_SLOW : FERRY_LEVEL_NONE;
}

/* At the first look that finds it there; by then it may be past the next. */
static void
announced_from(uint32_t notify_level)
{
	ferry_context_options o = watched_options();
	ferry_context context;
	ferry_inbox inbox;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held;
	ferry_completion c;

	o.notify_level = notify_level;
	context = fx_open_with(&o);
	inbox = watch(context, NULL);
	held = fx_hold(context, &gate);
	c = take_notice(inbox, FERRY_KIND_NOT_RESPONDING);
	T_GE(c.level, notify_level);
	T_LE(c.level, level_at(c.age_ns));
	fx_done(&c);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	c = take_notice(inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	end_watch(context, inbox);
}

static void
notify_levels(void)
{
	announced_from(FERRY_LEVEL_SLOW);
	announced_from(FERRY_LEVEL_STALLED);
	announced_from(FERRY_LEVEL_WEDGED);
}

/* A level that is off is never reached, and nothing is announced from it. */
static void
level_off(void)
{
	ferry_context_options o = watched_options();
	ferry_context context;
	ferry_inbox inbox;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held;
	uint64_t until;

	o.levels.fatal_ms = FERRY_OFF;
	o.notify_level = FERRY_LEVEL_FATAL;
	context = fx_open_with(&o);
	inbox = watch(context, NULL);
	held = fx_hold(context, &gate);
	T_WAIT_UNTIL(
	    health(context).level == FERRY_LEVEL_WEDGED, FX_LIMIT_MS);
	until = t_now_ns() + wedged_ms() * UINT64_C(1000000);
	T_WAIT_UNTIL(t_now_ns() > until, FX_LIMIT_MS);
	T_EQ(health(context).level, FERRY_LEVEL_WEDGED);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_WAIT_UNTIL(
	    health(context).level == FERRY_LEVEL_NONE, FX_LIMIT_MS);
	no_notice(inbox);
	end_watch(context, inbox);
}

/* ----------------------------------------------------------- false alarms */

/* Busy without a pause for several times the level, but always moving. */
static void
busy_is_no_stall(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	uint64_t until =
	    t_now_ns() + 4 * wedged_ms() * UINT64_C(1000000);
	ferry_request requests[64];

	while (t_now_ns() < until) {
		for (int i = 0; i < 64; i++)
			requests[i] =
			    fx_submit(context, FX_NOP, NULL, 0, NULL);
		for (int i = 0; i < 64; i++)
			T_EQ(fx_wait(requests[i]), FERRY_OK);
	}
	T_EQ(fx_counters(context).stall_episodes, 0);
	no_notice(inbox);
	end_watch(context, inbox);
}

/* Neither is a deferred call, however long it takes, nor an idle worker. */
static void
deferred_is_no_stall(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	struct fx_later l = FX_LATER;
	ferry_request request = fx_later(context, &l);
	uint64_t until =
	    t_now_ns() + 3 * stalled_ms() * UINT64_C(1000000);

	T_WAIT_UNTIL(t_now_ns() > until, FX_LIMIT_MS);
	T_EQ(health(context).level, FERRY_LEVEL_NONE);
	T_OK(ferry_call_reply(l.call, 0, NULL, 0));
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(fx_counters(context).stall_episodes, 0);
	no_notice(inbox);
	end_watch(context, inbox);
}

/* A handler in hand while the whole process is stopped for much longer than
 * the level: the watcher was away as well, and knows it. */
static void
stopped_process(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = watch(context, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	uint64_t began = t_now_ns(), took;
	uint64_t away = 3 * wedged_ms() * UINT64_C(1000000);
	ferry_request held = fx_hold(context, &gate);
	pid_t parent = getpid(), child;

	/* Until the watcher has looked at it, and not from deep sleep. */
	T_WAIT_UNTIL(health(context).age_ns > 0, FX_LIMIT_MS);
	child = fork();
	if (child == 0) {
		kill(parent, SIGSTOP);
		t_sleep_ms(3 * wedged_ms());
		kill(parent, SIGCONT);
		_exit(0);
	}
	T_EQ(waitpid(child, NULL, 0), child);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	took = t_now_ns() - began;
	T_GE(took, away);
	/* Unless it has had its time before and after that. */
	if (took - away < stalled_ms() * UINT64_C(1000000)) {
		T_EQ(fx_counters(context).stall_episodes, 0);
		no_notice(inbox);
	}
	T_WAIT_UNTIL(fx_counters(context).observer_gaps >= 1, FX_LIMIT_MS);
	end_watch(context, inbox);
}

/* Who did not ask for liveness hears nothing of it; it is counted anyway. */
static void
unasked(void)
{
	ferry_context context = open_watched();
	ferry_inbox inbox = fx_inbox();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held;
	ferry_completion c;

	fx_attach(inbox, context, FERRY_ATTACH_EVENTS, NULL);
	held = fx_hold(context, &gate);
	T_WAIT_UNTIL(
	    health(context).level == FERRY_LEVEL_WEDGED, FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_counters(context).stall_episodes, 1);
	T_EQ(ferry_inbox_take(&c, 1, inbox), 0);
	end_watch(context, inbox);
}

T_MAIN(
	T_RUN(one_episode);
	T_RUN(two_episodes);
	T_RUN(two_episodes_merged);
	T_RUN(cancelled_by_its_notice);
	T_RUN(callback_that_stays);
	T_RUN(levels_of_methods);
	T_RUN(notify_levels);
	T_RUN(level_off);
	T_RUN(busy_is_no_stall);
	T_RUN(deferred_is_no_stall);
	T_RUN(stopped_process);
	T_RUN(unasked);
)
