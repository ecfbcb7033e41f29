/*
 * Homes: whose they are, how many nodes they give, how nodes come back, and
 * what becomes of a home when its thread or its context ends.
 */
#include "world.h"

#include <ferry/ferry.h>

#define MOST 512

static struct world world, other;
static struct node *nodes[MOST];

static void
distinct(struct node **list, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		for (uint64_t k = i + 1; k < n; k++)
			T_ASSERT(list[i] != list[k]);
}

/* ---- whose ---- */

struct visitor {
	struct world *world;
	struct home *home;
	struct node *out; /* left out when the thread ends */
	uint32_t serial;
};

static void *
visit(void *arg)
{
	struct visitor *v = arg;

	v->home = world_home(v->world);
	v->out = ferry__node_take(v->home);
	v->serial = v->home->owner;
	return NULL;
}

/* A thread that comes and goes, and what it saw. */
static struct visitor
visitor(struct world *w)
{
	struct visitor v = { .world = w };

	t_thread_join(t_thread_start(visit, &v));
	return v;
}

static void
each_thread_has_its_own(void)
{
	struct home *mine;
	struct visitor v;

	world_open(&world, 10);
	mine = world_home(&world);
	v = visitor(&world);
	T_ASSERT(v.home != mine);
	T_NE(v.serial, mine->owner);
	T_ASSERT(mine->shard >= world.shards);
	T_ASSERT(mine->shard < world.shards + WORLD_SHARDS);
	T_EQ(atom32_load_relaxed(&mine->thread), ferry__os_thread_id());
	T_EQ(ferry__home_token(mine), world.binding.token);
	/* Another context, another home; both at once. */
	world_open(&other, 10);
	T_ASSERT(world_home(&other) != mine);
	world_give(&v.out, 1);
	ferry__node_disband(&world.homes);
	ferry__node_disband(&other.homes);
}

/* Order by lane: the dead thread's requests stay before its heir's, which
 * takes another home's shard with it. */
static void
heir_keeps_home_and_shard(void)
{
	struct visitor first, heir, third;
	struct list *shard;

	world_open(&world, 10);
	first = visitor(&world);
	shard = first.home->shard;
	for (int i = 0; i < WORLD_SHARDS + 1; i++) {
		heir = visitor(&world);
		T_ASSERT(heir.home == first.home);
		T_ASSERT(heir.home->shard == shard);
		T_NE(heir.serial, first.serial);
		/* What the dead one has out is still out. */
		T_ASSERT(heir.out != first.out);
		T_EQ(world_out(heir.home), (uint64_t)i + 2);
		world_give(&heir.out, 1);
		first.serial = heir.serial;
		T_EQ(world_out(heir.home), (uint64_t)i + 1);
		/* And the next one out. */
		third = visitor(&world);
		T_ASSERT(third.home == first.home);
		first.serial = third.serial;
		nodes[i] = third.out;
	}
	world_give(&first.out, 1);
	world_give(nodes, WORLD_SHARDS + 1);
	T_EQ(world_out(first.home), 0);
	ferry__node_disband(&world.homes);
}

/* ---- how many ---- */

static void
bound_by_depth(void)
{
	struct home *h;
	uint64_t depths[] = { 1, 63, 64, 65, 300 };

	for (size_t i = 0; i < COUNT_OF(depths); i++) {
		world_open(&world, depths[i]);
		h = world_home(&world);
		T_EQ(world_take(h, nodes, MOST), depths[i]);
		T_ASSERT(ferry__node_at_bound(h));
		T_EQ(world_out(h), depths[i]);
		distinct(nodes, depths[i]);
		/* One that was never pushed goes back, and comes again. */
		ferry__node_untake(h, nodes[0]);
		T_ASSERT(ferry__node_take(h) == nodes[0]);
		T_ASSERT(ferry__node_take(h) == NULL);
		world_give(nodes, depths[i]);
		T_EQ(world_take(h, nodes, MOST), depths[i]);
		world_give(nodes, depths[i]);
		ferry__node_disband(&world.homes);
	}
}

