/*
 * Writing to descriptors of the host's: all of it or an error, and never a
 * hang, in one call and larger than whatever takes it. What a descriptor does
 * to a dump is in api/dump.c.
 */
#include "t.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>

#include "ffi/os.h"

enum { SIZE = 300000, PATIENCE_NS = 200000000 };

static char text[SIZE];

struct reader {
	int fd;
	size_t piece;
	size_t n;
	char text[SIZE];
};

/* Slower than the writer, by its pieces. */
static void *
read_all(void *arg)
{
	struct reader *r = arg;
	ssize_t n;

	while (r->n < SIZE) {
		size_t piece = SIZE - r->n < r->piece ? SIZE - r->n : r->piece;

		n = read(r->fd, r->text + r->n, piece);
		T_ASSERT(n > 0);
		r->n += (size_t)n;
	}
	return NULL;
}

enum kind { PIPE, SOCKET, TERMINAL, MASTER, KINDS };

/* What is written to it comes out as it is. */
static void
open_terminal(int *ends)
{
	struct termios raw;
	char name[100];

	ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	T_GE(ends[0], 0);
	T_OK(unlockpt(ends[0]));
	T_OK(ptsname_r(ends[0], name, sizeof name));
	ends[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	T_GE(ends[1], 0);
	T_OK(tcgetattr(ends[1], &raw));
	cfmakeraw(&raw);
	T_OK(tcsetattr(ends[1], TCSANOW, &raw));
}

static void
open_ends(int *ends, enum kind kind, int flags)
{
	int bytes = 4096, master;

	if (kind == SOCKET) {
		T_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
		T_OK(setsockopt(
		    ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes));
	} else if (kind == PIPE) {
		T_OK(pipe2(ends, O_CLOEXEC));
		T_GE(fcntl(ends[1], F_SETPIPE_SZ, bytes), bytes);
	} else {
		open_terminal(ends);
		if (kind == MASTER) {
			master = ends[0];
			ends[0] = ends[1];
			ends[1] = master;
		}
	}
	T_OK(fcntl(ends[1], F_SETFL, O_WRONLY | flags));
}

/* Until the limit is put back no descriptor is to be had. */
static rlim_t
limit_descriptors(rlim_t to)
{
	struct rlimit l;
	rlim_t before;

	T_OK(getrlimit(RLIMIT_NOFILE, &l));
	before = l.rlim_cur;
	l.rlim_cur = to;
	T_OK(setrlimit(RLIMIT_NOFILE, &l));
	return before;
}

static void
all_of_it_arrives(void)
{
	static const size_t pieces[] = { 4096, 1000, 7777 };

	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)(i * 7919 >> 5);
	for (int kind = 0; kind < 2 * KINDS; kind++)
		for (size_t p = 0; p < COUNT_OF(pieces); p++) {
			struct reader *r = calloc(1, sizeof *r);
			pthread_t reader;
			int ends[2];

			T_ASSERT(r != NULL);
			open_ends(ends, kind % KINDS,
			    kind >= KINDS ? O_NONBLOCK : 0);
			r->fd = ends[0];
			r->piece = pieces[p];
			reader = t_thread_start(read_all, r);
			T_OK(ferry__os_write(ends[1], text, SIZE,
			    PATIENCE_NS * (uint64_t)t_slow() * 100));
			t_thread_join(reader);
			T_MEM(r->text, text, SIZE);
			close(ends[0]);
			close(ends[1]);
			free(r);
		}
}

/* Nobody reads: a piece that is written must not block either. */
static void
patience_ends(void)
{
	for (int kind = 0; kind < 2 * KINDS; kind++) {
		uint64_t before = t_now_ns();
		int ends[2], flags;

		open_ends(ends, kind % KINDS, kind >= KINDS ? O_NONBLOCK : 0);
		flags = fcntl(ends[1], F_GETFL);
		T_EQ(ferry__os_write(ends[1], text, SIZE, PATIENCE_NS),
		    ETIMEDOUT);
		T_GE(t_now_ns() - before, PATIENCE_NS);
		T_LT(t_now_ns() - before,
		    UINT64_C(10) * PATIENCE_NS * (unsigned)t_slow());
		T_EQ(fcntl(ends[1], F_GETFL), flags); /* as the host has it */
		close(ends[0]);
		close(ends[1]);
	}
}

