/*
 * tests/stress/living.h: strands that do everything by chance, and keep
 * account of it.
 *
 * What a strand has (its payload, its arena, what lies on its stack) carries
 * its tag, and is looked at after each wait. What it submits, and hands to
 * other threads, is tagged too; a strand that was lost may leave such things
 * behind, and nobody else.
 */
#ifndef LIVING_H
#define LIVING_H

#include <poll.h>

#include "account.h"

enum living_method { LIVE, LEAF, ECHO, EXIT, LIVING_METHODS };

enum { WORLDS = 2, OFFS = 1 << 16, ARENA = 200 };

/* What account.h does not know of a tag. */
struct life {
	atomic_uchar strand;
	atomic_uchar returned; /* its handler has; if it started and has not,
	                        * it was lost */
	atomic_uchar given_up; /* released: it ends without us */
	atomic_uchar world;
	atomic_int said;       /* what its handler answered, when returned */
	atomic_ullong parent;  /* whose it is: a strand's tag, and 1 */
};

/* A function on its way through the pool; never used again within a round. */
struct off {
	uint64_t owner;
	int may_be_left;
	int ends_thread;
	uint32_t spin;
	ferry_context calls; /* 0: nobody */
	atomic_uchar began, ended, left;
	/* What the strand was told: a result; or that it is not its own. */
	atomic_uchar answered, given_up;
};

/* One of two contexts, each of which calls the other. */
struct world {
	ferry_context context;
	unsigned number;
	/* FFI thread: whoever runs alone. Plain, for TSan to look at. */
	unsigned inside;
	uint64_t segments;
	atomic_uint exits; /* of its FFI thread */
};

static struct {
	struct life *lives;
	struct off *offs;
	atomic_uint n_offs;
	atomic_uint n_left;      /* of them, by the end of off_left() */
	struct world world[WORLDS];
	int wire[2];             /* a byte comes and goes */
} living;

/* A strand, as it knows itself. */
struct self {
	ferry_call call;
	struct world *world;
	const void *data;
	size_t size;
	uint64_t tag, id;
	struct t_rng rng;
	unsigned char *memory;
	int replied, has_deadline;
};

/* ---------------------------------------------------------------- segments */

/* Between two waits nothing else touches the library. */
static inline void
go_on(struct world *w)
{
	T_EQ(w->inside, 0);
	w->inside = 1;
	w->segments++;
}

static inline void
about_to_wait(struct world *w)
{
	T_EQ(w->inside, 1);
	w->inside = 0;
}

/* Everything is as the strand has left it. */
static inline void
find_oneself(struct self *s)
{
	struct item item = payload_prove(s->data, s->size);
	uint64_t id = 0;

	T_EQ(item.tag, s->tag);
	T_OK(ferry_strand_id(&id));
	T_EQ(id, s->id);
	for (int i = 0; i < ARENA; i++)
		T_EQ(s->memory[i], s->tag & 0xff);
}

#define WAIT(s, call) \
	(__extension__({ \
		int wait__r; \
		about_to_wait((s)->world); \
		wait__r = (call); \
		go_on((s)->world); \
		find_oneself(s); \
		wait__r; \
	}))

/* --------------------------------------------------------------- children */

/* A request of a strand's, or of its function's: tagged. */
static inline int
bear(ferry_request *out, uint64_t *out_tag, uint64_t parent,
    ferry_context context, uint32_t method, struct t_rng *rng)
{
	unsigned char bytes[ITEM_MAX];
	size_t size = item_size(rng);
	uint64_t tag = account_tag();
	int r;

	atomic_store(&living.lives[tag].parent, parent + 1);
	atomic_store(&living.lives[tag].strand, method == LEAF);
	atomic_store(&living.lives[tag].world,
	    (unsigned char)(context == living.world[1].context));
	payload_fill(bytes, tag, size, (uint32_t)t_rand_below(rng, 100));
	r = ferry_request_submit(out, context, method, bytes, size, NULL);
	T_ASSERT(r == FERRY_OK || r == FERRY_EAGAIN || r == FERRY_ECLOSED ||
	    r == FERRY_ESTALE);
	account_submitted(tag, r);
	*out_tag = tag;
	return r;
}

