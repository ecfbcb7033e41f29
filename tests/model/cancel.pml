/*
 * cancel.pml: one node, its two words (ffi/node.h), and everyone who may end
 * the request in it.
 *
 * W  the state word: generation, phase. Plain stores: the producer's, then
 *    the worker's, which sit in a store buffer; then of whoever delivers.
 * C  the claim word: generation, references, flags. A plain store by the
 *    producer, afterwards only RMW.
 *
 * The worker stores W and loads C with a compiler barrier between; who sets
 * CANCEL or CLOSE in C then executes the heavy barrier, which empties every
 * store buffer, then reads W. The buffer is emptied by its readers, as far as
 * they like: that it was earlier nobody could tell.
 *
 * The node lives NG generations; cancellers and repliers aim at any. One
 * foreign thread may stop for ever before any of its steps (STOP).
 *
 * Always: answered at most once, and not before its hook has ended but by an
 * abandoning closer; the payload freed at most once, never under a handler;
 * the node goes home with nobody holding it. When the closer is done: what is
 * accepted is answered, or somebody who waits for nobody will. At rest:
 * everything accepted answered and freed, counted as started exactly if its
 * end is counted as one of a started request, the node at home.
 *
 * Bounds (-D):
 *    NG=n          generations of the node                        (2)
 *    NCANCEL=n     cancellers, 0 to 2                             (1)
 *    NREPLY=n      repliers, 0 to 2; 1 and up: calls may defer    (0)
 *    CLOSER        a closer that abandons, a handler that wedges
 *    CALLBACK      answers go by callback, not by inbox
 *    STOP          one foreign thread may stop for ever
 *    DUE           the event thread's timer of generation 1
 *
 * RUN  cancel          quick
 * RUN  callback        quick -DCALLBACK
 * RUN  closer          quick -DNG=1 -DCLOSER
 * RUN  closercallback  quick -DNG=1 -DCLOSER -DCALLBACK
 * RUN  deferred        quick -DNG=1 -DNREPLY=2
 * RUN  abandondeferred quick -DNG=1 -DNREPLY=1 -DCLOSER
 * RUN  stop            quick -DNG=1 -DCLOSER -DSTOP
 * RUN  due             quick -DDUE -DNCANCEL=0
 * RUN  cancel2         full  -DNCANCEL=2
 * RUN  closer2         full  -DCLOSER
 * RUN  deferred2       full  -DNREPLY=2
 * RUN  deferredcall    full  -DNG=1 -DNREPLY=1 -DCLOSER -DCALLBACK
 * RUN  duedeferred     full  -DNG=1 -DDUE -DNREPLY=1 -DCLOSER
 *
 * No heavy barrier between the flag and the look at W:
 * TWIN NOBARRIER       quick
 * W is read before the flag is set:
 * TWIN LOOKFIRST       quick
 * The CAS on C does not compare the generation:
 * TWIN NOGEN           quick
 * Delivery does not wait for a running hook:
 * TWIN NOHOOKWAIT      quick
 * Who answers a queued request takes no reference of its own:
 * TWIN TOMBEARLY       quick
 * The worker's RMW does not release its stores to W:
 * TWIN RELAXEDRMW      quick
 * A late replier sets REPLYING without a look at the generation:
 * TWIN REPLYOR         quick -DNREPLY=2
 * A replier that finds ANSWERED drops the main line though a hook runs:
 * TWIN TWODROPS        quick -DNG=1 -DNREPLY=1 -DCLOSER
 * A late replier that finds ANSWERED does not end the main line:
 * TWIN LATELEAK        quick -DNG=1 -DNREPLY=1 -DCLOSER
 * A closer does not look at what is DONE and waits for its hook:
 * TWIN NODONE          quick -DNG=1 -DCLOSER -DSTOP
 * A hook is begun after CLOSE was set:
 * TWIN HOOKLATE        quick -DNG=1 -DCLOSER -DSTOP
 * A closer answers a started request without saying STARTED:
 * TWIN NOSTARTED       quick -DNG=1 -DCLOSER
 * A refused push takes its node back without a look at C:
 * TWIN REFUSEBLIND     quick -DNG=1 -DCLOSER
 * An abandoning closer frees what a started handler may read:
 * TWIN FREEBOTH        quick -DNG=1 -DCLOSER
 * The timer holds without a second look at the phase:
 * TWIN HOLDBLIND       quick -DDUE -DNCANCEL=0
 */

