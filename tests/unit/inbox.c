/*
 * Inboxes: what is taken, when the bell rings, and what a close leaves.
 *
 * Replies are made by hand: nodes of a home without a context.
 */
#include "world.h"

#include <fcntl.h>
#include <ferry/ferry.h>
#include <poll.h>

#include "event/inbox.h"
#include "ffi/alloc.h"
#include "ffi/self.h"

#define MOST 600

static struct world world;
static struct home *home;
static ferry_inbox inbox;
static struct inbox *box;
static int fd;
static atom32 rung; /* calls of the doorbell */

static void
doorbell(void *user)
{
	T_ASSERT(user == &rung);
	T_ASSERT(ferry__self.roles & SELF_DOORBELL);
	atom32_add_relaxed(&rung, 1);
}

static void
open_inbox(ferry_doorbell_fn function)
{
	ferry_inbox_options o = { .struct_size = sizeof o,
		.doorbell = function, .user = &rung };
	struct slot *s;

	T_OK(ferry_inbox_open(&inbox, function != NULL ? &o : NULL));
	T_OK(ferry__inbox_find(inbox, &s));
	box = atomp_load_relaxed(&s->object);
	fd = -1;
	T_EQ(ferry_inbox_fd(&fd, inbox), function ? FERRY_ENOTSUP : FERRY_OK);
	atom32_store_relaxed(&rung, 0);
}

static void
start(ferry_doorbell_fn function)
{
	world_open(&world, MOST);
	home = world_home(&world);
	open_inbox(function);
}

static uint64_t
stop(void)
{
	uint64_t discarded = 999;

	T_OK(ferry_inbox_close(&discarded, inbox));
	T_EQ(world_out(home), 0);
	ferry__node_disband(&world.homes);
	return discarded;
}

/* A finished request with these bytes for a reply, not yet posted. */
static struct node *
reply(struct home *h, int status, const char *text)
{
	struct node *n = world_node(h, NODE_INBOX, NODE_DONE);

	n->status = status;
	n->user = n;
	n->inbox = box;
	n->inbox_generation = (uint32_t)ferry__inbox_generation(inbox);
	if (text != NULL) {
		n->reply_size = strlen(text) + 1;
		T_ASSERT(ferry__alloc_block_copy(
		    &n->reply, text, n->reply_size));
	}
	return n;
}

static void
post(const char *text)
{
	T_ASSERT(ferry__inbox_post_reply(reply(home, 0, text)));
}

static int
take(uint32_t capacity)
{
	ferry_completion c[16];
	int r;

	T_LE(capacity, 16);
	r = ferry_inbox_take(c, capacity, inbox);
	if (r > 0)
		T_OK(ferry_inbox_release(c, (uint32_t)r));
	return r;
}

