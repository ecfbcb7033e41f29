/*
 * How a thread sleeps and is woken.
 *
 * Owns: the park word of a worker's and of an event thread.
 *
 *	31             2  1 0
 *	|    epoch      | state |      AWAKE, ASLEEP, WAKING, WOKEN
 *
 * Transitions:
 *	sleeper  from {AWAKE e, WAKING e, WOKEN e} to ASLEEP e+1   (announce)
 *	sleeper  from {ASLEEP e, WAKING e, WOKEN e} to AWAKE e     (rise)
 *	waker    from {ASLEEP e} to {WAKING e}, then makes the system call,
 *	         then from {WAKING e} to {WOKEN e}
 *	waker    that finds WAKING makes the call as well
 *
 * Proof. The sleeper announces (seq_cst), then looks at every mouth again
 * (seq_cst), and sleeps only if all are empty. A producer pushes (seq_cst),
 * then looks at the word (seq_cst). In the single order of these four, either
 * the push comes before the sleeper's look, which then finds it, or the
 * announcement before the producer's, which then wakes. Only AWAKE and WOKEN
 * let a producer go without a call, and WOKEN is set only after somebody's
 * call returned: nobody relies on a call that was merely promised, so a
 * producer stopped for ever at any step delays nothing but its own submit.
 * A call between the announcement and the sleep is not lost, because the word
 * has then changed and the system refuses to sleep on the old value.
 *
 * The epoch keeps a waker that was stopped in one sleep from marking the next
 * one WOKEN. It wraps after 2^30 sleeps, which a waker would have to sleep
 * through exactly, with the word at WAKING again: accepted.
 *
 * Modelled in tests/model/wake.pml; both directions of the store-then-load
 * edge, and a stop at every step.
 */
#ifndef FERRY_FFI_PARK_H
#define FERRY_FFI_PARK_H

#include "ffi/os.h"

enum park_state {
	PARK_AWAKE,
	PARK_ASLEEP,
	PARK_WAKING,
	PARK_WOKEN
};

struct park {
	ON_OWN_LINE atom32 word;
};

/* The sleeper's side. announce() must be followed by a look at every mouth,
 * and then by sleep() any number of times, and rise(). */
void ferry__park_announce(struct park *p);
enum os_sleep ferry__park_sleep(struct park *p, uint64_t deadline_ns);
void ferry__park_rise(struct park *p);

/* The waker's side, out of line; returns the number of system calls (1). */
unsigned ferry__park_wake_slow(struct park *p);

/* After a seq_cst push. Returns the number of system calls made, 0 or 1. */
static inline unsigned
ferry__park_wake(struct park *p)
{
	/* pair(park) seq_cst: after the push; see the proof above. */
	uint32_t state = atom32_load_seqcst(&p->word) & 3;

	if (LIKELY(state == PARK_AWAKE || state == PARK_WOKEN))
		return 0;
	return ferry__park_wake_slow(p);
}

/*
 * How long a spin has paid lately: doubled on a hit, halved on a miss, in
 * nanoseconds. Owned by the spinning thread.
 */
struct spin {
	uint32_t budget_ns;
};

#define SPIN_MOST_NS  20000
#define SPIN_LEAST_NS 2000

/* Spins while ready(arg) is false; says whether it became true. */
bool ferry__park_spin(struct spin *s, bool (*ready)(void *), void *arg);

#endif
