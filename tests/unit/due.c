/*
 * What falls due: STALE notices at their intervals, deadlines of deferred
 * calls, and that nothing is told of a request that has ended.
 *
 * The nodes are made by hand and the clock is the test's own; the inbox is a
 * real one.
 */
#include "world.h"

#include <ferry/ferry.h>

#include "event/due.h"
#include "event/inbox.h"

#define MS   UINT64_C(1000000)
#define T0   (1000000 * MS)
#define MOST 300

static struct due due;
static struct world world;
static struct home *home;
static ferry_inbox inbox;
static struct slot *inbox_slot;

static unsigned expired;
static uint64_t expired_tokens[MOST];

static void
expire(struct node *n, uint64_t token)
{
	T_EQ(token, ferry__node_token(n, TOKEN_REQUEST));
	T_ASSERT(expired < MOST);
	expired_tokens[expired++] = token;
}

static uint64_t
run(uint64_t at)
{
	return ferry__due_run(&due, at, expire);
}

static void
start(void)
{
	world_open(&world, MOST);
	home = world_home(&world);
	ferry__due_open(&due);
	T_OK(ferry_inbox_open(&inbox, NULL));
	T_OK(ferry__inbox_find(inbox, &inbox_slot));
	expired = 0;
}

static void
stop(void)
{
	uint64_t left;

	ferry__due_close(&due);
	T_OK(ferry_inbox_close(&left, inbox));
	T_EQ(world_out(home), 0);
	ferry__node_disband(&world.homes);
}

/* A request in this phase, watched. stale_ms and deadline: 0 for none. */
static struct node *
watched(enum node_phase phase, uint32_t stale_ms, uint64_t deadline_ns)
{
	struct node *n = world_node(home,
	    NODE_INBOX | (stale_ms != 0 ? NODE_STALE : 0) |
	        (deadline_ns != 0 ? NODE_DEADLINE : 0),
	    phase);

	n->stale_ms = stale_ms;
	n->deadline_ns = deadline_ns;
	n->inbox = atomp_load_relaxed(&inbox_slot->object);
	n->inbox_generation = (uint32_t)ferry__inbox_generation(inbox);
	ferry__due_watch(&due, n);
	return n;
}

static uint64_t
references(const struct node *n)
{
	return (atom64_load_relaxed(&n->claim) & CLAIM_REFERENCES) /
	    CLAIM_REFERENCE;
}

static void
set_phase(struct node *n, enum node_phase phase)
{
	atom64_store_release(&n->state,
	    ferry__node_word(atom64_load_relaxed(&n->state), phase));
}

/* The main line ends: as the worker does after its last look. */
static void
end(struct node *n)
{
	set_phase(n, NODE_DONE);
	ferry__node_taken(n);
	if (ferry__node_drop(n))
		world_give(&n, 1);
}

/* The STALE notices there are; 0 or 1 here. Of which, and how many merged. */
static int
stale(struct node *n, uint64_t age_ns, uint64_t count)
{
	ferry_completion c[4];
	int r = ferry_inbox_take(c, 4, inbox);

	if (r == 1) {
		T_EQ(c[0].kind, FERRY_KIND_STALE);
		T_EQ(c[0].request, ferry__node_token(n, TOKEN_REQUEST));
		T_EQ(c[0].code, 3);
		T_STR(c[0].name, "three");
		T_EQ(c[0].age_ns, age_ns);
		T_EQ(c[0].count, count);
		T_ASSERT(c[0].data == NULL);
	}
	return r;
}

/* ---- STALE ---- */

static void
nothing_to_do(void)
{
	start();
	T_EQ(run(T0), OS_NEVER);
	T_EQ(run(UINT64_MAX - 1), OS_NEVER);
	stop();
}

/* The reference is for the way in only: watching keeps nobody from home. */
static void
watching_holds_no_reference(void)
{
	struct node *n;

	start();
	n = watched(NODE_RUNNING, 10, 0);
	T_EQ(references(n), 2);
	T_EQ(run(T0), T0 + 10 * MS);
	T_EQ(references(n), 1);
	end(n);
	T_EQ(world_out(home), 0);
	T_EQ(run(T0 + 10 * MS), OS_NEVER);
	T_EQ(stale(n, 0, 0), 0);
	stop();
}

/* It ended before it was taken in: the reference gives it home. */
static void
ended_on_its_way_in(void)
{
	struct node *n;

	start();
	n = watched(NODE_RUNNING, 10, 0);
	end(n);
	T_EQ(world_out(home), 1);
	run(T0);
	T_EQ(world_out(home), 0);
	T_EQ(run(T0 + 100 * MS), OS_NEVER);
	stop();
}

