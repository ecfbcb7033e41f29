/*
 * What a hearer (an attachment, a listener) has heard of a context's events.
 *
 * Events of the FFI thread are numbered as they are queued, so that a gap in
 * their numbers is what overflow took out. Events of other threads draw a
 * ticket before they are pushed, which may overtake each other between the
 * two: a ticket only tells what was emitted before a hearer came. What
 * overflow keeps out of them is counted apart, and told by the next event.
 *
 * The event thread's, but for its first values (`from`, ferry__source_now()).
 */
#ifndef FERRY_EVENT_HEARING_H
#define FERRY_EVENT_HEARING_H

#include "event/queue.h"

struct hearing {
	uint64_t sequence; /* of the FFI thread's event heard last */
	uint64_t tickets;  /* drawn before it came: not its business */
	uint64_t arrival;  /* of the event of another thread heard last */
	uint64_t dropped;  /* of other threads', when it heard last */
	uint64_t offered;  /* events so far, dropped ones too */
};

/* Whether it has yet to hear this one. */
static inline bool
ferry__hearing_wants(const struct hearing *h, const struct queued *e)
{
	if (e->elsewhere)
		return e->sequence >= h->tickets && e->arrival > h->arrival;
	return e->sequence > h->sequence;
}

/* The event's number among all that this hearer was offered: from 1, with
 * gaps for those dropped. */
static inline uint64_t
ferry__hearing_number(const struct hearing *h, const struct queued *e)
{
	uint64_t step = e->elsewhere ? 1 : e->sequence - h->sequence;

	return h->offered + step + (e->dropped - h->dropped);
}

/* It has heard it, or passed it over. */
static inline void
ferry__hearing_pass(struct hearing *h, const struct queued *e)
{
	h->offered = ferry__hearing_number(h, e);
	h->dropped = e->dropped;
	if (e->elsewhere)
		h->arrival = e->arrival;
	else
		h->sequence = e->sequence;
}

#endif
