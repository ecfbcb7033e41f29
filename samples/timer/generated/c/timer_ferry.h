/*
 * timer behind Ferry: made by `ferry gen` from timer.h.
 * For the library's author.
 */
#ifndef TIMER_FERRY_H
#define TIMER_FERRY_H

#include <ferry/package.h>

#include "timer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What packages read: the library's, whatever else is loaded. */
FERRY_API const ferry_package *
timer_ferry(void);

/* Answers a call of timer_after(): status 0 with its results, which are
 * copied, or another with a text (or NULL). Once, on any thread. What it
 * returns is ferry_call_reply()'s. */
FERRY_API int
timer_after_reply(ferry_call call, timer_error status, const char *text,
    const char *out);

#ifdef __cplusplus
}
#endif

#endif