/* A token finds its node, and one that never was finds none. */
static void
found_by_index(void)
{
	struct home *h;

	world_open(&world, 200);
	h = world_home(&world);
	T_EQ(world_take(h, nodes, 200), 200);
	for (int i = 0; i < 200; i++) {
		T_ASSERT(ferry__node_at(nodes[i]->index) == nodes[i]);
		T_ASSERT(nodes[i]->home == h);
		T_NE(nodes[i]->index, TOKEN_SLOTS - 1);
	}
	T_ASSERT(ferry__node_at(TOKEN_SLOTS - 1) == NULL);
	T_ASSERT(ferry__node_at(TOKEN_SLOTS / 2) == NULL);
	world_give(nodes, 200);
	ferry__node_disband(&world.homes);
}

/* A smaller depth is kept, and what is spared is not lost for a larger one. */
static void
rebound_with_another_depth(void)
{
	static const uint64_t depths[] = { 100, 10, 50, 1, 200, 200 };
	struct home *h, *first = NULL;
	uint64_t owned = 0;

	for (size_t i = 0; i < COUNT_OF(depths); i++) {
		world_open(&world, depths[i]);
		h = world_home(&world);
		if (first == NULL)
			owned = atom64_load_relaxed(&h->nodes);
		T_ASSERT(first == NULL || h == first);
		first = h;
		T_EQ(h->depth, depths[i]);
		T_EQ(count_read(&h->submitted.n), 0);
		count_single_add(&h->submitted, 5);
		T_EQ(world_take(h, nodes, MOST), depths[i]);
		distinct(nodes, depths[i]);
		T_ASSERT(ferry__node_at_bound(h));
		/* What is there is used before anything new is made. */
		if (owned < atom64_load_relaxed(&h->nodes))
			T_EQ(h->spares, 0);
		owned = atom64_load_relaxed(&h->nodes);
		world_give(nodes, depths[i]);
		ferry__node_disband(&world.homes);
	}
	T_GE(owned, 200);
}

/* ---- coming back ---- */

static unsigned told;

static void
count_room(struct home *h)
{
	T_ASSERT(h != NULL);
	told++;
}

/* One by one they would cost a contended line each. */
static void
back_in_chains_newest_first(void)
{
	struct node_chain chain = { .room = count_room };
	struct home *h;

	world_open(&world, 200);
	h = world_home(&world);
	told = 0;
	T_EQ(world_take(h, nodes, 200), 200);
	for (unsigned i = 0; i < NODE_CHAIN; i++)
		ferry__node_give(&chain, nodes[i]);
	T_ASSERT(atomp_load_relaxed(&h->returned) == NULL);
	ferry__node_give(&chain, nodes[NODE_CHAIN]);
	T_EQ(chain.length, 1);
	T_EQ(world_out(h), 200 - NODE_CHAIN);
	ferry__node_chain_flush(&chain);
	ferry__node_chain_flush(&chain); /* nothing is left */
	T_EQ(world_out(h), 200 - NODE_CHAIN - 1);
	for (int i = NODE_CHAIN; i >= 0; i--)
		T_ASSERT(ferry__node_take(h) == nodes[i]);
	T_ASSERT(ferry__node_take(h) == NULL);
	T_EQ(told, 0);
	world_give(nodes, 200);
	ferry__node_disband(&world.homes);
}

/* A chain of two homes would give one thread another's nodes. */
static void
chain_is_of_one_home(void)
{
	struct node_chain chain = { .room = count_room };
	struct home *a, *b;
	struct node *of_a[2], *of_b[1];

	world_open(&world, 2);
	world_open(&other, 1);
	a = world_home(&world);
	b = world_home(&other);
	world_take(a, of_a, 2);
	world_take(b, of_b, 1);
	ferry__node_give(&chain, of_a[0]);
	ferry__node_give(&chain, of_b[0]);
	T_EQ(world_out(a), 1);
	ferry__node_give(&chain, of_a[1]);
	T_EQ(world_out(b), 0);
	ferry__node_chain_flush(&chain);
	T_EQ(world_out(a), 0);
	T_ASSERT(ferry__node_take(b) == of_b[0]);
	T_ASSERT(ferry__node_take(a) == of_a[1]);
	T_ASSERT(ferry__node_take(a) == of_a[0]);
	world_give(of_a, 2);
	world_give(of_b, 1);
	ferry__node_disband(&world.homes);
	ferry__node_disband(&other.homes);
}