static inline void
take_child(uint64_t tag, const ferry_reply *reply)
{
	if (reply->status == FERRY_OK && reply->size != 0)
		T_EQ(payload_prove(reply->data, reply->size).tag, tag);
	account_ended(tag, reply->status);
	T_OK(ferry_block_release(reply->data));
}

static inline int64_t
some_patience(struct self *s)
{
	static const int64_t ms[] = { -1, -1, 0, 1, 2 };

	return ms[t_rand_below(&s->rng, sizeof ms / sizeof *ms)];
}

/* A wait that has ended early: waited for after all, or given up. */
static inline void
settle_child(struct self *s, ferry_request request, uint64_t tag)
{
	ferry_reply reply;

	(void)ferry_request_cancel(request);
	if (t_rand_below(&s->rng, 3) == 0) {
		T_OK(ferry_request_release(request));
		atomic_store(&living.lives[tag].given_up, 1);
		return;
	}
	T_OK(ferry_strand_shield(1));
	T_OK(WAIT(s, ferry_strand_await(&reply, request, -1)));
	T_OK(ferry_strand_shield(0));
	take_child(tag, &reply);
}

static inline int
await_child(struct self *s)
{
	struct world *of = &living.world[t_rand_below(&s->rng, WORLDS)];
	uint32_t method = t_rand_below(&s->rng, 3) == 0 ? LEAF : ECHO;
	ferry_request request;
	ferry_reply reply;
	uint64_t tag;
	int r;

	if (bear(&request, &tag, s->tag, of->context, method, &s->rng) != 0)
		return FERRY_OK;
	r = t_rand_below(&s->rng, 2) ? WAIT(s, ferry_strand_yield()) : 0;
	if (r == FERRY_OK)
		r = WAIT(s, ferry_strand_await(
		    &reply, request, some_patience(s)));
	if (r == FERRY_OK) {
		take_child(tag, &reply);
		return r;
	}
	T_ASSERT(r == FERRY_ETIMEDOUT || r == FERRY_ECANCELED);
	settle_child(s, request, tag);
	return r == FERRY_ETIMEDOUT ? FERRY_OK : r;
}

/* ----------------------------------------------------------- other threads */

static inline int
result_of(const struct off *o)
{
	return (int)(o->owner % 1000);
}

static inline void
call_from_outside(struct off *o)
{
	struct t_rng rng = {o->owner};
	ferry_request request;
	ferry_reply reply;
	uint64_t tag;

	if (bear(&request, &tag, o->owner, o->calls, ECHO, &rng) != FERRY_OK)
		return;
	T_OK(ferry_request_wait(&reply, request, -1));
	take_child(tag, &reply);
}

static inline int
run_off(void *arg)
{
	struct off *o = arg;

	T_EQ(ferry_strand_yield(), FERRY_ENOSTRAND);
	T_EQ(atomic_fetch_add(&o->began, 1), 0);
	spin(o->spin);
	if (o->calls != 0)
		call_from_outside(o);
	T_EQ(atomic_fetch_add(&o->ended, 1), 0);
	if (o->ends_thread) {
		fx_before_exit();
		pthread_exit(NULL);
	}
	return result_of(o);
}

static inline void
off_left(void *arg, int result)
{
	struct off *o = arg;

	T_EQ(result, !atomic_load(&o->began) ? FERRY_ECANCELED :
	    o->ends_thread ? FERRY_ELOST : result_of(o));
	T_EQ(atomic_load(&o->ended), atomic_load(&o->began));
	T_EQ(atomic_fetch_add(&o->left, 1), 0);
	atomic_fetch_add(&living.n_left, 1);
}

