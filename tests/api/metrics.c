/*
 * A context's numbers as text: sizes, errors, and while everything moves. What
 * they say is read in metrics_py.py.
 */
#include "fixture.h"

enum { ROOM = 1 << 18 };

static char whole[ROOM], part[ROOM];

static size_t
length(ferry_context context, uint32_t format)
{
	size_t n = 77;

	T_EQ(ferry_context_metrics(&n, NULL, 0, context, format),
	    FERRY_E2BIG);
	T_GT(n, 100);
	return n;
}

static void
run_some(ferry_context context, int n)
{
	for (int i = 0; i < n; i++)
		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
	fx_rest(context);
}

/* The same, but for what changes while the context is at rest: how often its
 * worker went to sleep, and what comes after that. */
static void
same_beginning(const char *a, const char *b, size_t n)
{
	const char *parks = strstr(a, "parks");

	T_ASSERT(parks != NULL);
	if ((size_t)(parks - a) < n)
		n = (size_t)(parks - a);
	T_ASSERT(memcmp(a, b, n) == 0);
}

static void
cut_off(ferry_context context, uint32_t format)
{
	size_t n = 0, got = 0;

	T_OK(ferry_context_metrics(&n, whole, ROOM, context, format));
	T_EQ(strlen(whole), n);
	for (size_t size = 0; size < n - 40; size += 1 + size / 8) {
		memset(part, 0x5a, n + 2);
		T_EQ(ferry_context_metrics(
		    &got, part, size, context, format), FERRY_E2BIG);
		T_ASSERT(got + 20 > n && got < n + 20);
		T_EQ(part[size], 0x5a);
		if (size == 0)
			continue;
		T_EQ(strlen(part), size - 1);
		same_beginning(whole, part, size - 1);
	}
}

static void
sizes(void)
{
	ferry_context context = fx_open();

	run_some(context, 200);
	cut_off(context, FERRY_METRICS_TEXT);
	cut_off(context, FERRY_METRICS_JSON);
	fx_close(context);
}

/* With just as much room as it asks for, and with one byte less. Its text has
 * numbers of constant width: seconds, as long as there are few. */
static void
exact_room(void)
{
	ferry_context context = fx_open();
	size_t n = length(context, FERRY_METRICS_TEXT), got = 0;

	T_EQ(ferry_context_metrics(
	    &got, part, n, context, FERRY_METRICS_TEXT), FERRY_E2BIG);
	T_EQ(got, n);
	T_OK(ferry_context_metrics(
	    &got, part, n + 1, context, FERRY_METRICS_TEXT));
	T_EQ(got, n);
	T_EQ(part[n], 0);
	T_EQ(part[n - 1], '\n');
	fx_close(context);
}

static void
arguments(void)
{
	ferry_context context = fx_open();
	size_t n = 77;

	T_EQ(ferry_context_metrics(NULL, part, ROOM, context,
	    FERRY_METRICS_TEXT), FERRY_EINVAL);
	T_EQ(ferry_context_metrics(&n, NULL, 1, context, FERRY_METRICS_TEXT),
	    FERRY_EINVAL);
	T_EQ(ferry_context_metrics(&n, part, ROOM, context, 0), FERRY_EINVAL);
	T_EQ(ferry_context_metrics(&n, part, ROOM, context, 3), FERRY_EINVAL);
	T_EQ(ferry_context_metrics(&n, part, ROOM, 0, FERRY_METRICS_TEXT),
	    FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_context_metrics(
	    &n, part, ROOM, FX_FORGED, FERRY_METRICS_TEXT)));
	T_EQ(n, 77);
	fx_close(context);
	T_EQ(ferry_context_metrics(
	    &n, part, ROOM, context, FERRY_METRICS_TEXT), FERRY_ESTALE);
	T_EQ(n, 77);
}

/* A method that has not run has no histogram; a hundred and more times it has
 * run it has one, and its waits are counted 64 at a time. */
static void
methods_that_ran(void)
{
	ferry_context context = fx_open();
	size_t n;

	T_OK(ferry_context_metrics(
	    &n, whole, ROOM, context, FERRY_METRICS_TEXT));
	T_ASSERT(strstr(whole, "method=\"nop\"") == NULL);
	run_some(context, 128);
	T_OK(ferry_context_metrics(
	    &n, whole, ROOM, context, FERRY_METRICS_TEXT));
	T_ASSERT(strstr(whole, "method=\"nop\"") != NULL);
	T_ASSERT(strstr(whole, "method=\"echo\"") == NULL);
	fx_close(context);
	/* The next context in the slot begins anew. */
	context = fx_open();
	T_OK(ferry_context_metrics(
	    &n, whole, ROOM, context, FERRY_METRICS_TEXT));
	T_ASSERT(strstr(whole, "method=\"nop\"") == NULL);
	fx_close(context);
}

/* ------------------------------------------------------------- under load */

struct reader {
	ferry_context context;
	atomic_int stop;
	_Atomic uint64_t done;
};

static void *
read_on(void *arg)
{
	static char buf[ROOM];
	struct reader *r = arg;
	ferry_ledger_entry e;
	size_t n;
	int result;

	do {
		result = ferry_context_metrics(&n, buf, ROOM, r->context,
		    r->done % 2 ? FERRY_METRICS_TEXT : FERRY_METRICS_JSON);
		if (result == FERRY_OK)
			T_EQ(strlen(buf), n);
		else
			T_ASSERT(result == FERRY_ESTALE ||
			    result == FERRY_ECLOSED);
		result = ferry_context_ledger(&e, 1, NULL, r->context);
		T_ASSERT(result >= 0 || result == FERRY_ESTALE ||
		    result == FERRY_ECLOSED);
		atomic_fetch_add(&r->done, 1);
	} while (!atomic_load(&r->stop));
	return NULL;
}

/* While requests run, and across the context's close. */
static void
read_while_all_moves(void)
{
	ferry_request_options o = fx_request_options();
	uint64_t done = 0;

	for (int i = 0; i < 20; i++) {
		struct reader r = {.context = fx_open()};
		struct fx_slot slot = {0};
		pthread_t thread = t_thread_start(read_on, &r);
		int accepted = 0;

		T_WAIT_UNTIL(atomic_load(&r.done) > 0, FX_LIMIT_MS);
		o.callback = fx_on_reply;
		o.user = &slot;
		for (int j = 0; j < 3000; j++)
			accepted += ferry_request_submit(NULL, r.context,
			    j % 2 ? FX_NOP : FX_ECHO, "x", 1, &o) == FERRY_OK;
		T_WAIT_UNTIL(
		    atomic_load(&slot.calls) == accepted, FX_LIMIT_MS);
		fx_close(r.context);
		atomic_store(&r.stop, 1);
		t_thread_join(thread);
		done += atomic_load(&r.done);
	}
	dprintf(1, "\t%ju looks\n", (uintmax_t)done);
}

T_MAIN(
	T_RUN(sizes);
	T_RUN(exact_room);
	T_RUN(arguments);
	T_RUN(methods_that_ran);
	T_RUN(read_while_all_moves);
)
