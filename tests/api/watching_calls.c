/*
 * ferry_context_watch(): its callbacks and its refusals.
 */
#include "ear.h"
#include "forking.h"
#include "stalls.h"

static void
release(struct fx_gate *gate, ferry_request held)
{
	fx_gate_open(gate);
	T_EQ(fx_wait(held), FERRY_OK);
}

/* --------------------------------------------------------------- replacing */

struct replacing {
	ferry_context context;
	const ferry_watch_options *options;
	struct stalls *former;
	atomic_int done;
};

static void *
replace(void *arg)
{
	struct replacing *r = arg;

	T_OK(ferry_context_watch(r->context, r->options));
	T_EQ(atomic_load(&r->former->inside), 0);
	atomic_store(&r->done, 1);
	return NULL;
}

/* Who replaces a callback that runs waits for it; then it is never called,
 * though the episode goes on, and the next one hears of it. */
static void
replaced_while_it_runs(void)
{
	struct fx_gate gate = FX_GATE_SHUT, inside = FX_GATE_SHUT;
	struct stalls next = STALLS;
	ferry_watch_options o = watching_by(&next);
	struct scene s;
	struct replacing r = {.options = &o, .former = &s.heard};
	pthread_t thread;
	ferry_request held;
	uint32_t n;

	scene_open(&s, NULL);
	s.heard.gate = &inside;
	r.context = s.context;
	held = fx_hold(s.context, &gate);
	fx_gate_await(&inside, 1);
	thread = t_thread_start(replace, &r);
	t_sleep_ms(FX_QUIET_MS);
	T_EQ(atomic_load(&r.done), 0);
	fx_gate_open(&inside);
	t_thread_join(thread);
	n = stalls_n(&s.heard);
	T_WAIT_UNTIL(stalls_n(&next) > 0, FX_LIMIT_MS);
	release(&gate, held);
	stalls_await(&next, 0, FERRY_STALL_ENDED);
	T_EQ(stalls_n(&s.heard), n);
	T_OK(ferry_context_watch(s.context, NULL));
	fx_close(s.context);
	T_OK(ferry_inbox_close(NULL, s.inbox));
	stalls_of_scene = NULL;
	stalls_free(&s.heard);
	stalls_free(&next);
}

/* Back and forth, while there are episodes; each hears only in its time. */
static void
replaced_all_the_time(void)
{
	struct stalls heard[2] = {STALLS, STALLS};
	ferry_context context = open_watched();
	uint64_t end = t_now_ns() + 10 * wedged_ms() * UINT64_C(1000000);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate);
	uint32_t n;

	for (int i = 0; t_now_ns() < end; i = !i) {
		ferry_watch_options o = watching_by(&heard[i]);

		T_OK(ferry_context_watch(context, &o));
		n = stalls_n(&heard[!i]);
		t_sleep_ms(1);
		T_EQ(stalls_n(&heard[!i]), n);
	}
	release(&gate, held);
	T_OK(ferry_context_watch(context, NULL));
	n = stalls_n(&heard[0]) + stalls_n(&heard[1]);
	fx_close(context);
	T_EQ(stalls_n(&heard[0]) + stalls_n(&heard[1]), n);
	stalls_free(&heard[0]);
	stalls_free(&heard[1]);
}

/* ---------------------------------------------------------------- the ways */

static void
end_thread(const ferry_stall *s, void *arg)
{
	if (s->kind != FERRY_STALL_BEGAN)
		return;
	T_EQ(atomic_fetch_sub(&((struct stalls *)arg)->inside, 1), 1);
	fx_before_exit();
	pthread_exit(NULL);
}

/* The watchdog goes on, on another thread. */
static void
callback_ends_its_thread(void)
{
	struct scene s;

	scene_open(&s, NULL);
	s.heard.also = end_thread;
	s.heard.arg = &s.heard;
	for (uint64_t i = 1; i <= 3; i++) {
		struct fx_gate gate = FX_GATE_SHUT;
		ferry_request held = fx_hold(s.context, &gate);
		uint32_t n = stalls_n(&s.heard);
		const struct stall *r;

		T_WAIT_UNTIL(fx_counters(s.context).threads_lost == i,
		    FX_LIMIT_MS);
		/* What comes next of the same one. */
		r = stalls_await(&s.heard, n, FERRY_STALL_GOES_ON);
		T_EQ(r->s.request, held);
		release(&gate, held);
		stalls_await(&s.heard, n, FERRY_STALL_ENDED);
		T_WAIT_UNTIL(health(s.context).listener == 0, FX_LIMIT_MS);
		T_EQ(fx_counters(s.context).stall_episodes, i);
		T_WAIT_UNTIL(health(s.context).level == FERRY_LEVEL_NONE,
		    FX_LIMIT_MS);
	}
	fx_close(s.context);
	T_OK(ferry_inbox_close(NULL, s.inbox));
	stalls_of_scene = NULL;
	stalls_free(&s.heard);
}

