/*
 * strand.pml: one strand that waits (ffi/strand.h), and everyone who may wake
 * it, end its request, or take its thread away; and, with -DALL, who waits for
 * all strands of a context.
 *
 * The strand goes through up to NW waits, each a sleep with or without a timer,
 * a yield, an await of a request, or an offload of a function; perhaps under a
 * shield. The FFI thread runs it, jobs of the inner lane, and timers, in any
 * order. Cancellers mark and rouse; a closer that abandons answers in its
 * place. LOSS: its thread ends, in the strand or elsewhere, once.
 *
 * Always: the request is answered once, and not while its hook runs but by an
 * abandoning closer; a hook that must be called is; no job is posted that is on its way already; whoever
 * touches the strand, its node or what it offloaded finds that alive; the
 * strand is resumed only when it is suspended, and no wait is left when it
 * goes on. At rest: it has ended and is answered, and its node is at home, the
 * function's memory freed; or it sleeps without a timer, and nobody wants it
 * to end.
 *
 * Memory is sequentially consistent: every word here goes by read-modify-write
 * or is one thread's.
 *
 * Bounds (-D):
 *    NW=n          waits of the strand                            (2)
 *    NCANCEL=n     cancellers, 1 or 2                             (1)
 *    CLOSER        a closer that abandons
 *    LOSS          the FFI thread is ended once
 *    HOOK          the strand sets a cancel hook, and leaves it
 *    ALL           the other model: ends against who waits for all
 *
 * RUN  strand          quick
 * RUN  cancel2         quick -DNCANCEL=2
 * RUN  hook            quick -DHOOK
 * RUN  closer          quick -DCLOSER -DHOOK
 * RUN  loss            quick -DLOSS
 * RUN  all             quick -DALL
 * RUN  three           full  -DNW=3 -DNCANCEL=2 -DHOOK
 * RUN  lossclosed      full  -DLOSS -DCLOSER -DHOOK
 *
 * The strand does not look at the claim when it has said that it waits:
 * TWIN NOFLAGLOOK      quick
 * Nor before a later wait:
 * TWIN NOWAITLOOK      quick
 * A closer rouses though a canceller has:
 * TWIN ROUSETWICE      quick -DCLOSER
 * Who rouses takes no reference:
 * TWIN NOREFERENCE     quick
 * Who rouses does not look whether it has finished:
 * TWIN FINISHEDBLIND   quick
 * A strand that ends leaves its address in the node:
 * TWIN KEEPLINK        quick
 * The rousing job drops its reference when the strand has come back:
 * TWIN DROPLATE        quick -DLOSS
 * The rousing job resumes without taking the wait back:
 * TWIN ROUSEBLIND      quick
 * A wait is taken back by a plain store:
 * TWIN WITHDRAWBLIND   quick
 * A timer is forgotten when what it was for has come:
 * TWIN TIMERLEFT       quick
 * A timer is not set:
 * TWIN NOTIMER         quick
 * The replier does not say whether somebody is to be woken:
 * TWIN NOWAKE          quick
 * A strand leaves its function without a word:
 * TWIN LEAVEBLIND      quick
 * A function says that it has ended after it has woken the strand:
 * TWIN POSTFIRST       quick
 * A strand is roused before its hook is called:
 * TWIN ROUSEFIRST      quick -DHOOK
 * Delivery does not wait for a running hook:
 * TWIN NOHOOKWAIT      quick -DHOOK
 * A lost strand is ended though a job is on its way to it:
 * TWIN LOSENOW         quick -DLOSS
 * A lost strand is resumed by that job:
 * TWIN LOSTRESUMED     quick -DLOSS
 * Those who wait for all are told before the end is counted:
 * TWIN COUNTLATE       quick -DALL
 * The end looks for them before it is published:
 * TWIN LOOKFIRST       quick -DALL
 * They announce themselves after their look:
 * TWIN ANNOUNCELATE    quick -DALL
 * They take the word to sleep on after their look:
 * TWIN SEENLATE        quick -DALL
 */

