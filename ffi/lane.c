/*
 * The cleanup lane's path: submit and post, the dispatcher, and a job on its
 * worker; see lane.h. The lane's life is in cleanup.c.
 *
 * Threads: any for submit and post, which lock nothing; whoever takes the list
 * has `taking`.
 */
#include "ffi/lane.h"

/* So many bits list.h has for an address. */
#define ADDRESS_END (UINT64_C(1) << 48)

struct lane ferry__lane = {
	.mark = { LANE_NO_MARK },
	.taking = PTHREAD_MUTEX_INITIALIZER,
	.life = PTHREAD_MUTEX_INITIALIZER,
	.pool = POOL_INIT,
};
static struct lane *const lane = &ferry__lane;

/* --------------------------------------------------------- submit and post */

static COLD int
refuse(atom64 *count, int error)
{
	count_shared_add(count, 1);
	return error;
}

static inline int
push(struct task *t, uint64_t head, ferry_cleanup_fn fn, void *arg,
    ferry_cleanup_cancel_fn cancel)
{
	t->job.what = (void (*)(void))fn;
	t->job.ticket = 0;
	t->arg = arg;
	t->cancel = cancel;
	if (UNLIKELY(!ferry__list_push(&lane->list, &t->job.link, &t->job.link,
	        (head & LANE_TAG) >> 1, LANE_TAG))) {
		ferry__task_put_down(t);
		return refuse(&lane->closed, FERRY_ECLOSED);
	}
	if (UNLIKELY(ferry__park_wake(&lane->park) != 0))
		count_shared_add(&lane->wakes, 1);
	return FERRY_OK;
}

int
ferry_cleanup_submit(
    ferry_cleanup_fn fn, void *arg, ferry_cleanup_cancel_fn cancel)
{
	struct task *t;
	uint64_t head;

	if (fn == NULL)
		return FERRY_EINVAL;
	if (UNLIKELY(ferry__lane_mark() == LANE_NO_MARK))
		return FERRY_EUNINIT;
	/* pair(list) acquire: the rack of this generation. */
	head = atom64_load_acquire(&lane->list.head);
	if (UNLIKELY(head & LIST_CLOSED))
		return refuse(&lane->closed, FERRY_ECLOSED);
	t = ferry__task_take(atomp_load_relaxed(&lane->rack));
	if (UNLIKELY(t == NULL))
		return refuse(&lane->full, FERRY_EAGAIN);
	return push(t, head, fn, arg, cancel);
}

static inline bool
is_node(const ferry_cleanup_node *node)
{
	uint64_t address = (uint64_t)(uintptr_t)node;

	return node != NULL && address % 8 == 0 && address < ADDRESS_END;
}

int
ferry_cleanup_post(ferry_cleanup_node *node, ferry_cleanup_fn fn, void *arg,
    ferry_cleanup_cancel_fn cancel)
{
	struct task *t = (struct task *)(void *)node;
	uint32_t mark;
	uint64_t head;

	if (fn == NULL || !is_node(node))
		return FERRY_EINVAL;
	mark = ferry__lane_mark();
	if (UNLIKELY(mark == LANE_NO_MARK))
		return FERRY_EUNINIT;
	/* pair(list) acquire: as in submit, for the generation's sake. */
	head = atom64_load_acquire(&lane->list.head);
	if (UNLIKELY(head & LIST_CLOSED))
		return refuse(&lane->closed, FERRY_ECLOSED);
	if (UNLIKELY(!ferry__task_claim(t, mark)))
		return FERRY_EALREADY;
	return push(t, head, fn, arg, cancel);
}

/* --------------------------------------------------------- on a worker */

/* fn may free the node, and the slot be another's: read first, then let go. */
static enum pool_end
run_task(struct pool *p, struct pool_job *j, bool cancel)
{
	struct task *t = container_of(j, struct task, job);
	ferry_cleanup_fn fn = (ferry_cleanup_fn)j->what;
	ferry_cleanup_cancel_fn cancel_fn = t->cancel;
	enum pool_end end = POOL_CANCELED;
	void *arg = t->arg;

	(void)p;
	ferry__task_put_down(t);
	if (!cancel)
		end = fn(arg) == 0 ? POOL_DONE : POOL_FAILED;
	else if (cancel_fn != NULL)
		cancel_fn(arg);
	/* A cancellation that it has left behind ends this job, not the next
	 * one to come to a cancellation point. */
	pthread_testcancel();
	return end;
}

const struct pool_ops ferry__lane_ops = { .run = run_task };

/* ------------------------------------------------------------ dispatching */

/* Cuts off up to `batch` jobs and gives them. With `taking`. */
static struct link *
give_batch(struct link *first)
{
	struct link *rest = first;
	uint32_t n = 0;
	int r;

	while (rest != NULL && n < lane->batch) {
		rest = rest->next;
		n++;
	}
	r = ferry__pool_give(
	    &lane->pool, container_of(first, struct pool_job, link), n);
	/* It has one worker at least from start to stop: pool.h. */
	ASSERT(r == FERRY_OK);
	lane->batches++;
	if (n > lane->batch_max)
		lane->batch_max = n;
	return rest;
}

bool
ferry__lane_hand_over_locked(void)
{
	struct link *l;

	if (!ferry__list_stirs(&lane->list, LANE_TAG))
		return false;
	l = ferry__list_reverse(ferry__list_first(
	    ferry__list_take(&lane->list, LANE_TAG), LANE_TAG));
	while (l != NULL)
		l = give_batch(l);
	return true;
}

bool
ferry__lane_hand_over(void)
{
	bool any;

	pthread_mutex_lock(&lane->taking);
	any = ferry__lane_hand_over_locked();
	pthread_mutex_unlock(&lane->taking);
	return any;
}

static bool
stirs(void *unused)
{
	(void)unused;
	/* pair(park) seq_cst: after the sleep was announced. */
	return ferry__list_stirs(&lane->list, LANE_TAG) ||
	    atom32_load_seqcst(&lane->leaving) != 0;
}

static void
sleep_until_stirred(void)
{
	/* Before the announcement: nobody has made a call for a sleep that is
	 * not counted yet. */
	count_single_add(&lane->parks, 1);
	ferry__park_announce(&lane->park);
	if (!stirs(NULL))
		/* A spurious wake only makes it look again. */
		ferry__park_sleep(&lane->park, OS_NEVER);
	ferry__park_rise(&lane->park);
}

void *
ferry__lane_dispatch(void *unused)
{
	ferry__fork_enter();
	ferry__os_thread_name("ferry-cleanup");
	for (;;) {
		if (ferry__lane_hand_over())
			continue;
		/* pair(park) seq_cst: set before the wake. */
		if (atom32_load_seqcst(&lane->leaving) != 0)
			return unused;
		if (!ferry__park_spin(&lane->spin, stirs, NULL))
			sleep_until_stirred();
	}
}
