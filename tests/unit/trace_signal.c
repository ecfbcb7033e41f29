/*
 * The stack of a running thread, by a signal: what it shows, when it is not
 * sent, and answers that come late or not at all.
 */
#include "traced/traced.h"

#if defined(__linux__) && !defined(FERRY_OS_posix)

#include <signal.h>
#include <sys/wait.h>

/* The handler is held before it copies, if that is wanted. */
static atom32 hold, holding;

static size_t
read_slowly(void *out, uint64_t from, size_t size);

#define ferry__facts_read read_slowly
#include "event/trace_signal.c"
#undef ferry__facts_read

static size_t
read_slowly(void *out, uint64_t from, size_t size)
{
	if (atom32_load_seqcst(&hold) != 0) {
		atom32_store_seqcst(&holding, 1);
		while (atom32_load_seqcst(&hold) != 0)
			usleep(100);
		atom32_store_seqcst(&holding, 0);
	}
	return ferry__facts_read(out, from, size);
}

static struct traced at;
static atom32 stop, blocking, calls;

static const struct facts runs = {
	.known = FACT_STATE | FACT_SIGNALS,
	.state = 'R'
};

static int
traced_spin(struct deep *d)
{
	volatile int n = 0;

	(void)d;
	ferry__trace_welcome();
	atom32_store_seqcst(&blocking, 0);
	while (atom32_load_relaxed(&stop) == 0) {
		n++;
		if (T_TSAN) /* which has signals wait for such a call */
			usleep(100);
	}
	return 1;
}

static void
run_spin_o0(struct traced *t)
{
	t->deep.wait = traced_spin;
	T_GE(deep_o0(&t->deep), 0);
}

static void
run_spin_o2(struct traced *t)
{
	t->deep.wait = traced_spin;
	T_GE(deep_o2(&t->deep), 0);
}

static void
start(void (*run)(struct traced *))
{
	atom32_store_relaxed(&stop, 0);
	atom32_store_seqcst(&blocking, 1);
	traced_start(&at, run);
	T_WAIT_UNTIL(atom32_load_seqcst(&blocking) == 0, 5000);
}

static void
end(void)
{
	atom32_store_relaxed(&stop, 1);
	traced_end(&at);
}

static bool
ask_as(const struct facts *f)
{
	return ferry__trace_running(
	    &at.trace, atom32_load_relaxed(&at.id), f);
}

static bool
ask_it(void)
{
	return ask_as(&runs);
}

static void
on_usr1(int signo)
{
	T_EQ(signo, SIGUSR1);
	atom32_add_relaxed(&calls, 1);
}

/* What is in place now, as a function. */
static void *
action(int signo)
{
	struct sigaction a;

	T_OK(sigaction(signo, NULL, &a));
	return (void *)(uintptr_t)a.sa_handler;
}

/* ---- what it shows ---- */

static void
see(void (*run)(struct traced *), const char *const *functions)
{
	T_OK(ferry__trace_choose(SIGUSR1));
	start(run);
	T_ASSERT(ask_it());
	T_EQ(at.trace.thread, atom32_load_relaxed(&at.id));
	ferry__trace_unwind(&at.frames, &at.trace, true);
	end();
	T_OK(ferry__trace_choose(0));
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)SIG_DFL);
	if (T_TSAN || traced_is_wrapped() || !ferry__dw_open())
		return;
	for (int i = 0, last = -1; i < 6; i++) {
		int found = traced_find(&at.frames, 0, functions[i]);

		if (found < 0 || (i > 0 && found != last + 1)) {
			traced_print(&at.frames);
			T_FAIL("no %s where it should be", functions[i]);
		}
		T_EQ(at.frames.at[found].flags & FERRY_FRAME_GUESSED, 0);
		last = found;
	}
}

static void
spinning_o0(void)
{
	static const char *const f[] = {"traced_spin", "innermost_o0",
	    "inlined_o0", "sized_o0", "outer_o0", "deep_o0"};

	see(run_spin_o0, f);
}

static void
spinning_o2(void)
{
	static const char *const f[] = {"traced_spin", "innermost_o2",
	    "inlined_o2", "sized_o2", "outer_o2", "deep_o2"};

	see(run_spin_o2, f);
}

