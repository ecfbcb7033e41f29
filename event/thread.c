/*
 * The event thread; see thread.h.
 *
 * Threads: the functions of the loop run on the event thread alone; stir, add,
 * finish and emit are for others. It holds its mutex only to read the head of
 * the list of sources, and no lock at all while it delivers.
 */
#include "event/thread.h"

#include <string.h>

#include "ffi/self.h"

#define QUIET_NS   1000000000u /* without work, then deep sleep */
#define TICK_MOST  1000000000u
#define TICK_LEAST 5000000u

/* ----------------------------------------------------------- from outside */

void
ferry__event_thread_stir(struct event_thread *t)
{
	/* pair(stir) seq_cst: counted before the look at the park word. */
	atom32_add_seqcst(&t->stirs, 1);
	ferry__park_wake(&t->park);
}

void
ferry__event_thread_add(struct event_thread *t, struct source *s)
{
	s->thread = t;
	pthread_mutex_lock(&t->mutex);
	s->next = t->sources;
	t->sources = s;
	pthread_mutex_unlock(&t->mutex);
	ferry__event_thread_stir(t);
}

bool
ferry__event_thread_finish(struct event_thread *t, struct source *s,
    uint64_t deadline_ns)
{
	uint32_t open = SOURCE_OPEN;

	/* pair(source) acq_rel: all that was emitted comes before. */
	atom32_cas_acqrel(&s->stage, &open, SOURCE_FINISHING);
	ferry__event_thread_stir(t);
	/* pair(source) acquire: the event thread has let go. */
	while (atom32_load_acquire(&s->stage) != SOURCE_FINISHED)
		if (ferry__os_wait(&s->stage, SOURCE_FINISHING, deadline_ns) ==
		    OS_TIMEOUT)
			/* pair(source) acquire. */
			return atom32_load_acquire(&s->stage) ==
			    SOURCE_FINISHED;
	return true;
}

/* --------------------------------------------------------------- emitting */

/* FERRY_EVENTS_BLOCK: until there is room, or the context closes. */
static enum queue_put
put_waiting(struct source *s, uint32_t event, const void *data, uint32_t size)
{
	enum queue_put r;
	uint32_t room;

	/* pair(emit-room) seq_cst: said before the look for room. */
	atom32_store_seqcst(&s->room_waited, 1);
	for (;;) {
		/* pair(emit-room) seq_cst. */
		room = atom32_load_seqcst(&s->room);
		r = ferry__queue_put(&s->queue, event, data, size);
		/* pair(emit-room) seq_cst: close() marks, then counts. */
		if (r != QUEUE_FULL || atom32_load_seqcst(&s->closing) != 0)
			break;
		ferry__os_wait(&s->room, room, OS_NEVER);
	}
	atom32_store_relaxed(&s->room_waited, 0);
	return r;
}

static enum queue_put
put_dropping(struct source *s, uint32_t event, const void *data, uint32_t size)
{
	enum queue_put r = ferry__queue_put(&s->queue, event, data, size);

	while (r == QUEUE_FULL) {
		/* The event thread may have been first: then there is room. */
		if (ferry__queue_drop_oldest(&s->queue))
			count_single_add(&s->dropped, 1);
		r = ferry__queue_put(&s->queue, event, data, size);
	}
	return r;
}

static enum queue_put
put(struct source *s, uint32_t event, const void *data, uint32_t size)
{
	if (s->policy == FERRY_EVENTS_BLOCK)
		return put_waiting(s, event, data, size);
	if (s->policy == FERRY_EVENTS_DROP_OLDEST)
		return put_dropping(s, event, data, size);
	return ferry__queue_put(&s->queue, event, data, size);
}

static int
refuse_stuck(struct source *s)
{
	count_single_add(&s->refused, 1);
	/* pair(stuck) seq_cst: said before the last look for room, which the
	 * event thread makes before it takes the word back. */
	atom32_store_seqcst(&s->stuck, 1);
	ferry__event_thread_stir(s->thread);
	return FERRY_ESTUCK;
}

