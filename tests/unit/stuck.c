/*
 * A wake-up that is lost, as health tells it: planted, by a park word that says
 * that somebody has woken the worker already.
 */
#include "api/dumped.h"

#include "ffi/context.h"
#include "ffi/stuck.h"

#define LIMIT_MS FX_LIMIT_MS

static atomic_uint ffi_thread;

static int
note_thread(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	atomic_store(&ffi_thread, fx_tid());
	return FERRY_OK;
}

static ferry_context
open_on(const char *key)
{
	static const ferry_method method = { .struct_size = sizeof method,
		.name = "note", .handler = note_thread };
	const ferry_library_options lo = { .struct_size = sizeof lo,
		.name = "l", .methods = &method, .n_methods = 1 };
	ferry_context_options co = { .struct_size = sizeof co,
		.worker_key = key };
	ferry_context context;

	T_OK(ferry_library_open(&co.library, &lo));
	T_OK(ferry_context_open(&context, &co));
	T_OK(ferry_library_close(co.library));
	return context;
}

static ferry_health
health(ferry_context context)
{
	ferry_health h = { .struct_size = sizeof h };

	T_OK(ferry_context_health(&h, context));
	return h;
}

static struct worker *
worker_of(ferry_context context)
{
	struct context *c;

	T_OK(ferry__context_find(&c, context));
	return ferry__context_worker(c);
}

static ferry_request
submit(ferry_context context)
{
	ferry_request request;

	T_OK(ferry_request_submit(&request, context, 0, NULL, 0, NULL));
	return request;
}

static void
await(ferry_request request)
{
	ferry_reply reply;

	T_OK(ferry_request_wait(&reply, request, LIMIT_MS));
}

static void
round_trip(ferry_context context)
{
	await(submit(context));
}

/* After a round trip: asleep, in a park whose word keeps every waker away. */
static void
deafen(ferry_context context)
{
	struct worker *w = worker_of(context);
	uint32_t word;

	T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IDLE, LIMIT_MS);
	/* In the system: on its way there it would see the word change. */
	fx_await_waiting(atomic_load(&ffi_thread));
	word = atom32_load_relaxed(&w->park.word);
	T_EQ(word & 3, PARK_ASLEEP);
	T_ASSERT(atom32_cas_seqcst(
	    &w->park.word, &word, (word & ~3u) | PARK_WOKEN));
}

static void
undeafen(ferry_context context)
{
	struct worker *w = worker_of(context);
	uint32_t word = atom32_load_relaxed(&w->park.word);

	T_ASSERT(atom32_cas_seqcst(
	    &w->park.word, &word, (word & ~3u) | PARK_ASLEEP));
	T_EQ(ferry__park_wake(&w->park), 1);
}

static void
told_with_its_age(void)
{
	ferry_context context = open_on(NULL);
	uint64_t began, end;
	ferry_request request;
	ferry_health h;

	for (int round = 0; round < 3; round++) {
		round_trip(context);
		deafen(context);
		T_EQ(health(context).lost_wakeup_ns, 0);
		T_EQ(health(context).lost_wakeup_ns, 0);
		request = submit(context);
		began = ferry__os_now_ns();
		/* Nobody has asked before: at least nothing. */
		T_EQ(health(context).lost_wakeup_ns, 0);
		T_WAIT_UNTIL((h = health(context),
		    h.lost_wakeup_ns > 20000000), LIMIT_MS);
		end = ferry__os_now_ns();
		T_EQ(h.worker, FERRY_THREAD_IDLE);
		T_EQ(h.queued, 1);
		T_LE(h.lost_wakeup_ns, end - began);
		undeafen(context);
		await(request);
		h = health(context);
		T_EQ(h.lost_wakeup_ns, 0);
		T_EQ(h.queued, 0);
	}
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* A dump is often the first and last one who looks: it looks twice. */
static void
told_by_a_single_dump(void)
{
	ferry_context context = open_on(NULL);
	ferry_request request;
	char *text;

	round_trip(context);
	deafen(context);
	text = dump_now();
	T_ASSERT(strstr(text, "asleep though") == NULL);
	free(text);
	request = submit(context);
	text = dump_now();
	dump_has(text, ": idle, level ");
	dump_has(text, "    asleep though requests are queued, for ");
	free(text);
	undeafen(context);
	await(request);
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* To who has requests in it, since the first who had: it is the worker that
 * sleeps. */
static void
of_a_worker_with_several(void)
{
	ferry_context a = open_on("w"), b = open_on("w");
	ferry_request to_a, to_b;

	round_trip(a);
	deafen(a);
	to_a = submit(a);
	T_EQ(health(a).lost_wakeup_ns, 0);
	T_WAIT_UNTIL(health(a).lost_wakeup_ns > 1000000, LIMIT_MS);
	T_EQ(health(b).lost_wakeup_ns, 0);
	to_b = submit(b);
	T_GT(health(b).lost_wakeup_ns, 1000000);
	undeafen(a);
	await(to_a);
	await(to_b);
	T_OK(ferry_context_close(a, NULL, NULL));
	T_OK(ferry_context_close(b, NULL, NULL));
}

/* A worker that sleeps and wakes as it should is never said to for long. */
static void
healthy_is_not_lost(void)
{
	ferry_context context = open_on(NULL);
	uint64_t most = 0, end = ferry__os_now_ns() + 300000000;
	ferry_request request;

	while (ferry__os_now_ns() < end) {
		T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IDLE,
		    LIMIT_MS);
		request = submit(context);
		for (int i = 0; i < 3; i++) {
			uint64_t ns = health(context).lost_wakeup_ns;

			most = ns > most ? ns : most;
		}
		await(request);
	}
	T_LT(most, 1000000000);
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* A look that comes late, of a sleep that is over, changes nothing. */
static void
an_old_sleep_is_past(void)
{
	static struct worker w;
	uint64_t old, word, since;

	ferry__beat_idle(&w.beat);
	old = ferry__beat_look(&w.beat);
	ferry__beat_rise(&w.beat);
	T_EQ(ferry__stuck_lost(&w, ferry__beat_look(&w.beat)), 0);
	ferry__beat_idle(&w.beat);
	word = ferry__beat_look(&w.beat);
	T_EQ(ferry__stuck_lost(&w, old), 0);
	T_EQ(ferry__stuck_lost(&w, word), 0);
	T_WAIT_UNTIL(ferry__stuck_lost(&w, word) > 1000000, LIMIT_MS);
	since = atom64_load_relaxed(&w.lost_since_ns);
	/* As who has looked at the beat, and is held up until now, sees it. */
	atom64_store_relaxed(&w.beat.word, old);
	T_EQ(ferry__stuck_lost(&w, old), 0);
	atom64_store_relaxed(&w.beat.word, word);
	T_GT(ferry__stuck_lost(&w, word), 1000000);
	T_EQ(atom64_load_relaxed(&w.lost_since_ns), since);
}

T_MAIN(
	T_RUN(told_with_its_age);
	T_RUN(told_by_a_single_dump);
	T_RUN(of_a_worker_with_several);
	T_RUN(healthy_is_not_lost);
	T_RUN(an_old_sleep_is_past);
)
