/*
 * Forked children: no token of the parent's is good in one, nothing of the
 * parent's is touched or run there, and all of Ferry is to be had anew. The
 * parent notices nothing.
 */
#include "old.h"
#include "proc.h"

#include <stdbool.h>

/* ---------------------------------------------------------------- tokens */

static void
call_old_in_child(void *nth)
{
	call_old(*(int *)nth);
}

static void
tokens_are_the_parents(void)
{
	int all = -1, n = 0;

#define COUNT(call) n++;
	CALLS(COUNT)
#undef COUNT
	make_old();
	for (int i = 0; i < n; i++)
		fx_in_child(call_old_in_child, &i);
	fx_in_child(call_old_in_child, &all);
	end_old();
}

static void
old_among_new(void *unused)
{
	struct fx_desk d = fx_desk_open();
	ferry_request_options o = fx_to_inbox(old.inbox, NULL);
	ferry_context_options co = on_old_library();
	ferry_context context;

	(void)unused;
	fx_submit_fails(d.context, FX_NOP, NULL, 0, &o, FERRY_EFORKED);
	T_EQ(ferry_inbox_attach(old.inbox, d.context, NULL), FERRY_EFORKED);
	T_EQ(ferry_inbox_attach(d.inbox, old.context, NULL), FERRY_EFORKED);
	T_EQ(ferry_listener_remove(old.context), FERRY_EINVAL);
	T_EQ(ferry_context_open(&context, &co), FERRY_EFORKED);
	/* What could never be a token is no better for a fork. */
	T_EQ(ferry_request_cancel(0), FERRY_EINVAL);
	T_EQ(ferry_request_cancel(old.context), FERRY_EINVAL);
	T_EQ(ferry_context_close(old.inbox, NULL, NULL), FERRY_EINVAL);
	call_old(-1);
	fx_desk_close(&d);
	call_old(-1);
}

static void
old_tokens_beside_new_ones(void)
{
	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	make_old();
	fx_in_child(old_among_new, NULL);
	end_old();
}

/* ------------------------------------------------------- nothing is touched */

static void
use_everything(void *unused)
{
	int freed = atomic_load(&old.freed), rings = atomic_load(&old.rings);

	(void)unused;
	call_old(-1);
	fx_live();
	call_old(-1);
	T_EQ(atomic_load(&old.freed), freed);
	T_EQ(atomic_load(&old.rings), rings);
	T_EQ(atomic_load(&old.destroyed), 0);
	T_EQ(atomic_load(&old.heard), 0);
	T_EQ(atomic_load(&old.gone), 1);
	T_EQ(fx_gate_inside(&old.gate), 1);
}

static void
descriptors_are_left_alone(void)
{
	ferry_request_options o;
	ferry_completion c;
	long full;

	make_old();
	T_EQ(t_bell_holds(old.fd), 0);
	fx_in_child(use_everything, NULL);
	T_EQ(t_bell_holds(old.fd), 0);
	/* And one that rings, for a completion that nobody has taken yet. */
	o = fx_to_inbox(old.inbox, NULL);
	T_OK(ferry_request_cancel(
	    fx_submit(old.context, FX_NOP, NULL, 0, &o)));
	full = t_bell_holds(old.fd);
	T_GT(full, 0);
	fx_in_child(use_everything, NULL);
	T_EQ(t_bell_holds(old.fd), full);
	c = fx_take_kind(old.inbox, FERRY_KIND_REPLY);
	T_EQ(c.status, FERRY_ECANCELED);
	T_EQ(t_bell_holds(old.fd), 0);
	end_old();
}

/* The block is the child's to release, the parent's is another one by then. */
static void
release_block(void *block)
{
	T_MEM(block, "kept", 5);
	T_OK(ferry_block_release(block));
}

static void
blocks_are_good(void)
{
	ferry_context context = fx_open();
	ferry_reply reply;

	T_OK(ferry_request_wait(&reply,
	    fx_submit(context, FX_ECHO, "kept", 5, NULL), -1));
	fx_in_child(release_block, reply.data);
	release_block(reply.data);
	fx_close(context);
}

/* ------------------------------------------------------- who comes in first */

static void *
join_party(void *start)
{
	pthread_barrier_wait(start);
	call_old(0);
	fx_live();
	return NULL;
}

/* All at once, the forking thread last or among them. */
static void
come_in(void *arg)
{
	enum { N = 4 };
	bool late = *(bool *)arg;
	pthread_barrier_t start;
	pthread_t threads[N];

	T_OK(pthread_barrier_init(&start, NULL, N + !late));
	for (int i = 0; i < N; i++)
		threads[i] = t_thread_start(join_party, &start);
	if (!late)
		join_party(&start);
	for (int i = 0; i < N; i++)
		t_thread_join(threads[i]);
	call_old(-1);
	fx_live();
}

