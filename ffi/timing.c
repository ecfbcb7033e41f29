/*
 * How long requests wait and run; the argument is in timing.h.
 *
 * Threads: the FFI thread, but for stamp() (the submitting one) and of().
 */
#include "ffi/timing.h"

#include "ffi/context.h"

/* By method. */
struct timing_table {
	uint32_t n;
	atomp at[]; /* struct timing; or NULL */
};

/* --------------------------------------------------------------- sampling */

/* Some number below TIMING_EVERY: the high bits of a linear congruential
 * generator (Knuth's constants), of each home its own. */
static uint32_t
draw(struct home *h)
{
	h->random = h->random * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (uint32_t)(h->random >> 40) % TIMING_EVERY;
}

/*
 * A seed of which every bit counts: homes that are made one after the other, at
 * equal distances in time, would else draw in step. The finalizer of
 * SplitMix64 (Steele, Lea, Flood 2014, with Stafford's constants).
 */
static uint64_t
mix(uint64_t seed)
{
	seed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	seed = (seed ^ seed >> 27) * UINT64_C(0x94d049bb133111eb);
	return seed ^ seed >> 31;
}

/*
 * At the sampled request of a block of TIMING_EVERY, and at the first request
 * of a home, before which none has been drawn.
 */
COLD void
ferry__timing_stamp(struct home *h, struct node *n)
{
	uint64_t now = ferry__os_now_ns();
	uint32_t at;

	if (h->random == 0) {
		h->random = mix(now ^ (uintptr_t)h);
		at = draw(h);
		if (at != 0) {
			h->timed_at = at;
			h->until_timed = at - 1;
			return;
		}
		h->timed_at = 0;
	}
	at = draw(h);
	/* The rest of this block, and the next one's up to there. */
	h->until_timed = TIMING_EVERY - 1 - h->timed_at + at;
	h->timed_at = at;
	n->flags |= NODE_TIMED;
	n->submitted_ns = now;
}

/* ------------------------------------------------------------ a context's */

void
ferry__timing_close(struct timings *t)
{
	/* Relaxed throughout: nobody else has it. */
	struct timing *m;

	while ((m = t->used) != NULL) {
		t->used = m->next;
		free(m);
	}
	free(atomp_load_relaxed(&t->table));
	atomp_store_relaxed(&t->table, NULL);
	atom64_store_relaxed(&t->missed.n, 0);
}

const struct timing *
ferry__timing_of(const struct timings *t, uint32_t method)
{
	/* pair(timing) acquire: how many it has. */
	const struct timing_table *table = atomp_load_acquire(&t->table);

	if (table == NULL || method >= table->n)
		return NULL;
	/* pair(timing) acquire: that it was zero. */
	return atomp_load_acquire(&table->at[method]);
}

static struct timing_table *
make_table(struct timings *t, uint32_t n)
{
	struct timing_table *table =
	    calloc(1, sizeof *table + n * sizeof table->at[0]);

	if (table == NULL)
		return NULL;
	table->n = n;
	/* pair(timing) release. */
	atomp_store_release(&t->table, table);
	return table;
}

static struct timing *
make(struct timings *t, atomp *at)
{
	struct timing *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->next = t->used;
	t->used = m;
	/* pair(timing) release: it is zero. */
	atomp_store_release(at, m);
	return m;
}

/* NULL: no memory, which is counted. */
static struct timing *
timing_of(struct context *c, uint32_t method)
{
	/* Relaxed, both: this thread's. */
	struct timing_table *table = atomp_load_relaxed(&c->timings.table);
	struct timing *m = NULL;

	if (table == NULL)
		table = make_table(&c->timings, c->methods->n);
	if (table != NULL) {
		m = atomp_load_relaxed(&table->at[method]);
		if (m == NULL)
			m = make(&c->timings, &table->at[method]);
	}
	if (m == NULL)
		count_single_add(&c->timings.missed, 1);
	return m;
}

/* ------------------------------------------------------------- the ledger */

