/*
 * registry.pml: a slot's sequence lock (ffi/registry.h), over the lives of
 * several strands, with a writer that may stop for ever at any step.
 *
 * Each write has a number of its own, which it puts into the words that it
 * writes: an enter into all three, a change into two. What is being looked for
 * is a reader that takes words of different writes, or a count with words of
 * another, for an entry.
 *
 * Stores come in their order, and so do loads: each is a release or an acquire
 * (ffi/registry.h says what would be without). The twins swap them.
 *
 * Always: what the reader accepts was one entry's, whole. At rest (timeout): it
 * has come back, wherever the writer has stopped. One reader is enough, as they
 * leave nothing for another to see.
 *
 * Bounds (-D):
 *    NW=n          writes                                       (5)
 *    NR=n          looks of the reader                          (2)
 *    TRIES=n       of a look                                    (2)
 *
 * RUN  ok            quick
 * RUN  long          full  -DNW=9 -DNR=3 -DTRIES=3
 *
 * The writer does not say that it is writing:
 * TWIN NOMARK        quick
 * … or says it when it has begun:
 * TWIN MARKLATE      quick
 * The next count is there before the words:
 * TWIN COUNTFIRST    quick
 * A count comes again:
 * TWIN SAMECOUNT     quick
 * A slot begins anew in its next life:
 * TWIN NEWCOUNT      quick
 * The reader does not look again:
 * TWIN ONELOOK       quick
 * … or before it has loaded all:
 * TWIN LOOKEARLY     quick
 * It takes an odd count for a count:
 * TWIN MARKBLIND     quick
 * It waits for the writer:
 * TWIN PATIENT       quick
 */

#ifndef NW
#define NW	5
#endif
#ifndef NR
#define NR	2
#endif
#ifndef TRIES
#define TRIES	2
#endif

/* the slot */
byte count;
bit writing;
bit used;			/* the state in the word is not FREE */
byte strand, what, progress;

/* the truth: which strand each write was of, and what it did */
byte strand_of[NW + 1];
bit done;			/* the reader has come back */

active proctype Writer()
{
	byte n = 1;		/* the number of the next write */
	byte lives;
	byte next;
	bit enters, leaves;

	do
	:: n > NW -> break
	:: break		/* stopped, between two writes */
	:: n <= NW ->
		enters = !used;
		leaves = 0;
		if
		:: used -> leaves = 1
		:: skip
		fi;
		if
		:: enters -> lives++
		:: else
		fi;
		strand_of[n] = lives;
#ifdef SAMECOUNT
		next = count;
#else
		next = count + 1;
#endif
#ifdef NEWCOUNT
		if
		:: enters -> next = 1
		:: else
		fi;
#endif
		if
		:: leaves ->	/* one store */
			d_step {
				count = next;
				used = 0
			}
		:: else ->
#ifdef COUNTFIRST
			d_step {
				count = next;
				used = 1
			};
#endif
#if !defined(NOMARK) && !defined(MARKLATE)
			writing = 1;
#endif
			if
			:: break	/* stopped in the middle */
			:: skip
			fi;
			progress = n;
#ifdef MARKLATE
			writing = 1;
#endif
			what = n;
			if
			:: enters -> strand = lives
			:: else
			fi;
			d_step {
				writing = 0;
#ifndef COUNTFIRST
				count = next;
				used = 1
#endif
			}
		fi;
		n++
	od
}

inline look_again()
{
	d_step {
		same = (count == seen && !writing && used);
#ifdef MARKBLIND
		same = (count == seen && used);
#endif
#ifdef ONELOOK
		same = 1;
#endif
	}
}

active proctype Reader()
{
	byte looks, tries;
	byte seen;
	byte s, w, p;
	bit same, is_free, mark;

	do
	:: looks < NR ->
		looks++;
		tries = 0;
		do
		:: tries == TRIES -> break	/* passed over, and counted */
		:: tries < TRIES ->
#ifndef PATIENT
			tries++;
#endif
			d_step {
				seen = count;
				mark = writing;
				is_free = !used
			}
#ifdef MARKBLIND
			mark = 0;
#endif
			if
			:: mark ->
#ifdef PATIENT
				!writing
#else
				skip
#endif
			:: !mark && is_free -> break
			:: !mark && !is_free ->
				p = progress;
#ifdef LOOKEARLY
				look_again();
#endif
				w = what;
				s = strand;
#ifndef LOOKEARLY
				look_again();
#endif
				if
				:: same ->
					assert(p == w);
					assert(s == strand_of[w]);
					break
				:: else
				fi
			fi
		od;
		skip;
		d_step {
			seen = 0; s = 0; w = 0; p = 0;
			same = 0; is_free = 0; mark = 0
		}
	:: else -> break
	od;
	done = 1
}

init
{
	timeout ->
	assert(done)
}
