/*
 * The tutorial's library. It is an ordinary C library; its header has marks, of
 * which `ferry gen` makes packages. README.md goes through it step by step.
 */
#ifndef TIMER_H
#define TIMER_H

#include <stdint.h>

#include <ferry/ferry.h>
#include <ferry/marks.h>

#ifdef __cplusplus
extern "C" {
#endif

FERRY_LIBRARY(name = timer, version = "1.0", error = timer_error,
    instances = independent)

/** How a call ended. */
typedef enum timer_error {
	TIMER_OK = 0,
	TIMER_NO_RESOURCES = 1, /**< No memory, or no thread. */
	TIMER_JITTER = 2,       /**< More jitter than there is period. */
	TIMER_INTERRUPTED = 3   /**< It ended before its time. */
} timer_error FERRY(error);

FERRY(error_text) const char *timer_error_text(timer_error code);

/** When a schedule ticks. */
typedef struct timer_rhythm {
	uint32_t ticks;
	uint32_t period FERRY(duration = ms);
	/** Every tick is up to this late, at random: schedules that began
	 * together do not tick together. At most the period. */
	uint32_t jitter FERRY(duration = ms, default = 0);
} timer_rhythm FERRY(record);

/** Tells when time has passed. */
typedef struct timer timer FERRY(object);

FERRY(constructor) timer_error timer_open(timer **out);
FERRY(destructor) void timer_close(timer *t);

/** Answers at once, with what it is told. */
FERRY(method) const char *timer_echo(timer *t, const char *text);

/** Answers when some time has passed, from a thread of the library's own. */
FERRY(method) timer_error timer_after(timer *t, ferry_call call,
    uint32_t delay FERRY(duration = ms), const char *text, const char **out);

/** The same, as a strand. */
FERRY(strand) timer_error timer_delay(timer *t,
    uint32_t delay FERRY(duration = ms), const char *text, const char **out);

/** The same, and nobody else is served meanwhile: how not to do it. */
FERRY(method, cancel = timer_interrupt, slow = 50, stalled = 200) timer_error
timer_hold(timer *t, uint32_t delay FERRY(duration = ms), const char *text,
    const char **out);
void timer_interrupt(timer *t);

/** Ticks, and answers after the last. */
FERRY(strand) timer_error timer_schedule(
    timer *t, const timer_rhythm *rhythm);
/** A schedule's. @param number From 1. */
FERRY(event) void timer_on_tick(timer *t, uint32_t number);

#ifdef __cplusplus
}
#endif

#endif