enum { EPISODES = 12 };

static int
nap_run(ferry_call call, void *ms)
{
	(void)call;
	t_sleep_ms((unsigned)(uintptr_t)ms);
	return FERRY_OK;
}

/* Lengths about the level, and some time between; then the kinds alternate as
 * they should. */
static void
each_beginning_has_its_end(void)
{
	struct t_rng rng = {t_seed()};
	struct scene s;
	int open = 0;

	scene_open(&s, NULL);
	for (int i = 0; i < EPISODES; i++) {
		uint64_t ms = stalled_ms() / 2 +
		    t_rand_below(&rng, 2 * stalled_ms());

		T_EQ(fx_do_wait(s.context, nap_run,
		    (void *)(uintptr_t)ms), FERRY_OK);
		t_sleep_ms((unsigned)t_rand_below(&rng, stalled_ms()));
	}
	scene_settle(&s);
	for (uint32_t i = 0; i < stalls_n(&s.heard); i++) {
		const ferry_stall *r = &s.heard.at[i]->s;

		if (r->kind == FERRY_STALL_OVERLOADED)
			continue;
		T_EQ(r->kind == FERRY_STALL_BEGAN, !open);
		open = r->kind != FERRY_STALL_ENDED;
	}
	T_EQ(open, 0);
	T_EQ(fx_counters(s.context).stall_episodes,
	    stalls_count(&s.heard, FERRY_STALL_BEGAN));
	scene_close(&s);
}

struct closing {
	ferry_context context;
	atomic_int closed;
};

static void *
close_it(void *arg)
{
	struct closing *c = arg;

	T_OK(ferry_context_close(c->context, NULL, NULL));
	atomic_store(&c->closed, 1);
	return NULL;
}

/* A context that closes while an episode goes on: its end is told before the
 * close returns. */
static void
ends_with_its_context(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	struct closing c = {0};
	pthread_t thread;
	ferry_request held;

	scene_open(&s, NULL);
	c.context = s.context;
	held = fx_hold(s.context, &gate);
	stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	thread = t_thread_start(close_it, &c);
	ear_await_closing(s.context);
	release(&gate, held);
	t_thread_join(thread);
	T_EQ(atomic_load(&c.closed), 1);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_BEGAN), 1);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_ENDED), 1);
	T_OK(ferry_inbox_close(NULL, s.inbox));
	stalls_of_scene = NULL;
	stalls_free(&s.heard);
}

/* One that rises sooner than the other one's end is believed. */
static ferry_context
open_hasty(void)
{
	ferry_context_options o = watched_options();

	o.levels.slow_ms = slow_ms() / 4;
	o.levels.stalled_ms = slow_ms() / 2;
	o.levels.wedged_ms = slow_ms();
	o.worker_key = "shared";
	return fx_open_with(&o);
}

/* An episode that begins with one context's call, and goes on with another's:
 * who heard of its begin hears of its end. */
static void
ends_for_who_heard_of_it(void)
{
	struct fx_gate first = FX_GATE_SHUT, then = FX_GATE_SHUT, *gate = &then;
	struct stalls heard = STALLS;
	ferry_watch_options o = watching_by(&heard);
	ferry_context_options co = watched_options();
	struct scene s;
	ferry_context hasty;
	ferry_request held, next;

	co.worker_key = "shared";
	scene_open(&s, &co);
	hasty = open_hasty();
	T_OK(ferry_context_watch(hasty, &o));
	held = fx_hold(s.context, &first);
	next = fx_submit(hasty, FX_GATE, &gate, sizeof gate, NULL);
	stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	release(&first, held);
	stalls_await(&heard, 0, FERRY_STALL_GOES_ON);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_ENDED), 0);
	release(&then, next);
	T_EQ(stalls_await(&heard, 0, FERRY_STALL_ENDED)->s.request, next);
	T_EQ(stalls_await(&s.heard, 0, FERRY_STALL_ENDED)->s.request, next);
	T_EQ(fx_counters(hasty).stall_episodes, 1);
	fx_close(hasty);
	scene_close(&s);
	stalls_free(&heard);
}

/* ----------------------------------------------------------- where it runs */