static void
stale_at_each_interval(void)
{
	struct node *n;

	start();
	n = watched(NODE_RUNNING, 10, 0);
	run(T0);
	T_EQ(run(T0 + 10 * MS - 1), T0 + 10 * MS);
	T_EQ(stale(n, 0, 0), 0);
	T_EQ(run(T0 + 10 * MS), T0 + 20 * MS);
	T_EQ(stale(n, 10 * MS, 1), 1);
	T_EQ(references(n), 1);
	/* Late: one, and the next a whole interval later. */
	T_EQ(run(T0 + 57 * MS), T0 + 67 * MS);
	T_EQ(stale(n, 57 * MS, 1), 1);
	T_EQ(stale(n, 0, 0), 0);
	/* A deferred call is as unfinished as a running one. */
	set_phase(n, NODE_DEFERRED);
	T_EQ(run(T0 + 67 * MS), T0 + 77 * MS);
	T_EQ(stale(n, 67 * MS, 1), 1);
	end(n);
	T_EQ(run(T0 + 77 * MS), OS_NEVER);
	T_EQ(stale(n, 0, 0), 0);
	stop();
}

/* A post in two lists at once: an untaken one is merged. */
static void
one_untaken_at_a_time(void)
{
	struct node *n;

	start();
	n = watched(NODE_RUNNING, 10, 0);
	run(T0);
	for (uint64_t i = 1; i <= 5; i++) {
		run(T0 + i * 10 * MS);
		T_EQ(references(n), 2);
	}
	T_EQ(stale(n, 50 * MS, 5), 1);
	T_EQ(stale(n, 0, 0), 0);
	T_EQ(references(n), 1);
	run(T0 + 60 * MS);
	T_EQ(stale(n, 60 * MS, 1), 1);
	end(n);
	stop();
}

/* Never after its REPLY was taken; and the notice holds the node till then. */
static void
no_stale_after_the_reply(void)
{
	struct node *n;

	start();
	n = watched(NODE_RUNNING, 10, 0);
	run(T0);
	run(T0 + 10 * MS);
	end(n);
	T_EQ(world_out(home), 1);
	T_EQ(stale(n, 0, 0), 0);
	T_EQ(world_out(home), 0);
	stop();
}

static void
closed_inbox_is_no_taker(void)
{
	struct node *n;
	uint64_t left;

	start();
	n = watched(NODE_RUNNING, 10, 0);
	run(T0);
	T_OK(ferry_inbox_close(&left, inbox));
	T_EQ(run(T0 + 10 * MS), T0 + 20 * MS);
	T_EQ(references(n), 1);
	T_EQ(atom64_load_relaxed(&n->stale_posted), 0);
	end(n);
	T_OK(ferry_inbox_open(&inbox, NULL));
	stop();
}

/* The node's next request must not be told by the last one's entry. */
static void
former_life_is_dropped(void)
{
	struct node *n, *again;

	start();
	n = watched(NODE_RUNNING, 10, 0);
	run(T0);
	end(n);
	again = world_node(home, 0, NODE_RUNNING);
	T_ASSERT(again == n);
	T_EQ(run(T0 + 10 * MS), OS_NEVER);
	T_EQ(references(n), 1);
	T_EQ(stale(n, 0, 0), 0);
	end(again);
	stop();
}

/* ---- deadlines ---- */

static void
deadline_of_a_deferred_call(void)
{
	struct node *n;

	start();
	n = watched(NODE_DEFERRED, 0, T0 + 10 * MS);
	T_EQ(run(T0), T0 + 10 * MS);
	run(T0 + 10 * MS - 1);
	T_EQ(expired, 0);
	T_EQ(run(T0 + 10 * MS), OS_NEVER);
	T_EQ(expired, 1);
	T_EQ(expired_tokens[0], ferry__node_token(n, TOKEN_REQUEST));
	T_EQ(references(n), 1);
	run(T0 + 1000 * MS);
	T_EQ(expired, 1);
	end(n);
	stop();
}

static void
deadline_of_an_ended_call(void)
{
	struct node *n;

	start();
	n = watched(NODE_DEFERRED, 0, T0 + 10 * MS);
	run(T0);
	end(n);
	T_EQ(run(T0 + 10 * MS), OS_NEVER);
	T_EQ(expired, 0);
	stop();
}

/* They bound the start of what is running, which has started. */
static void
deadline_of_a_running_call(void)
{
	struct node *n;

	start();
	n = watched(NODE_RUNNING, 50, T0 + 10 * MS);
	run(T0);
	run(T0 + 10 * MS);
	T_EQ(expired, 0);
	run(T0 + 50 * MS);
	T_EQ(expired, 0);
	T_EQ(stale(n, 50 * MS, 1), 1);
	end(n);
	stop();
}

