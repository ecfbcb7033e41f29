/*
 * Homes of threads that have ended: a thread that outlives many others, and is
 * given their homes, does not gather them.
 */
#include "world.h"

enum { LIVES = 200 };

static struct home *seen[LIVES * 4];
static unsigned n_seen;

static void
see(struct home *h)
{
	for (unsigned i = 0; i < n_seen; i++)
		if (seen[i] == h)
			return;
	seen[n_seen++] = h;
}

struct visit {
	struct world *world;
	struct home *home;
	struct node *node;
	bool keep; /* a node out, for the next owner to wait for */
};

static void *
visit(void *arg)
{
	struct visit *v = arg;
	struct node *n;

	v->home = world_home(v->world);
	n = ferry__node_take(v->home);
	T_ASSERT(n != NULL);
	if (v->keep)
		v->node = n;
	else
		world_give(&n, 1);
	return NULL;
}

static struct visit
visit_and_end(struct world *w, bool keep)
{
	struct visit v = { .world = w, .keep = keep };

	t_thread_join(t_thread_start(visit, &v));
	return v;
}

/* A context's life after the other, each with a thread that comes and goes. */
static void
nobody_gathers_them(void)
{
	struct world w;
	struct visit v;

	n_seen = 0;
	for (int i = 0; i < LIVES; i++) {
		world_open(&w, 8);
		v = visit_and_end(&w, false);
		see(v.home);
		T_ASSERT(world_home(&w) == v.home); /* adopted */
		v = visit_and_end(&w, false);       /* has none to adopt */
		see(v.home);
		ferry__node_disband(&w.homes);
	}
	T_LE(n_seen, 4);
}

/* One whose node is out is kept until that is back, by whoever has it. */
static void
one_with_nodes_out_is_not_given_up(void)
{
	struct world w;
	struct visit first, v;

	world_open(&w, 8);
	first = visit_and_end(&w, true);
	T_ASSERT(world_home(&w) == first.home);
	ferry__node_disband(&w.homes);
	for (int i = 0; i < 8; i++) {
		world_open(&w, 8);
		v = visit_and_end(&w, false);
		T_ASSERT(v.home != first.home);
		T_ASSERT(world_home(&w) == v.home);
		ferry__node_disband(&w.homes);
	}
	world_give(&first.node, 1);
}

/* The thread's own cache does not name a home that is another's by now. */
static void
forgotten_where_it_was_cached(void)
{
	struct world a, b;
	struct home *h;

	world_open(&a, 8);
	h = world_home(&a);
	for (unsigned i = 0; i < SELF_RECENT; i++)
		ferry__self.recent[i] = h;
	ferry__node_disband(&a.homes);
	world_open(&b, 8);
	visit_and_end(&b, false);
	T_ASSERT(world_home(&b) != NULL);
	for (unsigned i = 0; i < SELF_RECENT; i++)
		T_ASSERT(ferry__self.recent[i] == NULL);
	ferry__node_disband(&b.homes);
}

T_MAIN(
	T_RUN(nobody_gathers_them);
	T_RUN(one_with_nodes_out_is_not_given_up);
	T_RUN(forgotten_where_it_was_cached);
)
