/*
 * Whom a call that is late, but no stall, is told to, and how: as is asked for
 * at the level that it would have reached by the clock. And a lost wake-up: as
 * at any level.
 */
#include "world.h"

#include <stdio.h>

#include "event/tell.h"
#include "event/thread.h"

#define MS UINT64_C(1000000)

static uint32_t
id_of(void *worker)
{
	(void)worker;
	return ferry__os_thread_id();
}

static enum verdict_wait
waits_for_nothing(void *worker)
{
	(void)worker;
	return VERDICT_NOT_OURS;
}

static int roused;

static void
rouse(void *worker)
{
	(void)worker;
	roused++;
}

static uint64_t
none(struct source *s)
{
	(void)s;
	return 0;
}

static struct event_thread thread;
static struct source source;
static ferry_inbox inbox;
static uint32_t heard[8], n_heard;
static char path[64];

static int
hear(const ferry_stall *stall, void *user)
{
	(void)user;
	T_LT(n_heard, COUNT_OF(heard));
	heard[n_heard++] = stall->kind;
	return FERRY_STALL_GO_ON;
}

static void
no_room(void *arg)
{
	(void)arg;
}

static void
start(const uint32_t *actions)
{
	static const struct event_ops ops = { .thread_id = id_of,
		.waits = waits_for_nothing, .depth = none, .left = none,
		.rouse = rouse };
	static struct beat beat;
	static const ferry_inbox_options io = { .struct_size = sizeof io };
	static const ferry_attach_options ao = { .struct_size = sizeof ao,
		.flags = FERRY_ATTACH_LIVENESS };
	static const struct hearing from;
	ferry_watch_options o = { .struct_size = sizeof o,
		.interval_ms = FERRY_OFF, .callback = hear, .path = path };
	struct wishes *w;

	ferry__os_start();
	snprintf(path, sizeof path, "/tmp/ferry_tell_%d", (int)getpid());
	thread.ops = &ops;
	thread.beat = &beat;
	roused = 0;
	source.context = 7;
	source.notify_level = FERRY_LEVEL_STALLED;
	pthread_mutex_init(&source.attachments.mutex, NULL);
	T_OK(ferry_inbox_open(&inbox, &io));
	T_OK(ferry__attachment_open(&source.attachments, inbox, 7, &ao, &from,
	    no_room, NULL));
	if (actions != NULL)
		memcpy(o.actions, actions, sizeof o.actions);
	T_OK(ferry__actions_make(&w, &o, source.notify_level));
	T_ASSERT(ferry__actions_replace(&source.actions, w) == NULL);
	n_heard = 0;
}

/* It was in hand for that long, of which it is to blame for `age_ms`. */
static void
tell(uint32_t what, uint64_t clock_ms, uint64_t age_ms)
{
	static const struct watchdog_limits limits = {
		.level_ns = { 0, 50 * MS, 200 * MS, 400 * MS, 5000 * MS },
	};
	uint64_t rest = (clock_ms - age_ms) * MS;

	thread.judge.suspect = (struct suspect){ .context = 7, .method = 1,
		.name = "one", .n = 1 };
	thread.judge.dog = (struct watchdog){ .known = true, .n = 1,
		.pieces = { { .age_ns = age_ms * MS,
		    .starved_ns = what == WATCHDOG_HELD ? 0 : rest,
		    .held_ns = what == WATCHDOG_HELD ? rest : 0 } } };
	ferry__tell_no_stall(&thread, &source, &source, &limits, what, MS);
	/* This thread was the event thread for that. */
	ferry__self.roles = 0;
}

/* What inbox, callback and file got. */
static void
expect(uint32_t kind, uint32_t stall, bool notice, bool callback, bool file)
{
	ferry_completion c;

	T_EQ(ferry_inbox_take(&c, 1, inbox), notice);
	if (notice) {
		T_EQ(c.kind, kind);
		T_STR(c.name, "one");
		T_OK(ferry_block_release(c.data));
	}
	T_EQ(n_heard, callback);
	if (callback)
		T_EQ(heard[0], stall);
	T_EQ(source.actions.ticket != 0, file);
	n_heard = 0;
	T_EQ(count_read(&source.episodes.n), 0);
}

