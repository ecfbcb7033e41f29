/*
 * ferry_dump(): what it says of every context, at rest, wedged, and while
 * contexts come and go; and descriptors of every kind.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "dumped.h"
#include "watched.h"

/* ---- what it says ---- */

static void
of_nothing(void)
{
	char *text = dump_now(), process[64];

	dump_is_whole(text, 0);
	snprintf(process, sizeof process, "ferry %d.%d.%d: dump of process %d,",
	    FERRY_VERSION_MAJOR, FERRY_VERSION_MINOR, FERRY_VERSION_PATCH,
	    (int)getpid());
	T_EQ(strncmp(text, process, strlen(process)), 0);
	free(text);
}

/* All that the counters say, and in the right place. */
static void
says_the_counters(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	int status = 3;
	ferry_request held, queued;
	char *text, *part;

	for (int i = 0; i < 5; i++)
		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
	for (int i = 0; i < 2; i++)
		T_EQ(fx_wait(fx_submit(context, FX_STATUS, &status,
		    sizeof status, NULL)), 3);
	held = fx_hold(context, &gate);
	queued = fx_submit(context, FX_NOP, NULL, 0, NULL);
	T_OK(ferry_request_cancel(fx_submit(context, FX_NOP, NULL, 0, NULL)));
	text = dump_now();
	dump_is_whole(text, 1);
	part = dump_of(text, context);
	dump_has(part, ", library \"fixture\"\n");
	dump_has(part, "requests: 10 submitted, 0 refused, 1 queued, "
	    "8 started, 1 running\n");
	dump_has(part, "not started: 1 canceled, 0 deadline, 0 closed\n");
	dump_has(part, "ended: 5 ok, 2 error, 0 canceled, 0 lost, 0 closed, "
	    "0 late, 0 discarded\n");
	dump_has(part, "events: 0 emitted, ");
	dump_has(part, "\n  0 handles open, ");
	free(text);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), 0);
	T_EQ(fx_wait(queued), 0);
	fx_close(context);
}

static void
says_the_call_in_hand(const char *part, ferry_request request)
{
	char call[128];

	snprintf(call, sizeof call, "    request %#jx, method %d \"gate\", "
	    "for ", (uintmax_t)request, FX_GATE);
	dump_has(part, ": busy, level wedged, beat ");
	dump_has(part, call);
}

/* Every FFI thread is in a call that does not return. */
static void
says_who_is_wedged(void)
{
	enum { N = 3 };
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context contexts[N];
	ferry_request held[N];
	char *text;

	for (int i = 0; i < N; i++) {
		contexts[i] = open_watched();
		held[i] = fx_hold(contexts[i], &gate);
	}
	for (int i = 0; i < N; i++)
		T_WAIT_UNTIL(health(contexts[i]).level == FERRY_LEVEL_WEDGED,
		    FX_LIMIT_MS);
	for (int i = 0; i < N; i++) {
		text = dump_now();
		dump_is_whole(text, N);
		says_the_call_in_hand(dump_of(text, contexts[i]), held[i]);
		free(text);
	}
	fx_gate_open(&gate);
	for (int i = 0; i < N; i++) {
		T_EQ(fx_wait(held[i]), 0);
		fx_close(contexts[i]);
	}
}

static void
in_gate(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	fx_gate_pass(user);
}

static void
says_who_is_in_a_listener(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context context = fx_open();
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = in_gate, .user = &gate,
	    .name = "in a gate"};
	ferry_listener listener;
	char *text, *part, line[128];

	T_OK(ferry_listener_add(&listener, context, &o));
	T_OK(ferry_context_emit(context, FX_TICK, "x", 1));
	fx_gate_await(&gate, 1);
	text = dump_now();
	part = dump_of(text, context);
	snprintf(line, sizeof line, "    listener %#jx \"in a gate\", for ",
	    (uintmax_t)listener);
	dump_has(part, ": in a listener, looked ");
	dump_has(part, line);
	free(text);
	fx_gate_open(&gate);
	fx_close(context);
}

static int
dump_here(ferry_call call, void *arg)
{
	(void)call;
	*(char **)arg = dump_now();
	return FERRY_OK;
}

static void
from_a_handler(void)
{
	ferry_context context = fx_open();
	char *text;

	T_OK(fx_do_wait(context, dump_here, &text));
	dump_is_whole(text, 1);
	dump_has(dump_of(text, context), ", method 5 \"do\", for ");
	free(text);
	fx_close(context);
}

/* ---- while contexts come and go ---- */

