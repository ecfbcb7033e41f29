/*
 * Cancelling against starting, finishing, and closing.
 *
 * Pairs of threads: one submits and takes, the other cancels the same request,
 * at any moment from before its start to after its reply was taken. Held to
 * account: one reply each; a hook at most once, never before the call was
 * started, never still running when the reply is there; and the counters, in
 * which requests that never started must be as many as the handlers did not
 * see. Now and then the context is closed on top of it.
 *
 * Iterations: requests of each pair. T_LIMIT=300
 */
#include "account.h"

static ferry_library library;
static ferry_context context;

/* One request, from its submit to its reply. */
struct target {
	atomic_int started;
	atomic_int hooks_begun, hooks_ended;
	atomic_int ended; /* the reply has been taken */
	uint32_t spin;
	int hooked, deferred;
};

struct pair {
	pthread_t submitter, canceller;
	uint64_t seed, n;
	struct target *targets;
	_Atomic ferry_request request; /* for the canceller; 0: not yet */
	atomic_ullong turn;            /* which request that is */
	atomic_ullong results[32];     /* of cancel, by error */
	atomic_int stopped;
	uint64_t accepted;
};

static void
hook(ferry_call call, void *user)
{
	struct target *t = user;

	(void)call;
	T_EQ(atomic_load(&t->started), 1);
	T_EQ(atomic_load(&t->ended), 0);
	T_EQ(atomic_fetch_add(&t->hooks_begun, 1), 0);
	spin(100);
	atomic_fetch_add(&t->hooks_ended, 1);
}

static int
handle(ferry_call call, const void *data, size_t size, void *state)
{
	struct target *t;
	int r;

	(void)state;
	T_EQ(size, sizeof t);
	memcpy(&t, data, sizeof t);
	T_EQ(atomic_fetch_add(&t->started, 1), 0);
	if (t->deferred)
		T_OK(ferry_call_defer(call));
	if (t->hooked) {
		r = ferry_call_on_cancel(call, hook, t);
		T_ASSERT(r == FERRY_OK || r == FERRY_ECANCELED);
		if (r == FERRY_ECANCELED)
			T_EQ(atomic_load(&t->hooks_begun), 0);
	}
	for (uint32_t i = 0; i < t->spin; i++) {
		if (atomic_load(&t->hooks_begun))
			break;
	}
	if (t->deferred)
		deferred_push(call);
	return ferry_call_check(call) == FERRY_OK ? 1 : FERRY_ECANCELED;
}

static void
check_reply(struct target *t, int status)
{
	int started = atomic_load(&t->started);

	T_ASSERT(status == 1 || status == 7 || status == FERRY_ECANCELED ||
	    status == FERRY_ECLOSED);
	if (status == FERRY_ECLOSED)
		T_EQ(started, 0);
	if (!started)
		T_ASSERT(status == FERRY_ECLOSED || status == FERRY_ECANCELED);
	T_EQ(atomic_load(&t->hooks_begun), atomic_load(&t->hooks_ended));
	atomic_store(&t->ended, 1);
}

/* 0 when the context is closed. */
static int
submit_and_take(struct pair *p, uint64_t i, struct t_rng *rng)
{
	struct target *t = &p->targets[i];
	ferry_request request;
	int r;

	t->spin = (uint32_t)t_rand_below(rng, 600);
	t->hooked = t_rand_below(rng, 4) != 0;
	t->deferred = t_rand_below(rng, 4) == 0;
	r = ferry_request_submit(&request, context, 0, &t, sizeof t, NULL);
	if (r == FERRY_ECLOSED || r == FERRY_ESTALE)
		return 0;
	T_OK(r);
	p->accepted++;
	atomic_store(&p->turn, i);
	atomic_store(&p->request, request);
	if (t_rand_below(rng, 4) == 0)
		spin((uint32_t)t_rand_below(rng, 2000));
	check_reply(t, fx_wait(request));
	atomic_store(&p->request, 0);
	return 1;
}

static void *
submitter(void *arg)
{
	struct pair *p = arg;
	struct t_rng rng = {p->seed};

	for (uint64_t i = 0; i < p->n; i++) {
		if (!submit_and_take(p, i, &rng))
			break;
	}
	atomic_store(&p->stopped, 1);
	return NULL;
}

