/*
 * tests/api/strand_states.h: a strand in each state in which one can wait.
 *
 * A *waiter* waits in one way until somebody ends that, and keeps what the wait
 * returned. It may be made to clean up, and to shield itself.
 */
#ifndef STRAND_STATES_H
#define STRAND_STATES_H

#include <poll.h>

#include "strands.h"

enum st_state {
	ST_READY,            /* yields all the time */
	ST_SLEEPING,
	ST_AWAITING_OWN,     /* a request of its own context */
	ST_AWAITING_FOREIGN, /* … of another's */
	ST_OFFLOADED,        /* a function that cannot be left */
	ST_LEAVABLE,         /* one that can */
	ST_POLLING,
	ST_N_STATES
};

struct st_waiter {
	enum st_state state;
	int shielded;       /* waits under a shield */
	int status;         /* to return, if `cleans`; else what the wait did */
	int cleans;         /* waits once more, shielded, before it returns */
	atomic_int in;      /* about to wait */
	atomic_int result;  /* of the wait */
	atomic_int over;    /* the wait has returned */
	uint64_t id;
	ferry_call call;
	ferry_context own, foreign;
	ferry_request awaited;
	struct fx_later later;  /* what it awaits */
	struct fx_gate gate;    /* where the offloaded function stands */
	atomic_int began;       /* that function */
	atomic_int abandoned;
	atomic_int go;          /* ends the yielding */
	int fds[2];
	uint32_t events;
};

#define ST_WAITER(state_) \
	{.state = state_, .later = FX_LATER, .gate = FX_GATE_SHUT, \
	    .fds = {-1, -1}}

static inline int
st_stand(void *arg)
{
	struct st_waiter *w = arg;

	atomic_store(&w->began, 1);
	fx_gate_pass(&w->gate);
	return 42;
}

static inline void
st_abandoned(void *arg, int result)
{
	struct st_waiter *w = arg;

	T_EQ(result, atomic_load(&w->began) ? 42 : FERRY_ECANCELED);
	atomic_fetch_add(&w->abandoned, 1);
}

static inline int
st_yield_on(struct st_waiter *w)
{
	int r = FERRY_OK;

	while (r == FERRY_OK && atomic_load(&w->go) == 0)
		r = ferry_strand_yield();
	return r;
}

static inline int
st_await(struct st_waiter *w)
{
	ferry_reply reply;
	int r = ferry_strand_await(&reply, w->awaited, -1);

	if (r == FERRY_OK)
		T_OK(ferry_block_release(reply.data));
	return r;
}

static inline int
st_wait(struct st_waiter *w)
{
	int result = 0;

	switch (w->state) {
	case ST_READY:
		return st_yield_on(w);
	case ST_SLEEPING:
		return ferry_strand_sleep(-1);
	case ST_AWAITING_OWN:
	case ST_AWAITING_FOREIGN:
		return st_await(w);
	case ST_OFFLOADED:
		return ferry_strand_offload(&result, st_stand, w, NULL);
	case ST_LEAVABLE:
		return ferry_strand_offload(
		    &result, st_stand, w, st_abandoned);
	default:
		return ferry_strand_poll(&w->events, w->fds[0], POLLIN, -1);
	}
}

static inline int
st_waiter_run(ferry_call call, void *arg)
{
	struct st_waiter *w = arg;
	int r;

	w->call = call;
	T_OK(ferry_strand_id(&w->id));
	if (w->shielded)
		T_OK(ferry_strand_shield(1));
	atomic_store(&w->in, 1);
	r = st_wait(w);
	atomic_store(&w->result, r);
	if (w->shielded)
		T_OK(ferry_strand_shield(0));
	if (w->cleans) {
		T_OK(ferry_strand_shield(1));
		T_OK(ferry_strand_sleep(1));
		T_OK(ferry_strand_shield(0));
		r = w->status;
	}
	atomic_store(&w->over, 1);
	return r;
}