static inline int
offload_something(struct self *s)
{
	unsigned n = atomic_fetch_add(&living.n_offs, 1);
	struct off *o = &living.offs[n];
	int out = -1, r;

	T_LT(n, OFFS);
	*o = (struct off){.owner = s->tag,
	    .may_be_left = t_rand_below(&s->rng, 2) != 0,
	    .ends_thread = t_rand_below(&s->rng, 50) == 0,
	    .spin = (uint32_t)t_rand_below(&s->rng, 3000)};
	if (t_rand_below(&s->rng, 4) == 0)
		o->calls = living.world[t_rand_below(&s->rng, WORLDS)].context;
	r = WAIT(s, ferry_strand_offload(
	    &out, run_off, o, o->may_be_left ? off_left : NULL));
	if (out != -1) {
		T_EQ(out, result_of(o));
		T_EQ(atomic_load(&o->ended), 1);
		atomic_store(&o->answered, 1);
	}
	switch (r) {
	case FERRY_OK:
		T_NE(out, -1);
		break;
	case FERRY_ELOST:
		T_EQ(o->ends_thread, 1);
		atomic_store(&o->answered, 1);
		r = FERRY_OK;
		break;
	default:
		T_EQ(r, FERRY_ECANCELED);
		atomic_store(&o->given_up, o->may_be_left);
		T_ASSERT(!o->may_be_left || out == -1);
	}
	return r;
}

static inline int
poll_the_wire(struct self *s)
{
	uint32_t events = 99;
	int r = WAIT(s, ferry_strand_poll(&events, living.wire[0], POLLIN,
	    t_rand_below(&s->rng, 3) == 0 ? -1 : 2));

	if (r == FERRY_OK)
		T_EQ(events, POLLIN);
	else
		T_EQ(events, 99);
	T_ASSERT(r == FERRY_OK || r == FERRY_ETIMEDOUT ||
	    r == FERRY_ECANCELED);
	return r == FERRY_ETIMEDOUT ? FERRY_OK : r;
}

/* -------------------------------------------------------------- its own */

static inline int
under_a_shield(struct self *s, int64_t ms)
{
	T_OK(ferry_strand_shield(1));
	T_OK(WAIT(s, ferry_strand_sleep(ms)));
	T_OK(WAIT(s, ferry_strand_yield()));
	T_OK(ferry_strand_shield(0));
	return FERRY_OK;
}

static inline int
take_more(struct self *s)
{
	void *p;
	size_t size = 1 + t_rand_below(&s->rng, 5000);

	T_OK(ferry_strand_alloc(&p, size));
	memset(p, 0xee, size);
	return FERRY_OK;
}

/* A strand may cancel itself. */
static inline int
cancel_oneself(struct self *s)
{
	ferry_call_info info = {.struct_size = sizeof info};
	int r = ferry_call_describe(&info, s->call);

	if (r == FERRY_OK) {
		r = ferry_request_cancel(info.request);
		T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY ||
		    r == FERRY_EDONE || r == FERRY_ESTALE);
	}
	return FERRY_OK;
}

/* Only its deadline ends it. */
static inline int
sleep_out(struct self *s)
{
	T_EQ(WAIT(s, ferry_strand_sleep(-1)), FERRY_ECANCELED);
	return FERRY_ECANCELED;
}

static inline int
one_step(struct self *s)
{
	uint64_t kind = t_rand_below(&s->rng, 40);

	if (s->has_deadline && t_rand_below(&s->rng, 4) == 0)
		return sleep_out(s);
	switch (kind / 4) {
	case 0:
	case 1:
		return WAIT(s, ferry_strand_sleep(
		    (int64_t)t_rand_below(&s->rng, 3)));
	case 2:
		return WAIT(s, ferry_strand_yield());
	case 3:
		spin((uint32_t)t_rand_below(&s->rng, 2000));
		return WAIT(s, ferry_strand_checkpoint());
	case 4:
	case 5:
		return await_child(s);
	case 6:
		return offload_something(s);
	case 7:
		return poll_the_wire(s);
	case 8:
		return under_a_shield(s, (int64_t)t_rand_below(&s->rng, 2));
	default:
		return kind == 39 ? cancel_oneself(s) : take_more(s);
	}
}

/* --------------------------------------------------------------- handlers */

