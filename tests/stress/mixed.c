/*
 * Everything at once, by seed: callbacks, inboxes, waits, cancels, deadlines,
 * batches, deferred calls, adopted memory, handlers that end their thread,
 * snapshots; and one accountant over all of it.
 *
 * Iterations: tags of each thread, in rounds of a context each. T_LIMIT=300
 */
#include "account.h"

enum { PENDING = 48, BATCH = 12, MAX_THREADS = 64 };

static ferry_library library;
static ferry_context context;
static atomic_int watching;

struct worker {
	pthread_t thread;
	uint64_t seed, n;
	ferry_inbox inbox;
	/* Requests of its own, to be waited for. */
	ferry_request requests[PENDING];
	uint64_t tags[PENDING];
	unsigned pending;
	ferry_request last; /* of any kind, perhaps stale: to be cancelled */
	uint64_t refused, canceled;
};

static uint32_t
some_method(struct t_rng *rng)
{
	uint64_t n = t_rand_below(rng, 1000);

	if (n == 0)
		return LOAD_EXIT;
	return n < 400 ? LOAD_PLAIN : n < 700 ? LOAD_ECHO :
	    n < 850 ? LOAD_DEFER : LOAD_HOOK;
}

static const struct account_chances chances = {
	.deadline_in = 10, .within_ns = 300000, .stale_in = 20
};

static void
take_pending(struct worker *w)
{
	for (unsigned i = 0; i < w->pending; i++)
		account_wait(w->requests[i], w->tags[i]);
	w->pending = 0;
}

static int
refused(struct worker *w, int r)
{
	if (r == FERRY_OK)
		return 0;
	if (r != FERRY_EAGAIN && r != FERRY_EDEADLINE)
		T_FAIL("refused with %s", ferry_error_name(r));
	w->refused++;
	if (r == FERRY_EAGAIN) {
		take_pending(w);
		(void)load_take(w->inbox);
		sched_yield();
	}
	return 1;
}

static void
submit_one(struct worker *w, struct t_rng *rng)
{
	ferry_request_options o =
	    account_options(rng, w->inbox, &chances);
	ferry_request request = 0;
	uint64_t tag;
	int r = load_submit(&request, &tag, context, some_method(rng),
	    (uint32_t)t_rand_below(rng, 400), o, rng);

	if (refused(w, r))
		return;
	w->last = request;
	if (o.callback == NULL && o.inbox == 0) {
		w->requests[w->pending] = request;
		w->tags[w->pending] = tag;
		w->pending++;
	}
}

/* A batch; its items have their tags one after the other. */
static void
submit_batch(struct worker *w, struct t_rng *rng)
{
	ferry_request_options o =
	    account_options(rng, w->inbox, &chances);
	ferry_request_item items[BATCH];
	ferry_request requests[BATCH];
	struct item payloads[BATCH];
	uint64_t tags[BATCH];
	int r;

	memset(items, 0, sizeof items);
	for (int i = 0; i < BATCH; i++) {
		tags[i] = account_tag();
		if (o.callback != NULL)
			atomic_store(&account.tags[tags[i]].by_callback, 1);
		payload_fill(&payloads[i], tags[i], sizeof payloads[i], 50);
		items[i].method = some_method(rng);
		items[i].data = &payloads[i];
		items[i].size = sizeof payloads[i];
		items[i].user = (void *)(uintptr_t)tags[i];
	}
	r = ferry_request_submit_many(requests, context, items, BATCH, &o);
	for (int i = 0; i < BATCH; i++)
		account_submitted(tags[i], r);
	if (refused(w, r) || o.callback != NULL || o.inbox != 0)
		return;
	for (int i = 0; i < BATCH; i++) {
		w->requests[w->pending] = requests[i];
		w->tags[w->pending] = tags[i];
		w->pending++;
	}
}

