/*
 * Strands wait for descriptors of every kind, alone and together, in time and
 * too late.
 */
#include <poll.h>
#include <sys/socket.h>

#include "strands.h"

struct polling {
	int fd;
	uint32_t want, events;
	int64_t timeout_ms;
	atomic_int in;
};

static int
poll_it(ferry_call call, void *arg)
{
	struct polling *p = arg;

	(void)call;
	p->events = 77;
	atomic_store(&p->in, 1);
	return ferry_strand_poll(&p->events, p->fd, p->want, p->timeout_ms);
}

static ferry_request
start_polling(ferry_context context, struct polling *p)
{
	ferry_request request;

	atomic_store(&p->in, 0);
	request = st_spawn(context, poll_it, p);
	T_WAIT_UNTIL(atomic_load(&p->in) == 1, FX_LIMIT_MS);
	st_turn(context);
	return request;
}

static void
got(ferry_request request, const struct polling *p, uint32_t events)
{
	T_OK(fx_wait(request));
	T_EQ(p->events, events);
}

static void
timed_out(ferry_context context, struct polling *p)
{
	uint64_t began = ferry_clock_ns();

	p->timeout_ms = 0;
	T_EQ(st_run(context, poll_it, p), FERRY_ETIMEDOUT);
	p->timeout_ms = 10;
	T_EQ(st_run(context, poll_it, p), FERRY_ETIMEDOUT);
	T_GE(ferry_clock_ns() - began, 10000000);
	T_EQ(p->events, 77);
	p->timeout_ms = -1;
}

static void
put(int fd)
{
	T_EQ(write(fd, "x", 1), 1);
}

static void
get(int fd)
{
	char c;

	T_EQ(read(fd, &c, 1), 1);
}

/* ------------------------------------------------------------------- kinds */

static void
a_pipe(void)
{
	ferry_context context = st_open();
	struct polling r = {.want = POLLIN, .timeout_ms = -1};
	ferry_request request;
	int fds[2];

	T_OK(pipe(fds));
	r.fd = fds[0];
	timed_out(context, &r);
	for (int i = 0; i < 3; i++) {
		request = start_polling(context, &r);
		put(fds[1]);
		got(request, &r, POLLIN);
		/* What is there already needs no wait. */
		r.timeout_ms = i == 0 ? 0 : -1;
		T_OK(st_run(context, poll_it, &r));
		T_EQ(r.events, POLLIN);
		get(fds[0]);
		r.timeout_ms = -1;
	}
	request = start_polling(context, &r);
	T_OK(close(fds[1]));
	T_OK(fx_wait(request));
	T_ASSERT((r.events & POLLHUP) != 0);
	T_OK(close(fds[0]));
	T_EQ(st_run(context, poll_it, &r), FERRY_EINVAL);
	fx_close(context);
}

/* Full, until somebody reads; and broken. */
static void
a_pipe_to_be_written(void)
{
	ferry_context context = st_open();
	struct polling w = {.want = POLLOUT, .timeout_ms = -1};
	ferry_request request;
	char bytes[4096] = {0};
	int fds[2];

	T_OK(pipe2(fds, O_NONBLOCK));
	w.fd = fds[1];
	got(start_polling(context, &w), &w, POLLOUT);
	while (write(fds[1], bytes, sizeof bytes) > 0)
		;
	timed_out(context, &w);
	request = start_polling(context, &w);
	while (read(fds[0], bytes, sizeof bytes) > 0)
		;
	got(request, &w, POLLOUT);
	while (write(fds[1], bytes, sizeof bytes) > 0)
		;
	request = start_polling(context, &w);
	T_OK(close(fds[0]));
	T_OK(fx_wait(request));
	T_ASSERT((w.events & POLLERR) != 0);
	T_OK(close(fds[1]));
	fx_close(context);
}

