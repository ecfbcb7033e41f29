/*
 * Who gets what of a report; see tell.h.
 */
#include "event/tell.h"

#include "event/announce.h"
#include "event/delivery.h"
#include "event/docket.h"
#include "event/thread.h"
#include "ffi/fork.h"

/* How long a callback or a file waits for the frames. */
#define FRAMES_NS UINT64_C(1000000000)

struct source *
ferry__tell_source(struct source *first, const struct suspect *p)
{
	struct source *s = first;

	while (s != NULL && s->context != p->context)
		s = s->next;
	return s == NULL && p->library != NULL ? first : s;
}

/* Whose the call is, or whose context is there. */
static bool
is_own(const struct source *s, const struct suspect *p)
{
	return p->library == NULL || s->context == p->context;
}

struct source *
ferry__tell_next(struct source *s, const struct suspect *p)
{
	return is_own(s, p) ? NULL : s->next;
}

/* What none of those who are told wants. */
static uint32_t
flags_for(struct source *s, const struct suspect *p)
{
	uint32_t flags = ~UINT32_C(0);

	for (; s != NULL; s = ferry__tell_next(s, p)) {
		const struct wishes *w = ferry__actions_use(&s->actions);

		flags &= w != NULL ? w->flags : 0;
		ferry__actions_let_go(&s->actions);
	}
	return flags;
}

void
ferry__tell_gather(struct event_thread *t, struct source *s, uint64_t serial,
    uint64_t word)
{
	ferry__docket_gather(t, serial, word, flags_for(s, &t->judge.suspect));
}

/* ----------------------------------------------------------------- telling */

/* As `s` wants it: to all, if the call is one of its own; of an init each has
 * a wish of its own. */
static void
announce_for(struct event_thread *t, struct source *first, struct source *s,
    const struct suspect *p, uint32_t kind, const struct report_case *c,
    const struct report *r)
{
	if (is_own(s, p))
		ferry__announce(t, first, kind, c, r);
	else
		ferry__announce_in(t, s, kind, c, r);
}

/* For how long there has been one and the same request in the queue, at least;
 * 0: not known. */
static uint64_t
queued_for(struct event_thread *t, struct source *s, uint64_t now_ns)
{
	return s->queued_ns != 0 && t->ops->left(s) == s->queued_left &&
	        now_ns > s->queued_ns
	    ? now_ns - s->queued_ns
	    : 0;
}

/* Behind it is what waits in its own context, and in all of the worker's. */
static void
fill_queue(struct report_case *c, struct event_thread *t,
    struct source *first, uint64_t now_ns)
{
	for (struct source *s = first; s != NULL; s = s->next) {
		uint64_t depth = t->ops->depth(s);
		uint64_t ns = depth != 0 ? queued_for(t, s, now_ns) : 0;

		if (s->context == c->context) {
			c->depth = depth;
			c->oldest_ns = ns;
		}
		c->behind += depth;
		if (ns > c->behind_ns)
			c->behind_ns = ns;
	}
}

static void
fill_case(struct report_case *c, struct event_thread *t, struct source *first,
    const struct suspect *p, struct source *s, uint64_t now_ns)
{
	struct judge *j = &t->judge;

	*c = (struct report_case){
		.level = j->dog.level,
		.age_ns = ferry__watchdog_age(&j->dog),
		.context = p->context,
		.library = p->library,
		.request = p->request,
		.method_name = p->name,
		.method = p->method,
		.submitter = p->submitter,
		.worker_thread = t->ops->thread_id(t->worker),
		.scope = p->scope,
		.reason = p->reason,
	};
	if (s != NULL && c->library == NULL)
		c->library = s->library;
	if (p->n != 0 && j->room_serial == p->serial[p->n - 1])
		c->room = j->room;
	fill_queue(c, t, first, now_ns);
}

/* The host's code, as a listener is, and named where it does not return. */
static int
call_back(struct event_thread *t, const struct source *s,
    const struct wishes *w, const ferry_stall *stall)
{
	uint32_t mark = ferry__fork_mark();
	uint64_t since = ferry__os_now_ns();
	int answer;

	ferry__self.roles |= SELF_LISTENER;
	ferry__delivery_enter(
	    t, s->context, FERRY_EVENT_ANY, "stall callback", since);
	answer = w->callback(stall, w->user);
	ferry__fork_returned(mark);
	ferry__delivery_leave(t, since);
	ferry__self.roles = SELF_EVENT;
	return answer;
}

