/*
 * The worker's side of the watchdog; see watch.h.
 *
 * Threads: the ops run on the event thread, and for health on any, while the
 * FFI thread may be stuck in the very request they ask about; they only look.
 */
#include "ffi/watch.h"

#include "ffi/alloc.h"
#include "ffi/cancel.h"
#include "ffi/context.h"
#include "ffi/stuck.h"

const ferry_levels ferry__watch_defaults = {
	.slow_ms = 100,
	.stalled_ms = 1000,
	.wedged_ms = 5000,
	.fatal_ms = FERRY_OFF,
};

static uint32_t
inherit(uint32_t own, uint32_t from)
{
	return own != 0 ? own : from;
}

ferry_levels
ferry__watch_resolve(const ferry_levels *own, const ferry_levels *from)
{
	return (ferry_levels){
		.slow_ms = inherit(own->slow_ms, from->slow_ms),
		.stalled_ms = inherit(own->stalled_ms, from->stalled_ms),
		.wedged_ms = inherit(own->wedged_ms, from->wedged_ms),
		.fatal_ms = inherit(own->fatal_ms, from->fatal_ms),
	};
}

static uint64_t
limit_ns(uint32_t ms)
{
	return ms == FERRY_OFF ? 0 : (uint64_t)ms * 1000000u;
}

static struct watchdog_limits
limits_of(const ferry_levels *l, uint32_t notify_level)
{
	return (struct watchdog_limits){
		.level_ns = {
			[FERRY_LEVEL_SLOW] = limit_ns(l->slow_ms),
			[FERRY_LEVEL_STALLED] = limit_ns(l->stalled_ms),
			[FERRY_LEVEL_WEDGED] = limit_ns(l->wedged_ms),
			[FERRY_LEVEL_FATAL] = limit_ns(l->fatal_ms),
		},
		.notify_level = notify_level,
	};
}

static uint32_t
lowest(const ferry_levels *l)
{
	const uint32_t all[] = { l->slow_ms, l->stalled_ms, l->wedged_ms,
		l->fatal_ms };
	uint32_t least = FERRY_OFF;

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i] < least)
			least = all[i];
	return least;
}

uint32_t
ferry__watch_tick(const struct context *c)
{
	uint32_t least = lowest(&c->levels);

	for (uint32_t i = 0; i < c->methods->n; i++)
		if (lowest(&c->methods->at[i].levels) < least)
			least = lowest(&c->methods->at[i].levels);
	if (least == FERRY_OFF)
		return 0;
	return least < 3 ? 1 : least / 3;
}

const struct methods *
ferry__watch_methods(const struct library *l, const ferry_levels *levels,
    uint32_t notify_level)
{
	size_t size = sizeof(struct methods) +
	    l->n_methods * sizeof(struct method);
	struct methods *m = calloc(1, size);
	const struct methods *kept;

	if (m == NULL)
		return NULL;
	m->n = l->n_methods;
	m->notify_level = notify_level;
	m->levels = *levels;
	for (uint32_t i = 0; i < m->n; i++) {
		m->at[i] = l->methods[i];
		m->at[i].levels =
		    ferry__watch_resolve(&l->methods[i].levels, levels);
	}
	kept = ferry__alloc_keep(m, size);
	free(m);
	return kept;
}

uint64_t
ferry__watch_notify_ns(const struct context *c)
{
	struct watchdog_limits l =
	    limits_of(&c->levels, c->methods->notify_level);

	for (uint32_t i = l.notify_level; i < WATCHDOG_LEVELS; i++)
		if (l.level_ns[i] != 0)
			return l.level_ns[i];
	return 0;
}

static bool
add_scopes(struct suspect *p, const struct worker *w, uint64_t word)
{
	struct scope_view v;

	if (!ferry__scope_look(&v, &w->scopes, word))
		return false;
	p->n = 1 + v.n;
	/* Never 0, and no scope's. */
	p->serial[0] = v.hold << 1 | 1;
	for (uint32_t i = 0; i < v.n; i++)
		p->serial[1 + i] = v.at[i].serial << 1;
	if (v.n == 0) {
		p->extended_ms = v.extended_ms;
		memcpy(p->reason, v.reason, sizeof p->reason);
		return true;
	}
	p->limit_ms = v.at[v.n - 1].limit_ms;
	memcpy(p->scope, v.at[v.n - 1].name, sizeof p->scope);
	memcpy(p->reason, v.at[v.n - 1].reason, sizeof p->reason);
	return true;
}

/* Code of the host's that is no request's, by the context's own levels. What
 * is read here is believed as what stands below is. */
static bool
suspect_aside(const struct worker *w, uint64_t word, struct suspect *out)
{
	const uint32_t slot = ferry__beat_slot(word);
	/* pair(aside) acquire, all: before the beat is looked at again. */
	uint64_t context = atom64_load_acquire(&w->aside.context);
	const struct methods *m = atomp_load_acquire(&w->aside.methods);
	const char *library = atomp_load_acquire(&w->aside.library);

	if (m == NULL || library == NULL)
		return false;
	*out = (struct suspect){
		.context = context,
		.library = library,
		.method = UINT32_MAX,
		.name = slot == BEAT_INIT ? "init"
		    : slot == BEAT_FINI   ? "fini"
		                          : "destroy",
		.limits = limits_of(&m->levels, m->notify_level),
		.n = 1,
		.serial = { ferry__beat_sequence(word) << 1 | 1 },
	};
	return true;
}

/*
 * The node cannot have ended as long as the heartbeat names it, which the
 * caller makes sure of before it believes the answer. Until then whatever is
 * read here may be another request's, and stays readable for ever.
 */