/* As above, and there is no descriptor left in the process. */
static void
patience_ends_without_descriptors(void)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		rlim_t before;
		int ends[2], r;

		open_ends(ends, kind, 0);
		before = limit_descriptors(1);
		r = ferry__os_write(ends[1], text, SIZE, PATIENCE_NS);
		limit_descriptors(before);
		T_EQ(r, ETIMEDOUT);
		close(ends[0]);
		close(ends[1]);
	}
}

static void *
write_until_full(void *arg)
{
	T_EQ(ferry__os_write(*(int *)arg, text, SIZE, 1000000), ETIMEDOUT);
	return NULL;
}

/* Room that poll() has told of somebody else takes before the write. */
static void
others_take_the_room(void)
{
	enum { WRITERS = 6, ROUNDS = 30 };

	for (int i = 0; i < ROUNDS * KINDS; i++) {
		pthread_t t[WRITERS];
		int ends[2];

		open_ends(ends, i % KINDS, 0);
		for (int w = 0; w < WRITERS; w++)
			t[w] = t_thread_start(write_until_full, &ends[1]);
		for (int w = 0; w < WRITERS; w++)
			t_thread_join(t[w]);
		close(ends[0]);
		close(ends[1]);
	}
}

/* A counter that has no room for so much is called writable all the same. */
static void
writable_and_takes_nothing(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t before;

	T_GE(fd, 0);
	memset(text, 0x7f, 8);
	T_OK(ferry__os_write(fd, text, 8, PATIENCE_NS));
	T_OK(ferry__os_write(fd, text, 8, PATIENCE_NS));
	before = t_now_ns();
	T_EQ(ferry__os_write(fd, text, 8, PATIENCE_NS), ETIMEDOUT);
	T_GE(t_now_ns() - before, PATIENCE_NS);
	close(fd);
}

static void
errors_are_told(void)
{
	int ends[2], closed;

	T_OK(pipe2(ends, O_CLOEXEC));
	closed = dup(ends[1]);
	close(closed);
	T_EQ(ferry__os_write(closed, text, SIZE, PATIENCE_NS), EBADF);
	T_OK(ferry__os_write(closed, text, 0, PATIENCE_NS));
	T_ASSERT(ferry__os_is_writable(ends[1]));
	T_ASSERT(!ferry__os_is_writable(ends[0]));
	T_ASSERT(!ferry__os_is_writable(-1));
	close(ends[0]);
	T_EQ(ferry__os_write(ends[1], text, SIZE, PATIENCE_NS), EPIPE);
	close(ends[1]);
}

/* It is no cancellation point, though all that it calls is. */
static void *
write_cancelled(void *arg)
{
	int *ends = arg;

	pthread_cancel(pthread_self());
	T_OK(ferry__os_write(ends[1], "all", 3, PATIENCE_NS));
	ends[1] = -1; /* so far it comes */
	pthread_testcancel();
	return NULL;
}

static void
no_cancellation_point(void)
{
	int ends[2], to;

	T_OK(pipe2(ends, O_CLOEXEC));
	to = ends[1];
	T_ASSERT(t_thread_join(t_thread_start(write_cancelled, ends)) ==
	    PTHREAD_CANCELED);
	T_EQ(ends[1], -1);
	close(ends[0]);
	close(to);
}

T_MAIN(
	T_RUN(all_of_it_arrives);
	T_RUN(patience_ends);
	T_RUN(patience_ends_without_descriptors);
	T_RUN(others_take_the_room);
	T_RUN(writable_and_takes_nothing);
	T_RUN(errors_are_told);
	T_RUN(no_cancellation_point);
)
