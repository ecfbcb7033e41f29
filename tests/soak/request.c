/*
 * One request: its kind by chance, its submit, and what may come of it.
 */
#include "soak.h"

static uint32_t
some_method(struct t_rng *rng)
{
	static const struct {
		uint32_t below, method;
	} mix[] = {
	    {1, M_WEDGE}, {2, M_EXIT}, {60, M_HOOK}, {200, M_EMIT},
	    {350, M_HANDLE}, {400, M_CALL}, {500, M_ERROR}, {900, M_DEFER},
	    {1900, M_ECHO}, {2300, M_STRAND}, {3000, M_PLAIN}};
	uint64_t n = t_rand_below(rng, 3000);
	int i = 0;

	while (n >= mix[i].below)
		i++;
	return mix[i].method;
}

/* Those that are small do not know their tag. */
static size_t
some_size(struct t_rng *rng, uint32_t method)
{
	size_t least = sizeof(struct item);
	uint64_t n = t_rand_below(rng, 1000);

	if (n < 3)
		return least + t_rand_below(rng, MIB - least + 1);
	if (n < 100 && (method == M_PLAIN || method == M_ECHO ||
	    method == M_ERROR))
		return t_rand_below(rng, least);
	if (n < 600)
		return least + t_rand_below(rng, 66 - least);
	return least + t_rand_below(rng, 2000);
}

static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	uint64_t tag = (uint64_t)(uintptr_t)user;
	struct record *r = record_of(tag);
	struct tally *t = tally_of(atomic_load(&r->life));
	struct t_rng rng = {tag};

	(void)request;
	/* First: with the last one's end all may be at rest. */
	if (one_in(&rng, 50))
		request_aside(&berths[t_rand_below(&rng, BERTHS)], &rng, 0);
	record_ended(tag, BY_CALLBACK, status, data, size);
	if (t != NULL && one_in(&rng, 20000)) {
		atomic_store(&t->refusing, 1);
		atomic_fetch_add(&op_losses, 1);
		strand_lose_all();
		fx_before_exit();
		pthread_exit(NULL);
	}
}

static void
plan_way(struct plan *p)
{
	p->way = (enum way)t_rand_below(p->rng, 3);
	if (p->way == BY_CALLBACK)
		p->o.callback = on_reply;
	if (p->way == BY_BOX) {
		p->o.inbox = box_some(p->rng, &p->box_life);
		if (p->o.inbox == 0)
			p->way = BY_WAIT;
		else if (one_in(p->rng, 20))
			p->o.stale_ms = 1;
	}
}

void
request_plan(struct plan *p, struct berth *b, struct t_rng *rng)
{
	memset(p, 0, sizeof *p);
	p->rng = rng;
	p->berth = b;
	p->o = fx_request_options();
	p->method = some_method(rng);
	plan_way(p);
	p->adopt = one_in(rng, 3);
	p->cancelable = one_in(rng, 4);
	if (one_in(rng, 15))
		p->o.deadline_ns = ferry_clock_ns() - 100000 +
		    t_rand_below(rng, 3000000);
	if (p->adopt) {
		p->o.flags |= FERRY_REQUEST_ADOPT;
		p->o.free = record_free;
	}
	p->context = berth_enter(b, &p->tally);
}

void
request_leave(struct plan *p)
{
	berth_leave(p->tally);
}

int
request_pack(struct plan *p, struct parcel *k)
{
	struct record *r = record_take(p->rng, &k->tag);

	if (r == NULL)
		return 0;
	k->request = 0;
	k->size = some_size(p->rng, p->tagged ? M_EMIT : p->method);
	k->data = malloc(k->size + 1);
	T_ASSERT(k->data != NULL);
	if (k->size >= sizeof(struct item))
		payload_fill(k->data, k->tag, k->size,
		    (uint32_t)t_rand_below(p->rng, 300));
	else
		memset(k->data, (int)k->tag & 0xff, k->size);
	r->method = p->method;
	r->size = (uint32_t)k->size;
	r->deadline_ns = p->o.deadline_ns;
	r->losses = atomic_load(&op_losses);
	r->berth = p->berth;
	r->lane = p->lane;
	r->epoch = p->epoch;
	r->order = p->order != NULL ? ++*p->order : 0;
	atomic_store(&r->way, p->way);
	atomic_store(&r->box_life, p->way == BY_BOX ? p->box_life : 0);
	atomic_store(&r->life,
	    p->tally != NULL ? atomic_load(&p->tally->life) : 0);
	record_mark(k->tag, (p->adopt ? R_ADOPTED : 0u) |
	    (p->cancelable ? R_CANCELABLE : 0u));
	p->o.user = (void *)(uintptr_t)k->tag;
	p->o.free_user = p->o.user;
	return 1;
}