static void
a_socket(void)
{
	ferry_context context = st_open();
	struct polling p = {.want = POLLIN, .timeout_ms = -1};
	struct polling both = {.want = POLLIN | POLLOUT, .timeout_ms = -1};
	ferry_request request;
	int fds[2];

	T_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	p.fd = both.fd = fds[0];
	timed_out(context, &p);
	got(start_polling(context, &both), &both, POLLOUT);
	request = start_polling(context, &p);
	put(fds[1]);
	got(request, &p, POLLIN);
	got(start_polling(context, &both), &both, POLLIN | POLLOUT);
	get(fds[0]);
	request = start_polling(context, &p);
	T_OK(shutdown(fds[1], SHUT_WR));
	got(request, &p, POLLIN); /* the end of the stream */
	T_OK(close(fds[1]));
	T_OK(st_run(context, poll_it, &p));
	T_ASSERT((p.events & POLLHUP) != 0);
	T_OK(close(fds[0]));
	fx_close(context);
}

static void
a_regular_file(void)
{
	ferry_context context = st_open();
	struct polling p = {.want = POLLIN, .timeout_ms = -1};

	p.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	T_GE(p.fd, 0);
	got(start_polling(context, &p), &p, POLLIN);
	p.timeout_ms = 0;
	T_OK(st_run(context, poll_it, &p));
	p.want = POLLIN | POLLOUT;
	T_OK(st_run(context, poll_it, &p));
	T_EQ(p.events, POLLIN | POLLOUT);
	p.want = POLLPRI;
	p.timeout_ms = -1;
	got(start_polling(context, &p), &p, POLLIN | POLLOUT);
	T_OK(close(p.fd));
	fx_close(context);
}

/* ---------------------------------------------------------------- together */

/* Two of one worker, one of another: one for the room, two for the bytes. */
static void
several_on_one_descriptor(void)
{
	ferry_context context = st_open(), other = st_open();
	struct polling p[3];
	ferry_request request[3];
	int fds[2];

	T_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	for (int i = 0; i < 3; i++) {
		p[i] = (struct polling){.fd = fds[0], .want = POLLIN,
		    .timeout_ms = -1};
		request[i] = start_polling(i == 2 ? other : context, &p[i]);
	}
	/* One goes; the others are not forgotten for it. */
	T_OK(ferry_request_cancel(request[0]));
	T_EQ(fx_wait(request[0]), FERRY_ECANCELED);
	T_EQ(p[0].events, 77);
	p[0].want = POLLOUT;
	got(start_polling(context, &p[0]), &p[0], POLLOUT);
	put(fds[1]);
	got(request[1], &p[1], POLLIN);
	got(request[2], &p[2], POLLIN);
	T_OK(close(fds[0]));
	T_OK(close(fds[1]));
	fx_close(context);
	fx_close(other);
}

/* Two strands hand a byte to and fro, by a poll each. */
struct player {
	int fd;
	int rounds;
};

static int
play(ferry_call call, void *arg)
{
	struct player *p = arg;
	uint32_t events;

	(void)call;
	for (int i = 0; i < p->rounds; i++) {
		T_OK(ferry_strand_poll(&events, p->fd, POLLIN, -1));
		T_EQ(events & POLLIN, POLLIN);
		get(p->fd);
		put(p->fd);
	}
	return FERRY_OK;
}

static void
to_and_fro(void)
{
	enum { PAIRS = 20, ROUNDS = 100 };
	ferry_context contexts[2] = {st_open(), st_open()};
	struct player p[2 * PAIRS];
	ferry_request request[2 * PAIRS];
	int fds[2 * PAIRS];

	for (int i = 0; i < 2 * PAIRS; i += 2)
		T_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, &fds[i]));
	for (int i = 0; i < 2 * PAIRS; i++) {
		p[i] = (struct player){fds[i], ROUNDS};
		request[i] = st_spawn(contexts[i / 2 % 2], play, &p[i]);
	}
	for (int i = 0; i < 2 * PAIRS; i += 2)
		put(fds[i]);
	for (int i = 0; i < 2 * PAIRS; i++)
		T_OK(fx_wait(request[i]));
	for (int i = 0; i < 2 * PAIRS; i++)
		T_OK(close(fds[i]));
	fx_close(contexts[0]);
	fx_close(contexts[1]);
}

