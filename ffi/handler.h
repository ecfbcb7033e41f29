/*
 * A signal handler of Ferry's over whatever was there before, which it calls.
 *
 * One table for each use: two of them may choose the same signal, and one then
 * lies over the other. What was there before is kept for ever, by signal, as a
 * handler may be about to call it.
 */
#ifndef FERRY_FFI_HANDLER_H
#define FERRY_FFI_HANDLER_H

#include <signal.h>

#include "ffi/atomic.h"

#ifdef _NSIG
#define HANDLER_SIGNALS _NSIG
#else
#define HANDLER_SIGNALS 128
#endif

struct handler {
	void (*function)(int, siginfo_t *, void *);
	atomp former[HANDLER_SIGNALS];   /* struct sigaction, constant */
	/* Ours may still be called, also by one that has been put over it. */
	bool reachable[HANDLER_SIGNALS];
};

/*
 * All but the chain one at a time, with a mutex of the user's; in this order:
 * check, which fills `now`, keep, install.
 */

/* FERRY_EINVAL: it cannot be had. FERRY_EBUSY: ours is under another's. */
int ferry__handler_check(
    struct handler *h, int signo, struct sigaction *now);

/* For who chains from now on; FERRY_ENOMEM. Nothing, if `now` is ours. */
int ferry__handler_keep(
    struct handler *h, int signo, const struct sigaction *now);

/* Nothing, if `now` is ours. `flags`: of sigaction(), whatever the former's
 * are. */
void ferry__handler_install(struct handler *h, int signo,
    const struct sigaction *now, int flags);

/* Another's that has been put over ours stays, and may go on to call it. */
void ferry__handler_restore(struct handler *h, int signo);

/* Whether it is the handler now. */
bool ferry__handler_is_in_place(struct handler *h, int signo);

/* In the handler: what the former one would have done, if it is a function. */
void ferry__handler_chain(
    struct handler *h, int signo, siginfo_t *info, void *ucontext);

#endif
