/*
 * Which signal asks a running thread for its stack; ferry_watch_signal() is
 * this, at the door (ffi/watch_signal.c). Asking is ferry__trace_running().
 */
#ifndef FERRY_EVENT_TRACE_SIGNAL_H
#define FERRY_EVENT_TRACE_SIGNAL_H

#include "event/trace.h"

/* 0: none. FERRY_EINVAL, FERRY_EBUSY, FERRY_ENOTSUP, FERRY_ENOMEM. */
int ferry__trace_choose(int signo);

/* In a forked child: see forked.c. Unwinding's part of it is trace.c's. */
void ferry__trace_forked(void);
void ferry__trace_unwind_forked(void);

#endif
