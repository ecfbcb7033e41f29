/*
 * A place under `depth` is free again after the reply, however the request
 * ended and whatever the FFI thread does then. A submit that is refused wakes
 * nobody, so a place that is kept back is kept for ever.
 */
#include "strands.h"

enum { DEPTH = 20, TURNS = 20 };

static ferry_context
open_of(ferry_library library, const char *worker_key, uint64_t depth)
{
	ferry_context_options o = fx_context_options();

	o.library = library;
	o.worker_key = worker_key;
	o.depth = depth;
	o.shards = 1;
	return fx_open_with(&o);
}

/* By callback: the FFI thread is who gives the place back. */
static int
submit(ferry_context context, struct fx_slot *slot)
{
	ferry_request_options o = fx_to_slot(slot);

	return ferry_request_submit(NULL, context, FX_NOP, NULL, 0, &o);
}

static void
run_job(ferry_context context, uint32_t method, struct fx_job job)
{
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	int r;

	/* The place of the one before is free shortly after its reply. */
	T_WAIT_UNTIL((r = ferry_request_submit(NULL, context, method, &job,
	    sizeof job, &o)) != FERRY_EAGAIN, FX_LIMIT_MS);
	T_OK(r);
	T_WAIT_UNTIL(atomic_load(&slot.calls) == 1, FX_LIMIT_MS);
}

struct behind {
	ferry_context context;
	struct fx_gate *gate;
	ferry_request request;
};

static void *
submit_behind(void *arg)
{
	struct behind *b = arg;

	b->request = fx_submit(
	    b->context, FX_GATE, &b->gate, sizeof b->gate, NULL);
	return NULL;
}

/* All of this thread's requests have been answered: it has its whole depth,
 * with the FFI thread in another one's request, where it gives nothing. */
static void
expect_all_places(ferry_context context)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct behind b = {.context = context, .gate = &gate};
	struct fx_slot slot = {0};
	int n = 0;

	fx_rest(context);
	t_thread_join(t_thread_start(submit_behind, &b));
	fx_gate_await(&gate, 1);
	while (submit(context, &slot) == FERRY_OK)
		n++;
	T_EQ(n, DEPTH);
	fx_gate_open(&gate);
	T_EQ(fx_wait(b.request), FERRY_OK);
	T_WAIT_UNTIL(atomic_load(&slot.calls) == n, FX_LIMIT_MS);
}

/* ----------------------------------------------------------------- strands */

static int
naps(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_sleep(1);
}

static int
yields(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_yield();
}

static int
goes_on(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return FERRY_OK;
}

static void
after_strands_that(int (*run)(ferry_call, void *), uint64_t depth)
{
	ferry_library library = st_library();
	ferry_context context = open_of(library, NULL, depth);

	for (int i = 0; i < TURNS; i++)
		run_job(context, ST_STRAND, (struct fx_job){run, NULL});
	if (depth == DEPTH)
		expect_all_places(context);
	fx_close(context);
	T_OK(ferry_library_close(library));
}

static void
after_strands_that_waited(void)
{
	after_strands_that(naps, 1);
	after_strands_that(naps, DEPTH);
	after_strands_that(yields, 1);
	after_strands_that(yields, DEPTH);
}

static void
after_strands_that_did_not(void)
{
	after_strands_that(goes_on, 1);
	after_strands_that(goes_on, DEPTH);
}

/* -------------------------------------------------------------------- fini */

static ferry_request released;

static void
release_in_fini(void *state)
{
	(void)state;
	T_OK(ferry_request_release(released));
}

static void
after_another_fini_released_it(void)
{
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "fini",
	    .fini = release_in_fini};
	ferry_library with_fini, library = st_library();
	ferry_context closing, context;

	T_OK(ferry_library_open(&with_fini, &lo));
	closing = open_of(with_fini, "room", 0);
	context = open_of(library, "room", DEPTH);
	released = fx_submit(context, FX_NOP, NULL, 0, NULL);
	fx_rest(context);
	fx_close(closing);
	expect_all_places(context);
	fx_close(context);
	T_OK(ferry_library_close(library));
	T_OK(ferry_library_close(with_fini));
}

/* -------------------------------------------------------- one after another */

enum { STRANDS = 64 }; /* as many as go home together */

/* The same thread's place goes on to a context of another worker. Its nodes
 * must not lie in a list of the one before: TSan sees two write it. */
static void
in_the_context_after_it(void)
{
	ferry_library library = st_library();
	ferry_context before = open_of(library, "room", 0);
	ferry_context beside = open_of(library, "room", 0), after;
	struct fx_job job = {naps, NULL};
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	for (int i = 0; i < STRANDS; i++)
		T_OK(ferry_request_submit(
		    NULL, before, ST_STRAND, &job, sizeof job, &o));
	fx_close(before);
	T_EQ(atomic_load(&slot.calls), STRANDS);
	after = open_of(library, NULL, DEPTH);
	for (int i = 0; i < TURNS; i++) {
		T_OK(submit(beside, &slot));
		run_job(after, FX_DO, (struct fx_job){goes_on, NULL});
	}
	expect_all_places(after);
	fx_close(after);
	fx_close(beside);
	T_OK(ferry_library_close(library));
}

/* ------------------------------------------------------- of those that ran */

/* What is taken together may last: but for a quarter of the depth, who is
 * answered early need not wait for the last of it. */
static void
while_others_of_a_take_run(void)
{
	ferry_library library = fx_library();
	struct fx_gate first = FX_GATE_SHUT, last = FX_GATE_SHUT;
	struct fx_slot slot = {0};
	struct behind b = {.gate = &last};
	ferry_request held;
	int n = 0;

	b.context = open_of(library, NULL, DEPTH);
	held = fx_hold(b.context, &first);
	for (int i = 1; i < DEPTH; i++)
		T_OK(submit(b.context, &slot));
	t_thread_join(t_thread_start(submit_behind, &b));
	fx_gate_open(&first);
	fx_gate_await(&last, 1);
	T_EQ(atomic_load(&slot.calls), DEPTH - 1);
	while (submit(b.context, &slot) == FERRY_OK)
		n++;
	T_GE(n, DEPTH - 1 - DEPTH / 4);
	fx_gate_open(&last);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(b.request), FERRY_OK);
	T_WAIT_UNTIL(atomic_load(&slot.calls) == DEPTH - 1 + n, FX_LIMIT_MS);
	fx_close(b.context);
	T_OK(ferry_library_close(library));
}

T_MAIN(
	T_RUN(after_strands_that_waited);
	T_RUN(after_strands_that_did_not);
	T_RUN(after_another_fini_released_it);
	T_RUN(in_the_context_after_it);
	T_RUN(while_others_of_a_take_run);
)
