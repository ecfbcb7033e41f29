/*
 * What the calling thread is to Ferry; see self.h.
 */
#include "ffi/self.h"

#include "ffi/coro.h"

FERRY__TLS struct self ferry__self;

COLD void
ferry__self_run_out(void (*fn)(void *), void *arg)
{
	struct coro *co = ferry__self.coro;

	ferry__self.coro = NULL;
	/* If fn ends the thread nobody comes back here. */
	ferry__coro_call_out(co, fn, arg);
	ferry__self.coro = co;
}
