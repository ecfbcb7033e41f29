/*
 * Single requests with gaps between them, each answered without any later
 * one's help. Catches a lost wake-up: it would hang its request until the next
 * one came, and here there is none.
 *
 * Each thread has a context of its own and at most one request in flight. The
 * gaps are about as long as the worker's way to sleep, so that submits fall on
 * every step of it; some are long enough for a real sleep. A watcher wakes a
 * worker that it finds asleep with something to do, so there is none: without
 * levels it judges nothing, and what is lost stays lost, however long a busy
 * machine is waited for. The worst one is printed.
 *
 * Iterations: requests of each thread. T_LIMIT=300
 */
#include <poll.h>

#include "account.h"
#include "api/watched.h"

enum { HISTOGRAM = 40 };

struct caller {
	pthread_t thread;
	uint64_t seed, n, worst_ns;
	uint64_t histogram[HISTOGRAM]; /* by the power of two */
	ferry_context context;
	ferry_inbox inbox;
	int fd;
	atomic_int answered;
};

static int64_t
limit_ms(void)
{
	return FX_LIMIT_MS * (int64_t)t_slow();
}

static void
gap(struct t_rng *rng)
{
	uint64_t until;

	switch (t_rand_below(rng, 64)) {
	case 0:
		t_sleep_ms(1 + (unsigned)t_rand_below(rng, 3));
		break;
	case 1:
		sched_yield();
		break;
	default:
		until = t_now_ns() + t_rand_below(rng, 50000);
		while (t_now_ns() < until)
			;
	}
}

static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	atomic_store((atomic_int *)user, 1);
}

static void
lost(const char *how)
{
	T_FAIL("a request by %s was not answered within %jd ms", how,
	    (intmax_t)limit_ms());
}

static void
by_wait(struct caller *c)
{
	ferry_request request = fx_submit(c->context, FX_NOP, NULL, 0, NULL);
	ferry_reply reply;
	int r = ferry_request_wait(&reply, request, limit_ms());

	if (r == FERRY_ETIMEDOUT)
		lost("wait");
	T_OK(r);
}

static void
by_callback(struct caller *c)
{
	ferry_request_options o = fx_request_options();
	uint64_t end = t_now_ns() + (uint64_t)limit_ms() * 1000000;

	o.callback = on_reply;
	o.user = &c->answered;
	atomic_store(&c->answered, 0);
	fx_submit(c->context, FX_NOP, NULL, 0, &o);
	while (!atomic_load(&c->answered)) {
		if (t_now_ns() > end)
			lost("callback");
		sched_yield();
	}
}

static void
take_one(struct caller *c)
{
	ferry_completion item;

	T_EQ(ferry_inbox_take(&item, 1, c->inbox), 1);
	T_EQ(item.kind, FERRY_KIND_REPLY);
	fx_done(&item);
}

static void
by_inbox(struct caller *c, int polling)
{
	ferry_request_options o = fx_to_inbox(c->inbox, NULL);
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	fx_submit(c->context, FX_NOP, NULL, 0, &o);
	if (polling) {
		if (poll(&p, 1, (int)limit_ms()) != 1)
			lost("poll");
	} else if (ferry_inbox_wait(c->inbox, limit_ms()) != FERRY_OK) {
		lost("inbox wait");
	}
	take_one(c);
}

static void
one_request(struct caller *c, struct t_rng *rng)
{
	uint64_t began, took;
	int bucket = 0;

	gap(rng);
	began = t_now_ns();
	switch (t_rand_below(rng, 4)) {
	case 0:
		by_wait(c);
		break;
	case 1:
		by_callback(c);
		break;
	case 2:
		by_inbox(c, 0);
		break;
	default:
		by_inbox(c, 1);
	}
	took = t_now_ns() - began;
	if (took > c->worst_ns)
		c->worst_ns = took;
	while (took > 1 && bucket < HISTOGRAM - 1) {
		took /= 2;
		bucket++;
	}
	c->histogram[bucket]++;
}

static void *
call(void *arg)
{
	struct caller *c = arg;
	struct t_rng rng = {c->seed};

	for (uint64_t i = 0; i < c->n; i++) {
		/* Once, over the edge where the watcher goes to sleep. */
		if (i == c->n / 2)
			t_sleep_ms(1200);
		one_request(c, &rng);
	}
	return NULL;
}

static void
print(const struct caller *callers, unsigned n)
{
	uint64_t sum[HISTOGRAM] = {0}, worst = 0;

	for (unsigned i = 0; i < n; i++) {
		for (int b = 0; b < HISTOGRAM; b++)
			sum[b] += callers[i].histogram[b];
		if (callers[i].worst_ns > worst)
			worst = callers[i].worst_ns;
	}
	for (int b = 0; b < HISTOGRAM; b++) {
		if (sum[b] > 0)
			dprintf(1, "  < %12llu ns  %ju\n", 2ull << b,
			    (uintmax_t)sum[b]);
	}
	dprintf(1, "worst %ju us\n", (uintmax_t)worst / 1000);
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){2, 10000, t_seed()});
	struct t_rng rng = {s.seed};
	struct caller *callers = calloc(s.threads, sizeof *callers);

	for (unsigned i = 0; i < s.threads; i++) {
		struct caller *c = &callers[i];

		c->seed = t_rand(&rng);
		c->n = s.iters;
		c->context = open_unwatched();
		c->inbox = fx_inbox();
		T_OK(ferry_inbox_fd(&c->fd, c->inbox));
		fx_attach(c->inbox, c->context, 0, NULL);
		c->thread = t_thread_start(call, c);
	}
	for (unsigned i = 0; i < s.threads; i++)
		t_thread_join(callers[i].thread);
	print(callers, s.threads);
	for (unsigned i = 0; i < s.threads; i++) {
		fx_close(callers[i].context);
		T_OK(ferry_inbox_close(NULL, callers[i].inbox));
	}
	free(callers);
	return 0;
}