static void
cancel_one(struct worker *w, struct t_rng *rng)
{
	ferry_request request = w->last;
	int r;

	if (w->pending > 0 && t_rand_below(rng, 2) == 0)
		request = w->requests[t_rand_below(rng, w->pending)];
	if (request == 0)
		return;
	r = ferry_request_cancel(request);
	T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY || r == FERRY_EDONE ||
	    r == FERRY_ESTALE);
	w->canceled += r == FERRY_OK;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct t_rng rng = {w->seed};

	for (uint64_t i = 0; i < w->n; i++) {
		uint64_t what = t_rand_below(&rng, 100);

		if (w->pending + BATCH > PENDING)
			take_pending(w);
		if (what < 60)
			submit_one(w, &rng);
		else if (what < 65)
			submit_batch(w, &rng);
		else if (what < 85)
			cancel_one(w, &rng);
		else if (what < 95)
			(void)load_take(w->inbox);
		else
			take_pending(w);
	}
	take_pending(w);
	return NULL;
}

/* Snapshots all the while: what is derived is never negative. */
static void *
watch(void *arg)
{
	uint64_t snapshots = 0;

	(void)arg;
	while (atomic_load(&watching)) {
		ferry_counters c = fx_counters(context);

		T_LE(c.queued, account.room);
		T_LE(c.running, account.room);
		snapshots++;
		sched_yield();
	}
	return (void *)(uintptr_t)snapshots;
}

/* The counters, as they were at rest, and the accountant agree. */
static void
compare(const ferry_counters *c, uint64_t accepted)
{
	uint64_t n = atomic_load(&account.next), started = 0;

	for (uint64_t i = 0; i < n; i++)
		started += atomic_load(&account.tags[i].started);
	T_EQ(c->submitted - c->refused, accepted);
	T_EQ(c->started, started);
	T_EQ(fx_ended(c) + fx_unstarted(c), accepted);
	T_EQ(c->threads_lost, c->ended_lost);
	T_EQ(c->discarded, 0);
	T_EQ(c->late_replies, 0);
}

static void
open_round(struct t_rng *rng)
{
	ferry_context_options o = fx_context_options();

	o.library = library;
	o.shards = 1u << t_rand_below(rng, 5);
	o.depth = 16 + t_rand_below(rng, 500);
	if (t_rand_below(rng, 3) == 0)
		o.depth_total = o.depth;
	context = fx_open_with(&o);
}

static uint64_t
round_of(struct worker *workers, unsigned n, uint64_t each,
    struct t_rng *rng)
{
	pthread_t watcher;
	ferry_counters c;
	uint64_t accepted;

	open_round(rng);
	atomic_store(&watching, 1);
	watcher = t_thread_start(watch, NULL);
	for (unsigned i = 0; i < n; i++) {
		workers[i] = (struct worker){.seed = t_rand(rng), .n = each};
		workers[i].inbox = fx_inbox();
		fx_attach(workers[i].inbox, context, 0, NULL);
		workers[i].thread = t_thread_start(work, &workers[i]);
	}
	for (unsigned i = 0; i < n; i++)
		t_thread_join(workers[i].thread);
	fx_rest(context);
	atomic_store(&watching, 0);
	t_thread_join(watcher);
	c = fx_counters(context);
	T_OK(ferry_context_close(context, NULL, NULL));
	atomic_store(&account.closed, 1);
	for (unsigned i = 0; i < n; i++) {
		T_EQ(load_take(workers[i].inbox), 1);
		T_OK(ferry_inbox_close(NULL, workers[i].inbox));
	}
	accepted = account_check(0);
	compare(&c, accepted);
	return accepted;
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){4, 20000, t_seed()});
	struct worker *workers = calloc(MAX_THREADS, sizeof *workers);
	struct t_rng rng = {s.seed};
	uint64_t each = s.iters < 2000 ? s.iters : 2000, sum = 0;
	pthread_t answering;

	if (s.threads > MAX_THREADS)
		s.threads = MAX_THREADS;
	account_open(s.threads * each * 2 + 1000);
	library = load_library();
	answering = t_thread_start(deferred_answer, NULL);
	for (uint64_t done = 0; done < s.iters; done += each) {
		sum += round_of(workers, s.threads, each, &rng);
		account_restart();
	}
	deferred_stop(answering);
	T_EQ(atomic_load(&deferred.late), 0);
	T_OK(ferry_library_close(library));
	free(workers);
	dprintf(1, "accepted %ju\n", (uintmax_t)sum);
	account_print();
	return 0;
}
