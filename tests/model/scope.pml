/*
 * scope.pml: a call's scopes beside the heartbeat (ffi/scope.h): a sequence
 * lock whose changes are each followed by a beat, with a writer that may stop
 * for ever at any step.
 *
 * What belongs to a word of the heartbeat is written down when it is beaten.
 * The reader takes the word, looks at the stack, and takes the word again; what
 * is being looked for is a stack that it believes to be of a word and that is
 * another's, half of one, or none where there is one.
 *
 * A stack is one number, in two words of its own; 0 is the empty one of a hold
 * that has used none. Stores come in their order, and so do loads: each is a
 * release or an acquire.
 *
 * Always: what the reader accepts is what belongs to that word. At rest
 * (timeout): it has come back, wherever the writer has stopped.
 *
 * Bounds (-D):
 *    NW=n          beats                                        (4)
 *    NR=n          looks of the reader                          (2)
 *    TRIES=n       of a look                                    (2)
 *
 * RUN  ok            quick
 * RUN  long          full  -DNW=6
 *
 * The beat comes before the change:
 * TWIN BEATFIRST     quick
 * A word that is about to be followed by a change's is taken for one that has
 * no scopes:
 * TWIN NEXTBLIND     quick
 * The reader does not look at the heartbeat again:
 * TWIN ONEWORD       quick
 * … or not at the count:
 * TWIN ONECOUNT      quick
 * The writer does not say that it is changing it:
 * TWIN NOMARK        quick
 * A hold begins with what the last one left:
 * TWIN NOBEGIN       quick
 * A change is not a beat:
 * TWIN NOBEAT        quick
 * A strand goes on in the hold that it had before:
 * TWIN OLDHOLD       quick
 * The reader waits for the writer:
 * TWIN PATIENT       quick
 */

#ifndef NW
#define NW	4
#endif
#ifndef NR
#define NR	2
#endif
#ifndef TRIES
#define TRIES	2
#endif

#ifdef NEXTBLIND
#define IS_NEXT	false
#else
#define IS_NEXT	(b == w + 1)
#endif

byte word;			/* the heartbeat's sequence */

/* the stack */
byte count;
bit writing;
byte beat, hold, left, right;

/* the truth: what belongs to each word */
byte hold_of[NW + 2];
byte stack_of[NW + 2];
bit done;			/* the reader has come back */

inline mark()
{
#ifdef NOMARK
	skip
#else
	writing = 1
#endif
}

inline unmark()
{
	d_step {
		writing = 0;
		count++
	}
}

inline beat_with(h, s)
{
	d_step {
		word++;
		hold_of[word] = h;
		stack_of[word] = s
	}
}

active proctype Writer()
{
	byte own;		/* the hold */
	byte kept;		/* a strand's stack, while it is suspended */
	bit used;		/* scopes, in this hold */

	do
	:: word > NW -> break
	:: break		/* stopped, between two steps */
	:: word <= NW ->	/* another request, or none */
		d_step {
			own = word + 1;
			used = 0
		};
		beat_with(own, 0)
	:: word <= NW ->	/* push, extend, pop */
		if
		:: used
		:: !used ->
#ifndef NOBEGIN
			mark();
			hold = own;
			left = 0;
			right = 0;
			unmark();
#endif
			used = 1
		fi;
#ifdef BEATFIRST
		beat_with(own, word);
		mark();
		left = word;
		right = word;
		beat = word;
		unmark()
#else
		mark();
		if
		:: break	/* stopped in the middle */
		:: skip
		fi;
		left = word + 1;
		right = word + 1;
		beat = word + 1;
		unmark();
#ifdef NOBEAT
		stack_of[word] = word + 1
#else
		beat_with(own, word)
#endif
#endif
	:: word < NW && used ->	/* a strand suspends, and goes on */
		kept = left;
		d_step {
			own = word + 1;
			used = 0
		};
		beat_with(own, 0);
		mark();
#ifndef OLDHOLD
		hold = word + 1;
#endif
		beat = word + 1;
		left = kept;
		right = kept;
		unmark();
		d_step {
			own = word + 1;
			used = 1
		};
		beat_with(own, kept)
	od
}

active proctype Reader()
{
	byte looks, tries;
	byte w, seen, b, h, l, r;
	bit ok;

	do
	:: looks < NR ->
		looks++;
		tries = 0;
		ok = 0;
		w = word;
		do
		:: tries == TRIES -> break	/* it keeps changing */
		:: tries < TRIES ->
#ifndef PATIENT
			tries++;
#endif
			d_step {
				seen = count;
				ok = !writing
			};
			if
			:: !ok ->
#ifdef PATIENT
				!writing
#else
				skip
#endif
			:: ok ->
				b = beat;
				if
				:: b == w ->
					h = hold;
					l = left;
					r = right
				:: else
				fi;
#ifdef ONECOUNT
				ok = 1;
#else
				ok = (count == seen && !writing);
#endif
				if
				:: ok -> break
				:: else
				fi
			fi
		od;
		if
		:: ok && IS_NEXT -> ok = 0
		:: ok && b == w
		:: ok && b != w && !(IS_NEXT) ->
			d_step {
				h = w;
				l = 0;
				r = 0
			}
		:: !ok
		fi;
		if
#ifdef ONEWORD
		:: ok ->
#else
		:: ok && word == w ->
#endif
			assert(l == r);
			assert(h == hold_of[w]);
			assert(l == stack_of[w])
		:: else
		fi;
		d_step {
			w = 0; seen = 0; b = 0; h = 0; l = 0; r = 0; ok = 0
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
