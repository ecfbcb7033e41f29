/*
 * ferry_watch_signal(): the door to event/trace_signal.c.
 */
#include "event/trace_signal.h"
#include "ffi/context.h"

int
ferry_watch_signal(int signo)
{
	ferry__fork_enter();
	if (!ferry__context_may_block())
		return FERRY_EREENTRANT;
	return ferry__trace_choose(signo);
}
