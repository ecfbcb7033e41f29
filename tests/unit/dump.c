/*
 * What a dump says of strands: those of its context, the oldest first, and how
 * many more there are. They are put into the worker's registry by hand.
 */
#include "api/dumped.h"

#include "ffi/context.h"
#include "ffi/dump.h"

static struct registry_slot *
enter(struct registry *r, struct registry_entry e)
{
	struct registry_slot *slot = ferry__registry_enter(r, &e);

	T_ASSERT(slot != NULL);
	return slot;
}

/* The writer is the FFI thread: on it these are run. */
#define ON_FFI(context, fn, arg) T_OK(fx_do_wait(context, fn, arg))

static struct registry *
registry(void)
{
	return &ferry__self.worker->registry;
}

enum { SECOND = 1000000000 };

static struct registry_slot *slots[100];

static int
enter_states(ferry_call call, void *arg)
{
	uint64_t now = ferry__os_now_ns();
	struct registry_entry e = { .context = *(ferry_context *)arg,
		.progress_ns = now - 2 * (uint64_t)SECOND, .name = "query",
		.method = 3 };

	(void)call;
	for (int s = REGISTRY_FREE + 1; s < REGISTRY_STATES; s++) {
		e.strand = 100 + (uint64_t)s;
		e.request = 0xabc000 + (uint64_t)s;
		e.spawned_ns = now - (uint64_t)(20 - s) * SECOND;
		e.state = (enum registry_state)s;
		e.what = s == REGISTRY_SLEEPING
		    ? now + 3000 * (uint64_t)SECOND : 0xdef;
		slots[s] = enter(registry(), e);
	}
	return FERRY_OK;
}

static int
leave_states(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	for (int s = REGISTRY_FREE + 1; s < REGISTRY_STATES; s++)
		ferry__registry_leave(registry(), slots[s]);
	return FERRY_OK;
}

/* Seconds that have passed, of which the test may have taken some. */
static void
is_age(const char *at, const char *before, double seconds)
{
	const char *n = strstr(at, before);

	T_ASSERT(n != NULL);
	T_GE(strtod(n + strlen(before), NULL), seconds);
	T_LT(strtod(n + strlen(before), NULL), seconds + 60);
}

static void
has_strand(const char *part, int s, const char *is)
{
	char line[160];

	snprintf(line, sizeof line, "\n    %d: method 3 \"query\", request "
	    "0xabc%03x, %s for ", 100 + s, (unsigned)s, is);
	dump_has(part, line);
	part = strstr(part, line);
	is_age(part, " for ", 2);
	is_age(part, ", there for ", 20 - s);
	if (s == REGISTRY_SLEEPING)
		is_age(part, ", until ", 3000 - 60);
}

static void
every_state_is_told(void)
{
	ferry_context context = fx_open();
	char *text, *part;

	text = dump_now();
	T_EQ(dump_count(text, "strands"), 0);
	free(text);
	ON_FFI(context, enter_states, &context);
	text = dump_now();
	part = dump_of(text, context);
	dump_has(part, "\n  strands seen: 6; its worker: 0 changing, "
	    "0 not listed, 0 of them ever\n");
	has_strand(part, REGISTRY_READY, "ready");
	has_strand(part, REGISTRY_RUNNING, "running");
	has_strand(part, REGISTRY_SLEEPING, "sleeping");
	has_strand(part, REGISTRY_AWAITING, "awaiting 0xdef");
	has_strand(part, REGISTRY_OFFLOADED, "offloaded");
	has_strand(part, REGISTRY_POLLING, "polling descriptor 3567");
	T_EQ(dump_count(part, ", until "), 1);
	T_EQ(dump_count(part, " more\n"), 0);
	free(text);
	ON_FFI(context, leave_states, NULL);
	fx_close(context);
}

/* ---- two contexts on one worker, more than are listed ---- */

enum { STRANDS = 60 };

static int
enter_many(ferry_call call, void *arg)
{
	const ferry_context *contexts = arg;

	(void)call;
	/* Even ones are the first context's, and later ones are older. */
	for (unsigned i = 0; i < STRANDS; i++)
		slots[i] = enter(registry(), (struct registry_entry){
		    .strand = 1000 + i, .context = contexts[i % 2],
		    .spawned_ns = 1000 - i, .state = REGISTRY_READY });
	return FERRY_OK;
}

static int
leave_many(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	for (unsigned i = 0; i < STRANDS; i++)
		ferry__registry_leave(registry(), slots[i]);
	return FERRY_OK;
}

static void
the_oldest_of_each(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context contexts[2];
	const char *at = NULL;
	char line[64], *text, *part;

	o.worker_key = "dump";
	contexts[0] = fx_open_with(&o);
	contexts[1] = fx_open_with(&o);
	ON_FFI(contexts[0], enter_many, contexts);
	for (unsigned c = 0; c < 2; c++) {
		text = dump_now();
		part = dump_of(text, contexts[c]);
		dump_has(part, "strands seen: 30; ");
		dump_has(part, "\n    and 10 more\n");
		T_EQ(dump_count(part, ": method 0 \"?\", request 0x0, ready"),
		    20);
		for (unsigned i = 0; i < 20; i++) {
			snprintf(line, sizeof line, "\n    %u: method",
			    1000 + STRANDS - 2 + c - 2 * i);
			dump_has(part, line);
			T_ASSERT(i == 0 || strstr(part, line) > at);
			at = strstr(part, line);
		}
		free(text);
	}
	ON_FFI(contexts[0], leave_many, NULL);
	fx_close(contexts[0]);
	fx_close(contexts[1]);
}

/* ---- what could not be listed, or read ---- */

static int
enter_badly(ferry_call call, void *arg)
{
	struct registry_entry e = { .context = *(ferry_context *)arg,
		.state = REGISTRY_READY };

	(void)call;
	registry()->limit = 1;
	slots[0] = enter(registry(), e);
	T_ASSERT(ferry__registry_enter(registry(), &e) == NULL);
	T_ASSERT(ferry__registry_enter(registry(), &e) == NULL);
	ferry__registry_leave(registry(), NULL);
	slots[1] = (void *)(uintptr_t)ferry__registry_begin(slots[0]);
	return FERRY_OK;
}

static int
leave_well(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	ferry__registry_end(
	    slots[0], (uint64_t)(uintptr_t)slots[1], REGISTRY_READY);
	ferry__registry_leave(registry(), slots[0]);
	ferry__registry_leave(registry(), NULL);
	return FERRY_OK;
}

static void
the_rest_is_counted(void)
{
	ferry_context context = fx_open();
	struct worker *w;
	struct context *c;
	char *text;

	T_OK(ferry__context_find(&c, context));
	w = ferry__context_worker(c);
	memset(&w->registry, 0, sizeof w->registry); /* a former life's */
	ON_FFI(context, enter_badly, &context);
	text = dump_now();
	dump_has(dump_of(text, context), "\n  strands seen: 0; its worker: "
	    "1 changing, 1 not listed, 2 of them ever\n");
	free(text);
	ON_FFI(context, leave_well, NULL);
	fx_close(context);
}

T_MAIN(
	T_RUN(every_state_is_told);
	T_RUN(the_oldest_of_each);
	T_RUN(the_rest_is_counted);
)
