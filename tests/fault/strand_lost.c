/*
 * The FFI thread is ended, wherever it runs, with strands suspended in every
 * way: all of them are answered, counted and never resumed, with a successor
 * and where no thread is to be had; and nothing of theirs is left.
 */
#include "strand_steps.h"

#include "ending.h"
#include "ffi/poller.h"

/* How a strand is suspended. */
enum wait {
	SLEEPS,
	SLEEPS_FOR_EVER,
	YIELDS,
	AWAITS,
	POLLS,
	OFFLOADS,       /* and waits until that has returned */
	LEAVES,         /* need not */
	HAS_REPLIED,
	WAITS
};

/* Where the thread ends. */
enum place {
	HANDLER,
	STRAND,         /* that has not waited yet */
	STRAND_AGAIN,   /* that has */
	STRAND_ROUSED,  /* by its cancel */
	STRAND_ELSEWHERE, /* another context's, of the same worker */
	CALLBACK,
	PLACES
};

enum { DEPTH = 40 };

struct round {
	enum place place;
	enum ending how;
	int successor;
	ferry_context context, other, sibling;
	struct fx_gate held, away, left;
	ferry_request awaited;
	int wire[2];
	atomic_int suspended, abandoned;
	ferry_request request[WAITS];
	ferry_request last; /* the one that ends it */
};

struct one {
	struct round *r;
	enum wait how;
};

/* ------------------------------------------------------------ the strands */

static int
pass(void *arg)
{
	fx_gate_pass(arg);
	return 5;
}

static void
count_abandoned(void *arg, int result)
{
	struct round *r = arg;

	T_EQ(result, 5);
	atomic_fetch_add(&r->abandoned, 1);
}

static int
pass_left(void *arg)
{
	struct round *r = arg;

	return pass(&r->left);
}

static int
wait_somehow(struct round *r, enum wait how)
{
	ferry_reply reply;

	switch (how) {
	case SLEEPS:
		return ferry_strand_sleep(3600000);
	case SLEEPS_FOR_EVER:
	case HAS_REPLIED:
		return ferry_strand_sleep(-1);
	case AWAITS:
		return ferry_strand_await(&reply, r->awaited, -1);
	case POLLS:
		return ferry_strand_poll(NULL, r->wire[0], POLLIN, -1);
	case OFFLOADS:
		return ferry_strand_offload(NULL, pass, &r->away, NULL);
	case LEAVES:
		return ferry_strand_offload(
		    NULL, pass_left, r, count_abandoned);
	default:
		for (;;)
			T_OK(ferry_strand_yield());
	}
}

static int
be_suspended(ferry_call call, void *arg)
{
	struct one one = *(struct one *)arg;
	void *p;

	T_OK(ferry_strand_alloc(&p, 5000));
	if (one.how == HAS_REPLIED)
		T_OK(ferry_call_reply(call, 9, "early", 5));
	atomic_fetch_add(&one.r->suspended, 1);
	T_FAIL("resumed, with %d", wait_somehow(one.r, one.how));
}

/* ---------------------------------------------------------------- the end */

__attribute__((noreturn)) static void
end_round(struct round *r)
{
	if (!r->successor)
		inject_arm(INJECT_THREAD, 1, 1);
	/* TSan allows no pthread_exit() off the thread's own stack. */
	end_thread(T_TSAN ? ENDING_CANCEL : r->how);
}

static int
end_here(ferry_call call, void *arg)
{
	struct round *r = arg;
	int status;

	(void)call;
	if (r->place == STRAND_AGAIN)
		T_OK(ferry_strand_sleep(1));
	if (r->place == STRAND_ROUSED) {
		status = ferry_strand_sleep(-1);
		T_EQ(status, FERRY_ECANCELED);
	}
	end_round(r);
}

static void
end_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	end_round(user);
}

static void
submit_the_end(struct round *r)
{
	ferry_request_options o = fx_request_options();
	struct fx_job job = { end_here, r };

	switch (r->place) {
	case CALLBACK:
		o.callback = end_in_callback;
		o.user = r;
		fx_submit(r->context, ST_ECHO, NULL, 0, &o);
		break;
	case HANDLER:
		r->last = fx_submit(
		    r->context, ST_DO, &job, sizeof job, NULL);
		break;
	case STRAND_ELSEWHERE:
		r->last = st_spawn(r->sibling, end_here, r);
		break;
	default:
		r->last = st_spawn(r->context, end_here, r);
		break;
	}
	if (r->place != STRAND_ROUSED)
		return;
	st_await_active(r->context, WAITS + 1);
	T_OK(ferry_request_cancel(r->last));
}

/* -------------------------------------------------------------- the round */

static void
open_round(struct round *r)
{
	ferry_context_options o = fx_context_options();

	T_EQ(pipe2(r->wire, O_CLOEXEC), 0);
	o.depth = DEPTH;
	o.worker_key = "strand-lost";
	r->sibling = strand_steps_open(&o);
	r->context = strand_steps_open(&o);
	r->other = strand_steps_open(NULL);
	r->held = r->away = r->left = (struct fx_gate)FX_GATE_SHUT;
	r->awaited = fx_submit(r->other, ST_GATE,
	    &(struct fx_gate *){&r->held}, sizeof(struct fx_gate *), NULL);
}

static void
suspend_all(struct round *r)
{
	static struct one ones[WAITS];

	for (enum wait how = 0; how < WAITS; how++) {
		ones[how] = (struct one){ r, how };
		r->request[how] =
		    st_spawn(r->context, be_suspended, &ones[how]);
	}
	T_WAIT_UNTIL(atomic_load(&r->suspended) == WAITS, FX_LIMIT_MS);
	fx_gate_await(&r->away, 1);
	fx_gate_await(&r->left, 1);
}

