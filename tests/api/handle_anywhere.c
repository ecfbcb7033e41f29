/*
 * Handles released from wherever a finalizer may find itself: on threads that
 * were never here, on threads that are ending, in signal handlers, in every
 * callback there is.
 */
#include "things.h"

enum { MANY = 20000, OWN = 64, THREADS = 8 };

static struct thing things[MANY];

/* ------------------------------------------------- threads that are ending */

/* Destructors of two keys, one made before Ferry has made its own and one after
 * it, each called again and again: so before Ferry's, and when that has run. */
enum { ROUNDS = 3 };

static pthread_key_t keys[2];

struct ending {
	ferry_context context; /* 0: a thread that was never here */
	struct thing *at;      /* two in each round */
	int rounds[2];
};

static void
end_by_key(struct ending *e, int k)
{
	T_OK(thing_release(&e->at[2 * e->rounds[k] + k]));
	if (++e->rounds[k] < ROUNDS)
		T_EQ(pthread_setspecific(keys[k], e), 0);
}

static void
end_by_first(void *arg)
{
	end_by_key(arg, 0);
}

static void
end_by_second(void *arg)
{
	end_by_key(arg, 1);
}

static void *
end_thread(void *arg)
{
	struct ending *e = arg;

	if (e->context != 0)
		T_EQ(fx_wait(fx_submit(e->context, FX_NOP, NULL, 0, NULL)),
		    FERRY_OK);
	for (int k = 0; k < 2; k++)
		T_EQ(pthread_setspecific(keys[k], e), 0);
	return NULL;
}

static void
in_threads_that_end(void)
{
	enum { N = THREADS * 2 * ROUNDS };
	struct ending endings[THREADS];
	pthread_t threads[THREADS];
	ferry_context context;

	T_EQ(pthread_key_create(&keys[0], end_by_first), 0);
	context = fx_open();
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(pthread_key_create(&keys[1], end_by_second), 0);
	things_open(context, things, N);
	for (int i = 0; i < THREADS; i++) {
		endings[i] = (struct ending){.at = &things[i * 2 * ROUNDS],
		    .context = i % 2 == 0 ? context : 0};
		threads[i] = t_thread_start(end_thread, &endings[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		t_thread_join(threads[i]);
		T_EQ(endings[i].rounds[0], ROUNDS);
		T_EQ(endings[i].rounds[1], ROUNDS);
	}
	things_await(things, N);
	fx_close(context);
	things_audit(things, N);
	for (int k = 0; k < 2; k++)
		T_EQ(pthread_key_delete(keys[k]), 0);
}

/* ---------------------------------------------------------- signal handlers */

static struct thing own[OWN]; /* the interrupted thread's */
static atomic_int signals;    /* handled */

static void
on_signal(int number)
{
	int i = atomic_load(&signals), before = errno;

	(void)number;
	errno = 4711;
	T_OK(thing_release(&things[i]));
	/* Once more, and what never was one. */
	T_EQ(thing_release(&things[i]), FERRY_ESTALE);
	T_EQ(ferry_handle_release(0), FERRY_EINVAL);
	T_EQ(errno, 4711);
	errno = before;
	atomic_store(&signals, i + 1);
}

/* The next when the last has been handled: none is merged. */
static void *
send_signals(void *arg)
{
	pthread_t *thread = arg;

	for (int i = 0; i < MANY; i++) {
		T_EQ(pthread_kill(*thread, SIGUSR1), 0);
		while (atomic_load(&signals) == i)
			sched_yield();
	}
	return NULL;
}

/* A wait with a timeout is interrupted, SA_RESTART or not. */
static void
await_ok(ferry_request request)
{
	ferry_reply reply;
	int r;

	do
		r = ferry_request_wait(&reply, request, -1);
	while (r == FERRY_EINTR);
	T_EQ(r, FERRY_OK);
	T_EQ(reply.status, FERRY_OK);
}

/* What is interrupted: releases, submits and waits, with the worker awake and
 * asleep. */
static void
release_some(ferry_context context)
{
	struct things mine = {own, OWN};

	await_ok(fx_do(context, things_open_run, &mine));
	for (int i = 0; i < OWN; i++) {
		T_OK(thing_release(&own[i]));
		if (i % 8 == 0)
			await_ok(fx_submit(context, FX_NOP, NULL, 0, NULL));
	}
	/* What they are is written by the next round's open. */
	while (things_destroyed(own, OWN) < OWN)
		sched_yield();
}

static void
in_signal_handlers(void)
{
	struct sigaction action = {.sa_handler = on_signal,
	    .sa_flags = SA_RESTART}, before;
	pthread_t self = pthread_self(), sender;
	ferry_context context = fx_open();

	memset(things, 0, sizeof things);
	things_open(context, things, MANY);
	atomic_store(&signals, 0);
	T_EQ(sigaction(SIGUSR1, &action, &before), 0);
	sender = t_thread_start(send_signals, &self);
	while (atomic_load(&signals) < MANY)
		release_some(context);
	t_thread_join(sender);
	T_EQ(sigaction(SIGUSR1, &before, NULL), 0);
	things_await(things, MANY);
	fx_close(context);
	things_audit(things, MANY);
	things_audit(own, OWN);
}

/* ------------------------------------------------------------ in callbacks */

static void
release_on_reply(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	T_OK(thing_release(user));
}

static void
release_on_event(ferry_context context, uint32_t event, const void *data,
    size_t size, uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	T_OK(thing_release(user));
}

/* On the event thread. */
static void
release_when_gone(void *user)
{
	T_OK(thing_release((struct thing *)user + 1));
}

static void
release_on_cancel(ferry_call call, void *user)
{
	(void)call;
	T_OK(thing_release(user));
}

static void
in_callbacks(void)
{
	enum { N = 4 };
	ferry_context context = fx_open();
	ferry_request_options o = fx_request_options();
	ferry_listener_options lo = {.struct_size = sizeof lo,
	    .event = FX_TICK, .listener = release_on_event,
	    .gone = release_when_gone, .user = &things[1]};
	struct fx_later later = FX_LATER;
	ferry_listener listener;
	ferry_request request;

	memset(things, 0, sizeof things);
	things_open(context, things, N);
	o.callback = release_on_reply;
	o.user = &things[0];
	fx_submit(context, FX_NOP, NULL, 0, &o);
	T_OK(ferry_listener_add(&listener, context, &lo));
	T_OK(ferry_context_emit(context, FX_TICK, NULL, 0));
	things_await(things, 2);
	T_OK(ferry_listener_remove_wait(listener, -1));
	later.hook = release_on_cancel;
	later.hook_user = &things[3];
	request = fx_later(context, &later);
	T_OK(ferry_request_cancel(request));
	T_OK(ferry_call_reply(later.call, FERRY_ECANCELED, NULL, 0));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	things_await(things, N);
	fx_close(context);
	things_audit(things, N);
}

T_MAIN(
	T_RUN(in_threads_that_end);
	T_RUN(in_signal_handlers);
	T_RUN(in_callbacks);
)
