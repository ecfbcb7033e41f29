/*
 * Inboxes, with a descriptor or a doorbell: opened, attached, drained and
 * closed at any moment.
 *
 * An owner takes only when it has been told to, by the descriptor or by the
 * doorbell: a bell that is lost leaves requests without an end, and the
 * accountant finds those.
 */
#include <poll.h>
#include <semaphore.h>

#include "soak.h"

enum { CLOSED_MOST = 32, SLICE_MS = 20 };

struct box {
	/* Read by box_some(); `life` is 0 while they do not belong together. */
	atomic_ullong inbox, life;
	sem_t bell;
	int has_bell;
	int fd;
	atomic_int rings, over;
	/* The owner's: what each berth's events were, and which contexts have
	 * said that they are gone. */
	struct heard heard[BERTHS * 4];
	ferry_context contexts[BERTHS * 4];
	ferry_context closed[CLOSED_MOST];
	unsigned n_closed;
};

static struct box boxes[BOXES];
static atomic_ullong lives;
/* By number of the life: it is over. A life is looked at for as long as one of
 * its requests is, and there are few at a time. */
static atomic_ullong over[1024];

int
box_is_over(uint64_t life)
{
	return atomic_load(&over[life % 1024]) == life;
}

ferry_inbox
box_some(struct t_rng *rng, uint64_t *life)
{
	struct box *b = &boxes[t_rand_below(rng, BOXES)];
	uint64_t before = atomic_load(&b->life);
	ferry_inbox inbox = atomic_load(&b->inbox);

	*life = before;
	return before != 0 && atomic_load(&b->life) == before ? inbox : 0;
}

/* ---------------------------------------------------------------- opening */

static void
ring(void *user)
{
	struct box *b = user;

	T_EQ(atomic_load(&b->over), 0);
	atomic_fetch_add(&b->rings, 1);
	sem_post(&b->bell);
}

static void
attach_some(struct actor *a, uint64_t life, ferry_inbox inbox)
{
	for (int i = 0; i < BERTHS; i++) {
		ferry_context context = berth_context(&berths[i]);
		ferry_attach_options o = {.struct_size = sizeof o,
		    .flags = (uint32_t)t_rand_below(&a->rng, 4),
		    .event_capacity = 4u << t_rand_below(&a->rng, 6),
		    .user = (void *)(uintptr_t)life};
		int r;

		if (context == 0 || one_in(&a->rng, 4))
			continue;
		r = STEP(ferry_inbox_attach(inbox, context, &o), context);
		ALLOW(OP_ATTACH, r, FERRY_EALREADY, FERRY_ECLOSED,
		    FERRY_ESTALE, FERRY_ENOMEM);
	}
}

static ferry_inbox
open_one(struct actor *a, struct box *b)
{
	ferry_inbox_options o = {.struct_size = sizeof o, .user = b};
	ferry_inbox inbox = 0;
	int r;

	memset(b->heard, 0, sizeof b->heard);
	memset(b->contexts, 0, sizeof b->contexts);
	memset(b->closed, 0, sizeof b->closed);
	b->has_bell = one_in(&a->rng, 2);
	if (b->has_bell) {
		T_EQ(sem_init(&b->bell, 0, 0), 0);
		o.doorbell = ring;
	}
	atomic_store(&b->over, 0);
	r = STEP(ferry_inbox_open(&inbox, &o), 0);
	ALLOW(OP_BOX_OPEN, r, FERRY_ENOMEM, FERRY_ESYSTEM);
	T_ASSERT(r == FERRY_OK || soak.faults);
	if (r != FERRY_OK)
		return 0;
	if (!b->has_bell)
		T_OK(ferry_inbox_fd(&b->fd, inbox));
	atomic_store(&b->inbox, inbox);
	atomic_store(&b->life, atomic_fetch_add(&lives, 1) + 1);
	attach_some(a, atomic_load(&b->life), inbox);
	return inbox;
}

/* ----------------------------------------------------------------- taking */

/* Which of its contexts: those of now, and those that were here lately. */
static struct heard *
heard_of(struct box *b, ferry_context context)
{
	int i = 0;

	while (i < BERTHS * 4 && b->contexts[i] != context)
		i++;
	if (i == BERTHS * 4) {
		i = BERTHS * 4 - 1;
		memmove(&b->contexts[0], &b->contexts[1],
		    (size_t)i * sizeof b->contexts[0]);
		memmove(&b->heard[0], &b->heard[1],
		    (size_t)i * sizeof b->heard[0]);
		b->contexts[i] = context;
		memset(&b->heard[i], 0, sizeof b->heard[i]);
	}
	return &b->heard[i];
}

