/*
 * The tutorial's library. README.md goes through it step by step.
 *
 * `after` is deferred: it makes an alarm of the call and returns; a thread of
 * the library's own, one for each timer, answers when the time has come.
 * `delay` does the same as a strand, which just sleeps, and so does `schedule`.
 * `hold` holds everybody up.
 */
#include "timer_ferry.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* A call that waits for its time. */
struct alarm {
	struct alarm *next;
	timer *timer;
	ferry_call call;
	uint64_t due_ns;
	int cancelled;    /* under the timer's lock */
	const char *text; /* an argument: it stays until the call is answered */
};

struct timer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct alarm *alarms; /* under the lock, as is what follows */
	int interrupted;
	int ending;
};

static struct timespec
to_timespec(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000) };

	return ts;
}

const char *
timer_error_text(timer_error code)
{
	switch (code) {
	case TIMER_OK:
		return "all is well";
	case TIMER_NO_RESOURCES:
		return "no memory, or no thread";
	case TIMER_JITTER:
		return "more jitter than there is period";
	case TIMER_INTERRUPTED:
		return "interrupted";
	}
	return "unknown";
}

/* --- At once -------------------------------------------------------------- */

const char *
timer_echo(timer *t, const char *text)
{
	(void)t;
	return text; /* copied before anybody else has a turn */
}

/* --- Later: a deferred call ----------------------------------------------- */

/* A cancel hook: on the thread that cancels. It only interrupts. */
static void
cancel_alarm(ferry_call call, void *user)
{
	struct alarm *a = user;

	(void)call;
	pthread_mutex_lock(&a->timer->lock);
	a->cancelled = 1;
	pthread_cond_broadcast(&a->timer->changed);
	pthread_mutex_unlock(&a->timer->lock);
}

timer_error
timer_after(timer *t, ferry_call call, uint32_t delay, const char *text,
    const char **out)
{
	struct alarm *a = malloc(sizeof *a);

	(void)out; /* NULL: what comes out is the answer's */
	if (a == NULL)
		return TIMER_NO_RESOURCES; /* an answer too */
	*a = (struct alarm){ .timer = t, .call = call, .text = text,
		.due_ns = ferry_clock_ns() + delay * UINT64_C(1000000) };

	/* The hook may run from here on, the alarm may be answered from the
	 * moment it is in the list. So: hook, then list. */
	if (ferry_call_on_cancel(call, cancel_alarm, a) != FERRY_OK) {
		free(a);
		return TIMER_INTERRUPTED;
	}
	pthread_mutex_lock(&t->lock);
	a->next = t->alarms;
	t->alarms = a;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return TIMER_OK; /* it will be answered */
}

/* Takes out the alarm that is due first, if it is; else NULL, and when it will
 * be. One that is not waited for any more is due at once. */
static struct alarm *
take_due(uint64_t *next_ns, timer *t)
{
	struct alarm **at = &t->alarms, **first = NULL, *a;
	uint64_t due_ns;

	*next_ns = UINT64_MAX;
	for (; (a = *at) != NULL; at = &a->next) {
		due_ns = a->cancelled || t->ending ? 0 : a->due_ns;
		if (due_ns <= *next_ns) {
			*next_ns = due_ns;
			first = at;
		}
	}
	if (first == NULL || *next_ns > ferry_clock_ns())
		return NULL;
	a = *first;
	*first = a->next;
	return a;
}

/* Without the lock: it waits for the hook, and the hook wants the lock. */
static void
answer(struct alarm *a)
{
	/* After this no hook is running, so `a` may be freed. */
	int r = ferry_call_on_cancel(a->call, NULL, NULL);

	if (r == FERRY_ECANCELED)
		timer_after_reply(a->call, TIMER_INTERRUPTED, NULL, NULL);
	else
		timer_after_reply(a->call, TIMER_OK, NULL, a->text);
	free(a);
}

static void *
run_timer(void *arg)
{
	timer *t = arg;
	struct alarm *a;
	struct timespec due;
	uint64_t next_ns;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		a = take_due(&next_ns, t);
		if (a != NULL) {
			pthread_mutex_unlock(&t->lock);
			answer(a);
			pthread_mutex_lock(&t->lock);
		} else if (t->ending) {
			break;
		} else if (next_ns == UINT64_MAX) {
			pthread_cond_wait(&t->changed, &t->lock);
		} else {
			due = to_timespec(next_ns);
			pthread_cond_timedwait(&t->changed, &t->lock, &due);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* --- Strands: they wait, and the library's thread does not ---------------- */

timer_error
timer_delay(timer *t, uint32_t delay, const char *text, const char **out)
{
	(void)t;
	/* Others have the thread meanwhile. A cancel ends the sleep. */
	if (ferry_strand_sleep(delay) != FERRY_OK)
		return TIMER_INTERRUPTED;
	*out = text;
	return TIMER_OK;
}

static int
sleep_until(uint64_t due_ns)
{
	uint64_t now_ns = ferry_clock_ns();

	/* Rounded up: a tick is never early. */
	return ferry_strand_sleep(
	    due_ns > now_ns ? (int64_t)((due_ns - now_ns + 999999) / 1000000)
	                    : 0);
}

timer_error
timer_schedule(timer *t, const timer_rhythm *rhythm)
{
	uint64_t start_ns = ferry_clock_ns(), due_ms;
	unsigned seed = (unsigned)start_ns;

	if (rhythm->jitter > rhythm->period)
		return TIMER_JITTER;
	for (uint32_t i = 1; i <= rhythm->ticks; i++) {
		/* Counted from the start, so that no lateness adds up. */
		due_ms = (uint64_t)i * rhythm->period +
		    (uint64_t)rand_r(&seed) % (UINT64_C(1) + rhythm->jitter);
		if (sleep_until(start_ns + due_ms * 1000000) != FERRY_OK)
			return TIMER_INTERRUPTED; /* wherever it was */
		timer_on_tick(t, i);
	}
	return TIMER_OK;
}

/* --- And a call that does not come back ----------------------------------- */

timer_error
timer_hold(timer *t, uint32_t delay, const char *text, const char **out)
{
	struct timespec due =
	    to_timespec(ferry_clock_ns() + delay * UINT64_C(1000000));
	int r = 0, interrupted;

	pthread_mutex_lock(&t->lock);
	/* An interrupt may come just before this begins. So it stays until it
	 * is seen. */
	while (r == 0 && !t->interrupted)
		r = pthread_cond_timedwait(&t->changed, &t->lock, &due);
	interrupted = t->interrupted;
	t->interrupted = 0;
	pthread_mutex_unlock(&t->lock);
	if (interrupted)
		return TIMER_INTERRUPTED;
	*out = text;
	return TIMER_OK;
}

/* On any thread. */
void
timer_interrupt(timer *t)
{
	pthread_mutex_lock(&t->lock);
	t->interrupted = 1;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

/* --- Open and close ------------------------------------------------------- */

timer_error
timer_open(timer **out)
{
	timer *t = calloc(1, sizeof *t);
	pthread_condattr_t attr;

	if (t == NULL)
		return TIMER_NO_RESOURCES;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&t->thread, NULL, run_timer, t) != 0) {
		pthread_cond_destroy(&t->changed);
		pthread_mutex_destroy(&t->lock);
		free(t);
		return TIMER_NO_RESOURCES;
	}
	*out = t;
	return TIMER_OK;
}

void
timer_close(timer *t)
{
	pthread_mutex_lock(&t->lock);
	t->ending = 1;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
