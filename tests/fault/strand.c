/*
 * Strands that are refused what they are made of, and what they ask for: a
 * stack, memory, a thread of the pool, the poller's thread and descriptors. An
 * error each time, which leaves nothing behind; and the next try succeeds.
 */
#include "strand_steps.h"

#include <sys/socket.h>

#include "ffi/poller.h"

/* ----------------------------------------------- what is the strand's own */

static ferry_context own;

static int
await_two(ferry_call call, void *arg)
{
	char large[300] = "large";
	ferry_request request[2];
	ferry_reply reply;

	(void)call;
	(void)arg;
	for (int i = 0; i < 2; i++)
		request[i] = steps_submit(
		    own, ST_ECHO, large, sizeof large, NULL);
	for (int i = 0; i < 2; i++) {
		T_OK(ferry_strand_await(&reply, request[i], -1));
		T_ASSERT(reply.status == FERRY_OK ||
		    reply.status == STEPS_LESS);
		T_OK(ferry_block_release(reply.data));
	}
	return FERRY_OK;
}

static int
invoke_one(ferry_call call, void *arg)
{
	char large[300] = "large";
	ferry_request request = INJECT_UNTOUCHED;
	ferry_reply reply;
	int r = ferry_strand_invoke(&reply, &request, own, ST_ECHO, large,
	    sizeof large, NULL, -1);

	(void)call;
	(void)arg;
	if (inject_failed(__FILE__, __LINE__, "invoke", r,
	        (const int[]){FERRY_ENOMEM, 0})) {
		T_EQ(request, 0);
		T_OK(ferry_strand_invoke(&reply, &request, own, ST_ECHO,
		    large, sizeof large, NULL, -1));
	}
	T_OK(ferry_block_release(reply.data));
	return FERRY_OK;
}

static int
take_memory(ferry_call call, void *arg)
{
	static const size_t sizes[] = { 1, 500, 3000, 100000 };
	char *at[COUNT_OF(sizes)];

	(void)arg;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		void *p = at;

		STEP(ferry_strand_alloc(&p, sizes[i]), FERRY_ENOMEM);
		at[i] = p;
		memset(p, (int)i, sizes[i]);
		T_OK(ferry_strand_yield());
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		T_EQ(at[i][sizes[i] - 1], i);
	STEP(ferry_call_reply(call, FERRY_OK, at[3], 1000), FERRY_ENOMEM);
	T_OK(ferry_strand_sleep(1));
	return FERRY_OK;
}

static void
strands(void)
{
	own = strand_steps_open(NULL);
	strand_steps_run(own, take_memory, NULL);
	strand_steps_run(own, await_two, NULL);
	strand_steps_run(own, invoke_one, NULL);
	fx_rest(own);
	T_EQ(st_strands(own).completed, 3);
	T_OK(ferry_context_close(own, NULL, NULL));
}

/* A deadline that falls due while nothing can be remembered. */
static int
sleep_for_ever(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_sleep(-1);
}

/* Late if there is no memory to remember it, and not lost. */
static int
after_its_deadline(struct fx_job *job, uint64_t ms)
{
	ferry_request_options o = fx_request_options();
	ferry_request request;
	int r;

	o.deadline_ns = ferry_clock_ns() + ms * (uint64_t)t_slow() * 1000000;
	r = ferry_request_submit(
	    &request, own, ST_STRAND, job, sizeof *job, &o);
	if (r == FERRY_EDEADLINE)
		return r;
	if (inject_failed(__FILE__, __LINE__, "submit", r,
	        (const int[]){FERRY_ENOMEM, 0}))
		return r;
	T_WAIT_UNTIL(ferry_clock_ns() > o.deadline_ns, FX_LIMIT_MS);
	inject_disarm();
	return fx_wait(request);
}

static void
deadlines(void)
{
	struct fx_job job = { sleep_for_ever, NULL };
	uint64_t ms = 5;
	int status;

	own = strand_steps_open(NULL);
	do /* no memory to spawn it; or no time */
		status = after_its_deadline(&job, ms *= 2);
	while (status == FERRY_ENOMEM || status == FERRY_EDEADLINE);
	T_EQ(status, FERRY_ECANCELED);
	T_EQ(st_strands(own).cancelled, 1);
	fx_rest(own);
	T_OK(ferry_context_close(own, NULL, NULL));
}

/* --------------------------------------- threads and descriptors of others */

/* One strand, with the nth point refused; returns how many were. */
static unsigned long
one_point(ferry_context context, int (*run)(ferry_call, void *),
    void (*rest)(void), unsigned long n, int on)
{
	struct inject_level before = inject_level(), now;
	unsigned long fired;

	inject_arm(INJECT_ALL, n, on);
	strand_steps_run(context, run, NULL);
	fired = inject_disarm();
	fx_rest(context);
	rest();
	now = inject_level();
	T_EQ(now.blocks, before.blocks);
	T_EQ(now.descriptors, before.descriptors);
	T_EQ(now.kept, before.kept);
	return fired;
}

/* Each point in turn, on a context that stays; `rest` takes away what was made
 * for all strands, so that it is made anew. */
