/*
 * ferry_dump_on_signal(): dumps while everything is wedged, what was there
 * before still called and back afterwards, and nothing of it in a process that
 * has not asked for it. Forked children are in dump_fork.c.
 */
#include <poll.h>
#include <sys/eventfd.h>

#include "dumped.h"
#include "proc.h"
#include "watched.h"

/* Whole dumps in the file so far; the last may be on its way. */
static int
dumps_in(int file)
{
	char *text = dump_text(file);
	int n = dump_count(text, "ferry: end of dump, contexts: ");

	free(text);
	return n;
}

static void
await_dumps(int file, int n)
{
	T_WAIT_UNTIL(dumps_in(file) >= n, FX_LIMIT_MS);
	T_EQ(dumps_in(file), n);
}

static int
descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- what it does ---- */

static void
every_worker_is_wedged(void)
{
	enum { N = 3 };
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context contexts[N];
	ferry_request held[N];
	int file = dump_file();
	char *text;

	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	T_WAIT_UNTIL(t_threads_called("ferry-dump") == 1, FX_LIMIT_MS);
	for (int i = 0; i < N; i++) {
		contexts[i] = open_watched();
		held[i] = fx_hold(contexts[i], &gate);
	}
	for (int i = 0; i < N; i++)
		T_WAIT_UNTIL(health(contexts[i]).level == FERRY_LEVEL_WEDGED,
		    FX_LIMIT_MS);
	T_OK(kill(getpid(), SIGUSR1));
	await_dumps(file, 1);
	text = dump_text(file);
	dump_is_whole(text, N);
	T_EQ(dump_count(text, ", on a signal, at "), 1);
	T_EQ(dump_count(text, " \"gate\", for "), N);
	free(text);
	T_OK(ferry_dump_on_signal(-1, -1));
	T_WAIT_UNTIL(t_threads_called("ferry-dump") == 0, FX_LIMIT_MS);
	fx_gate_open(&gate);
	for (int i = 0; i < N; i++) {
		T_EQ(fx_wait(held[i]), 0);
		fx_close(contexts[i]);
	}
	close(file);
	/* They read files, which are counted below. */
	T_WAIT_UNTIL(t_threads_called("ferry-unwind") == 0, FX_LIMIT_MS);
	T_WAIT_UNTIL(t_threads_called("ferry-loader") == 0, FX_LIMIT_MS);
}

static void
each_signal_is_seen(void)
{
	int file = dump_file();

	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	for (int i = 1; i <= 20; i++) {
		T_OK(raise(SIGUSR1));
		await_dumps(file, i);
	}
	T_OK(ferry_dump_on_signal(0, 0));
	close(file);
}

/* Blocked is blocked: it comes when that ends. */
static void
blocked_is_respected(void)
{
	int file = dump_file();
	sigset_t usr1;

	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	T_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	T_OK(raise(SIGUSR1));
	t_sleep_ms(FX_QUIET_MS);
	T_EQ(dumps_in(file), 0);
	T_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	await_dumps(file, 1);
	T_OK(ferry_dump_on_signal(0, 0));
	close(file);
}

/* ---- what was there before ---- */

static atomic_int plain_calls, info_calls;
static volatile int info_value;

static void
plain(int signo)
{
	T_EQ(signo, SIGUSR1);
	atomic_fetch_add(&plain_calls, 1);
	errno = EDOM;
}

static void
with_info(int signo, siginfo_t *info, void *ucontext)
{
	sigset_t blocked;

	T_EQ(signo, SIGUSR1);
	T_ASSERT(ucontext != NULL);
	T_OK(pthread_sigmask(SIG_BLOCK, NULL, &blocked));
	T_EQ(sigismember(&blocked, SIGUSR2), 1); /* as it had asked for */
	info_value = info->si_value.sival_int;
	atomic_fetch_add(&info_calls, 1);
}

static struct sigaction
action_of(int signo)
{
	struct sigaction a;

	T_OK(sigaction(signo, NULL, &a));
	return a;
}