/* Whether the host is to hear by this way: who heard of the begin hears of the
 * end, whatever the rate. */
static bool
may_tell(struct rate *r, const struct wishes *w, struct report_case *c,
    uint64_t now_ns)
{
	bool ends = c->kind == FERRY_STALL_ENDED;

	if (ends ? !r->told : !ferry__actions_may(r, w, now_ns))
		return false;
	if (c->kind != FERRY_STALL_OVERLOADED && c->kind != FERRY_STALL_HELD)
		r->told = !ends;
	c->suppressed = r->suppressed;
	r->suppressed = 0;
	return true;
}

static void
append(struct event_thread *t, struct source *s, const struct wishes *w,
    const struct report *r)
{
	if (r == NULL ||
	    !ferry__scribe_append(&s->actions.ticket, w->path, r->text,
	        r->size, &t->unwritten))
		count_shared_add(&t->unwritten, 1);
}

/* Callback and file; true: the callback wants to keep waiting. Where there is
 * no room for a report the callback is told nothing, nor of the end then. */
static bool
tell_host(struct event_thread *t, struct source *s, uint32_t actions,
    struct report_case *c, uint64_t now_ns)
{
	struct actions *a = &s->actions;
	const struct wishes *w = ferry__actions_use(a);
	bool waits = false;

	if (w != NULL && (actions & FERRY_ACTION_FILE) != 0 &&
	    w->path[0] != '\0' && may_tell(&a->file, w, c, now_ns))
		append(t, s, w, ferry__docket_report(t, c));
	if (w != NULL && (actions & FERRY_ACTION_CALLBACK) != 0 &&
	    w->callback != NULL && ferry__docket_make(t) &&
	    may_tell(&a->callback, w, c, now_ns))
		waits = call_back(t, s, w,
		            &ferry__docket_report(t, c)->stall) ==
		    FERRY_STALL_KEEP_WAITING;
	ferry__actions_let_go(a);
	return waits;
}

/* Whether the call that was told of is the one in hand. */
static bool
is_in_hand(const struct judge *j)
{
	return j->dog.known && j->dog.pieces[0].serial == j->blamed.serial[0];
}

/* What was put off, as it was; true: the callback wants to keep waiting. */
static bool
settle_for(struct event_thread *t, struct source *s, uint64_t now_ns)
{
	struct report_case c = t->judge.pending.about;
	uint32_t actions = s->actions.pending;

	s->actions.pending = 0;
	return actions != 0 && tell_host(t, s, actions, &c, now_ns);
}

/* True: one wants that of the call that is in hand. */
static bool
settle(struct event_thread *t, struct source *first, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	bool waits = false;

	if (j->pending.actions == 0)
		return false;
	for (struct source *s = first; s != NULL; s = s->next)
		waits |= settle_for(t, s, now_ns);
	/* Last: a callback may end the thread, and its successor goes on. */
	j->pending.actions = 0;
	return waits && is_in_hand(j);
}

void
ferry__tell_settle(
    struct event_thread *t, struct source *first, uint64_t now_ns)
{
	struct judge *j = &t->judge;

	ferry__docket_hand_on(j);
	if (j->pending.actions != 0 &&
	    (!ferry__docket_awaits(j) || now_ns >= j->pending.due_ns) &&
	    settle(t, first, now_ns))
		ferry__watchdog_give(&j->dog);
}

/* ----------------------------------------------------------------- actions */

static uint32_t
kind_of(uint32_t actions)
{
	return actions & WATCHDOG_BEGAN ? FERRY_STALL_BEGAN
	    : actions & WATCHDOG_ROSE   ? FERRY_STALL_ROSE
	                                : FERRY_STALL_GOES_ON;
}

/* What is to be done in this source when `level` is reached after `before`;
 * `again`: a notice aside, also what was done before. */
