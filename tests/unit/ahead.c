/*
 * Hints: where they lead, and that they are made where lists are. What they
 * are good for is measured by `make bench`.
 */
#include "t.h"

#include <semaphore.h>

#include <ferry/ferry.h>

#include "ffi/self.h"
#include "world.h"

#define NODES 40u

static struct world world;
static struct node *nodes[NODES];

static void
trail_tells_who_passed_before(void)
{
	struct trail t = { .passed = UINT32_MAX - 5 };
	struct node some[NODES];

	for (unsigned i = 0; i < NODES; i++)
		T_ASSERT(ferry__trail_pass(&t, &some[i], 5) ==
		    (i < 5 ? NULL : &some[i - 5]));
	ferry__trail_forget(&t);
	T_ASSERT(ferry__trail_pass(&t, &some[0], TRAIL) == NULL);
	for (unsigned i = 1; i < TRAIL; i++)
		T_ASSERT(ferry__trail_pass(&t, &some[i], TRAIL) == NULL);
	T_ASSERT(ferry__trail_pass(&t, &some[9], TRAIL) == &some[0]);
}

/* Nobody looks at what lies there. */
static const struct node *
far_from(const struct node *n, intptr_t count)
{
	return (const struct node *)((uintptr_t)n +
	    (uintptr_t)(count * LINE));
}

static void
distance_is_in_lines_or_none(void)
{
	static struct node n;

	T_EQ(ferry__ahead_distance(&n, &n), 0);
	T_EQ(ferry__ahead_distance(&n, far_from(&n, 3)), 3);
	T_EQ(ferry__ahead_distance(&n, far_from(&n, -3)), -3);
	T_EQ(ferry__ahead_distance(&n, far_from(&n, INT16_MAX)), INT16_MAX);
	T_EQ(ferry__ahead_distance(&n, far_from(&n, INT16_MIN)), INT16_MIN);
	T_EQ(ferry__ahead_distance(&n, far_from(&n, INT16_MAX + 1)), 0);
	T_EQ(ferry__ahead_distance(&n, far_from(&n, INT16_MIN - 1)), 0);
	/* A hint that leads nowhere is followed without harm. */
	n.earlier = INT16_MIN;
	ferry__ahead_walk(&n);
	n.user = NULL;
	ferry__ahead_take(&n);
}

/* --------------------------------------------------------------- on the way */

static sem_t gate, held, answered;

static int
hold(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	sem_post(&held);
	while (sem_wait(&gate) != 0)
		;
	return FERRY_OK;
}

static int
nothing(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	return FERRY_OK;
}

static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	(void)user;
	T_OK(status);
	sem_post(&answered);
}

static const ferry_request_options by_callback = {
	.struct_size = sizeof by_callback,
	.callback = on_reply,
};

static ferry_context
open_held(ferry_library *library)
{
	static const ferry_method methods[] = {
		{ .struct_size = sizeof *methods,
		    .name = "hold",
		    .handler = hold },
		{ .struct_size = sizeof *methods,
		    .name = "nothing",
		    .handler = nothing },
	};
	ferry_library_options of_library = {
		.struct_size = sizeof of_library,
		.name = "ahead",
		.methods = methods,
		.n_methods = COUNT_OF(methods),
	};
	ferry_context_options of_context = {
		.struct_size = sizeof of_context,
	};
	ferry_context context;

	T_OK(ferry_library_open(library, &of_library));
	of_context.library = *library;
	T_OK(ferry_context_open(&context, &of_context));
	T_OK(ferry_request_submit(NULL, context, 0, NULL, 0, &by_callback));
	while (sem_wait(&held) != 0)
		;
	return context;
}

/* The node that this thread has submitted last. */
static struct node *
newest(void)
{
	const struct trail *t = &ferry__self.homes->submits;

	return t->at[(t->passed - 1) % TRAIL];
}