/* Without libdw: words of the stack behind a call, by this processor's
 * instructions. */
static void
guessed(void)
{
	static const char *const f[] = {
	    "innermost_o2", "sized_o2", "outer_o2", "deep_o2"};
	int last = 0;

	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_spin_o2);
	T_ASSERT(ask_it());
	ferry__dw_refuse(true);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	ferry__dw_refuse(false);
	end();
	T_OK(ferry__trace_choose(0));
	if (T_TSAN)
		return;
	T_ASSERT(!at.frames.unwound);
	for (size_t i = 0; i < COUNT_OF(f); i++) {
		last = traced_find(&at.frames, (uint32_t)last, f[i]);
		if (last <= 0) {
			traced_print(&at.frames);
			T_FAIL("no %s where it should be", f[i]);
		}
		T_EQ(at.frames.at[last].flags, FERRY_FRAME_GUESSED);
	}
}

static void
is_quick(void)
{
	uint64_t best = UINT64_MAX;

	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_spin_o0);
	for (int i = 0; i < 100; i++) {
		uint64_t from = t_now_ns(), took;

		T_ASSERT(ask_it());
		took = t_now_ns() - from;
		if (took < best)
			best = took;
	}
	end();
	T_OK(ferry__trace_choose(0));
	dprintf(1, "a copy by signal: %ju us\n", (uintmax_t)best / 1000);
	T_LE(best, (uint64_t)t_slow() * 1000000);
}

/* ---- when it is not sent ---- */

/* Nobody was asked, so nobody may be late. */
static void
is_not_sent(void)
{
	uint32_t before = atom32_load_relaxed(&word);

	T_ASSERT(!ask_it());
	T_EQ(atom32_load_relaxed(&word), before);
	T_ASSERT(!is_owed());
}

static void
not_chosen(void)
{
	start(run_spin_o0);
	is_not_sent();
	T_OK(ferry__trace_choose(SIGUSR1));
	T_OK(ferry__trace_choose(0));
	is_not_sent();
	end();
}

static void
blocked_or_ignored(void)
{
	struct facts f = runs;
	uint32_t before;

	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_spin_o0);
	before = atom32_load_relaxed(&word);
	f.blocked = (uint64_t)1 << (SIGUSR1 - 1);
	T_ASSERT(!ask_as(&f));
	f.blocked = ~f.blocked; /* all but that */
	T_ASSERT(ask_as(&f));
	T_NE(atom32_load_relaxed(&word), before);
	before = atom32_load_relaxed(&word);
	f.blocked = 0;
	f.ignored = (uint64_t)1 << (SIGUSR1 - 1);
	T_ASSERT(!ask_as(&f));
	f = (struct facts){ .known = 0 };
	T_ASSERT(!ask_as(&f));
	T_EQ(atom32_load_relaxed(&word), before);
	signal(SIGUSR1, SIG_IGN);
	is_not_sent();
	T_OK(ferry__trace_choose(0)); /* leaves that alone */
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	end();
}

static void
another_on_top(void)
{
	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_spin_o0);
	signal(SIGUSR1, on_usr1);
	is_not_sent();
	T_EQ(ferry__trace_choose(SIGUSR1), FERRY_EBUSY);
	T_OK(ferry__trace_choose(SIGUSR2)); /* which is free */
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)on_usr1);
	T_OK(ferry__trace_choose(0));
	T_ASSERT(action(SIGUSR2) == (void *)(uintptr_t)SIG_DFL);
	end();
	signal(SIGUSR1, SIG_DFL);
	T_OK(ferry__trace_choose(SIGUSR1)); /* it lies no more over ours */
	T_OK(ferry__trace_choose(0));
}

static void
not_to_be_had(void)
{
	static const int not[] = {-1, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
	    SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, 4096};

	for (size_t i = 0; i < COUNT_OF(not); i++)
		T_EQ(ferry__trace_choose(not[i]), FERRY_EINVAL);
}

/* ---- what was there before ---- */

