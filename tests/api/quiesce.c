/*
 * ferry_quiesce(), which cannot be taken back: each case runs in a process of
 * its own, and ends it in its own way. Also what happens at exit without it:
 * nothing.
 */
#include <sys/wait.h>

#include "fixture.h"

static int
submit_result(ferry_context context)
{
	ferry_request request = 77;
	int r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);

	if (r != FERRY_OK)
		T_EQ(request, 77);
	return r;
}

static int
open_result(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context = 77;
	int r;

	o.library = fx_library();
	r = ferry_context_open(&context, &o);
	if (r != FERRY_OK)
		T_EQ(context, 77);
	T_OK(ferry_library_close(o.library));
	return r;
}

static void
without_contexts(void)
{
	T_OK(ferry_quiesce(0));
	T_OK(ferry_quiesce(-1));
	T_EQ(open_result(), FERRY_EQUIESCED);
}

static void
at_rest(void)
{
	struct fx_life life = {0};
	ferry_context_options o = fx_context_options();
	ferry_context context;
	uint64_t accepted;

	o.init_arg = &life;
	context = fx_open_with(&o);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	accepted = fx_accepted(context);
	T_OK(ferry_quiesce(-1));
	T_EQ(submit_result(context), FERRY_EQUIESCED);
	T_EQ(fx_accepted(context), accepted);
	T_EQ(open_result(), FERRY_EQUIESCED);
	T_OK(ferry_quiesce(0));
	/* Who is orderly may still close. */
	T_OK(ferry_context_close(context, NULL, NULL));
}

struct waiter {
	ferry_request request;
	int status;
};

static void *
wait_thread(void *arg)
{
	struct waiter *w = arg;

	w->status = fx_wait(w->request);
	return NULL;
}

/* What runs is waited for, what is queued is answered and never starts. */
static void
running_and_queued(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request held = fx_hold(context, &gate);
	struct waiter w = {fx_mark(context, &trace, 1, NULL), 0};
	pthread_t thread = t_thread_start(wait_thread, &w);
	uint64_t began = t_now_ns();

	fx_mark(context, &trace, 2, &o);
	T_EQ(ferry_quiesce(30), FERRY_ETIMEDOUT);
	T_GE(t_now_ns() - began, 30000000);
	T_EQ(submit_result(context), FERRY_EQUIESCED);
	fx_gate_open(&gate);
	T_OK(ferry_quiesce(-1));
	t_thread_join(thread);
	T_EQ(w.status, FERRY_ECLOSED);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(atomic_load(&trace.n), 0);
	T_LE(atomic_load(&slot.calls), 1);
	if (atomic_load(&slot.calls) == 1)
		T_EQ(slot.status, FERRY_ECLOSED);
	T_EQ(fx_counters(context).unstarted_closed, 2);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&slot.calls), 1); /* law 1: by now at the latest */
}

static int
quiesce_here(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_quiesce(-1);
}

/* Refused from a handler: and then not even begun. */
static void
from_a_handler(void)
{
	ferry_context context = fx_open();

	T_EQ(fx_do_wait(context, quiesce_here, NULL), FERRY_EREENTRANT);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
	T_EQ(open_result(), FERRY_OK);
}

/* -------------------------------------------------------------- under load */

static atomic_int after; /* set when quiesce has returned */
static atomic_ullong handled;

static int
handle(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	T_EQ(atomic_load(&after), 0); /* nothing of ours runs any more */
	atomic_fetch_add(&handled, 1);
	return FERRY_OK;
}

static void
handle_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	(void)user;
	T_EQ(atomic_load(&after), 0);
}

static void *
hammer(void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	struct fx_job job = {handle, NULL};
	ferry_request_options o = fx_request_options();
	int r;

	o.callback = handle_reply;
	do {
		r = ferry_request_submit(
		    NULL, context, FX_DO, &job, sizeof job, &o);
		T_ASSERT(r == FERRY_OK || r == FERRY_EAGAIN ||
		    r == FERRY_EQUIESCED);
	} while (r != FERRY_EQUIESCED);
	return NULL;
}

