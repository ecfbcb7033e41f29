/*
 * T_LIMIT=120
 * Forks in the middle of everything: producers on every way that a reply goes,
 * contexts that open and close, threads that come and end, others stuck in
 * each stage of a context's life. Each child finds all of Ferry usable; in the
 * parent each request is answered once.
 *
 * `fork_load [forks]`, 200 of them unless said otherwise.
 */
#include <stdbool.h>

#include "forking.h"

enum { FORKERS = 2, CHURNERS = 2, AT_ONCE = 64 };

static atomic_bool over;
static ferry_context shared; /* open all the while, with a producer each way */
static ferry_inbox inbox;
static atomic_int freed;
static unsigned forks = 200;

/* -------------------------------------------------------------- producers */

static atomic_uint called_back;

static void
count_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	(void)user;
	T_EQ(status, FERRY_OK);
	atomic_fetch_add(&called_back, 1);
}

static void *
by_callback(void *unused)
{
	ferry_request_options o = fx_request_options();
	unsigned sent = 0;
	int r;

	o.callback = count_reply;
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = &freed;
	while (!atomic_load(&over)) {
		char *data = calloc(1, 100);

		r = ferry_request_submit(
		    NULL, shared, FX_ECHO, data, 100, &o);
		if (r == FERRY_EAGAIN) {
			free(data);
			continue;
		}
		T_OK(r);
		sent++;
	}
	T_WAIT_UNTIL(atomic_load(&called_back) == sent, FX_LIMIT_MS);
	T_WAIT_UNTIL(atomic_load(&freed) == (int)sent, FX_LIMIT_MS);
	return unused;
}

static void *
by_waiting(void *unused)
{
	while (!atomic_load(&over))
		T_OK(fx_wait(fx_submit(shared, FX_ECHO, "wait", 5, NULL)));
	return unused;
}

/* Bursts, so that forks find nodes on their way both ways. */
static void *
by_inbox(void *unused)
{
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	ferry_completion c;

	while (!atomic_load(&over)) {
		for (int i = 0; i < AT_ONCE; i++)
			fx_submit(shared, FX_ECHO, "inbox", 6, &o);
		for (int i = 0; i < AT_ONCE; i++) {
			c = fx_take_kind(inbox, FERRY_KIND_REPLY);
			fx_done(&c);
		}
	}
	return unused;
}

/* ------------------------------------------------------------------ churn */

static void *
submit_once(void *unused)
{
	T_OK(fx_wait(fx_submit(shared, FX_NOP, NULL, 0, NULL)));
	return unused;
}

/* Every mutex of Ferry's is taken here, all the time. */
static void *
churn(void *unused)
{
	while (!atomic_load(&over)) {
		t_thread_join(t_thread_start(submit_once, NULL));
		fx_live();
	}
	return unused;
}

/* ------------------------------------------------------------- the stages */

static struct {
	struct fx_gate init_gate;
	struct fx_gate drain_gate;
	struct fx_gate wedge_gate;
	ferry_context draining;
	ferry_context wedged;
	pthread_t opener;
	pthread_t closer;
} stages = {FX_GATE_SHUT, FX_GATE_SHUT, FX_GATE_SHUT, 0, 0, 0, 0};

static void *
open_slowly(void *unused)
{
	struct fx_life life = {.init_gate = &stages.init_gate};
	ferry_context_options o = fx_context_options();

	o.init_arg = &life;
	fx_close(fx_open_with(&o));
	return unused;
}

static void *
close_slowly(void *unused)
{
	T_OK(ferry_context_close(stages.draining, NULL, NULL));
	return unused;
}

static bool
is_closing(ferry_context context)
{
	ferry_request request;
	int r = ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);

	if (r == FERRY_OK)
		T_OK(ferry_request_release(request));
	return r == FERRY_ECLOSED;
}

