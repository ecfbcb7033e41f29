/*
 * ferry_quiesce() waits for strands, starts none and ends none. It cannot be
 * taken back: each case runs in a process of its own.
 */
#include <sys/wait.h>

#include "strand_states.h"

static int
submit_quiesced(ferry_call call, void *arg)
{
	struct st_waiter *w = arg;
	ferry_request request;
	ferry_reply reply;
	int r;

	(void)call;
	atomic_store(&w->in, 1);
	T_OK(ferry_strand_poll(NULL, w->fds[0], POLLIN, -1));
	r = ferry_strand_invoke(
	    &reply, &request, w->foreign, FX_NOP, NULL, 0, NULL, -1);
	T_EQ(request, 0);
	return r;
}

/* It waits for strands as for handlers, starts none, and ends none. */
static void
quiesce_waits(void)
{
	struct st_world *world = st_world_open(ST_POLLING, NULL);
	struct fx_gate gate = FX_GATE_SHUT;
	struct st_waiter late = ST_WAITER(ST_SLEEPING);
	ferry_request held, queued;
	uint64_t began = t_now_ns();

	world->request = st_spawn(world->context, submit_quiesced, &world->w);
	T_WAIT_UNTIL(atomic_load(&world->w.in), FX_LIMIT_MS);
	held = fx_hold(world->context, &gate);
	queued = st_spawn(world->context, st_waiter_run, &late);
	T_EQ(ferry_quiesce(0), FERRY_ETIMEDOUT);
	fx_gate_open(&gate);
	T_EQ(ferry_quiesce(30), FERRY_ETIMEDOUT);
	T_GE(t_now_ns() - began, 30000000);
	T_OK(fx_wait(held));
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	T_EQ(atomic_load(&late.in), 0);
	T_EQ(st_strands(world->context).active, 1);
	st_waiter_end(&world->w);
	T_OK(ferry_quiesce(-1));
	T_EQ(fx_wait(world->request), FERRY_EQUIESCED);
	T_EQ(st_strands(world->context).spawned, 1);
	fx_close(world->context);
	fx_close(world->other);
}

/* A cancel is what ends those that would sleep for ever. */
static void
quiesce_and_cancel(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);

	st_world_spawn(world, NULL);
	T_EQ(ferry_quiesce(10), FERRY_ETIMEDOUT);
	T_OK(ferry_request_cancel(world->request));
	T_OK(ferry_quiesce(-1));
	T_EQ(fx_wait(world->request), FERRY_ECANCELED);
	T_OK(fx_close_mode(world->context, FERRY_CLOSE_CANCEL, 0, NULL));
	fx_close(world->other);
}

static void
in_a_process(const char *self, const char *name)
{
	const char *wrap = getenv("T_WRAP");
	int status;
	pid_t child;

	child = fork();
	if (child == 0) {
		if (wrap != NULL && *wrap != 0)
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
		if (t__state.list || t__state.only != NULL) \
			T_RUN(fn); \
		else \
			in_a_process(argv[0], #fn); \
	} while (0)

int
main(int argc, char **argv)
{
	t_begin(argc, argv);
	EACH(quiesce_waits);
	EACH(quiesce_and_cancel);
	return t__state.list || t__state.only != NULL ? t_end() : 0;
}