/* One by one, and many at once: each leads to that 16 before. */
static void
submits_lead_to_earlier_ones(void)
{
	ferry_request_item items[NODES] = { 0 };
	ferry_library library;
	ferry_context context = open_held(&library);

	for (unsigned i = 0; i < NODES; i++) {
		T_OK(ferry_request_submit(
		    NULL, context, 1, NULL, 0, &by_callback));
		nodes[i] = newest();
		if (i >= AHEAD_WALK)
			T_ASSERT(far_from(nodes[i], nodes[i]->earlier) ==
			    nodes[i - AHEAD_WALK]);
		items[i].method = 1;
	}
	T_OK(ferry_request_submit_many(
	    NULL, context, items, NODES, &by_callback));
	for (unsigned i = 0; i < NODES - AHEAD_WALK; i++)
		/* Linked newest first; nobody takes them apart yet. */
		nodes[NODES - 1 - i] = i == 0
		    ? newest()
		    : (struct node *)nodes[NODES - i]->link.next;
	for (unsigned i = NODES - 1; i >= 2 * AHEAD_WALK; i--)
		T_ASSERT(far_from(nodes[i], nodes[i]->earlier) ==
		    nodes[i - AHEAD_WALK]);
	sem_post(&gate);
	for (unsigned i = 0; i < 2 * NODES + 1; i++)
		while (sem_wait(&answered) != 0)
			;
	T_OK(ferry_context_close(context, NULL, NULL));
	T_OK(ferry_library_close(library));
}

/* ----------------------------------------------------------------- way home */

/* Every hint on the way home leads to what its thread takes next but seven, or
 * nowhere. */
static void
expect_hints(const struct node *first, unsigned count)
{
	const struct node *n = first, *later = first;
	unsigned i;

	for (i = 0; i < AHEAD_TAKE; i++)
		later = (const struct node *)later->link.next;
	for (i = 0; i < count - AHEAD_TAKE; i++) {
		T_ASSERT(n->user == later);
		n = (const struct node *)n->link.next;
		later = (const struct node *)later->link.next;
	}
	for (; i < count; i++) {
		T_ASSERT(n->user == NULL);
		n = (const struct node *)n->link.next;
	}
	T_ASSERT(n == NULL);
}

static void
give(struct home *h, struct node **of, unsigned count)
{
	struct home *touched = NULL;

	for (unsigned i = 0; i < count; i++)
		T_ASSERT(!ferry__node_give_worker(&touched, of[i]));
	T_ASSERT(!ferry__node_flush_worker(h));
	h->chain_listed = false;
}

/* Across chains, too, while the one before is still there. */
static void
way_home_leads_to_later_ones(void)
{
	struct home *h;

	world_open(&world, NODES);
	h = world_home(&world);
	h->chain_most = NODE_CHAIN;
	T_EQ(world_take(h, nodes, NODES), NODES);
	give(h, nodes, 12);
	expect_hints(atomp_load_relaxed(&h->returned), 12);
	give(h, nodes + 12, 10);
	expect_hints(atomp_load_relaxed(&h->returned), 22);
	T_EQ(world_take(h, nodes, 22), 22);
	/* Those are on their way again: nobody asks for them. */
	give(h, nodes + 22, 18);
	expect_hints(atomp_load_relaxed(&h->returned), 18);
	world_give(nodes, 22);
	ferry__node_disband(&world.homes);
}

/* Not a hint at all: the caller's own memory, which must not be asked for. */
static void
others_leave_no_hint(void)
{
	struct home *h;

	world_open(&world, 3);
	h = world_home(&world);
	T_EQ(world_take(h, nodes, 3), 3);
	for (unsigned i = 0; i < 3; i++)
		nodes[i]->user = &world;
	world_give(nodes, 3);
	for (unsigned i = 0; i < 3; i++)
		T_ASSERT(nodes[i]->user == NULL);
	ferry__node_disband(&world.homes);
}

T_MAIN(
	T_OK(sem_init(&gate, 0, 0));
	T_OK(sem_init(&held, 0, 0));
	T_OK(sem_init(&answered, 0, 0));
	T_RUN(trail_tells_who_passed_before);
	T_RUN(distance_is_in_lines_or_none);
	T_RUN(submits_lead_to_earlier_ones);
	T_RUN(way_home_leads_to_later_ones);
	T_RUN(others_leave_no_hint);
)
