/*
 * Waiting for descriptors: who is told of what, how often, and what becomes of
 * waits whose descriptor is closed.
 */
#include "poll_world.h"

#include <netinet/in.h>
#include <sys/resource.h>

/* --- One wait ------------------------------------------------------------ */

static void
told_once(void)
{
	struct told t = { .w = { .link = NULL } };
	int ends[2];

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&t, ends[0], POLLIN));
	round_trip();
	T_EQ(times(&t), 0);
	put(ends[1]);
	T_EQ(await(&t), POLLIN);
	put(ends[1]);
	round_trip();
	T_EQ(times(&t), 1);
	T_ASSERT(!ferry__poller_disarm(&t.w));
	/* It is so already, and once more. */
	T_OK(arm(&t, ends[0], POLLIN));
	T_EQ(await(&t), POLLIN);
	get(ends[0]);
	T_OK(arm(&t, ends[0], POLLIN));
	T_EQ(await(&t), POLLIN);
	get(ends[0]);
	T_OK(arm(&t, ends[0], POLLIN));
	round_trip();
	T_EQ(times(&t), 0);
	T_ASSERT(ferry__poller_disarm(&t.w));
	close_both(ends);
}

static void
disarmed(void)
{
	struct told t = { .w = { .link = NULL } };
	int ends[2];

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&t, ends[0], POLLIN));
	T_ASSERT(ferry__poller_disarm(&t.w));
	put(ends[1]);
	round_trip();
	T_EQ(times(&t), 0);
	T_ASSERT(!ferry__poller_disarm(&t.w));
	T_OK(arm(&t, ends[0], POLLIN));
	T_EQ(await(&t), POLLIN);
	close_both(ends);
}

/* Of what it has asked for, and of what comes unasked. */
static void
told_of_what(void)
{
	struct told t = { .w = { .link = NULL } };
	int ends[2];

	T_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	T_OK(arm(&t, ends[0], POLLOUT));
	T_EQ(await(&t), POLLOUT);
	T_OK(arm(&t, ends[0], POLLIN | POLLOUT));
	T_EQ(await(&t), POLLOUT);
	put(ends[1]);
	T_OK(arm(&t, ends[0], POLLIN | POLLOUT));
	T_EQ(await(&t), POLLIN | POLLOUT);
	T_OK(arm(&t, ends[0], POLLIN));
	T_EQ(await(&t), POLLIN);
	T_OK(arm(&t, ends[0], POLLPRI));
	round_trip();
	T_EQ(times(&t), 0);
	T_OK(close(ends[1]));
	T_EQ(await(&t), POLLHUP);
	T_OK(close(ends[0]));

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&t, ends[0], POLLIN));
	T_OK(close(ends[1]));
	T_EQ(await(&t), POLLHUP);
	T_OK(close(ends[0]));

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(close(ends[0]));
	T_OK(arm(&t, ends[1], POLLOUT));
	T_EQ(await(&t), POLLOUT | POLLERR);
	T_OK(close(ends[1]));
}

static void
connected(int *ends)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	T_OK(bind(listener, (struct sockaddr *)&at, size));
	T_OK(getsockname(listener, (struct sockaddr *)&at, &size));
	T_OK(listen(listener, 1));
	T_OK(connect(ends[1], (struct sockaddr *)&at, size));
	ends[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	T_GE(ends[0], 0);
	T_OK(close(listener));
}

static void
urgent(void)
{
	struct told in = { .w = { .link = NULL } };
	struct told pri = { .w = { .link = NULL } };
	int ends[2];

	connected(ends);
	T_OK(arm(&pri, ends[0], POLLPRI));
	T_OK(arm(&in, ends[0], POLLIN));
	put(ends[1]);
	T_EQ(await(&in), POLLIN);
	round_trip();
	T_EQ(times(&pri), 0);
	T_EQ(send(ends[1], "!", 1, MSG_OOB), 1);
	T_EQ(await(&pri), POLLPRI);
	close_both(ends);
}

