/*
 * Waiting for descriptors when its thread, its own descriptors or memory are
 * refused: an error, nothing left behind, and the next try succeeds.
 */
#include "inject.h"

#include "ffi/poller.h"

struct told {
	struct poll_wait w;
	atomic_int times;
};

static void
count_it(struct poll_wait *w)
{
	atomic_fetch_add(&container_of(w, struct told, w)->times, 1);
}

static void
arm(struct told *t, int fd)
{
	t->w.fd = fd;
	t->w.events = POLLIN;
	t->w.ready = count_it;
	atomic_store(&t->times, 0);
	STEP(ferry__poller_arm(&t->w), FERRY_ENOMEM, FERRY_ESYSTEM);
}

static void
await(struct told *t)
{
	T_WAIT_UNTIL(atomic_load(&t->times) != 0, FX_LIMIT_MS);
	T_EQ(atomic_load(&t->times), 1);
}

static void
put(int fd)
{
	T_EQ(write(fd, "x", 1), 1);
}

/* The first wait; one of another descriptor, further away; the second of one;
 * one that is told and armed again; and a second thread. */
static void
waits(void)
{
	struct told t[3];
	int ends[2], other;

	memset(t, 0, sizeof t);
	T_OK(pipe2(ends, O_CLOEXEC));
	other = fcntl(ends[0], F_DUPFD_CLOEXEC, 500);
	T_GE(other, 500);
	arm(&t[0], ends[0]);
	arm(&t[1], other);
	arm(&t[2], other);
	T_ASSERT(ferry__poller_disarm(&t[0].w));
	put(ends[1]);
	await(&t[1]);
	await(&t[2]);
	arm(&t[0], ends[0]);
	await(&t[0]);
	ferry__poller_rest();
	arm(&t[0], ends[0]);
	await(&t[0]);
	ferry__poller_rest();
	T_OK(close(other));
	T_OK(close(ends[0]));
	T_OK(close(ends[1]));
}

/* A wait that has gone on before is told, whatever is refused to another. */
static void
others_go_on(void)
{
	struct told t[2];
	int ends[2], other[2];

	memset(t, 0, sizeof t);
	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(pipe2(other, O_CLOEXEC));
	arm(&t[0], ends[0]);
	T_OK(dup3(other[0], ends[0], O_CLOEXEC) != ends[0]);
	arm(&t[1], ends[0]);
	put(other[1]);
	await(&t[0]); /* closed, or by its number */
	await(&t[1]);
	ferry__poller_rest();
	for (int i = 0; i < 2; i++) {
		T_OK(close(ends[i]));
		T_OK(close(other[i]));
	}
}

T_MAIN(
	INJECT_EACH(waits, 10);
	INJECT_EACH(others_go_on, 7);
)
