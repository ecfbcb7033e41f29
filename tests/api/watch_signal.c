/*
 * ferry_watch_signal(): which threads take the signal, what is called when it
 * is not the watcher's, and what is there afterwards.
 */
#include <signal.h>

#include "forking.h"
#include "watched.h"

static atomic_int calls;

static void
former(int signo)
{
	T_EQ(signo, SIGUSR1);
	atomic_fetch_add(&calls, 1);
}

static void
is_default(int signo)
{
	struct sigaction a;

	T_OK(sigaction(signo, NULL, &a));
	T_EQ(a.sa_flags & SA_SIGINFO, 0);
	T_ASSERT(a.sa_handler == SIG_DFL);
}

/* ---- on an FFI thread ---- */

struct seen {
	uint32_t tid;
	int usr1, usr2, term; /* blocked */
	int again;            /* what the function says there */
};

static int
see(ferry_call call, void *arg)
{
	struct seen *s = arg;
	sigset_t set;

	(void)call;
	T_OK(pthread_sigmask(SIG_BLOCK, NULL, &set));
	s->tid = fx_tid();
	s->usr1 = sigismember(&set, SIGUSR1);
	s->usr2 = sigismember(&set, SIGUSR2);
	s->term = sigismember(&set, SIGTERM);
	s->again = ferry_watch_signal(SIGUSR2);
	return FERRY_OK;
}

/* After it has slept. */
static struct seen
seen_by(ferry_context context)
{
	struct seen s;

	T_OK(fx_do_wait(context, see, &s));
	T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IDLE, FX_LIMIT_MS);
	T_OK(fx_do_wait(context, see, &s));
	T_EQ(s.again, FERRY_EREENTRANT);
	T_EQ(s.term, 1);
	return s;
}

static int
init(void **state, const void *arg, char *text, size_t size,
    ferry_context context)
{
	sigset_t set;

	(void)state;
	(void)text;
	(void)size;
	(void)context;
	T_OK(pthread_sigmask(SIG_BLOCK, NULL, &set));
	*(int *)(uintptr_t)arg = sigismember(&set, SIGUSR1);
	return FERRY_OK;
}

/* From their start: they need not have slept before. */
static void
new_threads_take_it(void)
{
	static const ferry_method nop = {
	    .struct_size = sizeof nop, .name = "nop", .handler = fx_nop};
	ferry_library_options l = {.struct_size = sizeof l, .name = "init",
	    .methods = &nop, .n_methods = 1, .init = init};
	ferry_context_options o = fx_context_options();
	int blocked = 2;

	T_OK(ferry_watch_signal(SIGUSR1));
	T_OK(ferry_library_open(&o.library, &l));
	o.init_arg = &blocked;
	fx_close(fx_open_with(&o));
	T_EQ(blocked, 0);
	T_OK(ferry_library_close(o.library));
	T_OK(ferry_watch_signal(0));
}

/* Those that are there, those that come, and back again. */
static void
ffi_threads_take_it(void)
{
	ferry_context early = fx_open(), late;
	struct seen s;

	s = seen_by(early);
	T_EQ(s.usr1, 1);
	T_OK(ferry_watch_signal(SIGUSR1));
	late = fx_open();
	T_OK(fx_do_wait(late, see, &s));
	T_EQ(s.usr1, 0);
	s = seen_by(early);
	T_EQ(s.usr1, 0);
	T_EQ(s.usr2, 1);
	T_OK(ferry_watch_signal(SIGUSR2));
	is_default(SIGUSR1);
	s = seen_by(late);
	T_EQ(s.usr1, 1);
	T_EQ(s.usr2, 0);
	T_OK(ferry_watch_signal(0));
	is_default(SIGUSR2);
	s = seen_by(early);
	T_EQ(s.usr2, 1);
	fx_close(early);
	fx_close(late);
}

static int
raise_there(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	T_OK(pthread_kill(pthread_self(), SIGUSR1));
	return FERRY_OK;
}

/* ---- what was there before ---- */

