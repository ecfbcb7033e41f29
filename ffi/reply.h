/*
 * How an answer reaches whoever asked: by callback, inbox, or waiting thread.
 *
 * Whoever won the right to answer (node.h: the FFI thread at its finish, a
 * deferred replier, a canceller, a closer, the runner of a hook) counts the
 * outcome first and then delivers, so that who has seen the answer sees it
 * counted.
 */
#ifndef FERRY_FFI_REPLY_H
#define FERRY_FFI_REPLY_H

#include "ffi/context.h"

static inline struct context *
ferry__reply_context(const struct node *n)
{
	/* Relaxed: whoever holds a token that turns out to be good has the
	 * binding by the push. */
	return atomp_load_relaxed(&n->home->context);
}

/* Counts an outcome from another thread than the FFI thread. */
void ferry__reply_count_elsewhere(struct context *c, enum outcome o);

/* An exact bound has room again: tells every home that wants some. */
void ferry__reply_tell_room(struct total *t);

/* The outcome of a started request with this status. */
static inline enum outcome
ferry__reply_outcome(int status)
{
	if (LIKELY(status == FERRY_OK))
		return ENDED_OK;
	return status == FERRY_ECANCELED ? ENDED_CANCELED : ENDED_ERROR;
}

/*
 * Ends a deferred call whose reply is in the node: counts, makes room, and
 * delivers. With a callback the FFI thread counts it, when it calls back:
 * until then the context has something running, and does not close.
 */
void ferry__reply_end_deferred(struct context *c, struct node *n);

/*
 * Hands the answer over: what is in the node, or what the flags of its claim
 * say if it was answered in its handler's place. Takes one reference with it.
 * A callback only on the FFI thread.
 */
void ferry__reply_deliver(struct context *c, struct node *n);

/* Drops a reference, and sends the node home if it was the last. */
void ferry__reply_drop(struct node *n);

/* FFI thread: runs the callback of an answered node, unless a closer has
 * counted it as not run, and drops the reference. Counts it as `outcome`, or
 * not at all: OUTCOMES. */
void ferry__reply_call_back(struct worker *w, struct context *c,
    struct node *n, enum outcome outcome);

/* The same for a deferred call whose reply has just been put into the node. */
void ferry__reply_call_back_deferred(struct worker *w, struct context *c,
    struct node *n, enum outcome outcome);

/*
 * For who has claimed a callback that the FFI thread will not run: counts it,
 * if asked to, or runs it here where that was asked for. Takes one reference
 * with it. On the closer's thread, or the submitter's.
 */
void ferry__reply_not_run(struct context *c, struct node *n, bool count);

/* What is left to do after a callback, also one that ended its thread. */
void ferry__reply_called_back(struct worker *w, struct node *n);

/* A reply that comes after a closer's, on a thread that is not the FFI thread;
 * all that it still held has been freed. Close waits for it. */
void ferry__reply_count_late(struct context *c);

/* Around an answer given on a thread that is not the FFI thread: close waits
 * for those in the middle of one. */
void ferry__reply_enter(struct context *c);
void ferry__reply_leave(struct context *c);

#endif
