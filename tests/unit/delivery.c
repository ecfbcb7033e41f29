/*
 * Delivery, by hand: this thread is the FFI thread, the emitters and the event
 * thread in turn. How long a turn is; what is held; who is told of room.
 */
#include "t.h"

#include "event/delivery.h"
#include "event/thread.h"
#include "ffi/alloc.h"

#define CONTEXT ferry__token_make(TOKEN_CONTEXT, 1, 1)

static struct event_thread thread;
static struct source source;
static const char *const names[] = { "nought", "one" };
static uint32_t roused, blocked;

static void
rouse(void *worker)
{
	(void)worker;
	roused++;
}

static int
block(struct waits *on, atom32 *room, uint32_t seen)
{
	T_ASSERT(on == &thread.waits && room == &source.room);
	(void)seen;
	blocked++;
	return FERRY_EDEADLK;
}

static void
unblock(void)
{
}

static const struct event_ops ops = {
	.rouse = rouse,
	.block = block,
	.unblock = unblock,
};

static void
start(uint32_t policy, uint32_t capacity)
{
	ferry__os_start();
	thread.ops = &ops;
	roused = blocked = 0;
	memset(&source, 0, sizeof source);
	pthread_mutex_init(&source.attachments.mutex, NULL);
	ferry__listener_init(&source.listeners);
	source.context = CONTEXT;
	source.policy = policy;
	source.names = names;
	source.thread = &thread;
	T_ASSERT(ferry__source_open(&source, capacity));
	ferry__self.roles = SELF_EVENT;
}

static void
stop(void)
{
	ferry__delivery_finish(&thread, &source);
	ferry__source_close(&source);
	ferry__self.roles = 0;
	T_EQ(atom64_load_relaxed(&thread.listening), 0);
}

/* ------------------------------------------------------------- listeners */

struct ear {
	int n, gone;
	int last;
	uint64_t dropped;
	unsigned takes_ms;
	void (*also)(struct ear *e);
};

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct ear *e = user;

	T_EQ(context, CONTEXT);
	T_LT(event, 2);
	T_EQ(size, sizeof e->last);
	memcpy(&e->last, data, size);
	T_EQ(ferry__self.roles, SELF_EVENT | SELF_LISTENER);
	T_NE(atom64_load_relaxed(&thread.listening), 0);
	e->dropped += dropped;
	e->n++;
	if (e->takes_ms != 0)
		t_sleep_ms(e->takes_ms);
	if (e->also != NULL)
		e->also(e);
}

static void
gone(void *user)
{
	((struct ear *)user)->gone++;
}

static ferry_listener
add(struct ear *e, uint32_t event)
{
	ferry_listener_options o = { .event = event, .listener = hear,
		.gone = gone, .user = e };
	struct hearing from = ferry__source_now(&source);
	ferry_listener out;

	T_OK(ferry__listener_add(
	    &out, &source.listeners, CONTEXT, &o, &from, &thread));
	return out;
}

static int
emit(int n)
{
	return ferry__source_emit(&source, 0, &n, sizeof n);
}

static int
emit_elsewhere(int n)
{
	return ferry__source_emit_elsewhere(&source, 1, &n, sizeof n);
}

/* ---- turns ---- */

/* Turns until there is nothing more: one may end early, when the machine stands
 * still in it for as long as it may be. */
static void
deliver_rest(void)
{
	enum delivery r;

	do
		r = ferry__delivery_turn(&thread, &source);
	while (r == DELIVERY_MORE);
	T_EQ(r, DELIVERY_DONE);
}

/* One of as many events as a turn has, unless it took too long for them. */
static void
full_turn(const struct ear *e)
{
	uint64_t began = t_now_ns();
	int before = e->n;

	T_EQ(ferry__delivery_turn(&thread, &source), DELIVERY_MORE);
	if (t_now_ns() - began < 10000000)
		T_EQ(e->n, before + 64);
	T_LE(e->n, before + 64);
	T_GT(e->n, before);
}