static uint32_t
wanted(struct source *s, uint32_t before, uint32_t level, bool again)
{
	const struct wishes *w = ferry__actions_use(&s->actions);
	uint32_t what = ferry__actions_at(w, s->notify_level, before, level);

	if (again)
		what |= ferry__actions_at(w, s->notify_level,
		            FERRY_LEVEL_NONE, level) &
		    ~(uint32_t)FERRY_ACTION_NOTICE;
	ferry__actions_let_go(&s->actions);
	return what;
}

/* An episode has begun, has got worse, or goes on. */
void
ferry__tell_act(struct event_thread *t, struct source *first, struct source *s,
    uint32_t actions, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	uint32_t level = j->dog.level, before, what;
	struct report_case c;

	/* What still waits for frames goes without: each is told, in order. */
	if (settle(t, first, now_ns)) {
		ferry__watchdog_give(&j->dog);
		return;
	}
	if (actions & WATCHDOG_BEGAN)
		j->level = FERRY_LEVEL_NONE;
	j->blamed = j->suspect;
	before = j->level;
	if (level > before)
		j->level = level;
	ferry__docket_find(t, j->blamed.serial[j->blamed.n - 1], false);
	fill_case(&c, t, first, &j->blamed, s, now_ns);
	c.kind = kind_of(actions);
	j->pending = (struct pending){
		.due_ns = now_ns + FRAMES_NS,
		.about = c,
	};
	for (; s != NULL; s = ferry__tell_next(s, &j->blamed)) {
		what = wanted(
		    s, before, level, (actions & WATCHDOG_GOES_ON) != 0);
		if (what == 0)
			continue;
		ferry__announce_count(s);
		if (what & FERRY_ACTION_NOTICE)
			announce_for(t, first, s, &j->blamed,
			    FERRY_KIND_NOT_RESPONDING, &c,
			    ferry__docket_report(t, &c));
		s->actions.pending = what & ~(uint32_t)FERRY_ACTION_NOTICE;
		j->pending.actions |= s->actions.pending;
	}
}

static void
tell_end_to(struct event_thread *t, struct source *s,
    const struct report_case *c, uint64_t now_ns)
{
	struct report_case own = *c;

	ferry__announce_ended(s);
	tell_host(t, s, FERRY_ACTION_CALLBACK | FERRY_ACTION_FILE, &own,
	    now_ns);
}

/* Who heard of its begin, though another's call may be to blame by now. */
static void
tell_end_to_all(struct event_thread *t, struct source *first,
    const struct report_case *c, uint64_t now_ns)
{
	for (struct source *s = first; s != NULL; s = s->next)
		tell_end_to(t, s, c, now_ns);
}

/* No call is to blame, and no level is reached. */
static void
fill_lost(struct report_case *c, struct event_thread *t,
    struct source *first, uint32_t kind, uint64_t now_ns)
{
	struct judge *j = &t->judge;

	fill_case(c, t, first, &j->blamed,
	    ferry__tell_source(first, &j->blamed), now_ns);
	c->kind = kind;
	c->level = FERRY_LEVEL_STALLED;
	c->age_ns = now_ns - j->lost_since_ns;
	c->idle_with_work = true;
}

static void
fill_end(struct report_case *c, struct event_thread *t, struct source *first,
    const struct watchdog_result *v, uint64_t now_ns)
{
	const struct suspect *p = &t->judge.blamed;

	fill_case(c, t, first, p, ferry__tell_source(first, p), now_ns);
	c->kind = FERRY_STALL_ENDED;
	c->level = v->peak;
	c->age_ns = v->lasted_ns;
}

void
ferry__tell_end(struct event_thread *t, struct source *first,
    const struct watchdog_result *v, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct report_case c;

	settle(t, first, now_ns);
	fill_end(&c, t, first, v, now_ns);
	ferry__announce(
	    t, first, FERRY_KIND_RESPONDING, &c, ferry__docket_report(t, &c));
	tell_end_to_all(t, first, &c, now_ns);
	j->level = FERRY_LEVEL_NONE;
}

