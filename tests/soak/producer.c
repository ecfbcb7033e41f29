/*
 * Producers: threads that submit in every way, and that end and start anew.
 */
#include <sched.h>

#include "soak.h"

enum { PENDING = 24, BATCH = 12, OWN_LANES = 8, LIFE = 3000 };

_Static_assert(1 + PRODUCERS * OWN_LANES <= LANES, "lanes for all of them");

/* One producer thread; `order` and `epoch` go on in the next. */
struct hand {
	struct actor *actor;
	uint64_t epoch;
	uint64_t order;
	struct parcel pending[PENDING];
	unsigned n;
};

/* --------------------------------------------------------------- waiting */

/* A timeout has passed: wait again (0), or it has been given up (1). */
static int
give_up(struct hand *h, struct parcel *k)
{
	struct t_rng *rng = &h->actor->rng;
	int r;

	switch (t_rand_below(rng, 8)) {
	case 0:
		r = STEP(ferry_request_release(k->request), k->request);
		T_OK(op_did(OP_RELEASE, r));
		record_released(k->tag);
		return 1;
	case 1:
	case 2:
		record_cancelable(k->tag);
		r = STEP(ferry_request_cancel(k->request), k->request);
		ALLOW(OP_CANCEL, r, FERRY_EALREADY, FERRY_EDONE);
		return 0;
	default:
		return 0;
	}
}

static void
await(struct hand *h, struct parcel *k, int patient)
{
	static const int64_t timeouts[] = {0, 1, 20, -1};
	ferry_reply reply;
	int r;

	do {
		int64_t ms = timeouts[t_rand_below(&h->actor->rng, 4)];

		if (patient)
			ms = -1;
		r = STEP(ferry_request_wait(&reply, k->request, ms),
		    k->request);
		ALLOW(OP_WAIT, r, FERRY_ETIMEDOUT);
		if (r == FERRY_ETIMEDOUT && give_up(h, k))
			return;
	} while (r != FERRY_OK);
	request_reply(k->tag, &reply);
}

static void
await_all(struct hand *h, int patient)
{
	while (h->n > 0)
		await(h, &h->pending[--h->n], patient);
}

/* ------------------------------------------------------------- submitting */

/* A lane of this producer's own, or of this thread; or any, unchecked. */
static void
choose_lane(struct hand *h, struct plan *p)
{
	uint32_t own = (uint32_t)t_rand_below(p->rng, OWN_LANES);

	if (one_in(p->rng, 8)) {
		p->o.lane = 1 + t_rand_below(p->rng, 4);
		return;
	}
	p->lane = 1 + h->actor->n * OWN_LANES + own;
	p->o.lane = own == 0 ? 0 : 1000 + p->lane;
	p->epoch = own == 0 ? h->epoch : 1;
	p->order = &h->order;
}

static void
accepted(struct hand *h, struct plan *p, struct parcel *k)
{
	if (p->cancelable && k->request != 0)
		cancel_later(k->request);
	if (p->way != BY_WAIT)
		return;
	if (one_in(p->rng, 10)) {
		await(h, k, 0);
		return;
	}
	h->pending[h->n++] = *k;
}

static void
submit_one(struct hand *h, struct plan *p)
{
	struct parcel k;
	/* Whoever waits needs the token, and who may cancel. */
	ferry_request *out =
	    p->way == BY_WAIT || p->cancelable ? &k.request : NULL;
	int r;

	if (!request_pack(p, &k))
		return;
	r = STEP(ferry_request_submit(out, p->context, p->method, k.data,
	    k.size, &p->o), k.tag);
	request_refused(p, OP_SUBMIT, r, 0);
	request_settle(p, &k, r);
	if (r == FERRY_OK)
		accepted(h, p, &k);
}