static void
refused(void)
{
	struct told t = { .w = { .link = NULL } };
	int ends[2];

	T_OK(pipe2(ends, O_CLOEXEC));
	T_EQ(arm(&t, ends[0], 0), FERRY_EINVAL);
	T_EQ(arm(&t, ends[0], POLLIN | POLLHUP), FERRY_EINVAL);
	T_EQ(arm(&t, ends[0], POLLIN | 0x10000), FERRY_EINVAL);
	T_EQ(arm(&t, -1, POLLIN), FERRY_EINVAL);
	close_both(ends);
	T_EQ(arm(&t, ends[0], POLLIN), FERRY_EINVAL);
	T_ASSERT(!ferry__poller_disarm(&t.w));
	T_EQ(times(&t), 0);
}

/* What is always ready is so at once, and may be disarmed before it is told. */
static void
always_ready(void)
{
	static const char *const paths[] = { "/proc/self/exe", "/dev/null",
		"/" };
	struct told t = { .w = { .link = NULL } };

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		T_GE(fd, 0);
		T_OK(arm(&t, fd, POLLIN | POLLPRI));
		T_EQ(await(&t), POLLIN);
		T_OK(arm(&t, fd, POLLIN | POLLOUT));
		T_EQ(await(&t), POLLIN | POLLOUT);
		for (int n = 0; n < 100; n++) {
			T_OK(arm(&t, fd, POLLIN));
			if (ferry__poller_disarm(&t.w))
				T_EQ(times(&t), 0);
			else
				T_EQ(times(&t), 1);
		}
		/* Nothing else will ever come. Of a device poll() tells that
		 * by not coming back. */
		T_OK(arm(&t, fd, POLLPRI));
		if (BY_NUMBER && i == 1)
			T_ASSERT(ferry__poller_disarm(&t.w));
		else
			T_EQ(await(&t), POLLIN | POLLOUT);
		T_OK(close(fd));
	}
}

/* --- Several ------------------------------------------------------------- */

/* Of one descriptor: each that it is ready for, and no other. */
static void
of_one_descriptor(void)
{
	static struct told readers[10], writer;
	char many[4096] = { 0 };
	int ends[2];

	T_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    ends));
	while (write(ends[0], many, sizeof many) > 0)
		;
	T_EQ(errno, EAGAIN);
	for (size_t i = 0; i < COUNT_OF(readers); i++)
		T_OK(arm(&readers[i], ends[0], POLLIN));
	T_OK(arm(&writer, ends[0], POLLOUT));
	round_trip();
	T_EQ(times(&writer), 0);
	put(ends[1]);
	for (size_t i = 0; i < COUNT_OF(readers); i++)
		T_EQ(await(&readers[i]), POLLIN);
	T_OK(arm(&readers[0], ends[0], POLLIN)); /* it is still there */
	T_EQ(await(&readers[0]), POLLIN);
	get(ends[0]);
	T_OK(arm(&readers[0], ends[0], POLLIN));
	T_OK(arm(&readers[1], ends[0], POLLIN));
	round_trip();
	T_EQ(times(&writer), 0);
	while (read(ends[1], many, sizeof many) > 0)
		;
	T_EQ(await(&writer), POLLOUT);
	round_trip();
	T_EQ(times(&readers[0]), 0);
	T_ASSERT(ferry__poller_disarm(&readers[0].w));
	put(ends[1]);
	T_EQ(await(&readers[1]), POLLIN);
	T_EQ(times(&readers[0]), 0);
	/* The hangup is everybody's. */
	get(ends[0]);
	T_OK(arm(&readers[0], ends[0], POLLIN));
	T_OK(arm(&readers[1], ends[0], POLLPRI));
	T_OK(close(ends[1]));
	T_EQ(await(&readers[0]), POLLIN | POLLHUP);
	T_EQ(await(&readers[1]), POLLHUP);
	T_OK(close(ends[0]));
}

#define MANY 4000

/* As many descriptors as there may be, up to MANY. */
static int
descriptors(void)
{
	struct rlimit most;

	T_OK(getrlimit(RLIMIT_NOFILE, &most));
	most.rlim_cur = most.rlim_max;
	T_OK(setrlimit(RLIMIT_NOFILE, &most));
	return most.rlim_cur < MANY + 100 ? (int)most.rlim_cur - 100 : MANY;
}

