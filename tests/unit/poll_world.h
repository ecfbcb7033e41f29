/*
 * tests/unit/poll_world.h: waits for descriptors that count how often they are
 * told, and pipes.
 */
#ifndef POLL_WORLD_H
#define POLL_WORLD_H

#include "t.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <ferry/ferry.h>

#include "ffi/poller.h"

/* Whether the seam under test waits for numbers (poll()) or files (epoll). */
#ifndef BY_NUMBER
#define BY_NUMBER T_PORTABLE
#endif

#define LIMIT_MS 5000

struct told {
	struct poll_wait w;
	atom32 times;
};

static inline void
count_it(struct poll_wait *w)
{
	struct told *t = container_of(w, struct told, w);

	atom32_add_acqrel(&t->times, 1);
	ferry__os_wake(&t->times, 1);
}

static inline int
arm(struct told *t, int fd, uint32_t events)
{
	t->w.fd = fd;
	t->w.events = events;
	t->w.ready = count_it;
	atom32_store_relaxed(&t->times, 0);
	return ferry__poller_arm(&t->w);
}

static inline uint32_t
times(const struct told *t)
{
	return atom32_load_acquire(&t->times);
}

/* Sleeps until it is told; with what. */
static inline uint32_t
await(struct told *t)
{
	uint64_t end_ns = t_now_ns() +
	    (uint64_t)LIMIT_MS * 1000000u * (uint64_t)t_slow();

	while (times(t) == 0)
		if (ferry__os_wait(&t->times, 0, end_ns) == OS_TIMEOUT)
			T_FAIL("not told of %d", t->w.fd);
	T_EQ(times(t), 1);
	return t->w.revents;
}

static inline void
put(int fd)
{
	T_EQ(write(fd, "x", 1), 1);
}

static inline void
get(int fd)
{
	char c;

	T_EQ(read(fd, &c, 1), 1);
}

static inline void
close_both(int *ends)
{
	T_OK(close(ends[0]));
	T_OK(close(ends[1]));
}

/* The thread has gone round since: whatever it had to tell it has told. Twice,
 * because the first round may have begun before. On a pipe that stays, so that
 * no number that was closed is used again here. */
static inline void
round_trip(void)
{
	static int ends[2];
	struct told t = { .w = { .link = NULL } };

	if (ends[1] == 0)
		T_OK(pipe2(ends, O_CLOEXEC));
	for (int i = 0; i < 2; i++) {
		T_OK(arm(&t, ends[0], POLLIN));
		put(ends[1]);
		T_EQ(await(&t), POLLIN);
		get(ends[0]);
	}
}

#endif