/* The worker's chains: one a home, each listed once, full ones sent at once. */
static void
worker_lists_each_home_once(void)
{
	struct home *a, *b, *touched = NULL;
	struct node *of_b[2];

	world_open(&world, 100);
	world_open(&other, 2);
	a = world_home(&world);
	b = world_home(&other);
	T_EQ(a->chain_most, 100 / 4);
	T_EQ(b->chain_most, 1);
	a->chain_most = b->chain_most = NODE_CHAIN;
	world_take(a, nodes, 100);
	world_take(b, of_b, 2);
	for (unsigned i = 0; i < NODE_CHAIN - 1; i++)
		T_ASSERT(!ferry__node_give_worker(&touched, nodes[i]));
	T_ASSERT(!ferry__node_give_worker(&touched, of_b[0]));
	T_ASSERT(atomp_load_relaxed(&a->returned) == NULL);
	T_ASSERT(!ferry__node_give_worker(&touched, nodes[NODE_CHAIN - 1]));
	T_ASSERT(atomp_load_relaxed(&a->returned) ==
	    &nodes[NODE_CHAIN - 1]->link);
	T_EQ(a->chain_length, 0);
	/* Its next chain does not list it again. */
	T_ASSERT(!ferry__node_give_worker(&touched, nodes[NODE_CHAIN]));
	T_ASSERT(!ferry__node_give_worker(&touched, of_b[1]));
	T_ASSERT(touched == b && b->chain_next == a);
	T_ASSERT(a->chain_next == NULL);
	T_ASSERT(!ferry__node_flush_worker(a));
	T_ASSERT(!ferry__node_flush_worker(a));
	T_ASSERT(!ferry__node_flush_worker(b));
	a->chain_listed = b->chain_listed = false;
	T_EQ(world_out(b), 0);
	T_EQ(world_out(a), 100 - NODE_CHAIN - 1);
	T_ASSERT(ferry__node_take(b) == of_b[1]);
	T_ASSERT(ferry__node_take(a) == nodes[NODE_CHAIN]);
	world_give(nodes + NODE_CHAIN, 100 - NODE_CHAIN);
	world_give(of_b + 1, 1);
	ferry__node_disband(&world.homes);
	ferry__node_disband(&other.homes);
}

/* ---- wanting room ---- */

/* Room before the want: seen by the second look. After it: told, once. */
static void
want_room_in_both_orders(void)
{
	struct node_chain chain = { .room = count_room };
	struct home *h, *touched = NULL;

	world_open(&world, 4);
	h = world_home(&world);
	h->chain_most = NODE_CHAIN;
	told = 0;
	world_take(h, nodes, 4);
	world_give(nodes, 1);
	T_ASSERT(ferry__node_want_room(h, 99));
	T_ASSERT(!ferry__node_wants_room(h));
	T_ASSERT(ferry__node_take(h) == nodes[0]);

	T_ASSERT(!ferry__node_want_room(h, 100));
	T_EQ(atom64_load_relaxed(&h->wanted_by), 100);
	for (int i = 0; i < 2; i++) {
		ferry__node_give(&chain, nodes[i]);
		ferry__node_chain_flush(&chain);
		T_EQ(told, 1);
	}
	world_take(h, nodes, 2);
	/* The worker's chain tells its caller. */
	T_ASSERT(!ferry__node_want_room(h, 100));
	T_ASSERT(!ferry__node_give_worker(&touched, nodes[0]));
	T_ASSERT(ferry__node_flush_worker(h));
	T_ASSERT(!ferry__node_give_worker(&touched, nodes[1]));
	T_ASSERT(!ferry__node_flush_worker(h));
	h->chain_listed = false;
	/* A want is one context's: it is not told in the next one's life. */
	T_EQ(world_take(h, nodes, 2), 2);
	T_ASSERT(!ferry__node_want_room(h, 100));
	ferry__node_disband(&world.homes);
	world_give(nodes, 4);
	T_EQ(told, 1);
}

#define ROUNDS 2000

static atom32 turn;
static atom32 room_told;

static void
note_room(struct home *h)
{
	(void)h;
	atom32_store_relaxed(&room_told, 1);
}

