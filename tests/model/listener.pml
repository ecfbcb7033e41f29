/*
 * listener.pml: a listener's word (event/listener.h), from its add to its
 * gone, and the slot's next life.
 *
 * Removers hold the token of the first life or the second, and act at any
 * moment; some of them wait. The event thread delivers, sweeps who has been
 * removed, and lets go of all at the close. The adder puts a second listener
 * into the slot when the first has left it. The sweep word stands for stir and
 * park too (wake.pml): the event thread sleeps while there is nothing to do.
 *
 * Always: no call starts after a remove has returned; gone runs once a life,
 * when no call runs, and none starts afterwards; who has waited finds it done
 * and the token stale; a stale token removes nobody. At rest (timeout): nobody
 * waits for ever; who was removed is gone, and everybody after a close.
 *
 * Bounds (-D):
 *    NE=n          deliveries                                    (2)
 *    NW=n          removers of the first life that wait          (1)
 *    CLOSE         the context closes at any time
 *
 * RUN  ok            quick
 * RUN  close         quick -DCLOSE
 * RUN  two           full  -DNW=2 -DCLOSE
 *
 * A call starts by a look at the word, and an or:
 * TWIN BLINDBEGIN    quick
 * A remove does not compare lives:
 * TWIN NOLIFE        quick
 * A waiter does not compare lives:
 * TWIN WAITBLIND     quick
 * GONE is set before the function has returned:
 * TWIN GONEFIRST     quick
 * The token is revoked after GONE:
 * TWIN REVOKELATE    quick
 * The slot is given back before GONE:
 * TWIN FREEFIRST     quick
 * Nobody is woken:
 * TWIN NOWAKE        quick
 * A waiter sleeps without a comparison:
 * TWIN NOCOMPARE     quick
 * The sweep is taken back after the look at the listeners:
 * TWIN SWEEPLATE     quick
 * … or asked for before the removal:
 * TWIN ASKFIRST      quick
 */

#ifndef NE
#define NE	2
#endif
#ifndef NW
#define NW	1
#endif

#define REMOVED	1
#define CALLING	2
#define GONE	4
#define LIFE(w)	((w) >> 3)

byte word = 8;			/* listener.word: the first life */
byte token = 1;			/* the slot's: its life, or 0 */
bit inlist = 1;
bit sweep;			/* event_thread.sweep, and the stir */
bit vacant;			/* the slot may be reserved */
bit adding;			/* the context's mutex */
bit closing;
bit asleep[8];			/* on the word */

/* ghosts */
bit calls;			/* one is running */
bit removed[3];			/* a remove of that life has returned OK */
bit asked[3];			/* somebody with its token wants it to go */
byte gones[3];			/* begun */
bit done[3];			/* returned */
bit second;			/* the second life has been added */
bit swept;			/* the close has let go of all */

proctype Remover(byte p; byte t; bit waits)
{
	byte w;
	bit won;

	/* the second life's token is known when the add has returned */
	(t == 1 || second);
	if
	:: t == 2 -> goto stale /* nobody removes it */
	:: d_step { token != t -> skip }
		goto stale
	:: d_step { token == t -> skip }
	fi;
	asked[t] = 1;
#ifdef ASKFIRST
	sweep = 1;
#endif
	w = word;
	do
#ifndef NOLIFE
	:: LIFE(w) != t -> goto stale
#endif
	:: LIFE(w) == t && (w & GONE) -> goto stale
	:: LIFE(w) == t && !(w & GONE) && (w & REMOVED) -> goto marked
#ifdef NOLIFE
	:: LIFE(w) != t && (w & (GONE | REMOVED)) -> goto stale
	:: !(w & (GONE | REMOVED)) ->
#else
	:: LIFE(w) == t && !(w & (GONE | REMOVED)) ->
#endif
		d_step {
			won = (word == w);
			if
			:: won -> word = w | REMOVED
			:: else -> w = word
			fi
		}
		if
		:: won -> break
		:: else
		fi
	od;
#ifndef ASKFIRST
	sweep = 1;
#endif
	removed[t] = 1;
marked:
	if
	:: !waits -> goto stale
	:: else
	fi;
	do
	:: w = word;
		if
#ifdef WAITBLIND
		:: w & GONE -> break
		:: !(w & GONE) ->
#else
		:: LIFE(w) != t || (w & GONE) -> break
		:: LIFE(w) == t && !(w & GONE) ->
#endif
#ifdef NOCOMPARE
			asleep[p] = 1;
#else
			d_step { asleep[p] = (word == w) }
#endif
			!asleep[p]
		fi
	od;
	assert(done[t] && token != t);
stale:
	skip;
	d_step { w = 0; won = 0 }
}

