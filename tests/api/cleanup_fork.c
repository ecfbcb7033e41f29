/*
 * The cleanup lane and forks: a child has none, starts its own, and runs
 * nothing of the parent's; the parent notices nothing. A job that forks must
 * not come back in the child.
 */
#include "cleanup.h"

#include <sys/mman.h>

#include "inside.h"

/* Shared with children: what ran anywhere. */
static atomic_int *ran;

static int
count_shared(void *arg)
{
	(void)arg;
	atomic_fetch_add(ran, 1);
	return 0;
}

static void
count_canceled(void *arg)
{
	(void)arg;
	atomic_fetch_add(ran, 1000);
}

/* A lane in the middle of things: one job inside, some waiting. */
static struct middle {
	struct fx_gate gate;
	struct cl_job holder;
	ferry_cleanup_node node;
} middle;

enum { WAITING = 5 };

static void
begin_middle(void)
{
	ferry_cleanup_options o = cl_options();

	middle = (struct middle){.gate = FX_GATE_SHUT};
	atomic_store(ran, 0);
	o.workers_most = 1;
	T_OK(ferry_cleanup_start(&o));
	middle.holder.gate = &middle.gate;
	T_OK(cl_post(&middle.holder));
	fx_gate_await(&middle.gate, 1);
	T_OK(ferry_cleanup_post(
	    &middle.node, count_shared, NULL, count_canceled));
	for (int i = 1; i < WAITING; i++)
		T_OK(ferry_cleanup_submit(
		    count_shared, NULL, count_canceled));
}

static void
end_middle(void)
{
	T_EQ(atomic_load(ran), 0);
	fx_gate_open(&middle.gate);
	cl_stop();
	T_EQ(atomic_load(ran), WAITING);
	T_EQ(atomic_load(&middle.holder.ran), 1);
}

/* ------------------------------------------------------------- in a child */

static void
is_not_started(void *enter)
{
	struct cl_job j = {0};

	if (enter != NULL)
		fx_live();
	T_EQ(cl_submit(&j), FERRY_EUNINIT);
	T_EQ(cl_post(&j), FERRY_EUNINIT);
	T_EQ(ferry_cleanup_flush(-1), FERRY_EUNINIT);
	T_EQ(ferry_cleanup_shutdown(NULL, NULL), FERRY_EUNINIT);
	T_EQ(cl_submit(&j), FERRY_EUNINIT);
	T_EQ(cl_health().state, FERRY_CLEANUP_NOT_STARTED);
	T_EQ(cl_health().busy, 0);
	T_EQ(cl_balance().accepted, 0);
}

static void
a_child_has_none(void)
{
	int one = 1;

	begin_middle();
	fx_in_child(is_not_started, NULL);
	if (!T_TSAN)
		fx_in_child(is_not_started, &one);
	end_middle();
}

static void
starts_its_own(void *unused)
{
	struct cl_job j = {0};

	T_OK(ferry_cleanup_start(NULL));
	T_EQ(cl_counts().accepted, 0);
	/* The parent's job waits on this node, and not in this process. */
	T_OK(ferry_cleanup_post(&middle.node, cl_run, &j, NULL));
	cl_await(&j);
	T_OK(cl_submit(&j));
	T_OK(ferry_cleanup_flush(-1));
	T_EQ(atomic_load(&j.ran), 2);
	/* And a child of its own. */
	if (unused == NULL)
		fx_in_child(starts_its_own, &j);
	cl_stop();
	T_EQ(cl_counts().accepted, 2);
	T_EQ(cl_submit(&j), FERRY_ECLOSED);
}

static void
a_child_starts_its_own(void)
{
	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	begin_middle();
	fx_in_child(starts_its_own, NULL);
	T_EQ(cl_balance().queued, WAITING);
	end_middle();
	/* Also of one that has shut it down. */
	begin_middle();
	fx_gate_open(&middle.gate);
	cl_stop();
	fx_in_child(starts_its_own, NULL);
}

/* ------------------------------------------------------------ inside a job */

static int
job_forks(void *arg)
{
	fork_inside(arg);
	return 0;
}

static void
cancel_forks(void *arg)
{
	fork_inside(arg);
}

static void
a_job_forks(void)
{
	struct inside inside = {0};

	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	for (int i = 0; i < N_ENDS; i++) {
		struct cl_job next = {0};

		inside.child = ends[i].child;
		T_OK(ferry_cleanup_start(NULL));
		T_OK(ferry_cleanup_submit(job_forks, &inside, NULL));
		T_OK(cl_submit(&next));
		inside_ends(&inside, ends[i].code);
		cl_await(&next);
		cl_stop();
	}
}

static void
a_cancel_forks(void)
{
	struct inside inside = {.child = go_home};

	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	begin_middle();
	T_OK(ferry_cleanup_submit(count_shared, &inside, cancel_forks));
	T_EQ(cl_shutdown(FERRY_CLEANUP_CANCEL, 1, NULL), FERRY_EBUSY);
	inside_ends(&inside, FX_STRAYED);
	fx_gate_open(&middle.gate);
	T_OK(cl_shutdown(FERRY_CLEANUP_CANCEL, 0, NULL));
	T_EQ(atomic_load(ran), 1000 * WAITING);
}

/* ------------------------------------------------------------- under load */

static atomic_int stop_load;

static void *
load(void *arg)
{
	struct cl_job *j = arg;
	int accepted = 0;

	while (!atomic_load(&stop_load))
		if (cl_submit(j) == FERRY_OK)
			accepted++;
	return (void *)(intptr_t)accepted;
}

/* Wherever the parent's threads are: with a mutex, in the list, in a slot. */
static void
under_load(void)
{
	struct cl_job j[2] = {0};
	pthread_t threads[2];

	if (T_TSAN || T_ASAN)
		T_SKIP_CASE("sanitizers' own locks do not stand this");
	T_OK(ferry_cleanup_start(NULL));
	middle = (struct middle){.gate = FX_GATE_SHUT};
	for (int i = 0; i < 2; i++)
		threads[i] = t_thread_start(load, &j[i]);
	for (int i = 0; i < 100; i++) {
		cl_balance();
		fx_in_child(starts_its_own, NULL);
	}
	atomic_store(&stop_load, 1);
	for (int i = 0; i < 2; i++) {
		int n = (int)(intptr_t)t_thread_join(threads[i]);

		T_OK(ferry_cleanup_flush(-1));
		T_EQ(atomic_load(&j[i].ran), n);
	}
	cl_stop();
}

T_MAIN(
	ran = mmap(NULL, sizeof *ran, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_ASSERT(ran != MAP_FAILED);
	T_RUN(a_child_has_none);
	T_RUN(a_child_starts_its_own);
	T_RUN(a_job_forks);
	T_RUN(a_cancel_forks);
	T_RUN(under_load);
)
