/*
 * Scopes, by what the watcher makes of them: in real time. All limits are many
 * times what the handler takes where nothing may be said.
 */
#include "dumped.h"
#include "stalls.h"

static uint32_t
ample_ms(void)
{
	return FX_LIMIT_MS * (uint32_t)t_slow();
}

/* The handler's work, which no level would stand; and when it was. */
static atomic_uint_least64_t work_began_ns, work_ended_ns;

static void
work(void)
{
	work_began_ns = t_now_ns();
	t_sleep_ms(2 * wedged_ms());
	work_ended_ns = t_now_ns();
}

/* Time in which a call may have waited for a processor, where that is not known
 * and counts: it is none of what else is expected. */
static uint64_t
untold(uint64_t ns)
{
	return T_PORTABLE || runs_in_another() ? ns : 0;
}

static void
expect_nothing(struct scene *s, uint64_t outside_ns)
{
	scene_settle(s);
	if (untold(outside_ns) >= stalled_ms() * UINT64_C(1000000)) {
		dprintf(1, "  (too slow to tell: %ju ms)\n",
		    (uintmax_t)outside_ns / 1000000);
		return;
	}
	/* But, on a busy machine, that it is one. */
	T_EQ(stalls_n(&s->heard), stalls_count(&s->heard,
	    FERRY_STALL_OVERLOADED));
	T_EQ(fx_counters(s->context).stall_episodes, 0);
	T_EQ(health(s->context).level, FERRY_LEVEL_NONE);
}

/* --------------------------------------------------------- nothing is said */

