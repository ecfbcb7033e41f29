/*
 * 16 shards, each a linked list under a mutex. A producer, which stays with
 * its shard, mallocs a request, links it in, and writes to an eventfd when
 * the shard was empty. The consumer polls the eventfd for at most 100 ms,
 * detaches each shard's list under its lock, runs it and frees the requests.
 *
 * The bound on requests in flight is not part of it and was added for the
 * comparison; see flow.h.
 */
#include "original.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "flow.h"

typedef struct request {
	struct request *next;
	bench_flow *flow;
	bench_payload payload;
} request;

typedef struct shard {
	_Alignas(BENCH_LINE) pthread_mutex_t lock;
	request *first, *last; /* under the lock */
} shard;

typedef struct original {
	shard shards[ORIGINAL_SHARDS];
	bench_setup setup;
	pthread_t thread;
	int event;
	_Atomic bool closing;
	_Atomic uint64_t wakes;
} original;

typedef struct producer {
	bench_flow flow;
	original *o;
	shard *shard;
	unsigned index;
} producer;

static void
signal_consumer(original *o)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, hence readable. */
	if (write(o->event, &one, sizeof(one)) < 0)
		return;
	/* Relaxed: a count. */
	atomic_fetch_add_explicit(&o->wakes, 1, memory_order_relaxed);
}

static void
run(original *o, request *r)
{
	while (r != NULL) {
		request *next = r->next;
		bench_flow *flow = r->flow;

		o->setup.on_handled(&r->payload, o->setup.user);
		free(r);
		bench_flow_leave(flow);
		r = next;
	}
}

static bool
drain(original *o)
{
	bool any = false;

	for (unsigned i = 0; i < ORIGINAL_SHARDS; i++) {
		shard *s = &o->shards[i];
		request *first;

		pthread_mutex_lock(&s->lock);
		first = s->first;
		s->first = s->last = NULL;
		pthread_mutex_unlock(&s->lock);
		run(o, first);
		any |= first != NULL;
	}
	return any;
}

static void *
consume(void *arg)
{
	original *o = arg;
	struct pollfd pfd = { .fd = o->event, .events = POLLIN };
	uint64_t count;

	/* Relaxed: the eventfd, or a timeout, brings us back here, and by then
	 * everything has been handled. */
	while (!atomic_load_explicit(&o->closing, memory_order_relaxed)) {
		/* Cleared before the lists are looked at: a request linked in
		 * after that look leaves the descriptor readable. */
		if (poll(&pfd, 1, ORIGINAL_POLL_MS) > 0 &&
		    read(o->event, &count, sizeof(count)) < 0)
			continue;
		while (drain(o))
			;
	}
	return NULL;
}

static int
start(void **out, const bench_setup *setup)
{
	original *o = bench_alloc(sizeof(*o));

	o->setup = *setup;
	for (unsigned i = 0; i < ORIGINAL_SHARDS; i++)
		pthread_mutex_init(&o->shards[i].lock, NULL);
	o->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->event < 0 || pthread_create(&o->thread, NULL, consume, o) != 0)
		bench_die("original: no descriptor or no thread");
	*out = o;
	return 0;
}

static int
producer_init(void **out, void *state, unsigned index)
{
	producer *p = bench_alloc(sizeof(*p));

	p->o = state;
	p->flow.bound = p->o->setup.in_flight;
	p->shard = &p->o->shards[index % ORIGINAL_SHARDS];
	p->index = index;
	*out = p;
	return 0;
}

static inline void
submit_one(void *arg, const bench_payload *payload)
{
	producer *p = arg;
	shard *s = p->shard;
	request *r;
	bool was_empty;

	bench_flow_enter(&p->flow);
	r = malloc(sizeof(*r));
	if (r == NULL)
		bench_die("original: out of memory");
	r->next = NULL;
	r->flow = &p->flow;
	r->payload = *payload;

	pthread_mutex_lock(&s->lock);
	was_empty = s->first == NULL;
	if (was_empty)
		s->first = r;
	else
		s->last->next = r;
	s->last = r;
	pthread_mutex_unlock(&s->lock);
	if (was_empty)
		signal_consumer(p->o);
}

static void
produce(void *arg, uint64_t first, uint64_t n)
{
	producer *p = arg;

	bench_produce(p, submit_one, p->index, first, n);
}

static void
producer_finish(void *arg)
{
	free(arg);
}

static uint64_t
wakes(void *state)
{
	original *o = state;

	return atomic_load_explicit(&o->wakes, memory_order_relaxed);
}

static void
stop(void *state)
{
	original *o = state;

	/* Relaxed: the write below orders it, through the kernel. */
	atomic_store_explicit(&o->closing, true, memory_order_relaxed);
	signal_consumer(o);
	pthread_join(o->thread, NULL);
	close(o->event);
	for (unsigned i = 0; i < ORIGINAL_SHARDS; i++)
		pthread_mutex_destroy(&o->shards[i].lock);
	free(o);
}

const bench_contender bench_original = {
	.name = "original",
	.start = start,
	.producer_init = producer_init,
	.produce = produce,
	.producer_finish = producer_finish,
	.stop = stop,
	.wakes = wakes,
};