/* A stranger's signal is passed on, with a value of its own or without. */
static void
former_is_called(void)
{
	struct sigaction a = {.sa_handler = on_usr1, .sa_flags = SA_NODEFER};
	union sigval value = {.sival_ptr = (void *)&a};

	sigemptyset(&a.sa_mask);
	sigaddset(&a.sa_mask, SIGALRM);
	T_OK(sigaction(SIGUSR1, &a, NULL));
	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_spin_o0);
	atom32_store_relaxed(&calls, 0);
	T_OK(raise(SIGUSR1));
	T_EQ(atom32_load_relaxed(&calls), 1);
	T_OK(pthread_sigqueue(pthread_self(), SIGUSR1, value));
	/* At once, but for Valgrind. */
	T_WAIT_UNTIL(atom32_load_relaxed(&calls) == 2, 5000);
	T_ASSERT(ask_it()); /* and ours is not */
	T_OK(sigaction(SIGUSR1, NULL, &a));
	T_EQ(sigismember(&a.sa_mask, SIGALRM), 1);
	T_NE(a.sa_flags & SA_RESTART, 0);
	T_NE(a.sa_flags & SA_NODEFER, 0);
	T_OK(ferry__trace_choose(0));
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)on_usr1);
	end();
	T_EQ(atom32_load_relaxed(&calls), 2);
	signal(SIGUSR1, SIG_DFL);
}

/* ---- late answers ---- */

static int
traced_deaf(struct deep *d)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	T_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	atom32_store_seqcst(&blocking, 0);
	d->result = traced_read(d);
	T_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	atom32_store_seqcst(&blocking, 1);
	while (atom32_load_relaxed(&stop) == 0)
		usleep(1000);
	return 1;
}

static void
run_deaf(struct traced *t)
{
	t->deep.wait = traced_deaf;
	T_GE(deep_o0(&t->deep), 0);
}

/* The thread blocks it after the look. By the time it takes the signal nobody
 * asks, and nobody may have taken the handler away. */
static void
not_answered(void)
{
	uint64_t from;

	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_deaf);
	from = t_now_ns();
	T_ASSERT(!ask_it());
	T_GE(t_now_ns() - from, PATIENCE_NS);
	T_LE(t_now_ns() - from, PATIENCE_NS * 10 * (uint64_t)t_slow());
	T_EQ(atom32_load_relaxed(&word) % STATES, FREE);
	T_ASSERT(is_owed());
	from = atom32_load_relaxed(&word);
	T_ASSERT(!ask_it()); /* not once more */
	T_EQ(atom32_load_relaxed(&word), from);
	T_OK(ferry__trace_choose(0));
	T_ASSERT(ferry__handler_is_in_place(&handler, SIGUSR1));
	T_EQ(write(at.pipe[1], "", 1), 1); /* now it comes */
	T_WAIT_UNTIL(atom32_load_seqcst(&blocking) == 1, 5000);
	T_ASSERT(!is_owed());
	T_EQ(atom32_load_relaxed(&word), from);
	T_OK(ferry__trace_choose(0));
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)SIG_DFL);
	end();
}

/* A thread that ends before it answers owes nothing any more. */
static int
traced_mute(struct deep *d)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	T_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	atom32_store_seqcst(&blocking, 0);
	return traced_read(d);
}

static void
run_mute(struct traced *t)
{
	t->deep.wait = traced_mute;
	T_GE(deep_o0(&t->deep), 0);
}

static void
ended_unanswered(void)
{
	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_mute);
	T_ASSERT(!ask_it());
	T_ASSERT(is_owed());
	end();
	T_WAIT_UNTIL(!is_owed(), 5000); /* joined, and maybe still listed */
	T_OK(ferry__trace_choose(0));
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)SIG_DFL);
}

/* One that has begun to answer keeps the room until it is done. */
static void
answers_too_slowly(void)
{
	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_spin_o0);
	atom32_store_seqcst(&hold, 1);
	T_ASSERT(!ask_it());
	T_EQ(atom32_load_seqcst(&holding), 1);
	T_EQ(atom32_load_relaxed(&word) % STATES, ANSWERING);
	T_ASSERT(!ask_it()); /* at once: there is no room */
	T_EQ(atom32_load_relaxed(&word) % STATES, ANSWERING);
	atom32_store_seqcst(&hold, 0);
	T_WAIT_UNTIL(atom32_load_relaxed(&word) % STATES == ANSWERED, 5000);
	T_ASSERT(ask_it());
	end();
	T_OK(ferry__trace_choose(0));
}