static void
a_turn_is_so_many(void)
{
	struct ear e = { .n = 0 };

	start(FERRY_EVENTS_DROP_OLDEST, 256);
	add(&e, FERRY_EVENT_ANY);
	for (int i = 0; i < 100; i++)
		T_OK(emit(i));
	full_turn(&e);
	deliver_rest();
	T_EQ(e.n, 100);
	deliver_rest();
	T_EQ(e.n, 100);
	stop();
	T_EQ(e.gone, 1);
}

static void
a_turn_is_so_long(void)
{
	struct ear e = { .takes_ms = 4 };

	start(FERRY_EVENTS_DROP_OLDEST, 256);
	add(&e, FERRY_EVENT_ANY);
	for (int i = 0; i < 64; i++)
		T_OK(emit(i));
	T_EQ(ferry__delivery_turn(&thread, &source), DELIVERY_MORE);
	/* 10 ms of listeners: the third call at the latest ends it. */
	T_GE(e.n, 1);
	T_LE(e.n, 3);
	e.takes_ms = 0;
	stop();
	T_EQ(e.n, 64);
}

/* One that emits in its call is not at it for ever. */
static void
say_it_again(struct ear *e)
{
	int r = emit_elsewhere(e->last + 1);

	T_OK(r);
}

static void
a_source_that_never_runs_dry(void)
{
	struct ear e = { .also = say_it_again };

	start(FERRY_EVENTS_DROP_OLDEST, 4);
	add(&e, FERRY_EVENT_ANY);
	T_OK(emit_elsewhere(0));
	for (int i = 0; i < 5; i++)
		full_turn(&e);
	e.also = NULL;
	stop();
}

/* The two classes take turns. */
static void
by_turns(void)
{
	struct ear e = { .n = 0 };
	int there = 0, elsewhere = 0;

	start(FERRY_EVENTS_DROP_OLDEST, 64);
	add(&e, FERRY_EVENT_ANY);
	for (int i = 0; i < 20; i++) {
		T_OK(emit(i));
		T_OK(emit_elsewhere(1000 + i));
	}
	for (int i = 0; i < 40; i++) {
		struct queued *q = ferry__source_take(&source);

		T_EQ(q->elsewhere, i % 2 == 0);
		there += !q->elsewhere;
		elsewhere += q->elsewhere;
		ferry__source_done(&source, q);
	}
	T_EQ(there, 20);
	T_EQ(elsewhere, 20);
	T_ASSERT(ferry__source_take(&source) == NULL);
	stop();
}

/* ---- room ---- */

/* The ring has room when an event is off it; the entry of another thread's,
 * when it has been heard. */
static void
when_there_is_room(void)
{
	struct ear e = { .n = 0 };
	struct queued *q;
	uint32_t room;

	start(FERRY_EVENTS_BLOCK, 1);
	add(&e, FERRY_EVENT_ANY);
	T_OK(emit(0));
	T_EQ(emit(1), FERRY_EDEADLK);
	T_EQ(blocked, 1);
	room = atom32_load_relaxed(&source.room);
	q = ferry__source_take(&source);
	T_NE(atom32_load_relaxed(&source.room), room);
	T_OK(emit(1));
	ferry__source_done(&source, q);
	T_OK(emit_elsewhere(2));
	T_EQ(emit_elsewhere(3), FERRY_EDEADLK);
	do {
		q = ferry__source_take(&source);
		if (!q->elsewhere)
			ferry__source_done(&source, q);
	} while (!q->elsewhere);
	T_EQ(emit_elsewhere(3), FERRY_EDEADLK);
	room = atom32_load_relaxed(&source.room);
	ferry__source_done(&source, q);
	T_NE(atom32_load_relaxed(&source.room), room);
	T_OK(emit_elsewhere(3));
	T_EQ(atom32_load_relaxed(&source.room_waited), 0);
	ferry__source_shut(&source);
	T_EQ(emit_elsewhere(4), FERRY_ECLOSED);
	stop();
}

