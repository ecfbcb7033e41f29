/*
 * Berths: a context opens, lives for a while, is closed in some mode, perhaps
 * again and again until its wedged handlers are let go, and the next one opens.
 */
#include "soak.h"

struct berth berths[BERTHS] = {
    {.n = 0}, {.n = 1}, {.n = 2}, {.n = 3, .shares = 1},
    {.n = 4, .shares = 1}, {.n = 5, .shares = 1}};

static struct tally tallies[TALLIES];
static atomic_ullong lives;
static atomic_ullong wakes, parks, late, discarded, stalls;

struct tally *
tally_of(uint64_t life)
{
	struct tally *t = &tallies[life % TALLIES];

	return life != 0 && atomic_load(&t->life) == life ? t : NULL;
}

int
tally_may_refuse(const struct tally *t)
{
	struct tally *it = (struct tally *)(uintptr_t)t;

	return it == NULL || atomic_load(&it->closing) ||
	    atomic_load(&it->refusing) ||
	    fault_threads() != (it->shares ? 0 : it->threads_refused);
}

/* --------------------------------------------------------------- entering */

ferry_context
berth_context(struct berth *b)
{
	return atomic_load(&b->context);
}

ferry_context
berth_enter(struct berth *b, struct tally **tally)
{
	for (;;) {
		uint64_t life = atomic_load(&b->life);
		ferry_context context = atomic_load(&b->context);
		struct tally *t = tally_of(life);

		*tally = NULL;
		if (t == NULL)
			return atomic_load(&b->stale);
		atomic_fetch_add(&t->inside, 1);
		*tally = t;
		/* The owner ends the life before it waits for us to leave. */
		if (atomic_load(&b->life) == life &&
		    atomic_load(&b->context) == context)
			return context;
		atomic_fetch_sub(&t->inside, 1);
	}
}

void
berth_leave(struct tally *tally)
{
	if (tally != NULL)
		atomic_fetch_sub(&tally->inside, 1);
}

/* ---------------------------------------------------------------- opening */

static struct tally *
new_tally(void)
{
	uint64_t life = atomic_fetch_add(&lives, 1) + 1;
	struct tally *t = &tallies[life % TALLIES];

	atomic_store(&t->life, 0);
	atomic_store(&t->closing, 0);
	atomic_store(&t->refusing, 0);
	atomic_store(&t->over, 0);
	atomic_store(&t->accepted, 0);
	atomic_store(&t->started, 0);
	atomic_store(&t->blind, 0);
	atomic_store(&t->seen, 0);
	atomic_store(&t->lost, 0);
	atomic_store(&t->emitted, 0);
	atomic_store(&t->emit_refused, 0);
	atomic_store(&t->opened, 0);
	atomic_store(&t->destroyed, 0);
	atomic_store(&t->strands, 0);
	atomic_store(&t->strands_back, 0);
	atomic_store(&t->not_run, 0);
	T_EQ(atomic_load(&t->inside), 0);
	atomic_store(&t->life, life);
	return t;
}

static ferry_context_options
some_options(struct berth *b, struct t_rng *rng)
{
	static const uint64_t depths[] = {4, 64, 512, 0};
	/* Another every two seconds, so that shared workers come and go. */
	static const char *const keys[] = {"soak-a", "soak-b", "soak-c"};
	ferry_context_options o = fx_context_options();
	uint64_t era = (t_now_ns() - soak.began_ns) / 2000000000;

	if (b->shares) {
		o.worker_key = keys[era % 3];
		o.thread_name = "soak-shared";
	}
	o.init_arg = b;
	o.shards = 1u << t_rand_below(rng, 5);
	o.depth = depths[t_rand_below(rng, 4)];
	if (one_in(rng, 4))
		o.depth_total = 1 + t_rand_below(rng, 300);
	o.event_policy = (uint32_t)t_rand_below(rng, 3);
	o.event_capacity = 4u << t_rand_below(rng, 6);
	if (one_in(rng, 3))
		o.strands = 1 + (uint32_t)t_rand_below(rng, 20);
	if (one_in(rng, 2))
		o.flags |= FERRY_CONTEXT_SELF_SUBMIT;
	if (one_in(rng, 4))
		o.flags |= FERRY_CONTEXT_CLOSE_ON_LOSS;
	if (one_in(rng, 2))
		o.levels = (ferry_levels){.slow_ms = 5, .stalled_ms = 10,
		    .wedged_ms = 50};
	return o;
}

