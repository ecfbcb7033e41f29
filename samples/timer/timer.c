/*
 * The tutorial's library. README.md goes through it step by step.
 *
 * `echo` is answered in its handler. `after` is deferred: its handler makes an
 * alarm of the call and returns; a thread of the library's own, which exists
 * once for each context, answers when the time has come.
 */
#include "timer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A call that waits for its time. */
struct alarm {
	struct alarm *next;
	struct timer *timer;
	ferry_call call;
	uint64_t due_ns;
	int cancelled; /* under the timer's lock */
	struct timer_after after;
};

/* The library's state: one for each context. */
struct timer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct alarm *alarms; /* under the lock, as is `ending` */
	int ending;
};

/* --- Handlers: on the FFI thread ---------------------------------------- */

static int
handle_echo(ferry_call call, const void *data, size_t size, void *state)
{
	(void)state;
	return ferry_call_reply(call, FERRY_OK, data, size);
}

/* A cancel hook: on the thread that cancels. It only interrupts. */
static void
cancel_alarm(ferry_call call, void *user)
{
	struct alarm *a = user;

	(void)call;
	pthread_mutex_lock(&a->timer->lock);
	a->cancelled = 1;
	pthread_cond_signal(&a->timer->changed);
	pthread_mutex_unlock(&a->timer->lock);
}

static int
handle_after(ferry_call call, const void *data, size_t size, void *state)
{
	struct timer *timer = state;
	struct alarm *a;

	if (size != sizeof a->after)
		return FERRY_EINVAL; /* an answer too, without data */
	a = calloc(1, sizeof *a);
	if (!a)
		return FERRY_ENOMEM;
	a->timer = timer;
	a->call = call;
	memcpy(&a->after, data, size);
	a->after.text[sizeof a->after.text - 1] = '\0';
	a->due_ns = ferry_clock_ns() + a->after.delay_ms * UINT64_C(1000000);

	/* The hook may run from here on, the alarm may be answered from the
	 * moment it is in the list. So: hook, defer, list. */
	if (ferry_call_on_cancel(call, cancel_alarm, a) != FERRY_OK) {
		free(a);
		return FERRY_ECANCELED;
	}
	ferry_call_defer(call);
	pthread_mutex_lock(&timer->lock);
	a->next = timer->alarms;
	timer->alarms = a;
	pthread_cond_signal(&timer->changed);
	pthread_mutex_unlock(&timer->lock);
	return FERRY_OK; /* not looked at: the call is deferred */
}

/* --- The library's own thread ------------------------------------------- */

/* Takes out an alarm that is due; else NULL, and when the next one is. */
static struct alarm *
take_due(uint64_t *next_ns, struct timer *timer)
{
	struct alarm **at = &timer->alarms, *a;

	*next_ns = UINT64_MAX;
	for (; (a = *at) != NULL; at = &a->next) {
		if (a->cancelled || timer->ending ||
		    a->due_ns <= ferry_clock_ns()) {
			*at = a->next;
			return a;
		}
		if (a->due_ns < *next_ns)
			*next_ns = a->due_ns;
	}
	return NULL;
}

/* Without the lock: it waits for the hook, and the hook wants the lock. */
static void
answer(struct alarm *a)
{
	/* After this no hook is running, so `a` may be freed. */
	int r = ferry_call_on_cancel(a->call, NULL, NULL);

	if (r == FERRY_ECANCELED)
		ferry_call_reply(a->call, FERRY_ECANCELED, NULL, 0);
	else
		ferry_call_reply(a->call, FERRY_OK, a->after.text,
		    strlen(a->after.text) + 1);
	free(a);
}

static void *
run_timer(void *arg)
{
	struct timer *timer = arg;
	struct alarm *a;
	uint64_t next_ns;

	pthread_mutex_lock(&timer->lock);
	for (;;) {
		a = take_due(&next_ns, timer);
		if (a) {
			pthread_mutex_unlock(&timer->lock);
			answer(a);
			pthread_mutex_lock(&timer->lock);
		} else if (timer->ending) {
			break;
		} else if (next_ns == UINT64_MAX) {
			pthread_cond_wait(&timer->changed, &timer->lock);
		} else {
			struct timespec ts = { .tv_sec = (time_t)(next_ns /
						   1000000000),
				.tv_nsec = (long)(next_ns % 1000000000) };

			pthread_cond_timedwait(
			    &timer->changed, &timer->lock, &ts);
		}
	}
	pthread_mutex_unlock(&timer->lock);
	return NULL;
}

/* --- Open and close: on the FFI thread ---------------------------------- */

static int
open_timer(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct timer *timer = calloc(1, sizeof *timer);
	pthread_condattr_t attr;

	(void)arg;
	(void)context;
	if (timer) {
		pthread_condattr_init(&attr);
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		pthread_mutex_init(&timer->lock, NULL);
		pthread_cond_init(&timer->changed, &attr);
		pthread_condattr_destroy(&attr);
	}
	if (!timer ||
	    pthread_create(&timer->thread, NULL, run_timer, timer) != 0) {
		free(timer);
		snprintf(text, text_size, "no memory, or no thread");
		return -1; /* the open fails with FERRY_EINIT and this text */
	}
	*state = timer;
	return 0;
}

static void
close_timer(void *state)
{
	struct timer *timer = state;

	pthread_mutex_lock(&timer->lock);
	timer->ending = 1;
	pthread_cond_signal(&timer->changed);
	pthread_mutex_unlock(&timer->lock);
	pthread_join(timer->thread, NULL);
	pthread_cond_destroy(&timer->changed);
	pthread_mutex_destroy(&timer->lock);
	free(timer);
}

/* --- The description: what can be called -------------------------------- */

int
timer_open(ferry_context *out)
{
	static const ferry_method methods[] = {
		[TIMER_ECHO] = { .struct_size = sizeof(ferry_method),
		    .name = "echo",
		    .handler = handle_echo },
		[TIMER_AFTER] = { .struct_size = sizeof(ferry_method),
		    .name = "after",
		    .handler = handle_after },
	};
	ferry_library_options library = { .struct_size = sizeof library,
		.name = "timer",
		.methods = methods,
		.n_methods = sizeof methods / sizeof methods[0],
		.init = open_timer,
		.fini = close_timer };
	ferry_context_options options = { .struct_size = sizeof options };
	int r;

	r = ferry_library_open(&options.library, &library);
	if (r)
		return r;
	r = ferry_context_open(out, &options);
	ferry_library_close(options.library); /* the context remains */
	return r;
}
