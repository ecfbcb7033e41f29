/* See world.h. */
#include "world.h"

#include <poll.h>
#include <stdatomic.h>

#include "../../t.h"

enum {
	LIMIT_MS = 10000,
	BEHIND = 32,     /* queued behind the stuck handler */
	DEFERRED = 4,
	EVENTS = 16,     /* of each deferred call */
	CHAIN = 8,
	ENOUGH = 64,     /* replies that say that the stream flows */
	QUIESCE_MS = 20  /* for what cannot come to rest */
};

static atomic_uint replies, stuck_inside, deferred, waiting, freed;
static unsigned modes_now;

void
world_stay(void)
{
	for (;;)
		pause();
}

/* ---------------------------------------------------------- the library */

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
stuck(ferry_call call, const void *data, size_t size, void *state)
{
	struct timespec long_time = {1000, 0};

	atomic_fetch_add(&stuck_inside, 1);
	if (modes_now & WORLD_POLL)
		poll(NULL, 0, -1);
	else
		nanosleep(&long_time, NULL);
	T_FAIL("woken");
	return nop(call, data, size, state);
}

static void
destroy(void *object, void *state)
{
	(void)state;
	free(object);
}

static int
later(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_call_info info = {.struct_size = sizeof info};
	ferry_handle handle;
	char *object = malloc(100);

	nop(call, data, size, state);
	T_ASSERT(object != NULL);
	T_OK(ferry_call_describe(&info, call));
	T_OK(ferry_handle_open(&handle, call, object, &replies, destroy));
	for (int i = 0; i < EVENTS; i++)
		T_OK(ferry_context_emit(info.context, 0, &i, sizeof i));
	T_OK(ferry_call_defer(call));
	atomic_fetch_add(&deferred, 1);
	return FERRY_OK;
}

static int
run(ferry_call call, const void *data, size_t size, void *state)
{
	world_job job;

	(void)state;
	T_EQ(size, sizeof job);
	memcpy(&job, data, sizeof job);
	return job(call);
}

static ferry_library
library(void)
{
	static const ferry_method methods[WORLD_N_METHODS] = {
	    {.struct_size = sizeof(ferry_method), .name = "nop",
	        .handler = nop},
	    {.struct_size = sizeof(ferry_method), .name = "stuck",
	        .handler = stuck},
	    {.struct_size = sizeof(ferry_method), .name = "later",
	        .handler = later},
	    {.struct_size = sizeof(ferry_method), .name = "run",
	        .handler = run},
	};
	static const ferry_event events[1] = {
	    {.struct_size = sizeof(ferry_event), .name = "tick"},
	};
	ferry_library_options options = {.struct_size = sizeof options,
	    .name = "world", .methods = methods, .n_methods = WORLD_N_METHODS,
	    .events = events, .n_events = 1};
	ferry_library l;

	T_OK(ferry_library_open(&l, &options));
	return l;
}

static ferry_context
context(ferry_library l, const char *key)
{
	ferry_context_options options = {.struct_size = sizeof options,
	    .library = l, .worker_key = key};
	ferry_context c;

	T_OK(ferry_context_open(&c, &options));
	return c;
}

/* --------------------------------------------------------------- threads */

static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)data;
	(void)size;
	(void)user;
	atomic_fetch_add(&replies, 1);
}

static void
on_free(void *data, void *user)
{
	(void)user;
	free(data);
	atomic_fetch_add(&freed, 1);
}

static ferry_request_options
with_callback(void)
{
	return (ferry_request_options){
	    .struct_size = sizeof(ferry_request_options),
	    .callback = on_reply};
}

/* Whether to go on. A full queue is no reason not to. */
static int
went(int r)
{
	if (r == FERRY_EAGAIN) {
		t_sleep_ms(1);
		return 1;
	}
	return r == FERRY_OK;
}

static int
adopted(ferry_context c)
{
	ferry_request_options o = with_callback();
	void *data = malloc(200);
	int r;

	T_ASSERT(data != NULL);
	memset(data, 1, 200);
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = on_free;
	r = ferry_request_submit(NULL, c, WORLD_NOP, data, 200, &o);
	if (r != FERRY_OK)
		free(data);
	return went(r);
}

static void *
submit_with_callbacks(void *arg)
{
	struct world *w = arg;
	ferry_request_options o = with_callback();
	char bytes[100] = {0};

	while (went(ferry_request_submit(NULL, w->stream, WORLD_NOP, bytes,
	           sizeof bytes, &o)) && adopted(w->stream))
		;
	return NULL;
}

static void *
submit_to_inbox(void *arg)
{
	struct world *w = arg;
	ferry_request_options o = {.struct_size = sizeof o, .inbox = w->inbox};
	ferry_request_item items[CHAIN];

	memset(items, 0, sizeof items);
	while (went(ferry_request_submit_many(
	    NULL, w->stream, items, CHAIN, &o)))
		;
	return NULL;
}