int
ferry__event_thread_emit(struct source *s, uint32_t event, const void *data,
    uint32_t size)
{
	enum queue_put r;

	/* Relaxed: an inbox that is being attached may miss this one. */
	if (atom32_load_relaxed(&s->attachments.hearers) == 0) {
		count_single_add(&s->unheard, 1);
		count_single_add(&s->emitted, 1);
		return FERRY_OK;
	}
	r = put(s, event, data, size);
	if (r == QUEUE_NO_MEMORY)
		return FERRY_ENOMEM;
	if (r == QUEUE_FULL)
		return s->policy == FERRY_EVENTS_STUCK ? refuse_stuck(s)
		                                       : FERRY_ECLOSED;
	count_single_add(&s->emitted, 1);
	ferry__event_thread_stir(s->thread);
	return FERRY_OK;
}

/* ------------------------------------------------------------- delivering */

struct delivery {
	struct source *source;
	struct queued *event;
	bool held; /* some inbox has no room */
};

/* Room in the attachment's ring by the source's policy; false: hold. */
static bool
make_room(struct attachment *a, struct source *s)
{
	if (s->policy == FERRY_EVENTS_DROP_OLDEST) {
		if (ferry__attachment_drop_oldest(a))
			count_single_add(&s->overrun, 1);
		return true;
	}
	/* pair(event-room) seq_cst: the want before the last look. */
	atom32_store_seqcst(&a->room_wanted, 1);
	return false;
}

static bool
pack(struct attachment *a, struct source *s, struct parcel *p)
{
	while (!ferry__attachment_pack(a, p))
		if (!make_room(a, s))
			return ferry__attachment_pack(a, p);
	return true;
}

static void
deliver_to(struct attachment *a, void *arg)
{
	struct delivery *d = arg;
	const struct queued *e = d->event;
	struct parcel *p;

	if ((a->flags & FERRY_ATTACH_EVENTS) == 0 ||
	    a->sequence >= e->sequence)
		return;
	p = ferry__attachment_parcel(ferry__queue_data(e), e->size);
	if (p == NULL) {
		/* The gap in the numbers tells the taker. */
		count_single_add(&d->source->overrun, 1);
	} else {
		p->event = e->event;
		p->name = d->source->names[e->event];
		p->number = a->offered + e->sequence - a->sequence;
		if (!pack(a, d->source, p)) {
			free(p);
			d->held = true;
			return;
		}
		count_single_add(&d->source->delivered, 1);
		ferry__attachment_post_notice(a, NOTICE_EVENTS);
	}
	a->offered += e->sequence - a->sequence;
	a->sequence = e->sequence;
}

static void
tell_emitter(struct source *s)
{
	/* pair(stuck) release: there is room. */
	atom32_store_release(&s->stuck, 0);
	if (s->policy != FERRY_EVENTS_BLOCK)
		return;
	/* pair(emit-room) seq_cst: counted before the look at who waits. */
	atom32_add_seqcst(&s->room, 1);
	/* pair(emit-room) seq_cst. */
	if (atom32_load_seqcst(&s->room_waited) != 0)
		ferry__os_wake(&s->room, 1);
}

/* Delivers what is queued. False: the rest waits for room in an inbox. */
static bool
deliver(struct source *s, bool to_the_end)
{
	struct delivery d = { .source = s };

	for (;;) {
		d.event = s->held;
		s->held = NULL;
		if (d.event == NULL)
			d.event = ferry__queue_take(&s->queue);
		if (d.event == NULL) {
			/* pair(stuck) seq_cst: an emit was refused when the
			 * queue was full, which it is no more. */
			if (atom32_load_seqcst(&s->stuck) != 0)
				atom32_store_relaxed(&s->stuck, 0);
			return true;
		}
		d.held = false;
		ferry__attachment_each(&s->attachments, deliver_to, &d);
		if (d.held && !to_the_end) {
			s->held = d.event;
			return false;
		}
		if (d.held)
			/* The context closes, and its last notice does not
			 * wait for a taker that does not come. */
			count_single_add(&s->overrun, 1);
		ferry__queue_free(&s->queue, d.event);
		tell_emitter(s);
	}
}

static void
post_closed(struct attachment *a, void *unused)
{
	(void)unused;
	ferry__attachment_post_notice(a, NOTICE_CLOSED);
}

