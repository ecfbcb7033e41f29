/*
 * What a report says of the requests behind a call that does not come back:
 * how many wait for that FFI thread, and for how long they surely have.
 */
#include "stalls.h"

static void
has_line(const struct stall *r, const char *line)
{
	T_ASSERT(strstr(r->text, line) != NULL);
}

/* All that wait for the thread, whosever they are; the struct tells of the
 * context's own. */
static void
of_all_contexts(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context_options o = watched_options();
	ferry_request held, last = 0;
	ferry_context sibling;
	const struct stall *r;
	struct scene s;

	o.worker_key = "queue";
	scene_open(&s, &o);
	sibling = fx_open_with(&o);
	held = fx_hold(s.context, &gate);
	for (int i = 0; i < 7; i++) {
		if (last != 0)
			T_OK(ferry_request_release(last));
		last = fx_submit(i < 2 ? s.context : sibling, FX_NOP, NULL, 0,
		    NULL);
	}
	r = stalls_await(&s.heard, 0, FERRY_STALL_GOES_ON);
	T_EQ(r->s.request, held);
	T_EQ(r->s.depth, 2);
	T_GT(r->s.oldest_ns, 0);
	has_line(r, "  queued behind it: 7, the oldest for ");
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(last), FERRY_OK);
	fx_close(sibling);
	scene_close(&s);
}

/* None is there for long: one is cancelled as soon as the next one has come. */
static void
of_those_that_are_there(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	uint64_t began[2], longest = 0;
	ferry_request held, queued, next;
	struct scene s;

	scene_open(&s, NULL);
	held = fx_hold(s.context, &gate);
	began[0] = t_now_ns();
	queued = fx_submit(s.context, FX_NOP, NULL, 0, NULL);
	while (stalls_find(&s.heard, 0, FERRY_STALL_GOES_ON) == NULL) {
		t_sleep_ms(2);
		began[1] = t_now_ns();
		next = fx_submit(s.context, FX_NOP, NULL, 0, NULL);
		T_OK(ferry_request_cancel(queued));
		T_EQ(fx_wait(queued), FERRY_ECANCELED);
		if (t_now_ns() - began[0] > longest)
			longest = t_now_ns() - began[0];
		queued = next;
		began[0] = began[1];
	}
	T_OK(ferry_request_cancel(queued));
	T_EQ(fx_wait(queued), FERRY_ECANCELED);
	if (t_now_ns() - began[0] > longest)
		longest = t_now_ns() - began[0];
	for (uint32_t i = 0; i < stalls_n(&s.heard); i++)
		T_LE(s.heard.at[i]->s.oldest_ns, longest);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	scene_close(&s);
}

T_MAIN(
	T_RUN(of_all_contexts);
	T_RUN(of_those_that_are_there);
)