static void
enter_stages(void)
{
	ferry_request held;

	stages.opener = t_thread_start(open_slowly, NULL);
	fx_gate_await(&stages.init_gate, 1);
	stages.draining = fx_open();
	held = fx_hold(stages.draining, &stages.drain_gate);
	T_OK(ferry_request_release(held));
	stages.closer = t_thread_start(close_slowly, NULL);
	T_WAIT_UNTIL(is_closing(stages.draining), FX_LIMIT_MS);
	stages.wedged = fx_open();
	held = fx_hold(stages.wedged, &stages.wedge_gate);
	T_EQ(fx_close_mode(stages.wedged, FERRY_CLOSE_ABANDON, 0, NULL),
	    FERRY_EBUSY);
	T_EQ(fx_wait(held), FERRY_ECLOSED);
}

static void
leave_stages(void)
{
	fx_gate_open(&stages.init_gate);
	fx_gate_open(&stages.drain_gate);
	fx_gate_open(&stages.wedge_gate);
	t_thread_join(stages.opener);
	t_thread_join(stages.closer);
	T_OK(ferry_context_close(stages.wedged, NULL, NULL));
}

/* ---------------------------------------------------------------- children */

static void *
live(void *unused)
{
	fx_live();
	return unused;
}

static void
child_of_load(void *arg)
{
	int freed_before = atomic_load(&freed);
	unsigned called_before = atomic_load(&called_back);
	bool threads_first = *(bool *)arg;

	if (threads_first && fx_may_start_threads())
		t_thread_join(t_thread_start(live, NULL));
	T_EQ(ferry_context_close(shared, NULL, NULL), FERRY_EFORKED);
	T_EQ(ferry_context_close(stages.draining, NULL, NULL), FERRY_EFORKED);
	T_EQ(ferry_context_close(stages.wedged, NULL, NULL), FERRY_EFORKED);
	T_EQ(ferry_inbox_close(NULL, inbox), FERRY_EFORKED);
	if (!threads_first)
		fx_live();
	T_EQ(atomic_load(&freed), freed_before);
	T_EQ(atomic_load(&called_back), called_before);
}

static void *
fork_on(void *unused)
{
	for (unsigned i = 0; i < forks / FORKERS; i++) {
		bool threads_first = i % 2;

		fx_in_child(child_of_load, &threads_first);
		/* The parent's own, between two of them. */
		T_OK(fx_wait(fx_submit(shared, FX_NOP, NULL, 0, NULL)));
	}
	return unused;
}

/* What threads that a child does not have held in their hands at the fork is
 * lost in it, and this leak checker looks at every process. */
static bool
under_valgrind(void)
{
	const char *wrap = getenv("T_WRAP");

	return wrap != NULL && strstr(wrap, "valgrind") != NULL;
}

static void
forks_under_load(void)
{
	pthread_t producers[3], churners[CHURNERS], forkers[FORKERS];

	if (T_ASAN)
		T_SKIP_CASE("a child cannot use AddressSanitizer's allocator "
		    "when another thread was in it at the fork");
	if (under_valgrind())
		T_SKIP_CASE("Valgrind looks for leaks in the children");
	shared = fx_open();
	inbox = fx_inbox();
	fx_attach(inbox, shared, 0, NULL);
	enter_stages();
	producers[0] = t_thread_start(by_callback, NULL);
	producers[1] = t_thread_start(by_waiting, NULL);
	producers[2] = t_thread_start(by_inbox, NULL);
	for (int i = 0; i < CHURNERS; i++)
		churners[i] = t_thread_start(churn, NULL);
	for (int i = 0; i < FORKERS; i++)
		forkers[i] = t_thread_start(fork_on, NULL);
	for (int i = 0; i < FORKERS; i++)
		t_thread_join(forkers[i]);
	atomic_store(&over, true);
	for (int i = 0; i < 3; i++)
		t_thread_join(producers[i]);
	for (int i = 0; i < CHURNERS; i++)
		t_thread_join(churners[i]);
	leave_stages();
	fx_close(shared);
	T_OK(ferry_inbox_close(NULL, inbox));
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		forks = (unsigned)strtoul(argv[1], NULL, 0);
	if (forks == 0) {
		t_begin(argc, argv);
		forks = 200;
	}
	T_RUN(forks_under_load);
	return t_end();
}
