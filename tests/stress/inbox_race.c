/*
 * Inboxes closed under load: several loops, each with one inbox after the
 * other, two contexts, and outsiders who submit by the token of an inbox that
 * may be gone already.
 *
 * Each request that was accepted is either taken by its loop, once, or counted
 * by its context as discarded; together they are all. Events come in between,
 * so that posts of every kind meet the close. Doorbell functions are not
 * called any more once the close has returned.
 *
 * Iterations: requests of each loop. T_LIMIT=300
 */
#include <poll.h>

#include "account.h"
#include "api/ear.h"

enum { CONTEXTS = 2, MAX_LOOPS = 32 };

static ferry_context contexts[CONTEXTS];
static atomic_int stop;

/* Kept after its inbox, so that one that rings too late is seen. */
struct bell {
	atomic_int closed;
	atomic_int rung;
	struct bell *next;
};

struct loop {
	pthread_t thread;
	unsigned number;
	uint64_t seed, n;
	uint64_t accepted, taken, events, discarded, inboxes;
	_Atomic ferry_inbox inbox; /* for the outsiders */
	struct bell *bell;  /* the open inbox's, if it has one */
	struct bell *bells; /* all there were */
};

struct outsider {
	pthread_t thread;
	uint64_t seed, accepted, refused;
};

static struct loop loops[MAX_LOOPS];
static unsigned n_loops;

static int
work(ferry_call call, const void *data, size_t size, void *state)
{
	uint64_t n;

	(void)state;
	T_EQ(size, sizeof n);
	memcpy(&n, data, sizeof n);
	if (n % 16 == 0)
		(void)ferry_context_emit(
		    contexts[n / CONTEXTS % CONTEXTS], 0, &n, sizeof n);
	T_OK(ferry_call_reply(call, 0, data, size));
	return 0;
}

static void
ring(void *user)
{
	struct bell *bell = user;

	T_EQ(atomic_load(&bell->closed), 0);
	atomic_store(&bell->rung, 1);
}

static void
open_contexts(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "work", .handler = work};
	static const ferry_event event = {.struct_size = sizeof event,
	    .name = "noise"};
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "inbox",
	    .methods = &method, .n_methods = 1, .events = &event,
	    .n_events = 1};
	ferry_context_options o = fx_context_options();

	T_OK(ferry_library_open(&o.library, &lo));
	o.worker_key = "inbox-race"; /* so that each may emit the other's */
	for (int i = 0; i < CONTEXTS; i++)
		contexts[i] = fx_open_with(&o);
	T_OK(ferry_library_close(o.library));
}

static ferry_inbox
open_inbox(struct loop *l, struct t_rng *rng)
{
	ferry_inbox_options o = {.struct_size = sizeof o};
	ferry_inbox inbox;

	l->bell = NULL;
	if (t_rand_below(rng, 2) == 0) {
		l->bell = calloc(1, sizeof *l->bell);
		l->bell->next = l->bells;
		l->bells = l->bell;
		o.doorbell = ring;
		o.user = l->bell;
	}
	T_OK(ferry_inbox_open(&inbox, &o));
	for (int i = 0; i < CONTEXTS; i++)
		fx_attach(inbox, contexts[i],
		    t_rand_below(rng, 2) ? FERRY_ATTACH_EVENTS : 0, l);
	atomic_store(&l->inbox, inbox);
	l->inboxes++;
	return inbox;
}

static void
take_some(struct loop *l, ferry_inbox inbox, uint32_t capacity)
{
	ferry_completion c[16];
	int n = ferry_inbox_take(c, capacity, inbox);

	T_GE(n, 0);
	for (int i = 0; i < n; i++) {
		if (c[i].kind == FERRY_KIND_REPLY) {
			T_ASSERT(c[i].user == l);
			T_EQ(c[i].size, sizeof(uint64_t));
			l->taken++;
		} else if (c[i].kind == FERRY_KIND_EVENT) {
			l->events++;
		} else {
			T_EQ(c[i].kind, FERRY_KIND_WRITABLE);
		}
	}
	T_OK(ferry_inbox_release(c, (uint32_t)n));
}

static void
close_inbox(struct loop *l, ferry_inbox inbox)
{
	uint64_t discarded = 0;

	T_OK(ferry_inbox_close(&discarded, inbox));
	l->discarded += discarded;
	if (l->bell != NULL)
		atomic_store(&l->bell->closed, 1);
	T_EQ(ferry_inbox_take(&(ferry_completion){0}, 1, inbox),
	    FERRY_ESTALE);
}

/* One inbox's life: some requests, some takes, and its end in the middle. */
static void
one_inbox(struct loop *l, struct t_rng *rng)
{
	ferry_inbox inbox = open_inbox(l, rng);
	uint64_t end = l->accepted + t_rand_below(rng, 300);

	while (l->accepted < end) {
		ferry_request_options o = fx_to_inbox(inbox, l);
		uint64_t n = t_rand(rng);
		int r = ferry_request_submit(
		    NULL, contexts[n % CONTEXTS], 0, &n, sizeof n, &o);

		T_ASSERT(r == FERRY_OK || r == FERRY_EAGAIN);
		l->accepted += r == FERRY_OK;
		if (r == FERRY_EAGAIN)
			sched_yield();
		if (t_rand_below(rng, 4) == 0)
			sched_yield();
		if (r == FERRY_EAGAIN || t_rand_below(rng, 3) == 0)
			take_some(l, inbox,
			    1 + (uint32_t)t_rand_below(rng, 16));
	}
	close_inbox(l, inbox);
}

