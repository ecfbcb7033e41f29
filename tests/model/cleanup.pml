/*
 * cleanup.pml: the cleanup lane (ffi/lane.h). Who submits, the dispatcher that
 * sleeps, a worker, one who flushes, and one who shuts down and starts again.
 *
 * Every producer submits one job, with a slot of the rack or, producer 0, with
 * a node that its function frees. The list is what is asked of it (list.h and
 * close.pml): a push succeeds if the head is open and of the generation that
 * it was read with, a take gets all. Waking is a step: what is between the look
 * at the park word and the call is in wake.pml. Otherwise each step is one
 * access of the code, and what is done with a mutex held is one where nobody
 * can look in between. NF producers stop for ever, each before
 * any one of its steps.
 *
 * Asserted: a job begins once, and only if its submit did not say otherwise;
 * after a shutdown has returned every accepted job has ended and been counted,
 * and none begins; after a flush every one whose submit had returned before; a
 * slot is one of this life's rack; a node is not touched once its function has
 * begun. At rest (timeout) everyone has come to the end, and no accepted job
 * is left whose submit has returned.
 *
 * Bounds (-D):
 *    NP=n          producers, 1 to 3                             (2)
 *    LIVES=n       starts of the lane                            (1)
 *    STAYS         the last one is not shut down
 *    NF=n          producers that may stop for ever              (0)
 *    NOFLUSH       nobody flushes
 *
 * RUN  ok            quick
 * RUN  stop          quick -DNF=1 -DNOFLUSH
 * RUN  again         quick -DLIVES=2 -DNOFLUSH
 * RUN  stays         quick -DSTAYS -DNF=1 -DNOFLUSH
 * RUN  stopflush     full  -DNF=1
 * RUN  more          full  -DNP=3 -DNOFLUSH
 * RUN  lives         full  -DLIVES=2
 *
 * A take sets the head anew, and with it a CLOSED that has come meanwhile:
 * TWIN XCHG          quick -DNOFLUSH
 * Shutdown awaits what has been given, and does not take what has not:
 * TWIN NOTAKE        quick -DNOFLUSH
 * Shutdown takes, then closes:
 * TWIN TAKEFIRST     quick -DNOFLUSH
 * A take is not one with its giving, so others find the list empty between:
 * TWIN UNLOCKED      quick
 * The last look before the sleep leaves out the list:
 * TWIN NOLOOK        quick -DSTAYS -DNOFLUSH
 * … or that the lane is to end:
 * TWIN NOLEAVING     quick -DNOFLUSH
 * A submit looks whether the dispatcher sleeps, and then pushes:
 * TWIN LOOKAHEAD     quick -DSTAYS -DNOFLUSH
 * Only the first push into an empty list looks:
 * TWIN EDGEONLY      quick -DSTAYS -DNF=1 -DNOFLUSH
 * A push asks only whether the head is open:
 * TWIN NOGEN         quick -DLIVES=2 -DNOFLUSH
 * The rack is read before the head:
 * TWIN RACKFIRST     quick -DLIVES=2 -DNOFLUSH
 * The task is put down when its function has returned:
 * TWIN PUTLATE       quick -DNOFLUSH
 * An awaiter is let go, and then the job is counted:
 * TWIN COUNTLATE     quick
 * A start does not start the dispatcher again:
 * TWIN ONESHOT       quick -DLIVES=2 -DSTAYS -DNOFLUSH
 */

#ifndef NP
#define NP	2
#endif
#ifndef LIVES
#define LIVES	1
#endif
#ifndef NF
#define NF	0
#endif

/* enum park_state */
#define AWAKE	0
#define ASLEEP	1
#define WOKEN	2

/* of a job */
#define NONE	0
#define LISTED	1
#define GIVEN	2
#define BEGUN	3
#define ENDED	4
/* taken, and not given yet: by whom */
#define BY_DISPATCHER	5
#define BY_FLUSHER	6
#define BY_CLOSER	7

/* the head: closed, generation; what is in the list is in job[] */
bit open;
byte generation;		/* of the head, and of the rack: a life's */