#ifndef NW
#define NW	2
#endif
#ifndef NCANCEL
#define NCANCEL	1
#endif

#ifndef ALL

/* enum node_claim; the strand's own part of it */
#define CANCEL		1
#define CLOSE		2
#define ANSWERED	4
#define HOOKSET		8	/* CLAIM_HOOK */
#define HOOKING		16
#define HOOKED		32
#define FINISHED	64
#define STRAND		128	/* with CLAIM_DEFERRED */
#define ROUSED		256
#define PENDING(f)	(((f) & (HOOKING | HOOKED)) == HOOKING)

/* strand.state */
#define RUNNING		0
#define READY		1
#define SLEEPING	2
#define AWAITING	3
#define OFFLOADED	4

/* node.wait of the request that it awaits */
#define NONE		0
#define AWAITED		1	/* WAIT_STRAND */
#define DONE		2

/* enum offload_word */
#define OUT		0
#define LEFT		1
#define ENDED		2

/* the words */
short flags;
byte refs = 1;			/* the main line's */
byte word;			/* of the awaited request */
byte off_word;

/* the FFI thread's */
byte state;
byte waits;
bit link;			/* from the node to the strand */
bit timer;
bit shielded;
bit for_ever;			/* it sleeps without a timer */
bit deferred;
bit beat;			/* the heartbeat's reference, in the first run */
bit lost;
bit may_leave;
bit offloaded;			/* once */
bit taken;			/* the awaited reply */

/* the inner lane */
bit job_roused;
bit job_wake;

/* the pool's queue, under its mutex */
bit queued;

/* ghosts */
bit alive = 1;			/* the strand's memory */
bit off_alive;
bit home;
bit hook_on;
bit hook_due;			/* it must be called */
byte answered;
byte inbox;
bit lossy;			/* the thread has ended once */
bit owed;

inline touch_strand()
{
	assert(alive)
}

/* ferry__node_drop() */
inline drop()
{
	d_step {
		assert(!home);
		assert(refs > 0);
		refs--;
		if
		:: refs == 0 ->
			assert(!hook_on && !job_roused);
			home = 1
		:: else
		fi
	}
}

/* ferry__reply_deliver() */
inline deliver()
{
	d_step {
		assert(!home);
		assert(answered == 0);
		assert(!hook_on || (flags & CLOSE));
		answered++;
		inbox++
	}
}

inline post_wake()
{
	d_step {
		touch_strand();
		assert(!job_wake);
		job_wake = 1
	}
}

/* ------------------------------------------------------------ others */

inline claim(having, lacking, set, n)
{
	d_step {
		r = (flags & (having)) == (having) && !(flags & (lacking));
		if
		:: r ->
			/* a node at home has the flags it ended with */
			assert(!home || (n) == 0);
			flags = flags | (set);
			refs = refs + (n)
		:: else
		fi
	}
}

/* rouse() in cancel.c */
inline rouse()
{
#ifdef ROUSETWICE
	claim(STRAND, FINISHED, ROUSED, 1);
#else
#ifdef NOREFERENCE
	claim(STRAND, ROUSED | FINISHED, ROUSED, 0);
#else
#ifdef FINISHEDBLIND
	claim(STRAND, ROUSED, ROUSED, 1);
#else
	claim(STRAND, ROUSED | FINISHED, ROUSED, 1);
#endif
#endif
#endif
	if
	:: r ->
		d_step {
			assert(!job_roused);
			assert(!home);
			job_roused = 1
		}
	:: else
	fi
}

