/*
 * libuv, as its users call into a loop's thread: a queue of their own under a
 * mutex, and uv_async_send() after each push. libuv merges the sends. The
 * callback takes the whole queue and runs it.
 */
#include "contender.h"

#ifndef BENCH_HAVE_LIBUV

const bench_contender bench_libuv = {
	.name = "libuv",
	.missing = "libuv was not found by pkg-config",
};

#else

#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

#include "flow.h"

typedef struct request {
	struct request *next;
	bench_flow *flow;
	bench_payload payload;
} request;

typedef struct entrant {
	/* Under the lock. */
	_Alignas(BENCH_LINE) uv_mutex_t lock;
	request *first, *last;
	bool closing;

	_Alignas(BENCH_LINE) uv_loop_t loop;
	uv_async_t async;
	uv_thread_t thread;
	bench_setup setup;
} entrant;

typedef struct producer {
	bench_flow flow;
	entrant *e;
	unsigned index;
} producer;

static void
run(entrant *e, request *r)
{
	while (r != NULL) {
		request *next = r->next;
		bench_flow *flow = r->flow;

		e->setup.on_handled(&r->payload, e->setup.user);
		free(r);
		bench_flow_leave(flow);
		r = next;
	}
}

static void
on_async(uv_async_t *async)
{
	entrant *e = async->data;
	request *first;
	bool closing;

	uv_mutex_lock(&e->lock);
	first = e->first;
	e->first = e->last = NULL;
	closing = e->closing;
	uv_mutex_unlock(&e->lock);
	run(e, first);
	if (closing)
		uv_close((uv_handle_t *)async, NULL); /* ends uv_run() */
}

static void
consume(void *arg)
{
	entrant *e = arg;

	uv_run(&e->loop, UV_RUN_DEFAULT);
}

static int
start(void **out, const bench_setup *setup)
{
	entrant *e = bench_alloc(sizeof(*e));

	e->setup = *setup;
	if (uv_mutex_init(&e->lock) != 0 || uv_loop_init(&e->loop) != 0 ||
	    uv_async_init(&e->loop, &e->async, on_async) != 0)
		bench_die("libuv: no loop");
	e->async.data = e;
	if (uv_thread_create(&e->thread, consume, e) != 0)
		bench_die("libuv: no thread");
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
	entrant *e = p->e;
	request *r;

	bench_flow_enter(&p->flow);
	r = malloc(sizeof(*r));
	if (r == NULL)
		bench_die("libuv: out of memory");
	r->next = NULL;
	r->flow = &p->flow;
	r->payload = *payload;

	uv_mutex_lock(&e->lock);
	if (e->first == NULL)
		e->first = r;
	else
		e->last->next = r;
	e->last = r;
	uv_mutex_unlock(&e->lock);
	uv_async_send(&e->async);
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

	uv_mutex_lock(&e->lock);
	e->closing = true;
	uv_mutex_unlock(&e->lock);
	uv_async_send(&e->async);
	uv_thread_join(&e->thread);
	uv_loop_close(&e->loop);
	uv_mutex_destroy(&e->lock);
	free(e);
}

const bench_contender bench_libuv = {
	.name = "libuv",
	.start = start,
	.producer_init = producer_init,
	.produce = produce,
	.producer_finish = producer_finish,
	.stop = stop,
};

#endif
