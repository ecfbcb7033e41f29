/*
 * Delivery; see delivery.h. No lock is held while a listener runs.
 */
#include "event/delivery.h"

#include "event/thread.h"
#include "ffi/self.h"

/* A turn, after which what falls due is looked at, and the heartbeat: so many
 * events, or so long in listeners. */
#define TURN_EVENTS 64
#define TURN_NS     10000000u

struct turn {
	struct event_thread *thread;
	struct source *source;
	struct queued *event;
	uint64_t began_ns;
	uint64_t now_ns; /* when a listener returned last; or 0 */
	uint32_t mark;   /* of this process, while a listener runs */
	bool held;       /* some inbox has no room */
};

/* ---------------------------------------------------------------- inboxes */

/* Room in the attachment's ring by the source's policy; false: hold. */
static bool
make_room(struct attachment *a, struct source *s)
{
	if (s->policy == FERRY_EVENTS_DROP_OLDEST) {
		if (ferry__attachment_drop_oldest(a))
			count_single_add(&s->overrun, 1);
		return true;
	}
	/* An exchange, not a store: the last look reads CK's ring by plain
	 * loads, which a store, seq_cst or not, may be after on arm64. Of two
	 * exchanges the later one has all that came before the earlier one.
	 * pair(event-room) seq_cst: the want before the last look. */
	atom32_xchg_seqcst(&a->room_wanted, 1);
	return false;
}

static bool
pack(struct attachment *a, struct source *s, struct parcel *p)
{
	while (!ferry__attachment_has_room(a))
		if (!make_room(a, s) && !ferry__attachment_has_room(a))
			return false;
	/* Before a taker may have it, and then look at the counters. */
	count_single_add(&s->delivered, 1);
	ferry__attachment_pack(a, p);
	return true;
}

static void
post_to(struct attachment *a, void *arg)
{
	struct turn *turn = arg;
	struct source *s = turn->source;
	const struct queued *e = turn->event;
	struct parcel *p;

	if ((a->flags & FERRY_ATTACH_EVENTS) == 0 ||
	    !ferry__hearing_wants(&a->hearing, e))
		return;
	p = ferry__attachment_parcel(ferry__queue_data(e), e->size);
	if (p == NULL) {
		/* The gap in the numbers tells the taker. */
		count_single_add(&s->overrun, 1);
	} else {
		p->event = e->event;
		p->name = s->names[e->event];
		p->number = ferry__hearing_number(&a->hearing, e);
		if (!pack(a, s, p)) {
			free(p);
			turn->held = true;
			return;
		}
		ferry__attachment_post_notice(a, NOTICE_EVENTS);
	}
	ferry__hearing_pass(&a->hearing, e);
}

/* -------------------------------------------------------------- listeners */

/* Names are kept for ever; an event's is of the listener's own library. */
static const char *
name_of(const struct turn *turn, const struct listener *l)
{
	const char *name = atomp_load_relaxed(&l->name);

	if (name == NULL && turn->event != NULL)
		name = turn->source->names[turn->event->event];
	return name;
}

void
ferry__delivery_enter(struct event_thread *t, uint64_t token, uint32_t event,
    const char *name, uint64_t now_ns)
{
	/* Relaxed, all but the last: what belongs to the token. */
	atom64_store_relaxed(&t->listening_since, now_ns);
	atom32_store_relaxed(&t->listening_event, event);
	atomp_store_relaxed(&t->listening_name, (void *)(uintptr_t)name);
	atom32_store_relaxed(&t->state, FERRY_THREAD_IN_LISTENER);
	/* pair(listening) release: since when, for which event. */
	atom64_store_release(&t->listening, token);
}

uint64_t
ferry__delivery_leave(struct event_thread *t, uint64_t since)
{
	uint64_t now = ferry__os_now_ns();

	/* Relaxed: as the name, for who finds no more than that. */
	atom64_store_relaxed(&t->listened_ns, now);
	/* pair(listening) seq_cst: before the look whether the FFI thread has
	 * told of it; it tells before it looks again. */
	atom64_store_seqcst(&t->listening, 0);
	/* pair(listening) seq_cst. */
	if (atom64_load_seqcst(&t->told) == since)
		t->ops->rouse(t->worker);
	atom32_store_relaxed(&t->state, FERRY_THREAD_BUSY);
	return now;
}

/* The time, as far as this turn knows it. */
static uint64_t
enter(struct turn *turn, struct listener *l)
{
	struct event_thread *t = turn->thread;

	if (turn->now_ns == 0)
		turn->now_ns = ferry__os_now_ns();
	if (turn->began_ns == 0)
		turn->began_ns = turn->now_ns;
	turn->mark = ferry__fork_mark();
	ferry__self.roles |= SELF_LISTENER;
	ferry__delivery_enter(t, l->token,
	    turn->event != NULL ? turn->event->event : FERRY_EVENT_ANY,
	    name_of(turn, l), turn->now_ns);
	/* For a successor, if this one ends the thread. */
	t->in_hand = l;
	if (turn->event != NULL)
		turn->source->held = turn->event;
	return turn->now_ns;
}

