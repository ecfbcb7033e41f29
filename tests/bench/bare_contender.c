/*
 * The bare push list as a contender.
 */
#include <stdlib.h>

#include "bare.h"
#include "system.h"

typedef struct entrant {
	bare *b;
	bench_setup setup;
} entrant;

typedef struct producer {
	bare_home *home;
	const bench_setup *setup;
	unsigned index;
} producer;

static int
start(void **out, const bench_setup *setup)
{
	entrant *e = bench_alloc(sizeof(*e));

	e->setup = *setup;
	e->b = bare_open(setup->wait);
	*out = e;
	return 0;
}

static int
producer_init(void **out, void *state, unsigned index)
{
	entrant *e = state;
	producer *p = bench_alloc(sizeof(*p));

	p->home = bare_home_open(e->b, e->setup.in_flight);
	p->setup = &e->setup;
	p->index = index;
	*out = p;
	return 0;
}

static inline void
submit_one(void *arg, const bench_payload *payload)
{
	producer *p = arg;

	bare_submit(p->home, payload, p->setup->on_handled, p->setup->user);
}

static void
produce(void *arg, uint64_t first, uint64_t n)
{
	producer *p = arg;

	bench_produce(p, submit_one, p->index, first, n);
}

static void
call(void *arg, const bench_payload *payload)
{
	producer *p = arg;

	bare_call(p->home, payload);
}

static void
producer_finish(void *arg)
{
	producer *p = arg;

	bare_home_close(p->home);
	free(p);
}

static uint64_t
wakes(void *state)
{
	entrant *e = state;

	return bare_wakes(e->b);
}

static void
stop(void *state)
{
	entrant *e = state;

	bare_close(e->b);
	free(e);
}

const bench_contender bench_bare = {
	.name = "bare",
	.start = start,
	.producer_init = producer_init,
	.produce = produce,
	.producer_finish = producer_finish,
	.stop = stop,
	.wakes = wakes,
	.call = call,
};