/* What it is to wait for is there. */
static inline void
st_waiter_prepare(struct st_waiter *w, ferry_context own, ferry_context foreign)
{
	w->own = own;
	w->foreign = foreign;
	if (w->state == ST_AWAITING_OWN)
		w->awaited = fx_later(own, &w->later);
	if (w->state == ST_AWAITING_FOREIGN)
		w->awaited = fx_later(foreign, &w->later);
	if (w->state == ST_POLLING)
		T_EQ(pipe(w->fds), 0);
}

/* Until it is suspended; a function that it waits for has begun. */
static inline void
st_waiter_await(struct st_waiter *w)
{
	T_WAIT_UNTIL(atomic_load(&w->in) == 1, FX_LIMIT_MS);
	st_turn(w->own);
	if (w->state == ST_OFFLOADED || w->state == ST_LEAVABLE)
		fx_gate_await(&w->gate, 1);
}

/* Until a cancel has come, by whoever cancels. */
static inline void
st_waiter_await_cancel(struct st_waiter *w)
{
	T_WAIT_UNTIL(ferry_call_check(w->call) == FERRY_ECANCELED, FX_LIMIT_MS);
}

/* Ends the wait, in the way that it is waited for. */
static inline void
st_waiter_end(struct st_waiter *w)
{
	switch (w->state) {
	case ST_READY:
		atomic_store(&w->go, 1);
		break;
	case ST_AWAITING_OWN:
	case ST_AWAITING_FOREIGN:
		T_OK(ferry_call_reply(w->later.call, 7, NULL, 0));
		break;
	case ST_OFFLOADED:
	case ST_LEAVABLE:
		fx_gate_open(&w->gate);
		break;
	case ST_POLLING:
		T_EQ(write(w->fds[1], "x", 1), 1);
		break;
	default:
		break;
	}
}

/* After it has been ended by something else: what is left of it. */
static inline void
st_waiter_clear(struct st_waiter *w)
{
	if (w->state == ST_AWAITING_OWN || w->state == ST_AWAITING_FOREIGN) {
		T_OK(ferry_call_reply(w->later.call, 7, NULL, 0));
		T_EQ(fx_wait(w->awaited), 7);
	}
	if (w->state == ST_LEAVABLE) {
		T_EQ(atomic_load(&w->abandoned) && atomic_load(&w->began), 0);
		fx_gate_open(&w->gate);
		T_WAIT_UNTIL(atomic_load(&w->abandoned) == 1, FX_LIMIT_MS);
	}
	if (w->state == ST_POLLING) {
		T_OK(close(w->fds[0]));
		T_OK(close(w->fds[1]));
	}
}

/* Two contexts, of two workers, and a waiter of the first. */
struct st_world {
	ferry_context context, other;
	struct st_waiter w;
	ferry_request request;
	struct st_world *next;
};

static inline struct st_world *
st_world_open(enum st_state state, const ferry_context_options *options)
{
	struct st_world *world = calloc(1, sizeof *world);

	T_ASSERT(world != NULL);
	world->w = (struct st_waiter)ST_WAITER(state);
	world->context = st_open_with(options);
	world->other = st_open();
	st_waiter_prepare(&world->w, world->context, world->other);
	return world;
}

static inline void
st_world_spawn(struct st_world *world, const ferry_request_options *options)
{
	world->request = st_spawn_with(
	    world->context, st_waiter_run, &world->w, options);
	st_waiter_await(&world->w);
}

/* Its waiter's end was a cancel: told by the reply, once, and in the counts. */
static inline void
st_world_cancelled(struct st_world *world)
{
	ferry_counters c;

	T_EQ(fx_wait(world->request), FERRY_ECANCELED);
	T_EQ(atomic_load(&world->w.result), FERRY_ECANCELED);
	st_counts(world->context, 0, 0, 1, 0);
	c = fx_counters(world->context);
	T_EQ(c.ended_canceled, 1);
	T_EQ(ferry_request_cancel(world->request), FERRY_ESTALE);
}

/* The first context is closed already, or is closed here. */
static inline void
st_world_close(struct st_world *world, int closed)
{
	if (!closed)
		fx_close(world->context);
	fx_close(world->other);
	free(world);
}

#endif