static void
many(void)
{
	static struct told all[2 * MANY];
	static int of[MANY];
	int ends[2], n = descriptors();

	T_OK(pipe2(ends, O_CLOEXEC));
	for (int i = 0; i < n; i++) {
		of[i] = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
		T_GE(of[i], 0);
		T_OK(arm(&all[i], of[i], POLLIN));
		T_OK(arm(&all[n + i], ends[0], POLLIN));
	}
	round_trip();
	for (int i = 0; i < 2 * n; i += 2)
		T_ASSERT(ferry__poller_disarm(&all[i].w));
	put(ends[1]);
	for (int i = 0; i < 2 * n; i++)
		if (i % 2 != 0)
			T_EQ(await(&all[i]), POLLIN);
		else
			T_EQ(times(&all[i]), 0);
	for (int i = 0; i < n; i++)
		T_OK(close(of[i]));
	close_both(ends);
}

/* --- Closed while somebody waits ------------------------------------------ */

/* Nobody waits for the number's next file: a disarm ends it. */
static void
closed(void)
{
	struct told t = { .w = { .link = NULL } };
	int ends[2], next[2];

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(pipe2(next, O_CLOEXEC));
	T_OK(arm(&t, ends[0], POLLIN));
	round_trip();
	T_OK(dup3(next[0], ends[0], O_CLOEXEC) != ends[0]);
	put(next[1]);
	round_trip();
	if (BY_NUMBER)
		T_EQ(await(&t), POLLIN);
	else
		T_ASSERT(ferry__poller_disarm(&t.w));
	close_both(ends);
	close_both(next);

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&t, ends[0], POLLIN));
	close_both(ends);
	round_trip();
	if (BY_NUMBER)
		T_EQ(await(&t), POLLNVAL);
	else
		T_ASSERT(ferry__poller_disarm(&t.w));
}

/* `keep`: the file that was closed lives on, in another descriptor. */
static void
reuse(bool keep)
{
	struct told old = { .w = { .link = NULL } };
	struct told new = { .w = { .link = NULL } };
	int ends[2], next[2], kept = -1;

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(pipe2(next, O_CLOEXEC));
	T_OK(arm(&old, ends[0], POLLIN));
	if (keep)
		kept = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	T_OK(dup3(next[0], ends[0], O_CLOEXEC) != ends[0]);
	T_OK(arm(&new, ends[0], POLLIN));
	if (!BY_NUMBER)
		T_EQ(await(&old), POLLNVAL);
	if (keep)
		put(ends[1]);
	round_trip();
	T_EQ(times(&new), 0);
	put(next[1]);
	T_EQ(await(&new), POLLIN);
	if (BY_NUMBER)
		T_EQ(await(&old), POLLIN);
	T_ASSERT(!ferry__poller_disarm(&old.w));
	if (keep)
		T_OK(close(kept));
	close_both(ends);
	close_both(next);
}

static void
closed_and_used_again(void)
{
	reuse(false);
}

static void
closed_and_kept(void)
{
	reuse(true);
}

/* Found when somebody wants to wait for the number, and there is no file. */
static void
closed_and_missed(void)
{
	struct told t[2] = { { .w = { .link = NULL } } };
	int ends[2];

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&t[0], ends[0], POLLIN));
	close_both(ends);
	T_EQ(arm(&t[1], ends[0], POLLIN), FERRY_EINVAL);
	T_EQ(await(&t[0]), POLLNVAL);
}

T_MAIN(
	T_RUN(told_once);
	T_RUN(disarmed);
	T_RUN(told_of_what);
	T_RUN(urgent);
	T_RUN(refused);
	T_RUN(always_ready);
	T_RUN(of_one_descriptor);
	T_RUN(many);
	T_RUN(closed);
	T_RUN(closed_and_used_again);
	T_RUN(closed_and_kept);
	T_RUN(closed_and_missed);
	ferry__poller_rest();
)
