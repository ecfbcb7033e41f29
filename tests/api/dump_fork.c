/*
 * Dumps and forks: a child inherits the action, and neither the thread nor the
 * bell. There the handler only calls the one that was there before; what the
 * child asks for itself is its own.
 */
#include <poll.h>

#include "dumped.h"
#include "forking.h"
#include "proc.h"

static atomic_int former_calls;

static void
former(int signo)
{
	T_EQ(signo, SIGUSR1);
	atomic_fetch_add(&former_calls, 1);
}

static int
dumps_in(int file)
{
	char *text = dump_text(file);
	int n = dump_count(text, "ferry: end of dump, contexts: ");

	free(text);
	return n;
}

/* ---- the parent's bell ---- */

static uint64_t
descriptors(void)
{
	uint64_t set = 0;

	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			set |= UINT64_C(1) << fd;
	return set;
}

/* A parent that is stuck in a dump, so that its bell stays rung, if somebody
 * rings it. For a second: a child that takes longer sees less. */
static struct {
	ferry_context contexts[20];
	int ends[2];
	int bell;
} stuck;

enum { N_STUCK = sizeof stuck.contexts / sizeof *stuck.contexts };

static void
get_stuck(void)
{
	ferry_context_options o = fx_context_options();
	struct pollfd some;
	uint64_t before;

	T_OK(pipe2(stuck.ends, O_CLOEXEC));
	T_GE(fcntl(stuck.ends[1], F_SETPIPE_SZ, 4096), 4096);
	T_ASSERT(signal(SIGUSR1, former) != SIG_ERR);
	/* With no context open: a watcher may have a file open. */
	before = descriptors();
	T_OK(ferry_dump_on_signal(SIGUSR1, stuck.ends[1]));
	stuck.bell = __builtin_ctzll(descriptors() & ~before);
	o.worker_key = "stuck";
	for (int i = 0; i < N_STUCK; i++)
		stuck.contexts[i] = fx_open_with(&o);
	T_OK(raise(SIGUSR1));
	some = (struct pollfd){.fd = stuck.ends[0], .events = POLLIN};
	T_EQ(poll(&some, 1, FX_LIMIT_MS), 1);
	atomic_store(&former_calls, 0);
}

static void
get_loose(void)
{
	close(stuck.ends[0]); /* which ends the dump */
	T_OK(ferry_dump_on_signal(0, 0));
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == former);
	close(stuck.ends[1]);
	for (int i = 0; i < N_STUCK; i++)
		fx_close(stuck.contexts[i]);
}

/* Also a child that has not entered Ferry, which it does in between. */
static void
get_signals(void *unused)
{
	(void)unused;
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&former_calls), 1);
	T_EQ(t_bell_holds(stuck.bell), 0);
	T_EQ(ferry_request_cancel(stuck.contexts[0]), FERRY_EINVAL);
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&former_calls), 2);
	T_EQ(t_bell_holds(stuck.bell), 0);
	/* There is nothing to switch off, and nothing to wait for. */
	T_OK(ferry_dump_on_signal(0, 0));
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&former_calls), 3);
	T_EQ(t_bell_holds(stuck.bell), 0);
}

static void
the_bell_is_the_parents(void)
{
	get_stuck();
	fx_in_child(get_signals, NULL);
	T_EQ(atomic_load(&former_calls), 0);
	get_loose();
}

/* ---- what a child may have ---- */

static void
dump_in_child(void *unused)
{
	char *text = dump_now(), process[64];

	(void)unused;
	dump_is_whole(text, 0);
	snprintf(process, sizeof process, ": dump of process %d,",
	    (int)getpid());
	dump_has(text, process);
	free(text);
}

static void
a_dump_of_its_own(void)
{
	ferry_context context = fx_open();
	char *text;

	fx_in_child(dump_in_child, NULL);
	text = dump_now();
	dump_is_whole(text, 1);
	free(text);
	fx_close(context);
}

/* The parent's thread holds what it holds at the fork, for ever. */
static void
ask_in_child(void *unused)
{
	int file = dump_file();
	ferry_context context;

	(void)unused;
	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	context = fx_open();
	for (int i = 1; i <= 3; i++) {
		T_OK(raise(SIGUSR1));
		T_EQ(atomic_load(&former_calls), i);
		T_WAIT_UNTIL(dumps_in(file) >= i, FX_LIMIT_MS);
		T_EQ(dumps_in(file), i);
	}
	T_EQ(t_bell_holds(stuck.bell), 0);
	fx_close(context);
	T_OK(ferry_dump_on_signal(0, 0));
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == former);
	close(file);
}

static void
a_signal_of_its_own(void)
{
	int file = dump_file();

	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	get_stuck();
	fx_in_child(ask_in_child, NULL);
	/* The parent's is as it was. */
	close(stuck.ends[0]);
	T_OK(ferry_dump_on_signal(SIGUSR1, file));
	T_OK(raise(SIGUSR1));
	T_WAIT_UNTIL(dumps_in(file) >= 1, FX_LIMIT_MS);
	T_EQ(atomic_load(&former_calls), 1);
	stuck.ends[0] = dup(file);
	get_loose();
	close(file);
}

T_MAIN(
	T_RUN(the_bell_is_the_parents);
	T_RUN(a_dump_of_its_own);
	T_RUN(a_signal_of_its_own);
)