static void *
giver(void *unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		struct node_chain chain = { .room = note_room };

		/* pair(test) acquire. */
		while (atom32_load_acquire(&turn) != i)
			sched_yield();
		ferry__node_give(&chain, nodes[0]);
		ferry__node_chain_flush(&chain);
		atom32_store_release(&turn, ROUNDS + i); /* pair(test) */
	}
	return NULL;
}

/* Neither seen nor told: the producer would wait for WRITABLE for ever. */
static void
want_room_against_a_return(void)
{
	struct home *h;
	pthread_t t;
	bool seen;

	world_open(&world, 1);
	h = world_home(&world);
	T_EQ(world_take(h, nodes, 2), 1);
	atom32_store_relaxed(&turn, 0);
	t = t_thread_start(giver, NULL);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		atom32_store_relaxed(&room_told, 0);
		atom32_store_release(&turn, i); /* pair(test) release */
		if (i % 3 == 0)
			sched_yield();
		seen = ferry__node_want_room(h, 1);
		/* pair(test) acquire. */
		while (atom32_load_acquire(&turn) != ROUNDS + i)
			sched_yield();
		T_ASSERT(seen || atom32_load_relaxed(&room_told) != 0);
		ferry__node_wants_room(h);
		T_EQ(world_take(h, nodes, 2), 1);
	}
	t_thread_join(t);
	world_give(nodes, 1);
	ferry__node_disband(&world.homes);
}

/* ---- the end of a context ---- */

/* A node that is out would come home to another context. */
static void
not_rebound_while_nodes_are_out(void)
{
	struct home *h, *next;

	world_open(&world, 3);
	h = world_home(&world);
	world_take(h, nodes, 3);
	world_give(nodes, 2);
	ferry__node_disband(&world.homes);
	world_open(&world, 3);
	next = world_home(&world);
	T_ASSERT(next != h);
	ferry__node_disband(&world.homes);
	/* The last one is back: both may be used again. */
	world_give(nodes + 2, 1);
	world_open(&world, 3);
	world_open(&other, 3);
	next = world_home(&world);
	T_ASSERT(next == h || world_home(&other) == h);
	ferry__node_disband(&world.homes);
	ferry__node_disband(&other.homes);
}

/* The same for a home whose thread has ended. */
static void
orphans_are_used_again(void)
{
	struct visitor v, w, x;

	world_open(&world, 3);
	v = visitor(&world);
	ferry__node_disband(&world.homes);
	world_open(&world, 3);
	w = visitor(&world);
	T_ASSERT(w.home != v.home);
	world_give(&w.out, 1);
	ferry__node_disband(&world.homes);
	world_give(&v.out, 1);
	/* Two free ones: the next two threads get them. */
	world_open(&world, 3);
	world_open(&other, 3);
	for (int i = 0; i < 2; i++) {
		x = visitor(i ? &other : &world);
		T_ASSERT(x.home == v.home || x.home == w.home);
		world_give(&x.out, 1);
	}
	ferry__node_disband(&world.homes);
	ferry__node_disband(&other.homes);
}

/* What the former life left: wants, inbox, counters. */
static void
bound_anew_is_clean(void)
{
	struct home *h;

	world_open(&world, 3);
	h = world_home(&world);
	h->inbox_token = 5;
	count_single_add(&h->refused, 3);
	count_single_add(&h->wakes, 3);
	T_ASSERT(!ferry__node_want_room(h, 5));
	ferry__node_disband(&world.homes);
	world_open(&world, 7);
	world.binding.flags = HOME_TOTAL;
	T_ASSERT(world_home(&world) == h);
	T_EQ(h->inbox_token, 0);
	T_EQ(count_read(&h->refused.n), 0);
	T_EQ(count_read(&h->wakes.n), 0);
	T_ASSERT(!ferry__node_wants_room(h));
	T_EQ(h->context_flags, HOME_TOTAL);
	T_EQ(h->generation, world.binding.generation);
	T_EQ(ferry__home_token(h), world.binding.token);
	ferry__node_disband(&world.homes);
}

/* ---- walking ---- */