static void
remove_source(struct event_thread *t, struct source *s)
{
	struct source **p;

	pthread_mutex_lock(&t->mutex);
	for (p = &t->sources; *p != s; p = &(*p)->next)
		;
	*p = s->next;
	pthread_mutex_unlock(&t->mutex);
}

static void
finish(struct event_thread *t, struct source *s)
{
	deliver(s, true);
	ferry__attachment_each(&s->attachments, post_closed, NULL);
	ferry__attachment_detach_all(&s->attachments);
	remove_source(t, s);
	/* pair(source) release: the closer may take the memory. */
	atom32_store_release(&s->stage, SOURCE_FINISHED);
	ferry__os_wake(&s->stage, INT32_MAX);
}

/* ----------------------------------------------------------- the watchdog */

struct announcement {
	struct source *source;
	struct liveness what;
};

static void
announce_to(struct attachment *a, void *arg)
{
	const struct announcement *n = arg;

	if (a->flags & FERRY_ATTACH_LIVENESS)
		ferry__attachment_post_liveness(a, &n->what);
}

/* Every context of the worker is affected, and is told. */
static void
announce(struct event_thread *t, struct source *first, uint32_t kind,
    uint32_t level, uint64_t age_ns)
{
	for (struct source *s = first; s != NULL; s = s->next) {
		struct announcement n = {
			.source = s,
			.what = {
				.kind = kind,
				.level = level,
				.method = t->suspect.method,
				.request = t->suspect.request,
				.name = t->suspect.name,
				.age_ns = age_ns,
				.depth = t->ops->depth(s),
			},
		};

		if (kind == FERRY_KIND_NOT_RESPONDING)
			count_single_add(&s->episodes, 1);
		ferry__attachment_each(&s->attachments, announce_to, &n);
	}
}

/*
 * One look at the heartbeat. The suspect is what the word's slot names, and
 * stays on record while an episode goes on, for its end to be told of it.
 */
static void
judge(struct event_thread *t, struct source *first, uint64_t now_ns,
    uint64_t planned_ns)
{
	uint64_t word = ferry__beat_look(t->beat);
	const struct watchdog_limits *limits = NULL;
	struct watchdog_verdict v;
	struct suspect found;

	if (word == t->dog.word &&
	    ferry__beat_slot(word) != BEAT_NO_SLOT &&
	    ferry__beat_state(word) == BEAT_BUSY) {
		if (t->ops->suspect(
		        t->worker, ferry__beat_slot(word), &found) &&
		    ferry__beat_look(t->beat) == word) {
			t->suspect = found;
			limits = &t->suspect.limits;
		}
	}
	v = ferry__watchdog_step(&t->dog, now_ns, planned_ns, word, limits);
	if (v.actions & WATCHDOG_GAP)
		count_shared_add(&t->gaps, 1);
	if (v.actions & WATCHDOG_RESPONDING)
		announce(t, first, FERRY_KIND_RESPONDING, v.peak_level,
		    v.lasted_ns);
	if (v.actions & WATCHDOG_NOT_RESPONDING)
		announce(t, first, FERRY_KIND_NOT_RESPONDING, t->dog.level,
		    t->dog.age_ns);
	/* Relaxed: read one by one, by who asks how it is just now. */
	atom32_store_relaxed(&t->level, t->dog.level);
	atom64_store_relaxed(&t->age_ns, t->dog.age_ns);
	atom64_store_relaxed(&t->looked_ns, now_ns);
}

/* --------------------------------------------------------------- the loop */

static struct source *
first_source(struct event_thread *t)
{
	struct source *s;

	pthread_mutex_lock(&t->mutex);
	s = t->sources;
	pthread_mutex_unlock(&t->mutex);
	return s;
}

/* Delivers and finishes; the tick is that of the most impatient source. */
static void
attend(struct event_thread *t)
{
	struct source *s = first_source(t), *next;
	uint64_t tick = TICK_MOST;

	for (; s != NULL; s = next) {
		next = s->next;
		ferry__attachment_tidy(&s->attachments);
		deliver(s, false);
		if (s->tick_ms != 0 && s->tick_ms * UINT64_C(1000000) < tick)
			tick = s->tick_ms * UINT64_C(1000000);
		/* pair(source) acquire: all that was emitted comes before. */
		if (atom32_load_acquire(&s->stage) == SOURCE_FINISHING)
			finish(t, s);
	}
	t->tick_ns = tick < TICK_LEAST ? TICK_LEAST : tick;
}