static void
a_strangers_signal(void)
{
	union sigval value = {.sival_int = 7};
	struct sigaction a = {.sa_handler = former};
	ferry_context context;

	T_OK(sigaction(SIGUSR1, &a, NULL));
	T_OK(ferry_watch_signal(SIGUSR1));
	context = fx_open();
	atomic_store(&calls, 0);
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 1);
	T_OK(pthread_sigqueue(pthread_self(), SIGUSR1, value));
	T_WAIT_UNTIL(atomic_load(&calls) == 2, FX_LIMIT_MS); /* Valgrind's */
	T_OK(fx_do_wait(context, raise_there, NULL));
	T_EQ(atomic_load(&calls), 3);
	fx_close(context);
	T_OK(ferry_watch_signal(0));
	T_OK(sigaction(SIGUSR1, NULL, &a));
	T_ASSERT(a.sa_handler == former);
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 4);
	signal(SIGUSR1, SIG_DFL);
}

/* What would have ended the process does nothing: there is no function. */
static void
no_function_is_no_call(void)
{
	T_OK(ferry_watch_signal(SIGUSR1));
	T_OK(raise(SIGUSR1));
	T_OK(ferry_watch_signal(0));
	is_default(SIGUSR1);
}

static void
set_over(void)
{
	T_OK(ferry_watch_signal(SIGUSR1));
	signal(SIGUSR1, former);
	T_EQ(ferry_watch_signal(SIGUSR1), FERRY_EBUSY);
	T_OK(ferry_watch_signal(0));
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == former);
	T_OK(ferry_watch_signal(SIGUSR1));
	T_OK(ferry_watch_signal(0));
}

/* One signal for both: the one over the other, and off in any order. */
static void
beside_dumps(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	T_GE(null, 0);
	signal(SIGUSR1, former);
	atomic_store(&calls, 0);
	T_OK(ferry_dump_on_signal(SIGUSR1, null));
	T_OK(ferry_watch_signal(SIGUSR1));
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 1);
	T_OK(ferry_dump_on_signal(0, 0));
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 2);
	T_OK(ferry_watch_signal(0));
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 3);
	T_OK(ferry_dump_on_signal(SIGUSR1, null));
	T_OK(ferry_dump_on_signal(0, 0));
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == former);
	close(null);
}

static void
refused(void)
{
	static const int not[] = {-1, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
	    SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, 4096};

	for (size_t i = 0; i < sizeof not / sizeof not[0]; i++)
		T_EQ(ferry_watch_signal(not[i]), FERRY_EINVAL);
	T_OK(ferry_watch_signal(0));
}

/* ---- forks ---- */

static void
in_child(void *unused)
{
	struct sigaction a;

	(void)unused;
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 1);
	T_OK(ferry_watch_signal(SIGUSR1));
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 2);
	T_OK(ferry_watch_signal(0));
	T_OK(sigaction(SIGUSR1, NULL, &a));
	T_ASSERT(a.sa_handler == former);
}

static void
a_child(void)
{
	signal(SIGUSR1, former);
	atomic_store(&calls, 0);
	T_OK(ferry_watch_signal(SIGUSR1));
	fx_in_child(in_child, NULL);
	T_EQ(atomic_load(&calls), 0);
	T_OK(raise(SIGUSR1));
	T_EQ(atomic_load(&calls), 1);
	T_OK(ferry_watch_signal(0));
	T_ASSERT(signal(SIGUSR1, SIG_DFL) == former);
}

static void
not_here(void)
{
	T_EQ(ferry_watch_signal(SIGUSR1), FERRY_ENOTSUP);
	is_default(SIGUSR1);
}

int
main(int argc, char **argv)
{
	t_begin(argc, argv);
	T_RUN(refused);
	if (T_PORTABLE) {
		T_RUN(not_here);
		return t_end();
	}
	T_RUN(ffi_threads_take_it);
	T_RUN(new_threads_take_it);
	T_RUN(a_strangers_signal);
	T_RUN(no_function_is_no_call);
	T_RUN(set_over);
	T_RUN(beside_dumps);
	T_RUN(a_child);
	return t_end();
}