static void
leave(struct turn *turn, uint64_t since)
{
	ferry__fork_returned(turn->mark);
	if (turn->event != NULL)
		turn->source->held = NULL;
	turn->thread->in_hand = NULL;
	turn->now_ns = ferry__delivery_leave(turn->thread, since);
	ferry__self.roles = SELF_EVENT;
}

static void
call(struct listener *l, void *arg)
{
	struct turn *turn = arg;
	const struct queued *e = turn->event;
	uint64_t number, since;

	if (!ferry__hearing_wants(&l->hearing, e))
		return;
	number = ferry__hearing_number(&l->hearing, e);
	l->dropped += number - l->hearing.offered - 1;
	ferry__hearing_pass(&l->hearing, e);
	if ((l->event != FERRY_EVENT_ANY && l->event != e->event) ||
	    !ferry__listener_begin(l))
		return;
	since = enter(turn, l);
	/* Counted as it begins: a listener may look at the counters. */
	count_single_add(&turn->source->heard, 1);
	l->hear(turn->source->context, e->event,
	    e->size != 0 ? ferry__queue_data(e) : NULL, e->size, l->dropped,
	    l->user);
	leave(turn, since);
	l->dropped = 0;
	ferry__listener_end(l);
}

void
ferry__delivery_mend(struct event_thread *t)
{
	struct listener *l = t->in_hand;
	/* Relaxed: this thread's, or its predecessor's. */
	uint64_t since = atom64_load_relaxed(&t->listening_since);
	bool called = atom32_load_relaxed(&t->listening_event) !=
	    FERRY_EVENT_ANY;

	/* Relaxed: likewise. */
	if (atom64_load_relaxed(&t->listening) != 0)
		ferry__delivery_leave(t, since);
	if (l == NULL)
		return;
	t->in_hand = NULL;
	/* pair(sweep) release: others may have been about to leave. */
	atom32_store_release(&t->sweep, 1);
	if (called) {
		l->dropped = 0;
		ferry__listener_end(l);
	} else {
		ferry__listener_gone(l);
	}
}

static void
let_go(struct listener *l, void *arg)
{
	struct turn *turn = arg;
	uint64_t since;

	if (l->gone != NULL) {
		since = enter(turn, l);
		l->gone(l->user);
		leave(turn, since);
	}
	ferry__listener_gone(l);
}

/* ------------------------------------------------------------- the source */

/* False: held. */
static bool
deliver(struct turn *turn, struct queued *e, bool to_the_end)
{
	struct source *s = turn->source;

	turn->event = e;
	turn->held = false;
	ferry__listener_each(&s->listeners, call, turn);
	ferry__attachment_each(&s->attachments, post_to, turn);
	turn->event = NULL;
	if (turn->held && !to_the_end) {
		s->held = e;
		return false;
	}
	if (turn->held)
		/* The context closes, and its last notice does not wait for a
		 * taker that does not come. */
		count_single_add(&s->overrun, 1);
	ferry__source_done(s, e);
	return true;
}

static bool
is_over(const struct turn *turn, int events)
{
	return events >= TURN_EVENTS ||
	    turn->now_ns - turn->began_ns >= TURN_NS;
}

void
ferry__delivery_sweep(struct event_thread *t, struct source *s)
{
	struct turn turn = { .thread = t, .source = s };

	ferry__listener_sweep(&s->listeners, false, let_go, &turn);
}

enum delivery
ferry__delivery_turn(struct event_thread *t, struct source *s)
{
	struct turn turn = { .thread = t, .source = s };
	struct queued *e;

	ferry__attachment_tidy(&s->attachments);
	for (int i = 0; !is_over(&turn, i); i++) {
		e = ferry__source_take(s);
		if (e == NULL)
			return DELIVERY_DONE;
		if (!deliver(&turn, e, false))
			return DELIVERY_HELD;
	}
	return DELIVERY_MORE;
}

static void
post_closed(struct attachment *a, void *unused)
{
	(void)unused;
	ferry__attachment_post_notice(a, NOTICE_CLOSED);
}

void
ferry__delivery_finish(struct event_thread *t, struct source *s)
{
	struct turn turn = { .thread = t, .source = s };
	struct queued *e;

	while ((e = ferry__source_take(s)) != NULL)
		deliver(&turn, e, true);
	ferry__listener_sweep(&s->listeners, true, let_go, &turn);
	ferry__attachment_each(&s->attachments, post_closed, NULL);
	ferry__attachment_detach_all(&s->attachments);
}
