/*
 * wake.pml: law 3. One thread that sleeps on a park word (ffi/park.h), and
 * everyone who may wake it.
 *
 * The sleeper is a worker's FFI thread. It has three mouths: two shards and
 * the inner lane. Producers 0 and 1 push to shard 0, producer 2 to shard 1,
 * and one more thread posts a job to the inner lane. Each step is one access
 * of the code that is seq_cst there; so the steps interleave and are never
 * reordered, but in the twins that say so. NF of the wakers stop for ever,
 * each before any one of its steps: that may delay its own unfinished submit,
 * and nothing else.
 *
 * The epoch is here as what is asked of it: whether the word still has the
 * epoch that a waker saw. Only announcing changes it, and never back.
 *
 * At rest (timeout) init checks that the sleeper sleeps and that whatever is
 * left in a mouth is of a submit that has not returned.
 *
 * Bounds (-D):
 *    NP=n          producers, 1 to 3                             (2)
 *    K=n           pushes of each                                (1)
 *    NF=n          wakers that may stop for ever                 (1)
 *    NSPURIOUS=n   sleeps that end without a call                (1)
 *
 * RUN  ok            quick
 * RUN  again         full  -DK=2
 * RUN  twostop       full  -DNF=2
 *
 * The sleep is announced after the last look:
 * TWIN LATEANNOUNCE  quick
 * The waker's look at the word goes ahead of its push:
 * TWIN LOOKAHEAD     quick
 * Only the thread that set WAKING makes the call:
 * TWIN WINNERONLY    quick
 * Only a push into an empty mouth looks at the word at all:
 * TWIN EDGEONLY      quick
 * The last look leaves out the inner lane:
 * TWIN NOINNER       quick
 * WOKEN is set before the call is made:
 * TWIN WOKENFIRST    quick
 * All sleeps have the same epoch:
 * TWIN NOEPOCH       quick -DK=2
 * WOKEN is stored, not compared and set:
 * TWIN PLAINWOKEN    quick -DK=2
 * The system sleeps whatever the word has become:
 * TWIN NOCOMPARE     quick
 */

#ifndef NP
#define NP	2
#endif
#ifndef K
#define K	1
#endif
#ifndef NF
#define NF	1
#endif
#ifndef NSPURIOUS
#define NSPURIOUS	1
#endif

/* enum park_state */
#define AWAKE	0
#define ASLEEP	1
#define WAKING	2
#define WOKEN	3

/* wakers: the producers, and who posts to the inner lane */
#define POSTER	3
#define WAKERS	4

/* struct park's word */
byte state;
bit seen_epoch[WAKERS];		/* the word has the epoch that p saw */

byte left[WAKERS];		/* what p has pushed and nobody taken */
bit blocked;			/* the sleeper is in the futex's queue */
byte stops;			/* wakers that have stopped for ever … */
bit mid[WAKERS];		/* … in the middle of a submit */

#define SHARD0	(left[0] + left[1] != 0)
#define SHARD1	(left[2] != 0)
#define INNER	(left[POSTER] != 0)

/* The mouth that p pushes to is empty. */
#define EMPTY(p) \
	((p) == POSTER -> !INNER : ((p) == 2 -> !SHARD1 : !SHARD0))

/* ------------------------------------------------------------ the waker */

/* Before a step: never again. */
#define OR_STOP(inside) \
	:: atomic { \
		stops < NF -> \
		stops++; \
		mid[p] = inside; \
		goto dead \
	}

/* The look at the park word. */
inline look()
{
	seen_epoch[p] = 1;
	seen = state
}

/* wake_slow(): CAS from {WAKING e} to {WOKEN e} */
inline say_woken()
{
	if
	:: d_step {
#ifdef PLAINWOKEN
			state = WOKEN
#else
			if
			:: seen_epoch[p] && state == WAKING -> state = WOKEN
			:: else
			fi
#endif
		}
	OR_STOP(1)
	fi
}

