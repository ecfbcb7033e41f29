/*
 * What becomes of all that Ferry has in common, in a forked child.
 *
 * A thread of the parent's may have been anywhere at the fork, with any mutex
 * in its hands and any list half linked. So nothing is mended: mutexes are made
 * anew, and lists are left behind as they are, with the memory they lie in.
 * That memory is the parent's as well until one of both writes to it.
 *
 *	what                               in a child
 *	ffi/fork.c     last                counts on
 *	ffi/os.c       once, trouble       as they are: the seam has started
 *	               fork_word           0, by the system or a fork handler
 *	ffi/os_*.c     may_spin, …         found out anew
 *	ffi/alloc.c    region, region_left the rest of the region is left behind
 *	               names, long_ones    left behind; what was returned stays
 *	ffi/node.c     directory           stays; the numbers go on behind it
 *	               chunks_used         counts on; below it is FERRY_EFORKED
 *	               free_homes          left behind
 *	               serials             counts on
 *	               key, key_exists     as they are, if there is a key
 *	ffi/token.h    each slot_table     slots go on behind the used ones;
 *	                                   below them is FERRY_EFORKED
 *	ffi/library.c, ffi/context.c, ffi/handle.c, event/inbox.c,
 *	event/listener.c
 *	               their tables        left behind, with all objects in them
 *	ffi/context.c  quiesced            0: a child has not quiesced
 *	ffi/worker.c   in_use, unused      left behind
 *	ffi/poller.c   poller              goes to `inherited` and stays: the
 *	                                   set it sleeps on is the parent's too
 *	               told, of            left behind
 *	               keys                counts on
 *	ffi/strand_out.c  pool, started    not started; threads left behind
 *	ffi/cleanup.c  lane                not started; its list, slots and
 *	                                   threads left behind, counts from 0
 *	event/attachment.c  pool           left behind
 *	event/scribe.c  unwinder           not started; thread left behind
 *	event/scribe_files.c  writers      not started; threads left behind
 *	               files               left behind: the parent writes them
 *	ffi/dump_signal.c  handler         as it is: so are the actions
 *	               running, wanted     no thread, and none to be woken
 *	event/trace_signal.c  handler, room   as they are: so are the actions
 *	               wish, word, owed    no signal is chosen, nobody is asked
 *	event/trace_dw.c  dwfl, …          what libdw had read is left behind
 *	event/trace_map.c  map             left behind
 *	event/trace_loader.c  pool         not started; its thread left behind
 *	every mutex of these               made anew
 *
 * Mutexes, once words and lists inside an object (context, inbox, worker, event
 * thread) are left behind with it. Thread-local words are each thread's own to
 * reset, when it enters (fork.c).
 *
 * Threads: one, while no other has entered.
 */
#include "event/inbox.h"
#include "event/scribe.h"
#include "event/trace_signal.h"
#include "ffi/alloc.h"
#include "ffi/cleanup.h"
#include "ffi/context.h"
#include "ffi/dump.h"
#include "ffi/fork.h"
#include "ffi/handle.h"
#include "ffi/strand_out.h"
#include "ffi/poller.h"

void
ferry__forked_abandon(void)
{
	ferry__os_forked();
	ferry__alloc_forked();
	ferry__node_forked();
	ferry__library_forked();
	ferry__handle_forked();
	ferry__context_forked();
	ferry__worker_forked();
	ferry__poller_forked();
	ferry__attachment_forked();
	ferry__inbox_forked();
	ferry__listener_forked();
	ferry__cleanup_forked();
	ferry__strand_out_forked();
	ferry__dump_forked();
	ferry__scribe_forked();
	ferry__trace_forked();
}