byte job[3];
bit counted[3];
byte result[3];			/* 1: accepted, 2: refused, and returned */
bit freed;			/* the node, by its function */
bit mid[3];			/* stopped after its push */
byte stops;

byte state;			/* the park word */
bit blocked;
bit leaving;
byte dispatchers;		/* that there are */
bit taking;			/* the mutex */
bit over;			/* the last shutdown has returned */
bit flushed;

#define EMPTY	(job[0] != LISTED && job[1] != LISTED && job[2] != LISTED)
#define MOVING(j) (job[j] == GIVEN || job[j] == BEGUN)
#define STILL	(!MOVING(0) && !MOVING(1) && !MOVING(2))

#define OR_STOP \
	:: atomic { stops < NF -> stops++; mid[p] = pushed; goto dead }

/* ------------------------------------------------------------ waking */

/* ferry__park_wake() in one step; what is between its look and its call, and
 * who may rely on whom there, is wake.pml's. */
inline wake()
{
	d_step {
		if
		:: state == ASLEEP ->
			state = WOKEN;
			blocked = 0
		:: else
		fi
	}
}

/* ------------------------------------------------------------ submit */

proctype Producer(byte p)
{
	byte mine, rack;
	bit pushed, was_empty, asleep;

#ifdef RACKFIRST
	rack = generation;
	mine = generation;
	if
	:: !open -> goto refused
	:: else
	fi;
#else
	/* the head is read … */
	atomic {
		mine = generation;
		if
		:: !open -> goto refused
		:: else
		fi
	}
	/* … and then the rack: a slot of this life's */
	rack = generation;
#endif
#ifdef LOOKAHEAD
	asleep = (state == ASLEEP);
#endif
	if
	:: d_step {
			/* ferry__list_push(): the CAS */
			was_empty = EMPTY;
			if
#ifdef NOGEN
			:: open ->
#else
			:: open && generation == mine ->
#endif
				assert(rack == generation);
				job[p] = LISTED;
				pushed = 1
			:: else
			fi
		}
	OR_STOP
	fi;
	if
	:: !pushed -> goto refused
	:: else
	fi;
#ifdef EDGEONLY
	if
	:: !was_empty -> goto accepted
	:: else
	fi;
#endif
	if
#ifdef LOOKAHEAD
	:: !asleep -> skip
	:: asleep -> wake()
#else
	:: wake()
#endif
	OR_STOP
	fi;
accepted:
	atomic { result[p] = 1; goto dead };
refused:
	result[p] = 2;
dead:
	atomic {
		mine = 0;
		rack = 0;
		was_empty = 0;
		asleep = 0;
		pushed = 0
	}
}

/* ------------------------------------------------------------ dispatching */

inline take_one(me, j)
{
	if
	:: job[j] == LISTED -> job[j] = me; any = 1
	:: else
	fi
}

inline give_one(me, j)
{
	if
	:: job[j] == me -> job[j] = GIVEN
	:: else
	fi
}

/* ferry__lane_hand_over() */
inline hand_over(me)
{
#ifndef UNLOCKED
	atomic { !taking -> taking = 1 }
#endif
#ifdef XCHG
	head = open;
#endif
	d_step {
		any = 0;
		take_one(me, 0);
		take_one(me, 1);
		take_one(me, 2);
#ifdef XCHG
		open = head;
		head = 0;
#endif
	}
	d_step {
		give_one(me, 0);
		give_one(me, 1);
		give_one(me, 2);
		taking = 0
	}
}

proctype Dispatcher()
{
	bit any;
#ifdef XCHG
	bit head;
#endif
	do
	:: hand_over(BY_DISPATCHER);
		if
		:: any -> goto next
		:: else
		fi;
		if
		:: leaving -> break
		:: else
		fi;
		state = ASLEEP;	/* ferry__park_announce() */
#ifndef NOLOOK
		if
		:: !EMPTY -> goto rise
		:: else
		fi;
#endif
#ifndef NOLEAVING
		if
		:: leaving -> goto rise
		:: else
		fi;
#endif
		/* ferry__park_sleep() */
		blocked = (state == ASLEEP);
		!blocked;
rise:
		state = AWAKE;
next:
		any = 0
	od;
	dispatchers--
}