#ifndef NG
#define NG	2
#endif
#ifndef NCANCEL
#define NCANCEL	1
#endif
#ifndef NREPLY
#define NREPLY	0
#endif

/* enum node_phase */
#define FREE		0
#define QUEUED		1
#define RUNNING		2
#define DEFERRED	3
#define DONE		4

/* enum node_claim */
#define CANCEL		1
#define CLOSE		2
#define STARTED		4
#define ANSWERED	8
#define HOOK		16
#define HOOKING		32
#define HOOKED		64
#define DEFER		128	/* CLAIM_DEFERRED */
#define REPLYING	256
#define FINISHED	512
#define TOLD		1024
#define TAKEN		2048
#define PENDING(f)	(((f) & (HOOKING | HOOKED)) == HOOKING)

/* threads, for `stopped` and `duty` */
#define WORKER		1
#define PRODUCER	2
#define TAKER		3
#define CLOSER_ID	4
#define CANCELLER	5	/* and 6 */
#define REPLIER		7	/* and 8 */

/* the words */
byte w_gen;
byte w_phase;
byte c_gen;
short c_flags;
byte c_refs;

/* the worker's store buffer for W */
byte buf_n;
byte buf_gen[3];
byte buf_phase[3];

/* where the node is; 0 = not there, otherwise its generation */
byte bank;
byte inbox;
byte lane;			/* the inner lane: its job */
bit home = 1;
bit flipped;			/* every shard is CLOSED */

/* ghosts */
byte told;			/* tokens up to this one are known */
bit accepted[NG + 1];
bit refused[NG + 1];
byte answered[NG + 1];
byte duty[NG + 1];		/* who will answer, waiting for nobody */
bit freed[NG + 1];
bit in_use[NG + 1];		/* the handler may read the payload */
byte starts[NG + 1];		/* counted as started */
byte ends[NG + 1];		/* counted as the end of a started one */
bit hooked[NG + 1];
byte hook_on;			/* generation whose hook runs now */
byte watched;			/* the timer intake's */
bit wedged;
bit closed;			/* the closer has returned */
byte stopped;			/* a thread that will never go on */

#define MORTAL(id)	unless { d_step { stopped == id -> FORGET } }

/* ------------------------------------------------------------ memory */

inline drain_one()
{
	w_gen = buf_gen[0];
	w_phase = buf_phase[0];
	buf_gen[0] = buf_gen[1];
	buf_phase[0] = buf_phase[1];
	buf_gen[1] = buf_gen[2];
	buf_phase[1] = buf_phase[2];
	buf_gen[2] = 0;
	buf_phase[2] = 0;
	buf_n--
}

inline drain_all()
{
	do
	:: buf_n > 0 -> drain_one()
	:: else -> break
	od
}

/* An RMW of the worker's is a release. */
inline rmw()
{
#ifdef RELAXEDRMW
	skip
#else
	drain_all()
#endif
}

/* A plain store to W by the worker. */
inline store_w(g, p)
{
	if
	:: buf_n == 3 -> drain_one()
	:: else
	fi;
	buf_gen[buf_n] = g;
	buf_phase[buf_n] = p;
	buf_n++
}

/* ferry__os_barrier_heavy() */
inline heavy_barrier()
{
#ifdef NOBARRIER
	skip
#else
	d_step { drain_all() }
#endif
}

/* Another thread's load of W. */
inline load_w()
{
	atomic {
		do
		:: buf_n > 0 -> d_step { drain_one() }
		:: break
		od;
		d_step {
			seen_gen = w_gen;
			seen_phase = w_phase
		}
	}
}

/* ------------------------------------------------------------ the node */

