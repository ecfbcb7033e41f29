/*
 * close.pml: law 8. One context slot, two owners one after the other, two
 * shards, several closers, and everybody who comes too late.
 *
 * A shard's head (ffi/list.h) is its generation (tag), CLOSED and what is in
 * it. Producers 0 and 1 hold the first owner's token and push to shard 0 and
 * 1 whenever they like; producer 2 is the second owner's. Requests run on the
 * worker at once, or are deferred and ended by a replier. Closers of the first
 * owner drain, or give up at any moment, abandon, return EBUSY and close
 * again; then the slot is opened anew, and closed by its second owner. How
 * worker, replier and closer settle who answers a request is in cancel.pml:
 * here it is one step.
 *
 * Always: a request is answered at most once, not after its close returned
 * OK, and runs in its own owner's world only. When close returns OK nothing
 * runs and everything accepted is answered; when it returns EBUSY everything
 * is answered, or is being answered by somebody who waits for nobody. At rest
 * both owners have been closed.
 *
 * Bounds (-D):
 *    NC=n          closers of the first owner                  (2)
 *    DEFER=n       requests that may be deferred: 0 … n - 1     (1)
 *
 * RUN  ok          quick -DNC=1
 * RUN  closers     quick -DDEFER=0
 * RUN  both        quick
 * RUN  deferred    full  -DNC=1 -DDEFER=3
 *
 * The head carries no generation:
 * TWIN NOTAG       quick
 * The worker takes with an exchange, which wipes a CLOSED set meanwhile:
 * TWIN XCHG        quick
 * The worker leaves when the stage is CLOSING and all heads are empty:
 * TWIN NOFINAL     quick
 * The worker leaves while deferred calls are running:
 * TWIN EARLY       quick
 * Who ends a deferred call does not look at the stage afterwards:
 * TWIN NORELOOK    quick -DNC=1
 * … or looks before it has counted the end:
 * TWIN LOOKFIRST   quick -DNC=1
 * The closer does not wait for those in the middle of an answer:
 * TWIN NOBUSY      quick
 * A replier enters only after it has claimed the answer:
 * TWIN ENTERLATE   quick
 * The closer's word has no generation:
 * TWIN NOCLOSERGEN quick
 * The worker does not look again after it has announced its sleep:
 * TWIN NOLOOK      quick -DNC=1
 */

#ifndef NC
#define NC	2
#endif
#ifndef DEFER
#define DEFER	1
#endif

/* enum context_stage */
#define FREE	0
#define OPEN	1
#define CLOSING	2
#define LEFT	3

/* requests: node i is producer i's */
#define NN	3
#define NONE	0
#define QUEUED	1
#define RUNNING	2
#define DEFERRED 3
#define DONE	4

/* the slot and the context */
byte token;			/* the slot's, as a generation; 2: none */
byte stage = OPEN;
byte closer_gen;		/* the closer's word … */
bit closer_busy;
byte busy;
byte started;
byte ended;			/* by the worker */
byte elsewhere;			/* by others */

/* the shards' heads */
byte tag[2];
bit shut[2];
bit list[4];			/* what is in them: by node; 3 unused */

/* the worker's park word, and the inner lane's nudge */
bit woken;
bit lane;
bit posted;

/* ghosts */
byte req[NN];
bit accepted[NN];
bit answered[NN];
byte over;			/* generations whose close returned OK */
bit joined;			/* the slot is free to be opened */

#define GEN(i)	((i) / 2)	/* whose token producer i holds */
#define SHARD(i) ((i) % 2)

inline answer(i)
{
	assert(accepted[i]);
	assert(!answered[i]);
	assert(GEN(i) >= over);
	answered[i] = 1
}

/* ferry__context_nudge() */
inline nudge()
{
	atomic {
		if
		:: posted
		:: else ->
			posted = 1;
			lane = 1;
			woken = 1
		fi
	}
}

/* ------------------------------------------------------------ producers */

proctype Producer(byte i)
{
	/* ferry__list_push(): a look and a CAS that retries, in one step */
	d_step {
#ifdef NOTAG
		if
		:: !shut[SHARD(i)] ->
#else
		if
		:: !shut[SHARD(i)] && tag[SHARD(i)] == GEN(i) ->
#endif
			list[i] = 1;
			req[i] = QUEUED;
			accepted[i] = 1;
			/* ferry__park_wake(): wake.pml */
			woken = 1
		:: else
		fi
	}
}

/* ------------------------------------------------------------ the worker */

/* run_one() */
inline run_one(i)
{
	if
	:: in[i] ->
		d_step {
			in[i] = 0;
			assert(GEN(i) == g);
			assert(req[i] == QUEUED);
			if
			:: answered[i] -> req[i] = DONE
			:: else ->
				req[i] = RUNNING;
				started++
			fi
		}
		if
		:: req[i] == DONE
		:: req[i] == RUNNING ->
			d_step {
				req[i] = DONE;
				if
				:: answered[i]
				:: else ->
					ended++;
					answer(i)
				fi
			}
		:: req[i] == RUNNING && i < DEFER -> req[i] = DEFERRED
		fi
	:: else
	fi
}

/* ferry__list_take() of a shard; `a` and `b` are the nodes that push to it */
inline take(s, a, b)
{
	d_step {
		in[a] = list[a];
		in[b] = list[b];
		list[a] = 0;
		list[b] = 0;
		if
		:: shut[s] -> seen[s] = 1
		:: else
		fi;
#ifdef XCHG
		shut[s] = 0;
#endif
		any = any || in[a] || in[b]
	}
}

#define EMPTY	(!list[0] && !list[1] && !list[2])