/* ------------------------------------------------------------ a worker */

/* A job that takes long is one that begins late: its steps are one, but for
 * the twins that part them. */
inline begin(j)
{
	assert(!over);
	assert(result[j] != 2);
	assert(j != 0 || !freed);	/* its node is put down … */
	job[j] = BEGUN;
	freed = freed || j == 0		/* … and freed by the function */
}

inline run_job(j)
{
#ifdef PUTLATE
	d_step {
		job[j] == GIVEN -> job[j] = BEGUN;
		freed = freed || j == 0
	};
	begin(j);
#endif
#ifdef COUNTLATE
	d_step { job[j] == GIVEN -> begin(j); job[j] = ENDED };
	counted[j] = 1
#else
	d_step { MOVING(j) -> begin(j); counted[j] = 1; job[j] = ENDED }
#endif
}

active proctype Worker()
{
	do
	:: job[0] == GIVEN -> run_job(0)
	:: job[1] == GIVEN -> run_job(1)
	:: job[2] == GIVEN -> run_job(2)
	od
}

/* ------------------------------------------------------------ flush */

inline must_have_ended(j)
{
	if
	:: before[j] -> assert(job[j] == ENDED && counted[j])
	:: else
	fi
}

inline is_awaited(j)
{
	awaited[j] = MOVING(j)
}

inline await_ended(j)
{
	if
	:: awaited[j] -> job[j] == ENDED
	:: else
	fi
}

proctype Flusher()
{
	bit before[3], awaited[3];
	bit any;
#ifdef XCHG
	bit head;
#endif
	d_step {
		before[0] = (result[0] == 1);
		before[1] = (result[1] == 1);
		before[2] = (result[2] == 1)
	}
	hand_over(BY_FLUSHER);
	/* the ticket: whatever has been given by now, and has not ended */
	d_step {
		is_awaited(0);
		is_awaited(1);
		is_awaited(2)
	}
	await_ended(0);
	await_ended(1);
	await_ended(2);
	d_step {
		must_have_ended(0);
		must_have_ended(1);
		must_have_ended(2);
		any = 0;
		flushed = 1
	}
}

/* ------------------------------------------------------------ shutdown */

inline all_ended(j)
{
	assert(job[j] == NONE || (job[j] == ENDED && counted[j]))
}

proctype Closer()
{
	bit any;
#ifdef XCHG
	bit head;
#endif
	do
	:: /* start_locked(): the threads, then the head */
		leaving = 0;
#ifdef ONESHOT
		if
		:: generation == 0 -> dispatchers++; run Dispatcher()
		:: else
		fi;
#else
		atomic { dispatchers++; run Dispatcher() }
#endif
		d_step {
			generation++;
			open = 1
		}
#ifdef STAYS
		if
		:: generation == LIVES -> break
		:: else
		fi;
#endif
#ifdef TAKEFIRST
		hand_over(BY_CLOSER);
		open = 0;
#else
		open = 0;
#ifndef NOTAKE
		hand_over(BY_CLOSER);
#endif
#endif
		STILL;		/* the last ticket has ended */
		leaving = 1;
		wake();
		dispatchers == 0;	/* joined */
		d_step {
			all_ended(0);
			all_ended(1);
			all_ended(2);
			if
			:: generation == LIVES -> over = 1
			:: else
			fi
		}
		if
		:: over -> break
		:: else
		fi
	od
}

/* ------------------------------------------------------------ */

init
{
	byte p = 0;
	atomic {
		run Closer();
		do
		:: p < NP ->
			run Producer(p);
			p++
		:: else -> break
		od;
#ifdef NOFLUSH
		flushed = 1;
#else
		run Flusher();
#endif
		p = 0
	}
	timeout ->
	d_step {
#ifndef STAYS
		assert(over);
#endif
		assert(flushed);
		do
		:: p < NP ->
			assert(job[p] == NONE || job[p] == ENDED ||
			    (job[p] == LISTED && mid[p]));
			assert(result[p] != 1 || job[p] == ENDED);
			p++
		:: else -> break
		od
	}
}