inline free_payload(g)
{
	assert(!freed[g]);
	assert(!in_use[g]);
	freed[g] = 1
}

inline answer(g)
{
	assert(!refused[g]);
	assert(answered[g] == 0);
	answered[g] = 1;
	duty[g] = 0
}

/* ferry__node_drop() and ferry__node_give(): is_plain first, then the RMW;
   one step, for the plain one is only the last one's. */
inline drop(g)
{
	d_step {
		assert(c_gen == g);
		assert(c_refs > 0);
		assert(!home);
		if
		:: c_refs == 1 && c_flags == 0 -> home = 1
		:: else ->
			c_refs--;
			home = (c_refs == 0)
		fi;
		if
		:: home -> assert(hook_on == 0)
		:: else
		fi
	}
}

/* An answer is pushed to its inbox; set_done() before it. */
inline post(g)
{
	d_step {
		assert(c_gen == g);
		if
		:: !(c_flags & ANSWERED) ->
			w_gen = g;
			w_phase = DONE
		:: else
		fi;
		assert(inbox == 0);
		assert(hook_on != g || (c_flags & CLOSE));
		answer(g);
		inbox = g
	}
}

/* ------------------------------------------------------------ the producer */

#define FORGET	ok = 0
proctype Producer()
{
	byte g = 1;
	bit ok;
	{
		do
		:: g <= NG ->
			/* ferry__node_begin(): C, then W */
			d_step {
				home ->
				home = 0;
				c_gen = g;
				c_flags = 0;
				c_refs = 1
			}
			d_step {
				assert(buf_n == 0);
				w_gen = g;
				w_phase = QUEUED
			}
			/* ferry__list_push() */
			d_step {
				ok = !flipped;
				if
				:: ok ->
					bank = g;
					accepted[g] = 1
				:: else
				fi
			}
			if
			:: ok
			:: else ->
				/* settle_refused(): or FINISHED */
				d_step {
					ok = (c_flags & ANSWERED) != 0;
					c_flags = c_flags | FINISHED;
#ifdef REFUSEBLIND
					ok = 0;
#endif
					if
					:: ok -> accepted[g] = 1
					:: else ->
						/* unfill() */
						assert(answered[g] == 0);
						refused[g] = 1;
						freed[g] = 1;
						w_phase = FREE;
						home = 1
					fi
				}
				if
				:: ok -> drop(g)	/* answer_refused() */
				:: else
				fi
			fi;
			d_step {
				told = g;
				g++;
				ok = 0
			}
		:: else -> break
		od
	} MORTAL(PRODUCER)
}

/* ------------------------------------------------------------ the taker */

#undef FORGET
#define FORGET	g = 0
proctype Taker()
{
	byte g;
	{
		do
		:: d_step {
				/* take_one(); ferry__node_taken() */
				inbox != 0 ->
				g = inbox;
				inbox = 0;
				assert(c_gen == g);
				if
				:: c_flags & ANSWERED -> c_flags = c_flags | TAKEN
				:: else -> w_phase = FREE
				fi
			}
			drop(g);
			g = 0
		od
	} MORTAL(TAKER)
}

/* ------------------------------------------------------------ the worker */

/* deliver(): the answer is the worker's. An inbox's push is an RMW. */
inline deliver(g)
{
#ifdef CALLBACK
	/* call_back(); the chain's push home is an RMW */
	d_step {
		assert(c_gen == g);
		assert(hook_on != g);
		answer(g);
		store_w(g, FREE)
	}
	d_step { drain_all() }
	drop(g)
#else
	d_step { drain_all() }
	post(g)
#endif
}

/* ferry__reply_call_back(): or TOLD; the callback; the drop */
inline call_back(g, count)
{
	d_step {
		rmw();
		assert(c_gen == g);
		old = c_flags;
		c_flags = c_flags | TOLD;
		if
		:: !(old & TOLD) ->
			assert(hook_on != g || (c_flags & CLOSE));
			answer(g);
			if
			:: count -> ends[g]++
			:: else
			fi;
			if
			:: c_flags & ANSWERED -> c_flags = c_flags | TAKEN
			:: else -> w_phase = FREE
			fi
		:: else
		fi
	}
	drop(g)
}

