/*
 * What is to be done about a stall: wishes made from options, replaced while
 * they are in use, and rates.
 */
#include "world.h"

#include "event/actions.h"

static int
callback(const ferry_stall *stall, void *user)
{
	(void)stall;
	(void)user;
	return 0;
}

static struct wishes *
make(const ferry_watch_options *o)
{
	struct wishes *w = NULL;

	T_EQ(ferry__actions_make(&w, o, FERRY_LEVEL_STALLED), FERRY_OK);
	return w;
}

static void
without_options_notices_alone(void)
{
	const uint32_t notice = FERRY_ACTION_NOTICE;
	struct wishes *w = make(NULL);

	T_ASSERT(w == NULL);
	T_EQ(ferry__actions_lowest(w, FERRY_LEVEL_STALLED),
	    FERRY_LEVEL_STALLED);
	T_EQ(ferry__actions_at(w, 2, 0, 1), 0);
	T_EQ(ferry__actions_at(w, 2, 0, 2), notice);
	T_EQ(ferry__actions_at(w, 2, 0, 4), notice);
	/* Once an episode. */
	T_EQ(ferry__actions_at(w, 2, 2, 4), 0);
}

static void
by_default_what_there_is(void)
{
	const uint32_t host = FERRY_ACTION_CALLBACK | FERRY_ACTION_FILE;
	ferry_watch_options o = {
		.struct_size = sizeof o,
		.callback = callback,
		.path = "there",
	};
	struct wishes *w = make(&o);

	T_EQ(w->lowest, FERRY_LEVEL_STALLED);
	T_EQ(w->interval_ns, 1000000000u);
	T_EQ(ferry__actions_at(w, 2, 0, 1), 0);
	T_EQ(ferry__actions_at(w, 2, 0, 2), host | FERRY_ACTION_NOTICE);
	T_EQ(ferry__actions_at(w, 2, 2, 3), host);
	T_STR(w->path, "there");
	free(w);
	o.path = NULL;
	w = make(&o);
	T_EQ(ferry__actions_at(w, 2, 2, 3), FERRY_ACTION_CALLBACK);
	T_STR(w->path, "");
	free(w);
}

static void
level_by_level(void)
{
	ferry_watch_options o = {
		.struct_size = sizeof o,
		.interval_ms = FERRY_OFF,
		.callback = callback,
		.actions = { FERRY_ACTION_CALLBACK, FERRY_OFF,
		    FERRY_ACTION_NOTICE, 0 },
	};
	struct wishes *w = make(&o);

	T_EQ(w->lowest, FERRY_LEVEL_SLOW);
	T_EQ(w->interval_ns, 0);
	T_EQ(ferry__actions_at(w, 2, 0, 1), FERRY_ACTION_CALLBACK);
	T_EQ(ferry__actions_at(w, 2, 1, 2), 0);
	T_EQ(ferry__actions_at(w, 2, 2, 3), FERRY_ACTION_NOTICE);
	T_EQ(ferry__actions_at(w, 2, 3, 4), FERRY_ACTION_CALLBACK);
	/* What a late look jumps over is done too. */
	T_EQ(ferry__actions_at(w, 2, 0, 3),
	    FERRY_ACTION_CALLBACK | FERRY_ACTION_NOTICE);
	free(w);
	for (int i = 0; i < 4; i++)
		o.actions[i] = FERRY_OFF;
	w = make(&o);
	T_GT(w->lowest, FERRY_LEVEL_FATAL);
	free(w);
}

static void
refused(void)
{
	ferry_watch_options o = { .struct_size = sizeof o };
	struct wishes *w;

	o.flags = 4;
	T_EQ(ferry__actions_make(&w, &o, 2), FERRY_EINVAL);
	o.flags = 0;
	o.actions[3] = FERRY_ACTION_CALLBACK;
	T_EQ(ferry__actions_make(&w, &o, 2), FERRY_EINVAL);
	o.actions[3] = FERRY_ACTION_FILE;
	T_EQ(ferry__actions_make(&w, &o, 2), FERRY_EINVAL);
	o.actions[3] = 8;
	T_EQ(ferry__actions_make(&w, &o, 2), FERRY_EINVAL);
	o.actions[3] = 0;
	o.path = "";
	T_EQ(ferry__actions_make(&w, &o, 2), FERRY_EINVAL);
	T_ASSERT(w == NULL);
}

static void
no_closer_together_than_asked(void)
{
	struct wishes w = { .interval_ns = 100 };
	struct rate r = { 0 };

	T_ASSERT(ferry__actions_may(&r, &w, 1000));
	T_ASSERT(!ferry__actions_may(&r, &w, 1099));
	T_ASSERT(!ferry__actions_may(&r, &w, 1050));
	T_EQ(r.suppressed, 2);
	T_ASSERT(ferry__actions_may(&r, &w, 1100));
	w.interval_ns = 0;
	T_ASSERT(ferry__actions_may(&r, &w, 1100));
}

/* ---------------------------------------------------- replaced while in use */

static struct actions all;
static atom32 stop, uses;

static void *
use(void *unused)
{
	const struct wishes *w;

	(void)unused;
	while (atom32_load_relaxed(&stop) == 0) {
		w = ferry__actions_use(&all);
		/* Freed memory would say something else, or be found out. */
		for (int i = 0; w != NULL && i < 20; i++)
			T_EQ(*(const volatile uint32_t *)&w->lowest, 2);
		ferry__actions_let_go(&all);
		atom32_add_relaxed(&uses, 1);
	}
	return NULL;
}

static void
replaced_while_in_use(void)
{
	ferry_watch_options o = { .struct_size = sizeof o };
	pthread_t thread;

	T_EQ(pthread_create(&thread, NULL, use, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		struct wishes *w = i % 3 != 0 ? make(&o) : NULL, *old;

		old = ferry__actions_replace(&all, w);
		ferry__actions_retire(&all, old);
	}
	T_WAIT_UNTIL(atom32_load_relaxed(&uses) > 10, 10000);
	ferry__actions_retire(&all, ferry__actions_replace(&all, NULL));
	atom32_store_relaxed(&stop, 1);
	pthread_join(thread, NULL);
}

/* A callback that runs is waited for: the control of the above. */
static void *
retire(void *done)
{
	ferry__actions_retire(&all, ferry__actions_replace(&all, NULL));
	atom32_store_seqcst(done, 1);
	return NULL;
}

static void
who_replaces_waits(void)
{
	ferry_watch_options o = { .struct_size = sizeof o };
	static atom32 done;
	pthread_t thread;

	ferry__actions_retire(&all, ferry__actions_replace(&all, make(&o)));
	T_ASSERT(ferry__actions_use(&all) != NULL);
	T_EQ(pthread_create(&thread, NULL, retire, &done), 0);
	T_WAIT_UNTIL(atomp_load_relaxed(&all.wishes) == NULL, 10000);
	T_ASSERT(!t_wait_until(atom32_load_seqcst(&done) != 0, 30));
	ferry__actions_let_go(&all);
	T_WAIT_UNTIL(atom32_load_seqcst(&done) != 0, 10000);
	pthread_join(thread, NULL);
}

T_MAIN(
	T_RUN(without_options_notices_alone);
	T_RUN(by_default_what_there_is);
	T_RUN(level_by_level);
	T_RUN(refused);
	T_RUN(no_closer_together_than_asked);
	T_RUN(replaced_while_in_use);
	T_RUN(who_replaces_waits);
)
