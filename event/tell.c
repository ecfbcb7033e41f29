/*
 * Evidence, reports, and who gets them; see tell.h.
 */
#include "event/tell.h"

#include "event/thread.h"
#include "ffi/fork.h"

/* How long a callback or a file waits for the frames. */
#define FRAMES_NS UINT64_C(1000000000)

struct docket {
	struct evidence *evidence;
	/* Of the call that was told of last, at that time. */
	struct finding found;
	struct report report;
};

struct source *
ferry__tell_source(struct source *first, const struct suspect *p)
{
	struct source *s = first;

	while (s != NULL && s->context != p->context)
		s = s->next;
	return s == NULL && p->library != NULL ? first : s;
}

/* ---------------------------------------------------------------- evidence */

static void
roused(void *arg)
{
	ferry__event_thread_stir(arg);
}

/* NULL, or without evidence: no memory, now; the next look tries again. Both
 * are for ever, so what there is stays. */
static struct docket *
docket_of(struct event_thread *t)
{
	struct judge *j = &t->judge;

	if (j->docket == NULL)
		j->docket = ferry__alloc_for_ever(sizeof *j->docket);
	if (j->docket != NULL && j->docket->evidence == NULL)
		j->docket->evidence = ferry__evidence_make(roused, t);
	return j->docket;
}

/* What there is so far, or NULL. */
static const struct evidence *
evidence_of(const struct judge *j)
{
	return j->docket != NULL ? j->docket->evidence : NULL;
}

void
ferry__tell_gather(struct event_thread *t, struct source *s, uint64_t serial,
    uint64_t word)
{
	struct docket *d = docket_of(t);
	const struct wishes *w = ferry__actions_use(&s->actions);
	const struct evidence_look how = {
		.beat = t->beat,
		.word = word,
		.wait = t->ops->waits(t->worker),
		.flags = w != NULL ? w->flags : 0,
		.turn = t->judge.turn,
		.tick_ns = t->tick_ns,
	};

	ferry__actions_let_go(&s->actions);
	if (d == NULL || d->evidence == NULL)
		return;
	ferry__evidence_about(
	    d->evidence, serial, t->ops->thread_id(t->worker));
	ferry__evidence_look(d->evidence, &how);
}

/* What is known of that piece of work now, which is what will be said of it:
 * also later, when another one is looked at. */
static void
find(struct event_thread *t, uint64_t serial, bool idle_with_work)
{
	struct docket *d = docket_of(t);

	if (d != NULL)
		ferry__evidence_find(
		    &d->found, d->evidence, serial, idle_with_work);
}

static uint64_t
serial_of(const struct suspect *p)
{
	return p->serial[p->n - 1];
}

bool
ferry__tell_knows(const struct judge *j, uint64_t serial)
{
	const struct evidence *e = evidence_of(j);

	return e != NULL && e->serial == serial;
}

/* ----------------------------------------------------------------- telling */

struct announcement {
	struct liveness what;
	const char *text;
	size_t size;
};

static void
announce_to(struct attachment *a, void *arg)
{
	const struct announcement *n = arg;

	if (a->flags & FERRY_ATTACH_LIVENESS)
		ferry__attachment_post_liveness(
		    a, &n->what, n->text, n->size);
}

/* Every context of the worker is affected, and is told. */
static void
announce(struct event_thread *t, struct source *first, uint32_t kind,
    const struct report_case *c, const struct report *r)
{
	struct announcement n = {
		.what = {
			.kind = kind,
			.level = c->level,
			.method = c->method,
			.request = c->request,
			.name = c->method_name,
			.age_ns = c->age_ns,
			.verdict = r != NULL ? r->stall.verdict : 0,
		},
		.text = r != NULL ? r->text : NULL,
		.size = r != NULL ? r->size : 0,
	};

	for (struct source *s = first; s != NULL; s = s->next) {
		n.what.depth = t->ops->depth(s);
		if (kind == FERRY_KIND_NOT_RESPONDING)
			count_single_add(&s->episodes, 1);
		ferry__attachment_each(&s->attachments, announce_to, &n);
	}
}

static void
fill_case(struct report_case *c, struct event_thread *t,
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
	if (s != NULL) {
		if (c->library == NULL)
			c->library = s->library;
		c->depth = t->ops->depth(s);
	}
	if (c->depth != 0 && j->queued_ns != 0)
		c->oldest_ns = now_ns - j->queued_ns;
}

