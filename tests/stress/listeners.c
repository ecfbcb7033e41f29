/*
 * Listeners that come and go while events of both classes flow and contexts
 * close and open again.
 *
 * Keepers add listeners and let go of them in every way: remove, remove_wait,
 * both, from their own call, or by the close. Emitters and handlers emit by
 * tokens of any age. Each life of a context has a witness, added before anybody
 * else knows the context. The accountant: after a remove at most the one call
 * that had begun is still seen, after a remove_wait none; gone comes once, and
 * last, and never after a failed add; without overflow the witness has heard
 * every event that was accepted, each emitter's in order, and nobody has heard
 * another life's.
 *
 * Iterations: listeners of each keeper. T_LIMIT=600
 */
#include "account.h"

enum { SLOTS = 3, MOST = 64, EMITTERS_MOST = 16 };

struct life {
	ferry_context context;
	uint32_t policy;
	atomic_ullong accepted; /* emits that returned FERRY_OK */
	/* The witness's. */
	uint64_t heard, dropped;
	uint32_t next[EMITTERS_MOST + 1];
	atomic_int gone;
	uint32_t n; /* said by its handlers */
	struct life *before;
};

static _Atomic(struct life *) now[SLOTS];
static struct life *lives[SLOTS]; /* the closer's of that slot */
static atomic_int stop;

/* An event: whose, and its number among those of one emitter's thread. */
struct said {
	struct life *life;
	uint32_t who, n;
};

/* ----------------------------------------------------------- the witness */

static void
witness(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct life *life = user;
	struct said said;

	(void)event;
	T_EQ(size, sizeof said);
	memcpy(&said, data, sizeof said);
	T_ASSERT(said.life == life);
	T_EQ(context, life->context);
	T_EQ(atomic_load(&life->gone), 0);
	T_GE(said.n, life->next[said.who]);
	life->next[said.who] = said.n + 1;
	life->heard++;
	life->dropped += dropped;
}

static void
witness_gone(void *user)
{
	T_EQ(atomic_fetch_add(&((struct life *)user)->gone, 1), 0);
}

static struct life *
open_life(unsigned slot, struct t_rng *rng)
{
	static const uint32_t policies[] = {FERRY_EVENTS_DROP_OLDEST,
	    FERRY_EVENTS_STUCK, FERRY_EVENTS_BLOCK};
	ferry_context_options o = fx_context_options();
	struct life *life = calloc(1, sizeof *life);
	ferry_listener_options lo = {.struct_size = sizeof lo,
	    .event = FERRY_EVENT_ANY, .listener = witness,
	    .gone = witness_gone, .user = life};
	ferry_listener l;

	o.worker_key = slot < 2 ? "listeners" : NULL;
	o.event_policy = policies[t_rand_below(rng, 3)];
	o.event_capacity = 1u << t_rand_below(rng, 7);
	life->policy = o.event_policy;
	life->context = fx_open_with(&o);
	T_OK(ferry_listener_add(&l, life->context, &lo));
	life->before = lives[slot];
	lives[slot] = life;
	return life;
}

/* ------------------------------------------------------------ the keepers */

struct ear {
	ferry_listener self;
	struct life *life;
	atomic_int calls, late, gone, removed;
	atomic_int inside;
	int own_remove; /* in this call; 0: never */
	int lingers;    /* in `gone` */
};

struct keeper {
	pthread_t thread;
	uint64_t seed, n;
	uint64_t added, refused, closed, closing;
};

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct ear *e = user;
	struct said said;
	int r;

	(void)event;
	(void)dropped;
	T_EQ(atomic_fetch_add(&e->inside, 1), 0);
	T_EQ(atomic_load(&e->gone), 0);
	/* That one may have begun before the remove. */
	if (atomic_load(&e->removed))
		T_EQ(atomic_fetch_add(&e->late, 1), 0);
	T_EQ(context, e->life->context);
	T_EQ(size, sizeof said);
	memcpy(&said, data, sizeof said);
	T_ASSERT(said.life == e->life);
	if (atomic_fetch_add(&e->calls, 1) + 1 == e->own_remove) {
		r = ferry_listener_remove(e->self);
		/* Its keeper may have been first, while this call began. */
		T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY);
		atomic_store(&e->removed, 1);
		atomic_store(&e->late, 1);
	}
	T_EQ(atomic_fetch_sub(&e->inside, 1), 1);
}

static void
gone(void *user)
{
	struct ear *e = user;

	T_EQ(atomic_load(&e->inside), 0);
	for (int i = 0; i < e->lingers; i++)
		sched_yield();
	T_EQ(atomic_fetch_add(&e->gone, 1), 0);
}

static void
await_gone(struct ear *e)
{
	while (atomic_load(&e->gone) == 0)
		sched_yield();
}