/* meet_answered(); `old` has ANSWERED */
inline meet_answered(g)
{
	d_step {
		assert(c_gen == g);
		if
		:: old & STARTED ->
			starts[g]++;
			free_payload(g)
		:: else
		fi
	}
#ifdef CALLBACK
	call_back(g, 0)
#else
	drop(g)
#endif
}

/* end_unstarted(): CAS to STARTED | FINISHED */
inline end_unstarted(g)
{
	d_step {
		rmw();
		assert(c_gen == g);
		old = c_flags;
		if
		:: old & ANSWERED
		:: else ->
			c_flags = c_flags | STARTED | FINISHED;
			duty[g] = WORKER;
			free_payload(g);
			store_w(g, DONE)
		fi
	}
	if
	:: old & ANSWERED -> meet_answered(g)
	:: else -> deliver(g)
	fi
}

/* finish(), finish_slow() */
inline finish(g)
{
	d_step {
		in_use[g] = 0;
		free_payload(g);
		store_w(g, DONE)
	}
	/* light barrier */
	d_step {
		assert(c_gen == g);
		old = c_flags;
		if
		:: old == 0 && c_refs == 1 ->
			duty[g] = WORKER;
			ends[g]++
		:: else -> old = old | CANCEL
		fi
	}
	if
	:: old == 0 -> deliver(g)
	:: else ->
		d_step {
			rmw();
			assert(!(c_flags & FINISHED));
			old = c_flags;
			c_flags = c_flags | FINISHED;
			if
			:: !(old & ANSWERED) && !PENDING(old) -> duty[g] = WORKER
			:: else
			fi
		}
#ifndef NOHOOKWAIT
		/* ferry__cancel_await_hook() */
		if
		:: PENDING(old) -> (c_flags & HOOKED)
		:: else
		fi;
#endif
		d_step {
			assert(c_gen == g);
			old = c_flags;
			if
			:: !(old & ANSWERED) -> ends[g]++
			:: else
			fi
		}
		if
		:: old & ANSWERED -> drop(g)
		:: else -> deliver(g)
		fi
	fi
}

/* handle(): the handler may set a hook, wedge or defer */
inline handle(g)
{
	d_step {
		assert(hook_on == 0);
		starts[g]++;
		in_use[g] = 1;
		assert(!freed[g])
	}
	if
	:: d_step {
			/* set_hook() */
			rmw();
			if
			:: !(c_flags & (CANCEL | CLOSE)) -> c_flags = c_flags | HOOK
			:: else
			fi
		}
#ifdef CLOSER
	:: d_step { g == 1 -> wedged = 1 }
		false
#endif
	:: skip
	fi;
	if
	:: finish(g)
#if NREPLY > 0
	:: d_step {
			/* ferry_call_defer() */
			store_w(g, DEFERRED);
			drain_all();
			c_flags = c_flags | DEFER
		}
#endif
	fi
}

active proctype Worker()
{
	byte g;
	short old;
	do
#ifdef CALLBACK
	:: d_step { lane != 0 -> g = lane; lane = 0 }
		/* call_back_later() */
		call_back(g, 1);
		d_step { g = 0; old = 0 }
#endif
	:: d_step { bank != 0 -> g = bank; bank = 0 }
		/* run_one(): the store, a light barrier, the load */
		d_step { store_w(g, RUNNING) }
		d_step {
			assert(c_gen == g);
			old = c_flags
		}
		if
		:: old != 0 ->
			/* start_slow() */
			d_step {
				rmw();
				old = c_flags
			}
			if
			:: old & ANSWERED -> meet_answered(g)
			:: else -> end_unstarted(g)
			fi
		:: else ->
			/* may_start() */
			if
			:: end_unstarted(g)
			:: skip;
#ifdef DUE
				d_step {
					/* ferry__due_watch() */
					if
					:: g == 1 ->
						c_refs++;
						watched = 1
					:: else
					fi
				}
#endif
				handle(g)
			fi
		fi;
		d_step { g = 0; old = 0 }
	od
}