/* may_let_go(): the shards and the stage first, then the counts */
inline may_let_go()
{
#ifdef NOFINAL
	leave = (stage == CLOSING && EMPTY);
#else
	leave = (seen[0] && seen[1] && stage == CLOSING);
#endif
#ifndef EARLY
	if
	:: leave -> leave = (started == ended + elsewhere)
	:: else
	fi
#endif
}

proctype Worker(byte g)
{
	bit seen[2];
	bit in[4];
	bit any;
	bit leave;
	do
	:: any = 0;
		/* drain_inner(); looked_again() */
		if
		:: lane ->
			lane = 0;
			posted = 0;
			any = 1
		:: else
		fi;
		/* drain_contexts() */
		take(0, 0, 2);
		run_one(0);
		run_one(2);
		take(1, 1, 3);
		run_one(1);
		may_let_go();
		if
		:: leave -> break
		:: else
		fi;
		if
		:: any
		:: else ->
			/* announce; stirs(); sleep */
			woken = 0;
#ifndef NOLOOK
			any = lane || !EMPTY;
			any = any || (shut[0] && !seen[0]) || (shut[1] && !seen[1]);
			may_let_go();
#endif
			if
			:: any || leave
			:: else -> (woken)
			fi
		fi
	od;
	/* ferry__context_let_go(), has_left() */
	atomic {
		stage = LEFT;
		any = 0;
		leave = 0;
		seen[0] = 0;
		seen[1] = 0
	}
}

/* ------------------------------------------------------------ repliers */

/* ferry_call_reply() on any thread; for each call */
proctype Replier(byte i)
{
	bit late;
	(req[i] == DEFERRED);
	/* ferry__reply_enter(), claim_reply(), FINISHED */
#ifndef ENTERLATE
	busy++;
#endif
	d_step {
		assert(req[i] == DEFERRED);
		req[i] = DONE;
		late = answered[i]
	}
	if
	:: late
	:: else ->
		/* ferry__reply_count_elsewhere() */
#ifdef LOOKFIRST
		late = (stage == CLOSING);
		elsewhere++;
#else
		elsewhere++;
		late = (stage == CLOSING);
#endif
#ifndef NORELOOK
		if
		:: late -> nudge()
		:: else
		fi;
#endif
#ifdef ENTERLATE
		busy++;
#endif
		/* ferry__reply_deliver() */
		d_step {
			answer(i);
			late = 0
		}
#ifdef ENTERLATE
		busy--
#endif
	fi;
#ifndef ENTERLATE
	/* ferry__reply_leave() */
	busy--
#endif
}

/* ------------------------------------------------------------ closers */

/* abandon_all(): each node that is unfinished */
inline abandon(i)
{
	d_step {
		if
		:: GEN(i) == g && accepted[i] && !answered[i] &&
		    req[i] != DONE ->
			if
			:: req[i] != QUEUED -> elsewhere++
			:: else
			fi;
			answer(i)
		:: else
		fi
	}
}

#define SETTLED(i) \
	(GEN(i) != g || !accepted[i] || answered[i] || req[i] == DONE)
#define ENDED(i) \
	(GEN(i) != g || !accepted[i] || (answered[i] && req[i] != RUNNING))

proctype Closer(byte g)
{
	bit again;
	/* ferry__context_find() */
	if
	:: token == g
	:: else -> goto out
	fi;
begin:
	/* begin(): CAS from {g, 0} to {g, 1}, else EALREADY or ESTALE */
	atomic {
		if
#ifdef NOCLOSERGEN
		:: !closer_busy -> closer_busy = 1
#else
		:: closer_gen == g && !closer_busy -> closer_busy = 1
#endif
		:: else -> goto out
		fi
	}
	assert(closer_gen == g && over == g);
	/* shut() */
	if
	:: stage == OPEN -> stage = CLOSING
	:: else
	fi;
	shut[0] = 1;
	shut[1] = 1;
	nudge();
	/* await_quiet(): await_left(), await_busy() */
	if
	:: stage == LEFT
	:: !again ->
		/* the deadline */
		again = 1;
		abandon(0);
		abandon(1);
		abandon(2);
		nudge();
		if
		:: stage == LEFT
		:: d_step {
				/* EBUSY, and close again */
				assert(SETTLED(0) && SETTLED(1) && SETTLED(2));
				closer_busy = 0
			}
			goto begin
		fi
	fi;
#ifndef NOBUSY
	(busy == 0);
#endif
	/* OK: ferry__context_end(); the closer's word stays taken */
	d_step {
		assert(ENDED(0) && ENDED(1) && ENDED(2));
		over = g + 1;
		token = 2;
		stage = FREE;
		joined = 1
	}
out:
	atomic { again = 0 }
}

/* ferry_context_open() by the second owner */
proctype Opener()
{
	/* fill(): reset_counts(), make_shards(), the closer's word */
	d_step {
		joined ->
		joined = 0;
		started = 0;
		ended = 0;
		elsewhere = 0
	}
	d_step {
		tag[0] = 1;
		shut[0] = 0;
		list[0] = 0;
		list[2] = 0
	}
	d_step {
		tag[1] = 1;
		shut[1] = 0;
		list[1] = 0
	}
	d_step {
		closer_gen = 1;
		closer_busy = 0
	}
	atomic {
		run Worker(1);
		stage = OPEN;
		token = 1;
		run Producer(2);
		run Closer(1)
	}
}

init
{
	byte i;
	atomic {
		run Worker(0);
		run Producer(0);
		run Producer(1);
		do
		:: i < DEFER ->
			run Replier(i);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NC ->
			run Closer(0);
			i++
		:: else -> break
		od;
		i = 0;
		run Opener()
	}
	timeout ->
	d_step {
		assert(over == 2);
		do
		:: i < NN ->
			assert(accepted[i] == answered[i]);
			i++
		:: else -> break
		od
	}
}