static void *
invoke_stuck(void *arg)
{
	struct world *w = arg;
	ferry_request request;
	ferry_reply reply;
	int r;

	atomic_fetch_add(&waiting, 1);
	r = ferry_request_invoke(
	    &reply, &request, w->stuck, WORLD_NOP, NULL, 0, NULL, -1);
	/* Only a close or a quiesce ends it. */
	T_ASSERT(r == FERRY_EQUIESCED || r == FERRY_ECLOSED ||
	    (r == FERRY_OK && reply.status == FERRY_ECLOSED));
	return NULL;
}

static void *
wait_for_nothing(void *arg)
{
	struct world *w = arg;

	atomic_fetch_add(&waiting, 1);
	for (;;)
		ferry_inbox_wait(w->empty, -1);
	return NULL;
}

/* ----------------------------------------------------------- opening it */

static void
start(void *(*body)(void *), struct world *w)
{
	T_OK(pthread_detach(t_thread_start(body, w)));
}

static void
open_inboxes(struct world *w)
{
	ferry_inbox_options bell = {.struct_size = sizeof bell,
	    .doorbell = w->doorbell};
	ferry_attach_options o = {.struct_size = sizeof o,
	    .flags = FERRY_ATTACH_EVENTS};

	T_OK(ferry_inbox_open(&w->inbox, NULL));
	T_OK(ferry_inbox_open(&w->empty, NULL));
	T_OK(ferry_inbox_attach(w->inbox, w->stream, NULL));
	if (w->late != 0)
		T_OK(ferry_inbox_attach(w->inbox, w->late, &o));
	if (w->doorbell == NULL)
		return;
	T_OK(ferry_inbox_open(&w->bell, &bell));
	T_OK(ferry_inbox_attach(w->bell, w->stream, &o));
}

static void
open_stuck(struct world *w)
{
	ferry_request_options o = with_callback();

	T_OK(ferry_request_submit(
	    NULL, w->stuck, WORLD_STUCK, NULL, 0, &o));
	for (int i = 0; i < BEHIND; i++)
		T_ASSERT(adopted(w->stuck));
	start(invoke_stuck, w);
	T_WAIT_UNTIL(atomic_load(&stuck_inside) == 1, LIMIT_MS);
}

static void
open_late(struct world *w)
{
	ferry_request_options o = {.struct_size = sizeof o, .inbox = w->inbox};

	for (int i = 0; i < DEFERRED; i++)
		T_OK(ferry_request_submit(
		    NULL, w->late, WORLD_LATER, NULL, 0, &o));
	T_WAIT_UNTIL(atomic_load(&deferred) == DEFERRED, LIMIT_MS);
}

void
world_open(struct world *w, unsigned modes)
{
	ferry_library l = library();
	const char *key = modes & WORLD_ONE ? "one" : NULL;
	unsigned waiters = 1;

	modes_now = modes;
	w->stream = context(l, key);
	if ((modes & WORLD_LIGHT) == 0) {
		w->late = context(l, key);
		w->stuck = context(l, NULL);
	}
	T_OK(ferry_library_close(l));
	open_inboxes(w);
	start(wait_for_nothing, w);
	if (w->stuck != 0) {
		open_late(w);
		open_stuck(w);
		waiters++;
	}
	start(submit_with_callbacks, w);
	start(submit_to_inbox, w);
	T_WAIT_UNTIL(atomic_load(&waiting) == waiters &&
	    atomic_load(&replies) >= ENOUGH, LIMIT_MS);
}

/* ------------------------------------------------------------ the end */

void
world_quiesce(unsigned modes)
{
	if (modes & WORLD_LIGHT)
		T_OK(ferry_quiesce(LIMIT_MS));
	else
		T_EQ(ferry_quiesce(QUIESCE_MS), FERRY_ETIMEDOUT);
}

static int
close_one(ferry_context c, uint32_t mode, int64_t timeout_ms)
{
	ferry_close_options o = {.struct_size = sizeof o, .mode = mode,
	    .timeout_ms = timeout_ms};

	return ferry_context_close(c, &o, NULL);
}

void
world_close(struct world *w, unsigned modes)
{
	T_OK(close_one(w->stream, FERRY_CLOSE_CANCEL, 0));
	if ((modes & WORLD_LIGHT) == 0) {
		/* Nobody will ever answer its deferred calls. */
		T_EQ(close_one(w->late, FERRY_CLOSE_CANCEL, 1), FERRY_EBUSY);
		T_EQ(close_one(w->stuck, FERRY_CLOSE_ABANDON, 0), FERRY_EBUSY);
	}
	T_OK(ferry_inbox_close(NULL, w->inbox));
	T_EQ(ferry_inbox_close(NULL, w->empty), FERRY_EBUSY);
}

void
world_ask(struct world *w)
{
	ferry_request request;
	ferry_reply reply;
	int r = ferry_request_invoke(&reply, &request, w->stream, WORLD_NOP,
	    NULL, 0, NULL, (int64_t)LIMIT_MS);

	if (r != FERRY_EQUIESCED)
		T_EQ(r == FERRY_OK ? reply.status : r, FERRY_OK);
}

void
world_run(struct world *w, world_job job)
{
	ferry_request_options o = with_callback();

	T_OK(ferry_request_submit(
	    NULL, w->stream, WORLD_RUN, &job, sizeof job, &o));
}
