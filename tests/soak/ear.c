/*
 * Events: who emits them, and listeners that come and go.
 */
#include "soak.h"

enum { EARS = 12, EAR_ACTORS = 2, UNORDERED = UINT32_MAX };

/* ------------------------------------------------------------------- news */

int
news_emit(ferry_context context, uint64_t life, uint32_t emitter,
    uint64_t order, struct t_rng *rng)
{
	unsigned char bytes[NEWS_MOST];
	uint64_t room = one_in(rng, 10) ? NEWS_MOST : 400;
	size_t size = sizeof(struct news) +
	    t_rand_below(rng, room - sizeof(struct news));
	struct news n = {payload_proof(life ^ order), life, emitter,
	    (uint32_t)size, order};
	struct tally *t = tally_of(life);
	int r;

	memset(bytes, (int)order & 0xff, size);
	memcpy(bytes, &n, sizeof n);
	r = ferry_context_emit(context, size > 512 ? E_LARGE : E_SMALL, bytes,
	    size);
	if (t != NULL && r == FERRY_OK)
		atomic_fetch_add(&t->emitted, 1);
	if (t != NULL && r == FERRY_ESTUCK)
		atomic_fetch_add(&t->emit_refused, 1);
	return r;
}

void
news_hear(struct heard *h, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	struct news n;

	T_GE(size, sizeof n);
	memcpy(&n, data, sizeof n);
	T_EQ(n.size, size);
	T_EQ(n.proof, payload_proof(n.life ^ n.order));
	for (size_t i = sizeof n; i < size; i += 7)
		T_EQ(bytes[i], n.order & 0xff);
	atomic_fetch_add_explicit(
	    &op_events_heard, 1, memory_order_relaxed);
	if (h->life != n.life) {
		memset(h, 0, sizeof *h);
		h->life = n.life;
	}
	if (n.emitter == UNORDERED)
		return;
	T_LT(n.emitter, EMITTERS);
	if (n.order <= h->last[n.emitter])
		T_FAIL("emitter %u: %ju is heard after %ju", n.emitter,
		    (uintmax_t)n.order, (uintmax_t)h->last[n.emitter]);
	h->last[n.emitter] = n.order;
}

/* ---------------------------------------------------------------- emitters */

void
emitter_run(struct actor *a)
{
	uint64_t order = 0;

	while (actor_turn(a)) {
		struct berth *b = &berths[t_rand_below(&a->rng, BERTHS)];
		uint64_t burst = 1 + t_rand_below(&a->rng, 20);
		struct tally *t;
		ferry_context context = berth_enter(b, &t);
		int r;

		while (context != 0 && burst-- > 0) {
			order++;
			r = STEP(news_emit(context,
			    t != NULL ? atomic_load(&t->life) : 0,
			    BERTHS + a->n, order, &a->rng), order);
			ALLOW(OP_EMIT, r, FERRY_ESTUCK, FERRY_ECLOSED,
			    FERRY_ESTALE, FERRY_ENOMEM);
			T_ASSERT(t != NULL || r != FERRY_OK);
		}
		berth_leave(t);
		if (one_in(&a->rng, 2))
			t_sleep_ms(1);
	}
}

/* --------------------------------------------------------------- listeners */

struct ear {
	atomic_int added, gone, dead;
	atomic_ullong token, life;
	struct berth *berth;
	struct heard heard; /* the event thread's */
	struct t_rng rng;   /* the same */
};

static struct ear ears[EAR_ACTORS][EARS];