/* What the first remove but the close's own has said. */
static void
removed_first(struct keeper *k, const struct ear *e, int r)
{
	if (r == FERRY_ESTALE) {
		T_EQ(atomic_load(&e->gone), 1);
		k->closed++;
	} else if (r == FERRY_EALREADY) {
		/* The close is at it: `gone` may be to come. */
		k->closing++;
	} else {
		T_OK(r);
	}
}

/* In one of the ways there are; afterwards the ear may be freed. */
static void
let_go(struct keeper *k, struct ear *e, struct t_rng *rng)
{
	uint64_t how = t_rand_below(rng, 4);
	int r;

	if (e->own_remove != 0 || how == 0) {
		/* By its own call, or by the close; not for ever. */
		for (int i = 0; i < 50 && atomic_load(&e->gone) == 0; i++)
			sched_yield();
		how = 2;
	}
	if (how == 1) {
		r = ferry_listener_remove(e->self);
		atomic_store(&e->removed, 1);
		removed_first(k, e, r);
	}
	if (how == 3) {
		r = ferry_listener_remove_wait(e->self, 0);
		atomic_store(&e->removed, 1);
		T_NE(r, FERRY_EALREADY);
		if (r != FERRY_ETIMEDOUT)
			removed_first(k, e, r);
	}
	if (t_rand_below(rng, 4) == 0)
		await_gone(e);
	r = ferry_listener_remove_wait(e->self, -1);
	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
	T_EQ(atomic_load(&e->gone), 1);
	T_EQ(atomic_load(&e->inside), 0);
	T_EQ(ferry_listener_remove(e->self), FERRY_ESTALE);
}

static void
keep_one(struct keeper *k, struct t_rng *rng)
{
	struct ear *e = calloc(1, sizeof *e);
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = t_rand_below(rng, 3) == 0 ? FERRY_EVENT_ANY
	                                       : FX_TICK,
	    .listener = hear, .gone = gone, .user = e};
	int r;

	e->life = atomic_load(&now[t_rand_below(rng, SLOTS)]);
	e->lingers = (int)t_rand_below(rng, 8);
	if (t_rand_below(rng, 4) == 0)
		e->own_remove = 1 + (int)t_rand_below(rng, 3);
	r = ferry_listener_add(&e->self, e->life->context, &o);
	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE || r == FERRY_ECLOSED);
	if (r == FERRY_OK) {
		k->added++;
		for (uint64_t n = t_rand_below(rng, 8); n > 0; n--)
			sched_yield();
		let_go(k, e, rng);
	} else {
		k->refused++;
		sched_yield();
		T_EQ(atomic_load(&e->gone) + atomic_load(&e->calls), 0);
	}
	memset(e, 0xa5, sizeof *e);
	free(e);
}

static void *
keep(void *arg)
{
	struct keeper *k = arg;
	struct t_rng rng = {k->seed};

	while (k->added < k->n)
		keep_one(k, &rng);
	return NULL;
}

/* ----------------------------------------------------------- the emitters */

struct emitter {
	pthread_t thread;
	uint64_t seed;
	uint32_t who, n;
};

static atomic_ullong accepted, refused;

static void
say(uint32_t who, uint32_t n, struct life *life)
{
	struct said said = {life, who, n};
	int r = ferry_context_emit(life->context,
	    said.n % 3 == 0 ? FX_TOCK : FX_TICK, &said, sizeof said);

	T_ASSERT(r == FERRY_OK || r == FERRY_ESTUCK || r == FERRY_ECLOSED ||
	    r == FERRY_ESTALE);
	if (r == FERRY_OK) {
		atomic_fetch_add(&life->accepted, 1);
		atomic_fetch_add(&accepted, 1);
	} else {
		atomic_fetch_add(&refused, 1);
		sched_yield();
	}
}

/* On the FFI thread, possibly long after an abandoned close has answered. */
static int
say_there(ferry_call call, void *arg)
{
	struct life *life = arg;

	(void)call;
	for (int i = 0; i < 12; i++)
		say(EMITTERS_MOST, life->n++, life);
	return FERRY_OK;
}

static void
say_by_request(struct life *life)
{
	struct fx_job job = {say_there, life};
	ferry_reply reply;
	ferry_request request;
	int r;

	r = ferry_request_invoke(&reply, &request, life->context, FX_DO, &job,
	    sizeof job, NULL, -1);
	T_ASSERT(r == FERRY_OK || r == FERRY_ESTUCK || r == FERRY_ECLOSED ||
	    r == FERRY_ESTALE);
}

static void *
emit(void *arg)
{
	struct emitter *e = arg;
	struct t_rng rng = {e->seed};

	while (!atomic_load(&stop)) {
		struct life *life = atomic_load(&now[t_rand_below(
		    &rng, SLOTS)]);

		if (t_rand_below(&rng, 4) == 0)
			say_by_request(life);
		else
			for (int i = (int)t_rand_below(&rng, 20); i > 0; i--)
				say(e->who, e->n++, life);
	}
	return NULL;
}