proctype Canceller()
{
	bit r;
	/* mark_canceled() */
	d_step {
		r = !(flags & (CANCEL | FINISHED | ANSWERED));
		if
		:: r ->
			flags = flags | CANCEL;
			/* it can end by us alone */
			hook_due = (flags & HOOKSET) && for_ever
		:: else
		fi
	}
	if
	:: !r -> goto out
	:: else
	fi;
	/* settle() */
#ifdef ROUSEFIRST
	rouse();
#endif
	/* interrupt(), run_hook() */
	claim(HOOKSET, HOOKING | FINISHED | ANSWERED | CLOSE, HOOKING, 1);
	if
	:: r ->
		d_step {
			assert(answered == 0 || (flags & CLOSE));
			hook_on = 1
		}
		d_step {
			hook_on = 0;
			hook_due = 0;
			flags = flags | HOOKED
		}
		drop()
	:: else
	fi;
#ifndef ROUSEFIRST
	rouse();
#endif
out:
	skip
}

#ifdef CLOSER
/* ferry__cancel_abandon(), when CLOSE is set: until nothing is left to do */
proctype Closer()
{
	bit r;
	bit ours;
	claim(0, CLOSE | FINISHED, CLOSE, 0);
	if
	:: !r -> goto out
	:: else
	fi;
	claim(HOOKING, HOOKED | ANSWERED, ANSWERED, 1);
	if
	:: r
	:: else -> claim(0, FINISHED | ANSWERED, ANSWERED, 1)
	fi;
	ours = r;
	rouse();
	if
	:: ours -> deliver()
	:: else
	fi;
out:
	skip
}
#endif

/* wake_waiter(), for the request that the strand awaits */
proctype Replier()
{
	byte before;
	d_step {
		before = word;
		word = DONE
	}
	if
#ifndef NOWAKE
	:: before == AWAITED -> post_wake()
#endif
	:: else
	fi
}

/* run() and end() in strand_out.c */
proctype Pool()
{
	bit ours;
	/* takes it out of the queue, under the mutex */
	atomic { queued -> queued = 0 };
	d_step {
		assert(off_alive);
		/* left before it has begun: then it never will */
		if
		:: off_word == LEFT -> off_alive = 0
		:: else
		fi
	}
	if
	:: !off_alive -> goto out
	:: else
	fi;
#ifdef POSTFIRST
	post_wake();
#endif
	d_step {
		assert(off_alive);
		ours = (off_word == OUT);
		if
		:: ours -> off_word = ENDED
		:: else
		fi
	}
	if
	:: ours ->
#ifndef POSTFIRST
		d_step { assert(off_alive) };
		post_wake()
#else
		skip
#endif
	:: else ->
		/* abandon() */
		d_step {
			assert(off_alive);
			off_alive = 0
		}
	fi;
out:
	skip
}

proctype Taker()
{
	do
	:: atomic { inbox > 0 -> inbox-- };
		drop()
	od
}

/* ------------------------------------------------------------ the strand */

#define UNWANTED	(!shielded && (flags & (CANCEL | CLOSE)) != 0)

/* ferry__strand_withdraw(); one word is changed by it */
inline withdraw()
{
	d_step {
		touch_strand();
		if
		:: state == SLEEPING -> ok = 1
		:: state == AWAITING ->
#ifdef WITHDRAWBLIND
			ok = 1;
			word = NONE
#else
			ok = (word == AWAITED);
			if
			:: ok -> word = NONE
			:: else
			fi
#endif
		:: state == OFFLOADED && !may_leave ->
			ok = queued;
			if
			:: ok ->
				queued = 0;
				off_alive = 0
			:: else
			fi
		:: state == OFFLOADED && may_leave ->
#ifdef LEAVEBLIND
			ok = 1;
#else
			ok = (off_word == OUT);
#endif
			if
			:: ok -> off_word = LEFT
			:: else
			fi
		:: else -> ok = 0
		fi
	}
}

