/*
 * tests/unit/world.h: what a node needs round it, without a context: a home,
 * shards that nobody drains, a list of attachments.
 */
#ifndef WORLD_H
#define WORLD_H

#include "t.h"

#include "ffi/alloc.h"
#include "ffi/home.h"
#include "ffi/park.h"

#define WORLD_SHARDS 4

/* Methods 0 to 3, whose names are in words. */
T__FN const struct methods *
world_methods(void)
{
	static const char *const names[] = { "nought", "one", "two", "three" };
	static struct methods *m;

	if (m == NULL) {
		m = ferry__alloc_for_ever(
		    sizeof *m + COUNT_OF(names) * sizeof m->at[0]);
		m->n = COUNT_OF(names);
		for (uint32_t i = 0; i < m->n; i++)
			m->at[i].name = names[i];
	}
	return m;
}

struct world {
	struct homes homes;
	struct home_binding binding;
	struct list shards[WORLD_SHARDS];
	struct park park;
};

T__FN void
world_open(struct world *w, uint64_t depth)
{
	static uint64_t contexts;

	contexts++;
	ferry__os_start();
	memset(w, 0, sizeof *w);
	w->binding = (struct home_binding){
		.token = ferry__token_make(TOKEN_CONTEXT, contexts, 1),
		.generation = contexts,
		.shards = w->shards,
		.n_shards = WORLD_SHARDS,
		.park = &w->park,
		.methods = world_methods(),
		.payload_max = 1024,
		.depth = depth,
		.context = w,
	};
	for (int i = 0; i < WORLD_SHARDS; i++)
		ferry__list_open(&w->shards[i], contexts);
}

/* This thread's home in it. */
T__FN struct home *
world_home(struct world *w)
{
	struct home *h = ferry__node_home(&w->homes, &w->binding);

	T_ASSERT(h != NULL);
	return h;
}

/* Up to `most` nodes of a home; how many there were. */
T__FN uint64_t
world_take(struct home *h, struct node **nodes, uint64_t most)
{
	uint64_t n = 0;

	while (n < most && (nodes[n] = ferry__node_take(h)) != NULL)
		n++;
	return n;
}

T__FN void
world_no_room(struct home *h)
{
	(void)h;
	T_FAIL("nobody wanted room");
}

/* Gives nodes back, in this order, as any thread but the worker does. */
T__FN void
world_give(struct node **nodes, uint64_t n)
{
	struct node_chain chain = { .room = world_no_room };

	for (uint64_t i = 0; i < n; i++)
		ferry__node_give(&chain, nodes[i]);
	ferry__node_chain_flush(&chain);
}

/* A node in its life: filled, begun and in this phase. */
T__FN struct node *
world_node(struct home *h, uint16_t flags, enum node_phase phase)
{
	struct node *n = ferry__node_take(h);

	T_ASSERT(n != NULL);
	n->flags = flags;
	atom32_store_relaxed(&n->method, 3);
	n->size = 0;
	n->reply = NULL;
	n->reply_size = 0;
	n->status = 0;
	atom64_store_relaxed(&n->stale_posted, 0);
	atom32_store_relaxed(&n->wait, WAIT_NONE);
	ferry__node_begin(n, 0);
	atom64_store_relaxed(&n->state,
	    ferry__node_word(atom64_load_relaxed(&n->state), phase));
	return n;
}

/* How many nodes of a home are out. */
T__FN uint64_t
world_out(struct home *h)
{
	uint64_t back = h->spares;
	const struct link *l;

	/* A node begins with its link. */
	for (l = (const void *)h->cache; l != NULL; l = l->next)
		back++;
	for (l = atomp_load_acquire(&h->returned); l != NULL; l = l->next)
		back++;
	for (l = h->chain; l != NULL; l = l->next)
		back++;
	return atom64_load_relaxed(&h->nodes) - back;
}

#endif