static bool
readable(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static uint32_t
door(void)
{
	return atom32_load_relaxed(&box->door.word) & 3;
}

/* ---- what is taken ---- */

static void
reply_says_all(void)
{
	struct node *n;
	ferry_completion c = { 0 };
	uint64_t token;

	start(NULL);
	n = reply(home, 17, "bytes");
	token = ferry__node_token(n, TOKEN_REQUEST);
	T_ASSERT(ferry__inbox_post_reply(n));
	T_EQ(ferry_inbox_take(&c, 1, inbox), 1);
	T_EQ(c.kind, FERRY_KIND_REPLY);
	T_EQ(c.status, 17);
	T_EQ(c.code, 3);
	T_STR(c.name, "three");
	T_EQ(c.context, world.binding.token);
	T_EQ(c.request, token);
	T_ASSERT(c.user == n);
	T_EQ(c.size, 6);
	T_STR(c.data, "bytes");
	T_EQ(c.count, 1);
	/* Taken: the token is stale and the node is home, the block is ours. */
	T_EQ(ferry__node_status(token, atom64_load_relaxed(&n->claim),
	         atom64_load_relaxed(&n->state)),
	    FERRY_ESTALE);
	T_EQ(world_out(home), 0);
	T_OK(ferry_block_release(c.data));
	T_EQ(stop(), 0);
}

/* An answer in the handler's place is in the flags; the node's reply fields
 * may still be written by a late replier. */
static void
answered_replies_have_no_bytes(void)
{
	static const uint64_t how[] = { 0, CLAIM_ECLOSED };
	static const int status[] = { FERRY_ECANCELED, FERRY_ECLOSED };
	ferry_completion c;

	start(NULL);
	for (int i = 0; i < 2; i++) {
		struct node *n = reply(home, 5, NULL);

		n->reply = &c;
		n->reply_size = 99;
		atom64_or_acqrel(&n->claim, CLAIM_ANSWERED | how[i]);
		T_ASSERT(ferry__inbox_post_reply(n));
		T_EQ(ferry_inbox_take(&c, 1, inbox), 1);
		T_EQ(c.status, status[i]);
		T_ASSERT(c.data == NULL);
		T_EQ(c.size, 0);
	}
	stop();
}

static void
oldest_first_in_any_portion(void)
{
	ferry_completion c[7];
	uint64_t next, seen;
	int r;

	start(NULL);
	for (uint32_t portion = 1; portion <= 7; portion++) {
		seen = next = 0;
		for (; next < 20; next++) {
			struct node *n = reply(home, (int)next, NULL);

			T_ASSERT(ferry__inbox_post_reply(n));
		}
		while ((r = ferry_inbox_take(c, portion, inbox)) != 0) {
			T_ASSERT(r > 0 && (uint32_t)r <= portion);
			for (int i = 0; i < r; i++)
				T_EQ(c[i].status, seen++);
			/* More arrive between two takes. */
			if (next < 30)
				T_ASSERT(ferry__inbox_post_reply(
				    reply(home, (int)next++, NULL)));
		}
		T_EQ(seen, next);
	}
	T_EQ(stop(), 0);
}

/* ---- the bell ---- */

static void
readable_while_anything_is_there(void)
{
	start(NULL);
	T_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	T_ASSERT(!readable());
	T_EQ(ferry_inbox_wait(inbox, 0), FERRY_ETIMEDOUT);
	post(NULL);
	T_ASSERT(readable());
	T_OK(ferry_inbox_wait(inbox, -1));
	T_EQ(take(4), 1);
	T_ASSERT(!readable());
	T_EQ(ferry_inbox_wait(inbox, 1), FERRY_ETIMEDOUT);
	/* Left over: readable, though nobody posts any more. */
	for (int i = 0; i < 5; i++)
		post("x");
	for (int left = 4; left > 0; left--) {
		T_EQ(take(1), 1);
		T_ASSERT(readable());
		T_OK(ferry_inbox_wait(inbox, 0));
	}
	T_EQ(take(2), 1);
	T_EQ(take(2), 0);
	T_ASSERT(!readable());
	T_EQ(stop(), 0);
}

/* One call for an edge: the second poster finds that it has rung. */
static void
doorbell_once_an_edge(void)
{
	start(doorbell);
	for (uint32_t edge = 1; edge <= 3; edge++) {
		for (int i = 0; i < 4; i++)
			post(NULL);
		T_EQ(atom32_load_relaxed(&rung), edge);
		T_EQ(door(), DOOR_RUNG);
		T_EQ(take(16), 4);
		T_EQ(door(), DOOR_QUIET);
		T_EQ(atom32_load_relaxed(&rung), edge);
	}
	/* What is left over rings for itself. */
	post(NULL);
	post(NULL);
	T_EQ(take(1), 1);
	T_EQ(atom32_load_relaxed(&rung), 5);
	T_EQ(take(16), 1);
	T_EQ(ferry_inbox_wait(inbox, 0), FERRY_ENOTSUP);
	T_EQ(atom32_load_relaxed(&rung), 5);
	stop();
}

/* An edge alone would strand the second poster behind a stopped first. */
static void
who_finds_ringing_rings_too(void)
{
	uint32_t word;

	start(doorbell);
	word = atom32_load_relaxed(&box->door.word);
	T_EQ(word & 3, DOOR_QUIET);
	atom32_store_relaxed(&box->door.word, (word & ~3u) | DOOR_RINGING);
	post(NULL);
	T_EQ(atom32_load_relaxed(&rung), 1);
	T_EQ(door(), DOOR_RUNG);
	post(NULL);
	T_EQ(atom32_load_relaxed(&rung), 1);
	T_EQ(take(4), 2);
	stop();
}

static void
taken_meanwhile(void *unused)
{
	(void)unused;
	/* The taker, between this ring and what the poster says of it. */
	if (atom32_add_relaxed(&rung, 1) == 0)
		T_EQ(take(4), 1);
}

/* A poster of a former epoch that says RUNG leaves the next one unheard. */
static void
late_ringer_changes_nothing(void)
{
	uint32_t before;

	start(taken_meanwhile);
	before = atom32_load_relaxed(&box->door.word) >> 2;
	post(NULL);
	T_EQ(door(), DOOR_QUIET);
	T_EQ(atom32_load_relaxed(&box->door.word) >> 2, before + 1);
	post(NULL);
	T_EQ(atom32_load_relaxed(&rung), 2);
	T_EQ(take(4), 1);
	stop();
}

static void *
post_when_waited(void *unused)
{
	(void)unused;
	/* The waiter holds the inbox. */
	while (atom32_load_relaxed(&box->taking) == 0)
		sched_yield();
	T_EQ(ferry_inbox_take(&(ferry_completion){ 0 }, 1, inbox),
	    FERRY_EBUSY);
	T_EQ(ferry_inbox_close(NULL, inbox), FERRY_EBUSY);
	post("late");
	return NULL;
}

/* Also the longest timeout there is: a product that overflows is a deadline
 * in the past. */
static void
wait_is_woken(void)
{
	static const int64_t timeouts[] = { -1, INT64_MIN, 3600000,
		INT64_MAX / 1000000, INT64_MAX };
	pthread_t t;

	start(NULL);
	for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
		t = t_thread_start(post_when_waited, NULL);
		T_OK(ferry_inbox_wait(inbox, timeouts[i]));
		t_thread_join(t);
		T_EQ(take(4), 1);
	}
	T_EQ(stop(), 0);
}