static void
each_point(int (*run)(ferry_call, void *), void (*rest)(void),
    unsigned long least)
{
	ferry_context context = strand_steps_open(NULL);

	/* What is made once, and kept; of each 64 requests one is timed. */
	for (int i = 0; i < 2 * 64; i++)
		strand_steps_run(context, run, NULL);
	rest();
	for (int on = 0; on < 2; on++) {
		unsigned long n = 1;

		while (one_point(context, run, rest, n, on) != 0)
			n++;
		dprintf(1, "\t%lu points%s\n", n - 1,
		    on ? " from then on" : " once");
		T_GE(n - 1, least);
	}
	T_EQ(st_strands(context).active, 0);
	T_OK(ferry_context_close(context, NULL, NULL));
	inject_await_threads();
}

static int
add_one(void *arg)
{
	return *(int *)arg + 1;
}

static int
offload(ferry_call call, void *arg)
{
	int n = 1, out;

	(void)call;
	(void)arg;
	STEP_OUT(out, ferry_strand_offload(&out, add_one, &n, NULL),
	    FERRY_ENOMEM, FERRY_ESYSTEM);
	T_EQ(out, 2);
	return FERRY_OK;
}

/* The pool's threads go when they have been idle. */
static void
no_offload_thread(void)
{
	T_WAIT_UNTIL(t_threads_called("ferry-offload") == 0, FX_LIMIT_MS);
}

static void
offloading(void)
{
	each_point(offload, no_offload_thread, 3);
}

/* A wait in vain, to its end. */
static int
await_nothing(int fd)
{
	uint32_t events = INJECT_UNTOUCHED;
	int r = ferry_strand_poll(&events, fd, POLLIN, 1);

	T_EQ(events, INJECT_UNTOUCHED);
	return r == FERRY_ETIMEDOUT ? FERRY_OK : r;
}

static int
poll_socket(ferry_call call, void *arg)
{
	uint32_t events;
	int fds[2];

	(void)call;
	(void)arg;
	T_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	STEP(await_nothing(fds[0]), FERRY_ENOMEM, FERRY_ESYSTEM);
	T_EQ(write(fds[1], "x", 1), 1);
	T_OK(ferry_strand_poll(&events, fds[0], POLLIN, 0));
	T_EQ(events, POLLIN);
	close(fds[0]);
	close(fds[1]);
	return FERRY_OK;
}

/* The poller's thread stays; this is how it is made to go. */
static void
no_poller(void)
{
	ferry__poller_rest();
	T_WAIT_UNTIL(t_threads_called("ferry-poll") == 0, FX_LIMIT_MS);
}

static void
polling(void)
{
	each_point(poll_socket, no_poller, 5);
}

/* The pool, the poller, the registry, and all the rest. */
static void
in_a_new_process(void)
{
	ferry_context context = strand_steps_open(NULL);

	own = context;
	strand_steps_run(context, take_memory, NULL);
	strand_steps_run(context, offload, NULL);
	strand_steps_run(context, poll_socket, NULL);
	strand_steps_run(context, invoke_one, NULL);
	fx_rest(context);
	T_OK(ferry_context_close(context, NULL, NULL));
	ferry__poller_rest();
}

/* --------------------------------------------------- no more stacks at all */

enum { SLEEPERS = 40 };

/* Those that have one go on; the others are told, and leave no trace. */
static void
no_stack_for_more(void)
{
	ferry_context context = strand_steps_open(NULL);
	struct fx_job job = { sleep_for_ever, NULL };
	ferry_request request[SLEEPERS];
	ferry_strands s;
	uint64_t refused = 0;

	/* Two points each: the pages, and their guard. */
	inject_arm(INJECT_FOR_EVER, 20, 1);
	for (int i = 0; i < SLEEPERS; i++)
		request[i] = fx_submit(
		    context, ST_STRAND, &job, sizeof job, NULL);
	T_WAIT_UNTIL((s = st_strands(context),
	    s.active + s.refused == SLEEPERS), FX_LIMIT_MS);
	T_GE(s.refused, SLEEPERS - 12);
	T_GE(s.active, 5);
	T_EQ(s.spawned, s.active);
	T_EQ(s.peak, s.active);
	T_GE(inject_disarm(), SLEEPERS - 12);
	/* They have been answered; and those that sleep can be cancelled. */
	for (int i = 0; i < SLEEPERS; i++) {
		int r = ferry_request_cancel(request[i]);

		T_ASSERT(r == FERRY_OK || r == FERRY_EDONE);
		T_EQ(fx_wait(request[i]),
		    r == FERRY_OK ? FERRY_ECANCELED : FERRY_ENOMEM);
		refused += r != FERRY_OK;
	}
	T_EQ(refused, s.refused);
	s = st_strands(context);
	T_EQ(s.cancelled, s.spawned);
	T_EQ(s.active, 0);
	strand_steps_run(context, take_memory, NULL);
	fx_close(context);
}

T_MAIN(
	INJECT_EACH(strands, 20);
	INJECT_EACH(deadlines, 8);
	T_RUN(offloading);
	T_RUN(polling);
	T_RUN(no_stack_for_more);
	INJECT_FRESH(in_a_new_process, 3, 40);
)