/* The end of its request: strand.c's answer(). */
inline end_request()
{
	d_step {
		touch_strand();
		assert(!timer && !job_wake && word != AWAITED);
		alive = 0;
#ifndef KEEPLINK
		link = 0
#endif
	}
	d_step {
		assert(!home && !(flags & FINISHED));
		old = flags;
		flags = flags | FINISHED
	}
#ifndef NOHOOKWAIT
	if
	:: PENDING(old) -> (flags & HOOKED)
	:: else
	fi;
#endif
	if
	:: flags & ANSWERED -> drop()
	:: else -> deliver()
	fi
}

/* ferry__strand_lose() */
inline lose()
{
	d_step {
		touch_strand();
		timer = 0;
		if
		:: state == OFFLOADED && off_alive && off_word == ENDED ->
			off_alive = 0
		:: else
		fi
	}
	end_request()
}

/* What a strand does when it runs: the next wait, or its end. */
inline go_on()
{
	do
	:: waits == NW || (UNWANTED && deferred) ->
		end_request();
		break
#ifdef LOSS
	:: !lossy ->
		/* it ends its thread; ferry__strand_mend() */
		lossy = 1;
		lose();
		owed = 0;
		break
#endif
	:: waits < NW ->
		d_step { waits++ };
		/* ferry__strand_may_wait() */
#ifdef NOWAITLOOK
		if
		:: !deferred && UNWANTED -> goto unwanted
#else
		if
		:: UNWANTED -> goto unwanted
#endif
		:: else
		fi;
		if
		:: !deferred ->
			d_step {
				deferred = 1;
				beat = 1;
				flags = flags | STRAND;
				refs++
			}
#ifndef NOFLAGLOOK
			if
			:: UNWANTED -> goto unwanted
			:: else
			fi;
#endif
		:: else
		fi;
		if
		:: state = READY; break
		:: d_step { state = SLEEPING; for_ever = 1 }; break
		:: d_step {
				state = SLEEPING;
#ifndef NOTIMER
				timer = 1
#else
				timed = 1
#endif
			}
			if
			:: shielded = 1
			:: skip
			fi;
			break
		:: !taken ->
			/* ferry__wait_announce() */
			d_step {
				assert(word != AWAITED);
				if
				:: word == DONE -> taken = 1
				:: else ->
					word = AWAITED;
					state = AWAITING
				fi
			}
			if
			:: state == AWAITING ->
				if
				:: timer = 1
				:: shielded = 1
				:: skip
				fi;
				break
			:: else
			fi
		:: !offloaded ->
			d_step {
				offloaded = 1;
				off_alive = 1;
				off_word = OUT;
				queued = 1;
				state = OFFLOADED
			}
			if
			:: may_leave = 1
			:: skip
			fi;
			break
		fi;
		goto next;
unwanted:
		waits = NW;
next:
		skip
	od;
	/* dispatch: the heartbeat's reference, when the first run is over */
	if
	:: beat -> beat = 0; drop()
	:: else
	fi
}

/* A reference that the rousing job has kept too long. */
inline settle_debt()
{
	if
	:: owed -> owed = 0; drop()
	:: else
	fi
}

/* ferry__strand_resume() */
inline resume()
{
	d_step {
		touch_strand();
		assert(state != RUNNING && !lost);
		if
		:: state == AWAITING && word == DONE -> taken = 1
		:: state == OFFLOADED && off_alive && off_word == ENDED ->
			/* take_result() */
			off_alive = 0
		:: else
		fi;
		state = RUNNING;
		shielded = 0;
		for_ever = 0
	}
	again = 1
}

