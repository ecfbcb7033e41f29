/*
 * What falls due when there is no memory to remember it: it is late, and not
 * lost. The clock is the test's own.
 */
#include "unit/world.h"

#include "inject.h"

#include "event/due.h"

#define MS   UINT64_C(1000000)
#define T0   (1000000 * MS)
#define SOON (T0 + 1000 * MS)

static struct due due;
static struct world world;
static struct home *home;
static unsigned expired;

static void
expire(struct node *n, uint64_t token)
{
	T_EQ(token, ferry__node_token(n, TOKEN_REQUEST));
	expired++;
}

static uint64_t
run(uint64_t at)
{
	return ferry__due_run(&due, at, expire);
}

static void
start(void)
{
	world_open(&world, 1000);
	home = world_home(&world);
	ferry__due_open(&due);
	expired = 0;
}

/* A deferred call with that deadline, on its way to be watched. */
static struct node *
watched(uint64_t deadline_ns)
{
	struct node *n =
	    world_node(home, NODE_WAITED | NODE_DEADLINE, NODE_DEFERRED);

	n->deadline_ns = deadline_ns;
	ferry__due_watch(&due, n);
	return n;
}

static void
end(struct node *n)
{
	atom64_store_release(&n->state,
	    ferry__node_word(atom64_load_relaxed(&n->state), NODE_DONE));
	ferry__node_taken(n);
	if (ferry__node_drop(n))
		world_give(&n, 1);
}

static void
stop(void)
{
	ferry__due_close(&due);
	T_EQ(world_out(home), 0);
	ferry__node_disband(&world.homes);
	T_EQ(atomic_load(&inject_blocks), 0);
}

/* Refused its first memory: catches an event thread that is told to sleep
 * until something else happens. */
static void
the_first_is_refused(void)
{
	struct node *n;

	start();
	n = watched(T0 + 5 * MS);
	inject_arm(INJECT_MEMORY, 1, 1);
	T_ASSERT(run(T0) <= SOON);
	T_ASSERT(run(T0 + 20 * MS) <= SOON + 20 * MS);
	T_EQ(inject_disarm(), 2);
	T_EQ(expired, 0);
	T_EQ(run(T0 + 40 * MS), OS_NEVER);
	T_EQ(expired, 1);
	end(n);
	stop();
}

/* The heap is full of what is far away, and what comes next is near. */
static void
growing_is_refused(void)
{
	enum { FULL = 64 };
	struct node *far[FULL], *near;

	start();
	for (int i = 0; i < FULL; i++)
		far[i] = watched(T0 + 3600000 * MS);
	T_EQ(run(T0), T0 + 3600000 * MS);
	near = watched(T0 + 5 * MS);
	inject_arm(INJECT_MEMORY, 1, 1);
	T_ASSERT(run(T0 + 1) <= SOON);
	T_EQ(inject_disarm(), 1);
	T_EQ(run(T0 + 40 * MS), T0 + 3600000 * MS);
	T_EQ(expired, 1);
	end(near);
	for (int i = 0; i < FULL; i++)
		end(far[i]);
	stop();
}

/* Closed while something waits for memory: it goes home all the same. */
static void
closed_meanwhile(void)
{
	struct node *n;

	start();
	n = watched(T0 + 5 * MS);
	inject_arm(INJECT_MEMORY, 1, 1);
	run(T0);
	T_EQ(inject_disarm(), 1);
	end(n);
	stop();
}

T_MAIN(
	T_RUN(the_first_is_refused);
	T_RUN(growing_is_refused);
	T_RUN(closed_meanwhile);
)