/* A flag of the C library's own, in every action that it has set. */
#define SA_LIBC 0x04000000

static void
same_action(const struct sigaction *a, const struct sigaction *b)
{
	T_ASSERT(a->sa_handler == b->sa_handler);
	T_EQ((a->sa_flags ^ b->sa_flags) & ~SA_LIBC, 0);
	T_MEM(&a->sa_mask, &b->sa_mask, 8);
}

static void
plain_is_called(void)
{
	struct sigaction a = {.sa_handler = plain}, before, after;
	int file = dump_file();

	T_OK(sigaction(SIGUSR1, &a, NULL));
	before = action_of(SIGUSR1);
	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	/* Calls that it wanted interrupted are. */
	T_EQ(action_of(SIGUSR1).sa_flags & SA_RESTART, 0);
	errno = 0;
	T_OK(raise(SIGUSR1));
	if (!T_TSAN) /* which puts it back itself */
		T_EQ(errno, EDOM); /* its own doing, not Ferry's */
	T_EQ(atomic_load(&plain_calls), 1);
	await_dumps(file, 1);
	T_OK(ferry_dump_on_signal(0, 0));
	after = action_of(SIGUSR1);
	same_action(&before, &after);
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&plain_calls), 2);
	T_EQ(dumps_in(file), 1);
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == plain);
	close(file);
}

static void
info_is_handed_on(void)
{
	struct sigaction a = {
	    .sa_sigaction = with_info, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction before, after;
	int file = dump_file();

	sigaddset(&a.sa_mask, SIGUSR2);
	T_OK(sigaction(SIGUSR1, &a, NULL));
	before = action_of(SIGUSR1);
	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	T_EQ(action_of(SIGUSR1).sa_flags & SA_RESTART, SA_RESTART);
	T_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77}));
	T_WAIT_UNTIL(atomic_load(&info_calls) == 1, FX_LIMIT_MS);
	T_EQ(info_value, 77);
	await_dumps(file, 1);
	T_OK(ferry_dump_on_signal(0, 0));
	after = action_of(SIGUSR1);
	same_action(&before, &after);
	T_ASSERT(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
	close(file);
}

