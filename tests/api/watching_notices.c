/*
 * ferry_context_watch(): notices and counts of episodes. Who has not heard of a
 * begin hears of no end, and who has hears of it, whatever closes meanwhile.
 */
#include "ear.h"
#include "stalls.h"

static void
watch_at(struct scene *s, const uint32_t actions[4])
{
	ferry_watch_options o = watching_by(&s->heard);

	memcpy(o.actions, actions, sizeof o.actions);
	T_OK(ferry_context_watch(s->context, &o));
}

static void
release(struct fx_gate *gate, ferry_request held)
{
	fx_gate_open(gate);
	T_EQ(fx_wait(held), FERRY_OK);
}

/* An episode that the callback alone is told of is one, and no inbox hears
 * anything, its end neither. */
static void
no_end_without_a_begin(void)
{
	static const uint32_t actions[] = {FERRY_ACTION_CALLBACK, FERRY_OFF,
	    FERRY_OFF, FERRY_OFF};
	struct scene s;
	ferry_completion c;

	scene_open(&s, NULL);
	watch_at(&s, actions);
	for (uint64_t i = 1; i <= 2; i++) {
		struct fx_gate gate = FX_GATE_SHUT;
		uint32_t n = stalls_n(&s.heard);
		ferry_request held = fx_hold(s.context, &gate);

		stalls_await(&s.heard, n, FERRY_STALL_BEGAN);
		T_EQ(fx_counters(s.context).stall_episodes, i);
		release(&gate, held);
		stalls_await(&s.heard, n, FERRY_STALL_ENDED);
		T_EQ(fx_counters(s.context).stall_episodes, i);
		T_EQ(ferry_inbox_take(&c, 1, s.inbox), 0);
	}
	scene_close(&s);
}

/* Nor does an inbox that came in the middle of one. */
static void
no_end_for_who_came_late(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_inbox late;
	ferry_request held;
	ferry_completion c;

	scene_open(&s, NULL);
	held = fx_hold(s.context, &gate);
	stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	late = watch(s.context, NULL);
	release(&gate, held);
	stalls_await(&s.heard, 0, FERRY_STALL_ENDED);
	T_EQ(ferry_inbox_take(&c, 1, late), 0);
	scene_close(&s);
	T_OK(ferry_inbox_close(NULL, late));
}

static const struct stall *
await_level(struct scene *s, uint32_t level)
{
	const struct stall *r = NULL;

	T_WAIT_UNTIL(({
		pthread_mutex_lock(&s->heard.lock);
		for (uint32_t i = 0; i < s->heard.n; i++)
			if (s->heard.at[i]->s.level >= level)
				r = s->heard.at[i];
		pthread_mutex_unlock(&s->heard.lock);
		r != NULL;
	}), FX_LIMIT_MS);
	return r;
}

/* A notice at each level, of one and the same episode: merged they are one, and
 * a next one is the second. */
static void
counts_episodes(void)
{
	const uint32_t both = FERRY_ACTION_NOTICE | FERRY_ACTION_CALLBACK;
	const uint32_t actions[] = {both, both, both, FERRY_OFF};
	struct fx_gate gate = FX_GATE_SHUT, again = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	ferry_completion c;
	uint32_t n;

	scene_open(&s, NULL);
	watch_at(&s, actions);
	held = fx_hold(s.context, &gate);
	T_EQ(await_level(&s, FERRY_LEVEL_WEDGED)->s.request, held);
	c = take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.level, FERRY_LEVEL_WEDGED);
	T_EQ(c.count, 1);
	fx_done(&c);
	T_EQ(fx_counters(s.context).stall_episodes, 1);
	release(&gate, held);
	n = stalls_n(&s.heard);
	scene_settle(&s);
	held = fx_hold(s.context, &again);
	stalls_await(&s.heard, n, FERRY_STALL_BEGAN);
	release(&again, held);
	scene_settle(&s);
	c = take_notice(s.inbox, FERRY_KIND_RESPONDING);
	T_EQ(c.request, held);
	T_EQ(c.count, 1);
	fx_done(&c);
	T_EQ(fx_counters(s.context).stall_episodes, 2);
	scene_close(&s);
}

/* -------------------------------------------------------------- a close */

static void *
close_it(void *context)
{
	T_OK(ferry_context_close(*(ferry_context *)context, NULL, NULL));
	return NULL;
}

/* A begin, its end, and CLOSED, in that order. */
static void
check_inbox(ferry_inbox inbox)
{
	int open = 0, ended = 0;
	ferry_completion c;

	do {
		c = fx_take(inbox);
		if (c.kind == FERRY_KIND_NOT_RESPONDING) {
			open = 1;
		} else if (c.kind == FERRY_KIND_RESPONDING) {
			open = 0;
			ended++;
		} else if (c.kind != FERRY_KIND_CLOSED) {
			T_EQ(c.kind, FERRY_KIND_OVERLOADED);
		}
		fx_done(&c);
	} while (c.kind != FERRY_KIND_CLOSED);
	T_EQ(open, 0);
	T_GE(ended, 1);
}

/* The episode that began with its call goes on with a sibling's, when it
 * closes: it has ended for those who heard of it here. */
static void
ends_with_a_context_that_is_not_blamed(void)
{
	struct fx_gate first = FX_GATE_SHUT, then = FX_GATE_SHUT, *gate = &then;
	struct stalls heard = STALLS;
	ferry_watch_options o = watching_by(&heard);
	ferry_context_options co = watched_options();
	ferry_request held, next, last = 0;
	ferry_context sibling;
	pthread_t thread;
	struct scene s;

	co.worker_key = "shared";
	scene_open(&s, &co);
	sibling = fx_open_with(&co);
	T_OK(ferry_context_watch(sibling, &o));
	held = fx_hold(s.context, &first);
	next = fx_submit(sibling, FX_GATE, &gate, sizeof gate, NULL);
	stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	release(&first, held);
	T_WAIT_UNTIL(stalls_n(&heard) > 0, FX_LIMIT_MS);
	thread = t_thread_start(close_it, &s.context);
	ear_await_closing(s.context);
	for (int i = 0; i < 200; i++) {
		if (last != 0)
			T_OK(ferry_request_release(last));
		last = fx_submit(sibling, FX_NOP, NULL, 0, NULL);
	}
	fx_gate_open(&then);
	t_thread_join(thread);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_ENDED),
	    stalls_count(&s.heard, FERRY_STALL_BEGAN));
	check_inbox(s.inbox);
	T_EQ(fx_wait(next), FERRY_OK);
	T_EQ(fx_wait(last), FERRY_OK);
	stalls_await(&heard, 0, FERRY_STALL_ENDED);
	fx_close(sibling);
	scene_free(&s);
	stalls_free(&heard);
}

T_MAIN(
	T_RUN(no_end_without_a_begin);
	T_RUN(no_end_for_who_came_late);
	T_RUN(counts_episodes);
	T_RUN(ends_with_a_context_that_is_not_blamed);
)
