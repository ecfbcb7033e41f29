/*
 * Ferry as an application uses it: the public header, a library with one
 * no-op method, payloads of 64 bytes copied at submit, replies by callback.
 * Options are the defaults; only the depth is told, and it is the default too.
 */
#include "contender.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/ferry.h>

#include "ferry_rows.h"
#include "system.h"

enum {
	NOP,
	ECHO,
	STRAND,
	YIELD,
	METHODS
};

typedef struct entrant {
	bench_setup setup;
	ferry_library library;
	ferry_context context;
} entrant;

typedef struct producer {
	entrant *e;
	ferry_context context;
	uint32_t method;
	unsigned index;
	ferry_request_options options;
} producer;

/* Answers by returning: the reply is made on the spot. */
static int
nop(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	return FERRY_OK;
}

static int
yield(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	return ferry_strand_yield();
}

/* For checking: the payload comes back in the reply. */
static int
echo(ferry_call call, const void *data, size_t size, void *state)
{
	(void)state;
	return ferry_call_reply(call, FERRY_OK, data, size);
}

static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	const bench_setup *setup = user;

	(void)request;
	(void)size;
	if (status != FERRY_OK)
		bench_die(
		    "ferry: a request ended with %s", ferry_error_name(status));
	setup->on_handled(data, setup->user);
}

static void
must(int r, const char *what)
{
	if (r != FERRY_OK)
		bench_die("ferry: %s: %s", what, ferry_error_name(r));
}

ferry_library
bench_ferry_library(void)
{
	static const struct {
		const char *name;
		ferry_handler_fn handler;
		uint32_t flags;
	} is[METHODS] = {
		[NOP] = { "nop", nop, 0 },
		[ECHO] = { "echo", echo, 0 },
		[STRAND] = { "strand", nop, FERRY_METHOD_STRAND },
		[YIELD] = { "yield", yield, FERRY_METHOD_STRAND },
	};
	ferry_method methods[METHODS];
	ferry_library_options options = {
		.struct_size = sizeof(options),
		.name = "bench",
		.methods = methods,
		.n_methods = METHODS,
	};
	ferry_library library;

	for (unsigned i = 0; i < METHODS; i++)
		methods[i] = (ferry_method){
			.struct_size = sizeof(methods[i]),
			.name = is[i].name,
			.handler = is[i].handler,
			.flags = is[i].flags,
		};
	must(ferry_library_open(&library, &options), "library");
	return library;
}

ferry_context
bench_ferry_open(ferry_library library, unsigned in_flight)
{
	ferry_context_options options = {
		.struct_size = sizeof(options),
		.library = library,
		.depth = in_flight != 0 ? in_flight : FERRY_UNBOUNDED,
	};
	ferry_context context;

	must(ferry_context_open(&context, &options), "open");
	return context;
}

void
bench_ferry_close(ferry_context context)
{
	must(ferry_context_close(context, NULL, NULL), "close");
}

void
bench_ferry_invoke(ferry_context context, const bench_payload *payload)
{
	ferry_request request;
	ferry_reply reply;

	must(ferry_request_invoke(&reply, &request, context, NOP, payload,
		 sizeof(*payload), NULL, -1),
	    "invoke");
	must(reply.status, "reply");
}

static int
start(void **out, const bench_setup *setup)
{
	entrant *e = bench_alloc(sizeof(*e));

	e->setup = *setup;
	e->library = bench_ferry_library();
	e->context = bench_ferry_open(e->library, setup->in_flight);
	*out = e;
	return 0;
}

static int
init_producer(void **out, void *state, unsigned index, uint32_t method)
{
	producer *p = bench_alloc(sizeof(*p));

	p->e = state;
	p->context = p->e->context;
	p->method = p->e->setup.check ? ECHO : method;
	p->index = index;
	p->options = (ferry_request_options){
		.struct_size = sizeof(p->options),
		.callback = on_reply,
		.user = &p->e->setup,
	};
	*out = p;
	return 0;
}

static int
producer_init(void **out, void *state, unsigned index)
{
	return init_producer(out, state, index, NOP);
}

static int
strand_init(void **out, void *state, unsigned index)
{
	return init_producer(out, state, index, STRAND);
}

static int
yield_init(void **out, void *state, unsigned index)
{
	return init_producer(out, state, index, YIELD);
}

static inline void
submit_one(void *arg, const bench_payload *payload)
{
	producer *p = arg;
	bench_backoff backoff = { 0 };
	int r;

	/* FERRY_EAGAIN: as many in flight as may be. */
	while ((r = ferry_request_submit(NULL, p->context, p->method, payload,
		    sizeof(*payload), &p->options)) == FERRY_EAGAIN)
		bench_backoff_step(&backoff);
	if (r != FERRY_OK)
		bench_die("ferry: submit: %s", ferry_error_name(r));
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

	bench_ferry_invoke(p->context, payload);
}

static void
producer_finish(void *arg)
{
	free(arg);
}

static uint64_t
wakes(void *state)
{
	entrant *e = state;
	ferry_counters counters = { .struct_size = sizeof(counters) };

	must(ferry_context_counters(&counters, e->context), "counters");
	return counters.wakes;
}

static void
stop(void *state)
{
	entrant *e = state;

	bench_ferry_close(e->context);
	must(ferry_library_close(e->library), "library close");
	free(e);
}

const bench_contender bench_ferry = {
	.name = "Ferry",
	.start = start,
	.producer_init = producer_init,
	.produce = produce,
	.producer_finish = producer_finish,
	.stop = stop,
	.wakes = wakes,
	.call = call,
};

const bench_contender bench_ferry_strand = {
	.name = "Ferry, strands",
	.start = start,
	.producer_init = strand_init,
	.produce = produce,
	.producer_finish = producer_finish,
	.stop = stop,
};

const bench_contender bench_ferry_yield = {
	.name = "Ferry, strands that yield",
	.start = start,
	.producer_init = yield_init,
	.produce = produce,
	.producer_finish = producer_finish,
	.stop = stop,
};