static atomic_int ended;

static void *
come_and_go(void *unused)
{
	ferry_context_options o = fx_context_options();

	(void)unused;
	while (!atomic_load(&ended)) {
		ferry_context context = fx_open_with(&o);

		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
		fx_close(context);
	}
	return NULL;
}

static void
while_contexts_come_and_go(void)
{
	enum { N = 3, DUMPS = 300 };
	ferry_context context = fx_open();
	int most = 0, least = N + 1;
	pthread_t threads[N];

	atomic_store(&ended, 0);
	for (int i = 0; i < N; i++)
		threads[i] = t_thread_start(come_and_go, NULL);
	for (int i = 0; i < DUMPS || most < 2; i++) {
		char *text = dump_now();
		int n = dump_count(text, "\ncontext 0x");

		most = n > most ? n : most;
		least = n < least ? n : least;
		T_LE(n, N + 1);
		dump_is_whole(text, n);
		dump_of(text, context);
		free(text);
	}
	atomic_store(&ended, 1);
	for (int i = 0; i < N; i++)
		t_thread_join(threads[i]);
	T_GE(least, 1);
	fx_close(context);
}

/* ---- descriptors ---- */

static void
refused_are_untouched(void)
{
	int ends[2], closed = dump_file(), file = dump_file(), readable;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	T_GE(readable, 0);
	T_OK(pipe(ends));
	close(closed);
	T_EQ(ferry_dump(-1), FERRY_EINVAL);
	T_EQ(ferry_dump(INT32_MAX), FERRY_EINVAL);
	T_EQ(ferry_dump(closed), FERRY_EINVAL);
	T_EQ(ferry_dump(readable), FERRY_EINVAL);
	T_EQ(ferry_dump(ends[0]), FERRY_EINVAL);
	T_EQ(lseek(file, 0, SEEK_END), 0);
	close(ends[0]);
	close(ends[1]);
	close(readable);
	close(file);
}

/* Many contexts, so that a dump is more than a pipe holds at once. */
enum { MANY = 40 };

static void
open_many(ferry_context *contexts)
{
	ferry_context_options o = fx_context_options();

	o.worker_key = "many";
	for (int i = 0; i < MANY; i++)
		contexts[i] = fx_open_with(&o);
}

static void
close_many(ferry_context *contexts)
{
	for (int i = 0; i < MANY; i++)
		fx_close(contexts[i]);
}

