/*
 * A signal handler over another one; see handler.h.
 */
#include "ffi/handler.h"

#include <ferry/ferry.h>

#include "ffi/alloc.h"

/* SIG_DFL and SIG_IGN stay what they are when SA_SIGINFO is set. */
static bool
is_function(const struct sigaction *a)
{
	uintptr_t function = (a->sa_flags & SA_SIGINFO) != 0
	    ? (uintptr_t)a->sa_sigaction
	    : (uintptr_t)a->sa_handler;

	return function != (uintptr_t)SIG_DFL &&
	    function != (uintptr_t)SIG_IGN;
}

void
ferry__handler_chain(
    struct handler *h, int signo, siginfo_t *info, void *ucontext)
{
	/* pair(former) acquire: what it says. */
	const struct sigaction *f = atomp_load_acquire(&h->former[signo]);

	if (!is_function(f))
		return;
	if ((f->sa_flags & SA_SIGINFO) != 0)
		f->sa_sigaction(signo, info, ucontext);
	else
		f->sa_handler(signo);
}

static bool
is_ours(const struct handler *h, const struct sigaction *a)
{
	return (a->sa_flags & SA_SIGINFO) != 0 &&
	    a->sa_sigaction == h->function;
}

/* Field by field: the system does not write all of one. */
static bool
is_same(const struct sigaction *a, const struct sigaction *b)
{
	if (a->sa_flags != b->sa_flags ||
	    ((a->sa_flags & SA_SIGINFO) != 0
	        ? a->sa_sigaction != b->sa_sigaction
	        : a->sa_handler != b->sa_handler))
		return false;
	for (int signo = 1; signo < HANDLER_SIGNALS; signo++)
		if (sigismember(&a->sa_mask, signo) !=
		    sigismember(&b->sa_mask, signo))
			return false;
	return true;
}

/* What a fault raises: one that is handled and returned from comes again. */
static bool
is_a_fault(int signo)
{
	return signo == SIGSEGV || signo == SIGBUS || signo == SIGFPE ||
	    signo == SIGILL || signo == SIGTRAP || signo == SIGABRT ||
	    signo == SIGSYS;
}

int
ferry__handler_check(struct handler *h, int signo, struct sigaction *now)
{
	if (signo <= 0 || signo >= HANDLER_SIGNALS || signo == SIGKILL ||
	    signo == SIGSTOP || is_a_fault(signo) ||
	    sigaction(signo, NULL, now) != 0)
		return FERRY_EINVAL;
	return h->reachable[signo] && !is_ours(h, now) && is_function(now)
	    ? FERRY_EBUSY
	    : FERRY_OK;
}

int
ferry__handler_keep(struct handler *h, int signo, const struct sigaction *now)
{
	const struct sigaction *same;
	struct sigaction *kept;

	if (is_ours(h, now))
		return FERRY_OK;
	/* Relaxed, here and below: written under the user's mutex. */
	same = atomp_load_relaxed(&h->former[signo]);
	if (same != NULL && is_same(same, now))
		return FERRY_OK;
	kept = ferry__alloc_for_ever(sizeof *kept);
	if (kept == NULL)
		return FERRY_ENOMEM;
	*kept = *now;
	/* pair(former) release: what it says. */
	atomp_store_release(&h->former[signo], kept);
	return FERRY_OK;
}

/* As the former one was, which it calls: what that wanted blocked is, and
 * calls that it wanted interrupted are. */
void
ferry__handler_install(
    struct handler *h, int signo, const struct sigaction *now, int flags)
{
	struct sigaction a = { .sa_flags = SA_RESTART };

	h->reachable[signo] = true;
	if (is_ours(h, now))
		return;
	sigemptyset(&a.sa_mask);
	if (is_function(now)) {
		a.sa_mask = now->sa_mask;
		a.sa_flags = now->sa_flags & (SA_RESTART | SA_NODEFER);
	}
	a.sa_flags |= SA_SIGINFO | SA_ONSTACK | flags;
	a.sa_sigaction = h->function;
	/* What can be asked for and is neither of these two can be set. */
	ASSERT(sigaction(signo, &a, NULL) == 0);
}

bool
ferry__handler_is_in_place(struct handler *h, int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && is_ours(h, &now);
}

void
ferry__handler_restore(struct handler *h, int signo)
{
	if (!ferry__handler_is_in_place(h, signo))
		return;
	sigaction(signo, atomp_load_relaxed(&h->former[signo]), NULL);
	h->reachable[signo] = false;
}