/* NULL: no memory. */
static struct report *
make_report(struct event_thread *t, const struct report_case *c)
{
	struct docket *d = docket_of(t);

	if (d == NULL)
		return NULL;
	ferry__report_make(&d->report, c, &d->found,
	    d->evidence != NULL
	        ? ferry__evidence_frames(d->evidence, &d->found)
	        : NULL);
	return &d->report;
}

/* The host's code, as a listener is. */
static int
call_back(struct event_thread *t, const struct wishes *w,
    const ferry_stall *stall)
{
	uint32_t mark = ferry__fork_mark();
	int answer;

	ferry__self.roles |= SELF_LISTENER;
	/* Relaxed: as other states. */
	atom32_store_relaxed(&t->state, FERRY_THREAD_IN_LISTENER);
	answer = w->callback(stall, w->user);
	ferry__fork_returned(mark);
	atom32_store_relaxed(&t->state, FERRY_THREAD_BUSY);
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
		append(t, s, w, make_report(t, c));
	if (w != NULL && (actions & FERRY_ACTION_CALLBACK) != 0 &&
	    w->callback != NULL && docket_of(t) != NULL &&
	    may_tell(&a->callback, w, c, now_ns))
		waits = call_back(t, w, &make_report(t, c)->stall) ==
		    FERRY_STALL_KEEP_WAITING;
	ferry__actions_let_go(a);
	return waits;
}

static bool
awaits_frames(const struct judge *j)
{
	const struct evidence *e = evidence_of(j);

	return e != NULL && ferry__evidence_awaits(e, &j->docket->found);
}

/* Whether the call that was told of is the one in hand. */
static bool
is_in_hand(const struct judge *j)
{
	return j->dog.known && j->dog.pieces[0].serial == j->blamed.serial[0];
}

/* What was put off, as it was then; true: the callback wants to keep waiting,
 * of the call that is in hand. */
static bool
settle(struct event_thread *t, struct source *first, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct pending *p = &j->pending;
	struct source *s = ferry__tell_source(first, &j->blamed);
	uint32_t actions = p->actions;

	p->actions = 0;
	return actions != 0 && s != NULL &&
	    tell_host(t, s, actions, &p->about, now_ns) && is_in_hand(j);
}

void
ferry__tell_settle(
    struct event_thread *t, struct source *first, uint64_t now_ns)
{
	struct judge *j = &t->judge;

