/*
 * tests/api/inside.h: code of the host's that forks while Ferry calls it, and
 * what its child may do then.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include "forking.h"

enum { FX_STRAYED = 70 };

/* What the child does inside, and what the parent sees of it. */
struct inside {
	void (*child)(void *); /* before it returns, if it does */
	atomic_int pid;        /* of the child, in the parent */
	atomic_int runs;
};

static inline void
go_home(void *unused)
{
	(void)unused;
}

static inline void
leave(void *unused)
{
	(void)unused;
	_exit(FX_WELL);
}

static inline void
become_another(void *unused)
{
	(void)unused;
	execl("/bin/sh", "sh", "-c", "exit 42", (char *)NULL);
	_exit(1);
}

static inline void
use_ferry(void *unused)
{
	(void)unused;
	/* Refused in a doorbell; here only for its token. */
	T_EQ(ferry_request_cancel(FX_FORGED), FERRY_EINVAL);
	fx_live();
}

static inline void
use_ferry_and_leave(void *unused)
{
	(void)unused;
	fx_live();
	_exit(FX_WELL);
}

static inline void
end_the_thread(void *unused)
{
	(void)unused;
	fx_before_exit();
	pthread_exit(NULL);
}

static inline void
fork_inside(struct inside *i)
{
	pid_t child = fx_fork();

	T_GE(child, 0);
	if (child == 0) {
		i->child(NULL);
		return;
	}
	atomic_fetch_add(&i->runs, 1);
	atomic_store(&i->pid, child);
}

/* The child's end, once the code that forked has run in the parent. */
static inline void
inside_ends(struct inside *i, int code)
{
	T_WAIT_UNTIL(atomic_load(&i->pid) != 0, FX_LIMIT_MS);
	fx_child_exits(atomic_load(&i->pid), code);
	T_EQ(atomic_load(&i->runs), 1);
	atomic_store(&i->pid, 0);
	atomic_store(&i->runs, 0);
}

static const struct {
	void (*child)(void *);
	int code;
} ends[] = {
    {leave, FX_WELL},
    {become_another, FX_WELL},
    {use_ferry_and_leave, FX_WELL},
    {go_home, FX_STRAYED},
    {use_ferry, FX_STRAYED},
    {end_the_thread, FX_STRAYED},
};

enum { N_ENDS = sizeof ends / sizeof ends[0] };

#endif
