/*
 * Producers against close, in every mode: each accepted request ends exactly
 * once, nothing of a refused one is ever seen, and after the close has returned
 * no callback runs.
 *
 * Iterations: a hundred for each round of open, load, and close.
 * T_LIMIT=180
 */
#include "account.h"

static ferry_context context;
static ferry_inbox inbox;
static ferry_library library;

struct producer {
	uint64_t seed;
	atomic_ullong *accepted;
};

/* Its own requests that are to be waited for. */
struct waits {
	ferry_request requests[32];
	uint64_t tags[32];
	unsigned n;
};

static void
wait_for_all(struct waits *w)
{
	for (unsigned i = 0; i < w->n; i++)
		account_wait(w->requests[i], w->tags[i]);
	w->n = 0;
}

static int
submit_one(struct producer *p, struct waits *w, struct t_rng *rng)
{
	ferry_request_options o = fx_request_options();
	uint32_t method = (uint32_t)t_rand_below(rng, LOAD_HOOK + 1);
	uint32_t spins = (uint32_t)t_rand_below(rng, 300);
	uint64_t tag;
	int r;

	switch (t_rand_below(rng, 3)) {
	case 0:
		o.callback = account_reply;
		r = load_submit(NULL, &tag, context, method, spins, o, rng);
		break;
	case 1:
		o.inbox = inbox;
		r = load_submit(NULL, &tag, context, method, spins, o, rng);
		break;
	default:
		if (w->n == 32)
			wait_for_all(w);
		r = load_submit(
		    &w->requests[w->n], &tag, context, method, spins, o, rng);
		w->tags[w->n] = tag;
		w->n += r == FERRY_OK;
	}
	if (r == FERRY_OK)
		atomic_fetch_add(p->accepted, 1);
	return r;
}

static void *
produce(void *arg)
{
	struct producer *p = arg;
	struct t_rng rng = {p->seed};
	struct waits w = {.n = 0};
	int r, closed;

	do {
		/* Before the submit: the close may return just after it. */
		closed = atomic_load(&account.closed);
		r = submit_one(p, &w, &rng);
		if (r != FERRY_OK && r != FERRY_EAGAIN &&
		    r != FERRY_ECLOSED && r != FERRY_ESTALE)
			T_FAIL("refused with %s", ferry_error_name(r));
		if (r == FERRY_EAGAIN) {
			if (closed)
				T_FAIL("EAGAIN of a context that is closed");
			wait_for_all(&w); /* what is not taken counts */
			nanosleep(&(struct timespec){0, 20000}, NULL);
		}
	} while (r != FERRY_ECLOSED && r != FERRY_ESTALE);
	wait_for_all(&w);
	return NULL;
}

/* Closes until it is closed; returns how many callbacks never ran. */
static uint64_t
close_all(uint32_t mode)
{
	ferry_close_report report;
	int r = fx_close_mode(context, mode, 0, &report);
	uint64_t not_run = report.callback_not_run;

	if (mode != FERRY_CLOSE_ABANDON)
		T_EQ(not_run, 0);
	if (r == FERRY_EBUSY) {
		T_EQ(mode, FERRY_CLOSE_ABANDON);
		r = fx_close_mode(context, FERRY_CLOSE_DRAIN, 0, NULL);
	}
	T_EQ(r, FERRY_OK);
	return not_run;
}

static void
open_round(uint64_t depth)
{
	ferry_context_options o = fx_context_options();

	o.library = library;
	o.depth = depth;
	context = fx_open_with(&o);
	T_OK(ferry_inbox_open(&inbox, NULL));
	fx_attach(inbox, context, 0, NULL);
}

static uint64_t
round_of(unsigned threads, uint32_t mode, struct t_rng *rng)
{
	struct producer producers[64];
	pthread_t ids[64];
	atomic_ullong accepted = 0;
	uint64_t enough = t_rand_below(rng, 400), not_run;

	open_round(1 + t_rand_below(rng, 200));
	for (unsigned i = 0; i < threads; i++) {
		producers[i] = (struct producer){t_rand(rng), &accepted};
		ids[i] = t_thread_start(produce, &producers[i]);
	}
	while (atomic_load(&accepted) < enough) {
		T_EQ(load_take(inbox), 0);
		sched_yield();
	}
	not_run = close_all(mode);
	atomic_store(&account.closed, 1);
	for (unsigned i = 0; i < threads; i++)
		t_thread_join(ids[i]);
	T_EQ(load_take(inbox), 1); /* CLOSED has come by now, after it all */
	T_OK(ferry_inbox_close(NULL, inbox));
	return account_check(not_run);
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){8, 20000, t_seed()});
	uint64_t rounds = s.iters < 300 ? 3 : s.iters / 100, sum = 0;
	struct t_rng rng = {s.seed};
	pthread_t answering;

	if (s.threads > 64)
		s.threads = 64;
	account_open(1 << 22);
	library = load_library();
	answering = t_thread_start(deferred_answer, NULL);
	for (uint64_t i = 0; i < rounds; i++) {
		sum += round_of(s.threads, (uint32_t)(i % 3), &rng);
		account_restart();
	}
	deferred_stop(answering);
	T_OK(ferry_library_close(library));
	dprintf(1, "%ju rounds, %ju accepted\n", (uintmax_t)rounds,
	    (uintmax_t)sum);
	account_print();
	return 0;
}
