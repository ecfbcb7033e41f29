/*
 * The cleanup lane: jobs of finalizers, from any thread in any state.
 *
 * Owns: the one lane of the process: its list, slots, dispatcher and workers.
 *
 *	submit, post --> list.h --> dispatcher --> pool.c --> worker: fn, cancel
 *
 * A submit takes a slot (task.h) or claims its caller's node, fills it in, and
 * pushes it onto a list (list.h). It locks and allocates nothing and has no
 * state of its thread's: whether this is the process that started the lane is
 * told by comparing the fork word with the lane's mark, not by ferry__self.
 * If it finds the dispatcher asleep it wakes it (park.h). The dispatcher takes
 * the list and gives the jobs to the pool, `batch` of them for each time that
 * it has the pool's mutex. A worker takes one job, puts its task down (the slot
 * is then somebody else's, the node its owner's), and runs the function.
 *
 * Proof, that OK means exactly one of fn and cancel, once. The push succeeds
 * only while the head is open and of the generation that was read before the
 * slot was taken. A chain whose push succeeded is in exactly one take (list.h),
 * each take gives all of it to the pool, with the mutex `taking` held; the pool
 * runs each job once (pool.h). Shutdown closes the head first, by which time
 * every accepted push is in the list, and takes once more itself; then nothing
 * comes any more, and it awaits the ticket of the last job. Only after that
 * are the threads ended. So no accepted job is left behind. A push that failed
 * has changed nothing, and the task is put down by who took it.
 *
 * Flush is the same without the close: take, then await the last ticket. It
 * does not rely on the dispatcher. The push of a submit that has returned
 * comes before the take, as both change one word; and what a take found before
 * has been given to the pool when `taking` is free.
 *
 * Proof, that no wake is lost: park.h's. The dispatcher announces its sleep and
 * then looks at the list and at `leaving`; a submit pushes, a stop sets
 * `leaving`, and each then looks at the park word.
 *
 * Generations. Each start has a new one, modulo 2^18. It keeps a submit that
 * slept through a stop and a start from bringing a slot of the former rack,
 * which would exceed the new bound; nothing worse, so it may wrap.
 *
 * Modelled in tests/model/cleanup.pml.
 *
 * Threads: any for submit and post; `life` guards the state, `taking` the take
 * of the list. Order of mutexes: life, taking, the pool's.
 */
#ifndef FERRY_FFI_LANE_H
#define FERRY_FFI_LANE_H

#include "ffi/fork.h"
#include "ffi/task.h"

/* As LIST_TAG_SMALL, for links that are aligned to 8: a caller's nodes. */
#define LANE_TAG         ((UINT64_C(1) << 19) - 1)
#define LANE_GENERATIONS (LANE_TAG >> 1)

/* Of a rack: 2 to the power of this. */
#define LANE_CAPACITY_LOG2_MOST 16u

/* The fork word is never this: no process has started a lane. */
#define LANE_NO_MARK UINT32_MAX

struct lane {
	struct list list;
	struct park park;
	/* Submitters look at these. */
	ON_OWN_LINE atom32 mark; /* of the process that started it */
	atomp rack;              /* struct rack */
	/* Submitters write to these, seldom. */
	ON_OWN_LINE atom64 full;
	atom64 closed;
	atom64 wakes;

	/* The dispatcher's. */
	ON_OWN_LINE struct spin spin;
	count_single parks;

	/* Under `taking`. */
	ON_OWN_LINE pthread_mutex_t taking;
	uint32_t batch;
	uint64_t batches;
	uint64_t batch_max;

	/* Under `life`. */
	pthread_mutex_t life;
	uint32_t state;          /* FERRY_CLEANUP_… */
	bool closing;            /* a thread is at it */
	uint64_t generation;
	uint64_t stall_ns;
	struct rack *racks[LANE_CAPACITY_LOG2_MOST + 1]; /* by capacity */
	pthread_t dispatcher;
	atom32 leaving;

	struct pool pool;
};

extern HIDDEN struct lane ferry__lane;
extern HIDDEN const struct pool_ops ferry__lane_ops;

/* The mark, if this process has started the lane; else LANE_NO_MARK. */
static inline uint32_t
ferry__lane_mark(void)
{
	/* pair(cleanup-start) acquire: the list, before its first use. */
	uint32_t mark = atom32_load_acquire(&ferry__lane.mark);

	return LIKELY(mark == ferry__fork_mark()) ? mark : LANE_NO_MARK;
}

/* Takes the list and gives all of it to the pool; false: it was empty. */
bool ferry__lane_hand_over(void);

/* The same, with `taking`. */
bool ferry__lane_hand_over_locked(void);

/* The dispatcher's thread: until `leaving` is set and the list is empty. */
void *ferry__lane_dispatch(void *unused);

#endif