static inline struct self
wake_up(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item = account_prove(data, size);
	struct self s = {.call = call, .world = state, .data = data,
	    .size = size, .tag = item.tag,
	    .rng = {item.tag * 31 + item.spin}};
	ferry_call_info info = {.struct_size = sizeof info};

	account_started(s.tag);
	go_on(s.world);
	if (ferry_call_describe(&info, call) == FERRY_OK)
		s.has_deadline = info.deadline_ns != 0;
	T_OK(ferry_strand_id(&s.id));
	T_OK(ferry_strand_alloc((void **)&s.memory, ARENA));
	memset(s.memory, (int)s.tag & 0xff, ARENA);
	return s;
}

static inline int
lie_down(struct self *s, int status)
{
	find_oneself(s);
	about_to_wait(s->world);
	atomic_store(&living.lives[s->tag].said, s->replied ? 0 : status);
	atomic_store(&living.lives[s->tag].returned, 1);
	return status;
}

static inline int
reply_now(struct self *s)
{
	int r = ferry_call_reply(s->call, FERRY_OK, s->data, s->size);

	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
	s->replied = 1;
	return FERRY_OK;
}

static inline int
live(ferry_call call, const void *data, size_t size, void *state)
{
	struct self s = wake_up(call, data, size, state);
	unsigned steps = (unsigned)t_rand_below(&s.rng, 7), reply;
	int r = FERRY_OK;

	reply = (unsigned)t_rand_below(&s.rng, 12);
	for (unsigned i = 0; i < steps && r == FERRY_OK; i++) {
		r = one_step(&s);
		if (i == reply)
			(void)reply_now(&s);
	}
	if (r == FERRY_ECANCELED) {
		T_EQ(ferry_strand_sleep(1), FERRY_ECANCELED);
		T_NE(ferry_call_check(call), FERRY_OK);
		(void)under_a_shield(&s, 0);
	}
	T_ASSERT(r == FERRY_OK || r == FERRY_ECANCELED);
	return lie_down(&s, r != FERRY_OK ? r
	    : (int)t_rand_below(&s.rng, 2));
}

static inline int
leaf(ferry_call call, const void *data, size_t size, void *state)
{
	struct self s = wake_up(call, data, size, state);
	int r = WAIT(&s, ferry_strand_sleep(
	    (int64_t)t_rand_below(&s.rng, 2)));

	if (r == FERRY_OK)
		r = reply_now(&s);
	return lie_down(&s, r);
}

/* Not by pthread_exit(): TSan allows that on a thread's own stack only. */
static inline int
end_the_thread(ferry_call call, const void *data, size_t size, void *state)
{
	struct self s = wake_up(call, data, size, state);

	if (t_rand_below(&s.rng, 2) != 0)
		(void)WAIT(&s, ferry_strand_sleep(1));
	about_to_wait(s.world);
	atomic_fetch_add(&s.world->exits, 1);
	fx_before_exit();
	T_OK(pthread_cancel(pthread_self()));
	pthread_testcancel();
	T_FAIL("cancelled, and alive");
}

static inline int
echo(ferry_call call, const void *data, size_t size, void *state)
{
	struct world *w = state;
	int r;

	go_on(w);
	r = load_echo(call, data, size, state);
	about_to_wait(w);
	return r;
}

static inline int
living_init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)text;
	(void)text_size;
	(void)context;
	*state = (void *)(uintptr_t)arg;
	return 0;
}

static inline ferry_library
living_library(void)
{
	static const ferry_method methods[LIVING_METHODS] = {
	    {.struct_size = sizeof(ferry_method), .name = "live",
	        .handler = live, .flags = FERRY_METHOD_STRAND},
	    {.struct_size = sizeof(ferry_method), .name = "leaf",
	        .handler = leaf, .flags = FERRY_METHOD_STRAND},
	    {.struct_size = sizeof(ferry_method), .name = "echo",
	        .handler = echo},
	    {.struct_size = sizeof(ferry_method), .name = "exit",
	        .handler = end_the_thread, .flags = FERRY_METHOD_STRAND},
	};
	ferry_library_options o = {.struct_size = sizeof o, .name = "living",
	    .methods = methods, .n_methods = LIVING_METHODS,
	    .init = living_init};
	ferry_library library;

	T_OK(ferry_library_open(&library, &o));
	return library;
}

#endif