static void *
loop(void *arg)
{
	struct loop *l = arg;
	struct t_rng rng = {l->seed};

	while (l->accepted < l->n)
		one_inbox(l, &rng);
	return NULL;
}

/* Submits for loops that do not know of it, by tokens that go stale. */
static void *
outside(void *arg)
{
	struct outsider *o = arg;
	struct t_rng rng = {o->seed};

	while (!atomic_load(&stop)) {
		struct loop *l = &loops[t_rand_below(&rng, n_loops)];
		ferry_inbox inbox = atomic_load(&l->inbox);
		ferry_request_options ro = fx_to_inbox(inbox, l);
		uint64_t n = t_rand(&rng);
		int r;

		if (inbox == 0)
			continue;
		r = ferry_request_submit(
		    NULL, contexts[n % CONTEXTS], 0, &n, sizeof n, &ro);
		T_ASSERT(r == FERRY_OK || r == FERRY_EAGAIN ||
		    r == FERRY_ESTALE || r == FERRY_EDETACHED ||
		    r == FERRY_ECLOSED);
		o->accepted += r == FERRY_OK;
		o->refused += r != FERRY_OK;
		if (t_rand_below(&rng, 4) == 0)
			sched_yield();
	}
	return NULL;
}

static void
free_bells(struct loop *l)
{
	while (l->bells != NULL) {
		struct bell *bell = l->bells;

		l->bells = bell->next;
		free(bell);
	}
}

static uint64_t
discarded_by_all(void)
{
	uint64_t discarded = 0;

	for (int i = 0; i < CONTEXTS; i++)
		discarded += fx_counters(contexts[i]).discarded;
	return discarded;
}

static uint64_t
events_put_into_inboxes(void)
{
	uint64_t n = 0;

	for (int i = 0; i < CONTEXTS; i++) {
		ear_settle(contexts[i]);
		n += fx_counters(contexts[i]).events_delivered;
	}
	return n;
}

static void
check(const struct outsider *outsiders, unsigned n_outsiders)
{
	uint64_t accepted = 0, taken = 0, discarded = 0, in_inbox = 0;
	uint64_t inboxes = 0, refused = 0, events = 0;

	for (unsigned i = 0; i < n_loops; i++) {
		accepted += loops[i].accepted;
		taken += loops[i].taken;
		events += loops[i].events;
		in_inbox += loops[i].discarded;
		inboxes += loops[i].inboxes;
	}
	for (unsigned i = 0; i < n_outsiders; i++) {
		accepted += outsiders[i].accepted;
		refused += outsiders[i].refused;
	}
	for (int i = 0; i < CONTEXTS; i++)
		fx_rest(contexts[i]);
	/* A request counts as ended before its reply meets the closed inbox. */
	T_WAIT_UNTIL(
	    accepted == taken + discarded_by_all(), FX_LIMIT_MS);
	discarded = discarded_by_all();
	dprintf(1, "%ju inboxes: accepted %ju = taken %ju + discarded %ju "
	    "(of them in the inbox: %ju); outsiders refused %ju\n",
	    (uintmax_t)inboxes, (uintmax_t)accepted, (uintmax_t)taken,
	    (uintmax_t)discarded, (uintmax_t)in_inbox, (uintmax_t)refused);
	T_EQ(accepted, taken + discarded);
	/* Beside replies an inbox may hold one WRITABLE for each context, and
	 * events that nobody took. */
	T_LE(events, events_put_into_inboxes());
	T_LE(in_inbox, discarded + inboxes * CONTEXTS +
	    events_put_into_inboxes() - events);
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){4, 20000, t_seed()});
	unsigned n_outsiders = s.threads > 2 ? s.threads / 3 : 1;
	struct outsider outsiders[MAX_LOOPS] = {0};
	struct t_rng rng = {s.seed};

	n_loops = s.threads > n_outsiders ? s.threads - n_outsiders : 1;
	if (n_loops > MAX_LOOPS)
		n_loops = n_outsiders = MAX_LOOPS;
	open_contexts();
	for (unsigned i = 0; i < n_loops; i++) {
		loops[i].seed = t_rand(&rng);
		loops[i].n = s.iters;
		loops[i].thread = t_thread_start(loop, &loops[i]);
	}
	for (unsigned i = 0; i < n_outsiders; i++) {
		outsiders[i].seed = t_rand(&rng);
		outsiders[i].thread = t_thread_start(outside, &outsiders[i]);
	}
	for (unsigned i = 0; i < n_loops; i++)
		t_thread_join(loops[i].thread);
	atomic_store(&stop, 1);
	for (unsigned i = 0; i < n_outsiders; i++)
		t_thread_join(outsiders[i].thread);
	check(outsiders, n_outsiders);
	for (int i = 0; i < CONTEXTS; i++)
		fx_close(contexts[i]);
	for (unsigned i = 0; i < n_loops; i++)
		free_bells(&loops[i]);
	return 0;
}