static bool
suspect(void *worker, uint64_t word, struct suspect *out)
{
	uint32_t slot = ferry__beat_slot(word), id;
	/* pair(beat) acquire: the beat came after the node was filled. */
	struct node *n = ferry__node_at(slot);
	const struct methods *m;

	if (slot >= BEAT_INIT && slot != BEAT_NO_SLOT)
		return suspect_aside(worker, word, out);
	if (n == NULL)
		return false;
	m = atomp_load_relaxed(&n->home->methods);
	id = ferry__node_method(n);
	if (m == NULL || id >= m->n)
		return false;
	*out = (struct suspect){
		.request = ferry__node_token(n, TOKEN_REQUEST),
		.context = ferry__home_token(n->home),
		.method = id,
		.name = m->at[id].name,
		.submitter = atom32_load_relaxed(&n->home->thread),
		.limits = limits_of(&m->at[id].levels, m->notify_level),
	};
	return add_scopes(out, worker, word);
}

static uint32_t
thread_id(void *worker)
{
	/* Relaxed: its creation published it. */
	return atom32_load_relaxed(&((struct worker *)worker)->id);
}

static enum verdict_wait
waits(void *worker)
{
	uint64_t request;
	enum verdict_wait wait = ferry__stuck_waits(worker, &request);
	struct awaited_room room;

	return wait == VERDICT_IN_EMIT ? ferry__stuck_room(&room, worker)
	                               : wait;
}

static void
room(void *worker, struct awaited_room *out)
{
	ferry__stuck_room(out, worker);
}

static uint64_t
depth(struct source *s)
{
	return ferry__context_queued(
	    container_of(s, struct context, source));
}

static uint64_t
left(struct source *s)
{
	return ferry__context_left(
	    container_of(s, struct context, source));
}

/* As a cancel: the hook runs on the event thread. */
static void
expire(struct node *n, uint64_t token)
{
	(void)n;
	ferry__cancel_request(token);
}

static void
rouse(void *worker)
{
	ferry__park_wake(&((struct worker *)worker)->park);
}

const struct event_ops ferry__watch_ops = {
	.suspect = suspect,
	.thread_id = thread_id,
	.waits = waits,
	.room = room,
	.depth = depth,
	.left = left,
	.expire = expire,
	.rouse = rouse,
	.block = ferry__stuck_block,
	.unblock = ferry__stuck_unblock,
};

/* ----------------------------------------------- watching the event thread */

/* The level of an age by a context's own levels. */
static uint32_t
level_of(const struct context *c, uint64_t age_ns)
{
	struct watchdog_limits l =
	    limits_of(&c->levels, c->methods->notify_level);
	uint32_t level = FERRY_LEVEL_FATAL;

	while (level != FERRY_LEVEL_NONE &&
	    (l.level_ns[level] == 0 || age_ns < l.level_ns[level]))
		level--;
	return level >= l.notify_level ? level : FERRY_LEVEL_NONE;
}

/* Since when the event thread is in a listener, and which; 0: in none. */
static uint64_t
listens_since(const struct event_thread *t, struct listening *out)
{
	uint64_t since;

	/* pair(listening) seq_cst: after what was told. */
	out->listener = atom64_load_seqcst(&t->listening);
	since = atom64_load_relaxed(&t->listening_since);
	out->event = atom32_load_relaxed(&t->listening_event);
	out->name = atomp_load_relaxed(&t->listening_name);
	return out->listener != 0 ? since : 0;
}

/* For how long it has been in that call, and no other: this thread may have
 * been held up between its looks. 0: it has left it. */
static uint64_t
listens_for(const struct event_thread *t, const struct listening *l,
    uint64_t since)
{
	uint64_t now = ferry__os_now_ns();
	struct listening again;

	if (listens_since(t, &again) != since ||
	    again.listener != l->listener)
		return 0;
	return now > since ? now - since : 0;
}

static void
tell(struct worker *w, struct context *c, struct listening *l, uint64_t since)
{
	c->told = since;
	/* pair(listening) seq_cst: before the next look. */
	atom64_store_seqcst(&w->events.told, since);
	ferry__attachment_post_listening(&c->source.attachments, l);
}

static void
tell_end(struct worker *w, uint64_t told)
{
	uint64_t now = ferry__os_now_ns();
	struct listening l = { .level = FERRY_LEVEL_NONE,
		.event = FERRY_EVENT_ANY, .age_ns = now - told };

	for (struct context *c = w->contexts; c != NULL; c = c->next)
		if (c->told == told) {
			c->told = 0;
			ferry__attachment_post_listening(
			    &c->source.attachments, &l);
		}
	/* Relaxed: this thread's. */
	atom64_store_relaxed(&w->events.told, 0);
}

bool
ferry__watch_listens(const struct worker *w)
{
	const struct event_thread *t = &w->events;
	uint64_t told = atom64_load_relaxed(&t->told);
	struct listening l;

	/* What was told of has ended, and its end has not been told. */
	return told != 0 && listens_since(t, &l) != told;
}

void
ferry__watch_listener(struct worker *w)
{
	uint64_t told = atom64_load_relaxed(&w->events.told), since;
	struct listening l;

	since = listens_since(&w->events, &l);
	if (told != 0 && since != told)
		tell_end(w, told);
	if (since == 0)
		return;
	l.age_ns = listens_for(&w->events, &l, since);
	for (struct context *c = w->contexts; c != NULL; c = c->next) {
		l.level = level_of(c, l.age_ns);
		if (l.level != FERRY_LEVEL_NONE && c->told != since)
			tell(w, c, &l, since);
	}
}