proctype Waker(byte p)
{
	byte k;
	byte seen;
	bit was_empty;
	do
	:: k < (p == POSTER -> 1 : K) ->
#ifdef LOOKAHEAD
		d_step { look() }
#endif
		if
		:: d_step {
				/* ferry__list_push(): the CAS */
				was_empty = EMPTY(p);
				left[p]++
			}
		OR_STOP(0)
		fi;
#ifdef EDGEONLY
		if
		:: !was_empty -> goto returns
		:: else
		fi;
#endif
#ifndef LOOKAHEAD
		/* ferry__park_wake(); that wake_slow() looks once more is a
		   later look, and no other step */
		if
		:: d_step { look() }
		OR_STOP(1)
		fi;
#endif
again:
		if
		:: seen == AWAKE || seen == WOKEN -> goto returns
		:: seen == WAKING ->
#ifdef WINNERONLY
			goto returns
#endif
		:: seen == ASLEEP ->
			/* wake_slow(): CAS from {ASLEEP e} to {WAKING e} */
			if
			:: d_step {
					if
					:: seen_epoch[p] && state == ASLEEP ->
						state = WAKING;
						seen = WAKING
					:: else ->
						look();
						seen = seen + 4
					fi
				}
			OR_STOP(1)
			fi;
			if
			:: seen >= 4 ->
				seen = seen - 4;
				goto again
			:: else
			fi
		fi;
#ifdef WOKENFIRST
		say_woken();
#endif
		/* ferry__os_wake(): whoever is in the queue leaves it */
		if
		:: blocked = 0
		OR_STOP(1)
		fi;
#ifndef WOKENFIRST
		say_woken();
#endif
returns:
		atomic {
			k++;
			seen_epoch[p] = 0;
			seen = 0;
			was_empty = 0
		}
	:: else -> break
	od;
dead:
	atomic {
		seen_epoch[p] = 0;
		seen = 0;
		was_empty = 0;
		k = 0
	}
}

/* ------------------------------------------------------------ the sleeper */

/* ferry__park_announce(): {ASLEEP e+1} */
inline announce()
{
	d_step {
#ifndef NOEPOCH
		seen_epoch[0] = 0;
		seen_epoch[1] = 0;
		seen_epoch[2] = 0;
		seen_epoch[POSTER] = 0;
#endif
		state = ASLEEP
	}
}

/* stirs(): ferry__list_stirs(), mouth by mouth */
inline look_everywhere()
{
#ifndef NOINNER
	any = INNER;
#endif
	any = any || SHARD0;
	any = any || SHARD1
}

active proctype Sleeper()
{
	byte n;
	bit any;
	do
	:: /* drain_inner(), drain_contexts(): ferry__list_take() of each */
		d_step {
			any = INNER;
			left[POSTER] = 0
		}
		d_step {
			any = any || SHARD0;
			left[0] = 0;
			left[1] = 0
		}
		d_step {
			any = any || SHARD1;
			left[2] = 0
		}
		if
		:: any -> goto next
		:: else
		fi;
		/* sleep_until_stirred() */
#ifdef LATEANNOUNCE
		look_everywhere();
		announce();
#else
		announce();
		look_everywhere();
#endif
		if
		:: any -> goto rise
		:: else
		fi;
		/* ferry__park_sleep(): a look … */
		if
		:: state == ASLEEP
		:: else -> goto rise
		fi;
		/* … and the system's own, with which it joins the queue */
#ifdef NOCOMPARE
		blocked = 1;
#else
		blocked = (state == ASLEEP);
#endif
		if
		:: !blocked
		:: d_step {
				n < NSPURIOUS ->
				n++;
				blocked = 0
			}
		fi;
rise:
		/* ferry__park_rise() */
		state = AWAKE;
next:
		any = 0
	od
}

/* ------------------------------------------------------------ */

init
{
	byte p = 0;
	atomic {
		do
		:: p < NP ->
			run Waker(p);
			p++
		:: else -> break
		od;
		run Waker(POSTER);
		p = 0
	}
	timeout ->
	d_step {
		assert(blocked);
		do
		:: p < WAKERS ->
			assert(left[p] <= mid[p]);
			p++
		:: else -> break
		od
	}
}
