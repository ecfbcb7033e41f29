/*
 * tests/api/tracer.h: a child that holds single threads of its parent, as a
 * debugger does.
 *
 * Started before the program has any threads. It ends with its parent's end of
 * the pipe, and lets go of what it holds then.
 */
#ifndef TESTS_API_TRACER_H
#define TESTS_API_TRACER_H

#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "t.h"

enum tracer_order {
	TRACER_HOLD,      /* stops the thread */
	TRACER_AT_WAKE,   /* stops it where it is about to wake whoever waits
	                   * on that address */
	TRACER_LET_GO
};

struct tracer {
	pid_t pid;
	int to[2], from[2];
};

struct tracer_message {
	enum tracer_order order;
	pid_t thread;
	uint64_t address;
};

/* ---- the child's side ---- */

static inline void
tracer_say(struct tracer *t, int what)
{
	if (write(t->from[1], &what, sizeof what) != sizeof what)
		_exit(0);
}

/* 0: it is stopped. */
static inline int
tracer_seize(pid_t thread)
{
	int status;

	if (ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD) != 0 ||
	    ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0)
		return errno;
	if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status))
		return ECHILD;
	return 0;
}

static inline int
tracer_is_at_wake(pid_t thread, uint64_t address)
{
	struct __ptrace_syscall_info i;

	return ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof i, &i) > 0 &&
	    i.op == PTRACE_SYSCALL_INFO_ENTRY && i.entry.nr == SYS_futex &&
	    i.entry.args[0] == address &&
	    (i.entry.args[1] & FUTEX_CMD_MASK) == FUTEX_WAKE;
}

/* Each stop of the thread is looked at, and passed on. */
static inline int
tracer_run_to_wake(pid_t thread, uint64_t address)
{
	int status = 0, signal;

	do {
		signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
		if ((signal & ~0x80) == SIGTRAP)
			signal = 0;
		if (ptrace(PTRACE_SYSCALL, thread, 0, signal) != 0 ||
		    waitpid(thread, &status, __WALL) != thread ||
		    !WIFSTOPPED(status))
			return ECHILD;
	} while (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
	    !tracer_is_at_wake(thread, address));
	return 0;
}

static inline void
tracer_serve(struct tracer *t)
{
	struct tracer_message m;

	while (read(t->to[0], &m, sizeof m) == sizeof m) {
		if (m.order == TRACER_LET_GO) {
			tracer_say(t, ptrace(PTRACE_DETACH, m.thread, 0, 0));
			continue;
		}
		tracer_say(t, tracer_seize(m.thread));
		if (m.order == TRACER_AT_WAKE)
			tracer_say(t, tracer_run_to_wake(m.thread, m.address));
	}
	_exit(0);
}

/* ---- the test's side ---- */

static inline void
tracer_start(struct tracer *t)
{
	T_OK(pipe(t->to));
	T_OK(pipe(t->from));
	t->pid = fork();
	T_GE(t->pid, 0);
	if (t->pid == 0) {
		close(t->to[1]);
		close(t->from[0]);
		tracer_serve(t);
	}
	close(t->to[0]);
	close(t->from[1]);
	/* Where only parents may trace. */
	prctl(PR_SET_PTRACER, (unsigned long)t->pid, 0, 0, 0);
}

static inline int
tracer_answer(struct tracer *t)
{
	int what = -1;

	T_EQ(read(t->from[0], &what, sizeof what), sizeof what);
	return what;
}

/* 0, or why it is refused. */
static inline int
tracer_order_at(struct tracer *t, enum tracer_order order, uint32_t thread,
    uint64_t address)
{
	struct tracer_message m = {order, (pid_t)thread, address};

	T_EQ(write(t->to[1], &m, sizeof m), sizeof m);
	return tracer_answer(t);
}

static inline int
tracer_order(struct tracer *t, enum tracer_order order, uint32_t thread)
{
	return tracer_order_at(t, order, thread, 0);
}

static inline void
tracer_end(struct tracer *t)
{
	close(t->to[1]);
	T_EQ(waitpid(t->pid, NULL, 0), t->pid);
	close(t->from[0]);
}

#endif