static void
submit_many(struct hand *h, struct plan *p)
{
	uint64_t most = 1 + t_rand_below(p->rng, BATCH), n = 0;
	struct parcel parcels[BATCH];
	ferry_request_item items[BATCH];
	ferry_request requests[BATCH] = {0};
	int r;

	memset(items, 0, sizeof items);
	/* One free_user is for all of them: the payload says whose it is. */
	p->tagged = 1;
	while (n < most && request_pack(p, &parcels[n])) {
		items[n].method = p->method;
		items[n].data = parcels[n].data;
		items[n].size = parcels[n].size;
		items[n].user = p->o.user;
		n++;
	}
	if (n == 0)
		return;
	p->o.free_user = NULL;
	r = STEP(ferry_request_submit_many(requests, p->context, items, n,
	    &p->o), n);
	request_refused(p, OP_MANY, r, 0);
	for (uint64_t i = 0; i < n; i++) {
		parcels[i].request = requests[i];
		request_settle(p, &parcels[i], r);
	}
	for (uint64_t i = 0; r == FERRY_OK && i < n; i++)
		accepted(h, p, &parcels[i]);
}

static void
invoke(struct hand *h, struct plan *p)
{
	static const int64_t timeouts[] = {0, 1, 50, -1};
	int64_t ms = timeouts[t_rand_below(p->rng, 4)];
	ferry_reply reply;
	struct parcel k;
	int r;

	if (!request_pack(p, &k))
		return;
	r = STEP(ferry_request_invoke(&reply, &k.request, p->context,
	    p->method, k.data, k.size, &p->o, ms), k.tag);
	if (k.request == 0) {
		request_refused(p, OP_INVOKE, r, 0);
		request_settle(p, &k, r);
		return;
	}
	ALLOW(OP_INVOKE, r, FERRY_ETIMEDOUT);
	request_settle(p, &k, FERRY_OK);
	if (r == FERRY_OK)
		request_reply(k.tag, &reply);
	else
		h->pending[h->n++] = k;
}

/* A submit named an inbox that is not attached: then it is, from now on. */
static void
attach(struct plan *p)
{
	ferry_attach_options o = {.struct_size = sizeof o,
	    .flags = (uint32_t)t_rand_below(p->rng, 4),
	    .event_capacity = 4u << t_rand_below(p->rng, 6),
	    .user = (void *)(uintptr_t)p->box_life};
	int r = STEP(ferry_inbox_attach(p->o.inbox, p->context, &o),
	    p->o.inbox);

	ALLOW(OP_ATTACH, r, FERRY_EALREADY, FERRY_ECLOSED, FERRY_ESTALE,
	    FERRY_ENOMEM);
}

static void
turn(struct hand *h)
{
	struct t_rng *rng = &h->actor->rng;
	struct plan p;

	if (h->n > PENDING - BATCH - 1)
		await_all(h, 0);
	request_plan(&p, &berths[t_rand_below(rng, BERTHS)], rng);
	if (p.context == 0) {
		request_leave(&p);
		return;
	}
	choose_lane(h, &p);
	if (p.way == BY_BOX && one_in(rng, 20))
		attach(&p);
	if (p.way == BY_WAIT && one_in(rng, 3))
		invoke(h, &p);
	else if (one_in(rng, 10))
		submit_many(h, &p);
	else
		submit_one(h, &p);
	request_leave(&p);
}

/* ------------------------------------------------------------ their lives */

static void *
produce(void *arg)
{
	struct hand *h = arg;
	struct t_rng *rng = &h->actor->rng;
	uint64_t turns = 1 + t_rand_below(rng, LIFE);

	actor_self = h->actor;
	h->epoch++;
	while (turns-- > 0 && !atomic_load(&soak.pausing) &&
	    !atomic_load(&soak.stopping)) {
		turn(h);
		if (one_in(rng, 100))
			sched_yield();
	}
	await_all(h, 1);
	return NULL;
}

void
producer_run(struct actor *a)
{
	static struct hand hands[PRODUCERS];
	struct hand *h = &hands[a->n];

	h->actor = a;
	while (actor_turn(a))
		t_thread_join(t_thread_start(produce, h));
}