static void
sum_generations(struct node *n, void *arg)
{
	uint64_t *sum = arg;

	/* Those never used have none. */
	if (atom64_load_relaxed(&n->claim) != 0 &&
	    ferry__node_phase(atom64_load_relaxed(&n->state)) == NODE_QUEUED)
		*sum += n->index + 1;
}

static void
count_home(struct home *h, void *arg)
{
	T_ASSERT(h->bound);
	++*(unsigned *)arg;
}

/* A closer that misses one leaves it unanswered; one too many is another
 * context's. */
static void
walk_meets_every_node(void)
{
	struct visitor v;
	struct home *h;
	uint64_t sum = 0, want = 0;
	unsigned homes = 0;

	world_open(&world, 200);
	world_open(&other, 1);
	h = world_home(&world);
	v = visitor(&world);
	T_EQ(world_take(h, nodes, 200), 200);
	nodes[200] = v.out;
	for (int i = 0; i <= 200; i++) {
		ferry__node_begin(nodes[i], 0);
		want += nodes[i]->index + 1;
	}
	ferry__node_take(world_home(&other));
	ferry__node_each(&world.homes, sum_generations, &sum);
	T_EQ(sum, want);
	ferry__node_each_home(&world.homes, count_home, &homes);
	T_EQ(homes, 2);
	world_give(nodes, 200);
	world_give(&v.out, 1);
	ferry__node_disband(&world.homes);
	homes = 0;
	ferry__node_each_home(&world.homes, count_home, &homes);
	T_EQ(homes, 0);
	ferry__node_disband(&other.homes);
}

/* ---- spent generations, through the front door ---- */

static int
nop(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call, (void)data, (void)size, (void)state;
	return FERRY_OK;
}

/* A node that has used up its generations is retired; another takes its
 * place, and the bound stays what it was. */
static void
spent_nodes_are_replaced(void)
{
	ferry_method m = { .struct_size = sizeof m, .name = "nop",
		.handler = nop };
	ferry_library_options lo = { .struct_size = sizeof lo,
		.name = "spent", .methods = &m, .n_methods = 1 };
	ferry_context_options co = { .struct_size = sizeof co, .depth = 2 };
	ferry_context c;
	ferry_request r[3];
	ferry_reply reply;
	struct node *n;

	T_OK(ferry_library_open(&co.library, &lo));
	T_OK(ferry_context_open(&c, &co));
	T_OK(ferry_request_submit(&r[0], c, 0, NULL, 0, NULL));
	T_OK(ferry_request_wait(&reply, r[0], -1));
	n = ferry__node_at(ferry__token_slot(r[0]));
	/* Of a node that is home, only the count matters. */
	T_WAIT_UNTIL(world_out(n->home) == 0, 1000);
	atom64_store_relaxed(&n->claim,
	    UINT64_C(7) << 61 | (uint64_t)TOKEN_REQUEST << 24);
	T_OK(ferry_request_submit(&r[0], c, 0, NULL, 0, NULL));
	T_OK(ferry_request_submit(&r[1], c, 0, NULL, 0, NULL));
	T_EQ(ferry_request_submit(&r[2], c, 0, NULL, 0, NULL), FERRY_EAGAIN);
	for (int i = 0; i < 2; i++) {
		T_ASSERT(ferry__node_at(ferry__token_slot(r[i])) != n);
		T_OK(ferry_request_wait(&reply, r[i], -1));
		T_OK(reply.status);
	}
	T_OK(ferry_context_close(c, NULL, NULL));
	T_OK(ferry_library_close(co.library));
}

T_MAIN(
	T_RUN(each_thread_has_its_own);
	T_RUN(heir_keeps_home_and_shard);
	T_RUN(bound_by_depth);
	T_RUN(found_by_index);
	T_RUN(rebound_with_another_depth);
	T_RUN(back_in_chains_newest_first);
	T_RUN(chain_is_of_one_home);
	T_RUN(worker_lists_each_home_once);
	T_RUN(want_room_in_both_orders);
	T_RUN(want_room_against_a_return);
	T_RUN(not_rebound_while_nodes_are_out);
	T_RUN(orphans_are_used_again);
	T_RUN(bound_anew_is_clean);
	T_RUN(walk_meets_every_node);
	T_RUN(spent_nodes_are_replaced);
)