static void
no_room_for_many(void)
{
	struct ear e = { .n = 0 };

	start(FERRY_EVENTS_STUCK, 4);
	add(&e, FERRY_EVENT_ANY);
	for (int i = 0; i < 4; i++) {
		T_OK(emit(i));
		T_OK(emit_elsewhere(i));
	}
	T_EQ(emit(4), FERRY_ESTUCK);
	T_EQ(emit_elsewhere(4), FERRY_ESTUCK);
	T_EQ(atom32_load_relaxed(&source.stuck), 1);
	deliver_rest();
	T_EQ(atom32_load_relaxed(&source.stuck), 0);
	T_EQ(count_read(&source.refused.n), 1);
	T_EQ(count_read(&source.elsewhere_refused), 1);
	T_OK(emit(4));
	stop();
	T_EQ(e.n, 9);
}

/* ---- what a hearer has missed ---- */

static void
drops_are_told(void)
{
	struct ear e = { .n = 0 }, late = { .n = 0 };

	start(FERRY_EVENTS_DROP_OLDEST, 2);
	add(&e, 0);
	for (int i = 0; i < 5; i++)
		T_OK(emit(i)); /* three dropped */
	for (int i = 0; i < 6; i++)
		T_OK(emit_elsewhere(i)); /* four dropped, none heard */
	add(&late, FERRY_EVENT_ANY);
	deliver_rest();
	T_EQ(e.n, 2);
	T_EQ(e.dropped, 7);
	T_EQ(late.n, 0);
	T_OK(emit(9));
	deliver_rest();
	T_EQ(late.n, 1);
	T_EQ(late.dropped, 0);
	stop();
}

/* A hearer made between an event's take and its delivery, whose looks another
 * thread's drop fell between: it was never offered less than nothing. */
static void
drops_while_it_comes(void)
{
	struct hearing h;
	struct ear e = { .n = 0 };
	struct queued *q;

	start(FERRY_EVENTS_DROP_OLDEST, 1);
	add(&e, FERRY_EVENT_ANY);
	h = ferry__source_now(&source);
	T_OK(emit_elsewhere(0));
	T_OK(emit(0));
	T_OK(emit_elsewhere(1)); /* dropped */
	q = ferry__source_take(&source);
	T_EQ(ferry__hearing_number(&h, q), 2);
	ferry__hearing_pass(&h, q);
	T_ASSERT(!ferry__hearing_wants(&h, q));
	ferry__source_done(&source, q);
	q = ferry__source_take(&source);
	T_ASSERT(ferry__hearing_wants(&h, q));
	T_EQ(ferry__hearing_number(&h, q), 3);
	ferry__source_done(&source, q);
	h = ferry__source_now(&source);
	T_EQ(h.dropped, 1);
	T_EQ(h.sequence, 1);
	T_EQ(h.tickets, 1);
	stop();
}

/* ---- who is told ---- */

static void
tell(struct ear *e)
{
	(void)e;
	atom64_store_relaxed(&thread.told,
	    atom64_load_relaxed(&thread.listening_since));
}

/* Only the end of the call that was told of wakes the FFI thread. */
static void
rouses_when_told(void)
{
	struct ear e = { .n = 0 };

	start(FERRY_EVENTS_DROP_OLDEST, 4);
	atom64_store_relaxed(&thread.told, 0);
	add(&e, FERRY_EVENT_ANY);
	T_OK(emit(0));
	ferry__delivery_turn(&thread, &source);
	T_EQ(roused, 0);
	e.also = tell;
	T_OK(emit(1));
	ferry__delivery_turn(&thread, &source);
	T_EQ(roused, 1);
	e.also = NULL;
	T_OK(emit(2));
	ferry__delivery_turn(&thread, &source);
	T_EQ(roused, 1);
	atom64_store_relaxed(&thread.told, 0);
	stop();
}

T_MAIN(
	T_RUN(a_turn_is_so_many);
	T_RUN(a_turn_is_so_long);
	T_RUN(a_source_that_never_runs_dry);
	T_RUN(by_turns);
	T_RUN(when_there_is_room);
	T_RUN(no_room_for_many);
	T_RUN(drops_are_told);
	T_RUN(drops_while_it_comes);
	T_RUN(rouses_when_told);
)
