/*
 * What the poller's thread has seen, and what has become of it by the time the
 * thread has the mutex: each wait for the set is followed by a stop, in which
 * the test changes who waits.
 */
#include "poll_world.h"

static size_t stop_after_wait(
    struct os_poll *p, struct os_seen *out, size_t most);

#define ferry__os_poll_wait stop_after_wait
#include "ffi/poller.c"
#undef ferry__os_poll_wait

enum { GO_ON, STOP, STOPPED };

static atom32 gate;

static size_t
stop_after_wait(struct os_poll *p, struct os_seen *out, size_t most)
{
	size_t found = ferry__os_poll_wait(p, out, most);
	uint32_t expected = STOP;

	if (found == 0 || !atom32_cas_acqrel(&gate, &expected, STOPPED))
		return found;
	ferry__os_wake(&gate, 1);
	while (atom32_load_acquire(&gate) == STOPPED)
		ferry__os_wait(&gate, STOPPED, OS_NEVER);
	return found;
}

static struct told one, two;
static int ends[2];

/* `one` is armed, seen as readable, and about to be told. */
static void
see_one(void)
{
	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&one, ends[0], POLLIN));
	round_trip();
	atom32_store_release(&gate, STOP);
	put(ends[1]);
	while (atom32_load_acquire(&gate) == STOP)
		ferry__os_wait(&gate, STOP, OS_NEVER);
}

static void
go_on(void)
{
	atom32_store_release(&gate, GO_ON);
	ferry__os_wake(&gate, 1);
}

static void
nobody_waits_any_more(void)
{
	see_one();
	T_ASSERT(ferry__poller_disarm(&one.w));
	go_on();
	round_trip();
	T_EQ(times(&one), 0);
	close_both(ends);
}

static void
another_waits_now(void)
{
	see_one();
	T_ASSERT(ferry__poller_disarm(&one.w));
	get(ends[0]);
	T_OK(arm(&two, ends[0], POLLIN));
	go_on();
	round_trip();
	T_EQ(times(&one), 0);
	T_EQ(times(&two), 0);
	put(ends[1]);
	T_EQ(await(&two), POLLIN);
	close_both(ends);
}

/* Two wait, one of them too late for what was seen: nothing is lost. */
static void
another_waits_too(void)
{
	see_one();
	T_OK(arm(&two, ends[0], POLLIN));
	go_on();
	T_EQ(await(&one), POLLIN);
	T_EQ(await(&two), POLLIN);
	close_both(ends);
}

/* What was seen holds no more, for neither. */
static void
taken_meanwhile(void)
{
	see_one();
	T_OK(arm(&two, ends[0], POLLIN));
	get(ends[0]);
	go_on();
	round_trip();
	T_EQ(times(&one), 0);
	T_EQ(times(&two), 0);
	T_ASSERT(ferry__poller_disarm(&two.w));
	put(ends[1]);
	T_EQ(await(&one), POLLIN);
	close_both(ends);
}

static void
another_file_meanwhile(void)
{
	int next[2];

	see_one();
	T_OK(pipe2(next, O_CLOEXEC));
	T_OK(dup3(next[0], ends[0], O_CLOEXEC) != ends[0]);
	T_OK(arm(&two, ends[0], POLLIN));
	go_on();
	round_trip();
	T_EQ(times(&two), 0);
	if (!BY_NUMBER)
		T_EQ(await(&one), POLLNVAL);
	put(next[1]);
	T_EQ(await(&two), POLLIN);
	if (BY_NUMBER)
		T_EQ(await(&one), POLLIN);
	close_both(next);
	close_both(ends);
}

static void *
rest(void *done)
{
	ferry__poller_rest();
	atom32_store_release(done, 1);
	return NULL;
}

static bool
is_resting(void)
{
	bool resting;

	pthread_mutex_lock(&all.mutex);
	resting = all.poller == NULL;
	pthread_mutex_unlock(&all.mutex);
	return resting;
}

/* The thread that has seen it leaves, and another one has its own set. */
static void
another_thread_meanwhile(void)
{
	static atom32 done;
	pthread_t thread;

	see_one();
	T_ASSERT(ferry__poller_disarm(&one.w));
	get(ends[0]);
	thread = t_thread_start(rest, &done);
	T_WAIT_UNTIL(is_resting(), LIMIT_MS);
	T_OK(arm(&two, ends[0], POLLIN));
	T_EQ(atom32_load_acquire(&done), 0);
	go_on();
	t_thread_join(thread);
	round_trip();
	T_EQ(times(&two), 0);
	put(ends[1]);
	T_EQ(await(&two), POLLIN);
	close_both(ends);
}

T_MAIN(
	T_RUN(nobody_waits_any_more);
	T_RUN(another_waits_now);
	T_RUN(another_waits_too);
	T_RUN(taken_meanwhile);
	T_RUN(another_file_meanwhile);
	T_RUN(another_thread_meanwhile);
	ferry__poller_rest();
)