/* ------------------------------------------------------------ ending it */

#ifdef NOGEN
#define SAME(g)	true
#else
#define SAME(g)	(c_gen == g)
#endif

/* claim() in cancel.c */
inline claim(g, having, lacking, flags, n)
{
	d_step {
		r = SAME(g) && (c_flags & (having)) == (having) &&
		    !(c_flags & (lacking));
		if
		:: r ->
			assert(c_gen == g);
			c_flags = c_flags | (flags);
			c_refs = c_refs + n
		:: else
		fi
	}
}

/* An answer in the handler's place: the duty is the caller's. */
inline claim_answer(g, having, lacking, flags, id)
{
	d_step {
		r = SAME(g) && (c_flags & (having)) == (having) &&
		    !(c_flags & ((lacking) | ANSWERED));
		if
		:: r ->
			assert(c_gen == g);
			c_flags = c_flags | ANSWERED | (flags);
#ifdef TOMBEARLY
			c_refs = c_refs + (id == CLOSER_ID);
#else
			c_refs++;
#endif
			assert(duty[g] == 0);
			duty[g] = id
		:: else
		fi
	}
}

/* Ends a deferred call whose reply is in the node. */
inline end_deferred(g)
{
#ifdef CALLBACK
	d_step {
		assert(c_gen == g);
		if
		:: !(c_flags & ANSWERED) ->
			w_gen = g;
			w_phase = DONE
		:: else
		fi;
		assert(lane == 0);
		lane = g;
		duty[g] = 0
	}
#else
	d_step { ends[g]++ }
	post(g)
#endif
}

#undef FORGET
#define FORGET	g = 0; seen_gen = 0; seen_phase = 0; old = 0; r = 0
proctype Canceller(byte id)
{
	byte g;
	byte seen_gen;
	byte seen_phase;
	short old;
	bit r;
	{
		if
		:: g = 1
#if NG > 1
		:: g = 2
#endif
		fi;
		(told >= g);
#ifdef LOOKFIRST
		load_w();
#endif
		/* mark_canceled(); its look at W may be of long ago */
		claim(g, 0, CANCEL | ANSWERED | FINISHED, CANCEL, 0);
		if
		:: !r -> goto late
		:: else
		fi;
		heavy_barrier();
#ifndef LOOKFIRST
		load_w();
#endif
		/* settle() */
		if
		:: seen_gen != g || seen_phase == DONE || seen_phase == FREE ->
			goto late
		:: else
		fi;
		if
		:: seen_phase == QUEUED ->
			/* answer_queued() */
			claim_answer(g, 0, STARTED | FINISHED, 0, id);
			if
			:: r ->
				d_step { free_payload(g) }
#ifdef CALLBACK
				duty[g] = 0;
				drop(g);
#else
				post(g);
#endif
				goto late
			:: else
			fi
		:: else
		fi;
		/* interrupt() */
#ifdef HOOKLATE
		claim(g, HOOK, HOOKING | FINISHED | ANSWERED, HOOKING, 1);
#else
		claim(g, HOOK, HOOKING | FINISHED | ANSWERED | CLOSE, HOOKING, 1);
#endif
		if
		:: !r -> goto late
		:: else
		fi;
		/* run_hook() */
		d_step {
			assert(c_gen == g);
			assert(!home);
			assert(!hooked[g]);
			assert(answered[g] == 0 || (c_flags & CLOSE));
			hooked[g] = 1;
			hook_on = g
		}
		d_step {
			assert(c_gen == g);
			hook_on = 0;
			old = c_flags;
			c_flags = c_flags | HOOKED;
			if
			:: (old & FINISHED) && !(old & ANSWERED) ->
				duty[g] = (old & DEFER -> id : WORKER)
			:: else
			fi
		}
		if
		:: (old & DEFER) && (old & FINISHED) ->
			/* finish_for_replier() */
			d_step { free_payload(g) }
			if
			:: old & ANSWERED -> drop(g)
			:: else -> end_deferred(g)
			fi
		:: else
		fi;
		drop(g);
late:
		atomic { FORGET }
	} MORTAL(id)
}