/* Until it is open; faults may be in the way. 0: the run is over. */
static struct tally *
open_one(struct actor *a, struct berth *b)
{
	ferry_context context = 0;
	struct tally *t = NULL;
	int r = FERRY_ESTALE;

	while (r != FERRY_OK) {
		ferry_context_options o = some_options(b, &a->rng);

		if (!actor_turn(a))
			return NULL;
		o.library = library_open();
		if (o.library == 0)
			continue;
		t = new_tally();
		t->shares = b->shares;
		t->threads_refused = fault_threads();
		b->last_life = atomic_load(&t->life);
		r = STEP(ferry_context_open(&context, &o), b->n);
		ALLOW(OP_OPEN, r, FERRY_ENOMEM, FERRY_ESYSTEM, FERRY_EINIT);
		T_OK(STEP(ferry_library_close(o.library), o.library));
		T_ASSERT(r == FERRY_OK || r == FERRY_EINIT || soak.faults);
	}
	atomic_store(&b->context, context);
	atomic_store(&b->life, b->last_life);
	return t;
}

/* ---------------------------------------------------------------- closing */

static ferry_close_options
some_close(struct t_rng *rng)
{
	static const int64_t timeouts[] = {0, 1, 10, 50};

	return (ferry_close_options){.struct_size = sizeof(ferry_close_options),
	    .mode = (uint32_t)t_rand_below(rng, 3),
	    .timeout_ms = timeouts[t_rand_below(rng, 4)]};
}

/* One of the two that close gets the report of the end. */
static int
close_once(ferry_context context, struct tally *t,
    const ferry_close_options *o)
{
	ferry_close_report report = {.struct_size = sizeof report};
	int r = STEP(ferry_context_close(context, o, &report), context);

	ALLOW(OP_CLOSE, r, FERRY_EBUSY, FERRY_EALREADY, FERRY_ESTALE);
	if (r == FERRY_OK)
		atomic_store(&t->not_run, report.callback_not_run);
	return r;
}

void
berth_rival(struct berth *b, struct t_rng *rng)
{
	ferry_close_options o = some_close(rng);
	struct tally *t;
	ferry_context context = berth_enter(b, &t);

	if (t != NULL && atomic_load(&t->closing))
		(void)close_once(context, t, &o);
	berth_leave(t);
}

/* What its counters said last. */
static void
note_counters(ferry_context context, ferry_counters *last)
{
	ferry_counters c = {.struct_size = sizeof c};

	if (ferry_context_counters(&c, context) != FERRY_OK)
		return;
	fx_balance(&c);
	*last = c;
}

static void
sum_up(const struct berth *b, const ferry_counters *c)
{
	atomic_fetch_add(&wakes, c->wakes);
	atomic_fetch_add(&late, c->late_replies);
	atomic_fetch_add(&discarded, c->discarded);
	atomic_fetch_add(&stalls, c->stall_episodes);
	if (!b->shares)
		atomic_fetch_add(&parks, c->parks);
}

/* Nothing of it may be about any more. */
static void
check_closed(struct berth *b, struct tally *t)
{
	uint64_t life = atomic_load(&t->life);

	atomic_store(&t->over, 1);
	atomic_store(&b->stale, berth_context(b));
	atomic_store(&b->life, 0);
	T_WAIT_UNTIL(atomic_load(&t->inside) == 0, FX_LIMIT_MS);
	T_EQ(record_close_life(life), atomic_load(&t->not_run));
	T_EQ(atomic_load(&t->opened), atomic_load(&t->destroyed));
	ear_check_life(life);
}

