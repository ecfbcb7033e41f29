/*
 * doorbell.pml: the doorbell of an inbox (event/inbox.h), its posters, its
 * taker, and its close.
 *
 * A poster pushes, then looks at the word, which follows the park word's rule
 * (wake.pml) with the taker in the sleeper's place. The taker waits until the
 * descriptor is readable, clears it, sets QUIET of the next epoch, then takes
 * everything. NF posters stop for ever, each before any of its steps.
 *
 * The epoch is here as what is asked of it: whether the word still has the
 * one that a poster saw.
 *
 * Always: the descriptor is not rung after close returned. At rest (timeout):
 * what is in the list is of a poster that has not returned, unless it was
 * discarded; an open inbox with something in it is readable.
 *
 * Bounds (-D):
 *    NP=n          posters                                       (2)
 *    K=n           posts of each                                 (2)
 *    NF=n          posters that may stop for ever                (1)
 *    CLOSE         the inbox is closed at any time (without stops: a close
 *                  waits for a doorbell in flight)
 *
 * RUN  ok            quick
 * RUN  close         quick -DCLOSE -DNF=0
 * RUN  three         full  -DNP=3 -DK=1 -DNF=2
 * RUN  close3        full  -DNP=3 -DK=1 -DCLOSE -DNF=0
 *
 * The taker takes before it sets QUIET:
 * TWIN TAKEFIRST     quick
 * The taker clears the descriptor after it has set QUIET:
 * TWIN CLEARLATE     quick
 * The taker clears the descriptor after everything:
 * TWIN CLEARLAST     quick
 * Only the poster that set RINGING rings:
 * TWIN WINNERONLY    quick
 * RUNG is set before the ring:
 * TWIN RUNGFIRST     quick
 * RUNG is stored, not compared and set:
 * TWIN PLAINRUNG     quick
 * All takes have the same epoch:
 * TWIN NOEPOCH       quick
 * The poster's look at the word goes ahead of its push:
 * TWIN LOOKAHEAD     quick
 * A ring is announced after the look at the word:
 * TWIN ANNOUNCELATE  quick -DCLOSE -DNF=0
 * The close does not wait for a ring in flight:
 * TWIN NOWAIT        quick -DCLOSE -DNF=0
 * The close waits first and marks the word then:
 * TWIN MARKLATE      quick -DCLOSE -DNF=0
 */

#ifndef NP
#define NP	2
#endif
#ifndef K
#define K	2
#endif
#ifndef NF
#define NF	1
#endif

/* enum door_state */
#define QUIET	0
#define RINGING	1
#define RUNG	2
#define CLOSED	3

byte door;
bit seen_epoch[3];
byte ringing;			/* inbox.ringing */
bit readable;			/* the descriptor, and it is open: */
bit is_open = 1;
bit shut;			/* the list is CLOSED */

/* ghosts */
byte left[3];			/* posts in the list, by poster */
byte stops;
bit mid[3];			/* stopped in the middle of a post */

#define EMPTY	(left[0] + left[1] + left[2] == 0)

#define OR_STOP(inside) \
	:: atomic { \
		stops < NF -> \
		stops++; \
		mid[p] = inside; \
		goto dead \
	}

inline look()
{
	seen_epoch[p] = 1;
	seen = door
}

/* ring(): once closed, the number may be somebody else's descriptor */
inline ring()
{
	if
	:: d_step {
			assert(is_open);
			readable = 1
		}
	OR_STOP(1)
	fi
}

/* CAS from {RINGING e} to {RUNG e} */
inline say_rung()
{
	if
	:: d_step {
#ifdef PLAINRUNG
			door = RUNG
#else
			if
			:: seen_epoch[p] && door == RINGING -> door = RUNG
			:: else
			fi
#endif
		}
	OR_STOP(1)
	fi
}

proctype Poster(byte p)
{
	byte k;
	byte seen;
	do
	:: k < K ->
#ifdef LOOKAHEAD
		d_step { look() }
#endif
		/* ferry__list_push() */
		if
		:: d_step {
				seen = (shut -> 9 : seen);
				if
				:: !shut -> left[p]++
				:: else
				fi
			}
		OR_STOP(0)
		fi;
		if
		:: seen == 9 -> goto dead
		:: else
		fi;
#ifndef LOOKAHEAD
		/* knock() */
		if
		:: d_step { look() }
		OR_STOP(1)
		fi;
#endif
		if
		:: seen == RUNG -> goto returns
		:: else
		fi;
		/* ring_slow(): announced */
#ifndef ANNOUNCELATE
		if
		:: ringing++
		OR_STOP(1)
		fi;
#endif
#ifndef LOOKAHEAD
		/* ring_by_word(): looks again */
		if
		:: d_step { look() }
		OR_STOP(1)
		fi;
#endif
again:
		if
		:: seen == RUNG || seen == CLOSED -> goto rung
		:: seen == RINGING ->
#ifdef WINNERONLY
			goto rung
#endif
		:: seen == QUIET ->
			/* CAS from {QUIET e} to {RINGING e} */
			if
			:: d_step {
					if
					:: seen_epoch[p] && door == QUIET ->
						door = RINGING;
						seen = RINGING
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
#ifdef ANNOUNCELATE
		ringing++;
#endif
#ifdef RUNGFIRST
		say_rung();
		ring();
#else
		ring();
		say_rung();
#endif
#ifdef ANNOUNCELATE
		ringing--;
#endif
rung:
#ifndef ANNOUNCELATE
		if
		:: ringing--
		OR_STOP(1)
		fi;
#endif
returns:
		atomic {
			k++;
			seen_epoch[p] = 0;
			seen = 0
		}
	:: else -> break
	od;
dead:
	atomic {
		seen_epoch[p] = 0;
		seen = 0;
		k = 0
	}
}

inline clear()
{
	readable = 0
}

/* {QUIET e+1} */
inline set_quiet()
{
	d_step {
#ifndef NOEPOCH
		seen_epoch[0] = 0;
		seen_epoch[1] = 0;
		seen_epoch[2] = 0;
#endif
		door = QUIET
	}
}

/* ferry__list_take() */
inline take()
{
	d_step {
		left[0] = 0;
		left[1] = 0;
		left[2] = 0
	}
}

/* refill() */
inline refill()
{
#ifdef TAKEFIRST
	clear();
	take();
	set_quiet()
#else
#ifdef CLEARLATE
	set_quiet();
	clear();
	take()
#else
#ifdef CLEARLAST
	set_quiet();
	take();
	clear()
#else
	clear();
	set_quiet();
	take()
#endif
#endif
#endif
}

active proctype Taker()
{
	do
	:: readable -> refill()
#ifdef CLOSE
	:: break
#endif
	od;
	/* ferry_inbox_close() */
	shut = 1;
	/* discard() */
	refill();
#ifndef MARKLATE
	door = CLOSED;
#endif
	/* await_ringers() */
#ifndef NOWAIT
	(ringing == 0);
#endif
#ifdef MARKLATE
	door = CLOSED;
#endif
	is_open = 0
}

init
{
	byte p;
	atomic {
		do
		:: p < NP ->
			run Poster(p);
			p++
		:: else -> break
		od;
		p = 0
	}
	timeout ->
	d_step {
		assert(EMPTY || !readable);
#ifdef CLOSE
		assert(!is_open);
		assert(EMPTY);
#endif
		do
		:: p < NP ->
			assert(left[p] <= mid[p]);
			p++
		:: else -> break
		od
	}
}