/* Whether nothing has gone on for long enough, and nothing is judged. */
static bool
may_sleep_deep(struct event_thread *t, uint64_t now_ns)
{
	uint64_t word = ferry__beat_look(t->beat);

	if (ferry__beat_state(word) != BEAT_IDLE || word != t->dog.word) {
		t->quiet_since_ns = now_ns;
		return false;
	}
	return now_ns - t->quiet_since_ns >= QUIET_NS;
}

static void
sleep_until(struct event_thread *t, uint32_t stirs, uint64_t deadline_ns,
    bool deep)
{
	if (deep) {
		/* pair(busy-edge) seq_cst: announced before the last look. */
		atom32_store_seqcst(t->deep, 1);
		if (ferry__beat_state(ferry__beat_look(t->beat)) != BEAT_IDLE)
			goto out;
	}
	ferry__park_announce(&t->park);
	/* pair(stir) seq_cst: looked at after the announcement. */
	if (atom32_load_seqcst(&t->stirs) == stirs) {
		atom32_store_relaxed(&t->state, FERRY_THREAD_IDLE);
		ferry__park_sleep(&t->park, deadline_ns);
		atom32_store_relaxed(&t->state, FERRY_THREAD_BUSY);
	}
	ferry__park_rise(&t->park);
out:
	if (deep)
		/* Relaxed: one rousing too many is harmless. */
		atom32_store_relaxed(t->deep, 0);
}

static void *
run(void *arg)
{
	struct event_thread *t = arg;
	uint64_t now, due, until, looked, planned;
	uint32_t stirs;
	bool deep = true;

	ferry__self.roles = SELF_EVENT;
	ferry__os_thread_name(t->name);
	atom32_store_relaxed(&t->id, ferry__os_thread_id());
	atom32_store_relaxed(&t->state, FERRY_THREAD_BUSY);
	looked = ferry__os_now_ns();
	t->quiet_since_ns = looked;
	planned = TICK_LEAST;
	for (;;) {
		/* pair(stir) seq_cst: read before anything is looked at. */
		stirs = atom32_load_seqcst(&t->stirs);
		attend(t);
		now = ferry__os_now_ns();
		due = ferry__due_run(&t->due, now, t->ops->expire);
		if (deep)
			ferry__watchdog_reset(
			    &t->dog, now, ferry__beat_look(t->beat));
		if (deep || now - looked >= t->tick_ns) {
			judge(t, first_source(t), now, planned);
			looked = now;
			planned = t->tick_ns;
		}
		/* pair(source) acquire: the last source has gone. */
		if (atom32_load_acquire(&t->leaving) != 0)
			break;
		deep = may_sleep_deep(t, now);
		until = deep ? OS_NEVER : looked + t->tick_ns;
		sleep_until(t, stirs, due < until ? due : until, deep);
	}
	atom32_store_relaxed(&t->state, FERRY_THREAD_GONE);
	return NULL;
}

int
ferry__event_thread_start(struct event_thread *t, struct beat *beat,
    const struct event_ops *ops, void *worker)
{
	t->beat = beat;
	t->deep = &beat->deep;
	t->ops = ops;
	t->worker = worker;
	t->sources = NULL;
	t->tick_ns = TICK_MOST;
	t->suspect = (struct suspect){ 0 };
	/* Relaxed: the thread's creation publishes them. */
	atom32_store_relaxed(&t->leaving, 0);
	atom32_store_relaxed(t->deep, 0);
	atom32_store_relaxed(&t->level, 0);
	atom64_store_relaxed(&t->age_ns, 0);
	atom64_store_relaxed(&t->gaps, 0);
	atom64_store_relaxed(&t->looked_ns, ferry__os_now_ns());
	ferry__due_open(&t->due);
	return ferry__os_thread_start(&t->thread, run, t, 0);
}

void
ferry__event_thread_join(struct event_thread *t)
{
	/* pair(source) release. */
	atom32_store_release(&t->leaving, 1);
	ferry__event_thread_stir(t);
	pthread_join(t->thread, NULL);
	ferry__due_close(&t->due);
}
