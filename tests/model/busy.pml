/*
 * busy.pml: the busy edge (ffi/beat.h). A worker that leaves its park, and a
 * watcher in deep sleep that must then be up.
 *
 * Both threads have a store buffer: a store waits in it until it is emptied,
 * at any time, or by a seq_cst store or an RMW of its own thread. Loads see
 * the thread's own buffer first. How the event thread's park word works is in
 * wake.pml: here its sleep is one step, refused if it has been stirred.
 *
 * At rest (timeout): the worker is parked, or the watcher is not asleep. A
 * watcher that ticks looks for ever and never comes to rest.
 *
 * Bounds (-D):
 *    N=n           times the worker leaves its park; it may stay busy for
 *                  good each time                                 (3)
 *
 * RUN  ok            quick
 * RUN  often         full  -DN=8
 *
 * The worker's BUSY is stored with release:
 * TWIN RELEASEBUSY   quick
 * The watcher's announcement is stored with release:
 * TWIN RELEASEDEEP   quick
 * The worker looks at the deep word before it stores BUSY:
 * TWIN WORKERFIRST   quick
 * The watcher looks at the heartbeat before it announces:
 * TWIN WATCHERFIRST  quick
 * The watcher reads the stirs after it has looked at the heartbeat:
 * TWIN STIRSLATE     quick
 * Who stirs wakes first and counts then:
 * TWIN WAKEFIRST     quick
 * The watcher says that it is up when it is, and never that it sleeps again:
 * TWIN DEEPONCE      quick
 */

#ifndef N
#define N	3
#endif

/* enum beat_state */
#define IDLE	0
#define BUSY	1

/* memory */
byte word = IDLE;		/* beat.word: state; sequences aside */
bit deep;			/* beat.deep */
byte stirs;			/* event_thread.stirs */
bit asleep;			/* the event thread's park word */

/* the worker's store buffer, for the word; the watcher's, for deep */
byte word_n;
byte word_buf[2];
byte deep_n;
bit deep_buf[2];

inline word_out()
{
	word = word_buf[0];
	word_buf[0] = word_buf[1];
	word_buf[1] = 0;
	word_n--
}

inline deep_out()
{
	deep = deep_buf[0];
	deep_buf[0] = deep_buf[1];
	deep_buf[1] = 0;
	deep_n--
}

active proctype Buffers()
{
	do
	:: d_step { word_n > 0 -> word_out() }
	:: d_step { deep_n > 0 -> deep_out() }
	od
}

inline store_word(s)
{
	d_step {
		word_n < 2 ->
		word_buf[word_n] = s;
		word_n++
	}
}

inline store_deep(d)
{
	d_step {
		deep_n < 2 ->
		deep_buf[deep_n] = d;
		deep_n++
	}
}

/* A seq_cst store, or an RMW, is done when the buffer is empty. */
#define WORKER_FENCE	(word_n == 0)
#define WATCHER_FENCE	(deep_n == 0)

/* ferry__event_thread_stir(): an RMW, then the park word */
inline stir()
{
	d_step {
		WORKER_FENCE ->
#ifdef WAKEFIRST
		asleep = 0
#else
		stirs++
#endif
	}
#ifdef WAKEFIRST
	stirs++
#else
	asleep = 0
#endif
}

active proctype Worker()
{
	byte n;
	bit seen;
	do
	:: n < N ->
		n++;
		/* ferry__beat_rise() */
#ifdef WORKERFIRST
		seen = deep;
		store_word(BUSY);
#else
		store_word(BUSY);
#ifndef RELEASEBUSY
		WORKER_FENCE;
#endif
		seen = deep;
#endif
		if
		:: seen -> stir()
		:: else
		fi;
		/* ferry__beat() */
		store_word(BUSY);
		if
		:: skip
		:: break	/* busy for good */
		fi;
		/* ferry__beat_idle() */
		store_word(IDLE);
		WORKER_FENCE;
		seen = 0
	:: else -> break
	od
}

active proctype Watcher()
{
	byte before;
	byte seen;
#ifdef DEEPONCE
	bit said;
#endif
	do
	:: /* run(): what is stirred from here on is looked at again */
		before = stirs;
		/* judge(), may_sleep_deep() */
		seen = word;
		if
		:: seen == BUSY	/* a tick later */
		:: seen == IDLE
		:: seen == IDLE ->
			/* sleep_until(), deep */
#ifdef WATCHERFIRST
			seen = word;
#endif
#ifdef DEEPONCE
			if
			:: !said ->
				store_deep(1);
				said = 1
			:: else
			fi;
#else
			store_deep(1);
#endif
#ifndef RELEASEDEEP
			WATCHER_FENCE;
#endif
#ifndef WATCHERFIRST
			seen = word;
#endif
#ifdef STIRSLATE
			before = stirs;
#endif
			if
			:: seen == IDLE ->
				/* announce; the stirs again; sleep */
				asleep = 1;
				if
				:: stirs == before -> !asleep
				:: else -> asleep = 0
				fi
			:: else
			fi;
			/* Relaxed. */
			store_deep(0)
		fi;
		d_step {
			before = 0;
			seen = 0
		}
	od
}

init
{
	timeout ->
	assert(!asleep || (word == IDLE && word_n == 0))
}