/* Ignored, or the end of the process: neither while it is on. */
static void
no_function_is_no_call(void)
{
	void (*const kinds[])(int) = {SIG_IGN, SIG_DFL};

	for (size_t i = 0; i < 4; i++) {
		struct sigaction action = {.sa_handler = kinds[i / 2],
		    .sa_flags = i % 2 != 0 ? SA_SIGINFO : 0};
		int file = dump_file();

		/* That it would get the information is no function either. */
		T_OK(sigaction(SIGUSR1, &action, NULL));
		T_OK(ferry_dump_on_signal(SIGUSR1, file));
		errno = ERANGE;
		T_OK(raise(SIGUSR1));
		T_EQ(errno, ERANGE);
		await_dumps(file, 1);
		T_OK(ferry_dump_on_signal(0, 0));
		T_ASSERT(action_of(SIGUSR1).sa_handler == kinds[i / 2]);
		close(file);
	}
	T_ASSERT(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
}

/* ---- again, elsewhere, off ---- */

static void
another_descriptor(void)
{
	int one = dump_file(), other = dump_file();

	T_OK(ferry_dump_on_signal(SIGUSR1, one));
	T_OK(raise(SIGUSR1));
	await_dumps(one, 1);
	T_OK(ferry_dump_on_signal(SIGUSR1, other));
	T_OK(raise(SIGUSR1));
	await_dumps(other, 1);
	T_EQ(dumps_in(one), 1);
	T_OK(ferry_dump_on_signal(0, 0));
	close(one);
	close(other);
}

static void
another_signal(void)
{
	struct sigaction before = action_of(SIGUSR1), after;
	int file = dump_file();

	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	T_OK(ferry_dump_on_signal(SIGUSR2, file));
	after = action_of(SIGUSR1);
	same_action(&before, &after);
	T_OK(raise(SIGUSR2));
	await_dumps(file, 1);
	T_OK(ferry_dump_on_signal(0, 0));
	T_ASSERT(action_of(SIGUSR2).sa_handler == SIG_DFL);
	close(file);
}

static void
nothing_is_left(void)
{
	struct sigaction before = action_of(SIGUSR1), after;
	int file = dump_file(), open_before = descriptors();

	T_OK(ferry_dump_on_signal(0, 0)); /* off already */
	for (int i = 0; i < 20; i++) {
		T_OK(ferry_dump_on_signal(SIGUSR1, file));
		T_OK(ferry_dump_on_signal(i % 2 ? 0 : -1, file));
		T_OK(ferry_dump_on_signal(0, 0));
	}
	T_EQ(descriptors(), open_before);
	T_WAIT_UNTIL(t_threads_called("ferry-dump") == 0, FX_LIMIT_MS);
	after = action_of(SIGUSR1);
	same_action(&before, &after);
	T_EQ(dumps_in(file), 0);
	close(file);
}

/* A handler that was set over Ferry's: it stays, may call Ferry's or not. */
static void
set_over(void)
{
	struct sigaction ferrys;
	int file = dump_file();

	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	ferrys = action_of(SIGUSR1);
	T_ASSERT(signal(SIGUSR1, plain) != SIG_ERR);
	T_EQ(ferry_dump_on_signal(SIGUSR1, file), FERRY_EBUSY);
	T_OK(ferry_dump_on_signal(0, 0));
	T_ASSERT(action_of(SIGUSR1).sa_handler == plain);
	ferrys.sa_sigaction(SIGUSR1, NULL, NULL); /* calls nobody */
	t_sleep_ms(FX_QUIET_MS);
	T_EQ(dumps_in(file), 0);
	T_EQ(ferry_dump_on_signal(SIGUSR1, file), FERRY_EBUSY);
	/* No function is no caller of Ferry's. */
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == plain);
	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	T_OK(raise(SIGUSR1));
	await_dumps(file, 1);
	T_OK(ferry_dump_on_signal(0, 0));
	close(file);
}

/* What became of a dump is told by the next: nobody else could be. The first
 * is in the middle when its reader goes. */
