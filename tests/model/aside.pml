/*
 * aside.pml: whose init, fini or destroy the FFI thread is in (struct aside in
 * ffi/worker.h): three words, written between two beats, with a writer that
 * may stop for ever, or lose its thread, at any step.
 *
 * What belongs to a word of the heartbeat is written down when it is beaten.
 * The reader takes the word, looks at the three, and takes the word again; what
 * is being looked for are words that it believes to be of that beat and that
 * are another's, or of two.
 *
 * Stores are seen at any time, and those to different words in any order; but a
 * release only after all that came before it. Loads come in their order, for
 * they acquire; but for the twins that say so.
 *
 * Always: what the reader accepts is what belongs to that word. It takes no
 * loop and no lock, so that it comes back is plain.
 *
 * Bounds (-D):
 *    NW=n          beats                                        (5)
 *    NR=n          looks of the reader                          (1)
 *
 * RUN  ok            quick
 * RUN  long          full  -DNW=8 -DNR=2
 *
 * The words are stored relaxed:
 * TWIN WORDSRELAXED  quick
 * … or one of them is, the last:
 * TWIN LASTRELAXED   quick
 * The beat that names them is stored relaxed:
 * TWIN BEATRELAXED   quick
 * The beat comes before the words:
 * TWIN BEATFIRST     quick
 * Coming back is no beat:
 * TWIN NOBACK        quick
 * The end of a thread is no beat, and who mends it goes aside:
 * TWIN NOLOST        quick
 * The reader does not look at the heartbeat again:
 * TWIN ONELOOK       quick
 * It looks again before it has loaded all, which relaxed loads would allow:
 * TWIN LOADSRELAXED  quick
 * It has loaded some before its first look, if that did not acquire:
 * TWIN LOOKRELAXED   quick
 * The heartbeat's word has no sequence:
 * TWIN NOSEQUENCE    quick
 * … or a worker that is used again starts it anew:
 * TWIN RESTART       quick
 */

#ifndef NW
#define NW	5
#endif
#ifndef NR
#define NR	1
#endif

/* memory: the words of struct aside, and the heartbeat's */
#define CONTEXT	0
#define METHODS	1
#define LIBRARY	2
#define WORD	3
byte memory[4];

/* the writer's stores that nobody has seen yet, in its order */
#define DEPTH	5
byte n;
byte at_of[DEPTH];
byte value_of[DEPTH];
bit released[DEPTH];

/* the truth: whose code it is in, of each beat; 0: a request's, or nobody's */
byte aside_of[NW + 2];

/* The ith is seen. */
inline out(i)
{
	memory[at_of[i]] = value_of[i];
	n--;
	k = i;
	do
	:: k < n ->
		at_of[k] = at_of[k + 1];
		value_of[k] = value_of[k + 1];
		released[k] = released[k + 1];
		k++
	:: else -> break
	od;
	at_of[n] = 0;
	value_of[n] = 0;
	released[n] = 0;
	k = 0
}

/* Not a release, and behind nothing that goes to the same word. */
#define FREE(i)		(n > i && !released[i])
#define AFTER(i, j)	(at_of[i] != at_of[j])

active proctype Buffer()
{
	byte k;

	do
	:: d_step { n > 0 -> out(0) }
	:: d_step { FREE(1) && AFTER(1, 0) -> out(1) }
	:: d_step { FREE(2) && AFTER(2, 0) && AFTER(2, 1) -> out(2) }
	:: d_step { FREE(3) && AFTER(3, 0) && AFTER(3, 1) && AFTER(3, 2) ->
		out(3) }
	:: d_step { FREE(4) && AFTER(4, 0) && AFTER(4, 1) && AFTER(4, 2) &&
		AFTER(4, 3) -> out(4) }
	od
}

inline put(at, value, release)
{
	d_step {
		n < DEPTH ->
		at_of[n] = at;
		value_of[n] = value;
		released[n] = release;
		n++
	}
}

#if defined(WORDSRELAXED)
#define store_first(at, value)	put(at, value, 0)
#else
#define store_first(at, value)	put(at, value, 1)
#endif
#if defined(WORDSRELAXED) || defined(LASTRELAXED)
#define store_last(at, value)	put(at, value, 0)
#else
#define store_last(at, value)	put(at, value, 1)
#endif
#ifdef BEATRELAXED
#define store_beat(value)	put(WORD, value, 0)
#else
#define store_beat(value)	put(WORD, value, 1)
#endif

/* What is in the word: with a sequence, which beat; else whether it is one
 * that says that it is aside. */
#ifdef NOSEQUENCE
#define WORD_OF(b)	(aside_of[b] != 0)
#define NAMES(w)	(w != 0)
#define IS_OF(v, w)	true
#else
#define WORD_OF(b)	(b)
#define NAMES(w)	(aside_of[w] != 0)
#define IS_OF(v, w)	(v == aside_of[w])
#endif

inline beat(whose)
{
	d_step {
		own++;
		aside_of[own] = whose
	};
	store_beat(WORD_OF(own))
}

active proctype Writer()
{
	byte own;		/* the last beat */
	byte whose;		/* the next one to go aside */
#ifdef RESTART
	bit again;
#endif

	do
	:: own >= NW - 1 -> break
	:: break		/* stopped, between two steps */
	:: own < NW - 1 ->	/* a request, none, asleep, risen */
		beat(0)
	:: own < NW - 1 ->
		/* ferry__context_go_aside() */
		whose++;
#ifdef BEATFIRST
		beat(whose);
#endif
		store_first(CONTEXT, whose);
		if
		:: break	/* stopped in the middle */
		:: skip
		fi;
		store_first(METHODS, whose);
		store_last(LIBRARY, whose);
#ifndef BEATFIRST
		beat(whose);
#endif
		if
		:: skip ->
			/* ferry__context_come_back() */
#ifndef NOBACK
			beat(0)
#endif
		:: skip ->
			/* The thread is lost; run(), or lost(), and mend(),
			 * which may well go aside again. */
#ifndef NOLOST
			beat(0)
#endif
		:: break	/* stopped in there */
		fi
#ifdef RESTART
	:: !again && own > 0 ->
		own = 0;
		again = 1
#endif
	od
}

active proctype Reader()
{
	byte looks;
	byte w, c, m, l, last;

	do
	:: looks < NR ->
		looks++;
#ifdef LOOKRELAXED
		c = memory[CONTEXT];
		w = memory[WORD];
#else
		w = memory[WORD];
		c = memory[CONTEXT];
#endif
		m = memory[METHODS];
#ifdef LOADSRELAXED
		last = memory[WORD];
		l = memory[LIBRARY];
#else
		l = memory[LIBRARY];
		last = memory[WORD];
#endif
#ifdef ONELOOK
		last = w;
#endif
		if
		:: NAMES(w) && last == w ->
			assert(c == m && m == l);
			assert(IS_OF(c, w))
		:: else
		fi;
		d_step {
			w = 0; c = 0; m = 0; l = 0; last = 0
		}
	:: else -> break
	od
}