/* ---- closing ---- */

static void
close_discards_what_is_left(void)
{
	struct node *late;
	ferry_inbox before;

	start(NULL);
	late = reply(home, 0, "late");
	for (int i = 0; i < 40; i++)
		post(i % 2 ? "a block" : NULL);
	T_EQ(take(3), 3);
	before = inbox;
	T_OK(ferry_inbox_close(NULL, inbox));
	T_EQ(count_read(&home->discarded), 37);
	T_EQ(world_out(home), 1);
	/* Everything says so. */
	T_ASSERT(!ferry__inbox_post_reply(late));
	T_EQ(take(1), FERRY_ESTALE);
	T_EQ(ferry_inbox_wait(inbox, 0), FERRY_ESTALE);
	T_EQ(ferry_inbox_fd(&fd, inbox), FERRY_ESTALE);
	T_EQ(ferry_inbox_close(NULL, inbox), FERRY_ESTALE);
	T_EQ(fcntl(fd, F_GETFD), -1);
	/* Nor does it reach the slot's next owner. */
	open_inbox(doorbell);
	T_EQ(ferry__token_slot(inbox), ferry__token_slot(before));
	T_ASSERT(!ferry__inbox_post_reply(late));
	T_EQ(atom32_load_relaxed(&rung), 0);
	T_EQ(take(1), 0);
	ferry__alloc_block_free(late->reply);
	world_give(&late, 1);
	T_EQ(stop(), 0);
}

static atom32 in_doorbell;
static atom32 left_doorbell;

static void
doorbell_until_closing(void *unused)
{
	(void)unused;
	atom32_store_relaxed(&in_doorbell, 1);
	/* The closer has begun: it must wait for us. */
	while (door() != DOOR_CLOSED)
		sched_yield();
	atom32_store_relaxed(&left_doorbell, 1);
}

static void *
post_one(void *unused)
{
	(void)unused;
	post("in flight");
	return NULL;
}

/* A doorbell that runs after close returned may run in unloaded code. */
static void
close_waits_for_a_doorbell(void)
{
	uint64_t discarded = 0;
	pthread_t t;

	start(doorbell_until_closing);
	atom32_store_relaxed(&in_doorbell, 0);
	atom32_store_relaxed(&left_doorbell, 0);
	t = t_thread_start(post_one, NULL);
	while (atom32_load_relaxed(&in_doorbell) == 0)
		sched_yield();
	T_OK(ferry_inbox_close(&discarded, inbox));
	T_EQ(atom32_load_relaxed(&left_doorbell), 1);
	T_EQ(discarded, 1);
	t_thread_join(t);
	T_EQ(world_out(home), 0);
	ferry__node_disband(&world.homes);
}

static void
generations_follow_each_other(void)
{
	ferry_inbox last = 0;

	for (int i = 0; i < 100; i++) {
		open_inbox(i % 2 ? doorbell : NULL);
		if (last != 0)
			T_EQ(ferry__inbox_generation(inbox),
			    ferry__inbox_generation(last) + 1);
		T_EQ(take(1), 0);
		last = inbox;
		T_OK(ferry_inbox_close(NULL, inbox));
		T_EQ(take(1), FERRY_ESTALE);
	}
}