/* ---- a forked child ---- */

/* The parent may have been asking, and may be owed an answer. */
static void
in_child(void)
{
	alarm(60);
	ferry__fork_enter();
	T_EQ(SIGNAL_OF(atom32_load_relaxed(&wish)), 0);
	T_ASSERT(!ferry__trace_running(&at.trace, (uint32_t)getpid(), &runs));
	T_EQ(atom32_load_relaxed(&word), FREE);
	for (unsigned i = 0; i < OWED; i++)
		T_EQ(atom32_load_relaxed(&owed[i]), 0);
	T_OK(ferry__trace_choose(SIGUSR1));
	T_OK(ferry__trace_choose(0));
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)SIG_DFL);
	_exit(0);
}

static void
forked(void)
{
	int status = -1;
	pid_t child;

	if (traced_is_wrapped())
		T_SKIP_CASE("Valgrind looks for leaks in the children");
	ferry__fork_enter();
	T_OK(ferry__trace_choose(SIGUSR1));
	start(run_mute);
	T_ASSERT(!ask_it());
	T_OK(pthread_mutex_lock(&asking));
	child = fork();
	if (child == 0)
		in_child();
	T_OK(pthread_mutex_unlock(&asking));
	T_EQ(waitpid(child, &status, 0), child);
	T_EQ(status, 0);
	T_ASSERT(is_owed());
	end();
	T_WAIT_UNTIL(!is_owed(), 5000);
	T_OK(ferry__trace_choose(0));
}

/* ---- many ---- */

enum { THREADS = 4, ROUNDS = 300 };

static void *
spin(void *id)
{
	ferry__trace_welcome();
	atom32_store_seqcst(id, ferry__os_thread_id());
	while (atom32_load_relaxed(&stop) == 0)
		usleep(t_now_ns() % 3);
	return NULL;
}

static atom32 ids[THREADS];

static atom32 done;

static void *
ask_all(void *bytes)
{
	struct trace t = {.bytes = bytes};

	for (int n = 0, i = 0; n < ROUNDS; i++) {
		uint32_t id = atom32_load_relaxed(&ids[i % THREADS]);

		if (!ferry__trace_running(&t, id, &runs))
			continue;
		T_EQ(t.thread, id);
		T_EQ(t.sp, t.registers[TRACE_SP]);
		n++;
	}
	atom32_add_seqcst(&done, 1);
	return NULL;
}

/* Two that ask, four that answer, one that changes its mind. */
static void
all_at_once(void)
{
	static uint8_t bytes[2][TRACE_BYTES];
	pthread_t threads[THREADS], askers[2];

	atom32_store_relaxed(&stop, 0);
	T_OK(ferry__trace_choose(SIGUSR1));
	for (int i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(spin, &ids[i]);
	for (int i = 0; i < THREADS; i++)
		T_WAIT_UNTIL(atom32_load_seqcst(&ids[i]) != 0, 5000);
	for (int i = 0; i < 2; i++)
		askers[i] = t_thread_start(ask_all, bytes[i]);
	while (atom32_load_seqcst(&done) != 2) {
		T_OK(ferry__trace_choose(0));
		T_OK(ferry__trace_choose(SIGUSR1));
		usleep(500);
	}
	for (int i = 0; i < 2; i++)
		t_thread_join(askers[i]);
	atom32_store_relaxed(&stop, 1);
	for (int i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	T_OK(ferry__trace_choose(0));
	T_ASSERT(action(SIGUSR1) == (void *)(uintptr_t)SIG_DFL);
}

T_MAIN(
	T_RUN(spinning_o0);
	T_RUN(spinning_o2);
	T_RUN(guessed);
	T_RUN(is_quick);
	T_RUN(not_chosen);
	T_RUN(blocked_or_ignored);
	T_RUN(another_on_top);
	T_RUN(not_to_be_had);
	T_RUN(former_is_called);
	T_RUN(not_answered);
	T_RUN(ended_unanswered);
	T_RUN(answers_too_slowly);
	T_RUN(forked);
	T_RUN(all_at_once);
)

#else

int
main(void)
{
	T_SKIP("needs what is Linux's behind the seam");
}

#endif
