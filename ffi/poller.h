/*
 * Waiting for descriptors: one thread of the process, "ferry-poll", waits for
 * all that anybody waits for. It is started by the first wait and sleeps while
 * nothing happens. There are no timeouts: a timer of the waiter's disarms.
 *
 * A wait is part of its waiter and armed by its owner. It ends once: by
 * ready(), on that thread, or by a disarm that returns true. Any number may be
 * armed for one descriptor, and each of those that it is ready for is told.
 *
 * Each says what holds while it is armed, as poll(2) does: it is told at once
 * when the descriptor is ready as it is, and whoever reads first may leave
 * nothing for the others. Files that are ready always (regular ones) end their
 * waits at once.
 *
 * Who waits keeps the descriptor open: disarm first, then close. If it is
 * closed all the same:
 *
 *	nothing comes		the wait stays armed until it is disarmed; also
 *				when the number is in use again
 *	another wait is armed	for the number: the old one is told POLLNVAL,
 *				the new one is as good as any
 *	the open file lives on	in another descriptor (dup(), a forked child):
 *				until then the old one may be told of that file
 *
 * Where the seam uses poll(), which knows numbers only, the old one is told
 * POLLNVAL when the thread goes round, or what holds for the file that has the
 * number by then.
 */
#ifndef FERRY_FFI_POLLER_H
#define FERRY_FFI_POLLER_H

#include <poll.h>

#include "ffi/os.h"

/* All zero but for the four below: not armed. */
struct poll_wait {
	struct poll_wait *next, **link; /* link NULL: not armed */
	uint64_t key;                   /* of its descriptor, latest */
	int fd;
	uint32_t events;  /* POLLIN, POLLOUT, POLLPRI */
	uint32_t revents; /* of those, and POLLERR, POLLHUP, POLLNVAL */
	/* On the poller's thread, under its mutex: to hand the news on, no
	 * more. The wait is its owner's again when this is called. */
	void (*ready)(struct poll_wait *w);
};

/*
 * Not armed before. FERRY_EINVAL: no such descriptor, other events or none,
 * or POLLPRI alone of a file that is always ready. FERRY_ENOMEM, FERRY_ESYSTEM:
 * a thread, descriptor or memory was refused; the next try may succeed.
 */
int ferry__poller_arm(struct poll_wait *w);

/* True: ready() will not be called. False: it has been, and has returned. Not
 * of a wait that a forked child has inherited. */
bool ferry__poller_disarm(struct poll_wait *w);

/* Ends the thread, and gives back what it uses, if nobody waits; the next wait
 * starts another one. For who takes down the last of its own that could wait;
 * not in ready(). */
void ferry__poller_rest(void);

void ferry__poller_forked(void);

#endif
