/*
 * Threads that end in strands, and beside them: whoever was suspended is lost,
 * answered once and counted, and a successor goes on.
 */
#include "strand_states.h"

/* ------------------------------------------------------------ ends in one */

enum where { AT_ONCE, AFTER_A_WAIT, AFTER_A_REPLY, CANCELLED_FIRST, N_WHERES };

struct ending {
	enum where where;
	int by_cancel;
	atomic_int cleaned; /* clean-up handlers that have run */
};

static void
clean(void *arg)
{
	atomic_fetch_add(&((struct ending *)arg)->cleaned, 1);
}

static void
end_thread(int by_cancel)
{
	fx_before_exit();
	/* ThreadSanitizer allows no pthread_exit() off the thread's stack. */
	if (!by_cancel && !T_TSAN)
		pthread_exit(NULL);
	pthread_cancel(pthread_self());
	pthread_testcancel();
	T_FAIL("cancelled, and goes on");
}

static int
end_in_strand(ferry_call call, void *arg)
{
	struct ending *e = arg;
	ferry_call_info info = {.struct_size = sizeof info};

	pthread_cleanup_push(clean, e);
	if (e->where == AFTER_A_WAIT)
		T_OK(ferry_strand_sleep(1));
	if (e->where == AFTER_A_REPLY) {
		T_OK(ferry_strand_yield());
		T_OK(ferry_call_reply(call, 5, "last", 5));
		T_OK(ferry_strand_yield());
	}
	if (e->where == CANCELLED_FIRST) {
		/* It would have waited, but may not. */
		T_OK(ferry_call_describe(&info, call));
		T_OK(ferry_request_cancel(info.request));
		T_EQ(ferry_strand_yield(), FERRY_ECANCELED);
	}
	end_thread(e->by_cancel);
	pthread_cleanup_pop(0);
	return FERRY_OK;
}

static int
note_id(ferry_call call, void *arg)
{
	(void)call;
	T_OK(ferry_strand_yield());
	return ferry_strand_id(arg);
}

/* Its clean-up handlers run, its answer is FERRY_ELOST or the one that it has
 * given; the next one has the next id. */
static void
a_strand_ends_its_thread(void)
{
	ferry_context context = st_open();
	uint64_t n = 0, id = 0;

	for (int where = 0; where < N_WHERES; where++)
		for (int by_cancel = 0; by_cancel < 2; by_cancel++) {
			struct ending e = {(enum where)where, by_cancel, 0};
			int status = st_run(context, end_in_strand, &e);

			T_EQ(status,
			    where == AFTER_A_REPLY ? 5 : FERRY_ELOST);
			T_EQ(atomic_load(&e.cleaned), 1);
			n++;
			T_OK(st_run(context, note_id, &id));
			T_EQ(id, 2 * n);
			st_counts(context, n, 0, 0, n);
			T_EQ(fx_counters(context).threads_lost, n);
		}
	T_EQ(fx_counters(context).ended_lost, n - 2);
	fx_close(context);
}

static void
exit_in_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	fx_on_reply(request, status, data, size, user);
	fx_before_exit();
	pthread_exit(NULL);
}

/* A wait that is over before it has begun. */
static int
end_after_no_wait(ferry_call call, void *arg)
{
	uint32_t events;
	int fds[2], r;

	(void)call;
	(void)arg;
	T_OK(pipe(fds));
	r = ferry_strand_poll(&events, fds[1], POLLOUT, -1);
	T_OK(close(fds[0]));
	T_OK(close(fds[1]));
	T_OK(r);
	return 3;
}

static int
end_after_wait(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	T_OK(ferry_strand_yield());
	return 3;
}

static int
end_without_wait(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return 3;
}

static int
end_lost(ferry_call call, void *arg)
{
	struct ending e = {.where = arg != NULL ? AFTER_A_WAIT : AT_ONCE};

	return end_in_strand(call, &e);
}

/* The callbacks that tell of their ends end the thread too. Each request goes
 * home all the same: the bound is two of them. */