/* Watched since it started, for its notices: when it then defers, its
 * deadline has passed, and it must be cancelled all the same. */
static void
deferred_after_its_deadline(void)
{
	struct node *n;

	start();
	n = watched(NODE_RUNNING, 50, T0 + 10 * MS);
	run(T0);
	for (uint64_t t = 1; t < 30; t++)
		run(T0 + t * MS);
	T_EQ(expired, 0);
	set_phase(n, NODE_DEFERRED);
	for (uint64_t t = 30; t < 200; t++)
		run(T0 + t * MS);
	T_EQ(expired, 1);
	end(n);
	stop();
}

static void
both_notices_and_a_deadline(void)
{
	struct node *n;

	start();
	n = watched(NODE_DEFERRED, 10, T0 + 25 * MS);
	T_EQ(run(T0), T0 + 10 * MS);
	T_EQ(run(T0 + 10 * MS), T0 + 20 * MS);
	T_EQ(run(T0 + 20 * MS), T0 + 25 * MS);
	T_EQ(expired, 0);
	T_EQ(run(T0 + 25 * MS), T0 + 30 * MS);
	T_EQ(expired, 1);
	T_EQ(run(T0 + 30 * MS), T0 + 40 * MS);
	T_EQ(stale(n, 30 * MS, 3), 1);
	end(n);
	stop();
}

/* ---- the heap ---- */

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* By time, whatever the order in which they came; some end before. */
static void
many_in_order_of_time(void)
{
	struct t_rng r = { t_seed() };
	uint64_t times[MOST], next;
	struct node *nodes[MOST];
	size_t kept = 0, done = 0;

	for (int round = 0; round < 10; round++) {
		start();
		for (int i = 0; i < MOST; i++)
			nodes[i] = watched(NODE_DEFERRED, 0,
			    T0 + 1 + t_rand_below(&r, 100));
		run(T0);
		kept = done = 0;
		for (int i = 0; i < MOST; i++)
			if (t_rand_below(&r, 4) == 0)
				end(nodes[i]), nodes[i] = NULL;
			else
				times[kept++] = nodes[i]->deadline_ns;
		qsort(times, kept, sizeof *times, by_value);
		for (next = T0 + 1; next <= T0 + 100; next++) {
			run(next);
			while (done < kept && times[done] <= next)
				done++;
			T_EQ(expired, done);
		}
		T_EQ(done, kept);
		for (size_t i = 0; i < kept; i++)
			T_EQ(ferry__node_at(
			         ferry__token_slot(expired_tokens[i]))
			         ->deadline_ns,
			    times[i]);
		for (int i = 0; i < MOST; i++)
			if (nodes[i] != NULL)
				end(nodes[i]);
		stop();
	}
}

/* Requests that end in time must not fill memory until theirs is due. */
static void
heap_does_not_grow_by_the_dead(void)
{
	start();
	for (int i = 0; i < 20000; i++) {
		struct node *n = watched(NODE_RUNNING, 3600000, 0);

		run(T0);
		end(n);
	}
	T_LE(due.capacity, 128);
	T_EQ(world_out(home), 0);
	stop();
}

/* ---- the end ---- */

/* What was watched last, and never looked at, goes home at the close: else
 * its home is never used again. */
static void
close_lets_the_intake_go(void)
{
	struct node *n[2];

	start();
	n[0] = watched(NODE_RUNNING, 10, 0);
	n[1] = watched(NODE_RUNNING, 10, 0);
	end(n[0]);
	end(n[1]);
	T_EQ(world_out(home), 2);
	stop();
}

T_MAIN(
	T_RUN(nothing_to_do);
	T_RUN(watching_holds_no_reference);
	T_RUN(ended_on_its_way_in);
	T_RUN(stale_at_each_interval);
	T_RUN(one_untaken_at_a_time);
	T_RUN(no_stale_after_the_reply);
	T_RUN(closed_inbox_is_no_taker);
	T_RUN(former_life_is_dropped);
	T_RUN(deadline_of_a_deferred_call);
	T_RUN(deadline_of_an_ended_call);
	T_RUN(deadline_of_a_running_call);
	T_RUN(deferred_after_its_deadline);
	T_RUN(both_notices_and_a_deadline);
	T_RUN(many_in_order_of_time);
	T_RUN(heap_does_not_grow_by_the_dead);
	T_RUN(close_lets_the_intake_go);
)