void
request_settle(struct plan *p, struct parcel *k, int r)
{
	if (r == FERRY_OK)
		record_accepted(k->tag);
	else
		record_refused(k->tag);
	if (r == FERRY_OK && p->adopt)
		return;
	/* It was copied, or never taken: nobody may look at it. */
	memset(k->data, 0xee, k->size);
	free(k->data);
}

static int
is_allowed(const struct plan *p, enum op op, int r, int in_callback)
{
	switch (r) {
	case FERRY_OK:
	case FERRY_EAGAIN:
	case FERRY_ESTUCK:
		return 1;
	case FERRY_ENOMEM:
		return soak.faults != 0;
	case FERRY_ECLOSED:
		return tally_may_refuse(p->tally);
	case FERRY_ESTALE:
		return tally_may_refuse(p->tally) || p->way == BY_BOX;
	case FERRY_EDETACHED:
		return p->way == BY_BOX;
	case FERRY_EDEADLINE:
		return p->o.deadline_ns != 0 &&
		    p->o.deadline_ns <= ferry_clock_ns();
	case FERRY_E2BIG:
		return op == OP_MANY;
	case FERRY_EREENTRANT:
		return in_callback;
	case FERRY_EDEADLK:
		return in_callback && op == OP_INVOKE;
	default:
		return 0;
	}
}

int
request_refused(const struct plan *p, enum op op, int r, int in_callback)
{
	op_did(op, r);
	if (!is_allowed(p, op, r, in_callback))
		T_FAIL("a submit to berth %u (method %u, way %d) was refused "
		    "with %s", p->berth->n, p->method, (int)p->way,
		    ferry_error_name(r));
	return r;
}

void
request_reply(uint64_t tag, const ferry_reply *reply)
{
	record_ended(tag, BY_WAIT, reply->status, reply->data, reply->size);
	T_OK(ferry_block_release(reply->data));
}

/* --------------------------------------------------------- from callbacks */

/* Its reply is waited for a while, and then given up. */
static void
invoke_aside(struct plan *p, struct parcel *k)
{
	ferry_reply reply;
	int r = ferry_request_invoke(&reply, &k->request, p->context,
	    p->method, k->data, k->size, &p->o, 20);
	int accepted = k->request != 0;

	if (!accepted) {
		request_refused(p, OP_INVOKE, r, 1);
		request_settle(p, k, r);
		return;
	}
	op_did(OP_INVOKE, r);
	request_settle(p, k, FERRY_OK);
	if (r == FERRY_OK) {
		request_reply(k->tag, &reply);
	} else {
		T_EQ(r, FERRY_ETIMEDOUT);
		T_OK(op_did(OP_RELEASE, ferry_request_release(k->request)));
		record_released(k->tag);
	}
}

static void
submit_aside(struct plan *p, struct parcel *k, int in_callback)
{
	int r = ferry_request_submit(
	    NULL, p->context, p->method, k->data, k->size, &p->o);

	request_refused(p, OP_SUBMIT, r, in_callback);
	request_settle(p, k, r);
}

void
request_aside(struct berth *b, struct t_rng *rng, int may_wait)
{
	struct plan p;
	struct parcel k;

	request_plan(&p, b, rng);
	if (p.method == M_CALL || p.method == M_WEDGE)
		p.method = M_PLAIN; /* one thing leads to one other at most */
	if (p.context != 0 && (p.way != BY_WAIT || may_wait) &&
	    request_pack(&p, &k)) {
		if (p.way == BY_WAIT)
			invoke_aside(&p, &k);
		else
			submit_aside(&p, &k, 1);
	}
	request_leave(&p);
}

int
request_child(struct berth *b, struct t_rng *rng, ferry_request *out,
    uint64_t *tag)
{
	struct plan p;
	struct parcel k;
	int r = FERRY_ESTALE;

	request_plan(&p, b, rng);
	/* One that waits for others could wait for us. */
	if (p.method == M_CALL || p.method == M_WEDGE || p.method == M_STRAND)
		p.method = M_PLAIN;
	if (p.context != 0 && p.way == BY_WAIT && request_pack(&p, &k)) {
		r = ferry_request_submit(out, p.context, p.method, k.data,
		    k.size, &p.o);
		request_refused(&p, OP_SUBMIT, r, 0);
		request_settle(&p, &k, r);
		*tag = k.tag;
	}
	request_leave(&p);
	return r == FERRY_OK;
}

void
request_wedge(struct berth *b, struct t_rng *rng)
{
	struct plan p;
	struct parcel k;

	request_plan(&p, b, rng);
	p.method = M_WEDGE;
	if (p.way != BY_WAIT && request_pack(&p, &k))
		submit_aside(&p, &k, 0);
	request_leave(&p);
}