#ifdef CLOSER
#undef FORGET
#define FORGET	g = 0; i = 0; seen_gen = 0; seen_phase = 0; old = 0; r = 0; d = 0
proctype Closer()
{
	byte g;
	byte i;
	byte seen_gen;
	byte seen_phase;
	short old;
	bit r;
	bit d;
	{
		flipped = 1;
		/* ferry__cancel_mark(): C, W, then CLOSE */
		g = c_gen;
		load_w();
#ifdef NODONE
		r = (seen_phase == DONE);
#endif
		if
		:: g != 0 && seen_gen == g && seen_phase != FREE && !r ->
			claim(g, 0, CLOSE, CLOSE, 0)
		:: else
		fi;
		heavy_barrier();
		/* ferry__cancel_abandon() */
		d_step {
			g = c_gen;
			old = c_flags
		}
		load_w();
		if
		:: g == 0 || seen_gen != g || seen_phase == FREE -> goto out
		:: else
		fi;
		if
		:: old & CLOSE ->
			if
			:: seen_phase == QUEUED ->
				/* abandon_unstarted() */
				claim_answer(g, 0, STARTED | FINISHED, 0, CLOSER_ID);
				if
				:: r ->
					d_step {
						free_payload(g);
						d = 1
					}
				:: else
				fi
			:: else
			fi;
			/* abandon_started() */
#ifdef NOSTARTED
#define SAY	0
#else
#define SAY	STARTED
#endif
			if
			:: !d ->
				claim_answer(g, HOOKING, HOOKED, SAY, CLOSER_ID);
				if
				:: !r && seen_phase != DONE ->
					claim_answer(g, 0, FINISHED, SAY, CLOSER_ID)
				:: else
				fi;
				if
				:: r ->
					d_step {
						ends[g]++;
#ifdef FREEBOTH
						free_payload(g);
#endif
						d = 1
					}
				:: else
				fi
			:: else
			fi
		:: else
		fi;
#ifdef CALLBACK
		/* count_not_run() */
		d_step {
			r = c_gen == g && (c_flags & ANSWERED) && !(c_flags & TOLD);
			if
			:: r ->
				c_flags = c_flags | TOLD;
				answer(g)
			:: else
			fi
		}
		if
		:: !r ->
			d_step {
				r = c_gen == g && (c_flags & DEFER) &&
				    (c_flags & FINISHED) &&
				    !(c_flags & (TOLD | ANSWERED));
				if
				:: r ->
					c_flags = c_flags | TOLD;
					answer(g);
					ends[g]++
				:: else
				fi
			}
		:: else
		fi;
		if
		:: d -> drop(g)
		:: else
		fi;
#else
		if
		:: d -> post(g)
		:: else
		fi;
#endif
out:
		skip;
		/* Each accepted one is answered, or the duty of somebody who
		   waits for nobody; or W said DONE, and no hook is in the way. */
		d_step {
			closed = 1;
			i = 1;
			do
			:: i <= NG ->
				assert(!accepted[i] || answered[i] != 0 ||
				    duty[i] != 0 || c_gen != i ||
				    (!wedged && !PENDING(c_flags)));
				i++
			:: else -> break
			od;
			FORGET
		}
	} MORTAL(CLOSER_ID)
}
#endif