static void
stop(void)
{
	ferry__actions_retire(&source.actions,
	    ferry__actions_replace(&source.actions, NULL));
	if (source.actions.ticket != 0)
		ferry__scribe_await(source.actions.ticket,
		    ferry__os_deadline_in(60000));
	source.actions = (struct actions){ .ticket = 0 };
	ferry__attachment_detach_all(&source.attachments);
	T_OK(ferry_inbox_close(NULL, inbox));
	atom64_store_relaxed(&source.episodes.n, 0);
	unlink(path);
}

/* The file is for FATAL, which it has not reached. */
static void
by_its_level(void)
{
	static const uint32_t actions[] = { FERRY_OFF, FERRY_OFF,
		FERRY_ACTION_CALLBACK, FERRY_ACTION_FILE };

	start(actions);
	tell(WATCHDOG_OVERLOADED, 400, 10);
	expect(FERRY_KIND_OVERLOADED, FERRY_STALL_OVERLOADED, false, true,
	    false);
	tell(WATCHDOG_HELD, 4999, 10);
	expect(FERRY_KIND_HELD, FERRY_STALL_HELD, false, true, false);
	tell(WATCHDOG_HELD, 5000, 10);
	expect(FERRY_KIND_HELD, FERRY_STALL_HELD, false, true, true);
	stop();
}

static void
by_notice_alone(void)
{
	static const uint32_t actions[] = { FERRY_OFF, FERRY_ACTION_NOTICE,
		FERRY_ACTION_CALLBACK, FERRY_ACTION_FILE };

	start(actions);
	tell(WATCHDOG_OVERLOADED, 399, 10);
	expect(FERRY_KIND_OVERLOADED, FERRY_STALL_OVERLOADED, true, false,
	    false);
	stop();
}

/* One notice, and what else there is: also where the level at which that is
 * done has been passed. */
static void
by_default(void)
{
	start(NULL);
	tell(WATCHDOG_OVERLOADED, 200, 10);
	expect(FERRY_KIND_OVERLOADED, FERRY_STALL_OVERLOADED, true, true,
	    true);
	tell(WATCHDOG_HELD, 400, 10);
	expect(FERRY_KIND_HELD, FERRY_STALL_HELD, true, true, true);
	stop();
}

static void
lose(uint32_t actions_at_fatal, bool told)
{
	const uint32_t actions[] = { FERRY_OFF, FERRY_OFF, FERRY_OFF,
		actions_at_fatal };
	ferry_completion c;

	start(actions);
	ferry__tell_lost(&thread, &source, 8, MS);
	ferry__self.roles = 0;
	T_EQ(roused, 1);
	T_EQ(n_heard, told);
	T_EQ(count_read(&source.episodes.n), told);
	ferry__tell_found(&thread, &source, 2 * MS);
	ferry__self.roles = 0;
	T_EQ(n_heard, 2 * told);
	T_EQ(ferry_inbox_take(&c, 1, inbox), told);
	if (told) {
		T_EQ(heard[1], FERRY_STALL_ENDED);
		T_EQ(c.kind, FERRY_KIND_RESPONDING);
		T_EQ(c.count, 1);
		T_OK(ferry_block_release(c.data));
	}
	T_EQ(count_read(&source.episodes.n), told);
	stop();
}

/* It is woken in any case. */
static void
lost_as_at_any_level(void)
{
	lose(FERRY_OFF, false);
	lose(FERRY_ACTION_NOTICE | FERRY_ACTION_CALLBACK, true);
}

T_MAIN(
	T_RUN(by_its_level);
	T_RUN(by_notice_alone);
	T_RUN(by_default);
	T_RUN(lost_as_at_any_level);
)