	if (evidence_of(j) != NULL)
		ferry__evidence_hand_on(j->docket->evidence);
	if (j->pending.actions != 0 &&
	    (!awaits_frames(j) || now_ns >= j->pending.due_ns) &&
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

/* An episode has begun, has got worse, or goes on. */
void
ferry__tell_act(struct event_thread *t, struct source *first, struct source *s,
    uint32_t actions, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	uint32_t level = j->dog.level, what;
	const struct wishes *w;
	struct report_case c;

	/* What still waits for frames goes without: each is told, in order. */
	if (settle(t, first, now_ns)) {
		ferry__watchdog_give(&j->dog);
		return;
	}
	if (actions & WATCHDOG_BEGAN)
		j->level = FERRY_LEVEL_NONE;
	j->blamed = j->suspect;
	find(t, serial_of(&j->blamed), false);
	w = ferry__actions_use(&s->actions);
	what = ferry__actions_at(w, s->notify_level, j->level, level);
	if (actions & WATCHDOG_GOES_ON)
		what |= ferry__actions_at(w, s->notify_level,
		            FERRY_LEVEL_NONE, level) &
		    ~(uint32_t)FERRY_ACTION_NOTICE;
	ferry__actions_let_go(&s->actions);
	if (level > j->level)
		j->level = level;
	fill_case(&c, t, &j->blamed, s, now_ns);
	c.kind = kind_of(actions);
	if (what & FERRY_ACTION_NOTICE)
		announce(t, first, FERRY_KIND_NOT_RESPONDING, &c,
		    make_report(t, &c));
	j->pending = (struct pending){
		.actions = what & ~(uint32_t)FERRY_ACTION_NOTICE,
		.due_ns = now_ns + FRAMES_NS,
		.about = c,
	};
}

/* Who heard of its begin, though another's call may be to blame by now. */
static void
tell_end_to_all(struct event_thread *t, struct source *first,
    const struct report_case *c, uint64_t now_ns)
{
	struct report_case own;

	for (struct source *s = first; s != NULL; s = s->next) {
		own = *c;
		tell_host(t, s, FERRY_ACTION_CALLBACK | FERRY_ACTION_FILE,
		    &own, now_ns);
	}
}

void
ferry__tell_end(struct event_thread *t, struct source *first,
    const struct watchdog_result *v, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct source *s = ferry__tell_source(first, &j->blamed);
	struct report_case c;

	settle(t, first, now_ns);
	fill_case(&c, t, &j->blamed, s, now_ns);
	c.kind = FERRY_STALL_ENDED;
	c.level = v->peak;
	c.age_ns = v->lasted_ns;
	announce(t, first, FERRY_KIND_RESPONDING, &c, make_report(t, &c));
	tell_end_to_all(t, first, &c, now_ns);
	j->level = FERRY_LEVEL_NONE;
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

	if (ferry__tell_source(first, &j->blamed) != s)
		return;
	if (j->lost_word != 0)
		ferry__tell_found(t, first, now_ns);
	if (j->dog.announced) {
		ferry__tell_end(t, first, &v, now_ns);
		ferry__judge_reset(t, now_ns);
	}
}

void
ferry__tell_no_stall(struct event_thread *t, struct source *first,
    struct source *s, uint32_t action, uint64_t now_ns)
{
	bool held = action == WATCHDOG_HELD;
	struct report_case c;

	find(t, serial_of(&t->judge.suspect), false);
	fill_case(&c, t, &t->judge.suspect, s, now_ns);
	c.kind = held ? FERRY_STALL_HELD : FERRY_STALL_OVERLOADED;
	c.starved_ns = ferry__watchdog_starved(&t->judge.dog);
	c.used_ns = ferry__watchdog_used(&t->judge.dog);
	c.use_known = (t->judge.before.known & FACT_CPU) != 0;
	c.held_ns = ferry__watchdog_held(&t->judge.dog);
	announce(t, first, held ? FERRY_KIND_HELD : FERRY_KIND_OVERLOADED, &c,
	    make_report(t, &c));
	tell_host(t, s, FERRY_ACTION_CALLBACK | FERRY_ACTION_FILE, &c, now_ns);
}

/* No call is to blame, and no level is reached. */
static void
fill_lost(struct report_case *c, struct event_thread *t, struct source *s,
    uint32_t kind, uint64_t now_ns)
{
	struct judge *j = &t->judge;

	fill_case(c, t, &j->blamed, s, now_ns);
	c->kind = kind;
	c->level = FERRY_LEVEL_STALLED;
	c->age_ns = now_ns - j->lost_since_ns;
	c->idle_with_work = true;
}

/* It sleeps, and there is something to do. Ferry's own fault, or of who
 * stopped a thread between its push and its wake; it is woken. */
void
ferry__tell_lost(struct event_thread *t, struct source *first, uint64_t word,
    uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct source *s = first;
	const struct wishes *w;
	struct report_case c;
	uint32_t what;

	j->lost_since_ns = now_ns - j->dog.lost_ns;
	while (s->next != NULL && t->ops->depth(s) == 0)
		s = s->next;
	j->blamed = (struct suspect){
		.context = s->context,
		.method = UINT32_MAX,
	};
	ferry__tell_gather(t, s, word, word);
	find(t, word, true);
	fill_lost(&c, t, s, FERRY_STALL_BEGAN, now_ns);
	announce(t, first, FERRY_KIND_NOT_RESPONDING, &c, make_report(t, &c));
	j->lost_word = word;
	t->ops->rouse(t->worker);
	w = ferry__actions_use(&s->actions);
	what = ferry__actions_at(w, s->notify_level, FERRY_LEVEL_NONE,
	    FERRY_LEVEL_FATAL);
	ferry__actions_let_go(&s->actions);
	tell_host(t, s, what, &c, now_ns);
}

void
ferry__tell_found(struct event_thread *t, struct source *first, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct source *s = ferry__tell_source(first, &j->blamed);
	struct report_case c;

	fill_lost(&c, t, s, FERRY_STALL_ENDED, now_ns);
	j->lost_word = 0;
	announce(t, first, FERRY_KIND_RESPONDING, &c, make_report(t, &c));
	tell_end_to_all(t, first, &c, now_ns);
}