/* ---------------------------------------------------------------- the lives */

struct closer {
	pthread_t thread;
	unsigned slot;
	uint64_t seed, n;
};

static void
close_life(struct life *life, struct t_rng *rng)
{
	uint32_t mode = (uint32_t)t_rand_below(rng, 3);
	int r;

	while ((r = fx_close_mode(life->context, mode,
	            (int64_t)t_rand_below(rng, 3), NULL)) != FERRY_OK)
		T_EQ(r, FERRY_EBUSY);
	T_EQ(atomic_load(&life->gone), 1);
}

static void *
live(void *arg)
{
	struct closer *c = arg;
	struct t_rng rng = {c->seed};

	while (!atomic_load(&stop)) {
		struct life *old = lives[c->slot];

		for (uint64_t n = 1 + t_rand_below(&rng, 200);
		     n > 0 && atomic_load(&old->accepted) < 10 * n; n--)
			sched_yield();
		close_life(old, &rng);
		atomic_store(&now[c->slot], open_life(c->slot, &rng));
		c->n++;
	}
	return NULL;
}

/* ----------------------------------------------------------- the accounts */

static void
audit(void)
{
	uint64_t of_lives = 0, heard = 0, lost = 0;

	for (unsigned s = 0; s < SLOTS; s++)
		for (struct life *l = lives[s]; l != NULL; l = l->before) {
			uint64_t own = atomic_load(&l->accepted);

			T_EQ(atomic_load(&l->gone), 1);
			T_LE(l->heard + l->dropped, own);
			if (l->policy != FERRY_EVENTS_DROP_OLDEST) {
				T_EQ(l->heard, own);
				T_EQ(l->dropped, 0);
			}
			of_lives += own;
			heard += l->heard;
			lost += l->dropped;
		}
	T_EQ(atomic_load(&accepted), of_lives);
	dprintf(1, "events: accepted %ju, refused %ju, heard %ju, told of "
	    "%ju dropped\n", (uintmax_t)of_lives,
	    (uintmax_t)atomic_load(&refused), (uintmax_t)heard,
	    (uintmax_t)lost);
}

static void
free_lives(void)
{
	for (unsigned s = 0; s < SLOTS; s++)
		while (lives[s] != NULL) {
			struct life *l = lives[s];

			lives[s] = l->before;
			free(l);
		}
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){4, 2000, t_seed()});
	static struct keeper keepers[MOST];
	static struct emitter emitters[EMITTERS_MOST];
	struct closer closers[SLOTS];
	struct t_rng rng = {s.seed};
	unsigned n_emitters = s.threads / 2 + 1, n_keepers = s.threads / 2 + 1;
	uint64_t added = 0, turned_away = 0, closed = 0, closing = 0;
	uint64_t reopened = 0;

	if (n_emitters > EMITTERS_MOST)
		n_emitters = EMITTERS_MOST;
	if (n_keepers > MOST)
		n_keepers = MOST;
	for (unsigned i = 0; i < SLOTS; i++)
		atomic_store(&now[i], open_life(i, &rng));
	for (unsigned i = 0; i < SLOTS; i++) {
		closers[i] = (struct closer){.slot = i, .seed = t_rand(&rng)};
		closers[i].thread = t_thread_start(live, &closers[i]);
	}
	for (unsigned i = 0; i < n_emitters; i++) {
		emitters[i] = (struct emitter){.seed = t_rand(&rng), .who = i};
		emitters[i].thread = t_thread_start(emit, &emitters[i]);
	}
	for (unsigned i = 0; i < n_keepers; i++) {
		keepers[i] = (struct keeper){.seed = t_rand(&rng),
		    .n = s.iters};
		keepers[i].thread = t_thread_start(keep, &keepers[i]);
	}
	for (unsigned i = 0; i < n_keepers; i++) {
		t_thread_join(keepers[i].thread);
		added += keepers[i].added;
		turned_away += keepers[i].refused;
		closed += keepers[i].closed;
		closing += keepers[i].closing;
	}
	atomic_store(&stop, 1);
	for (unsigned i = 0; i < n_emitters; i++)
		t_thread_join(emitters[i].thread);
	for (unsigned i = 0; i < SLOTS; i++) {
		t_thread_join(closers[i].thread);
		reopened += closers[i].n;
		T_OK(ferry_context_close(lives[i]->context, NULL, NULL));
	}
	dprintf(1, "listeners: added %ju, refused %ju, gone before their "
	    "remove %ju, going %ju; contexts %ju\n", (uintmax_t)added,
	    (uintmax_t)turned_away, (uintmax_t)closed, (uintmax_t)closing,
	    (uintmax_t)reopened);
	audit();
	free_lives();
	return 0;
}
