/*
 * Forks in cancel hooks, which may run on threads of the host's, and programs
 * that are started without a fork.
 */
#include <spawn.h>
#include <stdbool.h>

#include "deadlines.h"
#include "inside.h"

extern char **environ;

struct hooked {
	struct inside inside;
	bool in_hook_child;
};

static void
hook_forks(ferry_call call, void *user)
{
	struct hooked *h = user;
	int runs = atomic_load(&h->inside.runs);

	(void)call;
	fork_inside(&h->inside);
	h->in_hook_child = atomic_load(&h->inside.runs) == runs;
}

/* On a thread of the host's the child goes on, with an error. */
static void
cancel_with(void (*child)(void *), int code)
{
	ferry_context context = fx_open();
	struct hooked h = {.inside = {.child = child}};
	struct fx_later later = FX_LATER;
	ferry_request request;
	int r;

	later.hook = hook_forks;
	later.hook_user = &h;
	request = fx_later(context, &later);
	r = ferry_request_cancel(request);
	if (h.in_hook_child) {
		T_EQ(r, FERRY_EFORKED);
		T_EQ(ferry_request_cancel(request), FERRY_EFORKED);
		T_EQ(ferry_call_reply(later.call, 0, NULL, 0), FERRY_EFORKED);
		fx_live();
		_exit(44);
	}
	T_OK(r);
	inside_ends(&h.inside, code);
	T_OK(ferry_call_reply(later.call, FERRY_ECANCELED, NULL, 0));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

static void
in_a_hook(void)
{
	cancel_with(leave, FX_WELL);
	cancel_with(become_another, FX_WELL);
	cancel_with(use_ferry_and_leave, FX_WELL);
	cancel_with(go_home, 44);
	cancel_with(use_ferry, 44);
}

/* In the middle of a close there is no way back. */
static void
in_a_hook_of_a_close(void)
{
	ferry_context context = fx_open();
	struct hooked h = {.inside = {.child = go_home}};
	struct fx_later later = FX_LATER;

	later.hook = hook_forks;
	later.hook_user = &h;
	fx_later(context, &later);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_CANCEL, 1, NULL),
	    FERRY_EBUSY);
	T_EQ(h.in_hook_child, false);
	inside_ends(&h.inside, FX_STRAYED);
	T_EQ(ferry_call_reply(later.call, 0, NULL, 0), FERRY_ESTALE);
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* On the event thread, by a deadline. */
static void
in_a_hook_of_a_deadline(void)
{
	ferry_context context = fx_open();
	struct hooked h = {.inside = {.child = go_home}};
	struct fx_later later = FX_LATER;
	ferry_request request;
	uint64_t deadline;

	later.hook = hook_forks;
	later.hook_user = &h;
	request = fx_later_until(&deadline, FX_SOON_NS, context, &later);
	inside_ends(&h.inside, FX_STRAYED);
	T_OK(ferry_call_reply(later.call, FERRY_ECANCELED, NULL, 0));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

/* ----------------------------------------------------- programs, not forks */

static int
spawn_in_handler(ferry_call call, void *unused)
{
	char *argv[] = {"sh", "-c", "exit 42", NULL};
	int status;
	pid_t child;

	(void)unused;
	T_OK(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ));
	fx_child_exits(child, FX_WELL);
	status = system("exit 41");
	T_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 41);
	child = vfork();
	if (child == 0) {
		execv("/bin/sh", argv);
		_exit(1);
	}
	fx_child_exits(child, FX_WELL);
	T_OK(ferry_call_check(call));
	return 13;
}

/* A vfork()'s child is still the parent's memory: nothing may be reset. */
static void
programs_are_no_forks(void)
{
	ferry_context context = fx_open();

	for (int i = 0; i < 10; i++)
		T_EQ(fx_do_wait(context, spawn_in_handler, NULL), 13);
	T_EQ(fx_counters(context).threads_lost, 0);
	fx_close(context);
}

T_MAIN(
	T_RUN(in_a_hook);
	T_RUN(in_a_hook_of_a_close);
	T_RUN(in_a_hook_of_a_deadline);
	T_RUN(programs_are_no_forks);
)
