/*
 * The doorbell of an inbox: how a loop learns that there is something to take.
 *
 * The doorbell word is `epoch << 2 | {QUIET, RINGING, RUNG}` and follows the
 * rule of the park word (park.h):
 *
 *	poster  after its push: from {QUIET e} to {RINGING e}, rings, then
 *	        from {RINGING e} to {RUNG e}; who finds RINGING rings too;
 *	        who finds RUNG goes
 *	taker   clears the descriptor, then sets {QUIET e+1}, then takes
 *
 * A poster that finds RUNG relies on a ring that has happened and has not
 * been cleared, because the taker clears before it sets QUIET, and takes
 * after it. What was taken and not yet delivered keeps the descriptor
 * readable: the taker rings it itself. Modelled in tests/model/doorbell.pml.
 *
 * A ring is announced in `ringing` before it is made. close() marks the word
 * CLOSED (seq_cst), then waits until nobody is ringing (seq_cst): so no
 * descriptor is written, and no doorbell function runs, after close returned.
 */
#ifndef FERRY_EVENT_DOOR_H
#define FERRY_EVENT_DOOR_H

#include <ferry/ferry.h>

#include "ffi/fork.h"

enum door_state {
	DOOR_QUIET,
	DOOR_RINGING,
	DOOR_RUNG,
	DOOR_CLOSED
};

struct door {
	ON_OWN_LINE atom32 word;
	atom32 ringing;         /* posters that may ring just now */
	/* Constant while it is open. */
	ON_OWN_LINE int fd;     /* -1: it is rung by a function */
	ferry_doorbell_fn ring; /* or NULL */
	void *user;
	uint32_t mark;          /* of its process: nobody else's to ring */
};

void ferry__door_open(
    struct door *d, int fd, ferry_doorbell_fn ring, void *user);

/* The poster's, after its push. */
void ferry__door_ring_slow(struct door *d);

static inline void
ferry__door_knock(struct door *d)
{
	/* pair(doorbell) seq_cst: after the push. */
	if (LIKELY((atom32_load_seqcst(&d->word) & 3) == DOOR_RUNG))
		return;
	ferry__door_ring_slow(d);
}

/* The taker's, before it takes. */
void ferry__door_hush(struct door *d);

/* Nothing rings once this has returned; waits for who does just now. */
void ferry__door_close(struct door *d);

#endif