static void
their_callbacks_end_the_thread(void)
{
	static int (*const runs[])(ferry_call, void *) = {end_after_no_wait,
	    end_after_wait, end_without_wait, end_lost};
	static const int status[] = {3, 3, 3, FERRY_ELOST};
	ferry_context_options co = fx_context_options();
	ferry_context context;
	uint64_t lost = 0;

	co.depth = 2;
	context = st_open_with(&co);
	for (int i = 0; i < 40; i++) {
		struct fx_slot slot = {0};
		ferry_request_options o = fx_to_slot(&slot);
		ferry_request request;
		struct fx_job job = {runs[i % 4], i % 8 < 4 ? NULL : &slot};

		o.callback = exit_in_reply;
		T_WAIT_UNTIL(ferry_request_submit(&request, context, ST_STRAND,
		    &job, sizeof job, &o) == FERRY_OK, FX_LIMIT_MS);
		fx_slot_await(&slot);
		T_EQ(slot.status, status[i % 4]);
		lost += i % 4 == 3 ? 2 : 1;
		T_WAIT_UNTIL(fx_counters(context).threads_lost == lost,
		    FX_LIMIT_MS);
	}
	st_counts(context, 0, 30, 0, 10);
	fx_close(context);
}

static void
hook_asks_for_it(ferry_call call, void *user)
{
	(void)call;
	(void)user;
	/* Hooks are not cancelled while they run … */
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static int
cancel_in_hook(ferry_call call, void *arg)
{
	ferry_call_info info = {.struct_size = sizeof info};

	T_OK(ferry_strand_yield());
	T_OK(ferry_call_describe(&info, call));
	T_OK(ferry_call_on_cancel(call, hook_asks_for_it, NULL));
	T_OK(ferry_request_cancel(info.request));
	atomic_store((atomic_int *)arg, 1);
	fx_before_exit();
	pthread_testcancel();
	/* … but their strand is, afterwards. */
	T_FAIL("cancelled, and goes on");
	return FERRY_OK;
}

static void
cancelled_in_a_hook(void)
{
	ferry_context context = st_open();
	atomic_int came_back = 0;

	T_EQ(st_run(context, cancel_in_hook, &came_back), FERRY_ELOST);
	T_EQ(atomic_load(&came_back), 1);
	st_counts(context, 0, 0, 0, 1);
	fx_close(context);
}

/* ------------------------------------------------ beside those that wait */

/* What ends the thread while a strand waits. */
static int
end_in_handler(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	fx_before_exit();
	pthread_exit(NULL);
}

static void
by_a_handler(ferry_context context)
{
	T_EQ(fx_do_wait(context, end_in_handler, NULL), FERRY_ELOST);
}

static void
by_a_callback(ferry_context context)
{
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	o.callback = exit_in_reply;
	fx_submit(context, FX_NOP, NULL, 0, &o);
	fx_slot_await(&slot);
}

static void
by_a_strand(ferry_context context)
{
	struct ending e = {.where = AFTER_A_WAIT};

	T_EQ(st_run(context, end_in_strand, &e), FERRY_ELOST);
}

static void (*const by[])(ferry_context) = {
    by_a_handler, by_a_callback, by_a_strand};

enum { N_BYS = sizeof by / sizeof by[0] };

/* What it waited for goes on without it, and can be had by others. */
static void
lost_in_state(enum st_state state, int how)
{
	struct st_world *world = st_world_open(state, NULL);
	uint64_t lost = how == 2 ? 2 : 1;

	st_world_spawn(world, NULL);
	by[how](world->context);
	if (state == ST_OFFLOADED) {
		/* Its function may use the strand's stack until then. */
		st_turn(world->context);
		T_EQ(st_strands(world->context).active, 1);
		fx_gate_open(&world->w.gate);
	}
	T_EQ(fx_wait(world->request), FERRY_ELOST);
	T_EQ(atomic_load(&world->w.over), 0);
	st_counts(world->context, 0, 0, 0, lost);
	T_EQ(fx_counters(world->context).threads_lost, 1);
	st_turn(world->context);
	st_waiter_clear(&world->w);
	st_world_close(world, 0);
}

static void
lost_in_every_state(void)
{
	for (int state = 0; state < ST_N_STATES; state++)
		for (int how = 0; how < N_BYS; how++)
			lost_in_state((enum st_state)state, how);
}

/* All states at once, of two contexts of one worker; by callback. */
static void
lost_all_at_once(void)
{
	enum { N = 5 * ST_N_STATES };
	static struct st_waiter w[N];
	static struct fx_slot slots[N];
	ferry_context_options o = fx_context_options();
	ferry_context contexts[2], other = st_open();
	uint64_t n[2] = {0};

	o.worker_key = "lost";
	contexts[0] = st_open_with(&o);
	contexts[1] = st_open_with(&o);
	for (int i = 0; i < N; i++) {
		ferry_request_options ro = fx_to_slot(&slots[i]);

		w[i] = (struct st_waiter)ST_WAITER(i % ST_N_STATES);
		st_waiter_prepare(&w[i], contexts[i % 2], other);
		if (i % 3 == 0)
			ro.callback = exit_in_reply;
		st_spawn_with(contexts[i % 2], st_waiter_run, &w[i], &ro);
		st_waiter_await(&w[i]);
		n[i % 2]++;
	}
	by_a_handler(contexts[1]);
	for (int i = 0; i < N; i++) {
		if (w[i].state == ST_OFFLOADED)
			fx_gate_open(&w[i].gate);
		fx_slot_await(&slots[i]);
		T_EQ(slots[i].status, FERRY_ELOST);
		T_EQ(atomic_load(&w[i].over), 0);
	}
	for (int i = 0; i < 2; i++)
		st_counts(contexts[i], 0, 0, 0, n[i]);
	for (int i = 0; i < N; i++)
		st_waiter_clear(&w[i]);
	fx_close(contexts[0]);
	fx_close(contexts[1]);
	fx_close(other);
}

/* As they wake: what was on its way finds nobody, or had come before. */
static void
lost_as_they_wake(void)
{
	enum { N = 20 };
	static struct st_world *used; /* by functions, still */

	for (int round = 0; round < N * ST_N_STATES; round++) {
		struct st_world *world = st_world_open(
		    (enum st_state)(round % ST_N_STATES), NULL);
		struct fx_gate gate = FX_GATE_SHUT;
		ferry_request held, lost;
		ferry_strands s;
		int status;

		st_world_spawn(world, NULL);
		held = fx_hold(world->context, &gate);
		lost = fx_submit(world->context, FX_EXIT, NULL, 0, NULL);
		if (world->w.state != ST_SLEEPING)
			st_waiter_end(&world->w);
		if (round % 2)
			ferry_request_cancel(world->request);
		fx_gate_open(&gate);
		T_OK(fx_wait(held));
		T_EQ(fx_wait(lost), FERRY_ELOST);
		if (world->w.state == ST_SLEEPING)
			ferry_request_cancel(world->request);
		status = fx_wait(world->request);
		s = st_strands(world->context);
		T_EQ(s.active, 0);
		T_EQ(s.lost, status == FERRY_ELOST);
		/* What it awaited is answered, and not taken if it is lost. */
		if (world->w.state == ST_AWAITING_OWN ||
		    world->w.state == ST_AWAITING_FOREIGN)
			T_EQ(status != FERRY_OK
			        ? fx_wait(world->w.awaited) == 7
			        : ferry_request_cancel(world->w.awaited) ==
			            FERRY_ESTALE, 1);
		if (world->w.state == ST_LEAVABLE && status != FERRY_OK &&
		    atomic_load(&world->w.result) != 0)
			T_WAIT_UNTIL(atomic_load(&world->w.abandoned) == 1,
			    FX_LIMIT_MS);
		fx_rest(world->context);
		if (world->w.state == ST_POLLING)
			st_waiter_clear(&world->w);
		fx_close(world->context);
		fx_close(world->other);
		if (world->w.state == ST_LEAVABLE)
			world->next = used, used = world;
		else
			free(world);
	}
}

/* Cancelled and lost, shielded and lost: answered once. */
static void
lost_though_shielded(void)
{
	struct st_world *world = st_world_open(ST_POLLING, NULL);

	world->w.shielded = 1;
	st_world_spawn(world, NULL);
	T_OK(ferry_request_cancel(world->request));
	by_a_handler(world->context);
	T_EQ(fx_wait(world->request), FERRY_ELOST);
	st_counts(world->context, 0, 0, 0, 1);
	st_waiter_clear(&world->w);
	st_world_close(world, 0);
}

static int
reply_and_sleep(ferry_call call, void *arg)
{
	T_OK(ferry_call_reply(call, 5, "before", 7));
	atomic_store((atomic_int *)arg, 1);
	return ferry_strand_sleep(-1);
}

/* A reply that it gave before stands. */
static void
lost_after_its_reply(void)
{
	ferry_context context = st_open();
	atomic_int replied = 0;
	ferry_request request = st_spawn(context, reply_and_sleep, &replied);
	ferry_reply reply;

	T_WAIT_UNTIL(atomic_load(&replied), FX_LIMIT_MS);
	by_a_handler(context);
	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, 5);
	T_STR((char *)reply.data, "before");
	T_OK(ferry_block_release(reply.data));
	st_counts(context, 0, 0, 0, 1);
	T_EQ(fx_counters(context).ended_lost, 1);
	fx_close(context);
}