static uint32_t
level_of(const ferry_levels *l, uint64_t ns)
{
	const uint32_t ms[LEDGER_LEVELS] = { FERRY_OFF, l->slow_ms,
		l->stalled_ms, l->wedged_ms, l->fatal_ms };
	uint32_t level = LEDGER_LEVELS - 1;

	while (level != FERRY_LEVEL_NONE &&
	    (ms[level] == FERRY_OFF ||
	        ns < ms[level] * UINT64_C(1000000)))
		level--;
	return level;
}

/* Whether the hold in hand has used scopes, or was extended. */
static bool
is_scoped(const struct worker *w)
{
	/* Relaxed, both: this thread's own. */
	return ferry__beat_sequence(atom64_load_relaxed(&w->beat.word)) ==
	    atom64_load_relaxed(&w->scopes.beat);
}

/* The beat with which the hold in hand began. */
static uint64_t
hold_of(const struct worker *w)
{
	/* Relaxed: this thread's own. */
	return is_scoped(w)
	    ? atom64_load_relaxed(&w->scopes.hold)
	    : ferry__beat_sequence(atom64_load_relaxed(&w->beat.word));
}

/* The watcher has seen the hold that ends. */
static bool
is_judged(const struct worker *w)
{
	/* Relaxed: an acquire of `looked_ns` came before. */
	return atom64_load_relaxed(&w->events.judged) == hold_of(w);
}

static void
enter(struct worker *w, struct context *c, const struct method *m,
    ferry_ledger_entry e)
{
	e.level = level_of(&m->levels, e.lasted_ns);
	if (UNLIKELY(e.level != FERRY_LEVEL_NONE && is_scoped(w)))
		/* By its scopes' limits it may be nothing; the watcher goes by
		 * those. Relaxed: as in is_judged(). */
		e.level = is_judged(w)
		    ? atom32_load_relaxed(&w->events.judged_level)
		    : FERRY_LEVEL_NONE;
	if (LIKELY(e.level == FERRY_LEVEL_NONE))
		return;
	e.request = ferry__token_as(e.request, TOKEN_REQUEST);
	e.method = (uint32_t)(m - c->methods->at);
	e.method_name = m->name;
	/* Relaxed: as in is_judged(). */
	e.seen = is_judged(w) &&
	    atom32_load_relaxed(&w->events.judged_level) >= e.level;
	ferry__ledger_write(&c->ledger, &e);
}

/* -------------------------------------------------------------- estimating */

/*
 * When a hold began during which the watcher has looked, and of whose beginning
 * no more is known than that it was after `after_ns`.
 */
static uint64_t
estimate(const struct worker *w, uint64_t after_ns, uint64_t ended_ns)
{
	const struct event_thread *t = &w->events;
	/* Relaxed, all: an acquire of `looked_ns` came before. */
	uint64_t first = atom64_load_relaxed(&t->looked_ns);
	uint64_t tick = atom64_load_relaxed(&t->planned_ns), back, half;

	if (is_judged(w))
		first = atom64_load_relaxed(&t->judged_since_ns);
	if (first > ended_ns)
		first = ended_ns;
	if (after_ns < w->hold.clock_ns)
		after_ns = w->hold.clock_ns;
	half = first > after_ns ? first - after_ns : 0;
	half = (half < tick ? half : tick) / 2;
	back = ended_ns - first;
	return first - (back < half ? back : half);
}

/*
 * The clock was looked at just before the hold that begins or ends now, which
 * the watcher's clock had this time at its start: no request has begun between
 * them (the end of a batch is a beat, too), nor anything else that was to be
 * forgotten; and, should that be missed, there was no more than a tick.
 */
static bool
is_known(const struct worker *w, uint64_t looked_ns)
{
	/* Relaxed: a time. */
	uint64_t tick = atom64_load_relaxed(&w->events.planned_ns);

	return hold_of(w) - w->hold.clock_at <= 2 &&
	    w->hold.clock_ns + tick >= looked_ns;
}

/* -------------------------------------------------------------- beginnings */

COLD void
ferry__timing_begin_timed(
    struct worker *w, struct context *c, const struct node *n)
{
	struct timing *m = timing_of(c, ferry__node_method(n));
	struct hold *h = &w->hold;
	uint64_t now = ferry__os_now_ns();