/* The episode goes on with somebody else's call. */
static void
leave_episode(struct event_thread *t, struct source *first, struct source *s,
    const struct watchdog_result *v, uint64_t now_ns)
{
	struct report_case c;

	settle_for(t, s, now_ns);
	if (t->judge.lost_word != 0)
		fill_lost(&c, t, first, FERRY_STALL_ENDED, now_ns);
	else
		fill_end(&c, t, first, v, now_ns);
	ferry__announce_in(
	    t, s, FERRY_KIND_RESPONDING, &c, ferry__docket_report(t, &c));
	tell_end_to(t, s, &c, now_ns);
}

void
ferry__tell_leave(struct event_thread *t, struct source *first,
    struct source *s, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	const struct watchdog_result v = {
		.peak = j->dog.peak,
		.lasted_ns = j->dog.lasted_ns,
	};

	if (s->context != j->blamed.context) {
		if (j->lost_word != 0 || j->dog.announced)
			leave_episode(t, first, s, &v, now_ns);
		return;
	}
	if (j->lost_word != 0)
		ferry__tell_found(t, first, now_ns);
	if (j->dog.announced) {
		ferry__tell_end(t, first, &v, now_ns);
		ferry__judge_reset(t, now_ns);
	}
}

void
ferry__tell_no_stall(struct event_thread *t, struct source *first,
    struct source *s, const struct watchdog_limits *limits, uint32_t action,
    uint64_t now_ns)
{
	const struct watchdog *dog = &t->judge.dog;
	const struct suspect *p = &t->judge.suspect;
	const bool held = action == WATCHDOG_HELD;
	const uint64_t starved_ns = ferry__watchdog_starved(dog);
	const uint64_t held_ns = ferry__watchdog_held(dog);
	/* By the clock: which it would have reached, but for that. */
	const uint32_t level = ferry__watchdog_level(limits,
	    ferry__watchdog_age(dog) + starved_ns + (held ? held_ns : 0));
	struct report_case c;
	uint32_t what;

	ferry__docket_find(t, p->serial[p->n - 1], false);
	for (; s != NULL; s = ferry__tell_next(s, p)) {
		what = wanted(s, FERRY_LEVEL_NONE, level, false);
		fill_case(&c, t, first, p, s, now_ns);
		c.kind = held ? FERRY_STALL_HELD : FERRY_STALL_OVERLOADED;
		c.starved_ns = starved_ns;
		c.used_ns = ferry__watchdog_used(dog);
		c.use_known = (t->judge.before.known & FACT_CPU) != 0;
		c.held_ns = held_ns;
		if (what & FERRY_ACTION_NOTICE)
			announce_for(t, first, s, p,
			    held ? FERRY_KIND_HELD : FERRY_KIND_OVERLOADED, &c,
			    ferry__docket_report(t, &c));
		tell_host(t, s, what, &c, now_ns);
	}
}

/* It sleeps, and there is something to do. Ferry's own fault, or of who
 * stopped a thread between its push and its wake; it is woken. */
void
ferry__tell_lost(struct event_thread *t, struct source *first, uint64_t word,
    uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct source *s = first;
	struct report_case c;
	uint32_t what;

	j->lost_since_ns = now_ns - j->dog.lost_ns;
	while (s->next != NULL && t->ops->depth(s) == 0)
		s = s->next;
	j->blamed = (struct suspect){
		.context = s->context,
		.method = UINT32_MAX,
	};
	ferry__docket_gather(t, word, word, flags_for(s, &j->blamed));
	ferry__docket_find(t, word, true);
	fill_lost(&c, t, first, FERRY_STALL_BEGAN, now_ns);
	what = wanted(s, FERRY_LEVEL_NONE, FERRY_LEVEL_FATAL, false);
	if (what != 0)
		ferry__announce_count(s);
	if (what & FERRY_ACTION_NOTICE)
		ferry__announce(t, first, FERRY_KIND_NOT_RESPONDING, &c,
		    ferry__docket_report(t, &c));
	j->lost_word = word;
	t->ops->rouse(t->worker);
	tell_host(t, s, what, &c, now_ns);
}

void
ferry__tell_found(struct event_thread *t, struct source *first, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct report_case c;

	fill_lost(&c, t, first, FERRY_STALL_ENDED, now_ns);
	j->lost_word = 0;
	ferry__announce(
	    t, first, FERRY_KIND_RESPONDING, &c, ferry__docket_report(t, &c));
	tell_end_to_all(t, first, &c, now_ns);
}