static void
small_pipe(int *ends, int flags)
{
	T_OK(pipe2(ends, O_CLOEXEC | flags));
	T_GE(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
}

static void
small_socket(int *ends, int flags)
{
	int bytes = 4096;

	T_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	T_OK(setsockopt(
	    ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes));
	T_OK(fcntl(ends[1], F_SETFL, flags));
}

/* A pipe that nobody empties: blocking or not, it is given up. */
static void
full_is_given_up(void)
{
	static const int flags[] = {0, O_NONBLOCK};
	ferry_context contexts[MANY];
	int ends[2];

	open_many(contexts);
	for (size_t i = 0; i < 2; i++) {
		uint64_t before = t_now_ns();

		small_pipe(ends, flags[i]);
		T_EQ(ferry_dump(ends[1]), FERRY_ETIMEDOUT);
		T_GE(t_now_ns() - before, 1000000000);
		T_LT(t_now_ns() - before,
		    UINT64_C(3000000000) * (unsigned)t_slow());
		close(ends[0]);
		close(ends[1]);
	}
	close_many(contexts);
}

/* For how long, at the most, a reader took less than a few pages: a writer that
 * gets rid of nothing for a second gives up, and may. */
static struct {
	uint64_t began_ns;
	uint64_t at_ns[8]; /* of the last eight pieces */
	uint64_t longest_ns;
} reading;

enum { PIECE = 2048 };

static void
note_piece(size_t i)
{
	uint64_t now = t_now_ns();
	uint64_t then = i < 8 ? reading.began_ns : reading.at_ns[i % 8];

	if (now - then > reading.longest_ns)
		reading.longest_ns = now - then;
	reading.at_ns[i % 8] = now;
}

/* Reads all there is, in small pieces. */
static void *
read_slowly(void *arg)
{
	char *text = calloc(1, DUMP_MOST + 1);
	size_t size = 0;
	ssize_t n;

	T_ASSERT(text != NULL);
	while ((n = read(*(int *)arg, text + size, 61)) > 0) {
		if ((size + (size_t)n) / PIECE != size / PIECE)
			note_piece(size / PIECE);
		size += (size_t)n;
	}
	T_EQ(n, 0);
	note_piece(size / PIECE);
	return text;
}

/* A dump to somebody who reads slowly is whole: unless that was so slow, on a
 * machine that is, that it was right to give it up. */
static void
dump_to_slow(int *ends)
{
	sigset_t alarm, before;
	pthread_t reader;
	char *text;
	int r;

	reading.longest_ns = 0;
	reading.began_ns = t_now_ns();
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	T_OK(pthread_sigmask(SIG_BLOCK, &alarm, &before));
	reader = t_thread_start(read_slowly, &ends[0]);
	T_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	r = ferry_dump(ends[1]);
	close(ends[1]);
	text = t_thread_join(reader);
	close(ends[0]);
	if (r == FERRY_ETIMEDOUT && reading.longest_ns >= 1000000000) {
		dprintf(1, "  (too slow to tell: %ju ms)\n",
		    (uintmax_t)reading.longest_ns / 1000000);
	} else {
		T_OK(r);
		T_GT(strlen(text), 8192);
		dump_is_whole(text, MANY);
	}
	free(text);
}

static void
slow_readers_get_all(void)
{
	ferry_context contexts[MANY];
	int ends[2];

	open_many(contexts);
	for (int i = 0; i < 4; i++) {
		if (i < 2)
			small_pipe(ends, i == 0 ? 0 : O_NONBLOCK);
		else
			small_socket(ends, i == 2 ? 0 : O_NONBLOCK);
		T_OK(fcntl(ends[0], F_SETFL, 0)); /* the reader waits */
		dump_to_slow(ends);
	}
	close_many(contexts);
}

static atomic_int alarms;

static void
on_alarm(int signo)
{
	(void)signo;
	atomic_fetch_add(&alarms, 1);
}

/* Signals that interrupt every call, and often. */
static void
signals_do_not_end_it(void)
{
	struct sigaction a = {.sa_handler = on_alarm};
	struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
	ferry_context contexts[MANY];

	open_many(contexts);
	T_OK(sigaction(SIGALRM, &a, NULL));
	T_OK(setitimer(ITIMER_REAL, &often, NULL));
	while (atomic_load(&alarms) < 50) {
		int ends[2];

		small_pipe(ends, 0);
		dump_to_slow(ends);
	}
	/* One may be on its way: the handler stays. */
	T_OK(setitimer(ITIMER_REAL, &never, NULL));
	close_many(contexts);
}

static int
is_pending(int signo)
{
	sigset_t set;

	T_OK(sigpending(&set));
	return sigismember(&set, signo);
}

/* The default action of SIGPIPE would end the process. */
static void
nobody_reads(void)
{
	sigset_t pipes, before, after;
	int ends[2], signo;

	T_OK(pipe(ends));
	close(ends[0]);
	T_ASSERT(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	T_EQ(ferry_dump(ends[1]), FERRY_ESYSTEM);
	T_OK(pthread_sigmask(SIG_BLOCK, NULL, &after));
	T_EQ(sigismember(&after, SIGPIPE), 0);
	/* Where it is blocked none is left, and one that was there stays. */
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	T_OK(pthread_sigmask(SIG_BLOCK, &pipes, &before));
	T_EQ(ferry_dump(ends[1]), FERRY_ESYSTEM);
	T_EQ(is_pending(SIGPIPE), 0);
	T_OK(raise(SIGPIPE));
	T_EQ(ferry_dump(ends[1]), FERRY_ESYSTEM);
	T_EQ(is_pending(SIGPIPE), 1);
	T_OK(sigwait(&pipes, &signo));
	T_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	/* And where it is ignored. */
	T_ASSERT(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	T_EQ(ferry_dump(ends[1]), FERRY_ESYSTEM);
	T_ASSERT(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	close(ends[1]);
}

static void
no_space(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		T_SKIP_CASE("there is no /dev/full");
	T_EQ(ferry_dump(fd), FERRY_ESYSTEM);
	close(fd);
}

T_MAIN(
	T_RUN(of_nothing);
	T_RUN(says_the_counters);
	T_RUN(says_who_is_wedged);
	T_RUN(says_who_is_in_a_listener);
	T_RUN(from_a_handler);
	T_RUN(while_contexts_come_and_go);
	T_RUN(refused_are_untouched);
	T_RUN(full_is_given_up);
	T_RUN(slow_readers_get_all);
	T_RUN(signals_do_not_end_it);
	T_RUN(nobody_reads);
	T_RUN(no_space);
)
