/*
 * What only the loader can tell, asked on a thread of its own, "ferry-loader":
 * a library that hangs in its constructor holds the loader's lock, and whoever
 * asks anything then waits as long as it does.
 *
 * Owns: that thread, which comes with a question and goes half a second after
 * it. A question is its asker's, in the thread's hands while it is out, and
 * static: nobody can tell when it comes back.
 */
#ifndef FERRY_EVENT_TRACE_LOADER_H
#define FERRY_EVENT_TRACE_LOADER_H

#include "ffi/pool.h"

/* Zeroed before it is asked for the first time. */
struct loader_question {
	struct pool_job job;
	void (*ask)(void);    /* on the loader's thread */
	uint64_t ticket;      /* 0: has not been asked */
	uint64_t deadline_ns; /* until then an answer is waited for */
};

/* Whether it has been asked and not answered. Only its one asker may rely on
 * that it is not. */
bool ferry__loader_is_out(struct loader_question *q);

/* Asks what is not out. False: no thread is to be had. */
bool ferry__loader_ask(struct loader_question *q);

/* Asks what has not been asked yet, by anybody. */
bool ferry__loader_ask_once(struct loader_question *q);

/* Waits for the answer to a question that has been asked, up to half a second
 * after it was. False: it is still out. */
bool ferry__loader_await(struct loader_question *q);

/* In a forked child, with one thread. Questions have a forked of their own:
 * what was out never comes back. */
void ferry__loader_forked(void);

#endif
