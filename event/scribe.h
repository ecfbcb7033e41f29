/*
 * What the event thread leaves to others because it may take long, or for
 * ever: unwinding a stack (files, and malloc, which the thread that hangs may
 * be in; the loader is asked by trace_loader.h), and writing a report to a file
 * (on a disk that hangs).
 *
 * Owns: a thread that unwinds, and up to eight that write, each another file.
 * They come when there is something to do and go when there has been nothing
 * for half a second.
 *
 * A job of unwinding is its event thread's, in the scribe's hands from give
 * until its state says DONE. Neither waits for the other: a scribe that does
 * not come back costs that event thread its stacks, and nothing else.
 */
#ifndef FERRY_EVENT_SCRIBE_H
#define FERRY_EVENT_SCRIBE_H

#include "event/trace.h"
#include "ffi/pool.h"

enum scribe_state {
	SCRIBE_IDLE,
	SCRIBE_GIVEN, /* the scribe's */
	SCRIBE_DONE   /* `frames` are of `trace` */
};

struct scribe_job {
	struct pool_job job;
	atom32 state;              /* enum scribe_state */
	bool symbols;
	struct trace trace;
	struct frames frames;
	void (*done)(void *arg);   /* on the scribe's thread */
	void *arg;
};

/* False: there is no thread to be had; the job stays idle. */
bool ferry__scribe_give(struct scribe_job *j);

static inline bool
ferry__scribe_is(const struct scribe_job *j, enum scribe_state state)
{
	/* pair(scribe) acquire: the frames. */
	return atom32_load_acquire(&j->state) == (uint32_t)state;
}

/*
 * Appends text to a file, later; both are copied. What cannot be written is
 * counted in *failed, which is never freed. False: no memory, no thread, or too
 * many that wait, for this file or in all. *ticket is for await, and the
 * caller's: 0 before the first, and the same for all that are awaited together.
 */
bool ferry__scribe_append(uint64_t *ticket, const char *path,
    const char *text, size_t size, atom64 *failed);

/* Until everything with that ticket is written, or the deadline. */
void ferry__scribe_await(uint64_t ticket, uint64_t deadline_ns);

/* In a forked child: see ffi/forked.c. The second is the first's. */
void ferry__scribe_forked(void);
void ferry__scribe_files_forked(void);

#endif
