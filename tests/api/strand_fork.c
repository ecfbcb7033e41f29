/*
 * Forks in strands and beside them, and processes that end while strands wait.
 */
#include <stdbool.h>

#include "inside.h"
#include "strand_states.h"

/* ------------------------------------------------------------------ in one */

enum place { FIRST_RUN, AFTER_A_WAIT, IN_A_HOOK, OFFLOADED, N_PLACES };

struct forking {
	struct inside inside;
	enum place place;
	ferry_context context;
};

static void
hook_forks(ferry_call call, void *user)
{
	(void)call;
	fork_inside(user);
}

static int
offloaded_forks(void *arg)
{
	fork_inside(arg);
	return 3;
}

static int
strand_forks(ferry_call call, void *arg)
{
	struct forking *f = arg;
	ferry_call_info info = {.struct_size = sizeof info};
	pid_t parent = getpid();
	int result = 0;

	switch (f->place) {
	case AFTER_A_WAIT:
		T_OK(ferry_strand_yield());
		fork_inside(&f->inside);
		break;
	case IN_A_HOOK:
		T_OK(ferry_call_describe(&info, call));
		T_OK(ferry_call_on_cancel(call, hook_forks, &f->inside));
		T_OK(ferry_request_cancel(info.request));
		break;
	case OFFLOADED:
		T_OK(ferry_strand_offload(
		    &result, offloaded_forks, &f->inside, NULL));
		T_EQ(result, 3);
		break;
	default:
		fork_inside(&f->inside);
		break;
	}
	if (getpid() != parent)
		return 12;
	/* The parent's goes on as if nothing had happened. */
	T_OK(ferry_strand_shield(1));
	T_OK(ferry_strand_sleep(1));
	T_OK(ferry_strand_shield(0));
	return 11;
}

/* The child may leave, or become another; what comes back ends with 70. A
 * hook's may return, but on this thread to a strand that is not the child's. */
static void
in_a_strand(void)
{
	struct st_world *world = st_world_open(ST_SLEEPING, NULL);

	st_world_spawn(world, NULL);
	for (int place = 0; place < N_PLACES; place++)
		for (int n = 0; n < N_ENDS; n++) {
			struct forking f = {.inside.child = ends[n].child,
			    .place = (enum place)place,
			    .context = world->context};

			/* A hook must not end its thread; TSan allows it on
			 * the thread's own stack only. */
			if (ends[n].child == end_the_thread &&
			    (place == IN_A_HOOK ||
			        (T_TSAN && place != OFFLOADED)))
				continue;
			T_EQ(st_run(world->context, strand_forks, &f), 11);
			inside_ends(&f.inside, ends[n].code);
		}
	T_EQ(atomic_load(&world->w.over), 0);
	T_OK(ferry_request_cancel(world->request));
	T_EQ(fx_wait(world->request), FERRY_ECANCELED);
	st_world_close(world, 0);
}

/* To the child it is no strand, and everything is the parent's. */
static struct {
	ferry_context context;
	ferry_request request;
} old;