static int
pushed_run(ferry_call call, void *arg)
{
	(void)arg;
	T_OK(ferry_scope_push(call, "rebuild", ample_ms()));
	work();
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

static int
extended_run(ferry_call call, void *arg)
{
	(void)arg;
	T_OK(ferry_scope_extend(call, ample_ms(), "a large one"));
	work();
	return FERRY_OK;
}

/* Hardly anything, and then more. */
static int
scope_extended_run(ferry_call call, void *arg)
{
	(void)arg;
	T_OK(ferry_scope_push(call, "rebuild", slow_ms()));
	T_OK(ferry_scope_extend(call, ample_ms(), "a large one"));
	work();
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

static int
exempt_run(ferry_call call, void *arg)
{
	(void)arg;
	T_OK(ferry_scope_exempt(call, "waits for its user"));
	work();
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

/* The inner one is measured alone; what is outside rests, though its limit is
 * long past. */
static int
nested_run(ferry_call call, void *arg)
{
	(void)arg;
	T_OK(ferry_scope_push(call, "outer", stalled_ms()));
	T_OK(ferry_scope_push(call, "inner", ample_ms()));
	work();
	T_OK(ferry_scope_pop(call));
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

static void
legal(int (*run)(ferry_call, void *))
{
	struct scene s;
	uint64_t began, outside;

	scene_open(&s, NULL);
	began = t_now_ns();
	T_EQ(fx_do_wait(s.context, run, NULL), FERRY_OK);
	outside = t_now_ns() - began - (work_ended_ns - work_began_ns);
	expect_nothing(&s, outside);
	scene_close(&s);
}

static void
legal_in_a_scope(void)
{
	legal(pushed_run);
	legal(scope_extended_run);
	legal(nested_run);
	legal(exempt_run);
}

static void
legal_by_extension(void)
{
	legal(extended_run);
}

/* --------------------------------------------------- even that is too long */

struct visit {
	struct fx_gate gate;
	uint32_t limit_ms;
	atomic_uint_least64_t since_ns;
};

static int
over_run(ferry_call call, void *arg)
{
	struct visit *v = arg;

	v->since_ns = t_now_ns();
	T_OK(ferry_scope_push(call, "rebuild", v->limit_ms / 2));
	T_OK(ferry_scope_extend(
	    call, v->limit_ms - v->limit_ms / 2, "a large one"));
	fx_gate_pass(&v->gate);
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

/* Reported by its name and reason, and not before its own limit. */
static void
over_its_limit(void)
{
	struct visit v = {.gate = FX_GATE_SHUT, .limit_ms = 2 * wedged_ms()};
	struct scene s;
	ferry_request request;
	const struct stall *r;
	ferry_completion c;

	scene_open(&s, NULL);
	request = fx_do(s.context, over_run, &v);
	c = take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);
	T_GE(t_now_ns() - v.since_ns, v.limit_ms * UINT64_C(1000000));
	T_EQ(c.request, request);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_GE(c.age_ns, v.limit_ms * UINT64_C(1000000));
	T_ASSERT(strstr(c.data, "rebuild") != NULL);
	T_ASSERT(strstr(c.data, "a large one") != NULL);
	fx_done(&c);
	r = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	T_EQ(r->s.request, request);
	T_STR(r->scope, "rebuild");
	T_STR(r->reason, "a large one");
	T_GE(r->s.age_ns, v.limit_ms * UINT64_C(1000000));
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_OK);
	scene_close(&s);
}

static int
short_run(ferry_call call, void *arg)
{
	struct visit *v = arg;

	v->since_ns = t_now_ns();
	T_OK(ferry_scope_push(call, "short", v->limit_ms));
	fx_gate_pass(&v->gate);
	return FERRY_OK; /* popped by itself */
}

/* A scope may be stricter than the method. */
static void
stricter_than_its_method(void)
{
	struct visit v = {.gate = FX_GATE_SHUT, .limit_ms = 2 * slow_ms()};
	ferry_context_options o = fx_context_options();
	struct scene s;
	ferry_request request;
	const struct stall *r;

	o.levels.slow_ms = slow_ms();
	o.levels.stalled_ms = ample_ms();
	o.levels.wedged_ms = FERRY_OFF;
	scene_open(&s, &o);
	request = fx_do(s.context, short_run, &v);
	r = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	T_GE(t_now_ns() - v.since_ns, v.limit_ms * UINT64_C(1000000));
	T_STR(r->scope, "short");
	T_STR(r->reason, "");
	fx_gate_open(&v.gate);
	T_EQ(fx_wait(request), FERRY_OK);
	scene_close(&s);
}

/* ------------------------------------------------------------------- names */

#define FORGED "\n  verdict: FORGED\r\x1b[2J\x7f\n"

static int
forging(ferry_call call, const void *data, size_t size, void *state)
{
	struct fx_gate *gate;

	(void)state;
	T_EQ(size, sizeof gate);
	memcpy(&gate, data, sizeof gate);
	T_OK(ferry_scope_push(call, "s" FORGED, 2 * slow_ms()));
	T_OK(ferry_scope_extend(call, slow_ms(), "r" FORGED));
	fx_gate_pass(gate);
	return FERRY_OK;
}

static void
expect_lines(const char *text)
{
	T_ASSERT(strstr(text, "?  verdict: FORGED??[2J??\"") != NULL);
	for (const char *c = text; *c != 0; c++)
		T_ASSERT(*c == '\n' || ((unsigned char)*c >= ' ' &&
		    *c != 0x7f));
	T_ASSERT(strstr(text, "\n  verdict: FORGED") == NULL);
}

/* Names and reasons are somebody's, and stay in the line that they are in. */
static void
names_forge_no_lines(void)
{
	ferry_method method = {.struct_size = sizeof method,
	    .name = "m" FORGED, .handler = forging};
	ferry_library_options lo = {.struct_size = sizeof lo,
	    .name = "l" FORGED, .methods = &method, .n_methods = 1};
	ferry_context_options o = watched_options();
	struct fx_gate gate = FX_GATE_SHUT, *at = &gate;
	struct scene s;
	ferry_request request;
	ferry_completion c;
	const struct stall *r;
	char *dump;

	T_OK(ferry_library_open(&o.library, &lo));
	scene_open(&s, &o);
	T_OK(ferry_library_close(o.library));
	request = fx_submit(s.context, 0, &at, sizeof at, NULL);
	c = take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);
	expect_lines(c.data);
	fx_done(&c);
	r = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	expect_lines(r->text);
	/* What a program gets is what was said. */
	T_STR(r->scope, "s" FORGED);
	T_STR(r->reason, "r" FORGED);
	T_STR(r->method, "m" FORGED);
	T_STR(r->library, "l" FORGED);
	dump = dump_now();
	expect_lines(dump);
	free(dump);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	scene_close(&s);
}

/* --------------------------------------------------------- after the scope */

struct after {
	struct fx_gate gate;
	atomic_uint_least64_t popped_ns; /* just before */
	int (*during)(ferry_call call);
};

static int
during_exempt(ferry_call call)
{
	T_OK(ferry_scope_exempt(call, "waits for its user"));
	return FERRY_OK;
}

static int
during_ample(ferry_call call)
{
	return ferry_scope_push(call, "ample", ample_ms());
}

static int
after_run(ferry_call call, void *arg)
{
	struct after *a = arg;

	T_OK(a->during(call));
	work();
	a->popped_ns = t_now_ns();
	T_OK(ferry_scope_pop(call));
	fx_gate_pass(&a->gate);
	return FERRY_OK;
}

/* The call itself goes on where it was, which was its beginning. */
static void
stalls_after_its_scope(void)
{
	static int (*const ways[])(ferry_call) = {during_exempt, during_ample};

	for (int i = 0; i < 2; i++) {
		struct after a = {.gate = FX_GATE_SHUT, .during = ways[i]};
		struct scene s;
		ferry_request request;
		const struct stall *r;
		uint64_t began;

		scene_open(&s, NULL);
		began = t_now_ns();
		request = fx_do(s.context, after_run, &a);
		r = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
		/* Some ticks of what went before, at the most. */
		T_GE(t_now_ns() - a.popped_ns + untold(work_began_ns - began),
		    (stalled_ms() - slow_ms()) * UINT64_C(1000000));
		T_EQ(r->s.request, request);
		T_STR(r->scope, "");
		fx_gate_open(&a.gate);
		T_EQ(fx_wait(request), FERRY_OK);
		scene_close(&s);
	}
}

/* ----------------------------------------------------------------- strands */

struct lane_visit {
	struct fx_gate gate;
	atomic_int stall;
};

static int
strand_handler(ferry_call call, const void *data, size_t size, void *state)
{
	struct lane_visit *v;

	(void)state;
	T_EQ(size, sizeof v);
	memcpy(&v, data, sizeof v);
	T_OK(ferry_scope_push(call, "slowly", 2 * stalled_ms()));
	/* Many times that, but it holds nobody. */
	T_OK(ferry_strand_sleep(4 * wedged_ms()));
	if (atomic_load(&v->stall))
		fx_gate_pass(&v->gate);
	T_OK(ferry_scope_pop(call));
	return FERRY_OK;
}

static ferry_context
open_strands(void)
{
	ferry_method method = {.struct_size = sizeof method,
	    .flags = FERRY_METHOD_STRAND, .name = "strand",
	    .handler = strand_handler};
	ferry_library_options lo = {.struct_size = sizeof lo,
	    .name = "strands", .methods = &method, .n_methods = 1};
	ferry_context_options o = watched_options();
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &lo));
	context = fx_open_with(&o);
	T_OK(ferry_library_close(o.library));
	return context;
}