static void
close_one(struct actor *a, struct berth *b, struct tally *t)
{
	ferry_context context = berth_context(b);
	ferry_counters last = {.struct_size = sizeof last};
	int r;

	if (one_in(&a->rng, 2))
		request_wedge(b, &a->rng);
	atomic_store(&t->closing, 1);
	do {
		ferry_close_options o = some_close(&a->rng);

		note_counters(context, &last);
		r = close_once(context, t, &o);
		if (r == FERRY_EALREADY)
			t_sleep_ms(1);
	} while (r != FERRY_OK && r != FERRY_ESTALE);
	sum_up(b, &last);
	check_closed(b, t);
	T_EQ(ferry_context_close(context, NULL, NULL), FERRY_ESTALE);
}

void
berth_run(struct actor *a)
{
	struct berth *b = a->arg;
	struct tally *t;

	while ((t = open_one(a, b)) != NULL) {
		uint64_t until = t_now_ns() +
		    t_rand_below(&a->rng, 600) * 1000000;

		while (actor_turn(a) && t_now_ns() < until) {
			t_sleep_ms(1);
			actor_beat();
		}
		close_one(a, b, t);
	}
}

/* ---------------------------------------------------------------- at rest */

int
berth_at_rest(struct berth *b)
{
	ferry_counters c = {.struct_size = sizeof c};

	if (ferry_context_counters(&c, berth_context(b)) != FERRY_OK)
		return 1;
	return c.queued == 0 && c.running == 0 &&
	    c.events_emitted == c.events_unheard + c.events_dropped +
	    c.events_dropped_elsewhere + c.events_dispatched;
}

/* Handlers of one payload in ten or so do not know their tag: `blind`. */
void
berth_check_rest(struct berth *b)
{
	struct tally *t = tally_of(atomic_load(&b->life));
	ferry_counters c = {.struct_size = sizeof c};
	uint64_t started;

	if (t == NULL)
		return;
	T_OK(ferry_context_counters(&c, berth_context(b)));
	fx_balance(&c);
	T_EQ(c.submitted - c.refused, atomic_load(&t->accepted));
	started = atomic_load(&t->started) +
	    strand_check_rest(berth_context(b), t);
	T_GE(c.started, started);
	T_LE(c.started, started + atomic_load(&t->blind));
	/* An inbox may be closing: the boxes do not rest. */
	T_WAIT_UNTIL((c = fx_counters(berth_context(b)), c.discarded ==
	    record_unseen(atomic_load(&t->life))), FX_LIMIT_MS);
	T_EQ(atomic_load(&t->accepted), atomic_load(&t->seen) + c.discarded);
	T_GE(c.ended_lost, atomic_load(&t->lost));
	T_LE(c.ended_lost, atomic_load(&t->lost) + c.discarded);
	T_EQ(c.events_emitted, atomic_load(&t->emitted));
	T_EQ(c.events_refused, atomic_load(&t->emit_refused));
	/* One that has been released may be in the middle of its destroy. */
	T_WAIT_UNTIL(fx_counters(berth_context(b)).handles_open ==
	    atomic_load(&t->opened) - atomic_load(&t->destroyed),
	    FX_LIMIT_MS);
}

void
berth_health(void)
{
	for (int i = 0; i < BERTHS; i++) {
		ferry_health h = {.struct_size = sizeof h};
		ferry_context context = berth_context(&berths[i]);
		int r = ferry_context_health(&h, context);

		dprintf(2, "berth %d, context %#jx, life %ju: ", i,
		    (uintmax_t)context, (uintmax_t)berths[i].last_life);
		if (r != FERRY_OK) {
			dprintf(2, "%s\n", ferry_error_name(r));
			continue;
		}
		dprintf(2, "worker %u, watcher %u, level %u, in %s for "
		    "%ju ms, queued %ju, running %ju, listener %s, thread "
		    "%u\n", h.worker, h.watcher, h.level,
		    h.method_name ? h.method_name : "nothing",
		    (uintmax_t)h.age_ns / 1000000, (uintmax_t)h.queued,
		    (uintmax_t)h.running,
		    h.listener_name ? h.listener_name : "none",
		    h.worker_thread);
	}
}

void
berth_print(void)
{
	dprintf(1, "  %llu lives; wakes %llu, parks %llu, late replies %llu, "
	    "discarded %llu, stalls %llu\n", atomic_load(&lives),
	    atomic_load(&wakes), atomic_load(&parks), atomic_load(&late),
	    atomic_load(&discarded), atomic_load(&stalls));
}
