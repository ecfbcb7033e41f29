/*
 * tests/api/strands.h: the fixture's library, with jobs that are strands.
 */
#ifndef STRANDS_H
#define STRANDS_H

#include "fixture.h"

/* Behind those of the fixture. */
enum {
	ST_DO = FX_DO,
	ST_ECHO = FX_ECHO,
	ST_GATE = FX_GATE,
	ST_STRAND = FX_N_METHODS, /* as FX_DO, but a strand */
	ST_DATA,                  /* a struct st_data, and more: the same */
	ST_N_METHODS
};

/* What ST_DATA's payload begins with. */
struct st_data {
	int (*run)(ferry_call call, const void *data, size_t size, void *arg);
	void *arg;
};

static inline int
st_run_data(ferry_call call, const void *data, size_t size, void *state)
{
	struct st_data d;

	(void)state;
	T_GE(size, sizeof d);
	memcpy(&d, data, sizeof d);
	return d.run(call, data, size, d.arg);
}

static inline void
st_add(ferry_library library, uint32_t id, const char *name,
    ferry_handler_fn handler)
{
	const ferry_method method = {.struct_size = sizeof method,
	    .name = name, .handler = handler, .flags = FERRY_METHOD_STRAND};
	uint32_t got;

	T_OK(ferry_library_add_method(&got, library, &method));
	T_EQ(got, id);
}

static inline ferry_library
st_library(void)
{
	ferry_library library = fx_library();

	st_add(library, ST_STRAND, "strand", fx_run);
	st_add(library, ST_DATA, "data", st_run_data);
	return library;
}

static inline ferry_context
st_open_with(const ferry_context_options *options)
{
	ferry_context_options o = options ? *options : fx_context_options();
	ferry_context context;

	o.library = st_library();
	context = fx_open_with(&o);
	T_OK(ferry_library_close(o.library));
	return context;
}

static inline ferry_context
st_open(void)
{
	return st_open_with(NULL);
}

/* To the end: one that abandons waits for a moment only, and a strand may take
 * longer than that to return. */
static inline void
st_close(ferry_context context, uint32_t mode)
{
	int r = fx_close_mode(context, mode, 0, NULL);

	if (mode == FERRY_CLOSE_ABANDON && r == FERRY_EBUSY)
		r = fx_close_mode(context, FERRY_CLOSE_DRAIN, 0, NULL);
	T_OK(r);
}

static inline ferry_request
st_spawn_with(ferry_context context, int (*run)(ferry_call, void *), void *arg,
    const ferry_request_options *options)
{
	struct fx_job job = {run, arg};

	return fx_submit(context, ST_STRAND, &job, sizeof job, options);
}

/* A request to be waited for, that runs as a strand. */
static inline ferry_request
st_spawn(ferry_context context, int (*run)(ferry_call, void *), void *arg)
{
	return st_spawn_with(context, run, arg, NULL);
}

/* The status that a strand ends with. */
static inline int
st_run(ferry_context context, int (*run)(ferry_call, void *), void *arg)
{
	return fx_wait(st_spawn(context, run, arg));
}

/* The FFI thread has run something else: who was in a strand before this is
 * suspended, or has been since. */
static inline void
st_turn(ferry_context context)
{
	T_EQ(fx_wait(fx_submit(context, ST_ECHO, "x", 1, NULL)), FERRY_OK);
}

static inline ferry_strands
st_strands(ferry_context context)
{
	ferry_strands s = {.struct_size = sizeof s};

	T_OK(ferry_strand_counters(&s, context));
	T_EQ(s.spawned,
	    s.active + s.completed + s.failed + s.cancelled + s.lost);
	return s;
}

static inline void
st_await_active(ferry_context context, uint64_t n)
{
	T_WAIT_UNTIL(st_strands(context).active == n, FX_LIMIT_MS);
}

/* How those that have been spawned ended, exactly. */
static inline void
st_counts(ferry_context context, uint64_t completed, uint64_t failed,
    uint64_t cancelled, uint64_t lost)
{
	ferry_strands s = st_strands(context);

	T_EQ(s.completed, completed);
	T_EQ(s.failed, failed);
	T_EQ(s.cancelled, cancelled);
	T_EQ(s.lost, lost);
}

#endif