/* -------------------------------------------------------------------- races */

static int
sleep_and_put(ferry_call call, void *arg)
{
	(void)call;
	T_OK(ferry_strand_sleep(1));
	put(((struct polling *)arg)->fd);
	return FERRY_OK;
}

/* Timeouts against readiness: what is said to be there is there, and who was
 * too late finds it the next time. */
static void
timeouts_race_readiness(void)
{
	enum { N = 200 };
	static struct polling p[N], w[N];
	ferry_context context = st_open(), other = st_open();
	ferry_request request[N], writer[N];
	int fds[2], status;

	for (int i = 0; i < N; i++) {
		T_OK(pipe(fds));
		p[i] = (struct polling){.fd = fds[0], .want = POLLIN,
		    .timeout_ms = 1};
		w[i] = (struct polling){.fd = fds[1]};
		request[i] = st_spawn(context, poll_it, &p[i]);
		writer[i] = st_spawn(
		    i % 2 ? context : other, sleep_and_put, &w[i]);
	}
	for (int i = 0; i < N; i++) {
		status = fx_wait(request[i]);
		if (status == FERRY_OK) {
			T_EQ(p[i].events, POLLIN);
		} else {
			T_EQ(status, FERRY_ETIMEDOUT);
			T_EQ(p[i].events, 77);
		}
		T_OK(fx_wait(writer[i]));
		p[i].timeout_ms = -1;
		T_OK(st_run(context, poll_it, &p[i]));
		T_EQ(p[i].events, POLLIN);
		T_OK(close(p[i].fd));
		T_OK(close(w[i].fd));
	}
	fx_close(context);
	fx_close(other);
}

/* Cancels against readiness. */
static void
cancels_race_readiness(void)
{
	ferry_context context = st_open();
	int fds[2], status, n[2] = {0};

	T_OK(pipe(fds));
	for (int i = 0; i < 300; i++) {
		struct polling p = {.fd = fds[0], .want = POLLIN,
		    .timeout_ms = -1};
		ferry_request request = start_polling(context, &p);

		if (i % 3 == 0)
			ferry_request_cancel(request);
		put(fds[1]);
		if (i % 3 != 0)
			ferry_request_cancel(request);
		status = fx_wait(request);
		T_ASSERT(status == FERRY_OK || status == FERRY_ECANCELED);
		T_EQ(p.events, status == FERRY_OK ? POLLIN : 77);
		n[status == FERRY_OK]++;
		get(fds[0]);
	}
	T_GT(n[0], 0);
	st_counts(context, (uint64_t)n[1], 0, (uint64_t)n[0], 0);
	T_OK(close(fds[0]));
	T_OK(close(fds[1]));
	fx_close(context);
}

/* The number is another file's by the time of the next wait. */
static void
a_number_used_again(void)
{
	ferry_context context = st_open();
	struct polling p = {.want = POLLIN, .timeout_ms = -1};
	ferry_request request;
	int a[2], b[2];

	for (int i = 0; i < 20; i++) {
		T_OK(pipe(a));
		p.fd = a[0];
		request = start_polling(context, &p);
		T_OK(ferry_request_cancel(request));
		T_EQ(fx_wait(request), FERRY_ECANCELED);
		/* At once: another thread may open something. */
		T_OK(pipe(b));
		T_EQ(dup2(b[0], a[0]), a[0]);
		T_OK(close(b[0]));
		request = start_polling(context, &p);
		put(b[1]);
		got(request, &p, POLLIN);
		T_OK(close(a[0]));
		T_OK(close(a[1]));
		T_OK(close(b[1]));
	}
	fx_close(context);
}

T_MAIN(
	T_RUN(a_pipe);
	T_RUN(a_pipe_to_be_written);
	T_RUN(a_socket);
	T_RUN(a_regular_file);
	T_RUN(several_on_one_descriptor);
	T_RUN(to_and_fro);
	T_RUN(timeouts_race_readiness);
	T_RUN(cancels_race_readiness);
	T_RUN(a_number_used_again);
)