/* ----------------------------------------------------------- close on loss */

static void
close_on_loss(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ending e = {.where = AFTER_A_WAIT};
	struct st_world *world;
	ferry_request held, lost, queued, request = 77;
	int r;

	o.flags = FERRY_CONTEXT_CLOSE_ON_LOSS;
	world = st_world_open(ST_SLEEPING, &o);
	st_world_spawn(world, NULL);
	lost = st_spawn(world->context, end_in_strand, &e);
	T_EQ(fx_wait(lost), FERRY_ELOST);
	T_EQ(fx_wait(world->request), FERRY_ELOST);
	r = ferry_request_submit(
	    &request, world->context, FX_NOP, NULL, 0, NULL);
	T_EQ(r, FERRY_ECLOSED);
	st_counts(world->context, 0, 0, 0, 2);
	T_OK(ferry_context_close(world->context, NULL, NULL));
	/* And in its first run, with others queued behind it. */
	world->context = st_open_with(&o);
	held = fx_hold(world->context, &gate);
	e.where = AT_ONCE;
	lost = st_spawn(world->context, end_in_strand, &e);
	queued = st_spawn(world->context, end_in_strand, &e);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_EQ(fx_wait(lost), FERRY_ELOST);
	T_EQ(fx_wait(queued), FERRY_ECLOSED);
	T_OK(ferry_context_close(world->context, NULL, NULL));
	st_world_close(world, 1);
}

/* Lost in the middle of a close that waits for them. */
static void
lost_in_a_close(void)
{
	for (int i = 0; i < 20; i++) {
		struct st_world *world = st_world_open(ST_SLEEPING, NULL);
		struct ending e = {.where = AFTER_A_WAIT, .by_cancel = i % 2};
		ferry_request lost;

		st_world_spawn(world, NULL);
		lost = st_spawn(world->context, end_in_strand, &e);
		T_OK(ferry_context_close(world->context, NULL, NULL));
		T_EQ(fx_wait(lost), FERRY_ELOST);
		T_EQ(fx_wait(world->request), FERRY_ELOST);
		st_world_close(world, 1);
	}
}

T_MAIN(
	T_RUN(a_strand_ends_its_thread);
	T_RUN(their_callbacks_end_the_thread);
	T_RUN(cancelled_in_a_hook);
	T_RUN(lost_in_every_state);
	T_RUN(lost_all_at_once);
	T_RUN(lost_as_they_wake);
	T_RUN(lost_though_shielded);
	T_RUN(lost_after_its_reply);
	T_RUN(close_on_loss);
	T_RUN(lost_in_a_close);
)