proctype Ffi()
{
	bit ok;
	bit again;
	bit timed;
	short old;
	/* ferry__strand_spawn() */
	link = 1;
#ifdef HOOK
	d_step {
		/* set_hook() */
		if
		:: !(flags & (CANCEL | CLOSE)) -> flags = flags | HOOKSET
		:: else
		fi
	}
#endif
	again = 1;
	do
	:: again ->
		again = 0;
		go_on();
		settle_debt()
	:: !again && job_roused ->
		/* ferry__strand_roused() */
		d_step { job_roused = 0; ok = link };
#ifdef DROPLATE
		owed = 1;
#else
		drop();
#endif
		if
		:: ok && !shielded ->
#ifdef ROUSEBLIND
			touch_strand();
			ok = (state != READY && state != RUNNING);
#else
			withdraw();
#endif
			if
			:: ok -> timer = 0; resume()
			:: else -> settle_debt()
			fi
		:: ok && shielded -> touch_strand(); settle_debt()
		:: else -> settle_debt()
		fi
	:: !again && job_wake ->
		/* ferry__strand_woken() */
		d_step {
			job_wake = 0;
			touch_strand();
#ifndef TIMERLEFT
			timer = 0
#endif
		}
		if
#ifndef LOSTRESUMED
		:: lost -> lose()
		:: else -> resume()
#else
		:: resume()
#endif
		fi
	:: !again && timer ->
		/* run_due() */
		d_step {
			timer = 0;
			touch_strand();
			assert(state == SLEEPING || state == AWAITING)
		}
		withdraw();
		if
		:: ok -> resume()
		:: else
		fi
	:: !again && alive && state == READY ->
		resume()
#ifdef LOSS
	:: !again && alive && state != RUNNING && !lossy ->
		/* lose_waiting() */
		lossy = 1;
		lost = 1;
		withdraw();
		if
#ifndef LOSENOW
		:: ok || state == READY -> lose()
		:: else
#else
		:: lose()
#endif
		fi
#endif
	od
}

init
{
	atomic {
		run Ffi();
		run Replier();
		run Pool();
		run Taker();
		run Canceller();
#if NCANCEL > 1
		run Canceller();
#endif
#ifdef CLOSER
		run Closer()
#endif
	}
	timeout ->
	d_step {
		if
		:: alive ->
			assert(state == SLEEPING && !timer);
			assert(!(flags & (CANCEL | CLOSE)));
			assert(!shielded)
		:: else ->
			assert(answered == 1);
			assert(home && refs == 0);
			assert(!off_alive && !queued)
		fi;
#if !defined(CLOSER) && !defined(LOSS)
		assert(!hook_due);
#endif
		assert(!job_roused && !job_wake)
	}
}

#else /* ALL */

/* strand.c's publish_oldest() and tell_waiters(); strand_count.c's waits */

#define SPAWNED	2	/* when the waiters come, at most */

byte ended;			/* counted */
byte oldest = 1;		/* oldest_id */
byte passed;
byte waiters;
byte sleeping;			/* in the futex */
byte done;

proctype Ffi()
{
	byte id = 1;
	bit any;
	do
	:: id <= SPAWNED ->
#ifndef COUNTLATE
		ended++;
#endif
#ifdef LOOKFIRST
		any = (waiters != 0);
		oldest = id + 1;
#else
		oldest = id + 1;
		any = (waiters != 0);
#endif
		if
		:: any ->
			passed++;
			sleeping = 0
		:: else
		fi;
#ifdef COUNTLATE
		ended++;
#endif
		id++
	:: else -> break
	od
}

proctype Waiter(byte last)
{
	byte seen;
	bit slept;
#ifndef ANNOUNCELATE
	waiters++;
#endif
	do
	:: true ->
#ifndef SEENLATE
		seen = passed;
#endif
		if
		:: oldest > last -> break
		:: else
		fi;
#ifdef ANNOUNCELATE
		waiters++;
#endif
#ifdef SEENLATE
		seen = passed;
#endif
		/* the system compares, and sleeps */
		d_step {
			slept = (passed == seen);
			if
			:: slept -> sleeping++
			:: else
			fi
		}
		if
		:: slept -> (passed != seen)
		:: else
		fi
	od;
	assert(ended >= last);
	waiters--;
	done++
}

init
{
	atomic {
		run Ffi();
		run Waiter(1);
		run Waiter(2)
	}
	timeout ->
	assert(done == 2)
}

#endif