inline wake_all()
{
	d_step {
		i = 0;
		do
		:: i < 8 -> asleep[i] = 0; i++
		:: else -> break
		od;
		i = 0
	}
}

/* let_go() and ferry__listener_gone() */
inline let_go()
{
	d_step {
		assert(!calls && gones[l] == 0);
		assert(asked[l] || closing);
		gones[l]++
	}
#ifdef GONEFIRST
	word = word | GONE;
	wake_all();
#endif
	done[l] = 1;
#ifndef REVOKELATE
	d_step { assert(token == l); token = 0 }
#endif
#ifdef FREEFIRST
	vacant = 1;
#endif
#ifndef GONEFIRST
	d_step { assert(LIFE(word) == l); word = word | GONE };
#ifndef NOWAKE
	wake_all();
#endif
#endif
#ifdef REVOKELATE
	token = 0;
#endif
#ifndef FREEFIRST
	vacant = 1;
#endif
}

active proctype EventThread()
{
	byte i, l, w, left = NE;
	bit look, won;

	do
	:: sweep || (closing && !swept) || (left > 0 && inlist) ->
		/* attend(): who was removed */
#ifdef SWEEPLATE
		look = sweep;
#else
		d_step { look = sweep; sweep = 0 }
#endif
		if
		:: look && inlist ->
			w = word;
			if
			:: w & REMOVED ->
				d_step { l = LIFE(w); inlist = 0 }
				let_go()
			:: else
			fi
		:: else
		fi;
#ifdef SWEEPLATE
		sweep = 0;
#endif
		/* an event, if there is one */
		if
		:: left > 0 && inlist ->
			left--;
			w = word;
			do
			:: w & REMOVED -> break
			:: else ->
				d_step {
#ifdef BLINDBEGIN
					won = 1;
#else
					won = (word == w);
#endif
					if
					:: won ->
						assert(!removed[LIFE(word)]);
						assert(gones[LIFE(word)] == 0);
						word = word | CALLING;
						calls = 1
					:: else -> w = word
					fi
				}
				if
				:: won ->
					d_step {
						word = word & ~CALLING;
						calls = 0
					}
					break
				:: else
				fi
			od
		:: true
		fi;
		/* ferry__delivery_finish(): all of them */
		if
		:: closing && !swept ->
			if
			:: inlist ->
				d_step { l = LIFE(word); inlist = 0 }
				word = word | REMOVED;
				let_go()
			:: else
			fi;
			swept = 1
		:: true
		fi
	od
}

active proctype Adder()
{
	atomic { vacant && !closing -> vacant = 0; adding = 1 }
	word = 16;
	token = 2;
	d_step { inlist = 1; adding = 0; second = 1 }
}

#ifdef CLOSE
active proctype Closer()
{
	/* hold_open() */
	atomic { !adding -> closing = 1 }
}
#endif

init
{
	byte i;

	atomic {
		run Remover(0, 1, 0);
		i = 1;
		do
		:: i <= NW -> run Remover(i, 1, 1); i++
		:: else -> break
		od;
		run Remover(7, 2, 1);
		i = 0
	}
	timeout;
	atomic {
		do
		:: i < 8 -> assert(!asleep[i]); i++
		:: else -> break
		od;
		assert(!removed[1] || done[1]);
		assert(!removed[2] || done[2]);
		assert(!closing || (!inlist && done[1] && done[2] == second))
	}
}