	h->timed = true;
	h->known = is_known(w, h->looked);
	h->before = h->looked;
	/* No look is of that time: so that the end asks. */
	h->looked = 0;
	ferry__timing_clock(w, now);
	if (m != NULL)
		ferry__histogram_add(&m->wait,
		    now > n->submitted_ns ? now - n->submitted_ns : 0,
		    TIMING_EVERY);
}

void
ferry__timing_spawned(struct worker *w, struct strand *s)
{
	s->timed = w->hold.timed;
	w->hold.strand = s->id;
}

/* -------------------------------------------------------------------- ends */

COLD void
ferry__timing_end(struct worker *w, struct context *c, const struct method *m,
    ferry_call call)
{
	struct hold *h = &w->hold;
	uint64_t now = ferry__os_now_ns(), began = h->clock_ns, lasted;
	/* pair(look) acquire: what was found at that look. */
	uint64_t looked = atom64_load_acquire(&w->events.looked_ns);
	bool timed = h->timed, noticed;
	struct timing *t;

	if (!timed) {
		h->before = h->looked;
		h->known = is_known(w, h->before);
	}
	/* Relaxed: whether it does so for long. */
	noticed = looked != h->before || (h->known &&
	    atom64_load_relaxed(&w->events.listening) != 0);
	if (!timed && !h->known)
		began = noticed ? estimate(w, h->before, now) : now;
	lasted = now > began ? now - began : 0;
	h->timed = false;
	ferry__timing_clock(w, now);
	if (!timed && !noticed)
		return;
	enter(w, c, m, (ferry_ledger_entry){ .request = call,
		.strand = m->strand != NULL ? h->strand : 0,
		.ended_ns = now, .lasted_ns = lasted });
	if (m->strand != NULL)
		return;
	t = timing_of(c, (uint32_t)(m - c->methods->at));
	if (t != NULL)
		ferry__histogram_add(
		    &t->run, lasted, noticed ? 1 : TIMING_EVERY);
}

COLD void
ferry__timing_end_resumed(struct worker *w, struct context *c,
    const struct method *m, ferry_call call, uint64_t strand,
    uint64_t began_ns, uint64_t ended_ns)
{
	if (ended_ns == 0)
		ended_ns = ferry__os_now_ns();
	/* pair(look) acquire: what was found at that look. */
	atom64_load_acquire(&w->events.looked_ns);
	ferry__timing_clock(w, ended_ns);
	enter(w, c, m, (ferry_ledger_entry){ .request = call,
		.strand = strand, .ended_ns = ended_ns,
		.lasted_ns = ended_ns > began_ns ? ended_ns - began_ns : 0 });
}

void
ferry__timing_lost(struct worker *w)
{
	const struct strand *s = w->strand;
	struct context *c = w->context;
	const struct method *m;

	if (w->doing == DOING_HANDLER || w->doing == DOING_STRAND) {
		m = &c->methods->at[ferry__node_method(w->current)];
		if (w->doing == DOING_HANDLER)
			ferry__timing_end(w, c, m, w->call);
		else
			ferry__timing_end_resumed(
			    w, c, m, w->call, s->id, s->since_ns, 0);
	}
	w->hold.timed = false;
}

void
ferry__timing_strand(struct worker *w, const struct strand *s)
{
	/* Relaxed, both: times; that of its spawn is this thread's. One without
	 * a place in the registry is not timed. */
	uint64_t spawned = s->listed != NULL
	    ? atom64_load_relaxed(&s->listed->spawned_ns)
	    : UINT64_MAX;
	bool noticed = atom64_load_relaxed(&w->events.looked_ns) > spawned;
	struct timing *t;
	uint64_t now;

	if (LIKELY(!noticed && (!s->timed || s->listed == NULL)))
		return;
	now = ferry__os_now_ns();
	t = timing_of(s->context, ferry__node_method(s->node));
	if (t != NULL)
		ferry__histogram_add(&t->run, now > spawned ? now - spawned : 0,
		    noticed ? 1 : TIMING_EVERY);
}
