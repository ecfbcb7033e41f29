/*
 * GLib's own queue between threads: GAsyncQueue, a mutex, a condition
 * variable and a list. The consumer blocks in g_async_queue_pop().
 */
#include "contender.h"

#ifndef BENCH_HAVE_GLIB

const bench_contender bench_glib = {
	.name = "GLib",
	.missing = "glib-2.0 was not found by pkg-config",
};

#else

#include <glib.h>
#include <stdlib.h>

#include "flow.h"

typedef struct request {
	bench_flow *flow; /* NULL: the consumer shall end */
	bench_payload payload;
} request;

typedef struct entrant {
	GAsyncQueue *queue;
	GThread *thread;
	bench_setup setup;
} entrant;

typedef struct producer {
	bench_flow flow;
	entrant *e;
	unsigned index;
} producer;

static gpointer
consume(gpointer arg)
{
	entrant *e = arg;

	for (;;) {
		request *r = g_async_queue_pop(e->queue);
		bench_flow *flow = r->flow;

		if (flow != NULL)
			e->setup.on_handled(&r->payload, e->setup.user);
		g_free(r);
		if (flow == NULL)
			return NULL;
		bench_flow_leave(flow);
	}
}

static int
start(void **out, const bench_setup *setup)
{
	entrant *e = bench_alloc(sizeof(*e));

	e->setup = *setup;
	e->queue = g_async_queue_new();
	e->thread = g_thread_new("glib-consumer", consume, e);
	*out = e;
	return 0;
}

static int
producer_init(void **out, void *state, unsigned index)
{
	producer *p = bench_alloc(sizeof(*p));

	p->e = state;
	p->flow.bound = p->e->setup.in_flight;
	p->index = index;
	*out = p;
	return 0;
}

static inline void
submit_one(void *arg, const bench_payload *payload)
{
	producer *p = arg;
	request *r;

	bench_flow_enter(&p->flow);
	r = g_new(request, 1);
	r->flow = &p->flow;
	r->payload = *payload;
	g_async_queue_push(p->e->queue, r);
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

static void
stop(void *state)
{
	entrant *e = state;

	g_async_queue_push(e->queue, g_new0(request, 1));
	g_thread_join(e->thread);
	g_async_queue_unref(e->queue);
	free(e);
}

const bench_contender bench_glib = {
	.name = "GLib",
	.start = start,
	.producer_init = producer_init,
	.produce = produce,
	.producer_finish = producer_finish,
	.stop = stop,
};

#endif