#if NREPLY > 0
#undef FORGET
#define FORGET	g = 0; old = 0; r = 0
/* Any thread's reply to a deferred call; two of them race, and may be late. */
proctype Replier(byte id)
{
	byte g;
	short old;
	bit r;
	{
		if
		:: g = 1
#if NG > 1
		:: g = 2
#endif
		fi;
		(c_gen > g || (c_gen == g && (c_flags & DEFER)));
		/* claim_reply() */
#ifdef REPLYOR
		d_step {
			r = !(c_flags & (REPLYING | FINISHED));
			c_flags = c_flags | REPLYING
		}
#else
		claim(g, DEFER, REPLYING | FINISHED, REPLYING, 0);
#endif
		if
		:: r ->
			/* the reply goes into the node: finish_deferred() */
			d_step {
				assert(c_gen == g);
				assert(!home);
				in_use[g] = 0;
				old = c_flags;
				c_flags = c_flags | FINISHED;
				if
				:: !PENDING(old) && !(old & ANSWERED) ->
					duty[g] = id
				:: else
				fi
			}
			if
			:: PENDING(old) ->
				/* everything passes to who runs the hook */
#ifdef TWODROPS
				if
				:: old & ANSWERED -> drop(g)
				:: else
				fi
#endif
				skip
			:: else ->
				d_step { free_payload(g) }
				if
				:: old & ANSWERED ->
#ifndef LATELEAK
					drop(g)
#else
					skip
#endif
				:: else -> end_deferred(g)
				fi
			fi
		:: else
		fi;
		d_step { FORGET }
	} MORTAL(id)
}
#endif

#ifdef DUE
/* due.c: the entry of generation 1 */
proctype Due()
{
	byte seen_gen;
	byte seen_phase;
	bit r;
	(watched);
	/* take_in(), let_go() */
	drop(1);
	/* hold(): a reference, while there is one */
	d_step {
		r = c_gen == 1 && c_refs != 0;
		if
		:: r -> c_refs++
		:: else
		fi
	}
	if
	:: r ->
		heavy_barrier();
		load_w();
#ifdef HOLDBLIND
		if
		:: true -> drop(1)
		fi
#else
		if
		:: seen_gen == 1 &&
		    (seen_phase == RUNNING || seen_phase == DEFERRED) ->
			/* post_stale(), and let_go() */
			assert(c_gen == 1 && !home);
			drop(1)
		:: else ->
			/* taken back, unless the node has begun anew */
			d_step {
				if
				:: c_gen == 1 ->
					assert(c_refs > 0);
					c_refs--;
					if
					:: c_refs == 0 ->
						assert(!home);
						home = 1
					:: else
					fi
				:: else
				fi
			}
		fi
#endif
	:: else
	fi
}
#endif

/* ------------------------------------------------------------ */

#ifdef STOP
proctype Fate()
{
	if
	:: stopped = PRODUCER
	:: stopped = TAKER
#if NCANCEL > 0
	:: stopped = CANCELLER
#endif
#ifdef CLOSER
	:: stopped = CLOSER_ID
#endif
#if NREPLY > 0
	:: stopped = REPLIER
#endif
	fi
}
#endif

init
{
	byte g = 1;
	atomic {
		run Producer();
		run Taker();
#if NCANCEL > 0
		run Canceller(CANCELLER);
#endif
#if NCANCEL > 1
		run Canceller(CANCELLER + 1);
#endif
#ifdef CLOSER
		run Closer();
#endif
#if NREPLY > 0
		run Replier(REPLIER);
#endif
#if NREPLY > 1
		run Replier(REPLIER + 1);
#endif
#ifdef DUE
		run Due();
#endif
#ifdef STOP
		run Fate()
#endif
	}
	timeout ->
	/* At rest. */
	d_step {
		do
		:: g <= NG ->
			assert(!refused[g] || answered[g] == 0);
			/* with nobody stuck */
			if
			:: accepted[g] && !wedged && stopped == 0 &&
			    !(c_gen == g && (c_flags & DEFER) &&
				!(c_flags & FINISHED)) ->
				assert(answered[g] == 1);
				assert(freed[g]);
				assert(starts[g] == ends[g]);
				assert(starts[g] <= 1)
			:: else
			fi;
			/* with a closer, whoever is stuck */
			if
			:: accepted[g] && closed && stopped == 0 ->
				assert(answered[g] == 1);
				assert(starts[g] == ends[g] || bank == g)
			:: else
			fi;
			g++
		:: else -> break
		od;
		assert(home || wedged || stopped ||
		    ((c_flags & DEFER) && !(c_flags & REPLYING)))
	}
}