static void
look_at(struct box *b, uint64_t life, const ferry_completion *c)
{
	atomic_fetch_add(&op_notices[c->kind & 15], 1);
	/* WRITABLE may come from a context that is about to go. */
	for (int i = 0; i < CLOSED_MOST; i++)
		if (b->closed[i] == c->context && c->context != 0)
			T_FAIL("kind %u after CLOSED of %#jx", c->kind,
			    (uintmax_t)c->context);
	if (c->kind == FERRY_KIND_REPLY) {
		record_ended((uint64_t)(uintptr_t)c->user, BY_BOX, c->status,
		    c->data, c->size);
		return;
	}
	if (c->kind != FERRY_KIND_STALE)
		T_EQ((uintptr_t)c->user, life);
	if (c->kind == FERRY_KIND_EVENT)
		news_hear(heard_of(b, c->context), c->data, c->size);
	if (c->kind == FERRY_KIND_CLOSED)
		b->closed[b->n_closed++ % CLOSED_MOST] = c->context;
}

/* Returns whether it was full: there may be more. */
static int
take_some(struct actor *a, struct box *b)
{
	uint32_t room = 1 + (uint32_t)t_rand_below(&a->rng, 32);
	ferry_inbox inbox = atomic_load(&b->inbox);
	ferry_completion c[32];
	int n = STEP(ferry_inbox_take(c, room, inbox), inbox);

	op_did(OP_TAKE, n);
	T_GE(n, 0);
	for (int i = 0; i < n; i++)
		look_at(b, atomic_load(&b->life), &c[i]);
	T_OK(ferry_inbox_release(c, (uint32_t)n));
	return n > 0;
}

static int
await_bell(struct box *b)
{
	struct timespec until;
	int r;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += SLICE_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while ((r = sem_timedwait(&b->bell, &until)) == -1 && errno == EINTR)
		;
	return r == 0;
}

/* 1: it says that there is something. */
static int
await(struct actor *a, struct box *b)
{
	struct pollfd p = {.fd = b->fd, .events = POLLIN};
	ferry_inbox inbox = atomic_load(&b->inbox);
	int r;

	if (b->has_bell)
		return await_bell(b);
	if (one_in(&a->rng, 2))
		return poll(&p, 1, SLICE_MS) == 1;
	r = STEP(ferry_inbox_wait(inbox, SLICE_MS), inbox);
	T_ASSERT(r == FERRY_OK || r == FERRY_ETIMEDOUT || r == FERRY_EINTR);
	return r == FERRY_OK;
}

/* What is left over keeps a descriptor readable; a doorbell rings when the
 * inbox stops being empty, and not before it was. */
static void
serve(struct actor *a, struct box *b)
{
	if (await(a, b))
		while (take_some(a, b) && (b->has_bell || one_in(&a->rng, 2)))
			;
	actor_beat();
}

/* ---------------------------------------------------------------- closing */

static void
close_one(struct box *b)
{
	ferry_inbox inbox = atomic_load(&b->inbox);
	uint64_t life = atomic_load(&b->life), discarded;

	T_OK(op_did(OP_BOX_CLOSE,
	    STEP(ferry_inbox_close(&discarded, inbox), inbox)));
	atomic_store(&b->over, 1);
	atomic_store(&b->life, 0);
	atomic_store(&over[life % 1024], life);
	record_close_box(life);
	T_EQ(ferry_inbox_close(NULL, inbox), FERRY_ESTALE);
	if (b->has_bell)
		sem_destroy(&b->bell);
}

void
box_run(struct actor *a)
{
	struct box *b = &boxes[a->n];

	while (!atomic_load(&soak.stopping)) {
		uint64_t until = t_now_ns() +
		    t_rand_below(&a->rng, 2000) * 1000000;

		actor_beat();
		if (open_one(a, b) == 0)
			continue;
		while ((t_now_ns() < until || atomic_load(&soak.pausing)) &&
		    !atomic_load(&soak.stopping)) {
			serve(a, b);
			if (one_in(&a->rng, 50) &&
			    !atomic_load(&soak.pausing))
				attach_some(a, atomic_load(&b->life),
				    atomic_load(&b->inbox));
		}
		while (one_in(&a->rng, 2) && take_some(a, b))
			;
		close_one(b);
	}
}