static void
under_load(void)
{
	ferry_context contexts[2] = {fx_open(), fx_open()};
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = t_thread_start(hammer, &contexts[i % 2]);
	T_WAIT_UNTIL(atomic_load(&handled) > 1000, FX_LIMIT_MS);
	T_OK(ferry_quiesce(-1));
	atomic_store(&after, 1);
	for (int i = 0; i < 4; i++)
		t_thread_join(threads[i]);
	t_sleep_ms(FX_QUIET_MS); /* time for a late one to show */
}

static void *
quiesce_thread(void *arg)
{
	(void)arg;
	T_OK(ferry_quiesce(-1));
	return NULL;
}

static void
from_many_threads(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(context, &gate);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = t_thread_start(quiesce_thread, NULL);
	T_WAIT_UNTIL(
	    submit_result(context) == FERRY_EQUIESCED, FX_LIMIT_MS);
	fx_gate_open(&gate);
	for (int i = 0; i < 4; i++)
		t_thread_join(threads[i]);
	T_EQ(fx_wait(held), FERRY_OK);
}

/* A handler that waits for another worker: both are stopped, neither hangs. */
struct across {
	ferry_context other;
	struct fx_gate gate;
	int status;
};

static int
across_run(ferry_call call, void *arg)
{
	struct across *a = arg;
	ferry_reply reply = {0};
	ferry_request request;
	int r;

	(void)call;
	fx_gate_pass(&a->gate);
	r = ferry_request_invoke(
	    &reply, &request, a->other, FX_NOP, NULL, 0, NULL, -1);
	a->status = r == FERRY_OK ? reply.status : r;
	return FERRY_OK;
}

static void
handler_waiting_across(void)
{
	struct across a = {fx_open(), FX_GATE_SHUT, 1};
	ferry_context context = fx_open();
	ferry_request request = fx_do(context, across_run, &a);

	fx_gate_await(&a.gate, 1);
	T_EQ(ferry_quiesce(0), FERRY_ETIMEDOUT);
	fx_gate_open(&a.gate);
	T_OK(ferry_quiesce(-1));
	T_EQ(fx_wait(request), FERRY_OK);
	T_EQ(a.status, FERRY_EQUIESCED);
}

/* ---------------------------------------------------------------- at exit */

static void
exit_after_quiesce(void)
{
	ferry_context context = fx_open();

	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_OK(ferry_quiesce(-1));
	exit(0);
}

/* Without a word, in the middle of it all: the process ends with its own
 * status, at once. */
static void
exit_without_quiesce(void)
{
	static ferry_context context;
	static struct fx_gate gate = FX_GATE_SHUT;

	context = fx_open();
	fx_hold(context, &gate);
	fx_submit(context, FX_NOP, NULL, 0, NULL);
	exit(0);
}

static void
return_under_load(void)
{
	static ferry_context context;

	context = fx_open();
	t_thread_start(hammer, &context);
	T_WAIT_UNTIL(atomic_load(&handled) > 100, FX_LIMIT_MS);
}

/* ------------------------------------------------- a process of its own */

static char *self;

static void
isolated(const char *name)
{
	pid_t child;
	int status;

	if (!t__case(name))
		return;
	child = fork();
	if (child == 0) {
		if (t_emulated())
			execlp("sh", "sh", "-c", "exec $T_WRAP \"$0\" \"$1\"",
			    self, name, (char *)NULL);
		else
			execl("/proc/self/exe", self, name, (char *)NULL);
		_exit(126);
	}
	T_EQ(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		T_FAIL("%s: status %#x", name, (unsigned)status);
}

#define EACH(fn) \
	do { \
		if (t__state.only != NULL) \
			T_RUN(fn); \
		else \
			isolated(#fn); \
	} while (0)

int
main(int argc, char **argv)
{
	t_begin(argc, argv);
	self = argv[0];
	EACH(without_contexts);
	EACH(at_rest);
	EACH(running_and_queued);
	EACH(from_a_handler);
	EACH(under_load);
	EACH(from_many_threads);
	EACH(handler_waiting_across);
	EACH(exit_after_quiesce);
	EACH(exit_without_quiesce);
	EACH(return_under_load);
	return t_end();
}
