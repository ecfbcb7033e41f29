/*
 * Parking; the protocol and its proof are in park.h.
 */
#include "ffi/park.h"

#include <sched.h>

static uint32_t
state_of(uint32_t word)
{
	return word & 3;
}

void
ferry__park_announce(struct park *p)
{
	uint32_t word = atom32_load_relaxed(&p->word);

	/* Relaxed load: only the sleeper changes the epoch.
	 * pair(park) seq_cst: before the look at every mouth. */
	atom32_store_seqcst(&p->word, ((word >> 2) + 1) << 2 | PARK_ASLEEP);
}

enum os_sleep
ferry__park_sleep(struct park *p, uint64_t deadline_ns)
{
	/* pair(park-woken) acquire: what the waker did before is visible. */
	uint32_t word = atom32_load_acquire(&p->word);

	if (state_of(word) != PARK_ASLEEP)
		return OS_WOKEN;
	return ferry__os_wait(&p->word, word, deadline_ns);
}

void
ferry__park_rise(struct park *p)
{
	uint32_t word = atom32_load_relaxed(&p->word);

	/* An exchange, not a store: a store could overwrite a WAKING whose
	 * maker's push is not visible yet; reading it makes that push so.
	 * pair(park) seq_cst, pair(park-woken) acquire. */
	atom32_xchg_seqcst(&p->word, (word & ~3u) | PARK_AWAKE);
}

COLD unsigned
ferry__park_wake_slow(struct park *p)
{
	/* pair(park) seq_cst: as in ferry__park_wake(). */
	uint32_t word = atom32_load_seqcst(&p->word);
	uint32_t waking;

	for (;;) {
		if (state_of(word) == PARK_AWAKE ||
		    state_of(word) == PARK_WOKEN)
			return 0;
		if (state_of(word) == PARK_WAKING)
			break;
		waking = (word & ~3u) | PARK_WAKING;
		/* pair(park-woken) release: the push goes with it. */
		if (atom32_cas_seqcst(&p->word, &word, waking)) {
			word = waking;
			break;
		}
	}
	ferry__os_wake(&p->word, 1);
	/* pair(park-woken): set only now that the call has been made. Fails
	 * when somebody else's call was first, or the sleeper has risen. */
	atom32_cas_seqcst(&p->word, &word, (word & ~3u) | PARK_WOKEN);
	return 1;
}

bool
ferry__park_spin(struct spin *s, bool (*ready)(void *), void *arg)
{
	uint64_t end;
	unsigned pauses = 0;

	if (!ferry__os_may_spin())
		return false;
	if (s->budget_ns == 0)
		s->budget_ns = SPIN_MOST_NS;
	end = ferry__os_now_ns() + s->budget_ns;
	do {
		if (ready(arg)) {
			s->budget_ns = s->budget_ns * 2 < SPIN_MOST_NS
			    ? s->budget_ns * 2
			    : SPIN_MOST_NS;
			return true;
		}
		cpu_relax();
		if (++pauses % 64 == 0)
			sched_yield();
	} while (pauses % 16 != 0 || ferry__os_now_ns() < end);
	s->budget_ns = s->budget_ns / 2 > SPIN_LEAST_NS ? s->budget_ns / 2
	                                                : SPIN_LEAST_NS;
	return false;
}
