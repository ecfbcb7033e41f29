/*
 * The seam's waiting for many descriptors: what is seen, under which key, how
 * often; and that those who are asked for again and again leave room.
 */
#include "t.h"

#include <fcntl.h>
#include <poll.h>

#include "ffi/os.h"

#define MANY 200

#ifndef MORE
#define MORE /* cases of who includes this */
#endif

static struct os_poll set;
static int of[MANY];

/* As many descriptors, of two pipes: one that is readable and one that is
 * not. Two more are its other ends. */
static int ready[2], quiet[2];

static void
open_all(int n_ready)
{
	T_OK(pipe2(ready, O_CLOEXEC));
	T_OK(pipe2(quiet, O_CLOEXEC));
	T_EQ(write(ready[1], "x", 1), 1);
	T_OK(ferry__os_poll_open(&set));
	for (int i = 0; i < MANY; i++) {
		of[i] = fcntl(i < n_ready ? ready[0] : quiet[0],
		    F_DUPFD_CLOEXEC, 0);
		T_GE(of[i], 0);
	}
}

static void
close_all(void)
{
	ferry__os_poll_close(&set);
	for (int i = 0; i < MANY; i++)
		T_OK(close(of[i]));
	for (int i = 0; i < 2; i++) {
		T_OK(close(ready[i]));
		T_OK(close(quiet[i]));
	}
}

/* Nothing is seen: only the bell ends the wait. */
static void
nothing(void)
{
	struct os_seen seen[4];

	ferry__os_poll_stir(&set);
	T_EQ(ferry__os_poll_wait(&set, seen, COUNT_OF(seen)), 0);
}

/* Under the latest key, once for each time it was asked for. */
static void
once_for_each_time(void)
{
	struct os_seen seen[4];

	open_all(1);
	nothing();
	T_EQ(ferry__os_poll_again(&set, of[0], POLLIN, 1), ENOENT);
	T_OK(ferry__os_poll_add(&set, of[0], POLLIN, 2));
	T_OK(ferry__os_poll_add(&set, of[1], POLLIN, 3));
	T_OK(ferry__os_poll_again(&set, of[0], POLLIN, 4));
	T_EQ(ferry__os_poll_wait(&set, seen, COUNT_OF(seen)), 1);
	T_EQ(seen[0].key, 4);
	T_EQ(seen[0].events, POLLIN);
	nothing();
	T_OK(ferry__os_poll_again(&set, of[0], POLLIN | POLLPRI, 5));
	T_EQ(ferry__os_poll_wait(&set, seen, COUNT_OF(seen)), 1);
	T_EQ(seen[0].key, 5);
	T_OK(ferry__os_poll_again(&set, of[0], POLLPRI, 6));
	nothing();
	T_OK(ferry__os_poll_again(&set, of[0], POLLIN, 7));
	ferry__os_poll_drop(&set, of[0]);
	nothing();
	T_EQ(ferry__os_poll_again(&set, of[0], POLLIN, 8), ENOENT);
	ferry__os_poll_drop(&set, of[0]);
	T_OK(ferry__os_poll_add(&set, of[0], POLLIN, 9));
	T_EQ(ferry__os_poll_wait(&set, seen, COUNT_OF(seen)), 1);
	T_EQ(seen[0].key, 9);
	close_all();
}

static void
refused(void)
{
	open_all(0);
	T_OK(close(of[0]));
	T_EQ(ferry__os_poll_add(&set, of[0], POLLIN, 1), EBADF);
	T_EQ(ferry__os_poll_again(&set, of[0], POLLIN, 1), EBADF);
	ferry__os_poll_drop(&set, of[0]);
	of[0] = fcntl(quiet[0], F_DUPFD_CLOEXEC, 0);
	close_all();
}

/* A few are taken at a time, and asked for again before the next. */
static void
each_has_its_turn(void)
{
	struct os_seen seen[7];
	unsigned times[MANY] = { 0 }, turns = 50;

	open_all(MANY);
	for (int i = 0; i < MANY; i++)
		T_OK(ferry__os_poll_add(&set, of[i], POLLIN, (uint64_t)i));
	for (unsigned n = 0; n < turns * MANY;) {
		size_t found = ferry__os_poll_wait(
		    &set, seen, COUNT_OF(seen));

		T_GE(found, 1);
		T_LE(found, COUNT_OF(seen));
		for (size_t i = 0; i < found; i++) {
			T_LT(seen[i].key, MANY);
			times[seen[i].key]++;
			T_OK(ferry__os_poll_again(&set, of[seen[i].key],
			    POLLIN, seen[i].key));
		}
		n += (unsigned)found;
	}
	for (int i = 0; i < MANY; i++) {
		T_GE(times[i], turns - 1);
		T_LE(times[i], turns + 1);
	}
	close_all();
}

static void *
wait_for_one(void *out)
{
	while (ferry__os_poll_wait(&set, out, 1) == 0)
		;
	return NULL;
}

/* What is asked for while somebody sleeps in the wait; and a number that is
 * higher than all before. */
static void
asked_meanwhile(void)
{
	struct os_seen seen;
	pthread_t thread;
	int high;

	open_all(1);
	T_OK(ferry__os_poll_add(&set, of[1], POLLIN, 1));
	thread = t_thread_start(wait_for_one, &seen);
	T_OK(ferry__os_poll_add(&set, of[2], POLLIN, 2));
	high = fcntl(ready[0], F_DUPFD_CLOEXEC, 700);
	T_GE(high, 700);
	T_OK(ferry__os_poll_add(&set, high, POLLIN, 3));
	t_thread_join(thread);
	T_EQ(seen.key, 3);
	T_OK(close(high));
	close_all();
}

T_MAIN(
	T_RUN(once_for_each_time);
	T_RUN(refused);
	T_RUN(each_has_its_turn);
	T_RUN(asked_meanwhile);
	MORE
)