/* ---- misuse ---- */

static void
refusals(void)
{
	ferry_inbox_options o = { .struct_size = sizeof o };
	ferry_inbox none = 5;
	ferry_completion c = { .data = &o };
	uint64_t discarded = 7;

	T_EQ(ferry_inbox_open(NULL, NULL), FERRY_EINVAL);
	o.flags = 1;
	T_EQ(ferry_inbox_open(&none, &o), FERRY_EINVAL);
	o.flags = 0;
	o.reserved = 1;
	T_EQ(ferry_inbox_open(&none, &o), FERRY_EINVAL);
	T_EQ(none, 5);
	open_inbox(NULL);
	T_EQ(ferry_inbox_take(NULL, 1, inbox), FERRY_EINVAL);
	T_EQ(ferry_inbox_take(&c, 0, inbox), 0);
	T_EQ(ferry_inbox_take(&c, 1, 0), FERRY_EINVAL);
	T_EQ(ferry_inbox_fd(NULL, inbox), FERRY_EINVAL);
	T_EQ(ferry_inbox_release(NULL, 1), FERRY_EINVAL);
	T_OK(ferry_inbox_release(NULL, 0));
	c.data = NULL;
	T_OK(ferry_inbox_release(&c, 1));
	/* On a Ferry thread, or in a doorbell. */
	for (uint32_t role = SELF_FFI; role <= SELF_DOORBELL; role <<= 1) {
		ferry__self.roles = role;
		T_EQ(ferry_inbox_wait(inbox, 0), FERRY_EREENTRANT);
		T_EQ(ferry_inbox_close(&discarded, inbox), FERRY_EREENTRANT);
		T_EQ(ferry_inbox_open(&none, NULL), FERRY_EREENTRANT);
		ferry__self.roles = 0;
	}
	T_EQ(discarded, 7);
	T_EQ(none, 5);
	T_OK(ferry_inbox_close(&discarded, inbox));
	T_EQ(discarded, 0);
}

/* ---- threads ---- */

#define POSTERS 3
#define EACH    3000

static void *
poster(void *arg)
{
	struct home *mine = world_home(&world);
	int who = (int)(intptr_t)arg;

	for (int i = 0; i < EACH; i++) {
		/* No more than the depth may be out. */
		while (mine->cache == NULL && ferry__node_at_bound(mine) &&
		    atomp_load_acquire(&mine->returned) == NULL)
			sched_yield();
		T_ASSERT(ferry__inbox_post_reply(
		    reply(mine, who * EACH + i, i % 64 ? NULL : "block")));
	}
	return NULL;
}

/* Nothing is stranded without a ring, lost, doubled, or out of order. */
static void
posters_against_a_taker(void)
{
	pthread_t threads[POSTERS];
	int next[POSTERS] = { 0 }, total = 0, r;
	ferry_completion c[16];
	struct t_rng rng = { t_seed() };

	start(NULL);
	world.binding.depth = 64;
	for (intptr_t i = 0; i < POSTERS; i++)
		threads[i] = t_thread_start(poster, (void *)i);
	while (total < POSTERS * EACH) {
		T_OK(ferry_inbox_wait(inbox, -1));
		r = ferry_inbox_take(
		    c, 1 + (uint32_t)t_rand_below(&rng, 16), inbox);
		T_GE(r, 0);
		for (int i = 0; i < r; i++) {
			T_EQ(c[i].status % EACH, next[c[i].status / EACH]);
			next[c[i].status / EACH]++;
		}
		T_OK(ferry_inbox_release(c, (uint32_t)r));
		total += r;
	}
	for (int i = 0; i < POSTERS; i++)
		t_thread_join(threads[i]);
	T_EQ(stop(), 0);
}

T_MAIN(
	T_RUN(reply_says_all);
	T_RUN(answered_replies_have_no_bytes);
	T_RUN(oldest_first_in_any_portion);
	T_RUN(readable_while_anything_is_there);
	T_RUN(doorbell_once_an_edge);
	T_RUN(who_finds_ringing_rings_too);
	T_RUN(late_ringer_changes_nothing);
	T_RUN(wait_is_woken);
	T_RUN(close_discards_what_is_left);
	T_RUN(close_waits_for_a_doorbell);
	T_RUN(generations_follow_each_other);
	T_RUN(refusals);
	T_RUN(posters_against_a_taker);
)
