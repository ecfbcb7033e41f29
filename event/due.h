/*
 * What falls due while a request runs: STALE notices, and the deadlines of
 * deferred calls and of those that are to be cancelled late.
 *
 * Owns: a heap of (time, node, generation), private to the event thread. An
 * entry holds no reference: nodes are never freed, and one whose generation
 * has passed, or which has ended, is dropped when it falls due or when the
 * heap would have to grow.
 */
#ifndef FERRY_EVENT_DUE_H
#define FERRY_EVENT_DUE_H

#include "ffi/home.h"

struct due_entry {
	uint64_t at_ns;
	uint64_t stale_ns;    /* next STALE notice; OS_NEVER: none */
	uint64_t deadline_ns; /* OS_NEVER: none, or past */
	uint64_t generation;  /* claim >> 24 */
	uint64_t began_ns;    /* when it was taken in */
	struct node *node;
};

struct due {
	struct list intake;   /* nodes by stale_post; each holds a reference */
	struct link *waiting; /* taken in, but there was no memory */
	struct due_entry *heap;
	size_t count;
	size_t capacity;
};

void ferry__due_open(struct due *d);
void ferry__due_close(struct due *d);

/* FFI thread: watch this node. Adds a reference for the intake. */
void ferry__due_watch(struct due *d, struct node *n);

/* Event thread: takes in what is new and does what is due; expire() is
 * called with a node whose call has passed its deadline, and a reference
 * held. Returns when the next falls due, or OS_NEVER. */
uint64_t ferry__due_run(struct due *d, uint64_t now_ns,
    void (*expire)(struct node *n, uint64_t token));

#endif