static void
threads_come_in_at_once(void)
{
	bool late = false;

	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	make_old();
	fx_in_child(come_in, &late);
	late = true;
	fx_in_child(come_in, &late);
	end_old();
}

/* A thread that has homes in the parent and ends in the child untold. */
static void *
fork_and_end(void *arg)
{
	ferry_context context = *(ferry_context *)arg;
	pid_t child;

	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	child = fx_fork();
	if (child == 0)
		/* The last thread of the child: it exits with 0. */
		pthread_exit(NULL);
	fx_child_exits(child, 0);
	return NULL;
}

static void
a_thread_ends_in_the_child(void)
{
	ferry_context context = fx_open();

	t_thread_join(t_thread_start(fork_and_end, &context));
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(context);
}

/* ----------------------------------------------------------- generations */

static void
descend(void *arg)
{
	int generations = *(int *)arg;
	ferry_context mine;

	call_old(-1);
	if (generations-- == 0) {
		fx_live();
		return;
	}
	mine = fx_open();
	T_OK(fx_wait(fx_submit(mine, FX_NOP, NULL, 0, NULL)));
	fx_in_child(descend, &generations);
	T_OK(fx_wait(fx_submit(mine, FX_NOP, NULL, 0, NULL)));
	fx_close(mine);
}

static void
is_forked(void *arg)
{
	T_EQ(ferry_context_close(*(ferry_context *)arg, NULL, NULL),
	    FERRY_EFORKED);
}

/* The child opens something, its child must not take it for its own; also
 * when the one in between has not called Ferry at all. */
static void
between(void *unused)
{
	ferry_context mine;
	pid_t child;

	(void)unused;
	child = fx_fork();
	if (child == 0) {
		call_old(-1);
		_exit(FX_WELL);
	}
	fx_child_exits(child, FX_WELL);
	mine = fx_open();
	fx_in_child(is_forked, &mine);
	fx_close(mine);
}

static void
grandchildren(void)
{
	int generations = 3;

	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	make_old();
	fx_in_child(descend, &generations);
	fx_in_child(between, NULL);
	end_old();
}

/* -------------------------------------------------------- the whole process */

/* No atexit of Ferry's, no thread that is waited for. */
static void
exits_normally(void)
{
	pid_t child;

	if (T_ASAN)
		T_SKIP_CASE("leaks of threads that a child does not have");
	make_old();
	fflush(NULL);
	child = fx_fork();
	if (child == 0) {
		fx_live();
		exit(43);
	}
	fx_child_exits(child, 43);
	end_old();
}

static void
quiesce_and_fork(void *unused)
{
	ferry_context context = fx_open();
	ferry_context_options o = fx_context_options();

	(void)unused;
	T_OK(ferry_quiesce(-1));
	fx_submit_fails(context, FX_NOP, NULL, 0, NULL, FERRY_EQUIESCED);
	fx_in_child(fx_live_in_child, NULL);
	o.library = fx_library();
	T_EQ(ferry_context_open(&context, &o), FERRY_EQUIESCED);
}

/* In a child, since it cannot be taken back. The child's child has not
 * quiesced; and a quiesce there does not wait for what only the parent runs. */
static void
quiesce_starts_anew(void)
{
	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	make_old();
	fx_in_child(quiesce_and_fork, NULL);
	end_old();
}

static void
first_call(void *unused)
{
	(void)unused;
	T_EQ(ferry_context_close(FX_FORGED, NULL, NULL), FERRY_EINVAL);
	fx_live();
}

/* Must be the first case: the parent has not called Ferry yet. */
static void
before_the_first_call(void)
{
	fx_in_child(first_call, NULL);
}

/* The parent's threads asleep, the child busy: whoever is woken afterwards is
 * the parent's. */
static void
the_parent_still_wakes(void)
{
	ferry_context context = fx_open();
	ferry_health h = {.struct_size = sizeof h};

	for (int i = 0; i < 10; i++) {
		T_WAIT_UNTIL((ferry_context_health(&h, context),
		    h.worker == FERRY_THREAD_IDLE), FX_LIMIT_MS);
		fx_in_child(fx_live_in_child, NULL);
		T_OK(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)));
	}
	fx_close(context);
}

T_MAIN(
	T_RUN(before_the_first_call);
	T_RUN(tokens_are_the_parents);
	T_RUN(old_tokens_beside_new_ones);
	T_RUN(descriptors_are_left_alone);
	T_RUN(blocks_are_good);
	T_RUN(threads_come_in_at_once);
	T_RUN(a_thread_ends_in_the_child);
	T_RUN(grandchildren);
	T_RUN(exits_normally);
	T_RUN(quiesce_starts_anew);
	T_RUN(the_parent_still_wakes);
)
