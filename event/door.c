/*
 * The doorbell; the protocol and its proof are in door.h.
 */
#include "event/door.h"

static void
call_ring(void *door)
{
	struct door *d = door;

	d->ring(d->user);
}

/* For health: a thread of Ferry's is in a doorbell function. */
static void
say(uint32_t ringing)
{
	if (ferry__self.waits != NULL)
		/* pair(waits) release: the beat that names the call. */
		atom32_store_release(&ferry__self.waits->ringing, ringing);
}

static void
sound(struct door *d)
{
	uint32_t before = ferry__self.roles;
	int cancel;

	/* Who forks inside a callback, or a signal handler, may come here on
	 * the way out. */
	if (ferry__fork_has(d->mark))
		return;
	if (d->ring == NULL) {
		ferry__os_bell_ring(d->fd);
		return;
	}
	ferry__self.roles |= SELF_DOORBELL;
	cancel = ferry__os_hold_cancel();
	say(1);
	ferry__self_run(call_ring, d);
	ferry__fork_returned(d->mark);
	say(0);
	ferry__os_resume_cancel(cancel);
	ferry__self.roles = before;
}

/* The word is of one epoch throughout; who is late fails its CAS. */
static void
ring_by_word(struct door *d)
{
	/* pair(doorbell) seq_cst: after the push, after `ringing`. */
	uint32_t word = atom32_load_seqcst(&d->word);
	uint32_t ringing;

	for (;;) {
		if ((word & 3) == DOOR_RUNG || (word & 3) == DOOR_CLOSED)
			return;
		if ((word & 3) == DOOR_RINGING)
			break;
		ringing = (word & ~3u) | DOOR_RINGING;
		/* pair(doorbell) seq_cst. */
		if (atom32_cas_seqcst(&d->word, &word, ringing)) {
			word = ringing;
			break;
		}
	}
	sound(d);
	/* pair(doorbell) seq_cst: rung, and only now is it said. */
	atom32_cas_seqcst(&d->word, &word, (word & ~3u) | DOOR_RUNG);
}

COLD void
ferry__door_ring_slow(struct door *d)
{
	uint32_t closed;

	/* pair(doorbell-close) seq_cst: announced before the look at the
	 * word, which close() marks before it looks here. */
	atom32_add_seqcst(&d->ringing, 1);
	ring_by_word(d);
	/* pair(doorbell-close) seq_cst. */
	atom32_sub_seqcst(&d->ringing, 1);
	/* pair(doorbell-close) seq_cst: a closer may sleep on it. */
	closed = atom32_load_seqcst(&d->word) & 3;
	if (closed == DOOR_CLOSED)
		ferry__os_wake(&d->ringing, INT32_MAX);
}

void
ferry__door_open(struct door *d, int fd, ferry_doorbell_fn ring, void *user)
{
	/* Relaxed: nobody changes the word of a closed door. */
	uint32_t word = atom32_load_relaxed(&d->word);

	ferry__fork_enter();
	d->mark = ferry__fork_mark();
	d->fd = fd;
	d->ring = ring;
	d->user = user;
	/* The epoch goes on from the former life. pair(doorbell-close)
	 * release: a late ringer that finds the door open finds its fields. */
	atom32_store_release(&d->word, ((word >> 2) + 1) << 2 | DOOR_QUIET);
}

void
ferry__door_hush(struct door *d)
{
	uint32_t word = atom32_load_relaxed(&d->word);

	if (d->ring == NULL && !ferry__fork_has(d->mark))
		ferry__os_bell_clear(d->fd);
	/* Relaxed load: the epoch is the taker's own.
	 * pair(doorbell) seq_cst: cleared before, taken after. */
	atom32_store_seqcst(&d->word, ((word >> 2) + 1) << 2 | DOOR_QUIET);
}

void
ferry__door_close(struct door *d)
{
	uint32_t word = atom32_load_relaxed(&d->word), ringing;

	/* pair(doorbell-close) seq_cst: marked before the look at ringers. */
	atom32_store_seqcst(&d->word, (word & ~3u) | DOOR_CLOSED);
	/* pair(doorbell-close) seq_cst: after the word was marked. */
	while ((ringing = atom32_load_seqcst(&d->ringing)) != 0)
		ferry__os_wait(&d->ringing, ringing, OS_NEVER);
	if (d->fd >= 0)
		ferry__os_bell_close(d->fd);
}