static void
look_round(const ferry_stall *s, void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	char name[16] = "";
	uint32_t tid = health(context).watcher_thread;

	T_ASSERT(fx_is_id_of(tid, fx_tid()));
	T_OK(pthread_getname_np(pthread_self(), name, sizeof name));
	T_EQ(s->context, context);
	T_EQ(ferry_context_watch(context, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_EREENTRANT);
	if (s->kind == FERRY_STALL_BEGAN)
		T_OK(ferry_request_cancel(s->request));
}

static void
open_gate(ferry_call call, void *gate)
{
	(void)call;
	fx_gate_open(gate);
}

static int
interruptible_run(ferry_call call, void *gate)
{
	T_OK(ferry_call_on_cancel(call, open_gate, gate));
	fx_gate_pass(gate);
	return ferry_call_check(call);
}

/* The event thread; and the main use: it cancels what it hears of. */
static void
callback_may_cancel(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request request;

	scene_open(&s, NULL);
	s.heard.also = look_round;
	s.heard.arg = &s.context;
	request = fx_do(s.context, interruptible_run, &gate);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	scene_close(&s);
}

/* ---------------------------------------------------------------- refusals */

static int
watch_run(ferry_call call, void *arg)
{
	ferry_call_info info = {.struct_size = sizeof info};

	(void)arg;
	T_OK(ferry_call_describe(&info, call));
	return ferry_context_watch(info.context, NULL);
}

static void
watch_in_listener(struct ear *e)
{
	e->result = ferry_context_watch(e->context, NULL);
}

static void
refused_in_callbacks(void)
{
	ferry_context context = open_watched();
	struct ear e = {.also = watch_in_listener};

	T_EQ(fx_do_wait(context, watch_run, NULL), FERRY_EREENTRANT);
	ear_add(&e, context, FERRY_EVENT_ANY);
	ear_emit(context, FX_TICK, 0);
	ear_await(&e, 1);
	ear_settle(context);
	T_EQ(e.result, FERRY_EREENTRANT);
	fx_close(context);
}

/* After an error all is as it was. */
static void
refused_options(void)
{
	struct { ferry_watch_options o; uint64_t more; } longer = {.more = 1};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	ferry_watch_options o;

	scene_open(&s, NULL);
	o = watching_by(&s.heard);
	o.flags = 1u << 31;
	T_EQ(ferry_context_watch(s.context, &o), FERRY_EINVAL);
	o = watching_by(&s.heard);
	o.actions[1] = 1u << 30;
	T_EQ(ferry_context_watch(s.context, &o), FERRY_EINVAL);
	o = watching_by(&s.heard);
	o.actions[2] = FERRY_ACTION_FILE;
	T_EQ(ferry_context_watch(s.context, &o), FERRY_EINVAL);
	o = watching_by(&s.heard);
	o.actions[3] = FERRY_ACTION_CALLBACK;
	o.callback = NULL;
	T_EQ(ferry_context_watch(s.context, &o), FERRY_EINVAL);
	o = watching_by(&s.heard);
	o.struct_size = 1;
	T_EQ(ferry_context_watch(s.context, &o), FERRY_EINVAL);
	longer.o = watching_by(&s.heard);
	longer.o.struct_size = sizeof longer;
	T_EQ(ferry_context_watch(s.context, &longer.o), FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_context_watch(0, NULL)));
	T_ASSERT(fx_no_token(ferry_context_watch(FX_FORGED, NULL)));
	held = fx_hold(s.context, &gate);
	stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	release(&gate, held);
	scene_close(&s);
	T_EQ(ferry_context_watch(s.context, NULL), FERRY_ESTALE);
}

/* What drains is watched to its end. */
static void
refused_once_closed(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context context = fx_open();
	struct closing c = {.context = context};
	ferry_request held = fx_hold(context, &gate);
	pthread_t thread = t_thread_start(close_it, &c);

	ear_await_closing(context);
	T_OK(ferry_context_watch(context, NULL));
	release(&gate, held);
	t_thread_join(thread);
	T_EQ(ferry_context_watch(context, NULL), FERRY_ESTALE);
}

static void
in_a_child(void *context)
{
	T_EQ(ferry_context_watch(*(ferry_context *)context, NULL),
	    FERRY_EFORKED);
}

static void
refused_after_a_fork(void)
{
	struct scene s;

	scene_open(&s, NULL);
	fx_in_child(in_a_child, &s.context);
	scene_close(&s);
}

static void *
watch_with_a_cancel_pending(void *arg)
{
	ferry_watch_options o = {.struct_size = sizeof o};

	T_OK(pthread_cancel(pthread_self()));
	T_OK(ferry_context_watch(*(ferry_context *)arg, &o));
	pthread_testcancel();
	return NULL;
}

/* It loads what unwinds stacks, which opens files. First, so that it does. */
static void
no_point_of_cancellation(void)
{
	ferry_context context = fx_open();

	T_ASSERT(t_thread_join(t_thread_start(watch_with_a_cancel_pending,
	    &context)) == PTHREAD_CANCELED);
	T_OK(ferry_context_watch(context, NULL));
	fx_close(context);
}

T_MAIN(
	T_RUN(no_point_of_cancellation);
	T_RUN(replaced_while_it_runs);
	T_RUN(replaced_all_the_time);
	T_RUN(callback_ends_its_thread);
	T_RUN(each_beginning_has_its_end);
	T_RUN(ends_with_its_context);
	T_RUN(ends_for_who_heard_of_it);
	T_RUN(callback_may_cancel);
	T_RUN(refused_in_callbacks);
	T_RUN(refused_options);
	T_RUN(refused_once_closed);
	T_RUN(refused_after_a_fork);
)