static void *
canceller(void *arg)
{
	struct pair *p = arg;
	struct t_rng rng = {p->seed + 1};

	while (!atomic_load(&p->stopped)) {
		ferry_request request = atomic_load(&p->request);
		int r;

		if (request == 0) {
			sched_yield();
			continue;
		}
		spin((uint32_t)t_rand_below(&rng, 1500));
		r = ferry_request_cancel(request);
		T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY ||
		    r == FERRY_EDONE || r == FERRY_ESTALE);
		atomic_fetch_add(&p->results[-r], 1);
		/* Once is enough, mostly. */
		while (t_rand_below(&rng, 8) != 0 &&
		    atomic_load(&p->request) == request &&
		    !atomic_load(&p->stopped))
			sched_yield();
	}
	return NULL;
}

static void
open_context(void)
{
	ferry_context_options o = fx_context_options();

	o.library = library;
	T_OK(ferry_context_open(&context, &o));
}

static void
open_library(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "handle", .handler = handle};
	ferry_library_options o = {.struct_size = sizeof o, .name = "cancel",
	    .methods = &method, .n_methods = 1};

	T_OK(ferry_library_open(&library, &o));
}

static uint64_t
count_started(const struct pair *p)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < p->n; i++)
		n += (uint64_t)atomic_load(&p->targets[i].started);
	return n;
}

/* One context, n pairs; closed under them, or when they are done. */
static void
round_of(struct pair *pairs, unsigned n, int close_under, struct t_rng *rng)
{
	uint64_t accepted = 0, started = 0;
	ferry_counters c;

	open_context();
	for (unsigned i = 0; i < n; i++) {
		struct pair *p = &pairs[i];

		memset(p->targets, 0, p->n * sizeof *p->targets);
		p->seed = t_rand(rng);
		p->accepted = 0;
		atomic_store(&p->stopped, 0);
		p->submitter = t_thread_start(submitter, p);
		p->canceller = t_thread_start(canceller, p);
	}
	if (close_under) {
		spin((uint32_t)t_rand_below(rng, 3000000));
		T_OK(fx_close_mode(context, FERRY_CLOSE_CANCEL, 0, NULL));
	}
	for (unsigned i = 0; i < n; i++) {
		t_thread_join(pairs[i].submitter);
		t_thread_join(pairs[i].canceller);
		accepted += pairs[i].accepted;
		started += count_started(&pairs[i]);
	}
	if (close_under)
		return;
	fx_rest(context);
	c = fx_counters(context);
	T_EQ(c.submitted - c.refused, accepted);
	T_EQ(c.started, started);
	T_EQ(fx_unstarted(&c), accepted - started);
	T_OK(ferry_context_close(context, NULL, NULL));
}

static void
print_results(const struct pair *pairs, unsigned n)
{
	for (int error = 0; error < 32; error++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < n; i++)
			sum += atomic_load(&pairs[i].results[error]);
		if (sum > 0)
			dprintf(1, "  cancel: %-16s %ju\n",
			    ferry_error_name(-error), (uintmax_t)sum);
	}
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){4, 8000, t_seed()});
	unsigned n = s.threads < 4 ? 1 : s.threads / 2;
	struct pair *pairs = calloc(n, sizeof *pairs);
	struct t_rng rng = {s.seed};
	pthread_t answering;
	enum { ROUNDS = 8 };

	for (unsigned i = 0; i < n; i++) {
		pairs[i].n = s.iters / ROUNDS + 1;
		pairs[i].targets =
		    calloc(pairs[i].n, sizeof *pairs[i].targets);
	}
	open_library();
	answering = t_thread_start(deferred_answer, NULL);
	for (int round = 0; round < ROUNDS; round++)
		round_of(pairs, n, round % 2, &rng);
	deferred_stop(answering);
	T_EQ(atomic_load(&deferred.late), 0);
	T_OK(ferry_library_close(library));
	print_results(pairs, n);
	for (unsigned i = 0; i < n; i++)
		free(pairs[i].targets);
	free(pairs);
	return 0;
}