static void
nothing_is_left(void *unused)
{
	ferry_strands s = {.struct_size = sizeof s};
	ferry_request request = 77;
	ferry_reply reply;
	void *p;

	(void)unused;
	T_EQ(ferry_strand_sleep(-1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_yield(), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_checkpoint(), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_offload(NULL, st_stand, NULL, NULL),
	    FERRY_ENOSTRAND);
	T_EQ(ferry_strand_poll(NULL, 0, POLLIN, -1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_alloc(&p, 1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_await(&reply, old.request, -1), FERRY_EFORKED);
	T_EQ(ferry_strand_invoke(&reply, &request, old.context, FX_NOP, NULL,
	    0, NULL, -1), FERRY_EFORKED);
	T_EQ(ferry_strand_counters(&s, old.context), FERRY_EFORKED);
	T_EQ(ferry_strand_admit(old.context, 0), FERRY_EFORKED);
	T_EQ(ferry_strand_wait_all(old.context, -1), FERRY_EFORKED);
	_exit(FX_WELL);
}

static void
the_childs_is_no_strand(void)
{
	struct st_world *world = st_world_open(ST_AWAITING_FOREIGN, NULL);

	old.context = world->context;
	old.request = world->w.awaited;
	for (int place = 0; place < N_PLACES; place++) {
		struct forking f = {.inside.child = nothing_is_left,
		    .place = (enum place)place};

		T_EQ(st_run(world->context, strand_forks, &f), 11);
		inside_ends(&f.inside, FX_WELL);
	}
	st_waiter_clear(&world->w);
	st_world_close(world, 0);
}

/* ------------------------------------------------------------- beside them */

/* Nobody may run at a fork under AddressSanitizer: see fx_fork(). */
enum { FIRST_STATE = T_ASAN ? ST_SLEEPING : ST_READY };

/* Waiters of all states, those of the parent's that were there at the fork. */
struct all {
	ferry_context context, other;
	struct st_waiter w[ST_N_STATES];
	ferry_request request[ST_N_STATES];
};

static void
start_all(struct all *a)
{
	a->context = st_open();
	a->other = st_open();
	for (int i = FIRST_STATE; i < ST_N_STATES; i++) {
		a->w[i] = (struct st_waiter)ST_WAITER((enum st_state)i);
		st_waiter_prepare(&a->w[i], a->context, a->other);
		a->request[i] =
		    st_spawn(a->context, st_waiter_run, &a->w[i]);
		st_waiter_await(&a->w[i]);
	}
}

static void
end_all(struct all *a)
{
	for (int i = FIRST_STATE; i < ST_N_STATES; i++) {
		T_EQ(atomic_load(&a->w[i].over), 0);
		if (i == ST_SLEEPING)
			T_OK(ferry_request_cancel(a->request[i]));
		else
			st_waiter_end(&a->w[i]);
		T_EQ(fx_wait(a->request[i]),
		    i == ST_SLEEPING ? FERRY_ECANCELED : FERRY_OK);
	}
	st_counts(a->context, ST_N_STATES - 1 - FIRST_STATE, 0, 1, 0);
	fx_close(a->context);
	fx_close(a->other);
	close(a->w[ST_POLLING].fds[0]);
	close(a->w[ST_POLLING].fds[1]);
}

/* With pool, poller and timers of its own. */
static void
strands_of_ones_own(void *unused)
{
	struct all *mine = calloc(1, sizeof *mine);

	(void)unused;
	if (fx_may_start_threads()) {
		start_all(mine);
		end_all(mine);
	}
	free(mine);
}

static void
and_a_childs(void *unused)
{
	strands_of_ones_own(unused);
	fx_in_child(strands_of_ones_own, NULL);
}

static void
beside_strands(void)
{
	struct all *a = calloc(1, sizeof *a);

	for (int i = 0; i < 5; i++) {
		start_all(a);
		fx_in_child(i % 2 ? and_a_childs : strands_of_ones_own, NULL);
		end_all(a);
	}
	free(a);
}

/* ------------------------------------------------------------- at the end */

static int
hold_memory(ferry_call call, void *arg)
{
	/* Nobody else knows of it: still no leak, as long as it waits. */
	void *volatile held = malloc(100);

	(void)call;
	T_OK(ferry_strand_yield());
	atomic_store((atomic_int *)arg, 1);
	ferry_strand_sleep(-1);
	free(held);
	return FERRY_OK;
}

static void
exit_in_child(void (*leave_by)(int))
{
	static struct all a;
	static atomic_int holds;

	start_all(&a);
	st_spawn(a.context, hold_memory, &holds);
	T_WAIT_UNTIL(atomic_load(&holds), FX_LIMIT_MS);
	st_turn(a.context);
	leave_by(FX_WELL);
}

static void
exit_with_strands(void *unused)
{
	(void)unused;
	exit_in_child(exit);
}

static void
exit_at_once(void *unused)
{
	(void)unused;
	exit_in_child(_Exit);
}

static int
strand_exits(ferry_call call, void *arg)
{
	(void)call;
	T_OK(ferry_strand_yield());
	((void (*)(int))arg)(FX_WELL);
	return FERRY_OK;
}

static int
offloaded_exits(void *arg)
{
	(void)arg;
	exit(FX_WELL);
}

static int
offload_exit(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_offload(NULL, offloaded_exits, arg, NULL);
}

/* By a strand, and by a function that one has offloaded. */
static void
exit_by_a_strand(void *unused)
{
	static struct all a;

	(void)unused;
	start_all(&a);
	fx_wait(st_spawn(a.context, strand_exits, (void *)exit));
}

static void
exit_by_an_offloaded(void *unused)
{
	static struct all a;

	(void)unused;
	start_all(&a);
	fx_wait(st_spawn(a.context, offload_exit, NULL));
}

static void
the_process_ends(void)
{
	static void (*const ways[])(void *) = {exit_with_strands,
	    exit_at_once, exit_by_a_strand, exit_by_an_offloaded};

	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof ways / sizeof ways[0]; k++)
			fx_in_child(ways[k], NULL);
}

T_MAIN(
	T_RUN(in_a_strand);
	T_RUN(the_childs_is_no_strand);
	T_RUN(beside_strands);
	T_RUN(the_process_ends);
)