/* What a listener may do besides. */
static void
act(struct ear *e, ferry_context context)
{
	int r;

	switch (t_rand_below(&e->rng, 1000)) {
	case 0:
		t_sleep_ms((unsigned)t_rand_below(&e->rng, 15));
		break;
	case 1:
		request_aside(e->berth, &e->rng, 1);
		break;
	case 2:
		r = news_emit(context, atomic_load(&e->life), UNORDERED, 1,
		    &e->rng);
		ALLOW(OP_EMIT, r, FERRY_ESTUCK, FERRY_ECLOSED, FERRY_EDEADLK,
		    FERRY_ENOMEM, FERRY_ESTALE);
		break;
	case 3:
		if (atomic_load(&e->token) == 0)
			break;
		r = ferry_listener_remove(atomic_load(&e->token));
		ALLOW(OP_REMOVE, r, FERRY_EALREADY, FERRY_ESTALE);
		break;
	default:
		break;
	}
}

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct ear *e = user;

	(void)dropped;
	T_LT(event, EVENTS);
	if (atomic_load(&e->gone) != 0 || atomic_load(&e->dead) != 0)
		T_FAIL("a listener that is gone is called");
	news_hear(&e->heard, data, size);
	T_EQ(e->heard.life, atomic_load(&e->life));
	act(e, context);
	T_EQ(atomic_load(&e->gone), 0);
}

static void
gone(void *user)
{
	struct ear *e = user;

	T_EQ(atomic_fetch_add(&e->gone, 1), 0);
}

static void
add(struct actor *a, struct ear *e)
{
	ferry_listener_options o = {.struct_size = sizeof o, .listener = hear,
	    .gone = gone, .user = e, .name = "ear"};
	ferry_listener token = 0;
	struct tally *t;
	ferry_context context;
	int r;

	e->berth = &berths[t_rand_below(&a->rng, BERTHS)];
	context = berth_enter(e->berth, &t);
	if (t != NULL && context != 0) {
		o.event = one_in(&a->rng, 2) ? FERRY_EVENT_ANY : E_SMALL;
		memset(&e->heard, 0, sizeof e->heard);
		e->rng.state = t_rand(&a->rng);
		atomic_store(&e->token, 0);
		atomic_store(&e->gone, 0);
		atomic_store(&e->dead, 0);
		atomic_store(&e->life, atomic_load(&t->life));
		r = STEP(ferry_listener_add(&token, context, &o), context);
		ALLOW(OP_ADD, r, FERRY_ECLOSED, FERRY_ESTALE, FERRY_ENOMEM);
		atomic_store(&e->token, token);
		atomic_store(&e->added, r == FERRY_OK);
	}
	berth_leave(t);
}

static void
take_off(struct actor *a, struct ear *e)
{
	static const int64_t timeouts[] = {0, 1, -1};
	ferry_listener token = atomic_load(&e->token);
	int r;

	if (one_in(&a->rng, 3)) {
		r = STEP(ferry_listener_remove(token), token);
		ALLOW(OP_REMOVE, r, FERRY_EALREADY, FERRY_ESTALE);
		return;
	}
	r = STEP(ferry_listener_remove_wait(
	    token, timeouts[t_rand_below(&a->rng, 3)]), token);
	ALLOW(OP_REMOVE_WAIT, r, FERRY_ETIMEDOUT, FERRY_ESTALE);
	if (r != FERRY_ETIMEDOUT) {
		atomic_store(&e->dead, 1);
		T_EQ(atomic_load(&e->gone), 1);
	}
}

void
ear_run(struct actor *a)
{
	while (actor_turn(a)) {
		struct ear *e = &ears[a->n][t_rand_below(&a->rng, EARS)];

		if (!atomic_load(&e->added) || atomic_load(&e->gone) == 1) {
			atomic_store(&e->added, 0);
			add(a, e);
		} else if (one_in(&a->rng, 4)) {
			take_off(a, e);
		}
		t_sleep_ms(1);
		actor_beat();
	}
}

void
ear_check_life(uint64_t life)
{
	for (int i = 0; i < EAR_ACTORS * EARS; i++) {
		struct ear *e = &ears[i / EARS][i % EARS];
		/* First: when it is used again, it is for another life. */
		int is_gone = atomic_load(&e->gone);

		if (atomic_load(&e->added) && atomic_load(&e->life) == life)
			T_EQ(is_gone, 1);
	}
}