static void
failure_is_told(void)
{
	enum { MANY = 20 };
	ferry_context_options o = fx_context_options();
	ferry_context contexts[MANY];
	int ends[2], file = dump_file(), in_time;
	struct pollfd some;
	uint64_t began;
	char *text;

	o.worker_key = "many";
	for (int i = 0; i < MANY; i++)
		contexts[i] = fx_open_with(&o);
	T_OK(pipe(ends));
	T_GE(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	T_OK(ferry_dump_on_signal(SIGUSR1, ends[1]));
	began = t_now_ns();
	T_OK(raise(SIGUSR1));
	some = (struct pollfd){.fd = ends[0], .events = POLLIN};
	T_EQ(poll(&some, 1, FX_LIMIT_MS), 1);
	close(ends[0]);
	/* It would have been given up after a second. */
	in_time = t_now_ns() - began < 1000000000;
	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	T_OK(raise(SIGUSR1));
	await_dumps(file, 1);
	T_OK(raise(SIGUSR1));
	await_dumps(file, 2);
	text = dump_text(file);
	T_EQ(dump_count(text, "\nthe one before: FERRY_ESYSTEM\n") +
	    (in_time ? 0 : dump_count(text,
	        "\nthe one before: FERRY_ETIMEDOUT\n")), 1);
	T_EQ(dump_count(text, "\nthe one before: "), 1);
	free(text);
	T_OK(ferry_dump_on_signal(0, 0));
	close(ends[1]);
	close(file);
	for (int i = 0; i < MANY; i++)
		fx_close(contexts[i]);
}

/* ---- refusals ---- */

static int
on_in_handler(ferry_call call, void *arg)
{
	(void)call;
	return ferry_dump_on_signal(SIGUSR1, *(int *)arg);
}

static void
refused_changes_nothing(void)
{
	static const int wrong[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
	    SIGILL, SIGTRAP, SIGABRT, SIGSYS, -2, 65, 9999, INT32_MAX,
	    INT32_MIN};
	int file = dump_file(), before, ends[2];
	ferry_context context;

	T_OK(pipe(ends));
	/* With no context open: a watcher may have a file open for a moment. */
	before = descriptors();
	for (int on = 0; on < 2; on++) {
		for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
			T_EQ(ferry_dump_on_signal(wrong[i], file),
			    FERRY_EINVAL);
		T_EQ(ferry_dump_on_signal(SIGUSR2, -1), FERRY_EINVAL);
		T_EQ(ferry_dump_on_signal(SIGUSR2, ends[0]), FERRY_EINVAL);
		context = fx_open();
		T_EQ(fx_do_wait(context, on_in_handler, &file),
		    FERRY_EREENTRANT);
		fx_close(context);
		T_ASSERT(action_of(SIGUSR2).sa_handler == SIG_DFL);
		T_WAIT_UNTIL(t_threads_called("ferry-dump") == on, FX_LIMIT_MS);
		if (on)
			break;
		T_EQ(descriptors(), before);
		T_OK(ferry_dump_on_signal(SIGUSR1, file));
		T_WAIT_UNTIL(t_threads_called("ferry-dump") == 1, FX_LIMIT_MS);
	}
	T_OK(raise(SIGUSR1));
	await_dumps(file, 1);
	T_OK(ferry_dump_on_signal(0, 0));
	T_EQ(descriptors(), before);
	close(file);
	close(ends[0]);
	close(ends[1]);
}

/* ---- on and off under fire ---- */

static atomic_int ceasefire;

static void *
fire(void *unused)
{
	(void)unused;
	while (!atomic_load(&ceasefire))
		pthread_kill(pthread_self(), SIGUSR1);
	return NULL;
}

static void
ignore(int signo)
{
	(void)signo;
}

/* A handler that rings when all is over would ring what has come after the
 * bell under its number. */
static void
off_under_fire(void)
{
	enum { N = 2, ROUNDS = 100 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), decoys[4];
	pthread_t shooters[N];
	uint64_t until;

	T_GE(null, 0);
	T_ASSERT(signal(SIGUSR1, ignore) != SIG_ERR);
	atomic_store(&ceasefire, 0);
	for (int i = 0; i < N; i++)
		shooters[i] = t_thread_start(fire, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		T_OK(ferry_dump_on_signal(SIGUSR1, null));
		T_OK(ferry_dump_on_signal(0, 0));
		for (int k = 0; k < 4; k++)
			decoys[k] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		/* Time for one that is late; on a busy machine a yield is. */
		until = t_now_ns() + 1000000;
		for (int k = 0; k < 20 && t_now_ns() < until; k++)
			sched_yield();
		for (int k = 0; k < 4; k++) {
			uint64_t count;

			T_EQ(read(decoys[k], &count, sizeof count), -1);
			T_EQ(errno, EAGAIN);
			close(decoys[k]);
		}
	}
	atomic_store(&ceasefire, 1);
	for (int i = 0; i < N; i++)
		t_thread_join(shooters[i]);
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == ignore);
	close(null);
}

T_MAIN(
	T_RUN(every_worker_is_wedged);
	T_RUN(each_signal_is_seen);
	T_RUN(blocked_is_respected);
	T_RUN(plain_is_called);
	T_RUN(info_is_handed_on);
	T_RUN(no_function_is_no_call);
	T_RUN(another_descriptor);
	T_RUN(another_signal);
	T_RUN(nothing_is_left);
	T_RUN(set_over);
	T_RUN(failure_is_told);
	T_RUN(refused_changes_nothing);
	T_RUN(off_under_fire);
)
