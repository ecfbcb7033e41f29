/*
 * Inside the cleanup lane: slots and nodes change hands by one word, a submit
 * needs no mutex of anybody's, and one that slept through a restart is
 * refused.
 */
#include "api/cleanup.h"

#include "ffi/lane.h"

enum { SLOTS = 8, THREADS = 4, ROUNDS = 20000 };

static struct {
	struct rack rack;
	struct task slots[SLOTS];
} r;

static void
new_rack(uint32_t capacity)
{
	memset(&r, 0, sizeof r);
	r.rack.capacity = capacity;
	r.rack.slots = r.slots;
}

/* ------------------------------------------------------------------- slots */

static void
as_many_as_there_are(void)
{
	struct task *t[SLOTS];

	new_rack(SLOTS);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SLOTS; i++) {
			t[i] = ferry__task_take(&r.rack);
			T_ASSERT(t[i] >= r.slots && t[i] < r.slots + SLOTS);
			T_ASSERT(t[i]->rack == &r.rack);
			for (int k = 0; k < i; k++)
				T_ASSERT(t[k] != t[i]);
		}
		T_ASSERT(ferry__task_take(&r.rack) == NULL);
		for (int i = 0; i < SLOTS; i++)
			ferry__task_put_down(t[i]);
	}
}

/* A burst touches what it needs, and the next one the same. */
static void
fresh_ones_last(void)
{
	struct task *a, *b;

	new_rack(SLOTS);
	a = ferry__task_take(&r.rack);
	b = ferry__task_take(&r.rack);
	ferry__task_put_down(b);
	ferry__task_put_down(a);
	T_ASSERT(ferry__task_take(&r.rack) == a);
	T_ASSERT(ferry__task_take(&r.rack) == b);
	T_EQ(atom32_load_relaxed(&r.rack.used), 2);
}

/* The same slot is first again, but behind it is another: who has read the
 * word before must not succeed. */
static void
each_change_is_a_turn(void)
{
	struct task *a, *b;
	uint64_t old;

	new_rack(SLOTS);
	a = ferry__task_take(&r.rack);
	b = ferry__task_take(&r.rack);
	ferry__task_put_down(b);
	ferry__task_put_down(a);
	old = atom64_load_relaxed(&r.rack.first);
	T_ASSERT(ferry__task_take(&r.rack) == a);
	T_ASSERT(ferry__task_take(&r.rack) == b);
	ferry__task_put_down(a);
	T_EQ((uint32_t)atom64_load_relaxed(&r.rack.first), (uint32_t)old);
	T_NE(atom64_load_relaxed(&r.rack.first), old);
}

static atomic_int owned[SLOTS];
static atomic_int refused;

static void *
take_and_put_down(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		struct task *t[2] = {ferry__task_take(&r.rack), NULL};

		if (i % 3 == 0)
			t[1] = ferry__task_take(&r.rack);
		for (int k = 0; k < 2; k++) {
			if (t[k] == NULL) {
				atomic_fetch_add(&refused, 1);
				continue;
			}
			/* Plain: TSan sees a hand-over that is none. */
			t[k]->arg = &owned;
			T_EQ(atomic_fetch_add(&owned[t[k] - r.slots], 1), 0);
		}
		for (int k = 0; k < 2; k++)
			if (t[k] != NULL) {
				atomic_fetch_sub(&owned[t[k] - r.slots], 1);
				t[k]->arg = NULL;
				ferry__task_put_down(t[k]);
			}
	}
	return NULL;
}

static void
nobody_shares_a_slot(void)
{
	pthread_t threads[THREADS];

	new_rack(THREADS);
	for (int i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(take_and_put_down, NULL);
	for (int i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	for (int i = 0; i < THREADS; i++)
		T_ASSERT(ferry__task_take(&r.rack) != NULL);
	T_ASSERT(ferry__task_take(&r.rack) == NULL);
}

/* ------------------------------------------------------------------- nodes */

static void
a_node_is_claimed_once(void)
{
	struct task t;

	memset(&t, 0, sizeof t);
	T_ASSERT(ferry__task_claim(&t, 3));
	T_ASSERT(!ferry__task_claim(&t, 3));
	/* Another process's claim is none. */
	T_ASSERT(ferry__task_claim(&t, 4));
	T_ASSERT(!ferry__task_claim(&t, 4));
	ferry__task_put_down(&t);
	T_ASSERT(ferry__task_claim(&t, 4));
}

/* ------------------------------------------------------------- the lane */

/* Everything is locked, by us: submit and post return all the same. */
static void
no_mutex_is_needed(void)
{
	struct cl_job j = {0};

	T_OK(ferry_cleanup_start(NULL));
	pthread_mutex_lock(&ferry__lane.life);
	pthread_mutex_lock(&ferry__lane.taking);
	pthread_mutex_lock(&ferry__lane.pool.mutex);
	for (int i = 0; i < 100; i++)
		T_OK(cl_submit(&j));
	T_OK(cl_post(&j));
	T_EQ(cl_post(&j), FERRY_EALREADY);
	T_EQ(atomic_load(&j.ran), 0);
	pthread_mutex_unlock(&ferry__lane.pool.mutex);
	pthread_mutex_unlock(&ferry__lane.taking);
	pthread_mutex_unlock(&ferry__lane.life);
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&j.ran), 101);
	cl_stop();
}

/* Which is before it has found the dispatcher asleep, if it does. */
static bool
may_push(uint64_t head)
{
	struct link l;

	return ferry__list_push(
	    &ferry__lane.list, &l, &l, (head & LANE_TAG) >> 1, LANE_TAG);
}

static void
who_slept_through_a_restart(void)
{
	uint64_t head;

	T_OK(ferry_cleanup_start(NULL));
	head = atom64_load_relaxed(&ferry__lane.list.head) & LANE_TAG;
	cl_stop();
	T_ASSERT(!may_push(head));
	T_OK(ferry_cleanup_start(NULL));
	T_ASSERT(!may_push(head));
	cl_stop();
	T_ASSERT(!may_push(head));
}

/* 2^18 starts later. */
static void
generations_wrap(void)
{
	struct cl_job j = {0};

	T_OK(ferry_cleanup_start(NULL));
	cl_stop();
	ferry__lane.generation = LANE_GENERATIONS - 1;
	for (int i = 1; i <= 4; i++) {
		T_OK(ferry_cleanup_start(NULL));
		T_OK(cl_submit(&j));
		cl_stop();
		T_EQ(atomic_load(&j.ran), i);
	}
	T_EQ(ferry__lane.generation, 2);
}

T_MAIN(
	T_RUN(as_many_as_there_are);
	T_RUN(fresh_ones_last);
	T_RUN(each_change_is_a_turn);
	T_RUN(nobody_shares_a_slot);
	T_RUN(a_node_is_claimed_once);
	T_RUN(no_mutex_is_needed);
	T_RUN(who_slept_through_a_restart);
	T_RUN(generations_wrap);
)