static void
strand_waits_in_its_scope(void)
{
	for (int stall = 0; stall <= 1; stall++) {
		struct lane_visit v = {.gate = FX_GATE_SHUT}, *at = &v;
		struct stalls heard = STALLS;
		ferry_watch_options o = watching_by(&heard);
		ferry_context context = open_strands();
		ferry_request request;
		const struct stall *r;

		atomic_store(&v.stall, stall);
		T_OK(ferry_context_watch(context, &o));
		request = fx_submit(context, 0, &at, sizeof at, NULL);
		if (stall) {
			r = stalls_await(&heard, 0, FERRY_STALL_BEGAN);
			T_EQ(r->s.request, request);
			T_STR(r->scope, "slowly");
			T_GE(r->s.age_ns, 2 * stalled_ms() *
			    UINT64_C(1000000));
			fx_gate_open(&v.gate);
		}
		T_EQ(fx_wait(request), FERRY_OK);
		if (stall)
			stalls_await(&heard, 0, FERRY_STALL_ENDED);
		fx_close(context);
		T_EQ(stalls_count(&heard, FERRY_STALL_BEGAN), stall);
		stalls_free(&heard);
	}
}

T_MAIN(
	T_RUN(legal_in_a_scope);
	T_RUN(legal_by_extension);
	T_RUN(over_its_limit);
	T_RUN(stricter_than_its_method);
	T_RUN(names_forge_no_lines);
	T_RUN(stalls_after_its_scope);
	T_RUN(strand_waits_in_its_scope);
)