static void
check_answers(struct round *r)
{
	if (r->place != CALLBACK)
		T_EQ(fx_wait(r->last), FERRY_ELOST);
	for (enum wait how = 0; how < WAITS; how++) {
		if (how == OFFLOADS) {
			/* Its function still runs, and may use its stack. */
			st_await_active(r->context, 1);
			fx_gate_open(&r->away);
		}
		T_EQ(fx_wait(r->request[how]),
		    how == HAS_REPLIED ? 9 : FERRY_ELOST);
	}
	T_EQ(atomic_load(&r->abandoned), 0);
	fx_gate_open(&r->left);
	T_WAIT_UNTIL(atomic_load(&r->abandoned) == 1, FX_LIMIT_MS);
	/* What it awaited is anybody's to wait for. */
	fx_gate_open(&r->held);
	T_EQ(fx_wait(r->awaited), FERRY_OK);
}

static void
check_counters(struct round *r)
{
	uint64_t enders = r->place >= STRAND && r->place <= STRAND_ROUSED;
	ferry_strands s;
	ferry_counters c;

	fx_rest(r->context);
	s = st_strands(r->context);
	c = fx_counters(r->context);
	T_EQ(s.spawned, WAITS + enders);
	T_EQ(s.lost, WAITS + enders);
	T_EQ(s.active, 0);
	T_EQ(c.threads_lost, 1);
	/* The one with a reply had ended, as far as its caller is told. */
	T_EQ(c.ended_lost, WAITS - 1 + enders + (r->place == HANDLER));
	T_EQ(c.ended_error, 1);
	T_EQ(c.late_replies, 0);
	T_EQ(c.discarded, 0);
	T_EQ(st_strands(r->sibling).lost, r->place == STRAND_ELSEWHERE);
}

/* As many as there may be, and no fewer: every node has come home. */
static void
fill_to_the_brim(struct round *r)
{
	ferry_request request[DEPTH], more;
	struct fx_gate gate = FX_GATE_SHUT, *g = &gate;

	/* A node may be counted as ended, and not be home yet. */
	for (int i = 0; i < DEPTH; i++)
		T_WAIT_UNTIL(ferry_request_submit(&request[i], r->context,
		    ST_GATE, &g, sizeof g, NULL) == FERRY_OK, FX_LIMIT_MS);
	T_EQ(ferry_request_submit(&more, r->context, ST_GATE, &g, sizeof g,
	    NULL), FERRY_EAGAIN);
	fx_gate_open(&gate);
	for (int i = 0; i < DEPTH; i++)
		T_EQ(fx_wait(request[i]),
		    r->successor ? FERRY_OK : FERRY_ECLOSED);
}

static int
sleep_a_little(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_sleep(1);
}

static void
play(enum place place, enum ending how, int successor)
{
	struct round r = { .place = place, .how = how,
		.successor = successor };

	open_round(&r);
	suspend_all(&r);
	submit_the_end(&r);
	check_answers(&r);
	T_EQ(inject_disarm() != 0, !successor);
	check_counters(&r);
	fill_to_the_brim(&r);
	T_EQ(st_run(r.context, sleep_a_little, NULL),
	    successor ? FERRY_OK : FERRY_ECLOSED);
	T_OK(ferry_context_close(r.context, NULL, NULL));
	T_OK(ferry_context_close(r.sibling, NULL, NULL));
	T_OK(ferry_context_close(r.other, NULL, NULL));
	close(r.wire[0]);
	close(r.wire[1]);
	ferry__poller_rest();
}

static void
play_all(int successor)
{
	struct inject_level before;

	/* What is made once: two workers take turns, and the sibling is
	 * submitted to in one of the rounds. */
	play(STRAND_ELSEWHERE, ENDING_EXIT, successor);
	play(STRAND_ELSEWHERE, ENDING_EXIT, successor);
	before = inject_level();
	for (enum place place = 0; place < PLACES; place++)
		for (enum ending how = 0; how < ENDING_CANCEL_ASYNC; how++)
			play(place, how, successor);
	inject_same(&before); /* when the pool's threads have gone */
}

static void
with_a_successor(void)
{
	play_all(1);
}

static void
no_successor(void)
{
	play_all(0);
}

/* ------------------------------------- whose answers end the thread, too */

enum { CHAIN = 6 };

static atomic_int told;

static int
sleep_for_ever(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	T_FAIL("resumed, with %d", ferry_strand_sleep(-1));
}

static void
end_again(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	(void)user;
	T_EQ(status, FERRY_ELOST);
	atomic_fetch_add(&told, 1);
	end_thread(ENDING_EXIT);
}

/* Each successor goes on where the one before was ended. */
static void
one_after_the_other(void)
{
	ferry_context context = strand_steps_open(NULL);
	ferry_request_options o = fx_request_options();
	struct fx_job job = { sleep_for_ever, NULL };
	struct round r = { .place = HANDLER, .successor = 1,
		.context = context };

	atomic_store(&told, 0);
	o.callback = end_again;
	for (int i = 0; i < CHAIN; i++)
		fx_submit(context, ST_STRAND, &job, sizeof job, &o);
	st_await_active(context, CHAIN);
	submit_the_end(&r);
	T_EQ(fx_wait(r.last), FERRY_ELOST);
	T_WAIT_UNTIL(atomic_load(&told) == CHAIN, FX_LIMIT_MS);
	T_EQ(st_run(context, sleep_a_little, NULL), FERRY_OK);
	T_EQ(st_strands(context).lost, CHAIN);
	T_EQ(fx_counters(context).threads_lost, CHAIN + 1);
	fx_close(context);
}

T_MAIN(
	T_RUN(with_a_successor);
	T_RUN(no_successor);
	T_RUN(one_after_the_other);
)
